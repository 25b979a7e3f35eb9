/*
 * fetch: the state of the role "fetch" and what its files offer each other.
 * It asks the DNS for the engine, and believes little of what comes back: an
 * SPF walk has its limits in core/spf_walk, a DNS list its core/dns_sentinel.
 *
 *   fetch.c        start, stop, messages
 *   fetch_spf.c    SPF walks, and who passes for a domain
 *   fetch_lists.c  DNS lists: tests, questions
 * SPDX-License-Identifier: ISC
 */
#ifndef ROLE_FETCH_H
#define ROLE_FETCH_H
#include "io/resolver.h"
#include "role/role_host.h"

#define FETCH_WALKS 64 /* SPF walks at once; the engine is told to try later beyond */
#define FETCH_KEPT 64  /* walked domains remembered for checks */
#define FETCH_ASKS 128 /* clients at once that DNS lists are asked about */

struct fetch_spf;   /* fetch_spf.c */
struct fetch_lists; /* fetch_lists.c */

struct fetch {
	struct role_host *host;
	struct resolver *resolver;
	struct fetch_spf *spf;
	struct fetch_lists *lists;
	struct loop_watch *test, *state;
};

/* ---- fetch_spf.c */
struct fetch_spf *fetch_spf_new(struct fetch *f);
void fetch_spf_free(struct fetch_spf *s);
void fetch_spf_walk(struct fetch *f, const struct msg_spf_ask *m);
void fetch_spf_check(struct fetch *f, const struct msg_spf_ask *m);
/* The engine is gone: nobody waits for what is under way. */
void fetch_spf_drop(struct fetch *f);

/* ---- fetch_lists.c */
/* NULL: no memory. */
struct fetch_lists *fetch_lists_new(struct fetch *f);
void fetch_lists_free(struct fetch_lists *l);
/* Begin a round of tests where none is under way. */
void fetch_lists_test(struct fetch *f);
void fetch_lists_ask(struct fetch *f, const struct msg_dns_ask *m);
/* Tell the engine of each list. */
void fetch_lists_report(struct fetch *f);
void fetch_lists_drop(struct fetch *f);

#endif /* ROLE_FETCH_H */
