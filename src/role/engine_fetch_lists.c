/*
 * engine_fetch_lists: a new block of an address waits for the DNS lists, a few
 * seconds at most. They can only spare: an allow list that has the client takes
 * the hit out of the score; no list, no answer and no memory mean the block.
 * While it waits nothing is refused. After a restart the next hit decides: the
 * first one is stored and counted.
 * SPDX-License-Identifier: ISC
 */
#include "role/engine_fetch.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "io/log.h"

struct verdict {
	uint64_t seq;   /* asked, no answer yet; 0: answered */
	uint64_t until; /* engine_mono_s: forgotten then */
	uint8_t says;   /* enum dns_says */
	char list[CONF_TITLE];
};

struct held {
	struct held *next;
	uint64_t until_ms;
	struct prefix subject;
	struct record_block block;
	double weight;   /* what the hit added to the score */
	uint64_t number; /* of its record */
	struct record_hit hit;
};

struct asked { /* by sequence number: which client */
	uint64_t seq;
	struct ipaddr client;
};
#define ASKED 4096u

struct engine_fetch_lists {
	struct keymap verdicts; /* struct verdict, by address */
	struct asked asked[ASKED];
	struct held *held;
	size_t helds;
	unsigned count; /* lists that fetch has told of */
	struct msg_dns_state state[CONF_DNS_LISTS];
};

struct engine_fetch_lists *engine_fetch_lists_new(struct engine *e)
{
	struct engine_fetch_lists *l = calloc(1, sizeof *l);

	if (l)
		keymap_init(&l->verdicts, e->table_key, sizeof(struct verdict), FETCH_VERDICTS);
	return l;
}

void engine_fetch_lists_free(struct engine_fetch_lists *l)
{
	if (!l)
		return;
	keymap_done(&l->verdicts);
	while (l->held) {
		struct held *next = l->held->next;

		free(l->held);
		l->held = next;
	}
	free(l);
}

static bool has_list_on(const struct engine *e)
{
	const struct engine_fetch_lists *l = e->fetch->lists;

	for (unsigned i = 0; i < l->count && e->host->link[ROLE_FETCH]; i++)
		if (l->state[i].state == SENTINEL_ON)
			return true;
	return false;
}

static struct slice key_of(const struct ipaddr *a)
{
	return slice_of(a, sizeof *a);
}

static bool send_ask(struct engine *e, const struct ipaddr *client, uint64_t *ret_seq)
{
	struct msg_dns_ask m = { .seq = engine_fetch_seq(), .client = *client };
	uint8_t out[64];
	struct wr w = wr_init(out, sizeof out);

	message_put_dns_ask(&w, MSG_DNS_ASK, &m);
	if (role_host_send(e->host, ROLE_FETCH, &w, NULL, 0) != ERR_OK)
		return false;
	e->fetch->lists->asked[m.seq % ASKED] = (struct asked){ m.seq, *client };
	*ret_seq = m.seq;
	return true;
}

/* What is known of this client, or is being asked; NULL: nothing can be asked. */
static struct verdict *verdict_get(struct engine *e, const struct ipaddr *client)
{
	struct engine_fetch_lists *l = e->fetch->lists;
	uint64_t now = engine_mono_s(), seq;
	struct verdict *v = keymap_get(&l->verdicts, key_of(client));
	void *value;

	if (v && v->until > now)
		return v;
	if (!has_list_on(e) || keymap_put(&l->verdicts, key_of(client), &value, NULL) != ERR_OK)
		return NULL;
	v = value;
	if (!send_ask(e, client, &seq)) {
		(void)keymap_del(&l->verdicts, key_of(client));
		return NULL;
	}
	*v = (struct verdict){ .seq = seq, .until = now + FETCH_VERDICT_S };
	return v;
}

void engine_fetch_prefetch(struct engine *e, const struct ipaddr *client)
{
	if (e->host->conf.dns_lists && client->family)
		(void)verdict_get(e, client);
}

bool engine_fetch_is_spared(struct engine *e, const struct ipaddr *client)
{
	const struct verdict *v = keymap_get(&e->fetch->lists->verdicts, key_of(client));

	return v && !v->seq && v->says == DNS_SAYS_ALLOWED && v->until > engine_mono_s();
}

/* ---- blocks that wait */

