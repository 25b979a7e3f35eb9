/*
 * render_block: blocks and the allow list.
 * SPDX-License-Identifier: ISC
 */
#include "ctl/render.h"

#include <string.h>

/* What it refuses, or would have refused: good mail of 14 days. */
static void print_blast(struct render *r, const json_t *blast)
{
	uint64_t mails = render_number(blast, "mails"), hosts = render_number(blast, "hosts");

	if (mails == 0)
		return;
	(void)fprintf(
		r->to, "           would have refused %s of the last 14 days", render_count(r, mails, "good message"));
	if (hosts > 1)
		(void)fprintf(r->to, ", from %s hosts", render_grouped(r, hosts));
	(void)fputc('\n', r->to);
}

void render_block_line(struct render *r, const json_t *b)
{
	uint64_t until = render_number(b, "until");
	const char *state = render_text(r, b, "state");
	bool is_held = strcmp(state, "held") == 0;
	bool is_live = is_held || strcmp(state, "active") == 0 || strcmp(state, "would") == 0;

	(void)fprintf(r->to, "%s  %-7s %s\n", render_text(r, b, "case"), state, render_whom(r, b));
	(void)fprintf(r->to, "           %s %s", is_live ? "until" : "was until", render_time(r, until));
	if (until > r->now && is_live)
		(void)fprintf(r->to, " (%s left)", render_span(r, until - r->now));
	if (render_number(b, "offence"))
		(void)fprintf(r->to, ", %s offence", render_ordinal(r, render_number(b, "offence")));
	if (*render_trap_id(r, b, "trap"))
		(void)fprintf(r->to, ", %s", render_trap_id(r, b, "trap"));
	if (*render_text(r, b, "tag"))
		(void)fprintf(r->to, ", tag %s", render_text(r, b, "tag"));
	if (render_number(b, "refusals"))
		(void)fprintf(r->to, ", %s", render_count(r, render_number(b, "refusals"), "refusal"));
	if (render_bool(b, "firewall"))
		(void)fprintf(r->to, ", in the firewall");
	if (render_number(b, "answered"))
		(void)fprintf(r->to, ", %s answered", render_count(r, render_number(b, "answered"), "connection"));
	if (render_number(b, "held_s"))
		(void)fprintf(r->to, " (held %s)", render_span(r, render_number(b, "held_s")));
	(void)fputc('\n', r->to);
	if (*render_text(r, b, "note"))
		(void)fprintf(r->to, "           %s: \"%s\"\n", render_text(r, b, "by"), render_text(r, b, "note"));
	print_blast(r, json_object_get(b, "blast"));
	if (is_held)
		(void)fprintf(r->to,
			"           let it act: limetwig block confirm %s   drop it: limetwig block remove %s\n",
			render_text(r, b, "case"), render_text(r, b, "case"));
}

void render_block_list(struct render *r, const json_t *a)
{
	const json_t *list = json_object_get(a, "blocks"), *b;
	size_t i, n = json_array_size(list);

	json_array_foreach(list, i, b) render_block_line(r, b);
	if (n == 0)
		(void)fprintf(r->to, "no blocks\n");
	else
		render_cut(r, n, render_number(a, "total"));
}

void render_block_change(struct render *r, const char *verb, const json_t *a)
{
	const json_t *b = json_object_get(a, "block");
	bool is_held = strcmp(render_text(r, b, "state"), "held") == 0;

	if (render_bool(a, "dry_run")) {
		(void)fprintf(r->to, "%s would be blocked\n", render_text(r, a, "subject"));
		print_blast(r, json_object_get(a, "blast"));
		if (render_number(json_object_get(a, "blast"), "mails") == 0)
			(void)fprintf(r->to, "           no good mail came from there in the last 14 days\n");
		(void)fprintf(r->to, "Nothing was changed (--dry-run).\n");
		return;
	}
	(void)fprintf(r->to, "%s: ", is_held ? "waits for a decision" : verb);
	render_block_line(r, b);
	if (is_held)
		return;
	print_blast(r, json_object_get(a, "blast"));
	if (*render_text(r, b, "case"))
		(void)fprintf(r->to, "Back: limetwig block remove %s --note TEXT\n", render_text(r, b, "case"));
}

