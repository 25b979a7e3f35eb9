/*
 * corpus: one file descriptor per folder, names relative to them; nothing is
 * opened by an absolute path after corpus_open. A file's cost on disk is
 * counted as it is written, so that parallel messages cannot pass the cap by
 * more than a buffer each.
 * SPDX-License-Identifier: ISC
 */
#include "io/corpus.h"

#include "base/num.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sodium/randombytes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum folder { FOLDER_TMP, FOLDER_NEW, FOLDER_CUR, FOLDERS };

static const char *const folder_names[FOLDERS] = { "tmp", "new", "cur" };

struct corpus {
	int fd[FOLDERS];
	struct corpus_limits limits;
	ssize_t (*write_fn)(int fd, const void *p, size_t n);
	uint64_t bytes; /* cost of all files, those being written too */
	uint32_t files; /* published */
	DIR *sweep;     /* a round under way */
	enum folder sweep_folder;
};

enum room { ROOM_ENOUGH, ROOM_HEADER, ROOM_NONE };

static uint64_t cost_of(uint64_t bytes)
{
	return (bytes + CORPUS_BLOCK - 1) / CORPUS_BLOCK * CORPUS_BLOCK;
}

static void pay(struct corpus *c, uint64_t bytes, uint64_t cost)
{
	c->bytes += cost;
	c->bytes -= bytes < c->bytes ? bytes : c->bytes;
}

/* What may be kept if n more bytes come. */
static enum room room_for(const struct corpus *c, uint64_t n)
{
	uint64_t after = c->bytes + n, total = c->limits.total, reserve = c->limits.reserve, free_bytes = UINT64_MAX;
	struct statvfs v;

	if (fstatvfs(c->fd[FOLDER_TMP], &v) == 0)
		free_bytes = (uint64_t)v.f_bavail * v.f_frsize;
	if (after <= total && free_bytes >= reserve && free_bytes - reserve >= n)
		return ROOM_ENOUGH;
	if (after <= total + total / CORPUS_SPARE && free_bytes >= reserve - reserve / CORPUS_SPARE)
		return ROOM_HEADER;
	return ROOM_NONE;
}

static enum err open_folders(struct corpus *c, const char *dir)
{
	enum err e = ERR_OK;
	int base;

	if (mkdir(dir, 0700) < 0 && errno != EEXIST)
		return ERR_IO;
	base = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (base < 0)
		return ERR_IO;
	for (int i = 0; i < FOLDERS && e == ERR_OK; i++) {
		if (mkdirat(base, folder_names[i], 0700) < 0 && errno != EEXIST)
			e = ERR_IO;
		else
			c->fd[i] = openat(base, folder_names[i], O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (c->fd[i] < 0)
			e = ERR_IO;
	}
	(void)fsync(base); /* best effort: the folders are made anew if lost */
	(void)close(base);
	return e;
}

/* A stream over a folder that leaves c->fd open. */
static DIR *list_folder(const struct corpus *c, enum folder folder)
{
	int fd = openat(c->fd[folder], ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);

	if (!d && fd >= 0)
		(void)close(fd);
	return d;
}

static enum err count_folder(struct corpus *c, enum folder folder)
{
	DIR *d = list_folder(c, folder);
	struct dirent *entry;
	struct stat st;

	if (!d)
		return ERR_IO;
	while ((entry = readdir(d))) {
		if (entry->d_name[0] == '.')
			continue;
		if (folder == FOLDER_TMP) {
			(void)unlinkat(c->fd[folder], entry->d_name, 0); /* it was never acknowledged */
		} else if (fstatat(c->fd[folder], entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
			   S_ISREG(st.st_mode)) {
			c->bytes += cost_of((uint64_t)st.st_size);
			c->files++;
		}
	}
	(void)closedir(d);
	return ERR_OK;
}

enum err corpus_open(const char *dir, const struct corpus_limits *limits, struct corpus **ret)
{
	struct corpus *c = calloc(1, sizeof *c);
	enum err e;

