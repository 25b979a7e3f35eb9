/*
 * test_run: the role run as a real child over its channels: argument lists,
 * environment and input of an alarm, the output cap, the number at once.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/buf.h"
#include "io/conf_file.h"
#include "io/log.h"
#include "role/role_host.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

struct fixture {
	struct loop *loop;
	struct channel *parent, *engine, *firewall;
	pid_t pid;
	unsigned done, stop_at;
	bool is_ready;
	struct msg_run_done last;
	char output[MESSAGE_RUN_OUTPUT + 1];
	int worst;
	struct msg_hook_done hook; /* the last one */
	unsigned hooks;
};

static struct fixture f;
static uint8_t bytes[MESSAGE_MAX];

static void on_message(void *ctx, enum role peer, enum message_type t, struct rd *body, const int *fds, size_t n)
{
	(void)ctx;
	(void)peer;
	for (size_t i = 0; i < n; i++)
		close(fds[i]);
	assert_true(n == 0 || t == MSG_HOOK_DONE);
	if (t == MSG_READY) {
		f.is_ready = true;
		loop_stop(f.loop);
	}
	if (t == MSG_HOOK_DONE) {
		assert_int_equal(message_get_hook_done(body, &f.hook), ERR_OK);
		f.hooks++;
		loop_stop(f.loop);
	}
	if (t != MSG_RUN_DONE)
		return;
	assert_int_equal(message_get_run_done(body, &f.last), ERR_OK);
	slice_copy(f.last.output, f.output, sizeof f.output);
	if (f.last.status < f.worst)
		f.worst = f.last.status;
	if (++f.done == f.stop_at)
		loop_stop(f.loop);
}

static void on_closed(void *ctx, enum role peer)
{
	(void)ctx;
	if (peer == ROLE_RUN)
		loop_stop(f.loop);
}

static void send_fd(enum message_type t, unsigned which, int fd)
{
	struct msg_which m = { .which = (uint8_t)which };
	struct wr w = wr_init(bytes, sizeof bytes);

	if (which)
		message_put_which(&w, t, &m);
	else
		message_put_empty(&w, t, &m);
	assert_int_equal(channel_send(f.parent, &w, fd < 0 ? NULL : &fd, fd >= 0), ERR_OK);
	if (fd >= 0)
		close(fd);
}

static void add_words(struct conf_list *l, const char *const *word)
{
	for (; *word; word++)
		(void)snprintf(l->item[l->count++], CONF_ITEM, "%s", *word);
}

static void send_conf(const char *const *command)
{
	static const char *const slow[] = { "/bin/sh", "-c", "exec >&- 2>&-; sleep 0.5; exit 5", NULL };
	static const char *const quick[] = { "/bin/sh", "-c", "echo $1 >&2; exit 7", "sh", "%s", NULL };
	static struct conf c;
	struct buf text;
	int fd = memfd_create("conf", MFD_CLOEXEC);

	conf_defaults(&c);
	add_words(&c.alarm.command, command);
	c.firewall.backend = FW_BACKEND_HOOK;
	add_words(&c.firewall.hook_add, slow);
	add_words(&c.firewall.hook_remove, quick);
	buf_init(&text, CONF_FILE_MAX);
	assert_int_equal(conf_print(&c, &text), ERR_OK);
	assert_int_equal(write(fd, text.p, text.n), text.n);
	buf_done(&text);
	send_fd(MSG_CONFIG, 0, fd);
}

