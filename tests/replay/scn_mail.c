/*
 * scn_mail: one message as Postfix handles it: RCPT by RCPT, the end of the
 * message, aliases, the LMTP copy of each trap with the grade that its content
 * has for capture, and what the mail log then says.
 * SPDX-License-Identifier: ISC
 */
#include "scn.h"

#include <stdlib.h>
#include <string.h>

#include "core/content_grade.h"

#define RECIPIENTS 64
#define CONTENTS 32
#define CONTENT_MAX 65536
#define OWN_FILTER "127.0.0.1" /* the content filter hands back from here */

struct recipient {
	char named[160]; /* as the client named it */
	char final[160]; /* behind aliases */
	bool is_refused, is_trap;
};

static struct {
	char alias_from[SCN_ALIASES][160], alias_to[SCN_ALIASES][600];
	unsigned aliases;
	unsigned instance, queue;
	struct {
		char name[64];
		char *text;
	} content[CONTENTS];
	struct msg_hit hit[RECIPIENTS]; /* of the last message */
	unsigned hits;
} state;

void scn_mail_reset(void)
{
	state.aliases = state.instance = state.queue = state.hits = 0;
}

bool scn_mail_alias(const char *from, const char *to)
{
	if (state.aliases == SCN_ALIASES)
		return false;
	(void)scn_mailbox(from, state.alias_from[state.aliases], sizeof state.alias_from[0]);
	(void)snprintf(state.alias_to[state.aliases++], sizeof state.alias_to[0], "%s", to);
	return true;
}

/* ---- recipients */

static const char *aliased(const char *address)
{
	for (unsigned i = 0; i < state.aliases; i++)
		if (strcasecmp(state.alias_from[i], address) == 0)
			return state.alias_to[i];
	return address;
}

static bool is_trap_address(const char *address)
{
	struct engine *e = scn_world_engine();
	const struct trap *trap;
	struct address a;

	if (!e->traps || address_parse(slice_str(address), &a) != ERR_OK)
		return false;
	trap = trap_table_find(e->traps, &a);
	return trap && trap->state == TRAP_ARMED;
}

/* The addresses of a list with commas, each through the aliases; named: what the client said, NULL: itself. */
static bool add_recipients(const char *list, const char *named, struct recipient *to, unsigned *n)
{
	char text[1024], *save = NULL;

	(void)snprintf(text, sizeof text, "%s", list);
	for (char *t = strtok_r(text, ",", &save); t; t = strtok_r(NULL, ",", &save)) {
		struct recipient *r = &to[*n];

		if (*n == RECIPIENTS)
			return false;
		*r = (struct recipient){ .is_refused = false };
		(void)scn_mailbox(t, r->final, sizeof r->final);
		(void)snprintf(r->named, sizeof r->named, "%s", named ? named : r->final);
		r->is_trap = is_trap_address(r->final);
		(*n)++;
	}
	return true;
}

/* ---- policy */

static const char *ask(const struct scn_mail *m, const char *phase, const char *more)
{
	char request[4096], client[IPADDR_TEXT];

	(void)snprintf(request, sizeof request,
		"request=smtpd_access_policy\nprotocol_state=%s\nprotocol_name=ESMTP\nclient_address=%s\n"
		"client_name=%s\nhelo_name=%s\nserver_address=%s\nserver_port=%s\nsasl_username=%s\nsender=%s\n"
		"instance=i%u.0\n%s\n",
		phase, ipaddr_format(&m->client, client), m->name[0] ? m->name : "unknown", m->helo,
		m->server[0] ? m->server : "192.0.2.250", m->port, m->login, m->sender, state.instance, more);
	return scn_world_ask(request);
}

static const char *ask_rcpt(const struct scn_mail *m, const char *recipient)
{
	char more[512];

	(void)snprintf(more, sizeof more, "recipient=%s\n", recipient);
	return ask(m, "RCPT", more);
}

const char *scn_mail_rcpt_reply(const struct scn_mail *m, const char *recipient)
{
	state.instance++;
	return ask_rcpt(m, recipient);
}

