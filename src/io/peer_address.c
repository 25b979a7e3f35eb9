/*
 * peer_address: see the header.
 * SPDX-License-Identifier: ISC
 */
#include "io/peer_address.h"

#include <netinet/in.h>

bool peer_address(const struct sockaddr_storage *sa, struct ipaddr *ret)
{
	static const uint8_t mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };
	const struct sockaddr_in6 *a6 = (const void *)sa;
	const struct sockaddr_in *a4 = (const void *)sa;

	*ret = (struct ipaddr){ 0 };
	if (sa->ss_family == AF_INET) {
		ret->family = 4;
		memcpy(ret->b, &a4->sin_addr, 4);
	} else if (sa->ss_family == AF_INET6 && memcmp(&a6->sin6_addr, mapped, sizeof mapped) == 0) {
		ret->family = 4;
		memcpy(ret->b, (const uint8_t *)&a6->sin6_addr + sizeof mapped, 4);
	} else if (sa->ss_family == AF_INET6) {
		ret->family = 6;
		memcpy(ret->b, &a6->sin6_addr, 16);
	}
	return ret->family != 0;
}
