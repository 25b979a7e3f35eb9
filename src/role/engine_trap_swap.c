/*
 * engine_trap_swap: a table that was read and checked comes into force, and
 * Postfix's alias map with it. Order (DESIGN 3): map before engine when traps
 * are added, engine before map when they go. A stretch of traps per round of
 * the loop: a million of them never keep a query waiting.
 * SPDX-License-Identifier: ISC
 */
#include "role/engine_trap.h"

#include <stdlib.h>
#include <unistd.h>

#include "io/log.h"

#define MAP_TEXT_MAX (8u << 20) /* of a stretch */
#define STORE_WAIT_MS 5
#define TRAPS_AT_ONCE 500 /* each may read and write the store: some milliseconds */

static enum err map_line(struct buf *to, const struct trap_table *t, const struct trap *trap, char sign)
{
	const char *text = trap_table_text(t, trap);

	if (trap->kind == TRAP_PATTERN)
		return ERR_OK;
	return trap->kind == TRAP_DOMAIN ? buf_printf(to, "%cD %s\n", sign, text + 1)
					 : buf_printf(to, "%cA %s\n", sign, text);
}

static bool is_armed_in(struct trap_table *t, const char *text)
{
	const struct trap *trap = t ? trap_table_get(t, slice_str(text)) : NULL;

	return trap && trap->state == TRAP_ARMED;
}

static enum err line_of_new(struct engine *e, struct trap_table *table, const struct trap *trap)
{
	struct engine_traps *t = e->trap_job;
	bool is_old;

	if (trap->state != TRAP_ARMED)
		return ERR_OK;
	is_old = is_armed_in(e->traps, trap_table_text(table, trap));
	t->in_map += trap->kind != TRAP_PATTERN;
	t->added += !is_old;
	return t->is_full || !is_old ? map_line(&t->lines, table, trap, '+') : ERR_OK;
}

static enum err line_of_old(struct engine *e, struct trap *trap)
{
	struct engine_traps *t = e->trap_job;

	if (trap->state != TRAP_ARMED || is_armed_in(t->table, trap_table_text(e->traps, trap)))
		return ERR_OK;
	t->removed++;
	engine_trap_set_state(e, trap, TRAP_RETIRED);
	return t->is_full ? ERR_OK : map_line(&t->lines, e->traps, trap, '-');
}

/* Some of the lines that bring the map to what the new table says. False: these were the last, or it failed. */
static bool make_lines(struct engine *e, enum err *ret)
{
	struct engine_traps *t = e->trap_job;
	size_t news = trap_table_count(t->table), all = news + (e->traps ? trap_table_count(e->traps) : 0);
	size_t end = t->at + TRAPS_AT_ONCE;

	for (*ret = ERR_OK; *ret == ERR_OK && t->at < all && t->at < end; t->at++)
		*ret = t->at < news ? line_of_new(e, t->table, trap_table_at(t->table, t->at))
				    : line_of_old(e, trap_table_at(e->traps, t->at - news));
	if (*ret == ERR_OK && t->lines.n) {
		*ret = engine_trap_write(&t->lines_fd, buf_slice(&t->lines));
		t->lines_n += t->lines.n;
		buf_reset(&t->lines);
	}
	return *ret == ERR_OK && t->at < all;
}

/* What the store does not know yet: a new trap, one that is armed now. */
static void note_armed(struct engine *e, struct trap_table *table, struct trap *trap, uint64_t now)
{
	bool is_armed_now = trap->state == TRAP_ARMED && !trap->armed_at, is_known;
	struct record_trap r;

	if (!is_armed_now && !trap->is_new)
		return;
	is_known = !trap->is_new && engine_trap_record(e, trap_table_text(table, trap), &r) == ERR_OK;
	if (!is_known)
		r = (struct record_trap){ .id = trap->id, .first_seen = trap->first_seen };
	if (is_armed_now) {
		r.armed_at = trap->armed_at = now;
		r.suspended = 0;
	}
	trap->is_new = false;
	e->trap_job->unstored += engine_trap_save(e, trap_table_text(table, trap), &r) != ERR_OK;
}

/* The writer is not to be drowned: what others have to store must find room beside it. */
static bool is_store_busy(struct engine *e)
{
	uint64_t lost;

	return store_room(e->store) < STORE_QUEUE / 2 && store_state(e->store, &lost) == ERR_OK;
}

/* Piece by piece: it is hundreds of megabytes. */
static void free_old(void *ctx)
{
	struct engine_traps *t = ((struct engine *)ctx)->trap_job;

	if (!trap_table_free_some(t->old) && loop_again(t->old_timer, 0) == ERR_OK)
		return;
	t->old = NULL;
	loop_remove(t->old_timer);
	t->old_timer = NULL;
}

static void give_back(struct engine *e, struct trap_table *old)
{
	struct engine_traps *t = e->trap_job;

	trap_table_free(t->old); /* two loads within milliseconds: then the first was small */
	t->old = old;
	loop_remove(t->old_timer);
	t->old_timer = old ? loop_after(e->host->loop, 0, free_old, e) : NULL;
	if (old && !t->old_timer) {
		trap_table_free(old);
		t->old = NULL;
	}
}

