/*
 * test_block_share: what a reader sees of the blocks: the same as the index,
 * while it changes, grows, is handed over; with a writer that is killed inside
 * an update; with an area full of nonsense. LIMETWIG_KILLS sets how often the
 * writer is killed.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/block_index.h"
#include "core/subject.h"
#include "io/area_memory.h"

#define BASE 1000000u /* until of version 0 */
#define SUBJECTS 700  /* of 1,024 slots: long runs */

static const uint8_t key[SIPHASH_KEY] = "0123456789abcde", other_key[SIPHASH_KEY] = "edcba9876543210";

static uint64_t rng = 88172645463325252u;

static uint64_t rnd(void)
{
	rng ^= rng << 13;
	rng ^= rng >> 7;
	rng ^= rng << 17;
	return rng;
}

/* An empty one, its writer, and a reader. */
static void make_share(struct area_memory *m, struct block_share *s, struct block_view *v)
{
	assert_int_equal(area_memory_make_blocks(block_share_bytes(SHARE_BITS_MIN), m), ERR_OK);
	block_share_init(s, m->map, SHARE_BITS_MIN, key);
	assert_int_equal(block_view_init(v, m->map, m->bytes), ERR_OK);
}

/* Hosts, /24s and /64s, some inside of others. */
static struct prefix nth(uint32_t n)
{
	struct ipaddr a = { .family = n % 3 == 2 ? 6 : 4, .b = { 32, 1, 13, 184, (uint8_t)(n >> 8), (uint8_t)n } };

	if (a.family == 4)
		memcpy(a.b, (uint8_t[]){ 198, (uint8_t)(n >> 8), (uint8_t)n, 9, 0, 0 }, 6);
	return prefix_of(&a, n % 3 == 0 ? 32 : n % 3 == 1 ? 24 : 64);
}

static struct block_entry version(const struct prefix *p, uint32_t v)
{
	struct block_entry e = { .subject = *p,
		.until = BASE + v,
		.told = BASE + v,
		.offence = (uint16_t)v,
		.feed = (uint8_t)(v % 65),
		.code = v % 2 ? 450 : 554,
		.flags = (uint8_t)v };

	(void)snprintf(e.case_id, sizeof e.case_id, "%09u", v % 1000000000);
	return e;
}

/* All parts are of one version, and the subject is the one asked for. */
static void check_whole(const struct block_entry *e, const struct ipaddr *client)
{
	struct block_entry want = version(&e->subject, e->until - BASE);

	assert_true(prefix_has(&e->subject, client));
	assert_string_equal(e->case_id, want.case_id);
	assert_true(e->told == want.told && e->offence == want.offence && e->feed == want.feed &&
		    e->code == want.code && e->flags == want.flags);
}

static void test_same_as_index(void **state)
{
	struct block_index x;
	struct block_share share[16];
	struct area_memory memory[16];
	struct block_view view;
	unsigned n = 0, bits = SHARE_BITS_MIN, hits = 0;
	bool is_filling = true;

	(void)state;
	block_index_init(&x, key, 100000);
	assert_int_equal(area_memory_make_blocks(block_share_bytes(bits), &memory[0]), ERR_OK);
	block_share_init(&share[0], memory[0].map, bits, other_key);
	block_index_share(&x, &share[0]);
	for (uint32_t i = 0; i < 120000; i++) {
		struct prefix p = nth((uint32_t)(rnd() % 20000)), q = nth((uint32_t)(rnd() % 20000));
		struct block_entry e = version(&p, i), a, b;
		uint64_t now = BASE + (rnd() % 4 ? 0 : i / 2);
		bool is_a, is_b;

		if (rnd() % 4)
			assert_int_equal(block_index_put(&x, &e), ERR_OK);
		else
			(void)block_index_del(&x, &p);
		if (rnd() % 64 == 0)
			(void)block_index_sweep(&x, BASE + i / 2, 16, NULL, NULL);
		block_index_tell(&x, &q, (uint32_t)(BASE + i));
		if (is_filling && block_index_fill(&x, 16)) {
			is_filling = false;
			assert_int_equal(block_view_init(&view, memory[n].map, memory[n].bytes), ERR_OK);
		}
		if (!is_filling && block_share_is_tight(&share[n])) {
			n++;
			assert_int_equal(area_memory_make_blocks(block_share_bytes(++bits), &memory[n]), ERR_OK);
			block_share_init(&share[n], memory[n].map, bits, other_key);
			block_index_share(&x, &share[n]);
			is_filling = true;
		}
		if (!x.share)
			continue;
		is_a = block_index_find(&x, &q.addr, now, &a);
		is_b = block_view_find(&view, &q.addr, now, &b);
		assert_int_equal(is_a, is_b);
		assert_false(x.share->is_short);
		hits += is_a;
		if (is_a)
			assert_true(prefix_eq(&a.subject, &b.subject) && a.until == b.until && a.told == b.told &&
				    a.code == b.code && strcmp(a.case_id, b.case_id) == 0);
	}
	assert_true(n >= 4 && hits > 1000);
	assert_int_equal(x.share->count, block_index_count(&x));
	for (unsigned i = 0; i <= n; i++)
		area_memory_close(&memory[i]);
	block_index_done(&x);
}

