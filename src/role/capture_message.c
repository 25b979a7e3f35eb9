/*
 * capture_message: one message from DATA to the replies.
 * SPDX-License-Identifier: ISC
 */
#include "base/escape.h"
#include "base/num.h"
#include "core/alias_map.h"
#include "io/log.h"
#include "role/capture.h"

#include <stdio.h>

#define TRACE_MAX (32u << 10) /* bytes of our own header */
#define TRACE_FIELD 1100      /* one value in it, escaped */

/* False: no room. The rest of the trace is left out then: it is a help, the message is the evidence. */
static bool trace_text(struct buf *b, const char *name, struct slice value)
{
	char text[TRACE_FIELD];

	return buf_printf(b, "%s: %s\r\n", name, escape_text(value, text, sizeof text)) == ERR_OK;
}

static void write_trace(struct capture_connection *k)
{
	const struct lmtp_client *c = &k->session.client;
	struct lmtp_recipient r;
	char addr[IPADDR_TEXT], port[NUM_TEXT];
	struct buf b;
	size_t pos = 0;
	bool is_room;

	(void)snprintf(port, sizeof port, "%u", c->port);
	buf_init(&b, TRACE_MAX);
	is_room = trace_text(&b, "X-Limetwig-Sender", slice_str(k->session.sender)) &&
		  trace_text(&b, "X-Limetwig-Client", slice_str(ipaddr_format(&c->addr, addr))) &&
		  trace_text(&b, "X-Limetwig-Port", slice_str(port)) &&
		  trace_text(&b, "X-Limetwig-Name", slice_str(c->name)) &&
		  trace_text(&b, "X-Limetwig-Helo", slice_str(c->helo)) &&
		  trace_text(&b, "X-Limetwig-Queue-Id", slice_str(c->queue_id));
	while (is_room && lmtp_session_recipient(&k->session, &pos, &r))
		is_room = trace_text(&b, "X-Limetwig-Recipient", r.address);
	corpus_add(k->capture->corpus, &k->file, buf_slice(&b), true);
	buf_done(&b);
}

void capture_message_begin(struct capture_connection *k)
{
	content_grade_init(&k->grade, k->session.sender[0] == '\0');
	corpus_begin(k->capture->corpus, clock_wall_s(), &k->file);
	write_trace(k);
}

void capture_message_add(struct capture_connection *k, struct slice s)
{
	uint32_t before = k->grade.header.bytes;
	size_t header;

	content_grade_feed(&k->grade, s);
	header = k->grade.header.bytes - before;
	corpus_add(k->capture->corpus, &k->file, slice_head(s, header), true);
	corpus_add(k->capture->corpus, &k->file, slice_from(s, header), false);
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
	slice_copy(header_scan_value(&k->grade.header, HEADER_MESSAGE_ID), ret->message_id, sizeof ret->message_id);
	slice_copy(header_scan_value(&k->grade.header, HEADER_SUBJECT), ret->subject, sizeof ret->subject);
	slice_copy(slice_str(k->file.id), ret->corpus_id, sizeof ret->corpus_id);
}

