/*
 * aliasmap: lines from the engine, real tables, live check against a real
 * Postfix configuration in a folder of our own.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "io/loop.h"
#include "role/aliasmap.h"
#include "temp_dir.h"

static struct role_host host;
static struct aliasmap a;
static char text[ALIASMAP_TEXT];
static struct buf b;

static int setup(void **state)
{
	(void)state;
	if (dir_make() != 0)
		return -1;
	write_file("main.cf",
		"compatibility_level = 3.6\n"
		"mydestination = localhost, here.example\n"
		"virtual_mailbox_domains = d.example\n"
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
	(void)state;
	buf_done(&a.alias.set);
	buf_done(&a.domains.set);
	buf_done(&b);
	return dir_remove();
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
		"postbox@here.example\tlocal_recipient_maps\n@d.example\tvirtual_mailbox_domains\n");
}

/* A configuration for one question; the answer, and whether all could be asked. */
static void check_live(const char *config, const char *lines, enum err want_err, const char *want)
{
	char was[ALIASMAP_TEXT];
	struct buf main_cf;

	buf_init(&main_cf, 10000);
	assert_int_equal(buf_printf(&main_cf,
				 "compatibility_level = 3.6\n"
				 "myhostname = mx.d.example\n"
				 "alias_maps =\n" /* not those of this machine: it may have none */
				 "local_recipient_maps = inline:{ jan=x }\n"
				 "%s",
				 config),
		ERR_OK);
	write_file("main.cf", buf_cstr(&main_cf));
	buf_done(&main_cf);
	buf_reset(&b);
	assert_int_equal(aliasmap_live(&host.conf, slice_str(lines), &b, was), want_err);
	assert_string_equal(buf_cstr(&b), want);
}

static void local_domains_come_from_words_files_and_tables(void **state)
{
	char config[2000];

	(void)state;
	if (!has_lmdb())
		skip();
	write_file("inner", "inner.example\n");
	(void)snprintf(
		config, sizeof config, "# not.example\nFile.example other.example,\n!no.example\n%s/inner\n", dir);
	write_file("local", config);
	(void)snprintf(config, sizeof config,
		"mydestination = $myhostname !never.example, %s/local, texthash:$config_directory/dests "
		"never.example\n",
		dir);
	write_file("dests", "table.example x\nno.example x\nnever.example x\n");
	check_live(config,
		"jan@mx.d.example\njan@file.example\njan@other.example\njan@inner.example\njan+x@table.example\n"
		"jan@not.example\njan@no.example\njan@never.example\njan@sub.file.example\nx@file.example\n@file."
		"example\n",
		ERR_OK,
		"jan@mx.d.example\tlocal_recipient_maps\njan@file.example\tlocal_recipient_maps\n"
		"jan@other.example\tlocal_recipient_maps\njan@inner.example\tlocal_recipient_maps\n"
		"jan+x@table.example\tlocal_recipient_maps\njan@not.example\tforeign\njan@no.example\tforeign\n"
		"jan@never.example\tforeign\njan@sub.file.example\tforeign\n@file.example\tmydestination\n");
	check_live("mydestination = /nowhere/file, a.example\n", "jan@a.example\n", ERR_IO,
		"jan@a.example\tlocal_recipient_maps\n");
	(void)snprintf(config, sizeof config, "%s/loop", dir);
	write_file("loop", config);
	(void)snprintf(config, sizeof config, "mydestination = a.example, %s/loop\n", dir);
	check_live(config, "@a.example\n", ERR_IO, "@a.example\tmydestination\n");
}

/* Mail to it leaves this server: a trap there would swallow what its own users write. */
static void a_domain_in_no_list_is_foreign(void **state)
{
	static const char lists[] = "mydestination = $myhostname, Local.example\n"
				    "virtual_mailbox_domains = proxy:texthash:$config_directory/vhost\n"
				    "relay_domains = relay.example !no.relay.example, inline:{ table.example=x }\n"
				    "virtual_alias_domains = alias.example, regexp:$config_directory/pattern\n";

	(void)state;
	if (!has_lmdb())
		skip();
	write_file("vhost", "box.example x\n");
	write_file("pattern", "/^p[0-9]+\\.example$/ x\n");
	check_live(lists,
		"a@mx.d.example\na@LOCAL.example\na@sub.local.example\na@box.example\na@sub.box.example\n"
		"a@relay.example\na@x.y.relay.example\na@xrelay.example\na@sub.table.example\na@alias.example\n"
		"a@p12.example\na@p.example\na@provider.example\n@provider.example\na@b\xc3\xbc.example\n",
		ERR_OK,
		"a@sub.local.example\tforeign\na@sub.box.example\tforeign\na@xrelay.example\tforeign\n"
		"a@p.example\tforeign\na@provider.example\tforeign\n");
	/* a domain alone is asked for so; a live one at a foreign domain is live */
	check_live("virtual_alias_maps = inline:{ boss@provider.example=jan }\nvirtual_mailbox_domains = static:all\n",
		"=provider.example\nboss@provider.example\n", ERR_OK, "boss@provider.example\tvirtual_alias_maps\n");
	check_live("virtual_alias_maps = inline:{ boss@provider.example=jan }\n",
		"=mx.d.example\n=provider.example\nboss@provider.example\nx@provider.example\n", ERR_OK,
		"=provider.example\tforeign\nboss@provider.example\tvirtual_alias_maps\n"
		"x@provider.example\tforeign\n");
}

