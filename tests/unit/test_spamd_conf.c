/*
 * spamd_conf: the manual's example, the recipes that people use, mistakes.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "core/spamd_conf.h"

#include <stdio.h>
#include <stdlib.h>

static const char recipe[] = "all:ours:override:far:override:trapped:override:\n"
			     "\n"
			     "# Of a university.\n"
			     "ours:\\\n"
			     "        :black:\\\n"
			     "        :msg=\"Your address %A has sent mail to a trap\\n\\\n"
			     "        within the last 24 hours: see http://list.example/why\":\\\n"
			     "        :method=http:\\\n"
			     "        :file=www.list.example/spamd/traplist.gz:\n"
			     "far|second name:\\\n"
			     "\t:black:\\\n"
			     "# in between\n"
			     "\t:msg=/etc/mail/far.msg:\\\n"
			     "\t:method=exec:\\\n"
			     "\t:file=/usr/local/scripts/get-far -x a\\Cb:\n"
			     "trapped:\\\n"
			     "\t:black:\\\n"
			     "\t:msg=\"SPAM\\\\nfrom \\\"%A\\\" 100%%\":\\\n"
			     "\t:method=exec:\\\n"
			     "\t:file=/usr/local/scripts/get-spamtrapped:\n"
			     "override:\\\n"
			     "\t:white:\\\n"
			     "\t:method=file:\\\n"
			     "\t:file=/var/mail/override.txt:\n";

static void test_recipe(void **state)
{
	static const char *const order[] = { "ours", "override", "far", "override", "trapped", "override" };
	struct spamd_conf c = { 0 };
	char reason[SPAMD_CONF_REASON] = "";
	unsigned line;

	(void)state;
	if (spamd_conf_parse(slice_str(recipe), &c, &line, reason) != ERR_OK)
		fail_msg("line %u: %s", line, reason);
	assert_int_equal(c.count, 6);
	for (unsigned i = 0; i < 6; i++) {
		assert_string_equal(c.list[i].name, order[i]);
		assert_int_equal(c.list[i].is_black, i % 2 == 0);
	}
	assert_int_equal(c.list[0].method, SPAMD_HTTP);
	assert_int_equal(c.list[0].line, 4);
	assert_string_equal(c.list[0].file, "www.list.example/spamd/traplist.gz");
	assert_string_equal(c.list[0].msg, "Your address %A has sent mail to a trap\n        within the last 24 hours: "
					   "see http://list.example/why");
	assert_false(c.list[0].is_msg_file);
	assert_true(c.list[2].is_msg_file);
	assert_string_equal(c.list[2].msg, "/etc/mail/far.msg");
	assert_int_equal(c.list[2].method, SPAMD_EXEC);
	assert_string_equal(c.list[2].file, "/usr/local/scripts/get-far -x a:b");
	assert_string_equal(c.list[4].msg, "SPAM\\nfrom \"%A\" 100%%");
	assert_int_equal(c.list[1].method, SPAMD_FILE);
	assert_null(c.list[1].msg);
	assert_ptr_equal(c.list[1].file, c.list[5].file);
	spamd_conf_done(&c);
}

static void test_escapes(void **state)
{
	struct spamd_conf c = { 0 };
	char reason[SPAMD_CONF_REASON];
	unsigned line;

	(void)state;
	assert_int_equal(spamd_conf_parse(SLICE_LIT("all:x:\nx:black:msg=\"a\\tb\\101\\0c^Ad\\:e\\\\f\":file=/f:\n"),
				 &c, &line, reason),
		ERR_OK);
	assert_string_equal(c.list[0].msg, "a\tbAc\001d:e\\f");
	spamd_conf_done(&c);
}

static void test_mistakes(void **state)
{
	static const struct {
		const char *text;
		unsigned line;
		const char *reason;
	} rows[] = {
		{ "", 0, "there is no record `all`" },
		{ "x:black:\n", 0, "there is no record `all`" },
		{ "# c\nall:nix:\n", 2, "`all` names nix, and there is no such list" },
		{ "all:x:\nx:file=/a:msg=\"m\":\n", 2, "x: needs one of black and white" },
		{ "all:x:\nx:black:white:file=/a:msg=\"m\":\n", 2, "x: needs one of black and white" },
		{ "all:x:\n\nx:black:msg=\"m\":\n", 3, "x: needs file" },
		{ "all:x:\nx:black:file=/a:\n", 2, "x: a black list needs msg" },
		{ "all:x:\nx:black:file=/a:msg=\"m\":method=gopher:\n", 2,
			"x: method is none of file, http, https, ftp, exec" },
		{ "all:x:\nx:white:file=/a:\n", 1,
			"`all` begins with x, a white list: there is nothing to take it from" },
		{ "all:x:\nx:black:file=/a:msg=\"m\":tc=y:\n", 2, "x: tc= is not understood" },
		{ "all\n", 1, "all: no colon behind the name" },
	};
	char reason[SPAMD_CONF_REASON];
	unsigned line;

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct spamd_conf c = { 0 };

		assert_int_equal(spamd_conf_parse(slice_str(rows[i].text), &c, &line, reason), ERR_SYNTAX);
		assert_string_equal(reason, rows[i].reason);
		assert_int_equal(line, rows[i].line);
		assert_null(c.list);
	}
}

static void test_limits(void **state)
{
	struct spamd_conf c = { 0 };
	char reason[SPAMD_CONF_REASON], *big = malloc(SPAMD_CONF_BYTES + 1);
	unsigned line;
	size_t n = 0;

	(void)state;
	assert_non_null(big);
	memset(big, 'a', SPAMD_CONF_BYTES + 1);
	assert_int_equal(spamd_conf_parse(slice_of(big, SPAMD_CONF_BYTES + 1), &c, &line, reason), ERR_LIMIT);
	for (unsigned i = 0; i <= SPAMD_CONF_RECORDS; i++)
		n += (size_t)sprintf(big + n, "r%u:\n", i);
	assert_int_equal(spamd_conf_parse(slice_of(big, n), &c, &line, reason), ERR_LIMIT);
	n = (size_t)sprintf(big, "x:black:file=/a:msg=\"m\":\nall:");
	for (unsigned i = 0; i <= SPAMD_CONF_LISTS; i++)
		n += (size_t)sprintf(big + n, "x:");
	assert_int_equal(spamd_conf_parse(slice_of(big, n), &c, &line, reason), ERR_LIMIT);
	assert_int_equal(spamd_conf_parse(slice_of(big, n - 2), &c, &line, reason), ERR_OK);
	assert_int_equal(c.count, SPAMD_CONF_LISTS);
	spamd_conf_done(&c);
	free(big);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_recipe),
		cmocka_unit_test(test_escapes),
		cmocka_unit_test(test_mistakes),
		cmocka_unit_test(test_limits),
	};

	return cmocka_run_group_tests_name("spamd_conf", tests, NULL, NULL);
}
