/*
 * master_cf: reads the text of Postfix's master.cf and edits it in place, as
 * main_cf does: our services in a framed block at the end, our item put first
 * into -o overrides that are there already; nothing else changes by a byte, and
 * master_cf_revert(master_cf_apply(x)) == x for each x without our parts. Pure.
 *
 * master(5): eight fields (service type private unpriv chroot wakeup maxproc
 * command), then arguments; lines fold as in main.cf; an argument that begins
 * with { goes to its closing brace.
 * SPDX-License-Identifier: ISC
 */
#ifndef CORE_MASTER_CF_H
#define CORE_MASTER_CF_H
#include "core/main_cf.h"

#define MASTER_CF_TRANSPORT "limetwig"     /* service name of our transport, type unix */
#define MASTER_CF_HANDBACK "limetwig-back" /* of the smtpd that takes mail back from us, type unix: QUEUE/private/ */

#define MASTER_CF_CLEANUP "limetwig-clean" /* of the cleanup behind it */
#define MASTER_CF_HAND "limetwig-hand" /* of the smtpd for blocked clients who write to postmaster@, as limetwig-back */

/* Slices borrow the text. */
struct master_service {
	struct slice name, type, private, unpriv, chroot, wakeup, maxproc, command;
	size_t begin, end; /* logical line, offsets into the text */
	size_t args;       /* behind the command */
};

/*
 * Put item first into -o parameter=... of this service. Without such an
 * override nothing changes, or where is_line is set a line of our own is added
 * behind the service: "  -o { parameter = item }", a form nothing else here makes.
 */
struct master_cf_edit {
	struct slice name, type;
	const char *parameter, *item;
	bool is_line;
};

/* The service that takes foreign mail: limetwig-hand gets its overrides, as they are after the edits. */
struct master_cf_front {
	struct slice name, type;
};

/* The next service at or behind *pos. Lines with fewer than eight fields are passed over. */
bool master_cf_next(struct slice text, size_t *pos, struct master_service *ret);
/* The value of -o parameter=value (the last one counts), as it stands. False: not overridden. */
bool master_cf_option(
	struct slice text, const struct master_service *s, const char *parameter, struct slice *ret_value);
/*
 * Copy text to `to` with the edits made and, where chroot is not 0, our
 * services with this chroot field ('y', 'n' or '-') added if there are none;
 * front NULL: without limetwig-hand.
 * ERR_LIMIT, ERR_NOMEM; ERR_SYNTAX: a NUL in the text.
 */
enum err master_cf_apply(struct slice text, const struct master_cf_edit *edits, size_t n, char chroot,
	const struct master_cf_front *front, struct buf *to) MUST_USE;
/* Take the items (n names of them) out of every override, drop lines of our own and, unless keep_transport, our services too. */
enum err master_cf_revert(
	struct slice text, const char *const *items, size_t n, bool keep_transport, struct buf *to) MUST_USE;

#endif /* CORE_MASTER_CF_H */
