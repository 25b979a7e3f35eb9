/*
 * engine_ack: capture's 250 waits until the hit is on disk. The answers that
 * wait stand in a ring, in the order of the hits; at its cap, and when the
 * store fails, the answer is "later" and Postfix keeps the message.
 * SPDX-License-Identifier: ISC
 */
#include <stdlib.h>

#include "role/engine.h"

struct engine_acks {
	struct {
		uint64_t ticket, seq;
	} ack[ENGINE_ACKS]; /* ring: from first, count long */
	size_t first, count;
};

enum err engine_ack_start(struct engine *e)
{
	e->acks = calloc(1, sizeof *e->acks);
	return e->acks ? ERR_OK : ERR_NOMEM;
}

void engine_ack_stop(struct engine *e)
{
	free(e->acks);
	e->acks = NULL;
}

void engine_ack_send(struct engine *e, uint64_t seq, enum hit_ack result)
{
	uint8_t out[64];
	struct wr w = wr_init(out, sizeof out);

	message_put_hit_ack(&w, MSG_HIT_ACK, &(struct msg_hit_ack){ seq, (uint8_t)result });
	(void)role_host_send(e->host, ROLE_CAPTURE, &w, NULL, 0);
}

void engine_ack_when_durable(struct engine *e, uint64_t seq, uint64_t ticket)
{
	struct engine_acks *h = e->acks;

	if (ticket <= e->durable) {
		engine_ack_send(e, seq, HIT_STORED);
		return;
	}
	if (h->count == ENGINE_ACKS) {
		engine_ack_send(e, seq, HIT_LATER);
		return;
	}
	h->ack[(h->first + h->count) % ENGINE_ACKS].ticket = ticket;
	h->ack[(h->first + h->count++) % ENGINE_ACKS].seq = seq;
	store_kick(e->store);
}

void engine_ack_durable(struct engine *e)
{
	struct engine_acks *h = e->acks;
	uint64_t lost;
	bool is_failed = store_state(e->store, &lost) != ERR_OK;

	e->durable = store_durable(e->store);
	while (h->count && h->ack[h->first].ticket <= e->durable) {
		engine_ack_send(e, h->ack[h->first].seq, HIT_STORED);
		h->first = (h->first + 1) % ENGINE_ACKS;
		h->count--;
	}
	if (!is_failed)
		return;
	while (h->count) { /* their group was lost: Postfix keeps the messages */
		engine_ack_send(e, h->ack[h->first].seq, HIT_LATER);
		h->first = (h->first + 1) % ENGINE_ACKS;
		h->count--;
	}
}

void engine_ack_drop(struct engine *e)
{
	e->acks->count = 0;
}

void engine_ack_tick(struct engine *e)
{
	if (e->acks->count)
		engine_ack_durable(e);
}
