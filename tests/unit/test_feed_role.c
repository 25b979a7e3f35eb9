/*
 * test_feed_role: the role feed with this test as the engine and as the role
 * run: what is asked for while something is under way.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "core/message.h"
#include "folder.h"
#include "role/feed.h"

#define PATIENCE_MS 20000

static struct role_host h;
static struct channel *run, *engine;
static char dir[FOLDER_TOP + 40];
static uint32_t asked;          /* seq of the command that waits for its end; 0: none */
static unsigned asks;           /* commands so far */
static struct msg_feed_set set; /* the last one that was offered */
static unsigned sets;
static bool is_over;
static int64_t wall_ahead_s, both_ahead_s;

/* In place of libc's. */
__attribute__((visibility("default"))) int clock_gettime(clockid_t id, struct timespec *to)
{
	int done = (int)syscall(SYS_clock_gettime, id, to);

	to->tv_sec += both_ahead_s + (id == CLOCK_REALTIME ? wall_ahead_s : 0);
	return done;
}

static void on_role_message(void *ctx, enum role peer, enum message_type t, struct rd *body, const int *fds, size_t n)
{
	(void)ctx;
	feed_ops.message(&h, peer, t, body, fds, n);
}

static void on_peer_message(void *ctx, enum role peer, enum message_type t, struct rd *body, const int *fds, size_t n)
{
	struct msg_feed_run m;

	(void)ctx;
	(void)peer;
	for (size_t i = 0; i < n; i++)
		(void)close(fds[i]);
	if (t == MSG_FEED_RUN) {
		assert_int_equal(message_get_feed_run(body, &m), ERR_OK);
		assert_int_equal(asked, 0);
		asked = m.seq;
		asks++;
	} else if (t == MSG_FEED_SET) {
		assert_int_equal(message_get_feed_set(body, &set), ERR_OK);
		sets++;
	}
}

static void on_closed(void *ctx, enum role peer)
{
	(void)ctx;
	(void)peer;
	fail();
}

static void link_to(enum role r, struct channel **ret)
{
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair), 0);
	h.link[r] = channel_new(h.loop, pair[0], ROLE_FEED, r, on_role_message, on_closed, NULL);
	*ret = channel_new(h.loop, pair[1], r, ROLE_FEED, on_peer_message, on_closed, NULL);
	feed_ops.linked(&h, r);
}

static int setup(void **state)
{
	struct conf_feed *f = &h.conf.feed[0];
	char path[128];

	(void)state;
	memset(&h, 0, sizeof h);
	asked = asks = sets = 0;
	assert_int_equal(make_folder(dir, sizeof dir), 0);
	(void)snprintf(path, sizeof path, "%s/feeds", dir);
	assert_int_equal(mkdir(path, 0700), 0);
	h.role = ROLE_FEED;
	h.ops = &feed_ops;
	h.loop = loop_new();
	conf_defaults(&h.conf);
	(void)snprintf(h.conf.storage.dir, sizeof h.conf.storage.dir, "%s", dir);
	h.conf.feed_count = 1;
	*f = (struct conf_feed){ .title = "f", .command = "/bin/list", .format = CONF_FEED_AUTO };
	f->refresh_s = f->limit_s = f->age_s = 3600;
	f->size = 1 << 20;
	f->widest_ipv4 = f->change = 25;
	f->widest_ipv6 = 32;
	f->action = FEED_ACTION_BLOCK;
	f->code = 3;
	f->weight = 5;
	f->time_s = 3600;
	(void)snprintf(f->layers, sizeof f->layers, "policy");
	f->is_documentation = true;
	assert_int_equal(feed_ops.start(&h), ERR_OK);
	link_to(ROLE_RUN, &run);
	link_to(ROLE_ENGINE, &engine);
	feed_ops.serve(&h);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	feed_ops.stop(&h);
	free(h.ctx);
	channel_free(run);
	channel_free(engine);
	channel_free(h.link[ROLE_RUN]);
	channel_free(h.link[ROLE_ENGINE]);
	loop_free(h.loop);
	clear(dir);
	return 0;
}

