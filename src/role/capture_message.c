/*
 * capture_message: one message from DATA to the replies.
 * SPDX-License-Identifier: ISC
 */
#include "base/escape.h"
#include "io/log.h"
#include "role/capture.h"

#include <stdio.h>

/* Without room for all of it the message is evidence still, but nobody can be given it. */
static void write_trace(struct capture_connection *k)
{
	struct buf b;

	buf_init(&b, ENVELOPE_TRACE);
	k->is_traceable = envelope_write(&k->session, &b, &k->size_at) == ERR_OK;
	k->trace = b.n;
	corpus_add(k->capture->corpus, &k->file, buf_slice(&b), true);
	buf_done(&b);
}

static bool has_riders(const struct capture_connection *k)
{
	struct lmtp_recipient r;
	size_t pos = 0;

	while (lmtp_session_recipient(&k->session, &pos, &r))
		if (envelope_is_rider(r.address))
			return true;
	return false;
}

/* The trap this copy is for; "" where it is for several: no report is. */
static void only_trap(const struct capture_connection *k, struct address *ret)
{
	struct lmtp_recipient r;
	struct address trap;
	size_t pos = 0, traps = 0;

	*ret = (struct address){ 0 };
	while (lmtp_session_recipient(&k->session, &pos, &r))
		if (envelope_is_trap(r.address, &trap) && traps++ == 0)
			address_copy(&trap, ret);
	if (traps != 1)
		*ret = (struct address){ 0 };
}

void capture_message_begin(struct capture_connection *k)
{
	struct address trap;

	only_trap(k, &trap);
	content_grade_init(&k->grade, slice_str(k->session.sender), slice_str(trap.text));
	k->has_digest = false;
	if (has_riders(k)) {
		capture_note_start(k);
		corpus_begin_whole(k->capture->corpus, clock_wall_s(), &k->file);
	} else {
		corpus_begin(k->capture->corpus, clock_wall_s(), &k->file);
	}
	write_trace(k);
}

void capture_message_add(struct capture_connection *k, struct slice s)
{
	uint32_t before = k->grade.header.bytes;
	size_t header;

	capture_note_add(k, s);
	content_grade_feed(&k->grade, s);
	header = k->grade.header.bytes - before;
	corpus_add(k->capture->corpus, &k->file, slice_head(s, header), true);
	corpus_add(k->capture->corpus, &k->file, slice_from(s, header), false);
}

/* Where a forwarder had it from. */
static void walk_back(const struct capture_connection *k, struct msg_hit *h)
{
	const struct prefix_table *trusted = &k->capture->trusted;
	uint32_t trust;

	if (h->client.family && prefix_table_find(trusted, &h->client, &trust) && trust == RECEIVED_FORWARDER)
		h->is_walked = received_walk(k->grade.hop, k->grade.hops, trusted, &h->walked);
}

/* What all hits of the message have in common. */
static void fill_hit(const struct capture_connection *k, enum grade grade, struct msg_hit *ret)
{
	const struct lmtp_session *s = &k->session;
	struct address sender;

	*ret = (struct msg_hit){
		.time = clock_wall_s(),
		.client = s->client.addr,
		.port = s->client.port,
		.is_local = s->client.is_local,
		.grade = (uint8_t)grade,
		.is_truncated = k->file.is_truncated,
		.size = s->data_bytes > UINT32_MAX ? UINT32_MAX : (uint32_t)s->data_bytes,
	};
	slice_copy(slice_str(s->client.name), ret->name, sizeof ret->name);
	slice_copy(slice_str(s->client.helo), ret->helo, sizeof ret->helo);
	slice_copy(slice_str(s->client.queue_id), ret->queue_id, sizeof ret->queue_id);
	slice_copy(slice_str(s->sender), ret->sender, sizeof ret->sender);
	if (address_parse(slice_str(s->sender), &sender) == ERR_OK)
		slice_copy(slice_str(sender.text), ret->sender, sizeof ret->sender);
	slice_copy(slice_str(k->grade.message_id), ret->message_id, sizeof ret->message_id);
	slice_copy(slice_str(k->grade.subject), ret->subject, sizeof ret->subject);
	slice_copy(slice_str(k->file.id), ret->corpus_id, sizeof ret->corpus_id);
	walk_back(k, ret);
}

static bool send_hit(struct capture *c, struct msg_hit *hit, struct slice orcpt)
{
	uint8_t bytes[sizeof *hit + 64];
	struct wr w = wr_init(bytes, sizeof bytes);
	struct address a;

	hit->orcpt[0] = '\0';
	if (orcpt.n && address_parse(orcpt, &a) == ERR_OK)
		slice_copy(slice_str(a.text), hit->orcpt, sizeof hit->orcpt);
	message_put_hit(&w, MSG_HIT, hit);
	return role_host_send(c->host, ROLE_ENGINE, &w, NULL, 0) == ERR_OK;
}

