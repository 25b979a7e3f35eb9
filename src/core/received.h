/*
 * received: where a message came from before it came to us: the address in one
 * Received field, and the walk from field to field, topmost first.
 *
 * A field is believed only while the host that wrote it is one of ours or a
 * forwarder: the topmost was written by our own Postfix, each further one by
 * the host that the field above names. So the first address that is neither is
 * the last that is known to be true: what stands below can be forged and is
 * never looked at. A field that gives no address and is no known inner step of
 * a mail system ends the walk, and nobody is named. A forwarder must be a host
 * that adds its Received field.
 *
 * Pure, linear; every byte is hostile: the HELO name, the host name, an ident
 * user and a certificate's name are the client's own text.
 * SPDX-License-Identifier: ISC
 */
#ifndef CORE_RECEIVED_H
#define CORE_RECEIVED_H
#include "base/prefix_table.h"
#include "core/conf.h"

#define RECEIVED_HOPS 10 /* fields kept and walked at most */

enum received_kind {
	RECEIVED_UNKNOWN = 0, /* nothing can be said: the walk ends */
	RECEIVED_FROM = 1,    /* an SMTP client with this address */
	RECEIVED_INNER = 2,   /* a step inside one mail system: qmail's queue, LMTP on the same host ... */
};

struct received_hop {
	uint8_t kind; /* enum received_kind */
	struct ipaddr from;
};

/* The value of one field, unfolded. */
void received_parse(struct slice value, struct received_hop *ret);
/* Values of a table of trusted prefixes. For the same prefix the larger stays: a backup MX is an MX host, too. */
enum received_trust { RECEIVED_OWN = 1, RECEIVED_FORWARDER = 2 };
/* Own networks, own hosts and forwarders of c into an empty table, sealed. ERR_SYNTAX, ERR_NOMEM: the table is unusable. */
enum err received_trust(struct prefix_table *t, const struct conf *c) MUST_USE;

/*
 * hop[0] is the topmost field. trusted: own networks, own hosts, forwarders;
 * private addresses count as own. False: nobody can be named.
 */
bool received_walk(
	const struct received_hop *hop, size_t hops, const struct prefix_table *trusted, struct ipaddr *ret_client);

#endif /* CORE_RECEIVED_H */
