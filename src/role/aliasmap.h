/*
 * aliasmap: the root helper. Alone writes the alias map and the trap domain
 * map of Postfix (MAP_APPLY), asks Postfix's own tables which addresses are
 * live (LIVE_CHECK), and reads the trap and allow files for the engine (TEXT).
 * Believes the engine nothing: each line is checked here, values are made here,
 * so that an engine that is not itself can only send mail to our own capture.
 * Blocks while postmap runs, at most POSTFIX_TOOL_MS for a message.
 * SPDX-License-Identifier: ISC
 */
#ifndef ROLE_ALIASMAP_H
#define ROLE_ALIASMAP_H
#include "base/buf.h"
#include "io/postmap.h"
#include "role/role_host.h"

#include <sys/types.h>
#include <time.h>

#define ALIASMAP_INPUT (512u << 20) /* bytes of lines from the engine */
#define ALIASMAP_FILE (256u << 20)  /* bytes of one trap or allow file */
#define ALIASMAP_FILES 1000         /* files of one kind */
#define ALIASMAP_POLL_MS 2000
#define ALIASMAP_TEXT 512

/* How a file looked when it was last read or written. */
struct aliasmap_stamp {
	ino_t inode;
	off_t size;
	struct timespec mtime;
};

/* One of the two tables: what it should hold, sorted (core/map_set). */
struct aliasmap_table {
	struct buf set;
	bool is_known; /* the engine has said what belongs in it */
	struct aliasmap_stamp stamp;
	uint64_t built_ms; /* last build of a type that is built aside */
};

struct aliasmap {
	struct role_host *host;
	struct aliasmap_table alias, domains;
	struct loop_watch *timer;
	uint64_t seen[4];     /* by enum text_kind: fingerprint of the files last sent */
	uint64_t again_ms[4]; /* a file could not be read: not before this */
	uint32_t round;
};

/* aliasmap_line.c: lines of MAP_APPLY into changes of both tables (core/map_set, unsorted). */
struct aliasmap_changes {
	struct buf alias, domains;
	uint32_t refused; /* lines that were not taken */
};
enum err aliasmap_read_lines(struct slice lines, bool is_full, struct aliasmap_changes *c) MUST_USE;

/* aliasmap_table.c: bring the tables to what the lines say. text: what went wrong, or a remark. */
enum err aliasmap_apply(struct aliasmap *a, struct slice lines, bool is_full, char text[ALIASMAP_TEXT]) MUST_USE;
/* Somebody touched or removed a table: mend it. */
void aliasmap_watch_tables(struct aliasmap *a);

/*
 * aliasmap_live.c: "address<TAB>parameter<LF>" or "@domain<TAB>parameter<LF>" for each live one, in the order of the
 * question; "address<TAB>foreign<LF>" for an address whose domain is none of this server's, also "=domain" for
 * "=domain". ERR_IO: a look-up failed, text says which. ERR_OK with a text: what could not be told, counted as ours.
 */
enum err aliasmap_live(const struct conf *c, struct slice addresses, struct buf *to, char text[ALIASMAP_TEXT]) MUST_USE;

/* aliasmap_files.c: send the files of both kinds where they changed (is_all: in any case). */
void aliasmap_send_files(struct aliasmap *a, bool is_all);

#endif /* ROLE_ALIASMAP_H */