/* One hit per trap; returns how many traps there are. */
static uint32_t send_hits(struct capture_connection *k, enum grade grade)
{
	struct lmtp_recipient r;
	struct address trap;
	struct msg_hit hit;
	uint32_t traps = 0, i = 0;
	size_t pos = 0;

	fill_hit(k, grade, &hit);
	k->first_seq = k->capture->next_seq;
	k->capture->next_seq += k->session.recipient_count;
	k->pending = 0;
	for (; lmtp_session_recipient(&k->session, &pos, &r); i++) {
		k->fate[i] = envelope_is_rider(r.address) ? FATE_RIDER : FATE_OURS;
		if (!envelope_is_trap(r.address, &trap))
			continue;
		traps++;
		hit.seq = k->first_seq + i;
		slice_copy(slice_str(trap.text), hit.trap, sizeof hit.trap);
		k->fate[i] = send_hit(k->capture, &hit, r.orcpt) ? FATE_PENDING : FATE_LATER;
		k->pending += k->fate[i] == FATE_PENDING;
	}
	return traps;
}

static void log_message(const struct capture_connection *k, const char *outcome)
{
	char addr[IPADDR_TEXT], queue_id[4 * LMTP_QUEUE_ID];

	log_info("capture", "client=%s queue_id=%s bytes=%llu recipients=%u corpus=%s truncated=%d outcome=%s",
		ipaddr_format(&k->session.client.addr, addr),
		escape_text(slice_str(k->session.client.queue_id), queue_id, sizeof queue_id),
		(unsigned long long)k->session.data_bytes, k->session.recipient_count, k->file.id, k->file.is_truncated,
		outcome);
}

static bool is_any(const struct capture_connection *k, enum capture_fate fate)
{
	for (uint32_t i = 0; i < k->session.recipient_count; i++)
		if (k->fate[i] == fate)
			return true;
	return false;
}

static const char *outcome_of(const struct capture_connection *k)
{
	if (is_any(k, FATE_LATER) || k->is_lost)
		return is_any(k, FATE_GIVEN) ? "given-to-some" : "later";
	if (k->is_withheld)
		return "withheld";
	if (is_any(k, FATE_GIVEN))
		return k->order.what == RIDERS_JUNK ? "handed-back-marked" : "handed-back";
	return is_any(k, FATE_STORED) ? "kept" : is_any(k, FATE_KNOWN) ? "known" : "later";
}

/* All that was waited for has come: reply. */
static void reply(struct capture_connection *k)
{
	bool is_kept[LMTP_RECIPIENTS], is_stored = is_any(k, FATE_STORED) && !k->is_lost,
				       is_known = is_any(k, FATE_KNOWN);

	for (uint32_t i = 0; i < k->session.recipient_count; i++)
		is_kept[i] = (k->fate[i] == FATE_STORED && is_stored) || k->fate[i] == FATE_KNOWN ||
			     k->fate[i] == FATE_GIVEN || (k->fate[i] == FATE_OURS && (is_stored || is_known));
	log_message(k, outcome_of(k));
	if (!k->is_withheld)
		corpus_trim(k->capture->corpus, &k->file);
	if (is_stored || (k->is_withheld && !k->is_lost))
		corpus_release(k->capture->corpus, &k->file);
	else
		corpus_drop(k->capture->corpus, &k->file);
	lmtp_session_finish(&k->session, is_kept, clock_mono_ms());
}

static void warn_lost(size_t failed)
{
	if (failed)
		log_warn("corpus_sync", "failed=%zu: the disk does not keep them, Postfix does", failed);
}

static void sync_one(struct capture_connection *k)
{
	k->is_lost = corpus_sync(k->capture->corpus, &k->file) != ERR_OK;
}

static void publish_these(
	struct capture *c, struct capture_connection *const *k, struct corpus_file *const *f, size_t n)
{
	if (corpus_publish(c->corpus, f, n) == ERR_OK)
		return;
	for (size_t i = 0; i < n; i++)
		k[i]->is_lost = true;
	warn_lost(n);
}

static void queue_sync(struct capture_connection *k)
{
	struct capture *c = k->capture;

	if (loop_again(c->sync, 0) != ERR_OK) { /* no memory for a timer: no delay then */
		sync_one(k);
		warn_lost(k->is_lost);
		return;
	}
	k->is_syncing = true;
	TAILQ_INSERT_TAIL(&c->syncing, k, sync);
}

