/*
 * widen: when do the blocks inside a wider network mean the network? Off unless
 * `block widen` says so. Steps: IPv4 /24, IPv6 /56 and /48. What counts is
 * independent evidence: several blocked subjects, made by hits on several
 * distinct traps, spread over time; one subject with good mail, or an allowed
 * address, inside the network vetoes. The wide block ends as soon as fewer
 * subjects than that are blocked (it shrinks again), and never outlives the
 * last of them.
 *
 * At a shared provider a sender's domain is what a network is to a host: blocked
 * there when several of its senders are, on the same evidence; never a domain
 * that strangers share, and never one with good mail (the caller's vetoes).
 *
 * A pure sum: start it for a network or domain, add what the store knows, ask.
 * SPDX-License-Identifier: ISC
 */
#ifndef CORE_WIDEN_H
#define CORE_WIDEN_H
#include "core/record.h"

#define WIDEN_TRAPS 3       /* distinct traps among the hits that made the blocks */
#define WIDEN_SPREAD_S 3600 /* between the first and the last of the blocks */
#define WIDEN_HOSTS4 5      /* blocked subjects in an IPv4 /24 */
#define WIDEN_HOSTS6 3      /* in an IPv6 /56; in a /48 from as many distinct /56 */
#define WIDEN_SENDERS 3     /* blocked senders of one domain at one provider */
#define WIDEN_MAX_S (3 * 86400)
#define WIDEN_STEPS 2 /* at most, for one subject */

struct widen {
	struct prefix network;   /* the domain's identity, with label */
	char label[RECORD_NAME]; /* of the provider; "": a network */
	char domain[RECORD_NAME];
	uint32_t subjects;
	uint32_t trap_id[WIDEN_TRAPS]; /* distinct ones, the first few */
	uint32_t part[WIDEN_HOSTS6];   /* distinct /56 inside a /48, the first few: bits 48 to 55, plus 1 */
	uint32_t traps, parts;
	uint64_t first, last; /* since of the blocks */
	uint64_t until;       /* the last to end */
	bool is_vetoed;
};

/* The wider networks of a subject, narrow to wide; the return value says how many. An identity has none. */
unsigned widen_networks(const struct prefix *subject, struct prefix ret[WIDEN_STEPS]);

void widen_start(struct widen *w, const struct prefix *network);
/* The domain of sender ("@domain" will do) at a provider; identity: subject_of_domain. ERR_SYNTAX: no domain. */
enum err widen_start_domain(
	struct widen *w, const struct prefix *identity, const char *label, const char *sender) MUST_USE;
/* A block; only one of a subject inside, in force now, made by a hit, is counted. */
void widen_add(struct widen *w, const struct record_block *b, uint64_t now);
/* Somebody inside sends good mail, or is allowed. */
void widen_veto(struct widen *w);
/* Shall the whole network or domain be blocked, and until when? */
bool widen_is_due(const struct widen *w, uint64_t now, uint64_t *ret_until);

#endif /* CORE_WIDEN_H */
