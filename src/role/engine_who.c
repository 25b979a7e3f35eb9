/*
 * engine_who: whose mail this is: the client's tier, and the subject that a hit
 * or good mail is charged or credited to; and how people read and name it.
 * SPDX-License-Identifier: ISC
 */
#include <stdio.h>

#include "base/escape.h"
#include "role/engine_feed.h"

#define LABELS_MAX 4096 /* shared entries looked through for a sender's identities */

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

/* ---- for people */

/* The sender as an identity has him: no extension. */
static const char *plain_sender(const char *sender, char to[ADDRESS_TEXT])
{
	struct address a, plain;

	if (sender[0] == '@' || address_parse(slice_str(sender), &a) != ERR_OK)
		slice_copy(slice_str(sender), to, ADDRESS_TEXT);
	else
		slice_copy(slice_str(address_strip_extension(&a, "+", &plain) ? plain.text : a.text), to, ADDRESS_TEXT);
	return to;
}

const char *engine_subject_text(const struct engine *e, const struct record_block *b, char to[ENGINE_SUBJECT_TEXT])
{
	char sender[ADDRESS_TEXT], hidden[ENGINE_HIDE_TEXT], provider[RECORD_NAME];

	if (!subject_is_identity(&b->subject) || !b->sender[0])
		return prefix_format(&b->subject, to);
	(void)engine_hide_escaped(e, plain_sender(b->sender, sender), hidden, sizeof hidden);
	(void)snprintf(to, ENGINE_SUBJECT_TEXT, "%s at %s", hidden,
		escape_text(slice_str(b->name), provider, sizeof provider));
	return to;
}

json_t *engine_json_identity(const struct engine *e, const char *sender, const char *provider)
{
	char plain[ADDRESS_TEXT];

	return json_pack("{s:o, s:o}", "sender", engine_json_hidden(e, plain_sender(sender, plain)), "provider",
		engine_json_text(provider));
}

static bool is_known(struct engine *e, const struct prefix *p)
{
	const struct engine_subject *s = engine_subject_get(e, p);

	return s && (s->has_block || s->sum.number);
}

size_t engine_find_identities(struct engine *e, const char *sender, struct prefix *ret, size_t max)
{
	const struct allow_entry *x = e->allow.entry, *before = NULL;
	size_t n = 0;

	for (size_t i = 0; i < e->allow.entries && i < LABELS_MAX && n < max; before = &x[i++]) {
		struct slice label = slice_str(x[i].label), s = slice_str(sender);
		bool is_old = !x[i].is_shared || (before && strcmp(before->label, x[i].label) == 0);
		struct prefix p;

		if (is_old || (sender[0] == '@' ? subject_of_domain(e->digest_key, label, s, &p)
						: subject_of_sender(e->digest_key, label, s, &p)) != ERR_OK)
			continue;
		for (size_t k = 0; k < n && !is_old; k++)
			is_old = prefix_eq(&ret[k], &p);
		if (!is_old && is_known(e, &p))
			ret[n++] = p;
	}
	return n;
}

bool engine_is_of(const struct engine *e, const struct prefix *subject, const struct ipaddr *client, const char *name,
	const char *sender)
{
	struct engine_who who;
	struct prefix domain;

	if (!subject_is_identity(subject))
		return prefix_has(subject, client);
	who = engine_who(e, client, name, sender);
	if (!who.has_identity)
		return false;
	return prefix_eq(&who.subject, subject) ||
	       (subject_of_domain(e->digest_key, slice_str(who.label), slice_str(sender), &domain) == ERR_OK &&
		       prefix_eq(&domain, subject));
}

/* ---- by which entry */

static void take_longer(struct slice text, const struct ipaddr *client, unsigned *len, char to[ALLOW_TEXT])
{
	struct prefix p;

	if (prefix_parse(text, &p) != ERR_OK || !prefix_has(&p, client) || (to[0] && p.len <= *len))
		return;
	*len = p.len;
	slice_copy(text, to, ALLOW_TEXT);
}

static void take_list(const struct conf_list *l, const struct ipaddr *client, unsigned *len, char to[ALLOW_TEXT])
{
	for (uint32_t i = 0; i < l->count; i++)
		take_longer(slice_str(l->item[i]), client, len, to);
}

static void take_files(const struct engine *e, const struct ipaddr *client, unsigned *len, char to[ALLOW_TEXT])
{
	struct slice rest = buf_slice(&e->allow_text.text), line;

	while (slice_line(&rest, &line)) {
		struct allow_line l;
		bool is_any;

		if (allow_line_parse(line, &l, &is_any) == ERR_OK && is_any && l.form == ALLOW_PREFIX)
			take_longer(l.whole, client, len, to);
	}
}

struct entry_search {
	const struct ipaddr *client;
	unsigned len;
	char *to;
};

static bool take_stored(struct slice key, struct slice value, void *ctx)
{
	struct entry_search *x = ctx;
	struct record_allow r;
	char text[PREFIX_TEXT];

	(void)key;
	if (record_get_allow(value, &r) == ERR_OK)
		take_longer(slice_str(prefix_format(&r.prefix, text)), x->client, &x->len, x->to);
	return true;
}

const char *engine_allow_entry(
	const struct engine *e, const struct ipaddr *client, const struct allow_match *m, char to[ALLOW_TEXT])
{
	const struct conf *c = &e->host->conf;
	struct entry_search x = { .client = client, .to = to };
	const struct slice all = { 0 };

	to[0] = '\0';
	if (m->entry) {
		slice_copy(slice_str(m->entry->text), to, ALLOW_TEXT);
	} else if (m->source == ALLOW_OWN) {
		take_list(&c->own_networks, client, &x.len, to);
		take_list(&c->postfix.own_hosts, client, &x.len, to);
	} else if (m->source == ALLOW_FORWARDER) {
		take_list(&c->forwarders, client, &x.len, to);
	} else if (m->source == ALLOW_FEED) {
		struct feed_match f;

		if (feed_view_allows(&e->feeds->view, client, &f))
			(void)snprintf(to, ALLOW_TEXT, "feed %s", e->feeds->feed[f.feed].name);
	} else if (m->source == ALLOW_FILE) {
		take_files(e, client, &x.len, to);
	} else if (store_scan(e->store, TABLE_ALLOW, all, all, false, take_stored, &x) != ERR_OK) {
		to[0] = '\0';
	}
	return to;
}
