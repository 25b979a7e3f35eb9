/*
 * allow: see the header. A table's value holds source, tier and entry number,
 * so that a million plain prefixes need no entry of their own.
 * SPDX-License-Identifier: ISC
 */
#include "core/allow.h"

#include "base/array.h"

#define SOURCE_BITS 3
#define SHARED_BIT (1u << SOURCE_BITS)
#define ENTRY_SHIFT (SOURCE_BITS + 1)

void allow_init(struct allow *a)
{
	/* the keys are the administrator's: an attacker can look names up, not put them in */
	static const uint8_t key[SIPHASH_KEY] = { 0 };

	*a = (struct allow){ 0 };
	prefix_table_init(&a->own);
	prefix_table_init(&a->never);
	prefix_table_init(&a->shared);
	keymap_init(&a->names, key, sizeof(uint32_t), ALLOW_MAX);
	keymap_init(&a->freemail, key, sizeof(uint32_t), ALLOW_FREEMAIL);
}

void allow_done(struct allow *a)
{
	prefix_table_done(&a->own);
	prefix_table_done(&a->never);
	prefix_table_done(&a->shared);
	keymap_done(&a->names);
	keymap_done(&a->freemail);
	free(a->entry);
	a->entry = NULL;
	a->entries = a->room = a->count = 0;
}

static enum err add_prefix(struct allow *a, struct prefix_table *t, const struct prefix *p, uint32_t value)
{
	enum err e;

	if (a->count >= ALLOW_MAX)
		return ERR_LIMIT;
	e = prefix_table_add(t, p, value);
	if (e == ERR_OK)
		a->count++;
	return e;
}

enum err allow_add(struct allow *a, const struct prefix *p, enum allow_source source)
{
	enum err e = ERR_OK;

	if (source == ALLOW_OWN || source == ALLOW_FORWARDER)
		e = prefix_table_add(&a->own, p, (uint32_t)source);
	return e == ERR_OK ? add_prefix(a, &a->never, p, (uint32_t)source) : e;
}

static enum err add_list(struct allow *a, const struct conf_list *l, enum allow_source source, const char **ret_bad)
{
	for (uint32_t i = 0; i < l->count; i++) {
		struct prefix p;
		enum err e = prefix_parse(slice_str(l->item[i]), &p);

		if (e == ERR_OK)
			e = allow_add(a, &p, source);
		if (e != ERR_OK) {
			*ret_bad = l->item[i];
			return e;
		}
	}
	return ERR_OK;
}

enum err allow_add_own(struct allow *a, const struct conf *c, const char **ret_bad)
{
	enum err e = add_list(a, &c->forwarders, ALLOW_FORWARDER, ret_bad);

	if (e == ERR_OK)
		e = add_list(a, &c->own_networks, ALLOW_OWN, ret_bad);
	return e == ERR_OK ? add_list(a, &c->postfix.own_hosts, ALLOW_OWN, ret_bad) : e;
}

/* ---- lines */

/* At least two labels: "name:.org" would let half of the world through. */
static bool is_host_name(struct slice s)
{
	size_t label = 0, labels = 0;

	if (s.n == 0 || s.n > 253)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		bool is_word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
			       c == '_';

		if (c == '.' && label == 0)
			return false;
		if (c != '.' && !is_word)
			return false;
		labels += c != '.' && label == 0;
		label = c == '.' ? 0 : label + 1;
		if (label > 63)
			return false;
	}
	return label > 0 && labels >= 2;
}

static enum err parse_entry(struct slice s, struct allow_line *l)
{
	l->whole = l->label = s;
	if (slice_starts(s, SLICE_LIT("name:"))) {
		l->form = ALLOW_NAME;
		l->text = slice_trim(slice_from(s, 5));
		return is_host_name(slice_from(l->text, l->text.n && l->text.p[0] == '.')) ? ERR_OK : ERR_SYNTAX;
	}
	if (slice_starts(s, SLICE_LIT("spf:"))) {
		l->form = ALLOW_SPF;
		l->text = slice_trim(slice_from(s, 4));
		return is_host_name(l->text) ? ERR_OK : ERR_SYNTAX;
	}
	if (slice_starts(s, SLICE_LIT("freemail:"))) {
		l->form = ALLOW_FREEMAIL_DOMAIN;
		l->text = slice_trim(slice_from(s, 9));
		return is_host_name(l->text) ? ERR_OK : ERR_SYNTAX;
	}
	l->form = ALLOW_PREFIX;
	return prefix_parse(s, &l->prefix);
}

