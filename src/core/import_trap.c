/*
 * import_trap: the formats that are one line an entry, and what all share.
 * SPDX-License-Identifier: ISC
 */
#include "core/import_private.h"

#include <stdio.h>

#include "core/address.h"

bool import_from_parse(const char *name, enum import_from *ret)
{
	static const char *const names[] = { "list", "access", "rspamd", "policyd", "spamdb" };

	for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++) {
		if (strcmp(name, names[i]) == 0) {
			*ret = (enum import_from)i;
			return true;
		}
	}
	return false;
}

enum err import_refuse(struct import *im, const char *reason)
{
	struct import_entry e = { .line = im->line, .refused = reason };

	return im->fn(&e, im->ctx);
}

enum err import_add(struct import *im, struct slice trap, const char *words)
{
	struct import_entry e = { .line = im->line };
	int n;

	if (trap.n > IMPORT_LINE)
		return import_refuse(im, "is too long");
	n = snprintf(im->out, sizeof im->out, "%.*s%s", SLICE_ARG(trap), words);
	e.text = slice_of(im->out, (size_t)n);
	if (memchr(e.text.p, '\0', e.text.n) || e.text.n != trap.n + strlen(words))
		return import_refuse(im, "has a NUL byte");
	return im->fn(&e, im->ctx);
}

/* ---- patterns */

bool import_is_delimiter(char c)
{
	return c > ' ' && c < 0x7f && !((c >= '0' && c <= '9') || (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z'));
}

size_t import_pattern_length(struct slice s)
{
	char end = s.n ? s.p[0] : '\0';
	size_t i = 1;

	while (i < s.n && s.p[i] != end)
		i += s.p[i] == '\\' ? 2 : 1;
	if (i >= s.n)
		return 0;
	for (i++; i < s.n && ascii_lower(s.p[i]) >= 'a' && ascii_lower(s.p[i]) <= 'z'; i++)
		;
	return i;
}

/* Text that can only match itself, without its backslashes. False: it is more than that. */
static bool literal_of(struct slice s, char *to, size_t size, size_t *ret_n)
{
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (c == '\\') {
			if (++i == s.n || !import_is_delimiter(s.p[i]))
				return false; /* \d, \w ... */
			c = s.p[i];
		} else if (strchr(".[]()*+?{}|^$", c) || !c) {
			return false;
		}
		if (n + 1 >= size)
			return false;
		to[n++] = c;
	}
	*ret_n = n;
	return true;
}

/* "^old@example\.org$" is an address, "@example\.org$" a domain. False: neither. */
static bool exact_of(struct slice s, char *to, size_t size, struct slice *ret)
{
	bool has_start = s.n && s.p[0] == '^';
	struct address a;
	size_t n;

	if (s.n < 2 || s.p[s.n - 1] != '$' || s.p[s.n - 2] == '\\')
		return false;
	s = slice_head(s, s.n - 1);
	if (has_start)
		s = slice_from(s, 1);
	if (!literal_of(s, to, size, &n) || n < 2)
		return false;
	*ret = slice_of(to, n);
	if (to[0] == '@')
		return !has_start && slice_find(slice_from(*ret, 1), '@') == n - 1;
	return has_start && address_parse(*ret, &a) == ERR_OK && a.local.n && a.domain.n;
}

/* The delimiter escaped as "\/"; a slash that is there already stays escaped. */
static enum err pattern_print(struct import *im, struct slice s, char delimiter)
{
	struct import_entry e = { .line = im->line };
	size_t n = 0;

	im->out[n++] = '/';
	for (size_t i = 0; i < s.n && n + 4 < sizeof im->out; i++) {
		bool is_escaped = s.p[i] == '\\' && i + 1 < s.n;

		if (is_escaped && s.p[i + 1] == delimiter && delimiter != '/') {
			i++; /* only the delimiter needed it */
			if (strchr(".[]()*+?{}|^$\\", s.p[i]))
				im->out[n++] = '\\';
		} else if (is_escaped) {
			im->out[n++] = s.p[i++];
		} else if (s.p[i] == '/') {
			im->out[n++] = '\\';
		}
		im->out[n++] = s.p[i];
	}
	if (n + 4 >= sizeof im->out)
		return import_refuse(im, "is too long");
	im->out[n++] = '/';
	e.text = slice_of(im->out, n);
	return im->fn(&e, im->ctx);
}

enum err import_add_pattern(struct import *im, struct slice s)
{
	size_t end = slice_rfind(s, s.p[0]);
	struct slice body = slice_head(slice_from(s, 1), end ? end - 1 : 0), flags = slice_from(s, end + 1), exact;
	char text[ADDRESS_TEXT];

	if (body.n == 0)
		return import_refuse(im, "an empty pattern matches everybody");
	if (slice_find(body, '\0') < body.n)
		return import_refuse(im, "has a NUL byte");
	for (size_t i = 0; i < flags.n; i++)
		if (!strchr("imsuIMSU", flags.p[i]) || !flags.p[i])
			return import_refuse(im, "a flag of the pattern that is not known here");
	if (slice_has(body, SLICE_LIT("\\<")) || slice_has(body, SLICE_LIT("\\>")))
		return import_refuse(im, "\\< and \\> mean something else in PCRE: write \\b");
	if (exact_of(body, text, sizeof text, &exact))
		return import_add(im, exact, "");
	return pattern_print(im, body, s.p[0]);
}

/* ---- formats */

static enum err rspamd_line(struct import *im, struct slice line)
{
	struct slice word = line;
	size_t n;

	if (line.p[0] == '/') {
		n = import_pattern_length(line);
		return n ? import_add_pattern(im, slice_head(line, n)) : import_refuse(im, "a pattern without its end");
	}
	/* "address score" */
	(void)slice_word(&line, &word);
	return import_add(im, word, "");
}

static enum err spamdb_line(struct import *im, struct slice line)
{
	static const char *const others[] = { "WHITE|", "GREY|", "TRAPPED|" };
	struct slice address;

	for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
		if (slice_starts(line, slice_str(others[i]))) {
			im->others++;
			return ERR_OK;
		}
	}
	if (!slice_starts(line, SLICE_LIT("SPAMTRAP|")))
		return import_refuse(im, "not a line of spamdb");
	address = slice_from(line, 9);
	if (slice_find(address, '|') < address.n)
		return import_refuse(im, "more than one field behind SPAMTRAP");
	return import_add(im, address, "");
}

