/*
 * set_rig: sets of prefixes from a line of text, their areas in memory of the
 * test's, and what exports are made of. Include cmocka first.
 * SPDX-License-Identifier: ISC
 */
#ifndef TESTS_SET_RIG_H
#define TESTS_SET_RIG_H
#include <stdlib.h>

#include "core/export_list.h"

/* Sealed. list: prefixes between blanks. */
static inline struct prefix_set set_of(const char *list)
{
	struct slice rest = slice_str(list), word;
	struct prefix_set s = { 0 };
	struct prefix p;

	while (slice_word(&rest, &word)) {
		assert_int_equal(prefix_parse(word, &p), ERR_OK);
		assert_int_equal(prefix_set_add(&s, &p, false), ERR_OK);
	}
	assert_int_equal(prefix_set_seal(&s), ERR_OK);
	return s;
}

/* The caller frees it. Exactly as long as it is: a sanitizer sees the first byte too far. */
static inline void *area_of(const struct prefix_set *sealed, struct feed_area *ret)
{
	size_t n = feed_area_bytes(sealed);
	void *memory = calloc(1, n);

	assert_non_null(memory);
	feed_area_write(sealed, memory);
	assert_int_equal(feed_area_open(ret, memory, n), ERR_OK);
	return memory;
}

static inline void *area_of_list(const char *list, struct feed_area *ret)
{
	struct prefix_set s = set_of(list);
	void *memory = area_of(&s, ret);

	prefix_set_done(&s);
	return memory;
}

/* Of this feed, or of the holes (name NULL). */
static inline void source_add(struct export_source *s, const struct prefix_set *sealed, const char *name, uint8_t code)
{
	struct feed_area a;
	void *memory = area_of(sealed, &a);

	if (name)
		assert_int_equal(export_source_feed(s, &a, name, code), ERR_OK);
	else
		assert_int_equal(export_source_holes(s, &a), ERR_OK);
	free(memory);
}

static inline void source_add_list(struct export_source *s, const char *list, const char *name, uint8_t code)
{
	struct prefix_set set = set_of(list);

	source_add(s, &set, name, code);
	prefix_set_done(&set);
}

#endif /* TESTS_SET_RIG_H */
