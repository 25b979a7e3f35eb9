/*
 * lmtp_session: commands by table, message bytes by a small machine.
 *
 *   state       LHLO XFORWARD MAIL  RCPT  DATA  RSET NOOP VRFY QUIT
 *   FRESH       do   503      451   451   451   do   do   do   do
 *   READY       do   do       do    451   451   do   do   do   do
 *   SENDER      do   503      451   do    451   do   do   do   do
 *   RECIPIENT   do   503      451   do    do    do   do   do   do
 *   DATA        message bytes until CRLF.CRLF
 *   WAIT        nothing is read until lmtp_session_finish
 *   CLOSED      nothing is read
 *
 * 451 and not 503 within a transaction: Postfix would bounce. LHLO and RSET
 * end a transaction and forget the client, as Postfix sends XFORWARD anew.
 *
 * Message bytes:   CR        LF           "."         other
 *   LINE           CR        TEXT         DOT (drop)  TEXT     just behind CRLF
 *   TEXT           CR        TEXT         TEXT        TEXT
 *   CR             CR        LINE         TEXT        TEXT
 *   DOT            DOT_CR(h) TEXT         TEXT        TEXT     h: the CR is held
 *   DOT_CR         CR(CR)    end          TEXT(CR)    TEXT(CR) (CR): the held one comes first
 * SPDX-License-Identifier: ISC
 */
#include "core/lmtp_session.h"

#include "core/xtext.h"

enum data_state { DATA_LINE, DATA_TEXT, DATA_CR, DATA_DOT, DATA_DOT_CR };

enum order { ORDER_BAD, ORDER_DO, ORDER_LATER };

static const uint8_t order_table[LMTP_STATE_DATA][LMTP_VERBS] = {
	/* LHLO, XFORWARD, MAIL, RCPT, DATA, RSET, NOOP, VRFY, QUIT, unknown */
	[LMTP_STATE_FRESH] = { ORDER_DO, ORDER_BAD, ORDER_LATER, ORDER_LATER, ORDER_LATER, ORDER_DO, ORDER_DO, ORDER_DO,
		ORDER_DO, ORDER_DO },
	[LMTP_STATE_READY] = { ORDER_DO, ORDER_DO, ORDER_DO, ORDER_LATER, ORDER_LATER, ORDER_DO, ORDER_DO, ORDER_DO,
		ORDER_DO, ORDER_DO },
	[LMTP_STATE_SENDER] = { ORDER_DO, ORDER_BAD, ORDER_LATER, ORDER_DO, ORDER_LATER, ORDER_DO, ORDER_DO, ORDER_DO,
		ORDER_DO, ORDER_DO },
	[LMTP_STATE_RECIPIENT] = { ORDER_DO, ORDER_BAD, ORDER_LATER, ORDER_DO, ORDER_DO, ORDER_DO, ORDER_DO, ORDER_DO,
		ORDER_DO, ORDER_DO },
};

/* Without memory for a reply the two sides no longer agree: end. */
static void reply(struct lmtp_session *s, const char *text)
{
	if (buf_printf(&s->out, "%s\r\n", text) != ERR_OK)
		s->state = LMTP_STATE_CLOSED;
}

static void reply_error(struct lmtp_session *s, const char *text)
{
	reply(s, text);
	if (++s->errors >= LMTP_ERRORS)
		lmtp_session_close(s, "Too many errors");
}

static void end_transaction(struct lmtp_session *s)
{
	if (s->state != LMTP_STATE_FRESH && s->state != LMTP_STATE_CLOSED)
		s->state = LMTP_STATE_READY;
	s->client = (struct lmtp_client){ 0 };
	s->sender[0] = '\0';
	s->is_8bit = s->is_utf8 = false;
	buf_done(&s->recipients);
	s->recipient_count = 0;
	s->data_bytes = 0;
}

