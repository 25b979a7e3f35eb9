/*
 * test_dns_primary: the conversation with a server that dies, lies, is slow, or came
 * back with an older zone.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "dns_list_rig.h"

static void test_outage(void **state)
{
	struct dns_primary_time t;

	(void)state;
	block("198.51.100.66", 10000, "K7M2-P4QX");
	want(NULL, NULL);
	run();
	/* an idle connection may end; the next change makes another, without a transfer */
	t = now();
	dns_primary_lost(&primary, &t, "closed");
	assert_int_equal(primary.state, DNS_PRIMARY_OK);
	block("198.51.100.67", 10000, "K7M2-P4QX");
	want(NULL, NULL);
	run();
	assert_int_equal(rig.asked[1], 1);
	assert_int_equal(rig.records, TESTS + 4);
	/* it dies with a change under way, which it has or has not */
	block_count = 1;
	want(NULL, NULL);
	t = now();
	assert_int_equal(dns_primary_next(&primary, &t), DNS_PRIMARY_SEND);
	dns_primary_lost(&primary, &t, "closed");
	assert_int_equal(primary.state, DNS_PRIMARY_SILENT);
	assert_int_equal(dns_primary_next(&primary, &t), DNS_PRIMARY_WAIT);
	mono_ms += DNS_PRIMARY_BACK_MS;
	t = now();
	assert_int_equal(dns_primary_next(&primary, &t), DNS_PRIMARY_CONNECT);
	dns_primary_lost(&primary, &t, "Connection refused");
	assert_int_equal(primary.state, DNS_PRIMARY_UNREACHABLE);
	assert_non_null(strstr(primary.text, "Connection refused"));
	mono_ms += DNS_PRIMARY_BACK_MS;
	run();
	assert_int_equal(primary.link, PRIMARY_DOWN); /* twice as long */
	mono_ms += DNS_PRIMARY_BACK_MS;
	run();
	assert_int_equal(primary.state, DNS_PRIMARY_OK);
	assert_string_equal(primary.text, "");
	assert_int_equal(rig.asked[1], 2);
	assert_int_equal(rig.records, TESTS + 2);
}

/* A server that came back with an older zone: found at the next look, though no connection failed. */
static void test_older_zone(void **state)
{
	struct dns_primary_time t;

	(void)state;
	run();
	block("198.51.100.66", 10000, "K7M2-P4QX");
	want(NULL, NULL);
	run();
	t = now();
	dns_primary_lost(&primary, &t, "closed");
	/* a look that finds nothing new says that all is well */
	rig_now += 60;
	mono_ms += DNS_PRIMARY_PROBE_MS;
	run();
	assert_int_equal(primary.good, rig_now);
	rig.records = 0;
	rig.serial -= 1;
	mono_ms += DNS_PRIMARY_PROBE_MS;
	run();
	assert_int_equal(rig.asked[1], 2);
	assert_int_equal(rig.records, TESTS + 2);
}

/* Its serial runs over the end: no older zone. Six hours later it is looked at all the same. */
static void test_serial_and_time(void **state)
{
	struct dns_primary_time t;

	(void)state;
	rig.serial = UINT32_MAX - 1;
	run();
	for (unsigned i = 0; i < 4; i++) {
		block_count = 0;
		if (i % 2 == 0)
			block("198.51.100.66", 10000, "K7M2-P4QX");
		want(NULL, NULL);
		run();
	}
	assert_in_range(rig.serial, 1, 10);
	assert_int_equal(rig.asked[1], 1);
	rig_now += DNS_PRIMARY_SYNC_S - 1;
	mono_ms += (DNS_PRIMARY_SYNC_S - 1) * 1000u;
	run();
	assert_int_equal(rig.asked[1], 1);
	rig_now += 1;
	mono_ms += DNS_PRIMARY_PROBE_MS;
	t = now();
	dns_primary_lost(&primary, &t, "closed");
	run();
	assert_int_equal(rig.asked[1], 2);
}

