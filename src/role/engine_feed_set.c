/*
 * engine_feed_set: a new set of a feed. Who of our own it has is counted first;
 * with too many hosts that send us good mail it waits for a person. Then the
 * gate is made anew (core/feed_gate), and set and gate change places with the
 * old ones. What the feed is and how large is its own word: the set is hostile
 * until core/feed_area has looked at it, and only addresses afterwards.
 * SPDX-License-Identifier: ISC
 */
#include "role/engine_feed.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "core/subject.h"
#include "io/log.h"

#define STRETCH_HOSTS 4096 /* slots of the ledger, ranges of the allow list: some 100 us */
#define STRETCH_GATE 16384 /* runs */
#define CONFIRM_S 600      /* a set that a person has asked for comes in this time */
#define TIME_MAX (366 * 86400ull)
#define GROWTH 4 /* what a person has confirmed may grow by a quarter */

void engine_feed_set_close(struct engine_feed_set *s)
{
	if (s->memory.map)
		area_memory_close(&s->memory);
	if (s->fd >= 0)
		(void)close(s->fd);
	*s = (struct engine_feed_set){ .fd = -1, .memory = AREA_MEMORY_NONE };
}

static void tell(struct engine *e, const struct msg_feed_set *m, enum feed_took result, const char *text)
{
	struct msg_feed_took t = { .time = m->time, .result = (uint8_t)result };
	uint8_t out[1024];
	struct wr w = wr_init(out, sizeof out);

	slice_copy(slice_str(m->name), t.name, sizeof t.name);
	slice_copy(slice_str(text), t.text, sizeof t.text);
	message_put_feed_took(&w, MSG_FEED_TOOK, &t);
	if (e->host->link[ROLE_FEED] && role_host_send(e->host, ROLE_FEED, &w, NULL, 0) != ERR_OK)
		log_warn("message_lost", "type=FEED_TOOK to=feed");
}

/* fd stays the caller's. */
static enum err set_open(struct engine_feed_set *s, const struct msg_feed_set *m, int fd)
{
	struct engine_feed_set n = { .fd = fcntl(fd, F_DUPFD_CLOEXEC, 0), .memory = AREA_MEMORY_NONE, .m = *m };
	int map = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	enum err err = n.fd < 0 || map < 0 ? ERR_IO : area_memory_open_feed(map, &n.memory, &n.area);

	if (err != ERR_OK) {
		engine_feed_set_close(&n);
		return err;
	}
	if (n.m.time_s > TIME_MAX)
		n.m.time_s = TIME_MAX;
	*s = n;
	return ERR_OK;
}

/* What was under way with the next set of f begins anew, or ends. */
static void forget_next(struct engine *e, struct engine_feed *f)
{
	struct engine_feeds *x = e->feeds;

	if (x->at == (int)engine_feed_number(x, f)) {
		x->at = -1;
		feed_gate_done(&x->gate);
	}
	engine_feed_set_close(&f->next);
	f->wait = FEED_WAIT_NONE;
}

void engine_feed_take(struct engine *e, const struct msg_feed_set *m, int fd)
{
	struct engine_feed *f = engine_feed_find(e, m->name);
	enum err err;

	forget_next(e, f);
	err = set_open(&f->next, m, fd);
	if (err != ERR_OK) {
		log_alarm("feed", "name=%s error=%s text=\"a set cannot be used: the old one stays\"", f->name,
			err_name(err));
		tell(e, m, FEED_BAD, err_name(err));
		return;
	}
	f->wait = FEED_WAIT_TURN;
	engine_feed_job(e, 0);
}

/* ---- whom of ours it has */

static void found(struct engine_collateral *c, enum feed_ours k, const struct prefix *p)
{
	c->count[k]++;
	if (c->shown[k] < ENGINE_FEED_SHOWN)
		c->subject[k][c->shown[k]++] = *p;
}

static bool count_ledger(
	struct engine *e, const struct feed_area *a, struct engine_count_at *at, struct engine_collateral *c)
{
	uint64_t now = clock_wall_s();
	size_t end = at->pos + STRETCH_HOSTS;

