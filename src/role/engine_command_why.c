/*
 * engine_command_why: the caller at 3 a.m. He knows his address, a case id, a
 * host name, a sender, or only a domain.
 * SPDX-License-Identifier: ISC
 */
#include <stdlib.h>

#include "core/score.h"
#include "role/engine_feed.h"

#define WHY_HITS 20
#define WHY_REFUSALS 20
#define WHY_ACCEPTED 20
#define WHY_MATCHES 10
#define WHY_SENDERS 10
#define WHY_SCAN 200000 /* newest refusals and accepted mails looked through */

static bool contains_nocase(struct slice hay, struct slice needle)
{
	for (size_t i = 0; i + needle.n <= hay.n; i++)
		if (slice_eq_nocase(slice_of(hay.p + i, needle.n), needle))
			return true;
	return false;
}

/* ---- what is collected about one subject */

struct story {
	struct engine *e;
	struct prefix subject;
	json_t *hits, *refusals, *accepted;
	uint64_t refused, last_refused;
	unsigned left;
};

static bool add_hit(struct slice key, struct slice value, void *ctx)
{
	struct story *s = ctx;
	struct record_hit h;

	(void)key;
	if (record_get_hit(value, &h) == ERR_OK)
		(void)json_array_append_new(s->hits, engine_json_hit(s->e, &h));
	return json_array_size(s->hits) < WHY_HITS;
}

static json_t *refusal_json(const struct engine *e, const struct record_refusal *r)
{
	return json_pack("{s:I, s:o, s:o, s:i, s:s, s:b, s:b}", "time", (json_int_t)r->time, "sender",
		engine_json_hidden(e, r->sender), "recipient", engine_json_hidden(e, r->recipient), "code",
		(int)r->code, "case", r->case_id, "would", r->is_would, "rider", r->is_rider);
}

static json_t *accepted_json(const struct engine *e, const struct record_accepted *r)
{
	char client[IPADDR_TEXT];

	return json_pack("{s:I, s:s, s:o, s:o, s:o}", "time", (json_int_t)r->time, "client",
		ipaddr_format(&r->client, client), "sender",
		engine_json_hidden(e, r->is_hashed ? "(older than 14 days)" : r->sender), "recipient",
		engine_json_hidden(e, r->is_hashed ? "(older than 14 days)" : r->recipient), "queue_id",
		engine_json_text(r->queue_id));
}

static bool add_refusal(struct slice key, struct slice value, void *ctx)
{
	struct story *s = ctx;
	struct record_refusal r;

	(void)key;
	if (record_get_refusal(value, &r) == ERR_OK && engine_is_of(s->e, &s->subject, &r.client, r.name, r.sender)) {
		s->refused++;
		if (r.time > s->last_refused)
			s->last_refused = r.time;
		if (json_array_size(s->refusals) < WHY_REFUSALS)
			(void)json_array_append_new(s->refusals, refusal_json(s->e, &r));
	}
	return --s->left > 0;
}

static bool add_accepted(struct slice key, struct slice value, void *ctx)
{
	struct story *s = ctx;
	struct record_accepted r;

	(void)key;
	if (record_get_accepted(value, &r) == ERR_OK && engine_is_of(s->e, &s->subject, &r.client, "", r.sender))
		(void)json_array_append_new(s->accepted, accepted_json(s->e, &r));
	return json_array_size(s->accepted) < WHY_ACCEPTED && --s->left > 0;
}

static void collect(struct story *s)
{
	uint8_t key[RECORD_KEY];
	const struct slice all = { 0 };

	s->hits = json_array();
	s->refusals = json_array();
	s->accepted = json_array();
	if (store_scan(s->e->store, TABLE_HIT, record_subject_key(&s->subject, key), all, true, add_hit, s) != ERR_OK)
		return;
	s->left = WHY_SCAN;
	if (store_scan(s->e->store, TABLE_REFUSAL, all, all, true, add_refusal, s) != ERR_OK)
		return;
	s->left = WHY_SCAN;
	if (store_scan(s->e->store, TABLE_ACCEPTED, all, all, true, add_accepted, s) != ERR_OK)
		return;
}

/* The network around p that is blocked, where he himself is not. Who is allowed is met by it in the firewall only. */
static bool find_wider(
	struct engine *e, const struct prefix *p, enum gate_origin origin, uint64_t now, struct record_block *ret)
{
	const struct engine_subject *s;
	struct block_entry entry;

	if (subject_is_identity(p) || !block_index_find(&e->blocks, &p->addr, now, &entry) ||
		entry.subject.len >= p->len || (origin != GATE_FOREIGN && !engine_block_in_firewall(e, &entry)))
		return false;
	s = engine_subject_get(e, &entry.subject);
	if (!s || !s->has_block || !decide_block_is_active(&s->block, now))
		return false;
	*ret = s->block;
	return true;
}

