/*
 * test_spamdb: spamdb and spamd-setup: how their words are read, and what they
 * do without a daemon: exit status, trap files.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "core/spamdb_args.h"
#include "ctl_rig.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

static bool parse(const char *words, struct spamdb_args *ret, struct spamd_setup_args *ret_setup)
{
	static char copy[200], *argv[20];
	char *save = NULL;
	int argc = 0;

	(void)snprintf(copy, sizeof copy, "%s", words);
	for (char *w = strtok_r(copy, " ", &save); w; w = strtok_r(NULL, " ", &save))
		argv[argc++] = w;
	argv[argc] = NULL;
	return ret ? spamdb_args_parse(argc, argv, ret) : spamd_setup_args_parse(argc, argv, ret_setup);
}

static void test_words(void **state)
{
	static const struct {
		const char *words;
		enum spamdb_action action;
		enum spamdb_type type;
		int first;
	} rows[] = { { "spamdb", SPAMDB_LIST, SPAMDB_WHITE, 1 }, { "spamdb 192.0.2.1", SPAMDB_LIST, SPAMDB_WHITE, 1 },
		{ "spamdb -a 192.0.2.1", SPAMDB_ADD, SPAMDB_WHITE, 2 },
		{ "spamdb -t -a 192.0.2.1 192.0.2.2", SPAMDB_ADD, SPAMDB_TRAPPED, 3 },
		{ "spamdb -at 192.0.2.1", SPAMDB_ADD, SPAMDB_TRAPPED, 2 },
		{ "spamdb -Ta a@b.example", SPAMDB_ADD, SPAMDB_TRAP, 2 },
		{ "spamdb -a -T -- -a@b.example", SPAMDB_ADD, SPAMDB_TRAP, 4 },
		{ "spamdb -a -d x", SPAMDB_DELETE, SPAMDB_WHITE, 3 }, { "spamdb -d -a x", SPAMDB_ADD, SPAMDB_WHITE, 3 },
		{ "spamdb -G -d 192.0.2.1", SPAMDB_DELETE, SPAMDB_GREY, 3 },
		{ "spamdb --conf x -d y -a", SPAMDB_DELETE, SPAMDB_WHITE, 4 },
		{ "spamdb --conf=x -Td -", SPAMDB_DELETE, SPAMDB_TRAP, 3 },
		{ "spamdb -Ga", SPAMDB_ADD, SPAMDB_GREY, 2 } };
	static const char *const wrong[] = { "spamdb -t", "spamdb -T", "spamdb -G x", "spamdb -x",
		"spamdb -ax 192.0.2.1", "spamdb --json", "spamdb -tT" };
	struct spamdb_args a;

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		if (!parse(rows[i].words, &a, NULL) || a.action != rows[i].action || a.type != rows[i].type ||
			a.first != rows[i].first)
			fail_msg("%s: action %d type %d first %d", rows[i].words, (int)a.action, (int)a.type, a.first);
	}
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
		if (parse(wrong[i], &a, NULL))
			fail_msg("taken: %s", wrong[i]);
}

static void test_setup_words(void **state)
{
	struct spamd_setup_args a;

	(void)state;
	assert_true(parse("spamd-setup", NULL, &a));
	assert_false(a.is_b || a.is_daemon || a.is_debug || a.is_dry);
	assert_true(parse("spamd-setup -bD -n --conf x -d", NULL, &a));
	assert_true(a.is_b && a.is_daemon && a.is_debug && a.is_dry);
	assert_false(parse("spamd-setup -x", NULL, &a));
	assert_false(parse("spamd-setup -b word", NULL, &a));
}

/* Each row: the words, the exit status, a piece of what is said. */
static void test_status(void **state)
{
	static const struct {
		const char *words, *text;
		int status;
	} rows[] = { { "spamdb -t", "usage: spamdb [-adGTt] [keys ...]", 1 }, { "spamdb -x", "usage:", 1 },
		{ "spamdb -a", "no addresses specified", 2 }, { "spamdb -d", "no addresses specified", 2 },
		{ "spamdb -T -a", "no addresses specified", 2 },
		{ "spamdb -G -a 192.0.2.1", "cannot add GREY entries", 2 },
		{ "spamdb -G -d 192.0.2.1 192.0.2.2", "there are no GREY entries", 2 },
		{ "spamdb -T -a sales1998", "not an email address: sales1998", 255 },
		{ "spamdb -a 192.0.2.256 nonsense 192.0.2.1/24", "invalid ip address nonsense", 3 },
		{ "spamdb -t -a 192.0.2.7x", "invalid ip address", 1 }, { "spamdb", "not running?", 1 },
		{ "spamdb 192.0.2.1", "not running?", 1 }, { "spamdb -t -a 192.0.2.1", "not running?", 1 },
		{ "spamdb -d 192.0.2.1", "not running?", 1 },
		{ "spamdb -d nobody@example.org x", "no entry of ours for x", 2 },
		{ "spamd-setup -x", "usage: spamd-setup [-bDdn]", 1 },
		{ "spamd-setup", "no spamd.conf is configured", 1 } };

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		int status = run(rows[i].words);

		if (status != rows[i].status || !strstr(err, rows[i].text) || *out)
			fail_msg("%s: %d: %s%s", rows[i].words, status, err, out);
	}
}

