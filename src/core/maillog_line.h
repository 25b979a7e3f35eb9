/*
 * maillog_line: one line of the mail log as a struct. Knows what Postfix's
 * smtpd, cleanup, pickup, qmgr and delivery agents write, under any syslog_name
 * ("postfix/relay/smtp", "postfix-out/smtp"), and what amavis, spamd, spampd and
 * rspamd write of spam. One line is looked at alone; core/maillog_join joins.
 *
 * Much of a line is text of an attacker: HELO, sender, recipient, Message-ID,
 * answers of foreign servers. A field is taken only where it stands behind
 * nothing but fixed words and bounded fields, and an address only where the
 * line can be read in one way; else the field is empty or the line is of no use.
 * Pure; slices borrow the line.
 * SPDX-License-Identifier: ISC
 */
#ifndef CORE_MAILLOG_LINE_H
#define CORE_MAILLOG_LINE_H
#include "base/ipaddr.h"
#include "core/maillog_time.h"

#define MAILLOG_QUEUE_ID 24 /* longest queue id + 1 */

enum maillog_kind {
	MAILLOG_NONE = 0,       /* of no use here */
	MAILLOG_CLIENT = 1,     /* smtpd: queue_id, client, name; login; orig_* after re-injection */
	MAILLOG_LOCAL = 2,      /* pickup: queue_id */
	MAILLOG_MESSAGE_ID = 3, /* cleanup: queue_id, message_id */
	MAILLOG_FROM = 4,       /* qmgr: queue_id, sender */
	MAILLOG_REMOVED = 5,    /* qmgr: queue_id */
	MAILLOG_DELIVERY = 6,   /* agent: queue_id, agent, recipient, orig_to, relay, is_sent, next_id */
	MAILLOG_RCPT = 7,       /* RCPT refused: client, name, code; sender and recipient where they are clear */
	MAILLOG_REFUSED = 8,  /* whole message refused or discarded: queue_id; client, sender, recipient where known */
	MAILLOG_SPAM = 9,     /* a filter calls a message spam: queue_id, next_id, message_id, each may be empty */
	MAILLOG_CONNECT = 10, /* smtpd: client, name */
	MAILLOG_DISCONNECT = 11, /* smtpd: client, name */
	MAILLOG_SCREENED = 12,   /* postscreen refused a recipient: client, port */
};

enum maillog_agent { AGENT_NONE, AGENT_SMTP, AGENT_LMTP, AGENT_LOCAL, AGENT_VIRTUAL, AGENT_PIPE, AGENT_OTHER };

struct maillog_line {
	enum maillog_kind kind;
	enum maillog_agent agent;
	uint64_t time;
	struct slice host;     /* the machine that wrote it; "" from a journal */
	uint32_t pid;          /* 0: not in the line */
	struct slice service;  /* syslog_name: "postfix", "postfix/relay" */
	struct slice queue_id; /* "" for NOQUEUE */
	struct ipaddr client;  /* family 0: none or "unknown" */
	struct slice name;     /* of client, "" for "unknown" */
	struct slice login;    /* sasl_username */
	struct slice orig_queue_id;
	struct ipaddr orig_client;
	struct slice orig_name;
	struct slice message_id; /* up to its first '>', without brackets */
	struct slice sender;
	struct slice recipient;
	struct slice orig_to;
	struct slice relay;       /* as written: "local", "mx.example[192.0.2.1]:25" */
	struct ipaddr relay_addr; /* family 0: no address in relay */
	struct slice next_id;     /* "queued as", "forwarded as", "queued_as:": the next queue id */
	uint16_t port;            /* SCREENED: of client */
	uint16_t code;            /* 450, 550 ...; 0 unknown */
	bool is_sent;             /* status=sent */
	bool is_bounced;          /* status=bounced */
	bool is_unknown;          /* RCPT, DELIVERY: status x.1.1, there is no such mailbox */
	bool is_forwarded;        /* local: "forwarded as" */
	bool has_addresses;       /* RCPT, REFUSED: sender and recipient are what Postfix saw */
};

/*
 * line: without its LF. now, utc_offset_s: see core/maillog_time; a time after
 * now becomes now. ERR_SYNTAX: no time, host and "identifier[pid]:" at its front.
 * ERR_OK with kind MAILLOG_NONE for a line that says nothing to us.
 */
enum err maillog_line_parse(struct slice line, uint64_t now, int32_t utc_offset_s, struct maillog_line *ret) MUST_USE;
/* The same, quicker, for one log line by line. */
enum err maillog_line_parse_next(struct slice line, struct maillog_clock *c, struct maillog_line *ret) MUST_USE;
/* The same for a journal entry: ident "postfix/smtpd", text its message. */
void maillog_line_parse_entry(uint64_t time, struct slice ident, struct slice text, struct maillog_line *ret);
/* True for what Postfix uses as a queue id. */
bool maillog_line_is_queue_id(struct slice s);

#endif /* CORE_MAILLOG_LINE_H */
