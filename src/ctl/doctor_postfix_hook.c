/*
 * doctor_postfix_hook: is Postfix told to ask us, in each service that takes
 * foreign mail, first, and only there?
 * SPDX-License-Identifier: ISC
 */
#include "ctl/doctor_postfix.h"

#include <stdlib.h>
#include <string.h>

#define CLIENT "$limetwig_client"
#define EOD "$limetwig_eod"
#define EHLO "$limetwig_ehlo"
#define EHLO_LIST "smtpd_discard_ehlo_keywords"

static const char *stage_of(const struct setup_instance *in)
{
	return in->is_recipient_stage ? "smtpd_recipient_restrictions" : "smtpd_client_restrictions";
}

static void check_list(
	struct doctor *d, const struct setup_instance *in, const char *name, const char *item, const char *means)
{
	struct buf value;
	bool is_first = false;

	buf_init(&value, MAIN_CF_MAX);
	if (!main_cf_get(buf_slice(&in->main), name, &value) || !main_cf_has_item(buf_slice(&value), item, &is_first))
		doctor_postfix_add(
			d, DOCTOR_FAIL, means, DOCTOR_SETUP, "%s is gone from %s in %.200s", item, name, in->main_path);
	else if (!is_first)
		doctor_postfix_add(d, DOCTOR_WARN,
			"what stands before it may answer first: traps and blocks are not seen then", DOCTOR_SETUP,
			"%s is not the first of %s in %.200s", item, name, in->main_path);
	else
		doctor_postfix_add(d, DOCTOR_OK, NULL, NULL, "%s has %s, first", name, item);
	buf_done(&value);
}

void doctor_postfix_hooks(struct doctor *d, const struct setup_instance *in, const struct doctor_daemon_facts *f)
{
	(void)f;
	check_list(d, in, stage_of(in), CLIENT, "mail flows, but no trap is seen and no block acts");
	check_list(d, in, "smtpd_end_of_data_restrictions", EOD,
		"riders of trap mail cannot be refused, and logins are not known");
}

/* Parameters of our own: exactly what setup would write. */
static void check_value(
	struct doctor *d, const struct setup_instance *in, const struct setup_instance *wanted, const char *name)
{
	struct buf have, want;

	buf_init(&have, MAIN_CF_MAX);
	buf_init(&want, MAIN_CF_MAX);
	if (!main_cf_get(buf_slice(&wanted->main_new), name, &want))
		goto out;
	if (!main_cf_get(buf_slice(&in->main), name, &have))
		doctor_postfix_add(d, DOCTOR_FAIL, "Postfix cannot ask us: it answers 451, or passes us by",
			DOCTOR_SETUP, "%s is not set in %.200s", name, in->main_path);
	else if (memmem(have.p, have.n, "unix:/", 6))
		doctor_postfix_add(d, DOCTOR_FAIL,
			"a service that runs chroot (master.cf, column 5) does not find it: no trap is seen and no "
			"block acts",
			DOCTOR_SETUP, "%s names a socket by an absolute path: %.200s", name, buf_cstr(&have));
	else if (!slice_eq(slice_trim(buf_slice(&have)), slice_trim(buf_slice(&want))))
		doctor_postfix_add(d, DOCTOR_WARN,
			"if it names no default_action and short times, a dead limetwigd holds up or refuses mail",
			DOCTOR_SETUP, "%s is not what setup writes: %.200s", name, buf_cstr(&have));
out:
	buf_done(&have);
	buf_done(&want);
}

void doctor_postfix_values(struct doctor *d, const struct setup_instance *in, const struct doctor_daemon_facts *f)
{
	static const char *const names[] = { "limetwig_policy", "limetwig_client", "limetwig_eod" };
	struct setup *s = calloc(1, sizeof *s);
	struct setup_instance *plan = calloc(1, sizeof *plan);
	char text[SETUP_TEXT];
	size_t before = d->count;

	(void)f;
	if (s && plan && setup_facts_read(plan, in->dir, text, sizeof text) == ERR_OK) {
		(void)snprintf(s->map, sizeof s->map, "%s", d->conf->postfix.map);
		(void)snprintf(s->domains, sizeof s->domains, "%s", d->conf->postfix.domains);
		if (strchr(s->map, ':') && strchr(s->domains, ':') && setup_plan(s, plan) == ERR_OK)
			for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
				check_value(d, in, plan, names[i]);
	}
	if (d->count == before)
		doctor_postfix_add(d, DOCTOR_OK, NULL, NULL, "the policy socket is named so that a chroot finds it");
	if (plan)
		setup_facts_free(plan);
	free(plan);
	free(s);
}

