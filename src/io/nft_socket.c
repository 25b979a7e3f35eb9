/*
 * nft_socket: libmnl and the batch protocol of nfnetlink.
 * SPDX-License-Identifier: ISC
 */
#include "io/nft_socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink.h>
#include <libnftnl/common.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

#define ANSWER_SIZE 65536 /* the kernel's dumps come in 32 kB */
#define ANSWER_WAIT_S 10  /* a dump that stands still this long has failed */

static enum err errno_err(void)
{
	if (errno == EPERM || errno == EACCES)
		return ERR_DENIED;
	if (errno == ENOMEM)
		return ERR_NOMEM;
	if (errno == ENFILE)
		return ERR_FULL;
	return errno == ENOENT ? ERR_NOTFOUND : ERR_IO;
}

static enum err socket_make(struct nft_socket *s)
{
	const struct timeval wait = { .tv_sec = ANSWER_WAIT_S };
	const int size = NFT_BATCH_SIZE;
	int fd;

	s->mnl = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);
	if (!s->mnl)
		return errno == EPROTONOSUPPORT || errno == EAFNOSUPPORT ? ERR_NOTFOUND : errno_err();
	if (mnl_socket_bind(s->mnl, 0, MNL_SOCKET_AUTOPID) < 0)
		return errno_err();
	s->portid = mnl_socket_get_portid(s->mnl);
	fd = mnl_socket_get_fd(s->mnl);
	/* without the right to force it, transactions beyond the usual limit fail and are halved */
	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof size) < 0)
		(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait) < 0)
		return errno_err();
	return ERR_OK;
}

/* Where there is none, because none could be had after the last one was broken off. Else the next one tries again. */
static enum err socket_again(struct nft_socket *s)
{
	enum err e = s->mnl ? ERR_OK : socket_make(s);
	int error = errno;

	if (e != ERR_OK && s->mnl) {
		(void)mnl_socket_close(s->mnl);
		s->mnl = NULL;
	}
	errno = error;
	return e;
}

enum err nft_socket_open(struct nft_socket *s)
{
	enum err e;

	*s = (struct nft_socket){ .seq = (uint32_t)time(NULL) };
	s->out = malloc(NFT_BATCH_SIZE + NFT_MESSAGE_MAX);
	s->in = malloc(ANSWER_SIZE);
	e = s->out && s->in ? socket_make(s) : ERR_NOMEM;
	if (e != ERR_OK) {
		int keep = errno;

		nft_socket_close(s);
		errno = keep;
	}
	return e;
}

void nft_socket_close(struct nft_socket *s)
{
	if (s->mnl)
		(void)mnl_socket_close(s->mnl);
	free(s->out);
	free(s->in);
	*s = (struct nft_socket){ 0 };
}

int nft_socket_fd(const struct nft_socket *s)
{
	return mnl_socket_get_fd(s->mnl);
}

enum err nft_socket_join(struct nft_socket *s, uint32_t own)
{
	/* all messages of a transaction come together and bear the sender's port: ours are dropped unread */
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct nlmsghdr, nlmsg_pid)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htonl(own), 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 0),
		BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
	};
	const struct sock_fprog filter = { .len = sizeof code / sizeof code[0], .filter = code };
	const int size = NFT_EVENTS_BUFFER;
	int fd = nft_socket_fd(s);

	if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter) < 0)
		return errno_err();
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size) < 0)
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
	return nft_socket_rejoin(s);
}

static enum err membership_set(struct nft_socket *s, int option)
{
	const int group = NFNLGRP_NFTABLES;

	return setsockopt(nft_socket_fd(s), SOL_NETLINK, option, &group, sizeof group) < 0 ? errno_err() : ERR_OK;
}

enum err nft_socket_leave(struct nft_socket *s)
{
	return membership_set(s, NETLINK_DROP_MEMBERSHIP);
}

enum err nft_socket_rejoin(struct nft_socket *s)
{
	return membership_set(s, NETLINK_ADD_MEMBERSHIP);
}

static void batch_close_last(struct nft_socket *s)
{
	if (s->last)
		s->out_n += s->last->nlmsg_len; /* attributes keep it a multiple of 4 */
	s->last = NULL;
}

void nft_batch_begin(struct nft_socket *s)
{
	s->out_n = 0;
	s->is_bad = false;
	s->last = nftnl_batch_begin(s->out, s->seq++);
}

struct nlmsghdr *nft_batch_add(struct nft_socket *s, uint16_t type, uint16_t flags)
{
	batch_close_last(s);
	if (s->out_n + NFT_MESSAGE_MAX > NFT_BATCH_SIZE) {
		s->is_bad = true;
		s->out_n = 0;
	}
	s->last = nftnl_nlmsg_build_hdr(s->out + s->out_n, type, NFPROTO_INET, flags, s->seq++);
	return s->last;
}