	while (at->pos < end) {
		const struct engine_ledger *l = keymap_next(&e->ledger, &at->pos);

		if (!l)
			return false;
		if (subject_is_identity(&l->prefix) || ledger_good(&l->record, now) <= 0)
			continue;
		c->good_hosts++;
		if (feed_area_overlaps(a, &l->prefix))
			found(c, FEED_OURS_GOOD, &l->prefix);
	}
	return true;
}

static enum feed_ours kind_of(const struct engine *e, bool is_shared, const struct ipaddr *first)
{
	struct allow_match m;

	if (is_shared)
		return FEED_OURS_SHARED;
	(void)allow_find(&e->allow, first, (struct slice){ 0 }, &m);
	return m.tier == ALLOW_TIER_NEVER ? FEED_OURS_NEVER : FEED_OURS_OWN;
}

struct find_overlap {
	const struct feed_area *area;
	struct prefix found;
};

static bool is_apart(void *ctx, const struct prefix *p)
{
	struct find_overlap *o = ctx;

	o->found = *p;
	return !feed_area_overlaps(o->area, p);
}

/* The ranges of one of the allow list's tables. */
static bool count_ranges(
	struct engine *e, const struct feed_area *a, struct engine_count_at *at, struct engine_collateral *c)
{
	bool is_shared = at->phase > 2;
	const struct prefix_table *t = is_shared ? &e->allow.shared : &e->allow.never;
	unsigned f = (at->phase - 1) % 2;

	for (unsigned n = 0; n < STRETCH_HOSTS; n++, at->pos++) {
		struct ipaddr first = { .family = f ? 6 : 4 }, last = first;
		struct find_overlap o = { .area = a };
		struct prefix_run6 x;

		if (at->pos >= t->ranges[f])
			return false;
		memcpy(first.b, t->range[f][at->pos].first, sizeof first.b);
		memcpy(last.b, t->range[f][at->pos].last, sizeof last.b);
		x = (struct prefix_run6){ prefix_number_of(&first), prefix_number_of(&last) };
		if (!prefix_run_each(x, f, is_apart, &o))
			found(c, kind_of(e, is_shared, &first), &o.found);
	}
	return true;
}

bool engine_feed_count_step(
	struct engine *e, const struct feed_area *a, struct engine_count_at *at, struct engine_collateral *c)
{
	bool is_more = at->phase == 0 ? count_ledger(e, a, at, c) : count_ranges(e, a, at, c);

	if (!is_more) {
		at->phase++;
		at->pos = 0;
	}
	return at->phase < 5;
}

json_t *engine_feed_ours_json(const struct engine_collateral *c)
{
	static const char *const names[FEED_OURS_KINDS] = { "good", "own", "never", "shared" };
	json_t *j = json_pack("{s:I}", "good_hosts", (json_int_t)c->good_hosts);

	for (unsigned k = 0; k < FEED_OURS_KINDS; k++) {
		json_t *list = json_array();
		char text[PREFIX_TEXT];

		for (unsigned i = 0; i < c->shown[k]; i++)
			(void)json_array_append_new(list, json_string(prefix_format(&c->subject[k][i], text)));
		(void)json_object_set_new(
			j, names[k], json_pack("{s:I, s:o}", "count", (json_int_t)c->count[k], "first", list));
	}
	return j;
}

/* ---- hold it? */

static struct slice confirmed_key(const struct engine_feed *f, char to[CONF_TITLE + 16])
{
	(void)snprintf(to, CONF_TITLE + 16, "feed-good:%s", f->name);
	return slice_str(to);
}

/* Of how many good hosts a person has said that they may be in it. */
static uint64_t confirmed(struct engine *e, const struct engine_feed *f)
{
	char key[CONF_TITLE + 16];
	uint8_t value[16];
	struct rd r;
	size_t n;
	uint64_t count;

	if (store_get(e->store, TABLE_META, confirmed_key(f, key), value, sizeof value, &n) != ERR_OK)
		return 0;
	r = rd_init(value, n);
	count = rd_u64(&r);
	return rd_end(&r) ? count : 0;
}