/* One message at a time, no transfer for ever, and a try each minute at least. */
static void test_waits(void **state)
{
	struct dns_primary_time t = now();

	(void)state;
	assert_int_equal(dns_primary_next(&primary, &t), DNS_PRIMARY_CONNECT);
	dns_primary_up(&primary, &t);
	assert_int_equal(dns_primary_next(&primary, &t), DNS_PRIMARY_SEND);
	assert_int_equal(primary.step, PRIMARY_TRANSFER);
	primary.deadline_ms = UINT64_MAX; /* a byte comes now and then */
	mono_ms += DNS_PRIMARY_TRANSFER_MS - 1;
	t = now();
	assert_int_equal(dns_primary_next(&primary, &t), DNS_PRIMARY_WAIT);
	mono_ms += 1;
	t = now();
	assert_int_equal(dns_primary_next(&primary, &t), DNS_PRIMARY_CLOSE);
	for (unsigned i = 0; i < 12; i++) {
		mono_ms += DNS_PRIMARY_BACK_MAX_MS;
		t = now();
		assert_int_equal(dns_primary_next(&primary, &t), DNS_PRIMARY_CONNECT);
		dns_primary_lost(&primary, &t, "Connection refused");
	}
	mono_ms += DNS_PRIMARY_BACK_MAX_MS;
	run();
	assert_int_equal(primary.state, DNS_PRIMARY_OK);
	block("198.51.100.66", 10000, "K7M2-P4QX");
	want(NULL, NULL);
	t = now();
	assert_int_equal(dns_primary_next(&primary, &t), DNS_PRIMARY_SEND);
	assert_int_equal(primary.step, PRIMARY_UPDATE);
	assert_int_equal(dns_primary_next(&primary, &t), DNS_PRIMARY_WAIT);
	rig_serve(&rig);
	run();
	assert_int_equal(rig.records, TESTS + 2);
}

static void test_silence(void **state)
{
	struct dns_primary_time t = now();

	(void)state;
	assert_int_equal(dns_primary_next(&primary, &t), DNS_PRIMARY_CONNECT);
	mono_ms += DNS_PRIMARY_WAIT_MS;
	t = now();
	assert_int_equal(dns_primary_next(&primary, &t), DNS_PRIMARY_CLOSE);
	assert_int_equal(primary.state, DNS_PRIMARY_UNREACHABLE);
	mono_ms += DNS_PRIMARY_BACK_MS;
	t = now();
	assert_int_equal(dns_primary_next(&primary, &t), DNS_PRIMARY_CONNECT);
	dns_primary_up(&primary, &t);
	assert_int_equal(dns_primary_next(&primary, &t), DNS_PRIMARY_SEND);
	assert_int_equal(dns_primary_next(&primary, &t), DNS_PRIMARY_WAIT);
	mono_ms += DNS_PRIMARY_WAIT_MS;
	t = now();
	assert_int_equal(dns_primary_next(&primary, &t), DNS_PRIMARY_CLOSE);
	assert_int_equal(primary.state, DNS_PRIMARY_SILENT);
}

