/*
 * dns_primary, dns_mirror, dns_update, dns_transfer together: our list and the
 * zone of a server in memory, that answers rightly or not.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "dns_server_rig.h"

static const char drop[CONF_TITLE] = "drop";

#define TESTS 4 /* records of the test entries: A and TXT of two */

static struct dns_tsig_key key = { .name = "limetwig.example", .algorithm = DNS_TSIG_SHA256, .n = 32 };
static const uint8_t hash_key[SIPHASH_KEY] = { 1, 2, 3 };
static struct conf conf;
static struct dns_mirror mirror;
static struct dns_primary primary;
static struct rig rig;
static struct block_entry blocks[1000];
static size_t block_count;
static uint64_t mono_ms;

static struct dns_primary_time now(void)
{
	return (struct dns_primary_time){ rig_now, mono_ms, (uint16_t)(mono_ms * 7 + rig.asked[0] + 3 * rig.asked[2]) };
}

void rig_deliver(struct rig *r, struct slice message)
{
	struct dns_primary_time t = now();

	dns_primary_message(r->p, &t, message);
}

static struct prefix prefix(const char *text)
{
	struct prefix p;

	assert_int_equal(prefix_parse(slice_str(text), &p), ERR_OK);
	return p;
}

static void block(const char *subject, uint64_t left_s, const char *case_id)
{
	struct block_entry *e = &blocks[block_count++];

	*e = (struct block_entry){ .subject = prefix(subject), .until = (uint32_t)(rig_now + left_s), .offence = 1 };
	slice_copy(slice_str(case_id), e->case_id, sizeof e->case_id);
}

static const struct feed_area *area_of(const char *text, void **ret_memory)
{
	static struct feed_area a;
	struct prefix_set set = { .part = NULL };
	struct prefix p = prefix(text);
	size_t bytes;

	assert_int_equal(prefix_set_add(&set, &p, false), ERR_OK);
	assert_int_equal(prefix_set_seal(&set), ERR_OK);
	bytes = feed_area_bytes(&set);
	*ret_memory = aligned_alloc(FEED_AREA_ALIGN, (bytes + 15) / 16 * 16);
	assert_non_null(*ret_memory);
	memset(*ret_memory, 0, bytes);
	feed_area_write(&set, *ret_memory);
	assert_int_equal(feed_area_open(&a, *ret_memory, bytes), ERR_OK);
	prefix_set_done(&set);
	return &a;
}

/* Our list has changed. Each a prefix or NULL. */
static void want_all(const char *feed, const char *other, const char *holes)
{
	struct export_source s = { .now = rig_now };
	void *memory[3] = { NULL, NULL, NULL };

	assert_int_equal(export_source_blocks(&s, blocks, block_count), ERR_OK);
	if (feed)
		assert_int_equal(export_source_feed(&s, area_of(feed, &memory[0]), drop, 9), ERR_OK);
	if (other)
		assert_int_equal(export_source_feed(&s, area_of(other, &memory[1]), "other", 8), ERR_OK);
	if (holes)
		assert_int_equal(export_source_holes(&s, area_of(holes, &memory[2])), ERR_OK);
	assert_int_equal(export_source_seal(&s), ERR_OK);
	dns_mirror_want(&mirror, &s, &conf);
	primary.is_dirty = true;
	export_source_done(&s);
	for (unsigned i = 0; i < 3; i++)
		free(memory[i]);
}

static void want(const char *feed, const char *holes)
{
	want_all(feed, NULL, holes);
}

static void want_feeds(const char *feed, const char *other)
{
	want_all(feed, other, NULL);
}

/* Until it waits, or that many updates are there; the connection always comes up. */
static void run_updates(unsigned updates)
{
	for (unsigned n = 0; n < 10000 && rig.asked[2] < updates; n++) {
		struct dns_primary_time t = now();

		switch (dns_primary_next(&primary, &t)) {
		case DNS_PRIMARY_WAIT:
			return;
		case DNS_PRIMARY_CONNECT:
			dns_primary_up(&primary, &t);
			break;
		case DNS_PRIMARY_SEND:
			rig_serve(&rig);
			break;
		case DNS_PRIMARY_AGAIN:
		case DNS_PRIMARY_CLOSE:
			break;
		}
	}
	if (rig.asked[2] < updates)
		fail_msg("it never waits");
}

static void run(void)
{
	run_updates(UINT32_MAX);
}

