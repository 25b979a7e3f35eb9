/*
 * engine_who: whose mail this is: the client's tier, and the subject that a hit
 * or good mail is charged or credited to.
 * SPDX-License-Identifier: ISC
 */
#include "role/engine.h"

/* The allow entry is the SPF record of the sender's own domain: the client's address passed it already. */
static bool is_proven(const struct allow_entry *entry, const char *sender)
{
	struct address a;

	return entry->form == ALLOW_SPF && address_parse(slice_str(sender), &a) == ERR_OK && a.domain.n &&
	       slice_eq(slice_from(slice_str(entry->text), sizeof "spf:" - 1), a.domain);
}

struct engine_who engine_who(const struct engine *e, const struct ipaddr *client, const char *name, const char *sender)
{
	struct gate_view view = engine_gate_view(e);
	struct engine_who who = { .origin = GATE_OWN };
	struct allow_match match;

	if (client->family == 0)
		return who;
	who.origin = gate_origin_named(&view, client, slice_str(name), &match);
	who.subject = engine_subject_of(e, client);
	if (who.origin != GATE_SHARED)
		return who;
	who.label = match.entry->label;
	who.has_identity =
		subject_of_sender(e->digest_key, slice_str(who.label), slice_str(sender), &who.subject) == ERR_OK;
	who.is_spf_proven = who.has_identity && is_proven(match.entry, sender);
	return who;
}
