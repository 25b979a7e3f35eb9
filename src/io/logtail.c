/*
 * logtail: pread with an offset of its own, because duplicated descriptors
 * share theirs.
 *
 *   file:  ... read already | chunk[pos .. n) | not read yet
 *                           ^ offset          ^ offset + n - pos
 *
 * SPDX-License-Identifier: ISC
 */
#include "io/logtail.h"
#include "core/line_split.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHUNK (256 * 1024)

struct file {
	int fd;
	uint64_t inode;
};

struct logtail {
	struct file file[LOGTAIL_FILES + 1]; /* file[0] is being read */
	size_t files;
	uint64_t offset;   /* of chunk[pos] in file[0] */
	uint64_t line_end; /* behind the last whole line given */
	size_t pos, n;
	struct line_split split;
	char chunk[CHUNK];
};

struct logtail *logtail_new(void)
{
	return calloc(1, sizeof(struct logtail));
}

void logtail_free(struct logtail *t)
{
	if (!t)
		return;
	for (size_t i = 0; i < t->files; i++)
		close(t->file[i].fd);
	free(t);
}

static void seek_to(struct logtail *t, uint64_t offset)
{
	t->offset = t->line_end = offset;
	t->pos = t->n = 0;
	line_split_reset(&t->split);
}

/* Leave file i; the first one: go to the start of the next. */
static void file_leave(struct logtail *t, size_t i)
{
	close(t->file[i].fd);
	t->files--;
	memmove(t->file + i, t->file + i + 1, (t->files - i) * sizeof t->file[0]);
	if (i == 0)
		seek_to(t, 0);
}

enum err logtail_add(struct logtail *t, int fd)
{
	struct stat st;
	int own;

	if (fstat(fd, &st) != 0)
		return ERR_IO;
	if (t->files && t->file[t->files - 1].inode == st.st_ino)
		return ERR_OK;
	own = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (own < 0)
		return ERR_IO;
	if (t->files > LOGTAIL_FILES)
		file_leave(t, 1);
	t->file[t->files++] = (struct file){ .fd = own, .inode = st.st_ino };
	return ERR_OK;
}

static uint64_t file_size(const struct file *f)
{
	struct stat st;

	return fstat(f->fd, &st) == 0 && st.st_size > 0 ? (uint64_t)st.st_size : 0;
}

void logtail_resume(struct logtail *t, uint64_t inode, uint64_t offset)
{
	for (size_t i = 0; i < t->files; i++) {
		if (t->file[i].inode != inode)
			continue;
		while (i-- > 0)
			file_leave(t, 0);
		seek_to(t, offset <= file_size(&t->file[0]) ? offset : 0);
		return;
	}
	seek_to(t, 0);
}

bool logtail_step_back(struct logtail *t, uint64_t bytes)
{
	uint64_t from = t->line_end;
	struct slice part;

	if (t->files == 0 || from == 0 || bytes == 0)
		return false;
	seek_to(t, from > bytes ? from - bytes : 0);
	if (t->offset == 0 || (logtail_line(t, &part) == ERR_OK && t->line_end < from))
		return true;
	seek_to(t, from);
	return false;
}

/* More bytes into the empty chunk. ERR_AGAIN at the end of all files. */
static enum err chunk_fill(struct logtail *t)
{
	while (t->files) {
		ssize_t n = pread(t->file[0].fd, t->chunk, CHUNK, (off_t)t->offset);

		if (n > 0) {
			t->pos = 0;
			t->n = (size_t)n;
			return ERR_OK;
		}
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return ERR_IO;
		if (file_size(&t->file[0]) < t->offset) /* emptied in place */
			seek_to(t, 0);
		else if (t->files > 1 && file_size(&t->file[1]) > 0)
			file_leave(t, 0);
		else
			return ERR_AGAIN;
	}
	return ERR_AGAIN;
}

enum err logtail_line(struct logtail *t, struct slice *ret)
{
	for (;;) {
		struct slice in = slice_of(t->chunk + t->pos, t->n - t->pos), line;
		bool is_line;
		enum err e;

		if (in.n == 0) {
			e = chunk_fill(t);
			if (e != ERR_OK)
				return e;
			in = slice_of(t->chunk, t->n);
		}
		is_line = line_split_next(&t->split, &in, &line);
		t->offset += t->n - t->pos - in.n;
		t->pos = t->n - in.n;
		if (!is_line)
			continue;
		t->line_end = t->offset;
		*ret = line;
		return ERR_OK;
	}
}

void logtail_position(const struct logtail *t, uint64_t *ret_inode, uint64_t *ret_offset)
{
	*ret_inode = t->files ? t->file[0].inode : 0;
	*ret_offset = t->files ? t->line_end : 0;
}

uint64_t logtail_dropped(const struct logtail *t)
{
	return t->split.dropped;
}
