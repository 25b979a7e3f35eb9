/*
 * run_hook: executes the hooks of backend = hook for the firewall role: the
 * words of the configuration with subjects in them (core/firewall_hook), never
 * a shell, nothing of foreign mail. What a list prints goes into memory that is
 * handed over; of standard error the first line is told.
 * SPDX-License-Identifier: ISC
 */
#include "role/run.h"

#include "base/escape.h"
#include "core/firewall_hook.h"
#include "io/log.h"
#include "io/whole_file.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define OUTPUT_MAX (32u << 20) /* bytes of a list; of other hooks nothing is kept */
#define READS_LEFT 64          /* of what is left in a pipe; who left the process group may write for ever */
#define INPUT_MAX (MESSAGE_HOOK_OPS * (CONF_ITEM + 4 * HOOK_TEXT))
#define WORDS_MAX (CONF_LIST + HOOK_MANY_WORDS + 1)
#define ARGUMENTS_MAX (WORDS_MAX * (CONF_ITEM + 4 * HOOK_TEXT))

struct hook {
	struct role_host *host;
	pid_t pid; /* 0: none runs */
	struct msg_hook m;
	struct msg_hook next; /* asked for by a firewall role that came while one runs, whose own has gone */
	bool has_next;
	int out[2]; /* what it writes: standard output, standard error; -1 */
	int list;   /* memory with what a list printed; -1 */
	size_t listed;
	bool is_cut, is_late;
	char error[MESSAGE_FW_TEXT];
	size_t errors;
	struct loop_watch *reading[2], *limit;
};

static struct hook hook = { .out = { -1, -1 }, .list = -1 };

static void drop_list(struct hook *h)
{
	if (h->list >= 0)
		(void)close(h->list);
	h->list = -1;
}

static void report(struct hook *h, int32_t status, const char *text)
{
	struct msg_hook_done m = { .seq = h->m.seq, .status = status, .is_cut = h->is_cut };
	bool has_list = h->m.what == HOOK_LIST && h->list >= 0;
	uint8_t out[MESSAGE_FW_TEXT + 32];
	struct wr w = wr_init(out, sizeof out);

	/* the firewall role reads it where it lies */
	if (has_list && fcntl(h->list, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) != 0)
		has_list = false;
	(void)escape_text(slice_str(text), m.text, sizeof m.text);
	message_put_hook_done(&w, MSG_HOOK_DONE, &m);
	if (role_host_send(h->host, ROLE_FIREWALL, &w, &h->list, has_list ? 1 : 0) != ERR_OK)
		log_warn("run_result_lost", "what=hook");
	drop_list(h);
}

/* ---- its words */

static enum err add_word(struct buf *to, const char *word, const struct fw_op *op)
{
	enum err e = firewall_hook_expand(word, op, to);

	return e == ERR_OK ? buf_add_char(to, '\0') : e;
}

/* All words, each with its NUL. */
static enum err words_of(const struct conf *c, const struct msg_hook *m, struct buf *to)
{
	const struct conf_list *l = firewall_hook_words(c, m->what);
	bool has_line = firewall_hook_line(c, m->what)[0];
	enum err e = l->count ? ERR_OK : ERR_NOTFOUND;

	for (uint32_t i = 0; i < l->count && e == ERR_OK; i++) {
		char text[PREFIX_TEXT];

		if (has_line || strcmp(l->item[i], HOOK_WORD_SUBJECTS) != 0) {
			e = add_word(to, l->item[i], m->count == 1 ? &m->op[0] : NULL);
			continue;
		}
		for (unsigned k = 0; k < m->count && e == ERR_OK; k++)
			e = add_word(to, prefix_format(&m->op[k].prefix, text), NULL);
	}
	return e;
}

/* Standard input: a line for each subject, or nothing. -1: errno. */
static int input_of(const struct conf *c, const struct msg_hook *m)
{
	const char *line = firewall_hook_line(c, m->what);
	enum err e = ERR_OK;
	struct buf text;
	int fd;

	if (!line[0])
		return open("/dev/null", O_RDONLY | O_CLOEXEC);
	buf_init(&text, INPUT_MAX);
	for (unsigned i = 0; i < m->count && e == ERR_OK; i++) {
		e = firewall_hook_expand(line, &m->op[i], &text);
		if (e == ERR_OK)
			e = buf_add_char(&text, '\n');
	}
	fd = e == ERR_OK ? whole_file_memory(buf_slice(&text), false) : -1;
	buf_done(&text);
	return fd;
}

/* ---- its end */

static void forget(struct hook *h)
{
	for (int i = 0; i < 2; i++) {
		loop_remove(h->reading[i]);
		h->reading[i] = NULL;
		if (h->out[i] >= 0)
			(void)close(h->out[i]);
		h->out[i] = -1;
	}
	loop_remove(h->limit);
	h->limit = NULL;
	h->pid = 0;
}

/* What is beyond the cap is read and thrown away: the program must not hang on us. */
static void keep(struct hook *h, int which, const char *p, size_t n)
{
	if (which == 1) {
		size_t room = sizeof h->error - 1 - h->errors;

		n = n < room ? n : room;
		memcpy(h->error + h->errors, p, n);
		h->errors += n;
	} else if (h->m.what == HOOK_LIST && !h->is_cut) {
		h->is_cut = n > OUTPUT_MAX - h->listed || write(h->list, p, n) != (ssize_t)n;
		h->listed += n;
	}
}

