/*
 * answer: the SMTP server that a blocked client meets when the firewall turns
 * its connections to us, as a state machine: bytes and time in, bytes and
 * events out. No I/O, no clock, no mail: nothing is ever accepted here.
 *
 * It says the same words as the policy layer (core/reply_text), at RCPT or,
 * where the site wants to hold the client longer, after the final dot. Mail to
 * postmaster@ and abuse@ (conf always_open) is an event: the caller connects
 * the client with the real Postfix, or says that it cannot.
 *
 * Texts are not stored but written anew for each piece that is sent, so that a
 * connection costs sizeof(struct answer) and the client's HELO and MAIL. While
 * a reply is not sent, no input is taken: leave it in the kernel (MSG_PEEK),
 * where it holds the client instead of our memory.
 *
 * Use: loop { answer_feed until it gives ANSWER_EVENT_NONE and takes nothing;
 * answer_out, send, answer_sent } until answer_is_over.
 * SPDX-License-Identifier: ISC
 */
#ifndef CORE_ANSWER_H
#define CORE_ANSWER_H
#include "base/buf.h"
#include "core/block_index.h"
#include "core/conf.h"

#define ANSWER_LINE 1024             /* one command with CRLF; longer ones are refused */
#define ANSWER_ENDLESS 32768         /* bytes of one line, then the session ends */
#define ANSWER_HELO 255              /* longer names are cut */
#define ANSWER_ERRORS 20             /* wrong commands, then the session ends */
#define ANSWER_COMMANDS 500          /* of any kind */
#define ANSWER_RECIPIENTS 100        /* asked for */
#define ANSWER_TOLD 32               /* ... of which so many are events */
#define ANSWER_DATA_BYTES (1u << 20) /* of one message; then it is refused as if it had ended */
#define ANSWER_IDLE_MS 300000u       /* RFC 5321 4.5.3.2.7: without a line, or without a byte that we could send */
#define ANSWER_SESSION_MS (6 * UINT64_C(3600000))
#define ANSWER_TEXT 1024 /* no reply is longer */

/* What all sessions share. May change between two calls; pace_ms does so with the load. */
struct answer_site {
	const struct conf *conf; /* contact, always_open */
	const char *host;        /* our name in replies */
	const char *name;        /* behind "ESMTP" in the banner; "" none */
	uint32_t pace_ms;        /* from one byte to the next, to those who are held */
	uint16_t code;           /* of refusals; 0: as the block says */
	bool is_to_data;         /* those who are held are refused after the final dot, not at RCPT */
	bool has_tls;            /* STARTTLS is offered */
};

enum answer_state {
	ANSWER_STATE_FRESH,     /* before HELO */
	ANSWER_STATE_READY,     /* no transaction */
	ANSWER_STATE_SENDER,    /* MAIL given */
	ANSWER_STATE_RECIPIENT, /* and a RCPT that was answered 250 */
	ANSWER_STATE_DATA,
	ANSWER_STATE_ASKING, /* HAND_THROUGH: nothing is read until answer_hand */
	ANSWER_STATE_TLS,    /* 220 is being sent, then the caller's handshake, then answer_secured */
	ANSWER_STATE_HANDED, /* the caller's now */
	ANSWER_STATE_CLOSED, /* send what is left, then close */
};

enum answer_event {
	ANSWER_EVENT_NONE,
	ANSWER_EVENT_HELO,         /* ret_text: its name */
	ANSWER_EVENT_SENDER,       /* ret_text: the address, without brackets, as it stands; "" the null sender */
	ANSWER_EVENT_RECIPIENT,    /* ret_text: the address, without brackets, as it stands */
	ANSWER_EVENT_HAND_THROUGH, /* the same, and it is in always_open: answer_hand must follow */
	ANSWER_EVENT_MESSAGE,      /* a final dot, of which the data are gone */
	ANSWER_EVENT_TLS,          /* STARTTLS */
};

struct answer {
	uint64_t begun_ms, next_ms, deadline_ms;
	char *line; /* a command of which only a part has come, or NULL */
	char *kept; /* HELO and MAIL for answer_hand: two strings, or NULL */
	uint32_t until;
	uint32_t data_bytes;
	uint16_t code;
	uint16_t line_n, text_at;
	uint16_t commands, recipients; /* so far */
	char case_id[CASE_ID_TEXT];
	uint8_t state; /* enum answer_state */
	uint8_t text;  /* what is being sent; 0: nothing */
	uint8_t then;  /* what comes after it */
	uint8_t errors, data_state;
	bool is_held; /* byte by byte, at the site's pace */
	bool is_skipping, is_extended, is_secure;
};

/*
 * is_held: the tarpit. now_ms: a clock that only goes forward; wall_s: Unix
 * seconds. The greeting is ready to be sent.
 */
void answer_init(struct answer *a, const struct block_entry *block, bool is_held, uint64_t now_ms, uint64_t wall_s);
void answer_done(struct answer *a);
/*
 * Work on the front of *in and cut off what was used. ret_text: what the event
 * tells; good until the next call and while *in's memory is. Takes nothing
 * while a reply waits to be sent.
 */
enum answer_event answer_feed(
	struct answer *a, const struct answer_site *site, uint64_t now_ms, struct slice *in, struct slice *ret_text);
/* The bytes that may be sent now, in scratch (a buffer with a cap of ANSWER_TEXT or more, for all sessions). */
struct slice answer_out(const struct answer *a, const struct answer_site *site, uint64_t now_ms, struct buf *scratch);
/* n bytes of that were sent; scratch as answer_out left it. */
void answer_sent(
	struct answer *a, const struct answer_site *site, uint64_t now_ms, const struct buf *scratch, size_t n);
/* After ANSWER_EVENT_HAND_THROUGH. True: the state is HANDED, the client's next bytes are for Postfix. */
void answer_hand(struct answer *a, bool is_handed);
/* What the client said before, to be said to Postfix: "name", "FROM:<a@b> SIZE=1". Good until the next feed. */
struct slice answer_helo(const struct answer *a);
struct slice answer_mail(const struct answer *a);
/* After the handshake: the client begins anew, in secret. */
void answer_secured(struct answer *a, uint64_t now_ms);
/* Right after answer_init: 421 in place of the greeting, then the end. */
void answer_turn_away(struct answer *a);
/* The block has ended: 421 after what is being sent. Also when we must stop. */
void answer_release(struct answer *a);
/* True: close it. Nothing more will be sent, or the client's time is up. */
bool answer_is_over(const struct answer *a, uint64_t now_ms);
/* When to call again if nothing comes: the next byte, or the end. */
uint64_t answer_wake_ms(const struct answer *a);
static inline bool answer_is_reading(const struct answer *a)
{
	return !a->text && a->state <= ANSWER_STATE_DATA;
}

#endif /* CORE_ANSWER_H */
