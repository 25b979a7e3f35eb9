/*
 * args: command-line words.
 * SPDX-License-Identifier: ISC
 */
#include "ctl/args.h"

#include "base/slice.h"

#include <stdio.h>

static const struct option_name {
	const char *name, *letter;
	bool has_value, is_global;
} names[OPT_COUNT] = {
	[OPT_JSON] = { "--json", NULL, false, true },
	[OPT_NOTE] = { "--note", NULL, true, true },
	[OPT_CONF] = { "--conf", "-c", true, true },
	[OPT_REVEAL] = { "--reveal", NULL, false, true },
	[OPT_HELP] = { "--help", "-h", false, true },
	[OPT_VERSION] = { "--version", NULL, false, true },
	[OPT_TAG] = { "--tag", NULL, true, false },
	[OPT_WEIGHT] = { "--weight", NULL, true, false },
	[OPT_ARM] = { "--arm", NULL, false, false },
	[OPT_FILE] = { "--file", NULL, true, false },
	[OPT_STATE] = { "--state", NULL, true, false },
	[OPT_LIMIT] = { "--limit", NULL, true, false },
	[OPT_SINCE] = { "--since", NULL, true, false },
	[OPT_FOR] = { "--for", NULL, true, false },
	[OPT_DRY_RUN] = { "--dry-run", "-n", false, false },
	[OPT_HELD] = { "--held", NULL, false, false },
	[OPT_ALL] = { "--all", NULL, false, false },
	[OPT_GOOD] = { "--good", NULL, false, false },
	[OPT_FORCE] = { "--force", NULL, false, false },
	[OPT_USERS] = { "--users", NULL, true, false },
	[OPT_VERBOSE] = { "--verbose", "-v", false, false },
	[OPT_PURGE] = { "--purge", NULL, false, false },
	[OPT_TRAPS] = { "--traps", NULL, true, false },
	[OPT_SUGGEST] = { "--suggest", NULL, false, false },
	[OPT_FROM] = { "--from", NULL, true, false },
	[OPT_TRAP] = { "--trap", NULL, true, false },
	[OPT_TO] = { "--to", NULL, true, false },
	[OPT_KEEP_BLOCK] = { "--keep-block", NULL, false, false },
	[OPT_CLEAN] = { "--clean", NULL, false, false },
	[OPT_METRICS] = { "--metrics", NULL, false, false },
	[OPT_FEED] = { "--feed", NULL, true, false },
	[OPT_FORMAT] = { "--format", NULL, true, false },
	[OPT_ZONE] = { "--zone", NULL, true, false },
	[OPT_OUTPUT] = { "--output", "-o", true, false },
};

/* The option that this word names; *ret_inline: what stands behind "=", or NULL. OPT_COUNT: none. */
static enum opt find_option(const char *word, const char **ret_inline)
{
	const char *equal = strchr(word, '=');
	size_t n = equal ? (size_t)(equal - word) : strlen(word);

	for (int i = 0; i < OPT_COUNT; i++) {
		if (strlen(names[i].name) == n && strncmp(names[i].name, word, n) == 0) {
			*ret_inline = equal ? equal + 1 : NULL;
			return (enum opt)i;
		}
		if (names[i].letter && strcmp(names[i].letter, word) == 0) {
			*ret_inline = NULL;
			return (enum opt)i;
		}
	}
	return OPT_COUNT;
}

/* *i: the option's place; moved over its value. */
static bool take_option(
	enum opt o, const char *in_word, int argc, char **argv, int *i, struct args *a, char *text, size_t text_size)
{
	if (a->is_given[o]) {
		(void)snprintf(text, text_size, "%s is given twice", names[o].name);
		return false;
	}
	if (!names[o].has_value && in_word) {
		(void)snprintf(text, text_size, "%s takes no value", names[o].name);
		return false;
	}
	if (names[o].has_value && !in_word) {
		if (*i + 1 >= argc) {
			(void)snprintf(text, text_size, "%s needs a value", names[o].name);
			return false;
		}
		in_word = argv[++*i];
	}
	a->is_given[o] = true;
	a->value[o] = in_word;
	return true;
}

bool args_parse(int argc, char **argv, bool is_open, struct args *ret, char *text, size_t text_size)
{
	bool is_over = false;

	for (int i = 0; i < argc; i++) {
		const char *in_word = NULL;
		enum opt o = OPT_COUNT;

		if (!is_over && strcmp(argv[i], "--") == 0) {
			is_over = true;
			continue;
		}
		if (!is_over && argv[i][0] == '-' && argv[i][1])
			o = find_option(argv[i], &in_word);
		if (o != OPT_COUNT) {
			if (!take_option(o, in_word, argc, argv, &i, ret, text, text_size))
				return false;
		} else if (!is_over && !is_open && argv[i][0] == '-' && argv[i][1]) {
			(void)snprintf(text, text_size, "no such option: %s", argv[i]);
			return false;
		} else {
			ret->word[ret->count++] = argv[i];
		}
	}
	return true;
}

const char *args_find_foreign(const struct args *a, const char *allowed)
{
	for (int i = 0; i < OPT_COUNT; i++) {
		struct slice rest = slice_str(allowed), word;
		bool is_allowed = names[i].is_global || !a->is_given[i];

		while (!is_allowed && slice_word(&rest, &word))
			is_allowed = slice_eq(word, slice_str(names[i].name + 2));
		if (!is_allowed)
			return names[i].name;
	}
	return NULL;
}
