/*
 * render_text: fields, times and numbers for people.
 * SPDX-License-Identifier: ISC
 */
#include "base/escape.h"
#include "base/num.h"
#include "core/grade.h"
#include "ctl/render.h"

#include <time.h>

/* escape_text is for log lines, where a quote would end a value; here it may stand. */
static void restore_quotes(char *s)
{
	char *to = s;

	while (*s) {
		bool is_quote = strncmp(s, "\\x22", 4) == 0;

		*to++ = is_quote ? '"' : *s;
		s += is_quote ? 4 : 1;
	}
	*to = '\0';
}

static char *take(struct render *r)
{
	return r->pool[r->next++ % RENDER_POOL];
}

const char *render_text(struct render *r, const json_t *o, const char *key)
{
	const json_t *v = json_object_get(o, key);
	char *to = take(r);

	to[0] = '\0';
	if (json_is_string(v))
		(void)escape_text(slice_of(json_string_value(v), json_string_length(v)), to, RENDER_TEXT);
	else if (json_is_integer(v))
		(void)snprintf(to, RENDER_TEXT, "%lld", (long long)json_integer_value(v));
	restore_quotes(to);
	return to;
}

uint64_t render_number(const json_t *o, const char *key)
{
	double v = json_number_value(json_object_get(o, key));
	json_int_t i = json_integer_value(json_object_get(o, key));

	if (i > 0)
		return (uint64_t)i;
	return v > 0 && v < 1e18 ? (uint64_t)v : 0;
}

double render_real(const json_t *o, const char *key)
{
	return json_number_value(json_object_get(o, key));
}

bool render_bool(const json_t *o, const char *key)
{
	return json_is_true(json_object_get(o, key));
}

const char *render_trap_id(struct render *r, const json_t *o, const char *key)
{
	const json_t *v = json_object_get(o, key);
	char *to;

	if (!json_is_integer(v))
		return render_text(r, o, key);
	to = take(r);
	(void)snprintf(to, RENDER_TEXT, "T-%lld", (long long)json_integer_value(v));
	return to;
}

const char *render_grade(struct render *r, const json_t *o)
{
	static const char *const words[GRADE_COUNT] = { "nothing", "probe", "bounce", "list message",
		"message, content unseen", "whole message", "message to the wrong MX", "own user's message",
		"message from an allowed host", "automatic reply" };
	const json_t *v = json_object_get(o, "grade");

	if (json_is_integer(v))
		return json_integer_value(v) < GRADE_COUNT && json_integer_value(v) >= 0 ? words[json_integer_value(v)]
											 : "?";
	for (int i = 0; i < GRADE_COUNT && json_is_string(v); i++)
		if (strcmp(grade_name((enum grade)i), json_string_value(v)) == 0)
			return words[i];
	return render_text(r, o, "grade");
}

const char *render_grouped(struct render *r, uint64_t v)
{
	char *to = take(r);

	return num_format_grouped(v, to);
}

const char *render_count(struct render *r, uint64_t n, const char *noun)
{
	const char *number = render_grouped(r, n);
	char *to = take(r);
	size_t len = strlen(noun);
	bool is_ies = len > 1 && noun[len - 1] == 'y' && !strchr("aeou", noun[len - 2]);

	if (n == 1)
		(void)snprintf(to, RENDER_TEXT, "1 %s", noun);
	else if (is_ies)
		(void)snprintf(to, RENDER_TEXT, "%s %.*sies", number, (int)len - 1, noun);
	else
		(void)snprintf(to, RENDER_TEXT, "%s %ss", number, noun);
	return to;
}

const char *render_time(struct render *r, uint64_t t)
{
	char *to = take(r);
	time_t then = (time_t)t, now = (time_t)r->now;
	struct tm tm, here;

	if (t == 0)
		return "never";
	if (t > UINT64_C(253402300799) || !gmtime_r(&then, &tm) || !gmtime_r(&now, &here))
		return "?";
	(void)strftime(
		to, RENDER_TEXT, tm.tm_year == here.tm_year ? "%a %e %b %H:%M UTC" : "%a %e %b %Y %H:%M UTC", &tm);
	return to;
}

const char *render_span(struct render *r, uint64_t s)
{
	char *to = take(r);
	const char *unit = "s";

	if (s >= 2 * 86400) {
		s = (s + 43200) / 86400;
		unit = "d";
	} else if (s >= 2 * 3600) {
		s = (s + 1800) / 3600;
		unit = "h";
	} else if (s >= 120) {
		s = (s + 30) / 60;
		unit = "min";
	}
	(void)snprintf(to, RENDER_TEXT, "%llu %s", (unsigned long long)s, unit);
	return to;
}

void render_cut(struct render *r, size_t n, uint64_t total)
{
	if (total > n)
		(void)fprintf(r->to, "%zu of %s shown (more: --limit N)\n", n, render_grouped(r, total));
}

const char *render_ordinal(struct render *r, uint64_t n)
{
	char *to = take(r);
	unsigned ten = (unsigned)(n / 10 % 10), one = (unsigned)(n % 10);
	const char *end = ten == 1 ? "th" : one == 1 ? "st" : one == 2 ? "nd" : one == 3 ? "rd" : "th";

	(void)snprintf(to, RENDER_TEXT, "%llu%s", (unsigned long long)n, end);
	return to;
}

const char *render_host(struct render *r, const char *name, const char *address)
{
	char *to;

	if (!*name || strcmp(name, "unknown") == 0 || strcmp(name, address) == 0)
		return address;
	to = take(r);
	(void)snprintf(to, RENDER_TEXT, "%s [%s]", name, address);
	return to;
}

const char *render_whom(struct render *r, const json_t *o)
{
	const json_t *who = json_object_get(o, "identity");
	char *to;

	if (!json_is_object(who))
		return render_host(r, render_text(r, o, "name"), render_text(r, o, "subject"));
	to = take(r);
	(void)snprintf(
		to, RENDER_TEXT, "%.230s at %.80s", render_text(r, who, "sender"), render_text(r, who, "provider"));
	return to;
}
