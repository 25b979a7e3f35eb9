/*
 * feed_text: what a list says to those it lists (msg of a spamd.conf), made
 * fit for one line of a reply. Escapes are spamd's: \n a new line, \" and \\ the
 * character, %A the address of the client, %% a percent sign. Pure.
 * SPDX-License-Identifier: ISC
 */
#ifndef CORE_FEED_TEXT_H
#define CORE_FEED_TEXT_H
#include "base/ipaddr.h"

/*
 * From the configuration: lines are joined by a blank; what is not printable
 * ASCII becomes ?; %A and %% stay; cut at size - 1, between two of them.
 */
void feed_text_clean(struct slice msg, char *to, size_t size);
/* To one client: %A and %% are replaced. Cut at size - 1. */
void feed_text_expand(const char *text, const struct ipaddr *client, char *to, size_t size);

#endif /* CORE_FEED_TEXT_H */
