/*
 * resolver: questions to the DNS on the loop (c-ares behind here and nowhere
 * else). Ids, ports, retries, TCP after a truncated answer and the check that
 * an answer belongs to its query are c-ares'; what stands in an answer is read
 * by core/dns_packet. Each question gets exactly one answer, at the latest
 * after RESOLVER_TRIES timeouts.
 *
 * Limits: RESOLVER_FLIGHT questions at once. Reads /etc/resolv.conf once, when
 * it is made and no servers are given; opens sockets, no files, after that.
 * SPDX-License-Identifier: ISC
 */
#ifndef IO_RESOLVER_H
#define IO_RESOLVER_H
#include "core/dns_question.h"
#include "io/loop.h"

#define RESOLVER_FLIGHT 512
#define RESOLVER_TIMEOUT_MS 1500 /* usual for the first try; each further one waits twice as long */
#define RESOLVER_TRIES 3
#define RESOLVER_EDNS 1232 /* bytes of an answer by UDP: no fragments */

struct resolver;

/* a is good during the call; asking more in it is fine, freeing the resolver is not. */
typedef void (*resolver_fn)(void *ctx, const struct dns_question *q, const struct dns_answer *a);

/*
 * servers: "192.0.2.53,[2001:db8::53]:5353"; "" or NULL: those of /etc/resolv.conf.
 * timeout_ms: of the first try. ERR_SYNTAX: servers; ERR_NOMEM.
 */
enum err resolver_new(struct loop *l, const char *servers, int timeout_ms, struct resolver **ret) MUST_USE;
/* Questions under way get no answer. */
void resolver_free(struct resolver *r);
/* fn may be called before this returns. ERR_FULL: too many at once; ERR_NOMEM. */
enum err resolver_ask(struct resolver *r, const struct dns_question *q, resolver_fn fn, void *ctx) MUST_USE;
/* No answer for this ctx any more. */
void resolver_forget(struct resolver *r, const void *ctx);
/* Questions under way. */
unsigned resolver_flight(const struct resolver *r);

#endif /* IO_RESOLVER_H */
