/*
 * feed: the order of things. The library for downloads is loaded before the
 * system calls are limited; what a refresh costs is paid in threads, so that
 * the loop always answers.
 * SPDX-License-Identifier: ISC
 */
#include "role/feed.h"

#include "base/escape.h"
#include "io/feed_plan_file.h"
#include "io/log.h"

#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define TICK_MS 500
#define STATE_MS 10000
#define FIRST_MS 1000u /* the first refreshes come within so long */
#define AGAIN_S 60u    /* a source that was asked less than this ago is not asked again at a start */

/* ---- to the engine */

static uint32_t capped(uint64_t a, uint64_t b)
{
	return a > UINT32_MAX || b > UINT32_MAX - a ? UINT32_MAX : (uint32_t)(a + b);
}

void feed_tell(struct feed *f, unsigned i)
{
	const struct feed_entry *o = &f->one[i];
	struct msg_feed_state m = { .index = (uint8_t)i, .count = (uint8_t)f->plan.count };
	uint8_t bytes[1024];
	struct wr w = wr_init(bytes, sizeof bytes);

	if (f->plan.count) {
		bool has_good = o->good.memory.fd >= 0;

		m.state = (uint8_t)(o->job && !o->job->is_save ? FEED_FETCHING : o->state);
		m.action = (uint8_t)o->spec->conf.action;
		m.layers = (uint8_t)o->spec->layers;
		m.good = has_good ? o->good.keep.time : 0;
		m.tried = o->tried;
		m.changed = o->good.keep.changed;
		m.entries = o->good.keep.entries;
		m.refused = o->good.keep.refused;
		m.added = capped(o->change.added4, o->change.added6);
		m.removed = capped(o->change.removed4, o->change.removed6);
		slice_copy(slice_str(o->spec->conf.title), m.name, sizeof m.name);
		slice_copy(slice_str(o->text[0] || !o->is_old ? o->text
							      : "older than it may be: the source gives nothing"),
			m.text, sizeof m.text);
	}
	message_put_feed_state(&w, MSG_FEED_STATE, &m);
	(void)role_host_send(f->host, ROLE_ENGINE, &w, NULL, 0); /* down: it is told all when it comes */
}

/* False: there is no room for it now. */
static bool offer(struct feed *f, unsigned i, const struct feed_set *s)
{
	const struct conf_feed *c = &f->one[i].spec->conf;
	struct msg_feed_set m = { .time = s->keep.time,
		.index = (uint8_t)i,
		.action = (uint8_t)c->action,
		.layers = (uint8_t)f->one[i].spec->layers,
		.time_s = c->time_s,
		.entries = s->keep.entries,
		.refused = s->keep.refused,
		.weight_milli = (uint32_t)(c->weight * 1000.0),
		.code = c->code };
	uint8_t bytes[1024];
	struct wr w = wr_init(bytes, sizeof bytes);

	slice_copy(slice_str(c->title), m.name, sizeof m.name);
	slice_copy(slice_str(s->keep.text), m.text, sizeof m.text);
	message_put_feed_set(&w, MSG_FEED_SET, &m);
	return role_host_send(f->host, ROLE_ENGINE, &w, &s->memory.fd, 1) != ERR_FULL;
}

/* The good one first: it acts at once. */
static void offer_due(struct feed *f, unsigned i)
{
	struct feed_entry *o = &f->one[i];

	if (o->is_good_due && o->good.memory.fd >= 0)
		o->is_good_due = !offer(f, i, &o->good);
	if (!o->is_good_due && o->is_next_due && o->next.memory.fd >= 0)
		o->is_next_due = !offer(f, i, &o->next);
}

void feed_offer_next(struct feed *f, unsigned i)
{
	f->one[i].is_next_due = true;
	offer_due(f, i);
}

static void tell_all(struct feed *f)
{
	for (unsigned i = 0; i < f->plan.count || i == 0; i++)
		feed_tell(f, i);
}

/* The good ones first: they act at once. */
static void feed_linked(struct role_host *h, enum role peer)
{
	struct feed *f = h->ctx;

	if (peer != ROLE_ENGINE)
		return;
	tell_all(f);
	for (unsigned i = 0; i < f->plan.count; i++) {
		f->one[i].is_good_due = f->one[i].good.memory.fd >= 0;
		f->one[i].is_next_due = false;
		offer_due(f, i);
	}
	for (unsigned i = 0; i < f->plan.count; i++)
		if (f->one[i].next.memory.fd >= 0)
			feed_offer_next(f, i);
}

