/*
 * feed_one: the life of one feed.
 *
 *   due -> commands of its parts (role run) -> job in a thread
 *     nothing new       the good set stays, and is as fresh as now
 *     may act           offered to the engine; once it is taken: good, and kept on disk
 *     changes too much  waits for a person; the good one acts
 *     failed            the good one acts; asked again sooner than usual
 * SPDX-License-Identifier: ISC
 */
#include "role/feed.h"

#include "base/escape.h"
#include "io/log.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define RETRY_MS 60000u        /* after the first failure; twice as long after each further one */
#define RUN_PATIENCE_MS 30000u /* beyond the limit of the feed, for the answer of role run */
#define LOG_TEXT 300

static bool has_set(const struct feed_set *s)
{
	return s->memory.fd >= 0;
}

void feed_set_close(struct feed_set *s)
{
	area_memory_close(&s->memory);
	s->area = (struct feed_area){ .part = NULL };
	s->keep = (struct feed_keep){ .time = 0 };
}

static const char *name_of(const struct feed_entry *o)
{
	return o->spec->conf.title;
}

static const char *quoted(const char *text, char to[LOG_TEXT])
{
	return escape_text(slice_str(text), to, LOG_TEXT);
}

static void set_state(struct feed *f, unsigned i, enum feed_state state, const char *text)
{
	struct feed_entry *o = &f->one[i];
	char log[LOG_TEXT];
	bool is_other = o->state != state || strcmp(o->text, text) != 0;

	o->state = state;
	(void)escape_text(slice_str(text), o->text, sizeof o->text);
	if (!is_other)
		return;
	if (state == FEED_STATE_HELD)
		log_warn("feed_held", "feed=%s reason=\"%s\" help=\"limetwig feed confirm %s\"", name_of(o),
			quoted(text, log), name_of(o));
	else if (state == FEED_FAILED)
		log_warn("feed_failed", "feed=%s reason=\"%s\"", name_of(o), quoted(text, log));
	feed_tell(f, i);
}

/* Nine to eleven tenths: many gateways must not ask all at once. */
static uint64_t about(uint64_t ms)
{
	uint32_t tenth = ms / 10 > UINT32_MAX / 2 ? UINT32_MAX / 2 : (uint32_t)(ms / 10);

	return ms - tenth + randombytes_uniform(2 * tenth + 1);
}

static void plan_next(struct feed_entry *o, bool is_failure)
{
	uint64_t usual = o->spec->conf.refresh_s * 1000, wait = usual;

	o->failures = is_failure ? o->failures + 1 : 0;
	if (is_failure && o->failures < 20 && (uint64_t)RETRY_MS << (o->failures - 1) < usual)
		wait = (uint64_t)RETRY_MS << (o->failures - 1);
	o->due_ms = o->is_wished ? 0 : clock_mono_ms() + about(wait);
	o->is_wished = false;
}

void feed_one_wish(struct feed *f, unsigned i)
{
	struct feed_entry *o = &f->one[i];

	o->is_wished = o->job && !o->job->is_save;
	if (!o->is_wished)
		o->due_ms = 0;
}

/* ---- begin */

/* What the source showed last: of the set that is good, offered or held. */
static const struct feed_set *seen_last(const struct feed_entry *o)
{
	return has_set(&o->held) ? &o->held : has_set(&o->next) ? &o->next : &o->good;
}

static struct feed_job *new_job(struct feed *f, unsigned i, bool is_save)
{
	struct feed_entry *o = &f->one[i];
	struct feed_job *j = calloc(1, sizeof *j);

	if (!j)
		return NULL;
	j->spec = o->spec;
	j->servers = f->servers;
	j->good = &o->good;
	if (has_set(seen_last(o)))
		j->last = seen_last(o)->keep;
	for (unsigned k = 0; k < FEED_PARTS; k++)
		j->printed[k] = -1;
	j->set.memory = AREA_MEMORY_NONE;
	j->is_over = &f->is_over;
	j->is_save = is_save;
	j->index = i;
	j->done = f->done[1];
	if (feed_disk_path(&f->host->conf, name_of(o), j->path))
		return j;
	free(j);
	return NULL;
}

