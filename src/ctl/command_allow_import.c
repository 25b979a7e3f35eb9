/*
 * command_allow_import: `allow import`: a list of good clients becomes a file
 * in the folder of the allow files, whole or not at all.
 * SPDX-License-Identifier: ISC
 */
#include <stdlib.h>
#include <sys/random.h>

#include "core/import_allow.h"
#include "ctl/import_file.h"
#include "ctl/trap_edit.h"

#define ENTRIES 1000000u
#define REFUSALS_SHOWN 1000

struct import_run {
	struct ctl *c;
	struct keymap known; /* lines that are there, or were seen before */
	struct buf lines;
	size_t added, there, refused;
	json_t *refusals;
};

static void refuse(struct import_run *r, const struct import_entry *e)
{
	if (++r->refused > REFUSALS_SHOWN)
		return;
	if (r->c->args.is_given[OPT_JSON])
		(void)json_array_append_new(
			r->refusals, json_pack("{s:i, s:s}", "line", (int)e->line, "reason", e->refused));
	else
		(void)fprintf(r->c->err, "%s:%u: %s\n", r->c->args.word[0], e->line, e->refused);
}

static enum err entry_take(const struct import_entry *e, void *ctx)
{
	struct import_run *r = ctx;
	bool is_new;
	void *v;
	enum err err;

	if (e->refused) {
		refuse(r, e);
		return ERR_OK;
	}
	err = keymap_put(&r->known, e->text, &v, &is_new);
	if (err != ERR_OK)
		return err;
	if (!is_new) {
		r->there++;
		return ERR_OK;
	}
	r->added++;
	err = buf_add(&r->lines, e->text);
	return err == ERR_OK ? buf_add_char(&r->lines, '\n') : err;
}

/* What the file has already. */
static void know_file(struct import_run *r, const char *path)
{
	FILE *f = fopen(path, "re");
	char *line = NULL;
	size_t size = 0;
	void *v;

	for (ssize_t n; f && (n = getline(&line, &size, f)) >= 0;)
		if (keymap_put(&r->known, slice_trim(slice_of(line, (size_t)n)), &v, NULL) != ERR_OK)
			break; /* at worst a line stands there twice */
	free(line);
	if (f)
		(void)fclose(f);
}

static void show(struct import_run *r, const char *path, unsigned others)
{
	bool is_dry = r->c->args.is_given[OPT_DRY_RUN];
	json_t *sum;

	sum = json_pack("{s:b, s:b, s:s, s:I, s:I, s:I, s:i, s:O}", "ok", 1, "dry_run", is_dry, "file", path, "added",
		(json_int_t)r->added, "there", (json_int_t)r->there, "refused", (json_int_t)r->refused, "others",
		(int)others, "refusals", r->refusals);
	if (!ctl_show_json(r->c, sum)) {
		if (is_dry)
			(void)fprintf(r->c->render.to, "%.*s", SLICE_ARG(buf_slice(&r->lines)));
		(void)fprintf(r->c->render.to, "%zu %s %s, %zu were there already, %zu refused%s\n", r->added,
			is_dry ? "would be added to" : "added to", path, r->there, r->refused,
			is_dry ? "; nothing was changed" : "");
	}
	json_decref(sum);
}

/* The daemon reads the files again; without it at its start. */
static int reload(struct ctl *c)
{
	char text[CONTROL_TEXT];
	json_t *answer = NULL;
	enum err e = ctl_try_good(c, ctl_request(c, "trap_reload"), &answer, text);

	json_decref(answer);
	if (e == ERR_OK)
		return CTL_DONE;
	if (e != ERR_CLOSED)
		return ctl_refuse(c, "written, but not in force: %s", text);
	if (!c->args.is_given[OPT_JSON])
		(void)fprintf(c->render.to, "limetwigd does not run: it reads the file at its start\n");
	return CTL_DONE;
}

static int import(struct import_run *r, enum import_allow_from from)
{
	const struct conf_list *files = &r->c->conf.allow.files;
	char path[2 * TRAP_EDIT_PATH], why[TRAP_EDIT_TEXT];
	unsigned others = 0;
	struct buf text;
	int status;
	enum err e;

	import_file_path(r->c, files->count ? files->item[0] : "/etc/limetwig/allow.d/*.txt", path, sizeof path);
	know_file(r, path);
	buf_init(&text, TRAP_EDIT_MAX);
	status = import_file_read(r->c, &text);
	if (status == CTL_DONE) {
		e = import_allow(from, buf_slice(&text), r->c->render.now, entry_take, r, &others);
		if (e != ERR_OK)
			status = ctl_refuse(r->c, "%s: %s; no change", r->c->args.word[0], err_name(e));
	}
	buf_done(&text);
	if (status == CTL_DONE && r->added && !r->c->args.is_given[OPT_DRY_RUN] &&
		trap_edit_append(path, buf_slice(&r->lines), why) != ERR_OK)
		status = ctl_refuse(r->c, "%s; no change", why);
	if (status != CTL_DONE)
		return status;
	show(r, path, others);
	if (from == ALLOW_FROM_SPAMDB && r->added && !r->c->args.is_given[OPT_JSON])
		(void)fprintf(r->c->render.to, "spamd made these by itself, each to end after 36 days without mail; "
					       "here they stay for good: take out whom you do not know\n");
	if (r->added && !r->c->args.is_given[OPT_DRY_RUN] && !trap_edit_is_read(files, path))
		return ctl_refuse(r->c, "%s is none of the allow files that limetwigd reads", path);
	if (r->added == 0)
		return r->refused ? CTL_REFUSED : CTL_DONE;
	return r->c->args.is_given[OPT_DRY_RUN] ? CTL_DONE : reload(r->c);
}

int command_allow_import(struct ctl *c)
{
	enum import_allow_from from = ALLOW_FROM_LIST;
	struct import_run r = { .c = c };
	uint8_t key[SIPHASH_KEY];
	int status;

	if (c->args.value[OPT_FROM] && !import_allow_from_parse(c->args.value[OPT_FROM], &from))
		return ctl_usage(c, "--from list, access, postgrey or spamdb");
	if (getrandom(key, sizeof key, 0) != (ssize_t)sizeof key)
		return ctl_refuse(c, "no randomness");
	keymap_init(&r.known, key, 1, 2 * ENTRIES);
	buf_init(&r.lines, TRAP_EDIT_MAX);
	r.refusals = json_array();
	status = import(&r, from);
	json_decref(r.refusals);
	keymap_done(&r.known);
	buf_done(&r.lines);
	return status;
}
