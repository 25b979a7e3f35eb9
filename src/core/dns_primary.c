/*
 * dns_primary: see the header.
 * SPDX-License-Identifier: ISC
 */
#include "core/dns_primary.h"

#include <stdio.h>

static const struct {
	const char *name, *remedy;
} states[DNS_PRIMARY_STATES] = {
	[DNS_PRIMARY_START] = { "start", "" },
	[DNS_PRIMARY_OK] = { "ok", "" },
	[DNS_PRIMARY_SYNC] = { "sync", "" },
	[DNS_PRIMARY_KEY] = { "key", "" },
	[DNS_PRIMARY_UNREACHABLE] = { "unreachable", "does it run, and listen on TCP there?" },
	[DNS_PRIMARY_SILENT] = { "silent", "is it overloaded, or something in between?" },
	[DNS_PRIMARY_NOTAUTH] = { "notauth", "it must be the primary server of dns-update.zone" },
	[DNS_PRIMARY_REFUSED] = { "refused", "allow updates and transfers of the zone for the key" },
	[DNS_PRIMARY_SERVFAIL] = { "servfail", "its log says why; can it write its zone or journal?" },
	[DNS_PRIMARY_BADKEY] = { "badkey", "it must know the key by the name in key-file or key-name" },
	[DNS_PRIMARY_BADSIG] = { "badsig", "secret and algorithm must be the same there" },
	[DNS_PRIMARY_BADTIME] = { "badtime", "set both clocks" },
	[DNS_PRIMARY_BAD] = { "bad", "is it a DNS server that knows the key?" },
};

static const char *const steps[] = { "", "question for the SOA", "transfer of the zone", "update" };

const char *dns_primary_name(enum dns_primary_state s)
{
	return (unsigned)s < DNS_PRIMARY_STATES ? states[s].name : "?";
}

void dns_primary_init(struct dns_primary *p, struct dns_mirror *m, const struct dns_tsig_key *key, const char *zone)
{
	*p = (struct dns_primary){ .mirror = m,
		.key = key,
		.zone = zone,
		.needs_sync = true,
		.is_dirty = true,
		.back_ms = DNS_PRIMARY_BACK_MS };
}

static void set_state(struct dns_primary *p, const struct dns_primary_time *t, enum dns_primary_state s)
{
	if (p->state != s || p->since == 0)
		p->since = t->now_s;
	p->state = s;
	if (!dns_primary_is_wrong(s))
		p->text[0] = '\0';
}

/* is_refused: the server says that it has changed nothing, in a signed answer. */
static void fail(struct dns_primary *p, const struct dns_primary_time *t, enum dns_primary_state s, bool is_refused,
	const char *why)
{
	const char *step = steps[p->step];

	set_state(p, t, s);
	(void)snprintf(p->text, sizeof p->text, "%s%s%s; %s", step, *step ? ": " : "", why, states[s].remedy);
	dns_mirror_settle(p->mirror, is_refused ? DNS_MIRROR_REFUSED : DNS_MIRROR_UNKNOWN);
	p->needs_sync = p->needs_sync || !is_refused;
	p->failures++;
	p->link = PRIMARY_DOWN;
	p->step = PRIMARY_IDLE;
	p->is_checked = false;
	p->retry_ms = t->mono_ms + p->back_ms;
	p->back_ms = p->back_ms < DNS_PRIMARY_BACK_MAX_MS / 2 ? p->back_ms * 2 : DNS_PRIMARY_BACK_MAX_MS;
}

/* ---- what goes out */

static enum dns_primary_do send_message(
	struct dns_primary *p, const struct dns_primary_time *t, struct wr *w, enum dns_primary_step step)
{
	dns_tsig_sign(p->key, t->now_s, w, &p->tsig);
	if (w->bad) { /* the caps of the parts add up to less */
		fail(p, t, DNS_PRIMARY_BAD, false, "the message is too long");
		return DNS_PRIMARY_CLOSE;
	}
	p->out[0] = (uint8_t)(w->n >> 8);
	p->out[1] = (uint8_t)w->n;
	p->out_n = w->n + 2;
	p->step = step;
	p->deadline_ms = t->mono_ms + DNS_PRIMARY_WAIT_MS;
	return DNS_PRIMARY_SEND;
}

static enum dns_primary_do ask(
	struct dns_primary *p, const struct dns_primary_time *t, enum dns_primary_step step, unsigned type)
{
	struct wr w = wr_init(p->out + 2, sizeof p->out - 2);

	p->id = t->random;
	dns_update_ask(&w, p->id, p->zone, type);
	return send_message(p, t, &w, step);
}

static enum dns_primary_do begin_transfer(struct dns_primary *p, const struct dns_primary_time *t)
{
	if (!dns_primary_is_wrong(p->state))
		set_state(p, t, DNS_PRIMARY_SYNC);
	dns_mirror_sync_begin(p->mirror);
	dns_transfer_init(&p->transfer, p->zone, dns_mirror_sync_record, p->mirror);
	p->transfer_ms = t->mono_ms;
	return ask(p, t, PRIMARY_TRANSFER, DNS_TYPE_AXFR);
}

