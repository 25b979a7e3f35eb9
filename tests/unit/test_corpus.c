/*
 * test_corpus: what is kept, counted, cut and removed; full disks, by a write
 * that fails and (as root) by a tiny tmpfs in a mount namespace of our own.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "folder.h"
#include "io/corpus.h"

#define MIB (1024u * 1024u)

static char dir[64];
static const struct corpus_limits wide = { .message = MIB, .total = 100 * MIB, .reserve = 0 };
static size_t disk_left; /* of the failing writer */

static ssize_t write_until_full(int fd, const void *p, size_t n)
{
	ssize_t done;

	if (disk_left == 0) {
		errno = ENOSPC;
		return -1;
	}
	done = write(fd, p, n < disk_left ? n : disk_left);
	if (done > 0)
		disk_left -= (size_t)done;
	return done;
}

static int setup(void **state)
{
	(void)state;
	return make_folder(dir, sizeof dir);
}

static int teardown(void **state)
{
	(void)state;
	clear(dir);
	return 0;
}

static void clear_new(void)
{
	char path[128];

	(void)snprintf(path, sizeof path, "%s/corpus/new", dir);
	clear(path);
}

static struct corpus *open_corpus(const struct corpus_limits *limits)
{
	struct corpus *c = NULL;
	char path[128];

	(void)snprintf(path, sizeof path, "%s/corpus", dir);
	assert_int_equal(corpus_open(path, limits, &c), ERR_OK);
	return c;
}

static void add_body(struct corpus *c, struct corpus_file *f, size_t n)
{
	static char text[4096];

	memset(text, 'b', sizeof text);
	for (; n; n -= n < sizeof text ? n : sizeof text)
		corpus_add(c, f, slice_of(text, n < sizeof text ? n : sizeof text), false);
}

/* One message of a header and body bytes, as far as it can be kept. */
static void keep(struct corpus *c, uint64_t time, size_t body, char id[CORPUS_ID], bool *is_truncated)
{
	struct corpus_file f = { .fd = -1 }, *list = &f;

	corpus_begin(c, time, &f);
	corpus_add(c, &f, SLICE_LIT("Subject: x\r\n\r\n"), true);
	add_body(c, &f, body);
	corpus_finish(c, &f);
	memcpy(id, f.id, CORPUS_ID);
	*is_truncated = f.is_truncated;
	if (f.id[0]) {
		assert_int_equal(corpus_sync(c, &f), ERR_OK);
		assert_int_equal(corpus_publish(c, &list, 1), ERR_OK);
	}
	corpus_release(c, &f);
}

static off_t size_of(const char *folder, const char *id)
{
	char path[192];
	struct stat st;

	(void)snprintf(path, sizeof path, "%s/corpus/%s/%s", dir, folder, id);
	return stat(path, &st) == 0 ? st.st_size : -1;
}

static unsigned files_in(const char *folder)
{
	char path[128];

	(void)snprintf(path, sizeof path, "%s/corpus/%s", dir, folder);
	return count_files(path);
}

static void assert_state(struct corpus *c, uint64_t want_bytes, uint32_t want_files)
{
	uint64_t bytes;
	uint32_t files;
	bool is_full;

	corpus_state(c, &bytes, &files, &is_full);
	assert_int_equal(bytes, want_bytes);
	assert_int_equal(files, want_files);
}

static void test_keep(void **state)
{
	struct corpus *c = open_corpus(&wide);
	char id[CORPUS_ID], path[192];
	struct stat st;
	bool is_truncated;

	(void)state;
	keep(c, 1700000000, 5000, id, &is_truncated);
	assert_false(is_truncated);
	assert_true(strlen(id) < CORPUS_ID && strncmp(id, "1700000000.", 11) == 0);
	assert_int_equal(size_of("new", id), 5014);
	assert_int_equal(files_in("tmp"), 0);
	assert_state(c, 8192, 1);
	(void)snprintf(path, sizeof path, "%s/corpus/new/%s", dir, id);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	(void)snprintf(path, sizeof path, "%s/corpus", dir);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	corpus_close(c);
}

