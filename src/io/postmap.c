/*
 * postmap: argv and standard input for each purpose. A source file must not be
 * younger than two seconds, or postmap waits: it is made old.
 * SPDX-License-Identifier: ISC
 */
#include "io/postmap.h"

#include "core/map_set.h"
#include "io/postfix_tool.h"
#include "io/whole_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define COMPLAINT_MAX (1u << 20)
#define BYTES_IN_MS 4096 /* of a set, with the time that postmap is given for it; an idle machine does 30,000 */

static bool is_lmdb(const char *map)
{
	return strncmp(map, "lmdb:", 5) == 0;
}

static const char *suffix_of(const char *map)
{
	static const char *const types[][2] = { { "lmdb:", ".lmdb" }, { "hash:", ".db" }, { "btree:", ".db" },
		{ "cdb:", ".cdb" } };

	for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
		if (strncmp(map, types[i][0], strlen(types[i][0])) == 0)
			return types[i][1];
	return NULL;
}

bool postmap_file(const char *map, char to[POSTMAP_PATH])
{
	const char *suffix = suffix_of(map);
	int n = suffix ? snprintf(to, POSTMAP_PATH, "%s%s", strchr(map, ':') + 1, suffix) : -1;

	return n > 0 && n < POSTMAP_PATH;
}

/*
 * Postmap ends with "fatal:" when it could not do its work; warnings may be of
 * anything in main.cf. A line with an address in it is not repeated.
 */
static void complain(const char *map, int status, struct slice s, char *text, size_t n)
{
	struct slice line, last = { "", 0 };

	while (slice_line(&s, &line))
		if (memmem(line.p, line.n, "fatal:", 6) || memmem(line.p, line.n, "panic:", 6))
			last = memchr(line.p, '@', line.n) ? SLICE_LIT("postmap failed") : slice_trim(line);
	if (last.n)
		(void)snprintf(text, n, "%.100s: %.*s", map, SLICE_ARG(slice_head(last, 200)));
	else if (status > 1)
		(void)snprintf(text, n, "%.100s: postmap failed with status %d", map, status);
}

/* ERR_OK: ran, with this status; text is empty unless it failed. */
static enum err run(const char *const argv[], const char *map, struct slice in, uint64_t limit_ms, struct buf *out,
	int *ret_status, char *text, size_t n)
{
	struct buf complaint;
	enum err e;

	buf_init(&complaint, COMPLAINT_MAX);
	e = postfix_tool_run(argv, in, limit_ms, out, &complaint, ret_status);
	text[0] = '\0';
	if (e != ERR_OK)
		(void)snprintf(text, n, "%.100s: postmap %s", map,
			e == ERR_AGAIN   ? "took too long"
			: e == ERR_LIMIT ? "wrote too much"
					 : "cannot be run");
	else
		complain(map, *ret_status, buf_slice(&complaint), text, n);
	buf_done(&complaint);
	return e;
}

enum err postmap_dump(const char *dir, const char *map, struct buf *to, char *text, size_t n)
{
	const char *const argv[] = { "postmap", "-c", dir, "-s", map, NULL };
	char file[POSTMAP_PATH];
	struct buf out;
	int status = -1;
	enum err e;

	if (postmap_file(map, file) && access(file, F_OK) != 0) {
		(void)snprintf(text, n, "%.400s is missing", file);
		return ERR_NOTFOUND;
	}
	buf_init(&out, POSTMAP_MAX);
	e = run(argv, map, (struct slice){ "", 0 }, POSTFIX_TOOL_MS, &out, &status, text, n);
	if (e == ERR_OK)
		e = status == 0 ? map_set_sort(buf_slice(&out), to) : ERR_IO;
	buf_done(&out);
	return e;
}

/* The removals or the additions of sorted changes, as postmap reads them. */
static enum err pick(struct slice changes, bool is_removal, struct buf *to)
{
	struct slice line;
	enum err e = ERR_OK;

	while (e == ERR_OK && slice_line(&changes, &line)) {
		if ((slice_find(line, '\t') == line.n) == is_removal)
			e = buf_add(to, (struct slice){ line.p, line.n + 1 });
	}
	return e;
}

static enum err change_half(
	const char *dir, const char *map, struct slice changes, bool is_removal, char *text, size_t n)
{
	const char *const add[] = { "postmap", "-c", dir, "-i", "-r", map, NULL };
	const char *const del[] = { "postmap", "-c", dir, "-d", "-", map, NULL };
	struct buf in;
	int status = 0;
	enum err e;

	buf_init(&in, POSTMAP_MAX);
	e = pick(changes, is_removal, &in);
	if (e == ERR_OK && in.n)
		e = run(is_removal ? del : add, map, buf_slice(&in), POSTFIX_TOOL_MS, NULL, &status, text, n);
	buf_done(&in);
	/* -d gives 1 when nothing was there: that is what we want */
	if (e == ERR_OK && status != 0 && !(is_removal && status == 1 && !text[0]))
		e = ERR_IO;
	return e;
}

