/*
 * capture_note: what becomes of riders whose message Postfix brings again
 * because one of us died before the 250 for it: who has it hears 250, nobody
 * gets it twice (io/handed).
 *
 *   final dot sent, no note of its 250   our predecessor's connection is still
 *                                        open at the parent: its answer counts;
 *                                        until it is there, 451
 *   no such connection (the parent died  not known whether they have it; they
 *   too)                                 get it again: twice is better than not
 * SPDX-License-Identifier: ISC
 */
#include "base/escape.h"
#include "io/log.h"
#include "role/capture.h"

void capture_note_start(struct capture_connection *k)
{
	/* a message without a name cannot be told from the next one with the same text */
	k->has_digest = k->capture->handed && k->session.client.queue_id[0];
	handed_hash_init(&k->hash);
}

void capture_note_add(struct capture_connection *k, struct slice s)
{
	if (k->has_digest)
		handed_hash_add(&k->hash, s);
}

static void end_digest(struct capture_connection *k)
{
	const struct lmtp_session *s = &k->session;
	char addr[IPADDR_TEXT];

	handed_hash_field(&k->hash, slice_str(s->client.queue_id));
	handed_hash_field(&k->hash, slice_str(s->sender));
	handed_hash_field(&k->hash, slice_str(ipaddr_format(&s->client.addr, addr)));
	handed_hash_end(&k->hash, k->digest);
}

static enum capture_fate look(struct capture_connection *k, const struct lmtp_recipient *r, bool *ret_again)
{
	struct capture *c = k->capture;
	uint8_t key[HANDED_KEY];
	uint64_t token;
	enum handed_state state;

	handed_key(k->digest, r->address, r->orcpt, key);
	state = handed_look(c->handed, key, clock_wall_s(), &token);
	if (state == HANDED_DONE)
		return FATE_GIVEN;
	if (state == HANDED_BEGUN && (capture_back_is_open(c, token) || clock_mono_ms() < c->offers_ms))
		return FATE_LATER;
	*ret_again |= state == HANDED_BEGUN;
	return FATE_RIDER;
}

void capture_note_look(struct capture_connection *k)
{
	struct lmtp_recipient r;
	size_t pos = 0;
	unsigned given = 0, later = 0;
	bool is_again = false;
	char queue_id[4 * LMTP_QUEUE_ID];

	if (!k->has_digest)
		return;
	end_digest(k);
	for (uint32_t i = 0; lmtp_session_recipient(&k->session, &pos, &r); i++) {
		if (k->fate[i] != FATE_RIDER)
			continue;
		k->fate[i] = (uint8_t)look(k, &r, &is_again);
		given += k->fate[i] == FATE_GIVEN;
		later += k->fate[i] == FATE_LATER;
	}
	if (given || later || is_again)
		log_info("handback_known", "queue_id=%s given=%u under_way=%u again=%d",
			escape_text(slice_str(k->session.client.queue_id), queue_id, sizeof queue_id), given, later,
			is_again);
}
