/*
 * tarpit: the state of the role "tarpit" and what its files offer each other.
 * It takes the connections that the firewall turns away from Postfix, looks
 * the client up in the engine's blocks, and lets core/answer talk.
 *
 *   tarpit.c          start, stop, messages, settings, load
 *   tarpit_accept.c   listeners, who comes in
 *   tarpit_load.c     caps, pace, who is held, who is let go
 *   tarpit_state.c    what the engine is told
 *   tarpit_tell.c     what the engine learns of clients
 *   tarpit_talk.c     one connection: bytes to and from core/answer
 *   tarpit_wheel.c    when each is looked at next
 *   tarpit_tls.c      STARTTLS, and bytes whether plain or not
 *   tarpit_sample.c   messages for the corpus
 *   tarpit_hand.c     mail to postmaster@ and abuse@, to the real Postfix
 *
 * A connection is one fixed struct in a pool, one descriptor and one entry of
 * an epoll set of our own; no timer and no buffer of its own.
 * SPDX-License-Identifier: ISC
 */
#ifndef ROLE_TARPIT_H
#define ROLE_TARPIT_H
#include "base/prefix_map.h"
#include "core/answer.h"
#include "core/pace.h"
#include "io/area_memory.h"
#include "io/tls.h"
#include "role/role_host.h"

#include <sys/socket.h>

#define TARPIT_TICK_MS 50    /* the wheel turns */
#define TARPIT_SLOTS 1024    /* of it: a turn is 51 s */
#define TARPIT_POOL 256      /* connections allocated at once */
#define TARPIT_CLOSED_S 10   /* without an engine nobody is taken for so long, then all are told to come again */
#define TARPIT_PAUSE_MS 50   /* without descriptors or memory nothing is accepted for so long */
#define TARPIT_FULL_MS 30000 /* a full socket wakes us by itself; if not, so late */
#define TARPIT_TURN 4096     /* connections looked at in one turn of the wheel, some 40 ms; the rest waits */
#define TARPIT_LOGGED 50     /* connections in a second that are logged when they end */
#define TARPIT_SPARE 64      /* descriptors kept for all else */
#define TARPIT_HANDSHAKES 60 /* STARTTLS in a second; more hear 454 */
#define TARPIT_HELLOS 4      /* handshakes begun in a tick: with a site's RSA key one takes 2 ms */
#define TARPIT_MOST 1000000u /* connections of a process, whatever the limits are */
#define TARPIT_NONE UINT32_MAX
#define TARPIT_NOT_COUNTED 255
#define TARPIT_HANDS 200 /* hand-throughs at once at most */

struct tarpit_conn {
	struct answer answer;
	struct tls_conn *tls; /* from STARTTLS on; NULL */
	struct ipaddr client;
	uint8_t subject_len; /* of the block's prefix, in which he is; TARPIT_NOT_COUNTED */
	int fd;
	uint32_t id;
	uint32_t next, prev;   /* in its slot of the wheel; next alone: in the free list */
	uint32_t newer, older; /* by age */
	uint32_t bytes;        /* sent */
	uint16_t slot;
	uint8_t want;  /* EPOLLIN, EPOLLOUT or 0, as the kernel has it */
	bool is_new;   /* not in the epoll set yet */
	bool is_begun; /* the first byte of its handshake has come */
};

struct tarpit {
	struct role_host *host;
	struct loop_watch *listener[ROLE_LISTENERS];
	struct loop_watch *ready, *turn, *resume, *second;
	int epoll;

	struct tarpit_conn **pool;
	uint32_t pools, pools_max, free;
	uint32_t oldest, newest;
	uint32_t count, held, cap, held_cap;
	uint32_t most;          /* connections that this process can ever have */
	struct prefix_map each; /* uint32_t: connections of a subject */

	uint32_t wheel[TARPIT_SLOTS];
	uint64_t wheel_at; /* ticks of the clock that were turned */

	struct area_memory memory;
	struct block_view view;
	bool has_view;

	struct {
		struct tls_server *server; /* NULL: off */
		bool is_ready;
		uint64_t renew_s;    /* monotonic */
		uint32_t count, cap; /* connections */
		uint32_t asked;      /* STARTTLS in this second */
		uint32_t begun;      /* handshakes in this tick */
		uint64_t tick;
	} tls;

	struct tarpit_hand *hand[TARPIT_HANDS];
	unsigned hands;
	uint64_t hand_seq;
	uint64_t handed, hand_full; /* messages that Postfix has taken; recipients that had to wait: since start */

	struct tarpit_samples *samples; /* NULL: none were wished for yet */

	struct answer_site site;
	char host_name[256], name[CONF_ITEM];
	char *says[FEEDS_MAX]; /* the words of lists, NULL: none */
	uint64_t tells_second; /* tarpit_tell.c */
	uint32_t tells;        /* in it */
	uint64_t untold;       /* beyond what is told in a second; since the last line of the log */
	struct buf scratch;
	char in[4096];
	uint64_t now_ms; /* of this round of the loop */

	struct pace pace;
	uint64_t cpu_us, load_ms; /* as of the last tick */
	uint64_t held_ms;         /* of those who are held no more, together */
	uint64_t held_begun_ms;   /* when those who are held were taken, added up */

	uint64_t removed, swept_ms; /* as of the last sweep */
	uint32_t sweep;             /* it goes on here */
	bool is_sweeping;

