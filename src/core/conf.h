/*
 * conf: the settings of limetwig.conf as one immutable struct. Names, types,
 * units, limits and defaults of all keys stand in one table, core/conf_keys.c;
 * io/conf_file.c reads a file into it (libconfuse) and prints it. Pure data.
 * SPDX-License-Identifier: ISC
 */
#ifndef CORE_CONF_H
#define CORE_CONF_H
#include <stdbool.h>
#include <stdint.h>

#define CONF_TEXT 512 /* a path or a text */
#define CONF_LIST 32  /* entries of a list */
#define CONF_ITEM 256 /* one entry */

enum conf_riders {
	RIDERS_REFUSE = 1,   /* 550 after the dot, for all recipients */
	RIDERS_DELIVER = 2,  /* they get their copy */
	RIDERS_MARK = 3,     /* "junk": they get it with a header */
	RIDERS_WITHHOLD = 4, /* kept until a person releases it */
};
enum conf_fw_backend { FW_BACKEND_NFTABLES = 1, FW_BACKEND_NONE = 2, FW_BACKEND_HOOK = 3 };
enum conf_fw_action {
	FW_ACTION_REJECT = 1,
	FW_ACTION_DROP = 2,
	FW_ACTION_ANSWER = 3, /* our SMTP server tells him */
	FW_ACTION_TARPIT = 4, /* the same, slowly */
};
enum conf_kill { KILL_NO = 1, KILL_POLICY = 2, KILL_SOCKET = 3 }; /* the session that brought the hit */
enum conf_hold { HOLD_RECIPIENT = 1, HOLD_DATA = 2 };

enum conf_dns_kind { DNS_KIND_ALLOW = 1, DNS_KIND_BLOCK = 2 };
enum conf_feed_action {
	FEED_ACTION_BLOCK = 1,
	FEED_ACTION_TARPIT = 2, /* the same, and held from the first offence on */
	FEED_ACTION_SCORE = 3,  /* counts at a hit, blocks nobody by itself */
	FEED_ACTION_LIST = 4,   /* in the zone and the exports only */
	FEED_ACTION_ALLOW = 5,  /* as tier never */
};
/* The numbers of enum feed_format (core/feed_line), and one. */
enum conf_feed_format { CONF_FEED_AUTO = 1 };
enum conf_export_format {
	EXPORT_PLAIN = 1,
	EXPORT_CIDR = 2,
	EXPORT_POSTFIX = 3, /* cidr: table */
	EXPORT_RBLDNSD = 4,
	EXPORT_NFTABLES = 5,
	EXPORT_PF = 6,
	EXPORT_RPZ = 7,
	EXPORT_BIND = 8, /* zone of reversed addresses; Knot and NSD read it too */
	EXPORT_SPAMD = 9,
	EXPORT_JSON = 10,
};
enum conf_tsig { TSIG_SHA256 = 1, TSIG_SHA512 = 2 };
enum conf_unlisted { UNLISTED_BLOCK = 1, UNLISTED_SOFTEN = 2 };

#define CONF_DNS_LISTS 16 /* sections dns-list */
#define CONF_FEEDS 32     /* sections feed */
#define CONF_EXPORTS 16   /* sections export */
#define FEEDS_MAX 64      /* feeds at once: of the configuration and of a spamd.conf */
#define FEED_LAYER_POLICY 1u
#define FEED_LAYER_FIREWALL 2u
#define FEED_LAYER_DNSBL 4u
#define FEED_LAYER_EXPORT 8u
#define CONF_TITLE 32 /* name of a section that there can be more than one of */

struct conf_list {
	uint32_t count;
	char item[CONF_LIST][CONF_ITEM];
};

struct conf_dns_list {
	char title[CONF_TITLE];
	char zone[CONF_ITEM]; /* may hold a key of the provider: never shown but by limetwigd -nv */
	enum conf_dns_kind kind;
	char codes[CONF_ITEM]; /* core/dns_list */
	uint8_t canaries;      /* percent of random addresses that may be listed; 0: by kind */
	bool ipv6;
};

/* A list of addresses from outside. */
struct conf_feed {
	char title[CONF_TITLE];
	char source[CONF_TEXT];  /* http://, https://, or the path of a file or folder */
	char command[CONF_TEXT]; /* instead: a program and its arguments, words between blanks, no shell */
	enum conf_feed_format format;
	enum conf_feed_action action;
	char layers[CONF_ITEM]; /* words: policy firewall dnsbl export */
	double weight;          /* action score */
	uint64_t time_s;        /* a block made by it lasts */
	uint64_t refresh_s, limit_s, age_s;
	uint64_t size; /* bytes as it comes */
	uint32_t code; /* 127.0.0.CODE in the zone */
	uint32_t widest_ipv4, widest_ipv6;
	uint32_t change;       /* percent of it that may change at once */
	bool is_documentation; /* addresses of RFC 5737 and 3849 are taken: tests */
};

