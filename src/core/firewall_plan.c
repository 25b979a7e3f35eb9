/*
 * firewall_plan: one map from prefix to (until, on which list, seen when).
 * SPDX-License-Identifier: ISC
 */
#include "core/firewall_plan.h"

#define WALK_STEP 16    /* homes; hold about 12 entries */
#define WALK_STEPS 4096 /* at most in one call, so that the loop goes on */

struct want {
	uint32_t until; /* seconds of the clock that now_ms is of */
	uint16_t list;  /* the last full list that had it */
	uint16_t seen;  /* == plan.seen: believed present */
	char case_id[CASE_ID_TEXT];
};

void firewall_plan_init(struct firewall_plan *p, const uint8_t key[SIPHASH_KEY], size_t max_elements, uint64_t now_ms)
{
	*p = (struct firewall_plan){ .list = 1, .seen = 1, .tokens = FIREWALL_BURST * 1000ull, .tokens_ms = now_ms };
	prefix_map_init(&p->wanted, key, sizeof(struct want), max_elements);
}

void firewall_plan_done(struct firewall_plan *p)
{
	prefix_map_done(&p->wanted);
}

void firewall_plan_set_max(struct firewall_plan *p, size_t max_elements)
{
	p->wanted.cap = max_elements;
}

enum err firewall_plan_set_never(struct firewall_plan *p, const struct prefix *never, size_t n)
{
	p->nevers = n < FIREWALL_NEVER ? n : FIREWALL_NEVER;
	for (size_t i = 0; i < p->nevers; i++)
		p->never[i] = never[i];
	return n > FIREWALL_NEVER ? ERR_LIMIT : ERR_OK;
}

bool firewall_plan_is_never(const struct firewall_plan *p, const struct prefix *a)
{
	if (ipaddr_is_private(&a->addr))
		return true;
	for (size_t i = 0; i < p->nevers; i++)
		if (prefix_overlaps(&p->never[i], a))
			return true;
	return false;
}

static bool prefix_is_wide(const struct prefix *a)
{
	return a->len < (a->addr.family == 4 ? FIREWALL_MIN_LEN4 : FIREWALL_MIN_LEN6);
}

static bool prefix_is_masked(const struct prefix *a)
{
	struct prefix m = prefix_of(&a->addr, a->len);

	return ipaddr_eq(&m.addr, &a->addr);
}

static bool rate_take(struct firewall_plan *p, uint64_t now_ms)
{
	uint64_t passed = now_ms > p->tokens_ms ? now_ms - p->tokens_ms : 0;

	if (passed > FIREWALL_BURST) /* long enough to be full in any case */
		passed = FIREWALL_BURST;
	p->tokens += passed * FIREWALL_RATE;
	p->tokens_ms = now_ms;
	if (p->tokens > FIREWALL_BURST * 1000ull)
		p->tokens = FIREWALL_BURST * 1000ull;
	if (p->tokens < 1000)
		return false;
	p->tokens -= 1000;
	return true;
}

static enum err add_check(struct firewall_plan *p, const struct prefix *a, uint32_t ttl_s, uint64_t now_ms)
{
	if (a->addr.family == 0 || prefix_is_wide(a) || !prefix_is_masked(a) || ttl_s == 0)
		return ERR_SYNTAX;
	if (firewall_plan_is_never(p, a))
		return ERR_DENIED;
	return p->is_listing || rate_take(p, now_ms) ? ERR_OK : ERR_AGAIN;
}

static bool is_near(uint64_t a, uint64_t b)
{
	return a <= b + FIREWALL_SLACK_S && b <= a + FIREWALL_SLACK_S;
}

static void want_set_seen(struct firewall_plan *p, struct want *w, bool is_present)
{
	bool was = w->seen == p->seen;

	if (is_present && !was)
		p->present++;
	else if (!is_present && was)
		p->present--;
	w->seen = is_present ? p->seen : 0;
}

enum err firewall_plan_add(
	struct firewall_plan *p, const struct prefix *a, uint32_t ttl_s, uint64_t now_ms, struct fw_op *ret_op)
{
	uint64_t now = now_ms / 1000;
	struct want *w;
	void *value;
	enum err e = add_check(p, a, ttl_s, now_ms);
	bool is_same;