	struct msg_tarpit_state state, told;
	uint64_t left_ms; /* accepting stopped though more may wait */
	uint64_t logged, unlogged, logged_lost;
	unsigned untold_s;
	unsigned closed_s;
	bool is_left, is_logged_pause, is_open;
};

static inline struct tarpit_conn *tarpit_conn_at(const struct tarpit *t, uint32_t id)
{
	return &t->pool[id / TARPIT_POOL][id % TARPIT_POOL];
}

/* What is blocked: he, or a network with him. */
static inline struct prefix tarpit_subject(const struct tarpit_conn *c)
{
	return prefix_of(&c->client, c->subject_len);
}

/* ---- tarpit_accept.c */
void tarpit_on_listener(int fd, unsigned what, void *ctx);
/* Is he blocked now? */
bool tarpit_find(const struct tarpit *t, const struct ipaddr *client, struct block_entry *ret);
/* A descriptor of a new connection: closed, or ours from now on. */
void tarpit_take(struct tarpit *t, int fd, const struct ipaddr *client);
/* Close and forget. */
void tarpit_conn_close(struct tarpit *t, struct tarpit_conn *c);
/* Make room: the oldest goes. */
void tarpit_shed(struct tarpit *t);

/* ---- tarpit_load.c */
/* Connections that a process can have with its descriptors. */
uint32_t tarpit_load_most(void);
/* Settings or limits are new. */
void tarpit_load_take(struct tarpit *t);
/* Each tick, and from tarpit_load_may: what was used meanwhile. */
void tarpit_load_pass(struct tarpit *t);
/* May one more be looked at in this turn, after so many? Without tarpit_load_pass ever: yes. */
bool tarpit_load_may(struct tarpit *t, unsigned done);
/* From one byte to the next, as it is now. */
uint32_t tarpit_load_pace_ms(const struct tarpit *t);
/* Each tick: those whose block has gone are let go within some seconds. */
void tarpit_load_sweep(struct tarpit *t);
/* Right after answer_init; and at the end of it, or of the connection. */
void tarpit_hold(struct tarpit *t, struct tarpit_conn *c);
void tarpit_let_go(struct tarpit *t, struct tarpit_conn *c);

/* ---- tarpit_state.c */
void tarpit_state_tell(struct tarpit *t);
void tarpit_state_second(struct tarpit *t);
/* Before and after a round of accepting; is_left: more may wait. */
void tarpit_state_accepting(struct tarpit *t);
void tarpit_state_left(struct tarpit *t, bool is_left);

/* ---- tarpit_led.c */
/* False: made to our own port, which is nobody's to find. */
bool tarpit_is_led(const struct tarpit *t, int fd);

/* ---- tarpit_tell.c */
void tarpit_tell_recipient(struct tarpit *t, const struct tarpit_conn *c, struct slice recipient);
void tarpit_tell_end(struct tarpit *t, const struct tarpit_conn *c);

/* ---- tarpit_talk.c */
/* Go on with a connection as far as it goes; it may be closed then. */
void tarpit_talk(struct tarpit *t, struct tarpit_conn *c);
/* tarpit_talk for those that the kernel has something for. */
void tarpit_ready(struct tarpit *t, uint64_t now_ms);
void tarpit_on_ready(int fd, unsigned what, void *ctx);

/* ---- tarpit_wheel.c */
void tarpit_wheel_init(struct tarpit *t);
/* Look at it at due_ms, in place of when it would have been. */
void tarpit_wheel_put(struct tarpit *t, struct tarpit_conn *c, uint64_t due_ms);
void tarpit_wheel_del(struct tarpit *t, struct tarpit_conn *c);
/* tarpit_talk for all that are due, TARPIT_TURN of them at most. */
void tarpit_wheel_turn(struct tarpit *t, uint64_t now_ms);

/* ---- tarpit_tls.c */
/* Before the sandbox. */
void tarpit_tls_start(struct tarpit *t);
/* Settings, host name or files are new. */
void tarpit_tls_take(struct tarpit *t);
void tarpit_tls_stop(struct tarpit *t);
void tarpit_tls_second(struct tarpit *t);
/* Before core/answer is fed: what the site offers at this moment. */
void tarpit_tls_offer(struct tarpit *t);
/* STARTTLS was said. False: no memory. */
bool tarpit_tls_open(struct tarpit *t, struct tarpit_conn *c);
void tarpit_tls_close(struct tarpit *t, struct tarpit_conn *c);
/* Before each piece of the 220. */
void tarpit_tls_discard(const struct tarpit_conn *c);
/* answer_is_shaking: a step on. False: close him. ret_want: EPOLLIN, EPOLLOUT; 0: call again in a tick. */
bool tarpit_tls_shake(struct tarpit *t, struct tarpit_conn *c, uint64_t now, uint8_t *ret_want);
static inline bool tarpit_is_secure(const struct tarpit_conn *c)
{
	return c->answer.is_secure;
}
/* As recv with MSG_PEEK, and send: -1 and errno. */
ssize_t tarpit_peek(struct tarpit_conn *c, char *to, size_t size);
ssize_t tarpit_send(struct tarpit_conn *c, struct slice s);
/* Take n bytes that were peeked at. False: he is gone. */
bool tarpit_drop(struct tarpit_conn *c, size_t n);

#endif /* ROLE_TARPIT_H */
