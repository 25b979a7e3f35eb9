/*
 * engine_hide: no trap address leaves the engine in a text that somebody else
 * made: spammers forge the trap as sender, write it into the subject, the
 * Message-ID, or a return path that names the recipient (VERP, SRS). In its
 * place stands the trap's number.
 * SPDX-License-Identifier: ISC
 */
#include "role/engine.h"

#include <stdio.h>
#include <strings.h>

#include "base/escape.h"
#include "core/encoded_word.h"

#define HIDE_TRIES 400     /* addresses looked up for one text, so that none is slow to show */
#define HIDE_LOCAL 64      /* bytes of a local part */
#define HIDE_LOCAL_LEAST 4 /* a shorter one says nothing by itself */

/* A text under search. tries: how many look-ups are left. */
struct search {
	const struct engine *e;
	struct slice text;
	unsigned tries;
};

/* Where a trap stands in the text. */
struct found {
	const struct trap *trap;
	size_t from, to;
};

static bool is_alnum(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || (unsigned char)c >= 0x80;
}

/* Bytes that may stand in the local part of an address as it is written in running text. */
static bool is_local_byte(char c)
{
	return is_alnum(c) || (c && strchr(".!#$%&'*+-/=?^_`{|}~", c));
}

static bool is_domain_byte(char c)
{
	return is_alnum(c) || c == '.' || c == '-' || c == '_';
}

/* The trap of this local part and domain; suspended ones may be people. */
static const struct trap *trap_of(struct search *s, struct slice local, struct slice domain)
{
	char text[ADDRESS_TEXT];
	const struct trap *t;
	struct address a;

	if (!s->tries || !local.n || !domain.n || local.n + domain.n + 2 > sizeof text)
		return NULL;
	s->tries--;
	(void)snprintf(text, sizeof text, "%.*s@%.*s", SLICE_ARG(local), SLICE_ARG(domain));
	if (address_parse(slice_str(text), &a) != ERR_OK)
		return NULL;
	t = trap_table_find(s->e->traps, &a);
	return t && t->state != TRAP_SUSPENDED ? t : NULL;
}

/* " at ", "-at-", "(at)" and the like at text[at], with what is around the word; 0: none. */
static size_t word_at(struct slice text, size_t at)
{
	size_t n = 0;

	while (n < 2 && at + n < text.n && !is_alnum(text.p[at + n]))
		n++;
	if (!n || at + n + 3 > text.n || strncasecmp(text.p + at + n, "at", 2) != 0 || is_alnum(text.p[at + n + 2]))
		return 0;
	n += 3;
	return at + n < text.n && !is_alnum(text.p[at + n]) && text.p[at + n] != '"' ? n + 1 : n;
}

/* Length of what parts local part and domain at text[at]: "@", "=" as in VERP, "%", an "at" and the like; 0: nothing. */
static size_t part_at(struct slice text, size_t at)
{
	size_t n = is_alnum(text.p[at]) ? 0 : word_at(text, at);

	if (n || is_domain_byte(text.p[at]) || text.p[at] == ' ')
		return n;
	return text.n - at >= 3 && strncmp(text.p + at + 1, "40", 2) == 0 ? 3 : 1;
}

/* Where the local part in front of text[at] may begin at the earliest, not before done. */
static size_t local_begin(struct slice text, size_t at, size_t done)
{
	size_t from = at;

	if (at > done + 1 && text.p[at - 1] == '"') {
		for (from = at - 1; from > done && text.p[from - 1] != '"';)
			from--;
		return from > done ? from - 1 : at;
	}
	while (from > done && is_local_byte(text.p[from - 1]) && at - from < HIDE_LOCAL)
		from--;
	return from;
}

/* Shorter and shorter on the left; not in the middle of a word unless what follows is an @. */
static bool trap_left(struct search *s, size_t begin, size_t at, struct slice domain, bool is_at, struct found *ret)
{
	for (size_t from = begin; from < at; from++) {
		if (from > begin && !is_at && is_alnum(s->text.p[from - 1]))
			continue;
		ret->trap = trap_of(s, slice_of(s->text.p + from, at - from), domain);
		ret->from = from;
		if (ret->trap)
			return true;
	}
	return false;
}

/* LOCAL part DOMAIN: the domain with all its labels, then with fewer ("...example.org.1234"). */
static bool trap_forward(struct search *s, size_t at, size_t n, size_t done, struct found *ret)
{
	size_t begin = local_begin(s->text, at, done), first = at + n, last = first;

	while (last < s->text.n && is_domain_byte(s->text.p[last]))
		last++;
	while (begin < at && last > first) {
		if (is_alnum(s->text.p[last - 1])) {
			ret->to = last;
			if (trap_left(
				    s, begin, at, slice_of(s->text.p + first, last - first), s->text.p[at] == '@', ret))
				return true;
		}
		do {
			last--;
		} while (last > first && s->text.p[last] != '.');
	}
	return false;
}

/* DOMAIN=LOCAL@, as a forwarder writes a sender anew (SRS). */
static bool trap_backward(struct search *s, size_t at, size_t done, struct found *ret)
{
	size_t from = at, to = at + 1;

	while (from > done && is_domain_byte(s->text.p[from - 1]))
		from--;
	while (to < s->text.n && is_local_byte(s->text.p[to]))
		to++;
	*ret = (struct found){ .from = from, .to = to };
	ret->trap = trap_of(s, slice_of(s->text.p + at + 1, to - at - 1), slice_of(s->text.p + from, at - from));
	return ret->trap != NULL;
}

