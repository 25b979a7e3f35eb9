/*
 * postfix_drift: what of our part is gone from main.cf and master.cf, judged from
 * the texts of `postconf -n` and `postconf -M`. Another hand (Ansible, an
 * upgrade, a colleague) may write main.cf at any time: mail then flows as if we
 * were not there, and nobody sees it. Texts name parameters and what their loss means, never an address.
 * Pure. At most POSTFIX_DRIFT_MAX findings. Other instances and rights of files
 * are not looked at: only `limetwig doctor`, as root, does that.
 * SPDX-License-Identifier: ISC
 */
#ifndef CORE_POSTFIX_DRIFT_H
#define CORE_POSTFIX_DRIFT_H
#include "core/conf.h"
#include "core/main_cf.h"

#define POSTFIX_DRIFT_MAX 8
#define POSTFIX_DRIFT_TEXT 400

struct postfix_drift {
	unsigned count;
	bool is_late; /* the check stands in the recipient stage: smtpd_delay_reject = no, in main.cf or for a service */
	char text[POSTFIX_DRIFT_MAX][POSTFIX_DRIFT_TEXT];
};

/* ERR_SYNTAX: this is not what postconf -n writes; ERR_NOMEM. *ret is untouched then. */
enum err postfix_drift_find(struct slice postconf_n, const struct conf *c, struct postfix_drift *ret) MUST_USE;
/* The same for master.cf; is_late as found in main.cf. */
enum err postfix_drift_find_master(
	struct slice postconf_m, const struct conf *c, bool is_late, struct postfix_drift *ret) MUST_USE;

#endif /* CORE_POSTFIX_DRIFT_H */
