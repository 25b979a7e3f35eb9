/*
 * test_store: reads and writes, and the promise of tickets, also across kill -9.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "store_fixture.h"

static void test_put_get_del(void **state)
{
	struct fixture *f = *state;
	char value[64];
	size_t n = 77;
	uint64_t ticket = store_put(f->store, TABLE_TRAP, SLICE_LIT("a@example.org"), SLICE_LIT("one")), lost;

	assert_true(ticket > 0);
	assert_int_equal((int)wait_durable(f->store, ticket), (int)ticket);
	assert_int_equal(
		(int)store_get(f->store, TABLE_TRAP, SLICE_LIT("a@example.org"), value, sizeof value, &n), ERR_OK);
	assert_true(slice_eq(slice_of(value, n), SLICE_LIT("one")));
	assert_int_equal((int)store_get(f->store, TABLE_CASE, SLICE_LIT("a@example.org"), value, sizeof value, &n),
		ERR_NOTFOUND);
	assert_int_equal((int)store_get(f->store, TABLE_TRAP, SLICE_LIT("a@example.org"), value, 2, &n), ERR_LIMIT);
	assert_true(store_put(f->store, TABLE_TRAP, SLICE_LIT("a@example.org"), SLICE_LIT("")) > 0);
	assert_int_equal((int)store_flush(f->store), ERR_OK);
	assert_int_equal(
		(int)store_get(f->store, TABLE_TRAP, SLICE_LIT("a@example.org"), value, sizeof value, &n), ERR_OK);
	assert_int_equal((int)n, 0);
	assert_true(store_del(f->store, TABLE_TRAP, SLICE_LIT("a@example.org")) > 0);
	assert_true(store_del(f->store, TABLE_TRAP, SLICE_LIT("never@example.org")) > 0);
	assert_int_equal((int)store_flush(f->store), ERR_OK);
	assert_int_equal((int)store_get(f->store, TABLE_TRAP, SLICE_LIT("a@example.org"), value, sizeof value, &n),
		ERR_NOTFOUND);
	assert_int_equal((int)store_state(f->store, &lost), ERR_OK);
	assert_int_equal((int)lost, 0);
}

static void test_limits(void **state)
{
	struct fixture *f = *state;
	static char big[STORE_VALUE_MAX + 1], back[STORE_VALUE_MAX];
	size_t n;

	memset(big, 'b', sizeof big);
	assert_int_equal(store_room(f->store), STORE_QUEUE);
	assert_true(store_put(f->store, TABLE_META, slice_of(big, STORE_KEY_MAX), slice_of(big, STORE_VALUE_MAX)) > 0);
	assert_in_range(store_room(f->store), STORE_QUEUE - 2 * STORE_VALUE_MAX, STORE_QUEUE);
	assert_int_equal((int)store_put(f->store, TABLE_META, slice_of(big, STORE_KEY_MAX + 1), SLICE_LIT("")), 0);
	assert_int_equal((int)store_put(f->store, TABLE_META, SLICE_LIT("k"), slice_of(big, sizeof big)), 0);
	assert_int_equal((int)store_flush(f->store), ERR_OK);
	assert_int_equal(
		(int)store_get(f->store, TABLE_META, slice_of(big, STORE_KEY_MAX), back, sizeof back, &n), ERR_OK);
	assert_int_equal((int)n, STORE_VALUE_MAX);
	assert_memory_equal(back, big, n);
	assert_int_equal(
		(int)store_get(f->store, TABLE_META, slice_of(big, sizeof big), back, sizeof back, &n), ERR_NOTFOUND);
}

struct seen {
	char keys[256];
	size_t stop_after;
	struct store *store;
};

static bool note_key(struct slice key, struct slice value, void *ctx)
{
	struct seen *seen = ctx;
	size_t n = strlen(seen->keys);

	assert_true(slice_eq(value, SLICE_LIT("x")));
	(void)snprintf(seen->keys + n, sizeof seen->keys - n, "%.*s ", SLICE_ARG(key));
	if (seen->store)
		assert_true(store_put(seen->store, TABLE_HIT, SLICE_LIT("seen-later"), SLICE_LIT("x")) > 0);
	return --seen->stop_after > 0;
}

static void assert_scan(
	struct store *s, const char *head, const char *from, bool is_back, size_t stop, const char *want)
{
	struct seen seen = { .stop_after = stop };

	assert_int_equal(
		(int)store_scan(s, TABLE_HIT, slice_str(head), slice_str(from), is_back, note_key, &seen), ERR_OK);
	assert_string_equal(seen.keys, want);
}

static void test_scan(void **state)
{
	static const char *const keys[] = { "a", "a1", "a2", "a2x", "b", "b\xff", "b\xff\xff", "c" };
	struct fixture *f = *state;
	struct seen seen = { .stop_after = 99 };

	assert_scan(f->store, "", "", false, 99, "");
	assert_scan(f->store, "", "", true, 99, "");
	for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
		assert_true(store_put(f->store, TABLE_HIT, slice_str(keys[i]), SLICE_LIT("x")) > 0);
	/* neighbours on both sides in other tables */
	assert_true(store_put(f->store, TABLE_ALLOW, SLICE_LIT("z"), SLICE_LIT("y")) > 0);
	assert_true(store_put(f->store, TABLE_CORRESPONDENT, SLICE_LIT("z"), SLICE_LIT("y")) > 0);
	assert_int_equal((int)store_flush(f->store), ERR_OK);
	assert_scan(f->store, "", "", false, 99, "a a1 a2 a2x b b\xff b\xff\xff c ");
	assert_scan(f->store, "", "", true, 99, "c b\xff\xff b\xff b a2x a2 a1 a ");
	assert_scan(f->store, "", "", false, 2, "a a1 ");
	assert_scan(f->store, "", "", true, 2, "c b\xff\xff ");
	assert_scan(f->store, "a", "", false, 99, "a a1 a2 a2x ");
	assert_scan(f->store, "a", "", true, 99, "a2x a2 a1 a ");
	assert_scan(f->store, "a2", "", true, 99, "a2x a2 ");
	assert_scan(f->store, "b\xff", "", true, 99, "b\xff\xff b\xff ");
	assert_scan(f->store, "a", "a2", false, 99, "a2 a2x ");
	assert_scan(f->store, "a", "a2", true, 99, "a2 a1 a ");
	assert_scan(f->store, "a", "a11", true, 99, "a1 a ");
	assert_scan(f->store, "a", "a11", false, 99, "a2 a2x ");
	assert_scan(f->store, "a", "b", false, 99, "");
	assert_scan(f->store, "a", "b", true, 99, "a2x a2 a1 a ");
	assert_scan(f->store, "b", "a", false, 99, "b b\xff b\xff\xff ");
	assert_scan(f->store, "b", "a", true, 99, "");
	assert_scan(f->store, "", "b", true, 2, "b a2x ");
	assert_scan(f->store, "q", "", false, 99, "");
	assert_scan(f->store, "q", "", true, 99, "");
	/* a write from inside is seen later, not in this round */
	seen.store = f->store;
	assert_int_equal(
		(int)store_scan(f->store, TABLE_HIT, SLICE_LIT(""), SLICE_LIT(""), false, note_key, &seen), ERR_OK);
	assert_null(strstr(seen.keys, "later"));
	assert_int_equal((int)store_flush(f->store), ERR_OK);
	assert_scan(f->store, "s", "", false, 99, "seen-later ");
}

