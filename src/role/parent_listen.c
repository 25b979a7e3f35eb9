/*
 * parent_listen: what the roles find ready: folders of their own, listening
 * sockets, and the lock that keeps a second daemon out. Stale sockets of a
 * killed daemon are replaced; the lock says that they are stale.
 * SPDX-License-Identifier: ISC
 */
#include "io/log.h"
#include "role/parent.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define LISTEN_BACKLOG 1024

static enum err fail(char *text, size_t size, const char *what, const char *path)
{
	(void)snprintf(text, size, "%s: cannot %s: %s", path, what, strerrordesc_np(errno));
	return ERR_IO;
}

/* Missing parents too, as root's own. */
static enum err make_parents(const char *path)
{
	char part[CONF_TEXT];

	for (size_t i = 1; path[i] && i < sizeof part; i++) {
		if (path[i] != '/')
			continue;
		slice_copy(slice_of(path, i), part, sizeof part);
		if (mkdir(part, 0755) != 0 && errno != EEXIST)
			return ERR_IO;
	}
	return ERR_OK;
}

/* Owner and mode are set anew each time: a role's user may have another number now. */
static enum err make_folder(const char *path, mode_t mode, bool is_root, uid_t uid, gid_t gid, char *text, size_t size)
{
	enum err e = ERR_OK;
	int fd;

	if (make_parents(path) != ERR_OK || (mkdir(path, mode) != 0 && errno != EEXIST))
		return fail(text, size, "make this folder", path);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return fail(text, size, "open this folder", path);
	if (is_root && fchown(fd, uid, gid) != 0)
		e = fail(text, size, "give this folder to its user", path);
	else if (fchmod(fd, mode) != 0)
		e = fail(text, size, "set the mode of this folder", path);
	close(fd);
	return e;
}

static enum err make_sub(struct parent *p, const char *name, mode_t mode, enum role owner, char *text, size_t size)
{
	const struct child *c = &p->child[owner];
	char path[CONF_TEXT + 16];

	(void)snprintf(path, sizeof path, "%s/%s", p->conf.storage.dir, name);
	return make_folder(path, mode, p->is_root, c->uid, c->gid, text, size);
}

enum err parent_make_role_folders(struct parent *p, const struct conf *c, char *text, size_t size)
{
	enum err e = ERR_OK;

	if (conf_has_feeds(c))
		e = make_sub(p, "feeds", 0700, ROLE_FEED, text, size);
	/* others read what is there */
	if (e == ERR_OK && conf_has_publish(c))
		e = make_sub(p, "export", 0755, ROLE_PUBLISH, text, size);
	return e;
}

enum err parent_make_folders(struct parent *p, char *text, size_t size)
{
	enum err e = make_folder(p->conf.storage.dir, 0711, p->is_root, 0, 0, text, size);

	if (e == ERR_OK)
		e = make_sub(p, "db", 0700, ROLE_ENGINE, text, size);
	if (e == ERR_OK)
		e = make_sub(p, "corpus", 0700, ROLE_CAPTURE, text, size);
	if (e == ERR_OK)
		e = parent_make_role_folders(p, &p->conf, text, size);
	if (e == ERR_OK)
		e = make_folder(p->conf.storage.run, 0755, p->is_root, 0, 0, text, size);
	return e;
}

enum err parent_take_lock(struct parent *p, char *text, size_t size)
{
	char path[CONF_TEXT + 32];

	(void)snprintf(path, sizeof path, "%s/limetwigd.lock", p->conf.storage.run);
	p->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (p->lock < 0)
		return fail(text, size, "open the lock file", path);
	if (flock(p->lock, LOCK_EX | LOCK_NB) == 0)
		return ERR_OK;
	if (errno != EWOULDBLOCK)
		return fail(text, size, "lock", path);
	(void)snprintf(text, size, "%s: another limetwigd is running with this storage.run", path);
	return ERR_EXISTS;
}

#define ASIDE ".new"

/* Bound aside: those who ask at this name go on asking who was there. */
static enum err listen_aside(
	const char *path, mode_t mode, bool is_root, gid_t gid, int *ret_fd, char *text, size_t size)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int n = snprintf(a.sun_path, sizeof a.sun_path, "%s" ASIDE, path);
	int fd;

	if (n < 0 || (size_t)n >= sizeof a.sun_path) {
		(void)snprintf(text, size, "%s: longer than the %zu bytes a socket's name may have", path,
			sizeof a.sun_path - sizeof ASIDE);
		return ERR_LIMIT;
	}
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return fail(text, size, "make a socket", path);
	if ((unlink(a.sun_path) != 0 && errno != ENOENT) || bind(fd, (struct sockaddr *)&a, sizeof a) != 0 ||
		(is_root && lchown(a.sun_path, 0, gid) != 0) || chmod(a.sun_path, mode) != 0 ||
		listen(fd, LISTEN_BACKLOG) != 0) {
		enum err e = fail(text, size, "listen there", path);

		(void)unlink(a.sun_path);
		close(fd);
		return e;
	}
	*ret_fd = fd;
	return ERR_OK;
}

