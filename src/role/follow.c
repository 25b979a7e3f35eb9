/*
 * follow: reads the mail log and tells the engine what became of mail.
 *
 *   descriptor of the log (from the parent) ──▶ io/logtail ──┐
 *   systemd's journal ──▶ io/journal ────────────────────────┴▶ core/maillog_line
 *     ──▶ core/maillog_join ──▶ LOG_MAIL, LOG_LOGIN, LOG_RCPT ──▶ engine
 *
 * Nothing is read before the engine's LOG_RESUME: it says how far its store
 * knows the log. Each new link to the engine starts there again. Nothing is
 * dropped: with too much waiting for the engine, reading pauses.
 *
 *   ... | read again: who sent what | known to the engine's store up to here | new
 *
 * A stretch before that place is read again, for LOG_LOGIN alone: an engine
 * that died has forgotten who sent the messages that wait in the queue for it.
 * Deliveries told there were told before.
 * SPDX-License-Identifier: ISC
 */
#include "base/prefix_table.h"
#include "core/maillog_join.h"
#include "io/journal.h"
#include "io/log.h"
#include "io/logtail.h"
#include "role/role_host.h"

#include <sodium.h>
#include <stdlib.h>
#include <time.h>

#define POLL_MS 250 /* how often the end of the log is looked at */
#define STATE_MS 2000
#define ROUND_LINES 2000 /* then the loop gets its turn (PING) */
#define QUEUE_HIGH (CHANNEL_QUEUE / 4)
#define AHEAD_S JOIN_WAIT_S       /* of a clock: less is no matter */
#define LOGIN_OLD_S JOIN_EXPIRE_S /* no message is in the queue for longer */
#define EVENT_BYTES 2048
#define BACK_BYTES (4u << 20) /* read again of a file: about 40,000 lines */
#define BACK_ENTRIES 10000    /* read again of the journal */

struct follow {
	struct role_host *host;
	struct maillog_join *join;
	struct prefix_table own;
	uint8_t key[SIPHASH_KEY];
	struct logtail *tail;
	struct journal *journal; /* NULL: a file is read */
	bool is_denied;          /* there is a journal, and we may not read it */
	struct loop_watch *poll, *state, *more;
	bool is_resumed, is_paused, is_caught_up, is_stopping;
	bool is_back;                  /* reading what the engine knows already */
	struct msg_log_position known; /* up to here, while is_back */
	uint64_t lines, last, bad;
	uint64_t now; /* wall clock and offset of local time, read once a round */
	int32_t utc_offset_s;
};

static void pump(void *ctx);

static void clock_read(struct follow *f)
{
	struct tm tm;
	time_t t = (time_t)clock_wall_s();

	if ((uint64_t)t + AHEAD_S < f->now)
		maillog_join_set_back(f->join, (uint64_t)t);
	f->now = (uint64_t)t;
	f->utc_offset_s = localtime_r(&t, &tm) ? (int32_t)tm.tm_gmtoff : 0;
}

static enum err own_add(struct prefix_table *t, const struct conf_list *l)
{
	for (uint32_t i = 0; i < l->count; i++) {
		struct prefix p;
		enum err e;

		if (prefix_parse(slice_str(l->item[i]), &p) != ERR_OK)
			continue; /* the parent has checked them and said so */
		e = prefix_table_add(t, &p, 1);
		if (e != ERR_OK)
			return e;
	}
	return ERR_OK;
}

/* Own hosts and networks of the configuration in force. */
static enum err own_load(struct follow *f)
{
	struct prefix_table t;
	enum err e;

	prefix_table_init(&t);
	e = own_add(&t, &f->host->conf.postfix.own_hosts);
	if (e == ERR_OK)
		e = own_add(&t, &f->host->conf.own_networks);
	if (e == ERR_OK)
		e = prefix_table_seal(&t);
	if (e != ERR_OK) {
		prefix_table_done(&t);
		return e;
	}
	prefix_table_done(&f->own);
	f->own = t;
	return ERR_OK;
}