/* True: reply later, when the file is published. */
static bool queue_publish(struct capture_connection *k)
{
	struct capture *c = k->capture;

	if (!k->file.id[0] || k->file.is_published || !(is_any(k, FATE_STORED) || k->is_withheld))
		return false;
	if (k->was_published) /* tried, in vain */
		return false;
	k->was_published = true;
	if (loop_again(c->sync, 0) != ERR_OK) {
		publish_these(c, &k, &(struct corpus_file *){ &k->file }, 1);
		return false;
	}
	k->is_publishing = true;
	TAILQ_INSERT_TAIL(&c->publishing, k, sync);
	return true;
}

static void settle_riders(struct capture_connection *k, enum capture_fate fate)
{
	for (uint32_t i = 0; i < k->session.recipient_count; i++)
		if (k->fate[i] == FATE_RIDER)
			k->fate[i] = (uint8_t)fate;
	k->riders = CAPTURE_RIDERS_DONE;
}

static uint32_t count_riders(const struct capture_connection *k)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < k->session.recipient_count; i++)
		n += k->fate[i] == FATE_RIDER;
	return n;
}

/* Ask the engine what becomes of the riders. False: nobody is there. */
static bool ask(struct capture_connection *k)
{
	static struct msg_riders m;
	static uint8_t bytes[2048];
	struct wr w = wr_init(bytes, sizeof bytes);
	const struct lmtp_session *s = &k->session;

	m = (struct msg_riders){ .seq = k->capture->next_seq++,
		.kind = RIDERS_ASK,
		.is_kept = is_any(k, FATE_STORED) || is_any(k, FATE_KNOWN),
		.count = count_riders(k),
		.size = s->data_bytes > UINT32_MAX ? UINT32_MAX : (uint32_t)s->data_bytes,
		.client = s->client.addr };
	slice_copy(slice_str(s->client.name), m.name, sizeof m.name);
	slice_copy(slice_str(s->client.queue_id), m.queue_id, sizeof m.queue_id);
	slice_copy(slice_str(s->sender), m.sender, sizeof m.sender);
	slice_copy(slice_str(k->file.id), m.corpus_id, sizeof m.corpus_id);
	k->ask_seq = m.seq;
	k->ack_deadline_ms = clock_mono_ms() + CAPTURE_ACK_MS;
	message_put_riders(&w, MSG_RIDERS, &m);
	return role_host_send(k->capture->host, ROLE_ENGINE, &w, NULL, 0) == ERR_OK;
}

/* Nothing can be given of a message that is not here as a whole; a hit that is not stored comes again with it. */
static bool can_give(const struct capture_connection *k)
{
	return k->file.id[0] && !k->file.is_truncated && k->is_traceable && !is_any(k, FATE_LATER);
}

/* One step on with the riders. True: wait. */
static bool advance_riders(struct capture_connection *k)
{
	if (k->riders == CAPTURE_RIDERS_OPEN && can_give(k) && ask(k))
		k->riders = CAPTURE_RIDERS_ASKED;
	else if (k->riders == CAPTURE_RIDERS_OPEN)
		settle_riders(k, FATE_LATER);
	return k->riders == CAPTURE_RIDERS_ASKED;
}

/* After publishing: the message is safe, whatever comes of the riders now. True: wait. */
static bool hand_back(struct capture_connection *k)
{
	if (k->riders == CAPTURE_RIDERS_BACK && !k->back && !capture_back_begin(k))
		settle_riders(k, FATE_LATER);
	if (k->is_withheld)
		settle_riders(k, k->file.is_published && !k->is_lost ? FATE_GIVEN : FATE_LATER);
	return k->riders == CAPTURE_RIDERS_BACK;
}

/* True: there is a reply for each recipient now. */
static bool advance(struct capture_connection *k)
{
	if (k->session.state != LMTP_STATE_WAIT || k->is_syncing || k->is_publishing || k->pending)
		return false;
	if (advance_riders(k) || queue_publish(k) || hand_back(k))
		return false;
	reply(k);
	return true;
}

/* Publish, hand back and reply if nothing is missing any more, and go on reading. */
static void settle(struct capture_connection *k)
{
	if (advance(k))
		capture_connection_run(k);
}

/* The trace's last word. A file that cannot be written has no whole message. */
static void write_size(struct capture_connection *k)
{
	char digits[ENVELOPE_SIZE_DIGITS + 1];

	if (k->is_traceable && k->file.id[0])
		k->is_traceable = corpus_patch(&k->file, k->size_at,
					  slice_str(envelope_size_text(k->session.data_bytes, digits))) == ERR_OK;
}

