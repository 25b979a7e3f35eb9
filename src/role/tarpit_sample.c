/*
 * tarpit_sample: who is listened to is marked in core/answer (is_sampled).
 * SPDX-License-Identifier: ISC
 */
#include "role/tarpit_sample.h"

#include "core/lmtp_command.h"
#include "io/log.h"
#include "io/whole_file.h"

#include <stdlib.h>
#include <unistd.h>

#define HOUR_S 3600

struct sample {
	struct buf to, text; /* recipients, an LF behind each; the message as it came */
	uint32_t conn;       /* TARPIT_NONE: free */
	uint32_t size;       /* of the message */
};

struct tarpit_samples {
	struct sample all[TARPIT_SAMPLES];
	uint32_t open, taken; /* now; in this hour */
	uint64_t hour;
};

static struct tarpit_samples *samples_new(void)
{
	struct tarpit_samples *s = calloc(1, sizeof *s);

	for (unsigned i = 0; s && i < TARPIT_SAMPLES; i++) {
		buf_init(&s->all[i].to, MESSAGE_SAMPLE_TO - 1);
		buf_init(&s->all[i].text, MESSAGE_SAMPLE);
		s->all[i].conn = TARPIT_NONE;
	}
	return s;
}

/* conn TARPIT_NONE: a free one. NULL: there is none. */
static struct sample *find(struct tarpit_samples *s, uint32_t conn)
{
	for (unsigned i = 0; s && i < TARPIT_SAMPLES; i++)
		if (s->all[i].conn == conn)
			return &s->all[i];
	return NULL;
}

static void end(struct tarpit *t, struct tarpit_conn *c, struct sample *x)
{
	answer_sample(&c->answer, false);
	buf_done(&x->to);
	buf_done(&x->text);
	buf_init(&x->to, MESSAGE_SAMPLE_TO - 1);
	buf_init(&x->text, MESSAGE_SAMPLE);
	x->conn = TARPIT_NONE;
	x->size = 0;
	t->samples->open--;
}

static void begin(struct tarpit *t, struct tarpit_conn *c)
{
	uint64_t hour = clock_wall_s() / HOUR_S;
	struct tarpit_samples *s = t->samples;
	struct sample *x;

	if (!s && t->host->conf.tarpit.sample)
		s = t->samples = samples_new();
	if (!s)
		return;
	if (s->hour != hour) {
		s->hour = hour;
		s->taken = 0;
	}
	x = s->taken + s->open < t->host->conf.tarpit.sample ? find(s, TARPIT_NONE) : NULL;
	if (!x)
		return;
	x->conn = c->id;
	s->open++;
	answer_sample(&c->answer, true);
}

/* What does not fit is left out. */
static void add_recipient(struct sample *x, struct slice path)
{
	if (slice_find(path, '\0') == path.n && slice_find(path, '\n') == path.n &&
		buf_reserve(&x->to, path.n + 1) == ERR_OK) {
		(void)!buf_add(&x->to, path);
		(void)!buf_add_char(&x->to, '\n');
	}
}

static void add_text(struct sample *x, struct slice s)
{
	x->size += (uint32_t)s.n;
	(void)!buf_add(&x->text, slice_head(s, MESSAGE_SAMPLE - x->text.n));
}

static bool send_sample(struct tarpit *t, const struct tarpit_conn *c, struct sample *x)
{
	static uint8_t bytes[MESSAGE_SAMPLE_TO + 2 * MESSAGE_ADDRESS + MESSAGE_NAME + 64];
	static struct msg_sample m;
	struct wr w = wr_init(bytes, sizeof bytes);
	struct slice path, params;
	enum err e = ERR_IO;
	int fd;

	m = (struct msg_sample){ .client = c->client, .size = x->size };
	if (lmtp_path_parse(answer_mail(&c->answer), SLICE_LIT("FROM:"), &path, &params) != ERR_OK)
		path = SLICE_LIT("");
	slice_copy(slice_str(c->answer.case_id), m.case_id, sizeof m.case_id);
	slice_copy(answer_helo(&c->answer), m.helo, sizeof m.helo);
	slice_copy(path, m.sender, sizeof m.sender);
	slice_copy(buf_slice(&x->to), m.recipients, sizeof m.recipients);
	message_put_sample(&w, MSG_SAMPLE, &m);
	fd = whole_file_memory(buf_slice(&x->text), false);
	if (fd >= 0) {
		e = role_host_send(t->host, ROLE_CAPTURE, &w, &fd, 1);
		(void)close(fd);
	}
	return e == ERR_OK;
}

static void hand_over(struct tarpit *t, struct tarpit_conn *c, struct sample *x)
{
	size_t n = x->text.n;

	/* a message that was cut has no final dot in what is here */
	n = n ? answer_undot(x->text.p, n) : 0;
	x->size -= x->size <= MESSAGE_SAMPLE ? (uint32_t)(x->text.n - n) : 0;
	x->text.n = n;
	if (n && send_sample(t, c, x))
		t->samples->taken++;
	end(t, c, x);
}

void tarpit_sample_event(struct tarpit *t, struct tarpit_conn *c, enum answer_event e, struct slice text)
{
	struct sample *x;

	if (e == ANSWER_EVENT_RECIPIENT && c->answer.state == ANSWER_STATE_RECIPIENT && !c->answer.is_sampled &&
		!c->answer.is_handed)
		begin(t, c);
	x = c->answer.is_sampled ? find(t->samples, c->id) : NULL;
	if (!x)
		return;
	if (e == ANSWER_EVENT_SENDER)
		buf_reset(&x->to);
	else if (e == ANSWER_EVENT_RECIPIENT)
		add_recipient(x, text);
	else if (e == ANSWER_EVENT_DATA || e == ANSWER_EVENT_MESSAGE)
		add_text(x, text);
	if (e == ANSWER_EVENT_MESSAGE)
		hand_over(t, c, x);
}

void tarpit_sample_drop(struct tarpit *t, struct tarpit_conn *c)
{
	struct sample *x = c->answer.is_sampled ? find(t->samples, c->id) : NULL;

	if (x)
		end(t, c, x);
}

void tarpit_sample_stop(struct tarpit *t)
{
	for (unsigned i = 0; t->samples && i < TARPIT_SAMPLES; i++) {
		buf_done(&t->samples->all[i].to);
		buf_done(&t->samples->all[i].text);
	}
	free(t->samples);
	t->samples = NULL;
}
