/*
 * fuzz_envelope: the front of a file that anybody may have written. What is
 * read holds its bounds, no recipient is one of ours, and what is read twice
 * is the same.
 * SPDX-License-Identifier: ISC
 */
#include <stdint.h>
#include <stdlib.h>

#include "core/envelope.h"

static void check(int ok)
{
	if (!ok)
		abort();
}

static void check_recipients(const struct envelope *v)
{
	struct lmtp_recipient r;
	uint32_t n = 0;
	size_t pos = 0;

	for (; envelope_next(v, &pos, &r); n++) {
		struct address trap;

		check(envelope_is_rider(r.address));
		check(!envelope_is_trap(r.address, &trap));
		check(r.address.n < LMTP_LINE && r.orcpt.n < LMTP_LINE);
	}
	check(n == v->count && n <= LMTP_RECIPIENTS && v->recipients.n <= LMTP_RECIPIENT_BYTES);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct envelope *v = malloc(sizeof *v), *again = malloc(sizeof *again);
	enum err e;

	check(v && again);
	envelope_init(v);
	envelope_init(again);
	e = envelope_read(slice_of(data, size), v);
	check(e == ERR_OK || e == ERR_SYNTAX || e == ERR_MORE || e == ERR_LIMIT || e == ERR_NOMEM);
	if (e == ERR_OK) {
		check(v->trace <= size);
		check_recipients(v);
		check(envelope_read(slice_of(data, v->trace), again) == ERR_OK);
		check(again->count == v->count && again->trace == v->trace && again->size == v->size);
	}
	envelope_done(v);
	envelope_done(again);
	free(v);
	free(again);
	return 0;
}