enum err postmap_change(const char *dir, const char *map, struct slice changes, char *text, size_t n)
{
	enum err e = change_half(dir, map, changes, true, text, n);

	return e == ERR_OK ? change_half(dir, map, changes, false, text, n) : e;
}

static enum err write_source(const char *path, struct slice set)
{
	const struct timespec old[2] = { { .tv_sec = 1 }, { .tv_sec = 1 } };
	enum err e;
	int fd;

	(void)unlink(path);
	/* trap addresses are nobody's business: the table takes this mode over */
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
	if (fd < 0)
		return ERR_IO;
	e = whole_file_write(fd, set);
	if (e == ERR_OK && futimens(fd, old) != 0)
		e = ERR_IO;
	return close(fd) == 0 ? e : ERR_IO;
}

/* Does the new table answer for the first key of the set? */
static enum err look_into(const char *dir, const char *map, struct slice set, char *text, size_t n)
{
	struct slice line = { "", 0 };
	struct buf out;
	enum err e = ERR_OK;

	buf_init(&out, 65536);
	if (slice_line(&set, &line)) {
		struct buf key;

		buf_init(&key, 65536);
		e = buf_add(&key, slice_head(line, slice_find(line, '\t')));
		if (e == ERR_OK)
			e = buf_add_char(&key, '\n');
		if (e == ERR_OK)
			e = postmap_query(dir, map, buf_slice(&key), POSTFIX_TOOL_MS, &out, text, n);
		if (e == ERR_OK && !(out.n == line.n + 1 && slice_eq(slice_head(buf_slice(&out), line.n), line))) {
			(void)snprintf(text, n, "%.100s: the new table does not answer as it should", map);
			e = ERR_IO;
		}
		buf_done(&key);
	}
	buf_done(&out);
	return e;
}

/* lmdb: emptied and filled in one transaction of the same file; others at a path of their own. */
static enum err build_at(const char *dir, const char *map, struct slice set, char *text, size_t n)
{
	const char *const argv[] = { "postmap", "-c", dir, map, NULL };
	const char *source = strchr(map, ':') + 1;
	char file[POSTMAP_PATH];
	int status = -1;
	enum err e = write_source(source, set);

	if (e != ERR_OK)
		(void)snprintf(text, n, "%.400s: %s", source, strerror(errno));
	else
		e = run(argv, map, (struct slice){ "", 0 }, POSTFIX_TOOL_MS + set.n / BYTES_IN_MS, NULL, &status, text,
			n);
	(void)unlink(source);
	if (e == ERR_OK && status == 0 && postmap_file(map, file))
		(void)chmod(file, 0640);
	if (e == ERR_OK)
		e = status == 0 ? look_into(dir, map, set, text, n) : ERR_IO;
	return e;
}

static enum err build_lmdb(const char *dir, const char *map, struct slice set, char *text, size_t n)
{
	enum err e = build_at(dir, map, set, text, n);
	char file[POSTMAP_PATH];

	/* a build that took too long has left the table as it was */
	if (e == ERR_OK || e == ERR_AGAIN || !postmap_file(map, file))
		return e;
	/* damaged: away with it */
	(void)unlink(file);
	return build_at(dir, map, set, text, n);
}

enum err postmap_build(const char *dir, const char *map, struct slice set, char *text, size_t n)
{
	char aside[POSTMAP_PATH], from[POSTMAP_PATH], to[POSTMAP_PATH];
	enum err e;

	if (!postmap_file(map, to)) {
		(void)snprintf(text, n, "%.100s: not a table that can be written (lmdb, hash, cdb)", map);
		return ERR_SYNTAX;
	}
	if (is_lmdb(map))
		return build_lmdb(dir, map, set, text, n);
	if (set.n > POSTMAP_HASH_MAX && strncmp(map, "cdb:", 4) != 0) {
		(void)snprintf(text, n, "%.100s: so many addresses need a table of type lmdb or cdb", map);
		return ERR_LIMIT;
	}
	(void)snprintf(aside, sizeof aside, "%.600s.new", map);
	if (!postmap_file(aside, from))
		return ERR_LIMIT;
	(void)unlink(from);
	e = build_at(dir, aside, set, text, n);
	if (e == ERR_OK && rename(from, to) != 0) {
		(void)snprintf(text, n, "%.400s: %s", to, strerror(errno));
		e = ERR_IO;
	}
	if (e != ERR_OK)
		(void)unlink(from);
	return e;
}

enum err postmap_query(
	const char *dir, const char *map, struct slice keys, uint64_t limit_ms, struct buf *to, char *text, size_t n)
{
	const char *const argv[] = { "postmap", "-c", dir, "-q", "-", map, NULL };
	int status = -1;
	enum err e = run(argv, map, keys, limit_ms, to, &status, text, n);

	/* 1 without a word: none of them is there */
	if (e == ERR_OK && text[0])
		e = ERR_IO;
	return e;
}
