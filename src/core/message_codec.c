/*
 * message_codec: one put and one get for each message. A get reads all fields
 * into a local struct, checks what has a range, and hands it over only when
 * the datagram held exactly this message.
 * SPDX-License-Identifier: ISC
 */
#include "core/message.h"

/* Numbers that stand for yes and no: anything else is malformed. */
static uint8_t get_flag(struct rd *r)
{
	return rd_range(r, 0, 1);
}

static void put_type(struct wr *w, enum message_type t)
{
	wr_u8(w, (uint8_t)t);
}

#define DONE(r, m, ret)                                                                                                \
	do {                                                                                                           \
		if (!rd_end(r))                                                                                        \
			return ERR_SYNTAX;                                                                             \
		*(ret) = (m);                                                                                          \
		return ERR_OK;                                                                                         \
	} while (0)

void message_put_empty(struct wr *w, enum message_type t, const struct msg_which *m)
{
	(void)m;
	put_type(w, t);
}

enum err message_get_empty(struct rd *r, struct msg_which *ret)
{
	(void)ret;
	return rd_end(r) ? ERR_OK : ERR_SYNTAX;
}

void message_put_hello(struct wr *w, enum message_type t, const struct msg_hello *m)
{
	put_type(w, t);
	wr_u16(w, m->version);
	wr_u8(w, (uint8_t)m->role);
}

enum err message_get_hello(struct rd *r, struct msg_hello *ret)
{
	struct msg_hello m = { .version = rd_u16(r) };

	m.role = (enum role)rd_range(r, 0, ROLE_PROCESSES - 1);
	DONE(r, m, ret);
}

void message_put_which(struct wr *w, enum message_type t, const struct msg_which *m)
{
	put_type(w, t);
	wr_u8(w, m->which);
}

/* The narrower range of each use (listener, role, file) is the receiver's to check. */
enum err message_get_which(struct rd *r, struct msg_which *ret)
{
	struct msg_which m = { .which = rd_range(r, 1, ROLE_PROCESSES - 1) };

	DONE(r, m, ret);
}

void message_put_unlinked(struct wr *w, enum message_type t, const struct msg_unlinked *m)
{
	put_type(w, t);
	wr_u8(w, m->which);
	wr_u32(w, m->number);
}

enum err message_get_unlinked(struct rd *r, struct msg_unlinked *ret)
{
	struct msg_unlinked m = { .which = rd_range(r, 1, ROLE_PROCESSES - 1) };

	m.number = rd_u32(r);
	DONE(r, m, ret);
}

void message_put_selftest(struct wr *w, enum message_type t, const struct msg_selftest *m)
{
	put_type(w, t);
	wr_u8(w, m->trial);
	wr_u32(w, m->number);
}

enum err message_get_selftest(struct rd *r, struct msg_selftest *ret)
{
	struct msg_selftest m = { .trial = rd_u8(r) };

	m.number = rd_u32(r);
	DONE(r, m, ret);
}

static void put_ops(struct wr *w, const struct fw_op *op, unsigned count, unsigned max)
{
	wr_u16(w, (uint16_t)count);
	if (count > max)
		w->bad = true;
	for (unsigned i = 0; i < count && !w->bad; i++) {
		wr_u8(w, op[i].is_add);
		wr_prefix(w, &op[i].prefix);
		wr_u32(w, op[i].ttl_s);
		wr_cstr(w, op[i].case_id);
	}
}

/* False: more than max, or not a prefix. */
static bool get_ops(struct rd *r, struct fw_op *op, unsigned max, uint16_t *ret_count)
{
	unsigned count = rd_u16(r);

	if (count > max)
		return false;
	for (unsigned i = 0; i < count && !r->bad; i++) {
		struct prefix masked;

		op[i].is_add = get_flag(r);
		op[i].prefix = rd_prefix(r);
		op[i].ttl_s = rd_u32(r);
		rd_cstr(r, op[i].case_id, sizeof op[i].case_id);
		masked = prefix_of(&op[i].prefix.addr, op[i].prefix.len);
		if (op[i].prefix.addr.family == 0 || !prefix_eq(&masked, &op[i].prefix))
			return false;
	}
	*ret_count = (uint16_t)count;
	return true;
}

