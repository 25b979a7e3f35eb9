/*
 * dnsbl_rig: a zone, a list with blocks, feeds and holes, questions by name,
 * and a reader of what comes back.
 * SPDX-License-Identifier: ISC
 */
#ifndef TEST_DNSBL_RIG_H
#define TEST_DNSBL_RIG_H
#include <stdio.h>
#include <stdlib.h>

#include "base/wire.h"
#include "core/dnsbl_answer.h"
#include "set_rig.h"

#define RIG_PACKET 600
#define RIG_NOW 1700000000u
#define RIG_BITS 10

enum rig_how { RIG_EDNS = 1, RIG_TCP = 2, RIG_DO = 4, RIG_VERSION1 = 8, RIG_TWICE = 16, RIG_COOKIE = 32 };

struct dnsbl_rig {
	struct conf conf;
	struct dnsbl_zone zone;
	struct dnsbl_list list;
	struct block_share share;
	void *blocks, *memory[FEEDS_MAX + 1];
	uint64_t now;
	bool is_allowed;
	uint16_t class;
	/* the question */
	uint8_t packet[RIG_PACKET];
	size_t packet_n;
	/* the answer, and what of it was read */
	uint8_t to[DNSBL_ANSWER_MAX];
	size_t to_n;
	enum dnsbl_said said;
	unsigned flags, rcode, answers, authority, additional;
	unsigned first_type, opt_size;
	uint32_t first_ttl, opt_ttl;
	uint8_t first[16];
	char text[2048]; /* of all records of answer and authority: TXT, NS, SOA */
};

static inline void dnsbl_rig_init(struct dnsbl_rig *r, const char *zone)
{
	static const uint8_t key[SIPHASH_KEY] = "0123456789abcde";

	memset(r, 0, sizeof *r);
	conf_defaults(&r->conf);
	(void)snprintf(r->conf.dnsbl.zone, sizeof r->conf.dnsbl.zone, "%s", zone);
	(void)snprintf(r->conf.dnsbl.url, sizeof r->conf.dnsbl.url, "https://example.org/why/%%s");
	(void)snprintf(r->conf.dnsbl.listen.item[0], CONF_ITEM, "127.0.0.1:5353");
	(void)snprintf(r->conf.dnsbl.listen.item[1], CONF_ITEM, "198.51.100.53:53");
	(void)snprintf(r->conf.dnsbl.listen.item[2], CONF_ITEM, "[2001:db8::53]:53");
	r->conf.dnsbl.listen.count = 3;
	assert_int_equal(dnsbl_zone_init(&r->zone, &r->conf), ERR_OK);
	r->blocks = calloc(1, block_share_bytes(RIG_BITS));
	assert_non_null(r->blocks);
	block_share_init(&r->share, r->blocks, RIG_BITS, key);
	assert_int_equal(block_view_init(&r->list.view, r->blocks, block_share_bytes(RIG_BITS)), ERR_OK);
	r->memory[FEEDS_MAX] = area_of_list("", &r->list.holes);
	r->list.has_view = r->list.has_holes = r->list.is_acting = r->is_allowed = true;
	r->list.code_hit = 2;
	r->list.code_person = 4;
	r->list.code_wide = 5;
	r->class = DNSBL_IN;
	r->now = RIG_NOW;
}

static inline void dnsbl_rig_done(struct dnsbl_rig *r)
{
	free(r->blocks);
	for (size_t i = 0; i <= FEEDS_MAX; i++)
		free(r->memory[i]);
	memset(r, 0, sizeof *r);
}

static inline void dnsbl_rig_block(struct dnsbl_rig *r, const char *subject, unsigned flags, uint32_t left_s)
{
	struct block_entry e = {
		.until = (uint32_t)r->now + left_s, .code = 554, .flags = (uint8_t)flags, .offence = 1
	};

	assert_int_equal(prefix_parse(slice_str(subject), &e.subject), ERR_OK);
	memcpy(e.case_id, "ABCD-EFGH", sizeof e.case_id);
	block_share_put(&r->share, &e);
}

static inline void dnsbl_rig_feed(struct dnsbl_rig *r, unsigned i, const char *name, uint8_t code, const char *prefix)
{
	struct dnsbl_feed *f = &r->list.feed[i];

	r->memory[i] = area_of_list(prefix, &f->area);
	(void)snprintf(f->name, sizeof f->name, "%s", name);
	f->code = code;
	f->is_used = true;
	if (r->list.feeds <= i)
		r->list.feeds = i + 1;
}

static inline void dnsbl_rig_holes(struct dnsbl_rig *r, const char *prefix)
{
	free(r->memory[FEEDS_MAX]);
	r->memory[FEEDS_MAX] = area_of_list(prefix, &r->list.holes);
	r->list.has_holes = true;
}

/* ---- reading */

static inline uint8_t rig_byte(const struct dnsbl_rig *r, size_t i)
{
	assert_true(i < r->to_n);
	return r->to[i];
}

static inline unsigned rig_u16(const struct dnsbl_rig *r, size_t i)
{
	return (unsigned)rig_byte(r, i) << 8 | rig_byte(r, i + 1);
}

static inline uint32_t rig_u32(const struct dnsbl_rig *r, size_t i)
{
	return (uint32_t)rig_u16(r, i) << 16 | rig_u16(r, i + 2);
}

static inline void rig_say(struct dnsbl_rig *r, const char *s, size_t n)
{
	size_t had = strlen(r->text);

	assert_true(had + n < sizeof r->text);
	memcpy(r->text + had, s, n);
	r->text[had + n] = '\0';
}

