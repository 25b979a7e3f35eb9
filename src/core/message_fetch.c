/*
 * message_fetch: codecs of what engine and fetch say to each other. As in message_codec.
 * SPDX-License-Identifier: ISC
 */
#include "core/message.h"

void message_put_spf_ask(struct wr *w, enum message_type t, const struct msg_spf_ask *m)
{
	wr_u8(w, (uint8_t)t);
	wr_u64(w, m->seq);
	wr_ipaddr(w, &m->client);
	wr_cstr(w, m->domain);
}

enum err message_get_spf_ask(struct rd *r, struct msg_spf_ask *ret)
{
	struct msg_spf_ask m = { .seq = rd_u64(r) };

	m.client = rd_ipaddr(r);
	rd_cstr(r, m.domain, sizeof m.domain);
	if (!rd_end(r))
		return ERR_SYNTAX;
	*ret = m;
	return ERR_OK;
}

void message_put_spf_set(struct wr *w, enum message_type t, const struct msg_spf_set *m)
{
	wr_u8(w, (uint8_t)t);
	wr_u64(w, m->seq);
	wr_u8(w, m->state);
	wr_u8(w, m->is_partial);
	wr_u32(w, m->ttl_s);
	wr_cstr(w, m->reason);
	wr_u16(w, m->count);
	if (m->count > SPF_SET_MAX)
		w->bad = true;
	for (unsigned i = 0; i < m->count && !w->bad; i++)
		wr_prefix(w, &m->prefix[i]);
}

enum err message_get_spf_set(struct rd *r, struct msg_spf_set *ret)
{
	struct msg_spf_set m;

	m.seq = rd_u64(r);
	m.state = rd_range(r, SPF_DONE, SPF_PERMERROR);
	m.is_partial = rd_range(r, 0, 1);
	m.ttl_s = rd_u32(r);
	rd_cstr(r, m.reason, sizeof m.reason);
	m.count = rd_u16(r);
	if (m.count > SPF_SET_MAX)
		r->bad = true;
	for (unsigned i = 0; i < m.count && !r->bad; i++) {
		m.prefix[i] = rd_prefix(r);
		if (m.prefix[i].addr.family == 0)
			r->bad = true;
	}
	if (!rd_end(r))
		return ERR_SYNTAX;
	*ret = m;
	return ERR_OK;
}

void message_put_spf_says(struct wr *w, enum message_type t, const struct msg_spf_says *m)
{
	wr_u8(w, (uint8_t)t);
	wr_u64(w, m->seq);
	wr_u8(w, m->result);
}

enum err message_get_spf_says(struct rd *r, struct msg_spf_says *ret)
{
	struct msg_spf_says m = { .seq = rd_u64(r) };

	m.result = rd_range(r, SPF_SAYS_PASS, SPF_SAYS_UNKNOWN);
	if (!rd_end(r))
		return ERR_SYNTAX;
	*ret = m;
	return ERR_OK;
}

void message_put_dns_ask(struct wr *w, enum message_type t, const struct msg_dns_ask *m)
{
	wr_u8(w, (uint8_t)t);
	wr_u64(w, m->seq);
	wr_ipaddr(w, &m->client);
}

enum err message_get_dns_ask(struct rd *r, struct msg_dns_ask *ret)
{
	struct msg_dns_ask m = { .seq = rd_u64(r) };

	m.client = rd_ipaddr(r);
	if (m.client.family == 0 || !rd_end(r))
		return ERR_SYNTAX;
	*ret = m;
	return ERR_OK;
}

void message_put_dns_says(struct wr *w, enum message_type t, const struct msg_dns_says *m)
{
	wr_u8(w, (uint8_t)t);
	wr_u64(w, m->seq);
	wr_u8(w, m->result);
	wr_cstr(w, m->list);
}

enum err message_get_dns_says(struct rd *r, struct msg_dns_says *ret)
{
	struct msg_dns_says m = { .seq = rd_u64(r) };

	m.result = rd_range(r, DNS_SAYS_NOTHING, DNS_SAYS_UNLISTED);
	rd_cstr(r, m.list, sizeof m.list);
	if (!rd_end(r))
		return ERR_SYNTAX;
	*ret = m;
	return ERR_OK;
}

void message_put_dns_state(struct wr *w, enum message_type t, const struct msg_dns_state *m)
{
	wr_u8(w, (uint8_t)t);
	wr_u8(w, m->index);
	wr_u8(w, m->count);
	wr_cstr(w, m->list);
	wr_u8(w, m->kind);
	wr_u8(w, m->state);
	wr_u8(w, m->why);
	wr_u64(w, m->since);
	wr_u64(w, m->tested);
	wr_u64(w, m->asked);
	wr_u64(w, m->listed);
	wr_u64(w, m->silent);
}

enum err message_get_dns_state(struct rd *r, struct msg_dns_state *ret)
{
	struct msg_dns_state m = { .index = rd_u8(r) };

	m.count = rd_range(r, 1, CONF_DNS_LISTS);
	if (m.index >= m.count)
		r->bad = true;
	rd_cstr(r, m.list, sizeof m.list);
	m.kind = rd_range(r, DNS_KIND_ALLOW, DNS_KIND_BLOCK);
	m.state = rd_range(r, SENTINEL_UNTESTED, SENTINEL_OFF);
	m.why = rd_range(r, SENTINEL_FINE, SENTINEL_WHYS - 1);
	m.since = rd_u64(r);
	m.tested = rd_u64(r);
	m.asked = rd_u64(r);
	m.listed = rd_u64(r);
	m.silent = rd_u64(r);
	if (!rd_end(r))
		return ERR_SYNTAX;
	*ret = m;
	return ERR_OK;
}