static void a_parent_of_relay_domains_is_as_postfix_has_it(void **state)
{
	(void)state;
	if (!has_lmdb())
		skip();
	check_live("parent_domain_matches_subdomains =\nrelay_domains = relay.example .dot.example\n",
		"a@relay.example\na@sub.relay.example\na@dot.example\na@x.y.dot.example\n", ERR_OK,
		"a@sub.relay.example\tforeign\na@dot.example\tforeign\n");
	check_live("relay_domains = relay.example .dot.example\n", "a@sub.relay.example\na@x.dot.example\n", ERR_OK,
		"a@x.dot.example\tforeign\n");
}

/* What cannot be told is ours: said, and not held against anybody. */
static void a_list_that_cannot_be_asked_makes_nobody_foreign(void **state)
{
	char was[ALIASMAP_TEXT];

	(void)state;
	if (!has_lmdb())
		skip();
	check_live("virtual_mailbox_domains = hash:/nowhere/x\nvirtual_mailbox_maps =\n", "x@provider.example\n",
		ERR_OK, "");
	buf_reset(&b);
	assert_int_equal(aliasmap_live(&host.conf, SLICE_LIT("x@provider.example\n"), &b, was), ERR_OK);
	assert_non_null(strstr(was, "virtual_mailbox_domains"));
	/* nothing is armed while a whole domain may have users */
	check_live("virtual_mailbox_domains = hash:/nowhere/x\nvirtual_mailbox_maps =\n",
		"x@provider.example\n@old.example\n", ERR_IO, "");
	/* this server takes mail for whoever names it as MX */
	check_live("smtpd_relay_restrictions = permit_mynetworks, permit_mx_backup, reject_unauth_destination\n",
		"x@provider.example\n", ERR_OK, "");
	assert_int_equal(aliasmap_live(&host.conf, SLICE_LIT("x@provider.example\n"), &b, was), ERR_OK);
	assert_non_null(strstr(was, "permit_mx_backup"));
	assert_int_equal(aliasmap_live(&host.conf, SLICE_LIT("x@mx.d.example\n"), &b, was), ERR_OK);
	assert_string_equal(was, "");
}

static void a_whole_domain_with_users_is_live(void **state)
{
	(void)state;
	if (!has_lmdb())
		skip();
	write_file("vhost", "box.example x\n");
	check_live("mydestination = here.example\nvirtual_mailbox_domains = word.example, hash:/nowhere/x\n",
		"@HERE.example\n@word.example\n", ERR_IO,
		"@here.example\tmydestination\n@word.example\tvirtual_mailbox_domains\n");
	check_live("virtual_mailbox_domains = proxy:texthash:$config_directory/vhost\nrelay_domains = relay.example\n",
		"@box.example\n@sub.box.example\n@relay.example\n@a.b.relay.example\n@xrelay.example\n@example\n"
		"@\n@a b\n@a@b.example\n@old.example\n@mx.d.example\n",
		ERR_OK,
		"@box.example\tvirtual_mailbox_domains\n@relay.example\trelay_domains\n"
		"@a.b.relay.example\trelay_domains\n@mx.d.example\tmydestination\n");
}

static void a_virtual_alias_domain_is_live_when_it_has_aliases(void **state)
{
	static const char lines[] = "@used.example\n@empty.example\n@all.example\n@ours.example\n@key.example\n";

	(void)state;
	if (!has_lmdb())
		skip();
	assert_int_equal(aliasmap_apply(&a, SLICE_LIT("+D ours.example\n+A x@empty.example\n"), true, text), ERR_OK);
	write_file("aliases", "sales@Used.example x\n@all.example y@else.example\nkey.example x\nbob@key.example x\n");
	check_live("virtual_alias_domains = lmdb:$config_directory/domains, used.example empty.example all.example\n"
		   "virtual_alias_maps = lmdb:$config_directory/virtual, texthash:$config_directory/aliases\n",
		lines, ERR_OK, "@used.example\tvirtual_alias_domains\n@all.example\tvirtual_alias_domains\n");
	check_live("virtual_alias_domains = lmdb:$config_directory/domains, $virtual_alias_maps\n"
		   "virtual_alias_maps = lmdb:$config_directory/virtual, texthash:$config_directory/aliases\n",
		lines, ERR_OK, "@key.example\tvirtual_alias_domains\n");
	/* a table that cannot be listed may hold some */
	check_live("virtual_alias_domains = empty.example\nvirtual_alias_maps = unix:passwd.byname\n", lines, ERR_OK,
		"@empty.example\tvirtual_alias_domains\n");
}

static void a_failing_table_is_said(void **state)
{
	(void)state;
	if (!has_lmdb())
		skip();
	write_file("main.cf", "compatibility_level = 3.6\nalias_maps =\n"
			      "virtual_mailbox_domains = d.example\n"
			      "virtual_mailbox_maps = fail:down, inline:{ anna@d.example=x }\n");
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
		cmocka_unit_test(local_domains_come_from_words_files_and_tables),
		cmocka_unit_test(a_domain_in_no_list_is_foreign),
		cmocka_unit_test(a_parent_of_relay_domains_is_as_postfix_has_it),
		cmocka_unit_test(a_list_that_cannot_be_asked_makes_nobody_foreign),
		cmocka_unit_test(a_whole_domain_with_users_is_live),
		cmocka_unit_test(a_virtual_alias_domain_is_live_when_it_has_aliases),
		cmocka_unit_test(a_failing_table_is_said),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
