/*
 * command_trap: trap add and trap import.
 * SPDX-License-Identifier: ISC
 */
#include "base/num.h"
#include "ctl/ctl.h"
#include "ctl/trap_batch.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>

#define REFUSALS_SHOWN 1000

static bool is_tag(const char *s)
{
	size_t n = 0;

	while (isalnum((unsigned char)s[n]) || (s[n] && strchr("-_.", s[n])))
		n++;
	return n > 0 && n < TRAP_TAG && s[n] == '\0';
}

static bool take_wish(struct ctl *c, struct trap_batch_wish *ret)
{
	const char *weight = c->args.value[OPT_WEIGHT];
	char *end = NULL;

	*ret = (struct trap_batch_wish){ .tag = c->args.value[OPT_TAG], .is_armed = c->args.is_given[OPT_ARM] };
	if (weight)
		ret->weight = strtof(weight, &end);
	if (weight && (*end || !(ret->weight >= 0.1F && ret->weight <= 10.0F))) {
		(void)ctl_usage(c, "\"%s\" is no weight (0.1 to 10)", weight);
		return false;
	}
	if (ret->tag && !is_tag(ret->tag)) {
		(void)ctl_usage(
			c, "\"%s\" is no tag (letters, digits, - _ . and at most %d of them)", ret->tag, TRAP_TAG - 1);
		return false;
	}
	return true;
}

static void show_refusals(const struct ctl *c, const struct trap_batch *b, const char *source)
{
	size_t shown = 0;

	for (size_t i = 0; i < b->count; i++) {
		const struct trap_batch_item *it = &b->item[i];

		if (it->fate == TRAP_BATCH_NEW || (source && it->fate == TRAP_BATCH_THERE) || ++shown > REFUSALS_SHOWN)
			continue;
		if (source)
			(void)fprintf(c->err, "%s:%u: %s\n", source, it->number, it->reason ? it->reason : "refused");
		else
			(void)fprintf(c->err, "refused: %s: %s\n", c->args.word[it->number - 1],
				it->reason ? it->reason : "refused");
	}
	if (shown > REFUSALS_SHOWN)
		(void)fprintf(c->err, "and %zu more\n", shown - REFUSALS_SHOWN);
}

/* What the owner of a trap domain publishes. */
static void advise_domains(struct ctl *c, const struct trap_batch *b)
{
	for (size_t i = 0; i < b->count; i++) {
		const char *d = b->keys.p + b->item[i].key_at;

		if (b->item[i].fate != TRAP_BATCH_NEW || d[0] != '@')
			continue;
		d++;
		(void)fprintf(c->render.to,
			"DNS for %s, so that spam comes and forgers do not use it:\n"
			"  %s.         MX   10 this host's name.\n  %s.         TXT  \"v=spf1 -all\"\n"
			"  _dmarc.%s.  TXT  \"v=DMARC1; p=reject\"\n",
			d, d, d, d);
	}
}

static void show_state(struct ctl *c, const struct trap_batch_wish *w)
{
	FILE *to = c->render.to;

	if (w->is_armed)
		(void)fprintf(to, "state  armed now\n");
	else
		(void)fprintf(to, "state  watching until %s, then armed (now: --arm)\n",
			render_time(&c->render, c->render.now + c->conf.traps.watch_s));
}

/* The engine reads the files again; it tells what is in force. */
static int reload(struct ctl *c, json_t **ret_answer)
{
	char text[CONTROL_TEXT];
	json_t *answer = NULL;
	enum err e = ctl_try(c, ctl_request(c, "trap_reload"), &answer, text);

	if (e == ERR_CLOSED) {
		if (!c->args.is_given[OPT_JSON])
			(void)fprintf(c->render.to,
				"limetwigd does not run: the checks (live mailboxes ...) come at its start\n");
		return CTL_DONE;
	}
	if (e != ERR_OK)
		return ctl_refuse(c, "written, but not in force: %s", text);
	if (!render_bool(answer, "ok")) {
		int status = ctl_refuse(c, "written, but not in force: %s", render_text(&c->render, answer, "error"));

		json_decref(answer);
		return status;
	}
	*ret_answer = answer;
	return CTL_DONE;
}

static json_t *make_summary(const struct trap_batch *b, const char *path, const char *source, json_t *reloaded)
{
	json_t *refused = json_array();

	for (size_t i = 0; i < b->count; i++)
		if (b->item[i].fate != TRAP_BATCH_NEW)
			(void)json_array_append_new(
				refused, json_pack("{s:s*, s:I, s:s*}", "source", source, "line",
						 (json_int_t)b->item[i].number, "reason", b->item[i].reason));
	return json_pack("{s:b, s:s, s:I, s:o, s:O*}", "ok", 1, "file", path, "added",
		(json_int_t)trap_batch_count(b, TRAP_BATCH_NEW), "refused", refused, "reload", reloaded);
}

