/*
 * test_engine_rights: who may say what to the engine: root and the admin group
 * everything, the read group questions, strangers nothing; and no trap is shown
 * to anybody but the first.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "engine_rig.h"
#include "role/engine_command.h"

#include <grp.h>
#include <sys/stat.h>

#define NOBODY 65533 /* as user, and as group one that no file names */

static const char *const questions[] = { "status", "trap_list", "block_list", "allow_list", "why", "hits", "watch",
	"export", "feed_list", "feed_find", "rows", "row_find" };

static bool is_question(const char *cmd)
{
	for (size_t i = 0; i < sizeof questions / sizeof questions[0]; i++)
		if (strcmp(cmd, questions[i]) == 0)
			return true;
	return false;
}

/* A connection of somebody else: the kernel notes who, when it is made. */
static int connect_as(gid_t group)
{
	int fd;

	assert_int_equal(setegid(group), 0);
	assert_int_equal(seteuid(NOBODY), 0);
	fd = rig_connect("control");
	assert_int_equal(seteuid(0), 0);
	assert_int_equal(setegid(0), 0);
	return fd;
}

struct answer {
	int fd;
	char text[65536];
	size_t n;
};

/* A stranger's connection ends behind it. */
static bool is_whole(void *ctx)
{
	struct answer *a = ctx;
	ssize_t got;

	if (a->n && a->text[a->n - 1] == '\n')
		return true;
	got = recv(a->fd, a->text + a->n, sizeof a->text - a->n - 1, MSG_DONTWAIT);
	a->n += got > 0 ? (size_t)got : 0;
	return a->n && a->text[a->n - 1] == '\n';
}

/* Refused because of who asks. */
static bool is_forbidden(gid_t group, const char *cmd)
{
	static struct answer a;
	char line[100];
	int n = snprintf(line, sizeof line, "{\"cmd\":\"%s\"}\n", cmd);

	memset(&a, 0, sizeof a);
	a.fd = connect_as(group);
	rig_write(a.fd, line, (size_t)n);
	if (!rig_wait(is_whole, &a))
		fail_msg("no answer to %s of group %u", cmd, (unsigned)group);
	(void)close(a.fd);
	return strstr(a.text, "\"ok\":false") && strstr(a.text, "not allowed: be root");
}

/* Does anybody but root get in, and is there a group for the readers? */
static bool start(const char *group)
{
	char path[200];

	if (geteuid() != 0 || !getgrnam(group))
		return false;
	(void)snprintf(rig.host.conf.storage.read_group, sizeof rig.host.conf.storage.read_group, "%s", group);
	rig_start();
	(void)snprintf(path, sizeof path, "%s/control", rig.dir);
	assert_int_equal(chmod(rig.dir, 0711), 0);
	assert_int_equal(chmod(path, 0666), 0);
	return true;
}

static void each_command_has_its_right(void **state)
{
	gid_t readers;

	(void)state;
	if (!start("nogroup"))
		skip();
	readers = getgrnam("nogroup")->gr_gid;
	for (const struct engine_command *k = engine_commands; k->name; k++) {
		if (!is_forbidden(NOBODY, k->name))
			fail_msg("a stranger may: %s", k->name);
		if (!is_question(k->name) && !is_forbidden(readers, k->name))
			fail_msg("a reader may: %s", k->name);
		if (is_question(k->name) && strcmp(k->name, "export") != 0 && strcmp(k->name, "watch") != 0 &&
			is_forbidden(readers, k->name))
			fail_msg("a reader may not: %s", k->name);
	}
}

/* rig_call_on takes care that no trap is in what it reads. */
static void traps_are_shown_to_administrators(void **state)
{
	static const char line[] = "{\"cmd\":\"trap_list\",\"reveal\":true}";
	json_t *j;
	int fd;

	(void)state;
	if (!start("nogroup"))
		skip();
	fd = connect_as(getgrnam("nogroup")->gr_gid);
	j = rig_call_on(fd, line);
	assert_int_equal(json_array_size(json_object_get(j, "traps")), 3);
	json_decref(j);
	j = rig_call_on(fd, "{\"cmd\":\"rows\",\"kind\":\"spamtrap\"}");
	assert_true(json_is_false(json_object_get(j, "ok")));
	json_decref(j);
	j = rig_call_on(fd, "{\"cmd\":\"row_find\",\"key\":\"" TRAP1 "\"}");
	assert_int_equal(json_array_size(json_object_get(j, "rows")), 0);
	json_decref(j);
	(void)close(fd);
	fd = rig_connect("control");
	j = rig_call_showing(fd, line, true);
	assert_string_equal(
		json_string_value(json_object_get(json_array_get(json_object_get(j, "traps"), 0), "text")), TRAP1);
	json_decref(j);
	(void)close(fd);
}

int main(void)
{
#define ENGINE_TEST(f) cmocka_unit_test_setup_teardown(f, rig_setup, rig_teardown)
	const struct CMUnitTest tests[] = { ENGINE_TEST(each_command_has_its_right),
		ENGINE_TEST(traps_are_shown_to_administrators) };

	cmocka_set_test_filter(getenv("RIG_TEST"));
	return cmocka_run_group_tests_name("engine_rights", tests, NULL, NULL);
}
