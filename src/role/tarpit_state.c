/*
 * tarpit_state: what the engine and the log are told about this process.
 * SPDX-License-Identifier: ISC
 */
#include "role/tarpit.h"

#include "io/log.h"

#define TELL_SECONDS 10

void tarpit_state_tell(struct tarpit *t)
{
	uint8_t bytes[128];
	struct wr w = wr_init(bytes, sizeof bytes);
	struct msg_tarpit_state *s = &t->state;

	s->connections = t->count;
	s->held = t->held;
	s->tls = t->tls.count;
	s->pace_ms = tarpit_load_pace_ms(t);
	s->processes = t->host->part.count ? t->host->part.count : 1;
	s->is_paused = t->resume != NULL || s->pauses != t->told.pauses;
	s->held_s = (t->held_ms + t->held * t->now_ms - t->held_begun_ms) / 1000;
	message_put_tarpit_state(&w, MSG_TARPIT_STATE, s);
	t->told = *s;
	t->untold_s = 0;
	s->pause_ms = 0;
	(void)role_host_send(t->host, ROLE_ENGINE, &w, NULL, 0); /* the next one says more */
}

/* What a person would want to see at once. */
static bool is_changed(const struct tarpit *t)
{
	const struct msg_tarpit_state *was = &t->told, *is = &t->state;

	return was->cap != is->cap || was->why != is->why || was->tls_off != is->tls_off ||
	       was->is_paused != (is->pauses != was->pauses) || (was->connections == 0) != (t->count == 0);
}

void tarpit_state_second(struct tarpit *t)
{
	uint64_t lost = t->state.refused + t->state.shed;

	if (t->unlogged || t->untold)
		log_info("answered", "unlogged=%llu untold=%llu", (unsigned long long)t->unlogged,
			(unsigned long long)t->untold);
	if (lost != t->logged_lost)
		log_info("tarpit", "connections=%u held=%u refused=%llu shed=%llu pace_ms=%u", t->count, t->held,
			(unsigned long long)t->state.refused, (unsigned long long)t->state.shed,
			tarpit_load_pace_ms(t));
	t->logged_lost = lost;
	t->logged = t->unlogged = t->untold = 0;
	t->is_logged_pause = false;
	if (++t->untold_s >= TELL_SECONDS || is_changed(t))
		tarpit_state_tell(t);
}

/* How long those who come have waited for us, where more had come than one round takes. */
void tarpit_state_accepting(struct tarpit *t)
{
	uint64_t now = clock_mono_ms();

	if (t->is_left && now - t->left_ms > t->state.pause_ms)
		t->state.pause_ms = (uint32_t)(now - t->left_ms);
}

void tarpit_state_left(struct tarpit *t, bool is_left)
{
	t->is_left = is_left;
	t->left_ms = clock_mono_ms();
}
