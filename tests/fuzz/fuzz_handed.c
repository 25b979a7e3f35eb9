/*
 * fuzz_handed: a damaged file of notes is opened, and what stands in it is
 * used or left out; a rider whose note we write is known again. Odd byte 0: with
 * sums that are right.
 * SPDX-License-Identifier: ISC
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/siphash.h"
#include "base/wire.h"
#include "io/handed.h"

#define NOW 1795332000u
#define NOTE_BYTES 48
#define SUMMED 42

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Else nothing would ever get past the sums. */
static void mend(uint8_t *data, size_t size)
{
	static const uint8_t zero[SIPHASH_KEY];

	for (; size >= NOTE_BYTES; data += NOTE_BYTES, size -= NOTE_BYTES) {
		struct wr w = wr_init(data + SUMMED, 4);

		wr_u32(&w, (uint32_t)siphash64(zero, slice_of(data, SUMMED)));
	}
}

static void use(struct handed *h, const uint8_t *data, size_t size)
{
	uint8_t key[1][HANDED_KEY] = { { 1 } };
	uint64_t token = 0;
	uint32_t riders = 0;

	memcpy(key[0], data, size < HANDED_KEY ? size : HANDED_KEY);
	(void)handed_look(h, key[0], NOW, &token);
	if (handed_begin(h, 77, NOW, (const uint8_t(*)[HANDED_KEY])key, 1) != ERR_OK)
		return;
	if (!handed_is_begun(h, 77) || handed_look(h, key[0], NOW, &token) == HANDED_NOT)
		abort();
	if (handed_end(h, 77, &riders) == ERR_OK && handed_look(h, key[0], NOW, &token) != HANDED_DONE)
		abort();
	handed_sweep(h, NOW + HANDED_KEEP_S);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int fd = memfd_create("handed", MFD_CLOEXEC);
	uint8_t *copy = malloc(size + NOTE_BYTES);
	struct handed *h = NULL;
	char path[40];

	if (fd < 0 || !copy)
		abort();
	memcpy(copy, data, size);
	if (size && data[0] & 1)
		mend(copy, size);
	if (write(fd, copy, size) != (ssize_t)size)
		abort();
	free(copy);
	(void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	if (handed_open(path, NOW, &h) == ERR_OK)
		use(h, data, size);
	handed_close(h);
	(void)close(fd);
	return 0;
}
