/*
 * fuzz_aliasmap: what an engine that is not itself asks the root helper for:
 * lines of a whole table, a byte 0, lines of changes. Only traps get into
 * Postfix's maps, each with the value that leads to our own capture; the
 * difference of two tables makes the one of the other.
 * SPDX-License-Identifier: ISC
 */
#include <stdint.h>
#include <stdlib.h>

#include "core/alias_map.h"
#include "core/map_set.h"
#include "role/aliasmap.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool is_so)
{
	if (!is_so)
		abort();
}

static void check_line(struct slice line, bool is_domains)
{
	struct slice key = slice_head(line, slice_find(line, '\t')), value = slice_from(line, key.n + 1);
	struct address a, trap;

	must(key.n > 0 && slice_find(value, '\t') == value.n);
	for (size_t i = 0; i < line.n; i++)
		must((unsigned char)line.p[i] >= ' ' || i == key.n);
	if (is_domains || key.n == line.n) {
		must(key.n == line.n || slice_eq(value, SLICE_LIT("trap")));
		return;
	}
	if (key.p[0] == '@') {
		must(slice_starts(value, key) && slice_eq(slice_from(value, key.n), SLICE_LIT("." ALIAS_MAP_DOMAIN)));
		return;
	}
	must(address_parse(value, &a) == ERR_OK && alias_map_decode(&a, &trap) == ERR_OK);
	must(slice_eq(a.domain, SLICE_LIT(ALIAS_MAP_DOMAIN)) && slice_eq(slice_str(trap.text), key));
}

static void check(struct slice lines, bool is_domains)
{
	struct slice line;

	while (slice_line(&lines, &line))
		check_line(line, is_domains);
}

static void sorted(struct slice lines, struct buf *to)
{
	struct aliasmap_changes c;

	buf_init(&c.alias, ALIASMAP_INPUT);
	buf_init(&c.domains, ALIASMAP_INPUT);
	must(aliasmap_read_lines(lines, false, &c) == ERR_OK);
	check(buf_slice(&c.alias), false);
	check(buf_slice(&c.domains), true);
	must(map_set_sort(buf_slice(&c.alias), to) == ERR_OK);
	buf_done(&c.alias);
	buf_done(&c.domains);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice all = slice_of(data, size), whole = slice_head(all, slice_find(all, '\0'));
	const struct slice none = { "", 0 };
	struct buf first, changes, set, next, diff, again;
	size_t n = 0;

	buf_init(&first, ALIASMAP_INPUT);
	buf_init(&changes, ALIASMAP_INPUT);
	buf_init(&set, ALIASMAP_INPUT);
	buf_init(&next, ALIASMAP_INPUT);
	buf_init(&diff, ALIASMAP_INPUT);
	buf_init(&again, ALIASMAP_INPUT);
	sorted(whole, &first);
	sorted(slice_from(all, whole.n + 1), &changes);
	must(map_set_merge(none, buf_slice(&first), &set) == ERR_OK);
	must(map_set_merge(buf_slice(&set), buf_slice(&changes), &next) == ERR_OK);
	must(map_set_diff(buf_slice(&set), buf_slice(&next), &diff, &n) == ERR_OK);
	must(map_set_merge(buf_slice(&set), buf_slice(&diff), &again) == ERR_OK);
	must(slice_eq(buf_slice(&next), buf_slice(&again)) && (n == 0) == (diff.n == 0));
	buf_done(&first);
	buf_done(&changes);
	buf_done(&set);
	buf_done(&next);
	buf_done(&diff);
	buf_done(&again);
	return 0;
}
