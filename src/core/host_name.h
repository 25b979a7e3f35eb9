/*
 * host_name: does a client's verified name look generic or dynamic (made from
 * its address by an access provider)? Such addresses change hands, so blocks on
 * them are shorter. Pure; a guess that only ever shortens a block.
 * SPDX-License-Identifier: ISC
 */
#ifndef CORE_HOST_NAME_H
#define CORE_HOST_NAME_H
#include "base/ipaddr.h"

/* name "" or "unknown": true (no verified name). */
bool host_name_is_generic(struct slice name, const struct ipaddr *client);

#endif /* CORE_HOST_NAME_H */