/* Compare, ask, write, reload, show. source: of an import; NULL: the words. */
static int finish(
	struct ctl *c, struct trap_batch *b, const char *path, const char *source, const struct trap_batch_wish *w)
{
	char text[TRAP_EDIT_TEXT];
	json_t *answer = NULL, *sum;
	struct buf lines;
	int status = CTL_REFUSED;
	size_t n;

	buf_init(&lines, TRAP_EDIT_MAX);
	if (trap_batch_compare(b, &c->conf, text) != ERR_OK || trap_batch_check(b, c, text) != ERR_OK) {
		status = ctl_refuse(c, "%s; no change", text);
		goto out;
	}
	n = trap_batch_count(b, TRAP_BATCH_NEW);
	if (!c->args.is_given[OPT_JSON])
		show_refusals(c, b, source);
	if (n && (trap_batch_print(b, &lines) != ERR_OK || trap_edit_append(path, buf_slice(&lines), text) != ERR_OK)) {
		status = ctl_refuse(c, "%s; no change", lines.n ? text : "no memory");
		goto out;
	}
	status = n ? reload(c, &answer) : CTL_REFUSED;
	if (n == 0 && trap_batch_count(b, TRAP_BATCH_REFUSED) == 0 && source)
		status = CTL_DONE; /* importing a list again changes nothing and is fine */
	sum = make_summary(b, path, source, answer);
	if (ctl_show_json(c, sum)) {
		json_decref(sum);
		goto out;
	}
	json_decref(sum);
	(void)fprintf(c->render.to, "%zu added to %s, %zu were there already, %zu refused\n", n, path,
		trap_batch_count(b, TRAP_BATCH_THERE), trap_batch_count(b, TRAP_BATCH_REFUSED));
	if (n)
		show_state(c, w);
	if (answer && b->is_unchecked)
		(void)fprintf(c->render.to, "live?  %s\n", b->unchecked_text);
	if (answer)
		render_trap_reload(&c->render, answer);
	advise_domains(c, b);
out:
	json_decref(answer);
	buf_done(&lines);
	return status;
}

int command_trap_add(struct ctl *c)
{
	char dir[TRAP_EDIT_PATH], path[TRAP_EDIT_PATH + 16];
	struct trap_batch_wish w;
	struct trap_batch b;
	int status = CTL_REFUSED;

	if (!take_wish(c, &w))
		return CTL_USAGE;
	if (c->args.value[OPT_FILE])
		(void)snprintf(path, sizeof path, "%s", c->args.value[OPT_FILE]);
	else
		(void)snprintf(path, sizeof path, "%s/added.txt", trap_edit_dir(&c->conf, dir));
	if (!trap_batch_init(&b))
		return ctl_refuse(c, "no memory");
	for (int i = 0; i < c->args.count; i++)
		if (trap_batch_add(&b, slice_str(c->args.word[i]), (unsigned)i + 1, &w) != ERR_OK)
			goto out;
	if (b.count == 0)
		status = ctl_usage(c, "no trap among the words");
	else
		status = finish(c, &b, path, NULL, &w);
out:
	trap_batch_done(&b);
	return status;
}

/* DIR/imported-NAME.txt, of the file's own name. */
static void make_import_path(struct ctl *c, char to[2 * TRAP_EDIT_PATH])
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

int command_trap_import(struct ctl *c)
{
	char path[2 * TRAP_EDIT_PATH], *line = NULL;
	struct trap_batch_wish w;
	struct trap_batch b;
	size_t size = 0;
	unsigned number = 0;
	int status = CTL_REFUSED;
	enum err e = ERR_OK;
	FILE *f;

	if (!take_wish(c, &w))
		return CTL_USAGE;
	make_import_path(c, path);
	f = strcmp(c->args.word[0], "-") == 0 ? stdin : fopen(c->args.word[0], "re");
	if (!f)
		return ctl_refuse(c, "%s: %s", c->args.word[0], strerror(errno));
	if (!trap_batch_init(&b))
		e = ERR_NOMEM;
	for (ssize_t n; e == ERR_OK && (n = getline(&line, &size, f)) >= 0;)
		e = trap_batch_add(&b, slice_trim(slice_of(line, (size_t)n)), ++number, &w);
	if (e != ERR_OK || ferror(f))
		(void)ctl_refuse(c, "%s:%u: %s; no change", c->args.word[0], number,
			e == ERR_OK ? "cannot be read" : err_name(e));
	else
		status = finish(c, &b, path, c->args.word[0], &w);
	free(line);
	trap_batch_done(&b);
	if (f != stdin)
		(void)fclose(f);
	return status;
}
