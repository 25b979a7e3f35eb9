/*
 * feed_keep: the last good set of a feed as a file: a head of a fixed length,
 * then the set (core/feed_area). Version and checksum (BLAKE2b) over all of it:
 * a file that is not whole is refused, and the source asked again. Pure.
 * SPDX-License-Identifier: ISC
 */
#ifndef CORE_FEED_KEEP_H
#define CORE_FEED_KEEP_H
#include "core/feed_area.h"
#include "core/message.h"

#include <stdint.h>

#define FEED_KEEP_HEAD 1024
#define FEED_KEEP_KEY 16
#define FEED_KEEP_TAG 256
#define FEED_KEEP_MODIFIED 64

struct feed_keep {
	uint8_t key[FEED_KEEP_KEY]; /* of the settings that it was made with */
	uint64_t time;              /* Unix seconds: fetched */
	uint64_t changed;           /* became other than it was */
	uint32_t entries, refused;  /* lines */
	uint64_t mark;              /* of local files: names, sizes, times; 0 */
	char tag[FEED_KEEP_TAG];    /* ETag; "" */
	char modified[FEED_KEEP_MODIFIED];
	char text[MESSAGE_FEED_TEXT]; /* to those it lists */
};

/* The head of a file that goes on with area. */
void feed_keep_write(const struct feed_keep *k, struct slice area, uint8_t ret_head[FEED_KEEP_HEAD]);
/*
 * A whole file; ret_area borrows. The area itself is looked at by who opens it. ERR_SYNTAX; ERR_VERSION.
 */
enum err feed_keep_read(struct slice file, struct feed_keep *ret, struct slice *ret_area) MUST_USE;

/* What two sets differ in: IPv4 addresses and /64 of IPv6. */
struct feed_change {
	uint64_t added4, added6, removed4, removed6;
	uint64_t had4, had6;
};

#define FEED_CHANGE_FEW 16 /* addresses: so few may always change */

void feed_change_find(const struct prefix_set *was, const struct prefix_set *is, struct feed_change *ret);
/* More than percent of what there was, in one of the families; 100: never. */
bool feed_change_is_large(const struct feed_change *c, unsigned percent);

#endif /* CORE_FEED_KEEP_H */
