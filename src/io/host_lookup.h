/*
 * host_lookup: the addresses of a name, for a thread that can wait (c-ares;
 * /etc/hosts first, then DNS). What a loop asks is io/resolver's. Opens UDP and
 * TCP sockets and reads files of /etc, nothing else, so that it works where
 * the sandbox forbids what getaddrinfo of libc does (netlink, plug-ins).
 *
 * c-ares must have been set up (host_lookup_init, before the first thread).
 * SPDX-License-Identifier: ISC
 */
#ifndef IO_HOST_LOOKUP_H
#define IO_HOST_LOOKUP_H
#include "base/ipaddr.h"

#define HOST_LOOKUP_MAX 16 /* addresses kept of one name */

/* ERR_NOMEM. */
enum err host_lookup_init(void) MUST_USE;
/*
 * name may be an address. servers as io/resolver; limit_ms: waits so long.
 * ret has room for HOST_LOOKUP_MAX. ERR_NOTFOUND; ERR_AGAIN: nobody answered in
 * time; ERR_SYNTAX: servers; ERR_NOMEM.
 */
enum err host_lookup(const char *name, const char *servers, int limit_ms, struct ipaddr *ret, size_t *ret_n) MUST_USE;

#endif /* IO_HOST_LOOKUP_H */