/* What it was asked for is not answered any more. */
static void feed_unlinked(struct role_host *h, enum role peer)
{
	struct feed *f = h->ctx;

	for (unsigned i = 0; peer == ROLE_RUN && i < f->plan.count; i++)
		if (f->one[i].seq)
			feed_one_ran(f, &(struct msg_feed_ran){ .seq = f->one[i].seq, .status = -1 }, -1);
}

/* ---- timers and jobs */

/*
 * Another spamd.conf has other lists in other places: a new process is allowed to
 * read those, this one is not. The parent starts it; the good sets are on disk.
 */
static void look_at_spamd_conf(struct feed *f)
{
	if (feed_source_mark_file(f->host->conf.feeds.spamd_conf) == f->spamd_mark)
		return;
	log_info("feed_spamd_conf_changed", "path=%s", f->host->conf.feeds.spamd_conf);
	_exit(0);
}

static void on_tick(void *ctx)
{
	struct feed *f = ctx;
	uint64_t now = clock_mono_ms();

	for (unsigned i = 0; i < f->plan.count; i++) {
		offer_due(f, i);
		feed_one_tick(f, i, now);
	}
}

static void on_report(void *ctx)
{
	look_at_spamd_conf(ctx);
	tell_all(ctx);
}

static void on_done(int fd, unsigned what, void *ctx)
{
	struct feed *f = ctx;
	struct feed_job *j;

	(void)what;
	if (read(fd, (void *)&j, sizeof j) != (ssize_t)sizeof j)
		return;
	feed_one_ended(f, j);
	on_tick(f);
}

/* ---- start */

static void load_set(struct feed *f, unsigned i)
{
	struct feed_entry *o = &f->one[i];
	char path[FEED_WHERE];
	enum err e = ERR_LIMIT;

	if (feed_disk_path(&f->host->conf, o->spec->conf.title, path))
		e = feed_disk_load(path, &o->good);
	if (e == ERR_OK)
		o->state = FEED_OK;
	else if (e != ERR_NOTFOUND)
		log_warn("feed_kept_refused", "feed=%s reason=\"%s\" help=\"the source is asked again\"",
			o->spec->conf.title, err_name(e));
}

/* Soon, but not those that were asked a moment ago: a role that is started over and over asks nobody to death. */
static void plan_first(struct feed_entry *o)
{
	uint64_t now = clock_wall_s(), wait = FIRST_MS / 2 + randombytes_uniform(FIRST_MS / 2);
	bool is_local = true;

	for (unsigned i = 0; i < o->spec->parts; i++)
		is_local = is_local && o->spec->part[i].way == FEED_WAY_PATH;
	/* a time that is still to come is that of a clock which was ahead */
	if (!is_local && o->good.memory.fd >= 0 && o->good.keep.time <= now && now < o->good.keep.time + AGAIN_S)
		wait += (o->good.keep.time + AGAIN_S - now) * 1000;
	o->due_ms = clock_mono_ms() + wait;
}

static enum err make_plan(struct feed *f)
{
	char reason[FEED_PLAN_REASON], kept[FEED_WHERE], text[2 * FEED_PLAN_REASON];
	int n = snprintf(kept, sizeof kept, "%s/feeds/spamd.conf", f->host->conf.storage.dir);
	enum err e;

	f->spamd_mark = feed_source_mark_file(f->host->conf.feeds.spamd_conf);
	e = feed_plan_read(&f->host->conf, n > 0 && n < FEED_WHERE ? kept : NULL, &f->plan, reason);

	if (e == ERR_OK && reason[0])
		log_warn("feed_spamd_conf", "reason=\"%s\"", escape_text(slice_str(reason), text, sizeof text));
	if (e == ERR_OK && f->plan.left_out)
		log_warn("feed_left_out", "lists=%u last=\"%s\"", f->plan.left_out, f->plan.reason);
	for (unsigned i = 0; e == ERR_OK && i < f->plan.count; i++) {
		f->one[i].spec = &f->plan.feed[i];
		f->one[i].good.memory = f->one[i].next.memory = AREA_MEMORY_NONE;
		f->one[i].held.memory = f->one[i].gone.memory = AREA_MEMORY_NONE;
	}
	return e;
}

