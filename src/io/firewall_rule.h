/*
 * firewall_rule: the expressions of one nftables rule, one function each, in
 * the order they are added. A failed allocation makes the rule bad.
 * Owner: io/firewall_form.
 * SPDX-License-Identifier: ISC
 */
#ifndef IO_FIREWALL_RULE_H
#define IO_FIREWALL_RULE_H
#include "base/ipaddr.h"
#include "core/conf.h"

#define FIREWALL_FAKES CONF_LIST

struct nftnl_rule;

/* A rule under way; NULL expressions make it bad. */
struct firewall_rule {
	struct nftnl_rule *r;
	bool is_bad;
};

void firewall_rule_meta(struct firewall_rule *r, uint32_t key);
void firewall_rule_payload(struct firewall_rule *r, uint32_t base, uint32_t offset, uint32_t len);
/* What was loaded last is this. */
void firewall_rule_equals(struct firewall_rule *r, const void *data, uint32_t len);
void firewall_rule_mask(struct firewall_rule *r, const uint8_t *mask, uint32_t len);
/* ... is in this set. */
void firewall_rule_lookup(struct firewall_rule *r, const char *set);
/* chain: of a jump, else NULL. */
void firewall_rule_verdict(struct firewall_rule *r, int verdict, const char *chain);
/* reject with tcp reset */
void firewall_rule_reset(struct firewall_rule *r);
/* redirect to :PORT; only in a chain of type nat */
void firewall_rule_redirect(struct firewall_rule *r, uint16_t port);
/* tproxy to :PORT, to whom listens there and may be given other people's packets; only in prerouting, type filter */
void firewall_rule_tproxy(struct firewall_rule *r, uint16_t port);
/* fib daddr type local */
void firewall_rule_local(struct firewall_rule *r);

/* ---- firewall_fake.c */
/* ip daddr LOCAL tcp dport PORT tcp flags & (fin | syn | rst | ack) == syn reject with tcp reset */
void firewall_rule_fake(struct firewall_rule *r, const struct ipaddr *local, uint16_t port);
/* The addresses of the fake MX; without those that firewall_fake_is_safe refuses. */
unsigned firewall_fakes(const struct conf *c, struct ipaddr to[FIREWALL_FAKES]);
/* Not a loopback address, and not one at which the configuration expects mail. */
bool firewall_fake_is_safe(const struct conf *c, const struct ipaddr *a);

#endif /* IO_FIREWALL_RULE_H */