/* The set that was offered acts now. */
static void accept(struct feed *f, unsigned i)
{
	struct feed_entry *o = &f->one[i];

	o->is_taken = false;
	o->is_next_held = false;
	feed_set_close(&o->gone);
	o->gone = o->good;
	o->gone_ms = clock_mono_ms() + FEED_GONE_MS;
	o->good = o->next;
	o->next.memory = AREA_MEMORY_NONE;
	o->is_unsaved = true;
	if (!has_set(&o->held))
		set_state(f, i, FEED_OK, "");
	feed_tell(f, i);
}

/* The list may stay as it is for long: nothing else would write it. */
static void keep_later(struct feed_entry *o)
{
	o->save_ms = clock_mono_ms() + RETRY_MS;
	o->is_unsaved = true;
}

static void give_up(struct feed *f, unsigned i, bool is_save, const char *why)
{
	struct feed_entry *o = &f->one[i];

	if (o->job)
		feed_job_free(o->job);
	o->job = NULL;
	o->seq = 0;
	f->running--;
	if (is_save) {
		keep_later(o);
		return;
	}
	plan_next(o, true);
	set_state(f, i, FEED_FAILED, why);
}

/* The next command that the job needs, or the job itself. */
static void go_on(struct feed *f, unsigned i)
{
	struct feed_entry *o = &f->one[i];
	struct msg_feed_run m = { .part = 0 };
	uint8_t bytes[256];
	struct wr w = wr_init(bytes, sizeof bytes);

	while (o->run_part < o->spec->parts && o->spec->part[o->run_part].way != FEED_WAY_COMMAND)
		o->run_part++;
	if (o->job->is_save || o->run_part == o->spec->parts) {
		o->seq = 0;
		if (feed_job_start(o->job) != ERR_OK)
			give_up(f, i, o->job->is_save, "no thread");
		return;
	}
	o->seq = ++f->seq ? f->seq : ++f->seq;
	o->run_end_ms = clock_mono_ms() + o->spec->conf.limit_s * 1000 + RUN_PATIENCE_MS;
	m.seq = o->seq;
	m.part = (uint16_t)o->run_part;
	slice_copy(slice_str(name_of(o)), m.name, sizeof m.name);
	slice_copy(slice_str(o->spec->part[o->run_part].list), m.list, sizeof m.list);
	message_put_feed_run(&w, MSG_FEED_RUN, &m);
	if (role_host_send(f->host, ROLE_RUN, &w, NULL, 0) != ERR_OK)
		give_up(f, i, false, "the process that runs commands is not there");
}

static void begin(struct feed *f, unsigned i, bool is_save)
{
	struct feed_entry *o = &f->one[i];

	o->job = new_job(f, i, is_save);
	f->running++;
	if (!o->job) {
		give_up(f, i, is_save, "out of memory");
		return;
	}
	o->run_part = 0;
	if (!is_save) {
		o->tried = clock_wall_s();
		o->due_ms = UINT64_MAX;
	}
	go_on(f, i);
}

static void check_age(struct feed *f, unsigned i)
{
	struct feed_entry *o = &f->one[i];
	uint64_t now = clock_wall_s();
	bool is_old = has_set(&o->good) && now > o->good.keep.time + o->spec->conf.age_s;

	if (is_old && !o->is_old)
		log_warn("feed_old", "feed=%s age=%llu help=\"limetwig feed list\"", name_of(o),
			(unsigned long long)(now - o->good.keep.time));
	if (is_old != o->is_old) {
		o->is_old = is_old;
		feed_tell(f, i);
	}
}

