/*
 * block_index and the prefix_map under it: against a naive model, growth,
 * expiry, caps, walking while it changes; with LIMETWIG_BENCH set, the costs
 * at a million entries.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "core/block_index.h"

static const uint8_t key[SIPHASH_KEY] = "0123456789abcde";

static uint64_t rng = 88172645463325252u;

static uint64_t rnd(void)
{
	rng ^= rng << 13;
	rng ^= rng >> 7;
	rng ^= rng << 17;
	return rng;
}

static struct prefix pfx(const char *text)
{
	struct prefix p;

	assert_int_equal(prefix_parse(slice_str(text), &p), ERR_OK);
	return p;
}

static struct ipaddr addr(const char *text)
{
	struct ipaddr a;

	assert_int_equal(ipaddr_parse(slice_str(text), &a), ERR_OK);
	return a;
}

static struct block_entry entry(const struct prefix *p, uint32_t until)
{
	return (struct block_entry){ .subject = *p,
		.until = until,
		.offence = 2,
		.feed = 64,
		.code = 554,
		.case_id = "7K3M-9QXD",
		.flags = BLOCK_FIREWALL };
}

/* n different hosts: 198.18.0.0 and on, or a /64 each. */
static struct prefix nth(uint32_t n, bool is_v6)
{
	struct ipaddr a = { .family = is_v6 ? 6 : 4 };

	if (is_v6) {
		memcpy(a.b, "\x20\x01\x0d\xb8", 4);
		a.b[4] = (uint8_t)(n >> 24);
		a.b[5] = (uint8_t)(n >> 16);
		a.b[6] = (uint8_t)(n >> 8);
		a.b[7] = (uint8_t)n;
	} else {
		n += 198u << 24 | 18u << 16;
		a.b[0] = (uint8_t)(n >> 24);
		a.b[1] = (uint8_t)(n >> 16);
		a.b[2] = (uint8_t)(n >> 8);
		a.b[3] = (uint8_t)n;
	}
	return prefix_of(&a, is_v6 ? 64 : 32);
}

static void test_basic(void **state)
{
	struct block_index x;
	struct block_entry e, got;
	struct prefix p = pfx("192.0.2.1"), net = pfx("192.0.2.0/24");
	struct ipaddr a = addr("192.0.2.1"), b = addr("192.0.2.2"), none = { 0 };

	(void)state;
	block_index_init(&x, key, 10);
	assert_false(block_index_find(&x, &a, 5, &got));
	assert_false(block_index_del(&x, &p));
	e = entry(&p, 100);
	assert_int_equal(block_index_put(&x, &e), ERR_OK);
	assert_true(block_index_find(&x, &a, 99, &got));
	assert_string_equal(got.case_id, "7K3M-9QXD");
	assert_int_equal(got.code, 554);
	assert_int_equal(got.offence, 2);
	assert_int_equal(got.feed, 64);
	assert_int_equal(got.flags, BLOCK_FIREWALL);
	assert_true(prefix_eq(&got.subject, &p));
	assert_false(block_index_find(&x, &a, 100, &got));
	assert_false(block_index_find(&x, &b, 5, &got));
	assert_false(block_index_find(&x, &none, 5, &got));
	e.flags = 0;
	assert_int_equal(block_index_put(&x, &e), ERR_OK);
	block_index_mark(&x, &p, BLOCK_FIREWALL);
	block_index_mark(&x, &net, BLOCK_FIREWALL); /* none */
	assert_true(block_index_get(&x, &p, &got) && got.flags == BLOCK_FIREWALL && got.until == 100);
	assert_int_equal(block_index_count(&x), 1);
	/* what was told stays while the block is renewed, and goes with the case */
	assert_int_equal(got.told, 0);
	block_index_tell(&x, &p, 100);
	e.until = 150;
	assert_int_equal(block_index_put(&x, &e), ERR_OK);
	assert_true(block_index_get(&x, &p, &got) && got.told == 100 && got.until == 150);
	memcpy(e.case_id, "4FTN-2HRP", sizeof e.case_id);
	e.until = 100;
	assert_int_equal(block_index_put(&x, &e), ERR_OK);
	assert_true(block_index_get(&x, &p, &got) && got.told == 0);
	block_index_tell(&x, &net, 100); /* none */
	e = entry(&net, 200);
	assert_int_equal(block_index_put(&x, &e), ERR_OK);
	assert_true(block_index_find(&x, &b, 5, &got));
	assert_int_equal(got.subject.len, 24);
	assert_true(block_index_find(&x, &a, 5, &got));
	assert_int_equal(got.subject.len, 32);
	/* the host's block is over, the network's is not */
	assert_true(block_index_find(&x, &a, 150, &got));
	assert_int_equal(got.subject.len, 24);
	e = entry(&p, 300);
	assert_int_equal(block_index_put(&x, &e), ERR_OK);
	assert_int_equal(block_index_count(&x), 2);
	assert_true(block_index_get(&x, &p, &got));
	assert_int_equal(got.until, 300);
	assert_true(block_index_del(&x, &p));
	assert_int_equal(x.lengths[0], 1);
	assert_false(block_index_get(&x, &p, &got));
	block_index_done(&x);
}

