/*
 * smtp_client: hands one message to a mail server that we trust (a service of
 * our own Postfix), as a state machine: bytes in, commands and message bytes
 * out. No I/O, no clock: the caller ends what takes too long. One command at
 * a time, no pipelining; each recipient has an answer of its own; the message
 * is streamed, with dots stuffed.
 *
 * Use: feed replies, send what is in out; while smtp_client_wants_body, give
 * the next bytes (smtp_client_add), at their end smtp_client_end; when
 * smtp_client_is_over, look at is_taken and smtp_client_has.
 * Memory: one reply line, one chunk of the message, a bit per recipient.
 * SPDX-License-Identifier: ISC
 */
#ifndef CORE_SMTP_CLIENT_H
#define CORE_SMTP_CLIENT_H
#include "core/envelope.h"

#define SMTP_CLIENT_LINE 1024         /* of a reply; the rest of a longer one is skipped */
#define SMTP_CLIENT_LINES 100         /* of one reply */
#define SMTP_CLIENT_OUT (256u << 10)  /* bytes waiting at most */
#define SMTP_CLIENT_HIGH (64u << 10)  /* no more message bytes are wanted above it */
#define SMTP_CLIENT_CHUNK (32u << 10) /* given at once, at most: stuffed it is twice that */

enum smtp_step {
	SMTP_GREETING,
	SMTP_EHLO,
	SMTP_XFORWARD,
	SMTP_XFORWARD_MORE,
	SMTP_MAIL,
	SMTP_RCPT,
	SMTP_DATA,
	SMTP_BODY,
	SMTP_DOT,
	SMTP_OVER,
};

struct smtp_client {
	enum smtp_step step;
	bool is_taken;                /* the server has the message for those that it accepted */
	uint32_t accepted;            /* recipients */
	char reply[SMTP_CLIENT_LINE]; /* the last one that was not what we wanted */
	struct buf out;
	/* below: private */
	const struct envelope *envelope; /* borrowed */
	bool is_forwarded, has_xforward, has_8bit, has_utf8, has_size;
	size_t pos;  /* in the recipients */
	uint32_t at; /* recipient that was sent last */
	uint8_t has[(LMTP_RECIPIENTS + 7) / 8], skipped[(LMTP_RECIPIENTS + 7) / 8];
	char line[SMTP_CLIENT_LINE];
	size_t line_n;
	unsigned lines;
	char last[2]; /* message bytes sent last: where a line begins */
};

/* is_forwarded: tell the server who the client was (XFORWARD). envelope has at least one recipient. */
void smtp_client_init(struct smtp_client *c, const struct envelope *envelope, bool is_forwarded);
void smtp_client_done(struct smtp_client *c);
/* Before the first reply: recipient i of the envelope is not to get it. */
void smtp_client_skip(struct smtp_client *c, uint32_t i);
/* Instead of a greeting comes the reply to a final dot that was sent before. */
void smtp_client_resume(struct smtp_client *c);
void smtp_client_feed(struct smtp_client *c, struct slice in);
bool smtp_client_wants_body(const struct smtp_client *c);
/* At most SMTP_CLIENT_CHUNK bytes, while wanted. */
void smtp_client_add(struct smtp_client *c, struct slice chunk);
/* That was all of it: the final dot. */
void smtp_client_end(struct smtp_client *c);
bool smtp_client_is_over(const struct smtp_client *c);
/* Has the server said yes to recipient i? It has the message once it is taken. */
bool smtp_client_accepts(const struct smtp_client *c, uint32_t i);
/* Over: has the server taken the message for recipient i of the envelope? */
bool smtp_client_has(const struct smtp_client *c, uint32_t i);

#endif /* CORE_SMTP_CLIENT_H */
