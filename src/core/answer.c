/*
 * answer: commands by table, message bytes by a small machine.
 *
 *   state       HELO MAIL RCPT DATA STARTTLS RSET NOOP VRFY QUIT
 *   FRESH       do   do   503  503  do       do   do   do   do
 *   READY       do   do   503  503  do       do   do   do   do
 *   SENDER      do   503  do   503  do       do   do   do   do
 *   RECIPIENT   do   503  do   do   do       do   do   do   do
 *   DATA        message bytes until CRLF.CRLF
 *
 * MAIL without HELO is taken as Postfix takes it: whoever omits it is to read
 * why he is refused, too.
 *
 * Only a held client of a site with is_to_data comes to RECIPIENT, and one whose
 * recipient Postfix has taken (is_handed): never both at once, since what is said
 * after the dot is said for all. STARTTLS and all else above it: core/answer.h.
 * SPDX-License-Identifier: ISC
 */
#include "core/answer.h"

#include "core/address.h"
#include "core/answer_text.h"
#include "core/gate.h"
#include "core/lmtp_command.h"

#include <stdlib.h>

#define LINE_STEP 64 /* a started line grows by this */

_Static_assert(sizeof(struct answer) <= 72, "a connection should stay small");

enum data_state { DATA_LINE, DATA_TEXT, DATA_CR, DATA_DOT, DATA_DOT_CR };

enum verb {
	VERB_HELO,
	VERB_EHLO,
	VERB_MAIL,
	VERB_RCPT,
	VERB_DATA,
	VERB_RSET,
	VERB_NOOP,
	VERB_VRFY,
	VERB_QUIT,
	VERB_STARTTLS,
	VERB_UNKNOWN
};

static const char *const verbs[VERB_UNKNOWN] = { "HELO", "EHLO", "MAIL", "RCPT", "DATA", "RSET", "NOOP", "VRFY", "QUIT",
	"STARTTLS" };

static void say(struct answer *a, enum answer_text text)
{
	a->text = (uint8_t)text;
	a->text_at = 0;
}

/* The last words. What is being sent is sent first. */
static void end_with(struct answer *a, enum answer_text text)
{
	a->state = ANSWER_STATE_CLOSED;
	if (a->text)
		a->then = (uint8_t)text;
	else
		say(a, text);
}

static void say_error(struct answer *a, enum answer_text text)
{
	say(a, text);
	if (++a->errors >= ANSWER_ERRORS)
		end_with(a, ANSWER_TEXT_ERRORS);
}

/* A session ends within hours; only what Postfix has in hand may take longer, and then nobody asks. */
static uint32_t since_begun(const struct answer *a, uint64_t now_ms)
{
	return (uint32_t)(now_ms - a->begun_ms);
}

static void drop_line(struct answer *a)
{
	free(a->line);
	a->line = NULL;
	a->line_n = 0;
}

void answer_init(struct answer *a, const struct block_entry *block, bool is_held, uint64_t now_ms, uint64_t wall_s)
{
	*a = (struct answer){ .begun_ms = now_ms,
		.deadline_ms = ANSWER_IDLE_MS,
		.until = block_entry_end(block, wall_s),
		.code = block->code,
		.feed = block->feed,
		.is_held = is_held };
	memcpy(a->case_id, block->case_id, sizeof a->case_id);
	say(a, ANSWER_TEXT_BANNER);
}

void answer_done(struct answer *a)
{
	drop_line(a);
	free(a->kept);
	a->kept = NULL;
}

/* ---- what the client said, for answer_hand */

struct slice answer_helo(const struct answer *a)
{
	return slice_str(a->kept);
}

struct slice answer_mail(const struct answer *a)
{
	return slice_str(a->kept ? a->kept + strlen(a->kept) + 1 : NULL);
}

/* Both borrow: the old strings may be among them. */
static bool keep(struct answer *a, struct slice helo, struct slice mail)
{
	char *kept = malloc(helo.n + mail.n + 2);

	if (!kept)
		return false;
	slice_copy(helo, kept, helo.n + 1);
	slice_copy(mail, kept + helo.n + 1, mail.n + 1);
	free(a->kept);
	a->kept = kept;
	return true;
}

static void end_transaction(struct answer *a)
{
	if (a->state > ANSWER_STATE_READY && a->state <= ANSWER_STATE_ASKING)
		a->state = ANSWER_STATE_READY;
	a->data_bytes = 0;
	a->is_handed = false;
}

/* ---- commands */

