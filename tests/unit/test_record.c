/*
 * test_record: every record comes back as it was written, is refused when cut
 * at any byte, followed by anything, newer, or holding what a field may not.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <math.h>

#include "core/record.h"
#include "io/store.h"

/* Each text field full to the last byte. */
#define FILL(field)                                                                                                    \
	do {                                                                                                           \
		memset((field), 'x', sizeof(field) - 1);                                                               \
		(field)[sizeof(field) - 1] = '\0';                                                                     \
	} while (0)

static struct prefix some_prefix(const char *text)
{
	struct prefix p;

	assert_int_equal((int)prefix_parse(slice_str(text), &p), ERR_OK);
	return p;
}

static void fill_trap(struct record_trap *v)
{
	v->id = 118;
	v->first_seen = 1700000000;
	v->armed_at = 1700000001;
	v->last_hit = UINT64_MAX;
	for (size_t i = 0; i < GRADE_COUNT; i++)
		v->hits[i] = i * 1000 + 1;
	v->suspended = 1;
	for (size_t i = 0; i < TRAP_QUALITY_HOSTS; i++) {
		v->quality.seen[i].host = i + 1;
		v->quality.seen[i].at = 1700000002 + i;
		v->quality.seen[i].points = 2;
	}
}

static void fill_hit(struct record_hit *v)
{
	v->time = 1700000000;
	v->trap_id = 7;
	v->grade = GRADE_EXEMPT;
	v->is_counted = 1;
	v->weight = 2.5f;
	v->client = some_prefix("2001:db8::25").addr;
	FILL(v->name);
	FILL(v->helo);
	FILL(v->sender);
	FILL(v->message_id);
	FILL(v->subject);
	FILL(v->queue_id);
	FILL(v->corpus_id);
	FILL(v->login);
}

static void fill_hit_sum(struct record_hit_sum *v)
{
	v->score = 12.25;
	v->probe_score = -0.5;
	v->score_at = 3;
	v->first = 1;
	v->last = 2;
	v->number = 99;
	for (size_t i = 0; i < GRADE_COUNT; i++)
		v->count[i] = (uint32_t)(i + 5);
	v->traps = 70; /* more than are kept */
	for (size_t i = 0; i < RECORD_TRAPS; i++)
		v->trap_id[i] = (uint32_t)(i + 9);
	for (size_t i = 0; i < RECORD_RECENT; i++)
		v->recent[i] = UINT64_MAX - i;
	v->bulk_score = 2.5;
	v->bulk_day = 20000;
	v->bulk_days = 4;
	v->bulk_traps = RECORD_BULK_TRAPS;
	for (uint32_t i = 0; i < RECORD_BULK_TRAPS; i++)
		v->bulk_trap_id[i] = i + 1;
}

static void fill_block(struct record_block *v)
{
	v->subject = some_prefix("192.0.2.0/24");
	(void)case_id_make(12345, v->case_id);
	v->state = BLOCK_HELD;
	v->cause = CAUSE_PERSON;
	v->grade = GRADE_CONFIRMED;
	v->is_generic = 1;
	v->offence = 3;
	v->since = 4;
	v->until = 5;
	v->score = 10.5;
	v->need = 10;
	v->good = 99.75;
	v->trap_id = 6;
	v->last_trap_id = 7;
	v->last_sender = UINT64_MAX;
	v->refusals = 8;
	v->last_refusal = 9;
	v->lifted_at = 10;
	v->pardon_until = 11;
	v->forget_at = 12;
	FILL(v->tag);
	FILL(v->name);
	FILL(v->sender);
	FILL(v->by);
	FILL(v->note);
	v->answered = 12;
	v->held_s = 3600;
}

static void fill_refusal(struct record_refusal *v)
{
	v->time = 1;
	v->client = some_prefix("198.51.100.9").addr;
	v->code = 554;
	v->is_would = 1;
	v->is_rider = 1;
	(void)case_id_make(54321, v->case_id);
	FILL(v->name);
	FILL(v->sender);
	FILL(v->recipient);
	FILL(v->queue_id);
}

