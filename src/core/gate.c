/*
 * gate: see the header. The cheap and most often decisive look-ups come first:
 * the block index answers "no" for nearly everybody.
 * SPDX-License-Identifier: ISC
 */
#include "core/gate.h"

static bool list_has(const struct conf_list *l, struct slice s)
{
	for (uint32_t i = 0; i < l->count; i++)
		if (slice_eq_nocase(slice_str(l->item[i]), s))
			return true;
	return false;
}

/* The list's entries are "address:port"; IPv6 in brackets or not. */
static bool is_reinjection(const struct conf *c, const struct policy_request *r)
{
	for (uint32_t i = 0; i < c->postfix.reinjection.count; i++) {
		struct slice item = slice_str(c->postfix.reinjection.item[i]);
		size_t colon = slice_rfind(item, ':');
		struct slice host = slice_head(item, colon);

		if (host.n >= 2 && host.p[0] == '[')
			host = slice_of(host.p + 1, host.n - 2);
		if (slice_eq(host, r->server_address) && slice_eq(slice_from(item, colon + 1), r->server_port))
			return true;
	}
	return false;
}

enum gate_origin gate_origin_named(
	const struct gate_view *v, const struct ipaddr *client, struct slice name, struct allow_match *ret)
{
	if ((!allow_find(v->allow, client, name, ret) || ret->tier == ALLOW_TIER_SHARED) && v->feeds &&
		feed_view_allows(v->feeds, client, NULL))
		*ret = (struct allow_match){ ALLOW_TIER_NEVER, ALLOW_FEED, NULL };
	switch (ret->tier) {
	case ALLOW_TIER_OWN:
		return GATE_OWN;
	case ALLOW_TIER_NEVER:
		return GATE_ALLOWED;
	case ALLOW_TIER_SHARED:
		return GATE_SHARED;
	case ALLOW_TIER_FORWARDER:
		return GATE_FORWARDER;
	case ALLOW_TIER_NONE:
	default:
		return GATE_FOREIGN;
	}
}

enum gate_origin gate_origin_of(const struct gate_view *v, const struct ipaddr *client)
{
	struct allow_match match;

	return gate_origin_named(v, client, (struct slice){ 0 }, &match);
}

static void look_at_recipient(const struct gate_view *v, const struct policy_request *r, struct gate_result *g)
{
	const struct trap *trap;

	if (address_parse(r->recipient, &g->recipient) != ERR_OK) {
		g->recipient = (struct address){ 0 };
		return;
	}
	trap = v->traps ? trap_table_find(v->traps, &g->recipient) : NULL;
	if (trap && (trap->state == TRAP_ARMED || trap->state == TRAP_WATCHING))
		g->trap = trap;
}

bool gate_is_open(const struct conf *c, struct slice local)
{
	return list_has(&c->always_open, local);
}

/* The sender at a shared provider: he himself, or all of his domain there. */
static bool is_identity_blocked(
	const struct gate_view *v, const struct policy_request *r, uint64_t now, struct gate_result *g)
{
	struct slice label = slice_str(g->allow.entry->label);
	struct prefix p;

	if (subject_of_sender(v->identity_key, label, r->sender, &p) == ERR_OK &&
		block_index_get(v->blocks, &p, &g->block) && now < g->block.until)
		return true;
	return subject_of_domain(v->identity_key, label, r->sender, &p) == ERR_OK &&
	       block_index_get(v->blocks, &p, &g->block) && now < g->block.until;
}

void gate_look(const struct gate_view *v, const struct policy_request *r, uint64_t now, struct gate_result *ret)
{
	bool has_identities = v->identity_key && block_index_has_length(v->blocks, 6, SUBJECT_IDENTITY_LEN);

	*ret = (struct gate_result){ .origin = GATE_IGNORED };
	if (ipaddr_parse(r->client_address, &ret->client) != ERR_OK)
		return;
	if (v->conf->postfix.reinjection.count && is_reinjection(v->conf, r))
		return;
	if (r->sasl_username.n ||
		(v->conf->postfix.submission.count && list_has(&v->conf->postfix.submission, r->server_port)))
		ret->origin = GATE_LOGIN;
	else
		ret->origin = GATE_FOREIGN;
	if (r->state == POLICY_RCPT)
		look_at_recipient(v, r, ret);
	if (ret->origin != GATE_FOREIGN)
		return;
	ret->is_blocked = block_index_find(v->blocks, &ret->client, now, &ret->block);
	ret->is_listed = !ret->is_blocked && v->feeds && r->state == POLICY_RCPT &&
			 feed_view_blocks(v->feeds, &ret->client, &ret->feed);
	if (!ret->is_blocked && !ret->is_listed && !ret->trap && !has_identities && r->state == POLICY_RCPT)
		return; /* nobody asks who he is: the allow list need not be searched */
	ret->origin = gate_origin_named(v, &ret->client, r->client_name, &ret->allow);
	if (ret->origin != GATE_FOREIGN) {
		ret->is_blocked = ret->origin == GATE_SHARED && has_identities && is_identity_blocked(v, r, now, ret);
		ret->is_listed = false;
	}
	if (ret->is_blocked || ret->is_listed)
		ret->is_open = gate_is_open(v->conf, ret->recipient.local);
}
