/*
 * lmtp_session: the server side of one LMTP connection from Postfix (RFC 2033,
 * with XFORWARD), as a state machine: bytes and time in, replies and events
 * out. No I/O, no clock.
 *
 * Postfix turns every 5xx into a bounce to a forged sender, so that MAIL, RCPT,
 * DATA and the final dot are only ever answered 2xx, 3xx or 4xx. DSN is
 * announced and no DSN ever sent, else Postfix would send one itself. Only
 * CRLF.CRLF ends a message; bare CR, bare LF and NUL are data. Recipients are
 * all accepted; which are traps is the caller's business. RCPT without DATA
 * (address verification) is no event at all.
 *
 * Use: feed until it gives LMTP_EVENT_NONE; after LMTP_EVENT_END call
 * lmtp_session_finish, then feed on. Send what lmtp_session_out holds.
 * Memory: one line, the recipients and the replies, each capped; message
 * bytes pass through as chunks that borrow the input.
 * SPDX-License-Identifier: ISC
 */
#ifndef CORE_LMTP_SESSION_H
#define CORE_LMTP_SESSION_H
#include "base/buf.h"
#include "core/lmtp_command.h"

#define LMTP_LINE 4096                      /* one command line with CRLF; a longer one is skipped and refused */
#define LMTP_RECIPIENTS 1000                /* of one message; more are asked to come again */
#define LMTP_RECIPIENT_BYTES (1u << 20)     /* all their text */
#define LMTP_SENDER 1024                    /* longer ones are cut */
#define LMTP_OUT_HIGH (64u << 10)           /* replies waiting: no more commands are read above it */
#define LMTP_OUT (256u << 10)               /* ... at most: high water and 1,000 final replies */
#define LMTP_ERRORS 50                      /* wrong commands, then the connection ends */
#define LMTP_IDLE_MS 300000                 /* RFC 5321 4.5.3.2.7 */
#define LMTP_DATA_BYTES (UINT64_C(8) << 30) /* a longer message ends the connection */

enum lmtp_state {
	LMTP_STATE_FRESH,     /* before LHLO */
	LMTP_STATE_READY,     /* no transaction */
	LMTP_STATE_SENDER,    /* MAIL given */
	LMTP_STATE_RECIPIENT, /* and at least one RCPT */
	LMTP_STATE_DATA,
	LMTP_STATE_WAIT,   /* final dot seen, the caller has not answered yet */
	LMTP_STATE_CLOSED, /* send what is in out, then close */
};

enum lmtp_event {
	LMTP_EVENT_NONE,  /* all input used, or: out is high, waiting for finish, closed */
	LMTP_EVENT_BEGIN, /* DATA: sender, recipients and client are complete */
	LMTP_EVENT_CHUNK, /* message bytes, dots unstuffed */
	LMTP_EVENT_END,   /* final dot */
};

struct lmtp_recipient {
	struct slice address; /* of RCPT TO, without brackets, as it stands */
	struct slice orcpt;   /* of ORCPT, decoded, without its type; can be forged */
};

struct lmtp_session {
	enum lmtp_state state;
	uint64_t deadline_ms; /* close when the caller's clock is beyond it (not in WAIT) */
	struct lmtp_client client;
	char sender[LMTP_SENDER]; /* "" is the null sender */
	struct buf recipients;    /* u16 n, u16 n, address, orcpt ... */
	uint32_t recipient_count;
	bool is_8bit, is_utf8; /* BODY=8BITMIME, SMTPUTF8 of MAIL */
	uint64_t data_bytes;   /* of this message so far */
	struct buf out;
	/* below: private */
	uint64_t data_max;
	const char *host;
	uint8_t data_state;
	bool is_skipping; /* the rest of a line that is too long */
	uint32_t errors;
	size_t line_n;
	char line[LMTP_LINE];
};

/* Puts the greeting into out. host: in replies; borrowed. data_max: LMTP_DATA_BYTES, less in tests. */
void lmtp_session_init(struct lmtp_session *s, const char *host, uint64_t data_max, uint64_t now_ms);
void lmtp_session_done(struct lmtp_session *s);
/*
 * Work on the front of *in and cut what was used off it. ret_chunk: with
 * LMTP_EVENT_CHUNK, good until *in's memory changes.
 */
enum lmtp_event lmtp_session_feed(struct lmtp_session *s, uint64_t now_ms, struct slice *in, struct slice *ret_chunk);
/* Recipients in order: *pos starts at 0; false at the end. */
bool lmtp_session_recipient(const struct lmtp_session *s, size_t *pos, struct lmtp_recipient *ret);
/* The same for recipients that are kept elsewhere. ERR_LIMIT, ERR_NOMEM: nothing added. */
enum err lmtp_recipient_add(struct buf *to, struct slice address, struct slice orcpt) MUST_USE;
bool lmtp_recipient_next(const struct buf *recipients, size_t *pos, struct lmtp_recipient *ret);
/*
 * In LMTP_STATE_WAIT: one reply per recipient, 250 where is_kept[i], else 451.
 * is_kept NULL: 451 to all. The transaction is over then.
 */
void lmtp_session_finish(struct lmtp_session *s, const bool *is_kept, uint64_t now_ms);
/* Say 421 and end; in WAIT the final replies (451) come first. */
void lmtp_session_close(struct lmtp_session *s, const char *reason);

#endif /* CORE_LMTP_SESSION_H */
