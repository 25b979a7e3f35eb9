/*
 * args: the words of a command line: options (anywhere, --name VALUE or
 * --name=VALUE) and the rest in order. "--" ends the options. All options of
 * all commands are one list; a command names those it knows.
 * SPDX-License-Identifier: ISC
 */
#ifndef CTL_ARGS_H
#define CTL_ARGS_H
#include <stdbool.h>
#include <stddef.h>

enum opt {
	OPT_JSON,
	OPT_NOTE,
	OPT_CONF,
	OPT_REVEAL,
	OPT_HELP,
	OPT_VERSION, /* every command */
	OPT_TAG,
	OPT_WEIGHT,
	OPT_ARM,
	OPT_FILE,
	OPT_STATE,
	OPT_LIMIT,
	OPT_SINCE,
	OPT_FOR,
	OPT_DRY_RUN,
	OPT_HELD,
	OPT_ALL,
	OPT_GOOD,
	OPT_FORCE,
	OPT_USERS,
	OPT_VERBOSE,
	OPT_PURGE,
	OPT_TRAPS,
	OPT_SUGGEST,
	OPT_FROM,
	OPT_TRAP,
	OPT_TO,
	OPT_KEEP_BLOCK,
	OPT_CLEAN,
	OPT_METRICS,
	OPT_FEED,
	OPT_FORMAT,
	OPT_ZONE,
	OPT_OUTPUT,
	OPT_COUNT
};

struct args {
	bool is_given[OPT_COUNT];
	const char *value[OPT_COUNT];
	int count;
	const char **word;
};

/*
 * False: text says what is wrong with it. word must have room for argc. Options
 * it does not know stop it, unless is_open: then they stay among the words.
 */
bool args_parse(int argc, char **argv, bool is_open, struct args *ret, char *text, size_t text_size);
/* Every option given that is not in allowed (names separated by blanks) and not for every command; NULL: none. */
const char *args_find_foreign(const struct args *a, const char *allowed);

#endif /* CTL_ARGS_H */
