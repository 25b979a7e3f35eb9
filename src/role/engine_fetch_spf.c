/*
 * engine_fetch_spf: each domain of an `spf:` entry is walked when its set runs
 * out, at most FETCH_WALKING at once. The last good set is in the store too,
 * so that a restart without DNS allows who was allowed before.
 * SPDX-License-Identifier: ISC
 */
#include "role/engine_fetch.h"

#include <stdio.h>
#include <stdlib.h>

#include "io/log.h"

#define WARN_AGAIN_S 3600
#define WALK_LATE_S 300 /* without an answer it is asked for again */
#define EMPTY_SHOWN 3
#define STORED_VERSION 1
#define STORED_MAX (32 + SPF_SET_MAX * 18)
#define STORED_KEY "spf/"

struct entry {
	char domain[DNS_NAME];
	struct spf_keep keep;
	uint64_t seq;   /* walk under way; 0: none */
	uint64_t asked; /* engine_mono_s */
	uint64_t since; /* named by a line, in this run */
	unsigned round; /* the last build of the list that named it */
};

struct check {
	uint64_t seq; /* 0: free */
	uint64_t until_ms;
	void (*done)(void *ctx, enum spf_says says);
	void *ctx;
};

struct engine_fetch_spf {
	struct entry *entry[FETCH_ENTRIES];
	size_t entries;
	unsigned round;
	bool is_over; /* more domains than FETCH_ENTRIES */
	uint64_t warned_at;
	struct check check[FETCH_CHECKS];
	size_t checks;
};

struct engine_fetch_spf *engine_fetch_spf_new(void)
{
	return calloc(1, sizeof(struct engine_fetch_spf));
}

static void entry_free(struct entry *x)
{
	spf_keep_done(&x->keep);
	free(x);
}

void engine_fetch_spf_free(struct engine_fetch_spf *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->entries; i++)
		entry_free(s->entry[i]);
	free(s);
}

/* ---- the store */

static struct slice stored_key(const struct entry *x, char to[sizeof STORED_KEY + DNS_NAME])
{
	(void)snprintf(to, sizeof STORED_KEY + DNS_NAME, STORED_KEY "%s", x->domain);
	return slice_str(to);
}

static void save(struct engine *e, const struct entry *x)
{
	char key[sizeof STORED_KEY + DNS_NAME];
	static uint8_t value[STORED_MAX];
	struct wr w = wr_init(value, sizeof value);

	wr_u8(&w, STORED_VERSION);
	wr_u64(&w, x->keep.good_at);
	wr_u8(&w, x->keep.is_partial);
	wr_u16(&w, (uint16_t)x->keep.set.count);
	for (size_t i = 0; i < x->keep.set.count; i++)
		wr_prefix(&w, &x->keep.set.prefix[i]);
	if (w.bad || !store_put(e->store, TABLE_META, stored_key(x, key), wr_slice(&w)))
		log_debug("spf", "domain=%s text=\"not stored\"", x->domain);
}

static enum err read_set(struct rd *r, struct spf_keep *k)
{
	unsigned version = rd_u8(r), n;
	struct spf_set set = { 0 };
	uint64_t good_at = rd_u64(r);
	bool is_partial = rd_u8(r) != 0;
	enum err e = version == STORED_VERSION ? ERR_OK : ERR_VERSION;

	n = rd_u16(r);
	for (unsigned i = 0; i < n && e == ERR_OK && !r->bad; i++) {
		struct prefix p = rd_prefix(r);

		e = p.addr.family ? spf_set_add(&set, &p) : ERR_SYNTAX;
	}
	if (e == ERR_OK && !rd_end(r))
		e = ERR_SYNTAX;
	if (e != ERR_OK) {
		spf_set_done(&set);
		return e;
	}
	spf_set_sort(&set);
	k->set = set;
	k->has_set = set.count > 0;
	k->is_partial = is_partial;
	k->good_at = good_at;
	return ERR_OK;
}

static void load(struct engine *e, struct entry *x)
{
	char key[sizeof STORED_KEY + DNS_NAME];
	static uint8_t value[STORED_MAX];
	struct rd r;
	size_t n;

	if (store_get(e->store, TABLE_META, stored_key(x, key), value, sizeof value, &n) != ERR_OK)
		return;
	r = rd_init(value, n);
	if (read_set(&r, &x->keep) != ERR_OK)
		log_warn("spf", "domain=%s text=\"what is stored of it is malformed: looked up anew\"", x->domain);
}