/* b: what he is shown; NULL: he never was blocked. */
static const char *title_of(const struct engine *e, const struct record_block *b, uint64_t now, enum gate_origin origin,
	const struct story *t)
{
	if (origin != GATE_FOREIGN)
		return origin == GATE_SHARED ? "SHARED" : "ALLOWED";
	if (b && decide_block_is_held(b, now))
		return "HELD";
	if (b && decide_block_is_active(b, now))
		return engine_is_enforcing(e) ? "BLOCKED" : "WOULD BE BLOCKED";
	if (b && b->state == BLOCK_LIFTED)
		return "LIFTED";
	if (b)
		return "EXPIRED";
	if (json_array_size(t->accepted))
		return "ACCEPTED";
	return "NOT BLOCKED";
}

/* Of its block; of one never blocked, its newest hit tells. */
static void set_identity(const struct engine *e, json_t *j, const struct prefix *p, const struct engine_subject *s,
	const struct story *t)
{
	if (!subject_is_identity(p))
		return;
	if (s->has_block)
		(void)json_object_set_new(j, "identity", engine_json_identity(e, s->block.sender, s->block.name));
	else if (json_array_size(t->hits))
		(void)json_object_set(j, "identity", json_object_get(json_array_get(t->hits, 0), "identity"));
}

static const char *best_name(const struct engine_subject *s, const struct story *t)
{
	const char *name = s->has_block ? s->block.name : "";

	return name[0] ? name : json_string_value(json_object_get(json_array_get(t->hits, 0), "name"));
}

/* host: who was asked for, of p; NULL: all of p. */
static enum gate_origin origin_of(const struct engine *e, const struct prefix *p, const struct ipaddr *host,
	const char *name, struct allow_match *ret)
{
	struct gate_view view = engine_gate_view(e);
	struct ipaddr last = host ? *host : prefix_last(p);
	struct allow_match of_last;

	*ret = (struct allow_match){ 0 };
	if (subject_is_identity(p) || gate_origin_named(&view, &last, slice_str(name), &of_last) == GATE_FOREIGN)
		return GATE_FOREIGN;
	return gate_origin_named(&view, host ? host : &p->addr, slice_str(name), ret);
}

/* ---- a shared provider: who is blocked there */

struct senders {
	struct engine *e;
	const char *label;
	uint64_t now;
	unsigned left;
	json_int_t count;
	json_t *list;
};

static bool add_sender(struct slice key, struct slice value, void *ctx)
{
	struct senders *s = ctx;
	struct record_block b;

	(void)key;
	if (record_get_block(value, &b) == ERR_OK && decide_block_is_active(&b, s->now) &&
		strcmp(b.name, s->label) == 0 && s->count++ < WHY_SENDERS)
		(void)json_array_append_new(
			s->list, json_pack("{s:o, s:s, s:I}", "identity", engine_json_identity(s->e, b.sender, b.name),
					 "case", b.case_id, "until", (json_int_t)b.until));
	return --s->left > 0;
}

static json_t *shared_json(struct engine *e, const struct allow_entry *entry)
{
	struct senders s = { e, entry->label, clock_wall_s(), WHY_SCAN, 0, json_array() };
	const struct prefix all = subject_identities();
	uint8_t key[RECORD_KEY];
	struct slice head = slice_head(record_subject_key(&all, key), 1u + all.len / 8u);

	if (store_scan(e->store, TABLE_BLOCK, head, (struct slice){ 0 }, false, add_sender, &s) != ERR_OK)
		s.count = 0;
	return json_pack(
		"{s:o, s:I, s:o}", "provider", engine_json_text(entry->label), "blocked", s.count, "senders", s.list);
}

static void set_allow(struct engine *e, json_t *j, const struct ipaddr *host, const struct allow_match *m)
{
	char text[ALLOW_TEXT];

	(void)engine_allow_entry(e, host, m, text);
	(void)json_object_set_new(j, "allow",
		engine_json_allow(text[0] ? text : "a private range", allow_tier_name(m->tier), m->source, NULL));
	if (m->tier == ALLOW_TIER_SHARED)
		(void)json_object_set_new(j, "shared", shared_json(e, m->entry));
}

