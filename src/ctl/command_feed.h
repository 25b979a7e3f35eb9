/*
 * command_feed: what the files of `feed check` offer each other.
 * SPDX-License-Identifier: ISC
 */
#ifndef CTL_COMMAND_FEED_H
#define CTL_COMMAND_FEED_H
#include "core/feed_clean.h"
#include "ctl/ctl.h"

#define FEED_BYTES (1u << 30) /* of one list */

/* Its prefixes, a line each. */
void feed_print(const struct prefix_set *sealed, FILE *to);
/* The first refused lines, for people. */
void feed_show_refused(FILE *to, const char *path, const struct feed_report *r);
/* What of ours it has, counted by the daemon: {collateral, held}; json_decref it. An exit status; not CTL_DONE: shown. */
int feed_ask_collateral(struct ctl *c, const struct prefix_set *sealed, json_t **ret_answer);
/* text: of a spamd.conf. Returns the exit status. */
int command_feed_spamd(struct ctl *c, struct slice text);

#endif /* CTL_COMMAND_FEED_H */
