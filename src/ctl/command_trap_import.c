/*
 * command_trap_import: `trap import`: a list of this or another system, whole or not at all.
 * SPDX-License-Identifier: ISC
 */
#include "core/import_trap.h"
#include "ctl/import_file.h"
#include "ctl/trap_add.h"
#include "ctl/trap_users.h"

struct import_run {
	struct trap_batch *batch;
	const struct trap_batch_wish *wish;
};

static enum err entry_take(const struct import_entry *e, void *ctx)
{
	struct import_run *r = ctx;

	if (e->refused)
		return trap_batch_add_refused(r->batch, e->line, e->refused);
	return trap_batch_add(r->batch, e->text, e->line, r->wish);
}

/* With --users those, else nobody: patterns are tried in any case. */
static int compare_users(struct ctl *c, struct trap_batch *b)
{
	struct user_list u = { 0 };
	int status = CTL_DONE;

	if (c->args.value[OPT_USERS])
		status = user_list_read(c, c->args.value[OPT_USERS], &u);
	if (status == CTL_DONE)
		status = trap_users_compare(c, b, &u, c->args.word[0]);
	user_list_done(&u);
	return status;
}

static int import(struct ctl *c, struct trap_batch *b, enum import_from from, const struct trap_batch_wish *w)
{
	struct import_run run = { b, w };
	char path[2 * TRAP_EDIT_PATH];
	unsigned others = 0;
	struct buf text;
	int status;
	enum err e;

	buf_init(&text, TRAP_EDIT_MAX);
	status = import_file_read(c, &text);
	if (status == CTL_DONE) {
		e = import_traps(from, buf_slice(&text), entry_take, &run, &others);
		if (e != ERR_OK)
			status = ctl_refuse(c, "%s: %s; no change", c->args.word[0], err_name(e));
	}
	buf_done(&text);
	if (status == CTL_DONE)
		status = compare_users(c, b);
	if (status != CTL_DONE)
		return status;
	if (others && !c->args.is_given[OPT_JSON])
		(void)fprintf(c->err, "%s: %u entries are no traps there either\n", c->args.word[0], others);
	import_file_path(c, c->conf.traps.files.count ? c->conf.traps.files.item[0] : "/etc/limetwig/traps.d/*.txt",
		path, sizeof path);
	return trap_add_finish(c, b, path, c->args.word[0], w);
}

int command_trap_import(struct ctl *c)
{
	enum import_from from = IMPORT_LIST;
	struct trap_batch_wish w;
	struct trap_batch b;
	int status;

	if (!trap_add_wish(c, &w))
		return CTL_USAGE;
	if (c->args.value[OPT_FROM] && !import_from_parse(c->args.value[OPT_FROM], &from))
		return ctl_usage(c, "--from list, access, rspamd, policyd or spamdb");
	if (!trap_batch_init(&b))
		return ctl_refuse(c, "no memory");
	status = import(c, &b, from, &w);
	trap_batch_done(&b);
	return status;
}
