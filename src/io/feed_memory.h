/*
 * feed_memory: the memory behind core/feed_area: a memfd that nobody writes
 * any more, its maker included. Handed from role to role; each maps it for
 * itself and lets go of it when the next set has come.
 * SPDX-License-Identifier: ISC
 */
#ifndef IO_FEED_MEMORY_H
#define IO_FEED_MEMORY_H
#include "core/feed_area.h"

struct feed_memory {
	int fd; /* to hand on; -1: none */
	void *map;
	size_t bytes;
	struct feed_area area;
};

#define FEED_MEMORY_NONE ((struct feed_memory){ .fd = -1 })

/* Of a sealed set. ERR_IO: errno. */
enum err feed_memory_make(const struct prefix_set *sealed, struct feed_memory *ret) MUST_USE;
/*
 * For who was given it; takes fd, also when it fails. ERR_DENIED: it lacks the seals, so that
 * reading could fault or change; ERR_SYNTAX, ERR_VERSION: no area; ERR_IO: errno.
 */
enum err feed_memory_open(int fd, struct feed_memory *ret) MUST_USE;
/* NONE is fine. */
void feed_memory_close(struct feed_memory *m);

#endif /* IO_FEED_MEMORY_H */