static void postfix_refuses(const struct scn_mail *m, const char *recipient)
{
	struct msg_log_rcpt l = { .time = scn_clock_now(), .client = m->client, .code = (uint16_t)m->postfix };

	(void)snprintf(l.sender, sizeof l.sender, "%s", m->sender);
	(void)snprintf(l.recipient, sizeof l.recipient, "%s", recipient);
	scn_world_log_rcpt(&l);
}

static void say_rcpts(struct scn_mail *m, struct recipient *r, unsigned n)
{
	const char *last = "";

	for (unsigned i = 0; i < n; i++) {
		const char *reply;

		m->people += !r[i].is_trap;
		if (strcmp(r[i].named, last) == 0) { /* the next address of the same alias */
			r[i].is_refused = r[i - 1].is_refused;
			m->people_refused += r[i].is_refused && !r[i].is_trap;
			continue;
		}
		last = r[i].named;
		m->asked++;
		reply = ask_rcpt(m, r[i].named);
		if (strncmp(reply, "DUNNO", 5) != 0) {
			m->code = (unsigned)strtoul(reply, NULL, 10);
			m->refused++;
			m->people_refused += !r[i].is_trap;
			r[i].is_refused = true;
		} else if (m->postfix) {
			postfix_refuses(m, r[i].named);
			r[i].is_refused = true;
		}
	}
}

static void say_end(struct scn_mail *m)
{
	char more[256];
	const char *reply;

	(void)snprintf(
		more, sizeof more, "recipient_count=%u\nqueue_id=%s\nsize=1234\n", m->asked - m->refused, m->queue_id);
	reply = ask(m, "END-OF-MESSAGE", more);
	m->outcome = SCN_ACCEPTED;
	if (strncmp(reply, "FILTER", 6) == 0) {
		m->outcome = SCN_WITHHELD;
	} else if (strncmp(reply, "DUNNO", 5) != 0) {
		m->outcome = SCN_RIDERS;
		m->code = (unsigned)strtoul(reply, NULL, 10);
		m->people_refused = m->people;
	}
}

/* ---- capture */

static const char *content_text(struct scn *s, const char *name)
{
	char path[512];
	unsigned i = 0;
	FILE *f;

	for (; i < CONTENTS && state.content[i].text; i++)
		if (strcmp(state.content[i].name, name) == 0)
			return state.content[i].text;
	(void)snprintf(path, sizeof path, "%s/mail/%s.eml", s->dir, name);
	f = i < CONTENTS ? fopen(path, "r") : NULL;
	if (!f)
		return NULL;
	state.content[i].text = calloc(1, CONTENT_MAX);
	if (state.content[i].text && fread(state.content[i].text, 1, CONTENT_MAX - 1, f) == 0)
		state.content[i].text[0] = '\0';
	(void)fclose(f);
	(void)snprintf(state.content[i].name, sizeof state.content[i].name, "%s", name);
	return state.content[i].text;
}

/* @SENDER@ and the like in a message. */
static const char *token(const struct scn_mail *m, const char *trap, const char *at, size_t *ret_n, const char **ret)
{
	static char client[IPADDR_TEXT];
	const struct {
		const char *name, *value;
	} all[] = { { "@SENDER@", m->sender[0] ? m->sender : "MAILER-DAEMON" }, { "@TRAP@", trap },
		{ "@ID@", m->message_id }, { "@NAME@", m->name }, { "@HELO@", m->helo },
		{ "@CLIENT@", ipaddr_format(&m->client, client) } };

	for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
		*ret_n = strlen(all[i].name);
		*ret = all[i].value;
		if (strncmp(at, all[i].name, *ret_n) == 0)
			return at;
	}
	return NULL;
}

static void feed_content(struct content_grade *g, const struct scn_mail *m, const char *trap, const char *text)
{
	while (*text) {
		size_t n = strcspn(text, "@");
		const char *value;

		content_grade_feed(g, slice_of(text, n));
		text += n;
		if (*text == '\0')
			return;
		if (token(m, trap, text, &n, &value)) {
			content_grade_feed(g, slice_str(value));
		} else {
			n = 1;
			content_grade_feed(g, slice_of(text, 1));
		}
		text += n;
	}
}