static bool hides_dsn(struct slice list)
{
	return main_cf_has_item(list, EHLO, NULL) || main_cf_has_item(list, "dsn", NULL);
}

/* The -o of this service, else main.cf. */
static void check_ehlo_of(struct doctor *d, const struct setup_instance *in, const struct master_service *m,
	const struct setup_service *v)
{
	struct slice own;
	struct buf all;
	bool is_hidden;

	buf_init(&all, MAIN_CF_MAX);
	if (master_cf_option(buf_slice(&in->master), m, EHLO_LIST, &own))
		is_hidden = hides_dsn(own);
	else
		is_hidden = main_cf_get(buf_slice(&in->main), EHLO_LIST, &all) && hides_dsn(buf_slice(&all));
	if (v->kind == SETUP_PUBLIC && !is_hidden)
		doctor_postfix_add(d, DOCTOR_WARN,
			"a sender who asks for a report (NOTIFY=SUCCESS) can tell a trap from a mailbox, and aim the "
			"report at others",
			DOCTOR_SETUP, "%s offers DSN to foreign mail: %s names no %s", v->label, EHLO_LIST, EHLO);
	buf_done(&all);
}

static void each_service(struct doctor *d, const struct setup_instance *in,
	void (*fn)(struct doctor *, const struct setup_instance *, const struct master_service *,
		const struct setup_service *));

/* Neither set nor used: the postmaster has kept DSN (setup --keep-dsn), or hides it in his own way. */
void doctor_postfix_ehlo(struct doctor *d, const struct setup_instance *in, const struct doctor_daemon_facts *f)
{
	bool is_used = memmem(in->main.p, in->main.n, EHLO, strlen(EHLO)) ||
		       memmem(in->master.p, in->master.n, EHLO, strlen(EHLO));
	bool is_set;
	struct buf value;

	(void)f;
	buf_init(&value, MAIN_CF_MAX);
	is_set = main_cf_get(buf_slice(&in->main), &EHLO[1], &value);
	if (is_set && !main_cf_has_item(buf_slice(&value), "dsn", NULL))
		doctor_postfix_add(d, DOCTOR_WARN, "Postfix offers DSN to foreign mail", DOCTOR_SETUP,
			"limetwig_ehlo is not what setup writes: %.200s", buf_cstr(&value));
	else if (!is_set && is_used)
		doctor_postfix_add(d, DOCTOR_WARN, "Postfix offers DSN to foreign mail, and warns of it in its log",
			DOCTOR_SETUP, "limetwig_ehlo is used, but not set in %.200s", in->main_path);
	else if (is_set)
		each_service(d, in, check_ehlo_of);
	buf_done(&value);
}

/* An override of master.cf hides main.cf. */
static void check_override(struct doctor *d, const struct setup_instance *in, const struct master_service *m,
	const struct setup_service *v, const char *parameter, const char *item)
{
	struct slice value;
	bool is_first = false, is_public = v->kind == SETUP_PUBLIC && strcmp(item, CLIENT) == 0;

	if (!master_cf_option(buf_slice(&in->master), m, parameter, &value))
		return;
	if (!main_cf_has_item(value, item, &is_first))
		doctor_postfix_add(d, is_public ? DOCTOR_FAIL : DOCTOR_WARN,
			is_public ? "mail through this service passes us by: no trap is seen and no block acts"
				  : "riders of trap mail through it cannot be refused, and its logins are not known",
			DOCTOR_SETUP, "master.cf: %s overrides %s without %s", v->label, parameter, item);
	else if (!is_first)
		doctor_postfix_add(d, DOCTOR_WARN, "what stands before it may answer first", DOCTOR_SETUP,
			"master.cf: %s has %s in %s, but not first", v->label, item, parameter);
}

