/*
 * feed_plan_file: see the header.
 * SPDX-License-Identifier: ISC
 */
#include "io/feed_plan_file.h"
#include "io/whole_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum err feed_file_read(int dir, const char *path, int flags, struct buf *to)
{
	/* nonblocking: a pipe with that name does not stop us */
	int fd = openat(dir, path, flags | O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;
	enum err e;

	if (fd < 0)
		return ERR_IO;
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
		errno = S_ISDIR(st.st_mode) ? EISDIR : EINVAL;
		e = ERR_IO;
	} else {
		e = whole_file_read(fd, to);
	}
	(void)close(fd);
	return e;
}

enum err feed_file_write(const char *path, struct slice head, struct slice rest)
{
	char aside[FEED_WHERE + 8];
	int n = snprintf(aside, sizeof aside, "%s.new", path);
	bool is_whole;
	int fd;

	if (n < 0 || (size_t)n >= sizeof aside)
		return ERR_LIMIT;
	fd = open(aside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return ERR_IO;
	is_whole = whole_file_write(fd, head) == ERR_OK && whole_file_write(fd, rest) == ERR_OK && fdatasync(fd) == 0;
	if (close(fd) == 0 && is_whole && rename(aside, path) == 0)
		return ERR_OK;
	n = errno;
	(void)unlink(aside);
	errno = n;
	return ERR_IO;
}

static enum err parse_file(const char *path, struct buf *text, struct spamd_conf *ret, char reason[FEED_PLAN_REASON])
{
	char why[SPAMD_CONF_REASON] = "";
	unsigned line = 0;
	enum err e = feed_file_read(AT_FDCWD, path, 0, text);

	if (e != ERR_OK) {
		(void)snprintf(
			reason, FEED_PLAN_REASON, "%.100s: %s", path, e == ERR_IO ? strerror(errno) : err_name(e));
		return e;
	}
	e = spamd_conf_parse(buf_slice(text), ret, &line, why);
	if (e != ERR_OK)
		(void)snprintf(reason, FEED_PLAN_REASON, "%.60s:%u: %.100s", path, line, why[0] ? why : err_name(e));
	return e;
}

static bool is_same_file(const char *path, struct slice text)
{
	struct buf b;
	bool is_same;

	buf_init(&b, SPAMD_CONF_BYTES);
	is_same = feed_file_read(AT_FDCWD, path, O_NOFOLLOW, &b) == ERR_OK && slice_eq(buf_slice(&b), text);
	buf_done(&b);
	return is_same;
}

enum err feed_plan_read(const struct conf *c, const char *kept, struct feed_plan *ret, char reason[FEED_PLAN_REASON])
{
	struct spamd_conf spamd = { 0 };
	char second[FEED_PLAN_REASON];
	bool has_spamd = false;
	struct buf text;
	enum err e;

	reason[0] = '\0';
	buf_init(&text, SPAMD_CONF_BYTES);
	if (c->feeds.spamd_conf[0]) {
		has_spamd = parse_file(c->feeds.spamd_conf, &text, &spamd, reason) == ERR_OK;
		if (has_spamd && kept && !is_same_file(kept, buf_slice(&text)) &&
			feed_file_write(kept, buf_slice(&text), SLICE_LIT("")) != ERR_OK)
			(void)snprintf(reason, FEED_PLAN_REASON, "%.150s cannot be written", kept);
		buf_reset(&text);
		if (!has_spamd && kept)
			has_spamd = parse_file(kept, &text, &spamd, second) == ERR_OK;
	}
	e = feed_plan_make(c, has_spamd ? &spamd : NULL, ret);
	spamd_conf_done(&spamd);
	buf_done(&text);
	return e;
}
