/*
 * command_system: setup, uninstall, doctor.
 * SPDX-License-Identifier: ISC
 */
#include "ctl/ctl.h"
#include "ctl/doctor.h"
#include "ctl/setup_postfix.h"
#include "io/firewall_nft.h"

#include <stdlib.h>
#include <string.h>

int command_setup(struct ctl *c)
{
	return setup_postfix_main(c->argc, c->argv);
}

/*
 * Postfix first: from then on nobody asks us. The data and the configuration
 * stay: the package's purge, or rm, takes them.
 */
int command_uninstall(struct ctl *c)
{
	static char postfix[] = "postfix", revert[] = "--revert";
	char *argv[16] = { postfix, revert };
	char why[CONTROL_TEXT] = "", text[CONTROL_TEXT];
	bool is_dry = c->args.is_given[OPT_DRY_RUN];
	json_t *answer = NULL;
	int argc = 2, status;

	for (int i = 1; i < c->argc && argc < 15; i++)
		argv[argc++] = c->argv[i];
	status = setup_postfix_main(argc, argv);
	if (status != CTL_DONE)
		return status;
	if (is_dry) {
		(void)fprintf(c->render.to, "then: our nft table would be deleted\n");
		return CTL_DONE;
	}
	if (ctl_try(c, ctl_request(c, "off"), &answer, text) == ERR_OK && !render_bool(answer, "ok"))
		status = ctl_refuse(c, "%s", render_text(&c->render, answer, "error"));
	json_decref(answer);
	if (firewall_nft_delete_table(why, sizeof why) != ERR_OK)
		status = ctl_refuse(c, "%s", why);
	else
		(void)fprintf(c->render.to, "our nft table is gone\n");
	(void)fprintf(c->render.to,
		"Postfix does not know limetwig any more. Left, for you to delete:\n"
		"  systemctl disable --now limetwigd\n  %s  (store, captured messages)\n  the folder of %s\n",
		c->conf.storage.dir, c->conf_path);
	return status;
}

/* Looks, changes nothing. Exit 1 when something failed. */
int command_doctor(struct ctl *c)
{
	struct doctor *d = calloc(1, sizeof *d);
	struct doctor_daemon_facts f = { .now = c->render.now, .conf_error = c->conf_text[0] ? c->conf_text : NULL };
	char text[CONTROL_TEXT];
	json_t *status = NULL, *shown;
	int exit_status = CTL_DONE;

	if (!d)
		return ctl_refuse(c, "no memory");
	doctor_init(d, &c->conf);
	if (ctl_try(c, ctl_request(c, "status"), &status, text) != ERR_OK)
		f.unanswered = text;
	else if (!render_bool(status, "ok"))
		f.unanswered = render_text(&c->render, status, "error");
	else
		f.status = status;
	doctor_check_daemon(d, &f);
	doctor_check_postfix(d);
	shown = doctor_json(d);
	if (!ctl_show_json(c, shown))
		doctor_print(d, c->args.is_given[OPT_VERBOSE], c->render.to);
	if (doctor_count(d, DOCTOR_FAIL))
		exit_status = CTL_REFUSED;
	json_decref(shown);
	json_decref(status);
	free(d);
	return exit_status;
}
