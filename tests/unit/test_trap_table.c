/*
 * test_trap_table: lookups as Postfix does them, against a naive list, at the
 * caps, and with a million traps (memory and time are printed).
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "core/trap_table.h"

static const uint8_t key[SIPHASH_KEY] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16 };

static enum err add_line(struct trap_table *t, const char *line, struct trap **ret)
{
	struct trap_line l;
	char reason[128] = "";
	bool any;

	if (trap_file_line(slice_str(line), 1, &l, &any, reason, sizeof reason) != ERR_OK)
		fail_msg("%s: %s", line, reason);
	return trap_table_add(t, &l, ret);
}

static struct trap *add(struct trap_table *t, const char *line)
{
	struct trap *trap = NULL;

	assert_int_equal((int)add_line(t, line, &trap), ERR_OK);
	return trap;
}

static const char *find(const struct trap_table *t, const char *rcpt)
{
	struct address a;
	const struct trap *trap;

	assert_int_equal((int)address_parse(slice_str(rcpt), &a), ERR_OK);
	trap = trap_table_find(t, &a);
	return trap ? trap_table_text(t, trap) : "none";
}

static void test_find(void **state)
{
	struct trap_table *t = trap_table_new(key, "+-");
	struct trap *trap;

	(void)state;
	assert_non_null(t);
	assert_string_equal(find(t, "a@example.org"), "none");
	add(t, "A@Example.org tag=site weight=2.5 state=armed");
	add(t, "b+ext@example.org");
	add(t, "@old.example tag=old state=retired");
	add(t, "known@old.example tag=site");
	add(t, "/^x/ tag=p");
	assert_string_equal(find(t, "a@example.org"), "a@example.org");
	assert_string_equal(find(t, "a+x@example.org"), "a@example.org");
	assert_string_equal(find(t, "a-x+y@example.org"), "a@example.org");
	assert_string_equal(find(t, "b+ext@example.org"), "b+ext@example.org");
	assert_string_equal(find(t, "b@example.org"), "none");
	assert_string_equal(find(t, "b+other@example.org"), "none");
	assert_string_equal(find(t, "aa@example.org"), "none");
	assert_string_equal(find(t, "a@sub.example.org"), "none");
	assert_string_equal(find(t, "anything@old.example"), "@old.example");
	assert_string_equal(find(t, "known+x@old.example"), "known@old.example");
	assert_string_equal(find(t, "x@sub.old.example"), "none");
	assert_string_equal(find(t, "x@example.org"), "none"); /* a pattern alone makes no trap */
	assert_string_equal(find(t, "<>"), "none");
	assert_string_equal(find(t, "a"), "none");
	trap = trap_table_get(t, SLICE_LIT("a@example.org"));
	assert_non_null(trap);
	assert_string_equal(trap_table_tag(t, trap), "site");
	assert_float_equal(trap->weight, 2.5f, 1e-6f);
	assert_int_equal((int)trap->state, TRAP_ARMED);
	assert_int_equal((int)trap->id, 0);
	assert_int_equal((int)trap_table_get(t, SLICE_LIT("@old.example"))->state, TRAP_RETIRED);
	assert_int_equal((int)trap_table_get(t, SLICE_LIT("/^x/"))->kind, TRAP_PATTERN);
	assert_string_equal(trap_table_tag(t, trap_table_get(t, SLICE_LIT("b+ext@example.org"))), "");
	assert_null(trap_table_get(t, SLICE_LIT("/^y/")));
	assert_int_equal((int)trap_table_count(t), 5);
	assert_string_equal(trap_table_text(t, trap_table_at(t, 2)), "@old.example");
	trap_table_free(t);
	trap_table_free(NULL);
}

static void test_no_delimiter(void **state)
{
	struct trap_table *t = trap_table_new(key, "");

	(void)state;
	assert_non_null(t);
	add(t, "a@example.org");
	assert_string_equal(find(t, "a+x@example.org"), "none");
	trap_table_free(t);
}

static void test_add_twice(void **state)
{
	struct trap_table *t = trap_table_new(key, "+");
	struct trap *trap = NULL;

	(void)state;
	assert_non_null(t);
	add(t, "a@b weight=2");
	assert_int_equal((int)add_line(t, "A@B. weight=3", &trap), ERR_EXISTS);
	assert_null(trap);
	assert_float_equal(trap_table_get(t, SLICE_LIT("a@b"))->weight, 2.0f, 1e-6f);
	assert_int_equal((int)trap_table_count(t), 1);
	trap_table_free(t);
}

static void test_caps(void **state)
{
	struct trap_table *t = trap_table_new(key, "+");
	struct trap *trap = NULL;
	char line[100];

	(void)state;
	assert_non_null(t);
	for (unsigned i = 0; i < TRAP_TABLE_PATTERNS; i++) {
		(void)snprintf(line, sizeof line, "/p%u/", i);
		add(t, line);
	}
	assert_int_equal((int)add_line(t, "/one more/", &trap), ERR_FULL);
	for (unsigned i = 1; i < TRAP_TABLE_TAGS; i++) {
		(void)snprintf(line, sizeof line, "u%u@d tag=t%u", i, i);
		assert_string_equal(trap_table_tag(t, add(t, line)), strchr(line, '=') + 1);
	}
	assert_int_equal((int)add_line(t, "more@d tag=more", &trap), ERR_FULL);
	assert_null(trap_table_get(t, SLICE_LIT("more@d")));
	assert_string_equal(trap_table_tag(t, add(t, "more@d tag=t17")), "t17");
	for (unsigned i = 1; i < TRAP_TABLE_TAGS; i++) {
		(void)snprintf(line, sizeof line, "u%u@d", i);
		assert_int_equal(atoi(trap_table_tag(t, trap_table_get(t, slice_str(line))) + 1), (int)i);
	}
	trap_table_free(t);
}

