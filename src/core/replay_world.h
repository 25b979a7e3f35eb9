/*
 * replay_world: had these traps been there, what would have happened? Takes the
 * events of core/replay_log in virtual time, gives traps, hits, ledger and
 * blocks to the same core/decide that the engine runs, and counts what blocked
 * clients would not have been able to send.
 *
 * A log does not show content, and of a refused recipient not whether a message
 * would have followed. So everything is played twice:
 *   REPLAY_LEAST  a refused recipient is a probe, a message that came is unseen
 *   REPLAY_MOST   a recipient refused as unknown is a whole message, content seen
 * A message from the empty sender is a bounce in both, a refused recipient of
 * the empty sender, of double-bounce@, postmaster@ or mailer-daemon@ a probe in
 * both (call-outs), and so is one that Postfix refused for another reason than
 * that it is unknown. A message with real recipients too is refused at its end
 * where limetwig would (traps riders = refuse).
 *
 * Good mail is what was delivered and which no filter in the same log refused,
 * discarded or tagged. Senders of tier shared are never charged: their identity
 * needs SPF, which a log does not show.
 *
 * Pure but for memory. Caps: those of core/replay_subject; REPLAY_HELD messages
 * of blocked clients under way (further ones are counted as lost), REPLAY_DAYS
 * (the last takes all further days).
 * SPDX-License-Identifier: ISC
 */
#ifndef CORE_REPLAY_WORLD_H
#define CORE_REPLAY_WORLD_H
#include "core/allow.h"
#include "core/replay_log.h"
#include "core/replay_subject.h"
#include "core/subject.h"
#include "core/trap_table.h"

#define REPLAY_HELD 200000
#define REPLAY_DAYS 400

struct replay_count {
	uint64_t grade[GRADE_COUNT]; /* hits, retries not counted */
	uint64_t blocks, renewals;
	uint64_t held;        /* blocks that would wait for a person: they refuse nothing here */
	uint64_t connections; /* refused: of blocked clients; without connections in the log: 0 */
	uint64_t messages;    /* refused: good + spam + unknown */
	uint64_t good, spam, unknown;
	uint64_t tries; /* recipients that Postfix refused anyway, of blocked clients */
};

struct replay_day {
	uint64_t day; /* since 1970 */
	uint64_t connections, good, spam, unknown, tries;
	uint64_t screened; /* connections that postscreen refused, among those */
	struct replay_count bound[REPLAY_BOUNDS];
};

struct replay_sums {
	uint64_t first, last; /* of the log; 0: no line */
	struct replay_day all;
	struct replay_day *day; /* days of them, oldest first */
	size_t days;
	uint64_t null_sender; /* hits of them */
	uint64_t insider, exempt;
	uint64_t held_lost; /* beyond REPLAY_HELD */
};

/* A message that was good or of which the log shows no end, refused. */
struct replay_refusal {
	uint64_t time;
	struct ipaddr client;
	struct slice name, sender, recipient;
	const char *queue_id;
	bool is_in[REPLAY_BOUNDS];
	bool is_rider; /* refused for a trap among its own recipients */
	uint32_t trap_id;
	double credit;         /* good mail of this client that counted then */
	bool is_correspondent; /* our users write to the sender's domain */
};

/* What a trap brought. */
struct replay_yield {
	uint64_t tries;                 /* hits, retries too */
	uint32_t blocks[REPLAY_BOUNDS]; /* that it set off */
	uint32_t good[REPLAY_BOUNDS];   /* good mail refused by those */
};

struct replay_setup {
	const struct conf *conf;
	const struct allow *allow;
	const struct subject_rules *rules;
	const struct trap_table *traps; /* ids 1 .. count; all act */
	/* The pattern that gives tag and weight to a trap domain's address, or stands on a live domain; may be NULL. */
	const struct trap *(*pattern)(const struct address *a, void *ctx);
	void (*good)(const struct replay_refusal *r, void *ctx); /* good mail refused; may be NULL */
	void *ctx;
};

struct replay_world;

/* All of setup is borrowed. NULL: no memory. */
struct replay_world *replay_world_new(const uint8_t key[SIPHASH_KEY], const struct replay_setup *setup);
void replay_world_free(struct replay_world *w);
/* A replay_log_fn: ctx is the world. */
void replay_world_event(const struct replay_event *e, void *ctx);
/* The log is over: what is still under way is unknown. */
void replay_world_end(struct replay_world *w);
const struct replay_sums *replay_world_sums(const struct replay_world *w);
const struct replay_subjects *replay_world_subjects(const struct replay_world *w);
const struct replay_yield *replay_world_yield(const struct replay_world *w, uint32_t trap_id);

#endif /* CORE_REPLAY_WORLD_H */