	if (e == ERR_OK)
		e = prefix_map_put(&p->wanted, a, &value, NULL);
	if (e != ERR_OK) {
		p->refused++;
		return e;
	}
	if (ttl_s > FIREWALL_MAX_TTL)
		ttl_s = FIREWALL_MAX_TTL;
	w = value;
	w->list = p->list;
	is_same = p->is_listing && w->seen == p->seen && is_near(w->until, now + ttl_s);
	if (is_same)
		return ERR_EXISTS;
	w->until = (uint32_t)(now + ttl_s);
	want_set_seen(p, w, false);
	*ret_op = (struct fw_op){ .is_add = true, .prefix = *a, .ttl_s = ttl_s };
	return ERR_OK;
}

void firewall_plan_name(struct firewall_plan *p, const struct prefix *a, const char case_id[CASE_ID_TEXT])
{
	struct want *w = prefix_map_get(&p->wanted, a);

	if (w)
		memcpy(w->case_id, case_id, sizeof w->case_id);
}

bool firewall_plan_is_present(const struct firewall_plan *p, const struct prefix *a)
{
	const struct want *w = prefix_map_get(&p->wanted, a);

	return w && w->seen == p->seen;
}

void firewall_plan_del(struct firewall_plan *p, const struct prefix *a, struct fw_op *ret_op)
{
	struct want *w = prefix_map_get(&p->wanted, a);

	if (w)
		want_set_seen(p, w, false);
	(void)prefix_map_del(&p->wanted, a);
	*ret_op = (struct fw_op){ .is_add = false, .prefix = *a };
}

void firewall_plan_applied(struct firewall_plan *p, const struct fw_op *op)
{
	struct want *w = prefix_map_get(&p->wanted, &op->prefix);

	if (w)
		want_set_seen(p, w, op->is_add);
}

static void zero_marks(const struct prefix *a, void *value, void *ctx)
{
	struct want *w = value;

	(void)a;
	(void)ctx;
	w->list = w->seen = 0;
}

/* The next number of a mark. Numbers come round after 65,535: then old marks must not look new. */
static uint16_t mark_next(struct firewall_plan *p, uint16_t mark)
{
	uint64_t pos = 0;

	if (mark < UINT16_MAX)
		return (uint16_t)(mark + 1);
	(void)prefix_map_walk(&p->wanted, &pos, SIZE_MAX, zero_marks, NULL);
	p->present = 0;
	firewall_plan_fill_start(p);
	return 1;
}

void firewall_plan_begin(struct firewall_plan *p)
{
	p->list = mark_next(p, p->list);
	p->is_listing = true;
	p->is_purging = false;
}

void firewall_plan_end(struct firewall_plan *p)
{
	if (!p->is_listing)
		return;
	p->is_listing = false;
	p->is_purging = true;
	p->purge_at = 0;
}

void firewall_plan_break(struct firewall_plan *p)
{
	p->is_listing = false;
}

/* What brings a to where it is wanted, for as long as that still is. Returns to. */
static const struct fw_op *op_add(const struct prefix *a, const struct want *w, uint64_t now, struct fw_op *to)
{
	*to = (struct fw_op){ .is_add = true, .prefix = *a, .ttl_s = (uint32_t)(w->until - now) };
	memcpy(to->case_id, w->case_id, sizeof to->case_id);
	return to;
}

struct collect {
	const struct firewall_plan *p;
	uint64_t now;
	struct fw_op *to;
	size_t n, max;
};

static void collect_one(struct collect *c, const struct fw_op *op)
{
	if (c->n < c->max)
		c->to[c->n++] = *op;
}

static void collect_stale(const struct prefix *a, void *value, void *ctx)
{
	struct collect *c = ctx;
	const struct want *w = value;

	if (w->list != c->p->list)
		collect_one(c, &(struct fw_op){ .is_add = false, .prefix = *a });
}

static void collect_missing(const struct prefix *a, void *value, void *ctx)
{
	struct collect *c = ctx;
	const struct want *w = value;
	struct fw_op op;

	if (w->seen != c->p->seen && w->until > c->now)
		collect_one(c, op_add(a, w, c->now, &op));
}

