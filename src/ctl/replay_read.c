/*
 * replay_read: a merge that stays with one file as long as no other is behind it.
 * SPDX-License-Identifier: ISC
 */
#include "ctl/replay_read.h"

#include <time.h>
#include <unistd.h>

#define BAR_LINES 65536 /* between two looks at the clock */
#define BAR_MS 200
#define BAR_WIDTH 30

static uint64_t clock_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

void replay_read_close(struct replay_read *r)
{
	for (size_t i = 0; i < r->files; i++)
		logread_close(r->file[i].log);
	r->files = 0;
}

/* The clock that the times of this file are read with. */
static void file_clock(struct replay_file *f, uint64_t now)
{
	uint64_t written = logread_mtime(f->log);
	struct tm tm;
	time_t t;

	f->clock.now = written && written < now ? written : now;
	t = (time_t)f->clock.now;
	f->clock.utc_offset_s = localtime_r(&t, &tm) ? (int32_t)tm.tm_gmtoff : 0;
	/* rsync and cp set times of their own; a line may be some minutes after it */
	f->clock.now += 86400;
}

int replay_read_open(struct ctl *c, struct replay_read *ret)
{
	struct replay_read *r = ret;
	bool is_known = true;

	*r = (struct replay_read){ .started_ms = clock_ms() };
	if (c->args.count > REPLAY_FILES)
		return ctl_usage(c, "more than %d files", REPLAY_FILES);
	for (int i = 0; i < c->args.count; i++) {
		struct replay_file *f = &r->file[r->files];

		if (logread_open(c->args.word[i], &f->log, r->text) != ERR_OK) {
			replay_read_close(r);
			return ctl_refuse(c, "%s", r->text);
		}
		r->files++;
		file_clock(f, c->render.now);
		is_known &= logread_size(f->log) > 0;
		r->size += logread_size(f->log);
	}
	r->size = is_known ? r->size : 0;
	r->is_bar = !c->args.is_given[OPT_JSON] && isatty(fileno(c->err));
	return CTL_DONE;
}

/* ---- progress */

static void bar_show(struct ctl *c, struct replay_read *r, bool is_end)
{
	uint64_t now = clock_ms(), at = 0, bytes = 0;
	double seconds = (double)(now - r->started_ms) / 1000;
	int full;

	if (!r->is_bar || (!is_end && now < r->shown_ms + BAR_MS))
		return;
	r->shown_ms = now;
	for (size_t i = 0; i < r->files; i++) {
		at += logread_position(r->file[i].log);
		bytes += logread_bytes(r->file[i].log);
	}
	if (is_end) {
		(void)fprintf(c->err, "\r%*s\r", BAR_WIDTH + 40, "");
	} else if (r->size) {
		full = (int)(at >= r->size ? BAR_WIDTH : at * BAR_WIDTH / r->size);
		(void)fprintf(c->err, "\r[%.*s%*s] %3u %%  %.0f MB/s ", full, "##############################",
			BAR_WIDTH - full, "", (unsigned)(at >= r->size ? 100 : at * 100 / r->size),
			seconds > 0 ? (double)bytes / 1e6 / seconds : 0);
	} else {
		(void)fprintf(c->err, "\r%.0f MB  %.0f MB/s ", (double)bytes / 1e6,
			seconds > 0 ? (double)bytes / 1e6 / seconds : 0);
	}
	(void)fflush(c->err);
}

/* ---- lines */

static void bad_note(struct replay_read *r, const struct replay_file *f)
{
	r->bad++;
	if (r->bad_named == REPLAY_BAD)
		return;
	r->bad_line[r->bad_named].file = (size_t)(f - r->file);
	r->bad_line[r->bad_named++].line = logread_number(f->log);
}

static bool is_blank(struct slice s)
{
	return slice_trim(s).n == 0;
}

/* The next line of this file that says when it was written. */
static void file_next(struct ctl *c, struct replay_read *r, struct replay_file *f)
{
	struct slice line;
	enum err e;

	for (;;) {
		e = logread_line(f->log, &line, r->text);
		if (e != ERR_OK)
			break;
		r->lines++;
		if ((r->lines & (BAR_LINES - 1)) == 0)
			bar_show(c, r, false);
		if (maillog_line_parse_next(line, &f->clock, &f->line) == ERR_OK) {
			f->has_line = true;
			return;
		}
		if (!is_blank(line))
			bad_note(r, f);
	}
	f->has_line = false;
	if (e == ERR_CLOSED)
		return;
	r->broken++;
	if (r->is_bar)
		(void)fputc('\r', c->err);
	(void)ctl_refuse(c, "%s (line %llu); what follows is not in the result", r->text,
		(unsigned long long)logread_number(f->log) + 1);
}

/* The file whose line is the oldest; *ret_limit: time of the next older one. NULL: none has a line. */
static struct replay_file *oldest(struct replay_read *r, uint64_t *ret_limit)
{
	struct replay_file *f = NULL;

	*ret_limit = UINT64_MAX;
	for (size_t i = 0; i < r->files; i++) {
		struct replay_file *g = &r->file[i];

		if (!g->has_line)
			continue;
		if (!f || g->line.time < f->line.time) {
			*ret_limit = f ? f->line.time : UINT64_MAX;
			f = g;
		} else if (g->line.time < *ret_limit) {
			*ret_limit = g->line.time;
		}
	}
	return f;
}

enum err replay_read_all(struct ctl *c, struct replay_read *r, replay_read_fn fn, void *ctx)
{
	struct replay_file *f;
	uint64_t limit;
	enum err e = ERR_OK;

	for (size_t i = 0; i < r->files; i++)
		file_next(c, r, &r->file[i]);
	while (e == ERR_OK && (f = oldest(r, &limit))) {
		while (e == ERR_OK && f->has_line && f->line.time <= limit) {
			e = fn(&f->line, ctx);
			file_next(c, r, f);
		}
	}
	bar_show(c, r, true);
	for (size_t i = 0; i < r->files; i++) {
		r->bytes += logread_bytes(r->file[i].log);
		r->dropped += logread_dropped(r->file[i].log);
	}
	return e;
}

json_t *replay_read_json(const struct replay_read *r)
{
	json_t *bad = json_array();

	for (size_t i = 0; i < r->bad_named; i++)
		(void)json_array_append_new(
			bad, json_pack("{s:s, s:I}", "file", logread_path(r->file[r->bad_line[i].file].log), "line",
				     (json_int_t)r->bad_line[i].line));
	return json_pack("{s:I, s:I, s:I, s:I, s:o, s:I, s:I}", "files", (json_int_t)r->files, "lines",
		(json_int_t)r->lines, "bytes", (json_int_t)r->bytes, "bad", (json_int_t)r->bad, "bad_lines", bad,
		"too_long", (json_int_t)r->dropped, "broken", (json_int_t)r->broken);
}
