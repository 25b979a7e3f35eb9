/*
 * firewall_form: libnftnl objects. A failed allocation makes the transaction
 * bad, so that nothing half-made is sent.
 * SPDX-License-Identifier: ISC
 */
#include "io/firewall_form_private.h"

#include <arpa/inet.h>
#include <libnftnl/chain.h>
#include <libnftnl/rule.h>
#include <libnftnl/set.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <netinet/in.h>
#include <stdio.h>

#include "base/num.h"

#define CHAIN_INPUT "input"
#define CHAIN_FORWARD "forward"
#define CHAIN_FAKE "fake"
#define CHAIN_BLOCKED "blocked"
#define CHAIN_LED "led"
#define CHAIN_PRIORITY (-10)      /* before the site's own filter (0) */
#define CHAIN_PRIORITY_LED (-155) /* before the site's own mangle (-150), behind connection tracking */
#define CHAIN_PRIORITY_NAT (-110) /* before the site's own dstnat (-100), and that of containers */
#define TRIAL_TABLE "limetwig-trial"

#define SET_TYPE_IPV4 7 /* numbers by which nft prints elements */
#define SET_TYPE_IPV6 8

#define TCP_OFFSET_DPORT 2
#define TCP_OFFSET_FLAGS 13
#define TCP_MASK_NEW 0x17 /* fin, syn, rst, ack */
#define TCP_SYN 0x02

bool firewall_form_has(const struct firewall_form *f, struct firewall_set set)
{
	for (unsigned i = 0; i < f->sets; i++)
		if (f->set[i].family == set.family && f->set[i].len == set.len)
			return true;
	return false;
}

unsigned firewall_set_width(struct firewall_set set)
{
	return set.family == 4 ? 32 : 128;
}

const char *firewall_set_name(struct firewall_set set, char to[FIREWALL_SET_NAME])
{
	if (set.len == firewall_set_width(set))
		(void)snprintf(to, FIREWALL_SET_NAME, "host%u", set.family);
	else
		(void)snprintf(to, FIREWALL_SET_NAME, "net%u_%u", set.family, set.len);
	return to;
}

bool firewall_set_parse(const char *name, struct firewall_set *ret)
{
	char made[FIREWALL_SET_NAME];
	struct firewall_set set = { 0 };
	uint64_t len;

	if (strcmp(name, "host4") == 0) {
		set = (struct firewall_set){ 4, 32 };
	} else if (strcmp(name, "host6") == 0) {
		set = (struct firewall_set){ 6, 128 };
	} else if (strncmp(name, "net4_", 5) == 0 || strncmp(name, "net6_", 5) == 0) {
		set.family = (uint8_t)(name[3] - '0');
		if (num_parse(slice_str(name + 5), firewall_set_width(set), &len) != ERR_OK)
			return false;
		set.len = (uint8_t)len;
	} else {
		return false;
	}
	if (strcmp(firewall_set_name(set, made), name) != 0)
		return false;
	*ret = set;
	return true;
}

static struct firewall_rule rule_new_in(const char *table, const char *chain)
{
	struct firewall_rule r = { .r = nftnl_rule_alloc() };

	if (!r.r)
		return (struct firewall_rule){ .is_bad = true };
	nftnl_rule_set_u32(r.r, NFTNL_RULE_FAMILY, NFPROTO_INET);
	nftnl_rule_set_str(r.r, NFTNL_RULE_TABLE, table);
	nftnl_rule_set_str(r.r, NFTNL_RULE_CHAIN, chain);
	return r;
}

static struct firewall_rule rule_new(const char *chain)
{
	return rule_new_in(FIREWALL_TABLE, chain);
}

/* Is a blocked client's first packet given to our listener as it is? Else, with redirect, its port is changed. */
static bool is_given(const struct firewall_form *f)
{
	return f->redirect && !f->is_forward;
}

/* tcp dport PORT tcp flags & (fin | syn | rst | ack) == syn jump blocked */
static struct firewall_rule rule_port(const struct firewall_form *f, const char *chain, uint16_t port)
{
	static const uint8_t tcp = IPPROTO_TCP, mask = TCP_MASK_NEW, syn = TCP_SYN;
	struct firewall_rule r = rule_new(chain);
	uint16_t wire_port = htons(port);