/* Senders at shared providers are no addresses: a reader who looks up clients never meets one. */
static void test_no_identity(void **state)
{
	struct block_index x;
	struct block_share share[2];
	struct area_memory memory[2];
	struct block_view view;
	struct block_entry e, got;
	struct prefix host = nth(0), p;

	(void)state;
	block_index_init(&x, key, 100);
	for (int i = 0; i < 2; i++) { /* written along, and filled in later */
		char sender[32];

		assert_int_equal(area_memory_make_blocks(block_share_bytes(SHARE_BITS_MIN), &memory[i]), ERR_OK);
		block_share_init(&share[i], memory[i].map, SHARE_BITS_MIN, other_key);
		block_index_share(&x, &share[i]);
		(void)snprintf(sender, sizeof sender, "a%d@b.example", i);
		assert_int_equal(subject_of_sender(key, slice_str("pool"), slice_str(sender), &p), ERR_OK);
		e = version(&p, 1);
		assert_int_equal(block_index_put(&x, &e), ERR_OK);
		e = version(&host, 1);
		assert_int_equal(block_index_put(&x, &e), ERR_OK);
		block_index_tell(&x, &p, BASE + 2);
		while (!block_index_fill(&x, 4))
			;
		assert_int_equal(block_view_init(&view, memory[i].map, memory[i].bytes), ERR_OK);
		assert_true(block_index_get(&x, &p, &got));
		assert_false(block_view_find(&view, &p.addr, BASE, &got));
		assert_true(block_view_find(&view, &host.addr, BASE, &got));
		assert_int_equal(share[i].count, 1);
	}
	for (int i = 0; i < 2; i++)
		area_memory_close(&memory[i]);
	block_index_done(&x);
}

static void test_full(void **state)
{
	struct area_memory m;
	struct block_share s;
	struct block_view v;
	struct block_entry e;
	unsigned seen = 0;

	(void)state;
	make_share(&m, &s, &v);
	for (uint32_t i = 0; i < 2000; i++) {
		struct prefix p = nth(i * 3);

		e = version(&p, i);
		block_share_put(&s, &e);
	}
	assert_true(s.is_short && block_share_is_tight(&s));
	for (uint32_t i = 0; i < 2000; i++) {
		struct prefix p = nth(i * 3);

		seen += block_view_find(&v, &p.addr, BASE - 1, &e);
	}
	assert_int_equal(seen, s.count);
	assert_true(seen < 1024);
	area_memory_close(&m);
}

static void test_reader_cannot_write(void **state)
{
	size_t bytes = block_share_bytes(SHARE_BITS_MIN);
	struct area_memory m, r;
	struct block_share s;
	struct block_view v;
	int fd;

	(void)state;
	assert_int_equal(area_memory_make_blocks(bytes, &m), ERR_OK);
	block_share_init(&s, m.map, SHARE_BITS_MIN, key);
	assert_ptr_equal(mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, m.fd, 0), MAP_FAILED);
	assert_int_equal(errno, EPERM);
	assert_int_equal(pwrite(m.fd, "x", 1, 0), -1);
	assert_int_equal(errno, EPERM);
	assert_int_equal(ftruncate(m.fd, 0), -1);
	assert_int_equal(errno, EPERM);
	assert_int_equal(area_memory_open_blocks(dup(m.fd), &r, &v), ERR_OK);
	assert_int_equal(mprotect(r.map, r.bytes, PROT_READ | PROT_WRITE), -1);
	assert_int_equal(errno, EACCES);
	((char *)m.map)[bytes - 1] = 'x'; /* the writer can */
	assert_int_equal(((const char *)r.map)[bytes - 1], 'x');
	area_memory_close(&r);
	area_memory_close(&m);
	/* one that could shrink under the reader */
	fd = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	assert_int_equal(ftruncate(fd, 4096), 0);
	assert_int_equal(area_memory_open_blocks(fd, &r, &v), ERR_DENIED);
	assert_int_equal(fcntl(fd, F_GETFD), -1);
}

