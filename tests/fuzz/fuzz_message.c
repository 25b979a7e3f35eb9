/*
 * fuzz_message: byte 0 sender, byte 1 receiver, byte 2 descriptors, then a
 * datagram. What the schema and the decoder take must encode to the same bytes.
 * SPDX-License-Identifier: ISC
 */
#include "core/message.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct wr out;

static void same(struct slice in)
{
	if (out.bad || !slice_eq(wr_slice(&out), in))
		abort();
}

#define CASE(name, type)                                                                                               \
	{                                                                                                              \
		static struct type m;                                                                                  \
		if (message_get_##name(&r, &m) != ERR_OK)                                                              \
			return;                                                                                        \
		message_put_##name(&out, t, &m);                                                                       \
		same(in);                                                                                              \
		return;                                                                                                \
	}

static void decode(enum message_type t, struct slice in)
{
	struct rd r = rd_init(in.p + 1, in.n - 1);

	switch (t) {
	case MSG_HELLO:
		CASE(hello, msg_hello)
	case MSG_LISTENER:
	case MSG_LINK:
	case MSG_FILE:
		CASE(which, msg_which)
	case MSG_CONFIG:
	case MSG_START:
	case MSG_READY:
	case MSG_PING:
	case MSG_PONG:
	case MSG_STOP:
	case MSG_REREAD:
	case MSG_BLOCKS:
		CASE(empty, msg_which)
	case MSG_UNLINKED:
		CASE(unlinked, msg_unlinked)
	case MSG_SELFTEST:
	case MSG_SELFTEST_DONE:
		CASE(selftest, msg_selftest)
	case MSG_FW_OPS:
		CASE(fw_ops, msg_fw_ops)
	case MSG_FW_SYNC:
		CASE(fw_sync, msg_fw_sync)
	case MSG_FW_DONE:
		CASE(fw_done, msg_fw_done)
	case MSG_FW_STATE:
		CASE(fw_state, msg_fw_state)
	case MSG_HOOK:
		CASE(hook, msg_hook)
	case MSG_HOOK_DONE:
		CASE(hook_done, msg_hook_done)
	case MSG_HIT:
		CASE(hit, msg_hit)
	case MSG_HIT_ACK:
		CASE(hit_ack, msg_hit_ack)
	case MSG_CORPUS_REMOVE:
		CASE(corpus_remove, msg_corpus_remove)
	case MSG_CORPUS_STATE:
		CASE(corpus_state, msg_corpus_state)
	case MSG_RIDERS:
		CASE(riders, msg_riders)
	case MSG_RIDERS_DO:
		CASE(riders_do, msg_riders_do)
	case MSG_MAIL_OPEN:
	case MSG_HAND_OPEN:
		CASE(mail_open, msg_mail_open)
	case MSG_MAIL_SOCKET:
	case MSG_HAND_SOCKET:
		CASE(mail_socket, msg_mail_socket)
	case MSG_CORPUS_FORGET:
		CASE(corpus_forget, msg_corpus_forget)
	case MSG_CORPUS_FORGOTTEN:
		CASE(corpus_forgotten, msg_corpus_forgotten)
	case MSG_LOG_RESUME:
		CASE(log_position, msg_log_position)
	case MSG_LOG_MAIL:
		CASE(log_mail, msg_log_mail)
	case MSG_LOG_LOGIN:
		CASE(log_login, msg_log_login)
	case MSG_LOG_RCPT:
		CASE(log_rcpt, msg_log_rcpt)
	case MSG_LOG_STATE:
		CASE(log_state, msg_log_state)
	case MSG_RUN:
		CASE(run, msg_run)
	case MSG_RUN_DONE:
		CASE(run_done, msg_run_done)
	case MSG_MAP_APPLY:
	case MSG_LIVE_CHECK:
		CASE(map_apply, msg_map_apply)
	case MSG_MAP_DONE:
	case MSG_LIVE_RESULT:
		CASE(map_done, msg_map_done)
	case MSG_TEXT:
		CASE(text, msg_text)
	case MSG_ANSWERED:
		CASE(answered, msg_answered)
	case MSG_PART:
		CASE(part, msg_part)
	case MSG_TARPIT_STATE:
		CASE(tarpit_state, msg_tarpit_state)
	case MSG_SAMPLE:
		CASE(sample, msg_sample)
	case MSG_FEED_RUN:
		CASE(feed_run, msg_feed_run)
	case MSG_FEED_RAN:
		CASE(feed_ran, msg_feed_ran)
	case MSG_FEED_SET:
		CASE(feed_set, msg_feed_set)
	case MSG_FEED_TOOK:
		CASE(feed_took, msg_feed_took)
	case MSG_FEED_STATE:
		CASE(feed_state, msg_feed_state)
	case MSG_FEED_ASK:
		CASE(feed_ask, msg_feed_ask)
	case MSG_FEED_GIVE:
		CASE(feed_give, msg_feed_give)
	case MSG_EXPORT_RUN:
		CASE(export_run, msg_export_run)
	case MSG_EXPORT_RAN:
		CASE(export_ran, msg_export_ran)
	case MSG_EXPORT_STATE:
		CASE(export_state, msg_export_state)
	case MSG_UPDATE_STATE:
		CASE(update_state, msg_update_state)
	case MSG_FEED_SAYS:
		CASE(feed_says, msg_feed_says)
	case MSG_ACTING:
		CASE(acting, msg_acting)
	case MSG_DNSBL_STATE:
		CASE(dnsbl_state, msg_dnsbl_state)
	case MSG_DNSBL_LISTEN:
		CASE(dnsbl_listen, msg_dnsbl_listen)
	case MSG_ANSWERED_END:
		CASE(answered_end, msg_answered_end)
	case MSG_FW_KILL:
		CASE(fw_kill, msg_fw_kill)
	case MSG_SPF_WALK:
	case MSG_SPF_CHECK:
		CASE(spf_ask, msg_spf_ask)
	case MSG_SPF_SET:
		CASE(spf_set, msg_spf_set)
	case MSG_SPF_SAYS:
		CASE(spf_says, msg_spf_says)
	case MSG_DNS_ASK:
		CASE(dns_ask, msg_dns_ask)
	case MSG_DNS_SAYS:
		CASE(dns_says, msg_dns_says)
	case MSG_DNS_STATE:
		CASE(dns_state, msg_dns_state)
	}
	abort(); /* a type that the schema knows and this list does not */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t bytes[MESSAGE_MAX];
	enum message_type t;
	struct slice in;

	if (size < 3)
		return 0;
	in = slice_of(data + 3, size - 3);
	out = wr_init(bytes, sizeof bytes);
	if (message_check((enum role)data[0], (enum role)data[1], in, data[2], &t) == ERR_OK)
		decode(t, in);
	return 0;
}