/* Walk on until c is nearly full (a step fits into the room by far). True: there is more. */
static bool collect_walk(const struct firewall_plan *p, uint64_t *pos, struct collect *c,
	void (*fn)(const struct prefix *a, void *value, void *ctx))
{
	bool is_more = true;

	for (unsigned i = 0; is_more && i < WALK_STEPS && c->n + FIREWALL_ROOM <= c->max; i++)
		is_more = prefix_map_walk(&p->wanted, pos, WALK_STEP, fn, c);
	return is_more;
}

size_t firewall_plan_purge(struct firewall_plan *p, struct fw_op *to, size_t max)
{
	struct collect c = { .p = p, .to = to, .max = max };

	if (!p->is_purging)
		return 0;
	p->is_purging = collect_walk(p, &p->purge_at, &c, collect_stale);
	for (size_t i = 0; i < c.n; i++)
		firewall_plan_del(p, &to[i].prefix, &to[i]);
	return c.n;
}

void firewall_plan_forget_present(struct firewall_plan *p)
{
	p->seen = mark_next(p, p->seen);
	p->present = 0;
}

bool firewall_plan_see(struct firewall_plan *p, const struct prefix *a, uint64_t left_s, uint64_t now_ms)
{
	uint64_t now = now_ms / 1000;
	struct want *w = prefix_map_get(&p->wanted, a);

	if (!w || w->until <= now)
		return false;
	want_set_seen(p, w, left_s > 0 && is_near(w->until, now + left_s));
	return true;
}

bool firewall_plan_see_untimed(struct firewall_plan *p, const struct prefix *a, uint64_t now_ms)
{
	struct want *w = prefix_map_get(&p->wanted, a);

	if (!w || w->until <= now_ms / 1000)
		return false;
	want_set_seen(p, w, true);
	return true;
}

void firewall_plan_mend(struct firewall_plan *p, const struct prefix *a, uint64_t now_ms, struct fw_op *ret_op)
{
	uint64_t now = now_ms / 1000;
	struct want *w = prefix_map_get(&p->wanted, a);

	if (w && w->until > now)
		(void)op_add(a, w, now, ret_op);
	else
		*ret_op = (struct fw_op){ .is_add = false, .prefix = *a };
	if (w)
		want_set_seen(p, w, false);
}

enum err firewall_plan_adopt(struct firewall_plan *p, const struct prefix *a, uint64_t left_s, uint64_t now_ms)
{
	struct want *w;
	void *value;
	enum err e;

	if (left_s == 0 || prefix_is_wide(a) || !prefix_is_masked(a) || firewall_plan_is_never(p, a))
		return ERR_DENIED;
	e = prefix_map_put(&p->wanted, a, &value, NULL);
	if (e != ERR_OK)
		return e;
	w = value;
	if (left_s > FIREWALL_MAX_TTL)
		left_s = FIREWALL_MAX_TTL;
	w->until = (uint32_t)(now_ms / 1000 + left_s);
	w->list = p->list;
	want_set_seen(p, w, true);
	return ERR_OK;
}

void firewall_plan_fill_start(struct firewall_plan *p)
{
	p->is_filling = true;
	p->fill_at = 0;
}

size_t firewall_plan_fill(struct firewall_plan *p, uint64_t now_ms, struct fw_op *to, size_t max)
{
	struct collect c = { .p = p, .now = now_ms / 1000, .to = to, .max = max };

	if (!p->is_filling)
		return 0;
	p->is_filling = collect_walk(p, &p->fill_at, &c, collect_missing);
	if (!p->is_filling)
		p->fill_at = 0;
	return c.n;
}

struct sweep {
	struct firewall_plan *p;
	uint64_t now;
	void (*fn)(const struct prefix *a, void *ctx);
	void *ctx;
};

static bool sweep_keep(const struct prefix *a, void *value, void *ctx)
{
	const struct sweep *s = ctx;
	struct want *w = value;

	if (w->until > s->now)
		return true;
	if (s->fn)
		s->fn(a, s->ctx);
	want_set_seen(s->p, w, false);
	return false;
}

void firewall_plan_sweep(struct firewall_plan *p, uint64_t now_ms, size_t budget,
	void (*fn)(const struct prefix *a, void *ctx), void *ctx)
{
	struct sweep s = { .p = p, .now = now_ms / 1000, .fn = fn, .ctx = ctx };

	(void)prefix_map_retain(&p->wanted, budget, sweep_keep, &s);
}