/* ---- the entries */

void engine_fetch_spf_begin(struct engine *e)
{
	e->fetch->spf->round++;
	e->fetch->spf->is_over = false;
}

static struct entry *find(struct engine_fetch_spf *s, const char *domain)
{
	for (size_t i = 0; i < s->entries; i++)
		if (strcmp(s->entry[i]->domain, domain) == 0)
			return s->entry[i];
	return NULL;
}

static struct entry *find_or_add(struct engine *e, const char *domain)
{
	struct engine_fetch_spf *s = e->fetch->spf;
	struct entry *x = find(s, domain);

	if (x)
		return x;
	if (s->entries == FETCH_ENTRIES || !(x = calloc(1, sizeof *x))) {
		s->is_over = true;
		return NULL;
	}
	memcpy(x->domain, domain, sizeof x->domain);
	x->since = clock_wall_s();
	s->entry[s->entries++] = x;
	load(e, x);
	return x;
}

const struct prefix *engine_fetch_spf_prefixes(struct engine *e, struct slice domain, size_t *ret_n)
{
	char name[DNS_NAME] = "";
	struct entry *x = dns_question_name(domain, name) == ERR_OK ? find_or_add(e, name) : NULL;

	*ret_n = x ? x->keep.set.count : 0;
	if (!x)
		return NULL;
	x->round = e->fetch->spf->round;
	return x->keep.set.prefix;
}

void engine_fetch_spf_end(struct engine *e)
{
	struct engine_fetch_spf *s = e->fetch->spf;
	size_t n = 0;

	if (s->is_over)
		log_alarm("allow", "text=\"more than %u spf: domains: the others are not looked up\"", FETCH_ENTRIES);
	for (size_t i = 0; i < s->entries; i++) {
		struct entry *x = s->entry[i];
		char key[sizeof STORED_KEY + DNS_NAME];

		if (x->round == s->round) {
			s->entry[n++] = x;
			continue;
		}
		(void)store_del(e->store, TABLE_META, stored_key(x, key));
		entry_free(x);
	}
	s->entries = n;
}

static bool send_ask(struct engine *e, enum message_type t, const struct msg_spf_ask *m)
{
	uint8_t out[512];
	struct wr w = wr_init(out, sizeof out);

	message_put_spf_ask(&w, t, m);
	return role_host_send(e->host, ROLE_FETCH, &w, NULL, 0) == ERR_OK;
}

static void walk(struct engine *e, struct entry *x)
{
	struct msg_spf_ask m = { .seq = engine_fetch_seq() };

	memcpy(m.domain, x->domain, sizeof m.domain);
	if (!send_ask(e, MSG_SPF_WALK, &m))
		return;
	x->seq = m.seq;
	x->asked = engine_mono_s();
}

void engine_fetch_spf_linked(struct engine *e)
{
	struct engine_fetch_spf *s = e->fetch->spf;

	for (size_t i = 0; i < s->entries; i++)
		if (s->entry[i]->keep.state == SPF_TEMPERROR)
			s->entry[i]->keep.next = 0;
}

void engine_fetch_spf_second(struct engine *e, uint64_t now)
{
	struct engine_fetch_spf *s = e->fetch->spf;
	uint64_t mono = engine_mono_s();
	unsigned walking = 0;

	for (size_t i = 0; i < s->entries; i++) {
		struct entry *x = s->entry[i];

		if (x->seq && x->asked + WALK_LATE_S < mono)
			x->seq = 0;
		walking += x->seq != 0;
	}
	for (size_t i = 0; i < s->entries && walking < FETCH_WALKING && e->host->link[ROLE_FETCH]; i++) {
		struct entry *x = s->entry[i];

		if (x->seq || !spf_keep_is_due(&x->keep, now))
			continue;
		walk(e, x);
		walking++;
	}
}

