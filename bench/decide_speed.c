/*
 * decide_speed: microseconds of CPU for one decision with everything on: who is
 * charged, the ledger, the score with its dedupe ring and its list of traps,
 * the block, the breaker. Hosts of every kind take turns.
 *   decide_speed [CALLS]
 * SPDX-License-Identifier: ISC
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "core/breaker.h"
#include "core/charge.h"
#include "core/decide.h"
#include "core/ledger.h"
#include "core/score.h"

#define HOSTS 4096 /* more than fit into the second-level cache */
#define CALLS 2000000ul
#define START UINT64_C(1768000000)
#define ROUNDS 9

struct host {
	struct record_hit_sum sum;
	struct record_block block;
	struct record_ledger ledger;
	bool has_block;
};

static struct conf conf;
static struct breaker breaker;

static uint64_t splitmix(uint64_t *s)
{
	uint64_t z = *s += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

/* Two weeks of mail for every third, a full ring and many traps for every second. */
static void make_hosts(struct host *h, uint64_t *seed)
{
	for (size_t i = 0; i < HOSTS; i++) {
		bool is_retry;

		h[i] = (struct host){ .has_block = false };
		for (uint64_t day = 0; i % 3 == 0 && day < 14; day++)
			ledger_add(&h[i].ledger, START - (14 - day) * 86400, 5);
		for (uint32_t t = 0; i % 2 && t < 40; t++)
			(void)score_add(
				&h[i].sum, &conf, GRADE_UNSEEN, 1, t + 1, splitmix(seed), START - 86400, &is_retry);
	}
}

static struct decide_event event_of(size_t i, uint64_t random)
{
	static const enum grade grades[] = { GRADE_CONFIRMED, GRADE_PROBE, GRADE_BULK, GRADE_UNSEEN, GRADE_BACKSCATTER,
		GRADE_AUTOMATIC };
	struct decide_event e = {
		.grade = grades[random % 6],
		.trap_id = (uint32_t)(random >> 8) % 100,
		.trap_weight = 1,
		.tag = SLICE_LIT("website"),
		.digest = random,
		.sender_digest = random >> 5,
		.name = SLICE_LIT("mail.kern.example"),
		.sender = SLICE_LIT("news@kern.example"),
		.random = random,
	};

	e.subject.addr.family = 4;
	e.subject.addr.b[2] = (uint8_t)(i >> 8);
	e.subject.addr.b[3] = (uint8_t)i;
	e.subject.len = 32;
	return e;
}

/* As engine_hit does it; returns whether a block was made. */
static bool decide_one(struct host *h, struct decide_event *e, uint64_t now)
{
	struct charge_facts facts = { .is_armed = true, .was_asked = true, .is_named = true, .is_orcpt = true };
	struct breaker_facts judged = { .good = ledger_good(&h->ledger, now) };
	struct decide_view view = { &conf, &h->sum, h->has_block ? &h->block : NULL, judged.good, false };
	struct decide_verdict v;

	if (charge_of(&facts, &e->grade) != CHARGE_CLIENT)
		return false;
	decide_hit(&view, e, now, &v);
	if (v.kind == DECIDE_BLOCK) {
		judged.mails = ledger_recent(&h->ledger, now);
		judged.traps = v.sum.traps;
		if (breaker_judge(&breaker, &conf, &judged, now) != BREAKER_ACT)
			v.block.state = BLOCK_HELD;
		breaker_note(&breaker, &judged, now);
	}
	if (v.kind != DECIDE_RETRY)
		h->sum = v.sum;
	if (v.kind == DECIDE_BLOCK || v.kind == DECIDE_RENEW) {
		h->block = v.block;
		h->has_block = true;
	}
	return v.kind == DECIDE_BLOCK;
}

static double now_us(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static int by_value(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

int main(int argc, char **argv)
{
	unsigned long calls = argc > 1 ? strtoul(argv[1], NULL, 10) : CALLS, blocks = 0;
	struct host *h = calloc(HOSTS, sizeof *h);
	uint64_t seed = 1;
	double us[ROUNDS];

	if (!h || calls < ROUNDS)
		return 2;
	conf_defaults(&conf);
	make_hosts(h, &seed);
	for (unsigned r = 0; r < ROUNDS; r++) {
		double from = now_us();

		for (unsigned long i = 0; i < calls / ROUNDS; i++) {
			uint64_t random = splitmix(&seed);
			size_t k = (size_t)(random >> 40) % HOSTS;
			struct decide_event e = event_of(k, random);

			blocks += decide_one(&h[k], &e, START + r * 86400 + i);
		}
		us[r] = (now_us() - from) / (double)(calls / ROUNDS);
	}
	qsort(us, ROUNDS, sizeof us[0], by_value);
	(void)printf("decisions=%lu blocks=%lu p50_us=%.3f best_us=%.3f worst_us=%.3f\n", calls / ROUNDS * ROUNDS,
		blocks, us[ROUNDS / 2], us[0], us[ROUNDS - 1]);
	free(h);
	return 0;
}
