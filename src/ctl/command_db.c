/*
 * command_db: check, backup and restore of the store.
 * SPDX-License-Identifier: ISC
 */
#include "base/num.h"
#include "core/record.h"
#include "ctl/ctl.h"
#include "io/store.h"
#include "io/store_file.h"
#include "io/whole_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DB_PATH 700
#define BACKUP_TIMEOUT_MS 600000 /* a large store on a slow disk */
#define COPY_SIZE 65536

static bool is_valid(enum table t, struct slice key, struct slice value)
{
	return record_is_valid((unsigned char)t, key, value);
}

static const char *make_dir(const struct ctl *c, char to[DB_PATH])
{
	(void)snprintf(to, DB_PATH, "%s/db", c->conf.storage.dir);
	return to;
}

/* LMDB makes lock.mdb where it is missing: ours must not keep the engine out. */
static void give_to_owner(const char *dir)
{
	char path[DB_PATH + 200];
	struct stat st;

	if (geteuid() != 0 || stat(dir, &st) != 0)
		return;
	(void)snprintf(path, sizeof path, "%s/lock.mdb", dir);
	if (lchown(path, st.st_uid, st.st_gid) != 0 && errno != ENOENT)
		(void)unlink(path);
}

int command_db_check(struct ctl *c)
{
	char dir[DB_PATH], text[400] = "";
	uint64_t good = 0, bad = 0;
	enum err e;

	if (c->args.count)
		(void)snprintf(dir, sizeof dir, "%s", c->args.word[0]);
	else
		(void)make_dir(c, dir);
	e = store_check(dir, is_valid, &good, &bad, text, sizeof text);
	give_to_owner(dir);
	if (c->args.is_given[OPT_JSON])
		(void)fprintf(c->render.to, "{\"ok\":%s,\"good\":%llu,\"bad\":%llu}\n", e == ERR_OK ? "true" : "false",
			(unsigned long long)good, (unsigned long long)bad);
	if (e == ERR_DENIED)
		return ctl_refuse(c, "%s is in use: systemctl stop limetwigd first", dir);
	if (e != ERR_OK)
		return ctl_refuse(c,
			"%s: %s (%llu entries good, %llu bad). A backup: limetwig db restore FILE; or move the "
			"folder away, limetwigd begins anew and the trap files are kept",
			dir, *text ? text : err_name(e), (unsigned long long)good, (unsigned long long)bad);
	if (!c->args.is_given[OPT_JSON])
		(void)fprintf(c->render.to, "%s: %s, all good\n", dir, render_count(&c->render, good, "entry"));
	return CTL_DONE;
}

/* Without the daemon the store is copied directly; what one that ended meanwhile has written goes. */
static enum err backup_directly(struct ctl *c, int fd, char text[CONTROL_TEXT])
{
	char dir[DB_PATH];
	struct store *s = NULL;
	struct stat st;
	enum err e;

	(void)snprintf(text, CONTROL_TEXT, "there is no store in %.400s", make_dir(c, dir));
	(void)snprintf(dir + strlen(dir), sizeof dir - strlen(dir), "/data.mdb");
	if (stat(dir, &st) != 0)
		return ERR_NOTFOUND;
	if (ftruncate(fd, 0) != 0 || lseek(fd, 0, SEEK_SET) != 0) {
		(void)snprintf(text, CONTROL_TEXT, "%s", strerror(errno));
		return ERR_IO;
	}
	e = store_file_check_pages(dir, text, CONTROL_TEXT); /* the role engine has written it, and we may be root */
	if (e == ERR_OK)
		e = store_open(make_dir(c, dir), c->conf.storage.db_size, &s, text, CONTROL_TEXT);
	if (e != ERR_OK)
		return e;
	e = store_backup(s, fd);
	if (e != ERR_OK)
		(void)snprintf(text, CONTROL_TEXT, "the copy failed: %s (%s)", err_name(e), strerror(errno));
	store_close(s);
	give_to_owner(dir);
	return e;
}

/* Also one whose engine is just starting anew: it must find its store, and find it free. */
static bool is_running(struct ctl *c)
{
	char text[CONTROL_TEXT];
	pid_t parent;

	return control_client_pid(c->socket, &parent, text) != ERR_CLOSED;
}

static enum err backup_into(struct ctl *c, int fd, char text[CONTROL_TEXT])
{
	json_t *q = ctl_request(c, "db_backup"), *answer = NULL;
	enum err e = control_client_ask(c->socket, q, fd, BACKUP_TIMEOUT_MS, &answer, text);

	json_decref(q);
	/* an engine that died under it comes back at once, and must find its store free */
	if (e == ERR_CLOSED && !is_running(c))
		return backup_directly(c, fd, text);
	if (e == ERR_OK && !render_bool(answer, "ok")) {
		(void)snprintf(text, CONTROL_TEXT, "%s", render_text(&c->render, answer, "error"));
		e = ERR_IO;
	}
	json_decref(answer);
	return e;
}

