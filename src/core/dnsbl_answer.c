/*
 * dnsbl_answer: the names of all records end like the question's, so that each
 * is written as what differs and a pointer into the question; so its letters
 * keep the case they came in.
 * SPDX-License-Identifier: ISC
 */
#include "core/dnsbl_answer.h"

#include "base/wire.h"

#define POINTER 0xc000u
#define FLAG_ANSWER 0x8000u
#define FLAG_AA 0x0400u
#define FLAG_TC 0x0200u
#define FLAGS_KEPT 0x0110u /* RD, CD */
#define OPT_SIZE 11
#define OPT_DO 0x8000u
#define SOA_REFRESH 3600u
#define SOA_RETRY 600u
#define SOA_EXPIRE 604800u

enum rcode { NOERROR = 0, FORMERR = 1, NXDOMAIN = 3, NOTIMP = 4, REFUSED = 5, BADVERS = 16 };

/* One answer in the making. */
struct making {
	const struct dnsbl_zone *z;
	const struct dnsbl_question *q;
	const struct dnsbl_ask *ask;
	struct wr w;
	size_t limit; /* without the OPT record */
	enum rcode rcode;
	uint16_t answers, authority;
	bool is_own; /* AA */
	bool is_cut;
};

/* A name of lower case letters: a pointer for the part that the question ends with, too; of the zone, as only there
 * the question's labels are known. */
static void put_name(struct making *m, const struct dnsbl_wire *name)
{
	struct slice own = slice_of(name->b, name->n), q = m->q->name;
	size_t at = 0;

	while (own.p[at]) {
		struct slice rest = slice_from(own, at);

		if (rest.n <= q.n && rest.n <= m->z->name.n && slice_eq_nocase(rest, slice_from(q, q.n - rest.n))) {
			wr_u16(&m->w, (uint16_t)(POINTER | (DNSBL_HEADER + q.n - rest.n)));
			return;
		}
		wr_raw(&m->w, slice_head(rest, 1 + (size_t)rest.p[0]));
		at += 1 + (size_t)own.p[at];
	}
	wr_u8(&m->w, 0);
}

/* Owner and all up to the length. from: where in the question the owner begins. */
static void put_head(struct making *m, size_t from, enum dnsbl_type type, uint32_t ttl_s)
{
	wr_u16(&m->w, (uint16_t)(POINTER | (DNSBL_HEADER + from)));
	wr_u16(&m->w, (uint16_t)type);
	wr_u16(&m->w, DNSBL_IN);
	wr_u32(&m->w, ttl_s);
}

/* The record written behind mark stays, if it fits. */
static bool keep(struct making *m, size_t mark)
{
	if (!m->w.bad && m->w.n <= m->limit)
		return true;
	m->w.n = mark;
	m->w.bad = false;
	return false;
}

/* The length of a record whose content stands behind at. */
static void close_record(struct making *m, size_t at)
{
	size_t n = m->w.n - at - 2;

	if (m->w.bad)
		return;
	m->w.p[at] = (uint8_t)(n >> 8);
	m->w.p[at + 1] = (uint8_t)n;
}

static size_t open_record(struct making *m, size_t from, enum dnsbl_type type, uint32_t ttl_s)
{
	size_t at;

	put_head(m, from, type, ttl_s);
	at = m->w.n;
	wr_u16(&m->w, 0);
	return at;
}

/* ---- records */

static uint32_t ttl_of(const struct dnsbl_zone *z, const struct dnsbl_listing *l)
{
	uint32_t ttl = z->ttl_s;

	for (unsigned i = 0; i < l->count; i++)
		if (l->reason[i].left_s && l->reason[i].left_s < ttl)
			ttl = l->reason[i].left_s;
	return ttl;
}

static bool had_code(const struct dnsbl_listing *l, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (l->reason[i].code == l->reason[n].code)
			return true;
	return false;
}

static void put_codes(struct making *m, const struct dnsbl_listing *l)
{
	uint32_t ttl = ttl_of(m->z, l);

	for (unsigned i = 0; i < l->count; i++) {
		if (had_code(l, i))
			continue;
		put_head(m, 0, DNSBL_A, ttl);
		wr_u16(&m->w, 4);
		wr_u32(&m->w, 0x7f000000u | l->reason[i].code);
		m->answers++;
	}
}

static void put_texts(struct making *m, const struct dnsbl_listing *l)
{
	uint32_t ttl = ttl_of(m->z, l);

	for (unsigned i = 0; i < l->count; i++) {
		char text[DNSBL_TEXT + 1];
		size_t n = dnsbl_answer_text(&l->reason[i], m->z->url, text);

		put_head(m, 0, DNSBL_TXT, ttl);
		wr_u16(&m->w, (uint16_t)(n + 1));
		wr_u8(&m->w, (uint8_t)n);
		wr_raw(&m->w, slice_of(text, n));
		m->answers++;
	}
}

