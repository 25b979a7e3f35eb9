/*
 * fuzz_policy_request: a stream of requests in two different splits gives the
 * same requests; parsed slices lie inside the input.
 * SPDX-License-Identifier: ISC
 */
#include <stdint.h>
#include <stdlib.h>

#include "core/policy_request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_inside(struct slice whole, struct slice part)
{
	if (part.n && (part.p < whole.p || part.p + part.n > whole.p + whole.n))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice in = slice_of(data, size);
	size_t at = 0;

	while (at < size) {
		struct slice rest = slice_from(in, at);
		size_t whole_scan = 0, byte_scan = 0, end = policy_request_end(rest, &whole_scan), by_byte = 0;
		struct policy_request r;
		size_t used = 0;
		enum err e;

		for (size_t n = 0; n <= rest.n && n <= 2048 && !by_byte; n++)
			by_byte = policy_request_end(slice_head(rest, n), &byte_scan);
		if (end && end <= 2048 && by_byte != end)
			abort();
		e = policy_request_parse(rest, &r, &used);
		if ((e == ERR_MORE) != (end == 0) || (end && used != end))
			abort();
		if (!end)
			break;
		if (e == ERR_OK) {
			check_inside(rest, r.sender);
			check_inside(rest, r.recipient);
			check_inside(rest, r.instance);
		}
		at += end;
	}
	return 0;
}
