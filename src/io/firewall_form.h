/*
 * firewall_form: how our nftables table looks, written once: table, chains,
 * sets and rules as netlink messages, and the comparison of what the kernel
 * has with what it should be. Sends nothing but the dumps for that comparison.
 *
 *   table inet limetwig {
 *     set host4    { type ipv4_addr; flags timeout; }    /32
 *     set net6_64  { type ipv6_addr; flags timeout; }    and others, as used
 *     chain input  { type filter hook input priority filter - 10;
 *       tcp dport 25 tcp flags & (fin|syn|rst|ack) == syn jump blocked }
 *     chain blocked {
 *       ip saddr @host4 reject with tcp reset
 *       ip6 saddr & ffff:ffff:ffff:ffff:: @net6_64 reject with tcp reset }
 *   }
 *
 * With redirect a first packet of a blocked client is given to our listener as it is (its destination stays
 * port 25, for the site's own filter too; no connection tracking):
 *
 *     chain input  { type filter hook prerouting priority mangle - 5;
 *       fib daddr type local tcp dport 25 tcp flags & (...) == syn jump blocked }
 *     chain blocked { ip saddr @host4 goto led ... }
 *     chain led { tproxy to :10725 accept; drop }
 *
 * With forward also what this machine hands on to a mail host behind it: a
 * second base chain at the hook forward, or, with redirect:
 *
 *     chain input  { type nat hook prerouting priority dstnat - 10;
 *       tcp dport 25 tcp flags & (...) == syn jump blocked }
 *     chain blocked { ip saddr @host4 redirect to :10725 ... }
 *
 * where the site's own input filter sees port 10725.
 *
 * With fake addresses, besides:
 *
 *     chain fake   { type filter hook input priority filter - 10;
 *       ip daddr 192.0.2.10 tcp dport 25 tcp flags & (...) == syn reject with tcp reset }
 *
 * Only first packets are looked up: an established connection goes on.
 * Without forward the hook is input, or the address one of this host. Owner: io/firewall_nft.
 * SPDX-License-Identifier: ISC
 */
#ifndef IO_FIREWALL_FORM_H
#define IO_FIREWALL_FORM_H
#include "io/firewall_rule.h"
#include "io/nft_socket.h"

#define FIREWALL_TABLE "limetwig"
#define FIREWALL_PORTS 32
#define FIREWALL_SETS 128 /* one per prefix length in use */
#define FIREWALL_SET_NAME 16
#define FIREWALL_OLD_CHAINS 8 /* that can be exchanged; with more the table is made anew */
#define FIREWALL_GC_MS 300000 /* a collection walks the whole set */

struct firewall_set {
	uint8_t family; /* 4, 6 */
	uint8_t len;
};

struct firewall_form {
	uint16_t port[FIREWALL_PORTS];
	unsigned ports;
	bool is_drop;                       /* else reject with tcp reset */
	uint16_t redirect;                  /* or lead it to this port of ours; 0: no */
	bool is_forward;                    /* what is handed on to others too */
	struct ipaddr fake[FIREWALL_FAKES]; /* addresses of ours that refuse everybody */
	unsigned fakes;
	uint32_t max_elements; /* in each set */
	struct firewall_set set[FIREWALL_SETS];
	unsigned sets;
	char old[FIREWALL_OLD_CHAINS][32]; /* chains that the last comparison met */
	unsigned olds;
};

/* False when it is not there. */
bool firewall_form_has(const struct firewall_form *f, struct firewall_set set);
/* host4, host6, net4_24, net6_64 ... Returns to. */
const char *firewall_set_name(struct firewall_set set, char to[FIREWALL_SET_NAME]);
/* False for a name that is not of ours. */
bool firewall_set_parse(const char *name, struct firewall_set *ret);

/* Into the transaction of s: all of the table; a set with its rule; all rules anew; all chains and rules. */
void firewall_form_put_table(const struct firewall_form *f, struct nft_socket *s);
void firewall_form_put_set(const struct firewall_form *f, struct firewall_set set, struct nft_socket *s);
void firewall_form_put_rules(const struct firewall_form *f, struct nft_socket *s);
void firewall_form_put_chains(const struct firewall_form *f, struct nft_socket *s);
void firewall_form_put_delete(struct nft_socket *s);

/*
 * The parts of nf_tables that f needs and a kernel can lack, by number: "" for one that f does not need, NULL
 * behind the last. put_trial: a transaction that leaves nothing behind and fails (ENOENT) where it is missing.
 */
const char *firewall_form_feature(const struct firewall_form *f, unsigned number);
void firewall_form_put_trial(unsigned number, struct nft_socket *s);

enum firewall_fit {
	FIREWALL_FITS,
	FIREWALL_RULES,  /* all but the rules */
	FIREWALL_CHAINS, /* its sets are right, and no more */
	FIREWALL_ABSENT, /* no such table */
	FIREWALL_UNFIT,  /* must be made anew */
};

/*
 * Compare the kernel's table with f. Further sets of ours that it has are
 * added to f (not when unfit). s must be free for dumps. ERR_DENIED, ERR_IO,
 * ERR_NOMEM, ERR_NOTFOUND: no nf_tables.
 */
enum err firewall_form_compare(struct firewall_form *f, struct nft_socket *s, enum firewall_fit *ret) MUST_USE;

#endif /* IO_FIREWALL_FORM_H */
