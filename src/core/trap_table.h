/*
 * trap_table: the traps in force, looked up by recipient as Postfix would:
 * exact address, address without extension, whole domain; then patterns give
 * tag and weight inside trap domains. Built off the request path, swapped
 * whole. A lookup allocates nothing and touches at most four cold cache lines
 * for a recipient that is no trap. Owns its memory; 1 M traps <= 150 MB.
 * SPDX-License-Identifier: ISC
 */
#ifndef CORE_TRAP_TABLE_H
#define CORE_TRAP_TABLE_H
#include "base/siphash.h"
#include "core/trap_file.h"

#define TRAP_TABLE_MAX 20000000u
#define TRAP_TABLE_PATTERNS 100u
#define TRAP_TABLE_TAGS 4096u

struct trap {
	uint32_t id; /* T-<id>; 0: not given yet */
	enum trap_kind kind;
	enum trap_state state; /* never TRAP_AUTO once in force */
	float weight;
	uint16_t tag;  /* trap_table_tag */
	bool is_new;   /* the store does not know it yet; the table itself does not use it */
	uint32_t text; /* trap_table_text */
	uint64_t first_seen, armed_at;
};

struct trap_table;

/* delimiters: recipient_delimiter of Postfix, copied. NULL: no memory. */
struct trap_table *trap_table_new(const uint8_t key[SIPHASH_KEY], const char *delimiters);
void trap_table_free(struct trap_table *t);
/* Give back a piece of its memory, a few milliseconds' worth; true: that was the last, t is gone. Nothing else may use t. */
bool trap_table_free_some(struct trap_table *t);
/* Room for so many traps without growing, in a table that has none yet. Without memory for it the table grows as it fills. */
void trap_table_reserve(struct trap_table *t, size_t traps);
/* ERR_EXISTS: is there (unchanged); ERR_FULL at a cap; ERR_NOMEM. ret_trap: to be filled further, good until the next add. */
enum err trap_table_add(struct trap_table *t, const struct trap_line *line, struct trap **ret_trap) MUST_USE;
/* NULL: no trap. For a domain trap the trap of the domain. Retired and suspended ones are found too: look at state. */
const struct trap *trap_table_find(const struct trap_table *t, const struct address *rcpt);
/* The exact entry of this text ("a@d", "@d", "/p/"), as a mutable one. */
struct trap *trap_table_get(struct trap_table *t, struct slice text);
size_t trap_table_count(const struct trap_table *t);
/* i < count, in order of adding. */
struct trap *trap_table_at(struct trap_table *t, size_t i);
const char *trap_table_text(const struct trap_table *t, const struct trap *trap);
const char *trap_table_tag(const struct trap_table *t, const struct trap *trap);

#endif /* CORE_TRAP_TABLE_H */
