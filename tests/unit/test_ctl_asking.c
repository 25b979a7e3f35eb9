/*
 * test_ctl_asking: the command against a made-up engine in a thread: what it
 * makes of refusals, of silence, and of a daemon that does not take a change.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "ctl_rig.h"
#include "io/store.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define REFUSED "{\"ok\":false,\"error\":\"no right to do that\",\"exit\":1}\n"

/* What the engine says to a command; "": it ends the connection. answer NULL: nothing, until the client goes. */
struct saying {
	const char *cmd, *answer;
};

static const struct saying *says;
static pthread_t thread;
static int listener;
static bool is_daemon_dying; /* with its next answer its socket goes, too */

/* Half of what was to be written, where a descriptor comes along. */
static void write_half(struct msghdr *m)
{
	struct cmsghdr *h = CMSG_FIRSTHDR(m);
	int fd;

	if (!h || h->cmsg_type != SCM_RIGHTS)
		return;
	memcpy(&fd, CMSG_DATA(h), sizeof fd);
	(void)!write(fd, "half", 4);
	close(fd);
}

static void answer_one(int c)
{
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(sizeof(int))];
	} control;
	char line[4096], want[60];
	struct iovec v = { line, sizeof line - 1 };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control };
	ssize_t n = recvmsg(c, &m, MSG_CMSG_CLOEXEC); /* requests are short, and come in one piece */
	const struct saying *s = says;

	if (n <= 0)
		return;
	write_half(&m);
	line[n] = '\0';
	for (; s->cmd; s++) {
		(void)snprintf(want, sizeof want, "\"cmd\":\"%s\"", s->cmd);
		if (strstr(line, want))
			break;
	}
	if (!s->cmd)
		(void)send(c, REFUSED, strlen(REFUSED), MSG_NOSIGNAL);
	else if (s->answer)
		(void)send(c, s->answer, strlen(s->answer), MSG_NOSIGNAL);
	else
		(void)recv(c, line, sizeof line, 0);
}

static void *serve(void *ctx)
{
	int c;

	(void)ctx;
	while ((c = accept(listener, NULL, NULL)) >= 0) {
		answer_one(c);
		if (is_daemon_dying)
			(void)shutdown(listener, SHUT_RDWR);
		close(c);
	}
	return NULL;
}

static int engine_setup(void **state)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	char text[400];

	(void)state;
	if (dir_make() != 0 || mkdir(in_dir("run"), 0755) != 0 || mkdir(in_dir("allow.d"), 0755) != 0)
		return -1;
	(void)snprintf(text, sizeof text,
		"storage { dir = %s/lib run = %s/run }\nallow { files = { \"%s/allow.d/*.txt\" } }\n"
		"postfix { dir = %s/postfix }\n",
		dir, dir, dir, dir);
	(void)snprintf(a.sun_path, sizeof a.sun_path, "%s/run/control.sock", dir);
	listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (rig_make(text) != 0 || bind(listener, (const struct sockaddr *)&a, sizeof a) != 0 ||
		listen(listener, 8) != 0)
		return -1;
	return pthread_create(&thread, NULL, serve, NULL);
}

static int engine_teardown(void **state)
{
	(void)state;
	(void)shutdown(listener, SHUT_RDWR);
	(void)pthread_join(thread, NULL);
	close(listener);
	return rig_remove();
}

/* Exit status 1, whichever form it is shown in. */
static void test_watch(void **state)
{
	static const struct saying refused[] = { { NULL, NULL } };
	static const struct saying good[] = { { "watch", "{\"ok\":true}\n{\"time\":1763760000,\"event\":\"hit\"}\n" },
		{ NULL, NULL } };

	(void)state;
	says = refused;
	assert_int_equal(run("watch"), CTL_REFUSED);
	assert_string_equal(err, "limetwig: no right to do that\n");
	assert_int_equal(run("--json watch"), CTL_REFUSED);
	assert_non_null(strstr(out, "\"ok\":false"));
	says = good;
	assert_int_equal(run("watch"), CTL_REFUSED); /* it ends with its daemon */
	assert_non_null(strstr(out, "hit"));
	assert_non_null(strstr(err, "closed the connection"));
}

/* Who may not ask is told so; an engine that stands still is one that does not answer. */
static void test_metrics(void **state)
{
	static const struct saying refused[] = { { NULL, NULL } };
	static const struct saying silent[] = { { "status", NULL }, { NULL, NULL } };
	static const struct saying good[] = { { "status", "{\"ok\":true,\"mode\":\"soft\"}\n" }, { NULL, NULL } };

	(void)state;
	says = refused;
	assert_int_equal(run("status --metrics"), CTL_REFUSED);
	assert_null(strstr(out, "limetwig_up"));
	assert_non_null(strstr(err, "no right to do that"));
	says = good;
	assert_int_equal(run("status --metrics"), CTL_DONE);
	assert_non_null(strstr(out, "limetwig_up 1\n"));
	says = silent;
	assert_int_equal(run("status --metrics"), CTL_DONE);
	assert_non_null(strstr(out, "limetwig_up 0\n# EOF\n"));
}

/* Written, but the daemon goes on with what it had: that is no success. */
static void test_not_in_force(void **state)
{
	static const struct saying checked[] = {
		{ "trap_check", "{\"ok\":true,\"refused\":[],\"live_checked\":true}\n" }, { NULL, NULL }
	};
	static const char *const changes[] = { "allow import DIR/clients", "trap add b@example.org",
		"trap remove a@example.org", "--json trap remove c@example.org", "spamdb -dT d@example.org" };

	(void)state;
	says = checked;
	write_file("clients", "192.0.2.0/24\n");
	write_file("traps.d/mine.txt", "a@example.org\nc@example.org\nd@example.org\n");
	for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
		if (run(changes[i]) != CTL_REFUSED)
			fail_msg("taken for done: %s", changes[i]);
		assert_non_null(strstr(err, "not in force: no right to do that"));
	}
}

