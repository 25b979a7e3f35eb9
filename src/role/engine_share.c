/*
 * engine_share: the blocks for the roles tarpit, dnsbl and publish, in memory that they read along.
 * An area never grows: one of four times the size is filled beside it, a
 * stretch per round of the loop, and takes its place. A restart of either side
 * begins with a new one.
 * SPDX-License-Identifier: ISC
 */
#include "io/area_memory.h"
#include "io/log.h"
#include "role/engine_session.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>

#define FIRST_BITS 14   /* 800 kB */
#define STRETCH 4096    /* homes of the index filled at once: about a millisecond */
#define STRETCH_PUT 128 /* and at each change meanwhile */

struct engine_share {
	struct block_share share[2];
	struct area_memory memory[2];
	unsigned at; /* the one that is complete; the other is being filled, or unused */
	bool is_filling, has_one;
	struct loop_watch *job;
};

static void send_memory(struct engine *e, enum role to, const struct area_memory *m)
{
	uint8_t bytes[4];
	struct wr w = wr_init(bytes, sizeof bytes);

	message_put_empty(&w, MSG_BLOCKS, NULL);
	if (role_host_send(e->host, to, &w, &m->fd, 1) != ERR_OK)
		log_warn("message_lost", "type=BLOCKS to=%s", role_name(to));
}

static void send_to_all(struct engine *e, const struct area_memory *m)
{
	for (unsigned i = 0; i < ROLE_TARPITS; i++)
		if (e->host->link[role_tarpit(i)])
			send_memory(e, role_tarpit(i), m);
	for (enum role r = ROLE_DNSBL; r <= ROLE_PUBLISH; r++)
		if (e->host->link[r])
			send_memory(e, r, m);
}

static void fill(struct engine *e, size_t budget)
{
	struct engine_share *s = e->share;

	if (!s->is_filling || !block_index_fill(&e->blocks, budget))
		return;
	area_memory_close(&s->memory[s->at]);
	s->at = !s->at;
	s->is_filling = false;
	s->has_one = true;
	send_to_all(e, &s->memory[s->at]);
}

static void on_job(void *ctx);

static void job_later(struct engine *e)
{
	if (!e->share->job)
		e->share->job = loop_after(e->host->loop, 0, on_job, e);
}

static void on_job(void *ctx)
{
	struct engine *e = ctx;

	loop_remove(e->share->job);
	e->share->job = NULL;
	fill(e, STRETCH);
	if (e->share->is_filling)
		job_later(e);
}

/* Room for four times what there is. */
static void begin(struct engine *e)
{
	struct engine_share *s = e->share;
	unsigned next = !s->at, bits = FIRST_BITS;
	uint8_t key[SIPHASH_KEY];

	while (bits < SHARE_BITS_MAX && (size_t)1 << bits < 4 * block_index_count(&e->blocks))
		bits++;
	if (area_memory_make_blocks(block_share_bytes(bits), &s->memory[next]) != ERR_OK) {
		log_warn("share",
			"errno=%d text=\"no memory for a larger list of blocks: the tarpit and the DNS server know the "
			"old one\"",
			errno);
		return;
	}
	randombytes_buf(key, sizeof key);
	block_share_init(&s->share[next], s->memory[next].map, bits, key);
	block_index_share(&e->blocks, &s->share[next]);
	s->is_filling = true;
	job_later(e);
}

int engine_share_fd(struct engine *e)
{
	if (!e->share) {
		e->share = calloc(1, sizeof *e->share);
		if (!e->share) {
			log_warn("share", "text=\"no memory: the tarpit knows no blocks\"");
			return -1;
		}
		e->share->memory[0] = e->share->memory[1] = AREA_MEMORY_NONE;
	}
	if (e->share->has_one)
		return e->share->memory[e->share->at].fd;
	if (!e->share->is_filling)
		begin(e);
	return -1;
}

void engine_share_linked(struct engine *e, enum role peer)
{
	if (engine_share_fd(e) >= 0)
		send_memory(e, peer, &e->share->memory[e->share->at]);
}

void engine_share_changed(struct engine *e)
{
	struct engine_share *s = e->share;

	if (!s)
		return;
	fill(e, STRETCH_PUT);
	if (s->has_one && !s->is_filling && block_share_is_tight(&s->share[s->at]))
		begin(e);
}

/* What failed for lack of memory is tried again. */
void engine_share_tick(struct engine *e)
{
	if (!e->share)
		return;
	engine_share_changed(e);
	if (!e->share->has_one && !e->share->is_filling)
		begin(e);
	if (e->share->is_filling)
		job_later(e);
}

void engine_share_stop(struct engine *e)
{
	if (!e->share)
		return;
	block_index_share(&e->blocks, NULL);
	loop_remove(e->share->job);
	for (unsigned i = 0; i < 2; i++)
		area_memory_close(&e->share->memory[i]);
	free(e->share);
	e->share = NULL;
}
