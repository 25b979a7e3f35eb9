/*
 * parent_child: the life of each role as the parent sees it.
 *
 *   down -> spawned (CONFIG, listeners, log, links, START sent) -> ready -> down
 *
 * A role that dies comes back after 100 ms, then twice that, up to 30 s; after
 * a minute of life the count starts anew. Its links are made anew on both ends.
 * SPDX-License-Identifier: ISC
 */
#include "io/conf_file.h"
#include "io/log.h"
#include "io/notify.h"
#include "io/whole_file.h"
#include "role/parent.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum err parent_find_users(struct parent *p, char *text, size_t size)
{
	for (int r = ROLE_ENGINE; r < ROLE_PROCESSES; r++) {
		struct child *c = &p->child[r];
		enum role kind = role_kind((enum role)r);
		const struct passwd *pw;
		char name[32];

		*c = (struct child){ .role = (enum role)r, .parent = p, .uid = getuid(), .gid = getgid() };
		if (!p->is_root || r == ROLE_ALIASMAP || kind == ROLE_COUNT)
			continue;
		if (p->options->has_uid_base) {
			c->uid = p->options->uid_base + (uid_t)kind;
			c->gid = p->options->uid_base + (gid_t)kind;
			continue;
		}
		(void)snprintf(name, sizeof name, "limetwig-%s", role_name(kind));
		pw = getpwnam(name);
		if (!pw || pw->pw_uid == 0) {
			(void)snprintf(
				text, size, "there is no user %s: run systemd-sysusers (or use --uid-base)", name);
			return ERR_NOTFOUND;
		}
		c->uid = pw->pw_uid;
		c->gid = pw->pw_gid;
	}
	return ERR_OK;
}

void parent_want_roles(struct parent *p)
{
	const struct conf *c = &p->conf;

	p->child[ROLE_ENGINE].is_wanted = true;
	p->child[ROLE_CAPTURE].is_wanted = true;
	p->child[ROLE_RUN].is_wanted = true;
	p->child[ROLE_ALIASMAP].is_wanted = true;
	p->child[ROLE_FOLLOW].is_wanted = strcmp(c->postfix.log, "none") != 0;
	p->child[ROLE_FETCH].is_wanted = conf_has_fetch(c);
	p->child[ROLE_FEED].is_wanted = conf_has_feeds(c);
	p->child[ROLE_DNSBL].is_wanted = conf_has_dnsbl(c);
	p->child[ROLE_PUBLISH].is_wanted = conf_has_publish(c);
	for (unsigned i = 0; i < ROLE_TARPITS; i++)
		p->child[role_tarpit(i)].is_wanted = i < parent_count_tarpits(c);
	p->child[ROLE_FIREWALL].is_wanted = c->firewall.backend != FW_BACKEND_NONE;
}

static void kill_child(struct child *c, const char *why)
{
	if (c->pid > 0) {
		log_warn("role_killed", "role=%s pid=%d reason=\"%s\"", role_name(c->role), (int)c->pid, why);
		(void)kill(c->pid, SIGKILL);
	}
}

static void send_empty(struct child *c, enum message_type t)
{
	uint8_t bytes[4];
	struct wr w = wr_init(bytes, sizeof bytes);

	message_put_empty(&w, t, NULL);
	if (c->channel)
		(void)channel_send(c->channel, &w, NULL, 0); /* a role that does not read is killed for its silence */
}

bool parent_send_which(struct child *c, enum message_type t, unsigned which, int fd)
{
	struct msg_which m = { .which = (uint8_t)which };
	uint8_t bytes[4];
	struct wr w = wr_init(bytes, sizeof bytes);
	enum err e;

	message_put_which(&w, t, &m);
	e = c->channel ? channel_send(c->channel, &w, &fd, 1) : ERR_CLOSED;
	if (c->channel && e != ERR_OK)
		log_warn("message_lost", "type=%s to=%s", message_name(t), role_name(c->role));
	return e == ERR_OK || e == ERR_CLOSED;
}

/* The canonical text in memory nobody can change; -1: errno. */
static int conf_memory(const struct conf *c)
{
	struct buf text;
	int fd = -1;

	buf_init(&text, 2 * CONF_FILE_MAX);
	if (conf_print(c, &text) == ERR_OK)
		fd = whole_file_memory(buf_slice(&text), true);
	buf_done(&text);
	return fd;
}

void parent_send_conf(struct child *c)
{
	int fd = conf_memory(&c->parent->conf);
	uint8_t bytes[4];
	struct wr w = wr_init(bytes, sizeof bytes);

	if (role_kind(c->role) == ROLE_TARPIT)
		parent_send_part(c);
	if (role_kind(c->role) == ROLE_TARPIT)
		parent_send_tls(c);
	if (c->role == ROLE_DNSBL)
		parent_send_dns_listen(c);
	if (c->role == ROLE_PUBLISH)
		parent_send_update_key(c);
	message_put_empty(&w, MSG_CONFIG, NULL);
	if (fd < 0 || (c->channel && channel_send(c->channel, &w, &fd, 1) != ERR_OK))
		kill_child(c, "its configuration cannot be sent"); /* its next life gets it */
	if (fd >= 0)
		close(fd);
}