/* In place of libc's: limetwigd is root's, and who asks is not. */
int kill(pid_t pid, int number)
{
	(void)pid;
	(void)number;
	errno = EPERM;
	return -1;
}

/* By an administrator who is not root: the engine has heard it, its parent has not. */
static void test_off(void **state)
{
	static const struct saying good[] = { { "off", "{\"ok\":true}\n" }, { NULL, NULL } };

	(void)state;
	if (geteuid() != 0 || unshare(CLONE_NEWNET) != 0)
		skip();
	says = good;
	(void)run("off");
	assert_non_null(strstr(out, "daemon   refuses nothing, until it reads its configuration again\n"));
	assert_int_equal(run("reload"), CTL_REFUSED);
	assert_non_null(strstr(err, "limetwigd cannot be told: Operation not permitted"));
}

/* Who cannot end `off` does not ask the engine either: it would act at once, against what the flag says. */
static void test_enforce_against_the_flag(void **state)
{
	static const struct saying refused[] = { { NULL, NULL } };
	pid_t pid;
	int status;

	(void)state;
	if (geteuid() != 0)
		skip();
	says = refused;
	assert_int_equal(mkdir(in_dir("lib"), 0755), 0);
	pid = fork();
	if (pid == 0) {
		if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
			mount("tmpfs", in_dir("lib"), "tmpfs", 0, "size=64k") != 0)
			_exit(77);
		write_file("lib/off", "off\n");
		if (mount(NULL, in_dir("lib"), NULL, MS_REMOUNT | MS_RDONLY, NULL) != 0)
			_exit(77);
		_exit(run("enforce soft") == CTL_REFUSED && strstr(err, "still off") && !strstr(err, "no right") ? 0
														 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == 77)
		skip();
	assert_int_equal(WEXITSTATUS(status), 0);
}

/* Traps without their texts: somebody of the read group. */
static void test_reveal(void **state)
{
	static const struct saying hidden[] = {
		{ "trap_list", "{\"ok\":true,\"traps\":[{\"id\":\"T-1\",\"kind\":\"exact\"}],\"total\":1}\n" },
		{ NULL, NULL }
	};
	static const struct saying shown[] = { { "trap_list",
						       "{\"ok\":true,\"traps\":[{\"id\":\"T-1\",\"kind\":\"exact\","
						       "\"text\":\"a@example.org\"}],\"total\":1}\n" },
		{ NULL, NULL } };

	(void)state;
	says = hidden;
	assert_int_equal(run("trap list --reveal"), CTL_DONE);
	assert_non_null(strstr(err, "--reveal is for administrators"));
	assert_int_equal(run("trap list"), CTL_DONE);
	assert_string_equal(err, "");
	says = shown;
	assert_int_equal(run("trap list --reveal"), CTL_DONE);
	assert_string_equal(err, "");
	assert_non_null(strstr(out, "a@example.org"));
}

/* Where the armed traps are not told, nothing can be said of them. */
static void test_doctor_without_traps(void **state)
{
	static const struct saying untold[] = { { "status", "{\"ok\":true,\"mode\":\"monitor\"}\n" },
		{ "trap_check", "{\"ok\":true,\"refused\":[],\"live_checked\":true}\n" }, { NULL, NULL } };

	(void)state;
	if (geteuid() != 0 || unshare(CLONE_NEWNET) != 0)
		skip();
	says = untold;
	(void)run("doctor -v");
	assert_null(strstr(out, "no armed trap is a living address"));
	assert_non_null(strstr(out, "traps against living addresses: the engine did not answer"));
}

/* An engine that dies in the middle of a copy comes back, and needs its store; where all of limetwigd dies, its half goes. */
static void test_store(void **state)
{
	static const struct saying dying[] = { { "db_backup", "" }, { "status", "" }, { NULL, NULL } };
	struct store *s = NULL;
	char path[200], text[300];

	(void)state;
	says = dying;
	assert_int_equal(mkdir(in_dir("lib"), 0700), 0);
	assert_int_equal(mkdir(in_dir("lib/db"), 0700), 0);
	assert_int_equal(store_open(in_dir("lib/db"), 64u << 20, &s, text, sizeof text), ERR_OK);
	store_close(s);
	assert_int_equal(run("db backup DIR/copy"), CTL_REFUSED);
	assert_non_null(strstr(err, "closed the connection"));
	assert_int_equal(access(in_dir("copy"), F_OK), -1);
	(void)snprintf(path, sizeof path, "%s", in_dir("lib/db/data.mdb"));
	assert_int_equal(link(path, in_dir("old")), 0);
	assert_int_equal(run("db restore DIR/old"), CTL_REFUSED);
	assert_non_null(strstr(err, "limetwigd runs"));
	is_daemon_dying = true;
	assert_int_equal(run("db backup DIR/copy"), CTL_DONE);
	is_daemon_dying = false;
	assert_int_equal(mkdir(in_dir("other"), 0700), 0);
	(void)snprintf(path, sizeof path, "%s", in_dir("copy"));
	assert_int_equal(link(path, in_dir("other/data.mdb")), 0);
	assert_int_equal(run("db check DIR/other"), CTL_DONE);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, engine_setup, engine_teardown)
	const struct CMUnitTest tests[] = { CASE(test_watch), CASE(test_metrics), CASE(test_not_in_force),
		CASE(test_off), CASE(test_enforce_against_the_flag), CASE(test_reveal), CASE(test_doctor_without_traps),
		CASE(test_store) };

	return cmocka_run_group_tests_name("ctl_asking", tests, NULL, NULL);
}
