/*
 * answer_text: the replies of core/answer by number. A session keeps the
 * number only. The refusal is core/reply_text's. Pure.
 * SPDX-License-Identifier: ISC
 */
#ifndef CORE_ANSWER_TEXT_H
#define CORE_ANSWER_TEXT_H
#include "core/answer.h"

enum answer_text {
	ANSWER_TEXT_NONE,
	ANSWER_TEXT_BANNER,
	ANSWER_TEXT_HELO,
	ANSWER_TEXT_EHLO,
	ANSWER_TEXT_REFUSED,
	ANSWER_TEXT_OK,
	ANSWER_TEXT_SENDER,
	ANSWER_TEXT_RECIPIENT,
	ANSWER_TEXT_DATA,
	ANSWER_TEXT_VRFY,
	ANSWER_TEXT_TLS,
	ANSWER_TEXT_BYE,
	ANSWER_TEXT_NO_NAME,
	ANSWER_TEXT_SYNTAX,
	ANSWER_TEXT_ORDER,
	ANSWER_TEXT_NESTED,
	ANSWER_TEXT_NO_RECIPIENT,
	ANSWER_TEXT_NO_TLS,
	ANSWER_TEXT_TLS_BUSY,
	ANSWER_TEXT_UNKNOWN,
	ANSWER_TEXT_LONG,
	ANSWER_TEXT_NOT_NOW, /* postmaster@, and no way to Postfix */
	ANSWER_TEXT_ALONE,   /* postmaster@ behind a recipient that we only seem to take */
	ANSWER_TEXT_GIVEN,   /* Postfix's own: a->line */
	ANSWER_TEXT_ERRORS,
	ANSWER_TEXT_RELEASED,
	ANSWER_TEXTS
};

/* The whole reply with its CRLF in place of what was in to. client: whom it is said to. ERR_NOMEM, ERR_LIMIT. */
enum err answer_text_write(
	const struct answer *a, const struct answer_site *site, const struct ipaddr *client, struct buf *to) MUST_USE;

#endif /* CORE_ANSWER_TEXT_H */
