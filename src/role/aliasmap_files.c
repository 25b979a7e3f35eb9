/*
 * aliasmap_files: trap and allow files, which root alone can read, as rounds of
 * MSG_TEXT. A fingerprint of paths, inodes, sizes and times says when to send.
 * SPDX-License-Identifier: ISC
 */
#include "io/log.h"
#include "io/loop.h"
#include "io/whole_file.h"
#include "role/aliasmap.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define AGAIN_MS 30000 /* a file that could not be read */

static const struct conf_list *globs_of(const struct conf *c, enum text_kind kind)
{
	switch (kind) {
	case TEXT_TRAPS:
		return &c->traps.files;
	case TEXT_SHARED:
		return &c->allow.shared;
	case TEXT_ALLOW:
	default:
		return &c->allow.files;
	}
}

/* Paths of all globs, sorted, at most ALIASMAP_FILES. */
static void find_files(const struct conf *c, enum text_kind kind, glob_t *ret)
{
	const struct conf_list *l = globs_of(c, kind);

	*ret = (glob_t){ 0 };
	for (uint32_t i = 0; i < l->count; i++)
		(void)glob(l->item[i], i ? GLOB_APPEND : 0, NULL, ret);
}

static int compare_paths(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static size_t count_files(glob_t *g)
{
	if (g->gl_pathc == 0)
		return 0;
	qsort(g->gl_pathv, g->gl_pathc, sizeof *g->gl_pathv, compare_paths);
	if (g->gl_pathc > ALIASMAP_FILES)
		log_warn("too_many_files", "files=%zu taken=%d", g->gl_pathc, ALIASMAP_FILES);
	return g->gl_pathc > ALIASMAP_FILES ? ALIASMAP_FILES : g->gl_pathc;
}

/* FNV-1a: it must differ when a file does, nothing more. */
static void mix(uint64_t *h, const void *p, size_t n)
{
	const unsigned char *b = p;

	for (size_t i = 0; i < n; i++)
		*h = (*h ^ b[i]) * 0x100000001b3u;
}

static uint64_t fingerprint(char *const *path, size_t n)
{
	uint64_t h = 0xcbf29ce484222325u;

	for (size_t i = 0; i < n; i++) {
		struct stat st = { 0 };

		mix(&h, path[i], strlen(path[i]) + 1);
		if (stat(path[i], &st) != 0)
			continue;
		mix(&h, &st.st_ino, sizeof st.st_ino);
		mix(&h, &st.st_size, sizeof st.st_size);
		mix(&h, &st.st_mtim.tv_sec, sizeof st.st_mtim.tv_sec);
		mix(&h, &st.st_mtim.tv_nsec, sizeof st.st_mtim.tv_nsec);
	}
	return h ? h : 1;
}

/* What lasts until somebody mends it. All else is tried again. */
static bool is_lasting(int error)
{
	return error == ENOENT || error == ENOTDIR || error == EACCES || error == EPERM || error == ELOOP ||
	       error == EISDIR || error == ENXIO;
}

/* A copy of the file; an empty one where it cannot be read, *ret_is_torn where that may pass. */
static int copy_file(const char *path, bool *ret_is_torn)
{
	int in = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK), fd;
	struct stat st;
	struct buf b;
	enum err e;

	buf_init(&b, ALIASMAP_FILE);
	if (in < 0 || fstat(in, &st) != 0) {
		*ret_is_torn = !is_lasting(errno);
		log_warn("file_unread", "path=%s errno=%d", path, errno);
	} else if (!S_ISREG(st.st_mode)) {
		log_warn("file_unread", "path=%s text=\"is no file\"", path);
	} else if ((e = whole_file_read(in, &b)) == ERR_LIMIT) {
		while (b.n && b.p[b.n - 1] != '\n') /* half a line would be another address, or a wider network */
			b.n--;
		log_warn("file_cut", "path=%s bytes=%zu text=\"too long: what follows is not in force\"", path, b.n);
	} else if (e != ERR_OK) {
		*ret_is_torn = true;
		log_warn("file_unread", "path=%s errno=%d", path, e == ERR_NOMEM ? ENOMEM : errno);
		buf_reset(&b);
	}
	if (in >= 0)
		(void)close(in);
	fd = whole_file_memory(buf_slice(&b), true);
	buf_done(&b);
	return fd;
}

/* A file that cannot be read for now goes without a descriptor: the engine knows whether there is a list to keep. */
static bool send_one(
	struct aliasmap *a, enum text_kind kind, uint32_t index, uint32_t count, const char *path, bool *ret_is_torn)
{
	struct msg_text m = { .kind = (uint8_t)kind, .round = a->round, .index = index, .count = count };
	uint8_t bytes[1024];
	struct wr w = wr_init(bytes, sizeof bytes);
	bool is_torn = false;
	int fd = count ? copy_file(path, &is_torn) : -1;
	enum err e = ERR_IO;

	*ret_is_torn |= is_torn;
	slice_copy(slice_str(path), m.path, sizeof m.path);
	message_put_text(&w, MSG_TEXT, &m);
	if (fd >= 0 || count == 0)
		e = role_host_send(a->host, ROLE_ENGINE, &w, &fd, count && !is_torn ? 1 : 0);
	if (fd >= 0)
		(void)close(fd);
	return e == ERR_OK;
}

static void send_kind(struct aliasmap *a, enum text_kind kind, bool is_all)
{
	glob_t g;
	size_t n;
	uint64_t now;
	bool is_sent = true, is_torn = false;

	if (!is_all && clock_mono_ms() < a->again_ms[kind])
		return;
	find_files(&a->host->conf, kind, &g);
	n = count_files(&g);
	now = fingerprint(g.gl_pathv, n);
	if (is_all || now != a->seen[kind]) {
		a->round++;
		if (n == 0)
			is_sent = send_one(a, kind, 0, 0, "", &is_torn);
		for (size_t i = 0; i < n && is_sent; i++)
			is_sent = send_one(a, kind, (uint32_t)i, (uint32_t)n, g.gl_pathv[i], &is_torn);
		a->seen[kind] = is_sent && !is_torn ? now : 0;
		a->again_ms[kind] = is_torn ? clock_mono_ms() + AGAIN_MS : 0;
	}
	globfree(&g);
}

void aliasmap_send_files(struct aliasmap *a, bool is_all)
{
	if (!a->host->link[ROLE_ENGINE])
		return;
	send_kind(a, TEXT_TRAPS, is_all);
	send_kind(a, TEXT_SHARED, is_all); /* before the list that settles what has waited for both */
	send_kind(a, TEXT_ALLOW, is_all);
}
