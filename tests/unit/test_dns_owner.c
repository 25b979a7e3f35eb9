/*
 * dns_owner: names and prefixes, forth and back; what no zone can tell apart.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "core/dns_owner.h"
#include "core/dns_wire.h"

#define ZONE "bl.example"

static struct prefix prefix(const char *text)
{
	struct prefix p;

	assert_int_equal(prefix_parse(slice_str(text), &p), ERR_OK);
	return p;
}

/* The owner as text, through the wire. */
static void name_of(const struct prefix *p, char to[DNS_NAME])
{
	uint8_t bytes[DNS_NAME];
	struct wr w = wr_init(bytes, sizeof bytes);
	size_t at = 0;

	dns_owner_put(&w, p);
	assert_true(w.n <= DNS_OWNER_LABELS);
	dns_wire_put_name(&w, ZONE);
	assert_false(w.bad);
	assert_int_equal(dns_wire_name(wr_slice(&w), &at, to), ERR_OK);
}

static void test_names(void **state)
{
	static const char *const same[][2] = { { "192.0.2.66", "66.2.0.192." ZONE }, { "1.2.3.4", "4.3.2.1." ZONE },
		{ "192.0.2.0/24", "*.2.0.192." ZONE }, { "10.0.0.0/8", "*.10." ZONE },
		{ "2.6.10.0/24", "*.10.6.2." ZONE }, { "2001:db8:66::/64", "*.0.0.0.0.6.6.0.0.8.b.d.0.1.0.0.2." ZONE },
		{ "2600::/16", "*.0.0.6.2." ZONE } };

	(void)state;
	for (unsigned i = 0; i < sizeof same / sizeof *same; i++) {
		struct prefix p = prefix(same[i][0]), back;
		char name[DNS_NAME];

		assert_true(dns_owner_is_name(&p));
		name_of(&p, name);
		assert_string_equal(name, same[i][1]);
		assert_true(dns_owner_read(name, ZONE, &back));
		assert_true(prefix_eq(&p, &back));
	}
}

static void test_no_names(void **state)
{
	static const char *const several[] = { "192.0.2.0/25", "0.0.0.0/0", "2001:db8::/63", "2000::/12", "2.6.0.0/24",
		"2.6.0.0/16", "9.0.0.0/8", "::/0" };
	static const char *const strange[] = { ZONE, "www." ZONE, "1.2.3." ZONE, "4.3.2.1.xbl.example", "4.3.2.1",
		"4.3.2.01." ZONE, "256.3.2.1." ZONE, "*.4.3.2.1." ZONE ".", "*." ZONE, "*.0.6.2." ZONE,
		"5.4.3.2.1." ZONE, "4..2.1." ZONE, ".4.3.2.1." ZONE, "*." ZONE ".", "x.3.2.1." ZONE, "+4.3.2.1." ZONE,
		"4.3.2.1" ZONE, "a.b.4.3.2.1." ZONE, "" };
	struct prefix p;

	(void)state;
	for (unsigned i = 0; i < sizeof several / sizeof *several; i++) {
		p = prefix(several[i]);
		assert_false(dns_owner_is_name(&p));
	}
	for (unsigned i = 0; i < sizeof strange / sizeof *strange; i++)
		if (dns_owner_read(strange[i], ZONE, &p))
			fail_msg("%s is taken for ours", strange[i]);
}

/* Cut p until its parts are names; count them. */
static size_t count(const struct prefix *p)
{
	struct prefix half[2];

	if (dns_owner_is_name(p))
		return 1;
	prefix_halve(p, half);
	assert_true(prefix_has(p, &half[0].addr) && prefix_has(p, &half[1].addr));
	assert_false(prefix_overlaps(&half[0], &half[1]));
	return count(&half[0]) + count(&half[1]);
}

static void test_parts(void **state)
{
	static const struct {
		const char *prefix;
		size_t names;
	} parts[] = { { "192.0.2.0/25", 128 }, { "192.0.2.0/31", 2 }, { "192.0.0.0/17", 128 }, { "10.0.0.0/7", 2 },
		{ "2.6.0.0/24", 256 }, { "2.6.0.0/16", 246 + 10 * 256 }, { "2001:db8::/63", 2 }, { "2000::/12", 16 } };

	(void)state;
	for (unsigned i = 0; i < sizeof parts / sizeof *parts; i++) {
		struct prefix p = prefix(parts[i].prefix);

		assert_int_equal(count(&p), parts[i].names);
	}
}

/* RFC 1035 2.3.4: a name has 255 bytes on the wire, its root among them. */
static void test_longest_zone(void **state)
{
	struct prefix host = prefix("2001:db8::66");
	char zone[DNS_OWNER_ZONE + 1];
	uint8_t bytes[2 * DNS_NAME];
	struct wr w = wr_init(bytes, sizeof bytes);

	(void)state;
	memset(zone, 'a', DNS_OWNER_ZONE);
	zone[DNS_OWNER_ZONE] = '\0';
	for (size_t i = 60; i < DNS_OWNER_ZONE; i += 60)
		zone[i] = '.';
	dns_owner_put(&w, &host);
	dns_wire_put_name(&w, zone);
	assert_int_equal(w.n, 255);
}

/* The same where names are read: no byte more. */
static void test_longest_name(void **state)
{
	(void)state;
	for (uint8_t last = 60; last <= 63; last++) {
		uint8_t bytes[2 * DNS_NAME];
		struct wr w = wr_init(bytes, sizeof bytes);
		char to[DNS_NAME];
		size_t at = 0;

		for (int i = 0; i < 4; i++) {
			uint8_t n = i < 3 ? 63 : last;

			wr_u8(&w, n);
			for (uint8_t k = 0; k < n; k++)
				wr_u8(&w, 'a');
		}
		wr_u8(&w, 0);
		assert_int_equal(dns_wire_name(wr_slice(&w), &at, to), w.n <= 255 ? ERR_OK : ERR_SYNTAX);
		if (w.n <= 255)
			assert_int_equal(strlen(to), w.n - 2);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_no_names),
		cmocka_unit_test(test_parts),
		cmocka_unit_test(test_longest_zone),
		cmocka_unit_test(test_longest_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
