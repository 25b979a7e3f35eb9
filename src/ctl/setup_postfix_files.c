/*
 * setup_postfix_files: configuration texts, the memory under STATE/setup (a
 * folder for each instance: dir, map, *.before, *.after) and the empty maps.
 * SPDX-License-Identifier: ISC
 */
#include "ctl/setup_postfix_private.h"
#include "io/whole_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH_TEXT (2 * PATH_MAX)

enum err setup_file_read(const char *path, struct buf *to)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	enum err e;

	if (fd < 0)
		return errno == ENOENT ? ERR_NOTFOUND : ERR_IO;
	buf_reset(to);
	e = whole_file_read(fd, to);
	(void)close(fd);
	return e;
}

enum err setup_file_write(const char *path, struct slice text, unsigned mode)
{
	char tmp[PATH_TEXT];
	struct stat st;
	bool has = stat(path, &st) == 0;
	enum err e = ERR_IO;
	int fd;

	(void)snprintf(tmp, sizeof tmp, "%s.limetwig-%d", path, (int)getpid());
	fd = open(tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return ERR_IO;
	if (fchmod(fd, has ? st.st_mode & 07777 : (mode_t)mode) == 0 &&
		(!has || (st.st_uid == geteuid() && st.st_gid == getegid()) || fchown(fd, st.st_uid, st.st_gid) == 0))
		e = whole_file_write(fd, text);
	if (e == ERR_OK && fsync(fd) != 0)
		e = ERR_IO;
	if (close(fd) != 0 || e != ERR_OK || rename(tmp, path) != 0) {
		int saved = errno;

		(void)unlink(tmp);
		errno = saved;
		return ERR_IO;
	}
	return ERR_OK;
}

static void make_dirs(const char *path, mode_t mode)
{
	char part[PATH_TEXT];

	(void)snprintf(part, sizeof part, "%s", path);
	for (char *p = part + 1; *p; p++) {
		if (*p != '/')
			continue;
		*p = '\0';
		(void)mkdir(part, 0755);
		*p = '/';
	}
	(void)mkdir(part, mode);
}

enum err setup_lock(struct setup *s, char *text, size_t n)
{
	char path[PATH_TEXT];

	(void)snprintf(path, sizeof path, "%s/setup", s->opt.state);
	make_dirs(path, 0700);
	(void)snprintf(path, sizeof path, "%s/setup/lock", s->opt.state);
	s->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (s->lock < 0) {
		(void)snprintf(text, n, "%s: %s", path, strerror(errno));
		return ERR_IO;
	}
	if (flock(s->lock, LOCK_EX | LOCK_NB) != 0) {
		(void)snprintf(text, n, "another limetwig setup is at work; wait for it");
		return ERR_AGAIN;
	}
	return ERR_OK;
}

/* STATE/setup/ESCAPED[/file]; a slash in dir becomes %. */
static void state_path(const struct setup *s, const char *dir, const char *file, char to[PATH_TEXT])
{
	char name[PATH_MAX];

	(void)snprintf(name, sizeof name, "%s", dir);
	for (char *p = name; *p; p++)
		if (*p == '/')
			*p = '%';
	(void)snprintf(to, PATH_TEXT, "%.2000s/setup/%.1000s%s%s", s->opt.state, name, file[0] ? "/" : "", file);
}

enum err setup_state_save(const struct setup *s, const struct setup_instance *in)
{
	const struct {
		const char *file;
		struct slice text;
	} all[] = {
		{ "main.cf.before", buf_slice(&in->main_base) },
		{ "main.cf.after", buf_slice(&in->main_new) },
		{ "master.cf.before", buf_slice(&in->master_base) },
		{ "master.cf.after", buf_slice(&in->master_new) },
		{ "map", slice_str(s->map) },
		{ "dir", slice_str(in->dir) },
	};
	char path[PATH_TEXT];
	enum err e = ERR_OK;

	state_path(s, in->dir, "", path);
	make_dirs(path, 0700);
	for (size_t i = 0; i < sizeof all / sizeof all[0] && e == ERR_OK; i++) {
		state_path(s, in->dir, all[i].file, path);
		e = setup_file_write(path, all[i].text, 0600);
	}
	return e;
}

enum err setup_state_before(const struct setup *s, const char *dir, const char *file, struct slice now, struct buf *to)
{
	char path[PATH_TEXT], name[64];
	struct buf after;
	enum err e;

