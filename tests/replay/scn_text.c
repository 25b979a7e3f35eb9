/*
 * scn_text: from a file to statements. A line is expanded before it is cut
 * into words: {1..200} counts, {i} and {j} are the numbers of the innermost
 * repeat and the one around it.
 * SPDX-License-Identifier: ISC
 */
#include "scn.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"

#define YEAR_S (365 * UINT64_C(86400))

bool scn_fail(struct scn *s, const char *fmt, ...)
{
	va_list ap;
	int n = snprintf(s->error, sizeof s->error, "%s:%u: ", s->file, s->at);

	if (n < 0 || (size_t)n >= sizeof s->error)
		return false;
	va_start(ap, fmt);
	(void)vsnprintf(s->error + n, sizeof s->error - (size_t)n, fmt, ap);
	va_end(ap);
	return false;
}

/* ---- words */

const char *scn_next(struct scn_words *w)
{
	for (unsigned i = 0; i < w->n; i++) {
		if (w->is_used[i])
			continue;
		w->is_used[i] = true;
		return w->word[i];
	}
	return NULL;
}

bool scn_take(struct scn_words *w, const char *word)
{
	for (unsigned i = 0; i < w->n; i++) {
		if (w->is_used[i])
			continue;
		w->is_used[i] = strcmp(w->word[i], word) == 0;
		return w->is_used[i];
	}
	return false;
}

const char *scn_after(struct scn_words *w, const char *word)
{
	for (unsigned i = 0; i + 1 < w->n; i++) {
		if (w->is_used[i] || w->is_used[i + 1] || strcmp(w->word[i], word) != 0)
			continue;
		w->is_used[i] = w->is_used[i + 1] = true;
		return w->word[i + 1];
	}
	return NULL;
}

const char *scn_attr(struct scn_words *w, const char *name)
{
	size_t n = strlen(name);

	for (unsigned i = 0; i < w->n; i++) {
		if (w->is_used[i] || strncmp(w->word[i], name, n) != 0 || w->word[i][n] != '=')
			continue;
		w->is_used[i] = true;
		return w->word[i] + n + 1;
	}
	return NULL;
}

bool scn_flag(struct scn_words *w, const char *word)
{
	for (unsigned i = 0; i < w->n; i++) {
		if (w->is_used[i] || strcmp(w->word[i], word) != 0)
			continue;
		w->is_used[i] = true;
		return true;
	}
	return false;
}

bool scn_end(struct scn *s, const struct scn_words *w)
{
	for (unsigned i = 0; i < w->n; i++)
		if (!w->is_used[i])
			return scn_fail(s, "\"%s\" is not understood here", w->word[i]);
	return true;
}

static bool cut(struct scn *s, struct scn_words *w)
{
	char *save = NULL;

	for (char *t = strtok_r(w->text, " \t", &save); t; t = strtok_r(NULL, " \t", &save)) {
		if (w->n == SCN_WORDS)
			return scn_fail(s, "more than %d words", SCN_WORDS);
		w->word[w->n++] = t;
	}
	return true;
}

/* ---- {..} */

/* The text inside one pair of braces, as its k-th value; 0: not understood. */
static unsigned brace(const struct scn *s, const char *in, unsigned k, unsigned long *ret)
{
	unsigned long from, to;
	char end;

	if (strcmp(in, "i") == 0 && s->depth >= 1) {
		*ret = s->loop[s->depth - 1];
		return 1;
	}
	if (strcmp(in, "j") == 0 && s->depth >= 2) {
		*ret = s->loop[s->depth - 2];
		return 1;
	}
	if (sscanf(in, "%lu..%lu%c", &from, &to, &end) != 2 || to < from || to - from >= 1000000)
		return 0;
	*ret = from + k % (to - from + 1);
	return (unsigned)(to - from + 1);
}

/* The k-th form of the line; *ret_count: how many there are. */
static bool expand(struct scn *s, const char *line, unsigned k, char *to, size_t size, unsigned *ret_count)
{
	size_t n = 0;

	*ret_count = 1;
	while (*line) {
		char inner[64];
		size_t len = strcspn(line, "}");
		unsigned long value;
		unsigned count;

		if (n + 24 > size)
			return scn_fail(s, "the line is too long");
		if (*line != '{') {
			to[n++] = *line++;
			continue;
		}
		if (line[len] != '}' || len >= sizeof inner)
			return scn_fail(s, "a { without }");
		(void)snprintf(inner, sizeof inner, "%.*s", (int)len - 1, line + 1);
		count = brace(s, inner, k, &value);
		if (count == 0)
			return scn_fail(s, "{%s} is no {1..200}, nor {i} or {j} inside a repeat", inner);
		if (count > *ret_count)
			*ret_count = count;
		n += (size_t)snprintf(to + n, size - n, "%lu", value);
		line += len + 1;
	}
	to[n] = '\0';
	return true;
}

/* ---- lines */