static void begin(const char *const *command)
{
	int up[2], across[2];

	log_setup("test", LOG_LEVEL_ALARM);
	f = (struct fixture){ .loop = NULL };
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, up), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, across), 0);
	f.pid = fork();
	if (f.pid == 0) {
		if (dup2(up[1], ROLE_FD_PARENT) < 0)
			_exit(99);
		close_range(ROLE_FD_PARENT + 1, ~0u, 0);
		_exit(role_host_run(ROLE_RUN, &run_ops, NULL));
	}
	close(up[1]);
	f.loop = loop_new();
	f.parent = channel_new(f.loop, up[0], ROLE_PARENT, ROLE_RUN, on_message, on_closed, NULL);
	f.engine = channel_new(f.loop, across[0], ROLE_ENGINE, ROLE_RUN, on_message, on_closed, NULL);
	send_conf(command);
	send_fd(MSG_LINK, ROLE_ENGINE, across[1]);
	send_fd(MSG_START, 0, -1);
	assert_int_equal(loop_run(f.loop), ERR_OK);
	assert_true(f.is_ready);
}

static void ask(uint32_t seq, const char *subject, const char *text)
{
	static struct msg_run m;
	struct wr w = wr_init(bytes, sizeof bytes);

	m = (struct msg_run){ .seq = seq, .what = RUN_ALARM, .count = 2 };
	(void)snprintf(m.arg[0], sizeof m.arg[0], "%s", subject);
	(void)snprintf(m.arg[1], sizeof m.arg[1], "%s", text);
	message_put_run(&w, MSG_RUN, &m);
	assert_int_equal(channel_send(f.engine, &w, NULL, 0), ERR_OK);
}

static void wait_done(unsigned n)
{
	f.stop_at = n;
	if (f.done < n)
		assert_int_equal(loop_run(f.loop), ERR_OK);
	assert_int_equal(f.done, n);
}

static void end(void)
{
	int status;

	send_fd(MSG_STOP, 0, -1);
	assert_int_equal(waitpid(f.pid, &status, 0), f.pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	channel_free(f.parent);
	channel_free(f.engine);
	loop_free(f.loop);
}

/* How often the role has read. */
static unsigned long reads(void)
{
	char path[64], line[128];
	unsigned long n = 0;
	FILE *in;

	(void)snprintf(path, sizeof path, "/proc/%d/io", (int)f.pid);
	in = fopen(path, "r");
	while (in && fgets(line, sizeof line, in))
		if (strncmp(line, "syscr: ", 7) == 0)
			n = strtoul(line + 7, NULL, 10);
	if (in)
		(void)fclose(in);
	assert_true(n > 0);
	return n;
}

/* A program that has closed its output and goes on: the role waits for it and does not turn round. */
static void test_closed_output(void **state)
{
	static const char *const command[] = { "/bin/sh", "-c", "exec >&- 2>&-; sleep 1; exit 3", NULL };
	unsigned long before;

	(void)state;
	begin(command);
	before = reads();
	ask(1, "a", "b");
	wait_done(1);
	assert_int_equal(f.last.status, 3);
	assert_in_range(reads() - before, 0, 200);
	end();
}

static void test_alarm(void **state)
{
	static const char *const command[] = { "/bin/sh", "-c",
		"cat; printf 's=%s t=%s n=%s' \"$LIMETWIG_SUBJECT\" \"$LIMETWIG_TEXT\" $#; exit 7", NULL };

	(void)state;
	begin(command);
	/* an argument list is no command line, and a header stays one line */
	ask(11, "a; $(id)\nBcc: x", "line 1\nline 2");
	wait_done(1);
	assert_int_equal(f.last.seq, 11);
	assert_int_equal(f.last.status, 7);
	assert_string_equal(f.output, "Subject: limetwig: a; $(id) Bcc: x\nAuto-Submitted: auto-generated\n\nline "
				      "1\nline 2\ns=a; $(id) Bcc: x t=line 1\nline 2 n=0");
	end();
}

/* No descriptor of ours: by the parent's a program could read its configuration, and speak as this role. */
static void test_what_programs_inherit(void **state)
{
	static const char *const command[] = { "/bin/sh", "-c",
		"for f in 3 4 5 6 7 8 9; do true <&$f && exit $f; done 2>&-; exit 0", NULL };

	(void)state;
	begin(command);
	ask(1, "s", "t");
	wait_done(1);
	assert_int_equal(f.last.status, 0);
	end();
}

static void test_nothing_to_run(void **state)
{
	static const char *const none[] = { NULL };
	static const char *const missing[] = { "/nonexistent/program", NULL };

	(void)state;
	begin(none);
	ask(1, "s", "t");
	wait_done(1);
	assert_int_equal(f.last.status, -1);
	send_conf(missing);
	/* the new settings hold for the next one: both channels are read in one turn, so ask twice */
	ask(2, "s", "t");
	wait_done(2);
	ask(3, "s", "t");
	wait_done(3);
	assert_int_equal(f.last.status, -1);
	end();
}

static void test_output_cap(void **state)
{
	static const char *const command[] = { "/usr/bin/head", "-c", "300000", "/dev/zero", NULL };
	static const char *const loud[] = { "/bin/sh", "-c", "yes | /usr/bin/head -c 300000", NULL };

	(void)state;
	begin(loud);
	ask(1, "s", "t");
	wait_done(1);
	assert_int_equal(f.last.status, 0);
	assert_int_equal(strlen(f.output), MESSAGE_RUN_OUTPUT);
	/* a device that the sandbox does not name is closed to it */
	send_conf(command);
	ask(2, "s", "t");
	wait_done(2);
	ask(3, "s", "t");
	wait_done(3);
	assert_int_equal(f.last.status, 1);
	end();
}

/* Four run, 32 wait, the rest is refused at once; all are answered. */
static void test_queue(void **state)
{
	static const char *const command[] = { "/bin/sh", "-c", "exec 0<&-; exec sleep 0.05", NULL };

	(void)state;
	begin(command);
	for (uint32_t i = 0; i < 50; i++)
		ask(i, "s", "t");
	wait_done(50);
	assert_int_equal(f.worst, -1);
	end();
}

static void link_firewall(void)
{
	int across[2];

	channel_free(f.firewall);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, across), 0);
	f.firewall = channel_new(f.loop, across[0], ROLE_FIREWALL, ROLE_RUN, on_message, on_closed, NULL);
	send_fd(MSG_LINK, ROLE_FIREWALL, across[1]);
}

