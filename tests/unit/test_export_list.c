/*
 * test_export_list: examples, and random lists beside a map with one entry an
 * address: disjoint, in order, whose each address is, fewest prefixes; both
 * families; the ends of the address space.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "set_rig.h"

#include <stdio.h>

#define NOW 1000u
#define WINDOW 4096u /* addresses of the map: 198.51.0.0/20, or the same under 2001:db8:: */
#define FEEDS 3
#define NOBODY (-1)

static uint64_t rng = 88172645463325252u;

static uint64_t rnd(uint64_t n)
{
	rng ^= rng << 13;
	rng ^= rng >> 7;
	rng ^= rng << 17;
	return rng % n;
}

static struct ipaddr window_address(unsigned family, uint32_t n)
{
	struct ipaddr a = { .family = (uint8_t)family, .b = { 198, 51, (uint8_t)(n >> 8), (uint8_t)n } };

	if (family == 6)
		a = (struct ipaddr){ .family = 6,
			.b = { 0x20, 1, 0xd, 0xb8, [14] = (uint8_t)(n >> 8), [15] = (uint8_t)n } };
	return a;
}

static void add_set(struct export_source *s, struct prefix_set *set, const char *name, uint8_t code)
{
	assert_int_equal(prefix_set_seal(set), ERR_OK);
	source_add(s, set, name, code);
	prefix_set_done(set);
}

static struct block_entry block_of(const struct prefix *p, uint32_t until, uint8_t flags)
{
	return (struct block_entry){
		.subject = *p, .until = until, .offence = 1, .code = 450, .flags = flags, .case_id = "7K3M-9QXD"
	};
}

static void add_block(struct export_source *s, const char *text, uint32_t until, uint8_t flags)
{
	struct block_entry e;
	struct prefix p;

	assert_int_equal(prefix_parse(slice_str(text), &p), ERR_OK);
	e = block_of(&p, until, flags);
	assert_int_equal(export_source_blocks(s, &e, 1), ERR_OK);
}

static void add_prefixes(struct export_source *s, const char *text, const char *name)
{
	struct prefix_set set = { .is_sealed = false };
	struct slice rest = slice_str(text), word;
	struct prefix p;

	while (slice_word(&rest, &word)) {
		assert_int_equal(prefix_parse(word, &p), ERR_OK);
		assert_int_equal(prefix_set_add(&set, &p, false), ERR_OK);
	}
	add_set(s, &set, name, 9);
}

struct lines {
	char text[4096];
	size_t n;
	unsigned left; /* stop after so many */
};

static bool take_line(void *ctx, const struct export_entry *e)
{
	struct lines *l = ctx;
	char text[PREFIX_TEXT], block[PREFIX_TEXT] = "-";

	if (e->block)
		(void)prefix_format(&e->block->subject, block);
	l->n += (size_t)snprintf(l->text + l->n, sizeof l->text - l->n, "%s %s %s; ", prefix_format(&e->prefix, text),
		block, e->feed ? e->feed->name : "-");
	assert_true(l->n < sizeof l->text);
	return --l->left > 0;
}

static void expect(const struct export_source *s, bool is_set, const char *want)
{
	struct lines l = { .left = 1000 };

	export_list_each(s, is_set, take_line, &l);
	assert_string_equal(l.text, want);
}