struct conf_export {
	char title[CONF_TITLE];
	char file[CONF_ITEM]; /* name in storage.dir/export */
	enum conf_export_format format;
	uint64_t refresh_s;
	bool feeds;              /* what feeds with layer export list, too */
	char zone[CONF_ITEM];    /* rpz, bind, rbldnsd */
	char command[CONF_TEXT]; /* after a change; words, no shell */
};

struct conf {
	char contact[CONF_TEXT];       /* in refusals; "" leaves it out */
	struct conf_list always_open;  /* local parts a blocked host may still write to */
	struct conf_list own_networks; /* prefixes, besides what setup resolved */
	struct conf_list forwarders;   /* prefixes: backup MX, forwarding services: core/received */

	struct {
		char dir[CONF_TEXT];     /* configuration of this Postfix, /etc/postfix */
		struct conf_list queues; /* queue_directory of each Postfix instance: sockets live in queue/limetwig */
		char map[CONF_TEXT];     /* TYPE:/path of the alias map, without suffix */
		char domains[CONF_TEXT]; /* TYPE:/path of the trap domain map */
		char extension[8];       /* recipient_delimiter, "" none */
		char handback[64];    /* service of Postfix that takes riders' mail back: QUEUE/private/NAME; "" none */
		char handthrough[64]; /* the one that takes a blocked client's mail to always_open, likewise */
		char group[64];       /* group that may connect to our sockets: postfix */
		char log[CONF_TEXT];  /* mail log: a path, "journal", or "none" */
		struct conf_list reinjection;  /* "address:port" of smtpd services behind a content filter */
		struct conf_list submission;   /* ports of services that setup gave only the end-of-data check */
		struct conf_list own_hosts;    /* own MX and relays, as setup resolved them: prefixes */
		struct conf_list own_services; /* ports on which setup put the client check: "25" */
		bool is_lmtp_trusted;          /* setup verified every service that takes foreign mail */
	} postfix;
	struct {
		struct conf_list files; /* globs */
		uint64_t watch_s;
		bool live_check;
		enum conf_riders riders;
		char junk_header[CONF_TEXT]; /* besides X-Limetwig-Junk; "" none */
	} traps;
	struct {
		double confirmed, unseen, misrouted, bulk, probe, probe_cap; /* weights of grades */
		double automatic, bulk_cap;
		double threshold;
		uint64_t half_life_s;
		double good_mail; /* this much good mail doubles the threshold */
		uint32_t many_traps;
	} decide;
	struct {
		uint64_t first_s;
		double repeat;
		uint64_t max_s, generic_max_s, forget_s, pardon_s;
		uint32_t jitter;                   /* percent */
		uint16_t reply_first, reply_later; /* 450, 554 */
		uint8_t ipv4, ipv6;                /* prefix lengths of subjects */
		struct conf_list lengths;          /* "NETWORK=LENGTH": others for some networks */
		bool widen;                        /* many blocked hosts in a network: the network */
		uint32_t max_blocks;               /* cap of live blocks */
	} block;
	struct {
		enum conf_fw_backend backend;
		bool forward; /* what this machine hands on to others, too */
		/* backend = hook: argument lists (core/firewall_hook), and a line of standard input for each subject */
		struct conf_list hook_add, hook_remove, hook_list, hook_flush;
		char hook_add_line[CONF_ITEM], hook_remove_line[CONF_ITEM];
		bool hook_own; /* what the list prints is ours alone */
		bool hook_net_admin;
		uint64_t hook_check_s, hook_limit_s;
		enum conf_fw_action action;
		uint32_t offence; /* firewall layer acts from this offence */
		uint32_t refused; /* or after so many refusals in an hour */
		struct conf_list ports;
		uint32_t max_elements;
		enum conf_kill kill_sessions;
	} firewall;
	struct {
		uint32_t port;
		char host[CONF_ITEM], name[CONF_ITEM]; /* in the greeting */
		uint64_t pace_s;                       /* from one byte to the next */
		uint32_t offence;                      /* held from this offence on */
		enum conf_hold hold;
		uint32_t processes;               /* that share the work; 0: as many as it takes */
		uint32_t connections, held, each; /* at once: all, held ones, of one subject */
		uint32_t window;                  /* receive buffer of held ones; 0: the kernel's */
		uint32_t reply;                   /* 450, 554; 0: as the block says */
		bool tls;
		char tls_certificate[CONF_TEXT], tls_key[CONF_TEXT]; /* PEM; "": made anew each day */
		uint32_t tls_connections;
		uint32_t sample;           /* messages an hour that are kept as samples */
		bool hand_through;         /* mail to always_open is given to Postfix */
		uint32_t hand_connections; /* of these at once */
	} tarpit;
	struct {
		struct conf_list fake;          /* addresses whose port 25 refuses */
		struct conf_list better, worse; /* addresses of the MX to be tried first, and after it */
		uint64_t window_s, alive_s;
	} mx;
	struct {
		uint32_t good_hosts; /* so many hosts with good mail blocked in an hour: hold further ones; 0 never */
		uint32_t good_mails; /* a block that would have refused so many in 14 days is held; 0 never */
	} breaker;
	struct {
		struct conf_list files;  /* globs: tier never */
		struct conf_list shared; /* globs: tier shared */
	} allow;
	struct {
		uint64_t messages_s, hits_s, refusals_s, accepted_s;
	} keep;
	struct {
		char dir[CONF_TEXT]; /* /var/lib/limetwig: db/, corpus/, mode */
		char run[CONF_TEXT]; /* /run/limetwig: control socket */
		char read_group[64], admin_group[64];
		uint64_t db_size;      /* bytes of LMDB map */
		uint64_t corpus_size;  /* bytes in all */
		uint64_t message_size; /* bytes of one message kept */
		uint64_t disk_reserve; /* bytes of disk left alone */
	} storage;
	bool is_off; /* `limetwig off` was said: set by the parent from storage.dir/off, not a key of the file */
	struct {
		struct conf_list command; /* argv */
		char mail[CONF_ITEM];     /* address, "" none */
		uint64_t repeat_s;
	} alarm;
	struct {
		bool dns;                   /* run the role at all; a dns-list does so too */
		struct conf_list resolvers; /* empty: those of /etc/resolv.conf */
		uint64_t test_s, wait_s;
		enum conf_unlisted unlisted;
	} fetch;
	uint32_t dns_lists;
	struct conf_dns_list dns_list[CONF_DNS_LISTS];
	struct {
		char spamd_conf[CONF_TEXT]; /* each black list of this spamd.conf(5) is a feed; "" none */
		enum conf_feed_action spamd_action;
		uint64_t refresh_s;
		bool is_documentation;
	} feeds;
	uint32_t feed_count;
	struct conf_feed feed[CONF_FEEDS];
	struct {
		char zone[CONF_ITEM];          /* "": no DNS server */
		struct conf_list listen;       /* address:port */
		struct conf_list name_servers; /* NS of the zone; empty: ns.ZONE */
		char contact[CONF_ITEM];       /* RNAME of the SOA as a mail address; "": hostmaster@ZONE */
		char url[CONF_TEXT];           /* in TXT; %s: the case id */
		uint64_t ttl_s, negative_ttl_s;
		struct conf_list allow; /* prefixes that may ask */
		uint32_t rate;          /* answers a second to one network; 0: no limit */
		double amplification;   /* UDP: an answer is at most so much longer than the question */
		uint32_t code_hit, code_person, code_wide;
	} dnsbl;
	uint32_t exports;
	struct conf_export export[CONF_EXPORTS];
	struct {
		char server[CONF_ITEM]; /* address:port of the primary; "": none */
		char zone[CONF_ITEM];
		char key_name[CONF_ITEM], key_file[CONF_TEXT];
		enum conf_tsig algorithm;
		uint64_t interval_s, ttl_s;
	} dns_update;
};

