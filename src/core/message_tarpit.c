/*
 * message_tarpit: what the processes of the tarpit hear from the parent and
 * tell the engine about themselves.
 * SPDX-License-Identifier: ISC
 */
#include "core/message.h"

void message_put_part(struct wr *w, enum message_type t, const struct msg_part *m)
{
	wr_u8(w, (uint8_t)t);
	wr_u8(w, m->index);
	wr_u8(w, m->count);
	wr_u32(w, m->conntrack);
}

enum err message_get_part(struct rd *r, struct msg_part *ret)
{
	struct msg_part m = { .index = rd_u8(r) };

	m.count = rd_u8(r);
	m.conntrack = rd_u32(r);
	if (!rd_end(r) || m.count > ROLE_TARPITS || m.index >= m.count)
		return ERR_SYNTAX;
	*ret = m;
	return ERR_OK;
}

void message_put_tarpit_state(struct wr *w, enum message_type t, const struct msg_tarpit_state *m)
{
	wr_u8(w, (uint8_t)t);
	wr_u32(w, m->connections);
	wr_u32(w, m->held);
	wr_u32(w, m->tls);
	wr_u32(w, m->cap);
	wr_u32(w, m->wished);
	wr_u32(w, m->pace_ms);
	wr_u32(w, m->pause_ms);
	wr_u8(w, m->why);
	wr_u8(w, m->tls_off);
	wr_u8(w, m->is_paused);
	wr_u8(w, m->processes);
	wr_u64(w, m->taken);
	wr_u64(w, m->refused);
	wr_u64(w, m->shed);
	wr_u64(w, m->pauses);
	wr_u64(w, m->bytes);
	wr_u64(w, m->held_s);
}

enum err message_get_tarpit_state(struct rd *r, struct msg_tarpit_state *ret)
{
	struct msg_tarpit_state m = { .connections = rd_u32(r) };

	m.held = rd_u32(r);
	m.tls = rd_u32(r);
	m.cap = rd_u32(r);
	m.wished = rd_u32(r);
	m.pace_ms = rd_u32(r);
	m.pause_ms = rd_u32(r);
	m.why = rd_u8(r);
	m.tls_off = rd_u8(r);
	m.is_paused = rd_u8(r);
	m.processes = rd_u8(r);
	m.taken = rd_u64(r);
	m.refused = rd_u64(r);
	m.shed = rd_u64(r);
	m.pauses = rd_u64(r);
	m.bytes = rd_u64(r);
	m.held_s = rd_u64(r);
	if (!rd_end(r) || m.why >= TARPIT_CAPS || m.tls_off >= TARPIT_TLSES || m.is_paused > 1 ||
		m.processes > ROLE_TARPITS)
		return ERR_SYNTAX;
	*ret = m;
	return ERR_OK;
}
