/*
 * test_case_id: form, and the promise of the check character: every single
 * wrong character and every swap of neighbours is found. The code is linear,
 * so an error is found in one word exactly if it is found in all; both kinds
 * are tried in full, on the zero word and on random words.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "core/case_id.h"

static const char alphabet[] = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ";
static const size_t place[8] = { 0, 1, 2, 3, 5, 6, 7, 8 };

static uint64_t next_random(uint64_t *x)
{
	*x ^= *x << 13;
	*x ^= *x >> 7;
	*x ^= *x << 17;
	return *x;
}

static void test_form(void **state)
{
	static const struct {
		const char *in;
		enum err want;
	} cases[] = {
		{ "2222-2222", ERR_OK },
		{ "22222222", ERR_OK },
		{ "  2222-2222\r\n", ERR_OK },
		{ "", ERR_SYNTAX },
		{ "2222-222", ERR_SYNTAX },
		{ "2222-22222", ERR_SYNTAX },
		{ "222-22222", ERR_SYNTAX },
		{ "2222--2222", ERR_SYNTAX },
		{ "2222 2222", ERR_SYNTAX },
		{ "O222-2222", ERR_SYNTAX },
		{ "0222-2222", ERR_SYNTAX },
		{ "1222-2222", ERR_SYNTAX },
		{ "I222-2222", ERR_SYNTAX },
		{ "2222-2223", ERR_NOTFOUND },
		{ "3222-2222", ERR_NOTFOUND },
		{ "-22222222", ERR_SYNTAX },
		{ "22222222-", ERR_SYNTAX },
		{ "2222-222\xc3", ERR_SYNTAX },
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char text[CASE_ID_TEXT] = "untouched";

		assert_int_equal((int)case_id_parse(slice_str(cases[i].in), text), (int)cases[i].want);
		assert_string_equal(text, cases[i].want == ERR_OK ? "2222-2222" : "untouched");
	}
	assert_int_equal((int)case_id_parse(slice_of("2222\0"
						     "222",
						    8),
				 (char[CASE_ID_TEXT]){ 0 }),
		ERR_SYNTAX);
}

static void test_round_trip(void **state)
{
	uint64_t x = 88172645463325252;

	(void)state;
	for (int i = 0; i < 100000; i++) {
		char text[CASE_ID_TEXT], lower[CASE_ID_TEXT], back[CASE_ID_TEXT];

		case_id_make(next_random(&x), text);
		assert_null(strpbrk(text, "0O1I"));
		assert_int_equal((int)strlen(text), CASE_ID_TEXT - 1);
		for (size_t j = 0; j < CASE_ID_TEXT; j++)
			lower[j] = ascii_lower(text[j]);
		assert_int_equal((int)case_id_parse(slice_str(lower), back), ERR_OK);
		assert_string_equal(text, back);
	}
}

/* All 35 bits count: 2^20 neighbours in each part of the number give different texts. */
static void test_every_bit_counts(void **state)
{
	char zero[CASE_ID_TEXT], text[CASE_ID_TEXT];

	(void)state;
	case_id_make(0, zero);
	for (int bit = 0; bit < 35; bit++) {
		case_id_make(UINT64_C(1) << bit, text);
		assert_string_not_equal(zero, text);
	}
	case_id_make(UINT64_C(1) << 35, text);
	assert_string_equal(zero, text);
}

static void try_word(const char *good)
{
	char word[CASE_ID_TEXT], out[CASE_ID_TEXT];

	for (size_t i = 0; i < 8; i++) {
		memcpy(word, good, sizeof word);
		for (size_t c = 0; c < 32; c++) {
			word[place[i]] = alphabet[c];
			if (alphabet[c] != good[place[i]])
				assert_int_equal((int)case_id_parse(slice_str(word), out), ERR_NOTFOUND);
		}
	}
	for (size_t i = 0; i + 1 < 8; i++) {
		if (good[place[i]] == good[place[i + 1]])
			continue;
		memcpy(word, good, sizeof word);
		word[place[i]] = good[place[i + 1]];
		word[place[i + 1]] = good[place[i]];
		assert_int_equal((int)case_id_parse(slice_str(word), out), ERR_NOTFOUND);
	}
}

/* Every pair of unequal neighbours at every place, the rest random, and every wrong character of each. */
static void test_errors_are_found(void **state)
{
	uint64_t x = 362436069;

	(void)state;
	for (unsigned at = 0; at < 6; at++) {
		for (uint64_t pair = 0; pair < 1024; pair++) {
			uint64_t mask = UINT64_C(1023) << (5 * at);
			char good[CASE_ID_TEXT];

			case_id_make((next_random(&x) & ~mask) | pair << (5 * at), good);
			try_word(good);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_form),
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_every_bit_counts),
		cmocka_unit_test(test_errors_are_found),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
