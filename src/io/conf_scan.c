/*
 * conf_scan: walks the text as libconfuse 3.3 tokenizes it. A comment begins
 * with # anywhere outside strings, with // or a slash and an asterisk only where
 * a word would begin. The scanner keeps its state over an error inside a
 * string, so that the next file would be read wrongly: hence this look first.
 * SPDX-License-Identifier: ISC
 */
#include "io/conf_scan.h"

struct scan {
	struct slice in;
	size_t at;
	unsigned line;
	unsigned depth;   /* open braces */
	unsigned open_at; /* line of the outermost of them */
	const char *why;
};

static int peek(const struct scan *s, size_t ahead)
{
	return s->at + ahead < s->in.n ? (unsigned char)s->in.p[s->at + ahead] : -1;
}

static void take(struct scan *s)
{
	if (s->in.p[s->at++] == '\n')
		s->line++;
}

static bool fail(struct scan *s, const char *why)
{
	s->why = why;
	return false;
}

static bool scan_string(struct scan *s, int quote)
{
	unsigned begin = s->line;

	take(s);
	for (int c; (c = peek(s, 0)) != quote; take(s)) {
		if (c == '\n' || c < 0) {
			s->line = begin;
			return fail(s, "a string begins here and does not end in this line");
		}
		if (c == '$' && quote == '"' && peek(s, 1) == '{')
			return fail(s, "\"${\" in a string: variables are not read here; write \\${");
		if (c != '\\')
			continue;
		take(s);
		c = peek(s, 0);
		if (c < 0 || c == '\n' || (quote == '"' && !strchr("\"\\$'", c)))
			return fail(s, "in a string \\ stands only before \" \\ and $");
	}
	take(s);
	return true;
}

static bool scan_comment(struct scan *s)
{
	unsigned begin = s->line;

	if (peek(s, 0) == '/' && peek(s, 1) == '*') {
		take(s);
		take(s);
		while (!(peek(s, 0) == '*' && peek(s, 1) == '/')) {
			if (peek(s, 0) < 0) {
				s->line = begin;
				return fail(s, "a comment begins here and does not end");
			}
			take(s);
		}
		take(s);
		take(s);
		return true;
	}
	while (peek(s, 0) >= 0 && peek(s, 0) != '\n')
		take(s);
	return true;
}

/* libconfuse takes the end of the text for a missing }. */
static void count_brace(struct scan *s, int c)
{
	if (c == '{' && s->depth++ == 0)
		s->open_at = s->line;
	else if (c == '}' && s->depth > 0)
		s->depth--;
}

enum err conf_scan_text(struct slice in, unsigned *ret_line, const char **ret_text)
{
	struct scan s = { .in = in, .line = 1 };
	bool in_word = false, good = true;

	while (good && s.at < in.n) {
		int c = peek(&s, 0), next = peek(&s, 1);

		if (c == '"' || c == '\'') {
			good = scan_string(&s, c);
			in_word = false;
		} else if (c == '#' || (c == '/' && !in_word && (next == '/' || next == '*'))) {
			good = scan_comment(&s);
			in_word = false;
		} else if (c == '*' || c == '$') {
			good = fail(&s, "* or $ outside a string: put the value in \"quotes\"");
		} else if (c == '+') {
			good = fail(&s, "+ outside a string: give the whole list with =, or quote the value");
		} else if ((c < 32 && c != '\n' && c != '\t' && c != '\r') || c == 127) {
			good = fail(&s, "a control character");
		} else {
			in_word = !strchr(" \t\r\n={}(),", c);
			count_brace(&s, c);
			take(&s);
		}
	}
	if (good && s.depth == 0)
		return ERR_OK;
	if (good) {
		s.line = s.open_at;
		s.why = "a { stands here without its }";
	}
	*ret_line = s.line;
	*ret_text = s.why;
	return ERR_SYNTAX;
}
