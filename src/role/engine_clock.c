/*
 * engine_clock: the clock of this machine is set while we run. Seen by the
 * monotonic one beside it, said aloud, and kept from doing harm: retention
 * rests after a leap, and after a start, since the clock may come back; after a leap back
 * the blocks are loaded again, those of the future from now on, and who was
 * allowed for a time that is not over yet is so again. A clock that is right again before anybody looked was noted by whoever made a block.
 * SPDX-License-Identifier: ISC
 */
#include <stdio.h>

#include "io/log.h"
#include "role/engine.h"

#define STEP_S 60         /* less is how NTP works */
#define DOUBT_S 86400     /* a leap ahead that would arm a trap which nobody has watched */
#define DOUBT_MS 3600000u /* so long after a step, or a start, the clock is not believed */

static void blocks_again(struct engine *e)
{
	enum err err = store_flush(e->store);

	e->is_tame_due = false;
	e->is_taming = true;
	if (err == ERR_OK)
		err = engine_block_load(e);
	e->is_taming = false;
	if (err != ERR_OK)
		log_warn("clock", "error=\"%s\" text=\"blocks could not be loaded again\"", err_name(err));
	if (!engine_allow_renew(e)) /* it ends with a list for the kernel */
		engine_block_sync(e);
}

/* Wall clock less the monotonic one, s. */
static int64_t offset_now(uint64_t mono_ms)
{
	return (int64_t)clock_wall_s() - (int64_t)(mono_ms / 1000);
}

static bool is_step(int64_t step)
{
	return step <= -STEP_S || step >= STEP_S;
}

void engine_clock_note(struct engine *e)
{
	e->has_clock_moved |= e->has_clock && is_step(offset_now(clock_mono_ms()) - e->clock_offset);
}

static void say(struct engine *e, int64_t step)
{
	char text[200];

	if (is_step(step))
		(void)snprintf(text, sizeof text,
			"the clock was set %s by %lld s%s: see timedatectl, and limetwig block list",
			step < 0 ? "back" : "ahead", (long long)(step < 0 ? -step : step),
			step < 0 ? "" : ", or this machine has slept");
	else
		(void)snprintf(text, sizeof text,
			"the clock was set and set back within a second: see timedatectl, and limetwig block list");
	engine_alarm(e, "clock", step < 0 ? "clock-back" : "clock-ahead", text);
}

void engine_clock_tick(struct engine *e)
{
	uint64_t mono_ms = clock_mono_ms();
	int64_t offset = offset_now(mono_ms), step = offset - e->clock_offset;
	bool has_moved = e->has_clock_moved;

	e->clock_offset = offset;
	e->has_clock_moved = false;
	if (!e->has_clock) {
		e->has_clock = true;
		e->clock_step_ms = e->clock_start_ms = mono_ms;
		return;
	}
	if (!is_step(step) && !has_moved) {
		if (e->is_tame_due && engine_clock_is_settled(e))
			blocks_again(e);
		return;
	}
	e->clock_step_ms = mono_ms;
	if (step < 0) /* what the log told before this start is told of times before it */
		e->started = e->started > (uint64_t)-step ? e->started - (uint64_t)-step : 0;
	if (step >= DOUBT_S)
		e->clock_doubt_ms = mono_ms + DOUBT_MS;
	say(e, step);
	if (step < 0) /* when the next of them is old enough was reckoned by the clock that was ahead */
		engine_trap_reload(e, NULL, NULL);
	if (step <= -STEP_S || has_moved)
		blocks_again(e);
	else
		engine_block_sync(e); /* what is over by the new time is not over for the kernel */
}

bool engine_clock_is_doubtful(const struct engine *e)
{
	return e->clock_doubt_ms && clock_mono_ms() < e->clock_doubt_ms;
}

bool engine_clock_is_settled(const struct engine *e)
{
	return clock_mono_ms() - e->clock_step_ms >= DOUBT_MS;
}

bool engine_clock_may_delete(const struct engine *e)
{
	return !engine_clock_is_doubtful(e) && clock_mono_ms() - e->clock_start_ms >= DOUBT_MS;
}

static void begin_now(struct record_block *b, uint64_t now)
{
	uint64_t early = b->since - now;

	b->since = now;
	b->until -= early < b->until ? early : b->until;
	b->forget_at -= early < b->forget_at ? early : b->forget_at;
}

bool engine_clock_tame(struct engine *e, struct slice key, struct slice value, uint64_t now, uint64_t *ret_until)
{
	uint8_t out[RECORD_VALUE];
	struct wr w = wr_init(out, sizeof out);
	struct engine_subject *s;
	struct record_block b;

	if (record_get_block(value, &b) != ERR_OK || b.since <= now + ENGINE_FUTURE_S || b.until <= b.since)
		return false;
	if (!e->is_taming) {
		e->is_tame_due = true;
		return false;
	}
	begin_now(&b, now);
	record_put_block(&w, &b);
	if (w.bad)
		return false;
	(void)store_put(e->store, TABLE_BLOCK, key, wr_slice(&w));
	(void)store_put(e->store, TABLE_CASE, slice_str(b.case_id), wr_slice(&w));
	s = keymap_get(&e->subjects, key);
	if (s && s->has_block && strcmp(s->block.case_id, b.case_id) == 0)
		begin_now(&s->block, now);
	log_warn("clock", "case=%s text=\"the block began in the future: from now on\"", b.case_id);
	*ret_until = b.until;
	return true;
}
