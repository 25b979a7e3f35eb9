/*
 * aliasmap: lines from the engine, real tables, live check against a real
 * Postfix configuration in a folder of our own.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "io/loop.h"
#include "role/aliasmap.h"

static char dir[] = "/tmp/limetwig-aliasmap-XXXXXX";
static struct role_host host;
static struct aliasmap a;
static char text[ALIASMAP_TEXT];
static struct buf b;

static void write_file(const char *name, const char *content)
{
	char path[600];
	FILE *f;

	(void)snprintf(path, sizeof path, "%s/%s", dir, name);
	f = fopen(path, "w");
	assert_non_null(f);
	assert_true(fputs(content, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static int setup(void **state)
{
	(void)state;
	if (!mkdtemp(dir))
		return -1;
	write_file("main.cf",
		"compatibility_level = 3.6\n"
		"mydestination = localhost, here.example\n"
		"virtual_mailbox_maps = proxy:texthash:$config_directory/mailboxes\n"
		"virtual_alias_maps = lmdb:$config_directory/virtual, inline:{ box@d.example=x, list@d.example=y }\n"
		"local_recipient_maps = texthash:$config_directory/users, $alias_maps\n"
		"alias_maps = inline:{ postbox=root }\n");
	write_file("mailboxes", "anna@d.example x\n");
	write_file("users", "jan x\n");
	a.host = &host;
	(void)snprintf(host.conf.postfix.dir, CONF_TEXT, "%s", dir);
	(void)snprintf(host.conf.postfix.map, CONF_TEXT, "lmdb:%s/virtual", dir);
	(void)snprintf(host.conf.postfix.domains, CONF_TEXT, "lmdb:%s/domains", dir);
	(void)snprintf(host.conf.postfix.extension, sizeof host.conf.postfix.extension, "+");
	buf_init(&a.alias.set, POSTMAP_MAX);
	buf_init(&a.domains.set, POSTMAP_MAX);
	buf_init(&b, POSTMAP_MAX);
	return 0;
}

static int teardown(void **state)
{
	char command[600];

	(void)state;
	buf_done(&a.alias.set);
	buf_done(&a.domains.set);
	buf_done(&b);
	(void)snprintf(command, sizeof command, "rm -rf '%s'", dir);
	return system(command);
}

static bool has_lmdb(void)
{
	char command[200];

	/* a Postfix that is not configured yet will do */
	(void)snprintf(command, sizeof command, "postconf -c '%s' -m 2>/dev/null | grep -qx lmdb", dir);
	return system(command) == 0;
}

static void check_table(const char *map, const char *want)
{
	char was[ALIASMAP_TEXT];

	buf_reset(&b);
	assert_int_equal(postmap_dump(dir, map, &b, was, sizeof was), ERR_OK);
	assert_string_equal(buf_cstr(&b), want);
}

static void takes_only_what_may_be_a_trap(void **state)
{
	static const char *const bad[] = { "+A postmaster@d.example", "+A abuse+x@d.example", "+A A@d.example",
		"+A a@d.example ", "+A a b@d.example", "+A @d.example", "+A bob", "+D ", "+D d..example",
		"+D a@d.example", "*A a@d.example", "+B a@d.example", "+Aa@d.example", "+A x@limetwig.invalid",
		"+D limetwig.invalid", "+D x.limetwig.invalid", "+A \xff@d.example", "+A \xc0\xaf@d.example",
		"+A #a@d.example", "+A \"a\"@d.example", "" };
	struct aliasmap_changes c;

	(void)state;
	buf_init(&c.alias, 10000);
	buf_init(&c.domains, 10000);
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		char line[100];

		(void)snprintf(line, sizeof line, "%s\n", bad[i]);
		assert_int_equal(aliasmap_read_lines(slice_str(line), false, &c), ERR_OK);
		assert_int_equal(c.refused, 1);
		assert_int_equal(c.alias.n + c.domains.n, 0);
	}
	assert_int_equal(aliasmap_read_lines(SLICE_LIT("-A a@d.example\n"), true, &c), ERR_OK);
	assert_int_equal(c.refused, 1);
	assert_int_equal(
		aliasmap_read_lines(SLICE_LIT("+A a@d.example\n-A b@d.example\n+D old.example\n"), false, &c), ERR_OK);
	assert_int_equal(c.refused, 0);
	assert_string_equal(buf_cstr(&c.alias), "a@d.example\ta=d.example=@limetwig.invalid\nb@d.example\n@old."
						"example\t@old.example.limetwig.invalid\n");
	assert_string_equal(buf_cstr(&c.domains), "old.example\ttrap\n");
	buf_done(&c.alias);
	buf_done(&c.domains);
}

