/*
 * nft_notice.h: the kernel's notices of new nftables elements.
 * SPDX-License-Identifier: ISC
 */
#ifndef BENCH_NFT_NOTICE_H
#define BENCH_NFT_NOTICE_H

#include <err.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

/* A socket that hears of all changes of nftables in this network namespace. */
static inline int nft_notice_open(void)
{
	struct sockaddr_nl nl = { .nl_family = AF_NETLINK };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER), group = NFNLGRP_NFTABLES,
	    size = 4 << 20;

	if (fd < 0 || bind(fd, (struct sockaddr *)&nl, sizeof nl) != 0 ||
		setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof group) != 0)
		err(1, "netlink");
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size);
	return fd;
}

/* The next message of a datagram that adds elements, and its size; NULL: none is left. p and n: the rest of the datagram. */
static inline const char *nft_notice_next(const char **p, size_t *n, size_t *ret_n)
{
	while (*n >= sizeof(struct nlmsghdr)) {
		const char *at = *p;
		struct nlmsghdr h;
		size_t step;

		memcpy(&h, at, sizeof h);
		if (h.nlmsg_len < sizeof h || h.nlmsg_len > *n)
			return NULL;
		step = NLMSG_ALIGN(h.nlmsg_len) < *n ? NLMSG_ALIGN(h.nlmsg_len) : *n;
		*p += step;
		*n -= step;
		*ret_n = h.nlmsg_len;
		if (h.nlmsg_type == (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWSETELEM))
			return at;
	}
	return NULL;
}

#endif /* BENCH_NFT_NOTICE_H */
