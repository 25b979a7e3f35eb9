/*
 * content_type: tokens, quoted strings and comments; one pass.
 * SPDX-License-Identifier: ISC
 */
#include "core/content_type.h"

/* Blanks and (nested) comments off the front. */
static void skip_blank(struct slice *s)
{
	size_t depth = 0, i = 0;

	for (; i < s->n; i++) {
		char c = s->p[i];

		if (c == '(')
			depth++;
		else if (depth && c == ')')
			depth--;
		else if (depth && c == '\\' && i + 1 < s->n)
			i++;
		else if (!depth && c != ' ' && c != '\t' && c != '\r' && c != '\n')
			break;
	}
	*s = slice_from(*s, i);
}

static bool is_token(char c)
{
	return (unsigned char)c > ' ' && c != 127 && !strchr("()<>@,;:\\\"/[]?=", c);
}

/* to NULL: nobody needs it. */
static enum err put(char *to, size_t *n, char c)
{
	if (to && *n + 1 >= CONTENT_TYPE_TEXT)
		return ERR_LIMIT;
	if (to)
		to[*n] = c;
	(*n)++;
	return ERR_OK;
}

static enum err read_token(struct slice *s, char *to)
{
	enum err e = ERR_OK;
	size_t n = 0;

	while (s->n && is_token(s->p[0]) && e == ERR_OK) {
		e = put(to, &n, s->p[0]);
		*s = slice_from(*s, 1);
	}
	if (to)
		to[n] = '\0';
	return e != ERR_OK ? e : n ? ERR_OK : ERR_SYNTAX;
}

static enum err read_quoted(struct slice *s, char *to)
{
	size_t n = 0, i = 1;
	enum err e = ERR_OK;

	for (; i < s->n && s->p[i] != '"' && e == ERR_OK; i++) {
		if (s->p[i] == '\\' && i + 1 < s->n)
			i++;
		e = s->p[i] ? put(to, &n, s->p[i]) : ERR_SYNTAX;
	}
	if (to)
		to[n] = '\0';
	if (e == ERR_OK && i >= s->n)
		e = ERR_SYNTAX;
	*s = slice_from(*s, i + 1);
	return e;
}

static enum err read_value(struct slice *s, char *to)
{
	return s->n && s->p[0] == '"' ? read_quoted(s, to) : read_token(s, to);
}

static void lower(char *s)
{
	for (; *s; s++)
		*s = ascii_lower(*s);
}

static enum err read_type(struct slice *s, char to[CONTENT_TYPE_TEXT])
{
	char main[CONTENT_TYPE_TEXT], sub[CONTENT_TYPE_TEXT];
	size_t n;
	enum err e = read_token(s, main);

	if (e != ERR_OK)
		return e;
	skip_blank(s);
	if (!s->n || s->p[0] != '/')
		return ERR_SYNTAX;
	*s = slice_from(*s, 1);
	skip_blank(s);
	e = read_token(s, sub);
	if (e != ERR_OK)
		return e;
	n = strlen(main);
	if (n + 1 + strlen(sub) >= CONTENT_TYPE_TEXT)
		return ERR_LIMIT;
	memcpy(to, main, n);
	to[n] = '/';
	memcpy(to + n + 1, sub, strlen(sub) + 1);
	lower(to);
	return ERR_OK;
}

/* One "; name = value"; the slice stands behind the semicolon. */
static enum err read_parameter(struct slice *s, struct content_type *t)
{
	char name[CONTENT_TYPE_TEXT], value[CONTENT_TYPE_TEXT];
	char *to;
	enum err e;

	skip_blank(s);
	if (!s->n || s->p[0] == ';') /* "a/b;" and "a/b;; c=d" are common */
		return ERR_OK;
	e = read_token(s, name);
	if (e != ERR_OK)
		return e;
	skip_blank(s);
	if (!s->n || s->p[0] != '=')
		return ERR_SYNTAX;
	*s = slice_from(*s, 1);
	skip_blank(s);
	lower(name);
	to = strcmp(name, "boundary") == 0 ? t->boundary : strcmp(name, "report-type") == 0 ? t->report_type : NULL;
	e = read_value(s, to ? value : NULL);
	if (e != ERR_OK || !to)
		return e;
	if (to[0])
		return ERR_SYNTAX;
	memcpy(to, value, strlen(value) + 1);
	return ERR_OK;
}

enum err content_type_parse(struct slice s, struct content_type *ret)
{
	struct content_type t = { .type = "" };
	enum err e;

	skip_blank(&s);
	e = read_type(&s, t.type);
	while (e == ERR_OK) {
		skip_blank(&s);
		if (!s.n)
			break;
		if (s.p[0] != ';')
			return ERR_SYNTAX;
		s = slice_from(s, 1);
		e = read_parameter(&s, &t);
	}
	if (e != ERR_OK)
		return e;
	lower(t.report_type);
	*ret = t;
	return ERR_OK;
}
