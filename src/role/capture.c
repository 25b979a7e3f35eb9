/*
 * capture: the role that takes trap mail from Postfix by LMTP, grades its
 * content, keeps it in the corpus and tells the engine. Decides nothing.
 * SPDX-License-Identifier: ISC
 */
#include "role/capture.h"

#include "io/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define ACCEPT_BUDGET 32 /* connections taken in one wake-up */

static void want_listeners(struct capture *c, bool is_open)
{
	for (int i = 0; i < ROLE_LISTENERS; i++)
		if (c->listen[i] && loop_fd_want(c->listen[i], is_open ? LOOP_READ : 0) != ERR_OK)
			log_warn("lmtp_listen", "open=%d", is_open);
}

static unsigned queue_of(const struct capture *c, int listener)
{
	for (unsigned i = 0; i < ROLE_LISTENERS; i++)
		if (c->host->listener[LISTENER_LMTP][i] == listener)
			return i;
	return 0;
}

static void on_accept(int fd, unsigned what, void *ctx)
{
	struct capture *c = ctx;

	(void)what;
	for (int i = 0; i < ACCEPT_BUDGET && c->connections < CAPTURE_CONNECTIONS; i++) {
		int k = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (k < 0) {
			if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
				log_warn("lmtp_accept", "error=%s", strerror(errno));
				want_listeners(c, false); /* the next tick opens them again */
			}
			return;
		}
		capture_connection_open(c, k, queue_of(c, fd));
	}
	if (c->connections >= CAPTURE_CONNECTIONS)
		want_listeners(c, false);
}

void capture_freed(struct capture *c)
{
	if (c->is_stopping && c->connections == 0)
		loop_stop(c->host->loop);
	else if (!c->is_stopping && c->connections == CAPTURE_CONNECTIONS - 1)
		want_listeners(c, true);
}

static void report(struct capture *c)
{
	uint64_t now_ms = clock_mono_ms();
	struct msg_corpus_state m;
	uint8_t bytes[64];
	struct wr w = wr_init(bytes, sizeof bytes);
	bool is_full;

	corpus_state(c->corpus, &m.bytes, &m.files, &is_full);
	if (is_full == c->was_full && now_ms < c->report_ms)
		return;
	if (is_full != c->was_full)
		log_warn("corpus_room", "full=%d: %s", is_full,
			is_full ? "only headers are kept of new messages" : "messages are kept whole again");
	c->was_full = is_full;
	c->report_ms = now_ms + CAPTURE_REPORT_MS;
	m.is_full = is_full;
	message_put_corpus_state(&w, MSG_CORPUS_STATE, &m);
	(void)role_host_send(c->host, ROLE_ENGINE, &w, NULL, 0); /* the next one comes in 10 s */
}

static int64_t clock_offset(uint64_t now_s)
{
	return (int64_t)now_s - (int64_t)(clock_mono_ms() / 1000);
}

/* A wrong clock must not make all messages old: files that are gone do not come back with the time. */
static void watch_clock(struct capture *c, uint64_t now_s)
{
	int64_t offset = clock_offset(now_s), leap = offset - c->clock_offset;

	c->clock_offset = offset;
	if (leap >= CAPTURE_DOUBT_S)
		c->doubt_ms = clock_mono_ms() + CAPTURE_DOUBT_MS;
}

static void sweep(struct capture *c, uint64_t now_s)
{
	uint64_t keep_s = c->host->conf.keep.messages_s, now_ms = clock_mono_ms();
	uint32_t removed;

	watch_clock(c, now_s);
	if (now_ms < c->sweep_ms || now_ms < c->doubt_ms || keep_s == 0 || keep_s > now_s)
		return;
	if (corpus_sweep(c->corpus, now_s - keep_s, CAPTURE_SWEEP_NAMES, &removed)) {
		c->sweep_ms = now_ms + CAPTURE_SWEEP_MS;
		handed_sweep(c->handed, now_s);
	}
	if (removed)
		log_info("corpus_retention", "removed=%u", removed);
}

/* Idle connections, and messages the engine has not answered for. */
static void check_deadlines(struct capture *c)
{
	struct capture_connection *k, *next;
	uint64_t now_ms = clock_mono_ms();

	for (k = TAILQ_FIRST(&c->all); k; k = next) {
		next = TAILQ_NEXT(k, all);
		if (k->session.state == LMTP_STATE_WAIT) {
			if (now_ms >= k->ack_deadline_ms)
				capture_message_give_up(k);
		} else if (now_ms >= k->session.deadline_ms) {
			capture_connection_close(k);
		}
	}
}

