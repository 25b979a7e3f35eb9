/*
 * capture_postfix: a made-up Postfix that takes mail back, and a made-up parent
 * that connects capture to it, for the tests of riders.
 * SPDX-License-Identifier: ISC
 */
#ifndef TESTS_CAPTURE_POSTFIX_H
#define TESTS_CAPTURE_POSTFIX_H
#include "capture_rig.h"

#include <poll.h>

#define RIDDEN                                                                                                         \
	XFORWARD "MAIL FROM:<s@spam.example> BODY=8BITMIME SMTPUTF8\r\n" TO_TRAP                                       \
		 "RCPT TO:<alice@pfx.test> ORCPT=rfc822;info@pfx.test\r\nRCPT TO:<bob@pfx.test>\r\nDATA\r\n"
#define TEXT "Subject: hello\r\n\r\n..dot\r\n...two\r\nlast\r\n"
#define UNSTUFFED "Subject: hello\r\n\r\n.dot\r\n..two\r\nlast\r\n"
#define SEEN (1u << 22)
#define RIDERS 2 /* alice, bob */
#define HELD 8

/* A Postfix that says yes unless told otherwise; keeps what it hears. */
static struct postfix {
	struct loop_watch *watch;
	int fd;
	const char *no;      /* begin of a command that is refused */
	const char *no_text; /* ... with this */
	bool is_closing;     /* hangs up at the final dot */
	unsigned slow;       /* beats that its answer to the final dot takes */
	unsigned due;        /* beats left until it says so */
	bool is_data;
	size_t n, seen_at;
	unsigned connects, messages;
	unsigned now[RIDERS];    /* recipients of the message under way */
	unsigned copies[RIDERS]; /* in their mailboxes */
	char seen[SEEN];
} postfix;
static struct channel *parent; /* its end */
static bool has_no_postfix;
/* What the parent holds for the next capture. */
static struct {
	uint64_t seq;
	int fd;
} held[HELD];
static unsigned helds;

