/*
 * answer: the SMTP server that a blocked client meets when the firewall turns
 * its connections to us, as a state machine: bytes and time in, bytes and
 * events out. No I/O, no clock, no mail: nothing is ever accepted here.
 *
 * It says the same words as the policy layer (core/reply_text), at RCPT or,
 * where the site wants to hold the client longer, after the final dot. Mail to
 * postmaster@ and abuse@ (conf always_open) is an event: the caller says it to the
 * real Postfix (core/hand) and gives Postfix's reply back, or says that it cannot.
 * In such a transaction the client is never slowed down.
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
#define ANSWER_TLS_MS 30000u         /* for a handshake */
#define ANSWER_IDLE_MS 300000u       /* RFC 5321 4.5.3.2.7: without a line, or without a byte that we could send */
#define ANSWER_SESSION_MS (6 * 3600000u)
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
	bool is_tls_busy;        /* ... and answered 454 for the moment */
	bool has_hand;           /* mail to always_open is handed through; else it is refused like any */
	const char *const *says; /* FEEDS_MAX texts of lists, as core/feed_text has them, or NULL; NULL: none has any */
};

enum answer_state {
	ANSWER_STATE_FRESH,     /* before HELO */
	ANSWER_STATE_READY,     /* no transaction */
	ANSWER_STATE_SENDER,    /* MAIL given */
	ANSWER_STATE_RECIPIENT, /* and a RCPT that was answered 250 */
	ANSWER_STATE_DATA,
	ANSWER_STATE_ASKING, /* Postfix: nothing is read until answer_hand */
	ANSWER_STATE_TLS,    /* 220 is being sent, then the caller's handshake, then answer_secured */
	ANSWER_STATE_HANDED, /* message bytes for Postfix: the caller reads them, then answer_asks and answer_hand */
	ANSWER_STATE_CLOSED, /* send what is left, then close */
};

enum answer_event {
	ANSWER_EVENT_NONE,
	ANSWER_EVENT_HELO,         /* ret_text: its name */
	ANSWER_EVENT_SENDER,       /* ret_text: the address, without brackets, as it stands; "" the null sender */
	ANSWER_EVENT_RECIPIENT,    /* ret_text: the address, without brackets, as it stands */
	ANSWER_EVENT_HAND_THROUGH, /* the same, and it is in always_open: answer_hand must follow */
	ANSWER_EVENT_HAND_DATA,    /* DATA to Postfix: answer_hand must follow */
	ANSWER_EVENT_MESSAGE, /* a final dot; after answer_sample ret_text: the last bytes with it, else the data are gone */
	ANSWER_EVENT_TLS,  /* STARTTLS */
	ANSWER_EVENT_DATA, /* after answer_sample: ret_text: bytes of the message as they came */
};

struct answer {
	uint64_t begun_ms;
	uint32_t next_ms, deadline_ms; /* behind begun_ms */
	char *line;                    /* a command of which only a part has come, or NULL */
	char *kept;                    /* HELO and MAIL for answer_hand: two strings, or NULL */
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
	uint8_t feed;     /* as in struct block_entry */
	bool is_held : 1; /* byte by byte, at the site's pace */
	bool is_skipping : 1, is_extended : 1, is_secure : 1;
	bool is_offered : 1;  /* STARTTLS stands in what EHLO was told: it must not change while it drips */
	bool is_released : 1; /* amid a handshake: 421 when it is over */
	bool is_sampled : 1;
	bool is_handed : 1; /* Postfix has taken a recipient of this transaction */
};

/* What has become of what was asked of Postfix. */
enum answer_handed {
	ANSWER_HANDED_TAKEN,   /* the recipient */
	ANSWER_HANDED_REFUSED, /* the recipient; those before it stay */
	ANSWER_HANDED_SEND,    /* 354: the state is HANDED */
	ANSWER_HANDED_OVER,    /* the transaction, well or not */
	ANSWER_HANDED_BROKEN,  /* amid the message: the session must end */
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
/* What the last event told is needed no more: its memory goes, for the time that the reply takes. */
void answer_forget_text(struct answer *a);
/*
 * The bytes that may be sent now, in scratch (a buffer with a cap of ANSWER_TEXT or more, for all sessions).
 * client: who it is; some lists tell him his address.
 */
struct slice answer_out(const struct answer *a, const struct answer_site *site, const struct ipaddr *client,
	uint64_t now_ms, struct buf *scratch);
/* n bytes of that were sent; scratch as answer_out left it. */
void answer_sent(
	struct answer *a, const struct answer_site *site, uint64_t now_ms, const struct buf *scratch, size_t n);
/* In ASKING and HANDED. reply: Postfix's, without the last CRLF; empty: it cannot be reached now. */
void answer_hand(struct answer *a, enum answer_handed what, struct slice reply);
/* In HANDED: the message has ended. */
void answer_asks(struct answer *a);
/* What the client said before, to be said to Postfix: "name", "FROM:<a@b> SIZE=1". Good until the next feed. */
struct slice answer_helo(const struct answer *a);
struct slice answer_mail(const struct answer *a);
/* From the next DATA on its bytes are events, or no more. They are not kept here. */
void answer_sample(struct answer *a, bool is_sampled);
/*
 * STARTTLS (the state is TLS): what the client has sent before he read the whole
 * 220 is nobody's and must be thrown away. Then his handshake, within ANSWER_TLS_MS.
 */
static inline bool answer_is_shaking(const struct answer *a)
{
	return a->state == ANSWER_STATE_TLS && !a->text;
}
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
/* A message as it came, from its first byte on, as it was meant: without the dots that SMTP put there. The new length. */
size_t answer_undot(char *p, size_t n);
static inline bool answer_is_reading(const struct answer *a)
{
	return !a->text && a->state <= ANSWER_STATE_DATA;
}

#endif /* CORE_ANSWER_H */
