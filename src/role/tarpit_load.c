/*
 * tarpit_load: how much is taken on: the caps of this process, the pace, and
 * who is let go because his block is no more. A cap is worked out anew at each
 * reload and never lowered by an error: descriptors or memory that are missing
 * for a moment make a pause of a moment (tarpit_accept.c).
 *
 * Each of several processes has its part of what is configured, rounded up, and
 * its part of the share of a core.
 * SPDX-License-Identifier: ISC
 */
#include "role/tarpit.h"

#include "io/log.h"

#include <sys/resource.h>

#define CONNTRACK_PART 4 /* a quarter of the tracking table, at most: the rest is for the host's other business */
#define SWEEP_TICKS 100  /* all connections are looked at in so many */
#define SWEEP_MS 60000   /* and from time to time though nothing was heard of: the engine may be down */
#define SWEEP_LEAST 16

static uint32_t part_of(const struct tarpit *t, uint32_t all)
{
	uint32_t n = t->host->part.count ? t->host->part.count : 1;

	return all / n + (all % n != 0);
}

static void lower_cap(struct tarpit *t, uint64_t to, enum tarpit_cap why)
{
	if (to >= t->state.cap)
		return;
	t->state.cap = (uint32_t)to;
	t->state.why = (uint8_t)why;
}

static uint64_t files(void)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r) != 0 || r.rlim_cur > TARPIT_MOST)
		return TARPIT_MOST;
	return r.rlim_cur > 2 * TARPIT_SPARE ? r.rlim_cur - TARPIT_SPARE : TARPIT_SPARE;
}

uint32_t tarpit_load_most(void)
{
	return (uint32_t)files();
}

void tarpit_load_take(struct tarpit *t)
{
	const struct conf *c = &t->host->conf;
	uint8_t before = t->state.why;

	t->state.wished = t->state.cap = part_of(t, c->tarpit.connections);
	t->state.why = TARPIT_CAP_CONFIGURED;
	t->held_cap = part_of(t, c->tarpit.held);
	lower_cap(t, files() < t->most ? files() : t->most, TARPIT_CAP_DESCRIPTORS);
	if (t->host->part.conntrack)
		lower_cap(t, part_of(t, t->host->part.conntrack / CONNTRACK_PART), TARPIT_CAP_CONNTRACK);
	t->cap = t->state.cap;
	if (t->state.why != TARPIT_CAP_CONFIGURED && t->state.why != before)
		log_warn("tarpit", "cap=%u wished=%u reason=\"%s\"", t->cap, t->state.wished,
			t->state.why == TARPIT_CAP_CONNTRACK ? "nf_conntrack_max" : "file descriptors");
	pace_set(&t->pace, (uint32_t)c->tarpit.pace_s * 1000, t->host->part.count);
	t->site.pace_ms = t->pace.now_ms;
}

/* ---- the pace */

static uint64_t cpu_us(void)
{
	struct rusage u;

	if (getrusage(RUSAGE_SELF, &u) != 0)
		return 0;
	return (uint64_t)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000000 +
	       (uint64_t)(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

void tarpit_load_second(struct tarpit *t)
{
	uint64_t used = cpu_us(), now = clock_mono_ms();

	if (t->load_ms)
		pace_step(&t->pace, used - t->cpu_us, (now - t->load_ms) * 1000);
	t->cpu_us = used;
	t->load_ms = now;
	t->site.pace_ms = t->pace.now_ms;
}

/* ---- who is held */

void tarpit_hold(struct tarpit *t, struct tarpit_conn *c)
{
	c->answer.is_held = true;
	t->held++;
	t->held_begun_ms += c->answer.begun_ms;
}

void tarpit_let_go(struct tarpit *t, struct tarpit_conn *c)
{
	if (!c->answer.is_held)
		return;
	c->answer.is_held = false;
	t->held--;
	t->held_begun_ms -= c->answer.begun_ms;
	t->held_ms += t->now_ms - c->answer.begun_ms;
}

/* ---- who is blocked no more */

static void check(struct tarpit *t, struct tarpit_conn *c)
{
	struct block_entry b;

	if (c->fd < 0 || c->answer.state >= ANSWER_STATE_HANDED || tarpit_find(t, &c->client, &b))
		return;
	answer_release(&c->answer);
	tarpit_talk(t, c);
}

/* True: one is under way. */
static bool sweep_begin(struct tarpit *t)
{
	uint64_t removed = t->has_view ? block_view_removed(&t->view) : 0;

	if (t->is_sweeping)
		return true;
	if (removed == t->removed && t->now_ms - t->swept_ms < SWEEP_MS)
		return false;
	t->removed = removed;
	t->swept_ms = t->now_ms;
	t->sweep = 0;
	return true;
}

void tarpit_load_sweep(struct tarpit *t)
{
	uint32_t all = t->pools * TARPIT_POOL, end;

	if (!sweep_begin(t))
		return;
	for (end = t->sweep + all / SWEEP_TICKS + SWEEP_LEAST; t->sweep < end && t->sweep < all; t->sweep++)
		check(t, tarpit_conn_at(t, t->sweep));
	t->is_sweeping = t->sweep < all;
}
