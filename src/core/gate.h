/*
 * gate: the policy server's view of one request: who is asking, is he blocked,
 * is this recipient a trap? Pure look-ups in tables that are given; no store,
 * no memory of earlier requests (core/transaction has that). Runs for every
 * recipient of every mail.
 * SPDX-License-Identifier: ISC
 */
#ifndef CORE_GATE_H
#define CORE_GATE_H
#include "core/allow.h"
#include "core/block_index.h"
#include "core/feed_view.h"
#include "core/policy_request.h"
#include "core/subject.h"
#include "core/trap_table.h"

struct gate_view {
	const struct conf *conf;
	const struct allow *allow;
	const struct block_index *blocks;
	const struct trap_table *traps; /* NULL: not loaded yet */
	const uint8_t *identity_key;    /* SIPHASH_KEY bytes: core/subject; NULL: no identities */
	const struct feed_view *feeds;  /* NULL: none */
};

enum gate_origin {
	GATE_FOREIGN = 0,
	GATE_LOGIN,     /* authenticated, or a submission port */
	GATE_OWN,       /* own or private network */
	GATE_ALLOWED,   /* allow list, tier never */
	GATE_SHARED,    /* allow list, tier shared: never by address */
	GATE_FORWARDER, /* backup MX, forwarder: never blocked, the host before it is charged */
	GATE_IGNORED,   /* re-injection after a content filter, or no client address: nothing is recorded */
};

struct gate_result {
	enum gate_origin origin;
	struct ipaddr client;
	struct address recipient; /* empty when it does not parse */
	const struct trap *trap;  /* the recipient is this trap, armed or watching; borrowed from the table */
	struct allow_match allow; /* with origin OWN, ALLOWED, SHARED: by what; borrowed */
	bool is_blocked; /* the client is foreign, or the sender at a shared provider, and blocked: block tells by what */
	bool is_open;    /* recipient's local part is in always_open */
	bool is_listed; /* the client is foreign, not blocked, and a feed that blocks has him: which */
	struct block_entry block;
	struct feed_match feed;
};

/* For RCPT: all of the above. For the end of a message: origin and client only. */
void gate_look(const struct gate_view *v, const struct policy_request *r, uint64_t now, struct gate_result *ret);
/* May a blocked host still write to this local part? */
bool gate_is_open(const struct conf *c, struct slice local);
/* By the tables alone (no login known). name: the verified host name, "" or "unknown": none. */
enum gate_origin gate_origin_named(
	const struct gate_view *v, const struct ipaddr *client, struct slice name, struct allow_match *ret);
/* By the address alone. */
enum gate_origin gate_origin_of(const struct gate_view *v, const struct ipaddr *client);

#endif /* CORE_GATE_H */
