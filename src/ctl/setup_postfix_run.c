/*
 * setup_postfix_run: Postfix's own commands, their complaint as one text.
 * SPDX-License-Identifier: ISC
 */
#include "ctl/setup_postfix_private.h"
#include "io/postfix_tool.h"
#include "io/unix_socket.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

/* The last line that a command wrote to stderr says why. */
static void last_line(struct slice s, char *text, size_t n)
{
	struct slice line, last = { "no reason given", 15 };

	while (slice_line(&s, &line))
		if (slice_trim(line).n)
			last = slice_trim(line);
	(void)snprintf(text, n, "%.*s", SLICE_ARG(slice_head(last, 400)));
}

bool setup_run(const char *const argv[], struct buf *out, char *text, size_t n)
{
	struct buf complaint;
	int status = -1;
	enum err e;

	buf_init(&complaint, MAIN_CF_MAX);
	e = postfix_tool_run(argv, (struct slice){ "", 0 }, 2 * POSTFIX_TOOL_MS, out, &complaint, &status);
	if (e != ERR_OK)
		(void)snprintf(text, n, "%s: %s", argv[0], e == ERR_AGAIN ? "took too long" : "cannot be run");
	else if (status != 0)
		last_line(buf_slice(&complaint), text, n);
	buf_done(&complaint);
	return e == ERR_OK && status == 0;
}

bool setup_run_check(const char *dir, char *text, size_t n)
{
	const char *const argv[] = { "postfix", "-c", dir, "check", NULL };

	return setup_run(argv, NULL, text, n);
}

bool setup_run_reload(const char *dir, char *text, size_t n)
{
	const char *const argv[] = { "postfix", "-c", dir, "reload", NULL };

	return setup_run(argv, NULL, text, n);
}

bool setup_run_is_up(const char *dir)
{
	const char *const argv[] = { "postfix", "-c", dir, "status", NULL };
	char text[SETUP_TEXT];

	return setup_run(argv, NULL, text, sizeof text);
}

bool setup_run_has_postfix(void)
{
	const char *const argv[] = { "postconf", "-h", "mail_version", NULL };
	int status = -1;

	/* 127: not found, however the spawn tells it */
	return postfix_tool_run(argv, (struct slice){ "", 0 }, POSTFIX_TOOL_MS, NULL, NULL, &status) != ERR_IO &&
	       status != 127;
}

bool setup_run_answers(const char *path, int limit_ms)
{
	int fd = unix_socket_connect(path, limit_ms);

	if (fd >= 0)
		(void)close(fd);
	else if (errno == EAGAIN)
		errno = ETIMEDOUT;
	return fd >= 0;
}
