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
#include "core/alias_map.h"
#include "core/domain_list.h"
#include "role/aliasmap_live.h"

#include <stdio.h>
#include <stdlib.h>

struct checked {
	struct aliasmap_question q;
	struct address *address, *stripped; /* a domain: "@d" or "=d", no local part */
	const char **live;                  /* name of the parameter that knows it, NULL */
	uint8_t *local;                     /* enum aliasmap_verdict of mydestination */
	uint8_t *verdict;                   /* of the list that is asked now */
	bool *ours;                         /* its domain is in a list */
	size_t count;
	bool has_domain;  /* a whole domain is asked for */
	bool is_unsure;   /* a list could not be asked: nobody is foreign */
	const char *name; /* of the parameter that is asked now */
};

static bool is_domain(const struct address *a)
{
	return a->text[0] == '@';
}

/* Only asked whether it is ours. */
static bool is_question(const struct address *a)
{
	return a->text[0] == '=' && a->local.n == 0;
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

		if (c->live[i] || is_domain(a) || is_question(a) ||
			(is_local_part && a->domain.n && c->local[i] != DOMAIN_IN))
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

/* "a.example" for x.a.example, or ".a.example". */
static enum err add_parents(struct checked *c, struct slice domain, size_t at, bool has_dot)
{
	enum err e = ERR_OK;

	for (size_t dot = slice_find(domain, '.'); dot < domain.n && e == ERR_OK; dot = slice_find(domain, '.')) {
		struct slice with_dot = slice_from(domain, dot);

		domain = slice_from(domain, dot + 1);
		e = aliasmap_ask_add(&c->q, has_dot ? with_dot : domain, at);
	}
	return e;
}

static bool has_word(const struct aliasmap_question *q, const char *name, struct slice word)
{
	struct slice list = aliasmap_ask_param(q, name);
	struct domain_item item;

	while (domain_list_next(&list, &item))
		if (!item.is_not && slice_eq(item.text, word))
			return true;
	return false;
}

/* A list that fails leaves open who is foreign. A whole domain it leaves unknown, and with it the answer. */
static void ask_verdicts(struct checked *c, const char *name)
{
	bool was_failed = c->q.is_failed;

	c->q.is_failed = false;
	aliasmap_domain_ask(&c->q, name, c->verdict);
	c->is_unsure |= c->q.is_failed;
	c->q.is_failed = was_failed || (c->q.is_failed && c->has_domain);
}

/* Which domains are in the list? is_parent: or one above it, as parent_domain_matches_subdomains has it. */
static enum err ask_list(struct checked *c, const char *name, bool is_parent)
{
	bool has_dot = !has_word(&c->q, "parent_domain_matches_subdomains", slice_str(name));
	enum err e = ERR_OK;

	aliasmap_ask_reset(&c->q);
	memset(c->verdict, DOMAIN_OPEN, c->count);
	for (size_t i = 0; i < c->count && e == ERR_OK; i++) {
		if (c->live[i] || c->ours[i])
			continue;
		e = aliasmap_ask_add(&c->q, c->address[i].domain, i);
		if (e == ERR_OK && is_parent)
			e = add_parents(c, c->address[i].domain, i, has_dot);
	}
	if (e == ERR_OK)
		e = aliasmap_ask_sort(&c->q);
	if (e == ERR_OK)
		ask_verdicts(c, name);
	for (size_t i = 0; i < c->count && e == ERR_OK; i++)
		c->ours[i] |= c->verdict[i] == DOMAIN_IN;
	return e;
}

static void take_verdicts(struct checked *c, const char *name)
{
	for (size_t i = 0; i < c->count; i++)
		if (!c->live[i] && c->verdict[i] == DOMAIN_IN && is_domain(&c->address[i]))
			c->live[i] = name;
}

/* A virtual alias domain of the site's: its aliases would be swallowed. Without any it may become a trap. */
static enum err keep_those_with_aliases(struct checked *c)
{
	enum err e = ERR_OK;

	aliasmap_ask_reset(&c->q);
	for (size_t i = 0; i < c->count && e == ERR_OK; i++)
		if (c->verdict[i] == DOMAIN_IN && is_domain(&c->address[i]))
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

	for (size_t i = 0; i < c->count; i++) {
		c->ours[i] = c->local[i] == DOMAIN_IN || c->address[i].domain.n == 0;
		if (is_domain(&c->address[i]) && c->local[i] == DOMAIN_IN)
			c->live[i] = "mydestination";
	}
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
	c->is_unsure = c->q.is_failed;
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
	bool is_one = s.n && (s.p[0] == '@' || (s.p[0] == '=' && slice_find(s, '@') == s.n));

	if (read_domain(is_one ? s : (struct slice){ "", 0 }, ret))
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
		c->has_domain |= is_domain(a);
		if (is_domain(a) || is_question(a) || !address_strip_extension(a, c->q.conf->postfix.extension, s))
			s->text[0] = '\0';
		c->count++;
	}
}

/* Case beyond ASCII is Postfix's to fold: such a domain may be in a list though it was not found. */
static bool is_ascii(struct slice s)
{
	size_t i = 0;

	while (i < s.n && (unsigned char)s.p[i] < 0x80)
		i++;
	return i == s.n;
}

/* Who is live has its parameter. Of the others: whose domain is none of this server's. */
static void find_foreign(struct checked *c)
{
	const struct slice any_mx = SLICE_LIT("permit_mx_backup");
	bool is_open = has_word(&c->q, "smtpd_relay_restrictions", any_mx) ||
		       has_word(&c->q, "smtpd_recipient_restrictions", any_mx);

	for (size_t i = 0; i < c->count && !c->is_unsure; i++) {
		if (c->live[i] || c->ours[i] || is_domain(&c->address[i]) || !is_ascii(c->address[i].domain))
			continue;
		if (!is_open) {
			c->live[i] = ALIAS_MAP_FOREIGN;
			continue;
		}
		(void)snprintf(
			c->q.text, ALIASMAP_TEXT, "permit_mx_backup: which domains are this server's is unknown");
		return;
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
	if (e != ERR_OK)
		return e;
	find_foreign(c);
	return print_live(c, to);
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
	c.ours = calloc(n, sizeof *c.ours);
	if (!c.address || !c.stripped || !c.live || !c.local || !c.verdict || !c.ours)
		e = ERR_NOMEM;
	if (e == ERR_OK)
		e = ask_all(&c, addresses, to);
	aliasmap_ask_close(&c.q);
	free(c.address);
	free(c.stripped);
	free(c.live);
	free(c.local);
	free(c.verdict);
	free(c.ours);
	return e;
}
