/*
 * tarpit_hand: mail to postmaster@ and abuse@ from the tarpit's clients to the
 * real Postfix. Each function may end a transaction; the client's connection is
 * closed by tarpit_talk only.
 * SPDX-License-Identifier: ISC
 */
#ifndef ROLE_TARPIT_HAND_H
#define ROLE_TARPIT_HAND_H
#include "core/hand.h"
#include "role/tarpit.h"

#define TARPIT_HAND_EACH 2           /* of one blocked subject at once */
#define TARPIT_HAND_REPLY_MS 120000  /* Postfix may take so long for a reply, connection and checks included */
#define TARPIT_HAND_CLIENT_MS 900000 /* and the client for his recipients and his message, however he sends them */
#define TARPIT_HAND_DOT_MS 600000    /* and after the final dot (RFC 5321 4.5.3.2.6) */

/* ANSWER_EVENT_HAND_THROUGH: path is the recipient. */
void tarpit_hand_recipient(struct tarpit *t, struct tarpit_conn *c, struct slice path);
/* ANSWER_EVENT_HAND_DATA. */
void tarpit_hand_data(struct tarpit *t, struct tarpit_conn *c);
/* Is there room for bytes of its message? */
bool tarpit_hand_wants(const struct tarpit *t, const struct tarpit_conn *c);
/* Bytes of its message; what was used is cut off. */
void tarpit_hand_body(struct tarpit *t, struct tarpit_conn *c, struct slice *in);
/* The client may have ended its transaction by a command. */
void tarpit_hand_check(struct tarpit *t, const struct tarpit_conn *c);
/* The client's connection is being closed. */
void tarpit_hand_drop(struct tarpit *t, const struct tarpit_conn *c);
/* MSG_HAND_SOCKET; fd -1: none. */
void tarpit_hand_socket(struct tarpit *t, const struct msg_mail_socket *m, int fd);
/* Each second: those for whom Postfix takes too long, and who take too long themselves. */
void tarpit_hand_tick(struct tarpit *t, uint64_t now_ms);

#endif /* ROLE_TARPIT_HAND_H */
