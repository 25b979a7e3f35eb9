/*
 * feed_text: see the header.
 * SPDX-License-Identifier: ISC
 */
#include "core/feed_text.h"

/* The next character, escapes undone; *n bytes of s were it. */
static char next_char(struct slice s, size_t *n)
{
	char c = s.p[0];

	*n = 1;
	if (c == '\\' && s.n > 1 && strchr("n\"\\", s.p[1]) && s.p[1]) {
		*n = 2;
		c = s.p[1] == 'n' ? '\n' : s.p[1];
	}
	if (c == '\n' || c == '\r' || c == '\t')
		return ' ';
	return c < ' ' || c > '~' ? '?' : c;
}

/* %A and %%: two bytes that belong together. */
static bool is_pair(struct slice s)
{
	return s.n > 1 && s.p[0] == '%' && (s.p[1] == 'A' || s.p[1] == '%');
}

void feed_text_clean(struct slice msg, char *to, size_t size)
{
	size_t n = 0;

	for (struct slice rest = slice_trim(msg); rest.n;) {
		size_t used = 2;
		char c = '%';

		if (is_pair(rest)) {
			if (n + 2 > size - 1)
				break;
			to[n++] = rest.p[0];
			to[n++] = rest.p[1];
		} else {
			c = next_char(rest, &used);
			if (n + 1 > size - 1)
				break;
			/* one blank between two lines, none at the begin */
			if (c != ' ' || (n && to[n - 1] != ' '))
				to[n++] = c;
		}
		rest = slice_from(rest, used);
	}
	while (n && to[n - 1] == ' ')
		n--;
	to[n] = '\0';
}

void feed_text_expand(const char *text, const struct ipaddr *client, char *to, size_t size)
{
	char address[IPADDR_TEXT];
	size_t n = 0;

	(void)ipaddr_format(client, address);
	for (struct slice rest = slice_str(text); rest.n;) {
		struct slice piece = slice_head(rest, 1);
		size_t used = 1;

		if (is_pair(rest)) {
			used = 2;
			piece = rest.p[1] == 'A' ? slice_str(address) : piece;
		}
		if (piece.n > size - 1 - n)
			break;
		memcpy(to + n, piece.p, piece.n);
		n += piece.n;
		rest = slice_from(rest, used);
	}
	to[n] = '\0';
}
