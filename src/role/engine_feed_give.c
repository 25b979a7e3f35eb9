/*
 * engine_feed_give: the words of lists for the tarpit; and what dnsbl and publish
 * need besides the live blocks: the
 * sets of the feeds, the holes (whom nobody lists, whoever lists him: allow
 * list and feeds that allow, as one set), and whether blocks act at all. The
 * holes are put together by a thread: they may be as large as a feed.
 * SPDX-License-Identifier: ISC
 */
#include "role/engine_feed.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "io/log.h"

#define CODE 2 /* of a feed that is gone: any */

struct engine_feed_holes {
	struct engine *e;
	struct area_memory now; /* as last made */
	bool has_one, is_running, is_changed;
	bool is_failed; /* they are as they were: once more in a minute */
	bool is_asked;  /* limetwig export wants them, too */
	unsigned late;  /* bits: roles that have come and wait for the holes before they get any feed */
	pthread_t thread;
	int done; /* an eventfd */
	struct loop_watch *watch;
	/* the thread's, while it runs */
	struct prefix_set set;
	struct area_memory feed[FEEDS_MAX];
	struct feed_area area[FEEDS_MAX]; /* in these */
	unsigned feeds;
	struct area_memory next;
	enum err err;
};

static void send(struct engine *e, enum role to, const struct msg_feed_give *m, int fd)
{
	uint8_t out[128];
	struct wr w = wr_init(out, sizeof out);

	if (!e->host->link[to])
		return;
	message_put_feed_give(&w, MSG_FEED_GIVE, m);
	if (role_host_send(e->host, to, &w, &fd, fd >= 0) != ERR_OK)
		log_warn("message_lost", "type=FEED_GIVE to=%s", role_name(to));
}

int engine_feed_given(const struct engine *e, const struct engine_feed *f, struct msg_feed_give *ret)
{
	const struct msg_feed_set *s = &f->now.m;
	struct msg_feed_give m = { .index = (uint8_t)engine_feed_number(e->feeds, f),
		.use = FEED_USE_LIST,
		.layers = s->layers,
		.code = (uint8_t)(f->has_set ? s->code : CODE) };
	bool is_listed = f->has_set && s->action != FEED_ACTION_ALLOW && s->action != FEED_ACTION_SCORE;

	slice_copy(slice_str(f->name), m.name, sizeof m.name);
	*ret = m;
	return is_listed ? f->now.fd : -1;
}

static void give(struct engine *e, const struct engine_feed *f, enum role to)
{
	struct msg_feed_give m;
	int fd = engine_feed_given(e, f, &m);

	send(e, to, &m, fd);
}

/* ---- words */

static void say(struct engine *e, const struct engine_feed *f, enum role to)
{
	struct msg_feed_says m = { .index = (uint8_t)engine_feed_number(e->feeds, f) };
	uint8_t out[MESSAGE_FEED_TEXT + 16];
	struct wr w = wr_init(out, sizeof out);

	if (!e->host->link[to])
		return;
	if (f->has_set)
		slice_copy(slice_str(f->now.m.text), m.text, sizeof m.text);
	message_put_feed_says(&w, MSG_FEED_SAYS, &m);
	if (role_host_send(e->host, to, &w, NULL, 0) != ERR_OK)
		log_warn("message_lost", "type=FEED_SAYS to=%s", role_name(to));
}

void engine_feed_says_linked(struct engine *e, enum role peer)
{
	for (unsigned i = 0; i < FEEDS_MAX; i++)
		if (e->feeds->feed[i].has_set)
			say(e, &e->feeds->feed[i], peer);
}

void engine_feed_give(struct engine *e, const struct engine_feed *f)
{
	for (unsigned i = 0; i < ROLE_TARPITS; i++)
		say(e, f, role_tarpit(i));
	for (enum role r = ROLE_DNSBL; r <= ROLE_PUBLISH; r++)
		if (!(e->feeds->holes->late & ROLE_BIT(r)))
			give(e, f, r);
}

/* Of a feed that has no set yet, but had one, the role has the old one until then. */
static bool is_gone(const struct engine_feed *f)
{
	return !f->has_set && (!f->name[0] || (f->has_state && !f->state.good));
}

static bool is_settled(const struct engine *e)
{
	return e->feeds->is_all_seen || !conf_has_feeds(&e->host->conf);
}

