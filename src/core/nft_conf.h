/*
 * nft_conf: what a site's own nftables rules mean for limetwig: the text of its
 * file, and the listing of `nft -n -s -t list ruleset`. Looks for a few forms
 * only and never follows a jump; what a rule of iptables holds that nft cannot
 * show is not seen. Pure.
 * SPDX-License-Identifier: ISC
 */
#ifndef CORE_NFT_CONF_H
#define CORE_NFT_CONF_H
#include "base/slice.h"

#include <stdint.h>

#define NFT_CONF_MAX (16u << 20) /* bytes of a listing */
#define NFT_CONF_CHAINS 16
#define NFT_CONF_WAYS 16
#define NFT_CONF_NAME 64
#define NFT_CONF_RULE 160
#define NFT_CONF_SMTP 25

/* The site's file; what it includes is not read. */
struct nft_conf_file {
	bool has_flush; /* flush ruleset: takes our table away */
	bool has_ours;  /* holds a table named limetwig */
};
void nft_conf_read_file(struct slice text, struct nft_conf_file *ret);

struct nft_conf_name {
	char family[8], table[NFT_CONF_NAME], chain[NFT_CONF_NAME];
};

/* A filter at the hook input that drops what no rule of its own takes. */
struct nft_conf_chain {
	struct nft_conf_name name;
	bool is_closed;
	bool lets_in; /* a rule for the port that was asked for, or for all that was redirected */
};

/* A rule that hands port 25 on. */
struct nft_conf_way {
	struct nft_conf_name name;
	char rule[NFT_CONF_RULE]; /* cut */
	bool is_local;            /* redirect: to another port of this host */
	bool is_routed;           /* a rule of a chain at the hook forward, no change of the address */
	uint16_t to;              /* the port behind; 0: the same, or not to be seen */
};

struct nft_conf_list {
	struct nft_conf_chain chain[NFT_CONF_CHAINS]; /* closed ones only */
	unsigned chains;
	struct nft_conf_way way[NFT_CONF_WAYS];
	unsigned ways;
	bool has_docker, has_firewalld, has_ufw;
	bool is_opaque; /* a part of a rule in a nat chain could not be shown by nft */
	bool is_cut;    /* more chains or ways than there is room for */
};
/* port: that of our own SMTP server. */
void nft_conf_read_list(struct slice text, uint16_t port, struct nft_conf_list *ret);

#endif /* CORE_NFT_CONF_H */
