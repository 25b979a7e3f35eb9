/*
 * test_engine_keep: records of every age through the real store: what is past
 * its time is gone after the ticks of one retention run, the rest stays.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "store_fixture.h"

#include "core/record.h"
#include "role/engine.h"

#define DAY_S 86400u
#define NOW (20000 * (uint64_t)DAY_S)
#define AGES 200 /* a record of each table for each day of age */

static struct role_host host;
static struct engine engine;

static void put(struct store *s, enum table t, struct slice key, const struct wr *w)
{
	assert_false(w->bad);
	assert_true(store_put(s, t, key, wr_slice(w)) > 0);
}

static void fill(struct store *s)
{
	uint8_t value[RECORD_VALUE], key[RECORD_KEY];

	for (unsigned age = 0; age < AGES; age++) {
		uint64_t time = NOW - (uint64_t)age * DAY_S + 10;
		struct record_refusal r = { .time = time, .sender = "someone@refused.example" };
		struct record_accepted a = {
			.time = time, .sender = "someone@accepted.example", .recipient = "alice@example.org"
		};
		struct record_hit h = {
			.time = time, .trap_id = 1, .grade = GRADE_CONFIRMED, .sender = "someone@hit.example"
		};
		struct prefix p;
		char text[32];
		struct wr w = wr_init(value, sizeof value);

		(void)snprintf(text, sizeof text, "198.51.%u.0/24", age);
		assert_int_equal(prefix_parse(slice_str(text), &p), ERR_OK);
		record_put_refusal(&w, &r);
		put(s, TABLE_REFUSAL, record_time_key(time, 1, key), &w);
		w = wr_init(value, sizeof value);
		record_put_accepted(&w, &a);
		put(s, TABLE_ACCEPTED, record_time_key(time, 1, key), &w);
		w = wr_init(value, sizeof value);
		record_put_hit(&w, &h);
		put(s, TABLE_HIT, record_hit_key(&p, 1, key), &w);
	}
	assert_int_equal(store_flush(s), ERR_OK);
}

struct seen {
	enum table table;
	unsigned count, plain;
	uint64_t oldest;
};

static bool look(struct slice key, struct slice value, void *ctx)
{
	struct seen *s = ctx;
	uint64_t time = NOW, number;
	struct record_accepted a;
	struct record_hit h;

	if (s->table == TABLE_HIT) {
		assert_int_equal(record_get_hit(value, &h), ERR_OK);
		time = h.time;
	} else {
		assert_int_equal(record_time_parse(key, &time, &number), ERR_OK);
	}
	if (s->table == TABLE_ACCEPTED) {
		assert_int_equal(record_get_accepted(value, &a), ERR_OK);
		s->plain += !a.is_hashed;
		assert_true(a.is_hashed == (strchr(a.sender, '@') == NULL));
		assert_true(a.is_hashed == (strchr(a.recipient, '@') == NULL));
	}
	s->count++;
	if (time < s->oldest)
		s->oldest = time;
	return true;
}

static struct seen count(struct store *s, enum table t)
{
	struct seen seen = { .table = t, .oldest = UINT64_MAX };
	struct slice all = { 0 };

	assert_int_equal(store_scan(s, t, all, all, false, look, &seen), ERR_OK);
	return seen;
}

static void test_each_goes_at_its_time(void **state)
{
	struct fixture *f = *state;
	struct seen s;
	unsigned ticks = 0;

	conf_defaults(&host.conf);
	engine = (struct engine){ .host = &host, .store = f->store, .clock_start_ms = clock_mono_ms() };
	fill(f->store);
	engine_keep_tick(&engine, NOW); /* a start: the clock may be ahead */
	assert_int_equal(store_flush(f->store), ERR_OK);
	assert_int_equal(count(f->store, TABLE_HIT).count, AGES);
	assert_int_equal(count(f->store, TABLE_ACCEPTED).plain, AGES);
	engine.clock_start_ms -= 3600 * 1000; /* an hour later */
	do {
		engine_keep_tick(&engine, NOW);
		assert_int_equal(store_flush(f->store), ERR_OK);
	} while (engine.is_keep_behind && ++ticks < 10);
	assert_true(ticks < 10);
	s = count(f->store, TABLE_HIT);
	assert_int_equal(s.count, 91); /* of today and the 90 days before */
	s = count(f->store, TABLE_REFUSAL);
	assert_int_equal(s.count, 31);
	s = count(f->store, TABLE_ACCEPTED);
	assert_int_equal(s.count, 91);
	assert_int_equal(s.plain, 15);
	/* a day later a day less of what came before */
	engine_keep_tick(&engine, NOW + DAY_S);
	assert_int_equal(store_flush(f->store), ERR_OK);
	assert_int_equal(count(f->store, TABLE_REFUSAL).count, 30);
	assert_int_equal(count(f->store, TABLE_ACCEPTED).count, 90);
	assert_int_equal(count(f->store, TABLE_ACCEPTED).plain, 14);
	assert_int_equal(count(f->store, TABLE_HIT).count, 90);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test_setup_teardown(
		test_each_goes_at_its_time, setup, teardown) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
