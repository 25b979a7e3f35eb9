/*
 * message: the schema table: who may send what to whom, how long it may be
 * and how many descriptors come with it. The codecs are in message_codec.c.
 * SPDX-License-Identifier: ISC
 */
#include "core/message.h"

#define PARENT ROLE_BIT(ROLE_PARENT)
#define ENGINE ROLE_BIT(ROLE_ENGINE)
#define FIREWALL ROLE_BIT(ROLE_FIREWALL)
#define CAPTURE ROLE_BIT(ROLE_CAPTURE)
#define FOLLOW ROLE_BIT(ROLE_FOLLOW)
#define RUN ROLE_BIT(ROLE_RUN)
#define ALIASMAP ROLE_BIT(ROLE_ALIASMAP)
#define FETCH ROLE_BIT(ROLE_FETCH)
#define TARPIT ROLE_BIT(ROLE_TARPIT)
#define FEED ROLE_BIT(ROLE_FEED)
#define DNSBL ROLE_BIT(ROLE_DNSBL)
#define PUBLISH ROLE_BIT(ROLE_PUBLISH)
#define CHILDREN (ENGINE | FIREWALL | CAPTURE | FOLLOW | RUN | ALIASMAP | FETCH | TARPIT | FEED | DNSBL | PUBLISH)
#define ANYBODY (PARENT | CHILDREN)

/* Bytes on the wire: a type, an address at its shortest and longest, the longest text in size bytes with its NUL. */
#define TYPE 1
#define IP_MIN 1
#define IP_MAX 17
#define TEXT_MIN 2
#define TEXT_MAX(size) (2 + (size)-1)
#define POSITION_FIXED (8 + 8)
#define HIT_FIXED (TYPE + 8 + 8 + 2 + 1 + 1 + 1 + 4 + 1)
#define HIT_TEXTS                                                                                                      \
	(2 * TEXT_MAX(MESSAGE_NAME) + TEXT_MAX(MESSAGE_QUEUE_ID) + 3 * TEXT_MAX(MESSAGE_ADDRESS) +                     \
		2 * TEXT_MAX(MESSAGE_ID) + TEXT_MAX(MESSAGE_CORPUS_ID))
#define FW_OP_MAX (1 + IP_MAX + 1 + 4 + TEXT_MAX(CASE_ID_TEXT))
#define CURSOR_MAX TEXT_MAX(512)
#define PATH_MAX_TEXT TEXT_MAX(512)
#define FEED_SET_FIXED (8 + 3 + 8 + 4 * 4)
#define FEED_STATE_FIXED (3 + 2 + 3 * 8 + 4 * 4)

struct schema {
	const char *name;
	unsigned from, to; /* ROLE_BIT masks */
	size_t min, max;   /* bytes, type included */
	size_t fds_min, fds_max;
};

