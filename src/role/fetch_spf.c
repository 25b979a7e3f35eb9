/*
 * fetch_spf: walks of core/spf_walk, many at once, each with one question
 * under way. For checks a walked domain is remembered for its lifetime.
 * SPDX-License-Identifier: ISC
 */
#include "role/fetch.h"

#include "base/escape.h"
#include "io/log.h"

#include <stdlib.h>

struct job {
	struct fetch *fetch;
	struct spf_walk *walk; /* NULL: free */
	bool is_check;
	struct msg_spf_ask ask;
};

struct kept {
	char domain[DNS_NAME]; /* "": free */
	struct spf_set set;
	uint64_t until, used; /* mono_s */
};

struct fetch_spf {
	struct job job[FETCH_WALKS];
	struct kept kept[FETCH_KEPT];
};

struct fetch_spf *fetch_spf_new(struct fetch *f)
{
	struct fetch_spf *s = calloc(1, sizeof *s);

	for (size_t i = 0; s && i < FETCH_WALKS; i++)
		s->job[i].fetch = f;
	return s;
}

/* An answer is kept for its lifetime, however the clock of the wall is set meanwhile. */
static uint64_t mono_s(void)
{
	return clock_mono_ms() / 1000;
}

static void job_free(struct job *j)
{
	spf_walk_free(j->walk);
	j->walk = NULL;
}

void fetch_spf_free(struct fetch_spf *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < FETCH_WALKS; i++)
		job_free(&s->job[i]);
	for (size_t i = 0; i < FETCH_KEPT; i++)
		spf_set_done(&s->kept[i].set);
	free(s);
}

void fetch_spf_drop(struct fetch *f)
{
	for (size_t i = 0; f->spf && i < FETCH_WALKS; i++) {
		struct job *j = &f->spf->job[i];

		if (!j->walk)
			continue;
		resolver_forget(f->resolver, j);
		job_free(j);
	}
}

static void send(struct fetch *f, const struct wr *w)
{
	/* what is lost is asked again: the engine waits for no answer for long */
	if (role_host_send(f->host, ROLE_ENGINE, w, NULL, 0) != ERR_OK)
		log_debug("fetch_lost", "bytes=%zu", w->n);
}

static void send_says(struct fetch *f, uint64_t seq, enum spf_says says)
{
	struct msg_spf_says m = { .seq = seq, .result = (uint8_t)says };
	uint8_t out[32];
	struct wr w = wr_init(out, sizeof out);

	message_put_spf_says(&w, MSG_SPF_SAYS, &m);
	send(f, &w);
}

static void send_set(struct fetch *f, uint64_t seq, const struct spf_walk *walk)
{
	static struct msg_spf_set m;
	static uint8_t out[MESSAGE_MAX];
	struct wr w = wr_init(out, sizeof out);
	const struct spf_set *set = walk ? spf_walk_set(walk) : NULL;

	m = (struct msg_spf_set){ .seq = seq, .state = SPF_TEMPERROR };
	slice_copy(SLICE_LIT("too many are asked for at once"), m.reason, sizeof m.reason);
	if (walk) {
		m.state = (uint8_t)spf_walk_state(walk);
		m.is_partial = spf_walk_is_partial(walk);
		m.ttl_s = spf_walk_ttl(walk);
		slice_copy(slice_str(spf_walk_reason(walk)), m.reason, sizeof m.reason);
	}
	for (size_t i = 0; set && i < set->count; i++)
		m.prefix[m.count++] = set->prefix[i];
	message_put_spf_set(&w, MSG_SPF_SET, &m);
	send(f, &w);
}

/* A policy that lets the world pass says nothing about a sender. */
static enum spf_says says_of(const struct spf_set *s, const struct ipaddr *client)
{
	return spf_set_has(s, client) && !spf_set_is_world(s) ? SPF_SAYS_PASS : SPF_SAYS_NO;
}