static enum err lines(struct import *im, enum import_from from, struct slice text)
{
	struct slice line;
	enum err e = ERR_OK;

	while (e == ERR_OK && slice_line(&text, &line)) {
		im->line++;
		line = slice_trim(line);
		if (line.n == 0 || line.p[0] == '#')
			continue;
		if (from == IMPORT_RSPAMD)
			e = rspamd_line(im, line);
		else
			e = from == IMPORT_SPAMDB ? spamdb_line(im, line) : import_add(im, line, "");
	}
	return e;
}

/* access(5): a line that begins with a blank goes on with the one before; comments may stand between. */
static enum err access_lines(struct import *im, struct slice text)
{
	struct slice line;
	unsigned number = 0;
	struct buf b;
	enum err e = ERR_OK;

	buf_init(&b, IMPORT_LOGICAL);
	while (e == ERR_OK && slice_line(&text, &line)) {
		struct slice bare = slice_trim(line);
		bool goes_on = line.n && (line.p[0] == ' ' || line.p[0] == '\t');

		number++;
		if (bare.n == 0 || bare.p[0] == '#')
			continue;
		if (!goes_on && b.n) {
			e = import_access_line(im, buf_slice(&b));
			buf_reset(&b);
		}
		if (b.n == 0)
			im->line = number;
		if (e == ERR_OK && b.n)
			e = buf_add_char(&b, ' ');
		if (e == ERR_OK)
			e = buf_add(&b, bare);
	}
	if (e == ERR_OK && b.n)
		e = import_access_line(im, buf_slice(&b));
	buf_done(&b);
	return e;
}

enum err import_traps(enum import_from from, struct slice text, import_fn fn, void *ctx, unsigned *ret_others)
{
	struct import im = { .fn = fn, .ctx = ctx };
	enum err e;

	switch (from) {
	case IMPORT_ACCESS:
		e = access_lines(&im, text);
		break;
	case IMPORT_POLICYD:
		e = import_sql(&im, text);
		break;
	case IMPORT_LIST:
	case IMPORT_RSPAMD:
	case IMPORT_SPAMDB:
	default:
		e = lines(&im, from, text);
		break;
	}
	*ret_others = im.others;
	return e;
}
