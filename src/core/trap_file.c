/*
 * trap_file: a line is a trap, then words. All places of words are kept, so
 * that an edit changes one word and leaves the rest of the line as it was.
 * SPDX-License-Identifier: ISC
 */
#include "core/trap_file.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/num.h"

#define LINE_MAX_BYTES 2000
#define PATTERN_MAX 256
#define DOMAIN_MAX 253
#define LABEL_MAX 63
#define WEIGHT_MIN 0.1f
#define WEIGHT_MAX 10.0f

struct reason {
	char *text;
	size_t size;
};

struct parsed {
	struct trap_line line;
	struct slice state_word; /* "state=x" of the input; p NULL: none */
	struct slice last_word;
	bool has_tag, has_weight, has_since;
};

static enum err say(const struct reason *r, enum err e, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

static enum err say(const struct reason *r, enum err e, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(r->text, r->size, fmt, ap);
	va_end(ap);
	return e;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* Cut the address off the front of *s: up to a blank that is not inside quotes. */
static struct slice cut_address(struct slice *s)
{
	struct slice word = *s;
	bool in_quotes = false;
	size_t i = 0;

	for (; i < s->n && (in_quotes || !is_blank(s->p[i])); i++) {
		if (s->p[i] == '"')
			in_quotes = !in_quotes;
		else if (s->p[i] == '\\' && i + 1 < s->n)
			i++;
	}
	*s = slice_from(*s, i);
	return slice_head(word, i);
}

/* Cut "/pattern/" off; *ret is what is between the slashes. False: no closing slash before a blank or the end. */
static bool cut_pattern(struct slice *s, struct slice *ret)
{
	size_t i = 1;

	for (; i < s->n && s->p[i] != '/'; i++)
		if (s->p[i] == '\\' && i + 1 < s->n)
			i++;
	if (i >= s->n || (i + 1 < s->n && !is_blank(s->p[i + 1])))
		return false;
	*ret = (struct slice){ s->p + 1, i - 1 };
	*s = slice_from(*s, i + 1);
	return true;
}

static bool is_domain_byte(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || (unsigned char)c >= 0x80;
}

/* Labels of lower-case letters, digits, - and _, or UTF-8. */
static bool is_domain(struct slice d)
{
	size_t label = 0;

	if (d.n == 0 || d.n > DOMAIN_MAX)
		return false;
	for (size_t i = 0; i < d.n; i++) {
		if (d.p[i] == '.' ? label == 0 : !is_domain_byte(d.p[i]))
			return false;
		label = d.p[i] == '.' ? 0 : label + 1;
		if (label > LABEL_MAX)
			return false;
	}
	return label > 0;
}

static enum err parse_exact(struct slice s, struct trap_line *t, const struct reason *r)
{
	enum err e = address_parse(s, &t->address);

	t->kind = TRAP_EXACT;
	if (e == ERR_LIMIT)
		return say(r, e, "address is too long");
	if (e != ERR_OK || t->address.local.n == 0)
		return say(r, ERR_SYNTAX, "not an address");
	if (t->address.domain.n == 0)
		return say(r, ERR_SYNTAX, "no domain: write user@domain, or @domain for a whole domain");
	if (slice_find(t->address.local, '@') < t->address.local.n) /* a quoted one too: two addresses are likelier */
		return say(r, ERR_SYNTAX, "more than one @: one trap a line");
	if (!is_domain(t->address.domain))
		return say(r, ERR_SYNTAX, "not a domain behind the @");
	return ERR_OK;
}

static enum err parse_domain(struct slice s, struct trap_line *t, const struct reason *r)
{
	struct address *a = &t->address;

	t->kind = TRAP_DOMAIN;
	if (s.n > 1 && s.p[s.n - 1] == '.')
		s.n--;
	if (s.n > DOMAIN_MAX + 1)
		return say(r, ERR_LIMIT, "domain is too long");
	for (size_t i = 0; i < s.n; i++)
		a->text[i] = ascii_lower(s.p[i]);
	a->text[s.n] = '\0';
	a->local = (struct slice){ a->text, 0 };
	a->domain = (struct slice){ a->text + 1, s.n - 1 };
	return is_domain(a->domain) ? ERR_OK : say(r, ERR_SYNTAX, "not a domain behind the @");
}

static enum err parse_pattern(struct slice *s, struct trap_line *t, const struct reason *r)
{
	t->kind = TRAP_PATTERN;
	if (!cut_pattern(s, &t->pattern))
		return say(r, ERR_SYNTAX, "a pattern ends in / and a blank (write \\/ for a slash inside)");
	if (t->pattern.n == 0)
		return say(r, ERR_SYNTAX, "empty pattern");
	return t->pattern.n > PATTERN_MAX ? say(r, ERR_LIMIT, "pattern is longer than %d bytes", PATTERN_MAX) : ERR_OK;
}

static enum err parse_trap(struct slice *s, struct trap_line *t, const struct reason *r)
{
	if (s->p[0] == '/')
		return parse_pattern(s, t, r);
	if (s->p[0] == '@')
		return parse_domain(cut_address(s), t, r);
	return parse_exact(cut_address(s), t, r);
}

static bool is_tag_byte(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
	       c == '.';
}

static enum err parse_tag(struct slice v, char tag[TRAP_TAG], const struct reason *r)
{
	if (v.n == 0 || v.n >= TRAP_TAG)
		return say(r, v.n ? ERR_LIMIT : ERR_SYNTAX, "tag: 1 to %d characters", TRAP_TAG - 1);
	for (size_t i = 0; i < v.n; i++)
		if (!is_tag_byte(v.p[i]))
			return say(r, ERR_SYNTAX, "tag: only letters, digits, - _ .");
	slice_copy(v, tag, TRAP_TAG);
	return ERR_OK;
}

/* Digits, and at most three behind a point: 0.1 .. 10 */
static enum err parse_weight(struct slice v, float *ret, const struct reason *r)
{
	size_t point = slice_find(v, '.');
	struct slice behind = slice_from(v, point + 1);
	uint64_t whole, part = 0, unit = 1;
	float weight;

	if (num_parse(slice_head(v, point), 10, &whole) != ERR_OK || behind.n > 3 ||
		(point < v.n && num_parse(behind, 999, &part) != ERR_OK))
		return say(r, ERR_SYNTAX, "weight: a number from 0.1 to 10");
	for (size_t i = 0; i < behind.n; i++)
		unit *= 10;
	weight = (float)whole + (float)part / (float)unit;
	if (weight < WEIGHT_MIN || weight > WEIGHT_MAX)
		return say(r, ERR_LIMIT, "weight: a number from 0.1 to 10");
	*ret = weight;
	return ERR_OK;
}

static enum err check_date(struct slice v, const struct reason *r)
{
	uint64_t year, month, day;

	if (v.n == 10 && v.p[4] == '-' && v.p[7] == '-' && num_parse(slice_head(v, 4), 9999, &year) == ERR_OK &&
		num_parse((struct slice){ v.p + 5, 2 }, 12, &month) == ERR_OK &&
		num_parse((struct slice){ v.p + 8, 2 }, 31, &day) == ERR_OK && month && day)
		return ERR_OK;
	return say(r, ERR_SYNTAX, "since: a date as 2026-01-31");
}

static enum err once(bool *has, const char *key, const struct reason *r)
{
	if (*has)
		return say(r, ERR_SYNTAX, "%s is given twice", key);
	*has = true;
	return ERR_OK;
}

static enum err parse_key(struct slice word, struct parsed *p, const struct reason *r)
{
	size_t sign = slice_find(word, '=');
	struct slice key = slice_head(word, sign), value = slice_from(word, sign + 1);
	bool has_state = p->state_word.p != NULL;
	enum err e;

	if (sign == word.n)
		return say(r, ERR_SYNTAX, "one trap a line; behind it only key=value and # comment");
	if (slice_eq(key, SLICE_LIT("tag"))) {
		e = once(&p->has_tag, "tag", r);
		return e == ERR_OK ? parse_tag(value, p->line.tag, r) : e;
	}
	if (slice_eq(key, SLICE_LIT("weight"))) {
		e = once(&p->has_weight, "weight", r);
		return e == ERR_OK ? parse_weight(value, &p->line.weight, r) : e;
	}
	if (slice_eq(key, SLICE_LIT("since"))) {
		e = once(&p->has_since, "since", r);
		return e == ERR_OK ? check_date(value, r) : e;
	}
	if (!slice_eq(key, SLICE_LIT("state")))
		return say(r, ERR_SYNTAX, "unknown key (known: tag, weight, state, since)");
	p->state_word = word;
	e = once(&has_state, "state", r);
	if (e == ERR_OK && !trap_state_parse(value, &p->line.state))
		e = say(r, ERR_SYNTAX, "state: watching, armed, suspended or retired");
	return e;
}

static bool has_control(struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if (((unsigned char)s.p[i] < 0x20 && s.p[i] != '\t') || s.p[i] == 0x7f)
			return true;
	return false;
}

static enum err parse_line(struct slice line, struct parsed *p, bool *any, const struct reason *r)
{
	struct slice s = slice_trim(line), word, start;
	enum err e;

	*any = s.n > 0 && s.p[0] != '#';
	if (!*any)
		return ERR_OK;
	if (s.n > LINE_MAX_BYTES)
		return say(r, ERR_LIMIT, "line is longer than %d bytes", LINE_MAX_BYTES);
	if (has_control(s))
		return say(r, ERR_SYNTAX, "control character in the line");
	p->line.weight = 1;
	start = s;
	e = parse_trap(&s, &p->line, r);
	p->last_word = slice_head(start, start.n - s.n);
	while (e == ERR_OK && slice_word(&s, &word) && word.p[0] != '#') {
		p->last_word = word;
		e = parse_key(word, p, r);
	}
	return e;
}

/* The slices of an address point into it: a plain copy of the struct would point into the old one. */
static void copy_line(const struct trap_line *from, struct trap_line *to)
{
	*to = *from;
	to->address.local = to->address.domain = (struct slice){ to->address.text, 0 };
	if (from->kind != TRAP_PATTERN)
		address_copy(&from->address, &to->address);
}

enum err trap_file_line(
	struct slice line, unsigned number, struct trap_line *ret, bool *ret_any, char *text, size_t text_size)
{
	struct parsed p = { 0 };
	struct reason r = { text, text_size };
	bool any;
	enum err e = parse_line(line, &p, &any, &r);

	if (e != ERR_OK)
		return e;
	p.line.number = number;
	if (any)
		copy_line(&p.line, ret);
	*ret_any = any;
	return ERR_OK;
}

static enum err print_local(struct slice local, struct buf *to)
{
	bool quoted = local.p[0] == '#' || local.p[0] == '/';
	enum err e = ERR_OK;

	for (size_t i = 0; i < local.n; i++)
		quoted |= !address_is_atom(local.p[i]);
	if (!quoted)
		return buf_add(to, local);
	e = buf_add_char(to, '"');
	for (size_t i = 0; i < local.n && e == ERR_OK; i++) {
		if (local.p[i] == '"' || local.p[i] == '\\')
			e = buf_add_char(to, '\\');
		if (e == ERR_OK)
			e = buf_add_char(to, local.p[i]);
	}
	return e == ERR_OK ? buf_add_char(to, '"') : e;
}

static enum err print_trap(const struct trap_line *t, struct buf *to)
{
	enum err e = ERR_OK;

	if (t->kind == TRAP_PATTERN)
		return buf_printf(to, "/%.*s/", SLICE_ARG(t->pattern));
	if (t->kind == TRAP_EXACT)
		e = print_local(t->address.local, to);
	return e == ERR_OK ? buf_printf(to, "@%.*s", SLICE_ARG(t->address.domain)) : e;
}

/* Three digits behind the point are all that a line can say. */
static enum err print_weight(float weight, struct buf *to)
{
	long thousandths = lroundf(weight * 1000);

	if (thousandths % 1000 == 0)
		return buf_printf(to, " weight=%ld", thousandths / 1000);
	if (thousandths % 100 == 0)
		return buf_printf(to, " weight=%ld.%ld", thousandths / 1000, thousandths / 100 % 10);
	return buf_printf(to, " weight=%ld.%03ld", thousandths / 1000, thousandths % 1000);
}

enum err trap_file_print(const struct trap_line *t, struct buf *to)
{
	size_t start = to->n;
	enum err e = print_trap(t, to);

	if (e == ERR_OK && t->tag[0])
		e = buf_printf(to, " tag=%s", t->tag);
	if (e == ERR_OK && lroundf(t->weight * 1000) != 1000)
		e = print_weight(t->weight, to);
	if (e == ERR_OK && t->state != TRAP_AUTO)
		e = buf_printf(to, " state=%s", trap_state_name(t->state));
	if (e != ERR_OK)
		to->n = start;
	return e;
}

static bool is_trap(const struct trap_line *t, struct slice trap)
{
	if (t->kind != TRAP_PATTERN)
		return slice_eq(slice_str(t->address.text), trap);
	return trap.n == t->pattern.n + 2 && trap.p[0] == '/' && trap.p[trap.n - 1] == '/' &&
	       slice_eq(t->pattern, (struct slice){ trap.p + 1, trap.n - 2 });
}

/* The line (with its end) again, the word of the state replaced, added behind the last word, or left out. */
static enum err print_changed(struct slice line, const struct parsed *p, enum trap_state state, struct buf *to)
{
	struct slice old = p->state_word;
	const char *end = line.p + line.n, *cut, *go_on;
	enum err e;

	if (old.p) {
		cut = old.p;
		go_on = old.p + old.n;
		while (is_blank(cut[-1])) /* a word stands behind a blank */
			cut--;
	} else {
		cut = go_on = p->last_word.p + p->last_word.n;
	}
	e = buf_add(to, slice_of(line.p, (size_t)(cut - line.p)));
	if (e == ERR_OK && state != TRAP_AUTO) {
		e = old.p ? buf_add(to, slice_of(cut, (size_t)(old.p - cut))) : buf_add_char(to, ' ');
		if (e == ERR_OK)
			e = buf_printf(to, "state=%s", trap_state_name(state));
	}
	return e == ERR_OK ? buf_add(to, slice_of(go_on, (size_t)(end - go_on))) : e;
}

enum err trap_file_edit(struct slice file, struct slice trap, bool remove, enum trap_state state, struct buf *to)
{
	size_t start = to->n;
	bool found = false;
	enum err e = ERR_OK;

	while (file.n && e == ERR_OK) {
		struct slice line = slice_head(file, slice_find(file, '\n') + 1);
		struct parsed p = { 0 };
		char text[128];
		struct reason r = { text, sizeof text };
		bool any;

		file = slice_from(file, line.n);
		if (parse_line(line, &p, &any, &r) != ERR_OK || !any || !is_trap(&p.line, trap)) {
			e = buf_add(to, line);
			continue;
		}
		found = true;
		if (!remove)
			e = print_changed(line, &p, state, to);
	}
	if (e == ERR_OK && !found)
		e = ERR_NOTFOUND;
	if (e != ERR_OK)
		to->n = start;
	return e;
}

const char *trap_state_name(enum trap_state s)
{
	static const char *const names[] = { "auto", "watching", "armed", "suspended", "retired" };

	return (unsigned)s < sizeof names / sizeof names[0] ? names[s] : "?";
}

bool trap_state_parse(struct slice s, enum trap_state *ret)
{
	for (unsigned i = TRAP_WATCHING; i <= TRAP_RETIRED; i++) {
		if (slice_eq(s, slice_str(trap_state_name((enum trap_state)i)))) {
			*ret = (enum trap_state)i;
			return true;
		}
	}
	return false;
}