static bool one_line(struct scn *s, const char *line, bool (*statement)(struct scn *s, struct scn_words *w))
{
	unsigned count = 1;

	for (unsigned k = 0; k < count; k++) {
		struct scn_words w = { .n = 0 };

		if (!expand(s, line, k, w.text, sizeof w.text, &count) || !cut(s, &w) || !statement(s, &w) ||
			!scn_end(s, &w))
			return false;
	}
	return true;
}

/* Without comment and blanks at both ends; in place. */
static char *tidy(char *line)
{
	size_t n;

	for (char *c = strchr(line, '#'); c; c = strchr(c + 1, '#')) {
		if (c == line || c[-1] == ' ' || c[-1] == '\t') {
			*c = '\0';
			break;
		}
	}
	while (*line == ' ' || *line == '\t')
		line++;
	n = strlen(line);
	while (n && strchr(" \t\r", line[n - 1]))
		line[--n] = '\0';
	return line;
}

static bool opens(const char *line, unsigned long *ret_times)
{
	char end;

	return sscanf(line, "repeat %lu {%c", ret_times, &end) == 1 && line[strlen(line) - 1] == '{';
}

/* The line that closes the block opened at line i; s->lines: none. */
static unsigned closing(const struct scn *s, unsigned i)
{
	unsigned depth = 0;
	unsigned long times;

	for (; i < s->lines; i++) {
		if (opens(s->line[i], &times))
			depth++;
		else if (strcmp(s->line[i], "}") == 0 && --depth == 0)
			return i;
	}
	return s->lines;
}

static bool run_lines(struct scn *s, unsigned from, unsigned to, bool (*statement)(struct scn *s, struct scn_words *w))
{
	for (unsigned i = from; i < to; i++) {
		unsigned long times;
		unsigned end;

		s->at = i + 1;
		if (s->line[i][0] == '\0')
			continue;
		if (!opens(s->line[i], &times)) {
			if (!one_line(s, s->line[i], statement))
				return false;
			continue;
		}
		end = closing(s, i);
		if (end >= to || s->depth == SCN_DEPTH)
			return scn_fail(s, "a repeat without }, or too deep");
		s->depth++;
		for (unsigned long k = 1; k <= times; k++) {
			s->loop[s->depth - 1] = (unsigned)k;
			if (!run_lines(s, i + 1, end, statement))
				return false;
		}
		s->depth--;
		i = end;
	}
	return true;
}

static char *read_file(const char *path)
{
	FILE *f = fopen(path, "r");
	char *text = calloc(1, 1u << 20);

	if (f && text && fread(text, 1, (1u << 20) - 1, f) > 0) {
		(void)fclose(f);
		return text;
	}
	if (f)
		(void)fclose(f);
	free(text);
	return NULL;
}

bool scn_run(struct scn *s, bool (*statement)(struct scn *s, struct scn_words *w))
{
	char *save = NULL;
	bool is_ok;

	s->text = read_file(s->file);
	if (!s->text)
		return scn_fail(s, "cannot be read, or is empty");
	for (char *l = s->text; l && s->lines < SCN_LINES; l = save) {
		save = strchr(l, '\n');
		if (save)
			*save++ = '\0';
		s->line[s->lines++] = tidy(l);
	}
	is_ok = run_lines(s, 0, s->lines, statement);
	free(s->text);
	return is_ok;
}

/* ---- values */

/* Adds k, shifted to the bit position of a prefix of len bits. */
static void add_networks(struct ipaddr *a, unsigned len, uint64_t k)
{
	unsigned bits = ipaddr_bits(a);
	uint64_t carry;

	if (len == 0 || len > bits)
		return;
	carry = k << ((8 - len % 8) % 8);
	for (unsigned i = (len - 1) / 8 + 1; i-- > 0 && carry;) {
		carry += a->b[i];
		a->b[i] = (uint8_t)carry;
		carry >>= 8;
	}
}

bool scn_address(const char *text, struct ipaddr *ret)
{
	struct slice s = slice_str(text);
	size_t plus = slice_find(s, '+'), slash = slice_find(s, '/');
	uint64_t k = 0, len = 0;

	if (plus < s.n && num_parse(slice_from(s, plus + 1), UINT32_MAX, &k) != ERR_OK)
		return false;
	s = slice_head(s, plus);
	if (slash < s.n && num_parse(slice_from(s, slash + 1), 128, &len) != ERR_OK)
		return false;
	if (ipaddr_parse(slice_head(s, slash), ret) != ERR_OK)
		return false;
	add_networks(ret, len ? (unsigned)len : ipaddr_bits(ret), k);
	return true;
}

bool scn_duration(const char *text, uint64_t *ret)
{
	struct slice s = slice_str(text);
	uint64_t years;

	if (s.n > 1 && s.p[s.n - 1] == 'y' && num_parse(slice_head(s, s.n - 1), 50, &years) == ERR_OK) {
		*ret = years * YEAR_S;
		return true;
	}
	return num_parse_duration(s, ret) == ERR_OK;
}

const char *scn_mailbox(const char *text, char *to, size_t size)
{
	bool is_null = strcmp(text, "<>") == 0;

	(void)snprintf(to, size, "%s%s", is_null ? "" : text, is_null || strchr(text, '@') ? "" : "@example.org");
	return to;
}