void lmtp_session_init(struct lmtp_session *s, const char *host, uint64_t data_max, uint64_t now_ms)
{
	memset(s, 0, sizeof *s);
	s->host = host;
	s->data_max = data_max;
	s->deadline_ms = now_ms + LMTP_IDLE_MS;
	buf_init(&s->recipients, LMTP_RECIPIENT_BYTES);
	buf_init(&s->out, LMTP_OUT);
	if (buf_printf(&s->out, "220 %s LMTP\r\n", host) != ERR_OK)
		s->state = LMTP_STATE_CLOSED;
}

void lmtp_session_done(struct lmtp_session *s)
{
	buf_done(&s->recipients);
	buf_done(&s->out);
}

static void do_lhlo(struct lmtp_session *s)
{
	end_transaction(s);
	s->state = LMTP_STATE_READY;
	if (buf_printf(&s->out,
		    "250-%s\r\n250-PIPELINING\r\n250-SIZE\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250-DSN\r\n"
		    "250-ENHANCEDSTATUSCODES\r\n250 XFORWARD NAME ADDR PORT PROTO HELO IDENT SOURCE\r\n",
		    s->host) != ERR_OK)
		s->state = LMTP_STATE_CLOSED;
}

static void do_xforward(struct lmtp_session *s, struct slice rest)
{
	struct lmtp_client c = s->client;
	struct slice name, value;

	while (lmtp_param_next(&rest, &name, &value)) {
		if (lmtp_client_set(&c, name, value) != ERR_OK) {
			reply_error(s, "501 5.5.4 Unknown XFORWARD attribute");
			return;
		}
	}
	s->client = c;
	reply(s, "250 2.0.0 Ok");
}

/* SIZE, RET, ENVID and whatever else comes changes nothing here: it is all accepted. */
static void do_mail(struct lmtp_session *s, struct slice rest)
{
	struct slice path, params, name, value;

	if (lmtp_path_parse(rest, SLICE_LIT("FROM:"), &path, &params) != ERR_OK) {
		reply_error(s, "451 4.5.4 Syntax error in MAIL");
		return;
	}
	slice_copy(path, s->sender, sizeof s->sender);
	while (lmtp_param_next(&params, &name, &value)) {
		s->is_8bit |= slice_eq_nocase(name, SLICE_LIT("BODY")) && slice_eq_nocase(value, SLICE_LIT("8BITMIME"));
		s->is_utf8 |= slice_eq_nocase(name, SLICE_LIT("SMTPUTF8"));
	}
	s->state = LMTP_STATE_SENDER;
	reply(s, "250 2.1.0 Ok");
}

/* ORCPT=rfc822;xtext, decoded into to; "" when there is none or it is malformed. */
static void find_orcpt(struct slice params, char *to, size_t size)
{
	struct slice name, value;

	to[0] = '\0';
	while (lmtp_param_next(&params, &name, &value))
		if (slice_eq_nocase(name, SLICE_LIT("ORCPT")) &&
			xtext_decode(slice_from(value, slice_find(value, ';') + 1), to, size) == ERR_OK)
			return;
}

enum err lmtp_recipient_add(struct buf *to, struct slice address, struct slice orcpt)
{
	uint16_t n[2] = { (uint16_t)address.n, (uint16_t)orcpt.n };
	enum err e = address.n > UINT16_MAX || orcpt.n > UINT16_MAX ? ERR_LIMIT
								    : buf_reserve(to, sizeof n + address.n + orcpt.n);

	if (e == ERR_OK)
		e = buf_add(to, slice_of(n, sizeof n));
	if (e == ERR_OK)
		e = buf_add(to, address);
	if (e == ERR_OK)
		e = buf_add(to, orcpt);
	return e;
}

static void do_rcpt(struct lmtp_session *s, struct slice rest)
{
	struct slice path, params;
	char orcpt[LMTP_LINE];

	if (lmtp_path_parse(rest, SLICE_LIT("TO:"), &path, &params) != ERR_OK) {
		reply_error(s, "451 4.5.4 Syntax error in RCPT");
		return;
	}
	find_orcpt(params, orcpt, sizeof orcpt);
	if (s->recipient_count >= LMTP_RECIPIENTS ||
		lmtp_recipient_add(&s->recipients, path, slice_str(orcpt)) != ERR_OK) {
		reply(s, "452 4.5.3 Too many recipients");
		return;
	}
	s->recipient_count++;
	s->state = LMTP_STATE_RECIPIENT;
	reply(s, "250 2.1.5 Ok");
}

