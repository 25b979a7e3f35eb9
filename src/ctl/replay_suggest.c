/*
 * replay_suggest: see the header; and `limetwig trap suggest`.
 * SPDX-License-Identifier: ISC
 */
#include "ctl/replay_suggest.h"

#include <stdlib.h>
#include <sys/random.h>

#include "core/suggest.h"
#include "ctl/replay_read.h"
#include "ctl/user_list.h"

#define SUGGESTED 1000 /* unless --limit says otherwise */
#define LINE 500

struct run {
	struct suggest *suggest;
	struct replay_log *log;
	struct replay_read read;
	struct suggest_found found;
};

static void run_done(struct run *r)
{
	if (!r)
		return;
	free(r->found.item);
	replay_log_free(r->log);
	suggest_free(r->suggest);
	replay_read_close(&r->read);
	free(r);
}

static enum err line_take(const struct maillog_line *l, void *ctx)
{
	struct run *r = ctx;
	enum err e = suggest_line(r->suggest, l);

	return e == ERR_OK ? replay_log_add(r->log, l) : e;
}

/* --users FILE: who lives. */
static int users_take(struct ctl *c, struct run *r)
{
	struct user_list u;
	int status = user_list_read(c, c->args.value[OPT_USERS], &u);
	enum err e = ERR_OK;

	for (size_t i = 0; i < u.count && status == CTL_DONE && e == ERR_OK; i++)
		e = suggest_add_live(r->suggest, slice_str(user_list_at(&u, i)));
	user_list_done(&u);
	return e == ERR_OK ? status : ctl_refuse(c, "no memory");
}

/* CTL_DONE: *ret is there (run_done). own: networks of ours. */
static int run(
	struct ctl *c, const uint8_t key[SIPHASH_KEY], const struct prefix_table *own, size_t limit, struct run **ret)
{
	struct run *r = calloc(1, sizeof *r);
	int status = CTL_REFUSED;
	enum err e;

	if (r)
		r->suggest = suggest_new(key, c->conf.postfix.extension);
	if (r && r->suggest)
		r->log = replay_log_new(key, own, suggest_event, r->suggest);
	if (!r || !r->log) {
		run_done(r);
		return ctl_refuse(c, "no memory");
	}
	status = c->args.is_given[OPT_USERS] ? users_take(c, r) : CTL_DONE;
	if (status == CTL_DONE)
		status = replay_read_open(c, &r->read);
	if (status == CTL_DONE) {
		e = replay_read_all(c, &r->read, line_take, r);
		replay_log_end(r->log);
		if (e == ERR_OK)
			e = suggest_find(r->suggest, limit, &r->found);
		if (e != ERR_OK)
			status = ctl_refuse(c, "%s",
				e == ERR_LIMIT ? "more living addresses than can be kept: a near miss could not be told"
					       : "no memory");
	}
	if (status != CTL_DONE) {
		run_done(r);
		return status;
	}
	*ret = r;
	return CTL_DONE;
}

/* The address as a trap file wants it. False: it cannot be written there. */
static bool make_line(const struct suggest_item *i, char to[LINE])
{
	struct trap_line t = { .kind = TRAP_EXACT, .weight = 1, .state = TRAP_WATCHING };
	struct buf b;
	bool is_good;

	buf_init(&b, LINE - 1);
	slice_copy(SLICE_LIT("suggested"), t.tag, sizeof t.tag);
	is_good = address_parse(slice_str(i->address), &t.address) == ERR_OK && trap_file_print(&t, &b) == ERR_OK;
	if (is_good)
		slice_copy(buf_slice(&b), to, LINE);
	buf_done(&b);
	return is_good;
}