/* Random keys and operations against a plain array, also after opening anew. */
static void test_against_model(void **state)
{
	struct fixture *f = *state;
	static bool model[500];
	unsigned seed = 12345;

	memset(model, 0, sizeof model);
	for (int round = 0; round < 40; round++) {
		for (int i = 0; i < 200; i++) {
			unsigned n = (unsigned)rand_r(&seed) % 500;
			uint8_t key[8];

			model[n] = rand_r(&seed) % 3 != 0;
			if (model[n])
				assert_true(put_number(f->store, TABLE_LEDGER, n) > 0);
			else
				assert_true(store_del(f->store, TABLE_LEDGER, number_key(n, key)) > 0);
		}
		if (round % 10 == 9) {
			store_close(f->store); /* commits what is queued */
			open_store(f, MAP_SIZE);
		} else {
			assert_int_equal((int)store_flush(f->store), ERR_OK);
		}
		for (unsigned n = 0; n < 500; n++)
			assert_int_equal(has_number(f->store, TABLE_LEDGER, n), model[n]);
	}
}

static void test_tickets_rise(void **state)
{
	struct fixture *f = *state;
	uint64_t last = 0;

	for (uint64_t i = 0; i < 30000; i++) { /* more than one group's operations */
		uint64_t ticket = put_number(f->store, TABLE_REFUSAL, i);

		assert_true(ticket >= last && ticket > 0);
		last = ticket;
	}
	store_kick(f->store);
	assert_int_equal((int)wait_durable(f->store, last), (int)last);
	for (uint64_t i = 0; i < 30000; i++)
		assert_true(has_number(f->store, TABLE_REFUSAL, i));
}

