/*
 * tarpit_accept: who comes in. Beyond the cap of held ones a client is answered
 * at once, beyond the cap of connections, or of his subject, he is closed with
 * 421. Whoever is not blocked (any more) is told to come again: he will meet
 * Postfix. Without descriptors or memory we pause for a moment, and the cap
 * stays what it was.
 * SPDX-License-Identifier: ISC
 */
#include "role/tarpit_hand.h"
#include "role/tarpit_sample.h"

#include "base/escape.h"
#include "io/log.h"
#include "io/peer_address.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define ACCEPTS 64 /* at once, then those who are here have their turn */

bool tarpit_find(const struct tarpit *t, const struct ipaddr *client, struct block_entry *ret)
{
	return t->has_view && block_view_find(&t->view, client, clock_wall_s(), ret);
}

/* ---- the pool */

static bool pool_grow(struct tarpit *t)
{
	struct tarpit_conn *block;

	if (t->pools == t->pools_max)
		return false;
	block = calloc(TARPIT_POOL, sizeof *block);
	if (!block)
		return false;
	t->pool[t->pools] = block;
	for (uint32_t i = TARPIT_POOL; i-- > 0;) {
		block[i].id = t->pools * TARPIT_POOL + i;
		block[i].fd = -1;
		block[i].slot = UINT16_MAX;
		block[i].next = t->free;
		t->free = block[i].id;
	}
	t->pools++;
	return true;
}

static struct tarpit_conn *conn_new(struct tarpit *t, int fd, const struct ipaddr *client)
{
	struct tarpit_conn *c;
	uint32_t id;

	if (t->free == TARPIT_NONE && !pool_grow(t))
		tarpit_shed(t);
	if (t->free == TARPIT_NONE)
		return NULL;
	c = tarpit_conn_at(t, t->free);
	id = c->id;
	t->free = c->next;
	*c = (struct tarpit_conn){ .fd = fd,
		.id = id,
		.client = *client,
		.slot = UINT16_MAX,
		.next = TARPIT_NONE,
		.newer = TARPIT_NONE,
		.older = t->newest,
		.is_new = true,
		.subject_len = TARPIT_NOT_COUNTED };
	if (t->newest != TARPIT_NONE)
		tarpit_conn_at(t, t->newest)->newer = id;
	else
		t->oldest = id;
	t->newest = id;
	t->count++;
	return c;
}

/* ---- caps */

static bool each_add(struct tarpit *t, struct tarpit_conn *c, const struct prefix *subject)
{
	void *v;
	uint32_t *n;

	if (prefix_map_put(&t->each, subject, &v, NULL) != ERR_OK)
		return false;
	n = v;
	if (*n >= t->host->conf.tarpit.each)
		return false;
	++*n;
	c->subject_len = subject->len;
	return true;
}

static void each_del(struct tarpit *t, struct tarpit_conn *c)
{
	struct prefix subject;
	uint32_t *n;

	if (c->subject_len == TARPIT_NOT_COUNTED)
		return;
	subject = tarpit_subject(c);
	n = prefix_map_get(&t->each, &subject);
	if (n && --*n == 0)
		(void)prefix_map_del(&t->each, &subject);
}

static void log_end(struct tarpit *t, const struct tarpit_conn *c)
{
	char client[IPADDR_TEXT], helo[80];

	if (c->subject_len == TARPIT_NOT_COUNTED)
		return;
	tarpit_tell_end(t, c);
	if (++t->logged > TARPIT_LOGGED) {
		t->unlogged++;
		return;
	}
	log_info("answered", "case=%s client=%s held=%d seconds=%llu bytes=%u commands=%u recipients=%u helo=\"%s\"",
		c->answer.case_id, ipaddr_format(&c->client, client), c->answer.is_held,
		(unsigned long long)((t->now_ms - c->answer.begun_ms) / 1000), c->bytes, c->answer.commands,
		c->answer.recipients, escape_text(answer_helo(&c->answer), helo, sizeof helo));
}

void tarpit_conn_close(struct tarpit *t, struct tarpit_conn *c)
{
	log_end(t, c);
	tarpit_hand_drop(t, c);
	each_del(t, c);
	tarpit_wheel_del(t, c);
	tarpit_let_go(t, c);
	tarpit_sample_drop(t, c);
	answer_done(&c->answer);
	tarpit_tls_close(t, c);
	(void)close(c->fd); /* leaves the epoll set by itself */
	if (c->newer != TARPIT_NONE)
		tarpit_conn_at(t, c->newer)->older = c->older;
	else
		t->newest = c->older;
	if (c->older != TARPIT_NONE)
		tarpit_conn_at(t, c->older)->newer = c->newer;
	else
		t->oldest = c->newer;
	c->fd = -1;
	c->next = t->free;
	t->free = c->id;
	t->count--;
}

