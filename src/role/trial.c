/*
 * trial: one function a call. What succeeds is undone at once, as far as it
 * can be: /bin/true takes the place of a role that may execute it.
 * SPDX-License-Identifier: ISC
 */
#include "role/trial.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#define PAGE 4096

bool trial_is_on(void)
{
	const char *v = getenv("LIMETWIG_TEST_HOOKS");

	return v && strcmp(v, "1") == 0;
}

/* A result that is no error is allowed; a descriptor among them is closed. */
static int of_fd(int fd)
{
	int e = fd < 0 ? errno : 0;

	if (fd >= 0)
		close(fd);
	return e;
}

static int of_result(long result)
{
	return result < 0 ? errno : 0;
}

static int try_passwd(const struct trial_place *p)
{
	(void)p;
	return of_fd(open("/etc/passwd", O_RDONLY | O_CLOEXEC));
}

static int try_shadow(const struct trial_place *p)
{
	(void)p;
	return of_fd(open("/etc/shadow", O_RDONLY | O_CLOEXEC));
}

/* db is the engine's, corpus is capture's. */
static const char *folder_of_another(const struct trial_place *p, const char *sub, char to[CONF_TEXT + 32])
{
	(void)snprintf(
		to, CONF_TEXT + 32, "%s/%s%s", p->conf->storage.dir, p->role == ROLE_ENGINE ? "corpus" : "db", sub);
	return to;
}

static int try_folder(const struct trial_place *p)
{
	char path[CONF_TEXT + 32];

	return of_fd(open(folder_of_another(p, "", path), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

static int try_create(const struct trial_place *p)
{
	char path[CONF_TEXT + 32];
	int e = of_fd(open(folder_of_another(p, "/trial", path), O_CREAT | O_WRONLY | O_CLOEXEC, 0600));

	if (e == 0)
		(void)unlink(path);
	return e;
}

static int try_inet(const struct trial_place *p)
{
	(void)p;
	return of_fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
}

/* Where it gets no socket of its own it tries with one of a pair. */
static int connect_to(const char *dir, const char *sub)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int pair[2] = { -1, -1 }, fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), e;

	(void)snprintf(a.sun_path, sizeof a.sun_path, "%.60s/%s", dir, sub);
	if (fd < 0 && socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
		return errno;
	e = of_result(connect(fd >= 0 ? fd : pair[0], (struct sockaddr *)&a, sizeof a));
	for (int i = 0; i < 2; i++)
		if (pair[i] >= 0)
			close(pair[i]);
	if (fd >= 0)
		close(fd);
	return e == EISCONN ? 0 : e;
}

static int try_policy(const struct trial_place *p)
{
	return p->conf->postfix.queues.count ? connect_to(p->conf->postfix.queues.item[0], "limetwig/policy")
					     : TRIAL_NONE;
}

static int try_control(const struct trial_place *p)
{
	return connect_to(p->conf->storage.run, "control.sock");
}

static int try_exec(const struct trial_place *p)
{
	char name[] = "/bin/true", *argv[] = { name, NULL }, *env[] = { NULL };

	(void)p;
	return of_result(execve(name, argv, env));
}

static int try_clone(const struct trial_place *p)
{
	pid_t pid = fork();

	(void)p;
	if (pid == 0)
		_exit(0);
	return of_result(pid);
}

static int try_ptrace(const struct trial_place *p)
{
	int e = of_result(ptrace(PTRACE_SEIZE, p->sibling, NULL, NULL));

	if (e == 0)
		(void)ptrace(PTRACE_DETACH, p->sibling, NULL, NULL);
	return e;
}

static int try_kill(const struct trial_place *p)
{
	return of_result(kill(p->sibling, 0));
}

/* An address that this image has: the sibling, of the same binary, may have it too; EFAULT is beyond the check. */
static int try_readv(const struct trial_place *p)
{
	char to[16];
	struct iovec here = { to, sizeof to }, there = { &here, sizeof to };
	int e = of_result(process_vm_readv(p->sibling, &here, 1, &there, 1, 0));

	return e == EFAULT ? 0 : e;
}

static int try_memory(const struct trial_place *p)
{
	char path[64];

	(void)snprintf(path, sizeof path, "/proc/%d/mem", (int)p->sibling);
	return of_fd(open(path, O_RDONLY | O_CLOEXEC));
}

static int try_mount(const struct trial_place *p)
{
	int e = of_result(mount("none", "/limetwig-trial-none", "tmpfs", 0, NULL));

	(void)p;
	return e == ENOENT ? 0 : e;
}

static int try_bpf(const struct trial_place *p)
{
	union bpf_attr a = { .map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 4, .max_entries = 1 };

	(void)p;
	return of_fd((int)syscall(SYS_bpf, BPF_MAP_CREATE, &a, sizeof a));
}

static int try_userfaultfd(const struct trial_place *p)
{
	(void)p;
	return of_fd((int)syscall(SYS_userfaultfd, O_CLOEXEC));
}

static int try_map_code(const struct trial_place *p)
{
	void *m = mmap(NULL, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)p;
	if (m == MAP_FAILED)
		return errno;
	(void)munmap(m, PAGE);
	return 0;
}

static int try_protect_code(const struct trial_place *p)
{
	void *m = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int e;

	(void)p;
	if (m == MAP_FAILED)
		return errno;
	e = of_result(mprotect(m, PAGE, PROT_READ | PROT_EXEC));
	(void)munmap(m, PAGE);
	return e;
}

static int try_map_shared(const struct trial_place *p)
{
	void *m;

	if (p->shared < 0)
		return TRIAL_NONE;
	m = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, p->shared, 0);
	if (m == MAP_FAILED)
		return errno;
	(void)munmap(m, PAGE);
	return 0;
}

/* Of the kernel itself: glibc would change all threads, or none. */
static int try_setuid(const struct trial_place *p)
{
	(void)p;
	return of_result(syscall(SYS_setuid, 0));
}

static const struct {
	const char *name;
	int (*act)(const struct trial_place *p);
} trials[] = {
	{ "openat /etc/passwd", try_passwd },
	{ "openat /etc/shadow", try_shadow },
	{ "open another's folder", try_folder },
	{ "create in another's folder", try_create },
	{ "socket AF_INET", try_inet },
	{ "connect policy socket", try_policy },
	{ "connect control socket", try_control },
	{ "execve", try_exec },
	{ "clone a process", try_clone },
	{ "ptrace a sibling", try_ptrace },
	{ "kill a sibling", try_kill },
	{ "process_vm_readv", try_readv },
	{ "openat /proc/sibling/mem", try_memory },
	{ "mount", try_mount },
	{ "bpf", try_bpf },
	{ "userfaultfd", try_userfaultfd },
	{ "mmap write and exec", try_map_code },
	{ "mprotect exec", try_protect_code },
	{ "writable map of shared", try_map_shared },
	{ "setuid 0", try_setuid },
};

const char *trial_name(unsigned number)
{
	return number < sizeof trials / sizeof trials[0] ? trials[number].name : NULL;
}

int trial_run(unsigned number, const struct trial_place *p)
{
	return trial_name(number) ? trials[number].act(p) : TRIAL_NONE;
}
