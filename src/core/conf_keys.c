/*
 * conf_keys: the table. A new key is one line here and one field of struct conf.
 * SPDX-License-Identifier: ISC
 */
#include "core/conf_keys.h"

#define AT(member) offsetof(struct conf, member), sizeof(((struct conf *)0)->member)
#define TEXT(s, n, form, preset, member, help)                                                                         \
	{                                                                                                              \
		s, n, CONF_TYPE_TEXT, CONF_FORM_##form, preset, 0, 0, NULL, help, AT(member), false                    \
	}
#define LIST(s, n, form, preset, member, help)                                                                         \
	{                                                                                                              \
		s, n, CONF_TYPE_LIST, CONF_FORM_##form, preset, 0, 0, NULL, help, AT(member), false                    \
	}
#define RANGE(type, s, n, preset, min, max, member, help)                                                              \
	{                                                                                                              \
		s, n, CONF_TYPE_##type, CONF_FORM_ANY, preset, min, max, NULL, help, AT(member), false                 \
	}
#define BOOL(s, n, preset, member, help)                                                                               \
	{                                                                                                              \
		s, n, CONF_TYPE_BOOL, CONF_FORM_ANY, preset, 0, 0, NULL, help, AT(member), false                       \
	}
#define CHOICE(s, n, choices, preset, member, help)                                                                    \
	{                                                                                                              \
		s, n, CONF_TYPE_CHOICE, CONF_FORM_ANY, preset, 0, 0, choices, help, AT(member), false                  \
	}

/* A key of a section with a name; member is that of the first one. */
#define TITLED(s, n, type, form, preset, min, max, choices, member, help)                                              \
	{                                                                                                              \
		s, n, CONF_TYPE_##type, CONF_FORM_##form, preset, min, max, choices, help, AT(member), false, true     \
	}
#define DNS_LIST(n, type, preset, min, max, choices, member, help)                                                     \
	TITLED("dns-list", n, type, ANY, preset, min, max, choices, dns_list[0].member, help)
#define FEED(n, type, form, preset, min, max, choices, member, help)                                                   \
	TITLED("feed", n, type, form, preset, min, max, choices, feed[0].member, help)
#define EXPORT(n, type, form, preset, min, max, choices, member, help)                                                 \
	TITLED("export", n, type, form, preset, min, max, choices, export[0].member, help)

#define KIB 1024.0
#define MIB (1024.0 * KIB)
#define GIB (1024.0 * MIB)
#define DAY_S 86400.0
#define YEAR_S (366 * DAY_S)

