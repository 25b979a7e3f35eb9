/*
 * dns_packet: see the header.
 * SPDX-License-Identifier: ISC
 */
#include "core/dns_packet.h"

#define TYPE_CNAME 5

static uint8_t byte_at(struct slice p, size_t i)
{
	return (uint8_t)p.p[i];
}

/* The header, and the question behind it, which must be ours. */
static enum err take_head(struct slice p, const struct dns_question *q, size_t *ret_at, unsigned *ret_answers)
{
	char name[DNS_NAME];
	size_t at = DNS_HEADER;

	if (p.n < DNS_HEADER || !(byte_at(p, 2) & 0x80) || dns_wire_number(p, 4) != 1)
		return ERR_SYNTAX;
	if (dns_wire_name(p, &at, name) != ERR_OK || p.n - at < 4)
		return ERR_SYNTAX;
	if (strcmp(name, q->name) != 0 || dns_wire_number(p, at) != q->type ||
		dns_wire_number(p, at + 2) != DNS_CLASS_IN)
		return ERR_SYNTAX;
	*ret_at = at + 4;
	*ret_answers = dns_wire_number(p, 6);
	return ERR_OK;
}

static void use_ttl(struct dns_reply *r, uint32_t ttl_s)
{
	/* 0 is "not known" for the reader: an answer for now only is one for a second */
	if (ttl_s == 0)
		ttl_s = 1;
	if (r->answer.ttl_s == 0 || ttl_s < r->answer.ttl_s)
		r->answer.ttl_s = ttl_s;
}

static enum err add_address(struct slice data, unsigned family, struct ipaddr *ret)
{
	if (data.n != (family == 4 ? 4 : 16))
		return ERR_SYNTAX;
	*ret = (struct ipaddr){ .family = (uint8_t)family };
	memcpy(ret->b, data.p, data.n);
	return ERR_OK;
}

/* The strings of one record, joined. */
static enum err add_text(struct slice data, struct dns_reply *r, struct slice *ret)
{
	char *to = r->bytes + r->used;
	size_t n = 0;

	while (data.n) {
		size_t len = byte_at(data, 0);

		if (len > data.n - 1 || r->used + n + len > sizeof r->bytes)
			return ERR_SYNTAX;
		memcpy(to + n, data.p + 1, len);
		n += len;
		data = slice_from(data, 1 + len);
	}
	r->used += n;
	*ret = slice_of(to, n);
	return ERR_OK;
}

/* Kept in the order of preference. */
static enum err add_mx(struct slice p, const struct dns_record *rec, struct dns_reply *r)
{
	char name[DNS_NAME], *to = r->bytes + r->used;
	size_t at = rec->data + 2, n, i = r->answer.count;
	unsigned preference;

	if (rec->length < 3 || dns_wire_name(p, &at, name) != ERR_OK || at != rec->data + rec->length)
		return ERR_SYNTAX;
	n = strlen(name);
	if (r->used + n > sizeof r->bytes)
		return ERR_SYNTAX;
	memcpy(to, name, n);
	r->used += n;
	preference = dns_wire_number(p, rec->data);
	for (; i > 0 && r->preference[i - 1] > preference; i--) {
		r->preference[i] = r->preference[i - 1];
		r->text[i] = r->text[i - 1];
	}
	r->preference[i] = (uint16_t)preference;
	r->text[i] = slice_of(to, n);
	return ERR_OK;
}

static enum err add_record(struct slice p, const struct dns_record *rec, struct dns_reply *r)
{
	struct slice data = slice_of(p.p + rec->data, rec->length);
	size_t i = r->answer.count;
	enum err e;

	if (i == DNS_ANSWERS) {
		r->answer.is_cut = true;
		return ERR_OK;
	}
	if (rec->type == DNS_A || rec->type == DNS_AAAA)
		e = add_address(data, rec->type == DNS_A ? 4 : 6, &r->address[i]);
	else
		e = rec->type == DNS_TXT ? add_text(data, r, &r->text[i]) : add_mx(p, rec, r);
	if (e != ERR_OK)
		return e;
	r->answer.count++;
	use_ttl(r, rec->ttl_s);
	return ERR_OK;
}

/* The records of owner; where it is a CNAME, its target replaces owner. */
static enum err take_answers(struct slice p, size_t at, unsigned answers, enum dns_type type, char owner[DNS_NAME],
	bool *ret_is_alias, struct dns_reply *r)
{
	char target[DNS_NAME] = "";
	bool is_alias = false;

	for (unsigned i = 0; i < answers; i++) {
		struct dns_record rec;
		size_t data;

		if (dns_wire_record(p, &at, &rec) != ERR_OK)
			return ERR_SYNTAX;
		if (rec.class != DNS_CLASS_IN || !*owner || strcmp(rec.owner, owner) != 0)
			continue;
		data = rec.data;
		if (rec.type == (unsigned)type) {
			if (add_record(p, &rec, r) != ERR_OK)
				return ERR_SYNTAX;
		} else if (rec.type == TYPE_CNAME && !is_alias) {
			if (dns_wire_name(p, &data, target) != ERR_OK || data != rec.data + rec.length)
				return ERR_SYNTAX;
			is_alias = true;
			use_ttl(r, rec.ttl_s);
		}
	}
	if (is_alias)
		memcpy(owner, target, DNS_NAME);
	*ret_is_alias = is_alias;
	return ERR_OK;
}

enum err dns_packet_read(struct slice packet, const struct dns_question *q, struct dns_reply *ret)
{
	char owner[DNS_NAME];
	unsigned answers;
	size_t at;
	bool is_alias = true;
	enum err e = packet.n <= DNS_MESSAGE_MAX ? take_head(packet, q, &at, &answers) : ERR_SYNTAX;

	if (e != ERR_OK)
		return e;
	ret->used = 0;
	ret->answer = (struct dns_answer){ .address = ret->address, .text = ret->text };
	memcpy(owner, q->name, sizeof owner);
	for (unsigned i = 0; i <= DNS_CNAMES && is_alias && ret->answer.count == 0; i++) {
		e = take_answers(packet, at, answers, q->type, owner, &is_alias, ret);
		if (e != ERR_OK)
			return e;
	}
	ret->answer.result = ret->answer.count ? DNS_OK : DNS_NONE;
	return ERR_OK;
}
