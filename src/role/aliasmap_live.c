/*
 * aliasmap_live: which of these addresses and domains does Postfix know? All
 * keys (the address, and it without extension) go to each table in one postmap
 * -q. A whole domain is live when Postfix delivers mail of it to somebody else.
 *
 * What a table cannot tell: static: (it knows everybody) is passed over, and
 * so is an empty local_recipient_maps (Postfix takes every local part then).
 * SPDX-License-Identifier: ISC
 */
#include "core/address.h"
#include "core/domain_list.h"
#include "role/aliasmap_live.h"

#include <stdlib.h>

struct checked {
	struct aliasmap_question q;
	struct address *address, *stripped; /* a domain: "@d", no local part */
	const char **live;                  /* name of the parameter that knows it, NULL */
	uint8_t *local;                     /* enum aliasmap_verdict of mydestination */
	uint8_t *verdict;                   /* of the list that is asked now */
	size_t count;
	const char *name; /* of the parameter that is asked now */
};

static bool is_domain(const struct address *a)
{
	return a->text[0] == '@';
}

static void note_live(void *ctx, uint32_t at)
{
	struct checked *c = ctx;

	if (!c->live[at])
		c->live[at] = c->name;
}

/* ---- addresses */

static void ask_maps(struct checked *c, const char *name)
{
	struct slice list = aliasmap_ask_param(&c->q, name);
	struct domain_item item;

	c->name = name;
	while (domain_list_next(&list, &item))
		if (item.kind == DOMAIN_TABLE && aliasmap_ask_is_foreign(&c->q, &item.text) &&
			!slice_starts(item.text, SLICE_LIT("static:")))
			aliasmap_ask_table(&c->q, item.text, name, note_live, c);
}

/* Whole addresses, or the local parts of addresses in mydestination; each also without extension. */
static enum err make_keys(struct checked *c, bool is_local_part)
{
	enum err e = ERR_OK;

	aliasmap_ask_reset(&c->q);
	for (size_t i = 0; i < c->count && e == ERR_OK; i++) {
		const struct address *a = &c->address[i], *s = &c->stripped[i];

		if (c->live[i] || is_domain(a) || (is_local_part && a->domain.n && c->local[i] != DOMAIN_IN))
			continue;
		e = aliasmap_ask_add(&c->q, is_local_part ? a->local : slice_str(a->text), i);
		if (e == ERR_OK && s->text[0])
			e = aliasmap_ask_add(&c->q, is_local_part ? s->local : slice_str(s->text), i);
	}
	return e == ERR_OK ? aliasmap_ask_sort(&c->q) : e;
}

static enum err ask_addresses(struct checked *c)
{
	static const struct {
		const char *name;
		bool is_local_part;
	} maps[] = { { "virtual_mailbox_maps", false }, { "virtual_alias_maps", false },
		{ "relay_recipient_maps", false }, { "local_recipient_maps", false }, { "local_recipient_maps", true },
		{ "alias_maps", true } };
	enum err e = ERR_OK;

	for (size_t i = 0; i < sizeof maps / sizeof maps[0] && e == ERR_OK; i++) {
		e = make_keys(c, maps[i].is_local_part);
		if (e == ERR_OK)
			ask_maps(c, maps[i].name);
	}
	return e;
}

/* ---- domains */

static enum err add_parents(struct checked *c, struct slice domain, size_t at)
{
	enum err e = ERR_OK;

	for (size_t dot = slice_find(domain, '.'); dot < domain.n && e == ERR_OK; dot = slice_find(domain, '.')) {
		domain = slice_from(domain, dot + 1);
		e = aliasmap_ask_add(&c->q, domain, at);
	}
	return e;
}

/* Is the domain of this trap in the list? is_parent: or one above it (parent_domain_matches_subdomains). */
static enum err ask_list(struct checked *c, const char *name, bool is_parent)
{
	enum err e = ERR_OK;

	aliasmap_ask_reset(&c->q);
	memset(c->verdict, DOMAIN_OPEN, c->count);
	for (size_t i = 0; i < c->count && e == ERR_OK; i++) {
		if (c->live[i] || !is_domain(&c->address[i]))
			continue;
		e = aliasmap_ask_add(&c->q, c->address[i].domain, i);
		if (e == ERR_OK && is_parent)
			e = add_parents(c, c->address[i].domain, i);
	}
	if (e == ERR_OK)
		e = aliasmap_ask_sort(&c->q);
	if (e == ERR_OK)
		aliasmap_domain_ask(&c->q, name, c->verdict);
	return e;
}

static void take_verdicts(struct checked *c, const char *name)
{
	for (size_t i = 0; i < c->count; i++)
		if (!c->live[i] && c->verdict[i] == DOMAIN_IN)
			c->live[i] = name;
}

/* A virtual alias domain of the site's: its aliases would be swallowed. Without any it may become a trap. */
static enum err keep_those_with_aliases(struct checked *c)
{
	enum err e = ERR_OK;

