/*
 * allow: see the header.
 * SPDX-License-Identifier: ISC
 */
#include "core/allow.h"

void allow_init(struct allow *a)
{
	prefix_table_init(&a->table);
	a->count = 0;
}

void allow_done(struct allow *a)
{
	prefix_table_done(&a->table);
}

enum err allow_add(struct allow *a, const struct prefix *p, enum allow_source source)
{
	enum err e;

	if (a->count >= ALLOW_MAX)
		return ERR_LIMIT;
	e = prefix_table_add(&a->table, p, (uint32_t)source);
	if (e == ERR_OK)
		a->count++;
	return e;
}

static enum err add_list(struct allow *a, const struct conf_list *l, const char **ret_bad)
{
	for (uint32_t i = 0; i < l->count; i++) {
		struct prefix p;
		enum err e = prefix_parse(slice_str(l->item[i]), &p);

		if (e == ERR_OK)
			e = allow_add(a, &p, ALLOW_OWN);
		if (e != ERR_OK) {
			*ret_bad = l->item[i];
			return e;
		}
	}
	return ERR_OK;
}

enum err allow_add_own(struct allow *a, const struct conf *c, const char **ret_bad)
{
	enum err e = add_list(a, &c->own_networks, ret_bad);

	return e == ERR_OK ? add_list(a, &c->postfix.own_hosts, ret_bad) : e;
}

enum err allow_file_line(struct slice line, struct prefix *ret, bool *ret_any)
{
	line = slice_trim(slice_head(line, slice_find(line, '#')));
	*ret_any = line.n > 0;
	return line.n ? prefix_parse(line, ret) : ERR_OK;
}

enum err allow_seal(struct allow *a)
{
	return prefix_table_seal(&a->table);
}

enum allow_source allow_find(const struct allow *a, const struct ipaddr *client)
{
	uint32_t v;

	if (ipaddr_is_private(client))
		return ALLOW_OWN;
	return prefix_table_find(&a->table, client, &v) ? (enum allow_source)v : ALLOW_NONE;
}

bool allow_overlaps(const struct allow *a, const struct prefix *p)
{
	return allow_find(a, &p->addr) != ALLOW_NONE || prefix_table_overlaps(&a->table, p);
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
	case ALLOW_NONE:
	default:
		return "none";
	}
}
