/*
 * dns_tsig: the digest runs over pieces: the MAC before, the message as it was
 * before it was signed, and the fields of the record that nobody may change.
 * SPDX-License-Identifier: ISC
 */
#include "core/dns_tsig.h"

#define AT_ID 0
#define AT_COUNTS 4 /* four of them: questions, answers, authorities, additionals */
#define AT_ADDITIONAL 10
#define FIXED 512 /* bytes of the fields in the digest */

enum { ERROR_BADSIG = 16, ERROR_BADKEY = 17, ERROR_BADTIME = 18, ERROR_BADTRUNC = 22 };

/* The record's data. */
struct tsig_fields {
	char algorithm[DNS_NAME];
	uint64_t time;
	uint16_t fudge, id, error;
	struct slice mac, other;
};

static const char *algorithm_name(enum dns_tsig_algorithm a)
{
	return a == DNS_TSIG_SHA512 ? "hmac-sha512" : "hmac-sha256";
}

static size_t mac_size(enum dns_tsig_algorithm a)
{
	return a == DNS_TSIG_SHA512 ? 64 : 32;
}

static void digest_begin(struct dns_tsig *x)
{
	const struct dns_tsig_key *k = x->key;

	if (k->algorithm == DNS_TSIG_SHA512)
		crypto_auth_hmacsha512_init(&x->running.sha512, k->secret, k->n);
	else
		crypto_auth_hmacsha256_init(&x->running.sha256, k->secret, k->n);
	x->is_running = true;
}

static void digest_add(struct dns_tsig *x, struct slice s)
{
	const unsigned char *p = (const unsigned char *)s.p;

	if (x->key->algorithm == DNS_TSIG_SHA512)
		crypto_auth_hmacsha512_update(&x->running.sha512, p, s.n);
	else
		crypto_auth_hmacsha256_update(&x->running.sha256, p, s.n);
}

static void digest_end(struct dns_tsig *x, uint8_t mac[DNS_TSIG_MAC])
{
	if (x->key->algorithm == DNS_TSIG_SHA512)
		crypto_auth_hmacsha512_final(&x->running.sha512, mac);
	else
		crypto_auth_hmacsha256_final(&x->running.sha256, mac);
	x->is_running = false;
}

static void digest_mac(struct dns_tsig *x)
{
	uint8_t bytes[2];
	struct wr w = wr_init(bytes, sizeof bytes);

	wr_u16(&w, (uint16_t)x->mac_n);
	digest_add(x, wr_slice(&w));
	digest_add(x, slice_of(x->mac, x->mac_n));
}

static void put_time(struct wr *w, const struct tsig_fields *f)
{
	wr_u16(w, (uint16_t)(f->time >> 32));
	wr_u32(w, (uint32_t)f->time);
	wr_u16(w, f->fudge);
}

/* All that counts of the record; of a later answer its time alone. */
static void digest_fields(struct dns_tsig *x, const struct tsig_fields *f)
{
	uint8_t bytes[2 * FIXED];
	struct wr w = wr_init(bytes, sizeof bytes);

	if (!x->is_answered) {
		dns_wire_put_name(&w, x->key->name);
		wr_u16(&w, DNS_CLASS_ANY);
		wr_u32(&w, 0);
		dns_wire_put_name(&w, algorithm_name(x->key->algorithm));
	}
	put_time(&w, f);
	if (!x->is_answered) {
		wr_u16(&w, f->error);
		wr_bytes(&w, f->other);
	}
	digest_add(x, wr_slice(&w));
}

