/*
 * message_body: the decoder of each type, for a look ahead of the handler.
 * SPDX-License-Identifier: ISC
 */
#include "core/message.h"

typedef enum err (*look_fn)(struct rd *r);

#define LOOK(name, type)                                                                                               \
	static enum err look_##name(struct rd *r)                                                                      \
	{                                                                                                              \
		struct type m;                                                                                         \
                                                                                                                       \
		return message_get_##name(r, &m);                                                                      \
	}

LOOK(empty, msg_which)
LOOK(hello, msg_hello)
LOOK(which, msg_which)
LOOK(unlinked, msg_unlinked)
LOOK(selftest, msg_selftest)
LOOK(fw_ops, msg_fw_ops)
LOOK(fw_sync, msg_fw_sync)
LOOK(fw_done, msg_fw_done)
LOOK(fw_state, msg_fw_state)
LOOK(hook, msg_hook)
LOOK(hook_done, msg_hook_done)
LOOK(hit, msg_hit)
LOOK(hit_ack, msg_hit_ack)
LOOK(corpus_remove, msg_corpus_remove)
LOOK(corpus_state, msg_corpus_state)
LOOK(riders, msg_riders)
LOOK(riders_do, msg_riders_do)
LOOK(mail_open, msg_mail_open)
LOOK(mail_socket, msg_mail_socket)
LOOK(corpus_forget, msg_corpus_forget)
LOOK(corpus_forgotten, msg_corpus_forgotten)
LOOK(log_position, msg_log_position)
LOOK(log_mail, msg_log_mail)
LOOK(log_login, msg_log_login)
LOOK(log_rcpt, msg_log_rcpt)
LOOK(log_state, msg_log_state)
LOOK(run, msg_run)
LOOK(run_done, msg_run_done)
LOOK(map_apply, msg_map_apply)
LOOK(map_done, msg_map_done)
LOOK(text, msg_text)
LOOK(spf_ask, msg_spf_ask)
LOOK(spf_set, msg_spf_set)
LOOK(spf_says, msg_spf_says)
LOOK(dns_ask, msg_dns_ask)
LOOK(dns_says, msg_dns_says)
LOOK(dns_state, msg_dns_state)
LOOK(answered, msg_answered)
LOOK(sample, msg_sample)
LOOK(part, msg_part)
LOOK(tarpit_state, msg_tarpit_state)
LOOK(answered_end, msg_answered_end)
LOOK(fw_kill, msg_fw_kill)
LOOK(feed_run, msg_feed_run)
LOOK(feed_ran, msg_feed_ran)
LOOK(feed_set, msg_feed_set)
LOOK(feed_took, msg_feed_took)
LOOK(feed_state, msg_feed_state)
LOOK(feed_ask, msg_feed_ask)
LOOK(feed_give, msg_feed_give)
LOOK(feed_says, msg_feed_says)
LOOK(acting, msg_acting)
LOOK(export_run, msg_export_run)
LOOK(export_ran, msg_export_ran)
LOOK(export_state, msg_export_state)
LOOK(update_state, msg_update_state)
LOOK(dnsbl_state, msg_dnsbl_state)
LOOK(dnsbl_listen, msg_dnsbl_listen)

static const look_fn looks[] = {
	[MSG_HELLO] = look_hello,
	[MSG_CONFIG] = look_empty,
	[MSG_LISTENER] = look_which,
	[MSG_LINK] = look_which,
	[MSG_FILE] = look_which,
	[MSG_START] = look_empty,
	[MSG_READY] = look_empty,
	[MSG_PING] = look_empty,
	[MSG_PONG] = look_empty,
	[MSG_STOP] = look_empty,
	[MSG_SELFTEST] = look_selftest,
	[MSG_SELFTEST_DONE] = look_selftest,
	[MSG_UNLINKED] = look_unlinked,
	[MSG_FW_OPS] = look_fw_ops,
	[MSG_FW_SYNC] = look_fw_sync,
	[MSG_FW_DONE] = look_fw_done,
	[MSG_FW_STATE] = look_fw_state,
	[MSG_HOOK] = look_hook,
	[MSG_HOOK_DONE] = look_hook_done,
	[MSG_HIT] = look_hit,
	[MSG_HIT_ACK] = look_hit_ack,
	[MSG_CORPUS_REMOVE] = look_corpus_remove,
	[MSG_CORPUS_STATE] = look_corpus_state,
	[MSG_RIDERS] = look_riders,
	[MSG_RIDERS_DO] = look_riders_do,
	[MSG_MAIL_OPEN] = look_mail_open,
	[MSG_MAIL_SOCKET] = look_mail_socket,
	[MSG_CORPUS_FORGET] = look_corpus_forget,
	[MSG_CORPUS_FORGOTTEN] = look_corpus_forgotten,
	[MSG_LOG_RESUME] = look_log_position,
	[MSG_LOG_MAIL] = look_log_mail,
	[MSG_LOG_LOGIN] = look_log_login,
	[MSG_LOG_RCPT] = look_log_rcpt,
	[MSG_LOG_STATE] = look_log_state,
	[MSG_RUN] = look_run,
	[MSG_RUN_DONE] = look_run_done,
	[MSG_MAP_APPLY] = look_map_apply,
	[MSG_MAP_DONE] = look_map_done,
	[MSG_LIVE_CHECK] = look_map_apply,
	[MSG_LIVE_RESULT] = look_map_done,
	[MSG_TEXT] = look_text,
	[MSG_REREAD] = look_empty,
	[MSG_SPF_WALK] = look_spf_ask,
	[MSG_SPF_SET] = look_spf_set,
	[MSG_SPF_CHECK] = look_spf_ask,
	[MSG_SPF_SAYS] = look_spf_says,
	[MSG_DNS_ASK] = look_dns_ask,
	[MSG_DNS_SAYS] = look_dns_says,
	[MSG_DNS_STATE] = look_dns_state,
	[MSG_BLOCKS] = look_empty,
	[MSG_ANSWERED] = look_answered,
	[MSG_HAND_OPEN] = look_mail_open,
	[MSG_HAND_SOCKET] = look_mail_socket,
	[MSG_PART] = look_part,
	[MSG_TARPIT_STATE] = look_tarpit_state,
	[MSG_SAMPLE] = look_sample,
	[MSG_ANSWERED_END] = look_answered_end,
	[MSG_FW_KILL] = look_fw_kill,
	[MSG_FEED_RUN] = look_feed_run,
	[MSG_FEED_RAN] = look_feed_ran,
	[MSG_FEED_SET] = look_feed_set,
	[MSG_FEED_TOOK] = look_feed_took,
	[MSG_FEED_STATE] = look_feed_state,
	[MSG_FEED_ASK] = look_feed_ask,
	[MSG_FEED_GIVE] = look_feed_give,
	[MSG_FEED_SAYS] = look_feed_says,
	[MSG_ACTING] = look_acting,
	[MSG_EXPORT_RUN] = look_export_run,
	[MSG_EXPORT_RAN] = look_export_ran,
	[MSG_EXPORT_STATE] = look_export_state,
	[MSG_UPDATE_STATE] = look_update_state,
	[MSG_DNSBL_STATE] = look_dnsbl_state,
	[MSG_DNSBL_LISTEN] = look_dnsbl_listen,
};

enum err message_check_body(enum message_type t, struct rd body)
{
	unsigned i = (unsigned)t;

	return i < sizeof looks / sizeof looks[0] && looks[i] ? looks[i](&body) : ERR_SYNTAX;
}
