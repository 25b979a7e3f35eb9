/*
 * dnsbl: the order of things.
 * SPDX-License-Identifier: ISC
 */
#include "role/dnsbl.h"

#include "io/log.h"

#include <sodium.h>
#include <stdlib.h>
#include <unistd.h>

#define SECOND_MS 1000

/* ---- settings */

static void take_rate(struct dnsbl *d)
{
	uint32_t rate = d->host->conf.dnsbl.rate;

	if (rate && !d->rate) {
		d->rate = calloc(1, sizeof *d->rate);
		if (d->rate)
			randombytes_buf(d->rate->key, sizeof d->rate->key);
		else
			log_warn("dnsbl", "text=\"no memory for the rate limit: there is none\"");
	} else if (!rate) {
		free(d->rate);
		d->rate = NULL;
	}
}

static void take_conf(struct dnsbl *d)
{
	const struct conf *c = &d->host->conf;
	enum err e = dnsbl_zone_init(&d->zone, c);

	/* the parent has checked the name: what is left is its length */
	if (e != ERR_OK)
		log_alarm("dnsbl", "text=\"zone: %s\" note=\"all questions are refused\"", err_name(e));
	d->has_zone = e == ERR_OK;
	d->list.code_hit = (uint8_t)c->dnsbl.code_hit;
	d->list.code_person = (uint8_t)c->dnsbl.code_person;
	d->list.code_wide = (uint8_t)c->dnsbl.code_wide;
	d->allows = 0;
	for (uint32_t i = 0; i < c->dnsbl.allow.count; i++)
		d->allows += prefix_parse(slice_str(c->dnsbl.allow.item[i]), &d->allow[d->allows]) == ERR_OK;
	take_rate(d);
}

bool dnsbl_may_ask(const struct dnsbl *d, const struct ipaddr *client)
{
	bool may = false;

	for (unsigned i = 0; i < d->allows && !may; i++)
		may = prefix_has(&d->allow[i], client);
	return may && d->has_zone;
}

/* ---- what the engine hands over */

/* The old area stays in use where the new one is no good. */
static void take_blocks(struct dnsbl *d, int fd)
{
	struct area_memory m;
	struct block_view v;
	enum err e = area_memory_open_blocks(fd, &m, &v);

	if (e != ERR_OK) {
		log_warn("blocks_refused", "reason=\"%s\"", err_name(e));
		role_host_give_up(d->host, e);
		return;
	}
	area_memory_close(&d->blocks);
	d->blocks = m;
	d->list.view = v;
	d->list.has_view = true;
}

static void on_old(void *ctx)
{
	struct dnsbl *d = ctx;

	if (area_memory_give_back(&d->old, DNSBL_GIVE_BACK))
		return;
	loop_remove(d->old_watch);
	d->old_watch = NULL;
}

/* Millions of addresses take milliseconds to give back, in which nobody would be answered. */
static void give_back(struct dnsbl *d, struct area_memory *m)
{
	if (!m->map)
		return;
	area_memory_close(&d->old); /* two at once are rare: that one has to go now */
	d->old = *m;
	if (!d->old_watch)
		d->old_watch = loop_every(d->host->loop, DNSBL_GIVE_BACK_MS, on_old, d);
	if (!d->old_watch)
		area_memory_close(&d->old);
}

static void take_holes(struct dnsbl *d, int fd)
{
	struct area_memory m = AREA_MEMORY_NONE, old = d->holes;
	struct feed_area a = { 0 };
	enum err e = fd >= 0 ? area_memory_open_feed(fd, &m, &a) : ERR_OK;

	if (e != ERR_OK) {
		log_warn("holes_refused", "note=\"those before stay\"");
		role_host_give_up(d->host, e);
		return;
	}
	d->holes = m;
	d->list.holes = a;
	d->list.has_holes = fd >= 0;
	give_back(d, &old);
}

static void count_feeds(struct dnsbl *d)
{
	d->list.feeds = 0;
	d->state.feeds = 0;
	for (unsigned i = 0; i < FEEDS_MAX; i++) {
		if (!d->list.feed[i].is_used)
			continue;
		d->list.feeds = i + 1;
		d->state.feeds++;
	}
}

/* The new set is in use before the old one goes. */
static void take_feed(struct dnsbl *d, const struct msg_feed_give *m, int fd)
{
	struct area_memory memory = AREA_MEMORY_NONE, old = d->feed[m->index];
	struct dnsbl_feed f = { .code = m->code };
	enum err e;

	if (fd >= 0 && !(m->layers & FEED_LAYER_DNSBL)) {
		(void)close(fd);
		fd = -1;
	}
	e = fd >= 0 ? area_memory_open_feed(fd, &memory, &f.area) : ERR_OK;
	if (e != ERR_OK) {
		log_warn("feed_refused", "feed=%u note=\"its set before stays\"", m->index);
		role_host_give_up(d->host, e);
		return;
	}
	f.is_used = fd >= 0;
	memcpy(f.name, m->name, sizeof f.name);
	d->feed[m->index] = memory;
	d->list.feed[m->index] = f;
	count_feeds(d);
	give_back(d, &old);
}

