/*
 * engine_insider: mail to traps from our own side: a login, an own network,
 * this host. Nobody is blocked for it; a person must hear of it: at once, then
 * at most once in alarm.repeat with what has come together since. What our own
 * users' vacation programs answer to forged mail is no insider (told apart by
 * the caller).
 * SPDX-License-Identifier: ISC
 */
#include "role/engine.h"

#include <stdio.h>
#include <stdlib.h>

#define INSIDERS 1000 /* users and hosts at a time; beyond, each hit alarms for itself, as often as alarms may */
#define IDS_SHOWN 8   /* queue ids */
#define KEEP_S 86400  /* after the last hit */
#define LOOK_S 10

struct insider {
	uint64_t first, last; /* since the last telling; these three by engine_mono_s */
	uint64_t told;        /* 0: never */
	uint32_t count;       /* not told yet */
	uint32_t trap_id;
	unsigned ids;
	char queue_id[IDS_SHOWN][MESSAGE_QUEUE_ID]; /* the newest, round and round */
	char login[128], client[IPADDR_TEXT];
};

struct engine_insiders {
	struct keymap by_who; /* struct insider */
	uint64_t look_at;
};

enum err engine_insider_start(struct engine *e)
{
	struct engine_insiders *x = calloc(1, sizeof *x);

	if (!x)
		return ERR_NOMEM;
	keymap_init(&x->by_who, e->table_key, sizeof(struct insider), INSIDERS);
	e->insiders = x;
	return ERR_OK;
}

void engine_insider_stop(struct engine *e)
{
	if (e->insiders)
		keymap_done(&e->insiders->by_who);
	free(e->insiders);
	e->insiders = NULL;
}

static void list_ids(const struct insider *i, char *to, size_t size)
{
	unsigned n = i->ids < IDS_SHOWN ? i->ids : IDS_SHOWN;
	size_t at = 0;

	to[0] = '\0';
	for (unsigned k = 0; k < n && at < size; k++) {
		int w = snprintf(to + at, size - at, "%s%s", k ? " " : "", i->queue_id[k]);

		at += w > 0 ? (size_t)w : 0;
	}
}

static bool is_due(const struct engine *e, const struct insider *i, uint64_t now)
{
	return !i->told || now >= i->told + e->host->conf.alarm.repeat_s;
}

static void tell(struct engine *e, struct insider *i, uint64_t now)
{
	char ids[IDS_SHOWN * MESSAGE_QUEUE_ID + 8], text[900];

	list_ids(i, ids, sizeof ids);
	if (i->count == 1)
		(void)snprintf(text, sizeof text,
			"mail to trap T-%u from our own side: login %s, address %s, queue id %s", i->trap_id,
			i->login[0] ? i->login : "none", i->client[0] ? i->client : "local", ids[0] ? ids : "none");
	else
		(void)snprintf(text, sizeof text,
			"%u messages to traps in %llu minutes from our own side, the last to T-%u: login %s, address "
			"%s, "
			"queue ids %s; what of it still waits can be held: postsuper -h %s",
			i->count, (unsigned long long)((i->last - i->first) / 60 + 1), i->trap_id,
			i->login[0] ? i->login : "none", i->client[0] ? i->client : "local", ids[0] ? ids : "none",
			ids[0] ? ids : "ID");
	engine_alarm(e, "insider", i->login[0] ? i->login : i->client, text);
	i->told = now;
	i->count = 0;
	i->ids = 0;
}

void engine_insider_note(
	struct engine *e, const char *login, const struct ipaddr *client, uint32_t trap_id, const char *queue_id)
{
	uint64_t now = engine_mono_s();
	struct insider one = { 0 }, *i = &one;
	char who[160];
	void *v;

	(void)ipaddr_format(client, one.client);
	(void)engine_hide_escaped(e, login ? login : "", one.login, sizeof one.login);
	(void)snprintf(who, sizeof who, "%s", one.login[0] ? one.login : one.client);
	engine_count(e, COUNT_INSIDER, clock_wall_s());
	if (keymap_put(&e->insiders->by_who, slice_str(who), &v, NULL) == ERR_OK) {
		i = v;
		memcpy(i->login, one.login, sizeof i->login);
		memcpy(i->client, one.client, sizeof i->client);
	}
	if (i->count++ == 0)
		i->first = now;
	i->last = now;
	i->trap_id = trap_id;
	if (queue_id[0])
		slice_copy(slice_str(queue_id), i->queue_id[i->ids++ % IDS_SHOWN], sizeof i->queue_id[0]);
	if (is_due(e, i, now))
		tell(e, i, now);
}

struct sweep {
	struct engine *e;
	uint64_t now;
};

static bool sweep_one(void *value, void *ctx)
{
	struct insider *i = value;
	const struct sweep *s = ctx;

	if (i->count && is_due(s->e, i, s->now))
		tell(s->e, i, s->now);
	/* what has not been told yet, and what must not be told again, stays */
	return i->count || !is_due(s->e, i, s->now) || i->last + KEEP_S > s->now;
}

void engine_insider_tick(struct engine *e)
{
	struct sweep s = { e, engine_mono_s() };

	if (s.now < e->insiders->look_at)
		return;
	e->insiders->look_at = s.now + LOOK_S;
	(void)keymap_retain(&e->insiders->by_who, 0, sweep_one, &s);
}
