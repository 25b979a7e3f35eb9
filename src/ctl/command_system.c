/*
 * command_system: setup, doctor. Uninstall has a file of its own.
 * SPDX-License-Identifier: ISC
 */
#include "ctl/ctl.h"
#include "ctl/doctor.h"
#include "ctl/setup_postfix.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

/* Shortened they begin like this too. */
static bool has_option(const struct ctl *c, const char *begin)
{
	for (int i = 1; i < c->argc; i++)
		if (strncmp(c->argv[i], begin, strlen(begin)) == 0)
			return true;
	return false;
}

/* --dry-run, --diff, --print */
static bool is_shown_only(const struct ctl *c)
{
	return has_option(c, "--d") || has_option(c, "--p");
}

/* A daemon that runs already learns own networks, mail log and queues from the postfix.conf just written. */
int command_setup(struct ctl *c)
{
	char text[CONTROL_TEXT], etc[CTL_PATH];
	pid_t parent = 0;
	int status;

	if (ctl_is_conf_broken(c) && !is_shown_only(c)) /* of several instances it would know one */
		return ctl_refuse(c, CTL_UNKNOWN_SETUP);
	status = setup_postfix_main(c->argc, c->argv, ctl_etc(c, etc), c->conf.storage.dir);
	if (status != CTL_DONE || is_shown_only(c) || has_option(c, "--r") ||
		control_client_pid(c->socket, &parent, text) != ERR_OK)
		return status;
	if (kill(parent, SIGHUP) != 0)
		return ctl_refuse(c, "limetwigd cannot be told (%s); systemctl reload limetwigd", strerror(errno));
	(void)fprintf(c->render.to, "limetwigd reads its settings again.\n");
	return CTL_DONE;
}

/* Looks, changes nothing. Exit 1 when something failed. */
int command_doctor(struct ctl *c)
{
	struct doctor *d = calloc(1, sizeof *d);
	struct doctor_facts x;
	int exit_status = CTL_DONE;
	json_t *shown;

	if (!d)
		return ctl_refuse(c, "no memory");
	doctor_init(d, &c->conf);
	doctor_facts_get(c, &x);
	doctor_check_daemon(d, &x.f);
	doctor_check_postfix(d, &x.f);
	shown = doctor_json(d);
	if (!ctl_show_json(c, shown))
		doctor_print(d, c->args.is_given[OPT_VERBOSE], c->render.to);
	if (doctor_count(d, DOCTOR_FAIL))
		exit_status = CTL_REFUSED;
	json_decref(shown);
	doctor_facts_free(&x);
	free(d);
	return exit_status;
}
