/*
 * engine_feed: lists from outside, as the engine has them. The role feed
 * fetches them and hands over sets that do not change (core/feed_area); what
 * they do to a client says core/feed_view and core/decide.
 *
 *   engine_feed.c        start, stop, messages, which feeds there are, states
 *   engine_feed_set.c    a new set: who of our good senders is in it, hold or swap
 *   engine_feed_block.c  blocks at first contact, and their end when the set has them no longer
 *   engine_feed_give.c   the sets, and the holes, for dnsbl and publish
 *   engine_command_feed.c  the commands
 *
 * A swap, a count and a search for blocks to lift run in stretches between the
 * rounds of the loop. One set is looked at at a time; the old one acts meanwhile.
 * SPDX-License-Identifier: ISC
 */
#ifndef ROLE_ENGINE_FEED_H
#define ROLE_ENGINE_FEED_H
#include "core/feed_view.h"
#include "io/area_memory.h"
#include "role/engine.h"

#define ENGINE_FEED_HOLD_PERCENT 5    /* of the hosts with good mail: a set with more of them waits for a person */
#define ENGINE_FEED_HOLD_HOSTS 5      /* fewer never do */
#define ENGINE_FEED_BLOCKS_PERCENT 75 /* of block max-blocks: the rest is for hits and people */
#define ENGINE_FEED_SHOWN 10          /* subjects of a kind that are named */

/* Whom of ours a set has. */
enum feed_ours { FEED_OURS_GOOD, FEED_OURS_OWN, FEED_OURS_NEVER, FEED_OURS_SHARED, FEED_OURS_KINDS };
struct engine_collateral {
	uint32_t good_hosts; /* in the ledger, in the set or not */
	uint32_t count[FEED_OURS_KINDS];
	uint32_t shown[FEED_OURS_KINDS];
	struct prefix subject[FEED_OURS_KINDS][ENGINE_FEED_SHOWN];
};

/* Where a count is. Zeroed: at its begin. */
struct engine_count_at {
	unsigned phase; /* 0: ledger; then the ranges of the allow list's tables */
	size_t pos;
};

struct engine_feed_set {
	int fd; /* to hand out */
	struct area_memory memory;
	struct feed_area area;
	struct msg_feed_set m;
	struct engine_collateral ours;
};

enum feed_wait {
	FEED_WAIT_NONE = 0, /* there is no next set */
	FEED_WAIT_TURN,     /* to be counted */
	FEED_WAIT_PERSON,   /* counted, has too many of our good senders */
};

struct engine_feed {
	char name[CONF_TITLE];            /* "": unused */
	bool has_set, has_state, is_seen; /* is_seen: since the role was linked */
	enum feed_wait wait;
	struct engine_feed_set now, next;
	struct msg_feed_state state; /* the role's last word */
	uint64_t confirm_until;      /* engine_mono_s: a person wants the set that comes until then */
	uint64_t known_at;
	uint64_t blocked, spared, unblocked, no_room; /* since start */
};

struct engine_feed_holes; /* engine_feed_give.c */
struct engine_feed_trial; /* engine_command_feed.c */

struct engine_feeds {
	struct feed_view view; /* same numbers */
	struct engine_feed feed[FEEDS_MAX];
	bool is_all_seen; /* the role has named all that there are */
	bool is_ready;    /* whom allow files and feeds spare was known once since the start */
	bool is_whole;    /* and so were all sets that the role had then */
	struct loop_watch *job;
	/* the set that is being looked at */
	int at; /* its feed; -1: none */
	bool is_counted;
	struct engine_count_at count_at;
	struct feed_gate gate; /* the next one */
	unsigned gate_feed;
	struct feed_gate_at gate_at;
	bool is_gate_due; /* a feed that blocked has gone */
	/* the search for blocks that a feed has no longer */
	bool is_lifting, is_lift_again;
	uint64_t lift_at;
	int acting; /* as last told; -1: not yet */
	struct engine_feed_holes *holes;
	struct engine_feed_trial *trial;
};

/* ---- engine_feed.c */
enum err engine_feed_start(struct engine *e) MUST_USE;
void engine_feed_stop(struct engine *e);
void engine_feed_linked(struct engine *e);
void engine_feed_message(struct engine *e, enum message_type t, struct rd *body, int fd);
void engine_feed_reloaded(struct engine *e);
void engine_feed_tick(struct engine *e, uint64_t now);
/*
 * Allow files or a set have come. Once all are there that allow, feeds act: none blocks, and zone and exports get none,
 * before. For feeds that allow a minute is enough.
 */
