/*
 * test_parent_link: a link that has ended between two roles that live is made
 * anew, once, later each time; nobody gets a link by saying that he had one.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "io/log.h"
#include "role/parent.h"

#include <sys/socket.h>
#include <unistd.h>

#define NOW 1000000u

static struct parent p;
static int end[ROLE_PROCESSES]; /* the child's end of its channel; -1 */

static void on_message(void *ctx, enum role peer, enum message_type t, struct rd *body, const int *fds, size_t n)
{
	(void)ctx;
	(void)peer;
	(void)t;
	(void)body;
	for (size_t i = 0; i < n; i++)
		close(fds[i]);
}

static void on_closed(void *ctx, enum role peer)
{
	(void)ctx;
	(void)peer;
}

static void live(enum role r)
{
	struct child *c = &p.child[r];
	int fd[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fd), 0);
	c->channel = channel_new(p.loop, fd[0], ROLE_PARENT, r, on_message, on_closed, c);
	assert_non_null(c->channel);
	end[r] = fd[1];
}

static void die(enum role r)
{
	struct child *c = &p.child[r];

	parent_forget_links(c);
	channel_free(c->channel);
	c->channel = NULL;
	close(end[r]);
	end[r] = -1;
}

/* Links that r has been given since the last time. */
static unsigned links_of(enum role r)
{
	uint8_t in[64];
	unsigned n = 0;
	ssize_t k;

	while ((k = recv(end[r], in, sizeof in, MSG_DONTWAIT)) > 0)
		n += in[0] == MSG_LINK;
	return n;
}

static void say(enum role r, enum role which, uint32_t number, uint64_t now)
{
	struct msg_unlinked m = { .which = (uint8_t)which, .number = number };
	uint8_t bytes[8];
	struct wr w = wr_init(bytes, sizeof bytes);
	struct rd body;

	message_put_unlinked(&w, MSG_UNLINKED, &m);
	body = rd_init(w.p + 1, w.n - 1);
	parent_take_unlinked(&p.child[r], &body, now);
}

static int set_up(void **state)
{
	(void)state;
	log_setup("test", LOG_LEVEL_ALARM);
	p = (struct parent){ .loop = loop_new() };
	for (int r = 0; r < ROLE_PROCESSES; r++) {
		p.child[r] = (struct child){ .role = (enum role)r, .parent = &p };
		end[r] = -1;
	}
	live(ROLE_ENGINE);
	live(ROLE_CAPTURE);
	live(ROLE_FOLLOW);
	if (!parent_make_links(&p.child[ROLE_ENGINE]))
		return -1;
	return links_of(ROLE_ENGINE) == 2 && links_of(ROLE_CAPTURE) == 1 && links_of(ROLE_FOLLOW) == 1 ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	for (int r = 0; r < ROLE_PROCESSES; r++)
		if (end[r] >= 0)
			die((enum role)r);
	loop_free(p.loop);
	return 0;
}

static void test_a_link_is_made_anew(void **state)
{
	(void)state;
	/* both ends tell of it */
	say(ROLE_ENGINE, ROLE_CAPTURE, 1, NOW);
	say(ROLE_CAPTURE, ROLE_ENGINE, 1, NOW + 1);
	parent_check_links(&p, NOW + PARENT_RELINK_MIN_MS - 1);
	assert_int_equal(links_of(ROLE_CAPTURE), 0);
	parent_check_links(&p, NOW + PARENT_RELINK_MIN_MS);
	assert_int_equal(links_of(ROLE_ENGINE), 1);
	assert_int_equal(links_of(ROLE_CAPTURE), 1);
	assert_int_equal(links_of(ROLE_FOLLOW), 0);
	/* and one of them late: that was the link before */
	say(ROLE_CAPTURE, ROLE_ENGINE, 1, NOW + PARENT_RELINK_MIN_MS + 1);
	parent_check_links(&p, NOW + PARENT_BACKOFF_CALM_MS);
	assert_int_equal(links_of(ROLE_ENGINE), 0);
	say(ROLE_CAPTURE, ROLE_ENGINE, 2, NOW + PARENT_BACKOFF_CALM_MS);
	parent_check_links(&p, NOW + 2 * PARENT_BACKOFF_CALM_MS);
	assert_int_equal(links_of(ROLE_ENGINE), 1);
}

