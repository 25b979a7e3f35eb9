/*
 * run: executes what the configuration names, for the engine, which may not.
 * Argument lists only, never a shell. An alarm's words come from foreign mail,
 * so they are never arguments: the program finds them in the environment
 * (LIMETWIG_SUBJECT, LIMETWIG_TEXT) and as a small mail on standard input,
 * which makes { "/usr/sbin/sendmail", "postmaster" } a complete command.
 * SPDX-License-Identifier: ISC
 */
#include "base/buf.h"
#include "io/log.h"
#include "role/run.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define RUN_JOBS 4   /* at once */
#define RUN_QUEUE 32 /* waiting; more are dropped and counted */
#define RUN_LIMIT_MS 10000u

struct job {
	struct run *run;
	pid_t pid; /* 0: free */
	uint32_t seq;
	uint8_t what;
	int out; /* what it writes */
	bool is_late;
	struct loop_watch *reading, *limit;
	struct buf text;
};

struct run {
	struct role_host *host;
	struct job job[RUN_JOBS];
	struct msg_run waiting[RUN_QUEUE]; /* ring */
	unsigned first, count;
	uint64_t dropped;
};

static struct run run;

static void report(struct run *r, uint32_t seq, uint8_t what, int32_t status, struct slice output)
{
	static uint8_t bytes[MESSAGE_MAX];
	struct msg_run_done m = { .seq = seq, .what = what, .status = status, .output = output };
	struct wr w = wr_init(bytes, sizeof bytes);

	message_put_run_done(&w, MSG_RUN_DONE, &m);
	if (role_host_send(r->host, ROLE_ENGINE, &w, NULL, 0) != ERR_OK)
		log_warn("run_result_lost", "what=%u", what);
}

/* The words to execute, NULL at the end; false: nothing is configured. */
static bool command_of(const struct conf *c, uint8_t what, const char *argv[CONF_LIST + 1])
{
	uint32_t n = 0;

	if (what == RUN_MAIL) {
		/* from the null sender: nobody wants the bounce of an alarm */
		static const char *const sendmail[] = { "/usr/sbin/sendmail", "-i", "-f", "<>", "--" };

		for (; c->alarm.mail[0] && n < sizeof sendmail / sizeof sendmail[0]; n++)
			argv[n] = sendmail[n];
		if (n)
			argv[n++] = c->alarm.mail;
	} else if (what == RUN_ALARM) {
		for (; n < c->alarm.command.count && n < CONF_LIST; n++)
			argv[n] = c->alarm.command.item[n];
	} else {
		argv[n++] = "postconf";
		argv[n++] = "-c";
		argv[n++] = c->postfix.dir;
		argv[n++] = what == RUN_POSTCONF ? "-n" : "-M";
	}
	argv[n] = NULL;
	return n > 0;
}

/* "Subject: ...", empty line, text: in memory, so that nothing of it touches a disk. */
static int input_of(const struct msg_run *m)
{
	int fd = m->count >= 2 ? memfd_create("input", MFD_CLOEXEC) : open("/dev/null", O_RDONLY | O_CLOEXEC);

	if (fd >= 0 && m->count >= 2 &&
		(dprintf(fd, "Subject: limetwig: %s\nAuto-Submitted: auto-generated\n\n%s\n", m->arg[0], m->arg[1]) <
				0 ||
			lseek(fd, 0, SEEK_SET) != 0)) {
		close(fd);
		fd = -1;
	}
	return fd;
}

/* A line of a mail header is one line. */
static void flatten(char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < ' ')
			*s = ' ';
}

__attribute__((noreturn)) void run_execute(char *const *argv, char *const *env, const int fd[3])
{
	sigset_t none;

	for (int i = 1; i < NSIG; i++)
		(void)signal(i, SIG_DFL);
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	if (setpgid(0, 0) == 0 && dup2(fd[0], 0) == 0 && dup2(fd[1], 1) == 1 && dup2(fd[2], 2) == 2 && chdir("/") == 0)
		(void)execvpe(argv[0], argv, env);
	(void)dprintf(2, "%s: errno %d\n", argv[0], errno);
	_exit(127);
}

