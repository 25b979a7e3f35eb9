/*
 * feed_plan: which feeds there are, and of which parts each is made: those of
 * the configuration have one; a black list of a spamd.conf has itself and the
 * white lists behind it. Two processes make the same plan from the same texts:
 * feed, which asks for the command of a part by number, and run, which knows
 * its words.
 *
 * Pure. Limits: FEEDS_MAX feeds; FEED_PARTS lists in one.
 * SPDX-License-Identifier: ISC
 */
#ifndef CORE_FEED_PLAN_H
#define CORE_FEED_PLAN_H
#include "core/conf.h"
#include "core/message.h"
#include "core/spamd_conf.h"

#define FEED_PARTS 16 /* a black list and its white ones */
#define FEED_WHERE (CONF_TEXT + 16)
#define FEED_WORDS 32 /* of a command */
#define FEED_PLAN_REASON 200

enum feed_way { FEED_WAY_PATH, FEED_WAY_HTTP, FEED_WAY_FTP, FEED_WAY_COMMAND };

struct feed_part {
	enum feed_way way;
	bool is_white;
	char list[MESSAGE_FEED_LIST]; /* its name in the spamd.conf; "" */
	char where[FEED_WHERE];       /* path, URL, or words */
};

struct feed_spec {
	struct conf_feed conf; /* title: its name; source, command: see the parts */
	unsigned layers;       /* FEED_LAYER_... */
	bool is_spamd;
	char text[MESSAGE_FEED_TEXT]; /* to those it lists (core/feed_text) */
	char text_file[CONF_TEXT];    /* instead: the file that has it */
	unsigned parts;
	struct feed_part part[FEED_PARTS];
};

struct feed_plan {
	struct feed_spec *feed;
	unsigned count;
	unsigned left_out;             /* lists that could not be taken */
	char reason[FEED_PLAN_REASON]; /* the last of them, and why */
};

/* spamd: NULL, or what c->feeds.spamd_conf holds. ERR_NOMEM. */
enum err feed_plan_make(const struct conf *c, const struct spamd_conf *spamd, struct feed_plan *ret) MUST_USE;
void feed_plan_done(struct feed_plan *p);
/* NULL: none of this name. */
const struct feed_spec *feed_plan_find(const struct feed_plan *p, const char *name);
/* "policy dnsbl": FEED_LAYER_... False: a word is none of them; it counts for nothing. */
bool feed_plan_layers(const char *text, unsigned *ret);
/*
 * The words of a command, between blanks: into store, argv ends with NULL. 0: none, or too many.
 */
unsigned feed_plan_words(const char *command, char store[FEED_WHERE], char *argv[FEED_WORDS + 1]);

#endif /* CORE_FEED_PLAN_H */