static void servers_text(const struct conf_list *l, char to[FEED_SERVERS])
{
	size_t n = 0;

	for (uint32_t i = 0; i < l->count; i++) {
		int k = snprintf(to + n, FEED_SERVERS - n, "%s%s", i ? "," : "", l->item[i]);

		n += k > 0 ? (size_t)k : 0;
	}
}

static enum err feed_start(struct role_host *h)
{
	struct feed *f = calloc(1, sizeof *f);
	enum err e;

	if (!f)
		return ERR_NOMEM;
	h->ctx = f;
	f->host = h;
	role_host_give_way();
	f->done[0] = f->done[1] = -1;
	if (sodium_init() < 0 || pipe2(f->done, O_CLOEXEC) != 0)
		return ERR_IO;
	servers_text(&h->conf.fetch.resolvers, f->servers);
	/* files and commands go on without it */
	if (download_init(f->no_download) != ERR_OK)
		log_warn("feed_no_download", "reason=\"%s\"", f->no_download);
	e = make_plan(f);
	if (e == ERR_OK)
		feed_disk_sweep(&h->conf, &f->plan);
	return e;
}

static void feed_serve(struct role_host *h)
{
	struct feed *f = h->ctx;

	for (unsigned i = 0; i < f->plan.count; i++) {
		load_set(f, i);
		plan_first(&f->one[i]);
	}
	f->tick = loop_every(h->loop, TICK_MS, on_tick, f);
	f->report = loop_every(h->loop, STATE_MS, on_report, f);
	f->reading = loop_fd(h->loop, f->done[0], LOOP_READ, on_done, f);
	if (f->tick && f->report && f->reading)
		return;
	role_host_give_up(h, ERR_NOMEM); /* before the loop runs a loop_stop is lost */
}

/* ---- messages */

/* name "": all. */
static void take_ask(struct feed *f, const struct msg_feed_ask *m)
{
	look_at_spamd_conf(f);
	for (unsigned i = 0; i < f->plan.count; i++) {
		if (m->name[0] && strcmp(m->name, f->one[i].spec->conf.title) != 0)
			continue;
		if (m->what == FEED_ASK_REFRESH)
			feed_one_wish(f, i);
		else
			feed_one_confirm(f, i);
	}
	on_tick(f);
}

static void take_took(struct feed *f, const struct msg_feed_took *m)
{
	for (unsigned i = 0; i < f->plan.count; i++)
		if (strcmp(m->name, f->one[i].spec->conf.title) == 0)
			feed_one_took(f, i, m);
}

static void feed_message(
	struct role_host *h, enum role peer, enum message_type t, struct rd *body, const int *fds, size_t n)
{
	struct msg_feed_took took;
	struct msg_feed_ran ran;
	struct msg_feed_ask ask;

	if (peer == ROLE_RUN && t == MSG_FEED_RAN && message_get_feed_ran(body, &ran) == ERR_OK) {
		feed_one_ran(h->ctx, &ran, n ? fds[0] : -1);
		return;
	}
	for (size_t i = 0; i < n; i++)
		(void)close(fds[i]);
	if (peer != ROLE_ENGINE)
		return;
	if (t == MSG_FEED_TOOK && message_get_feed_took(body, &took) == ERR_OK)
		take_took(h->ctx, &took);
	else if (t == MSG_FEED_ASK && message_get_feed_ask(body, &ask) == ERR_OK)
		take_ask(h->ctx, &ask);
}

/* Jobs under way break off; what they would have brought is asked for again at the next start. */
static void feed_stop(struct role_host *h)
{
	struct feed *f = h->ctx;

	atomic_store(&f->is_over, true);
	loop_remove(f->tick);
	loop_remove(f->report);
	loop_remove(f->reading);
	if (f->running)
		_exit(0); /* a thread of theirs may be anywhere in a library */
	for (unsigned i = 0; i < f->plan.count; i++) {
		feed_set_close(&f->one[i].good);
		feed_set_close(&f->one[i].next);
		feed_set_close(&f->one[i].held);
		feed_set_close(&f->one[i].gone);
	}
	feed_plan_done(&f->plan);
	(void)close(f->done[0]);
	(void)close(f->done[1]);
	*f = (struct feed){ .host = h };
	loop_stop(h->loop);
}

const struct role_ops feed_ops = {
	.start = feed_start,
	.serve = feed_serve,
	.linked = feed_linked,
	.unlinked = feed_unlinked,
	.message = feed_message,
	.stop = feed_stop,
};