static bool read_some(struct hook *h, int which)
{
	char bytes[16384];
	ssize_t n = run_read(h->out[which], bytes, sizeof bytes);

	if (n > 0)
		keep(h, which, bytes, (size_t)n);
	return n > 0;
}

static void on_output(int fd, unsigned what, void *ctx)
{
	struct hook *h = ctx;
	int which = fd == h->out[1];

	(void)what;
	if (!read_some(h, which) && errno != EAGAIN && errno != EINTR && loop_fd_want(h->reading[which], 0) != ERR_OK)
		log_warn("run_watch", "what=hook");
}

static void on_limit(void *ctx)
{
	struct hook *h = ctx;

	h->is_late = true;
	(void)kill(-h->pid, SIGKILL); /* its end is reported as any other */
}

/* ---- its begin */

__attribute__((noreturn)) static void execute(const struct buf *words, const int fd[3])
{
	static char path[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", lc[] = "LC_ALL=C";
	static char *argv[WORDS_MAX];
	char *env[] = { path, lc, NULL };
	size_t n = 0;

	for (char *p = words->p; p < words->p + words->n && n < WORDS_MAX - 1; p += strlen(p) + 1)
		argv[n++] = p;
	run_execute(argv, env, fd);
}

static bool watch_it(struct hook *h, const struct conf *c)
{
	for (int i = 0; i < 2; i++) {
		(void)fcntl(h->out[i], F_SETFL, O_NONBLOCK);
		h->reading[i] = loop_fd(h->host->loop, h->out[i], LOOP_READ, on_output, h);
	}
	h->limit = loop_after(h->host->loop, c->firewall.hook_limit_s * 1000, on_limit, h);
	return h->reading[0] && h->reading[1] && h->limit;
}

/* False: errno. */
static bool begin(struct hook *h, const struct conf *c, const struct buf *words)
{
	int out[2] = { -1, -1 }, err[2] = { -1, -1 }, in = input_of(c, &h->m);
	bool is_begun = false;

	if (h->m.what == HOOK_LIST)
		h->list = memfd_create("list", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (in < 0 || (h->m.what == HOOK_LIST && h->list < 0) || pipe2(out, O_CLOEXEC) != 0 ||
		pipe2(err, O_CLOEXEC) != 0)
		goto out;
	h->pid = run_fork();
	if (h->pid == 0)
		execute(words, (int[3]){ in, out[1], err[1] });
	is_begun = h->pid > 0;
	if (!is_begun)
		goto out;
	h->out[0] = out[0];
	h->out[1] = err[0];
	out[0] = err[0] = -1;
	if (!watch_it(h, c))
		(void)kill(h->pid, SIGKILL);
out:
	for (int i = 0; i < 2; i++) {
		if (out[i] >= 0)
			(void)close(out[i]);
		if (err[i] >= 0)
			(void)close(err[i]);
	}
	if (in >= 0)
		(void)close(in);
	return is_begun;
}

static void start(struct hook *h)
{
	const struct conf *c = &h->host->conf;
	struct buf words;

	h->is_cut = h->is_late = false;
	h->listed = h->errors = 0;
	memset(h->error, 0, sizeof h->error);
	buf_init(&words, ARGUMENTS_MAX);
	if (words_of(c, &h->m, &words) != ERR_OK)
		report(h, RUN_STATUS_FAILED, "no such hook is configured");
	else if (!begin(h, c, &words)) {
		h->pid = 0;
		report(h, RUN_STATUS_FAILED, "no process");
	}
	buf_done(&words);
}

void run_hook_take(struct role_host *host, struct rd *body)
{
	struct hook *h = &hook;

	if (message_get_hook(body, h->pid ? &h->next : &h->m) != ERR_OK) {
		log_warn("message_refused", "type=HOOK from=firewall");
		return;
	}
	h->host = host;
	h->has_next = h->pid != 0;
	if (!h->pid)
		start(h);
}

void run_hook_reap(void)
{
	struct hook *h = &hook;
	siginfo_t info = { 0 };
	int status;

	if (!h->pid || waitid(P_PID, (id_t)h->pid, &info, WEXITED | WNOWAIT | WNOHANG) != 0 || info.si_pid == 0)
		return;
	(void)kill(-h->pid, SIGKILL); /* what it left behind, while the number is still its own */
	(void)waitpid(h->pid, &status, 0);
	for (int i = 0; i < 2; i++)
		for (int reads = 0; reads < READS_LEFT && read_some(h, i); reads++)
			continue;
	h->error[strcspn(h->error, "\r\n")] = '\0';
	forget(h);
	if (!h->has_next) {
		report(h, h->is_late ? RUN_STATUS_KILLED : run_status(status), h->error);
		return;
	}
	/* who wanted to hear of this one is gone */
	drop_list(h);
	h->m = h->next;
	h->has_next = false;
	start(h);
}

void run_hook_stop(void)
{
	if (hook.pid)
		(void)kill(-hook.pid, SIGKILL);
}