static void on_tick(void *ctx)
{
	struct capture *c = ctx;

	check_deadlines(c);
	capture_back_check(c, clock_mono_ms());
	report(c);
	sweep(c, clock_wall_s());
	if (!c->is_stopping && c->connections < CAPTURE_CONNECTIONS)
		want_listeners(c, true);
}

static void on_sync(void *ctx)
{
	capture_message_sync(ctx);
}

static struct corpus_limits limits_of(const struct conf *conf)
{
	return (struct corpus_limits){ .message = conf->storage.message_size,
		.total = conf->storage.corpus_size,
		.reserve = conf->storage.disk_reserve };
}

static enum err open_corpus(struct capture *c)
{
	struct corpus_limits limits = limits_of(&c->host->conf);
	char dir[CONF_TEXT + 8];
	enum err e;

	(void)snprintf(dir, sizeof dir, "%s/corpus", c->host->conf.storage.dir);
	e = corpus_open(dir, &limits, &c->corpus);
	if (e != ERR_OK)
		log_warn("corpus_open", "dir=%s error=%s: %s", dir, err_name(e), strerror(errno));
	return e;
}

static enum err watch_listeners(struct capture *c)
{
	for (int i = 0; i < ROLE_LISTENERS; i++) {
		int fd = c->host->listener[LISTENER_LMTP][i];

		if (fd < 0)
			continue;
		if (fcntl(fd, F_SETFL, O_NONBLOCK) < 0)
			return ERR_IO;
		c->listen[i] = loop_fd(c->host->loop, fd, 0, on_accept, c);
		if (!c->listen[i])
			return ERR_NOMEM;
	}
	return ERR_OK;
}

/* Without them a message that comes again is handed back again. */
static void open_notes(struct capture *c)
{
	char path[CONF_TEXT + 16];
	enum err e;

	(void)snprintf(path, sizeof path, "%s/corpus/handed", c->host->conf.storage.dir);
	e = handed_open(path, clock_wall_s(), &c->handed);
	if (e != ERR_OK)
		log_warn("handback_notes", "path=%s error=%s: %s", path, err_name(e), strerror(errno));
}

/* Without it nobody behind a forwarder is charged. */
static void take_trusted(struct capture *c)
{
	prefix_table_done(&c->trusted);
	prefix_table_init(&c->trusted);
	if (c->host->conf.forwarders.count && received_trust(&c->trusted, &c->host->conf) != ERR_OK)
		log_warn("forwarders", "text=\"no memory: nobody behind a forwarder is charged\"");
}

static enum err capture_start(struct role_host *h)
{
	struct capture *c = calloc(1, sizeof *c);
	enum err e;

	if (!c)
		return ERR_NOMEM;
	h->ctx = c;
	c->host = h;
	TAILQ_INIT(&c->all);
	TAILQ_INIT(&c->syncing);
	TAILQ_INIT(&c->publishing);
	TAILQ_INIT(&c->backs);
	c->next_seq = 1;
	c->doubt_ms = clock_mono_ms() + CAPTURE_DOUBT_MS;
	c->clock_offset = clock_offset(clock_wall_s());
	take_trusted(c);
	e = open_corpus(c);
	if (e != ERR_OK)
		return e;
	open_notes(c);
	c->sync = loop_after(h->loop, 0, on_sync, c);
	c->tick = loop_every(h->loop, 1000, on_tick, c);
	if (!c->sync || !c->tick)
		return ERR_NOMEM;
	return watch_listeners(c);
}

static void capture_serve(struct role_host *h)
{
	struct capture *c = h->ctx;

	c->offers_ms = clock_mono_ms() + CAPTURE_OFFERS_MS;
	want_listeners(c, true);
}

static void capture_linked(struct role_host *h, enum role peer)
{
	struct capture *c = h->ctx;

	if (peer != ROLE_ENGINE)
		return;
	c->report_ms = 0;
	report(c);
}

/* What the engine has not acknowledged it may never have seen. */
static void capture_unlinked(struct role_host *h, enum role peer)
{
	struct capture *c = h->ctx;
	struct capture_connection *k, *next;

	if (peer != ROLE_ENGINE)
		return;
	capture_forget_stop(c);
	for (k = TAILQ_FIRST(&c->all); k; k = next) {
		next = TAILQ_NEXT(k, all);
		capture_message_give_up(k);
	}
}

