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

/* What lasts until somebody mends it. All else is tried again. */
static bool is_lasting(int error)
{
	return error == ENOENT || error == ENOTDIR || error == EACCES || error == EPERM || error == ELOOP ||
	       error == EISDIR || error == ENXIO;
}

static char torn_folder[CONF_ITEM]; /* of the search under way, "" none: glob() gives its callback no context */

static int on_folder(const char *path, int error)
{
	if (!is_lasting(error)) {
		slice_copy(slice_str(path), torn_folder, sizeof torn_folder);
		log_warn("folder_unread", "path=%s errno=%d", path, error);
	}
	return 0;
}

/* Paths of all globs. False: a folder could not be read for now, and what is in it is not among them. */
static bool find_files(const struct conf *c, enum text_kind kind, glob_t *ret)
{
	const struct conf_list *l = globs_of(c, kind);

	*ret = (glob_t){ 0 };
	torn_folder[0] = '\0';
	for (uint32_t i = 0; i < l->count; i++)
		if (glob(l->item[i], i ? GLOB_APPEND : 0, on_folder, ret) == GLOB_NOSPACE)
			slice_copy(slice_str(l->item[i]), torn_folder, sizeof torn_folder);
	return torn_folder[0] == '\0';
}

static int compare_paths(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Sorted, at most ALIASMAP_FILES. */
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

/* fd -1: it cannot be read for now, and the engine knows whether there is a list to keep; or count 0: there is none. */
static bool send_text(
	struct aliasmap *a, enum text_kind kind, uint32_t index, uint32_t count, const char *path, const int *fd)
{
	struct msg_text m = { .kind = (uint8_t)kind, .round = a->round, .index = index, .count = count };
	uint8_t bytes[1024];
	struct wr w = wr_init(bytes, sizeof bytes);

	slice_copy(slice_str(path), m.path, sizeof m.path);
	message_put_text(&w, MSG_TEXT, &m);
	return role_host_send(a->host, ROLE_ENGINE, &w, fd, *fd >= 0 ? 1 : 0) == ERR_OK;
}

static const int no_file = -1;

static bool send_file(
	struct aliasmap *a, enum text_kind kind, uint32_t index, uint32_t count, const char *path, bool *ret_is_torn)
{
	bool is_torn = false, is_sent;
	int fd = copy_file(path, &is_torn);

	*ret_is_torn |= is_torn;
	is_sent = fd >= 0 && send_text(a, kind, index, count, path, is_torn ? &no_file : &fd);
	if (fd >= 0)
		(void)close(fd);
	return is_sent;
}

/* A folder that cannot be read for now counts as one such file more. */
static bool send_round(struct aliasmap *a, enum text_kind kind, char *const *path, size_t n, bool *is_torn)
{
	bool is_sent = true;
	uint32_t count;

	n -= *is_torn && n == ALIASMAP_FILES;
	count = (uint32_t)n + *is_torn;
	a->round++;
	for (size_t i = 0; i < n && is_sent; i++)
		is_sent = send_file(a, kind, (uint32_t)i, count, path[i], is_torn);
	if (is_sent && count != n)
		is_sent = send_text(a, kind, (uint32_t)n, count, torn_folder, &no_file);
	else if (count == 0)
		is_sent = send_text(a, kind, 0, 0, "", &no_file);
	return is_sent;
}

static void send_kind(struct aliasmap *a, enum text_kind kind, bool is_all)
{
	glob_t g;
	size_t n;
	uint64_t now;
	bool is_sent, is_torn;

	if (!is_all && clock_mono_ms() < a->again_ms[kind])
		return;
	is_torn = !find_files(&a->host->conf, kind, &g);
	n = count_files(&g);
	now = fingerprint(g.gl_pathv, n);
	if (is_all || is_torn || now != a->seen[kind]) {
		is_sent = send_round(a, kind, g.gl_pathv, n, &is_torn);
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
