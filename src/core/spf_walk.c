/*
 * spf_walk: a stack of records, one for the domain and one for each include
 * that is open. Each collects rules (core/spf_set) in order; at its end the
 * addresses that pass there become rules of the record below.
 * SPDX-License-Identifier: ISC
 */
#include "core/spf_walk.h"

#include "core/spf_record.h"

#include <assert.h>
#include <stdlib.h>

#define FRAMES (SPF_TERMS_MAX + 1)

struct frame {
	char domain[DNS_NAME];
	char *record;       /* NULL: not there yet */
	struct slice terms; /* left of it */
	struct slice redirect;
	bool has_all, is_redirect_macro;
	bool is_pass;    /* qualifier of the include that opened it */
	bool is_partial; /* more may pass than its rules say */
	struct spf_rules rules;
};

enum phase { PHASE_RECORD, PHASE_TERMS, PHASE_MX, PHASE_A, PHASE_AAAA };

struct spf_walk {
	enum spf_state state;
	enum phase phase;
	struct dns_question question;
	struct frame frame[FRAMES];
	size_t depth; /* frames in use; the last is the one at work */
	unsigned terms, voids;
	uint32_t ttl_s; /* 0: nothing known yet */
	const char *reason;
	struct spf_set set;
	bool is_partial;

	struct spf_term term; /* a or mx under way */
	bool has_answer;      /* something was there for it */
	char mx[SPF_MX_MAX][DNS_NAME];
	size_t mx_count, mx_at;
};

static struct frame *top(struct spf_walk *w)
{
	return &w->frame[w->depth - 1];
}

static void ask(struct spf_walk *w, enum dns_type type, const char *name, enum phase phase)
{
	w->question.type = type;
	slice_copy(slice_str(name), w->question.name, sizeof w->question.name);
	w->phase = phase;
}

/* The same name, another type. */
static void ask_again(struct spf_walk *w, enum dns_type type, enum phase phase)
{
	w->question.type = type;
	w->phase = phase;
}

static void frame_done(struct frame *f)
{
	free(f->record);
	spf_rules_done(&f->rules);
}

/* The record at work ends: what passes there is what its include matches. */
static enum err frame_pop(struct spf_walk *w)
{
	struct frame *f = top(w), *below = w->depth > 1 ? f - 1 : NULL;
	struct spf_set set = { 0 };
	enum err e = spf_rules_flatten(&f->rules, &set);

	for (size_t i = 0; below && i < set.count && e == ERR_OK; i++)
		e = spf_rules_add(&below->rules, &set.prefix[i], f->is_pass);
	if (below) {
		/* an unknown part of what does not pass: nothing behind it is certain */
		if (f->is_partial && !f->is_pass)
			below->terms = below->redirect = slice_of("", 0);
		below->is_partial = below->is_partial || f->is_partial;
	}
	w->is_partial = w->is_partial || f->is_partial;
	if (!below && e == ERR_OK) {
		w->set = set;
		set = (struct spf_set){ 0 };
	}
	spf_set_done(&set);
	frame_done(f);
	w->depth--;
	return e;
}

/* The end, by an error or not: the open records end where they are. */
static void finish(struct spf_walk *w, enum spf_state state, const char *reason)
{
	enum err e = ERR_OK;

	w->state = state;
	w->reason = reason;
	while (w->depth) {
		enum err popped = frame_pop(w);

		e = e == ERR_OK ? popped : e;
	}
	if (e == ERR_OK)
		return;
	spf_set_done(&w->set);
	w->state = e == ERR_LIMIT ? SPF_PERMERROR : SPF_TEMPERROR;
	w->reason = e == ERR_LIMIT ? "more prefixes than we take" : "no memory";
}

static void check(struct spf_walk *w, enum err e)
{
	if (e == ERR_LIMIT)
		finish(w, SPF_PERMERROR, "more prefixes than we take");
	else if (e != ERR_OK)
		finish(w, SPF_TEMPERROR, "no memory");
}

static void add(struct spf_walk *w, const struct prefix *p, bool is_pass)
{
	check(w, spf_rules_add(&top(w)->rules, p, is_pass));
}

/* A term whose matches are not known. */
static void skip(struct spf_walk *w, bool is_pass)
{
	struct frame *f = top(w);

	f->is_partial = true;
	if (!is_pass)
		f->terms = f->redirect = slice_of("", 0);
}

/* False: one term too many, the walk is over. */
static bool count_term(struct spf_walk *w)
{
	if (++w->terms <= SPF_TERMS_MAX)
		return true;
	finish(w, SPF_PERMERROR, "more than 10 terms that ask the DNS");
	return false;
}

static void count_void(struct spf_walk *w)
{
	if (++w->voids > SPF_VOID_MAX)
		finish(w, SPF_PERMERROR, "more than 2 terms without any answer");
}

/* include or redirect to a name that cannot have a record */
static void no_record(struct spf_walk *w)
{
	finish(w, SPF_PERMERROR, "include or redirect to a domain without SPF record");
}

