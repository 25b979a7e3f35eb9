/*
 * header_scan: a state machine over bytes.
 *
 *   state   LF             blank/tab        ":"         other
 *   START   end (empty)    VALUE (folded)   end         NAME
 *   NAME    end (broken)   NAME             VALUE       NAME
 *   VALUE   START          VALUE            VALUE       VALUE
 *
 * A blank at START continues the field before; in the first line it is broken.
 * SPDX-License-Identifier: ISC
 */
#include "core/header_scan.h"

enum state { STATE_START, STATE_NAME, STATE_VALUE };

static const char *const field_names[HEADER_COUNT] = {
	[HEADER_MESSAGE_ID] = "message-id",
	[HEADER_SUBJECT] = "subject",
	[HEADER_CONTENT_TYPE] = "content-type",
	[HEADER_AUTO_SUBMITTED] = "auto-submitted",
	[HEADER_LIST_ID] = "list-id",
	[HEADER_LIST_UNSUBSCRIBE] = "list-unsubscribe",
	[HEADER_PRECEDENCE] = "precedence",
	[HEADER_RETURN_PATH] = "return-path",
};

#define FIELD_NONE (-1)
#define FIELD_BEFORE_FIRST (-2) /* no field yet that a folded line could continue */

void header_scan_init(struct header_scan *h)
{
	memset(h, 0, sizeof *h);
	h->field = FIELD_BEFORE_FIRST;
}

/* Between two fields: take the blanks off the end of the one just read. */
static void finish_field(struct header_scan *h)
{
	struct header_value *v;

	if (h->field < 0)
		return;
	v = &h->value[h->field];
	while (v->times <= 1 && v->n && (v->text[v->n - 1] == ' ' || v->text[v->n - 1] == '\t'))
		v->n--;
	v->text[v->n] = '\0';
}

static void start_field(struct header_scan *h)
{
	size_t n = h->name_n;

	while (n && (h->name[n - 1] == ' ' || h->name[n - 1] == '\t'))
		n--;
	h->field = FIELD_NONE;
	for (int f = 0; f < HEADER_COUNT && n < HEADER_NAME; f++)
		if (slice_eq_nocase((struct slice){ h->name, n }, slice_str(field_names[f])))
			h->field = (int8_t)f;
	if (h->field >= 0 && h->value[h->field].times < UINT16_MAX)
		h->value[h->field].times++;
	h->state = STATE_VALUE;
}

static void add_byte(struct header_scan *h, char c)
{
	struct header_value *v;

	if (h->field < 0)
		return;
	v = &h->value[h->field];
	if (v->times != 1)
		return;
	if (c == '\t')
		c = ' ';
	if (c == ' ' && v->n == 0)
		return;
	if ((unsigned char)c < ' ' || c == 127)
		c = '?';
	if (v->n + 1u < HEADER_VALUE)
		v->text[v->n++] = c;
	else
		v->is_cut = true;
}

static void finish(struct header_scan *h)
{
	finish_field(h);
	h->is_done = true;
}

static void start_line(struct header_scan *h, char c)
{
	if (c == ' ' || c == '\t') {
		if (h->field == FIELD_BEFORE_FIRST) {
			finish(h);
			return;
		}
		h->state = STATE_VALUE;
		add_byte(h, ' ');
		return;
	}
	finish_field(h);
	if (c == ':') {
		finish(h);
		return;
	}
	h->name[0] = c;
	h->name_n = 1;
	h->state = STATE_NAME;
}

static void feed_name(struct header_scan *h, char c)
{
	if (c == ':')
		start_field(h);
	else if (h->name_n < HEADER_NAME)
		h->name[h->name_n++] = c;
}

static void feed_byte(struct header_scan *h, char c)
{
	switch ((enum state)h->state) {
	case STATE_START:
		start_line(h, c);
		break;
	case STATE_NAME:
		feed_name(h, c);
		break;
	case STATE_VALUE:
		add_byte(h, c);
		break;
	}
}

static void feed_lf(struct header_scan *h)
{
	if (h->state != STATE_VALUE)
		finish(h); /* empty line, or one without a colon */
	h->state = STATE_START;
}

size_t header_scan_feed(struct header_scan *h, struct slice s)
{
	size_t i = 0;

	while (i < s.n && !h->is_done) {
		char c = s.p[i++];

		h->bytes++;
		if (c == '\n') {
			h->had_cr = false;
			feed_lf(h);
		} else {
			if (h->had_cr) /* a CR that no LF follows is a byte like any other */
				feed_byte(h, '\r');
			h->had_cr = c == '\r';
			if (!h->had_cr && !h->is_done)
				feed_byte(h, c);
		}
		if (h->bytes >= HEADER_SCAN_MAX && !h->is_done)
			finish(h);
	}
	return i;
}

void header_scan_end(struct header_scan *h)
{
	if (!h->is_done)
		finish(h);
}
