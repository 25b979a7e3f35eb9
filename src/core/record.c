/*
 * record: one put and one get per record, field after field in the order of
 * the struct. A change of the layout raises RECORD_VERSION and keeps the old
 * reader; records of a newer version are refused, not guessed at.
 * SPDX-License-Identifier: ISC
 */
#include "core/record_field.h"

struct slice record_subject_key(const struct prefix *p, uint8_t to[RECORD_KEY])
{
	struct wr w = wr_init(to, RECORD_KEY);

	wr_prefix(&w, p);
	return wr_slice(&w);
}

struct slice record_hit_key(const struct prefix *p, uint64_t number, uint8_t to[RECORD_KEY])
{
	struct wr w = wr_init(to, RECORD_KEY);

	wr_prefix(&w, p);
	wr_u64(&w, number);
	return wr_slice(&w);
}

struct slice record_time_key(uint64_t time, uint64_t number, uint8_t to[RECORD_KEY])
{
	struct wr w = wr_init(to, RECORD_KEY);

	wr_u64(&w, time);
	wr_u64(&w, number);
	return wr_slice(&w);
}

enum err record_subject_parse(struct slice key, struct prefix *ret)
{
	struct rd r = rd_init(key.p, key.n);
	struct prefix p = record_get_clean_prefix(&r);

	if (!rd_end(&r))
		return ERR_SYNTAX;
	*ret = p;
	return ERR_OK;
}

enum err record_time_parse(struct slice key, uint64_t *ret_time, uint64_t *ret_number)
{
	struct rd r = rd_init(key.p, key.n);
	uint64_t time = rd_u64(&r), number = rd_u64(&r);

	if (!rd_end(&r))
		return ERR_SYNTAX;
	*ret_time = time;
	*ret_number = number;
	return ERR_OK;
}

static void put_quality(struct wr *w, const struct trap_quality *q)
{
	wr_u8(w, TRAP_QUALITY_HOSTS);
	for (size_t i = 0; i < TRAP_QUALITY_HOSTS; i++) {
		wr_u64(w, q->seen[i].host);
		wr_u64(w, q->seen[i].at);
		wr_u8(w, q->seen[i].points);
	}
}

static void get_quality(struct rd *r, struct trap_quality *ret)
{
	uint32_t hosts = record_get_count(r, TRAP_QUALITY_HOSTS);

	for (size_t i = 0; i < hosts; i++) {
		ret->seen[i].host = rd_u64(r);
		ret->seen[i].at = rd_u64(r);
		ret->seen[i].points = rd_range(r, 0, TRAP_QUALITY_NEED);
	}
}

void record_put_trap(struct wr *w, const struct record_trap *v)
{
	wr_u8(w, RECORD_TRAP_VERSION);
	wr_u32(w, v->id);
	wr_u64(w, v->first_seen);
	wr_u64(w, v->armed_at);
	wr_u64(w, v->last_hit);
	wr_u8(w, GRADE_COUNT);
	for (size_t i = 0; i < GRADE_COUNT; i++)
		wr_u64(w, v->hits[i]);
	wr_u8(w, v->suspended);
	put_quality(w, &v->quality);
}

enum err record_get_trap(struct slice in, struct record_trap *ret)
{
	struct record_trap v = { 0 };
	struct rd r;
	uint8_t version;
	enum err e = record_start_get_version(&r, in, RECORD_TRAP_VERSION, &version);
	uint32_t grades;

	if (e != ERR_OK)
		return e;
	v.id = rd_u32(&r);
	v.first_seen = rd_u64(&r);
	v.armed_at = rd_u64(&r);
	v.last_hit = rd_u64(&r);
	grades = record_get_count(&r, GRADE_COUNT);
	for (size_t i = 0; i < grades; i++)
		v.hits[i] = rd_u64(&r);
	v.suspended = rd_range(&r, 0, 1);
	if (version >= 2)
		get_quality(&r, &v.quality);
	if (!rd_end(&r))
		return ERR_SYNTAX;
	*ret = v;
	return ERR_OK;
}