static void test_families_apart(void **state)
{
	struct block_index x;
	struct block_entry e, got;
	struct prefix p = pfx("2001:db8:1:2::/64");
	struct ipaddr in = addr("2001:db8:1:2::25"), out = addr("2001:db8:1:3::25"), v4 = addr("32.1.13.184");

	(void)state;
	block_index_init(&x, key, 10);
	e = entry(&p, 100);
	assert_int_equal(block_index_put(&x, &e), ERR_OK);
	assert_true(block_index_find(&x, &in, 1, &got));
	assert_false(block_index_find(&x, &out, 1, &got));
	assert_false(block_index_find(&x, &v4, 1, &got));
	assert_int_equal(x.lengths[0], 0);
	assert_int_equal(x.lengths[1], 1);
	block_index_done(&x);
}

static void test_cap(void **state)
{
	struct block_index x;
	struct block_entry e;

	(void)state;
	block_index_init(&x, key, 100);
	for (uint32_t i = 0; i < 100; i++) {
		struct prefix p = nth(i, false);

		e = entry(&p, 10);
		assert_int_equal(block_index_put(&x, &e), ERR_OK);
	}
	struct prefix p = nth(100, false), q = nth(7, false);

	e = entry(&p, 10);
	assert_int_equal(block_index_put(&x, &e), ERR_FULL);
	assert_int_equal(block_index_count(&x), 100);
	e = entry(&q, 20);
	assert_int_equal(block_index_put(&x, &e), ERR_OK); /* there already */
	assert_int_equal(block_index_sweep(&x, 10, 1000, NULL, NULL), 99);
	assert_int_equal(block_index_count(&x), 1);
	block_index_done(&x);
}

#define MODEL 600

/* A naive list with the same meaning. */
struct model {
	struct block_entry e[MODEL];
	bool is_there[MODEL];
};

static struct prefix model_prefix(unsigned i)
{
	static const uint8_t lengths[] = { 32, 24, 30, 64, 48, 128 };
	unsigned len = lengths[i % 6];
	struct ipaddr a = { .family = len <= 32 && i % 6 < 3 ? 4 : 6 };

	a.b[0] = 192;
	a.b[1] = (uint8_t)(i / 256);
	a.b[2] = (uint8_t)i;
	a.b[3] = (uint8_t)(i * 4);
	a.b[7] = (uint8_t)(i * 16);
	a.b[15] = (uint8_t)i;
	return prefix_of(&a, len);
}

static bool model_find(const struct model *m, const struct ipaddr *a, uint64_t now, struct block_entry *ret)
{
	int best = -1;

	for (int i = 0; i < MODEL; i++)
		if (m->is_there[i] && now < m->e[i].until && prefix_has(&m->e[i].subject, a) &&
			(best < 0 || m->e[i].subject.len > m->e[best].subject.len))
			best = i;
	if (best >= 0)
		*ret = m->e[best];
	return best >= 0;
}

