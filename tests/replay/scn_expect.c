/*
 * scn_expect: what must and must not be. An expectation looks and changes
 * nothing, but for `expect reply`, which asks as a client does.
 * SPDX-License-Identifier: ISC
 */
#include "scn.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/score.h"

#define TIMING_PAIRS 401
#define TIMING_TRIES 5

/* ---- numbers */

static bool compare(const char *op, double a, double b)
{
	if (strcmp(op, "<") == 0)
		return a < b;
	if (strcmp(op, "<=") == 0)
		return a <= b;
	if (strcmp(op, ">") == 0)
		return a > b;
	if (strcmp(op, ">=") == 0)
		return a >= b;
	return fabs(a - b) < 0.05;
}

/* [OP] NUMBER, against what was found; what: for the message. */
static bool number(struct scn *s, struct scn_words *w, const char *what, double found)
{
	const char *op = scn_next(w), *value;
	char *end;
	double wanted;

	if (!op)
		return scn_fail(s, "how much?");
	value = strchr("<>=", op[0]) ? scn_next(w) : op;
	if (value == op)
		op = "=";
	wanted = value ? strtod(value, &end) : 0;
	if (!value || end == value || *end)
		return scn_fail(s, "a number, with <, <=, >, >= or = before it");
	if (compare(op, found, wanted))
		return true;
	return scn_fail(s, "expected %s %s %s, but it is %g", what, op, value, found);
}

/* ---- the subject */

static bool client(struct scn *s, struct scn_words *w, const char **ret_text, struct ipaddr *ret)
{
	*ret_text = scn_next(w);
	if (!*ret_text || !scn_address(*ret_text, ret))
		return scn_fail(s, "\"%s\" is no address", *ret_text ? *ret_text : "");
	return true;
}

static struct engine_subject *subject(struct scn *s, struct scn_words *w, const char **ret_text)
{
	struct engine *e = scn_world_engine();
	struct engine_subject *x;
	struct ipaddr a;
	struct prefix p;

	if (!client(s, w, ret_text, &a))
		return NULL;
	scn_world_settle();
	p = engine_subject_of(e, &a);
	x = engine_subject_get(e, &p);
	if (!x)
		(void)scn_fail(s, "the engine's cache is full");
	return x;
}

static bool is_blocked(struct scn_words *w, const struct ipaddr *a, struct gate_result *ret)
{
	struct engine *e = scn_world_engine();
	struct gate_view view;
	const char *from = scn_after(w, "from"), *name = scn_attr(w, "name");
	char address[IPADDR_TEXT];
	struct policy_request r = { .state = POLICY_RCPT, .recipient = SLICE_LIT("someone@example.org") };

	scn_world_settle();
	view = engine_gate_view(e); /* tables may have been swapped */
	(void)ipaddr_format(a, address);
	r.client_address = slice_str(address);
	r.client_name = slice_str(name ? name : "unknown");
	r.sender = slice_str(from ? from : "someone@example.net");
	r.server_port = SLICE_LIT("25");
	gate_look(&view, &r, scn_clock_now(), ret);
	return ret->is_blocked;
}

static bool expect_blocked(struct scn *s, struct scn_words *w)
{
	const char *text;
	struct ipaddr a;
	struct gate_result g;

	if (!client(s, w, &text, &a))
		return false;
	if (is_blocked(w, &a, &g) && engine_is_enforcing(scn_world_engine()))
		return true;
	return scn_fail(s, "expected %s to be blocked, it is not", text);
}

static bool expect_unblocked(struct scn *s, struct scn_words *w)
{
	const char *text;
	struct ipaddr a;
	struct gate_result g;

	if (!client(s, w, &text, &a))
		return false;
	if (!is_blocked(w, &a, &g) || !engine_is_enforcing(scn_world_engine()))
		return true;
	return scn_fail(s, "expected %s not to be blocked, it is: case %s", text, g.block.case_id);
}

static bool expect_would(struct scn *s, struct scn_words *w)
{
	const char *text;
	struct ipaddr a;
	struct gate_result g;

	if (!client(s, w, &text, &a))
		return false;
	if (is_blocked(w, &a, &g) && !engine_is_enforcing(scn_world_engine()))
		return true;
	return scn_fail(s, "expected that %s would be blocked in another mode, it would not", text);
}

