/*
 * maillog_line: takes fields off the front of a line, one after the other.
 *
 *   TIME HOST SERVICE/PROGRAM[PID]: QUEUEID: word=...
 *
 * An address in angle brackets may hold anything where the client quoted its
 * local part, also what looks like the rest of the line:
 *   to=<"x>, relay=local, delay=0, status=sent (q"@example.com>, relay=...
 * So the words that end an address must occur once in the line, and an address
 * with < or > inside is not taken.
 * SPDX-License-Identifier: ISC
 */
#include "core/maillog_line.h"
#include "base/num.h"
#include "core/maillog_spam.h"
#include "core/maillog_time.h"

#define QUEUE_ID_LEAST 5
/* SLICE_LIT is no constant expression: this is the same for tables. */
#define WORD(s)                                                                                                        \
	{                                                                                                              \
		(s), sizeof(s) - 1                                                                                     \
	}

/* Take head off the front of *s. */
static bool take(struct slice *s, struct slice head)
{
	if (!slice_starts(*s, head))
		return false;
	*s = slice_from(*s, head.n);
	return true;
}

/* Position of what in s, or s.n. */
static size_t find_text(struct slice s, struct slice what)
{
	/* quicker than memmem, which first makes a table of what; what begins with a byte that is rare in logs */
	for (size_t i = 0; i + what.n <= s.n; i++) {
		const char *q = memchr(s.p + i, what.p[0], s.n - what.n + 1 - i);

		if (!q)
			break;
		i = (size_t)(q - s.p);
		if (memcmp(q, what.p, what.n) == 0)
			return i;
	}
	return s.n;
}

/* The same, when it occurs exactly once; else s.n. */
static size_t find_only(struct slice s, struct slice what)
{
	size_t i = find_text(s, what);

	if (i < s.n && find_text(slice_from(s, i + 1), what) < s.n - i - 1)
		return s.n;
	return i;
}

static bool has_brackets(struct slice s)
{
	return slice_find(s, '<') < s.n || slice_find(s, '>') < s.n;
}

/* 0-9 A-Z, and a-z without vowels: long ids have none, so that "warning: " is no id. A bit for each byte. */
static const uint64_t queue_id_bytes[2] = { UINT64_C(0x03ff000000000000), UINT64_C(0x07df7ddc07fffffe) };

bool maillog_line_is_queue_id(struct slice s)
{
	if (s.n < QUEUE_ID_LEAST || s.n >= MAILLOG_QUEUE_ID)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c >= 128 || !(queue_id_bytes[c / 64] >> c % 64 & 1))
			return false;
	}
	return true;
}

/* "QUEUEID: " or "NOQUEUE: " off the front of *s. */
static bool queue_id_take(struct slice *s, struct slice *ret)
{
	size_t i = slice_find(slice_head(*s, MAILLOG_QUEUE_ID), ':');
	struct slice id = slice_head(*s, i);

	if (i + 1 >= s->n || s->p[i + 1] != ' ' || !maillog_line_is_queue_id(id))
		return false;
	*ret = slice_eq(id, SLICE_LIT("NOQUEUE")) ? (struct slice){ id.p, 0 } : id;
	*s = slice_from(*s, i + 2);
	return true;
}

/* "name[address]" off the front of *s, with ":port" behind it where it is logged. */
static bool host_take(struct slice *s, struct slice *ret_name, struct ipaddr *ret_addr)
{
	size_t open = slice_find(*s, '['), close = slice_find(*s, ']');
	struct slice name = slice_head(*s, open), addr;

	if (close >= s->n || open >= close || slice_find(name, ' ') < name.n)
		return false;
	addr = slice_head(slice_from(*s, open + 1), close - open - 1);
	/* "unknown[unknown]": the address family stays 0 */
	if (ipaddr_parse(addr, ret_addr) != ERR_OK)
		*ret_addr = (struct ipaddr){ 0 };
	*ret_name = slice_eq(name, SLICE_LIT("unknown")) ? (struct slice){ name.p, 0 } : name;
	*s = slice_from(*s, close + 1);
	if (s->n && s->p[0] == ':' && s->n > 1 && s->p[1] >= '0' && s->p[1] <= '9')
		for (*s = slice_from(*s, 1); s->n && s->p[0] >= '0' && s->p[0] <= '9';)
			*s = slice_from(*s, 1);
	return true;
}

/* What stands behind key up to the next of the words that can follow. */
static struct slice login_of(struct slice s)
{
	static const struct slice next[] = { WORD(", sasl_sender="), WORD(", orig_queue_id="), WORD(", orig_client=") };
	size_t end = s.n;

	for (size_t i = 0; i < sizeof next / sizeof next[0]; i++) {
		size_t at = find_text(s, next[i]);

		if (at < end)
			end = at;
	}
	return slice_head(s, end);
}