	if (!c)
		return ERR_NOMEM;
	for (int i = 0; i < FOLDERS; i++)
		c->fd[i] = -1;
	c->limits = *limits;
	c->write_fn = write;
	c->sweep_folder = FOLDER_NEW;
	e = open_folders(c, dir);
	for (int i = 0; i < FOLDERS && e == ERR_OK; i++)
		e = count_folder(c, (enum folder)i);
	if (e == ERR_OK) {
		*ret = c;
	} else {
		int saved = errno;

		corpus_close(c);
		errno = saved;
	}
	return e;
}

void corpus_close(struct corpus *c)
{
	if (!c)
		return;
	if (c->sweep)
		(void)closedir(c->sweep);
	for (int i = 0; i < FOLDERS; i++)
		if (c->fd[i] >= 0)
			(void)close(c->fd[i]);
	free(c);
}

void corpus_set_limits(struct corpus *c, const struct corpus_limits *limits)
{
	c->limits = *limits;
}

void corpus_set_writer(struct corpus *c, ssize_t (*write_fn)(int fd, const void *p, size_t n))
{
	c->write_fn = write_fn;
}

static void make_id(uint64_t now_s, char to[CORPUS_ID])
{
	uint64_t random;

	randombytes_buf(&random, sizeof random);
	(void)snprintf(to, CORPUS_ID, "%010llu.%016llx", (unsigned long long)(now_s % 10000000000),
		(unsigned long long)random);
}

/* Is there disk for n more bytes of a message that must be kept whole? */
static bool has_disk(const struct corpus *c, uint64_t n)
{
	uint64_t least = c->limits.reserve - c->limits.reserve / CORPUS_SPARE + n;
	struct statvfs v;

	return fstatvfs(c->fd[FOLDER_TMP], &v) != 0 || (uint64_t)v.f_bavail * v.f_frsize >= least;
}

void corpus_begin_whole(struct corpus *c, uint64_t now_s, struct corpus_file *f)
{
	corpus_begin(c, now_s, f);
	if (!f->id[0])
		make_id(now_s, f->id);
	f->is_whole = has_disk(c, CORPUS_BUFFER);
	f->is_header_only = f->is_stopped = f->is_truncated = !f->is_whole;
}

void corpus_begin(struct corpus *c, uint64_t now_s, struct corpus_file *f)
{
	enum room room = room_for(c, 0);

	*f = (struct corpus_file){ .fd = -1, .is_open = true };
	buf_init(&f->buf, CORPUS_BUFFER);
	make_id(now_s, f->id);
	f->is_header_only = room != ROOM_ENOUGH;
	if (room == ROOM_NONE) {
		f->is_stopped = f->is_truncated = true;
		f->id[0] = '\0';
	}
}

/* Nothing of it can be kept. */
static void fail_file(struct corpus *c, struct corpus_file *f)
{
	if (f->fd >= 0) {
		(void)close(f->fd);
		(void)unlinkat(c->fd[f->is_published ? FOLDER_NEW : FOLDER_TMP], f->id, 0);
		pay(c, cost_of(f->bytes), 0);
	}
	if (f->is_published && c->files)
		c->files--;
	f->fd = -1;
	f->bytes = 0;
	f->is_published = false;
	f->is_stopped = f->is_truncated = true;
	f->id[0] = '\0';
	buf_done(&f->buf);
}

/* The disk took only part of it: keep the header if that much is there. */
static void stop_file(struct corpus *c, struct corpus_file *f)
{
	if (f->fd < 0 || f->header == 0 || f->bytes < f->header || ftruncate(f->fd, (off_t)f->header) < 0) {
		fail_file(c, f);
		return;
	}
	pay(c, cost_of(f->bytes), cost_of(f->header));
	f->bytes = f->header;
	f->is_stopped = f->is_truncated = true;
	buf_done(&f->buf);
}

static void flush_file(struct corpus *c, struct corpus_file *f)
{
	const char *p = f->buf.p;
	size_t n = f->buf.n;

	if (n == 0 || f->is_stopped)
		return;
	if (f->fd < 0)
		f->fd = openat(c->fd[FOLDER_TMP], f->id, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	while (n && f->fd >= 0) {
		ssize_t done = c->write_fn(f->fd, p, n);

		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			break;
		pay(c, cost_of(f->bytes), cost_of(f->bytes + (uint64_t)done));
		f->bytes += (uint64_t)done;
		p += done;
		n -= (size_t)done;
	}
	if (n)
		stop_file(c, f);
	else
		buf_reset(&f->buf);
}

/* How much of n more bytes may be kept. */
static size_t allowance(const struct corpus *c, const struct corpus_file *f, size_t n, bool is_header)
{
	uint64_t have = f->bytes + f->buf.n, most = f->is_whole ? UINT64_MAX : c->limits.message;

	if (f->is_stopped || (f->is_header_only && !is_header))
		return 0;
	if (f->is_header_only && most > CORPUS_HEADER)
		most = CORPUS_HEADER;
	if (have >= most)
		return 0;
	return n < most - have ? n : (size_t)(most - have);
}

static bool has_room_for(const struct corpus *c, const struct corpus_file *f, uint64_t n)
{
	return f->is_whole ? has_disk(c, n) : room_for(c, n) == ROOM_ENOUGH;
}

void corpus_add(struct corpus *c, struct corpus_file *f, struct slice s, bool is_header)
{
	size_t n = allowance(c, f, s.n, is_header);

	if (n < s.n)
		f->is_truncated = true;
	s = slice_head(s, n);
	while (s.n && !f->is_stopped) {
		struct slice piece = slice_head(s, CORPUS_BUFFER - f->buf.n);

		if (buf_add(&f->buf, piece) != ERR_OK) {
			stop_file(c, f);
			return;
		}
		if (is_header)
			f->header += piece.n;
		s = slice_from(s, piece.n);
		if (f->buf.n < CORPUS_BUFFER)
			continue;
		flush_file(c, f);
		if (!f->is_stopped && !f->is_header_only && !has_room_for(c, f, CORPUS_BUFFER))
			f->is_stopped = f->is_truncated = true; /* what is there stays: it is what room there was */
	}
}

void corpus_finish(struct corpus *c, struct corpus_file *f)
{
	flush_file(c, f);
	if (f->fd < 0)
		fail_file(c, f);
	f->is_stopped = true;
	buf_done(&f->buf);
}

enum err corpus_patch(struct corpus_file *f, uint64_t offset, struct slice s)
{
	if (f->fd < 0 || offset + s.n > f->bytes)
		return ERR_IO;
	return pwrite(f->fd, s.p, s.n, (off_t)offset) == (ssize_t)s.n ? ERR_OK : ERR_IO;
}

void corpus_trim(struct corpus *c, struct corpus_file *f)
{
	if (f->fd < 0 || f->bytes <= c->limits.message || ftruncate(f->fd, (off_t)c->limits.message) < 0)
		return;
	pay(c, cost_of(f->bytes), cost_of(c->limits.message));
	f->bytes = c->limits.message;
	f->is_truncated = true;
}

enum err corpus_sync(struct corpus *c, struct corpus_file *f)
{
	if (f->fd < 0)
		return ERR_IO;
	if (fdatasync(f->fd) == 0)
		return ERR_OK;
	fail_file(c, f);
	return ERR_IO;
}

enum err corpus_publish(struct corpus *c, struct corpus_file *const *f, size_t n)
{
	enum err e = ERR_OK;
	size_t moved = 0;

	for (size_t i = 0; i < n; i++) {
		if (f[i]->fd < 0)
			continue;
		if (renameat(c->fd[FOLDER_TMP], f[i]->id, c->fd[FOLDER_NEW], f[i]->id) < 0) {
			e = ERR_IO;
			continue;
		}
		f[i]->is_published = true;
		c->files++;
		moved++;
	}
	if (moved && fsync(c->fd[FOLDER_NEW]) < 0)
		e = ERR_IO;
	return e;
}

void corpus_release(struct corpus *c, struct corpus_file *f)
{
	if (!f->is_open)
		return;
	if (!f->is_published)
		fail_file(c, f);
	if (f->fd >= 0)
		(void)close(f->fd);
	buf_done(&f->buf);
	*f = (struct corpus_file){ .fd = -1 };
}

void corpus_drop(struct corpus *c, struct corpus_file *f)
{
	if (!f->is_open)
		return;
	fail_file(c, f);
	*f = (struct corpus_file){ .fd = -1 };
}

static enum err remove_name(struct corpus *c, enum folder folder, const char *name)
{
	struct stat st;

	if (fstatat(c->fd[folder], name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? ERR_NOTFOUND : ERR_IO;
	if (!S_ISREG(st.st_mode))
		return ERR_NOTFOUND;
	if (unlinkat(c->fd[folder], name, 0) < 0)
		return ERR_IO;
	pay(c, cost_of((uint64_t)st.st_size), 0);
	if (c->files)
		c->files--;
	return ERR_OK;
}

static bool is_id(const char *id)
{
	size_t n = strlen(id);

	return n > 0 && n < CORPUS_ID && id[0] != '.' && strspn(id, "0123456789abcdef.") == n;
}

enum err corpus_look(const struct corpus *c, const char *id, int *ret_fd)
{
	int fd = -1;

	if (!is_id(id))
		return ERR_SYNTAX;
	for (int i = FOLDER_NEW; i <= FOLDER_CUR && fd < 0; i++)
		fd = openat(c->fd[i], id, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? ERR_NOTFOUND : ERR_IO;
	*ret_fd = fd;
	return ERR_OK;
}

enum err corpus_remove(struct corpus *c, const char *id)
{
	enum err e;

	if (!is_id(id))
		return ERR_SYNTAX;
	e = remove_name(c, FOLDER_NEW, id);
	return e == ERR_NOTFOUND ? remove_name(c, FOLDER_CUR, id) : e;
}

/* The receive time at the front of a name; UINT64_MAX: none of our names. */
static uint64_t name_time(const char *name)
{
	struct slice s = slice_str(name);
	uint64_t t;

	return num_parse(slice_head(s, slice_find(s, '.')), UINT64_MAX - 1, &t) == ERR_OK ? t : UINT64_MAX;
}

static void end_sweep(struct corpus *c)
{
	if (c->sweep)
		(void)closedir(c->sweep);
	c->sweep = NULL;
}

bool corpus_sweep(struct corpus *c, uint64_t before_s, size_t budget, uint32_t *ret_removed)
{
	uint32_t removed = 0;
	bool is_done = false;

	for (; budget > 0 && !is_done; budget--) {
		struct dirent *entry;

		if (!c->sweep)
			c->sweep = list_folder(c, c->sweep_folder);
		entry = c->sweep ? readdir(c->sweep) : NULL;
		if (!entry) {
			end_sweep(c);
			is_done = c->sweep_folder == FOLDER_CUR;
			c->sweep_folder = is_done ? FOLDER_NEW : FOLDER_CUR;
		} else if (entry->d_name[0] != '.' && name_time(entry->d_name) < before_s) {
			if (remove_name(c, c->sweep_folder, entry->d_name) == ERR_OK)
				removed++;
		}
	}
	*ret_removed = removed;
	return is_done;
}

/* More of the file into head, twice as much each time. ERR_AGAIN: that was all. */
static enum err read_more(int fd, struct buf *head)
{
	size_t want = head->n ? head->n : CORPUS_BLOCK;
	ssize_t n = 1;

	if (want > CORPUS_HEAD - head->n)
		want = CORPUS_HEAD - head->n;
	if (want == 0)
		return ERR_AGAIN;
	if (buf_reserve(head, want) != ERR_OK)
		return ERR_NOMEM;
	while (n > 0 && want > 0) {
		n = read(fd, head->p + head->n, want);
		if (n > 0) {
			head->n += (size_t)n;
			want -= (size_t)n;
		}
	}
	return n < 0 ? ERR_IO : n == 0 ? ERR_AGAIN : ERR_OK;
}

static enum corpus_fate show_file(struct corpus_walk *w, int fd, const char *name, corpus_show_fn show, void *ctx)
{
	enum corpus_fate fate;
	enum err e;

	buf_reset(&w->head);
	do {
		e = read_more(fd, &w->head);
		if (e != ERR_OK && e != ERR_AGAIN) {
			w->failed++;
			return CORPUS_STAYS;
		}
		fate = show(&(struct corpus_shown){ name, &w->head, e == ERR_AGAIN }, ctx);
	} while (fate == CORPUS_MORE && e == ERR_OK);
	return fate;
}

static enum err write_head(struct corpus *c, unsigned folder, const char *name, struct slice head)
{
	int fd = openat(c->fd[folder], name, O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	bool is_written = fd >= 0 && pwrite(fd, head.p, head.n, 0) == (ssize_t)head.n && fdatasync(fd) == 0;

	if (fd >= 0)
		(void)close(fd);
	return is_written ? ERR_OK : ERR_IO;
}

static void show_name(struct corpus *c, struct corpus_walk *w, const char *name, corpus_show_fn show, void *ctx)
{
	int fd = openat(c->fd[w->folder - 1], name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	enum corpus_fate fate;
	enum err e;

	if (fd < 0) {
		w->failed += errno != ENOENT; /* retention was faster */
		return;
	}
	fate = show_file(w, fd, name, show, ctx);
	(void)close(fd);
	if (fate == CORPUS_CHANGED) {
		e = write_head(c, w->folder - 1, name, buf_slice(&w->head));
		w->changed += e == ERR_OK;
		w->failed += e != ERR_OK;
	}
	if (fate != CORPUS_GOES)
		return;
	e = remove_name(c, (enum folder)(w->folder - 1), name);
	w->deleted += e == ERR_OK;
	w->failed += e == ERR_IO;
}

static void close_folder(struct corpus_walk *w)
{
	if (w->dir)
		(void)closedir(w->dir);
	w->dir = NULL;
}

bool corpus_walk_step(struct corpus *c, struct corpus_walk *w, size_t budget, corpus_show_fn show, void *ctx)
{
	if (w->folder == 0) {
		w->folder = FOLDER_NEW + 1;
		buf_init(&w->head, CORPUS_HEAD);
	}
	for (; budget > 0; budget--) {
		struct dirent *entry;

		if (!w->dir) {
			w->dir = list_folder(c, (enum folder)(w->folder - 1));
			w->failed += !w->dir;
		}
		entry = w->dir ? readdir(w->dir) : NULL;
		if (entry) {
			if (entry->d_name[0] != '.')
				show_name(c, w, entry->d_name, show, ctx);
			continue;
		}
		if (w->deleted && fsync(c->fd[w->folder - 1]) < 0)
			w->failed++;
		close_folder(w);
		if (w->folder == FOLDER_CUR + 1)
			return true;
		w->folder = FOLDER_CUR + 1;
	}
	return false;
}

void corpus_walk_end(struct corpus_walk *w)
{
	close_folder(w);
	buf_done(&w->head);
}

void corpus_state(struct corpus *c, uint64_t *ret_bytes, uint32_t *ret_files, bool *ret_full)
{
	*ret_bytes = c->bytes;
	*ret_files = c->files;
	*ret_full = room_for(c, 0) != ROOM_ENOUGH;
}