void record_put_hit(struct wr *w, const struct record_hit *v)
{
	wr_u8(w, RECORD_VERSION);
	wr_u64(w, v->time);
	wr_u32(w, v->trap_id);
	wr_u8(w, v->grade);
	wr_u8(w, v->is_counted);
	record_put_float(w, v->weight);
	wr_ipaddr(w, &v->client);
	wr_cstr(w, v->name);
	wr_cstr(w, v->helo);
	wr_cstr(w, v->sender);
	wr_cstr(w, v->message_id);
	wr_cstr(w, v->subject);
	wr_cstr(w, v->queue_id);
	wr_cstr(w, v->corpus_id);
	wr_cstr(w, v->login);
}

enum err record_get_hit(struct slice in, struct record_hit *ret)
{
	struct record_hit v = { 0 };
	struct rd r;
	enum err e = record_start_get(&r, in);

	if (e != ERR_OK)
		return e;
	v.time = rd_u64(&r);
	v.trap_id = rd_u32(&r);
	v.grade = rd_range(&r, 0, GRADE_COUNT - 1);
	v.is_counted = rd_range(&r, 0, 1);
	v.weight = record_get_float(&r);
	v.client = rd_ipaddr(&r);
	rd_cstr(&r, v.name, sizeof v.name);
	rd_cstr(&r, v.helo, sizeof v.helo);
	rd_cstr(&r, v.sender, sizeof v.sender);
	rd_cstr(&r, v.message_id, sizeof v.message_id);
	rd_cstr(&r, v.subject, sizeof v.subject);
	rd_cstr(&r, v.queue_id, sizeof v.queue_id);
	rd_cstr(&r, v.corpus_id, sizeof v.corpus_id);
	rd_cstr(&r, v.login, sizeof v.login);
	if (!rd_end(&r))
		return ERR_SYNTAX;
	*ret = v;
	return ERR_OK;
}

/* Trailing zeros of the ring are not written: most subjects are seen once. */
static uint8_t recent_used(const struct record_hit_sum *v)
{
	uint8_t n = RECORD_RECENT;

	while (n && v->recent[n - 1] == 0)
		n--;
	return n;
}

void record_put_hit_sum(struct wr *w, const struct record_hit_sum *v)
{
	uint8_t recent = recent_used(v);
	uint8_t traps = (uint8_t)(v->traps < RECORD_TRAPS ? v->traps : RECORD_TRAPS);

	wr_u8(w, RECORD_HIT_SUM_VERSION);
	record_put_double(w, v->score);
	record_put_double(w, v->probe_score);
	wr_u64(w, v->score_at);
	wr_u64(w, v->first);
	wr_u64(w, v->last);
	wr_u64(w, v->number);
	wr_u8(w, GRADE_COUNT);
	for (size_t i = 0; i < GRADE_COUNT; i++)
		wr_u32(w, v->count[i]);
	wr_u32(w, v->traps);
	wr_u8(w, traps);
	for (size_t i = 0; i < traps; i++)
		wr_u32(w, v->trap_id[i]);
	wr_u8(w, recent);
	for (size_t i = 0; i < recent; i++)
		wr_u64(w, v->recent[i]);
	record_put_double(w, v->bulk_score);
	wr_u32(w, v->bulk_day);
	wr_u8(w, v->bulk_days);
	wr_u8(w, v->bulk_traps);
	for (size_t i = 0; i < v->bulk_traps && i < RECORD_BULK_TRAPS; i++)
		wr_u32(w, v->bulk_trap_id[i]);
}

static void get_bulk(struct rd *r, struct record_hit_sum *v)
{
	v->bulk_score = record_get_double(r);
	v->bulk_day = rd_u32(r);
	v->bulk_days = rd_u8(r);
	v->bulk_traps = (uint8_t)record_get_count(r, RECORD_BULK_TRAPS);
	for (size_t i = 0; i < v->bulk_traps; i++)
		v->bulk_trap_id[i] = rd_u32(r);
}

enum err record_get_hit_sum(struct slice in, struct record_hit_sum *ret)
{
	struct record_hit_sum v = { 0 };
	struct rd r;
	uint8_t version;
	enum err e = record_start_get_version(&r, in, RECORD_HIT_SUM_VERSION, &version);
	uint32_t n;

