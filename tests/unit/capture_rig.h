/*
 * capture_rig: the capture role in this process, between LMTP clients on a
 * UNIX socket and a made-up engine on the other end of its channel. Include
 * cmocka first.
 * SPDX-License-Identifier: ISC
 */
#ifndef TESTS_CAPTURE_RIG_H
#define TESTS_CAPTURE_RIG_H
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "folder.h"
#include "role/capture.h"

#define LHLO "LHLO mx.pfx.test\r\n"
#define XFORWARD                                                                                                       \
	"XFORWARD NAME=c1.pfx.test ADDR=IPv6:2001:db8::7 PORT=1234\r\nXFORWARD PROTO=ESMTP HELO=cl+2Bx IDENT=253C0A "  \
	"SOURCE=REMOTE\r\n"
#define TO_TRAP "RCPT TO:<trap=pfx.test@limetwig.invalid> ORCPT=rfc822;Trap@pfx.test\r\n"
#define TO_TRAP2 "RCPT TO:<other=pfx.test@limetwig.invalid>\r\n"
#define MESSAGE "Subject: hello\r\nMessage-ID: <1@spam.example>\r\n\r\nbuy\r\n.\r\n"
#define ONE XFORWARD "MAIL FROM:<S@spam.example>\r\n" TO_TRAP "DATA\r\n" MESSAGE
#define MAX_HITS 400

enum answer { ANSWER_STORED, ANSWER_LATER, ANSWER_NONE, ANSWER_FIRST_ONLY, ANSWER_KNOWN };
/* What the engine says of riders. */
enum order { ORDER_KEEP, ORDER_LATER, ORDER_NONE, ORDER_PLAIN, ORDER_JUNK };

static struct role_host host;
static struct channel *engine;
static enum answer answer;
static enum order order;
static struct msg_riders asked, told, forgot; /* the last ones */
static unsigned asks, tolds, forgots;
static struct msg_hit hit[MAX_HITS];
static unsigned hits, states;
static struct msg_corpus_state last_state;
static struct msg_corpus_forgotten forgotten;
static char dir[64], corpus_dir[80], socket_path[80];
static struct loop_watch *beat;

static inline struct capture *capture(void)
{
	return host.ctx;
}

/* False unless capture is a process of its own that may be dead. */
static bool may_be_dead;

static inline void tell_capture(struct channel *from, const struct wr *w, const int *fds, size_t n)
{
	enum err e = channel_send(from, w, fds, n);

	assert_true(e == ERR_OK || (may_be_dead && e == ERR_CLOSED));
}

static inline void engine_says(uint64_t seq, enum hit_ack result)
{
	struct msg_hit_ack ack = { .seq = seq, .result = (uint8_t)result };
	uint8_t bytes[64];
	struct wr w = wr_init(bytes, sizeof bytes);

	message_put_hit_ack(&w, MSG_HIT_ACK, &ack);
	tell_capture(engine, &w, NULL, 0);
}

static inline void engine_orders(const struct msg_riders_do *m)
{
	uint8_t bytes[1024];
	struct wr w = wr_init(bytes, sizeof bytes);

	message_put_riders_do(&w, MSG_RIDERS_DO, m);
	tell_capture(engine, &w, NULL, 0);
}

static inline void take_riders(struct rd *body)
{
	static struct msg_riders m;
	struct msg_riders_do answer_do = { .case_id = "7K2M-4PXA" };

	assert_int_equal((int)message_get_riders(body, &m), ERR_OK);
	if (m.kind == RIDERS_FORGOT) {
		forgot = m;
		forgots++;
		return;
	}
	if (m.kind == RIDERS_DONE) {
		told = m;
		tolds++;
		return;
	}
	asked = m;
	asks++;
	answer_do.seq = m.seq;
	answer_do.what = order == ORDER_JUNK ? RIDERS_JUNK : RIDERS_PLAIN;
	if (order == ORDER_KEEP || order == ORDER_LATER)
		engine_says(m.seq, order == ORDER_KEEP ? HIT_STORED : HIT_LATER);
	else if (order != ORDER_NONE)
		engine_orders(&answer_do);
}

