/*
 * test_short_turns: the scheduler has taken note, and of this thread alone.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "io/short_turns.h"

#include <pthread.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

static uint64_t turn_ns(void)
{
	uint64_t attributes[6] = { 0 }; /* of sched_getattr(2) */

	assert_int_equal(syscall(SYS_sched_getattr, 0, attributes, sizeof attributes, 0), 0);
	return attributes[3];
}

static void *of_a_thread(void *ret)
{
	*(uint64_t *)ret = turn_ns();
	return NULL;
}

static void test_this_thread_alone(void **state)
{
	uint64_t before = turn_ns(), other = 0;
	int nice = getpriority(PRIO_PROCESS, 0);
	pthread_t t;

	(void)state;
	assert_int_equal(short_turns_ask(), ERR_OK);
	assert_int_equal(getpriority(PRIO_PROCESS, 0), nice);
	if (before == 0)
		skip(); /* this kernel has no turns of a thread's own */
	assert_int_equal(turn_ns(), SHORT_TURN_NS);
	assert_int_equal(pthread_create(&t, NULL, of_a_thread, &other), 0);
	assert_int_equal(pthread_join(t, NULL), 0);
	assert_int_equal(other, before);
	assert_int_equal(short_turns_ask(), ERR_OK); /* again: no harm */
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_this_thread_alone) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
