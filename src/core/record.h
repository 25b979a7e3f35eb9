/*
 * record: keys and values of the store as bytes. Values start with a version
 * byte (RECORD_VERSION); the decoder refuses a newer one with ERR_VERSION and
 * anything malformed with ERR_SYNTAX. Times are Unix seconds. Pure.
 * SPDX-License-Identifier: ISC
 */
#ifndef CORE_RECORD_H
#define CORE_RECORD_H
#include "base/wire.h"
#include "core/case_id.h"
#include "core/grade.h"
#include "core/trap_quality.h"

#define RECORD_VERSION 1
#define RECORD_TRAP_VERSION 2
#define RECORD_HIT_SUM_VERSION 2
#define RECORD_LEDGER_VERSION 2
#define RECORD_BLOCK_VERSION 2
#define RECORD_LEDGER_STRETCHES 8
#define RECORD_KEY 64 /* longest key made here but for addresses */
#define RECORD_VALUE 4096
#define RECORD_ADDRESS 320
#define RECORD_NAME 256
#define RECORD_NOTE 256
#define RECORD_RECENT 64 /* remembered message digests per subject; older versions wrote up to 16 */
#define RECORD_TRAPS 64
#define RECORD_BULK_TRAPS 3

/* What a person or the engine knows of one trap; key: the canonical address or "@domain". */
struct record_trap {
	uint32_t id; /* T-<id> */
	uint64_t first_seen;
	uint64_t armed_at; /* 0: not yet */
	uint64_t last_hit;
	uint64_t hits[GRADE_COUNT];
	uint8_t suspended;           /* 1: by the engine (delivered as live) */
	struct trap_quality quality; /* since RECORD_TRAP_VERSION 2 */
};

/* One hit; key: subject prefix + u64 big-endian number (record_hit_key). */
struct record_hit {
	uint64_t time;
	uint32_t trap_id;
	uint8_t grade;      /* enum grade, final */
	uint8_t is_counted; /* 0: a retry, or weight 0 */
	float weight;       /* score it added */
	struct ipaddr client;
	char name[RECORD_NAME];
	char helo[RECORD_NAME];
	char sender[RECORD_ADDRESS];
	char message_id[RECORD_NAME];
	char subject[RECORD_NAME];
	char queue_id[32];
	char corpus_id[32];
	char login[RECORD_NAME]; /* insider */
};

/* Score state of one subject; key: subject prefix. */
struct record_hit_sum {
	double score;       /* as of score_at */
	double probe_score; /* part of score that came from probes */
	uint64_t score_at;
	uint64_t first, last;
	uint64_t number; /* next hit's number */
	uint32_t count[GRADE_COUNT];
	uint32_t traps; /* distinct traps by confirmed and unseen hits, counted exactly up to RECORD_TRAPS */
	uint32_t trap_id[RECORD_TRAPS];
	uint64_t recent[RECORD_RECENT]; /* digests of messages, newest first: a retry is not a new hit */
	/* since RECORD_HIT_SUM_VERSION 2 */
	double bulk_score; /* part of score that came from bulk and automatic mail */
	uint32_t bulk_day; /* day number of the last such mail */
	uint8_t bulk_days; /* distinct days of it, at most 255 */
	uint8_t bulk_traps;
	uint32_t bulk_trap_id[RECORD_BULK_TRAPS]; /* distinct traps of it, the first ones */
};

/* WIDE: several subjects inside it are blocked (core/widen). FEED: an imported list has it; tag is the feed's name. */
enum cause_kind { CAUSE_HIT = 1, CAUSE_PERSON = 2, CAUSE_WIDE = 3, CAUSE_FEED = 4 };
/* ACTIVE runs until `until`; in mode monitor it is shown as "would". MESSAGE: one message was refused at the dot, no block. */
enum block_state { BLOCK_ACTIVE = 1, BLOCK_LIFTED = 2, BLOCK_EXPIRED = 3, BLOCK_HELD = 4, BLOCK_MESSAGE = 5 };

/* The block of a subject, in force or the last one; key: subject prefix. Also under its case id (TABLE_CASE). */
struct record_block {
	struct prefix subject;
	char case_id[CASE_ID_TEXT];
	uint8_t state;      /* enum block_state */
	uint8_t cause;      /* enum cause_kind */
	uint8_t grade;      /* of the hit that made it */
	uint8_t is_generic; /* generic or dynamic host name: shorter */
	uint32_t offence;   /* 1, 2, ... */
	uint64_t since, until;
	double score, need;
	double good;      /* ledger at that time */
	uint32_t trap_id; /* 0: none */
	uint32_t last_trap_id;
	uint64_t last_sender; /* digest of the sender: renewal needs another trap or sender */
	uint32_t refusals;
	uint64_t last_refusal;
	uint64_t lifted_at;
	uint64_t pardon_until;
	uint64_t forget_at; /* offences are forgotten then */
	char tag[64];
	char name[RECORD_NAME];
	char sender[RECORD_ADDRESS];
	char by[64]; /* who set or lifted it: a login, "limetwig" */
	char note[RECORD_NOTE];
	/* since RECORD_BLOCK_VERSION 2: at our own SMTP server */
	uint32_t answered; /* connections */
	uint32_t held_s;   /* seconds in which it was held, byte by byte */
};