/* Forget what is under way: the engine says anew where to read. */
static enum err join_renew(struct follow *f)
{
	struct maillog_join *j = maillog_join_new(f->key, JOIN_CAP);

	if (!j)
		return ERR_NOMEM;
	maillog_join_free(f->join);
	f->join = j;
	maillog_join_set_own(j, &f->own);
	return ERR_OK;
}

/* ERR_NOMEM ends the role, which begins anew; what lasts is told instead, and the rest of limetwigd goes on without. */
static enum err journal_begin(struct follow *f)
{
	enum err e;

	if (strcmp(f->host->conf.postfix.log, "journal") != 0)
		return ERR_OK;
	e = journal_open(NULL, &f->journal);
	f->is_denied = e == ERR_DENIED;
	if (e != ERR_OK)
		log_warn("journal",
			"error=\"%s\" remedy=\"is systemd-journald running, is limetwig-follow in group "
			"systemd-journal?\"",
			err_name(e));
	return e == ERR_NOMEM ? e : ERR_OK;
}

static enum err follow_start(struct role_host *h)
{
	struct follow *f = calloc(1, sizeof *f);
	enum err e;

	if (!f)
		return ERR_NOMEM;
	h->ctx = f;
	f->host = h;
	if (sodium_init() < 0)
		return ERR_IO;
	randombytes_buf(f->key, sizeof f->key);
	tzset(); /* reads the zone's file while we may */
	clock_read(f);
	prefix_table_init(&f->own);
	f->tail = logtail_new();
	if (!f->tail)
		return ERR_NOMEM;
	e = own_load(f);
	if (e == ERR_OK)
		e = join_renew(f);
	if (e == ERR_OK && h->file[FILE_MAIL_LOG] >= 0)
		e = logtail_add(f->tail, h->file[FILE_MAIL_LOG]);
	if (e == ERR_OK)
		e = journal_begin(f);
	return e;
}

static struct channel *engine_of(const struct follow *f)
{
	return f->host->link[ROLE_ENGINE];
}

static void position_get(struct follow *f, struct msg_log_position *ret)
{
	*ret = f->is_back ? f->known : (struct msg_log_position){ 0 };
	if (f->is_back)
		return;
	if (f->journal)
		(void)journal_position(f->journal, ret->cursor);
	else
		logtail_position(f->tail, &ret->inode, &ret->offset);
}

static void state_send(void *ctx)
{
	struct follow *f = ctx;
	struct msg_log_state m = {
		.lines = f->lines, .dropped = logtail_dropped(f->tail), .last = f->last, .is_caught_up = f->is_caught_up
	};
	uint8_t bytes[EVENT_BYTES];
	struct wr w = wr_init(bytes, sizeof bytes);

	if (!f->is_resumed || !engine_of(f))
		return;
	position_get(f, &m.position);
	m.state = f->journal ? LOG_JOURNAL : f->is_denied ? LOG_DENIED : m.position.inode ? LOG_READING : LOG_ABSENT;
	message_put_log_state(&w, MSG_LOG_STATE, &m);
	/* a state that is lost is followed by the next one */
	if (channel_send(engine_of(f), &w, NULL, 0) != ERR_OK)
		log_debug("log_state_lost", "lines=%llu", (unsigned long long)f->lines);
}

/* False: the engine is gone, and will say where to go on; or we are, and the engine says it to our next life. */
static bool event_send(struct follow *f, const struct maillog_event *ev)
{
	uint8_t bytes[EVENT_BYTES];
	struct wr w = wr_init(bytes, sizeof bytes);
	enum err e = ERR_CLOSED;

	if (ev->type == MSG_LOG_LOGIN ? ev->u.login.time + LOGIN_OLD_S < f->now : f->is_back)
		return true;
	if (ev->type == MSG_LOG_MAIL)
		message_put_log_mail(&w, MSG_LOG_MAIL, &ev->u.mail);
	else if (ev->type == MSG_LOG_LOGIN)
		message_put_log_login(&w, MSG_LOG_LOGIN, &ev->u.login);
	else
		message_put_log_rcpt(&w, MSG_LOG_RCPT, &ev->u.rcpt);
	if (engine_of(f))
		e = channel_send(engine_of(f), &w, NULL, 0);
	if (e == ERR_OK)
		return true;
	if (e != ERR_CLOSED)
		role_host_end(f->host, "the engine cannot be told");
	f->is_resumed = false;
	return false;
}

