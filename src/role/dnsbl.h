/*
 * dnsbl: the state of the role "dnsbl" and what its files offer each other. It
 * answers the DNS about our list (core/dnsbl_answer): the blocks that the
 * engine writes along, the feeds' sets and the holes that it hands over. What
 * a change brings it reads from memory: no message, no rewriting, no pause.
 *
 *   dnsbl.c        start, stop, settings, what the engine hands over
 *   dnsbl_udp.c    datagrams, many at once
 *   dnsbl_tcp.c    connections
 *   dnsbl_state.c  what the engine is told; the test entries
 *
 * It has no files and no sockets of its own: the listeners are the parent's,
 * so that questions wait there while the role is started anew.
 * SPDX-License-Identifier: ISC
 */
#ifndef ROLE_DNSBL_H
#define ROLE_DNSBL_H
#include "core/dnsbl_answer.h"
#include "core/dnsbl_rate.h"
#include "core/dnsbl_stream.h"
#include "io/area_memory.h"
#include "role/role_host.h"

#define DNSBL_BATCH 64        /* datagrams of one system call */
#define DNSBL_ROUND 8         /* batches of one listener, then others have their turn */
#define DNSBL_CONNECTIONS 200 /* TCP, at once; then the one that is idle longest makes room */
#define DNSBL_EACH 20         /* of these of one /24 or /64 */
#define DNSBL_IDLE_MS 10000   /* a whole question must come in this time, and its answer be taken */
#define DNSBL_TURN 16         /* questions of a connection, then others have their turn */
#define DNSBL_ACCEPTS 32      /* at once */
#define DNSBL_GIVE_BACK                                                                                                \
	(2u << 20)           /* bytes of an old set that are given back at once, some 0.2 ms; a multiple of a page */
#define DNSBL_GIVE_BACK_MS 2 /* and then others have their turn */
#define DNSBL_OUT (2 * (2 + DNSBL_ANSWER_MAX))

struct dnsbl_conn {
	struct dnsbl *dnsbl;
	struct loop_watch *watch;
	struct prefix subject;
	uint64_t since_ms; /* of the last whole question whose answer was taken */
	size_t out_n, out_sent;
	int fd; /* -1: free */
	unsigned want;
	bool is_last; /* no more will come: closed when all is answered */
	struct dnsbl_stream in;
	uint8_t out[DNSBL_OUT];
};

struct dnsbl_udp; /* buffers */

struct dnsbl {
	struct role_host *host;
	struct loop_watch *udp_watch[ROLE_LISTENERS], *tcp_watch[ROLE_LISTENERS];
	struct loop_watch *second;
	struct dnsbl_udp *udp;
	struct dnsbl_rate *rate; /* NULL: no limit */

	struct dnsbl_zone zone;
	bool has_zone;
	struct dnsbl_list list;
	struct area_memory blocks, holes, feed[FEEDS_MAX]; /* behind the list */
	struct area_memory old;                            /* a set that is in use no more, on its way out */
	struct loop_watch *old_watch;
	struct prefix allow[CONF_LIST];
	unsigned allows;

	struct dnsbl_conn *conn[DNSBL_CONNECTIONS]; /* NULL until it was needed once */
	bool is_tcp_paused;                         /* without descriptors: until the next second */

	struct msg_dnsbl_state state, told;
	unsigned untold_s;
	bool is_told;
};

/* ---- dnsbl.c */
bool dnsbl_may_ask(const struct dnsbl *d, const struct ipaddr *client);

/* ---- dnsbl_udp.c */
/* NULL: no memory. */
struct dnsbl_udp *dnsbl_udp_new(void);
void dnsbl_on_datagram(int fd, unsigned what, void *ctx);

/* ---- dnsbl_tcp.c */
void dnsbl_on_listener(int fd, unsigned what, void *ctx);
void dnsbl_tcp_second(struct dnsbl *d);
void dnsbl_tcp_stop(struct dnsbl *d);

/* ---- dnsbl_state.c */
void dnsbl_count(struct dnsbl *d, enum dnsbl_said said, bool is_cut);
/* At once, or when the next second is over. */
void dnsbl_state_tell(struct dnsbl *d);
void dnsbl_state_second(struct dnsbl *d);

#endif /* ROLE_DNSBL_H */