static bool trap_around(struct search *s, size_t at, size_t done, struct found *ret)
{
	size_t n = part_at(s->text, at);

	if (!n)
		return false;
	return trap_forward(s, at, n, done, ret) || (s->text.p[at] == '=' && trap_backward(s, at, done, ret));
}

/* The text is one address: a quoted local part, or what a pattern matches. */
static const struct trap *trap_whole(const struct engine *e, struct slice text)
{
	const struct trap *t;
	struct address a;
	uint32_t id;

	if (slice_find(text, '@') == text.n || address_parse(text, &a) != ERR_OK)
		return NULL;
	t = trap_table_find(e->traps, &a);
	if (!t && e->patterns && trap_patterns_find(e->patterns, &a, &id))
		t = engine_trap_by_id(e, id);
	return t && t->state != TRAP_SUSPENDED ? t : NULL;
}

/* What is written as it is. True: there was a trap in it. */
static bool hide_written(const struct engine *e, struct slice text, char *to, size_t size)
{
	struct search s = { .e = e, .text = text, .tries = HIDE_TRIES };
	const struct trap *whole = trap_whole(e, text);
	size_t done = 0, n = 0;
	bool is_any = whole != NULL;

	if (whole) {
		(void)snprintf(to, size, "(T-%u)", whole->id);
		return true;
	}
	to[0] = '\0';
	for (size_t at = 0; at < text.n; at++) {
		struct found f;

		if (at < done || !trap_around(&s, at, done, &f))
			continue;
		is_any = true;
		if (n < size)
			n += (size_t)snprintf(
				to + n, size - n, "%.*s(T-%u)", (int)(f.from - done), text.p + done, f.trap->id);
		done = f.to;
	}
	if (n < size)
		(void)snprintf(to + n, size - n, "%.*s", SLICE_ARG(slice_from(text, done)));
	return is_any;
}

static int hex_digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : -1;
}

/* In place: %41 is A. */
static void percent_decode(char *text)
{
	char *to = text;

	for (const char *p = text; *p; p++) {
		int high = *p == '%' ? hex_digit(p[1]) : -1, low = high < 0 ? -1 : hex_digit(p[2]);

		if (low >= 0 && (high || low)) {
			*to++ = (char)(high * 16 + low);
			p += 2;
		} else {
			*to++ = *p;
		}
	}
	*to = '\0';
}

/* An encoded word that was cut off in its middle: nobody can read it, but what it says is in it. */
static struct slice without_cut_word(struct slice s)
{
	for (size_t i = s.n; i-- > 1;) {
		struct slice rest = slice_from(s, i + 1);
		size_t charset = slice_find(rest, '?'), coding = charset + 2;

		if (s.p[i - 1] != '=' || s.p[i] != '?')
			continue;
		if (coding >= rest.n || rest.p[coding] != '?')
			return s;
		rest = slice_from(rest, coding + 1);
		return slice_find(rest, '?') + 1 < rest.n ? s : slice_head(s, i - 1);
	}
	return s;
}

/* As people read it. False: it was that already. */
static bool decode(const char *text, char to[ENGINE_HIDE_TEXT])
{
	if (!strchr(text, '%') && !strstr(text, "=?"))
		return false;
	(void)encoded_word_decode(slice_str(text), to, ENGINE_HIDE_TEXT);
	percent_decode(to);
	return strcmp(text, to) != 0;
}

const char *engine_hide_traps(const struct engine *e, const char *text, char *to, size_t size)
{
	char decoded[ENGINE_HIDE_TEXT], hidden[ENGINE_HIDE_TEXT];
	struct slice s = without_cut_word(slice_str(text));

	if (!e->traps) { /* nobody knows yet which addresses are traps */
		slice_copy(strpbrk(text, "@=%") ? SLICE_LIT("(hidden)") : s, to, size);
		return to;
	}
	(void)hide_written(e, s, to, size);
	if (decode(to, decoded) && hide_written(e, slice_str(decoded), hidden, sizeof hidden))
		slice_copy(slice_str(hidden), to, size);
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

/* The word alone, nothing of a word on either side, becomes the trap's number. True: it was there. */
static bool hide_word(const char *text, struct slice word, uint32_t id, char *to, size_t size)
{
	const char *p = text, *rest = text;
	size_t n = 0;

	to[0] = '\0';
	for (; *p; p++) {
		if ((p > text && is_alnum(p[-1])) || strncasecmp(p, word.p, word.n) != 0 || is_alnum(p[word.n]))
			continue;
		if (n < size)
			n += (size_t)snprintf(to + n, size - n, "%.*s(T-%u)", (int)(p - rest), rest, id);
		p += word.n - 1;
		rest = p + 1;
	}
	if (n < size)
		(void)snprintf(to + n, size - n, "%s", rest);
	return rest != text;
}

json_t *engine_json_hidden_hit(const struct engine *e, const char *text, const struct trap *trap)
{
	char shown[ENGINE_HIDE_TEXT], decoded[ENGINE_HIDE_TEXT], hidden[ENGINE_HIDE_TEXT];
	struct slice local;

	(void)engine_hide_traps(e, text, shown, sizeof shown);
	if (!trap || trap->kind != TRAP_EXACT || trap->state == TRAP_SUSPENDED)
		return engine_json_text(shown);
	local = slice_str(trap_table_text(e->traps, trap));
	local.n = slice_find(local, '@');
	if (local.n >= HIDE_LOCAL_LEAST &&
		(hide_word(shown, local, trap->id, hidden, sizeof hidden) ||
			(decode(shown, decoded) && hide_word(decoded, local, trap->id, hidden, sizeof hidden))))
		return engine_json_text(hidden);
	return engine_json_text(shown);
}
