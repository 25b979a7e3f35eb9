/*
 * tarpit_led: has the firewall led this connection to us, or has somebody
 * found our port? Given ones keep the port they were made to; redirected ones
 * tell it to whom asks the connection tracking.
 * SPDX-License-Identifier: ISC
 */
#include "role/tarpit.h"

#include <netinet/in.h>
#include <sys/socket.h>

#define ORIGINAL_DST 80 /* SO_ORIGINAL_DST, IP6T_SO_ORIGINAL_DST */

static uint16_t port_of(const struct sockaddr_storage *sa)
{
	const struct sockaddr_in6 *a6 = (const void *)sa;
	const struct sockaddr_in *a4 = (const void *)sa;

	return ntohs(sa->ss_family == AF_INET ? a4->sin_port : a6->sin6_port);
}

bool tarpit_is_led(const struct tarpit *t, int fd)
{
	static const int level[] = { IPPROTO_IP, IPPROTO_IPV6 };
	struct sockaddr_storage sa = { 0 };
	socklen_t n = sizeof sa;

	if (getsockname(fd, (struct sockaddr *)&sa, &n) != 0)
		return false;
	if (port_of(&sa) != t->host->conf.tarpit.port)
		return true;
	for (size_t i = 0; i < sizeof level / sizeof level[0]; i++) {
		n = sizeof sa;
		if (getsockopt(fd, level[i], ORIGINAL_DST, &sa, &n) == 0)
			return port_of(&sa) != t->host->conf.tarpit.port;
	}
	return false;
}
