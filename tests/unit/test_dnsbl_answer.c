/*
 * dnsbl_answer, dnsbl_zone, dnsbl_question: the zone as RFC 5782 wants it,
 * questions that are none, sizes.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "dnsbl_rig.h"

static struct dnsbl_rig rig;

static int setup(void **state)
{
	(void)state;
	dnsbl_rig_init(&rig, "bl.example.org");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	dnsbl_rig_done(&rig);
	return 0;
}

#define ASK(name, type) dnsbl_rig_ask(&rig, name, type, 0)
#define EDNS(name, type) dnsbl_rig_ask(&rig, name, type, RIG_EDNS)
#define TCP(name, type) dnsbl_rig_ask(&rig, name, type, RIG_TCP | RIG_EDNS)

static void expect_code(const char *name, unsigned code)
{
	TCP(name, DNSBL_A);
	assert_int_equal(rig.rcode, 0);
	assert_int_equal(rig.answers, 1);
	assert_int_equal(rig.first_type, DNSBL_A);
	assert_memory_equal(rig.first, ((uint8_t[]){ 127, 0, 0, (uint8_t)code }), 4);
	assert_true(rig.flags & 0x0400);
}

static void expect_none(const char *name, unsigned rcode)
{
	TCP(name, DNSBL_A);
	assert_int_equal(rig.rcode, rcode);
	assert_int_equal(rig.answers, 0);
	assert_int_equal(rig.authority, 1);
	assert_int_equal(rig.first_type, DNSBL_SOA);
	assert_int_equal(rig.first_ttl, 60);
}

static void test_points(void **state)
{
	(void)state;
	expect_code("2.0.0.127.bl.example.org", 2);
	expect_none("1.0.0.127.bl.example.org", 3);
	expect_none("3.0.0.127.bl.example.org", 3);
	expect_code("2.0.0.0.0.0.f.7.f.f.f.f.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0."
		    "bl.example.org",
		2);
	expect_none("1.0.0.0.0.0.f.7.f.f.f.f.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0."
		    "bl.example.org",
		3);
	/* also when nothing acts */
	rig.list.is_acting = false;
	expect_code("2.0.0.127.bl.example.org", 2);
	expect_none("9.2.0.192.bl.example.org", 3);
}

/* Just after a start: whom the holes spare is not known, so nobody is listed. */
static void nothing_is_listed_before_the_holes(void **state)
{
	struct dnsbl_listing found;
	struct ipaddr host;

	(void)state;
	dnsbl_rig_block(&rig, "192.0.2.9", 0, 1000);
	assert_int_equal(ipaddr_parse(SLICE_LIT("192.0.2.9"), &host), ERR_OK);
	dnsbl_list_find(&rig.list, &host, rig.now, &found);
	assert_int_equal(found.count, 1);
	rig.list.has_holes = false;
	dnsbl_list_find(&rig.list, &host, rig.now, &found);
	assert_int_equal(found.count, 0);
	expect_code("2.0.0.127.bl.example.org", 2);
}

/* The end is the one that senders were told; a feed's block may have the layer only for others. */
static void blocks_are_told_as_to_senders(void **state)
{
	struct block_entry e = {
		.until = (uint32_t)rig.now + 9000, .told = (uint32_t)rig.now + 40, .code = 554, .offence = 1
	};
	struct dnsbl_listing found;

	(void)state;
	assert_int_equal(prefix_parse(SLICE_LIT("192.0.2.20/32"), &e.subject), ERR_OK);
	block_share_put(&rig.share, &e);
	dnsbl_list_find(&rig.list, &e.subject.addr, rig.now, &found);
	assert_int_equal(found.count, 1);
	assert_int_equal(found.reason[0].left_s, 40);
	dnsbl_list_find(&rig.list, &e.subject.addr, rig.now + 50, &found);
	assert_int_equal(found.reason[0].left_s, 8950);
	e.flags = BLOCK_BY_FEED | BLOCK_NO_DNSBL;
	block_share_put(&rig.share, &e);
	dnsbl_list_find(&rig.list, &e.subject.addr, rig.now, &found);
	assert_int_equal(found.count, 0);
}

