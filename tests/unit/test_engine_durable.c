/*
 * test_engine_durable: what the engine has said yes to is on the disk, whatever
 * becomes of the process right after. A copy of the store's file is what a
 * killed engine leaves behind.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "engine_rig.h"

#include "core/mode.h"
#include "role/engine.h"

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>
#include <sys/syscall.h>

static atomic_bool is_disk_bad;
static pthread_mutex_t hang = PTHREAD_MUTEX_INITIALIZER; /* held: the disk hangs */

/* LMDB's. A disk that writes and cannot promise it. */
__attribute__((visibility("default"))) int fdatasync(int fd)
{
	if (atomic_load(&is_disk_bad)) {
		errno = EIO;
		return -1;
	}
	pthread_mutex_lock(&hang);
	pthread_mutex_unlock(&hang);
	return (int)syscall(SYS_fdatasync, fd);
}

static void copy_file(const char *from, const char *to)
{
	int in = open(from, O_RDONLY | O_CLOEXEC), out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	static char bytes[65536];
	ssize_t n;

	assert_true(in >= 0 && out >= 0);
	while ((n = read(in, bytes, sizeof bytes)) > 0)
		assert_int_equal(write(out, bytes, (size_t)n), n);
	(void)close(in);
	(void)close(out);
}

/* The store as it would be found if the engine were killed now. */
static struct store *left_behind(void)
{
	char from[128], to[128], text[200];
	struct store *s = NULL;

	(void)snprintf(from, sizeof from, "%s/db/data.mdb", rig.dir);
	(void)snprintf(to, sizeof to, "%s/left", rig.dir);
	(void)mkdir(to, 0700);
	(void)snprintf(to, sizeof to, "%s/left/data.mdb", rig.dir);
	copy_file(from, to);
	(void)snprintf(to, sizeof to, "%s/left", rig.dir);
	assert_int_equal(store_open(to, 64u << 20, &s, text, sizeof text), ERR_OK);
	return s;
}

static void assert_mode_left(enum mode mode)
{
	struct store *s = left_behind();
	uint8_t value[64];
	size_t n;

	assert_int_equal(store_get(s, TABLE_META, SLICE_LIT("mode"), value, sizeof value, &n), ERR_OK);
	assert_int_equal(value[0], mode);
	store_close(s);
}

static void test_a_command_that_was_answered(void **state)
{
	(void)state;
	rig_start();
	for (unsigned i = 0; i < 3; i++) {
		rig_enforce("full");
		assert_mode_left(MODE_FULL);
		rig_enforce("soft");
		assert_mode_left(MODE_SOFT);
	}
}

static void test_a_command_that_the_disk_does_not_take(void **state)
{
	json_t *j;

	(void)state;
	rig_start();
	atomic_store(&is_disk_bad, true);
	j = rig_call("{\"cmd\":\"enforce\",\"mode\":\"full\",\"force\":true}");
	atomic_store(&is_disk_bad, false);
	assert_false(json_is_true(json_object_get(j, "ok")));
	assert_non_null(strstr(json_string_value(json_object_get(j, "error")), "store"));
	json_decref(j);
}

/* Who asks sees what there is, and reads that it may not be all. */
static void test_who_asks_while_the_disk_is_bad(void **state)
{
	static const char *const asks[] = { "{\"cmd\":\"why\",\"what\":\"192.0.2.1\"}", "{\"cmd\":\"block_list\"}",
		"{\"cmd\":\"hits\"}", "{\"cmd\":\"trap_list\"}", "{\"cmd\":\"rows\",\"kind\":\"trapped\"}" };
	json_t *j;

	(void)state;
	rig_start();
	assert_int_equal(rig_message("192.0.2.1", "M1", "a@s.example", TRAP1), HIT_STORED);
	atomic_store(&is_disk_bad, true);
	assert_int_equal(rig_message("192.0.2.2", "M2", "a@s.example", TRAP1), HIT_LATER);
	for (unsigned i = 0; i < sizeof asks / sizeof asks[0]; i++) {
		j = rig_call(asks[i]);
		assert_true(json_is_true(json_object_get(j, "ok")));
		assert_true(json_is_true(json_object_get(j, "stale")));
		json_decref(j);
	}
	j = rig_call(asks[0]);
	assert_string_equal(
		json_string_value(json_object_get(json_array_get(json_object_get(j, "matches"), 0), "title")),
		"WOULD BE BLOCKED");
	atomic_store(&is_disk_bad, false);
	do {
		json_decref(j);
		j = rig_call(asks[1]);
	} while (json_object_get(j, "stale"));
	assert_int_equal(json_array_size(json_object_get(j, "blocks")), 2);
	json_decref(j);
}

