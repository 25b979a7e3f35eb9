/*
 * maillog_join: lines add to the entries of core/maillog_entry; deliveries wait
 * in a ring and are judged, when due, by what all hops of their message say.
 * SPDX-License-Identifier: ISC
 */
#include "core/maillog_join.h"
#include "core/maillog_entry.h"

#include <stdlib.h>

#define HOPS 8 /* re-injections followed */

enum target { TARGET_MAILBOX, TARGET_FOREIGN };

struct pending {
	uint64_t time, serial;
	enum target target;
	bool is_bounced, is_unknown;
	char queue_id[MAILLOG_QUEUE_ID];
	char *recipient;
};

struct maillog_join {
	uint8_t key[SIPHASH_KEY];
	const struct prefix_table *own;
	struct maillog_entries entries;
	struct pending *ring; /* JOIN_PENDING */
	size_t first, count;
	bool is_flushing;
	bool tells_all;        /* deliveries to traps and bounces are told too */
	struct keymap spam[2]; /* by Message-ID hash, newer half first */
	uint64_t spam_since;
	struct maillog_event event;
	bool has_event;
};

struct maillog_join *maillog_join_new(const uint8_t key[SIPHASH_KEY], size_t cap)
{
	struct maillog_join *j = calloc(1, sizeof *j);

	if (!j)
		return NULL;
	j->ring = calloc(JOIN_PENDING, sizeof *j->ring);
	if (!j->ring) {
		free(j);
		return NULL;
	}
	memcpy(j->key, key, SIPHASH_KEY);
	maillog_entry_init(&j->entries, key, cap);
	for (size_t i = 0; i < 2; i++)
		keymap_init(&j->spam[i], key, 1, JOIN_SPAM);
	return j;
}

void maillog_join_free(struct maillog_join *j)
{
	if (!j)
		return;
	maillog_entry_done(&j->entries);
	for (size_t i = 0; i < j->count; i++)
		free(j->ring[(j->first + i) % JOIN_PENDING].recipient);
	keymap_done(&j->spam[0]);
	keymap_done(&j->spam[1]);
	free(j->ring);
	free(j);
}

void maillog_join_set_own(struct maillog_join *j, const struct prefix_table *own)
{
	j->own = own;
}

void maillog_join_tell_all(struct maillog_join *j)
{
	j->tells_all = true;
}

size_t maillog_join_count(const struct maillog_join *j)
{
	return j->entries.by_id.count;
}

static bool is_own(const struct maillog_join *j, const struct ipaddr *a)
{
	uint32_t v;

	return ipaddr_is_private(a) || (j->own && prefix_table_find(j->own, a, &v));
}

static bool is_loopback(const struct ipaddr *a)
{
	static const uint8_t one[16] = { [15] = 1 };

	return (a->family == 4 && a->b[0] == 127) || (a->family == 6 && memcmp(a->b, one, sizeof one) == 0);
}

/* A copy where it fits into size; else, and for the empty slice, NULL. A line that is too long is a forgery. */
static char *text_copy(struct slice s, size_t size)
{
	return s.n == 0 || s.n >= size || memchr(s.p, '\0', s.n) ? NULL : strndup(s.p, s.n);
}

static void text_set(char **to, struct slice s, size_t size)
{
	free(*to);
	*to = text_copy(s, size);
}

static uint64_t mid_hash(const struct maillog_join *j, struct slice mid)
{
	uint64_t h = mid.n ? siphash64(j->key, mid) : 0;

	return mid.n && h == 0 ? 1 : h;
}

static void spam_put(struct maillog_join *j, uint64_t mid)
{
	void *v;

	if (mid == 0)
		return;
	if (j->spam[0].count >= JOIN_SPAM || j->spam_since + JOIN_SPAM_S < j->entries.now) {
		struct keymap oldest = j->spam[1];

		keymap_done(&oldest);
		j->spam[1] = j->spam[0];
		keymap_init(&j->spam[0], j->key, 1, JOIN_SPAM);
		j->spam_since = j->entries.now;
	}
	/* without memory for it the message counts as what the log says otherwise */
	if (keymap_put(&j->spam[0], slice_of(&mid, sizeof mid), &v, NULL) != ERR_OK)
		return;
	*(uint8_t *)v = 1;
}

static bool spam_has(const struct maillog_join *j, uint64_t mid)
{
	struct slice key = slice_of(&mid, sizeof mid);

	return mid != 0 && (keymap_get(&j->spam[0], key) || keymap_get(&j->spam[1], key));
}

