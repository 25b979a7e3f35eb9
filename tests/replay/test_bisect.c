/*
 * test_bisect: 10,000 addresses with 20 traps in it, and somebody who looks
 * for them as cleverly as we can think of (attack.h), for each value of riders
 * and in both modes that refuse.
 *
 * - What he asks without a whole message tells nothing: what he hears in a
 *   world where traps are on his list is word for word what he hears in one
 *   where none is, from fresh hosts, from hosts that were told, from blocked
 *   ones until the end that they were told, from hosts with a high score. Not
 *   here: that a block goes on behind that end, since a trap was named behind it.
 * - Each "yes" is a 550 at the dot, once in the life of a host and with riders =
 *   refuse only, or a new block: never more traps found than these, nor than
 *   whole messages. Without riders = refuse each costs a fresh host or the wait
 *   for the end of a block.
 *
 *	test_bisect [--table]     BISECT_ADDRESSES=N for a shorter list
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "attack.h"

#define SEED 20261122
#define SUSPECTS 60 /* addresses in the comparison of two worlds */
#define SENDERS 6
#define HOUR 3600u
#define DAY 86400u

static const char *const sender_of[SENDERS] = { "", "a@attack.example", "b@attack.example", "c@other.example",
	"double-bounce@attack.example", "mailbox@example.org" };
static const enum conf_riders riders_all[] = { RIDERS_REFUSE, RIDERS_MARK, RIDERS_WITHHOLD, RIDERS_DELIVER };
static const char *const riders_name[] = { "refuse", "junk", "withhold", "deliver" };

static unsigned addresses = ATTACK_ADDRESSES;
static bool is_table;

/* ---- what costs no message tells nothing */

static void ask_all(const struct attack_host *h)
{
	for (int a = 0; a < SUSPECTS; a++) {
		attack_vrfy(h, a);
		for (unsigned s = 0; s < SENDERS; s++)
			(void)attack_rcpt(h, sender_of[s], a);
		(void)attack_is_blocked(h);
	}
}

/* When does it end? */
static void watch_end(const struct attack_host *h)
{
	for (unsigned i = 0; i < 80 && attack_is_blocked(h); i++)
		attack_wait(HOUR);
}

static void from_fresh_hosts(void)
{
	struct attack_host h;

	for (int i = 0; i < 4; i++) {
		attack_host_new(&h);
		ask_all(&h);
		attack_wait(26 * HOUR);
		ask_all(&h);
	}
}

static void from_a_host_that_was_told(void)
{
	static const int beside[] = { ATTACK_BURNT_ONE, ATTACK_MAILBOX };
	struct attack_host h;

	attack_host_new(&h);
	(void)attack_message(&h, "a@attack.example", beside, 2);
	ask_all(&h);
	attack_wait(2 * HOUR);
	ask_all(&h);
}

static void from_a_blocked_host(void)
{
	static const int burnt[] = { ATTACK_BURNT_ONE };
	struct attack_host h;

	attack_host_new(&h);
	(void)attack_message(&h, "a@attack.example", burnt, 1);
	for (int hour = 0; hour < 5; hour++) {
		ask_all(&h);
		attack_wait(HOUR);
	}
}

/* Many sessions at once: all that he did is counted before the block stops him. */
static void from_a_host_with_a_high_score(void)
{
	static const int burnt[] = { ATTACK_BURNT_ONE, ATTACK_BURNT_TWO };
	struct attack_host h;

	attack_host_new(&h);
	for (unsigned i = 1; i < 6; i++)
		(void)attack_open(&h, i, sender_of[i], &burnt[i % 2], 1);
	for (unsigned i = 1; i < 6; i++)
		(void)attack_dot(i);
	for (int round = 0; round < 3; round++) {
		watch_end(&h);
		ask_all(&h);
	}
}

/* Whole messages that were under way when the block came; told before, so that the dot says nothing more. */
static void messages_under_way(void)
{
	static const int beside[] = { ATTACK_BURNT_ONE, ATTACK_MAILBOX }, burnt[] = { ATTACK_BURNT_ONE };
	struct attack_host h;
	int few[8];

	attack_host_new(&h);
	if (attack_message(&h, "a@attack.example", beside, 2) == ATTACK_TAKEN)
		watch_end(&h);
	for (unsigned i = 1; i < 6; i++) {
		for (int k = 0; k < 8; k++)
			few[k] = (int)i * 8 + k;
		(void)attack_open(&h, i, sender_of[i], few, 8);
	}
	(void)attack_message(&h, "b@attack.example", burnt, 1);
	(void)attack_is_blocked(&h);
	for (unsigned i = 1; i < 6; i++) {
		attack_wait(4 * HOUR);
		(void)attack_is_blocked(&h);
		(void)attack_dot(i);
		(void)attack_is_blocked(&h);
	}
}