void message_put_fw_ops(struct wr *w, enum message_type t, const struct msg_fw_ops *m)
{
	put_type(w, t);
	wr_u64(w, m->seq);
	put_ops(w, m->op, m->count, MESSAGE_FW_OPS);
}

enum err message_get_fw_ops(struct rd *r, struct msg_fw_ops *ret)
{
	struct msg_fw_ops m = { .seq = rd_u64(r) };

	if (!get_ops(r, m.op, MESSAGE_FW_OPS, &m.count))
		return ERR_SYNTAX;
	DONE(r, m, ret);
}

void message_put_hook(struct wr *w, enum message_type t, const struct msg_hook *m)
{
	put_type(w, t);
	wr_u32(w, m->seq);
	wr_u8(w, m->what);
	put_ops(w, m->op, m->count, MESSAGE_HOOK_OPS);
}

enum err message_get_hook(struct rd *r, struct msg_hook *ret)
{
	struct msg_hook m = { .seq = rd_u32(r) };

	m.what = rd_range(r, HOOK_ADD, HOOK_FLUSH);
	if (!get_ops(r, m.op, MESSAGE_HOOK_OPS, &m.count))
		return ERR_SYNTAX;
	DONE(r, m, ret);
}

void message_put_hook_done(struct wr *w, enum message_type t, const struct msg_hook_done *m)
{
	put_type(w, t);
	wr_u32(w, m->seq);
	wr_u32(w, (uint32_t)m->status);
	wr_u8(w, m->is_cut);
	wr_cstr(w, m->text);
}

enum err message_get_hook_done(struct rd *r, struct msg_hook_done *ret)
{
	struct msg_hook_done m = { .seq = rd_u32(r) };

	m.status = (int32_t)rd_u32(r);
	m.is_cut = get_flag(r);
	rd_cstr(r, m.text, sizeof m.text);
	DONE(r, m, ret);
}

void message_put_fw_sync(struct wr *w, enum message_type t, const struct msg_fw_sync *m)
{
	put_type(w, t);
	wr_u8(w, m->phase);
}

enum err message_get_fw_sync(struct rd *r, struct msg_fw_sync *ret)
{
	struct msg_fw_sync m = { .phase = rd_range(r, 1, 2) };

	DONE(r, m, ret);
}

void message_put_fw_done(struct wr *w, enum message_type t, const struct msg_fw_done *m)
{
	put_type(w, t);
	wr_u64(w, m->seq);
	wr_u32(w, m->error);
}

enum err message_get_fw_done(struct rd *r, struct msg_fw_done *ret)
{
	struct msg_fw_done m = { .seq = rd_u64(r) };

	m.error = rd_u32(r);
	DONE(r, m, ret);
}

void message_put_fw_state(struct wr *w, enum message_type t, const struct msg_fw_state *m)
{
	put_type(w, t);
	wr_u8(w, m->state);
	wr_u32(w, m->error);
	wr_u32(w, m->wanted);
	wr_u32(w, m->present);
	wr_u32(w, m->repaired);
	wr_u32(w, m->refused);
	wr_cstr(w, m->text);
}

enum err message_get_fw_state(struct rd *r, struct msg_fw_state *ret)
{
	struct msg_fw_state m = { .state = rd_range(r, FW_OFF, FW_HOOK) };

	m.error = rd_u32(r);
	m.wanted = rd_u32(r);
	m.present = rd_u32(r);
	m.repaired = rd_u32(r);
	m.refused = rd_u32(r);
	rd_cstr(r, m.text, sizeof m.text);
	DONE(r, m, ret);
}

