/*
 * hand: says one transaction of a blocked client to the real Postfix: mail to
 * postmaster@ and abuse@ that came to the answerer. Bytes of Postfix in,
 * commands and message bytes out, Postfix's own replies for the client. No I/O,
 * no clock: the caller ends what takes too long.
 *
 * Nothing that the client typed is passed as a line: recipients are made anew
 * from a checked address, HELO and MAIL are single lines (core/answer sees to
 * that), and of the message only CRLF.CRLF ends it for us and for Postfix: a CR
 * or LF that stands alone never leaves this file.
 *
 * The first line is PROXY (version 1): with smtpd_upstream_proxy_protocol=haproxy
 * Postfix takes the client's address from it, looks up the name itself and counts
 * him under its own limits, which it does not after XCLIENT.
 *
 * Use: hand_begin, hand_recipient; hand_feed until it says something;
 * more hand_recipient; hand_data; hand_body until its end; hand_feed.
 * SPDX-License-Identifier: ISC
 */
#ifndef CORE_HAND_H
#define CORE_HAND_H
#include "base/buf.h"
#include "base/ipaddr.h"

#define HAND_LINE 600          /* of a reply; the rest of a longer line is dropped */
#define HAND_REPLY 900         /* of a whole reply; further lines are dropped */
#define HAND_LINES 100         /* of one reply */
#define HAND_OUT (64u << 10)   /* bytes waiting for Postfix at most */
#define HAND_HIGH (16u << 10)  /* no message bytes are taken above it */
#define HAND_SLACK (64u << 10) /* beyond the size that Postfix announces; then it has refused the message anyway */

enum hand_step {
	HAND_GREETING,
	HAND_HELO,
	HAND_MAIL,
	HAND_RECIPIENT,
	HAND_READY, /* at least one recipient was taken: the client is next */
	HAND_DATA,
	HAND_BODY,
	HAND_DOT,
	HAND_OVER, /* say no more; reply tells the client why, or is empty */
};

/* What has become of the last thing asked. The reply is the client's; empty: Postfix cannot be reached. */
enum hand_says {
	HAND_SAYS_NOTHING, /* yet */
	HAND_SAYS_TAKEN,   /* the recipient */
	HAND_SAYS_REFUSED, /* the recipient; those before it wait for a DATA, which fails when the step is OVER */
	HAND_SAYS_SEND,    /* the message: 354 */
	HAND_SAYS_OVER,    /* the whole transaction, well or not */
};

struct hand {
	enum hand_step step;
	struct buf out;         /* for Postfix */
	char reply[HAND_REPLY]; /* of whole lines, without the last CRLF */
	size_t reply_n;
	uint64_t bytes;   /* of the message, as sent */
	uint64_t size;    /* that Postfix takes; 0: any, or not known */
	uint32_t taken;   /* recipients */
	uint16_t code;    /* of reply */
	bool is_accepted; /* Postfix has taken the message */
	/* below: private */
	struct buf helo, mail, recipient; /* commands that wait */
	char line[HAND_LINE];
	size_t line_n;
	unsigned lines;
	unsigned body; /* enum body_state */
};

/* Who the client is, and what he said; borrowed for the call. */
struct hand_client {
	struct ipaddr client, server; /* of one family */
	uint16_t port;
	bool is_extended;        /* EHLO */
	struct slice helo, mail; /* "name", "" none; "FROM:<a@b> SIZE=1" */
};

/* ERR_NOMEM, ERR_LIMIT; ERR_SYNTAX: not one line each, or not one family. hand_done in any case. */
enum err hand_begin(struct hand *h, const struct hand_client *c) MUST_USE;
void hand_done(struct hand *h);
/* At the beginning, or in READY. ERR_SYNTAX: characters that no such address needs. */
enum err hand_recipient(struct hand *h, struct slice local, struct slice domain) MUST_USE;
/* Bytes of Postfix. Stops behind what it says something about. */
enum hand_says hand_feed(struct hand *h, struct slice *in);
/* Postfix is gone, or too slow. */
enum hand_says hand_lost(struct hand *h);
/* In READY: DATA. */
enum hand_says hand_data(struct hand *h);
/*
 * In BODY: bytes of the message from the client, as far as there is room for
 * them in out. True: it has ended, Postfix's word follows. Too long: step is OVER.
 */
bool hand_body(struct hand *h, struct slice *in);
static inline bool hand_wants_body(const struct hand *h)
{
	return h->step == HAND_BODY && h->out.n < HAND_HIGH;
}
/* The client has thought better of it: QUIT, where Postfix would hear it. */
void hand_quit(struct hand *h);

#endif /* CORE_HAND_H */
