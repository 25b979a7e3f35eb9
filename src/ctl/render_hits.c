/*
 * render_hits: hits, the lines of watch, and what is known of a person.
 * SPDX-License-Identifier: ISC
 */
#include "ctl/render.h"

#include <string.h>

void render_hit_line(struct render *r, const json_t *h)
{
	const char *sender = render_text(r, h, "sender"), *subject = render_text(r, h, "subject");
	const char *corpus = render_text(r, h, "corpus_id"), *login = render_text(r, h, "login");
	const char *tag = render_text(r, h, "tag");

	(void)fprintf(r->to, "%s  %s%s%s%s%s%s", render_time(r, render_number(h, "time")), render_grade(r, h),
		*render_text(r, h, "trap") ? " to " : "", render_trap_id(r, h, "trap"), *tag ? " (" : "", tag,
		*tag ? ")" : "");
	(void)fprintf(r->to, ", from <%s>%s%s%s\n", sender, *subject ? ", \"" : "", subject, *subject ? "\"" : "");
	(void)fprintf(r->to, "         %s", render_host(r, render_text(r, h, "name"), render_text(r, h, "client")));
	if (json_object_get(h, "identity"))
		(void)fprintf(r->to, "  as %s", render_whom(r, h));
	if (*login)
		(void)fprintf(r->to, "  login %s", login);
	if (*render_text(r, h, "queue_id"))
		(void)fprintf(r->to, "  queue id %s", render_text(r, h, "queue_id"));
	if (*corpus)
		(void)fprintf(r->to, "  message %s", corpus);
	if (*render_text(r, h, "riders"))
		(void)fprintf(r->to, "  %s", render_text(r, h, "riders"));
	if (json_object_get(h, "counted") && !render_bool(h, "counted"))
		(void)fprintf(r->to, "  (not counted)");
	(void)fputc('\n', r->to);
}

/* time  event  text  key=value ... : whatever the engine says. */
void render_watch_line(struct render *r, const json_t *line)
{
	const char *key;
	json_t *v, *copy = json_deep_copy(line);

	(void)fprintf(r->to, "%s  %s", render_time(r, render_number(line, "time")), render_text(r, line, "event"));
	(void)json_object_del(copy, "time");
	(void)json_object_del(copy, "event");
	if (*render_text(r, line, "text"))
		(void)fprintf(r->to, "  %s", render_text(r, line, "text"));
	(void)json_object_del(copy, "text");
	json_object_foreach(copy, key, v)
	{
		if (strcmp(key, "trap") == 0)
			(void)fprintf(r->to, " trap=%s", render_trap_id(r, copy, key));
		else if (json_is_string(v) || json_is_integer(v))
			(void)fprintf(r->to, " %s=%s", key, render_text(r, copy, key));
		else if (json_is_real(v))
			(void)fprintf(r->to, " %s=%.1f", key, json_real_value(v));
		else if (json_is_boolean(v))
			(void)fprintf(r->to, " %s=%s", key, json_is_true(v) ? "yes" : "no");
	}
	json_decref(copy);
	(void)fputc('\n', r->to);
	(void)fflush(r->to);
}

static void print_section(struct render *r, const json_t *data, const char *key, const char *label)
{
	const json_t *list = json_object_get(data, key), *x;
	size_t i;

	if (!json_is_array(list))
		return;
	(void)fprintf(r->to, "%s: %zu\n", label, json_array_size(list));
	json_array_foreach(list, i, x)
	{
		if (strcmp(key, "hits") == 0) {
			render_hit_line(r, x);
			continue;
		}
		(void)fprintf(r->to, "%s  %s  <%s> -> <%s>", render_time(r, render_number(x, "time")),
			render_text(r, x, "client"), render_text(r, x, "sender"), render_text(r, x, "recipient"));
		if (*render_text(r, x, "case"))
			(void)fprintf(r->to, "  case %s", render_text(r, x, "case"));
		if (render_bool(x, "would"))
			(void)fprintf(r->to, "  (would be)");
		if (*render_text(r, x, "queue_id"))
			(void)fprintf(r->to, "  queue id %s", render_text(r, x, "queue_id"));
		(void)fputc('\n', r->to);
	}
}

void render_hits(struct render *r, const json_t *a)
{
	const json_t *hits = json_object_get(a, "hits"), *h;
	size_t i;

	json_array_foreach(hits, i, h) render_hit_line(r, h);
	if (json_array_size(hits) == 0)
		(void)fprintf(r->to, "no hits\n");
	print_section(r, a, "refusals", "good mail refused");
	render_cut(r, json_array_size(json_object_get(a, "refusals")), render_number(a, "refusals_total"));
}

void render_person(struct render *r, const json_t *a)
{
	const json_t *data = json_object_get(a, "data");

	if (!data)
		data = a;
	if (*render_text(r, a, "address"))
		(void)fprintf(r->to, "kept about %s\n", render_text(r, a, "address"));
	print_section(r, data, "hits", "hits");
	print_section(r, data, "refusals", "refusals");
	print_section(r, data, "accepted", "accepted mail");
	if (json_is_integer(json_object_get(data, "captured")))
		(void)fprintf(r->to, "captured messages: %s\n", render_grouped(r, render_number(data, "captured")));
	else
		(void)fprintf(r->to, "captured messages: not counted, the capture role is not there\n");
	(void)fprintf(r->to, "As a file for the person: --json. To delete: limetwig forget ADDRESS --note TEXT\n");
}

void render_forget(struct render *r, const json_t *a)
{
	const json_t *n = json_object_get(a, "removed");

	(void)fprintf(r->to, "removed: %s, %s, %s of accepted mail, %s\n",
		render_count(r, render_number(n, "hits"), "hit"),
		render_count(r, render_number(n, "refusals"), "refusal"),
		render_count(r, render_number(n, "accepted"), "record"),
		render_count(r, render_number(n, "corpus"), "captured message"));
	(void)fprintf(r->to, "Copies may be in backups and in Postfix's own logs.\n");
}
