/*
 * hand: replies by lines, the message by a table.
 * SPDX-License-Identifier: ISC
 */
#include "core/hand.h"

#include <stdio.h>
#include <stdlib.h>

#define COMMAND_MAX 1200 /* HELO and MAIL come from lines of core/answer */
#define SMTP_PORT 25

/* Where we are in the client's message. What stands alone is only known with the byte behind it. */
enum body_state {
	BODY_LINE,   /* behind CRLF, or at the start */
	BODY_SOFT,   /* behind an LF that stood alone: a line for Postfix, none that could end the message */
	BODY_TEXT,   /* in a line */
	BODY_CR,     /* behind a CR, not sent yet */
	BODY_DOT,    /* behind the dot that begins a line, not sent yet */
	BODY_DOT_CR, /* and a CR */
	BODY_END,
};

static bool is_line(struct slice s)
{
	return slice_find(s, '\r') == s.n && slice_find(s, '\n') == s.n && slice_find(s, '\0') == s.n;
}

/* What was asked for last, a recipient or the message, is not to be had now. */
static enum hand_says end_without_word(struct hand *h)
{
	enum hand_says says = h->step <= HAND_RECIPIENT ? HAND_SAYS_REFUSED : HAND_SAYS_OVER;

	h->step = HAND_OVER;
	h->reply_n = 0;
	h->code = 0;
	return says;
}

static enum err add_proxy(struct hand *h, const struct hand_client *c)
{
	char client[IPADDR_TEXT], server[IPADDR_TEXT];

	return buf_printf(&h->out, "PROXY TCP%c %s %s %u %d\r\n", c->client.family == 4 ? '4' : '6',
		ipaddr_format(&c->client, client), ipaddr_format(&c->server, server), (unsigned)c->port, SMTP_PORT);
}

enum err hand_begin(struct hand *h, const struct hand_client *c)
{
	enum err e;

	*h = (struct hand){ .step = HAND_GREETING };
	buf_init(&h->out, HAND_OUT);
	buf_init(&h->helo, COMMAND_MAX);
	buf_init(&h->mail, COMMAND_MAX);
	buf_init(&h->recipient, COMMAND_MAX);
	if (!is_line(c->helo) || !is_line(c->mail) || !c->client.family || c->client.family != c->server.family)
		return ERR_SYNTAX;
	e = add_proxy(h, c);
	if (e == ERR_OK && c->helo.n)
		e = buf_printf(&h->helo, "%s %.*s\r\n", c->is_extended ? "EHLO" : "HELO", SLICE_ARG(c->helo));
	if (e == ERR_OK)
		e = buf_printf(&h->mail, "MAIL %.*s\r\n", SLICE_ARG(c->mail));
	return e;
}

void hand_done(struct hand *h)
{
	buf_done(&h->out);
	buf_done(&h->helo);
	buf_done(&h->mail);
	buf_done(&h->recipient);
}

/* ---- to Postfix */

/* A command that waited. */
static bool send_line(struct hand *h, const struct buf *line, enum hand_step step)
{
	if (buf_add(&h->out, buf_slice(line)) != ERR_OK)
		return false;
	h->step = step;
	return true;
}

/* Letters, digits and what addresses of this kind are made of: nothing that two readers could read in two ways. */
static bool is_plain(struct slice s, const char *more)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		bool is_word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c >= 0x80;

		if (!is_word && (c == '\0' || !strchr(more, c)))
			return false;
	}
	return true;
}

enum err hand_recipient(struct hand *h, struct slice local, struct slice domain)
{
	enum err e;

	if (local.n == 0 || !is_plain(local, "-_.+=") || !is_plain(domain, "-_.:[]"))
		return ERR_SYNTAX;
	buf_reset(&h->recipient);
	e = buf_printf(
		&h->recipient, "RCPT TO:<%.*s%s%.*s>\r\n", SLICE_ARG(local), domain.n ? "@" : "", SLICE_ARG(domain));
	if (e == ERR_OK && h->step == HAND_READY && !send_line(h, &h->recipient, HAND_RECIPIENT))
		e = ERR_NOMEM;
	return e;
}

