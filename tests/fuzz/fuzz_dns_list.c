/*
 * fuzz_dns_list: a line of codes, a line that is a zone, then addresses: as
 * client, and as answer. Codes never leave 127/8; a question is a name that
 * can be asked; what is judged a listing is in the codes.
 * SPDX-License-Identifier: ISC
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/dns_list.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void judge(const struct dns_codes *c, const struct ipaddr *a)
{
	struct dns_answer answer = { .result = DNS_OK, .count = 1, .address = a };
	enum dns_verdict v = dns_list_judge(c, &answer);

	if (v == DNS_LISTED && (!dns_codes_has(c, a) || a->b[0] != 127 || (a->b[1] == 255 && a->b[2] == 255)))
		abort();
	if (v == DNS_NO_ANSWER || v == DNS_UNLISTED)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice in = slice_of(data, size), codes, zone, line;
	struct dns_codes c = { 0 };
	char name[400];

	if (!slice_line(&in, &codes) || !slice_line(&in, &zone))
		return 0;
	if (dns_codes_parse(codes, &c) == ERR_OK && (c.count == 0 || c.count > DNS_LIST_CODES))
		abort();
	for (unsigned i = 0; i < c.count; i++)
		if (c.code[i].low[0] != 127 || c.code[i].high[0] != 127 || c.code[i].low[3] > c.code[i].high[3])
			abort();
	slice_copy(zone, name, sizeof name);
	while (slice_line(&in, &line)) {
		struct dns_question q;
		struct ipaddr a;

		if (ipaddr_parse(line, &a) != ERR_OK)
			continue;
		judge(&c, &a);
		if (dns_list_question(&a, name, &q) == ERR_OK && strlen(q.name) > 253)
			abort();
	}
	return 0;
}
