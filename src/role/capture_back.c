/*
 * capture_back: gives a message to its riders: opens the connection that the
 * parent makes, streams the file behind its trace through core/smtp_client, a
 * mark in front where the engine said so. Once per message of an LMTP
 * transaction (Postfix hears 250 only after this), or when a person releases a
 * message that was kept. The parent holds each connection too: the answer to a
 * final dot outlives us, and our successor hears and notes it (io/handed).
 * SPDX-License-Identifier: ISC
 */
#include "base/escape.h"
#include "io/log.h"
#include "role/capture.h"

#include <errno.h>
#include <sodium/randombytes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define READ_BYTES 4096
#define MARK_MAX (CONF_TEXT + 64)

struct capture_back {
	TAILQ_ENTRY(capture_back) all;
	struct capture *capture;
	struct capture_connection *k; /* NULL: released by a person, or is_left */
	bool is_left;                 /* nobody waits for the answer, but it is noted */
	bool is_noted;                /* BEGUN */
	uint32_t wanted;              /* riders who shall have it */
	struct msg_riders_do order;
	uint64_t seq; /* of the connection asked for; random: our successor meets it again */
	uint64_t deadline_ms;
	int fd;      /* to Postfix; -1: not yet */
	int file_fd; /* -1: k's own */
	struct loop_watch *watch;
	struct envelope envelope;
	struct smtp_client smtp;
	uint64_t offset, end; /* of the file: what is still to be sent */
	char mark[MARK_MAX];
};

/* For the parent's copy of it too. */
static void hang_up(int fd)
{
	if (fd < 0)
		return;
	(void)shutdown(fd, SHUT_RDWR);
	(void)close(fd);
}

static void back_drop(struct capture_back *b)
{
	loop_remove(b->watch);
	hang_up(b->fd);
	if (b->file_fd >= 0)
		(void)close(b->file_fd);
	if (b->k)
		b->k->back = NULL;
	TAILQ_REMOVE(&b->capture->backs, b, all);
	b->capture->back_count--;
	smtp_client_done(&b->smtp);
	envelope_done(&b->envelope);
	free(b);
}

void capture_back_leave(struct capture_back *b)
{
	if (!b)
		return;
	if (b->smtp.step != SMTP_DOT || !b->is_noted) {
		back_drop(b);
		return;
	}
	b->k->back = NULL;
	b->k = NULL;
	b->is_left = true;
}

void capture_back_drop_all(struct capture *c)
{
	while (!TAILQ_EMPTY(&c->backs))
		back_drop(TAILQ_FIRST(&c->backs));
}

bool capture_back_is_open(const struct capture *c, uint64_t seq)
{
	const struct capture_back *b;

	TAILQ_FOREACH(b, &c->backs, all)
	if (b->seq == seq)
		return true;
	return false;
}

/* NULL: no memory, or too many are on their way. */
static struct capture_back *back_new(struct capture *c)
{
	struct capture_back *b = c->back_count < CAPTURE_BACKS ? calloc(1, sizeof *b) : NULL;

	if (!b)
		return NULL;
	b->capture = c;
	b->fd = b->file_fd = -1;
	randombytes_buf(&b->seq, sizeof b->seq);
	b->deadline_ms = clock_mono_ms() + CAPTURE_BACK_MS;
	envelope_init(&b->envelope);
	TAILQ_INSERT_TAIL(&c->backs, b, all);
	c->back_count++;
	return b;
}

static bool open_mail(struct capture_back *b, unsigned queue)
{
	struct msg_mail_open m = { b->seq, (uint8_t)queue };
	uint8_t bytes[32];
	struct wr w = wr_init(bytes, sizeof bytes);

	message_put_mail_open(&w, MSG_MAIL_OPEN, &m);
	smtp_client_init(&b->smtp, &b->envelope, b->k != NULL);
	return channel_send(b->capture->host->parent, &w, NULL, 0) == ERR_OK;
}

/* The header lines in front; a configured one that is none is left out. */
static void make_mark(struct capture_back *b)
{
	const char *header = b->capture->host->conf.traps.junk_header;
	const char *colon = strchr(header, ':');
	bool is_header = colon && colon > header && strcspn(header, " \t\r\n") > (size_t)(colon - header) &&
			 !strpbrk(header, "\r\n");

	(void)snprintf(b->mark, sizeof b->mark, "X-Limetwig-Junk: case=%s\r\n%s%s",
		b->order.case_id[0] ? b->order.case_id : "none", is_header ? header : "", is_header ? "\r\n" : "");
}