static void reasons_have_codes(void **state)
{
	(void)state;
	dnsbl_rig_block(&rig, "192.0.2.9/32", 0, 1000);
	dnsbl_rig_block(&rig, "192.0.2.10/32", BLOCK_BY_PERSON, 1000);
	dnsbl_rig_block(&rig, "198.51.100.0/24", BLOCK_BY_WIDE, 1000);
	dnsbl_rig_block(&rig, "2001:db8:1:2::/64", 0, 1000);
	dnsbl_rig_feed(&rig, 0, "drop", 7, "203.0.113.0/25");
	expect_code("9.2.0.192.bl.example.org", 2);
	expect_code("10.2.0.192.bl.example.org", 4);
	expect_code("77.100.51.198.bl.example.org", 5);
	expect_code("5.113.0.203.bl.example.org", 7);
	expect_none("200.113.0.203.bl.example.org", 3);
	expect_code("1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.2.0.0.0.1.0.0.0.8.b.d.0.1.0.0.2."
		    "bl.example.org",
		2);
	expect_none("1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.3.0.0.0.1.0.0.0.8.b.d.0.1.0.0.2."
		    "bl.example.org",
		3);
	/* a block in a listed network: both, if they differ */
	dnsbl_rig_block(&rig, "203.0.113.5/32", 0, 1000);
	TCP("5.113.0.203.bl.example.org", DNSBL_A);
	assert_int_equal(rig.answers, 2);
	dnsbl_rig_feed(&rig, 1, "like-ours", 2, "203.0.113.5/32");
	TCP("5.113.0.203.bl.example.org", DNSBL_A);
	assert_int_equal(rig.answers, 2);
	TCP("5.113.0.203.bl.example.org", DNSBL_TXT);
	assert_int_equal(rig.answers, 3);
	/* made by that feed: one reason, with the case */
	dnsbl_rig_block(&rig, "203.0.113.6/32", BLOCK_BY_FEED, 1000);
	expect_code("6.113.0.203.bl.example.org", 7);
	TCP("6.113.0.203.bl.example.org", DNSBL_TXT);
	assert_string_equal(rig.text, "Listed by drop, case ABCD-EFGH, https://example.org/why/ABCD-EFGH");
	dnsbl_rig_block(&rig, "192.0.2.11/32", BLOCK_BY_FEED, 1000);
	expect_code("11.2.0.192.bl.example.org", 3);
}

static void texts_name_the_case(void **state)
{
	(void)state;
	dnsbl_rig_block(&rig, "192.0.2.9/32", 0, 1000);
	dnsbl_rig_feed(&rig, 3, "drop", 7, "203.0.113.0/25");
	TCP("9.2.0.192.bl.example.org", DNSBL_TXT);
	assert_string_equal(rig.text, "Spam came from this host, case ABCD-EFGH, "
				      "https://example.org/why/ABCD-EFGH");
	TCP("9.113.0.203.bl.example.org", DNSBL_TXT);
	assert_string_equal(rig.text, "Listed by drop");
	/* over UDP it is longer than half of the question: come by TCP */
	EDNS("9.2.0.192.bl.example.org", DNSBL_TXT);
	assert_true(rig.flags & 0x0200);
	assert_int_equal(rig.answers, 0);
	assert_int_equal(rig.rcode, 0);
}

static void time_is_no_longer_than_the_block(void **state)
{
	(void)state;
	dnsbl_rig_block(&rig, "192.0.2.9/32", 0, 7);
	dnsbl_rig_block(&rig, "192.0.2.10/32", 0, 5000);
	ASK("9.2.0.192.bl.example.org", DNSBL_A);
	assert_int_equal(rig.first_ttl, 7);
	ASK("10.2.0.192.bl.example.org", DNSBL_A);
	assert_int_equal(rig.first_ttl, 300);
	/* a feed lists it too, and has no end */
	dnsbl_rig_block(&rig, "198.51.100.9/32", 0, 7);
	dnsbl_rig_feed(&rig, 0, "drop", 7, "198.51.100.0/25");
	TCP("9.100.51.198.bl.example.org", DNSBL_A);
	assert_int_equal(rig.answers, 2);
	assert_int_equal(rig.first_ttl, 7);
	rig.now += 7;
	expect_none("9.2.0.192.bl.example.org", 3);
}