/* What our Postfix, and a forwarder before it, wrote on top. */
static void feed_received(struct content_grade *g, const struct scn_mail *m)
{
	char text[1200], client[IPADDR_TEXT];
	const char *v6 = m->client.family == 6 ? "IPv6:" : "";

	(void)snprintf(text, sizeof text,
		"Received: from %s (%s [%s%s])\n\tby mx.example.org (Postfix) with ESMTP id %s\n", m->helo, m->name, v6,
		ipaddr_format(&m->client, client), m->queue_id);
	content_grade_feed(g, slice_str(text));
	if (m->via.family == 0)
		return;
	v6 = m->via.family == 6 ? "IPv6:" : "";
	(void)snprintf(text, sizeof text, "Received: from win (unknown [%s%s])\n\tby %s (Postfix) with ESMTP id 4ABC\n",
		v6, ipaddr_format(&m->via, client), m->name);
	content_grade_feed(g, slice_str(text));
}

/* As capture does it (role/capture_message.c). */
static void walk(struct msg_hit *h, const struct content_grade *g)
{
	struct prefix_table trusted;
	uint32_t kind;

	prefix_table_init(&trusted);
	if (scn_world_conf()->forwarders.count && h->client.family &&
		received_trust(&trusted, scn_world_conf()) == ERR_OK &&
		prefix_table_find(&trusted, &h->client, &kind) && kind == RECEIVED_FORWARDER)
		h->is_walked = received_walk(g->hop, g->hops, &trusted, &h->walked);
	prefix_table_done(&trusted);
}

/* One copy, as capture reports it (role/capture_message.c: fill_hit). */
static bool send_copy(struct scn *s, struct scn_mail *m, const struct recipient *r)
{
	static struct content_grade g;
	struct msg_hit *h = &state.hit[state.hits];
	const char *text = content_text(s, m->content);

	if (!text)
		return scn_fail(s, "there is no mail/%s.eml", m->content);
	content_grade_init(&g, slice_str(m->sender), slice_str(r->final));
	if (!m->is_local)
		feed_received(&g, m);
	feed_content(&g, m, r->final, text);
	*h = (struct msg_hit){ .time = scn_clock_now(), .client = m->client, .port = 40000, .size = 2000 };
	h->grade = (uint8_t)content_grade_end(&g);
	h->is_local = m->is_local;
	if (m->is_local)
		h->client = (struct ipaddr){ 0 };
	slice_copy(slice_str(m->name), h->name, sizeof h->name);
	slice_copy(slice_str(m->helo), h->helo, sizeof h->helo);
	slice_copy(slice_str(m->filter_queue[0] ? m->filter_queue : m->queue_id), h->queue_id, sizeof h->queue_id);
	slice_copy(slice_str(m->sender), h->sender, sizeof h->sender);
	slice_copy(slice_str(r->final), h->trap, sizeof h->trap);
	slice_copy(slice_str(m->has_no_orcpt ? "" : r->named), h->orcpt, sizeof h->orcpt);
	slice_copy(slice_str(g.message_id), h->message_id, sizeof h->message_id);
	slice_copy(slice_str(g.subject), h->subject, sizeof h->subject);
	(void)snprintf(h->corpus_id, sizeof h->corpus_id, "c%u.%u", state.queue, state.hits);
	walk(h, &g);
	m->traps++;
	scn_world_hit(&state.hit[state.hits++]);
	return true;
}

bool scn_mail_redeliver(struct scn *s)
{
	if (state.hits == 0)
		return scn_fail(s, "no message to a trap was sent before");
	for (unsigned i = 0; i < state.hits; i++) {
		(void)snprintf(state.hit[i].corpus_id, sizeof state.hit[i].corpus_id, "r%u.%u", ++state.queue, i);
		scn_world_hit(&state.hit[i]);
	}
	return true;
}

/* ---- the mail log */

static void log_delivery(const struct scn_mail *m, const struct recipient *r, bool is_first)
{
	struct msg_log_mail l = { .time = scn_clock_now(), .client = m->client, .is_first = is_first };

	l.outcome = m->login[0] ? LOG_SUBMITTED : m->traps || m->is_tagged ? LOG_TAGGED : LOG_DELIVERED;
	slice_copy(slice_str(m->name), l.name, sizeof l.name);
	slice_copy(slice_str(m->queue_id), l.queue_id, sizeof l.queue_id);
	slice_copy(slice_str(m->sender), l.sender, sizeof l.sender);
	slice_copy(slice_str(r->final), l.recipient, sizeof l.recipient);
	scn_world_log_mail(&l);
}