static enum answer_event do_helo(
	struct answer *a, const struct answer_site *site, struct slice rest, bool is_extended, struct slice *ret_text)
{
	struct slice name = slice_head(slice_trim(rest), ANSWER_HELO);

	if (name.n == 0) {
		say_error(a, ANSWER_TEXT_NO_NAME);
		return ANSWER_EVENT_NONE;
	}
	end_transaction(a);
	if (!keep(a, name, SLICE_LIT(""))) {
		end_with(a, ANSWER_TEXT_RELEASED);
		return ANSWER_EVENT_NONE;
	}
	a->state = ANSWER_STATE_READY;
	a->is_extended = is_extended;
	a->is_offered = is_extended && site->has_tls && !a->is_secure;
	say(a, is_extended ? ANSWER_TEXT_EHLO : ANSWER_TEXT_HELO);
	*ret_text = answer_helo(a);
	return ANSWER_EVENT_HELO;
}

static enum answer_event do_mail(struct answer *a, struct slice rest, struct slice *ret_text)
{
	struct slice path, params;

	if (a->state > ANSWER_STATE_READY) {
		say_error(a, ANSWER_TEXT_NESTED);
	} else if (lmtp_path_parse(rest, SLICE_LIT("FROM:"), &path, &params) != ERR_OK) {
		say_error(a, ANSWER_TEXT_SYNTAX);
	} else if (!keep(a, answer_helo(a), slice_trim(rest))) {
		end_with(a, ANSWER_TEXT_RELEASED);
	} else {
		a->state = ANSWER_STATE_SENDER;
		say(a, ANSWER_TEXT_SENDER);
		*ret_text = path;
		return ANSWER_EVENT_SENDER;
	}
	return ANSWER_EVENT_NONE;
}

static bool is_open(const struct answer_site *site, struct slice path)
{
	struct address address;

	return site->has_hand && address_parse(path, &address) == ERR_OK && gate_is_open(site->conf, address.local);
}

static enum answer_event do_rcpt(
	struct answer *a, const struct answer_site *site, struct slice rest, struct slice *ret_text)
{
	struct slice path, params;

	if (a->state != ANSWER_STATE_SENDER && a->state != ANSWER_STATE_RECIPIENT) {
		say_error(a, ANSWER_TEXT_ORDER);
		return ANSWER_EVENT_NONE;
	}
	if (lmtp_path_parse(rest, SLICE_LIT("TO:"), &path, &params) != ERR_OK) {
		say_error(a, ANSWER_TEXT_SYNTAX);
		return ANSWER_EVENT_NONE;
	}
	*ret_text = path;
	if (is_open(site, path)) {
		if (a->state == ANSWER_STATE_RECIPIENT && !a->is_handed) {
			say(a, ANSWER_TEXT_ALONE);
			return ANSWER_EVENT_NONE;
		}
		a->state = ANSWER_STATE_ASKING;
		return ANSWER_EVENT_HAND_THROUGH;
	}
	if (a->is_held && site->is_to_data && !a->is_handed) {
		a->state = ANSWER_STATE_RECIPIENT;
		say(a, ANSWER_TEXT_RECIPIENT);
	} else {
		say(a, ANSWER_TEXT_REFUSED);
	}
	if (++a->recipients >= ANSWER_RECIPIENTS)
		end_with(a, ANSWER_TEXT_ERRORS);
	return a->recipients <= ANSWER_TOLD ? ANSWER_EVENT_RECIPIENT : ANSWER_EVENT_NONE;
}

static enum answer_event do_data(struct answer *a)
{
	if (a->state == ANSWER_STATE_SENDER) {
		say_error(a, ANSWER_TEXT_NO_RECIPIENT);
	} else if (a->state != ANSWER_STATE_RECIPIENT) {
		say_error(a, ANSWER_TEXT_ORDER);
	} else if (a->is_handed) {
		a->state = ANSWER_STATE_ASKING;
		return ANSWER_EVENT_HAND_DATA;
	} else {
		a->state = ANSWER_STATE_DATA;
		a->data_state = DATA_LINE;
		a->data_bytes = 0;
		say(a, ANSWER_TEXT_DATA);
	}
	return ANSWER_EVENT_NONE;
}

static enum answer_event do_starttls(struct answer *a, const struct answer_site *site)
{
	if (a->is_secure || (!site->has_tls && !a->is_offered)) {
		say_error(a, ANSWER_TEXT_NO_TLS);
		return ANSWER_EVENT_NONE;
	}
	if (!site->has_tls || site->is_tls_busy) {
		say(a, ANSWER_TEXT_TLS_BUSY);
		return ANSWER_EVENT_NONE;
	}
	a->state = ANSWER_STATE_TLS;
	say(a, ANSWER_TEXT_TLS);
	return ANSWER_EVENT_TLS;
}

