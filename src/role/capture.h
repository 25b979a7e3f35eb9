/*
 * capture: what the files of the capture role share. capture.c is the role
 * (listeners, engine link, housekeeping), capture_connection.c moves bytes
 * between a socket and core/lmtp_session, capture_message.c takes a message
 * from DATA to its replies, capture_back.c hands one back to Postfix.
 *
 * The life of a message: DATA opens a corpus file; the final dot sends one
 * MSG_HIT per trap at once and puts the file into the sync queue; when its bytes
 * are on disk and every hit is acknowledged, it is published and the replies go
 * out. No hit stored means 451 and no file; whoever dies in between leaves no
 * file that no hit names, and Postfix sends the message again.
 *
 * Riders (real recipients; Postfix sends them along where riders = junk or
 * withhold): once the hits are stored, the engine says what becomes of them:
 * the message is kept and Postfix hears 250, or it is handed back to Postfix,
 * and each rider hears what Postfix answered. No answer, no room, no Postfix:
 * 451, and it stays in the queue. What was handed back is noted (capture_note.c),
 * so that nobody gets it twice when it comes again after our death.
 * SPDX-License-Identifier: ISC
 */
#ifndef ROLE_CAPTURE_H
#define ROLE_CAPTURE_H
#include "core/content_grade.h"
#include "core/envelope.h"
#include "core/smtp_client.h"
#include "io/corpus.h"
#include "io/handed.h"
#include "role/role_host.h"

#include <sys/queue.h>

#define CAPTURE_CONNECTIONS 200
#define CAPTURE_INPUT (64u << 10) /* bytes read from a connection and not yet worked on */
#define CAPTURE_ACK_MS 30000      /* the engine has this long */
#define CAPTURE_STOP_MS 2000      /* transactions under way have this long when we stop */
#define CAPTURE_BACKS 64          /* messages on their way back to Postfix at once; more are asked to wait */
#define CAPTURE_NAMED 1000        /* of them to an address by name, in an hour */
#define CAPTURE_BACK_MS 120000    /* one of them may take so long until its final dot */
#define CAPTURE_DOT_MS 570000     /* and so long from then on: less than Postfix waits for us */
#define CAPTURE_RESUME_MS 60000   /* an answer to our predecessor has this long: it may not have sent its dot */
#define CAPTURE_OFFERS_MS 5000    /* after our start the parent has told of connections of our predecessor */
#define CAPTURE_SYNC_BATCH 4      /* files synced in one round of the loop; others' hits go out in between */
#define CAPTURE_REPORT_MS 10000
#define CAPTURE_SWEEP_MS 3600000u
#define CAPTURE_DOUBT_MS 3600000u /* after a start, and after a leap of the clock, retention rests so long */
#define CAPTURE_DOUBT_S 86400     /* a leap ahead that would let it delete what is young */
#define CAPTURE_SWEEP_NAMES 2000  /* looked at in one second */

/* OURS: no trap and nobody's address; shares the fate of the message. GIVEN: a rider that has got it, or shall not. */
enum capture_fate { FATE_OURS, FATE_RIDER, FATE_PENDING, FATE_STORED, FATE_KNOWN, FATE_LATER, FATE_GIVEN };
/* What is done about the riders of a message. */
enum capture_riders { CAPTURE_RIDERS_OPEN, CAPTURE_RIDERS_ASKED, CAPTURE_RIDERS_BACK, CAPTURE_RIDERS_DONE };

struct capture_back;

struct capture_connection {
	TAILQ_ENTRY(capture_connection) all, sync;
	struct capture *capture;
	struct loop_watch *watch;
	int fd;
	uint8_t queue; /* index of the Postfix instance it came from */
	bool is_eof;
	struct buf in;
	struct lmtp_session session;
	struct content_grade grade;
	struct corpus_file file;
	size_t trace;            /* bytes of ours in front of the message */
	size_t size_at;          /* in them: where its size is put */
	bool is_traceable;       /* they tell all */
	struct handed_hash hash; /* of a message with riders */
	uint8_t digest[HANDED_DIGEST];
	bool has_digest; /* it can be told when it comes again */
	/* message between final dot and replies */
	bool is_syncing;    /* in capture.syncing */
	bool is_publishing; /* in capture.publishing */
	bool was_published; /* or tried to be */
	bool is_lost;       /* the disk did not keep it, after its hit was sent: Postfix brings it again */
	uint8_t riders;     /* enum capture_riders */
	bool is_withheld;   /* the engine has said to keep it */
	struct msg_riders_do order;
	struct capture_back *back; /* on its way to Postfix; NULL */
	uint64_t ask_seq;
	uint64_t first_seq; /* hit of recipient i has first_seq + i */
	uint32_t pending;   /* hits not acknowledged yet */
	uint64_t ack_deadline_ms;
	uint8_t fate[LMTP_RECIPIENTS]; /* enum capture_fate */
};
TAILQ_HEAD(capture_connections, capture_connection);
TAILQ_HEAD(capture_backs, capture_back);

