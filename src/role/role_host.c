/*
 * role_host: the life of a child.
 *
 *   wait for START (what comes before is kept) -> Landlock -> start -> seccomp
 *   -> READY -> serve, links -> loop until STOP or the parent is gone
 *
 * Landlock comes before start: start may make threads, and Landlock binds only
 * the thread that calls it.
 * SPDX-License-Identifier: ISC
 */
#include "role/role_host.h"

#include "io/conf_file.h"
#include "io/log.h"
#include "io/sandbox.h"
#include "io/whole_file.h"
#include "role/trial.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define ROLE_NICE 10
#define ROLE_CONF_TEXT (2 * CONF_FILE_MAX) /* canonical text at most */

/* One role per process: the host is the process. */
static struct host {
	struct role_host pub;
	int early_link[ROLE_PROCESSES]; /* links that came before serve; -1 */
	uint32_t links[ROLE_PROCESSES]; /* given in our life, by peer */
	bool has_conf, is_started, is_serving, is_stopping, is_failed;
} host;

static void close_all(const int *fds, size_t n)
{
	for (size_t i = 0; i < n; i++)
		close(fds[i]);
}

static enum err send_empty(enum message_type t)
{
	uint8_t bytes[4];
	struct wr w = wr_init(bytes, sizeof bytes);

	message_put_empty(&w, t, NULL);
	return channel_send(host.pub.parent, &w, NULL, 0);
}

void role_host_end(struct role_host *h, const char *why)
{
	log_warn("role_failed", "reason=\"%s\"", why);
	host.is_failed = true;
	loop_stop(h->loop);
}

void role_host_give_up(struct role_host *h, enum err e)
{
	if (e == ERR_NOMEM)
		role_host_end(h, "no memory for what it was given");
}

enum err role_host_send(struct role_host *h, enum role peer, const struct wr *w, const int *fds, size_t n)
{
	return h->link[peer] ? channel_send(h->link[peer], w, fds, n) : ERR_CLOSED;
}

void role_host_give_way(void)
{
	if (setpriority(PRIO_PROCESS, 0, ROLE_NICE) != 0)
		log_warn("nice", "errno=%d", errno);
}

/* The descriptor's offset is shared with all other readers. */
static enum err read_conf(int fd, struct conf *ret, char *why, size_t size)
{
	enum err e = ERR_IO;
	struct stat st;
	size_t n;
	char *text;

	(void)snprintf(why, size, "configuration cannot be read");
	if (fstat(fd, &st) != 0 || st.st_size < 0 || (uint64_t)st.st_size > ROLE_CONF_TEXT)
		return ERR_LIMIT;
	n = (size_t)st.st_size;
	text = malloc(n + 1);
	if (text && whole_file_look(fd, text, n) == n)
		e = conf_file_parse(slice_of(text, n), "configuration", ret, why, size);
	free(text);
	return e;
}

static void take_conf(int fd)
{
	static struct conf c;
	char why[512];

	if (read_conf(fd, &c, why, sizeof why) != ERR_OK) {
		/* the parent has read it before us: keep what is in force */
		log_warn("conf_refused", "reason=\"%s\"", why);
	} else {
		host.pub.conf = c;
		host.has_conf = true;
		if (host.is_serving && host.pub.ops->reloaded)
			host.pub.ops->reloaded(&host.pub);
	}
	close(fd);
}

static void take_listener(unsigned which, int fd)
{
	if (which >= 1 && which < LISTENERS)
		for (int i = 0; i < ROLE_LISTENERS; i++)
			if (host.pub.listener[which][i] < 0) {
				host.pub.listener[which][i] = fd;
				return;
			}
	close(fd);
}

static void take_file(unsigned which, int fd)
{
	if (which < FILE_MAIL_LOG || which >= SHARED_FILES) {
		close(fd);
		return;
	}
	if (host.pub.file[which] >= 0)
		close(host.pub.file[which]);
	host.pub.file[which] = fd;
	if (host.is_serving && host.pub.ops->filed)
		host.pub.ops->filed(&host.pub, (enum shared_file)which);
}

static void on_link_message(void *ctx, enum role peer, enum message_type t, struct rd *body, const int *fds, size_t n)
{
	(void)ctx;
	if (host.pub.ops->message)
		host.pub.ops->message(&host.pub, peer, t, body, fds, n);
	else
		close_all(fds, n);
}

static void drop_link(enum role peer)
{
	struct channel *c = host.pub.link[peer];

	if (!c)
		return;
	host.pub.link[peer] = NULL;
	channel_free(c);
	if (host.pub.ops->unlinked)
		host.pub.ops->unlinked(&host.pub, peer);
}

