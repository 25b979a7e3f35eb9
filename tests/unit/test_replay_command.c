/*
 * test_replay_command: `limetwig replay` and `limetwig trap suggest` on files:
 * plain and packed, several out of order, broken ones.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "ctl_rig.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#define TRAP "old@pfx.test"

static json_t *answer;

static int setup(void **state)
{
	(void)state;
	return dir_make() == 0 ? rig_make("allow { files = {} shared = {} }\n") : -1;
}

static int teardown(void **state)
{
	(void)state;
	json_decref(answer);
	answer = NULL;
	return rig_remove();
}

static void write_packed(const char *name, const char *text, bool is_appended)
{
	gzFile f = gzopen(in_dir(name), is_appended ? "ab" : "wb");

	assert_non_null(f);
	assert_int_equal(gzwrite(f, text, (unsigned)strlen(text)), (int)strlen(text));
	assert_int_equal(gzclose(f), Z_OK);
}

/* With --json; gives the answer. */
static int run_json(const char *words)
{
	char all[800];
	int status;

	(void)snprintf(all, sizeof all, "%s --json", words);
	status = run(all);
	json_decref(answer);
	answer = json_loads(out, 0, NULL);
	return status;
}

static json_int_t number(const char *a, const char *b, const char *c)
{
	const json_t *j = json_object_get(answer, a);

	if (b)
		j = json_object_get(j, b);
	if (c)
		j = json_object_get(j, c);
	return json_integer_value(j);
}

static const char ask[] = "2026-11-03T10:00:00Z mx postfix/smtpd[1]: connect from h.example[192.0.2.1]\n"
			  "2026-11-03T10:00:00Z mx postfix/smtpd[1]: NOQUEUE: reject: RCPT from h.example[192.0.2.1]: "
			  "550 5.1.1 <" TRAP ">: Recipient address rejected: User unknown in virtual mailbox table; "
			  "from=<a@s.example> to=<" TRAP "> proto=ESMTP helo=<h>\n"
			  "2026-11-03T10:00:01Z mx postfix/smtpd[1]: disconnect from h.example[192.0.2.1] quit=1\n";
static const char mail[] = "2026-11-03T11:00:00Z mx postfix/smtpd[1]: connect from h.example[192.0.2.1]\n"
			   "2026-11-03T11:00:00Z mx postfix/smtpd[1]: ABCDE12345: client=h.example[192.0.2.1]\n"
			   "2026-11-03T11:00:00Z mx postfix/cleanup[2]: ABCDE12345: message-id=<1@h.example>\n"
			   "2026-11-03T11:00:00Z mx postfix/qmgr[3]: ABCDE12345: from=<a@s.example>, size=9, nrcpt=1 "
			   "(queue active)\n"
			   "2026-11-03T11:00:01Z mx postfix/virtual[4]: ABCDE12345: to=<ann@pfx.test>, relay=virtual, "
			   "delay=1, delays=1/0/0/0, dsn=2.0.0, status=sent (delivered to maildir)\n"
			   "2026-11-03T11:00:01Z mx postfix/qmgr[3]: ABCDE12345: removed\n";

/* However the two are split over files, plain or packed, named in whatever order. */
static void files_in_the_order_of_their_times(void **state)
{
	char both[3000];

	(void)state;
	(void)snprintf(both, sizeof both, "%s%s", ask, mail);
	write_file("both", both);
	write_file("a", ask);
	write_file("b", mail);
	write_packed("a.gz", ask, false);
	write_packed("both.gz", ask, false);
	write_packed("both.gz", mail, true); /* two members */
	for (int i = 0; i < 5; i++) {
		static const char *const files[] = { "DIR/both", "DIR/a DIR/b", "DIR/b DIR/a", "DIR/b DIR/a.gz",
			"DIR/both.gz" };
		char words[200];

		(void)snprintf(words, sizeof words, "replay --traps " TRAP " %s", files[i]);
		assert_int_equal(run_json(words), 0);
		assert_int_equal(number("all", "most", "blocks"), 1);
		assert_int_equal(number("all", "least", "blocks"), 0);
		assert_int_equal(number("all", "most", "good"), 1);
		assert_int_equal(number("log", "lines", NULL), 9);
		assert_int_equal(json_array_size(json_object_get(answer, "good_mail")), 1);
	}
	assert_int_equal(run("replay --traps " TRAP " DIR/both"), 0);
	assert_non_null(strstr(out, "GOOD MAIL"));
	assert_non_null(strstr(out, "ABCDE12345  h.example [192.0.2.1]  a@s.example -> ann@pfx.test  (T-1, at most)"));
	assert_null(strstr(out, TRAP));
}