static void on_drain(void *ctx)
{
	struct follow *f = ctx;

	f->is_paused = false;
	pump(f);
}

/* All events that are due. False: reading must wait. */
static bool events_send(struct follow *f)
{
	struct maillog_event ev;

	for (;;) {
		if (!engine_of(f))
			return false;
		if (!f->is_stopping && channel_queued(engine_of(f)) > QUEUE_HIGH) {
			f->is_paused = true;
			channel_on_drain(engine_of(f), on_drain, f);
			return false;
		}
		if (!maillog_join_next(f->join, &ev))
			return true;
		if (!event_send(f, &ev))
			return false;
	}
}

/* What was delivered before the place that the engine knows was told then. */
static void back_end(struct follow *f)
{
	struct maillog_event told;

	f->is_back = false;
	maillog_join_flush(f->join);
	while (maillog_join_next(f->join, &told))
		;
}

/* Is the line just read behind the place that the engine knows? */
static bool is_behind_known(const struct follow *f)
{
	uint64_t inode, offset;

	if (f->journal)
		return !journal_is_back(f->journal);
	logtail_position(f->tail, &inode, &offset);
	return inode != f->known.inode || offset > f->known.offset;
}

static void line_count(struct follow *f, const struct maillog_line *l)
{
	if (f->is_back && is_behind_known(f))
		back_end(f);
	f->lines += !f->is_back;
	if (l->time > f->last || f->last > f->now + AHEAD_S)
		f->last = l->time;
}

/* One line or entry into join. ERR_AGAIN: there is none now. */
static enum err line_take(struct follow *f)
{
	struct maillog_line l;
	struct slice line, ident;
	uint64_t time;
	enum err e;

	if (f->journal) {
		e = journal_next(f->journal, &time, &ident, &line);
		if (e != ERR_OK)
			return e;
		maillog_line_parse_entry(time, ident, line, &l);
	} else {
		e = logtail_line(f->tail, &line);
		if (e != ERR_OK)
			return e;
		if (maillog_line_parse(line, f->now, f->utc_offset_s, &l) != ERR_OK) {
			f->bad++;
			return ERR_OK;
		}
	}
	if (l.time > f->now + AHEAD_S)
		l.time = f->now; /* of a clock that is ahead, or was when this was written */
	line_count(f, &l);
	return maillog_join_add(f->join, &l);
}

static void caught_up_set(struct follow *f, bool is)
{
	if (f->is_caught_up == is)
		return;
	f->is_caught_up = is;
	if (is)
		state_send(f);
}

static void more_later(struct follow *f)
{
	enum err e = ERR_OK;

	if (!f->more)
		f->more = loop_after(f->host->loop, 0, pump, f);
	else
		e = loop_again(f->more, 0);
	/* without it the next poll goes on */
	if (!f->more || e != ERR_OK)
		log_debug("log_more", "error=\"%s\"", err_name(e));
}

static void at_end(struct follow *f)
{
	if (f->is_back)
		back_end(f);
	/* a log line of this second may still come: its time is cut to seconds */
	maillog_join_advance(f->join, f->now);
	if (events_send(f))
		caught_up_set(f, true);
}

static void pump(void *ctx)
{
	struct follow *f = ctx;
	enum err e = ERR_OK;

	if (!f->is_resumed || f->is_paused || f->is_stopping)
		return;
	clock_read(f);
	for (int i = 0; i < ROUND_LINES && e == ERR_OK; i++) {
		if (!events_send(f))
			return;
		e = line_take(f);
	}
	if (e == ERR_AGAIN) {
		at_end(f);
	} else if (e == ERR_OK) {
		caught_up_set(f, false);
		if (events_send(f))
			more_later(f);
	} else {
		log_warn("log_read", "error=\"%s\"", err_name(e));
	}
}

