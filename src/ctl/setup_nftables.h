/*
 * setup_nftables: `limetwig setup nftables`: looks at the rules of a host and
 * says what they need so that blocked clients are refused, and hear it. Writes
 * nothing: no rule of the site's has to be changed but one that lets a port in.
 * SPDX-License-Identifier: ISC
 */
#ifndef CTL_SETUP_NFTABLES_H
#define CTL_SETUP_NFTABLES_H
#include "core/conf.h"
#include "core/nft_conf.h"

#include <stdio.h>

#define SETUP_NFTABLES_FILE "/etc/nftables.conf"

struct setup_nftables {
	const struct conf *conf;
	const char *path;          /* of the site's file */
	bool has_file;             /* it could be read */
	struct nft_conf_file file; /* zero without */
	struct nft_conf_list list;
	bool is_forwarding; /* net.ipv4.ip_forward, or that of IPv6 */
	bool has_legacy;    /* rules of iptables-legacy, which nft does not list */
	const char *lacks;  /* a part of nf_tables; NULL: none */
};

/* setup_nftables_look.c: the rules in force, by nft; root only. False: text says why. */
bool setup_nftables_read(const struct conf *c, struct nft_conf_list *ret, char *text, size_t n);
/* All findings with what to do; gives the number of those that ask for something. */
unsigned setup_nftables_show(const struct setup_nftables *s, FILE *to);

#endif /* CTL_SETUP_NFTABLES_H */
