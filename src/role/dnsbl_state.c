/*
 * dnsbl_state: what the engine is told about this process. has_test: it has put
 * the questions for the test entries to itself, as clients do.
 * SPDX-License-Identifier: ISC
 */
#include "role/dnsbl.h"

#define TELL_SECONDS 10

void dnsbl_count(struct dnsbl *d, enum dnsbl_said said, bool is_cut)
{
	struct msg_dnsbl_state *s = &d->state;

	switch (said) {
	case DNSBL_SAID_LISTED:
		s->listed++;
		break;
	case DNSBL_SAID_CLEAN:
		s->clean++;
		break;
	case DNSBL_SAID_OTHER:
		s->other++;
		break;
	case DNSBL_SAID_REFUSED:
		s->refused++;
		break;
	case DNSBL_SAID_BAD:
		s->bad++;
		break;
	case DNSBL_SAID_NOTHING:
		break;
	}
	s->cut += is_cut;
}

/* How many A records the zone has for 127.0.0.LAST; -1: it does not even answer. */
static int ask_itself(const struct dnsbl *d, char last)
{
	uint8_t packet[DNSBL_TEST_QUESTION], to[DNSBL_ANSWER_MAX];
	struct dnsbl_ask ask = { .is_allowed = true, .now = clock_wall_s() };
	size_t n = dnsbl_zone_test(&d->zone, last, packet);
	enum dnsbl_said said;
	bool is_cut;

	if (dnsbl_answer(&d->zone, &d->list, &ask, slice_of(packet, n), to, &said, &is_cut) < DNSBL_HEADER)
		return -1;
	return to[6] << 8 | to[7];
}

void dnsbl_state_tell(struct dnsbl *d)
{
	uint8_t bytes[512];
	struct wr w = wr_init(bytes, sizeof bytes);
	struct msg_dnsbl_state *s = &d->state;

	s->listen = d->host->dns_listen;
	s->is_acting = d->list.is_acting;
	s->has_blocks = d->list.has_view;
	s->has_test = d->has_zone && ask_itself(d, '2') == 1 && ask_itself(d, '1') == 0;
	message_put_dnsbl_state(&w, MSG_DNSBL_STATE, s);
	d->told = *s;
	d->untold_s = 0;
	/* a link that is full: the next one says more */
	d->is_told = role_host_send(d->host, ROLE_ENGINE, &w, NULL, 0) == ERR_OK;
}

void dnsbl_state_second(struct dnsbl *d)
{
	if (++d->untold_s >= TELL_SECONDS || !d->is_told)
		dnsbl_state_tell(d);
}
