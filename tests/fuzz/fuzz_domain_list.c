/*
 * fuzz_domain_list: bytes as a list of domains. Elements lie inside the list,
 * in order, and none is empty; what is left at the end is nothing.
 * SPDX-License-Identifier: ISC
 */
#include <stdint.h>
#include <stdlib.h>

#include "core/domain_list.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice rest = slice_of(data, size);
	const char *at = rest.p;
	struct domain_item item;

	while (domain_list_next(&rest, &item)) {
		if (item.text.n == 0 || item.text.p < at || item.text.p + item.text.n > rest.p)
			abort();
		if (item.kind == DOMAIN_FILE && item.text.p[0] != '/')
			abort();
		if (item.text.p[0] == '!')
			abort();
		at = item.text.p + item.text.n;
	}
	if (rest.n)
		abort();
	return 0;
}