static void write_for_ever(struct block_share *s)
{
	for (uint32_t v = 0;; v++) {
		struct prefix p = nth((uint32_t)(rnd() % SUBJECTS));
		struct block_entry e = version(&p, v);

		if (rnd() % 3)
			block_share_put(s, &e);
		else
			block_share_del(s, &p);
	}
}

static pid_t start_writer(struct block_share *s)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		rng ^= (uint64_t)getpid() << 20;
		write_for_ever(s);
	}
	return pid;
}

static uint64_t sequence_of(const struct block_share *s)
{
	return __atomic_load_n(s->word + 4, __ATOMIC_ACQUIRE);
}

static unsigned probe(const struct block_view *v, unsigned n)
{
	unsigned seen = 0;

	while (n-- > 0) {
		struct prefix p = nth((uint32_t)(rnd() % SUBJECTS));
		struct block_entry e;

		if (block_view_find(v, &p.addr, BASE - 1, &e)) {
			check_whole(&e, &p.addr);
			seen++;
		}
	}
	return seen;
}

static void test_killed_writer(void **state)
{
	const char *wish = getenv("LIMETWIG_KILLS");
	unsigned kills = wish ? (unsigned)atoi(wish) : 500, inside = 0, seen = 0;
	struct area_memory m;
	struct block_share s;
	struct block_view v;

	(void)state;
	assert_int_equal(area_memory_make_blocks(block_share_bytes(SHARE_BITS_MIN), &m), ERR_OK);
	for (unsigned i = 0; i < kills; i++) {
		uint64_t turn = 2 + rnd() % 4000, spin = rnd() % 500;
		pid_t pid;
		int status;

		memset(m.map, 0, m.bytes);
		block_share_init(&s, m.map, SHARE_BITS_MIN, key);
		assert_int_equal(block_view_init(&v, m.map, m.bytes), ERR_OK);
		pid = start_writer(&s);
		while (sequence_of(&s) < turn)
			seen += probe(&v, 4);
		while (spin-- > 0)
			__asm__ volatile("" ::: "memory");
		assert_int_equal(kill(pid, SIGKILL), 0);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		inside += sequence_of(&s) % 2 != 0;
		/* a writer that died inside leaves nothing to be seen, one that did not leaves all */
		if (sequence_of(&s) & 1)
			assert_int_equal(probe(&v, 2), 0);
		else
			seen += probe(&v, 50);
	}
	print_message("# %u kills, %u inside an update, %u entries seen\n", kills, inside, seen);
	assert_true(inside > 0 && seen > 0);
	area_memory_close(&m);
}

static void test_reader_beside_writer(void **state)
{
	struct area_memory m;
	struct block_share s;
	struct block_view v;
	uint64_t first;
	unsigned seen = 0;
	pid_t pid;

	(void)state;
	make_share(&m, &s, &v);
	pid = start_writer(&s);
	first = sequence_of(&s);
	while (sequence_of(&s) < first + 400000)
		seen += probe(&v, 100);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	print_message("# %u entries seen beside 200,000 updates\n", seen);
	area_memory_close(&m);
}

/* ---- walks */

