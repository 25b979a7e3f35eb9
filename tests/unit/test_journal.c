/*
 * The journal of a systemd-journald of our own, in a mount namespace of ours.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "io/journal.h"
#include "io/loop.h"

#include <glob.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <systemd/sd-journal.h>
#include <unistd.h>

#define JOURNALD "/lib/systemd/systemd-journald"
#define SOCKET "/run/systemd/journal/socket"
#define PATIENCE_MS 20000

static pid_t journald;

/* False: this machine or this user cannot have a journald of its own. */
static bool journald_start(void)
{
	uint64_t until = clock_mono_ms() + PATIENCE_MS;

	if (geteuid() != 0 || access(JOURNALD, X_OK) != 0 || access("/etc/machine-id", R_OK) != 0)
		return false;
	if (unshare(CLONE_NEWNS | CLONE_NEWNET) != 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
		return false;
	if (mount("tmpfs", "/run", "tmpfs", 0, NULL) != 0 || mount("tmpfs", "/var/log", "tmpfs", 0, NULL) != 0)
		return false;
	if (mkdir("/run/systemd", 0755) != 0 || mkdir("/run/systemd/journal", 0755) != 0)
		return false;
	journald = fork();
	if (journald == 0) {
		(void)execl(JOURNALD, JOURNALD, (char *)NULL);
		_exit(127);
	}
	while (access(SOCKET, F_OK) != 0) {
		if (clock_mono_ms() > until || waitpid(journald, NULL, WNOHANG) != 0)
			return false;
		(void)poll(NULL, 0, 5);
	}
	return true;
}

static int journald_stop(void **state)
{
	(void)state;
	if (journald > 0) {
		(void)kill(journald, SIGKILL);
		(void)waitpid(journald, NULL, 0);
	}
	return 0;
}

static void entry_send(const char *ident, const char *text)
{
	char field[64];

	(void)snprintf(field, sizeof field, "SYSLOG_IDENTIFIER=%s", ident);
	assert_int_equal(sd_journal_send("MESSAGE=%s", text, "%s", field, (char *)NULL), 0);
}

/* As a local user who is no daemon. */
static void entry_send_as_user(const char *text)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		if (setgid(4321) != 0 || setuid(4321) != 0)
			_exit(1);
		entry_send("postfix/smtpd", text);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* Its first file: a reader that comes before even its folder is there never sees it (on a host it always is). */
static void wait_file(void)
{
	uint64_t until = clock_mono_ms() + PATIENCE_MS;
	glob_t found;

	while (glob("/run/log/journal/*/system.journal", 0, NULL, &found) != 0 && clock_mono_ms() < until)
		(void)poll(NULL, 0, 5);
	globfree(&found);
}

static void expect(struct journal *j, const char *ident, const char *text)
{
	uint64_t until = clock_mono_ms() + PATIENCE_MS, time;
	struct slice i, t;
	enum err e;

	while ((e = journal_next(j, &time, &i, &t)) == ERR_AGAIN && clock_mono_ms() < until)
		(void)poll(NULL, 0, 5);
	assert_int_equal(e, ERR_OK);
	if (!slice_eq(i, slice_str(ident)) || !slice_eq(t, slice_str(text)))
		fail_msg("%.*s: %.*s, wanted %s: %s", SLICE_ARG(i), SLICE_ARG(t), ident, text);
	assert_true(time + 60 > clock_wall_s() && time <= clock_wall_s());
}

static void expect_none(struct journal *j)
{
	uint64_t time;
	struct slice i, t;

	assert_int_equal(journal_next(j, &time, &i, &t), ERR_AGAIN);
}

static void reads_and_resumes(void **state)
{
	struct journal *j = NULL;
	char cursor[JOURNAL_CURSOR], at_end[JOURNAL_CURSOR];

	if (!*(bool *)*state)
		skip();
	entry_send("postfix/smtpd", "A00001: client=c.example[203.0.113.5]");
	entry_send("sshd", "nothing of ours");
	entry_send_as_user("A00002: client=forged.example[203.0.113.6]");
	entry_send("postfix/qmgr", "A00001: removed");
	wait_file();
	assert_int_equal(journal_open(NULL, &j), ERR_OK);
	assert_string_equal(journal_position(j, cursor), "");
	expect(j, "postfix/smtpd", "A00001: client=c.example[203.0.113.5]");
	assert_string_not_equal(journal_position(j, cursor), "");
	expect(j, "postfix/qmgr", "A00001: removed");
	expect_none(j);
	(void)journal_position(j, at_end);
	assert_string_not_equal(at_end, cursor);
	entry_send("postfix/relay/smtp", "A00003: x"); /* while we wait */
	expect(j, "postfix/relay/smtp", "A00003: x");
	journal_close(j);

	assert_int_equal(journal_open(NULL, &j), ERR_OK);
	assert_int_equal(journal_resume(j, cursor), ERR_OK);
	assert_string_equal(journal_position(j, at_end), cursor);
	expect(j, "postfix/qmgr", "A00001: removed");
	expect(j, "postfix/relay/smtp", "A00003: x");
	expect_none(j);
	(void)journal_position(j, at_end);
	assert_int_equal(journal_resume(j, at_end), ERR_OK);
	assert_int_equal(journal_step_back(j, 1), ERR_OK);
	expect(j, "postfix/relay/smtp", "A00003: x");
	assert_true(journal_is_back(j));
	expect_none(j);
	entry_send("postfix/relay/smtp", "A00004: x");
	expect(j, "postfix/relay/smtp", "A00004: x");
	assert_false(journal_is_back(j));
	assert_int_equal(journal_resume(j, cursor), ERR_OK);
	assert_int_equal(journal_step_back(j, 100), ERR_OK); /* nothing before the first */
	expect(j, "postfix/qmgr", "A00001: removed");
	assert_false(journal_is_back(j));
	assert_int_equal(journal_resume(j, ""), ERR_OK);
	assert_int_equal(journal_step_back(j, 100), ERR_OK);
	assert_false(journal_is_back(j));
	expect(j, "postfix/smtpd", "A00001: client=c.example[203.0.113.5]");
	assert_int_equal(journal_resume(j, "not a cursor"), ERR_OK);
	expect(j, "postfix/smtpd", "A00001: client=c.example[203.0.113.5]");
	journal_close(j);
}

static void none_there(void **state)
{
	struct journal *j = NULL;

	(void)state;
	assert_int_equal(journal_open("/nonexistent/journal", &j), ERR_NOTFOUND);
	assert_null(j);
	journal_close(j);
}

int main(void)
{
	static bool has_journald;
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_prestate(reads_and_resumes, &has_journald),
		cmocka_unit_test(none_there),
	};

	has_journald = journald_start();
	return cmocka_run_group_tests(tests, NULL, journald_stop);
}
