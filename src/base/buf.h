/*
 * buf: growable bytes with a hard cap, given once. Adding beyond the cap
 * fails and adds nothing. Owns its memory.
 * SPDX-License-Identifier: ISC
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H
#include "base/err.h"
#include "base/slice.h"

struct buf {
	char *p;
	size_t n;    /* bytes in use */
	size_t size; /* bytes allocated */
	size_t cap;  /* never more than this */
};

/* An empty buffer; allocates nothing yet. */
void buf_init(struct buf *b, size_t cap);
/* Free; the struct can be used again after buf_init. */
void buf_done(struct buf *b);
/* Empty, memory kept. */
static inline void buf_reset(struct buf *b)
{
	b->n = 0;
}
static inline struct slice buf_slice(const struct buf *b)
{
	return (struct slice){ b->p, b->n };
}
/* Make room for n more bytes: ERR_LIMIT beyond the cap, ERR_NOMEM. */
enum err buf_reserve(struct buf *b, size_t n) MUST_USE;
/* ERR_LIMIT, ERR_NOMEM; nothing added then. */
enum err buf_add(struct buf *b, struct slice s) MUST_USE;
enum err buf_add_str(struct buf *b, const char *s) MUST_USE;
enum err buf_add_char(struct buf *b, char c) MUST_USE;
enum err buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3))) MUST_USE;
/* Drop n bytes (at most all) from the front. */
void buf_consume(struct buf *b, size_t n);
/* The bytes as a C string (a NUL is put behind them, not counted); "" when it cannot grow. */
const char *buf_cstr(struct buf *b);

#endif /* BASE_BUF_H */
