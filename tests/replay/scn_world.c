/*
 * scn_world: the engine of tests/unit/engine_rig.h, driven in virtual time.
 * Policy queries and commands go over real sockets; what capture and follow
 * would send is given to the engine at once, so that the order of a scenario
 * is the order of events.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "../unit/engine_rig.h"

#include "scn.h"

#define IN_FLIGHT 400  /* hits that wait for the disk at a time */
#define LATER_MAX 200  /* rounds in which hits are brought again */
#define FEED_ROUNDS 64 /* until a small set is counted, acts, and blocks that it has no longer are lifted */
#define ROUNDS 4       /* of the loop until what one message leads to has come through */
#define ALARM_KINDS 16
#define LOGINS 64 /* lines of the log that follow reads again for a new engine */
#define LINES 8   /* policy connections: sessions of Postfix at the same time */

static struct {
	bool is_started;
	int policy[LINES];
	unsigned line; /* the one that is asked on */
	struct msg_hit *flying;
	size_t flying_n;
	struct msg_log_login login[LOGINS]; /* ring */
	uint64_t logins;
	uint64_t seq;
	unsigned later;
	struct {
		char event[32];
		unsigned count;
	} alarm[ALARM_KINDS];
	char trap[SCN_WORLD_TRAPS][96]; /* plain addresses, for scn_world_leak */
	size_t traps;
} world;

/* ---- start and stop */

static void note_alarm(const char *event)
{
	for (size_t i = 0; i < ALARM_KINDS; i++) {
		if (world.alarm[i].event[0] && strcmp(world.alarm[i].event, event) != 0)
			continue;
		(void)snprintf(world.alarm[i].event, sizeof world.alarm[i].event, "%s", event);
		world.alarm[i].count++;
		return;
	}
}

unsigned scn_world_alarms(const char *event)
{
	scn_world_settle();
	for (size_t i = 0; i < ALARM_KINDS; i++)
		if (strcmp(world.alarm[i].event, event) == 0)
			return world.alarm[i].count;
	return 0;
}

void scn_world_setup(void)
{
	struct msg_hit *flying = world.flying ? world.flying : calloc(IN_FLIGHT, sizeof *flying);

	memset(&world, 0, sizeof world);
	assert_non_null(flying);
	world.flying = flying;
	for (unsigned i = 0; i < LINES; i++)
		world.policy[i] = -1;
	scn_clock_reset();
	assert_int_equal(rig_setup(NULL), 0);
	rig.traps[0] = '\0';
	rig.on_alarm = note_alarm;
	rig.on_fetch = scn_fetch_asked;
	rig.host.conf.firewall.offence = 2;
}

void scn_world_teardown(void)
{
	for (unsigned i = 0; i < LINES; i++) {
		if (world.policy[i] >= 0)
			(void)close(world.policy[i]);
		world.policy[i] = -1;
	}
	(void)rig_teardown(NULL);
}

void scn_world_start(void)
{
	if (world.is_started)
		return;
	world.is_started = true;
	rig_start();
	rig_do("{\"cmd\":\"enforce\",\"mode\":\"soft\",\"force\":true}");
	scn_fetch_tick();
	scn_world_settle();
}

bool scn_world_is_started(void)
{
	return world.is_started;
}

struct engine *scn_world_engine(void)
{
	scn_world_start();
	return rig.host.ctx;
}

struct conf *scn_world_conf(void)
{
	return &rig.host.conf;
}

static bool add_line(char *to, size_t size, const char *line)
{
	size_t n = strlen(to);
	int m = snprintf(to + n, size - n, "%s\n", line);

	if (m < 0 || (size_t)m >= size - n) {
		to[n] = '\0';
		return false;
	}
	return true;
}

static bool reload(void)
{
	json_t *j = rig_call("{\"cmd\":\"trap_reload\"}");
	bool is_ok = json_is_true(json_object_get(j, "ok"));

	json_decref(j);
	scn_world_settle();
	return is_ok;
}

bool scn_world_add_trap(const char *line)
{
	if (world.traps < SCN_WORLD_TRAPS && line[0] != '@' && line[0] != '/')
		(void)snprintf(world.trap[world.traps++], sizeof world.trap[0], "%.*s", (int)strcspn(line, " "), line);
	return add_line(rig.traps, sizeof rig.traps, line) && (!world.is_started || reload());
}

bool scn_world_add_allow(const char *line)
{
	return add_line(rig.allow, sizeof rig.allow, line) && (!world.is_started || reload());
}

bool scn_world_add_shared(const char *line)
{
	return add_line(rig.shared, sizeof rig.shared, line) && (!world.is_started || reload());
}

/* ---- rounds of the loop */

static void stop_now(void *ctx)
{
	(void)ctx;
	loop_stop(rig.host.loop);
}

/* What is ready now is handled, nothing is waited for. */
static void run_rounds(unsigned n)
{
	while (n--) {
		struct loop_watch *w = loop_after(rig.host.loop, 0, stop_now, NULL);

		assert_non_null(w);
		assert_int_equal(loop_run(rig.host.loop), ERR_OK);
		loop_remove(w);
	}
}

