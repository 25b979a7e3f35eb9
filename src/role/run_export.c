/*
 * run_export: executes the commands of the sections export for the role
 * publish, which names the section and nothing else: the words stand in this
 * process's configuration. The program finds the file's name in the
 * environment (LIMETWIG_FILE, LIMETWIG_NAME). One at a time; each export
 * waits for its own, so there are CONF_EXPORTS at most.
 * SPDX-License-Identifier: ISC
 */
#include "role/run.h"

#include "base/escape.h"
#include "io/log.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define LIMIT_MS 60000u
#define WORDS 64 /* of a command */

struct exporter {
	struct role_host *host;
	pid_t pid; /* 0: none runs */
	uint32_t seq;
	int out; /* what it writes */
	bool is_late;
	char text[MESSAGE_EXPORT_TEXT];
	size_t texts;
	struct loop_watch *reading, *limit;
	struct msg_export_run waiting[CONF_EXPORTS];
	unsigned count;
};

static struct exporter exporter = { .out = -1 };

static void report(struct exporter *x, uint32_t seq, int32_t status, const char *text)
{
	struct msg_export_ran m = { .seq = seq, .status = status };
	uint8_t bytes[MESSAGE_EXPORT_TEXT + 32];
	struct wr w = wr_init(bytes, sizeof bytes);

	(void)escape_text(slice_head(slice_str(text), strcspn(text, "\r\n")), m.text, sizeof m.text);
	message_put_export_ran(&w, MSG_EXPORT_RAN, &m);
	if (role_host_send(x->host, ROLE_PUBLISH, &w, NULL, 0) != ERR_OK)
		log_warn("run_result_lost", "what=export");
}

static const struct conf_export *section(const struct conf *c, const char *name)
{
	for (uint32_t i = 0; i < c->exports; i++)
		if (strcmp(c->export[i].title, name) == 0 && c->export[i].command[0])
			return &c->export[i];
	return NULL;
}

/* Cuts s at its blanks. */
static void words_of(char *s, char *argv[WORDS + 1])
{
	char *rest = NULL;
	size_t n = 0;

	for (char *w = strtok_r(s, " \t", &rest); w && n < WORDS; w = strtok_r(NULL, " \t", &rest))
		argv[n++] = w;
	argv[n] = NULL;
}

__attribute__((noreturn)) static void execute(const struct conf *c, const struct conf_export *e, int in, int out)
{
	static char path[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", lc[] = "LC_ALL=C";
	static char name[CONF_TITLE + 32], file[2 * CONF_TEXT + 32], command[CONF_TEXT];
	char *env[] = { path, lc, name, file, NULL };
	char *argv[WORDS + 1];

	(void)snprintf(name, sizeof name, "LIMETWIG_NAME=%s", e->title);
	(void)snprintf(file, sizeof file, "LIMETWIG_FILE=%s/export/%s", c->storage.dir, e->file);
	memcpy(command, e->command, sizeof command);
	words_of(command, argv);
	run_execute(argv, env, (int[3]){ in, out, out });
}

static bool read_some(struct exporter *x)
{
	char bytes[4096];
	ssize_t n = run_read(x->out, bytes, sizeof bytes);
	size_t room = sizeof x->text - 1 - x->texts;

	if (n <= 0)
		return false;
	memcpy(x->text + x->texts, bytes, (size_t)n < room ? (size_t)n : room);
	x->texts += (size_t)n < room ? (size_t)n : room;
	return true;
}

static void on_output(int fd, unsigned what, void *ctx)
{
	struct exporter *x = ctx;

	(void)fd;
	(void)what;
	if (!read_some(x) && errno != EAGAIN && errno != EINTR && loop_fd_want(x->reading, 0) != ERR_OK)
		log_warn("run_watch", "what=export");
}

static void on_limit(void *ctx)
{
	struct exporter *x = ctx;

	x->is_late = true;
	(void)kill(-x->pid, SIGKILL); /* its end is reported as any other */
}

/* False: errno. */
static bool begin(struct exporter *x, const struct conf_export *e)
{
	int in = open("/dev/null", O_RDONLY | O_CLOEXEC), out[2] = { -1, -1 };

	if (in >= 0 && pipe2(out, O_CLOEXEC) == 0) {
		x->pid = run_fork();
		if (x->pid == 0)
			execute(&x->host->conf, e, in, out[1]);
		(void)close(out[1]);
	}
	if (in >= 0)
		(void)close(in);
	if (out[0] < 0 || x->pid < 0) {
		if (out[0] >= 0)
			(void)close(out[0]);
		x->pid = 0;
		return false;
	}
	(void)fcntl(out[0], F_SETFL, O_NONBLOCK);
	x->out = out[0];
	x->texts = 0;
	x->is_late = false;
	memset(x->text, 0, sizeof x->text);
	x->reading = loop_fd(x->host->loop, x->out, LOOP_READ, on_output, x);
	x->limit = loop_after(x->host->loop, LIMIT_MS, on_limit, x);
	if (!x->reading || !x->limit)
		(void)kill(x->pid, SIGKILL);
	return true;
}

static void next(struct exporter *x)
{
	while (x->count && !x->pid) {
		struct msg_export_run m = x->waiting[0];
		const struct conf_export *e = section(&x->host->conf, m.name);

		memmove(x->waiting, x->waiting + 1, --x->count * sizeof x->waiting[0]);
		x->seq = m.seq;
		if (!e)
			report(x, m.seq, RUN_STATUS_FAILED, "no such command is configured");
		else if (!begin(x, e))
			report(x, m.seq, RUN_STATUS_FAILED, "no process");
	}
}

void run_export_reap(void)
{
	struct exporter *x = &exporter;
	siginfo_t info = { 0 };
	int status;

	if (!x->pid || waitid(P_PID, (id_t)x->pid, &info, WEXITED | WNOWAIT | WNOHANG) != 0 || info.si_pid == 0)
		return;
	(void)kill(-x->pid, SIGKILL); /* what it left behind, while the number is still its own */
	(void)waitpid(x->pid, &status, 0);
	for (unsigned reads = 0; reads < 64 && read_some(x); reads++)
		continue;
	loop_remove(x->reading);
	loop_remove(x->limit);
	x->reading = x->limit = NULL;
	(void)close(x->out);
	x->out = -1;
	x->pid = 0;
	report(x, x->seq, x->is_late ? RUN_STATUS_KILLED : run_status(status), x->text);
	next(x);
}

void run_export_take(struct role_host *h, struct rd *body)
{
	struct exporter *x = &exporter;
	struct msg_export_run m;

	x->host = h;
	if (message_get_export_run(body, &m) != ERR_OK) {
		log_warn("message_refused", "type=EXPORT_RUN from=publish");
	} else if (x->count == CONF_EXPORTS) {
		report(x, m.seq, RUN_STATUS_FAILED, "too many are waiting");
	} else {
		x->waiting[x->count++] = m;
		next(x);
	}
}

void run_export_stop(void)
{
	if (exporter.pid)
		(void)kill(-exporter.pid, SIGKILL);
}
