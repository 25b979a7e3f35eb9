/*
 * engine_allow: the allow list from its three sources, rebuilt whole at each
 * change.
 * SPDX-License-Identifier: ISC
 */
#include "io/log.h"
#include "role/engine_feed.h"
#include "role/engine_fetch.h"

#define ALLOW_TEXT_MAX (64u << 20) /* bytes of all allow files */
#define BAD_SHOWN 20               /* lines that are no prefix, in the log */
#define AGAIN_S 60                 /* after one that could not be built */

struct from_store {
	struct allow *allow;
	uint64_t now, due; /* due: when the first of them runs out */
	enum err err;
};

static bool add_stored(struct slice key, struct slice value, void *ctx)
{
	struct from_store *f = ctx;
	struct record_allow r;

	(void)key;
	if (record_get_allow(value, &r) != ERR_OK || (r.until && r.until <= f->now))
		return true;
	if (r.until && r.until < f->due)
		f->due = r.until;
	f->err = allow_add(f->allow, &r.prefix, ALLOW_COMMAND);
	return f->err == ERR_OK;
}

static enum err add_files(struct engine *e, struct allow *a, const struct engine_allow_files *t, enum allow_tier tier)
{
	struct slice rest = buf_slice(&t->text), line;
	unsigned number = 0, bad = 0;

	while (slice_line(&rest, &line)) {
		const struct prefix *set = NULL;
		struct allow_line l;
		size_t n = 0;
		bool is_any;
		enum err err = allow_line_parse(line, &l, &is_any);

		number++;
		if (err != ERR_OK) {
			if (bad++ < BAD_SHOWN)
				log_warn("allow", "tier=%s line=%u text=\"not understood, passed over\"",
					allow_tier_name(tier), number);
			continue;
		}
		if (is_any && l.form == ALLOW_SPF)
			set = engine_fetch_spf_prefixes(e, l.text, &n);
		if (is_any && (err = allow_add_line(a, &l, tier, set, n)) != ERR_OK)
			return err;
	}
	return ERR_OK;
}

enum err engine_allow_build(struct engine *e)
{
	struct allow a;
	struct from_store f = { &a, clock_wall_s(), UINT64_MAX, ERR_OK };
	const char *bad = "";
	enum err err;

	engine_clock_note(e);
	allow_init(&a);
	engine_fetch_spf_begin(e);
	err = allow_add_own(&a, &e->host->conf, &bad);
	if (err == ERR_SYNTAX)
		log_alarm("allow", "entry=\"%s\" text=\"no prefix in own-networks or own-hosts\"", bad);
	if (err == ERR_OK)
		err = add_files(e, &a, &e->allow_text, ALLOW_TIER_NEVER);
	if (err == ERR_OK)
		err = add_files(e, &a, &e->shared_text, ALLOW_TIER_SHARED);
	if (err == ERR_OK)
		err = store_scan(
			e->store, TABLE_ALLOW, (struct slice){ 0 }, (struct slice){ 0 }, false, add_stored, &f);
	if (err == ERR_OK)
		err = f.err;
	if (err == ERR_OK)
		err = allow_seal(&a);
	if (err != ERR_OK) {
		allow_done(&a);
		if (err != ERR_LIMIT && err != ERR_SYNTAX && e->allow_due > f.now + AGAIN_S)
			e->allow_due = f.now + AGAIN_S; /* whoever brought what is new does not come again */
		return err;
	}
	engine_fetch_spf_end(e);
	allow_done(&e->allow);
	e->allow = a;
	engine_feed_holes_changed(e);
	e->allow_due = f.due;
	return ERR_OK;
}

bool engine_allow_renew(struct engine *e)
{
	if (engine_allow_build(e) != ERR_OK) {
		log_alarm("allow", "text=\"list not rebuilt, the old one stays\"");
		return false;
	}
	engine_block_recheck(e);
	return true;
}

static struct engine_allow_files *text_of(struct engine *e, const struct msg_text *m)
{
	return m->kind == TEXT_SHARED ? &e->shared_text : &e->allow_text;
}

static void round_over(struct engine *e, const struct msg_text *m)
{
	struct engine_allow_files *t = text_of(e, m);
	bool is_first = !e->has_allow && m->kind == TEXT_ALLOW, is_renewed = false;

	e->has_allow |= is_first; /* the list for the kernel, made anew below, asks for it */
	if (!t->is_broken) {
		buf_done(&t->text);
		t->text = t->next;
		buf_init(&t->next, ALLOW_TEXT_MAX);
		is_renewed = engine_allow_renew(e);
	}
	if (is_first && !is_renewed)
		engine_block_sync(e);
	if (is_first) {
		engine_hit_loaded(e);
		engine_feed_ready(e);
	}
}

void engine_allow_text(struct engine *e, const struct msg_text *m, struct slice text)
{
	struct engine_allow_files *t = text_of(e, m);

	if (m->index == 0) {
		buf_done(&t->next);
		buf_init(&t->next, ALLOW_TEXT_MAX);
		t->is_broken = false;
	}
	if (m->count && (buf_add(&t->next, text) != ERR_OK || buf_add_char(&t->next, '\n') != ERR_OK)) {
		log_alarm("allow", "file=%s text=\"allow files too large: list unchanged\"", m->path);
		t->is_broken = true;
	}
	if (!m->count || m->index + 1 >= m->count)
		round_over(e, m);
}

void engine_allow_unreadable(struct engine *e, const struct msg_text *m)
{
	if (m->index == 0)
		buf_done(&text_of(e, m)->next);
	text_of(e, m)->is_broken = true;
	if (m->index + 1 >= m->count)
		round_over(e, m);
}

void engine_allow_tick(struct engine *e, uint64_t now)
{
	if (now < e->allow_due)
		return;
	e->allow_due = now + AGAIN_S; /* or when the next one runs out, once it is built */
	(void)engine_allow_renew(e);
}

void engine_allow_stop(struct engine *e)
{
	buf_done(&e->allow_text.text);
	buf_done(&e->allow_text.next);
	buf_done(&e->shared_text.text);
	buf_done(&e->shared_text.next);
	subject_rules_done(&e->subjects_by);
	allow_done(&e->allow);
}
