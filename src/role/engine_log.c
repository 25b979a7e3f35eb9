/*
 * engine_log: what the mail log tells of mail that Postfix and the milters
 * accepted: the ledger, living recipients, correspondents; and who logged in.
 * SPDX-License-Identifier: ISC
 */
#include <stdlib.h>

#include "io/log.h"
#include "role/engine.h"

#define POSITION_KEY "log-position"
#define POSITION_VALUE 600
#define CORRESPONDENT_DAY 86400     /* a domain's record is written once a day at most */
#define RECENT_PLAIN_S (15 * 86400) /* older accepted mail is hashed: nothing to learn from it */
#define DOWN_SLACK_S 2              /* the log's time is cut to seconds; the first answers take a moment */
#define STALE_S 150            /* as long as an smtpd (max_idle 100 s) may hold a connection to an engine that died */
#define CORRESPONDENT_WEIGHT 3 /* DESIGN 6: domains our users write to */

static bool load_ledger(struct slice key, struct slice value, void *ctx)
{
	struct engine *e = ctx;
	struct prefix p;
	struct record_ledger r;
	void *v;

	if (record_subject_parse(key, &p) != ERR_OK || record_get_ledger(value, &r) != ERR_OK)
		return true;
	if (keymap_put(&e->ledger, key, &v, NULL) != ERR_OK)
		return false;
	*(struct engine_ledger *)v = (struct engine_ledger){ .prefix = p, .record = r };
	return true;
}

static bool load_correspondent(struct slice key, struct slice value, void *ctx)
{
	struct engine *e = ctx;
	struct record_correspondent r;
	void *v;

	if (record_get_correspondent(value, &r) != ERR_OK)
		return true;
	if (keymap_put(&e->correspondents, key, &v, NULL) != ERR_OK)
		return false;
	*(uint64_t *)v = r.last;
	return true;
}

static void remember_recipient(struct engine *e, const char *recipient, uint64_t time)
{
	struct address a;
	void *v;

	if (address_parse(slice_str(recipient), &a) != ERR_OK || a.text[0] == '\0')
		return;
	if (keymap_put(&e->recent, slice_str(a.text), &v, NULL) == ERR_OK && *(uint64_t *)v < time)
		*(uint64_t *)v = time;
	engine_trap_is_live(e, &a);
}

static bool load_accepted(struct slice key, struct slice value, void *ctx)
{
	struct record_accepted r;

	(void)key;
	if (record_get_accepted(value, &r) == ERR_OK && !r.is_hashed)
		remember_recipient(ctx, r.recipient, r.time);
	return true;
}

enum err engine_log_load(struct engine *e)
{
	const struct slice all = { 0 };
	uint8_t from[RECORD_KEY];
	uint64_t plain = e->started > RECENT_PLAIN_S ? e->started - RECENT_PLAIN_S : 0;
	enum err err = store_scan(e->store, TABLE_LEDGER, all, all, false, load_ledger, e);

	if (err == ERR_OK)
		err = store_scan(e->store, TABLE_CORRESPONDENT, all, all, false, load_correspondent, e);
	if (err == ERR_OK)
		err = store_scan(
			e->store, TABLE_ACCEPTED, all, record_time_key(plain, 0, from), false, load_accepted, e);
	return err;
}

void engine_log_linked(struct engine *e)
{
	uint8_t value[POSITION_VALUE], out[POSITION_VALUE + 64];
	struct wr w = wr_init(out, sizeof out);
	struct msg_log_position p = { 0 };
	size_t n;

	if (store_get(e->store, TABLE_META, SLICE_LIT(POSITION_KEY), value, sizeof value, &n) == ERR_OK) {
		struct rd r = rd_init(value, n);

		p.inode = rd_u64(&r);
		p.offset = rd_u64(&r);
		rd_cstr(&r, p.cursor, sizeof p.cursor);
		if (!rd_end(&r))
			p = (struct msg_log_position){ 0 };
	}
	message_put_log_position(&w, MSG_LOG_RESUME, &p);
	if (role_host_send(e->host, ROLE_FOLLOW, &w, NULL, 0) != ERR_OK)
		log_warn("log", "text=\"the follower could not be started\"");
}

