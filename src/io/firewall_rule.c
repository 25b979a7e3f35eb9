/*
 * firewall_rule: libnftnl expressions, all by way of register 1.
 * SPDX-License-Identifier: ISC
 */
#include "io/firewall_rule.h"

#include <stdio.h> /* libnftnl/expr.h needs it before */

#include <arpa/inet.h>
#include <libnftnl/expr.h>
#include <libnftnl/rule.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_nat.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/rtnetlink.h>

static struct nftnl_expr *rule_expr(struct firewall_rule *r, const char *name)
{
	struct nftnl_expr *e = r->r ? nftnl_expr_alloc(name) : NULL;

	if (e)
		nftnl_rule_add_expr(r->r, e);
	else
		r->is_bad = true;
	return e;
}

void firewall_rule_meta(struct firewall_rule *r, uint32_t key)
{
	struct nftnl_expr *e = rule_expr(r, "meta");

	if (!e)
		return;
	nftnl_expr_set_u32(e, NFTNL_EXPR_META_KEY, key);
	nftnl_expr_set_u32(e, NFTNL_EXPR_META_DREG, NFT_REG_1);
}

void firewall_rule_payload(struct firewall_rule *r, uint32_t base, uint32_t offset, uint32_t len)
{
	struct nftnl_expr *e = rule_expr(r, "payload");

	if (!e)
		return;
	nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_DREG, NFT_REG_1);
	nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_BASE, base);
	nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_OFFSET, offset);
	nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_LEN, len);
}

void firewall_rule_equals(struct firewall_rule *r, const void *data, uint32_t len)
{
	struct nftnl_expr *e = rule_expr(r, "cmp");

	if (!e)
		return;
	nftnl_expr_set_u32(e, NFTNL_EXPR_CMP_SREG, NFT_REG_1);
	nftnl_expr_set_u32(e, NFTNL_EXPR_CMP_OP, NFT_CMP_EQ);
	(void)nftnl_expr_set(e, NFTNL_EXPR_CMP_DATA, data, len);
}

void firewall_rule_mask(struct firewall_rule *r, const uint8_t *mask, uint32_t len)
{
	static const uint8_t zero[16];
	struct nftnl_expr *e = rule_expr(r, "bitwise");

	if (!e)
		return;
	nftnl_expr_set_u32(e, NFTNL_EXPR_BITWISE_SREG, NFT_REG_1);
	nftnl_expr_set_u32(e, NFTNL_EXPR_BITWISE_DREG, NFT_REG_1);
	nftnl_expr_set_u32(e, NFTNL_EXPR_BITWISE_LEN, len);
	(void)nftnl_expr_set(e, NFTNL_EXPR_BITWISE_MASK, mask, len);
	(void)nftnl_expr_set(e, NFTNL_EXPR_BITWISE_XOR, zero, len);
}

void firewall_rule_lookup(struct firewall_rule *r, const char *set)
{
	struct nftnl_expr *e = rule_expr(r, "lookup");

	if (!e)
		return;
	nftnl_expr_set_u32(e, NFTNL_EXPR_LOOKUP_SREG, NFT_REG_1);
	nftnl_expr_set_str(e, NFTNL_EXPR_LOOKUP_SET, set);
	nftnl_expr_set_u32(e, NFTNL_EXPR_LOOKUP_FLAGS, 0);
}

void firewall_rule_verdict(struct firewall_rule *r, int verdict, const char *chain)
{
	struct nftnl_expr *e = rule_expr(r, "immediate");

	if (!e)
		return;
	nftnl_expr_set_u32(e, NFTNL_EXPR_IMM_DREG, NFT_REG_VERDICT);
	nftnl_expr_set_u32(e, NFTNL_EXPR_IMM_VERDICT, (uint32_t)verdict);
	if (chain)
		nftnl_expr_set_str(e, NFTNL_EXPR_IMM_CHAIN, chain);
}

void firewall_rule_reset(struct firewall_rule *r)
{
	struct nftnl_expr *e = rule_expr(r, "reject");

	if (!e)
		return;
	nftnl_expr_set_u32(e, NFTNL_EXPR_REJECT_TYPE, NFT_REJECT_TCP_RST);
	nftnl_expr_set_u8(e, NFTNL_EXPR_REJECT_CODE, 0);
}

/* An expression that finds this port in the first register. */
static struct nftnl_expr *rule_port_expr(struct firewall_rule *r, uint16_t port, const char *name)
{
	uint16_t wire_port = htons(port);
	struct nftnl_expr *e = rule_expr(r, "immediate");

	if (!e)
		return NULL;
	nftnl_expr_set_u32(e, NFTNL_EXPR_IMM_DREG, NFT_REG_1);
	(void)nftnl_expr_set(e, NFTNL_EXPR_IMM_DATA, &wire_port, sizeof wire_port);
	return rule_expr(r, name);
}

void firewall_rule_redirect(struct firewall_rule *r, uint16_t port)
{
	struct nftnl_expr *e = rule_port_expr(r, port, "redir");

	if (!e)
		return;
	nftnl_expr_set_u32(e, NFTNL_EXPR_REDIR_REG_PROTO_MIN, NFT_REG_1);
	nftnl_expr_set_u32(e, NFTNL_EXPR_REDIR_REG_PROTO_MAX, NFT_REG_1);
	nftnl_expr_set_u32(e, NFTNL_EXPR_REDIR_FLAGS, NF_NAT_RANGE_PROTO_SPECIFIED);
}

void firewall_rule_tproxy(struct firewall_rule *r, uint16_t port)
{
	struct nftnl_expr *e = rule_port_expr(r, port, "tproxy");

	if (!e)
		return;
	nftnl_expr_set_u32(e, NFTNL_EXPR_TPROXY_FAMILY, NFPROTO_UNSPEC);
	nftnl_expr_set_u32(e, NFTNL_EXPR_TPROXY_REG_PORT, NFT_REG_1);
}

/* fib daddr type local */
void firewall_rule_local(struct firewall_rule *r)
{
	uint32_t local = RTN_LOCAL;
	struct nftnl_expr *e = rule_expr(r, "fib");

	if (!e)
		return;
	nftnl_expr_set_u32(e, NFTNL_EXPR_FIB_DREG, NFT_REG_1);
	nftnl_expr_set_u32(e, NFTNL_EXPR_FIB_RESULT, NFT_FIB_RESULT_ADDRTYPE);
	nftnl_expr_set_u32(e, NFTNL_EXPR_FIB_FLAGS, NFTA_FIB_F_DADDR);
	firewall_rule_equals(r, &local, sizeof local);
}
