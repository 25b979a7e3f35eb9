/*
 * fault_preload: into limetwigd by LD_PRELOAD, and by limetwigd into its
 * roles (their environment is made anew, so execve here hands it on). What it
 * does is in a file that the test has mapped too (FAULT_CONTROL), one slot a
 * role: fail the Nth allocation, and set the clock.
 * SPDX-License-Identifier: ISC
 */
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#pragma GCC visibility push(default) /* these take the place of libc's */

#define SLOTS 16
#define NAME 16
#define FRAMES 24

/* As tests/faults/stage.py has it. */
struct slot {
	char role[NAME];
	_Atomic uint64_t fail_at; /* allocation that fails; 0: none */
	_Atomic uint64_t count;   /* allocations since it was set */
	_Atomic uint64_t failed;
	_Atomic uint64_t spared; /* it was asked for by a library that does not outlive it */
};

struct control {
	_Atomic int64_t clock_s; /* added to the time of day */
	uint64_t is_traced;      /* where the failing allocation was asked for goes to stderr */
	struct slot slot[SLOTS];
};

extern void *__libc_malloc(size_t n);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *p, size_t n);

static struct control *control;
static struct slot *mine;
static char path[256], library[256];
static void *frame[FRAMES];

/* The word behind -x: which role this is. */
static void find_role(char to[NAME])
{
	char text[4096];
	int fd = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd >= 0 ? read(fd, text, sizeof text - 1) : 0;

	if (fd >= 0)
		(void)close(fd);
	text[n > 0 ? n : 0] = '\0';
	memcpy(to, "parent", sizeof "parent");
	for (ssize_t at = 0; at < n; at += (ssize_t)strlen(text + at) + 1)
		if (strcmp(text + at, "-x") == 0 && at + 3 < n) {
			memset(to, 0, NAME);
			strncpy(to, text + at + 3, NAME - 1);
		}
}

__attribute__((constructor)) static void begin(void)
{
	const char *name = getenv("FAULT_CONTROL"), *self = getenv("LD_PRELOAD");
	char role[NAME] = "";
	void *p;
	int fd;

	if (!name || !self || strlen(name) >= sizeof path || strlen(self) >= sizeof library)
		return;
	memcpy(path, name, strlen(name) + 1);
	memcpy(library, self, strlen(self) + 1);
	/* programs that a role runs do not get it */
	(void)unsetenv("LD_PRELOAD");
	(void)unsetenv("FAULT_CONTROL");
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return;
	p = mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	(void)close(fd);
	if (p == MAP_FAILED)
		return;
	control = p;
	(void)backtrace(frame, FRAMES); /* what it loads, it loads now */
	find_role(role);
	for (size_t i = 0; i < SLOTS; i++)
		if (strncmp(control->slot[i].role, role, NAME) == 0)
			mine = &control->slot[i];
}

/*
 * libconfuse 3.3 (cfg_init) and libseccomp 2.5 (seccomp_load) follow null pointers and free twice, and so does OpenSSL 3.0
 * where it makes itself ready (CRYPTO_THREAD_run_once); libc asserts that /etc/nsswitch.conf could be read (getgrnam).
 * They work at the start of a role only, which dies and comes back. Nothing is to be learned from it a thousand times.
 */
static bool is_fatal_frame(const Dl_info *i)
{
	static const char *const inside[] = { "CRYPTO_THREAD_run_once", "getgrnam", "getgrnam_r", "getpwnam",
		"getpwnam_r" };

	if (i->dli_fname && (strstr(i->dli_fname, "libconfuse") || strstr(i->dli_fname, "libseccomp")))
		return true;
	for (size_t k = 0; i->dli_sname && k < sizeof inside / sizeof *inside; k++)
		if (strcmp(i->dli_sname, inside[k]) == 0)
			return true;
	return false;
}

static bool is_fatal_to_a_library(int n)
{
	Dl_info i;

	for (int k = 0; k < n; k++)
		if (dladdr(frame[k], &i) != 0 && is_fatal_frame(&i))
			return true;
	return false;
}

static bool is_to_fail(void)
{
	uint64_t at = mine ? atomic_load(&mine->fail_at) : 0;
	int n;

	if (!at || atomic_fetch_add(&mine->count, 1) + 1 != at)
		return false;
	n = backtrace(frame, FRAMES);
	if (is_fatal_to_a_library(n)) {
		atomic_fetch_add(&mine->spared, 1);
		return false;
	}
	atomic_fetch_add(&mine->failed, 1);
	if (control->is_traced)
		backtrace_symbols_fd(frame, n, STDERR_FILENO);
	errno = ENOMEM;
	return true;
}

void *malloc(size_t n)
{
	return is_to_fail() ? NULL : __libc_malloc(n);
}

void *calloc(size_t n, size_t size)
{
	return is_to_fail() ? NULL : __libc_calloc(n, size);
}

void *realloc(void *p, size_t n)
{
	return is_to_fail() ? NULL : __libc_realloc(p, n);
}

int clock_gettime(clockid_t id, struct timespec *to)
{
	static int (*real)(clockid_t, struct timespec *);
	int done;

	if (!real)
		*(void **)&real = dlsym(RTLD_NEXT, "clock_gettime");
	done = real(id, to);
	if (done == 0 && control && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE))
		to->tv_sec += atomic_load(&control->clock_s);
	return done;
}

time_t time(time_t *to)
{
	struct timespec t = { 0 };

	(void)clock_gettime(CLOCK_REALTIME, &t);
	if (to)
		*to = t.tv_sec;
	return t.tv_sec;
}

int gettimeofday(struct timeval *to, void *zone)
{
	struct timespec t = { 0 };

	(void)zone;
	(void)clock_gettime(CLOCK_REALTIME, &t);
	*to = (struct timeval){ .tv_sec = t.tv_sec, .tv_usec = t.tv_nsec / 1000 };
	return 0;
}

/* limetwigd begins a role: the only program that gets us. */
int execve(const char *file, char *const argv[], char *const env[])
{
	static int (*real)(const char *, char *const[], char *const[]);
	char preload[300], name[300], *more[64];
	size_t n = 0;

	if (!real)
		*(void **)&real = dlsym(RTLD_NEXT, "execve");
	if (strcmp(file, "/proc/self/exe") != 0 || !control)
		return real(file, argv, env);
	(void)snprintf(preload, sizeof preload, "LD_PRELOAD=%s", library);
	(void)snprintf(name, sizeof name, "FAULT_CONTROL=%s", path);
	for (; env[n] && n < 60; n++)
		more[n] = env[n];
	more[n] = preload;
	more[n + 1] = name;
	more[n + 2] = NULL;
	return real(file, argv, more);
}
