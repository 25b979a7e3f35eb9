/*
 * transaction: two bounded maps and a sweeping hand.
 * SPDX-License-Identifier: ISC
 */
#include "core/transaction.h"

#define SWEEP_SLOTS 4096 /* looked at in one call: bounded work on the request thread */

void transactions_init(struct transactions *t, const uint8_t key[SIPHASH_KEY])
{
	keymap_init(&t->by_instance, key, sizeof(struct transaction), TRANSACTION_MAX);
	keymap_init(&t->by_queue_id, key, sizeof(struct queued), TRANSACTION_MAX);
	t->dropped = 0;
}

void transactions_done(struct transactions *t)
{
	keymap_done(&t->by_instance);
	keymap_done(&t->by_queue_id);
}

struct transaction *transaction_find(struct transactions *t, struct slice instance)
{
	return instance.n ? keymap_get(&t->by_instance, instance) : NULL;
}

struct transaction *transaction_open(struct transactions *t, struct slice instance, uint64_t now)
{
	void *v;

	if (instance.n == 0 || keymap_put(&t->by_instance, instance, &v, NULL) != ERR_OK) {
		t->dropped++;
		return NULL;
	}
	((struct transaction *)v)->at = now;
	return v;
}

static bool has_id(const uint32_t *id, unsigned n, uint32_t trap_id)
{
	for (unsigned i = 0; i < n && i < TRANSACTION_TRAPS; i++)
		if (id[i] == trap_id)
			return true;
	return false;
}

bool transaction_add_trap(struct transaction *x, uint32_t trap_id)
{
	if (has_id(x->trap_id, x->traps, trap_id))
		return true;
	if (x->traps >= TRANSACTION_TRAPS) {
		if (x->traps < UINT8_MAX)
			x->traps++;
		return false;
	}
	x->trap_id[x->traps++] = trap_id;
	return true;
}

void transaction_drop(struct transactions *t, struct slice instance)
{
	(void)keymap_del(&t->by_instance, instance);
}

struct queued *queued_find(struct transactions *t, struct slice queue_id)
{
	return queue_id.n ? keymap_get(&t->by_queue_id, queue_id) : NULL;
}

struct queued *queued_open(struct transactions *t, struct slice queue_id, uint64_t now)
{
	void *v;

	if (queue_id.n == 0 || keymap_put(&t->by_queue_id, queue_id, &v, NULL) != ERR_OK) {
		t->dropped++;
		return NULL;
	}
	((struct queued *)v)->at = now;
	return v;
}

bool queued_has_trap(const struct queued *q, uint32_t trap_id)
{
	return has_id(q->trap_id, q->traps, trap_id) || q->traps > TRANSACTION_TRAPS;
}

struct sweep {
	uint64_t now;
	void (*probe)(const struct transaction *x, void *ctx);
	void *ctx;
};

/* Still within span of when it was last seen? A time after now is of a clock that was ahead: it begins now. */
static bool is_young(uint64_t *at, uint64_t span, uint64_t now)
{
	if (*at > now)
		*at = now;
	return *at + span > now;
}

static bool keep_transaction(void *value, void *ctx)
{
	struct transaction *x = value;
	const struct sweep *s = ctx;

	if (!is_young(&x->at, TRANSACTION_IDLE_S, s->now) && !x->is_probed) {
		x->is_probed = true;
		s->probe(x, s->ctx);
	}
	return is_young(&x->at, TRANSACTION_EXPIRY_S, s->now);
}

static bool keep_queued(void *value, void *ctx)
{
	struct queued *q = value;
	const struct sweep *s = ctx;

	return is_young(&q->at, q->is_asked || q->is_logged ? TRANSACTION_QUEUE_S : TRANSACTION_LOGIN_S, s->now);
}

void transactions_sweep(
	struct transactions *t, uint64_t now, void (*probe)(const struct transaction *x, void *ctx), void *ctx)
{
	struct sweep s = { now, probe, ctx };

	(void)keymap_retain(&t->by_instance, SWEEP_SLOTS, keep_transaction, &s);
	(void)keymap_retain(&t->by_queue_id, SWEEP_SLOTS, keep_queued, &s);
}
