/*
 * message: everything that limetwigd's roles say to each other. One datagram
 * of a SEQPACKET pair is one message: u8 type, then the fields of its struct
 * in the order given here, written with base/wire. Each side treats what
 * comes in as hostile: message_check refuses a type that the sender may not
 * send to this receiver or whose length is out of bounds; the decoder refuses
 * the rest. A refused message ends the link, not the receiver.
 *
 * Pure: no I/O. Decoded strings are copies inside the struct; slices borrow
 * the datagram. The table (types, who to whom, bounds) is in message.c.
 * SPDX-License-Identifier: ISC
 */
#ifndef CORE_MESSAGE_H
#define CORE_MESSAGE_H
#include "base/wire.h"
#include "core/case_id.h"
#include "core/conf.h"
#include "core/dns_sentinel.h"
#include "core/grade.h"
#include "core/message_firewall.h"
#include "core/message_list.h"
#include "core/role.h"
#include "core/spf_walk.h"

#define MESSAGE_VERSION 1
#define MESSAGE_MAX 65536 /* bytes of one datagram, type byte included */

enum message_type {
	/* parent <-> every role */
	MSG_HELLO = 1,          /* both ways, first message on each link: version, role of the sender */
	MSG_CONFIG = 2,         /* parent -> role, 1 fd: sealed memfd with the canonical configuration */
	MSG_LISTENER = 3,       /* parent -> role, 1 fd: which */
	MSG_LINK = 4,           /* parent -> role, 1 fd: a new link to the role named */
	MSG_FILE = 5,           /* parent -> role, 1 fd: which (mail log for follow, trap file for engine ...) */
	MSG_START = 6,          /* parent -> role: all of the above was sent; sandbox yourself, serve */
	MSG_READY = 7,          /* role -> parent: sandboxed and serving */
	MSG_PING = 8,           /* parent -> role, every 5 s */
	MSG_PONG = 9,           /* role -> parent; 30 s without: killed and restarted */
	MSG_STOP = 10,          /* parent -> role: finish what is under way, exit 0 */
	MSG_SELFTEST = 11,      /* parent -> role, tests only: try this call in yourself */
	MSG_SELFTEST_DONE = 12, /* role -> parent: what came of it */
	MSG_UNLINKED = 13,      /* role -> parent: its link to the role named has ended, whoever ended it */

	/* engine <-> firewall */
	MSG_FW_OPS = 20,    /* engine -> firewall: up to MESSAGE_FW_OPS changes */
	MSG_FW_SYNC = 21,   /* engine -> firewall: phase begin or end of a full list made of FW_OPS adds */
	MSG_FW_DONE = 22,   /* firewall -> engine: FW_OPS of this seq is in the kernel, or is not */
	MSG_FW_STATE = 23,  /* firewall -> engine: at start, each change, every 10 s */
	MSG_HOOK = 86,      /* firewall -> run: run this hook for these subjects; one at a time */
	MSG_HOOK_DONE = 87, /* run -> firewall, 0 or 1 fd: what came of it, what a list printed */
	MSG_FW_KILL = 90,   /* engine -> firewall: reset this connection; firewall -> engine: what came of it */

	/* capture <-> engine */
	MSG_HIT = 30,           /* capture -> engine: a whole message for one trap has arrived */
	MSG_HIT_ACK = 31,       /* engine -> capture: the hit is on disk, or try later */
	MSG_CORPUS_REMOVE = 32, /* engine -> capture: delete these corpus messages (forget, retention) */
	MSG_CORPUS_STATE = 33,  /* capture -> engine: bytes, files, refused; every 10 s and at change */
	MSG_RIDERS = 34,        /* capture -> engine: what shall become of the riders of this message; or: it is done */
	MSG_RIDERS_DO = 35,     /* engine -> capture: the answer; or: release this corpus message */
	MSG_CORPUS_FORGET = 36, /* engine -> capture: find, or delete, the corpus messages from or to an address */
	MSG_CORPUS_FORGOTTEN = 37, /* capture -> engine: all have been looked at */