/* What all hops of a message together say. */
struct story {
	struct maillog_entry *origin; /* the first hop, which the client spoke to */
	const char *sender, *login;   /* NULL: none */
	bool is_refused, is_spam;
};

static struct story story_of(const struct maillog_join *j, struct maillog_entry *e)
{
	struct story s = { 0 };

	for (int hop = 0; e && hop < HOPS; hop++) {
		s.origin = e;
		s.is_refused |= e->is_refused;
		s.is_spam |= e->is_spam || e->has_trap || spam_has(j, e->mid);
		if (e->sender)
			s.sender = e->sender;
		if (e->login)
			s.login = e->login;
		e = maillog_entry_parent(&j->entries, e);
	}
	return s;
}

static bool is_trap(struct slice recipient)
{
	return slice_ends(recipient, SLICE_LIT("@limetwig.invalid")) ||
	       slice_ends(recipient, SLICE_LIT(".limetwig.invalid"));
}

static void mail_event(struct maillog_event *ev, const struct story *s, uint64_t time, enum log_outcome outcome)
{
	*ev = (struct maillog_event){ .type = MSG_LOG_MAIL };
	ev->u.mail.time = time;
	ev->u.mail.client = s->origin->client;
	ev->u.mail.outcome = (uint8_t)outcome;
	slice_copy(slice_str(s->origin->name), ev->u.mail.name, sizeof ev->u.mail.name);
	slice_copy(slice_str(s->origin->queue_id), ev->u.mail.queue_id, sizeof ev->u.mail.queue_id);
	slice_copy(slice_str(s->sender), ev->u.mail.sender, sizeof ev->u.mail.sender);
}

/*
 * Who sent this queue id. "Nobody logged in" may only be said where the hop
 * that the client spoke to is known: engine takes it for a proof.
 */
static void login_event(struct maillog_join *j, struct maillog_entry *e, uint64_t time)
{
	struct story s = story_of(j, e);
	bool is_first_hop_known = s.origin->has_client && !s.origin->is_again;
	struct msg_log_login *login = &j->event.u.login;

	if (!s.login && (!is_first_hop_known || s.origin->client.family == 0 || is_own(j, &s.origin->client)))
		return;
	j->event = (struct maillog_event){ .type = MSG_LOG_LOGIN };
	login->time = time;
	login->client = s.origin->client;
	slice_copy(slice_str(e->queue_id), login->queue_id, sizeof login->queue_id);
	slice_copy(slice_str(s.login), login->login, sizeof login->login);
	j->has_event = true;
	e->is_login_told = true;
}

static enum err client_add(struct maillog_join *j, const struct maillog_line *l)
{
	struct maillog_entry *e = maillog_entry_add(&j->entries, l->queue_id);
	bool has_orig = l->orig_client.family != 0;
	enum err err = ERR_OK;

	if (!e)
		return ERR_NOMEM;
	if (e->has_client || e->is_local)
		maillog_entry_renew(&j->entries, e);
	e->has_client = true;
	e->is_again = has_orig || l->orig_queue_id.n;
	e->client = has_orig ? l->orig_client : l->client;
	text_set(&e->name, has_orig ? l->orig_name : l->name, MESSAGE_NAME);
	text_set(&e->login, l->login, MESSAGE_ADDRESS);
	if (l->orig_queue_id.n) {
		err = maillog_entry_link(&j->entries, l->queue_id, l->orig_queue_id);
		e = maillog_entry_find(&j->entries, l->queue_id);
	}
	if (e)
		login_event(j, e, l->time);
	return err;
}

static void rcpt_add(struct maillog_join *j, const struct maillog_line *l)
{
	struct msg_log_rcpt *r = &j->event.u.rcpt;

	/* another refusal, as our own of a blocked host, says nothing of the mailbox */
	if (!l->is_unknown || !l->has_addresses || l->client.family == 0 || is_own(j, &l->client) ||
		is_trap(l->recipient))
		return;
	if (l->sender.n >= sizeof r->sender || l->recipient.n >= sizeof r->recipient)
		return;
	j->event = (struct maillog_event){ .type = MSG_LOG_RCPT };
	r->time = l->time;
	r->client = l->client;
	r->code = l->code;
	slice_copy(l->sender, r->sender, sizeof r->sender);
	slice_copy(l->recipient, r->recipient, sizeof r->recipient);
	j->has_event = true;
}

static enum err refused_add(struct maillog_join *j, const struct maillog_line *l)
{
	struct maillog_entry *e = l->queue_id.n ? maillog_entry_add(&j->entries, l->queue_id) : NULL;
	struct story s;

