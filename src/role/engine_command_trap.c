/*
 * engine_command_trap: questions about traps. The files are edited by the
 * command; the engine checks, loads and tells.
 * SPDX-License-Identifier: ISC
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/num.h"
#include "io/log.h"
#include "role/engine_trap.h"

#define RECENT_DAYS 90

static void refuse(json_t *list, const char *trap, const char *reason)
{
	(void)json_array_append_new(
		list, json_pack("{s:o, s:o}", "trap", engine_json_text(trap), "reason", engine_json_text(reason)));
}

/* What the engine itself knows against this trap; NULL: nothing. *ret_is_asked: Postfix's tables are asked for *ret too. */
static const char *objection(struct engine *e, const char *text, struct address *ret, bool *ret_is_asked)
{
	struct trap_line l;
	char reason[160];
	bool is_any;
	const uint64_t *last;

	*ret_is_asked = false;
	if (trap_file_line(slice_str(text), 1, &l, &is_any, reason, sizeof reason) != ERR_OK || !is_any)
		return "is no address, @domain or /pattern/";
	if (l.kind == TRAP_PATTERN)
		return NULL;
	if (l.kind == TRAP_EXACT && address_is_role(&l.address))
		return "a role address (postmaster, abuse ...) is never a trap";
	if (engine_trap_is_free_mail(e, &l))
		return ENGINE_TRAP_FREE_MAIL;
	last = l.kind == TRAP_EXACT ? keymap_get(&e->recent, slice_str(l.address.text)) : NULL;
	if (last && *last + RECENT_DAYS * 86400 > clock_wall_s())
		return "mail to it was delivered in the last 90 days";
	address_copy(&l.address, ret);
	*ret_is_asked = true;
	return NULL;
}

/* One line of the answer. What is foreign is so as long as its domain is no trap. */
static void refuse_line(struct engine *e, json_t *refused, struct slice line)
{
	struct slice trap = slice_head(line, slice_find(line, '\t'));
	char reason[ENGINE_BAD_REASON], text[ADDRESS_TEXT];
	bool is_foreign;

	engine_trap_why_refused(line, reason, &is_foreign);
	if (is_foreign &&
		(!e->traps || engine_trap_is_trap_domain(e->traps, slice_from(trap, slice_rfind(trap, '@') + 1))))
		return;
	slice_copy(trap, text, sizeof text);
	(void)json_array_append_new(refused, json_pack("{s:o, s:o, s:b}", "trap", engine_json_text(text), "reason",
						     engine_json_text(reason), "foreign", (int)is_foreign));
}

static void check_done(void *ctx, bool is_ok, const char *text, struct slice lines)
{
	struct engine_call *c = ctx;
	json_t *refused = engine_call_data(c);
	struct slice line;

	while (is_ok && slice_line(&lines, &line))
		refuse_line(engine_call_engine(c), refused, line);
	engine_answer(c, json_pack("{s:O, s:b, s:o}", "refused", refused, "live_checked", is_ok, "unknown",
				 engine_json_text(text)));
}

void engine_command_trap_check(struct engine *e, struct engine_call *c, const json_t *in)
{
	const json_t *list = json_object_get(in, "traps"), *item;
	json_t *refused = json_array();
	struct buf ask;
	size_t i;

	buf_init(&ask, 64u << 20);
	json_array_foreach(list, i, item)
	{
		const char *text = json_string_value(item), *reason;
		struct address a;
		bool is_asked;

		if (!text)
			continue;
		reason = objection(e, text, &a, &is_asked);
		if (reason)
			refuse(refused, text, reason);
		else if (is_asked && buf_printf(&ask, "%s\n", a.text) != ERR_OK)
			break;
	}
	engine_call_keep(c, refused);
	if (ask.n && e->host->conf.traps.live_check)
		engine_trap_live_check(e, buf_slice(&ask), check_done, c);
	else
		check_done(c, true, "", (struct slice){ 0 });
	buf_done(&ask);
}

json_t *engine_json_bad_lines(const struct engine_trap_status *t)
{
	json_t *list = json_array();

	for (uint32_t i = 0; i < t->bad && i < ENGINE_BAD_LINES; i++)
		(void)json_array_append_new(
			list, json_pack("{s:o, s:i, s:o}", "file", engine_json_text(t->bad_line[i].file), "line",
				      (int)t->bad_line[i].line, "reason", engine_json_text(t->bad_line[i].reason)));
	return list;
}