	/* capture <-> parent */
	MSG_MAIL_OPEN = 38,   /* capture -> parent: connect to Postfix's service that takes mail back */
	MSG_MAIL_SOCKET = 39, /* parent -> capture, 1 fd or none: connected, or the errno */

	/* follow <-> engine */
	MSG_LOG_RESUME = 40, /* engine -> follow, first: where reading had stopped */
	MSG_LOG_MAIL = 41,   /* follow -> engine: a recipient of a foreign client's mail was delivered */
	MSG_LOG_LOGIN = 42,  /* follow -> engine: who sent this queue id: a login, or (login "") a foreign client */
	MSG_LOG_RCPT = 43,   /* follow -> engine: Postfix refused this recipient at RCPT */
	MSG_LOG_STATE = 44,  /* follow -> engine: position, every 2 s and when it changes kind */

	/* engine <-> run */
	MSG_RUN = 50,      /* engine -> run: which of the configured argv lists, and its arguments */
	MSG_RUN_DONE = 51, /* run -> engine */

	/* engine <-> aliasmap */
	MSG_MAP_APPLY = 60,   /* engine -> aliasmap, 1 fd: memfd with lines to apply */
	MSG_MAP_DONE = 61,    /* aliasmap -> engine */
	MSG_LIVE_CHECK = 62,  /* engine -> aliasmap, 1 fd: memfd, an address a line */
	MSG_LIVE_RESULT = 63, /* aliasmap -> engine, 1 fd: memfd, "address<TAB>map" for each live one */
	MSG_TEXT = 64,        /* aliasmap -> engine, 1 fd (none when count is 0): a trap or allow file, as it is */
	MSG_REREAD = 65,      /* engine -> aliasmap: read all files again and send a round of MSG_TEXT */

	/* engine <-> fetch */
	MSG_SPF_WALK = 70,  /* engine -> fetch: which addresses pass for this domain? */
	MSG_SPF_SET = 71,   /* fetch -> engine: these */
	MSG_SPF_CHECK = 72, /* engine -> fetch: does this client pass for this domain? */
	MSG_SPF_SAYS = 73,  /* fetch -> engine */
	MSG_DNS_ASK = 74,   /* engine -> fetch: what do the DNS lists say of this client? */
	MSG_DNS_SAYS = 75,  /* fetch -> engine: all have answered, or one whose word is enough */
	MSG_DNS_STATE = 76, /* fetch -> engine: of one list; at start, at change, every 10 s */

	/* engine <-> tarpit */
	MSG_BLOCKS = 80,       /* engine -> tarpit, 1 fd: the blocks, to be read along (core/block_share) */
	MSG_ANSWERED = 81,     /* tarpit -> engine: a recipient that a blocked client named */
	MSG_HAND_OPEN = 82,    /* tarpit -> parent: a connection to Postfix for postmaster@, please: msg_mail_open */
	MSG_HAND_SOCKET = 83,  /* parent -> tarpit, 1 fd (none when it failed): msg_mail_socket */
	MSG_TARPIT_STATE = 84, /* tarpit -> engine: of one process; at start, at change, every 10 s */
	MSG_PART = 85,         /* parent -> tarpit, before each CONFIG: which process of how many it is */

	/* feeds */
	MSG_FEED_RUN = 100,   /* feed -> run: the command of a part of a feed, which run finds by itself */
	MSG_FEED_RAN = 101,   /* run -> feed, 0 or 1 fd: memfd, what it printed */
	MSG_FEED_SET = 102,   /* feed -> engine, 1 fd: memfd, the new set of a feed (core/feed_area) */
	MSG_FEED_TOOK = 103,  /* engine -> feed: it acts, or why not */
	MSG_FEED_STATE = 104, /* feed -> engine: of one feed; at start, at change, every 10 s */
	MSG_FEED_ASK = 105,   /* engine -> feed: fetch now; take the change that is held */
	MSG_FEED_GIVE = 106,  /* engine -> dnsbl, publish, 0 or 1 fd: a feed's set as it acts now; none: it is gone */
	MSG_ACTING = 107,     /* engine -> dnsbl, publish: do blocks act now (mode, off)? */
	MSG_FEED_SAYS = 108,  /* engine -> tarpit: the words for those that a feed blocked */