/* All of it; how often each of nth(0) .. nth(SUBJECTS - 1) was given. False: the writer was too busy. */
static bool walk_all(const struct block_view *v, unsigned seen[SUBJECTS])
{
	static struct block_entry got[SHARE_WALK];
	struct block_walk w = { .is_begun = false };
	enum err e = ERR_OK;

	memset(seen, 0, SUBJECTS * sizeof *seen);
	while (e == ERR_OK || e == ERR_AGAIN) {
		size_t n = 0;

		e = block_view_walk(v, &w, got, &n);
		if (e == ERR_AGAIN)
			return false;
		for (size_t i = 0; e == ERR_OK && i < n; i++) {
			uint32_t k = 0;

			check_whole(&got[i], &got[i].subject.addr);
			while (k < SUBJECTS) {
				struct prefix p = nth(k);

				if (prefix_eq(&p, &got[i].subject))
					break;
				k++;
			}
			assert_true(k < SUBJECTS);
			seen[k]++;
		}
	}
	assert_int_equal(e, ERR_NOTFOUND);
	assert_int_equal(block_view_walk(v, &w, got, &(size_t){ 0 }), ERR_NOTFOUND);
	return true;
}

static void test_walk(void **state)
{
	static bool is_there[SUBJECTS];
	unsigned seen[SUBJECTS];
	struct area_memory m;
	struct block_share s;
	struct block_view v;
	uint64_t changes;

	(void)state;
	make_share(&m, &s, &v);
	assert_true(walk_all(&v, seen));
	for (unsigned i = 0; i < SUBJECTS; i++)
		assert_int_equal(seen[i], 0);
	for (uint32_t round = 0; round < 300; round++) {
		for (unsigned i = 0; i < 20; i++) {
			uint32_t k = (uint32_t)(rnd() % SUBJECTS);
			struct prefix p = nth(k);
			struct block_entry e = version(&p, round);

			changes = block_view_changes(&v);
			if (rnd() % 4) {
				block_share_put(&s, &e);
				assert_int_equal(block_view_changes(&v), changes + 1);
				is_there[k] = true;
			} else {
				block_share_del(&s, &p);
				assert_int_equal(block_view_changes(&v), changes + is_there[k]);
				is_there[k] = false;
			}
		}
		assert_true(walk_all(&v, seen));
		for (unsigned i = 0; i < SUBJECTS; i++)
			assert_int_equal(seen[i], is_there[i]);
	}
	area_memory_close(&m);
}

/* A writer that adds and takes out odd ones while the even ones stay: these are given once, whatever moves. */
static void test_walk_beside_writer(void **state)
{
	unsigned seen[SUBJECTS], whole = 0, odd = 0;
	struct area_memory m;
	struct block_share s;
	struct block_view v;
	struct block_entry e;
	pid_t pid;

	(void)state;
	make_share(&m, &s, &v);
	for (uint32_t k = 0; k < SUBJECTS; k += 2) {
		struct prefix p = nth(k);

		e = version(&p, k);
		block_share_put(&s, &e);
	}
	pid = fork();
	assert_true(pid >= 0);
	/* the child goes on until it is killed */
	for (uint32_t k = 0;; k++) {
		struct prefix p = nth((uint32_t)(rnd() % (SUBJECTS / 2)) * 2 + 1);

		if (pid != 0)
			break;
		e = version(&p, k);
		if (rnd() % 2)
			block_share_put(&s, &e);
		else
			block_share_del(&s, &p);
		for (unsigned spin = 0; spin < 3000; spin++) /* else no reader ever comes in between */
			__asm__ volatile("" ::: "memory");
	}
	for (unsigned n = 0; n < 20000 && whole < 100; n++) {
		if (!walk_all(&v, seen))
			continue;
		whole++;
		for (unsigned k = 0; k < SUBJECTS; k++) {
			assert_true(k % 2 || seen[k] == 1);
			odd += k % 2 && seen[k];
		}
	}
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	print_message("# %u whole walks, %u moving entries\n", whole, odd);
	assert_true(whole > 0 && odd > 0);
	area_memory_close(&m);
}

/* A writer that died inside an update: no walk, and no waiting. */
static void test_walk_stuck(void **state)
{
	static struct block_entry got[SHARE_WALK];
	struct block_walk w = { .is_begun = false };
	struct area_memory m;
	struct block_share s;
	struct block_view v;
	size_t n;

	(void)state;
	make_share(&m, &s, &v);
	s.word[4] = 7;
	assert_int_equal(block_view_walk(&v, &w, got, &n), ERR_AGAIN);
	assert_false(w.is_begun);
	s.word[4] = 8;
	assert_int_equal(block_view_walk(&v, &w, got, &n), ERR_OK);
	area_memory_close(&m);
}

