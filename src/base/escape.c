/*
 * escape: see the header.
 * SPDX-License-Identifier: ISC
 */
#include "base/escape.h"

static bool is_plain(unsigned char c)
{
	return c >= 0x20 && c < 0x7f && c != '\\' && c != '"';
}

/* Does what is left fit, with its NUL? Looks at no more than room bytes. */
static bool fits(struct slice s, size_t room)
{
	size_t need = 1;

	for (size_t i = 0; i < s.n && need <= room; i++)
		need += is_plain((unsigned char)s.p[i]) ? 1 : 4;
	return need <= room;
}

const char *escape_text(struct slice s, char *to, size_t size)
{
	static const char hex[] = "0123456789abcdef";
	size_t o = 0;

	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		size_t need = is_plain(c) ? 1 : 4;

		if (o + need + 4 > size && !fits(slice_from(s, i), size - o)) { /* room for "..." and NUL */
			memcpy(to + o, "...", 3);
			o += 3;
			break;
		}
		if (need == 1) {
			to[o++] = (char)c;
		} else {
			to[o++] = '\\';
			to[o++] = 'x';
			to[o++] = hex[c >> 4];
			to[o++] = hex[c & 15];
		}
	}
	to[o] = '\0';
	return to;
}
