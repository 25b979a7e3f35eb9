/*
 * firewall_fake: the rules of the fake MX. A first packet to one of its ports
 * is answered by a reset, for everybody: a mail server goes on to the next MX
 * without a delay.
 * SPDX-License-Identifier: ISC
 */
#include "io/firewall_rule.h"

#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <netinet/in.h>
#include <string.h>

#define TCP_OFFSET_DPORT 2
#define TCP_OFFSET_FLAGS 13
#define TCP_MASK_NEW 0x17 /* fin, syn, rst, ack */
#define TCP_SYN 0x02

void firewall_rule_fake(struct firewall_rule *r, const struct ipaddr *local, uint16_t port)
{
	static const uint8_t tcp = IPPROTO_TCP, mask = TCP_MASK_NEW, syn = TCP_SYN;
	uint8_t family = local->family == 4 ? NFPROTO_IPV4 : NFPROTO_IPV6;
	uint32_t width = local->family == 4 ? 4 : 16;
	uint16_t wire_port = htons(port);

	firewall_rule_meta(r, NFT_META_NFPROTO);
	firewall_rule_equals(r, &family, sizeof family);
	firewall_rule_payload(r, NFT_PAYLOAD_NETWORK_HEADER, local->family == 4 ? 16 : 24, width);
	firewall_rule_equals(r, local->b, width);
	firewall_rule_meta(r, NFT_META_L4PROTO);
	firewall_rule_equals(r, &tcp, sizeof tcp);
	firewall_rule_payload(r, NFT_PAYLOAD_TRANSPORT_HEADER, TCP_OFFSET_DPORT, sizeof wire_port);
	firewall_rule_equals(r, &wire_port, sizeof wire_port);
	firewall_rule_payload(r, NFT_PAYLOAD_TRANSPORT_HEADER, TCP_OFFSET_FLAGS, sizeof mask);
	firewall_rule_mask(r, &mask, sizeof mask);
	firewall_rule_equals(r, &syn, sizeof syn);
	firewall_rule_reset(r);
}

static bool has(const struct conf_list *l, const struct ipaddr *a)
{
	struct ipaddr b;

	for (uint32_t i = 0; i < l->count; i++)
		if (ipaddr_parse(slice_str(l->item[i]), &b) == ERR_OK && ipaddr_eq(a, &b))
			return true;
	return false;
}

static bool is_loopback(const struct ipaddr *a)
{
	static const struct ipaddr six = { .family = 6, .b = { [15] = 1 } };

	return a->family == 4 ? a->b[0] == 127 : ipaddr_eq(a, &six);
}

bool firewall_fake_is_safe(const struct conf *c, const struct ipaddr *a)
{
	return !is_loopback(a) && !has(&c->mx.better, a) && !has(&c->mx.worse, a);
}

unsigned firewall_fakes(const struct conf *c, struct ipaddr to[FIREWALL_FAKES])
{
	unsigned n = 0;

	for (uint32_t i = 0; i < c->mx.fake.count && n < FIREWALL_FAKES; i++)
		if (ipaddr_parse(slice_str(c->mx.fake.item[i]), &to[n]) == ERR_OK && firewall_fake_is_safe(c, &to[n]))
			n++;
	return n;
}
