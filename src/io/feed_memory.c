/*
 * feed_memory: the mapping that was written through goes before the seal that
 * forbids writing: the kernel takes it only then.
 * SPDX-License-Identifier: ISC
 */
#include "io/feed_memory.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL)
#define SEALS_NEEDED (F_SEAL_SHRINK | F_SEAL_WRITE)

static enum err write_area(int fd, const struct prefix_set *sealed, size_t bytes)
{
	void *map;

	if (ftruncate(fd, (off_t)bytes) != 0)
		return ERR_IO;
	map = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED)
		return ERR_IO;
	feed_area_write(sealed, map);
	if (munmap(map, bytes) != 0 || fcntl(fd, F_ADD_SEALS, SEALS) != 0)
		return ERR_IO;
	return ERR_OK;
}

enum err feed_memory_make(const struct prefix_set *sealed, struct feed_memory *ret)
{
	int fd = memfd_create("limetwig.feed", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	enum err e;

	if (fd < 0)
		return ERR_IO;
	e = write_area(fd, sealed, feed_area_bytes(sealed));
	if (e == ERR_OK)
		return feed_memory_open(fd, ret);
	(void)close(fd);
	return e;
}

enum err feed_memory_open(int fd, struct feed_memory *ret)
{
	struct feed_memory m = { .fd = fd, .map = MAP_FAILED };
	enum err e = ERR_IO;
	struct stat st;
	int seals = fcntl(fd, F_GET_SEALS);

	if (seals < 0 || (seals & SEALS_NEEDED) != SEALS_NEEDED) {
		e = ERR_DENIED;
	} else if (fstat(fd, &st) == 0 && st.st_size > 0) {
		m.bytes = (size_t)st.st_size;
		m.map = mmap(NULL, m.bytes, PROT_READ, MAP_SHARED, fd, 0);
	}
	if (m.map != MAP_FAILED) {
		e = feed_area_open(&m.area, m.map, m.bytes);
		if (e != ERR_OK)
			(void)munmap(m.map, m.bytes);
	}
	if (e == ERR_OK)
		*ret = m;
	else
		(void)close(fd);
	return e;
}

void feed_memory_close(struct feed_memory *m)
{
	if (m->map)
		(void)munmap(m->map, m->bytes);
	if (m->fd >= 0)
		(void)close(m->fd);
	*m = FEED_MEMORY_NONE;
}
