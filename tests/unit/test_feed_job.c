/*
 * feed_job: from files, folders and what a command printed to the set that may
 * act; what is held; what OpenBSD's own programs make of such lists wrongly
 * (each row of test_defects is one of those), and the file that is kept.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "core/conf_value.h"
#include "folder.h"
#include "role/feed.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static char top[64];
static atomic_bool is_over;

static const char *path_of(const char *name)
{
	static char path[4][256];
	static unsigned turn;
	char *to = path[turn++ % 4];

	(void)snprintf(to, 256, "%s/%s", top, name);
	return to;
}

static void write_file(const char *name, const char *text)
{
	FILE *f = fopen(path_of(name), "w");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static int begin(void **state)
{
	(void)state;
	return make_folder(top, sizeof top);
}

static int end(void **state)
{
	(void)state;
	clear(top);
	return 0;
}

/* A feed of one part, a path, that takes what has documentation addresses. */
static struct feed_spec *spec_of(const char *where)
{
	struct conf *c = calloc(1, sizeof *c);
	struct feed_spec *s = calloc(1, sizeof *s);

	assert_non_null(c);
	assert_non_null(s);
	conf_defaults(c);
	s->conf = c->feed[0];
	s->conf.is_documentation = true;
	s->parts = 1;
	slice_copy(slice_str(where), s->part[0].where, sizeof s->part[0].where);
	free(c);
	return s;
}

static struct feed_job *job_of(const struct feed_spec *s, const struct feed_set *good)
{
	struct feed_job *j = calloc(1, sizeof *j);

	assert_non_null(j);
	j->spec = s;
	j->good = good;
	j->last = good->keep;
	j->is_over = &is_over;
	j->set.memory = AREA_MEMORY_NONE;
	for (unsigned i = 0; i < FEED_PARTS; i++)
		j->printed[i] = -1;
	return j;
}

struct list {
	char text[4096];
	size_t n;
};

static bool add_text(void *ctx, const struct prefix *p)
{
	struct list *l = ctx;
	char text[PREFIX_TEXT];

	l->n += (size_t)snprintf(
		l->text + l->n, sizeof l->text - l->n, "%s%s", l->n ? " " : "", prefix_format(p, text));
	assert_true(l->n < sizeof l->text);
	return true;
}

static void expect(const struct feed_job *j, enum feed_outcome outcome, const char *set)
{
	struct list l = { .n = 0 };

	if (j->outcome != outcome)
		fail_msg("outcome %u: %s", j->outcome, j->reason);
	if (!set)
		return;
	feed_area_each(&j->set.area, add_text, &l);
	assert_string_equal(l.text, set);
}

static const struct feed_set nothing = { .memory = { .fd = -1 } };

static struct feed_job *run_on(const struct feed_spec *s, const struct feed_set *good)
{
	struct feed_job *j = job_of(s, good);

	feed_job_run(j);
	return j;
}

/* As the good set from now on; its time is what a job sees. */
static struct feed_set good_of(struct feed_job *j)
{
	struct feed_set s = j->set;

	s.keep.time = 1000;
	j->set.memory = AREA_MEMORY_NONE;
	feed_job_free(j);
	return s;
}

