/*
 * render: the engine's answers for people. Pure but for the FILE it writes to:
 * the time is an argument. Foreign text is escaped. A field that is missing is
 * left out, so that an older or newer engine can be shown.
 * SPDX-License-Identifier: ISC
 */
#ifndef CTL_RENDER_H
#define CTL_RENDER_H
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define RENDER_POOL 64 /* texts good at one time */
#define RENDER_TEXT 340

struct render {
	FILE *to;
	uint64_t now; /* Unix seconds */
	bool is_reveal;
	char pool[RENDER_POOL][RENDER_TEXT]; /* used in turn by the functions below */
	unsigned next;
};

/* Fields. "" and 0 for missing ones; texts come escaped, good for RENDER_POOL further calls. */
const char *render_text(struct render *r, const json_t *o, const char *key);
uint64_t render_number(const json_t *o, const char *key);
double render_real(const json_t *o, const char *key);
bool render_bool(const json_t *o, const char *key);
/* "T-118" of a number or text. */
const char *render_trap_id(struct render *r, const json_t *o, const char *key);
/* "whole message", "probe" ... of the grade in o. */
const char *render_grade(struct render *r, const json_t *o);
/* 61,204 */
const char *render_grouped(struct render *r, uint64_t v);
/* "1 try", "61,204 tries": of the noun for one. */
const char *render_count(struct render *r, uint64_t n, const char *noun);
/* "Sat 22 Nov 14:10 UTC"; another year is said. 0: "never". */
const char *render_time(struct render *r, uint64_t t);
/* "17 h", "3 d", "40 min", "12 s". */
const char *render_span(struct render *r, uint64_t s);
/* Where there are more than n of them: how many, and what shows them. */
void render_cut(struct render *r, size_t n, uint64_t total);
/* "1st", "2nd" ... */
const char *render_ordinal(struct render *r, uint64_t n);
/* "name [address]", or the address alone. */
const char *render_host(struct render *r, const char *name, const char *address);
/* Whose block or hits o tells of: the host, or "sender at provider". */
const char *render_whom(struct render *r, const json_t *o);

/* Whole answers. */
void render_status(struct render *r, const json_t *a);
/* `status` as OpenMetrics; an answer without a mode: the daemon is down. */
void render_metrics(struct render *r, const json_t *a);
void render_mode(struct render *r, const json_t *a);
void render_why(struct render *r, const json_t *a);
void render_hits(struct render *r, const json_t *a);
void render_block_list(struct render *r, const json_t *a);
void render_block_change(struct render *r, const char *verb, const json_t *a);
void render_block_remove(struct render *r, const json_t *a);
void render_allow_list(struct render *r, const json_t *a);
void render_allow_change(struct render *r, const char *verb, const json_t *a);
void render_feed_list(struct render *r, const json_t *a);
void render_feed_find(struct render *r, const json_t *a);
void render_feed_asked(struct render *r, const json_t *a);
void render_feed_confirmed(struct render *r, const json_t *a);
/* The feeds of `why` and `feed find`; before: begins the first line. */
void render_listed(struct render *r, const json_t *list, const char *before, uint64_t now);
/* Whom of ours a list has, a line each; before: begins it. */
void render_collateral(struct render *r, const json_t *c, const char *before);
void render_trap_list(struct render *r, const json_t *a);
void render_trap_find(struct render *r, const json_t *a, const char *address);
void render_trap_reload(struct render *r, const json_t *a);
void render_person(struct render *r, const json_t *a);
void render_forget(struct render *r, const json_t *a);
void render_replay(struct render *r, const json_t *a);
void render_suggest(struct render *r, const json_t *a);
void render_watch_line(struct render *r, const json_t *line);

/* One hit or one block, one line each. */
void render_hit_line(struct render *r, const json_t *hit);
void render_block_line(struct render *r, const json_t *block);

#endif /* CTL_RENDER_H */
