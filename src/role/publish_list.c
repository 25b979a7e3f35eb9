/*
 * publish_list: the areas that the engine hands over are counted: the thread
 * that makes a copy keeps those it began with, whatever comes meanwhile. It
 * waits for a writer that is busy, a moment at a time; nothing waits for it.
 * SPDX-License-Identifier: ISC
 */
#include "role/publish.h"

#include "io/log.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#define BUSY_MS 2
#define BUSY_TRIES 5000 /* 10 s; longer, and the engine has died inside an update */

/* Memory of the engine's, read here; belongs to who holds it: the list, the copy under way. */
struct area {
	unsigned refs;
	struct block_memory memory;
	struct block_view blocks;
	struct feed_area set;
	char name[CONF_TITLE];
	uint8_t code;
};

struct snapshot {
	struct area *blocks, *holes, *feed[FEEDS_MAX]; /* NULL: none */
	bool is_acting;
	uint64_t changes;
};

struct publish_list {
	struct publish *p;
	struct snapshot now;
	bool knows_acting;
	uint64_t news; /* areas taken or let go, and the like */
	/* the copy under way */
	bool is_running;
	pthread_t thread;
	int ended; /* eventfd */
	struct loop_watch *watch;
	struct snapshot of;
	struct export_source copy;
	enum err err;
	publish_list_work work;
	publish_list_done done;
	void *ctx;
};

/* ---- areas */

static void area_drop(struct area **a)
{
	if (*a && --(*a)->refs == 0) {
		block_memory_close(&(*a)->memory);
		free(*a);
	}
	*a = NULL;
}

static struct area *area_keep(struct area *a)
{
	if (a)
		a->refs++;
	return a;
}

/* Takes fd. NULL: said in the log. */
static struct area *area_open(int fd, bool is_blocks)
{
	struct area *a = calloc(1, sizeof *a);
	enum err e = ERR_NOMEM;

	if (!a) {
		(void)close(fd);
	} else {
		a->refs = 1;
		a->memory = BLOCK_MEMORY_NONE;
		e = block_memory_open(fd, &a->memory);
		if (e == ERR_OK && is_blocks)
			e = block_view_init(&a->blocks, a->memory.map, a->memory.bytes);
		else if (e == ERR_OK)
			e = feed_area_open(&a->set, a->memory.map, a->memory.bytes);
	}
	if (e == ERR_OK)
		return a;
	log_warn("list_refused", "what=%s reason=\"%s\"", is_blocks ? "blocks" : "feed", err_name(e));
	area_drop(&a);
	return NULL;
}

/* False: what was there stays where the new one is no good. */
static bool replace(struct publish_list *l, struct area **at, int fd, bool is_blocks)
{
	struct area *a = area_open(fd, is_blocks);

	if (!a)
		return false;
	area_drop(at);
	*at = a;
	l->news++;
	return true;
}

void publish_list_blocks(struct publish *p, int fd)
{
	struct publish_list *l = p->list;

	if (l->now.blocks) /* the count begins anew with each area: it must not come back to an old number */
		l->news += block_view_changes(&l->now.blocks->blocks);
	(void)replace(l, &l->now.blocks, fd, true);
}

void publish_list_give(struct publish *p, const struct msg_feed_give *m, int fd)
{
	struct publish_list *l = p->list;
	struct area **at = m->use == FEED_USE_HOLES ? &l->now.holes : &l->now.feed[m->index];

	if (fd >= 0 && m->use == FEED_USE_LIST && !(m->layers & FEED_LAYER_EXPORT)) {
		(void)close(fd);
		fd = -1;
	}
	if (fd >= 0 && replace(l, at, fd, false)) {
		slice_copy(slice_str(m->name), (*at)->name, sizeof(*at)->name);
		(*at)->code = m->code;
	} else if (fd < 0 && m->use == FEED_USE_LIST && *at) {
		area_drop(at);
		l->news++;
	}
}

void publish_list_acting(struct publish *p, bool is_acting)
{
	struct publish_list *l = p->list;

	if (!l->knows_acting || l->now.is_acting != is_acting)
		l->news++;
	l->knows_acting = true;
	l->now.is_acting = is_acting;
}

bool publish_list_is_known(const struct publish *p)
{
	const struct publish_list *l = p->list;

	return l->knows_acting && l->now.blocks && l->now.holes;
}

bool publish_list_is_acting(const struct publish *p)
{
	return p->list->now.is_acting;
}

uint64_t publish_list_changes(const struct publish *p)
{
	const struct publish_list *l = p->list;

	return l->news + (l->now.blocks ? block_view_changes(&l->now.blocks->blocks) : 0);
}

/* ---- the copy */

static void wait_ms(unsigned ms)
{
	struct timespec t = { .tv_nsec = (long)ms * 1000000 };

	(void)nanosleep(&t, NULL);
}

