/*
 * fetch_lists: the DNS lists of the configuration. Each has its sentinel and is
 * tested in rounds; only those that are on are asked about clients.
 * SPDX-License-Identifier: ISC
 */
#include "role/fetch.h"

#include "io/log.h"

#include <sodium.h>
#include <stdlib.h>

#define SHARE_ALLOW 20 /* percent of canaries, where the configuration says 0 */
#define SHARE_BLOCK 80

struct list;

/* Each question under way has one of these as its context. */
struct probe {
	struct list *list;
	unsigned number;
};

struct list {
	struct fetch *fetch;
	const struct conf_dns_list *conf;
	struct dns_codes codes;
	struct dns_sentinel sentinel;
	bool is_testing;
	uint64_t asked, listed, silent;
	struct probe probe[SENTINEL_PROBES];
};

struct one {
	struct ask *ask;
	struct list *list;
};

struct ask {
	struct fetch *fetch;
	bool is_used;
	uint64_t seq;
	unsigned waiting;      /* lists that have not answered; 1 more while questions go out */
	unsigned blocks;       /* block lists that were asked */
	unsigned unlisted;     /* of them: does not have it */
	const char *listed_by; /* a block list */
	struct one one[CONF_DNS_LISTS];
};

struct fetch_lists {
	unsigned count;
	struct list list[CONF_DNS_LISTS];
	struct ask ask[FETCH_ASKS];
};

struct fetch_lists *fetch_lists_new(struct fetch *f)
{
	const struct conf *c = &f->host->conf;
	struct fetch_lists *l = calloc(1, sizeof *l);

	for (uint32_t i = 0; l && i < c->dns_lists; i++) {
		struct list *x = &l->list[l->count];

		*x = (struct list){ .fetch = f, .conf = &c->dns_list[i] };
		if (dns_codes_parse(slice_str(x->conf->codes), &x->codes) == ERR_OK) /* checked when it was read */
			l->count++;
		for (unsigned k = 0; k < SENTINEL_PROBES; k++)
			x->probe[k] = (struct probe){ x, k };
	}
	for (size_t i = 0; l && i < FETCH_ASKS; i++)
		l->ask[i].fetch = f;
	return l;
}

void fetch_lists_free(struct fetch_lists *l)
{
	free(l);
}

static unsigned share_of(const struct list *l)
{
	if (l->conf->canaries)
		return l->conf->canaries;
	return l->conf->kind == DNS_KIND_ALLOW ? SHARE_ALLOW : SHARE_BLOCK;
}

static void send(struct fetch *f, const struct wr *w)
{
	/* a state is followed by the next one; a question without answer ends by its time */
	if (role_host_send(f->host, ROLE_ENGINE, w, NULL, 0) != ERR_OK)
		log_debug("fetch_lost", "bytes=%zu", w->n);
}

static void report(const struct list *l)
{
	const struct fetch_lists *all = l->fetch->lists;
	struct msg_dns_state m = { .index = (uint8_t)(l - all->list),
		.count = (uint8_t)all->count,
		.kind = (uint8_t)l->conf->kind,
		.state = (uint8_t)l->sentinel.state,
		.why = (uint8_t)l->sentinel.why,
		.since = l->sentinel.since,
		.tested = l->sentinel.tested,
		.asked = l->asked,
		.listed = l->listed,
		.silent = l->silent };
	uint8_t out[256];
	struct wr w = wr_init(out, sizeof out);

	slice_copy(slice_str(l->conf->title), m.list, sizeof m.list);
	message_put_dns_state(&w, MSG_DNS_STATE, &m);
	send(l->fetch, &w);
}

void fetch_lists_report(struct fetch *f)
{
	for (unsigned i = 0; i < f->lists->count; i++)
		report(&f->lists->list[i]);
}

/* Its state is another than before. */
static void changed(const struct list *l, enum sentinel_state before)
{
	const struct dns_sentinel *s = &l->sentinel;

	if (s->state == before)
		return;
	if (s->state == SENTINEL_OFF)
		log_warn("dns_list", "list=%s state=off reason=\"%s\"", l->conf->title, dns_sentinel_text(s->why));
	else
		log_info("dns_list", "list=%s state=on", l->conf->title);
	report(l);
}

static void take_probe(struct probe *p, enum dns_verdict v)
{
	struct list *l = p->list;
	enum sentinel_state before = l->sentinel.state;

	if (!dns_sentinel_answer(&l->sentinel, p->number, v, share_of(l), clock_wall_s()))
		return;
	l->is_testing = false;
	changed(l, before);
}

static void on_probe(void *ctx, const struct dns_question *q, const struct dns_answer *a)
{
	struct probe *p = ctx;

	(void)q;
	take_probe(p, dns_list_judge(&p->list->codes, a));
}

