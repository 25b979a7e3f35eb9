/*
 * engine_dnsbl: what the DNS server tells about itself, for `status`.
 * SPDX-License-Identifier: ISC
 */
#include "role/engine_session.h"

void engine_dnsbl_message(struct engine *e, struct rd *body)
{
	if (message_get_dnsbl_state(body, &e->dnsbl) == ERR_OK)
		e->has_dnsbl = true;
}

void engine_dnsbl_unlinked(struct engine *e)
{
	e->has_dnsbl = false;
}

static void warn(const struct engine *e, json_t *warnings)
{
	const struct msg_dnsbl_state *m = &e->dnsbl;

	if (!e->has_dnsbl) {
		(void)json_array_append_new(warnings, json_string("the DNS server is not up: limetwig doctor"));
		return;
	}
	if (m->listen.text[0])
		(void)json_array_append_new(warnings,
			json_sprintf("the DNS server does not listen on %s. limetwig doctor", m->listen.text));
	if (!m->has_test)
		(void)json_array_append_new(warnings,
			json_string("the DNS server does not know its own test entries: is dnsbl zone right?"));
}

void engine_dnsbl_status(const struct engine *e, json_t *j, json_t *warnings)
{
	const struct msg_dnsbl_state *m = &e->dnsbl;
	json_t *d;

	if (!conf_has_dnsbl(&e->host->conf))
		return;
	d = json_pack("{s:o, s:b, s:i, s:i, s:o, s:b, s:b, s:b, s:i, s:i}", "zone",
		engine_json_text(e->host->conf.dnsbl.zone), "up", e->has_dnsbl, "wanted", m->listen.wanted, "listening",
		m->listen.open, "text", engine_json_text(m->listen.text), "acting", m->is_acting != 0, "blocks",
		m->has_blocks != 0, "test", m->has_test != 0, "feeds", m->feeds, "connections", (int)m->connections);
	(void)json_object_update_new(d,
		json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "listed", (json_int_t)m->listed,
			"clean", (json_int_t)m->clean, "other", (json_int_t)m->other, "refused", (json_int_t)m->refused,
			"bad", (json_int_t)m->bad, "cut", (json_int_t)m->cut, "limited", (json_int_t)m->limited, "lost",
			(json_int_t)m->lost, "taken", (json_int_t)m->taken, "shed", (json_int_t)m->shed));
	(void)json_object_set_new(j, "dnsbl", d);
	warn(e, warnings);
}
