/*
 * engine_control: the control socket. One JSON object a line in, one out (watch:
 * many). Who asks is what the kernel says (SO_PEERCRED, SO_PEERGROUPS): root or
 * the admin group may change things, the read group may look.
 * SPDX-License-Identifier: ISC
 */
#include <errno.h>
#include <grp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/escape.h"
#include "io/log.h"
#include "role/engine_feed.h"

#define CONTROL_IN_MAX (8u << 20)    /* one request: 10,000 addresses and more */
#define CONTROL_OUT_MAX (64u << 20)  /* answers not taken yet */
#define CONTROL_WATCH_MAX (1u << 20) /* a watcher that does not read is let go */
#define CONTROL_CALLS 64             /* connections */
#define CONTROL_READ 65536
#define CONTROL_GROUPS 256
#define CONTROL_PAUSE_MS 100
#define CONTROL_SETTLE_MS 200  /* a command that reads waits for the disk so long, and with it all mail */
#define CONTROL_CHANGE_MS 1000 /* one that changes something */

struct engine_call {
	struct engine_call *next;
	struct engine *e;
	struct loop_watch *watch;
	int fd, passed_fd;
	struct buf in, out;
	uint32_t uid;
	bool may_read, is_admin;
	bool is_busy; /* a command is under way: the next line waits */
	bool is_watching;
	bool is_closing; /* after what is in out */
	bool is_change;  /* the command under way has changed something */
	bool is_stale;   /* ... and does not show the newest */
	char user[64];
	json_t *data; /* engine_call_keep */
};

struct engine_control {
	struct engine_call *calls;
	size_t count;
	struct loop_watch *listen, *resume;
	gid_t read_gid, admin_gid; /* (gid_t)-1: no such group */
};

static void call_free(struct engine_call *c)
{
	struct engine_call **at = &c->e->control->calls;

	while (*at && *at != c)
		at = &(*at)->next;
	if (*at)
		*at = c->next;
	c->e->control->count--;
	engine_trap_forget_waiter(c->e, c);
	engine_trap_live_check_forget(c->e, c);
	engine_backup_forget(c->e, c);
	engine_feed_call_gone(c->e, c);
	engine_command_release_forget(c);
	engine_person_call_gone(c->e, c);
	loop_remove(c->watch);
	(void)close(c->fd);
	if (c->passed_fd >= 0)
		(void)close(c->passed_fd);
	buf_done(&c->in);
	buf_done(&c->out);
	json_decref(c->data);
	free(c);
}

