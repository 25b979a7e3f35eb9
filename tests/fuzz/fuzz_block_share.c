/*
 * fuzz_block_share: whatever stands in the memory that another process writes
 * (its length too), a look-up and a walk end and give blocks that can be.
 * Byte 0: where the client stands in it. Plain: behind a head of ours.
 * SPDX-License-Identifier: ISC
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/block_share.h"

#define NOW 1700000000u
#define STRETCHES 100000u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct block_entry *e)
{
	if ((e->subject.addr.family != 4 && e->subject.addr.family != 6) ||
		e->subject.len > ipaddr_bits(&e->subject.addr) || !memchr(e->case_id, '\0', sizeof e->case_id))
		abort();
}

static void find(const struct block_view *v, struct ipaddr client)
{
	struct block_entry e;

	if (!block_view_find(v, &client, NOW, &e))
		return;
	check(&e);
	if (!prefix_has(&e.subject, &client) || e.until <= NOW)
		abort();
}

static void walk(const struct block_view *v)
{
	static struct block_entry to[SHARE_WALK];
	struct block_walk w = { .is_begun = false };
	size_t n = 0;

	for (unsigned i = 0; block_view_walk(v, &w, to, &n) == ERR_OK; i++) {
		if (i > STRETCHES || n > SHARE_WALK)
			abort();
		for (size_t k = 0; k < n; k++)
			check(&to[k]);
	}
}

static void look(const void *memory, size_t bytes, const uint8_t *at)
{
	struct ipaddr client = { .family = 4 };
	struct block_view v;

	if (block_view_init(&v, memory, bytes) != ERR_OK)
		return;
	memcpy(client.b, at, 4);
	find(&v, client);
	client.family = 6;
	memcpy(client.b, at, 16);
	find(&v, client);
	walk(&v);
	(void)block_view_removed(&v);
	(void)block_view_changes(&v);
}

/* Entries as the writer makes them: found again. */
static void write_entries(uint64_t *area, size_t bytes, const uint8_t *data, size_t size)
{
	static const uint8_t key[SIPHASH_KEY] = { 3 };
	struct block_share s;

	memset(area, 0, bytes);
	block_share_init(&s, area, SHARE_BITS_MIN, key);
	for (; size >= 19; data += 19, size -= 19) {
		struct block_entry e = { .until = NOW + data[0], .code = 554, .offence = 1, .case_id = "ABCD-EFGH" };
		struct ipaddr a = { .family = data[1] & 1 ? 6 : 4 };

		memcpy(a.b, data + 3, a.family == 6 ? 16 : 4);
		e.subject = prefix_of(&a, data[2] % (ipaddr_bits(&a) + 1));
		if (data[1] & 2)
			block_share_del(&s, &e.subject);
		else
			block_share_put(&s, &e);
		look(area, bytes, data + 3);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t nobody[16];
	size_t bytes = block_share_bytes(SHARE_BITS_MIN), n;
	uint64_t *area = malloc(bytes);

	if (!area)
		abort();
	if (size == 0) {
		free(area);
		return 0;
	}
	if (data[0] & 1) {
		write_entries(area, bytes, data + 1, size - 1);
	} else {
		static const uint8_t key[SIPHASH_KEY] = { 3 };
		struct block_share s;

		memset(area, 0, bytes);
		block_share_init(&s, area, SHARE_BITS_MIN, key);
		/* with the head of the writer, or without: then all is the input's */
		n = data[0] & 2 ? 96 : 0;
		memcpy((uint8_t *)area + n, data + 1, size - 1 < bytes - n ? size - 1 : bytes - n);
		look(area, data[0] & 4 ? size : bytes, size > 16 ? data + 1 : nobody);
	}
	free(area);
	return 0;
}
