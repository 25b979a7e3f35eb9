/*
 * block_memory: the memory behind core/block_share: a memfd that only its
 * maker can write. Sealed against shrinking (a reader never meets a missing
 * page), growing, later writable mappings and writes. Owner of the writable
 * one: the engine; it hands out the descriptor.
 * SPDX-License-Identifier: ISC
 */
#ifndef IO_BLOCK_MEMORY_H
#define IO_BLOCK_MEMORY_H
#include "core/block_share.h"

struct block_memory {
	int fd; /* to hand out; -1: none */
	void *map;
	size_t bytes;
};

#define BLOCK_MEMORY_NONE ((struct block_memory){ .fd = -1 })

/* For the writer, all zero. ERR_IO: errno. */
enum err block_memory_make(size_t bytes, struct block_memory *ret) MUST_USE;
/*
 * For a reader; takes fd, also when it fails. ERR_DENIED: it lacks the seals,
 * so that reading could fault; ERR_IO: errno.
 */
enum err block_memory_open(int fd, struct block_memory *ret) MUST_USE;
/* A reader's: give up to bytes of it back, which takes time for much of it. False: that was all, it is NONE now. */
bool block_memory_give_back(struct block_memory *m, size_t bytes);
/* NONE is fine. */
void block_memory_close(struct block_memory *m);

#endif /* IO_BLOCK_MEMORY_H */
