/*
 * sock_destroy: look first, then destroy exactly what was seen: without a
 * connection of these ports the kernel would find the listener.
 * SPDX-License-Identifier: ISC
 */
#include "io/sock_destroy.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define ANSWER_WAIT_S 2

struct request {
	struct nlmsghdr head;
	struct inet_diag_req_v2 body;
};

union answer {
	struct nlmsghdr head; /* aligned */
	char bytes[1024];
};

enum err sock_destroy_open(int *ret_fd)
{
	const struct timeval wait = { .tv_sec = ANSWER_WAIT_S };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);

	if (fd < 0)
		return errno == EPROTONOSUPPORT || errno == EAFNOSUPPORT ? ERR_NOTFOUND
		       : errno == ENOMEM                                 ? ERR_NOMEM
									 : ERR_IO;
	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait) < 0) {
		(void)close(fd);
		return ERR_IO;
	}
	*ret_fd = fd;
	return ERR_OK;
}

static struct request request_of(const struct msg_fw_kill *k)
{
	struct request q = { .head = { .nlmsg_len = sizeof q, .nlmsg_flags = NLM_F_REQUEST } };
	struct inet_diag_sockid *id = &q.body.id;

	q.body.sdiag_family = k->client.family == 4 ? AF_INET : AF_INET6;
	q.body.sdiag_protocol = IPPROTO_TCP;
	q.body.idiag_states = UINT32_MAX;
	id->idiag_sport = htons(k->server_port);
	id->idiag_dport = htons(k->client_port);
	memcpy(id->idiag_src, k->server.b, k->client.family == 4 ? 4 : 16);
	memcpy(id->idiag_dst, k->client.b, k->client.family == 4 ? 4 : 16);
	id->idiag_cookie[0] = id->idiag_cookie[1] = INET_DIAG_NOCOOKIE;
	return q;
}

/* Returns 0 with the answer in *ret, or errno. */
static int ask(int fd, struct request *q, uint16_t type, uint16_t flags, union answer *ret)
{
	static uint32_t seq;
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	const struct nlmsgerr *e = NLMSG_DATA(&ret->head);
	ssize_t n;

	q->head.nlmsg_type = type;
	q->head.nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
	q->head.nlmsg_seq = ++seq;
	if (sendto(fd, q, sizeof *q, 0, (const struct sockaddr *)&kernel, sizeof kernel) < 0)
		return errno;
	do {
		n = recv(fd, ret, sizeof *ret, 0);
		if (n < 0 && errno != EINTR)
			return errno;
	} while (n < 0 || ((size_t)n >= sizeof ret->head && ret->head.nlmsg_seq != seq)); /* of one that we gave up */
	if ((size_t)n < sizeof ret->head || !NLMSG_OK(&ret->head, (size_t)n))
		return EBADMSG;
	if (ret->head.nlmsg_type != NLMSG_ERROR)
		return 0;
	return ret->head.nlmsg_len >= NLMSG_LENGTH(sizeof *e) ? -e->error : EBADMSG;
}

static enum fw_killed killed_of(int error)
{
	switch (error) {
	case 0:
		return FW_KILL_DONE;
	case ENOENT:
		return FW_KILL_GONE;
	case EOPNOTSUPP:
		return FW_KILL_MISSING;
	case EPERM:
	case EACCES:
		return FW_KILL_DENIED;
	default:
		errno = error;
		return FW_KILL_ERROR;
	}
}

/* Is it a connection, and these two ends? */
static bool is_it(const struct inet_diag_msg *m, const struct request *q)
{
	size_t n = q->body.sdiag_family == AF_INET ? 4 : 16;

	return (m->idiag_state == TCP_ESTABLISHED || m->idiag_state == TCP_CLOSE_WAIT) &&
	       m->id.idiag_sport == q->body.id.idiag_sport && m->id.idiag_dport == q->body.id.idiag_dport &&
	       memcmp(m->id.idiag_src, q->body.id.idiag_src, n) == 0 &&
	       memcmp(m->id.idiag_dst, q->body.id.idiag_dst, n) == 0;
}

enum fw_killed sock_destroy(int fd, const struct msg_fw_kill *k)
{
	struct request q = request_of(k);
	const struct inet_diag_msg *m;
	union answer a;
	int error = ask(fd, &q, SOCK_DIAG_BY_FAMILY, 0, &a);

	if (error)
		return killed_of(error);
	m = NLMSG_DATA(&a.head);
	if (a.head.nlmsg_len < NLMSG_LENGTH(sizeof *m) || !is_it(m, &q))
		return FW_KILL_GONE;
	if (m->idiag_wqueue)
		return FW_KILL_UNREAD;
	memcpy(q.body.id.idiag_cookie, m->id.idiag_cookie, sizeof q.body.id.idiag_cookie);
	q.body.id.idiag_if = m->id.idiag_if;
	return killed_of(ask(fd, &q, SOCK_DESTROY, NLM_F_ACK, &a));
}