void message_put_hit(struct wr *w, enum message_type t, const struct msg_hit *m)
{
	put_type(w, t);
	wr_u64(w, m->seq);
	wr_u64(w, m->time);
	wr_ipaddr(w, &m->client);
	wr_u16(w, m->port);
	wr_u8(w, m->is_local);
	wr_u8(w, m->grade);
	wr_u8(w, m->is_truncated);
	wr_u32(w, m->size);
	wr_cstr(w, m->name);
	wr_cstr(w, m->helo);
	wr_cstr(w, m->queue_id);
	wr_cstr(w, m->sender);
	wr_cstr(w, m->trap);
	wr_cstr(w, m->orcpt);
	wr_cstr(w, m->message_id);
	wr_cstr(w, m->subject);
	wr_cstr(w, m->corpus_id);
	wr_u8(w, m->is_walked);
	wr_ipaddr(w, &m->walked);
}

enum err message_get_hit(struct rd *r, struct msg_hit *ret)
{
	struct msg_hit m = { .seq = rd_u64(r) };

	m.time = rd_u64(r);
	m.client = rd_ipaddr(r);
	m.port = rd_u16(r);
	m.is_local = get_flag(r);
	m.grade = rd_range(r, GRADE_NONE, GRADE_COUNT - 1);
	m.is_truncated = get_flag(r);
	m.size = rd_u32(r);
	rd_cstr(r, m.name, sizeof m.name);
	rd_cstr(r, m.helo, sizeof m.helo);
	rd_cstr(r, m.queue_id, sizeof m.queue_id);
	rd_cstr(r, m.sender, sizeof m.sender);
	rd_cstr(r, m.trap, sizeof m.trap);
	rd_cstr(r, m.orcpt, sizeof m.orcpt);
	rd_cstr(r, m.message_id, sizeof m.message_id);
	rd_cstr(r, m.subject, sizeof m.subject);
	rd_cstr(r, m.corpus_id, sizeof m.corpus_id);
	m.is_walked = get_flag(r);
	m.walked = rd_ipaddr(r);
	if (m.is_walked != (m.walked.family != 0))
		return ERR_SYNTAX;
	DONE(r, m, ret);
}

void message_put_hit_ack(struct wr *w, enum message_type t, const struct msg_hit_ack *m)
{
	put_type(w, t);
	wr_u64(w, m->seq);
	wr_u8(w, m->result);
}

enum err message_get_hit_ack(struct rd *r, struct msg_hit_ack *ret)
{
	struct msg_hit_ack m = { .seq = rd_u64(r) };

	m.result = rd_range(r, HIT_STORED, HIT_KNOWN);
	DONE(r, m, ret);
}

void message_put_corpus_remove(struct wr *w, enum message_type t, const struct msg_corpus_remove *m)
{
	put_type(w, t);
	wr_cstr(w, m->corpus_id);
}

/* The id names a file: nothing that could leave the corpus folder gets through. */
enum err message_get_corpus_remove(struct rd *r, struct msg_corpus_remove *ret)
{
	struct msg_corpus_remove m = { 0 };

	rd_cstr(r, m.corpus_id, sizeof m.corpus_id);
	if (m.corpus_id[0] == '\0' || m.corpus_id[0] == '.' || strchr(m.corpus_id, '/'))
		return ERR_SYNTAX;
	DONE(r, m, ret);
}

void message_put_corpus_state(struct wr *w, enum message_type t, const struct msg_corpus_state *m)
{
	put_type(w, t);
	wr_u64(w, m->bytes);
	wr_u32(w, m->files);
	wr_u32(w, m->is_full);
}

enum err message_get_corpus_state(struct rd *r, struct msg_corpus_state *ret)
{
	struct msg_corpus_state m = { .bytes = rd_u64(r) };

	m.files = rd_u32(r);
	m.is_full = rd_u32(r);
	if (m.is_full > 1)
		return ERR_SYNTAX;
	DONE(r, m, ret);
}

static void put_position(struct wr *w, const struct msg_log_position *m)
{
	wr_u64(w, m->inode);
	wr_u64(w, m->offset);
	wr_cstr(w, m->cursor);
}

static void get_position(struct rd *r, struct msg_log_position *m)
{
	m->inode = rd_u64(r);
	m->offset = rd_u64(r);
	rd_cstr(r, m->cursor, sizeof m->cursor);
}

