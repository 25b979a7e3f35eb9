/*
 * engine_rig: the engine over real sockets, channels and a real store, with
 * made-up peers: what capture, follow, firewall, run and aliasmap would send
 * and take. Include cmocka first.
 *
 * All trap addresses of the tests hold the word RIG_SECRET: what the engine
 * logs is looked through for it at the end of each test.
 * SPDX-License-Identifier: ISC
 */
#ifndef TESTS_ENGINE_RIG_H
#define TESTS_ENGINE_RIG_H
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <jansson.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/buf.h"
#include "core/firewall_plan.h"
#include "core/record.h"
#include "io/area_memory.h"
#include "io/conf_file.h"
#include "io/store.h"
#include "role/role_host.h"
#include "set_rig.h"

#define RIG_SECRET "zztrap"
#define TRAP1 RIG_SECRET "1@example.org"
#define TRAP2 RIG_SECRET "2@example.org"
#ifndef RIG_IS_LEAKED
#define RIG_IS_LEAKED(log) (strstr(log, RIG_SECRET) != NULL)
#endif
#define RIG_PATIENCE_MS 30000
#define RIG_ACKS 4096
#define RIG_OPS 4096

struct rig_peer {
	struct channel *channel;
	enum role role;
};

static struct rig {
	struct role_host host;
	char dir[64];
	char traps[4096], allow[1024];                /* files as aliasmap would send them */
	const char *live;                             /* an address that Postfix knows */
	const char *foreign;                          /* what ends so is asked for and not ours */
	bool is_map_held, is_live_held, is_text_held; /* aliasmap does not answer */
	uint32_t round, map_seq, live_seq;
	unsigned rereads, applies, lives;
	char map[65536]; /* lines of the last MSG_MAP_APPLY */
	bool is_map_full;
	struct rig_peer peer[ROLE_COUNT];
	uint8_t ack[RIG_ACKS]; /* by sequence number */
	unsigned acks, alarms, removed;
	struct msg_corpus_forget forget; /* the last one */
	unsigned forgets;
	uint32_t corpus_files;      /* the answer to it */
	struct msg_riders_do order; /* the last one */
	unsigned orders;
	void (*on_order)(void); /* capture's answer; NULL: none */
	bool is_forget_held;
	char alarm[1024];
	void (*on_alarm)(const char *event);                    /* NULL: nobody counts them */
	char shared[1024];                                      /* of the tier shared; "": that file is not sent */
	void (*on_kill)(struct rd *body);                       /* firewall: reset a connection; NULL: nothing */
	void (*on_blocks)(int fd);                              /* tarpit: the blocks; takes fd; NULL: nothing */
	void (*on_fetch)(enum message_type t, struct rd *body); /* what fetch is asked; NULL: it never answers */
	/* feed, dnsbl, publish: what they are told of feeds; fd: dup it; NULL: nothing */
	void (*on_feed)(enum role at, enum message_type t, struct rd *body, int fd);
	struct fw_op op[RIG_OPS];
	size_t ops, op_adds, op_dels;
	unsigned syncs;
	uint64_t hit_seq;
	bool (*is_met)(void *ctx);
	void *ctx;
	bool is_late;
	int saved_stderr;
} rig;

/* ---- the loop */

static inline void rig_check(void *ctx)
{
	(void)ctx;
	if (rig.is_met(rig.ctx))
		loop_stop(rig.host.loop);
}

static inline void rig_give_up(void *ctx)
{
	(void)ctx;
	rig.is_late = true;
	loop_stop(rig.host.loop);
}

/* False: it did not happen within the time. */
static inline bool rig_wait(bool (*is_met)(void *ctx), void *ctx)
{
	struct loop_watch *every, *patience;

	rig.is_met = is_met;
	rig.ctx = ctx;
	rig.is_late = false;
	if (is_met(ctx))
		return true;
	every = loop_every(rig.host.loop, 1, rig_check, NULL);
	patience = loop_after(rig.host.loop, RIG_PATIENCE_MS, rig_give_up, NULL);
	assert_non_null(every);
	assert_non_null(patience);
	assert_int_equal(loop_run(rig.host.loop), ERR_OK);
	loop_remove(every);
	loop_remove(patience);
	return is_met(ctx);
}

/* ---- peers */

