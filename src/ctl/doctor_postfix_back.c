/*
 * doctor_postfix_back: the way back: the service that takes mail for riders.
 * SPDX-License-Identifier: ISC
 */
#include "ctl/doctor_postfix.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static bool has_service(const struct setup_instance *in)
{
	struct master_service m;
	size_t pos = 0;

	while (master_cf_next(buf_slice(&in->master), &pos, &m))
		if (slice_eq(m.name, SLICE_LIT(MASTER_CF_HANDBACK)) && slice_eq(m.command, SLICE_LIT("smtpd")))
			return true;
	return false;
}

static bool answers(const struct setup_instance *in)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool is_good;

	(void)snprintf(sa.sun_path, sizeof sa.sun_path, "%.*s/private/" MASTER_CF_HANDBACK,
		SLICE_ARG(slice_head(setup_facts_param(in, "queue_directory"), 80)));
	is_good = fd >= 0 && connect(fd, (const struct sockaddr *)&sa, sizeof sa) == 0;
	if (fd >= 0)
		(void)close(fd);
	return is_good;
}

void doctor_postfix_back(struct doctor *d, const struct setup_instance *in, const struct doctor_daemon_facts *f)
{
	bool is_needed = d->conf->traps.riders == RIDERS_MARK || d->conf->traps.riders == RIDERS_WITHHOLD;
	enum doctor_level level = is_needed ? DOCTOR_FAIL : DOCTOR_WARN;
	const char *means = is_needed ? "riders of a trap get their mail unmarked, or wait in the queue"
				      : "limetwig release cannot give a captured message to anybody";

	(void)f;
	if (!has_service(in))
		doctor_postfix_add(d, level, means, DOCTOR_SETUP, "the service " MASTER_CF_HANDBACK " is not in %.200s",
			in->master_path);
	else if (d->conf->postfix.handback[0] == '\0')
		doctor_postfix_add(d, level, means, "limetwig setup postfix",
			"postfix.conf does not name the service that takes mail back");
	else if (in->is_running && !answers(in))
		doctor_postfix_add(d, level, means, "postfix reload", "nobody answers for " MASTER_CF_HANDBACK ": %s",
			strerror(errno));
	else
		doctor_postfix_add(d, DOCTOR_OK, NULL, NULL, "service " MASTER_CF_HANDBACK " takes mail back");
}
