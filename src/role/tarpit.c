/*
 * tarpit: the order of things.
 * SPDX-License-Identifier: ISC
 */
#include "role/tarpit_hand.h"
#include "role/tarpit_sample.h"

#include "io/log.h"

#include <sodium.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#define SECOND_MS 1000

/* Printable ASCII only: it stands in replies. */
static void copy_text(const char *from, char *to, size_t size)
{
	size_t n = 0;

	for (; *from && n + 1 < size; from++)
		if (*from >= ' ' && *from <= '~')
			to[n++] = *from;
	to[n] = '\0';
}

static void take_conf(struct tarpit *t)
{
	const struct conf *c = &t->host->conf;
	char name[256] = "localhost";

	if (!c->tarpit.host[0])
		(void)gethostname(name, sizeof name - 1);
	copy_text(c->tarpit.host[0] ? c->tarpit.host : name, t->host_name, sizeof t->host_name);
	copy_text(c->tarpit.name, t->name, sizeof t->name);
	t->site = (struct answer_site){ .conf = c,
		.host = t->host_name,
		.name = t->name,
		.code = (uint16_t)c->tarpit.reply,
		.is_to_data = c->tarpit.hold == HOLD_DATA,
		.has_hand = conf_has_hand(c),
		.says = (const char *const *)t->says };
	tarpit_load_take(t);
	tarpit_tls_take(t);
}

static enum err tarpit_start(struct role_host *h)
{
	struct tarpit *t = calloc(1, sizeof *t);
	uint8_t key[SIPHASH_KEY];

	if (!t)
		return ERR_NOMEM;
	h->ctx = t;
	t->host = h;
	t->memory = AREA_MEMORY_NONE;
	t->free = t->oldest = t->newest = TARPIT_NONE;
	t->most = tarpit_load_most();
	t->now_ms = clock_mono_ms();
	tarpit_tls_start(t);
	take_conf(t);
	t->pools_max = (t->most + TARPIT_POOL - 1) / TARPIT_POOL;
	t->pool = calloc(t->pools_max, sizeof *t->pool);
	t->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (!t->pool || t->epoll < 0 || sodium_init() < 0)
		return ERR_NOMEM;
	randombytes_buf(key, sizeof key);
	prefix_map_init(&t->each, key, sizeof(uint32_t), t->most + 1);
	buf_init(&t->scratch, ANSWER_TEXT);
	tarpit_wheel_init(t);
	return ERR_OK;
}

static void on_turn(void *ctx)
{
	tarpit_load_pass(ctx);
	tarpit_wheel_turn(ctx, clock_mono_ms());
	tarpit_load_sweep(ctx);
}

/* Before it knows the blocks it would send them all away: they wait in the listener's queue. */
static void open_listeners(struct tarpit *t)
{
	for (unsigned i = 0; i < ROLE_LISTENERS; i++) {
		int fd = t->host->listener[LISTENER_TARPIT][i];

		if (fd < 0 || t->listener[i])
			continue;
		t->listener[i] = loop_fd(t->host->loop, fd, LOOP_READ, tarpit_on_listener, t);
		if (!t->listener[i]) {
			log_warn("role_failed", "reason=\"no memory\"");
			loop_stop(t->host->loop);
		}
	}
	t->is_open = true;
}

static void on_second(void *ctx)
{
	struct tarpit *t = ctx;

	if (!t->is_open && ++t->closed_s >= TARPIT_CLOSED_S)
		open_listeners(t); /* there is no engine */
	tarpit_state_second(ctx);
	tarpit_tls_second(ctx);
	tarpit_hand_tick(ctx, clock_mono_ms());
}

static void tarpit_serve(struct role_host *h)
{
	struct tarpit *t = h->ctx;

	tarpit_load_pass(t);
	t->ready = loop_fd(h->loop, t->epoll, LOOP_READ, tarpit_on_ready, t);
	t->turn = loop_every(h->loop, TARPIT_TICK_MS, on_turn, t);
	t->second = loop_every(h->loop, SECOND_MS, on_second, t);
	if (!t->ready || !t->turn || !t->second)
		role_host_give_up(h, ERR_NOMEM); /* before the loop runs a loop_stop is lost */
}

