/*
 * engine_feed_block: the first contact of a listed client makes a block of
 * him; it ends when its time is over, or the feed has him no longer.
 * SPDX-License-Identifier: ISC
 */
#include "role/engine_feed.h"

#include <stdlib.h>

#include "core/feed_plan.h"
#include "io/log.h"
#include "role/engine_hit.h"

#define LIFT_HOMES 256  /* of the index, looked at in one stretch: for a feed's block the store is read */
#define LIFT_MOST 2048  /* so many blocks are never in them; more would be looked at with the next set */
#define LIFT_WAIT_MS 50 /* while what was lifted goes to disk */

#define FEED_FLAGS (BLOCK_HOLD | BLOCK_NO_FIREWALL | BLOCK_NO_DNSBL | BLOCK_NO_EXPORT)

/* ---- contact */

static uint64_t room(const struct engine *e)
{
	return (uint64_t)e->host->conf.block.max_blocks * ENGINE_FEED_BLOCKS_PERCENT / 100;
}

static void make_block(
	struct engine *e, struct engine_feed *f, struct engine_subject *s, const struct record_block *b, uint64_t now)
{
	enum err err = engine_block_apply(e, s, b, true);

	if (err == ERR_OK || s->is_unsaved) {
		f->blocked++;
		engine_count(e, engine_is_enforcing(e) ? COUNT_BLOCKED : COUNT_WOULD_BLOCK, now);
	}
	if (err != ERR_OK)
		engine_alarm(e, "block", "block-full", "a block is not stored: table of blocks, disk or store full");
}

void engine_feed_contact(struct engine *e, const struct policy_request *r, struct gate_result *g, uint64_t now)
{
	struct engine_feed *f = &e->feeds->feed[g->feed.feed];
	struct decide_contact c = { .subject = engine_subject_of(e, &g->client),
		.feed = f->name,
		.time_s = f->now.m.time_s,
		.name = slice_eq(r->client_name, SLICE_LIT("unknown")) ? SLICE_LIT("") : r->client_name,
		.sender = r->sender,
		.random = engine_random() };
	struct engine_subject *s;
	struct decide_view v;
	struct record_block b;

	if (!e->feeds->is_ready)
		return;
	if (engine_good(e, &c.subject, now) > 0) {
		f->spared++;
		return;
	}
	if (block_index_count(&e->blocks) >= room(e) || !(s = engine_subject_get(e, &c.subject))) {
		if (f->no_room++ == 0)
			engine_alarm(e, "feed", "feed-room",
				"blocks of feeds have taken their part of block max-blocks (or the disk is behind): "
				"who is listed and new is let through");
		return;
	}
	v = engine_settle_view(e, s, now);
	if (decide_feed(&v, &c, now, &b) == LISTED_BLOCK)
		make_block(e, f, s, &b, now);
	g->is_blocked = block_index_get(&e->blocks, &c.subject, &g->block) && now < g->block.until;
}

/* ---- what a feed wants of its blocks */

static void look_up(const struct engine *e, const char *name, enum conf_feed_action *action, unsigned *layers)
{
	const struct conf *c = &e->host->conf;

	*action = c->feeds.spamd_action;
	*layers = FEED_LAYER_POLICY | FEED_LAYER_FIREWALL;
	for (unsigned i = 0; i < FEEDS_MAX; i++) {
		const struct engine_feed *f = &e->feeds->feed[i];

		if (f->has_set && strcmp(f->name, name) == 0) {
			*action = (enum conf_feed_action)f->now.m.action;
			*layers = f->now.m.layers;
			return;
		}
	}
	for (uint32_t i = 0; i < c->feed_count; i++) {
		if (strcmp(c->feed[i].title, name) == 0) {
			*action = c->feed[i].action;
			(void)feed_plan_layers(c->feed[i].layers, layers); /* the configuration was checked */
		}
	}
}

uint8_t engine_feed_speaker(const struct engine *e, const char *name)
{
	for (unsigned i = 0; i < FEEDS_MAX; i++) {
		const struct engine_feed *f = &e->feeds->feed[i];

		if (f->has_set && f->now.m.text[0] && strcmp(f->name, name) == 0)
			return (uint8_t)(i + 1);
	}
	return 0;
}

const char *engine_feed_says(const struct engine *e, uint8_t speaker)
{
	const struct engine_feed *f = speaker && speaker <= FEEDS_MAX ? &e->feeds->feed[speaker - 1] : NULL;

	return f && f->has_set ? f->now.m.text : "";
}

uint8_t engine_feed_flags(const struct engine *e, const char *name)
{
	enum conf_feed_action action;
	unsigned layers;

	look_up(e, name, &action, &layers);
	return (uint8_t)((action == FEED_ACTION_TARPIT ? BLOCK_HOLD : 0) |
			 (layers & FEED_LAYER_FIREWALL ? 0 : BLOCK_NO_FIREWALL) |
			 (layers & FEED_LAYER_DNSBL ? 0 : BLOCK_NO_DNSBL) |
			 (layers & FEED_LAYER_EXPORT ? 0 : BLOCK_NO_EXPORT));
}

