/*
 * main_cf: edits the text of Postfix's main.cf in place. Text in, text out:
 * comments, blank lines, folding and spacing of everything that is not ours
 * stay byte for byte, and main_cf_revert(main_cf_apply(x)) == x for each x
 * without our items. Pure; the caller owns files and locks.
 *
 * Grammar (postconf(5)): a logical line begins with text in column 1 and goes
 * on in lines that begin with white space; blank lines and lines whose first
 * character is # belong to nobody, also between folded lines. Of several lines
 * for one parameter the last one counts.
 *
 *   set, value on the first line    name = ITEM,<LF>    rest
 *   set, value on a later line      name =<LF>    ITEM,<LF>rest
 *   set, empty                      name =<LF>    ITEM
 *   not set                         name = ITEM, fallback      in our block at the end
 *
 * The four forms differ, so that the text alone tells how to take ours out.
 * SPDX-License-Identifier: ISC
 */
#ifndef CORE_MAIN_CF_H
#define CORE_MAIN_CF_H
#include "base/buf.h"

#define MAIN_CF_MAX (4u << 20) /* bytes of a main.cf */

struct main_cf_edit {
	const char *name;
	const char *item;     /* list: put first; else the whole value */
	const char *fallback; /* list, parameter not set: Postfix's default, kept behind the item; "" none */
	bool is_list;         /* else a parameter of our own, dropped whole on revert */
};

/* True and the value with folding undone in to (at most its cap; may be empty) when the text sets name. */
bool main_cf_get(struct slice text, const char *name, struct buf *to);
/* Is item an element of this list value (commas, blanks, braces)? *ret_first (NULL: not asked): it is the first. */
bool main_cf_has_item(struct slice value, const char *item, bool *ret_first);
/*
 * Copy text to `to` with the n edits made; an item that is there already is not added again.
 * ERR_LIMIT beyond the cap of to, ERR_NOMEM, ERR_SYNTAX: a NUL in the text.
 */
enum err main_cf_apply(struct slice text, const struct main_cf_edit *edits, size_t n, struct buf *to) MUST_USE;
/* Copy text to `to` without what these edits add, wherever it stands now. Errors as above. */
enum err main_cf_revert(struct slice text, const struct main_cf_edit *edits, size_t n, struct buf *to) MUST_USE;

/*
 * For master_cf too: our lines framed by two comments, put at the end; the
 * frame taken away again (of what stood in it, nothing); a logical line dropped
 * but for comments of others inside it; bytes [from, to) replaced.
 */
enum err main_cf_add_block(struct buf *b, struct slice lines) MUST_USE;
enum err main_cf_drop_block(struct buf *b) MUST_USE;
enum err main_cf_drop_line(struct buf *b, size_t begin, size_t end) MUST_USE;
enum err main_cf_replace(struct buf *b, size_t from, size_t to, struct slice with) MUST_USE;

/*
 * The next logical line at or behind *pos: [*ret_begin, *ret_end) up to and
 * with the LF of its last folded line; *pos is set behind it. Shared with master_cf.
 */
bool main_cf_next(struct slice text, size_t *pos, size_t *ret_begin, size_t *ret_end);
/* End of the physical line that begins at pos (behind its LF, or the end). */
size_t main_cf_line_end(struct slice text, size_t pos);
/* A physical line that is blank or a comment. */
bool main_cf_is_comment(struct slice line);
/* White space as Postfix has it (isspace in the C locale). */
bool main_cf_is_space(char c);
/* The text that is to be edited, in place of what was in to. ERR_SYNTAX: it has a NUL; ERR_LIMIT, ERR_NOMEM. */
enum err main_cf_copy(struct slice text, struct buf *to) MUST_USE;

#endif /* CORE_MAIN_CF_H */
