/*
 * encoded_word: =?charset?B|Q?text?= one after the other; the blanks between
 * two encoded words are no text (RFC 2047 6.2).
 * SPDX-License-Identifier: ISC
 */
#include "core/encoded_word.h"

#include "core/content_decode.h"

struct out {
	char *p;
	size_t n, size;
};

static void put(struct out *o, unsigned c)
{
	if (o->n + 1 < o->size)
		o->p[o->n++] = (char)c;
}

static void put_text(struct out *o, struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		put(o, (unsigned char)s.p[i]);
}

static void put_byte(struct out *o, unsigned c, bool is_latin)
{
	if (c == 0)
		c = '?';
	if (is_latin && c >= 0x80) {
		put(o, 0xc0 | c >> 6);
		c = 0x80 | (c & 0x3f);
	}
	put(o, c);
}

static void put_quoted(struct out *o, struct slice s, bool is_latin)
{
	for (size_t i = 0; i < s.n; i++) {
		int high = s.n - i > 2 ? ascii_hex(s.p[i + 1]) : -1;
		int low = s.n - i > 2 ? ascii_hex(s.p[i + 2]) : -1;

		if (s.p[i] == '=' && high >= 0 && low >= 0) {
			put_byte(o, (unsigned)(high * 16 + low), is_latin);
			i += 2;
		} else {
			put_byte(o, s.p[i] == '_' ? ' ' : (unsigned char)s.p[i], is_latin);
		}
	}
}

static void put_base64(struct out *o, struct slice s, bool is_latin)
{
	unsigned bits = 0, have = 0;

	for (size_t i = 0; i < s.n; i++) {
		int v = content_decode_base64(s.p[i]);

		if (v < 0)
			continue;
		bits = (bits << 6 | (unsigned)v) & 0xffffff;
		have += 6;
		if (have >= 8) {
			have -= 8;
			put_byte(o, bits >> have & 0xff, is_latin);
		}
	}
}

static bool is_latin_charset(struct slice s)
{
	static const char *const names[] = { "iso-8859-1", "iso-8859-15", "windows-1252", "latin1" };

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (slice_eq_nocase(s, slice_str(names[i])))
			return true;
	return false;
}

/* The parts of an encoded word at the front of s; returns its length, 0: it is none. */
static size_t split_word(struct slice s, struct slice *ret_charset, char *ret_form, struct slice *ret_text)
{
	struct slice rest;
	size_t n;

	if (!slice_starts(s, SLICE_LIT("=?")))
		return 0;
	rest = slice_head(slice_from(s, 2), 75); /* RFC 2047 2: 75 in all; some write longer texts */
	n = slice_find(rest, '?');
	if (n == rest.n)
		return 0;
	*ret_charset = slice_head(rest, n);
	rest = slice_from(s, 2 + n + 1);
	if (n == 0 || rest.n < 3 || rest.p[1] != '?')
		return 0;
	*ret_form = ascii_lower(rest.p[0]);
	if (*ret_form != 'b' && *ret_form != 'q')
		return 0;
	rest = slice_from(rest, 2);
	n = slice_find(rest, '?');
	if (rest.n - n < 2 || rest.p[n + 1] != '=')
		return 0;
	*ret_text = slice_head(rest, n);
	return (size_t)(rest.p - s.p) + n + 2;
}

size_t encoded_word_decode(struct slice s, char *to, size_t size)
{
	struct out o = { to, 0, size };
	bool was_word = false;

	while (s.n) {
		struct slice charset, text;
		size_t blank = 0, n;
		char form;

		while (blank < s.n && s.p[blank] == ' ')
			blank++;
		n = split_word(slice_from(s, blank), &charset, &form, &text);
		if (n == 0) {
			n = blank < s.n ? 1 : 0;
			put_text(&o, slice_head(s, blank + n));
		} else {
			if (!was_word)
				put_text(&o, slice_head(s, blank));
			if (form == 'b')
				put_base64(&o, text, is_latin_charset(charset));
			else
				put_quoted(&o, text, is_latin_charset(charset));
		}
		was_word = n > 1;
		s = slice_from(s, blank + n);
	}
	o.p[o.n] = '\0';
	return o.n;
}