static int begin(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 32; i++)
		key.secret[i] = (uint8_t)i;
	conf = (struct conf){ .dnsbl = { .code_hit = 2, .code_person = 4, .code_wide = 5 },
		.dns_update = { .ttl_s = 300 } };
	slice_copy(slice_str("https://example.org/?%s"), conf.dnsbl.url, sizeof conf.dnsbl.url);
	memset(&rig, 0, sizeof rig);
	rig.p = &primary;
	rig.serial = 100;
	block_count = 0;
	mono_ms = 1000;
	rig_now = 1795332000;
	dns_mirror_init(&mirror, hash_key);
	dns_primary_init(&primary, &mirror, &key, RIG_ZONE);
	dns_mirror_want(&mirror, NULL, &conf);
	return 0;
}

static int end(void **state)
{
	(void)state;
	dns_mirror_done(&mirror);
	return 0;
}

static const struct rig_record *find(const char *owner, unsigned type)
{
	for (size_t i = 0; i < rig.records; i++)
		if (strcmp(rig.zone[i].owner, owner) == 0 && rig.zone[i].type == type)
			return &rig.zone[i];
	return NULL;
}

static void assert_listed(const char *owner, unsigned code)
{
	const struct rig_record *a = find(owner, DNS_A);

	if (!a)
		fail_msg("%s is not in the zone", owner);
	assert_int_equal(a->n, 4);
	assert_int_equal(a->data[0], 127);
	assert_int_equal(a->data[3], code);
	assert_non_null(find(owner, DNS_TXT));
}

static void test_list_comes_and_goes(void **state)
{
	(void)state;
	run();
	assert_int_equal(primary.state, DNS_PRIMARY_OK);
	assert_int_equal(rig.records, TESTS);
	assert_listed("2.0.0.127." RIG_ZONE, 2);
	block("198.51.100.66", 10000, "K7M2-P4QX");
	block("2001:db8:66::/64", 100, "K7M2-P4QY");
	want(NULL, NULL);
	run();
	assert_int_equal(rig.records, TESTS + 4);
	assert_listed("66.100.51.198." RIG_ZONE, 2);
	assert_listed("*.0.0.0.0.6.6.0.0.8.b.d.0.1.0.0.2." RIG_ZONE, 2);
	assert_int_equal(find("66.100.51.198." RIG_ZONE, DNS_A)->ttl_s, 300);
	assert_int_equal(find("*.0.0.0.0.6.6.0.0.8.b.d.0.1.0.0.2." RIG_ZONE, DNS_A)->ttl_s, 100);
	/* nothing has changed: nothing is sent */
	rig.adds = 0;
	want(NULL, NULL);
	run();
	assert_int_equal(rig.adds, 0);
	/* the second is over */
	rig_now += 100;
	want(NULL, NULL);
	run();
	assert_int_equal(rig.records, TESTS + 2);
	assert_int_equal(rig.adds, 0);
	/* off: the tests alone */
	dns_mirror_want(&mirror, NULL, &conf);
	primary.is_dirty = true;
	run();
	assert_int_equal(rig.records, TESTS);
	assert_int_equal(rig.asked[1], 1);
}

static void test_reason_changes(void **state)
{
	(void)state;
	block("198.51.100.66", 10000, "K7M2-P4QX");
	want(NULL, NULL);
	run();
	blocks[0].flags = BLOCK_BY_PERSON;
	want(NULL, NULL);
	run();
	assert_listed("66.100.51.198." RIG_ZONE, 4);
	assert_int_equal(rig.records, TESTS + 2);
}

static void test_networks_and_holes(void **state)
{
	(void)state;
	block("192.0.2.7", 10000, "K7M2-P4QX");
	want("192.0.2.0/24", "192.0.2.128/25");
	run();
	assert_int_equal(rig.records, TESTS + 2 * 128);
	assert_listed("7.2.0.192." RIG_ZONE, 2);
	assert_listed("8.2.0.192." RIG_ZONE, 9);
	assert_null(find("*.2.0.192." RIG_ZONE, DNS_A));
	assert_null(find("200.2.0.192." RIG_ZONE, DNS_A));
	block_count = 0;
	want("192.0.2.0/24", NULL);
	run();
	assert_int_equal(rig.records, TESTS + 2);
	assert_listed("*.2.0.192." RIG_ZONE, 9);
	/* both families share the zone: no wildcard there */
	want("2.6.0.0/24", NULL);
	run();
	assert_int_equal(rig.records, TESTS + 2 * 256);
}

