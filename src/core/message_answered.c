/*
 * message_answered: what blocked clients do at our own SMTP server, and
 * sessions that are to be reset.
 * SPDX-License-Identifier: ISC
 */
#include "core/message.h"

void message_put_answered(struct wr *w, enum message_type t, const struct msg_answered *m)
{
	wr_u8(w, (uint8_t)t);
	wr_ipaddr(w, &m->client);
	wr_cstr(w, m->helo);
	wr_cstr(w, m->sender);
	wr_cstr(w, m->recipient);
}

enum err message_get_answered(struct rd *r, struct msg_answered *ret)
{
	struct msg_answered m = { .client = rd_ipaddr(r) };

	rd_cstr(r, m.helo, sizeof m.helo);
	rd_cstr(r, m.sender, sizeof m.sender);
	rd_cstr(r, m.recipient, sizeof m.recipient);
	if (!rd_end(r))
		return ERR_SYNTAX;
	*ret = m;
	return ERR_OK;
}

void message_put_answered_end(struct wr *w, enum message_type t, const struct msg_answered_end *m)
{
	wr_u8(w, (uint8_t)t);
	wr_ipaddr(w, &m->client);
	wr_u32(w, m->seconds);
	wr_u32(w, m->bytes);
	wr_u16(w, m->commands);
	wr_u16(w, m->recipients);
	wr_u8(w, m->is_held);
	wr_cstr(w, m->helo);
}

enum err message_get_answered_end(struct rd *r, struct msg_answered_end *ret)
{
	struct msg_answered_end m = { .client = rd_ipaddr(r) };

	m.seconds = rd_u32(r);
	m.bytes = rd_u32(r);
	m.commands = rd_u16(r);
	m.recipients = rd_u16(r);
	m.is_held = rd_u8(r);
	rd_cstr(r, m.helo, sizeof m.helo);
	if (!rd_end(r) || m.is_held > 1)
		return ERR_SYNTAX;
	*ret = m;
	return ERR_OK;
}

void message_put_fw_kill(struct wr *w, enum message_type t, const struct msg_fw_kill *m)
{
	wr_u8(w, (uint8_t)t);
	wr_ipaddr(w, &m->client);
	wr_ipaddr(w, &m->server);
	wr_u16(w, m->client_port);
	wr_u16(w, m->server_port);
	wr_u8(w, m->result);
}

enum err message_get_fw_kill(struct rd *r, struct msg_fw_kill *ret)
{
	struct msg_fw_kill m = { .client = rd_ipaddr(r) };

	m.server = rd_ipaddr(r);
	m.client_port = rd_u16(r);
	m.server_port = rd_u16(r);
	m.result = rd_u8(r);
	if (!rd_end(r) || m.result > FW_KILL_ERROR)
		return ERR_SYNTAX;
	*ret = m;
	return ERR_OK;
}
