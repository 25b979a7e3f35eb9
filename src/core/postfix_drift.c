/*
 * postfix_drift: one look at each parameter that setup edits.
 * SPDX-License-Identifier: ISC
 */
#include "core/postfix_drift.h"
#include "core/master_cf.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define CLIENT_STAGE "smtpd_client_restrictions"
#define RECIPIENT_STAGE "smtpd_recipient_restrictions"
#define ROUTE SLICE_LIT("limetwig.invalid=limetwig:")

struct look {
	struct slice text;
	struct buf value;
	struct postfix_drift found;
};

__attribute__((format(printf, 2, 3))) static void add(struct look *l, const char *fmt, ...)
{
	va_list ap;

	if (l->found.count == POSTFIX_DRIFT_MAX)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(l->found.text[l->found.count++], POSTFIX_DRIFT_TEXT, fmt, ap);
	va_end(ap);
}

/* The value of a parameter; empty where it is not set. */
static struct slice value_of(struct look *l, const char *name)
{
	return main_cf_get(l->text, name, &l->value) ? buf_slice(&l->value) : (struct slice){ "", 0 };
}

static bool holds(struct look *l, const char *name, const char *item, bool *ret_first)
{
	return main_cf_has_item(value_of(l, name), item, ret_first);
}

/* setup puts the check into the recipient stage where smtpd_delay_reject = no, be it for one service of master.cf. */
static void look_at_client(struct look *l)
{
	bool is_late = slice_eq_nocase(slice_trim(value_of(l, "smtpd_delay_reject")), SLICE_LIT("no")) ||
		       (!holds(l, CLIENT_STAGE, "$limetwig_client", NULL) &&
			       holds(l, RECIPIENT_STAGE, "$limetwig_client", NULL));
	const char *stage = is_late ? RECIPIENT_STAGE : CLIENT_STAGE;
	bool is_first = false;

	l->found.is_late = is_late;
	if (!holds(l, stage, "$limetwig_client", &is_first))
		add(l, "$limetwig_client is gone from %s: no trap is seen and no block acts", stage);
	else if (value_of(l, "limetwig_client").n == 0)
		add(l, "limetwig_client is used, but not set: no trap is seen and no block acts");
	else if (!is_first)
		add(l, "$limetwig_client is not the first of %s: what stands before it may answer first", stage);
}

static void look_at_lists(struct look *l, const struct conf *c)
{
	const struct {
		const char *name, *item, *loss;
	} lists[] = {
		{ "smtpd_end_of_data_restrictions", "$limetwig_eod", "riders are not refused, logins not known" },
		{ "virtual_alias_maps", c->postfix.map, "mail to a trap is refused as unknown" },
		{ "virtual_alias_domains", c->postfix.domains, "mail to trap domains is refused" },
	};

	for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++)
		if (!holds(l, lists[i].name, lists[i].item, NULL))
			add(l, "%.120s is gone from %s: %s", lists[i].item, lists[i].name, lists[i].loss);
}

static void look_at_values(struct look *l)
{
	struct slice v = value_of(l, "limetwig_policy");

	if (!slice_has(v, SLICE_LIT("unix:limetwig/policy")))
		add(l, "limetwig_policy does not name unix:limetwig/policy: Postfix does not find us");
	/* neither set nor used: setup --keep-dsn */
	if (holds(l, "smtpd_discard_ehlo_keywords", "$limetwig_ehlo", NULL) &&
		!main_cf_has_item(value_of(l, "limetwig_ehlo"), "dsn", NULL))
		add(l, "limetwig_ehlo does not take DSN from foreign mail: reports tell a trap from a mailbox");
	v = value_of(l, "transport_maps");
	if (!slice_has(v, ROUTE))
		add(l, "transport_maps does not name limetwig.invalid: captures wait, then bounce to forged senders");
}

enum err postfix_drift_find(struct slice postconf_n, const struct conf *c, struct postfix_drift *ret)
{
	struct look l = { .text = postconf_n };

	/* each line of it has one, whatever main.cf says */
	if (!slice_has(postconf_n, SLICE_LIT(" = ")))
		return ERR_SYNTAX;
	buf_init(&l.value, MAIN_CF_MAX);
	/* postconf does not show parameters of ours that nothing refers to */
	if (!slice_has(postconf_n, SLICE_LIT("$limetwig_"))) {
		add(&l, "limetwig is not in main.cf any more: no trap is seen and no block acts");
	} else {
		look_at_client(&l);
		look_at_lists(&l, c);
		look_at_values(&l);
	}
	buf_done(&l.value);
	*ret = l.found;
	return ERR_OK;
}

/* Does mail from outside come in by this smtpd, as setup found it? */
static bool is_own_service(const struct conf *c, const struct master_service *m)
{
	size_t colon = slice_rfind(m->name, ':');
	struct slice host = colon < m->name.n ? slice_head(m->name, colon) : (struct slice){ "", 0 };
	struct slice port = colon < m->name.n ? slice_from(m->name, colon + 1) : m->name;

	if (!slice_eq(m->command, SLICE_LIT("smtpd")) || slice_starts(host, SLICE_LIT("127.")) ||
		slice_eq(host, SLICE_LIT("[::1]")) || slice_eq(host, SLICE_LIT("localhost")))
		return false;
	if (slice_eq(m->type, SLICE_LIT("pass")) || slice_eq(port, SLICE_LIT("smtp")))
		port = SLICE_LIT("25"); /* behind postscreen too */
	else if (!slice_eq(m->type, SLICE_LIT("inet")))
		return false;
	for (uint32_t i = 0; i < c->postfix.own_services.count; i++)
		if (slice_eq(port, slice_str(c->postfix.own_services.item[i])))
			return true;
	return false;
}

enum err postfix_drift_find_master(
	struct slice postconf_m, const struct conf *c, bool is_late, struct postfix_drift *ret)
{
	const char *stage = is_late ? RECIPIENT_STAGE : CLIENT_STAGE;
	struct look l = { .text = postconf_m };
	bool has_transport = false, has_hand = false;
	struct master_service m;
	struct slice value;
	size_t pos = 0, services = 0;

	for (; master_cf_next(postconf_m, &pos, &m); services++) {
		has_transport |= slice_eq(m.name, SLICE_LIT(MASTER_CF_TRANSPORT));
		has_hand |= slice_eq(m.name, SLICE_LIT(MASTER_CF_HAND));
		if (is_own_service(c, &m) && master_cf_option(postconf_m, &m, stage, &value) &&
			!main_cf_has_item(value, "$limetwig_client", NULL))
			add(&l, "master.cf: %.*s overrides %s without $limetwig_client: no trap is seen through it",
				SLICE_ARG(slice_head(m.name, 60)), stage);
	}
	if (services == 0)
		return ERR_SYNTAX;
	if (!has_transport)
		add(&l, "the transport limetwig is gone from master.cf: captures wait, then bounce to forged senders");
	if (!has_hand && conf_has_tarpit(c) && conf_has_hand(c))
		add(&l, "the service " MASTER_CF_HAND
			" is gone from master.cf: blocked clients do not get through to postmaster@");
	*ret = l.found;
	return ERR_OK;
}
