/*
 * record_history: codecs of what is written once and looked up later: refusals,
 * accepted mail, allow entries, ledger, correspondents, audit.
 * SPDX-License-Identifier: ISC
 */
#include "core/record_field.h"

void record_put_refusal(struct wr *w, const struct record_refusal *v)
{
	wr_u8(w, RECORD_VERSION);
	wr_u64(w, v->time);
	wr_ipaddr(w, &v->client);
	wr_u16(w, v->code);
	wr_u8(w, v->is_would);
	wr_u8(w, v->is_rider);
	wr_cstr(w, v->case_id);
	wr_cstr(w, v->name);
	wr_cstr(w, v->sender);
	wr_cstr(w, v->recipient);
	wr_cstr(w, v->queue_id);
}

enum err record_get_refusal(struct slice in, struct record_refusal *ret)
{
	struct record_refusal v = { 0 };
	struct rd r;
	enum err e = record_start_get(&r, in);

	if (e != ERR_OK)
		return e;
	v.time = rd_u64(&r);
	v.client = rd_ipaddr(&r);
	v.code = rd_u16(&r);
	v.is_would = rd_range(&r, 0, 1);
	v.is_rider = rd_range(&r, 0, 1);
	rd_cstr(&r, v.case_id, sizeof v.case_id);
	rd_cstr(&r, v.name, sizeof v.name);
	rd_cstr(&r, v.sender, sizeof v.sender);
	rd_cstr(&r, v.recipient, sizeof v.recipient);
	rd_cstr(&r, v.queue_id, sizeof v.queue_id);
	if (!rd_end(&r))
		return ERR_SYNTAX;
	*ret = v;
	return ERR_OK;
}

void record_put_accepted(struct wr *w, const struct record_accepted *v)
{
	wr_u8(w, RECORD_VERSION);
	wr_u64(w, v->time);
	wr_ipaddr(w, &v->client);
	wr_u8(w, v->is_hashed);
	wr_cstr(w, v->sender);
	wr_cstr(w, v->recipient);
	wr_cstr(w, v->queue_id);
}

enum err record_get_accepted(struct slice in, struct record_accepted *ret)
{
	struct record_accepted v = { 0 };
	struct rd r;
	enum err e = record_start_get(&r, in);

	if (e != ERR_OK)
		return e;
	v.time = rd_u64(&r);
	v.client = rd_ipaddr(&r);
	v.is_hashed = rd_range(&r, 0, 1);
	rd_cstr(&r, v.sender, sizeof v.sender);
	rd_cstr(&r, v.recipient, sizeof v.recipient);
	rd_cstr(&r, v.queue_id, sizeof v.queue_id);
	if (!rd_end(&r))
		return ERR_SYNTAX;
	*ret = v;
	return ERR_OK;
}

void record_put_allow(struct wr *w, const struct record_allow *v)
{
	wr_u8(w, RECORD_VERSION);
	wr_prefix(w, &v->prefix);
	wr_u64(w, v->since);
	wr_u64(w, v->until);
	wr_cstr(w, v->by);
	wr_cstr(w, v->note);
}

enum err record_get_allow(struct slice in, struct record_allow *ret)
{
	struct record_allow v = { 0 };
	struct rd r;
	enum err e = record_start_get(&r, in);

	if (e != ERR_OK)
		return e;
	v.prefix = record_get_clean_prefix(&r);
	v.since = rd_u64(&r);
	v.until = rd_u64(&r);
	rd_cstr(&r, v.by, sizeof v.by);
	rd_cstr(&r, v.note, sizeof v.note);
	if (!rd_end(&r))
		return ERR_SYNTAX;
	*ret = v;
	return ERR_OK;
}

void record_put_ledger(struct wr *w, const struct record_ledger *v)
{
	wr_u8(w, RECORD_LEDGER_VERSION);
	record_put_double(w, v->good);
	wr_u64(w, v->good_at);
	for (size_t i = 0; i < 3; i++)
		record_put_double(w, v->fresh[i]);
	wr_u64(w, v->fresh_day);
	wr_u16(w, v->days);
	wr_u64(w, v->last_day);
	wr_u64(w, v->stretch);
	for (size_t i = 0; i < RECORD_LEDGER_STRETCHES; i++)
		wr_u16(w, v->mails[i]);
}

