/*
 * setup_postfix_show: what would change, for people. The diff is the longest
 * common subsequence of lines after equal head and tail are cut off.
 * SPDX-License-Identifier: ISC
 */
#include "base/array.h"
#include "ctl/setup_postfix_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LINES_MAX 4000 /* of the differing middle; above it, all old then all new */

struct lines {
	size_t n, size;
	struct slice *line;
};

static enum err split(struct slice text, struct lines *l)
{
	struct slice line;
	enum err e = ERR_OK;

	while (e == ERR_OK && slice_line(&text, &line)) {
		void *p = l->line;

		e = array_grow(&p, l->n, &l->size, sizeof line, MAIN_CF_MAX);
		if (e != ERR_OK)
			break;
		l->line = p;
		l->line[l->n++] = line;
	}
	return e;
}

struct printer {
	size_t left, hidden;
};

static void print_line(struct printer *p, char sign, struct slice line)
{
	if (p->left == 0) {
		p->hidden += sign != ' ';
		return;
	}
	p->left--;
	printf("  %c%.*s\n", sign, SLICE_ARG(line));
}

/* t[i][j]: length of the common subsequence of a[i..] and b[j..]. NULL: too many lines, or no memory. */
static unsigned short *table(const struct lines *a, const struct lines *b, size_t head, size_t an, size_t bn)
{
	size_t width = bn - head + 1;
	unsigned short *t = NULL;

	if (an - head <= LINES_MAX && bn - head <= LINES_MAX)
		t = calloc((an - head + 1) * width, sizeof *t);
	for (size_t i = an; t && i-- > head;)
		for (size_t j = bn; j-- > head;) {
			size_t at = (i - head) * width + (j - head);
			unsigned short down = t[at + width], right = t[at + 1];

			t[at] = slice_eq(a->line[i], b->line[j]) ? (unsigned short)(t[at + width + 1] + 1)
				: down > right                   ? down
								 : right;
		}
	return t;
}

static void print_middle(
	const struct lines *a, const struct lines *b, size_t head, size_t an, size_t bn, struct printer *p)
{
	unsigned short *t = table(a, b, head, an, bn);
	size_t i = head, j = head, width = bn - head + 1;

	while (i < an || j < bn) {
		if (!t && i < an) {
			print_line(p, '-', a->line[i++]);
		} else if (!t) {
			print_line(p, '+', b->line[j++]);
		} else if (i < an && j < bn && slice_eq(a->line[i], b->line[j])) {
			if (i + 1 < an && j + 1 < bn && (!slice_eq(a->line[i + 1], b->line[j + 1]) || i == head))
				print_line(p, ' ', a->line[i]);
			i++;
			j++;
		} else if (j < bn && (i == an || t[(i - head) * width + (j + 1 - head)] >
							 t[(i + 1 - head) * width + (j - head)])) {
			print_line(p, '+', b->line[j++]);
		} else {
			print_line(p, '-', a->line[i++]);
		}
	}
	free(t);
}

void setup_show_diff(const char *title, struct slice old, struct slice new, size_t max_lines)
{
	struct lines a = { .n = 0 }, b = { .n = 0 };
	struct printer p = { .left = max_lines };
	size_t head = 0, an, bn;

	if (!slice_eq(old, new) && split(old, &a) == ERR_OK && split(new, &b) == ERR_OK) {
		an = a.n;
		bn = b.n;
		while (head < an && head < bn && slice_eq(a.line[head], b.line[head]))
			head++;
		while (an > head && bn > head && slice_eq(a.line[an - 1], b.line[bn - 1]))
			an--, bn--;
		printf("%s\n", title);
		if (head > 0)
			print_line(&p, ' ', a.line[head - 1]);
		print_middle(&a, &b, head, an, bn, &p);
		if (p.hidden)
			printf("   and %zu more lines (all: --diff)\n", p.hidden);
	}
	free(a.line);
	free(b.line);
}

static const char *kind_text(const struct setup_instance *in, const struct setup_service *v)
{
	bool has = in->is_recipient_stage ? v->has_recipient : v->has_client;

	switch (v->kind) {
	case SETUP_PUBLIC:
		return has ? "foreign mail: our check goes first in its own restrictions" : "foreign mail: checked";
	case SETUP_SUBMISSION:
		return has ? "your rules stay; end-of-data check (names the login)" : "logins: checked, never refused";
	case SETUP_REINJECTION:
		return v->has_xforward ? "re-injection, left alone"
				       : "re-injection, not asked; the filter may name the client (XFORWARD)";
	case SETUP_LOCAL:
		break;
	}
	return "local, left alone";
}

static void show_services(const struct setup_instance *in)
{
	for (size_t i = 0; i < in->services; i++)
		printf("   %s: %s\n", in->service[i].label, kind_text(in, &in->service[i]));
}

static bool has_command(const struct setup_instance *in, const char *command)
{
	struct master_service m;
	size_t pos = 0;

	while (master_cf_next(buf_slice(&in->master), &pos, &m))
		if (slice_eq(m.command, slice_str(command)))
			return true;
	return false;
}

static void show_head(const struct setup_instance *in)
{
	bool is_chroot = false;

	for (size_t i = 0; i < in->services; i++)
		is_chroot |= in->service[i].kind == SETUP_PUBLIC && in->service[i].chroot == 'y';
	printf("Postfix %s in %s (%s)%s%s%s%s\n", in->version, in->dir,
		in->is_running   ? "running"
		: geteuid() == 0 ? "not running"
				 : "not root: is it running?",
		is_chroot ? ", chroot" : "", has_command(in, "postscreen") ? ", postscreen" : "",
		setup_facts_param(in, "smtpd_milters").n ? ", milter" : "", in->refusal[0] ? "" : ": all fine");
}

void setup_show(const struct setup *s, const struct setup_instance *in)
{
	size_t lines = s->opt.is_diff || s->opt.is_dry_run ? SIZE_MAX : 12;

	show_head(in);
	for (size_t i = 0; i < in->notes; i++)
		printf("note: %s\n", in->note[i]);
	if (in->refusal[0]) {
		printf("refused: %s\n", in->refusal);
		return;
	}
	setup_show_diff("main.cf (edited in place: your comments and line breaks stay)", buf_slice(&in->main),
		buf_slice(&in->main_new), lines);
	setup_show_diff("master.cf", buf_slice(&in->master), buf_slice(&in->master_new), lines);
	show_services(in);
	if (!setup_facts_has_type(in, "lmdb") && strncmp(s->map, "lmdb:", 5) != 0)
		printf("   %s: this Postfix has no lmdb (Debian: apt install postfix-lmdb): open sessions see a new "
		       "trap late\n",
			s->map);
}
