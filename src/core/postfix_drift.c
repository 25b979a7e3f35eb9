/*
 * postfix_drift: one look at each parameter that setup edits.
 * SPDX-License-Identifier: ISC
 */
#include "core/postfix_drift.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

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

/* setup puts the check into the recipient stage where smtpd_delay_reject = no. */
static void look_at_client(struct look *l)
{
	bool is_late = slice_eq_nocase(slice_trim(value_of(l, "smtpd_delay_reject")), SLICE_LIT("no"));
	const char *stage = is_late ? "smtpd_recipient_restrictions" : "smtpd_client_restrictions";
	bool is_first = false;

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

	if (!memmem(v.p, v.n, "unix:limetwig/policy", 20))
		add(l, "limetwig_policy does not name unix:limetwig/policy: Postfix does not find us");
	/* neither set nor used: setup --keep-dsn */
	if (holds(l, "smtpd_discard_ehlo_keywords", "$limetwig_ehlo", NULL) &&
		!main_cf_has_item(value_of(l, "limetwig_ehlo"), "dsn", NULL))
		add(l, "limetwig_ehlo does not take DSN from foreign mail: reports tell a trap from a mailbox");
	v = value_of(l, "transport_maps");
	if (!memmem(v.p, v.n, ROUTE.p, ROUTE.n))
		add(l, "transport_maps does not name limetwig.invalid: captures wait, then bounce to forged senders");
}

enum err postfix_drift_find(struct slice postconf_n, const struct conf *c, struct postfix_drift *ret)
{
	struct look l = { .text = postconf_n };

	/* each line of it has one, whatever main.cf says */
	if (!memmem(postconf_n.p ? postconf_n.p : "", postconf_n.n, " = ", 3))
		return ERR_SYNTAX;
	buf_init(&l.value, MAIN_CF_MAX);
	/* postconf does not show parameters of ours that nothing refers to */
	if (!memmem(postconf_n.p, postconf_n.n, "$limetwig_", 10)) {
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
