/*
 * feed_source: the texts of a part.
 * SPDX-License-Identifier: ISC
 */
#include "role/feed.h"

#include "base/escape.h"
#include "base/siphash.h"
#include "io/feed_plan_file.h"
#include "io/gunzip.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static enum err failed(struct feed_job *j, enum err e, const char *what, const char *why)
{
	char text[2 * MESSAGE_FEED_TEXT];

	(void)snprintf(text, sizeof text, "%s%s%s", what, *what ? ": " : "", why);
	(void)escape_text(slice_str(text), j->reason, sizeof j->reason);
	return e;
}

static const char *error_text(enum err e, char to[128])
{
	char text[100];

	if (e != ERR_IO)
		return e == ERR_LIMIT ? "larger than size allows" : err_name(e);
	(void)snprintf(to, 128, "%s", strerror_r(errno, text, sizeof text));
	return to;
}

static size_t cap_of(const struct feed_job *j)
{
	return (size_t)j->spec->conf.size * FEED_UNPACKED;
}

/* As it came; what is packed is unpacked. */
static enum err give(struct feed_job *j, const struct feed_part *p, const char *what, struct slice raw, feed_text_fn fn)
{
	struct buf text;
	enum err e = ERR_OK;

	if (!gunzip_is_packed(raw))
		return fn(j, p, raw);
	buf_init(&text, cap_of(j));
	e = gunzip_all(raw, &text);
	if (e != ERR_OK)
		(void)failed(j, e, what, e == ERR_LIMIT ? "unpacked it is too large" : "gzip is broken or cut off");
	else
		e = fn(j, p, buf_slice(&text));
	buf_done(&text);
	return e;
}

/* ---- files and folders */

static enum err read_file(
	struct feed_job *j, const struct feed_part *p, int dir, const char *name, int flags, feed_text_fn fn)
{
	struct buf raw;
	char why[128];
	enum err e;

	buf_init(&raw, (size_t)j->spec->conf.size);
	e = feed_file_read(dir, name, flags, &raw);
	if (e != ERR_OK)
		(void)failed(j, e, name, error_text(e, why));
	else
		e = give(j, p, name, buf_slice(&raw), fn);
	buf_done(&raw);
	return e;
}

