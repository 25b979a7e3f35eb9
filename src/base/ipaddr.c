/*
 * ipaddr: text and bits of addresses. inet_ntop writes RFC 5952 already.
 * SPDX-License-Identifier: ISC
 */
#include "base/ipaddr.h"

#include <arpa/inet.h>
#include <stdio.h>

#include "base/num.h"

static const uint8_t mapped_head[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };

/* "192.0.2.1" as inet_pton takes it (no leading zeros), without a copy: logs are full of these. */
static bool parse4(struct slice s, uint8_t to[4])
{
	const char *p = s.p, *end = s.p + s.n, *first;

	if (s.n < sizeof "0.0.0.0" - 1)
		return false;
	for (unsigned part = 0; part < 4; part++) {
		unsigned v = 0, digit;

		if (part && (p == end || *p++ != '.'))
			return false;
		for (first = p; p != end && p != first + 3 && (digit = (unsigned)*p - '0') <= 9; p++)
			v = v * 10 + digit;
		if (p == first || v > 255 || (*first == '0' && p != first + 1))
			return false;
		to[part] = (uint8_t)v;
	}
	return p == end;
}

static bool parse6(struct slice s, struct ipaddr *ret)
{
	char text[IPADDR_TEXT];

	if (s.n == 0 || s.n >= sizeof text || slice_find(s, '\0') < s.n)
		return false;
	slice_copy(s, text, sizeof text);
	if (inet_pton(AF_INET6, text, ret->b) != 1)
		return false;
	ret->family = 6;
	if (memcmp(ret->b, mapped_head, sizeof mapped_head) == 0) {
		memmove(ret->b, ret->b + 12, 4);
		memset(ret->b + 4, 0, 12);
		ret->family = 4;
	}
	return true;
}

enum err ipaddr_parse(struct slice s, struct ipaddr *ret)
{
	struct ipaddr a = { .family = 4 };

	if (!parse4(s, a.b) && !parse6(s, &a))
		return ERR_SYNTAX;
	*ret = a;
	return ERR_OK;
}

const char *ipaddr_format(const struct ipaddr *a, char to[IPADDR_TEXT])
{
	to[0] = '\0';
	if (a->family)
		(void)inet_ntop(a->family == 4 ? AF_INET : AF_INET6, a->b, to, IPADDR_TEXT);
	return to;
}

bool ipaddr_eq(const struct ipaddr *a, const struct ipaddr *b)
{
	return a->family == b->family && memcmp(a->b, b->b, sizeof a->b) == 0;
}

enum err prefix_length_parse(struct slice len, struct slice host, const struct ipaddr *a, uint8_t *ret)
{
	uint64_t before = a->family == 4 && slice_find(host, ':') < host.n ? 8 * sizeof mapped_head : 0, v;
	enum err e = num_parse(len, before + ipaddr_bits(a), &v);

	if (e != ERR_OK || v < before)
		return e != ERR_OK ? e : ERR_SYNTAX;
	*ret = (uint8_t)(v - before);
	return ERR_OK;
}

enum err prefix_parse(struct slice s, struct prefix *ret)
{
	size_t slash = slice_find(s, '/');
	struct slice host = slice_head(s, slash);
	struct prefix p = { 0 }, masked;
	enum err e = ipaddr_parse(host, &p.addr);

	p.len = (uint8_t)ipaddr_bits(&p.addr);
	if (e == ERR_OK && slash < s.n)
		e = prefix_length_parse(slice_from(s, slash + 1), host, &p.addr, &p.len);
	if (e != ERR_OK)
		return e;
	masked = prefix_of(&p.addr, p.len);
	if (!ipaddr_eq(&p.addr, &masked.addr))
		return ERR_SYNTAX;
	*ret = p;
	return ERR_OK;
}

const char *prefix_format(const struct prefix *p, char to[PREFIX_TEXT])
{
	char text[IPADDR_TEXT];

	(void)ipaddr_format(&p->addr, text);
	if (p->len == ipaddr_bits(&p->addr))
		(void)snprintf(to, PREFIX_TEXT, "%s", text);
	else
		(void)snprintf(to, PREFIX_TEXT, "%s/%u", text, p->len);
	return to;
}

struct prefix prefix_of(const struct ipaddr *a, unsigned len)
{
	struct prefix p = { .addr = *a };
	unsigned bits = ipaddr_bits(a);

	if (len > bits)
		len = bits;
	p.len = (uint8_t)len;
	if (bits && len == bits)
		return p;
	p.addr.b[len / 8] &= (uint8_t)(0xff00u >> len % 8);
	memset(p.addr.b + len / 8 + 1, 0, sizeof p.addr.b - len / 8 - 1);
	return p;
}

bool prefix_has(const struct prefix *p, const struct ipaddr *a)
{
	unsigned full = p->len / 8, rest = p->len % 8;

	if (p->addr.family != a->family || a->family == 0)
		return false;
	if (memcmp(p->addr.b, a->b, full) != 0)
		return false;
	return rest == 0 || ((p->addr.b[full] ^ a->b[full]) & (uint8_t)(0xff00u >> rest)) == 0;
}

bool prefix_eq(const struct prefix *a, const struct prefix *b)
{
	return a->len == b->len && ipaddr_eq(&a->addr, &b->addr);
}

bool prefix_overlaps(const struct prefix *a, const struct prefix *b)
{
	return a->len <= b->len ? prefix_has(a, &b->addr) : prefix_has(b, &a->addr);
}

struct ipaddr prefix_last(const struct prefix *p)
{
	struct ipaddr a = p->addr;

	for (unsigned i = p->len / 8, keep = p->len % 8; i < ipaddr_bits(&a) / 8; i++, keep = 0)
		a.b[i] |= (uint8_t)(0xffu >> keep);
	return a;
}

void prefix_halve(const struct prefix *p, struct prefix ret[2])
{
	ret[0] = ret[1] = *p;
	ret[0].len++;
	ret[1].len++;
	ret[1].addr.b[p->len / 8] |= (uint8_t)(0x80u >> p->len % 8);
}

bool ipaddr_is_private(const struct ipaddr *a)
{
	const uint8_t *b = a->b;

	if (a->family == 4)
		return b[0] == 0 || b[0] == 10 || b[0] == 127 || b[0] >= 224 || (b[0] == 100 && (b[1] & 0xc0) == 64) ||
		       (b[0] == 169 && b[1] == 254) || (b[0] == 172 && (b[1] & 0xf0) == 16) ||
		       (b[0] == 192 && b[1] == 168);
	if (a->family == 6) {
		static const uint8_t zero[15] = { 0 };

		if (memcmp(b, zero, 15) == 0 && b[15] <= 1)
			return true; /* :: and ::1 */
		if (b[0] == 1 && memcmp(b + 1, zero, 7) == 0)
			return true; /* discard-only */
		return (b[0] & 0xfe) == 0xfc || b[0] == 0xff || (b[0] == 0xfe && (b[1] & 0x80) == 0x80);
	}
	return true;
}

bool ipaddr_is_documentation(const struct ipaddr *a)
{
	static const struct prefix nets[] = {
		{ { 4, { 192, 0, 2 } }, 24 },
		{ { 4, { 198, 51, 100 } }, 24 },
		{ { 4, { 203, 0, 113 } }, 24 },
		{ { 6, { 0x20, 0x01, 0x0d, 0xb8 } }, 32 },
	};

	for (size_t i = 0; i < sizeof nets / sizeof nets[0]; i++)
		if (prefix_has(&nets[i], a))
			return true;
	return false;
}
