/*
 * reply_text: the texts for outsiders.
 * SPDX-License-Identifier: ISC
 */
#include "core/reply_text.h"

#include <stdio.h>

#define DATE_TEXT 20 /* "22 Nov 14:10 UTC" */
#define HEAD_TEXT 11 /* "450 4.7.1 " */
#define BARE_TEXT 32 /* the action without memory */
#define HELP_MAX 200 /* of the contact */
#define LOCAL_MAX 64
#define SENDER_MAX 100
#define SAYS_LEAST 20 /* of a list's words there is room for so much, or none is said */

static char digit(uint64_t v)
{
	return (char)('0' + v);
}

/* "22 Nov 14:10 UTC" without the C library's time zone: days to a date by Hinnant's civil_from_days. */
static const char *format_date(uint64_t t, char to[DATE_TEXT])
{
	static const char *const months[] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct",
		"Nov", "Dec" };
	uint64_t days = t / 86400 + 719468, in_day = t % 86400;
	uint64_t doe = days % 146097;
	uint64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	uint64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	uint64_t mp = (5 * doy + 2) / 153; /* 0: March */
	uint64_t day = doy - (153 * mp + 2) / 5 + 1;
	char *p = to;

	if (day >= 10)
		*p++ = digit(day / 10);
	*p++ = digit(day % 10);
	*p++ = ' ';
	memcpy(p, months[mp < 10 ? mp + 2 : mp - 10], 3);
	memcpy(p + 3, " 00:00 UTC", sizeof " 00:00 UTC");
	p[4] = digit(in_day / 36000);
	p[5] = digit(in_day / 3600 % 10);
	p[7] = digit(in_day / 600 % 6);
	p[8] = digit(in_day / 60 % 10);
	return to;
}

/* code: 400 to 599 */
static const char *format_head(unsigned code, char to[HEAD_TEXT])
{
	memcpy(to, "000 0.7.1 ", HEAD_TEXT);
	to[0] = to[4] = digit(code / 100);
	to[1] = digit(code / 10 % 10);
	to[2] = digit(code % 10);
	return to;
}

static enum err add_parts(struct buf *to, const char *const *part, size_t n)
{
	enum err e = ERR_OK;

	for (size_t i = 0; i < n && e == ERR_OK; i++)
		e = buf_add_str(to, part[i]);
	return e;
}

/* Printable ASCII as it is, all else "?"; cut. Postfix sends an action's text on as it stands. */
static const char *make_safe(const char *s, char *to, size_t size)
{
	size_t n = 0;

	for (; *s && n + 1 < size; s++)
		to[n++] = *s >= ' ' && *s <= '~' ? *s : '?';
	to[n] = '\0';
	return to;
}

static void finish(struct buf *to, enum err e, size_t before, const char *fallback)
{
	if (e == ERR_OK)
		return;
	to->n = before;
	e = buf_add_str(to, fallback);
	(void)e; /* a buffer too small for ten bytes stays as it was: no action, the mail goes on */
}

static enum err add_whom_to_ask(const struct conf *c, struct buf *to)
{
	char local[LOCAL_MAX], help[HELP_MAX];
	/* where the firewall turns him to our own SMTP server, it must be open there too */
	bool is_open = c->always_open.count && (!conf_has_tarpit(c) || conf_has_hand(c));
	enum err e = ERR_OK;

	if (is_open) {
		e = buf_add_str(to, " You can write to ");
		if (e == ERR_OK)
			e = buf_add_str(to, make_safe(c->always_open.item[0], local, sizeof local));
		if (e == ERR_OK)
			e = buf_add_str(to, c->contact[0] ? "@ here;" : "@ here");
	}
	if (e == ERR_OK && c->contact[0])
		e = buf_add_str(to, is_open ? " help: " : " For help: ");
	if (e == ERR_OK && c->contact[0])
		e = buf_add_str(to, make_safe(c->contact, help, sizeof help));
	return e;
}

