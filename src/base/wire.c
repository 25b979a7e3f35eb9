/*
 * wire: big-endian cursors.
 * SPDX-License-Identifier: ISC
 */
#include "base/wire.h"

struct rd rd_init(const void *p, size_t n)
{
	return (struct rd){ .p = p, .n = n };
}

static const uint8_t *rd_take(struct rd *r, size_t n)
{
	const uint8_t *p = r->p;

	if (r->bad || r->n < n) {
		r->bad = true;
		return NULL;
	}
	r->p += n;
	r->n -= n;
	return p;
}

/* n bytes at p. Written out, since compilers make a load and a swap of that, but a loop of a loop. */
__attribute__((always_inline)) static inline uint64_t be(const uint8_t *p, size_t n)
{
	if (n == 1)
		return p[0];
	if (n == 2)
		return (uint64_t)p[0] << 8 | p[1];
	if (n == 4)
		return (uint64_t)p[0] << 24 | (uint64_t)p[1] << 16 | (uint64_t)p[2] << 8 | p[3];
	return (uint64_t)p[0] << 56 | (uint64_t)p[1] << 48 | (uint64_t)p[2] << 40 | (uint64_t)p[3] << 32 |
	       (uint64_t)p[4] << 24 | (uint64_t)p[5] << 16 | (uint64_t)p[6] << 8 | p[7];
}

/* n: 1, 2, 4 or 8 */
__attribute__((always_inline)) static inline uint64_t rd_be(struct rd *r, size_t n)
{
	const uint8_t *p = rd_take(r, n);

	return p ? be(p, n) : 0;
}

uint8_t rd_u8(struct rd *r)
{
	return (uint8_t)rd_be(r, 1);
}

uint8_t rd_range(struct rd *r, unsigned first, unsigned last)
{
	uint8_t v = rd_u8(r);

	if (v < first || v > last)
		r->bad = true;
	return v;
}

uint16_t rd_u16(struct rd *r)
{
	return (uint16_t)rd_be(r, 2);
}

uint32_t rd_u32(struct rd *r)
{
	return (uint32_t)rd_be(r, 4);
}

uint64_t rd_u64(struct rd *r)
{
	return rd_be(r, 8);
}

struct slice rd_bytes(struct rd *r, size_t max)
{
	size_t n = rd_u16(r);
	const uint8_t *p;

	if (n > max)
		r->bad = true;
	p = rd_take(r, n);
	return p ? slice_of(p, n) : (struct slice){ "", 0 };
}

void rd_cstr(struct rd *r, char *to, size_t size)
{
	struct slice s = rd_bytes(r, size - 1);

	if (slice_find(s, '\0') < s.n) {
		r->bad = true;
		s.n = 0;
	}
	slice_copy(s, to, size);
}

struct ipaddr rd_ipaddr(struct rd *r)
{
	struct ipaddr a = { 0 };
	uint8_t family = rd_u8(r);
	size_t n = family == 4 ? 4 : family == 6 ? 16 : 0;
	const uint8_t *p;

	if (family != 0 && n == 0)
		r->bad = true;
	p = rd_take(r, n);
	if (p && n) {
		a.family = family;
		memcpy(a.b, p, n);
	}
	return a;
}

struct prefix rd_prefix(struct rd *r)
{
	struct prefix p = { .addr = rd_ipaddr(r) };

	p.len = rd_u8(r);
	if (p.len > ipaddr_bits(&p.addr))
		r->bad = true;
	return r->bad ? (struct prefix){ 0 } : p;
}

bool rd_end(const struct rd *r)
{
	return !r->bad && r->n == 0;
}

struct wr wr_init(void *p, size_t size)
{
	return (struct wr){ .p = p, .size = size };
}

static uint8_t *wr_room(struct wr *w, size_t n)
{
	uint8_t *p = w->p + w->n;

	if (w->bad || w->size - w->n < n) {
		w->bad = true;
		return NULL;
	}
	w->n += n;
	return p;
}

__attribute__((always_inline)) static inline void wr_be(struct wr *w, uint64_t v, size_t n)
{
	uint8_t *p = wr_room(w, n);

	for (size_t i = 0; p && i < n; i++)
		p[i] = (uint8_t)(v >> (8 * (n - 1 - i)));
}

void wr_u8(struct wr *w, uint8_t v)
{
	wr_be(w, v, 1);
}

void wr_u16(struct wr *w, uint16_t v)
{
	wr_be(w, v, 2);
}

void wr_u32(struct wr *w, uint32_t v)
{
	wr_be(w, v, 4);
}

void wr_u64(struct wr *w, uint64_t v)
{
	wr_be(w, v, 8);
}

void wr_raw(struct wr *w, struct slice s)
{
	uint8_t *p = wr_room(w, s.n);

	if (p && s.n)
		memcpy(p, s.p, s.n);
}

void wr_bytes(struct wr *w, struct slice s)
{
	if (s.n > UINT16_MAX) {
		w->bad = true;
		return;
	}
	wr_u16(w, (uint16_t)s.n);
	wr_raw(w, s);
}

void wr_cstr(struct wr *w, const char *s)
{
	wr_bytes(w, slice_str(s));
}

void wr_ipaddr(struct wr *w, const struct ipaddr *a)
{
	wr_u8(w, a->family);
	wr_raw(w, slice_of(a->b, ipaddr_bits(a) / 8));
}

void wr_prefix(struct wr *w, const struct prefix *p)
{
	wr_ipaddr(w, &p->addr);
	wr_u8(w, p->len);
}
