/*
 * err: the one error type. Functions that can fail return it; outputs come
 * last (ret_x) and are untouched on failure.
 * SPDX-License-Identifier: ISC
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#define MUST_USE __attribute__((warn_unused_result))

enum err {
	ERR_OK = 0,
	ERR_MORE,     /* input ends before the thing does: call again with more */
	ERR_SYNTAX,   /* input is malformed */
	ERR_LIMIT,    /* a named cap was met */
	ERR_NOMEM,    /* no memory */
	ERR_IO,       /* the system refused: errno says what */
	ERR_NOTFOUND, /* no such thing */
	ERR_EXISTS,   /* is there already */
	ERR_DENIED,   /* not allowed */
	ERR_VERSION,  /* written by a version that this one does not read */
	ERR_FULL,     /* disk, map or table is full */
	ERR_AGAIN,    /* would block: try later */
	ERR_CLOSED,   /* the peer is gone */
};

/* A short English word for messages: "syntax", "limit" ... Never NULL. */
static inline const char *err_name(enum err e)
{
	static const char *const names[] = { "ok", "incomplete", "malformed", "over the limit", "out of memory",
		"system error", "not found", "exists", "denied", "wrong version", "full", "would block", "closed" };
	return (unsigned)e < sizeof names / sizeof names[0] ? names[e] : "unknown";
}

#endif /* BASE_ERR_H */
