/*
 * dns_update: see the header. Owners are compressed to the zone's name, which
 * stands right behind the header.
 * SPDX-License-Identifier: ISC
 */
#include "core/dns_update.h"

#define TO_ZONE (0xc000u | DNS_HEADER)
#define AT_UPDATES 8 /* UPCOUNT */

static void put_head(struct wr *w, uint16_t id, unsigned opcode, const char *zone, unsigned type)
{
	wr_u16(w, id);
	wr_u16(w, (uint16_t)(opcode << 11));
	wr_u16(w, 1);
	wr_u16(w, 0);
	wr_u32(w, 0);
	dns_wire_put_name(w, zone);
	wr_u16(w, (uint16_t)type);
	wr_u16(w, DNS_CLASS_IN);
}

void dns_update_begin(struct dns_update *u, uint8_t *bytes, size_t size, uint16_t id, const char *zone)
{
	*u = (struct dns_update){ .w = wr_init(bytes, size) };
	put_head(&u->w, id, DNS_OPCODE_UPDATE, zone, DNS_TYPE_SOA);
}

void dns_update_ask(struct wr *w, uint16_t id, const char *zone, unsigned type)
{
	put_head(w, id, DNS_OPCODE_QUERY, zone, type);
}

static void put_record(struct dns_update *u, const struct prefix *p, unsigned type, unsigned class, uint32_t ttl_s)
{
	dns_owner_put(&u->w, p);
	wr_u16(&u->w, TO_ZONE);
	wr_u16(&u->w, (uint16_t)type);
	wr_u16(&u->w, (uint16_t) class);
	wr_u32(&u->w, ttl_s < DNS_TTL_MAX ? ttl_s : DNS_TTL_MAX);
	u->records++;
}

void dns_update_clear(struct dns_update *u, const struct prefix *p)
{
	put_record(u, p, DNS_A, DNS_CLASS_ANY, 0);
	wr_u16(&u->w, 0);
	put_record(u, p, DNS_TXT, DNS_CLASS_ANY, 0);
	wr_u16(&u->w, 0);
}

void dns_update_add(struct dns_update *u, const struct prefix *p, uint32_t ttl_s, uint8_t code, struct slice text)
{
	const uint8_t address[4] = { 127, 0, 0, code };

	put_record(u, p, DNS_A, DNS_CLASS_IN, ttl_s);
	wr_bytes(&u->w, slice_of(address, sizeof address));
	if (text.n == 0)
		return;
	text = slice_head(text, DNS_UPDATE_TEXT);
	put_record(u, p, DNS_TXT, DNS_CLASS_IN, ttl_s);
	wr_u16(&u->w, (uint16_t)(text.n + 1));
	wr_u8(&u->w, (uint8_t)text.n);
	wr_raw(&u->w, text);
}

void dns_update_end(struct dns_update *u)
{
	if (u->w.bad)
		return;
	u->w.p[AT_UPDATES] = (uint8_t)(u->records >> 8);
	u->w.p[AT_UPDATES + 1] = (uint8_t)u->records;
}

enum err dns_head_read(struct slice message, struct dns_head *ret)
{
	unsigned flags;

	if (message.n < DNS_HEADER)
		return ERR_SYNTAX;
	flags = dns_wire_number(message, 2);
	*ret = (struct dns_head){ .id = (uint16_t)dns_wire_number(message, 0),
		.opcode = flags >> 11 & 15u,
		.rcode = flags & 15u,
		.is_answer = flags & 0x8000u,
		.is_authoritative = flags & 0x0400u,
		.is_cut = flags & 0x0200u };
	return ERR_OK;
}
