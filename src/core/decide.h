/*
 * decide: what follows from one hit (DESIGN 6). A pure function of what is
 * known of the subject (view), what happened (event) and the time; the result
 * is data: the new score state, the new block record, what kind of change it
 * is. The engine carries it out; replay calls the same code in virtual time.
 *
 * A hit never blocks by itself; the sum does: score >= need, where
 * need = threshold * (1 + good / good_mail). Insider and exempt hits, and
 * clients on the allow list, change nothing but counters.
 *
 * A feed that blocks does so at the first contact (decide_feed), unless the
 * host has good mail. That is no offence of his: hits decide as if there were
 * no such block, and theirs takes its place.
 * SPDX-License-Identifier: ISC
 */
#ifndef CORE_DECIDE_H
#define CORE_DECIDE_H
#include "core/conf.h"
#include "core/mode.h"
#include "core/record.h"

struct decide_view {
	const struct conf *conf;
	const struct record_hit_sum *sum; /* all zero: never seen */
	const struct record_block *block; /* the last block, in force or not; NULL: never blocked */
	double good;                      /* ledger_good at now */
	bool is_allowed;                  /* tier never, own network */
	bool is_shared;                   /* an identity at a shared provider: many traps alone do not block it */
	double listed;                    /* weights of the feeds that only score and have it */
};

struct decide_event {
	enum grade grade;
	struct prefix subject;
	uint32_t trap_id;
	float trap_weight;
	struct slice tag;
	uint64_t digest; /* of client, sender, trap, Message-ID */
	uint64_t sender_digest;
	struct slice name; /* verified client name */
	struct slice sender;
	bool is_generic; /* host_name_is_generic */
	uint64_t random; /* case id and jitter */
};

enum decide_kind {
	DECIDE_NOTHING = 0, /* counted, no more */
	DECIDE_RETRY,       /* the same message again: not even counted */
	DECIDE_BLOCK,       /* a new block */
	DECIDE_RENEW,       /* a block in force runs longer */
	DECIDE_PARDONED,    /* would block, but a person lifted the last one a short time ago */
};

struct decide_verdict {
	enum decide_kind kind;
	double weight; /* this hit added */
	double score, need;
	struct record_hit_sum sum; /* to be stored, except after DECIDE_RETRY */
	struct record_block block; /* to be stored after BLOCK and RENEW */
};

void decide_hit(const struct decide_view *v, const struct decide_event *e, uint64_t now, struct decide_verdict *ret);

/* Would this event, were it graded confirmed, leave the subject blocked? (riders) */
bool decide_would_block(const struct decide_view *v, const struct decide_event *e, uint64_t now);

struct decide_contact {
	struct prefix subject;
	const char *feed; /* its name */
	uint64_t time_s;  /* how long */
	struct slice name, sender;
	uint64_t random; /* case id */
};

enum decide_listed {
	LISTED_BLOCK = 1,
	LISTED_STANDS,   /* a block is in force, or held for a person */
	LISTED_ALLOWED,  /* by an allow tier */
	LISTED_SPARED,   /* has good mail */
	LISTED_PARDONED, /* a person lifted the last one a short time ago */
};

/* A client that a feed blocks is there. ret: set for LISTED_BLOCK. */
enum decide_listed decide_feed(
	const struct decide_view *v, const struct decide_contact *c, uint64_t now, struct record_block *ret);

/* A person blocks: the record for seconds from now on (0: as a first offence would last). old may be NULL. */
void decide_person(const struct conf *c, const struct record_block *old, const struct prefix *subject, uint64_t seconds,
	uint64_t now, uint64_t random, struct record_block *ret);

/* A person lifts: no new block for pardon_s. */
void decide_lift(const struct conf *c, struct record_block *b, uint64_t now);

/* A held block acts; it runs as long as it would have from the start. */
void decide_confirm(struct record_block *b, uint64_t now);

bool decide_block_is_held(const struct record_block *b, uint64_t now);
bool decide_block_is_active(const struct record_block *b, uint64_t now);
/* Reply code: conf.block.reply_later for a feed's block, and from the second offence on; else reply_first. */
uint16_t decide_reply_code(const struct conf *c, enum cause_kind cause, uint32_t offence);
/* Does the firewall layer take this block now? refused_hour: refusals of the last hour. */
bool decide_firewall(const struct conf *c, enum mode mode, uint32_t offence, uint32_t refused_hour);
double decide_need(const struct conf *c, double good);

#endif /* CORE_DECIDE_H */
