/*
 * logread: zlib's gz functions read plain files too.
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

#define PIECE 131072

struct logread {
	gzFile file;
	char *path;
	struct line_split split;
	struct slice in;
	bool is_over;
	uint64_t size, mtime, bytes, lines;
	char piece[PIECE];
};

static enum err say(char text[LOGREAD_TEXT], const char *path, const char *what)
{
	(void)snprintf(text, LOGREAD_TEXT, "%.400s: %.150s", path, what);
	return ERR_IO;
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
		r->size = (uint64_t)st.st_size;
		r->mtime = (uint64_t)st.st_mtime;
	}
	r->path = strdup(is_stdin ? "standard input" : path);
	r->file = gzdopen(fd, "rb");
	if (r->path && r->file && gzbuffer(r->file, PIECE) == 0)
		return ERR_OK;
	(void)say(text, path, "no memory");
	if (r->file)
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
	if (r->file)
		(void)gzclose_r(r->file);
	free(r->path);
	free(r);
}

/* More bytes into in; at the end a LF, so that a last line without one counts. */
static enum err refill(struct logread *r, char text[LOGREAD_TEXT])
{
	int n = gzread(r->file, r->piece, PIECE), code = Z_OK;
	const char *why = n < 0 ? gzerror(r->file, &code) : "";

	if (n < 0)
		return say(text, r->path, code == Z_ERRNO ? strerror(errno) : why);
	if (n > 0) {
		r->bytes += (uint64_t)n;
		r->in = slice_of(r->piece, (size_t)n);
		return ERR_OK;
	}
	/* a member that is cut off gives what there is, and only then an error */
	(void)gzerror(r->file, &code);
	if (code == Z_BUF_ERROR)
		return say(text, r->path, "ends in the middle of packed data");
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
	z_off_t at = gzoffset(r->file);

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