static void test_many_in_batches(void **state)
{
	char text[PREFIX_TEXT];

	(void)state;
	for (unsigned i = 0; i < 1000; i++) {
		(void)snprintf(text, sizeof text, "198.51.%u.%u", i / 250, i % 250);
		block(text, 10000, "K7M2-P4QX");
	}
	want(NULL, NULL);
	run();
	assert_int_equal(rig.records, TESTS + 2000);
	assert_true(rig.asked[2] >= 3);
	block_count = 500;
	want(NULL, NULL);
	run();
	assert_int_equal(rig.records, TESTS + 1000);
	/* a restart: what is there is read, and nothing is sent */
	rig.adds = rig.deletes = 0;
	dns_primary_init(&primary, &mirror, &key, RIG_ZONE);
	dns_mirror_done(&mirror);
	dns_mirror_init(&mirror, hash_key);
	want(NULL, NULL);
	run();
	assert_int_equal(rig.adds + rig.deletes, 0);
	assert_int_equal(rig.asked[1], 2);
	assert_int_equal(primary.state, DNS_PRIMARY_OK);
}

static void block_many(const char *network)
{
	char text[PREFIX_TEXT];

	for (unsigned i = 0; i < 20; i++) {
		(void)snprintf(text, sizeof text, "%s%u", network, i);
		block(text, 10000, "K7M2-P4QX");
	}
}

static unsigned count_listed(const char *network)
{
	char owner[DNS_NAME];
	unsigned count = 0;

	for (unsigned i = 0; i < 20; i++) {
		(void)snprintf(owner, sizeof owner, "%u.%s.%s", i, network, RIG_ZONE);
		count += find(owner, DNS_A) != NULL;
	}
	return count;
}

/* A block comes and goes while the names of a feed are on their way: it does not wait for them. */
static void test_blocks_go_first(void **state)
{
	const char *feed = "2.6.0.0/22"; /* 1,024 names */

	(void)state;
	block_many("198.51.100.");
	want(feed, NULL);
	run_updates(1);
	assert_int_equal(count_listed("100.51.198"), 20);
	run_updates(2);
	block_many("203.0.113.");
	want(feed, NULL);
	run_updates(3);
	assert_int_equal(count_listed("113.0.203"), 20);
	block_count = 20;
	want(feed, NULL);
	run_updates(4);
	assert_int_equal(count_listed("113.0.203"), 0);
	assert_in_range(rig.records, TESTS + 40 + 2 * 100, TESTS + 40 + 2 * 1000);
	run();
	assert_int_equal(rig.records, TESTS + 40 + 2 * 1024);
}

/* What a server has refused is sent again, wherever the walk stood. */
static void test_refused_names_come_again(void **state)
{
	uint8_t bytes[DNS_PRIMARY_OUT];
	enum dns_mirror_fate fate = DNS_MIRROR_REFUSED;
	enum dns_mirror_step step;
	unsigned taken = 0;

	(void)state;
	want("2.6.0.0/22", NULL);
	run();
	block("192.0.2.7", 10000, "K7M2-P4QX");
	want("2.6.0.0/22", NULL);
	do {
		struct dns_update u;

		dns_update_begin(&u, bytes, sizeof bytes, 1, RIG_ZONE);
		step = dns_mirror_fill(&mirror, &u, rig_now, 128);
		if (step != DNS_MIRROR_SEND)
			continue;
		taken += fate == DNS_MIRROR_TAKEN ? mirror.flights : 0;
		dns_mirror_settle(&mirror, fate);
		fate = DNS_MIRROR_TAKEN;
	} while (step != DNS_MIRROR_EVEN);
	assert_int_equal(taken, 1);
}

/* More blocks than a message has room for: all of them before the first name of a feed. */
static void test_all_blocks_go_first(void **state)
{
	char text[PREFIX_TEXT];

	(void)state;
	for (unsigned i = 0; i < 900; i++) {
		(void)snprintf(text, sizeof text, "198.51.%u.%u", i / 250, i % 250);
		block(text, 10000, "K7M2-P4QX");
	}
	want("2.6.0.0/22", NULL);
	for (unsigned n = 1; rig.records < TESTS + 2 * 900 && n < 10; n++)
		run_updates(n);
	assert_true(rig.asked[2] > 1);
	assert_int_equal(rig.records, TESTS + 2 * 900);
	assert_null(find("1.0.6.2." RIG_ZONE, DNS_A));
	run();
	assert_int_equal(rig.records, TESTS + 2 * (900 + 1024));
}