	MSG_DNSBL_STATE = 110,  /* dnsbl -> engine: at start, at change, every 10 s */
	MSG_DNSBL_LISTEN = 111, /* parent -> dnsbl, before each CONFIG: what it may listen on, and what not */

	MSG_EXPORT_RUN = 115,   /* publish -> run: the command of this export */
	MSG_EXPORT_RAN = 116,   /* run -> publish: it has ended */
	MSG_EXPORT_STATE = 117, /* publish -> engine: of one export; at start, at change, every 10 s */
	MSG_UPDATE_STATE = 120, /* publish -> engine: of the primary server; at start, at change, every 10 s */

	MSG_SAMPLE = 92,       /* tarpit -> capture, 1 fd: memfd with a message of a client that is held */
	MSG_ANSWERED_END = 91, /* tarpit -> engine: one connection of a blocked client has ended */
};

enum listener {
	LISTENER_POLICY = 1,
	LISTENER_CONTROL = 2,
	LISTENER_LMTP = 3,
	LISTENER_TARPIT = 4,
	LISTENER_DNS_UDP = 5,
	LISTENER_DNS_TCP = 6
};
#define LISTENERS 7 /* kinds, and none */
enum shared_file { FILE_MAIL_LOG = 1, FILE_TLS_CERTIFICATE = 2, FILE_TLS_KEY = 3, FILE_UPDATE_KEY = 4 };
#define SHARED_FILES 5 /* kinds, and none */

struct msg_hello {
	uint16_t version;
	enum role role;
};

struct msg_which { /* LISTENER, LINK, FILE */
	uint8_t which;
};

struct msg_unlinked {
	uint8_t which;   /* enum role of the other end */
	uint32_t number; /* of the links to it that the sender was given in its life: this was the last one */
};

struct msg_selftest { /* SELFTEST, SELFTEST_DONE */
	uint8_t trial;
	uint32_t number; /* pid of a sibling; in the answer 0 (it was allowed) or errno */
};

#define MESSAGE_ADDRESS 320 /* mail address: 64 + 1 + 255, RFC 5321 4.5.3.1 */
#define MESSAGE_NAME 256    /* host name, HELO */
#define MESSAGE_ID 256      /* Message-ID, cut */
#define MESSAGE_QUEUE_ID 32
#define MESSAGE_CORPUS_ID 32

struct msg_hit {
	uint64_t seq;         /* capture's, for the ack */
	uint64_t time;        /* Unix seconds: end of data */
	struct ipaddr client; /* family 0: no XFORWARD ADDR (local, or not sent) */
	uint16_t port;
	uint8_t is_local;        /* XFORWARD SOURCE=LOCAL */
	uint8_t grade;           /* enum grade of the content alone: confirmed, bulk, automatic, backscatter */
	uint8_t is_truncated;    /* body not kept whole (size or disk cap) */
	uint32_t size;           /* bytes received, headers and body */
	char name[MESSAGE_NAME]; /* verified client name, "" if none */
	char helo[MESSAGE_NAME];
	char queue_id[MESSAGE_QUEUE_ID]; /* XFORWARD IDENT */
	char sender[MESSAGE_ADDRESS];    /* "" is the null sender */
	char trap[MESSAGE_ADDRESS];      /* decoded from RCPT TO, canonical (core/address) */
	char orcpt[MESSAGE_ADDRESS];     /* decoded ORCPT address, "" if none; can be forged */
	char message_id[MESSAGE_ID];
	char subject[MESSAGE_ID];
	char corpus_id[MESSAGE_CORPUS_ID]; /* name of the file in the corpus, "" if none */
	uint8_t is_walked;                 /* the client is a forwarder, and its Received fields name: */
	struct ipaddr walked;              /* the host before it (core/received); else family 0 */
};

/* KNOWN: stored before, with the content of another copy of the same message. */
enum hit_ack { HIT_STORED = 1, HIT_LATER = 2, HIT_KNOWN = 3 };

struct msg_hit_ack {
	uint64_t seq;
	uint8_t result; /* enum hit_ack */
};

struct msg_corpus_remove {
	char corpus_id[MESSAGE_CORPUS_ID];
};

