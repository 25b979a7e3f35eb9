/*
 * dnsbl_list, dnsbl_rate, dnsbl_stream: who is listed, beside a naive list that
 * is looked through from end to end; the rate limit over time; a stream in all
 * its splits.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "core/dnsbl_rate.h"
#include "core/dnsbl_stream.h"
#include "dnsbl_rig.h"

#define ROUNDS 40
#define ENTRIES 60
#define HOSTS 2000

static struct dnsbl_rig rig;
static uint64_t rng = 88172645463325252u;

static uint32_t rnd(uint32_t n)
{
	rng ^= rng << 13;
	rng ^= rng >> 7;
	rng ^= rng << 17;
	return (uint32_t)((rng >> 11) % n);
}

/* Few networks, so that one often hits the other. */
static struct ipaddr any_host(void)
{
	struct ipaddr a = { .family = rnd(3) ? 4 : 6 };

	if (a.family == 4)
		memcpy(a.b, (uint8_t[]){ 198, 51, (uint8_t)(100 + rnd(2)), (uint8_t)rnd(256) }, 4);
	else
		memcpy(a.b,
			(uint8_t[]){ 0x20, 1, 0xd, 0xb8, 0, (uint8_t)rnd(2), 0, (uint8_t)rnd(4), (uint8_t)rnd(4), 1 },
			10);
	return a;
}

static struct prefix any_prefix(void)
{
	struct ipaddr a = any_host();

	return prefix_of(&a, a.family == 4 ? 24 + rnd(9) : 60 + rnd(69));
}

struct naive {
	struct prefix entry[3][ENTRIES]; /* holes, two feeds */
	struct block_entry block[ENTRIES];
};

static void make_area(struct naive *n, unsigned which)
{
	struct prefix_set s = { 0 };

	for (unsigned i = 0; i < ENTRIES; i++) {
		n->entry[which][i] = which ? any_prefix() : prefix_of(&(struct ipaddr){ .family = 4 }, 32);
		if (!which && i < 8)
			n->entry[0][i] = any_prefix();
		assert_int_equal(prefix_set_add(&s, &n->entry[which][i], false), ERR_OK);
	}
	assert_int_equal(prefix_set_seal(&s), ERR_OK);
	if (which == 0) {
		free(rig.memory[FEEDS_MAX]);
		rig.memory[FEEDS_MAX] = area_of(&s, &rig.list.holes);
		rig.list.has_holes = true;
	} else {
		rig.memory[which] = area_of(&s, &rig.list.feed[which].area);
		rig.list.feed[which].is_used = true;
		rig.list.feed[which].code = (uint8_t)(10 + which);
		rig.list.feeds = which + 1;
	}
	prefix_set_done(&s);
}

static bool is_in(const struct prefix *p, const struct ipaddr *host)
{
	for (unsigned i = 0; i < ENTRIES; i++)
		if (prefix_has(&p[i], host))
			return true;
	return false;
}

static unsigned codes_of(const struct naive *n, const struct ipaddr *host)
{
	unsigned codes = 0;

	if (is_in(n->entry[0], host))
		return 0;
	for (unsigned f = 1; f < 3; f++)
		codes |= is_in(n->entry[f], host) ? 1u << (10 + f) : 0;
	for (unsigned i = 0; i < ENTRIES; i++)
		if (prefix_has(&n->block[i].subject, host) && n->block[i].until > rig.now)
			return codes | 1u << 2;
	return codes;
}

static void check_hosts(const struct naive *n)
{
	for (unsigned i = 0; i < HOSTS; i++) {
		struct ipaddr host = any_host();
		struct dnsbl_listing l;
		unsigned codes = 0;

		dnsbl_list_warm(&rig.list, &host, 0);
		dnsbl_list_warm(&rig.list, &host, 1);
		dnsbl_list_find(&rig.list, &host, rig.now, &l);
		for (unsigned k = 0; k < l.count; k++)
			codes |= 1u << l.reason[k].code;
		assert_int_equal(codes, codes_of(n, &host));
	}
}

