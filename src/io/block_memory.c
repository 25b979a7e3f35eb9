/*
 * block_memory: the writer's mapping is made before the seal that forbids
 * further ones.
 * SPDX-License-Identifier: ISC
 */
#include "io/block_memory.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE | F_SEAL_SEAL)
#define SEALS_NEEDED F_SEAL_SHRINK

enum err block_memory_make(size_t bytes, struct block_memory *ret)
{
	struct block_memory m = { .bytes = bytes };

	m.fd = memfd_create("limetwig.blocks", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (m.fd < 0)
		return ERR_IO;
	m.map = MAP_FAILED;
	if (ftruncate(m.fd, (off_t)bytes) == 0)
		m.map = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, m.fd, 0);
	if (m.map == MAP_FAILED || fcntl(m.fd, F_ADD_SEALS, SEALS) != 0) {
		if (m.map != MAP_FAILED)
			(void)munmap(m.map, bytes);
		close(m.fd);
		return ERR_IO;
	}
	*ret = m;
	return ERR_OK;
}

enum err block_memory_open(int fd, struct block_memory *ret)
{
	struct block_memory m = { .fd = -1 };
	enum err e = ERR_IO;
	struct stat st;
	int seals = fcntl(fd, F_GET_SEALS);

	if (seals < 0 || (seals & SEALS_NEEDED) != SEALS_NEEDED) {
		e = ERR_DENIED;
	} else if (fstat(fd, &st) == 0 && st.st_size > 0) {
		m.bytes = (size_t)st.st_size;
		m.map = mmap(NULL, m.bytes, PROT_READ, MAP_SHARED, fd, 0);
		e = m.map == MAP_FAILED ? ERR_IO : ERR_OK;
	}
	close(fd);
	if (e == ERR_OK)
		*ret = m;
	return e;
}

bool block_memory_give_back(struct block_memory *m, size_t bytes)
{
	if (m->bytes <= bytes) {
		block_memory_close(m);
		return false;
	}
	(void)munmap(m->map, bytes);
	m->map = (uint8_t *)m->map + bytes;
	m->bytes -= bytes;
	return true;
}

void block_memory_close(struct block_memory *m)
{
	if (m->map)
		(void)munmap(m->map, m->bytes);
	if (m->fd >= 0)
		close(m->fd);
	*m = BLOCK_MEMORY_NONE;
}