static bool call_flush(struct engine_call *c)
{
	while (c->out.n) {
		ssize_t n = send(c->fd, c->out.p, c->out.n, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			break;
		if (n <= 0) {
			call_free(c);
			return false;
		}
		buf_consume(&c->out, (size_t)n);
	}
	if (c->out.n == 0 && c->is_closing) {
		call_free(c);
		return false;
	}
	if (loop_fd_want(c->watch, c->out.n ? LOOP_READ | LOOP_WRITE : LOOP_READ) != ERR_OK) {
		call_free(c);
		return false;
	}
	return true;
}

/* ---- answers */

static void call_send(struct engine_call *c, json_t *takes)
{
	char *text = json_dumps(takes, JSON_COMPACT);

	if (!text || buf_add_str(&c->out, text) != ERR_OK || buf_add_char(&c->out, '\n') != ERR_OK)
		c->is_closing = true;
	free(text);
	json_decref(takes);
	if (loop_fd_want(c->watch, LOOP_READ | LOOP_WRITE) != ERR_OK)
		c->is_closing = true;
}

static void call_finish(struct engine_call *c, json_t *takes)
{
	call_send(c, takes);
	c->is_busy = false;
	if (c->passed_fd >= 0) {
		(void)close(c->passed_fd);
		c->passed_fd = -1;
	}
}

void engine_answer(struct engine_call *c, json_t *takes)
{
	/* what somebody was told is done must not be undone by our death */
	if (c->is_change && store_settle(c->e->store, CONTROL_CHANGE_MS) != ERR_OK) {
		json_decref(takes);
		engine_answer_error(c, 1,
			"done, but the store does not take it: it is lost when limetwigd ends (see limetwig status)");
		return;
	}
	if (!takes)
		takes = json_object();
	(void)json_object_set_new(takes, "ok", json_true());
	if (c->is_stale)
		(void)json_object_set_new(takes, "stale", json_true());
	call_finish(c, takes);
}

void engine_answer_error(struct engine_call *c, int exit_status, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	call_finish(c, json_pack("{s:b, s:o, s:i}", "ok", 0, "error", engine_json_text(text), "exit", exit_status));
}

bool engine_call_is_admin(const struct engine_call *c)
{
	return c->is_admin;
}

const char *engine_call_user(const struct engine_call *c)
{
	return c->user;
}

int engine_call_fd(const struct engine_call *c)
{
	return c->passed_fd;
}

struct engine *engine_call_engine(const struct engine_call *c)
{
	return c->e;
}

void engine_call_keep(struct engine_call *c, json_t *takes)
{
	json_decref(c->data);
	c->data = takes;
}

void engine_call_settle(struct engine_call *c)
{
	if (store_settle(c->e->store, CONTROL_SETTLE_MS) != ERR_OK)
		c->is_stale = true;
}

json_t *engine_call_data(const struct engine_call *c)
{
	return c->data;
}

void engine_call_watch(struct engine_call *c)
{
	c->is_watching = true;
}

void engine_audit(struct engine *e, struct engine_call *c, const char *note, const char *fmt, ...)
{
	struct record_audit r = { .time = clock_wall_s(), .uid = c->uid };
	uint8_t key[RECORD_KEY], value[RECORD_VALUE];
	struct wr w = wr_init(value, sizeof value);
	char text[300], escaped_note[300];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(r.what, sizeof r.what, fmt, ap);
	va_end(ap);
	slice_copy(slice_str(c->user), r.who, sizeof r.who);
	slice_copy(slice_str(note ? note : ""), r.note, sizeof r.note);
	record_put_audit(&w, &r);
	c->is_change = true;
	if (!w.bad)
		(void)store_put(e->store, TABLE_AUDIT, record_time_key(r.time, e->sequence++, key), wr_slice(&w));
	(void)escape_text(slice_str(r.what), text, sizeof text);
	(void)escape_text(slice_str(r.note), escaped_note, sizeof escaped_note);
	log_info("audit", "by=%s uid=%u what=\"%s\" note=\"%s\"", c->user, c->uid, text, escaped_note);
}

void engine_watch(struct engine *e, const char *event, const char *fmt, ...)
{
	char text[1500];
	va_list ap;
	struct engine_call *c, *next;

	if (!e->control || !e->control->calls)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	for (c = e->control->calls; c; c = next) {
		next = c->next;
		if (!c->is_watching)
			continue;
		if (!c->is_closing)
			call_send(c, json_pack("{s:I, s:s, s:o}", "time", (json_int_t)clock_wall_s(), "event", event,
					     "text", engine_json_text(text)));
		if (c->out.n > CONTROL_WATCH_MAX)
			c->is_closing = true;
	}
}

/* ---- requests */

/* root may say on whose behalf it acts (sudo); anybody else is his number. */
static void name_user(struct engine_call *c, const json_t *in)
{
	const char *user = engine_json_string(in, "user");

	if (c->uid == 0 && user && user[0])
		(void)escape_text(slice_str(user), c->user, sizeof c->user);
	else if (c->uid == 0)
		slice_copy(SLICE_LIT("root"), c->user, sizeof c->user);
	else
		(void)snprintf(c->user, sizeof c->user, "uid %u", c->uid);
}

/* A note is kept, logged and shown to the read group. */
static void hide_note(const struct engine *e, json_t *in)
{
	const char *note = engine_json_string(in, "note");

	if (note)
		(void)json_object_set_new(in, "note", engine_json_hidden(e, note));
}

/* ret_is_short: there was no memory; the parser calls that a bad token, or says nothing. */
static json_t *parse(struct slice line, json_error_t *error, bool *ret_is_short)
{
	json_t *in;

	errno = 0;
	in = json_loadb(line.p, line.n, JSON_REJECT_DUPLICATES, error);
	*ret_is_short = !in && errno == ENOMEM;
	return in;
}

static void one_line(struct engine_call *c, struct slice line)
{
	bool is_short;
	json_error_t error;
	json_t *in = parse(line, &error, &is_short);
	const char *name = engine_json_string(in, "cmd");
	const struct engine_command *k = engine_commands;

	c->is_busy = true;
	c->is_change = c->is_stale = false;
	name_user(c, in);
	hide_note(c->e, in);
	while (name && k->name && strcmp(k->name, name) != 0)
		k++;
	if (is_short)
		engine_answer_error(c, 1, "no memory: try again");
	else if (!name)
		engine_answer_error(c, 2, "not a command: %s", in ? "\"cmd\" is missing" : error.text);
	else if (!k->name)
		engine_answer_error(c, 2, "this limetwigd does not know the command");
	else if (k->needs_admin && !c->is_admin)
		engine_answer_error(
			c, 1, "not allowed: be root or in the group %s", c->e->host->conf.storage.admin_group);
	else
		k->fn(c->e, c, in);
	json_decref(in);
}

static void call_lines(struct engine_call *c)
{
	while (!c->is_busy && !c->is_closing) {
		size_t n = slice_find(buf_slice(&c->in), '\n');

		if (n == c->in.n)
			break;
		one_line(c, slice_head(buf_slice(&c->in), n));
		buf_consume(&c->in, n + 1);
	}
}

/* The last one stays; the room for one has, by its alignment, room for two. */
static void take_fds(struct engine_call *c, const struct cmsghdr *h)
{
	size_t n = (h->cmsg_len - CMSG_LEN(0)) / sizeof c->passed_fd;

	for (size_t i = 0; i < n; i++) {
		if (c->passed_fd >= 0)
			(void)close(c->passed_fd);
		memcpy(&c->passed_fd, CMSG_DATA(h) + i * sizeof c->passed_fd, sizeof c->passed_fd);
	}
}

static ssize_t call_recv(struct engine_call *c)
{
	struct iovec iov = { c->in.p + c->in.n, CONTROL_READ };
	union {
		struct cmsghdr head;
		char space[CMSG_SPACE(sizeof(int))];
	} u;
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &u, .msg_controllen = sizeof u };
	ssize_t n = recvmsg(c->fd, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

	for (struct cmsghdr *h = n > 0 ? CMSG_FIRSTHDR(&m) : NULL; h; h = CMSG_NXTHDR(&m, h))
		if (h->cmsg_level == SOL_SOCKET && h->cmsg_type == SCM_RIGHTS)
			take_fds(c, h);
	return n;
}

static void on_call(int fd, unsigned what, void *ctx)
{
	struct engine_call *c = ctx;
	ssize_t n;

	(void)fd;
	if ((what & LOOP_WRITE) && !call_flush(c))
		return;
	if (what & LOOP_READ) {
		if (buf_reserve(&c->in, CONTROL_READ) != ERR_OK) {
			call_free(c);
			return;
		}
		n = call_recv(c);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n <= 0) {
			call_free(c);
			return;
		}
		c->in.n += (size_t)n;
	}
	call_lines(c);
}

