/*
 * dns_mirror: the content of a name stands as the sum of the hashes of its
 * records, so that their order does not matter, and foreign ones are seen.
 * SPDX-License-Identifier: ISC
 */
#include "core/dns_mirror.h"

#include "core/export_form.h"

#define SLICE_HOMES 128 /* of the map, between two looks at the message */
#define NO_FEED 0xff

struct mirror_name {
	uint32_t has, want; /* content; 0: none */
	uint32_t end;       /* of the block, as its sender is told; 0: none */
	char case_id[CASE_ID_TEXT];
	uint8_t why, code, feed;
	bool is_unknown; /* has may be wrong */
};

/* What a walk over the names needs. */
struct mirror_walk {
	struct dns_mirror *m;
	struct dns_update *u;
	uint64_t now;
};

void dns_mirror_init(struct dns_mirror *m, const uint8_t key[SIPHASH_KEY])
{
	*m = (struct dns_mirror){ .cap = DNS_MIRROR_NAMES, .cap_feeds = DNS_MIRROR_FEED_NAMES };
	prefix_map_init(&m->names, key, sizeof(struct mirror_name), DNS_MIRROR_NAMES);
}

void dns_mirror_done(struct dns_mirror *m)
{
	prefix_map_done(&m->names);
}

static uint32_t hash_record(const struct dns_mirror *m, unsigned type, struct slice data)
{
	uint8_t bytes[4 + DNS_UPDATE_TEXT + 1];
	struct wr w = wr_init(bytes, sizeof bytes);

	/* longer ones are not ours; any other number will do */
	wr_u32(&w, type);
	wr_raw(&w, slice_head(data, sizeof bytes - 4));
	return (uint32_t)siphash64(m->names.key, wr_slice(&w)) + (uint32_t)(data.n > sizeof bytes - 4);
}

/* ---- what it should have */

static struct dnsbl_reason reason_of(const struct dns_mirror *m, const struct mirror_name *n)
{
	struct dnsbl_reason r = { .why = (enum dnsbl_why)n->why, .code = n->code };

	memcpy(r.case_id, n->case_id, sizeof r.case_id);
	r.feed = n->feed == NO_FEED ? NULL : m->feed[n->feed];
	return r;
}

static uint32_t content_of(const struct dns_mirror *m, const struct mirror_name *n)
{
	struct dnsbl_reason r = reason_of(m, n);
	const uint8_t address[4] = { 127, 0, 0, n->code };
	char text[1 + DNSBL_TEXT + 1];
	size_t length = dnsbl_answer_text(&r, m->conf->dnsbl.url, text + 1);
	uint32_t sum = hash_record(m, DNS_A, slice_of(address, sizeof address));

	text[0] = (char)(uint8_t)length;
	if (length)
		sum += hash_record(m, DNS_TXT, slice_of(text, length + 1));
	return sum ? sum : 1;
}

static uint8_t feed_number(struct dns_mirror *m, const char *name)
{
	unsigned i = 0;

	if (!name)
		return NO_FEED;
	while (i < m->feeds && strcmp(m->feed[i], name) != 0)
		i++;
	if (i == EXPORT_FEEDS)
		return NO_FEED;
	if (i == m->feeds)
		slice_copy(slice_str(name), m->feed[m->feeds++], CONF_TITLE);
	return (uint8_t)i;
}

/* Does, or did, a block list it? The names of feeds can be a million and wait behind these. */
static bool is_block(const struct mirror_name *n)
{
	return n->end || n->case_id[0] || (n->want && n->why != DNSBL_BY_FEED);
}