/* The kernel's verdict on what was just sent: 0, or the first error. -1: it gave none. */
static int batch_verdict(struct nft_socket *s, uint32_t acked)
{
	int verdict = -1;
	ssize_t n;

	while ((n = recv(nft_socket_fd(s), s->in, ANSWER_SIZE, MSG_DONTWAIT)) > 0) {
		int left = (int)n;

		for (const struct nlmsghdr *h = (const void *)s->in; mnl_nlmsg_ok(h, left);
			h = mnl_nlmsg_next(h, &left)) {
			const struct nlmsgerr *e = mnl_nlmsg_get_payload(h);

			if (h->nlmsg_type != NLMSG_ERROR || mnl_nlmsg_get_payload_len(h) < sizeof e->error)
				continue;
			if (e->error != 0 && verdict <= 0)
				verdict = -e->error;
			else if (e->error == 0 && verdict < 0 && h->nlmsg_seq == acked)
				verdict = 0;
		}
	}
	return verdict;
}

enum err nft_batch_send(struct nft_socket *s)
{
	uint32_t acked;
	int verdict;

	errno = ENOMEM;
	if (s->is_bad)
		return ERR_NOMEM;
	s->last->nlmsg_flags |= NLM_F_ACK;
	acked = s->last->nlmsg_seq;
	batch_close_last(s);
	s->out_n += nftnl_batch_end(s->out + s->out_n, s->seq++)->nlmsg_len;
	if (socket_again(s) != ERR_OK || mnl_socket_sendto(s->mnl, s->out, s->out_n) < 0)
		return errno_err();
	verdict = batch_verdict(s, acked);
	errno = verdict < 0 ? EPROTO : verdict;
	if (verdict != 0)
		return errno_err();
	s->commits++;
	return ERR_OK;
}

struct nlmsghdr *nft_request_begin(struct nft_socket *s, uint16_t type, uint16_t flags)
{
	s->out_n = 0;
	s->is_bad = false;
	s->last = nftnl_nlmsg_build_hdr(s->out, type, NFPROTO_INET, flags, s->seq++);
	return s->last;
}

static enum err request_break_off(struct nft_socket *s)
{
	enum err e;

	(void)mnl_socket_close(s->mnl);
	s->mnl = NULL;
	e = socket_again(s);
	return e == ERR_OK ? ERR_FULL : e;
}

/* How an answer stands after one datagram. */
struct answer {
	uint32_t seq;
	bool is_over, is_stopped, is_torn;
	int error;
};

static void answer_read(struct answer *a, const void *in, int n, mnl_cb_t fn, void *ctx)
{
	for (const struct nlmsghdr *h = in; !a->is_over && mnl_nlmsg_ok(h, n); h = mnl_nlmsg_next(h, &n)) {
		const struct nlmsgerr *e = mnl_nlmsg_get_payload(h);

		if (h->nlmsg_seq != a->seq)
			continue;
		if (h->nlmsg_flags & NLM_F_DUMP_INTR)
			a->is_torn = true;
		if (h->nlmsg_type == NLMSG_ERROR && mnl_nlmsg_get_payload_len(h) >= sizeof e->error)
			a->error = -e->error;
		else if (h->nlmsg_type >= NLMSG_MIN_TYPE && fn(h, ctx) == MNL_CB_STOP)
			a->is_stopped = true;
		a->is_over = a->is_stopped || h->nlmsg_type == NLMSG_DONE || h->nlmsg_type == NLMSG_ERROR;
	}
}

enum err nft_request(struct nft_socket *s, mnl_cb_t fn, void *ctx)
{
	struct answer a = { .seq = s->last->nlmsg_seq };

	if (socket_again(s) != ERR_OK || mnl_socket_sendto(s->mnl, s->last, s->last->nlmsg_len) < 0)
		return errno_err();
	s->last = NULL;
	while (!a.is_over) {
		ssize_t n = recv(nft_socket_fd(s), s->in, ANSWER_SIZE, 0);

		if (n < 0 && errno != EINTR)
			return errno_err();
		answer_read(&a, s->in, (int)n, fn, ctx);
	}
	if (a.is_stopped)
		return request_break_off(s);
	errno = a.error;
	if (a.error)
		return errno_err();
	return a.is_torn ? ERR_AGAIN : ERR_OK;
}

static void events_read(const void *in, int n, mnl_cb_t fn, void *ctx)
{
	for (const struct nlmsghdr *h = in; mnl_nlmsg_ok(h, n); h = mnl_nlmsg_next(h, &n))
		if (h->nlmsg_type >= NLMSG_MIN_TYPE)
			(void)fn(h, ctx);
}

enum err nft_events(struct nft_socket *s, size_t max, mnl_cb_t fn, void *ctx)
{
	enum err e = ERR_OK;

	while (max-- > 0) {
		ssize_t n = recv(nft_socket_fd(s), s->in, ANSWER_SIZE, MSG_DONTWAIT);

		if (n >= 0)
			events_read(s->in, (int)n, fn, ctx);
		else if (errno == ENOBUFS)
			e = ERR_FULL;
		else if (errno != EINTR)
			return errno == EAGAIN ? e : ERR_IO;
	}
	return e;
}