/* It ends, and what it gives can be printed. */
static void walk_nonsense(const struct block_view *v)
{
	static struct block_entry got[SHARE_WALK];
	struct block_walk w = { .is_begun = false };
	char text[PREFIX_TEXT];
	size_t n = 0;

	for (unsigned stretch = 0; stretch < 10 && block_view_walk(v, &w, got, &n) == ERR_OK; stretch++)
		for (size_t i = 0; i < n; i++)
			assert_true(strlen(prefix_format(&got[i].subject, text)) > 1 &&
				    strlen(got[i].case_id) < CASE_ID_TEXT && got[i].code >= 400);
}

/* Whatever stands in the area: an answer, soon, and nothing read outside of it. */
static void test_nonsense(void **state)
{
	size_t bytes = block_share_bytes(SHARE_BITS_MIN);
	uint64_t *area = malloc(bytes);
	struct block_share s;
	struct block_view v;
	struct block_entry e;

	(void)state;
	assert_non_null(area);
	memset(area, 0, bytes);
	block_share_init(&s, area, SHARE_BITS_MIN, key);
	assert_int_equal(block_view_init(&v, area, bytes), ERR_OK);
	assert_int_equal(block_view_init(&v, area, bytes - 1), ERR_SYNTAX);
	assert_int_equal(block_view_init(&v, area, 8), ERR_SYNTAX);
	area[1] = 64;
	assert_int_equal(block_view_init(&v, area, bytes), ERR_SYNTAX);
	area[0]++;
	assert_int_equal(block_view_init(&v, area, bytes), ERR_VERSION);
	area[0] = 1;
	assert_int_equal(block_view_init(&v, area, bytes), ERR_SYNTAX);
	v = (struct block_view){ .word = area, .bits = SHARE_BITS_MIN };
	for (unsigned round = 0; round < 50; round++) {
		for (size_t i = 0; i < bytes / sizeof *area; i++)
			area[i] = rnd() | (round % 2 ? UINT64_C(1) << 32 : 0); /* round 1, 3: no slot is free */
		area[4] = round % 3 ? 0 : 1;
		walk_nonsense(&v);
		for (unsigned i = 0; i < 20; i++) {
			struct prefix p = nth((uint32_t)rnd() % 1000);

			if (block_view_find(&v, &p.addr, 1, &e))
				assert_true(e.code >= 400 && e.code <= 599 && strlen(e.case_id) < sizeof e.case_id);
		}
	}
	free(area);
}

static void test_speed(void **state)
{
	struct timespec a, b;
	struct area_memory m;
	struct block_share s;
	struct block_view v;
	struct block_entry e;
	unsigned seen = 0, n = getenv("LIMETWIG_BENCH") ? 1000000 : 50000, bits = n > 50000 ? 21 : 17;

	(void)state;
	assert_int_equal(area_memory_make_blocks(block_share_bytes(bits), &m), ERR_OK);
	block_share_init(&s, m.map, bits, key);
	assert_int_equal(block_view_init(&v, m.map, m.bytes), ERR_OK);
	for (uint32_t i = 0; i < n; i++) {
		struct prefix p = nth(i);

		p.addr.b[3] = (uint8_t)(i >> 16);
		e = version(&p, i);
		e.subject = prefix_of(&p.addr, p.len);
		block_share_put(&s, &e);
	}
	(void)clock_gettime(CLOCK_MONOTONIC, &a);
	for (unsigned i = 0; i < 200000; i++) {
		struct prefix p = nth((uint32_t)rnd());

		seen += block_view_find(&v, &p.addr, 1, &e);
	}
	(void)clock_gettime(CLOCK_MONOTONIC, &b);
	print_message("# %zu entries: %.3f us a question (%u found)\n", s.count,
		((double)(b.tv_sec - a.tv_sec) * 1e9 + (double)(b.tv_nsec - a.tv_nsec)) / 200000e3, seen);
	area_memory_close(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_same_as_index),
		cmocka_unit_test(test_no_identity),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_reader_cannot_write),
		cmocka_unit_test(test_killed_writer),
		cmocka_unit_test(test_reader_beside_writer),
		cmocka_unit_test(test_walk),
		cmocka_unit_test(test_walk_beside_writer),
		cmocka_unit_test(test_walk_stuck),
		cmocka_unit_test(test_nonsense),
		cmocka_unit_test(test_speed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