static void test_second_opener_is_refused(void **state)
{
	struct fixture *f = *state;
	struct store *second = NULL;
	char text[TEXT];

	assert_int_equal((int)store_open(f->dir, MAP_SIZE, &second, text, sizeof text), ERR_DENIED);
	assert_non_null(strstr(text, "another process"));
	assert_null(second);
	store_close(f->store);
	open_store(f, MAP_SIZE);
}

static void test_files_are_private(void **state)
{
	struct fixture *f = *state;
	struct stat st;
	char path[128];

	path_of(f, "data.mdb", path);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 077, 0);
	path_of(f, "lock.mdb", path);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 077, 0);
}

/* Puts until killed; tells on fd the highest number whose ticket is durable. */
static void write_until_killed(const char *dir, uint64_t first, int fd)
{
	static uint64_t ticket[1 << 20];
	struct fixture f = { 0 };
	struct pollfd p = { .events = POLLIN };
	uint64_t told = first;

	(void)snprintf(f.dir, sizeof f.dir, "%s", dir);
	open_store(&f, MAP_SIZE);
	p.fd = store_event_fd(f.store);
	for (uint64_t i = first; i < first + (1 << 20); i++) {
		uint64_t durable;

		ticket[i - first] = put_number(f.store, TABLE_ACCEPTED, i);
		if (i % 7 == 0)
			store_kick(f.store);
		if (i % 16 == 0 && poll(&p, 1, -1) == 1) {
			durable = store_durable(f.store);
			while (told <= i && ticket[told - first] && ticket[told - first] <= durable)
				told++;
			if (write(fd, &told, sizeof told) != (ssize_t)sizeof told)
				_exit(1);
		}
	}
	_exit(0);
}

static void test_kill_loses_nothing_durable(void **state)
{
	struct fixture *f = *state;
	unsigned seed = 4711;
	uint64_t durable = 0;

	store_close(f->store);
	f->store = NULL;
	for (int round = 0; round < 50; round++) {
		int fds[2], reports = 1 + rand_r(&seed) % 20;
		pid_t pid;

		assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
		pid = fork();
		assert_true(pid >= 0);
		if (pid == 0) {
			setenv("CMOCKA_TEST_ABORT", "1", 1); /* a failure ends the child, not only its test */
			write_until_killed(f->dir, durable, fds[1]);
		}
		close(fds[1]);
		for (int i = 0; i < reports; i++)
			assert_int_equal((int)read(fds[0], &durable, sizeof durable), (int)sizeof durable);
		assert_int_equal(kill(pid, SIGKILL), 0);
		assert_int_equal(waitpid(pid, NULL, 0), pid);
		while (read(fds[0], &durable, sizeof durable) == (ssize_t)sizeof durable)
			continue;
		close(fds[0]);
		open_store(f, MAP_SIZE);
		for (uint64_t i = 0; i < durable; i++)
			if (!has_number(f->store, TABLE_ACCEPTED, i))
				fail_msg("round %d: %llu of %llu is lost", round, (unsigned long long)i,
					(unsigned long long)durable);
		store_close(f->store);
		f->store = NULL;
	}
	print_message("# %llu durable writes over 50 kills, none lost\n", (unsigned long long)durable);
}

static uint64_t now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

static void test_speed(void **state)
{
	struct fixture *f = *state;
	uint64_t start = now_us(), queued, total;

	for (uint64_t i = 0; i < 200000; i++)
		assert_true(put_number(f->store, TABLE_REFUSAL, i) > 0);
	queued = now_us() - start;
	assert_int_equal((int)store_flush(f->store), ERR_OK);
	total = now_us() - start;
	print_message("# 200,000 puts: queued at %llu ns each, durable at %llu a second\n",
		(unsigned long long)(queued / 200), (unsigned long long)(200000 * UINT64_C(1000000) / total));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_put_get_del),
		TEST(test_limits),
		TEST(test_scan),
		TEST(test_against_model),
		TEST(test_tickets_rise),
		TEST(test_second_opener_is_refused),
		TEST(test_files_are_private),
		TEST(test_kill_loses_nothing_durable),
		TEST(test_speed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