struct msg_corpus_state {
	uint64_t bytes;
	uint32_t files;
	uint32_t is_full; /* 1: disk or cap met, only headers are kept */
};

struct msg_corpus_forget {
	uint32_t seq;
	uint8_t is_deleting;           /* 0: count only */
	char address[MESSAGE_ADDRESS]; /* canonical (core/address), never empty */
};

struct msg_corpus_forgotten {
	uint32_t seq;
	uint32_t files;  /* found, and deleted if that was asked */
	uint32_t failed; /* could not be read or deleted */
};

#define MESSAGE_CASE 16      /* case id with NUL */
#define MESSAGE_RIDERS 16000 /* recipients or a reason as text, with NUL; longer lists are cut */

enum riders_kind {
	RIDERS_ASK = 1,
	RIDERS_DONE = 2,
	RIDERS_FORGOT = 3, /* a person was taken out of the message corpus_id; count riders are left */
};
enum riders_result {
	RIDERS_OK = 0,
	RIDERS_LATER = 1,   /* Postfix did not take it */
	RIDERS_GONE = 2,    /* there is no such file */
	RIDERS_CUT = 3,     /* the file is not the whole message */
	RIDERS_NOBODY = 4,  /* no recipient but traps, and nobody named */
	RIDERS_UNKNOWN = 5, /* the file does not tell who sent it to whom */
};

struct msg_riders {
	uint64_t seq;    /* ASK: capture's, for the answer; DONE: the one of RIDERS_DO */
	uint8_t kind;    /* enum riders_kind */
	uint8_t result;  /* DONE: enum riders_result */
	uint8_t is_kept; /* ASK: the whole message is in the corpus and a hit names it */
	uint32_t count;  /* recipients that are no traps; DONE: those that the message was given to */
	uint32_t size;
	struct ipaddr client;
	char name[MESSAGE_NAME];
	char queue_id[MESSAGE_QUEUE_ID];
	char sender[MESSAGE_ADDRESS];
	char corpus_id[MESSAGE_CORPUS_ID];
	char text[MESSAGE_RIDERS]; /* DONE: recipients, an LF behind each, or what Postfix said */
};

/* PLAIN and JUNK answer an ASK; so does HIT_ACK with its seq: STORED, keep it for good, or LATER. */
enum riders_what { RIDERS_PLAIN = 1, RIDERS_JUNK = 2, RIDERS_RELEASE = 3, RIDERS_LIST = 4 };

struct msg_riders_do {
	uint64_t seq;
	uint8_t what; /* enum riders_what */
	char case_id[MESSAGE_CASE];
	char corpus_id[MESSAGE_CORPUS_ID]; /* RELEASE, LIST */
	char to[MESSAGE_ADDRESS];          /* RELEASE, LIST: this person instead of the riders; "" */
};

struct msg_mail_open { /* MAIL_OPEN, HAND_OPEN */
	uint64_t seq;
	uint8_t queue; /* which Postfix instance: index in conf.postfix.queues; HAND: the first that has the service */
};

struct msg_mail_socket { /* MAIL_SOCKET, HAND_SOCKET */
	uint64_t seq;
	uint32_t error; /* 0 and a descriptor, or errno and none */
};

struct msg_log_position { /* LOG_RESUME and part of LOG_STATE */
	uint64_t inode;   /* file; 0: journal or none */
	uint64_t offset;  /* bytes */
	char cursor[512]; /* journal cursor, "" for a file */
};

struct msg_log_mail {
	uint64_t time;
	struct ipaddr client;
	char name[MESSAGE_NAME];
	char queue_id[MESSAGE_QUEUE_ID];
	char sender[MESSAGE_ADDRESS];
	char recipient[MESSAGE_ADDRESS];
	uint8_t outcome;  /* enum log_outcome */
	uint8_t is_first; /* 1: no other recipient of this message was reported before: the ledger counts messages */
};

enum log_outcome {
	LOG_DELIVERED = 1, /* accepted by Postfix and the milters, status=sent to a real mailbox */
	LOG_REJECTED = 2,  /* milter or header check refused or discarded it */
	LOG_TAGGED = 3,    /* delivered, but a filter in the same log called it spam, or it went to a trap too */
	LOG_SUBMITTED = 4, /* sent by one of our users to a foreign domain (recipient is the correspondent) */
};