void engine_log_state(struct engine *e, const struct msg_log_state *m)
{
	uint8_t value[POSITION_VALUE];
	struct wr w = wr_init(value, sizeof value);

	if (e->log.state != m->state)
		log_info("log", "state=%s",
			m->state == LOG_READING   ? "reading"
			: m->state == LOG_JOURNAL ? "journal"
			: m->state == LOG_DENIED  ? "not-readable"
						  : "absent");
	e->log = *m;
	/* queued behind the facts read up to there: a crash repeats lines, it loses none */
	wr_u64(&w, m->position.inode);
	wr_u64(&w, m->position.offset);
	wr_cstr(&w, m->position.cursor);
	if (!w.bad)
		(void)store_put(e->store, TABLE_META, SLICE_LIT(POSITION_KEY), wr_slice(&w));
}

static struct slice domain_of(const char *address, struct address *a)
{
	if (address_parse(slice_str(address), a) != ERR_OK)
		return (struct slice){ 0 };
	return a->domain;
}

static void credit_subject(struct engine *e, const struct prefix *p, uint64_t time, double count)
{
	uint8_t key[RECORD_KEY];
	struct engine_ledger *l;
	void *v;

	if (keymap_put(&e->ledger, record_subject_key(p, key), &v, NULL) != ERR_OK)
		return;
	l = v;
	l->prefix = *p;
	l->is_dirty = true;
	if (engine_clock_is_settled(e))
		ledger_tame(&l->record, clock_wall_s());
	ledger_add(&l->record, time, count);
}

/* At a shared provider: the sender, and his domain there, which is never blocked as a whole then. */
static void credit(struct engine *e, const struct msg_log_mail *m)
{
	struct engine_who who = engine_who(e, &m->client, m->name, m->sender);
	struct address a;
	struct slice domain = domain_of(m->sender, &a);
	double count = domain.n && keymap_get(&e->correspondents, domain) ? CORRESPONDENT_WEIGHT : 1;
	struct prefix p;

	credit_subject(e, &who.subject, m->time, count);
	if (who.has_identity &&
		subject_of_domain(e->digest_key, slice_str(who.label), slice_str(m->sender), &p) == ERR_OK)
		credit_subject(e, &p, m->time, count);
}

void engine_log_credit(struct engine *e, const struct ipaddr *client, const char *name, const char *sender)
{
	struct msg_log_mail m = { .time = clock_wall_s(), .client = *client };

	slice_copy(slice_str(name), m.name, sizeof m.name);
	slice_copy(slice_str(sender), m.sender, sizeof m.sender);
	if (client->family)
		credit(e, &m);
}

void engine_log_spoil(struct engine *e, const struct prefix *p)
{
	uint8_t key[RECORD_KEY];
	struct engine_ledger *l = keymap_get(&e->ledger, record_subject_key(p, key));

	if (!l)
		return;
	ledger_spoil(&l->record, clock_wall_s());
	l->is_dirty = true;
}

static void record_delivery(struct engine *e, const struct msg_log_mail *m)
{
	struct record_accepted r = { .time = m->time, .client = m->client };
	uint8_t key[RECORD_KEY], value[RECORD_VALUE];
	struct wr w = wr_init(value, sizeof value);

	slice_copy(slice_str(m->sender), r.sender, sizeof r.sender);
	slice_copy(slice_str(m->recipient), r.recipient, sizeof r.recipient);
	slice_copy(slice_str(m->queue_id), r.queue_id, sizeof r.queue_id);
	record_put_accepted(&w, &r);
	if (!w.bad)
		(void)store_put(e->store, TABLE_ACCEPTED, record_time_key(r.time, e->sequence++, key), wr_slice(&w));
	remember_recipient(e, m->recipient, m->time);
}

static void record_correspondent(struct engine *e, const struct msg_log_mail *m)
{
	struct address a;
	struct slice domain = domain_of(m->recipient, &a);
	uint8_t value[16];
	struct wr w = wr_init(value, sizeof value);
	uint64_t *last;
	void *v;

	if (domain.n == 0 || domain.n > 255 || keymap_put(&e->correspondents, domain, &v, NULL) != ERR_OK)
		return;
	last = v;
	if (m->time < *last + CORRESPONDENT_DAY)
		return;
	*last = m->time;
	record_put_correspondent(&w, &(struct record_correspondent){ .last = m->time });
	(void)store_put(e->store, TABLE_CORRESPONDENT, domain, wr_slice(&w));
}

