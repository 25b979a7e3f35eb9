/*
 * export_area: see the header. Whoever is told of another area keeps the old
 * one where the new one is no good.
 * SPDX-License-Identifier: ISC
 */
#include "io/export_area.h"

#include "io/log.h"

#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define LAYERS (FEED_LAYER_EXPORT | FEED_LAYER_DNSBL)
#define BUSY_MS 2
#define BUSY_TRIES 5000 /* 10 s; longer, and the engine has died inside an update */

struct export_area {
	unsigned refs;
	struct area_memory memory;
	struct block_view blocks;
	struct feed_area set;
	char name[CONF_TITLE];
	uint8_t code, layers;
};

static void area_drop(struct export_area **a)
{
	if (*a && --(*a)->refs == 0) {
		area_memory_close(&(*a)->memory);
		free(*a);
	}
	*a = NULL;
}

static struct export_area *area_keep(struct export_area *a)
{
	if (a)
		a->refs++;
	return a;
}

/* Takes fd. NULL: said in the log. */
static struct export_area *area_open(int fd, bool is_blocks, bool *ret_is_short)
{
	struct export_area *a = calloc(1, sizeof *a);
	enum err e = ERR_NOMEM;

	if (!a) {
		(void)close(fd);
	} else {
		a->refs = 1;
		a->memory = AREA_MEMORY_NONE;
		e = is_blocks ? area_memory_open_blocks(fd, &a->memory, &a->blocks)
			      : area_memory_open_feed(fd, &a->memory, &a->set);
	}
	if (e == ERR_OK)
		return a;
	*ret_is_short = *ret_is_short || e == ERR_NOMEM;
	log_warn("list_refused", "what=%s reason=\"%s\"", is_blocks ? "blocks" : "feed", err_name(e));
	area_drop(&a);
	return NULL;
}

/* False: what was there stays where the new one is no good. */
static bool replace(struct export_areas *all, struct export_area **at, int fd, bool is_blocks)
{
	struct export_area *a = area_open(fd, is_blocks, &all->is_short);

	if (!a)
		return false;
	area_drop(at);
	*at = a;
	all->news++;
	return true;
}

static void take_blocks(struct export_areas *all, int fd)
{
	if (all->blocks) /* the count begins anew with each area: it must not come back to an old number */
		all->news += block_view_changes(&all->blocks->blocks);
	(void)replace(all, &all->blocks, fd, true);
}

static void take_feed(struct export_areas *all, const struct msg_feed_give *m, int fd)
{
	struct export_area **at = m->use == FEED_USE_HOLES ? &all->holes : &all->feed[m->index];

	if (fd >= 0 && m->use == FEED_USE_LIST && !(m->layers & LAYERS)) {
		(void)close(fd);
		fd = -1;
	}
	if (fd >= 0) {
		if (!replace(all, at, fd, false))
			return;
		slice_copy(slice_str(m->name), (*at)->name, sizeof(*at)->name);
		(*at)->code = m->code;
		(*at)->layers = m->layers;
	} else if (m->use == FEED_USE_LIST && *at) {
		area_drop(at);
		all->news++;
	}
}

void export_areas_take(struct export_areas *a, enum message_type t, struct rd *body, int fd)
{
	struct msg_feed_give give;
	struct msg_acting acting;

	if (t == MSG_BLOCKS && fd >= 0) {
		take_blocks(a, fd);
	} else if (t == MSG_FEED_GIVE && message_get_feed_give(body, &give) == ERR_OK) {
		take_feed(a, &give, fd);
	} else {
		if (fd >= 0)
			(void)close(fd);
		if (t != MSG_ACTING || message_get_acting(body, &acting) != ERR_OK)
			return;
		a->news += !a->knows_acting || a->is_acting != acting.is_acting;
		a->knows_acting = true;
		a->is_acting = acting.is_acting;
	}
}

bool export_areas_are_known(const struct export_areas *a)
{
	return a->knows_acting && a->blocks && a->holes;
}

uint64_t export_areas_changes(const struct export_areas *a)
{
	return a->news + (a->blocks ? block_view_changes(&a->blocks->blocks) : 0);
}

struct export_areas export_areas_keep(const struct export_areas *a)
{
	struct export_areas to = *a;

	(void)area_keep(to.blocks);
	(void)area_keep(to.holes);
	for (unsigned i = 0; i < FEEDS_MAX; i++)
		(void)area_keep(to.feed[i]);
	return to;
}

void export_areas_drop(struct export_areas *a)
{
	area_drop(&a->blocks);
	area_drop(&a->holes);
	for (unsigned i = 0; i < FEEDS_MAX; i++)
		area_drop(&a->feed[i]);
}

/* ---- the copy */

static void wait_ms(unsigned ms)
{
	struct timespec t = { .tv_nsec = (long)ms * 1000000 };

	(void)nanosleep(&t, NULL);
}

static enum err copy_stretch(struct export_source *to, unsigned layer, struct block_entry *got, size_t n)
{
	uint8_t left_out = layer == FEED_LAYER_DNSBL ? BLOCK_NO_DNSBL : BLOCK_NO_EXPORT;
	size_t kept = 0;

	for (size_t i = 0; i < n; i++)
		if (!(got[i].flags & left_out))
			got[kept++] = got[i];
	return export_source_blocks(to, got, kept);
}

static enum err copy_blocks(const struct block_view *v, unsigned layer, struct export_source *to)
{
	struct block_entry *got = calloc(SHARE_WALK, sizeof *got);
	struct block_walk w = { .is_begun = false };
	unsigned busy = 0;
	enum err e = got ? ERR_OK : ERR_NOMEM;

	while (e == ERR_OK) {
		size_t n;

		e = block_view_walk(v, &w, got, &n);
		if (e == ERR_OK) {
			e = copy_stretch(to, layer, got, n);
			busy = 0;
		} else if (e == ERR_AGAIN && ++busy < BUSY_TRIES) {
			wait_ms(BUSY_MS);
			e = ERR_OK;
		}
	}
	free(got);
	return e == ERR_NOTFOUND ? ERR_OK : e;
}

enum err export_areas_copy(const struct export_areas *of, unsigned layer, struct export_source *to)
{
	enum err e = ERR_OK;

	if (of->is_acting && of->blocks)
		e = copy_blocks(&of->blocks->blocks, layer, to);
	for (unsigned i = 0; i < FEEDS_MAX && of->is_acting && e == ERR_OK; i++)
		if (of->feed[i] && of->feed[i]->layers & layer)
			e = export_source_feed(to, &of->feed[i]->set, of->feed[i]->name, of->feed[i]->code);
	if (e == ERR_OK && of->holes)
		e = export_source_holes(to, &of->holes->set);
	if (e == ERR_OK)
		e = export_source_seal(to);
	return e;
}