/* Riders who have their fate already are not asked for. */
static void skip_settled(struct capture_back *b)
{
	const struct capture_connection *k = b->k;
	struct lmtp_recipient r;
	size_t pos = 0;
	uint32_t rider = 0;

	b->wanted = 0;
	for (uint32_t i = 0; lmtp_session_recipient(&k->session, &pos, &r); i++) {
		if (!envelope_is_rider(r.address))
			continue;
		if (k->fate[i] == FATE_RIDER)
			b->wanted++;
		else
			smtp_client_skip(&b->smtp, rider);
		rider++;
	}
}

bool capture_back_begin(struct capture_connection *k)
{
	struct capture_back *b = back_new(k->capture);

	if (!b)
		return false;
	b->k = k;
	b->order = k->order;
	b->offset = k->trace;
	b->end = k->trace + k->session.data_bytes;
	if (b->order.what == RIDERS_JUNK)
		make_mark(b);
	if (envelope_take(&k->session, &b->envelope) != ERR_OK || !open_mail(b, k->queue)) {
		back_drop(b);
		return false;
	}
	skip_settled(b);
	k->back = b;
	return true;
}

/* ---- notes */

/* Right before the final dot: those whom the server has said yes to. */
static void note_begin(struct capture_back *b)
{
	static uint8_t key[LMTP_RECIPIENTS][HANDED_KEY];
	struct lmtp_recipient r;
	size_t pos = 0, n = 0;
	enum err e;

	b->deadline_ms = clock_mono_ms() + CAPTURE_DOT_MS;
	if (!b->k || !b->k->has_digest)
		return;
	for (uint32_t i = 0; envelope_next(&b->envelope, &pos, &r); i++)
		if (smtp_client_accepts(&b->smtp, i))
			handed_key(b->k->digest, r.address, r.orcpt, key[n++]);
	e = handed_begin(b->capture->handed, b->seq, clock_wall_s(), (const uint8_t(*)[HANDED_KEY])key, n);
	b->is_noted = e == ERR_OK;
	if (e != ERR_OK)
		log_warn("handback_note", "state=begun error=%s: %s", err_name(e), strerror(errno));
}

static void note_end(struct capture_back *b)
{
	uint32_t riders = 0;
	enum err e = b->is_noted ? handed_end(b->capture->handed, b->seq, &riders) : ERR_OK;

	if (b->is_left)
		b->wanted = riders;
	if (e != ERR_OK)
		log_warn("handback_note", "state=done error=%s: %s", err_name(e), strerror(errno));
}

/* ---- the end */

static void add_names(const struct capture_back *b, bool is_all, struct msg_riders *m)
{
	struct lmtp_recipient r;
	size_t pos = 0, n = 0;

	for (uint32_t i = 0; envelope_next(&b->envelope, &pos, &r); i++) {
		bool has = is_all || smtp_client_has(&b->smtp, i);

		m->count += has;
		if (n + r.address.n + 3 > sizeof m->text)
			continue;
		if (!has)
			m->text[n++] = '!';
		memcpy(m->text + n, r.address.p, r.address.n);
		n += r.address.n;
		m->text[n++] = '\n';
	}
	m->text[n] = '\0';
}

/* What became of a release. why NULL: the recipients. */
static void tell(struct capture *c, const struct msg_riders_do *order, const struct capture_back *b,
	enum riders_result result, const char *why)
{
	static struct msg_riders m;
	static uint8_t bytes[MESSAGE_MAX];
	struct wr w = wr_init(bytes, sizeof bytes);

	memset(&m, 0, sizeof m);
	m.seq = order->seq;
	m.kind = RIDERS_DONE;
	m.result = (uint8_t)result;
	slice_copy(slice_str(order->corpus_id), m.corpus_id, sizeof m.corpus_id);
	if (b) {
		m.client = b->envelope.client.addr;
		slice_copy(slice_str(b->envelope.client.name), m.name, sizeof m.name);
		slice_copy(slice_str(b->envelope.client.queue_id), m.queue_id, sizeof m.queue_id);
		slice_copy(slice_str(b->envelope.sender), m.sender, sizeof m.sender);
		m.size = b->envelope.size > UINT32_MAX ? UINT32_MAX : (uint32_t)b->envelope.size;
	}
	if (why)
		slice_copy(slice_str(why), m.text, sizeof m.text);
	else if (b)
		add_names(b, order->what == RIDERS_LIST, &m);
	message_put_riders(&w, MSG_RIDERS, &m);
	if (role_host_send(c->host, ROLE_ENGINE, &w, NULL, 0) != ERR_OK)
		log_warn("release", "corpus=%s text=\"the engine could not be told\"", order->corpus_id);
}

