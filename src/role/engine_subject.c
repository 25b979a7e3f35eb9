/*
 * engine_subject: score state and block of one subject. The store shows only
 * what is committed, so an entry stays cached at least until its newest write
 * is durable; else two hits within one commit would lose one.
 * SPDX-License-Identifier: ISC
 */
#include "role/engine.h"

static bool keep_subject(void *value, void *ctx)
{
	const struct engine_subject *s = value;

	return s->is_unsaved || s->ticket > *(const uint64_t *)ctx;
}

static void drop_written(struct engine *e)
{
	(void)keymap_retain(&e->subjects, 0, keep_subject, &e->durable);
}

/* Blocks are in force before they are on disk: what the store refused goes there as soon as it takes writes. */
static void save_late(struct engine *e)
{
	size_t pos = 0;
	struct engine_subject *s;
	uint64_t lost;

	if (!e->is_block_unsaved || store_state(e->store, &lost) != ERR_OK)
		return;
	e->is_block_unsaved = false;
	while ((s = keymap_next(&e->subjects, &pos)) != NULL)
		if (s->is_unsaved && engine_subject_save_block(e, s) != ERR_OK)
			return;
}

void engine_subject_sweep(struct engine *e)
{
	save_late(e);
	if (e->subjects.count > ENGINE_SUBJECTS / 2)
		drop_written(e);
}

static void read_stored(struct engine *e, struct engine_subject *s, struct slice key)
{
	uint8_t value[RECORD_VALUE];
	size_t n;

	if (store_get(e->store, TABLE_HIT_SUM, key, value, sizeof value, &n) == ERR_OK &&
		record_get_hit_sum(slice_of(value, n), &s->sum) != ERR_OK)
		s->sum = (struct record_hit_sum){ 0 };
	if (store_get(e->store, TABLE_BLOCK, key, value, sizeof value, &n) == ERR_OK)
		s->has_block = record_get_block(slice_of(value, n), &s->block) == ERR_OK;
}

struct engine_subject *engine_subject_get(struct engine *e, const struct prefix *p)
{
	uint8_t key_bytes[RECORD_KEY];
	struct slice key = record_subject_key(p, key_bytes);
	struct engine_subject *s;
	bool is_new;
	void *v;
	enum err err = keymap_put(&e->subjects, key, &v, &is_new);

	if (err == ERR_FULL) {
		drop_written(e);
		err = keymap_put(&e->subjects, key, &v, &is_new);
	}
	if (err != ERR_OK)
		return NULL;
	s = v;
	if (is_new) {
		s->prefix = *p;
		read_stored(e, s, key);
	}
	return s;
}

enum err engine_subject_save_sum(struct engine *e, struct engine_subject *s)
{
	uint8_t key[RECORD_KEY], value[RECORD_VALUE];
	struct wr w = wr_init(value, sizeof value);
	uint64_t ticket;

	record_put_hit_sum(&w, &s->sum);
	ticket = w.bad ? 0 : store_put(e->store, TABLE_HIT_SUM, record_subject_key(&s->prefix, key), wr_slice(&w));
	if (ticket)
		s->ticket = ticket;
	return ticket ? ERR_OK : ERR_FULL;
}

enum err engine_subject_save_block(struct engine *e, struct engine_subject *s)
{
	uint8_t key[RECORD_KEY], value[RECORD_VALUE];
	struct wr w = wr_init(value, sizeof value);
	uint64_t ticket = 0;

	s->has_block = true;
	record_put_block(&w, &s->block);
	if (!w.bad && store_put(e->store, TABLE_CASE, slice_str(s->block.case_id), wr_slice(&w)))
		ticket = store_put(e->store, TABLE_BLOCK, record_subject_key(&s->prefix, key), wr_slice(&w));
	if (ticket)
		s->ticket = ticket;
	s->is_unsaved = ticket == 0;
	if (s->is_unsaved)
		e->is_block_unsaved = true;
	return ticket ? ERR_OK : ERR_FULL;
}

double engine_good(struct engine *e, const struct prefix *p, uint64_t now)
{
	uint8_t key[RECORD_KEY];
	const struct engine_ledger *l = keymap_get(&e->ledger, record_subject_key(p, key));

	return l ? ledger_good(&l->record, now) : 0;
}