static void on_time(void *ctx)
{
	(void)ctx;
	is_over = true;
	loop_stop(h.loop);
}

static void go_on(void)
{
	struct loop_watch *w = loop_after(h.loop, 5, on_time, NULL);

	is_over = false;
	while (!is_over)
		assert_int_equal(loop_run(h.loop), ERR_OK);
	loop_remove(w);
}

static const struct feed_entry *one(void)
{
	return &((struct feed *)h.ctx)->one[0];
}

#define WAIT(what)                                                                                                     \
	for (uint64_t end = clock_mono_ms() + PATIENCE_MS; !(what); go_on())                                           \
	assert_true(clock_mono_ms() < end)

/* The command has printed so many addresses from 192.0.2.first on; status other than 0: it failed. */
static void end_command(unsigned first, unsigned count, int status)
{
	int fd = memfd_create("list", MFD_CLOEXEC);
	struct msg_feed_ran m = { .seq = asked, .status = status };
	uint8_t bytes[MESSAGE_FEED_TEXT + 32];
	struct wr w = wr_init(bytes, sizeof bytes);

	for (unsigned i = 0; i < count; i++)
		assert_true(dprintf(fd, "192.0.2.%u\n", first + i) > 0);
	asked = 0;
	message_put_feed_ran(&w, MSG_FEED_RAN, &m);
	assert_int_equal(channel_send(run, &w, &fd, 1), ERR_OK);
	(void)close(fd);
}

static void ask(enum feed_ask what)
{
	struct msg_feed_ask m = { .what = (uint8_t)what, .name = "f" };
	uint8_t bytes[128];
	struct wr w = wr_init(bytes, sizeof bytes);

	message_put_feed_ask(&w, MSG_FEED_ASK, &m);
	assert_int_equal(channel_send(engine, &w, NULL, 0), ERR_OK);
}

static void take(uint64_t time)
{
	struct msg_feed_took m = { .time = time, .result = FEED_TOOK, .name = "f" };
	uint8_t bytes[MESSAGE_FEED_TEXT + 128];
	struct wr w = wr_init(bytes, sizeof bytes);

	message_put_feed_took(&w, MSG_FEED_TOOK, &m);
	assert_int_equal(channel_send(engine, &w, NULL, 0), ERR_OK);
}

/* The first list is good. */
static void begin_with(unsigned count)
{
	WAIT(asked);
	end_command(1, count, 0);
	WAIT(sets == 1);
	take(set.time);
	WAIT(one()->good.memory.fd >= 0 && !one()->job && !one()->is_unsaved);
}

/* What the command prints may be older than the wish. */
static void a_wish_during_a_refresh_is_a_second_one(void **state)
{
	(void)state;
	begin_with(100);
	ask(FEED_ASK_REFRESH);
	WAIT(asked);
	ask(FEED_ASK_REFRESH);
	go_on();
	end_command(1, 100, 0);
	WAIT(asks == 3 && asked);
	end_command(1, 101, 0);
	WAIT(sets == 2);
	/* and a failure does not swallow it */
	ask(FEED_ASK_REFRESH);
	WAIT(asks == 4 && asked);
	ask(FEED_ASK_REFRESH);
	go_on();
	end_command(1, 0, 1);
	WAIT(asks == 5 && asked);
	end_command(1, 0, 1);
	WAIT(!one()->job); /* else the role ends the process when it stops */
}

/* The engine has the set: it is kept, whatever the command that is under way comes to. */
static void what_was_taken_is_kept_though_the_next_fails(void **state)
{
	(void)state;
	begin_with(100);
	ask(FEED_ASK_REFRESH);
	WAIT(asked);
	end_command(1, 101, 0);
	WAIT(sets == 2 && !one()->job);
	ask(FEED_ASK_REFRESH);
	WAIT(asked);
	take(set.time);
	go_on();
	end_command(1, 0, 1);
	WAIT(one()->good.area.prefixes && one()->good.keep.entries == 101 && !one()->job && !one()->is_unsaved);
}