/* What nobody knows of is sent again as a whole. */
static void test_unknown_names_are_replaced(void **state)
{
	uint8_t bytes[DNS_PRIMARY_OUT];
	struct dns_update u;

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		dns_update_begin(&u, bytes, sizeof bytes, 1, RIG_ZONE);
		assert_int_equal(dns_mirror_fill(&mirror, &u, rig_now, 128), DNS_MIRROR_SEND);
		assert_int_equal(u.records, TESTS * (1 + i));
		dns_mirror_settle(&mirror, DNS_MIRROR_UNKNOWN);
	}
}

/* The zone has more names of ours than there is room for: they go all the same, a part at a time. */
static void test_more_names_than_room(void **state)
{
	char owner[DNS_NAME];

	(void)state;
	mirror.names.cap = 12;
	for (unsigned i = 0; i < 40; i++) {
		(void)snprintf(owner, sizeof owner, "%u.2.0.192.%s", i, RIG_ZONE);
		rig_add(&rig, owner, DNS_A, 60, "\177\0\0\2", 4);
	}
	run();
	assert_int_equal(rig.records, TESTS);
	assert_true(rig.asked[1] > 3);
	assert_int_equal(primary.state, DNS_PRIMARY_OK);
}

/* Two feeds with names of the same kind: what is there is known again. */
static void test_feeds_are_told_apart(void **state)
{
	(void)state;
	want_feeds("192.0.2.0/24", "198.51.100.0/24");
	run();
	assert_listed("*.2.0.192." RIG_ZONE, 9);
	assert_listed("*.100.51.198." RIG_ZONE, 8);
	rig.adds = rig.deletes = 0;
	dns_primary_init(&primary, &mirror, &key, RIG_ZONE);
	run();
	assert_int_equal(rig.asked[1], 2);
	assert_int_equal(rig.adds + rig.deletes, 0);
}

/* Others' names stay; names of ours that we do not want go, whoever put them; changed ones are mended. */
static void test_what_is_there(void **state)
{
	(void)state;
	rig_add(&rig, RIG_ZONE, 2, 60, "\2ns\2bl\7example", 15);
	rig_add(&rig, "www." RIG_ZONE, DNS_A, 60, "\300\0\2\1", 4);
	rig_add(&rig, "1.2.0.192." RIG_ZONE, DNS_A, 60, "\177\0\0\2", 4);
	rig_add(&rig, "66.100.51.198." RIG_ZONE, DNS_A, 60, "\177\0\0\2", 4);
	rig_add(&rig, "66.100.51.198." RIG_ZONE, DNS_A, 60, "\177\0\0\3", 4);
	rig_add(&rig, "66.100.51.198." RIG_ZONE, 28, 60, "0123456789abcdef", 16);
	block("198.51.100.66", 10000, "K7M2-P4QX");
	want(NULL, NULL);
	run();
	assert_int_equal(rig.records, 3 + TESTS + 2);
	assert_non_null(find("www." RIG_ZONE, DNS_A));
	assert_non_null(find("66.100.51.198." RIG_ZONE, 28));
	assert_listed("66.100.51.198." RIG_ZONE, 2);
	assert_null(find("1.2.0.192." RIG_ZONE, DNS_A));
}

static void test_cap_of_feed_names(void **state)
{
	(void)state;
	mirror.cap_feeds = 10;
	block("192.0.2.7", 10000, "K7M2-P4QX");
	want("192.0.2.0/25", NULL);
	run();
	assert_listed("7.2.0.192." RIG_ZONE, 2);
	assert_int_equal(rig.records, TESTS + 2 * 11);
	assert_int_equal(mirror.left_out, 127 - 10);
}

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
#define T(name) cmocka_unit_test_setup_teardown(test_##name, begin, end)
	const struct CMUnitTest tests[] = {
		T(list_comes_and_goes),
		T(reason_changes),
		T(networks_and_holes),
		T(many_in_batches),
		T(blocks_go_first),
		T(refused_names_come_again),
		T(all_blocks_go_first),
		T(unknown_names_are_replaced),
		T(more_names_than_room),
		T(feeds_are_told_apart),
		T(what_is_there),
		T(cap_of_feed_names),
		T(outage),
		T(older_zone),
		T(serial_and_time),
		T(waits),
		T(silence),
		T(wrong_answers),
		T(wrong_answers_to_updates),
		T(not_the_primary),
	};
#undef T

	return cmocka_run_group_tests(tests, NULL, NULL);
}