/* Where the DNS is gone, it is so for all of them: one line. */
static void warn_unanswered(struct engine_fetch_spf *s, const char *reason)
{
	uint64_t now = engine_mono_s();

	if (s->warned_at && now < s->warned_at + WARN_AGAIN_S)
		return;
	s->warned_at = now;
	log_warn("spf", "reason=\"%s\" text=\"the DNS does not answer: spf: entries stay as they were\"", reason);
}

static void tell(struct engine *e, const struct entry *x, enum spf_taken t, const struct msg_spf_set *m)
{
	char text[DNS_NAME + 300];

	if (t == SPF_KEPT && x->keep.state == SPF_TEMPERROR) {
		log_debug("spf", "domain=%s reason=\"%s\"", x->domain, m->reason);
		warn_unanswered(e->fetch->spf, m->reason);
		return;
	}
	if (t == SPF_KEPT || (t == SPF_HELD_EMPTY && !x->keep.has_set))
		log_warn(
			"spf", "domain=%s state=%s reason=\"%s\"", x->domain, spf_state_name(x->keep.state), m->reason);
	else
		log_info("spf", "domain=%s state=%s prefixes=%zu ttl=%u partial=%d", x->domain,
			spf_state_name(x->keep.state), x->keep.set.count, m->ttl_s, x->keep.is_partial);
	if ((t != SPF_HELD_EMPTY || !x->keep.has_set) && t != SPF_HELD_SHRUNK && t != SPF_REFUSED_WORLD)
		return;
	(void)snprintf(text, sizeof text, "allow entry spf:%s %s", x->domain, spf_taken_text(t));
	engine_alarm(e, "spf", x->domain, text);
}

static struct entry *find_seq(struct engine_fetch_spf *s, uint64_t seq)
{
	for (size_t i = 0; i < s->entries; i++)
		if (s->entry[i]->seq == seq)
			return s->entry[i];
	return NULL;
}

void engine_fetch_spf_set(struct engine *e, const struct msg_spf_set *m)
{
	struct entry *x = m->seq ? find_seq(e->fetch->spf, m->seq) : NULL;
	struct spf_set set = { 0 };
	enum spf_state state = (enum spf_state)m->state;
	enum spf_taken t;

	if (!x) /* late, or its line has gone */
		return;
	x->seq = 0;
	for (unsigned i = 0; i < m->count && state != SPF_TEMPERROR; i++)
		if (spf_set_add(&set, &m->prefix[i]) != ERR_OK)
			state = SPF_TEMPERROR;
	spf_set_sort(&set);
	t = spf_keep_take(&x->keep, state, &set, m->is_partial, m->ttl_s, clock_wall_s());
	spf_set_done(&set);
	tell(e, x, t, m);
	if (t == SPF_TAKEN) {
		save(e, x);
		(void)engine_allow_renew(e);
	}
}

/* ---- checks */

enum err engine_fetch_spf_check(struct engine *e, struct slice domain, const struct ipaddr *client,
	void (*done)(void *ctx, enum spf_says says), void *ctx)
{
	struct engine_fetch_spf *s = e->fetch->spf;
	struct msg_spf_ask m = { .seq = engine_fetch_seq(), .client = *client };
	struct check *c = s->check;

	if (dns_question_name(domain, m.domain) != ERR_OK)
		return ERR_SYNTAX;
	if (s->checks == FETCH_CHECKS)
		return ERR_FULL;
	if (!send_ask(e, MSG_SPF_CHECK, &m))
		return ERR_CLOSED;
	while (c->seq)
		c++;
	*c = (struct check){ m.seq, clock_mono_ms() + FETCH_CHECK_MS, done, ctx };
	s->checks++;
	engine_fetch_watch(e);
	return ERR_OK;
}

static void check_end(struct engine_fetch_spf *s, struct check *c, enum spf_says says)
{
	struct check was = *c;

	*c = (struct check){ 0 };
	s->checks--;
	was.done(was.ctx, says);
}

void engine_fetch_spf_forget(struct engine *e, const void *ctx)
{
	struct engine_fetch_spf *s = e->fetch->spf;

	for (size_t i = 0; s->checks && i < FETCH_CHECKS; i++) {
		if (!s->check[i].seq || s->check[i].ctx != ctx)
			continue;
		s->check[i] = (struct check){ 0 };
		s->checks--;
	}
}

