/*
 * replay_subject: what a replay knows of the clients that sent good mail or hit
 * a trap: the ledger of all, and for those that hit one the state of
 * core/decide, once for each bound. Part of core/replay_world; pure but for
 * memory.
 *
 * Caps: REPLAY_LEDGER clients with good mail (spent ones are dropped; then new
 * ones are not credited, so that too much is called blocked, not too little),
 * REPLAY_SUBJECTS that hit a trap (further ones are not charged), both counted.
 * SPDX-License-Identifier: ISC
 */
#ifndef CORE_REPLAY_SUBJECT_H
#define CORE_REPLAY_SUBJECT_H
#include "base/keymap.h"
#include "core/breaker.h"
#include "core/decide.h"
#include "core/subject.h"

#define REPLAY_LEDGER 300000
#define REPLAY_SUBJECTS 100000
#define REPLAY_CORRESPONDENTS 100000
#define REPLAY_SEEN 1024 /* power of two; one place for each client, the newest stays */

/*
 * What a log does not show is taken once as it would block least, once as it
 * would block most.
 */
enum replay_bound { REPLAY_LEAST, REPLAY_MOST, REPLAY_BOUNDS };

/* struct record_block without its texts; until 0: never blocked. */
struct replay_block {
	uint64_t since, until, forget_at, last_sender;
	uint32_t offence, trap_id, last_trap_id;
	uint8_t grade;
	bool is_generic;
	bool is_held; /* by core/breaker: waits for a person, refuses nothing */
};

/* What is asked for most comes first. */
struct replay_side {
	struct replay_block block;
	uint32_t blocks;
	uint32_t connections, good, spam, unknown; /* refused */
	struct record_hit_sum sum;
	struct record_ledger ledger;
};

struct replay_subject {
	struct prefix prefix;
	struct ipaddr client; /* the first that hit a trap */
	char name[128];
	struct replay_side side[REPLAY_BOUNDS];
};

/* What was last found out of a client: most lines are of clients that were seen just now. */
struct replay_seen {
	struct ipaddr client;
	struct prefix prefix;
	struct replay_subject *subject; /* NULL: it never hit a trap, when there were this many that did: */
	size_t subjects;
};

struct replay_subjects {
	const struct conf *conf;
	const struct subject_rules *rules;
	struct keymap by_prefix; /* struct replay_subject * */
	struct keymap ledger;    /* struct record_ledger of clients without a subject */
	struct keymap wrote_to;  /* domains our users wrote to: uint8_t */
	uint64_t uncharged;      /* hits beyond REPLAY_SUBJECTS */
	uint64_t uncredited;     /* good mail beyond REPLAY_LEDGER */
	struct breaker breaker[REPLAY_BOUNDS];
	uint64_t random;           /* the same in every run */
	struct record_block block; /* being judged, and what came of it: large, so not made anew for every hit */
	struct decide_verdict verdict;
	struct replay_seen seen[REPLAY_SEEN];
};

/* c, rules: borrowed. */
void replay_subjects_init(struct replay_subjects *s, const struct conf *c, const struct subject_rules *rules,
	const uint8_t key[SIPHASH_KEY]);
void replay_subjects_done(struct replay_subjects *s);
/* Who this client is; good until the next call. */
struct replay_seen *replay_subject_seen(struct replay_subjects *s, const struct ipaddr *client);
/* NULL at the cap, without memory (counted). */
struct replay_subject *replay_subject_open(struct replay_subjects *s, const struct prefix *p);
/* All, any order; *pos starts at 0. */
struct replay_subject *replay_subject_next(const struct replay_subjects *s, size_t *pos);

bool replay_side_is_blocked(const struct replay_side *x, uint64_t now);
/*
 * A hit of this client in this bound: what followed; e->random is set here. What
 * breaker would hold waits for a person, who never comes: x->side[b].block.is_held.
 */
enum decide_kind replay_side_hit(
	struct replay_subjects *s, struct replay_subject *x, enum replay_bound b, struct decide_event *e, uint64_t now);
/* Would this hit, were it confirmed, leave the client blocked, and not held? */
bool replay_side_would_block(
	struct replay_subjects *s, struct replay_subject *x, enum replay_bound b, struct decide_event *e, uint64_t now);

/* One good message. Not in the bounds in which it would have been refused (bits by bound). */
void replay_subject_credit(
	struct replay_subjects *s, struct replay_subject *x, struct slice sender, uint64_t time, unsigned refused);
/* The same of a client that never hit a trap. */
void replay_subject_credit_other(struct replay_subjects *s, const struct prefix *p, struct slice sender, uint64_t time);
/* Do our users write to the domain of sender? */
bool replay_subject_is_correspondent(const struct replay_subjects *s, struct slice sender);
/* One of our users wrote to this address. */
void replay_subject_wrote(struct replay_subjects *s, struct slice recipient);

#endif /* CORE_REPLAY_SUBJECT_H */