static void test(struct list *l)
{
	uint64_t random[SENTINEL_CANARIES];

	randombytes_buf(random, sizeof random);
	dns_sentinel_begin(&l->sentinel, l->conf->ipv6, random);
	l->is_testing = true;
	for (unsigned i = 0; i < l->sentinel.probes; i++) {
		struct dns_question q;

		if (dns_list_question(&l->sentinel.probe[i], l->conf->zone, &q) != ERR_OK ||
			resolver_ask(l->fetch->resolver, &q, on_probe, &l->probe[i]) != ERR_OK)
			take_probe(&l->probe[i], DNS_NO_ANSWER);
	}
}

void fetch_lists_test(struct fetch *f)
{
	for (unsigned i = 0; i < f->lists->count; i++)
		if (!f->lists->list[i].is_testing)
			test(&f->lists->list[i]);
}

static void says(struct ask *a, enum dns_says result, const char *list)
{
	struct msg_dns_says m = { .seq = a->seq, .result = (uint8_t)result };
	uint8_t out[64];
	struct wr w = wr_init(out, sizeof out);

	slice_copy(slice_str(list), m.list, sizeof m.list);
	message_put_dns_says(&w, MSG_DNS_SAYS, &m);
	send(a->fetch, &w);
}

static void ask_end(struct ask *a)
{
	for (unsigned i = 0; i < CONF_DNS_LISTS; i++)
		resolver_forget(a->fetch->resolver, &a->one[i]);
	a->is_used = false;
}

static void ask_done(struct ask *a)
{
	if (a->listed_by)
		says(a, DNS_SAYS_LISTED, a->listed_by);
	else if (a->blocks && a->unlisted == a->blocks)
		says(a, DNS_SAYS_UNLISTED, "");
	else
		says(a, DNS_SAYS_NOTHING, "");
	ask_end(a);
}

static void take_verdict(struct one *o, enum dns_verdict v)
{
	struct list *l = o->list;
	enum sentinel_state before = l->sentinel.state;
	struct ask *a = o->ask;
	bool is_allow = l->conf->kind == DNS_KIND_ALLOW;

	a->waiting--;
	l->silent += v == DNS_NO_ANSWER;
	(void)dns_sentinel_seen(&l->sentinel, v, clock_wall_s());
	changed(l, before);
	/* a list that went off meanwhile has no say */
	if (l->sentinel.state == SENTINEL_ON) {
		l->listed += v == DNS_LISTED;
		if (v == DNS_LISTED && is_allow) {
			says(a, DNS_SAYS_ALLOWED, l->conf->title);
			ask_end(a);
			return;
		}
		if (v == DNS_LISTED)
			a->listed_by = l->conf->title;
		a->unlisted += !is_allow && (v == DNS_UNLISTED || v == DNS_OTHER);
	}
	if (a->waiting == 0)
		ask_done(a);
}

static void on_verdict(void *ctx, const struct dns_question *q, const struct dns_answer *a)
{
	struct one *o = ctx;

	(void)q;
	take_verdict(o, dns_list_judge(&o->list->codes, a));
}

/* An answer that is there at once may end the whole ask. */
static void ask_list(struct ask *a, struct list *l, const struct ipaddr *client)
{
	struct one *o = &a->one[l - a->fetch->lists->list];
	struct dns_question q;

	if (l->sentinel.state != SENTINEL_ON || (client->family == 6 && !l->conf->ipv6) ||
		dns_list_question(client, l->conf->zone, &q) != ERR_OK)
		return;
	*o = (struct one){ a, l };
	a->waiting++;
	a->blocks += l->conf->kind == DNS_KIND_BLOCK;
	l->asked++;
	if (resolver_ask(a->fetch->resolver, &q, on_verdict, o) != ERR_OK)
		take_verdict(o, DNS_NO_ANSWER);
}

void fetch_lists_ask(struct fetch *f, const struct msg_dns_ask *m)
{
	struct ask none = { .fetch = f, .seq = m->seq }, *a = NULL;

	for (size_t i = 0; i < FETCH_ASKS && !a; i++)
		if (!f->lists->ask[i].is_used)
			a = &f->lists->ask[i];
	if (!a) {
		says(&none, DNS_SAYS_NOTHING, "");
		return;
	}
	*a = (struct ask){ .fetch = f, .is_used = true, .seq = m->seq, .waiting = 1 };
	for (unsigned i = 0; i < f->lists->count && a->is_used; i++)
		ask_list(a, &f->lists->list[i], &m->client);
	if (a->is_used && --a->waiting == 0)
		ask_done(a);
}

void fetch_lists_drop(struct fetch *f)
{
	for (size_t i = 0; f->lists && i < FETCH_ASKS; i++)
		if (f->lists->ask[i].is_used)
			ask_end(&f->lists->ask[i]);
}
