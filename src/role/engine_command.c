/*
 * engine_command: the table of commands, the small ones, and how records become
 * JSON.
 * SPDX-License-Identifier: ISC
 */
#include <stdio.h>
#include <unistd.h>

#include "base/escape.h"
#include "io/log.h"
#include "role/engine_feed.h"

#define LIST_LIMIT 1000
#define LIST_MOST 20000

const struct engine_command engine_commands[] = {
	{ "status", false, engine_command_status },
	{ "enforce", true, engine_command_enforce },
	{ "off", true, engine_command_off },
	{ "trap_check", true, engine_command_trap_check },
	{ "trap_reload", true, engine_command_trap_reload },
	{ "trap_list", false, engine_command_trap_list },
	{ "trap_find", true, engine_command_trap_find },
	{ "block_add", true, engine_command_block_add },
	{ "block_remove", true, engine_command_block_remove },
	{ "block_list", false, engine_command_block_list },
	{ "block_confirm", true, engine_command_block_confirm },
	{ "allow_add", true, engine_command_allow_add },
	{ "allow_remove", true, engine_command_allow_remove },
	{ "allow_list", false, engine_command_allow_list },
	{ "why", false, engine_command_why },
	{ "hits", false, engine_command_hits },
	{ "watch", false, engine_command_watch },
	{ "person", true, engine_command_person },
	{ "forget", true, engine_command_forget },
	{ "db_backup", true, engine_command_db_backup },
	{ "export", false, engine_command_export },
	{ "reload", true, engine_command_reload },
	{ "feed_list", false, engine_command_feed_list },
	{ "feed_refresh", true, engine_command_feed_refresh },
	{ "feed_confirm", true, engine_command_feed_confirm },
	{ "feed_find", false, engine_command_feed_find },
	{ "feed_test", true, engine_command_feed_test },
	{ "release", true, engine_command_release },
	{ "rows", false, engine_command_rows },
	{ "row_find", false, engine_command_row_find },
	{ NULL, false, NULL },
};

/* ---- JSON */

const char *engine_json_string(const json_t *in, const char *key)
{
	return json_string_value(json_object_get(in, key));
}

uint64_t engine_json_number(const json_t *in, const char *key, uint64_t otherwise)
{
	const json_t *v = json_object_get(in, key);
	json_int_t n = json_integer_value(v);

	return json_is_integer(v) && n >= 0 ? (uint64_t)n : otherwise;
}

uint64_t engine_list_limit(const json_t *in)
{
	uint64_t limit = engine_json_number(in, "limit", LIST_LIMIT);

	return limit < LIST_MOST ? limit : LIST_MOST;
}

bool engine_json_true(const json_t *in, const char *key)
{
	return json_is_true(json_object_get(in, key));
}

json_t *engine_json_text(const char *s)
{
	json_t *j = json_string(s);
	char escaped[1500];

	return j ? j : json_string(escape_text(slice_str(s), escaped, sizeof escaped));
}

static json_t *json_u64(uint64_t v)
{
	return json_integer((json_int_t)v);
}

static json_t *json_trap_id(uint32_t id)
{
	return id ? json_sprintf("T-%u", id) : json_string("");
}

static const char *state_name(const struct engine *e, const struct record_block *b, uint64_t now)
{
	switch ((enum block_state)b->state) {
	case BLOCK_ACTIVE:
		if (now >= b->until)
			return "expired";
		return engine_is_enforcing(e) ? "active" : "would";
	case BLOCK_LIFTED:
		return "lifted";
	case BLOCK_HELD:
		return now < b->until ? "held" : "expired";
	case BLOCK_MESSAGE:
		return "message";
	case BLOCK_EXPIRED:
	default:
		return "expired";
	}
}

