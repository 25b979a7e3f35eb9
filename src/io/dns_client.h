/*
 * dns_client: one TCP connection to a DNS server on the loop: connects, sends
 * whole messages, gives whole messages. Knows nothing of what is in them.
 *
 * Limits: one message out at a time (DNS_CLIENT_OUT bytes), core/dns_frame in.
 * Who waits for how long is the caller's affair.
 * SPDX-License-Identifier: ISC
 */
#ifndef IO_DNS_CLIENT_H
#define IO_DNS_CLIENT_H
#include "base/ipaddr.h"
#include "io/loop.h"

#define DNS_CLIENT_OUT (2u + 65535u)

struct dns_client;

struct dns_client_fns {
	void (*up)(void *ctx);
	void (*message)(void *ctx, struct slice message);
	/* It failed, or the server has closed it. text: why. The client is of no more use: close it. */
	void (*lost)(void *ctx, const char *text);
};

/* The connection begins; what comes of it is told from the loop. fns stay the caller's. ERR_NOMEM; ERR_IO: errno. */
enum err dns_client_open(struct loop *l, const struct ipaddr *server, uint16_t port, const struct dns_client_fns *fns,
	void *ctx, struct dns_client **ret) MUST_USE;
/* Length and message, copied. ERR_FULL: the one before has not left; ERR_CLOSED; a failure is told by lost, too. */
enum err dns_client_send(struct dns_client *c, struct slice bytes) MUST_USE;
/* Read nothing for a while: the caller is busy. */
void dns_client_pause(struct dns_client *c, bool is_paused);
/* NULL is fine; also from one of its fns. */
void dns_client_close(struct dns_client *c);

#endif /* IO_DNS_CLIENT_H */