enum hand_says hand_data(struct hand *h)
{
	if (h->step != HAND_READY || buf_add_str(&h->out, "DATA\r\n") != ERR_OK)
		return end_without_word(h);
	h->step = HAND_DATA;
	return HAND_SAYS_NOTHING;
}

void hand_quit(struct hand *h)
{
	if (h->step == HAND_READY && buf_add_str(&h->out, "QUIT\r\n") == ERR_OK)
		h->step = HAND_OVER;
}

/* ---- the message */

/* What one byte makes of the state, and what is sent for it in front of the byte itself. */
static const char *body_step(unsigned *state, char c, bool *ret_is_sent)
{
	unsigned was = *state;

	*ret_is_sent = false;
	if (c == '\r') {
		*state = was == BODY_DOT ? BODY_DOT_CR : BODY_CR;
		return was == BODY_DOT_CR ? ". " : was == BODY_CR ? " " : "";
	}
	if (c == '\n') {
		*state = was == BODY_DOT_CR ? BODY_END : was == BODY_CR ? BODY_LINE : BODY_SOFT;
		return was == BODY_DOT_CR ? ".\r\n" : was == BODY_DOT ? "..\r\n" : "\r\n";
	}
	if (c == '.' && was == BODY_LINE) {
		*state = BODY_DOT;
		return "";
	}
	*state = BODY_TEXT;
	*ret_is_sent = true;
	if (was == BODY_SOFT)
		return c == '.' ? "." : "";
	return was == BODY_CR ? " " : was == BODY_DOT ? "." : was == BODY_DOT_CR ? ". " : "";
}

/* Ten bytes of room are enough for any step: the caller has looked. */
static bool body_byte(struct hand *h, char c)
{
	bool is_sent;
	const char *before = body_step(&h->body, c, &is_sent);

	if (buf_add_str(&h->out, before) != ERR_OK || (is_sent && buf_add_char(&h->out, c) != ERR_OK))
		return false;
	h->bytes += strlen(before) + is_sent;
	return !h->size || h->bytes <= h->size + HAND_SLACK;
}

bool hand_body(struct hand *h, struct slice *in)
{
	while (in->n && hand_wants_body(h)) {
		char c = in->p[0];

		*in = slice_from(*in, 1);
		if (!body_byte(h, c)) {
			(void)end_without_word(h);
			return false;
		}
		if (h->body == BODY_END) {
			h->step = HAND_DOT;
			return true;
		}
	}
	return false;
}

/* ---- from Postfix */

/* The text is the client's to read: printable, or UTF-8. */
static void add_reply_line(struct hand *h, struct slice line)
{
	size_t room = sizeof h->reply - h->reply_n;

	if (h->reply_n + line.n + 2 > sizeof h->reply)
		return;
	if (h->reply_n) {
		memcpy(h->reply + h->reply_n, "\r\n", 2);
		h->reply_n += 2;
		room -= 2;
	}
	for (size_t i = 0; i < line.n && i < room; i++) {
		unsigned char c = (unsigned char)line.p[i];

		h->reply[h->reply_n++] = c < ' ' || c == 0x7f ? '?' : line.p[i];
	}
}

/* Whatever was dropped, the line that ends it is the one without a dash. */
static void finish_reply(struct hand *h)
{
	size_t at = h->reply_n;

	while (at > 0 && h->reply[at - 1] != '\n')
		at--;
	if (at + 3 < h->reply_n)
		h->reply[at + 3] = ' ';
}

static void note_size(struct hand *h, struct slice line)
{
	struct slice word, rest = slice_from(line, 4);
	char digits[21];

	if (h->step != HAND_HELO || !slice_word(&rest, &word) || !slice_eq_nocase(word, SLICE_LIT("SIZE")))
		return;
	slice_copy(slice_trim(rest), digits, sizeof digits);
	h->size = strtoull(digits, NULL, 10);
	if (h->size > UINT32_MAX * UINT64_C(1024))
		h->size = 0;
}

