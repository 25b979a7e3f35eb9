/*
 * dns_wire: see the header.
 * SPDX-License-Identifier: ISC
 */
#include "core/dns_wire.h"

#define POINTER 0xc0
#define POINTERS 64   /* of one name */
#define WIRE_NAME 255 /* bytes of one, with its root: RFC 1035 2.3.4 */

static uint8_t byte_at(struct slice m, size_t i)
{
	return (uint8_t)m.p[i];
}

unsigned dns_wire_number(struct slice message, size_t i)
{
	return (unsigned)byte_at(message, i) << 8 | byte_at(message, i + 1);
}

/* One label to the end of the text. False: no room. A byte that a host name cannot have makes the text "". */
static bool add_label(struct slice label, char to[DNS_NAME], size_t *n, bool *is_odd)
{
	/* as text a label has a dot where it has its length on the wire */
	if (*n + label.n + 1 > WIRE_NAME - 1)
		return false;
	for (size_t i = 0; i < label.n; i++) {
		char c = ascii_lower(label.p[i]);

		*is_odd = *is_odd || c <= ' ' || c > '~' || c == '.';
		to[(*n)++] = c;
	}
	to[(*n)++] = '.';
	return true;
}

enum err dns_wire_name(struct slice message, size_t *at, char to[DNS_NAME])
{
	size_t i = *at, n = 0, lowest = *at;
	unsigned pointers = 0;
	bool is_odd = false;

	for (;;) {
		size_t len = i < message.n ? byte_at(message, i) : POINTER;

		if (len == 0)
			break;
		if (len < POINTER && len > DNS_LABEL)
			return ERR_SYNTAX;
		if (len < POINTER) {
			if (i + 1 + len > message.n || !add_label(slice_of(message.p + i + 1, len), to, &n, &is_odd))
				return ERR_SYNTAX;
			i += 1 + len;
			continue;
		}
		if (i + 2 > message.n || ++pointers > POINTERS)
			return ERR_SYNTAX;
		if (pointers == 1)
			*at = i + 2;
		i = dns_wire_number(message, i) & 0x3fffu;
		if (i >= lowest)
			return ERR_SYNTAX;
		lowest = i;
	}
	if (pointers == 0)
		*at = i + 1;
	to[n ? n - 1 : 0] = '\0';
	if (is_odd)
		to[0] = '\0';
	return ERR_OK;
}

enum err dns_wire_record(struct slice message, size_t *at, struct dns_record *ret)
{
	size_t begin = *at;

	if (dns_wire_name(message, at, ret->owner) != ERR_OK || message.n - *at < 10)
		return ERR_SYNTAX;
	ret->at = begin;
	ret->type = dns_wire_number(message, *at);
	ret->class = dns_wire_number(message, *at + 2);
	ret->ttl_s = (uint32_t)dns_wire_number(message, *at + 4) << 16 | dns_wire_number(message, *at + 6);
	if (ret->ttl_s > DNS_TTL_MAX)
		ret->ttl_s = 0;
	ret->length = dns_wire_number(message, *at + 8);
	ret->data = *at + 10;
	if (ret->length > message.n - ret->data)
		return ERR_SYNTAX;
	*at = ret->data + ret->length;
	return ERR_OK;
}

void dns_wire_put_name(struct wr *w, const char *name)
{
	struct slice s = slice_str(name);

	while (s.n) {
		size_t n = slice_find(s, '.');

		if (n == 0 || n > DNS_LABEL)
			w->bad = true;
		wr_u8(w, (uint8_t)n);
		for (size_t i = 0; i < n; i++)
			wr_u8(w, (uint8_t)ascii_lower(s.p[i]));
		s = slice_from(s, n + 1);
	}
	wr_u8(w, 0);
}
