/*
 * trap_edit: locked, atomic changes of trap files.
 * SPDX-License-Identifier: ISC
 */
#include "ctl/trap_edit.h"
#include "io/whole_file.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOCK_TRIES 100

static enum err say(char text[TRAP_EDIT_TEXT], const char *path, const char *what)
{
	(void)snprintf(text, TRAP_EDIT_TEXT, "%.500s: %.150s", path, what);
	return ERR_IO;
}

const char *trap_edit_key(const struct trap_line *t, char to[TRAP_EDIT_KEY])
{
	if (t->kind == TRAP_PATTERN)
		(void)snprintf(to, TRAP_EDIT_KEY, "/%.*s/", SLICE_ARG(slice_head(t->pattern, ADDRESS_TEXT - 1)));
	else
		(void)snprintf(to, TRAP_EDIT_KEY, "%s", t->address.text);
	return to;
}

enum err trap_edit_files(const struct conf *c, char ***ret_path, size_t *ret_count)
{
	char **path = calloc(TRAP_EDIT_FILES, sizeof *path);
	size_t n = 0;
	enum err e = path ? ERR_OK : ERR_NOMEM;

	for (uint32_t i = 0; i < c->traps.files.count && e == ERR_OK; i++) {
		glob_t g;

		if (glob(c->traps.files.item[i], 0, NULL, &g) != 0)
			continue;
		for (size_t k = 0; k < g.gl_pathc && e == ERR_OK; k++) {
			if (n == TRAP_EDIT_FILES)
				e = ERR_LIMIT;
			else if (!(path[n] = strdup(g.gl_pathv[k])))
				e = ERR_NOMEM;
			else
				n++;
		}
		globfree(&g);
	}
	if (e != ERR_OK) {
		trap_edit_files_free(path, n);
		return e;
	}
	*ret_path = path;
	*ret_count = n;
	return ERR_OK;
}

void trap_edit_files_free(char **path, size_t count)
{
	for (size_t i = 0; path && i < count; i++)
		free(path[i]);
	free(path);
}

/* By name: somebody else may put a new file in its place meanwhile. Or by another name of the same file. */
static bool is_same(const char *one, const char *other)
{
	char a[PATH_MAX], b[PATH_MAX];
	struct stat x, y;

	return (realpath(one, a) && realpath(other, b) && strcmp(a, b) == 0) ||
	       (stat(one, &x) == 0 && stat(other, &y) == 0 && x.st_ino == y.st_ino && x.st_dev == y.st_dev);
}

bool trap_edit_is_read(const struct conf_list *globs, const char *path)
{
	bool is_read = access(path, F_OK) != 0;

	for (uint32_t i = 0; i < globs->count && !is_read; i++) {
		glob_t g;
		int failed = glob(globs->item[i], 0, NULL, &g);

		if (failed) {
			is_read = failed != GLOB_NOMATCH;
			continue;
		}
		for (size_t k = 0; k < g.gl_pathc && !is_read; k++)
			is_read = is_same(g.gl_pathv[k], path);
		globfree(&g);
	}
	return is_read;
}

void trap_edit_place(const char *glob, const char *name, char *to, size_t size)
{
	struct slice s = slice_str(glob);

	if (strpbrk(glob, "*?["))
		(void)snprintf(to, size, "%.*s/%s", SLICE_ARG(slice_head(s, slice_rfind(s, '/'))), name);
	else
		slice_copy(s, to, size);
}

const char *trap_edit_added(const struct conf *c, char to[TRAP_EDIT_PATH])
{
	trap_edit_place(c->traps.files.count ? c->traps.files.item[0] : "/etc/limetwig/traps.d/*.txt", "added.txt", to,
		TRAP_EDIT_PATH);
	return to;
}

static enum err read_fd(int fd, const char *path, struct buf *to, char text[TRAP_EDIT_TEXT])
{
	enum err e = whole_file_read(fd, to);

	if (e != ERR_OK)
		return say(text, path, e == ERR_IO ? strerror(errno) : "is too large");
	return ERR_OK;
}

/* Each good line of the file. */
static enum err know_file(const char *path, struct keymap *known, char text[TRAP_EDIT_TEXT])
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct slice rest, line;
	struct trap_line t;
	struct buf b;
	char key[TRAP_EDIT_KEY], why[200];
	unsigned number = 0;
	enum err e;
	bool any;

	if (fd < 0)
		return say(text, path, strerror(errno));
	buf_init(&b, TRAP_EDIT_MAX);
	e = read_fd(fd, path, &b, text);
	for (rest = buf_slice(&b); e == ERR_OK && slice_line(&rest, &line);) {
		void *value;

		if (trap_file_line(line, ++number, &t, &any, why, sizeof why) != ERR_OK || !any)
			continue;
		if (keymap_put(known, slice_str(trap_edit_key(&t, key)), &value, NULL) != ERR_OK)
			e = say(text, path, "no memory for so many traps");
	}
	buf_done(&b);
	(void)close(fd);
	return e;
}