static inline void on_engine(void *ctx, enum role peer, enum message_type t, struct rd *body, const int *fds, size_t n)
{
	(void)ctx, (void)peer, (void)fds, (void)n;
	if (t == MSG_CORPUS_STATE) {
		assert_int_equal((int)message_get_corpus_state(body, &last_state), ERR_OK);
		states++;
	} else if (t == MSG_RIDERS) {
		take_riders(body);
	} else if (t == MSG_CORPUS_FORGOTTEN) {
		assert_int_equal((int)message_get_corpus_forgotten(body, &forgotten), ERR_OK);
	} else if (t == MSG_HIT) {
		assert_true(hits < MAX_HITS);
		assert_int_equal((int)message_get_hit(body, &hit[hits]), ERR_OK);
		if (answer == ANSWER_STORED || (answer == ANSWER_FIRST_ONLY && hits == 0))
			engine_says(hit[hits].seq, HIT_STORED);
		else if (answer == ANSWER_KNOWN)
			engine_says(hit[hits].seq, HIT_KNOWN);
		else if (answer != ANSWER_NONE)
			engine_says(hit[hits].seq, HIT_LATER);
		hits++;
	}
	loop_stop(host.loop);
}

static inline void on_capture(void *ctx, enum role peer, enum message_type t, struct rd *body, const int *fds, size_t n)
{
	(void)ctx;
	capture_ops.message(&host, peer, t, body, fds, n);
}

static inline void on_closed(void *ctx, enum role peer)
{
	(void)ctx, (void)peer;
}

static inline void on_beat(void *ctx)
{
	(void)ctx;
	loop_stop(host.loop);
}

static inline void link_up(void)
{
	int fd[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fd), 0);
	host.link[ROLE_ENGINE] = channel_new(host.loop, fd[0], ROLE_CAPTURE, ROLE_ENGINE, on_capture, on_closed, NULL);
	engine = channel_new(host.loop, fd[1], ROLE_ENGINE, ROLE_CAPTURE, on_engine, on_closed, NULL);
	assert_non_null(host.link[ROLE_ENGINE]);
	assert_non_null(engine);
	capture_ops.linked(&host, ROLE_ENGINE);
}

static inline void link_down(void)
{
	channel_free(host.link[ROLE_ENGINE]);
	host.link[ROLE_ENGINE] = NULL;
	channel_free(engine);
	engine = NULL;
	capture_ops.unlinked(&host, ROLE_ENGINE);
}

static inline void make_listener(void)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)snprintf(a.sun_path, sizeof a.sun_path, "%s", socket_path);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
	assert_int_equal(listen(fd, 300), 0);
	host.listener[LISTENER_LMTP][0] = fd;
}

static inline int setup(void **state)
{
	(void)state;
	if (make_folder(dir, sizeof dir) != 0)
		return -1;
	(void)snprintf(corpus_dir, sizeof corpus_dir, "%s/corpus", dir);
	(void)snprintf(socket_path, sizeof socket_path, "%s/lmtp", dir);
	memset(&host, 0, sizeof host);
	host.role = ROLE_CAPTURE;
	host.loop = loop_new();
	conf_defaults(&host.conf);
	(void)snprintf(host.conf.storage.dir, sizeof host.conf.storage.dir, "%s", dir);
	host.conf.storage.disk_reserve = 0;
	for (int i = 0; i < LISTENERS; i++)
		for (int j = 0; j < ROLE_LISTENERS; j++)
			host.listener[i][j] = -1;
	answer = ANSWER_STORED;
	order = ORDER_KEEP;
	hits = states = asks = tolds = forgots = 0;
	make_listener();
	beat = loop_every(host.loop, 10, on_beat, NULL);
	return beat ? 0 : -1;
}

static inline void start(void)
{
	assert_int_equal((int)capture_ops.start(&host), ERR_OK);
	capture_ops.serve(&host);
	link_up();
}

static inline int teardown(void **state)
{
	struct capture *c = capture();

	(void)state;
	if (c) {
		while (!TAILQ_EMPTY(&c->all))
			capture_connection_close(TAILQ_FIRST(&c->all));
		for (int i = 0; i < ROLE_LISTENERS; i++)
			loop_remove(c->listen[i]);
		loop_remove(c->tick);
		loop_remove(c->sync);
		loop_remove(c->stop);
		capture_back_drop_all(c);
		handed_close(c->handed);
		corpus_close(c->corpus);
		free(c);
	}
	channel_free(host.link[ROLE_ENGINE]);
	channel_free(engine);
	engine = NULL;
	loop_remove(beat);
	loop_free(host.loop);
	close(host.listener[LISTENER_LMTP][0]);
	clear(dir);
	return 0;
}