/* The first line that differs. */
static void assert_same(const char *a, const char *b, const char *what)
{
	size_t i = 0, line = 0;

	for (; a[i] && a[i] == b[i]; i++)
		if (a[i] == '\n')
			line = i + 1;
	if (a[i] != b[i])
		fail_msg("%s: with traps \"%.*s\", without \"%.*s\"", what, (int)strcspn(a + line, "\n"), a + line,
			(int)strcspn(b + line, "\n"), b + line);
}

static void tells_nothing(void (*strategy)(void), const char *name)
{
	for (unsigned i = 0; i < 8; i++) {
		struct attack_world w = {
			.riders = riders_all[i / 2], .is_full = i % 2, .seed = SEED, .addresses = SUSPECTS
		};
		char what[120], *with;

		(void)snprintf(
			what, sizeof what, "%s, riders = %s, %s", name, riders_name[i / 2], i % 2 ? "full" : "soft");
		scn_world_setup();
		attack_begin(&w);
		strategy();
		with = strdup(attack_transcript());
		scn_world_teardown();
		w.is_clean = true;
		scn_world_setup();
		attack_begin(&w);
		strategy();
		scn_world_teardown();
		assert_non_null(with);
		assert_same(with, attack_transcript(), what);
		free(with);
	}
}

static void rcpt_from_fresh_hosts(void **state)
{
	(void)state;
	tells_nothing(from_fresh_hosts, "fresh hosts");
}

static void rcpt_from_a_host_that_was_told(void **state)
{
	(void)state;
	tells_nothing(from_a_host_that_was_told, "a host that was told");
}

static void rcpt_behind_a_block(void **state)
{
	(void)state;
	tells_nothing(from_a_blocked_host, "a blocked host");
}

static void rcpt_with_a_high_score(void **state)
{
	(void)state;
	tells_nothing(from_a_host_with_a_high_score, "a high score");
}

static void dots_behind_a_block(void **state)
{
	(void)state;
	tells_nothing(messages_under_way, "messages under way");
}

/* ---- what each trap costs */

static struct attack_host host; /* the one he uses now */

static void found(int address)
{
	assert_true(attack_is_trap(address)); /* he is never wrong */
	attack_cost()->found++;
}

/* One of these is a trap, says what follows; a host that is blocked is left for a fresh one. */
static bool has_trap(const int *address, unsigned n, bool is_beside)
{
	int list[ATTACK_RECIPIENTS];
	enum attack_heard heard;

	memcpy(list, address, n * sizeof *list);
	if (is_beside && n < ATTACK_RECIPIENTS)
		list[n++] = ATTACK_MAILBOX;
	heard = attack_message(&host, "a@attack.example", list, n);
	assert_int_not_equal(heard, ATTACK_BLOCKED);
	if (!attack_is_blocked(&host))
		return heard == ATTACK_DOT;
	attack_cost()->blocks += heard == ATTACK_TAKEN; /* two traps in one message are a 550 and a block at once */
	attack_host_new(&host);
	return true;
}

static void one_by_one(void)
{
	attack_host_new(&host);
	for (int a = 0; a < (int)addresses; a++)
		if (has_trap(&a, 1, false))
			found(a);
}

/* Beside a mailbox: riders = refuse tells first, the block of the next one afterwards. */
static void beside_a_mailbox(void)
{
	attack_host_new(&host);
	for (int a = 0; a < (int)addresses; a++)
		if (has_trap(&a, 1, true))
			found(a);
}

/* In these, one at least is a trap: the first half is asked, what follows about the second is for free. */
static void halve(const int *address, unsigned n)
{
	bool is_first;

	if (n == 1) {
		found(address[0]);
		return;
	}
	is_first = has_trap(address, n / 2, true);
	if (is_first)
		halve(address, n / 2);
	if (!is_first || has_trap(address + n / 2, n - n / 2, true))
		halve(address + n / 2, n - n / 2);
}

static void by_halves(void)
{
	int list[ATTACK_RECIPIENTS];

	attack_host_new(&host);
	for (unsigned at = 0; at < addresses; at += ATTACK_RECIPIENTS) {
		for (unsigned i = 0; i < ATTACK_RECIPIENTS; i++)
			list[i] = (int)(at + i);
		if (has_trap(list, ATTACK_RECIPIENTS, false))
			halve(list, ATTACK_RECIPIENTS);
	}
}