void feed_one_tick(struct feed *f, unsigned i, uint64_t now_ms)
{
	struct feed_entry *o = &f->one[i];

	check_age(f, i);
	if (has_set(&o->gone) && now_ms >= o->gone_ms)
		feed_set_close(&o->gone);
	if (o->seq && now_ms > o->run_end_ms)
		give_up(f, i, false, "the process that runs commands does not answer");
	if (o->job || f->running >= FEED_WORKERS)
		return;
	if (o->is_unsaved && now_ms >= o->save_ms) {
		o->is_unsaved = false;
		begin(f, i, true);
	} else if (now_ms >= o->due_ms) {
		begin(f, i, false);
	}
}

void feed_one_ran(struct feed *f, const struct msg_feed_ran *m, int fd)
{
	char why[MESSAGE_FEED_TEXT];
	unsigned i = 0;

	while (i < f->plan.count && f->one[i].seq != m->seq)
		i++;
	if (!m->seq || i == f->plan.count) {
		if (fd >= 0)
			(void)close(fd);
		return;
	}
	if (m->status == 0 && fd >= 0 && !m->is_cut) {
		f->one[i].job->printed[f->one[i].run_part++] = fd;
		go_on(f, i);
		return;
	}
	if (fd >= 0)
		(void)close(fd);
	if (m->is_cut)
		(void)snprintf(why, sizeof why, "the command printed more than size allows");
	else if (m->status < 0)
		(void)snprintf(why, sizeof why, "the command: %.200s", m->text[0] ? m->text : "did not run");
	else
		(void)snprintf(why, sizeof why, "the command ended with status %d%s%.200s", m->status,
			m->text[0] ? ": " : "", m->text);
	give_up(f, i, false, why);
}

/* ---- end of a job */

/* A mail address is no line of such a list: this is another file, of traps perhaps. */
static const char *text_to_log(const char *text)
{
	return strchr(text, '@') ? "(an address)" : text;
}

static void log_refused(const struct feed_entry *o, const struct feed_report *r)
{
	unsigned shown = r->kept < FEED_LINES_LOGGED ? r->kept : FEED_LINES_LOGGED;

	for (unsigned i = 0; i < shown; i++)
		log_info("feed_line_refused", "feed=%s line=%u reason=\"%s\" text=\"%s\"", name_of(o), r->first[i].line,
			r->first[i].reason, text_to_log(r->first[i].text));
}

/* Seen to be as it is: the source is alive, and no younger set waits. */
static void is_fresh(struct feed *f, unsigned i, struct feed_job *j)
{
	struct feed_entry *o = &f->one[i];

	if (!has_set(&o->good) || has_set(&o->held) || has_set(&o->next)) {
		/* what waits, waits */
		bool is_held = has_set(&o->held) || o->is_next_held;

		set_state(f, i, is_held ? FEED_STATE_HELD : FEED_FETCHING, is_held ? o->held_text : "");
		return;
	}
	o->is_unsaved |= o->good.keep.time > o->tried; /* its file says so, too: a touch does not help there */
	o->good.keep.time = o->tried;
	feed_disk_touch(j->path, o->tried);
	set_state(f, i, FEED_OK, "");
}

static bool is_as_good(const struct feed_entry *o, const struct feed_job *j)
{
	const struct feed_change *c = &j->change;

	return has_set(&o->good) && !(c->added4 || c->added6 || c->removed4 || c->removed6) &&
	       o->good.area.prefixes == j->set.area.prefixes && strcmp(o->good.keep.text, j->set.keep.text) == 0;
}

static void take_new(struct feed *f, unsigned i, struct feed_job *j)
{
	struct feed_entry *o = &f->one[i];

	/* no two sets of a feed have one time: the engine's answer names it */
	j->set.keep.time = o->tried;
	while (j->set.keep.time == o->good.keep.time || j->set.keep.time == o->next.keep.time)
		j->set.keep.time++;
	feed_set_close(&o->held);
	feed_set_close(&o->next);
	o->is_next_held = false;
	if (is_as_good(o, j)) {
		j->set.keep.changed = o->good.keep.changed;
		o->good.keep = j->set.keep;
		o->is_unsaved = true;
		set_state(f, i, FEED_OK, "");
		return;
	}
	j->set.keep.changed = j->set.keep.time;
	o->next = j->set;
	j->set.memory = AREA_MEMORY_NONE;
	log_info("feed_read", "feed=%s entries=%u refused=%u prefixes=%llu", name_of(o), o->next.keep.entries,
		o->next.keep.refused, (unsigned long long)o->next.area.prefixes);
	set_state(f, i, FEED_FETCHING, "");
	feed_offer_next(f, i);
}

