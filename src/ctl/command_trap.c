/*
 * command_trap: trap add, and what every way to new traps ends with.
 * SPDX-License-Identifier: ISC
 */
#include "base/num.h"
#include "ctl/ctl.h"
#include "ctl/trap_add.h"

#include <ctype.h>
#include <stdlib.h>

#define REFUSALS_SHOWN 1000

static bool is_tag(const char *s)
{
	size_t n = 0;

	while (isalnum((unsigned char)s[n]) || (s[n] && strchr("-_.", s[n])))
		n++;
	return n > 0 && n < TRAP_TAG && s[n] == '\0';
}

bool trap_add_wish(struct ctl *c, struct trap_batch_wish *ret)
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
	if (b->foreign)
		(void)fprintf(c->err, "What your own users write to an address elsewhere would be swallowed by a trap. "
				      "A domain of yours\n"
				      "belongs into mydestination, virtual_mailbox_domains, relay_domains or "
				      "virtual_alias_domains of\n"
				      "main.cf, or is a trap as a whole: @domain.\n");
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
	enum err e = ctl_try_good(c, ctl_request(c, "trap_reload"), ret_answer, text);

	if (e == ERR_CLOSED && !c->args.is_given[OPT_JSON])
		(void)fprintf(
			c->render.to, "limetwigd does not run: the checks (live mailboxes ...) come at its start\n");
	return e == ERR_OK || e == ERR_CLOSED ? CTL_DONE : ctl_refuse(c, "written, but not in force: %s", text);
}

static json_t *make_summary(
	const struct trap_batch *b, const char *path, const char *source, json_t *reloaded, bool is_dry)
{
	json_t *refused = json_array();

	for (size_t i = 0; i < b->count; i++)
		if (b->item[i].fate != TRAP_BATCH_NEW)
			(void)json_array_append_new(
				refused, json_pack("{s:s*, s:I, s:s*}", "source", source, "line",
						 (json_int_t)b->item[i].number, "reason", b->item[i].reason));
	return json_pack("{s:b, s:b, s:s, s:I, s:o, s:O*}", "ok", 1, "dry_run", is_dry, "file", path, "added",
		(json_int_t)trap_batch_count(b, TRAP_BATCH_NEW), "refused", refused, "reload", reloaded);
}

/* What --dry-run shows: each line that would be written. */
static void show_lines(struct ctl *c, const struct trap_batch *b, const struct buf *lines, const char *path)
{
	(void)fprintf(c->render.to, "%.*s", SLICE_ARG(buf_slice(lines)));
	(void)fprintf(c->render.to,
		"%zu would be added to %s, %zu were there already, %zu refused; nothing was changed\n",
		trap_batch_count(b, TRAP_BATCH_NEW), path, trap_batch_count(b, TRAP_BATCH_THERE),
		trap_batch_count(b, TRAP_BATCH_REFUSED));
}

static void show_added(struct ctl *c, const struct trap_batch *b, const char *path, const struct trap_batch_wish *w,
	const json_t *reloaded)
{
	size_t n = trap_batch_count(b, TRAP_BATCH_NEW);

	(void)fprintf(c->render.to, "%zu added to %s, %zu were there already, %zu refused\n", n, path,
		trap_batch_count(b, TRAP_BATCH_THERE), trap_batch_count(b, TRAP_BATCH_REFUSED));
	if (n)
		show_state(c, w);
	if (reloaded && b->is_unchecked)
		(void)fprintf(c->render.to, "live?  %s\n", b->unchecked_text);
	if (reloaded)
		render_trap_reload(&c->render, reloaded);
	advise_domains(c, b);
}

/* Nothing new is no failure where a list is imported again. */
static int status_of(const struct trap_batch *b, const char *source)
{
	if (trap_batch_count(b, TRAP_BATCH_NEW))
		return CTL_DONE;
	return trap_batch_count(b, TRAP_BATCH_REFUSED) == 0 && source ? CTL_DONE : CTL_REFUSED;
}

int trap_add_finish(
	struct ctl *c, struct trap_batch *b, const char *path, const char *source, const struct trap_batch_wish *w)
{
	bool is_dry = c->args.is_given[OPT_DRY_RUN];
	char text[TRAP_EDIT_TEXT];
	json_t *answer = NULL, *sum;
	struct buf lines;
	int status = CTL_REFUSED;

	buf_init(&lines, TRAP_EDIT_MAX);
	if (trap_batch_compare(b, &c->conf, text) != ERR_OK || trap_batch_check(b, c, text) != ERR_OK) {
		status = ctl_refuse(c, "%s; no change", text);
		goto out;
	}
	if (!c->args.is_given[OPT_JSON])
		show_refusals(c, b, source);
	if (trap_batch_print(b, &lines) != ERR_OK) {
		status = ctl_refuse(c, "no memory; no change");
		goto out;
	}
	if (lines.n && !is_dry && trap_edit_append(path, buf_slice(&lines), text) != ERR_OK) {
		status = ctl_refuse(c, "%s; no change", text);
		goto out;
	}
	status = status_of(b, source);
	if (lines.n && !is_dry)
		status = reload(c, &answer);
	if (lines.n && !is_dry && !trap_edit_is_read(&c->conf.traps.files, path)) {
		int unread =
			ctl_refuse(c, "%s is none of the trap files that limetwigd reads: they are no traps yet", path);

		status = c->args.is_given[OPT_FILE] ? status : unread;
	}
	sum = make_summary(b, path, source, answer, is_dry);
	if (!ctl_show_json(c, sum)) {
		if (is_dry)
			show_lines(c, b, &lines, path);
		else
			show_added(c, b, path, w, answer);
	}
	json_decref(sum);
out:
	json_decref(answer);
	buf_done(&lines);
	return status;
}

int command_trap_add(struct ctl *c)
{
	char path[TRAP_EDIT_PATH];
	struct trap_batch_wish w;
	struct trap_batch b;
	int status = CTL_REFUSED;

	if (!trap_add_wish(c, &w))
		return CTL_USAGE;
	if (c->args.value[OPT_FILE])
		(void)snprintf(path, sizeof path, "%s", c->args.value[OPT_FILE]);
	else
		(void)trap_edit_added(&c->conf, path);
	if (!trap_batch_init(&b))
		return ctl_refuse(c, "no memory");
	for (int i = 0; i < c->args.count; i++)
		if (trap_batch_add(&b, slice_str(c->args.word[i]), (unsigned)i + 1, &w) != ERR_OK)
			goto out;
	if (b.count == 0)
		status = ctl_usage(c, "no trap among the words");
	else
		status = trap_add_finish(c, &b, path, NULL, &w);
out:
	trap_batch_done(&b);
	return status;
}