/* Does anything ask the DNS? */
static inline bool conf_has_fetch(const struct conf *c)
{
	return c->fetch.dns || c->dns_lists > 0;
}
static inline bool conf_has_feeds(const struct conf *c)
{
	return c->feed_count > 0 || c->feeds.spamd_conf[0] != '\0';
}
static inline bool conf_has_dnsbl(const struct conf *c)
{
	return c->dnsbl.zone[0] != '\0';
}
/* Does anything carry our list elsewhere? */
static inline bool conf_has_publish(const struct conf *c)
{
	return c->exports > 0 || c->dns_update.server[0] != '\0';
}
/* Instead of tarpit.port where somebody else has it: the parent says so to the roles. Postfix's, and so never ours. */
#define CONF_PORT_LOST 25
/* Shall the firewall layer lead blocked clients to our own SMTP server? */
static inline bool conf_wants_tarpit(const struct conf *c)
{
	return c->firewall.backend == FW_BACKEND_NFTABLES &&
	       (c->firewall.action == FW_ACTION_ANSWER || c->firewall.action == FW_ACTION_TARPIT);
}
/* It shall, but the port is taken: the policy layer alone refuses. */
static inline bool conf_has_lost_port(const struct conf *c)
{
	return conf_wants_tarpit(c) && c->tarpit.port == CONF_PORT_LOST;
}
/* Does it? */
static inline bool conf_has_tarpit(const struct conf *c)
{
	return conf_wants_tarpit(c) && c->tarpit.port != CONF_PORT_LOST;
}
/* Does our own SMTP server give mail to always_open to Postfix? Not before setup has made the service. */
static inline bool conf_has_hand(const struct conf *c)
{
	return c->tarpit.hand_through && c->postfix.handthrough[0] != '\0';
}
/* All keys at their defaults. */
void conf_defaults(struct conf *ret);

#endif /* CORE_CONF_H */