static void the_same_as_a_naive_list(void **state)
{
	static struct naive n;

	(void)state;
	for (unsigned round = 0; round < ROUNDS; round++) {
		dnsbl_rig_init(&rig, "bl.test");
		for (unsigned f = 0; f < 3; f++)
			make_area(&n, f);
		for (unsigned i = 0; i < ENTRIES; i++) {
			n.block[i] = (struct block_entry){
				.subject = any_prefix(), .until = RIG_NOW + rnd(20), .code = 554, .case_id = "ABCD-EFGH"
			};
			/* of two with one subject the later counts */
			for (unsigned k = 0; k < i; k++)
				if (prefix_eq(&n.block[k].subject, &n.block[i].subject))
					n.block[k].until = 0;
			block_share_put(&rig.share, &n.block[i]);
		}
		for (unsigned t = 0; t < 3; t++, rig.now += 7)
			check_hosts(&n);
		rig.list.is_acting = false;
		memset(&n, 0, sizeof n);
		check_hosts(&n);
		dnsbl_rig_done(&rig);
	}
}

static void many_addresses_are_found(void **state)
{
	struct prefix_set s = { 0 };

	(void)state;
	dnsbl_rig_init(&rig, "bl.test");
	/* crowded and empty parts: the guess where an address lies is wrong in both */
	for (uint32_t i = 0; i < 100000; i++) {
		uint32_t v = 0x20000000u + (i % 3 ? i * 7 : i * i * 131);
		struct ipaddr a = { .family = 4,
			.b = { (uint8_t)(v >> 24), (uint8_t)(v >> 16), (uint8_t)(v >> 8), (uint8_t)v } };

		assert_int_equal(prefix_set_add_range(&s, &a, &a, false), ERR_OK);
	}
	assert_int_equal(prefix_set_seal(&s), ERR_OK);
	rig.memory[0] = area_of(&s, &rig.list.feed[0].area);
	for (uint32_t i = 0; i < 1000000; i++) {
		uint32_t v = 0x20000000u + (i % 2 ? i : rnd(1u << 31));
		struct ipaddr a = { .family = 4,
			.b = { (uint8_t)(v >> 24), (uint8_t)(v >> 16), (uint8_t)(v >> 8), (uint8_t)v } };

		assert_int_equal(feed_area_find(&rig.list.feed[0].area, &a, NULL), prefix_set_has(&s, &a));
	}
	prefix_set_done(&s);
	dnsbl_rig_done(&rig);
}

/* ---- rate */

static unsigned answered(struct dnsbl_rate *r, const char *host, unsigned questions, uint64_t now_ms, unsigned *slips)
{
	struct ipaddr a;
	unsigned n = 0;

	assert_int_equal(ipaddr_parse(slice_str(host), &a), ERR_OK);
	for (unsigned i = 0; i < questions; i++) {
		enum dnsbl_rate_say say = dnsbl_rate_take(r, &a, 10, now_ms);

		n += say == DNSBL_RATE_ANSWER;
		*slips += say == DNSBL_RATE_SLIP;
	}
	return n;
}

static void the_rate_is_kept(void **state)
{
	static struct dnsbl_rate r;
	unsigned slips = 0;
	uint64_t now = UINT32_MAX - 1500; /* the low bits wrap on the way */

	(void)state;
	assert_int_equal(answered(&r, "192.0.2.1", 30, now, &slips), 10);
	assert_int_equal(slips, 10); /* every second one of those beyond */
	assert_int_equal(answered(&r, "192.0.2.200", 5, now, &slips), 0);
	assert_int_equal(answered(&r, "192.0.3.1", 5, now, &slips), 5);
	assert_int_equal(answered(&r, "2001:db8:0:1::1", 20, now, &slips), 10);
	assert_int_equal(answered(&r, "2001:db8:0:ff::1", 5, now, &slips), 0);
	assert_int_equal(answered(&r, "2001:db8:0:100::1", 5, now, &slips), 5);
	assert_int_equal(answered(&r, "192.0.2.1", 30, now + 500, &slips), 5);
	assert_int_equal(answered(&r, "192.0.2.1", 30, now + 3000, &slips), 10);
	for (unsigned ms = 0, n = 0; ms <= 5000; ms += 10) {
		n += answered(&r, "192.0.2.1", 1, now + 10000 + ms, &slips);
		assert_true(n <= 10 + ms / 100 + 1);
	}
}

