/*
 * Which unknown addresses are good traps, and which are somebody.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "core/suggest.h"

#include <stdio.h>
#include <stdlib.h>

#define T0 UINT64_C(1793491200)
#define DAY 86400

static const uint8_t key[SIPHASH_KEY] = { 9 };
static struct suggest *s;
static struct suggest_found found;

static int setup(void **state)
{
	(void)state;
	found = (struct suggest_found){ 0 };
	s = suggest_new(key, "");
	return s ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	free(found.item);
	suggest_free(s);
	return 0;
}

static void try_at(uint64_t time, const char *client, const char *sender, const char *recipient, bool is_unknown)
{
	struct replay_event e = { .type = REPLAY_TRY,
		.time = time,
		.sender = slice_str(sender),
		.recipient = slice_str(recipient),
		.code = 550,
		.is_unknown = is_unknown };

	assert_int_equal(ipaddr_parse(slice_str(client), &e.client), ERR_OK);
	suggest_event(&e, s);
}

/* From so many networks, each another sender, over four days. */
static void try_from(unsigned networks, const char *recipient)
{
	for (unsigned i = 0; i < networks; i++) {
		char client[32], sender[32];

		(void)snprintf(client, sizeof client, "203.%u.%u.9", i / 250, i % 250);
		(void)snprintf(sender, sizeof sender, "a%u@s.example", i);
		try_at(T0 + i % 4 * DAY, client, sender, recipient, true);
	}
}

static void live(const char *address)
{
	assert_int_equal(suggest_add_live(s, slice_str(address)), ERR_OK);
}

static void find(size_t limit)
{
	assert_int_equal(suggest_find(s, limit, &found), ERR_OK);
}

static void many_networks(void **state)
{
	(void)state;
	try_from(5, "old.shop@pfx.test");
	try_from(40, "Winter.Sale@Pfx.Test");
	try_from(4, "seldom@pfx.test");
	for (int i = 0; i < 50; i++) /* one network, many senders */
		try_from(1, "onenet@pfx.test");
	find(10);
	assert_int_equal(found.count, 2);
	assert_string_equal(found.item[0].address, "winter.sale@pfx.test");
	assert_in_range(found.item[0].networks, 20, 80); /* an estimate */
	assert_string_equal(found.item[1].address, "old.shop@pfx.test");
	assert_int_equal(found.item[1].networks, 5);
	assert_int_equal(found.item[1].senders, 5);
	assert_int_equal(found.item[1].tries, 5);
	assert_int_equal(found.too_few, 2);
	assert_int_equal(found.candidates, 4);
}

static void the_limit(void **state)
{
	(void)state;
	try_from(5, "one@pfx.test");
	try_from(6, "two.two@pfx.test");
	find(1);
	assert_int_equal(found.count, 1);
	assert_string_equal(found.item[0].address, "two.two@pfx.test");
}

static void one_sender_is_one_list(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 20; i++) {
		char client[32];

		(void)snprintf(client, sizeof client, "203.0.%u.9", i);
		try_at(T0 + i * DAY, client, "news@esp.example", "old.shop@pfx.test", true);
	}
	find(10);
	assert_int_equal(found.count, 0);
}

static void near_misses(void **state)
{
	static const char *const near[] = { "anna.kerm@pfx.test", "ana.kern@pfx.test", "annakern@pfx.test",
		"anna-kern@pfx.test", "anna.kern+news@pfx.test", "kern.anna@pfx.test", "nana.kern@pfx.test",
		"anna.kern@other.test", "anna.kern@pfx.test", "annna.kerrn@pfx.test" };

	(void)state;
	live("anna.kern@pfx.test");
	live("someone@other.test");
	for (size_t i = 0; i < sizeof near / sizeof near[0]; i++)
		try_from(6, near[i]);
	try_from(6, "anne.kerrmann@pfx.test");
	find(100);
	assert_int_equal(found.count, 1);
	assert_string_equal(found.item[0].address, "anne.kerrmann@pfx.test");
	assert_int_equal(found.near, 9);
	assert_int_equal(found.live, 1);
}

static void somebody_who_was(void **state)
{
	struct maillog_line l = { .kind = MAILLOG_DELIVERY,
		.agent = AGENT_VIRTUAL,
		.recipient = slice_str("mailbox7@pfx.test"),
		.orig_to = slice_str("Former.Colleague@pfx.test"),
		.is_sent = true };

	(void)state;
	assert_int_equal(suggest_line(s, &l), ERR_OK);
	try_from(9, "former.colleague@pfx.test");
	try_from(9, "mailbox7@pfx.test");
	l.recipient = slice_str("bert=dead.test=@limetwig.invalid"); /* a trap that is there already */
	l.orig_to = slice_str("bert@dead.test");
	assert_int_equal(suggest_line(s, &l), ERR_OK);
	try_from(9, "bert@dead.test");
	find(10);
	assert_int_equal(found.live, 2);
	assert_int_equal(found.count, 1);
	assert_string_equal(found.item[0].address, "bert@dead.test");
}

