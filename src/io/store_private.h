/*
 * store_private: what store.c (open, read, backup) and store_writer.c (queue,
 * thread, commits) share. Nobody else includes it.
 *
 * Threads: the caller's and the writer's. `lock` guards the queue and the
 * state and is never held over I/O. `map` guards the environment itself:
 * readers share it while they look at pages, the writer takes it to change the map
 * size or to open anew. A function takes `map` before `lock`, never after.
 * SPDX-License-Identifier: ISC
 */
#ifndef IO_STORE_PRIVATE_H
#define IO_STORE_PRIVATE_H
#include "base/buf.h"
#include "io/store.h"

#include <lmdb.h>
#include <pthread.h>

#define STORE_NAME_DATA "data.mdb"
#define STORE_HEADROOM (8u << 20) /* bytes above the map's size that only deletions may use */

struct store {
	/* the environment */
	char *dir;
	int dir_fd; /* holds the lock against a second opener */
	uint64_t size;
	pthread_rwlock_t map;
	MDB_env *env;
	MDB_dbi dbi;
	MDB_txn *reader; /* reset between uses */

	/* the queue, under lock */
	pthread_mutex_t lock;
	pthread_cond_t wake;    /* to the writer: there is something to do */
	pthread_cond_t settled; /* from the writer: a group was tried */
	struct buf filling;
	size_t writing_bytes; /* what the writer still holds */
	uint64_t ticket;      /* of the group being filled */
	size_t group_bytes, group_ops;
	uint64_t durable;
	uint64_t failures; /* groups that failed, tries counted */
	uint64_t lost;
	enum err state;
	bool is_kicked, is_stopping, has_thread, has_del;
	pthread_t thread;
	int event_fd;

	/* the writer's own */
	struct buf writing;
	size_t at; /* of writing: what was committed before */
};

/* env, dbi and reader of s->dir. 0, or an error of LMDB or errno; nothing is open then. */
int store_env_open(struct store *s);
void store_env_close(struct store *s);
/* Locks and queue of a store just made. */
enum err store_writer_init(struct store *s) MUST_USE;
/* Commit what is queued, end the thread, free the rest. */
void store_writer_done(struct store *s);

#endif /* IO_STORE_PRIVATE_H */