static bool expect_score(struct scn *s, struct scn_words *w)
{
	const char *text;
	struct engine_subject *x = subject(s, w, &text);

	return x && number(s, w, "score", score_at(&x->sum, scn_clock_now(), scn_world_conf()->decide.half_life_s));
}

static bool expect_ledger(struct scn *s, struct scn_words *w)
{
	const char *text;
	struct engine_subject *x = subject(s, w, &text);

	return x && number(s, w, "good mail", engine_good(scn_world_engine(), &x->prefix, scn_clock_now()));
}

static bool expect_offence(struct scn *s, struct scn_words *w)
{
	const char *text;
	struct engine_subject *x = subject(s, w, &text);

	return x && number(s, w, "offence", x->has_block ? x->block.offence : 0);
}

static bool expect_hits(struct scn *s, struct scn_words *w)
{
	const char *text, *grade = scn_attr(w, "grade");
	struct engine_subject *x = subject(s, w, &text);
	unsigned long n = 0;
	bool is_known = !grade;

	for (int g = 0; x && g < GRADE_COUNT; g++) {
		if (grade && strcmp(grade, grade_name((enum grade)g)) != 0)
			continue;
		is_known = true;
		n += x->sum.count[g];
	}
	if (!is_known)
		return scn_fail(s, "there is no grade %s", grade);
	return x && number(s, w, "hits", (double)n);
}

/* DURATION, DURATION±N% or DURATION+-N%: how long from now on. */
static bool expect_until(struct scn *s, struct scn_words *w)
{
	const char *text, *value;
	struct engine_subject *x = subject(s, w, &text);
	char span[64];
	size_t n;
	double slack = 11, left;
	uint64_t seconds;

	if (!x)
		return false;
	value = scn_next(w);
	n = value ? strcspn(value, "+\xc2") : 0;
	(void)snprintf(span, sizeof span, "%.*s", (int)n, value ? value : "");
	if (n == 0 || !scn_duration(span, &seconds))
		return scn_fail(s, "until CLIENT 48h or 48h+-5%%");
	if (value[n] && sscanf(value + n + 2, "%lf%%", &slack) != 1)
		return scn_fail(s, "\"%s\" is no tolerance", value + n);
	left = x->has_block ? (double)x->block.until - (double)scn_clock_now() : 0;
	if (fabs(left - (double)seconds) <= (double)seconds * slack / 100)
		return true;
	return scn_fail(s, "expected %s to be blocked for %s more, it is for %.1f h", text, value, left / 3600);
}

/* ---- replies */

/* A client's question at RCPT, as `rcpt` would ask it. */
static bool asker(struct scn *s, struct scn_words *w, struct scn_mail *m)
{
	const char *text, *from = scn_after(w, "from"), *name = scn_attr(w, "name"), *port = scn_attr(w, "port"),
			  *login = scn_attr(w, "login");

	*m = (struct scn_mail){ .helo = "helo.example.net" };
	if (!client(s, w, &text, &m->client))
		return false;
	(void)scn_mailbox(from ? from : "someone@example.net", m->sender, sizeof m->sender);
	(void)snprintf(m->name, sizeof m->name, "%s", name ? name : "mail.example.net");
	(void)snprintf(m->port, sizeof m->port, "%s", port ? port : "25");
	(void)snprintf(m->login, sizeof m->login, "%s", login ? login : "");
	return true;
}

static bool expect_reply(struct scn *s, struct scn_words *w)
{
	const char *to = scn_after(w, "to"), *wanted, *reply;
	struct scn_mail m;
	char address[300];

	if (!asker(s, w, &m))
		return false;
	wanted = scn_next(w);
	if (!wanted)
		return scn_fail(s, "reply CLIENT [to ADDRESS] CODE or dunno");
	reply = scn_mail_rcpt_reply(&m, scn_mailbox(to ? to : "someone", address, sizeof address));
	scn_world_hang_up();
	if (strncasecmp(reply, wanted, strlen(wanted)) == 0)
		return true;
	return scn_fail(s, "expected the reply %s, it is \"%s\"", wanted, reply);
}

