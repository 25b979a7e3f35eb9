/*
 * test_message: every message comes back as it went, at its shortest and its
 * longest; every truncation is refused; the schema's bounds are exact; the
 * wrong sender is refused.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "core/message.h"

#include <stdio.h>
#include <stdlib.h>

static uint8_t wire[MESSAGE_MAX];

static void fill(char *to, size_t size, bool is_long)
{
	memset(to, 0, size);
	if (is_long)
		memset(to, 'x', size - 1);
}

static struct ipaddr address(bool is_long)
{
	struct ipaddr a = { 0 };

	if (is_long)
		assert_int_equal(ipaddr_parse(SLICE_LIT("2001:db8::1"), &a), ERR_OK);
	return a;
}

/* One message under test: its bytes, and how to read it back and compare. */
struct sample {
	enum role from, to;
	size_t fds;
	struct wr w;
	enum err (*again)(struct rd *r, struct wr *w, enum message_type t);
};

/* Decode, encode anew: the bytes must be the same. */
#define AGAIN(name, type)                                                                                              \
	static enum err again_##name(struct rd *r, struct wr *w, enum message_type t)                                  \
	{                                                                                                              \
		static struct type m;                                                                                  \
		enum err e = message_get_##name(r, &m);                                                                \
		if (e == ERR_OK)                                                                                       \
			message_put_##name(w, t, &m);                                                                  \
		return e;                                                                                              \
	}
AGAIN(empty, msg_which)
AGAIN(hello, msg_hello)
AGAIN(which, msg_which)
AGAIN(unlinked, msg_unlinked)
AGAIN(selftest, msg_selftest)
AGAIN(fw_ops, msg_fw_ops)
AGAIN(fw_sync, msg_fw_sync)
AGAIN(fw_done, msg_fw_done)
AGAIN(fw_state, msg_fw_state)
AGAIN(hook, msg_hook)
AGAIN(hook_done, msg_hook_done)
AGAIN(hit, msg_hit)
AGAIN(hit_ack, msg_hit_ack)
AGAIN(corpus_remove, msg_corpus_remove)
AGAIN(corpus_state, msg_corpus_state)
AGAIN(riders, msg_riders)
AGAIN(riders_do, msg_riders_do)
AGAIN(mail_open, msg_mail_open)
AGAIN(mail_socket, msg_mail_socket)
AGAIN(corpus_forget, msg_corpus_forget)
AGAIN(corpus_forgotten, msg_corpus_forgotten)
AGAIN(log_position, msg_log_position)
AGAIN(log_mail, msg_log_mail)
AGAIN(log_login, msg_log_login)
AGAIN(log_rcpt, msg_log_rcpt)
AGAIN(log_state, msg_log_state)
AGAIN(run, msg_run)
AGAIN(run_done, msg_run_done)
AGAIN(map_apply, msg_map_apply)
AGAIN(map_done, msg_map_done)
AGAIN(text, msg_text)
AGAIN(spf_ask, msg_spf_ask)
AGAIN(spf_set, msg_spf_set)
AGAIN(spf_says, msg_spf_says)
AGAIN(dns_ask, msg_dns_ask)
AGAIN(dns_says, msg_dns_says)
AGAIN(dns_state, msg_dns_state)
AGAIN(answered, msg_answered)
AGAIN(sample, msg_sample)
AGAIN(part, msg_part)
AGAIN(tarpit_state, msg_tarpit_state)
AGAIN(answered_end, msg_answered_end)
AGAIN(fw_kill, msg_fw_kill)
AGAIN(feed_run, msg_feed_run)
AGAIN(feed_ran, msg_feed_ran)
AGAIN(feed_set, msg_feed_set)
AGAIN(feed_took, msg_feed_took)
AGAIN(feed_state, msg_feed_state)
AGAIN(feed_ask, msg_feed_ask)
AGAIN(feed_give, msg_feed_give)
AGAIN(feed_says, msg_feed_says)
AGAIN(acting, msg_acting)
AGAIN(export_run, msg_export_run)
AGAIN(export_ran, msg_export_ran)
AGAIN(export_state, msg_export_state)
AGAIN(update_state, msg_update_state)
AGAIN(dnsbl_state, msg_dnsbl_state)
AGAIN(dnsbl_listen, msg_dnsbl_listen)