static void fill_accepted(struct record_accepted *v)
{
	v->time = 2;
	v->client = some_prefix("203.0.113.77").addr;
	v->is_hashed = 1;
	FILL(v->sender);
	FILL(v->recipient);
	FILL(v->queue_id);
}

static void fill_allow(struct record_allow *v)
{
	v->prefix = some_prefix("2001:db8:7::/48");
	v->since = 3;
	v->until = 4;
	FILL(v->by);
	FILL(v->note);
}

static void fill_ledger(struct record_ledger *v)
{
	v->good = 1e-300;
	v->good_at = 5;
	v->fresh[0] = 1;
	v->fresh[1] = 2.5;
	v->fresh[2] = 1e300;
	v->fresh_day = 6;
	v->days = 1000;
	v->last_day = 7;
	v->stretch = 8;
	for (size_t i = 0; i < RECORD_LEDGER_STRETCHES; i++)
		v->mails[i] = (uint16_t)(UINT16_MAX - i);
}

static void fill_correspondent(struct record_correspondent *v)
{
	v->last = 8;
}

static void fill_withheld(struct record_withheld *v)
{
	v->time = 1;
	v->state = WITHHELD_RELEASED;
	assert_int_equal((int)ipaddr_parse(SLICE_LIT("192.0.2.7"), &v->client), ERR_OK);
	v->riders = 2;
	v->size = 3;
	v->released_at = 4;
	FILL(v->case_id);
	FILL(v->queue_id);
	FILL(v->name);
	FILL(v->sender);
	FILL(v->by);
	FILL(v->to);
	FILL(v->note);
}

static void fill_audit(struct record_audit *v)
{
	v->time = 9;
	v->uid = UINT32_MAX;
	FILL(v->who);
	FILL(v->what);
	FILL(v->note);
}