static void one_round(void)
{
	scn_fetch_tick();
	run_rounds(1);
}

static uint8_t ack_of(const struct msg_hit *m)
{
	return rig.ack[m->seq % RIG_ACKS];
}

static bool are_acked(void *ctx)
{
	(void)ctx;
	for (size_t i = 0; i < world.flying_n; i++)
		if (ack_of(&world.flying[i]) == 0)
			return false;
	return true;
}

static void give_hit(struct msg_hit *m)
{
	static uint8_t out[16384];
	struct wr w = wr_init(out, sizeof out);
	struct rd body;

	m->seq = 1 + world.seq++ % (RIG_ACKS - 1);
	rig.ack[m->seq] = 0;
	message_put_hit(&w, MSG_HIT, m);
	assert_false(w.bad);
	body = rd_init(out + 1, w.n - 1);
	engine_ops.message(&rig.host, ROLE_CAPTURE, MSG_HIT, &body, NULL, 0);
}

/* Postfix brings what was answered "later" again. */
static void land(void)
{
	for (unsigned round = 0; world.flying_n; round++) {
		size_t n = 0;

		assert_true(rig_wait(are_acked, NULL));
		assert_true(round < LATER_MAX);
		for (size_t i = 0; i < world.flying_n; i++)
			if (ack_of(&world.flying[i]) == HIT_LATER)
				world.flying[n++] = world.flying[i];
		world.flying_n = n;
		world.later += (unsigned)n;
		for (size_t i = 0; i < n; i++)
			give_hit(&world.flying[i]);
	}
}

unsigned scn_world_later(void)
{
	return world.later;
}

void scn_world_hang_up(void)
{
	if (world.policy[0] < 0)
		return;
	(void)close(world.policy[0]);
	world.policy[0] = -1;
	run_rounds(2);
}

void scn_world_line(unsigned line)
{
	assert_true(line < LINES);
	world.line = line;
}

bool scn_world_is_in_firewall(const struct ipaddr *a)
{
	char text[IPADDR_TEXT + 4], address[IPADDR_TEXT];

	run_rounds(ROUNDS);
	(void)snprintf(text, sizeof text, "%s/%s", ipaddr_format(a, address), a->family == 6 ? "64" : "32");
	return rig_is_in_firewall(text);
}

/* What is committed now, which is what a killed engine leaves. */
static void keep_store(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(store_backup(((struct engine *)rig.host.ctx)->store, fd), ERR_OK);
	(void)close(fd);
}

static void give_login(const struct msg_log_login *m);

/* Who sent what; nothing else is told twice. */
static void read_log_again(void)
{
	for (uint64_t i = world.logins > LOGINS ? world.logins - LOGINS : 0; i < world.logins; i++)
		give_login(&world.login[i % LOGINS]);
}

void scn_world_restart(bool is_killed)
{
	char kept[128], data[128];

	scn_world_start();
	(void)snprintf(kept, sizeof kept, "%s/kept", rig.dir);
	(void)snprintf(data, sizeof data, "%s/db/data.mdb", rig.dir);
	if (is_killed)
		keep_store(kept);
	else
		scn_world_settle();
	for (unsigned i = 0; i < LINES; i++) {
		if (world.policy[i] >= 0)
			(void)close(world.policy[i]);
		world.policy[i] = -1;
	}
	/* an answer that is on its way to capture now is lost: Postfix has not heard it */
	rig_stop();
	if (is_killed)
		assert_int_equal(rename(kept, data), 0);
	for (size_t i = 0; i < world.flying_n; i++)
		if (ack_of(&world.flying[i]) == 0)
			rig.ack[world.flying[i].seq % RIG_ACKS] = HIT_LATER;
	scn_clock_forget_timers();
	rig_start();
	read_log_again();
	scn_fetch_tick();
	scn_world_settle();
}

void scn_world_settle(void)
{
	if (!world.is_started)
		return;
	scn_world_hang_up();
	land();
	run_rounds(ROUNDS);
}

void scn_world_feed(const char *name, enum conf_feed_action action, const char *list)
{
	struct msg_feed_set m = { .time = scn_clock_now(),
		.action = (uint8_t)action,
		.layers = FEED_LAYER_POLICY | FEED_LAYER_FIREWALL,
		.time_s = 86400,
		.weight_milli = 5000,
		.code = 3 };
	uint8_t out[1024];
	struct wr w = wr_init(out, sizeof out);
	int fd = rig_area(list);
	struct rd body;

	scn_world_start();
	(void)snprintf(m.name, sizeof m.name, "%s", name);
	message_put_feed_set(&w, MSG_FEED_SET, &m);
	assert_false(w.bad);
	body = rd_init(out + 1, w.n - 1);
	engine_ops.message(&rig.host, ROLE_FEED, MSG_FEED_SET, &body, &fd, 1);
	run_rounds(FEED_ROUNDS);
}

