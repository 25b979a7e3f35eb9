/*
 * engine_trap_load: trap files become a new table, some thousand lines at a
 * time. Bad lines are collected with number and reason; the rest loads.
 * SPDX-License-Identifier: ISC
 */
#include "role/engine_trap.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "io/log.h"

#define LINES_AT_ONCE 250        /* each reads the store: some milliseconds */
#define COUNT_AT_ONCE (4u << 20) /* bytes whose lines are counted: some milliseconds */
#define CHECKS_AT_ONCE 10000     /* addresses in one question to aliasmap, so that it stays to be reached */
#define CHECK_TEXT_MAX (16u << 20)
#define DOMAIN_TEXT_MAX (32u << 20)
#define WAIT_MS 5  /* for the disk */
#define AGAIN_S 30 /* after a load that failed */
#define DOUBT_AGAIN_S 600

void engine_trap_load_drop(struct engine_traps *t)
{
	for (uint32_t i = 0; i < t->files; i++)
		engine_trap_text_free(&t->file[i]);
	free(t->file);
	t->file = NULL;
	t->files = t->at_file = t->at_line = 0;
	keymap_done(&t->domain);
	buf_done(&t->domain_text);
	free(t->check);
	t->check = NULL;
	t->checks = t->checks_size = t->checked = t->asked = 0;
	t->is_counted = false;
	t->lines_there = 0;
	buf_done(&t->lines);
	if (t->lines_fd >= 0)
		(void)close(t->lines_fd);
	t->lines_fd = -1;
	t->lines_n = 0;
	free(t->by_id);
	t->by_id = NULL;
	trap_table_free(t->table);
	t->table = NULL;
	trap_patterns_free(t->patterns);
	t->patterns = NULL;
	loop_remove(t->timer);
	t->timer = NULL;
	t->phase = TRAP_IDLE;
}

/* It does not come into force. What it did to the map and to removed traps the next does not know of: that writes all. */
static void drop_unfinished(struct engine_traps *t)
{
	if (t->phase >= TRAP_LINES) {
		t->is_synced = false;
		t->map_seq = 0;
	}
	engine_trap_load_drop(t);
}

void engine_trap_load_failed(struct engine *e)
{
	struct engine_traps *t = e->trap_job;
	uint64_t again = clock_wall_s() + AGAIN_S;

	log_alarm("trap-file", "text=\"no memory, the traps in force stay\"");
	drop_unfinished(t);
	t->due = t->due < again ? t->due : again;
	engine_trap_wake(e);
}

void engine_trap_later(struct engine *e, uint64_t ms, void (*fn)(void *ctx))
{
	struct engine_traps *t = e->trap_job;

	loop_remove(t->timer);
	t->timer = loop_after(e->host->loop, ms, fn, e);
	if (!t->timer)
		engine_trap_load_failed(e);
}

void engine_trap_bad_line(struct engine_traps *t, uint32_t file, unsigned line, const char *reason)
{
	struct engine_bad_line *b;
	const char *path = file < t->files ? t->file[file].path : "?";

	if (t->new_bad < ENGINE_BAD_LINES) {
		b = &t->new_bad_line[t->new_bad];
		slice_copy(slice_str(path), b->file, sizeof b->file);
		b->line = line;
		slice_copy(slice_str(reason), b->reason, sizeof b->reason);
	}
	if (t->new_bad++ < ENGINE_BAD_LINES)
		log_warn("trap-file", "file=%s line=%u text=\"%s\"", path, line, reason);
}

/* Id and history: from the table in force, the store, or new: then it is stored when the table comes into force. */
static enum err give_identity(struct engine *e, struct engine_traps *t, const char *text, uint64_t now,
	struct record_trap *ret, bool *ret_is_new)
{
	struct trap *old = e->traps ? trap_table_get(e->traps, slice_str(text)) : NULL;
	enum err err = engine_trap_record(e, text, ret);

	*ret_is_new = false;
	if (err != ERR_NOTFOUND)
		return err;
	*ret = (struct record_trap){ .id = old ? old->id : t->next_id,
		.first_seen = old ? old->first_seen : now,
		.armed_at = old ? old->armed_at : 0 };
	*ret_is_new = !old;
	t->next_id += !old;
	return ERR_OK;
}