/* What spamd-setup and greyd-setup lose, invent or stumble over, and what is right. */
static void test_defects(void **state)
{
	static const struct {
		const char *what, *list, *set;
	} rows[] = {
		{ "host bits are no offset", "198.51.100.5/24\n", "198.51.100.0/24" },
		{ "address, blank, number: no range", "192.0.2.1 10 hits\n198.51.100.1\n", "192.0.2.1 198.51.100.1" },
		{ "a reversed range costs only itself", "192.0.2.1\n192.0.2.9 - 192.0.2.3\n198.51.100.1\n",
			"192.0.2.1 198.51.100.1" },
		{ "trailing text", "192.0.2.1 spam\n192.0.2.3\n192.0.2.5\n", "192.0.2.1 192.0.2.3 192.0.2.5" },
		{ "text that begins with a digit or dot", "192.0.2.1 2026-11-22\n192.0.2.3 .x\n",
			"192.0.2.1 192.0.2.3" },
		{ "IPv6 among them", "192.0.2.1\n2001:db8::7\n192.0.2.3\n", "192.0.2.1 192.0.2.3 2001:db8::7" },
		{ "leading tab", "\t192.0.2.1\n", "192.0.2.1" },
		{ "comment behind an address", "192.0.2.1 # why\n192.0.2.3\n", "192.0.2.1 192.0.2.3" },
		{ "a range to the top takes nothing else away", "192.0.2.1\n198.51.100.0/24\n224.0.0.0/3\n",
			"192.0.2.1 198.51.100.0/24" },
		{ "an entry at the bottom ends no list", "0.0.0.0/8\n192.0.2.1\n198.51.100.1\n",
			"192.0.2.1 198.51.100.1" },
		{ "length 0 is no shift by 32", "0.0.0.0/0\n192.0.2.1\n", "192.0.2.1" },
		{ "length beyond 32", "192.0.2.1/40\n192.0.2.3\n", "192.0.2.3" },
		{ "short forms", "198.51/16\n", "198.51.0.0/16" },
		{ "neighbours join", "198.51.100.0/25\n198.51.100.128 - 198.51.100.255\n", "198.51.100.0/24" },
		{ "no LF at the end", "192.0.2.1\n192.0.2.3", "192.0.2.1 192.0.2.3" },
		{ "CR LF", "192.0.2.1\r\n192.0.2.3\r\n", "192.0.2.1 192.0.2.3" },
		{ "two addresses glued together", "176.221.42.3234.90.93.23\n192.0.2.3\n", "192.0.2.3" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct feed_spec *s = spec_of(path_of("list"));
		struct feed_job *j;

		s->conf.format = (enum conf_feed_format)(FEED_SPAMD + 1);
		write_file("list", rows[i].list);
		j = run_on(s, &nothing);
		if (j->outcome != FEED_OUT_NEW && j->outcome != FEED_OUT_HELD)
			fail_msg("%s: %s", rows[i].what, j->reason);
		expect(j, j->outcome, rows[i].set);
		feed_job_free(j);
		free(s);
	}
}

static void test_white_is_taken_away(void **state)
{
	struct feed_spec *s = spec_of(path_of("black"));
	struct feed_job *j;

	(void)state;
	write_file("black", "192.0.2.0/29\n");
	write_file("white1", "192.0.2.2\n");
	write_file("white2", "192.0.2.4 - 192.0.2.200\n0.0.0.0/32\n");
	s->parts = 3;
	for (unsigned i = 1; i < 3; i++) {
		s->part[i].is_white = true;
		slice_copy(slice_str(path_of(i == 1 ? "white1" : "white2")), s->part[i].where, FEED_WHERE);
	}
	j = run_on(s, &nothing);
	expect(j, FEED_OUT_NEW, "192.0.2.0/31 192.0.2.3");
	feed_job_free(j);
	/* without one of its white lists there is no list */
	assert_int_equal(unlink(path_of("white2")), 0);
	j = run_on(s, &nothing);
	expect(j, FEED_OUT_FAILED, NULL);
	assert_non_null(strstr(j->reason, "white2"));
	feed_job_free(j);
	free(s);
}

static void test_folder(void **state)
{
	struct feed_spec *s = spec_of(path_of("folder"));
	struct feed_set good;
	struct feed_job *j;

	(void)state;
	assert_int_equal(mkdir(path_of("folder"), 0700), 0);
	assert_int_equal(mkdir(path_of("folder/inner"), 0700), 0);
	write_file("folder/inner/x", "192.0.2.99\n");
	write_file("folder/a", "192.0.2.1\n");
	write_file("folder/b", "{\"cidr\":\"198.51.100.0/24\",\"sblid\":\"SBL1\"}\n{\"type\":\"metadata\"}\n");
	write_file("folder/.a.Qx81", "192.0.2.98\n");
	write_file("outside", "192.0.2.97\n");
	assert_int_equal(symlink(path_of("outside"), path_of("folder/link")), 0);
	assert_int_equal(mkfifo(path_of("folder/pipe"), 0600), 0);
	j = run_on(s, &nothing);
	expect(j, FEED_OUT_NEW, "192.0.2.1 198.51.100.0/24");
	good = good_of(j);
	j = run_on(s, &good);
	expect(j, FEED_OUT_SAME, NULL);
	feed_job_free(j);
	write_file("folder/c", "192.0.2.3\n");
	j = run_on(s, &good);
	expect(j, FEED_OUT_NEW, "192.0.2.1 192.0.2.3 198.51.100.0/24");
	assert_int_equal(j->change.added4, 1);
	feed_job_free(j);
	/* other settings: all is looked at again */
	s->conf.widest_ipv4 = 25;
	j = run_on(s, &good);
	expect(j, FEED_OUT_NEW, "192.0.2.1 192.0.2.3");
	feed_job_free(j);
	feed_set_close(&good);
	free(s);
}

static void test_sources_that_fail(void **state)
{
	static const char *const names[] = { "not-there", "a-pipe", "large" };
	struct feed_spec *s = spec_of("");
	char text[3000];

	(void)state;
	assert_int_equal(mkfifo(path_of("a-pipe"), 0600), 0);
	memset(text, '\n', sizeof text - 1);
	text[sizeof text - 1] = '\0';
	write_file("large", text);
	s->conf.size = 2000;
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		struct feed_job *j;

		slice_copy(slice_str(path_of(names[i])), s->part[0].where, FEED_WHERE);
		j = run_on(s, &nothing);
		expect(j, FEED_OUT_FAILED, NULL);
		assert_non_null(strstr(j->reason, names[i]));
		assert_int_equal(j->set.memory.fd, -1);
		feed_job_free(j);
	}
	free(s);
}

