/*
 * record_field: fields that several records share, over base/wire. For
 * record.c and record_history.c only. What is malformed makes the cursor bad.
 * SPDX-License-Identifier: ISC
 */
#ifndef CORE_RECORD_FIELD_H
#define CORE_RECORD_FIELD_H
#include "core/record.h"

#include <math.h>

static inline void record_put_double(struct wr *w, double v)
{
	uint64_t bits;

	if (!isfinite(v))
		w->bad = true;
	memcpy(&bits, &v, sizeof bits);
	wr_u64(w, bits);
}

static inline double record_get_double(struct rd *r)
{
	uint64_t bits = rd_u64(r);
	double v;

	memcpy(&v, &bits, sizeof v);
	if (!isfinite(v)) {
		r->bad = true;
		return 0;
	}
	return v;
}

static inline void record_put_float(struct wr *w, float v)
{
	uint32_t bits;

	if (!isfinite(v))
		w->bad = true;
	memcpy(&bits, &v, sizeof bits);
	wr_u32(w, bits);
}

static inline float record_get_float(struct rd *r)
{
	uint32_t bits = rd_u32(r);
	float v;

	memcpy(&v, &bits, sizeof v);
	if (!isfinite(v)) {
		r->bad = true;
		return 0;
	}
	return v;
}

/* Length of a list; more than max is malformed and reads as none. */
static inline uint32_t record_get_count(struct rd *r, uint32_t max)
{
	uint32_t n = rd_u8(r);

	if (n > max) {
		r->bad = true;
		return 0;
	}
	return n;
}

/* The version is at most newest; it tells what the record holds. */
static inline enum err record_start_get_version(struct rd *r, struct slice in, uint8_t newest, uint8_t *ret_version)
{
	*r = rd_init(in.p, in.n);
	*ret_version = rd_u8(r);
	if (*ret_version > newest)
		return ERR_VERSION;
	return *ret_version == 0 ? ERR_SYNTAX : ERR_OK;
}

static inline enum err record_start_get(struct rd *r, struct slice in)
{
	uint8_t version;

	return record_start_get_version(r, in, RECORD_VERSION, &version);
}

/* The prefix as a key or value: bits beyond its length must be 0, else two keys would name one host. */
static inline struct prefix record_get_clean_prefix(struct rd *r)
{
	struct prefix p = rd_prefix(r), masked = prefix_of(&p.addr, p.len);

	if (p.addr.family == 0 || !prefix_eq(&p, &masked))
		r->bad = true;
	return p;
}

#endif /* CORE_RECORD_FIELD_H */