/* host: who was asked for, NULL: all of p; name: verified, of him, "" not known. */
static json_t *match_json(struct engine *e, const struct prefix *p, const struct ipaddr *host, const char *name)
{
	struct story t = { .e = e, .subject = *p };
	struct allow_match allow;
	enum gate_origin origin = origin_of(e, p, host, name, &allow);
	uint64_t now = clock_wall_s();
	struct record_block wider;
	bool is_wider = find_wider(e, p, origin, now, &wider);
	const struct engine_subject *s = engine_subject_get(e, p);
	const struct record_block *b = is_wider ? &wider : s && s->has_block ? &s->block : NULL;
	struct block_entry entry;
	bool is_listed = b && block_index_get(&e->blocks, &b->subject, &entry) && entry.until > now;
	char subject[PREFIX_TEXT];
	json_t *j = json_object();

	if (!s)
		return j;
	collect(&t);
	(void)json_object_set_new(j, "kind", json_string("subject"));
	(void)json_object_set_new(j, "subject", json_string(prefix_format(p, subject)));
	(void)json_object_set_new(j, "title", json_string(title_of(e, b, now, origin, &t)));
	(void)json_object_set_new(j, "name", engine_json_text(best_name(s, &t) ? best_name(s, &t) : ""));
	set_identity(e, j, p, s, &t);
	if (b)
		(void)json_object_set_new(j, "block", engine_json_block(e, b));
	if (origin != GATE_FOREIGN)
		set_allow(e, j, host ? host : &p->addr, &allow);
	(void)json_object_set_new(j, "hits", t.hits);
	(void)json_object_set_new(j, "score", json_real(score_at(&s->sum, now, e->host->conf.decide.half_life_s)));
	(void)json_object_set_new(j, "good", json_real(engine_good(e, p, now)));
	(void)json_object_set_new(j, "need", json_real(decide_need(&e->host->conf, engine_good(e, p, now))));
	(void)json_object_set_new(j, "refusals",
		json_pack("{s:I, s:I, s:o}", "count",
			(json_int_t)(s->has_block && s->block.refusals > t.refused ? s->block.refusals : t.refused),
			"last", (json_int_t)t.last_refused, "items", t.refusals));
	(void)json_object_set_new(j, "accepted", t.accepted);
	(void)json_object_set_new(j, "feeds", engine_feed_listed_json(e, p));
	(void)json_object_set_new(j, "layers",
		json_pack("{s:b, s:b}", "policy", is_listed && origin == GATE_FOREIGN && engine_is_enforcing(e),
			"firewall", is_listed && engine_block_in_firewall(e, &entry)));
	return j;
}

/* ---- by sender, host name or domain */

struct search {
	struct engine *e;
	struct slice what;
	bool is_domain; /* "@d" or a sender: looked for in sender addresses; else in host names */
	size_t count;
	unsigned left;
	struct prefix found[WHY_MATCHES];
	char name[WHY_MATCHES][RECORD_NAME]; /* verified, of a host */
};

static void found_subject(struct search *s, const struct prefix *p, const char *name)
{

	for (size_t i = 0; i < s->count; i++)
		if (prefix_eq(&s->found[i], p))
			return;
	if (s->count == WHY_MATCHES)
		return;
	slice_copy(slice_str(name), s->name[s->count], sizeof s->name[0]);
	s->found[s->count++] = *p;
}

/* Who asks for a host gets the host; who asks for a sender gets what the sender was charged as. */
static void found_client(struct search *s, const struct ipaddr *client, const char *name, const char *sender)
{
	struct prefix p =
		s->is_domain ? engine_who(s->e, client, name, sender).subject : engine_subject_of(s->e, client);

	if (p.addr.family)
		found_subject(s, &p, name);
}

static bool is_sender(const struct search *s, const char *sender)
{
	struct slice t = slice_str(sender);

	if (!s->is_domain)
		return false;
	if (s->what.n && s->what.p[0] == '@')
		return t.n >= s->what.n && slice_eq_nocase(slice_from(t, t.n - s->what.n), s->what);
	return slice_eq_nocase(t, s->what);
}

static bool search_block(struct slice key, struct slice value, void *ctx)
{
	struct search *s = ctx;
	struct record_block b;

	(void)key;
	if (record_get_block(value, &b) == ERR_OK &&
		(is_sender(s, b.sender) || (!s->is_domain && contains_nocase(slice_str(b.name), s->what))))
		found_subject(s, &b.subject, "");
	return s->count < WHY_MATCHES;
}

static bool search_refusal(struct slice key, struct slice value, void *ctx)
{
	struct search *s = ctx;
	struct record_refusal r;

	(void)key;
	if (record_get_refusal(value, &r) == ERR_OK &&
		(is_sender(s, r.sender) || (!s->is_domain && contains_nocase(slice_str(r.name), s->what))))
		found_client(s, &r.client, r.name, r.sender);
	return s->count < WHY_MATCHES && --s->left > 0;
}

static bool search_hit(struct slice key, struct slice value, void *ctx)
{
	struct search *s = ctx;
	struct record_hit h;

	(void)key;
	if (record_get_hit(value, &h) == ERR_OK && h.client.family &&
		(is_sender(s, h.sender) || (!s->is_domain && contains_nocase(slice_str(h.name), s->what))))
		found_client(s, &h.client, h.name, h.sender);
	return s->count < WHY_MATCHES && --s->left > 0;
}

