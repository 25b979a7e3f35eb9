/*
 * tarpit_wheel: a ring of lists, one per tick. What is due later than one turn
 * is looked at once a turn, which costs nothing beside the rest.
 * SPDX-License-Identifier: ISC
 */
#include "role/tarpit.h"

void tarpit_wheel_init(struct tarpit *t)
{
	for (unsigned i = 0; i < TARPIT_SLOTS; i++)
		t->wheel[i] = TARPIT_NONE;
	t->wheel_at = clock_mono_ms() / TARPIT_TICK_MS;
}

void tarpit_wheel_del(struct tarpit *t, struct tarpit_conn *c)
{
	if (c->slot == UINT16_MAX)
		return;
	if (c->prev != TARPIT_NONE)
		tarpit_conn_at(t, c->prev)->next = c->next;
	else
		t->wheel[c->slot] = c->next;
	if (c->next != TARPIT_NONE)
		tarpit_conn_at(t, c->next)->prev = c->prev;
	c->slot = UINT16_MAX;
}

void tarpit_wheel_put(struct tarpit *t, struct tarpit_conn *c, uint64_t due_ms)
{
	uint64_t tick = due_ms / TARPIT_TICK_MS + 1; /* never too early */

	if (tick <= t->wheel_at)
		tick = t->wheel_at + 1;
	if (tick >= t->wheel_at + TARPIT_SLOTS)
		tick = t->wheel_at + TARPIT_SLOTS - 1;
	tarpit_wheel_del(t, c);
	c->slot = (uint16_t)(tick % TARPIT_SLOTS);
	c->prev = TARPIT_NONE;
	c->next = t->wheel[c->slot];
	if (c->next != TARPIT_NONE)
		tarpit_conn_at(t, c->next)->prev = c->id;
	t->wheel[c->slot] = c->id;
}

/* While the kernel is at work for one, memory brings the next. */
static void fetch_ahead(const struct tarpit_conn *c)
{
	for (size_t i = 0; i < sizeof *c; i += 64)
		__builtin_prefetch((const char *)c + i, 1);
}

void tarpit_wheel_turn(struct tarpit *t, uint64_t now_ms)
{
	uint64_t to = now_ms / TARPIT_TICK_MS;
	unsigned done = 0;

	t->now_ms = now_ms;
	if (to > t->wheel_at + TARPIT_SLOTS)
		t->wheel_at = to - TARPIT_SLOTS; /* we were stopped: each slot once is enough */
	while (t->wheel_at < to) {
		uint32_t *head = &t->wheel[++t->wheel_at % TARPIT_SLOTS];

		/* who is looked at leaves the slot: put never chooses the tick that is now */
		while (*head != TARPIT_NONE && tarpit_load_may(t, done)) {
			struct tarpit_conn *c = tarpit_conn_at(t, *head);

			if (c->next != TARPIT_NONE)
				fetch_ahead(tarpit_conn_at(t, c->next));
			tarpit_talk(t, c);
			done++;
		}
		if (*head != TARPIT_NONE) {
			t->wheel_at--; /* goes on here, at the next tick */
			return;
		}
	}
}
