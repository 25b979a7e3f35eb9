/*
 * render_trap: traps.
 * SPDX-License-Identifier: ISC
 */
#include "core/grade.h"
#include "ctl/render.h"

#define TRAP_BAD_SHOWN 20

static uint64_t count_hits(const json_t *t, enum grade from, enum grade to)
{
	const json_t *hits = json_object_get(t, "hits");
	uint64_t n = 0;

	for (enum grade g = from; g <= to; g++)
		n += render_number(hits, grade_name(g));
	return n;
}

static void print_trap(struct render *r, const json_t *t)
{
	const char *text = render_text(r, t, "text"), *tag = render_text(r, t, "tag");

	(void)fprintf(r->to, "%-8s %-10s %-8s", render_trap_id(r, t, "id"), render_text(r, t, "state"),
		render_text(r, t, "kind"));
	(void)fprintf(r->to, " %6s messages %6s others  last %s",
		render_grouped(r, count_hits(t, GRADE_UNSEEN, GRADE_MISROUTED)),
		render_grouped(
			r, count_hits(t, GRADE_PROBE, GRADE_BULK) + count_hits(t, GRADE_AUTOMATIC, GRADE_AUTOMATIC)),
		render_time(r, render_number(t, "last_hit")));
	if (*tag)
		(void)fprintf(r->to, "  tag %s", tag);
	if (json_object_get(t, "weight") && (render_real(t, "weight") < 1 || render_real(t, "weight") > 1))
		(void)fprintf(r->to, "  weight %.1f", render_real(t, "weight"));
	(void)fprintf(r->to, "%s%s\n", *text ? "  " : "", text);
}

void render_trap_list(struct render *r, const json_t *a)
{
	const json_t *list = json_object_get(a, "traps"), *t;
	size_t i, n = json_array_size(list);

	json_array_foreach(list, i, t) print_trap(r, t);
	if (n == 0)
		(void)fprintf(r->to, "no traps\n");
	else
		render_cut(r, n, render_number(a, "total"));
	if (n && !r->is_reveal)
		(void)fprintf(r->to, "Addresses: --reveal, as root.\n");
}

void render_trap_find(struct render *r, const json_t *a, const char *address)
{
	const json_t *t = json_object_get(a, "trap");

	if (!render_bool(a, "found")) {
		(void)fprintf(r->to, "%s is no trap\n", address);
		return;
	}
	(void)fprintf(r->to, "%s is caught by\n", address);
	print_trap(r, t);
}

void render_trap_reload(struct render *r, const json_t *a)
{
	const json_t *bad = json_object_get(a, "bad"), *map = json_object_get(a, "map"), *b;
	size_t i;

	(void)fprintf(r->to, "in force: %s; alias map: %s added, %s removed\n",
		render_count(r, render_number(a, "traps"), "trap"), render_grouped(r, render_number(a, "added")),
		render_grouped(r, render_number(a, "removed")));
	json_array_foreach(bad, i, b)
	{
		if (i == TRAP_BAD_SHOWN) {
			(void)fprintf(r->to, "and %zu more bad lines\n", json_array_size(bad) - i);
			break;
		}
		(void)fprintf(r->to, "bad line %s:%llu: %s\n", render_text(r, b, "file"),
			(unsigned long long)render_number(b, "line"), render_text(r, b, "reason"));
	}
	if (json_is_object(map) && !render_bool(map, "ok"))
		(void)fprintf(r->to, "alias map NOT in force: %s\n", render_text(r, map, "text"));
}
