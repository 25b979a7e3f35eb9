/*
 * What is hidden of texts that spammers write, in which forms; what is not.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "role/engine.h"

#define EXACT "h.mueller98@example.org"

static struct engine engine;
static const uint8_t key[SIPHASH_KEY] = "0123456789abcdef";

static void add(const char *text, uint32_t id, enum trap_state state)
{
	struct trap_line line;
	struct trap *t;
	char why[200];
	bool is_any;

	assert_int_equal(trap_file_line(slice_str(text), 1, &line, &is_any, why, sizeof why), ERR_OK);
	assert_int_equal(trap_table_add(engine.traps, &line, &t), ERR_OK);
	t->id = id;
	t->state = state;
}

static int setup(void **state)
{
	(void)state;
	engine.traps = trap_table_new(key, "+");
	assert_non_null(engine.traps);
	add(EXACT, 1, TRAP_ARMED);
	add("@gone.example", 2, TRAP_ARMED);
	add("person@example.org", 3, TRAP_SUSPENDED);
	add("ab@example.org", 4, TRAP_WATCHING);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	trap_table_free(engine.traps);
	engine.traps = NULL;
	return 0;
}

static void shown_as(const char *text, const char *expected)
{
	char to[ENGINE_HIDE_TEXT];

	assert_string_equal(engine_hide_traps(&engine, text, to, sizeof to), expected);
}

static void stays(const char *text)
{
	shown_as(text, text);
}

static void test_as_it_is(void **state)
{
	(void)state;
	shown_as(EXACT, "(T-1)");
	shown_as("H.MUELLER98@Example.ORG.", "(T-1)");
	shown_as("\"h.mueller98\"@example.org", "(T-1)");
	shown_as("h.mueller98+x@example.org", "(T-1)");
	shown_as("for " EXACT " and " EXACT "!", "for (T-1) and (T-1)!");
	shown_as("mailto:" EXACT "?subject=x", "mailto:(T-1)?subject=x");
	shown_as("any.one@gone.example", "(T-2)");
	shown_as("<" EXACT ".4711.0815@spam.example>", "<(T-1).4711.0815@spam.example>");
	shown_as("say \"h.mueller98\"@example.org", "say (T-1)");
}

static void test_in_return_paths(void **state)
{
	(void)state;
	shown_as("bounce-h.mueller98=example.org@spam.example", "bounce-(T-1)@spam.example");
	shown_as("bounce+h.mueller98=example.org@spam.example", "bounce+(T-1)@spam.example");
	shown_as("SRS0=abcd=xy=example.org=h.mueller98@fwd.example", "SRS0=abcd=xy=(T-1)@fwd.example");
	shown_as("SRS1=ab=other.example==cd=xy=example.org=h.mueller98@fwd.example",
		"SRS1=ab=other.example==cd=xy=(T-1)@fwd.example");
	shown_as("prvs=123456abcd=" EXACT, "prvs=123456abcd=(T-1)");
	shown_as("h.mueller98%example.org@relay.example", "(T-1)@relay.example");
	shown_as("h.mueller98#example.org", "(T-1)");
	shown_as("h.mueller98?example.org", "(T-1)");
	shown_as("h.mueller98-at-example.org@spam.example", "(T-1)@spam.example");
	shown_as("h.mueller98 (at) example.org", "(T-1)");
	shown_as("h.mueller98 AT example.org", "(T-1)");
	shown_as("h.mueller98=40example.org", "(T-1)");
	shown_as("x=y@gone.example", "(T-2)");
}

static void test_encoded(void **state)
{
	(void)state;
	shown_as("http://x.example/?u=h.mueller98%40example.org&n=1", "http://x.example/?u=(T-1)&n=1");
	shown_as("http://x.example/?u=%68.mueller98%40example.org", "http://x.example/?u=(T-1)");
	shown_as("=?utf-8?B?dG8gaC5tdWVsbGVyOThAZXhhbXBsZS5vcmc=?=", "to (T-1)");
	shown_as("=?utf-8?Q?to_h.mueller98=40example.org?=", "=?utf-8?Q?to_(T-1)?=");
	shown_as("=?utf-8?Q?to_=68.mueller98=40example.org?=", "to (T-1)");
	/* cut off where the record ends */
	shown_as("hello =?utf-8?B?dG8gaC5tdWVsbGVyOThAZXhhb", "hello ");
	shown_as("hello =?utf-8?B?dG8gaC5tdWVsbGVyOThAZXhhb?", "hello ");
}

