/*
 * message_publish: our list in files.
 * SPDX-License-Identifier: ISC
 */
#include "core/message.h"

void message_put_export_run(struct wr *w, enum message_type t, const struct msg_export_run *m)
{
	wr_u8(w, (uint8_t)t);
	wr_u32(w, m->seq);
	wr_cstr(w, m->name);
}

enum err message_get_export_run(struct rd *r, struct msg_export_run *ret)
{
	struct msg_export_run m = { .seq = rd_u32(r) };

	rd_cstr(r, m.name, sizeof m.name);
	if (!rd_end(r) || !m.name[0])
		return ERR_SYNTAX;
	*ret = m;
	return ERR_OK;
}

void message_put_export_ran(struct wr *w, enum message_type t, const struct msg_export_ran *m)
{
	wr_u8(w, (uint8_t)t);
	wr_u32(w, m->seq);
	wr_u32(w, (uint32_t)m->status);
	wr_cstr(w, m->text);
}

enum err message_get_export_ran(struct rd *r, struct msg_export_ran *ret)
{
	struct msg_export_ran m = { .seq = rd_u32(r) };

	m.status = (int32_t)rd_u32(r);
	rd_cstr(r, m.text, sizeof m.text);
	if (!rd_end(r))
		return ERR_SYNTAX;
	*ret = m;
	return ERR_OK;
}

void message_put_export_state(struct wr *w, enum message_type t, const struct msg_export_state *m)
{
	wr_u8(w, (uint8_t)t);
	wr_u8(w, m->index);
	wr_u8(w, m->count);
	wr_u8(w, m->state);
	wr_u8(w, m->is_acting);
	wr_u8(w, m->is_late);
	wr_u64(w, m->written);
	wr_u64(w, m->looked);
	wr_u64(w, m->entries);
	wr_u64(w, m->bytes);
	wr_u64(w, m->ran);
	wr_u32(w, (uint32_t)m->status);
	wr_cstr(w, m->name);
	wr_cstr(w, m->text);
}

enum err message_get_export_state(struct rd *r, struct msg_export_state *ret)
{
	struct msg_export_state m = { .index = rd_u8(r) };

	m.count = rd_u8(r);
	m.state = rd_u8(r);
	m.is_acting = rd_u8(r);
	m.is_late = rd_u8(r);
	m.written = rd_u64(r);
	m.looked = rd_u64(r);
	m.entries = rd_u64(r);
	m.bytes = rd_u64(r);
	m.ran = rd_u64(r);
	m.status = (int32_t)rd_u32(r);
	rd_cstr(r, m.name, sizeof m.name);
	rd_cstr(r, m.text, sizeof m.text);
	if (!rd_end(r) || m.count > CONF_EXPORTS || (m.count && m.index >= m.count) || m.state > EXPORT_FAILED ||
		m.is_acting > 1 || m.is_late > 1)
		return ERR_SYNTAX;
	*ret = m;
	return ERR_OK;
}