void scn_world_pass(uint64_t seconds)
{
	scn_world_start();
	scn_world_hang_up();
	if (world.flying_n > IN_FLIGHT / 4) /* the disk takes real time: a year has many passes */
		land();
	run_rounds(ROUNDS);
	assert_int_equal(store_flush(((struct engine *)rig.host.ctx)->store), ERR_OK); /* what is looked at shows it */
	run_rounds(1);
	scn_clock_pass(seconds, one_round);
	run_rounds(ROUNDS);
}

/* ---- what goes in */

struct question {
	char answer[2048];
	size_t n;
	bool is_late;
};

static void take_answer(int fd, unsigned what, void *ctx)
{
	struct question *q = ctx;
	ssize_t got = recv(fd, q->answer + q->n, sizeof q->answer - 1 - q->n, MSG_DONTWAIT);

	(void)what;
	if (got > 0)
		q->n += (size_t)got;
	q->answer[q->n] = '\0';
	if (got == 0 || (q->n >= 2 && strcmp(q->answer + q->n - 2, "\n\n") == 0))
		loop_stop(rig.host.loop);
}

static void too_late(void *ctx)
{
	((struct question *)ctx)->is_late = true;
	loop_stop(rig.host.loop);
}

const char *scn_world_ask(const char *request)
{
	static struct question q;
	struct loop_watch *reader, *patience;
	int *policy = &world.policy[world.line];

	scn_world_start();
	if (*policy < 0)
		*policy = rig_connect("policy");
	q.n = 0;
	q.is_late = false;
	rig_write(*policy, request, strlen(request));
	reader = loop_fd(rig.host.loop, *policy, LOOP_READ, take_answer, &q);
	patience = loop_after(rig.host.loop, RIG_PATIENCE_MS, too_late, &q);
	assert_non_null(reader);
	assert_non_null(patience);
	assert_int_equal(loop_run(rig.host.loop), ERR_OK);
	loop_remove(reader);
	loop_remove(patience);
	assert_false(q.is_late);
	assert_true(q.n > 2 && strncmp(q.answer, "action=", 7) == 0);
	q.answer[q.n - 2] = '\0';
	return q.answer + 7;
}

void scn_world_hit(const struct msg_hit *m)
{
	scn_world_start();
	if (world.flying_n == IN_FLIGHT)
		land();
	world.flying[world.flying_n] = *m;
	give_hit(&world.flying[world.flying_n++]);
}

static void give_log(enum message_type t, const struct wr *w)
{
	struct rd body = rd_init(w->p + 1, w->n - 1);

	assert_false(w->bad);
	scn_world_start();
	engine_ops.message(&rig.host, ROLE_FOLLOW, t, &body, NULL, 0);
}

void scn_world_log_mail(const struct msg_log_mail *m)
{
	uint8_t out[4096];
	struct wr w = wr_init(out, sizeof out);

	message_put_log_mail(&w, MSG_LOG_MAIL, m);
	give_log(MSG_LOG_MAIL, &w);
}

void scn_world_log_login(const struct msg_log_login *m)
{
	world.login[world.logins++ % LOGINS] = *m;
	give_login(m);
}

static void give_login(const struct msg_log_login *m)
{
	uint8_t out[4096];
	struct wr w = wr_init(out, sizeof out);

	message_put_log_login(&w, MSG_LOG_LOGIN, m);
	give_log(MSG_LOG_LOGIN, &w);
}

void scn_world_log_rcpt(const struct msg_log_rcpt *m)
{
	uint8_t out[4096];
	struct wr w = wr_init(out, sizeof out);

	message_put_log_rcpt(&w, MSG_LOG_RCPT, m);
	give_log(MSG_LOG_RCPT, &w);
}

void scn_world_from_fetch(enum message_type t, const struct wr *w)
{
	struct rd body = rd_init(w->p + 1, w->n - 1);

	assert_false(w->bad);
	engine_ops.message(&rig.host, ROLE_FETCH, t, &body, NULL, 0);
}

json_t *scn_world_command(json_t *takes, const char **ret_error)
{
	static char error[400];
	char *line = json_dumps(takes, JSON_COMPACT);
	json_t *j;

	json_decref(takes);
	assert_non_null(line);
	scn_world_start();
	scn_world_settle();
	j = rig_call(line);
	free(line);
	if (json_is_true(json_object_get(j, "ok")))
		return j;
	(void)snprintf(error, sizeof error, "%s", json_string_value(json_object_get(j, "error")));
	*ret_error = error;
	json_decref(j);
	return NULL;
}

const char *scn_world_leak(void)
{
	static char where[600];
	char path[128], line[8192];
	FILE *f;

	(void)snprintf(path, sizeof path, "%s/log", rig.dir);
	f = fopen(path, "r");
	assert_non_null(f);
	where[0] = '\0';
	while (!where[0] && fgets(line, sizeof line, f))
		for (size_t i = 0; i < world.traps && !where[0]; i++)
			if (strcasestr(line, world.trap[i]))
				(void)snprintf(where, sizeof where, "%s in: %.400s", world.trap[i], line);
	(void)fclose(f);
	return where[0] ? where : NULL;
}
