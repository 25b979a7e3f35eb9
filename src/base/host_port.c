/*
 * host_port: see the header.
 * SPDX-License-Identifier: ISC
 */
#include "base/host_port.h"

#include "base/num.h"

enum err host_port_parse(struct slice s, struct ipaddr *ret_host, uint16_t *ret_port)
{
	size_t colon = slice_rfind(s, ':');
	struct slice host = slice_head(s, colon);
	uint64_t port;

	if (ipaddr_parse(s, ret_host) == ERR_OK) {
		*ret_port = 0;
		return ERR_OK;
	}
	if (colon == s.n || num_parse(slice_from(s, colon + 1), UINT16_MAX, &port) != ERR_OK || port == 0)
		return ERR_SYNTAX;
	if (host.n > 2 && host.p[0] == '[' && host.p[host.n - 1] == ']')
		host = slice_of(host.p + 1, host.n - 2);
	else if (slice_find(host, ':') < host.n)
		return ERR_SYNTAX;
	if (ipaddr_parse(host, ret_host) != ERR_OK)
		return ERR_SYNTAX;
	*ret_port = (uint16_t)port;
	return ERR_OK;
}