static void test_the_rest_stays(void **state)
{
	(void)state;
	stays("");
	stays("alice@example.org");
	stays("person@example.org");
	stays("xab=example.org");
	stays("100% of example.org = yours");
	stays("=?utf-8?Q?gr=C3=BC=C3=9Fe?=");
	stays("what is this =? nothing");
	stays("a=?b");
	stays("50%");
	stays("%4");
	stays("h.mueller98 example.org");
	stays("@@@===%%%\"\"\"");
	stays("\"@example.org");
}

static void test_before_traps_are_known(void **state)
{
	struct trap_table *traps = engine.traps;

	(void)state;
	engine.traps = NULL;
	shown_as("a@b.example", "(hidden)");
	shown_as("a=b.example", "(hidden)");
	stays("hello");
	engine.traps = traps;
}

static void hit_shown_as(const char *text, uint32_t i, const char *expected)
{
	json_t *j = engine_json_hidden_hit(&engine, text, trap_table_at(engine.traps, i));

	assert_string_equal(json_string_value(j), expected);
	json_decref(j);
}

static void test_local_part_alone(void **state)
{
	(void)state;
	hit_shown_as("H.Mueller98, your parcel", 0, "(T-1), your parcel");
	hit_shown_as("=?utf-8?B?aC5tdWVsbGVyOTgsIGhlbGxv?=", 0, "(T-1), hello");
	hit_shown_as("h.mueller987 and xh.mueller98", 0, "h.mueller987 and xh.mueller98");
	hit_shown_as("ab, hello", 3, "ab, hello");
	hit_shown_as("gone.example", 1, "gone.example");
	hit_shown_as("person, hello", 2, "person, hello");
}

/* Every cut of every text and every size of the answer: no read or write beyond, always an end. */
static void test_any_length(void **state)
{
	static const char *const texts[] = { "SRS0=abcd=xy=example.org=h.mueller98@fwd.example",
		"=?utf-8?B?dG8gaC5tdWVsbGVyOThAZXhhbXBsZS5vcmc=?= %68%40 \"x\"@ (at) a",
		EXACT " h.mueller98-at-example.org" };

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
		for (size_t n = 0; n <= strlen(texts[i]); n++)
			for (size_t size = 1; size < 40; size++) {
				char *text = test_malloc(n + 1), *to = test_malloc(size);

				slice_copy(slice_of(texts[i], n), text, n + 1);
				(void)engine_hide_traps(&engine, text, to, size);
				assert_true(memchr(to, '\0', size) != NULL);
				test_free(text);
				test_free(to);
			}
}

/* Thousands of hits are shown at once: no text of theirs may be slow. */
static void test_none_is_slow(void **state)
{
	static const char *const bits[] = { "a=", "a@", "a.a=", "%a", "(at)", "a at ", "=?", "\"@",
		"a.a.a.a=a.a.a.a." };
	char text[256] = "", to[ENGINE_HIDE_TEXT];
	clock_t began = clock();

	(void)state;
	for (size_t i = 0; i < sizeof bits / sizeof bits[0]; i++) {
		for (size_t n = 0; n + strlen(bits[i]) < sizeof text; n += strlen(bits[i]))
			memcpy(text + n, bits[i], strlen(bits[i]) + 1);
		for (unsigned n = 0; n < 100; n++)
			(void)engine_hide_traps(&engine, text, to, sizeof to);
	}
	assert_true(clock() - began < CLOCKS_PER_SEC * 5); /* 900 texts; 0.1 s where nothing else runs */
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_as_it_is), cmocka_unit_test(test_in_return_paths),
		cmocka_unit_test(test_encoded), cmocka_unit_test(test_the_rest_stays),
		cmocka_unit_test(test_before_traps_are_known), cmocka_unit_test(test_local_part_alone),
		cmocka_unit_test(test_any_length), cmocka_unit_test(test_none_is_slow) };

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, setup, teardown);
}
