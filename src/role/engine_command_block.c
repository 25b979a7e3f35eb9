/*
 * engine_command_block: a person blocks, lifts, allows.
 * SPDX-License-Identifier: ISC
 */
#include <stdlib.h>

#include "io/log.h"
#include "role/engine_fetch.h"

#define CHANGE_MS 1000     /* an entry of the allow list waits for the disk so long, and with it all mail */
#define ALLOW_SHOWN 100000 /* lines of the allow files, and of those of shared providers */
#define REMOVE_MAX 100000  /* blocks lifted by one command */
#define REMOVE_WAITS 5     /* of one command for the disk, in vain: then it stands still */
#define FOREVER_S (10ull * 366 * 86400)
#define LONGEST_S FOREVER_S /* of a block: its end fits into the index */

static const char *note_of(const json_t *in)
{
	const char *note = engine_json_string(in, "note");

	return note ? note : "";
}

/* False: answered. */
static bool take_prefix(struct engine_call *c, const char *text, struct prefix *ret)
{
	if (!text || prefix_parse(slice_str(text), ret) != ERR_OK) {
		engine_answer_error(c, 2, "not an address or network (host bits must be 0): %s", text ? text : "");
		return false;
	}
	return true;
}

/* What may be blocked by hand: the subject in *ret, or an answer that says why not. */
static bool take_subject(struct engine *e, struct engine_call *c, const json_t *in, struct prefix *ret)
{
	if (!take_prefix(c, engine_json_string(in, "subject"), ret))
		return false;
	if (ret->len == ipaddr_bits(&ret->addr))
		*ret = engine_subject_of(e, &ret->addr);
	if (ret->len < (ret->addr.family == 4 ? 16 : 32)) {
		engine_answer_error(c, 1, "too wide: at most a /16, or a /32 of IPv6");
		return false;
	}
	if (engine_block_is_allowed(e, ret)) {
		engine_answer_error(c, 1, "is on the allow list or our own network: limetwig allow list");
		return false;
	}
	return true;
}

static void answer_dry(struct engine *e, struct engine_call *c, const struct prefix *p, uint64_t now)
{
	char subject[PREFIX_TEXT];

	engine_answer(c, json_pack("{s:b, s:s, s:o}", "dry_run", 1, "subject", prefix_format(p, subject), "blast",
				 engine_breaker_json(e, p, now)));
}

void engine_command_block_add(struct engine *e, struct engine_call *c, const json_t *in)
{
	uint64_t seconds = engine_json_number(in, "seconds", 0), now = clock_wall_s();
	struct engine_subject *s;
	struct record_block b;
	struct prefix p;
	enum err err;

	if (!take_subject(e, c, in, &p))
		return;
	if (engine_json_true(in, "dry_run")) {
		answer_dry(e, c, &p, now);
		return;
	}
	s = engine_subject_get(e, &p);
	if (!s) {
		engine_answer_error(c, 1, "too many changes are waiting for the disk; try again");
		return;
	}
	if (engine_json_true(in, "held") && s->has_block && decide_block_is_active(&s->block, now)) {
		engine_answer_error(c, 1, "is blocked already: case %s", s->block.case_id);
		return;
	}
	if (seconds > LONGEST_S)
		seconds = LONGEST_S;
	decide_person(&e->host->conf, s->has_block ? &s->block : NULL, &p, seconds, now, engine_random(), &b);
	if (engine_json_true(in, "held"))
		b.state = BLOCK_HELD;
	slice_copy(slice_str(engine_call_user(c)), b.by, sizeof b.by);
	slice_copy(slice_str(note_of(in)), b.note, sizeof b.note);
	err = engine_block_apply(e, s, &b, true);
	if (err != ERR_OK) {
		if (s->has_block && strcmp(s->block.case_id, b.case_id) == 0)
			engine_answer_error(c, 1,
				"blocked in memory only, case %s: the store takes no writes (%s), a restart forgets "
				"it; make "
				"room on the disk, see limetwig doctor",
				b.case_id, err_name(err));
		else
			engine_answer_error(c, 1, "not blocked: %s", err_name(err));
		return;
	}
	engine_audit(e, c, note_of(in), "block add %s case %s", engine_json_string(in, "subject"), b.case_id);
	engine_answer(c, json_pack("{s:o, s:o}", "block", engine_json_block(e, &s->block), "blast",
				 engine_breaker_json(e, &p, now)));
}

/* ---- remove */

struct selection {
	const char *tag;
	const char *feed;
	uint32_t trap_id; /* 0: any */
	uint64_t since, now;
	size_t count;
	struct prefix *subject;
	bool is_full;
	unsigned waits;
};