static void log_sender(const struct scn_mail *m, const char *queue_id)
{
	struct msg_log_login l = { .time = scn_clock_now(), .client = m->client };

	slice_copy(slice_str(queue_id), l.queue_id, sizeof l.queue_id);
	slice_copy(slice_str(m->login), l.login, sizeof l.login);
	scn_world_log_login(&l);
}

/* The content filter hands the message back: we are asked, and must not care. */
static void pass_filter(const struct scn_mail *m, const struct recipient *r, unsigned n)
{
	struct scn_mail back = *m;
	char more[256];

	(void)scn_address(OWN_FILTER, &back.client);
	(void)snprintf(back.server, sizeof back.server, OWN_FILTER);
	(void)snprintf(back.port, sizeof back.port, "10025");
	(void)snprintf(back.name, sizeof back.name, "localhost");
	state.instance++;
	for (unsigned i = 0; i < n; i++)
		if (!r[i].is_refused)
			(void)ask_rcpt(&back, r[i].named);
	(void)snprintf(more, sizeof more, "recipient_count=%u\nqueue_id=%s\n", n, m->filter_queue);
	(void)ask(&back, "END-OF-MESSAGE", more);
}

static bool deliver(struct scn *s, struct scn_mail *m, const struct recipient *r, unsigned n)
{
	bool is_first = true;

	state.hits = 0;
	if (m->filter_queue[0])
		pass_filter(m, r, n);
	for (unsigned i = 0; i < n; i++)
		if (!r[i].is_refused && r[i].is_trap && !send_copy(s, m, &r[i]))
			return false;
	if (!m->is_local)
		log_sender(m, m->queue_id);
	if (m->filter_queue[0]) /* smtpd logs the client that the filter names */
		log_sender(m, m->filter_queue);
	for (unsigned i = 0; i < n && m->outcome == SCN_ACCEPTED; i++) {
		if (r[i].is_refused || r[i].is_trap)
			continue;
		log_delivery(m, &r[i], is_first);
		is_first = false;
	}
	return true;
}

/* ---- all of it */

static bool has_trap(const struct recipient *r, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (is_trap_address(r[i].named))
			return true;
	return false;
}

static bool list_recipients(struct scn *s, const struct scn_mail *m, struct recipient *r, unsigned *n)
{
	char text[1024], *save = NULL;

	*n = 0;
	(void)snprintf(text, sizeof text, "%s", m->to);
	for (char *t = strtok_r(text, ",", &save); t; t = strtok_r(NULL, ",", &save)) {
		char named[160];

		(void)scn_mailbox(t, named, sizeof named);
		if (!add_recipients(aliased(named), named, r, n))
			return scn_fail(s, "more than %d recipients", RECIPIENTS);
	}
	return *n > 0 || scn_fail(s, "no recipient");
}

bool scn_mail_send(struct scn *s, struct scn_mail *m)
{
	struct recipient r[RECIPIENTS];
	bool is_unasked = strcmp(m->port, "25") != 0 || m->is_local; /* submission: at the end of data only */
	bool is_ok = true;
	unsigned n;

	if (!list_recipients(s, m, r, &n))
		return false;
	state.instance++;
	if (m->queue_id[0] == '\0')
		(void)snprintf(m->queue_id, sizeof m->queue_id, "4Q%u", ++state.queue);
	scn_count_recipe(m, has_trap(r, n), scn_clock_now());
	m->asked = m->refused = m->people = m->people_refused = m->traps = 0;
	if (is_unasked) {
		m->asked = n;
		for (unsigned i = 0; i < n; i++)
			m->people += !r[i].is_trap;
	} else {
		say_rcpts(m, r, n);
	}
	m->outcome = m->refused == m->asked ? SCN_REFUSED : m->postfix ? SCN_BY_POSTFIX : SCN_ACCEPTED;
	if (m->outcome == SCN_ACCEPTED && !m->is_rcpt_only) {
		if (!m->is_local)
			say_end(m);
		if (m->outcome == SCN_ACCEPTED || m->outcome == SCN_WITHHELD)
			is_ok = deliver(s, m, r, n);
	}
	scn_count_mail(m);
	return is_ok;
}
