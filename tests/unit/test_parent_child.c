/*
 * test_parent_child: a role whose restart could not be noted is not forgotten;
 * one that was not asked need not have answered; one that cannot be told the
 * configuration does not go on without.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "io/log.h"
#include "role/parent.h"

#include <errno.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define NOBODY 0x7ffffff0 /* no process has this number */

static unsigned tries, kills;
static int64_t ahead_s;

/* In place of libc's. */
__attribute__((visibility("default"))) int clock_gettime(clockid_t id, struct timespec *to)
{
	int done = (int)syscall(SYS_clock_gettime, id, to);

	to->tv_sec += ahead_s;
	return done;
}

/* The same: there is no memory for a configuration. */
int memfd_create(const char *name, unsigned flags)
{
	(void)name;
	(void)flags;
	errno = ENOMEM;
	return -1;
}

/* In place of libc's: nobody is killed, and each try is seen. */
int kill(pid_t pid, int signo)
{
	assert_int_equal(pid, NOBODY);
	assert_int_equal(signo, SIGKILL);
	kills++;
	return 0;
}

/* In place of libc's: no process can be started, and each try is seen. */
int socketpair(int domain, int type, int protocol, int pair[2])
{
	(void)domain;
	(void)type;
	(void)protocol;
	(void)pair;
	tries++;
	errno = EMFILE;
	return -1;
}

static void test_a_lost_role_is_tried_again(void **state)
{
	static struct parent p;
	struct child *lost = &p.child[ROLE_RUN], *waits = &p.child[ROLE_FEED];

	(void)state;
	p.loop = loop_new();
	for (int r = 0; r < ROLE_PROCESSES; r++)
		p.child[r] = (struct child){ .role = (enum role)r, .parent = &p };
	tries = 0;
	parent_check_lost(&p);
	assert_int_equal(tries, 0); /* none is wanted */
	lost->is_wanted = waits->is_wanted = p.child[ROLE_ENGINE].is_wanted = true;
	p.child[ROLE_ENGINE].pid = 1; /* lives */
	p.is_stopping = true;
	parent_check_lost(&p);
	assert_int_equal(tries, 0);
	p.is_stopping = false;
	parent_start_child(waits);
	assert_int_equal(tries, 1);
	assert_non_null(waits->again);
	parent_check_lost(&p);
	assert_int_equal(tries, 2);
	assert_non_null(lost->again); /* from now on it has its own timer */
	parent_check_lost(&p);
	assert_int_equal(tries, 2);
	loop_free(p.loop);
}

/* We were stopped ourselves, or the machine was: nobody was silent. */
static void test_silence_begins_with_a_question(void **state)
{
	static struct parent p;
	struct child *c = &p.child[ROLE_RUN];

	(void)state;
	*c = (struct child){ .role = ROLE_RUN, .parent = &p, .pid = NOBODY, .is_ready = true };
	c->started_ms = clock_mono_ms();
	kills = 0;
	ahead_s += 600;
	parent_check_children(&p); /* asks */
	assert_int_equal(kills, 0);
	ahead_s += PARENT_SILENCE_MS / 1000 - 5;
	parent_check_children(&p);
	assert_int_equal(kills, 0);
	ahead_s += 6;
	parent_check_children(&p);
	assert_int_equal(kills, 1);
}

/* Else it would live on with the settings before, though the reload is said to be done. */
static void test_who_cannot_be_told_the_configuration(void **state)
{
	static struct parent p;
	struct child *c = &p.child[ROLE_RUN];

	(void)state;
	conf_defaults(&p.conf);
	*c = (struct child){ .role = ROLE_RUN, .parent = &p, .pid = NOBODY, .is_ready = true };
	kills = 0;
	parent_send_conf(c);
	assert_int_equal(kills, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_lost_role_is_tried_again),
		cmocka_unit_test(test_silence_begins_with_a_question),
		cmocka_unit_test(test_who_cannot_be_told_the_configuration),
	};

	log_setup("test", LOG_LEVEL_ALARM);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