static enum verb verb_of(struct slice line, struct slice *ret_rest)
{
	struct slice word = { NULL, 0 };

	(void)slice_word(&line, &word);
	*ret_rest = line;
	for (int v = 0; v < VERB_UNKNOWN; v++)
		if (slice_eq_nocase(word, slice_str(verbs[v])))
			return (enum verb)v;
	return VERB_UNKNOWN;
}

/* RSET, NOOP, VRFY, QUIT and what nobody knows: only a reply. */
static void do_plain(struct answer *a, enum verb v)
{
	if (v == VERB_RSET)
		end_transaction(a);
	if (v == VERB_RSET || v == VERB_NOOP)
		say(a, ANSWER_TEXT_OK);
	else if (v == VERB_VRFY)
		say(a, ANSWER_TEXT_VRFY);
	else if (v == VERB_QUIT)
		end_with(a, ANSWER_TEXT_BYE);
	else
		say_error(a, ANSWER_TEXT_UNKNOWN);
}

static enum answer_event do_command(
	struct answer *a, const struct answer_site *site, struct slice line, struct slice *ret_text)
{
	struct slice rest;
	enum verb v = verb_of(line, &rest);

	if (++a->commands >= ANSWER_COMMANDS) {
		end_with(a, ANSWER_TEXT_ERRORS);
		return ANSWER_EVENT_NONE;
	}
	/* a NUL or a CR in the middle is no part of any command */
	if (slice_find(line, '\0') < line.n || slice_find(line, '\r') < line.n)
		v = VERB_UNKNOWN;
	if (v == VERB_HELO || v == VERB_EHLO)
		return do_helo(a, site, rest, v == VERB_EHLO, ret_text);
	if (v == VERB_MAIL)
		return do_mail(a, rest, ret_text);
	if (v == VERB_RCPT)
		return do_rcpt(a, site, rest, ret_text);
	if (v == VERB_STARTTLS)
		return do_starttls(a, site);
	if (v == VERB_DATA)
		return do_data(a);
	do_plain(a, v);
	return ANSWER_EVENT_NONE;
}

/* ---- lines */

/* The part of a line that has come. Too long: the rest of it is skipped. */
static void add_to_line(struct answer *a, struct slice part)
{
	size_t n = a->line_n + part.n;
	char *p;

	if (n > ANSWER_LINE - 2 + 1 && !a->is_skipping) { /* the CR of its end may be in it */
		a->is_skipping = true;
		free(a->line);
		a->line = NULL;
	}
	if (a->is_skipping) {
		a->line_n = (uint16_t)(n > ANSWER_ENDLESS ? ANSWER_ENDLESS : n);
		if (a->line_n == ANSWER_ENDLESS)
			end_with(a, ANSWER_TEXT_LONG);
		return;
	}
	p = realloc(a->line, (n + LINE_STEP - 1) / LINE_STEP * LINE_STEP);
	if (!p) {
		end_with(a, ANSWER_TEXT_RELEASED);
		return;
	}
	memcpy(p + a->line_n, part.p, part.n);
	a->line = p;
	a->line_n = (uint16_t)n;
}

/* ret_text may point into the line: it stays until the next one begins. */
static enum answer_event feed_command(
	struct answer *a, const struct answer_site *site, struct slice *in, struct slice *ret_text)
{
	struct slice part = slice_head(*in, slice_find(*in, '\n'));
	bool is_whole = part.n < in->n;
	struct slice line;

	/* the same bytes count however they come: up to the cap and no further in one step */
	if (part.n > ANSWER_LINE) {
		part.n = ANSWER_LINE;
		is_whole = false;
	}
	*in = slice_from(*in, part.n + is_whole);
	if (part.n)
		add_to_line(a, part);
	if (a->state == ANSWER_STATE_CLOSED || !is_whole)
		return ANSWER_EVENT_NONE;
	if (a->is_skipping) {
		a->is_skipping = false;
		a->line_n = 0;
		say_error(a, ANSWER_TEXT_LONG);
		return ANSWER_EVENT_NONE;
	}
	line = slice_of(a->line, a->line_n);
	if (line.n && line.p[line.n - 1] == '\r')
		line.n--;
	a->line_n = 0;
	return do_command(a, site, line, ret_text);
}