static struct kept *find_kept(struct fetch_spf *s, const char *domain, uint64_t now)
{
	for (size_t i = 0; i < FETCH_KEPT; i++)
		if (s->kept[i].until > now && strcmp(s->kept[i].domain, domain) == 0)
			return &s->kept[i];
	return NULL;
}

/* In place of the one that was not used for longest. */
static void keep(struct fetch_spf *s, const struct job *j, uint64_t now)
{
	const struct spf_set *set = spf_walk_set(j->walk);
	struct kept *k = &s->kept[0];
	enum err e = ERR_OK;

	for (size_t i = 1; i < FETCH_KEPT; i++)
		if (s->kept[i].used < k->used)
			k = &s->kept[i];
	spf_set_done(&k->set);
	for (size_t i = 0; i < set->count && e == ERR_OK; i++)
		e = spf_set_add(&k->set, &set->prefix[i]);
	k->until = e == ERR_OK ? now + spf_walk_ttl(j->walk) : 0;
	k->used = now;
	memcpy(k->domain, j->ask.domain, sizeof k->domain);
}

static void finish(struct job *j)
{
	struct fetch *f = j->fetch;
	bool is_known = spf_walk_state(j->walk) != SPF_TEMPERROR;
	char domain[DNS_NAME];

	log_debug("spf_walk", "domain=\"%s\" state=%s prefixes=%zu",
		escape_text(slice_str(j->ask.domain), domain, sizeof domain), spf_state_name(spf_walk_state(j->walk)),
		spf_walk_set(j->walk)->count);
	if (!j->is_check) {
		send_set(f, j->ask.seq, j->walk);
	} else {
		/* who passes before the DNS fails passes */
		enum spf_says says = says_of(spf_walk_set(j->walk), &j->ask.client);

		send_says(f, j->ask.seq, is_known || says == SPF_SAYS_PASS ? says : SPF_SAYS_UNKNOWN);
		if (is_known)
			keep(f->spf, j, mono_s());
	}
	job_free(j);
}

static void on_answer(void *ctx, const struct dns_question *q, const struct dns_answer *a);

static void ask_next(struct job *j)
{
	static const struct dns_answer failed = { .result = DNS_FAILED };

	if (spf_walk_state(j->walk) == SPF_ASKS &&
		resolver_ask(j->fetch->resolver, spf_walk_question(j->walk), on_answer, j) != ERR_OK)
		spf_walk_answer(j->walk, &failed);
	else if (!j->walk) /* the resolver answered at once, and the walk ended there */
		return;
	if (spf_walk_state(j->walk) != SPF_ASKS)
		finish(j);
}

static void on_answer(void *ctx, const struct dns_question *q, const struct dns_answer *a)
{
	struct job *j = ctx;

	(void)q;
	spf_walk_answer(j->walk, a);
	ask_next(j);
}

/* False: too many at once, or no memory. */
static bool begin(struct fetch *f, const struct msg_spf_ask *m, bool is_check)
{
	for (size_t i = 0; i < FETCH_WALKS; i++) {
		struct job *j = &f->spf->job[i];

		if (j->walk)
			continue;
		j->walk = spf_walk_new(slice_str(m->domain));
		j->is_check = is_check;
		j->ask = *m;
		if (!j->walk)
			return false;
		ask_next(j); /* it may end at once, and say so */
		return true;
	}
	return false;
}

void fetch_spf_walk(struct fetch *f, const struct msg_spf_ask *m)
{
	if (!begin(f, m, false))
		send_set(f, m->seq, NULL);
}

void fetch_spf_check(struct fetch *f, const struct msg_spf_ask *m)
{
	uint64_t now = mono_s();
	struct kept *k = find_kept(f->spf, m->domain, now);

	if (k) {
		k->used = now;
		send_says(f, m->seq, says_of(&k->set, &m->client));
	} else if (!begin(f, m, true)) {
		send_says(f, m->seq, SPF_SAYS_UNKNOWN);
	}
}