	if (is_given(f))
		firewall_rule_local(&r);
	firewall_rule_meta(&r, NFT_META_L4PROTO);
	firewall_rule_equals(&r, &tcp, sizeof tcp);
	firewall_rule_payload(&r, NFT_PAYLOAD_TRANSPORT_HEADER, TCP_OFFSET_DPORT, sizeof wire_port);
	firewall_rule_equals(&r, &wire_port, sizeof wire_port);
	firewall_rule_payload(&r, NFT_PAYLOAD_TRANSPORT_HEADER, TCP_OFFSET_FLAGS, sizeof mask);
	firewall_rule_mask(&r, &mask, sizeof mask);
	firewall_rule_equals(&r, &syn, sizeof syn);
	firewall_rule_verdict(&r, NFT_JUMP, CHAIN_BLOCKED);
	return r;
}

/* ip saddr & MASK @SET reject with tcp reset */
static struct firewall_rule rule_set(const struct firewall_form *f, struct firewall_set set)
{
	struct ipaddr ones = { .family = set.family };
	uint8_t family = set.family == 4 ? NFPROTO_IPV4 : NFPROTO_IPV6;
	struct firewall_rule r = rule_new(CHAIN_BLOCKED);
	char name[FIREWALL_SET_NAME];
	uint32_t width = firewall_set_width(set) / 8;

	memset(ones.b, 0xff, width);
	firewall_rule_meta(&r, NFT_META_NFPROTO);
	firewall_rule_equals(&r, &family, sizeof family);
	firewall_rule_payload(&r, NFT_PAYLOAD_NETWORK_HEADER, set.family == 4 ? 12 : 8, width);
	if (set.len < width * 8)
		firewall_rule_mask(&r, prefix_of(&ones, set.len).addr.b, width);
	firewall_rule_lookup(&r, firewall_set_name(set, name));
	if (is_given(f))
		firewall_rule_verdict(&r, NFT_GOTO, CHAIN_LED);
	else if (f->redirect)
		firewall_rule_redirect(&r, f->redirect);
	else if (f->is_drop)
		firewall_rule_verdict(&r, NF_DROP, NULL);
	else
		firewall_rule_reset(&r);
	return r;
}

static void rule_put(struct firewall_rule r, void *ctx)
{
	struct nft_socket *s = ctx;

	if (r.is_bad)
		s->is_bad = true;
	else
		nftnl_rule_nlmsg_build_payload(nft_batch_add(s, NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND), r.r);
	if (r.r)
		nftnl_rule_free(r.r);
}

unsigned firewall_form_chains(const struct firewall_form *f, struct firewall_chain to[FIREWALL_CHAINS_MAX])
{
	unsigned n = 0;

	to[n++] = (struct firewall_chain){ .name = CHAIN_BLOCKED };
	if (is_given(f)) {
		to[n++] = (struct firewall_chain){ .name = CHAIN_LED };
		to[n++] = (struct firewall_chain){ CHAIN_INPUT, "filter", NF_INET_PRE_ROUTING, CHAIN_PRIORITY_LED };
	} else if (f->redirect) {
		to[n++] = (struct firewall_chain){ CHAIN_INPUT, "nat", NF_INET_PRE_ROUTING, CHAIN_PRIORITY_NAT };
	} else {
		to[n++] = (struct firewall_chain){ CHAIN_INPUT, "filter", NF_INET_LOCAL_IN, CHAIN_PRIORITY };
		if (f->is_forward)
			to[n++] = (struct firewall_chain){ CHAIN_FORWARD, "filter", NF_INET_FORWARD, CHAIN_PRIORITY };
	}
	if (f->fakes) /* the last */
		to[n++] = (struct firewall_chain){ CHAIN_FAKE, "filter", NF_INET_LOCAL_IN, CHAIN_PRIORITY };
	return n;
}

/* tproxy to :PORT accept; nobody listens there: drop, so that he asks again in a second */
static struct firewall_rule rule_led(const struct firewall_form *f, bool is_last)
{
	struct firewall_rule r = rule_new(CHAIN_LED);

	if (!is_last)
		firewall_rule_tproxy(&r, f->redirect);
	firewall_rule_verdict(&r, is_last ? NF_DROP : NF_ACCEPT, NULL);
	return r;
}

