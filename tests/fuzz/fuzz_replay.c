/*
 * fuzz_replay: any bytes as a mail log through replay and suggest: parser,
 * sessions, world. First byte: which machine each line is from.
 * SPDX-License-Identifier: ISC
 */
#include "core/replay_world.h"
#include "core/suggest.h"

#include <stdlib.h>

#define NOW UINT64_C(1795298935)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct suggest *suggest;
static uint64_t tries;

static void require(bool is)
{
	if (!is)
		abort();
}

static void on_event(const struct replay_event *e, void *world)
{
	require(e->type >= REPLAY_CONNECT && e->type <= REPLAY_MAIL);
	require(e->type != REPLAY_MAIL || e->mail);
	require(e->type == REPLAY_MAIL || e->client.family);
	tries += e->type == REPLAY_TRY;
	replay_world_event(e, world);
	suggest_event(e, suggest);
}

static void on_good(const struct replay_refusal *r, void *ctx)
{
	(void)ctx;
	require(r->is_in[REPLAY_LEAST] || r->is_in[REPLAY_MOST]);
}

static void add_trap(struct trap_table *t, const char *text)
{
	struct trap_line l;
	struct trap *trap;
	char why[200];
	bool any;

	require(trap_file_line(slice_str(text), 1, &l, &any, why, sizeof why) == ERR_OK);
	require(trap_table_add(t, &l, &trap) == ERR_OK);
	trap->id = (uint32_t)trap_table_count(t);
	trap->state = TRAP_ARMED;
}

static void lines_play(struct slice in, bool is_two, struct replay_log *log)
{
	struct maillog_clock clock = { .now = NOW };
	struct slice line;

	for (unsigned n = 0; slice_line(&in, &line); n++) {
		struct maillog_line l, alone;
		enum err e = maillog_line_parse_next(line, &clock, &l);

		require(maillog_line_parse(line, NOW, 0, &alone) == e);
		if (e != ERR_OK)
			continue;
		require(l.time == alone.time && l.kind == alone.kind);
		if (is_two)
			l.host = n % 2 ? SLICE_LIT("a") : SLICE_LIT("b");
		require(suggest_line(suggest, &l) == ERR_OK);
		require(replay_log_add(log, &l) == ERR_OK);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t key[SIPHASH_KEY] = { 3 };
	static struct conf conf;
	struct allow allow;
	struct subject_rules rules;
	struct trap_table *traps = trap_table_new(key, "+");
	struct replay_setup setup = {
		.conf = &conf, .allow = &allow, .rules = &rules, .traps = traps, .good = on_good
	};
	struct suggest_found found = { 0 };
	struct replay_world *world;
	struct replay_log *log;
	const struct replay_sums *sums;

	conf_defaults(&conf);
	allow_init(&allow);
	subject_rules_init(&rules);
	require(traps && allow_seal(&allow) == ERR_OK && subject_rules_make(&rules, &conf) == ERR_OK);
	add_trap(traps, "nobody@pfx.test");
	add_trap(traps, "@dead.test");
	suggest = suggest_new(key, "+");
	world = replay_world_new(key, &setup);
	log = replay_log_new(key, NULL, on_event, world);
	require(suggest && world && log);
	tries = 0;
	lines_play(slice_of(data, size), size && data[0] & 1, log);
	replay_log_end(log);
	replay_world_end(world);
	sums = replay_world_sums(world);
	require(sums->all.tries == tries);
	for (int b = 0; b < REPLAY_BOUNDS; b++) {
		const struct replay_count *k = &sums->all.bound[b];

		require(k->messages == k->good + k->spam + k->unknown);
		require(k->connections <= sums->all.connections);
	}
	require(suggest_find(suggest, 5, &found) == ERR_OK && found.count <= 5);
	free(found.item);
	replay_log_free(log);
	replay_world_free(world);
	suggest_free(suggest);
	trap_table_free(traps);
	allow_done(&allow);
	subject_rules_done(&rules);
	return 0;
}
