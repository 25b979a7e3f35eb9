/*
 * store_fixture: a store in a folder of its own, for the tests of the store.
 * Include cmocka first.
 * SPDX-License-Identifier: ISC
 */
#ifndef TESTS_STORE_FIXTURE_H
#define TESTS_STORE_FIXTURE_H
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/wire.h"
#include "folder.h"
#include "io/store.h"

#define MAP_SIZE (64u << 20)
#define TEXT 512

struct fixture {
	char dir[64];
	struct store *store;
};

static inline void open_store(struct fixture *f, uint64_t size)
{
	char text[TEXT] = "";
	enum err e = store_open(f->dir, size, &f->store, text, sizeof text);

	if (e != ERR_OK)
		fail_msg("store_open: %s", text);
}

static inline int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);

	assert_non_null(f);
	assert_int_equal(make_folder(f->dir, sizeof f->dir), 0);
	open_store(f, MAP_SIZE);
	*state = f;
	return 0;
}

static inline void path_of(const struct fixture *f, const char *name, char to[128])
{
	(void)snprintf(to, 128, "%s/%s", f->dir, name);
}

static inline int teardown(void **state)
{
	struct fixture *f = *state;

	store_close(f->store);
	clear(f->dir);
	free(f);
	return 0;
}

/* Waits for the event fd. */
static inline uint64_t wait_durable(struct store *s, uint64_t ticket)
{
	struct pollfd p = { .fd = store_event_fd(s), .events = POLLIN };
	uint64_t durable = store_durable(s);

	while (durable < ticket) {
		assert_int_equal(poll(&p, 1, 30000), 1);
		durable = store_durable(s);
	}
	return durable;
}

static inline struct slice number_key(uint64_t n, uint8_t to[8])
{
	struct wr w = wr_init(to, 8);

	wr_u64(&w, n);
	return wr_slice(&w);
}

static inline uint64_t put_number(struct store *s, enum table t, uint64_t n)
{
	uint8_t key[8];
	char value[80];

	memset(value, 'v', sizeof value);
	(void)number_key(n, (uint8_t *)value);
	return store_put(s, t, number_key(n, key), slice_of(value, sizeof value));
}

static inline bool has_number(struct store *s, enum table t, uint64_t n)
{
	uint8_t key[8];
	char value[80];
	size_t size;

	return store_get(s, t, number_key(n, key), value, sizeof value, &size) == ERR_OK && size == sizeof value &&
	       memcmp(value, key, 8) == 0 && value[79] == 'v';
}

#endif /* TESTS_STORE_FIXTURE_H */
