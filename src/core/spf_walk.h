/*
 * spf_walk: which addresses pass the SPF policy of a domain (RFC 7208), all of
 * them at once. A state machine: it asks for one record set at a time and is
 * fed the answer. Terms are taken in the order in which check_host() takes
 * them, so what stands in the set when a walk ends with an error are addresses
 * that pass before the error would be met.
 *
 * ip4, ip6, a, mx, include, redirect and all are walked. What depends on the
 * message (macros, exists, ptr) yields nothing: the set is then partial, and
 * where such a term would not pass, nothing behind it counts. The set is never
 * larger than what RFC 7208 lets pass.
 *
 * Limits (RFC 7208 4.6.4): 10 terms that ask the DNS, 2 of them without any
 * answer, 10 MX names a term. Ours: SPF_SET_MAX prefixes, SPF_RECORD_MAX bytes
 * a record, names without letters, digits, "-" and "_" do not exist. Loops of
 * include and redirect end at the first limit. Pure; owns its memory.
 * SPDX-License-Identifier: ISC
 */
#ifndef CORE_SPF_WALK_H
#define CORE_SPF_WALK_H
#include "core/dns_question.h"
#include "core/spf_set.h"

#define SPF_TERMS_MAX 10 /* RFC 7208 4.6.4 */
#define SPF_VOID_MAX 2
#define SPF_MX_MAX 10
#define SPF_RECORD_MAX 16384u
#define SPF_TTL_MIN 300u
#define SPF_TTL_MAX 86400u

enum spf_state {
	SPF_ASKS = 1,  /* waits for the answer to its question */
	SPF_DONE,      /* the set is there; it can be empty */
	SPF_NONE,      /* the domain has no record, or is no domain */
	SPF_TEMPERROR, /* the DNS did not answer, or no memory: try again later */
	SPF_PERMERROR, /* the domain's records are wrong */
};

struct spf_walk;

/* NULL: no memory. */
struct spf_walk *spf_walk_new(struct slice domain);
void spf_walk_free(struct spf_walk *w);
enum spf_state spf_walk_state(const struct spf_walk *w);
/* In SPF_ASKS; good until the answer. */
const struct dns_question *spf_walk_question(const struct spf_walk *w);
/* The answer to the question; only in SPF_ASKS. */
void spf_walk_answer(struct spf_walk *w, const struct dns_answer *a);
/* At the end; empty before. Good until free. */
const struct spf_set *spf_walk_set(const struct spf_walk *w);
/* A term could not be walked: more addresses may pass. */
bool spf_walk_is_partial(const struct spf_walk *w);
/* The least lifetime of all that was used, within SPF_TTL_MIN and SPF_TTL_MAX. */
uint32_t spf_walk_ttl(const struct spf_walk *w);
/* Why it is not DONE, in a few words, with no foreign bytes; "" when it is. */
const char *spf_walk_reason(const struct spf_walk *w);

const char *spf_state_name(enum spf_state s);
#endif /* CORE_SPF_WALK_H */