/* One refusal; key: time + number. */
struct record_refusal {
	uint64_t time;
	struct ipaddr client;
	uint16_t code;
	uint8_t is_would; /* monitor: would have been refused */
	uint8_t is_rider; /* refused at the dot because of a trap among the recipients */
	char case_id[CASE_ID_TEXT];
	char name[RECORD_NAME];
	char sender[RECORD_ADDRESS];
	char recipient[RECORD_ADDRESS]; /* never a trap */
	char queue_id[32];
};

/* Accepted mail; key: time + number. */
struct record_accepted {
	uint64_t time;
	struct ipaddr client;
	uint8_t is_hashed; /* sender and recipient are hex of keyed hashes (older than 14 d) */
	char sender[RECORD_ADDRESS];
	char recipient[RECORD_ADDRESS];
	char queue_id[32];
};

struct record_allow { /* key: prefix */
	struct prefix prefix;
	uint64_t since, until; /* until 0: for good */
	char by[64];
	char note[RECORD_NOTE];
};

/* Good mail of a subject; key: subject prefix. See core/ledger. */
struct record_ledger {
	double good; /* matured, as of good_at */
	uint64_t good_at;
	double fresh[3];    /* not yet 48 h old: per day, newest first */
	uint64_t fresh_day; /* day number of fresh[0] */
	uint16_t days;      /* distinct days with good mail, at most 1000 */
	uint64_t last_day;
	/* since RECORD_LEDGER_VERSION 2: messages, unweighted, in stretches of two days, the newest first */
	uint64_t stretch; /* number of the newest */
	uint16_t mails[RECORD_LEDGER_STRETCHES];
};

struct record_correspondent { /* key: domain in lower case */
	uint64_t last;        /* when one of our users last wrote to it */
};

enum withheld_state { WITHHELD_KEPT = 1, WITHHELD_RELEASED = 2 };
/* A captured message with riders that did not get it, or one that was released; key: corpus id. */
struct record_withheld {
	uint64_t time;
	uint8_t state;        /* enum withheld_state */
	struct ipaddr client; /* family 0: unknown */
	uint32_t riders;
	uint32_t size;
	char case_id[CASE_ID_TEXT];
	char queue_id[32];
	char name[RECORD_NAME];
	char sender[RECORD_ADDRESS];
	uint64_t released_at;
	char by[64];
	char to[RECORD_ADDRESS]; /* released to this person instead of the riders; "" */
	char note[RECORD_NOTE];
};

struct record_audit { /* key: time + number */
	uint64_t time;
	uint32_t uid;
	char who[64];
	char what[256];
	char note[RECORD_NOTE];
};

/* Keys: written into to[RECORD_KEY], returned as a slice of it. */
struct slice record_subject_key(const struct prefix *p, uint8_t to[RECORD_KEY]);
struct slice record_hit_key(const struct prefix *p, uint64_t number, uint8_t to[RECORD_KEY]);
struct slice record_time_key(uint64_t time, uint64_t number, uint8_t to[RECORD_KEY]);
enum err record_subject_parse(struct slice key, struct prefix *ret) MUST_USE;
enum err record_time_parse(struct slice key, uint64_t *ret_time, uint64_t *ret_number) MUST_USE;

#define RECORD_CODEC(name)                                                                                             \
	void record_put_##name(struct wr *w, const struct record_##name *v);                                           \
	enum err record_get_##name(struct slice in, struct record_##name *ret) MUST_USE;
RECORD_CODEC(trap)
RECORD_CODEC(hit)
RECORD_CODEC(hit_sum)
RECORD_CODEC(block)
RECORD_CODEC(refusal)
RECORD_CODEC(accepted)
RECORD_CODEC(allow)
RECORD_CODEC(ledger)
RECORD_CODEC(correspondent)
RECORD_CODEC(audit)
RECORD_CODEC(withheld)
#undef RECORD_CODEC

/*
 * The same for a block, but only what stands before its texts (tag, name ... of *ret are
 * left as they are): loading a million of them. *ret is undefined after an error.
 */
enum err record_get_block_head(struct slice in, struct record_block *ret) MUST_USE;

/* For store_check: does this pair decode? tag: enum table of io/store.h. */
bool record_is_valid(unsigned char tag, struct slice key, struct slice value);

#endif /* CORE_RECORD_H */