static const struct conf_key keys[] = {
	TEXT("", "contact", ANY, "", contact, "where a refused sender finds help: web page, telephone"),
	LIST("", "always-open", WORD, "postmaster abuse", always_open,
		"local parts that a blocked host may still write to"),
	LIST("", "own-networks", PREFIX, "", own_networks, "never blocked, besides mynetworks, own MX and relays"),
	LIST("", "forwarders", PREFIX, "", forwarders,
		"backup MX and hosts that forward mail to us: never blocked, the host before them is charged"),
	{ "", "is-off", CONF_TYPE_BOOL, CONF_FORM_ANY, "no", 0, 0, NULL, "limetwig off was said", AT(is_off), true },

	LIST("traps", "files", PATH, "/etc/limetwig/traps.d/*.txt", traps.files,
		"trap files: address, @domain or /pattern/ a line"),
	RANGE(DURATION, "traps", "watch", "7d", 0, YEAR_S, traps.watch_s, "a new trap only records for this long"),
	BOOL("traps", "live-check", "yes", traps.live_check, "refuse as trap what Postfix's maps know as live"),
	CHOICE("traps", "riders", "refuse deliver junk withhold", "refuse", traps.riders,
		"real recipients in the same message as a trap"),
	TEXT("traps", "junk-header", ANY, "X-Spam-Flag: YES", traps.junk_header,
		"put into their copy by riders = junk, besides X-Limetwig-Junk"),

	RANGE(FLOAT, "decide", "confirmed", "10", 0, 1000, decide.confirmed, "weight of a whole message, content seen"),
	RANGE(FLOAT, "decide", "unseen", "6", 0, 1000, decide.unseen, "weight of a whole message refused at the dot"),
	RANGE(FLOAT, "decide", "misrouted", "5", 0, 1000, decide.misrouted,
		"weight of a message to the wrong MX first"),
	RANGE(FLOAT, "decide", "bulk", "2", 0, 1000, decide.bulk, "weight of list mail"),
	RANGE(FLOAT, "decide", "automatic", "0.5", 0, 1000, decide.automatic, "weight of auto-replies and notices"),
	RANGE(FLOAT, "decide", "bulk-cap", "8", 0, 1000, decide.bulk_cap,
		"bulk, automatic and probes together at most, until they came to 3 traps on 3 days"),
	RANGE(FLOAT, "decide", "probe", "1", 0, 1000, decide.probe, "weight of a RCPT without a message"),
	RANGE(FLOAT, "decide", "probe-cap", "5", 0, 1000, decide.probe_cap, "all probes of a host together at most"),
	RANGE(FLOAT, "decide", "threshold", "10", 0.1, 100000, decide.threshold,
		"score that blocks a host without good mail"),
	RANGE(DURATION, "decide", "half-life", "24h", 1, YEAR_S, decide.half_life_s, "a score halves in this time"),
	RANGE(FLOAT, "decide", "good-mail", "10", 0.1, 1000000, decide.good_mail,
		"so many good messages double the threshold"),
	RANGE(NUMBER, "decide", "many-traps", "50", 2, 64, decide.many_traps,
		"distinct traps that always block; never allow-listed hosts"),

	RANGE(DURATION, "block", "first", "24h", 1, YEAR_S, block.first_s, "length of the first block"),
	RANGE(FLOAT, "block", "repeat", "2", 1, 10, block.repeat, "each further offence lasts so many times longer"),
	RANGE(DURATION, "block", "max", "14d", 1, YEAR_S, block.max_s, "no block is longer"),
	RANGE(DURATION, "block", "generic-max", "3d", 1, YEAR_S, block.generic_max_s,
		"nor, for a host with a generic or dynamic name, than this"),
	RANGE(DURATION, "block", "forget", "30d", 1, YEAR_S, block.forget_s, "offences are forgotten after this time"),
	RANGE(DURATION, "block", "pardon", "72h", 0, YEAR_S, block.pardon_s,
		"no new block for this long after a person lifted one"),
	RANGE(NUMBER, "block", "jitter", "10", 0, 50, block.jitter, "block lengths vary by so many percent"),
	{ "block", "replies", CONF_TYPE_REPLIES, CONF_FORM_ANY, "450 554", 400, 599, NULL,
		"reply code of the first offence, of later ones", offsetof(struct conf, block.reply_first),
		2 * sizeof(uint16_t), false },
	RANGE(NUMBER, "block", "ipv4", "32", 16, 32, block.ipv4, "prefix length that is blocked, IPv4"),
	RANGE(NUMBER, "block", "ipv6", "64", 32, 128, block.ipv6, "prefix length that is blocked, IPv6"),
	LIST("block", "lengths", LENGTH, "", block.lengths,
		"NETWORK=LENGTH: other lengths, for hosters that give each customer one address"),
	BOOL("block", "widen", "no", block.widen,
		"block a /24, /56 or /48 in which several hosts are blocked and none sends good mail"),
	RANGE(NUMBER, "block", "max-blocks", "1000000", 1000, 20000000, block.max_blocks, "live blocks at most"),

	CHOICE("firewall", "backend", "nftables none hook", "nftables", firewall.backend,
		"none where a proxy or NAT stands in front"),
	CHOICE("firewall", "action", "reject drop answer tarpit", "answer", firewall.action,
		"what happens to a new connection"),
	RANGE(NUMBER, "firewall", "offence", "0", 0, 100, firewall.offence,
		"acts from this offence on; 0: the first where the action answers, else the second"),
	RANGE(NUMBER, "firewall", "refused", "100", 1, 1000000, firewall.refused,
		"or after so many refusals in an hour"),
	BOOL("firewall", "forward", "no", firewall.forward, "connections that this machine hands on to others, too"),
	LIST("firewall", "hook-add", ANY, "", firewall.hook_add,
		"backend hook: program and arguments that block; %s %S %f %t %c"),
	LIST("firewall", "hook-remove", ANY, "", firewall.hook_remove, "and that end a block"),
	LIST("firewall", "hook-list", ANY, "", firewall.hook_list, "and that print what is blocked"),
	LIST("firewall", "hook-flush", ANY, "", firewall.hook_flush, "and that end all blocks"),
	TEXT("firewall", "hook-add-line", ANY, "", firewall.hook_add_line,
		"a line of its standard input for each block; none: they are arguments"),
	TEXT("firewall", "hook-remove-line", ANY, "", firewall.hook_remove_line, "the same for the end of a block"),
	BOOL("firewall", "hook-own", "no", firewall.hook_own,
		"what hook-list prints is ours alone: what no block wants is removed"),
	RANGE(DURATION, "firewall", "hook-check", "10m", 10, DAY_S, firewall.hook_check_s,
		"hook-list is compared with the blocks so often"),
	RANGE(DURATION, "firewall", "hook-limit", "30s", 1, 600, firewall.hook_limit_s,
		"a hook is killed after this time"),
	BOOL("firewall", "hook-net-admin", "no", firewall.hook_net_admin, "hooks get CAP_NET_ADMIN"),
	LIST("firewall", "ports", PORT, "25", firewall.ports, "TCP ports that are closed to a blocked host"),
	RANGE(NUMBER, "firewall", "max-elements", "1000000", 1000, 20000000, firewall.max_elements,
		"elements in a kernel set at most"),
	CHOICE("firewall", "kill-sessions", "no policy socket", "no", firewall.kill_sessions,
		"the session that made a block: goes on, 421 at its next RCPT, or its connection is reset"),

	RANGE(NUMBER, "tarpit", "port", "10725", 1, 65535, tarpit.port,
		"TCP port of our SMTP server for blocked hosts"),
	TEXT("tarpit", "host", ANY, "", tarpit.host, "its name in replies; none: this host's"),
	TEXT("tarpit", "name", ANY, "", tarpit.name, "behind ESMTP in its greeting"),
	RANGE(DURATION, "tarpit", "pace", "1s", 0, 60, tarpit.pace_s,
		"from one byte to the next at least; more when the machine is busy with it"),
	RANGE(NUMBER, "tarpit", "offence", "2", 1, 100, tarpit.offence,
		"action tarpit: held from this offence on; before, answered at once"),
	CHOICE("tarpit", "hold", "recipient data", "data", tarpit.hold, "those who are held are refused there"),
	RANGE(NUMBER, "tarpit", "processes", "0", 0, 16, tarpit.processes,
		"that share the connections; 0: by the cores and by the descriptors that one may have"),
	RANGE(NUMBER, "tarpit", "connections", "10000", 10, 1000000, tarpit.connections, "at once; more are closed"),
	RANGE(NUMBER, "tarpit", "held", "8000", 0, 1000000, tarpit.held, "held at once; more are answered at once"),
	RANGE(NUMBER, "tarpit", "each", "20", 1, 10000, tarpit.each, "of one blocked subject at once"),
	RANGE(NUMBER, "tarpit", "window", "0", 0, 1048576, tarpit.window,
		"receive buffer of those who are held, bytes; 0: the kernel's"),
	RANGE(NUMBER, "tarpit", "reply", "0", 0, 599, tarpit.reply, "450 or 554; 0: as the block says"),
	BOOL("tarpit", "tls", "yes", tarpit.tls, "offer STARTTLS"),
	TEXT("tarpit", "tls-certificate", FILE, "", tarpit.tls_certificate,
		"PEM file, with its chain; none: one that is thrown away after a day"),
	TEXT("tarpit", "tls-key", FILE, "", tarpit.tls_key, "PEM file of its key, without a passphrase"),
	RANGE(NUMBER, "tarpit", "tls-connections", "500", 0, 100000, tarpit.tls_connections,
		"with TLS at once; beyond them it is not offered"),
	RANGE(NUMBER, "tarpit", "sample", "0", 0, 1000, tarpit.sample,
		"messages an hour of those who are held that are kept as samples"),
	BOOL("tarpit", "hand-through", "yes", tarpit.hand_through,
		"mail to always-open is given to Postfix; no: refusals name the contact alone"),
	RANGE(NUMBER, "tarpit", "hand-connections", "20", 1, 200, tarpit.hand_connections,
		"to Postfix at once for that; more hear 450"),

	LIST("mx", "fake", IPADDR, "", mx.fake, "own addresses whose mail port refuses: the first MX in the DNS"),
	LIST("mx", "better", IPADDR, "", mx.better, "own addresses of the MX that is to be tried first"),
	LIST("mx", "worse", IPADDR, "", mx.worse, "own addresses of the MX after it: who comes here only is misrouted"),
	RANGE(DURATION, "mx", "window", "24h", 1, 30 * DAY_S, mx.window_s,
		"who came to the better one in this time may use any"),
	RANGE(DURATION, "mx", "alive", "15m", 1, DAY_S, mx.alive_s,
		"others must have reached the better one so shortly before, and after"),

	RANGE(NUMBER, "breaker", "good-hosts", "3", 0, 100, breaker.good_hosts,
		"after so many blocks of hosts with good mail in an hour further ones are held; 0: never"),
	RANGE(NUMBER, "breaker", "good-mails", "5", 0, 65535, breaker.good_mails,
		"a block that would have refused so much good mail of 14 days is held; 0: never"),

	LIST("allow", "files", PATH, "/etc/limetwig/allow.d/*.txt", allow.files,
		"files of addresses, networks, names that are never blocked"),
	LIST("allow", "shared", PATH, "/usr/share/limetwig/shared.txt /etc/limetwig/shared.d/*.txt", allow.shared,
		"files of providers that many share: blocked by sender, never by address"),

	BOOL("fetch", "dns", "yes", fetch.dns, "ask the DNS for spf: entries and senders at shared providers"),
	LIST("fetch", "resolvers", SERVER, "", fetch.resolvers,
		"DNS servers, address or address:port; none: those of /etc/resolv.conf"),
	RANGE(DURATION, "fetch", "test", "10m", 1, DAY_S, fetch.test_s, "each DNS list is tested this often"),
	RANGE(DURATION, "fetch", "wait", "5s", 1, 5, fetch.wait_s, "a block waits so long for the DNS lists"),
	CHOICE("fetch", "unlisted", "block soften", "block", fetch.unlisted,
		"a host on none of the block lists: soften blocks it for an hour only"),

	DNS_LIST("zone", TEXT, "", 0, 0, NULL, zone, "domain of the list"),
	DNS_LIST("kind", CHOICE, "allow", 0, 0, "allow block", kind, "listed hosts are good, or bad"),
	DNS_LIST("codes", TEXT, "127.0.[0..255].[1..254]", 0, 0, NULL, codes,
		"answers that count: numbers or [a..b] between dots"),
	DNS_LIST("canaries", NUMBER, "0", 0, 100, NULL, canaries,
		"percent of random addresses that may be listed; 0: 20 for allow, 80 for block"),
	DNS_LIST("ipv6", BOOL, "no", 0, 0, NULL, ipv6, "the list knows IPv6"),

	TEXT("feeds", "spamd-conf", FILE, "", feeds.spamd_conf,
		"spamd.conf of OpenBSD: each of its black lists is a feed; none: \"\""),
	CHOICE("feeds", "spamd-action", "block tarpit", "tarpit", feeds.spamd_action, "what these feeds do"),
	RANGE(DURATION, "feeds", "refresh", "1h", 10, YEAR_S, feeds.refresh_s, "these feeds are read again"),
	BOOL("feeds", "documentation", "no", feeds.is_documentation,
		"these feeds may hold addresses of RFC 5737 and 3849: for tests"),

	FEED("source", TEXT, ANY, "", 0, 0, NULL, source, "http://, https://, or the path of a file or folder"),
	FEED("command", TEXT, ANY, "", 0, 0, NULL, command, "instead: program and arguments that print the list"),
	FEED("format", CHOICE, ANY, "auto", 0, 0, "auto list csv json rbldnsd ipset spamd cidr", format,
		"how the list is written"),
	FEED("action", CHOICE, ANY, "block", 0, 0, "block tarpit score list allow", action,
		"what it does to whom it lists"),
	FEED("layers", TEXT, ANY, "policy firewall", 0, 0, NULL, layers, "words: policy firewall dnsbl export"),
	FEED("weight", FLOAT, ANY, "5", 0, 1000, NULL, weight, "action score: added at a hit"),
	FEED("time", DURATION, ANY, "24h", 60, YEAR_S, NULL, time_s, "a block made by it lasts"),
	FEED("refresh", DURATION, ANY, "1h", 10, YEAR_S, NULL, refresh_s, "it is fetched again"),
	FEED("limit", DURATION, ANY, "60s", 1, 3600, NULL, limit_s, "fetching takes at most"),
	FEED("age", DURATION, ANY, "7d", 60, 10 * YEAR_S, NULL, age_s, "alarm when it is older"),
	FEED("size", SIZE, ANY, "64M", 1024, 2 * GIB, NULL, size, "bytes of it at most"),
	FEED("code", NUMBER, ANY, "3", 2, 254, NULL, code, "last number of its answer in the zone, 127.0.0.N"),
	FEED("widest-ipv4", NUMBER, ANY, "16", 1, 32, NULL, widest_ipv4, "shortest prefix length that is taken"),
	FEED("widest-ipv6", NUMBER, ANY, "32", 1, 128, NULL, widest_ipv6, "the same for IPv6"),
	FEED("change", NUMBER, ANY, "25", 1, 100, NULL, change, "percent that may change at once; 100: all"),
	FEED("documentation", BOOL, ANY, "no", 0, 0, NULL, is_documentation,
		"it may hold addresses of RFC 5737 and 3849: for tests"),

	TEXT("dnsbl", "zone", ANY, "", dnsbl.zone, "domain below which our list is answered; none: \"\""),
	LIST("dnsbl", "listen", SERVER, "127.0.0.1:5353", dnsbl.listen, "addresses and ports, UDP and TCP"),
	LIST("dnsbl", "name-servers", WORD, "", dnsbl.name_servers, "NS records of the zone"),
	TEXT("dnsbl", "contact", MAIL, "", dnsbl.contact, "mail address in the SOA record"),
	TEXT("dnsbl", "url", ANY, "", dnsbl.url, "in the text of an answer; %s is the case id"),
	RANGE(DURATION, "dnsbl", "ttl", "5m", 0, 86400, dnsbl.ttl_s, "an answer may be kept"),
	RANGE(DURATION, "dnsbl", "negative-ttl", "1m", 0, 86400, dnsbl.negative_ttl_s, "a \"not listed\" may be kept"),
	LIST("dnsbl", "allow", PREFIX, "127.0.0.0/8 ::1", dnsbl.allow, "who may ask"),
	RANGE(NUMBER, "dnsbl", "rate", "0", 0, 1000000, dnsbl.rate, "answers a second to one /24 or /56; 0: no limit"),
	RANGE(FLOAT, "dnsbl", "amplification", "1.5", 1, 100, dnsbl.amplification,
		"UDP: an answer is at most so many times the question; more goes over TCP"),
	RANGE(NUMBER, "dnsbl", "code-hit", "2", 2, 254, dnsbl.code_hit, "127.0.0.N of blocks by hits on traps"),
	RANGE(NUMBER, "dnsbl", "code-person", "4", 2, 254, dnsbl.code_person, "of blocks made by people"),
	RANGE(NUMBER, "dnsbl", "code-wide", "5", 2, 254, dnsbl.code_wide, "of blocked networks"),

	EXPORT("file", TEXT, ANY, "", 0, 0, NULL, file, "name in the folder export of storage dir"),
	EXPORT("format", CHOICE, ANY, "cidr", 0, 0, "plain cidr postfix rbldnsd nftables pf rpz bind spamd json",
		format, "how it is written"),
	EXPORT("refresh", DURATION, ANY, "1m", 1, 86400, NULL, refresh_s, "written again at most so often"),
	EXPORT("feeds", BOOL, ANY, "yes", 0, 0, NULL, feeds, "with what feeds of layer export list"),
	EXPORT("zone", TEXT, ANY, "", 0, 0, NULL, zone, "rpz, bind, rbldnsd: the zone"),
	EXPORT("command", TEXT, ANY, "", 0, 0, NULL, command, "program and arguments run after a change"),

	TEXT("dns-update", "server", ANY, "", dns_update.server,
		"address:port of a primary DNS server that takes updates; none: \"\""),
	TEXT("dns-update", "zone", ANY, "", dns_update.zone, "the zone there"),
	TEXT("dns-update", "key-name", ANY, "", dns_update.key_name, "name of the key (TSIG)"),
	TEXT("dns-update", "key-file", FILE, "", dns_update.key_file, "file with the key, as tsig-keygen writes it"),
	CHOICE("dns-update", "algorithm", "hmac-sha256 hmac-sha512", "hmac-sha256", dns_update.algorithm, "of the key"),
	RANGE(DURATION, "dns-update", "interval", "1s", 1, 3600, dns_update.interval_s,
		"changes are sent at most so often"),
	RANGE(DURATION, "dns-update", "ttl", "5m", 1, 86400, dns_update.ttl_s, "of the records"),

	RANGE(DURATION, "keep", "messages", "14d", 60, 10 * YEAR_S, keep.messages_s, "captured messages are kept"),
	RANGE(DURATION, "keep", "hits", "90d", 60, 10 * YEAR_S, keep.hits_s, "records of hits are kept"),
	RANGE(DURATION, "keep", "refusals", "30d", 60, 10 * YEAR_S, keep.refusals_s, "records of refusals are kept"),
	RANGE(DURATION, "keep", "accepted", "90d", 60, 10 * YEAR_S, keep.accepted_s,
		"records of accepted mail are kept (hashed after 14d)"),

	LIST("alarm", "command", ANY, "", alarm.command, "program and arguments run for an alarm; none: log only"),
	TEXT("alarm", "mail", MAIL, "", alarm.mail, "address that gets a mail for an alarm; none: log only"),
	RANGE(DURATION, "alarm", "repeat", "1h", 1, YEAR_S, alarm.repeat_s, "one alarm per user or host in this time"),

	TEXT("storage", "dir", PATH, "/var/lib/limetwig", storage.dir, "store, captured messages, off flag"),
	TEXT("storage", "run", PATH, "/run/limetwig", storage.run, "control socket"),
	TEXT("storage", "read-group", NAME, "limetwig-read", storage.read_group,
		"group that may ask (status, why, hits)"),
	TEXT("storage", "admin-group", NAME, "limetwig-admin", storage.admin_group, "group that may change"),
	RANGE(SIZE, "storage", "db-size", "4G", 16 * MIB, 1024 * GIB, storage.db_size, "the store at most"),
	RANGE(SIZE, "storage", "corpus-size", "2G", MIB, 1024 * GIB, storage.corpus_size,
		"captured messages at most, all"),
	RANGE(SIZE, "storage", "message-size", "1M", KIB, GIB, storage.message_size,
		"of one captured message, kept at most"),
	RANGE(SIZE, "storage", "disk-reserve", "512M", 0, 1024 * GIB, storage.disk_reserve, "of the disk, left free"),

	TEXT("postfix", "dir", PATH, "/etc/postfix", postfix.dir, "configuration directory of Postfix"),
	LIST("postfix", "queues", PATH, "/var/spool/postfix", postfix.queues,
		"queue directory of each Postfix instance: our sockets are in limetwig/ below"),
	TEXT("postfix", "map", MAP, "lmdb:/etc/postfix/limetwig_virtual", postfix.map, "alias map of the traps"),
	TEXT("postfix", "domains", MAP, "lmdb:/etc/postfix/limetwig_domains", postfix.domains,
		"map of the trap domains"),
	TEXT("postfix", "extension", ANY, "", postfix.extension, "recipient_delimiter"),
	TEXT("postfix", "handback", NAME, "", postfix.handback,
		"service that takes mail back; none: setup was not run"),
	TEXT("postfix", "handthrough", NAME, "", postfix.handthrough,
		"service that takes mail of blocked hosts to always-open; none: setup was not run"),
	TEXT("postfix", "group", NAME, "postfix", postfix.group, "group that may connect to our sockets"),
	TEXT("postfix", "log", LOG, "/var/log/mail.log", postfix.log, "mail log: a path, journal, or none"),
	LIST("postfix", "own-services", PORT, "", postfix.own_services,
		"ports where Postfix asks us at RCPT; none: setup was not run"),
	LIST("postfix", "submission", PORT, "", postfix.submission,
		"ports where Postfix asks us at the end of data only"),
	LIST("postfix", "reinjection", WORD, "", postfix.reinjection,
		"address:port of services behind a content filter"),
	LIST("postfix", "own-hosts", PREFIX, "", postfix.own_hosts, "own MX and relays, as setup found them"),
	BOOL("postfix", "lmtp-trusted", "no", postfix.is_lmtp_trusted,
		"setup saw the checks on every service that takes foreign mail"),
};

