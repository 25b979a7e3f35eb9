/*
 * line_split: a stream of bytes, in pieces of any size, becomes lines. What is
 * longer than LINE_SPLIT_MAX is dropped whole and counted. Pure.
 * SPDX-License-Identifier: ISC
 */
#ifndef CORE_LINE_SPLIT_H
#define CORE_LINE_SPLIT_H
#include "base/slice.h"

#include <stdint.h>

#define LINE_SPLIT_MAX 8192 /* bytes of a line; syslog's limit is 2,048 with most daemons */

struct line_split {
	char part[LINE_SPLIT_MAX]; /* front of a line whose end has not come */
	size_t n;
	bool is_skipping; /* inside a line that is too long */
	uint64_t dropped; /* lines too long */
};

/* Forget a part of a line. dropped stays. */
void line_split_reset(struct line_split *s);
/*
 * Take bytes off the front of *in. True: *ret is the next line, without LF or
 * CR LF, good until the next call; false: *in is used up.
 */
bool line_split_next(struct line_split *s, struct slice *in, struct slice *ret);

#endif /* CORE_LINE_SPLIT_H */