/* One byte of a message. True: it was the end. Only CRLF.CRLF is. */
static bool data_byte(struct answer *a, char c)
{
	static const uint8_t next[][4] = {
		/* CR, LF, ".", other */
		[DATA_LINE] = { DATA_CR, DATA_TEXT, DATA_DOT, DATA_TEXT },
		[DATA_TEXT] = { DATA_CR, DATA_TEXT, DATA_TEXT, DATA_TEXT },
		[DATA_CR] = { DATA_CR, DATA_LINE, DATA_TEXT, DATA_TEXT },
		[DATA_DOT] = { DATA_DOT_CR, DATA_TEXT, DATA_TEXT, DATA_TEXT },
		[DATA_DOT_CR] = { DATA_CR, DATA_LINE, DATA_TEXT, DATA_TEXT },
	};
	bool is_end = a->data_state == DATA_DOT_CR && c == '\n';

	a->data_state = next[a->data_state][c == '\r' ? 0 : c == '\n' ? 1 : c == '.' ? 2 : 3];
	return is_end || ++a->data_bytes >= ANSWER_DATA_BYTES;
}

/* What was fed up to here, for who takes samples. */
static struct slice fed(const struct answer *a, struct slice before, struct slice rest)
{
	return slice_head(before, a->is_sampled ? before.n - rest.n : 0);
}

size_t answer_undot(char *p, size_t n)
{
	const struct slice end = SLICE_LIT(".\r\n");
	bool is_start = true, was_cr = false;
	size_t to = 0;

	for (size_t i = 0; i < n; i++) {
		char c = p[i];

		if (is_start && slice_eq(slice_of(p + i, n - i), end))
			break;
		if (!is_start || c != '.')
			p[to++] = c;
		is_start = was_cr && c == '\n';
		was_cr = c == '\r';
	}
	return to;
}

static enum answer_event feed_data(struct answer *a, struct slice *in, struct slice *ret_text)
{
	const struct slice before = *in;

	while (in->n) {
		bool is_end = data_byte(a, in->p[0]);

		*in = slice_from(*in, 1);
		if (!is_end)
			continue;
		say(a, ANSWER_TEXT_REFUSED);
		if (a->data_bytes >= ANSWER_DATA_BYTES)
			a->state = ANSWER_STATE_CLOSED; /* the rest would be read as commands */
		else
			end_transaction(a);
		*ret_text = fed(a, before, *in);
		return ANSWER_EVENT_MESSAGE;
	}
	*ret_text = fed(a, before, *in);
	return ret_text->n ? ANSWER_EVENT_DATA : ANSWER_EVENT_NONE;
}

enum answer_event answer_feed(
	struct answer *a, const struct answer_site *site, uint64_t now_ms, struct slice *in, struct slice *ret_text)
{
	enum answer_event e = ANSWER_EVENT_NONE;

	if (in->n && a->state == ANSWER_STATE_DATA)
		a->deadline_ms = since_begun(a, now_ms) + ANSWER_IDLE_MS;
	if (a->line && a->line_n == 0 && answer_is_reading(a))
		drop_line(a); /* it was ret_text's, or a reply of Postfix */
	while (in->n && answer_is_reading(a) && e == ANSWER_EVENT_NONE)
		e = a->state == ANSWER_STATE_DATA ? feed_data(a, in, ret_text) : feed_command(a, site, in, ret_text);
	return e;
}

void answer_forget_text(struct answer *a)
{
	if (a->line_n == 0 && a->text != ANSWER_TEXT_GIVEN && a->state != ANSWER_STATE_ASKING &&
		a->state != ANSWER_STATE_HANDED)
		drop_line(a);
}

/* ---- replies */

/* Byte by byte. Postfix waits only so long for a client. */
static bool is_slow(const struct answer *a)
{
	return a->is_held && !a->is_handed && a->text != ANSWER_TEXT_GIVEN;
}

struct slice answer_out(const struct answer *a, const struct answer_site *site, const struct ipaddr *client,
	uint64_t now_ms, struct buf *scratch)
{
	struct slice all;

	buf_reset(scratch);
	if (!a->text || (is_slow(a) && since_begun(a, now_ms) < a->next_ms) ||
		answer_text_write(a, site, client, scratch) != ERR_OK)
		return slice_of(NULL, 0);
	all = slice_from(buf_slice(scratch), a->text_at);
	return is_slow(a) ? slice_head(all, 1) : all;
}