/* As many as the link takes, of a feed that is nobody's. */
static void fill_the_link(void)
{
	struct msg_feed_set m = { .action = FEED_ACTION_LIST, .code = 2, .name = "other" };
	uint8_t bytes[MESSAGE_FEED_TEXT + 128];
	struct wr w = wr_init(bytes, sizeof bytes);
	int fd = memfd_create("set", MFD_CLOEXEC);

	message_put_feed_set(&w, MSG_FEED_SET, &m);
	while (channel_send(h.link[ROLE_ENGINE], &w, &fd, 1) == ERR_OK)
		assert_true(channel_queued(h.link[ROLE_ENGINE]) < CHANNEL_QUEUE);
	(void)close(fd);
}

static void a_set_that_did_not_fit_the_link_is_offered_again(void **state)
{
	uint64_t good;

	(void)state;
	begin_with(100);
	good = set.time;
	fill_the_link();
	feed_ops.linked(&h, ROLE_ENGINE);
	WAIT(strcmp(set.name, "other") == 0);
	WAIT(strcmp(set.name, "f") == 0);
	assert_int_equal(set.time, good);
}

static void start_anew(void)
{
	feed_ops.stop(&h);
	free(h.ctx);
	assert_int_equal(feed_ops.start(&h), ERR_OK);
	feed_ops.serve(&h);
}

/* Set back, the clock is not waited for: a list is asked for as soon as at any start, and is of today. */
static void a_list_of_tomorrow_is_no_reason_to_wait(void **state)
{
	(void)state;
	wall_ahead_s = 86400;
	begin_with(100);
	wall_ahead_s = 0;
	start_anew();
	assert_true(one()->good.memory.fd >= 0);
	feed_ops.linked(&h, ROLE_ENGINE);
	WAIT(sets == 2);
	assert_true(set.time > clock_wall_s() + 80000);
	both_ahead_s += 120;
	WAIT(asked);
	end_command(1, 101, 0);
	WAIT(sets == 3 && !one()->job);
	assert_in_range(set.time, clock_wall_s() - 100, clock_wall_s());
}

/* Nor is what a person confirms of tomorrow, because what acts is. */
static void a_confirmed_list_is_of_today(void **state)
{
	(void)state;
	wall_ahead_s = 86400;
	begin_with(100);
	wall_ahead_s = 0;
	ask(FEED_ASK_REFRESH);
	WAIT(asked);
	end_command(101, 100, 0);
	WAIT(one()->held.memory.fd >= 0 && !one()->job);
	ask(FEED_ASK_CONFIRM);
	WAIT(sets == 2);
	assert_in_range(set.time, clock_wall_s() - 100, clock_wall_s());
}

static void write_list(const char *path, unsigned first)
{
	FILE *f = fopen(path, "we");

	assert_non_null(f);
	for (unsigned i = 0; i < 100; i++)
		(void)fprintf(f, "192.0.2.%u\n", first + i);
	assert_int_equal(fclose(f), 0);
}