static inline int rig_memfd(const char *text)
{
	int fd = memfd_create("rig", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	return fd;
}

/* A set of a feed, as the role feed hands it over. list: prefixes between blanks. */
static inline int rig_area(const char *list)
{
	struct area_memory m = AREA_MEMORY_NONE;
	struct prefix_set s = set_of(list);
	struct feed_area a;
	int fd;

	assert_int_equal(area_memory_make_feed(&s, &m, &a), ERR_OK);
	prefix_set_done(&s);
	fd = dup(m.fd);
	area_memory_close(&m);
	return fd;
}

static inline void rig_send(enum role from, const struct wr *w, int fd)
{
	assert_false(w->bad);
	assert_int_equal(channel_send(rig.peer[from].channel, w, &fd, fd >= 0), ERR_OK);
	if (fd >= 0)
		(void)close(fd);
}

static inline void rig_send_text(enum text_kind kind, const char *path, const char *text)
{
	struct msg_text m = { .kind = (uint8_t)kind, .round = ++rig.round, .index = 0, .count = 1 };
	uint8_t out[1024];
	struct wr w = wr_init(out, sizeof out);

	(void)snprintf(m.path, sizeof m.path, "%s", path);
	message_put_text(&w, MSG_TEXT, &m);
	rig_send(ROLE_ALIASMAP, &w, rig_memfd(text));
}

static inline void rig_send_files(void)
{
	rig_send_text(TEXT_TRAPS, "traps.txt", rig.traps);
	if (rig.shared[0])
		rig_send_text(TEXT_SHARED, "shared.txt", rig.shared);
	rig_send_text(TEXT_ALLOW, "allow.txt", rig.allow);
}

static inline void rig_send_done(enum message_type t, uint32_t seq, bool is_ok, int fd)
{
	struct msg_map_done m = { .seq = seq, .is_ok = is_ok };
	uint8_t out[1024];
	struct wr w = wr_init(out, sizeof out);

	(void)snprintf(m.text, sizeof m.text, "%s", is_ok ? "written" : "failed");
	message_put_map_done(&w, t, &m);
	rig_send(ROLE_ALIASMAP, &w, fd);
}

static inline void rig_take_map(struct rd *body, int fd)
{
	struct msg_map_apply m;
	ssize_t n = pread(fd, rig.map, sizeof rig.map - 1, 0);

	assert_int_equal(message_get_map_apply(body, &m), ERR_OK);
	assert_true(n >= 0);
	rig.map[n] = '\0';
	rig.is_map_full = m.is_full;
	rig.map_seq = m.seq;
	rig.applies++;
	if (!rig.is_map_held)
		rig_send_done(MSG_MAP_DONE, m.seq, true, -1);
}

static inline void rig_answer_live(const char *asked)
{
	struct slice rest = slice_str(asked), line;
	char text[2048] = "";
	size_t n = 0;

	if (rig.live && strstr(asked, rig.live))
		n += (size_t)snprintf(text, sizeof text, "%s\thash:/etc/aliases\n", rig.live);
	while (rig.foreign && slice_line(&rest, &line))
		if (line.p[0] != '@' && slice_ends(line, slice_str(rig.foreign)))
			n += (size_t)snprintf(text + n, sizeof text - n, "%.*s\tforeign\n", SLICE_ARG(line));
	rig_send_done(MSG_LIVE_RESULT, rig.live_seq, true, rig_memfd(text));
}

static inline void rig_take_live(struct rd *body, int fd)
{
	struct msg_map_apply m;
	char asked[4096];
	ssize_t n = pread(fd, asked, sizeof asked - 1, 0);

	assert_int_equal(message_get_map_apply(body, &m), ERR_OK);
	assert_true(n >= 0);
	asked[n] = '\0';
	rig.live_seq = m.seq;
	rig.lives++;
	if (!rig.is_live_held)
		rig_answer_live(asked);
}

static inline void rig_take_ops(struct rd *body)
{
	static struct msg_fw_ops m;

	assert_int_equal(message_get_fw_ops(body, &m), ERR_OK);
	for (size_t i = 0; i < m.count; i++) {
		if (rig.ops < RIG_OPS)
			rig.op[rig.ops++] = m.op[i];
		rig.op_adds += m.op[i].is_add;
		rig.op_dels += !m.op[i].is_add;
	}
}

/* A full list begins: what is not in it is gone. */
static inline void rig_take_sync(struct rd *body)
{
	struct msg_fw_sync m;

	assert_int_equal(message_get_fw_sync(body, &m), ERR_OK);
	rig.syncs++;
	if (m.phase == 1)
		rig.ops = 0;
}

static inline void rig_take_ack(struct rd *body)
{
	struct msg_hit_ack m;

	assert_int_equal(message_get_hit_ack(body, &m), ERR_OK);
	if (m.seq < RIG_ACKS)
		rig.ack[m.seq] = m.result;
	rig.acks++;
}

static inline void rig_take_alarm(struct rd *body)
{
	static struct msg_run m;

	assert_int_equal(message_get_run(body, &m), ERR_OK);
	if (m.what != RUN_ALARM)
		return;
	(void)snprintf(rig.alarm, sizeof rig.alarm, "%s", m.arg[1]);
	rig.alarms++;
	if (rig.on_alarm)
		rig.on_alarm(m.arg[0]);
}

static inline void rig_answer_forget(uint32_t files, uint32_t failed)
{
	struct msg_corpus_forgotten m = { rig.forget.seq, files, failed };
	uint8_t out[64];
	struct wr w = wr_init(out, sizeof out);

	message_put_corpus_forgotten(&w, MSG_CORPUS_FORGOTTEN, &m);
	rig_send(ROLE_CAPTURE, &w, -1);
}

static inline void rig_take_forget(struct rd *body)
{
	assert_int_equal(message_get_corpus_forget(body, &rig.forget), ERR_OK);
	rig.forgets++;
	if (!rig.is_forget_held)
		rig_answer_forget(rig.corpus_files, 0);
}

static inline void rig_on_peer_message(
	void *ctx, enum role from, enum message_type t, struct rd *body, const int *fds, size_t n)
{
	const struct rig_peer *peer = ctx;

	(void)from;
	if (t == MSG_REREAD) {
		rig.rereads++;
		if (!rig.is_text_held)
			rig_send_files();
	} else if (t == MSG_MAP_APPLY) {
		rig_take_map(body, fds[0]);
	} else if (t == MSG_LIVE_CHECK) {
		rig_take_live(body, fds[0]);
	} else if (t == MSG_FW_OPS) {
		rig_take_ops(body);
	} else if (t == MSG_FW_KILL && rig.on_kill) {
		rig.on_kill(body);
	} else if (t >= MSG_FEED_TOOK && t <= MSG_FEED_SAYS && rig.on_feed) {
		rig.on_feed(peer->role, t, body, n ? fds[0] : -1);
	} else if (t == MSG_BLOCKS && rig.on_blocks) {
		rig.on_blocks(dup(fds[0]));
	} else if (t == MSG_FW_SYNC) {
		rig_take_sync(body);
	} else if (t == MSG_HIT_ACK) {
		rig_take_ack(body);
	} else if (t == MSG_CORPUS_REMOVE) {
		rig.removed++;
	} else if (t == MSG_CORPUS_FORGET) {
		rig_take_forget(body);
	} else if (t == MSG_RIDERS_DO) {
		rig.orders += message_get_riders_do(body, &rig.order) == ERR_OK;
		if (rig.on_order)
			rig.on_order();
	} else if (t == MSG_RUN) {
		rig_take_alarm(body);
	} else if ((t == MSG_SPF_WALK || t == MSG_SPF_CHECK || t == MSG_DNS_ASK) && rig.on_fetch) {
		rig.on_fetch(t, body);
	}
	for (size_t i = 0; i < n; i++)
		(void)close(fds[i]);
}

static inline void rig_on_peer_closed(void *ctx, enum role from)
{
	struct rig_peer *p = ctx;

	(void)from;
	channel_free(p->channel);
	p->channel = NULL;
}

static inline void rig_on_engine_message(
	void *ctx, enum role from, enum message_type t, struct rd *body, const int *fds, size_t n)
{
	(void)ctx;
	engine_ops.message(&rig.host, from, t, body, fds, n);
}

static inline void rig_on_engine_closed(void *ctx, enum role from)
{
	struct channel *c = rig.host.link[from];

	(void)ctx;
	rig.host.link[from] = NULL;
	channel_free(c);
	engine_ops.unlinked(&rig.host, from);
}

static inline void rig_link(enum role r)
{
	int fd[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fd), 0);
	rig.peer[r].role = r;
	rig.peer[r].channel = channel_new(
		rig.host.loop, fd[1], r, ROLE_ENGINE, rig_on_peer_message, rig_on_peer_closed, &rig.peer[r]);
	rig.host.link[r] =
		channel_new(rig.host.loop, fd[0], ROLE_ENGINE, r, rig_on_engine_message, rig_on_engine_closed, NULL);
	assert_non_null(rig.peer[r].channel);
	assert_non_null(rig.host.link[r]);
	engine_ops.linked(&rig.host, r);
}

