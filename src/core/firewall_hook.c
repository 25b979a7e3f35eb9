/*
 * firewall_hook: words of hooks.
 * SPDX-License-Identifier: ISC
 */
#include "core/firewall_hook.h"

#include <stdio.h>

const struct conf_list *firewall_hook_words(const struct conf *c, enum hook_what what)
{
	return what == HOOK_ADD      ? &c->firewall.hook_add
	       : what == HOOK_REMOVE ? &c->firewall.hook_remove
	       : what == HOOK_LIST   ? &c->firewall.hook_list
				     : &c->firewall.hook_flush;
}

const char *firewall_hook_line(const struct conf *c, enum hook_what what)
{
	return what == HOOK_ADD ? c->firewall.hook_add_line : what == HOOK_REMOVE ? c->firewall.hook_remove_line : "";
}

static bool has_many(const struct conf_list *l)
{
	for (uint32_t i = 0; i < l->count; i++)
		if (strcmp(l->item[i], HOOK_WORD_SUBJECTS) == 0)
			return true;
	return false;
}

size_t firewall_hook_batch(const struct conf *c, enum hook_what what)
{
	if (firewall_hook_line(c, what)[0])
		return MESSAGE_HOOK_OPS;
	return has_many(firewall_hook_words(c, what)) ? HOOK_MANY_WORDS : 1;
}

static const char *case_of(const struct fw_op *op)
{
	static const char chars[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-";

	return op->case_id[0] && op->case_id[strspn(op->case_id, chars)] == '\0' ? op->case_id : "-";
}

static const char *value_of(char which, const struct fw_op *op, char to[HOOK_TEXT])
{
	if (which == '%')
		return "%";
	if (!op)
		return NULL;
	switch (which) {
	case 's':
		return prefix_format(&op->prefix, to);
	case 'f':
		return op->prefix.addr.family == 4 ? "4" : "6";
	case 't':
		(void)snprintf(to, HOOK_TEXT, "%u", op->is_add ? op->ttl_s : 0);
		return to;
	case 'c':
		return case_of(op);
	default:
		return NULL;
	}
}

enum err firewall_hook_expand(const char *word, const struct fw_op *op, struct buf *to)
{
	enum err e = ERR_OK;

	for (const char *p = word; *p && e == ERR_OK; p++) {
		char text[HOOK_TEXT];
		const char *value = *p == '%' ? value_of(p[1], op, text) : NULL;

		e = buf_add(to, value ? slice_str(value) : slice_of(p, 1));
		if (value)
			p++;
	}
	return e;
}

/* The first % that is not before one of these letters, or NULL. */
static const char *bad_place(const char *word, const char *letters)
{
	for (const char *p = word; *p; p++) {
		if (*p != '%')
			continue;
		if (!p[1] || !strchr(letters, p[1]))
			return p;
		p++;
	}
	return NULL;
}

struct look {
	const char *key, *line_key;
	enum hook_what what;
	bool is_needed; /* and so told of subjects */
};

static bool words_are_good(const struct conf *c, const struct look *l, char *text, size_t size)
{
	const struct conf_list *words = firewall_hook_words(c, l->what);
	bool has_line = firewall_hook_line(c, l->what)[0], is_of_one;

	if (words->count == 0 && (l->is_needed || has_line)) {
		(void)snprintf(text, size, "is empty; backend = hook needs a program there, with its whole path");
		return false;
	}
	if (words->count && words->item[0][0] != '/') {
		(void)snprintf(text, size, "must begin with a program's whole path, like \"/usr/sbin/ipset\"");
		return false;
	}
	is_of_one = l->is_needed && !has_line && !has_many(words);
	for (uint32_t i = 0; i < words->count; i++) {
		const char *bad = bad_place(words->item[i], is_of_one ? "sftc%" : "%");

		if (!bad || (l->is_needed && !has_line && strcmp(words->item[i], HOOK_WORD_SUBJECTS) == 0))
			continue;
		(void)snprintf(text, size, "has \"%.20s\": %s", bad,
			is_of_one ? "only %s %f %t %c %% and the word %S are known"
				  : "only %% is known in its words, since a call is not for one subject");
		return false;
	}
	return true;
}

bool firewall_hook_check(const struct conf *c, const char **ret_key, char *text, size_t size)
{
	static const struct look looks[] = {
		{ "hook-add", "hook-add-line", HOOK_ADD, true },
		{ "hook-remove", "hook-remove-line", HOOK_REMOVE, true },
		{ "hook-list", NULL, HOOK_LIST, false },
		{ "hook-flush", NULL, HOOK_FLUSH, false },
	};

	for (size_t i = 0; i < sizeof looks / sizeof looks[0]; i++) {
		const char *bad = bad_place(firewall_hook_line(c, looks[i].what), "sftc%");

		*ret_key = looks[i].key;
		if (!words_are_good(c, &looks[i], text, size))
			return false;
		if (bad) {
			*ret_key = looks[i].line_key;
			(void)snprintf(text, size, "has \"%.20s\": only %%s %%f %%t %%c %%%% are known", bad);
			return false;
		}
	}
	*ret_key = NULL;
	return true;
}

static bool is_between(char c)
{
	return (unsigned char)c <= ' ' || strchr(",;'\"[](){}", c) != NULL;
}

bool firewall_hook_next(struct slice *rest, struct prefix *ret)
{
	while (rest->n) {
		size_t n = 0;
		struct slice word;

		while (n < rest->n && !is_between(rest->p[n]))
			n++;
		word = slice_head(*rest, n);
		*rest = slice_from(*rest, n < rest->n ? n + 1 : n);
		if (prefix_parse(word, ret) == ERR_OK)
			return true;
	}
	return false;
}
