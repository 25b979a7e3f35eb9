/*
 * fuzz_dns_tsig: an answer from the wire, unsigned or signed: nobody without
 * the key makes one that is believed. A byte in front: has another answer,
 * which was right, come before?
 * SPDX-License-Identifier: ISC
 */
#include <stdint.h>
#include <stdlib.h>

#include "core/dns_tsig.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct dns_tsig_key key = {
		.name = "limetwig.example", .algorithm = DNS_TSIG_SHA256, .n = 32, .secret = { 1, 2, 3 }
	};
	uint8_t bytes[1024] = { 0x12, 0x34, 0x28, 0 };
	struct wr w = wr_init(bytes, sizeof bytes);
	struct slice body, message;
	struct dns_tsig x;
	int64_t clock_s;
	bool is_later;

	if (size == 0)
		return 0;
	is_later = data[0] & 1;
	message = slice_of(data + 1, size - 1);
	w.n = DNS_HEADER;
	dns_tsig_sign(&key, 1795332000, &w, &x);
	if (w.bad || w.n > DNS_HEADER + DNS_TSIG_BYTES)
		abort();
	x.is_answered = is_later;
	if (dns_tsig_verify(&x, 1795332000, message, &body, &clock_s) != DNS_TSIG_OK)
		return 0;
	/* only an unsigned one between two that are signed */
	if (!is_later || x.gap != 1 || body.n != message.n)
		abort();
	return 0;
}
