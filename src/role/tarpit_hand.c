/*
 * tarpit_hand: mail of blocked hosts to postmaster@ and abuse@, given to the
 * real Postfix by core/hand: one connection to Postfix for each transaction,
 * made by the parent, since this role can make none. The client's side stays
 * with core/answer; message bytes go from its socket to Postfix's as far as that
 * has room, and no further.
 *
 * The client hears 450 for what cannot be done now, and a final 250 only when
 * Postfix has said it. A client that is gone before the final dot leaves nothing
 * behind; one that is gone after it has its message delivered.
 * SPDX-License-Identifier: ISC
 */
#include "role/tarpit_hand.h"

#include "base/escape.h"
#include "core/address.h"
#include "io/log.h"
#include "io/peer_address.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define READ_BYTES 4096

struct tarpit_hand {
	struct tarpit *tarpit;
	struct hand hand;
	uint64_t seq; /* of the connection asked for */
	uint64_t begun_ms, deadline_ms;
	struct loop_watch *watch;
	int fd; /* -1: not yet */
	uint32_t conn;
};

static struct tarpit_hand *hand_of(const struct tarpit *t, const struct tarpit_conn *c)
{
	for (unsigned i = 0; i < t->hands; i++)
		if (t->hand[i]->conn == c->id)
			return t->hand[i];
	return NULL;
}

static void hand_free(struct tarpit *t, struct tarpit_hand *k)
{
	loop_remove(k->watch);
	if (k->fd >= 0)
		(void)close(k->fd);
	for (unsigned i = 0; i < t->hands; i++)
		if (t->hand[i] == k)
			t->hand[i] = t->hand[--t->hands];
	hand_done(&k->hand);
	free(k);
}

static void log_hand(struct tarpit *t, const struct tarpit_conn *c, const struct tarpit_hand *k)
{
	char client[IPADDR_TEXT], reply[160];

	if (k->hand.is_accepted)
		t->handed++;
	log_info("handed", "case=%s client=%s accepted=%d recipients=%u bytes=%llu seconds=%llu reply=\"%s\"",
		c->answer.case_id, ipaddr_format(&c->client, client), k->hand.is_accepted, k->hand.taken,
		(unsigned long long)k->hand.bytes, (unsigned long long)((clock_mono_ms() - k->begun_ms) / 1000),
		escape_text(slice_of(k->hand.reply, k->hand.reply_n), reply, sizeof reply));
}

/* What Postfix can still hear is sent; nobody waits for it. */
static void hand_end(struct tarpit *t, const struct tarpit_conn *c, struct tarpit_hand *k)
{
	hand_quit(&k->hand);
	if (k->fd >= 0 && k->hand.out.n)
		(void)send(k->fd, k->hand.out.p, k->hand.out.n, MSG_NOSIGNAL | MSG_DONTWAIT);
	log_hand(t, c, k);
	hand_free(t, k);
}

void tarpit_hand_drop(struct tarpit *t, const struct tarpit_conn *c)
{
	struct tarpit_hand *k = hand_of(t, c);

	if (k)
		hand_end(t, c, k);
}

/* ---- what Postfix said, to the client */

static bool is_waiting(const struct tarpit_conn *c)
{
	return c->answer.state == ANSWER_STATE_ASKING || c->answer.state == ANSWER_STATE_HANDED;
}

static void tell_client(struct tarpit_conn *c, const struct tarpit_hand *k, enum hand_says says)
{
	static const enum answer_handed what[] = {
		[HAND_SAYS_TAKEN] = ANSWER_HANDED_TAKEN,
		[HAND_SAYS_REFUSED] = ANSWER_HANDED_REFUSED,
		[HAND_SAYS_SEND] = ANSWER_HANDED_SEND,
		[HAND_SAYS_OVER] = ANSWER_HANDED_OVER,
	};
	bool is_amid = says == HAND_SAYS_OVER && c->answer.state == ANSWER_STATE_HANDED;

	answer_hand(&c->answer, is_amid ? ANSWER_HANDED_BROKEN : what[says], slice_of(k->hand.reply, k->hand.reply_n));
}

/*
 * After anything: tell the client if he waits, and let go of what is over, or
 * keep it until he asks on. False: it is gone. His turn is the caller's to give.
 */
static bool settle(struct tarpit_hand *k, struct tarpit_conn *c, enum hand_says says)
{
	if (says && is_waiting(c))
		tell_client(c, k, says);
	if (k->hand.step != HAND_OVER)
		return true;
	if (!c->answer.is_handed) {
		hand_end(k->tarpit, c, k);
		return false;
	}
	loop_remove(k->watch);
	k->watch = NULL;
	return true;
}

