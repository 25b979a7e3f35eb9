/*
 * area_memory: memory that roles share, as a memfd of which only its maker can
 * write a byte: the live blocks (core/block_share), which the engine goes on
 * writing, and the sets of feeds (core/feed_area), which nobody writes any
 * more, their maker included. Neither can shrink, so that a reader never meets
 * a missing page; what lacks the seals for its kind is refused.
 *
 * Owner of the memory: each process of its own mapping; it is gone when the
 * last has closed it, which for millions of addresses takes milliseconds.
 * SPDX-License-Identifier: ISC
 */
#ifndef IO_AREA_MEMORY_H
#define IO_AREA_MEMORY_H
#include "core/block_share.h"
#include "core/feed_area.h"

struct area_memory {
	int fd; /* to hand out; -1: none */
	void *map;
	size_t bytes;
};

#define AREA_MEMORY_NONE ((struct area_memory){ .fd = -1 })

/* For the writer of blocks, all zero. ERR_IO: errno. */
enum err area_memory_make_blocks(size_t bytes, struct area_memory *ret) MUST_USE;
/* Of a sealed set. ERR_IO: errno. */
enum err area_memory_make_feed(
	const struct prefix_set *sealed, struct area_memory *ret, struct feed_area *ret_area) MUST_USE;
/*
 * For who was given it; takes fd, also when it fails. ERR_DENIED: it lacks the seals, so that reading could fault,
 * or a set could change; ERR_SYNTAX, ERR_VERSION: no area; ERR_NOMEM; ERR_IO: errno.
 */
enum err area_memory_open_blocks(int fd, struct area_memory *ret, struct block_view *ret_view) MUST_USE;
enum err area_memory_open_feed(int fd, struct area_memory *ret, struct feed_area *ret_area) MUST_USE;
/* A reader's: give up to bytes of it back, which takes time for much of it. False: that was all, it is NONE now. */
bool area_memory_give_back(struct area_memory *m, size_t bytes);
/* NONE is fine. */
void area_memory_close(struct area_memory *m);

#endif /* IO_AREA_MEMORY_H */