static void give_gone(struct engine *e, enum role to)
{
	struct msg_feed_give m = { .use = FEED_USE_LIST, .code = CODE, .name = "-" };

	for (; m.index < FEEDS_MAX; m.index++)
		if (is_gone(&e->feeds->feed[m.index]))
			send(e, to, &m, -1);
}

static void give_all(struct engine *e, enum role to)
{
	for (unsigned i = 0; i < FEEDS_MAX; i++)
		if (e->feeds->feed[i].has_set)
			give(e, &e->feeds->feed[i], to);
	if (is_settled(e))
		give_gone(e, to);
}

void engine_feed_give_settled(struct engine *e)
{
	for (enum role r = ROLE_DNSBL; r <= ROLE_PUBLISH; r++)
		if (!(e->feeds->holes->late & ROLE_BIT(r)))
			give_gone(e, r);
}

/* ---- holes */

/* Not before all are known whom they spare: who has outlived another engine keeps what it has until then. */
static bool is_wanted(const struct engine *e)
{
	return e->feeds->is_ready &&
	       (e->host->link[ROLE_DNSBL] || e->host->link[ROLE_PUBLISH] || e->feeds->holes->is_asked);
}

static void give_holes(struct engine *e, enum role to)
{
	if (e->feeds->holes->has_one)
		send(e, to, &(struct msg_feed_give){ .use = FEED_USE_HOLES, .code = CODE }, e->feeds->holes->now.fd);
}

/* That the list acts publish hears behind all that is in it: before, it would write files and a zone that lack the rest. */
static void tell_acting(struct engine *e, enum role to)
{
	struct msg_acting m = { .is_acting = engine_is_enforcing(e) };
	uint8_t out[8];
	struct wr w = wr_init(out, sizeof out);

	if (!e->host->link[to])
		return;
	if (to == ROLE_PUBLISH && m.is_acting && (!e->feeds->is_whole || e->feeds->holes->late & ROLE_BIT(to)))
		return;
	message_put_acting(&w, MSG_ACTING, &m);
	if (role_host_send(e->host, to, &w, NULL, 0) != ERR_OK)
		log_warn("message_lost", "type=ACTING to=%s", role_name(to));
}

/* Nobody is listed in the meantime whom the holes spare. */
static void give_to_late(struct engine *e, enum role to)
{
	give_holes(e, to);
	e->feeds->holes->late &= ~ROLE_BIT(to);
	give_all(e, to);
	tell_acting(e, to);
}

static enum err add_ranges(struct prefix_set *s, const struct prefix_table *t)
{
	enum err err = ERR_OK;

	for (unsigned f = 0; f < 2; f++) {
		for (size_t i = 0; i < t->ranges[f] && err == ERR_OK; i++) {
			struct ipaddr first = { .family = f ? 6 : 4 }, last = first;

			memcpy(first.b, t->range[f][i].first, sizeof first.b);
			memcpy(last.b, t->range[f][i].last, sizeof last.b);
			err = prefix_set_add_range(s, &first, &last, false);
		}
	}
	return err;
}

static void close_feeds(struct engine_feed_holes *h)
{
	while (h->feeds)
		area_memory_close(&h->feed[--h->feeds]);
}

/* What the thread works on: mappings of its own, since a swap takes ours away. */
static enum err gather(struct engine *e)
{
	struct engine_feed_holes *h = e->feeds->holes;
	enum err err = add_ranges(&h->set, &e->allow.never);

	if (err == ERR_OK)
		err = add_ranges(&h->set, &e->allow.shared);
	for (unsigned i = 0; err == ERR_OK && i < FEEDS_MAX; i++) {
		const struct engine_feed *f = &e->feeds->feed[i];
		int fd;

		if (!f->has_set || f->now.m.action != FEED_ACTION_ALLOW)
			continue;
		fd = fcntl(f->now.fd, F_DUPFD_CLOEXEC, 0);
		err = fd < 0 ? ERR_IO : area_memory_open_feed(fd, &h->feed[h->feeds], &h->area[h->feeds]);
		if (err == ERR_OK)
			h->feeds++;
	}
	return err;
}

static void *make_holes(void *ctx)
{
	struct engine_feed_holes *h = ctx;
	struct feed_area a;
	uint64_t one = 1;
	enum err err = ERR_OK;

	for (unsigned i = 0; err == ERR_OK && i < h->feeds; i++)
		err = feed_area_add_to(&h->area[i], &h->set);
	if (err == ERR_OK)
		err = prefix_set_seal(&h->set);
	if (err == ERR_OK)
		err = area_memory_make_feed(&h->set, &h->next, &a);
	h->err = err;
	(void)!write(h->done, &one, sizeof one); /* an empty eventfd takes it */
	return NULL;
}

