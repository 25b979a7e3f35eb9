/*
 * doctor: a list of findings about the chain from main.cf to the kernel set.
 * Each check adds findings; `limetwig doctor` shows them. Texts are copied and
 * cut. At most DOCTOR_MAX findings; what is over is counted.
 * SPDX-License-Identifier: ISC
 */
#ifndef CTL_DOCTOR_H
#define CTL_DOCTOR_H
#include "core/conf.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#define DOCTOR_MAX 200
#define DOCTOR_TEXT 512

enum doctor_level { DOCTOR_OK, DOCTOR_WARN, DOCTOR_FAIL, DOCTOR_SKIP };

struct doctor_item {
	enum doctor_level level;
	char name[16]; /* "postfix", "firewall": one word */
	char text[DOCTOR_TEXT];
	char means[DOCTOR_TEXT]; /* "" for none */
	char mend[DOCTOR_TEXT];
};

struct doctor {
	const struct conf *conf;
	size_t count;
	size_t lost;
	struct doctor_item item[DOCTOR_MAX];
};

void doctor_init(struct doctor *d, const struct conf *conf);
/* means and mend may be NULL. */
void doctor_add(struct doctor *d, enum doctor_level level, const char *name, const char *text, const char *means,
	const char *mend);
/* The number of findings of this level. */
size_t doctor_count(const struct doctor *d, enum doctor_level level);
/* For people; without is_all only the first good finding of each name, and what is not good. */
void doctor_print(const struct doctor *d, bool is_all, FILE *to);
/* {"ok":bool,"items":[{level,name,text,means,mend}]}; NULL: no memory. */
json_t *doctor_json(const struct doctor *d);

/* A process of limetwigd, as /proc tells it. */
struct doctor_process {
	char role[16];
	int pid;
	char state;       /* R S D T t Z */
	bool is_replaced; /* its program file is another one since */
};
#define DOCTOR_PROCESSES 32

struct ctl;

/* What the checks judge: gathered once. Texts and JSON of the engine are believed only as far as they are shown. */
struct doctor_daemon_facts {
	const json_t *status;   /* the engine's answer to status; NULL: it did not answer */
	const char *unanswered; /* why not */
	bool is_denied;         /* it runs, but does not answer us */
	uint64_t now;           /* Unix seconds */
	const char *conf_error; /* NULL: the configuration is fine */
	bool is_root;
	const json_t *blocks; /* in force, all of them; NULL: not asked */
	const json_t *live;   /* [{trap,reason}] armed traps that are somebody's address; NULL: not asked */
	bool is_live_checked; /* Postfix's tables could be asked */
	const json_t *hits;   /* the newest of the last day; NULL: not asked */
	size_t processes;     /* 0: not looked at */
	struct doctor_process process[DOCTOR_PROCESSES];
};

#define DOCTOR_HITS 200     /* newest hits that are looked at */
#define DOCTOR_LISTED 10000 /* blocks and traps that are looked at one by one */

/* doctor_facts.c: ask the engine. what_for texts live in the struct's owner: call doctor_facts_free. */
struct doctor_facts {
	struct doctor_daemon_facts f;
	json_t *status, *blocks, *live, *hits;
	char text[512];
};
void doctor_facts_get(struct ctl *c, struct doctor_facts *ret);
void doctor_facts_free(struct doctor_facts *x);
/* doctor_process.c: the children of limetwigd's parent, and itself. 0: none seen. */
size_t doctor_processes_find(int parent, struct doctor_process to[DOCTOR_PROCESSES]);

/* Checks: each adds its findings and changes nothing. */
void doctor_check_daemon(struct doctor *d, const struct doctor_daemon_facts *f);    /* doctor_daemon.c, all of these: */
void doctor_check_processes(struct doctor *d, const struct doctor_daemon_facts *f); /* doctor_process.c */
void doctor_check_firewall(struct doctor *d, const struct doctor_daemon_facts *f);  /* doctor_firewall.c */
void doctor_check_rules(struct doctor *d, const struct doctor_daemon_facts *f);     /* doctor_rules.c */
void doctor_check_traps(struct doctor *d, const struct doctor_daemon_facts *f);     /* doctor_trap.c */
void doctor_check_fetch(struct doctor *d, const struct doctor_daemon_facts *f);     /* doctor_fetch.c */
void doctor_check_tarpit(struct doctor *d, const struct doctor_daemon_facts *f);    /* doctor_tarpit.c */
void doctor_check_exports(struct doctor *d, const struct doctor_daemon_facts *f);
void doctor_check_dnsbl(struct doctor *d, const struct doctor_daemon_facts *f);
void doctor_check_feeds(struct doctor *d, const struct doctor_daemon_facts *f);   /* doctor_feed.c */
void doctor_check_update(struct doctor *d, const struct doctor_daemon_facts *f);  /* doctor_update.c */
void doctor_check_session(struct doctor *d, const struct doctor_daemon_facts *f); /* doctor_session.c */
void doctor_check_log(struct doctor *d, const struct doctor_daemon_facts *f);     /* doctor_log.c */
void doctor_check_postfix(struct doctor *d, const struct doctor_daemon_facts *f); /* doctor_postfix.c */

/* A key of the engine's answer; "" when it is not there. */
const char *doctor_text(const json_t *o, const char *key);
/* As doctor_add, with a text made by printf. */
void doctor_addf(struct doctor *d, enum doctor_level level, const char *name, const char *means, const char *mend,
	const char *fmt, ...) __attribute__((format(printf, 6, 7)));

#endif /* CTL_DOCTOR_H */