	if (!e)
		return l->queue_id.n ? ERR_NOMEM : ERR_OK;
	s = story_of(j, e);
	if (!s.is_refused && s.origin->client.family && !is_own(j, &s.origin->client) && !s.login) {
		mail_event(&j->event, &s, l->time, LOG_REJECTED);
		if (l->has_addresses && !is_trap(l->recipient) && l->recipient.n < MESSAGE_ADDRESS)
			slice_copy(l->recipient, j->event.u.mail.recipient, sizeof j->event.u.mail.recipient);
		if (l->has_addresses && l->sender.n < MESSAGE_ADDRESS)
			slice_copy(l->sender, j->event.u.mail.sender, sizeof j->event.u.mail.sender);
		j->has_event = true;
	}
	e->is_refused = true;
	return ERR_OK;
}

static void spam_add(struct maillog_join *j, const struct maillog_line *l)
{
	struct maillog_entry *e = maillog_entry_find(&j->entries, l->queue_id);
	struct maillog_entry *next = maillog_entry_find(&j->entries, l->next_id);

	if (e)
		e->is_spam = true;
	if (next)
		next->is_spam = true;
	spam_put(j, mid_hash(j, l->message_id));
}

/* Where this delivery went; false: nowhere that matters here. */
static bool target_of(const struct maillog_join *j, const struct maillog_line *l, enum target *ret)
{
	bool is_own_relay = l->relay_addr.family && is_own(j, &l->relay_addr);

	*ret = TARGET_MAILBOX;
	switch (l->agent) {
	case AGENT_LOCAL:
	case AGENT_VIRTUAL:
	case AGENT_PIPE:
	case AGENT_LMTP:
		return true;
	case AGENT_SMTP:
		if (!is_own_relay && !slice_ends(l->service, SLICE_LIT("/relay")))
			*ret = TARGET_FOREIGN;
		return true;
	case AGENT_NONE:
	case AGENT_OTHER:
		break;
	}
	return false;
}

/* Our own transport, whatever the address. */
static bool is_capture(const struct maillog_line *l)
{
	return l->agent == AGENT_LMTP && slice_ends(l->service, SLICE_LIT("/limetwig"));
}

static void pending_add(
	struct maillog_join *j, const struct maillog_line *l, const struct maillog_entry *e, enum target target)
{
	struct slice recipient = slice_find(l->orig_to, '@') < l->orig_to.n ? l->orig_to : l->recipient;
	struct pending *p = &j->ring[(j->first + j->count) % JOIN_PENDING];

	*p = (struct pending){ .time = l->time,
		.serial = e->serial,
		.target = target,
		.is_bounced = l->is_bounced,
		.is_unknown = l->is_unknown,
		.recipient = text_copy(recipient, MESSAGE_ADDRESS) };
	slice_copy(l->queue_id, p->queue_id, sizeof p->queue_id);
	if (p->recipient)
		j->count++;
}

/* What came back from the filter is now known to be from this client. */
static enum err hop_add(struct maillog_join *j, const struct maillog_line *l)
{
	enum err err = maillog_entry_link(&j->entries, l->next_id, l->queue_id);
	struct maillog_entry *e = maillog_entry_find(&j->entries, l->next_id);

	if (e && e->has_client && !e->is_login_told)
		login_event(j, e, l->time);
	return err;
}

static enum err delivery_add(struct maillog_join *j, const struct maillog_line *l)
{
	bool is_hop = l->next_id.n && (l->is_forwarded || (l->relay_addr.family && is_own(j, &l->relay_addr)));
	struct maillog_entry *e;
	enum target target;
	bool is_captured;

	if (!l->is_sent && !(j->tells_all && l->is_bounced))
		return ERR_OK;
	/* a filter on another host has handed the message back by now; a mail server of ours keeps it */
	if (is_hop && (l->is_forwarded || is_loopback(&l->relay_addr) || maillog_entry_find(&j->entries, l->next_id)))
		return hop_add(j, l);
	e = maillog_entry_add(&j->entries, l->queue_id);
	if (!e)
		return ERR_NOMEM;
	is_captured = is_trap(l->recipient) || is_capture(l);
	e->has_trap |= is_captured;
	if (is_captured && !j->tells_all)
		return ERR_OK;
	if ((target_of(j, l, &target) || l->is_bounced) && j->count < JOIN_PENDING)
		pending_add(j, l, e, target);
	return ERR_OK;
}

/* A line that tells one thing of one message. */
static enum err fact_add(struct maillog_join *j, const struct maillog_line *l)
{
	struct maillog_entry *e = maillog_entry_add(&j->entries, l->queue_id);