/* Traps of a file, of this server, none; suspended ones do not act. */
static void where_traps_come_from(void **state)
{
	(void)state;
	write_file("log", ask);
	write_file("t.txt", "# mine\n" TRAP " tag=x\n@dead.test\nno trap\nother@pfx.test state=suspended\n");
	assert_int_equal(run_json("replay --traps DIR/t.txt DIR/log"), 0);
	assert_int_equal(number("traps", "count", NULL), 2);
	assert_int_equal(number("traps", "asleep", NULL), 1);
	assert_int_equal(number("traps", "bad", NULL), 1);
	assert_non_null(strstr(err, "t.txt:4: "));
	assert_int_equal(run("replay DIR/log"), 1);
	assert_non_null(strstr(err, "suggests no trap"));
	write_file("traps.d/one.txt", TRAP "\n");
	assert_int_equal(run_json("replay DIR/log"), 0);
	assert_int_equal(number("all", "most", "blocks"), 1);
	assert_int_equal(run("replay --traps DIR/nothing.txt DIR/log"), 1);
	assert_int_equal(run("replay --traps DIR/t.txt --suggest DIR/log"), 2);
	assert_int_equal(run("replay --traps bad@@x DIR/log"), 2);
	assert_int_equal(run("replay --suggest -"), 2);
	assert_int_equal(run("replay"), 2);
}

static void bad_lines_are_named(void **state)
{
	char text[3000];

	(void)state;
	(void)snprintf(
		text, sizeof text, "garbage\n%s\n\xff\xfe\n2026-13-45T10:00:00Z mx postfix/smtpd[1]: x\n%s", ask, mail);
	write_file("log", text);
	assert_int_equal(run_json("replay --traps " TRAP " DIR/log"), 0);
	assert_int_equal(number("log", "bad", NULL), 3);
	assert_int_equal(number("all", "most", "good"), 1);
	assert_int_equal(run("replay --traps " TRAP " DIR/log"), 0);
	assert_non_null(strstr(out, "3 lines are not log lines"));
	assert_non_null(strstr(out, "/log:1\n"));
	assert_non_null(strstr(out, "/log:6\n"));
}

static void broken_files(void **state)
{
	char text[5000] = "";
	struct stat st;

	(void)state;
	for (int i = 0; i < 3; i++)
		strcat(text, ask);
	write_packed("cut.gz", text, false);
	assert_int_equal(stat(in_dir("cut.gz"), &st), 0);
	assert_int_equal(truncate(in_dir("cut.gz"), st.st_size - 12), 0);
	write_file("good", mail);
	assert_int_equal(run("replay --traps " TRAP " DIR/cut.gz DIR/good"), 1);
	assert_non_null(strstr(err, "cut.gz: "));
	assert_non_null(strstr(out, "GOOD MAIL")); /* what could be read is shown */
	assert_int_equal(run("replay --traps " TRAP " DIR/none"), 1);
	assert_non_null(strstr(err, "none: No such file"));
	assert_int_equal(run("replay --traps " TRAP " DIR/traps.d"), 1);
	assert_non_null(strstr(err, "folder"));
	write_file("empty", "");
	assert_int_equal(run_json("replay --traps " TRAP " DIR/empty"), 0);
	assert_int_equal(number("log", "lines", NULL), 0);
}

static void no_newline_at_the_end(void **state)
{
	char text[3000];

	(void)state;
	(void)snprintf(text, sizeof text, "%s%s", ask, mail);
	text[strlen(text) - 1] = '\0';
	write_file("log", text);
	assert_int_equal(run_json("replay --traps " TRAP " DIR/log"), 0);
	assert_int_equal(number("log", "lines", NULL), 9);
}