/* First seen while the clock was ahead: from now on, else it would be watched for as long as that, too. */
static void tame_first_seen(struct engine *e, const char *text, uint64_t now, struct record_trap *r)
{
	if (r->first_seen <= now + ENGINE_FUTURE_S || !engine_clock_is_settled(e))
		return;
	r->first_seen = now;
	if (engine_trap_save(e, text, r) != ERR_OK)
		log_warn("trap", "trap=T-%u text=\"first seen in the future: from now on, not stored\"", r->id);
}

static enum trap_state state_of(
	struct engine *e, struct engine_traps *t, const struct trap_line *l, const struct record_trap *r, uint64_t now)
{
	uint64_t due = r->first_seen + e->host->conf.traps.watch_s;

	if (l->state != TRAP_AUTO)
		return l->state;
	if (r->suspended)
		return TRAP_SUSPENDED;
	if (e->host->conf.traps.watch_s == 0) /* whatever the clock says */
		return TRAP_ARMED;
	if (due <= now && !r->armed_at && engine_clock_is_doubtful(e))
		due = now + DOUBT_AGAIN_S; /* nobody has watched it while the clock leapt */
	if (r->first_seen > now + ENGINE_FUTURE_S)
		due = now + DOUBT_AGAIN_S; /* since when it is watched is not known before the clock is settled */
	if (due <= now)
		return TRAP_ARMED;
	if (due < t->next_due)
		t->next_due = due;
	return TRAP_WATCHING;
}

static bool note_check(struct engine_traps *t, uint32_t trap, uint32_t line)
{
	if (t->checks == t->checks_size) {
		size_t size = t->checks_size ? t->checks_size * 2 : 256;
		struct trap_check *c = reallocarray(t->check, size, sizeof *c);

		if (!c)
			return false;
		t->check = c;
		t->checks_size = size;
	}
	t->check[t->checks++] = (struct trap_check){ trap, t->at_file, line };
	return true;
}

static bool is_asked_for(const struct conf *c, enum trap_kind k)
{
	return k != TRAP_PATTERN && c->traps.live_check;
}

static bool add_pattern(struct engine_traps *t, const struct trap_line *l, uint32_t id)
{
	char why[120], reason[160];
	enum err err;

	if (!t->patterns)
		t->patterns = trap_patterns_new();
	if (!t->patterns)
		return false;
	err = trap_patterns_add(t->patterns, l->pattern, id, why, sizeof why);
	if (err == ERR_OK)
		return true;
	(void)snprintf(reason, sizeof reason, "pattern: %s", err == ERR_FULL ? "more than 100 of them" : why);
	engine_trap_bad_line(t, t->at_file, l->number, reason);
	return false;
}

static void one_trap(struct engine *e, struct engine_traps *t, const struct trap_line *l, uint64_t now)
{
	bool is_asked = is_asked_for(&e->host->conf, l->kind);
	struct record_trap r;
	struct trap *trap;
	const char *text;
	enum err err;

	if (l->kind == TRAP_EXACT && address_is_role(&l->address)) {
		engine_trap_bad_line(
			t, t->at_file, l->number, "a role address (postmaster, abuse ...) is never a trap");
		return;
	}
	err = trap_table_add(t->table, l, &trap);
	if (err != ERR_OK) {
		engine_trap_bad_line(
			t, t->at_file, l->number, err == ERR_EXISTS ? "is already a trap" : "too many traps");
		return;
	}
	text = trap_table_text(t->table, trap);
	err = give_identity(e, t, text, now, &r, &trap->is_new);
	if (err != ERR_OK) {
		trap->state = TRAP_RETIRED;
		engine_trap_bad_line(t, t->at_file, l->number, "the store could not give it a number");
		return;
	}
	if (l->kind == TRAP_PATTERN && !add_pattern(t, l, r.id)) {
		trap->state = TRAP_RETIRED;
		return;
	}
	tame_first_seen(e, text, now, &r);
	trap->id = r.id;
	trap->first_seen = r.first_seen;
	trap->armed_at = r.armed_at;
	trap->state = state_of(e, t, l, &r, now);
	/* a whole domain also where Postfix is not to be asked: one of free mail is no trap in either case */
	if ((is_asked || l->kind == TRAP_DOMAIN) && (trap->state == TRAP_ARMED || trap->state == TRAP_WATCHING))
		engine_trap_note_domain(t, l->address.domain);
	if (!is_asked)
		return;
	if (trap->state == TRAP_ARMED && r.armed_at == 0 &&
		!note_check(t, (uint32_t)(trap_table_count(t->table) - 1), l->number))
		trap->state = TRAP_WATCHING;
	else if (trap->state == TRAP_WATCHING && !(e->traps && trap_table_get(e->traps, slice_str(text))))
		(void)note_check(t, (uint32_t)(trap_table_count(t->table) - 1), l->number);
}

