/*
 * test_aliasmap_files: what the engine hears of trap and allow files while one
 * of them cannot be read.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "core/message.h"
#include "io/loop.h"
#include "role/aliasmap.h"
#include "temp_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE_MS 20000

static struct role_host host;
static struct channel *engine;
static char texts[1000]; /* "traps 0/2 line;" of each; "-": without a descriptor */
static const char *unreadable;
static int64_t passed_s;

/* In place of libc's: a disk that gives an error for this file. */
__attribute__((visibility("default"))) int fstat(int fd, struct stat *to)
{
	char link[64], path[500];
	ssize_t len = -1;

	if (unreadable) {
		(void)snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
		len = readlink(link, path, sizeof path - 1);
	}
	if (len > 0) {
		path[len] = '\0';
		if (strstr(path, unreadable)) {
			errno = EIO;
			return -1;
		}
	}
	return (int)syscall(SYS_newfstatat, fd, "", to, AT_EMPTY_PATH);
}

__attribute__((visibility("default"))) int clock_gettime(clockid_t id, struct timespec *to)
{
	int done = (int)syscall(SYS_clock_gettime, id, to);

	to->tv_sec += passed_s;
	return done;
}

static void on_engine_message(void *ctx, enum role peer, enum message_type t, struct rd *body, const int *fds, size_t n)
{
	struct msg_text m;
	char text[100] = "-";
	ssize_t len;

	(void)ctx, (void)peer;
	assert_int_equal(t, MSG_TEXT);
	assert_int_equal(message_get_text(body, &m), ERR_OK);
	if (n == 1) {
		len = pread(fds[0], text, sizeof text - 1, 0);
		assert_true(len >= 0);
		text[len] = '\0';
		(void)close(fds[0]);
	}
	if (m.kind == TEXT_ALLOW && m.count) {
		(void)snprintf(
			texts + strlen(texts), sizeof texts - strlen(texts), "%u/%u %s;", m.index, m.count, text);
	}
	if (m.kind == TEXT_ALLOW && m.index + 1 >= m.count)
		loop_stop(host.loop);
}

static void on_role_message(void *ctx, enum role peer, enum message_type t, struct rd *body, const int *fds, size_t n)
{
	(void)ctx;
	aliasmap_ops.message(&host, peer, t, body, fds, n);
}

static void on_closed(void *ctx, enum role peer)
{
	(void)ctx, (void)peer;
	fail();
}

static void on_late(void *ctx)
{
	(void)ctx;
	fail_msg("no round");
}

static void link_engine(void)
{
	int pair[2];

	channel_free(engine);
	channel_free(host.link[ROLE_ENGINE]);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair), 0);
	host.link[ROLE_ENGINE] =
		channel_new(host.loop, pair[0], ROLE_ALIASMAP, ROLE_ENGINE, on_role_message, on_closed, NULL);
	engine = channel_new(host.loop, pair[1], ROLE_ENGINE, ROLE_ALIASMAP, on_engine_message, on_closed, NULL);
}

static int setup(void **state)
{
	(void)state;
	if (dir_make() != 0)
		return -1;
	memset(&host, 0, sizeof host);
	unreadable = NULL;
	passed_s = 0;
	host.role = ROLE_ALIASMAP;
	host.ops = &aliasmap_ops;
	host.loop = loop_new();
	conf_defaults(&host.conf);
	host.conf.traps.files.count = host.conf.allow.shared.count = 0;
	host.conf.allow.files.count = 1;
	(void)snprintf(host.conf.allow.files.item[0], CONF_ITEM, "%s/*.txt", dir);
	(void)snprintf(host.conf.postfix.map, CONF_TEXT, "lmdb:%s/virtual", dir);
	(void)snprintf(host.conf.postfix.domains, CONF_TEXT, "lmdb:%s/domains", dir);
	write_file("a.txt", "192.0.2.1\n");
	write_file("b.txt", "192.0.2.2\n");
	assert_int_equal(aliasmap_ops.start(&host), ERR_OK);
	link_engine();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	channel_free(engine);
	channel_free(host.link[ROLE_ENGINE]);
	engine = NULL;
	loop_free(host.loop);
	free(host.ctx);
	return dir_remove();
}

/* One round of the allow files, as the engine asks for it, or by itself. */
static const char *round_of(bool is_asked)
{
	struct loop_watch *late = loop_after(host.loop, PATIENCE_MS, on_late, NULL);

	texts[0] = '\0';

	aliasmap_send_files(host.ctx, is_asked);
	assert_int_equal(loop_run(host.loop), ERR_OK);
	loop_remove(late);
	return texts;
}

/* The engine is told that a file is there which cannot be read, not that it is empty; when it can be all of it comes. */
static void what_is_in_force_stays(void **state)
{
	(void)state;
	assert_string_equal(round_of(true), "0/2 192.0.2.1\n;1/2 192.0.2.2\n;");
	unreadable = "/b.txt";
	assert_string_equal(round_of(true), "0/2 192.0.2.1\n;1/2 -;");
	unreadable = NULL;
	passed_s += 60;
	assert_string_equal(round_of(false), "0/2 192.0.2.1\n;1/2 192.0.2.2\n;");
}

/* No descriptor is left, or there are as many as before. */
static void allow_descriptors(bool is_more)
{
	static struct rlimit before;
	struct rlimit l;
	int next = dup(STDERR_FILENO);

	if (!is_more) {
		assert_true(next >= 0);
		assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
		l = (struct rlimit){ (rlim_t)next, before.rlim_max };
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &l), 0);
	} else {
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	}
	if (next >= 0)
		(void)close(next);
}

static void a_folder_that_cannot_be_read_is_not_empty(void **state)
{
	(void)state;
	assert_string_equal(round_of(true), "0/2 192.0.2.1\n;1/2 192.0.2.2\n;");
	allow_descriptors(false);
	assert_string_equal(round_of(false), "0/1 -;");
	allow_descriptors(true);
	passed_s += 60;
	assert_string_equal(round_of(false), "0/2 192.0.2.1\n;1/2 192.0.2.2\n;");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_is_in_force_stays, setup, teardown),
		cmocka_unit_test_setup_teardown(a_folder_that_cannot_be_read_is_not_empty, setup, teardown),
	};

	return cmocka_run_group_tests_name("aliasmap_files", tests, NULL, NULL);
}
