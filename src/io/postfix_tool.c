/*
 * postfix_tool: spawn, read both pipes with poll until both end, reap.
 * SPDX-License-Identifier: ISC
 */
#include "io/postfix_tool.h"
#include "io/whole_file.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static uint64_t now_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
	*fd = -1;
}

static enum err spawn(const char *const argv[], int in, int out, int err_fd, pid_t *ret_pid)
{
	posix_spawn_file_actions_t fa;
	posix_spawnattr_t attr;
	sigset_t set;
	int e;

	if (posix_spawn_file_actions_init(&fa) != 0)
		return ERR_NOMEM;
	if (posix_spawnattr_init(&attr) != 0) {
		(void)posix_spawn_file_actions_destroy(&fa);
		return ERR_NOMEM;
	}
	(void)posix_spawn_file_actions_adddup2(&fa, in, 0);
	(void)posix_spawn_file_actions_adddup2(&fa, out, 1);
	(void)posix_spawn_file_actions_adddup2(&fa, err_fd, 2);
	(void)sigemptyset(&set);
	(void)posix_spawnattr_setsigmask(&attr, &set);
	(void)sigaddset(&set, SIGPIPE);
	(void)sigaddset(&set, SIGTERM);
	(void)sigaddset(&set, SIGINT);
	(void)posix_spawnattr_setsigdefault(&attr, &set);
	(void)posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	e = posix_spawnp(ret_pid, argv[0], &fa, &attr, (char *const *)(uintptr_t)argv, environ);
	(void)posix_spawn_file_actions_destroy(&fa);
	(void)posix_spawnattr_destroy(&attr);
	errno = e;
	return e == 0 ? ERR_OK : ERR_IO;
}

/* One read; the descriptor is closed at the end of input. */
static enum err take(int *fd, struct buf *to)
{
	char chunk[65536];
	ssize_t n = read(*fd, chunk, sizeof chunk);

	if (n < 0)
		return errno == EINTR || errno == EAGAIN ? ERR_OK : ERR_IO;
	if (n == 0)
		close_fd(fd);
	return to && n > 0 ? buf_add(to, slice_of(chunk, (size_t)n)) : ERR_OK;
}

static enum err read_both(int fd[2], uint64_t deadline, struct buf *const to[2])
{
	enum err e = ERR_OK;

	while (e == ERR_OK && (fd[0] >= 0 || fd[1] >= 0)) {
		struct pollfd p[2] = { { .fd = fd[0], .events = POLLIN }, { .fd = fd[1], .events = POLLIN } };
		uint64_t now = now_ms();

		if (now >= deadline)
			return ERR_AGAIN;
		if (poll(p, 2, (int)(deadline - now)) < 0 && errno != EINTR)
			return ERR_IO;
		for (int i = 0; i < 2 && e == ERR_OK; i++)
			if (fd[i] >= 0 && p[i].revents)
				e = take(&fd[i], to[i]);
	}
	return e;
}

/* Wait until the deadline, then kill. */
static enum err reap(pid_t pid, uint64_t deadline, int *ret_status)
{
	bool is_late = false;
	int st;

	for (;;) {
		pid_t r = waitpid(pid, &st, is_late ? 0 : WNOHANG);

		if (r == pid)
			break;
		if (r < 0 && errno != EINTR)
			return ERR_IO;
		if (now_ms() >= deadline) {
			(void)kill(pid, SIGKILL);
			is_late = true;
		} else if (r == 0) {
			(void)poll(NULL, 0, 1);
		}
	}
	*ret_status = WIFEXITED(st) ? WEXITSTATUS(st) : 128 + WTERMSIG(st);
	return is_late ? ERR_AGAIN : ERR_OK;
}

enum err postfix_tool_run(const char *const argv[], struct slice in, uint64_t limit_ms, struct buf *out,
	struct buf *err_out, int *ret_status)
{
	struct buf *const to[2] = { out, err_out };
	uint64_t deadline = now_ms() + (limit_ms < INT32_MAX ? limit_ms : INT32_MAX);
	int pipes[2][2] = { { -1, -1 }, { -1, -1 } }, fd[2], in_fd = whole_file_memory(in, false), status = 0;
	enum err e = ERR_IO, r;
	pid_t pid;

	if (in_fd < 0 || pipe2(pipes[0], O_CLOEXEC) != 0 || pipe2(pipes[1], O_CLOEXEC) != 0)
		goto out;
	e = spawn(argv, in_fd, pipes[0][1], pipes[1][1], &pid);
	close_fd(&pipes[0][1]);
	close_fd(&pipes[1][1]);
	if (e != ERR_OK)
		goto out;
	fd[0] = pipes[0][0];
	fd[1] = pipes[1][0];
	pipes[0][0] = pipes[1][0] = -1;
	e = read_both(fd, deadline, to);
	close_fd(&fd[0]);
	close_fd(&fd[1]);
	r = reap(pid, e == ERR_OK ? deadline : 0, &status);
	if (e == ERR_OK)
		e = r;
	if (e == ERR_OK)
		*ret_status = status;
out:
	close_fd(&in_fd);
	for (int i = 0; i < 2; i++) {
		close_fd(&pipes[i][0]);
		close_fd(&pipes[i][1]);
	}
	return e;
}