/* A list that waits tells why, and not what failed in between. */
static void a_held_list_keeps_its_reason(void **state)
{
	struct conf_feed *c = &h.conf.feed[0];
	char why[MESSAGE_FEED_TEXT], away[sizeof c->source + 8];

	(void)state;
	WAIT(asked); /* by the command of before */
	end_command(1, 0, 1);
	WAIT(!one()->job);
	c->command[0] = '\0';
	(void)snprintf(c->source, sizeof c->source, "%s/list", dir);
	(void)snprintf(away, sizeof away, "%s.away", c->source);
	write_list(c->source, 1);
	start_anew();
	feed_ops.linked(&h, ROLE_ENGINE);
	WAIT(sets == 1);
	take(set.time);
	WAIT(one()->good.memory.fd >= 0 && !one()->job);
	write_list(c->source, 101);
	ask(FEED_ASK_REFRESH);
	WAIT(one()->state == FEED_STATE_HELD && !one()->job);
	(void)snprintf(why, sizeof why, "%s", one()->text);
	assert_int_equal(rename(c->source, away), 0);
	ask(FEED_ASK_REFRESH);
	WAIT(one()->state == FEED_FAILED && !one()->job);
	assert_string_not_equal(one()->text, why);
	assert_int_equal(rename(away, c->source), 0);
	ask(FEED_ASK_REFRESH);
	WAIT(one()->state == FEED_STATE_HELD && !one()->job);
	assert_string_equal(one()->text, why);
}

/* Of a source that stays as it is the file on disk tells no other time than memory. */
static void a_list_of_tomorrow_that_stays_is_of_today(void **state)
{
	struct conf_feed *c = &h.conf.feed[0];
	int fd;

	(void)state;
	c->command[0] = '\0';
	(void)snprintf(c->source, sizeof c->source, "%s/list", dir);
	fd = open(c->source, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	assert_int_equal(write(fd, "192.0.2.1\n", 10), 10);
	close(fd);
	WAIT(asked); /* by the command of before */
	end_command(1, 0, 1);
	WAIT(!one()->job);
	wall_ahead_s = 86400;
	start_anew();
	feed_ops.linked(&h, ROLE_ENGINE);
	WAIT(sets == 1);
	take(set.time);
	WAIT(one()->good.memory.fd >= 0 && !one()->job && !one()->is_unsaved);
	assert_true(one()->good.keep.time > clock_wall_s() - 100);
	wall_ahead_s = 0;
	ask(FEED_ASK_REFRESH);
	WAIT(one()->good.keep.time <= clock_wall_s() && !one()->job && !one()->is_unsaved);
	start_anew();
	assert_true(one()->good.memory.fd >= 0);
	assert_in_range(one()->good.keep.time, clock_wall_s() - 100, clock_wall_s());
}

/* The disk was full: what acts is kept when there is room, though the list stays as it is. */
static void what_could_not_be_kept_is_kept_later(void **state)
{
	char folder[128], file[160];

	(void)state;
	(void)snprintf(folder, sizeof folder, "%s/feeds", dir);
	(void)snprintf(file, sizeof file, "%s/f.set", folder);
	begin_with(100);
	assert_int_equal(unlink(file), 0);
	assert_int_equal(rmdir(folder), 0);
	ask(FEED_ASK_REFRESH);
	WAIT(asked);
	end_command(1, 101, 0);
	WAIT(sets == 2);
	take(set.time);
	WAIT(one()->save_ms > clock_mono_ms());
	assert_int_equal(mkdir(folder, 0700), 0);
	both_ahead_s += 120;
	WAIT(access(file, F_OK) == 0 && !one()->job);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_list_of_tomorrow_is_no_reason_to_wait, setup, teardown),
		cmocka_unit_test_setup_teardown(a_confirmed_list_is_of_today, setup, teardown),
		cmocka_unit_test_setup_teardown(a_held_list_keeps_its_reason, setup, teardown),
		cmocka_unit_test_setup_teardown(a_list_of_tomorrow_that_stays_is_of_today, setup, teardown),
		cmocka_unit_test_setup_teardown(a_set_that_did_not_fit_the_link_is_offered_again, setup, teardown),
		cmocka_unit_test_setup_teardown(a_wish_during_a_refresh_is_a_second_one, setup, teardown),
		cmocka_unit_test_setup_teardown(what_could_not_be_kept_is_kept_later, setup, teardown),
		cmocka_unit_test_setup_teardown(what_was_taken_is_kept_though_the_next_fails, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