/* A reply that sends the client away for good or for now, to what it did not ask itself. */
static enum hand_says refuse(struct hand *h)
{
	if (h->code < 400 || h->code == 421) {
		h->reply_n = 0;
		h->code = 0;
	}
	if (h->step != HAND_RECIPIENT || !h->taken || !h->code)
		h->step = HAND_OVER;
	else
		h->step = HAND_READY;
	return HAND_SAYS_REFUSED;
}

static enum hand_says end_with_reply(struct hand *h)
{
	h->is_accepted = h->step == HAND_DOT && h->code / 100 == 2;
	if (!h->is_accepted && (h->code < 400 || h->code == 421))
		return end_without_word(h);
	h->step = HAND_OVER;
	return HAND_SAYS_OVER;
}

static enum hand_says go_on(struct hand *h, const struct buf *line, enum hand_step step)
{
	return send_line(h, line, step) ? HAND_SAYS_NOTHING : end_without_word(h);
}

static enum hand_says take_reply(struct hand *h)
{
	bool is_good = h->code / 100 == 2;

	switch (h->step) {
	case HAND_GREETING:
		if (is_good && !h->helo.n) /* he said none: what of that, Postfix decides */
			return go_on(h, &h->mail, HAND_MAIL);
		return is_good ? go_on(h, &h->helo, HAND_HELO) : refuse(h);
	case HAND_HELO:
		return is_good ? go_on(h, &h->mail, HAND_MAIL) : refuse(h);
	case HAND_MAIL:
		return is_good ? go_on(h, &h->recipient, HAND_RECIPIENT) : refuse(h);
	case HAND_RECIPIENT:
		if (!is_good)
			return refuse(h);
		h->taken++;
		h->step = HAND_READY;
		return HAND_SAYS_TAKEN;
	case HAND_DATA:
		if (h->code != 354)
			return end_with_reply(h);
		h->step = HAND_BODY;
		return HAND_SAYS_SEND;
	case HAND_DOT:
		return end_with_reply(h);
	case HAND_READY:
	case HAND_BODY: /* nobody asked: Postfix wants to end */
	case HAND_OVER:
	default:
		return end_without_word(h);
	}
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static enum hand_says take_line(struct hand *h)
{
	struct slice line = slice_of(h->line, h->line_n);
	bool is_last;

	if (line.n && line.p[line.n - 1] == '\r')
		line.n--;
	h->line_n = 0;
	if (line.n < 3 || !is_digit(line.p[0]) || !is_digit(line.p[1]) || !is_digit(line.p[2]) ||
		(line.n > 3 && line.p[3] != ' ' && line.p[3] != '-') || ++h->lines > HAND_LINES)
		return end_without_word(h);
	if (h->lines == 1)
		h->reply_n = 0;
	is_last = line.n == 3 || line.p[3] == ' ';
	h->code = (uint16_t)((line.p[0] - '0') * 100 + (line.p[1] - '0') * 10 + (line.p[2] - '0'));
	note_size(h, line);
	add_reply_line(h, line);
	if (!is_last)
		return HAND_SAYS_NOTHING;
	h->lines = 0;
	finish_reply(h);
	return take_reply(h);
}

enum hand_says hand_feed(struct hand *h, struct slice *in)
{
	enum hand_says says = HAND_SAYS_NOTHING;

	while (in->n && h->step != HAND_OVER && !says) {
		struct slice part = slice_head(*in, slice_find(*in, '\n'));
		size_t room = sizeof h->line - h->line_n;
		bool is_whole = part.n < in->n;

		*in = slice_from(*in, part.n + is_whole);
		part = slice_head(part, room);
		if (part.n)
			memcpy(h->line + h->line_n, part.p, part.n);
		h->line_n += part.n;
		if (is_whole)
			says = take_line(h);
	}
	return says;
}

enum hand_says hand_lost(struct hand *h)
{
	return h->step == HAND_OVER ? HAND_SAYS_NOTHING : end_without_word(h);
}