/* ---- lifting */

struct lifting {
	struct engine *e;
	size_t count;
	struct block_entry entry[LIFT_MOST];
};

static void collect(const struct block_entry *b, void *ctx)
{
	struct lifting *l = ctx;

	if ((b->flags & BLOCK_BY_FEED) && l->count < LIFT_MOST)
		l->entry[l->count++] = *b;
}

/* Has its feed still got it? Of a feed that has not come yet nothing is known. */
static bool is_listed(struct engine *e, const struct record_block *b)
{
	const struct engine_feed *f = engine_feed_find(e, b->tag);
	const struct feed_one *one;

	if (!f)
		return !e->feeds->is_all_seen;
	one = &e->feeds->view.feed[engine_feed_number(e->feeds, f)];
	return !f->has_set || (feed_one_blocks(one) && feed_area_overlaps(&one->area, &b->subject));
}

/* False: no room for it now. */
static bool look_at(struct engine *e, const struct block_entry *b)
{
	struct engine_subject *s = engine_subject_get(e, &b->subject);

	if (!s)
		return false;
	if (!s->has_block || s->block.cause != CAUSE_FEED || s->block.state != BLOCK_ACTIVE)
		return true;
	if (!is_listed(e, &s->block)) {
		if (engine_block_end(e, s, "limetwig", "is no longer on the list") != ERR_OK)
			log_warn("block", "case=%s text=\"lifted, will be stored when the store takes writes\"",
				s->block.case_id);
	} else if ((b->flags & FEED_FLAGS) != engine_feed_flags(e, s->block.tag) ||
		   b->feed != engine_feed_speaker(e, s->block.tag)) {
		engine_block_reflag(e, s);
	}
	return true;
}

void engine_feed_lift(struct engine *e)
{
	struct engine_feeds *x = e->feeds;

	if (x->is_lifting) {
		x->is_lift_again = true;
		return;
	}
	x->is_lifting = true;
	x->lift_at = 0;
	engine_feed_job(e, 0);
}

/* Where the disk is behind, the same stretch comes again; what was lifted is gone from it. */
unsigned engine_feed_lift_step(struct engine *e)
{
	struct engine_feeds *x = e->feeds;
	uint64_t at = x->lift_at;
	struct lifting *l;
	size_t done = 0;
	bool is_stuck;

	if (!x->is_lifting)
		return 0;
	l = calloc(1, sizeof *l);
	if (!l)
		return LIFT_WAIT_MS;
	l->e = e;
	x->is_lifting = block_index_walk(&e->blocks, &at, LIFT_HOMES, collect, l);
	while (done < l->count && look_at(e, &l->entry[done]))
		done++;
	if (done == l->count)
		x->lift_at = at;
	else
		x->is_lifting = true;
	is_stuck = l->count > 0 && done == 0;
	free(l);
	if (!x->is_lifting && x->is_lift_again) {
		x->is_lift_again = false;
		x->is_lifting = true;
		x->lift_at = 0;
	}
	return !x->is_lifting ? 0 : is_stuck ? LIFT_WAIT_MS : 1;
}

/* ---- for people */

/* What being on this list means for p. */
static const char *does_of(struct engine *e, const struct feed_one *one, const struct prefix *p, uint64_t now)
{
	if (one->action == FEED_ACTION_ALLOW)
		return "allows";
	if (one->action == FEED_ACTION_SCORE)
		return "scores";
	if (!feed_one_blocks(one))
		return "lists";
	if (engine_block_is_allowed(e, p))
		return "yields"; /* to an allow tier */
	if (engine_good(e, p, now) > 0)
		return "spares";
	return engine_is_enforcing(e) ? "blocks" : "would block";
}

/* The network of the list that p lies in, or one inside p. */
static bool find_prefix(const struct feed_area *a, const struct prefix *p, struct prefix *ret)
{
	if (!feed_area_overlaps(a, p))
		return false;
	if (!feed_area_find(a, &p->addr, ret))
		*ret = *p;
	return true;
}

json_t *engine_feed_listed_json(struct engine *e, const struct prefix *p)
{
	const struct feed_view *v = &e->feeds->view;
	uint64_t now = clock_wall_s();
	json_t *list = json_array();

	for (unsigned i = 0; i < v->count && !subject_is_identity(p); i++) {
		const struct engine_feed *f = &e->feeds->feed[i];
		char text[PREFIX_TEXT];
		struct prefix in;

		if (!v->feed[i].is_used || !find_prefix(&v->feed[i].area, p, &in))
			continue;
		(void)json_array_append_new(
			list, json_pack("{s:s, s:s, s:s, s:s, s:I, s:f}", "feed", f->name, "action",
				      engine_feed_action_name(v->feed[i].action), "prefix", prefix_format(&in, text),
				      "does", does_of(e, &v->feed[i], p, now), "fetched",
				      (json_int_t)engine_feed_good(f), "weight", v->feed[i].weight));
		if (f->now.m.text[0])
			(void)json_object_set_new(json_array_get(list, json_array_size(list) - 1), "says",
				engine_json_text(f->now.m.text));
	}
	return list;
}
