/*
 * trap_batch: new traps on their way into a trap file: parsed, compared with
 * those that are there, asked of the engine, printed.
 * SPDX-License-Identifier: ISC
 */
#ifndef CTL_TRAP_BATCH_H
#define CTL_TRAP_BATCH_H
#include "ctl/ctl.h"
#include "ctl/trap_edit.h"

#define TRAP_BATCH_MAX 5000000u /* traps in one batch */
#define TRAP_BATCH_ASK 5000     /* in one question to the engine: some milliseconds of it */
#define TRAP_BATCH_REASON 160

enum trap_batch_fate { TRAP_BATCH_NEW, TRAP_BATCH_THERE, TRAP_BATCH_REFUSED };

struct trap_batch_item {
	size_t line_at, line_n; /* in lines: the line for the file, with LF */
	size_t key_at;          /* in keys: the trap, a C string */
	unsigned number;        /* line of the source, from 1 */
	enum trap_batch_fate fate;
	char *reason; /* of a refusal */
};

struct trap_batch {
	struct buf lines, keys;
	struct trap_batch_item *item;
	size_t count, size;
	struct keymap seen; /* key -> place in item + 1; 0: in a trap file */
	bool is_unchecked;  /* the engine did not answer */
	char unchecked_text[CONTROL_TEXT];
	size_t foreign; /* refused for a domain that is not this server's */
};

/* What --tag, --weight and --arm ask for. */
struct trap_batch_wish {
	const char *tag;
	float weight;
	bool is_armed;
};

/* False: no memory, no randomness. */
bool trap_batch_init(struct trap_batch *b);
void trap_batch_done(struct trap_batch *b);
/* One line of the source; blank ones and comments add nothing. */
enum err trap_batch_add(
	struct trap_batch *b, struct slice line, unsigned number, const struct trap_batch_wish *w) MUST_USE;
/* A line of the source that cannot be a trap at all. ERR_LIMIT. */
enum err trap_batch_add_refused(struct trap_batch *b, unsigned number, const char *reason) MUST_USE;
void trap_batch_refuse(struct trap_batch_item *i, const char *reason);
/* Refuse what a trap file of this server has already. */
enum err trap_batch_compare(struct trap_batch *b, const struct conf *c, char text[TRAP_EDIT_TEXT]) MUST_USE;
/* Let the engine refuse live mailboxes ... ERR_DENIED: it answered with an error, in text. Without it: is_unchecked. */
enum err trap_batch_check(struct trap_batch *b, struct ctl *c, char text[CONTROL_TEXT]) MUST_USE;
/* The lines of the new ones. */
enum err trap_batch_print(const struct trap_batch *b, struct buf *to) MUST_USE;
size_t trap_batch_count(const struct trap_batch *b, enum trap_batch_fate fate);

#endif /* CTL_TRAP_BATCH_H */
