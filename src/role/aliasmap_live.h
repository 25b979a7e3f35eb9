/*
 * aliasmap_live: what the parts of the live check share. A question has the
 * parameters of Postfix (postconf -x) and a set of keys, each for a place in
 * the caller's list; keys go to a table in one postmap -q. Tables are opened
 * directly, not through proxymap, so that it also works while Postfix is down.
 * Ends within about POSTFIX_TOOL_MS; keys at most POSTMAP_MAX bytes.
 * SPDX-License-Identifier: ISC
 */
#ifndef ROLE_ALIASMAP_LIVE_H
#define ROLE_ALIASMAP_LIVE_H
#include "role/aliasmap.h"

struct aliasmap_key {
	struct slice text; /* the caller's */
	uint32_t at;
};

struct aliasmap_question {
	const struct conf *conf;
	struct buf params;
	uint64_t end_ms;
	bool is_failed; /* something could not be asked: text says what */
	char *text;     /* ALIASMAP_TEXT */
	struct aliasmap_key *key;
	size_t keys, size;
	struct buf key_text; /* the keys, a line each */
};

/* aliasmap_ask.c. Close it also after an error. */
enum err aliasmap_ask_open(struct aliasmap_question *q, const struct conf *conf, char *text) MUST_USE;
void aliasmap_ask_close(struct aliasmap_question *q);
/* Value of a parameter; the empty slice. */
struct slice aliasmap_ask_param(const struct aliasmap_question *q, const char *name);
void aliasmap_ask_reset(struct aliasmap_question *q);
enum err aliasmap_ask_add(struct aliasmap_question *q, struct slice text, size_t at) MUST_USE;
/* After the last add, before the first look. */
enum err aliasmap_ask_sort(struct aliasmap_question *q) MUST_USE;
/* Call found for each place of this key. */
void aliasmap_ask_each(
	const struct aliasmap_question *q, struct slice key, void (*found)(void *ctx, uint32_t at), void *ctx);
/* Our own maps say nothing about the site. map: without "proxy:" afterwards. */
bool aliasmap_ask_is_foreign(const struct aliasmap_question *q, struct slice *map);
/* Call found for each place whose key this table of parameter name knows. */
void aliasmap_ask_table(struct aliasmap_question *q, struct slice map, const char *name,
	void (*found)(void *ctx, uint32_t at), void *ctx);
void aliasmap_ask_fail(struct aliasmap_question *q, const char *name, const char *why);
uint64_t aliasmap_ask_left_ms(const struct aliasmap_question *q);

/* aliasmap_domain.c: the keys are domains. verdict by place; the first element that matches decides. */
enum aliasmap_verdict { DOMAIN_OPEN = 0, DOMAIN_IN = 1, DOMAIN_NOT_IN = 2 };
void aliasmap_domain_ask(struct aliasmap_question *q, const char *name, uint8_t *verdict);
/* DOMAIN_IN for domains that have aliases of the site's, or where its tables cannot be listed. */
void aliasmap_domain_find_aliases(struct aliasmap_question *q, uint8_t *verdict);

#endif /* ROLE_ALIASMAP_LIVE_H */
