/*
 * parent_spawn: fork, become the role's user, execute this very binary anew.
 * The image is the one that runs now, also when the file was replaced
 * meanwhile: parent and roles always speak the same version.
 * SPDX-License-Identifier: ISC
 */
#include "io/sandbox.h"
#include "role/parent.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SPAWN_ENV 16

/* Nothing of the caller's environment but what makes output readable. */
static void set_environment(char *env[SPAWN_ENV], char text[SPAWN_ENV][512])
{
	static const char *const kept[] = { "JOURNAL_STREAM", "LIMETWIG_DEBUG", "TZ", "ASAN_OPTIONS", "UBSAN_OPTIONS",
		"LIMETWIG_TEST_HOOKS" };
	size_t n = 0;

	(void)snprintf(text[n], sizeof text[n], "PATH=/usr/sbin:/usr/bin:/sbin:/bin");
	n++;
	(void)snprintf(text[n], sizeof text[n], "LC_ALL=C");
	n++;
	for (size_t i = 0; i < sizeof kept / sizeof kept[0]; i++) {
		const char *v = getenv(kept[i]);

		if (v && strlen(v) < 400) {
			(void)snprintf(text[n], sizeof text[n], "%s=%s", kept[i], v);
			n++;
		}
	}
	for (size_t i = 0; i < n; i++)
		env[i] = text[i];
	env[n] = NULL;
}

/* The groups that open what the role must reach; a group that does not exist opens nothing. */
static size_t role_groups(const struct child *c, gid_t groups[2])
{
	const char *name = c->role == ROLE_RUN ? "postdrop"
			   : c->role == ROLE_FOLLOW && !strcmp(c->parent->conf.postfix.log, "journal")
				   ? "systemd-journal"
				   : NULL;
	const struct group *g = name ? getgrnam(name) : NULL;

	if (g)
		groups[0] = g->gr_gid;
	return g ? 1 : 0;
}

static void reset_signals(void)
{
	sigset_t none;

	for (int i = 1; i < NSIG; i++)
		(void)signal(i, SIG_DFL);
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Between fork and exec. Says why on stderr: there is no log yet. */
__attribute__((noreturn)) static void become(const struct child *c, int fd, const gid_t *groups, size_t n)
{
	static char text[SPAWN_ENV][512], name[] = "limetwigd", x[] = "-x", role[16];
	char *argv[] = { name, x, role, NULL }, *env[SPAWN_ENV];
	int null = open("/dev/null", O_RDWR);

	(void)snprintf(role, sizeof role, "%s", role_name(c->role));
	set_environment(env, text);
	reset_signals();
	if (null >= 0 && dup2(null, STDIN_FILENO) == 0 && dup2(null, STDOUT_FILENO) == 1 &&
		dup2(fd, ROLE_FD_PARENT) == ROLE_FD_PARENT && fcntl(ROLE_FD_PARENT, F_SETFD, 0) == 0 &&
		syscall(SYS_close_range, ROLE_FD_PARENT + 1, ~0u, 0) == 0 &&
		sandbox_become(c->role, &c->parent->conf, c->parent->is_root, c->uid, c->gid, groups, n) == ERR_OK) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
		(void)execve("/proc/self/exe", argv, env);
	}
	(void)dprintf(STDERR_FILENO, "limetwigd: role %s cannot be started: errno %d\n", role, errno);
	_exit(1);
}

enum err parent_spawn(const struct child *c, int *ret_fd, pid_t *ret_pid)
{
	gid_t groups[2];
	size_t n = role_groups(c, groups);
	int fd[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fd) != 0)
		return ERR_IO;
	pid = fork();
	if (pid == 0)
		become(c, fd[1], groups, n);
	close(fd[1]);
	if (pid < 0) {
		close(fd[0]);
		return ERR_IO;
	}
	*ret_fd = fd[0];
	*ret_pid = pid;
	return ERR_OK;
}
