/*
 * content_decode: see the header. s->p NULL marks a line that has been taken.
 * SPDX-License-Identifier: ISC
 */
#include "core/content_decode.h"

enum content_encoding content_decode_encoding(struct slice value)
{
	if (slice_eq_nocase(value, SLICE_LIT("quoted-printable")))
		return ENCODING_QUOTED;
	return slice_eq_nocase(value, SLICE_LIT("base64")) ? ENCODING_BASE64 : ENCODING_PLAIN;
}

void content_decode_init(struct content_decode *d, enum content_encoding encoding)
{
	d->encoding = (uint8_t)encoding;
	d->have = 0;
	d->bits = 0;
	d->n = 0;
}

bool content_decode_rest(struct content_decode *d, struct slice *ret)
{
	*ret = slice_of(d->text, d->n);
	d->n = 0;
	return ret->n > 0;
}

/* True: the text is a whole line now. */
static bool put(struct content_decode *d, char c)
{
	d->text[d->n++] = c;
	return d->n == CONTENT_DECODE_LINE;
}

static bool next_quoted(struct content_decode *d, struct slice *s)
{
	while (s->n) {
		int high = s->n > 2 ? ascii_hex(s->p[1]) : -1, low = s->n > 2 ? ascii_hex(s->p[2]) : -1;
		char c = s->p[0];
		size_t n = 1;

		if (c == '=' && s->n == 1) { /* a soft break: the line goes on */
			*s = (struct slice){ 0 };
			return false;
		}
		if (c == '=' && high >= 0 && low >= 0) {
			c = (char)(high * 16 + low);
			n = 3;
		}
		*s = slice_from(*s, n);
		if (put(d, c))
			return true;
	}
	*s = (struct slice){ 0 };
	return true;
}

int content_decode_base64(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

static bool next_base64(struct content_decode *d, struct slice *s)
{
	while (s->n) {
		int v = content_decode_base64(s->p[0]);
		char c;

		*s = slice_from(*s, 1);
		if (v < 0)
			continue;
		d->bits = (uint16_t)((unsigned)d->bits << 6 | (unsigned)v);
		d->have = (uint8_t)(d->have + 6);
		if (d->have < 8)
			continue;
		d->have = (uint8_t)(d->have - 8);
		c = (char)(d->bits >> d->have & 0xff);
		d->bits = (uint16_t)(d->bits & 0x3f);
		if (c == '\n' || put(d, c))
			return true;
	}
	return false;
}

bool content_decode_next(struct content_decode *d, struct slice *s, struct slice *ret)
{
	bool is_line = false;

	if (!s->p)
		return false;
	if (d->encoding == ENCODING_BASE64) {
		is_line = next_base64(d, s);
	} else if (d->encoding == ENCODING_QUOTED) {
		is_line = next_quoted(d, s);
	} else {
		*ret = *s;
		*s = (struct slice){ 0 };
		return true;
	}
	if (!is_line)
		return false;
	*ret = slice_of(d->text, d->n);
	if (ret->n && ret->p[ret->n - 1] == '\r')
		ret->n--;
	d->n = 0;
	return true;
}