static bool search_accepted(struct slice key, struct slice value, void *ctx)
{
	struct search *s = ctx;
	struct record_accepted r;
	char hash[ENGINE_HASH_TEXT];

	(void)key;
	if (record_get_accepted(value, &r) == ERR_OK && s->is_domain &&
		(r.is_hashed ? strcmp(r.sender, engine_address_hash(s->e, s->what.p, hash)) == 0
			     : is_sender(s, r.sender)))
		found_client(s, &r.client, "", r.is_hashed ? "" : r.sender);
	return s->count < WHY_MATCHES && --s->left > 0;
}

/* Him, and what holds for all of his domain. */
static void search_identities(struct search *s, const char *sender)
{
	s->count = engine_find_identities(s->e, sender, s->found, WHY_MATCHES);
	if (sender[0] != '@')
		s->count +=
			engine_find_identities(s->e, strrchr(sender, '@'), s->found + s->count, WHY_MATCHES - s->count);
}

static void search_all(struct search *s)
{
	const struct slice all = { 0 };
	static const struct {
		enum table table;
		store_fn fn;
	} places[] = { { TABLE_BLOCK, search_block }, { TABLE_REFUSAL, search_refusal }, { TABLE_HIT, search_hit },
		{ TABLE_ACCEPTED, search_accepted } };

	for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
		s->left = WHY_SCAN;
		if (store_scan(s->e->store, places[i].table, all, all, true, places[i].fn, s) != ERR_OK)
			return;
	}
}

static bool read_case(struct engine *e, const char *id, struct record_block *ret)
{
	uint8_t value[RECORD_VALUE];
	size_t n;

	return store_get(e->store, TABLE_CASE, slice_str(id), value, sizeof value, &n) == ERR_OK &&
	       record_get_block(slice_of(value, n), ret) == ERR_OK;
}

/* b: a case of p that is not what acts on him. */
static const char *case_title(struct engine *e, const struct prefix *p, const struct record_block *b)
{
	const struct engine_subject *s = engine_subject_get(e, p);

	if (b->state == BLOCK_MESSAGE)
		return "ONE MESSAGE REFUSED";
	if (s && s->has_block && strcmp(s->block.case_id, b->case_id) == 0 &&
		decide_block_is_held(&s->block, clock_wall_s()))
		return "HELD"; /* while his network is blocked */
	return "AN EARLIER BLOCK";
}

/* A case of one message only, or of an earlier block, is shown as it was. */
static json_t *case_json(struct engine *e, const char *id, const struct prefix *p)
{
	json_t *j = match_json(e, p, NULL, "");
	struct record_block b;

	if (!read_case(e, id, &b))
		return j;
	if (strcmp(id, json_string_value(json_object_get(json_object_get(j, "block"), "case"))
			       ? json_string_value(json_object_get(json_object_get(j, "block"), "case"))
			       : "") != 0) {
		(void)json_object_set_new(j, "title", json_string(case_title(e, p, &b)));
		(void)json_object_set_new(j, "block", engine_json_block(e, &b));
	}
	return j;
}

void engine_command_why(struct engine *e, struct engine_call *c, const json_t *in)
{
	const char *what = engine_json_string(in, "what");
	struct search s = { .e = e };
	char id[CASE_ID_TEXT];
	struct ipaddr host;
	struct prefix p;
	json_t *matches;
	enum err err;

	if (!what || !what[0]) {
		engine_answer_error(c, 2, "whom? an address, a case id, a host name, a sender or @domain");
		return;
	}
	engine_refusal_flush(e);
	engine_call_settle(c);
	matches = json_array();
	err = strchr(what, '@') ? ERR_NOTFOUND : engine_find_subject(e, what, &p);
	if (err == ERR_OK && case_id_parse(slice_str(what), id) == ERR_OK) {
		(void)json_array_append_new(matches, case_json(e, id, &p));
	} else if (err == ERR_OK) {
		bool is_host = ipaddr_parse(slice_str(what), &host) == ERR_OK;

		(void)json_array_append_new(matches, match_json(e, &p, is_host ? &host : NULL, ""));
	} else {
		s.what = slice_str(what);
		s.is_domain = strchr(what, '@') != NULL;
		if (s.is_domain)
			search_identities(&s, what);
		search_all(&s);
		for (size_t i = 0; i < s.count; i++)
			(void)json_array_append_new(matches, match_json(e, &s.found[i], NULL, s.name[i]));
	}
	engine_answer(c, json_pack("{s:o, s:o}", "matches", matches, "what", engine_json_text(what)));
}