void tarpit_shed(struct tarpit *t)
{
	if (t->oldest == TARPIT_NONE)
		return;
	t->state.shed++;
	tarpit_conn_close(t, tarpit_conn_at(t, t->oldest));
}

/* ---- a new one */

static bool is_to_hold(const struct tarpit *t, const struct block_entry *b)
{
	const struct conf *c = &t->host->conf;

	return c->firewall.action == FW_ACTION_TARPIT && (b->offence >= c->tarpit.offence || (b->flags & BLOCK_HOLD)) &&
	       t->held < t->held_cap;
}

static void set_socket(const struct tarpit *t, int fd)
{
	int on = 1, window = (int)t->host->conf.tarpit.window;

	/* without it the kernel puts our single bytes together */
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	if (window)
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &window, sizeof window);
}

static void refuse(struct tarpit *t, int fd)
{
	static const char busy[] = "421 4.3.2 Too many connections, come again\r\n";

	t->state.refused++;
	(void)send(fd, busy, sizeof busy - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
	(void)close(fd);
}

void tarpit_take(struct tarpit *t, int fd, const struct ipaddr *client)
{
	struct block_entry b = { 0 };
	bool is_blocked = tarpit_find(t, client, &b);
	bool is_held = is_blocked && is_to_hold(t, &b);
	struct tarpit_conn *c = t->count < t->cap ? conn_new(t, fd, client) : NULL;

	t->state.taken++;
	if (!c) {
		refuse(t, fd);
		return;
	}
	answer_init(&c->answer, &b, false, t->now_ms, clock_wall_s());
	if (is_held) {
		tarpit_hold(t, c);
		set_socket(t, fd);
	}
	if (is_blocked && !each_add(t, c, &b.subject)) {
		t->state.refused++;
		answer_turn_away(&c->answer);
	} else if (!is_blocked) {
		answer_turn_away(&c->answer);
	}
	tarpit_talk(t, c);
}

static void on_resume(void *ctx)
{
	struct tarpit *t = ctx;

	for (unsigned i = 0; i < ROLE_LISTENERS; i++)
		if (t->listener[i] && loop_fd_want(t->listener[i], LOOP_READ) != ERR_OK)
			log_warn("tarpit", "text=\"cannot watch a listener\"");
	loop_remove(t->resume);
	t->resume = NULL;
}

/* The level-triggered listener would keep us busy. */
static void pause_accept(struct tarpit *t, int error)
{
	if (!t->is_logged_pause)
		log_warn("tarpit", "state=pause errno=%d connections=%u", error, t->count);
	t->is_logged_pause = true;
	if (error == ENOBUFS || error == ENOMEM)
		tarpit_shed(t);
	if (t->resume)
		return;
	t->state.pauses++;
	t->resume = loop_after(t->host->loop, TARPIT_PAUSE_MS, on_resume, t);
	for (unsigned i = 0; t->resume && i < ROLE_LISTENERS; i++)
		if (t->listener[i] && loop_fd_want(t->listener[i], 0) != ERR_OK)
			log_warn("tarpit", "text=\"cannot rest a listener\"");
}

/* True: more may wait. */
static bool accept_one(struct tarpit *t, int fd)
{
	struct sockaddr_storage sa = { 0 };
	socklen_t n = sizeof sa;
	struct ipaddr client;
	int got = accept4(fd, (struct sockaddr *)&sa, &n, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (got >= 0 && tarpit_is_led(t, got) && peer_address(&sa, &client))
		tarpit_take(t, got, &client);
	else if (got >= 0)
		(void)close(got);
	else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
		pause_accept(t, errno);
	else
		return false;
	return true;
}

void tarpit_on_listener(int fd, unsigned what, void *ctx)
{
	struct tarpit *t = ctx;
	bool is_left = true;

	(void)what;
	tarpit_state_accepting(t);
	t->now_ms = clock_mono_ms();
	for (unsigned i = 0; i < ACCEPTS && is_left && !t->resume; i++)
		is_left = accept_one(t, fd);
	tarpit_state_left(t, is_left);
}