struct msg_log_login {
	uint64_t time;
	struct ipaddr client;
	char queue_id[MESSAGE_QUEUE_ID];
	char login[MESSAGE_ADDRESS];
};

struct msg_log_rcpt {
	uint64_t time;
	struct ipaddr client;
	char sender[MESSAGE_ADDRESS];
	char recipient[MESSAGE_ADDRESS];
	uint16_t code; /* 450, 550 ... */
};

struct msg_answered {
	struct ipaddr client;
	char helo[MESSAGE_NAME];
	char sender[MESSAGE_ADDRESS];
	char recipient[MESSAGE_ADDRESS];
};

struct msg_answered_end {
	struct ipaddr client;
	uint32_t seconds; /* from the greeting to the end */
	uint32_t bytes;   /* that we sent */
	uint16_t commands, recipients;
	uint8_t is_held; /* to its end, byte by byte */
	char helo[MESSAGE_NAME];
};

struct msg_part {
	uint8_t index, count;
	uint32_t conntrack; /* connections that the kernel's tracking holds; 0: none, no limit */
};

/* What keeps the cap of connections below the configured one. */
enum tarpit_cap {
	TARPIT_CAP_CONFIGURED = 0,
	TARPIT_CAP_DESCRIPTORS = 1,
	TARPIT_CAP_CONNTRACK = 2, /* a quarter of the tracking table */
	TARPIT_CAPS
};

enum tarpit_tls { TARPIT_TLS_FINE = 0, TARPIT_TLS_SITE, TARPIT_TLS_KEY, TARPIT_TLSES };

struct msg_tarpit_state {
	uint32_t connections, held, tls;
	uint32_t cap, wished; /* of connections: in force; this process's part of the configured one */
	uint32_t pace_ms;     /* in force */
	uint32_t pause_ms;    /* the longest time without accepting, since the last message */
	uint8_t why;          /* enum tarpit_cap */
	uint8_t tls_off;      /* enum tarpit_tls: wanted, but the site's files are no good, or no key can be made */
	uint8_t is_paused;    /* not accepting: no descriptors, no memory */
	uint8_t processes;    /* of the tarpit, this one included */
	uint64_t taken, refused, shed, pauses; /* since start */
	uint64_t bytes;                        /* sent to those who are held */
	uint64_t held_s;                       /* seconds that clients were held, those who still are included */
};

#define MESSAGE_SAMPLE (64u << 10) /* bytes of a sample at most */
#define MESSAGE_SAMPLE_TO 8000     /* of its recipients as text, with NUL; further ones are left out */

struct msg_sample {
	struct ipaddr client;
	uint32_t size; /* of the message; the memfd has these or the first of them */
	char case_id[MESSAGE_CASE];
	char helo[MESSAGE_NAME];
	char sender[MESSAGE_ADDRESS];
	char recipients[MESSAGE_SAMPLE_TO]; /* an LF behind each */
};

enum log_state { LOG_ABSENT = 0, LOG_READING = 1, LOG_DENIED = 2, LOG_JOURNAL = 3 };

struct msg_log_state {
	uint8_t state; /* enum log_state */
	struct msg_log_position position;
	uint64_t lines;   /* read since start */
	uint64_t dropped; /* longer than LINE_SPLIT_MAX, and not read */
	uint64_t last;    /* time of the newest line */
	uint8_t is_caught_up;
};

#define MESSAGE_RUN_ARGS 8
#define MESSAGE_RUN_ARG 1024
#define MESSAGE_RUN_OUTPUT 60000

enum run_what {
	RUN_ALARM = 1,      /* alarm { command = ... }: subject, text */
	RUN_POSTCONF = 2,   /* postconf -c DIR -n: for drift of main.cf; no arguments */
	RUN_POSTCONF_M = 3, /* postconf -c DIR -M */
	RUN_MAIL = 4,       /* alarm { mail = ... }: subject, text */
};

struct msg_run {
	uint32_t seq;
	uint8_t what;
	uint8_t count;
	char arg[MESSAGE_RUN_ARGS][MESSAGE_RUN_ARG];
};