static bool select_block(struct slice key, struct slice value, void *ctx)
{
	struct selection *x = ctx;
	struct record_block b;

	(void)key;
	if (record_get_block(value, &b) != ERR_OK || !decide_block_is_active(&b, x->now))
		return true;
	if ((x->tag && (b.cause == CAUSE_FEED || strcmp(x->tag, b.tag) != 0)) ||
		(x->feed && (b.cause != CAUSE_FEED || strcmp(x->feed, b.tag) != 0)) || b.since < x->since ||
		(x->trap_id && b.trap_id != x->trap_id))
		return true;
	if (x->count == REMOVE_MAX) {
		x->is_full = true;
		return false;
	}
	x->subject[x->count++] = b.subject;
	return true;
}

static struct engine_subject *get_if_room(struct engine *e, const struct prefix *p)
{
	return store_room(e->store) < STORE_QUEUE / 2 ? NULL : engine_subject_get(e, p);
}

/* What this command has changed before fills memory, and the writer's queue, until it is on disk. NULL: it does not get there. */
static struct engine_subject *get_among_many(
	struct engine *e, struct engine_call *c, struct selection *x, const struct prefix *p)
{
	struct engine_subject *s = get_if_room(e, p);

	while (!s && x->waits < REMOVE_WAITS) {
		engine_call_settle(c);
		engine_ack_durable(e);
		s = get_if_room(e, p);
		x->waits += !s;
	}
	return s ? s : engine_subject_get(e, p);
}

static json_t *lift_all(struct engine *e, struct engine_call *c, struct selection *x, bool is_dry, const char *note)
{
	json_t *list = json_array();

	for (size_t i = 0; i < x->count; i++) {
		struct engine_subject *s = get_among_many(e, c, x, &x->subject[i]);

		if (!s) { /* nobody is to wait for the disk for each of the rest */
			x->is_full = true;
			break;
		}
		if (!s->has_block || (s->block.state != BLOCK_HELD && !decide_block_is_active(&s->block, x->now)))
			continue;
		if (!is_dry && engine_block_lift(e, s, engine_call_user(c), note) != ERR_OK)
			log_warn("block", "case=%s text=\"lifted, will be stored when the store takes writes\"",
				s->block.case_id);
		(void)json_array_append_new(list, engine_json_block(e, &s->block));
	}
	return list;
}

static enum err select_all(struct engine *e, struct engine_call *c, const json_t *in, struct selection *x)
{
	uint64_t since = engine_json_number(in, "since", 0);

	x->tag = engine_json_string(in, "tag");
	x->feed = engine_json_string(in, "feed");
	x->trap_id = (uint32_t)engine_json_number(in, "trap", 0);
	/* an age, as `--since 10d` sends it, or a time */
	x->since = since && since < FOREVER_S ? x->now - since : since;
	engine_call_settle(c); /* what was just blocked must be found */
	return store_scan(e->store, TABLE_BLOCK, (struct slice){ 0 }, (struct slice){ 0 }, false, select_block, x);
}

void engine_command_block_remove(struct engine *e, struct engine_call *c, const json_t *in)
{
	const char *what = engine_json_string(in, "what");
	bool is_dry = engine_json_true(in, "dry_run");
	struct selection x = { .now = clock_wall_s(), .subject = calloc(REMOVE_MAX, sizeof *x.subject) };
	enum err err = ERR_NOMEM;
	json_t *removed;

	if (x.subject && what) {
		err = strchr(what, '@') ? ERR_NOTFOUND : engine_find_subject(e, what, &x.subject[0]);
		x.count = err == ERR_OK ? 1 : engine_find_identities(e, what, x.subject, REMOVE_MAX);
		err = x.count ? ERR_OK : err;
	} else if (x.subject && (engine_json_string(in, "tag") || engine_json_string(in, "feed") ||
					engine_json_number(in, "since", 0) || engine_json_number(in, "trap", 0))) {
		err = select_all(e, c, in, &x);
	} else if (x.subject) {
		err = ERR_SYNTAX;
	}
	if (err != ERR_OK) {
		engine_answer_error(c, err == ERR_SYNTAX ? 2 : 1,
			err == ERR_NOTFOUND ? "no such case or sender: is every character right?"
					    : "name a case, an address, a sender, --tag, --feed, --trap or --since");
		goto out;
	}
	removed = lift_all(e, c, &x, is_dry, note_of(in));
	if (json_array_size(removed) == 0) {
		json_decref(removed);
		engine_answer_error(c, 1, "no block there: limetwig block list");
		goto out;
	}
	if (!is_dry)
		engine_audit(e, c, note_of(in), "block remove %s: %zu lifted", what ? what : "by cause",
			json_array_size(removed));
	engine_answer(c, json_pack("{s:o, s:b, s:b}", "removed", removed, "dry_run", is_dry, "more", x.is_full));
out:
	free(x.subject);
}