static void swap_in(struct engine *e)
{
	struct engine_traps *t = e->trap_job;
	struct trap_table *old = e->traps;

	if (t->unstored)
		log_warn("trap", "count=%zu text=\"armed, not stored\"", t->unstored);
	e->traps = t->table;
	t->table = NULL;
	trap_patterns_free(e->patterns);
	e->patterns = t->patterns;
	t->patterns = NULL;
	free(e->trap_by_id);
	e->trap_by_id = t->by_id;
	t->by_id = NULL;
	e->trap_ids = t->next_id;
	t->due = t->next_due;
	t->bad = t->new_bad;
	memcpy(t->bad_line, t->new_bad_line, sizeof t->bad_line);
	memcpy(t->by_state, t->new_by_state, sizeof t->by_state);
	log_info("traps", "count=%zu in_map=%u added=%u removed=%u bad=%u", trap_table_count(e->traps), t->in_map,
		t->added, t->removed, t->bad);
	give_back(e, old);
	engine_trap_load_drop(t);
	engine_hit_loaded(e);
	engine_trap_wake(e);
}

static void arm_some(void *ctx)
{
	struct engine *e = ctx;
	struct engine_traps *t = e->trap_job;
	size_t end = is_store_busy(e) ? t->at : t->at + TRAPS_AT_ONCE;
	uint64_t now = clock_wall_s();

	for (; t->at < trap_table_count(t->table) && t->at < end; t->at++) {
		struct trap *trap = trap_table_at(t->table, t->at);

		if (trap->id < t->next_id)
			t->by_id[trap->id] = (uint32_t)t->at + 1;
		note_armed(e, t->table, trap, now);
		t->new_by_state[trap->state]++;
	}
	if (t->at < trap_table_count(t->table))
		engine_trap_later(e, is_store_busy(e) ? STORE_WAIT_MS : 0, arm_some);
	else
		swap_in(e);
}

static void arm_start(struct engine *e)
{
	struct engine_traps *t = e->trap_job;

	t->phase = TRAP_ARM;
	t->at = t->unstored = 0;
	memset(t->new_by_state, 0, sizeof t->new_by_state);
	t->by_id = calloc(t->next_id, sizeof *t->by_id);
	if (t->by_id)
		arm_some(e);
	else
		engine_trap_load_failed(e);
}

static void map_failed(struct engine *e, const char *text)
{
	struct engine_traps *t = e->trap_job;

	t->is_synced = t->is_map_ok = false;
	slice_copy(slice_str(text), t->map_text, sizeof t->map_text);
	engine_alarm(e, "alias-map", "alias-map", text);
}

static void lines_start(struct engine *e);

static void lines_drop(struct engine_traps *t)
{
	buf_done(&t->lines);
	if (t->lines_fd >= 0)
		(void)close(t->lines_fd);
	t->lines_fd = -1;
	t->lines_n = 0;
}

static void lines_done(struct engine *e, enum err err)
{
	struct engine_traps *t = e->trap_job;
	bool is_first = !e->traps;

	if (!t->is_synced && !t->is_full) { /* aliasmap went away meanwhile */
		lines_start(e);
		return;
	}
	t->phase = TRAP_MAP;
	if (err == ERR_OK && t->lines_fd < 0) /* the empty map */
		err = engine_trap_write(&t->lines_fd, (struct slice){ 0 });
	if (err == ERR_OK && t->lines_n == 0 && !t->is_full) {
		arm_start(e);
	} else if (err != ERR_OK ||
		   !engine_trap_send_fd(e, MSG_MAP_APPLY, t->map_seq = ++t->seq, t->is_full, t->lines_fd)) {
		map_failed(e, "the alias map could not be written: the map helper is not there");
		arm_start(e);
	} else if (is_first) {
		arm_start(e); /* the map still has what it had before the restart: do not make hits wait for it */
	}
	lines_drop(t);
}

static void lines_some(void *ctx)
{
	struct engine *e = ctx;
	enum err err;

	if (make_lines(e, &err))
		engine_trap_later(e, 0, lines_some);
	else
		lines_done(e, err);
}

static void lines_start(struct engine *e)
{
	struct engine_traps *t = e->trap_job;

	t->phase = TRAP_LINES;
	t->is_full = !t->is_synced;
	t->at = 0;
	t->added = t->removed = t->in_map = 0;
	lines_drop(t);
	buf_init(&t->lines, MAP_TEXT_MAX);
	lines_some(e);
}

void engine_trap_put_in_force(struct engine *e)
{
	lines_start(e);
}

void engine_trap_map_done(struct engine *e, const struct msg_map_done *m)
{
	struct engine_traps *t = e->trap_job;

	if (m->seq != t->map_seq)
		return;
	if (m->is_ok) {
		t->is_synced = t->is_map_ok = true;
		slice_copy(slice_str(m->text), t->map_text, sizeof t->map_text);
	} else {
		map_failed(e, m->text);
	}
	if (t->phase == TRAP_MAP)
		arm_start(e);
}