void message_put_corpus_forget(struct wr *w, enum message_type t, const struct msg_corpus_forget *m)
{
	put_type(w, t);
	wr_u32(w, m->seq);
	wr_u8(w, m->is_deleting);
	wr_cstr(w, m->address);
}

enum err message_get_corpus_forget(struct rd *r, struct msg_corpus_forget *ret)
{
	struct msg_corpus_forget m = { .seq = rd_u32(r) };

	m.is_deleting = get_flag(r);
	rd_cstr(r, m.address, sizeof m.address);
	if (m.address[0] == '\0')
		return ERR_SYNTAX;
	DONE(r, m, ret);
}

void message_put_corpus_forgotten(struct wr *w, enum message_type t, const struct msg_corpus_forgotten *m)
{
	put_type(w, t);
	wr_u32(w, m->seq);
	wr_u32(w, m->files);
	wr_u32(w, m->failed);
}

enum err message_get_corpus_forgotten(struct rd *r, struct msg_corpus_forgotten *ret)
{
	struct msg_corpus_forgotten m = { .seq = rd_u32(r) };

	m.files = rd_u32(r);
	m.failed = rd_u32(r);
	DONE(r, m, ret);
}

void message_put_log_position(struct wr *w, enum message_type t, const struct msg_log_position *m)
{
	put_type(w, t);
	put_position(w, m);
}

enum err message_get_log_position(struct rd *r, struct msg_log_position *ret)
{
	struct msg_log_position m = { 0 };

	get_position(r, &m);
	DONE(r, m, ret);
}

void message_put_log_mail(struct wr *w, enum message_type t, const struct msg_log_mail *m)
{
	put_type(w, t);
	wr_u64(w, m->time);
	wr_ipaddr(w, &m->client);
	wr_cstr(w, m->name);
	wr_cstr(w, m->queue_id);
	wr_cstr(w, m->sender);
	wr_cstr(w, m->recipient);
	wr_u8(w, m->outcome);
	wr_u8(w, m->is_first);
}

enum err message_get_log_mail(struct rd *r, struct msg_log_mail *ret)
{
	struct msg_log_mail m = { .time = rd_u64(r) };

	m.client = rd_ipaddr(r);
	rd_cstr(r, m.name, sizeof m.name);
	rd_cstr(r, m.queue_id, sizeof m.queue_id);
	rd_cstr(r, m.sender, sizeof m.sender);
	rd_cstr(r, m.recipient, sizeof m.recipient);
	m.outcome = rd_range(r, LOG_DELIVERED, LOG_SUBMITTED);
	m.is_first = get_flag(r);
	DONE(r, m, ret);
}

void message_put_log_login(struct wr *w, enum message_type t, const struct msg_log_login *m)
{
	put_type(w, t);
	wr_u64(w, m->time);
	wr_ipaddr(w, &m->client);
	wr_cstr(w, m->queue_id);
	wr_cstr(w, m->login);
}

enum err message_get_log_login(struct rd *r, struct msg_log_login *ret)
{
	struct msg_log_login m = { .time = rd_u64(r) };

	m.client = rd_ipaddr(r);
	rd_cstr(r, m.queue_id, sizeof m.queue_id);
	rd_cstr(r, m.login, sizeof m.login);
	DONE(r, m, ret);
}

void message_put_log_rcpt(struct wr *w, enum message_type t, const struct msg_log_rcpt *m)
{
	put_type(w, t);
	wr_u64(w, m->time);
	wr_ipaddr(w, &m->client);
	wr_cstr(w, m->sender);
	wr_cstr(w, m->recipient);
	wr_u16(w, m->code);
}

enum err message_get_log_rcpt(struct rd *r, struct msg_log_rcpt *ret)
{
	struct msg_log_rcpt m = { .time = rd_u64(r) };

	m.client = rd_ipaddr(r);
	rd_cstr(r, m.sender, sizeof m.sender);
	rd_cstr(r, m.recipient, sizeof m.recipient);
	m.code = rd_u16(r);
	DONE(r, m, ret);
}

