/*
 * dns_primary: the conversation with a primary DNS server over one TCP
 * connection after the other: who it is (SOA), what its zone has (AXFR: at the
 * start, after each outage, when its serial goes back, every DNS_PRIMARY_SYNC_S),
 * and our changes (UPDATE), one message at a time, each signed and each answer
 * verified. Nothing is believed of an answer that is not signed but that it
 * refuses. Pure: bytes, connections and time come and go as arguments.
 *
 * A failure is a named state with a text, and another try later: after
 * DNS_PRIMARY_BACK_MS, twice as long each time, at most DNS_PRIMARY_BACK_MAX_MS.
 *
 * Limits: DNS_PRIMARY_WAIT_MS for an answer, DNS_PRIMARY_TRANSFER_MS for a
 * transfer; those of dns_transfer and dns_mirror.
 * SPDX-License-Identifier: ISC
 */
#ifndef CORE_DNS_PRIMARY_H
#define CORE_DNS_PRIMARY_H
#include "core/dns_mirror.h"
#include "core/dns_transfer.h"
#include "core/dns_tsig.h"

#define DNS_PRIMARY_WAIT_MS 30000u
#define DNS_PRIMARY_TRANSFER_MS 900000u
#define DNS_PRIMARY_BACK_MS 1000u
#define DNS_PRIMARY_BACK_MAX_MS 60000u
#define DNS_PRIMARY_PROBE_MS 30000u /* an idle server is asked for its SOA so often */
#define DNS_PRIMARY_SYNC_S 21600u
#define DNS_PRIMARY_TEXT 200
#define DNS_PRIMARY_OUT (2 + DNS_UPDATE_BYTES + DNS_TSIG_BYTES)
#define DNS_PRIMARY_LOOK 65536 /* names looked at in one turn */

enum dns_primary_state {
	DNS_PRIMARY_START = 0, /* not tried yet */
	DNS_PRIMARY_OK = 1,    /* the zone has what it should have, or will in a moment */
	DNS_PRIMARY_SYNC = 2,  /* the zone is being read */
	DNS_PRIMARY_KEY = 3,   /* our own key cannot be read */
	DNS_PRIMARY_UNREACHABLE = 4,
	DNS_PRIMARY_SILENT = 5,
	DNS_PRIMARY_NOTAUTH = 6,
	DNS_PRIMARY_REFUSED = 7,
	DNS_PRIMARY_SERVFAIL = 8,
	DNS_PRIMARY_BADKEY = 9,
	DNS_PRIMARY_BADSIG = 10,
	DNS_PRIMARY_BADTIME = 11,
	DNS_PRIMARY_BAD = 12, /* unsigned, malformed, or not what was asked for */
	DNS_PRIMARY_STATES
};

enum dns_primary_step { PRIMARY_IDLE = 0, PRIMARY_SOA, PRIMARY_TRANSFER, PRIMARY_UPDATE };
enum dns_primary_link { PRIMARY_DOWN = 0, PRIMARY_CONNECTING, PRIMARY_UP };

struct dns_primary {
	struct dns_mirror *mirror;      /* the caller's, as are these two */
	const struct dns_tsig_key *key; /* NULL: state KEY, nothing is tried */
	const char *zone;
	enum dns_primary_state state;
	char text[DNS_PRIMARY_TEXT]; /* what is wrong and what helps, "" */
	uint64_t since, good;        /* Unix seconds: of the state; the zone was even last, by all we know; 0: never */
	int64_t clock_s;             /* BADTIME: its clock is so much ahead of ours */
	uint64_t updates, names, transfers, failures;

	enum dns_primary_link link;
	enum dns_primary_step step;
	bool is_dirty; /* set by the caller: the mirror wants something else than before */
	bool needs_sync, is_checked, has_serial, has_changed;
	uint32_t serial;
	uint64_t synced; /* Unix seconds */
	uint64_t deadline_ms, retry_ms, back_ms, probe_ms, transfer_ms;
	uint16_t id;
	struct dns_tsig tsig;
	struct dns_transfer transfer;
	size_t out_n;
	uint8_t out[DNS_PRIMARY_OUT]; /* length and message */
};

struct dns_primary_time {
	uint64_t now_s;   /* Unix seconds */
	uint64_t mono_ms; /* monotonic */
	uint16_t random;  /* anew each time */
};

enum dns_primary_do {
	DNS_PRIMARY_WAIT,    /* for an answer, or for the next turn */
	DNS_PRIMARY_AGAIN,   /* call next again soon: there is more to look at */
	DNS_PRIMARY_CONNECT, /* then up, or lost */
	DNS_PRIMARY_SEND,    /* out[0 .. out_n) */
	DNS_PRIMARY_CLOSE,   /* it is given up; no call of lost */
};

void dns_primary_init(struct dns_primary *p, struct dns_mirror *m, const struct dns_tsig_key *key, const char *zone);
/* What shall be done now; until it says WAIT. */
enum dns_primary_do dns_primary_next(struct dns_primary *p, const struct dns_primary_time *t);
/* The connection stands. */
void dns_primary_up(struct dns_primary *p, const struct dns_primary_time *t);
/* It does not, or no longer; text: why ("Connection refused"). An idle connection may end. */
void dns_primary_lost(struct dns_primary *p, const struct dns_primary_time *t, const char *text);
/* A whole message, without its length. When link is PRIMARY_DOWN afterwards: close, as for DNS_PRIMARY_CLOSE. */
void dns_primary_message(struct dns_primary *p, const struct dns_primary_time *t, struct slice message);
/* "refused" ... */
const char *dns_primary_name(enum dns_primary_state s);
static inline bool dns_primary_is_wrong(enum dns_primary_state s)
{
	return s >= DNS_PRIMARY_KEY;
}

#endif /* CORE_DNS_PRIMARY_H */
