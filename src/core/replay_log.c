/*
 * replay_log: sessions by (machine, process); a held try is one allocation with
 * its two texts behind it.
 * SPDX-License-Identifier: ISC
 */
#include "core/replay_log.h"

#include <stdlib.h>

#define HOST_TEXT 256
#define SWEEP_S 300
#define SCREENED 256

struct try_held {
	struct try_held *next;
	uint64_t time;
	struct ipaddr client;
	uint16_t code;
	bool is_unknown, is_ours;
	uint16_t name_n, sender_n, recipient_n;
	char text[]; /* name, sender, recipient */
};

struct session {
	uint64_t touched;
	uint64_t message; /* of the transaction under way; 0: no recipient accepted yet */
	uint32_t count;
	struct try_held *first, **last;
};

/* A connection that postscreen refused, told once: it may try several recipients. */
struct screened {
	struct ipaddr client;
	uint16_t port;
	uint64_t touched;
};

struct host {
	char name[HOST_TEXT];
	size_t name_n;
	struct screened screened[SCREENED]; /* by port; the newest stays */
	struct maillog_join *join;
};

struct replay_log {
	uint8_t key[SIPHASH_KEY];
	const struct prefix_table *own;
	replay_log_fn fn;
	void *ctx;
	struct host host[REPLAY_HOSTS];
	unsigned hosts;
	struct keymap sessions; /* (machine, process) -> struct session * */
	struct keymap messages; /* message -> struct session *, until its content comes */
	uint64_t now, swept, shared;
	struct maillog_event event; /* being told: large, so not made anew for every line */
};

struct replay_log *replay_log_new(
	const uint8_t key[SIPHASH_KEY], const struct prefix_table *own, replay_log_fn fn, void *ctx)
{
	struct replay_log *r = calloc(1, sizeof *r);

	if (!r)
		return NULL;
	memcpy(r->key, key, SIPHASH_KEY);
	r->own = own;
	r->fn = fn;
	r->ctx = ctx;
	keymap_init(&r->sessions, key, sizeof(struct session *), REPLAY_SESSIONS);
	keymap_init(&r->messages, key, sizeof(struct session *), REPLAY_SESSIONS);
	return r;
}

static void tries_free(struct session *s)
{
	while (s->first) {
		struct try_held *t = s->first;

		s->first = t->next;
		free(t);
	}
	s->last = &s->first;
	s->count = 0;
}

void replay_log_free(struct replay_log *r)
{
	struct session **s;
	size_t pos = 0;

	if (!r)
		return;
	while ((s = keymap_next(&r->sessions, &pos))) {
		tries_free(*s);
		free(*s);
	}
	keymap_done(&r->sessions);
	keymap_done(&r->messages);
	for (unsigned i = 0; i < r->hosts; i++)
		maillog_join_free(r->host[i].join);
	free(r);
}

uint64_t replay_log_shared(const struct replay_log *r)
{
	return r->shared;
}

/* NULL: no memory. */
static struct host *host_of(struct replay_log *r, struct slice name)
{
	struct host *h;

	name = slice_head(name, HOST_TEXT - 1);
	for (unsigned i = 0; i < r->hosts; i++)
		if (slice_eq(slice_of(r->host[i].name, r->host[i].name_n), name))
			return &r->host[i];
	if (r->hosts == REPLAY_HOSTS) {
		r->shared++;
		return &r->host[REPLAY_HOSTS - 1];
	}
	h = &r->host[r->hosts];
	h->join = maillog_join_new(r->key, JOIN_CAP / 2);
	if (!h->join)
		return NULL;
	maillog_join_set_own(h->join, r->own);
	maillog_join_tell_all(h->join);
	slice_copy(name, h->name, sizeof h->name);
	h->name_n = name.n;
	r->hosts++;
	return h;
}

static uint64_t message_of(const struct replay_log *r, const struct host *h, struct slice queue_id)
{
	char text[MAILLOG_QUEUE_ID + 1];
	uint64_t v;

	if (queue_id.n == 0)
		return 0;
	text[0] = (char)('0' + (h - r->host));
	slice_copy(queue_id, text + 1, sizeof text - 1);
	v = siphash64(r->key, slice_str(text));
	return v ? v : 1;
}

/* ---- sessions */

static void try_tell(struct replay_log *r, const struct session *s, const struct try_held *t, bool is_message)
{
	struct replay_event e = {
		.type = REPLAY_TRY,
		.time = t->time,
		.message = s->message,
		.client = t->client,
		.name = slice_of(t->text, t->name_n),
		.sender = slice_of(t->text + t->name_n, t->sender_n),
		.recipient = slice_of(t->text + t->name_n + t->sender_n, t->recipient_n),
		.code = t->code,
		.is_unknown = t->is_unknown,
		.is_message = is_message,
		.is_ours = t->is_ours,
	};

	r->fn(&e, r->ctx);
}