/* Short names over a small alphabet, so that most lookups hit: the same answer as walking a list. */
static void test_against_list(void **state)
{
	static char list[2000][40];
	struct trap_table *t = trap_table_new(key, "+");
	size_t count = 0;
	unsigned seed = 7;

	(void)state;
	assert_non_null(t);
	while (count < 2000) {
		struct trap *trap;
		unsigned a = (unsigned)rand_r(&seed) % 1500, d = (unsigned)rand_r(&seed) % 40;

		(void)snprintf(list[count], sizeof list[count], a < 10 ? "@d%u" : "u%u@d%u", a < 10 ? d : a, d);
		if (add_line(t, list[count], &trap) == ERR_OK)
			count++;
	}
	for (int i = 0; i < 20000; i++) {
		unsigned a = (unsigned)rand_r(&seed) % 1500, d = (unsigned)rand_r(&seed) % 40;
		const char *ext = rand_r(&seed) % 2 ? "+x" : "", *want = "none";
		char rcpt[40], exact[40], domain[40];

		(void)snprintf(rcpt, sizeof rcpt, "u%u%s@d%u", a, ext, d);
		(void)snprintf(exact, sizeof exact, "u%u@d%u", a, d);
		(void)snprintf(domain, sizeof domain, "@d%u", d);
		for (size_t j = 0; j < count; j++)
			if (strcmp(list[j], exact) == 0 || (strcmp(list[j], domain) == 0 && want[0] == 'n'))
				want = list[j];
		assert_string_equal(find(t, rcpt), want);
	}
	trap_table_free(t);
}

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

#define MANY 1000000u
#define LOOKUPS 200000u

static uint64_t look_up_many(const struct trap_table *t, const char *head, const char *tail, size_t want)
{
	static struct address rcpt[2000];
	uint64_t ns = 0;
	size_t found = 0;
	unsigned seed = 3;

	for (unsigned done = 0; done < LOOKUPS; done += 2000) {
		uint64_t start;

		for (size_t i = 0; i < 2000; i++) {
			char text[80];

			(void)snprintf(text, sizeof text, "%s%u%s", head, (unsigned)rand_r(&seed) % MANY, tail);
			assert_int_equal((int)address_parse(slice_str(text), &rcpt[i]), ERR_OK);
		}
		start = now_ns();
		for (size_t i = 0; i < 2000; i++)
			found += trap_table_find(t, &rcpt[i]) != NULL;
		ns += now_ns() - start;
	}
	assert_int_equal((int)found, (int)want);
	return ns / LOOKUPS;
}

static void test_a_million(void **state)
{
	struct trap_table *t = trap_table_new(key, "+");
	size_t before = mallinfo2().uordblks + mallinfo2().hblkhd, bytes;
	uint64_t start = now_ns(), add_ns;

	(void)state;
	assert_non_null(t);
	for (unsigned i = 0; i < MANY; i++) {
		char line[80];

		(void)snprintf(line, sizeof line, "former.customer%u@traps.example.org", i);
		add(t, line);
	}
	add_ns = (now_ns() - start) / MANY;
	bytes = mallinfo2().uordblks + mallinfo2().hblkhd - before;
	print_message("# a million traps: %zu MB, %llu ns to parse and add, %llu ns to find, %llu ns not to find\n",
		bytes / 1000000, (unsigned long long)add_ns,
		(unsigned long long)look_up_many(t, "former.customer", "@traps.example.org", LOOKUPS),
		(unsigned long long)look_up_many(t, "live.customer", "+x@example.org", 0));
	assert_true(bytes <= 150000000);
	trap_table_free(t);
}

/* With room made before, and given back in pieces. */
static void test_reserve(void **state)
{
	struct trap_table *t = trap_table_new(key, "");
	char line[64];
	unsigned pieces = 1;

	(void)state;
	assert_non_null(t);
	trap_table_reserve(t, 300000);
	for (int i = 0; i < 300000; i++) {
		(void)snprintf(line, sizeof line, "old%d@example.org", i);
		assert_false(add(t, line)->is_new);
	}
	assert_string_equal(find(t, "old0@example.org"), "old0@example.org");
	assert_string_equal(find(t, "old299999@example.org"), "old299999@example.org");
	assert_string_equal(find(t, "old300000@example.org"), "none");
	while (!trap_table_free_some(t))
		pieces++;
	assert_in_range(pieces, 2, 100);
	assert_true(trap_table_free_some(NULL));
	/* more than was thought of, and nothing at all */
	t = trap_table_new(key, "");
	trap_table_reserve(t, 0);
	for (int i = 0; i < 5000; i++) {
		(void)snprintf(line, sizeof line, "old%d@example.org", i);
		(void)add(t, line);
	}
	assert_string_equal(find(t, "old4999@example.org"), "old4999@example.org");
	trap_table_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_find),
		cmocka_unit_test(test_no_delimiter),
		cmocka_unit_test(test_add_twice),
		cmocka_unit_test(test_caps),
		cmocka_unit_test(test_against_list),
		cmocka_unit_test(test_reserve),
		cmocka_unit_test(test_a_million),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