/* ---- list */

struct listing {
	struct engine *e;
	json_t *list;
	uint64_t limit, now;
	json_int_t total;
	bool is_all, is_held;
	const char *feed; /* NULL: of any cause */
};

static bool list_block(struct slice key, struct slice value, void *ctx)
{
	struct listing *x = ctx;
	struct record_block b;

	(void)key;
	if (record_get_block(value, &b) != ERR_OK ||
		(x->feed && (b.cause != CAUSE_FEED || strcmp(x->feed, b.tag) != 0)))
		return true;
	if (x->is_held ? !decide_block_is_held(&b, x->now) : !x->is_all && !decide_block_is_active(&b, x->now))
		return true;
	if ((uint64_t)x->total++ < x->limit)
		(void)json_array_append_new(x->list, engine_json_block(x->e, &b));
	return true;
}

void engine_command_block_list(struct engine *e, struct engine_call *c, const json_t *in)
{
	struct listing x = { .e = e,
		.list = json_array(),
		.limit = engine_list_limit(in),
		.now = clock_wall_s(),
		.is_all = engine_json_true(in, "all"),
		.is_held = engine_json_true(in, "held"),
		.feed = engine_json_string(in, "feed") };

	engine_refusal_flush(e);
	engine_call_settle(c);
	if (store_scan(e->store, TABLE_BLOCK, (struct slice){ 0 }, (struct slice){ 0 }, false, list_block, &x) !=
		ERR_OK) {
		json_decref(x.list);
		engine_answer_error(c, 1, "the store cannot be read");
		return;
	}
	engine_answer(c, json_pack("{s:o, s:I}", "blocks", x.list, "total", x.total));
}

/* By its case, or by the address; an older case of the same host is not it. */
static struct engine_subject *find_held(struct engine *e, const char *what, uint64_t now)
{
	struct engine_subject *s;
	char id[CASE_ID_TEXT];
	struct prefix p;

	if (!what || engine_find_subject(e, what, &p) != ERR_OK || !(s = engine_subject_get(e, &p)) || !s->has_block ||
		!decide_block_is_held(&s->block, now))
		return NULL;
	if (case_id_parse(slice_str(what), id) == ERR_OK && strcmp(id, s->block.case_id) != 0)
		return NULL;
	return s;
}

void engine_command_block_confirm(struct engine *e, struct engine_call *c, const json_t *in)
{
	const char *what = engine_json_string(in, "case");
	uint64_t now = clock_wall_s();
	struct engine_subject *s = find_held(e, what, now);
	struct record_block b;

	if (!s) {
		engine_answer_error(c, 1, "no held block of this case: limetwig block list --held");
		return;
	}
	b = s->block;
	decide_confirm(&b, now);
	slice_copy(slice_str(engine_call_user(c)), b.by, sizeof b.by);
	if (engine_block_apply(e, s, &b, true) != ERR_OK) {
		engine_answer_error(c, 1, "not stored: disk or table full");
		return;
	}
	engine_count(e, engine_is_enforcing(e) ? COUNT_BLOCKED : COUNT_WOULD_BLOCK, now);
	engine_audit(e, c, note_of(in), "block confirm %s", what);
	engine_answer(c, json_pack("{s:o}", "block", engine_json_block(e, &s->block)));
}

/* ---- allow */

static uint64_t put_allow(struct engine *e, const struct record_allow *r)
{
	uint8_t key[RECORD_KEY], value[RECORD_VALUE];
	struct wr w = wr_init(value, sizeof value);

	record_put_allow(&w, r);
	return w.bad ? 0 : store_put(e->store, TABLE_ALLOW, record_subject_key(&r->prefix, key), wr_slice(&w));
}

/* The table reads what is committed, so the write goes first. */
static bool allow_changed(struct engine *e)
{
	if (store_settle(e->store, CHANGE_MS) != ERR_OK || engine_allow_build(e) != ERR_OK)
		return false;
	engine_block_recheck(e);
	return true;
}

void engine_command_allow_add(struct engine *e, struct engine_call *c, const json_t *in)
{
	uint64_t seconds = engine_json_number(in, "seconds", 0);
	struct record_allow r = { .since = clock_wall_s() };
	char text[PREFIX_TEXT];

	if (!take_prefix(c, engine_json_string(in, "prefix"), &r.prefix))
		return;
	r.until = seconds ? r.since + seconds : 0;
	slice_copy(slice_str(engine_call_user(c)), r.by, sizeof r.by);
	slice_copy(slice_str(note_of(in)), r.note, sizeof r.note);
	if (!put_allow(e, &r) || !allow_changed(e)) {
		engine_answer_error(c, 1, "not stored: disk or table full");
		return;
	}
	engine_audit(e, c, note_of(in), "allow add %s", engine_json_string(in, "prefix"));
	engine_answer(c, json_pack("{s:o}", "allow",
				 engine_json_allow(prefix_format(&r.prefix, text), NULL, ALLOW_COMMAND, &r)));
}

