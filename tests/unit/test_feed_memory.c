/*
 * feed_memory: what was made can be searched elsewhere, by nobody changed; what
 * lacks the seals is refused.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "io/feed_memory.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

static struct feed_memory made(const char *prefix)
{
	struct prefix_set s = { 0 };
	struct feed_memory m = FEED_MEMORY_NONE;
	struct prefix p;

	assert_int_equal(prefix_parse(slice_str(prefix), &p), ERR_OK);
	assert_int_equal(prefix_set_add(&s, &p, false), ERR_OK);
	assert_int_equal(prefix_set_seal(&s), ERR_OK);
	assert_int_equal(feed_memory_make(&s, &m), ERR_OK);
	prefix_set_done(&s);
	return m;
}

static void test_handed_on(void **state)
{
	struct feed_memory m = made("198.51.100.0/24"), other = FEED_MEMORY_NONE;
	struct ipaddr a;
	int fd = dup(m.fd);

	(void)state;
	assert_int_equal(feed_memory_open(fd, &other), ERR_OK);
	feed_memory_close(&m);
	assert_int_equal(m.fd, -1);
	assert_int_equal(ipaddr_parse(SLICE_LIT("198.51.100.7"), &a), ERR_OK);
	assert_true(feed_area_find(&other.area, &a, NULL));
	assert_int_equal(other.area.ipv4, 256);
	feed_memory_close(&other);
	feed_memory_close(&other);
}

static void test_nobody_writes(void **state)
{
	struct feed_memory m = made("198.51.100.0/24");

	(void)state;
	assert_int_equal(write(m.fd, "x", 1), -1);
	assert_int_equal(ftruncate(m.fd, 0), -1);
	assert_ptr_equal(mmap(NULL, m.bytes, PROT_READ | PROT_WRITE, MAP_SHARED, m.fd, 0), MAP_FAILED);
	feed_memory_close(&m);
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
	struct feed_memory m = FEED_MEMORY_NONE;
	int pipes[2];

	(void)state;
	assert_int_equal(feed_memory_open(memory(0), &m), ERR_DENIED);
	assert_int_equal(feed_memory_open(memory(F_SEAL_SHRINK), &m), ERR_DENIED);
	assert_int_equal(feed_memory_open(memory(F_SEAL_WRITE), &m), ERR_DENIED);
	assert_int_equal(feed_memory_open(memory(F_SEAL_WRITE | F_SEAL_SHRINK), &m), ERR_VERSION);
	assert_int_equal(feed_memory_open(-1, &m), ERR_DENIED);
	assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
	assert_int_equal(feed_memory_open(pipes[0], &m), ERR_DENIED);
	(void)close(pipes[1]);
	assert_int_equal(m.fd, -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_handed_on),
		cmocka_unit_test(test_nobody_writes),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests_name("feed_memory", tests, NULL, NULL);
}