static void clear(struct engine_feed_holes *h)
{
	prefix_set_done(&h->set);
	h->set = (struct prefix_set){ 0 };
	close_feeds(h);
}

static void begin(struct engine *e)
{
	struct engine_feed_holes *h = e->feeds->holes;

	h->is_changed = h->is_failed = false;
	h->next = AREA_MEMORY_NONE;
	if (gather(e) != ERR_OK || pthread_create(&h->thread, NULL, make_holes, h) != 0) {
		clear(h);
		h->is_failed = true;
		log_alarm("feed", "text=\"no memory, descriptor or thread for the list of whom nobody lists: "
				  "zone and exports have the old one\"");
		return;
	}
	h->is_running = true;
}

static void end(struct engine_feed_holes *h)
{
	(void)pthread_join(h->thread, NULL);
	h->is_running = false;
	clear(h);
	h->is_failed = h->err != ERR_OK;
	if (h->is_failed)
		return;
	area_memory_close(&h->now);
	h->now = h->next;
	h->has_one = true;
}

static void on_done(int fd, unsigned what, void *ctx)
{
	struct engine_feed_holes *h = ctx;
	uint64_t n;

	(void)what;
	if (read(fd, &n, sizeof n) != (ssize_t)sizeof n)
		return;
	end(h);
	if (h->err != ERR_OK)
		log_alarm("feed",
			"error=%s text=\"the list of whom nobody lists cannot be made: zone and exports have "
			"the old one\"",
			err_name(h->err));
	for (enum role r = ROLE_DNSBL; r <= ROLE_PUBLISH; r++) {
		if ((h->late & ROLE_BIT(r)) && h->has_one)
			give_to_late(h->e, r);
		else
			give_holes(h->e, r);
	}
	if (h->is_changed && is_wanted(h->e))
		begin(h->e);
}

void engine_feed_holes_changed(struct engine *e)
{
	struct engine_feed_holes *h = e->feeds ? e->feeds->holes : NULL;

	if (!h)
		return;
	h->is_changed = true;
	if (is_wanted(e) && !h->is_running)
		begin(e);
}

void engine_feed_holes_again(struct engine *e)
{
	struct engine_feed_holes *h = e->feeds->holes;

	if (h->is_failed && !h->is_running && is_wanted(e))
		begin(e);
}

int engine_feed_holes_fd(struct engine *e)
{
	struct engine_feed_holes *h = e->feeds ? e->feeds->holes : NULL;

	if (!h)
		return -1;
	h->is_asked = true;
	if (h->has_one && !h->is_changed && !h->is_running)
		return h->now.fd;
	if (!h->is_running && is_wanted(e))
		begin(e);
	return -1;
}

/* ---- acting */

void engine_feed_acting(struct engine *e)
{
	if (!e->feeds || e->feeds->acting == engine_is_enforcing(e))
		return;
	e->feeds->acting = engine_is_enforcing(e);
	tell_acting(e, ROLE_DNSBL);
	tell_acting(e, ROLE_PUBLISH);
}

/* ---- start, stop, link */

void engine_feed_give_linked(struct engine *e, enum role peer)
{
	struct engine_feed_holes *h = e->feeds->holes;

	h->late |= ROLE_BIT(peer);
	tell_acting(e, peer);
	if (h->has_one && !h->is_changed && !h->is_running) {
		give_to_late(e, peer);
		return;
	}
	engine_feed_holes_changed(e);
}

enum err engine_feed_give_start(struct engine *e)
{
	struct engine_feed_holes *h = calloc(1, sizeof *h);

	if (!h)
		return ERR_NOMEM;
	e->feeds->holes = h;
	h->e = e;
	h->now = h->next = AREA_MEMORY_NONE;
	h->done = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (h->done < 0)
		return ERR_IO;
	h->watch = loop_fd(e->host->loop, h->done, LOOP_READ, on_done, h);
	return h->watch ? ERR_OK : ERR_NOMEM;
}

void engine_feed_give_stop(struct engine *e)
{
	struct engine_feed_holes *h = e->feeds->holes;

	if (!h)
		return;
	if (h->is_running)
		end(h);
	loop_remove(h->watch);
	if (h->done >= 0)
		(void)close(h->done);
	area_memory_close(&h->now);
	free(h);
	e->feeds->holes = NULL;
}
