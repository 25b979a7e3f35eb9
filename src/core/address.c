/*
 * address: one pass that unquotes and lowers, then a split at the last @.
 * Postfix compares addresses in the same dequoted form (resolve_dequoted_address).
 * SPDX-License-Identifier: ISC
 */
#include "core/address.h"

static bool is_control(char c)
{
	return (unsigned char)c < 0x20 || c == 0x7f;
}

/* Drop "@a,@b:" in front. A colon inside [...] is part of an address literal. */
static enum err skip_route(struct slice *s)
{
	bool in_literal = false;

	if (s->n == 0 || s->p[0] != '@')
		return ERR_OK;
	for (size_t i = 0; i < s->n; i++) {
		if (s->p[i] == '[')
			in_literal = true;
		else if (s->p[i] == ']')
			in_literal = false;
		else if (s->p[i] == ':' && !in_literal) {
			*s = slice_from(*s, i + 1);
			return ERR_OK;
		}
	}
	return ERR_SYNTAX;
}

/* Append one byte of the address in canonical form; *n stays below ADDRESS_TEXT - 1. */
static enum err put_byte(char text[ADDRESS_TEXT], size_t *n, char c)
{
	if (is_control(c))
		return ERR_SYNTAX;
	if (*n >= ADDRESS_TEXT - 1)
		return ERR_LIMIT;
	text[(*n)++] = ascii_lower(c);
	return ERR_OK;
}

/* It stands for itself wherever it is. */
static bool is_plain(char c)
{
	return (unsigned char)c > ' ' && c != '"' && c != '<' && c != '>' && c != '\\' && c != 0x7f;
}

static enum err unquote(struct slice s, char text[ADDRESS_TEXT], size_t *ret_n)
{
	bool in_quotes = false;
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		enum err e;

		if (c == '"') {
			in_quotes = !in_quotes;
			continue;
		}
		if (c == '\\') {
			if (++i == s.n)
				return ERR_SYNTAX;
			c = s.p[i];
		} else if (!in_quotes && (c == ' ' || c == '<' || c == '>')) {
			return ERR_SYNTAX;
		}
		e = put_byte(text, &n, c);
		if (e != ERR_OK)
			return e;
	}
	*ret_n = n;
	return in_quotes ? ERR_SYNTAX : ERR_OK;
}

/* Slices from text: local up to the last @, domain behind it. */
static void split(struct address *a, size_t n)
{
	struct slice all = { a->text, n };
	size_t at = slice_rfind(all, '@');

	a->local = slice_head(all, at);
	a->domain = slice_from(all, at + 1);
}

/*
 * "local@domain" that stands for itself byte by byte, as nearly all do: no
 * copy is made first. False: it is to be looked at in full.
 */
static bool parse_plain(struct slice s, struct address *ret)
{
	size_t at = s.n;

	if (s.n == 0 || s.n >= ADDRESS_TEXT || s.p[0] == '@' || s.p[s.n - 1] == '@' || s.p[s.n - 1] == '.')
		return false;
	for (size_t i = 0; i < s.n; i++) {
		if (!is_plain(s.p[i]))
			return false;
		at = s.p[i] == '@' ? i : at;
	}
	for (size_t i = 0; i < s.n; i++)
		ret->text[i] = ascii_lower(s.p[i]);
	ret->text[s.n] = '\0';
	ret->local = slice_of(ret->text, at);
	ret->domain = slice_from(slice_of(ret->text, s.n), at + 1);
	return true;
}

static enum err parse_any(struct slice s, struct address *ret)
{
	char text[ADDRESS_TEXT];
	struct slice all;
	size_t n = 0, at;
	enum err e;

	if (s.n >= 2 && s.p[0] == '<' && s.p[s.n - 1] == '>')
		s = (struct slice){ s.p + 1, s.n - 2 };
	e = skip_route(&s);
	if (e == ERR_OK)
		e = unquote(s, text, &n);
	if (e != ERR_OK)
		return e;
	all = (struct slice){ text, n };
	at = slice_rfind(all, '@');
	if (at + 1 < n && text[n - 1] == '.')
		n--;
	if ((n > 0 && at == 0) || at + 1 == n || (s.n > 0 && n == 0))
		return ERR_SYNTAX; /* "@d", "a@", "\"\"" */
	/* a blank or a quote makes no domain */
	for (size_t i = at; i < n; i++)
		if (!is_plain(text[i]))
			return ERR_SYNTAX;
	if (n)
		memcpy(ret->text, text, n);
	ret->text[n] = '\0';
	split(ret, n);
	return ERR_OK;
}

enum err address_parse(struct slice s, struct address *ret)
{
	return parse_plain(s, ret) ? ERR_OK : parse_any(s, ret);
}

void address_copy(const struct address *from, struct address *to)
{
	size_t n = strlen(from->text);

	if (from == to)
		return;
	memcpy(to->text, from->text, n + 1);
	to->local = (struct slice){ to->text + (from->local.p - from->text), from->local.n };
	to->domain = (struct slice){ to->text + (from->domain.p - from->text), from->domain.n };
}

/* Postfix never splits list addresses at a hyphen (owner-list, list-request): split_addr(3). */
static bool is_list_address(struct slice local)
{
	return slice_starts(local, SLICE_LIT("owner-")) || slice_ends(local, SLICE_LIT("-request"));
}

bool address_strip_extension(const struct address *a, const char *delimiters, struct address *to)
{
	struct slice local = a->local;
	size_t i = 0;

	while (i < local.n && !strchr(delimiters, local.p[i]))
		i++;
	if (i == 0 || i == local.n || slice_eq(local, SLICE_LIT("mailer-daemon")) ||
		slice_eq(local, SLICE_LIT("double-bounce")))
		return false;
	if (strchr(delimiters, '-') && is_list_address(local))
		return false;
	if (to != a)
		memcpy(to->text, local.p, i);
	if (a->domain.n) {
		struct slice tail = { local.p + local.n, a->domain.n + 1 };

		memmove(to->text + i, tail.p, tail.n);
		i += tail.n;
	}
	to->text[i] = '\0';
	split(to, i);
	return true;
}

bool address_is_atom(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (unsigned char)c >= 0x80 ||
	       (c != '\0' && strchr("!#$%&'*+-/=?^_`{|}~.", c));
}

bool address_is_role(const struct address *a)
{
	static const char *const roles[] = { "postmaster", "abuse", "hostmaster", "webmaster", "mailer-daemon", "root",
		"noc", "security", "info", "marketing", "sales", "support", "usenet", "news", "www", "uucp", "ftp",
		"double-bounce" };
	struct slice local = slice_head(a->local, slice_find(a->local, '+'));

	for (size_t i = 0; i < sizeof roles / sizeof roles[0]; i++)
		if (slice_eq(local, slice_str(roles[i])))
			return true;
	return false;
}
