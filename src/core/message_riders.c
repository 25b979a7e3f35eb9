/*
 * message_riders: codecs of what capture, engine and parent say about riders:
 * the real recipients of a message that came to capture. As in message_codec.
 * SPDX-License-Identifier: ISC
 */
#include "core/message.h"

void message_put_riders(struct wr *w, enum message_type t, const struct msg_riders *m)
{
	wr_u8(w, (uint8_t)t);
	wr_u64(w, m->seq);
	wr_u8(w, m->kind);
	wr_u8(w, m->result);
	wr_u8(w, m->is_kept);
	wr_u32(w, m->count);
	wr_u32(w, m->size);
	wr_ipaddr(w, &m->client);
	wr_cstr(w, m->name);
	wr_cstr(w, m->queue_id);
	wr_cstr(w, m->sender);
	wr_cstr(w, m->corpus_id);
	wr_cstr(w, m->text);
}

enum err message_get_riders(struct rd *r, struct msg_riders *ret)
{
	struct msg_riders m = { .seq = rd_u64(r) };

	m.kind = rd_range(r, RIDERS_ASK, RIDERS_FORGOT);
	m.result = rd_range(r, RIDERS_OK, RIDERS_UNKNOWN);
	m.is_kept = rd_range(r, 0, 1);
	m.count = rd_u32(r);
	m.size = rd_u32(r);
	m.client = rd_ipaddr(r);
	rd_cstr(r, m.name, sizeof m.name);
	rd_cstr(r, m.queue_id, sizeof m.queue_id);
	rd_cstr(r, m.sender, sizeof m.sender);
	rd_cstr(r, m.corpus_id, sizeof m.corpus_id);
	rd_cstr(r, m.text, sizeof m.text);
	if (!rd_end(r))
		return ERR_SYNTAX;
	*ret = m;
	return ERR_OK;
}

void message_put_riders_do(struct wr *w, enum message_type t, const struct msg_riders_do *m)
{
	wr_u8(w, (uint8_t)t);
	wr_u64(w, m->seq);
	wr_u8(w, m->what);
	wr_cstr(w, m->case_id);
	wr_cstr(w, m->corpus_id);
	wr_cstr(w, m->to);
}

enum err message_get_riders_do(struct rd *r, struct msg_riders_do *ret)
{
	struct msg_riders_do m = { .seq = rd_u64(r) };

	m.what = rd_range(r, RIDERS_PLAIN, RIDERS_LIST);
	rd_cstr(r, m.case_id, sizeof m.case_id);
	rd_cstr(r, m.corpus_id, sizeof m.corpus_id);
	rd_cstr(r, m.to, sizeof m.to);
	if (!rd_end(r))
		return ERR_SYNTAX;
	*ret = m;
	return ERR_OK;
}

void message_put_mail_open(struct wr *w, enum message_type t, const struct msg_mail_open *m)
{
	wr_u8(w, (uint8_t)t);
	wr_u64(w, m->seq);
	wr_u8(w, m->queue);
}

enum err message_get_mail_open(struct rd *r, struct msg_mail_open *ret)
{
	struct msg_mail_open m = { .seq = rd_u64(r) };

	m.queue = rd_u8(r);
	if (!rd_end(r))
		return ERR_SYNTAX;
	*ret = m;
	return ERR_OK;
}

void message_put_mail_socket(struct wr *w, enum message_type t, const struct msg_mail_socket *m)
{
	wr_u8(w, (uint8_t)t);
	wr_u64(w, m->seq);
	wr_u32(w, m->error);
}

enum err message_get_mail_socket(struct rd *r, struct msg_mail_socket *ret)
{
	struct msg_mail_socket m = { .seq = rd_u64(r) };

	m.error = rd_u32(r);
	if (!rd_end(r))
		return ERR_SYNTAX;
	*ret = m;
	return ERR_OK;
}
