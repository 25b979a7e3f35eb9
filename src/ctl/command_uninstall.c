/*
 * command_uninstall: Postfix first: from then on nobody asks us; then the
 * daemon is told off and our nft table goes. --purge also removes what limetwig
 * made: store, corpus, setup copies, run files, maps. What people wrote stays
 * and is named.
 * SPDX-License-Identifier: ISC
 */
#include "core/master_cf.h"
#include "ctl/ctl.h"
#include "ctl/setup_postfix.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEPTH_MAX 8 /* folders in folders: corpus/DAY/new is the deepest of ours */
#define PATH_TEXT (CONF_TEXT + 300)

/* Of storage.dir; all that limetwig makes there. */
static const char *const state_names[] = { "db", "corpus", "export", "feeds", "setup", "off" };
static const char *const run_names[] = { "control.sock", "control.sock.new", "limetwigd.lock" };
static const char *const queue_names[] = { "policy", "policy.new", "lmtp", "lmtp.new" };
/* Postfix leaves what it made for services that it no longer has. */
static const char *const service_dirs[] = { "private/", "public/", "pid/unix." };
static const char *const service_names[] = { MASTER_CF_TRANSPORT, MASTER_CF_HANDBACK, MASTER_CF_HAND,
	MASTER_CF_CLEANUP };
static const char *const map_tails[] = { ".lmdb", ".db", ".cdb", ".new", ".new.db", ".new.cdb" };
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static bool is_gone(int result)
{
	return result == 0 || errno == ENOENT || errno == ENOTDIR;
}

static enum err remove_tree(int parent, const char *name, int depth);

static enum err empty_folder(int fd, int depth)
{
	DIR *folder = fdopendir(fd);
	struct dirent *d;
	enum err e = ERR_OK;

	if (!folder) {
		(void)close(fd);
		return ERR_IO;
	}
	while (e == ERR_OK && (d = readdir(folder)))
		if (strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0)
			e = remove_tree(dirfd(folder), d->d_name, depth);
	(void)closedir(folder);
	return e;
}

/* Symbolic links are removed, never followed. */
static enum err remove_tree(int parent, const char *name, int depth)
{
	int fd;
	enum err e;

	if (unlinkat(parent, name, 0) == 0 || errno == ENOENT)
		return ERR_OK;
	if ((errno != EISDIR && errno != EPERM) || depth == 0)
		return ERR_IO;
	fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return ERR_IO;
	e = empty_folder(fd, depth - 1);
	return e == ERR_OK && is_gone(unlinkat(parent, name, AT_REMOVEDIR)) ? ERR_OK : ERR_IO;
}

/* These names in dir, then dir itself when nothing else is in it. */
static bool remove_names(struct ctl *c, const char *dir, const char *const *name, size_t n)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool is_good = true;

	if (fd < 0)
		return is_gone(-1) || ctl_refuse(c, "%s: %s", dir, strerror(errno)) == CTL_DONE;
	for (size_t i = 0; i < n; i++)
		if (remove_tree(fd, name[i], DEPTH_MAX) != ERR_OK) {
			(void)ctl_refuse(c, "%s/%s cannot be removed: %s", dir, name[i], strerror(errno));
			is_good = false;
		}
	(void)close(fd);
	(void)rmdir(dir); /* stays where others keep something in it, or tmpfiles.d made it busy */
	return is_good;
}

/* What `db restore` leaves beside. */
static bool is_old_store(const char *name)
{
	static const char kept[] = "db.before-restore-";

	return strcmp(name, "db.restore") == 0 || strncmp(name, kept, sizeof kept - 1) == 0;
}

/* Of storage.dir. */
static bool each_old_store(struct ctl *c, bool (*fn)(struct ctl *c, int folder, const char *name))
{
	DIR *folder = opendir(c->conf.storage.dir);
	const struct dirent *d;
	bool is_good = true;

	while (folder && (d = readdir(folder)))
		if (is_old_store(d->d_name))
			is_good &= fn(c, dirfd(folder), d->d_name);
	if (folder)
		(void)closedir(folder);
	return is_good;
}

static bool remove_old_store(struct ctl *c, int folder, const char *name)
{
	if (remove_tree(folder, name, DEPTH_MAX) == ERR_OK)
		return true;
	return ctl_refuse(c, "%s/%s cannot be removed: %s", c->conf.storage.dir, name, strerror(errno)) == CTL_DONE;
}

