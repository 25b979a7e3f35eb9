/*
 * content_table: rows of text compared with what stands in a message; for the
 * tables of content_rules.c and content_words.c only. Pure.
 * SPDX-License-Identifier: ISC
 */
#ifndef CORE_CONTENT_TABLE_H
#define CORE_CONTENT_TABLE_H
#include "core/content_rules.h"

enum match {
	MATCH_ANY,    /* not empty */
	MATCH_IS,     /* the whole value */
	MATCH_NOT,    /* not empty and not this */
	MATCH_STARTS, /* the value begins so */
	MATCH_HAS,    /* somewhere in it */
	MATCH_ENDS,
};

/* Texts in lower case (ASCII): what is compared is made so first. */
struct content_rule {
	enum match match;
	const char *text;
	uint64_t facts;
};

/* What is compared: trimmed, cut, in lower case. */
struct content_text {
	char p[CONTENT_RULES_LINE];
	size_t n;
};

void content_table_text(struct slice s, struct content_text *ret);
bool content_table_matches(const struct content_rule *r, const struct content_text *t);
/* The facts of all rows that match. */
uint64_t content_table_facts(const struct content_rule *rule, size_t n, struct slice s);

#endif /* CORE_CONTENT_TABLE_H */
