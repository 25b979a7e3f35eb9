/*
 * smtp_client: one step per reply. A refused recipient is passed over; any
 * other reply than the wanted one ends the attempt, nothing is taken then.
 *
 *   GREETING 220 -> EHLO 250 -> [XFORWARD 250 -> XFORWARD_MORE 250 ->] MAIL 250
 *   -> RCPT (each) -> DATA 354 -> BODY -> DOT 250 -> OVER
 * SPDX-License-Identifier: ISC
 */
#include "core/smtp_client.h"

#include "base/num.h"

#include <stdio.h>

#define XTEXT_MAX (3 * LMTP_LINE + 1)

static void give_up(struct smtp_client *c, const char *why)
{
	if (why)
		(void)snprintf(c->reply, sizeof c->reply, "%s", why);
	c->is_taken = false;
	c->step = SMTP_OVER;
}

static void say(struct smtp_client *c, enum smtp_step next, enum err added)
{
	if (added == ERR_OK)
		added = buf_add_str(&c->out, "\r\n");
	if (added == ERR_OK)
		c->step = next;
	else
		give_up(c, "no memory");
}

void smtp_client_init(struct smtp_client *c, const struct envelope *envelope, bool is_forwarded)
{
	memset(c, 0, sizeof *c);
	c->envelope = envelope;
	c->is_forwarded = is_forwarded;
	c->last[0] = '\r';
	c->last[1] = '\n';
	buf_init(&c->out, SMTP_CLIENT_OUT);
}

void smtp_client_skip(struct smtp_client *c, uint32_t i)
{
	if (i < LMTP_RECIPIENTS)
		c->skipped[i / 8] |= (uint8_t)(1u << i % 8);
}

void smtp_client_resume(struct smtp_client *c)
{
	c->step = SMTP_DOT;
}

void smtp_client_done(struct smtp_client *c)
{
	buf_done(&c->out);
}

/* ---- commands */

/* Foreign bytes as an xtext value; cut where they do not fit. */
static const char *xtext(struct slice s, char to[XTEXT_MAX])
{
	static const char hex[] = "0123456789ABCDEF";
	size_t o = 0;

	for (size_t i = 0; i < s.n && o + 4 < XTEXT_MAX; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c > ' ' && c < 127 && c != '+' && c != '=') {
			to[o++] = (char)c;
			continue;
		}
		to[o++] = '+';
		to[o++] = hex[c >> 4];
		to[o++] = hex[c & 15];
	}
	to[o] = '\0';
	return to;
}

static enum err add_attribute(struct buf *out, const char *name, struct slice value)
{
	char text[XTEXT_MAX];

	return value.n ? buf_printf(out, " %s=%s", name, xtext(value, text)) : ERR_OK;
}

static void say_xforward(struct smtp_client *c)
{
	const struct lmtp_client *k = &c->envelope->client;
	char addr[IPADDR_TEXT], port[NUM_TEXT];
	enum err e = buf_add_str(&c->out, "XFORWARD");

	(void)snprintf(port, sizeof port, "%u", k->port);
	e = e == ERR_OK ? add_attribute(&c->out, "NAME", slice_str(k->name)) : e;
	if (e == ERR_OK)
		e = buf_printf(
			&c->out, " ADDR=%s%s", k->addr.family == 6 ? "IPv6:" : "", ipaddr_format(&k->addr, addr));
	if (e == ERR_OK && k->port)
		e = add_attribute(&c->out, "PORT", slice_str(port));
	say(c, SMTP_XFORWARD, e);
}

static void say_xforward_more(struct smtp_client *c)
{
	const struct lmtp_client *k = &c->envelope->client;
	enum err e = buf_add_str(&c->out, "XFORWARD");

	e = e == ERR_OK ? add_attribute(&c->out, "PROTO", slice_str(k->proto)) : e;
	e = e == ERR_OK ? add_attribute(&c->out, "HELO", slice_str(k->helo)) : e;
	e = e == ERR_OK ? add_attribute(&c->out, "IDENT", slice_str(k->queue_id)) : e;
	e = e == ERR_OK ? buf_add_str(&c->out, " SOURCE=REMOTE") : e;
	say(c, SMTP_XFORWARD_MORE, e);
}