void firewall_form_each_rule(const struct firewall_form *f, void (*fn)(struct firewall_rule r, void *ctx), void *ctx)
{
	struct firewall_chain chain[FIREWALL_CHAINS_MAX];
	unsigned n = firewall_form_chains(f, chain);

	for (unsigned i = 0; i < f->sets; i++)
		fn(rule_set(f, f->set[i]), ctx);
	for (unsigned i = 0; is_given(f) && i < 2; i++)
		fn(rule_led(f, i == 1), ctx);
	for (unsigned c = 0; c < n - (f->fakes > 0); c++)
		for (unsigned i = 0; chain[c].type && i < f->ports; i++)
			fn(rule_port(f, chain[c].name, f->port[i]), ctx);
	for (unsigned a = 0; a < f->fakes; a++)
		for (unsigned i = 0; i < f->ports; i++) {
			struct firewall_rule r = rule_new(CHAIN_FAKE);

			firewall_rule_fake(&r, &f->fake[a], f->port[i]);
			fn(r, ctx);
		}
}

static void chain_put(const char *table, const struct firewall_chain *chain, struct nft_socket *s)
{
	struct nftnl_chain *c = nftnl_chain_alloc();

	if (!c) {
		s->is_bad = true;
		return;
	}
	nftnl_chain_set_str(c, NFTNL_CHAIN_TABLE, table);
	nftnl_chain_set_str(c, NFTNL_CHAIN_NAME, chain->name);
	if (chain->type) {
		nftnl_chain_set_str(c, NFTNL_CHAIN_TYPE, chain->type);
		nftnl_chain_set_u32(c, NFTNL_CHAIN_HOOKNUM, chain->hook);
		nftnl_chain_set_s32(c, NFTNL_CHAIN_PRIO, chain->priority);
		nftnl_chain_set_u32(c, NFTNL_CHAIN_POLICY, NF_ACCEPT);
	}
	nftnl_chain_nlmsg_build_payload(nft_batch_add(s, NFT_MSG_NEWCHAIN, NLM_F_CREATE), c);
	nftnl_chain_free(c);
}

/* Elements that are over stay until the next collection: room for them. */
uint32_t firewall_form_set_size(const struct firewall_form *f)
{
	uint64_t n = (uint64_t)f->max_elements + f->max_elements / 4 + 1024;

	return n > UINT32_MAX ? UINT32_MAX : (uint32_t)n;
}

static void set_put(const struct firewall_form *f, struct firewall_set set, uint32_t id, struct nft_socket *s)
{
	struct nftnl_set *n = nftnl_set_alloc();
	char name[FIREWALL_SET_NAME];

	if (!n) {
		s->is_bad = true;
		return;
	}
	nftnl_set_set_str(n, NFTNL_SET_TABLE, FIREWALL_TABLE);
	nftnl_set_set_str(n, NFTNL_SET_NAME, firewall_set_name(set, name));
	nftnl_set_set_u32(n, NFTNL_SET_FLAGS, NFT_SET_TIMEOUT);
	nftnl_set_set_u32(n, NFTNL_SET_KEY_TYPE, set.family == 4 ? SET_TYPE_IPV4 : SET_TYPE_IPV6);
	nftnl_set_set_u32(n, NFTNL_SET_KEY_LEN, firewall_set_width(set) / 8);
	nftnl_set_set_u32(n, NFTNL_SET_ID, id);
	nftnl_set_set_u32(n, NFTNL_SET_DESC_SIZE, firewall_form_set_size(f));
	nftnl_set_set_u32(n, NFTNL_SET_GC_INTERVAL, FIREWALL_GC_MS);
	nftnl_set_nlmsg_build_payload(nft_batch_add(s, NFT_MSG_NEWSET, NLM_F_CREATE), n);
	nftnl_set_free(n);
}

static void table_message(struct nft_socket *s, const char *name, uint16_t type, uint16_t flags)
{
	mnl_attr_put_strz(nft_batch_add(s, type, flags), NFTA_TABLE_NAME, name);
}

void firewall_form_put_delete(struct nft_socket *s)
{
	table_message(s, FIREWALL_TABLE, NFT_MSG_DELTABLE, 0);
}

