/*
 * dnsbl_question: see the header.
 * SPDX-License-Identifier: ISC
 */
#include "core/dnsbl_question.h"

#include "base/wire.h"
#include "core/dnsbl_zone.h"

#define IS_ANSWER 0x8000u
#define OPCODE 0x7800u
#define LABEL_MAX 63
#define POINTER 0xc0
#define IS_DO 0x8000u

static void skip(struct rd *r, size_t n)
{
	if (r->bad || n > r->n) {
		r->bad = true;
		return;
	}
	r->p += n;
	r->n -= n;
}

/* Whole labels and the root. */
static struct slice take_name(struct rd *r)
{
	const uint8_t *from = r->p;

	for (;;) {
		uint8_t n = rd_u8(r);

		if (n > LABEL_MAX || r->p - from > DNSBL_NAME)
			r->bad = true;
		if (n == 0 || r->bad)
			break;
		skip(r, n);
	}
	return slice_of(from, (size_t)(r->p - from));
}

/* The owner of a record that is not looked at; it may be compressed. *ret_is_root: it is the root. */
static void skip_owner(struct rd *r, bool *ret_is_root)
{
	const uint8_t *from = r->p;

	*ret_is_root = false;
	for (;;) {
		uint8_t n = rd_u8(r);

		if (n >= POINTER) {
			skip(r, 1);
			return;
		}
		if (n > LABEL_MAX || r->p - from > DNSBL_NAME)
			r->bad = true;
		if (n == 0 || r->bad)
			break;
		skip(r, n);
	}
	*ret_is_root = r->p - from == 1;
}

/* One record behind the question. */
static void take_additional(struct rd *r, struct dnsbl_question *q)
{
	uint16_t type, payload;
	uint32_t ttl;
	bool is_root;

	skip_owner(r, &is_root);
	type = rd_u16(r);
	payload = rd_u16(r);
	ttl = rd_u32(r);
	skip(r, rd_u16(r));
	if (r->bad || type != DNSBL_OPT)
		return;
	if (q->has_edns || !is_root)
		r->bad = true;
	q->has_edns = true;
	q->payload = payload;
	q->version = (uint8_t)(ttl >> 16);
	q->is_do = ttl & IS_DO;
}

enum dnsbl_read dnsbl_question_read(struct slice packet, struct dnsbl_question *ret)
{
	struct rd r = rd_init(packet.p, packet.n);
	struct dnsbl_question q = { .payload = DNSBL_PLAIN };
	uint16_t questions, others, additional;

	q.id = rd_u16(&r);
	q.flags = rd_u16(&r);
	questions = rd_u16(&r);
	others = rd_u16(&r);
	others |= rd_u16(&r);
	additional = rd_u16(&r);
	*ret = q;
	if (r.bad || q.flags & IS_ANSWER)
		return DNSBL_READ_NOTHING;
	if (q.flags & OPCODE)
		return DNSBL_READ_OTHER;
	if (packet.n > DNSBL_QUESTION || questions != 1 || others || additional > DNSBL_ADDITIONAL)
		return DNSBL_READ_BAD;
	q.name = take_name(&r);
	q.type = rd_u16(&r);
	q.class = rd_u16(&r);
	q.end = packet.n - r.n;
	for (unsigned i = 0; i < additional && !r.bad; i++)
		take_additional(&r, &q);
	if (!rd_end(&r))
		return DNSBL_READ_BAD;
	*ret = q;
	return DNSBL_READ_OK;
}