static void on_corpus_remove(struct capture *c, struct rd *body)
{
	struct msg_corpus_remove m;
	enum err e;

	if (message_get_corpus_remove(body, &m) != ERR_OK) {
		log_warn("engine_message", "type=corpus_remove error=malformed");
		return;
	}
	e = corpus_remove(c->corpus, m.corpus_id);
	if (e != ERR_OK && e != ERR_NOTFOUND)
		log_warn("corpus_remove", "error=%s", err_name(e));
}

static void on_riders(struct capture *c, struct rd *body)
{
	struct msg_riders_do m;

	if (message_get_riders_do(body, &m) != ERR_OK)
		log_warn("engine_message", "type=riders_do error=malformed");
	else if (m.what == RIDERS_PLAIN || m.what == RIDERS_JUNK)
		capture_message_ordered(c, &m);
	else
		capture_back_release(c, &m);
}

static void on_mail_socket(struct capture *c, struct rd *body, int fd)
{
	struct msg_mail_socket m;

	if (message_get_mail_socket(body, &m) == ERR_OK)
		capture_back_socket(c, &m, fd);
	else if (fd >= 0)
		(void)close(fd);
}

/* A hostile peer at worst: at most so many files as were wished for. */
static void on_tarpit(struct capture *c, enum message_type t, struct rd *body, const int *fds, size_t n)
{
	static struct msg_sample m;

	if (t == MSG_SAMPLE && n == 1 && message_get_sample(body, &m) == ERR_OK)
		capture_sample_take(c, &m, fds[0]);
	for (size_t i = 0; i < n; i++)
		(void)close(fds[i]);
}

static void capture_message(
	struct role_host *h, enum role peer, enum message_type t, struct rd *body, const int *fds, size_t n)
{
	struct msg_hit_ack ack;
	struct msg_corpus_forget forget;

	if (role_kind(peer) == ROLE_TARPIT)
		on_tarpit(h->ctx, t, body, fds, n);
	if (peer == ROLE_PARENT)
		on_mail_socket(h->ctx, body, n ? fds[0] : -1);
	if (peer != ROLE_ENGINE)
		return;
	if (t == MSG_HIT_ACK && message_get_hit_ack(body, &ack) == ERR_OK)
		capture_message_acked(h->ctx, ack.seq, (enum hit_ack)ack.result);
	else if (t == MSG_RIDERS_DO)
		on_riders(h->ctx, body);
	else if (t == MSG_CORPUS_REMOVE)
		on_corpus_remove(h->ctx, body);
	else if (t == MSG_CORPUS_FORGET && message_get_corpus_forget(body, &forget) == ERR_OK)
		capture_forget_start(h->ctx, &forget);
}

static void capture_reloaded(struct role_host *h)
{
	struct capture *c = h->ctx;
	struct corpus_limits limits = limits_of(&h->conf);

	corpus_set_limits(c->corpus, &limits);
	take_trusted(c);
	c->sweep_ms = 0;
}

/* Time is up: what has no reply yet gets none, and Postfix tries again. */
static void on_stop(void *ctx)
{
	struct capture *c = ctx;
	struct capture_connection *k, *next;

	for (k = TAILQ_FIRST(&c->all); k; k = next) {
		next = TAILQ_NEXT(k, all);
		capture_connection_close(k);
	}
	loop_stop(c->host->loop);
}

static void capture_stop(struct role_host *h)
{
	struct capture *c = h->ctx;
	struct capture_connection *k, *next;

	if (c->is_stopping)
		return;
	c->is_stopping = true;
	capture_forget_stop(c);
	want_listeners(c, false);
	c->stop = loop_after(h->loop, CAPTURE_STOP_MS, on_stop, c);
	if (!c->stop || c->connections == 0) {
		on_stop(c);
		return;
	}
	for (k = TAILQ_FIRST(&c->all); k; k = next) {
		next = TAILQ_NEXT(k, all);
		capture_connection_run(k); /* says 421 where no message is under way */
	}
}

const struct role_ops capture_ops = {
	.start = capture_start,
	.serve = capture_serve,
	.linked = capture_linked,
	.unlinked = capture_unlinked,
	.message = capture_message,
	.reloaded = capture_reloaded,
	.stop = capture_stop,
};