static void test_reopen_and_remove(void **state)
{
	struct corpus *c = open_corpus(&wide);
	struct corpus_file left = { .fd = -1 };
	char id[3][CORPUS_ID], from[192], to[192];
	bool is_truncated;

	(void)state;
	for (int i = 0; i < 3; i++)
		keep(c, 1700000000, 100, id[i], &is_truncated);
	corpus_begin(c, 1, &left); /* a crash leaves this one in tmp */
	add_body(c, &left, 2 * CORPUS_BUFFER);
	assert_int_equal(files_in("tmp"), 1);
	corpus_close(c);
	close(left.fd);
	buf_done(&left.buf);
	(void)snprintf(from, sizeof from, "%s/corpus/new/%s", dir, id[2]);
	(void)snprintf(to, sizeof to, "%s/corpus/cur/%s", dir, id[2]);
	assert_int_equal(rename(from, to), 0);

	c = open_corpus(&wide);
	assert_int_equal(files_in("tmp"), 0);
	assert_state(c, 3 * 4096, 3);
	assert_int_equal(corpus_remove(c, id[0]), ERR_OK);
	assert_int_equal(corpus_remove(c, id[0]), ERR_NOTFOUND);
	assert_int_equal(corpus_remove(c, id[2]), ERR_OK);
	assert_int_equal(corpus_remove(c, ""), ERR_SYNTAX);
	assert_int_equal(corpus_remove(c, ".."), ERR_SYNTAX);
	assert_int_equal(corpus_remove(c, "../new/x"), ERR_SYNTAX);
	assert_int_equal(corpus_remove(c, "a/b"), ERR_SYNTAX);
	assert_state(c, 4096, 1);
	assert_int_equal(files_in("new"), 1);
	corpus_close(c);
}

static void test_drop(void **state)
{
	struct corpus *c = open_corpus(&wide);
	struct corpus_file f = { .fd = -1 }, *list = &f;

	(void)state;
	for (int step = 0; step < 4; step++) {
		corpus_begin(c, 1700000000, &f);
		corpus_add(c, &f, SLICE_LIT("A: b\r\n\r\n"), true);
		add_body(c, &f, 100000);
		if (step > 0)
			corpus_finish(c, &f);
		if (step > 1)
			assert_int_equal(corpus_sync(c, &f), ERR_OK);
		if (step > 2)
			assert_int_equal(corpus_publish(c, &list, 1), ERR_OK);
		corpus_drop(c, &f);
		assert_state(c, 0, 0);
		assert_int_equal(files_in("tmp") + files_in("new"), 0);
	}
	corpus_drop(c, &f);
	corpus_close(c);
}

static void test_message_cap(void **state)
{
	struct corpus_limits limits = wide;
	struct corpus *c;
	char id[CORPUS_ID];
	bool is_truncated;

	(void)state;
	limits.message = 100000;
	c = open_corpus(&limits);
	keep(c, 1700000000, 100000, id, &is_truncated);
	assert_true(is_truncated);
	assert_int_equal(size_of("new", id), 100000);
	keep(c, 1700000000, 100000 - 14, id, &is_truncated);
	assert_false(is_truncated);
	assert_int_equal(size_of("new", id), 100000);
	corpus_close(c);
}

