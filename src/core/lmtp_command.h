/*
 * lmtp_command: the grammar of one LMTP command line (RFC 2033, 5321, 3461,
 * XFORWARD of Postfix). Pure; borrows the line.
 * SPDX-License-Identifier: ISC
 */
#ifndef CORE_LMTP_COMMAND_H
#define CORE_LMTP_COMMAND_H
#include "base/err.h"
#include "base/ipaddr.h"
#include "base/slice.h"

enum lmtp_verb {
	LMTP_LHLO,
	LMTP_XFORWARD,
	LMTP_MAIL,
	LMTP_RCPT,
	LMTP_DATA,
	LMTP_RSET,
	LMTP_NOOP,
	LMTP_VRFY,
	LMTP_QUIT,
	LMTP_UNKNOWN,
	LMTP_VERBS
};

#define LMTP_NAME 256    /* host name or HELO, with NUL; longer ones are cut */
#define LMTP_QUEUE_ID 32 /* Postfix's long ids have about 20 */

/* The foreign client as XFORWARD tells it; all empty where it does not. */
struct lmtp_client {
	struct ipaddr addr;
	uint16_t port;
	bool is_local; /* SOURCE=LOCAL */
	char name[LMTP_NAME];
	char helo[LMTP_NAME];
	char proto[16];
	char queue_id[LMTP_QUEUE_ID];
};

/* line: without its CRLF. ret_rest: what stands behind the verb. */
enum lmtp_verb lmtp_verb_parse(struct slice line, struct slice *ret_rest);
/*
 * "FROM:<path> params": keyword is "FROM:" or "TO:", any case. The path comes
 * without brackets, as it stands. ERR_SYNTAX.
 */
enum err lmtp_path_parse(
	struct slice rest, struct slice keyword, struct slice *ret_path, struct slice *ret_params) MUST_USE;
/* Cut the next NAME[=value] off *params. False at the end. */
bool lmtp_param_next(struct slice *params, struct slice *ret_name, struct slice *ret_value);
/*
 * One XFORWARD attribute into *c. What cannot be read counts as not sent: a
 * client's odd HELO must not cost us its address. ERR_NOTFOUND: unknown name.
 */
enum err lmtp_client_set(struct lmtp_client *c, struct slice name, struct slice value) MUST_USE;

#endif /* CORE_LMTP_COMMAND_H */