int replay_suggest_traps(struct ctl *c, const uint8_t key[SIPHASH_KEY], struct replay_traps *t)
{
	struct run *r = NULL;
	char line[LINE], why[200];
	int status;

	for (int i = 0; i < c->args.count; i++)
		if (strcmp(c->args.word[i], "-") == 0)
			return ctl_usage(c, "the traps are to be found in the log itself, so it is read twice: give a"
					    " file, not \"-\", or traps with --traps");
	status = run(c, key, &t->own, SUGGESTED, &r);
	if (status != CTL_DONE)
		return status;
	for (size_t i = 0; i < r->found.count && status == CTL_DONE; i++)
		if (make_line(&r->found.item[i], line) &&
			replay_traps_line(t, slice_str(line), (unsigned)i + 1, why, sizeof why) == ERR_NOMEM)
			status = ctl_refuse(c, "no memory");
	(void)snprintf(t->from, sizeof t->from, "%s", "this log (limetwig trap suggest shows them)");
	if (status == CTL_DONE && r->found.count == 0)
		status = ctl_refuse(c,
			"this log suggests no trap: no unknown address was tried from %d networks; give some with"
			" --traps FILE or --traps ADDRESS,ADDRESS",
			SUGGEST_NETWORKS);
	run_done(r);
	return status;
}

/* ---- trap suggest */

static json_t *item_json(const struct suggest_item *i, const char *line)
{
	return json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:s}", "address", i->address, "networks",
		(json_int_t)i->networks, "senders", (json_int_t)i->senders, "tries", (json_int_t)i->tries, "days",
		(json_int_t)i->days, "first", (json_int_t)i->first, "last", (json_int_t)i->last, "line", line);
}

static bool is_trap(const struct replay_traps *t, const char *address)
{
	struct address a;

	return address_parse(slice_str(address), &a) == ERR_OK && trap_table_find(t->table, &a) != NULL;
}

static json_t *make_answer(const struct run *r, const struct replay_traps *t)
{
	const struct suggest_found *f = &r->found;
	json_t *list = json_array();
	uint64_t already = 0;
	char line[LINE];

	for (size_t i = 0; i < f->count; i++) {
		if (is_trap(t, f->item[i].address))
			already++;
		else if (make_line(&f->item[i], line)) /* NULL for bytes that are no UTF-8: left out */
			(void)json_array_append_new(list, item_json(&f->item[i], line));
	}
	return json_pack("{s:b, s:I, s:I, s:o, s:o, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "ok", 1, "first",
		(json_int_t)f->first, "last", (json_int_t)f->last, "log", replay_read_json(&r->read), "suggested", list,
		"candidates", (json_int_t)f->candidates, "too_few", (json_int_t)f->too_few, "live", (json_int_t)f->live,
		"role", (json_int_t)f->role, "near", (json_int_t)f->near, "bounces", (json_int_t)f->bounces, "already",
		(json_int_t)already, "lost", (json_int_t)f->lost);
}

static int suggest_show(struct ctl *c, const struct run *r, const struct replay_traps *t)
{
	json_t *answer = make_answer(r, t);
	size_t n = json_array_size(json_object_get(answer, "suggested"));

	if (!answer)
		return ctl_refuse(c, "no memory");
	if (!ctl_show_json(c, answer))
		render_suggest(&c->render, answer);
	json_decref(answer);
	return n && !r->read.broken ? CTL_DONE : CTL_REFUSED;
}

int command_trap_suggest(struct ctl *c)
{
	uint8_t key[SIPHASH_KEY];
	struct replay_traps t;
	struct run *r = NULL;
	uint64_t limit;
	bool any;
	int status;

	if (!ctl_number(c, OPT_LIMIT, SUGGESTED, &limit))
		return CTL_USAGE;
	if (getrandom(key, sizeof key, 0) != (ssize_t)sizeof key)
		return ctl_refuse(c, "no randomness");
	status = replay_traps_init(c, key, &t);
	if (status != CTL_DONE)
		return status;
	status = replay_traps_installed(c, &t, &any);
	if (status == CTL_DONE)
		status = run(c, key, &t.own, limit, &r);
	if (status == CTL_DONE)
		status = suggest_show(c, r, &t);
	run_done(r);
	replay_traps_done(&t);
	return status;
}
