/*
 * escape: see the header.
 * SPDX-License-Identifier: ISC
 */
#include "base/escape.h"

const char *escape_text(struct slice s, char *to, size_t size)
{
	static const char hex[] = "0123456789abcdef";
	size_t o = 0;

	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		bool plain = c >= 0x20 && c < 0x7f && c != '\\' && c != '"';
		size_t need = plain ? 1 : 4;

		if (o + need + 4 > size) { /* keep room for "..." and NUL */
			memcpy(to + o, "...", 3);
			o += 3;
			break;
		}
		if (plain) {
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
