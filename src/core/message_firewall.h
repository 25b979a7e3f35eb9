/*
 * message_firewall: the part of core/message about what acts on connections:
 * the kernel's sets, the site's own hook, and sessions that are cut. Rules and
 * codecs as there; include that.
 * SPDX-License-Identifier: ISC
 */
#ifndef CORE_MESSAGE_FIREWALL_H
#define CORE_MESSAGE_FIREWALL_H
#include "base/ipaddr.h"
#include "core/case_id.h"

#define MESSAGE_FW_OPS 1000

struct fw_op {
	bool is_add; /* else delete */
	struct prefix prefix;
	uint32_t ttl_s; /* add: 1..FIREWALL_MAX_TTL */
	char case_id[CASE_ID_TEXT];
};

struct msg_fw_ops {
	uint64_t seq;
	uint16_t count;
	struct fw_op op[MESSAGE_FW_OPS];
};

struct msg_fw_sync {
	uint8_t phase; /* 1 begin: what is not added until end goes away; 2 end */
};

struct msg_fw_done {
	uint64_t seq;
	uint32_t error; /* 0, or errno of the kernel's answer */
};

enum fw_state {
	FW_OFF = 0, /* backend none, or the mode does not use it: our table is absent */
	FW_OK = 1,
	FW_DENIED = 2,  /* EPERM: no CAP_NET_ADMIN */
	FW_MISSING = 3, /* no nf_tables in this kernel */
	FW_ERROR = 4,
	FW_FEATURE = 5, /* this kernel lacks a part of nf_tables that the form needs */
	FW_FULL = 6,    /* it acts, but not all that is wanted fits */
	FW_HOOK = 7,    /* a hook fails */
};

#define MESSAGE_FW_TEXT 256

struct msg_fw_state {
	uint8_t state;              /* enum fw_state */
	uint32_t error;             /* errno, when not ok */
	uint32_t wanted;            /* elements that should be there */
	uint32_t present;           /* elements seen there */
	uint32_t repaired;          /* drift found and mended, since start */
	uint32_t refused;           /* ops refused by the role itself (never-block, caps), since start */
	char text[MESSAGE_FW_TEXT]; /* what is wrong and what helps, "" */
};

#define MESSAGE_HOOK_OPS 500

enum hook_what { HOOK_ADD = 1, HOOK_REMOVE = 2, HOOK_LIST = 3, HOOK_FLUSH = 4 };

struct msg_hook {
	uint32_t seq;
	uint8_t what; /* enum hook_what */
	uint16_t count;
	struct fw_op op[MESSAGE_HOOK_OPS];
};

struct msg_hook_done {
	uint32_t seq;
	int32_t status;             /* as in msg_run_done */
	uint8_t is_cut;             /* of a list: it printed more than is kept */
	char text[MESSAGE_FW_TEXT]; /* first line of its standard error */
};

enum fw_killed {
	FW_KILL_ASK = 0,
	FW_KILL_DONE = 1,
	FW_KILL_GONE = 2,    /* there was no such connection (any more) */
	FW_KILL_REFUSED = 3, /* by the role itself: not a mail port, never blocked, too many */
	FW_KILL_UNREAD = 4,  /* the client does not take Postfix's answer */
	FW_KILL_MISSING = 5, /* the kernel cannot (CONFIG_INET_DIAG_DESTROY) */
	FW_KILL_DENIED = 6,
	FW_KILL_ERROR = 7,
};

struct msg_fw_kill {
	struct ipaddr client, server; /* of the same family */
	uint16_t client_port, server_port;
	uint8_t result; /* enum fw_killed; ASK: do it */
};

#endif /* CORE_MESSAGE_FIREWALL_H */
