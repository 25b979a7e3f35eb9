/*
 * engine_tarpit: what the processes of the tarpit tell about themselves, added
 * up for `status`. Seconds held are kept by the hour for a day, in memory.
 * SPDX-License-Identifier: ISC
 */
#include <stdlib.h>

#include "role/engine_session.h"

#define HOURS 24

struct engine_tarpits {
	unsigned processes; /* as the last one that spoke said */
	struct msg_tarpit_state state[ROLE_TARPITS];
	struct {
		uint64_t hour, seconds;
	} held[HOURS];
};

static const char *const reasons[TARPIT_CAPS] = { "configured", "descriptors", "conntrack" };
static const char *const tls_reasons[TARPIT_TLSES] = { "", "files", "key" };

/* ROLE_TARPITS: this is none of them. */
static unsigned number_of(enum role r)
{
	unsigned n = 0;

	while (n < ROLE_TARPITS && role_tarpit(n) != r)
		n++;
	return n;
}

static void add_held(struct engine_tarpits *x, uint64_t seconds)
{
	uint64_t hour = clock_wall_s() / 3600;

	if (x->held[hour % HOURS].hour != hour) {
		x->held[hour % HOURS].hour = hour;
		x->held[hour % HOURS].seconds = 0;
	}
	x->held[hour % HOURS].seconds += seconds;
}

void engine_tarpit_message(struct engine *e, enum role peer, const struct msg_tarpit_state *m)
{
	unsigned n = number_of(peer);
	struct msg_tarpit_state *was;

	if (!e->tarpits)
		e->tarpits = calloc(1, sizeof *e->tarpits);
	if (!e->tarpits || n >= ROLE_TARPITS)
		return;
	was = &e->tarpits->state[n];
	/* what it held before this link is not of today; more than all its connections can have been held since: not believed */
	if (was->processes && m->held_s >= was->held_s && m->held_s - was->held_s < UINT32_MAX)
		add_held(e->tarpits, m->held_s - was->held_s);
	*was = *m;
	e->tarpits->processes = m->processes;
}

void engine_tarpit_unlinked(struct engine *e, enum role peer)
{
	unsigned n = number_of(peer);

	if (e->tarpits && n < ROLE_TARPITS)
		e->tarpits->state[n] = (struct msg_tarpit_state){ 0 };
}

void engine_tarpit_stop(struct engine *e)
{
	free(e->tarpits);
	e->tarpits = NULL;
}

unsigned engine_tarpit_down(const struct engine *e)
{
	unsigned all = e->tarpits && e->tarpits->processes ? e->tarpits->processes : 1, down = 0;

	for (unsigned i = 0; i < all && i < ROLE_TARPITS; i++)
		down += e->host->link[role_tarpit(i)] == NULL;
	return down;
}

static uint64_t held_today(const struct engine_tarpits *x)
{
	uint64_t hour = clock_wall_s() / 3600, sum = 0;

	for (unsigned i = 0; i < HOURS; i++)
		if (x->held[i].hour + HOURS > hour && x->held[i].hour <= hour)
			sum += x->held[i].seconds;
	return sum;
}

struct sum {
	uint64_t connections, held, tls, cap, wished, taken, refused, shed, pauses, bytes, held_s;
	uint32_t pace_ms, pause_ms;
	bool is_paused;
	uint8_t why, tls_off;
};

static struct sum add_up(const struct engine_tarpits *x)
{
	struct sum s = { 0 };

	for (unsigned i = 0; i < ROLE_TARPITS; i++) {
		const struct msg_tarpit_state *m = &x->state[i];

		s.connections += m->connections;
		s.held += m->held;
		s.tls += m->tls;
		s.cap += m->cap;
		s.wished += m->wished;
		s.taken += m->taken;
		s.refused += m->refused;
		s.shed += m->shed;
		s.pauses += m->pauses;
		s.bytes += m->bytes;
		s.held_s += m->held_s;
		s.pace_ms = m->pace_ms > s.pace_ms ? m->pace_ms : s.pace_ms;
		s.pause_ms = m->pause_ms > s.pause_ms ? m->pause_ms : s.pause_ms;
		s.is_paused = s.is_paused || m->is_paused;
		s.why = m->why ? m->why : s.why;
		s.tls_off = m->tls_off ? m->tls_off : s.tls_off;
	}
	return s;
}

static void warn(json_t *warnings, const struct sum *s)
{
	if (s->is_paused)
		(void)json_array_append_new(
			warnings, json_string("the tarpit takes no connections now: no descriptors or no memory left"));
	if (s->tls_off)
		(void)json_array_append_new(warnings,
			json_string(s->tls_off == TARPIT_TLS_SITE
					    ? "the tarpit offers no TLS: tls-certificate or tls-key is no good (the "
					      "log says why)"
					    : "the tarpit offers no TLS: no key could be made (the log says why)"));
	if (s->why)
		(void)json_array_append_new(
			warnings, json_sprintf("the tarpit takes %llu connections, not the %llu configured: %s",
					  (unsigned long long)s->cap, (unsigned long long)s->wished,
					  s->why == TARPIT_CAP_CONNTRACK ? "a quarter of nf_conntrack_max"
									 : "file descriptors (LimitNOFILE)"));
}

void engine_tarpit_status(const struct engine *e, json_t *j, json_t *warnings)
{
	const struct engine_tarpits *x = e->tarpits;
	struct sum s;

	if (!x || !conf_has_tarpit(&e->host->conf))
		return;
	s = add_up(x);
	(void)json_object_set_new(j, "tarpit",
		json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:s, s:s, s:b, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, "
			  "s:I}",
			"processes", (json_int_t)x->processes, "down", (json_int_t)engine_tarpit_down(e), "connections",
			(json_int_t)s.connections, "held", (json_int_t)s.held, "tls", (json_int_t)s.tls, "cap",
			(json_int_t)s.cap, "configured", (json_int_t)s.wished, "cap_reason", reasons[s.why], "tls_off",
			tls_reasons[s.tls_off], "paused", s.is_paused, "pace_ms", (json_int_t)s.pace_ms, "taken",
			(json_int_t)s.taken, "refused", (json_int_t)s.refused, "shed", (json_int_t)s.shed, "pauses",
			(json_int_t)s.pauses, "pause_ms", (json_int_t)s.pause_ms, "bytes", (json_int_t)s.bytes,
			"held_seconds", (json_int_t)s.held_s, "held_seconds_24h", (json_int_t)held_today(x)));
	warn(warnings, &s);
}
