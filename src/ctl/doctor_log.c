/*
 * doctor_log: the mail log: is it there, does it grow while mail flows, and do
 * its times agree with the clock? The file's own age and its newest line are
 * looked at, not only what the engine has read.
 * SPDX-License-Identifier: ISC
 */
#include "core/maillog_time.h"
#include "ctl/doctor.h"
#include "ctl/render.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define NAME "log"
#define OLD_S 3600   /* no line for so long: is it the right file? */
#define BEHIND_S 300 /* Postfix asks us, and this long no line was written */
#define CLOCK_S 300  /* what a line's time may differ from the file's */
#define DAY_S 86400
#define TAIL 8192

struct newest {
	uint64_t written;  /* the file's time; 0: there is none, or it is a journal */
	uint64_t line;     /* the newest line's own time; 0: none is understood */
	const char *fault; /* NULL: it can be read, or was not looked at */
};

/* The last line with a time. now a day ahead: a time of tomorrow must not be taken for one of last year. */
static uint64_t time_of_tail(struct slice text, uint64_t now)
{
	struct slice line;
	uint64_t last = 0, t;
	time_t at = (time_t)now;
	struct tm tm;
	int32_t offset = localtime_r(&at, &tm) ? (int32_t)tm.tm_gmtoff : 0;

	while (slice_line(&text, &line))
		if (maillog_time_take(&line, now + DAY_S, offset, &t) == ERR_OK)
			last = t;
	return last;
}

static void look_at(int fd, uint64_t now, struct newest *ret)
{
	char text[TAIL];
	struct stat st;
	ssize_t n;

	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
		ret->fault = "is no file";
		return;
	}
	ret->written = (uint64_t)st.st_mtime;
	n = pread(fd, text, sizeof text, st.st_size > TAIL ? st.st_size - TAIL : 0);
	if (n > 0)
		ret->line = time_of_tail(slice_of(text, (size_t)n), now);
}

static void look(const char *path, const struct doctor_daemon_facts *f, struct newest *ret)
{
	int fd;

	*ret = (struct newest){ 0, 0, NULL };
	if (path[0] != '/')
		return;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd >= 0) {
		look_at(fd, f->now, ret);
		(void)close(fd);
	} else if (errno == ENOENT) {
		ret->fault = "is not there";
	} else if (f->is_root) {
		ret->fault = "cannot be read";
	}
}

static void check_clock(struct doctor *d, const struct newest *n, uint64_t now)
{
	uint64_t line = n->line;

	if (line > n->written + CLOCK_S && line > now + CLOCK_S)
		doctor_addf(d, DOCTOR_FAIL, "clock", "ages and blocks are reckoned wrongly",
			"set the clock (timedatectl); is the log written in another time zone?",
			"the newest line of the log is %llu min in the future", (unsigned long long)(line - now) / 60);
	else if (line && n->written && line + CLOCK_S < n->written)
		doctor_addf(d, DOCTOR_FAIL, "clock", "ages and blocks are reckoned wrongly: good mail counts as old",
			"set the clock (timedatectl); is the log written in another time zone?",
			"the newest line of the log says a time %llu min before it was written",
			(unsigned long long)(n->written - line) / 60);
	else if (line)
		doctor_add(d, DOCTOR_OK, "clock", "the log agrees with it", NULL, NULL);
}

static bool is_unreadable(struct doctor *d, const char *state, const char *fault)
{
	bool is_journal = strcmp(d->conf->postfix.log, "journal") == 0;

	if (!fault && strcmp(state, "absent") == 0)
		fault = is_journal ? "cannot be opened" : "is not readable for limetwigd";
	else if (!fault && strcmp(state, "denied") == 0)
		fault = "is not readable for limetwigd";
	if (fault)
		doctor_addf(d, DOCTOR_FAIL, NAME, "no good mail is counted: an honest host has nothing on its side",
			is_journal
				? "is systemd-journald running, is limetwig-follow in group systemd-journal?"
				: "postfix log in postfix.conf: the file Postfix writes to (postconf maillog_file), or "
				  "journal",
			"%.300s %s", d->conf->postfix.log, fault);
	return fault != NULL;
}

static void check_growth(struct doctor *d, const struct doctor_daemon_facts *f, const struct newest *n)
{
	const json_t *log = json_object_get(f->status, "log");
	uint64_t query = render_number(f->status, "last_query"),
		 last = n->written ? n->written : render_number(log, "last");

	if (last && query > last + BEHIND_S)
		doctor_addf(d, DOCTOR_FAIL, NAME, "no good mail is counted: an honest host has nothing on its side",
			"postfix log in postfix.conf must be the file Postfix writes to: postconf maillog_file; is the "
			"disk full?",
			"Postfix asks us, but %.300s does not grow", d->conf->postfix.log);
	else if (!render_bool(log, "caught_up"))
		doctor_add(d, DOCTOR_WARN, NAME, "is being read, not yet at its end",
			"good mail of the last hours counts later", "run doctor again");
	else if (last && last + OLD_S < f->now)
		doctor_add(d, DOCTOR_WARN, NAME, "no line for more than an hour", "a quiet server, or the wrong file",
			"compare: postconf maillog_file; journalctl -u postfix@-");
	else
		doctor_add(d, DOCTOR_OK, NAME, "read to its end", NULL, NULL);
}

void doctor_check_log(struct doctor *d, const struct doctor_daemon_facts *f)
{
	const json_t *log = json_object_get(f->status, "log");
	struct newest n;

	if (!log || strcmp(d->conf->postfix.log, "none") == 0)
		return;
	look(d->conf->postfix.log, f, &n);
	if (n.written == 0) /* a journal: the engine tells */
		n.line = render_number(log, "last");
	check_clock(d, &n, f->now);
	if (!is_unreadable(d, doctor_text(log, "state"), n.fault))
		check_growth(d, f, &n);
}