json_t *engine_json_block(struct engine *e, const struct record_block *b)
{
	char subject[PREFIX_TEXT];
	struct block_entry entry;
	bool is_listed = block_index_get(&e->blocks, &b->subject, &entry);
	json_t *j = json_object();
	uint64_t now = clock_wall_s();

	(void)json_object_set_new(j, "subject", json_string(prefix_format(&b->subject, subject)));
	if (subject_is_identity(&b->subject))
		(void)json_object_set_new(j, "identity", engine_json_identity(e, b->sender, b->name));
	(void)json_object_set_new(j, "case", json_string(b->case_id));
	(void)json_object_set_new(j, "state", json_string(state_name(e, b, now)));
	(void)json_object_set_new(j, "since", json_u64(b->since));
	(void)json_object_set_new(j, "until", json_u64(b->until));
	(void)json_object_set_new(j, "offence", json_u64(b->offence));
	(void)json_object_set_new(j, "score", json_real(b->score));
	(void)json_object_set_new(j, "need", json_real(b->need));
	(void)json_object_set_new(j, "good", json_real(b->good));
	(void)json_object_set_new(j, "trap", json_trap_id(b->trap_id));
	(void)json_object_set_new(j, b->cause == CAUSE_FEED ? "feed" : "tag", engine_json_text(b->tag));
	(void)json_object_set_new(j, "name", engine_json_text(b->name));
	(void)json_object_set_new(j, "sender", engine_json_hidden(e, b->sender));
	(void)json_object_set_new(j, "by", engine_json_text(b->by));
	(void)json_object_set_new(j, "note", engine_json_text(b->note));
	(void)json_object_set_new(j, "refusals", json_u64(b->refusals));
	(void)json_object_set_new(j, "last_refusal", json_u64(b->last_refusal));
	(void)json_object_set_new(j, "answered", json_u64(b->answered));
	(void)json_object_set_new(j, "held_s", json_u64(b->held_s));
	(void)json_object_set_new(j, "lifted_at", json_u64(b->lifted_at));
	(void)json_object_set_new(j, "pardon_until", json_u64(b->pardon_until));
	if (decide_block_is_held(b, now))
		(void)json_object_set_new(j, "blast", engine_breaker_json(e, &b->subject, now));
	(void)json_object_set_new(j, "firewall", json_boolean(is_listed && engine_block_in_firewall(e, &entry)));
	return j;
}

json_t *engine_json_hit(struct engine *e, const struct record_hit *h)
{
	char client[IPADDR_TEXT];
	const struct trap *trap = engine_trap_by_id(e, h->trap_id);
	struct engine_who who = engine_who(e, &h->client, h->name, h->sender);
	json_t *j = json_object();

	(void)json_object_set_new(j, "time", json_u64(h->time));
	(void)json_object_set_new(j, "trap", json_trap_id(h->trap_id));
	(void)json_object_set_new(j, "tag", json_string(trap ? trap_table_tag(e->traps, trap) : ""));
	(void)json_object_set_new(j, "grade", json_string(grade_name((enum grade)h->grade)));
	(void)json_object_set_new(j, "counted", json_boolean(h->is_counted));
	(void)json_object_set_new(j, "weight", json_real((double)h->weight));
	(void)json_object_set_new(j, "client", json_string(ipaddr_format(&h->client, client)));
	(void)json_object_set_new(j, "name", engine_json_text(h->name));
	if (who.has_identity)
		(void)json_object_set_new(j, "identity", engine_json_identity(e, h->sender, who.label));
	(void)json_object_set_new(j, "helo", engine_json_hidden(e, h->helo));
	(void)json_object_set_new(j, "sender", engine_json_hidden(e, h->sender));
	(void)json_object_set_new(j, "message_id", engine_json_hidden_hit(e, h->message_id, trap));
	(void)json_object_set_new(j, "subject", engine_json_hidden_hit(e, h->subject, trap));
	(void)json_object_set_new(j, "queue_id", engine_json_text(h->queue_id));
	(void)json_object_set_new(j, "corpus_id", engine_json_text(h->corpus_id));
	(void)json_object_set_new(j, "login", engine_json_hidden(e, h->login));
	return j;
}

