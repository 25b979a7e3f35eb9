/*
 * mx_order: who comes to the worse of our mail exchangers without having come
 * to the better one. Real mail servers try them in the order of the DNS
 * (RFC 5321, 5.1); much spamming software takes the last one first.
 *
 * A visit to the worse one is charged only when all of this holds: we have
 * watched for a whole window; neither the client nor another host of its
 * network (/24, /48: a farm of senders) came to the better one in the window;
 * the better one is there for the client's family; other networks reached it
 * by that family within alive before the visit, and again within alive after
 * it. Each client once in a window. In doubt nobody is charged: when the table is full, the
 * window begins anew.
 *
 * Pure. Times are seconds of a clock that only goes forward. Owner: the engine.
 * About 50 bytes a network, 200 kB for the visits that wait.
 * SPDX-License-Identifier: ISC
 */
#ifndef CORE_MX_ORDER_H
#define CORE_MX_ORDER_H
#include "base/ipaddr.h"
#include "base/keymap.h"
#include "core/conf.h"

#define MX_ORDER_NETWORKS 200000 /* remembered at once, with the clients that were charged */
#define MX_ORDER_WAITING 256     /* visits to the worse one that are not judged yet; more are let go */
#define MX_ORDER_NAME 256
#define MX_ORDER_SENDER 320

enum mx_side { MX_OTHER = 0, MX_BETTER, MX_WORSE };

struct mx_visit {
	uint64_t at;
	struct ipaddr client;
	char name[MX_ORDER_NAME]; /* verified; "" none */
	char helo[MX_ORDER_NAME];
	char sender[MX_ORDER_SENDER];
	bool is_confirmed;
};

struct mx_order {
	struct keymap seen;  /* uint64_t: when, by network (better one) or client (charged) */
	uint64_t started;    /* of the window in which nobody is charged */
	uint64_t reached[2]; /* when anybody came to the better one last, by IPv4 and by IPv6; 0 never */
	uint64_t window_s, alive_s;
	struct ipaddr better[CONF_LIST], worse[CONF_LIST];
	uint32_t betters, worses;
	uint32_t waiting;
	struct mx_visit visit[MX_ORDER_WAITING];
};

void mx_order_init(struct mx_order *m, const uint8_t key[SIPHASH_KEY]);
void mx_order_done(struct mx_order *m);
/* At start and after a reload. Other addresses, or a longer window: it begins anew. */
void mx_order_configure(struct mx_order *m, const struct conf *c, uint64_t now);
/* Is there anything to watch? */
static inline bool mx_order_is_on(const struct mx_order *m)
{
	return m->betters && m->worses;
}
enum mx_side mx_order_side(const struct mx_order *m, const struct ipaddr *server);
/* A client from outside came to the better one. */
void mx_order_better(struct mx_order *m, const struct ipaddr *client, uint64_t now);
/* v->at is now. False: there is nothing to be said against it, or it is waiting already. */
bool mx_order_worse(struct mx_order *m, const struct mx_visit *v);
/* The next visit that is to be charged; it is forgotten, its client is noted. False: none. */
bool mx_order_next(struct mx_order *m, uint64_t now, struct mx_visit *ret);
/* Forget what is too old; budget: places looked at. */
void mx_order_sweep(struct mx_order *m, uint64_t now, size_t budget);

#endif /* CORE_MX_ORDER_H */
