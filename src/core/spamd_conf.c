/*
 * spamd_conf: records are joined lines; their fields are cut at colons outside
 * quotes and looked at raw; only what is kept is decoded.
 * SPDX-License-Identifier: ISC
 */
#include "core/spamd_conf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define BLANKS " \t\r\n"
#define NAME_ARG(s) (int)((s).n < 40 ? (s).n : 40), (s).p /* for %.*s */

struct record {
	struct slice name, fields; /* fields: behind the first colon */
	struct spamd_list list;    /* once `all` has named it: has a name */
	unsigned line;
};

struct parse {
	struct record record[SPAMD_CONF_RECORDS];
	size_t records;
	struct buf joined; /* the file without comments, a record a line */
	char *text;        /* where decoded strings go */
	size_t used;
	unsigned line;
	char *reason;
};

static enum err wrong(struct parse *p, unsigned line, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
static enum err wrong(struct parse *p, unsigned line, const char *fmt, ...)
{
	va_list ap;

	p->line = line;
	va_start(ap, fmt);
	(void)vsnprintf(p->reason, SPAMD_CONF_REASON, fmt, ap);
	va_end(ap);
	return ERR_SYNTAX;
}

/* ---- records */

/* Up to and with the line that does not end in a backslash; comment lines between are left out. */
static enum err join_record(struct parse *p, struct slice *rest, struct slice first, unsigned *number)
{
	struct slice line = first;

	for (;;) {
		bool is_more = line.n && line.p[line.n - 1] == '\\';
		enum err e = buf_add(&p->joined, slice_head(line, line.n - is_more));

		if (e != ERR_OK || !is_more)
			return e;
		do {
			if (!slice_line(rest, &line))
				return ERR_OK;
			++*number;
		} while (line.n && line.p[0] == '#');
	}
}

static enum err read_records(struct parse *p, struct slice text)
{
	struct slice line, s;
	unsigned number = 0;

	while (slice_line(&text, &line)) {
		size_t at = p->joined.n, colon;
		unsigned begin = ++number;
		enum err e;

		if (line.n == 0 || strchr("#" BLANKS ":", line.p[0]))
			continue;
		e = join_record(p, &text, line, &number);
		if (e != ERR_OK)
			return e;
		if (p->records == SPAMD_CONF_RECORDS)
			return ERR_LIMIT;
		s = slice_from(buf_slice(&p->joined), at);
		colon = slice_find(s, ':');
		if (colon == s.n)
			return wrong(p, begin, "%.*s: no colon behind the name", NAME_ARG(s));
		/* "name|other name": the first; buf_reserve has made sure that nothing moves */
		p->record[p->records++] =
			(struct record){ .name = slice_trim(slice_head(slice_head(s, colon), slice_find(s, '|'))),
				.fields = slice_from(s, colon + 1),
				.line = begin };
	}
	return ERR_OK;
}

static struct record *find_record(struct parse *p, struct slice name)
{
	for (size_t i = 0; i < p->records; i++)
		if (slice_eq(p->record[i].name, name))
			return &p->record[i];
	return NULL;
}

/* ---- fields */

/* Cut the next field off the front; colons between quotes are part of it. */
static bool next_field(struct slice *s, struct slice *ret)
{
	bool is_quoted = false;
	size_t i = 0;

	if (s->n == 0)
		return false;
	for (; i < s->n && (is_quoted || s->p[i] != ':'); i++)
		if (s->p[i] == '"' && (i == 0 || s->p[i - 1] != '\\'))
			is_quoted = !is_quoted;
	*ret = slice_head(*s, i);
	*s = slice_from(*s, i + 1);
	return true;
}

/* "name=value"; false: no such field. As getcap does, the first one counts. */
static bool find_value(const struct record *r, struct slice name, struct slice *ret)
{
	struct slice rest = r->fields, field;

	while (next_field(&rest, &field)) {
		struct slice f = slice_trim(field);

		if (slice_starts(f, name) && f.n > name.n && f.p[name.n] == '=') {
			*ret = slice_from(f, name.n + 1);
			return true;
		}
	}
	return false;
}

static bool has_flag(const struct record *r, struct slice name)
{
	struct slice rest = r->fields, field;

	while (next_field(&rest, &field))
		if (slice_eq(slice_trim(field), name))
			return true;
	return false;
}

/* ---- values */

/* What stands behind a backslash; *i is moved onto its last byte. */
static char escaped(struct slice s, size_t *i)
{
	static const char from[] = "bBtTnNfFrReEcC", to[] = "\b\b\t\t\n\n\f\f\r\r\033\033::";
	const char *at = s.p[*i] ? strchr(from, s.p[*i]) : NULL;
	unsigned v = 0;

	if (at)
		return to[at - from];
	if (s.p[*i] < '0' || s.p[*i] > '7')
		return s.p[*i];
	for (unsigned k = 0; k < 3 && *i < s.n && s.p[*i] >= '0' && s.p[*i] <= '7'; k++)
		v = v * 8 + (unsigned)(s.p[(*i)++] - '0');
	--*i;
	return (char)(v & 0xff);
}

/* Decoded, as a string of its own; what decodes to NUL is left out. Never longer than what stood there. */
static const char *keep(struct parse *p, struct slice s)
{
	char *begin = p->text + p->used, *to = begin;

	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (c == '\\' && i + 1 < s.n) {
			i++;
			c = escaped(s, &i);
		} else if (c == '^' && i + 1 < s.n) {
			c = (char)(s.p[++i] & 0x1f);
		}
		if (c)
			*to++ = c;
	}
	*to++ = '\0';
	p->used += (size_t)(to - begin);
	return begin;
}