static void applies_full_and_changes(void **state)
{
	char file[POSTMAP_PATH];

	(void)state;
	if (!has_lmdb())
		skip();
	assert_int_equal(
		aliasmap_apply(&a, SLICE_LIT("+A b@d.example\n+A a@d.example\n+D old.example\n"), true, text), ERR_OK);
	check_table(host.conf.postfix.map, "@old.example\t@old.example.limetwig.invalid\n"
					   "a@d.example\ta=d.example=@limetwig.invalid\n"
					   "b@d.example\tb=d.example=@limetwig.invalid\n");
	check_table(host.conf.postfix.domains, "old.example\ttrap\n");
	assert_int_equal(
		aliasmap_apply(&a, SLICE_LIT("+A c@d.example\n-A b@d.example\n-D old.example\n+A root@d.example\n"),
			false, text),
		ERR_OK);
	assert_non_null(strstr(text, "1 traps cannot"));
	check_table(host.conf.postfix.map, "a@d.example\ta=d.example=@limetwig.invalid\n"
					   "c@d.example\tc=d.example=@limetwig.invalid\n");
	check_table(host.conf.postfix.domains, "");
	/* gone, damaged, changed by hand: mended from memory */
	assert_true(postmap_file(host.conf.postfix.map, file));
	assert_int_equal(unlink(file), 0);
	aliasmap_watch_tables(&a);
	check_table(host.conf.postfix.map, "a@d.example\ta=d.example=@limetwig.invalid\n"
					   "c@d.example\tc=d.example=@limetwig.invalid\n");
	assert_int_equal(truncate(file, 50), 0);
	aliasmap_watch_tables(&a);
	assert_int_equal(postmap_change(dir, host.conf.postfix.map, SLICE_LIT("x@d.example\tevil@d.example\n"), text,
				 sizeof text),
		ERR_OK);
	aliasmap_watch_tables(&a);
	check_table(host.conf.postfix.map, "a@d.example\ta=d.example=@limetwig.invalid\n"
					   "c@d.example\tc=d.example=@limetwig.invalid\n");
}

static void finds_live_addresses(void **state)
{
	(void)state;
	if (!has_lmdb())
		skip();
	assert_int_equal(aliasmap_apply(&a, SLICE_LIT("+A trap@d.example\n"), true, text), ERR_OK);
	buf_reset(&b);
	assert_int_equal(
		aliasmap_live(&host.conf,
			SLICE_LIT(
				"anna@d.example\nANNA+shop@d.example\ntrap@d.example\nbox@d.example\njan@here.example\n"
				"jan@d.example\npostbox@here.example\nnobody@here.example\n@d.example\n"),
			&b, text),
		ERR_OK);
	assert_string_equal(buf_cstr(&b),
		"anna@d.example\tvirtual_mailbox_maps\nanna+shop@d.example\tvirtual_mailbox_maps\n"
		"box@d.example\tvirtual_alias_maps\njan@here.example\tlocal_recipient_maps\n"
		"postbox@here.example\tlocal_recipient_maps\n");
}

static void a_failing_table_is_said(void **state)
{
	(void)state;
	if (!has_lmdb())
		skip();
	write_file("main.cf",
		"compatibility_level = 3.6\nvirtual_mailbox_maps = fail:down, inline:{ anna@d.example=x }\n");
	buf_reset(&b);
	assert_int_equal(aliasmap_live(&host.conf, SLICE_LIT("anna@d.example\nx@d.example\n"), &b, text), ERR_IO);
	assert_non_null(strstr(text, "virtual_mailbox_maps"));
	assert_string_equal(buf_cstr(&b), "anna@d.example\tvirtual_mailbox_maps\n");
}

static void ten_thousand_are_checked_in_a_second(void **state)
{
	struct buf in;
	uint64_t start;

	(void)state;
	if (!has_lmdb())
		skip();
	buf_init(&in, POSTMAP_MAX);
	for (int i = 0; i < 10000; i++)
		assert_int_equal(buf_printf(&in, "trap%05d@%s.example\n", i, i % 2 ? "d" : "here"), ERR_OK);
	start = clock_mono_ms();
	buf_reset(&b);
	assert_int_equal(aliasmap_live(&host.conf, buf_slice(&in), &b, text), ERR_OK);
	print_message("# live check of 10,000: %u ms\n", (unsigned)(clock_mono_ms() - start));
	assert_int_equal(b.n, 0);
	buf_done(&in);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_only_what_may_be_a_trap),
		cmocka_unit_test(applies_full_and_changes),
		cmocka_unit_test(finds_live_addresses),
		cmocka_unit_test(ten_thousand_are_checked_in_a_second),
		cmocka_unit_test(a_failing_table_is_said),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
