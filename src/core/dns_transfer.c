/*
 * dns_transfer: see the header.
 * SPDX-License-Identifier: ISC
 */
#include "core/dns_transfer.h"

#define SOA_NUMBERS 20 /* bytes behind the two names */

void dns_transfer_init(struct dns_transfer *t, const char *zone, dns_transfer_fn fn, void *ctx)
{
	*t = (struct dns_transfer){ .zone = zone, .fn = fn, .ctx = ctx };
}

static enum err read_serial(struct slice m, const struct dns_record *r, uint32_t *ret)
{
	size_t at = r->data, end = r->data + r->length;
	char name[DNS_NAME];
	struct rd d;

	for (unsigned i = 0; i < 2; i++)
		if (dns_wire_name(m, &at, name) != ERR_OK)
			return ERR_SYNTAX;
	if (at > end || end - at != SOA_NUMBERS)
		return ERR_SYNTAX;
	d = rd_init(m.p + at, SOA_NUMBERS);
	*ret = rd_u32(&d);
	return ERR_OK;
}

/* To the first answer; how many there are. */
static enum err skip_questions(struct slice m, size_t *ret_at, unsigned *ret_answers)
{
	size_t at = DNS_HEADER;
	char name[DNS_NAME];

	if (m.n < DNS_HEADER)
		return ERR_SYNTAX;
	for (unsigned i = dns_wire_number(m, 4); i > 0; i--) {
		if (dns_wire_name(m, &at, name) != ERR_OK || m.n - at < 4)
			return ERR_SYNTAX;
		at += 4;
	}
	*ret_at = at;
	*ret_answers = dns_wire_number(m, 6);
	return ERR_OK;
}

static bool is_soa(const struct dns_record *r, const char *zone)
{
	return r->type == DNS_TYPE_SOA && strcmp(r->owner, zone) == 0;
}

static enum err take_record(struct dns_transfer *t, struct slice m, const struct dns_record *r)
{
	struct prefix p;
	uint32_t serial;

	if (t->is_done || r->class != DNS_CLASS_IN || (r->type == DNS_TYPE_SOA) != is_soa(r, t->zone))
		return ERR_SYNTAX;
	if (r->type == DNS_TYPE_SOA) {
		if (read_serial(m, r, &serial) != ERR_OK || (t->has_begun && serial != t->serial))
			return ERR_SYNTAX;
		t->is_done = t->has_begun;
		t->has_begun = true;
		t->serial = serial;
		return ERR_OK;
	}
	if (!t->has_begun)
		return ERR_SYNTAX;
	if (++t->records > DNS_TRANSFER_RECORDS)
		return ERR_LIMIT;
	if ((r->type == DNS_A || r->type == DNS_TXT) && dns_owner_read(r->owner, t->zone, &p))
		t->fn(t->ctx, &p, r->type, slice_of(m.p + r->data, r->length));
	else
		t->others++;
	return ERR_OK;
}

enum err dns_transfer_take(struct dns_transfer *t, struct slice message)
{
	unsigned answers;
	size_t at;
	enum err e = skip_questions(message, &at, &answers);

	if (e != ERR_OK)
		return e;
	t->bytes += message.n;
	if (t->bytes > DNS_TRANSFER_BYTES || (answers == 0 && ++t->empty > DNS_TRANSFER_EMPTY))
		return ERR_LIMIT;
	for (unsigned i = 0; i < answers && e == ERR_OK; i++) {
		struct dns_record r;

		e = dns_wire_record(message, &at, &r);
		if (e == ERR_OK)
			e = take_record(t, message, &r);
	}
	return e;
}

enum err dns_transfer_serial(struct slice message, const char *zone, uint32_t *ret)
{
	struct dns_record r;
	unsigned answers;
	size_t at;

	if (skip_questions(message, &at, &answers) != ERR_OK || answers == 0 ||
		dns_wire_record(message, &at, &r) != ERR_OK || !is_soa(&r, zone))
		return ERR_SYNTAX;
	return read_serial(message, &r, ret);
}