static bool has_bit(const uint8_t *bits, uint32_t i)
{
	return i < LMTP_RECIPIENTS && (bits[i / 8] & 1u << i % 8);
}

static bool is_sendable(struct slice address)
{
	for (size_t i = 0; i < address.n; i++)
		if ((unsigned char)address.p[i] < ' ' || address.p[i] == 127)
			return false;
	return address.n > 0;
}

static void say_mail(struct smtp_client *c)
{
	const struct envelope *v = c->envelope;
	/* what was cut on its way is nobody's address */
	bool is_whole = strlen(v->sender) + 1 < sizeof v->sender && is_sendable(slice_str(v->sender));
	const char *sender = is_whole ? v->sender : "";
	enum err e;

	if (v->is_utf8 && !c->has_utf8) {
		give_up(c, "SMTPUTF8 is not offered");
		return;
	}
	e = buf_printf(&c->out, "MAIL FROM:<%s>", sender);
	if (e == ERR_OK && c->has_size && v->size)
		e = buf_printf(&c->out, " SIZE=%llu", (unsigned long long)v->size);
	if (e == ERR_OK && c->has_8bit && v->is_8bit)
		e = buf_add_str(&c->out, " BODY=8BITMIME");
	if (e == ERR_OK && v->is_utf8)
		e = buf_add_str(&c->out, " SMTPUTF8");
	say(c, SMTP_MAIL, e);
}

/* The next recipient, or what follows the last. */
static void say_rcpt(struct smtp_client *c)
{
	struct lmtp_recipient r;
	char orcpt[XTEXT_MAX];

	while (envelope_next(c->envelope, &c->pos, &r)) {
		enum err e;

		if (!is_sendable(r.address) || has_bit(c->skipped, c->at)) {
			c->at++;
			continue;
		}
		e = buf_printf(&c->out, "RCPT TO:<%.*s>", SLICE_ARG(r.address));
		if (e == ERR_OK && r.orcpt.n)
			e = buf_printf(&c->out, " ORCPT=rfc822;%s", xtext(r.orcpt, orcpt));
		say(c, SMTP_RCPT, e);
		return;
	}
	if (c->accepted == 0)
		give_up(c, NULL); /* reply tells what the last of them heard */
	else
		say(c, SMTP_DATA, buf_add_str(&c->out, "DATA"));
}

/* ---- replies */

static void note_offer(struct smtp_client *c, struct slice line)
{
	struct slice rest = slice_from(line, 4), word;

	if (!slice_word(&rest, &word))
		return;
	c->has_xforward |= slice_eq_nocase(word, SLICE_LIT("XFORWARD"));
	c->has_8bit |= slice_eq_nocase(word, SLICE_LIT("8BITMIME"));
	c->has_utf8 |= slice_eq_nocase(word, SLICE_LIT("SMTPUTF8"));
	c->has_size |= slice_eq_nocase(word, SLICE_LIT("SIZE"));
}

static void on_rcpt(struct smtp_client *c, bool is_good, bool is_end)
{
	if (is_good) {
		c->has[c->at / 8] |= (uint8_t)(1u << c->at % 8);
		c->accepted++;
	}
	c->at++;
	if (is_end)
		give_up(c, NULL);
	else
		say_rcpt(c);
}

/* Who the client was is a help for the log's readers: without it the mail goes on. */
static void after_ehlo(struct smtp_client *c)
{
	if (c->is_forwarded && c->has_xforward && c->envelope->client.addr.family)
		say_xforward(c);
	else
		say_mail(c);
}