static void holes_win(void **state)
{
	(void)state;
	dnsbl_rig_block(&rig, "192.0.2.9/32", 0, 1000);
	dnsbl_rig_feed(&rig, 0, "drop", 7, "192.0.2.0/24");
	dnsbl_rig_holes(&rig, "192.0.2.8/30");
	expect_none("9.2.0.192.bl.example.org", 3);
	expect_none("10.2.0.192.bl.example.org", 3);
	expect_code("12.2.0.192.bl.example.org", 7);
}

static void nodata_is_no_nxdomain(void **state)
{
	static const char *const nodes[] = { "bl.example.org", "127.bl.example.org", "0.127.bl.example.org",
		"0.0.127.bl.example.org", "2.0.192.bl.example.org", "8.b.d.0.1.0.0.2.bl.example.org",
		"f.bl.example.org", "4.3.2.1.bl.example.org" };
	static const char *const nothing[] = { "www.bl.example.org", "256.bl.example.org", "01.bl.example.org",
		"1.2.0.0.127.bl.example.org", "a.2.0.0.127.bl.example.org", "10.3.2.1.bl.example.org",
		("0.0.0.0.1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.bl."
		 "example.org"),
		"2.0.0.1270.bl.example.org", "-1.0.0.127.bl.example.org", "x.ns.bl.example.org" };

	(void)state;
	for (size_t i = 0; i < sizeof nodes / sizeof nodes[0]; i++)
		expect_none(nodes[i], 0);
	for (size_t i = 0; i < sizeof nothing / sizeof nothing[0]; i++)
		expect_none(nothing[i], 3);
	TCP("2.0.0.127.bl.example.org", DNSBL_AAAA);
	assert_int_equal(rig.rcode, 0);
	assert_int_equal(rig.first_type, DNSBL_SOA);
	TCP("2.0.0.127.bl.example.org", 15);
	assert_int_equal(rig.rcode, 0);
	assert_int_equal(rig.answers, 0);
}

static void the_apex_has_its_records(void **state)
{
	(void)state;
	TCP("bl.example.org", DNSBL_SOA);
	assert_int_equal(rig.answers, 1);
	assert_int_equal(rig.first_type, DNSBL_SOA);
	assert_string_equal(rig.text, "ns.bl.example.org hostmaster.bl.example.org "
				      "1700000000 3600 600 604800 60");
	TCP("bl.example.org", DNSBL_NS);
	assert_string_equal(rig.text, "ns.bl.example.org");
	TCP("ns.bl.example.org", DNSBL_A);
	assert_int_equal(rig.answers, 1);
	assert_memory_equal(rig.first, ((uint8_t[]){ 198, 51, 100, 53 }), 4);
	TCP("ns.bl.example.org", DNSBL_AAAA);
	assert_int_equal(rig.answers, 1);
	assert_int_equal(rig.first[15], 0x53);
	TCP("ns.bl.example.org", DNSBL_TXT);
	assert_int_equal(rig.rcode, 0);
	assert_int_equal(rig.first_type, DNSBL_SOA);
}

static void names_may_be_anywhere(void **state)
{
	(void)state;
	(void)snprintf(rig.conf.dnsbl.name_servers.item[0], CONF_ITEM, "NS1.Example.ORG.");
	(void)snprintf(rig.conf.dnsbl.name_servers.item[1], CONF_ITEM, "a.other.net");
	rig.conf.dnsbl.name_servers.count = 2;
	(void)snprintf(rig.conf.dnsbl.contact, CONF_ITEM, "dns.admin@Other.net");
	assert_int_equal(dnsbl_zone_init(&rig.zone, &rig.conf), ERR_OK);
	TCP("bl.example.org", DNSBL_SOA);
	assert_string_equal(rig.text, "ns1.example.org dns\\.admin.other.net 1700000000 3600 600 604800 60");
	TCP("bl.example.org", DNSBL_NS);
	assert_int_equal(rig.answers, 2);
	assert_string_equal(rig.text, "ns1.example.org a.other.net");
	expect_none("ns.bl.example.org", 3);
}