void dns_tsig_sign(const struct dns_tsig_key *key, uint64_t now, struct wr *w, struct dns_tsig *ret)
{
	struct tsig_fields f = { .time = now, .fudge = DNS_TSIG_FUDGE };
	struct wr length;
	size_t begin;

	*ret = (struct dns_tsig){ .key = key, .mac_n = mac_size(key->algorithm) };
	if (w->bad || w->n < DNS_HEADER) {
		w->bad = true;
		return;
	}
	digest_begin(ret);
	digest_add(ret, wr_slice(w));
	digest_fields(ret, &f);
	digest_end(ret, ret->mac);
	dns_wire_put_name(w, key->name);
	wr_u16(w, DNS_TYPE_TSIG);
	wr_u16(w, DNS_CLASS_ANY);
	wr_u32(w, 0);
	length = *w;
	wr_u16(w, 0);
	begin = w->n;
	dns_wire_put_name(w, algorithm_name(key->algorithm));
	put_time(w, &f);
	wr_bytes(w, slice_of(ret->mac, ret->mac_n));
	wr_raw(w, slice_of(w->p + AT_ID, 2));
	wr_u32(w, 0); /* no error, no other data */
	if (w->bad)
		return;
	wr_u16(&length, (uint16_t)(w->n - begin));
	if (++w->p[AT_ADDITIONAL + 1] == 0)
		w->p[AT_ADDITIONAL]++;
}

/* The last record of the message, which has at least a header. ERR_NOTFOUND: it is no signature. ERR_SYNTAX. */
static enum err find_record(struct slice m, struct dns_record *ret)
{
	unsigned records = dns_wire_number(m, AT_COUNTS + 2) + dns_wire_number(m, AT_COUNTS + 4) +
			   dns_wire_number(m, AT_ADDITIONAL);
	size_t at = DNS_HEADER;

	for (unsigned i = dns_wire_number(m, AT_COUNTS); i > 0; i--) {
		if (dns_wire_name(m, &at, ret->owner) != ERR_OK || m.n - at < 4)
			return ERR_SYNTAX;
		at += 4;
	}
	ret->type = 0;
	for (unsigned i = 0; i < records; i++) {
		if (ret->type == DNS_TYPE_TSIG || dns_wire_record(m, &at, ret) != ERR_OK)
			return ERR_SYNTAX;
	}
	if (at != m.n)
		return ERR_SYNTAX;
	return ret->type == DNS_TYPE_TSIG && dns_wire_number(m, AT_ADDITIONAL) ? ERR_OK : ERR_NOTFOUND;
}

static enum err read_fields(struct slice m, const struct dns_record *record, struct tsig_fields *ret)
{
	size_t at = record->data;
	struct rd r;

	/* a name that runs beyond the record leaves too little behind */
	if (dns_wire_name(m, &at, ret->algorithm) != ERR_OK || at > record->data + record->length)
		return ERR_SYNTAX;
	r = rd_init(m.p + at, record->data + record->length - at);
	ret->time = (uint64_t)rd_u16(&r) << 32;
	ret->time |= rd_u32(&r);
	ret->fudge = rd_u16(&r);
	ret->mac = rd_bytes(&r, DNS_TSIG_MAC);
	ret->id = rd_u16(&r);
	ret->error = rd_u16(&r);
	ret->other = rd_bytes(&r, FIXED);
	return rd_end(&r) ? ERR_OK : ERR_SYNTAX;
}

/* The message as it was before it was signed. */
static void digest_message(struct dns_tsig *x, struct slice m, size_t end, bool is_signed, uint16_t id)
{
	uint8_t head[DNS_HEADER];
	struct wr w = wr_init(head, sizeof head);
	unsigned additional = dns_wire_number(m, AT_ADDITIONAL) - is_signed;

	wr_u16(&w, id);
	wr_raw(&w, slice_of(m.p + 2, AT_ADDITIONAL - 2));
	wr_u16(&w, (uint16_t)additional);
	digest_add(x, wr_slice(&w));
	digest_add(x, slice_of(m.p + DNS_HEADER, end - DNS_HEADER));
}