/* The zone is what it should be. */
static enum dns_primary_do even(struct dns_primary *p, const struct dns_primary_time *t)
{
	set_state(p, t, DNS_PRIMARY_OK);
	p->is_dirty = false;
	p->good = t->now_s;
	p->back_ms = DNS_PRIMARY_BACK_MS;
	p->needs_sync = p->mirror->is_cut && p->has_changed;
	if (!p->has_changed)
		return DNS_PRIMARY_WAIT;
	p->has_changed = false;
	return ask(p, t, PRIMARY_SOA, DNS_TYPE_SOA); /* the serial, to know it again */
}

static enum dns_primary_do send_changes(struct dns_primary *p, const struct dns_primary_time *t)
{
	struct dns_update u;

	p->id = t->random;
	dns_update_begin(&u, p->out + 2, sizeof p->out - 2, p->id, p->zone);
	switch (dns_mirror_fill(p->mirror, &u, t->now_s, DNS_PRIMARY_LOOK)) {
	case DNS_MIRROR_MORE:
		return DNS_PRIMARY_AGAIN;
	case DNS_MIRROR_EVEN:
		return even(p, t);
	case DNS_MIRROR_SEND:
		break;
	}
	dns_update_end(&u);
	return send_message(p, t, &u.w, PRIMARY_UPDATE);
}

/* Connected, and no answer is due. */
static enum dns_primary_do next_idle(struct dns_primary *p, const struct dns_primary_time *t)
{
	if (p->needs_sync || t->now_s - p->synced >= DNS_PRIMARY_SYNC_S)
		return begin_transfer(p, t);
	if (!p->is_checked || t->mono_ms >= p->probe_ms)
		return ask(p, t, PRIMARY_SOA, DNS_TYPE_SOA);
	return p->is_dirty ? send_changes(p, t) : DNS_PRIMARY_WAIT;
}

enum dns_primary_do dns_primary_next(struct dns_primary *p, const struct dns_primary_time *t)
{
	bool is_late = t->mono_ms >= p->deadline_ms;

	if (p->link == PRIMARY_DOWN) {
		bool is_due = p->needs_sync || p->is_dirty || t->mono_ms >= p->probe_ms;

		if (!p->key || t->mono_ms < p->retry_ms || !is_due)
			return DNS_PRIMARY_WAIT;
		p->link = PRIMARY_CONNECTING;
		p->deadline_ms = t->mono_ms + DNS_PRIMARY_WAIT_MS;
		return DNS_PRIMARY_CONNECT;
	}
	if (p->link == PRIMARY_UP && p->step == PRIMARY_IDLE)
		return next_idle(p, t);
	if (p->step == PRIMARY_TRANSFER && t->mono_ms - p->transfer_ms >= DNS_PRIMARY_TRANSFER_MS)
		is_late = true;
	if (!is_late)
		return DNS_PRIMARY_WAIT;
	if (p->link == PRIMARY_CONNECTING)
		fail(p, t, DNS_PRIMARY_UNREACHABLE, false, "no connection in time");
	else
		fail(p, t, DNS_PRIMARY_SILENT, false, "no answer in time");
	return DNS_PRIMARY_CLOSE;
}

/* ---- what comes in */

void dns_primary_up(struct dns_primary *p, const struct dns_primary_time *t)
{
	(void)t;
	p->link = PRIMARY_UP;
	p->step = PRIMARY_IDLE;
	p->is_checked = false;
}

void dns_primary_lost(struct dns_primary *p, const struct dns_primary_time *t, const char *text)
{
	if (p->link == PRIMARY_CONNECTING) {
		fail(p, t, DNS_PRIMARY_UNREACHABLE, false, text);
	} else if (p->step != PRIMARY_IDLE) {
		fail(p, t, DNS_PRIMARY_SILENT, false, text);
	} else {
		p->link = PRIMARY_DOWN;
		p->is_checked = false;
	}
}

static void fail_rcode(struct dns_primary *p, const struct dns_primary_time *t, unsigned rcode, bool is_signed)
{
	static const char *const names[] = { "", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED", "YXDOMAIN",
		"YXRRSET", "NXRRSET", "NOTAUTH", "NOTZONE" };
	enum dns_primary_state s = DNS_PRIMARY_BAD;
	char text[24];

	if (rcode == DNS_RCODE_NOTAUTH || rcode == DNS_RCODE_NXDOMAIN || rcode == DNS_RCODE_NOTZONE)
		s = DNS_PRIMARY_NOTAUTH;
	else if (rcode == DNS_RCODE_REFUSED || rcode == DNS_RCODE_NOTIMP)
		s = DNS_PRIMARY_REFUSED;
	else if (rcode == DNS_RCODE_SERVFAIL)
		s = DNS_PRIMARY_SERVFAIL;
	if (rcode < sizeof names / sizeof names[0])
		(void)snprintf(text, sizeof text, "%s", names[rcode]);
	else
		(void)snprintf(text, sizeof text, "error %u", rcode);
	fail(p, t, s, is_signed, text);
}

