/*
 * domain_list: the elements of a list of domains in main.cf (mydestination,
 * virtual_mailbox_domains, relay_domains ...): words, /file/name, type:table,
 * each with or without "!". Macros are expanded before (postconf -x); files and
 * tables are the caller's to open. Lists of tables are cut the same way. Pure.
 * SPDX-License-Identifier: ISC
 */
#ifndef CORE_DOMAIN_LIST_H
#define CORE_DOMAIN_LIST_H
#include "base/slice.h"

enum domain_item_kind { DOMAIN_WORD = 1, DOMAIN_FILE, DOMAIN_TABLE };

struct domain_item {
	enum domain_item_kind kind;
	bool is_not;       /* "!": what it matches is not in the list; the first match decides */
	struct slice text; /* without "!"; of the list; never empty */
};

/* Cut the next element off the front of *list. False: there is none. */
bool domain_list_next(struct slice *list, struct domain_item *ret);

#endif /* CORE_DOMAIN_LIST_H */