static void test_wrong_answers(void **state)
{
	static const struct {
		enum rig_wrong wrong;
		unsigned rcode;
		enum dns_primary_state state;
		const char *says;
	} wrong[] = {
		{ RIG_ID, 0, DNS_PRIMARY_BAD, "no answer to it" },
		{ RIG_QUERY, 0, DNS_PRIMARY_BAD, "no answer to it" },
		{ RIG_UNSIGNED, 0, DNS_PRIMARY_BAD, "not signed" },
		{ RIG_MAC, 0, DNS_PRIMARY_BAD, "not signed with our key" },
		{ RIG_OLD, 0, DNS_PRIMARY_BADTIME, "3600 s behind" },
		{ RIG_OLD_WIDE, 0, DNS_PRIMARY_BADTIME, "3600 s behind" },
		{ RIG_CLASS, 0, DNS_PRIMARY_BAD, "malformed" },
		{ RIG_SHORT, 0, DNS_PRIMARY_BAD, "not signed with our key" },
		{ RIG_RCODE, 2, DNS_PRIMARY_SERVFAIL, "SERVFAIL" },
		{ RIG_RCODE_PLAIN, 5, DNS_PRIMARY_REFUSED, "REFUSED" },
		{ RIG_RCODE, 5, DNS_PRIMARY_REFUSED, "REFUSED" },
		{ RIG_RCODE, 9, DNS_PRIMARY_NOTAUTH, "NOTAUTH" },
		{ RIG_RCODE, 1, DNS_PRIMARY_BAD, "FORMERR" },
		{ RIG_RCODE, 15, DNS_PRIMARY_BAD, "error 15" },
		{ RIG_BADKEY, 0, DNS_PRIMARY_BADKEY, "not known" },
		{ RIG_BADTIME, 0, DNS_PRIMARY_BADTIME, "1000 s ahead of ours" },
		{ RIG_NO_SOA, 0, DNS_PRIMARY_BAD, "malformed" },
		{ RIG_OTHER_SOA, 0, DNS_PRIMARY_BAD, "malformed" },
		{ RIG_OTHER_ZONE, 0, DNS_PRIMARY_BAD, "malformed" },
		{ RIG_EMPTY, 0, DNS_PRIMARY_BAD, "does not end" },
		{ RIG_OPEN, 0, DNS_PRIMARY_BAD, "not signed" },
		{ RIG_MORE, 0, DNS_PRIMARY_BAD, "malformed" },
	};

	for (unsigned i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		end(state);
		begin(state);
		for (unsigned n = 0; n < 250; n++)
			rig_add(&rig, "www." RIG_ZONE, 28, 60, "0123456789abcdef", 16);
		rig.wrong = wrong[i].wrong;
		rig.rcode = wrong[i].rcode;
		run();
		if (primary.state != wrong[i].state || !strstr(primary.text, wrong[i].says))
			fail_msg("%u: %s: %s", wrong[i].wrong, dns_primary_name(primary.state), primary.text);
		assert_int_equal(rig.asked[2], 0);
		assert_int_equal(primary.link, PRIMARY_DOWN);
		/* and when it has come to its senses */
		rig.wrong = RIG_RIGHT;
		mono_ms += DNS_PRIMARY_BACK_MS;
		run();
		assert_int_equal(primary.state, DNS_PRIMARY_OK);
		assert_int_equal(rig.records, 250 + TESTS);
	}
}

/* The same for the answer to an update: it is sent again, and what came of the first does not matter. */
static void test_wrong_answers_to_updates(void **state)
{
	static const struct {
		enum rig_wrong wrong;
		unsigned rcode, transfers;
	} wrong[] = { { RIG_UNSIGNED, 0, 2 }, { RIG_MAC, 0, 2 }, { RIG_RCODE, 2, 1 }, { RIG_RCODE, 5, 1 },
		{ RIG_RCODE_PLAIN, 5, 2 }, { RIG_BADTIME, 0, 2 } };

	for (unsigned i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		end(state);
		begin(state);
		run();
		block("198.51.100.66", 10000, "K7M2-P4QX");
		want(NULL, NULL);
		rig.wrong = wrong[i].wrong;
		rig.rcode = wrong[i].rcode;
		run();
		assert_true(dns_primary_is_wrong(primary.state));
		rig.wrong = RIG_RIGHT;
		mono_ms += DNS_PRIMARY_BACK_MS;
		run();
		assert_int_equal(primary.state, DNS_PRIMARY_OK);
		assert_int_equal(rig.records, TESTS + 2);
		assert_int_equal(rig.asked[1], wrong[i].transfers);
	}
}

static void test_not_the_primary(void **state)
{
	(void)state;
	run();
	rig.wrong = RIG_NOT_AA;
	mono_ms += DNS_PRIMARY_PROBE_MS;
	run();
	assert_int_equal(primary.state, DNS_PRIMARY_NOTAUTH);
	rig.wrong = RIG_RIGHT;
	mono_ms += DNS_PRIMARY_BACK_MAX_MS;
	run();
	assert_int_equal(primary.state, DNS_PRIMARY_OK);
	/* and one that talks without being asked */
	rig_deliver(&rig, slice_of("0123456789ab", 12));
	assert_int_equal(primary.state, DNS_PRIMARY_BAD);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_outage),
		TEST(test_older_zone),
		TEST(test_serial_and_time),
		TEST(test_waits),
		TEST(test_silence),
		TEST(test_wrong_answers),
		TEST(test_wrong_answers_to_updates),
		TEST(test_not_the_primary),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