static void put_any(struct making *m)
{
	static const uint8_t content[] = { 7, 'R', 'F', 'C', '8', '4', '8', '2', 0 };

	put_head(m, 0, DNSBL_HINFO, m->z->ttl_s);
	wr_bytes(&m->w, slice_of(content, sizeof content));
	m->answers++;
}

/* is_short: the names are the zone's own, two bytes each. */
static void put_soa(struct making *m, uint32_t ttl_s, bool is_short)
{
	const struct dnsbl_zone *z = m->z;
	size_t at = open_record(m, m->q->name.n - z->name.n, DNSBL_SOA, ttl_s);

	put_name(m, is_short ? &z->name : &z->name_server[0]);
	put_name(m, is_short ? &z->name : &z->contact);
	wr_u32(&m->w, (uint32_t)m->ask->now); /* the list is as of this second */
	wr_u32(&m->w, SOA_REFRESH);
	wr_u32(&m->w, SOA_RETRY);
	wr_u32(&m->w, SOA_EXPIRE);
	wr_u32(&m->w, z->negative_ttl_s);
	close_record(m, at);
}

static void put_servers(struct making *m)
{
	for (unsigned i = 0; i < m->z->name_servers; i++) {
		size_t at = open_record(m, 0, DNSBL_NS, m->z->ttl_s);

		put_name(m, &m->z->name_server[i]);
		close_record(m, at);
		m->answers++;
	}
}

static void put_addresses(struct making *m, unsigned family)
{
	for (unsigned i = 0; i < m->z->ns_addresses; i++) {
		const struct ipaddr *a = &m->z->ns_address[i];

		if (a->family != family)
			continue;
		put_head(m, 0, family == 4 ? DNSBL_A : DNSBL_AAAA, m->z->ttl_s);
		wr_bytes(&m->w, slice_of(a->b, family == 4 ? 4 : 16));
		m->answers++;
	}
}

/* ---- what to say */

/* Nothing of this kind, or no such name: for how long. */
static void say_none(struct making *m, bool is_there)
{
	size_t mark = m->w.n;

	m->rcode = is_there ? NOERROR : NXDOMAIN;
	m->authority = 1;
	put_soa(m, m->z->negative_ttl_s, false);
	if (keep(m, mark))
		return;
	put_soa(m, m->z->negative_ttl_s, true);
	if (!keep(m, mark))
		m->authority = 0;
}

/* What was put behind mark is the answer; where nothing was: there is nothing of this kind. */
static void say_records(struct making *m, size_t mark)
{
	if (m->answers == 0) {
		say_none(m, true);
	} else if (!keep(m, mark)) {
		m->answers = 0;
		m->is_cut = true;
	}
}

static void say_host(struct making *m, const struct dnsbl_listing *l, bool is_node)
{
	size_t mark = m->w.n;

	if (l->count == 0) {
		say_none(m, is_node);
		return;
	}
	if (m->q->type == DNSBL_A)
		put_codes(m, l);
	else if (m->q->type == DNSBL_TXT)
		put_texts(m, l);
	else if (m->q->type == DNSBL_ANY)
		put_any(m);
	say_records(m, mark);
}

static void say_apex(struct making *m)
{
	size_t mark = m->w.n;

	if (m->q->type == DNSBL_SOA) {
		put_soa(m, m->z->ttl_s, false);
		m->answers = 1;
	} else if (m->q->type == DNSBL_NS) {
		put_servers(m);
	} else if (m->q->type == DNSBL_ANY) {
		put_any(m);
	}
	say_records(m, mark);
}

static void say_own_ns(struct making *m)
{
	size_t mark = m->w.n;

	if (m->q->type == DNSBL_A || m->q->type == DNSBL_AAAA)
		put_addresses(m, m->q->type == DNSBL_A ? 4 : 6);
	else if (m->q->type == DNSBL_ANY)
		put_any(m);
	say_records(m, mark);
}

static enum dnsbl_said refuse(struct making *m, enum rcode rcode, enum dnsbl_said said)
{
	m->rcode = rcode;
	return said;
}

static enum dnsbl_said say(struct making *m, const struct dnsbl_list *l, const struct dnsbl_heard *heard)
{
	const struct dnsbl_question *q = m->q;
	struct dnsbl_listing listing;

	if (q->has_edns && q->version > 0)
		return refuse(m, BADVERS, DNSBL_SAID_BAD);
	if (!m->ask->is_allowed || q->class != DNSBL_IN || (q->type >= DNSBL_META && q->type < DNSBL_ANY))
		return refuse(m, REFUSED, DNSBL_SAID_REFUSED);
	if (heard->what == DNSBL_OUTSIDE)
		return refuse(m, REFUSED, DNSBL_SAID_REFUSED);
	m->is_own = true;
	if (heard->what == DNSBL_ADDRESS) {
		dnsbl_list_find(l, &heard->host, m->ask->now, &listing);
		say_host(m, &listing, heard->is_node);
		return listing.count ? DNSBL_SAID_LISTED : DNSBL_SAID_CLEAN;
	}
	if (heard->what == DNSBL_APEX)
		say_apex(m);
	else if (heard->what == DNSBL_OWN_NS)
		say_own_ns(m);
	else
		say_none(m, heard->what == DNSBL_NODE);
	return DNSBL_SAID_OTHER;
}