/* A refused message ends a link between two that live on: the parent makes it anew. */
static void tell_unlinked(enum role peer)
{
	struct msg_unlinked m = { .which = (uint8_t)peer, .number = host.links[peer] };
	uint8_t bytes[8];
	struct wr w = wr_init(bytes, sizeof bytes);

	message_put_unlinked(&w, MSG_UNLINKED, &m);
	(void)channel_send(host.pub.parent, &w, NULL, 0); /* a queue that is full has pongs in it */
}

static void on_link_closed(void *ctx, enum role peer)
{
	(void)ctx;
	drop_link(peer);
	if (!host.is_stopping)
		tell_unlinked(peer);
}

static void make_link(enum role peer, int fd)
{
	drop_link(peer);
	host.pub.link[peer] =
		channel_new(host.pub.loop, fd, host.pub.role, peer, on_link_message, on_link_closed, &host);
	if (!host.pub.link[peer])
		role_host_end(&host.pub, "no memory for a link");
	else if (host.pub.ops->linked)
		host.pub.ops->linked(&host.pub, peer);
}

static void take_link(unsigned which, int fd)
{
	if (which == ROLE_PARENT || which >= ROLE_PROCESSES || which == host.pub.role) {
		close(fd);
		return;
	}
	host.links[which]++;
	if (host.is_serving) {
		make_link((enum role)which, fd);
	} else {
		if (host.early_link[which] >= 0)
			close(host.early_link[which]);
		host.early_link[which] = fd;
	}
}

static void take_stop(void)
{
	host.is_stopping = true;
	if (host.is_serving && host.pub.ops->stop)
		host.pub.ops->stop(&host.pub);
	else
		loop_stop(host.pub.loop);
}

static void take_start(void)
{
	if (!host.has_conf)
		role_host_end(&host.pub, "START without configuration");
	host.is_started = true;
	loop_stop(host.pub.loop);
}

/* Without the hook nobody may ask: a parent that does is none. */
static void take_trial(struct rd *body)
{
	struct trial_place place = {
		.role = host.pub.role, .conf = &host.pub.conf, .shared = host.pub.file[FILE_MAIL_LOG]
	};
	struct msg_selftest m;
	uint8_t bytes[8];
	struct wr w = wr_init(bytes, sizeof bytes);

	if (!trial_is_on() || !host.is_serving || message_get_selftest(body, &m) != ERR_OK) {
		role_host_end(&host.pub, "a test was asked for");
		return;
	}
	place.sibling = (pid_t)m.number;
	m.number = (uint32_t)trial_run(m.trial, &place);
	message_put_selftest(&w, MSG_SELFTEST_DONE, &m);
	(void)channel_send(host.pub.parent, &w, NULL, 0);
}

static void take_part(struct rd *body)
{
	struct msg_part m;

	if (message_get_part(body, &m) == ERR_OK)
		host.pub.part = m;
}

static void take_dns_listen(struct rd *body)
{
	struct msg_dnsbl_listen m;

	if (message_get_dnsbl_listen(body, &m) == ERR_OK)
		host.pub.dns_listen = m;
}

static void take_socket(enum role peer, enum message_type t, struct rd *body, const int *fds, size_t n)
{
	if (host.is_serving && host.pub.ops->message)
		host.pub.ops->message(&host.pub, peer, t, body, fds, n);
	else
		close_all(fds, n);
}

static void on_parent_message(void *ctx, enum role peer, enum message_type t, struct rd *body, const int *fds, size_t n)
{
	struct msg_which m = { 0 };
	bool has_which = t == MSG_LISTENER || t == MSG_LINK || t == MSG_FILE;

	(void)ctx;
	/* a role that has begun to stop is handed nothing new: its state may be gone */
	if ((has_which && message_get_which(body, &m) != ERR_OK) || (host.is_stopping && n))
		close_all(fds, n);
	else if (t == MSG_CONFIG)
		take_conf(fds[0]);
	else if (t == MSG_LISTENER)
		take_listener(m.which, fds[0]);
	else if (t == MSG_LINK)
		take_link(m.which, fds[0]);
	else if (t == MSG_FILE)
		take_file(m.which, fds[0]);
	else if (t == MSG_START)
		take_start();
	else if (t == MSG_PART)
		take_part(body);
	else if (t == MSG_DNSBL_LISTEN)
		take_dns_listen(body);
	else if (t == MSG_PING)
		(void)send_empty(MSG_PONG); /* a queue that is full has pongs in it */
	else if (t == MSG_SELFTEST)
		take_trial(body);
	else if (t == MSG_MAIL_SOCKET || t == MSG_HAND_SOCKET)
		take_socket(peer, t, body, fds, n);
	else if (t == MSG_STOP && !host.is_stopping)
		take_stop();
}