static uint64_t patience_of(const struct hand *h)
{
	return h->step == HAND_DOT ? TARPIT_HAND_DOT_MS : h->step == HAND_BODY ? ANSWER_IDLE_MS : TARPIT_HAND_REPLY_MS;
}

static bool send_some(struct tarpit_hand *k)
{
	while (k->hand.out.n) {
		ssize_t n = send(k->fd, k->hand.out.p, k->hand.out.n, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && (errno == EAGAIN || errno == EINTR || errno == ENOBUFS))
			break;
		if (n < 0)
			return false;
		buf_consume(&k->hand.out, (size_t)n);
	}
	return loop_fd_want(k->watch, k->hand.out.n ? LOOP_READ | LOOP_WRITE : LOOP_READ) == ERR_OK;
}

/* What waits for Postfix; nothing does before there is a connection. */
static void flush(struct tarpit_hand *k, struct tarpit_conn *c)
{
	k->deadline_ms = clock_mono_ms() + patience_of(&k->hand);
	if (k->watch && !send_some(k))
		(void)settle(k, c, hand_lost(&k->hand));
}

/* False: nothing is left to be done. */
static bool read_some(struct tarpit_hand *k, struct tarpit_conn *c)
{
	char bytes[READ_BYTES];
	ssize_t n = recv(k->fd, bytes, sizeof bytes, MSG_DONTWAIT);
	struct slice in = slice_of(bytes, n > 0 ? (size_t)n : 0);
	enum hand_says says;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return true;
	if (n <= 0)
		return settle(k, c, hand_lost(&k->hand));
	says = hand_feed(&k->hand, &in);
	if (!settle(k, c, says))
		return false;
	/* more than was asked for: Postfix wants to end */
	return in.n == 0 || settle(k, c, hand_lost(&k->hand));
}

static void on_postfix(int fd, unsigned what, void *ctx)
{
	struct tarpit_hand *k = ctx;
	struct tarpit *t = k->tarpit;
	struct tarpit_conn *c = tarpit_conn_at(t, k->conn);

	(void)fd;
	if (!(what & LOOP_READ) || read_some(k, c))
		flush(k, c);
	tarpit_talk(t, c);
}

/* ---- a connection */

static bool ask_parent(struct tarpit *t, const struct tarpit_hand *k)
{
	struct msg_mail_open m = { .seq = k->seq };
	uint8_t bytes[32];
	struct wr w = wr_init(bytes, sizeof bytes);

	message_put_mail_open(&w, MSG_HAND_OPEN, &m);
	return t->host->parent && channel_send(t->host->parent, &w, NULL, 0) == ERR_OK;
}

static bool is_allowed(const struct tarpit *t, const struct tarpit_conn *c)
{
	unsigned same = 0, parts = t->host->part.count ? t->host->part.count : 1;
	uint32_t cap = (t->host->conf.tarpit.hand_connections + parts - 1) / parts;
	struct prefix subject = tarpit_subject(c);

	for (unsigned i = 0; i < t->hands; i++) {
		struct prefix other = tarpit_subject(tarpit_conn_at(t, t->hand[i]->conn));

		same += prefix_eq(&other, &subject);
	}
	return t->hands < cap && t->hands < TARPIT_HANDS && same < TARPIT_HAND_EACH;
}

/* Where he came to, for Postfix's log and policy; the port is that of the mail service. */
static void find_addresses(const struct tarpit_conn *c, struct hand_client *ret)
{
	struct sockaddr_storage sa = { 0 };
	socklen_t n = sizeof sa;

	ret->client = c->client;
	if (getpeername(c->fd, (struct sockaddr *)&sa, &n) == 0)
		ret->port = ntohs(sa.ss_family == AF_INET ? ((struct sockaddr_in *)&sa)->sin_port
							  : ((struct sockaddr_in6 *)&sa)->sin6_port);
	n = sizeof sa;
	if (getsockname(c->fd, (struct sockaddr *)&sa, &n) != 0 || !peer_address(&sa, &ret->server))
		ret->server = (struct ipaddr){ 0 };
}

static struct tarpit_hand *hand_new(struct tarpit *t, const struct tarpit_conn *c)
{
	struct hand_client client = {
		.is_extended = c->answer.is_extended, .helo = answer_helo(&c->answer), .mail = answer_mail(&c->answer)
	};
	struct tarpit_hand *k = is_allowed(t, c) ? calloc(1, sizeof *k) : NULL;