static void want_name(struct dns_mirror *m, const struct prefix *p, const struct mirror_name *like)
{
	bool is_feeds = !is_block(like);
	struct mirror_name *n;
	void *value;

	if ((is_feeds && m->wanted_feeds >= m->cap_feeds) || prefix_map_put(&m->names, p, &value, NULL) != ERR_OK) {
		m->left_out++;
		return;
	}
	n = value;
	n->want = like->want;
	n->end = like->end;
	n->why = like->why;
	n->code = like->code;
	n->feed = like->feed;
	memcpy(n->case_id, like->case_id, sizeof n->case_id);
	m->wanted++;
	m->wanted_feeds += is_feeds;
}

static void want_prefix(struct dns_mirror *m, const struct prefix *p, const struct mirror_name *like)
{
	struct prefix half[2];

	if (dns_owner_is_name(p)) {
		want_name(m, p, like);
		return;
	}
	prefix_halve(p, half);
	want_prefix(m, &half[0], like);
	want_prefix(m, &half[1], like);
}

struct want {
	struct dns_mirror *m;
	uint64_t now;
	struct mirror_name last; /* without a case id; want 0: none yet */
};

/* Names of a feed differ in nothing, and there can be a million of them. */
static uint32_t content_like_last(struct want *x, const struct mirror_name *like)
{
	struct mirror_name *l = &x->last;

	if (like->case_id[0])
		return content_of(x->m, like);
	if (!l->want || l->why != like->why || l->code != like->code || l->feed != like->feed) {
		*l = *like;
		l->want = content_of(x->m, like);
	}
	return l->want;
}

static bool want_entry(void *ctx, const struct export_entry *e)
{
	struct want *x = ctx;
	struct mirror_name like = { .has = 0 };
	struct dnsbl_reason r;

	export_reason(x->m->conf, e, &r);
	like.why = (uint8_t)r.why;
	like.code = r.code;
	like.feed = feed_number(x->m, r.feed);
	like.end = e->block ? (uint32_t)block_entry_end(e->block, x->now) : 0;
	memcpy(like.case_id, r.case_id, sizeof like.case_id);
	like.want = content_like_last(x, &like);
	want_prefix(x->m, &e->prefix, &like);
	return true;
}

/* From the beginning, blocks first. */
static void begin_walk(struct dns_mirror *m)
{
	m->at = 0;
	m->is_left = false;
	m->is_first = true;
}

static void want_tests(struct dns_mirror *m)
{
	static const struct prefix tests[] = { { { 4, { 127, 0, 0, 2 } }, 32 },
		{ { 6, { [10] = 0xff, 0xff, 127, 0, 0, 2 } }, 128 } };
	struct mirror_name like = { .why = DNSBL_BY_TEST, .code = (uint8_t)m->conf->dnsbl.code_hit, .feed = NO_FEED };

	like.want = content_of(m, &like);
	for (size_t i = 0; i < sizeof tests / sizeof *tests; i++)
		want_name(m, &tests[i], &like);
}

static void unwant(const struct prefix *p, void *value, void *ctx)
{
	struct mirror_name *n = value;

	(void)p;
	(void)ctx;
	n->want = 0;
}

static void walk_all(struct dns_mirror *m, void (*fn)(const struct prefix *p, void *value, void *ctx))
{
	uint64_t at = 0;

	while (prefix_map_walk(&m->names, &at, SIZE_MAX / 4, fn, m))
		;
}

void dns_mirror_want(struct dns_mirror *m, const struct export_source *s, const struct conf *c)
{
	struct want x = { .m = m, .now = s ? s->now : 0 };

	m->conf = c;
	m->wanted = m->wanted_feeds = m->left_out = 0;
	m->feeds = 0;
	begin_walk(m);
	walk_all(m, unwant);
	want_tests(m);
	if (s)
		export_list_each(s, false, want_entry, &x);
}

/* ---- what it has */

static void forget_name(const struct prefix *p, void *value, void *ctx)
{
	struct mirror_name *n = value;

	(void)p;
	(void)ctx;
	n->has = 0;
	n->is_unknown = false;
}

void dns_mirror_sync_begin(struct dns_mirror *m)
{
	walk_all(m, forget_name);
	m->flights = 0;
	m->is_cut = false;
	begin_walk(m);
}

