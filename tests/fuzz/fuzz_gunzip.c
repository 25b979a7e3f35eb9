/*
 * fuzz_gunzip: bytes as something packed: what comes out stays within its cap,
 * and a larger cap does not change it. Byte 0: with which cap.
 * SPDX-License-Identifier: ISC
 */
#include <stdint.h>
#include <stdlib.h>

#include "io/gunzip.h"

#define CAP (1u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum err unpack(struct slice in, size_t cap, struct buf *to)
{
	enum err e;

	buf_init(to, cap);
	e = gunzip_all(in, to);
	if (to->n > cap || (e != ERR_OK && e != ERR_LIMIT && e != ERR_SYNTAX))
		abort();
	return e;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf small, large;
	struct slice in;
	enum err e, f;

	if (size == 0)
		return 0;
	in = slice_of(data + 1, size - 1);
	e = unpack(in, 1 + data[0], &small);
	f = unpack(in, CAP, &large);
	if (e == ERR_OK && (f != ERR_OK || !slice_eq(buf_slice(&small), buf_slice(&large))))
		abort();
	if (e == ERR_LIMIT && f == ERR_OK && large.n < small.n)
		abort();
	if (f == ERR_OK && !gunzip_is_packed(in))
		abort();
	buf_done(&small);
	buf_done(&large);
	return 0;
}