static void tries_end(struct replay_log *r, struct session *s, bool is_message)
{
	for (const struct try_held *t = s->first; t; t = t->next)
		try_tell(r, s, t, is_message);
	tries_free(s);
	s->message = 0;
}

/* The transaction is over. */
static void session_end_transaction(struct replay_log *r, struct session *s, bool is_message)
{
	if (s->message)
		(void)keymap_take_hash(&r->messages, s->message, NULL);
	tries_end(r, s, is_message);
}

struct sweep {
	struct replay_log *log;
	bool is_all;
};

static bool session_keep(void *value, void *ctx)
{
	struct session *s = *(struct session **)value;
	const struct sweep *w = ctx;

	if (!w->is_all && s->touched + REPLAY_SESSION_S > w->log->now)
		return true;
	session_end_transaction(w->log, s, false);
	free(s);
	return false;
}

static void sessions_sweep(struct replay_log *r, bool is_all)
{
	struct sweep w = { r, is_all };

	(void)keymap_retain(&r->sessions, 0, session_keep, &w);
	r->swept = r->now;
}

struct session_key {
	uint32_t host, pid;
};

static struct session_key key_of(const struct replay_log *r, const struct host *h, const struct maillog_line *l)
{
	return (struct session_key){ (uint32_t)(h - r->host), l->pid };
}

/* NULL: no memory, or the line names no process. */
static struct session *session_open(struct replay_log *r, const struct host *h, const struct maillog_line *l)
{
	struct session_key k = key_of(r, h, l);
	struct slice key = slice_of(&k, sizeof k);
	struct session *s;
	void *v;
	enum err e;

	if (l->pid == 0)
		return NULL;
	e = keymap_put(&r->sessions, key, &v, NULL);
	if (e == ERR_FULL) {
		sessions_sweep(r, true);
		e = keymap_put(&r->sessions, key, &v, NULL);
	}
	if (e != ERR_OK)
		return NULL;
	s = *(struct session **)v;
	if (!s) {
		s = malloc(sizeof *s);
		if (!s) {
			(void)keymap_del(&r->sessions, key);
			return NULL;
		}
		*s = (struct session){ .last = &s->first };
		*(struct session **)v = s;
	}
	s->touched = l->time;
	return s;
}

static void session_close(struct replay_log *r, const struct host *h, const struct maillog_line *l)
{
	struct session_key k = key_of(r, h, l);
	struct session *s;

	if (!keymap_take(&r->sessions, slice_of(&k, sizeof k), &s))
		return;
	session_end_transaction(r, s, false);
	free(s);
}

static bool is_submission(struct slice service)
{
	return slice_ends(service, SLICE_LIT("submission")) || slice_ends(service, SLICE_LIT("submissions")) ||
	       slice_ends(service, SLICE_LIT("smtps"));
}

static struct try_held *try_make(const struct maillog_line *l)
{
	size_t n = l->name.n + l->sender.n + l->recipient.n;
	struct try_held *t = malloc(sizeof *t + n + 1);
	char *to;

	if (!t)
		return NULL;
	*t = (struct try_held){
		.time = l->time,
		.client = l->client,
		.code = l->code,
		.is_unknown = l->is_unknown,
		.is_ours = is_submission(l->service),
		.name_n = (uint16_t)l->name.n,
		.sender_n = (uint16_t)l->sender.n,
		.recipient_n = (uint16_t)l->recipient.n,
	};
	to = t->text;
	slice_copy(l->name, to, n + 1);
	slice_copy(l->sender, to + t->name_n, n + 1 - t->name_n);
	slice_copy(l->recipient, to + t->name_n + t->sender_n, n + 1 - t->name_n - t->sender_n);
	return t;
}

/* Same client and sender: may be the same transaction. */
static bool goes_on(const struct session *s, const struct try_held *t)
{
	const struct try_held *f = s->first;

	return !f || (ipaddr_eq(&f->client, &t->client) && f->sender_n == t->sender_n &&
			     memcmp(f->text + f->name_n, t->text + t->name_n, t->sender_n) == 0);
}

static void tries_shorten(struct replay_log *r, struct session *s)
{
	struct try_held *oldest = s->first;

	if (s->count < REPLAY_TRIES)
		return;
	try_tell(r, s, oldest, false);
	s->first = oldest->next;
	if (!s->first)
		s->last = &s->first;
	s->count--;
	free(oldest);
}

static enum err try_add(struct replay_log *r, const struct host *h, const struct maillog_line *l)
{
	struct session *s;
	struct session alone = { 0 };
	struct try_held *t;

	if (!l->has_addresses || l->client.family == 0 || l->sender.n >= MESSAGE_ADDRESS ||
		l->recipient.n >= MESSAGE_ADDRESS || l->name.n >= MESSAGE_NAME)
		return ERR_OK;
	s = session_open(r, h, l);
	t = try_make(l);
	if (!t)
		return ERR_NOMEM;
	if (!s) {
		try_tell(r, &alone, t, false);
		free(t);
		return ERR_OK;
	}
	if (!goes_on(s, t))
		session_end_transaction(r, s, false);
	tries_shorten(r, s);
	*s->last = t;
	s->last = &t->next;
	s->count++;
	return ERR_OK;
}

