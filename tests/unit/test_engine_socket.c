/*
 * Both sockets of the engine against who sends garbage, too much, too little, or
 * never reads.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "engine_rig.h"

#define SPAMMER "192.0.2.66"
#define NEIGHBOUR "192.0.2.67"

static bool has_reread(void *ctx)
{
	return rig.rereads > *(unsigned *)ctx;
}

static void reload_traps(void)
{
	rig_do("{\"cmd\":\"trap_reload\"}");
}

/* ---- control socket */

static void assert_error(int fd, const char *line)
{
	json_t *j = rig_call_on(fd, line);

	assert_non_null(j);
	assert_true(json_is_false(json_object_get(j, "ok")));
	assert_non_null(json_string_value(json_object_get(j, "error")));
	json_decref(j);
}

static void garbage_on_the_control_socket(void **state)
{
	int fd;

	(void)state;
	rig_start();
	fd = rig_connect("control");
	assert_error(fd, "");
	assert_error(fd, "not json");
	assert_error(fd, "[1,2]");
	assert_error(fd, "{}");
	assert_error(fd, "{\"cmd\":7}");
	assert_error(fd, "{\"cmd\":\"no such thing\"}");
	assert_error(fd, "{\"cmd\":\"why\",\"what\":\"\xff\xfe\"}");
	assert_error(fd, "{\"cmd\":\"block_add\",\"subject\":\"\xc3\xa9\xc3\xa9\"}");
	assert_error(fd, "{\"cmd\":\"block_add\",\"subject\":\"10.0.0.1\"}");
	assert_error(fd, "{\"cmd\":\"block_add\",\"subject\":\"192.0.0.0/8\"}");
	assert_error(fd, "{\"cmd\":\"enforce\",\"mode\":\"hard\"}");
	assert_error(fd, "{\"cmd\":\"block_confirm\",\"case\":\"none\"}");
	assert_error(fd, "{\"cmd\":\"forget\",\"address\":\"\"}");
	assert_error(fd, "{\"cmd\":\"db_backup\"}");
	assert_error(fd, "{\"cmd\":\"allow_remove\",\"prefix\":\"192.0.2.0/24\"}");
	rig_write(fd, "{\"cmd\":\"st", 10);
	json_decref(rig_call("{\"cmd\":\"status\"}"));
	{
		json_t *j = rig_call_on(fd, "atus\"}");

		assert_true(json_is_true(json_object_get(j, "ok")));
		json_decref(j);
	}
	(void)close(fd);
}

