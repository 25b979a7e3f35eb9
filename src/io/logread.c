/*
 * logread: plain files straight from the kernel; zlib's gz functions read the rest (packed, or a pipe that may be).
 * SPDX-License-Identifier: ISC
 */
#include "io/logread.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "core/line_split.h"
#include "io/logread_ahead.h"

#define PIECE 131072

struct logread {
	gzFile file;                 /* NULL: plain, read from fd */
	int fd;                      /* -1: of file */
	struct logread_ahead *ahead; /* NULL: not yet, or not at all */
	char *path;
	struct line_split split;
	struct slice in;
	bool is_over, is_regular;
	uint64_t size, mtime, first, bytes, lines; /* first: where the plain file stood at the start */
	char piece[PIECE];
};

static enum err say(char text[LOGREAD_TEXT], const char *path, const char *what)
{
	(void)snprintf(text, LOGREAD_TEXT, "%.400s: %.150s", path, what);
	return ERR_IO;
}

/* zlib's own rule. Not of a pipe: nothing can be put back there. */
static bool is_plain(int fd, const struct stat *st, uint64_t *ret_first)
{
	off_t at = S_ISREG(st->st_mode) ? lseek(fd, 0, SEEK_CUR) : -1;
	uint8_t head[2] = { 0 };

	if (at < 0 || pread(fd, head, sizeof head, at) < 0)
		return false;
	*ret_first = (uint64_t)at;
	return head[0] != 0x1f || head[1] != 0x8b;
}

static enum err open_file(struct logread *r, const char *path, char text[LOGREAD_TEXT])
{
	bool is_stdin = strcmp(path, "-") == 0;
	int fd = is_stdin ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) != 0) {
		(void)say(text, path, strerror(errno));
		goto failed;
	}
	if (S_ISDIR(st.st_mode)) {
		(void)say(text, path, "is a folder");
		goto failed;
	}
	if (S_ISREG(st.st_mode)) {
		r->is_regular = true;
		r->size = (uint64_t)st.st_size;
		r->mtime = (uint64_t)st.st_mtime;
	}
	r->fd = fd;
	r->path = strdup(is_stdin ? "standard input" : path);
	if (r->path && is_plain(fd, &st, &r->first))
		return ERR_OK;
	r->file = r->path ? gzdopen(fd, "rb") : NULL;
	r->fd = r->file ? -1 : fd;
	if (r->file && gzbuffer(r->file, PIECE) == 0)
		return ERR_OK;
	(void)say(text, path, "no memory");
	return ERR_NOMEM;
failed:
	if (fd >= 0)
		(void)close(fd);
	return ERR_IO;
}

enum err logread_open(const char *path, struct logread **ret, char text[LOGREAD_TEXT])
{
	struct logread *r = calloc(1, sizeof *r);
	enum err e;

	if (!r) {
		(void)say(text, path, "no memory");
		return ERR_NOMEM;
	}
	r->fd = -1;
	e = open_file(r, path, text);
	if (e != ERR_OK) {
		logread_close(r);
		return e;
	}
	*ret = r;
	return ERR_OK;
}

void logread_close(struct logread *r)
{
	if (!r)
		return;
	logread_ahead_stop(r->ahead);
	if (r->file)
		(void)gzclose_r(r->file);
	if (r->fd >= 0)
		(void)close(r->fd);
	free(r->path);
	free(r);
}

/* What gzread gives. The first piece is unpacked here: of many files that are merged, most wait behind a line of it. */
static int read_piece(struct logread *r, struct slice *ret)
{
	int n;

	if (!r->ahead && r->is_regular && r->bytes > 0)
		r->ahead = logread_ahead_start(r->file);
	if (r->ahead)
		return logread_ahead_next(r->ahead, ret);
	n = gzread(r->file, r->piece, LOGREAD_PIECE);
	*ret = slice_of(r->piece, n > 0 ? (size_t)n : 0);
	return n;
}

/* *ret empty: the end. */
static enum err read_packed(struct logread *r, struct slice *ret, char text[LOGREAD_TEXT])
{
	int n = read_piece(r, ret), code = Z_OK;
	const char *why = n <= 0 ? gzerror(r->file, &code) : "";

	if (n < 0 && code == Z_ERRNO && strstr(why, ": ")) /* "<fd:3>: text of errno" */
		why = strstr(why, ": ") + 2;
	if (n < 0)
		return say(text, r->path, why);
	/* a member that is cut off gives what there is, and only then an error */
	if (n == 0 && code == Z_BUF_ERROR)
		return say(text, r->path, "ends in the middle of packed data");
	return ERR_OK;
}

static enum err read_plain(struct logread *r, struct slice *ret, char text[LOGREAD_TEXT])
{
	ssize_t n = read(r->fd, r->piece, PIECE);

	if (n < 0)
		return say(text, r->path, strerror(errno));
	*ret = slice_of(r->piece, (size_t)n);
	return ERR_OK;
}

/* More bytes into in; at the end a LF, so that a last line without one counts. */
static enum err refill(struct logread *r, char text[LOGREAD_TEXT])
{
	struct slice more = { 0 };
	enum err e = r->file ? read_packed(r, &more, text) : read_plain(r, &more, text);

	if (e != ERR_OK)
		return e;
	if (more.n) {
		r->bytes += more.n;
		r->in = more;
		return ERR_OK;
	}
	if (r->is_over || (r->split.n == 0 && !r->split.is_skipping))
		return ERR_CLOSED;
	r->is_over = true;
	r->piece[0] = '\n';
	r->in = slice_of(r->piece, 1);
	return ERR_OK;
}

enum err logread_line(struct logread *r, struct slice *ret, char text[LOGREAD_TEXT])
{
	enum err e;

	while (!line_split_next(&r->split, &r->in, ret)) {
		e = refill(r, text);
		if (e != ERR_OK)
			return e;
	}
	r->lines++;
	return ERR_OK;
}

const char *logread_path(const struct logread *r)
{
	return r->path;
}

uint64_t logread_number(const struct logread *r)
{
	return r->lines + r->split.dropped;
}

uint64_t logread_dropped(const struct logread *r)
{
	return r->split.dropped;
}

uint64_t logread_size(const struct logread *r)
{
	return r->size;
}

uint64_t logread_position(const struct logread *r)
{
	z_off_t at;

	if (r->ahead)
		return logread_ahead_position(r->ahead);
	at = r->file ? gzoffset(r->file) : (z_off_t)(r->first + r->bytes);
	return at < 0 ? r->size : (uint64_t)at;
}

uint64_t logread_bytes(const struct logread *r)
{
	return r->bytes;
}

uint64_t logread_mtime(const struct logread *r)
{
	return r->mtime;
}