static void reloaded(void *ctx)
{
	struct engine_call *c = ctx;
	struct engine *e = engine_call_engine(c);
	struct engine_trap_status t;

	engine_trap_get_status(e, &t);
	engine_answer(c, json_pack("{s:I, s:I, s:I, s:I, s:o, s:{s:b, s:o}}", "traps",
				 (json_int_t)(e->traps ? trap_table_count(e->traps) : 0), "armed",
				 (json_int_t)t.by_state[TRAP_ARMED], "added", (json_int_t)t.added, "removed",
				 (json_int_t)t.removed, "bad", engine_json_bad_lines(&t), "map", "ok", t.is_map_ok,
				 "text", engine_json_text(t.map_text)));
}

void engine_command_trap_reload(struct engine *e, struct engine_call *c, const json_t *in)
{
	engine_audit(e, c, engine_json_string(in, "note"), "trap files reloaded");
	engine_trap_reload(e, reloaded, c);
}

static const char *kind_name(enum trap_kind k)
{
	return k == TRAP_DOMAIN ? "domain" : k == TRAP_PATTERN ? "pattern" : "exact";
}

static json_t *trap_json(struct engine *e, const struct trap *t, bool is_revealed)
{
	const char *text = trap_table_text(e->traps, t);
	struct record_trap r = { 0 };
	json_t *j = json_object(), *hits = json_object();

	if (engine_trap_record(e, text, &r) != ERR_OK)
		r = (struct record_trap){ .first_seen = t->first_seen, .armed_at = t->armed_at };
	for (int g = GRADE_PROBE; g < GRADE_COUNT; g++)
		if (r.hits[g])
			(void)json_object_set_new(hits, grade_name((enum grade)g), json_integer((json_int_t)r.hits[g]));
	(void)json_object_set_new(j, "id", json_sprintf("T-%u", t->id));
	if (is_revealed)
		(void)json_object_set_new(j, "text", engine_json_text(text));
	(void)json_object_set_new(j, "kind", json_string(kind_name(t->kind)));
	(void)json_object_set_new(j, "state", json_string(trap_state_name(t->state)));
	(void)json_object_set_new(j, "tag", json_string(trap_table_tag(e->traps, t)));
	(void)json_object_set_new(j, "weight", json_real((double)t->weight));
	(void)json_object_set_new(j, "hits", hits);
	(void)json_object_set_new(j, "first_seen", json_integer((json_int_t)r.first_seen));
	(void)json_object_set_new(j, "armed_at", json_integer((json_int_t)r.armed_at));
	(void)json_object_set_new(j, "last_hit", json_integer((json_int_t)r.last_hit));
	return j;
}

void engine_command_trap_list(struct engine *e, struct engine_call *c, const json_t *in)
{
	const char *tag = engine_json_string(in, "tag"), *state = engine_json_string(in, "state");
	uint64_t limit = engine_list_limit(in);
	bool is_revealed = engine_json_true(in, "reveal") && engine_call_is_admin(c);
	json_t *list = json_array();
	json_int_t total = 0;
	size_t count = e->traps ? trap_table_count(e->traps) : 0;

	engine_trap_flush(e);
	engine_call_settle(c);
	for (size_t i = 0; i < count; i++) {
		const struct trap *t = trap_table_at(e->traps, i);

		if (!tag && !state && i >= limit) { /* the rest is not shown, so it need not be looked at */
			total = (json_int_t)count;
			break;
		}
		if (tag && strcmp(tag, trap_table_tag(e->traps, t)) != 0)
			continue;
		if (state && strcmp(state, trap_state_name(t->state)) != 0)
			continue;
		if ((uint64_t)total++ < limit)
			(void)json_array_append_new(list, trap_json(e, t, is_revealed));
	}
	engine_answer(c, json_pack("{s:o, s:I}", "traps", list, "total", total));
}

void engine_command_trap_find(struct engine *e, struct engine_call *c, const json_t *in)
{
	const char *text = engine_json_string(in, "address");
	struct address a;
	const struct trap *t;
	uint64_t id;

	if (!text) {
		engine_answer_error(c, 2, "address is missing");
		return;
	}
	t = e->traps ? trap_table_get(e->traps, slice_str(text)) : NULL;
	if (!t && strncmp(text, "T-", 2) == 0 && num_parse(slice_str(text + 2), UINT32_MAX, &id) == ERR_OK)
		t = engine_trap_by_id(e, (uint32_t)id);
	if (!t && e->traps && address_parse(slice_str(text), &a) == ERR_OK)
		t = trap_table_find(e->traps, &a);
	if (!t)
		engine_answer(c, json_pack("{s:b}", "found", 0));
	else
		engine_answer(c,
			json_pack("{s:b, s:o}", "found", 1, "trap", trap_json(e, t, engine_json_true(in, "reveal"))));
}
