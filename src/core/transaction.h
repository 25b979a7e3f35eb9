/*
 * transaction: what the policy server remembers between the RCPTs of one
 * message, its end, and its LMTP copy. Only transactions that named a trap are
 * kept (keyed by Postfix's instance), and after the end of the message the same
 * facts under the queue id, which the LMTP copy carries as XFORWARD IDENT. On
 * services where we are not asked at RCPT, queue id -> login is kept instead.
 *
 * Caps: TRANSACTION_MAX of each; at the cap the new one is not remembered (its
 * LMTP copy is then treated as one without a policy record, which never blocks
 * by itself). Times are Unix seconds. Pure; owns its memory.
 * SPDX-License-Identifier: ISC
 */
#ifndef CORE_TRANSACTION_H
#define CORE_TRANSACTION_H
#include "base/ipaddr.h"
#include "base/keymap.h"

#define TRANSACTION_MAX 100000
#define TRANSACTION_TRAPS 32           /* distinct traps remembered of one message */
#define TRANSACTION_EXPIRY_S 3600      /* without an end */
#define TRANSACTION_IDLE_S 20          /* RCPT and no end yet: counted as probe (weight 1), still kept */
#define TRANSACTION_QUEUE_S (6 * 3600) /* after the end, until the LMTP copy has come */
#define TRANSACTION_LOGIN_S 600
#define TRANSACTION_LOGIN 256
#define TRANSACTION_SENDER 320
#define TRANSACTION_NAME 256

/* The connection of a session, besides the client's address. Ports 0: not known. */
struct session_ends {
	struct ipaddr server;
	uint16_t client_port, server_port;
};

struct transaction {
	uint64_t at; /* last seen */
	struct ipaddr client;
	struct session_ends ends;
	uint16_t asked;      /* RCPTs of this transaction so far, refused ones too */
	uint16_t trap_asked; /* of them to armed traps */
	uint8_t traps;       /* distinct traps among those */
	bool is_probed;      /* its traps were already counted as probes */
	bool is_ours;        /* a login, or a submission port: never charged */
	uint32_t trap_id[TRANSACTION_TRAPS];
	char sender[TRANSACTION_SENDER];
	char name[TRANSACTION_NAME];
	char helo[TRANSACTION_NAME];
	char login[TRANSACTION_LOGIN];
};

/* What the LMTP copy needs to know of the message with this queue id. */
struct queued {
	uint64_t at;
	struct ipaddr client;
	struct session_ends ends;
	bool is_asked;  /* we were asked at RCPT: trap_id says for which traps */
	bool is_logged; /* the log, not the policy server, proves that a foreign client without login sent it */
	uint8_t traps;
	uint32_t trap_id[TRANSACTION_TRAPS];
	char login[TRANSACTION_LOGIN]; /* "": no login */
};

struct transactions {
	struct keymap by_instance; /* struct transaction */
	struct keymap by_queue_id; /* struct queued */
	uint64_t dropped;          /* not remembered because of a cap */
};

void transactions_init(struct transactions *t, const uint8_t key[SIPHASH_KEY]);
void transactions_done(struct transactions *t);

/* NULL when there is none. Good until the next call that adds. */
struct transaction *transaction_find(struct transactions *t, struct slice instance);
/* Find or add; NULL at the cap or without memory (counted). */
struct transaction *transaction_open(struct transactions *t, struct slice instance, uint64_t now);
/* Note that this transaction named that trap. False: beyond TRANSACTION_TRAPS (still counted in traps up to 255). */
bool transaction_add_trap(struct transaction *x, uint32_t trap_id);
void transaction_drop(struct transactions *t, struct slice instance);

struct queued *queued_find(struct transactions *t, struct slice queue_id);
struct queued *queued_open(struct transactions *t, struct slice queue_id, uint64_t now);
bool queued_has_trap(const struct queued *q, uint32_t trap_id);

/*
 * A slice of the housekeeping: expire, and hand each transaction that turned
 * out to be RCPT only (idle for TRANSACTION_IDLE_S, no end) to probe(), once.
 */
void transactions_sweep(
	struct transactions *t, uint64_t now, void (*probe)(const struct transaction *x, void *ctx), void *ctx);

#endif /* CORE_TRANSACTION_H */