void render_block_remove(struct render *r, const json_t *a)
{
	const json_t *list = json_object_get(a, "removed"), *b;
	bool is_dry = render_bool(a, "dry_run");
	uint64_t pardon = 0;
	size_t i;

	json_array_foreach(list, i, b)
	{
		render_block_line(r, b);
		if (render_number(b, "pardon_until") > pardon)
			pardon = render_number(b, "pardon_until");
	}
	(void)fprintf(r->to, "%s%s\n", render_count(r, json_array_size(list), "block"),
		is_dry ? " would be removed. Nothing was changed (--dry-run)." : " removed.");
	if (render_bool(a, "more"))
		(void)fprintf(r->to, "There are more%s.\n", is_dry ? "" : ": the same command again");
	if (!is_dry && pardon > r->now)
		(void)fprintf(r->to, "Pardon: no new block until %s.\n", render_time(r, pardon));
}

/* What the DNS says for an spf: entry. */
static void print_set(struct render *r, const json_t *set)
{
	uint64_t n = render_number(set, "prefixes"), good = render_number(set, "good_at");

	if (!json_is_object(set))
		return;
	(void)fprintf(r->to, ", %s prefixes", render_grouped(r, n));
	if (good && good <= r->now)
		(void)fprintf(r->to, ", %s old", render_span(r, r->now - good));
	if (render_bool(set, "partial"))
		(void)fprintf(r->to, ", not all");
	if (n == 0)
		(void)fprintf(r->to, " (%s): allows nobody", render_text(r, set, "state"));
}

static void print_allow(struct render *r, const json_t *w)
{
	uint64_t until = render_number(w, "until");

	(void)fprintf(r->to, "%-24s %-9s %-8s %s", render_text(r, w, "prefix"), render_text(r, w, "tier"),
		render_text(r, w, "source"), until ? "until " : "for good");
	if (until)
		(void)fprintf(r->to, "%s", render_time(r, until));
	if (*render_text(r, w, "label") && strcmp(render_text(r, w, "label"), render_text(r, w, "prefix")) != 0)
		(void)fprintf(r->to, ", as %s", render_text(r, w, "label"));
	print_set(r, json_object_get(w, "spf"));
	if (*render_text(r, w, "by"))
		(void)fprintf(r->to, ", by %s", render_text(r, w, "by"));
	if (*render_text(r, w, "note"))
		(void)fprintf(r->to, ": \"%s\"", render_text(r, w, "note"));
	(void)fputc('\n', r->to);
}

void render_allow_list(struct render *r, const json_t *a)
{
	const json_t *list = json_object_get(a, "allow"), *w;
	size_t i;

	json_array_foreach(list, i, w) print_allow(r, w);
	if (render_number(a, "freemail"))
		(void)fprintf(r->to, "%s domains of free mail: blocked by sender, never as a whole\n",
			render_grouped(r, render_number(a, "freemail")));
	if (render_bool(a, "more"))
		(void)fprintf(r->to, "The files have more lines than are shown here.\n");
	if (json_array_size(list) == 0)
		(void)fprintf(
			r->to, "nothing is allowed by command or file; own networks and private ranges always are\n");
}

void render_allow_change(struct render *r, const char *verb, const json_t *a)
{
	const json_t *w = json_object_get(a, "allow"), *lifted = json_object_get(a, "removed"), *b;
	size_t i;

	(void)fprintf(r->to, "%s", verb);
	if (json_is_object(w)) {
		(void)fprintf(r->to, ": ");
		print_allow(r, w);
	} else {
		(void)fputc('\n', r->to);
	}
	json_array_foreach(lifted, i, b) render_block_line(r, b);
}
