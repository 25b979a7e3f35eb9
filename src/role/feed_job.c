/*
 * feed_job: one refresh. Everything here runs in a thread that may wait.
 * SPDX-License-Identifier: ISC
 */
#include "role/feed.h"

#include "base/siphash.h"
#include "core/feed_text.h"
#include "io/feed_plan_file.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define TEXT_FILE_MAX 4096u /* bytes of a message in a file */

/* Of the settings that decide what a set is made of. */
static void make_key(const struct feed_spec *s, uint8_t ret[FEED_KEEP_KEY])
{
	static const uint8_t none[SIPHASH_KEY] = { 0 };
	uint8_t bytes[FEED_PARTS * (FEED_WHERE + 8) + 64];
	struct wr w = wr_init(bytes, sizeof bytes);

	wr_u8(&w, (uint8_t)s->conf.format);
	wr_u32(&w, s->conf.widest_ipv4);
	wr_u32(&w, s->conf.widest_ipv6);
	wr_u8(&w, s->conf.is_documentation);
	for (unsigned i = 0; i < s->parts; i++) {
		wr_u8(&w, (uint8_t)s->part[i].way);
		wr_u8(&w, s->part[i].is_white);
		wr_cstr(&w, s->part[i].where);
	}
	siphash128(none, wr_slice(&w), ret);
}

static bool has_good(const struct feed_job *j)
{
	return j->good->memory.fd >= 0;
}

/* ---- what comes */

static enum err take_text(struct feed_job *j, const struct feed_part *p, struct slice text)
{
	struct feed_rules rules = { .format = (enum feed_format)(j->spec->conf.format - CONF_FEED_AUTO),
		.widest_ipv4 = j->spec->conf.widest_ipv4,
		.widest_ipv6 = j->spec->conf.widest_ipv6,
		.is_documentation_allowed = j->spec->conf.is_documentation,
		.is_spamd_white = p->is_white };
	enum err e = feed_clean(text, &rules, &j->made, &j->report);

	if (e != ERR_OK)
		(void)snprintf(j->reason, sizeof j->reason, "%s", e == ERR_LIMIT ? "too many entries" : err_name(e));
	return e;
}

static void read_text_file(struct feed_job *j)
{
	struct buf b;

	if (!j->spec->text_file[0]) {
		slice_copy(slice_str(j->spec->text), j->set.keep.text, sizeof j->set.keep.text);
		return;
	}
	/* a message that is missing is no reason to do without the list */
	buf_init(&b, TEXT_FILE_MAX);
	if (feed_file_read(AT_FDCWD, j->spec->text_file, 0, &b) != ERR_IO)
		feed_text_clean(buf_slice(&b), j->set.keep.text, sizeof j->set.keep.text);
	buf_done(&b);
}

static enum err read_parts(struct feed_job *j)
{
	enum err e = ERR_OK;

	for (unsigned i = 0; i < j->spec->parts && e == ERR_OK; i++)
		e = feed_source_read(j, i, take_text);
	if (e == ERR_OK) {
		e = prefix_set_seal(&j->made);
		if (e != ERR_OK)
			(void)snprintf(j->reason, sizeof j->reason, "%s", err_name(e));
	}
	return e;
}

/* ---- what is thought of it */

static bool is_empty(const struct prefix_set *s)
{
	return s->in[0].count == 0 && s->in[1].count == 0;
}

