/*
 * engine_policy: the policy server. Any number of persistent connections, one
 * per smtpd process, never closed for idleness (a closed one costs Postfix a
 * session's checks); requests on one connection come one after the other, which
 * lets the connection itself count the recipients of a transaction.
 *
 * Whatever goes wrong here answers DUNNO. Nothing on this path waits for disk
 * or network.
 * SPDX-License-Identifier: ISC
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/escape.h"
#include "base/num.h"
#include "core/feed_text.h"
#include "core/reply_text.h"
#include "io/log.h"
#include "role/engine_feed.h"
#include "role/engine_fetch.h"
#include "role/engine_session.h"

#define POLICY_READ 4096     /* bytes at a time */
#define POLICY_OUT_MAX 65536 /* answers a peer has not taken: then it is closed */
#define POLICY_INSTANCE 64
#define POLICY_ACCEPTS 64   /* in one go */
#define POLICY_PAUSE_MS 100 /* after EMFILE and the like */

static const char dunno[] = "action=DUNNO\n\n";

struct policy_conn {
	struct policy_conn *next, *prev;
	struct engine *e;
	struct loop_watch *watch;
	int fd;
	struct buf in, out;
	size_t scanned;
	char instance[POLICY_INSTANCE]; /* transaction under way; "" none */
	size_t instance_n;
	uint16_t asked;       /* its RCPTs so far */
	bool has_transaction; /* it named a trap */
	bool is_waiting;      /* for room to write; nothing more is read meanwhile */
	bool is_broken;       /* an answer is missing: the connection must end */
};

struct engine_policy {
	struct policy_conn *conns;
	size_t count;
	struct loop_watch *listen[ROLE_LISTENERS];
	struct loop_watch *resume;
	uint64_t malformed;
};

/* ---- transactions */

static void end_transaction(struct policy_conn *c)
{
	struct transaction *x;

	if (!c->has_transaction)
		return;
	c->has_transaction = false;
	x = transaction_find(&c->e->transactions, slice_of(c->instance, c->instance_n));
	if (x && !x->is_probed) { /* not dropped: a closed connection does not end Postfix's transaction */
		x->is_probed = true;
		engine_hit_probe(c->e, x);
	}
}

/* Count this RCPT; a new instance ends the transaction before it. */
static void follow_instance(
	struct policy_conn *c, const struct policy_request *r, const struct gate_result *g, uint64_t now)
{
	if (!slice_eq(r->instance, slice_of(c->instance, c->instance_n))) {
		end_transaction(c);
		c->instance_n = r->instance.n < sizeof c->instance ? r->instance.n : 0;
		if (c->instance_n)
			memcpy(c->instance, r->instance.p, c->instance_n);
		c->asked = 0;
		engine_counter_client(c->e, &g->client, now);
	}
	if (c->asked < UINT16_MAX)
		c->asked++;
	if (c->has_transaction) {
		struct transaction *x = transaction_find(&c->e->transactions, r->instance);

		if (x) {
			x->asked = c->asked;
			x->at = now;
		}
	}
}

/* Who may send through a submission port without a name (certificate, network) is an insider too. */
static void copy_login(const struct policy_request *r, const struct gate_result *g, char *to, size_t size)
{
	bool is_nameless = r->sasl_username.n == 0 && g->origin == GATE_LOGIN;

	slice_copy(is_nameless ? SLICE_LIT("(submission port)") : r->sasl_username, to, size);
}

/* As capture writes it: the same sender in other letters is no other one. */
static void copy_sender(struct slice sender, char *to, size_t size)
{
	struct address a;

	slice_copy(address_parse(sender, &a) == ERR_OK ? slice_str(a.text) : sender, to, size);
}

static void fill_transaction(struct transaction *x, const struct policy_request *r, const struct gate_result *g)
{
	x->client = g->client;
	copy_sender(r->sender, x->sender, sizeof x->sender);
	slice_copy(slice_eq(r->client_name, SLICE_LIT("unknown")) ? SLICE_LIT("") : r->client_name, x->name,
		sizeof x->name);
	slice_copy(r->helo_name, x->helo, sizeof x->helo);
	copy_login(r, g, x->login, sizeof x->login);
	x->is_ours = g->origin == GATE_LOGIN;
	engine_kill_ends(r, &x->ends);
}

static void remember_trap(
	struct policy_conn *c, const struct policy_request *r, const struct gate_result *g, uint64_t now)
{
	struct transaction *x = transaction_open(&c->e->transactions, r->instance, now);