/* By hand: it acts, whatever the disk says, and that is said. */
static void test_a_block_by_hand_while_the_disk_is_bad(void **state)
{
	json_t *j;

	(void)state;
	rig_start();
	atomic_store(&is_disk_bad, true);
	assert_int_equal(rig_message("192.0.2.2", "M2", "a@s.example", TRAP1), HIT_LATER);
	j = rig_call("{\"cmd\":\"block_add\",\"subject\":\"192.0.2.77\"}");
	rig_assert_title("192.0.2.77", "WOULD BE BLOCKED");
	assert_false(json_is_true(json_object_get(j, "ok")));
	assert_non_null(strstr(json_string_value(json_object_get(j, "error")), "blocked in memory only"));
	atomic_store(&is_disk_bad, false);
	json_decref(j);
}

static double now_s(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* A disk that hangs holds up no mail for longer than a command waits. */
static void test_who_asks_while_the_disk_hangs(void **state)
{
	double began;
	json_t *j;

	(void)state;
	rig_start();
	pthread_mutex_lock(&hang);
	rig_hit("192.0.2.1", "M1", "a@s.example", TRAP1, "M1");
	began = now_s();
	j = rig_call("{\"cmd\":\"why\",\"what\":\"192.0.2.1\"}");
	assert_true(json_is_true(json_object_get(j, "ok")) && json_is_true(json_object_get(j, "stale")));
	json_decref(j);
	j = rig_call("{\"cmd\":\"enforce\",\"mode\":\"full\",\"force\":true}");
	assert_false(json_is_true(json_object_get(j, "ok")));
	json_decref(j);
	assert_true(now_s() - began < 30);
	pthread_mutex_unlock(&hang);
}

/* Nor where more blocks are lifted than memory holds until they are on the disk. */
static void test_very_many_are_lifted_while_the_disk_hangs(void **state)
{
	struct engine *e;
	double began, took;
	json_t *j;

	(void)state;
	rig_start();
	e = rig.host.ctx;
	rig_store_blocks(e->store, ENGINE_SUBJECTS + 800, "mass");
	pthread_mutex_lock(&hang);
	began = now_s();
	j = rig_call("{\"cmd\":\"block_remove\",\"tag\":\"mass\"}");
	took = now_s() - began;
	pthread_mutex_unlock(&hang);
	assert_false(json_is_true(json_object_get(j, "ok")));
	json_decref(j);
	assert_true(took < 30);
}

/* Blocked at once, while the disk was bad; the hit is stored later, and the block with it. */
static void test_a_block_comes_with_its_hit(void **state)
{
	struct ipaddr client;
	struct store *s;
	uint8_t key[RECORD_KEY], value[RECORD_VALUE];
	struct prefix p;
	uint8_t ack;
	size_t n;

	(void)state;
	rig_start();
	atomic_store(&is_disk_bad, true);
	assert_int_equal(rig_message("192.0.2.9", "M9", "a@s.example", TRAP1), HIT_LATER); /* now it is known */
	assert_int_equal(rig_message("192.0.2.1", "M1", "a@s.example", TRAP1), HIT_LATER);
	assert_int_equal(rig_wait_ack(rig_hit("192.0.2.1", "M1", "a@s.example", TRAP1, "M1")), HIT_LATER);
	atomic_store(&is_disk_bad, false);
	do
		ack = rig_wait_ack(rig_hit("192.0.2.1", "M1", "a@s.example", TRAP1, "M1"));
	while (ack == HIT_LATER);
	assert_int_equal(ack, HIT_STORED);
	s = left_behind();
	rig_address("192.0.2.1", &client);
	p = prefix_of(&client, 32);
	assert_int_equal(store_get(s, TABLE_BLOCK, record_subject_key(&p, key), value, sizeof value, &n), ERR_OK);
	store_close(s);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_command_that_was_answered),
		TEST(test_a_command_that_the_disk_does_not_take),
		TEST(test_who_asks_while_the_disk_is_bad),
		TEST(test_a_block_by_hand_while_the_disk_is_bad),
		TEST(test_who_asks_while_the_disk_hangs),
		TEST(test_very_many_are_lifted_while_the_disk_hangs),
		TEST(test_a_block_comes_with_its_hit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