/* The reply with the address in it taken out. */
static void masked(const char *reply, const char *address, char *to, size_t size)
{
	size_t n = 0;

	while (*reply && n + 2 < size) {
		if (strncasecmp(reply, address, strlen(address)) == 0) {
			to[n++] = '*';
			reply += strlen(address);
		} else {
			to[n++] = *reply++;
		}
	}
	to[n] = '\0';
}

static bool expect_same(struct scn *s, struct scn_words *w)
{
	const char *one, *two;
	char a[300], b[300], x[1024], y[1024];
	struct scn_mail m;

	if (!asker(s, w, &m))
		return false;
	one = scn_next(w);
	two = scn_next(w);
	if (!one || !two)
		return scn_fail(s, "same CLIENT ADDRESS ADDRESS");
	(void)scn_mailbox(one, a, sizeof a);
	(void)scn_mailbox(two, b, sizeof b);
	masked(scn_mail_rcpt_reply(&m, a), a, x, sizeof x);
	masked(scn_mail_rcpt_reply(&m, b), b, y, sizeof y);
	scn_world_hang_up();
	return strcmp(x, y) == 0 || scn_fail(s, "the replies differ: \"%s\" and \"%s\"", x, y);
}

static int by_value(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static double asked_us(const struct scn_mail *m, const char *address)
{
	struct timespec from, to;

	(void)clock_gettime(CLOCK_MONOTONIC, &from);
	(void)scn_mail_rcpt_reply(m, address);
	(void)clock_gettime(CLOCK_MONOTONIC, &to);
	return (double)(to.tv_sec - from.tv_sec) * 1e6 + (double)(to.tv_nsec - from.tv_nsec) / 1e3;
}

/* Medians of interleaved questions on one connection. */
static double timing_gap(const struct scn_mail *m, const char *a, const char *b)
{
	static double x[TIMING_PAIRS], y[TIMING_PAIRS];

	for (unsigned i = 0; i < TIMING_PAIRS; i++) {
		x[i] = asked_us(m, a);
		y[i] = asked_us(m, b);
	}
	scn_world_hang_up();
	qsort(x, TIMING_PAIRS, sizeof x[0], by_value);
	qsort(y, TIMING_PAIRS, sizeof y[0], by_value);
	return fabs(x[TIMING_PAIRS / 2] - y[TIMING_PAIRS / 2]);
}

/* Other work on this machine can only widen the gap: the best of a few tries counts. */
static bool expect_timing(struct scn *s, struct scn_words *w)
{
	const char *one, *two, *limit;
	char a[300], b[300];
	struct scn_mail m;
	double best = 1e9, most;

	if (!asker(s, w, &m))
		return false;
	one = scn_next(w);
	two = scn_next(w);
	limit = scn_after(w, "<");
	if (!one || !two || !limit || sscanf(limit, "%lfus", &most) != 1)
		return scn_fail(s, "timing CLIENT ADDRESS ADDRESS < 50us");
	(void)scn_mailbox(one, a, sizeof a);
	(void)scn_mailbox(two, b, sizeof b);
	for (unsigned i = 0; i < TIMING_TRIES && best >= most; i++) {
		double gap = timing_gap(&m, a, b);

		best = gap < best ? gap : best;
	}
	return best < most || scn_fail(s, "the medians are %.1f us apart", best);
}

/* ---- the rest */

static bool expect_last(struct scn *s, struct scn_words *w)
{
	static const char *const names[] = { "accepted", "refused", "riders", "withheld", "postfix" };
	const struct scn_mail *m = scn_verb_last();
	const char *wanted = scn_next(w);
	char code[16];

	(void)snprintf(code, sizeof code, "%u", m->code);
	if (!wanted)
		return scn_fail(s, "last accepted, refused, riders, withheld, postfix, or a code");
	if (strcmp(wanted, names[m->outcome]) == 0 || (m->code && strcmp(wanted, code) == 0))
		return true;
	return scn_fail(
		s, "expected the last message to be %s, it was %s %s", wanted, names[m->outcome], m->code ? code : "");
}

static bool expect_held(struct scn *s, struct scn_words *w)
{
	const char *error = "";
	json_t *j = scn_world_command(json_pack("{s:s, s:b}", "cmd", "block_list", "held", 1), &error);
	double total = j ? (double)json_integer_value(json_object_get(j, "total")) : 0;

	if (!j)
		return scn_fail(s, "%s", error);
	json_decref(j);
	return number(s, w, "held", total);
}

/* expect refused enforce MODE: without force. */
static bool expect_refused(struct scn *s, struct scn_words *w)
{
	const char *mode = scn_after(w, "enforce"), *error = "";
	json_t *j;

	if (!mode)
		return scn_fail(s, "refused enforce MODE");
	j = scn_world_command(json_pack("{s:s, s:s}", "cmd", "enforce", "mode", mode), &error);
	if (!j)
		return true;
	json_decref(j);
	return scn_fail(s, "expected enforce %s to be refused, it was done", mode);
}

static bool expect_alarm(struct scn *s, struct scn_words *w)
{
	const char *event = scn_next(w);

	return event ? number(s, w, event, scn_world_alarms(event)) : scn_fail(s, "alarm EVENT N");
}

static bool expect_count(struct scn *s, struct scn_words *w)
{
	static const struct {
		const char *name;
		enum counter c;
	} all[] = { { "messages", COUNT_MESSAGES }, { "whole", COUNT_WHOLE }, { "probes", COUNT_PROBES },
		{ "backscatter", COUNT_BACKSCATTER }, { "blocked", COUNT_BLOCKED }, { "refused", COUNT_REFUSED },
		{ "good-refused", COUNT_GOOD_REFUSED }, { "insider", COUNT_INSIDER },
		{ "would-block", COUNT_WOULD_BLOCK }, { "would-refuse", COUNT_WOULD_REFUSE } };
	const char *name = scn_next(w);

	scn_world_settle();
	for (size_t i = 0; name && i < sizeof all / sizeof all[0]; i++)
		if (strcmp(all[i].name, name) == 0)
			return number(s, w, name,
				(double)engine_counter_sum(
					scn_world_engine(), all[i].c, scn_clock_now(), ENGINE_HOURS));
	return scn_fail(s, "there is no counter %s", name ? name : "");
}

/* expect spam refused >= 90, expect good refused 0 */
static bool expect_kind(struct scn *s, struct scn_words *w, bool is_spam)
{
	const struct scn_counts *c = scn_count_get();

	if (scn_take(w, "sent"))
		return number(s, w, "sent", (double)(is_spam ? c->spam : c->good));
	if (!scn_take(w, "refused"))
		return scn_fail(s, "spam (or good) sent N, or refused N");
	return number(s, w, "refused", (double)(is_spam ? c->spam_refused : c->good_refused));
}

static bool expect_spam(struct scn *s, struct scn_words *w)
{
	return expect_kind(s, w, true);
}

static bool expect_good(struct scn *s, struct scn_words *w)
{
	return expect_kind(s, w, false);
}

static const struct {
	const char *name;
	bool (*fn)(struct scn *s, struct scn_words *w);
} expectations[] = {
	{ "blocked", expect_blocked },
	{ "unblocked", expect_unblocked },
	{ "would", expect_would },
	{ "score", expect_score },
	{ "ledger", expect_ledger },
	{ "offence", expect_offence },
	{ "hits", expect_hits },
	{ "until", expect_until },
	{ "reply", expect_reply },
	{ "same", expect_same },
	{ "timing", expect_timing },
	{ "last", expect_last },
	{ "held", expect_held },
	{ "refused", expect_refused },
	{ "alarm", expect_alarm },
	{ "count", expect_count },
	{ "spam", expect_spam },
	{ "good", expect_good },
};

bool scn_expect(struct scn *s, struct scn_words *w)
{
	const char *name = scn_next(w);

	for (size_t i = 0; name && i < sizeof expectations / sizeof expectations[0]; i++)
		if (strcmp(expectations[i].name, name) == 0)
			return expectations[i].fn(s, w);
	return scn_fail(s, "\"%s\" is nothing to expect", name ? name : "");
}
