/*
 * buf: doubling growth, capped.
 * SPDX-License-Identifier: ISC
 */
#include "base/buf.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define BUF_FIRST 256

void buf_init(struct buf *b, size_t cap)
{
	*b = (struct buf){ .cap = cap };
}

void buf_done(struct buf *b)
{
	free(b->p);
	*b = (struct buf){ .cap = b->cap };
}

enum err buf_reserve(struct buf *b, size_t n)
{
	size_t want, size;
	char *p;

	if (n > b->cap || b->n > b->cap - n)
		return ERR_LIMIT;
	want = b->n + n;
	if (want <= b->size)
		return ERR_OK;
	size = b->size ? b->size : BUF_FIRST;
	while (size < want)
		size = size > SIZE_MAX / 2 ? want : size * 2;
	if (size > b->cap)
		size = b->cap;
	p = realloc(b->p, size);
	if (!p)
		return ERR_NOMEM;
	b->p = p;
	b->size = size;
	return ERR_OK;
}

enum err buf_add(struct buf *b, struct slice s)
{
	enum err e = buf_reserve(b, s.n);

	if (e == ERR_OK && s.n) {
		memcpy(b->p + b->n, s.p, s.n);
		b->n += s.n;
	}
	return e;
}

enum err buf_add_str(struct buf *b, const char *s)
{
	return buf_add(b, slice_str(s));
}

enum err buf_add_char(struct buf *b, char c)
{
	return buf_add(b, (struct slice){ &c, 1 });
}

enum err buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list ap;
	int n;
	enum err e;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0)
		return ERR_SYNTAX;
	e = buf_reserve(b, (size_t)n);
	if (e == ERR_OK && b->size - b->n < (size_t)n + 1 && b->size < b->cap)
		e = buf_reserve(b, (size_t)n + 1);
	if (e != ERR_OK)
		return e;
	if (b->size - b->n > (size_t)n) {
		va_start(ap, fmt);
		(void)vsnprintf(b->p + b->n, (size_t)n + 1, fmt, ap);
		va_end(ap);
	} else { /* exactly full: vsnprintf would need one byte for its NUL */
		char *tmp = malloc((size_t)n + 1);

		if (!tmp)
			return ERR_NOMEM;
		va_start(ap, fmt);
		(void)vsnprintf(tmp, (size_t)n + 1, fmt, ap);
		va_end(ap);
		memcpy(b->p + b->n, tmp, (size_t)n);
		free(tmp);
	}
	b->n += (size_t)n;
	return ERR_OK;
}

void buf_consume(struct buf *b, size_t n)
{
	if (n >= b->n) {
		b->n = 0;
		return;
	}
	memmove(b->p, b->p + n, b->n - n);
	b->n -= n;
}

const char *buf_cstr(struct buf *b)
{
	if (b->n == b->size && buf_reserve(b, 1) != ERR_OK)
		return "";
	b->p[b->n] = '\0';
	return b->p;
}
