/*
 * engine_command_rows: blocks, allow entries and traps as short rows, a page at
 * a time: whoever lists millions of them (spamdb) keeps no query waiting. A
 * page looks at ROWS_LOOKED records at most, so it can be empty and yet not the
 * last; "next" is the cursor for the one behind it.
 * SPDX-License-Identifier: ISC
 */
#include <stdio.h>

#include "base/num.h"
#include "role/engine.h"

#define ROWS_LOOKED 1000
#define CURSOR_TEXT 64

struct page {
	json_t *rows;
	uint64_t now;
	struct prefix after; /* the last one looked at */
	bool has_after, is_full, is_enforcing;
	unsigned looked;
	json_int_t would;
};

/* Another record of the store. False: pass it over; or the page is full. */
static bool page_step(struct page *p, struct slice key)
{
	struct prefix subject;

	if (record_subject_parse(key, &subject) != ERR_OK || (p->has_after && prefix_eq(&subject, &p->after)))
		return false;
	if (p->looked++ == ROWS_LOOKED) {
		p->is_full = true;
		return false;
	}
	p->after = subject;
	p->has_after = true;
	return true;
}

static json_t *trapped_row(const struct record_block *b)
{
	char subject[PREFIX_TEXT];

	return json_pack("[s, s, I]", "TRAPPED", prefix_format(&b->subject, subject), (json_int_t)b->until);
}

static json_t *white_row(const struct prefix *p, uint64_t since, uint64_t until)
{
	char text[PREFIX_TEXT];

	return json_pack("[s, s, I, I]", "WHITE", prefix_format(p, text), (json_int_t)since, (json_int_t)until);
}

static json_t *trap_row(const struct engine *e, const struct trap *t)
{
	return json_pack("[s, o]", "SPAMTRAP", engine_json_text(trap_table_text(e->traps, t)));
}

/*
 * Addresses alone: a sender at a shared provider has none of his own. What a feed
 * has blocked is not ours: listed, a feed that is made of this list would keep it for ever.
 */
static bool is_trapped(const struct record_block *b, uint64_t now)
{
	return decide_block_is_active(b, now) && b->cause != CAUSE_FEED && !subject_is_identity(&b->subject);
}

static bool on_block(struct slice key, struct slice value, void *ctx)
{
	struct page *p = ctx;
	struct record_block b;

	if (!page_step(p, key))
		return !p->is_full;
	if (record_get_block(value, &b) != ERR_OK || !is_trapped(&b, p->now))
		return true;
	if (p->is_enforcing)
		(void)json_array_append_new(p->rows, trapped_row(&b));
	else
		p->would++;
	return true;
}

static bool on_allow(struct slice key, struct slice value, void *ctx)
{
	struct page *p = ctx;
	struct record_allow r;

	if (!page_step(p, key))
		return !p->is_full;
	if (record_get_allow(value, &r) == ERR_OK && (!r.until || r.until > p->now))
		(void)json_array_append_new(p->rows, white_row(&r.prefix, r.since, r.until));
	return true;
}

/* False: the cursor is none. */
static bool store_page(struct engine *e, enum table table, store_fn fn, const char *cursor, struct page *p)
{
	uint8_t bytes[RECORD_KEY];
	struct slice from = { 0 };

	if (cursor) {
		if (prefix_parse(slice_str(cursor), &p->after) != ERR_OK)
			return false;
		p->has_after = true;
		from = record_subject_key(&p->after, bytes);
	}
	return store_scan(e->store, table, (struct slice){ 0 }, from, false, fn, p) == ERR_OK;
}

static bool trapped_page(struct engine *e, const char *cursor, struct page *p, char next[CURSOR_TEXT])
{
	p->is_enforcing = engine_is_enforcing(e);
	if (!store_page(e, TABLE_BLOCK, on_block, cursor, p))
		return false;
	if (p->is_full)
		(void)prefix_format(&p->after, next);
	return true;
}

/* The lines of the allow files from this byte on. */
static void file_page(struct engine *e, uint64_t from, struct page *p, char next[CURSOR_TEXT])
{
	struct slice all = buf_slice(&e->allow_text.text), rest = slice_from(all, from < all.n ? from : all.n), line;

	for (unsigned i = 0; i < ROWS_LOOKED && slice_line(&rest, &line); i++) {
		struct allow_line l;
		bool is_any;

		if (allow_line_parse(line, &l, &is_any) == ERR_OK && is_any && l.form == ALLOW_PREFIX)
			(void)json_array_append_new(p->rows, white_row(&l.prefix, 0, 0));
	}
	if (rest.n)
		(void)snprintf(next, CURSOR_TEXT, "file %zu", all.n - rest.n);
}

/* What was set by command, then the files: "file BYTE". */
static bool white_page(struct engine *e, const char *cursor, struct page *p, char next[CURSOR_TEXT])
{
	uint64_t from;

	if (cursor && strncmp(cursor, "file ", 5) == 0) {
		if (num_parse(slice_str(cursor + 5), UINT32_MAX, &from) != ERR_OK)
			return false;
		file_page(e, from, p, next);
		return true;
	}
	if (!store_page(e, TABLE_ALLOW, on_allow, cursor, p))
		return false;
	if (p->is_full)
		(void)prefix_format(&p->after, next);
	else
		(void)snprintf(next, CURSOR_TEXT, "file 0");
	return true;
}

