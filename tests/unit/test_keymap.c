/*
 * test_keymap: against a plain array through long random lives, the cap, and
 * the slow sweep.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "base/keymap.h"

static const uint8_t secret[SIPHASH_KEY] = { 9, 8, 7, 6, 5, 4, 3, 2, 1 };

struct value {
	uint32_t number, twice;
	uint8_t odd_size;
};

static struct slice key_of(unsigned n, char to[16])
{
	(void)snprintf(to, 16, "key %u", n);
	return slice_str(to);
}

static struct value *get(const struct keymap *m, unsigned n)
{
	char text[16];

	return keymap_get(m, key_of(n, text));
}

static void put(struct keymap *m, unsigned n)
{
	static const char zero[sizeof(struct value)];
	char text[16];
	void *value = NULL;
	bool is_new, had = get(m, n) != NULL;

	assert_int_equal((int)keymap_put(m, key_of(n, text), &value, &is_new), ERR_OK);
	assert_int_equal(is_new, !had);
	if (is_new)
		assert_memory_equal(value, zero, sizeof zero);
	*(struct value *)value = (struct value){ n, 2 * n, (uint8_t)n };
}

static void test_empty(void **state)
{
	struct keymap m;
	size_t at = 0;

	(void)state;
	keymap_init(&m, secret, sizeof(struct value), 10);
	assert_null(get(&m, 1));
	assert_false(keymap_del(&m, SLICE_LIT("key 1")));
	assert_null(keymap_next(&m, &at));
	assert_int_equal((int)keymap_retain(&m, 0, NULL, NULL), 0);
	keymap_done(&m);
	keymap_done(&m);
}

/* What goes out with its value; keys that are hashes already. */
static void test_take(void **state)
{
	struct keymap m;
	struct value *v, out = { 0 };
	void *value = NULL;

	(void)state;
	keymap_init(&m, secret, sizeof(struct value), 100);
	put(&m, 7);
	v = keymap_get(&m, SLICE_LIT("key 7"));
	assert_non_null(v);
	assert_true(keymap_take(&m, SLICE_LIT("key 7"), &out));
	assert_int_equal((int)out.number, 7);
	assert_false(keymap_take(&m, SLICE_LIT("key 7"), &out));
	for (uint64_t i = 0; i < 100; i++) { /* all want the same slot at first */
		assert_int_equal((int)keymap_put_hash(&m, i << 32, &value, NULL), ERR_OK);
		((struct value *)value)->number = (unsigned)i;
	}
	assert_int_equal((int)keymap_put_hash(&m, 1, &value, NULL), ERR_FULL);
	for (uint64_t i = 0; i < 100; i += 2)
		assert_true(keymap_take_hash(&m, i << 32, NULL));
	for (uint64_t i = 0; i < 100; i++) {
		v = keymap_get_hash(&m, i << 32);
		assert_true(i % 2 ? v && v->number == i : !v);
	}
	keymap_done(&m);
	assert_null(keymap_get_hash(&m, UINT64_C(1) << 32));
	assert_false(keymap_take_hash(&m, UINT64_C(1) << 32, NULL));
}

static void test_cap(void **state)
{
	struct keymap m;
	void *value = NULL;

	(void)state;
	keymap_init(&m, secret, sizeof(struct value), 100);
	for (unsigned i = 0; i < 100; i++)
		put(&m, i);
	assert_int_equal((int)keymap_put(&m, SLICE_LIT("more"), &value, NULL), ERR_FULL);
	assert_null(value);
	put(&m, 7); /* one that is there needs no room */
	assert_true(keymap_del(&m, SLICE_LIT("key 7")));
	assert_int_equal((int)keymap_put(&m, SLICE_LIT("more"), &value, NULL), ERR_OK);
	assert_int_equal((int)m.count, 100);
	keymap_done(&m);
}