/* Whole messages up to the cap, then headers, then nothing; and whole ones again when there is room. */
static void test_total_cap(void **state)
{
	struct corpus_limits limits = { .message = MIB, .total = MIB, .reserve = 0 };
	struct corpus *c = open_corpus(&limits);
	char id[CORPUS_ID], first[CORPUS_ID] = "";
	unsigned whole = 0, headers = 0, none = 0;
	uint64_t bytes;
	uint32_t files;
	bool is_truncated, is_full;

	(void)state;
	for (int i = 0; i < 100; i++) {
		keep(c, 1700000000, 50000, id, &is_truncated);
		if (i == 0)
			memcpy(first, id, sizeof first);
		whole += !is_truncated;
		headers += is_truncated && id[0] && size_of("new", id) == 14;
		none += !id[0];
		assert_true(id[0] || is_truncated);
	}
	assert_int_equal(whole, 20);
	assert_true(headers > 5 && headers < 20);
	assert_int_equal(whole + headers + none, 100);
	corpus_state(c, &bytes, &files, &is_full);
	assert_true(is_full);
	assert_true(bytes <= MIB + MIB / CORPUS_SPARE + CORPUS_BLOCK);
	assert_int_equal(files, whole + headers);
	limits.total = 2 * MIB;
	corpus_set_limits(c, &limits);
	corpus_state(c, &bytes, &files, &is_full);
	assert_false(is_full);
	keep(c, 1700000000, 50000, id, &is_truncated);
	assert_false(is_truncated);
	corpus_close(c);
}

static void test_reserve(void **state)
{
	struct corpus_limits limits = wide;
	struct corpus *c;
	char id[CORPUS_ID];
	bool is_truncated;

	(void)state;
	limits.reserve = UINT64_MAX / 2;
	c = open_corpus(&limits);
	keep(c, 1700000000, 100, id, &is_truncated);
	assert_true(is_truncated);
	assert_string_equal(id, "");
	assert_int_equal(files_in("tmp") + files_in("new"), 0);
	corpus_close(c);
}

/* The disk takes n bytes and no more: the header stays if it fits, else nothing does. */
static void test_write_fails(void **state)
{
	static const struct {
		size_t left, body;
		off_t size; /* -1: nothing kept */
	} cases[] = {
		{ 0, 100, -1 },
		{ 13, 100, -1 },
		{ 14, 100, 14 },
		{ 50, 100, 14 },
		{ 114, 100, 114 },
		{ CORPUS_BUFFER, 200000, 14 },
		{ 0, 200000, -1 },
		{ 200014, 200000, 200014 },
	};
	struct corpus *c = open_corpus(&wide);

	(void)state;
	corpus_set_writer(c, write_until_full);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char id[CORPUS_ID];
		bool is_truncated;

		disk_left = cases[i].left;
		keep(c, 1700000000, cases[i].body, id, &is_truncated);
		assert_int_equal(is_truncated, cases[i].size != (off_t)cases[i].body + 14);
		assert_int_equal(id[0] == '\0', cases[i].size < 0);
		if (cases[i].size >= 0) {
			assert_int_equal(size_of("new", id), cases[i].size);
			assert_int_equal(corpus_remove(c, id), ERR_OK);
		}
		assert_state(c, 0, 0);
		assert_int_equal(files_in("tmp") + files_in("new"), 0);
	}
	corpus_close(c);
}

/* In a child with a tmpfs of 256 kB: all messages until it is full, then what fits, never an error. */
static int fill_tmpfs(void)
{
	struct corpus_limits limits = { .message = MIB, .total = 100 * MIB, .reserve = 0 };
	unsigned whole = 0, cut = 0, none = 0;
	struct corpus *c;

	if (unshare(CLONE_NEWNS) < 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
		mount("tmpfs", dir, "tmpfs", 0, "size=256k") < 0)
		return 77;
	c = open_corpus(&limits);
	for (int i = 0; i < 30; i++) {
		char id[CORPUS_ID];
		bool is_truncated;

		keep(c, 1700000000, 30000, id, &is_truncated);
		whole += !is_truncated;
		cut += is_truncated && id[0];
		none += !id[0];
	}
	corpus_close(c);
	return whole >= 5 && whole <= 8 && none > 0 && whole + cut + none == 30 ? 0 : 1;
}

