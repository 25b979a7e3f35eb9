/*
 * trap_users: see the header.
 * SPDX-License-Identifier: ISC
 */
#include "ctl/trap_users.h"

#include <stdlib.h>

#define NAMED 5 /* users named of one pattern */

/* Users whose address, or whose domain, each line is. */
static enum err users_index(const struct user_list *u, struct keymap *addresses, struct keymap *domains)
{
	enum err e = ERR_OK;
	void *v;

	for (size_t i = 0; i < u->count && e == ERR_OK; i++) {
		struct slice s = slice_str(user_list_at(u, i));
		size_t at = slice_rfind(s, '@');

		e = keymap_put(addresses, s, &v, NULL);
		if (e == ERR_OK && at < s.n)
			e = keymap_put(domains, slice_from(s, at), &v, NULL);
	}
	return e;
}

/* Everybody a pattern matches; the first ones are named. */
static void show_matched(struct ctl *c, struct trap_patterns *p, const struct user_list *u, const char *source,
	const struct trap_batch_item *item)
{
	const char *user;
	size_t at = 0, n = 0;

	if (c->args.is_given[OPT_JSON])
		return;
	while ((user = user_list_match(u, p, &at))) {
		if (n == 0)
			(void)fprintf(c->err, "%s:%u: the pattern matches living users:", source, item->number);
		if (n < NAMED)
			(void)fprintf(c->err, " %s", user);
		n++;
	}
	if (n)
		(void)fprintf(c->err, "%s (%zu in all); it counts only recipients that Postfix refuses\n",
			n > NAMED ? " ..." : "", n);
}

static enum err pattern_compare(struct ctl *c, struct trap_batch *b, struct trap_batch_item *item,
	const struct user_list *u, const char *source)
{
	struct slice text = slice_str(b->keys.p + item->key_at);
	struct trap_patterns *p = trap_patterns_new();
	char why[200];
	enum err e = ERR_NOMEM;

	if (p)
		e = trap_patterns_add(p, slice_of(text.p + 1, text.n - 2), 1, why, sizeof why);
	if (e == ERR_SYNTAX) {
		trap_batch_refuse(item, why);
		e = ERR_OK;
	} else if (e == ERR_OK) {
		show_matched(c, p, u, source, item);
	}
	trap_patterns_free(p);
	return e;
}

static enum err compare_all(struct ctl *c, struct trap_batch *b, const struct user_list *u, const char *source,
	struct keymap *addresses, struct keymap *domains)
{
	enum err e = users_index(u, addresses, domains);

	for (size_t i = 0; i < b->count && e == ERR_OK; i++) {
		struct slice key = slice_str(b->keys.p + b->item[i].key_at);

		if (b->item[i].fate != TRAP_BATCH_NEW)
			continue;
		if (key.p[0] == '/')
			e = pattern_compare(c, b, &b->item[i], u, source);
		else if (key.p[0] == '@' && keymap_get(domains, key))
			trap_batch_refuse(&b->item[i], "users live in this domain");
		else if (key.p[0] != '@' &&
			 (keymap_get(addresses, key) || keymap_get(addresses, slice_head(key, slice_rfind(key, '@')))))
			trap_batch_refuse(&b->item[i], "is one of the users");
	}
	return e;
}

int trap_users_compare(struct ctl *c, struct trap_batch *b, const struct user_list *u, const char *source)
{
	struct keymap addresses, domains;
	enum err e;

	keymap_init(&addresses, b->seen.key, 1, USER_LIST_MAX);
	keymap_init(&domains, b->seen.key, 1, USER_LIST_MAX);
	e = compare_all(c, b, u, source, &addresses, &domains);
	keymap_done(&addresses);
	keymap_done(&domains);
	return e == ERR_OK ? CTL_DONE : ctl_refuse(c, "no memory");
}
