/*
 * fuzz_trap_file: bytes as a trap file. What a line says must survive printing;
 * an edit of each trap found must succeed, and removing it must leave none.
 * SPDX-License-Identifier: ISC
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/trap_file.h"

#define EDITS 8 /* of one input */

static void name_of(const struct trap_line *t, char to[ADDRESS_TEXT])
{
	if (t->kind == TRAP_PATTERN)
		(void)snprintf(to, ADDRESS_TEXT, "/%.*s/", SLICE_ARG(t->pattern));
	else
		(void)snprintf(to, ADDRESS_TEXT, "%s", t->address.text);
}

static void try_print(const struct trap_line *t)
{
	struct trap_line back;
	char a[ADDRESS_TEXT], b[ADDRESS_TEXT], reason[128];
	struct buf text;
	bool any;

	buf_init(&text, 8192);
	if (trap_file_print(t, &text) != ERR_OK ||
		trap_file_line(buf_slice(&text), 1, &back, &any, reason, sizeof reason) != ERR_OK || !any)
		abort();
	name_of(t, a);
	name_of(&back, b);
	if (t->kind != back.kind || strcmp(a, b) != 0 || t->state != back.state || strcmp(t->tag, back.tag) != 0)
		abort();
	buf_done(&text);
}

static void try_edit(struct slice file, const struct trap_line *t)
{
	char name[ADDRESS_TEXT];
	struct buf once, twice;

	name_of(t, name);
	buf_init(&once, file.n * 20 + 1024);
	buf_init(&twice, file.n * 20 + 1024);
	if (trap_file_edit(file, slice_str(name), false, TRAP_SUSPENDED, &once) != ERR_OK ||
		trap_file_edit(buf_slice(&once), slice_str(name), false, TRAP_SUSPENDED, &twice) != ERR_OK ||
		!slice_eq(buf_slice(&once), buf_slice(&twice)))
		abort();
	buf_reset(&twice);
	buf_reset(&once);
	if (trap_file_edit(file, slice_str(name), true, TRAP_AUTO, &once) != ERR_OK ||
		trap_file_edit(buf_slice(&once), slice_str(name), true, TRAP_AUTO, &twice) != ERR_NOTFOUND)
		abort();
	buf_done(&once);
	buf_done(&twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice file = slice_of(data, size), rest = file, line;
	unsigned number = 0, edits = 0;

	while (slice_line(&rest, &line)) {
		struct trap_line t;
		char reason[128];
		bool any;

		if (trap_file_line(line, ++number, &t, &any, reason, sizeof reason) != ERR_OK || !any)
			continue;
		try_print(&t);
		if (edits++ < EDITS)
			try_edit(file, &t);
	}
	return 0;
}