static unsigned open_files(void)
{
	unsigned n = 0;

	for (int fd = 0; fd < 4096; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

/* A member of the read group must not fill the engine with descriptors that it does not know of. */
static void two_descriptors_with_one_command(void **state)
{
	static char line[] = "{\"cmd\":\"status\"}\n";
	struct iovec v = { .iov_base = line, .iov_len = sizeof line - 1 };
	union {
		struct cmsghdr head;
		char space[CMSG_SPACE(2 * sizeof(int))];
	} control = { 0 };
	struct msghdr m = {
		.msg_iov = &v, .msg_iovlen = 1, .msg_control = control.space, .msg_controllen = sizeof control.space
	};
	int fd, passed[2] = { 0, 1 };
	unsigned before;

	(void)state;
	rig_start();
	fd = rig_connect("control");
	json_decref(rig_call_on(fd, "{\"cmd\":\"status\"}"));
	before = open_files();
	control.head.cmsg_level = SOL_SOCKET;
	control.head.cmsg_type = SCM_RIGHTS;
	control.head.cmsg_len = CMSG_LEN(sizeof passed);
	memcpy(CMSG_DATA(&control.head), passed, sizeof passed);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(sendmsg(fd, &m, MSG_NOSIGNAL), (ssize_t)v.iov_len);
		json_decref(rig_call_on(fd, "{\"cmd\":\"status\"}")); /* the answer to the one before */
	}
	assert_in_range(open_files(), 0, before); /* less: what was on its way at the start is gone */
	(void)close(fd);
}

struct flood {
	int fd;
	size_t sent;
	const char *text;
	size_t n; /* of text, again and again */
	size_t most;
	bool is_closed;
};

static bool flood_more(void *ctx)
{
	struct flood *f = ctx;
	ssize_t n = send(f->fd, f->text, f->n, MSG_NOSIGNAL | MSG_DONTWAIT);

	if (n > 0)
		f->sent += (size_t)n;
	if (n < 0 && errno != EAGAIN && errno != EINTR)
		f->is_closed = true;
	return f->is_closed || f->sent >= f->most;
}

static void a_line_of_nine_megabytes(void **state)
{
	static char block[65536];
	struct flood f = { .text = block, .n = sizeof block, .most = 20u << 20 };

	(void)state;
	memset(block, 'x', sizeof block);
	rig_start();
	f.fd = rig_connect("control");
	assert_true(rig_wait(flood_more, &f));
	assert_true(f.is_closed);
	(void)close(f.fd);
	json_decref(rig_call("{\"cmd\":\"status\"}"));
}

static void a_call_that_leaves_while_it_waits(void **state)
{
	unsigned rereads, lives;
	int fd;

	(void)state;
	rig_start();
	rig.is_text_held = rig.is_live_held = true;
	rereads = rig.rereads;
	lives = rig.lives;
	for (int i = 0; i < 40; i++) {
		static const char *const lines[] = { "{\"cmd\":\"trap_reload\"}\n",
			"{\"cmd\":\"trap_check\",\"traps\":[\"new@example.org\"]}\n", "{\"cmd\":\"reload\"}\n" };

		fd = rig_connect("control");
		rig_write(fd, lines[i % 3], strlen(lines[i % 3]));
		if (i % 3 == 1)
			assert_true(rig_wait(rig_is_live_asked, &lives));
		else
			assert_true(rig_wait(has_reread, &rereads));
		rereads = rig.rereads;
		if (i == 4)
			lives = rig.lives;
		(void)close(fd);
		if (i % 3 == 1) {
			rig_answer_live("");
			lives = rig.lives;
		}
	}
	rig.is_text_held = rig.is_live_held = false;
	reload_traps();
	json_decref(rig_call("{\"cmd\":\"status\"}"));
}

static void watchers_see_events(void **state)
{
	int fd;
	struct buf in;
	json_t *j;

	(void)state;
	rig_start();
	fd = rig_connect("control");
	j = rig_call_on(fd, "{\"cmd\":\"watch\"}");
	assert_true(json_is_true(json_object_get(j, "ok")));
	json_decref(j);
	assert_int_equal(rig_message(SPAMMER, "m1", "\xff\xfe@example.net", TRAP1), HIT_STORED);
	buf_init(&in, 1 << 20);
	assert_true(rig_read(fd, "}\n", &in));
	assert_non_null(memmem(in.p, in.n, "\"hit\"", 5));
	assert_null(memmem(in.p, in.n, RIG_SECRET, strlen(RIG_SECRET)));
	buf_done(&in);
	(void)close(fd);
}

/* ---- policy socket */

static void garbage_on_the_policy_socket(void **state)
{
	static const char *const bad[] = { "no equals sign\n\n", "=x\n\n", "recipient=a@b\nrecipient=c@d\n\n",
		"request=something_else\n\n", "\n", "protocol_state=RCPT\n\n",
		"protocol_state=RCPT\nclient_address=" SPAMMER "\n\n",
		"protocol_state=RCPT\nclient_address=unknown\n\n",
		"protocol_state=END-OF-MESSAGE\nclient_address=" SPAMMER "\n\n" };
	int fd;

	(void)state;
	rig_start();
	rig_enforce("soft");
	fd = rig_connect("policy");
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct buf in;

		buf_init(&in, 4096);
		rig_write(fd, bad[i], strlen(bad[i]));
		assert_true(rig_read(fd, "action=DUNNO\n\n", &in));
		assert_int_equal(in.n, strlen("action=DUNNO\n\n"));
		buf_done(&in);
	}
	{
		static const char nul[] = "protocol_state=RCPT\nsender=a\0b\n\n";
		struct buf in;

		buf_init(&in, 4096);
		rig_write(fd, nul, sizeof nul - 1);
		assert_true(rig_read(fd, "action=DUNNO\n\n", &in));
		buf_done(&in);
	}
	assert_string_equal(rig_rcpt(fd, SPAMMER,
				    "an instance of much more than sixty-four characters, which Postfix never"
				    " has",
				    "a@example.net", TRAP1),
		"action=DUNNO");
	(void)close(fd);
}