static void take_give(struct dnsbl *d, struct rd *body, const int *fds, size_t n)
{
	struct msg_feed_give m;
	int fd = n ? fds[0] : -1;

	if (message_get_feed_give(body, &m) != ERR_OK) {
		if (fd >= 0)
			(void)close(fd);
		return;
	}
	if (m.use == FEED_USE_HOLES)
		take_holes(d, fd);
	else
		take_feed(d, &m, fd);
}

static void dnsbl_message(
	struct role_host *h, enum role peer, enum message_type t, struct rd *body, const int *fds, size_t n)
{
	struct dnsbl *d = h->ctx;
	struct msg_acting m;

	if (peer == ROLE_ENGINE && t == MSG_BLOCKS && n == 1) {
		take_blocks(d, fds[0]);
	} else if (peer == ROLE_ENGINE && t == MSG_FEED_GIVE) {
		take_give(d, body, fds, n);
	} else {
		if (peer == ROLE_ENGINE && t == MSG_ACTING && message_get_acting(body, &m) == ERR_OK)
			d->list.is_acting = m.is_acting;
		for (size_t i = 0; i < n; i++)
			(void)close(fds[i]);
	}
	dnsbl_state_tell(d);
}

/* ---- the order */

static enum err dnsbl_start(struct role_host *h)
{
	struct dnsbl *d = calloc(1, sizeof *d);

	if (!d)
		return ERR_NOMEM;
	h->ctx = d;
	d->host = h;
	d->blocks = d->holes = d->old = AREA_MEMORY_NONE;
	for (unsigned i = 0; i < FEEDS_MAX; i++)
		d->feed[i] = AREA_MEMORY_NONE;
	d->udp = dnsbl_udp_new();
	if (!d->udp || sodium_init() < 0)
		return ERR_NOMEM;
	take_conf(d);
	return ERR_OK;
}

static void on_second(void *ctx)
{
	dnsbl_tcp_second(ctx);
	dnsbl_state_second(ctx);
}

/* fd -1: not given. */
static bool watch(struct dnsbl *d, int fd, loop_fd_fn fn, struct loop_watch **ret)
{
	if (fd < 0)
		return true;
	*ret = loop_fd(d->host->loop, fd, LOOP_READ, fn, d);
	return *ret != NULL;
}

static void dnsbl_serve(struct role_host *h)
{
	struct dnsbl *d = h->ctx;
	bool is_good = true;

	d->second = loop_every(h->loop, SECOND_MS, on_second, d);
	for (unsigned i = 0; i < ROLE_LISTENERS; i++)
		is_good = is_good && watch(d, h->listener[LISTENER_DNS_UDP][i], dnsbl_on_datagram, &d->udp_watch[i]) &&
			  watch(d, h->listener[LISTENER_DNS_TCP][i], dnsbl_on_listener, &d->tcp_watch[i]);
	if (!is_good || !d->second)
		role_host_give_up(h, ERR_NOMEM); /* before the loop runs a loop_stop is lost */
}

static void dnsbl_linked(struct role_host *h, enum role peer)
{
	struct dnsbl *d = h->ctx;

	d->is_told = false;
	if (peer == ROLE_ENGINE)
		dnsbl_state_tell(d);
}

static void dnsbl_reloaded(struct role_host *h)
{
	take_conf(h->ctx);
	dnsbl_state_tell(h->ctx);
}

static void dnsbl_stop(struct role_host *h)
{
	struct dnsbl *d = h->ctx;

	for (unsigned i = 0; i < ROLE_LISTENERS; i++) {
		loop_remove(d->udp_watch[i]);
		loop_remove(d->tcp_watch[i]);
	}
	loop_remove(d->second);
	loop_remove(d->old_watch);
	dnsbl_tcp_stop(d);
	area_memory_close(&d->old);
	area_memory_close(&d->blocks);
	area_memory_close(&d->holes);
	for (unsigned i = 0; i < FEEDS_MAX; i++)
		area_memory_close(&d->feed[i]);
	free(d->udp);
	free(d->rate);
	free(d);
	h->ctx = NULL;
	loop_stop(h->loop);
}

const struct role_ops dnsbl_ops = {
	.start = dnsbl_start,
	.serve = dnsbl_serve,
	.linked = dnsbl_linked,
	.message = dnsbl_message,
	.reloaded = dnsbl_reloaded,
	.stop = dnsbl_stop,
};
