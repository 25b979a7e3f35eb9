/*
 * test_manual: the manual pages know every command, option and key, and are
 * well-formed.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/buf.h"
#include "core/conf_keys.h"
#include "ctl/ctl.h"

#include <stdlib.h>
#include <string.h>

static char *read_page(const char *name)
{
	char path[500], *text = calloc(1, 65536);
	FILE *f;

	(void)snprintf(path, sizeof path, "%s/../man/%s", getenv("TEST_DATA"), name);
	f = fopen(path, "re");
	if (!f || !text)
		fail_msg("%s: cannot be read", path);
	assert_in_range(fread(text, 1, 65535, f), 100, 65534);
	fclose(f);
	return text;
}

static void test_commands(void **state)
{
	char *page = read_page("limetwig.1"), want[100];

	(void)state;
	for (size_t i = 0; i < commands_count(); i++) {
		const struct command *c = commands_at(i);

		(void)snprintf(want, sizeof want, "\n.It Cm %s%s%s", c->name, c->sub ? " " : "", c->sub ? c->sub : "");
		if (!strstr(page, want))
			fail_msg("limetwig.1 lacks %s %s", c->name, c->sub ? c->sub : "");
	}
	assert_non_null(strstr(page, ".Sh EXAMPLES"));
	assert_non_null(strstr(page, ".Sh EXIT STATUS"));
	free(page);
}

/* Each option that a command allows stands at that command. */
static void test_options(void **state)
{
	char *page = read_page("limetwig.1"), want[100];

	(void)state;
	for (size_t i = 0; i < commands_count(); i++) {
		const struct command *c = commands_at(i);
		struct slice rest = slice_str(c->options), word;
		const char *at;

		(void)snprintf(want, sizeof want, "\n.It Cm %s%s%s", c->name, c->sub ? " " : "", c->sub ? c->sub : "");
		at = strstr(page, want);
		assert_non_null(at);
		while (slice_word(&rest, &word)) {
			(void)snprintf(want, sizeof want, "Fl -%.*s", SLICE_ARG(word));
			if (slice_eq(word, SLICE_LIT("verbose")))
				(void)snprintf(want, sizeof want, "Fl v");
			if (!memmem(at, strcspn(at + 1, "\n") + 1, want, strlen(want)))
				fail_msg("limetwig.1 lacks %s of %s", want, c->name);
		}
	}
	free(page);
}

static void test_keys(void **state)
{
	char *page = read_page("limetwig.conf.5"), want[100];

	(void)state;
	for (size_t i = 0; i < conf_keys_count(); i++) {
		const struct conf_key *k = conf_keys_at(i);
		const char *at, *end;

		if (k->is_hidden)
			continue;
		(void)snprintf(want, sizeof want, "\n.Ss %s\n", *k->section ? k->section : "Outside of sections");
		at = strstr(page, want);
		if (!at) {
			fail_msg("limetwig.conf.5 lacks the section %s", k->section);
			continue;
		}
		end = strstr(at + 1, "\n.Ss ");
		(void)snprintf(want, sizeof want, "\n.It Ic %s ", k->name);
		at = strstr(at, want);
		if (!at || (end && at > end))
			fail_msg("limetwig.conf.5 lacks %s of %s", k->name, k->section);
		/* and the default is the one of the table */
		if (*k->preset && !memmem(at, strcspn(at + 1, "\n") + 1, k->preset, strlen(k->preset)))
			fail_msg("limetwig.conf.5 does not name %s as the default of %s", k->preset, k->name);
	}
	free(page);
}

static void test_lint(void **state)
{
	char command[800];

	(void)state;
	if (system("command -v mandoc >/dev/null 2>&1") != 0)
		skip();
	(void)snprintf(command, sizeof command,
		"cd '%s/../man' && mandoc -Tlint -W warning limetwig.1 limetwigd.8 "
		"limetwig.conf.5 limetwig-postfix.7 limetwig-spamdb.8 >&2",
		getenv("TEST_DATA"));
	assert_int_equal(system(command), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_commands), cmocka_unit_test(test_options),
		cmocka_unit_test(test_keys), cmocka_unit_test(test_lint) };

	return cmocka_run_group_tests_name("manual", tests, NULL, NULL);
}
