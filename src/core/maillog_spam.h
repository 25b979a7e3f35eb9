/*
 * maillog_spam: what spam filters behind Postfix write into the mail log about
 * a message that they call spam. Part of core/maillog_line; pure.
 *
 * A wrong "spam" costs its sender one good mail in the ledger, a missed one is
 * worth one: so a line that can be read in two ways is spam.
 * SPDX-License-Identifier: ISC
 */
#ifndef CORE_MAILLOG_SPAM_H
#define CORE_MAILLOG_SPAM_H
#include "core/maillog_line.h"

/* ident: "amavis", "spamd" ...; sets kind MAILLOG_SPAM and what is known of the message, or nothing. */
void maillog_spam_parse(struct slice ident, struct slice text, struct maillog_line *l);

#endif /* CORE_MAILLOG_SPAM_H */
