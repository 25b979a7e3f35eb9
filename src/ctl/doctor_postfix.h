/*
 * doctor_postfix: the checks of one Postfix instance, by file. Each adds its
 * findings under the name "postfix" and changes nothing. What is wanted is what
 * `limetwig setup postfix` would write, so both cannot disagree.
 * SPDX-License-Identifier: ISC
 */
#ifndef CTL_DOCTOR_POSTFIX_H
#define CTL_DOCTOR_POSTFIX_H
#include "ctl/doctor.h"
#include "ctl/setup_postfix_private.h"

#define DOCTOR_SETUP                                                                                                   \
	"limetwig setup postfix; if Ansible owns main.cf, give it the text of: limetwig setup postfix --print"

__attribute__((format(printf, 5, 6))) void doctor_postfix_add(
	struct doctor *d, enum doctor_level level, const char *means, const char *mend, const char *fmt, ...);

typedef void doctor_postfix_fn(struct doctor *d, const struct setup_instance *in, const struct doctor_daemon_facts *f);

/* doctor_postfix_hook.c: do the checks of main.cf and master.cf reach us? */
doctor_postfix_fn doctor_postfix_hooks, doctor_postfix_values, doctor_postfix_ehlo, doctor_postfix_services,
	doctor_postfix_reinjection;
/* doctor_postfix_map.c: alias map and domain map. */
doctor_postfix_fn doctor_postfix_maps;
/* doctor_postfix_way.c: transport, sockets, queue, what delays or diverts captures; whose mail is ours. */
doctor_postfix_fn doctor_postfix_transport, doctor_postfix_sockets, doctor_postfix_queue, doctor_postfix_times,
	doctor_postfix_filters, doctor_postfix_networks;
/* doctor_postfix_back.c: the way back for riders; the way of blocked clients to postmaster@. */
doctor_postfix_fn doctor_postfix_back, doctor_postfix_hand;

#endif /* CTL_DOCTOR_POSTFIX_H */