json_t *engine_json_allow(const char *entry, const char *tier, enum allow_source source, const struct record_allow *r)
{
	static const char *const tiers[] = { "", "own", "never", "never", "forwarder", "never" };

	return json_pack("{s:o, s:s, s:s, s:I, s:I, s:o, s:o}", "prefix", engine_json_text(entry), "tier",
		tier ? tier : tiers[source], "source", allow_source_name(source), "since",
		(json_int_t)(r ? r->since : 0), "until", (json_int_t)(r ? r->until : 0), "by",
		engine_json_text(r ? r->by : ""), "note", engine_json_text(r ? r->note : ""));
}

enum err engine_find_subject(struct engine *e, const char *what, struct prefix *ret)
{
	char id[CASE_ID_TEXT];
	uint8_t value[RECORD_VALUE];
	struct record_block b;
	struct prefix p;
	size_t n;
	enum err err;

	if (prefix_parse(slice_str(what), &p) == ERR_OK) {
		*ret = p.len == ipaddr_bits(&p.addr) ? engine_subject_of(e, &p.addr) : p;
		return ERR_OK;
	}
	if (strchr(what, '@'))
		return engine_find_identities(e, what, ret, 1) ? ERR_OK : ERR_NOTFOUND;
	err = case_id_parse(slice_str(what), id);
	if (err != ERR_OK)
		return err;
	err = store_get(e->store, TABLE_CASE, slice_str(id), value, sizeof value, &n);
	if (err == ERR_OK)
		err = record_get_block(slice_of(value, n), &b);
	if (err == ERR_OK)
		*ret = b.subject;
	return err;
}

/* ---- small commands */

void engine_command_watch(struct engine *e, struct engine_call *c, const json_t *in)
{
	(void)e;
	(void)in;
	engine_call_watch(c);
	engine_answer(c, NULL);
}

void engine_command_enforce(struct engine *e, struct engine_call *c, const json_t *in)
{
	const char *name = engine_json_string(in, "mode");
	enum mode m, old = e->mode;
	struct ipaddr top;
	unsigned share = engine_counter_top(e, &top);
	const char *advice = "";

	if (!name || !mode_parse(name, &m)) {
		engine_answer_error(c, 2, "mode is monitor, soft or full");
		return;
	}
	if (m != MODE_MONITOR && share > 30 && !engine_json_true(in, "force")) {
		char text[IPADDR_TEXT];

		engine_answer_error(c, 1,
			"one address, %s, makes %u %% of all connections: a proxy, load balancer or NAT is in front, "
			"and a block"
			" would hit everybody behind it. Let Postfix see the real clients (PROXY protocol:"
			" smtpd_upstream_proxy_protocol = haproxy), or add it to own-networks. Anyway: --force",
			ipaddr_format(&top, text), share);
		return;
	}
	if (old != MODE_MONITOR || m == MODE_MONITOR || engine_is_ready(e, clock_wall_s(), &advice))
		advice = "";
	e->host->conf.is_off = false;
	engine_set_mode(e, m);
	engine_audit(e, c, engine_json_string(in, "note"), "enforce %s (was %s)", mode_name(m), mode_name(old));
	engine_watch(e, "mode", "old=%s new=%s", mode_name(old), mode_name(m));
	engine_answer(c, json_pack("{s:s, s:s, s:s}", "old", mode_name(old), "new", mode_name(m), "advice", advice));
}

void engine_command_off(struct engine *e, struct engine_call *c, const json_t *in)
{
	e->host->conf.is_off = true;
	engine_block_sync(e);
	engine_audit(e, c, engine_json_string(in, "note"), "off");
	engine_watch(e, "mode", "old=%s new=off", mode_name(e->mode));
	engine_answer(c, NULL);
}

static void reload_done(void *ctx)
{
	struct engine_trap_status t;

	engine_trap_get_status(engine_call_engine(ctx), &t);
	engine_answer(ctx, json_pack("{s:I}", "bad", (json_int_t)t.bad));
}

void engine_command_reload(struct engine *e, struct engine_call *c, const json_t *in)
{
	engine_audit(e, c, engine_json_string(in, "note"), "reload");
	engine_trap_reload(e, reload_done, c);
}