static enum err copy_stretch(struct export_source *to, struct block_entry *got, size_t n)
{
	size_t kept = 0;

	for (size_t i = 0; i < n; i++)
		if (!(got[i].flags & BLOCK_NO_EXPORT))
			got[kept++] = got[i];
	return export_source_blocks(to, got, kept);
}

static enum err copy_blocks(const struct block_view *v, struct export_source *to)
{
	struct block_entry *got = calloc(SHARE_WALK, sizeof *got);
	struct block_walk w = { .is_begun = false };
	unsigned busy = 0;
	enum err e = got ? ERR_OK : ERR_NOMEM;

	while (e == ERR_OK) {
		size_t n;

		e = block_view_walk(v, &w, got, &n);
		if (e == ERR_OK) {
			e = copy_stretch(to, got, n);
			busy = 0;
		} else if (e == ERR_AGAIN && ++busy < BUSY_TRIES) {
			wait_ms(BUSY_MS);
			e = ERR_OK;
		}
	}
	free(got);
	return e == ERR_NOTFOUND ? ERR_OK : e;
}

static enum err copy_all(const struct snapshot *of, struct export_source *to)
{
	enum err e = ERR_OK;

	if (of->is_acting && of->blocks)
		e = copy_blocks(&of->blocks->blocks, to);
	for (unsigned i = 0; i < FEEDS_MAX && of->is_acting && e == ERR_OK; i++)
		if (of->feed[i])
			e = export_source_feed(to, &of->feed[i]->set, of->feed[i]->name, of->feed[i]->code);
	if (e == ERR_OK && of->holes)
		e = export_source_holes(to, &of->holes->set);
	if (e == ERR_OK)
		e = export_source_seal(to);
	return e;
}

static void *copy_thread(void *ctx)
{
	struct publish_list *l = ctx;
	uint64_t one = 1;

	l->err = copy_all(&l->of, &l->copy);
	if (l->err == ERR_OK && l->work)
		l->work(&l->copy, l->ctx);
	(void)!write(l->ended, &one, sizeof one); /* an empty eventfd takes it */
	return NULL;
}

static void let_go(struct snapshot *s)
{
	area_drop(&s->blocks);
	area_drop(&s->holes);
	for (unsigned i = 0; i < FEEDS_MAX; i++)
		area_drop(&s->feed[i]);
}

static void on_ended(int fd, unsigned what, void *ctx)
{
	struct publish_list *l = ctx;
	uint64_t n;

	(void)what;
	if (read(fd, &n, sizeof n) != (ssize_t)sizeof n || !l->is_running)
		return;
	(void)pthread_join(l->thread, NULL);
	l->is_running = false;
	l->done(l->p, l->err, &l->copy, l->of.changes, l->ctx);
	export_source_done(&l->copy);
	let_go(&l->of);
}

bool publish_list_copy(struct publish *p, publish_list_work work, publish_list_done done, void *ctx)
{
	struct publish_list *l = p->list;

	if (l->is_running)
		return false;
	l->of = (struct snapshot){ .is_acting = l->now.is_acting, .changes = publish_list_changes(p) };
	l->of.blocks = area_keep(l->now.blocks);
	l->of.holes = area_keep(l->now.holes);
	for (unsigned i = 0; i < FEEDS_MAX; i++)
		l->of.feed[i] = area_keep(l->now.feed[i]);
	l->copy = (struct export_source){ .now = clock_wall_s() };
	l->work = work;
	l->done = done;
	l->ctx = ctx;
	l->is_running = pthread_create(&l->thread, NULL, copy_thread, l) == 0;
	if (!l->is_running) {
		log_warn("list_copy", "errno=%d text=\"no thread: it is tried again\"", errno);
		let_go(&l->of);
	}
	return l->is_running;
}

/* ---- begin and end */

enum err publish_list_start(struct publish *p)
{
	struct publish_list *l = calloc(1, sizeof *l);

	if (!l)
		return ERR_NOMEM;
	p->list = l;
	l->p = p;
	l->ended = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (l->ended < 0)
		return ERR_IO;
	l->watch = loop_fd(p->host->loop, l->ended, LOOP_READ, on_ended, l);
	return l->watch ? ERR_OK : ERR_NOMEM;
}

/* A copy under way is waited for: a file is being written. */
void publish_list_stop(struct publish *p)
{
	struct publish_list *l = p->list;

	if (!l)
		return;
	if (l->is_running) {
		(void)pthread_join(l->thread, NULL);
		export_source_done(&l->copy);
		let_go(&l->of);
	}
	loop_remove(l->watch);
	if (l->ended >= 0)
		(void)close(l->ended);
	let_go(&l->now);
	free(l);
	p->list = NULL;
}
