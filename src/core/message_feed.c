/*
 * message_feed: lists from outside, and who is told of them.
 * SPDX-License-Identifier: ISC
 */
#include "core/message.h"

#define LAYERS (FEED_LAYER_POLICY | FEED_LAYER_FIREWALL | FEED_LAYER_DNSBL | FEED_LAYER_EXPORT)

static bool is_action(uint8_t a)
{
	return a >= FEED_ACTION_BLOCK && a <= FEED_ACTION_ALLOW;
}

void message_put_feed_run(struct wr *w, enum message_type t, const struct msg_feed_run *m)
{
	wr_u8(w, (uint8_t)t);
	wr_u32(w, m->seq);
	wr_u16(w, m->part);
	wr_cstr(w, m->name);
	wr_cstr(w, m->list);
}

enum err message_get_feed_run(struct rd *r, struct msg_feed_run *ret)
{
	struct msg_feed_run m = { .seq = rd_u32(r) };

	m.part = rd_u16(r);
	rd_cstr(r, m.name, sizeof m.name);
	rd_cstr(r, m.list, sizeof m.list);
	if (!rd_end(r) || !m.name[0])
		return ERR_SYNTAX;
	*ret = m;
	return ERR_OK;
}

void message_put_feed_ran(struct wr *w, enum message_type t, const struct msg_feed_ran *m)
{
	wr_u8(w, (uint8_t)t);
	wr_u32(w, m->seq);
	wr_u32(w, (uint32_t)m->status);
	wr_u8(w, m->is_cut);
	wr_cstr(w, m->text);
}

enum err message_get_feed_ran(struct rd *r, struct msg_feed_ran *ret)
{
	struct msg_feed_ran m = { .seq = rd_u32(r) };

	m.status = (int32_t)rd_u32(r);
	m.is_cut = rd_u8(r);
	rd_cstr(r, m.text, sizeof m.text);
	if (!rd_end(r) || m.is_cut > 1)
		return ERR_SYNTAX;
	*ret = m;
	return ERR_OK;
}

void message_put_feed_set(struct wr *w, enum message_type t, const struct msg_feed_set *m)
{
	wr_u8(w, (uint8_t)t);
	wr_u64(w, m->time);
	wr_u8(w, m->index);
	wr_u8(w, m->action);
	wr_u8(w, m->layers);
	wr_u64(w, m->time_s);
	wr_u32(w, m->entries);
	wr_u32(w, m->refused);
	wr_u32(w, m->weight_milli);
	wr_u32(w, m->code);
	wr_cstr(w, m->name);
	wr_cstr(w, m->text);
}

enum err message_get_feed_set(struct rd *r, struct msg_feed_set *ret)
{
	struct msg_feed_set m = { .time = rd_u64(r) };

	m.index = rd_u8(r);
	m.action = rd_u8(r);
	m.layers = rd_u8(r);
	m.time_s = rd_u64(r);
	m.entries = rd_u32(r);
	m.refused = rd_u32(r);
	m.weight_milli = rd_u32(r);
	m.code = rd_u32(r);
	rd_cstr(r, m.name, sizeof m.name);
	rd_cstr(r, m.text, sizeof m.text);
	if (!rd_end(r) || m.index >= FEEDS_MAX || !is_action(m.action) || m.layers & ~LAYERS || !m.name[0] ||
		m.code < 2 || m.code > 254)
		return ERR_SYNTAX;
	*ret = m;
	return ERR_OK;
}

void message_put_feed_took(struct wr *w, enum message_type t, const struct msg_feed_took *m)
{
	wr_u8(w, (uint8_t)t);
	wr_u64(w, m->time);
	wr_u8(w, m->result);
	wr_cstr(w, m->name);
	wr_cstr(w, m->text);
}

enum err message_get_feed_took(struct rd *r, struct msg_feed_took *ret)
{
	struct msg_feed_took m = { .time = rd_u64(r) };

	m.result = rd_u8(r);
	rd_cstr(r, m.name, sizeof m.name);
	rd_cstr(r, m.text, sizeof m.text);
	if (!rd_end(r) || m.result < FEED_TOOK || m.result > FEED_BAD || !m.name[0])
		return ERR_SYNTAX;
	*ret = m;
	return ERR_OK;
}

