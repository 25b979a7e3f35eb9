/*
 * doctor_postfix_back: the services that take mail from us: for riders, and of
 * blocked clients who write to postmaster@.
 * SPDX-License-Identifier: ISC
 */
#include "ctl/doctor_postfix.h"

#include <errno.h>
#include <string.h>

static bool find_service(const struct setup_instance *in, const char *name, struct master_service *ret)
{
	size_t pos = 0;

	while (master_cf_next(buf_slice(&in->master), &pos, ret))
		if (slice_eq(ret->name, slice_str(name)) && slice_eq(ret->type, SLICE_LIT("unix")) &&
			slice_eq(ret->command, SLICE_LIT("smtpd")))
			return true;
	return false;
}

static bool answers(const struct setup_instance *in, const char *name)
{
	char path[PATH_MAX];

	(void)snprintf(path, sizeof path, "%.*s/private/%s", SLICE_ARG(setup_facts_param(in, "queue_directory")), name);
	return setup_run_answers(path, SETUP_ANSWER_MS);
}

void doctor_postfix_back(struct doctor *d, const struct setup_instance *in, const struct doctor_daemon_facts *f)
{
	bool is_needed = d->conf->traps.riders == RIDERS_MARK || d->conf->traps.riders == RIDERS_WITHHOLD;
	enum doctor_level level = is_needed ? DOCTOR_FAIL : DOCTOR_WARN;
	const char *means = is_needed ? "riders of a trap get their mail unmarked, or wait in the queue"
				      : "limetwig release cannot give a captured message to anybody";

	struct master_service m;

	(void)f;
	if (!find_service(in, MASTER_CF_HANDBACK, &m))
		doctor_postfix_add(d, level, means, DOCTOR_SETUP, "the service " MASTER_CF_HANDBACK " is not in %.200s",
			in->master_path);
	else if (d->conf->postfix.handback[0] == '\0')
		doctor_postfix_add(d, level, means, "limetwig setup postfix",
			"postfix.conf does not name the service that takes mail back");
	else if (in->is_running && !answers(in, MASTER_CF_HANDBACK))
		doctor_postfix_add(d, level, means, "postfix reload", "nobody answers for " MASTER_CF_HANDBACK ": %s",
			strerror(errno));
	else
		doctor_postfix_add(d, DOCTOR_OK, NULL, NULL, "service " MASTER_CF_HANDBACK " takes mail back");
}

/* What setup writes there, without which a session of it fails or trusts what the client says of itself. */
static const char *changed_option(const struct setup_instance *in, const struct master_service *m)
{
	static const struct {
		const char *name, *value;
	} wanted[] = {
		{ "smtpd_upstream_proxy_protocol", "haproxy" },
		{ "smtpd_authorized_xclient_hosts", "" },
		{ "smtpd_authorized_xforward_hosts", "" },
		{ "smtpd_tls_security_level", "none" },
		{ "smtpd_tls_wrappermode", "no" },
	};
	struct slice value;

	for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++)
		if (!master_cf_option(buf_slice(&in->master), m, wanted[i].name, &value) ||
			!slice_eq(slice_trim(value), slice_str(wanted[i].value)))
			return wanted[i].name;
	return NULL;
}

/* Only where blocked clients meet our own server, and their mail has a way to go. */
void doctor_postfix_hand(struct doctor *d, const struct setup_instance *in, const struct doctor_daemon_facts *f)
{
	const char *means = "blocked clients who write to postmaster@ or abuse@ are told to come again, and never get "
			    "through";
	struct master_cf_front front;
	struct master_service m;
	const char *changed;

	(void)f;
	if (!conf_has_tarpit(d->conf) || !d->conf->tarpit.hand_through || d->conf->always_open.count == 0 ||
		!setup_find_front(in, &front))
		return;
	if (!find_service(in, MASTER_CF_HAND, &m))
		doctor_postfix_add(d, DOCTOR_WARN, means, DOCTOR_SETUP,
			"the service " MASTER_CF_HAND " is not in %.200s", in->master_path);
	else if ((changed = changed_option(in, &m)) != NULL)
		doctor_postfix_add(d, DOCTOR_WARN, means, DOCTOR_SETUP,
			"the service " MASTER_CF_HAND " in %.200s is not what setup writes: %s", in->master_path,
			changed);
	else if (d->conf->postfix.handthrough[0] == '\0')
		doctor_postfix_add(d, DOCTOR_WARN, means, "limetwig setup postfix",
			"postfix.conf does not name the service for mail to postmaster@");
	else if (in->is_running && !answers(in, MASTER_CF_HAND))
		doctor_postfix_add(d, DOCTOR_WARN, means, "postfix reload", "nobody answers for " MASTER_CF_HAND ": %s",
			strerror(errno));
	else
		doctor_postfix_add(d, DOCTOR_OK, NULL, NULL,
			"service " MASTER_CF_HAND " takes blocked clients' mail to postmaster@");
}