/* One test a record: round trip of a full and of an empty one, every cut, a byte too many, versions. */
#define RECORD_TEST(name)                                                                                              \
	static void test_##name(void **state)                                                                          \
	{                                                                                                              \
		static struct record_##name in, out, kept;                                                             \
		uint8_t bytes[RECORD_VALUE], again[RECORD_VALUE];                                                      \
		struct wr w = wr_init(bytes, sizeof bytes), w2 = wr_init(again, sizeof again);                         \
		size_t n;                                                                                              \
                                                                                                                       \
		(void)state;                                                                                           \
		memset(&in, 0, sizeof in);                                                                             \
		memset(&kept, 0x5a, sizeof kept);                                                                      \
		fill_##name(&in);                                                                                      \
		record_put_##name(&w, &in);                                                                            \
		assert_false(w.bad);                                                                                   \
		n = w.n;                                                                                               \
		assert_int_equal((int)record_get_##name(slice_of(bytes, n), &out), ERR_OK);                            \
		assert_memory_equal(&in, &out, sizeof in);                                                             \
		record_put_##name(&w2, &out);                                                                          \
		assert_true(slice_eq(wr_slice(&w), wr_slice(&w2)));                                                    \
		memcpy(&out, &kept, sizeof out);                                                                       \
		for (size_t cut = 0; cut < n; cut++)                                                                   \
			assert_int_equal((int)record_get_##name(slice_of(bytes, cut), &out), ERR_SYNTAX);              \
		for (size_t cut = 0; cut < n; cut++) {                                                                 \
			w2 = wr_init(again, cut);                                                                      \
			record_put_##name(&w2, &in);                                                                   \
			assert_true(w2.bad);                                                                           \
		}                                                                                                      \
		bytes[n] = 0;                                                                                          \
		assert_int_equal((int)record_get_##name(slice_of(bytes, n + 1), &out), ERR_SYNTAX);                    \
		bytes[0] = (uint8_t)(bytes[0] + 1);                                                                    \
		assert_int_equal((int)record_get_##name(slice_of(bytes, n), &out), ERR_VERSION);                       \
		bytes[0] = 0;                                                                                          \
		assert_int_equal((int)record_get_##name(slice_of(bytes, n), &out), ERR_SYNTAX);                        \
		assert_memory_equal(&kept, &out, sizeof out);                                                          \
	}
RECORD_TEST(trap)
RECORD_TEST(hit)
RECORD_TEST(hit_sum)
RECORD_TEST(block)
RECORD_TEST(refusal)
RECORD_TEST(accepted)
RECORD_TEST(allow)
RECORD_TEST(ledger)
RECORD_TEST(correspondent)
RECORD_TEST(audit)
RECORD_TEST(withheld)

/* Version 1 knew nothing of the mail that people write to traps. */
static void test_old_trap(void **state)
{
	struct record_trap in = { 0 }, out;
	uint8_t bytes[RECORD_VALUE];
	struct wr w = wr_init(bytes, sizeof bytes);

	(void)state;
	fill_trap(&in);
	record_put_trap(&w, &in);
	bytes[0] = 1;
	assert_int_equal((int)record_get_trap(slice_of(bytes, w.n), &out), ERR_SYNTAX);
	assert_int_equal((int)record_get_trap(slice_of(bytes, w.n - 1 - TRAP_QUALITY_HOSTS * 17), &out), ERR_OK);
	in.quality = (struct trap_quality){ 0 };
	assert_memory_equal(&in, &out, sizeof in);
}

/* Version 1 knew nothing of connections at our own server. */
static void test_old_block(void **state)
{
	struct record_block in = { 0 }, out;
	uint8_t bytes[RECORD_VALUE];
	struct wr w = wr_init(bytes, sizeof bytes);

	(void)state;
	fill_block(&in);
	record_put_block(&w, &in);
	bytes[0] = 1;
	assert_int_equal((int)record_get_block(slice_of(bytes, w.n), &out), ERR_SYNTAX);
	assert_int_equal((int)record_get_block_head(slice_of(bytes, w.n - 8), &out), ERR_OK);
	assert_int_equal((int)record_get_block(slice_of(bytes, w.n - 8), &out), ERR_OK);
	in.answered = in.held_s = 0;
	assert_memory_equal(&in, &out, sizeof in);
}

/* Version 1 ended before bulk_score: the same bytes, shorter. */
/* Written before messages were counted by stretches: the same without them. */
static void test_old_ledger(void **state)
{
	struct record_ledger in = { 0 }, out;
	uint8_t bytes[RECORD_VALUE];
	struct wr w = wr_init(bytes, sizeof bytes);

	(void)state;
	fill_ledger(&in);
	record_put_ledger(&w, &in);
	bytes[0] = 1;
	assert_int_equal((int)record_get_ledger(slice_of(bytes, w.n), &out), ERR_SYNTAX);
	assert_int_equal((int)record_get_ledger(slice_of(bytes, w.n - 8 - 2 * RECORD_LEDGER_STRETCHES), &out), ERR_OK);
	in.stretch = 0;
	memset(in.mails, 0, sizeof in.mails);
	assert_memory_equal(&in, &out, sizeof in);
}

static void test_old_hit_sum(void **state)
{
	uint8_t bytes[RECORD_VALUE];
	struct wr w = wr_init(bytes, sizeof bytes);
	struct record_hit_sum v = { 0 }, got;
	size_t tail = 8 + 4 + 1 + 1 + 4 * RECORD_BULK_TRAPS;

	(void)state;
	fill_hit_sum(&v);
	record_put_hit_sum(&w, &v);
	assert_false(w.bad);
	bytes[0] = 1;
	assert_int_equal((int)record_get_hit_sum(slice_of(bytes, wr_slice(&w).n), &got), ERR_SYNTAX);
	assert_int_equal((int)record_get_hit_sum(slice_of(bytes, wr_slice(&w).n - tail), &got), ERR_OK);
	assert_int_equal(got.number, v.number);
	assert_int_equal(got.bulk_days, 0);
}

static void test_overlong_text(void **state)
{
	uint8_t bytes[RECORD_VALUE];
	char text[RECORD_NOTE + 1];
	struct wr w;
	struct record_audit audit;

	(void)state;
	memset(text, 'x', sizeof text);
	for (size_t n = RECORD_NOTE - 1; n <= RECORD_NOTE; n++) {
		w = wr_init(bytes, sizeof bytes);
		wr_u8(&w, RECORD_VERSION);
		wr_u64(&w, 1);
		wr_u32(&w, 2);
		wr_cstr(&w, "who");
		wr_cstr(&w, "what");
		wr_bytes(&w, slice_of(text, n));
		assert_int_equal((int)record_get_audit(wr_slice(&w), &audit), n < RECORD_NOTE ? ERR_OK : ERR_SYNTAX);
	}
	text[5] = '\0'; /* and a NUL inside */
	w = wr_init(bytes, sizeof bytes);
	wr_u8(&w, RECORD_VERSION);
	wr_u64(&w, 1);
	wr_u32(&w, 2);
	wr_cstr(&w, "who");
	wr_cstr(&w, "what");
	wr_bytes(&w, slice_of(text, 10));
	assert_int_equal((int)record_get_audit(wr_slice(&w), &audit), ERR_SYNTAX);
}

static void test_bad_numbers(void **state)
{
	static struct record_hit hit, hit_out;
	static struct record_ledger ledger, ledger_out;
	uint8_t bytes[RECORD_VALUE];
	struct wr w = wr_init(bytes, sizeof bytes);

	(void)state;
	hit.grade = GRADE_COUNT;
	record_put_hit(&w, &hit);
	assert_false(w.bad);
	assert_int_equal((int)record_get_hit(wr_slice(&w), &hit_out), ERR_SYNTAX);
	ledger.good = NAN;
	w = wr_init(bytes, sizeof bytes);
	record_put_ledger(&w, &ledger);
	assert_true(w.bad);
	ledger.good = 1;
	w = wr_init(bytes, sizeof bytes);
	record_put_ledger(&w, &ledger);
	memset(bytes + 1, 0xff, 8); /* a NaN on disk */
	assert_int_equal((int)record_get_ledger(wr_slice(&w), &ledger_out), ERR_SYNTAX);
}

static void test_keys(void **state)
{
	static const char *const prefixes[] = { "192.0.2.1", "192.0.2.0/24", "0.0.0.0/0", "2001:db8::/64",
		"2001:db8::1" };
	uint8_t key[RECORD_KEY], longer[RECORD_KEY];
	uint64_t time, number;
	struct prefix p, back;

	(void)state;
	for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++) {
		struct slice s, hit;

		p = some_prefix(prefixes[i]);
		s = record_subject_key(&p, key);
		hit = record_hit_key(&p, 77, longer);
		assert_int_equal((int)record_subject_parse(s, &back), ERR_OK);
		assert_true(prefix_eq(&p, &back));
		assert_true(slice_starts(hit, s));
		assert_int_equal((int)hit.n, (int)s.n + 8);
		for (size_t cut = 0; cut < s.n; cut++)
			assert_int_equal((int)record_subject_parse(slice_head(s, cut), &back), ERR_SYNTAX);
		assert_int_equal((int)record_subject_parse(hit, &back), ERR_SYNTAX);
	}
	p = some_prefix("192.0.2.0/24");
	(void)record_subject_key(&p, key);
	key[4] = 1; /* host bit beyond /24 */
	assert_int_equal((int)record_subject_parse(slice_of(key, 6), &back), ERR_SYNTAX);
	assert_int_equal((int)record_time_parse(record_time_key(5, 6, key), &time, &number), ERR_OK);
	assert_true(time == 5 && number == 6);
	assert_int_equal((int)record_time_parse(slice_of(key, 15), &time, &number), ERR_SYNTAX);
}

/* Later times and numbers sort later, as bytes. */
static void test_key_order(void **state)
{
	static const uint64_t times[] = { 0, 1, 255, 256, 65535, 65536, UINT64_C(1) << 32, UINT64_MAX };
	uint8_t a[RECORD_KEY], b[RECORD_KEY];

	(void)state;
	for (size_t i = 0; i + 1 < sizeof times / sizeof times[0]; i++) {
		(void)record_time_key(times[i], UINT64_MAX, a);
		(void)record_time_key(times[i + 1], 0, b);
		assert_true(memcmp(a, b, 16) < 0);
		(void)record_time_key(9, times[i], a);
		(void)record_time_key(9, times[i + 1], b);
		assert_true(memcmp(a, b, 16) < 0);
	}
}

static void assert_table(enum table t, struct slice key, struct wr *w)
{
	static const enum table others[] = { TABLE_HIT, TABLE_BLOCK, TABLE_CASE, TABLE_REFUSAL, TABLE_LEDGER };

	assert_false(w->bad);
	assert_true(record_is_valid((unsigned char)t, key, wr_slice(w)));
	assert_false(record_is_valid((unsigned char)t, slice_head(key, 0), wr_slice(w)));
	assert_false(record_is_valid((unsigned char)t, key, slice_head(wr_slice(w), w->n - 1)));
	for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
		if (others[i] != t)
			assert_false(record_is_valid((unsigned char)others[i], key, wr_slice(w)));
	*w = wr_init(w->p, w->size);
}

#define PUT(name)                                                                                                      \
	do {                                                                                                           \
		static struct record_##name v;                                                                         \
		fill_##name(&v);                                                                                       \
		record_put_##name(&w, &v);                                                                             \
	} while (0)

static void test_tables(void **state)
{
	uint8_t bytes[RECORD_VALUE], key[RECORD_KEY];
	struct wr w = wr_init(bytes, sizeof bytes);
	struct prefix p = some_prefix("192.0.2.1");
	char case_id[CASE_ID_TEXT];

	(void)state;
	PUT(trap);
	assert_table(TABLE_TRAP, SLICE_LIT("a@example.org"), &w);
	PUT(hit);
	assert_table(TABLE_HIT, record_hit_key(&p, 3, key), &w);
	PUT(hit_sum);
	assert_table(TABLE_HIT_SUM, record_subject_key(&p, key), &w);
	PUT(block);
	assert_table(TABLE_BLOCK, record_subject_key(&p, key), &w);
	PUT(block);
	assert_table(TABLE_CASE, slice_str(case_id_make(9, case_id)), &w);
	PUT(refusal);
	assert_table(TABLE_REFUSAL, record_time_key(1, 2, key), &w);
	PUT(accepted);
	assert_table(TABLE_ACCEPTED, record_time_key(1, 2, key), &w);
	PUT(allow);
	assert_table(TABLE_ALLOW, record_subject_key(&p, key), &w);
	PUT(ledger);
	assert_table(TABLE_LEDGER, record_subject_key(&p, key), &w);
	PUT(correspondent);
	assert_table(TABLE_CORRESPONDENT, SLICE_LIT("example.org"), &w);
	PUT(audit);
	assert_table(TABLE_AUDIT, record_time_key(1, 2, key), &w);
	assert_true(record_is_valid(TABLE_META, SLICE_LIT("version"), SLICE_LIT("x")));
	assert_false(record_is_valid('?', SLICE_LIT("version"), SLICE_LIT("x")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_trap),
		cmocka_unit_test(test_old_trap),
		cmocka_unit_test(test_old_block),
		cmocka_unit_test(test_hit),
		cmocka_unit_test(test_hit_sum),
		cmocka_unit_test(test_block),
		cmocka_unit_test(test_refusal),
		cmocka_unit_test(test_accepted),
		cmocka_unit_test(test_allow),
		cmocka_unit_test(test_ledger),
		cmocka_unit_test(test_correspondent),
		cmocka_unit_test(test_audit),
		cmocka_unit_test(test_withheld),
		cmocka_unit_test(test_old_hit_sum),
		cmocka_unit_test(test_old_ledger),
		cmocka_unit_test(test_overlong_text),
		cmocka_unit_test(test_bad_numbers),
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_key_order),
		cmocka_unit_test(test_tables),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
