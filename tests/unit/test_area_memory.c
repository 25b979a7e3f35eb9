/*
 * area_memory: a set that was made can be searched elsewhere, by nobody
 * changed; what lacks the seals is refused. Blocks: test_block_share.c.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "io/area_memory.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

static struct area_memory made(const char *prefix)
{
	struct prefix_set s = { 0 };
	struct area_memory m = AREA_MEMORY_NONE;
	struct feed_area a;
	struct prefix p;

	assert_int_equal(prefix_parse(slice_str(prefix), &p), ERR_OK);
	assert_int_equal(prefix_set_add(&s, &p, false), ERR_OK);
	assert_int_equal(prefix_set_seal(&s), ERR_OK);
	assert_int_equal(area_memory_make_feed(&s, &m, &a), ERR_OK);
	assert_int_equal(a.prefixes, 1);
	prefix_set_done(&s);
	return m;
}

static void test_handed_on(void **state)
{
	struct area_memory m = made("198.51.100.0/24"), other = AREA_MEMORY_NONE;
	struct feed_area found;
	struct ipaddr a;
	int fd = dup(m.fd);

	(void)state;
	assert_int_equal(area_memory_open_feed(fd, &other, &found), ERR_OK);
	assert_int_equal(other.fd, -1);
	assert_int_equal(fcntl(fd, F_GETFD), -1);
	area_memory_close(&m);
	assert_int_equal(m.fd, -1);
	assert_int_equal(ipaddr_parse(SLICE_LIT("198.51.100.7"), &a), ERR_OK);
	assert_true(feed_area_find(&found, &a, NULL));
	assert_int_equal(found.ipv4, 256);
	area_memory_close(&other);
	area_memory_close(&other);
}

static void test_nobody_writes(void **state)
{
	struct area_memory m = made("198.51.100.0/24");

	(void)state;
	assert_int_equal(write(m.fd, "x", 1), -1);
	assert_int_equal(ftruncate(m.fd, 0), -1);
	assert_ptr_equal(mmap(NULL, m.bytes, PROT_READ | PROT_WRITE, MAP_SHARED, m.fd, 0), MAP_FAILED);
	area_memory_close(&m);
}

/* Closed in pieces, as a set of millions is. */
static void test_given_back(void **state)
{
	enum { PIECE = 65536 };
	struct area_memory m;
	unsigned n = 1;

	(void)state;
	assert_int_equal(area_memory_make_blocks(3 * PIECE + 4096, &m), ERR_OK);
	while (area_memory_give_back(&m, PIECE))
		n++;
	assert_int_equal(n, 4);
	assert_null(m.map);
	assert_int_equal(m.fd, -1);
}

static int memory(unsigned seals)
{
	int fd = memfd_create("test", MFD_ALLOW_SEALING | MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, "no area, but long enough for the head of one, and for some more of it", 70), 70);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, seals), 0);
	return fd;
}

static void test_refused(void **state)
{
	struct area_memory m = AREA_MEMORY_NONE;
	struct feed_area a;
	struct block_view v;
	int pipes[2];

	(void)state;
	assert_int_equal(area_memory_open_feed(memory(0), &m, &a), ERR_DENIED);
	assert_int_equal(area_memory_open_feed(memory(F_SEAL_SHRINK), &m, &a), ERR_DENIED);
	assert_int_equal(area_memory_open_feed(memory(F_SEAL_WRITE), &m, &a), ERR_DENIED);
	assert_int_equal(area_memory_open_feed(memory(F_SEAL_SHRINK | F_SEAL_FUTURE_WRITE), &m, &a), ERR_DENIED);
	assert_int_equal(area_memory_open_feed(memory(F_SEAL_WRITE | F_SEAL_SHRINK), &m, &a), ERR_VERSION);
	assert_int_equal(area_memory_open_feed(-1, &m, &a), ERR_DENIED);
	assert_int_equal(area_memory_open_blocks(memory(F_SEAL_WRITE), &m, &v), ERR_DENIED);
	assert_int_equal(area_memory_open_blocks(memory(F_SEAL_SHRINK), &m, &v), ERR_SYNTAX);
	assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
	assert_int_equal(area_memory_open_feed(pipes[0], &m, &a), ERR_DENIED);
	(void)close(pipes[1]);
	assert_int_equal(m.fd, -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_handed_on),
		cmocka_unit_test(test_nobody_writes),
		cmocka_unit_test(test_given_back),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests_name("area_memory", tests, NULL, NULL);
}
