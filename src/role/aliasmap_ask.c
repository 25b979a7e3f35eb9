/*
 * aliasmap_ask: keys, sorted, and the tables they go to.
 * SPDX-License-Identifier: ISC
 */
#include "io/postfix_tool.h"
#include "role/aliasmap_live.h"

#include <stdio.h>
#include <stdlib.h>

#define POSTCONF_MAX (4u << 20)

enum err aliasmap_ask_open(struct aliasmap_question *q, const struct conf *conf, char *text)
{
	const char *const argv[] = { "postconf", "-c", conf->postfix.dir, "-x", "virtual_mailbox_maps",
		"virtual_alias_maps", "relay_recipient_maps", "local_recipient_maps", "alias_maps", "mydestination",
		"virtual_mailbox_domains", "relay_domains", "virtual_alias_domains", "parent_domain_matches_subdomains",
		"smtpd_relay_restrictions", "smtpd_recipient_restrictions", NULL };
	int status = -1;
	enum err e;

	*q = (struct aliasmap_question){ .conf = conf, .text = text, .end_ms = clock_mono_ms() + POSTFIX_TOOL_MS };
	buf_init(&q->params, POSTCONF_MAX);
	buf_init(&q->key_text, POSTMAP_MAX);
	e = postfix_tool_run(argv, (struct slice){ "", 0 }, POSTFIX_TOOL_MS, &q->params, NULL, &status);
	if (e == ERR_OK && status == 0)
		return ERR_OK;
	(void)snprintf(text, ALIASMAP_TEXT, "postconf -c %.200s failed: nothing is known", conf->postfix.dir);
	return ERR_IO;
}

void aliasmap_ask_close(struct aliasmap_question *q)
{
	buf_done(&q->params);
	buf_done(&q->key_text);
	free(q->key);
	q->key = NULL;
	q->keys = q->size = 0;
}

struct slice aliasmap_ask_param(const struct aliasmap_question *q, const char *name)
{
	struct slice all = buf_slice(&q->params), line;

	while (slice_line(&all, &line)) {
		size_t eq = slice_find(line, '=');

		if (slice_eq(slice_trim(slice_head(line, eq)), slice_str(name)))
			return slice_trim(slice_from(line, eq + 1));
	}
	return (struct slice){ "", 0 };
}

void aliasmap_ask_reset(struct aliasmap_question *q)
{
	q->keys = 0;
	buf_reset(&q->key_text);
}

enum err aliasmap_ask_add(struct aliasmap_question *q, struct slice text, size_t at)
{
	if (q->keys == q->size) {
		size_t size = q->size ? q->size * 2 : 64;
		struct aliasmap_key *key = reallocarray(q->key, size, sizeof *key);

		if (!key)
			return ERR_NOMEM;
		q->key = key;
		q->size = size;
	}
	q->key[q->keys++] = (struct aliasmap_key){ text, (uint32_t)at };
	return ERR_OK;
}

static int compare_keys(const void *a, const void *b)
{
	const struct aliasmap_key *x = a, *y = b;
	size_t n = x->text.n < y->text.n ? x->text.n : y->text.n;
	int d = memcmp(x->text.p, y->text.p, n);

	return d != 0 ? d : (x->text.n > y->text.n) - (x->text.n < y->text.n);
}

enum err aliasmap_ask_sort(struct aliasmap_question *q)
{
	enum err e = ERR_OK;

	if (q->keys)
		qsort(q->key, q->keys, sizeof *q->key, compare_keys);
	for (size_t i = 0; i < q->keys && e == ERR_OK; i++) {
		if (i && slice_eq(q->key[i].text, q->key[i - 1].text))
			continue;
		e = buf_add(&q->key_text, q->key[i].text);
		if (e == ERR_OK)
			e = buf_add_char(&q->key_text, '\n');
	}
	return e;
}

/* The first key that is not less than text. */
static size_t find_key(const struct aliasmap_question *q, struct slice text)
{
	struct aliasmap_key want = { text, 0 };
	size_t lo = 0, hi = q->keys;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (compare_keys(&q->key[mid], &want) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

void aliasmap_ask_each(
	const struct aliasmap_question *q, struct slice key, void (*found)(void *ctx, uint32_t at), void *ctx)
{
	for (size_t i = find_key(q, key); i < q->keys && slice_eq(q->key[i].text, key); i++)
		found(ctx, q->key[i].at);
}

bool aliasmap_ask_is_foreign(const struct aliasmap_question *q, struct slice *map)
{
	if (slice_starts(*map, SLICE_LIT("proxy:")))
		*map = slice_from(*map, 6);
	return !slice_eq(*map, slice_str(q->conf->postfix.map)) && !slice_eq(*map, slice_str(q->conf->postfix.domains));
}

uint64_t aliasmap_ask_left_ms(const struct aliasmap_question *q)
{
	uint64_t now = clock_mono_ms();

	return q->end_ms > now ? q->end_ms - now : 0;
}

void aliasmap_ask_fail(struct aliasmap_question *q, const char *name, const char *why)
{
	q->is_failed = true;
	(void)snprintf(q->text, ALIASMAP_TEXT, "%s: %.400s: unknown", name, why);
}

void aliasmap_ask_table(struct aliasmap_question *q, struct slice map, const char *name,
	void (*found)(void *ctx, uint32_t at), void *ctx)
{
	char spec[2048], text[ALIASMAP_TEXT];
	struct slice rest, line;
	struct buf out;

	if (q->key_text.n == 0 || !aliasmap_ask_is_foreign(q, &map))
		return;
	if (map.n >= sizeof spec) {
		aliasmap_ask_fail(q, name, "the name of a table is too long");
		return;
	}
	slice_copy(map, spec, sizeof spec);
	buf_init(&out, POSTMAP_MAX);
	if (postmap_query(q->conf->postfix.dir, spec, buf_slice(&q->key_text), aliasmap_ask_left_ms(q), &out, text,
		    sizeof text) != ERR_OK)
		aliasmap_ask_fail(q, name, text);
	rest = buf_slice(&out);
	while (slice_line(&rest, &line))
		aliasmap_ask_each(q, slice_head(line, slice_find(line, '\t')), found, ctx);
	buf_done(&out);
}