	aliasmap_ask_reset(&c->q);
	for (size_t i = 0; i < c->count && e == ERR_OK; i++)
		if (c->verdict[i] == DOMAIN_IN)
			e = aliasmap_ask_add(&c->q, c->address[i].domain, i);
	memset(c->verdict, DOMAIN_OPEN, c->count);
	if (e == ERR_OK)
		e = aliasmap_ask_sort(&c->q);
	if (e == ERR_OK)
		aliasmap_domain_find_aliases(&c->q, c->verdict);
	return e;
}

static enum err ask_domains(struct checked *c)
{
	static const struct {
		const char *name;
		bool is_parent, needs_alias;
	} lists[] = { { "virtual_mailbox_domains", false, false }, { "relay_domains", true, false },
		{ "virtual_alias_domains", false, true } };
	enum err e = ERR_OK;

	for (size_t i = 0; i < c->count; i++)
		if (is_domain(&c->address[i]) && c->local[i] == DOMAIN_IN)
			c->live[i] = "mydestination";
	for (size_t i = 0; i < sizeof lists / sizeof lists[0] && e == ERR_OK; i++) {
		e = ask_list(c, lists[i].name, lists[i].is_parent);
		if (e == ERR_OK && lists[i].needs_alias)
			e = keep_those_with_aliases(c);
		if (e == ERR_OK)
			take_verdicts(c, lists[i].name);
	}
	return e;
}

static enum err ask_local(struct checked *c)
{
	enum err e = ERR_OK;

	for (size_t i = 0; i < c->count && e == ERR_OK; i++)
		if (c->address[i].domain.n)
			e = aliasmap_ask_add(&c->q, c->address[i].domain, i);
	if (e == ERR_OK)
		e = aliasmap_ask_sort(&c->q);
	if (e == ERR_OK)
		aliasmap_domain_ask(&c->q, "mydestination", c->local);
	return e;
}

/* ---- lines in and out */

static bool read_domain(struct slice s, struct address *ret)
{
	if (s.n < 2 || s.n >= ADDRESS_TEXT || slice_find(slice_from(s, 1), '@') < s.n - 1)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		if ((unsigned char)s.p[i] <= ' ' || s.p[i] == ',' || s.p[i] == ':')
			return false;
		ret->text[i] = ascii_lower(s.p[i]);
	}
	ret->text[s.n] = '\0';
	ret->local = (struct slice){ ret->text, 0 };
	ret->domain = (struct slice){ ret->text + 1, s.n - 1 };
	return true;
}

static bool read_line(struct slice s, struct address *ret)
{
	if (read_domain(s.n && s.p[0] == '@' ? s : (struct slice){ "", 0 }, ret))
		return true;
	return address_parse(s, ret) == ERR_OK && ret->text[0] && ret->text[0] != '@' && !strpbrk(ret->text, " \t");
}

static void read_lines(struct checked *c, struct slice lines)
{
	struct slice line;

	while (slice_line(&lines, &line)) {
		struct address *a = &c->address[c->count], *s = &c->stripped[c->count];

		if (!read_line(slice_trim(line), a))
			continue;
		if (is_domain(a) || !address_strip_extension(a, c->q.conf->postfix.extension, s))
			s->text[0] = '\0';
		c->count++;
	}
}

static enum err print_live(const struct checked *c, struct buf *to)
{
	enum err e = ERR_OK;

	for (size_t i = 0; i < c->count && e == ERR_OK; i++)
		if (c->live[i])
			e = buf_printf(to, "%s\t%s\n", c->address[i].text, c->live[i]);
	return e == ERR_OK && c->q.is_failed ? ERR_IO : e;
}

static enum err ask_all(struct checked *c, struct slice lines, struct buf *to)
{
	enum err e;

	read_lines(c, lines);
	e = ask_local(c);
	if (e == ERR_OK)
		e = ask_domains(c);
	if (e == ERR_OK)
		e = ask_addresses(c);
	return e == ERR_OK ? print_live(c, to) : e;
}

enum err aliasmap_live(const struct conf *conf, struct slice addresses, struct buf *to, char text[ALIASMAP_TEXT])
{
	struct checked c = { .count = 0 };
	size_t n = 1;
	enum err e;

	text[0] = '\0';
	for (size_t i = 0; i < addresses.n; i++)
		n += addresses.p[i] == '\n';
	e = aliasmap_ask_open(&c.q, conf, text);
	c.address = calloc(n, sizeof *c.address);
	c.stripped = calloc(n, sizeof *c.stripped);
	c.live = calloc(n, sizeof *c.live);
	c.local = calloc(n, 1);
	c.verdict = calloc(n, 1);
	if (!c.address || !c.stripped || !c.live || !c.local || !c.verdict)
		e = ERR_NOMEM;
	if (e == ERR_OK)
		e = ask_all(&c, addresses, to);
	aliasmap_ask_close(&c.q);
	free(c.address);
	free(c.stripped);
	free(c.live);
	free(c.local);
	free(c.verdict);
	return e;
}
