/*
 * postmap: lookup tables of Postfix (TYPE:/path) read, changed, built and
 * asked, all through its own command postmap, so that file formats and locks
 * are Postfix's. Text of a table: core/map_set. Each call blocks, at most
 * POSTFIX_TOOL_MS; text says what went wrong and what to do.
 *
 * lmdb is changed in place, inside a transaction: open sessions see it at once.
 * Other types are built aside, looked into, renamed.
 * SPDX-License-Identifier: ISC
 */
#ifndef IO_POSTMAP_H
#define IO_POSTMAP_H
#include "base/buf.h"

#include <stdint.h>

#define POSTMAP_PATH 640       /* CONF_TEXT and a suffix */
#define POSTMAP_MAX (1u << 30) /* bytes of a table as text */
/* The same for hash: and btree:, about 1.3 million addresses: postmap writes these all over the file, for many minutes. */
#define POSTMAP_HASH_MAX (100u << 20)

/* The file that Postfix opens for this table ("/x.lmdb"). False: not a type that is a file of ours (lmdb, hash, btree, cdb). */
bool postmap_file(const char *map, char to[POSTMAP_PATH]);
/* All entries, sorted. ERR_NOTFOUND: no such file; ERR_IO: damaged, or postmap cannot be run. */
enum err postmap_dump(const char *dir, const char *map, struct buf *to, char *text, size_t n) MUST_USE;
/* lmdb: make the sorted changes in place. Meant for a few: each costs a transaction. */
enum err postmap_change(const char *dir, const char *map, struct slice changes, char *text, size_t n) MUST_USE;
/* The table holds exactly this set afterwards. A damaged or missing file is made anew. */
enum err postmap_build(const char *dir, const char *map, struct slice set, char *text, size_t n) MUST_USE;
/*
 * Ask any table for keys, one a line: "key<TAB>value" for each found, appended
 * to `to`. ERR_IO: some look-up failed: what was found is there, the rest is unknown.
 */
enum err postmap_query(const char *dir, const char *map, struct slice keys, uint64_t limit_ms, struct buf *to,
	char *text, size_t n) MUST_USE;

#endif /* IO_POSTMAP_H */