static void zones_that_are_none(void **state)
{
	static const char *const bad[] = { "", ".", "a..b", ".a", "a..",
		"x123456789012345678901234567890123456789012345678901234567890123.org" };
	char name[CONF_ITEM] = "";

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		(void)snprintf(rig.conf.dnsbl.zone, sizeof rig.conf.dnsbl.zone, "%s", bad[i]);
		assert_int_equal(dnsbl_zone_init(&rig.zone, &rig.conf), ERR_SYNTAX);
	}
	for (size_t n = 0; n < 190; n += 2)
		memcpy(name + n, "a.", 2);
	memcpy(rig.conf.dnsbl.zone, name, sizeof name); /* 190 + 1 */
	assert_int_equal(dnsbl_zone_init(&rig.zone, &rig.conf), ERR_OK);
	rig.conf.dnsbl.zone[190] = 'a';
	assert_int_equal(dnsbl_zone_init(&rig.zone, &rig.conf), ERR_LIMIT);
}

/* A name that is none names no host: neither its numbers nor half of them. */
static void no_host_of_a_name_that_is_none(void **state)
{
	static const struct ipaddr none = { 0 };
	struct ipaddr host = none;
	uint8_t name[80];
	bool is_node;
	size_t n = 0;

	(void)state;
	for (int i = 0; i < 32; i++) { /* the nibbles of an address, the first of them none */
		name[n++] = 1;
		name[n++] = i == 31 ? 'x' : '8';
	}
	memcpy(name + n, rig.zone.name.b, rig.zone.name.n);
	n += rig.zone.name.n;
	assert_int_equal(dnsbl_zone_name(&rig.zone, slice_of(name, n), &host, &is_node), DNSBL_NOTHING);
	assert_memory_equal(&host, &none, sizeof host);
	name[63] = '2';
	assert_int_equal(dnsbl_zone_name(&rig.zone, slice_of(name, n), &host, &is_node), DNSBL_ADDRESS);
	assert_int_equal(host.b[0], 0x28);
}

static void who_may_not_ask(void **state)
{
	(void)state;
	rig.is_allowed = false;
	ASK("2.0.0.127.bl.example.org", DNSBL_A);
	assert_int_equal(rig.rcode, 5);
	assert_int_equal(rig.said, DNSBL_SAID_REFUSED);
	assert_int_equal(rig.to_n, rig.packet_n);
	rig.is_allowed = true;
	ASK("2.0.0.127.example.org", DNSBL_A);
	assert_int_equal(rig.rcode, 5);
	ASK("2.0.0.127.xbl.example.org", DNSBL_A);
	assert_int_equal(rig.rcode, 5);
	assert_false(rig.flags & 0x0400);
	for (unsigned type = DNSBL_META; type < DNSBL_ANY; type++) { /* AXFR, IXFR ... */
		TCP("bl.example.org", type);
		assert_int_equal(rig.rcode, 5);
	}
	rig.class = 3;
	ASK("bl.example.org", DNSBL_TXT);
	assert_int_equal(rig.rcode, 5);
}

static void any_is_answered_with_one_record(void **state)
{
	(void)state;
	EDNS("2.0.0.127.bl.example.org", DNSBL_ANY);
	assert_int_equal(rig.answers, 1);
	assert_int_equal(rig.first_type, DNSBL_HINFO);
	TCP("bl.example.org", DNSBL_ANY);
	assert_int_equal(rig.first_type, DNSBL_HINFO);
	TCP("9.9.9.9.bl.example.org", DNSBL_ANY);
	assert_int_equal(rig.answers, 0);
	TCP("10.9.9.9.bl.example.org", DNSBL_ANY);
	assert_int_equal(rig.rcode, 3);
}

