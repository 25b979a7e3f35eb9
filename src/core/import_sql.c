/*
 * import_sql: the dump of policyd v1's table spamtrap, as mysqldump writes it:
 *   INSERT INTO `spamtrap` VALUES ('a@b.example',1),('c@d.example',0);
 * with or without a list of columns (_rcpt, _active). All else is passed over.
 * SPDX-License-Identifier: ISC
 */
#include "core/import_private.h"

#define FIELDS 8
#define FIELD 512

struct sql {
	struct slice rest;
	unsigned line;
};

static void skip(struct sql *s, size_t n)
{
	for (size_t i = 0; i < n && i < s->rest.n; i++)
		s->line += s->rest.p[i] == '\n';
	s->rest = slice_from(s->rest, n);
}

static void blanks(struct sql *s)
{
	size_t n = 0;

	while (n < s->rest.n && strchr(" \t\r\n", s->rest.p[n]) && s->rest.p[n])
		n++;
	skip(s, n);
}

static bool take(struct sql *s, char c)
{
	blanks(s);
	if (s->rest.n == 0 || s->rest.p[0] != c)
		return false;
	skip(s, 1);
	return true;
}

/* A word, also in backquotes; "" when there is none. */
static struct slice name_take(struct sql *s)
{
	bool is_quoted = take(s, '`');
	size_t n = 0;
	struct slice name;

	while (n < s->rest.n &&
		(s->rest.p[n] == '_' || (ascii_lower(s->rest.p[n]) >= 'a' && ascii_lower(s->rest.p[n]) <= 'z')))
		n++;
	name = slice_head(s->rest, n);
	skip(s, n);
	if (is_quoted && !take(s, '`'))
		name.n = 0;
	return name;
}

static bool word_take(struct sql *s, const char *word)
{
	struct sql at = *s;

	blanks(&at);
	if (!slice_eq_nocase(name_take(&at), slice_str(word)))
		return false;
	*s = at;
	return true;
}

/* 'text' or a number or NULL. False: neither. What is too long is cut, and so no address. */
static bool value_take(struct sql *s, char to[FIELD])
{
	bool is_quoted = take(s, '\'');
	size_t i = 0, n = 0;

	for (; i < s->rest.n; i++) {
		char c = s->rest.p[i];

		if (!is_quoted && strchr(",) \t\r\n", c))
			break;
		if (is_quoted && c == '\\' && i + 1 < s->rest.n)
			c = s->rest.p[++i];
		else if (is_quoted && c == '\'' && i + 1 < s->rest.n && s->rest.p[i + 1] == '\'')
			i++;
		else if (is_quoted && c == '\'')
			break;
		if (n + 1 < FIELD)
			to[n++] = c;
	}
	to[n] = '\0';
	if (is_quoted && i == s->rest.n)
		return false;
	skip(s, i + (is_quoted ? 1 : 0));
	return is_quoted || n > 0;
}

/* Which of the columns is the address, which says whether it is active. */
static bool columns_take(struct sql *s, unsigned *rcpt, unsigned *active)
{
	*rcpt = 0;
	*active = 1;
	if (!take(s, '('))
		return true;
	*rcpt = *active = FIELDS;
	for (unsigned i = 0; i < FIELDS; i++) {
		struct slice name = name_take(s);

		if (slice_eq_nocase(name, SLICE_LIT("_rcpt")))
			*rcpt = i;
		else if (slice_eq_nocase(name, SLICE_LIT("_active")))
			*active = i;
		if (!take(s, ','))
			break;
	}
	return take(s, ')') && *rcpt < FIELDS;
}

/* "(…)": one row. False: malformed. */
static bool row_take(struct import *im, struct sql *s, unsigned rcpt, unsigned active, enum err *ret)
{
	char field[FIELDS][FIELD];
	unsigned n = 0;

	if (!take(s, '('))
		return false;
	im->line = s->line;
	do {
		if (n == FIELDS || !value_take(s, field[n++]))
			return false;
	} while (take(s, ','));
	if (!take(s, ')') || rcpt >= n)
		return false;
	if (!strchr(field[rcpt], '@'))
		*ret = import_refuse(im, "not an address");
	else
		*ret = import_add(im, slice_str(field[rcpt]),
			active < n && strcmp(field[active], "0") == 0 ? " state=watching" : "");
	return true;
}

/* Behind "INSERT": of our table, all rows; else nothing is taken. */
static enum err insert_take(struct import *im, struct sql *s)
{
	unsigned rcpt, active;
	enum err e = ERR_OK;

	(void)word_take(s, "IGNORE");
	if (!word_take(s, "INTO") || !word_take(s, "spamtrap"))
		return ERR_OK;
	im->line = s->line;
	if (!columns_take(s, &rcpt, &active) || !word_take(s, "VALUES"))
		return import_refuse(im, "not an INSERT that can be read (columns _rcpt, _active)");
	do {
		if (!row_take(im, s, rcpt, active, &e))
			return import_refuse(im, "a row that is malformed; the rest of this INSERT is left out");
	} while (e == ERR_OK && take(s, ','));
	return e;
}

enum err import_sql(struct import *im, struct slice text)
{
	struct sql s = { text, 1 };
	enum err e = ERR_OK;

	while (s.rest.n && e == ERR_OK) {
		if (word_take(&s, "INSERT"))
			e = insert_take(im, &s);
		else if (!take(&s, ';'))
			skip(&s, slice_find(s.rest, '\n') + 1);
	}
	return e;
}