	if (!x)
		return;
	if (x->traps == 0) {
		fill_transaction(x, r, g);
		if (g->origin == GATE_FOREIGN)
			engine_fetch_prefetch(c->e, &x->client);
	}
	c->has_transaction = true;
	x->asked = c->asked;
	if (x->trap_asked < UINT16_MAX)
		x->trap_asked++;
	(void)transaction_add_trap(x, g->trap->id);
}

/* ---- answers */

static void answer(struct policy_conn *c, struct slice action)
{
	if (buf_add(&c->out, SLICE_LIT("action=")) != ERR_OK || buf_add(&c->out, action) != ERR_OK ||
		buf_add(&c->out, SLICE_LIT("\n\n")) != ERR_OK)
		c->is_broken = true;
}

static void answer_dunno(struct policy_conn *c)
{
	if (buf_add(&c->out, slice_of(dunno, sizeof dunno - 1)) != ERR_OK)
		c->is_broken = true;
}

/* The end as it was when it was first told: a hit that renews the block later does not show in it. */
static uint32_t keep_told(struct engine *e, const struct gate_result *g, uint64_t now)
{
	uint32_t told = block_entry_end(&g->block, now);

	if (told != g->block.told)
		block_index_tell(&e->blocks, &g->block.subject, told);
	return told;
}

/* The same for all recipients, trap or not. */
static void refuse_blocked(
	struct policy_conn *c, const struct policy_request *r, const struct gate_result *g, uint64_t now)
{
	uint32_t told = keep_told(c->e, g, now);
	struct reply_block b = { .code = g->block.code, .case_id = g->block.case_id, .until = told };
	char says[REPLY_TEXT_MAX];
	struct buf text;

	if (subject_is_identity(&g->block.subject))
		b.sender = r->sender;
	if (g->block.feed) {
		feed_text_expand(engine_feed_says(c->e, g->block.feed), &g->client, says, sizeof says);
		b.says = says;
	}
	buf_init(&text, REPLY_TEXT_MAX + 64);
	reply_text_blocked(&c->e->host->conf, &b, &text);
	answer(c, buf_slice(&text));
	buf_done(&text);
}

/* A blocked host names another trap: no message will follow, so it is a probe now. */
static void probe_behind_block(struct engine *e, const struct policy_request *r, const struct gate_result *g)
{
	struct transaction *x = calloc(1, sizeof *x);

	if (!x)
		return;
	fill_transaction(x, r, g);
	(void)transaction_add_trap(x, g->trap->id);
	engine_hit_probe(e, x);
	free(x);
}

void engine_policy_answered(struct engine *e, const struct msg_answered *m)
{
	struct gate_view view = engine_gate_view(e);
	char client[IPADDR_TEXT];
	struct policy_request r = { .state = POLICY_RCPT,
		.helo_name = slice_str(m->helo),
		.sender = slice_str(m->sender),
		.recipient = slice_str(m->recipient) };
	struct gate_result g;

	r.client_address = slice_str(ipaddr_format(&m->client, client));
	gate_look(&view, &r, clock_wall_s(), &g);
	if (g.is_listed)
		engine_feed_contact(e, &r, &g, clock_wall_s());
	if (!g.is_blocked || g.is_open || !engine_block_may_act(e, &g.block.subject) || !engine_is_enforcing(e))
		return;
	(void)keep_told(e, &g, clock_wall_s()); /* the answerer reads it out of the same entry */
	if (g.trap)
		probe_behind_block(e, &r, &g);
	engine_refusal_note(e, &g, &r, false);
}

static void on_rcpt(struct policy_conn *c, const struct policy_request *r, uint64_t now)
{
	struct engine *e = c->e;
	struct gate_view view = engine_gate_view(e);
	struct gate_result g;

	gate_look(&view, r, now, &g);
	if (g.origin == GATE_IGNORED) {
		answer_dunno(c);
		return;
	}
	follow_instance(c, r, &g, now);
	engine_mx_rcpt(e, r, &g);
	if (g.is_listed)
		engine_feed_contact(e, r, &g, now);
	if (g.is_blocked && !g.is_open && engine_block_may_act(e, &g.block.subject)) {
		bool is_enforced = engine_is_enforcing(e);

		if (is_enforced && engine_kill_is_due(e, r, &g))
			g.block.code = 421; /* Postfix ends the session */
		if (g.trap && is_enforced)
			probe_behind_block(e, r, &g);
		engine_refusal_note(e, &g, r, !is_enforced);
		if (is_enforced) {
			refuse_blocked(c, r, &g, now);
			return;
		}
	}
	if (g.trap && g.trap->state == TRAP_ARMED)
		remember_trap(c, r, &g, now);
	else if (g.trap)
		engine_trap_count(e, g.trap->id, GRADE_PROBE, now);
	answer_dunno(c);
}