static void letters_keep_their_case(void **state)
{
	(void)state;
	ASK("2.0.0.127.bL.ExAmPlE.oRg", DNSBL_A);
	assert_int_equal(rig.answers, 1);
	assert_memory_equal(rig.to + DNSBL_HEADER, rig.packet + DNSBL_HEADER, rig.packet_n - DNSBL_HEADER);
	TCP("BL.example.ORG", DNSBL_NS);
	assert_string_equal(rig.text, "ns.BL.example.ORG");
}

static void edns_has_its_rules(void **state)
{
	(void)state;
	EDNS("2.0.0.127.bl.example.org", DNSBL_A);
	assert_int_equal(rig.additional, 1);
	assert_int_equal(rig.opt_size, DNSBL_PAYLOAD);
	assert_int_equal(rig.opt_ttl, 0);
	dnsbl_rig_ask(&rig, "2.0.0.127.bl.example.org", DNSBL_A, RIG_EDNS | RIG_DO);
	assert_int_equal(rig.opt_ttl, 0x8000);
	dnsbl_rig_ask(&rig, "2.0.0.127.bl.example.org", DNSBL_A, RIG_EDNS | RIG_VERSION1);
	assert_int_equal(rig.rcode, 16);
	assert_int_equal(rig.answers, 0);
	dnsbl_rig_ask(&rig, "2.0.0.127.bl.example.org", DNSBL_A, RIG_EDNS | RIG_TWICE);
	assert_int_equal(rig.rcode, 1);
	ASK("2.0.0.127.bl.example.org", DNSBL_A);
	assert_int_equal(rig.additional, 0);
}

static void ask_bytes(const void *p, size_t n)
{
	memcpy(rig.packet, p, n);
	rig.packet_n = n;
	dnsbl_rig_answer(&rig, 0);
}

/* A question says that it takes 4,096 bytes: over UDP no answer is longer than DNSBL_PAYLOAD, however much may be. */
static void udp_has_an_end(void **state)
{
	static const char *const names[] = { "one", "two", "three", "four", "five", "six", "seven", "eight" };

	(void)state;
	rig.zone.amplification = 1000;
	memset(rig.zone.url, 'x', 180);
	rig.zone.url[180] = '\0';
	for (unsigned i = 0; i < 8; i++)
		dnsbl_rig_feed(&rig, i, names[i], (uint8_t)(10 + i), "203.0.113.0/25");
	TCP("5.113.0.203.bl.example.org", DNSBL_TXT);
	assert_int_equal(rig.answers, 8);
	EDNS("5.113.0.203.bl.example.org", DNSBL_TXT);
	assert_int_equal(rig.answers, 0);
	assert_true(rig.flags & 0x0200);
	EDNS("5.113.0.203.bl.example.org", DNSBL_A);
	assert_int_equal(rig.answers, 8);
}