enum err record_get_ledger(struct slice in, struct record_ledger *ret)
{
	struct record_ledger v = { 0 };
	struct rd r;
	uint8_t version;
	enum err e = record_start_get_version(&r, in, RECORD_LEDGER_VERSION, &version);

	if (e != ERR_OK)
		return e;
	v.good = record_get_double(&r);
	v.good_at = rd_u64(&r);
	for (size_t i = 0; i < 3; i++)
		v.fresh[i] = record_get_double(&r);
	v.fresh_day = rd_u64(&r);
	v.days = rd_u16(&r);
	v.last_day = rd_u64(&r);
	if (version >= 2)
		v.stretch = rd_u64(&r);
	for (size_t i = 0; i < RECORD_LEDGER_STRETCHES && version >= 2; i++)
		v.mails[i] = rd_u16(&r);
	if (!rd_end(&r))
		return ERR_SYNTAX;
	*ret = v;
	return ERR_OK;
}

void record_put_correspondent(struct wr *w, const struct record_correspondent *v)
{
	wr_u8(w, RECORD_VERSION);
	wr_u64(w, v->last);
}

enum err record_get_correspondent(struct slice in, struct record_correspondent *ret)
{
	struct record_correspondent v = { 0 };
	struct rd r;
	enum err e = record_start_get(&r, in);

	if (e != ERR_OK)
		return e;
	v.last = rd_u64(&r);
	if (!rd_end(&r))
		return ERR_SYNTAX;
	*ret = v;
	return ERR_OK;
}

void record_put_audit(struct wr *w, const struct record_audit *v)
{
	wr_u8(w, RECORD_VERSION);
	wr_u64(w, v->time);
	wr_u32(w, v->uid);
	wr_cstr(w, v->who);
	wr_cstr(w, v->what);
	wr_cstr(w, v->note);
}

enum err record_get_audit(struct slice in, struct record_audit *ret)
{
	struct record_audit v = { 0 };
	struct rd r;
	enum err e = record_start_get(&r, in);

	if (e != ERR_OK)
		return e;
	v.time = rd_u64(&r);
	v.uid = rd_u32(&r);
	rd_cstr(&r, v.who, sizeof v.who);
	rd_cstr(&r, v.what, sizeof v.what);
	rd_cstr(&r, v.note, sizeof v.note);
	if (!rd_end(&r))
		return ERR_SYNTAX;
	*ret = v;
	return ERR_OK;
}

void record_put_withheld(struct wr *w, const struct record_withheld *v)
{
	wr_u8(w, RECORD_VERSION);
	wr_u64(w, v->time);
	wr_u8(w, v->state);
	wr_ipaddr(w, &v->client);
	wr_u32(w, v->riders);
	wr_u32(w, v->size);
	wr_cstr(w, v->case_id);
	wr_cstr(w, v->queue_id);
	wr_cstr(w, v->name);
	wr_cstr(w, v->sender);
	wr_u64(w, v->released_at);
	wr_cstr(w, v->by);
	wr_cstr(w, v->to);
	wr_cstr(w, v->note);
}

enum err record_get_withheld(struct slice in, struct record_withheld *ret)
{
	struct record_withheld v = { 0 };
	struct rd r;
	enum err e = record_start_get(&r, in);

	if (e != ERR_OK)
		return e;
	v.time = rd_u64(&r);
	v.state = rd_range(&r, WITHHELD_KEPT, WITHHELD_RELEASED);
	v.client = rd_ipaddr(&r);
	v.riders = rd_u32(&r);
	v.size = rd_u32(&r);
	rd_cstr(&r, v.case_id, sizeof v.case_id);
	rd_cstr(&r, v.queue_id, sizeof v.queue_id);
	rd_cstr(&r, v.name, sizeof v.name);
	rd_cstr(&r, v.sender, sizeof v.sender);
	v.released_at = rd_u64(&r);
	rd_cstr(&r, v.by, sizeof v.by);
	rd_cstr(&r, v.to, sizeof v.to);
	rd_cstr(&r, v.note, sizeof v.note);
	if (!rd_end(&r))
		return ERR_SYNTAX;
	*ret = v;
	return ERR_OK;
}