bool parent_is_same_folder(const char *one, const char *other)
{
	struct stat a, b;

	return strcmp(one, other) == 0 ||
	       (stat(one, &a) == 0 && stat(other, &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino);
}

static enum err open_queue(
	const struct conf *c, bool is_root, gid_t gid, size_t i, struct parent_sockets *s, char *text, size_t size)
{
	const char *queue = c->postfix.queues.item[i];
	char policy[CONF_TEXT + 16], lmtp[CONF_TEXT + 16];
	struct stat st;
	enum err e;
	int n = snprintf(s->dir[i], sizeof s->dir[i], "%s/limetwig", queue);

	if (stat(queue, &st) != 0 || !S_ISDIR(st.st_mode) || n < 0 || (size_t)n >= sizeof s->dir[i]) {
		(void)snprintf(
			text, size, "postfix queues: %s is no folder: is Postfix installed, is the path right?", queue);
		return ERR_NOTFOUND;
	}
	for (size_t j = 0; j < i; j++)
		if (parent_is_same_folder(c->postfix.queues.item[j], queue)) {
			(void)snprintf(text, size, "postfix queues: %s is there twice", queue);
			return ERR_EXISTS;
		}
	(void)snprintf(policy, sizeof policy, "%s/policy", s->dir[i]);
	(void)snprintf(lmtp, sizeof lmtp, "%s/lmtp", s->dir[i]);
	e = make_folder(s->dir[i], 0750, is_root, 0, gid, text, size);
	if (e == ERR_OK)
		e = listen_aside(policy, 0660, is_root, gid, &s->policy[i], text, size);
	if (e == ERR_OK)
		e = listen_aside(lmtp, 0660, is_root, gid, &s->lmtp[i], text, size);
	return e;
}

static enum err find_group(const struct conf *c, bool is_root, gid_t *ret, char *text, size_t size)
{
	const struct group *g = is_root ? getgrnam(c->postfix.group) : NULL;

	if (is_root && !g) {
		(void)snprintf(
			text, size, "postfix group: there is no group %s: is Postfix installed?", c->postfix.group);
		return ERR_NOTFOUND;
	}
	*ret = g ? g->gr_gid : getgid();
	return ERR_OK;
}

enum err parent_open_sockets(const struct conf *c, bool is_root, struct parent_sockets *ret, char *text, size_t size)
{
	struct parent_sockets s = { .control = -1 };
	char control[CONF_TEXT + 16];
	gid_t gid = 0;
	enum err e = find_group(c, is_root, &gid, text, size);

	for (size_t i = 0; i < ROLE_LISTENERS; i++)
		s.policy[i] = s.lmtp[i] = -1;
	if (e == ERR_OK && c->postfix.queues.count > ROLE_LISTENERS) {
		(void)snprintf(text, size, "postfix queues: more than %d Postfix instances", ROLE_LISTENERS);
		e = ERR_LIMIT;
	}
	for (size_t i = 0; e == ERR_OK && i < c->postfix.queues.count; i++) {
		e = open_queue(c, is_root, gid, i, &s, text, size);
		s.queues = i + 1;
	}
	(void)snprintf(s.run, sizeof s.run, "%s", c->storage.run);
	(void)snprintf(control, sizeof control, "%s/control.sock", s.run);
	if (e == ERR_OK)
		e = listen_aside(control, 0666, is_root, 0, &s.control, text, size);
	if (e == ERR_OK)
		*ret = s;
	else
		parent_drop_sockets(&s);
	return e;
}

/* The name appears with its owner and mode already right. */
static enum err name_one(const char *dir, const char *name, char *text, size_t size)
{
	char path[CONF_TEXT + 16], aside[CONF_TEXT + 24];

	(void)snprintf(path, sizeof path, "%s/%s", dir, name);
	(void)snprintf(aside, sizeof aside, "%s" ASIDE, path);
	return rename(aside, path) == 0 ? ERR_OK : fail(text, size, "listen there", path);
}

enum err parent_name_sockets(const struct parent_sockets *s, char *text, size_t size)
{
	enum err e = name_one(s->run, "control.sock", text, size);

	for (size_t i = 0; i < s->queues; i++) {
		enum err policy = name_one(s->dir[i], "policy", text, size);
		enum err lmtp = name_one(s->dir[i], "lmtp", text, size);

		if (e == ERR_OK)
			e = policy != ERR_OK ? policy : lmtp;
	}
	return e;
}

static void drop_one(int *fd, const char *dir, const char *name)
{
	char aside[CONF_TEXT + 24];

	if (*fd < 0)
		return;
	close(*fd);
	*fd = -1;
	(void)snprintf(aside, sizeof aside, "%s/%s" ASIDE, dir, name);
	(void)unlink(aside);
}

void parent_drop_sockets(struct parent_sockets *s)
{
	for (size_t i = 0; i < s->queues; i++) {
		drop_one(&s->policy[i], s->dir[i], "policy");
		drop_one(&s->lmtp[i], s->dir[i], "lmtp");
	}
	drop_one(&s->control, s->run, "control.sock");
	s->queues = 0;
}

static void close_one(int *fd, const char *dir, const char *name, bool is_removed)
{
	char path[CONF_TEXT + 16];

	if (*fd < 0)
		return;
	close(*fd);
	*fd = -1;
	(void)snprintf(path, sizeof path, "%s/%s", dir, name);
	if (is_removed && unlink(path) != 0)
		log_warn("socket_left", "path=%s errno=%d", path, errno);
}

void parent_close_queue(struct parent_sockets *s, size_t i, bool is_removed)
{
	close_one(&s->policy[i], s->dir[i], "policy", is_removed);
	close_one(&s->lmtp[i], s->dir[i], "lmtp", is_removed);
}

void parent_close_sockets(struct parent_sockets *s, bool is_removed)
{
	for (size_t i = 0; i < s->queues; i++)
		parent_close_queue(s, i, is_removed);
	close_one(&s->control, s->run, "control.sock", is_removed);
	s->queues = 0;
}
