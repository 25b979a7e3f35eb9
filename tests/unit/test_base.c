/*
 * test_base: slices, buffers, wire cursors, numbers, addresses, escaping.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>

#include "base/buf.h"
#include "base/escape.h"
#include "base/num.h"
#include "base/wire.h"

static bool is(struct slice s, const char *want)
{
	return slice_eq(s, slice_str(want));
}

static void test_slice(void **state)
{
	struct slice s = SLICE_LIT("abcabc"), none = { 0 };
	char to[4];

	(void)state;
	assert_true(is(slice_from(s, 4), "bc") && is(slice_from(s, 6), "") && is(slice_from(s, 99), ""));
	assert_true(is(slice_head(s, 2), "ab") && is(slice_head(s, 99), "abcabc"));
	assert_int_equal((int)slice_find(s, 'c'), 2);
	assert_int_equal((int)slice_rfind(s, 'c'), 5);
	assert_int_equal((int)slice_rfind(s, 'a'), 3);
	assert_int_equal((int)slice_find(s, 'x'), 6);
	assert_int_equal((int)slice_rfind(s, 'x'), 6);
	assert_true(
		slice_starts(s, SLICE_LIT("abc")) && !slice_starts(s, SLICE_LIT("abcabcd")) && slice_starts(s, none));
	assert_true(slice_ends(s, SLICE_LIT("bc")) && !slice_ends(s, SLICE_LIT("b")) && slice_ends(s, none));
	assert_true(slice_starts_nocase(s, SLICE_LIT("ABC")) && !slice_starts_nocase(s, SLICE_LIT("ABD")));
	assert_true(slice_eq_nocase(SLICE_LIT("aZ@"), SLICE_LIT("Az@")));
	assert_false(slice_eq_nocase(SLICE_LIT("\xc4"), SLICE_LIT("\xe4")));
	assert_false(slice_eq_nocase(SLICE_LIT("["), SLICE_LIT("{")));
	assert_true(is(slice_trim(SLICE_LIT(" \t a b\r\n")), "a b") && is(slice_trim(SLICE_LIT(" \n")), ""));
	assert_int_equal((int)slice_trim(slice_of("\0a\0", 3)).n, 3);
	slice_copy(s, to, sizeof to);
	assert_string_equal(to, "abc");
	slice_copy(none, to, sizeof to);
	assert_string_equal(to, "");
	/* the empty slice with no memory behind it may go through everything */
	assert_true(slice_eq(none, slice_str(NULL)) && is(slice_from(none, 0), "") && is(slice_from(none, 3), ""));
	assert_true(is(slice_head(none, 3), "") && is(slice_trim(none), "") && slice_find(none, 'a') == 0);
}

static void test_slice_words_and_lines(void **state)
{
	struct slice s = SLICE_LIT("  one\ttwo  "), w = { 0 }, lines = SLICE_LIT("a\r\n\nb\rc\nlast"), none = { 0 };

	(void)state;
	assert_true(slice_word(&s, &w) && is(w, "one"));
	assert_true(slice_word(&s, &w) && is(w, "two"));
	assert_false(slice_word(&s, &w));
	assert_true(is(w, "two"));
	assert_false(slice_word(&none, &w));
	assert_true(slice_line(&lines, &w) && is(w, "a"));
	assert_true(slice_line(&lines, &w) && is(w, ""));
	assert_true(slice_line(&lines, &w) && is(w, "b\rc"));
	assert_true(slice_line(&lines, &w) && is(w, "last"));
	assert_false(slice_line(&lines, &w));
	assert_false(slice_line(&none, &w));
}

static void test_buf(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 10);
	assert_string_equal(buf_cstr(&b), "");
	assert_int_equal((int)buf_add_str(&b, "12345678"), ERR_OK);
	assert_int_equal((int)buf_add_str(&b, "abc"), ERR_LIMIT);
	assert_int_equal((int)b.n, 8);
	assert_int_equal((int)buf_printf(&b, "%s", "abc"), ERR_LIMIT);
	assert_int_equal((int)buf_printf(&b, "%d", 90), ERR_OK); /* to the last byte */
	assert_true(is(buf_slice(&b), "1234567890"));
	assert_string_equal(buf_cstr(&b), ""); /* no room for its NUL */
	assert_int_equal((int)buf_add(&b, (struct slice){ 0 }), ERR_OK);
	assert_int_equal((int)buf_add_char(&b, 'x'), ERR_LIMIT);
	buf_consume(&b, 3);
	assert_string_equal(buf_cstr(&b), "4567890");
	buf_consume(&b, 99);
	assert_int_equal((int)b.n, 0);
	assert_int_equal((int)buf_reserve(&b, SIZE_MAX), ERR_LIMIT);
	buf_done(&b);
	assert_int_equal((int)b.cap, 10);
	buf_done(&b);
	buf_init(&b, 0);
	assert_string_equal(buf_cstr(&b), "");
	assert_int_equal((int)buf_add_char(&b, 'x'), ERR_LIMIT);
	buf_done(&b);
}

