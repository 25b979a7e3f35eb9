/*
 * engine_session: what the engine knows of single SMTP sessions, besides the
 * recipients that they name; and our own SMTP server, where blocked hosts have
 * theirs.
 *
 *   engine_session.c    start, stop, messages, status
 *   engine_kill.c       the session that brought a hit is closed (firewall kill-sessions)
 *   engine_mx.c         who came to the worse MX without the better one (section mx)
 *   engine_answered.c   connections of blocked hosts at our own SMTP server
 *   engine_share.c      the blocks, for it to read along
 *   engine_tarpit.c     how its processes are
 *   engine_export.c     how the exported files are; the list for limetwig export
 *   engine_dnsbl.c      how the DNS server is
 *   engine_update.c     how a primary DNS server takes our list
 *
 * SPDX-License-Identifier: ISC
 */
#ifndef ROLE_ENGINE_SESSION_H
#define ROLE_ENGINE_SESSION_H
#include "core/mx_order.h"
#include "role/engine.h"

#define ENGINE_KILLS 8192    /* sessions that brought a hit, remembered at once */
#define ENGINE_KILL_TELLS 50 /* resets asked for in a second */

struct engine_kill {
	struct ipaddr client;
	struct session_ends ends;
	uint64_t at;
	bool is_asked; /* the firewall role was asked to reset it */
};

struct engine_sessions {
	struct keymap kill;          /* struct engine_kill */
	uint64_t told;               /* sessions that heard 421 for it */
	uint64_t killed[8];          /* by enum fw_killed; ASK: asked */
	uint64_t visits, misrouted;  /* to the worse MX that looked wrong; hits of it */
	uint64_t answered, answer_s; /* connections that have ended at our own server, their seconds, since start */
	struct mx_order mx;
};

/* ---- engine_session.c */
enum err engine_session_start(struct engine *e) MUST_USE;
void engine_session_stop(struct engine *e);
void engine_session_tick(struct engine *e, uint64_t now);
void engine_session_reloaded(struct engine *e);
/* False: not one of ours. */
bool engine_session_message(struct engine *e, enum message_type t, struct rd *body);
void engine_session_status(const struct engine *e, json_t *j, json_t *warnings);

/* ---- engine_kill.c */
/* Which connection this request is about; ports 0: Postfix does not say. */
void engine_kill_ends(const struct policy_request *r, struct session_ends *ret);
/* This session brought a hit that its client is charged with. */
void engine_kill_note(struct engine *e, const struct ipaddr *client, const struct session_ends *ends);
/* Its client is blocked now: shall this session end? Asked once. */
bool engine_kill_is_due(struct engine *e, const struct policy_request *r, const struct gate_result *g);
void engine_kill_tick(struct engine *e, uint64_t now);
void engine_kill_done(struct engine *e, const struct msg_fw_kill *m);
void engine_kill_status(const struct engine *e, json_t *j, json_t *warnings);

/* ---- engine_mx.c */
/* A recipient was named, at one of our MX addresses or elsewhere. */
void engine_mx_rcpt(struct engine *e, const struct policy_request *r, const struct gate_result *g);

/* ---- engine_answered.c */
/* A connection at our own server has ended. */
void engine_answered_end(struct engine *e, const struct msg_answered_end *m);

/* ---- engine_policy.c: a recipient that a blocked client named there: the same as at the policy layer. */
void engine_policy_answered(struct engine *e, const struct msg_answered *m);

/* ---- engine_share.c: the blocks for the tarpit. changed: after an entry was added to the index. */
void engine_share_linked(struct engine *e, enum role peer);
/* The area that is complete; -1: not yet, it is begun. */
int engine_share_fd(struct engine *e);
void engine_share_changed(struct engine *e);
void engine_share_tick(struct engine *e);
void engine_share_stop(struct engine *e);

/* ---- engine_dnsbl.c */
void engine_dnsbl_message(struct engine *e, struct rd *body);
void engine_dnsbl_unlinked(struct engine *e);
void engine_dnsbl_status(const struct engine *e, json_t *j, json_t *warnings);

/* ---- engine_export.c */
void engine_export_message(struct engine *e, struct rd *body);
void engine_export_unlinked(struct engine *e);
void engine_export_status(const struct engine *e, json_t *j, json_t *warnings);

/* ---- engine_update.c */
void engine_update_message(struct engine *e, struct rd *body);
void engine_update_unlinked(struct engine *e);
void engine_update_status(const struct engine *e, json_t *j, json_t *warnings);

/* ---- engine_tarpit.c */
void engine_tarpit_message(struct engine *e, enum role peer, const struct msg_tarpit_state *m);
void engine_tarpit_unlinked(struct engine *e, enum role peer);
void engine_tarpit_stop(struct engine *e);
/* Processes of it that are not up, as far as the engine knows how many there should be. */
unsigned engine_tarpit_down(const struct engine *e);
void engine_tarpit_status(const struct engine *e, json_t *j, json_t *warnings);

#endif /* ROLE_ENGINE_SESSION_H */
