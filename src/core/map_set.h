/*
 * map_set: a lookup table as sorted text, a line "key<TAB>value<LF>" each, keys
 * unique, in byte order. A change is such a line, or "key<LF>" to take a key
 * out. Linear in its input but for the sort. Pure; no address is parsed here.
 * SPDX-License-Identifier: ISC
 */
#ifndef CORE_MAP_SET_H
#define CORE_MAP_SET_H
#include "base/buf.h"

/* Lines in any order (entries or changes) into sorted ones; of equal keys the last counts. to is emptied first. */
enum err map_set_sort(struct slice lines, struct buf *to) MUST_USE;
/* set with the sorted changes made. to is emptied first. */
enum err map_set_merge(struct slice set, struct slice changes, struct buf *to) MUST_USE;
/* The changes that turn one set into the other, and how many. changes is emptied first. */
enum err map_set_diff(struct slice from, struct slice to, struct buf *changes, size_t *ret_n) MUST_USE;

#endif /* CORE_MAP_SET_H */
