/*
 * fuzz_import_trap: first byte: the format, of trap lists or of allow lists. What comes out as a trap is one
 * line without control characters added, and its own parser can read it or
 * says why not.
 * SPDX-License-Identifier: ISC
 */
#include "core/allow.h"
#include "core/import_allow.h"
#include "core/trap_file.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum err on_entry(const struct import_entry *e, void *ctx)
{
	unsigned *last = ctx;
	struct trap_line t;
	char why[200];
	bool any;

	if (e->line < *last && e->line == 0)
		abort();
	*last = e->line;
	if (e->refused)
		return ERR_OK;
	if (memchr(e->text.p, '\0', e->text.n))
		abort();
	if (trap_file_line(e->text, e->line, &t, &any, why, sizeof why) != ERR_OK && why[0] == '\0')
		abort();
	return ERR_OK;
}

static enum err on_allow(const struct import_entry *e, void *ctx)
{
	struct allow_line l;
	bool any;

	(void)ctx;
	if (!e->refused && (allow_line_parse(e->text, &l, &any) != ERR_OK || !any))
		abort();
	return ERR_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice in = slice_of(data + 1, size - 1);
	unsigned last = 0, others;
	enum err e;

	if (size == 0)
		return 0;
	if (data[0] % 9 < 5)
		e = import_traps((enum import_from)(data[0] % 9), in, on_entry, &last, &others);
	else
		e = import_allow((enum import_allow_from)(data[0] % 9 - 5), in, 1, on_allow, NULL, &others);
	if (e != ERR_OK && e != ERR_LIMIT && e != ERR_NOMEM)
		abort();
	return 0;
}
