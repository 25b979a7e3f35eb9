/*
 * command_trap_stats: what the traps of each tag have brought.
 * SPDX-License-Identifier: ISC
 */
#include <stdlib.h>
#include <string.h>

#include "core/grade.h"
#include "ctl/ctl.h"

#define STATS_TRAPS 10000 /* traps asked for, unless --limit says otherwise */
#define STATS_TAGS 1000

struct tag_sum {
	const char *tag; /* of the answer */
	uint64_t traps, armed, never, whole, probes, bounces, last;
};

struct sums {
	struct tag_sum *tag;
	size_t count;
	struct tag_sum all;
};

static void add_trap(struct tag_sum *s, const json_t *t)
{
	const json_t *hits = json_object_get(t, "hits");
	uint64_t last = render_number(t, "last_hit");
	const char *state = json_string_value(json_object_get(t, "state"));

	s->traps++;
	s->armed += state && strcmp(state, "armed") == 0;
	s->never += json_object_size(hits) == 0;
	s->whole += render_number(hits, grade_name(GRADE_CONFIRMED)) + render_number(hits, grade_name(GRADE_UNSEEN)) +
		    render_number(hits, grade_name(GRADE_BULK));
	s->probes += render_number(hits, grade_name(GRADE_PROBE));
	s->bounces +=
		render_number(hits, grade_name(GRADE_BACKSCATTER)) + render_number(hits, grade_name(GRADE_AUTOMATIC));
	if (last > s->last)
		s->last = last;
}

/* At the cap the rest has one row. */
static struct tag_sum *sum_of(struct sums *x, const char *tag)
{
	for (size_t i = 0; i < x->count; i++)
		if (strcmp(x->tag[i].tag, tag) == 0)
			return &x->tag[i];
	if (x->count == STATS_TAGS)
		return &x->tag[STATS_TAGS - 1];
	x->tag[x->count] = (struct tag_sum){ .tag = tag };
	return &x->tag[x->count++];
}

static int most_hits(const void *a, const void *b)
{
	const struct tag_sum *x = a, *y = b;

	if (x->whole != y->whole)
		return x->whole < y->whole ? 1 : -1;
	return strcmp(x->tag, y->tag);
}

static json_t *sum_json(const struct tag_sum *s)
{
	return json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "tag", s->tag, "traps", (json_int_t)s->traps,
		"armed", (json_int_t)s->armed, "never_hit", (json_int_t)s->never, "whole", (json_int_t)s->whole,
		"probes", (json_int_t)s->probes, "backscatter", (json_int_t)s->bounces, "last_hit",
		(json_int_t)s->last);
}

static void show_row(struct render *r, const char *name, const struct tag_sum *s)
{
	(void)fprintf(r->to, "%-24s %9s %9s %9s %9s %9s %9s  %s\n", *name ? name : "(no tag)",
		render_grouped(r, s->traps), render_grouped(r, s->armed), render_grouped(r, s->never),
		render_grouped(r, s->whole), render_grouped(r, s->probes), render_grouped(r, s->bounces),
		render_time(r, s->last));
}

static void show(struct ctl *c, const struct sums *x, uint64_t total)
{
	FILE *to = c->render.to;
	json_t *list, *answer;

	if (c->args.is_given[OPT_JSON]) {
		list = json_array();
		for (size_t i = 0; i < x->count; i++)
			(void)json_array_append_new(list, sum_json(&x->tag[i]));
		answer = json_pack("{s:b, s:o, s:I, s:I}", "ok", 1, "tags", list, "traps", (json_int_t)x->all.traps,
			"total", (json_int_t)total);
		(void)ctl_show_json(c, answer);
		json_decref(answer);
		return;
	}
	(void)fprintf(to, "%-24s %9s %9s %9s %9s %9s %9s  %s\n", "tag", "traps", "armed", "never hit", "messages",
		"probes", "bounces", "last hit");
	for (size_t i = 0; i < x->count; i++)
		show_row(&c->render, x->tag[i].tag, &x->tag[i]);
	show_row(&c->render, "all", &x->all);
	if (total > x->all.traps)
		(void)fprintf(to, "(the first %s of %s traps: --limit, --tag)\n",
			render_grouped(&c->render, x->all.traps), render_grouped(&c->render, total));
}

int command_trap_stats(struct ctl *c)
{
	json_t *q = ctl_request(c, "trap_list"), *answer = NULL;
	const json_t *t;
	struct sums x = { 0 };
	uint64_t limit;
	size_t i;
	int status;

	if (!ctl_number(c, OPT_LIMIT, STATS_TRAPS, &limit)) {
		json_decref(q);
		return CTL_USAGE;
	}
	ctl_request_text(q, "tag", c->args.value[OPT_TAG]);
	(void)json_object_set_new(q, "limit", json_integer((json_int_t)limit));
	status = ctl_ask(c, q, &answer);
	if (status != CTL_DONE)
		return status;
	x.tag = calloc(STATS_TAGS, sizeof *x.tag);
	json_array_foreach(json_object_get(answer, "traps"), i, t)
	{
		const char *tag = json_string_value(json_object_get(t, "tag"));

		if (x.tag)
			add_trap(sum_of(&x, tag ? tag : ""), t);
		add_trap(&x.all, t);
	}
	if (x.tag)
		qsort(x.tag, x.count, sizeof *x.tag, most_hits);
	show(c, &x, render_number(answer, "total"));
	free(x.tag);
	json_decref(answer);
	return CTL_DONE;
}