/* No keys on standard input are none, and not all. */
static void test_no_input(void **state)
{
	int none = open("/dev/null", O_RDONLY | O_CLOEXEC);

	(void)state;
	assert_true(none >= 0 && dup2(none, STDIN_FILENO) == STDIN_FILENO);
	close(none);
	assert_int_equal(run("spamdb -"), 0);
	assert_string_equal(out, "");
	assert_string_equal(err, "");
	assert_int_equal(run("spamdb -a -"), 0);
	assert_string_equal(err, "");
}

static const char *trap_file(void)
{
	static char text[4000];
	FILE *f = fopen(in_dir("traps.d/added.txt"), "re");

	text[0] = '\0';
	if (f) {
		text[fread(text, 1, sizeof text - 1, f)] = '\0';
		fclose(f);
	}
	return text;
}

static void test_traps(void **state)
{
	(void)state;
	assert_int_equal(run("spamdb -T -a Sales1998@Example.org <old@example.org> @dead.example"), 0);
	assert_string_equal(out, "");
	assert_string_equal(trap_file(), "sales1998@example.org\nold@example.org\n@dead.example\n");
	/* again is no failure, as theirs; what cannot be a trap is one, and the rest is taken */
	assert_int_equal(run("spamdb -a -T sales1998@example.org"), 0);
	assert_int_equal(run("spamdb -aT postmaster@example.org /a@b/ a@b..example new@example.org"), 3);
	assert_non_null(strstr(err, "postmaster@example.org: a role address"));
	assert_non_null(strstr(err, "/a@b/: is no address"));
	assert_string_equal(trap_file(), "sales1998@example.org\nold@example.org\n@dead.example\nnew@example.org\n");
	/* one that is none at all: nothing is changed */
	assert_int_equal(run("spamdb -T -a other@example.org word"), 255);
	assert_null(strstr(trap_file(), "other"));
	/* -d looks at the key alone */
	assert_int_equal(run("spamdb -d SALES1998@example.org @dead.example nobody@example.org"), 1);
	assert_non_null(strstr(err, "no entry of ours for nobody@example.org"));
	assert_string_equal(trap_file(), "old@example.org\nnew@example.org\n");
	assert_int_equal(run("spamdb -t -d old@example.org"), 0);
	assert_string_equal(trap_file(), "new@example.org\n");
}

/* The name alone makes it spamdb. */
static void test_name(void **state)
{
	char name[] = "/usr/libexec/limetwig/spamdb", option[] = "--conf", letters[] = "-Ta",
	     key[] = "a1998@example.org", *argv[] = { name, option, conf_path, letters, key, NULL };
	size_t n = 0;
	FILE *e;

	(void)state;
	e = open_memstream(&err, &n);
	assert_int_equal(ctl_main(5, argv, e, e), 0);
	assert_int_equal(fclose(e), 0);
	assert_string_equal(err, "");
	assert_string_equal(trap_file(), "a1998@example.org\n");
}

static void test_setup_dry(void **state)
{
	char conf[900], path[200];

	(void)state;
	write_file("white.txt", "198.51.100.8/29\n");
	write_file("black.txt", "203.0.113.0/24\n8.8.4.0 - 8.8.4.255\n");
	(void)snprintf(conf, sizeof conf,
		"all:\\\n\t:bad:good:\nbad:\\\n\t:black:\\\n\t:msg=\"no "
		"%%A\":\\\n\t:method=file:\\\n\t:file=%s/black.txt:\n"
		"good:\\\n\t:white:\\\n\t:method=file:\\\n\t:file=%s/white.txt:\n",
		dir, dir);
	write_file("spamd.conf", conf);
	(void)snprintf(path, sizeof path, "feeds { spamd-conf = \"%s/spamd.conf\" }\n", dir);
	(void)snprintf(conf, sizeof conf, "storage { dir = %s/lib run = %s/run }\n%s", dir, dir, path);
	write_file("limetwig.conf", conf);
	assert_int_equal(run("spamd-setup -n"), 0);
	assert_non_null(strstr(out, "bad: 1 prefixes: 256 IPv4 addresses"));
	assert_int_equal(run("spamd-setup -b"), CTL_REFUSED);
	assert_non_null(strstr(err, "not running?"));
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, rig_setup, rig_teardown)
	const struct CMUnitTest tests[] = { CASE(test_words), CASE(test_setup_words), CASE(test_status),
		CASE(test_no_input), CASE(test_traps), CASE(test_name), CASE(test_setup_dry) };

	return cmocka_run_group_tests_name("spamdb", tests, NULL, NULL);
}