/* One host for all: he waits for the end of each block. */
static void with_patience(void)
{
	attack_host_new(&host);
	for (int a = 0; a < (int)addresses; a++) {
		enum attack_heard heard = attack_message(&host, "a@attack.example", &a, 1);

		if (heard == ATTACK_TAKEN && !attack_is_blocked(&host))
			continue;
		found(a);
		attack_cost()->blocks++;
		for (; attack_is_blocked(&host); attack_cost()->days++)
			attack_wait(DAY);
	}
}

static const struct strategy {
	const char *name;
	void (*run)(void);
} strategies[] = { { "one by one", one_by_one }, { "one by one beside a mailbox", beside_a_mailbox },
	{ "hundreds, then halves", by_halves }, { "one host, waits for each end", with_patience } };
#define STRATEGIES (sizeof strategies / sizeof strategies[0])

static struct attack_cost costs[STRATEGIES][8];

static void check_cost(const struct attack_cost *c, enum conf_riders riders)
{
	assert_int_equal(c->found, ATTACK_TRAPS);
	assert_true(c->messages >= c->found);
	assert_true(c->yes <= (riders == RIDERS_REFUSE ? c->hosts : 0));
	assert_true(c->yes + c->blocks >= c->found);
	if (riders != RIDERS_REFUSE) {
		assert_true(c->blocks >= c->found);
		assert_true(c->hosts >= c->blocks || c->days >= c->blocks);
	}
}

static void each_trap_costs(const struct strategy *s)
{
	for (unsigned i = 0; i < 8; i++) {
		struct attack_world w = {
			.riders = riders_all[i / 2], .is_full = i % 2, .seed = SEED + i, .addresses = addresses
		};

		if (!is_table && i > 1 &&
			i % 2 != (i / 2 == 2)) /* the mode changes little: all eight only for the table */
			continue;
		scn_world_setup();
		attack_begin(&w);
		s->run();
		scn_world_teardown();
		costs[s - strategies][i] = *attack_cost();
		check_cost(attack_cost(), w.riders);
	}
}

static void costs_one_by_one(void **state)
{
	(void)state;
	each_trap_costs(&strategies[0]);
}

static void costs_beside_a_mailbox(void **state)
{
	(void)state;
	each_trap_costs(&strategies[1]);
}

static void costs_by_halves(void **state)
{
	(void)state;
	each_trap_costs(&strategies[2]);
}

static void costs_with_patience(void **state)
{
	(void)state;
	each_trap_costs(&strategies[3]);
}

static void print_table(void)
{
	printf("| strategy | riders | mode | fresh hosts | 550 | blocks | whole messages | RCPT | days |\n"
	       "|---|---|---|--:|--:|--:|--:|--:|--:|\n");
	for (unsigned s = 0; s < STRATEGIES; s++)
		for (unsigned i = 0; i < 8; i++) {
			const struct attack_cost *c = &costs[s][i];

			printf("| %s | %s | %s | %u | %u | %u | %u | %lu | %u |\n", strategies[s].name,
				riders_name[i / 2], i % 2 ? "full" : "soft", c->hosts, c->yes, c->blocks, c->messages,
				c->rcpts, c->days);
		}
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rcpt_from_fresh_hosts),
		cmocka_unit_test(rcpt_from_a_host_that_was_told),
		cmocka_unit_test(rcpt_behind_a_block),
		cmocka_unit_test(rcpt_with_a_high_score),
		cmocka_unit_test(dots_behind_a_block),
		cmocka_unit_test(costs_one_by_one),
		cmocka_unit_test(costs_beside_a_mailbox),
		cmocka_unit_test(costs_by_halves),
		cmocka_unit_test(costs_with_patience),
	};
	int failed;

	if (getenv("BISECT_ADDRESSES"))
		addresses =
			(unsigned)strtoul(getenv("BISECT_ADDRESSES"), NULL, 10) / ATTACK_RECIPIENTS * ATTACK_RECIPIENTS;
	if (addresses == 0 || addresses > ATTACK_ADDRESSES)
		return 2;
	if (getenv("RIG_TEST"))
		cmocka_set_test_filter(getenv("RIG_TEST"));
	is_table = argc > 1 && strcmp(argv[1], "--table") == 0;
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	if (is_table)
		print_table();
	return failed;
}
