/*
 * dns_owner: see the header.
 * SPDX-License-Identifier: ISC
 */
#include "core/dns_owner.h"

#include "base/num.h"

#define V6_LEAST 16

/* Bits of a label. */
static unsigned step_of(const struct ipaddr *a)
{
	return a->family == 4 ? 8 : 4;
}

static unsigned label_at(const struct ipaddr *a, unsigned i)
{
	if (a->family == 4)
		return a->b[i];
	return i % 2 ? a->b[i / 2] & 15u : a->b[i / 2] >> 4;
}

bool dns_owner_is_name(const struct prefix *p)
{
	unsigned labels = p->len / step_of(&p->addr);

	if (p->len == 0 || p->len % step_of(&p->addr))
		return false;
	if (p->addr.family == 6)
		return p->len >= V6_LEAST;
	if (p->len == 32)
		return true;
	for (unsigned i = 0; i < labels; i++)
		if (p->addr.b[i] > 9)
			return true;
	return false;
}

static void put_label(struct wr *w, const struct ipaddr *a, unsigned value)
{
	char text[4];
	unsigned n = 0;

	if (a->family == 6) {
		text[n++] = "0123456789abcdef"[value];
	} else {
		if (value >= 100)
			text[n++] = (char)('0' + value / 100);
		if (value >= 10)
			text[n++] = (char)('0' + value / 10 % 10);
		text[n++] = (char)('0' + value % 10);
	}
	wr_u8(w, (uint8_t)n);
	wr_raw(w, slice_of(text, n));
}

void dns_owner_put(struct wr *w, const struct prefix *p)
{
	if (p->len < ipaddr_bits(&p->addr))
		wr_raw(w, SLICE_LIT("\1*"));
	for (unsigned i = p->len / step_of(&p->addr); i > 0; i--)
		put_label(w, &p->addr, label_at(&p->addr, i - 1));
}

/* Canonical decimal or one hexadecimal digit. */
static bool read_label(struct slice s, unsigned family, unsigned *ret)
{
	uint64_t value;

	if (family == 6) {
		const char *digits = "0123456789abcdef", *at;

		at = s.n == 1 && s.p[0] ? strchr(digits, s.p[0]) : NULL;
		*ret = at ? (unsigned)(at - digits) : 0;
		return at != NULL;
	}
	if (s.n > 3 || (s.n > 1 && s.p[0] == '0') || num_parse(s, 255, &value) != ERR_OK)
		return false;
	*ret = (unsigned)value;
	return true;
}

static bool read_as(struct slice s, unsigned family, struct prefix *ret)
{
	struct prefix p = { .addr = { .family = (uint8_t)family } };
	unsigned step = step_of(&p.addr), most = ipaddr_bits(&p.addr) / step, n = 0;
	bool is_network = slice_starts(s, SLICE_LIT("*.")), is_cut = false;

	if (is_network)
		s = slice_from(s, 2);
	while (s.n && n < most) {
		size_t dot = slice_rfind(s, '.');
		struct slice label = dot == s.n ? s : slice_from(s, dot + 1);
		unsigned value;

		if (!read_label(label, family, &value))
			return false;
		p.addr.b[n * step / 8] |= (uint8_t)(step == 4 && n % 2 == 0 ? value << 4 : value);
		n++;
		is_cut = dot < s.n;
		s = slice_head(s, is_cut ? dot : 0);
	}
	p.len = (uint8_t)(n * step);
	if (s.n || is_cut || is_network != (n < most) || !dns_owner_is_name(&p))
		return false;
	*ret = p;
	return true;
}

bool dns_owner_read(const char *owner, const char *zone, struct prefix *ret)
{
	struct slice s = slice_str(owner), z = slice_str(zone);

	if (s.n < z.n + 2 || !slice_ends(s, z) || s.p[s.n - z.n - 1] != '.')
		return false;
	s = slice_head(s, s.n - z.n - 1);
	return read_as(s, 4, ret) || read_as(s, 6, ret);
}