static void lines_that_are_too_long(void **state)
{
	char *text = calloc(1, 30000);

	(void)state;
	assert_non_null(text);
	memset(text, 'x', 20000);
	strcat(text, "\n");
	strcat(text, ask);
	write_file("log", text);
	free(text);
	assert_int_equal(run_json("replay --traps " TRAP " DIR/log"), 0);
	assert_int_equal(number("log", "too_long", NULL), 1);
	assert_int_equal(number("all", "most", "blocks"), 1);
}

/* Standard input, packed. */
static void from_a_pipe(void **state)
{
	int kept = dup(STDIN_FILENO), fd;

	(void)state;
	write_packed("a.gz", ask, false);
	fd = open(in_dir("a.gz"), O_RDONLY | O_CLOEXEC);
	assert_true(kept >= 0 && fd >= 0 && dup2(fd, STDIN_FILENO) == STDIN_FILENO);
	assert_int_equal(run_json("replay --traps " TRAP " -"), 0);
	assert_int_equal(dup2(kept, STDIN_FILENO), STDIN_FILENO);
	(void)close(fd);
	(void)close(kept);
	assert_int_equal(number("all", "most", "blocks"), 1);
}

/* Old syslog times have no year: that of the file counts. */
static void years(void **state)
{
	const struct timespec then[2] = { { 1704153600, 0 }, { 1704153600, 0 } }; /* 2024-01-02 */

	(void)state;
	write_file("log", "Dec 31 23:00:00 mx postfix/smtpd[1]: connect from h.example[192.0.2.1]\n"
			  "Jan  1 01:00:00 mx postfix/smtpd[1]: connect from h.example[192.0.2.1]\n");
	assert_int_equal(utimensat(AT_FDCWD, in_dir("log"), then, 0), 0);
	assert_int_equal(run_json("replay --traps " TRAP " DIR/log"), 0);
	assert_in_range(number("first", NULL, NULL), 1703980800, 1704067200 + 86400);
	assert_int_equal(number("last", NULL, NULL) - number("first", NULL, NULL), 7200);
}

/* What suggest prints is a trap file, and replay --suggest takes the same. */
static void suggested(void **state)
{
	FILE *f = fopen(in_dir("log"), "we");

	(void)state;
	assert_non_null(f);
	for (int i = 1; i <= 30; i++)
		assert_true(fprintf(f,
				    "2026-10-%02dT10:00:00Z mx postfix/smtpd[1]: NOQUEUE: reject: RCPT from "
				    "h.example[203.0.%d.1]: 550 5.1.1 <" TRAP ">: x; from=<a%d@s.example> "
				    "to=<" TRAP "> proto=ESMTP helo=<h>\n",
				    i, i, i) > 0);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(run("trap suggest DIR/log"), 0);
	assert_non_null(strstr(out, "\n" TRAP " tag=suggested state=watching  # "));
	write_file("traps.txt", out);
	assert_int_equal(run_json("replay --traps DIR/traps.txt DIR/log"), 0);
	assert_int_equal(number("traps", "count", NULL), 1);
	assert_int_equal(number("traps", "bad", NULL), 0);
	assert_int_equal(number("all", "most", "blocks"), 30);
	assert_int_equal(run_json("replay --suggest DIR/log"), 0);
	assert_int_equal(number("all", "most", "blocks"), 30);
	assert_int_equal(json_array_size(json_object_get(answer, "days")), 30);
	write_file("users", "# who lives\nold@pfx.test\n");
	assert_int_equal(run("trap suggest --users DIR/users DIR/log"), 1);
	assert_non_null(strstr(out, "# left out: 1 delivered to"));
	write_file("traps.d/one.txt", TRAP "\n");
	assert_int_equal(run_json("trap suggest DIR/log"), 1);
	assert_int_equal(number("already", NULL, NULL), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(files_in_the_order_of_their_times, setup, teardown),
		cmocka_unit_test_setup_teardown(where_traps_come_from, setup, teardown),
		cmocka_unit_test_setup_teardown(bad_lines_are_named, setup, teardown),
		cmocka_unit_test_setup_teardown(broken_files, setup, teardown),
		cmocka_unit_test_setup_teardown(no_newline_at_the_end, setup, teardown),
		cmocka_unit_test_setup_teardown(lines_that_are_too_long, setup, teardown),
		cmocka_unit_test_setup_teardown(from_a_pipe, setup, teardown),
		cmocka_unit_test_setup_teardown(years, setup, teardown),
		cmocka_unit_test_setup_teardown(suggested, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
