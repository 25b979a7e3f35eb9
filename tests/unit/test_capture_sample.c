/*
 * test_capture_sample: what capture makes of samples, and of a tarpit that is
 * not itself any more.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <sys/mman.h>

#include "capture_rig.h"

#define TEXT "Subject: buy\r\n\r\nnow\r\n"

static int memory(const void *p, size_t n)
{
	int fd = memfd_create("sample", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, p, n), n);
	return fd;
}

static struct msg_sample sample(void)
{
	struct msg_sample m = { .client = { .family = 4, .b = { 192, 0, 2, 7 } }, .size = sizeof TEXT - 1 };

	(void)snprintf(m.case_id, sizeof m.case_id, "7K3M-9QXD");
	(void)snprintf(m.helo, sizeof m.helo, "c.test");
	(void)snprintf(m.sender, sizeof m.sender, "s@spam.example");
	(void)snprintf(m.recipients, sizeof m.recipients, "a@pfx.test\nnot an address\xff\nb@pfx.test\n");
	return m;
}

/* Takes fd, as the role must. */
static void give(enum role from, const struct msg_sample *m, int fd)
{
	static uint8_t bytes[MESSAGE_MAX];
	struct wr w = wr_init(bytes, sizeof bytes);
	struct rd body;

	message_put_sample(&w, MSG_SAMPLE, m);
	assert_false(w.bad);
	body = rd_init(bytes + 1, w.n - 1);
	capture_ops.message(&host, from, MSG_SAMPLE, &body, &fd, 1);
	assert_int_equal(fcntl(fd, F_GETFD), -1);
}

static void give_text(void)
{
	struct msg_sample m = sample();

	give(ROLE_TARPIT, &m, memory(TEXT, sizeof TEXT - 1));
}

static void read_only_file(char *to, size_t size)
{
	char path[128], id[CORPUS_ID] = "";
	struct dirent *e;
	DIR *d;

	(void)snprintf(path, sizeof path, "%s/new", corpus_dir);
	d = opendir(path);
	assert_non_null(d);
	while ((e = readdir(d)))
		if (e->d_name[0] != '.') {
			slice_copy(slice_str(e->d_name), id, sizeof id);
			read_kept(id, to, size);
		}
	closedir(d);
}

static void test_kept(void **state)
{
	char text[4096] = "";

	(void)state;
	host.conf.tarpit.sample = 5;
	start();
	give_text();
	assert_int_equal(files_in("new"), 1);
	assert_int_equal(files_in("tmp"), 0);
	assert_int_equal(hits, 0);
	read_only_file(text, sizeof text);
	assert_string_equal(text,
		"X-Limetwig-Sender: s@spam.example\r\nX-Limetwig-Client: 192.0.2.7\r\nX-Limetwig-Port: 0\r\n"
		"X-Limetwig-Name: \r\nX-Limetwig-Helo: c.test\r\nX-Limetwig-Queue-Id: \r\n"
		"X-Limetwig-Sample: 7K3M-9QXD\r\nX-Limetwig-Recipient: a@pfx.test\r\n"
		"X-Limetwig-Recipient: not an address\\xff\r\nX-Limetwig-Recipient: b@pfx.test\r\n"
		"X-Limetwig-Size: 0000000021\r\nX-Limetwig-End: 1\r\n" TEXT);
}

/* Whoever asks to be forgotten is found in it. */
static void test_forgotten(void **state)
{
	char text[4096] = "";

	(void)state;
	host.conf.tarpit.sample = 5;
	start();
	give_text();
	forget_asks(1, true, "c@pfx.test");
	await_forgotten(1);
	assert_int_equal(forgotten.files, 0);
	forget_asks(2, true, "b@pfx.test");
	await_forgotten(2);
	assert_int_equal(forgotten.files, 1);
	read_only_file(text, sizeof text);
	assert_null(strstr(text, "b@pfx.test"));
	forget_asks(3, true, "s@spam.example");
	await_forgotten(3);
	assert_int_equal(forgotten.files, 1);
	assert_int_equal(files_in("new"), 0);
}

static void test_no_more_than_wished(void **state)
{
	struct msg_sample m = sample();

	(void)state;
	start();
	give_text();
	assert_int_equal(files_in("new"), 0);
	host.conf.tarpit.sample = 3;
	for (int i = 0; i < 10; i++)
		give(role_tarpit((unsigned)i % 4), &m, memory(TEXT, sizeof TEXT - 1));
	assert_int_equal(files_in("new"), 3);
	/* another hour */
	capture()->samples.hour--;
	give_text();
	assert_int_equal(files_in("new"), 4);
}

static void test_others_may_not(void **state)
{
	struct msg_sample m = sample();
	static uint8_t bytes[MESSAGE_MAX];
	struct wr w = wr_init(bytes, sizeof bytes);
	enum message_type t;

	(void)state;
	message_put_sample(&w, MSG_SAMPLE, &m);
	assert_int_equal(message_check(ROLE_TARPIT, ROLE_CAPTURE, wr_slice(&w), 1, &t), ERR_OK);
	assert_int_equal(message_check(role_tarpit(3), ROLE_CAPTURE, wr_slice(&w), 1, &t), ERR_OK);
	assert_int_equal(message_check(ROLE_TARPIT, ROLE_CAPTURE, wr_slice(&w), 0, &t), ERR_SYNTAX);
	assert_int_equal(message_check(ROLE_ENGINE, ROLE_CAPTURE, wr_slice(&w), 1, &t), ERR_DENIED);
	assert_int_equal(message_check(ROLE_TARPIT, ROLE_ENGINE, wr_slice(&w), 1, &t), ERR_DENIED);
}

/* Too long, empty, none that could be read, no header, a size that is a lie. */
static void test_hostile(void **state)
{
	static char junk[2 * MESSAGE_SAMPLE], text[2 * MESSAGE_SAMPLE];
	struct msg_sample m = sample();
	int pair[2];

	(void)state;
	host.conf.tarpit.sample = 100;
	start();
	assert_int_equal(pipe2(pair, O_CLOEXEC), 0);
	give(ROLE_TARPIT, &m, pair[0]);
	(void)close(pair[1]);
	give(ROLE_TARPIT, &m, open("/dev/null", O_RDONLY | O_CLOEXEC));
	give(ROLE_TARPIT, &m, open("/dev/null", O_WRONLY | O_CLOEXEC));
	assert_int_equal(files_in("new"), 0);
	memset(junk, 'x', sizeof junk);
	m.size = UINT32_MAX;
	memset(m.recipients, '\n', sizeof m.recipients - 1);
	give(ROLE_TARPIT, &m, memory(junk, sizeof junk));
	assert_int_equal(files_in("new") + files_in("tmp"), 0); /* recipients beyond what a trace has room for */
	memset(m.recipients, 'r', sizeof m.recipients - 1);
	give(ROLE_TARPIT, &m, memory(junk, sizeof junk));
	m.recipients[0] = '\0';
	give(ROLE_TARPIT, &m, memory(junk, sizeof junk));
	assert_true(files_in("new") <= 2);
	read_only_file(text, sizeof text);
	assert_true(strlen(text) < MESSAGE_SAMPLE + 16384);
	forget_asks(1, true, "a@pfx.test");
	await_forgotten(1);
	assert_int_equal(forgotten.failed, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = { TEST(test_kept), TEST(test_forgotten), TEST(test_no_more_than_wished),
		TEST(test_others_may_not), TEST(test_hostile) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
