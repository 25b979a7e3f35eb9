/*
 * run_feed: executes the commands of feeds for the role feed, which names a
 * feed and a part of it and nothing else: the words stand in this process's
 * configuration, and in the spamd.conf that it reads itself. Never a shell.
 * What a program prints goes into memory that is handed over; a program that
 * writes more than size to any file is ended by the system (RLIMIT_FSIZE), one
 * byte behind it, by which it is seen though only a child of it was ended.
 * SPDX-License-Identifier: ISC
 */
#include "role/run.h"

#include "base/escape.h"
#include "io/feed_plan_file.h"
#include "io/log.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define JOBS 4 /* at once: feed asks for fewer; some may be left from one before it */

struct feed_command {
	struct role_host *host;
	pid_t pid; /* 0: free */
	uint32_t seq;
	uint64_t size;  /* more it may not print */
	int out, error; /* memory with what it printed */
	bool is_late;
	struct loop_watch *limit;
};

static struct feed_command commands[JOBS];

static void report(struct role_host *h, const struct msg_feed_ran *m, int fd)
{
	uint8_t bytes[MESSAGE_FEED_TEXT + 32];
	struct wr w = wr_init(bytes, sizeof bytes);

	message_put_feed_ran(&w, MSG_FEED_RAN, m);
	if (role_host_send(h, ROLE_FEED, &w, &fd, fd >= 0 ? 1 : 0) != ERR_OK)
		log_warn("run_result_lost", "what=feed");
}

static void refuse(struct role_host *h, uint32_t seq, const char *why)
{
	struct msg_feed_ran m = { .seq = seq, .status = RUN_STATUS_FAILED };

	slice_copy(slice_str(why), m.text, sizeof m.text);
	report(h, &m, -1);
}

/* ---- its end */

/* The first line of standard error. */
static void error_text(int fd, char *to, size_t size)
{
	char bytes[MESSAGE_FEED_TEXT];
	ssize_t n = pread(fd, bytes, sizeof bytes, 0);
	struct slice s = slice_of(bytes, n > 0 ? (size_t)n : 0);

	(void)escape_text(slice_head(s, slice_find(s, '\n')), to, size);
}

static bool is_cut(const struct feed_command *c, int status)
{
	struct stat st;

	return (WIFSIGNALED(status) && WTERMSIG(status) == SIGXFSZ) ||
	       (fstat(c->out, &st) == 0 && (uint64_t)st.st_size > c->size);
}

static void ended(struct feed_command *c, int status)
{
	struct msg_feed_ran m = { .seq = c->seq, .status = c->is_late ? RUN_STATUS_KILLED : run_status(status) };

	m.is_cut = is_cut(c, status);
	error_text(c->error, m.text, sizeof m.text);
	if (c->is_late)
		slice_copy(SLICE_LIT("it took longer than limit"), m.text, sizeof m.text);
	report(c->host, &m, c->out);
	loop_remove(c->limit);
	(void)close(c->out);
	(void)close(c->error);
	*c = (struct feed_command){ .host = c->host };
}

void run_feed_reap(void)
{
	for (int i = 0; i < JOBS; i++) {
		struct feed_command *c = &commands[i];
		siginfo_t info = { 0 };
		int status;

		if (!c->pid || waitid(P_PID, (id_t)c->pid, &info, WEXITED | WNOWAIT | WNOHANG) != 0 || info.si_pid == 0)
			continue;
		(void)kill(-c->pid, SIGKILL); /* what it left behind, while the number is still its own */
		(void)waitpid(c->pid, &status, 0);
		ended(c, status);
	}
}

void run_feed_stop(void)
{
	for (int i = 0; i < JOBS; i++)
		if (commands[i].pid)
			(void)kill(-commands[i].pid, SIGKILL);
}

static void on_limit(void *ctx)
{
	struct feed_command *c = ctx;

	c->is_late = true;
	(void)kill(-c->pid, SIGKILL); /* its end is reported as any other */
}

/* ---- its begin */

__attribute__((noreturn)) static void execute(char *const *argv, uint64_t size, const int fd[3])
{
	static char path[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", lc[] = "LC_ALL=C";
	char *env[] = { path, lc, NULL };
	struct rlimit l = { size + 1, size + 1 };

	(void)setrlimit(RLIMIT_FSIZE, &l);
	run_execute(argv, env, fd);
}

static bool start(struct feed_command *c, const struct feed_spec *spec, char *const *argv)
{
	int in = open("/dev/null", O_RDONLY | O_CLOEXEC);

	c->size = spec->conf.size;
	c->out = memfd_create("list", MFD_CLOEXEC);
	c->error = memfd_create("error", MFD_CLOEXEC);
	if (in >= 0 && c->out >= 0 && c->error >= 0)
		c->pid = run_fork();
	if (c->pid == 0 && in >= 0 && c->out >= 0 && c->error >= 0)
		execute(argv, spec->conf.size, (int[3]){ in, c->out, c->error });
	if (in >= 0)
		(void)close(in);
	if (c->pid > 0) {
		c->limit = loop_after(c->host->loop, spec->conf.limit_s * 1000, on_limit, c);
		if (!c->limit)
			on_limit(c);
		return true;
	}
	if (c->out >= 0)
		(void)close(c->out);
	if (c->error >= 0)
		(void)close(c->error);
	c->pid = 0;
	return false;
}

static const struct feed_spec *find_part(const struct feed_plan *p, const struct msg_feed_run *m)
{
	const struct feed_spec *s = feed_plan_find(p, m->name);

	if (!s || m->part >= s->parts || s->part[m->part].way != FEED_WAY_COMMAND ||
		strcmp(s->part[m->part].list, m->list) != 0)
		return NULL;
	return s;
}

/* What is configured is read anew each time: it is small, and a spamd.conf may have changed. */
static const char *run_it(struct role_host *h, struct feed_command *c, const struct msg_feed_run *m)
{
	char reason[FEED_PLAN_REASON], store[FEED_WHERE];
	struct feed_plan plan = { 0 };
	char *argv[FEED_WORDS + 1];
	const char *why = NULL;
	const struct feed_spec *spec;

	if (feed_plan_read(&h->conf, NULL, &plan, reason) != ERR_OK)
		return "out of memory";
	spec = find_part(&plan, m);
	if (!spec)
		why = "no such command is configured (was the configuration reloaded?)";
	else if (!feed_plan_words(spec->part[m->part].where, store, argv))
		why = "the command has too many words";
	else if (!start(c, spec, argv))
		why = "no process";
	feed_plan_done(&plan);
	return why;
}

void run_feed_take(struct role_host *h, struct rd *body)
{
	struct feed_command *c = NULL;
	struct msg_feed_run m;
	const char *why = "too many commands at once";

	if (message_get_feed_run(body, &m) != ERR_OK) {
		log_warn("message_refused", "type=FEED_RUN from=feed");
		return;
	}
	for (int i = 0; i < JOBS && !c; i++)
		c = commands[i].pid ? NULL : &commands[i];
	if (c) {
		*c = (struct feed_command){ .host = h, .seq = m.seq, .out = -1, .error = -1 };
		why = run_it(h, c, &m);
	}
	if (why)
		refuse(h, m.seq, why);
}