/* Those in force or on their way; the cursor is the last one's number, so that a new table goes on where it stood. */
static bool trap_page(struct engine *e, const char *cursor, struct page *p, char next[CURSOR_TEXT])
{
	size_t count = e->traps ? trap_table_count(e->traps) : 0, at = 0;
	uint64_t id = 0;

	if (cursor) {
		if (num_parse(slice_str(cursor), UINT32_MAX, &id) != ERR_OK || !engine_trap_by_id(e, (uint32_t)id))
			return false;
		at = e->trap_by_id[id];
	}
	for (size_t end = at + ROWS_LOOKED; at < count && (at < end || id == 0); at++) {
		const struct trap *t = trap_table_at(e->traps, at);

		if (t->kind != TRAP_PATTERN && (t->state == TRAP_ARMED || t->state == TRAP_WATCHING))
			(void)json_array_append_new(p->rows, trap_row(e, t));
		id = t->id;
	}
	if (at < count)
		(void)snprintf(next, CURSOR_TEXT, "%u", (unsigned)id);
	return true;
}

void engine_command_rows(struct engine *e, struct engine_call *c, const json_t *in)
{
	static const struct kind {
		const char *name;
		bool (*page)(struct engine *e, const char *cursor, struct page *p, char next[CURSOR_TEXT]);
		bool needs_admin;
	} kinds[] = { { "trapped", trapped_page, false }, { "white", white_page, false },
		{ "spamtrap", trap_page, true } };
	const char *name = engine_json_string(in, "kind");
	struct page p = { .rows = json_array(), .now = clock_wall_s() };
	char next[CURSOR_TEXT] = "";
	size_t i = 0;

	if (!engine_json_string(in, "after"))
		engine_call_settle(c);
	while (name && i < sizeof kinds / sizeof kinds[0] && strcmp(kinds[i].name, name) != 0)
		i++;
	if (!name || i == sizeof kinds / sizeof kinds[0])
		engine_answer_error(c, 2, "kind is trapped, white or spamtrap");
	else if (kinds[i].needs_admin && !engine_call_is_admin(c))
		engine_answer_error(c, 1, "trap addresses are shown to root and the group %s only",
			e->host->conf.storage.admin_group);
	else if (!kinds[i].page(e, engine_json_string(in, "after"), &p, next))
		engine_answer_error(c, 1, "the list has changed meanwhile, or cannot be read: once more");
	else
		engine_answer(c,
			json_pack("{s:O, s:s*, s:I}", "rows", p.rows, "next", next[0] ? next : NULL, "would", p.would));
	json_decref(p.rows);
}

/* ---- one key */

/* An entry of the allow list that is this very prefix. */
static void find_white(struct engine *e, const struct prefix *p, json_t *rows)
{
	uint8_t bytes[RECORD_KEY], value[RECORD_VALUE];
	struct record_allow r;
	struct allow_match m;
	char text[ALLOW_TEXT];
	struct prefix entry;
	size_t n;

	if (store_get(e->store, TABLE_ALLOW, record_subject_key(p, bytes), value, sizeof value, &n) == ERR_OK &&
		record_get_allow(slice_of(value, n), &r) == ERR_OK && (!r.until || r.until > clock_wall_s())) {
		(void)json_array_append_new(rows, white_row(p, r.since, r.until));
		return;
	}
	if (!allow_find(&e->allow, &p->addr, (struct slice){ 0 }, &m) || m.tier != ALLOW_TIER_NEVER)
		return;
	if (prefix_parse(slice_str(engine_allow_entry(e, &p->addr, &m, text)), &entry) == ERR_OK &&
		prefix_eq(&entry, p))
		(void)json_array_append_new(rows, white_row(p, 0, 0));
}

static void find_trapped(struct engine *e, const char *key, json_t *rows, json_int_t *would)
{
	struct engine_subject *s;
	struct prefix p;

	if (engine_find_subject(e, key, &p) != ERR_OK || !(s = engine_subject_get(e, &p)) || !s->has_block ||
		!is_trapped(&s->block, clock_wall_s()))
		return;
	if (engine_is_enforcing(e))
		(void)json_array_append_new(rows, trapped_row(&s->block));
	else
		++*would;
}

static bool find_trap(struct engine *e, const char *key, bool is_admin, json_t *rows)
{
	const struct trap *t = e->traps ? trap_table_get(e->traps, slice_str(key)) : NULL;

	if (!is_admin)
		return false;
	if (t && t->kind != TRAP_PATTERN && (t->state == TRAP_ARMED || t->state == TRAP_WATCHING))
		(void)json_array_append_new(rows, trap_row(e, t));
	return true;
}

void engine_command_row_find(struct engine *e, struct engine_call *c, const json_t *in)
{
	const char *key = engine_json_string(in, "key");
	json_int_t would = 0;
	struct prefix p;
	json_t *rows;

	if (!key) {
		engine_answer_error(c, 2, "key is missing");
		return;
	}
	rows = json_array();
	if (prefix_parse(slice_str(key), &p) == ERR_OK) {
		find_white(e, &p, rows);
		find_trapped(e, key, rows, &would);
	} else if (!find_trap(e, key, engine_call_is_admin(c), rows)) {
		json_decref(rows);
		engine_answer_error(c, 1, "trap addresses are shown to root and the group %s only",
			e->host->conf.storage.admin_group);
		return;
	}
	engine_answer(c, json_pack("{s:o, s:I}", "rows", rows, "would", would));
}