static void fail_tsig(struct dns_primary *p, const struct dns_primary_time *t, enum dns_tsig_result r, unsigned rcode)
{
	enum dns_primary_state s = DNS_PRIMARY_BAD;
	char text[120];

	if (r == DNS_TSIG_NONE && rcode != DNS_RCODE_OK) {
		fail_rcode(p, t, rcode, false);
		return;
	}
	(void)snprintf(text, sizeof text, "%s", dns_tsig_text(r));
	if (r == DNS_TSIG_BADKEY)
		s = DNS_PRIMARY_BADKEY;
	else if (r == DNS_TSIG_BADSIG || r == DNS_TSIG_BADTRUNC)
		s = DNS_PRIMARY_BADSIG;
	if (r == DNS_TSIG_BADTIME || r == DNS_TSIG_LATE) {
		s = DNS_PRIMARY_BADTIME;
		(void)snprintf(text, sizeof text, "its clock is %lld s %s ours",
			(long long)(p->clock_s < 0 ? -p->clock_s : p->clock_s), p->clock_s < 0 ? "behind" : "ahead of");
	}
	fail(p, t, s, false, text);
}

static void take_soa(
	struct dns_primary *p, const struct dns_primary_time *t, const struct dns_head *h, struct slice body)
{
	uint32_t serial;

	if (!h->is_authoritative || dns_transfer_serial(body, p->zone, &serial) != ERR_OK) {
		fail(p, t, DNS_PRIMARY_NOTAUTH, true, "the answer is not that of the zone's server");
		return;
	}
	if (p->has_serial && (int32_t)(serial - p->serial) < 0) /* RFC 1982: an older zone */
		p->needs_sync = true;
	p->serial = serial;
	p->has_serial = p->is_checked = true;
	p->probe_ms = t->mono_ms + DNS_PRIMARY_PROBE_MS;
	p->step = PRIMARY_IDLE;
	if (p->is_dirty || p->needs_sync)
		return;
	set_state(p, t, DNS_PRIMARY_OK);
	p->good = t->now_s;
}

static void take_transfer(struct dns_primary *p, const struct dns_primary_time *t, struct slice body)
{
	enum err e = dns_transfer_take(&p->transfer, body);

	p->deadline_ms = t->mono_ms + DNS_PRIMARY_WAIT_MS;
	if (e != ERR_OK) {
		fail(p, t, DNS_PRIMARY_BAD, false,
			e == ERR_LIMIT ? "it does not end" : "it is malformed, or not this zone");
		return;
	}
	if (!p->transfer.is_done)
		return;
	if (!dns_tsig_is_closed(&p->tsig)) {
		fail(p, t, DNS_PRIMARY_BAD, false, dns_tsig_text(DNS_TSIG_NONE));
		return;
	}
	p->serial = p->transfer.serial;
	p->has_serial = p->is_checked = p->is_dirty = true;
	p->probe_ms = t->mono_ms + DNS_PRIMARY_PROBE_MS;
	p->needs_sync = false;
	p->synced = t->now_s;
	p->transfers++;
	p->step = PRIMARY_IDLE;
}

static void take_update(struct dns_primary *p)
{
	p->updates++;
	p->names += p->mirror->flights;
	dns_mirror_settle(p->mirror, DNS_MIRROR_TAKEN);
	p->has_changed = true;
	p->step = PRIMARY_IDLE;
}

void dns_primary_message(struct dns_primary *p, const struct dns_primary_time *t, struct slice message)
{
	unsigned opcode = p->step == PRIMARY_UPDATE ? DNS_OPCODE_UPDATE : DNS_OPCODE_QUERY;
	enum dns_tsig_result r;
	struct slice body;
	struct dns_head h;

	if (p->link != PRIMARY_UP)
		return;
	if (p->step == PRIMARY_IDLE) {
		fail(p, t, DNS_PRIMARY_BAD, true, "it answers what was not asked");
		return;
	}
	if (dns_head_read(message, &h) != ERR_OK || h.id != p->id || !h.is_answer || h.is_cut || h.opcode != opcode) {
		fail(p, t, DNS_PRIMARY_BAD, false, "that is no answer to it");
		return;
	}
	r = dns_tsig_verify(&p->tsig, t->now_s, message, &body, &p->clock_s);
	if (r != DNS_TSIG_OK)
		fail_tsig(p, t, r, h.rcode);
	else if (h.rcode != DNS_RCODE_OK)
		fail_rcode(p, t, h.rcode, p->tsig.gap == 0);
	else if (p->step == PRIMARY_UPDATE)
		take_update(p);
	else if (p->step == PRIMARY_TRANSFER)
		take_transfer(p, t, body);
	else
		take_soa(p, t, &h, body);
}
