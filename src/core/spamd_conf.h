/*
 * spamd_conf: the configuration of OpenBSD's spamd-setup(8), spamd.conf(5), as
 * it is: a capability database (getcap(3)) in which the record `all` names the
 * lists in the order they are applied.
 *
 *   all:\
 *   	:nixspam:override:
 *   nixspam:\
 *   	:black:\
 *   	:msg="Your address %A is listed\n\
 *   	See http://list.example/":\
 *   	:method=https:\
 *   	:file=list.example/spam.gz:
 *
 * A white list is taken from the black one named last before it, and from no
 * other. Escapes are those of getcap (\n \t \E \C \nnn ^X); a colon between
 * quotes ends nothing. A mistake is named with its line. Pure; owns its memory.
 * SPDX-License-Identifier: ISC
 */
#ifndef CORE_SPAMD_CONF_H
#define CORE_SPAMD_CONF_H
#include "base/buf.h"

#define SPAMD_CONF_BYTES (1u << 20) /* of the file */
#define SPAMD_CONF_LISTS 256u       /* named in `all` */
#define SPAMD_CONF_RECORDS 256u     /* in the file */
#define SPAMD_CONF_REASON 160

enum spamd_method { SPAMD_FILE, SPAMD_HTTP, SPAMD_HTTPS, SPAMD_FTP, SPAMD_EXEC };

struct spamd_list {
	const char *name;
	const char *file; /* a path; host/path; or a command line, split at blanks, without a shell */
	const char *msg;  /* of a black list: the text, with its %A and %%; or the name of a file that has it */
	enum spamd_method method;
	bool is_black;
	bool is_msg_file;
	unsigned line; /* of its record */
};

struct spamd_conf {
	struct spamd_list *list; /* in the order of `all`; one that is named twice is here twice */
	size_t count;
	char *text; /* all strings */
};

/*
 * *ret is empty, and stays so on failure: ERR_SYNTAX with *ret_line and a
 * reason for people; ERR_LIMIT; ERR_NOMEM.
 */
enum err spamd_conf_parse(
	struct slice text, struct spamd_conf *ret, unsigned *ret_line, char ret_reason[SPAMD_CONF_REASON]) MUST_USE;
void spamd_conf_done(struct spamd_conf *c);

#endif /* CORE_SPAMD_CONF_H */