static void our_own_senders_live(void **state)
{
	struct msg_log_mail m = { .outcome = LOG_SUBMITTED };
	struct replay_event e = {
		.type = REPLAY_MAIL, .time = T0, .sender = slice_str("writes.only@pfx.test"), .mail = &m
	};

	(void)state;
	suggest_event(&e, s);
	try_from(9, "writes.only@pfx.test");
	find(10);
	assert_int_equal(found.count, 0);
	assert_int_equal(found.live, 1);
}

static void not_ours_to_say(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 30; i++) {
		char client[32], sender[32];

		(void)snprintf(client, sizeof client, "203.0.%u.9", i);
		(void)snprintf(sender, sizeof sender, "a%u@s.example", i);
		try_at(T0 + i * DAY, client, sender, "relayed@elsewhere.test", false); /* relay access denied */
		try_at(T0 + i * DAY, client, "", "forged.sender@pfx.test", true);      /* bounces */
		try_at(T0 + i * DAY, client, sender, "hostmaster@pfx.test", true);
		try_at(T0 + i * DAY, "192.168.0.1", sender, "internal.name@pfx.test", true);
	}
	for (unsigned i = 0; i < 9; i++) {
		char client[32], sender[32];

		(void)snprintf(client, sizeof client, "203.0.%u.9", i);
		(void)snprintf(sender, sizeof sender, "a%u@s.example", i);
		try_at(T0 + i * DAY, client, sender, "mostly.bounces@pfx.test", true);
		for (int k = 0; k < 3; k++)
			try_at(T0 + i * DAY, client, "", "mostly.bounces@pfx.test", true);
	}
	find(10);
	assert_int_equal(found.count, 0);
	assert_int_equal(found.role, 1);
	assert_int_equal(found.bounces, 1);
}

/* In a short log one day is enough; in a long one a single wave is not. */
static void days(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 9; i++) {
		char client[32], sender[32];

		(void)snprintf(client, sizeof client, "203.0.%u.9", i);
		(void)snprintf(sender, sizeof sender, "a%u@s.example", i);
		try_at(T0 + i, client, sender, "one.wave@pfx.test", true);
	}
	find(10);
	assert_int_equal(found.count, 1);
	free(found.item);
	try_at(T0 + 9 * DAY, "203.0.1.1", "a@s.example", "other@pfx.test", true);
	find(10);
	assert_int_equal(found.count, 0);
}

static void edits(void **state)
{
	static const struct {
		const char *a, *b;
		unsigned want;
	} t[] = {
		{ "", "", 0 },
		{ "a", "", 1 },
		{ "abc", "abc", 0 },
		{ "abc", "acb", 1 },
		{ "abcd", "badc", 2 },
		{ "kitten", "sitting", 3 },
		{ "anna", "ana", 1 },
		{ "huber", "hubre", 1 },
		{ "abc", "xyz", 3 },
		{ "abcdefgh", "a", 3 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof t / sizeof t[0]; i++) {
		assert_int_equal(suggest_edits(slice_str(t[i].a), slice_str(t[i].b), 2), t[i].want);
		assert_int_equal(suggest_edits(slice_str(t[i].b), slice_str(t[i].a), 2), t[i].want);
	}
}

/* A dictionary attack: those of one network make room for those that count. */
static void more_candidates_than_fit(void **state)
{
	char address[40];

	(void)state;
	try_from(9, "old.shop@pfx.test");
	for (unsigned i = 0; i < SUGGEST_CANDIDATES + 5000; i++) {
		(void)snprintf(address, sizeof address, "n%u@pfx.test", i);
		try_at(T0 + (i > SUGGEST_CANDIDATES / 2 ? 9 * DAY : 0), "203.0.113.5", "x@s.example", address, true);
	}
	try_from(9, "late.comer@pfx.test");
	find(10);
	assert_true(found.candidates <= SUGGEST_CANDIDATES);
	assert_int_equal(found.lost, 0);
	assert_int_equal(found.count, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(many_networks, setup, teardown),
		cmocka_unit_test_setup_teardown(the_limit, setup, teardown),
		cmocka_unit_test_setup_teardown(one_sender_is_one_list, setup, teardown),
		cmocka_unit_test_setup_teardown(near_misses, setup, teardown),
		cmocka_unit_test_setup_teardown(somebody_who_was, setup, teardown),
		cmocka_unit_test_setup_teardown(our_own_senders_live, setup, teardown),
		cmocka_unit_test_setup_teardown(not_ours_to_say, setup, teardown),
		cmocka_unit_test_setup_teardown(days, setup, teardown),
		cmocka_unit_test_setup_teardown(edits, setup, teardown),
		cmocka_unit_test_setup_teardown(more_candidates_than_fit, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
