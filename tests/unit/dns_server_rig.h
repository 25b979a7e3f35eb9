/*
 * dns_server_rig: a primary server in memory for the tests of dns_primary: a
 * zone as a list of records, changed by updates, given by transfers, with
 * answers that are signed, or wrong in a way that the test names. Its HMAC is
 * computed here and not by core/dns_tsig.
 * SPDX-License-Identifier: ISC
 */
#ifndef TESTS_DNS_SERVER_RIG_H
#define TESTS_DNS_SERVER_RIG_H
#include "core/dns_primary.h"

#define RIG_ZONE "bl.example"
#define RIG_RECORDS 4000
#define RIG_IN_MESSAGE 100 /* records of a transfer */

enum rig_wrong {
	RIG_RIGHT = 0,
	RIG_ID,    /* another id */
	RIG_QUERY, /* not an answer */
	RIG_UNSIGNED,
	RIG_MAC,         /* wrong signature */
	RIG_OLD,         /* signed an hour ago */
	RIG_OLD_WIDE,    /* the same, and says that this is near enough */
	RIG_CLASS,       /* AXFR: of another class */
	RIG_SHORT,       /* cut in the middle */
	RIG_RCODE,       /* rig.rcode, signed */
	RIG_RCODE_PLAIN, /* the same, not signed */
	RIG_BADKEY,      /* NOTAUTH and an unsigned TSIG that says so */
	RIG_BADTIME,     /* signed; its clock is 1,000 s ahead */
	RIG_NO_SOA,      /* AXFR: begins with a record */
	RIG_OTHER_SOA,   /* ends with another serial */
	RIG_OTHER_ZONE,
	RIG_EMPTY, /* messages without records, for ever */
	RIG_OPEN,  /* the last message is not signed */
	RIG_MORE,  /* a record behind the last SOA */
	RIG_NOT_AA,
};

struct rig_record {
	char owner[DNS_NAME];
	unsigned type;
	uint32_t ttl_s;
	size_t n;
	uint8_t data[300];
};

struct rig {
	struct dns_primary *p;
	struct rig_record zone[RIG_RECORDS];
	size_t records;
	uint32_t serial;
	enum rig_wrong wrong;
	unsigned rcode;
	unsigned asked[3], deletes, adds; /* SOA, AXFR, UPDATE */
	uint8_t bytes[65536];
	/* the answer being signed */
	uint8_t mac[DNS_TSIG_MAC];
	bool is_later;
	uint8_t before[65536]; /* unsigned messages since the last signature, which covers them */
	size_t before_n;
};

/* Defined by the test: a message has come for p. */
void rig_deliver(struct rig *r, struct slice message);

static uint64_t rig_now = 1795332000;

static inline void rig_put_time(const struct rig *r, struct wr *w, uint64_t time)
{
	wr_u16(w, (uint16_t)(time >> 32));
	wr_u32(w, (uint32_t)time);
	wr_u16(w, r->wrong == RIG_OLD_WIDE ? UINT16_MAX : 300);
}

