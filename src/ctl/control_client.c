/*
 * control_client: the socket client.
 * SPDX-License-Identifier: ISC
 */
#include "ctl/control_client.h"

#include "base/buf.h"
#include "io/unix_socket.h"

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define READ_SIZE 65536
#define LATE                                                                                                           \
	"no answer in time: the engine stands still or cannot start, journalctl -u limetwigd "                         \
	"says why"

static enum err say(enum err e, char text[CONTROL_TEXT], const char *fmt, const char *path)
{
	(void)snprintf(text, CONTROL_TEXT, "limetwigd does not answer at %s: ", path);
	(void)strncat(text, fmt, CONTROL_TEXT - strlen(text) - 1);
	return e;
}

static enum err say_errno(int error, char text[CONTROL_TEXT], const char *path)
{
	switch (error) {
	case ENOENT:
	case ECONNREFUSED:
		return say(ERR_CLOSED, text, "not running? systemctl status limetwigd", path);
	case EACCES:
	case EPERM:
		return say(ERR_DENIED, text, "no permission: as root, or as a member of the read or admin group", path);
	case EAGAIN: /* of connect and sendmsg, after the limit of connect_to */
		return say(ERR_AGAIN, text, LATE, path);
	case EPIPE:
	case ECONNRESET:
		return say(ERR_CLOSED, text, "it closed the connection; journalctl -u limetwigd", path);
	default:
		return say(ERR_IO, text, strerror(error), path);
	}
}

static int64_t now_ms(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* limit_ms: for this, and for each piece that is sent. An engine that stands still has a full backlog one day. */
static enum err connect_to(const char *path, int limit_ms, int *ret_fd, char text[CONTROL_TEXT])
{
	int fd = unix_socket_connect(path, limit_ms);

	if (fd < 0)
		return errno == ENAMETOOLONG
			       ? say(ERR_LIMIT, text, "the path is too long for a socket (storage run)", path)
			       : say_errno(errno, text, path);
	*ret_fd = fd;
	return ERR_OK;
}

/* The descriptor travels with the first byte. */
static ssize_t send_part(int to, const char *p, size_t n, int fd)
{
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(sizeof(int))];
	} control = { .room = { 0 } };
	struct iovec iov = { .iov_base = (void *)(uintptr_t)p, .iov_len = n };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct cmsghdr *h;

	if (fd >= 0) {
		m.msg_control = control.room;
		m.msg_controllen = sizeof control.room;
		h = CMSG_FIRSTHDR(&m);
		h->cmsg_level = SOL_SOCKET;
		h->cmsg_type = SCM_RIGHTS;
		h->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(h), &fd, sizeof fd);
	}
	return sendmsg(to, &m, MSG_NOSIGNAL);
}

static enum err send_request(int to, const char *path, const json_t *request, int fd, char text[CONTROL_TEXT])
{
	char *line = json_dumps(request, JSON_COMPACT);
	struct buf b;
	size_t at = 0;
	enum err e = ERR_NOMEM;

	buf_init(&b, CONTROL_ANSWER_MAX);
	if (line && buf_add_str(&b, line) == ERR_OK && buf_add_char(&b, '\n') == ERR_OK)
		e = ERR_OK;
	else
		(void)say(e, text, "no memory", path);
	while (e == ERR_OK && at < b.n) {
		ssize_t n = send_part(to, b.p + at, b.n - at, at == 0 ? fd : -1);

		if (n >= 0)
			at += (size_t)n;
		else if (errno == EPIPE)
			break; /* it closed before the end, and may have said why: that is read next */
		else if (errno != EINTR)
			e = say_errno(errno, text, path);
	}
	free(line);
	buf_done(&b);
	return e;
}

/* Wait for input, at most until deadline (-1: for ever). */
static enum err wait_input(int fd, int64_t deadline, const char *path, char text[CONTROL_TEXT])
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	for (;;) {
		int64_t left = deadline < 0 ? -1 : deadline - now_ms();
		int n = deadline >= 0 && left <= 0 ? 0 : poll(&p, 1, (int)left);

		if (n > 0)
			return ERR_OK;
		if (n == 0)
			return say(ERR_AGAIN, text, LATE, path);
		if (errno != EINTR)
			return say_errno(errno, text, path);
	}
}