int command_db_backup(struct ctl *c)
{
	const char *path = c->args.word[0];
	char aside[DB_PATH], text[CONTROL_TEXT];
	struct stat st = { 0 };
	int fd;

	if (snprintf(aside, sizeof aside, "%s.part", path) >= (int)sizeof aside)
		return ctl_refuse(c, "the name is too long");
	fd = open(aside, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return ctl_refuse(c, "%s: %s", aside, strerror(errno));
	if (backup_into(c, fd, text) != ERR_OK) {
		(void)close(fd);
		(void)unlink(aside);
		return ctl_refuse(c, "no backup: %s", text);
	}
	if (fsync(fd) != 0 || fstat(fd, &st) != 0 || rename(aside, path) != 0 ||
		whole_file_sync_folder(path) != ERR_OK) {
		int error = errno;

		(void)close(fd);
		(void)unlink(aside);
		return ctl_refuse(c, "%s: %s", path, strerror(error));
	}
	(void)close(fd);
	if (c->args.is_given[OPT_JSON])
		(void)fprintf(c->render.to, "{\"ok\":true,\"bytes\":%llu}\n", (unsigned long long)st.st_size);
	else
		(void)fprintf(c->render.to,
			"%s: %s bytes. It holds addresses of people: keep it as safe as the store.\n"
			"Trap files and configuration are not in it.\n",
			path, render_grouped(&c->render, (uint64_t)st.st_size));
	return CTL_DONE;
}

static bool copy_bytes(int from, int to)
{
	char part[COPY_SIZE];
	ssize_t n;

	while ((n = read(from, part, sizeof part)) > 0)
		if (whole_file_write(to, slice_of(part, (size_t)n)) != ERR_OK)
			return false;
	return n == 0 && fsync(to) == 0;
}

/* from as dir/data.mdb, for whoever owns the folder like. */
static bool copy_store(const char *from, const char *dir, const struct stat *like)
{
	char path[DB_PATH + 200];
	int in = open(from, O_RDONLY | O_CLOEXEC), out = -1;
	bool good = false;

	(void)snprintf(path, sizeof path, "%s/data.mdb", dir);
	if (in >= 0 && (mkdir(dir, 0700) == 0 || errno == EEXIST) && chmod(dir, like->st_mode & 07777) == 0)
		out = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (out >= 0)
		good = copy_bytes(in, out);
	if (good && geteuid() == 0)
		good = chown(dir, like->st_uid, like->st_gid) == 0 && fchown(out, like->st_uid, like->st_gid) == 0;
	if (in >= 0)
		(void)close(in);
	if (out >= 0)
		(void)close(out);
	return good;
}

static void remove_store(const char *dir)
{
	static const char *const names[] = { "data.mdb", "lock.mdb", "lock" };
	char path[DB_PATH + 200];

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		(void)snprintf(path, sizeof path, "%s/%s", dir, names[i]);
		(void)unlink(path);
	}
	(void)rmdir(dir);
}

/* new becomes dir, and dir becomes old, where there is one. Else nothing is lost, and text says what is where. */
static bool change_names(const char *new, const char *dir, const char *old, bool is_there, char *text, size_t size)
{
	bool is_moved = is_there && rename(dir, old) == 0;
	int error = errno;

	if (is_moved == is_there) {
		if (rename(new, dir) == 0)
			return true;
		error = errno;
	}
	if (is_moved && rename(old, dir) != 0) {
		(void)snprintf(text, size,
			"%s: %s. What was there is %s now, and the backup is %s: rename one of them to %s", dir,
			strerror(error), old, new, dir);
		return false;
	}
	remove_store(new);
	(void)snprintf(text, size, "%s: %s; nothing is changed", dir, strerror(error));
	return false;
}

/*
 * The copy is made and checked beside, then the folders change names: what was
 * there stays as db.before-restore-TIME.
 */
int command_db_restore(struct ctl *c)
{
	char dir[DB_PATH], new[DB_PATH + 64], old[DB_PATH + 48], text[5 * DB_PATH] = "";
	const char *from = c->args.word[0];
	struct stat like;
	uint64_t good = 0, bad = 0;
	bool is_there;
	enum err e;

	if (is_running(c))
		return ctl_refuse(c, "limetwigd runs: systemctl stop limetwigd first");
	(void)make_dir(c, dir);
	(void)snprintf(new, sizeof new, "%s.restore", dir);
	(void)snprintf(old, sizeof old, "%s.before-restore-%llu", dir, (unsigned long long)c->render.now);
	is_there = stat(dir, &like) == 0;
	if (!is_there && stat(c->conf.storage.dir, &like) != 0)
		return ctl_refuse(c, "%s: %s", c->conf.storage.dir, strerror(errno));
	remove_store(new);
	if (!copy_store(from, new, &like)) {
		int error = errno;

		remove_store(new);
		return ctl_refuse(c, "%s cannot be copied to %s: %s", from, new, strerror(error));
	}
	e = store_check(new, is_valid, &good, &bad, text, sizeof text);
	give_to_owner(new);
	if (e != ERR_OK) {
		remove_store(new);
		return ctl_refuse(c, "%s is no good store (%s); nothing is changed", from, *text ? text : err_name(e));
	}
	if (!change_names(new, dir, old, is_there, text, sizeof text))
		return ctl_refuse(c, "%s", text);
	if (c->args.is_given[OPT_JSON])
		(void)fprintf(c->render.to, "{\"ok\":true,\"entries\":%llu}\n", (unsigned long long)good);
	else
		(void)fprintf(c->render.to,
			"%s: %s restored%s%s\nBlocks that ended meanwhile stay ended. Now: systemctl"
			" start limetwigd\n",
			dir, render_count(&c->render, good, "entry"), is_there ? "; what was there: " : "",
			is_there ? old : "");
	return CTL_DONE;
}