bool engine_fetch_hold(struct engine *e, const struct engine_subject *s, const struct decide_verdict *v,
	uint64_t number, const struct record_hit *r)
{
	struct engine_fetch_lists *l = e->fetch->lists;
	struct held *h;

	if (!e->host->conf.dns_lists || v->kind != DECIDE_BLOCK || v->block.state != BLOCK_ACTIVE ||
		subject_is_identity(&s->prefix) || l->helds >= FETCH_HELD || !verdict_get(e, &r->client))
		return false;
	for (h = l->held; h; h = h->next)
		if (prefix_eq(&h->subject, &s->prefix))
			return true; /* what is decided for the first is decided for this one */
	h = malloc(sizeof *h);
	if (!h)
		return false;
	*h = (struct held){ .next = l->held,
		.until_ms = clock_mono_ms() + e->host->conf.fetch.wait_s * 1000,
		.subject = s->prefix,
		.block = v->block,
		.weight = v->weight,
		.number = number,
		.hit = *r };
	l->held = h;
	l->helds++;
	engine_fetch_watch(e);
	return true;
}

bool engine_fetch_is_held(const struct engine *e, const struct prefix *subject)
{
	const struct held *h = e->fetch->lists->held;

	while (h && !prefix_eq(&h->subject, subject))
		h = h->next;
	return h;
}

/* The hit is stored again, as one that is charged to nobody. */
static void exempt(struct engine *e, struct engine_subject *s, struct held *h)
{
	uint8_t key[RECORD_KEY], value[RECORD_VALUE];
	struct wr w = wr_init(value, sizeof value);

	h->hit.grade = GRADE_EXEMPT;
	h->hit.is_counted = false;
	h->hit.weight = 0;
	record_put_hit(&w, &h->hit);
	if (!w.bad)
		(void)store_put(e->store, TABLE_HIT, record_hit_key(&h->subject, h->number, key), wr_slice(&w));
	s->sum.score = fmax(s->sum.score - h->weight, 0);
	s->sum.probe_score = fmin(s->sum.probe_score, s->sum.score);
	s->sum.bulk_score = fmin(s->sum.bulk_score, s->sum.score);
	if (engine_subject_save_sum(e, s) != ERR_OK)
		log_warn("store", "text=\"a spared hit still counts\"");
}

static void make_block(struct engine *e, struct engine_subject *s, struct held *h, bool is_soft)
{
	uint64_t now = clock_wall_s();

	if (s->has_block && decide_block_is_active(&s->block, now))
		return; /* another hit, or a person, was faster */
	if (is_soft && h->block.until > now + FETCH_SOFT_S) {
		h->block.until = now + FETCH_SOFT_S;
		(void)snprintf(h->block.note, sizeof h->block.note, "an hour only: on none of the DNS block lists");
	}
	engine_breaker_judge(e, &s->sum, &h->block, now);
	if (engine_block_apply(e, s, &h->block, true) != ERR_OK)
		engine_alarm(e, "block", "block-full", "a block is not stored: table of blocks, disk or store full");
	if (h->block.state == BLOCK_ACTIVE)
		engine_count(e, engine_is_enforcing(e) ? COUNT_BLOCKED : COUNT_WOULD_BLOCK, now);
}

/* v NULL: no answer. */
static void settle(struct engine *e, struct held *h, const struct verdict *v)
{
	struct engine_subject *s = engine_subject_get(e, &h->subject);
	unsigned says = v && !v->seq ? v->says : (unsigned)DNS_SAYS_NOTHING;
	bool is_soft = says == DNS_SAYS_UNLISTED && e->host->conf.fetch.unlisted == UNLISTED_SOFTEN;
	const char *result = says == DNS_SAYS_ALLOWED ? "spared" : is_soft ? "softened" : "block";
	char client[IPADDR_TEXT];

	log_info("dns_lists", "client=%s case=%s list=%s result=%s", ipaddr_format(&h->hit.client, client),
		h->block.case_id, v && v->list[0] ? v->list : "-", result);
	engine_watch(e, "dns_lists", "client=%s case=%s list=%s result=%s", client, h->block.case_id,
		v && v->list[0] ? v->list : "-", result);
	if (!s) /* no room: the next hit decides */
		return;
	if (says == DNS_SAYS_ALLOWED)
		exempt(e, s, h);
	else
		make_block(e, s, h, is_soft);
}