static enum lmtp_event do_data(struct lmtp_session *s)
{
	reply(s, "354 End data with <CR><LF>.<CR><LF>");
	if (s->state == LMTP_STATE_CLOSED)
		return LMTP_EVENT_NONE;
	s->state = LMTP_STATE_DATA;
	s->data_state = DATA_LINE;
	s->data_bytes = 0;
	return LMTP_EVENT_BEGIN;
}

static enum lmtp_event do_command(struct lmtp_session *s, struct slice line)
{
	struct slice rest;
	enum lmtp_verb v = lmtp_verb_parse(line, &rest);

	if (order_table[s->state][v] != ORDER_DO) {
		reply_error(s, order_table[s->state][v] == ORDER_LATER ? "451 4.5.1 Wrong order of commands"
								       : "503 5.5.1 Wrong order of commands");
		return LMTP_EVENT_NONE;
	}
	switch (v) {
	case LMTP_LHLO:
		do_lhlo(s);
		break;
	case LMTP_XFORWARD:
		do_xforward(s, rest);
		break;
	case LMTP_MAIL:
		do_mail(s, rest);
		break;
	case LMTP_RCPT:
		do_rcpt(s, rest);
		break;
	case LMTP_DATA:
		return do_data(s);
	case LMTP_RSET:
		end_transaction(s);
		reply(s, "250 2.0.0 Ok");
		break;
	case LMTP_NOOP:
		reply(s, "250 2.0.0 Ok");
		break;
	case LMTP_VRFY:
		reply(s, "252 2.0.0 Ok");
		break;
	case LMTP_QUIT:
		reply(s, "221 2.0.0 Bye");
		s->state = LMTP_STATE_CLOSED;
		break;
	case LMTP_UNKNOWN:
	case LMTP_VERBS:
		reply_error(s, "500 5.5.2 Unknown command");
		break;
	}
	return LMTP_EVENT_NONE;
}

/* A line has ended: LF is the last byte taken. Commands end in CRLF or, leniently, LF. */
static enum lmtp_event end_line(struct lmtp_session *s)
{
	struct slice line = { s->line, s->line_n };
	bool was_skipping = s->is_skipping;

	s->line_n = 0;
	s->is_skipping = false;
	if (was_skipping) {
		reply_error(s, "451 4.5.2 Line too long");
		return LMTP_EVENT_NONE;
	}
	if (line.n && line.p[line.n - 1] == '\r')
		line.n--;
	return do_command(s, line);
}

static enum lmtp_event feed_commands(struct lmtp_session *s, struct slice *in)
{
	enum lmtp_event e = LMTP_EVENT_NONE;

	while (in->n && e == LMTP_EVENT_NONE && s->state < LMTP_STATE_DATA && s->out.n < LMTP_OUT_HIGH) {
		size_t n = slice_find(*in, '\n');

		if (n > sizeof s->line - s->line_n) {
			s->is_skipping = true;
			s->line_n = 0;
		}
		if (!s->is_skipping && n) {
			memcpy(s->line + s->line_n, in->p, n);
			s->line_n += n;
		}
		if (n < in->n)
			e = end_line(s);
		*in = slice_from(*in, n + 1);
	}
	return e;
}

static enum lmtp_event give_chunk(struct lmtp_session *s, struct slice chunk, struct slice *ret_chunk)
{
	s->data_bytes += chunk.n;
	if (s->data_bytes > s->data_max) {
		lmtp_session_close(s, "Message without end");
		return LMTP_EVENT_NONE;
	}
	*ret_chunk = chunk;
	return LMTP_EVENT_CHUNK;
}

