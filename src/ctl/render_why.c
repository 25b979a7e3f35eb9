/*
 * render_why: the answer for the caller on the telephone.
 * SPDX-License-Identifier: ISC
 */
#include "core/case_id.h"
#include "ctl/render.h"

#include <string.h>

#define WHY_ITEMS 5 /* refusals and accepted mails shown of each */

static const char *headline(struct render *r, const json_t *m, const char *state)
{
	static const struct {
		const char *state, *word;
	} words[] = { { "active", "BLOCKED" }, { "lifted", "LIFTED" }, { "expired", "EXPIRED" }, { "held", "HELD" },
		{ "would", "WOULD BE BLOCKED" } };

	if (*render_text(r, m, "title"))
		return render_text(r, m, "title");
	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
		if (strcmp(words[i].state, state) == 0)
			return words[i].word;
	return "NOT BLOCKED";
}

static void print_until(struct render *r, const json_t *b, const char *state)
{
	uint64_t until = render_number(b, "until"), lifted = render_number(b, "lifted_at");
	bool is_live = strcmp(state, "active") == 0 || strcmp(state, "would") == 0 || strcmp(state, "held") == 0;

	if (lifted) {
		(void)fprintf(r->to, "lifted   %s by %s", render_time(r, lifted), render_text(r, b, "by"));
		if (*render_text(r, b, "note"))
			(void)fprintf(r->to, ": \"%s\"", render_text(r, b, "note"));
		(void)fputc('\n', r->to);
	}
	(void)fprintf(r->to, "%s %s", is_live ? "until   " : "was until", render_time(r, until));
	if (is_live && until > r->now)
		(void)fprintf(r->to, " (%s left)", render_span(r, until - r->now));
	(void)fprintf(r->to, ", %s offence, since %s\n", render_ordinal(r, render_number(b, "offence")),
		render_time(r, render_number(b, "since")));
	if (render_number(b, "pardon_until") > r->now)
		(void)fprintf(
			r->to, "pardon   no new block until %s\n", render_time(r, render_number(b, "pardon_until")));
}

static void print_hits(struct render *r, const json_t *m)
{
	const json_t *hits = json_object_get(m, "hits"), *h;
	size_t i;

	json_array_foreach(hits, i, h)
	{
		if (i == WHY_ITEMS) {
			(void)fprintf(r->to, "         and %zu more: limetwig hits %s\n", json_array_size(hits) - i,
				json_object_get(m, "identity")
					? render_text(r, json_object_get(m, "identity"), "sender")
					: render_text(r, m, "subject"));
			break;
		}
		(void)fprintf(r->to, "%s", i ? "         " : "because  ");
		render_hit_line(r, h);
	}
}

/* Which tier, and who put it there. */
static const char *source_words(struct render *r, const json_t *allow)
{
	const char *tier = render_text(r, allow, "tier"), *source = render_text(r, allow, "source");
	static const char *const words[][3] = { { "never", "file", "never block, a file" },
		{ "never", "command", "never block, by command" }, { "shared", "file", "shared, a file" } };

	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
		if (strcmp(tier, words[i][0]) == 0 && strcmp(source, words[i][1]) == 0)
			return words[i][2];
	return source;
}

static void print_score(struct render *r, const json_t *m)
{
	const json_t *allow = json_object_get(m, "allow");
	double good = render_real(m, "good");

	if (json_object_get(m, "need")) {
		(void)fprintf(
			r->to, "score    %.1f of %.1f; good mail: ", render_real(m, "score"), render_real(m, "need"));
		if (good > 0)
			(void)fprintf(r->to, "%.1f", good);
		else
			(void)fprintf(r->to, "none");
		(void)fprintf(r->to, "%s\n",
			json_is_object(allow) || json_object_get(m, "identity") ? "" : "; on no allow list");
	}
	if (json_is_object(allow))
		(void)fprintf(r->to, "allowed  by %s (%s)%s%s\n", render_text(r, allow, "prefix"),
			source_words(r, allow), *render_text(r, allow, "note") ? ": " : "",
			render_text(r, allow, "note"));
}

static void print_refusals(struct render *r, const json_t *m)
{
	const json_t *ref = json_object_get(m, "refusals"), *items = json_object_get(ref, "items"), *x;
	size_t i;

	if (render_number(ref, "count"))
		(void)fprintf(r->to, "refused  %s; last %s\n", render_count(r, render_number(ref, "count"), "try"),
			render_time(r, render_number(ref, "last")));
	json_array_foreach(items, i, x)
	{
		if (i == WHY_ITEMS)
			break;
		(void)fprintf(r->to, "         %s  %s%llu  <%s> -> <%s>", render_time(r, render_number(x, "time")),
			render_bool(x, "would") ? "would be " : "", (unsigned long long)render_number(x, "code"),
			render_text(r, x, "sender"), render_text(r, x, "recipient"));
		if (*render_text(r, x, "case"))
			(void)fprintf(r->to, "  case %s", render_text(r, x, "case"));
		(void)fputc('\n', r->to);
	}
}