static void open_include(struct spf_walk *w, const struct spf_term *t)
{
	struct frame *f;

	assert(w->depth < FRAMES); /* each but the first was counted as a term */
	f = &w->frame[w->depth];
	*f = (struct frame){ .is_pass = t->is_pass };
	if (dns_question_name(t->domain, f->domain) != ERR_OK) {
		no_record(w);
		return;
	}
	w->depth++;
	ask(w, DNS_TXT, f->domain, PHASE_RECORD);
}

/* The record's own rules stay; the terms are the target's from here on. */
static void follow_redirect(struct spf_walk *w)
{
	struct frame *f = top(w);
	struct slice target = f->redirect;
	char name[DNS_NAME];

	f->redirect = slice_of("", 0);
	if (!count_term(w))
		return;
	if (f->is_redirect_macro) {
		skip(w, true);
		return;
	}
	if (dns_question_name(target, name) != ERR_OK) {
		no_record(w);
		return;
	}
	memcpy(f->domain, name, sizeof name);
	free(f->record);
	f->record = NULL;
	f->terms = slice_of("", 0);
	ask(w, DNS_TXT, f->domain, PHASE_RECORD);
}

static void end_record(struct spf_walk *w)
{
	struct frame *f = top(w);

	if (f->redirect.n && !f->has_all)
		follow_redirect(w);
	else if (w->depth == 1)
		finish(w, SPF_DONE, "");
	else
		check(w, frame_pop(w));
}

static void take_all(struct spf_walk *w, bool is_pass)
{
	static const struct prefix four = { .addr.family = 4 }, six = { .addr.family = 6 };

	top(w)->has_all = true;
	top(w)->terms = slice_of("", 0);
	add(w, &four, is_pass);
	if (w->state == SPF_ASKS)
		add(w, &six, is_pass);
}

/* a, mx */
static void take_host(struct spf_walk *w, const struct spf_term *t)
{
	char name[DNS_NAME];

	w->term = *t;
	w->has_answer = false;
	w->mx_count = w->mx_at = 0;
	if (dns_question_name(t->domain.n ? t->domain : slice_str(top(w)->domain), name) != ERR_OK)
		count_void(w);
	else if (t->kind == SPF_A)
		ask(w, DNS_A, name, PHASE_A);
	else
		ask(w, DNS_MX, name, PHASE_MX);
}

static void take_asking(struct spf_walk *w, const struct spf_term *t)
{
	if (!count_term(w))
		return;
	if (t->has_macro || t->kind == SPF_PTR || t->kind == SPF_EXISTS)
		skip(w, t->is_pass);
	else if (t->kind == SPF_INCLUDE)
		open_include(w, t);
	else
		take_host(w, t);
}

static void take_term(struct spf_walk *w, const struct spf_term *t)
{
	switch (t->kind) {
	case SPF_ALL:
		take_all(w, t->is_pass);
		break;
	case SPF_IP4:
	case SPF_IP6:
		if (t->prefix.addr.family)
			add(w, &t->prefix, t->is_pass);
		break;
	case SPF_REDIRECT:
		top(w)->redirect = t->domain;
		top(w)->is_redirect_macro = t->has_macro;
		break;
	case SPF_EXP:
	case SPF_UNKNOWN:
		break;
	case SPF_INCLUDE:
	case SPF_A:
	case SPF_MX:
	case SPF_PTR:
	case SPF_EXISTS:
		take_asking(w, t);
		break;
	}
}

/* Terms until one needs an answer. */
static void run(struct spf_walk *w)
{
	while (w->state == SPF_ASKS && w->phase == PHASE_TERMS) {
		struct spf_term t;

		/* the record was checked whole: ERR_NOTFOUND is the one error left */
		if (spf_record_next(&top(w)->terms, &t) == ERR_OK)
			take_term(w, &t);
		else
			end_record(w);
	}
}

/* The one SPF record among the texts. ERR_NOTFOUND; ERR_EXISTS: more than one. */
static enum err find_record(const struct dns_answer *a, struct slice *ret)
{
	unsigned n = 0;

	for (size_t i = 0; a->result == DNS_OK && i < a->count; i++) {
		if (!spf_record_is(a->text[i]))
			continue;
		*ret = a->text[i];
		n++;
	}
	return n == 0 ? ERR_NOTFOUND : n == 1 ? ERR_OK : ERR_EXISTS;
}

/* The asked-for domain has none: no policy. Another's: an error (RFC 7208 5.2, 6.1). */
static void take_no_record(struct spf_walk *w)
{
	/* terms: also the first domain's own redirect has been counted */
	if (w->terms)
		no_record(w);
	else
		finish(w, SPF_NONE, "no SPF record");
}