/* smtpd: "client=name[addr], sasl_method=M, sasl_username=U, orig_queue_id=Q, orig_client=name[addr]" */
static void client_parse(struct slice s, struct maillog_line *l)
{
	if (l->queue_id.n == 0 || !host_take(&s, &l->name, &l->client))
		return;
	if (take(&s, SLICE_LIT(", sasl_method=")))
		s = slice_from(s, slice_find(s, ','));
	if (take(&s, SLICE_LIT(", sasl_username="))) {
		l->login = login_of(s);
		s = slice_from(s, l->login.n);
	}
	if (take(&s, SLICE_LIT(", sasl_sender=")))
		s = slice_from(s, find_text(s, SLICE_LIT(", orig_")));
	if (take(&s, SLICE_LIT(", orig_queue_id="))) {
		struct slice id = slice_head(s, slice_find(s, ','));

		if (maillog_line_is_queue_id(id) && !slice_eq(id, SLICE_LIT("NOQUEUE")))
			l->orig_queue_id = id;
		s = slice_from(s, id.n);
	}
	if (take(&s, SLICE_LIT(", orig_client=")))
		(void)host_take(&s, &l->orig_name, &l->orig_client);
	l->kind = MAILLOG_CLIENT;
}

/* "...; from=<S> to=<R> proto=..." somewhere in s: nothing is taken unless it can be read in one way only. */
static void addresses_parse(struct slice s, struct maillog_line *l)
{
	size_t from = find_only(s, SLICE_LIT("; from=<")), to = find_only(s, SLICE_LIT("> to=<"));
	size_t proto = find_only(s, SLICE_LIT("> proto="));
	struct slice sender, recipient;

	if (from >= s.n || to >= s.n || proto >= s.n || from + 8 > to || to + 6 > proto)
		return;
	sender = slice_head(slice_from(s, from + 8), to - from - 8);
	recipient = slice_head(slice_from(s, to + 6), proto - to - 6);
	if (has_brackets(sender) || has_brackets(recipient))
		return;
	l->sender = sender;
	l->recipient = recipient;
	l->has_addresses = true;
}

static uint16_t code_of(struct slice s)
{
	uint64_t v;

	if (s.n < 4 || s.p[3] != ' ' || num_parse(slice_head(s, 3), 599, &v) != ERR_OK || v < 400)
		return 0;
	return (uint16_t)v;
}

/* RFC 3463: "5.1.1", or "4.1.1" where Postfix could not find out yet. */
static bool is_unknown_status(struct slice s)
{
	return slice_eq(s, SLICE_LIT("5.1.1")) || slice_eq(s, SLICE_LIT("4.1.1"));
}

enum stage { STAGE_OTHER, STAGE_RCPT, STAGE_MESSAGE };

/* "RCPT from ", "END-OF-MESSAGE from " off the front. */
static enum stage stage_take(struct slice *s)
{
	if (take(s, SLICE_LIT("RCPT from ")))
		return STAGE_RCPT;
	if (take(s, SLICE_LIT("END-OF-MESSAGE from ")) || take(s, SLICE_LIT("DATA from ")) ||
		take(s, SLICE_LIT("BDAT from ")) || take(s, SLICE_LIT("DATA content from ")))
		return STAGE_MESSAGE;
	return STAGE_OTHER;
}

/* Behind the stage: "name[addr]: 554 5.7.1 <...>: text; from=<> to=<> proto=ESMTP helo=<>" */
static void refusal_parse(struct slice s, enum maillog_kind kind, struct maillog_line *l)
{
	if (!host_take(&s, &l->name, &l->client) || !take(&s, SLICE_LIT(": ")))
		return;
	l->code = code_of(s);
	l->is_unknown = l->code && is_unknown_status(slice_head(slice_from(s, 4), slice_find(slice_from(s, 4), ' ')));
	addresses_parse(s, l);
	l->kind = kind;
}

static void smtpd_parse(struct slice s, struct maillog_line *l)
{
	bool is_discard = false;
	enum stage stage;

	if (take(&s, SLICE_LIT("client="))) {
		client_parse(s, l);
		return;
	}
	if (take(&s, SLICE_LIT("discard: ")) || take(&s, SLICE_LIT("milter-discard: ")))
		is_discard = true;
	else if (!take(&s, SLICE_LIT("reject: ")) && !take(&s, SLICE_LIT("milter-reject: ")) &&
		 !take(&s, SLICE_LIT("proxy-reject: ")))
		return;
	stage = stage_take(&s);
	/* a discard at RCPT is for the whole message */
	if (stage == STAGE_MESSAGE || (stage == STAGE_RCPT && is_discard))
		refusal_parse(s, MAILLOG_REFUSED, l);
	else if (stage == STAGE_RCPT)
		refusal_parse(s, MAILLOG_RCPT, l);
}