static bool is_trap(const struct lmtp_recipient *r, struct address *ret_trap)
{
	struct address encoded;

	return address_parse(r->address, &encoded) == ERR_OK && alias_map_decode(&encoded, ret_trap) == ERR_OK;
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
		k->fate[i] = FATE_RIDER;
		if (!is_trap(&r, &trap))
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

/* All that was waited for has come: reply. A rider shares the fate of the message. */
static void reply(struct capture_connection *k)
{
	bool is_kept[LMTP_RECIPIENTS], is_stored = is_any(k, FATE_STORED), is_known = is_any(k, FATE_KNOWN);

	for (uint32_t i = 0; i < k->session.recipient_count; i++)
		is_kept[i] = k->fate[i] == FATE_STORED || k->fate[i] == FATE_KNOWN ||
			     (k->fate[i] == FATE_RIDER && (is_stored || is_known));
	log_message(k, is_stored ? "kept" : is_known ? "known" : "later");
	if (is_stored)
		corpus_release(k->capture->corpus, &k->file);
	else
		corpus_drop(k->capture->corpus, &k->file);
	lmtp_session_finish(&k->session, is_kept, clock_mono_ms());
}

static void warn_unsynced(size_t failed)
{
	if (failed)
		log_warn("corpus_sync", "failed=%zu: hits are kept, not all their messages", failed);
}

static void queue_sync(struct capture_connection *k)
{
	struct capture *c = k->capture;

	if (loop_again(c->sync, 0) != ERR_OK) { /* no memory for a timer: no delay then */
		warn_unsynced(corpus_sync(c->corpus, &k->file) != ERR_OK);
		return;
	}
	k->is_syncing = true;
	TAILQ_INSERT_TAIL(&c->syncing, k, sync);
}

void capture_message_end(struct capture_connection *k)
{
	struct capture *c = k->capture;
	enum grade grade = content_grade_end(&k->grade);

	corpus_finish(c->corpus, &k->file);
	k->ack_deadline_ms = clock_mono_ms() + CAPTURE_ACK_MS;
	if (send_hits(k, grade) == 0)
		log_warn("no_trap", "recipients=%u: our transport carries mail that is not ours; it stays in the queue",
			k->session.recipient_count);
	if (k->pending == 0)
		reply(k);
	else if (k->file.id[0])
		queue_sync(k);
}

/* True: reply later, when the file is published. */
static bool queue_publish(struct capture_connection *k)
{
	struct capture *c = k->capture;

	if (!k->file.id[0] || !is_any(k, FATE_STORED))
		return false;
	if (loop_again(c->sync, 0) != ERR_OK) {
		warn_unsynced(corpus_publish(c->corpus, &(struct corpus_file *){ &k->file }, 1) != ERR_OK);
		return false;
	}
	k->is_publishing = true;
	TAILQ_INSERT_TAIL(&c->publishing, k, sync);
	return true;
}

/* Publish and reply if nothing is missing any more, and go on reading. */
static void settle(struct capture_connection *k)
{
	if (k->session.state != LMTP_STATE_WAIT || k->is_syncing || k->is_publishing || k->pending || queue_publish(k))
		return;
	reply(k);
	capture_connection_run(k);
}

static enum capture_fate fate_of(enum hit_ack result)
{
	return result == HIT_STORED ? FATE_STORED : result == HIT_KNOWN ? FATE_KNOWN : FATE_LATER;
}

void capture_message_acked(struct capture *c, uint64_t seq, enum hit_ack result)
{
	struct capture_connection *k;

	TAILQ_FOREACH(k, &c->all, all)
	{
		uint64_t i = seq - k->first_seq;

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
	settle(k);
}

static void sync_some(struct capture *c)
{
	struct capture_connection *batch[CAPTURE_SYNC_BATCH], *k;
	size_t n = 0, failed = 0;

	while (n < CAPTURE_SYNC_BATCH && (k = TAILQ_FIRST(&c->syncing))) {
		TAILQ_REMOVE(&c->syncing, k, sync);
		k->is_syncing = false;
		failed += corpus_sync(c->corpus, &k->file) != ERR_OK;
		batch[n++] = k;
	}
	warn_unsynced(failed);
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
		warn_unsynced(corpus_publish(c->corpus, file, n) != ERR_OK);
	for (size_t i = 0; i < n; i++) {
		reply(batch[i]);
		capture_connection_run(batch[i]);
	}
}

void capture_message_sync(struct capture *c)
{
	publish_some(c);
	sync_some(c);
	if (!(TAILQ_EMPTY(&c->syncing) && TAILQ_EMPTY(&c->publishing)) && loop_again(c->sync, 0) != ERR_OK)
		log_warn("corpus_sync", "timer=none");
}
