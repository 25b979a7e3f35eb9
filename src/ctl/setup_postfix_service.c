/*
 * setup_postfix_service: which smtpd service of master.cf is what.
 *   loopback, restrictions or filters of its own    re-injection
 *   loopback, none                                   local
 *   ports 587 and 465, or requires a login           submission
 *   all else, and smtpd behind postscreen            public
 * SPDX-License-Identifier: ISC
 */
#include "ctl/setup_postfix_private.h"

#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool has_option(const struct setup_instance *in, const struct master_service *m, const char *name)
{
	struct slice v;

	return master_cf_option(buf_slice(&in->master), m, name, &v);
}

static bool option_is(
	const struct setup_instance *in, const struct master_service *m, const char *name, const char *value)
{
	struct slice v;

	return master_cf_option(buf_slice(&in->master), m, name, &v) && slice_eq_nocase(v, slice_str(value));
}

/* "host:port", "[v6]:port", "port": *ret_host is empty when there is none. */
static void split_name(struct slice name, struct slice *ret_host, struct slice *ret_port)
{
	size_t colon = slice_rfind(name, ':');

	*ret_host = colon < name.n ? slice_head(name, colon) : (struct slice){ name.p, 0 };
	*ret_port = colon < name.n ? slice_from(name, colon + 1) : name;
	if (ret_host->n >= 2 && ret_host->p[0] == '[')
		*ret_host = (struct slice){ ret_host->p + 1, ret_host->n - 2 };
}

static void port_number(struct slice port, char to[8])
{
	char name[64];
	const struct servent *s;

	slice_copy(port, name, sizeof name);
	s = getservbyname(name, "tcp");
	if (port.n && port.p[0] >= '0' && port.p[0] <= '9')
		slice_copy(port, to, 8);
	else if (s)
		(void)snprintf(to, 8, "%u", (unsigned)((s->s_port & 0xff) << 8 | ((s->s_port >> 8) & 0xff)));
	else
		(void)snprintf(
			to, 8, "%s", strcmp(name, "submissions") == 0 || strcmp(name, "smtps") == 0 ? "465" : "0");
}

static bool is_loopback(const struct setup_instance *in, struct slice host)
{
	if (host.n == 0)
		return slice_eq_nocase(setup_facts_param(in, "inet_interfaces"), SLICE_LIT("loopback-only")) ||
		       slice_eq_nocase(setup_facts_param(in, "inet_interfaces"), SLICE_LIT("localhost"));
	return slice_starts(host, SLICE_LIT("127.")) || slice_eq(host, SLICE_LIT("::1")) ||
	       slice_eq_nocase(host, SLICE_LIT("localhost"));
}

/* Overrides that a service behind a filter has, and no other. */
static bool is_cleared(const struct setup_instance *in, const struct master_service *m)
{
	return option_is(in, m, "content_filter", "") || option_is(in, m, "smtpd_proxy_filter", "") ||
	       has_option(in, m, "smtpd_authorized_xforward_hosts") ||
	       has_option(in, m, "smtpd_recipient_restrictions") || option_is(in, m, "smtpd_client_restrictions", "") ||
	       has_option(in, m, "receive_override_options");
}

static enum setup_kind kind_of(
	const struct setup_instance *in, const struct master_service *m, struct slice host, const char *port)
{
	if (slice_eq(m->type, SLICE_LIT("pass")))
		return SETUP_PUBLIC;
	if (is_loopback(in, host))
		return is_cleared(in, m) ? SETUP_REINJECTION : SETUP_LOCAL;
	if (has_option(in, m, "smtpd_authorized_xforward_hosts") && option_is(in, m, "content_filter", ""))
		return SETUP_REINJECTION;
	if (strcmp(port, "587") == 0 || strcmp(port, "465") == 0 ||
		(strcmp(port, "25") != 0 && option_is(in, m, "smtpd_sasl_auth_enable", "yes")))
		return SETUP_SUBMISSION;
	return SETUP_PUBLIC;
}

static void add_service(struct setup_instance *in, const struct master_service *m)
{
	struct setup_service *s;
	struct slice host, port;

	if (in->services == SETUP_SERVICES) {
		in->is_crowded = true;
		return;
	}
	s = &in->service[in->services++];
	split_name(m->name, &host, &port);
	s->name = m->name;
	s->type = m->type;
	slice_copy(m->name, s->label, sizeof s->label);
	if (slice_eq(m->type, SLICE_LIT("pass")))
		(void)snprintf(s->port, sizeof s->port, "25");
	else
		port_number(port, s->port);
	s->kind = kind_of(in, m, host, s->port);
	s->has_client = has_option(in, m, "smtpd_client_restrictions");
	s->has_eod = has_option(in, m, "smtpd_end_of_data_restrictions");
	s->has_recipient = has_option(in, m, "smtpd_recipient_restrictions");
	s->has_xforward = has_option(in, m, "smtpd_authorized_xforward_hosts") &&
			  !option_is(in, m, "smtpd_authorized_xforward_hosts", "$limetwig_xforward");
	s->chroot = m->chroot.n ? m->chroot.p[0] : '-';
	if (s->kind == SETUP_PUBLIC && option_is(in, m, "smtpd_delay_reject", "no"))
		in->is_recipient_stage = true;
}

static void note_cleanup(struct setup_instance *in, const struct master_service *m)
{
	static const char *const maps[] = { "virtual_alias_maps", "virtual_alias_domains", "transport_maps" };

	for (size_t i = 0; i < 3; i++)
		if (has_option(in, m, maps[i]))
			setup_note(in, "master.cf: %.*s overrides %s: mail through it does not reach the traps",
				SLICE_ARG(m->name), maps[i]);
}

void setup_services_read(struct setup_instance *in)
{
	struct master_service m;
	size_t pos = 0;
	bool has_postscreen = false;

	in->is_recipient_stage = slice_eq_nocase(setup_facts_param(in, "smtpd_delay_reject"), SLICE_LIT("no"));
	while (master_cf_next(buf_slice(&in->master), &pos, &m)) {
		bool is_net = slice_eq(m.type, SLICE_LIT("inet")) || slice_eq(m.type, SLICE_LIT("pass"));

		if (slice_eq(m.command, SLICE_LIT("smtpd")) && is_net)
			add_service(in, &m);
		else if (slice_eq(m.command, SLICE_LIT("cleanup")))
			note_cleanup(in, &m);
		has_postscreen |= slice_eq(m.command, SLICE_LIT("postscreen"));
	}
	/* without postscreen nobody hands connections to a "pass" service */
	for (size_t i = 0; i < in->services && !has_postscreen; i++)
		if (slice_eq(in->service[i].type, SLICE_LIT("pass")))
			in->service[i].kind = SETUP_LOCAL;
}

bool setup_find_front(const struct setup_instance *in, struct master_cf_front *ret)
{
	const struct setup_service *found = NULL;

	for (size_t i = 0; i < in->services; i++) {
		const struct setup_service *v = &in->service[i];

		if (v->kind == SETUP_PUBLIC &&
			(!found || (strcmp(found->port, "25") != 0 && strcmp(v->port, "25") == 0)))
			found = v;
	}
	if (found)
		*ret = (struct master_cf_front){ found->name, found->type };
	return found != NULL;
}
