/*
 * whole_file: see the header.
 * SPDX-License-Identifier: ISC
 */
#include "io/whole_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/mman.h>
#include <unistd.h>

#define PIECE 262144u
#define SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

enum err whole_file_write(int fd, struct slice s)
{
	while (s.n) {
		ssize_t n = write(fd, s.p, s.n);

		if (n < 0 && errno == EINTR)
			continue;
		if (n == 0)
			errno = ENOSPC;
		if (n <= 0)
			return ERR_IO;
		s = slice_from(s, (size_t)n);
	}
	return ERR_OK;
}

enum err whole_file_sync_folder(const char *path)
{
	struct slice s = slice_str(path);
	size_t slash = slice_rfind(s, '/');
	char dir[PATH_MAX];
	enum err e = ERR_IO;
	int fd, error;

	slice_copy(slash == s.n ? SLICE_LIT(".") : slice_head(s, slash ? slash : 1), dir, sizeof dir);
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return ERR_IO;
	if (fsync(fd) == 0)
		e = ERR_OK;
	error = errno;
	(void)close(fd);
	errno = error;
	return e;
}

enum err whole_file_read(int fd, struct buf *to)
{
	for (;;) {
		size_t room = to->cap - to->n < PIECE ? to->cap - to->n : PIECE;
		enum err e = room ? buf_reserve(to, room) : ERR_OK;
		char more; /* tells a text that just fits from one that is larger */
		ssize_t n;

		if (e != ERR_OK)
			return e;
		n = room ? read(fd, to->p + to->n, room) : read(fd, &more, 1);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return ERR_IO;
		if (n == 0)
			return ERR_OK;
		if (!room)
			return ERR_LIMIT;
		to->n += (size_t)n;
	}
}

size_t whole_file_look(int fd, void *to, size_t size)
{
	size_t n = 0;

	while (n < size) {
		ssize_t k = pread(fd, (char *)to + n, size - n, (off_t)n);

		if (k < 0 && errno == EINTR)
			continue;
		if (k <= 0)
			break;
		n += (size_t)k;
	}
	return n;
}

int whole_file_memory(struct slice s, bool is_sealed)
{
	int fd = memfd_create("limetwig", MFD_CLOEXEC | (is_sealed ? MFD_ALLOW_SEALING : 0));
	int saved;

	if (fd < 0)
		return -1;
	if (whole_file_write(fd, s) == ERR_OK && lseek(fd, 0, SEEK_SET) == 0 &&
		(!is_sealed || fcntl(fd, F_ADD_SEALS, SEALS) == 0))
		return fd;
	saved = errno;
	(void)close(fd);
	errno = saved;
	return -1;
}
