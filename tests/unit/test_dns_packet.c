/*
 * dns_packet: answers as servers send them, and as they should not.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>

#include "base/wire.h"
#include "core/dns_packet.h"

#define TTL 600u
#define CNAME 5

static uint8_t packet[DNS_MESSAGE_MAX];
static struct wr w;
static struct dns_reply reply;

static void put_name(const char *name)
{
	struct slice s = slice_str(name);

	while (s.n) {
		size_t n = slice_find(s, '.');

		wr_u8(&w, (uint8_t)n);
		wr_raw(&w, slice_head(s, n));
		s = slice_from(s, n + 1);
	}
	wr_u8(&w, 0);
}

static void begin(const char *name, unsigned type, unsigned answers)
{
	w = wr_init(packet, sizeof packet);
	wr_u16(&w, 0x1234);
	wr_u16(&w, 0x8180);
	wr_u16(&w, 1);
	wr_u16(&w, (uint16_t)answers);
	wr_u32(&w, 0);
	put_name(name);
	wr_u16(&w, (uint16_t)type);
	wr_u16(&w, 1);
}

static void put_head(const char *owner, unsigned type, uint32_t ttl_s)
{
	if (*owner == '*')
		wr_u16(&w, 0xc00c); /* the question's name */
	else
		put_name(owner);
	wr_u16(&w, (uint16_t)type);
	wr_u16(&w, 1);
	wr_u32(&w, ttl_s);
}

static void put_bytes(const char *owner, unsigned type, uint32_t ttl_s, const void *p, size_t n)
{
	put_head(owner, type, ttl_s);
	wr_bytes(&w, slice_of(p, n));
}

/* type and a name behind n bytes of p */
static void put_named(const char *owner, unsigned type, const void *p, size_t n, const char *name)
{
	struct wr at;

	put_head(owner, type, TTL);
	at = w;
	wr_u16(&w, 0);
	wr_raw(&w, slice_of(p, n));
	put_name(name);
	wr_u16(&at, (uint16_t)(w.n - at.n - 2));
}

static struct dns_question question(const char *name, enum dns_type type)
{
	struct dns_question q = { .type = type };

	(void)snprintf(q.name, sizeof q.name, "%s", name);
	return q;
}

static enum err read_packet(const char *name, enum dns_type type)
{
	struct dns_question q = question(name, type);

	assert_false(w.bad);
	return dns_packet_read(wr_slice(&w), &q, &reply);
}

static void addresses_are_read(void **state)
{
	(void)state;
	begin("mail.Example.com", DNS_A, 4);
	put_bytes("*", DNS_A, 700, "\xc0\0\2\1", 4);
	put_bytes("mail.example.com", DNS_A, TTL, "\xc0\0\2\2", 4);
	put_bytes("other.example.com", DNS_A, 5, "\xc0\0\2\3", 4); /* nobody asked */
	put_bytes("*", 46, 5, "signature", 9);
	assert_int_equal(read_packet("mail.example.com", DNS_A), ERR_OK);
	assert_int_equal(reply.answer.result, DNS_OK);
	assert_int_equal(reply.answer.count, 2);
	assert_int_equal(reply.answer.address[1].b[3], 2);
	assert_int_equal(reply.answer.ttl_s, TTL);
	begin("m.example", DNS_AAAA, 1);
	put_bytes("*", DNS_AAAA, 0xffffffffu, "\x20\1\xd\xb8\0\0\0\0\0\0\0\0\0\0\0\1", 16);
	assert_int_equal(read_packet("m.example", DNS_AAAA), ERR_OK);
	assert_int_equal(reply.answer.address[0].family, 6);
	assert_int_equal(reply.answer.ttl_s, 1);
	begin("m.example", DNS_A, 0);
	assert_int_equal(read_packet("m.example", DNS_A), ERR_OK);
	assert_int_equal(reply.answer.result, DNS_NONE);
}

static void texts_are_joined(void **state)
{
	(void)state;
	begin("d.example", DNS_TXT, 3);
	put_bytes("*", DNS_TXT, TTL, "\7v=spf1 \4-all", 13);
	put_bytes("*", DNS_TXT, TTL, "\0", 1);
	put_bytes("*", DNS_TXT, TTL, "\3a\0b", 4);
	assert_int_equal(read_packet("d.example", DNS_TXT), ERR_OK);
	assert_int_equal(reply.answer.count, 3);
	assert_true(slice_eq(reply.answer.text[0], SLICE_LIT("v=spf1 -all")));
	assert_int_equal(reply.answer.text[1].n, 0);
	assert_true(slice_eq(reply.answer.text[2], slice_of("a\0b", 3)));
}

static void mail_hosts_stand_by_preference(void **state)
{
	(void)state;
	begin("d.example", DNS_MX, 4);
	put_named("*", DNS_MX, "\0\24", 2, "b.example");
	put_named("*", DNS_MX, "\0\12", 2, "a.example");
	put_named("*", DNS_MX, "\1\0", 2, "d.example");
	put_named("*", DNS_MX, "\0\24", 2, "c.example");
	assert_int_equal(read_packet("d.example", DNS_MX), ERR_OK);
	assert_int_equal(reply.answer.count, 4);
	assert_true(slice_eq(reply.answer.text[0], SLICE_LIT("a.example")));
	assert_true(slice_eq(reply.answer.text[1], SLICE_LIT("b.example")));
	assert_true(slice_eq(reply.answer.text[2], SLICE_LIT("c.example")));
	assert_true(slice_eq(reply.answer.text[3], SLICE_LIT("d.example")));
}