/* name NULL: the whole section; value NULL: the key with any value. */
static const struct conf_later {
	const char *section, *name, *value, *instead;
} later[] = {
	{ "decide", "good-means", NULL, "remove the line: good mail is what Postfix and its milters accepted" },
	{ "sync", NULL, NULL, "remove the section" },
	{ "web", NULL, NULL, "remove the section" },
};

size_t conf_keys_count(void)
{
	return sizeof keys / sizeof keys[0];
}

const struct conf_key *conf_keys_at(size_t i)
{
	return &keys[i];
}

const struct conf_key *conf_keys_find(const char *section, const char *name)
{
	for (size_t i = 0; i < conf_keys_count(); i++)
		if (strcmp(keys[i].section, section) == 0 && strcmp(keys[i].name, name) == 0)
			return &keys[i];
	return NULL;
}

const char *conf_keys_section_of(const char *name)
{
	for (size_t i = 0; i < conf_keys_count(); i++)
		if (!keys[i].is_hidden && strcmp(keys[i].name, name) == 0)
			return keys[i].section;
	return NULL;
}

/* Both NULL, or equal. */
static bool is_same(const char *a, const char *b)
{
	return (!a && !b) || (a && b && strcmp(a, b) == 0);
}

const char *conf_keys_later(const char *section, const char *name, const char *value)
{
	for (size_t i = 0; i < sizeof later / sizeof later[0]; i++)
		if (strcmp(later[i].section, section) == 0 && is_same(later[i].name, name) &&
			is_same(later[i].value, value))
			return later[i].instead;
	return NULL;
}