static void check_sample(const struct sample *s, bool is_fixed, bool is_long)
{
	static uint8_t copy[MESSAGE_MAX];
	enum message_type t = 0;
	struct wr w = wr_init(copy, sizeof copy);
	struct slice all = wr_slice(&s->w);
	struct rd r = rd_init(all.p + 1, all.n - 1);

	assert_false(s->w.bad);
	assert_int_equal(message_check(s->from, s->to, all, s->fds, &t), ERR_OK);
	assert_int_equal((int)t, wire[0]);
	assert_string_not_equal(message_name(t), "?");
	assert_int_equal(message_check_body(t, r), ERR_OK);
	assert_int_equal(s->again(&r, &w, t), ERR_OK);
	assert_true(slice_eq(wr_slice(&w), all));
	for (size_t n = 0; n + 1 < all.n; n++) {
		/* a heap copy of just these bytes, so that a sanitizer sees a read beyond */
		uint8_t *part = malloc(n + 1);

		assert_non_null(part);
		memcpy(part, all.p + 1, n);
		r = rd_init(part, n);
		assert_int_equal(message_check_body(t, r), ERR_SYNTAX);
		assert_int_equal(s->again(&r, &w, t), ERR_SYNTAX);
		free(part);
		if (n % 512 == 511 && all.n > 4096)
			n += 401; /* not each of 60,000 */
	}
	/* one byte more is refused by the decoder, and by the schema where this was the longest */
	wire[all.n] = 0;
	r = rd_init(all.p + 1, all.n);
	assert_int_equal(s->again(&r, &w, t), ERR_SYNTAX);
	if (is_long)
		assert_int_equal(message_check(s->from, s->to, slice_of(all.p, all.n + 1), s->fds, &t), ERR_SYNTAX);
	if (is_fixed || !is_long)
		assert_int_equal(message_check(s->from, s->to, slice_of(all.p, all.n - 1), s->fds, &t), ERR_SYNTAX);
	assert_int_equal(message_check(s->from, s->to, all, s->fds + 2, &t), ERR_SYNTAX);
	assert_int_equal(message_check(s->to, s->to, all, s->fds, &t), ERR_DENIED);
	if (wire[0] != MSG_HELLO && wire[0] != MSG_FW_KILL)
		assert_int_equal(message_check(s->to, s->from, all, s->fds, &t), ERR_DENIED);
}

