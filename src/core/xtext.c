/*
 * xtext: decoder. Lower-case digits are taken too: some senders write them.
 * SPDX-License-Identifier: ISC
 */
#include "core/xtext.h"

/* One byte of output from the front of *s; 0: malformed. */
static unsigned char next_byte(struct slice *s)
{
	unsigned char c = (unsigned char)s->p[0];
	int high, low;

	*s = slice_from(*s, 1);
	if (c != '+')
		return c > ' ' && c != 127 ? c : 0;
	if (s->n < 2)
		return 0;
	high = ascii_hex(s->p[0]);
	low = ascii_hex(s->p[1]);
	if (high < 0 || low < 0)
		return 0;
	*s = slice_from(*s, 2);
	return (unsigned char)(high * 16 + low);
}

enum err xtext_decode(struct slice s, char *to, size_t size)
{
	enum err e = ERR_OK;
	size_t n = 0;

	while (s.n && e == ERR_OK) {
		unsigned char c = next_byte(&s);

		if (c == 0)
			e = ERR_SYNTAX;
		else if (n + 1 >= size)
			e = ERR_LIMIT;
		else
			to[n++] = (char)c;
	}
	to[e == ERR_OK ? n : 0] = '\0';
	return e;
}