/* The old area stays in use where the new one is no good. */
static void take_blocks(struct tarpit *t, int fd)
{
	struct area_memory m;
	struct block_view v;
	enum err e = area_memory_open_blocks(fd, &m, &v);

	if (e != ERR_OK) {
		log_warn("blocks_refused", "reason=\"%s\"", err_name(e));
		role_host_give_up(t->host, e);
		return;
	}
	area_memory_close(&t->memory);
	t->memory = m;
	t->view = v;
	t->has_view = true;
	if (!t->is_open)
		open_listeners(t);
	t->removed = UINT64_MAX; /* what is not in the new one has gone */
}

static void take_words(struct tarpit *t, const struct msg_feed_says *m)
{
	free(t->says[m->index]);
	t->says[m->index] = m->text[0] ? strdup(m->text) : NULL; /* without memory nothing is said of it */
}

static void tarpit_message(
	struct role_host *h, enum role peer, enum message_type t, struct rd *body, const int *fds, size_t n)
{
	struct msg_mail_socket m;
	struct msg_feed_says says;

	if (!h->ctx) { /* stopped, and this came with it */
		for (size_t i = 0; i < n; i++)
			(void)close(fds[i]);
		return;
	}
	if (t == MSG_FEED_SAYS && message_get_feed_says(body, &says) == ERR_OK) {
		take_words(h->ctx, &says);
		return;
	}
	if (t == MSG_HAND_SOCKET && message_get_mail_socket(body, &m) == ERR_OK) {
		tarpit_hand_socket(h->ctx, &m, n ? fds[0] : -1);
		return;
	}
	if (peer == ROLE_ENGINE && t == MSG_BLOCKS && n == 1) {
		take_blocks(h->ctx, fds[0]);
		return;
	}
	for (size_t i = 0; i < n; i++)
		(void)close(fds[i]);
}

static void tarpit_reloaded(struct role_host *h)
{
	take_conf(h->ctx);
}

/* Each client hears 421 if it listens; nobody is waited for. */
static void tarpit_stop(struct role_host *h)
{
	struct tarpit *t = h->ctx;

	for (unsigned i = 0; i < ROLE_LISTENERS; i++)
		loop_remove(t->listener[i]);
	t->now_ms = clock_mono_ms();
	while (t->oldest != TARPIT_NONE) {
		struct tarpit_conn *c = tarpit_conn_at(t, t->oldest);

		if (!c->answer.text) {
			answer_release(&c->answer);
			tarpit_let_go(t, c);
			tarpit_talk(t, c); /* says it all at once */
		}
		if (c->fd >= 0)
			tarpit_conn_close(t, c);
	}
	loop_remove(t->ready);
	loop_remove(t->turn);
	loop_remove(t->resume);
	loop_remove(t->second);
	tarpit_tls_stop(t);
	tarpit_sample_stop(t);
	area_memory_close(&t->memory);
	prefix_map_done(&t->each);
	buf_done(&t->scratch);
	for (uint32_t i = 0; i < t->pools; i++)
		free(t->pool[i]);
	free(t->pool);
	for (unsigned i = 0; i < FEEDS_MAX; i++)
		free(t->says[i]);
	(void)close(t->epoll);
	free(t);
	h->ctx = NULL;
	loop_stop(h->loop);
}

static void tarpit_linked(struct role_host *h, enum role peer)
{
	if (peer == ROLE_ENGINE)
		tarpit_state_tell(h->ctx);
}

const struct role_ops tarpit_ops = {
	.start = tarpit_start,
	.serve = tarpit_serve,
	.linked = tarpit_linked,
	.message = tarpit_message,
	.reloaded = tarpit_reloaded,
	.stop = tarpit_stop,
};
