/*
 * peer_address: the kernel's form of an address to ours. An IPv4 address in an
 * IPv6 one is an IPv4 address, so that one host has one form.
 * SPDX-License-Identifier: ISC
 */
#ifndef IO_PEER_ADDRESS_H
#define IO_PEER_ADDRESS_H
#include "base/ipaddr.h"

#include <sys/socket.h>

/* False: another family. */
bool peer_address(const struct sockaddr_storage *sa, struct ipaddr *ret);

#endif /* IO_PEER_ADDRESS_H */