static void test_full_disk(void **state)
{
	int status;
	pid_t pid;

	(void)state;
	if (geteuid() != 0)
		skip();
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		_exit(fill_tmpfs());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == 77)
		skip();
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void test_sweep(void **state)
{
	struct corpus *c = open_corpus(&wide);
	char id[CORPUS_ID], path[192];
	uint32_t removed = 0, sum = 0;
	bool is_truncated;
	int fd, rounds = 0;

	(void)state;
	for (uint64_t i = 0; i < 50; i++)
		keep(c, 1700000000 + i, 10, id, &is_truncated);
	(void)snprintf(path, sizeof path, "%s/corpus/new/foreign", dir);
	fd = open(path, O_CREAT | O_WRONLY, 0600);
	close(fd);
	for (size_t budget = 1; budget < 60; budget += 7) { /* any budget ends a round */
		rounds = 0;
		while (!corpus_sweep(c, 1700000000 + budget / 2, budget, &removed)) {
			sum += removed;
			assert_true(++rounds < 200);
		}
		sum += removed;
		assert_int_equal(sum, budget / 2);
	}
	assert_true(corpus_sweep(c, 1800000000, 1000, &removed));
	assert_int_equal(sum + removed, 50);
	assert_int_equal(files_in("new"), 1);
	assert_state(c, 0, 0);
	corpus_close(c);
}

struct shown {
	unsigned count;
};

/* Files with a body go, of the large ones all of it is asked for. */
static enum corpus_fate show(const struct corpus_shown *f, void *ctx)
{
	struct shown *s = ctx;
	struct slice head = buf_slice(f->head);

	assert_true(head.n >= 14 && head.n <= 100014);
	if (head.n > 1000 && head.n < 100014)
		return CORPUS_MORE;
	s->count++;
	assert_memory_equal(head.p, "Subject: x\r\n\r\n", 14);
	return head.n > 14 ? CORPUS_GOES : CORPUS_STAYS;
}

/* However small the steps: each file is shown once, those in cur too; what shall go is gone and not counted. */
static void test_walk(void **state)
{
	struct corpus *c = open_corpus(&wide);
	char id[CORPUS_ID], from[192], to[192];
	bool is_truncated;

	(void)state;
	for (size_t budget = 1; budget < 12; budget++) {
		struct corpus_walk w = { 0 };
		struct shown s = { 0 };

		for (uint64_t i = 0; i < 7; i++)
			keep(c, 1700000000 + i, i % 2 ? 100 : 0, id, &is_truncated);
		keep(c, 1700000000, 100000, id, &is_truncated);
		(void)snprintf(from, sizeof from, "%s/corpus/new/%s", dir, id);
		(void)snprintf(to, sizeof to, "%s/corpus/cur/%s", dir, id);
		assert_int_equal(rename(from, to), 0);
		while (!corpus_walk_step(c, &w, budget, show, &s))
			;
		assert_int_equal(s.count, 8);
		assert_int_equal(w.deleted, 4);
		assert_int_equal(w.failed, 0);
		assert_int_equal(files_in("new"), 4);
		assert_int_equal(files_in("cur"), 0);
		corpus_walk_end(&w);
		w = (struct corpus_walk){ 0 }; /* given up at once */
		assert_false(corpus_walk_step(c, &w, 1, show, &s));
		corpus_walk_end(&w);
		clear_new();
		corpus_close(c);
		c = open_corpus(&wide);
	}
	corpus_close(c);
}

static void test_open_fails(void **state)
{
	struct corpus *c = NULL;
	char path[128];

	(void)state;
	(void)snprintf(path, sizeof path, "%s/no/such/folder", dir);
	assert_int_equal(corpus_open(path, &wide, &c), ERR_IO);
	assert_null(c);
	(void)snprintf(path, sizeof path, "%s/file", dir);
	close(open(path, O_CREAT | O_WRONLY, 0600));
	assert_int_equal(corpus_open(path, &wide, &c), ERR_IO);
	assert_null(c);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_keep),
		TEST(test_reopen_and_remove),
		TEST(test_drop),
		TEST(test_message_cap),
		TEST(test_total_cap),
		TEST(test_reserve),
		TEST(test_write_fails),
		TEST(test_full_disk),
		TEST(test_sweep),
		TEST(test_walk),
		TEST(test_open_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