static void aliases_are_followed_in_any_order(void **state)
{
	(void)state;
	begin("www.example", DNS_A, 3);
	put_bytes("c.example", DNS_A, TTL, "\xc0\0\2\1", 4);
	put_named("b.example", CNAME, "", 0, "c.example");
	put_named("*", CNAME, "", 0, "b.example");
	assert_int_equal(read_packet("www.example", DNS_A), ERR_OK);
	assert_int_equal(reply.answer.count, 1);
	/* a loop, and a chain that leads nowhere, are no address */
	begin("www.example", DNS_A, 3);
	put_named("*", CNAME, "", 0, "b.example");
	put_named("b.example", CNAME, "", 0, "www.example");
	put_bytes("c.example", DNS_A, TTL, "\xc0\0\2\1", 4);
	assert_int_equal(read_packet("www.example", DNS_A), ERR_OK);
	assert_int_equal(reply.answer.result, DNS_NONE);
	begin("a0.example", DNS_A, 13);
	for (int i = 0; i < 12; i++) {
		char from[24], to[24];

		(void)snprintf(from, sizeof from, "a%d.example", i);
		(void)snprintf(to, sizeof to, "a%d.example", i + 1);
		put_named(from, CNAME, "", 0, to);
	}
	put_bytes("a12.example", DNS_A, TTL, "\xc0\0\2\1", 4);
	assert_int_equal(read_packet("a0.example", DNS_A), ERR_OK);
	assert_int_equal(reply.answer.result, DNS_NONE);
	begin("root.example", DNS_A, 2);
	put_named("*", CNAME, "", 0, "");
	put_bytes("", DNS_A, TTL, "\xc0\0\2\1", 4);
	assert_int_equal(read_packet("root.example", DNS_A), ERR_OK);
	assert_int_equal(reply.answer.result, DNS_NONE);
}

static void too_many_records_are_cut(void **state)
{
	(void)state;
	begin("m.example", DNS_A, 100);
	for (unsigned i = 0; i < 100; i++)
		put_bytes("*", DNS_A, TTL, (uint8_t[]){ 192, 0, 2, (uint8_t)i }, 4);
	assert_int_equal(read_packet("m.example", DNS_A), ERR_OK);
	assert_int_equal(reply.answer.count, DNS_ANSWERS);
	assert_true(reply.answer.is_cut);
}

static void the_question_must_be_ours(void **state)
{
	(void)state;
	begin("m.example", DNS_A, 0);
	assert_int_equal(read_packet("n.example", DNS_A), ERR_SYNTAX);
	assert_int_equal(read_packet("m.example", DNS_AAAA), ERR_SYNTAX);
	packet[2] &= 0x7f; /* a query */
	assert_int_equal(read_packet("m.example", DNS_A), ERR_SYNTAX);
	packet[2] |= 0x80;
	packet[5] = 2; /* two questions */
	assert_int_equal(read_packet("m.example", DNS_A), ERR_SYNTAX);
}

static void what_is_malformed_is_refused(void **state)
{
	size_t whole;

	(void)state;
	begin("m.example", DNS_A, 1);
	put_bytes("*", DNS_A, TTL, "\xc0\0\2", 3);
	assert_int_equal(read_packet("m.example", DNS_A), ERR_SYNTAX);
	begin("m.example", DNS_TXT, 1);
	put_bytes("*", DNS_TXT, TTL, "\5abc", 4);
	assert_int_equal(read_packet("m.example", DNS_TXT), ERR_SYNTAX);
	begin("m.example", DNS_MX, 1);
	put_bytes("*", DNS_MX, TTL, "\0\1", 2);
	assert_int_equal(read_packet("m.example", DNS_MX), ERR_SYNTAX);
	/* names that point to themselves, forward, to and fro */
	for (unsigned to = 0; to < 64; to++) {
		enum err e;

		begin("m.example", DNS_A, 1);
		wr_u16(&w, (uint16_t)(0xc000u | to));
		wr_u16(&w, DNS_A);
		wr_u16(&w, 1);
		wr_u32(&w, TTL);
		wr_bytes(&w, slice_of("\xc0\0\2\1", 4));
		e = read_packet("m.example", DNS_A);
		assert_true(e == ERR_SYNTAX || reply.answer.count == (to == 12));
	}
	/* each shorter packet */
	begin("m.example", DNS_MX, 2);
	put_named("*", DNS_MX, "\0\1", 2, "a.example");
	put_named("*", DNS_MX, "\0\2", 2, "b.example");
	whole = w.n;
	for (w.n = 0; w.n < whole; w.n++)
		assert_int_equal(read_packet("m.example", DNS_MX), ERR_SYNTAX);
	assert_int_equal(read_packet("m.example", DNS_MX), ERR_OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_are_read),
		cmocka_unit_test(texts_are_joined),
		cmocka_unit_test(mail_hosts_stand_by_preference),
		cmocka_unit_test(aliases_are_followed_in_any_order),
		cmocka_unit_test(too_many_records_are_cut),
		cmocka_unit_test(the_question_must_be_ours),
		cmocka_unit_test(what_is_malformed_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