/* clang-format off */
static const struct schema schema[] = {
	[MSG_HELLO]         = { "HELLO", ANYBODY, ANYBODY, TYPE + 3, TYPE + 3, 0, 0 },
	[MSG_CONFIG]        = { "CONFIG", PARENT, CHILDREN, TYPE, TYPE, 1, 1 },
	[MSG_LISTENER]      = { "LISTENER", PARENT, ENGINE | CAPTURE | TARPIT | DNSBL, TYPE + 1, TYPE + 1, 1, 1 },
	[MSG_LINK]          = { "LINK", PARENT, CHILDREN, TYPE + 1, TYPE + 1, 1, 1 },
	[MSG_FILE]          = { "FILE", PARENT, FOLLOW | TARPIT | PUBLISH, TYPE + 1, TYPE + 1, 1, 1 },
	[MSG_START]         = { "START", PARENT, CHILDREN, TYPE, TYPE, 0, 0 },
	[MSG_READY]         = { "READY", CHILDREN, PARENT, TYPE, TYPE, 0, 0 },
	[MSG_PING]          = { "PING", PARENT, CHILDREN, TYPE, TYPE, 0, 0 },
	[MSG_PONG]          = { "PONG", CHILDREN, PARENT, TYPE, TYPE, 0, 0 },
	[MSG_STOP]          = { "STOP", PARENT, CHILDREN, TYPE, TYPE, 0, 0 },
	[MSG_SELFTEST]      = { "SELFTEST", PARENT, CHILDREN, TYPE + 5, TYPE + 5, 0, 0 },
	[MSG_SELFTEST_DONE] = { "SELFTEST_DONE", CHILDREN, PARENT, TYPE + 5, TYPE + 5, 0, 0 },
	[MSG_UNLINKED]      = { "UNLINKED", CHILDREN, PARENT, TYPE + 5, TYPE + 5, 0, 0 },

	[MSG_FW_OPS]        = { "FW_OPS", ENGINE, FIREWALL, TYPE + 10, TYPE + 10 + MESSAGE_FW_OPS * FW_OP_MAX, 0, 0 },
	[MSG_FW_SYNC]       = { "FW_SYNC", ENGINE, FIREWALL, TYPE + 1, TYPE + 1, 0, 0 },
	[MSG_FW_DONE]       = { "FW_DONE", FIREWALL, ENGINE, TYPE + 12, TYPE + 12, 0, 0 },
	[MSG_FW_STATE]      = { "FW_STATE", FIREWALL, ENGINE, TYPE + 21 + TEXT_MIN,
		TYPE + 21 + TEXT_MAX(MESSAGE_FW_TEXT), 0, 0 },
	[MSG_HOOK]          = { "HOOK", FIREWALL, RUN, TYPE + 7, TYPE + 7 + MESSAGE_HOOK_OPS * FW_OP_MAX, 0, 0 },
	[MSG_HOOK_DONE]     = { "HOOK_DONE", RUN, FIREWALL, TYPE + 9 + TEXT_MIN,
		TYPE + 9 + TEXT_MAX(MESSAGE_FW_TEXT), 0, 1 },
	[MSG_FW_KILL]       = { "FW_KILL", ENGINE | FIREWALL, ENGINE | FIREWALL, TYPE + 5 + 2 * IP_MIN, TYPE + 5 + 2 * IP_MAX, 0, 0 },

	[MSG_HIT]           = { "HIT", CAPTURE, ENGINE,
		HIT_FIXED + 2 * IP_MIN + 9 * TEXT_MIN, HIT_FIXED + 2 * IP_MAX + HIT_TEXTS, 0, 0 },
	[MSG_HIT_ACK]       = { "HIT_ACK", ENGINE, CAPTURE, TYPE + 9, TYPE + 9, 0, 0 },
	[MSG_CORPUS_REMOVE] = { "CORPUS_REMOVE", ENGINE, CAPTURE,
		TYPE + TEXT_MIN + 1, TYPE + TEXT_MAX(MESSAGE_CORPUS_ID), 0, 0 },
	[MSG_CORPUS_STATE]  = { "CORPUS_STATE", CAPTURE, ENGINE, TYPE + 16, TYPE + 16, 0, 0 },
	[MSG_CORPUS_FORGET] = { "CORPUS_FORGET", ENGINE, CAPTURE,
		TYPE + 5 + TEXT_MIN + 1, TYPE + 5 + TEXT_MAX(MESSAGE_ADDRESS), 0, 0 },
	[MSG_CORPUS_FORGOTTEN] = { "CORPUS_FORGOTTEN", CAPTURE, ENGINE, TYPE + 12, TYPE + 12, 0, 0 },
	[MSG_RIDERS]        = { "RIDERS", CAPTURE, ENGINE, TYPE + 19 + IP_MIN + 5 * TEXT_MIN,
		TYPE + 19 + IP_MAX + TEXT_MAX(MESSAGE_NAME) + TEXT_MAX(MESSAGE_QUEUE_ID) + TEXT_MAX(MESSAGE_ADDRESS) +
			TEXT_MAX(MESSAGE_CORPUS_ID) + TEXT_MAX(MESSAGE_RIDERS), 0, 0 },
	[MSG_RIDERS_DO]     = { "RIDERS_DO", ENGINE, CAPTURE, TYPE + 9 + 3 * TEXT_MIN,
		TYPE + 9 + TEXT_MAX(MESSAGE_CASE) + TEXT_MAX(MESSAGE_CORPUS_ID) + TEXT_MAX(MESSAGE_ADDRESS), 0, 0 },
	[MSG_MAIL_OPEN]     = { "MAIL_OPEN", CAPTURE, PARENT, TYPE + 9, TYPE + 9, 0, 0 },
	[MSG_MAIL_SOCKET]   = { "MAIL_SOCKET", PARENT, CAPTURE, TYPE + 12, TYPE + 12, 0, 1 },

	[MSG_LOG_RESUME]    = { "LOG_RESUME", ENGINE, FOLLOW,
		TYPE + POSITION_FIXED + TEXT_MIN, TYPE + POSITION_FIXED + CURSOR_MAX, 0, 0 },
	[MSG_LOG_MAIL]      = { "LOG_MAIL", FOLLOW, ENGINE, TYPE + 8 + IP_MIN + 4 * TEXT_MIN + 2,
		TYPE + 8 + IP_MAX + TEXT_MAX(MESSAGE_NAME) + TEXT_MAX(MESSAGE_QUEUE_ID) + 2 * TEXT_MAX(MESSAGE_ADDRESS) + 2, 0, 0 },
	[MSG_LOG_LOGIN]     = { "LOG_LOGIN", FOLLOW, ENGINE, TYPE + 8 + IP_MIN + 2 * TEXT_MIN,
		TYPE + 8 + IP_MAX + TEXT_MAX(MESSAGE_QUEUE_ID) + TEXT_MAX(MESSAGE_ADDRESS), 0, 0 },
	[MSG_LOG_RCPT]      = { "LOG_RCPT", FOLLOW, ENGINE, TYPE + 8 + IP_MIN + 2 * TEXT_MIN + 2,
		TYPE + 8 + IP_MAX + 2 * TEXT_MAX(MESSAGE_ADDRESS) + 2, 0, 0 },
	[MSG_LOG_STATE]     = { "LOG_STATE", FOLLOW, ENGINE, TYPE + 1 + POSITION_FIXED + TEXT_MIN + 25,
		TYPE + 1 + POSITION_FIXED + CURSOR_MAX + 25, 0, 0 },

	[MSG_RUN]           = { "RUN", ENGINE, RUN,
		TYPE + 6, TYPE + 6 + MESSAGE_RUN_ARGS * TEXT_MAX(MESSAGE_RUN_ARG), 0, 0 },
	[MSG_RUN_DONE]      = { "RUN_DONE", RUN, ENGINE, TYPE + 9 + TEXT_MIN, TYPE + 9 + TEXT_MIN + MESSAGE_RUN_OUTPUT, 0, 0 },

	[MSG_MAP_APPLY]     = { "MAP_APPLY", ENGINE, ALIASMAP, TYPE + 5, TYPE + 5, 1, 1 },
	[MSG_MAP_DONE]      = { "MAP_DONE", ALIASMAP, ENGINE,
		TYPE + 5 + TEXT_MIN, TYPE + 5 + TEXT_MAX(512), 0, 0 },
	[MSG_LIVE_CHECK]    = { "LIVE_CHECK", ENGINE, ALIASMAP, TYPE + 5, TYPE + 5, 1, 1 },
	[MSG_LIVE_RESULT]   = { "LIVE_RESULT", ALIASMAP, ENGINE,
		TYPE + 5 + TEXT_MIN, TYPE + 5 + TEXT_MAX(512), 0, 1 },
	[MSG_TEXT]          = { "TEXT", ALIASMAP, ENGINE, TYPE + 13 + TEXT_MIN, TYPE + 13 + PATH_MAX_TEXT, 0, 1 },
	[MSG_REREAD]        = { "REREAD", ENGINE, ALIASMAP, TYPE, TYPE, 0, 0 },

	[MSG_SPF_WALK]      = { "SPF_WALK", ENGINE, FETCH, TYPE + 8 + IP_MIN + TEXT_MIN,
		TYPE + 8 + IP_MAX + TEXT_MAX(DNS_NAME), 0, 0 },
	[MSG_SPF_SET]       = { "SPF_SET", FETCH, ENGINE, TYPE + 16 + TEXT_MIN,
		TYPE + 16 + TEXT_MAX(100) + SPF_SET_MAX * (IP_MAX + 1), 0, 0 },
	[MSG_SPF_CHECK]     = { "SPF_CHECK", ENGINE, FETCH, TYPE + 8 + IP_MIN + TEXT_MIN,
		TYPE + 8 + IP_MAX + TEXT_MAX(DNS_NAME), 0, 0 },
	[MSG_SPF_SAYS]      = { "SPF_SAYS", FETCH, ENGINE, TYPE + 9, TYPE + 9, 0, 0 },
	[MSG_DNS_ASK]       = { "DNS_ASK", ENGINE, FETCH, TYPE + 8 + IP_MIN + 4, TYPE + 8 + IP_MAX, 0, 0 },
	[MSG_DNS_SAYS]      = { "DNS_SAYS", FETCH, ENGINE, TYPE + 9 + TEXT_MIN, TYPE + 9 + TEXT_MAX(CONF_TITLE), 0, 0 },
	[MSG_DNS_STATE]     = { "DNS_STATE", FETCH, ENGINE, TYPE + 45 + TEXT_MIN, TYPE + 45 + TEXT_MAX(CONF_TITLE), 0, 0 },

	[MSG_BLOCKS]        = { "BLOCKS", ENGINE, TARPIT | DNSBL | PUBLISH, TYPE, TYPE, 1, 1 },
	[MSG_TARPIT_STATE]  = { "TARPIT_STATE", TARPIT, ENGINE, TYPE + 80, TYPE + 80, 0, 0 },
	[MSG_PART]          = { "PART", PARENT, TARPIT, TYPE + 6, TYPE + 6, 0, 0 },
	[MSG_HAND_OPEN]     = { "HAND_OPEN", TARPIT, PARENT, TYPE + 9, TYPE + 9, 0, 0 },
	[MSG_HAND_SOCKET]   = { "HAND_SOCKET", PARENT, TARPIT, TYPE + 12, TYPE + 12, 0, 1 },
	[MSG_ANSWERED]      = { "ANSWERED", TARPIT, ENGINE, TYPE + IP_MIN + 3 * TEXT_MIN,
		TYPE + IP_MAX + TEXT_MAX(MESSAGE_NAME) + 2 * TEXT_MAX(MESSAGE_ADDRESS), 0, 0 },
	[MSG_SAMPLE]        = { "SAMPLE", TARPIT, CAPTURE, TYPE + 4 + IP_MIN + 4 * TEXT_MIN,
		TYPE + 4 + IP_MAX + TEXT_MAX(MESSAGE_CASE) + TEXT_MAX(MESSAGE_NAME) + TEXT_MAX(MESSAGE_ADDRESS) +
			TEXT_MAX(MESSAGE_SAMPLE_TO), 1, 1 },
	[MSG_ANSWERED_END]  = { "ANSWERED_END", TARPIT, ENGINE, TYPE + 13 + IP_MIN + TEXT_MIN,
		TYPE + 13 + IP_MAX + TEXT_MAX(MESSAGE_NAME), 0, 0 },

	[MSG_FEED_RUN]      = { "FEED_RUN", FEED, RUN, TYPE + 6 + 2 * TEXT_MIN + 1,
		TYPE + 6 + TEXT_MAX(CONF_TITLE) + TEXT_MAX(MESSAGE_FEED_LIST), 0, 0 },
	[MSG_FEED_RAN]      = { "FEED_RAN", RUN, FEED, TYPE + 9 + TEXT_MIN, TYPE + 9 + TEXT_MAX(MESSAGE_FEED_TEXT), 0, 1 },
	[MSG_FEED_SET]      = { "FEED_SET", FEED, ENGINE, TYPE + FEED_SET_FIXED + 2 * TEXT_MIN + 1,
		TYPE + FEED_SET_FIXED + TEXT_MAX(CONF_TITLE) + TEXT_MAX(MESSAGE_FEED_TEXT), 1, 1 },
	[MSG_FEED_TOOK]     = { "FEED_TOOK", ENGINE, FEED, TYPE + 9 + 2 * TEXT_MIN + 1,
		TYPE + 9 + TEXT_MAX(CONF_TITLE) + TEXT_MAX(MESSAGE_FEED_TEXT), 0, 0 },
	[MSG_FEED_STATE]    = { "FEED_STATE", FEED, ENGINE, TYPE + FEED_STATE_FIXED + 2 * TEXT_MIN,
		TYPE + FEED_STATE_FIXED + TEXT_MAX(CONF_TITLE) + TEXT_MAX(MESSAGE_FEED_TEXT), 0, 0 },
	[MSG_FEED_ASK]      = { "FEED_ASK", ENGINE, FEED, TYPE + 1 + TEXT_MIN, TYPE + 1 + TEXT_MAX(CONF_TITLE), 0, 0 },
	[MSG_FEED_GIVE]     = { "FEED_GIVE", ENGINE, DNSBL | PUBLISH, TYPE + 4 + TEXT_MIN,
		TYPE + 4 + TEXT_MAX(CONF_TITLE), 0, 1 },
	[MSG_EXPORT_RUN]    = { "EXPORT_RUN", PUBLISH, RUN, TYPE + 4 + TEXT_MIN + 1, TYPE + 4 + TEXT_MAX(CONF_TITLE), 0, 0 },
	[MSG_EXPORT_RAN]    = { "EXPORT_RAN", RUN, PUBLISH, TYPE + 8 + TEXT_MIN,
		TYPE + 8 + TEXT_MAX(MESSAGE_EXPORT_TEXT), 0, 0 },
	[MSG_EXPORT_STATE]  = { "EXPORT_STATE", PUBLISH, ENGINE, TYPE + 49 + 2 * TEXT_MIN,
		TYPE + 49 + TEXT_MAX(CONF_TITLE) + TEXT_MAX(MESSAGE_EXPORT_TEXT), 0, 0 },
	[MSG_UPDATE_STATE]  = { "UPDATE_STATE", PUBLISH, ENGINE, TYPE + 67 + TEXT_MIN,
		TYPE + 67 + TEXT_MAX(MESSAGE_EXPORT_TEXT), 0, 0 },
	[MSG_FEED_SAYS]     = { "FEED_SAYS", ENGINE, TARPIT, TYPE + 1 + TEXT_MIN, TYPE + 1 + TEXT_MAX(MESSAGE_FEED_TEXT), 0, 0 },
	[MSG_ACTING]        = { "ACTING", ENGINE, DNSBL | PUBLISH, TYPE + 1, TYPE + 1, 0, 0 },

	[MSG_DNSBL_STATE]   = { "DNSBL_STATE", DNSBL, ENGINE, TYPE + 90 + TEXT_MIN,
		TYPE + 90 + TEXT_MAX(MESSAGE_DNSBL_TEXT), 0, 0 },
	[MSG_DNSBL_LISTEN]  = { "DNSBL_LISTEN", PARENT, DNSBL, TYPE + 2 + TEXT_MIN,
		TYPE + 2 + TEXT_MAX(MESSAGE_DNSBL_TEXT), 0, 0 },
};
/* clang-format on */

static const struct schema *schema_find(unsigned type)
{
	if (type >= sizeof schema / sizeof schema[0] || !schema[type].name)
		return NULL;
	return &schema[type];
}

enum err message_check(enum role from, enum role to, struct slice datagram, size_t fds, enum message_type *ret_type)
{
	const struct schema *s;

	if (datagram.n == 0)
		return ERR_SYNTAX;
	s = schema_find((uint8_t)datagram.p[0]);
	if (!s)
		return ERR_SYNTAX;
	from = role_kind(from);
	to = role_kind(to);
	if (from == ROLE_COUNT || to == ROLE_COUNT || from == to)
		return ERR_DENIED;
	if (!(s->from & ROLE_BIT(from)) || !(s->to & ROLE_BIT(to)))
		return ERR_DENIED;
	if (datagram.n < s->min || datagram.n > s->max || fds < s->fds_min || fds > s->fds_max)
		return ERR_SYNTAX;
	*ret_type = (enum message_type)(uint8_t)datagram.p[0];
	return ERR_OK;
}

const char *message_name(enum message_type t)
{
	const struct schema *s = schema_find((unsigned)t);

	return s ? s->name : "?";
}