/* Those that have their answer, or whose time is over. */
static void settle_all(struct engine *e, uint64_t mono_ms, bool is_lost)
{
	struct engine_fetch_lists *l = e->fetch->lists;
	struct held **at = &l->held;
	size_t before = l->helds;

	while (*at) {
		struct held *h = *at;
		const struct verdict *v = keymap_get(&l->verdicts, key_of(&h->hit.client));

		if (v && v->seq && h->until_ms > mono_ms && !is_lost) {
			at = &h->next;
			continue;
		}
		*at = h->next;
		l->helds--;
		settle(e, h, v);
		free(h);
	}
	if (l->helds != before && e->release)
		engine_release_settled(e);
}

bool engine_fetch_lists_tick(struct engine *e, uint64_t mono_ms)
{
	settle_all(e, mono_ms, false);
	return e->fetch->lists->helds > 0;
}

void engine_fetch_lists_says(struct engine *e, const struct msg_dns_says *m)
{
	struct engine_fetch_lists *l = e->fetch->lists;
	const struct asked *a = &l->asked[m->seq % ASKED];
	struct verdict *v = a->seq == m->seq && m->seq ? keymap_get(&l->verdicts, key_of(&a->client)) : NULL;

	if (!v || v->seq != m->seq)
		return;
	v->seq = 0;
	v->says = m->result;
	memcpy(v->list, m->list, sizeof v->list);
	if (v->says == DNS_SAYS_NOTHING)
		v->until = 0; /* ask again at the next hit */
	settle_all(e, clock_mono_ms(), false);
}

void engine_fetch_lists_state(struct engine *e, const struct msg_dns_state *m)
{
	struct engine_fetch_lists *l = e->fetch->lists;
	const struct msg_dns_state *before = &l->state[m->index];
	char text[300];

	if (m->state == SENTINEL_OFF && (m->index >= l->count || before->state != SENTINEL_OFF)) {
		(void)snprintf(text, sizeof text, "DNS list %s is not asked any more: %s", m->list,
			dns_sentinel_text((enum sentinel_why)m->why));
		engine_alarm(e, "dns-list", m->list, text);
	}
	/* what an allow list said before it was caught is not believed either */
	if (m->state == SENTINEL_OFF && (m->index >= l->count || before->state != SENTINEL_OFF)) {
		keymap_done(&l->verdicts);
		keymap_init(&l->verdicts, e->table_key, sizeof(struct verdict), FETCH_VERDICTS);
		settle_all(e, 0, true);
	}
	l->state[m->index] = *m;
	l->count = m->count;
}

static bool is_answered(void *value, void *ctx)
{
	(void)ctx;
	return !((const struct verdict *)value)->seq;
}

void engine_fetch_lists_lost(struct engine *e)
{
	e->fetch->lists->count = 0;
	memset(e->fetch->lists->state, 0, sizeof e->fetch->lists->state); /* the next process finds out anew */
	settle_all(e, 0, true);
	/* nobody will answer what was asked: the next hit asks anew; what is known stays */
	(void)keymap_retain(&e->fetch->lists->verdicts, 0, is_answered, NULL);
}

static bool is_fresh(void *value, void *ctx)
{
	return ((const struct verdict *)value)->until > *(const uint64_t *)ctx;
}

void engine_fetch_lists_second(struct engine *e)
{
	uint64_t now = engine_mono_s();

	(void)keymap_retain(&e->fetch->lists->verdicts, 64, is_fresh, &now);
}

json_t *engine_fetch_lists_json(const struct engine *e, json_t *warnings)
{
	static const char *const states[] = { "untested", "on", "off" };
	const struct engine_fetch_lists *l = e->fetch->lists;
	json_t *list = json_array();

	for (unsigned i = 0; i < l->count; i++) {
		const struct msg_dns_state *m = &l->state[i];
		const char *why = dns_sentinel_text((enum sentinel_why)m->why);

		(void)json_array_append_new(
			list, json_pack("{s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:I}", "name", m->list, "kind",
				      m->kind == DNS_KIND_ALLOW ? "allow" : "block", "state", states[m->state], "why",
				      why, "since", (json_int_t)m->since, "tested", (json_int_t)m->tested, "asked",
				      (json_int_t)m->asked, "listed", (json_int_t)m->listed, "silent",
				      (json_int_t)m->silent));
		if (m->state == SENTINEL_OFF)
			(void)json_array_append_new(
				warnings, json_sprintf("DNS list %s is switched off: %s", m->list, why));
	}
	return list;
}