struct msg_run_done {
	uint32_t seq;
	uint8_t what;
	int32_t status;      /* exit status; -1 could not be run, -2 killed after its time */
	struct slice output; /* stdout and stderr, at most MESSAGE_RUN_OUTPUT; borrows the datagram */
};

struct msg_map_apply {
	uint32_t seq;
	uint8_t is_full; /* 1: the lines are all there is; 0: changes */
};
/*
 * Lines of the memfd, each ending in LF:
 *   "+A address"  "-A address"   exact trap    (full: only + lines)
 *   "+D domain"   "-D domain"    whole domain
 * The helper makes the map values itself (core/alias_map), so that an engine
 * that is not itself any more can only send mail to our own capture.
 */

struct msg_map_done { /* MAP_DONE, LIVE_RESULT */
	uint32_t seq;
	uint8_t is_ok;
	char text[512]; /* what went wrong and the remedy */
};

enum text_kind { TEXT_TRAPS = 1, TEXT_ALLOW = 2, TEXT_SHARED = 3 };

/*
 * The files that conf.traps.files, allow.files and allow.shared name are readable by
 * root alone; aliasmap sends their bytes, unparsed, in rounds: at start, after
 * MSG_REREAD, and within 2 s of a change of any mtime. Each kind is a round of
 * its own: index 0 .. count-1, sorted by path; count 0: there is no file.
 */
struct msg_text {
	uint8_t kind; /* enum text_kind */
	uint32_t round;
	uint32_t index, count;
	char path[512];
};

struct msg_spf_ask { /* SPF_WALK (client: none), SPF_CHECK */
	uint64_t seq;
	struct ipaddr client;
	char domain[DNS_NAME];
};

struct msg_spf_set {
	uint64_t seq;
	uint8_t state; /* enum spf_state, not ASKS */
	uint8_t is_partial;
	uint32_t ttl_s;
	char reason[100];
	uint16_t count;
	struct prefix prefix[SPF_SET_MAX];
};

enum spf_says { SPF_SAYS_PASS = 1, SPF_SAYS_NO = 2, SPF_SAYS_UNKNOWN = 3 };

struct msg_spf_says {
	uint64_t seq;
	uint8_t result; /* enum spf_says */
};

struct msg_dns_ask {
	uint64_t seq;
	struct ipaddr client;
};

enum dns_says {
	DNS_SAYS_NOTHING = 1,  /* no list that is on has answered */
	DNS_SAYS_ALLOWED = 2,  /* an allow list has it */
	DNS_SAYS_LISTED = 3,   /* a block list has it */
	DNS_SAYS_UNLISTED = 4, /* all block lists that are on have answered, none has it */
};

struct msg_dns_says {
	uint64_t seq;
	uint8_t result;        /* enum dns_says */
	char list[CONF_TITLE]; /* ALLOWED, LISTED: which */
};

struct msg_dns_state {
	uint8_t index, count; /* of the lists */
	char list[CONF_TITLE];
	uint8_t kind;  /* enum conf_dns_kind */
	uint8_t state; /* enum sentinel_state */
	uint8_t why;   /* enum sentinel_why */
	uint64_t since, tested;
	uint64_t asked, listed, silent; /* real questions since start: all, with a listing, without an answer */
};

/*
 * Encoders: write type and fields. A struct that does not fit makes w->bad.
 * Decoders: r stands behind the type byte; ERR_SYNTAX, *ret untouched, for
 * anything that is not exactly this message.
 */
#define MESSAGE_CODEC(name, type)                                                                                      \
	void message_put_##name(struct wr *w, enum message_type t, const struct type *m);                              \
	enum err message_get_##name(struct rd *r, struct type *ret) MUST_USE;

