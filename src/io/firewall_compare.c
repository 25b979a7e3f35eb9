/*
 * firewall_compare: is the kernel's table as io/firewall_form says? Chains and
 * sets field by field, rules by the text of their expressions.
 * SPDX-License-Identifier: ISC
 */
#include "io/firewall_form_private.h"

#include <errno.h>
#include <libnftnl/chain.h>
#include <libnftnl/expr.h>
#include <libnftnl/rule.h>
#include <libnftnl/set.h>
#include <libnftnl/table.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <stdio.h>
#include <stdlib.h>

#define RULE_TEXT 1024 /* the longest of ours has about 400 */

/* The expressions of a rule as text, which is the same for a rule made here and its copy from the kernel. */
struct text {
	char s[RULE_TEXT];
	size_t n;
};

static int expr_text(struct nftnl_expr *e, void *data)
{
	struct text *t = data;
	int n = nftnl_expr_snprintf(t->s + t->n, sizeof t->s - t->n, e, NFTNL_OUTPUT_DEFAULT, 0);

	t->n += n > 0 ? (size_t)n : 0;
	if (t->n + 2 >= sizeof t->s)
		t->n = sizeof t->s - 2; /* longer than any of ours: cannot be equal */
	t->s[t->n++] = '\n';
	t->s[t->n] = '\0';
	return 0;
}

static void rule_text(struct nftnl_rule *r, struct text *ret)
{
	const char *chain = nftnl_rule_get_str(r, NFTNL_RULE_CHAIN);

	ret->n = (size_t)snprintf(ret->s, sizeof ret->s, "%.60s\n", chain ? chain : "");
	(void)nftnl_expr_foreach(r, expr_text, ret);
}

struct compare {
	struct firewall_form *f;
	bool is_unfit, is_nomem, is_other_chain;
	struct text *want; /* the rules that should be there; empty text: seen */
	unsigned wants, seen;
	bool is_other_rule;
	struct firewall_set found[FIREWALL_SETS];
	unsigned founds;
};

static bool is_ours(const char *table)
{
	return table && strcmp(table, FIREWALL_TABLE) == 0;
}

static bool chain_fits(const struct firewall_form *f, const struct nftnl_chain *n)
{
	const char *name = nftnl_chain_get_str(n, NFTNL_CHAIN_NAME), *type = nftnl_chain_get_str(n, NFTNL_CHAIN_TYPE);
	struct firewall_chain want[FIREWALL_CHAINS_MAX];
	unsigned i, chains = firewall_form_chains(f, want);

	for (i = 0; i < chains && (!name || strcmp(name, want[i].name) != 0); i++)
		;
	if (i == chains)
		return false;
	if (!want[i].type)
		return !nftnl_chain_is_set(n, NFTNL_CHAIN_HOOKNUM);
	return type && strcmp(type, want[i].type) == 0 && nftnl_chain_get_u32(n, NFTNL_CHAIN_HOOKNUM) == want[i].hook &&
	       nftnl_chain_get_s32(n, NFTNL_CHAIN_PRIO) == want[i].priority &&
	       nftnl_chain_get_u32(n, NFTNL_CHAIN_POLICY) == NF_ACCEPT;
}

static void note_chain(struct compare *c, const char *name)
{
	struct firewall_form *f = c->f;

	if (f->olds == FIREWALL_OLD_CHAINS || strlen(name) >= sizeof f->old[0])
		c->is_unfit = true;
	else
		slice_copy(slice_str(name), f->old[f->olds++], sizeof f->old[0]);
}

static int see_chain(const struct nlmsghdr *h, void *ctx)
{
	struct compare *c = ctx;
	struct nftnl_chain *n = nftnl_chain_alloc();

	if (!n || nftnl_chain_nlmsg_parse(h, n) < 0) {
		c->is_nomem = true;
	} else if (is_ours(nftnl_chain_get_str(n, NFTNL_CHAIN_TABLE))) {
		c->is_other_chain |= !chain_fits(c->f, n);
		note_chain(c, nftnl_chain_get_str(n, NFTNL_CHAIN_NAME));
	}
	if (n)
		nftnl_chain_free(n);
	return MNL_CB_OK;
}

static bool set_fits(const struct compare *c, const struct nftnl_set *n, struct firewall_set *ret)
{
	const char *name = nftnl_set_get_str(n, NFTNL_SET_NAME);

	return name && firewall_set_parse(name, ret) && c->founds < FIREWALL_SETS &&
	       nftnl_set_get_u32(n, NFTNL_SET_KEY_LEN) == firewall_set_width(*ret) / 8 &&
	       nftnl_set_get_u32(n, NFTNL_SET_FLAGS) == NFT_SET_TIMEOUT &&
	       nftnl_set_get_u32(n, NFTNL_SET_GC_INTERVAL) == FIREWALL_GC_MS &&
	       nftnl_set_get_u32(n, NFTNL_SET_DESC_SIZE) == firewall_form_set_size(c->f);
}

static int see_set(const struct nlmsghdr *h, void *ctx)
{
	struct compare *c = ctx;
	struct nftnl_set *n = nftnl_set_alloc();
	struct firewall_set set;

	if (!n || nftnl_set_nlmsg_parse(h, n) < 0)
		c->is_nomem = true;
	else if (!is_ours(nftnl_set_get_str(n, NFTNL_SET_TABLE)))
		;
	else if (set_fits(c, n, &set))
		c->found[c->founds++] = set;
	else
		c->is_unfit = true;
	if (n)
		nftnl_set_free(n);
	return MNL_CB_OK;
}

