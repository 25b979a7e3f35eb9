/*
 * engine_answered: connections of blocked hosts at our own SMTP server, as they
 * end. They are counted at the block; its record is written with the refusals.
 * SPDX-License-Identifier: ISC
 */
#include "role/engine_session.h"

#include "base/escape.h"

static uint32_t add(uint32_t a, uint32_t b)
{
	return a > UINT32_MAX - b ? UINT32_MAX : a + b;
}

void engine_answered_end(struct engine *e, const struct msg_answered_end *m)
{
	uint64_t now = clock_wall_s();
	char client[IPADDR_TEXT], helo[80];
	uint8_t key[RECORD_KEY];
	struct block_entry b;
	struct engine_refused *x;
	void *v;

	e->sessions->answered++;
	e->sessions->answer_s += m->seconds;
	if (!block_index_find(&e->blocks, &m->client, now, &b))
		return; /* it has ended, or was lifted */
	engine_watch(e, "answered", "case=%s client=%s held=%d seconds=%u commands=%u recipients=%u helo=\"%s\"",
		b.case_id, ipaddr_format(&m->client, client), m->is_held, m->seconds, m->commands, m->recipients,
		escape_text(slice_str(m->helo), helo, sizeof helo));
	if (keymap_put(&e->refused, record_subject_key(&b.subject, key), &v, NULL) != ERR_OK)
		return;
	x = v;
	x->prefix = b.subject;
	x->answered = add(x->answered, 1);
	x->held_s = add(x->held_s, m->is_held ? m->seconds : 0);
	x->last = now;
}