/* ---- end of a message */

static void remember_queue_id(struct engine *e, const struct policy_request *r, const struct gate_result *g,
	const struct transaction *x, uint64_t now)
{
	struct queued *q;

	if (!x && g->origin != GATE_LOGIN)
		return;
	q = queued_open(&e->transactions, r->queue_id, now);
	if (!q)
		return;
	*q = (struct queued){ .at = now, .client = g->client }; /* Postfix uses a queue id again */
	copy_login(r, g, q->login, sizeof q->login);
	if (x) {
		q->is_asked = true;
		q->ends = x->ends;
		q->traps = x->traps;
		memcpy(q->trap_id, x->trap_id, sizeof q->trap_id);
	}
}

static bool was_refused_one(const struct policy_request *r, const struct transaction *x)
{
	uint64_t accepted;

	return num_parse(r->recipient_count, UINT16_MAX, &accepted) == ERR_OK && accepted < x->asked;
}

static void answer_riders(
	struct policy_conn *c, const struct policy_request *r, const struct transaction *x, uint64_t now)
{
	struct buf action;

	buf_init(&action, REPLY_TEXT_MAX + 64);
	engine_riders_action(c->e, r, x, now, &action);
	if (action.n)
		answer(c, buf_slice(&action));
	else
		answer_dunno(c);
	buf_done(&action);
}

static void end_with_traps(struct policy_conn *c, const struct policy_request *r, const struct gate_result *g,
	const struct transaction *x, uint64_t now)
{
	bool is_ridden = engine_riders_are(c->e, r, g, x, now);
	bool is_refused = is_ridden && c->e->host->conf.traps.riders == RIDERS_REFUSE;

	if (!is_refused || !engine_is_enforcing(c->e))
		remember_queue_id(c->e, r, g, x, now);
	if (!x->is_probed &&
		was_refused_one(r, x)) /* it may have been the trap; its LMTP copy, if one comes, counts more */
		engine_hit_probe(c->e, x);
	if (is_ridden)
		answer_riders(c, r, x, now);
	else
		answer_dunno(c);
}

static void on_end_of_message(struct policy_conn *c, const struct policy_request *r, uint64_t now)
{
	struct engine *e = c->e;
	struct gate_view view = engine_gate_view(e);
	struct gate_result g;
	struct transaction *x;

	gate_look(&view, r, now, &g);
	if (g.origin == GATE_IGNORED) {
		answer_dunno(c);
		return;
	}
	engine_count(e, COUNT_MESSAGES, now);
	x = transaction_find(&e->transactions, r->instance);
	if (x) {
		struct transaction copy = *x; /* the calls below may add to the maps */

		transaction_drop(&e->transactions, r->instance);
		end_with_traps(c, r, &g, &copy, now);
		return;
	}
	remember_queue_id(e, r, &g, NULL, now);
	answer_dunno(c);
}

/* ---- connections */

static void conn_free(struct policy_conn *c)
{
	struct engine_policy *p = c->e->policy;

	end_transaction(c);
	loop_remove(c->watch);
	(void)close(c->fd);
	buf_done(&c->in);
	buf_done(&c->out);
	if (c->prev)
		c->prev->next = c->next;
	else
		p->conns = c->next;
	if (c->next)
		c->next->prev = c->prev;
	p->count--;
	free(c);
}