/* Each element of such an array begins with its title. */
static const struct titled {
	const char *section;
	size_t array, element, count;
	uint32_t max;
} titled[] = {
#define ARRAY(s, member, number, max)                                                                                  \
	{                                                                                                              \
		s, offsetof(struct conf, member), sizeof(((struct conf *)0)->member[0]),                               \
			offsetof(struct conf, number), max                                                             \
	}
	ARRAY("dns-list", dns_list, dns_lists, CONF_DNS_LISTS),
	ARRAY("feed", feed, feed_count, CONF_FEEDS),
	ARRAY("export", export, exports, CONF_EXPORTS),
#undef ARRAY
};

static const struct titled *titled_find(const char *section)
{
	for (size_t i = 0; i < sizeof titled / sizeof titled[0]; i++)
		if (strcmp(titled[i].section, section) == 0)
			return &titled[i];
	return NULL;
}

static uint32_t *titled_count(struct conf *c, const struct titled *t)
{
	return (uint32_t *)(void *)((char *)c + t->count);
}

uint32_t conf_keys_titles(const struct conf *c, const char *section)
{
	const struct titled *t = titled_find(section);

	return t ? *(const uint32_t *)(const void *)((const char *)c + t->count) : 0;
}

uint32_t conf_keys_titles_max(const char *section)
{
	const struct titled *t = titled_find(section);

	return t ? t->max : 0;
}

const char *conf_keys_title(const struct conf *c, const char *section, uint32_t i)
{
	const struct titled *t = titled_find(section);

	return t ? (const char *)c + t->array + i * t->element : "";
}

char *conf_keys_add_title(struct conf *c, const char *section)
{
	const struct titled *t = titled_find(section);

	if (!t || *titled_count(c, t) >= t->max)
		return NULL;
	return (char *)c + t->array + (*titled_count(c, t))++ * t->element;
}

/* Inside of the array all sections are alike: the place of a member moves by whole elements. */
struct conf *conf_keys_shift(struct conf *c, const char *section, uint32_t i)
{
	const struct titled *t = titled_find(section);

	return (struct conf *)(void *)((char *)c + (t ? i * t->element : 0));
}

const struct conf *conf_keys_shift_const(const struct conf *c, const char *section, uint32_t i)
{
	const struct titled *t = titled_find(section);

	return (const struct conf *)(const void *)((const char *)c + (t ? i * t->element : 0));
}