/* Where there is no room the network goes that was quiet longest, not one that asks just now. */
static void who_asks_is_remembered(void **state)
{
	static struct dnsbl_rate r;
	struct ipaddr a = { .family = 4 };
	unsigned remembered = 0;

	(void)state;
	for (uint32_t i = 0; i < 300000 + 20000; i++) {
		bool is_busy = i >= 300000;
		uint32_t n = is_busy ? i % 1000 : i;

		memcpy(a.b, (uint8_t[]){ (uint8_t)(n >> 16 | (is_busy ? 0x80u : 0)), (uint8_t)(n >> 8), (uint8_t)n },
			3);
		(void)dnsbl_rate_take(&r, &a, 1, is_busy ? 5000 : i / 100);
		if (is_busy && i % 10 == 0) { /* somebody new, besides */
			a.b[0] = 0x40;
			memcpy(a.b + 1, (uint8_t[]){ (uint8_t)(i >> 8), (uint8_t)i }, 2);
			(void)dnsbl_rate_take(&r, &a, 1, 5000);
		}
	}
	for (uint32_t n = 0; n < 1000; n++) {
		memcpy(a.b, (uint8_t[]){ 0x80, (uint8_t)(n >> 8), (uint8_t)n }, 3);
		remembered += dnsbl_rate_take(&r, &a, 1, 5000) != DNSBL_RATE_ANSWER;
	}
	assert_int_equal(remembered, 1000);
}

static void more_networks_than_it_remembers(void **state)
{
	static struct dnsbl_rate r;
	struct ipaddr a = { .family = 4 };
	unsigned used = 0;

	(void)state;
	for (uint32_t i = 0; i < 300000; i++) {
		memcpy(a.b, (uint8_t[]){ (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i }, 3);
		assert_int_equal(dnsbl_rate_take(&r, &a, 1, i / 100), DNSBL_RATE_ANSWER);
	}
	/* all of its room, but for chance */
	for (unsigned i = 0; i < DNSBL_RATE_SETS * DNSBL_RATE_WAYS; i++)
		used += r.slot[i / DNSBL_RATE_WAYS][i % DNSBL_RATE_WAYS].hash != 0;
	assert_true(used > DNSBL_RATE_SETS * DNSBL_RATE_WAYS / 100 * 99);
}

/* ---- stream */

static void put_question(uint8_t *to, size_t *n, size_t length, uint8_t fill)
{
	to[(*n)++] = (uint8_t)(length >> 8);
	to[(*n)++] = (uint8_t)length;
	memset(to + *n, fill, length);
	*n += length;
}

/* The lengths of all questions, as a text. */
static void read_stream(const uint8_t *p, size_t n, size_t first, size_t step, char to[200])
{
	static struct dnsbl_stream s;
	size_t at = 0;

	s = (struct dnsbl_stream){ 0 };
	to[0] = '\0';
	while (at < n) {
		size_t room, take = at ? step : first;
		uint8_t *room_at = dnsbl_stream_room(&s, &room);
		struct slice q;
		enum err e;

		take = take < n - at ? take : n - at;
		take = take < room ? take : room;
		assert_true(take > 0);
		memcpy(room_at, p + at, take);
		dnsbl_stream_add(&s, take);
		at += take;
		while ((e = dnsbl_stream_next(&s, &q)) == ERR_OK)
			(void)snprintf(to + strlen(to), 200 - strlen(to), "%zu%c ", q.n, q.p[q.n - 1]);
		if (e == ERR_SYNTAX) {
			(void)snprintf(to + strlen(to), 200 - strlen(to), "bad");
			return;
		}
	}
}

static void a_stream_in_any_split(void **state)
{
	static uint8_t bytes[4096];
	char got[200];
	size_t n = 0;

	(void)state;
	put_question(bytes, &n, 12, 'a');
	put_question(bytes, &n, DNSBL_QUESTION, 'b');
	put_question(bytes, &n, 300, 'c');
	put_question(bytes, &n, 17, 'd');
	for (size_t first = 1; first <= n; first++) {
		read_stream(bytes, n, first, n, got);
		assert_string_equal(got, "12a 2048b 300c 17d ");
	}
	for (size_t step = 1; step < 50; step++) {
		read_stream(bytes, n, step, step, got);
		assert_string_equal(got, "12a 2048b 300c 17d ");
	}
	bytes[n] = 0;
	bytes[n + 1] = DNSBL_HEADER - 1;
	read_stream(bytes, n + 2, 5, 5, got);
	assert_string_equal(got, "12a 2048b 300c 17d bad");
	bytes[0] = 0xff;
	read_stream(bytes, n, 1, 1, got);
	assert_string_equal(got, "bad");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_same_as_a_naive_list),
		cmocka_unit_test(many_addresses_are_found),
		cmocka_unit_test(the_rate_is_kept),
		cmocka_unit_test(more_networks_than_it_remembers),
		cmocka_unit_test(who_asks_is_remembered),
		cmocka_unit_test(a_stream_in_any_split),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