static void what_is_no_question(void **state)
{
	static const char head[] = "\x12\x34\x01\0\0\1\0\0\0\0\0\0";
	uint8_t p[300] = { 0 };

	(void)state;
	for (size_t n = 0; n < DNSBL_HEADER; n++) {
		ask_bytes(head, n);
		assert_int_equal(rig.to_n, 0);
	}
	/* an answer */
	ask_bytes("\x12\x34\x81\x80\0\1\0\0\0\0\0\0\0\0\1\0\1", 17);
	assert_int_equal(rig.to_n, 0);
	/* other operations */
	for (uint8_t opcode = 1; opcode < 16; opcode++) {
		memcpy(p, head, DNSBL_HEADER);
		p[2] = (uint8_t)(opcode << 3);
		ask_bytes(p, 17);
		assert_int_equal(rig.rcode, 4);
		assert_int_equal(rig.to_n, DNSBL_HEADER);
		assert_int_equal(rig.to[2], 0x80 | opcode << 3);
	}
	/* no question, two, answers in it, many additional ones */
	ask_bytes("\x12\x34\1\0\0\0\0\0\0\0\0\0", 12);
	assert_int_equal(rig.rcode, 1);
	ask_bytes("\x12\x34\1\0\0\2\0\0\0\0\0\0\0\0\1\0\1\0\0\1\0\1", 22);
	assert_int_equal(rig.rcode, 1);
	ask_bytes("\x12\x34\1\0\0\1\0\1\0\0\0\0\0\0\1\0\1", 17);
	assert_int_equal(rig.rcode, 1);
	ask_bytes("\x12\x34\1\0\0\1\0\0\0\0\xff\xff\0\0\1\0\1", 17);
	assert_int_equal(rig.rcode, 1);
	/* a compressed name, one that is too long, a label of another kind */
	ask_bytes("\x12\x34\1\0\0\1\0\0\0\0\0\0\xc0\x0c\0\1\0\1", 18);
	assert_int_equal(rig.rcode, 1);
	ask_bytes("\x12\x34\1\0\0\1\0\0\0\0\0\0\x41\1\0\0\1\0\1", 19);
	assert_int_equal(rig.rcode, 1);
	memcpy(p, head, sizeof head);
	for (size_t i = 0; i < 256; i += 2) {
		p[DNSBL_HEADER + i] = 1;
		p[DNSBL_HEADER + i + 1] = 'a';
	}
	ask_bytes(p, sizeof p);
	assert_int_equal(rig.rcode, 1);
	/* bytes behind it */
	ask_bytes("\x12\x34\1\0\0\1\0\0\0\0\0\0\0\0\1\0\1\0", 18);
	assert_int_equal(rig.rcode, 1);
}

static void cut_anywhere_it_is_malformed(void **state)
{
	uint8_t whole[RIG_PACKET];
	size_t n;

	(void)state;
	EDNS("2.0.0.127.bl.example.org", DNSBL_A);
	n = rig.packet_n;
	memcpy(whole, rig.packet, n);
	for (size_t i = 0; i < n; i++) {
		ask_bytes(whole, i);
		assert_int_equal(rig.to_n, i < DNSBL_HEADER ? 0 : DNSBL_HEADER);
		assert_true(i < DNSBL_HEADER || rig.rcode == 1);
	}
}

/* Over UDP: never more than one and a half of the question, and then never a
 * part of an answer. */
static void no_answer_is_large(void **state)
{
	static const char *const zones[] = { "a", "bl.lan", "bl.example.org", "blocked-hosts.mail.example.org" };
	static const char *const hosts[] = { "9.2.0.192", "1.1.1.1", "2.0.0.127", "255.255.255.255", "192", "x.y",
		"1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.2.0.0.0.1.0.0.0.8.b.d.0.1.0.0.2", "ns" };
	static const unsigned types[] = { DNSBL_A, DNSBL_NS, DNSBL_SOA, DNSBL_TXT, DNSBL_AAAA, DNSBL_ANY, 15, 252, 48 };
	unsigned cut = 0, asked = 0;
	double worst = 0;

	(void)state;
	for (size_t z = 0; z < sizeof zones / sizeof zones[0]; z++) {
		dnsbl_rig_done(&rig);
		dnsbl_rig_init(&rig, zones[z]);
		dnsbl_rig_block(&rig, "192.0.2.9/32", 0, 1000);
		for (unsigned i = 0; i < 12; i++)
			dnsbl_rig_feed(&rig, i, "name", (uint8_t)(10 + i), "192.0.2.0/24");
		for (size_t i = 0; i < 2 + sizeof hosts / sizeof hosts[0]; i++)
			for (size_t t = 0; t < sizeof types / sizeof types[0]; t++)
				for (unsigned how = 0; how < 2; how++) {
					char name[300];

					if (i == 0)
						(void)snprintf(name, sizeof name, "%s", zones[z]);
					else if (i == 1)
						(void)snprintf(name, sizeof name, "outside.of.%s.net", zones[z]);
					else
						(void)snprintf(name, sizeof name, "%s.%s", hosts[i - 2], zones[z]);
					dnsbl_rig_ask(&rig, name, types[t], how ? RIG_EDNS : 0);
					asked++;
					cut += rig.flags >> 9 & 1;
					assert_true(2 * rig.to_n <= 3 * rig.packet_n);
					assert_true(!(rig.flags & 0x200) || rig.answers == 0);
					if ((double)rig.to_n / (double)rig.packet_n > worst)
						worst = (double)rig.to_n / (double)rig.packet_n;
					/* over TCP it is whole */
					dnsbl_rig_ask(&rig, name, types[t], RIG_TCP | (how ? RIG_EDNS : 0));
					assert_false(rig.flags & 0x200);
				}
	}
	print_message("# %u questions, %u cut, at most %.3f of the question\n", asked, cut, worst);
}

