/*
 * publish_list: a copy of the list, made by a thread from the areas that were
 * there when it began; nothing waits for it.
 * SPDX-License-Identifier: ISC
 */
#include "role/publish.h"

#include "io/export_area.h"
#include "io/log.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct publish_list {
	struct publish *p;
	struct export_areas now;
	uint64_t seen_s, set_backs; /* the clock of the wall as it was last; how often it went back */
	/* the copy under way */
	bool is_running;
	pthread_t thread;
	int ended; /* eventfd */
	struct loop_watch *watch;
	struct export_areas of;
	unsigned layer;
	uint64_t changes;
	struct export_source copy;
	enum err err;
	publish_list_work work;
	publish_list_done done;
	void *ctx;
};

void publish_list_take(struct publish *p, enum message_type t, struct rd *body, int fd)
{
	export_areas_take(&p->list->now, t, body, fd);
	if (p->list->now.is_short)
		role_host_give_up(p->host, ERR_NOMEM);
}

bool publish_list_is_known(const struct publish *p)
{
	return export_areas_are_known(&p->list->now);
}

bool publish_list_is_acting(const struct publish *p)
{
	return p->list->now.is_acting;
}

/* What was copied at a time that is still to come lacks blocks that are not over yet. */
uint64_t publish_list_changes(const struct publish *p)
{
	struct publish_list *l = p->list;
	uint64_t now_s = clock_wall_s();

	l->set_backs += now_s < l->seen_s;
	l->seen_s = now_s;
	return export_areas_changes(&l->now) + l->set_backs;
}

static void *copy_thread(void *ctx)
{
	struct publish_list *l = ctx;
	uint64_t one = 1;

	l->err = export_areas_copy(&l->of, l->layer, &l->copy);
	if (l->err == ERR_OK && l->work)
		l->work(&l->copy, l->ctx);
	(void)!write(l->ended, &one, sizeof one); /* an empty eventfd takes it */
	return NULL;
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
	l->done(l->p, l->err, &l->copy, l->changes, l->ctx);
	export_source_done(&l->copy);
	export_areas_drop(&l->of);
}

bool publish_list_copy(struct publish *p, unsigned layer, publish_list_work work, publish_list_done done, void *ctx)
{
	struct publish_list *l = p->list;

	if (l->is_running)
		return false;
	l->of = export_areas_keep(&l->now);
	l->changes = publish_list_changes(p);
	l->copy = (struct export_source){ .now = clock_wall_s() };
	l->layer = layer;
	l->work = work;
	l->done = done;
	l->ctx = ctx;
	l->is_running = pthread_create(&l->thread, NULL, copy_thread, l) == 0;
	if (!l->is_running) {
		log_warn("list_copy", "errno=%d text=\"no thread: it is tried again\"", errno);
		export_areas_drop(&l->of);
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
		export_areas_drop(&l->of);
	}
	loop_remove(l->watch);
	if (l->ended >= 0)
		(void)close(l->ended);
	export_areas_drop(&l->now);
	free(l);
	p->list = NULL;
}