static uint64_t sum(uint64_t a, uint64_t b)
{
	return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

static enum err compare(struct feed_job *j)
{
	struct prefix_set was = { 0 };
	enum err e = feed_area_add_to(&j->good->area, &was);

	if (e == ERR_OK)
		e = prefix_set_seal(&was);
	if (e == ERR_OK)
		feed_change_find(&was, &j->made, &j->change);
	prefix_set_done(&was);
	return e;
}

/* A list that was never good: an own file may be empty, an answer from elsewhere is not. */
static enum feed_outcome judge_first(struct feed_job *j)
{
	if (!is_empty(&j->made) || (j->spec->part[0].way == FEED_WAY_PATH && j->report.refused == 0))
		return FEED_OUT_NEW;
	(void)snprintf(j->reason, sizeof j->reason, "nothing in it can be used: %u lines, %u refused", j->report.lines,
		j->report.refused);
	return FEED_OUT_FAILED;
}

static enum feed_outcome judge(struct feed_job *j)
{
	const struct feed_change *c = &j->change;
	/* a list that was empty begins now */
	bool is_first = !has_good(j) || j->good->area.prefixes == 0;

	if (is_first && judge_first(j) == FEED_OUT_FAILED)
		return FEED_OUT_FAILED;
	if (!is_first && is_empty(&j->made)) {
		(void)snprintf(j->reason, sizeof j->reason, "the answer is empty (%u lines, %u refused)",
			j->report.lines, j->report.refused);
		return FEED_OUT_HELD;
	}
	if (j->report.refused > j->report.entries) {
		(void)snprintf(j->reason, sizeof j->reason,
			"more lines are refused (%u) than taken (%u): is this a list?", j->report.refused,
			j->report.entries);
		return FEED_OUT_HELD;
	}
	/* other settings make another list of the same source: that was asked for */
	if (is_first || memcmp(j->good->keep.key, j->set.keep.key, FEED_KEEP_KEY) != 0 ||
		!feed_change_is_large(c, j->spec->conf.change))
		return FEED_OUT_NEW;
	(void)snprintf(j->reason, sizeof j->reason,
		"it changes too much: of %llu addresses and %llu networks of IPv6, %llu would be new and %llu gone",
		(unsigned long long)c->had4, (unsigned long long)c->had6, (unsigned long long)sum(c->added4, c->added6),
		(unsigned long long)sum(c->removed4, c->removed6));
	return FEED_OUT_HELD;
}

static void make_set(struct feed_job *j)
{
	enum err e = has_good(j) ? compare(j) : ERR_OK;

	if (e == ERR_OK) {
		j->outcome = judge(j);
		if (j->outcome == FEED_OUT_FAILED)
			return;
		e = area_memory_make_feed(&j->made, &j->set.memory, &j->set.area);
	}
	if (e != ERR_OK) {
		j->outcome = FEED_OUT_FAILED;
		(void)snprintf(j->reason, sizeof j->reason, "%s", err_name(e));
	}
}

static void refresh(struct feed_job *j)
{
	struct feed_keep *k = &j->set.keep;
	enum err e;

	make_key(j->spec, k->key);
	k->mark = feed_source_mark(j->spec);
	if (!j->last.time || memcmp(j->last.key, k->key, sizeof k->key) != 0)
		j->last = (struct feed_keep){ .time = 0 };
	if (k->mark && k->mark == j->last.mark) {
		j->outcome = FEED_OUT_SAME;
		return;
	}
	read_text_file(j);
	e = read_parts(j);
	if (e == ERR_EXISTS)
		j->outcome = FEED_OUT_SAME;
	else if (e == ERR_OK)
		make_set(j);
	k->entries = j->report.entries;
	k->refused = j->report.refused;
	prefix_set_done(&j->made);
}

void feed_job_run(struct feed_job *j)
{
	j->outcome = FEED_OUT_FAILED;
	if (!j->is_save) {
		refresh(j);
	} else if (feed_disk_save(j->path, j->good) == ERR_OK) {
		j->outcome = FEED_OUT_SAME;
	} else {
		(void)snprintf(j->reason, sizeof j->reason, "%.200s cannot be written", j->path);
	}
}

static void *run_thread(void *ctx)
{
	struct feed_job *j = ctx;

	feed_job_run(j);
	/* a pipe takes so few bytes whole */
	if (write(j->done, (const void *)&j, sizeof j) != (ssize_t)sizeof j)
		atomic_store(j->is_over, true);
	return NULL;
}

enum err feed_job_start(struct feed_job *j)
{
	return pthread_create(&j->thread, NULL, run_thread, j) == 0 ? ERR_OK : ERR_NOMEM;
}

void feed_job_free(struct feed_job *j)
{
	for (unsigned i = 0; i < FEED_PARTS; i++)
		if (j->printed[i] >= 0)
			(void)close(j->printed[i]);
	feed_report_done(&j->report);
	area_memory_close(&j->set.memory);
	free(j);
}