#define TRY(name, type, src, dst, nfds, is_fixed, is_long, ...)                                                        \
	do {                                                                                                           \
		static const struct type blank;                                                                        \
		static struct type m;                                                                                  \
		struct sample s = { src, dst, nfds, wr_init(wire, sizeof wire), again_##name };                        \
		m = blank;                                                                                             \
		__VA_ARGS__;                                                                                           \
		message_put_##name(&s.w, number, &m);                                                                  \
		check_sample(&s, is_fixed, is_long);                                                                   \
	} while (0)

static void try_parent(void)
{
	static const enum message_type down[] = { MSG_START, MSG_PING, MSG_STOP };
	static const enum message_type up[] = { MSG_READY, MSG_PONG };
	enum message_type number;

	for (size_t i = 0; i < sizeof down / sizeof down[0]; i++) {
		number = down[i];
		TRY(empty, msg_which, ROLE_PARENT, ROLE_CAPTURE, 0, true, true, (void)m);
	}
	for (size_t i = 0; i < sizeof up / sizeof up[0]; i++) {
		number = up[i];
		TRY(empty, msg_which, ROLE_CAPTURE, ROLE_PARENT, 0, true, true, (void)m);
	}
	number = MSG_CONFIG;
	TRY(empty, msg_which, ROLE_PARENT, ROLE_ENGINE, 1, true, true, (void)m);
	number = MSG_REREAD;
	TRY(empty, msg_which, ROLE_ENGINE, ROLE_ALIASMAP, 0, true, true, (void)m);
	number = MSG_LISTENER;
	TRY(which, msg_which, ROLE_PARENT, ROLE_ENGINE, 1, true, true, m.which = LISTENER_LMTP);
	number = MSG_LINK;
	TRY(which, msg_which, ROLE_PARENT, ROLE_ENGINE, 1, true, true, m.which = ROLE_ALIASMAP);
	number = MSG_FILE;
	TRY(which, msg_which, ROLE_PARENT, ROLE_FOLLOW, 1, true, true, m.which = FILE_MAIL_LOG);
	number = MSG_SELFTEST;
	TRY(selftest, msg_selftest, ROLE_PARENT, ROLE_RUN, 0, true, true, m.trial = 3; m.number = 4711);
	number = MSG_SELFTEST_DONE;
	TRY(selftest, msg_selftest, ROLE_RUN, ROLE_PARENT, 0, true, true, m.trial = 3; m.number = 13);
	number = MSG_UNLINKED;
	TRY(unlinked, msg_unlinked, ROLE_ENGINE, ROLE_PARENT, 0, true, true, m.which = ROLE_CAPTURE; m.number = 70000);
	number = MSG_HELLO;
	TRY(hello, msg_hello, ROLE_ENGINE, ROLE_RUN, 0, true, true, m.version = 1; m.role = ROLE_ENGINE);
}

static void try_firewall(bool is_long)
{
	enum message_type number = MSG_FW_OPS;

	TRY(
		fw_ops, msg_fw_ops, ROLE_ENGINE, ROLE_FIREWALL, 0, false, is_long, m.seq = UINT64_MAX;
		m.count = is_long ? MESSAGE_FW_OPS : 0; for (int i = 0; i < m.count; i++) {
			m.op[i].is_add = i % 2;
			m.op[i].prefix = (struct prefix){ address(true), 128 };
			m.op[i].ttl_s = (uint32_t)i;
			fill(m.op[i].case_id, sizeof m.op[i].case_id, true);
		});
	number = MSG_HOOK;
	TRY(
		hook, msg_hook, ROLE_FIREWALL, ROLE_RUN, 0, false, is_long, m.what = HOOK_REMOVE;
		m.count = is_long ? MESSAGE_HOOK_OPS : 0; for (int i = 0; i < m.count; i++) {
			m.op[i].prefix = (struct prefix){ address(true), 128 };
			fill(m.op[i].case_id, sizeof m.op[i].case_id, true);
		});
	number = MSG_HOOK_DONE;
	TRY(hook_done, msg_hook_done, ROLE_RUN, ROLE_FIREWALL, 0, false, is_long, m.status = -2; m.is_cut = 1;
		fill(m.text, sizeof m.text, is_long));
	number = MSG_FW_SYNC;
	TRY(fw_sync, msg_fw_sync, ROLE_ENGINE, ROLE_FIREWALL, 0, true, true, m.phase = 2);
	number = MSG_FW_DONE;
	TRY(fw_done, msg_fw_done, ROLE_FIREWALL, ROLE_ENGINE, 0, true, true, m.seq = 7; m.error = 1);
	number = MSG_FW_STATE;
	TRY(fw_state, msg_fw_state, ROLE_FIREWALL, ROLE_ENGINE, 0, false, is_long, m.state = FW_HOOK; m.refused = 9;
		fill(m.text, sizeof m.text, is_long));
	number = MSG_FW_KILL;
	TRY(fw_kill, msg_fw_kill, ROLE_ENGINE, ROLE_FIREWALL, 0, false, is_long, m.client = address(is_long);
		m.server = address(is_long); m.client_port = 40000; m.server_port = 25);
}

static void try_capture(bool is_long)
{
	enum message_type number = MSG_HIT;

	TRY(hit, msg_hit, ROLE_CAPTURE, ROLE_ENGINE, 0, false, is_long, m.seq = 1; m.client = address(is_long);
		m.grade = GRADE_CONFIRMED; fill(m.name, sizeof m.name, is_long); fill(m.helo, sizeof m.helo, is_long);
		fill(m.queue_id, sizeof m.queue_id, is_long); fill(m.sender, sizeof m.sender, is_long);
		fill(m.trap, sizeof m.trap, is_long); fill(m.orcpt, sizeof m.orcpt, is_long);
		fill(m.message_id, sizeof m.message_id, is_long); fill(m.subject, sizeof m.subject, is_long);
		fill(m.corpus_id, sizeof m.corpus_id, is_long); m.is_walked = is_long;
		m.walked = is_long ? address(true) : (struct ipaddr){ 0 });
	number = MSG_HIT_ACK;
	TRY(hit_ack, msg_hit_ack, ROLE_ENGINE, ROLE_CAPTURE, 0, true, true, m.result = HIT_LATER);
	number = MSG_CORPUS_REMOVE;
	TRY(corpus_remove, msg_corpus_remove, ROLE_ENGINE, ROLE_CAPTURE, 0, false, is_long,
		fill(m.corpus_id, sizeof m.corpus_id, is_long);
		m.corpus_id[0] = 'a');
	number = MSG_CORPUS_STATE;
	TRY(corpus_state, msg_corpus_state, ROLE_CAPTURE, ROLE_ENGINE, 0, true, true, m.is_full = 1);
	number = MSG_CORPUS_FORGET;
	TRY(corpus_forget, msg_corpus_forget, ROLE_ENGINE, ROLE_CAPTURE, 0, false, is_long, m.is_deleting = 1;
		fill(m.address, sizeof m.address, is_long); m.address[0] = 'a');
	number = MSG_CORPUS_FORGOTTEN;
	TRY(corpus_forgotten, msg_corpus_forgotten, ROLE_CAPTURE, ROLE_ENGINE, 0, true, true, m.files = 1);
	number = MSG_RIDERS;
	TRY(riders, msg_riders, ROLE_CAPTURE, ROLE_ENGINE, 0, false, is_long, m.kind = RIDERS_ASK;
		m.client = address(is_long); fill(m.name, sizeof m.name, is_long);
		fill(m.queue_id, sizeof m.queue_id, is_long); fill(m.sender, sizeof m.sender, is_long);
		fill(m.corpus_id, sizeof m.corpus_id, is_long); fill(m.text, sizeof m.text, is_long));
	number = MSG_RIDERS_DO;
	TRY(riders_do, msg_riders_do, ROLE_ENGINE, ROLE_CAPTURE, 0, false, is_long, m.what = RIDERS_LIST;
		fill(m.case_id, sizeof m.case_id, is_long); fill(m.corpus_id, sizeof m.corpus_id, is_long);
		fill(m.to, sizeof m.to, is_long));
	number = MSG_MAIL_OPEN;
	TRY(mail_open, msg_mail_open, ROLE_CAPTURE, ROLE_PARENT, 0, true, true, m.queue = 1);
	number = MSG_MAIL_SOCKET;
	TRY(mail_socket, msg_mail_socket, ROLE_PARENT, ROLE_CAPTURE, 1, true, true, m.seq = 9);
}

static void try_follow(bool is_long)
{
	enum message_type number = MSG_LOG_RESUME;

	TRY(log_position, msg_log_position, ROLE_ENGINE, ROLE_FOLLOW, 0, false, is_long, m.inode = 1; m.offset = 2;
		fill(m.cursor, sizeof m.cursor, is_long));
	number = MSG_LOG_MAIL;
	TRY(log_mail, msg_log_mail, ROLE_FOLLOW, ROLE_ENGINE, 0, false, is_long, m.client = address(is_long);
		fill(m.name, sizeof m.name, is_long); fill(m.queue_id, sizeof m.queue_id, is_long);
		fill(m.sender, sizeof m.sender, is_long); fill(m.recipient, sizeof m.recipient, is_long);
		m.outcome = LOG_SUBMITTED);
	number = MSG_LOG_LOGIN;
	TRY(log_login, msg_log_login, ROLE_FOLLOW, ROLE_ENGINE, 0, false, is_long, m.client = address(is_long);
		fill(m.queue_id, sizeof m.queue_id, is_long); fill(m.login, sizeof m.login, is_long));
	number = MSG_LOG_RCPT;
	TRY(log_rcpt, msg_log_rcpt, ROLE_FOLLOW, ROLE_ENGINE, 0, false, is_long, m.client = address(is_long);
		fill(m.sender, sizeof m.sender, is_long); fill(m.recipient, sizeof m.recipient, is_long); m.code = 554);
	number = MSG_LOG_STATE;
	TRY(log_state, msg_log_state, ROLE_FOLLOW, ROLE_ENGINE, 0, false, is_long, m.state = LOG_JOURNAL;
		fill(m.position.cursor, sizeof m.position.cursor, is_long); m.dropped = 3; m.is_caught_up = 1);
}

static void try_helpers(bool is_long)
{
	static char output[MESSAGE_RUN_OUTPUT];
	enum message_type number = MSG_RUN;

	TRY(run, msg_run, ROLE_ENGINE, ROLE_RUN, 0, false, is_long, m.what = RUN_ALARM;
		m.count = is_long ? MESSAGE_RUN_ARGS : 0;
		for (int i = 0; i < m.count; i++) fill(m.arg[i], sizeof m.arg[i], true));
	number = MSG_RUN_DONE;
	TRY(run_done, msg_run_done, ROLE_RUN, ROLE_ENGINE, 0, false, is_long, m.what = RUN_POSTCONF; m.status = -2;
		m.output = slice_of(output, is_long ? sizeof output : 0));
	number = MSG_MAP_APPLY;
	TRY(map_apply, msg_map_apply, ROLE_ENGINE, ROLE_ALIASMAP, 1, true, true, m.is_full = 1);
	number = MSG_LIVE_CHECK;
	TRY(map_apply, msg_map_apply, ROLE_ENGINE, ROLE_ALIASMAP, 1, true, true, m.seq = 1);
	number = MSG_MAP_DONE;
	TRY(map_done, msg_map_done, ROLE_ALIASMAP, ROLE_ENGINE, 0, false, is_long, m.is_ok = 1;
		fill(m.text, sizeof m.text, is_long));
	number = MSG_LIVE_RESULT;
	TRY(map_done, msg_map_done, ROLE_ALIASMAP, ROLE_ENGINE, 1, false, is_long,
		fill(m.text, sizeof m.text, is_long));
	number = MSG_TEXT;
	TRY(text, msg_text, ROLE_ALIASMAP, ROLE_ENGINE, 1, false, is_long, m.kind = TEXT_ALLOW; m.index = 4;
		m.count = 5; fill(m.path, sizeof m.path, is_long));
}

static void try_fetch(bool is_long)
{
	enum message_type number = MSG_SPF_WALK;

	TRY(spf_ask, msg_spf_ask, ROLE_ENGINE, ROLE_FETCH, 0, false, is_long, m.client = address(is_long);
		fill(m.domain, sizeof m.domain, is_long));
	number = MSG_SPF_CHECK;
	TRY(spf_ask, msg_spf_ask, ROLE_ENGINE, ROLE_FETCH, 0, false, is_long, m.client = address(is_long);
		fill(m.domain, sizeof m.domain, is_long));
	number = MSG_SPF_SET;
	TRY(spf_set, msg_spf_set, ROLE_FETCH, ROLE_ENGINE, 0, false, is_long, m.state = SPF_PERMERROR;
		fill(m.reason, sizeof m.reason, is_long); m.count = is_long ? SPF_SET_MAX : 0;
		for (int i = 0; i < m.count; i++) m.prefix[i] =
			(struct prefix){ .addr = { .family = 6, .b = { 0x20, 1, (uint8_t)i } }, .len = 128 });
	number = MSG_SPF_SAYS;
	TRY(spf_says, msg_spf_says, ROLE_FETCH, ROLE_ENGINE, 0, true, true, m.result = SPF_SAYS_UNKNOWN);
	number = MSG_DNS_ASK;
	TRY(dns_ask, msg_dns_ask, ROLE_ENGINE, ROLE_FETCH, 0, false, is_long,
		m.client = (struct ipaddr){ .family = is_long ? 6 : 4, .b = { 0x20, 1 } });
	number = MSG_DNS_SAYS;
	TRY(dns_says, msg_dns_says, ROLE_FETCH, ROLE_ENGINE, 0, false, is_long, m.result = DNS_SAYS_ALLOWED;
		fill(m.list, sizeof m.list, is_long));
	number = MSG_DNS_STATE;
	TRY(dns_state, msg_dns_state, ROLE_FETCH, ROLE_ENGINE, 0, false, is_long, m.count = 1; m.kind = DNS_KIND_BLOCK;
		m.state = SENTINEL_OFF; m.why = SENTINEL_NO_ANSWER; fill(m.list, sizeof m.list, is_long));
}

static void try_tarpit(bool is_long)
{
	enum message_type number = MSG_BLOCKS;

	TRY(empty, msg_which, ROLE_ENGINE, ROLE_TARPIT, 1, true, true, (void)m);
	number = MSG_ANSWERED;
	TRY(answered, msg_answered, ROLE_TARPIT, ROLE_ENGINE, 0, false, is_long, m.client = address(is_long);
		fill(m.helo, sizeof m.helo, is_long); fill(m.sender, sizeof m.sender, is_long);
		fill(m.recipient, sizeof m.recipient, is_long));
	number = MSG_PART;
	TRY(part, msg_part, ROLE_PARENT, ROLE_TARPIT, 0, true, true, m.index = 3; m.count = 4; m.conntrack = 262144);
	TRY(part, msg_part, ROLE_PARENT, role_tarpit(3), 0, true, true, m.count = 1);
	number = MSG_TARPIT_STATE;
	TRY(tarpit_state, msg_tarpit_state, ROLE_TARPIT, ROLE_ENGINE, 0, true, true, m.why = TARPIT_CAP_CONNTRACK;
		m.cap = 7; m.tls_off = TARPIT_TLS_KEY; m.is_paused = 1; m.held_s = 5);
	TRY(tarpit_state, msg_tarpit_state, role_tarpit(15), ROLE_ENGINE, 0, true, true, m.held = 1);
	number = MSG_SAMPLE;
	TRY(sample, msg_sample, ROLE_TARPIT, ROLE_CAPTURE, 1, false, is_long, m.client = address(is_long);
		m.size = 70000; fill(m.case_id, sizeof m.case_id, is_long); fill(m.helo, sizeof m.helo, is_long);
		fill(m.sender, sizeof m.sender, is_long); fill(m.recipients, sizeof m.recipients, is_long));
	number = MSG_ANSWERED_END;
	TRY(answered_end, msg_answered_end, ROLE_TARPIT, ROLE_ENGINE, 0, false, is_long, m.client = address(is_long);
		m.seconds = 3600; m.is_held = 1; fill(m.helo, sizeof m.helo, is_long));
}

static void try_feed(int is_long)
{
	enum message_type number = MSG_FEED_RUN;

	TRY(feed_run, msg_feed_run, ROLE_FEED, ROLE_RUN, 0, false, is_long, m.part = 7;
		slice_copy(SLICE_LIT("a"), m.name, sizeof m.name); fill(m.list, sizeof m.list, is_long);
		if (is_long) fill(m.name, sizeof m.name, is_long));
	number = MSG_FEED_RAN;
	TRY(feed_ran, msg_feed_ran, ROLE_RUN, ROLE_FEED, 1, false, is_long, m.status = -1; m.is_cut = 1;
		fill(m.text, sizeof m.text, is_long));
	number = MSG_FEED_SET;
	TRY(feed_set, msg_feed_set, ROLE_FEED, ROLE_ENGINE, 1, false, is_long, m.action = FEED_ACTION_SCORE;
		m.layers = FEED_LAYER_POLICY | FEED_LAYER_EXPORT; m.code = 3; m.index = FEEDS_MAX - 1;
		slice_copy(SLICE_LIT("a"), m.name, sizeof m.name); fill(m.text, sizeof m.text, is_long);
		if (is_long) fill(m.name, sizeof m.name, is_long));
	number = MSG_FEED_TOOK;
	TRY(feed_took, msg_feed_took, ROLE_ENGINE, ROLE_FEED, 0, false, is_long, m.result = FEED_HELD;
		slice_copy(SLICE_LIT("a"), m.name, sizeof m.name); fill(m.text, sizeof m.text, is_long);
		if (is_long) fill(m.name, sizeof m.name, is_long));
	number = MSG_FEED_STATE;
	TRY(
		feed_state, msg_feed_state, ROLE_FEED, ROLE_ENGINE, 0, false, is_long, m.good = 1; if (is_long) {
			m.count = 2;
			m.index = 1;
			m.state = FEED_STATE_HELD;
			m.action = FEED_ACTION_ALLOW;
			fill(m.name, sizeof m.name, is_long);
		} fill(m.text, sizeof m.text, is_long));
	number = MSG_FEED_ASK;
	TRY(feed_ask, msg_feed_ask, ROLE_ENGINE, ROLE_FEED, 0, false, is_long, m.what = FEED_ASK_CONFIRM;
		fill(m.name, sizeof m.name, is_long));
	number = MSG_FEED_GIVE;
	TRY(feed_give, msg_feed_give, ROLE_ENGINE, ROLE_DNSBL, 1, false, is_long,
		m.use = is_long ? FEED_USE_LIST : FEED_USE_HOLES;
		m.code = 254; m.layers = FEED_LAYER_DNSBL; fill(m.name, sizeof m.name, is_long));
	number = MSG_EXPORT_RUN;
	TRY(export_run, msg_export_run, ROLE_PUBLISH, ROLE_RUN, 0, false, is_long, m.seq = 3;
		slice_copy(SLICE_LIT("a"), m.name, sizeof m.name); if (is_long) fill(m.name, sizeof m.name, is_long));
	number = MSG_EXPORT_RAN;
	TRY(export_ran, msg_export_ran, ROLE_RUN, ROLE_PUBLISH, 0, false, is_long, m.status = -2;
		fill(m.text, sizeof m.text, is_long));
	number = MSG_EXPORT_STATE;
	TRY(export_state, msg_export_state, ROLE_PUBLISH, ROLE_ENGINE, 0, false, is_long, m.index = 1; m.count = 2;
		m.state = EXPORT_FAILED; m.status = 1; m.ran = 5; fill(m.name, sizeof m.name, is_long);
		fill(m.text, sizeof m.text, is_long));
	number = MSG_UPDATE_STATE;
	TRY(update_state, msg_update_state, ROLE_PUBLISH, ROLE_ENGINE, 0, false, is_long, m.state = 11; m.is_acting = 1;
		m.clock_s = -5; m.names = 7; m.failures = 1; fill(m.text, sizeof m.text, is_long));
	number = MSG_FEED_SAYS;
	TRY(feed_says, msg_feed_says, ROLE_ENGINE, ROLE_TARPIT, 0, false, is_long, m.index = FEEDS_MAX - 1;
		fill(m.text, sizeof m.text, is_long));
	number = MSG_ACTING;
	TRY(acting, msg_acting, ROLE_ENGINE, ROLE_PUBLISH, 0, true, true, m.is_acting = 1);
	number = MSG_DNSBL_STATE;
	TRY(dnsbl_state, msg_dnsbl_state, ROLE_DNSBL, ROLE_ENGINE, 0, false, is_long, m.listen.wanted = 2;
		m.listen.open = 1; m.feeds = FEEDS_MAX; m.has_test = 1; m.shed = 7;
		fill(m.listen.text, sizeof m.listen.text, is_long));
	number = MSG_DNSBL_LISTEN;
	TRY(dnsbl_listen, msg_dnsbl_listen, ROLE_PARENT, ROLE_DNSBL, 0, false, is_long, m.wanted = 8; m.open = 8;
		fill(m.text, sizeof m.text, is_long));
}

static void test_round_trip(void **state)
{
	(void)state;
	try_parent();
	for (int is_long = 0; is_long < 2; is_long++) {
		try_firewall(is_long);
		try_capture(is_long);
		try_follow(is_long);
		try_helpers(is_long);
		try_fetch(is_long);
		try_tarpit(is_long);
		try_feed(is_long);
	}
}

/* Every type the schema does not know, and every pair of roles for a type that only one pair may use. */
static void test_schema_refuses(void **state)
{
	uint8_t b[2] = { 0, 1 };
	enum message_type t = MSG_PING;
	int known = 0;

	(void)state;
	assert_int_equal(message_check(ROLE_PARENT, ROLE_ENGINE, slice_of(b, 0), 0, &t), ERR_SYNTAX);
	for (int i = 0; i < 256; i++) {
		b[0] = (uint8_t)i;
		if (strcmp(message_name((enum message_type)i), "?") != 0) {
			known++;
			continue;
		}
		assert_int_equal(message_check(ROLE_PARENT, ROLE_ENGINE, slice_of(b, 1), 0, &t), ERR_SYNTAX);
	}
	assert_int_equal(known, 73);
	assert_int_equal((int)t, MSG_PING);
	b[0] = MSG_FW_SYNC;
	for (int from = 0; from <= ROLE_COUNT; from++)
		for (int to = 0; to <= ROLE_COUNT; to++)
			assert_int_equal(message_check((enum role)from, (enum role)to, slice_of(b, 2), 0, &t),
				from == ROLE_ENGINE && to == ROLE_FIREWALL ? ERR_OK : ERR_DENIED);
}

/* Processes of the tarpit: numbers and names of their own, the rights of one role. */
static void test_processes(void **state)
{
	enum role r;

	(void)state;
	for (unsigned i = 0; i < ROLE_TARPITS; i++) {
		r = ROLE_COUNT;
		assert_true(role_parse(role_name(role_tarpit(i)), &r));
		assert_int_equal(r, role_tarpit(i));
		assert_int_equal(role_kind(r), ROLE_TARPIT);
	}
	assert_string_equal(role_name(role_tarpit(0)), "tarpit");
	assert_string_equal(role_name(role_tarpit(15)), "tarpit16");
	for (int i = ROLE_COUNT; i < ROLE_TARPIT_MORE; i++)
		assert_int_equal(role_kind((enum role)i), ROLE_COUNT);
	assert_int_equal(role_kind((enum role)ROLE_PROCESSES), ROLE_COUNT);
	assert_int_equal(role_kind(ROLE_ENGINE), ROLE_ENGINE);
	assert_false(role_parse("?", &r) || role_parse("tarpit1", &r) || role_parse("tarpit17", &r));
}

#define REFUSED(name, type, ...)                                                                                       \
	do {                                                                                                           \
		static struct type m;                                                                                  \
		static const uint8_t bytes[] = { __VA_ARGS__ };                                                        \
		struct rd r = rd_init(bytes, sizeof bytes);                                                            \
		assert_int_equal(message_get_##name(&r, &m), ERR_SYNTAX);                                              \
	} while (0)

static void test_values_refused(void **state)
{
	(void)state;
	REFUSED(hello, msg_hello, 0, 1, ROLE_PROCESSES);
	REFUSED(part, msg_part, 1, 1, 0, 0, 0, 0);
	REFUSED(acting, msg_acting, 2);
	REFUSED(feed_says, msg_feed_says, FEEDS_MAX, 0, 0);
	REFUSED(export_run, msg_export_run, 0, 0, 0, 1, 0, 0);
	REFUSED(dnsbl_listen, msg_dnsbl_listen, 1, 2, 0, 0);
	REFUSED(feed_ask, msg_feed_ask, 3, 0, 0);
	REFUSED(feed_run, msg_feed_run, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0);
	REFUSED(feed_ran, msg_feed_ran, 0, 0, 0, 1, 0, 0, 0, 0, 2, 0, 0);
	REFUSED(feed_give, msg_feed_give, FEEDS_MAX, FEED_USE_LIST, 0, 3, 0, 1, 'a');
	REFUSED(feed_give, msg_feed_give, 0, FEED_USE_LIST, 16, 3, 0, 1, 'a');
	REFUSED(feed_give, msg_feed_give, 0, FEED_USE_LIST, 0, 3, 0, 0);
	REFUSED(part, msg_part, 0, ROLE_TARPITS + 1, 0, 0, 0, 0);
	REFUSED(which, msg_which, 0);
	REFUSED(which, msg_which, ROLE_PROCESSES);
	REFUSED(unlinked, msg_unlinked, 0, 0, 0, 0, 1);
	REFUSED(unlinked, msg_unlinked, ROLE_PROCESSES, 0, 0, 0, 1);
	REFUSED(fw_sync, msg_fw_sync, 3);
	REFUSED(hit_ack, msg_hit_ack, 0, 0, 0, 0, 0, 0, 0, 1, 4);
	REFUSED(corpus_remove, msg_corpus_remove, 0, 0);
	REFUSED(corpus_remove, msg_corpus_remove, 0, 2, '.', '.');
	REFUSED(corpus_remove, msg_corpus_remove, 0, 4, 'a', '/', '.', '.');
	REFUSED(corpus_remove, msg_corpus_remove, 0, 2, 'a', 0);
	REFUSED(corpus_forget, msg_corpus_forget, 0, 0, 0, 1, 0, 0, 0);
	REFUSED(corpus_forget, msg_corpus_forget, 0, 0, 0, 1, 2, 0, 1, 'a');
	REFUSED(map_apply, msg_map_apply, 0, 0, 0, 1, 2);
	/* more operations than there may be; host bits beyond the length; no family */
	REFUSED(fw_ops, msg_fw_ops, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, 0xff);
	REFUSED(fw_ops, msg_fw_ops, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1, 1, 4, 192, 0, 2, 1, 24, 0, 0, 0, 9);
	REFUSED(fw_ops, msg_fw_ops, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1, 1, 0, 0, 0, 0, 0, 9);
	/* index beyond count */
	REFUSED(text, msg_text, TEXT_TRAPS, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0);
}

static void test_too_much(void **state)
{
	static struct msg_fw_ops ops = { .count = MESSAGE_FW_OPS + 1 };
	struct msg_run run = { .what = RUN_ALARM, .count = MESSAGE_RUN_ARGS + 1 };
	struct msg_run_done done = { .output = slice_of(wire, MESSAGE_RUN_OUTPUT + 1) };
	static uint8_t to[MESSAGE_MAX];
	struct wr w = wr_init(to, sizeof to);

	(void)state;
	message_put_fw_ops(&w, MSG_FW_OPS, &ops);
	assert_true(w.bad);
	w = wr_init(to, sizeof to);
	message_put_run(&w, MSG_RUN, &run);
	assert_true(w.bad);
	w = wr_init(to, sizeof to);
	message_put_run_done(&w, MSG_RUN_DONE, &done);
	assert_true(w.bad);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_schema_refuses),
		cmocka_unit_test(test_processes),
		cmocka_unit_test(test_values_refused),
		cmocka_unit_test(test_too_much),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
