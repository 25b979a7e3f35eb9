/*
 * nft_socket: a netlink socket that talks to nf_tables: transactions with
 * their verdict, dumps, notifications. The kernel answers a transaction before
 * sendmsg returns, so nothing here waits. Knows nothing of our table.
 *
 * Needs CAP_NET_ADMIN at each use, not to open. Owner: io/firewall_nft.
 * SPDX-License-Identifier: ISC
 */
#ifndef IO_NFT_SOCKET_H
#define IO_NFT_SOCKET_H
#include "base/err.h"

#include <libmnl/libmnl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NFT_BATCH_SIZE (1u << 20)   /* bytes of one transaction */
#define NFT_MESSAGE_MAX 65536       /* bytes of one message in it */
#define NFT_EVENTS_BUFFER (8 << 20) /* receive buffer for notifications, bytes */

struct nft_socket {
	struct mnl_socket *mnl;
	uint32_t portid;
	uint32_t seq;
	char *out; /* the transaction being made, NULL until the first */
	size_t out_n;
	struct nlmsghdr *last; /* its newest message, still growing */
	bool is_bad;           /* no memory or no room: it will not be sent */
	uint32_t commits;      /* transactions that the kernel took */
	char *in;
};

/* ERR_NOTFOUND: no netfilter netlink in this kernel; ERR_DENIED, ERR_NOMEM, ERR_IO. */
enum err nft_socket_open(struct nft_socket *s) MUST_USE;
void nft_socket_close(struct nft_socket *s);
/* Get all nf_tables notifications but those that the socket with portid own caused. */
enum err nft_socket_join(struct nft_socket *s, uint32_t own) MUST_USE;
int nft_socket_fd(const struct nft_socket *s);
/* No notifications any more (those that wait stay), and again. What happens between is not told. */
enum err nft_socket_leave(struct nft_socket *s) MUST_USE;
enum err nft_socket_rejoin(struct nft_socket *s) MUST_USE;

/* A new transaction; what was not sent is forgotten. */
void nft_batch_begin(struct nft_socket *s);
/*
 * The next message of family inet, to which attributes (at most
 * NFT_MESSAGE_MAX bytes) are added until the next call. Never NULL: without
 * room the message goes nowhere and is_bad is set.
 */
struct nlmsghdr *nft_batch_add(struct nft_socket *s, uint16_t type, uint16_t flags);
/*
 * Send; errno tells why not: ERR_DENIED (EPERM), ERR_NOTFOUND (ENOENT), ERR_FULL (ENFILE: a set), ERR_IO,
 * ERR_NOMEM. All or nothing. A refused one costs the kernel milliseconds.
 */
enum err nft_batch_send(struct nft_socket *s) MUST_USE;

/* One message to be sent by nft_request; flags: NLM_F_DUMP, or NLM_F_ACK for a single answer. */
struct nlmsghdr *nft_request_begin(struct nft_socket *s, uint16_t type, uint16_t flags);
/*
 * Send it and give each answer to fn (it returns MNL_CB_OK, or MNL_CB_STOP to
 * break off: ERR_FULL, the socket is opened anew). ERR_AGAIN: the tables changed meanwhile.
 */
enum err nft_request(struct nft_socket *s, mnl_cb_t fn, void *ctx) MUST_USE;
/* The waiting notifications, at most max datagrams, one by one. ERR_FULL: some were lost. */
enum err nft_events(struct nft_socket *s, size_t max, mnl_cb_t fn, void *ctx) MUST_USE;

#endif /* IO_NFT_SOCKET_H */