static void mark_given(const struct capture_back *b)
{
	struct capture_connection *k = b->k;
	struct lmtp_recipient r;
	size_t pos = 0;
	uint32_t rider = 0;

	for (uint32_t i = 0; lmtp_session_recipient(&k->session, &pos, &r); i++)
		if (envelope_is_rider(r.address) && smtp_client_has(&b->smtp, rider++))
			k->fate[i] = FATE_GIVEN;
}

static void log_back(const struct capture_back *b)
{
	char reply[200], queue_id[4 * LMTP_QUEUE_ID];
	uint32_t given = !b->smtp.is_taken ? 0 : b->is_left ? b->wanted : b->smtp.accepted;

	(void)escape_text(slice_str(b->envelope.client.queue_id), queue_id, sizeof queue_id);
	(void)escape_text(slice_str(b->smtp.reply), reply, sizeof reply);
	if (given == b->wanted && b->smtp.is_taken)
		log_info("handback", "queue_id=%s riders=%u marked=%d", queue_id, given, b->order.what == RIDERS_JUNK);
	else
		log_warn("handback", "queue_id=%s riders=%u given=%u reply=\"%s\"", queue_id, b->wanted, given, reply);
}

static void finish(struct capture_back *b)
{
	struct capture_connection *k = b->k;

	log_back(b);
	if (b->fd >= 0) /* politeness: the answer is not waited for */
		(void)!send(b->fd, "QUIT\r\n", 6, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (k)
		mark_given(b);
	else if (!b->is_left)
		tell(b->capture, &b->order, b, b->smtp.is_taken ? RIDERS_OK : RIDERS_LATER,
			b->smtp.is_taken ? NULL : b->smtp.reply);
	back_drop(b);
	if (k)
		capture_message_given(k);
}

static void fail(struct capture_back *b, const char *why)
{
	b->smtp.is_taken = false;
	(void)snprintf(b->smtp.reply, sizeof b->smtp.reply, "%s", why);
	finish(b);
}

void capture_back_check(struct capture *c, uint64_t now_ms)
{
	struct capture_back *b, *next;

	for (b = TAILQ_FIRST(&c->backs); b; b = next) {
		next = TAILQ_NEXT(b, all);
		if (now_ms >= b->deadline_ms)
			fail(b, "Postfix does not answer");
	}
}

/* ---- bytes */

/* The next bytes of the message. False: the file cannot be read. */
static bool give_body(struct capture_back *b)
{
	static char bytes[SMTP_CLIENT_CHUNK];
	uint64_t left = b->end - b->offset;
	size_t n = left < sizeof bytes ? (size_t)left : sizeof bytes;
	ssize_t got;

	if (b->mark[0]) {
		smtp_client_add(&b->smtp, slice_str(b->mark));
		b->mark[0] = '\0';
	}
	if (n == 0) {
		note_begin(b);
		smtp_client_end(&b->smtp);
		return true;
	}
	got = pread(b->k ? b->k->file.fd : b->file_fd, bytes, n, (off_t)b->offset);
	if (got <= 0)
		return false;
	smtp_client_add(&b->smtp, slice_of(bytes, (size_t)got));
	b->offset += (uint64_t)got;
	return true;
}

/* May free b. */
static void work(struct capture_back *b)
{
	const char *why = NULL;

	do {
		while (!why && smtp_client_wants_body(&b->smtp))
			if (!give_body(b))
				why = "the file cannot be read";
		if (!why && !capture_connection_flush(b->fd, &b->smtp.out))
			why = "connection lost";
	} while (!why && smtp_client_wants_body(&b->smtp) && b->smtp.out.n == 0);
	if (why)
		fail(b, why);
	else if (smtp_client_is_over(&b->smtp))
		finish(b);
	else if (loop_fd_want(b->watch, b->smtp.out.n ? LOOP_READ | LOOP_WRITE : LOOP_READ) != ERR_OK)
		fail(b, "no memory");
}

static void on_ready(int fd, unsigned what, void *ctx)
{
	struct capture_back *b = ctx;
	char bytes[READ_BYTES];
	ssize_t n;

	if (what & LOOP_READ) {
		/* looked at, noted, then taken: should we die in between, our successor finds it */
		n = recv(fd, bytes, sizeof bytes, MSG_PEEK | MSG_DONTWAIT);
		if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
			fail(b, "connection lost");
			return;
		}
		if (n > 0) {
			smtp_client_feed(&b->smtp, slice_of(bytes, (size_t)n));
			if (b->smtp.is_taken)
				note_end(b);
			(void)!recv(fd, bytes, (size_t)n, MSG_DONTWAIT);
		}
	}
	work(b);
}

