/*
 * feed_disk: the last good sets on disk. What is read back is put together
 * anew from its ranges: a file is believed no further than its checksum and
 * the ranges that it holds.
 * SPDX-License-Identifier: ISC
 */
#include "role/feed.h"

#include "io/feed_plan_file.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define SUFFIX ".set"

bool feed_disk_path(const struct conf *c, const char *name, char to[FEED_WHERE])
{
	/* a name may begin with a dot, a file of ours does not */
	int n = snprintf(to, FEED_WHERE, "%s/feeds/%s%s" SUFFIX, c->storage.dir, name[0] == '.' ? "_" : "", name);

	return n > 0 && n < FEED_WHERE;
}

enum err feed_disk_save(const char *path, const struct feed_set *s)
{
	struct slice area = slice_of(s->memory.map, s->memory.bytes);
	uint8_t head[FEED_KEEP_HEAD];

	feed_keep_write(&s->keep, area, head);
	return feed_file_write(path, slice_of(head, sizeof head), area);
}

/* Of a whole file in memory. */
static enum err load_from(struct slice file, struct feed_set *ret)
{
	struct feed_set s = { .memory = AREA_MEMORY_NONE };
	struct prefix_set set = { 0 };
	struct feed_area area;
	struct slice bytes;
	enum err e = feed_keep_read(file, &s.keep, &bytes);

	if (e == ERR_OK)
		e = feed_area_open(&area, bytes.p, bytes.n);
	if (e == ERR_OK)
		e = feed_area_add_to(&area, &set);
	if (e == ERR_OK)
		e = prefix_set_seal(&set);
	if (e == ERR_OK)
		e = area_memory_make_feed(&set, &s.memory, &s.area);
	prefix_set_done(&set);
	if (e == ERR_OK)
		*ret = s;
	return e;
}

enum err feed_disk_load(const char *path, struct feed_set *ret)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	enum err e = ERR_IO;
	struct stat st;
	void *map;

	if (fd < 0)
		return ERR_NOTFOUND;
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size < FEED_KEEP_HEAD) {
		e = ERR_SYNTAX;
		goto out;
	}
	map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (map == MAP_FAILED)
		goto out;
	e = load_from(slice_of(map, (size_t)st.st_size), ret);
	(void)munmap(map, (size_t)st.st_size);
	/* the time of the file tells when it was last seen to be as it is */
	if (e == ERR_OK && st.st_mtim.tv_sec > 0 && (uint64_t)st.st_mtim.tv_sec > ret->keep.time)
		ret->keep.time = (uint64_t)st.st_mtim.tv_sec;
out:
	(void)close(fd);
	return e;
}

void feed_disk_touch(const char *path, uint64_t time)
{
	struct timespec t[2] = { { .tv_sec = (time_t)time }, { .tv_sec = (time_t)time } };

	(void)utimensat(AT_FDCWD, path, t, AT_SYMLINK_NOFOLLOW);
}

static bool is_wanted(const struct conf *c, const struct feed_plan *p, const char *file)
{
	for (unsigned i = 0; i < p->count; i++) {
		char path[FEED_WHERE];
		const char *name;

		if (!feed_disk_path(c, p->feed[i].conf.title, path))
			continue;
		name = strrchr(path, '/');
		if (name && strcmp(name + 1, file) == 0)
			return true;
	}
	return false;
}

void feed_disk_sweep(const struct conf *c, const struct feed_plan *p)
{
	char dir[FEED_WHERE];
	const struct dirent *d;
	DIR *open_dir;

	(void)snprintf(dir, sizeof dir, "%s/feeds", c->storage.dir);
	open_dir = opendir(dir);
	while (open_dir && (d = readdir(open_dir))) {
		struct slice name = slice_str(d->d_name);
		bool is_aside = slice_ends(name, SLICE_LIT(SUFFIX ".new"));

		if (is_aside || (slice_ends(name, SLICE_LIT(SUFFIX)) && !is_wanted(c, p, d->d_name)))
			(void)unlinkat(dirfd(open_dir), d->d_name, 0);
	}
	if (open_dir)
		(void)closedir(open_dir);
}