static void want_rule(struct firewall_rule r, void *ctx)
{
	struct compare *c = ctx;

	if (r.is_bad)
		c->is_nomem = true;
	else
		rule_text(r.r, &c->want[c->wants++]);
	if (r.r)
		nftnl_rule_free(r.r);
}

static int see_rule(const struct nlmsghdr *h, void *ctx)
{
	struct compare *c = ctx;
	struct nftnl_rule *n = nftnl_rule_alloc();
	struct text t;
	unsigned i;

	if (!n || nftnl_rule_nlmsg_parse(h, n) < 0) {
		c->is_nomem = true;
	} else if (is_ours(nftnl_rule_get_str(n, NFTNL_RULE_TABLE))) {
		rule_text(n, &t);
		for (i = 0; i < c->wants && strcmp(c->want[i].s, t.s) != 0; i++)
			;
		if (i < c->wants) {
			c->want[i].s[0] = '\0';
			c->seen++;
		} else {
			c->is_other_rule = true;
		}
	}
	if (n)
		nftnl_rule_free(n);
	return MNL_CB_OK;
}

static int see_table(const struct nlmsghdr *h, void *ctx)
{
	struct compare *c = ctx;
	struct nftnl_table *n = nftnl_table_alloc();

	if (!n || nftnl_table_nlmsg_parse(h, n) < 0)
		c->is_nomem = true;
	else
		c->is_unfit |= nftnl_table_get_u32(n, NFTNL_TABLE_FLAGS) != 0; /* dormant, or owned by somebody */
	if (n)
		nftnl_table_free(n);
	return MNL_CB_OK;
}

/* A dump of one kind in our table (attribute 1 of all kinds is the table). */
static enum err compare_dump(struct compare *c, struct nft_socket *s, uint16_t type, mnl_cb_t fn)
{
	mnl_attr_put_strz(nft_request_begin(s, type, NLM_F_DUMP), 1, FIREWALL_TABLE);
	return nft_request(s, fn, c);
}

static enum err compare_table(struct compare *c, struct nft_socket *s, enum firewall_fit *ret)
{
	enum err e;

	mnl_attr_put_strz(nft_request_begin(s, NFT_MSG_GETTABLE, NLM_F_ACK), NFTA_TABLE_NAME, FIREWALL_TABLE);
	e = nft_request(s, see_table, c);
	if (e == ERR_NOTFOUND) {
		*ret = FIREWALL_ABSENT;
		return ERR_OK;
	}
	if (e == ERR_IO && (errno == EINVAL || errno == EOPNOTSUPP))
		return ERR_NOTFOUND; /* nobody in this kernel knows the message */
	*ret = FIREWALL_FITS;
	return e;
}

static enum err compare_rules(struct compare *c, struct nft_socket *s)
{
	c->want = calloc(FIREWALL_SETS + 2 + (FIREWALL_CHAINS_MAX + FIREWALL_FAKES) * FIREWALL_PORTS, sizeof *c->want);
	if (!c->want)
		return ERR_NOMEM;
	firewall_form_each_rule(c->f, want_rule, c);
	return compare_dump(c, s, NFT_MSG_GETRULE, see_rule);
}

/* Every set of ours must be there; those found besides become ours. */
static void compare_take_sets(struct compare *c)
{
	struct firewall_form got = { .sets = c->founds };
	struct firewall_chain chain[FIREWALL_CHAINS_MAX];

	memcpy(got.set, c->found, sizeof got.set);
	for (unsigned i = 0; i < c->f->sets; i++)
		c->is_unfit |= !firewall_form_has(&got, c->f->set[i]);
	c->is_other_chain |= c->f->olds != firewall_form_chains(c->f, chain);
	if (c->is_unfit)
		return;
	memcpy(c->f->set, c->found, sizeof c->found);
	c->f->sets = c->founds;
}

enum err firewall_form_compare(struct firewall_form *f, struct nft_socket *s, enum firewall_fit *ret)
{
	struct compare c = { .f = f };
	enum firewall_fit fit;
	enum err e = compare_table(&c, s, &fit);

	f->olds = 0;
	if (e != ERR_OK || fit == FIREWALL_ABSENT)
		goto out;
	e = compare_dump(&c, s, NFT_MSG_GETCHAIN, see_chain);
	if (e == ERR_OK)
		e = compare_dump(&c, s, NFT_MSG_GETSET, see_set);
	if (e != ERR_OK)
		goto out;
	compare_take_sets(&c);
	if (!c.is_unfit && !c.is_other_chain)
		e = compare_rules(&c, s);
	if (c.is_unfit)
		fit = FIREWALL_UNFIT;
	else if (c.is_other_chain)
		fit = FIREWALL_CHAINS;
	else if (c.is_other_rule || c.seen != c.wants)
		fit = FIREWALL_RULES;
out:
	free(c.want);
	if (e == ERR_OK && c.is_nomem)
		e = ERR_NOMEM;
	if (e == ERR_OK)
		*ret = fit;
	return e;
}