static bool remove_file(struct ctl *c, const char *path)
{
	return is_gone(unlink(path)) || ctl_refuse(c, "%s: %s", path, strerror(errno)) == CTL_DONE;
}

static bool remove_maps(struct ctl *c)
{
	const char *const maps[] = { c->conf.postfix.map, c->conf.postfix.domains };
	char path[PATH_TEXT];
	bool is_good = true;

	for (size_t i = 0; i < COUNT(maps); i++)
		for (size_t j = 0; j < COUNT(map_tails); j++) {
			const char *colon = strchr(maps[i], ':');

			if (!colon)
				continue;
			(void)snprintf(path, sizeof path, "%s%s", colon + 1, map_tails[j]);
			is_good &= remove_file(c, path);
		}
	return is_good;
}

/* Nobody connects to them any more, whether the daemon still runs or not. */
static bool remove_sockets(struct ctl *c)
{
	char path[PATH_TEXT];
	bool is_good = true;

	for (uint32_t i = 0; i < c->conf.postfix.queues.count; i++) {
		(void)snprintf(path, sizeof path, "%s/limetwig", c->conf.postfix.queues.item[i]);
		is_good &= remove_names(c, path, queue_names, COUNT(queue_names));
	}
	return is_good;
}

static bool remove_services(struct ctl *c)
{
	char path[PATH_TEXT];
	bool is_good = true;

	for (uint32_t i = 0; i < c->conf.postfix.queues.count; i++)
		for (size_t j = 0; j < COUNT(service_dirs) * COUNT(service_names); j++) {
			(void)snprintf(path, sizeof path, "%s/%s%s", c->conf.postfix.queues.item[i],
				service_dirs[j / COUNT(service_names)], service_names[j % COUNT(service_names)]);
			is_good &= remove_file(c, path);
		}
	return is_good;
}

static bool purge(struct ctl *c)
{
	char path[PATH_TEXT], etc[CTL_PATH];
	bool is_good = remove_maps(c);

	(void)snprintf(path, sizeof path, "%.500s/postfix.conf", ctl_etc(c, etc));
	is_good &= remove_file(c, path);
	is_good &= each_old_store(c, remove_old_store);
	is_good &= remove_names(c, c->conf.storage.dir, state_names, COUNT(state_names));
	is_good &= remove_names(c, c->conf.storage.run, run_names, COUNT(run_names));
	return is_good;
}

/* The lock that a running daemon holds; -1 and true: nobody can hold it. */
static bool take_lock(const struct ctl *c, int *ret_fd)
{
	char path[PATH_TEXT];

	(void)snprintf(path, sizeof path, "%s/limetwigd.lock", c->conf.storage.run);
	*ret_fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	return *ret_fd < 0 ? is_gone(-1) : flock(*ret_fd, LOCK_EX | LOCK_NB) == 0;
}

static int revert(struct ctl *c, const char *etc)
{
	const struct setup_postfix_removal r = { .etc = etc,
		.state = c->conf.storage.dir,
		.dir = c->conf.postfix.dir,
		.is_dry_run = c->args.is_given[OPT_DRY_RUN],
		.is_force = c->args.is_given[OPT_FORCE] };

	(void)fflush(c->render.to);
	return setup_postfix_remove(&r);
}

/* A daemon that runs is told off for good; without one no flag is left behind. */
static int leave_firewall(struct ctl *c)
{
	char text[CONTROL_TEXT], why[CONTROL_TEXT] = "";
	struct ctl_off o = { .table = ERR_OK };
	pid_t pid = 0;

	if (control_client_pid(c->socket, &pid, text) == ERR_OK) {
		ctl_off_all(c, &o);
		if (!o.is_told)
			return ctl_refuse(c, "limetwigd does not listen; stop it: systemctl disable --now limetwigd");
		(void)fprintf(c->render.to, "limetwigd is told: it refuses nothing any more\n");
	} else {
		o.table = ctl_table_delete(c, why);
		(void)fprintf(c->render.to, "limetwigd does not run\n");
	}
	if (o.table != ERR_OK)
		return ctl_refuse(c, "our nft table cannot be deleted (%s); by hand: nft delete table inet limetwig",
			o.why[0] ? o.why : why);
	(void)fprintf(c->render.to, "our nft table is gone\n");
	return CTL_DONE;
}