/* One more read into b. ERR_CLOSED at the end, text set. */
static enum err read_more(int fd, int64_t deadline, struct buf *b, const char *path, char text[CONTROL_TEXT])
{
	enum err e = wait_input(fd, deadline, path, text);
	ssize_t n;

	if (e != ERR_OK)
		return e;
	if (buf_reserve(b, READ_SIZE) != ERR_OK)
		return say(ERR_LIMIT, text, "its answer is too long", path);
	n = recv(fd, b->p + b->n, READ_SIZE, 0);
	if (n > 0)
		b->n += (size_t)n;
	else if (n == 0)
		return say(ERR_CLOSED, text, "it closed the connection; journalctl -u limetwigd", path);
	else if (errno != EINTR)
		return say_errno(errno, text, path);
	return ERR_OK;
}

/* The next line of the stream as an object; it is dropped from b. */
static enum err read_object(
	int fd, int64_t deadline, struct buf *b, const char *path, json_t **ret, char text[CONTROL_TEXT])
{
	size_t end, seen = 0;
	json_t *j;
	enum err e;

	while ((end = seen + slice_find(slice_from(buf_slice(b), seen), '\n')) == b->n) {
		seen = b->n;
		e = read_more(fd, deadline, b, path, text);
		if (e != ERR_OK)
			return e;
	}
	j = json_loadb(b->p, end, JSON_REJECT_DUPLICATES, NULL);
	buf_consume(b, end + 1);
	if (!json_is_object(j)) {
		json_decref(j);
		return say(ERR_SYNTAX, text, "it answered something that is not understood; same version?", path);
	}
	*ret = j;
	return ERR_OK;
}

enum err control_client_ask(
	const char *path, const json_t *request, int fd, int timeout_ms, json_t **ret_answer, char text[CONTROL_TEXT])
{
	struct buf b;
	int s = -1;
	enum err e = connect_to(path, timeout_ms < CONTROL_TIMEOUT_MS ? timeout_ms : CONTROL_TIMEOUT_MS, &s, text);

	if (e != ERR_OK)
		return e;
	buf_init(&b, CONTROL_ANSWER_MAX);
	e = send_request(s, path, request, fd, text);
	if (e == ERR_OK)
		e = read_object(s, now_ms() + timeout_ms, &b, path, ret_answer, text);
	buf_done(&b);
	(void)close(s);
	return e;
}

enum err control_client_watch(
	const char *path, const json_t *request, control_client_line line, void *ctx, char text[CONTROL_TEXT])
{
	struct buf b;
	int s = -1;
	bool is_wanted = true;
	enum err e = connect_to(path, CONTROL_TIMEOUT_MS, &s, text);

	if (e != ERR_OK)
		return e;
	buf_init(&b, CONTROL_ANSWER_MAX);
	e = send_request(s, path, request, -1, text);
	while (e == ERR_OK && is_wanted) {
		json_t *j = NULL;

		e = read_object(s, -1, &b, path, &j, text);
		if (e == ERR_OK)
			is_wanted = line(j, ctx);
		json_decref(j);
	}
	buf_done(&b);
	(void)close(s);
	return e;
}

/* In a container it may be the first process; elsewhere that is somebody else, who must not get our signals. */
static bool is_first(void)
{
	char name[32] = "";
	FILE *f = fopen("/proc/1/comm", "re");

	if (f) {
		name[fread(name, 1, sizeof name - 1, f)] = '\0';
		(void)fclose(f);
	}
	return strcmp(name, "limetwigd\n") == 0;
}

enum err control_client_pid(const char *path, pid_t *ret_pid, char text[CONTROL_TEXT])
{
	struct ucred cred = { 0 };
	socklen_t n = sizeof cred;
	int s = -1;
	enum err e = connect_to(path, CONTROL_PID_MS, &s, text);

	if (e != ERR_OK)
		return e;
	if (getsockopt(s, SOL_SOCKET, SO_PEERCRED, &cred, &n) != 0)
		e = say_errno(errno, text, path);
	else if (cred.pid < 1 || (cred.pid == 1 && !is_first()))
		e = say(ERR_IO, text, "it is not among the processes that are seen here: another container?", path);
	else
		*ret_pid = cred.pid;
	(void)close(s);
	return e;
}