MESSAGE_CODEC(empty, msg_which) /* START READY PING PONG STOP REREAD: the struct is ignored */
MESSAGE_CODEC(hello, msg_hello)
MESSAGE_CODEC(which, msg_which)
MESSAGE_CODEC(unlinked, msg_unlinked)
MESSAGE_CODEC(selftest, msg_selftest)
MESSAGE_CODEC(fw_ops, msg_fw_ops)
MESSAGE_CODEC(fw_sync, msg_fw_sync)
MESSAGE_CODEC(fw_done, msg_fw_done)
MESSAGE_CODEC(fw_state, msg_fw_state)
MESSAGE_CODEC(hook, msg_hook)
MESSAGE_CODEC(hook_done, msg_hook_done)
MESSAGE_CODEC(hit, msg_hit)
MESSAGE_CODEC(hit_ack, msg_hit_ack)
MESSAGE_CODEC(corpus_remove, msg_corpus_remove)
MESSAGE_CODEC(corpus_state, msg_corpus_state)
MESSAGE_CODEC(riders, msg_riders)
MESSAGE_CODEC(riders_do, msg_riders_do)
MESSAGE_CODEC(mail_open, msg_mail_open)
MESSAGE_CODEC(mail_socket, msg_mail_socket)
MESSAGE_CODEC(corpus_forget, msg_corpus_forget)
MESSAGE_CODEC(corpus_forgotten, msg_corpus_forgotten)
MESSAGE_CODEC(log_position, msg_log_position)
MESSAGE_CODEC(log_mail, msg_log_mail)
MESSAGE_CODEC(log_login, msg_log_login)
MESSAGE_CODEC(log_rcpt, msg_log_rcpt)
MESSAGE_CODEC(log_state, msg_log_state)
MESSAGE_CODEC(run, msg_run)
MESSAGE_CODEC(run_done, msg_run_done)
MESSAGE_CODEC(map_apply, msg_map_apply)
MESSAGE_CODEC(map_done, msg_map_done)
MESSAGE_CODEC(text, msg_text)
MESSAGE_CODEC(spf_ask, msg_spf_ask)
MESSAGE_CODEC(spf_set, msg_spf_set)
MESSAGE_CODEC(spf_says, msg_spf_says)
MESSAGE_CODEC(dns_ask, msg_dns_ask)
MESSAGE_CODEC(dns_says, msg_dns_says)
MESSAGE_CODEC(dns_state, msg_dns_state)
MESSAGE_CODEC(answered, msg_answered)
MESSAGE_CODEC(sample, msg_sample)
MESSAGE_CODEC(part, msg_part)
MESSAGE_CODEC(tarpit_state, msg_tarpit_state)
MESSAGE_CODEC(answered_end, msg_answered_end)
MESSAGE_CODEC(fw_kill, msg_fw_kill)
MESSAGE_CODEC(feed_run, msg_feed_run)
MESSAGE_CODEC(feed_ran, msg_feed_ran)
MESSAGE_CODEC(feed_set, msg_feed_set)
MESSAGE_CODEC(feed_took, msg_feed_took)
MESSAGE_CODEC(feed_state, msg_feed_state)
MESSAGE_CODEC(feed_ask, msg_feed_ask)
MESSAGE_CODEC(feed_give, msg_feed_give)
MESSAGE_CODEC(acting, msg_acting)
MESSAGE_CODEC(feed_says, msg_feed_says)
MESSAGE_CODEC(export_run, msg_export_run)
MESSAGE_CODEC(export_ran, msg_export_ran)
MESSAGE_CODEC(export_state, msg_export_state)
MESSAGE_CODEC(update_state, msg_update_state)
MESSAGE_CODEC(dnsbl_state, msg_dnsbl_state)
MESSAGE_CODEC(dnsbl_listen, msg_dnsbl_listen)
#undef MESSAGE_CODEC

/*
 * message_check(from, to, datagram, fds, ret_type): may this role send this to
 * that one, is the length within the type's bounds and does the number of file
 * descriptors fit? ERR_DENIED (wrong role), ERR_SYNTAX (unknown type, length, fds).
 */
enum err message_check(
	enum role from, enum role to, struct slice datagram, size_t fds, enum message_type *ret_type) MUST_USE;
/*
 * Does the body (behind the type byte) of this type decode? ERR_SYNTAX. So that
 * a link ends at the first malformed message whoever is at its end.
 */
enum err message_check_body(enum message_type t, struct rd body) MUST_USE;
const char *message_name(enum message_type t);

#endif /* CORE_MESSAGE_H */
