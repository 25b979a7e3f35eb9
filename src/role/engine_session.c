/*
 * engine_session: the order of things.
 * SPDX-License-Identifier: ISC
 */
#include "role/engine_session.h"

#include <stdlib.h>

#define SWEEP 4096 /* places looked at each second */

enum err engine_session_start(struct engine *e)
{
	struct engine_sessions *x = calloc(1, sizeof *x);

	if (!x)
		return ERR_NOMEM;
	e->sessions = x;
	keymap_init(&x->kill, e->table_key, sizeof(struct engine_kill), ENGINE_KILLS);
	mx_order_init(&x->mx, e->table_key);
	mx_order_configure(&x->mx, &e->host->conf, engine_mono_s());
	return ERR_OK;
}

void engine_session_stop(struct engine *e)
{
	if (!e->sessions)
		return;
	keymap_done(&e->sessions->kill);
	mx_order_done(&e->sessions->mx);
	free(e->sessions);
	e->sessions = NULL;
}

void engine_session_tick(struct engine *e, uint64_t now)
{
	engine_kill_tick(e, now);
	mx_order_sweep(&e->sessions->mx, engine_mono_s(), SWEEP);
}

void engine_session_reloaded(struct engine *e)
{
	mx_order_configure(&e->sessions->mx, &e->host->conf, engine_mono_s());
}

bool engine_session_message(struct engine *e, enum message_type t, struct rd *body)
{
	union {
		struct msg_answered answered;
		struct msg_answered_end end;
		struct msg_fw_kill kill;
	} u;

	if (t == MSG_ANSWERED && message_get_answered(body, &u.answered) == ERR_OK)
		engine_policy_answered(e, &u.answered);
	else if (t == MSG_ANSWERED_END && message_get_answered_end(body, &u.end) == ERR_OK)
		engine_answered_end(e, &u.end);
	else if (t == MSG_FW_KILL && message_get_fw_kill(body, &u.kill) == ERR_OK)
		engine_kill_done(e, &u.kill);
	else
		return t == MSG_ANSWERED || t == MSG_ANSWERED_END || t == MSG_FW_KILL;
	return true;
}

void engine_session_status(const struct engine *e, json_t *j, json_t *warnings)
{
	const struct engine_sessions *x = e->sessions;

	engine_kill_status(e, j, warnings);
	if (mx_order_is_on(&x->mx))
		(void)json_object_set_new(j, "mx",
			json_pack("{s:I, s:I, s:I, s:b}", "visits", (json_int_t)x->visits, "misrouted",
				(json_int_t)x->misrouted, "networks", (json_int_t)x->mx.seen.count, "learning",
				engine_mono_s() < x->mx.started + x->mx.window_s));
	if (conf_has_tarpit(&e->host->conf))
		(void)json_object_set_new(j, "answered",
			json_pack("{s:I, s:I}", "connections", (json_int_t)x->answered, "seconds",
				(json_int_t)x->answer_s));
}
