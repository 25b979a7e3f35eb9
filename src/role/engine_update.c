/*
 * engine_update: how the primary DNS server takes our list, for `status`.
 * SPDX-License-Identifier: ISC
 */
#include "core/dns_primary.h"
#include "role/engine_session.h"

void engine_update_message(struct engine *e, struct rd *body)
{
	if (message_get_update_state(body, &e->update) == ERR_OK)
		e->has_update = true;
}

void engine_update_unlinked(struct engine *e)
{
	e->has_update = false;
}

static void warn(const struct engine *e, json_t *warnings)
{
	const struct msg_update_state *m = &e->update;
	const char *server = e->host->conf.dns_update.server;

	if (!e->has_update)
		(void)json_array_append_new(
			warnings, json_sprintf("nothing updates the DNS server %s. limetwig doctor", server));
	else if (dns_primary_is_wrong((enum dns_primary_state)m->state))
		(void)json_array_append_new(
			warnings, json_sprintf("the DNS server %s does not take our list (%s): %s", server,
					  dns_primary_name((enum dns_primary_state)m->state), m->text));
	if (e->has_update && m->left_out)
		(void)json_array_append_new(warnings,
			json_sprintf("%llu names of feeds are too many for the DNS server %s: at most %u are sent",
				(unsigned long long)m->left_out, server, DNS_MIRROR_FEED_NAMES));
}

void engine_update_status(const struct engine *e, json_t *j, json_t *warnings)
{
	const struct msg_update_state *m = &e->update;
	const struct conf *c = &e->host->conf;
	enum dns_primary_state s = (enum dns_primary_state)m->state;
	json_t *d;

	if (!c->dns_update.server[0])
		return;
	d = json_pack("{s:o, s:o, s:b, s:s, s:b, s:o, s:b, s:b}", "server", engine_json_text(c->dns_update.server),
		"zone", engine_json_text(c->dns_update.zone), "up", e->has_update, "state",
		e->has_update ? dns_primary_name(s) : "down", "wrong", !e->has_update || dns_primary_is_wrong(s),
		"text", engine_json_text(m->text), "pending", m->is_pending != 0, "acting", m->is_acting != 0);
	(void)json_object_update_new(d,
		json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "since", (json_int_t)m->since, "good",
			(json_int_t)m->good, "clock", (json_int_t)(s == DNS_PRIMARY_BADTIME ? m->clock_s : 0), "names",
			(json_int_t)m->names, "left_out", (json_int_t)m->left_out, "sent", (json_int_t)m->sent,
			"transfers", (json_int_t)m->transfers, "failures", (json_int_t)m->failures));
	(void)json_object_set_new(j, "dns_update", d);
	warn(e, warnings);
}