static inline void rig_unlink(enum role r)
{
	channel_free(rig.peer[r].channel);
	rig.peer[r].channel = NULL;
	if (rig.host.link[r])
		rig_on_engine_closed(NULL, r);
}

/* ---- start and stop */

static inline int rig_listen(const char *name)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	(void)snprintf(a.sun_path, sizeof a.sun_path, "%s/%s", rig.dir, name);
	(void)unlink(a.sun_path);
	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
	assert_int_equal(listen(fd, 128), 0);
	return fd;
}

static inline int rig_connect(const char *name)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	(void)snprintf(a.sun_path, sizeof a.sun_path, "%s/%s", rig.dir, name);
	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
	return fd;
}

static inline bool rig_is_loaded(void *ctx)
{
	const unsigned *applies = ctx;

	return rig.applies > *applies;
}

static inline void rig_start_engine(void)
{
	for (int i = 0; i < LISTENERS * ROLE_LISTENERS; i++)
		rig.host.listener[i / ROLE_LISTENERS][i % ROLE_LISTENERS] = -1;
	rig.host.role = ROLE_ENGINE;
	rig.host.ops = &engine_ops;
	rig.host.loop = loop_new();
	assert_non_null(rig.host.loop);
	rig.host.listener[LISTENER_POLICY][0] = rig_listen("policy");
	rig.host.listener[LISTENER_CONTROL][0] = rig_listen("control");
	assert_int_equal(engine_ops.start(&rig.host), ERR_OK);
	engine_ops.serve(&rig.host);
}