static void send_hook(enum hook_what what)
{
	static struct msg_hook m;
	struct wr w = wr_init(bytes, sizeof bytes);

	m = (struct msg_hook){ .seq = 1, .what = (uint8_t)what, .count = 1 };
	assert_int_equal(prefix_parse(SLICE_LIT("192.0.2.7"), &m.op[0].prefix), ERR_OK);
	message_put_hook(&w, MSG_HOOK, &m);
	assert_int_equal(channel_send(f.firewall, &w, NULL, 0), ERR_OK);
}

/* A new firewall role asks while the program of the one before still runs: it hears of its own, and of nothing else. */
static void test_hook_for_a_new_firewall(void **state)
{
	static const char *const none[] = { NULL };

	(void)state;
	begin(none);
	link_firewall();
	send_hook(HOOK_REMOVE);
	assert_int_equal(loop_run(f.loop), ERR_OK);
	assert_int_equal(f.hooks, 1);
	send_hook(HOOK_ADD);
	link_firewall();
	send_hook(HOOK_REMOVE);
	assert_int_equal(loop_run(f.loop), ERR_OK);
	assert_int_equal(f.hooks, 2);
	assert_int_equal(f.hook.status, 7);
	assert_string_equal(f.hook.text, "192.0.2.7");
	assert_in_range(reads(), 0, 300); /* one of them ran on without its output */
	channel_free(f.firewall);
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_alarm),
		cmocka_unit_test(test_what_programs_inherit),
		cmocka_unit_test(test_nothing_to_run),
		cmocka_unit_test(test_closed_output),
		cmocka_unit_test(test_output_cap),
		cmocka_unit_test(test_queue),
		cmocka_unit_test(test_hook_for_a_new_firewall),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