void firewall_form_put_table(const struct firewall_form *f, struct nft_socket *s)
{
	struct firewall_chain chain[FIREWALL_CHAINS_MAX];
	unsigned n = firewall_form_chains(f, chain);

	table_message(s, FIREWALL_TABLE, NFT_MSG_NEWTABLE, NLM_F_CREATE);
	for (unsigned i = 0; i < f->sets; i++)
		set_put(f, f->set[i], i + 1, s);
	for (unsigned i = 0; i < n; i++)
		chain_put(FIREWALL_TABLE, &chain[i], s);
	firewall_form_each_rule(f, rule_put, s);
}

void firewall_form_put_set(const struct firewall_form *f, struct firewall_set set, struct nft_socket *s)
{
	set_put(f, set, 1, s);
	rule_put(rule_set(f, set), s);
}

void firewall_form_put_rules(const struct firewall_form *f, struct nft_socket *s)
{
	/* NFTA_RULE_TABLE alone: the rules of all chains of the table */
	mnl_attr_put_strz(nft_batch_add(s, NFT_MSG_DELRULE, 0), NFTA_RULE_TABLE, FIREWALL_TABLE);
	firewall_form_each_rule(f, rule_put, s);
}

void firewall_form_put_chains(const struct firewall_form *f, struct nft_socket *s)
{
	struct firewall_chain chain[FIREWALL_CHAINS_MAX];
	unsigned n = firewall_form_chains(f, chain);

	mnl_attr_put_strz(nft_batch_add(s, NFT_MSG_DELRULE, 0), NFTA_RULE_TABLE, FIREWALL_TABLE);
	for (unsigned i = 0; i < f->olds; i++) {
		struct nlmsghdr *h = nft_batch_add(s, NFT_MSG_DELCHAIN, 0);

		mnl_attr_put_strz(h, NFTA_CHAIN_TABLE, FIREWALL_TABLE);
		mnl_attr_put_strz(h, NFTA_CHAIN_NAME, f->old[i]);
	}
	for (unsigned i = 0; i < n; i++)
		chain_put(FIREWALL_TABLE, &chain[i], s);
	firewall_form_each_rule(f, rule_put, s);
}

static const struct {
	const char *name;
	const char *chain; /* type of the chain that it is tried in */
	bool is_given, is_nat, is_reset;
} features[] = {
	{ "fib", "filter", true, false, false },
	{ "tproxy", "filter", true, false, false },
	{ "nat", "nat", false, true, false },
	{ "redir", "nat", false, true, false },
	{ "reject", "filter", false, false, true },
};

const char *firewall_form_feature(const struct firewall_form *f, unsigned number)
{
	bool is_needed;

	if (number >= sizeof features / sizeof features[0])
		return NULL;
	is_needed = is_given(f)   ? features[number].is_given
		    : f->redirect ? features[number].is_nat
				  : features[number].is_reset && !f->is_drop;
	is_needed |= f->fakes && features[number].is_reset;
	return is_needed ? features[number].name : "";
}

void firewall_form_put_trial(unsigned number, struct nft_socket *s)
{
	const char *name = features[number].name;
	bool is_reset = features[number].is_reset;
	const struct firewall_chain chain = { "trial", features[number].chain,
		is_reset ? NF_INET_LOCAL_IN : NF_INET_PRE_ROUTING, is_reset ? CHAIN_PRIORITY : CHAIN_PRIORITY_NAT };
	struct firewall_rule r = rule_new_in(TRIAL_TABLE, chain.name);

	/* a packet that comes meanwhile finds nothing: the table is gone in the same transaction */
	table_message(s, TRIAL_TABLE, NFT_MSG_NEWTABLE, NLM_F_CREATE);
	chain_put(TRIAL_TABLE, &chain, s);
	if (strcmp(name, "fib") == 0)
		firewall_rule_local(&r);
	else if (strcmp(name, "tproxy") == 0)
		firewall_rule_tproxy(&r, 1);
	else if (strcmp(name, "redir") == 0)
		firewall_rule_redirect(&r, 1);
	else if (is_reset)
		firewall_rule_reset(&r);
	rule_put(r, s);
	table_message(s, TRIAL_TABLE, NFT_MSG_DELTABLE, 0);
}
