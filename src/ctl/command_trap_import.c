/*
 * command_trap_import: `trap import`: a list of this or another system, whole or not at all.
 * SPDX-License-Identifier: ISC
 */
#include <ctype.h>
#include <errno.h>

#include "core/import_trap.h"
#include "ctl/trap_add.h"
#include "ctl/trap_users.h"

/* DIR/imported-NAME.txt, of the file's own name. */
static void make_path(struct ctl *c, char to[2 * TRAP_EDIT_PATH])
{
	struct slice s = slice_str(c->args.word[0]);
	char dir[TRAP_EDIT_PATH], name[128];
	size_t slash = slice_rfind(s, '/');

	if (slash < s.n)
		s = slice_from(s, slash + 1);
	if (slice_ends(s, SLICE_LIT(".txt")))
		s = slice_head(s, s.n - 4);
	slice_copy(s, name, sizeof name);
	for (char *p = name; *p; p++)
		if (!isalnum((unsigned char)*p) && !strchr("-_.", *p))
			*p = '_';
	(void)snprintf(
		to, 2 * TRAP_EDIT_PATH, "%s/imported-%s.txt", trap_edit_dir(&c->conf, dir), name[0] ? name : "list");
}

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

/* The whole source: what is read twice or not at all is not half imported. */
static int source_read(struct ctl *c, struct buf *to)
{
	const char *path = c->args.word[0];
	FILE *f = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
	enum err e = ERR_OK;
	size_t n = 1;
	int status = CTL_DONE;

	if (!f)
		return ctl_refuse(c, "%s: %s", path, strerror(errno));
	while (e == ERR_OK && n > 0) {
		e = buf_reserve(to, 65536);
		n = e == ERR_OK ? fread(to->p + to->n, 1, 65536, f) : 0;
		to->n += n;
	}
	if (e != ERR_OK || ferror(f))
		status = ctl_refuse(c, "%s: %s; no change", path, e == ERR_OK ? strerror(errno) : err_name(e));
	if (f != stdin)
		(void)fclose(f);
	return status;
}

/* With --users those, else nobody: patterns are tried in any case. */
static int compare_users(struct ctl *c, struct trap_batch *b)
{
	struct user_list u = { 0 };
	size_t matched = 0;
	int status = CTL_DONE;

	if (c->args.value[OPT_USERS])
		status = user_list_read(c, c->args.value[OPT_USERS], &u);
	if (status == CTL_DONE)
		status = trap_users_compare(c, b, &u, c->args.word[0], &matched);
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
	status = source_read(c, &text);
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
	make_path(c, path);
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