static void take_credentials(struct engine_call *c)
{
	struct engine_control *k = c->e->control;
	struct ucred cred = { .uid = (uid_t)-1, .gid = (gid_t)-1 };
	gid_t group[CONTROL_GROUPS];
	socklen_t n = sizeof cred, groups = sizeof group;

	if (getsockopt(c->fd, SOL_SOCKET, SO_PEERCRED, &cred, &n) != 0)
		return;
	c->uid = cred.uid;
	/* without privileges the one user of this daemon is its administrator */
	c->is_admin = c->may_read = cred.uid == 0 || cred.uid == getuid();
	if (getsockopt(c->fd, SOL_SOCKET, SO_PEERGROUPS, group, &groups) != 0)
		groups = 0;
	for (size_t i = 0; i <= groups / sizeof group[0]; i++) {
		gid_t g = i < groups / sizeof group[0] ? group[i] : cred.gid;

		if (k->admin_gid != (gid_t)-1 && g == k->admin_gid)
			c->is_admin = c->may_read = true;
		if (k->read_gid != (gid_t)-1 && g == k->read_gid)
			c->may_read = true;
	}
}

static void on_resume(void *ctx)
{
	struct engine_control *k = ctx;

	loop_remove(k->resume);
	k->resume = NULL;
	if (loop_fd_want(k->listen, LOOP_READ) != ERR_OK)
		log_alarm("control", "text=\"listener lost\"");
}