static void test_one_that_ends_again_and_again_waits_longer(void **state)
{
	uint64_t now = NOW, wait = PARENT_RELINK_MIN_MS;

	(void)state;
	for (uint32_t number = 1; number < 10; number++) {
		say(ROLE_ENGINE, ROLE_CAPTURE, number, now);
		parent_check_links(&p, now + wait - 1);
		assert_int_equal(links_of(ROLE_CAPTURE), 0);
		now += wait;
		parent_check_links(&p, now);
		assert_int_equal(links_of(ROLE_CAPTURE), 1);
		wait = 2 * wait < PARENT_BACKOFF_MAX_MS ? 2 * wait : PARENT_BACKOFF_MAX_MS;
	}
	now += PARENT_BACKOFF_CALM_MS;
	say(ROLE_ENGINE, ROLE_CAPTURE, 10, now);
	parent_check_links(&p, now + PARENT_RELINK_MIN_MS);
	assert_int_equal(links_of(ROLE_CAPTURE), 1);
}

static void test_the_dead_get_theirs_in_their_next_life(void **state)
{
	(void)state;
	say(ROLE_ENGINE, ROLE_CAPTURE, 1, NOW);
	die(ROLE_CAPTURE);
	parent_check_links(&p, NOW + PARENT_BACKOFF_MAX_MS);
	assert_int_equal(links_of(ROLE_ENGINE), 0);
	live(ROLE_CAPTURE);
	assert_true(parent_make_links(&p.child[ROLE_CAPTURE]));
	assert_int_equal(links_of(ROLE_ENGINE), 1);
	assert_int_equal(links_of(ROLE_CAPTURE), 1);
	/* the engine has had two, capture one in this life */
	say(ROLE_ENGINE, ROLE_CAPTURE, 1, NOW);
	parent_check_links(&p, NOW + 2 * PARENT_BACKOFF_MAX_MS);
	assert_int_equal(links_of(ROLE_CAPTURE), 0);
	say(ROLE_CAPTURE, ROLE_ENGINE, 1, NOW);
	parent_check_links(&p, NOW + 2 * PARENT_BACKOFF_MAX_MS);
	assert_int_equal(links_of(ROLE_CAPTURE), 1);
	/* who is stopping needs none */
	say(ROLE_CAPTURE, ROLE_ENGINE, 2, NOW);
	p.child[ROLE_CAPTURE].stop_ms = NOW;
	parent_check_links(&p, NOW + 4 * PARENT_BACKOFF_MAX_MS);
	assert_int_equal(links_of(ROLE_ENGINE), 1);
}

/* A link ends with its end's life, and the other end may tell of it only when that is over. */
static void test_what_is_said_late_of_the_dead(void **state)
{
	(void)state;
	die(ROLE_CAPTURE);
	say(ROLE_ENGINE, ROLE_CAPTURE, 1, NOW);
	live(ROLE_CAPTURE);
	assert_true(parent_make_links(&p.child[ROLE_CAPTURE]));
	assert_int_equal(links_of(ROLE_ENGINE), 1);
	assert_int_equal(links_of(ROLE_CAPTURE), 1);
	parent_check_links(&p, NOW + PARENT_RELINK_MIN_MS);
	assert_int_equal(links_of(ROLE_ENGINE), 0);
	assert_int_equal(links_of(ROLE_CAPTURE), 0);
	/* the new one is told of like any other */
	say(ROLE_ENGINE, ROLE_CAPTURE, 2, NOW);
	parent_check_links(&p, NOW + PARENT_RELINK_MIN_MS);
	assert_int_equal(links_of(ROLE_CAPTURE), 1);
}

static void test_nobody_gets_a_link_by_asking(void **state)
{
	(void)state;
	for (int which = 1; which < ROLE_PROCESSES; which++)
		for (uint32_t number = 0; number < 3; number++)
			if (which != ROLE_ENGINE)
				say(ROLE_CAPTURE, (enum role)which, number, NOW);
	parent_check_links(&p, NOW + 2 * PARENT_BACKOFF_MAX_MS);
	assert_int_equal(links_of(ROLE_CAPTURE), 0);
	assert_int_equal(links_of(ROLE_FOLLOW), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_a_link_is_made_anew, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_one_that_ends_again_and_again_waits_longer, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_the_dead_get_theirs_in_their_next_life, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_what_is_said_late_of_the_dead, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_nobody_gets_a_link_by_asking, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
