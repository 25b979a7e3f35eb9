/*
 * area_memory: the kernel takes the seal that forbids writing only when no
 * writable mapping is left, and the one that forbids further ones at any time.
 * So blocks keep the mapping that was made before the seal, and the one that a
 * set was written through goes before it.
 * SPDX-License-Identifier: ISC
 */
#include "io/area_memory.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)
#define BLOCKS_NEED F_SEAL_SHRINK
#define FEED_NEEDS (F_SEAL_SHRINK | F_SEAL_WRITE)

/* Writable, and not sealed yet. */
static enum err make(const char *name, size_t bytes, struct area_memory *ret)
{
	struct area_memory m = { .bytes = bytes, .map = MAP_FAILED };

	m.fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (m.fd < 0)
		return ERR_IO;
	if (ftruncate(m.fd, (off_t)bytes) == 0)
		m.map = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, m.fd, 0);
	if (m.map == MAP_FAILED) {
		(void)close(m.fd);
		return ERR_IO;
	}
	*ret = m;
	return ERR_OK;
}

enum err area_memory_make_blocks(size_t bytes, struct area_memory *ret)
{
	struct area_memory m;
	enum err e = make("limetwig.blocks", bytes, &m);

	if (e != ERR_OK)
		return e;
	if (fcntl(m.fd, F_ADD_SEALS, SEALS | F_SEAL_FUTURE_WRITE) != 0) {
		area_memory_close(&m);
		return ERR_IO;
	}
	*ret = m;
	return ERR_OK;
}

/* To read what fd holds, which stays open. */
static enum err map(int fd, int needed, struct area_memory *ret)
{
	struct area_memory m = { .fd = fd };
	struct stat st;
	int seals = fcntl(fd, F_GET_SEALS);

	if (seals < 0 || (seals & needed) != needed)
		return ERR_DENIED;
	if (fstat(fd, &st) != 0 || st.st_size <= 0)
		return ERR_IO;
	m.bytes = (size_t)st.st_size;
	m.map = mmap(NULL, m.bytes, PROT_READ, MAP_SHARED, fd, 0);
	if (m.map == MAP_FAILED)
		return errno == ENOMEM ? ERR_NOMEM : ERR_IO;
	*ret = m;
	return ERR_OK;
}

static enum err map_feed(int fd, struct area_memory *ret, struct feed_area *ret_area)
{
	struct area_memory m;
	enum err e = map(fd, FEED_NEEDS, &m);

	if (e != ERR_OK)
		return e;
	e = feed_area_open(ret_area, m.map, m.bytes);
	if (e == ERR_OK)
		*ret = m;
	else
		(void)munmap(m.map, m.bytes);
	return e;
}

enum err area_memory_make_feed(const struct prefix_set *sealed, struct area_memory *ret, struct feed_area *ret_area)
{
	struct area_memory m;
	enum err e = make("limetwig.feed", feed_area_bytes(sealed), &m);

	if (e != ERR_OK)
		return e;
	feed_area_write(sealed, m.map);
	if (munmap(m.map, m.bytes) != 0 || fcntl(m.fd, F_ADD_SEALS, SEALS | F_SEAL_WRITE) != 0)
		e = ERR_IO;
	if (e == ERR_OK)
		e = map_feed(m.fd, ret, ret_area);
	if (e != ERR_OK)
		(void)close(m.fd);
	return e;
}

enum err area_memory_open_blocks(int fd, struct area_memory *ret, struct block_view *ret_view)
{
	struct area_memory m;
	enum err e = map(fd, BLOCKS_NEED, &m);

	if (e == ERR_OK) {
		e = block_view_init(ret_view, m.map, m.bytes);
		if (e != ERR_OK)
			(void)munmap(m.map, m.bytes);
	}
	(void)close(fd);
	if (e != ERR_OK)
		return e;
	m.fd = -1;
	*ret = m;
	return ERR_OK;
}

enum err area_memory_open_feed(int fd, struct area_memory *ret, struct feed_area *ret_area)
{
	enum err e = map_feed(fd, ret, ret_area);

	(void)close(fd);
	if (e == ERR_OK)
		ret->fd = -1;
	return e;
}

bool area_memory_give_back(struct area_memory *m, size_t bytes)
{
	if (m->bytes <= bytes) {
		area_memory_close(m);
		return false;
	}
	(void)munmap(m->map, bytes);
	m->map = (uint8_t *)m->map + bytes;
	m->bytes -= bytes;
	return true;
}

void area_memory_close(struct area_memory *m)
{
	if (m->map)
		(void)munmap(m->map, m->bytes);
	if (m->fd >= 0)
		(void)close(m->fd);
	*m = AREA_MEMORY_NONE;
}