static void test_buf_grows(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 100000);
	for (int i = 0; i < 10000; i++)
		assert_int_equal((int)buf_printf(&b, "%09d\n", i), ERR_OK);
	assert_int_equal((int)buf_add_char(&b, 'x'), ERR_LIMIT);
	for (int i = 0; i < 10000; i++)
		assert_int_equal(atoi(b.p + (size_t)i * 10), i);
	buf_done(&b);
}

static void test_wire_round_trip(void **state)
{
	uint8_t bytes[256];
	struct wr w = wr_init(bytes, sizeof bytes);
	struct prefix p6, p4;
	struct ipaddr none = { 0 }, back;
	struct rd r;
	char text[6];

	(void)state;
	assert_int_equal((int)prefix_parse(SLICE_LIT("2001:db8::/64"), &p6), ERR_OK);
	assert_int_equal((int)prefix_parse(SLICE_LIT("192.0.2.7"), &p4), ERR_OK);
	wr_u8(&w, 0xff);
	wr_u16(&w, 0xfffe);
	wr_u32(&w, 0xfffffffd);
	wr_u64(&w, UINT64_MAX - 3);
	wr_cstr(&w, "hello");
	wr_bytes(&w, SLICE_LIT("a\0b"));
	wr_bytes(&w, (struct slice){ 0 });
	wr_ipaddr(&w, &none);
	wr_ipaddr(&w, &p4.addr);
	wr_prefix(&w, &p6);
	assert_false(w.bad);
	for (size_t cut = 0; cut <= w.n; cut++) {
		r = rd_init(bytes, cut);
		assert_int_equal(rd_u8(&r), cut >= 1 ? 0xff : 0);
		assert_int_equal(rd_u16(&r), cut >= 3 ? 0xfffe : 0);
		assert_true(rd_u32(&r) == (cut >= 7 ? 0xfffffffd : 0));
		assert_true(rd_u64(&r) == (cut >= 15 ? UINT64_MAX - 3 : 0));
		rd_cstr(&r, text, sizeof text);
		assert_string_equal(text, cut >= 22 ? "hello" : "");
		assert_true(slice_eq(rd_bytes(&r, 3), cut >= 27 ? SLICE_LIT("a\0b") : SLICE_LIT("")));
		assert_int_equal((int)rd_bytes(&r, 0).n, 0);
		back = rd_ipaddr(&r);
		assert_int_equal(back.family, 0);
		back = rd_ipaddr(&r);
		assert_int_equal(ipaddr_eq(&back, &p4.addr), cut >= 35);
		(void)rd_prefix(&r);
		assert_int_equal(rd_end(&r), cut == w.n);
	}
}

static void test_wire_refuses(void **state)
{
	static const uint8_t family[] = { 5, 1, 2, 3, 4 }, length[] = { 4, 1, 2, 3, 4, 33 }, nul[] = { 0, 2, 'a', 0 };
	uint8_t bytes[8];
	char text[8] = "kept", big[2] = "";
	struct rd r = rd_init(family, sizeof family);
	struct wr w = wr_init(bytes, sizeof bytes);
	static char huge[65536];

	(void)state;
	assert_int_equal(rd_ipaddr(&r).family, 0);
	assert_true(r.bad);
	r = rd_init(length, sizeof length);
	assert_int_equal(rd_prefix(&r).addr.family, 0);
	assert_true(r.bad);
	r = rd_init(nul, sizeof nul);
	rd_cstr(&r, text, sizeof text);
	assert_true(r.bad);
	assert_string_equal(text, "");
	r = rd_init("\0\3abc", 5);
	rd_cstr(&r, big, sizeof big);
	assert_true(r.bad);
	assert_false(rd_end(&r));
	wr_u64(&w, 1);
	assert_false(w.bad);
	wr_u8(&w, 1);
	assert_true(w.bad);
	assert_int_equal((int)w.n, 8);
	w = wr_init(bytes, sizeof bytes);
	wr_cstr(&w, "1234567");
	assert_true(w.bad);
	wr_u8(&w, 1); /* sticky: a later one that would fit is not written */
	assert_true(w.n <= 2);
	w = wr_init(bytes, sizeof bytes);
	wr_bytes(&w, slice_of(huge, sizeof huge));
	assert_true(w.bad && w.n == 0);
}