	buf_init(&after, MAIN_CF_MAX);
	(void)snprintf(name, sizeof name, "%s.after", file);
	state_path(s, dir, name, path);
	e = setup_file_read(path, &after);
	if (e == ERR_OK && !slice_eq(buf_slice(&after), now))
		e = ERR_NOTFOUND;
	if (e == ERR_OK) {
		(void)snprintf(name, sizeof name, "%s.before", file);
		state_path(s, dir, name, path);
		e = setup_file_read(path, to);
	}
	buf_done(&after);
	return e;
}

void setup_state_remove(const struct setup *s, const char *dir)
{
	static const char *const files[] = { "main.cf.before", "main.cf.after", "master.cf.before", "master.cf.after",
		"map", "dir" };
	char path[PATH_TEXT];

	for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
		state_path(s, dir, files[i], path);
		(void)unlink(path);
	}
	state_path(s, dir, "", path);
	(void)rmdir(path);
}

static bool is_known(const struct setup *s, const char *dir)
{
	for (size_t i = 0; i < s->opt.dirs; i++)
		if (strcmp(s->opt.dir[i], dir) == 0)
			return true;
	return false;
}

static bool state_text(const struct setup *s, const char *name, const char *file, char *to, size_t n)
{
	char path[PATH_TEXT];
	struct buf text;
	bool is_there;

	(void)snprintf(path, sizeof path, "%.2000s/setup/%.1000s/%s", s->opt.state, name, file);
	buf_init(&text, PATH_MAX + 16);
	is_there = setup_file_read(path, &text) == ERR_OK && text.n > 0;
	if (is_there)
		slice_copy(buf_slice(&text), to, n);
	buf_done(&text);
	return is_there;
}

void setup_state_list(struct setup *s, bool is_all)
{
	char path[PATH_TEXT], dir[PATH_MAX];
	struct dirent *d;
	DIR *folder;

	(void)snprintf(path, sizeof path, "%s/setup", s->opt.state);
	folder = opendir(path);
	while (folder && (d = readdir(folder))) {
		if (d->d_name[0] != '%' || !state_text(s, d->d_name, "dir", dir, sizeof dir))
			continue;
		if (!s->map[0])
			(void)state_text(s, d->d_name, "map", s->map, sizeof s->map);
		if (is_all && !is_known(s, dir) && s->opt.dirs < SETUP_INSTANCES)
			(void)snprintf(s->opt.dir[s->opt.dirs++], PATH_MAX, "%s", dir);
	}
	if (folder)
		(void)closedir(folder);
}

static const char *suffix(const char *map)
{
	return strncmp(map, "lmdb:", 5) == 0 ? ".lmdb" : strncmp(map, "cdb:", 4) == 0 ? ".cdb" : ".db";
}

/* postmap waits for a source that is younger than two seconds: it is made old. */
static enum err make_map(const struct setup *s, const char *map, char *text, size_t n)
{
	const char *source = strchr(map, ':') + 1;
	const char *const argv[] = { "postmap", "-c", s->opt.dir[0], map, NULL };
	const struct timespec old[2] = { { .tv_sec = 1 }, { .tv_sec = 1 } };
	char file[PATH_TEXT];
	bool is_made;

	(void)snprintf(file, sizeof file, "%s%s", source, suffix(map));
	if (access(file, F_OK) == 0)
		return ERR_OK;
	if (setup_file_write(source, (struct slice){ "", 0 }, 0640) != ERR_OK) {
		(void)snprintf(text, n, "%s: %s", source, strerror(errno));
		return ERR_IO;
	}
	(void)utimensat(AT_FDCWD, source, old, 0);
	is_made = setup_run(argv, NULL, text, n);
	(void)unlink(source);
	/* trap addresses are nobody's business; Postfix opens its maps as root before it drops that */
	(void)chmod(file, 0640);
	return is_made ? ERR_OK : ERR_IO;
}

enum err setup_maps_make(const struct setup *s, char *text, size_t n)
{
	enum err e = make_map(s, s->map, text, n);

	return e == ERR_OK ? make_map(s, s->domains, text, n) : e;
}

void setup_maps_remove(const struct setup *s)
{
	/* the last ones: what a build that was killed left behind */
	static const char *const types[] = { ".lmdb", ".db", ".cdb", ".new.db", ".new.cdb", ".new", "" };
	const char *const maps[] = { s->map, s->domains };
	char file[PATH_TEXT];

	for (size_t i = 0; i < 2; i++)
		for (size_t j = 0; j < sizeof types / sizeof types[0]; j++) {
			(void)snprintf(file, sizeof file, "%s%s", strchr(maps[i], ':') + 1, types[j]);
			(void)unlink(file);
		}
}