static bool method_parse(struct slice s, enum spamd_method *ret)
{
	static const char *const names[] = { "file", "http", "https", "ftp", "exec" };

	for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++) {
		if (slice_eq(s, slice_str(names[i]))) {
			*ret = (enum spamd_method)i;
			return true;
		}
	}
	return false;
}

static enum err take_message(struct parse *p, const struct record *r, struct spamd_list *l)
{
	struct slice v;

	if (!find_value(r, SLICE_LIT("msg"), &v) || v.n == 0)
		return wrong(p, r->line, "%.*s: a black list needs msg", NAME_ARG(r->name));
	l->is_msg_file = v.p[0] != '"';
	if (!l->is_msg_file) {
		v = slice_from(v, 1);
		if (v.n && v.p[v.n - 1] == '"')
			v = slice_head(v, v.n - 1);
	}
	l->msg = keep(p, v);
	return ERR_OK;
}

static enum err read_list(struct parse *p, struct record *r)
{
	struct spamd_list *l = &r->list;
	struct slice v;

	*l = (struct spamd_list){ .line = r->line, .is_black = has_flag(r, SLICE_LIT("black")) };
	if (l->is_black == has_flag(r, SLICE_LIT("white")))
		return wrong(p, r->line, "%.*s: needs one of black and white", NAME_ARG(r->name));
	if (find_value(r, SLICE_LIT("tc"), &v))
		return wrong(p, r->line, "%.*s: tc= is not understood", NAME_ARG(r->name));
	if (find_value(r, SLICE_LIT("method"), &v) && !method_parse(v, &l->method))
		return wrong(p, r->line, "%.*s: method is none of file, http, https, ftp, exec", NAME_ARG(r->name));
	if (!find_value(r, SLICE_LIT("file"), &v) || v.n == 0)
		return wrong(p, r->line, "%.*s: needs file", NAME_ARG(r->name));
	l->name = keep(p, r->name);
	l->file = keep(p, v);
	return l->is_black ? take_message(p, r, l) : ERR_OK;
}

static enum err take_list(struct parse *p, struct slice name, unsigned line, struct spamd_list *ret)
{
	struct record *r = find_record(p, name);
	enum err e = ERR_OK;

	if (!r)
		return wrong(p, line, "`all` names %.*s, and there is no such list", NAME_ARG(name));
	if (!r->list.name)
		e = read_list(p, r);
	if (e == ERR_OK)
		*ret = r->list;
	return e;
}

/* Names stand between colons, blanks and tabs. */
static bool next_name(struct slice *s, struct slice *ret)
{
	size_t n = 0;

	while (s->n && strchr(":" BLANKS, s->p[0]))
		*s = slice_from(*s, 1);
	while (n < s->n && !strchr(":" BLANKS, s->p[n]))
		n++;
	*ret = slice_head(*s, n);
	*s = slice_from(*s, n);
	return n > 0;
}

static enum err take_lists(struct parse *p, struct spamd_conf *ret)
{
	const struct record *all = find_record(p, SLICE_LIT("all"));
	struct slice rest, name;
	size_t count = 0;

	if (!all)
		return wrong(p, 0, "there is no record `all`");
	rest = all->fields;
	while (next_name(&rest, &name))
		if (++count > SPAMD_CONF_LISTS)
			return ERR_LIMIT;
	ret->list = calloc(count + 1, sizeof *ret->list);
	ret->text = p->text = malloc(p->joined.n + 3 * SPAMD_CONF_RECORDS);
	if (!ret->list || !ret->text)
		return ERR_NOMEM;
	rest = all->fields;
	while (next_name(&rest, &name)) {
		enum err e = take_list(p, name, all->line, &ret->list[ret->count]);

		if (e != ERR_OK)
			return e;
		if (ret->count == 0 && !ret->list[0].is_black)
			return wrong(p, all->line,
				"`all` begins with %.*s, a white list: there is nothing to take it from",
				NAME_ARG(name));
		ret->count++;
	}
	return ERR_OK;
}

enum err spamd_conf_parse(
	struct slice text, struct spamd_conf *ret, unsigned *ret_line, char ret_reason[SPAMD_CONF_REASON])
{
	struct spamd_conf c = { 0 };
	struct parse *p;
	enum err e;

	if (text.n > SPAMD_CONF_BYTES)
		return ERR_LIMIT;
	p = calloc(1, sizeof *p);
	if (!p)
		return ERR_NOMEM;
	p->reason = ret_reason;
	buf_init(&p->joined, text.n + 1);
	e = buf_reserve(&p->joined, text.n + 1);
	if (e == ERR_OK)
		e = read_records(p, text);
	if (e == ERR_OK)
		e = take_lists(p, &c);
	if (e == ERR_OK)
		*ret = c;
	else
		spamd_conf_done(&c);
	*ret_line = p->line;
	buf_done(&p->joined);
	free(p);
	return e;
}

void spamd_conf_done(struct spamd_conf *c)
{
	free(c->list);
	free(c->text);
	*c = (struct spamd_conf){ 0 };
}
