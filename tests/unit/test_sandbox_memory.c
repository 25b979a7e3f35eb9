/*
 * test_sandbox_memory: a filter of calls that is made while memory is short is
 * the right one, or none is said to be. Each child locks itself in with another
 * allocation failing; that the library may die of it, or go round for ever, is known.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "io/conf_file.h"
#include "io/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#ifdef __has_feature
#define HAS_ASAN __has_feature(address_sanitizer)
#elif defined(__SANITIZE_ADDRESS__)
#define HAS_ASAN 1
#else
#define HAS_ASAN 0
#endif

#define STEP 37 /* every one is tried by `make faults` */
#define ALLOCATIONS 4000

enum { LOCKED_IN = 0, REFUSED = 1, WRONG = 2 };

static struct conf conf;
static unsigned long fail_at;

#if !HAS_ASAN
static unsigned long count;

extern void *__libc_malloc(size_t n);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *p, size_t n);

static bool is_to_fail(void)
{
	return fail_at && ++count == fail_at;
}

__attribute__((visibility("default"))) void *malloc(size_t n)
{
	return is_to_fail() ? NULL : __libc_malloc(n);
}

__attribute__((visibility("default"))) void *calloc(size_t n, size_t size)
{
	return is_to_fail() ? NULL : __libc_calloc(n, size);
}

__attribute__((visibility("default"))) void *realloc(void *p, size_t n)
{
	return is_to_fail() ? NULL : __libc_realloc(p, n);
}
#endif

/* What the role firewall may, and what it hears for the rest. */
static bool is_right(void)
{
	if (getppid() <= 0 || sendto(-1, "", 0, 0, NULL, 0) >= 0 || errno != EBADF)
		return false;
	if (open("/etc/passwd", O_RDONLY | O_CLOEXEC) >= 0 || errno != EACCES)
		return false;
	return accept4(-1, NULL, NULL, 0) < 0;
}

__attribute__((noreturn)) static void child(unsigned long nth)
{
	const struct itimerval patience = { .it_value = { .tv_usec = 250000 } };
	struct rlimit none = { 0, 0 };
	char text[128];

	for (int i = 1; i < NSIG; i++)
		(void)signal(i, SIG_DFL); /* cmocka's */
	(void)setrlimit(RLIMIT_CORE, &none);
	(void)dup2(open("/dev/null", O_WRONLY), STDERR_FILENO);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		_exit(WRONG);
	(void)setitimer(ITIMER_REAL, &patience, NULL);
	fail_at = nth;
	if (sandbox_confine_calls(ROLE_TARPIT, &conf, text, sizeof text) != ERR_OK)
		_exit(REFUSED);
	fail_at = 0;
	_exit(is_right() ? LOCKED_IN : WRONG);
}

static void test_short_of_memory(void **state)
{
	unsigned refused = 0, locked_in = 0;

	(void)state;
	if (HAS_ASAN)
		skip();
	conf_defaults(&conf);
	for (unsigned long nth = 1; nth < ALLOCATIONS; nth += STEP) {
		int status;
		pid_t pid = fork();

		assert_true(pid >= 0);
		if (pid == 0)
			child(nth);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		if (WIFSIGNALED(status) &&
			(WTERMSIG(status) == SIGSEGV || WTERMSIG(status) == SIGABRT || WTERMSIG(status) == SIGALRM))
			continue; /* inside the library */
		if (!WIFEXITED(status) || WEXITSTATUS(status) == WRONG)
			fail_msg("allocation %lu: a wrong filter: status %x", nth, (unsigned)status);
		refused += WEXITSTATUS(status) == REFUSED;
		locked_in += WEXITSTATUS(status) == LOCKED_IN;
	}
	assert_true(refused > 10 && locked_in > 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_short_of_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