static void take_record(struct spf_walk *w, const struct dns_answer *a)
{
	struct frame *f = top(w);
	struct slice text = { 0 };
	enum err e = find_record(a, &text);

	if (a->result == DNS_NONE && w->terms)
		count_void(w);
	if (w->state != SPF_ASKS)
		return;
	if (e == ERR_NOTFOUND) {
		take_no_record(w);
	} else if (e == ERR_EXISTS) {
		finish(w, SPF_PERMERROR, "more than one SPF record");
	} else if (text.n > SPF_RECORD_MAX) {
		finish(w, SPF_PERMERROR, "the SPF record is longer than we take");
	} else if (spf_record_check(text) != ERR_OK) {
		finish(w, SPF_PERMERROR, "the SPF record is malformed");
	} else {
		f->record = malloc(text.n + 1);
		if (!f->record) {
			check(w, ERR_NOMEM);
			return;
		}
		slice_copy(text, f->record, text.n + 1);
		f->terms = spf_record_terms(slice_of(f->record, text.n));
		f->redirect = slice_of("", 0);
		w->phase = PHASE_TERMS;
	}
}

static void next_host(struct spf_walk *w)
{
	if (w->mx_at < w->mx_count) {
		ask(w, DNS_A, w->mx[w->mx_at++], PHASE_A);
		return;
	}
	w->phase = PHASE_TERMS;
	if (!w->has_answer)
		count_void(w);
}

static void take_mx(struct spf_walk *w, const struct dns_answer *a)
{
	if (a->result == DNS_OK && (a->count > SPF_MX_MAX || a->is_cut)) {
		finish(w, SPF_PERMERROR, "more than 10 MX names");
		return;
	}
	w->has_answer = a->result == DNS_OK;
	/* a name that cannot be is one without address */
	for (size_t i = 0; a->result == DNS_OK && i < a->count; i++)
		if (dns_question_name(a->text[i], w->mx[w->mx_count]) == ERR_OK)
			w->mx_count++;
	next_host(w);
}

static void take_addresses(struct spf_walk *w, const struct dns_answer *a)
{
	const struct spf_term *t = &w->term;
	unsigned family = w->phase == PHASE_A ? 4 : 6;
	enum err e = ERR_OK;

	for (size_t i = 0; a->result == DNS_OK && i < a->count && e == ERR_OK; i++) {
		struct prefix p = prefix_of(&a->address[i], family == 4 ? t->cidr4 : t->cidr6);

		w->has_answer = true;
		if (p.addr.family == family)
			e = spf_rules_add(&top(w)->rules, &p, t->is_pass);
	}
	if (a->result == DNS_OK && a->is_cut)
		skip(w, t->is_pass);
	if (e != ERR_OK)
		check(w, e);
	else if (w->phase == PHASE_AAAA)
		next_host(w);
	else
		ask_again(w, DNS_AAAA, PHASE_AAAA);
}

static void use_ttl(struct spf_walk *w, const struct dns_answer *a)
{
	if (a->ttl_s && (w->ttl_s == 0 || a->ttl_s < w->ttl_s))
		w->ttl_s = a->ttl_s;
}

void spf_walk_answer(struct spf_walk *w, const struct dns_answer *a)
{
	assert(w->state == SPF_ASKS);
	use_ttl(w, a);
	if (a->result == DNS_FAILED)
		finish(w, SPF_TEMPERROR, "the DNS does not answer");
	else if (w->phase == PHASE_RECORD)
		take_record(w, a);
	else if (w->phase == PHASE_MX)
		take_mx(w, a);
	else
		take_addresses(w, a);
	run(w);
}

struct spf_walk *spf_walk_new(struct slice domain)
{
	struct spf_walk *w = calloc(1, sizeof *w);
	struct frame *f;

	if (!w)
		return NULL;
	f = &w->frame[0];
	f->is_pass = true;
	w->depth = 1;
	w->state = SPF_ASKS;
	w->reason = "";
	if (dns_question_name(domain, f->domain) != ERR_OK || !strchr(f->domain, '.'))
		finish(w, SPF_NONE, "no domain name");
	else
		ask(w, DNS_TXT, f->domain, PHASE_RECORD);
	return w;
}

void spf_walk_free(struct spf_walk *w)
{
	if (!w)
		return;
	while (w->depth)
		frame_done(&w->frame[--w->depth]);
	spf_set_done(&w->set);
	free(w);
}

enum spf_state spf_walk_state(const struct spf_walk *w)
{
	return w->state;
}

const struct dns_question *spf_walk_question(const struct spf_walk *w)
{
	return &w->question;
}

const struct spf_set *spf_walk_set(const struct spf_walk *w)
{
	return &w->set;
}

bool spf_walk_is_partial(const struct spf_walk *w)
{
	return w->is_partial;
}

uint32_t spf_walk_ttl(const struct spf_walk *w)
{
	return w->ttl_s < SPF_TTL_MIN ? SPF_TTL_MIN : w->ttl_s > SPF_TTL_MAX ? SPF_TTL_MAX : w->ttl_s;
}

const char *spf_walk_reason(const struct spf_walk *w)
{
	return w->reason;
}

const char *spf_state_name(enum spf_state s)
{
	static const char *const names[] = { "?", "asking", "done", "none", "temperror", "permerror" };

	return (unsigned)s < sizeof names / sizeof names[0] ? names[s] : "?";
}
