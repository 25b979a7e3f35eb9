/*
 * dnsbl_udp: datagrams, as many in one system call as there are. The kernel
 * tells to which of our addresses each came, so that a listener on all of them
 * answers from the right one. What the kernel does not take is lost: the client
 * asks again.
 * SPDX-License-Identifier: ISC
 */
#include "role/dnsbl.h"

#include "io/log.h"
#include "io/peer_address.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>

#define OUT (DNSBL_BATCH * DNSBL_PAYLOAD + DNSBL_ANSWER_MAX)

/* Not a power of two, so that the beginnings of all do not fall into the same few lines of the cache. */
struct datagram {
	uint8_t bytes[DNSBL_QUESTION + 64];
};

struct control {
	_Alignas(struct cmsghdr) uint8_t bytes[CMSG_SPACE(sizeof(struct in6_pktinfo))];
};

struct dnsbl_udp {
	struct mmsghdr in[DNSBL_BATCH], out[DNSBL_BATCH];
	struct iovec in_vec[DNSBL_BATCH], out_vec[DNSBL_BATCH];
	struct sockaddr_storage from[DNSBL_BATCH];
	struct control control[DNSBL_BATCH];
	struct datagram datagram[DNSBL_BATCH];
	struct dnsbl_heard heard[DNSBL_BATCH];
	uint8_t answers[OUT];
};

struct dnsbl_udp *dnsbl_udp_new(void)
{
	struct dnsbl_udp *u = calloc(1, sizeof *u);

	for (unsigned i = 0; u && i < DNSBL_BATCH; i++) {
		u->in_vec[i] = (struct iovec){ u->datagram[i].bytes, sizeof u->datagram[i].bytes };
		u->in[i].msg_hdr =
			(struct msghdr){ .msg_name = &u->from[i], .msg_iov = &u->in_vec[i], .msg_iovlen = 1 };
		u->out[i].msg_hdr = (struct msghdr){ .msg_iov = &u->out_vec[i], .msg_iovlen = 1 };
	}
	return u;
}

static int receive(struct dnsbl_udp *u, int fd)
{
	for (unsigned i = 0; i < DNSBL_BATCH; i++) {
		struct msghdr *h = &u->in[i].msg_hdr;

		h->msg_namelen = sizeof u->from[i];
		h->msg_control = &u->control[i];
		h->msg_controllen = sizeof u->control[i];
	}
	return recvmmsg(fd, u->in, DNSBL_BATCH, MSG_DONTWAIT, NULL);
}

/* The interface is the routing table's choice. */
static void choose_route(struct msghdr *h)
{
	struct cmsghdr *c = CMSG_FIRSTHDR(h);
	struct in6_pktinfo *p6;
	struct in_pktinfo *p4;

	if (!c)
		return;
	if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
		p4 = (void *)CMSG_DATA(c);
		p4->ipi_ifindex = 0;
	} else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
		p6 = (void *)CMSG_DATA(c);
		if (!IN6_IS_ADDR_LINKLOCAL(&p6->ipi6_addr))
			p6->ipi6_ifindex = 0;
	} else {
		h->msg_controllen = 0;
	}
}

/* Bytes of the answer in to; 0: silence. */
static size_t answer(struct dnsbl *d, const struct ipaddr *client, const struct dnsbl_heard *heard, uint64_t now,
	uint64_t now_ms, uint8_t *to)
{
	struct dnsbl_ask ask = { .is_udp = true, .now = now };
	enum dnsbl_rate_say say = DNSBL_RATE_ANSWER;
	enum dnsbl_said said;
	bool is_cut;
	size_t n;

	if (d->rate)
		say = dnsbl_rate_take(d->rate, client, d->host->conf.dnsbl.rate, now_ms);
	if (say != DNSBL_RATE_ANSWER) {
		d->state.limited++;
		return say == DNSBL_RATE_SLIP ? dnsbl_answer_slip(heard->packet, to) : 0;
	}
	ask.is_allowed = dnsbl_may_ask(d, client);
	n = dnsbl_answer_say(&d->zone, &d->list, &ask, heard, to, &said, &is_cut);
	dnsbl_count(d, said, is_cut);
	return n;
}

static void send_all(struct dnsbl *d, int fd, unsigned n)
{
	struct dnsbl_udp *u = d->udp;
	unsigned done = 0;

	while (done < n) {
		int sent = sendmmsg(fd, u->out + done, n - done, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (sent > 0) {
			done += (unsigned)sent;
			continue;
		}
		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0 && (errno == EAGAIN || errno == ENOBUFS || errno == ENOMEM))
			break;
		/* this one alone cannot be sent: no way to him */
		d->state.lost++;
		done++;
	}
	d->state.lost += n - done;
}

/* What the answers of a batch want from a large set is asked for all at once, so that nobody waits for each of them. */
static void hear_all(struct dnsbl *d, int got)
{
	struct dnsbl_udp *u = d->udp;

	for (int i = 0; i < got; i++) {
		dnsbl_answer_hear(&d->zone, slice_of(u->datagram[i].bytes, u->in[i].msg_len), &u->heard[i]);
		dnsbl_list_warm(&d->list, &u->heard[i].host, 0);
	}
	for (int i = 0; i < got; i++)
		dnsbl_list_warm(&d->list, &u->heard[i].host, 1);
}

/* False: nothing more waits. */
static bool take_batch(struct dnsbl *d, int fd)
{
	uint64_t now = clock_wall_s(), now_ms = d->rate ? clock_mono_ms() : 0;
	struct dnsbl_udp *u = d->udp;
	uint8_t *to = u->answers;
	int got = receive(u, fd);
	unsigned out = 0;

	hear_all(d, got);
	for (int i = 0; i < got; i++) {
		struct msghdr *in = &u->in[i].msg_hdr, *h = &u->out[out].msg_hdr;
		struct ipaddr client;
		size_t n;

		if (!peer_address(&u->from[i], &client))
			continue;
		n = answer(d, &client, &u->heard[i], now, now_ms, to);
		if (n == 0)
			continue;
		u->out_vec[out] = (struct iovec){ to, n };
		h->msg_name = in->msg_name;
		h->msg_namelen = in->msg_namelen;
		h->msg_control = in->msg_control;
		h->msg_controllen = in->msg_controllen;
		choose_route(h);
		to += n;
		out++;
	}
	send_all(d, fd, out);
	return got == DNSBL_BATCH;
}

void dnsbl_on_datagram(int fd, unsigned what, void *ctx)
{
	unsigned left = DNSBL_ROUND;

	(void)what;
	while (left-- && take_batch(ctx, fd))
		;
}