static void test_examples(void **state)
{
	struct export_source s = { .now = NOW };
	struct lines l = { .left = 1 };

	(void)state;
	add_block(&s, "192.0.2.5", NOW + 10, 0);
	add_block(&s, "192.0.2.4", NOW, 0); /* over */
	add_block(&s, "192.0.2.0/29", NOW + 20, BLOCK_BY_WIDE);
	add_block(&s, "2001:db8::/64", NOW + 30, 0);
	add_block(&s, "198.51.100.1", NOW + 5, BLOCK_BY_FEED);
	add_block(&s, "192.0.2.5", NOW + 15, 0); /* met twice in a walk */
	add_prefixes(&s, "198.51.100.0/30 192.0.2.6 2001:db8:0:1::/64", "drop");
	add_prefixes(&s, "198.51.100.2/31 203.0.113.0/31", "psbl");
	add_prefixes(&s, "192.0.2.1 203.0.113.1 2001:db8:0:1::/65", NULL);
	assert_int_equal(export_source_seal(&s), ERR_OK);
	assert_int_equal(s.blocks, 4);
	assert_int_equal(export_source_end(&s), NOW + 5);
	expect(&s, false,
		"192.0.2.0 192.0.2.0/29 -; 192.0.2.2/31 192.0.2.0/29 -; 192.0.2.4 192.0.2.0/29 -; "
		"192.0.2.5 192.0.2.5 -; 192.0.2.6/31 192.0.2.0/29 -; "
		"198.51.100.0 - drop; 198.51.100.1 198.51.100.1 drop; 198.51.100.2/31 - drop; 203.0.113.0 - psbl; "
		"2001:db8::/64 2001:db8::/64 -; 2001:db8:0:1:8000::/65 - drop; ");
	expect(&s, true,
		"192.0.2.0 - -; 192.0.2.2/31 - -; 192.0.2.4/30 - -; 198.51.100.0/30 - -; 203.0.113.0 - -; "
		"2001:db8::/64 - -; 2001:db8:0:1:8000::/65 - -; ");
	export_list_each(&s, false, take_line, &l);
	assert_string_equal(l.text, "192.0.2.0 192.0.2.0/29 -; ");
	assert_int_equal(s.block[s.blocks - 1].until, NOW + 30);
	export_source_done(&s);
	export_source_done(&s);
}

/* Nothing at all; and all there is: what is nobody's mail server is left out. */
static void test_ends(void **state)
{
	struct export_source s = { .now = NOW };

	(void)state;
	assert_int_equal(export_source_seal(&s), ERR_OK);
	expect(&s, false, "");
	assert_true(export_source_end(&s) == UINT64_MAX);
	export_source_done(&s);
	s = (struct export_source){ .now = NOW };
	add_prefixes(&s, "0.0.0.0/0 ::/63 fe00::/7", "world");
	add_prefixes(&s, "2.0.0.0/7 4.0.0.0/6 8.0.0.0/5 16.0.0.0/4 32.0.0.0/3 64.0.0.0/2 128.0.0.0/2", NULL);
	assert_int_equal(export_source_seal(&s), ERR_OK);
	expect(&s, true, "1.0.0.0/8 - -; 192.0.0.0/3 - -; 0:0:0:1::/64 - -; fe00::/8 - -; ");
	export_source_done(&s);
}

static void test_limits(void **state)
{
	struct export_source s = { .now = NOW };
	struct prefix_set set = { .is_sealed = false };
	struct feed_area a;
	void *memory;

	(void)state;
	assert_int_equal(prefix_set_seal(&set), ERR_OK);
	memory = area_of(&set, &a);
	for (unsigned i = 0; i < EXPORT_FEEDS; i++)
		assert_int_equal(export_source_feed(&s, &a, "x", 3), ERR_OK);
	assert_int_equal(export_source_feed(&s, &a, "x", 3), ERR_LIMIT);
	assert_int_equal(export_source_blocks(&s, NULL, 0), ERR_OK);
	free(memory);
	prefix_set_done(&set);
	export_source_done(&s);
}

/* ---- beside a map */

struct map {
	int owner[WINDOW]; /* number of a block; 1,000,000 + number of a feed; NOBODY */
	bool is_hole[WINDOW];
};

struct check {
	const struct export_source *s;
	const struct map *m;
	unsigned family;
	bool is_set;
	uint32_t next; /* the first address that is not seen yet */
	struct prefix last;
	struct export_entry before;
	unsigned count;
};

static uint32_t window_number(const struct ipaddr *a)
{
	struct ipaddr base = window_address(a->family, 0);
	unsigned at = a->family == 6 ? 14 : 2;

	assert_memory_equal(a->b, base.b, at);
	return (uint32_t)a->b[at] << 8 | a->b[at + 1];
}

static int owner_at(const struct map *m, uint32_t n)
{
	return m->is_hole[n] ? NOBODY : m->owner[n];
}

