/*
 * spamdb_args: the command lines of OpenBSD's spamdb and spamd-setup, as their
 * getopt reads them: letters in any order and joined, the last of two that
 * exclude each other wins, the first word that is no option ends them. Besides
 * theirs only "--conf FILE". Borrows argv; argv[0] is the command's name.
 * SPDX-License-Identifier: ISC
 */
#ifndef CORE_SPAMDB_ARGS_H
#define CORE_SPAMDB_ARGS_H
#include <stdbool.h>

enum spamdb_action { SPAMDB_LIST, SPAMDB_ADD, SPAMDB_DELETE };
enum spamdb_type { SPAMDB_WHITE, SPAMDB_GREY, SPAMDB_TRAPPED, SPAMDB_TRAP };

struct spamdb_args {
	enum spamdb_action action;
	enum spamdb_type type;
	int first; /* key in argv; argc: none */
};

struct spamd_setup_args {
	bool is_b, is_daemon, is_debug, is_dry;
};

/* False: usage. */
bool spamdb_args_parse(int argc, char *const *argv, struct spamdb_args *ret);
bool spamd_setup_args_parse(int argc, char *const *argv, struct spamd_setup_args *ret);

#endif /* CORE_SPAMDB_ARGS_H */
