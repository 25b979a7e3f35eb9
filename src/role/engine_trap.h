/*
 * engine_trap: what engine_trap.c, _load.c, _foreign.c and _swap.c share: the state of
 * loading trap files. One load at a time, in slices, so that policy queries
 * are answered meanwhile:
 *
 *   files come in -> PARSE -> DOMAINS (aliasmap asks Postfix: which are not
 *   this server's) -> FOREIGN (their lines are refused; where there are any) ->
 *   LIVE (aliasmap asks Postfix) -> LINES (what the map must change) -> MAP
 *   (aliasmap writes) -> ARM (times and numbers are noted) -> the new table
 *   replaces the old one
 * SPDX-License-Identifier: ISC
 */
#ifndef ROLE_ENGINE_TRAP_H
#define ROLE_ENGINE_TRAP_H
#include "role/engine.h"

#define TRAP_FILES 1000          /* files in traps.d */
#define TRAP_FILE_MAX (1u << 30) /* bytes of one */
#define TRAP_CHECKS 16           /* live checks under way */
#define TRAP_WAITERS 16          /* reload commands under way */
#define TRAP_STATES 5
#define TRAP_DOMAINS_MAX 100000 /* domains of exact traps that are looked at in each load */

struct engine_trap_delta {
	uint32_t id;
	uint32_t count[GRADE_COUNT];
	uint64_t last;
};

struct trap_text {
	char path[512];
	char *p;
	size_t n;
	bool is_mapped; /* p is a mapping, not of the heap */
};

enum trap_phase { TRAP_IDLE, TRAP_PARSE, TRAP_DOMAINS, TRAP_FOREIGN, TRAP_LIVE, TRAP_LINES, TRAP_MAP, TRAP_ARM };

/* A line whose address is being checked. */
struct trap_check {
	uint32_t trap; /* index in the new table */
	uint32_t file, line;
};

struct trap_live {
	uint32_t seq; /* 0: free */
	void (*done)(void *ctx, bool is_ok, const char *text, struct slice lines);
	void *ctx;
};

struct trap_waiter {
	void (*done)(void *ctx);
	void *ctx;
	bool is_early; /* came while a load was under way: that one may not have seen its change */
};

struct engine_traps {
	/* the round that comes in */
	struct trap_text *text;
	uint32_t texts, wanted, round;
	/* the load */
	enum trap_phase phase;
	struct loop_watch *timer;
	struct trap_table *table;
	struct trap_patterns *patterns;
	struct trap_text *file;
	uint32_t files, at_file, at_line;
	struct slice rest;
	struct trap_check *check;
	size_t checks, checks_size;
	struct keymap domain;      /* of traps, but patterns: is it foreign? */
	struct buf domain_text;    /* the same as questions, a line each */
	struct slice domains_left; /* DOMAINS: of domain_text, not asked yet */
	uint64_t domains_over;     /* traps whose domain found no room */
	size_t foreign;            /* domains that are, or are traps as a whole and free mail */
	size_t checked, asked;     /* LIVE: answered up to here, asked up to there */
	bool is_counted;           /* PARSE: lines are counted first, so that the table never moves */
	size_t lines_there;
	uint64_t ticket;        /* of the last number that was stored */
	uint64_t next_due, due; /* when the next watching trap becomes armed: of the new table, of the one in force */
	uint32_t next_id;
	size_t at;                                                 /* LINES, ARM: how far they are */
	struct buf lines;                                          /* LINES: a stretch for aliasmap */
	int lines_fd;                                              /* what went before it; -1: none */
	size_t lines_n;                                            /* bytes in it */
	bool is_full;                                              /* they are all, not only the changes */
	uint32_t *by_id;                                           /* ARM: of the new table */
	size_t unstored;                                           /* ARM: armed, but the store did not take it */
	uint32_t new_by_state[TRAP_STATES], by_state[TRAP_STATES]; /* of the new table; of the one in force */
	struct trap_table *old;                                    /* was in force; given back piece by piece */
	struct loop_watch *old_timer;
	/* aliasmap */
	uint32_t seq, map_seq;
	bool is_synced; /* the map holds what the table in force says */
	bool is_map_ok;
	char map_text[512];
	uint32_t in_map;
	struct trap_live live[TRAP_CHECKS];
	/* for people */
	struct engine_bad_line bad_line[ENGINE_BAD_LINES];
	uint32_t bad, new_bad;
	struct engine_bad_line new_bad_line[ENGINE_BAD_LINES];
	uint32_t added, removed;
	struct trap_waiter waiter[TRAP_WAITERS];
	size_t waiters;
};