static void test_num(void **state)
{
	static const struct {
		const char *in;
		uint64_t max, want;
		enum err e;
	} cases[] = {
		{ "0", 0, 0, ERR_OK },
		{ "007", 9, 7, ERR_OK },
		{ "18446744073709551615", UINT64_MAX, UINT64_MAX, ERR_OK },
		{ "18446744073709551616", UINT64_MAX, 0, ERR_LIMIT },
		{ "99999999999999999999999", UINT64_MAX, 0, ERR_LIMIT },
		{ "10", 9, 0, ERR_LIMIT },
		{ "", 9, 0, ERR_SYNTAX },
		{ "+1", 9, 0, ERR_SYNTAX },
		{ "-1", 9, 0, ERR_SYNTAX },
		{ " 1", 9, 0, ERR_SYNTAX },
		{ "1 ", 9, 0, ERR_SYNTAX },
		{ "1x", 9, 0, ERR_SYNTAX },
		{ "0x1", 9, 0, ERR_SYNTAX },
		{ "\xff", 9, 0, ERR_SYNTAX },
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		uint64_t v = 4711;

		assert_int_equal((int)num_parse(slice_str(cases[i].in), cases[i].max, &v), (int)cases[i].e);
		assert_true(v == (cases[i].e == ERR_OK ? cases[i].want : 4711));
	}
}

static void test_num_units(void **state)
{
	static const struct {
		const char *in;
		uint64_t seconds, bytes; /* 4711: refused */
	} cases[] = {
		{ "90", 90, 90 },
		{ "90s", 90, 4711 },
		{ "15m", 900, 4711 },
		{ "24h", 86400, 4711 },
		{ "7d", 604800, 4711 },
		{ "2w", 1209600, 4711 },
		{ "1d12h", 129600, 4711 },
		{ "1h1m1s", 3661, 4711 },
		{ "3660d", 316224000, 4711 },
		{ "3661d", 4711, 4711 },
		{ "999999999999d", 4711, 4711 },
		{ "d", 4711, 4711 },
		{ "1dd", 4711, 4711 },
		{ "1D", 4711, 4711 },
		{ "1.5h", 4711, 4711 },
		{ "", 4711, 4711 },
		{ "10k", 4711, 10240 },
		{ "10K", 4711, 10240 },
		{ "25M", 4711, 25u << 20 },
		{ "2G", 4711, UINT64_C(2) << 30 },
		{ "k", 4711, 4711 },
		{ "1kk", 4711, 4711 },
		{ "99999999999G", 4711, 4711 },
		{ "10737418240", 4711, UINT64_C(10) << 30 },
		{ "17179869183G", 4711, UINT64_C(17179869183) << 30 },
		{ "17179869184G", 4711, 4711 },
		{ "1T", 4711, 4711 },
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		uint64_t s = 4711, b = 4711;
		enum err e = num_parse_duration(slice_str(cases[i].in), &s);

		assert_int_equal(e == ERR_OK, cases[i].seconds != 4711);
		assert_true(s == cases[i].seconds);
		e = num_parse_size(slice_str(cases[i].in), &b);
		assert_int_equal(e == ERR_OK, cases[i].bytes != 4711);
		assert_true(b == cases[i].bytes);
	}
}

