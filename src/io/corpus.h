/*
 * corpus: captured messages as files of a Maildir (tmp, new, cur), the
 * evidence behind hits. A message is written while it streams in; it is
 * evidence once corpus_sync and corpus_publish have come back. Names are
 * corpus ids: receive time, dot, 64 random bits; no address in them.
 *
 * Room is bounded three ways: bytes of one message, bytes in all, and free
 * disk that is left alone. Without room only the header of a message is kept;
 * beyond CORPUS_SPARE nothing is: degraded, never refused. Files are 0600,
 * folders 0700. One process, one thread owns a corpus. fsync is called by
 * corpus_sync and corpus_publish only.
 * SPDX-License-Identifier: ISC
 */
#ifndef IO_CORPUS_H
#define IO_CORPUS_H
#include "base/buf.h"
#include "base/err.h"

#include <dirent.h>
#include <stdint.h>
#include <sys/types.h>

#define CORPUS_ID 32              /* longest id with NUL */
#define CORPUS_BUFFER (64u << 10) /* bytes of one file held in memory before they are written */
#define CORPUS_HEADER (64u << 10) /* bytes kept of a message when there is no room */
#define CORPUS_SPARE 16           /* header-only files may use 1/16 beyond total, and of the reserve */
#define CORPUS_HEAD (4u << 20)    /* bytes shown by a walk at most */
#define CORPUS_BLOCK 4096         /* disk space is counted in blocks */

struct corpus;

struct corpus_limits {
	uint64_t message; /* bytes of one message */
	uint64_t total;   /* bytes of all */
	uint64_t reserve; /* bytes of the disk that stay free */
};

/* One message being written. Zero the struct before the first corpus_begin. */
struct corpus_file {
	char id[CORPUS_ID]; /* "" once nothing of it can be kept */
	bool is_truncated;  /* not kept whole */
	bool is_open;       /* begun, not yet closed or dropped */
	bool is_published;
	bool is_whole; /* corpus_begin_whole */
	/* below: private */
	bool is_header_only;
	bool is_stopped; /* nothing more is written */
	int fd;          /* -1: not created yet */
	uint64_t bytes;  /* written */
	uint64_t header; /* of them and the buffered ones: header */
	struct buf buf;
};

/* Make the folders where they are missing, drop what a crash left in tmp, count. ERR_IO (errno), ERR_NOMEM. */
enum err corpus_open(const char *dir, const struct corpus_limits *limits, struct corpus **ret) MUST_USE;
/* Files still open are the caller's to drop first. NULL is fine. */
void corpus_close(struct corpus *c);
void corpus_set_limits(struct corpus *c, const struct corpus_limits *limits);
/* Tests: a disk that fails. */
void corpus_set_writer(struct corpus *c, ssize_t (*write_fn)(int fd, const void *p, size_t n));

void corpus_begin(struct corpus *c, uint64_t now_s, struct corpus_file *f);
/*
 * A message that real people wait for: all of it is kept, whatever the size of
 * one message and of all may be (Postfix has it already, and few of them are
 * here at a time), as long as the disk's reserve is not touched by much.
 */
void corpus_begin_whole(struct corpus *c, uint64_t now_s, struct corpus_file *f);
/* Header bytes first (our trace fields and the message's), then body bytes. Never fails: see id and is_truncated. */
void corpus_add(struct corpus *c, struct corpus_file *f, struct slice s, bool is_header);
/* Hand all bytes to the kernel; from now on id and is_truncated are final. */
void corpus_finish(struct corpus *c, struct corpus_file *f);
/* Finished: put these bytes over others at offset. ERR_IO. */
enum err corpus_patch(struct corpus_file *f, uint64_t offset, struct slice s) MUST_USE;
/* Finished: nobody waits for it any more, cut it to the size of one message. */
void corpus_trim(struct corpus *c, struct corpus_file *f);
/* The file's bytes onto the disk. ERR_IO: dropped, id is "". */
enum err corpus_sync(struct corpus *c, struct corpus_file *f) MUST_USE;
/*
 * Move n synced files into place and fsync the folder once. ERR_IO: those that
 * could not be moved have is_published false; the folder's fsync failed.
 */
enum err corpus_publish(struct corpus *c, struct corpus_file *const *f, size_t n) MUST_USE;
/* Keep what is published, let go of the rest of the struct. */
void corpus_release(struct corpus *c, struct corpus_file *f);
/* Delete it, whatever its state, and release. */
void corpus_drop(struct corpus *c, struct corpus_file *f);

/* A published message for reading; the caller closes it. ERR_SYNTAX: no id; ERR_NOTFOUND; ERR_IO. */
enum err corpus_look(const struct corpus *c, const char *id, int *ret_fd) MUST_USE;
/* By id. ERR_SYNTAX: no id; ERR_NOTFOUND; ERR_IO. */
enum err corpus_remove(struct corpus *c, const char *id) MUST_USE;
/*
 * Look at up to budget names, going on where the last call stopped, and delete
 * those received before before_s. True when the round is complete.
 */
bool corpus_sweep(struct corpus *c, uint64_t before_s, size_t budget, uint32_t *ret_removed);
/*
 * A walk over all published files in small steps: each is shown by its first
 * bytes, the caller's until the function returns. CORPUS_MORE: the same file
 * with more of them, up to CORPUS_HEAD; is_all: there are no more, then it stays.
 * CORPUS_CHANGED: the bytes of head are other ones now, as many: they are written
 * over the file's.
 */
struct corpus_shown {
	const char *id;
	struct buf *head;
	bool is_all;
};
enum corpus_fate { CORPUS_STAYS, CORPUS_GOES, CORPUS_MORE, CORPUS_CHANGED };
typedef enum corpus_fate (*corpus_show_fn)(const struct corpus_shown *f, void *ctx);
struct corpus_walk {
	uint32_t deleted;
	uint32_t changed;
	uint32_t failed; /* could not be read, deleted or changed */
	/* below: private */
	DIR *dir;
	unsigned folder; /* enum folder of corpus.c, + 1 */
	struct buf head;
};
/* Zero *w before the first step. True: all were shown, and what was deleted or changed is so on disk. */
bool corpus_walk_step(struct corpus *c, struct corpus_walk *w, size_t budget, corpus_show_fn show, void *ctx);
/* Frees what a walk holds, complete or not. */
void corpus_walk_end(struct corpus_walk *w);
/* is_full: new messages are not kept whole. */
void corpus_state(struct corpus *c, uint64_t *ret_bytes, uint32_t *ret_files, bool *ret_full);

#endif /* IO_CORPUS_H */
