/*
 * domain_list: cut as Postfix does (match_list): commas and blanks part the
 * elements, but not inside braces or parentheses.
 * SPDX-License-Identifier: ISC
 */
#include "core/domain_list.h"

static bool is_separator(char c)
{
	return c != '\0' && strchr(", \t\r\n", c);
}

static bool cut_item(struct slice *list, struct slice *ret)
{
	size_t i = 0, depth = 0;

	while (list->n && is_separator(list->p[0]))
		*list = slice_from(*list, 1);
	for (; i < list->n && (depth > 0 || !is_separator(list->p[i])); i++) {
		depth += list->p[i] == '{' || list->p[i] == '(';
		depth -= depth > 0 && (list->p[i] == '}' || list->p[i] == ')');
	}
	*ret = slice_head(*list, i);
	*list = slice_from(*list, i);
	return i > 0;
}

/* "[ipv6:::1]" is a word. */
static enum domain_item_kind kind_of(struct slice s)
{
	if (s.p[0] == '/')
		return DOMAIN_FILE;
	return s.p[0] != '[' && slice_find(s, ':') < s.n ? DOMAIN_TABLE : DOMAIN_WORD;
}

bool domain_list_next(struct slice *list, struct domain_item *ret)
{
	struct slice s;

	while (cut_item(list, &s)) {
		bool is_not = false;

		for (; s.n && s.p[0] == '!'; s = slice_from(s, 1))
			is_not = !is_not;
		if (s.n == 0)
			continue;
		*ret = (struct domain_item){ kind_of(s), is_not, s };
		return true;
	}
	return false;
}