static bool send_listeners(struct child *c)
{
	const struct parent_sockets *s = &c->parent->sockets;
	bool all = true;

	if (c->role == ROLE_ENGINE)
		all &= parent_send_which(c, MSG_LISTENER, LISTENER_CONTROL, s->control);
	for (unsigned i = 0; i < c->parent->tarpit.count; i++)
		if (c->role == role_tarpit(i))
			all &= parent_send_which(c, MSG_LISTENER, LISTENER_TARPIT, c->parent->tarpit.fd[i]);
	for (unsigned i = 0; c->role == ROLE_DNSBL && i < c->parent->dns.count; i++) {
		all &= parent_send_which(c, MSG_LISTENER, LISTENER_DNS_UDP, c->parent->dns.at[i].udp);
		all &= parent_send_which(c, MSG_LISTENER, LISTENER_DNS_TCP, c->parent->dns.at[i].tcp);
	}
	for (size_t i = 0; i < s->queues; i++) {
		if (c->role == ROLE_ENGINE)
			all &= parent_send_which(c, MSG_LISTENER, LISTENER_POLICY, s->policy[i]);
		if (c->role == ROLE_CAPTURE)
			all &= parent_send_which(c, MSG_LISTENER, LISTENER_LMTP, s->lmtp[i]);
	}
	return all;
}

static void on_ready(struct child *c)
{
	struct parent *p = c->parent;

	c->is_ready = true;
	log_info("role_ready", "role=%s pid=%d ms=%llu", role_name(c->role), (int)c->pid,
		(unsigned long long)(clock_mono_ms() - c->started_ms));
	if (c->role == ROLE_ENGINE)
		parent_dunno_serve(p->dunno, NULL, 0);
	if (c->role == ROLE_CAPTURE)
		parent_offer_mail(c);
	for (int r = ROLE_ENGINE; r < ROLE_PROCESSES; r++)
		if (p->child[r].is_wanted && !p->child[r].is_ready)
			return;
	if (!p->is_announced)
		notify_ready("all roles are up");
	p->is_announced = true;
}

static void on_message(void *ctx, enum role peer, enum message_type t, struct rd *body, const int *fds, size_t n)
{
	struct child *c = ctx;

	(void)peer;
	for (size_t i = 0; i < n; i++)
		close(fds[i]);
	c->asked_ms = 0;
	if (t == MSG_READY && !c->is_ready)
		on_ready(c);
	else if (t == MSG_SELFTEST_DONE)
		parent_take_trial(c, body);
	else if (t == MSG_UNLINKED)
		parent_take_unlinked(c, body, clock_mono_ms());
	else if (t == MSG_MAIL_OPEN)
		parent_open_mail(c, body);
	else if (t == MSG_HAND_OPEN)
		parent_open_hand(c, body);
}

/* It has exited (then this changes nothing) or said something it may not. */
static void on_closed(void *ctx, enum role peer)
{
	struct child *c = ctx;

	(void)peer;
	channel_free(c->channel);
	c->channel = NULL;
	if (c->pid > 0 && !c->is_trial) /* the program that a trial executes has none */
		(void)kill(c->pid, SIGKILL);
}

static void on_again(void *ctx)
{
	parent_start_child(ctx);
}

static void start_later(struct child *c)
{
	bool was_calm = clock_mono_ms() - c->started_ms >= PARENT_BACKOFF_CALM_MS;

	if (c->is_restart)
		c->delay_ms = 0;
	else if (was_calm || c->delay_ms == 0)
		c->delay_ms = PARENT_BACKOFF_MIN_MS;
	else if (c->delay_ms < PARENT_BACKOFF_MAX_MS)
		c->delay_ms = c->delay_ms * 2 < PARENT_BACKOFF_MAX_MS ? c->delay_ms * 2 : PARENT_BACKOFF_MAX_MS;
	c->is_restart = false;
	loop_remove(c->again);
	c->again = loop_after(c->parent->loop, c->delay_ms, on_again, c);
	if (!c->again) /* parent_check_lost finds it */
		log_warn("role_delayed", "role=%s reason=\"no memory\"", role_name(c->role));
}

void parent_start_child(struct child *c)
{
	struct parent *p = c->parent;
	bool is_whole;
	int fd;

	loop_remove(c->again);
	c->again = NULL;
	if (c->pid || p->is_stopping || !c->is_wanted)
		return;
	c->started_ms = clock_mono_ms();
	c->stop_ms = c->asked_ms = 0;
	if (parent_spawn(c, &fd, &c->pid) != ERR_OK) {
		log_warn("role_failed", "role=%s errno=%d", role_name(c->role), errno);
		start_later(c);
		return;
	}
	c->channel = channel_new(p->loop, fd, ROLE_PARENT, c->role, on_message, on_closed, c);
	if (!c->channel) {
		kill_child(c, "no memory");
		return;
	}
	parent_send_conf(c);
	is_whole = send_listeners(c);
	if (c->role == ROLE_FOLLOW)
		parent_send_log(p);
	is_whole &= parent_make_links(c);
	if (is_whole)
		send_empty(c, MSG_START);
	else /* nobody would make the link that is missing later on */
		kill_child(c, "no descriptors for its links");
}

