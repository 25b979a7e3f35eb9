/*
 * kernel_destroys: does this kernel reset connections for who asks
 * (CONFIG_INET_DIAG_DESTROY)? Asked without the code under test, which would
 * have its own mistakes skipped.
 * SPDX-License-Identifier: ISC
 */
#ifndef TESTS_KERNEL_DESTROYS_H
#define TESTS_KERNEL_DESTROYS_H
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

/* A connection that is not there: with the option the kernel has looked for it. */
static inline bool kernel_destroys(void)
{
	struct {
		struct nlmsghdr head;
		struct inet_diag_req_v2 body;
	} q = { .head = { .nlmsg_len = sizeof q, .nlmsg_type = SOCK_DESTROY, .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK },
		.body = { .sdiag_family = AF_INET, .sdiag_protocol = IPPROTO_TCP } };
	struct {
		struct nlmsghdr head;
		struct nlmsgerr body;
		char rest[256];
	} a = { .body = { .error = 0 } };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
	bool is_told = fd >= 0 && send(fd, &q, sizeof q, 0) == (ssize_t)sizeof q &&
		       recv(fd, &a, sizeof a, 0) >= (ssize_t)(sizeof a.head + sizeof a.body.error);

	(void)close(fd);
	return is_told && a.head.nlmsg_type == NLMSG_ERROR && a.body.error == -ENOENT;
}

#endif /* TESTS_KERNEL_DESTROYS_H */