/* A recipient was accepted: the transaction has a queue id. */
static void accept_add(struct replay_log *r, const struct host *h, const struct maillog_line *l)
{
	struct session *s = session_open(r, h, l);
	struct replay_event e = { .type = REPLAY_ACCEPT,
		.time = l->time,
		.message = message_of(r, h, l->queue_id),
		.client = l->client,
		.name = l->name,
		.is_ours = is_submission(l->service) || l->login.n };
	void *v;

	if (l->orig_client.family || l->orig_queue_id.n)
		return; /* back from a content filter */
	if (s && (s->message || (s->first && !ipaddr_eq(&s->first->client, &l->client))))
		session_end_transaction(r, s, false);
	if (s && keymap_put_hash(&r->messages, e.message, &v, NULL) == ERR_OK) {
		*(struct session **)v = s;
		s->message = e.message;
	}
	if (l->client.family)
		r->fn(&e, r->ctx);
}

/* cleanup: the content of this message came. */
static void content_add(struct replay_log *r, const struct host *h, const struct maillog_line *l)
{
	uint64_t message = message_of(r, h, l->queue_id);
	struct session *s;

	if (keymap_take_hash(&r->messages, message, &s))
		tries_end(r, s, true);
}

static void connect_add(struct replay_log *r, const struct host *h, const struct maillog_line *l)
{
	struct replay_event e = { .type = REPLAY_CONNECT,
		.time = l->time,
		.client = l->client,
		.name = l->name,
		.is_ours = is_submission(l->service) };

	session_close(r, h, l);
	if (l->client.family)
		r->fn(&e, r->ctx);
}

static void screened_add(struct replay_log *r, struct host *h, const struct maillog_line *l)
{
	struct screened *s = &h->screened[l->port % SCREENED];
	bool is_known =
		s->port == l->port && ipaddr_eq(&s->client, &l->client) && s->touched + REPLAY_SESSION_S > l->time;
	struct replay_event e = { .type = REPLAY_CONNECT, .time = l->time, .client = l->client, .is_screened = true };

	*s = (struct screened){ l->client, l->port, l->time };
	if (!is_known)
		r->fn(&e, r->ctx);
}

/* ---- lines */

static void mail_tell(struct replay_log *r, struct host *h)
{
	struct maillog_event *ev = &r->event;

	while (maillog_join_next(h->join, ev)) {
		const struct msg_log_mail *m = &ev->u.mail;
		struct replay_event e = { .type = REPLAY_MAIL,
			.time = m->time,
			.client = m->client,
			.name = slice_str(m->name),
			.sender = slice_str(m->sender),
			.recipient = slice_str(m->recipient),
			.is_bounced = ev->is_bounced,
			.is_unknown = ev->is_unknown,
			.mail = m };

		if (ev->type != MSG_LOG_MAIL)
			continue;
		e.message = message_of(r, h, slice_str(m->queue_id));
		r->fn(&e, r->ctx);
	}
}

/* What is due by now was before this line. */
static void time_goes_on(struct replay_log *r, uint64_t now)
{
	r->now = now;
	for (unsigned i = 0; i < r->hosts; i++) {
		maillog_join_advance(r->host[i].join, now);
		mail_tell(r, &r->host[i]);
	}
	if (now >= r->swept + SWEEP_S)
		sessions_sweep(r, false);
}

enum err replay_log_add(struct replay_log *r, const struct maillog_line *l)
{
	struct host *h;
	enum err e = ERR_OK;

	if (l->kind == MAILLOG_NONE)
		return ERR_OK;
	h = host_of(r, l->host);
	if (!h)
		return ERR_NOMEM;
	if (l->time > r->now)
		time_goes_on(r, l->time);
	if (l->kind == MAILLOG_CONNECT)
		connect_add(r, h, l);
	else if (l->kind == MAILLOG_DISCONNECT)
		session_close(r, h, l);
	else if (l->kind == MAILLOG_SCREENED)
		screened_add(r, h, l);
	else if (l->kind == MAILLOG_CLIENT)
		accept_add(r, h, l);
	else if (l->kind == MAILLOG_MESSAGE_ID)
		content_add(r, h, l);
	else if (l->kind == MAILLOG_RCPT)
		e = try_add(r, h, l);
	if (e == ERR_OK && l->kind < MAILLOG_CONNECT && l->kind != MAILLOG_RCPT)
		e = maillog_join_add(h->join, l);
	mail_tell(r, h);
	return e;
}

void replay_log_end(struct replay_log *r)
{
	sessions_sweep(r, true);
	for (unsigned i = 0; i < r->hosts; i++) {
		maillog_join_flush(r->host[i].join);
		mail_tell(r, &r->host[i]);
	}
}