struct client {
	int fd;
	bool is_eof;
	size_t n;
	char text[65536];
};

static inline struct client *dial(void)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	struct client *k = calloc(1, sizeof *k);

	assert_non_null(k);
	(void)snprintf(a.sun_path, sizeof a.sun_path, "%s", socket_path);
	k->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(k->fd, (struct sockaddr *)&a, sizeof a), 0);
	return k;
}

static inline void hang_up(struct client *k)
{
	if (k->fd >= 0)
		close(k->fd);
	free(k);
}

static inline void say(struct client *k, const char *text)
{
	assert_int_equal(send(k->fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

static inline void hear(struct client *k)
{
	ssize_t n;

	while ((n = recv(k->fd, k->text + k->n, sizeof k->text - 1 - k->n, MSG_DONTWAIT)) > 0)
		k->n += (size_t)n;
	if (n == 0 || (n < 0 && errno == ECONNRESET))
		k->is_eof = true;
	k->text[k->n] = '\0';
}

/* Reply lines heard, continuation lines left out. */
static inline unsigned replies(const struct client *k, const char *code)
{
	struct slice s = { k->text, k->n }, line;
	unsigned n = 0;

	while (slice_line(&s, &line))
		n += line.n >= 4 && line.p[3] == ' ' && slice_starts(line, slice_str(code));
	return n;
}

/* Run until k has n replies in all; 10 s at most. */
static inline void await(struct client *k, unsigned n)
{
	uint64_t end = clock_mono_ms() + 10000;

	for (hear(k); replies(k, "") < n; hear(k)) {
		assert_true(clock_mono_ms() < end);
		assert_int_equal((int)loop_run(host.loop), ERR_OK);
	}
	assert_int_equal(replies(k, ""), n);
}

static inline void await_eof(struct client *k)
{
	uint64_t end = clock_mono_ms() + 10000;

	for (hear(k); !k->is_eof; hear(k)) {
		assert_true(clock_mono_ms() < end);
		assert_int_equal((int)loop_run(host.loop), ERR_OK);
	}
}

static inline void await_count(const unsigned *what, unsigned n)
{
	uint64_t end = clock_mono_ms() + 10000;

	while (*what < n) {
		assert_true(clock_mono_ms() < end);
		assert_int_equal((int)loop_run(host.loop), ERR_OK);
	}
}

static inline void forget_asks(uint32_t seq, bool is_deleting, const char *address)
{
	struct msg_corpus_forget m = { .seq = seq, .is_deleting = is_deleting };
	uint8_t bytes[400];
	struct wr w = wr_init(bytes, sizeof bytes);

	slice_copy(slice_str(address), m.address, sizeof m.address);
	message_put_corpus_forget(&w, MSG_CORPUS_FORGET, &m);
	forgotten = (struct msg_corpus_forgotten){ 0 };
	assert_int_equal((int)channel_send(engine, &w, NULL, 0), ERR_OK);
}

static inline void await_forgotten(uint32_t seq)
{
	uint64_t end = clock_mono_ms() + 10000;

	while (forgotten.seq != seq) {
		assert_true(clock_mono_ms() < end);
		assert_int_equal((int)loop_run(host.loop), ERR_OK);
	}
}

static inline unsigned files_in(const char *folder)
{
	char path[128];

	(void)snprintf(path, sizeof path, "%s/%s", corpus_dir, folder);
	return count_files(path);
}

static inline void read_kept(const char *id, char *to, size_t size)
{
	char path[160];
	ssize_t n;
	int fd;

	(void)snprintf(path, sizeof path, "%s/new/%s", corpus_dir, id);
	fd = open(path, O_RDONLY);
	assert_true(fd >= 0);
	n = read(fd, to, size - 1);
	assert_true(n >= 0);
	to[n] = '\0';
	close(fd);
}

#endif /* TESTS_CAPTURE_RIG_H */
