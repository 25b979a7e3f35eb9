/*
 * fuzz_address: parse, strip, encode and decode any bytes. What parses parses
 * again to itself, and an encoded trap decodes to the trap.
 * SPDX-License-Identifier: ISC
 */
#include "core/alias_map.h"

#include <stdint.h>
#include <stdlib.h>

#define MUST(x)                                                                                                        \
	do {                                                                                                           \
		if (!(x))                                                                                              \
			abort();                                                                                       \
	} while (0)

static void encode(const struct address *a)
{
	char to[ALIAS_MAP_TEXT];
	struct address e, back;

	if (alias_map_value(a, true, to) == ERR_OK)
		MUST(to[0] == '@');
	if (alias_map_value(a, false, to) != ERR_OK)
		return;
	MUST(address_parse(slice_str(to), &e) == ERR_OK);
	MUST(alias_map_decode(&e, &back) == ERR_OK);
	MUST(strcmp(back.text, a->text) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct address a, b, c;

	if (address_parse(slice_of(data, size), &a) != ERR_OK)
		return 0;
	MUST(strlen(a.text) == a.local.n + a.domain.n + (a.domain.n > 0));
	if (a.text[0] != '@' && !strpbrk(a.text, " \"\\<>") && a.text[strlen(a.text) - (a.text[0] != '\0')] != '.') {
		MUST(address_parse(slice_str(a.text), &b) == ERR_OK);
		MUST(strcmp(a.text, b.text) == 0);
	}
	if (address_strip_extension(&a, "+-", &b))
		MUST(b.local.n < a.local.n && b.local.n > 0);
	address_copy(&a, &c);
	MUST(slice_eq(c.local, a.local) && slice_eq(c.domain, a.domain));
	(void)address_is_role(&a);
	if (alias_map_decode(&a, &b) == ERR_OK)
		MUST(b.local.n > 0 || b.text[0] == '@');
	encode(&a);
	return 0;
}
