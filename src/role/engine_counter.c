/*
 * engine_counter: counters by the hour for a week, and which address makes most
 * of the connections (a proxy or NAT in front would be blocked for everybody).
 * The busiest clients are found with the space-saving algorithm (Metwally et
 * al., 2005): a fixed number of counters, a newcomer takes over the smallest.
 * SPDX-License-Identifier: ISC
 */
#include <stdio.h>
#include <stdlib.h>

#include "io/log.h"
#include "role/engine.h"

#define CLIENTS 64
#define CLIENT_MINIMUM 1000 /* connections before a share means anything */
#define CLIENT_WINDOW_S 86400
#define CLIENT_SAMPLE 8 /* one transaction in so many is looked at: enough for a share of a thousand */

struct engine_client {
	uint64_t since;
	uint64_t total;
	uint32_t dice;
	struct {
		struct ipaddr address;
		uint64_t count;
	} top[CLIENTS];
};

static struct engine_hour *hour_of(struct engine *e, uint64_t now)
{
	struct engine_hour *h = &e->hour[now / 3600 % ENGINE_HOURS];

	if (h->hour != now / 3600)
		*h = (struct engine_hour){ .hour = now / 3600 };
	return h;
}

void engine_count(struct engine *e, enum counter c, uint64_t now)
{
	hour_of(e, now)->count[c]++;
}

uint64_t engine_counter_sum(const struct engine *e, enum counter c, uint64_t now, unsigned hours)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < ENGINE_HOURS; i++)
		if (e->hour[i].hour && e->hour[i].hour + hours > now / 3600 && e->hour[i].hour <= now / 3600)
			sum += e->hour[i].count[c];
	return sum;
}

static struct slice hour_key(uint64_t hour, char to[32])
{
	int n = snprintf(to, 32, "hour-%u", (unsigned)(hour % ENGINE_HOURS));

	return slice_of(to, (size_t)n);
}

static void load_hour(struct engine *e, unsigned i)
{
	char key[32];
	uint8_t value[16 + 8 * COUNT_KINDS];
	size_t n;
	struct engine_hour h = { 0 };
	struct rd r;

	if (store_get(e->store, TABLE_META, hour_key(i, key), value, sizeof value, &n) != ERR_OK)
		return;
	r = rd_init(value, n);
	h.hour = rd_u64(&r);
	for (int c = 0; c < COUNT_KINDS; c++)
		h.count[c] = rd_u64(&r);
	if (rd_end(&r) && h.hour % ENGINE_HOURS == i)
		e->hour[i] = h;
}

enum err engine_counter_load(struct engine *e)
{
	for (unsigned i = 0; i < ENGINE_HOURS; i++)
		load_hour(e, i);
	e->client = calloc(1, sizeof *e->client);
	return e->client ? ERR_OK : ERR_NOMEM;
}

void engine_counter_flush(struct engine *e)
{
	struct engine_hour *h = hour_of(e, clock_wall_s());
	uint8_t value[16 + 8 * COUNT_KINDS];
	struct wr w = wr_init(value, sizeof value);
	char key[32];

	wr_u64(&w, h->hour);
	for (int c = 0; c < COUNT_KINDS; c++)
		wr_u64(&w, h->count[c]);
	(void)store_put(e->store, TABLE_META, hour_key(h->hour, key), wr_slice(&w));
}

void engine_counter_client(struct engine *e, const struct ipaddr *client, uint64_t now)
{
	struct engine_client *c = e->client;
	size_t least = 0;

	c->dice = c->dice * 1664525u + 1013904223u; /* Numerical Recipes' generator: no rhythm of the clients fits it */
	if (c->dice >> 29)
		return;
	if (now >=
		c->since + CLIENT_WINDOW_S) { /* half of yesterday stays, so that a share never starts from nothing */
		c->since = now;
		c->total /= 2;
		for (size_t i = 0; i < CLIENTS; i++)
			c->top[i].count /= 2;
	}
	c->total += CLIENT_SAMPLE;
	for (size_t i = 0; i < CLIENTS; i++) {
		if (c->top[i].count && ipaddr_eq(&c->top[i].address, client)) {
			c->top[i].count += CLIENT_SAMPLE;
			return;
		}
		if (c->top[i].count < c->top[least].count)
			least = i;
	}
	c->top[least].address = *client;
	c->top[least].count += CLIENT_SAMPLE;
}

unsigned engine_counter_top(const struct engine *e, struct ipaddr *ret_client)
{
	const struct engine_client *c = e->client;
	size_t most = 0;

	if (c->total < CLIENT_MINIMUM)
		return 0;
	for (size_t i = 1; i < CLIENTS; i++)
		if (c->top[i].count > c->top[most].count)
			most = i;
	*ret_client = c->top[most].address;
	return (unsigned)(c->top[most].count * 100 / c->total);
}
