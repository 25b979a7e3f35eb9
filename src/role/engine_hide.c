/*
 * engine_hide: no trap address leaves the engine in a text that somebody else
 * made: spammers forge the trap as sender, write it into the subject or the
 * Message-ID. In its place stands the trap's number.
 * SPDX-License-Identifier: ISC
 */
#include "role/engine.h"

#include <stdio.h>

#include "base/escape.h"

/* Bytes that may stand in an address as it is written in running text. */
static bool is_address_byte(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || (unsigned char)c >= 0x80 ||
	       (c && strchr(".!#$%&'*+-/=?^_`{|}~", c));
}

/* The trap that stands around the @ at text[at], from *from to *to; NULL: none. Shorter and shorter on the left. */
static const struct trap *trap_around(const struct engine *e, struct slice text, size_t at, size_t *from, size_t *to)
{
	size_t last = at + 1;

	while (last < text.n && is_address_byte(text.p[last]))
		last++;
	while (last > at + 1 && (text.p[last - 1] == '.' || text.p[last - 1] == '-' || text.p[last - 1] == '_'))
		last--;
	for (*from = at; *from > 0 && is_address_byte(text.p[*from - 1]) && at - *from < 64;)
		--*from;
	for (*to = last; *from < at; ++*from) {
		struct address a;
		const struct trap *t;

		if (address_parse(slice_of(text.p + *from, last - *from), &a) == ERR_OK &&
			(t = trap_table_find(e->traps, &a)) != NULL && t->state != TRAP_SUSPENDED)
			return t;
	}
	return NULL;
}

const char *engine_hide_traps(const struct engine *e, const char *text, char *to, size_t size)
{
	struct slice s = slice_str(text);
	struct address whole;
	size_t done = 0, n = 0;
	const struct trap *t = NULL;

	to[0] = '\0';
	if (!e->traps) { /* nobody knows yet which addresses are traps */
		slice_copy(slice_find(s, '@') == s.n ? s : SLICE_LIT("(hidden)"), to, size);
		return to;
	}
	if (s.n && s.p[0] == '"' && address_parse(s, &whole) == ERR_OK)
		t = trap_table_find(e->traps, &whole);
	if (t && t->state != TRAP_SUSPENDED) {
		(void)snprintf(to, size, "(T-%u)", t->id);
		return to;
	}
	for (size_t at = slice_find(s, '@'); at < s.n; at += 1 + slice_find(slice_from(s, at + 1), '@')) {
		size_t from, last;

		t = at >= done ? trap_around(e, slice_from(s, done), at - done, &from, &last) : NULL;
		if (!t || n >= size)
			continue;
		n += (size_t)snprintf(to + n, size - n, "%.*s(T-%u)", (int)from, s.p + done, t->id);
		done += last;
	}
	if (n < size)
		(void)snprintf(to + n, size - n, "%.*s", SLICE_ARG(slice_from(s, done)));
	return to;
}

const char *engine_hide_escaped(const struct engine *e, const char *text, char *to, size_t size)
{
	char shown[ENGINE_HIDE_TEXT];

	return escape_text(slice_str(engine_hide_traps(e, text, shown, sizeof shown)), to, size);
}

json_t *engine_json_hidden(const struct engine *e, const char *text)
{
	char shown[ENGINE_HIDE_TEXT];

	return engine_json_text(engine_hide_traps(e, text, shown, sizeof shown));
}