static void stop_child(struct child *c)
{
	if (c->pid <= 0 || c->stop_ms)
		return;
	c->stop_ms = clock_mono_ms();
	send_empty(c, MSG_STOP);
}

void parent_restart_child(struct child *c)
{
	c->is_restart = true;
	if (c->pid > 0)
		stop_child(c);
	else if (c->is_wanted)
		parent_start_child(c);
}

/* Those who bring the engine work go first, then the engine, then who does its work. */
void parent_stop_children(struct parent *p)
{
	static const unsigned phase[] = {
		ROLE_BIT(ROLE_CAPTURE) | ROLE_BIT(ROLE_FOLLOW) | ROLE_BIT(ROLE_TARPIT) | ROLE_BIT(ROLE_FEED) |
			ROLE_BIT(ROLE_DNSBL) | ROLE_BIT(ROLE_PUBLISH),
		ROLE_BIT(ROLE_ENGINE),
		ROLE_BIT(ROLE_FIREWALL) | ROLE_BIT(ROLE_RUN) | ROLE_BIT(ROLE_ALIASMAP) | ROLE_BIT(ROLE_FETCH),
	};

	for (size_t i = 0; i < sizeof phase / sizeof phase[0]; i++) {
		unsigned left = 0;

		for (int r = ROLE_ENGINE; r < ROLE_PROCESSES; r++) {
			if (!(phase[i] & ROLE_BIT(role_kind((enum role)r))) || p->child[r].pid <= 0)
				continue;
			stop_child(&p->child[r]);
			left++;
		}
		if (left)
			return;
	}
	loop_stop(p->loop);
}

static void child_gone(struct child *c, int status)
{
	struct parent *p = c->parent;
	bool is_asked = c->stop_ms != 0;

	if (is_asked && WIFEXITED(status))
		log_info("role_stopped", "role=%s pid=%d status=%d", role_name(c->role), (int)c->pid,
			WEXITSTATUS(status));
	else
		log_warn("role_died", "role=%s pid=%d %s=%d", role_name(c->role), (int)c->pid,
			WIFSIGNALED(status) ? "signal" : "status",
			WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
	parent_end_trial(c, status);
	parent_forget_links(c);
	c->pid = 0;
	c->is_ready = false;
	channel_free(c->channel);
	c->channel = NULL;
	if (c->role == ROLE_ENGINE)
		parent_dunno_serve(p->dunno, p->sockets.policy, p->sockets.queues);
	if (c->role == ROLE_FOLLOW)
		p->mail_log.is_open = false;
	if (p->is_stopping)
		parent_stop_children(p);
	else if (c->is_wanted)
		start_later(c);
}

void parent_reap(struct parent *p)
{
	for (int r = ROLE_ENGINE; r < ROLE_PROCESSES; r++) {
		struct child *c = &p->child[r];
		int status;

		if (c->pid > 0 && waitpid(c->pid, &status, WNOHANG) == c->pid)
			child_gone(c, status);
	}
}

/* Its restart could not be noted for lack of memory. */
void parent_check_lost(struct parent *p)
{
	for (int r = ROLE_ENGINE; r < ROLE_PROCESSES; r++)
		if (!p->child[r].again)
			parent_start_child(&p->child[r]);
}

void parent_check_stops(struct parent *p)
{
	uint64_t now = clock_mono_ms();

	for (int r = ROLE_ENGINE; r < ROLE_PROCESSES; r++) {
		struct child *c = &p->child[r];

		if (c->pid > 0 && c->stop_ms && now - c->stop_ms > PARENT_STOP_MS)
			kill_child(c, "does not stop");
	}
}

/* Since it was asked, not since it was heard: we may have been stopped ourselves, or the whole machine. */
static bool is_silent(const struct child *c, uint64_t now_ms)
{
	return c->asked_ms && now_ms - c->asked_ms > (c->role == ROLE_ALIASMAP ? PARENT_POSTMAP_MS : PARENT_SILENCE_MS);
}

static void ask(struct child *c, uint64_t now_ms)
{
	send_empty(c, MSG_PING);
	if (!c->asked_ms)
		c->asked_ms = now_ms;
}

void parent_check_children(struct parent *p)
{
	uint64_t now = clock_mono_ms();

	for (int r = ROLE_ENGINE; r < ROLE_PROCESSES; r++) {
		struct child *c = &p->child[r];

		if (c->pid <= 0)
			continue;
		if (c->is_ready && is_silent(c, now))
			kill_child(c, "does not answer");
		else if (!c->is_ready && now - c->started_ms > PARENT_START_MS)
			kill_child(c, "does not get ready");
		else if (c->is_ready && !c->stop_ms)
			ask(c, now);
	}
}