static bool is_listed(const struct conf_list *l, const char *text)
{
	for (uint32_t i = 0; i < l->count; i++)
		if (strcmp(l->item[i], text) == 0)
			return true;
	return false;
}

static void check_service(struct doctor *d, const struct setup_instance *in, const struct master_service *m,
	const struct setup_service *v)
{
	if (v->kind == SETUP_PUBLIC)
		check_override(d, in, m, v, stage_of(in), CLIENT);
	if (v->kind == SETUP_PUBLIC || v->kind == SETUP_SUBMISSION)
		check_override(d, in, m, v, "smtpd_end_of_data_restrictions", EOD);
	if (v->kind == SETUP_PUBLIC && !is_listed(&d->conf->postfix.own_services, v->port))
		doctor_postfix_add(d, DOCTOR_WARN,
			"blocks of captures that come through it are not trusted to be complete",
			"limetwig setup postfix", "master.cf: %s takes mail from outside, setup did not know it",
			v->label);
}

/* fn for each smtpd service with its judgement. */
static void each_service(struct doctor *d, const struct setup_instance *in,
	void (*fn)(struct doctor *, const struct setup_instance *, const struct master_service *,
		const struct setup_service *))
{
	struct master_service m;
	size_t pos = 0, i = 0;

	while (i < in->services && master_cf_next(buf_slice(&in->master), &pos, &m)) {
		const struct setup_service *v = &in->service[i];

		if (!slice_eq(m.command, SLICE_LIT("smtpd")) || !slice_eq(m.name, v->name) ||
			!slice_eq(m.type, v->type))
			continue;
		i++;
		fn(d, in, &m, v);
	}
}

void doctor_postfix_services(struct doctor *d, const struct setup_instance *in, const struct doctor_daemon_facts *f)
{
	size_t before = d->count;

	(void)f;
	each_service(d, in, check_service);
	for (size_t i = 0; i < in->notes; i++)
		if (strstr(in->note[i], "overrides"))
			doctor_postfix_add(d, DOCTOR_WARN, "traps catch nothing there", "take the -o out of master.cf",
				"%.400s", in->note[i]);
	if (d->count == before)
		doctor_postfix_add(d, DOCTOR_OK, NULL, NULL,
			"no override in master.cf hides the checks (%zu smtpd services)", in->services);
}

/* "127.0.0.1:10025" as setup writes it into postfix.conf. */
static bool is_known_reinjection(const struct conf *c, const struct setup_service *v)
{
	struct slice label = slice_str(v->label);
	size_t colon = slice_rfind(label, ':');
	char text[CONF_ITEM];

	if (colon == label.n || slice_starts(label, SLICE_LIT("localhost:")))
		(void)snprintf(text, sizeof text, "127.0.0.1:%s", v->port);
	else
		(void)snprintf(text, sizeof text, "%.*s:%s", SLICE_ARG(slice_head(label, colon)), v->port);
	return is_listed(&c->postfix.reinjection, text);
}

/* A service behind a filter sees each mail a second time. */
static void check_reinjection(struct doctor *d, const struct setup_instance *in, const struct master_service *m,
	const struct setup_service *v)
{
	struct slice value;
	bool has_own;

	if (v->kind != SETUP_REINJECTION && v->kind != SETUP_LOCAL)
		return;
	has_own = master_cf_option(buf_slice(&in->master), m, stage_of(in), &value);
	if (has_own ? main_cf_has_item(value, CLIENT, NULL) : !is_known_reinjection(d->conf, v))
		doctor_postfix_add(d, DOCTOR_WARN,
			"mail that comes back from a filter is asked about twice, the second time as the filter's own",
			has_own ? "take it out of that -o in master.cf, or delete the -o; then: postfix reload"
				: "limetwig setup postfix learns of it",
			"master.cf: the re-injection service %s asks us", v->label);
}

void doctor_postfix_reinjection(struct doctor *d, const struct setup_instance *in, const struct doctor_daemon_facts *f)
{
	(void)f;
	each_service(d, in, check_reinjection);
}