static void test_num_format(void **state)
{
	static const uint64_t seconds[] = { 0, 1, 59, 60, 61, 3600, 86400, 90000, 604800, 31622400 };
	char text[NUM_TEXT], grouped[NUM_TEXT + 8];

	(void)state;
	for (size_t i = 0; i < sizeof seconds / sizeof seconds[0]; i++) {
		uint64_t back = 1;

		(void)num_format_duration(seconds[i], text);
		assert_int_equal((int)num_parse_duration(slice_str(text), &back), ERR_OK);
		assert_true(back == seconds[i]);
	}
	assert_string_equal(num_format_duration(86400, text), "1d");
	assert_string_equal(num_format_duration(90, text), "90s");
	assert_string_equal(num_format_duration(0, text), "0s");
	assert_string_equal(num_format_grouped(0, grouped), "0");
	assert_string_equal(num_format_grouped(999, grouped), "999");
	assert_string_equal(num_format_grouped(1000, grouped), "1,000");
	assert_string_equal(num_format_grouped(61204, grouped), "61,204");
	assert_string_equal(num_format_grouped(UINT64_MAX, grouped), "18,446,744,073,709,551,615");
}

static void test_ipaddr_text(void **state)
{
	static const struct {
		const char *in, *want; /* NULL: refused */
	} cases[] = {
		{ "192.0.2.1", "192.0.2.1" },
		{ "255.255.255.255", "255.255.255.255" },
		{ "2001:DB8:0:0:0:0:0:1", "2001:db8::1" },
		{ "::", "::" },
		{ "::ffff:192.0.2.1", "192.0.2.1" },
		{ "::ffff:c000:201", "192.0.2.1" },
		{ "192.0.2.01", NULL },
		{ "192.0.2.256", NULL },
		{ "192.0.2", NULL },
		{ "192.0.2.1 ", NULL },
		{ "192.0.2.1.", NULL },
		{ "[2001:db8::1]", NULL },
		{ "fe80::1%eth0", NULL },
		{ "2001:db8::1::", NULL },
		{ "IPv6:2001:db8::1", NULL },
		{ "unknown", NULL },
		{ "", NULL },
		{ "1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa", NULL },
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct ipaddr a = { 0 };
		char text[IPADDR_TEXT];
		enum err e = ipaddr_parse(slice_str(cases[i].in), &a);

		assert_int_equal((int)e, cases[i].want ? ERR_OK : ERR_SYNTAX);
		assert_string_equal(ipaddr_format(&a, text), cases[i].want ? cases[i].want : "");
	}
	assert_int_equal((int)ipaddr_parse(slice_of("192.0.2.1\0", 10), &(struct ipaddr){ 0 }), ERR_SYNTAX);
}

static void test_prefix_text(void **state)
{
	static const struct {
		const char *in, *want;
	} cases[] = {
		{ "192.0.2.0/24", "192.0.2.0/24" },
		{ "192.0.2.1/32", "192.0.2.1" },
		{ "0.0.0.0/0", "0.0.0.0/0" },
		{ "2001:db8::/32", "2001:db8::/32" },
		{ "2001:db8::1", "2001:db8::1" },
		{ "::/0", "::/0" },
		{ "192.0.2.1/24", NULL },
		{ "192.0.2.0/33", NULL },
		{ "2001:db8::/129", NULL },
		{ "192.0.2.0/", NULL },
		{ "192.0.2.0/-1", NULL },
		{ "192.0.2.0/24/8", NULL },
		{ "/24", NULL },
		{ "192.0.2.0/ 24", NULL },
		{ "2001:db8::1/64", NULL },
		{ "::ffff:192.0.2.1", "192.0.2.1" },
		{ "::ffff:192.0.2.1/128", "192.0.2.1" },
		{ "::ffff:192.0.2.0/120", "192.0.2.0/24" },
		{ "::ffff:0:0/96", "0.0.0.0/0" },
		{ "::ffff:0:0/95", NULL },
		{ "::ffff:10.0.0.0/8", NULL },
		{ "::ffff:192.0.2.1/129", NULL },
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct prefix p = { 0 };
		char text[PREFIX_TEXT];
		enum err e = prefix_parse(slice_str(cases[i].in), &p);

		assert_int_equal(e == ERR_OK, cases[i].want != NULL);
		if (cases[i].want)
			assert_string_equal(prefix_format(&p, text), cases[i].want);
		else
			assert_int_equal(p.addr.family, 0);
	}
}

