/*
 * fuzz_dns_transfer: the bytes of a TCP stream, cut into messages, as a zone
 * transfer of "bl.example". However the stream is split, the same comes out;
 * names that are given are names of ours, and their data lies in the message.
 * SPDX-License-Identifier: ISC
 */
#include <stdint.h>
#include <stdlib.h>

#include "core/dns_frame.h"
#include "core/dns_transfer.h"
#include "core/dns_update.h"

#define ZONE "bl.example"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct dns_frame frame;

struct seen {
	struct slice message;
	uint64_t count, sum;
};

static void on_record(void *ctx, const struct prefix *p, unsigned type, struct slice data)
{
	struct seen *s = ctx;

	if (!dns_owner_is_name(p) || (type != DNS_A && type != DNS_TXT))
		abort();
	if (data.p < s->message.p || data.p + data.n > s->message.p + s->message.n)
		abort();
	s->count++;
	for (size_t i = 0; i < data.n; i++)
		s->sum = s->sum * 31 + (uint8_t)data.p[i];
	s->sum = s->sum * 31 + p->len;
}

static enum err take(struct dns_transfer *t, struct seen *s)
{
	enum err e;

	while ((e = dns_frame_next(&frame, &s->message)) == ERR_OK) {
		struct dns_head h;
		uint32_t serial;

		if (dns_head_read(s->message, &h) != ERR_OK)
			abort();
		(void)!dns_transfer_serial(s->message, ZONE, &serial);
		e = dns_transfer_take(t, s->message);
		if (e != ERR_OK)
			return e;
	}
	return e;
}

static struct seen run(const uint8_t *data, size_t size, size_t step)
{
	struct seen s = { .count = 0 };
	struct dns_transfer t;
	size_t room;

	frame.n = frame.taken = 0;
	dns_transfer_init(&t, ZONE, on_record, &s);
	for (size_t at = 0; at < size;) {
		uint8_t *to = dns_frame_room(&frame, &room);
		size_t n = size - at < step ? size - at : step;

		n = n < room ? n : room;
		if (n == 0)
			abort();
		memcpy(to, data + at, n);
		dns_frame_add(&frame, n);
		at += n;
		if (take(&t, &s) != ERR_MORE)
			break;
	}
	s.sum = s.sum * 31 + t.records + t.is_done;
	return s;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct seen whole = run(data, size, SIZE_MAX), one = run(data, size, 1), seven = run(data, size, 7);

	if (whole.count != one.count || whole.sum != one.sum || whole.count != seven.count || whole.sum != seven.sum)
		abort();
	return 0;
}
