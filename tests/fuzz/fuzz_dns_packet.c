/*
 * fuzz_dns_packet: a byte for the type, then a packet that is said to answer
 * for "a.example". What is read stays within its limits.
 * SPDX-License-Identifier: ISC
 */
#include <stdint.h>
#include <stdlib.h>

#include "core/dns_packet.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const enum dns_type types[] = { DNS_A, DNS_MX, DNS_TXT, DNS_AAAA };
	struct dns_question q = { .name = "a.example" };
	static struct dns_reply r;
	size_t bytes = 0;

	if (size == 0)
		return 0;
	q.type = types[data[0] % 4];
	if (dns_packet_read(slice_of(data + 1, size - 1), &q, &r) != ERR_OK)
		return 0;
	if (r.answer.count > DNS_ANSWERS || (r.answer.result == DNS_OK) != (r.answer.count > 0))
		abort();
	for (size_t i = 0; i < r.answer.count; i++) {
		if (q.type == DNS_A || q.type == DNS_AAAA) {
			if (r.address[i].family != (q.type == DNS_A ? 4 : 6))
				abort();
			continue;
		}
		if (r.text[i].p < r.bytes || r.text[i].p + r.text[i].n > r.bytes + r.used)
			abort();
		bytes += r.text[i].n;
	}
	if (bytes > size * 256)
		abort();
	return 0;
}