/* Sign w as an answer of hmac-sha256; error: of the TSIG. */
static inline void rig_sign(struct rig *r, struct wr *w, unsigned error)
{
	const struct dns_tsig_key *k = r->p->key;
	uint64_t time = r->wrong == RIG_OLD || r->wrong == RIG_OLD_WIDE ? rig_now - 3600 : rig_now;
	struct slice other = error == 18 ? slice_of("\0\0\x6b\x02\x9b\x88", 6) : slice_of("", 0);
	uint8_t bytes[1024];
	struct wr d = wr_init(bytes, sizeof bytes), length;
	crypto_auth_hmacsha256_state s;
	size_t begin;

	wr_bytes(&d, slice_of(r->mac, 32));
	crypto_auth_hmacsha256_init(&s, k->secret, k->n);
	crypto_auth_hmacsha256_update(&s, d.p, d.n);
	crypto_auth_hmacsha256_update(&s, r->before, r->before_n);
	crypto_auth_hmacsha256_update(&s, w->p, w->n);
	r->before_n = 0;
	d = wr_init(bytes, sizeof bytes);
	if (!r->is_later) {
		dns_wire_put_name(&d, k->name);
		wr_u16(&d, DNS_CLASS_ANY);
		wr_u32(&d, 0);
		dns_wire_put_name(&d, "hmac-sha256");
	}
	rig_put_time(r, &d, time);
	if (!r->is_later) {
		wr_u16(&d, (uint16_t)error);
		wr_bytes(&d, other);
	}
	crypto_auth_hmacsha256_update(&s, d.p, d.n);
	crypto_auth_hmacsha256_final(&s, r->mac);
	if (r->wrong == RIG_MAC)
		r->mac[7] ^= 1;
	dns_wire_put_name(w, k->name);
	wr_u16(w, DNS_TYPE_TSIG);
	wr_u16(w, DNS_CLASS_ANY);
	wr_u32(w, 0);
	length = *w;
	wr_u16(w, 0);
	begin = w->n;
	dns_wire_put_name(w, "hmac-sha256");
	rig_put_time(r, w, time);
	wr_bytes(w, slice_of(r->mac, r->wrong == RIG_BADKEY ? 0 : 32));
	wr_raw(w, slice_of(w->p, 2));
	wr_u16(w, (uint16_t)error);
	wr_bytes(w, other);
	wr_u16(&length, (uint16_t)(w->n - begin));
	w->p[11]++;
	r->is_later = true;
}

static inline void rig_put_record(const struct rig *r, struct wr *w, const struct rig_record *x)
{
	dns_wire_put_name(w, x->owner);
	wr_u16(w, (uint16_t)x->type);
	wr_u16(w, r->wrong == RIG_CLASS ? 3 : DNS_CLASS_IN);
	wr_u32(w, x->ttl_s);
	wr_bytes(w, slice_of(x->data, x->n));
	w->p[7] = (uint8_t)(w->p[7] + 1);
}

static inline void rig_put_soa(struct rig *r, struct wr *w, bool is_last)
{
	struct rig_record x = { .type = DNS_TYPE_SOA, .ttl_s = 60 };
	struct wr d = wr_init(x.data, sizeof x.data);

	slice_copy(slice_str(r->wrong == RIG_OTHER_ZONE ? "xl.example" : RIG_ZONE), x.owner, sizeof x.owner);
	dns_wire_put_name(&d, "ns." RIG_ZONE);
	dns_wire_put_name(&d, "hostmaster." RIG_ZONE);
	wr_u32(&d, r->serial + (is_last && r->wrong == RIG_OTHER_SOA));
	for (unsigned i = 0; i < 4; i++)
		wr_u32(&d, 3600);
	x.n = d.n;
	rig_put_record(r, w, &x);
}

static inline void rig_head(struct rig *r, struct wr *w, struct slice request, unsigned rcode)
{
	unsigned opcode = (uint8_t)request.p[2] >> 3 & 15u;

	*w = wr_init(r->bytes, sizeof r->bytes);
	wr_raw(w, slice_head(request, 2));
	wr_u16(w, (uint16_t)((r->wrong == RIG_QUERY ? 0 : 0x8000u) | opcode << 11 |
			     (r->wrong == RIG_NOT_AA ? 0 : 0x400u) | rcode));
	wr_u32(w, 0);
	wr_u32(w, 0);
	if (r->wrong == RIG_ID)
		w->p[1] ^= 1;
}

static inline void rig_send(struct rig *r, struct wr *w, unsigned error, bool is_signed)
{
	if (is_signed && r->wrong != RIG_UNSIGNED) {
		rig_sign(r, w, error);
	} else if (r->before_n + w->n <= sizeof r->before) {
		memcpy(r->before + r->before_n, w->p, w->n);
		r->before_n += w->n;
	}
	rig_deliver(r, slice_of(w->p, r->wrong == RIG_SHORT ? w->n - 5 : w->n));
}

