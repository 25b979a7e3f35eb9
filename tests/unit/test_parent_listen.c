/*
 * test_parent_listen: new sockets take the place of the old ones all at once,
 * or, where one cannot be had, not at all: a reload that is refused leaves
 * Postfix who answers it.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "folder.h"
#include "io/log.h"
#include "role/parent.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static char dir[64];
static struct conf c;
static struct parent_sockets old;

static void path_of(char to[256], const char *name)
{
	(void)snprintf(to, 256, "%s/%s", dir, name);
}

static int set_up(void **state)
{
	char path[256], text[512] = "";

	(void)state;
	log_setup("test", LOG_LEVEL_ALARM);
	if (make_folder(dir, sizeof dir) != 0)
		return -1;
	for (unsigned i = 0; i < 2; i++) {
		path_of(path, i ? "queue" : "run");
		if (mkdir(path, 0755) != 0)
			return -1;
	}
	conf_defaults(&c);
	path_of(path, "run");
	(void)snprintf(c.storage.run, sizeof c.storage.run, "%s", path);
	c.postfix.queues.count = 1;
	path_of(path, "queue");
	(void)snprintf(c.postfix.queues.item[0], CONF_ITEM, "%s", path);
	if (parent_open_sockets(&c, false, &old, text, sizeof text) != ERR_OK)
		return -1;
	return parent_name_sockets(&old, text, sizeof text) == ERR_OK ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	parent_close_sockets(&old, false);
	clear(dir);
	return 0;
}

/* Who comes to this name comes to this listener. */
static bool leads_to(const char *name, int listener)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), got = -1;

	(void)snprintf(a.sun_path, sizeof a.sun_path, "%s/%s", dir, name);
	if (connect(fd, (struct sockaddr *)&a, sizeof a) == 0)
		got = accept(listener, NULL, NULL);
	(void)close(fd);
	if (got >= 0)
		(void)close(got);
	return got >= 0;
}

static bool leads_to_all(const struct parent_sockets *s)
{
	return leads_to("queue/limetwig/policy", s->policy[0]) && leads_to("queue/limetwig/lmtp", s->lmtp[0]) &&
	       leads_to("run/control.sock", s->control);
}

static void test_one_that_cannot_be_had(void **state)
{
	struct parent_sockets new;
	char path[256], text[512] = "";

	(void)state;
	assert_true(leads_to_all(&old));
	c.postfix.queues.count = 2;
	(void)snprintf(c.postfix.queues.item[1], CONF_ITEM, "%s/missing", dir);
	assert_int_equal(parent_open_sockets(&c, false, &new, text, sizeof text), ERR_NOTFOUND);
	assert_non_null(strstr(text, "missing"));
	assert_true(leads_to_all(&old));
	path_of(path, "queue/limetwig");
	assert_int_equal(count_files(path), 2);
}

static void test_one_that_is_there_twice(void **state)
{
	struct parent_sockets new;
	char text[512] = "";

	(void)state;
	c.postfix.queues.count = 2;
	for (int i = 0; i < 2; i++) {
		(void)snprintf(c.postfix.queues.item[1], CONF_ITEM, "%.*s%s", CONF_ITEM - 2, c.postfix.queues.item[0],
			i == 0 ? "" : "/");
		assert_int_equal(parent_open_sockets(&c, false, &new, text, sizeof text), ERR_EXISTS);
		assert_non_null(strstr(text, "twice"));
	}
	assert_true(leads_to_all(&old));
}

static void test_new_ones(void **state)
{
	struct parent_sockets new, third;
	char text[512] = "";

	(void)state;
	assert_int_equal(parent_open_sockets(&c, false, &new, text, sizeof text), ERR_OK);
	assert_true(leads_to_all(&old));
	assert_int_equal(parent_name_sockets(&new, text, sizeof text), ERR_OK);
	assert_true(leads_to_all(&new));
	parent_close_sockets(&old, false);
	/* another try that is given up */
	assert_int_equal(parent_open_sockets(&c, false, &third, text, sizeof text), ERR_OK);
	parent_drop_sockets(&third);
	assert_true(leads_to_all(&new));
	old = new;
}

static void test_a_name_that_is_taken(void **state)
{
	struct parent_sockets new;
	char path[256], text[512] = "";

	(void)state;
	path_of(path, "queue/limetwig/policy");
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkdir(path, 0755), 0);
	assert_int_equal(parent_open_sockets(&c, false, &new, text, sizeof text), ERR_OK);
	assert_int_equal(parent_name_sockets(&new, text, sizeof text), ERR_IO);
	assert_non_null(strstr(text, "policy"));
	assert_true(leads_to("queue/limetwig/lmtp", new.lmtp[0]));
	parent_close_sockets(&new, false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_one_that_cannot_be_had, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_one_that_is_there_twice, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_new_ones, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_name_that_is_taken, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
