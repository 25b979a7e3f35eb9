/*
 * publish: the state of the role "publish", which carries our list elsewhere,
 * and what its files offer each other. It reads the blocks along and holds the
 * sets of the feeds and the holes, as the engine gives them; it decides nothing.
 *
 *   publish.c         start, stop, messages
 *   publish_list.c    what the list is made of; a copy of it, made by a thread
 *   publish_export.c  files
 *   publish_update.c  updates of a DNS server (RFC 2136)
 * SPDX-License-Identifier: ISC
 */
#ifndef ROLE_PUBLISH_H
#define ROLE_PUBLISH_H
#include "core/export_list.h"
#include "io/area_memory.h"
#include "role/role_host.h"

#define PUBLISH_TICK_MS 250

struct publish_list;   /* publish_list.c */
struct publish_export; /* publish_export.c */
struct publish_update; /* publish_update.c */

struct publish {
	struct role_host *host;
	struct publish_list *list;
	struct publish_export *export;
	struct publish_update *update;
	struct loop_watch *tick;
	unsigned ticks;
};

/* ---- publish_list.c */
enum err publish_list_start(struct publish *p) MUST_USE;
void publish_list_stop(struct publish *p);
/* BLOCKS, FEED_GIVE, ACTING. Takes fd; -1: none. */
void publish_list_take(struct publish *p, enum message_type t, struct rd *body, int fd);
/* Has the engine said what there is? Before that nothing is known, and nothing is written or sent. */
bool publish_list_is_known(const struct publish *p);
/* Do blocks act? If not, the list is empty. */
bool publish_list_is_acting(const struct publish *p);
/* Another number than before: the list may be another. */
uint64_t publish_list_changes(const struct publish *p);
/*
 * Have a copy of the list of a layer (FEED_LAYER_EXPORT, FEED_LAYER_DNSBL) made, by a thread: work (of the thread: it touches
 * nothing else of the role) and then done (in the loop, once per call, also when it failed:
 * e is not OK then) get it. False: another copy is under way; ask at the next tick.
 * changes: publish_list_changes when it was begun.
 */
typedef void (*publish_list_work)(const struct export_source *s, void *ctx);
typedef void (*publish_list_done)(
	struct publish *p, enum err e, const struct export_source *s, uint64_t changes, void *ctx);
bool publish_list_copy(struct publish *p, unsigned layer, publish_list_work work, publish_list_done done, void *ctx);

/* ---- publish_export.c */
enum err publish_export_start(struct publish *p) MUST_USE;
void publish_export_stop(struct publish *p);
void publish_export_reloaded(struct publish *p);
void publish_export_tick(struct publish *p);
/* Tell the engine of each. */
void publish_export_tell(struct publish *p);
void publish_export_ran(struct publish *p, const struct msg_export_ran *m);
/* The role run has gone: nobody will tell what came of a command. */
void publish_export_run_gone(struct publish *p);

/* ---- publish_update.c; none of these has anything to do where dns-update has no server */
enum err publish_update_start(struct publish *p) MUST_USE;
void publish_update_stop(struct publish *p);
void publish_update_reloaded(struct publish *p);
void publish_update_tick(struct publish *p);
/* Tell the engine how it is. */
void publish_update_tell(struct publish *p);

#endif /* ROLE_PUBLISH_H */