struct swept {
	struct model *m;
	uint64_t now;
	size_t n;
};

static void on_swept(const struct block_entry *e, void *ctx)
{
	struct swept *s = ctx;

	assert_true(s->now >= e->until);
	for (int i = 0; i < MODEL; i++)
		if (s->m->is_there[i] && prefix_eq(&s->m->e[i].subject, &e->subject)) {
			s->m->is_there[i] = false;
			s->n++;
			return;
		}
	fail_msg("swept what was not there");
}

static void model_step(struct block_index *x, struct model *m, uint64_t now)
{
	unsigned i = (unsigned)(rnd() % MODEL), what = (unsigned)(rnd() % 16);
	struct prefix p = model_prefix(i);
	struct block_entry e, got;

	if (what < 6) {
		e = entry(&p, (uint32_t)(now + rnd() % 2000));
		assert_int_equal(block_index_put(x, &e), ERR_OK);
		m->e[i] = e;
		m->is_there[i] = true;
	} else if (what < 10) {
		assert_int_equal(block_index_del(x, &p), m->is_there[i]);
		m->is_there[i] = false;
	} else if (what < 15) {
		bool is = model_find(m, &p.addr, now, &e);

		assert_int_equal(block_index_find(x, &p.addr, now, &got), is);
		if (is)
			assert_true(prefix_eq(&e.subject, &got.subject) && e.until == got.until);
		assert_int_equal(block_index_get(x, &p, &got), m->is_there[i]);
	} else {
		struct swept s = { m, now, 0 };

		size_t n = block_index_sweep(x, now, rnd() % 64 + 1, on_swept, &s);

		assert_int_equal(n, s.n);
	}
}

static void test_model(void **state)
{
	(void)state;
	for (unsigned round = 0; round < 60; round++) {
		struct block_index x;
		struct model *m = calloc(1, sizeof *m);
		size_t n = 0;

		assert_non_null(m);
		/* every prefix once: two numbers must not share one */
		for (unsigned i = 1; round == 0 && i < MODEL; i++)
			for (unsigned j = 0; j < i; j++) {
				struct prefix a = model_prefix(i), b = model_prefix(j);

				assert_false(prefix_eq(&a, &b));
			}
		block_index_init(&x, key, MODEL);
		for (uint64_t now = 1; now < 4000; now++)
			model_step(&x, m, now);
		for (int i = 0; i < MODEL; i++)
			n += m->is_there[i];
		assert_int_equal(block_index_count(&x), n);
		free(m);
		block_index_done(&x);
	}
}

#define WALKED 5000

struct seen {
	uint8_t times[WALKED * 2];
};

static void on_seen(const struct block_entry *e, void *ctx)
{
	struct seen *s = ctx;

	assert_true(e->until < WALKED * 2);
	s->times[e->until]++;
}

/* What stays is seen exactly once, whatever comes and goes meanwhile; the first half stays. */
static void test_walk(void **state)
{
	struct seen *s = malloc(sizeof *s);
	struct block_index x;

	(void)state;
	assert_non_null(s);
	for (unsigned round = 0; round < 20; round++) {
		unsigned n = (unsigned)(rnd() % WALKED) + 1;
		uint64_t pos = 0;
		bool is_more;

		memset(s, 0, sizeof *s);
		block_index_init(&x, key, 1u << 20);
		for (uint32_t i = 0; i < n; i++) {
			struct prefix p = nth(i, i & 1);
			struct block_entry e = entry(&p, i);

			assert_int_equal(block_index_put(&x, &e), ERR_OK);
		}
		do {
			is_more = block_index_walk(&x, &pos, rnd() % 50 + 1, on_seen, s);
			for (unsigned k = 0; k < 30; k++) {
				uint32_t i = WALKED + (uint32_t)(rnd() % WALKED);
				struct prefix p = nth(i, i & 1);
				struct block_entry e = entry(&p, i);

				if (rnd() % 4)
					assert_int_equal(block_index_put(&x, &e), ERR_OK);
				else
					(void)block_index_del(&x, &p);
			}
		} while (is_more);
		for (uint32_t i = 0; i < n; i++)
			assert_int_equal(s->times[i], 1);
		block_index_done(&x);
	}
	free(s);
}

