/*
 * spamdb_args: see the header.
 * SPDX-License-Identifier: ISC
 */
#include "core/spamdb_args.h"

#include <string.h>

typedef bool (*take_letter)(char letter, void *ctx);

/* The options of a line; gives the place of the first word behind them, 0: one is unknown. */
static int take_options(int argc, char *const *argv, take_letter take, void *ctx)
{
	int i = 1;

	for (; i < argc && argv[i][0] == '-' && argv[i][1]; i++) {
		if (strcmp(argv[i], "--") == 0)
			return i + 1;
		if (strncmp(argv[i], "--conf=", 7) == 0)
			continue;
		if (strcmp(argv[i], "--conf") == 0 || strcmp(argv[i], "-c") == 0) {
			i++;
			continue;
		}
		for (const char *p = argv[i] + 1; *p; p++)
			if (!take(*p, ctx))
				return 0;
	}
	return i < argc ? i : argc;
}

static bool take_spamdb(char letter, void *ctx)
{
	struct spamdb_args *a = ctx;

	switch (letter) {
	case 'a':
		a->action = SPAMDB_ADD;
		return true;
	case 'd':
		a->action = SPAMDB_DELETE;
		return true;
	case 'G':
		a->type = SPAMDB_GREY;
		return true;
	case 't':
		a->type = SPAMDB_TRAPPED;
		return true;
	case 'T':
		a->type = SPAMDB_TRAP;
		return true;
	default:
		return false;
	}
}

bool spamdb_args_parse(int argc, char *const *argv, struct spamdb_args *ret)
{
	struct spamdb_args a = { .action = SPAMDB_LIST };

	a.first = take_options(argc, argv, take_spamdb, &a);
	if (a.first == 0 || (a.action == SPAMDB_LIST && a.type != SPAMDB_WHITE))
		return false;
	*ret = a;
	return true;
}

static bool take_setup(char letter, void *ctx)
{
	struct spamd_setup_args *a = ctx;
	const char letters[] = "bDdn";
	bool *const flag[] = { &a->is_b, &a->is_daemon, &a->is_debug, &a->is_dry };
	const char *at = strchr(letters, letter);

	if (!at)
		return false;
	*flag[at - letters] = true;
	return true;
}

bool spamd_setup_args_parse(int argc, char *const *argv, struct spamd_setup_args *ret)
{
	struct spamd_setup_args a = { .is_b = false };
	int first = take_options(argc, argv, take_setup, &a);

	if (first == 0 || first < argc) /* it takes no words */
		return false;
	*ret = a;
	return true;
}