static void test_odd_keys(void **state)
{
	struct keymap m;
	void *empty = NULL, *nul = NULL, *other = NULL;

	(void)state;
	keymap_init(&m, secret, 0, 10);
	assert_int_equal((int)keymap_put(&m, (struct slice){ 0 }, &empty, NULL), ERR_OK);
	assert_int_equal((int)keymap_put(&m, slice_of("\0", 1), &nul, NULL), ERR_OK);
	assert_int_equal((int)keymap_put(&m, slice_of("\0\0", 2), &other, NULL), ERR_OK);
	assert_int_equal((int)m.count, 3);
	assert_true(keymap_get(&m, SLICE_LIT("")) != keymap_get(&m, slice_of("\0", 1)));
	keymap_done(&m);
}

#define KEYS 3000u

static void assert_model(const struct keymap *m, const bool *model)
{
	size_t count = 0, walked = 0, at = 0;

	for (unsigned n = 0; n < KEYS; n++) {
		const struct value *v = get(m, n);

		assert_int_equal(v != NULL, model[n]);
		if (v)
			assert_true(v->number == n && v->twice == 2 * n && v->odd_size == (uint8_t)n);
		count += model[n];
	}
	for (struct value *v = keymap_next(m, &at); v; v = keymap_next(m, &at), walked++)
		assert_true(model[v->number]);
	assert_int_equal((int)m->count, (int)count);
	assert_int_equal((int)walked, (int)count);
}

static void test_against_array(void **state)
{
	static bool model[KEYS];
	struct keymap m;
	unsigned seed = 5;

	(void)state;
	memset(model, 0, sizeof model);
	keymap_init(&m, secret, sizeof(struct value), KEYS);
	for (int round = 0; round < 60; round++) {
		unsigned more = (unsigned)rand_r(&seed) % 4; /* some rounds grow, some shrink */

		for (int i = 0; i < 2000; i++) {
			unsigned n = (unsigned)rand_r(&seed) % KEYS;
			char text[16];

			if ((unsigned)rand_r(&seed) % 4 < more) {
				put(&m, n);
				model[n] = true;
			} else {
				assert_int_equal(keymap_del(&m, key_of(n, text)), model[n]);
				model[n] = false;
			}
		}
		assert_model(&m, model);
	}
	keymap_done(&m);
}

struct sweep {
	bool *model;
	unsigned divisor, seen;
};

static bool keep_others(void *value, void *ctx)
{
	struct sweep *s = ctx;
	unsigned n = ((struct value *)value)->number;

	s->seen++;
	if (n % s->divisor)
		return true;
	s->model[n] = false;
	return false;
}

/* A whole round drops all it should at once; small bites do in the end, wherever they start. */
static void test_retain(void **state)
{
	static bool model[KEYS];
	struct keymap m;
	struct sweep s = { model, 3, 0 };
	size_t dropped = 0;

	(void)state;
	memset(model, 0, sizeof model);
	keymap_init(&m, secret, sizeof(struct value), KEYS);
	for (unsigned n = 0; n < KEYS; n++) {
		put(&m, n);
		model[n] = true;
	}
	assert_int_equal((int)keymap_retain(&m, 0, keep_others, &s), (int)KEYS / 3);
	assert_model(&m, model);
	assert_int_equal((int)keymap_retain(&m, 0, keep_others, &s), 0);
	s.divisor = 2;
	for (size_t i = 0; i < m.slots / 7 + 1; i++)
		dropped += keymap_retain(&m, 7, keep_others, &s);
	assert_int_equal((int)dropped, (int)KEYS / 3);
	assert_model(&m, model);
	s.divisor = 1;
	(void)keymap_retain(&m, 0, keep_others, &s);
	assert_int_equal((int)m.count, 0);
	assert_model(&m, model);
	keymap_done(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_take),
		cmocka_unit_test(test_cap),
		cmocka_unit_test(test_odd_keys),
		cmocka_unit_test(test_against_array),
		cmocka_unit_test(test_retain),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