void engine_feed_ready(struct engine *e);
/* NULL: there is none of this name. */
struct engine_feed *engine_feed_find(struct engine *e, const char *name);
static inline unsigned engine_feed_number(const struct engine_feeds *x, const struct engine_feed *f)
{
	return (unsigned)(f - x->feed);
}
/* When its source was last seen to have the list that acts: it may not have changed for long. 0: never. */
uint64_t engine_feed_good(const struct engine_feed *f);
/* Of enum conf_feed_action. */
const char *engine_feed_action_name(unsigned a);
/* "": all. False: the role cannot be asked. */
bool engine_feed_ask(struct engine *e, enum feed_ask what, const char *name);
/* Go on with what is to be done, in the next round of the loop. */
void engine_feed_job(struct engine *e, uint64_t in_ms);
/* For metrics, status and feed list: rows; warnings: NULL, or texts are added. */
json_t *engine_feed_json(struct engine *e, json_t *warnings);

/* ---- engine_feed_set.c */
void engine_feed_take(struct engine *e, const struct msg_feed_set *m, int fd);
/* A stretch of the set that is looked at. False: there is nothing to do. */
bool engine_feed_set_step(struct engine *e);
/* A set that waits for a person acts. False: none waits. */
bool engine_feed_confirm(struct engine *e, struct engine_feed *f);
void engine_feed_set_close(struct engine_feed_set *s);
/* A feed has gone: its sets too. */
void engine_feed_drop(struct engine *e, struct engine_feed *f);
/* A stretch of a count. False: done. */
bool engine_feed_count_step(
	struct engine *e, const struct feed_area *a, struct engine_count_at *at, struct engine_collateral *c);
/* So many of our good senders that such a set waits for a person? */
bool engine_feed_is_too_good(const struct engine_collateral *c);
/* Owned by the caller. */
json_t *engine_feed_ours_json(const struct engine_collateral *c);

/* ---- engine_feed_block.c */
/* A listed client names a recipient; sets g->is_blocked and g->block if he is blocked now. */
void engine_feed_contact(struct engine *e, const struct policy_request *r, struct gate_result *g, uint64_t now);
/* What the feed of this name says of its blocks: flags of the index. */
uint8_t engine_feed_flags(const struct engine *e, const char *name);
/* Its number plus 1, if it has words for those it lists; else 0. */
uint8_t engine_feed_speaker(const struct engine *e, const char *name);
/* Those words, for core/feed_text_expand; "" where such a number has none. */
const char *engine_feed_says(const struct engine *e, uint8_t speaker);
/* Sets have changed: look through the blocks of feeds. */
void engine_feed_lift(struct engine *e);
/* A stretch of it; ms until the next one, 0: there is nothing to do. */
unsigned engine_feed_lift_step(struct engine *e);
/* The feeds that have p, for `why` and `feed find`: {feed, action, prefix, does, weight, age ...}. Owned by the caller. */
json_t *engine_feed_listed_json(struct engine *e, const struct prefix *p);

/* ---- engine_feed_give.c */
enum err engine_feed_give_start(struct engine *e) MUST_USE;
void engine_feed_give_stop(struct engine *e);
/* To a tarpit that has come: the words of all feeds. */
void engine_feed_says_linked(struct engine *e, enum role peer);
/* To dnsbl or publish that has come: all of it. */
void engine_feed_give_linked(struct engine *e, enum role peer);
/* The set of this feed and its words, or that it is gone. */
void engine_feed_give(struct engine *e, const struct engine_feed *f);
/* All feeds that there are have been named: who outlived another engine forgets those that there are no more. */
void engine_feed_give_settled(struct engine *e);
/* What is told of this feed; returns its set, -1: nothing of it is listed. */
int engine_feed_given(const struct engine *e, const struct engine_feed *f, struct msg_feed_give *ret);
/* The holes as they are; -1: they are being made. */
int engine_feed_holes_fd(struct engine *e);
/* The allow list, or a feed that allows, has changed. */
void engine_feed_holes_changed(struct engine *e);
/* What failed for want of memory or descriptors is tried again. */
void engine_feed_holes_again(struct engine *e);
/* Mode or off may have changed. */
void engine_feed_acting(struct engine *e);

/* ---- engine_command_feed.c */
void engine_command_feed_list(struct engine *e, struct engine_call *c, const json_t *in);
void engine_command_feed_refresh(struct engine *e, struct engine_call *c, const json_t *in);
void engine_command_feed_confirm(struct engine *e, struct engine_call *c, const json_t *in);
void engine_command_feed_find(struct engine *e, struct engine_call *c, const json_t *in);
void engine_command_feed_test(struct engine *e, struct engine_call *c, const json_t *in);
/* This call is going away; NULL: all are. */
void engine_feed_call_gone(struct engine *e, const struct engine_call *c);

#endif /* ROLE_ENGINE_FEED_H */