	if (!e)
		return ERR_NOMEM;
	if (l->kind == MAILLOG_LOCAL) {
		if (e->has_client || e->is_local)
			maillog_entry_renew(&j->entries, e);
		e->is_local = true;
	} else if (l->kind == MAILLOG_MESSAGE_ID) {
		e->mid = mid_hash(j, l->message_id);
	} else {
		text_set(&e->sender, l->sender, MESSAGE_ADDRESS);
	}
	return ERR_OK;
}

enum err maillog_join_add(struct maillog_join *j, const struct maillog_line *l)
{
	struct maillog_entry *e;

	if (l->kind != MAILLOG_NONE && l->kind < MAILLOG_CONNECT)
		maillog_join_advance(j, l->time);
	switch (l->kind) {
	case MAILLOG_NONE:
	case MAILLOG_CONNECT:
	case MAILLOG_DISCONNECT:
	case MAILLOG_SCREENED:
		break;
	case MAILLOG_CLIENT:
		return client_add(j, l);
	case MAILLOG_LOCAL:
	case MAILLOG_MESSAGE_ID:
	case MAILLOG_FROM:
		return fact_add(j, l);
	case MAILLOG_REMOVED:
		e = maillog_entry_find(&j->entries, l->queue_id);
		if (e)
			maillog_entry_remove(&j->entries, e);
		break;
	case MAILLOG_DELIVERY:
		return delivery_add(j, l);
	case MAILLOG_RCPT:
		rcpt_add(j, l);
		break;
	case MAILLOG_REFUSED:
		return refused_add(j, l);
	case MAILLOG_SPAM:
		spam_add(j, l);
		break;
	}
	return ERR_OK;
}

void maillog_join_advance(struct maillog_join *j, uint64_t now)
{
	maillog_entry_advance(&j->entries, now);
}

void maillog_join_set_back(struct maillog_join *j, uint64_t now)
{
	for (size_t i = 0; i < j->count; i++) {
		struct pending *p = &j->ring[(j->first + i) % JOIN_PENDING];

		if (p->time > now)
			p->time = now;
	}
	if (j->spam_since > now)
		j->spam_since = now;
	maillog_entry_set_back(&j->entries, now);
}

void maillog_join_flush(struct maillog_join *j)
{
	j->is_flushing = true;
}

/* True: ev says what became of this delivery. */
static bool pending_resolve(const struct maillog_join *j, const struct pending *p, struct maillog_event *ev)
{
	struct maillog_entry *e = maillog_entry_find(&j->entries, slice_str(p->queue_id));
	enum log_outcome outcome = LOG_DELIVERED;
	struct story s;
	bool is_ours;

	if (!e || e->serial != p->serial)
		return false;
	s = story_of(j, e);
	if (s.is_refused || s.origin->client.family == 0 || (p->is_bounced && s.login))
		return false;
	/* our own people, but no program on this host that answers mail by itself */
	is_ours = s.login || (is_own(j, &s.origin->client) && !is_loopback(&s.origin->client));
	if (is_ours && p->target == TARGET_FOREIGN && s.sender)
		outcome = LOG_SUBMITTED;
	else if (is_ours || is_own(j, &s.origin->client) || p->target == TARGET_FOREIGN)
		return false;
	else if (s.is_spam)
		outcome = LOG_TAGGED;
	mail_event(ev, &s, p->time, outcome);
	ev->is_bounced = p->is_bounced;
	ev->is_unknown = p->is_unknown;
	ev->u.mail.is_first = !s.origin->is_told;
	s.origin->is_told = true;
	slice_copy(slice_str(p->recipient), ev->u.mail.recipient, sizeof ev->u.mail.recipient);
	return true;
}

bool maillog_join_next(struct maillog_join *j, struct maillog_event *ret)
{
	if (j->has_event) {
		*ret = j->event;
		j->has_event = false;
		return true;
	}
	while (j->count) {
		struct pending *p = &j->ring[j->first];
		bool is_event;

		if (!j->is_flushing && j->count < JOIN_PENDING && p->time + JOIN_WAIT_S > j->entries.now)
			break;
		is_event = pending_resolve(j, p, ret);
		free(p->recipient);
		*p = (struct pending){ 0 };
		j->first = (j->first + 1) % JOIN_PENDING;
		j->count--;
		if (is_event)
			return true;
	}
	j->is_flushing = false;
	/* only now: what was due has been judged, however far time has jumped */
	maillog_entry_expire(&j->entries);
	return false;
}