static inline void postfix_says(const char *text)
{
	assert_int_equal(send(postfix.fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

static inline void postfix_gone(void)
{
	loop_remove(postfix.watch);
	postfix.watch = NULL;
	if (postfix.fd >= 0)
		close(postfix.fd);
	postfix.fd = -1;
}

static inline void postfix_rcpt(struct slice line)
{
	postfix.now[0] += slice_starts(line, SLICE_LIT("RCPT TO:<alice@"));
	postfix.now[1] += slice_starts(line, SLICE_LIT("RCPT TO:<bob@"));
	postfix_says("250 2.1.5 Ok\r\n");
}

static inline void postfix_line(struct slice line)
{
	if (postfix.no && slice_starts(line, slice_str(postfix.no)))
		postfix_says(postfix.no_text);
	else if (slice_starts(line, SLICE_LIT("EHLO")))
		postfix_says("250-mx\r\n250-SIZE 1000\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 XFORWARD NAME ADDR\r\n");
	else if (slice_starts(line, SLICE_LIT("DATA"))) {
		postfix.is_data = true;
		postfix_says("354 go on\r\n");
	} else if (slice_starts(line, SLICE_LIT("RCPT")))
		postfix_rcpt(line);
	else if (!slice_starts(line, SLICE_LIT("QUIT")))
		postfix_says("250 2.0.0 Ok\r\n");
}

/* From here on the message is delivered, whoever hears of it. */
static inline void postfix_takes(void)
{
	postfix.messages++;
	if (postfix.no && strcmp(postfix.no, ".") == 0) {
		postfix_says(postfix.no_text);
		return;
	}
	for (int i = 0; i < RIDERS; i++) {
		postfix.copies[i] += postfix.now[i];
		postfix.now[i] = 0;
	}
	if (postfix.slow)
		postfix.due = postfix.slow;
	else
		postfix_says("250 queued\r\n");
}

static inline void on_postfix_beat(void *ctx)
{
	(void)ctx;
	if (postfix.due && --postfix.due == 0 && postfix.fd >= 0)
		postfix_says("250 queued\r\n");
}

static inline void postfix_work(void)
{
	struct slice rest, line;

	for (;;) {
		size_t end;

		rest = slice_of(postfix.seen + postfix.seen_at, postfix.n - postfix.seen_at);
		end = slice_find(rest, '\n');
		if (end == rest.n)
			return;
		line = slice_head(rest, end);
		postfix.seen_at += end + 1;
		if (!postfix.is_data) {
			postfix_line(line);
		} else if (slice_eq(line, SLICE_LIT(".\r"))) {
			postfix.is_data = false;
			if (postfix.is_closing) {
				postfix_gone();
				return;
			}
			postfix_takes();
		}
	}
}

static inline void on_postfix(int fd, unsigned what, void *ctx)
{
	ssize_t n;

	(void)what, (void)ctx;
	n = recv(fd, postfix.seen + postfix.n, sizeof postfix.seen - 1 - postfix.n, MSG_DONTWAIT);
	if (n <= 0) {
		postfix_gone();
		return;
	}
	postfix.n += (size_t)n;
	postfix.seen[postfix.n] = '\0';
	postfix_work();
}

/* As role/parent_mail does: takes fd; forgets those that are closed. */
static inline void parent_holds(uint64_t seq, int fd)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < helds; i++) {
		struct pollfd x = { .fd = held[i].fd };

		if (poll(&x, 1, 0) > 0)
			close(x.fd);
		else
			held[kept++] = held[i];
	}
	helds = kept;
	if (fd < 0)
		return;
	assert_true(helds < HELD);
	held[helds].seq = seq;
	held[helds++].fd = fd;
}

static inline void parent_drops(void)
{
	for (unsigned i = 0; i < helds; i++)
		close(held[i].fd);
	helds = 0;
}

/* To a new capture. */
static inline void parent_offers(void)
{
	parent_holds(0, -1);
	for (unsigned i = 0; i < helds; i++) {
		struct msg_mail_socket m = { .seq = held[i].seq };
		uint8_t bytes[32];
		struct wr w = wr_init(bytes, sizeof bytes);

		message_put_mail_socket(&w, MSG_MAIL_SOCKET, &m);
		tell_capture(parent, &w, &held[i].fd, 1);
	}
}

static inline void on_parent(void *ctx, enum role peer, enum message_type t, struct rd *body, const int *fds, size_t n)
{
	struct msg_mail_open m;
	struct msg_mail_socket reply = { 0 };
	uint8_t bytes[32];
	struct wr w = wr_init(bytes, sizeof bytes);
	int fd[2];

	(void)ctx, (void)peer, (void)fds, (void)n;
	assert_int_equal((int)t, MSG_MAIL_OPEN);
	assert_int_equal((int)message_get_mail_open(body, &m), ERR_OK);
	reply.seq = m.seq;
	reply.error = has_no_postfix ? ECONNREFUSED : 0;
	message_put_mail_socket(&w, MSG_MAIL_SOCKET, &reply);
	if (has_no_postfix) {
		tell_capture(parent, &w, NULL, 0);
		return;
	}
	postfix_gone();
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fd), 0);
	postfix.fd = fd[0];
	postfix.n = postfix.seen_at = postfix.due = 0;
	memset(postfix.now, 0, sizeof postfix.now);
	postfix.is_data = false;
	postfix.connects++;
	postfix.watch = loop_fd(host.loop, fd[0], LOOP_READ, on_postfix, NULL);
	assert_non_null(postfix.watch);
	postfix_says("220 mx\r\n");
	tell_capture(parent, &w, &fd[1], 1);
	parent_holds(m.seq, fd[1]);
}

static inline void postfix_clear(void)
{
	memset(&postfix, 0, sizeof postfix);
	postfix.fd = -1;
	has_no_postfix = false;
}

#endif /* TESTS_CAPTURE_POSTFIX_H */