/* From at on, in front of what stands there: a sentence. Too little room: nothing. */
static void insert_words(struct buf *to, size_t before, size_t at, const char *says)
{
	char text[REPLY_TEXT_MAX];
	size_t room = REPLY_TEXT_MAX - (to->n - before), n;

	if (!says || !says[0] || to->n - before + SAYS_LEAST > REPLY_TEXT_MAX)
		return;
	text[0] = ' ';
	(void)make_safe(says, text + 1, room - 1);
	n = strlen(text);
	if (!strchr(".!?", text[n - 1]))
		text[n++] = '.';
	if (buf_reserve(to, n) != ERR_OK)
		return;
	memmove(to->p + at + n, to->p + at, to->n - at);
	memcpy(to->p + at, text, n);
	to->n += n;
}

/* What printf would do takes longer than all else about the answer, and a host that is blocked asks again and again. */
static enum err add_on_hold(const struct reply_block *b, unsigned code, struct buf *to)
{
	char head[HEAD_TEXT], date[DATE_TEXT], id[16], from[SENDER_MAX], raw[SENDER_MAX];
	const char *part[] = { format_head(code, head), "On hold", "", "", " until ", format_date(b->until, date),
		". Case ", make_safe(b->case_id, id, sizeof id), "." };

	if (b->sender.n) {
		slice_copy(b->sender, raw, sizeof raw);
		part[1] = "Mail from ";
		part[2] = make_safe(raw, from, sizeof from);
		part[3] = " is on hold";
	}
	return add_parts(to, part, sizeof part / sizeof part[0]);
}

void reply_text_blocked(const struct conf *c, const struct reply_block *b, struct buf *to)
{
	unsigned code = b->code < 400 || b->code > 599 ? 450 : b->code;
	char bare[BARE_TEXT];
	size_t before = to->n, at;
	enum err e = add_on_hold(b, code, to);

	at = to->n;
	if (e == ERR_OK)
		e = add_whom_to_ask(c, to);
	if (b->sender.n && (e != ERR_OK || to->n - before > REPLY_TEXT_MAX)) {
		struct reply_block plain = *b;

		to->n = before;
		plain.sender = (struct slice){ 0 };
		reply_text_blocked(c, &plain, to);
		return;
	}
	if (e == ERR_OK) {
		insert_words(to, before, at, b->says);
		return;
	}
	(void)snprintf(bare, sizeof bare, "%u %u.7.1 On hold", code, code / 100);
	finish(to, e, before, bare);
}

void reply_text_listed(const struct conf *c, unsigned code, const char *case_id, uint64_t until, struct buf *to)
{
	char help[HELP_MAX], id[16], date[DATE_TEXT], bare[BARE_TEXT];
	size_t before = to->n;
	enum err e;

	if (code < 400 || code > 599)
		code = 450;
	if (case_id[0])
		e = buf_printf(to, "%u %u.7.1 On hold until %s. Case %s.", code, code / 100, format_date(until, date),
			make_safe(case_id, id, sizeof id));
	else
		e = buf_printf(to, "%u %u.7.1 Listed.", code, code / 100);
	if (e == ERR_OK && c->contact[0])
		e = buf_printf(to, " For help: %s", make_safe(c->contact, help, sizeof help));
	(void)snprintf(bare, sizeof bare, "%u %u.7.1 Listed.", code, code / 100);
	finish(to, e, before, bare);
}

void reply_text_riders(const struct conf *c, const char *case_id, struct buf *to)
{
	char help[HELP_MAX], id[16];
	size_t before = to->n;
	enum err e = buf_add_str(to, "550 5.7.1 Message refused.");

	if (e == ERR_OK && case_id[0])
		e = buf_printf(to, " Case %s.", make_safe(case_id, id, sizeof id));
	if (e == ERR_OK && c->contact[0])
		e = buf_printf(to, " For help: %s", make_safe(c->contact, help, sizeof help));
	finish(to, e, before, "550 5.7.1 Message refused.");
}