/* prefix_of, prefix_has and prefix_overlaps agree bit by bit. */
static void test_prefix_bits(void **state)
{
	unsigned seed = 11;

	(void)state;
	for (int i = 0; i < 20000; i++) {
		struct ipaddr a = { .family = rand_r(&seed) % 2 ? 4 : 6 }, b;
		unsigned bits = ipaddr_bits(&a), len = (unsigned)rand_r(&seed) % (bits + 1), flip;
		struct prefix p, q;

		for (unsigned j = 0; j < bits / 8; j++)
			a.b[j] = (uint8_t)rand_r(&seed);
		p = prefix_of(&a, len);
		assert_true(prefix_has(&p, &a) && p.len == len);
		b = a;
		flip = (unsigned)rand_r(&seed) % bits;
		b.b[flip / 8] ^= (uint8_t)(0x80u >> flip % 8);
		assert_int_equal(prefix_has(&p, &b), flip >= len);
		q = prefix_of(&b, (unsigned)rand_r(&seed) % (bits + 1));
		assert_int_equal(prefix_overlaps(&p, &q), flip >= p.len || flip >= q.len);
		assert_int_equal(prefix_overlaps(&q, &p), prefix_overlaps(&p, &q));
		b.family = a.family == 4 ? 6 : 4;
		assert_false(prefix_has(&p, &b));
	}
}

static void test_private(void **state)
{
	static const struct {
		const char *in;
		bool want;
	} cases[] = {
		{ "10.0.0.1", true },
		{ "11.0.0.0", false },
		{ "172.15.255.255", false },
		{ "172.16.0.0", true },
		{ "172.31.255.255", true },
		{ "172.32.0.0", false },
		{ "192.168.0.1", true },
		{ "192.167.255.255", false },
		{ "100.63.255.255", false },
		{ "100.64.0.0", true },
		{ "100.127.255.255", true },
		{ "100.128.0.0", false },
		{ "127.0.0.1", true },
		{ "169.254.1.1", true },
		{ "0.0.0.0", true },
		{ "224.0.0.1", true },
		{ "255.255.255.255", true },
		{ "192.0.2.1", false },
		{ "198.51.100.1", false },
		{ "203.0.113.1", false },
		{ "::", true },
		{ "::1", true },
		{ "::2", false },
		{ "fe80::1", true },
		{ "fd00::1", true },
		{ "fc00::", true },
		{ "ff02::1", true },
		{ "2001:db8::1", false },
		{ "2000::1", false },
		{ "::ffff:10.0.0.1", true },
		{ "fbff::1", false },
	};
	struct ipaddr none = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct ipaddr a;

		assert_int_equal((int)ipaddr_parse(slice_str(cases[i].in), &a), ERR_OK);
		if (ipaddr_is_private(&a) != cases[i].want)
			fail_msg("%s", cases[i].in);
	}
	assert_true(ipaddr_is_private(&none));
}

static void test_escape(void **state)
{
	char to[64], small[8];

	(void)state;
	assert_string_equal(escape_text(SLICE_LIT("plain text = 1"), to, sizeof to), "plain text = 1");
	assert_string_equal(escape_text(SLICE_LIT("a\"b\\c\n\x7f\xc3"), to, sizeof to), "a\\x22b\\x5cc\\x0a\\x7f\\xc3");
	assert_string_equal(escape_text(slice_of("\0\x1b", 2), to, sizeof to), "\\x00\\x1b");
	assert_string_equal(escape_text((struct slice){ 0 }, to, sizeof to), "");
	assert_string_equal(escape_text(SLICE_LIT("1234567"), small, sizeof small), "1234567");
	assert_string_equal(escape_text(SLICE_LIT("12345678"), small, sizeof small), "1234...");
	assert_string_equal(escape_text(SLICE_LIT("123\n"), small, sizeof small), "123\\x0a");
	assert_string_equal(escape_text(SLICE_LIT("1234\n"), small, sizeof small), "1234...");
	assert_string_equal(escape_text(SLICE_LIT("\n\n"), small, sizeof small), "\\x0a...");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_slice),
		cmocka_unit_test(test_slice_words_and_lines),
		cmocka_unit_test(test_buf),
		cmocka_unit_test(test_buf_grows),
		cmocka_unit_test(test_wire_round_trip),
		cmocka_unit_test(test_wire_refuses),
		cmocka_unit_test(test_num),
		cmocka_unit_test(test_num_units),
		cmocka_unit_test(test_num_format),
		cmocka_unit_test(test_ipaddr_text),
		cmocka_unit_test(test_prefix_text),
		cmocka_unit_test(test_prefix_bits),
		cmocka_unit_test(test_private),
		cmocka_unit_test(test_escape),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
