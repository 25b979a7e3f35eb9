/*
 * policy_address.h: where a policy server of the bench listens: the path of a
 * UNIX socket, or tcp:PORT of 127.0.0.1.
 * SPDX-License-Identifier: ISC
 */
#ifndef BENCH_POLICY_ADDRESS_H
#define BENCH_POLICY_ADDRESS_H

#include <err.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

struct policy_address {
	union {
		struct sockaddr any;
		struct sockaddr_in in;
		struct sockaddr_un un;
	};
	socklen_t n;
};

static inline struct policy_address policy_address(const char *where)
{
	struct policy_address a = { .n = sizeof a.un };

	if (strncmp(where, "tcp:", 4) == 0) {
		a.in.sin_family = AF_INET;
		a.in.sin_port = htons((uint16_t)atoi(where + 4));
		a.in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		a.n = sizeof a.in;
		return a;
	}
	if (strlen(where) >= sizeof a.un.sun_path)
		errx(2, "%s: too long", where);
	a.un.sun_family = AF_UNIX;
	strcpy(a.un.sun_path, where);
	return a;
}

#endif /* BENCH_POLICY_ADDRESS_H */