/* Header and body checks: what matched stands in the line before the addresses, and the client's address with it. */
static bool is_content_check(struct slice s)
{
	if (!take(&s, SLICE_LIT("reject: ")) && !take(&s, SLICE_LIT("discard: ")))
		return false;
	return slice_starts(s, SLICE_LIT("header ")) || slice_starts(s, SLICE_LIT("body ")) ||
	       slice_starts(s, SLICE_LIT("mime-error ")) || slice_starts(s, SLICE_LIT("mime ")) ||
	       slice_starts(s, SLICE_LIT("nested "));
}

static void cleanup_parse(struct slice s, struct maillog_line *l)
{
	if (l->queue_id.n == 0)
		return;
	if (take(&s, SLICE_LIT("message-id=<"))) {
		l->message_id = slice_head(s, slice_find(s, '>'));
		l->kind = MAILLOG_MESSAGE_ID;
	} else if (is_content_check(s)) {
		addresses_parse(s, l);
		l->kind = MAILLOG_REFUSED;
	} else if (take(&s, SLICE_LIT("milter-reject: ")) || take(&s, SLICE_LIT("milter-discard: "))) {
		size_t from = find_text(s, SLICE_LIT(" from ")); /* the stage: a word of Postfix */

		if (from < s.n)
			refusal_parse(slice_from(s, from + 6), MAILLOG_REFUSED, l);
	}
}

static void pickup_parse(struct slice s, struct maillog_line *l)
{
	if (l->queue_id.n && slice_starts(s, SLICE_LIT("uid=")))
		l->kind = MAILLOG_LOCAL;
}

static void qmgr_parse(struct slice s, struct maillog_line *l)
{
	size_t end;

	if (l->queue_id.n == 0)
		return;
	if (slice_eq(s, SLICE_LIT("removed"))) {
		l->kind = MAILLOG_REMOVED;
	} else if (take(&s, SLICE_LIT("from=<"))) {
		end = find_only(s, SLICE_LIT(">, size="));
		if (end < s.n && !has_brackets(slice_head(s, end))) {
			l->sender = slice_head(s, end);
			l->kind = MAILLOG_FROM;
		}
	}
}

/* The queue id behind the last "queued as ", "forwarded as ". */
static void next_id_parse(struct slice s, struct maillog_line *l)
{
	struct slice rest = s, id = { 0 };
	size_t i, n = 0;

	if (take(&rest, SLICE_LIT("forwarded as "))) {
		l->is_forwarded = true;
		id = rest;
	}
	while (!l->is_forwarded && (i = find_text(rest, SLICE_LIT("queued as "))) < rest.n)
		id = rest = slice_from(rest, i + 10);
	while (n < id.n && id.p[n] != ')' && id.p[n] != ' ')
		n++;
	if (maillog_line_is_queue_id(slice_head(id, n)))
		l->next_id = slice_head(id, n);
}

/* Agents: "to=<R>, orig_to=<O>, relay=H, delay=..., dsn=..., status=sent (text)" */
static void delivery_parse(struct slice s, struct maillog_line *l)
{
	struct slice to, relay, host, dsn;
	size_t end, orig, status;

	if (l->queue_id.n == 0 || !take(&s, SLICE_LIT("to=<")))
		return;
	end = find_only(s, SLICE_LIT(">, relay="));
	if (end >= s.n)
		return;
	to = slice_head(s, end);
	s = slice_from(s, end + 9);
	orig = find_only(to, SLICE_LIT(">, orig_to=<"));
	if (orig < to.n) {
		l->orig_to = slice_from(to, orig + 12);
		to = slice_head(to, orig);
	}
	relay = slice_head(s, slice_find(s, ','));
	status = find_text(s, SLICE_LIT(", status="));
	if (has_brackets(to) || has_brackets(l->orig_to) || status >= s.n)
		return;
	/* between relay and status stand delays and the status: no text of others */
	dsn = slice_head(s, status);
	l->is_unknown = is_unknown_status(slice_from(dsn, find_text(dsn, SLICE_LIT(", dsn=")) + 6));
	l->recipient = to;
	l->relay = host = relay;
	if (host_take(&host, &l->name, &l->relay_addr))
		l->name = (struct slice){ 0 };
	s = slice_from(s, status + 9);
	l->is_bounced = slice_starts(s, SLICE_LIT("bounced ("));
	l->is_sent = take(&s, SLICE_LIT("sent ("));
	if (l->is_sent)
		next_id_parse(s, l);
	l->kind = MAILLOG_DELIVERY;
}

