/*
 * message_sample: codec of what the tarpit hands to capture. As in message_codec.
 * SPDX-License-Identifier: ISC
 */
#include "core/message.h"

void message_put_sample(struct wr *w, enum message_type t, const struct msg_sample *m)
{
	wr_u8(w, (uint8_t)t);
	wr_ipaddr(w, &m->client);
	wr_u32(w, m->size);
	wr_cstr(w, m->case_id);
	wr_cstr(w, m->helo);
	wr_cstr(w, m->sender);
	wr_cstr(w, m->recipients);
}

enum err message_get_sample(struct rd *r, struct msg_sample *ret)
{
	struct msg_sample m = { .client = rd_ipaddr(r) };

	m.size = rd_u32(r);
	rd_cstr(r, m.case_id, sizeof m.case_id);
	rd_cstr(r, m.helo, sizeof m.helo);
	rd_cstr(r, m.sender, sizeof m.sender);
	rd_cstr(r, m.recipients, sizeof m.recipients);
	if (!rd_end(r))
		return ERR_SYNTAX;
	*ret = m;
	return ERR_OK;
}