static size_t find_as(struct slice s)
{
	for (size_t i = 0; i + 4 <= s.n; i++)
		if (memcmp(s.p + i, " as ", 4) == 0)
			return i;
	return s.n;
}

enum err allow_line_parse(struct slice line, struct allow_line *ret, bool *ret_any)
{
	struct allow_line l = { 0 };
	struct slice s = slice_trim(slice_head(line, slice_find(line, '#'))), label;
	size_t as = find_as(s);
	enum err e;

	if (s.n == 0) {
		*ret_any = false;
		return ERR_OK;
	}
	label = slice_trim(slice_from(s, as + 4));
	e = parse_entry(slice_trim(slice_head(s, as)), &l);
	if (e != ERR_OK || l.whole.n >= ALLOW_TEXT || label.n >= ALLOW_TEXT || (as < s.n && label.n == 0))
		return ERR_SYNTAX;
	if (label.n)
		l.label = label;
	*ret = l;
	*ret_any = true;
	return ERR_OK;
}

/* ---- entries */

static void lower(struct slice s, char *to, size_t size)
{
	slice_copy(s, to, size);
	for (char *p = to; *p; p++)
		*p = *p >= 'A' && *p <= 'Z' ? (char)(*p + ('a' - 'A')) : *p;
}

static enum err add_entry(struct allow *a, const struct allow_line *l, bool is_shared, uint32_t *ret_number)
{
	struct allow_entry *entry;
	void *all = a->entry;
	enum err e = array_grow(&all, a->entries, &a->room, sizeof *entry, ALLOW_ENTRIES);

	if (e != ERR_OK)
		return e;
	a->entry = all;
	entry = &a->entry[a->entries];
	*entry = (struct allow_entry){ .form = l->form, .is_shared = is_shared };
	lower(l->whole, entry->text, sizeof entry->text);
	lower(l->label, entry->label, sizeof entry->label);
	*ret_number = (uint32_t)++a->entries;
	return ERR_OK;
}

static enum err add_name(struct allow *a, const struct allow_line *l, uint32_t value)
{
	char name[ALLOW_TEXT];
	void *v;
	enum err e;
	bool is_new;

	lower(l->text, name, sizeof name);
	e = keymap_put(&a->names, slice_str(name), &v, &is_new);
	if (e == ERR_FULL)
		return ERR_LIMIT;
	if (e == ERR_OK && (is_new || (*(uint32_t *)v & SHARED_BIT)))
		*(uint32_t *)v = value; /* never wins over shared */
	return e;
}

static enum err add_freemail(struct allow *a, struct slice domain)
{
	char name[ALLOW_TEXT];
	void *v;
	enum err e;

	lower(slice_from(domain, domain.n && domain.p[0] == '.'), name, sizeof name);
	e = keymap_put(&a->freemail, slice_str(name), &v, NULL);
	return e == ERR_FULL ? ERR_LIMIT : e;
}

enum err allow_add_line(
	struct allow *a, const struct allow_line *l, enum allow_tier tier, const struct prefix *set, size_t n)
{
	bool is_shared = tier == ALLOW_TIER_SHARED;
	uint32_t value = ALLOW_FILE | (is_shared ? SHARED_BIT : 0), number;
	struct prefix_table *t = is_shared ? &a->shared : &a->never;
	enum err e;

	if (l->form == ALLOW_FREEMAIL_DOMAIN)
		return add_freemail(a, l->text);
	if (l->form == ALLOW_PREFIX && !is_shared)
		return add_prefix(a, t, &l->prefix, value);
	e = add_entry(a, l, is_shared, &number);
	if (e == ERR_OK && is_shared && l->form != ALLOW_PREFIX)
		e = add_freemail(a, l->text);
	if (e != ERR_OK)
		return e;
	value |= number << ENTRY_SHIFT;
	if (l->form == ALLOW_NAME)
		return add_name(a, l, value);
	if (l->form == ALLOW_PREFIX)
		return add_prefix(a, t, &l->prefix, value);
	for (size_t i = 0; i < n && e == ERR_OK; i++)
		e = add_prefix(a, t, &set[i], value);
	return e;
}