void engine_fetch_spf_says(struct engine *e, const struct msg_spf_says *m)
{
	struct engine_fetch_spf *s = e->fetch->spf;

	for (size_t i = 0; m->seq && s->checks && i < FETCH_CHECKS; i++) {
		if (s->check[i].seq != m->seq)
			continue;
		check_end(s, &s->check[i], (enum spf_says)m->result);
		return;
	}
}

void engine_fetch_spf_lost(struct engine *e)
{
	struct engine_fetch_spf *s = e->fetch->spf;

	for (size_t i = 0; i < s->entries; i++)
		s->entry[i]->seq = 0;
	for (size_t i = 0; s->checks && i < FETCH_CHECKS; i++)
		if (s->check[i].seq)
			check_end(s, &s->check[i], SPF_SAYS_UNKNOWN);
}

bool engine_fetch_spf_tick(struct engine *e, uint64_t mono_ms)
{
	struct engine_fetch_spf *s = e->fetch->spf;

	for (size_t i = 0; s->checks && i < FETCH_CHECKS; i++)
		if (s->check[i].seq && s->check[i].until_ms <= mono_ms)
			check_end(s, &s->check[i], SPF_SAYS_UNKNOWN);
	return s->checks > 0;
}

/* ---- status */

static json_t *entry_json(const struct entry *x)
{
	return json_pack("{s:s, s:I, s:I, s:I, s:I, s:b, s:s, s:s}", "domain", x->domain, "since", (json_int_t)x->since,
		"prefixes", (json_int_t)x->keep.set.count, "good_at", (json_int_t)x->keep.good_at, "next",
		(json_int_t)x->keep.next, "partial", x->keep.is_partial, "state",
		x->keep.last ? spf_state_name(x->keep.state) : "waiting", "text", spf_taken_text(x->keep.last));
}

static void note_empty(const struct entry *x, unsigned *count, char *to, size_t size)
{
	size_t n = strlen(to);

	if ((*count)++ < EMPTY_SHOWN)
		(void)snprintf(to + n, size - n, "%s%s", n ? ", " : "", x->domain);
}

json_t *engine_fetch_spf_one(const struct engine *e, const char *domain)
{
	char name[DNS_NAME];
	const struct entry *x = dns_question_name(slice_str(domain), name) == ERR_OK ? find(e->fetch->spf, name) : NULL;

	return x ? entry_json(x) : NULL;
}

json_t *engine_fetch_spf_json(const struct engine *e, json_t *warnings)
{
	const struct engine_fetch_spf *s = e->fetch->spf;
	json_t *list = json_array();
	unsigned unanswered = 0, empties = 0;
	char empty[EMPTY_SHOWN * (DNS_NAME + 8)] = "";

	for (size_t i = 0; i < s->entries; i++) {
		const struct entry *x = s->entry[i];
		bool is_bad = x->keep.last >= SPF_KEPT || !x->keep.has_set;

		(void)json_array_append_new(list, entry_json(x));
		if (x->keep.last == SPF_KEPT && x->keep.state == SPF_TEMPERROR)
			unanswered++;
		else if (x->keep.last == SPF_HELD_EMPTY && !x->keep.has_set)
			note_empty(x, &empties, empty, sizeof empty);
		else if (is_bad && x->keep.last)
			(void)json_array_append_new(warnings,
				json_sprintf("allow entry spf:%s %s", x->domain, spf_taken_text(x->keep.last)));
	}
	if (empties)
		(void)json_array_append_new(warnings,
			json_sprintf(
				"%d spf: entries of the allow list allow nobody, these domains have no SPF record: "
				"%s%s",
				(int)empties, empty, empties > EMPTY_SHOWN ? ", ..." : ""));
	if (unanswered)
		(void)json_array_append_new(warnings,
			json_sprintf("%d of %d spf: entries of the allow list: no answer from the DNS, what was known "
				     "stays: fetch { resolvers }, /etc/resolv.conf",
				(int)unanswered, (int)s->entries));
	if (s->entries && !conf_has_fetch(&e->host->conf))
		(void)json_array_append_new(warnings,
			json_sprintf("%d spf: entries of the allow list are not looked up: fetch { dns = yes }",
				(int)s->entries));
	return list;
}
