/*
 * parent_trial: the tests' way to let a running role try what its sandbox is
 * there for. Only with LIMETWIG_TEST_HOOKS=1: on SIGUSR2 the parent reads lines
 * "ROLE NUMBER" from storage.run/trials and sends each to its role; what came of
 * it is a line "ROLE NUMBER RESULT" more in storage.run/trials.done.
 * SPDX-License-Identifier: ISC
 */
#include "role/parent.h"
#include "role/trial.h"

#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>

/* One that lives on while all roles try the same. */
static pid_t sibling_of(const struct child *c)
{
	return c->parent->child[c->role == ROLE_RUN ? ROLE_ALIASMAP : ROLE_RUN].pid;
}

/* A file and not the log: nothing of it may be held back by the limit on lines. */
static void report(const struct child *c, const char *result)
{
	char path[CONF_TEXT + 16];
	FILE *f;

	(void)snprintf(path, sizeof path, "%s/trials.done", c->parent->conf.storage.run);
	f = fopen(path, "ae");
	if (f) {
		(void)fprintf(f, "%s %u %s\n", role_name(c->role), c->trial, result);
		(void)fclose(f);
	}
}

static void send_trial(struct child *c, unsigned number)
{
	struct msg_selftest m = { .trial = (uint8_t)number, .number = (uint32_t)sibling_of(c) };
	uint8_t bytes[8];
	struct wr w = wr_init(bytes, sizeof bytes);

	message_put_selftest(&w, MSG_SELFTEST, &m);
	c->trial = number;
	c->is_trial = trial_name(number) && c->is_ready && channel_send(c->channel, &w, NULL, 0) == ERR_OK;
	if (!c->is_trial)
		report(c, "unsent");
}

static void on_usr2(int signo, void *ctx)
{
	struct parent *p = ctx;
	char path[CONF_TEXT + 16], name[16];
	enum role r;
	unsigned number;
	FILE *f;

	(void)signo;
	(void)snprintf(path, sizeof path, "%s/trials", p->conf.storage.run);
	f = fopen(path, "re");
	while (f && fscanf(f, "%15s %u", name, &number) == 2)
		if (role_parse(name, &r) && r != ROLE_PARENT)
			send_trial(&p->child[r], number);
	if (f)
		(void)fclose(f);
}

bool parent_watch_trials(struct parent *p)
{
	return !trial_is_on() || loop_signal(p->loop, SIGUSR2, on_usr2, p) != NULL;
}

void parent_take_trial(struct child *c, struct rd *body)
{
	struct msg_selftest m;

	if (!c->is_trial || message_get_selftest(body, &m) != ERR_OK)
		return;
	c->is_trial = false;
	report(c, m.number == TRIAL_NONE ? "-" : m.number ? strerrorname_np((int)m.number) : "allowed");
}

void parent_end_trial(struct child *c, int status)
{
	if (!c->is_trial)
		return;
	c->is_trial = false;
	c->is_restart = true; /* it was asked for: no back-off */
	report(c, WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS ? "killed"
		  : WIFEXITED(status) && WEXITSTATUS(status) == 0   ? "allowed" /* another program took its place */
								    : "died");
}
