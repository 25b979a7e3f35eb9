/*
 * render_feed: feeds for people.
 * SPDX-License-Identifier: ISC
 */
#include "ctl/render.h"

#include <string.h>

#define NAME_WIDTH 16

/* Whom of ours it has, in one line; nothing where it has nobody. */
void render_collateral(struct render *r, const json_t *c, const char *before)
{
	static const char *const key[] = { "good", "own", "never", "shared" };
	static const char *const what[] = { "host", "own network", "entry", "entry" };
	static const char *const more[] = { " with good mail", "", " of tier never", " of tier shared" };

	for (size_t k = 0; k < sizeof key / sizeof key[0]; k++) {
		const json_t *o = json_object_get(c, key[k]), *list = json_object_get(o, "first"), *p;
		size_t i;

		if (!render_number(o, "count"))
			continue;
		(void)fprintf(r->to, "%s%s%s", before, render_count(r, render_number(o, "count"), what[k]), more[k]);
		if (k == 0)
			(void)fprintf(r->to, " (of %s)", render_grouped(r, render_number(c, "good_hosts")));
		json_array_foreach(list, i, p) if (json_is_string(p))(void)
			fprintf(r->to, "%s%s", i ? ", " : ": ", json_string_value(p));
		if (render_number(o, "count") > json_array_size(list))
			(void)fprintf(r->to, " ...");
		(void)fputc('\n', r->to);
	}
}

/* "8 min old" of the set that acts. */
static const char *age(struct render *r, const json_t *f, uint64_t now)
{
	uint64_t t = render_number(f, "fetched");

	return t && now >= t ? render_span(r, now - t) : "-";
}

static void print_row(struct render *r, const json_t *f, uint64_t now)
{
	const char *text = render_text(r, f, "text"), *state = render_text(r, f, "state");

	(void)fprintf(r->to, "%-*s %-7s %-9s %9s %11s %8s %9s %9s\n", NAME_WIDTH, render_text(r, f, "name"),
		render_text(r, f, "action"), state, age(r, f, now), render_grouped(r, render_number(f, "entries")),
		render_grouped(r, render_number(f, "refused")), render_grouped(r, render_number(f, "blocked")),
		render_grouped(r, render_number(f, "spared")));
	if (*text)
		(void)fprintf(r->to, "    %s\n", text);
	render_collateral(r, json_object_get(f, "collateral"), "    has ");
	if (strcmp(state, "held") != 0)
		return;
	if (render_number(f, "added") || render_number(f, "removed"))
		(void)fprintf(r->to, "    the change: %s addresses more, %s less\n",
			render_grouped(r, render_number(f, "added")), render_grouped(r, render_number(f, "removed")));
	render_collateral(r, json_object_get(f, "held_collateral"), "    the change has ");
	(void)fprintf(r->to, "    %s; to take the change: limetwig feed confirm %s\n",
		render_bool(f, "acts") ? "the last good list acts" : "until then it does nothing",
		render_text(r, f, "name"));
}

void render_feed_list(struct render *r, const json_t *a)
{
	const json_t *list = json_object_get(a, "feeds"), *f;
	uint64_t now = render_number(a, "now");
	size_t i;

	if (json_array_size(list) == 0) {
		(void)fprintf(
			r->to, "no feeds: a section feed \"NAME\" { source = ... } makes one (limetwig.conf(5))\n");
		return;
	}
	(void)fprintf(r->to, "%-*s %-7s %-9s %9s %11s %8s %9s %9s\n", NAME_WIDTH, "feed", "action", "state", "age",
		"entries", "refused", "blocked", "spared");
	json_array_foreach(list, i, f) print_row(r, f, now);
}

void render_feed_asked(struct render *r, const json_t *a)
{
	const json_t *list = json_object_get(a, "feeds"), *name;
	size_t i;

	json_array_foreach(list, i, name) if (json_is_string(name))(void)
		fprintf(r->to, "%s: asked for\n", json_string_value(name));
}

void render_feed_confirmed(struct render *r, const json_t *a)
{
	(void)fprintf(r->to, "%s: the change is taken\n", render_text(r, a, "feed"));
}

void render_listed(struct render *r, const json_t *list, const char *before, uint64_t now)
{
	const json_t *f;
	size_t i;

	json_array_foreach(list, i, f)
	{
		uint64_t t = render_number(f, "fetched");
		const char *does = render_text(r, f, "does");

		(void)fprintf(r->to, "%s%s has %s", i ? "         " : before, render_text(r, f, "feed"),
			render_text(r, f, "prefix"));
		if (t && now >= t)
			(void)fprintf(r->to, " (fetched %s ago)", render_span(r, now - t));
		if (strcmp(does, "scores") == 0)
			(void)fprintf(r->to, ": %.1f more at a hit", render_real(f, "weight"));
		else if (strcmp(does, "spares") == 0)
			(void)fprintf(r->to, ": spared, it sends good mail");
		else if (strcmp(does, "yields") == 0)
			(void)fprintf(r->to, ": the allow list wins");
		else
			(void)fprintf(r->to, ": %s", does);
		(void)fputc('\n', r->to);
		if (*render_text(r, f, "says"))
			(void)fprintf(r->to, "         it says: %s\n", render_text(r, f, "says"));
	}
}

void render_feed_find(struct render *r, const json_t *a)
{
	const json_t *list = json_object_get(a, "feeds");

	if (json_array_size(list) == 0)
		(void)fprintf(r->to, "%s: on no feed\n", render_text(r, a, "subject"));
	else
		render_listed(r, list, "listed   ", render_number(a, "now"));
}