struct capture {
	uint64_t named, named_ms; /* released to an address by name, since */
	struct role_host *host;
	struct corpus *corpus;
	struct loop_watch *listen[ROLE_LISTENERS];
	struct {
		uint64_t hour;
		uint32_t taken;
	} samples; /* capture_sample.c */
	struct loop_watch *tick, *sync, *stop;
	struct capture_forget *forget; /* under way; capture_forget.c */
	struct capture_connections all, syncing, publishing;
	struct prefix_table trusted; /* core/received */
	struct capture_backs backs;
	struct handed *handed; /* NULL: no notes */
	uint64_t offers_ms;    /* monotonic: CAPTURE_OFFERS_MS are over */
	uint32_t back_count;
	uint32_t connections;
	uint64_t next_seq;
	uint64_t report_ms;          /* monotonic: when next */
	uint64_t sweep_ms, doubt_ms; /* the same; not before */
	int64_t clock_offset;        /* of the wall clock beside the monotonic one, in seconds */
	bool was_full;
	bool is_stopping;
};

/* Accept one connection from a listener of this Postfix instance; takes fd. */
void capture_connection_open(struct capture *c, int fd, unsigned queue);
/* Work on what has been read, send, and wait for what comes next. May free it. */
void capture_connection_run(struct capture_connection *k);
/* Send what the socket takes. False: the peer is gone. */
bool capture_connection_flush(int fd, struct buf *out);
/* At once, without a word. */
void capture_connection_close(struct capture_connection *k);
/* Told by connection_close: there is room again, or nobody is left. */
void capture_freed(struct capture *c);

void capture_message_begin(struct capture_connection *k);
void capture_message_add(struct capture_connection *k, struct slice s);
/* Final dot: afterwards the session has its replies, or is in LMTP_STATE_WAIT. */
void capture_message_end(struct capture_connection *k);
/* The engine's word on the riders of a message: they get it, marked or not. */
void capture_message_ordered(struct capture *c, const struct msg_riders_do *m);
/* Each rider has its fate now. */
void capture_message_given(struct capture_connection *k);
/* The engine's word on one hit, from whatever message; or: keep it. */
void capture_message_acked(struct capture *c, uint64_t seq, enum hit_ack result);
/* What is still pending will not come: 451. */
void capture_message_give_up(struct capture_connection *k);
/* Sync the next files of the queue, publish those whose hits are stored. */
void capture_message_sync(struct capture *c);

/* Look through the corpus; tells the engine when it is done. A search under way is given up. */
void capture_forget_start(struct capture *c, const struct msg_corpus_forget *m);
void capture_forget_stop(struct capture *c);

/* ---- capture_note.c: for messages with riders */
void capture_note_start(struct capture_connection *k);
void capture_note_add(struct capture_connection *k, struct slice s);
/* After the last byte: riders who have it, or may get it at this moment, have their fate. */
void capture_note_look(struct capture_connection *k);

/* ---- capture_back.c */
/* Hand k's message back for its riders; capture_message_given follows. False: not now. */
bool capture_back_begin(struct capture_connection *k);
/* Give a kept message to its riders or to one person, or only tell who they are; MSG_RIDERS follows. */
void capture_back_release(struct capture *c, const struct msg_riders_do *m);
/* The connection the parent was asked for, or one of our predecessor; takes fd (-1: none). */
void capture_back_socket(struct capture *c, const struct msg_mail_socket *m, int fd);
/* Nobody waits for it any more; after the final dot its answer is still noted. NULL is fine. */
void capture_back_leave(struct capture_back *b);
/* Is the attempt with this number under way? */
bool capture_back_is_open(const struct capture *c, uint64_t seq);
/* At once, whatever they wait for. */
void capture_back_drop_all(struct capture *c);
void capture_back_check(struct capture *c, uint64_t now_ms);

/* ---- capture_sample.c: fd stays the caller's. */
void capture_sample_take(struct capture *c, const struct msg_sample *m, int fd);

#endif /* ROLE_CAPTURE_H */
