/*
 * answer_text: in the words that Postfix uses, so that a person who reads them
 * finds them familiar. In the table %h stands for the site's host name.
 * SPDX-License-Identifier: ISC
 */
#include "core/answer_text.h"

#include "core/feed_text.h"
#include "core/reply_text.h"

static const char *const texts[ANSWER_TEXTS] = {
	[ANSWER_TEXT_HELO] = "250 %h",
	[ANSWER_TEXT_OK] = "250 2.0.0 Ok",
	[ANSWER_TEXT_SENDER] = "250 2.1.0 Ok",
	[ANSWER_TEXT_RECIPIENT] = "250 2.1.5 Ok",
	[ANSWER_TEXT_DATA] = "354 End data with <CR><LF>.<CR><LF>",
	[ANSWER_TEXT_VRFY] = "252 2.0.0 Send some mail",
	[ANSWER_TEXT_TLS] = "220 2.0.0 Ready to start TLS",
	[ANSWER_TEXT_BYE] = "221 2.0.0 Bye",
	[ANSWER_TEXT_NO_NAME] = "501 5.5.4 Syntax: HELO hostname",
	[ANSWER_TEXT_SYNTAX] = "501 5.5.4 Syntax error in parameters",
	[ANSWER_TEXT_ORDER] = "503 5.5.1 Wrong order of commands",
	[ANSWER_TEXT_NESTED] = "503 5.5.1 Sender was given already",
	[ANSWER_TEXT_NO_RECIPIENT] = "503 5.5.1 No valid recipients",
	[ANSWER_TEXT_NO_TLS] = "502 5.5.1 TLS is not offered",
	[ANSWER_TEXT_TLS_BUSY] = "454 4.7.0 TLS is not available right now",
	[ANSWER_TEXT_UNKNOWN] = "500 5.5.2 Unknown command",
	[ANSWER_TEXT_LONG] = "500 5.5.2 Line too long",
	[ANSWER_TEXT_NOT_NOW] = "450 4.3.0 This address cannot be reached right now, try again later",
	[ANSWER_TEXT_ALONE] = "452 4.5.3 This recipient in a message of its own, please",
	[ANSWER_TEXT_ERRORS] = "421 4.7.0 %h Too many errors",
	[ANSWER_TEXT_RELEASED] = "421 4.3.2 %h Come again",
};

static enum err add_plain(const char *text, const struct answer_site *site, struct buf *to)
{
	const char *mark = strstr(text, "%h");
	enum err e;

	if (!mark)
		return buf_add_str(to, text);
	e = buf_add(to, slice_of(text, (size_t)(mark - text)));
	if (e == ERR_OK)
		e = buf_add_str(to, site->host);
	return e == ERR_OK ? buf_add_str(to, mark + 2) : e;
}

/* Written anew for each byte of it that drips: by hand, which takes a fifth of the time that printf does. */
static enum err add_banner(const struct answer_site *site, struct buf *to)
{
	enum err e = buf_add(to, SLICE_LIT("220 "));

	if (e == ERR_OK)
		e = buf_add_str(to, site->host);
	if (e == ERR_OK)
		e = buf_add(to, SLICE_LIT(" ESMTP"));
	if (e == ERR_OK && site->name[0])
		e = buf_add(to, SLICE_LIT(" "));
	return e == ERR_OK ? buf_add_str(to, site->name) : e;
}

/* 8BITMIME and SMTPUTF8: without them a sender returns some mail before it reads why. */
static enum err add_ehlo(const struct answer *a, const struct answer_site *site, struct buf *to)
{
	return buf_printf(to, "250-%s\r\n250-SIZE\r\n%s250-8BITMIME\r\n250-SMTPUTF8\r\n250 ENHANCEDSTATUSCODES",
		site->host, a->is_offered ? "250-STARTTLS\r\n" : "");
}

static void add_refused(
	const struct answer *a, const struct answer_site *site, const struct ipaddr *client, struct buf *to)
{
	const char *text = site->says && a->feed && a->feed <= FEEDS_MAX ? site->says[a->feed - 1] : NULL;
	struct reply_block b = { .code = site->code ? site->code : a->code, .case_id = a->case_id, .until = a->until };
	char says[REPLY_TEXT_MAX];

	if (text) {
		feed_text_expand(text, client, says, sizeof says);
		b.says = says;
	}
	reply_text_blocked(site->conf, &b, to);
}

enum err answer_text_write(
	const struct answer *a, const struct answer_site *site, const struct ipaddr *client, struct buf *to)
{
	enum err e = ERR_OK;

	buf_reset(to);
	if (a->text == ANSWER_TEXT_BANNER)
		e = add_banner(site, to);
	else if (a->text == ANSWER_TEXT_EHLO)
		e = add_ehlo(a, site, to);
	else if (a->text == ANSWER_TEXT_REFUSED)
		add_refused(a, site, client, to);
	else if (a->text == ANSWER_TEXT_GIVEN)
		e = buf_add_str(to, a->line);
	else
		e = add_plain(texts[a->text], site, to);
	return e == ERR_OK ? buf_add_str(to, "\r\n") : e;
}