void engine_log_mail(struct engine *e, const struct msg_log_mail *from)
{
	uint64_t now = clock_wall_s();
	struct msg_log_mail copy = *from, *m = &copy;

	if (m->time > now)
		m->time = now; /* a line from the future must not stop the ledger until then */
	if (m->outcome == LOG_SUBMITTED)
		record_correspondent(e, m);
	if ((m->outcome != LOG_DELIVERED && m->outcome != LOG_TAGGED) || m->client.family == 0)
		return;
	if (m->outcome == LOG_DELIVERED && m->sender[0] && m->is_first)
		credit(e, m); /* bounces are nobody's good mail */
	record_delivery(e, m);
}

/*
 * Without a login the line proves who sent a message that the policy server
 * never saw: taken while we were down, or on a service that setup verified.
 * With one it names the insider. After a start such lines are kept for a while:
 * an smtpd that finds its connection dead goes on unasked, and its line comes
 * before the copy. All other lines of a busy log are not kept.
 */
void engine_log_login(struct engine *e, const struct msg_log_login *m)
{
	bool is_proof =
		m->login[0] == '\0' && (m->time <= e->started + DOWN_SLACK_S || e->host->conf.postfix.is_lmtp_trusted);
	struct queued *q = queued_find(&e->transactions, slice_str(m->queue_id));

	if (!q && (m->login[0] ||
			  (is_proof && (m->time <= e->started + STALE_S || engine_hit_is_waiting(e, m->queue_id)))))
		q = queued_open(&e->transactions, slice_str(m->queue_id), clock_wall_s());
	if (!q)
		return;
	if (q->client.family == 0)
		q->client = m->client;
	if (m->login[0])
		slice_copy(slice_str(m->login), q->login, sizeof q->login);
	else if (is_proof)
		q->is_logged = true;
	engine_hit_identified(e, m->queue_id);
}

/*
 * Postfix refused this recipient itself. A trap was counted when we were asked;
 * what a pattern of ours matches on a live domain is a probe, since nobody has it.
 */
void engine_log_rcpt(struct engine *e, const struct msg_log_rcpt *m)
{
	struct gate_view view = engine_gate_view(e);
	struct transaction *x;
	const struct trap *pattern;
	struct address a;

	if (!e->patterns || m->code < 550 || m->code > 559 || m->client.family == 0 || m->time <= e->started ||
		gate_origin_of(&view, &m->client) != GATE_FOREIGN ||
		address_parse(slice_str(m->recipient), &a) != ERR_OK)
		return;
	pattern = engine_trap_pattern(e, &a);
	if (!pattern || trap_table_find(e->traps, &a) || !(x = calloc(1, sizeof *x)))
		return;
	x->client = m->client;
	slice_copy(slice_str(m->sender), x->sender, sizeof x->sender);
	(void)transaction_add_trap(x, pattern->id);
	engine_hit_probe(e, x);
	free(x);
}

struct flush {
	struct engine *e;
	uint64_t now;
	bool may_delete;
};

static bool flush_ledger(void *value, void *ctx)
{
	struct engine_ledger *l = value;
	const struct flush *f = ctx;
	uint8_t key_bytes[RECORD_KEY], out[RECORD_VALUE];
	struct slice key = record_subject_key(&l->prefix, key_bytes);
	struct wr w = wr_init(out, sizeof out);

	if (f->may_delete && ledger_is_spent(&l->record, f->now)) {
		(void)store_del(f->e->store, TABLE_LEDGER, key);
		return false;
	}
	if (l->is_dirty) {
		record_put_ledger(&w, &l->record);
		l->is_dirty = w.bad || !store_put(f->e->store, TABLE_LEDGER, key, wr_slice(&w));
	}
	return true;
}

void engine_log_flush(struct engine *e, size_t budget)
{
	struct flush f = { e, clock_wall_s(), engine_clock_may_delete(e) };

	(void)keymap_retain(&e->ledger, budget, flush_ledger, &f);
}