	if (!k)
		return NULL;
	find_addresses(c, &client);
	*k = (struct tarpit_hand){ .tarpit = t, .seq = ++t->hand_seq, .fd = -1, .conn = c->id };
	k->begun_ms = clock_mono_ms();
	k->deadline_ms = k->begun_ms + TARPIT_HAND_REPLY_MS;
	t->hand[t->hands++] = k;
	if (hand_begin(&k->hand, &client) == ERR_OK && ask_parent(t, k))
		return k;
	hand_free(t, k);
	return NULL;
}

void tarpit_hand_socket(struct tarpit *t, const struct msg_mail_socket *m, int fd)
{
	struct tarpit_hand *k = NULL;
	struct tarpit_conn *c;

	for (unsigned i = 0; i < t->hands && !k; i++)
		k = t->hand[i]->seq == m->seq && t->hand[i]->fd < 0 ? t->hand[i] : NULL;
	if (!k) {
		if (fd >= 0)
			(void)close(fd);
		return; /* the client is gone */
	}
	c = tarpit_conn_at(t, k->conn);
	k->fd = fd;
	if (fd >= 0)
		k->watch = loop_fd(t->host->loop, fd, LOOP_READ | LOOP_WRITE, on_postfix, k);
	if (k->watch)
		return;
	log_warn("hand_failed", "reason=\"no connection to Postfix for postmaster@\" errno=%u", m->error);
	(void)settle(k, c, hand_lost(&k->hand));
	tarpit_talk(t, c);
}

/* ---- what the client says */

void tarpit_hand_recipient(struct tarpit *t, struct tarpit_conn *c, struct slice path)
{
	struct tarpit_hand *k = hand_of(t, c);
	struct address a;

	if (!k)
		k = hand_new(t, c);
	if (!k)
		t->hand_full++;
	if (k && k->hand.step != HAND_OVER && address_parse(path, &a) == ERR_OK &&
		hand_recipient(&k->hand, a.local, a.domain) == ERR_OK) {
		flush(k, c);
		return;
	}
	answer_hand(&c->answer, ANSWER_HANDED_REFUSED, (struct slice){ 0 });
	tarpit_hand_check(t, c);
}

void tarpit_hand_data(struct tarpit *t, struct tarpit_conn *c)
{
	struct tarpit_hand *k = hand_of(t, c);

	if (!k)
		answer_hand(&c->answer, ANSWER_HANDED_OVER, (struct slice){ 0 });
	else if (settle(k, c, hand_data(&k->hand)))
		flush(k, c);
}

bool tarpit_hand_wants(const struct tarpit *t, const struct tarpit_conn *c)
{
	const struct tarpit_hand *k = c->answer.state == ANSWER_STATE_HANDED ? hand_of(t, c) : NULL;

	return k && hand_wants_body(&k->hand);
}

void tarpit_hand_body(struct tarpit *t, struct tarpit_conn *c, struct slice *in)
{
	struct tarpit_hand *k = hand_of(t, c);

	if (!k)
		return;
	if (hand_body(&k->hand, in))
		answer_asks(&c->answer);
	if (settle(k, c, k->hand.step == HAND_OVER ? HAND_SAYS_OVER : HAND_SAYS_NOTHING))
		flush(k, c);
}

void tarpit_hand_check(struct tarpit *t, const struct tarpit_conn *c)
{
	if (t->hands && !c->answer.is_handed && c->answer.state != ANSWER_STATE_ASKING)
		tarpit_hand_drop(t, c);
}

/* He has had his time: there is a place for few, and a byte or a NOOP now and then would keep his for ever. */
static bool is_too_long(const struct tarpit_hand *k, uint64_t now_ms)
{
	return (k->hand.step == HAND_READY || k->hand.step == HAND_BODY || k->hand.step == HAND_OVER) &&
	       now_ms - k->begun_ms >= TARPIT_HAND_CLIENT_MS;
}

void tarpit_hand_tick(struct tarpit *t, uint64_t now_ms)
{
	for (unsigned i = t->hands; i-- > 0;) {
		struct tarpit_hand *k = i < t->hands ? t->hand[i] : NULL;
		struct tarpit_conn *c;
		bool is_late;

		if (!k)
			continue;
		is_late = is_too_long(k, now_ms);
		/* in READY the client is next, and core/answer knows how long it may take for a line */
		if (!is_late && (now_ms < k->deadline_ms || k->hand.step == HAND_READY || k->hand.step == HAND_OVER))
			continue;
		c = tarpit_conn_at(t, k->conn);
		if (k->hand.step == HAND_READY || k->hand.step == HAND_OVER) {
			/* what Postfix took is not in a second transaction: this session ends */
			answer_turn_away(&c->answer);
			hand_end(t, c, k);
		} else {
			(void)settle(k, c, hand_lost(&k->hand));
		}
		tarpit_talk(t, c);
	}
}
