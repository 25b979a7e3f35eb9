/*
 * export_format: our list as text, in the formats of others, in pieces: begin,
 * an entry at a time (core/export_list gives them in order), end. Whoever
 * writes takes the bytes away between two entries.
 *
 *   plain     an address a line; wider ones as prefixes
 *   cidr      the fewest prefixes, a line each, with their length
 *   postfix   a cidr: table for check_client_access: 450 or 554 and a text
 *   rbldnsd   one file of type combined: ip4trie, ip6trie, test entries
 *   nftables  four sets in a table of their own, for nft -f: replaced as a whole
 *   pf        for pfctl -T replace -f
 *   rpz       zone: answers that hold a listed address, and clients that are listed
 *   bind      zone of reversed addresses (RFC 5782), for any DNS server
 *   spamd     IPv4 prefixes, compressed: a list for spamd-setup
 *   json      one object a line
 *
 * The same list, settings, time and serial give the same bytes. Of a block its
 * end is shown only as its sender was told it (core/block_share). No address
 * of mail but the contact of the zone. Pure.
 * SPDX-License-Identifier: ISC
 */
#ifndef CORE_EXPORT_FORMAT_H
#define CORE_EXPORT_FORMAT_H
#include "base/buf.h"
#include "base/siphash.h"
#include "core/export_list.h"

#define EXPORT_NAME 256

/* Made by export_site_init; borrows conf. */
struct export_site {
	const struct conf *conf;
	char name[CONF_TITLE];     /* of the export; "" */
	char zone[EXPORT_NAME];    /* without the dot at its end; "" */
	char contact[EXPORT_NAME]; /* RNAME as text of a zone, with the dot */
	uint32_t serial;
	uint64_t now;
	uint8_t key[SIPHASH_KEY]; /* of the hash */
};

struct export_form {
	const char *name;
	bool is_set;  /* no reasons: export_list_each may join */
	bool is_ipv4; /* it knows no IPv6: left out */
	bool is_gzip; /* the bytes are to be compressed */
	bool needs_zone;
	bool has_serial; /* of a zone: export_serial_read finds it */
};

struct export_writer {
	const struct export_site *site;
	const struct export_form *form;
	enum conf_export_format format;
	struct buf *to; /* the caller's */
	enum err err;   /* the first */
	unsigned set, in_line;
	uint64_t entries;
	uint64_t hash; /* of all entries: the same for the same list, whatever the time and the serial */
};

/* NULL: no such format. */
const struct export_form *export_form_of(enum conf_export_format f);
bool export_format_parse(const char *name, enum conf_export_format *ret);
/* zone "": that of the DNS server, where there is one. False: the format needs one, or what is given is none. */
bool export_site_init(struct export_site *ret, const struct conf *c, enum conf_export_format f, const char *name,
	const char *zone, uint64_t now, uint32_t serial);
/*
 * The serial of a zone that was written after one with this serial (0: none is
 * known): the time, or one more where that is not behind it.
 */
uint32_t export_serial_next(uint64_t now, uint32_t last);
/* Of a file that this wrote, by its head. 0: none there. */
uint32_t export_serial_read(struct slice head);

void export_format_begin(
	struct export_writer *w, enum conf_export_format f, const struct export_site *site, struct buf *to);
/* An export_list_fn: ctx is the writer. False: w->err. */
bool export_format_entry(void *ctx, const struct export_entry *e);
enum err export_format_end(struct export_writer *w);

#endif /* CORE_EXPORT_FORMAT_H */
