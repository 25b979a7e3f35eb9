/*
 * fuzz_dns_tsig_key: a key file. A key that is taken is one; a text about one
 * that is not says nothing of what stands in it.
 * SPDX-License-Identifier: ISC
 */
#include <stdint.h>
#include <stdlib.h>

#include "core/dns_tsig_key.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[] = { "", "limetwig", "a..b" };
	char name[DNS_NAME], text[DNS_TSIG_KEY_TEXT] = "";
	struct slice file = slice_of(data, size);

	for (unsigned i = 0; i < 3; i++) {
		struct dns_tsig_key k = { .n = 0 };

		if (dns_tsig_key_parse(file, names[i], DNS_TSIG_SHA512, &k, text) != ERR_OK) {
			if (!text[0] || k.n)
				abort();
			continue;
		}
		if (k.n < DNS_TSIG_KEY_LEAST || k.n > DNS_TSIG_SECRET)
			abort();
		if (dns_question_name(slice_str(k.name), name) != ERR_OK || strcmp(name, k.name) != 0)
			abort();
		if (k.algorithm != DNS_TSIG_SHA256 && k.algorithm != DNS_TSIG_SHA512)
			abort();
	}
	return 0;
}