/* Out of descriptors: the listener stays readable, so asking again at once would only burn the processor. */
static void pause_listening(struct engine *e)
{
	struct engine_control *k = e->control;

	if (!k->resume)
		k->resume = loop_after(e->host->loop, CONTROL_PAUSE_MS, on_resume, k);
	if (k->resume && loop_fd_want(k->listen, 0) != ERR_OK)
		log_alarm("control", "text=\"listener lost\"");
}

static void on_listen(int fd, unsigned what, void *ctx)
{
	struct engine *e = ctx;
	struct engine_call *c;
	int conn = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)what;
	if (conn < 0) {
		if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)
			pause_listening(e);
		return;
	}
	if (e->control->count >= CONTROL_CALLS || !(c = calloc(1, sizeof *c))) {
		(void)close(conn);
		return;
	}
	c->e = e;
	c->fd = conn;
	c->passed_fd = -1;
	buf_init(&c->in, CONTROL_IN_MAX);
	buf_init(&c->out, CONTROL_OUT_MAX);
	c->next = e->control->calls;
	e->control->calls = c;
	e->control->count++;
	take_credentials(c);
	c->watch = loop_fd(e->host->loop, conn, LOOP_READ, on_call, c);
	if (!c->watch) {
		call_free(c);
	} else if (!c->may_read) { /* told at once and let go: strangers do not keep the places of administrators */
		engine_answer_error(c, 1, "not allowed: be root or in the group %s", e->host->conf.storage.read_group);
		c->is_closing = true;
	}
}

static gid_t group_id(const char *name)
{
	struct group g, *found = NULL;
	char space[4096];

	if (name[0] == '\0' || getgrnam_r(name, &g, space, sizeof space, &found) != 0 || !found)
		return (gid_t)-1;
	return g.gr_gid;
}

enum err engine_control_start(struct engine *e)
{
	int fd = e->host->listener[LISTENER_CONTROL][0];

	e->control = calloc(1, sizeof *e->control);
	if (!e->control)
		return ERR_NOMEM;
	e->control->read_gid = group_id(e->host->conf.storage.read_group);
	e->control->admin_gid = group_id(e->host->conf.storage.admin_group);
	if (fd < 0)
		return ERR_OK;
	e->control->listen = loop_fd(e->host->loop, fd, LOOP_READ, on_listen, e);
	return e->control->listen ? ERR_OK : ERR_NOMEM;
}

void engine_control_stop(struct engine *e)
{
	if (!e->control)
		return;
	loop_remove(e->control->listen);
	loop_remove(e->control->resume);
	while (e->control->calls)
		call_free(e->control->calls);
	free(e->control);
	e->control = NULL;
}
