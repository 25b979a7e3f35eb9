/*
 * alias_map: the encoding. In the exact form "=" inside the trap's local part
 * is doubled, so that the first single "=" always is the border, whatever a
 * client puts into the extension behind it:
 *     a=b@d   <->  a==b=d=@limetwig.invalid
 * SPDX-License-Identifier: ISC
 */
#include "core/alias_map.h"

#include <stdio.h>

#define DOMAIN_MAX 253 /* RFC 1035 2.3.4, less the root's length byte and the first one */

static bool is_domain_byte(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (unsigned char)c >= 0x80 || c == '.' || c == '-' ||
	       c == '_';
}

static bool is_domain(struct slice s)
{
	if (s.n == 0 || s.p[0] == '.' || s.p[0] == '-' || s.p[s.n - 1] == '.')
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (!is_domain_byte(s.p[i]) || (s.p[i] == '.' && i > 0 && s.p[i - 1] == '.'))
			return false;
	return true;
}

/* A local part that stands without quotes: no dot at the ends, no two dots in a row. */
static bool is_dot_atom(struct slice s)
{
	if (s.n == 0 || s.p[0] == '.' || s.p[s.n - 1] == '.')
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (!address_is_atom(s.p[i]) || (s.p[i] == '.' && i > 0 && s.p[i - 1] == '.'))
			return false;
	return true;
}

static enum err value_domain(struct slice domain, char to[ALIAS_MAP_TEXT])
{
	if (!is_domain(domain))
		return ERR_SYNTAX;
	if (domain.n + sizeof("." ALIAS_MAP_DOMAIN) - 1 > DOMAIN_MAX)
		return ERR_LIMIT;
	(void)snprintf(to, ALIAS_MAP_TEXT, "@%.*s." ALIAS_MAP_DOMAIN, SLICE_ARG(domain));
	return ERR_OK;
}

enum err alias_map_value(const struct address *a, bool is_domain_trap, char to[ALIAS_MAP_TEXT])
{
	char local[2 * ADDRESS_TEXT];
	size_t n = 0;

	if (is_domain_trap)
		return value_domain(a->domain, to);
	/* postmap takes a line that starts with # or blank as no line at all */
	if (!is_dot_atom(a->local) || a->local.p[0] == '#' || !is_domain(a->domain))
		return ERR_SYNTAX;
	for (size_t i = 0; i < a->local.n; i++) {
		local[n++] = a->local.p[i];
		if (a->local.p[i] == '=')
			local[n++] = '=';
	}
	if (n + 1 + a->domain.n + 2 + sizeof(ALIAS_MAP_DOMAIN) - 1 > ADDRESS_TEXT - 1)
		return ERR_LIMIT;
	(void)snprintf(to, ALIAS_MAP_TEXT, "%.*s=%.*s=@" ALIAS_MAP_DOMAIN, (int)n, local, SLICE_ARG(a->domain));
	return ERR_OK;
}

/* "a==b=d=+ext" to "a@d". */
static enum err decode_exact(struct slice s, struct address *ret)
{
	char text[ADDRESS_TEXT];
	size_t n = 0, i = 0, end;

	for (; i < s.n; i++) {
		if (s.p[i] == '=') {
			if (i + 1 == s.n || s.p[i + 1] != '=')
				break;
			i++;
		}
		text[n++] = s.p[i];
	}
	if (i >= s.n)
		return ERR_SYNTAX;
	end = ++i;
	while (end < s.n && is_domain_byte(s.p[end]))
		end++;
	text[n++] = '@';
	if (!is_domain((struct slice){ s.p + i, end - i }))
		return ERR_SYNTAX;
	memcpy(text + n, s.p + i, end - i);
	return address_parse((struct slice){ text, n + (end - i) }, ret);
}

enum err alias_map_decode(const struct address *rcpt, struct address *ret)
{
	const struct slice tail = SLICE_LIT("." ALIAS_MAP_DOMAIN);
	char text[ADDRESS_TEXT];
	struct slice domain = rcpt->domain;
	size_t n = rcpt->local.n;

	if (slice_eq(domain, SLICE_LIT(ALIAS_MAP_DOMAIN)))
		return decode_exact(rcpt->local, ret);
	if (!slice_ends(domain, tail))
		return ERR_NOTFOUND;
	domain.n -= tail.n;
	if (!is_domain(domain))
		return ERR_SYNTAX;
	memcpy(text, rcpt->local.p, n);
	text[n++] = '@';
	memcpy(text + n, domain.p, domain.n);
	/* the local part may hold bytes that only stand in quotes: already canonical, not to be parsed again */
	memcpy(ret->text, text, n + domain.n);
	ret->text[n + domain.n] = '\0';
	ret->local = (struct slice){ ret->text, n - 1 };
	ret->domain = (struct slice){ ret->text + n, domain.n };
	return ERR_OK;
}
