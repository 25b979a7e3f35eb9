/*
 * host_port: an address and perhaps a port, as people write a server:
 * 192.0.2.53, 192.0.2.53:5353, 2001:db8::53, [2001:db8::53]:5353.
 * SPDX-License-Identifier: ISC
 */
#ifndef BASE_HOST_PORT_H
#define BASE_HOST_PORT_H
#include "base/ipaddr.h"

/* *ret_port: 0 where there is none. ERR_SYNTAX. */
enum err host_port_parse(struct slice s, struct ipaddr *ret_host, uint16_t *ret_port) MUST_USE;

#endif /* BASE_HOST_PORT_H */
