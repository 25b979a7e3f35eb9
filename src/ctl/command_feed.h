/*
 * command_feed: what the files of `feed check` offer each other.
 * SPDX-License-Identifier: ISC
 */
#ifndef CTL_COMMAND_FEED_H
#define CTL_COMMAND_FEED_H
#include "core/feed_clean.h"
#include "ctl/ctl.h"

#define FEED_BYTES (1u << 30) /* of one list */

/* The first refused lines, for people. */
void feed_show_refused(FILE *to, const char *path, const struct feed_report *r);
/* text: of a spamd.conf. Returns the exit status. */
int command_feed_spamd(struct ctl *c, struct slice text);

#endif /* CTL_COMMAND_FEED_H */
