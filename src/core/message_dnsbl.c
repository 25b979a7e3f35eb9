/*
 * message_dnsbl: what the DNS server hears from the parent and tells the engine
 * about itself.
 * SPDX-License-Identifier: ISC
 */
#include "core/message.h"

static void put_listen(struct wr *w, const struct msg_dnsbl_listen *m)
{
	wr_u8(w, m->wanted);
	wr_u8(w, m->open);
	wr_cstr(w, m->text);
}

static struct msg_dnsbl_listen get_listen(struct rd *r)
{
	struct msg_dnsbl_listen m = { .wanted = rd_u8(r) };

	m.open = rd_u8(r);
	rd_cstr(r, m.text, sizeof m.text);
	r->bad = r->bad || m.open > m.wanted;
	return m;
}

void message_put_dnsbl_listen(struct wr *w, enum message_type t, const struct msg_dnsbl_listen *m)
{
	wr_u8(w, (uint8_t)t);
	put_listen(w, m);
}

enum err message_get_dnsbl_listen(struct rd *r, struct msg_dnsbl_listen *ret)
{
	struct msg_dnsbl_listen m = get_listen(r);

	if (!rd_end(r))
		return ERR_SYNTAX;
	*ret = m;
	return ERR_OK;
}

void message_put_dnsbl_state(struct wr *w, enum message_type t, const struct msg_dnsbl_state *m)
{
	wr_u8(w, (uint8_t)t);
	put_listen(w, &m->listen);
	wr_u8(w, m->is_acting);
	wr_u8(w, m->has_blocks);
	wr_u8(w, m->has_test);
	wr_u8(w, m->feeds);
	wr_u32(w, m->connections);
	wr_u64(w, m->listed);
	wr_u64(w, m->clean);
	wr_u64(w, m->other);
	wr_u64(w, m->refused);
	wr_u64(w, m->bad);
	wr_u64(w, m->cut);
	wr_u64(w, m->limited);
	wr_u64(w, m->lost);
	wr_u64(w, m->taken);
	wr_u64(w, m->shed);
}

enum err message_get_dnsbl_state(struct rd *r, struct msg_dnsbl_state *ret)
{
	struct msg_dnsbl_state m = { .listen = get_listen(r) };

	m.is_acting = rd_u8(r);
	m.has_blocks = rd_u8(r);
	m.has_test = rd_u8(r);
	m.feeds = rd_u8(r);
	m.connections = rd_u32(r);
	m.listed = rd_u64(r);
	m.clean = rd_u64(r);
	m.other = rd_u64(r);
	m.refused = rd_u64(r);
	m.bad = rd_u64(r);
	m.cut = rd_u64(r);
	m.limited = rd_u64(r);
	m.lost = rd_u64(r);
	m.taken = rd_u64(r);
	m.shed = rd_u64(r);
	if (!rd_end(r) || m.is_acting > 1 || m.has_blocks > 1 || m.has_test > 1 || m.feeds > FEEDS_MAX)
		return ERR_SYNTAX;
	*ret = m;
	return ERR_OK;
}
