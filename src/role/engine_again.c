/*
 * engine_again: a message that comes again. Postfix brings it a second time
 * when capture or we died before its 250: then the record must name the file
 * that is kept now. When the client sent it twice it is another copy: the
 * first one is evidence enough, capture need not keep this one.
 * SPDX-License-Identifier: ISC
 */
#include "role/engine.h"

struct record_of {
	uint64_t number;
	struct record_hit hit;
};

static bool read_record(struct engine *e, const struct engine_subject *s, uint64_t number, struct record_hit *ret)
{
	uint8_t key[RECORD_KEY], value[RECORD_VALUE];
	size_t n;

	return store_get(e->store, TABLE_HIT, record_hit_key(&s->prefix, number, key), value, sizeof value, &n) ==
		       ERR_OK &&
	       record_get_hit(slice_of(value, n), ret) == ERR_OK;
}

static bool is_text(const char *record, size_t size, const char *message)
{
	char cut[RECORD_ADDRESS];

	slice_copy(slice_str(message), cut, size);
	return strcmp(record, cut) == 0;
}

static bool is_of_message(const struct record_hit *r, const struct msg_hit *m, uint32_t trap_id)
{
	return r->trap_id == trap_id && is_text(r->sender, sizeof r->sender, m->sender) &&
	       is_text(r->message_id, sizeof r->message_id, m->message_id);
}

/* The record of this message, of this copy of it if there is one. */
static bool find_record(struct engine *e, const struct engine_subject *s, const struct msg_hit *m, uint32_t trap_id,
	struct record_of *ret)
{
	struct record_of r = { .number = s->sum.number };
	bool is_found = false;

	for (unsigned i = 0; i < ENGINE_HITS_KEPT && r.number; i++) {
		r.number--;
		if (!read_record(e, s, r.number, &r.hit) || !is_of_message(&r.hit, m, trap_id))
			continue;
		*ret = r;
		is_found = true;
		if (strcmp(r.hit.queue_id, m->queue_id) == 0)
			break;
	}
	return is_found;
}

static bool is_named_elsewhere(struct engine *e, const struct engine_subject *s, const struct record_of *r)
{
	struct record_of other = { .number = s->sum.number };

	for (unsigned i = 0; i < ENGINE_HITS_KEPT && other.number; i++) {
		other.number--;
		if (other.number != r->number && read_record(e, s, other.number, &other.hit) &&
			strcmp(other.hit.corpus_id, r->hit.corpus_id) == 0)
			return true;
	}
	return false;
}

bool engine_corpus_remove(struct engine *e, const char *id)
{
	uint8_t out[128];
	struct wr w = wr_init(out, sizeof out);
	struct msg_corpus_remove m = { 0 };

	slice_copy(slice_str(id), m.corpus_id, sizeof m.corpus_id);
	message_put_corpus_remove(&w, MSG_CORPUS_REMOVE, &m);
	return role_host_send(e->host, ROLE_CAPTURE, &w, NULL, 0) == ERR_OK;
}

static uint64_t write_record(struct engine *e, struct engine_subject *s, const struct record_of *r)
{
	uint8_t key[RECORD_KEY], value[RECORD_VALUE];
	struct wr w = wr_init(value, sizeof value);
	uint64_t ticket;

	record_put_hit(&w, &r->hit);
	ticket = w.bad ? 0 : store_put(e->store, TABLE_HIT, record_hit_key(&s->prefix, r->number, key), wr_slice(&w));
	if (ticket)
		s->ticket = ticket;
	return ticket;
}

enum hit_ack engine_again(
	struct engine *e, struct engine_subject *s, const struct msg_hit *m, uint32_t trap_id, uint64_t *ret_ticket)
{
	struct record_of r;
	char old[sizeof r.hit.corpus_id];

	*ret_ticket = s->ticket;
	if (!find_record(e, s, m, trap_id, &r)) /* the disk may still be busy with it */
		return s->ticket > e->durable ? HIT_LATER : HIT_STORED;
	if (strcmp(r.hit.queue_id, m->queue_id) != 0 && (r.hit.corpus_id[0] || !m->corpus_id[0]))
		return m->message_id[0] ? HIT_KNOWN : HIT_STORED; /* without an id it may be a message of its own */
	if (strcmp(r.hit.corpus_id, m->corpus_id) == 0)
		return HIT_STORED;
	slice_copy(slice_str(r.hit.corpus_id), old, sizeof old);
	engine_release_replaced(e, old, m->corpus_id);
	if (old[0] && !is_named_elsewhere(e, s, &r))
		(void)engine_corpus_remove(e, old); /* else the file goes with its time */
	slice_copy(slice_str(m->corpus_id), r.hit.corpus_id, sizeof r.hit.corpus_id);
	slice_copy(slice_str(m->queue_id), r.hit.queue_id, sizeof r.hit.queue_id);
	*ret_ticket = write_record(e, s, &r);
	return *ret_ticket ? HIT_STORED : HIT_LATER;
}