/* At our own SMTP server, to which the firewall leads him. */
static void print_answered(struct render *r, const json_t *b)
{
	if (!render_number(b, "answered"))
		return;
	(void)fprintf(
		r->to, "answered %s by our own server", render_count(r, render_number(b, "answered"), "connection"));
	if (render_number(b, "held_s"))
		(void)fprintf(r->to, ", held %s in all", render_span(r, render_number(b, "held_s")));
	(void)fputc('\n', r->to);
}

static void print_accepted(struct render *r, const json_t *m)
{
	const json_t *list = json_object_get(m, "accepted"), *x;
	size_t i;

	json_array_foreach(list, i, x)
	{
		if (i == WHY_ITEMS)
			break;
		(void)fprintf(r->to, "%s%s  <%s> -> <%s>  queue id %s\n", i ? "         " : "accepted ",
			render_time(r, render_number(x, "time")), render_text(r, x, "sender"),
			render_text(r, x, "recipient"), render_text(r, x, "queue_id"));
	}
}

/* What to do, and what to tell the caller. */
static void print_advice(struct render *r, const json_t *m, const char *state, const char *id)
{
	const json_t *layers = json_object_get(m, "layers");
	const char *subject = render_text(r, m, "subject");

	if (layers)
		(void)fprintf(r->to, "layers   policy %s, firewall %s\n", render_bool(layers, "policy") ? "yes" : "no",
			render_bool(layers, "firewall") ? "yes" : "no");
	if (strcmp(state, "active") == 0 || strcmp(state, "would") == 0) {
		(void)fprintf(r->to, "lift     limetwig block remove %s --note TEXT    now, with a pardon\n", id);
		if (!json_object_get(m, "identity"))
			(void)fprintf(r->to, "         limetwig allow add %s --for 90d --note TEXT\n", subject);
	} else if (strcmp(state, "held") == 0) {
		(void)fprintf(r->to, "decide   limetwig block confirm %s --note TEXT, or block remove %s\n", id, id);
	} else if (strcmp(state, "lifted") == 0) {
		(void)fprintf(r->to,
			"SAY      \"Your list holds addresses that have been dead for years. You are open again.\n"
			"         Please remove addresses that never answered.\"\n");
	}
}

/* A host that is never blocked, and who of its users is. */
static void print_shared(struct render *r, const json_t *m)
{
	const json_t *shared = json_object_get(m, "shared"), *list = json_object_get(shared, "senders"), *x;
	uint64_t n = render_number(shared, "blocked");
	size_t i;

	if (!json_is_object(shared))
		return;
	(void)fprintf(r->to, "mx of %s: shared, never blocked by address; %s %s there %s blocked\n",
		render_text(r, shared, "provider"), n ? render_grouped(r, n) : "no", n == 1 ? "sender" : "senders",
		n == 1 ? "is" : "are");
	json_array_foreach(list, i, x)
	{
		if (i == WHY_ITEMS)
			break;
		(void)fprintf(r->to, "         %s  case %s, until %s\n", render_whom(r, x), render_text(r, x, "case"),
			render_time(r, render_number(x, "until")));
	}
}

static void print_match(struct render *r, const json_t *m)
{
	const json_t *b = json_object_get(m, "block");
	const char *host = render_whom(r, m);
	char state[16], id[16];

	(void)snprintf(state, sizeof state, "%.15s", render_text(r, b, "state"));
	(void)snprintf(id, sizeof id, "%.15s", render_text(r, b, "case"));
	(void)fprintf(r->to, "%-8s %s", headline(r, m, state), host);
	if (*id)
		(void)fprintf(r->to, "    case %s", id);
	(void)fputc('\n', r->to);
	print_shared(r, m);
	if (json_is_object(b))
		print_until(r, b, state);
	if ((json_array_size(json_object_get(m, "hits")) == 0 || strcmp(state, "held") == 0) &&
		*render_text(r, b, "note") && !render_number(b, "lifted_at"))
		(void)fprintf(r->to, "because  %s says: \"%s\"\n", render_text(r, b, "by"), render_text(r, b, "note"));
	render_listed(r, json_object_get(m, "feeds"), "listed   ", r->now);
	print_hits(r, m);
	print_score(r, m);
	print_refusals(r, m);
	print_answered(r, b);
	print_accepted(r, m);
	print_advice(r, m, state, id);
}

/* A case id that was misheard must not read as "not ours". */
static const char *nothing_text(const char *what)
{
	char id[CASE_ID_TEXT];
	size_t n = strlen(what);

	if (what[strcspn(what, ".:@")])
		return "nothing is known here. NOT limetwig: look in the mail log.";
	if (case_id_parse(slice_str(what), id) == ERR_OK)
		return "a case, but not of this server, or forgotten by now.";
	if (n >= 7 && n <= 9 && (strchr(what, '-') || what[strcspn(what, "23456789")]))
		return "no case id: is every character right? The last one does not fit the others.";
	return "neither an address nor a case, a host or a sender: write NAME@DOMAIN.";
}

void render_why(struct render *r, const json_t *a)
{
	const json_t *list = json_object_get(a, "matches"), *m;
	size_t i;

	json_array_foreach(list, i, m)
	{
		if (i)
			(void)fputc('\n', r->to);
		print_match(r, m);
	}
	if (json_array_size(list) == 0)
		(void)fprintf(r->to, "%s: %s\n", render_text(r, a, "what"), nothing_text(render_text(r, a, "what")));
}
