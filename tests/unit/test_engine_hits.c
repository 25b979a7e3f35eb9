/*
 * test_engine_hits: which hits the command shows where there are very many: the
 * newest of all of them, wherever they stand in the store.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "engine_rig.h"
#include "role/engine.h"

#define MANY 100000

static void put_hit(struct engine *e, const char *host, uint64_t time)
{
	struct record_hit h = { .time = time, .trap_id = 1, .grade = GRADE_CONFIRMED };
	uint8_t key[RECORD_KEY], value[RECORD_VALUE];
	struct wr w = wr_init(value, sizeof value);
	struct prefix p;

	assert_int_equal(prefix_parse(slice_str(host), &p), ERR_OK);
	h.client = p.addr;
	record_put_hit(&w, &h);
	assert_true(store_put(e->store, TABLE_HIT, record_hit_key(&p, 0, key), wr_slice(&w)) > 0);
}

static const char *client_of(const json_t *j, size_t i)
{
	return json_string_value(json_object_get(json_array_get(json_object_get(j, "hits"), i), "client"));
}

static void the_newest_are_shown(void **state)
{
	uint64_t now = clock_wall_s();
	struct engine *e;
	char host[32];
	json_t *j;

	(void)state;
	rig_start();
	e = rig.host.ctx;
	for (unsigned i = 0; i < MANY; i++) {
		(void)snprintf(host, sizeof host, "10.%u.%u.%u", i >> 16, i >> 8 & 255, i & 255);
		put_hit(e, host, now - 1000 - i % 500);
	}
	put_hit(e, "10.0.77.7", now - 2);
	put_hit(e, "198.51.100.1", now - 3);
	put_hit(e, "203.0.113.9", now - 1);
	assert_int_equal(store_flush(e->store), ERR_OK);
	j = rig_call("{\"cmd\":\"hits\",\"limit\":3}");
	assert_int_equal(json_array_size(json_object_get(j, "hits")), 3);
	assert_string_equal(client_of(j, 0), "203.0.113.9");
	assert_string_equal(client_of(j, 1), "10.0.77.7");
	assert_string_equal(client_of(j, 2), "198.51.100.1");
	assert_int_equal(json_integer_value(json_object_get(j, "total")), MANY + 2);
	json_decref(j);
	j = rig_call("{\"cmd\":\"hits\",\"limit\":0}");
	assert_int_equal(json_array_size(json_object_get(j, "hits")), 0);
	json_decref(j);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ENGINE_TEST(the_newest_are_shown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
