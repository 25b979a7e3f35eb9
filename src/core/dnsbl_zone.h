/*
 * dnsbl_zone: the DNS zone below which our list is answered, made ready from
 * the settings: names as they stand on the wire, lifetimes, and what a name in
 * it stands for (RFC 5782): the apex, an address in reverse, part of one.
 *
 * Part of an address is always taken for a node without records (NODATA),
 * never for one that does not exist: by RFC 8020 "does not exist" would hold
 * for every host below it, also for one that is listed a second later. Pure.
 * SPDX-License-Identifier: ISC
 */
#ifndef CORE_DNSBL_ZONE_H
#define CORE_DNSBL_ZONE_H
#include "base/ipaddr.h"
#include "core/conf.h"
#include "core/dns_owner.h"

#define DNSBL_NAME 255       /* bytes of a name on the wire */
#define DNSBL_NAME_SERVERS 8 /* more are left out */
#define DNSBL_NS_ADDRESSES 8 /* of ns.ZONE */

struct dnsbl_wire {
	size_t n;
	uint8_t b[DNSBL_NAME];
};

struct dnsbl_zone {
	struct dnsbl_wire name; /* lower case, with the root */
	struct dnsbl_wire contact;
	struct dnsbl_wire name_server[DNSBL_NAME_SERVERS];
	unsigned name_servers;
	bool has_own_ns; /* no name server is set: it is ns.ZONE, with these addresses */
	struct ipaddr ns_address[DNSBL_NS_ADDRESSES];
	unsigned ns_addresses;
	uint32_t ttl_s, negative_ttl_s;
	double amplification; /* UDP: answer / question */
	char url[CONF_TEXT];
};

enum dnsbl_name {
	DNSBL_OUTSIDE = 0,
	DNSBL_APEX,
	DNSBL_OWN_NS,  /* ns.ZONE */
	DNSBL_ADDRESS, /* of a host */
	DNSBL_NODE,    /* part of an address: something may stand below it */
	DNSBL_NOTHING, /* no name of ours */
};

/* The zone of c->dnsbl. ERR_SYNTAX: one of its names is none; ERR_LIMIT: one is too long, or no room for a host below it. */
enum err dnsbl_zone_init(struct dnsbl_zone *ret, const struct conf *c) MUST_USE;

/*
 * name: whole labels with the root, as dnsbl_question reads them; any case.
 * ADDRESS: *ret_host is the host (of an IPv4 address in IPv6 form the IPv4
 * one); *ret_is_node: the same name is part of an IPv6 address, too.
 */
enum dnsbl_name dnsbl_zone_name(
	const struct dnsbl_zone *z, struct slice name, struct ipaddr *ret_host, bool *ret_is_node);
#define DNSBL_TEST_QUESTION (12 + 10 + DNSBL_NAME + 4)
/* The question for the A record of 127.0.0.LAST, LAST a digit, over UDP; returns its length. */
size_t dnsbl_zone_test(const struct dnsbl_zone *z, char last, uint8_t to[DNSBL_TEST_QUESTION]);
/* The test entry: it is listed, whatever the list says. */
bool dnsbl_zone_is_test(const struct ipaddr *host);

#endif /* CORE_DNSBL_ZONE_H */