void dns_mirror_sync_record(void *ctx, const struct prefix *p, unsigned type, struct slice data)
{
	struct dns_mirror *m = ctx;
	struct mirror_name *n;
	void *value;

	if (prefix_map_put(&m->names, p, &value, NULL) != ERR_OK) {
		m->is_cut = true;
		return;
	}
	n = value;
	n->has += hash_record(m, type, data);
	if (n->has == 0)
		n->has = 1;
}

/* ---- changes */

static void add_change(struct mirror_walk *w, const struct prefix *p, const struct mirror_name *n)
{
	uint64_t ttl_s = w->m->conf->dns_update.ttl_s;
	struct dnsbl_reason r = reason_of(w->m, n);
	char text[DNSBL_TEXT + 1];
	size_t length;

	if (n->has || n->is_unknown)
		dns_update_clear(w->u, p);
	if (!n->want)
		return;
	if (n->end && n->end < w->now + ttl_s)
		ttl_s = n->end > w->now ? n->end - w->now : 1;
	length = dnsbl_answer_text(&r, w->m->conf->dnsbl.url, text);
	dns_update_add(w->u, p, (uint32_t)ttl_s, n->code, slice_of(text, length));
}

static void look_at_name(const struct prefix *p, void *value, void *ctx)
{
	struct mirror_walk *w = ctx;
	struct dns_mirror *m = w->m;
	const struct mirror_name *n = value;

	if ((n->want == n->has && !n->is_unknown) || (m->is_first && !is_block(n)))
		return;
	if (m->flights == DNS_MIRROR_FLIGHT || !dns_update_has_room(w->u)) {
		m->is_left = true;
		return;
	}
	add_change(w, p, n);
	m->flight[m->flights].p = *p;
	m->flight[m->flights++].content = n->want;
}

static bool is_kept(const struct prefix *p, void *value, void *ctx)
{
	const struct mirror_name *n = value;

	(void)p;
	(void)ctx;
	return n->want || n->has || n->is_unknown;
}

/* Has it all been looked at? Else the next fill goes on with what the walk has left, or was not for. */
static bool end_walk(struct dns_mirror *m)
{
	bool is_left = m->is_left, is_first = m->is_first;

	m->at = 0;
	m->is_left = false;
	m->is_first = is_first && is_left;
	return !is_left && !is_first;
}

enum dns_mirror_step dns_mirror_fill(struct dns_mirror *m, struct dns_update *u, uint64_t now, size_t budget)
{
	struct mirror_walk w = { m, u, now };

	for (size_t seen = 0; seen < budget || m->flights; seen += SLICE_HOMES) {
		if (!prefix_map_walk(&m->names, &m->at, SLICE_HOMES, look_at_name, &w)) {
			bool is_all = end_walk(m);

			if (m->flights)
				return DNS_MIRROR_SEND;
			if (!is_all)
				return DNS_MIRROR_MORE;
			(void)prefix_map_retain(&m->names, 0, is_kept, NULL);
			return DNS_MIRROR_EVEN;
		}
		if (u->w.n >= DNS_MIRROR_BATCH)
			return DNS_MIRROR_SEND;
	}
	return DNS_MIRROR_MORE;
}

void dns_mirror_settle(struct dns_mirror *m, enum dns_mirror_fate fate)
{
	for (unsigned i = 0; i < m->flights; i++) {
		struct mirror_name *n = prefix_map_get(&m->names, &m->flight[i].p);

		if (!n || fate == DNS_MIRROR_REFUSED)
			continue;
		if (fate == DNS_MIRROR_TAKEN)
			n->has = m->flight[i].content;
		n->is_unknown = fate == DNS_MIRROR_UNKNOWN;
	}
	if (fate != DNS_MIRROR_TAKEN)
		begin_walk(m);
	m->flights = 0;
}