static void hold(struct feed *f, unsigned i, struct feed_job *j)
{
	struct feed_entry *o = &f->one[i];

	j->set.keep.time = o->tried;
	j->set.keep.changed = o->tried;
	feed_set_close(&o->held);
	o->held = j->set;
	o->change = j->change;
	j->set.memory = AREA_MEMORY_NONE;
	slice_copy(slice_str(j->reason), o->held_text, sizeof o->held_text);
	set_state(f, i, FEED_STATE_HELD, o->held_text);
}

static void end_job(struct feed *f, unsigned i, struct feed_job *j)
{
	struct feed_entry *o = &f->one[i];
	char log[LOG_TEXT];

	if (j->is_save) {
		if (j->outcome == FEED_OUT_FAILED) {
			log_warn("feed_not_kept", "feed=%s reason=\"%s\"", name_of(o), quoted(j->reason, log));
			keep_later(o);
		}
		return;
	}
	plan_next(o, j->outcome == FEED_OUT_FAILED);
	log_refused(o, &j->report);
	switch (j->outcome) {
	case FEED_OUT_FAILED:
		set_state(f, i, FEED_FAILED, j->reason);
		break;
	case FEED_OUT_SAME:
		is_fresh(f, i, j);
		break;
	case FEED_OUT_NEW:
		take_new(f, i, j);
		break;
	case FEED_OUT_HELD:
		hold(f, i, j);
		break;
	}
}

void feed_one_ended(struct feed *f, struct feed_job *j)
{
	unsigned i = j->index;

	(void)pthread_join(j->thread, NULL);
	f->one[i].job = NULL;
	f->running--;
	/* before anything else: what the job found is compared with what is good now */
	if (f->one[i].is_taken)
		accept(f, i);
	if (f->one[i].is_confirmed)
		feed_one_confirm(f, i);
	end_job(f, i, j);
	feed_job_free(j);
}

/* ---- the engine and people */

void feed_one_took(struct feed *f, unsigned i, const struct msg_feed_took *m)
{
	struct feed_entry *o = &f->one[i];

	if (!has_set(&o->next) || o->next.keep.time != m->time)
		return;
	switch ((enum feed_took)m->result) {
	case FEED_TOOK:
		/* a thread may look at the good one; while a command runs there is none yet */
		o->is_taken = true;
		if (!o->job || o->seq)
			accept(f, i);
		break;
	case FEED_HELD:
		o->is_next_held = true;
		slice_copy(slice_str(m->text), o->held_text, sizeof o->held_text);
		set_state(f, i, FEED_STATE_HELD, o->held_text);
		break;
	case FEED_BAD:
		feed_set_close(&o->next);
		o->is_next_held = false;
		set_state(f, i, FEED_FAILED, m->text);
		break;
	}
}

/* What the engine holds it takes by itself, and says so. */
void feed_one_confirm(struct feed *f, unsigned i)
{
	struct feed_entry *o = &f->one[i];

	/* next acts in the engine already: it is not to be lost for held */
	o->is_confirmed = o->is_taken && has_set(&o->held);
	if (!has_set(&o->held) || o->is_taken)
		return;
	log_info("feed_confirmed", "feed=%s prefixes=%llu", name_of(o), (unsigned long long)o->held.area.prefixes);
	feed_set_close(&o->next);
	o->is_next_held = false;
	o->next = o->held;
	o->held.memory = AREA_MEMORY_NONE;
	while (o->next.keep.time == o->good.keep.time)
		o->next.keep.time++;
	o->change = (struct feed_change){ .added4 = 0 };
	set_state(f, i, FEED_FETCHING, "");
	feed_offer_next(f, i);
}
