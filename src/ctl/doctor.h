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

/* Checks: each adds its findings and changes nothing. */
struct doctor_daemon_facts {
	const json_t *status;   /* the engine's answer to status; NULL: it did not answer */
	const char *unanswered; /* why not */
	uint64_t now;           /* Unix seconds */
	const char *conf_error; /* NULL: the configuration is fine */
};
void doctor_check_daemon(struct doctor *d, const struct doctor_daemon_facts *f); /* doctor_daemon.c */
void doctor_check_postfix(struct doctor *d);                                     /* doctor_postfix.c */

#endif /* CTL_DOCTOR_H */