enum err allow_seal(struct allow *a)
{
	enum err e = prefix_table_seal(&a->own);

	if (e == ERR_OK)
		e = prefix_table_seal(&a->never);
	return e == ERR_OK ? prefix_table_seal(&a->shared) : e;
}

/* ---- look-ups */

static bool match_of(const struct allow *a, uint32_t value, struct allow_match *ret)
{
	uint32_t number = value >> ENTRY_SHIFT;

	ret->source = (enum allow_source)(value & (SHARED_BIT - 1));
	ret->tier = ret->source == ALLOW_OWN         ? ALLOW_TIER_OWN
		    : ret->source == ALLOW_FORWARDER ? ALLOW_TIER_FORWARDER
		    : value & SHARED_BIT             ? ALLOW_TIER_SHARED
						     : ALLOW_TIER_NEVER;
	ret->entry = number ? &a->entry[number - 1] : NULL;
	return true;
}

/* The name itself, then each parent as ".parent". */
static bool find_name(const struct allow *a, struct slice name, bool is_shared, uint32_t *ret)
{
	char text[ALLOW_TEXT];
	struct slice s;
	const uint32_t *v;

	if (a->names.count == 0 || name.n == 0 || name.n >= sizeof text || slice_eq(name, SLICE_LIT("unknown")))
		return false;
	lower(name, text, sizeof text);
	for (s = slice_str(text); s.n; s = slice_from(s, 1 + slice_find(slice_from(s, 1), '.'))) {
		v = keymap_get(&a->names, s);
		if (v && !(*v & SHARED_BIT) == !is_shared) {
			*ret = *v;
			return true;
		}
	}
	return false;
}

bool allow_find(const struct allow *a, const struct ipaddr *client, struct slice name, struct allow_match *ret)
{
	uint32_t v;

	*ret = (struct allow_match){ 0 };
	if (ipaddr_is_private(client)) {
		*ret = (struct allow_match){ ALLOW_TIER_OWN, ALLOW_OWN, NULL };
		return true;
	}
	if (prefix_table_find(&a->own, client, &v) || prefix_table_find(&a->never, client, &v) ||
		find_name(a, name, false, &v) || prefix_table_find(&a->shared, client, &v) ||
		find_name(a, name, true, &v))
		return match_of(a, v, ret);
	return false;
}

bool allow_is_freemail(const struct allow *a, struct slice domain)
{
	char text[ALLOW_TEXT];

	if (domain.n >= sizeof text)
		return false;
	lower(domain, text, sizeof text);
	for (struct slice s = slice_str(text); s.n; s = slice_from(s, slice_find(s, '.') + 1))
		if (keymap_get(&a->freemail, s))
			return true;
	return false;
}

bool allow_overlaps(const struct allow *a, const struct prefix *p)
{
	return ipaddr_is_private(&p->addr) || prefix_table_overlaps(&a->never, p) ||
	       prefix_table_overlaps(&a->shared, p);
}

const char *allow_source_name(enum allow_source s)
{
	switch (s) {
	case ALLOW_OWN:
		return "own";
	case ALLOW_FILE:
		return "file";
	case ALLOW_COMMAND:
		return "command";
	case ALLOW_FORWARDER:
		return "forwarder";
	case ALLOW_FEED:
		return "feed";
	case ALLOW_NONE:
	default:
		return "none";
	}
}

const char *allow_tier_name(enum allow_tier t)
{
	switch (t) {
	case ALLOW_TIER_OWN:
		return "own";
	case ALLOW_TIER_NEVER:
		return "never";
	case ALLOW_TIER_SHARED:
		return "shared";
	case ALLOW_TIER_FORWARDER:
		return "forwarder";
	case ALLOW_TIER_NONE:
	default:
		return "none";
	}
}
