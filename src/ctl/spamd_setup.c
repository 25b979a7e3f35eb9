/*
 * spamd_setup: OpenBSD's command of that name: the lists of spamd.conf(5) anew.
 * The daemon does the work (feeds { spamd-conf }), as unprivileged roles; this
 * asks it to begin now.
 * SPDX-License-Identifier: ISC
 */
#include "core/spamdb_args.h"
#include "ctl/command_feed.h"
#include "ctl/ctl.h"
#include "ctl/import_file.h"

#define SPAMD_CONF "/etc/mail/spamd.conf" /* theirs, with -n and nothing configured */

/* -n: what is in the lists that are files, and what would be asked for. */
static int show(struct ctl *c)
{
	const char *path = c->conf.feeds.spamd_conf[0] ? c->conf.feeds.spamd_conf : SPAMD_CONF;
	struct buf text;
	int status;

	c->args.word[0] = path; /* the name in what is said */
	c->args.count = 1;
	buf_init(&text, FEED_BYTES);
	status = import_path_read(c, path, &text);
	if (status == CTL_DONE)
		status = command_feed_spamd(c, buf_slice(&text));
	buf_done(&text);
	return status;
}

static int refresh(struct ctl *c, bool is_debug)
{
	json_t *q = ctl_request(c, "feed_refresh"), *answer = NULL;
	int status;

	(void)json_object_set_new(q, "spamd", json_true());
	status = ctl_ask(c, q, &answer);
	if (status == CTL_DONE && is_debug)
		render_feed_asked(&c->render, answer);
	json_decref(answer);
	return status;
}

/* -b is how we work: blocks are in the firewall. -D: so is this. */
int command_spamd_setup(struct ctl *c)
{
	struct spamd_setup_args a;

	if (!spamd_setup_args_parse(c->argc, c->argv, &a)) {
		(void)fputs("usage: spamd-setup [-bDdn]\n", c->err);
		return CTL_REFUSED;
	}
	if (a.is_dry)
		return show(c);
	if (!c->conf.feeds.spamd_conf[0])
		return ctl_refuse(c,
			"%s: feeds { spamd-conf = \"\" }: no spamd.conf is configured, so there is nothing to refresh",
			c->conf_path);
	return refresh(c, a.is_debug);
}