void message_put_feed_state(struct wr *w, enum message_type t, const struct msg_feed_state *m)
{
	wr_u8(w, (uint8_t)t);
	wr_u8(w, m->index);
	wr_u8(w, m->count);
	wr_u8(w, m->state);
	wr_u8(w, m->action);
	wr_u8(w, m->layers);
	wr_u64(w, m->good);
	wr_u64(w, m->tried);
	wr_u64(w, m->changed);
	wr_u32(w, m->entries);
	wr_u32(w, m->refused);
	wr_u32(w, m->added);
	wr_u32(w, m->removed);
	wr_cstr(w, m->name);
	wr_cstr(w, m->text);
}

enum err message_get_feed_state(struct rd *r, struct msg_feed_state *ret)
{
	struct msg_feed_state m = { .index = rd_u8(r) };

	m.count = rd_u8(r);
	m.state = rd_u8(r);
	m.action = rd_u8(r);
	m.layers = rd_u8(r);
	m.good = rd_u64(r);
	m.tried = rd_u64(r);
	m.changed = rd_u64(r);
	m.entries = rd_u32(r);
	m.refused = rd_u32(r);
	m.added = rd_u32(r);
	m.removed = rd_u32(r);
	rd_cstr(r, m.name, sizeof m.name);
	rd_cstr(r, m.text, sizeof m.text);
	if (!rd_end(r) || m.count > FEEDS_MAX || m.state > FEED_FETCHING || m.layers & ~LAYERS)
		return ERR_SYNTAX;
	if (m.count > 0 && (m.index >= m.count || !is_action(m.action) || !m.name[0]))
		return ERR_SYNTAX;
	*ret = m;
	return ERR_OK;
}

void message_put_feed_ask(struct wr *w, enum message_type t, const struct msg_feed_ask *m)
{
	wr_u8(w, (uint8_t)t);
	wr_u8(w, m->what);
	wr_cstr(w, m->name);
}

enum err message_get_feed_ask(struct rd *r, struct msg_feed_ask *ret)
{
	struct msg_feed_ask m = { .what = rd_u8(r) };

	rd_cstr(r, m.name, sizeof m.name);
	if (!rd_end(r) || m.what < FEED_ASK_REFRESH || m.what > FEED_ASK_CONFIRM)
		return ERR_SYNTAX;
	*ret = m;
	return ERR_OK;
}

void message_put_feed_give(struct wr *w, enum message_type t, const struct msg_feed_give *m)
{
	wr_u8(w, (uint8_t)t);
	wr_u8(w, m->index);
	wr_u8(w, m->use);
	wr_u8(w, m->layers);
	wr_u8(w, m->code);
	wr_cstr(w, m->name);
}

enum err message_get_feed_give(struct rd *r, struct msg_feed_give *ret)
{
	struct msg_feed_give m = { .index = rd_u8(r) };

	m.use = rd_u8(r);
	m.layers = rd_u8(r);
	m.code = rd_u8(r);
	rd_cstr(r, m.name, sizeof m.name);
	if (!rd_end(r) || m.index >= FEEDS_MAX || m.use < FEED_USE_LIST || m.use > FEED_USE_HOLES || m.layers & ~LAYERS)
		return ERR_SYNTAX;
	if (m.use == FEED_USE_LIST && (!m.name[0] || m.code < 2 || m.code > 254))
		return ERR_SYNTAX;
	*ret = m;
	return ERR_OK;
}

void message_put_feed_says(struct wr *w, enum message_type t, const struct msg_feed_says *m)
{
	wr_u8(w, (uint8_t)t);
	wr_u8(w, m->index);
	wr_cstr(w, m->text);
}

enum err message_get_feed_says(struct rd *r, struct msg_feed_says *ret)
{
	struct msg_feed_says m = { .index = rd_u8(r) };

	rd_cstr(r, m.text, sizeof m.text);
	if (!rd_end(r) || m.index >= FEEDS_MAX)
		return ERR_SYNTAX;
	*ret = m;
	return ERR_OK;
}

void message_put_acting(struct wr *w, enum message_type t, const struct msg_acting *m)
{
	wr_u8(w, (uint8_t)t);
	wr_u8(w, m->is_acting);
}

enum err message_get_acting(struct rd *r, struct msg_acting *ret)
{
	struct msg_acting m = { .is_acting = rd_u8(r) };

	if (!rd_end(r) || m.is_acting > 1)
		return ERR_SYNTAX;
	*ret = m;
	return ERR_OK;
}
