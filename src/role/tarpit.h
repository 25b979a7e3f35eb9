/*
 * tarpit: the state of the role "tarpit" and what its files offer each other.
 * It takes the connections that the firewall turns away from Postfix, looks
 * the client up in the engine's blocks, and lets core/answer talk.
 *
 *   tarpit.c          start, stop, messages, settings, load
 *   tarpit_accept.c   listeners, caps, who is held
 *   tarpit_talk.c     one connection: bytes to and from core/answer
 *   tarpit_wheel.c    when each is looked at next
 *
 * A connection is one fixed struct in a pool, one descriptor and one entry of
 * an epoll set of our own; no timer and no buffer of its own.
 * SPDX-License-Identifier: ISC
 */
#ifndef ROLE_TARPIT_H
#define ROLE_TARPIT_H
#include "base/prefix_map.h"
#include "core/answer.h"
#include "io/block_memory.h"
#include "role/role_host.h"

#define TARPIT_TICK_MS 50      /* the wheel turns */
#define TARPIT_SLOTS 1024      /* of it: a turn is 51 s */
#define TARPIT_POOL 256        /* connections allocated at once */
#define TARPIT_PAUSE_MS 50     /* without descriptors or memory nothing is accepted for so long */
#define TARPIT_RECHECK_MS 5000 /* whether he is still blocked, while nothing else happens */
#define TARPIT_LOGGED 50       /* connections in a second that are logged when they end */
#define TARPIT_SPARE 64        /* descriptors kept for all else */
#define TARPIT_NONE UINT32_MAX

struct tarpit_conn {
	struct answer answer;
	uint64_t checked_ms;
	struct prefix subject; /* of the block; len 255: not counted */
	struct ipaddr client;
	int fd;
	uint32_t id;
	uint32_t next, prev;   /* in its slot of the wheel; next alone: in the free list */
	uint32_t newer, older; /* by age */
	uint32_t bytes;        /* sent */
	uint16_t slot;
	uint8_t want; /* EPOLLIN, EPOLLOUT or 0, as the kernel has it */
	bool is_new;  /* not in the epoll set yet */
};

struct tarpit {
	struct role_host *host;
	struct loop_watch *listener[ROLE_LISTENERS];
	struct loop_watch *ready, *turn, *resume, *second;
	int epoll;

	struct tarpit_conn **pool;
	uint32_t pools, pools_max, free;
	uint32_t oldest, newest;
	uint32_t count, held, cap;
	struct prefix_map each; /* uint32_t: connections of a subject */

	uint32_t wheel[TARPIT_SLOTS];
	uint64_t wheel_at; /* ticks of the clock that were turned */

	struct block_memory memory;
	struct block_view view;
	bool has_view;

	struct answer_site site;
	char host_name[256], name[CONF_ITEM];
	struct buf scratch;
	char in[4096];
	uint64_t cpu_us; /* used up to the last second */
	uint64_t refused, shed, logged, unlogged;
	bool is_logged_pause;
};

static inline struct tarpit_conn *tarpit_conn_at(const struct tarpit *t, uint32_t id)
{
	return &t->pool[id / TARPIT_POOL][id % TARPIT_POOL];
}

/* ---- tarpit_accept.c */
void tarpit_on_listener(int fd, unsigned what, void *ctx);
/* Is he blocked now? */
bool tarpit_find(const struct tarpit *t, const struct ipaddr *client, struct block_entry *ret);
/* Close and forget. */
void tarpit_conn_close(struct tarpit *t, struct tarpit_conn *c);
/* Make room: the oldest goes. */
void tarpit_shed(struct tarpit *t);

/* ---- tarpit_talk.c */
/* Go on with a connection as far as it goes; it may be closed then. */
void tarpit_talk(struct tarpit *t, struct tarpit_conn *c);
void tarpit_on_ready(int fd, unsigned what, void *ctx);

/* ---- tarpit_wheel.c */
void tarpit_wheel_init(struct tarpit *t);
/* Look at it at due_ms, in place of when it would have been. */
void tarpit_wheel_put(struct tarpit *t, struct tarpit_conn *c, uint64_t due_ms);
void tarpit_wheel_del(struct tarpit *t, struct tarpit_conn *c);
/* tarpit_talk for all that are due. */
void tarpit_wheel_turn(struct tarpit *t, uint64_t now_ms);

#endif /* ROLE_TARPIT_H */