/* Length of the bytes at the front of in that are data as they stand; moves data_state along them. */
static size_t plain_run(struct lmtp_session *s, struct slice in)
{
	size_t i = 0;

	while (i < in.n) {
		char c = in.p[i];

		if (s->data_state == DATA_TEXT) {
			i += slice_find(slice_from(in, i), '\r');
			if (i < in.n) {
				s->data_state = DATA_CR;
				i++;
			}
			continue;
		}
		if (s->data_state == DATA_LINE && c == '.')
			break;
		s->data_state = c == '\r' ? DATA_CR : c == '\n' && s->data_state == DATA_CR ? DATA_LINE : DATA_TEXT;
		i++;
	}
	return i;
}

static enum lmtp_event feed_data(struct lmtp_session *s, struct slice *in, struct slice *ret_chunk)
{
	while (in->n) {
		char c = in->p[0];
		struct slice run;

		if (s->data_state == DATA_LINE && c == '.') {
			s->data_state = DATA_DOT;
		} else if (s->data_state == DATA_DOT && c == '\r') {
			s->data_state = DATA_DOT_CR;
		} else if (s->data_state == DATA_DOT_CR && c == '\n') {
			*in = slice_from(*in, 1);
			s->state = LMTP_STATE_WAIT;
			return LMTP_EVENT_END;
		} else if (s->data_state == DATA_DOT_CR) {
			s->data_state = DATA_CR;
			return give_chunk(s, SLICE_LIT("\r"), ret_chunk);
		} else {
			if (s->data_state == DATA_DOT)
				s->data_state = DATA_TEXT;
			run = slice_head(*in, plain_run(s, *in));
			*in = slice_from(*in, run.n);
			return give_chunk(s, run, ret_chunk);
		}
		*in = slice_from(*in, 1);
	}
	return LMTP_EVENT_NONE;
}

enum lmtp_event lmtp_session_feed(struct lmtp_session *s, uint64_t now_ms, struct slice *in, struct slice *ret_chunk)
{
	if (in->n && s->state < LMTP_STATE_WAIT)
		s->deadline_ms = now_ms + LMTP_IDLE_MS;
	if (s->state == LMTP_STATE_DATA)
		return feed_data(s, in, ret_chunk);
	if (s->state < LMTP_STATE_DATA)
		return feed_commands(s, in);
	return LMTP_EVENT_NONE;
}

bool lmtp_recipient_next(const struct buf *recipients, size_t *pos, struct lmtp_recipient *ret)
{
	struct slice all;
	uint16_t n[2];

	if (*pos >= recipients->n)
		return false;
	all = slice_from(buf_slice(recipients), *pos);
	memcpy(n, all.p, sizeof n);
	ret->address = slice_head(slice_from(all, sizeof n), n[0]);
	ret->orcpt = slice_head(slice_from(all, sizeof n + n[0]), n[1]);
	*pos += sizeof n + n[0] + n[1];
	return true;
}

bool lmtp_session_recipient(const struct lmtp_session *s, size_t *pos, struct lmtp_recipient *ret)
{
	return lmtp_recipient_next(&s->recipients, pos, ret);
}

void lmtp_session_finish(struct lmtp_session *s, const bool *is_kept, uint64_t now_ms)
{
	if (s->state != LMTP_STATE_WAIT)
		return;
	for (uint32_t i = 0; i < s->recipient_count; i++)
		reply(s, is_kept && is_kept[i] ? "250 2.0.0 Ok" : "451 4.3.0 Try again later");
	end_transaction(s);
	s->deadline_ms = now_ms + LMTP_IDLE_MS;
}

void lmtp_session_close(struct lmtp_session *s, const char *reason)
{
	lmtp_session_finish(s, NULL, 0);
	if (s->state == LMTP_STATE_CLOSED)
		return;
	if (buf_printf(&s->out, "421 4.3.2 %s %s\r\n", s->host, reason) != ERR_OK)
		buf_reset(&s->out); /* a half reply would be worse than none */
	s->state = LMTP_STATE_CLOSED;
}