/* The name at i, added to the text when is_said. Returns where it ends. */
static inline size_t rig_name(struct dnsbl_rig *r, size_t i, bool is_said)
{
	size_t end = 0;

	for (bool is_first = true; rig_byte(r, i); is_first = false) {
		size_t n = rig_byte(r, i);

		if (n >= 0xc0) {
			size_t to = rig_u16(r, i) & 0x3fff;

			end = end ? end : i + 2;
			assert_true(to < i);
			i = to;
			n = rig_byte(r, i);
		}
		if (is_said && !is_first)
			rig_say(r, ".", 1);
		for (size_t k = 0; k < n && is_said; k++) {
			if (rig_byte(r, i + 1 + k) == '.')
				rig_say(r, "\\", 1);
			rig_say(r, (const char *)r->to + i + 1 + k, 1);
		}
		i += 1 + n;
	}
	return end ? end : i + 1;
}

static inline void rig_soa(struct dnsbl_rig *r, size_t at)
{
	char numbers[80];

	at = rig_name(r, at, true);
	rig_say(r, " ", 1);
	at = rig_name(r, at, true);
	(void)snprintf(numbers, sizeof numbers, " %u %u %u %u %u", rig_u32(r, at), rig_u32(r, at + 4),
		rig_u32(r, at + 8), rig_u32(r, at + 12), rig_u32(r, at + 16));
	rig_say(r, numbers, strlen(numbers));
}

static inline size_t rig_record(struct dnsbl_rig *r, size_t at, unsigned number)
{
	unsigned type;
	size_t n;

	at = rig_name(r, at, false);
	type = rig_u16(r, at);
	n = rig_u16(r, at + 8);
	if (type == DNSBL_OPT) {
		r->opt_size = rig_u16(r, at + 2);
		r->opt_ttl = rig_u32(r, at + 4);
		r->rcode |= (r->opt_ttl >> 24) << 4;
		return at + 10 + n;
	}
	if (number == 0) {
		r->first_type = type;
		r->first_ttl = rig_u32(r, at + 4);
		for (size_t i = 0; i < n && i < sizeof r->first; i++)
			r->first[i] = rig_byte(r, at + 10 + i);
	}
	if (number && (type == DNSBL_NS || type == DNSBL_TXT))
		rig_say(r, " ", 1);
	if (type == DNSBL_NS)
		assert_int_equal(rig_name(r, at + 10, true), at + 10 + n);
	else if (type == DNSBL_TXT)
		rig_say(r, (const char *)r->to + at + 11, rig_byte(r, at + 10));
	else if (type == DNSBL_SOA)
		rig_soa(r, at + 10);
	return at + 10 + n;
}

static inline void dnsbl_rig_read(struct dnsbl_rig *r)
{
	size_t at = DNSBL_HEADER;

	r->flags = r->rcode = r->answers = r->authority = r->additional = r->first_type = r->opt_size = 0;
	r->opt_ttl = r->first_ttl = 0;
	r->text[0] = '\0';
	if (r->to_n == 0)
		return;
	assert_true(r->to_n >= DNSBL_HEADER && r->packet_n >= 2);
	assert_memory_equal(r->to, r->packet, 2);
	r->flags = rig_u16(r, 2);
	assert_true(r->flags & 0x8000);
	r->rcode = r->flags & 15;
	r->answers = rig_u16(r, 6);
	r->authority = rig_u16(r, 8);
	r->additional = rig_u16(r, 10);
	if (rig_u16(r, 4))
		at = rig_name(r, at, false) + 4;
	for (unsigned i = 0; i < r->answers + r->authority + r->additional; i++)
		at = rig_record(r, at, i);
	assert_int_equal(at, r->to_n);
}

/* The packet that is there. */
static inline void dnsbl_rig_answer(struct dnsbl_rig *r, unsigned how)
{
	struct dnsbl_ask ask = { .is_udp = !(how & RIG_TCP), .is_allowed = r->is_allowed, .now = r->now };
	bool is_cut;

	r->to_n = dnsbl_answer(&r->zone, &r->list, &ask, slice_of(r->packet, r->packet_n), r->to, &r->said, &is_cut);
	dnsbl_rig_read(r);
	assert_int_equal(is_cut, r->flags >> 9 & 1);
}

static inline void rig_opt(struct wr *w, unsigned how)
{
	wr_u8(w, 0);
	wr_u16(w, DNSBL_OPT);
	wr_u16(w, 4096);
	wr_u32(w, (how & RIG_DO ? 0x8000u : 0) | (how & RIG_VERSION1 ? 0x10000u : 0));
	wr_bytes(w, how & RIG_COOKIE ? slice_of("\0\x0a\0\x08"
						"12345678",
					       12)
				     : slice_of(NULL, 0));
}

static inline void dnsbl_rig_ask(struct dnsbl_rig *r, const char *name, unsigned type, unsigned how)
{
	struct wr w = wr_init(r->packet, sizeof r->packet);
	struct slice s = slice_str(name);

	wr_u16(&w, 0x1234);
	wr_u16(&w, 0x0100);
	wr_u16(&w, 1);
	wr_u32(&w, 0);
	wr_u16(&w, how & RIG_TWICE ? 2 : how & RIG_EDNS ? 1 : 0);
	while (s.n) {
		size_t n = slice_find(s, '.');

		wr_u8(&w, (uint8_t)n);
		wr_raw(&w, slice_head(s, n));
		s = slice_from(s, n + 1);
	}
	wr_u8(&w, 0);
	wr_u16(&w, (uint16_t)type);
	wr_u16(&w, r->class);
	if (how & RIG_EDNS)
		rig_opt(&w, how);
	if (how & RIG_TWICE)
		rig_opt(&w, how);
	assert_false(w.bad);
	r->packet_n = w.n;
	dnsbl_rig_answer(r, how);
}

#endif /* TEST_DNSBL_RIG_H */