static inline void rig_start(void)
{
	unsigned applies = rig.applies;

	rig_start_engine();
	for (int r = ROLE_FIREWALL; r < ROLE_COUNT; r++)
		rig_link((enum role)r);
	assert_true(rig_wait(rig_is_loaded, &applies));
}

static inline void rig_stop(void)
{
	for (int r = ROLE_FIREWALL; r < ROLE_COUNT; r++)
		rig_unlink((enum role)r);
	engine_ops.stop(&rig.host);
	assert_null(rig.host.ctx);
	(void)close(rig.host.listener[LISTENER_POLICY][0]);
	(void)close(rig.host.listener[LISTENER_CONTROL][0]);
	loop_free(rig.host.loop);
	rig.host.loop = NULL;
}

static inline void rig_restart(void)
{
	rig_stop();
	rig_start();
}

static inline int rig_remove_file(const char *path, const struct stat *st, int flag, struct FTW *f)
{
	(void)st;
	(void)flag;
	(void)f;
	return remove(path);
}

static inline int rig_setup(void **state)
{
	char path[128];
	int fd;

	(void)state;
	memset(&rig, 0, sizeof rig);
	/* in memory where there is such a place: on a disk that stands still for a second the engine says so */
	(void)snprintf(rig.dir, sizeof rig.dir, "%s/limetwig-engine-XXXXXX",
		access("/dev/shm", W_OK | X_OK) == 0 ? "/dev/shm" : "/tmp");
	if (!mkdtemp(rig.dir))
		return -1;
	(void)snprintf(path, sizeof path, "%s/db", rig.dir);
	if (mkdir(path, 0700) != 0)
		return -1;
	conf_defaults(&rig.host.conf);
	(void)snprintf(rig.host.conf.storage.dir, sizeof rig.host.conf.storage.dir, "%s", rig.dir);
	(void)snprintf(rig.host.conf.storage.run, sizeof rig.host.conf.storage.run, "%s", rig.dir);
	rig.host.conf.storage.db_size = 64u << 20;
	rig.host.conf.traps.watch_s = 0;
	rig.host.conf.firewall.offence = 1;
	rig.host.conf.alarm.command.count = 1;
	(void)snprintf(rig.host.conf.alarm.command.item[0], CONF_ITEM, "/bin/true");
	(void)snprintf(rig.traps, sizeof rig.traps,
		RIG_SECRET "1@example.org tag=web\n" RIG_SECRET "2@example.org\n"
			   "@" RIG_SECRET ".example\n");
	(void)snprintf(path, sizeof path, "%s/log", rig.dir);
	fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	rig.saved_stderr = dup(2);
	(void)dup2(fd, 2);
	(void)close(fd);
	return 0;
}

/* What was logged so far; owned by the caller. */
static inline char *rig_log(void)
{
	char path[128], *text = calloc(1, 4u << 20);
	FILE *f;
	size_t n;

	assert_non_null(text);
	(void)snprintf(path, sizeof path, "%s/log", rig.dir);
	f = fopen(path, "r");
	assert_non_null(f);
	n = fread(text, 1, (4u << 20) - 1, f);
	text[n] = '\0';
	(void)fclose(f);
	return text;
}

static inline int rig_teardown(void **state)
{
	char *log = rig_log();
	bool is_leaked = RIG_IS_LEAKED(log);

	(void)state;
	if (rig.host.loop)
		rig_stop();
	(void)dup2(rig.saved_stderr, 2);
	(void)close(rig.saved_stderr);
	if (is_leaked || getenv("RIG_LOG"))
		(void)fprintf(stderr, "%s", log);
	free(log);
	(void)nftw(rig.dir, rig_remove_file, 16, FTW_DEPTH | FTW_PHYS);
	return is_leaked ? -1 : 0;
}

#include "engine_ask.h"

#endif /* TESTS_ENGINE_RIG_H */
