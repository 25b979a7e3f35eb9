/*
 * aliasmap_line: what the engine may ask for, line by line. A line that is not
 * exactly canonical, names a role address or our own domain is not taken; the
 * others are, so that one bad trap does not keep ten thousand out.
 * SPDX-License-Identifier: ISC
 */
#include "core/alias_map.h"
#include "role/aliasmap.h"

/* Well-formed UTF-8, shortest form: postmap gives up on others. */
static bool is_utf8(struct slice s)
{
	for (size_t i = 0; i < s.n;) {
		unsigned char c = (unsigned char)s.p[i++];
		size_t more = c < 0x80                ? 0
			      : c >= 0xc2 && c < 0xe0 ? 1
			      : c >= 0xe0 && c < 0xf0 ? 2
			      : c >= 0xf0 && c < 0xf5 ? 3
						      : 9;

		if (more == 9 || more > s.n - i)
			return false;
		if ((c == 0xe0 && (unsigned char)s.p[i] < 0xa0) || (c == 0xed && (unsigned char)s.p[i] > 0x9f) ||
			(c == 0xf0 && (unsigned char)s.p[i] < 0x90) || (c == 0xf4 && (unsigned char)s.p[i] > 0x8f))
			return false;
		for (; more > 0; more--, i++)
			if (((unsigned char)s.p[i] & 0xc0) != 0x80)
				return false;
	}
	return true;
}

static bool is_own_domain(struct slice d)
{
	return slice_eq(d, SLICE_LIT(ALIAS_MAP_DOMAIN)) || slice_ends(d, SLICE_LIT("." ALIAS_MAP_DOMAIN));
}

/* Canonical as given, or not taken. */
static bool read_address(struct slice s, struct address *ret)
{
	return is_utf8(s) && address_parse(s, ret) == ERR_OK && slice_eq(slice_str(ret->text), s) && ret->domain.n &&
	       !is_own_domain(ret->domain) && !address_is_role(ret);
}

static bool read_domain(struct slice s, struct address *ret)
{
	char text[ADDRESS_TEXT];
	struct address a;

	if (s.n == 0 || s.n > ADDRESS_TEXT - 3)
		return false;
	text[0] = 'x';
	text[1] = '@';
	memcpy(text + 2, s.p, s.n);
	if (!read_address((struct slice){ text, s.n + 2 }, &a) || !slice_eq(a.domain, s))
		return false;
	address_copy(&a, ret);
	return true;
}

static enum err add_change(struct buf *to, const char *head, struct slice key, bool is_add, const char *value)
{
	return is_add ? buf_printf(to, "%s%.*s\t%s\n", head, SLICE_ARG(key), value)
		      : buf_printf(to, "%s%.*s\n", head, SLICE_ARG(key));
}

static enum err read_line(struct slice line, bool is_full, struct aliasmap_changes *c)
{
	bool is_add = line.n && line.p[0] == '+', is_domain = line.n > 1 && line.p[1] == 'D';
	struct slice what = slice_from(line, 3);
	char value[ALIAS_MAP_TEXT];
	struct address a;
	enum err e;

	if (line.n < 4 || (line.p[0] != '+' && (line.p[0] != '-' || is_full)) || (line.p[1] != 'A' && !is_domain) ||
		line.p[2] != ' ')
		return ERR_SYNTAX;
	if (!(is_domain ? read_domain(what, &a) : read_address(what, &a)))
		return ERR_SYNTAX;
	e = alias_map_value(&a, is_domain, value);
	if (e != ERR_OK)
		return ERR_SYNTAX;
	e = add_change(&c->alias, is_domain ? "@" : "", what, is_add, value);
	return e == ERR_OK && is_domain ? add_change(&c->domains, "", what, is_add, "trap") : e;
}

enum err aliasmap_read_lines(struct slice lines, bool is_full, struct aliasmap_changes *c)
{
	struct slice line;
	enum err e = ERR_OK;

	c->refused = 0;
	while (e == ERR_OK && slice_line(&lines, &line)) {
		e = read_line(line, is_full, c);
		if (e == ERR_SYNTAX) {
			c->refused++;
			e = ERR_OK;
		}
	}
	return e;
}
