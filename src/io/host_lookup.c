/*
 * host_lookup: a channel of its own for each name: threads share nothing.
 * SPDX-License-Identifier: ISC
 */
#include "io/host_lookup.h"
#include "io/peer_address.h"

#include "io/loop.h"

#include <ares.h>
#include <poll.h>

#define TRY_MS 1500
#define TRIES 3

struct lookup {
	struct ipaddr addr[HOST_LOOKUP_MAX];
	size_t n;
	int status;
	bool is_done;
};

enum err host_lookup_init(void)
{
	return ares_library_init(ARES_LIB_INIT_ALL) == ARES_SUCCESS ? ERR_OK : ERR_NOMEM;
}

static void on_addresses(void *ctx, int status, int timeouts, struct ares_addrinfo *found)
{
	struct lookup *l = ctx;

	(void)timeouts;
	l->is_done = true;
	l->status = status;
	for (struct ares_addrinfo_node *n = found ? found->nodes : NULL; n && l->n < HOST_LOOKUP_MAX; n = n->ai_next)
		/* an IPv4 address in IPv6's form is that IPv4 address: who asks whether it is public must see it */
		l->n += peer_address((const void *)n->ai_addr, &l->addr[l->n]);
	if (found)
		ares_freeaddrinfo(found);
}

/* One turn of waiting, 200 ms at most: c-ares' own timeouts are looked at in between. */
static void wait_once(ares_channel channel)
{
	ares_socket_t s[ARES_GETSOCK_MAXNUM];
	struct pollfd p[ARES_GETSOCK_MAXNUM];
	unsigned mask = (unsigned)ares_getsock(channel, s, ARES_GETSOCK_MAXNUM);
	nfds_t n = 0;

	for (int i = 0; i < ARES_GETSOCK_MAXNUM; i++) {
		/* c-ares' own macros shift into the sign */
		short what =
			(short)((mask >> i & 1u ? POLLIN : 0) | (mask >> (i + ARES_GETSOCK_MAXNUM) & 1u ? POLLOUT : 0));

		if (what)
			p[n++] = (struct pollfd){ .fd = s[i], .events = what };
	}
	(void)poll(p, n, 200);
	for (nfds_t i = 0; i < n; i++)
		if (p[i].revents)
			ares_process_fd(channel, p[i].events & POLLIN ? p[i].fd : ARES_SOCKET_BAD,
				p[i].events & POLLOUT ? p[i].fd : ARES_SOCKET_BAD);
	ares_process_fd(channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
}

static enum err ask(ares_channel channel, const char *name, int limit_ms, struct lookup *l)
{
	struct ares_addrinfo_hints hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM };
	uint64_t end = clock_mono_ms() + (uint64_t)limit_ms;

	ares_getaddrinfo(channel, name, NULL, &hints, on_addresses, l);
	while (!l->is_done && clock_mono_ms() < end)
		wait_once(channel);
	if (!l->is_done)
		ares_cancel(channel); /* calls on_addresses */
	if (l->n)
		return ERR_OK;
	return l->status == ARES_ENOTFOUND || l->status == ARES_ENODATA || l->status == ARES_EBADNAME ? ERR_NOTFOUND
												      : ERR_AGAIN;
}

enum err host_lookup(const char *name, const char *servers, int limit_ms, struct ipaddr *ret, size_t *ret_n)
{
	/* whatever nsswitch.conf says: /etc/hosts, then the DNS */
	char order[] = "fb";
	struct ares_options o = {
		.flags = ARES_FLAG_NOSEARCH | ARES_FLAG_NOALIASES, .timeout = TRY_MS, .tries = TRIES, .lookups = order
	};
	int mask = ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_LOOKUPS;
	struct lookup l = { .n = 0 };
	ares_channel channel;
	enum err e;

	if (ipaddr_parse(slice_str(name), &l.addr[0]) == ERR_OK) {
		*ret = l.addr[0];
		*ret_n = 1;
		return ERR_OK;
	}
	if (ares_init_options(&channel, &o, mask) != ARES_SUCCESS)
		return ERR_NOMEM;
	if (servers && *servers && ares_set_servers_ports_csv(channel, servers) != ARES_SUCCESS)
		e = ERR_SYNTAX;
	else
		e = ask(channel, name, limit_ms, &l);
	ares_destroy(channel);
	if (e == ERR_OK) {
		memcpy(ret, l.addr, l.n * sizeof l.addr[0]);
		*ret_n = l.n;
	}
	return e;
}