/* Without its parent a role has no business: nobody would restart or stop it. */
static void on_parent_closed(void *ctx, enum role peer)
{
	(void)ctx;
	(void)peer;
	role_host_end(&host.pub, "parent is gone");
}

static void ignore(int signo)
{
	(void)signo;
}

/*
 * Signals of a terminal or a service manager go to the whole group: the parent
 * tells us what to do. Handlers and not SIG_IGN, which programs would inherit.
 */
static void set_signals(void)
{
	static const int signals[] = { SIGTERM, SIGINT, SIGHUP, SIGPIPE, SIGUSR1, SIGUSR2 };
	struct sigaction a = { .sa_handler = ignore, .sa_flags = SA_RESTART };

	for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++)
		(void)sigaction(signals[i], &a, NULL);
}

/* Traps, or what clients say of them; a key. RLIMIT_CORE does not hold where core_pattern is a pipe. */
static bool holds_secrets(enum role r)
{
	return r == ROLE_ENGINE || r == ROLE_ALIASMAP || r == ROLE_CAPTURE || r == ROLE_FOLLOW || r == ROLE_TARPIT ||
	       r == ROLE_PUBLISH;
}

static void set_process(enum role role)
{
	struct rlimit none = { 0, 0 };
	char name[16];

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	(void)snprintf(name, sizeof name, "limetwig-%s", role_name(role));
	(void)prctl(PR_SET_NAME, name, 0, 0, 0);
	(void)setrlimit(RLIMIT_CORE, &none);
	if (holds_secrets(role_kind(role)))
		(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	set_signals();
}

static bool init(enum role role, const struct role_ops *ops, void *ctx)
{
	struct role_host *h = &host.pub;

	/* of the parent, for this exec alone: no program of run or aliasmap may read it, or speak as its role */
	(void)fcntl(ROLE_FD_PARENT, F_SETFD, FD_CLOEXEC);
	h->role = role;
	h->ops = ops;
	h->ctx = ctx;
	for (int i = 0; i < ROLE_PROCESSES; i++)
		host.early_link[i] = -1;
	for (int i = 0; i < LISTENERS * ROLE_LISTENERS; i++)
		h->listener[i / ROLE_LISTENERS][i % ROLE_LISTENERS] = -1;
	for (int i = 0; i < SHARED_FILES; i++)
		h->file[i] = -1;
	h->loop = loop_new();
	if (h->loop)
		h->parent =
			channel_new(h->loop, ROLE_FD_PARENT, role, ROLE_PARENT, on_parent_message, on_parent_closed, h);
	return h->parent != NULL;
}

static bool start(struct role_host *h)
{
	char files[128], calls[128];
	enum err e;

	if (sandbox_confine_files(h->role, &h->conf, files, sizeof files) != ERR_OK) {
		log_warn("sandbox_failed", "reason=\"%s\"", files);
		return false;
	}
	e = h->ops->start ? h->ops->start(h) : ERR_OK;
	if (e != ERR_OK) {
		log_warn("role_failed", "reason=\"%s\"", err_name(e));
		return false;
	}
	if (sandbox_confine_calls(h->role, &h->conf, calls, sizeof calls) != ERR_OK) {
		log_warn("sandbox_failed", "reason=\"%s\"", calls);
		return false;
	}
	log_debug("sandbox", "%s %s", files, calls);
	return true;
}

static void serve(struct role_host *h)
{
	if (send_empty(MSG_READY) != ERR_OK)
		return; /* the loop reports the end of the parent */
	host.is_serving = true;
	if (h->ops->serve)
		h->ops->serve(h);
	/* who gave up has not what a link asks of it */
	for (int peer = 0; peer < ROLE_PROCESSES && !host.is_failed; peer++) {
		int fd = host.early_link[peer];

		host.early_link[peer] = -1;
		if (fd >= 0)
			make_link((enum role)peer, fd);
	}
}

int role_host_run(enum role role, const struct role_ops *ops, void *ctx)
{
	struct role_host *h = &host.pub;

	log_setup(role_name(role), getenv("LIMETWIG_DEBUG") ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO);
	set_process(role);
	if (!init(role, ops, ctx)) {
		log_warn("role_failed", "reason=\"not started by limetwigd\"");
		return 1;
	}
	/* STOP may have come in one go with START: nobody says it again */
	if (loop_run(h->loop) != ERR_OK || host.is_failed || !host.is_started || host.is_stopping)
		return host.is_failed ? 1 : 0;
	if (!start(h))
		return 1;
	serve(h);
	if (!host.is_failed && loop_run(h->loop) != ERR_OK)
		return 1;
	return host.is_failed ? 1 : 0;
}
