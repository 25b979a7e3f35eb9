/*
 * slice: bytes that somebody else owns (pointer and length, no NUL).
 * A slice never outlives its buffer; whoever stores one says whose it is.
 * SPDX-License-Identifier: ISC
 */
#ifndef BASE_SLICE_H
#define BASE_SLICE_H
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct slice {
	const char *p;
	size_t n;
};

#define SLICE_LIT(s) ((struct slice){ (s), sizeof(s) - 1 })
/* For printf: "%.*s", SLICE_ARG(x). */
#define SLICE_ARG(s) (int)(s).n, ((s).p ? (s).p : "")

static inline struct slice slice_of(const void *p, size_t n)
{
	return (struct slice){ (const char *)p, n };
}

/* s may be NULL: the empty slice. */
static inline struct slice slice_str(const char *s)
{
	return (struct slice){ s, s ? strlen(s) : 0 };
}

static inline bool slice_eq(struct slice a, struct slice b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static inline char ascii_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

/* The value of a hexadecimal digit, -1: it is none. */
static inline int ascii_hex(char c)
{
	c = ascii_lower(c);
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* ASCII case only: the bytes above 127 compare as they are. */
static inline bool slice_eq_nocase(struct slice a, struct slice b)
{
	if (a.n != b.n)
		return false;
	for (size_t i = 0; i < a.n; i++)
		if (ascii_lower(a.p[i]) != ascii_lower(b.p[i]))
			return false;
	return true;
}

static inline bool slice_starts(struct slice s, struct slice head)
{
	return s.n >= head.n && (head.n == 0 || memcmp(s.p, head.p, head.n) == 0);
}

static inline bool slice_starts_nocase(struct slice s, struct slice head)
{
	return s.n >= head.n && slice_eq_nocase((struct slice){ s.p, head.n }, head);
}

static inline bool slice_ends(struct slice s, struct slice tail)
{
	return s.n >= tail.n && slice_eq((struct slice){ s.p + (s.n - tail.n), tail.n }, tail);
}

/* The part of s from i on; i beyond the end gives the empty slice. */
static inline struct slice slice_from(struct slice s, size_t i)
{
	return i >= s.n ? (struct slice){ s.p + s.n, 0 } : (struct slice){ s.p + i, s.n - i };
}

static inline struct slice slice_head(struct slice s, size_t n)
{
	return (struct slice){ s.p, n < s.n ? n : s.n };
}

/* Position of the first c in s, or s.n. */
static inline size_t slice_find(struct slice s, char c)
{
	const char *q = s.n ? memchr(s.p, c, s.n) : NULL;
	return q ? (size_t)(q - s.p) : s.n;
}

/* Position of the last c in s, or s.n. */
static inline size_t slice_rfind(struct slice s, char c)
{
	for (size_t i = s.n; i > 0; i--)
		if (s.p[i - 1] == c)
			return i - 1;
	return s.n;
}

/* Does part stand anywhere in s? */
static inline bool slice_has(struct slice s, struct slice part)
{
	return part.n == 0 || (s.p && s.n >= part.n && memmem(s.p, s.n, part.p, part.n) != NULL);
}

/* Without blanks, tabs, CR and LF at both ends. */
static inline struct slice slice_trim(struct slice s)
{
	while (s.n && strchr(" \t\r\n", s.p[0]) && s.p[0])
		s.p++, s.n--;
	while (s.n && s.p[s.n - 1] && strchr(" \t\r\n", s.p[s.n - 1]))
		s.n--;
	return s;
}

/*
 * slice_word(s, ret): cut the next word (up to blank or tab) off the front of
 * *s. False when nothing is left.
 */
static inline bool slice_word(struct slice *s, struct slice *ret)
{
	size_t i = 0;
	while (s->n && (*s->p == ' ' || *s->p == '\t'))
		s->p++, s->n--;
	while (i < s->n && s->p[i] != ' ' && s->p[i] != '\t')
		i++;
	if (i == 0)
		return false;
	*ret = (struct slice){ s->p, i };
	*s = slice_from(*s, i);
	return true;
}

/*
 * slice_line(s, ret): cut the next line off the front of *s; the LF (and a CR
 * before it) is dropped; a last line without LF counts. False at the end.
 */
static inline bool slice_line(struct slice *s, struct slice *ret)
{
	size_t i;
	if (s->n == 0)
		return false;
	i = slice_find(*s, '\n');
	*ret = (struct slice){ s->p, i };
	*s = slice_from(*s, i + 1);
	if (ret->n && ret->p[ret->n - 1] == '\r')
		ret->n--;
	return true;
}

/* Copy into a char array of size (at least 1), cut to fit, always NUL-terminated. */
static inline void slice_copy(struct slice s, char *to, size_t size)
{
	size_t n = s.n < size - 1 ? s.n : size - 1;
	if (n)
		memcpy(to, s.p, n);
	to[n] = '\0';
}

#endif /* BASE_SLICE_H */
