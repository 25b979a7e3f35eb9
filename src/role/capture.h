/*
 * capture: what the files of the capture role share. capture.c is the role
 * (listeners, engine link, housekeeping), capture_connection.c moves bytes
 * between a socket and core/lmtp_session, capture_message.c takes a message
 * from DATA to its replies.
 *
 * The life of a message: DATA opens a corpus file; the final dot sends one
 * MSG_HIT per trap at once and puts the file into the sync queue; when its bytes
 * are on disk and every hit is acknowledged, it is published and the replies go
 * out. No hit stored means 451 and no file; whoever dies in between leaves no
 * file that no hit names, and Postfix sends the message again.
 * SPDX-License-Identifier: ISC
 */
#ifndef ROLE_CAPTURE_H
#define ROLE_CAPTURE_H
#include "core/content_grade.h"
#include "core/lmtp_session.h"
#include "io/corpus.h"
#include "role/role_host.h"

#include <sys/queue.h>

#define CAPTURE_CONNECTIONS 200
#define CAPTURE_INPUT (64u << 10) /* bytes read from a connection and not yet worked on */
#define CAPTURE_ACK_MS 30000      /* the engine has this long */
#define CAPTURE_STOP_MS 2000      /* transactions under way have this long when we stop */
#define CAPTURE_SYNC_BATCH 4      /* files synced in one round of the loop; others' hits go out in between */
#define CAPTURE_REPORT_S 10
#define CAPTURE_SWEEP_S 3600
#define CAPTURE_SWEEP_NAMES 2000 /* looked at in one second */

enum capture_fate { FATE_RIDER, FATE_PENDING, FATE_STORED, FATE_KNOWN, FATE_LATER };

struct capture_connection {
	TAILQ_ENTRY(capture_connection) all, sync;
	struct capture *capture;
	struct loop_watch *watch;
	int fd;
	bool is_eof;
	struct buf in;
	struct lmtp_session session;
	struct content_grade grade;
	struct corpus_file file;
	/* message between final dot and replies */
	bool is_syncing;    /* in capture.syncing */
	bool is_publishing; /* in capture.publishing */
	uint64_t first_seq; /* hit of recipient i has first_seq + i */
	uint32_t pending;   /* hits not acknowledged yet */
	uint64_t ack_deadline_ms;
	uint8_t fate[LMTP_RECIPIENTS]; /* enum capture_fate */
};
TAILQ_HEAD(capture_connections, capture_connection);

struct capture {
	struct role_host *host;
	struct corpus *corpus;
	struct loop_watch *listen[ROLE_LISTENERS];
	struct loop_watch *tick, *sync, *stop;
	struct capture_connections all, syncing, publishing;
	uint32_t connections;
	uint64_t next_seq;
	uint64_t report_s, sweep_s; /* wall clock: when next */
	bool was_full;
	bool is_stopping;
};

/* Accept one connection from a listener; takes fd. */
void capture_connection_open(struct capture *c, int fd);
/* Work on what has been read, send, and wait for what comes next. May free it. */
void capture_connection_run(struct capture_connection *k);
/* At once, without a word. */
void capture_connection_close(struct capture_connection *k);
/* Told by connection_close: there is room again, or nobody is left. */
void capture_freed(struct capture *c);

void capture_message_begin(struct capture_connection *k);
void capture_message_add(struct capture_connection *k, struct slice s);
/* Final dot: afterwards the session has its replies, or is in LMTP_STATE_WAIT. */
void capture_message_end(struct capture_connection *k);
/* The engine's word on one hit, from whatever message. */
void capture_message_acked(struct capture *c, uint64_t seq, enum hit_ack result);
/* What is still pending will not come: 451. */
void capture_message_give_up(struct capture_connection *k);
/* Sync the next files of the queue, publish those whose hits are stored. */
void capture_message_sync(struct capture *c);

#endif /* ROLE_CAPTURE_H */