static void the_soa_of_nothing_is_as_long_as_may_be(void **state)
{
	(void)state;
	TCP("9.2.0.192.bl.example.org", DNSBL_A);
	assert_string_equal(rig.text, "ns.bl.example.org hostmaster.bl.example.org "
				      "1700000000 3600 600 604800 60");
	EDNS("1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.2.0.0.0.1.0.0.0.8.b.d.0.1.0.0.2.bl."
	     "example.org",
		DNSBL_A);
	assert_string_equal(rig.text, "ns.bl.example.org hostmaster.bl.example.org "
				      "1700000000 3600 600 604800 60");
	/* what dig sends: with a cookie */
	dnsbl_rig_ask(&rig, "9.2.0.192.bl.example.org", DNSBL_A, RIG_EDNS | RIG_COOKIE);
	assert_string_equal(rig.text, "bl.example.org bl.example.org 1700000000 3600 600 604800 60");
	assert_int_equal(rig.rcode, 3);
	EDNS("9.2.0.192.bl.example.org", DNSBL_A);
	assert_int_equal(rig.authority, 0);
	assert_int_equal(rig.rcode, 3);
	rig.zone.amplification = 3;
	EDNS("9.2.0.192.bl.example.org", DNSBL_A);
	assert_int_equal(rig.authority, 1);
	EDNS("2.0.0.127.bl.example.org", DNSBL_TXT);
	assert_int_equal(rig.answers, 1);
}

static void a_slip_is_the_question(void **state)
{
	uint8_t to[DNSBL_ANSWER_MAX];
	size_t n;

	(void)state;
	EDNS("9.2.0.192.bl.example.org", DNSBL_A);
	n = dnsbl_answer_slip(slice_of(rig.packet, rig.packet_n), to);
	assert_int_equal(n, rig.packet_n - 11);
	assert_int_equal(to[2] & 0x82, 0x82);
	assert_int_equal(to[11], 0);
	assert_int_equal(dnsbl_answer_slip(slice_of(rig.packet, 20), to), DNSBL_HEADER);
	assert_int_equal(dnsbl_answer_slip(slice_of(rig.packet, 5), to), 0);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_points),
		TEST(nothing_is_listed_before_the_holes),
		TEST(blocks_are_told_as_to_senders),
		TEST(reasons_have_codes),
		TEST(texts_name_the_case),
		TEST(time_is_no_longer_than_the_block),
		TEST(holes_win),
		TEST(nodata_is_no_nxdomain),
		TEST(the_apex_has_its_records),
		TEST(names_may_be_anywhere),
		TEST(zones_that_are_none),
		TEST(no_host_of_a_name_that_is_none),
		TEST(who_may_not_ask),
		TEST(any_is_answered_with_one_record),
		TEST(letters_keep_their_case),
		TEST(edns_has_its_rules),
		TEST(udp_has_an_end),
		TEST(what_is_no_question),
		TEST(cut_anywhere_it_is_malformed),
		TEST(no_answer_is_large),
		TEST(the_soa_of_nothing_is_as_long_as_may_be),
		TEST(a_slip_is_the_question),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
