/*
 * firewall_hook: what the words of a hook become (firewall { backend = hook }).
 * In an argument, or in the line for standard input:
 *
 *   %s  subject: 192.0.2.1, 192.0.2.0/24, 2001:db8::/64
 *   %f  its family: 4, 6
 *   %t  seconds left (0 where the block ends)
 *   %c  case id, "-" where there is none
 *   %%  a percent sign
 *   %S  a word of its own: all subjects of the call, each a word
 *
 * So a call is for many subjects with %S or with a line, else for one. In words
 * that are not for one subject (of such a call, of a list, of a flush) only %%
 * has a meaning.
 *
 * Pure. Nothing of foreign mail comes in here: addresses and numbers, and case
 * ids of letters, digits and dashes. Owner: firewall and run role.
 * SPDX-License-Identifier: ISC
 */
#ifndef CORE_FIREWALL_HOOK_H
#define CORE_FIREWALL_HOOK_H
#include "base/buf.h"
#include "core/message.h"

#define HOOK_WORD_SUBJECTS "%S"
#define HOOK_MANY_WORDS 200 /* subjects in one argument list */
#define HOOK_TEXT 80        /* what stands in place of a % at most */

/* The argument list of this hook; count 0: none is configured. */
const struct conf_list *firewall_hook_words(const struct conf *c, enum hook_what what);
/* Its line, "" when it has none. */
const char *firewall_hook_line(const struct conf *c, enum hook_what what);
/* Subjects of one call at most: 1, HOOK_MANY_WORDS or MESSAGE_HOOK_OPS. */
size_t firewall_hook_batch(const struct conf *c, enum hook_what what);
/* Append word or line with op in it; NULL: it is for no single subject. ERR_NOMEM, ERR_LIMIT: to is full. */
enum err firewall_hook_expand(const char *word, const struct fw_op *op, struct buf *to) MUST_USE;
/* Is the configuration of backend hook whole? False: ret_key and text say what is wrong. */
bool firewall_hook_check(const struct conf *c, const char **ret_key, char *text, size_t size);
/*
 * The next subject of what a list printed: words between blanks, quotes and
 * commas that are an address or a prefix; all else is passed over. False at the end.
 */
bool firewall_hook_next(struct slice *rest, struct prefix *ret);

#endif /* CORE_FIREWALL_HOOK_H */
