/*
 * trap_file: the text of a file in traps.d. One trap a line:
 *     address | @domain | /pattern/   [key=value ...]   [# comment]
 *     sales1998@example.org  tag=website weight=1 state=armed
 * keys: tag (letters, digits, - _ ., at most 32), weight (0.1 .. 10), state
 * (watching armed suspended retired; default: watching, then armed by itself),
 * since (YYYY-MM-DD, for people). A bad line is reported with number and
 * reason; the rest loads. The file is the truth; editing keeps all other lines
 * byte for byte. Pure.
 * SPDX-License-Identifier: ISC
 */
#ifndef CORE_TRAP_FILE_H
#define CORE_TRAP_FILE_H
#include "base/buf.h"
#include "core/address.h"

#define TRAP_TAG 33

enum trap_kind { TRAP_EXACT = 1, TRAP_DOMAIN = 2, TRAP_PATTERN = 3 };
enum trap_state { TRAP_AUTO = 0, TRAP_WATCHING = 1, TRAP_ARMED = 2, TRAP_SUSPENDED = 3, TRAP_RETIRED = 4 };

struct trap_line {
	enum trap_kind kind;
	struct address address; /* exact: the address; domain: text "@d", domain d */
	struct slice pattern;   /* pattern: between the slashes; borrows the input */
	enum trap_state state;  /* TRAP_AUTO: not given */
	float weight;           /* 1 by default */
	char tag[TRAP_TAG];
	unsigned number; /* line, from 1 */
};

/*
 * One line. ERR_OK with *ret_any false: blank or comment. Else ERR_SYNTAX or
 * ERR_LIMIT and a reason for people in text (without the address).
 */
enum err trap_file_line(struct slice line, unsigned number, struct trap_line *ret, bool *ret_any, char *text,
	size_t text_size) MUST_USE;
/* A line for the file (without LF) that trap_file_line reads back. */
enum err trap_file_print(const struct trap_line *t, struct buf *to) MUST_USE;
/*
 * Copy the file to `to` with the line of this trap changed: state set (remove
 * false) or the line dropped (remove true). ERR_NOTFOUND.
 */
enum err trap_file_edit(
	struct slice file, struct slice trap, bool remove, enum trap_state state, struct buf *to) MUST_USE;
const char *trap_state_name(enum trap_state s);
bool trap_state_parse(struct slice s, enum trap_state *ret);

#endif /* CORE_TRAP_FILE_H */
