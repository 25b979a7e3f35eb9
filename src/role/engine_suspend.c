/*
 * engine_suspend: a trap that people seem to write to is suspended, with an
 * alarm; its hits stay, and the blocks that it set off are for a person to look
 * at. Only traps that became armed by themselves: where a file says state=armed
 * a person has decided, and only hears of it. Whole domains are never suspended
 * by one of their addresses.
 *
 * What was seen is kept in memory and goes into the trap's record with its
 * counters (engine_suspend_store), where a later life of the engine finds it.
 * SPDX-License-Identifier: ISC
 */
#include <stdio.h>

#include "core/trap_quality.h"
#include "io/log.h"
#include "role/engine_trap.h"

static bool is_correspondent(const struct engine *e, const char *sender)
{
	struct address a;

	return address_parse(slice_str(sender), &a) == ERR_OK && a.domain.n && keymap_get(&e->correspondents, a.domain);
}

static void tell(struct engine *e, const struct trap *trap, const char *what)
{
	char key[32], text[240];

	(void)snprintf(key, sizeof key, "doubt T-%u", trap->id);
	(void)snprintf(text, sizeof text,
		"trap T-%u gets mail from hosts that send you good mail, as if somebody lived there: %s; what it set "
		"off: limetwig block remove --trap T-%u --dry-run",
		trap->id, what, trap->id);
	engine_alarm(e, "trap-doubt", key, text);
}

/* The record first: the files are read again, and a trap that no file arms stays suspended by it. */
static void suspend(struct engine *e, uint32_t trap_id)
{
	const struct trap *found = engine_trap_by_id(e, trap_id);
	struct trap *trap = found ? trap_table_get(e->traps, slice_str(trap_table_text(e->traps, found))) : NULL;
	struct record_trap r;
	const char *text;

	if (!trap || trap->state != TRAP_ARMED)
		return;
	if (trap->kind != TRAP_EXACT) {
		tell(e, trap, "a domain or pattern is not suspended by itself");
		return;
	}
	text = trap_table_text(e->traps, trap);
	if (engine_trap_record(e, text, &r) != ERR_OK)
		return;
	r.suspended = 1;
	r.quality = (struct trap_quality){ 0 };
	if (engine_trap_save(e, text, &r) != ERR_OK || store_flush(e->store) != ERR_OK) {
		tell(e, trap, "it could not be suspended, the store takes no writes");
		return;
	}
	log_info("trap", "trap=T-%u state=suspended reason=\"plausible mail\"", trap->id);
	tell(e, trap, "suspended, if no file says state=armed");
	engine_trap_reload(e, NULL, NULL);
}

void engine_suspend_store(const struct engine *e, uint32_t trap_id, struct record_trap *r)
{
	const struct trap_quality *q = keymap_get(&e->trap_quality, slice_of(&trap_id, sizeof trap_id));

	if (q)
		r->quality = *q;
}

/* What an earlier life of ours has seen; none is fine. */
static void load_quality(struct engine *e, uint32_t trap_id, struct trap_quality *ret)
{
	const struct trap *trap = engine_trap_by_id(e, trap_id);
	struct record_trap r;

	if (trap && engine_trap_record(e, trap_table_text(e->traps, trap), &r) == ERR_OK)
		*ret = r.quality;
}

void engine_suspend_note(
	struct engine *e, uint32_t trap_id, const struct prefix *host, const char *sender, uint64_t now)
{
	double good = engine_good(e, host, now);
	uint8_t key[RECORD_KEY];
	bool is_new;
	void *v;

	if (!(good > 0) || keymap_put(&e->trap_quality, slice_of(&trap_id, sizeof trap_id), &v, &is_new) != ERR_OK)
		return;
	if (is_new)
		load_quality(e, trap_id, v);
	if (!trap_quality_note(
		    v, siphash64(e->digest_key, record_subject_key(host, key)), good, is_correspondent(e, sender), now))
		return;
	(void)keymap_del(&e->trap_quality, slice_of(&trap_id, sizeof trap_id));
	suspend(e, trap_id);
}