static void hundred(char *to, size_t size, unsigned from, unsigned count)
{
	size_t n = 0;

	to[0] = '\0';
	for (unsigned i = from; i < from + count; i++)
		n += (size_t)snprintf(to + n, size - n, "198.51.100.%u\n", i);
}

static void expect_then(
	const struct feed_spec *s, const struct feed_set *good, const char *text, enum feed_outcome o, const char *word)
{
	struct feed_job *j;

	write_file("guard", text);
	j = run_on(s, good);
	expect(j, o, NULL);
	if (!strstr(j->reason, word))
		fail_msg("%s", j->reason);
	feed_job_free(j);
}

static void test_guards(void **state)
{
	struct feed_spec *s = spec_of(path_of("guard"));
	struct feed_set good;
	char text[4096];
	struct feed_job *j;

	(void)state;
	hundred(text, sizeof text, 0, 100);
	write_file("guard", text);
	j = run_on(s, &nothing);
	expect(j, FEED_OUT_NEW, NULL);
	good = good_of(j);
	hundred(text, sizeof text, 0, 75);
	expect_then(s, &good, text, FEED_OUT_NEW, "");
	hundred(text, sizeof text, 0, 74);
	expect_then(s, &good, text, FEED_OUT_HELD, "changes too much");
	hundred(text, sizeof text, 13, 100);
	expect_then(s, &good, text, FEED_OUT_HELD, "13 would be new and 13 gone");
	expect_then(s, &good, "", FEED_OUT_HELD, "empty");
	expect_then(s, &good, "<html>\nno\n", FEED_OUT_HELD, "empty");
	hundred(text, sizeof text, 0, 100);
	(void)strcat(text, "10.0.0.0/8\n0.0.0.0/1\n");
	expect_then(s, &good, text, FEED_OUT_NEW, "");
	s->conf.change = 100;
	hundred(text, sizeof text, 100, 100);
	expect_then(s, &good, text, FEED_OUT_NEW, "");
	/* at first: a list of one's own may be empty, a page that is no list may not be one */
	expect_then(s, &nothing, "# none yet\n", FEED_OUT_NEW, "");
	expect_then(s, &nothing, "<html>\n<p>\n", FEED_OUT_FAILED, "nothing in it can be used");
	expect_then(s, &nothing, "<html>\n<p>\n198.51.100.1\n", FEED_OUT_HELD, "is this a list?");
	feed_set_close(&good);
	/* and may then become a long one */
	write_file("guard", "");
	good = good_of(run_on(s, &nothing));
	s->conf.change = 25;
	hundred(text, sizeof text, 0, 100);
	expect_then(s, &good, text, FEED_OUT_NEW, "");
	feed_set_close(&good);
	free(s);
}