/* rsync's and editors' own files begin with a dot. */
static int is_listed(const struct dirent *d)
{
	return d->d_name[0] != '.';
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static void free_names(struct dirent **names, int n)
{
	for (int i = 0; i < n; i++)
		free(names[i]);
	free((void *)names);
}

static bool is_regular(int dir, const char *name, struct stat *st)
{
	return fstatat(dir, name, st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st->st_mode);
}

/* A file that has gone since the folder was read is none of it any more. */
static enum err read_folder(struct feed_job *j, const struct feed_part *p, int dir, feed_text_fn fn)
{
	struct dirent **names = NULL;
	int n = scandirat(dir, ".", &names, is_listed, by_name);
	enum err e = ERR_OK;
	struct stat st;

	if (n < 0 || n > FEED_FOLDER_MAX)
		e = failed(j, ERR_LIMIT, p->where, n < 0 ? "cannot be read" : "holds too many files");
	for (int i = 0; i < n && e == ERR_OK; i++) {
		if (!is_regular(dir, names[i]->d_name, &st))
			continue;
		e = read_file(j, p, dir, names[i]->d_name, O_NOFOLLOW, fn);
		if (e == ERR_IO && !is_regular(dir, names[i]->d_name, &st))
			e = ERR_OK;
	}
	free_names(names, n);
	return e;
}

static enum err read_path(struct feed_job *j, const struct feed_part *p, feed_text_fn fn)
{
	int dir = open(p->where, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	enum err e;

	if (dir < 0)
		return read_file(j, p, AT_FDCWD, p->where, 0, fn);
	e = read_folder(j, p, dir, fn);
	(void)close(dir);
	return e;
}

struct mark {
	uint64_t inode, size, changed_s, changed_ns, sum;
};

static void mark_file(struct mark *m, const struct stat *st)
{
	static const uint8_t key[SIPHASH_KEY] = { 0 };

	*m = (struct mark){ st->st_ino, (uint64_t)st->st_size, (uint64_t)st->st_mtim.tv_sec,
		(uint64_t)st->st_mtim.tv_nsec, m->sum };
	m->sum = siphash64(key, slice_of(m, sizeof *m));
}

uint64_t feed_source_mark_file(const char *path)
{
	struct mark m = { .sum = 1 };
	struct stat st;

	if (stat(path, &st) != 0)
		return 0;
	mark_file(&m, &st);
	return m.sum;
}

static bool mark_folder(struct mark *m, int dir)
{
	struct dirent **names = NULL;
	int n = scandirat(dir, ".", &names, is_listed, by_name);
	struct stat st;

	for (int i = 0; i < n; i++)
		if (is_regular(dir, names[i]->d_name, &st))
			mark_file(m, &st);
	free_names(names, n);
	return n >= 0;
}

uint64_t feed_source_mark(const struct feed_spec *s)
{
	struct mark m = { .sum = 1 };

	for (unsigned i = 0; i < s->parts; i++) {
		struct stat st;
		int dir;

		if (s->part[i].way != FEED_WAY_PATH || stat(s->part[i].where, &st) != 0)
			return 0;
		mark_file(&m, &st);
		if (!S_ISDIR(st.st_mode))
			continue;
		dir = open(s->part[i].where, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (dir < 0 || !mark_folder(&m, dir))
			m.sum = 0;
		if (dir >= 0)
			(void)close(dir);
		if (!m.sum)
			return 0;
	}
	return m.sum;
}

/* ---- from elsewhere */

static enum err read_download(struct feed_job *j, const struct feed_part *p, feed_text_fn fn)
{
	struct download_ask ask = { .url = p->where,
		.servers = j->servers,
		.is_ftp = p->way == FEED_WAY_FTP,
		.size = (size_t)j->spec->conf.size,
		.limit_ms = j->spec->conf.limit_s * 1000,
		.is_over = j->is_over };
	char reason[DOWNLOAD_REASON];
	struct download_mark mark;
	struct buf text;
	enum err e;

	/* of several parts one alone could be given anew: all are asked for then */
	if (j->spec->parts == 1 && j->last.time) {
		slice_copy(slice_str(j->last.tag), ask.mark.tag, sizeof ask.mark.tag);
		slice_copy(slice_str(j->last.modified), ask.mark.modified, sizeof ask.mark.modified);
	}
	buf_init(&text, cap_of(j));
	e = download_get(&ask, &text, &mark, reason);
	if (e != ERR_OK && e != ERR_EXISTS)
		(void)failed(j, e, j->spec->parts > 1 ? p->list : "", reason);
	if (e == ERR_OK) {
		slice_copy(slice_str(mark.tag), j->set.keep.tag, sizeof j->set.keep.tag);
		slice_copy(slice_str(mark.modified), j->set.keep.modified, sizeof j->set.keep.modified);
		e = fn(j, p, buf_slice(&text));
	}
	buf_done(&text);
	return e;
}

static enum err read_printed(struct feed_job *j, unsigned part, feed_text_fn fn)
{
	const struct feed_part *p = &j->spec->part[part];
	enum err e = ERR_IO;
	struct stat st;
	struct buf raw;
	ssize_t n = -1;

	buf_init(&raw, (size_t)j->spec->conf.size);
	if (fstat(j->printed[part], &st) == 0 && st.st_size >= 0)
		e = buf_reserve(&raw, (size_t)st.st_size);
	if (e == ERR_OK)
		n = pread(j->printed[part], raw.p, (size_t)st.st_size, 0);
	if (n < 0 || (off_t)n != st.st_size)
		e = failed(j, e == ERR_OK ? ERR_IO : e, p->list, "what the command printed cannot be read");
	raw.n = e == ERR_OK ? (size_t)n : 0;
	if (e == ERR_OK)
		e = give(j, p, p->list, buf_slice(&raw), fn);
	buf_done(&raw);
	return e;
}

enum err feed_source_read(struct feed_job *j, unsigned part, feed_text_fn fn)
{
	const struct feed_part *p = &j->spec->part[part];

	switch (p->way) {
	case FEED_WAY_PATH:
		return read_path(j, p, fn);
	case FEED_WAY_HTTP:
	case FEED_WAY_FTP:
		return read_download(j, p, fn);
	case FEED_WAY_COMMAND:
		return read_printed(j, part, fn);
	}
	return ERR_NOTFOUND;
}
