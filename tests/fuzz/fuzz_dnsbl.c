/*
 * fuzz_dnsbl: a byte that says how, then a packet, asked of a zone with blocks,
 * a feed and holes; or a TCP stream of questions, in one piece and byte by
 * byte. Answers are whole messages within their limits.
 * SPDX-License-Identifier: ISC
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/dnsbl_answer.h"
#include "core/dnsbl_rate.h"
#include "core/dnsbl_stream.h"

#define BITS 10
#define NOW 1700000000u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct dnsbl_zone zone;
static struct dnsbl_list list;
static struct dnsbl_rate rate;

static struct feed_area make_area(const char *text)
{
	struct prefix_set s = { 0 };
	struct feed_area a;
	struct prefix p;
	size_t n;
	void *memory;

	if (prefix_parse(slice_str(text), &p) != ERR_OK || prefix_set_add(&s, &p, false) != ERR_OK ||
		prefix_set_seal(&s) != ERR_OK)
		abort();
	n = feed_area_bytes(&s);
	memory = aligned_alloc(64, (n + 63) / 64 * 64);
	if (!memory)
		abort();
	memset(memory, 0, n);
	feed_area_write(&s, memory);
	if (feed_area_open(&a, memory, n) != ERR_OK)
		abort();
	prefix_set_done(&s);
	return a;
}

static void make(void)
{
	static uint64_t blocks[(1 << 16) / sizeof(uint64_t)];
	static struct conf conf;
	struct block_entry e = { .until = NOW + 100, .code = 554, .case_id = "ABCD-EFGH" };
	struct block_share share;

	if (zone.name.n)
		return;
	conf_defaults(&conf);
	(void)snprintf(conf.dnsbl.zone, sizeof conf.dnsbl.zone, "bl.test");
	(void)snprintf(conf.dnsbl.url, sizeof conf.dnsbl.url, "https://example.org/%%s");
	if (dnsbl_zone_init(&zone, &conf) != ERR_OK)
		abort();
	block_share_init(&share, blocks, BITS, (const uint8_t *)"0123456789abcde");
	if (prefix_parse(SLICE_LIT("192.0.2.9"), &e.subject) != ERR_OK)
		abort();
	block_share_put(&share, &e);
	if (block_view_init(&list.view, blocks, sizeof blocks) != ERR_OK)
		abort();
	list.feed[0].area = make_area("192.0.2.0/24");
	list.feed[0].is_used = list.is_acting = list.has_view = list.has_holes = true;
	(void)snprintf(list.feed[0].name, sizeof list.feed[0].name, "drop");
	list.feeds = 1;
	list.feed[0].code = 3;
	list.holes = make_area("192.0.2.8/32");
	list.code_hit = 2;
}

static void check(struct slice packet, const uint8_t *to, size_t n, bool is_udp, bool is_cut)
{
	if (n > DNSBL_ANSWER_MAX || (n && n < DNSBL_HEADER) || (is_udp && 2 * n > 3 * packet.n))
		abort();
	if (n == 0)
		return;
	if (memcmp(to, packet.p, 2) != 0 || !(to[2] & 0x80) || is_cut != ((to[2] & 2) != 0) || (!is_udp && is_cut))
		abort();
	if (is_cut && (to[6] || to[7]))
		abort();
}

/* The sum of what the questions of a stream are, its bytes given in steps. */
static uint64_t stream(const uint8_t *data, size_t size, size_t step)
{
	static struct dnsbl_stream s;
	struct slice question;
	uint64_t sum = 14695981039346656037u;
	enum err e = ERR_MORE;

	s = (struct dnsbl_stream){ 0 };
	for (size_t at = 0; at < size && e == ERR_MORE;) {
		size_t room;
		uint8_t *to = dnsbl_stream_room(&s, &room);
		size_t n = size - at < step ? size - at : step;

		n = n < room ? n : room;
		if (n == 0)
			abort();
		memcpy(to, data + at, n);
		dnsbl_stream_add(&s, n);
		at += n;
		while ((e = dnsbl_stream_next(&s, &question)) == ERR_OK)
			for (size_t i = 0; i < question.n; i++)
				sum = (sum ^ (uint8_t)question.p[i]) * 1099511628211u;
	}
	return sum * 2 + (e == ERR_SYNTAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t to[DNSBL_ANSWER_MAX];
	struct dnsbl_ask ask = { .now = NOW };
	struct ipaddr client = { .family = 4 };
	struct slice packet;
	enum dnsbl_said said;
	bool is_cut;
	size_t n;

	if (size == 0)
		return 0;
	make();
	packet = slice_of(data + 1, size - 1);
	ask.is_udp = data[0] & 1;
	ask.is_allowed = !(data[0] & 2);
	list.is_acting = !(data[0] & 4);
	client.b[2] = data[0];
	n = dnsbl_answer(&zone, &list, &ask, packet, to, &said, &is_cut);
	check(packet, to, n, ask.is_udp, is_cut);
	if ((n == 0) != (said == DNSBL_SAID_NOTHING))
		abort();
	n = dnsbl_answer_slip(packet, to);
	check(packet, to, n, true, n > DNSBL_HEADER);
	(void)dnsbl_rate_take(&rate, &client, 5, data[0] * 10u);
	if (stream(data + 1, size - 1, 1) != stream(data + 1, size - 1, size))
		abort();
	return 0;
}