static void follow_serve(struct role_host *h)
{
	struct follow *f = h->ctx;

	f->poll = loop_every(h->loop, POLL_MS, pump, f);
	f->state = loop_every(h->loop, STATE_MS, state_send, f);
	if (!f->poll || !f->state)
		role_host_give_up(h, ERR_NOMEM); /* before the loop runs a loop_stop is lost */
}

static enum err back_begin(struct follow *f)
{
	enum err e = ERR_OK;

	f->is_back = false;
	position_get(f, &f->known);
	if (f->journal)
		e = journal_step_back(f->journal, BACK_ENTRIES);
	f->is_back = f->journal ? f->known.cursor[0] != '\0' : logtail_step_back(f->tail, BACK_BYTES);
	return e;
}

static void resume(struct follow *f, const struct msg_log_position *p)
{
	enum err e = join_renew(f);

	if (e == ERR_OK && f->journal)
		e = journal_resume(f->journal, p->cursor);
	else if (e == ERR_OK)
		logtail_resume(f->tail, p->inode, p->offset);
	if (e == ERR_OK)
		e = back_begin(f);
	if (e != ERR_OK) {
		log_warn("log_resume", "error=\"%s\"", err_name(e));
		role_host_end(f->host, "nobody says again where to go on");
		return;
	}
	f->is_resumed = true;
	f->is_paused = f->is_caught_up = false;
	state_send(f);
	pump(f);
}

static void follow_message(
	struct role_host *h, enum role peer, enum message_type t, struct rd *body, const int *fds, size_t n)
{
	struct msg_log_position p;

	(void)fds;
	(void)n;
	if (!h->ctx || peer != ROLE_ENGINE || t != MSG_LOG_RESUME)
		return;
	if (message_get_log_position(body, &p) == ERR_OK)
		resume(h->ctx, &p);
	else
		log_warn("message_malformed", "type=%s", message_name(t));
}

static void finish(void *ctx)
{
	struct follow *f = ctx;
	struct role_host *h = f->host;

	loop_remove(f->poll);
	loop_remove(f->state);
	loop_remove(f->more);
	maillog_join_free(f->join);
	prefix_table_done(&f->own);
	logtail_free(f->tail);
	journal_close(f->journal);
	free(f);
	h->ctx = NULL;
	loop_stop(h->loop);
}

static void follow_unlinked(struct role_host *h, enum role peer)
{
	struct follow *f = h->ctx;

	if (!f || peer != ROLE_ENGINE)
		return;
	f->is_resumed = f->is_paused = false;
	if (f->is_stopping)
		finish(f);
}

static void follow_reloaded(struct role_host *h)
{
	struct follow *f = h->ctx;

	if (f && own_load(f) != ERR_OK)
		log_warn("reload", "text=\"own networks stay as they were\"");
}

static void follow_filed(struct role_host *h, enum shared_file which)
{
	struct follow *f = h->ctx;

	if (f && which == FILE_MAIL_LOG && logtail_add(f->tail, h->file[which]) != ERR_OK)
		role_host_end(h, "the new mail log could not be taken, and is given once");
}

/* What waits is told, so that it need not be read again; what is under way is lost to the ledger. */
static void follow_stop(struct role_host *h)
{
	struct follow *f = h->ctx;
	bool is_told = false;

	if (!f || f->is_stopping)
		return;
	f->is_stopping = true;
	if (f->is_resumed && engine_of(f)) {
		maillog_join_flush(f->join);
		is_told = events_send(f);
	}
	if (is_told)
		state_send(f);
	if (engine_of(f) && channel_queued(engine_of(f)) > 0)
		channel_on_drain(engine_of(f), finish, f);
	else
		finish(f);
}

const struct role_ops follow_ops = {
	.start = follow_start,
	.serve = follow_serve,
	.unlinked = follow_unlinked,
	.message = follow_message,
	.reloaded = follow_reloaded,
	.filed = follow_filed,
	.stop = follow_stop,
};