/* smtpd: "connect from name[addr]", "disconnect from name[addr] ehlo=1 ...". False: something else. */
static bool connection_parse(struct slice s, struct maillog_line *l)
{
	enum maillog_kind kind = MAILLOG_CONNECT;

	if (take(&s, SLICE_LIT("disconnect from ")))
		kind = MAILLOG_DISCONNECT;
	else if (!take(&s, SLICE_LIT("connect from ")))
		return false;
	if (host_take(&s, &l->name, &l->client))
		l->kind = kind;
	return true;
}

/* postscreen: "reject: RCPT from [addr]:port: 550 5.7.1 ..." */
static void postscreen_parse(struct slice s, struct maillog_line *l)
{
	size_t close;
	uint64_t port;

	if (!take(&s, SLICE_LIT("reject: RCPT from [")))
		return;
	close = slice_find(s, ']');
	if (ipaddr_parse(slice_head(s, close), &l->client) != ERR_OK)
		return;
	s = slice_from(s, close + 1);
	if (!take(&s, SLICE_LIT(":")) || num_parse(slice_head(s, slice_find(s, ':')), UINT16_MAX, &port) != ERR_OK)
		return;
	l->port = (uint16_t)port;
	l->kind = MAILLOG_SCREENED;
}

static void program_parse(struct slice program, struct slice s, struct maillog_line *l)
{
	static const struct {
		struct slice name;
		void (*parse)(struct slice s, struct maillog_line *l);
		enum maillog_agent agent;
	} programs[] = {
		{ WORD("smtpd"), smtpd_parse, AGENT_NONE },
		{ WORD("cleanup"), cleanup_parse, AGENT_NONE },
		{ WORD("qmgr"), qmgr_parse, AGENT_NONE },
		{ WORD("lmtp"), delivery_parse, AGENT_LMTP },
		{ WORD("smtp"), delivery_parse, AGENT_SMTP },
		{ WORD("local"), delivery_parse, AGENT_LOCAL },
		{ WORD("virtual"), delivery_parse, AGENT_VIRTUAL },
		{ WORD("pipe"), delivery_parse, AGENT_PIPE },
		{ WORD("pickup"), pickup_parse, AGENT_NONE },
		{ WORD("postscreen"), postscreen_parse, AGENT_NONE },
		{ WORD("nqmgr"), qmgr_parse, AGENT_NONE },
		{ WORD("discard"), delivery_parse, AGENT_OTHER },
		{ WORD("error"), delivery_parse, AGENT_OTHER },
	};

	for (size_t i = 0; i < sizeof programs / sizeof programs[0]; i++) {
		if (!slice_eq(program, programs[i].name))
			continue;
		if (i == 0 && connection_parse(s, l))
			return;
		if (!queue_id_take(&s, &l->queue_id))
			return;
		l->agent = programs[i].agent;
		programs[i].parse(s, l);
		return;
	}
}

void maillog_line_parse_entry(uint64_t time, struct slice ident, struct slice text, struct maillog_line *ret)
{
	size_t slash = slice_rfind(ident, '/');

	*ret = (struct maillog_line){ .time = time };
	if (slash < ident.n) {
		ret->service = slice_head(ident, slash);
		program_parse(slice_from(ident, slash + 1), text, ret);
	} else {
		maillog_spam_parse(ident, text, ret);
	}
}

enum err maillog_line_parse(struct slice line, uint64_t now, int32_t utc_offset_s, struct maillog_line *ret)
{
	struct maillog_clock c = { .now = now, .utc_offset_s = utc_offset_s };

	return maillog_line_parse_next(line, &c, ret);
}

enum err maillog_line_parse_next(struct slice line, struct maillog_clock *c, struct maillog_line *ret)
{
	struct slice s = line, ident, host;
	uint64_t time, pid = 0;
	size_t i;
	enum err e = maillog_time_take_next(&s, c, &time);

	if (e != ERR_OK)
		return e;
	i = slice_find(s, ' ');
	if (i == 0 || i >= s.n)
		return ERR_SYNTAX;
	host = slice_head(s, i);
	s = slice_from(s, i + 1);
	i = slice_find(s, ' ');
	if (i < 2 || i >= s.n || s.p[i - 1] != ':')
		return ERR_SYNTAX;
	ident = slice_head(s, i - 1);
	s = slice_from(s, i + 1);
	if (ident.p[ident.n - 1] == ']') {
		i = slice_find(ident, '[');
		if (num_parse(slice_head(slice_from(ident, i + 1), ident.n - i - 2), UINT32_MAX, &pid) != ERR_OK)
			pid = 0;
		ident = slice_head(ident, i);
	}
	/* a clock that was wrong once must not let everything else look old */
	maillog_line_parse_entry(time < c->now ? time : c->now, ident, s, ret);
	ret->host = host;
	ret->pid = (uint32_t)pid;
	return ERR_OK;
}
