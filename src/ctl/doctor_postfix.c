/*
 * doctor_postfix: instance by instance, the table of checks.
 * SPDX-License-Identifier: ISC
 */
#include "ctl/doctor_postfix.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define NAME "postfix"

void doctor_postfix_add(
	struct doctor *d, enum doctor_level level, const char *means, const char *mend, const char *fmt, ...)
{
	char text[DOCTOR_TEXT];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	doctor_add(d, level, NAME, text, means, mend);
}

static void check_running(struct doctor *d, const struct setup_instance *in, const struct doctor_daemon_facts *f)
{
	(void)f;
	if (in->is_running)
		doctor_postfix_add(d, DOCTOR_OK, NULL, NULL, "Postfix %s in %.300s is running", in->version, in->dir);
	else
		doctor_postfix_add(d, DOCTOR_FAIL, "no mail at all",
			"systemctl start postfix; postfix check tells why not", "Postfix in %.300s is not running",
			in->dir);
}

static doctor_postfix_fn *const checks[] = { doctor_postfix_hooks, doctor_postfix_values, doctor_postfix_ehlo,
	doctor_postfix_services, doctor_postfix_reinjection, doctor_postfix_maps, doctor_postfix_transport,
	doctor_postfix_back, doctor_postfix_hand, doctor_postfix_sockets, doctor_postfix_filters, doctor_postfix_times,
	doctor_postfix_queue, doctor_postfix_networks };

static bool knows_us(const struct buf *text)
{
	return text->n && memmem(text->p, text->n, "limetwig", 8);
}

/* Before the first setup, or after all of it was overwritten: one finding in place of a dozen. */
static bool is_put_in(struct doctor *d, const struct setup_instance *in)
{
	if (knows_us(&in->main) || knows_us(&in->master))
		return true;
	doctor_postfix_add(d, DOCTOR_FAIL, "mail flows, but no trap is seen and no block acts",
		"limetwig setup postfix (--dry-run shows it first; --print: the text for Ansible)",
		"limetwig is not in %.300s: main.cf and master.cf have nothing of it", in->dir);
	return false;
}

static void check_instance(struct doctor *d, const struct doctor_daemon_facts *f, const char *dir)
{
	struct setup_instance *in = calloc(1, sizeof *in);
	char text[DOCTOR_TEXT] = "";

	if (in && setup_facts_read(in, dir, text, sizeof text) == ERR_OK) {
		setup_facts_judge(in);
		check_running(d, in, f);
		for (size_t i = 0, n = is_put_in(d, in) ? sizeof checks / sizeof checks[0] : 0; i < n; i++)
			checks[i](d, in, f);
	} else {
		doctor_postfix_add(d, DOCTOR_FAIL, "nothing of Postfix could be looked at",
			"postfix { dir = ... } in postfix.conf", "%.400s", text[0] ? text : "no memory");
	}
	if (in)
		setup_facts_free(in);
	free(in);
}

static bool is_set_up(const struct setup *s, const char *dir)
{
	for (size_t i = 0; i < s->opt.dirs; i++)
		if (strcmp(s->opt.dir[i], dir) == 0)
			return true;
	return false;
}

/* Another instance of this machine: does it take mail from outside without asking us? */
static void check_stranger(struct doctor *d, const char *dir)
{
	struct setup_instance *in = calloc(1, sizeof *in);
	char text[DOCTOR_TEXT] = "", mend[DOCTOR_TEXT];
	size_t is_public = 0;

	(void)snprintf(mend, sizeof mend, "limetwig setup postfix --config %.300s", dir);
	if (!in || setup_facts_read(in, dir, text, sizeof text) != ERR_OK) {
		doctor_postfix_add(d, DOCTOR_SKIP, NULL, NULL, "the Postfix instance %.200s: %.250s", dir, text);
	} else {
		for (size_t i = 0; i < in->services; i++)
			is_public += in->service[i].kind == SETUP_PUBLIC;
		if (is_public)
			doctor_postfix_add(d, DOCTOR_WARN,
				"mail through that instance is not seen, and no block acts there", mend,
				"the Postfix instance %.300s takes mail from outside, and limetwig is not set up there",
				dir);
	}
	if (in)
		setup_facts_free(in);
	free(in);
}

static void check_strangers(struct doctor *d, const struct setup *s)
{
	const char *const argv[] = { "postconf", "-c", d->conf->postfix.dir, "-hx", "multi_instance_directories",
		NULL };
	char text[DOCTOR_TEXT] = "", dir[PATH_MAX];
	struct slice rest, word;
	struct buf out;

	buf_init(&out, 65536);
	if (setup_run(argv, &out, text, sizeof text)) {
		rest = slice_trim(slice_head(buf_slice(&out), slice_find(buf_slice(&out), '\n')));
		while (slice_word(&rest, &word)) {
			if (word.n && word.p[word.n - 1] == ',')
				word.n--;
			slice_copy(word, dir, sizeof dir);
			if (dir[0] == '/' && !is_set_up(s, dir))
				check_stranger(d, dir);
		}
	}
	buf_done(&out);
}

/* All instances that setup remembers, else the one of the configuration. */
void doctor_check_postfix(struct doctor *d, const struct doctor_daemon_facts *f)
{
	struct setup *s;

	if (!f->is_root) {
		doctor_postfix_add(
			d, DOCTOR_SKIP, NULL, NULL, "Postfix's side is looked at as root only: sudo limetwig doctor");
		return;
	}
	if (f->conf_error) {
		doctor_postfix_add(
			d, DOCTOR_SKIP, NULL, NULL, "Postfix's side is looked at when the configuration can be read");
		return;
	}
	s = calloc(1, sizeof *s);
	if (!s)
		return;
	s->opt.state = d->conf->storage.dir;
	setup_state_list(s, true);
	if (s->opt.dirs == 0)
		(void)snprintf(s->opt.dir[s->opt.dirs++], PATH_MAX, "%s", d->conf->postfix.dir);
	for (size_t i = 0; i < s->opt.dirs; i++)
		check_instance(d, f, s->opt.dir[i]);
	check_strangers(d, s);
	free(s);
}
