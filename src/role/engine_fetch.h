/*
 * engine_fetch: what the engine asks of the role fetch. Without that role, or
 * without an answer in time, everything is decided as if nothing could be
 * asked: no `spf:` entry has a prefix, no DNS list has a say.
 *
 *   engine_fetch.c        link, messages, status
 *   engine_fetch_spf.c    the sets of `spf:` entries; who passes for a domain
 *   engine_fetch_lists.c  blocks that wait for the DNS lists
 * SPDX-License-Identifier: ISC
 */
#ifndef ROLE_ENGINE_FETCH_H
#define ROLE_ENGINE_FETCH_H
#include "core/spf_keep.h"
#include "role/engine.h"

#define FETCH_ENTRIES 1024u  /* `spf:` domains of the allow files */
#define FETCH_WALKING 8u     /* of them asked for at once */
#define FETCH_CHECKS 1024u   /* senders whose SPF is being asked for */
#define FETCH_CHECK_MS 20000 /* no answer by then: unknown */
#define FETCH_HELD 1024u     /* blocks that wait; more are made at once */
#define FETCH_VERDICTS 10000u
#define FETCH_VERDICT_S 600 /* what lists said of a client is good for so long */
#define FETCH_SOFT_S 3600   /* a block that is softened */

struct engine_fetch_spf;   /* engine_fetch_spf.c */
struct engine_fetch_lists; /* engine_fetch_lists.c */

struct engine_fetch {
	struct engine_fetch_spf *spf;
	struct engine_fetch_lists *lists;
	struct loop_watch *tick; /* 100 ms, while anything waits */
};

/* ---- engine_fetch.c */
enum err engine_fetch_start(struct engine *e) MUST_USE;
void engine_fetch_stop(struct engine *e);
void engine_fetch_linked(struct engine *e);
void engine_fetch_unlinked(struct engine *e);
void engine_fetch_message(struct engine *e, enum message_type t, struct rd *body);
/* Each second. */
void engine_fetch_second(struct engine *e, uint64_t now);
/* Something waits: settle what is late within 100 ms. */
void engine_fetch_watch(struct engine *e);
/* "fetch" of status, and its warnings. */
void engine_fetch_status(struct engine *e, json_t *j, json_t *warnings);
uint64_t engine_fetch_seq(void);

/* ---- engine_fetch_spf.c */
struct engine_fetch_spf *engine_fetch_spf_new(void);
void engine_fetch_spf_free(struct engine_fetch_spf *s);
/*
 * While the allow list is built: begin, then one call for each `spf:` line,
 * then end; domains not named between the two are forgotten. Gives the
 * prefixes known now (0 while there are none); when they change later, the
 * allow list is built anew.
 */
void engine_fetch_spf_begin(struct engine *e);
const struct prefix *engine_fetch_spf_prefixes(struct engine *e, struct slice domain, size_t *ret_n);
void engine_fetch_spf_end(struct engine *e);
/*
 * Does client pass SPF for domain? done(ctx, says) later, once; never before
 * this returns. ERR_CLOSED: the role is not there; ERR_FULL, ERR_SYNTAX (no
 * domain): done is not called.
 */
enum err engine_fetch_spf_check(struct engine *e, struct slice domain, const struct ipaddr *client,
	void (*done)(void *ctx, enum spf_says says), void *ctx) MUST_USE;
/* done of this ctx is not called any more. */
void engine_fetch_spf_forget(struct engine *e, const void *ctx);
void engine_fetch_spf_set(struct engine *e, const struct msg_spf_set *m);
void engine_fetch_spf_says(struct engine *e, const struct msg_spf_says *m);
void engine_fetch_spf_lost(struct engine *e);
/* A new fetch, with the resolvers of now: what the DNS did not answer is asked at once. */
void engine_fetch_spf_linked(struct engine *e);
void engine_fetch_spf_second(struct engine *e, uint64_t now);
/* False: nothing waits. */
bool engine_fetch_spf_tick(struct engine *e, uint64_t mono_ms);
/* Of one spf: entry; NULL: it is not looked up. Owned by the caller. */
json_t *engine_fetch_spf_one(const struct engine *e, const char *domain);
json_t *engine_fetch_spf_json(const struct engine *e, json_t *warnings);

/* ---- engine_fetch_lists.c */
struct engine_fetch_lists *engine_fetch_lists_new(struct engine *e);
void engine_fetch_lists_free(struct engine_fetch_lists *l);
/* A trap was named by this client: ask now, so that the answer is there when it matters. */
void engine_fetch_prefetch(struct engine *e, const struct ipaddr *client);
/* An allow list has this client, as far as is known now. */
bool engine_fetch_is_spared(struct engine *e, const struct ipaddr *client);
/*
 * A new block is about to be made for hit r (number: of its record). True: it
 * is held, at most conf.fetch.wait_s, and then made or not by itself.
 */
bool engine_fetch_hold(struct engine *e, const struct engine_subject *s, const struct decide_verdict *v,
	uint64_t number, const struct record_hit *r);
/* A block of this subject is held. */
bool engine_fetch_is_held(const struct engine *e, const struct prefix *subject);
void engine_fetch_lists_says(struct engine *e, const struct msg_dns_says *m);
void engine_fetch_lists_state(struct engine *e, const struct msg_dns_state *m);
void engine_fetch_lists_lost(struct engine *e);
bool engine_fetch_lists_tick(struct engine *e, uint64_t mono_ms);
void engine_fetch_lists_second(struct engine *e);
json_t *engine_fetch_lists_json(const struct engine *e, json_t *warnings);

#endif /* ROLE_ENGINE_FETCH_H */