static void on_reply(struct smtp_client *c, unsigned code)
{
	bool is_good = code / 100 == 2;

	if (c->step == SMTP_RCPT) {
		on_rcpt(c, is_good, code == 421);
	} else if (c->step == SMTP_XFORWARD && code != 421) {
		if (is_good)
			say_xforward_more(c);
		else
			say_mail(c);
	} else if (c->step == SMTP_XFORWARD_MORE && code != 421) {
		say_mail(c);
	} else if (c->step == SMTP_DATA && code == 354) {
		c->step = SMTP_BODY;
	} else if (!is_good || c->step == SMTP_DATA || c->step == SMTP_BODY) {
		give_up(c, NULL);
	} else if (c->step == SMTP_GREETING) {
		say(c, SMTP_EHLO, buf_add_str(&c->out, "EHLO limetwig"));
	} else if (c->step == SMTP_EHLO) {
		after_ehlo(c);
	} else if (c->step == SMTP_MAIL) {
		say_rcpt(c);
	} else {
		c->is_taken = true;
		c->step = SMTP_OVER;
	}
}

static void on_line(struct smtp_client *c, struct slice line)
{
	uint64_t code;

	if (line.n < 3 || num_parse(slice_head(line, 3), 599, &code) != ERR_OK || code < 200 ||
		(line.n > 3 && line.p[3] != ' ' && line.p[3] != '-')) {
		give_up(c, "a reply that is none");
		return;
	}
	if (code >= 400)
		slice_copy(line, c->reply, sizeof c->reply);
	if (c->step == SMTP_EHLO && code / 100 == 2)
		note_offer(c, line);
	if (line.n > 3 && line.p[3] == '-') {
		if (++c->lines > SMTP_CLIENT_LINES)
			give_up(c, "a reply without end");
		return;
	}
	c->lines = 0;
	on_reply(c, (unsigned)code);
}

void smtp_client_feed(struct smtp_client *c, struct slice in)
{
	while (in.n && c->step != SMTP_OVER) {
		size_t n = slice_find(in, '\n'), room = sizeof c->line - c->line_n, kept = n < room ? n : room;

		if (kept)
			memcpy(c->line + c->line_n, in.p, kept);
		c->line_n += kept;
		if (n < in.n) {
			struct slice line = slice_trim((struct slice){ c->line, c->line_n });

			c->line_n = 0;
			on_line(c, line);
		}
		in = slice_from(in, n + 1);
	}
}

/* ---- message bytes */

bool smtp_client_wants_body(const struct smtp_client *c)
{
	return c->step == SMTP_BODY && c->out.n < SMTP_CLIENT_HIGH;
}

void smtp_client_add(struct smtp_client *c, struct slice chunk)
{
	enum err e = ERR_OK;

	while (chunk.n && e == ERR_OK) {
		size_t n = slice_find(chunk, '\n');
		struct slice line = slice_head(chunk, n + 1);

		/* LF alone: a server that takes it for the end of a line must not see our dot as the end of all */
		if (c->last[1] == '\n' && line.p[0] == '.')
			e = buf_add_char(&c->out, '.');
		if (e == ERR_OK)
			e = buf_add(&c->out, line);
		if (line.n > 1)
			c->last[0] = line.p[line.n - 2];
		else
			c->last[0] = c->last[1];
		c->last[1] = line.p[line.n - 1];
		chunk = slice_from(chunk, line.n);
	}
	if (e != ERR_OK)
		give_up(c, "no memory");
}

void smtp_client_end(struct smtp_client *c)
{
	bool is_line_ended = c->last[0] == '\r' && c->last[1] == '\n';
	enum err e = is_line_ended ? ERR_OK : buf_add_str(&c->out, "\r\n");

	say(c, SMTP_DOT, e == ERR_OK ? buf_add_char(&c->out, '.') : e);
}

bool smtp_client_is_over(const struct smtp_client *c)
{
	return c->step == SMTP_OVER;
}

bool smtp_client_accepts(const struct smtp_client *c, uint32_t i)
{
	return has_bit(c->has, i);
}

bool smtp_client_has(const struct smtp_client *c, uint32_t i)
{
	return c->is_taken && has_bit(c->has, i);
}
