/*
 * engine_mx: which of our MX addresses a client came to (server_address), and
 * the hit for who took the wrong one. Who is innocent says core/mx_order.
 * SPDX-License-Identifier: ISC
 */
#include "role/engine_session.h"

#include "role/engine_hit.h"

#define HITS 16 /* at one visit to the better one; the rest at the next */

/* By now he may be blocked, allowed, or a shared provider. */
static void hit(struct engine *e, const struct mx_visit *v)
{
	struct engine_hit h = { .grade = GRADE_MISROUTED, .is_charged = true };
	struct engine_who who = engine_who(e, &v->client, v->name, v->sender);
	struct record_hit r = { .time = clock_wall_s(), .grade = GRADE_MISROUTED, .client = v->client };
	struct engine_subject *s = engine_subject_get(e, &who.subject);
	struct decide_event ev;
	struct block_entry b;
	bool is_old;

	if (!s || who.origin != GATE_FOREIGN || block_index_find(&e->blocks, &v->client, r.time, &b))
		return;
	slice_copy(slice_str(v->name), r.name, sizeof r.name);
	slice_copy(slice_str(v->helo), r.helo, sizeof r.helo);
	slice_copy(slice_str(v->sender), r.sender, sizeof r.sender);
	ev = engine_settle_event(e, NULL, NULL, &who, &v->client, v->name, v->sender, engine_random());
	ev.trap_weight = 1;
	(void)engine_settle(e, s, &ev, &r, &h, &is_old);
	e->sessions->misrouted++;
}

static void came_to_better(struct engine *e, const struct gate_result *g, uint64_t now)
{
	struct gate_view view = engine_gate_view(e);
	struct mx_visit v;

	if (gate_origin_of(&view, &g->client) == GATE_OWN)
		return; /* that it can be reached from inside says nothing */
	mx_order_better(&e->sessions->mx, &g->client, now);
	for (unsigned i = 0; i < HITS && mx_order_next(&e->sessions->mx, now, &v); i++)
		hit(e, &v);
}

static void came_to_worse(struct engine *e, const struct policy_request *r, const struct gate_result *g, uint64_t now)
{
	struct gate_view view = engine_gate_view(e);
	struct slice name = slice_eq(r->client_name, SLICE_LIT("unknown")) ? SLICE_LIT("") : r->client_name;
	struct mx_visit v = { .at = now, .client = g->client };
	struct allow_match match;

	if (g->is_blocked || gate_origin_named(&view, &g->client, name, &match) != GATE_FOREIGN)
		return;
	slice_copy(name, v.name, sizeof v.name);
	slice_copy(r->helo_name, v.helo, sizeof v.helo);
	slice_copy(r->sender, v.sender, sizeof v.sender);
	e->sessions->visits += mx_order_worse(&e->sessions->mx, &v);
}

void engine_mx_rcpt(struct engine *e, const struct policy_request *r, const struct gate_result *g)
{
	struct mx_order *m = &e->sessions->mx;
	uint64_t now = engine_mono_s();
	struct ipaddr server;
	enum mx_side side;

	if (!mx_order_is_on(m) || g->origin == GATE_LOGIN || ipaddr_parse(r->server_address, &server) != ERR_OK)
		return;
	side = mx_order_side(m, &server);
	if (side == MX_BETTER)
		came_to_better(e, g, now);
	else if (side == MX_WORSE)
		came_to_worse(e, r, g, now);
}