static inline void rig_axfr(struct rig *r, struct slice request)
{
	struct wr w;
	size_t i = 0;

	for (unsigned n = 0; r->wrong == RIG_EMPTY && n < 1000; n++) {
		rig_head(r, &w, request, 0);
		if (n == 0)
			rig_put_soa(r, &w, false);
		rig_send(r, &w, 0, n % 50 == 0);
	}
	do {
		bool is_first = i == 0;

		rig_head(r, &w, request, 0);
		if (is_first && r->wrong != RIG_NO_SOA)
			rig_put_soa(r, &w, false);
		for (unsigned n = 0; n < RIG_IN_MESSAGE && i < r->records; n++, i++)
			rig_put_record(r, &w, &r->zone[i]);
		if (i == r->records) {
			rig_put_soa(r, &w, true);
			if (r->wrong == RIG_MORE)
				rig_put_record(r, &w, &r->zone[0]);
		}
		/* every other one in between is not signed, as may be */
		rig_send(r, &w, 0, is_first || (i == r->records ? r->wrong != RIG_OPEN : i / RIG_IN_MESSAGE % 2 == 0));
	} while (i < r->records);
}

static inline void rig_remove(struct rig *r, const char *owner, unsigned type)
{
	size_t n = 0;

	for (size_t i = 0; i < r->records; i++)
		if (strcmp(r->zone[i].owner, owner) != 0 || r->zone[i].type != type)
			r->zone[n++] = r->zone[i];
	r->deletes += n < r->records;
	r->records = n;
}

static inline void rig_add(struct rig *r, const char *owner, unsigned type, uint32_t ttl_s, const void *data, size_t n)
{
	struct rig_record *x = &r->zone[r->records++];

	assert_true(r->records < RIG_RECORDS && n <= sizeof x->data);
	*x = (struct rig_record){ .type = type, .ttl_s = ttl_s, .n = n };
	slice_copy(slice_str(owner), x->owner, sizeof x->owner);
	memcpy(x->data, data, n);
}

static inline void rig_update(struct rig *r, struct slice request)
{
	size_t at = DNS_HEADER;
	char zone[DNS_NAME];

	assert_int_equal(dns_wire_name(request, &at, zone), ERR_OK);
	assert_string_equal(zone, RIG_ZONE);
	assert_int_equal(dns_wire_number(request, at), DNS_TYPE_SOA);
	at += 4;
	for (unsigned i = dns_wire_number(request, 8); i > 0; i--) {
		struct dns_record x;

		assert_int_equal(dns_wire_record(request, &at, &x), ERR_OK);
		if (x.class == DNS_CLASS_ANY) {
			rig_remove(r, x.owner, x.type);
		} else {
			rig_add(r, x.owner, x.type, x.ttl_s, request.p + x.data, x.length);
			r->adds++;
		}
	}
	r->serial++;
}

/* What p wants to be sent. */
static inline void rig_serve(struct rig *r)
{
	struct slice request = slice_of(r->p->out + 2, r->p->out_n - 2);
	unsigned kind = r->p->step == PRIMARY_UPDATE ? 2 : r->p->step == PRIMARY_TRANSFER;
	unsigned rcode = r->wrong == RIG_RCODE || r->wrong == RIG_RCODE_PLAIN ? r->rcode : 0;
	struct wr w;

	assert_int_equal(dns_wire_number(slice_of(r->p->out, 2), 0), request.n);
	r->asked[kind]++;
	memcpy(r->mac, r->p->tsig.mac, sizeof r->mac);
	r->is_later = false;
	r->before_n = 0;
	if (r->wrong == RIG_BADKEY || r->wrong == RIG_BADTIME)
		rcode = DNS_RCODE_NOTAUTH;
	if (kind == 1 && rcode == 0) {
		rig_axfr(r, request);
		return;
	}
	if (kind == 2 && rcode == 0)
		rig_update(r, request);
	rig_head(r, &w, request, rcode);
	if (kind == 0 && rcode == 0)
		rig_put_soa(r, &w, false);
	rig_send(r, &w, r->wrong == RIG_BADKEY ? 17 : r->wrong == RIG_BADTIME ? 18 : 0, r->wrong != RIG_RCODE_PLAIN);
}

#endif /* TESTS_DNS_SERVER_RIG_H */