/* The answer's own words on our request, which are signed where that was possible. */
static enum dns_tsig_result error_of(unsigned error)
{
	switch (error) {
	case 0:
		return DNS_TSIG_OK;
	case ERROR_BADSIG:
		return DNS_TSIG_BADSIG;
	case ERROR_BADKEY:
		return DNS_TSIG_BADKEY;
	case ERROR_BADTIME:
		return DNS_TSIG_BADTIME;
	case ERROR_BADTRUNC:
		return DNS_TSIG_BADTRUNC;
	default:
		return DNS_TSIG_WRONG;
	}
}

static enum dns_tsig_result check_time(const struct tsig_fields *f, uint64_t now, int64_t *ret_clock_s)
{
	uint64_t apart = f->time > now ? f->time - now : now - f->time;
	uint64_t fudge = f->fudge < DNS_TSIG_FUDGE ? f->fudge : DNS_TSIG_FUDGE;
	struct rd r = rd_init(f->other.p, f->other.n);

	if (f->error == ERROR_BADTIME && f->other.n == 6) {
		uint64_t theirs = (uint64_t)rd_u16(&r) << 32;

		theirs |= rd_u32(&r);
		*ret_clock_s = (int64_t)theirs - (int64_t)now;
		return DNS_TSIG_BADTIME;
	}
	if (apart > fudge) {
		*ret_clock_s = (int64_t)f->time - (int64_t)now;
		return DNS_TSIG_LATE;
	}
	return error_of(f->error);
}

/* One without a signature, between two that have one. */
static enum dns_tsig_result take_unsigned(struct dns_tsig *x, struct slice m, struct slice *ret_body)
{
	if (!x->is_answered || x->gap == DNS_TSIG_GAP)
		return DNS_TSIG_NONE;
	digest_message(x, m, m.n, false, (uint16_t)dns_wire_number(m, AT_ID));
	x->gap++;
	*ret_body = m;
	return DNS_TSIG_OK;
}

enum dns_tsig_result dns_tsig_verify(
	struct dns_tsig *x, uint64_t now, struct slice message, struct slice *ret_body, int64_t *ret_clock_s)
{
	struct dns_record record;
	struct tsig_fields f;
	uint8_t mac[DNS_TSIG_MAC];
	enum err e = message.n < DNS_HEADER ? ERR_SYNTAX : find_record(message, &record);
	size_t size = mac_size(x->key->algorithm);

	if (!x->is_running) {
		digest_begin(x);
		digest_mac(x);
	}
	if (e == ERR_NOTFOUND)
		return take_unsigned(x, message, ret_body);
	if (e != ERR_OK || read_fields(message, &record, &f) != ERR_OK || record.class != DNS_CLASS_ANY ||
		record.ttl_s != 0)
		return DNS_TSIG_WRONG;
	if (f.mac.n == 0) /* it could not sign */
		return f.error == 0 ? DNS_TSIG_NONE : error_of(f.error);
	if (strcmp(record.owner, x->key->name) != 0 || f.mac.n != size ||
		strcmp(f.algorithm, algorithm_name(x->key->algorithm)) != 0)
		return DNS_TSIG_WRONG;
	digest_message(x, message, record.at, true, f.id);
	digest_fields(x, &f);
	digest_end(x, mac);
	if (sodium_memcmp(mac, f.mac.p, size) != 0)
		return DNS_TSIG_WRONG;
	memcpy(x->mac, mac, size);
	x->is_answered = true;
	x->gap = 0;
	*ret_body = slice_head(message, record.at);
	return check_time(&f, now, ret_clock_s);
}

const char *dns_tsig_text(enum dns_tsig_result r)
{
	static const char *const text[] = { "signed", "the answer is not signed",
		"the answer is not signed with our key", "the answer was signed at another time",
		"our signature is wrong there: is the secret the same?", "our key is not known there",
		"the clocks differ", "our signature is too short there" };

	return (unsigned)r < sizeof text / sizeof text[0] ? text[r] : "?";
}