static void confirm(struct engine *e, const struct engine_feed *f, uint64_t count)
{
	char key[CONF_TITLE + 16];
	uint8_t value[16];
	struct wr w = wr_init(value, sizeof value);

	wr_u64(&w, count);
	if (!store_put(e->store, TABLE_META, confirmed_key(f, key), wr_slice(&w)))
		log_warn("feed", "name=%s text=\"confirmed, but not stored: it will wait again after a restart\"",
			f->name);
}

/* What scores or allows refuses nobody. */
static bool is_harmful(const struct msg_feed_set *m)
{
	return m->action != FEED_ACTION_SCORE && m->action != FEED_ACTION_ALLOW;
}

bool engine_feed_is_too_good(const struct engine_collateral *c)
{
	uint32_t hosts = c->count[FEED_OURS_GOOD];

	return hosts >= ENGINE_FEED_HOLD_HOSTS &&
	       (uint64_t)hosts * 100 > (uint64_t)c->good_hosts * ENGINE_FEED_HOLD_PERCENT;
}

static bool is_to_hold(struct engine *e, struct engine_feed *f)
{
	const struct engine_collateral *c = &f->next.ours;
	uint32_t hosts = c->count[FEED_OURS_GOOD];
	uint64_t known;

	if (!is_harmful(&f->next.m) || !engine_feed_is_too_good(c))
		return false;
	if (engine_mono_s() < f->confirm_until) {
		f->confirm_until = 0;
		confirm(e, f, hosts);
		return false;
	}
	known = confirmed(e, f);
	return hosts > known + known / GROWTH;
}

static void hold(struct engine *e, struct engine_feed *f)
{
	const struct engine_collateral *c = &f->next.ours;
	char key[CONF_TITLE + 16], text[300];

	f->wait = FEED_WAIT_PERSON;
	(void)snprintf(key, sizeof key, "feed-good-%s", f->name);
	(void)snprintf(text, sizeof text,
		"feed %s has %u of %u hosts that send good mail, and waits for you; %s: limetwig feed list, then "
		"limetwig feed confirm %s",
		f->name, c->count[FEED_OURS_GOOD], c->good_hosts,
		f->has_set ? "the last good list acts" : "it does not act", f->name);
	engine_alarm(e, "feed", key, text);
	tell(e, &f->next.m, FEED_HELD, text);
}

/* ---- swap */

static struct feed_one one_of(const struct engine_feed_set *s)
{
	return (struct feed_one){ .area = s->area,
		.is_used = true,
		.action = (enum conf_feed_action)s->m.action,
		.layers = s->m.layers,
		.weight = s->m.weight_milli / 1000.0 };
}

static void swap(struct engine *e, struct engine_feed *f)
{
	struct engine_feeds *x = e->feeds;
	unsigned i = engine_feed_number(x, f);
	bool is_allow = x->view.feed[i].is_used && x->view.feed[i].action == FEED_ACTION_ALLOW;

	engine_feed_set_close(&f->now);
	f->now = f->next;
	f->next = (struct engine_feed_set){ .fd = -1, .memory = AREA_MEMORY_NONE };
	f->wait = FEED_WAIT_NONE;
	f->has_set = true;
	x->view.feed[i] = one_of(&f->now);
	if (x->view.count <= i)
		x->view.count = i + 1;
	feed_gate_done(&x->view.gate);
	x->view.gate = x->gate;
	x->gate = (struct feed_gate){ 0 };
	log_info("feed", "name=%s state=acts entries=%u prefixes=%llu good_hosts=%u", f->name, f->now.m.entries,
		(unsigned long long)f->now.area.prefixes, f->now.ours.count[FEED_OURS_GOOD]);
	engine_watch(e, "feed", "name=%s state=acts entries=%u", f->name, f->now.m.entries);
	tell(e, &f->now.m, FEED_TOOK, "");
	engine_feed_give(e, f);
	if (is_allow || f->now.m.action == FEED_ACTION_ALLOW) {
		engine_feed_holes_changed(e);
		engine_block_recheck(e);
	}
	engine_feed_lift(e);
}

