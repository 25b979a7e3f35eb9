/*
 * prefix_table: longest-prefix match over a set of prefixes, each with a u32
 * value. Built once (add ..., seal), then read-only; replaced whole. Lookup
 * is a binary search per family over disjoint ranges. Owns its memory.
 * SPDX-License-Identifier: ISC
 */
#ifndef BASE_PREFIX_TABLE_H
#define BASE_PREFIX_TABLE_H
#include "base/ipaddr.h"

#define PREFIX_TABLE_MAX 20000000u /* prefixes */

struct prefix_item {
	struct prefix prefix;
	uint32_t value;
};

struct prefix_range { /* first..last inclusive, as 16 bytes, IPv4 in the first 4 */
	uint8_t first[16];
	uint8_t last[16];
	uint32_t value;
};

struct prefix_table {
	struct prefix_item *item;
	size_t items, size;            /* empty once sealed */
	struct prefix_range *range[2]; /* 0: IPv4, 1: IPv6; sorted, disjoint */
	size_t ranges[2];
	bool is_sealed;
};

void prefix_table_init(struct prefix_table *t);
void prefix_table_done(struct prefix_table *t);
/* ERR_NOMEM; ERR_LIMIT: PREFIX_TABLE_MAX; ERR_DENIED after seal. One prefix twice: the larger value stays. */
enum err prefix_table_add(struct prefix_table *t, const struct prefix *p, uint32_t value) MUST_USE;
/* Sort and flatten. ERR_NOMEM: the table is still open. */
enum err prefix_table_seal(struct prefix_table *t) MUST_USE;
/* The value of the longest prefix that holds a; false when there is none or the table is not sealed. */
bool prefix_table_find(const struct prefix_table *t, const struct ipaddr *a, uint32_t *ret_value);

/* Does any prefix of the table hold an address of p? */
bool prefix_table_overlaps(const struct prefix_table *t, const struct prefix *p);

#endif /* BASE_PREFIX_TABLE_H */