static void pipelined_requests_are_answered_in_order(void **state)
{
	char request[400];
	struct buf all, in;
	int fd;

	(void)state;
	rig_start();
	rig_enforce("soft");
	assert_int_equal(rig_message(SPAMMER, "m1", "a@example.net", TRAP1), HIT_STORED);
	buf_init(&all, 1 << 20);
	for (int i = 0; i < 100; i++) {
		(void)snprintf(request, sizeof request,
			"protocol_state=RCPT\nclient_address=%s\nserver_port=25\ninstance=i%d\nrecipient=alice@example."
			"org\n\n",
			i % 2 ? SPAMMER : NEIGHBOUR, i);
		assert_int_equal(buf_add_str(&all, request), ERR_OK);
	}
	fd = rig_connect("policy");
	rig_write(fd, all.p, all.n);
	assert_int_equal(shutdown(fd, SHUT_WR), 0); /* half closed: what was asked is answered */
	buf_init(&in, 1 << 20);
	{
		struct rig_reading r = { .fd = fd, .in = &in, .end = "never" };
		size_t answers = 0, refused = 0;

		assert_true(rig_wait(rig_has_answer, &r));
		for (size_t i = 0; i + 7 <= in.n; i++) {
			answers += memcmp(in.p + i, "action=", 7) == 0;
			refused += i + 10 <= in.n && memcmp(in.p + i, "action=450", 10) == 0;
		}
		assert_int_equal(answers, 100);
		assert_int_equal(refused, 50);
	}
	buf_done(&in);
	buf_done(&all);
	(void)close(fd);
}

static void an_endless_request_ends_the_connection(void **state)
{
	static char block[4096];
	struct flood f = { .text = block, .n = sizeof block, .most = 20u << 20 };

	(void)state;
	memset(block, 'x', sizeof block);
	rig_start();
	f.fd = rig_connect("policy");
	assert_true(rig_wait(flood_more, &f));
	assert_true(f.is_closed);
	(void)close(f.fd);
	assert_false(rig_is_refused(SPAMMER));
}

static bool flood_is_stuck(void *ctx)
{
	struct flood *f = ctx;
	ssize_t n = send(f->fd, f->text, f->n, MSG_NOSIGNAL | MSG_DONTWAIT);

	f->most += n < 0; /* nothing taken, how often in a row */
	if (n > 0) {
		f->sent += (size_t)n;
		f->most = 0;
	}
	if (n < 0 && errno != EAGAIN && errno != EINTR)
		f->is_closed = true;
	return f->is_closed || f->most > 200;
}

static void a_reader_that_never_reads_stops_only_itself(void **state)
{
	static char block[4096];
	struct flood f = { .text = block, .n = sizeof block };
	struct rig_reading r;
	struct buf in;
	size_t answers = 0;

	(void)state;
	memset(block, '\n', sizeof block); /* the shortest requests there are */
	rig_start();
	f.fd = rig_connect("policy");
	assert_true(rig_wait(flood_is_stuck, &f));
	assert_false(rig_is_refused(SPAMMER));
	assert_false(f.is_closed);
	buf_init(&in, 256u << 20);
	r = (struct rig_reading){ .fd = f.fd, .in = &in, .end = "never" };
	(void)shutdown(f.fd, SHUT_WR);
	assert_true(rig_wait(rig_has_answer, &r));
	for (size_t i = 0; i + 14 <= in.n; i += 14) /* none is missing, none is torn */
		answers += memcmp(in.p + i, "action=DUNNO\n\n", 14) == 0;
	assert_int_equal(answers * 14, in.n);
	assert_int_equal(answers, f.sent);
	buf_done(&in);
	(void)close(f.fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ENGINE_TEST(garbage_on_the_control_socket),
		ENGINE_TEST(two_descriptors_with_one_command),
		ENGINE_TEST(a_line_of_nine_megabytes),
		ENGINE_TEST(a_call_that_leaves_while_it_waits),
		ENGINE_TEST(watchers_see_events),
		ENGINE_TEST(garbage_on_the_policy_socket),
		ENGINE_TEST(pipelined_requests_are_answered_in_order),
		ENGINE_TEST(an_endless_request_ends_the_connection),
		ENGINE_TEST(a_reader_that_never_reads_stops_only_itself),
	};

	if (getenv("RIG_TEST"))
		cmocka_set_test_filter(getenv("RIG_TEST"));
	return cmocka_run_group_tests(tests, NULL, NULL);
}