static double now_us(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void bench_find(const struct block_index *x, uint32_t n, bool is_hit)
{
	struct block_entry got;
	unsigned hits = 0;
	double t = now_us();

	for (unsigned i = 0; i < 1000000; i++) {
		struct prefix p = nth((uint32_t)(rnd() % n) + (is_hit ? 0 : n), false);

		hits += block_index_find(x, &p.addr, 1, &got);
	}
	(void)fprintf(stderr, "# %u entries: %s %.3f us (%u found)\n", n, is_hit ? "hit" : "miss", (now_us() - t) / 1e6,
		hits);
}

static void test_million(void **state)
{
	struct block_index x;
	double worst = 0, first = now_us();
	uint32_t n = getenv("LIMETWIG_BENCH") ? 1000000 : 100000;

	(void)state;
	block_index_init(&x, key, n);
	for (uint32_t i = 0; i < n; i++) {
		struct prefix p = nth(i, false);
		struct block_entry e = entry(&p, 10);
		double t = now_us(), took;

		assert_int_equal(block_index_put(&x, &e), ERR_OK);
		took = now_us() - t;
		if (took > worst)
			worst = took;
	}
	(void)fprintf(stderr, "# %u puts: %.0f ms, longest %.0f us, %.1f bytes an entry\n", n,
		(now_us() - first) / 1000, worst, (double)block_index_bytes(&x) / n);
	bench_find(&x, n, true);
	bench_find(&x, n, false);
	if (n == 1000000)
		assert_true(block_index_bytes(&x) <= 150 * (size_t)n);
	assert_int_equal(block_index_sweep(&x, 10, SIZE_MAX, NULL, NULL), n);
	assert_int_equal(x.lengths[0], 0);
	block_index_done(&x);
}

/* Room made at once: the memory stays where it is until that many are in it, and goes on growing after. */
static void test_reserve(void **state)
{
	struct block_index x;
	void *memory = NULL, *again = NULL;
	size_t bytes = 0;
	struct block_entry e;

	(void)state;
	block_index_init(&x, key, 5000);
	assert_int_equal(block_index_reserve(&x, 3000, &memory, &bytes), ERR_OK);
	assert_non_null(memory);
	assert_int_equal(bytes, block_index_bytes(&x));
	for (uint32_t i = 0; i < 3000; i++) {
		struct prefix p = nth(i, false);

		e = entry(&p, 1000 + i);
		assert_int_equal(block_index_put(&x, &e), ERR_OK);
	}
	assert_int_equal(block_index_bytes(&x), bytes);
	/* too late: nothing changes */
	assert_int_equal(block_index_reserve(&x, 5000, &again, &bytes), ERR_OK);
	assert_ptr_equal(again, memory);
	for (uint32_t i = 3000; i < 5000; i++) {
		struct prefix p = nth(i, false);

		e = entry(&p, 1000 + i);
		assert_int_equal(block_index_put(&x, &e), ERR_OK);
	}
	for (uint32_t i = 0; i < 5000; i++) {
		struct prefix p = nth(i, false);

		assert_true(block_index_find(&x, &p.addr, 999 + i, &e));
		assert_int_equal(e.until, 1000 + i);
	}
	block_index_done(&x);
	/* not above the cap, and nothing for nothing */
	block_index_init(&x, key, 10);
	assert_int_equal(block_index_reserve(&x, 0, &memory, &bytes), ERR_OK);
	assert_null(memory);
	assert_int_equal(block_index_reserve(&x, SIZE_MAX, &memory, &bytes), ERR_OK);
	assert_in_range(bytes, 1, 4096);
	block_index_done(&x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_basic),
		cmocka_unit_test(test_families_apart),
		cmocka_unit_test(test_cap),
		cmocka_unit_test(test_model),
		cmocka_unit_test(test_walk),
		cmocka_unit_test(test_million),
		cmocka_unit_test(test_reserve),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