pid_t run_fork(void)
{
	pid_t pid = fork();

	if (pid > 0)
		(void)setpgid(pid, pid); /* it has done so itself where this is too late */
	return pid;
}

int32_t run_status(int status)
{
	if (!WIFEXITED(status))
		return 128 + WTERMSIG(status);
	return WEXITSTATUS(status) == 127 ? RUN_STATUS_FAILED : WEXITSTATUS(status);
}

__attribute__((noreturn)) static void execute(const struct conf *c, struct msg_run *m, int in, int out)
{
	static char subject[MESSAGE_RUN_ARG + 32], text[MESSAGE_RUN_ARG + 32];
	static char path[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", lc[] = "LC_ALL=C";
	static char instance[CONF_TEXT + 16]; /* which Postfix sendmail(1) means */
	char *env[] = { path, lc, instance, m->count >= 2 ? subject : NULL, text, NULL };
	const char *argv[CONF_LIST + 1];
	char *words[CONF_LIST + 1];

	(void)command_of(c, m->what, argv);
	memcpy(words, argv, sizeof words); /* exec does not write there */
	(void)snprintf(subject, sizeof subject, "LIMETWIG_SUBJECT=%s", m->arg[0]);
	(void)snprintf(text, sizeof text, "LIMETWIG_TEXT=%s", m->arg[1]);
	(void)snprintf(instance, sizeof instance, "MAIL_CONFIG=%s", c->postfix.dir);
	run_execute(words, env, (int[3]){ in, out, out });
}

static void start_waiting(struct run *r);

static void job_done(struct job *j, int32_t status)
{
	loop_remove(j->reading);
	loop_remove(j->limit);
	close(j->out);
	report(j->run, j->seq, j->what, status, buf_slice(&j->text));
	buf_done(&j->text);
	*j = (struct job){ .run = j->run };
	start_waiting(j->run);
}

ssize_t run_read(int fd, void *to, size_t size)
{
	ssize_t n = read(fd, to, size);

	if (n == 0)
		errno = 0; /* else it is that of an earlier call */
	return n;
}

/* What is beyond the cap is read and thrown away: the program must not hang on us. */
static bool read_output(struct job *j)
{
	char bytes[4096];
	ssize_t n = run_read(j->out, bytes, sizeof bytes);
	size_t room = MESSAGE_RUN_OUTPUT - j->text.n;

	if (n > 0 && buf_add(&j->text, slice_of(bytes, (size_t)n < room ? (size_t)n : room)) != ERR_OK)
		log_warn("run_output_lost", "what=%u", j->what);
	return n > 0;
}

static void on_output(int fd, unsigned what, void *ctx)
{
	struct job *j = ctx;

	(void)fd;
	(void)what;
	if (!read_output(j) && errno != EAGAIN && errno != EINTR && loop_fd_want(j->reading, 0) != ERR_OK)
		log_warn("run_watch", "what=%u", j->what);
}

static void on_limit(void *ctx)
{
	struct job *j = ctx;

	j->is_late = true;
	(void)kill(-j->pid, SIGKILL); /* it and all that it started; its end is reported as any other */
}

static void on_child(int signo, void *ctx)
{
	struct run *r = ctx;

	(void)signo;
	for (int i = 0; i < RUN_JOBS; i++) {
		struct job *j = &r->job[i];
		siginfo_t info = { 0 };
		int status;

		if (!j->pid || waitid(P_PID, (id_t)j->pid, &info, WEXITED | WNOWAIT | WNOHANG) != 0 || info.si_pid == 0)
			continue;
		(void)kill(-j->pid, SIGKILL); /* what it left behind, while the number is still its own */
		(void)waitpid(j->pid, &status, 0);
		for (int reads = 0; reads < 64 && read_output(j); reads++)
			continue;
		job_done(j, j->is_late ? RUN_STATUS_KILLED : run_status(status));
	}
	run_hook_reap();
	run_export_reap();
	run_feed_reap();
}

/* False: it could not be started. */
static bool job_start(struct job *j, struct msg_run *m)
{
	int in = input_of(m), out[2];

	if (in < 0 || pipe2(out, O_CLOEXEC) != 0) {
		if (in >= 0)
			close(in);
		return false;
	}
	(void)fcntl(out[0], F_SETFL, O_NONBLOCK);
	j->pid = run_fork();
	if (j->pid == 0)
		execute(&j->run->host->conf, m, in, out[1]);
	close(in);
	close(out[1]);
	if (j->pid < 0) {
		close(out[0]);
		j->pid = 0;
		return false;
	}
	j->seq = m->seq;
	j->what = m->what;
	j->out = out[0];
	buf_init(&j->text, MESSAGE_RUN_OUTPUT);
	j->reading = loop_fd(j->run->host->loop, j->out, LOOP_READ, on_output, j);
	j->limit = loop_after(j->run->host->loop, RUN_LIMIT_MS, on_limit, j);
	if (!j->reading || !j->limit)
		(void)kill(j->pid, SIGKILL);
	return true;
}

static struct job *free_job(struct run *r)
{
	for (int i = 0; i < RUN_JOBS; i++)
		if (!r->job[i].pid)
			return &r->job[i];
	return NULL;
}

static void start_waiting(struct run *r)
{
	struct job *j;

	while (r->count && (j = free_job(r))) {
		struct msg_run *m = &r->waiting[r->first];
		const char *argv[CONF_LIST + 1];

		r->first = (r->first + 1) % RUN_QUEUE;
		r->count--;
		if (!command_of(&r->host->conf, m->what, argv) || !job_start(j, m))
			report(r, m->seq, m->what, RUN_STATUS_FAILED, SLICE_LIT("nothing configured, or no process"));
	}
}

static void take(struct run *r, struct rd *body)
{
	struct msg_run *m = &r->waiting[(r->first + r->count) % RUN_QUEUE];
	static struct msg_run refused;

	if (r->count == RUN_QUEUE)
		m = &refused;
	if (message_get_run(body, m) != ERR_OK) {
		log_warn("message_refused", "type=RUN from=engine");
		return;
	}
	if (m == &refused) {
		log_warn("run_dropped", "what=%u dropped=%llu", m->what, (unsigned long long)++r->dropped);
		report(r, m->seq, m->what, RUN_STATUS_FAILED, SLICE_LIT("too many are waiting"));
		return;
	}
	if (m->count >= 1)
		flatten(m->arg[0]);
	r->count++;
	start_waiting(r);
}

static void run_message(
	struct role_host *h, enum role peer, enum message_type t, struct rd *body, const int *fds, size_t n)
{
	for (size_t i = 0; i < n; i++)
		close(fds[i]);
	if (t == MSG_RUN)
		take(h->ctx, body);
	else if (t == MSG_HOOK && peer == ROLE_FIREWALL)
		run_hook_take(h, body);
	else if (t == MSG_EXPORT_RUN && peer == ROLE_PUBLISH)
		run_export_take(h, body);
	else if (t == MSG_FEED_RUN && peer == ROLE_FEED)
		run_feed_take(h, body);
}

static enum err run_start(struct role_host *h)
{
	h->ctx = &run;
	run.host = h;
	for (int i = 0; i < RUN_JOBS; i++)
		run.job[i].run = &run;
	return loop_signal(h->loop, SIGCHLD, on_child, &run) ? ERR_OK : ERR_NOMEM;
}

/* What runs at the end is killed: nobody would hear what comes of it. */
static void run_stop(struct role_host *h)
{
	for (int i = 0; i < RUN_JOBS; i++)
		if (run.job[i].pid)
			(void)kill(-run.job[i].pid, SIGKILL);
	run_hook_stop();
	run_export_stop();
	run_feed_stop();
	loop_stop(h->loop);
}

const struct role_ops run_ops = { .start = run_start, .message = run_message, .stop = run_stop };
