/*
 * dns_tsig: transaction signatures (RFC 8945) of a client: signs a request,
 * verifies its answer or, for a zone transfer, its many answers. hmac-sha256
 * and hmac-sha512, whole MACs alone. Pure: the time is an argument, the HMAC
 * is libsodium's.
 *
 * Limits: DNS_TSIG_SECRET bytes of a secret, DNS_TSIG_GAP unsigned messages
 * between two signed ones.
 * SPDX-License-Identifier: ISC
 */
#ifndef CORE_DNS_TSIG_H
#define CORE_DNS_TSIG_H
#include "core/dns_wire.h"

#include <sodium.h>

#define DNS_TSIG_SECRET 256
#define DNS_TSIG_MAC 64
#define DNS_TSIG_FUDGE 300 /* seconds that two clocks may differ by */
#define DNS_TSIG_GAP 99    /* RFC 8945 5.3.1 */
#define DNS_TSIG_BYTES 768 /* of the record at most */

enum dns_tsig_algorithm { DNS_TSIG_SHA256 = 1, DNS_TSIG_SHA512 = 2 };

struct dns_tsig_key {
	char name[DNS_NAME]; /* as dns_question_name makes it */
	enum dns_tsig_algorithm algorithm;
	size_t n;
	uint8_t secret[DNS_TSIG_SECRET];
};

/* One request and what answers it. */
struct dns_tsig {
	const struct dns_tsig_key *key; /* the caller's */
	size_t mac_n;
	uint8_t mac[DNS_TSIG_MAC]; /* of the request; then of the last signed answer */
	union {
		crypto_auth_hmacsha256_state sha256;
		crypto_auth_hmacsha512_state sha512;
	} running;
	bool is_running; /* the digest of the next signed answer has begun */
	bool is_answered;
	unsigned gap; /* unsigned answers since */
};

enum dns_tsig_result {
	DNS_TSIG_OK = 0,
	DNS_TSIG_NONE,    /* no signature where there must be one */
	DNS_TSIG_WRONG,   /* malformed, another key, or not signed with ours */
	DNS_TSIG_LATE,    /* signed with our key, at a time that is not ours */
	DNS_TSIG_BADSIG,  /* the server says: our signature is wrong */
	DNS_TSIG_BADKEY,  /* it does not know the key */
	DNS_TSIG_BADTIME, /* our time is not its time; signed */
	DNS_TSIG_BADTRUNC,
};

/*
 * Sign the message in w (its header counts no signature yet) and begin the
 * exchange; key stays the caller's. Too small: w->bad.
 */
void dns_tsig_sign(const struct dns_tsig_key *key, uint64_t now, struct wr *w, struct dns_tsig *ret);
/*
 * The next answer. ret_body: the message up to the signature, which its header still counts.
 * ret_clock_s: BADTIME, LATE: the server's clock is so much ahead of now. Untouched otherwise.
 */
enum dns_tsig_result dns_tsig_verify(
	struct dns_tsig *x, uint64_t now, struct slice message, struct slice *ret_body, int64_t *ret_clock_s) MUST_USE;
/* Was the last answer signed? One that ends a transfer must be. */
static inline bool dns_tsig_is_closed(const struct dns_tsig *x)
{
	return x->is_answered && x->gap == 0;
}
/* "bad signature" ...: what to say to people. */
const char *dns_tsig_text(enum dns_tsig_result r);

#endif /* CORE_DNS_TSIG_H */
