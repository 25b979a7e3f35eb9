/*
 * log: one write per line. Under the journal (JOURNAL_STREAM) the line carries
 * its priority, else the time. A reader that has stopped must not stop us: a
 * line that does not fit into the pipe now is counted as lost.
 * SPDX-License-Identifier: ISC
 */
#include "io/log.h"

#include "io/loop.h"

#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LOG_LINE 2048  /* bytes of a line, longer is cut; less than PIPE_BUF, so that lines never mix */
#define LOG_RATE 20    /* lines of one event in a second */
#define LOG_EVENTS 128 /* events told apart; further ones share the last */

struct rate {
	const char *event;
	uint64_t second;
	unsigned lines, held;
};

static struct {
	const char *role;
	enum log_level level;
	bool is_journal;
	unsigned events, held, lost;
	struct rate rate[LOG_EVENTS];
} state = { .role = "limetwigd", .level = LOG_LEVEL_INFO };

/* the store's writer thread may log too */
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

void log_setup(const char *role, enum log_level level)
{
	const char *stream = getenv("JOURNAL_STREAM");

	pthread_mutex_lock(&mutex);
	state.role = role;
	state.level = level;
	state.is_journal = stream && stream[0];
	pthread_mutex_unlock(&mutex);
}

static int priority(enum log_level level)
{
	static const int syslog[] = { 2, 4, 6, 7 };

	return syslog[level];
}

static const char *level_name(enum log_level level)
{
	static const char *const names[] = { "alarm", "warn", "info", "debug" };

	return names[level];
}

/* What foreign text should have lost before: a line of ours is one line. */
static void blank_controls(char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)s[i] < ' ' || s[i] == 127)
			s[i] = '?';
}

static size_t put_head(char *to, size_t size, enum log_level level, const char *event)
{
	char when[40] = "";
	time_t now = (time_t)clock_wall_s();
	struct tm tm;
	int n;

	if (state.is_journal)
		(void)snprintf(when, sizeof when, "<%d>", priority(level));
	else if (gmtime_r(&now, &tm))
		(void)strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%SZ ", &tm);
	n = snprintf(to, size, "%s%s %s: %s", when, state.role, level_name(level), event);
	return n < 0 ? 0 : (size_t)n < size ? (size_t)n : size - 1;
}

static void put_line(char *line, size_t n)
{
	struct pollfd p = { .fd = STDERR_FILENO, .events = POLLOUT };

	blank_controls(line, n);
	line[n++] = '\n';
	if (poll(&p, 1, 0) < 1 || !(p.revents & POLLOUT) || write(STDERR_FILENO, line, n) < 0)
		state.lost++;
}

__attribute__((format(printf, 3, 0))) static void write_line(
	enum log_level level, const char *event, const char *fmt, va_list ap)
{
	char line[LOG_LINE];
	size_t n = put_head(line, sizeof line - 2, level, event);
	int more;

	line[n++] = ' ';
	more = vsnprintf(line + n, sizeof line - 1 - n, fmt, ap);
	if (more > 0)
		n += (size_t)more < sizeof line - 1 - n ? (size_t)more : sizeof line - 2 - n;
	put_line(line, n);
}

__attribute__((format(printf, 2, 3))) static void write_own(const char *event, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	write_line(LOG_LEVEL_WARN, event, fmt, ap);
	va_end(ap);
}

static struct rate *rate_of(const char *event)
{
	for (unsigned i = 0; i < state.events; i++)
		if (state.rate[i].event == event || strcmp(state.rate[i].event, event) == 0)
			return &state.rate[i];
	if (state.events < LOG_EVENTS)
		state.rate[state.events++].event = event;
	return &state.rate[state.events - 1];
}

/* The sums of seconds that are over. */
static void write_sums(uint64_t now)
{
	if (state.lost) {
		unsigned lost = state.lost;

		state.lost = 0;
		write_own("log_lost", "lines=%u", lost);
		state.lost = state.lost ? lost : 0;
	}
	for (unsigned i = 0; state.held && i < state.events; i++) {
		struct rate *r = &state.rate[i];

		if (r->held == 0 || r->second == now)
			continue;
		write_own("log_held", "event=%s lines=%u", r->event, r->held);
		state.held -= r->held;
		r->held = 0;
	}
}

static bool rate_allows(const char *event, uint64_t now)
{
	struct rate *r = rate_of(event);

	if (r->second != now) {
		r->second = now;
		r->lines = 0;
	}
	if (r->lines++ < LOG_RATE)
		return true;
	r->held++;
	state.held++;
	return false;
}

void log_line(enum log_level level, const char *event, const char *fmt, ...)
{
	uint64_t now;
	va_list ap;

	if (level > state.level)
		return;
	now = clock_mono_ms() / 1000;
	pthread_mutex_lock(&mutex);
	write_sums(now);
	if (rate_allows(event, now)) {
		va_start(ap, fmt);
		write_line(level, event, fmt, ap);
		va_end(ap);
	}
	pthread_mutex_unlock(&mutex);
}