void answer_sent(struct answer *a, const struct answer_site *site, uint64_t now_ms, const struct buf *scratch, size_t n)
{
	uint32_t now = since_begun(a, now_ms);

	if (!n && a->text_at < scratch->n)
		return;
	a->text_at = (uint16_t)(a->text_at + n);
	a->next_ms = now + site->pace_ms;
	a->deadline_ms = now + ANSWER_IDLE_MS + (a->is_held ? site->pace_ms : 0);
	if (a->text_at < scratch->n)
		return;
	say(a, (enum answer_text)a->then);
	a->then = ANSWER_TEXT_NONE;
	if (answer_is_shaking(a))
		a->deadline_ms = now + ANSWER_TLS_MS;
}

static void say_given(struct answer *a, struct slice reply, enum answer_text without)
{
	drop_line(a);
	if (reply.n && reply.n < ANSWER_TEXT - 2)
		a->line = malloc(reply.n + 1);
	if (a->line)
		slice_copy(reply, a->line, reply.n + 1);
	say(a, a->line ? ANSWER_TEXT_GIVEN : without);
}

static void hand_recipient(struct answer *a, bool is_taken, struct slice reply)
{
	a->is_handed |= is_taken;
	a->state = a->is_handed ? ANSWER_STATE_RECIPIENT : ANSWER_STATE_SENDER;
	say_given(a, reply, is_taken ? ANSWER_TEXT_RECIPIENT : ANSWER_TEXT_NOT_NOW);
	if (++a->recipients >= ANSWER_RECIPIENTS) {
		a->is_handed = false;
		end_with(a, ANSWER_TEXT_ERRORS);
	}
}

void answer_hand(struct answer *a, enum answer_handed what, struct slice reply)
{
	if (a->state != ANSWER_STATE_ASKING && a->state != ANSWER_STATE_HANDED)
		return;
	if (what == ANSWER_HANDED_TAKEN || what == ANSWER_HANDED_REFUSED) {
		hand_recipient(a, what == ANSWER_HANDED_TAKEN, reply);
	} else if (what == ANSWER_HANDED_SEND) {
		a->state = ANSWER_STATE_HANDED;
		say(a, ANSWER_TEXT_DATA);
	} else if (what == ANSWER_HANDED_OVER) {
		a->state = ANSWER_STATE_SENDER;
		end_transaction(a);
		say_given(a, reply, ANSWER_TEXT_NOT_NOW);
	} else {
		a->is_handed = false;
		end_with(a, ANSWER_TEXT_RELEASED);
	}
}

void answer_asks(struct answer *a)
{
	if (a->state == ANSWER_STATE_HANDED)
		a->state = ANSWER_STATE_ASKING;
}

void answer_secured(struct answer *a, uint64_t now_ms)
{
	if (a->state != ANSWER_STATE_TLS)
		return;
	answer_done(a); /* RFC 3207: nothing said before counts */
	a->is_extended = a->is_offered = false;
	a->is_handed = false;
	a->state = ANSWER_STATE_FRESH;
	a->is_secure = true;
	a->deadline_ms = since_begun(a, now_ms) + ANSWER_IDLE_MS;
	if (a->is_released)
		end_with(a, ANSWER_TEXT_RELEASED);
}

void answer_sample(struct answer *a, bool is_sampled)
{
	a->is_sampled = is_sampled;
}

void answer_turn_away(struct answer *a)
{
	a->state = ANSWER_STATE_CLOSED;
	say(a, ANSWER_TEXT_RELEASED);
}

void answer_release(struct answer *a)
{
	if (a->state == ANSWER_STATE_TLS) {
		a->is_released = true; /* a client that waits for a handshake would not read it */
		return;
	}
	if (a->state < ANSWER_STATE_HANDED && a->state != ANSWER_STATE_ASKING && !a->is_handed)
		end_with(a, ANSWER_TEXT_RELEASED);
}

bool answer_is_over(const struct answer *a, uint64_t now_ms)
{
	if (a->state == ANSWER_STATE_HANDED || a->state == ANSWER_STATE_ASKING)
		return false; /* the caller waits for Postfix */
	return (a->state == ANSWER_STATE_CLOSED && !a->text) || since_begun(a, now_ms) >= a->deadline_ms ||
	       since_begun(a, now_ms) >= ANSWER_SESSION_MS;
}

uint64_t answer_wake_ms(const struct answer *a)
{
	uint32_t end = a->deadline_ms < ANSWER_SESSION_MS ? a->deadline_ms : ANSWER_SESSION_MS;

	return a->begun_ms + (a->text && is_slow(a) && a->next_ms < end ? a->next_ms : end);
}