static void test_printed(void **state)
{
	/* gzip of "192.0.2.9\n" */
	static const uint8_t packed[] = { 0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 2, 3, 0x33, 0xb4, 0x34, 0xd2, 0x33, 0xd0, 0x33,
		0xd2, 0xb3, 0xe4, 2, 0, 0x94, 0x48, 0x68, 0x42, 10, 0, 0, 0 };
	struct feed_spec *s = spec_of("/bin/true");
	struct feed_job *j = job_of(s, &nothing);

	(void)state;
	s->part[0].way = FEED_WAY_COMMAND;
	j->printed[0] = memfd_create("test", MFD_CLOEXEC);
	assert_int_equal(write(j->printed[0], "192.0.2.7\n", 10), 10);
	feed_job_run(j);
	expect(j, FEED_OUT_NEW, "192.0.2.7");
	feed_job_free(j);
	j = job_of(s, &nothing);
	j->printed[0] = memfd_create("test", MFD_CLOEXEC);
	assert_int_equal(write(j->printed[0], packed, sizeof packed), sizeof packed);
	feed_job_run(j);
	expect(j, FEED_OUT_NEW, "192.0.2.9");
	feed_job_free(j);
	/* a program that says nothing says nothing */
	j = job_of(s, &nothing);
	j->printed[0] = memfd_create("test", MFD_CLOEXEC);
	feed_job_run(j);
	expect(j, FEED_OUT_FAILED, NULL);
	feed_job_free(j);
	free(s);
}

static void test_kept(void **state)
{
	struct feed_spec *s = spec_of(path_of("list"));
	struct feed_set good, back;
	struct feed_job *j;
	struct stat st;
	int fd;

	(void)state;
	write_file("list", "192.0.2.0/25\n2001:db8::1\n");
	good = good_of(run_on(s, &nothing));
	j = job_of(s, &good);
	j->is_save = true;
	slice_copy(slice_str(path_of("x.set")), j->path, sizeof j->path);
	feed_job_run(j);
	expect(j, FEED_OUT_SAME, NULL);
	feed_job_free(j);
	feed_disk_touch(path_of("x.set"), 5000);
	assert_int_equal(stat(path_of("x.set"), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(feed_disk_load(path_of("x.set"), &back), ERR_OK);
	assert_int_equal(back.keep.time, 5000);
	assert_int_equal(back.area.prefixes, 2);
	assert_memory_equal(back.keep.key, good.keep.key, FEED_KEEP_KEY);
	feed_set_close(&back);
	assert_int_equal(feed_disk_load(path_of("y.set"), &back), ERR_NOTFOUND);
	fd = open(path_of("x.set"), O_WRONLY);
	assert_int_equal(pwrite(fd, "x", 1, 1100), 1);
	(void)close(fd);
	assert_int_equal(feed_disk_load(path_of("x.set"), &back), ERR_SYNTAX);
	assert_int_equal(truncate(path_of("x.set"), 10), 0);
	assert_int_equal(feed_disk_load(path_of("x.set"), &back), ERR_SYNTAX);
	feed_set_close(&good);
	free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defects),
		cmocka_unit_test(test_white_is_taken_away),
		cmocka_unit_test(test_folder),
		cmocka_unit_test(test_sources_that_fail),
		cmocka_unit_test(test_guards),
		cmocka_unit_test(test_printed),
		cmocka_unit_test(test_kept),
	};

	return cmocka_run_group_tests_name("feed_job", tests, begin, end);
}