/* One stretch; true: there is more. is_used of the candidate's own old set does not count. */
static bool fill_gate(struct engine *e)
{
	struct engine_feeds *x = e->feeds;

	while (x->gate_feed < FEEDS_MAX) {
		struct feed_one one = x->view.feed[x->gate_feed];

		if (x->at == (int)x->gate_feed)
			one = one_of(&x->feed[x->at].next);
		if (feed_one_blocks(&one) && feed_gate_fill(&x->gate, &one.area, &x->gate_at, STRETCH_GATE))
			return true;
		x->gate_feed++;
		x->gate_at = (struct feed_gate_at){ 0 };
	}
	return false;
}

static void choose(struct engine_feeds *x, bool is_allow)
{
	for (unsigned i = 0; i < FEEDS_MAX && x->at < 0; i++)
		if (x->feed[i].wait == FEED_WAIT_TURN && (x->feed[i].next.m.action == FEED_ACTION_ALLOW) == is_allow)
			x->at = (int)i;
}

/* Those that allow go first: whom they spare no other one blocks in between. */
static bool next_turn(struct engine_feeds *x)
{
	choose(x, true);
	choose(x, false);
	if (x->at < 0)
		return false;
	x->is_counted = false;
	x->count_at = (struct engine_count_at){ 0 };
	x->feed[x->at].next.ours = (struct engine_collateral){ 0 };
	return true;
}

static void counted(struct engine *e, struct engine_feed *f)
{
	struct engine_feeds *x = e->feeds;

	if (is_to_hold(e, f)) {
		hold(e, f);
		x->at = -1;
		return;
	}
	if (feed_gate_init(&x->gate) != ERR_OK) {
		log_alarm("feed", "name=%s text=\"no memory for a new set: the old one stays\"", f->name);
		tell(e, &f->next.m, FEED_BAD, "no memory");
		forget_next(e, f);
		return;
	}
	x->is_counted = true;
	x->gate_feed = 0;
	x->gate_at = (struct feed_gate_at){ 0 };
}

bool engine_feed_set_step(struct engine *e)
{
	struct engine_feeds *x = e->feeds;
	struct engine_feed *f;

	if (x->at < 0)
		return next_turn(x);
	f = &x->feed[x->at];
	if (!x->is_counted) {
		if (!engine_feed_count_step(e, &f->next.area, &x->count_at, &f->next.ours))
			counted(e, f);
		return true;
	}
	if (!fill_gate(e)) {
		swap(e, f);
		x->at = -1;
	}
	return true;
}

bool engine_feed_confirm(struct engine *e, struct engine_feed *f)
{
	f->confirm_until = engine_mono_s() + CONFIRM_S;
	if (f->wait != FEED_WAIT_PERSON)
		return false;
	f->wait = FEED_WAIT_TURN;
	engine_feed_job(e, 0);
	return true;
}

void engine_feed_drop(struct engine *e, struct engine_feed *f)
{
	struct engine_feeds *x = e->feeds;
	unsigned i = engine_feed_number(x, f);
	bool is_allow = x->view.feed[i].is_used && x->view.feed[i].action == FEED_ACTION_ALLOW;

	forget_next(e, f);
	x->view.feed[i] = (struct feed_one){ 0 }; /* the gate says yes too often until the next swap */
	engine_feed_set_close(&f->now);
	if (f->has_set) {
		f->has_set = false;
		engine_feed_give(e, f);
	}
	*f = (struct engine_feed){ .now.fd = -1, .next.fd = -1 };
	if (is_allow) {
		engine_feed_holes_changed(e);
		engine_block_sync(e); /* networks that were no element for its sake */
	}
}