static struct trap *checked_trap(const struct engine_traps *t, size_t i)
{
	return trap_table_at(t->table, t->check[i].trap);
}

static void take_foreign(struct engine_traps *t, size_t i, struct slice domain)
{
	if (!engine_trap_is_trap_domain(t->table, domain))
		engine_trap_refuse_foreign(t, checked_trap(t, i), domain, t->check[i].file, t->check[i].line);
}

/* One line of the answer; *at: where in what was asked the search begins. The answer has the order of the question. */
static void take_live(struct engine_traps *t, struct slice line, size_t *at)
{
	size_t tab = slice_find(line, '\t'), i = *at;
	struct slice text = slice_head(line, tab);
	char why[ENGINE_BAD_REASON], reason[ENGINE_BAD_REASON + 20];
	struct trap *trap;
	bool is_foreign;

	while (i < t->asked && !slice_eq(slice_str(trap_table_text(t->table, checked_trap(t, i))), text))
		i++;
	if (i == t->asked)
		return;
	*at = i + 1;
	trap = checked_trap(t, i);
	if (trap->state == TRAP_RETIRED) /* with its domain */
		return;
	engine_trap_why_refused(line, why, &is_foreign);
	if (is_foreign) { /* one of those beyond TRAP_DOMAINS_MAX */
		take_foreign(t, i, slice_from(text, slice_rfind(text, '@') + 1));
		return;
	}
	trap->state = TRAP_RETIRED;
	(void)snprintf(reason, sizeof reason, "a %s, refused", why);
	engine_trap_bad_line(t, t->check[i].file, t->check[i].line, reason);
}

static void ask_live(void *ctx);

/* aliasmap has answered: live ones are taken out; without an answer nothing new is armed. */
static void live_done(void *ctx, bool is_ok, const char *text, struct slice lines)
{
	struct engine *e = ctx;
	struct engine_traps *t = e->trap_job;
	struct slice line;
	size_t at = t->checked;

	(void)text;
	if (t->phase != TRAP_LIVE)
		return;
	while (is_ok && slice_line(&lines, &line))
		take_live(t, line, &at);
	if (!is_ok && t->next_due > clock_wall_s() + 60) {
		log_warn("trap-file", "text=\"live check failed: new traps stay watching until it works\"");
		t->next_due = clock_wall_s() + 60;
	}
	for (; !is_ok && t->checked < t->asked; t->checked++)
		checked_trap(t, t->checked)->state = TRAP_WATCHING;
	t->checked = t->asked;
	engine_trap_later(e, 0, ask_live);
}

/* The next addresses; after the last the table comes into force. */
static void ask_live(void *ctx)
{
	struct engine *e = ctx;
	struct engine_traps *t = e->trap_job;
	struct buf text;

	loop_remove(t->timer);
	t->timer = NULL;
	if (t->checked == t->checks) {
		engine_trap_put_in_force(e);
		return;
	}
	buf_init(&text, CHECK_TEXT_MAX);
	t->asked = t->checked;
	while (t->asked < t->checks && t->asked < t->checked + CHECKS_AT_ONCE &&
		buf_printf(&text, "%s\n", trap_table_text(t->table, checked_trap(t, t->asked))) == ERR_OK)
		t->asked++;
	if (t->asked == t->checked) { /* no memory for one line */
		t->asked = t->checks;
		live_done(e, false, "", (struct slice){ 0 });
	} else {
		engine_trap_live_check(e, buf_slice(&text), live_done, e);
	}
	buf_done(&text);
}

