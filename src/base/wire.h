/*
 * wire: binary cursors, big-endian. The only way bytes become numbers here:
 * messages between roles and records in the store are read and written with
 * them. Errors are sticky: read or write all fields, then test bad once.
 * SPDX-License-Identifier: ISC
 */
#ifndef BASE_WIRE_H
#define BASE_WIRE_H
#include "base/ipaddr.h"
#include "base/slice.h"

#include <stdint.h>

/* Reader: borrows the bytes. After a short read bad is true and every get gives 0. */
struct rd {
	const uint8_t *p;
	size_t n;
	bool bad;
};

struct rd rd_init(const void *p, size_t n);
uint8_t rd_u8(struct rd *r);
/* A byte in first..last; another is bad. */
uint8_t rd_range(struct rd *r, unsigned first, unsigned last);
uint16_t rd_u16(struct rd *r);
uint32_t rd_u32(struct rd *r);
uint64_t rd_u64(struct rd *r);
/* u16 length, then bytes; more than max is bad. The slice borrows the input. */
struct slice rd_bytes(struct rd *r, size_t max);
/* The same, copied as a C string into to[size]; an inner NUL or too long is bad. */
void rd_cstr(struct rd *r, char *to, size_t size);
/* Family byte (0 none, 4, 6) and 4 or 16 bytes; another family is bad. */
struct ipaddr rd_ipaddr(struct rd *r);
/* Address and length byte; a length beyond the family's width is bad. */
struct prefix rd_prefix(struct rd *r);
/* True when everything was read, nothing is left over and nothing was bad. */
bool rd_end(const struct rd *r);

/* Writer into the caller's array. Too small: bad, and nothing more is written. */
struct wr {
	uint8_t *p;
	size_t n;
	size_t size;
	bool bad;
};

struct wr wr_init(void *p, size_t size);
void wr_u8(struct wr *w, uint8_t v);
void wr_u16(struct wr *w, uint16_t v);
void wr_u32(struct wr *w, uint32_t v);
void wr_u64(struct wr *w, uint64_t v);
/* u16 length, then bytes; above 65,535 is bad. */
void wr_bytes(struct wr *w, struct slice s);
void wr_cstr(struct wr *w, const char *s);
/* Bytes as they are, no length. */
void wr_raw(struct wr *w, struct slice s);
void wr_ipaddr(struct wr *w, const struct ipaddr *a);
void wr_prefix(struct wr *w, const struct prefix *p);
static inline struct slice wr_slice(const struct wr *w)
{
	return slice_of(w->p, w->n);
}

#endif /* BASE_WIRE_H */