	if (e != ERR_OK)
		return e;
	v.score = record_get_double(&r);
	v.probe_score = record_get_double(&r);
	v.score_at = rd_u64(&r);
	v.first = rd_u64(&r);
	v.last = rd_u64(&r);
	v.number = rd_u64(&r);
	n = record_get_count(&r, GRADE_COUNT);
	for (size_t i = 0; i < n; i++)
		v.count[i] = rd_u32(&r);
	v.traps = rd_u32(&r);
	n = record_get_count(&r, RECORD_TRAPS);
	if (n != (v.traps < RECORD_TRAPS ? v.traps : RECORD_TRAPS))
		r.bad = true;
	for (size_t i = 0; i < n; i++)
		v.trap_id[i] = rd_u32(&r);
	n = record_get_count(&r, RECORD_RECENT);
	for (size_t i = 0; i < n; i++)
		v.recent[i] = rd_u64(&r);
	if (version >= 2)
		get_bulk(&r, &v);
	if (!rd_end(&r))
		return ERR_SYNTAX;
	*ret = v;
	return ERR_OK;
}

void record_put_block(struct wr *w, const struct record_block *v)
{
	wr_u8(w, RECORD_BLOCK_VERSION);
	wr_prefix(w, &v->subject);
	wr_cstr(w, v->case_id);
	wr_u8(w, v->state);
	wr_u8(w, v->cause);
	wr_u8(w, v->grade);
	wr_u8(w, v->is_generic);
	wr_u32(w, v->offence);
	wr_u64(w, v->since);
	wr_u64(w, v->until);
	record_put_double(w, v->score);
	record_put_double(w, v->need);
	record_put_double(w, v->good);
	wr_u32(w, v->trap_id);
	wr_u32(w, v->last_trap_id);
	wr_u64(w, v->last_sender);
	wr_u32(w, v->refusals);
	wr_u64(w, v->last_refusal);
	wr_u64(w, v->lifted_at);
	wr_u64(w, v->pardon_until);
	wr_u64(w, v->forget_at);
	wr_cstr(w, v->tag);
	wr_cstr(w, v->name);
	wr_cstr(w, v->sender);
	wr_cstr(w, v->by);
	wr_cstr(w, v->note);
	wr_u32(w, v->answered);
	wr_u32(w, v->held_s);
}

static void get_block_texts(struct rd *r, struct record_block *v)
{
	rd_cstr(r, v->tag, sizeof v->tag);
	rd_cstr(r, v->name, sizeof v->name);
	rd_cstr(r, v->sender, sizeof v->sender);
	rd_cstr(r, v->by, sizeof v->by);
	rd_cstr(r, v->note, sizeof v->note);
}

static void get_block_numbers(struct rd *r, struct record_block *v)
{
	v->subject = record_get_clean_prefix(r);
	rd_cstr(r, v->case_id, sizeof v->case_id);
	v->state = rd_range(r, BLOCK_ACTIVE, BLOCK_MESSAGE);
	v->cause = rd_range(r, CAUSE_HIT, CAUSE_FEED);
	v->grade = rd_range(r, 0, GRADE_COUNT - 1);
	v->is_generic = rd_range(r, 0, 1);
	v->offence = rd_u32(r);
	v->since = rd_u64(r);
	v->until = rd_u64(r);
	v->score = record_get_double(r);
	v->need = record_get_double(r);
	v->good = record_get_double(r);
	v->trap_id = rd_u32(r);
	v->last_trap_id = rd_u32(r);
	v->last_sender = rd_u64(r);
	v->refusals = rd_u32(r);
	v->last_refusal = rd_u64(r);
	v->lifted_at = rd_u64(r);
	v->pardon_until = rd_u64(r);
	v->forget_at = rd_u64(r);
}

enum err record_get_block_head(struct slice in, struct record_block *ret)
{
	struct rd r;
	uint8_t version;
	enum err e = record_start_get_version(&r, in, RECORD_BLOCK_VERSION, &version);

	if (e != ERR_OK)
		return e;
	get_block_numbers(&r, ret);
	return r.bad ? ERR_SYNTAX : ERR_OK;
}

enum err record_get_block(struct slice in, struct record_block *ret)
{
	struct record_block v = { 0 };
	struct rd r;
	uint8_t version;
	enum err e = record_start_get_version(&r, in, RECORD_BLOCK_VERSION, &version);

	if (e != ERR_OK)
		return e;
	get_block_numbers(&r, &v);
	get_block_texts(&r, &v);
	if (version >= 2) {
		v.answered = rd_u32(&r);
		v.held_s = rd_u32(&r);
	}
	if (!rd_end(&r))
		return ERR_SYNTAX;
	*ret = v;
	return ERR_OK;
}
