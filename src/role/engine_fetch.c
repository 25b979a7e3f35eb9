/*
 * engine_fetch: see the header.
 * SPDX-License-Identifier: ISC
 */
#include "role/engine_fetch.h"

#include <stdlib.h>

#include "io/log.h"

#define TICK_MS 100

enum err engine_fetch_start(struct engine *e)
{
	e->fetch = calloc(1, sizeof *e->fetch);
	if (!e->fetch)
		return ERR_NOMEM;
	e->fetch->spf = engine_fetch_spf_new();
	e->fetch->lists = engine_fetch_lists_new(e);
	return e->fetch->spf && e->fetch->lists ? ERR_OK : ERR_NOMEM;
}

void engine_fetch_stop(struct engine *e)
{
	if (!e->fetch)
		return;
	loop_remove(e->fetch->tick);
	engine_fetch_spf_free(e->fetch->spf);
	engine_fetch_lists_free(e->fetch->lists);
	free(e->fetch);
	e->fetch = NULL;
}

uint64_t engine_fetch_seq(void)
{
	static uint64_t seq;

	return ++seq;
}

static void on_tick(void *ctx)
{
	struct engine *e = ctx;
	uint64_t now = clock_mono_ms();
	bool spf = engine_fetch_spf_tick(e, now), lists = engine_fetch_lists_tick(e, now);

	if (spf || lists)
		return;
	loop_remove(e->fetch->tick);
	e->fetch->tick = NULL;
}

void engine_fetch_watch(struct engine *e)
{
	if (!e->fetch->tick)
		e->fetch->tick = loop_every(e->host->loop, TICK_MS, on_tick, e);
	if (!e->fetch->tick)
		log_warn("fetch", "text=\"no memory: what waits is settled when the answer comes\"");
}

void engine_fetch_linked(struct engine *e)
{
	engine_fetch_spf_linked(e);
	engine_fetch_spf_second(e, clock_wall_s());
}

void engine_fetch_unlinked(struct engine *e)
{
	engine_fetch_spf_lost(e);
	engine_fetch_lists_lost(e);
}

void engine_fetch_second(struct engine *e, uint64_t now)
{
	engine_fetch_spf_second(e, now);
	engine_fetch_lists_second(e);
}

static void take_set(struct engine *e, struct rd *body)
{
	struct msg_spf_set *m = malloc(sizeof *m); /* large */

	if (m && message_get_spf_set(body, m) == ERR_OK)
		engine_fetch_spf_set(e, m);
	free(m);
}

void engine_fetch_message(struct engine *e, enum message_type t, struct rd *body)
{
	union {
		struct msg_spf_says spf;
		struct msg_dns_says says;
		struct msg_dns_state state;
	} u;

	if (t == MSG_SPF_SET)
		take_set(e, body);
	else if (t == MSG_SPF_SAYS && message_get_spf_says(body, &u.spf) == ERR_OK)
		engine_fetch_spf_says(e, &u.spf);
	else if (t == MSG_DNS_SAYS && message_get_dns_says(body, &u.says) == ERR_OK)
		engine_fetch_lists_says(e, &u.says);
	else if (t == MSG_DNS_STATE && message_get_dns_state(body, &u.state) == ERR_OK)
		engine_fetch_lists_state(e, &u.state);
}

void engine_fetch_status(struct engine *e, json_t *j, json_t *warnings)
{
	json_t *f = json_pack("{s:b, s:o, s:o}", "on", conf_has_fetch(&e->host->conf), "lists",
		engine_fetch_lists_json(e, warnings), "spf", engine_fetch_spf_json(e, warnings));

	(void)json_object_set_new(j, "fetch", f);
}
