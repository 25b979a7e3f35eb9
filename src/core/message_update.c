/*
 * message_update: how the primary server takes our list.
 * SPDX-License-Identifier: ISC
 */
#include "core/dns_primary.h"
#include "core/message.h"

_Static_assert(DNS_PRIMARY_TEXT <= MESSAGE_EXPORT_TEXT, "its text fits");

void message_put_update_state(struct wr *w, enum message_type t, const struct msg_update_state *m)
{
	wr_u8(w, (uint8_t)t);
	wr_u8(w, m->state);
	wr_u8(w, m->is_acting);
	wr_u8(w, m->is_pending);
	wr_u64(w, m->since);
	wr_u64(w, m->good);
	wr_u64(w, (uint64_t)m->clock_s);
	wr_u64(w, m->names);
	wr_u64(w, m->left_out);
	wr_u64(w, m->sent);
	wr_u64(w, m->transfers);
	wr_u64(w, m->failures);
	wr_cstr(w, m->text);
}

enum err message_get_update_state(struct rd *r, struct msg_update_state *ret)
{
	struct msg_update_state m = { .state = rd_u8(r) };

	m.is_acting = rd_u8(r);
	m.is_pending = rd_u8(r);
	m.since = rd_u64(r);
	m.good = rd_u64(r);
	m.clock_s = (int64_t)rd_u64(r);
	m.names = rd_u64(r);
	m.left_out = rd_u64(r);
	m.sent = rd_u64(r);
	m.transfers = rd_u64(r);
	m.failures = rd_u64(r);
	rd_cstr(r, m.text, sizeof m.text);
	if (!rd_end(r) || m.state >= DNS_PRIMARY_STATES || m.is_acting > 1 || m.is_pending > 1)
		return ERR_SYNTAX;
	*ret = m;
	return ERR_OK;
}