/* False: the connection is gone. */
static bool conn_flush(struct policy_conn *c)
{
	while (c->out.n) {
		ssize_t n = send(c->fd, c->out.p, c->out.n, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			break;
		if (n <= 0) {
			conn_free(c);
			return false;
		}
		buf_consume(&c->out, (size_t)n);
	}
	if (c->is_waiting != (c->out.n > 0)) {
		c->is_waiting = c->out.n > 0;
		if (loop_fd_want(c->watch, c->is_waiting ? LOOP_WRITE : LOOP_READ) != ERR_OK) {
			conn_free(c);
			return false;
		}
	}
	return true;
}

static void one_request(struct policy_conn *c, enum err parsed, const struct policy_request *r)
{
	uint64_t now = clock_wall_s();

	c->e->last_query = now;
	engine_count(c->e, COUNT_QUERIES, now);
	if (parsed != ERR_OK) {
		if (c->e->policy->malformed++ % 1000 == 0)
			log_warn("policy", "malformed=%llu text=\"answered DUNNO\"",
				(unsigned long long)c->e->policy->malformed);
		answer_dunno(c);
		return;
	}
	switch (r->state) {
	case POLICY_RCPT:
		on_rcpt(c, r, now);
		break;
	case POLICY_END_OF_MESSAGE:
		on_end_of_message(c, r, now);
		break;
	case POLICY_OTHER:
	default:
		answer_dunno(c);
		break;
	}
}

/* Postfix sends one request and waits: nearly always the bytes end with its empty line. */
static bool has_request(struct policy_conn *c, struct slice in)
{
	if (in.n >= 2 && in.p[in.n - 1] == '\n' && in.p[in.n - 2] == '\n')
		return true;
	return policy_request_end(in, &c->scanned) > 0;
}

static void conn_requests(struct policy_conn *c)
{
	size_t done = 0, used;
	struct policy_request r;

	for (;;) {
		struct slice rest = slice_from(buf_slice(&c->in), done);
		enum err e;

		if (rest.n == 0 || !has_request(c, rest))
			break;
		c->scanned = 0;
		e = policy_request_parse(rest, &r, &used);
		if (e == ERR_MORE)
			break;
		one_request(c, e, &r);
		done += used;
	}
	if (done)
		buf_consume(&c->in, done);
}

static void on_conn(int fd, unsigned what, void *ctx)
{
	struct policy_conn *c = ctx;
	ssize_t n;

	if ((what & LOOP_WRITE) && !conn_flush(c))
		return;
	if (!(what & LOOP_READ))
		return;
	if (buf_reserve(&c->in, POLICY_READ) != ERR_OK) {
		log_warn("policy", "text=\"request without end: connection closed\"");
		conn_free(c);
		return;
	}
	n = recv(fd, c->in.p + c->in.n, POLICY_READ, MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		conn_free(c);
		return;
	}
	c->in.n += (size_t)n;
	conn_requests(c);
	if (c->in.n > POLICY_REQUEST_MAX || c->is_broken) {
		log_warn("policy", "text=\"%s: connection closed\"",
			c->is_broken ? "no room for an answer" : "request without end");
		conn_free(c);
		return;
	}
	if (c->out.n && !conn_flush(c))
		return;
}

static bool conn_new(struct engine *e, int fd)
{
	struct policy_conn *c = calloc(1, sizeof *c);

	if (!c)
		return false;
	c->e = e;
	c->fd = fd;
	buf_init(&c->in, POLICY_REQUEST_MAX + POLICY_READ);
	buf_init(&c->out, POLICY_OUT_MAX);
	c->watch = loop_fd(e->host->loop, fd, LOOP_READ, on_conn, c);
	if (!c->watch) {
		free(c);
		return false;
	}
	c->next = e->policy->conns;
	if (c->next)
		c->next->prev = c;
	e->policy->conns = c;
	e->policy->count++;
	return true;
}

static void listen_want(struct engine_policy *p, unsigned what)
{
	for (int i = 0; i < ROLE_LISTENERS; i++)
		if (p->listen[i] && loop_fd_want(p->listen[i], what) != ERR_OK)
			log_alarm("policy", "text=\"listener lost\"");
}

static void on_resume(void *ctx)
{
	struct engine *e = ctx;

	loop_remove(e->policy->resume);
	e->policy->resume = NULL;
	listen_want(e->policy, LOOP_READ);
}

static void on_listen(int fd, unsigned what, void *ctx)
{
	struct engine *e = ctx;

	(void)what;
	for (int i = 0; i < POLICY_ACCEPTS; i++) {
		int conn = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (conn < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)) {
			log_alarm("policy", "connections=%zu text=\"no descriptors: accepting paused\"",
				e->policy->count);
			listen_want(e->policy, 0);
			if (!e->policy->resume)
				e->policy->resume = loop_after(e->host->loop, POLICY_PAUSE_MS, on_resume, e);
			return;
		}
		if (conn < 0)
			return;
		if (!conn_new(e, conn))
			(void)close(conn);
	}
}

enum err engine_policy_start(struct engine *e)
{
	e->policy = calloc(1, sizeof *e->policy);
	if (!e->policy)
		return ERR_NOMEM;
	for (int i = 0; i < ROLE_LISTENERS; i++) {
		int fd = e->host->listener[LISTENER_POLICY][i];

		if (fd < 0)
			continue;
		e->policy->listen[i] = loop_fd(e->host->loop, fd, LOOP_READ, on_listen, e);
		if (!e->policy->listen[i])
			return ERR_NOMEM;
	}
	return ERR_OK;
}

void engine_policy_stop(struct engine *e)
{
	struct engine_policy *p = e->policy;

	if (!p)
		return;
	for (int i = 0; i < ROLE_LISTENERS; i++)
		loop_remove(p->listen[i]);
	loop_remove(p->resume);
	while (p->conns)
		conn_free(p->conns);
	free(p);
	e->policy = NULL;
}
