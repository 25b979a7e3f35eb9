/*
 * allow: who is never blocked by address. Tiers:
 *   own        private ranges, own networks, own MX and relays: insiders
 *   forwarder  conf.forwarders: never blocked, the host before it is charged
 *   never      a hole in everything: allow files and entries set by command
 *   shared     providers that many senders share: never charged by address, only
 *              by sender identity (core/subject)
 * own and forwarder win over never, never over shared. The longest prefix
 * decides between own and forwarder, and for the same one forwarder: a backup MX
 * is among the MX hosts that setup finds. Inside a tier the longest prefix, and
 * a prefix before a name. An entry is a prefix, a verified host name (exact, or
 * all below one at label boundaries), or the prefixes that the SPF record of a
 * domain covers (core/spf_walk makes them; this table only holds them).
 *
 * One line of a file, # comments:
 *   192.0.2.0/24  |  name:mail.example.org  |  name:.example.org  |  spf:example.org
 * each with an optional "as LABEL": entries of one label are one provider. And
 *   freemail:example.org
 * allows nobody: strangers share this domain and all below, so that it is never
 * blocked as a whole (core/widen). The domains of shared spf: and name: entries
 * are such ones too.
 *
 * Built off the request path and swapped whole. Pure; owns its memory.
 * SPDX-License-Identifier: ISC
 */
#ifndef CORE_ALLOW_H
#define CORE_ALLOW_H
#include "base/keymap.h"
#include "base/prefix_table.h"
#include "core/conf.h"

#define ALLOW_MAX 1000000u   /* prefixes and names in all */
#define ALLOW_ENTRIES 65536u /* entries with a text: names, spf, and all of tier shared */
#define ALLOW_FREEMAIL 65536u
#define ALLOW_TEXT 270 /* "freemail:" and a domain name, with NUL */

enum allow_source {
	ALLOW_NONE = 0,
	ALLOW_OWN = 1,
	ALLOW_FILE = 2,
	ALLOW_COMMAND = 3,
	ALLOW_FORWARDER = 4,
	ALLOW_FEED = 5, /* not in this table: core/feed_view */
};
enum allow_tier { ALLOW_TIER_NONE = 0, ALLOW_TIER_OWN, ALLOW_TIER_NEVER, ALLOW_TIER_SHARED, ALLOW_TIER_FORWARDER };
enum allow_form { ALLOW_PREFIX = 1, ALLOW_NAME, ALLOW_SPF, ALLOW_FREEMAIL_DOMAIN };

/* A parsed line; slices borrow it. */
struct allow_line {
	enum allow_form form;
	struct prefix prefix; /* ALLOW_PREFIX */
	struct slice whole;   /* the entry without "as LABEL": what people see */
	struct slice text;    /* ALLOW_NAME: host name, ".example.org" for all below; ALLOW_SPF, freemail: domain */
	struct slice label;   /* "as": else whole */
};

struct allow_entry {
	char text[ALLOW_TEXT];  /* as in the file */
	char label[ALLOW_TEXT]; /* part of an identity */
	enum allow_form form;
	bool is_shared; /* else tier never */
};

struct allow {
	struct prefix_table own;           /* own and forwarder */
	struct prefix_table never, shared; /* never: with those of own */
	struct keymap names;               /* uint32_t */
	struct keymap freemail;            /* uint32_t, unused */
	struct allow_entry *entry;
	size_t entries, room;
	size_t count;
};

struct allow_match {
	enum allow_tier tier;
	enum allow_source source;
	const struct allow_entry *entry; /* NULL: a plain prefix of own or never */
};

void allow_init(struct allow *a);
void allow_done(struct allow *a);
/*
 * Own networks, own hosts and forwarders of the configuration. ERR_SYNTAX: an
 * entry is no prefix; ERR_LIMIT, ERR_NOMEM; *ret_bad is the entry, borrowed.
 */
enum err allow_add_own(struct allow *a, const struct conf *c, const char **ret_bad) MUST_USE;
/* Tier never (own, forwarder: where that is the source). ERR_LIMIT, ERR_NOMEM. */
enum err allow_add(struct allow *a, const struct prefix *p, enum allow_source source) MUST_USE;
/* tier: never or shared. set: for ALLOW_SPF the n prefixes known now (0: none yet); else unused. */
enum err allow_add_line(
	struct allow *a, const struct allow_line *l, enum allow_tier tier, const struct prefix *set, size_t n) MUST_USE;
/* *ret_any false: blank or comment. ERR_SYNTAX: none of the forms; a name or domain of less than two labels. */
enum err allow_line_parse(struct slice line, struct allow_line *ret, bool *ret_any) MUST_USE;
enum err allow_seal(struct allow *a) MUST_USE;

/*
 * name: the client's verified host name; "" or "unknown": none. False, with
 * tier none: nobody of these.
 */
bool allow_find(const struct allow *a, const struct ipaddr *client, struct slice name, struct allow_match *ret);
/* Do strangers share this domain, or one above it? */
bool allow_is_freemail(const struct allow *a, struct slice domain);
/* Is any address of p in a tier, by prefix? Then no layer that knows only addresses may have p. */
bool allow_overlaps(const struct allow *a, const struct prefix *p);
const char *allow_source_name(enum allow_source s);
const char *allow_tier_name(enum allow_tier t);

#endif /* CORE_ALLOW_H */