enum err trap_edit_know(char *const *path, size_t count, struct keymap *known, char text[TRAP_EDIT_TEXT])
{
	enum err e = ERR_OK;

	for (size_t i = 0; i < count && e == ERR_OK; i++)
		e = know_file(path[i], known, text);
	return e;
}

/* Open and lock what path names; somebody's rename between the two means: again. */
static enum err open_locked(const char *path, bool may_create, int *ret_fd, char text[TRAP_EDIT_TEXT])
{
	for (int i = 0; i < LOCK_TRIES; i++) {
		int fd = open(path, O_RDONLY | O_CLOEXEC | (may_create ? O_CREAT : 0), 0640);
		struct stat have, named;

		if (fd < 0)
			return say(text, path, strerror(errno));
		if (flock(fd, LOCK_EX) == 0 && fstat(fd, &have) == 0 && stat(path, &named) == 0 &&
			have.st_ino == named.st_ino && have.st_dev == named.st_dev) {
			*ret_fd = fd;
			return ERR_OK;
		}
		(void)close(fd);
	}
	return say(text, path, "is changed all the time by somebody else");
}

/* path gets this content, with the owner and mode of the file behind fd. */
static enum err replace(const char *path, int fd, struct slice content, char text[TRAP_EDIT_TEXT])
{
	char aside[PATH_MAX + 16];
	struct stat st;
	int to;

	(void)snprintf(aside, sizeof aside, "%s.limetwig-new", path);
	(void)unlink(aside);
	to = open(aside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (to < 0)
		return say(text, aside, strerror(errno));
	if (fstat(fd, &st) != 0 || (fchown(to, st.st_uid, st.st_gid) != 0 && geteuid() == 0) ||
		fchmod(to, st.st_mode & 07777) != 0 || whole_file_write(to, content) != ERR_OK || fsync(to) != 0 ||
		rename(aside, path) != 0 || whole_file_sync_folder(path) != ERR_OK) {
		(void)say(text, path, strerror(errno));
		(void)unlink(aside);
		(void)close(to);
		return ERR_IO;
	}
	(void)close(to);
	return ERR_OK;
}

enum err trap_edit_append(const char *path, struct slice lines, char text[TRAP_EDIT_TEXT])
{
	char real[PATH_MAX];
	struct buf b;
	int fd = -1;
	enum err e;

	if (!realpath(path, real)) /* a link stays a link */
		(void)snprintf(real, sizeof real, "%s", path);
	e = open_locked(real, true, &fd, text);
	if (e != ERR_OK)
		return e;
	buf_init(&b, TRAP_EDIT_MAX);
	e = read_fd(fd, real, &b, text);
	if (e == ERR_OK && b.n && b.p[b.n - 1] != '\n')
		e = buf_add_char(&b, '\n');
	if (e == ERR_OK)
		e = buf_add(&b, lines);
	if (e == ERR_LIMIT || e == ERR_NOMEM)
		e = say(text, real, "is too large");
	if (e == ERR_OK)
		e = replace(real, fd, buf_slice(&b), text);
	buf_done(&b);
	(void)close(fd);
	return e;
}

/* The file with the lines changed. */
static enum err change_lines(struct slice file, trap_edit_match match, void *ctx, bool remove, enum trap_state state,
	struct buf *to, size_t *changed)
{
	enum err e = ERR_OK;

	for (unsigned number = 1; file.n && e == ERR_OK; number++) {
		struct slice line = slice_head(file, slice_find(file, '\n') + 1), bare = slice_trim(line);
		char key[TRAP_EDIT_KEY], why[200];
		struct trap_line t;
		bool any;

		file = slice_from(file, line.n);
		if (trap_file_line(bare, number, &t, &any, why, sizeof why) != ERR_OK || !any || !match(&t, ctx)) {
			e = buf_add(to, line);
			continue;
		}
		e = trap_file_edit(line, slice_str(trap_edit_key(&t, key)), remove, state, to);
		if (e == ERR_OK)
			++*changed;
	}
	return e;
}

enum err trap_edit_change(const char *path, trap_edit_match match, void *ctx, bool remove, enum trap_state state,
	size_t *ret_changed, char text[TRAP_EDIT_TEXT])
{
	char real[PATH_MAX];
	struct buf in, out;
	size_t changed = 0;
	int fd = -1;
	enum err e;

	if (!realpath(path, real))
		return say(text, path, strerror(errno));
	e = open_locked(real, false, &fd, text);
	if (e != ERR_OK)
		return e;
	buf_init(&in, TRAP_EDIT_MAX);
	buf_init(&out, TRAP_EDIT_MAX);
	e = read_fd(fd, real, &in, text);
	if (e == ERR_OK && change_lines(buf_slice(&in), match, ctx, remove, state, &out, &changed) != ERR_OK)
		e = say(text, real, "cannot be changed (too large)");
	if (e == ERR_OK && changed)
		e = replace(real, fd, buf_slice(&out), text);
	if (e == ERR_OK)
		*ret_changed = changed;
	buf_done(&in);
	buf_done(&out);
	(void)close(fd);
	return e;
}
