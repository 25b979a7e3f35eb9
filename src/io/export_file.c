/*
 * export_file: bytes go from the writer's buffer through zlib, where the
 * format wants it, to the descriptor, a piece at a time.
 * SPDX-License-Identifier: ISC
 */
#include "io/export_file.h"
#include "io/whole_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#define PIECE 65536u
#define BUFFER (64u << 20) /* an entry of a zone is a few hundred names, but for a /8 */
#define HEAD 4096

struct sink {
	int fd;
	z_stream z;
	bool is_gzip;
	struct export_writer writer;
	struct buf buf;
	enum err err;
	int error; /* errno of ERR_IO */
	uint64_t bytes;
};

static void write_bytes(struct sink *s, const void *p, size_t n)
{
	if (s->err != ERR_OK)
		return;
	s->err = whole_file_write(s->fd, slice_of(p, n));
	if (s->err == ERR_OK)
		s->bytes += n;
	else
		s->error = errno;
}

static void squeeze(struct sink *s, int flush)
{
	unsigned char out[PIECE];

	s->z.next_in = (unsigned char *)s->buf.p;
	s->z.avail_in = (unsigned)s->buf.n;
	do {
		s->z.next_out = out;
		s->z.avail_out = sizeof out;
		if (deflate(&s->z, flush) == Z_STREAM_ERROR) {
			s->err = ERR_NOMEM;
			return;
		}
		write_bytes(s, out, sizeof out - s->z.avail_out);
	} while (s->z.avail_out == 0 && s->err == ERR_OK);
}

static void drain(struct sink *s, bool is_end)
{
	if (s->is_gzip)
		squeeze(s, is_end ? Z_FINISH : Z_NO_FLUSH);
	else
		write_bytes(s, s->buf.p, s->buf.n);
	buf_reset(&s->buf);
}

static bool take(void *ctx, const struct export_entry *e)
{
	struct sink *s = ctx;

	if (!export_format_entry(&s->writer, e))
		return false;
	if (s->buf.n >= PIECE)
		drain(s, false);
	return s->err == ERR_OK;
}

enum err export_file_stream(int fd, const struct export_source *source, enum conf_export_format f,
	const struct export_site *site, struct export_written *ret)
{
	const struct export_form *form = export_form_of(f);
	struct sink s = { .fd = fd, .is_gzip = form->is_gzip };
	enum err e;

	/* 15 + 16: gzip with the largest window; no name and no time in its head */
	if (s.is_gzip && deflateInit2(&s.z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK)
		return ERR_NOMEM;
	buf_init(&s.buf, BUFFER);
	export_format_begin(&s.writer, f, site, &s.buf);
	export_list_each(source, form->is_set, take, &s);
	e = export_format_end(&s.writer);
	if (e == ERR_OK && s.err == ERR_OK)
		drain(&s, true);
	if (e == ERR_OK)
		e = s.err;
	if (s.is_gzip)
		(void)deflateEnd(&s.z);
	buf_done(&s.buf);
	if (e == ERR_OK)
		*ret = (struct export_written){ .entries = s.writer.entries, .bytes = s.bytes, .hash = s.writer.hash };
	errno = s.error;
	return e;
}

/* ERR_IO: errno. */
static enum err write_aside(const char *aside, const struct export_source *s, enum conf_export_format f,
	const struct export_site *site, struct export_written *ret)
{
	enum err e = ERR_IO;
	int fd, error;

	if (unlink(aside) != 0 && errno != ENOENT)
		return ERR_IO;
	fd = open(aside, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (fd < 0)
		return ERR_IO;
	if (fchmod(fd, 0644) == 0)
		e = export_file_stream(fd, s, f, site, ret);
	if (e == ERR_OK && fsync(fd) != 0)
		e = ERR_IO;
	error = errno;
	if (close(fd) != 0 && e == ERR_OK) {
		e = ERR_IO;
		error = errno;
	}
	errno = error;
	return e;
}

enum err export_file_write(const char *path, const struct export_source *s, enum conf_export_format f,
	const struct export_site *site, const uint64_t *old_hash, struct export_written *ret)
{
	struct export_written w;
	char aside[EXPORT_PATH];
	struct stat st;
	enum err e;
	int error;

	if (snprintf(aside, sizeof aside, "%s.new", path) >= (int)sizeof aside)
		return ERR_LIMIT;
	e = write_aside(aside, s, f, site, &w);
	w.is_same = e == ERR_OK && old_hash && *old_hash == w.hash && lstat(path, &st) == 0;
	if (e == ERR_OK && !w.is_same && rename(aside, path) != 0)
		e = ERR_IO;
	error = errno;
	if (e != ERR_OK || w.is_same)
		(void)unlink(aside);
	else
		(void)!whole_file_sync_folder(
			path); /* the file is there either way; only its name could be lost with the power */
	errno = error;
	if (e == ERR_OK)
		*ret = w;
	return e;
}

uint32_t export_file_serial(const char *path)
{
	char head[HEAD];
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	ssize_t n = fd >= 0 ? read(fd, head, sizeof head) : -1;

	if (fd >= 0)
		(void)close(fd);
	return n > 0 ? export_serial_read(slice_of(head, (size_t)n)) : 0;
}
