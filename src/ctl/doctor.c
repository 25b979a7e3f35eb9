/*
 * doctor: the list of findings and how it is shown.
 * SPDX-License-Identifier: ISC
 */
#include "ctl/doctor.h"

#include <stdarg.h>
#include <string.h>

#define DOCTOR_COLUMN 16 /* where texts begin */
#define DOCTOR_WIDTH 78

void doctor_init(struct doctor *d, const struct conf *conf)
{
	memset(d, 0, sizeof *d);
	d->conf = conf;
}

void doctor_add(struct doctor *d, enum doctor_level level, const char *name, const char *text, const char *means,
	const char *mend)
{
	struct doctor_item *i;

	if (d->count == DOCTOR_MAX) {
		d->lost++;
		return;
	}
	i = &d->item[d->count++];
	i->level = level;
	(void)snprintf(i->name, sizeof i->name, "%s", name);
	(void)snprintf(i->text, sizeof i->text, "%s", text);
	(void)snprintf(i->means, sizeof i->means, "%s", means ? means : "");
	(void)snprintf(i->mend, sizeof i->mend, "%s", mend ? mend : "");
}

void doctor_addf(struct doctor *d, enum doctor_level level, const char *name, const char *means, const char *mend,
	const char *fmt, ...)
{
	char text[DOCTOR_TEXT];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	doctor_add(d, level, name, text, means, mend);
}

const char *doctor_text(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

size_t doctor_count(const struct doctor *d, enum doctor_level level)
{
	size_t n = 0;

	for (size_t i = 0; i < d->count; i++)
		n += d->item[i].level == level;
	return n;
}

static const char *level_name(enum doctor_level l)
{
	static const char *const names[] = { "ok", "warn", "FAIL", "skip" };

	return names[l];
}

/* text, folded at blanks, each further line at the same column. */
static void print_folded(const char *text, FILE *to)
{
	size_t column = DOCTOR_COLUMN;

	for (const char *p = text; *p;) {
		size_t n = strcspn(p, " \n");

		if (column > DOCTOR_COLUMN && column + n + 1 > DOCTOR_WIDTH) {
			(void)fprintf(to, "\n%*s", DOCTOR_COLUMN, "");
			column = DOCTOR_COLUMN;
		} else if (column > DOCTOR_COLUMN) {
			(void)fputc(' ', to);
			column++;
		}
		(void)fwrite(p, 1, n, to);
		column += n;
		p += n;
		while (*p == ' ' || *p == '\n')
			p++;
	}
	(void)fputc('\n', to);
}

/* Is there an earlier finding of this name and level? */
static bool is_seen(const struct doctor *d, size_t at)
{
	for (size_t i = 0; i < at; i++)
		if (d->item[i].level == d->item[at].level && strcmp(d->item[i].name, d->item[at].name) == 0)
			return true;
	return false;
}

void doctor_print(const struct doctor *d, bool is_all, FILE *to)
{
	size_t shown = 0, warnings = doctor_count(d, DOCTOR_WARN);

	for (size_t i = 0; i < d->count; i++) {
		const struct doctor_item *it = &d->item[i];

		if (!is_all && it->level == DOCTOR_OK && is_seen(d, i))
			continue;
		shown++;
		(void)fprintf(to, "%-5s %-9s ", level_name(it->level), it->name);
		print_folded(it->text, to);
		if (it->means[0]) {
			(void)fprintf(to, "      %-9s ", "means");
			print_folded(it->means, to);
		}
		if (it->mend[0]) {
			(void)fprintf(to, "      %-9s ", "mend");
			print_folded(it->mend, to);
		}
	}
	if (d->lost)
		(void)fprintf(to, "%zu more findings are not kept\n", d->lost);
	(void)fprintf(to, "%zu of %zu shown: %zu ok, %zu warning%s, %zu FAILED, %zu skipped%s\n", shown, d->count,
		doctor_count(d, DOCTOR_OK), warnings, warnings == 1 ? "" : "s", doctor_count(d, DOCTOR_FAIL),
		doctor_count(d, DOCTOR_SKIP), shown < d->count ? "     (all: -v)" : "");
}

json_t *doctor_json(const struct doctor *d)
{
	static const char *const names[] = { "ok", "warn", "fail", "skip" };
	json_t *items = json_array();

	for (size_t i = 0; i < d->count; i++) {
		const struct doctor_item *it = &d->item[i];

		if (json_array_append_new(
			    items, json_pack("{s:s, s:s, s:s, s:s, s:s}", "level", names[it->level], "name", it->name,
					   "text", it->text, "means", it->means, "mend", it->mend)) != 0)
			break;
	}
	return json_pack("{s:b, s:o}", "ok", doctor_count(d, DOCTOR_FAIL) == 0, "items", items);
}