/* Begin with the files of the round that has come. */
void engine_trap_load(struct engine *e);
void engine_trap_load_drop(struct engine_traps *t);
/* It is dropped; nobody waits for it any more, and it is tried again. */
void engine_trap_load_failed(struct engine *e);
/* The next stretch, after what waits has been answered. */
void engine_trap_later(struct engine *e, uint64_t ms, void (*fn)(void *ctx));
/* The next line of the files, cut off; t->at_file and t->at_line say which it is. False: there is none. */
bool engine_trap_next_line(struct engine_traps *t, struct slice *ret);
void engine_trap_rewind(struct engine_traps *t);
void engine_trap_bad_line(struct engine_traps *t, uint32_t file, unsigned line, const char *reason);
/* Foreign traps are out: ask which of the new ones are live. */
void engine_trap_ask_live(struct engine *e);

/* engine_trap_foreign.c: the domain of a trap is noted while parsing. */
void engine_trap_note_domain(struct engine_traps *t, struct slice domain);
/* Parsing is over: refuse what lies in domains that are not this server's, and free mail; then engine_trap_ask_live. */
void engine_trap_ask_domains(struct engine *e);
/* A whole domain that is a trap is this server's, whatever Postfix's lists say. t may be NULL. */
bool engine_trap_is_trap_domain(struct trap_table *t, struct slice domain);
/* A whole domain of free mail: Postfix's lists cannot tell one that is to be a trap from one that was never ours. */
bool engine_trap_is_free_mail(const struct engine *e, const struct trap_line *l);
#define ENGINE_TRAP_FREE_MAIL                                                                                          \
	"free mail of others (freemail: in the allow files): what your users write to anybody there would be "         \
	"swallowed"
/* Take it out of the new table, with the reason as a bad line. */
void engine_trap_refuse_foreign(
	struct engine_traps *t, struct trap *trap, struct slice domain, uint32_t file, unsigned line);
/* Why line is refused, of an answer to LIVE_CHECK: "live address (virtual_mailbox_maps)". ret_is_foreign: the domain is what is wrong. */
void engine_trap_why_refused(struct slice line, char reason[ENGINE_BAD_REASON], bool *ret_is_foreign);

/* Parsing and checking are over: give the new table to the map, then swap. */
void engine_trap_put_in_force(struct engine *e);
/* Text for aliasmap, in a descriptor that stays the caller's. False: it did not go. */
bool engine_trap_send_fd(struct engine *e, enum message_type type, uint32_t seq, bool is_full, int fd);
/* Add text to fd (-1: made). ERR_IO. */
enum err engine_trap_write(int *fd, struct slice text) MUST_USE;
void engine_trap_text_free(struct trap_text *t);
/* A trap in force gets another state. */
void engine_trap_set_state(struct engine *e, struct trap *trap, enum trap_state state);
/* Those who wait for the end of a load. */
void engine_trap_wake(struct engine *e);
/* Reads the record of this trap; ERR_NOTFOUND. */
enum err engine_trap_record(struct engine *e, const char *text, struct record_trap *ret) MUST_USE;
enum err engine_trap_save(struct engine *e, const char *text, const struct record_trap *r) MUST_USE;

#endif /* ROLE_ENGINE_TRAP_H */