void engine_command_allow_remove(struct engine *e, struct engine_call *c, const json_t *in)
{
	uint8_t key_bytes[RECORD_KEY], value[RECORD_VALUE];
	struct prefix p;
	struct slice key;
	size_t n;

	if (!take_prefix(c, engine_json_string(in, "prefix"), &p))
		return;
	key = record_subject_key(&p, key_bytes);
	if (store_get(e->store, TABLE_ALLOW, key, value, sizeof value, &n) != ERR_OK) {
		engine_answer_error(
			c, 1, "not set by command: limetwig allow list (files and own networks are changed there)");
		return;
	}
	if (!store_del(e->store, TABLE_ALLOW, key) || !allow_changed(e)) {
		engine_answer_error(c, 1, "not stored: disk or table full");
		return;
	}
	engine_audit(e, c, note_of(in), "allow remove %s", engine_json_string(in, "prefix"));
	engine_answer(c, NULL);
}

static bool list_allow(struct slice key, struct slice value, void *ctx)
{
	struct record_allow r;
	char text[PREFIX_TEXT];

	(void)key;
	if (record_get_allow(value, &r) == ERR_OK && (!r.until || r.until > clock_wall_s()))
		(void)json_array_append_new(
			ctx, engine_json_allow(prefix_format(&r.prefix, text), NULL, ALLOW_COMMAND, &r));
	return true;
}

static void list_conf(json_t *list, const struct conf_list *l, enum allow_source source)
{
	for (uint32_t i = 0; i < l->count; i++)
		(void)json_array_append_new(list, engine_json_allow(l->item[i], NULL, source, NULL));
}

/* What the DNS gave for an spf: entry. */
static void add_set(const struct engine *e, json_t *j, struct slice domain)
{
	char name[ALLOW_TEXT];
	json_t *set;

	slice_copy(domain, name, sizeof name);
	set = engine_fetch_spf_one(e, name);
	if (set)
		(void)json_object_set_new(j, "spf", set);
}

/* Domains of freemail: lines are no entries, but counted. */
static json_int_t list_files(const struct engine *e, json_t *list, const struct engine_allow_files *t,
	enum allow_tier tier, bool *ret_is_cut)
{
	size_t before = json_array_size(list);
	struct slice rest = buf_slice(&t->text), line;
	json_int_t freemail = 0;

	while (slice_line(&rest, &line)) {
		struct allow_line l;
		char text[ALLOW_TEXT], label[ALLOW_TEXT];
		bool is_any;
		json_t *j;

		if (allow_line_parse(line, &l, &is_any) != ERR_OK || !is_any)
			continue;
		if (l.form == ALLOW_FREEMAIL_DOMAIN) {
			freemail++;
			continue;
		}
		if (json_array_size(list) - before == ALLOW_SHOWN) {
			*ret_is_cut = true;
			break;
		}
		slice_copy(l.whole, text, sizeof text);
		slice_copy(l.label, label, sizeof label);
		j = engine_json_allow(text, allow_tier_name(tier), ALLOW_FILE, NULL);
		if (tier == ALLOW_TIER_SHARED)
			(void)json_object_set_new(j, "label", engine_json_text(label));
		if (l.form == ALLOW_SPF)
			add_set(e, j, l.text);
		(void)json_array_append_new(list, j);
	}
	return freemail;
}

void engine_command_allow_list(struct engine *e, struct engine_call *c, const json_t *in)
{
	json_t *list = json_array();
	json_int_t freemail;
	bool is_cut = false;

	(void)in;
	list_conf(list, &e->host->conf.own_networks, ALLOW_OWN);
	list_conf(list, &e->host->conf.postfix.own_hosts, ALLOW_OWN);
	list_conf(list, &e->host->conf.forwarders, ALLOW_FORWARDER);
	freemail = list_files(e, list, &e->allow_text, ALLOW_TIER_NEVER, &is_cut);
	if (store_scan(e->store, TABLE_ALLOW, (struct slice){ 0 }, (struct slice){ 0 }, false, list_allow, list) !=
		ERR_OK) {
		json_decref(list);
		engine_answer_error(c, 1, "the store cannot be read");
		return;
	}
	freemail += list_files(e, list, &e->shared_text, ALLOW_TIER_SHARED, &is_cut);
	engine_answer(c, json_pack("{s:o, s:I, s:b, s:b, s:I}", "allow", list, "freemail", freemail, "more", is_cut,
				 "fetch", conf_has_fetch(&e->host->conf), "now", (json_int_t)clock_wall_s()));
}
