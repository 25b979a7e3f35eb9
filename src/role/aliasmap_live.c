/*
 * aliasmap_live: which of these addresses does Postfix know? All keys (the
 * address, and it without extension) go to each table in one postmap -q; the
 * tables are opened directly, not through proxymap, so that it also works
 * while Postfix is down.
 *
 * What a table cannot tell: static: (it knows everybody) is passed over, and
 * so is an empty local_recipient_maps (Postfix takes every local part then).
 * SPDX-License-Identifier: ISC
 */
#include "core/address.h"
#include "io/log.h"
#include "io/postfix_tool.h"
#include "role/aliasmap.h"

#include <stdio.h>
#include <stdlib.h>

#define POSTCONF_MAX (4u << 20)

struct key {
	struct slice text; /* of struct checked.keys */
	uint32_t address;
};

struct checked {
	const struct conf *conf;
	struct buf params; /* postconf -x */
	struct address *address;
	const char **live; /* name of the parameter that knows it, NULL */
	size_t count;
	struct key *key; /* sorted; whole addresses or local parts */
	size_t keys;
	struct buf key_text; /* the keys, a line each */
	uint64_t end_ms;
	bool is_failed;
	char *text;
};

static struct slice param(const struct checked *c, const char *name)
{
	struct slice all = buf_slice(&c->params), line;

	while (slice_line(&all, &line)) {
		size_t eq = slice_find(line, '=');

		if (slice_eq(slice_trim(slice_head(line, eq)), slice_str(name)))
			return slice_trim(slice_from(line, eq + 1));
	}
	return (struct slice){ "", 0 };
}

static enum err read_params(struct checked *c)
{
	const char *const argv[] = { "postconf", "-c", c->conf->postfix.dir, "-x", "virtual_mailbox_maps",
		"virtual_alias_maps", "relay_recipient_maps", "local_recipient_maps", "alias_maps", "mydestination",
		NULL };
	int status = -1;
	enum err e = postfix_tool_run(argv, (struct slice){ "", 0 }, POSTFIX_TOOL_MS, &c->params, NULL, &status);

	if (e == ERR_OK && status == 0)
		return ERR_OK;
	(void)snprintf(c->text, ALIASMAP_TEXT, "postconf -c %.200s failed: nothing is known", c->conf->postfix.dir);
	return ERR_IO;
}

/* The next element of a list; commas and blanks inside braces or parentheses belong to it. */
static bool next_item(struct slice *list, struct slice *ret)
{
	size_t i = 0, depth = 0;

	while (list->n && strchr(", \t\r\n", list->p[0]))
		*list = slice_from(*list, 1);
	for (; i < list->n && (depth > 0 || !strchr(", \t\r\n", list->p[i])); i++) {
		depth += list->p[i] == '{' || list->p[i] == '(';
		depth -= depth > 0 && (list->p[i] == '}' || list->p[i] == ')');
	}
	*ret = slice_head(*list, i);
	*list = slice_from(*list, i);
	return i > 0;
}

static int compare_keys(const void *a, const void *b)
{
	const struct key *x = a, *y = b;
	size_t n = x->text.n < y->text.n ? x->text.n : y->text.n;
	int d = memcmp(x->text.p, y->text.p, n);

	return d != 0 ? d : (x->text.n > y->text.n) - (x->text.n < y->text.n);
}