static void name_if_there(struct ctl *c, const char *dir, const char *name, const char *what)
{
	char path[PATH_TEXT];

	(void)snprintf(path, sizeof path, "%.500s%s%s", dir, name[0] ? "/" : "", name);
	if (access(path, F_OK) == 0)
		(void)fprintf(c->render.to, "  %s  (%s)\n", path, what);
}

static bool name_old_store(struct ctl *c, int folder, const char *name)
{
	(void)folder;
	name_if_there(c, c->conf.storage.dir, name, "ours");
	return true;
}

static void name_what_stays(struct ctl *c, const char *etc, bool is_purged)
{
	static const char *const files[] = { "limetwig.conf", "traps.d", "allow.d", "shared.d" };

	(void)fprintf(c->render.to, "Left, for you to keep or delete:\n");
	for (size_t i = 0; i < COUNT(files); i++)
		name_if_there(c, etc, files[i], "yours");
	if (!is_purged)
		name_if_there(c, c->conf.storage.dir, "", "store, captured messages; --purge removes it");
	if (getenv("DPKG_MAINTSCRIPT_PACKAGE")) /* apt remove: the package goes on by itself */
		return;
	if (!is_purged)
		(void)fprintf(
			c->render.to, "Next: systemctl disable --now limetwigd; then with --purge, if you like\n");
	(void)fprintf(c->render.to, "The programs: apt purge limetwig, or make uninstall\n");
}

static int show_dry(struct ctl *c, const char *etc, bool is_purge)
{
	(void)fprintf(c->render.to, "then: limetwigd would be told off, our nft table deleted\n");
	if (is_purge) {
		(void)fprintf(c->render.to, "then, gone for good:\n");
		for (size_t i = 0; i < COUNT(state_names); i++)
			name_if_there(c, c->conf.storage.dir, state_names[i], "ours");
		(void)each_old_store(c, name_old_store);
		name_if_there(c, etc, "postfix.conf", "ours");
		name_if_there(c, c->conf.storage.run, "", "ours");
	}
	name_what_stays(c, etc, is_purge);
	return CTL_DONE;
}

/* Of what setup has changed, and where: the lock alone, which is made at every try, tells nothing. */
static bool has_memory(const struct ctl *c)
{
	char path[PATH_TEXT];
	struct dirent *d;
	bool is_there = false;
	DIR *folder;

	(void)snprintf(path, sizeof path, "%.500s/setup", c->conf.storage.dir);
	folder = opendir(path);
	while (folder && !is_there && (d = readdir(folder)))
		is_there = d->d_name[0] == '%';
	if (folder)
		(void)closedir(folder);
	return is_there;
}

int command_uninstall(struct ctl *c)
{
	bool is_purge = c->args.is_given[OPT_PURGE], is_dry = c->args.is_given[OPT_DRY_RUN];
	char etc[CTL_PATH];
	int status, lock = -1;

	if (is_purge && ctl_is_conf_broken(c))
		return ctl_refuse(c, "it does not say where the data is: mend the file, or leave --purge away");
	if (ctl_is_conf_broken(c) && !has_memory(c))
		return ctl_refuse(c, CTL_UNKNOWN_SETUP);
	if (is_purge && !take_lock(c, &lock)) {
		if (lock >= 0)
			(void)close(lock);
		return ctl_refuse(c, "limetwigd runs. First: limetwig uninstall; systemctl disable --now limetwigd. "
				     "Nothing was changed");
	}
	status = revert(c, ctl_etc(c, etc));
	if (status == CTL_DONE && is_dry)
		status = show_dry(c, etc, is_purge);
	else if (status == CTL_DONE) {
		status = leave_firewall(c);
		if (!remove_sockets(c))
			status = CTL_REFUSED;
		if (!remove_services(
			    c)) /* now: their queues are known from postfix.conf, which has gone at a later --purge */
			status = CTL_REFUSED;
		if (is_purge && !purge(c))
			status = CTL_REFUSED;
		if (status == CTL_DONE)
			(void)fprintf(c->render.to, "Postfix does not know limetwig any more.%s\n",
				is_purge ? " Store, captured messages and setup copies are gone." : "");
		name_what_stays(c, etc, is_purge);
	}
	if (lock >= 0)
		(void)close(lock);
	return status;
}