void engine_trap_ask_live(struct engine *e)
{
	e->trap_job->phase = TRAP_LIVE;
	ask_live(e);
}

/* Numbers that a dropped load has stored must be readable, else a trap would get a second one. */
static bool is_store_behind(struct engine *e)
{
	uint64_t lost;

	return e->trap_job->ticket > e->durable && store_state(e->store, &lost) == ERR_OK;
}

static size_t count_lines(const char *p, size_t n)
{
	size_t lines = 0;

	for (size_t i = 0; i < n; i++)
		lines += p[i] == '\n';
	return lines;
}

void engine_trap_rewind(struct engine_traps *t)
{
	t->at_file = t->at_line = 0;
	t->rest = t->files ? slice_of(t->file[0].p, t->file[0].n) : (struct slice){ 0 };
}

bool engine_trap_next_line(struct engine_traps *t, struct slice *ret)
{
	while (!slice_line(&t->rest, ret)) {
		if (++t->at_file >= t->files)
			return false;
		t->rest = slice_of(t->file[t->at_file].p, t->file[t->at_file].n);
		t->at_line = 0;
	}
	t->at_line++;
	return true;
}

/* So many traps at most; true: the last file is counted. */
static bool count_some(struct engine_traps *t)
{
	size_t n = t->rest.n < COUNT_AT_ONCE ? t->rest.n : COUNT_AT_ONCE;

	if (t->files == 0)
		return true;
	t->lines_there += count_lines(t->rest.p, n);
	t->rest = slice_from(t->rest, n);
	if (t->rest.n)
		return false;
	t->lines_there++; /* a last line without an end */
	if (++t->at_file < t->files) {
		t->rest = slice_of(t->file[t->at_file].p, t->file[t->at_file].n);
		return false;
	}
	engine_trap_rewind(t);
	return true;
}

static void again(struct engine *e, uint64_t ms)
{
	if (loop_again(e->trap_job->timer, ms) != ERR_OK)
		engine_trap_load_failed(e);
}

static void parse_some(struct engine *e)
{
	struct engine_traps *t = e->trap_job;
	uint64_t now = clock_wall_s();

	for (unsigned i = 0; i < LINES_AT_ONCE; i++) {
		struct slice line;
		struct trap_line l;
		char reason[160];
		bool is_any;

		if (!engine_trap_next_line(t, &line)) {
			engine_trap_ask_domains(e);
			return;
		}
		if (trap_file_line(line, t->at_line, &l, &is_any, reason, sizeof reason) != ERR_OK)
			engine_trap_bad_line(t, t->at_file, t->at_line, reason);
		else if (is_any)
			one_trap(e, t, &l, now);
	}
	again(e, 0);
}

static void on_parse(void *ctx)
{
	struct engine *e = ctx;
	struct engine_traps *t = e->trap_job;

	if (is_store_behind(e)) {
		again(e, WAIT_MS);
	} else if (t->is_counted) {
		parse_some(e);
	} else {
		t->is_counted = count_some(t);
		if (t->is_counted)
			trap_table_reserve(t->table, t->lines_there);
		again(e, 0);
	}
}

void engine_trap_load(struct engine *e)
{
	struct engine_traps *t = e->trap_job;

	engine_trap_live_check_forget(e, e); /* the answer to an older load is none to this one */
	drop_unfinished(t);
	store_kick(e->store);
	for (size_t i = 0; i < t->waiters; i++)
		t->waiter[i].is_early = false; /* this load has seen what they wait for */
	t->file = t->text;
	t->files = t->texts;
	t->text = NULL;
	t->texts = t->wanted = 0;
	t->new_bad = 0;
	t->next_due = UINT64_MAX;
	t->table = trap_table_new(e->table_key, e->host->conf.postfix.extension);
	keymap_init(&t->domain, e->table_key, sizeof(bool), TRAP_DOMAINS_MAX);
	buf_init(&t->domain_text, DOMAIN_TEXT_MAX);
	t->domains_over = t->foreign = 0;
	engine_trap_rewind(t);
	t->phase = TRAP_PARSE;
	t->timer = loop_after(e->host->loop, 0, on_parse, e);
	if (!t->table || !t->timer)
		engine_trap_load_failed(e);
}
