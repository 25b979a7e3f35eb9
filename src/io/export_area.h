/*
 * export_area: what the engine hands to those who write our list elsewhere:
 * the live blocks, the sets of feeds and the holes, as descriptors of memory
 * that is read where it lies; and a copy of all of it to work on. For the role
 * publish, and for `limetwig export`, which gets the same messages.
 *
 * Areas are counted: whoever copies keeps those it began with, whatever comes
 * meanwhile. Counting is the owner's thread's alone.
 * SPDX-License-Identifier: ISC
 */
#ifndef IO_EXPORT_AREA_H
#define IO_EXPORT_AREA_H
#include "core/export_list.h"
#include "core/message.h"
#include "io/area_memory.h"

struct export_area;

/* Zeroed: nothing. */
struct export_areas {
	struct export_area *blocks, *holes, *feed[FEEDS_MAX]; /* NULL: none */
	bool knows_acting, is_acting;
	bool is_short; /* for lack of memory something was left out */
	uint64_t news; /* of what was taken and let go */
};

/* BLOCKS, FEED_GIVE, ACTING; r stands behind the type. Takes fd (-1: none). What is no good is said in the log and left out. */
void export_areas_take(struct export_areas *a, enum message_type t, struct rd *body, int fd);
/* Is all there that a list needs? */
bool export_areas_are_known(const struct export_areas *a);
/* Another number than before: the list may be another. */
uint64_t export_areas_changes(const struct export_areas *a);
/* The same areas once more; export_areas_drop each. */
struct export_areas export_areas_keep(const struct export_areas *a);
void export_areas_drop(struct export_areas *a);
/*
 * All of it that layer has (FEED_LAYER_EXPORT, FEED_LAYER_DNSBL), sealed; to->now is set. Waits a moment at a time for an engine
 * that is busy: for a thread, or a command. ERR_NOMEM, ERR_LIMIT; ERR_AGAIN:
 * the engine is in the middle of a change and does not come out of it.
 */
enum err export_areas_copy(const struct export_areas *a, unsigned layer, struct export_source *to) MUST_USE;

#endif /* IO_EXPORT_AREA_H */