/* ---- the whole */

static void put_counts(uint8_t *to, const struct dnsbl_question *q, unsigned flags, const uint16_t count[4])
{
	struct wr w = wr_init(to, DNSBL_HEADER);

	wr_u16(&w, q->id);
	wr_u16(&w, (uint16_t)(FLAG_ANSWER | (q->flags & (FLAGS_KEPT | 0x7800u)) | flags));
	for (unsigned i = 0; i < 4; i++)
		wr_u16(&w, count[i]);
}

static void put_opt(struct making *m)
{
	wr_u8(&m->w, 0);
	wr_u16(&m->w, DNSBL_OPT);
	wr_u16(&m->w, DNSBL_PAYLOAD);
	wr_u32(&m->w, (uint32_t)m->rcode >> 4 << 24 | (m->q->is_do ? OPT_DO : 0));
	wr_u16(&m->w, 0);
}

/* An answer without a question: header only. */
static size_t say_header(const struct dnsbl_question *q, enum rcode rcode, uint8_t *to)
{
	static const uint16_t none[4];

	put_counts(to, q, rcode, none);
	return DNSBL_HEADER;
}

static size_t limit_of(
	const struct dnsbl_zone *z, const struct dnsbl_ask *ask, const struct dnsbl_question *q, size_t asked)
{
	size_t limit = DNSBL_ANSWER_MAX;

	if (ask->is_udp) {
		double most = (double)asked * z->amplification;

		limit = q->payload < DNSBL_PLAIN     ? DNSBL_PLAIN
			: q->payload > DNSBL_PAYLOAD ? DNSBL_PAYLOAD
						     : q->payload;
		limit = most < (double)limit ? (size_t)most : limit;
	}
	return limit - (q->has_edns ? OPT_SIZE : 0);
}

void dnsbl_answer_hear(const struct dnsbl_zone *z, struct slice packet, struct dnsbl_heard *ret)
{
	*ret = (struct dnsbl_heard){ .packet = packet };
	ret->read = dnsbl_question_read(packet, &ret->question);
	if (ret->read == DNSBL_READ_OK)
		ret->what = dnsbl_zone_name(z, ret->question.name, &ret->host, &ret->is_node);
}

size_t dnsbl_answer_say(const struct dnsbl_zone *z, const struct dnsbl_list *l, const struct dnsbl_ask *ask,
	const struct dnsbl_heard *heard, uint8_t to[DNSBL_ANSWER_MAX], enum dnsbl_said *ret_said, bool *ret_is_cut)
{
	const struct dnsbl_question *q = &heard->question;
	struct making m = { .z = z, .q = q, .ask = ask, .w = wr_init(to, DNSBL_ANSWER_MAX) };

	*ret_is_cut = false;
	*ret_said = heard->read == DNSBL_READ_NOTHING ? DNSBL_SAID_NOTHING : DNSBL_SAID_BAD;
	if (heard->read == DNSBL_READ_NOTHING)
		return 0;
	if (heard->read != DNSBL_READ_OK)
		return say_header(q, heard->read == DNSBL_READ_OTHER ? NOTIMP : FORMERR, to);
	m.limit = limit_of(z, ask, q, heard->packet.n);
	wr_raw(&m.w, slice_head(heard->packet, q->end)); /* the counts in it are written over */
	*ret_said = say(&m, l, heard);
	*ret_is_cut = m.is_cut;
	if (q->has_edns)
		put_opt(&m);
	put_counts(to, q, (unsigned)(m.rcode & 15) | (m.is_own ? FLAG_AA : 0) | (m.is_cut ? FLAG_TC : 0),
		(uint16_t[4]){ 1, m.answers, m.authority, q->has_edns });
	return m.w.n;
}

size_t dnsbl_answer(const struct dnsbl_zone *z, const struct dnsbl_list *l, const struct dnsbl_ask *ask,
	struct slice packet, uint8_t to[DNSBL_ANSWER_MAX], enum dnsbl_said *ret_said, bool *ret_is_cut)
{
	struct dnsbl_heard heard;

	dnsbl_answer_hear(z, packet, &heard);
	return dnsbl_answer_say(z, l, ask, &heard, to, ret_said, ret_is_cut);
}

size_t dnsbl_answer_slip(struct slice packet, uint8_t to[DNSBL_ANSWER_MAX])
{
	struct dnsbl_question q;
	enum dnsbl_read read = dnsbl_question_read(packet, &q);

	if (read != DNSBL_READ_OK)
		return read == DNSBL_READ_NOTHING ? 0 : say_header(&q, FORMERR, to);
	memcpy(to, packet.p, q.end);
	put_counts(to, &q, FLAG_TC, (uint16_t[4]){ 1, 0, 0, 0 });
	return q.end;
}