/* Our predecessor sent a final dot on it and died before it noted the answer. False: not ours to wait for. */
static bool resume(struct capture *c, uint64_t seq, int fd)
{
	struct capture_back *b = handed_is_begun(c->handed, seq) ? back_new(c) : NULL;

	if (!b)
		return false;
	b->seq = seq;
	b->fd = fd;
	b->is_left = b->is_noted = true;
	b->deadline_ms = clock_mono_ms() + CAPTURE_RESUME_MS;
	smtp_client_init(&b->smtp, &b->envelope, false);
	smtp_client_resume(&b->smtp);
	b->watch = loop_fd(c->host->loop, fd, LOOP_READ, on_ready, b);
	if (!b->watch)
		fail(b, "no memory");
	return true;
}

void capture_back_socket(struct capture *c, const struct msg_mail_socket *m, int fd)
{
	struct capture_back *b;
	char why[128];

	TAILQ_FOREACH(b, &c->backs, all)
	if (b->seq == m->seq && b->fd < 0)
		break;
	if (!b) {
		if (fd >= 0 && !resume(c, m->seq, fd))
			hang_up(fd);
		return;
	}
	if (fd < 0) {
		(void)snprintf(why, sizeof why, "no connection to Postfix (errno %u)", m->error);
		fail(b, why);
		return;
	}
	b->fd = fd;
	b->watch = loop_fd(c->host->loop, fd, LOOP_READ, on_ready, b);
	if (!b->watch)
		fail(b, "no memory");
}

/* ---- release */

static enum riders_result read_trace(struct capture_back *b)
{
	struct stat st;
	size_t n;
	char *head;
	enum err e = ERR_SYNTAX;

	if (fstat(b->file_fd, &st) != 0 || st.st_size <= 0)
		return RIDERS_UNKNOWN;
	n = (uint64_t)st.st_size < ENVELOPE_TRACE ? (size_t)st.st_size : ENVELOPE_TRACE;
	head = malloc(n);
	if (head && pread(b->file_fd, head, n, 0) == (ssize_t)n)
		e = envelope_read(slice_of(head, n), &b->envelope);
	free(head);
	if (e != ERR_OK)
		return RIDERS_UNKNOWN;
	b->offset = b->envelope.trace;
	b->end = b->offset + b->envelope.size;
	return (uint64_t)st.st_size == b->end ? RIDERS_OK : RIDERS_CUT;
}

static enum riders_result prepare(struct capture_back *b)
{
	enum err e = corpus_look(b->capture->corpus, b->order.corpus_id, &b->file_fd);
	enum riders_result result = e == ERR_OK ? read_trace(b) : RIDERS_GONE;

	if (result == RIDERS_OK && b->order.to[0] &&
		envelope_set_recipient(&b->envelope, slice_str(b->order.to)) != ERR_OK)
		return RIDERS_NOBODY;
	return result == RIDERS_OK && b->envelope.count == 0 ? RIDERS_NOBODY : result;
}

/* To an address that the engine names: one that was taken over is no relay for what it had mailed to a trap. */
static bool is_too_many(struct capture *c)
{
	uint64_t now = clock_mono_ms();

	if (c->named == 0 || now - c->named_ms >= 3600000) {
		c->named_ms = now;
		c->named = 0;
	}
	return ++c->named > CAPTURE_NAMED;
}

void capture_back_release(struct capture *c, const struct msg_riders_do *m)
{
	struct capture_back *b;
	enum riders_result result;

	if (m->what == RIDERS_RELEASE && m->to[0] && is_too_many(c)) {
		tell(c, m, NULL, RIDERS_LATER, "as many as may be given to an address by name were, within an hour");
		return;
	}
	b = back_new(c);
	if (!b) {
		tell(c, m, NULL, RIDERS_LATER, "too many messages are on their way");
		return;
	}
	b->order = *m;
	result = prepare(b);
	b->wanted = b->envelope.count;
	if (result == RIDERS_OK && m->what == RIDERS_RELEASE && open_mail(b, 0))
		return;
	if (result == RIDERS_OK && m->what == RIDERS_RELEASE)
		result = RIDERS_LATER;
	tell(c, m, b, result, result == RIDERS_LATER ? "limetwigd's parent cannot be asked" : NULL);
	back_drop(b);
}