/* The first key that is not less than text. */
static size_t find_key(const struct checked *c, struct slice text)
{
	struct key want = { text, 0 };
	size_t lo = 0, hi = c->keys;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (compare_keys(&c->key[mid], &want) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static void note_found(struct checked *c, struct slice found, const char *name)
{
	struct slice line;

	while (slice_line(&found, &line)) {
		struct slice key = slice_head(line, slice_find(line, '\t'));

		for (size_t i = find_key(c, key); i < c->keys && slice_eq(c->key[i].text, key); i++)
			if (!c->live[c->key[i].address])
				c->live[c->key[i].address] = name;
	}
}

static bool is_our_map(const struct checked *c, struct slice map)
{
	return slice_eq(map, slice_str(c->conf->postfix.map)) || slice_eq(map, slice_str(c->conf->postfix.domains));
}

static void ask_table(struct checked *c, struct slice map, const char *name)
{
	uint64_t now = clock_mono_ms();
	char spec[2048], text[ALIASMAP_TEXT];
	struct buf out;

	if (slice_starts(map, SLICE_LIT("proxy:")))
		map = slice_from(map, 6);
	if (is_our_map(c, map) || slice_starts(map, SLICE_LIT("static:")) || map.n >= sizeof spec ||
		slice_find(map, ':') == map.n)
		return;
	slice_copy(map, spec, sizeof spec);
	buf_init(&out, POSTMAP_MAX);
	if (postmap_query(c->conf->postfix.dir, spec, buf_slice(&c->key_text), c->end_ms > now ? c->end_ms - now : 0,
		    &out, text, sizeof text) != ERR_OK) {
		c->is_failed = true;
		(void)snprintf(c->text, ALIASMAP_TEXT, "%s: %.400s: unknown", name, text);
	}
	note_found(c, buf_slice(&out), name);
	buf_done(&out);
}

static void ask_param(struct checked *c, const char *name)
{
	struct slice list = param(c, name), map;

	while (c->key_text.n && next_item(&list, &map))
		ask_table(c, map, name);
}

static enum err add_key(struct checked *c, struct slice text, size_t address)
{
	enum err e = buf_add(&c->key_text, text);

	if (e == ERR_OK)
		e = buf_add_char(&c->key_text, '\n');
	c->key[c->keys++] = (struct key){ text, (uint32_t)address };
	return e;
}

static bool is_local(const struct checked *c, struct slice domain)
{
	struct slice list = param(c, "mydestination"), item;

	if (domain.n == 0)
		return true;
	while (next_item(&list, &item))
		if (slice_eq_nocase(item, domain))
			return true;
	return false;
}

/* Whole addresses, or the local parts of addresses in mydestination; each also without extension. */
static enum err make_keys(struct checked *c, struct address *stripped, bool is_local_part)
{
	enum err e = ERR_OK;

	c->keys = 0;
	buf_reset(&c->key_text);
	for (size_t i = 0; i < c->count && e == ERR_OK; i++) {
		const struct address *a = &c->address[i];
		bool has = stripped[i].text[0] != '\0';

		if (c->live[i] || (is_local_part && !is_local(c, a->domain)))
			continue;
		e = add_key(c, is_local_part ? a->local : slice_str(a->text), i);
		if (e == ERR_OK && has)
			e = add_key(c, is_local_part ? stripped[i].local : slice_str(stripped[i].text), i);
	}
	if (c->keys)
		qsort(c->key, c->keys, sizeof *c->key, compare_keys);
	return e;
}

static void read_addresses(struct checked *c, struct slice lines, struct address *stripped)
{
	struct slice line;

	while (slice_line(&lines, &line)) {
		struct address *a = &c->address[c->count];

		if (address_parse(slice_trim(line), a) != ERR_OK || a->text[0] == '\0' || strpbrk(a->text, " \t"))
			continue;
		if (!address_strip_extension(a, c->conf->postfix.extension, &stripped[c->count]))
			stripped[c->count].text[0] = '\0';
		c->count++;
	}
}

static enum err ask_all(struct checked *c, struct address *stripped)
{
	static const char *const whole[] = { "virtual_mailbox_maps", "virtual_alias_maps", "relay_recipient_maps" };
	static const char *const local[] = { "local_recipient_maps", "alias_maps" };
	enum err e = ERR_OK;

	for (size_t i = 0; i < 3 && e == ERR_OK; i++) {
		e = make_keys(c, stripped, false);
		if (e == ERR_OK)
			ask_param(c, whole[i]);
	}
	for (size_t i = 0; i < 2 && e == ERR_OK; i++) {
		e = make_keys(c, stripped, true);
		if (e == ERR_OK)
			ask_param(c, local[i]);
	}
	return e;
}

static enum err print_live(const struct checked *c, struct buf *to)
{
	enum err e = ERR_OK;

	for (size_t i = 0; i < c->count && e == ERR_OK; i++)
		if (c->live[i])
			e = buf_printf(to, "%s\t%s\n", c->address[i].text, c->live[i]);
	return e == ERR_OK && c->is_failed ? ERR_IO : e;
}

enum err aliasmap_live(const struct conf *conf, struct slice addresses, struct buf *to, char text[ALIASMAP_TEXT])
{
	struct checked c = { .conf = conf, .text = text, .end_ms = clock_mono_ms() + POSTFIX_TOOL_MS };
	struct address *stripped;
	size_t n = 1;
	enum err e = ERR_NOMEM;

	text[0] = '\0';
	for (size_t i = 0; i < addresses.n; i++)
		n += addresses.p[i] == '\n';
	buf_init(&c.params, POSTCONF_MAX);
	buf_init(&c.key_text, POSTMAP_MAX);
	c.address = calloc(n, sizeof *c.address);
	stripped = calloc(n, sizeof *stripped);
	c.live = calloc(n, sizeof *c.live);
	c.key = calloc(2 * n, sizeof *c.key);
	if (c.address && stripped && c.live && c.key) {
		read_addresses(&c, addresses, stripped);
		e = read_params(&c);
		if (e == ERR_OK)
			e = ask_all(&c, stripped);
		if (e == ERR_OK)
			e = print_live(&c, to);
	}
	buf_done(&c.params);
	buf_done(&c.key_text);
	free(c.address);
	free(stripped);
	free(c.live);
	free(c.key);
	return e;
}