void message_put_log_state(struct wr *w, enum message_type t, const struct msg_log_state *m)
{
	put_type(w, t);
	wr_u8(w, m->state);
	put_position(w, &m->position);
	wr_u64(w, m->lines);
	wr_u64(w, m->dropped);
	wr_u64(w, m->last);
	wr_u8(w, m->is_caught_up);
}

enum err message_get_log_state(struct rd *r, struct msg_log_state *ret)
{
	struct msg_log_state m = { .state = rd_range(r, LOG_ABSENT, LOG_JOURNAL) };

	get_position(r, &m.position);
	m.lines = rd_u64(r);
	m.dropped = rd_u64(r);
	m.last = rd_u64(r);
	m.is_caught_up = get_flag(r);
	DONE(r, m, ret);
}

void message_put_run(struct wr *w, enum message_type t, const struct msg_run *m)
{
	put_type(w, t);
	wr_u32(w, m->seq);
	wr_u8(w, m->what);
	wr_u8(w, m->count);
	if (m->count > MESSAGE_RUN_ARGS)
		w->bad = true;
	for (unsigned i = 0; i < m->count && !w->bad; i++)
		wr_cstr(w, m->arg[i]);
}

enum err message_get_run(struct rd *r, struct msg_run *ret)
{
	struct msg_run m = { .seq = rd_u32(r) };

	m.what = rd_range(r, RUN_ALARM, RUN_MAIL);
	m.count = rd_range(r, 0, MESSAGE_RUN_ARGS);
	for (unsigned i = 0; i < m.count && !r->bad; i++)
		rd_cstr(r, m.arg[i], sizeof m.arg[i]);
	DONE(r, m, ret);
}

void message_put_run_done(struct wr *w, enum message_type t, const struct msg_run_done *m)
{
	put_type(w, t);
	wr_u32(w, m->seq);
	wr_u8(w, m->what);
	wr_u32(w, (uint32_t)m->status);
	if (m->output.n > MESSAGE_RUN_OUTPUT)
		w->bad = true;
	wr_bytes(w, m->output);
}

enum err message_get_run_done(struct rd *r, struct msg_run_done *ret)
{
	struct msg_run_done m = { .seq = rd_u32(r) };

	m.what = rd_range(r, RUN_ALARM, RUN_MAIL);
	m.status = (int32_t)rd_u32(r);
	m.output = rd_bytes(r, MESSAGE_RUN_OUTPUT);
	DONE(r, m, ret);
}

void message_put_map_apply(struct wr *w, enum message_type t, const struct msg_map_apply *m)
{
	put_type(w, t);
	wr_u32(w, m->seq);
	wr_u8(w, m->is_full);
}

enum err message_get_map_apply(struct rd *r, struct msg_map_apply *ret)
{
	struct msg_map_apply m = { .seq = rd_u32(r) };

	m.is_full = get_flag(r);
	DONE(r, m, ret);
}

void message_put_map_done(struct wr *w, enum message_type t, const struct msg_map_done *m)
{
	put_type(w, t);
	wr_u32(w, m->seq);
	wr_u8(w, m->is_ok);
	wr_cstr(w, m->text);
}

enum err message_get_map_done(struct rd *r, struct msg_map_done *ret)
{
	struct msg_map_done m = { .seq = rd_u32(r) };

	m.is_ok = get_flag(r);
	rd_cstr(r, m.text, sizeof m.text);
	DONE(r, m, ret);
}

void message_put_text(struct wr *w, enum message_type t, const struct msg_text *m)
{
	put_type(w, t);
	wr_u8(w, m->kind);
	wr_u32(w, m->round);
	wr_u32(w, m->index);
	wr_u32(w, m->count);
	wr_cstr(w, m->path);
}

enum err message_get_text(struct rd *r, struct msg_text *ret)
{
	struct msg_text m = { .kind = rd_range(r, TEXT_TRAPS, TEXT_SHARED) };

	m.round = rd_u32(r);
	m.index = rd_u32(r);
	m.count = rd_u32(r);
	rd_cstr(r, m.path, sizeof m.path);
	if (m.index >= m.count && !(m.index == 0 && m.count == 0))
		return ERR_SYNTAX;
	DONE(r, m, ret);
}