static bool take_checked(void *ctx, const struct export_entry *e)
{
	struct check *c = ctx;
	uint32_t first = window_number(&e->prefix.addr), size = 1u << (ipaddr_bits(&e->prefix.addr) - e->prefix.len);

	assert_true(first >= c->next && first % size == 0 && first + size <= WINDOW);
	for (uint32_t n = c->next; n < first; n++)
		assert_int_equal(owner_at(c->m, n), NOBODY);
	for (uint32_t n = first; n < first + size; n++) {
		int owner = owner_at(c->m, n);

		assert_int_not_equal(owner, NOBODY);
		if (c->is_set)
			continue;
		if (owner < 1000000)
			assert_true(e->block && e->block->offence == owner);
		else
			assert_true(!e->block && e->feed == c->s->feed[owner - 1000000]);
	}
	/* the one before and this could not have been one */
	if (c->count && c->last.len == e->prefix.len && c->before.block == e->block && c->before.feed == e->feed) {
		struct prefix wider = prefix_of(&c->last.addr, c->last.len - 1u);

		assert_false(prefix_has(&wider, &e->prefix.addr));
	}
	c->next = first + size;
	c->last = e->prefix;
	c->before = *e;
	c->count++;
	return true;
}

static struct prefix random_prefix(unsigned family)
{
	struct ipaddr a = window_address(family, (uint32_t)rnd(WINDOW));

	return prefix_of(&a, ipaddr_bits(&a) - (unsigned)(rnd(3) ? rnd(3) : rnd(12)));
}

static void fill_blocks(struct export_source *s, struct map *m, unsigned family, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		struct prefix p = random_prefix(family);
		struct block_entry e = block_of(&p, NOW + (uint32_t)rnd(8), 0);

		e.offence = (uint16_t)i;
		for (size_t k = 0; k < s->blocks; k++)
			if (prefix_eq(&s->block[k].subject, &p))
				e.until = 0;
		if (e.until > NOW)
			assert_int_equal(export_source_blocks(s, &e, 1), ERR_OK);
	}
	for (unsigned len = 0; len <= 128; len++) /* longer ones later: they win */
		for (size_t k = 0; k < s->blocks; k++)
			for (uint32_t n = 0; s->block[k].subject.len == len && n < WINDOW; n++) {
				struct ipaddr a = window_address(family, n);

				if (prefix_has(&s->block[k].subject, &a))
					m->owner[n] = s->block[k].offence;
			}
}

static void fill_set(struct export_source *s, struct map *m, unsigned family, unsigned count, int feed)
{
	struct prefix_set set = { .is_sealed = false };

	for (unsigned i = 0; i < count; i++) {
		struct prefix p = random_prefix(family);

		assert_int_equal(prefix_set_add(&set, &p, false), ERR_OK);
		for (uint32_t n = 0; n < WINDOW; n++) {
			struct ipaddr a = window_address(family, n);

			if (!prefix_has(&p, &a))
				continue;
			if (feed < 0)
				m->is_hole[n] = true;
			else if (m->owner[n] == NOBODY)
				m->owner[n] = 1000000 + feed;
		}
	}
	add_set(s, &set, feed < 0 ? NULL : "feed", 3);
}

static void test_beside_map(void **state)
{
	static struct map m;

	(void)state;
	for (unsigned round = 0; round < 200; round++) {
		struct export_source s = { .now = NOW };
		unsigned family = round % 2 ? 6 : 4;

		memset(&m, 0, sizeof m);
		for (uint32_t n = 0; n < WINDOW; n++)
			m.owner[n] = NOBODY;
		fill_blocks(&s, &m, family, (unsigned)rnd(60));
		for (int f = 0; f < FEEDS; f++)
			fill_set(&s, &m, family, (unsigned)rnd(20), f);
		fill_set(&s, &m, family, (unsigned)rnd(10), -1);
		assert_int_equal(export_source_seal(&s), ERR_OK);
		for (int is_set = 0; is_set < 2; is_set++) {
			struct check c = { .s = &s, .m = &m, .family = family, .is_set = is_set };

			export_list_each(&s, is_set, take_checked, &c);
			for (uint32_t n = c.next; n < WINDOW; n++)
				assert_int_equal(owner_at(&m, n), NOBODY);
		}
		export_source_done(&s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_examples), cmocka_unit_test(test_ends),
		cmocka_unit_test(test_limits), cmocka_unit_test(test_beside_map) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
