/*
 * test_message_hostile: each role, its peers out of their minds. Any type, from
 * any role, well-formed, mutated or random, with descriptors of any kind: what
 * the schema or the decoder refuses ends that link; the role lives, answers
 * PING and keeps its other link.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "message_any.h"
#include "role_process.h"

#define ROUNDS 5000
#define ROUNDS_OF_PROGRAMS 500 /* aliasmap and run start programs for what is well-formed */
#define LINK_MS PATIENCE_MS

static bool has_netns;
static uint8_t datagram[MESSAGE_MAX + 1];
static int other = -1; /* the link that must last */
static enum role other_peer;
static unsigned refused, taken;

static enum role other_than(enum role sender)
{
	enum role r = ROLE_FOLLOW;

	while (r == rig.role || r == sender)
		r = (enum role)(r == ROLE_TARPIT ? ROLE_ENGINE : r + 1);
	return r;
}

static void keep_other(enum role sender)
{
	if (other >= 0 && other_peer != sender)
		return;
	if (other >= 0)
		(void)close(other);
	other_peer = other_than(sender);
	other = new_link(other_peer);
}

/* Most often one that its sender may send. */
static enum message_type some_type(enum role sender)
{
	enum message_type t, checked;
	char byte;

	for (unsigned i = 0; i < 1000; i++) {
		t = (enum message_type)chance(TYPES);
		byte = (char)t;
		if (chance(50) == 0 ||
			(strcmp(message_name(t), "?") != 0 && t != MSG_HELLO &&
				message_check(sender, rig.role, slice_of(&byte, 1), 0, &checked) != ERR_DENIED))
			return t;
	}
	return t; /* it may send nothing to this role */
}

static void one_round(void)
{
	struct wr w = wr_init(datagram, sizeof datagram);
	enum role sender = chance(2) ? ROLE_ENGINE : (enum role)(1 + chance(ROLE_COUNT - 1));
	enum message_type t, checked = 0;
	struct rd body;
	size_t fds = 0;
	int link, fd[2];
	bool is_good;

	if (sender == rig.role)
		sender = rig.role == ROLE_ENGINE ? (enum role)(2 + chance(ROLE_COUNT - 2)) : ROLE_ENGINE;
	t = some_type(sender);
	wr_u8(&w, (uint8_t)t);
	put_body(&w, t);
	if (chance(2))
		mutate(&w);
	if (w.n == 0)
		return;
	if (message_check(sender, rig.role, wr_slice(&w), 0, &checked) == ERR_SYNTAX || chance(20) == 0)
		fds = 1 + (chance(10) == 0);
	body = rd_init(w.p + 1, w.n - 1);
	is_good = message_check(sender, rig.role, wr_slice(&w), fds, &checked) == ERR_OK && checked != MSG_HELLO &&
		  message_check_body(checked, body) == ERR_OK;
	keep_other(sender);
	link = new_link(sender);
	for (size_t i = 0; i < fds; i++)
		fd[i] = strange_fd();
	send_raw(link, w.p, w.n, fd, fds);
	for (size_t i = 0; i < fds; i++)
		(void)close(fd[i]);
	if (!is_good && !is_ended(link, LINK_MS))
		fail_msg("%s keeps the link after %s of %s, %zu bytes", role_name(rig.role), message_name(t),
			role_name(sender), w.n);
	say(MSG_PING, 0, -1);
	await(MSG_PONG);
	if (is_good && is_ended(link, 0))
		fail_msg("%s ends the link after a good %s of %s", role_name(rig.role), message_name(t),
			role_name(sender));
	if (is_ended(other, 0))
		fail_msg("%s ends its link to %s after %s of %s", role_name(rig.role), role_name(other_peer),
			message_name(t), role_name(sender));
	refused += !is_good;
	taken += is_good;
	(void)close(link);
}

static void check_role(enum role role)
{
	const char *seed = getenv("LIMETWIG_SEED");
	unsigned rounds = role == ROLE_ALIASMAP || role == ROLE_RUN ? ROUNDS_OF_PROGRAMS : ROUNDS;
	double start = netns_now();

	if (!has_netns && geteuid() == 0)
		skip(); /* the firewall would be the machine's own */
	random_state = seed ? strtoull(seed, NULL, 10) : (uint64_t)time(NULL) * 1000 + (uint64_t)role;
	(void)fprintf(stderr, "# %s: LIMETWIG_SEED=%llu\n", role_name(role), (unsigned long long)random_state);
	begin(role);
	refused = taken = 0;
	for (unsigned i = 0; i < rounds; i++)
		one_round();
	(void)close(other);
	other = -1;
	end();
	assert_in_range(taken, rounds / 50, rounds - rounds / 10); /* both kinds came */
	(void)fprintf(stderr, "# %s: %u refused and the link ended, %u taken, %.1f s\n", role_name(role), refused,
		taken, netns_now() - start);
}

#define TEST(name, role)                                                                                               \
	static void name(void **state)                                                                                 \
	{                                                                                                              \
		(void)state;                                                                                           \
		check_role(role);                                                                                      \
	}
TEST(test_engine, ROLE_ENGINE)
TEST(test_firewall, ROLE_FIREWALL)
TEST(test_capture, ROLE_CAPTURE)
TEST(test_follow, ROLE_FOLLOW)
TEST(test_run, ROLE_RUN)
TEST(test_aliasmap, ROLE_ALIASMAP)
TEST(test_fetch, ROLE_FETCH)
TEST(test_tarpit, ROLE_TARPIT)
TEST(test_feed, ROLE_FEED)
TEST(test_dnsbl, ROLE_DNSBL)
TEST(test_publish, ROLE_PUBLISH)
#undef TEST

#define TEST(name) cmocka_unit_test_teardown(name, kill_it)

int main(void)
{
	const struct CMUnitTest tests[] = { TEST(test_engine), TEST(test_firewall), TEST(test_capture),
		TEST(test_follow), TEST(test_run), TEST(test_aliasmap), TEST(test_fetch), TEST(test_tarpit),
		TEST(test_feed), TEST(test_dnsbl), TEST(test_publish) };

	has_netns = netns_enter();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