void capture_message_end(struct capture_connection *k)
{
	struct capture *c = k->capture;
	enum grade grade = content_grade_end(&k->grade);
	uint32_t traps;
	bool has_rider;

	corpus_finish(c->corpus, &k->file);
	write_size(k);
	k->ack_deadline_ms = clock_mono_ms() + CAPTURE_ACK_MS;
	k->is_withheld = k->was_published = k->is_lost = false;
	k->order = (struct msg_riders_do){ 0 };
	traps = send_hits(k, grade);
	has_rider = is_any(k, FATE_RIDER);
	capture_note_look(k);
	k->riders = is_any(k, FATE_RIDER) ? CAPTURE_RIDERS_OPEN : CAPTURE_RIDERS_DONE;
	if (traps == 0 && !has_rider)
		log_warn("no_trap", "recipients=%u: our transport carries mail that is not ours; it stays in the queue",
			k->session.recipient_count);
	if (k->pending && k->file.id[0])
		queue_sync(k);
	else
		(void)advance(k); /* the caller goes on reading */
}

static enum capture_fate fate_of(enum hit_ack result)
{
	return result == HIT_STORED ? FATE_STORED : result == HIT_KNOWN ? FATE_KNOWN : FATE_LATER;
}

/* Instead of an order: the message is withheld, or it is not known what becomes of it. */
static void take_order(struct capture_connection *k, enum hit_ack result)
{
	if (result == HIT_STORED) {
		k->is_withheld = true;
		k->riders = CAPTURE_RIDERS_DONE;
	} else {
		settle_riders(k, FATE_LATER);
	}
	settle(k);
}

void capture_message_ordered(struct capture *c, const struct msg_riders_do *m)
{
	struct capture_connection *k;

	TAILQ_FOREACH(k, &c->all, all)
	{
		if (k->session.state != LMTP_STATE_WAIT || k->riders != CAPTURE_RIDERS_ASKED || m->seq != k->ask_seq)
			continue;
		k->order = *m;
		k->riders = CAPTURE_RIDERS_BACK;
		settle(k);
		return;
	}
}

void capture_message_given(struct capture_connection *k)
{
	settle_riders(k, FATE_LATER); /* who has it is marked so already */
	settle(k);
}

void capture_message_acked(struct capture *c, uint64_t seq, enum hit_ack result)
{
	struct capture_connection *k;

	TAILQ_FOREACH(k, &c->all, all)
	{
		uint64_t i = seq - k->first_seq;

		if (k->session.state == LMTP_STATE_WAIT && k->riders == CAPTURE_RIDERS_ASKED && seq == k->ask_seq) {
			take_order(k, result);
			return;
		}
		if (k->session.state != LMTP_STATE_WAIT || seq < k->first_seq || i >= k->session.recipient_count)
			continue;
		if (k->fate[i] != FATE_PENDING)
			return;
		k->fate[i] = (uint8_t)fate_of(result);
		k->pending--;
		settle(k);
		return;
	}
}

void capture_message_give_up(struct capture_connection *k)
{
	if (k->session.state != LMTP_STATE_WAIT)
		return;
	for (uint32_t i = 0; i < k->session.recipient_count; i++)
		if (k->fate[i] == FATE_PENDING)
			k->fate[i] = FATE_LATER;
	k->pending = 0;
	if (k->riders == CAPTURE_RIDERS_OPEN || k->riders == CAPTURE_RIDERS_ASKED)
		settle_riders(k, FATE_LATER);
	settle(k);
}

static void sync_some(struct capture *c)
{
	struct capture_connection *batch[CAPTURE_SYNC_BATCH], *k;
	size_t n = 0, failed = 0;

	while (n < CAPTURE_SYNC_BATCH && (k = TAILQ_FIRST(&c->syncing))) {
		TAILQ_REMOVE(&c->syncing, k, sync);
		k->is_syncing = false;
		sync_one(k);
		failed += k->is_lost;
		batch[n++] = k;
	}
	warn_lost(failed);
	for (size_t i = 0; i < n; i++)
		settle(batch[i]);
}

/* All that wait share one fsync of the folder. */
static void publish_some(struct capture *c)
{
	struct capture_connection *batch[CAPTURE_CONNECTIONS], *k;
	struct corpus_file *file[CAPTURE_CONNECTIONS];
	size_t n = 0;

	while (n < CAPTURE_CONNECTIONS && (k = TAILQ_FIRST(&c->publishing))) {
		TAILQ_REMOVE(&c->publishing, k, sync);
		k->is_publishing = false;
		file[n] = &k->file;
		batch[n++] = k;
	}
	if (n)
		publish_these(c, batch, file, n);
	for (size_t i = 0; i < n; i++)
		settle(batch[i]);
}

void capture_message_sync(struct capture *c)
{
	publish_some(c);
	sync_some(c);
	if (!(TAILQ_EMPTY(&c->syncing) && TAILQ_EMPTY(&c->publishing)) && loop_again(c->sync, 0) != ERR_OK)
		log_warn("corpus_sync", "timer=none");
}
