/*
 * test_conf_file: golden files, round trip, the two files of a server, and the
 * example against the table of keys.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "core/conf_value.h"
#include "io/conf_file.h"
#include "temp_dir.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static struct conf conf, other;
static char text[600];

static void read_all(const char *path, struct buf *b)
{
	FILE *f = fopen(path, "re");
	char part[1024];
	size_t n;

	buf_init(b, 1 << 20);
	if (!f)
		fail_msg("%s: cannot be read", path);
	while ((n = fread(part, 1, sizeof part, f)) > 0)
		assert_int_equal(buf_add(b, slice_of(part, n)), ERR_OK);
	fclose(f);
}

/* What is not at its default, a line each. */
static void print_changed(const struct conf *c, struct buf *to)
{
	struct buf now, preset;

	buf_init(&now, 1 << 20);
	buf_init(&preset, 1 << 20);
	conf_defaults(&other);
	for (size_t i = 0; i < conf_keys_count(); i++) {
		const struct conf_key *k = conf_keys_at(i);

		buf_reset(&now);
		buf_reset(&preset);
		assert_int_equal(conf_value_print(k, c, &now), ERR_OK);
		assert_int_equal(conf_value_print(k, &other, &preset), ERR_OK);
		if (!slice_eq(buf_slice(&now), buf_slice(&preset)))
			assert_int_equal(buf_printf(to, "%s%s%s = %.*s\n", k->section, *k->section ? " " : "", k->name,
						 SLICE_ARG(buf_slice(&now))),
				ERR_OK);
	}
	buf_done(&now);
	buf_done(&preset);
}

static void check_golden(const char *folder, const char *name)
{
	char path[512];
	struct buf in, want, have;

	(void)snprintf(path, sizeof path, "%s/%s", folder, name);
	read_all(path, &in);
	(void)snprintf(path, sizeof path, "%s/%.*s.out", folder, (int)strlen(name) - 5, name);
	read_all(path, &want);
	buf_init(&have, 1 << 20);
	if (conf_file_parse(buf_slice(&in), name, &conf, text, sizeof text) == ERR_OK)
		print_changed(&conf, &have);
	else
		assert_int_equal(buf_printf(&have, "%s\n", text), ERR_OK);
	if (!slice_eq(buf_slice(&have), buf_slice(&want)))
		fail_msg("%s gives\n%.*sand not\n%.*s", name, SLICE_ARG(buf_slice(&have)), SLICE_ARG(buf_slice(&want)));
	buf_done(&in);
	buf_done(&want);
	buf_done(&have);
}

static void test_golden(void **state)
{
	char folder[400];
	struct dirent *e;
	DIR *d;
	int files = 0;

	(void)state;
	(void)snprintf(folder, sizeof folder, "%s/golden/conf", getenv("TEST_DATA"));
	d = opendir(folder);
	assert_non_null(d);
	while ((e = readdir(d))) {
		if (slice_ends(slice_str(e->d_name), SLICE_LIT(".conf"))) {
			check_golden(folder, e->d_name);
			files++;
		}
	}
	closedir(d);
	assert_in_range(files, 20, 1000);
}

static void check_round_trip(const struct conf *c)
{
	struct buf b;

	buf_init(&b, 1 << 20);
	assert_int_equal(conf_print(c, &b), ERR_OK);
	if (conf_file_parse(buf_slice(&b), "printed", &other, text, sizeof text) != ERR_OK)
		fail_msg("%s", text);
	assert_memory_equal(c, &other, sizeof other);
	buf_done(&b);
}

static void test_round_trip(void **state)
{
	(void)state;
	conf_defaults(&conf);
	check_round_trip(&conf);
	(void)snprintf(conf.contact, sizeof conf.contact, "%s", "a \"b\" \\ ${HOME} $x 'y' # // /* \xc3\xa4 { } = , +");
	(void)snprintf(conf.postfix.extension, sizeof conf.postfix.extension, "+-");
	conf.is_off = true;
	conf.postfix.is_lmtp_trusted = true;
	conf.decide.bulk = 0.000001;
	conf.decide.threshold = 99999.999999;
	conf.block.first_s = 90061;
	conf.block.reply_first = 554;
	conf.storage.message_size = 1025;
	conf.traps.riders = RIDERS_DELIVER;
	conf.firewall.backend = FW_BACKEND_NONE;
	conf.firewall.action = FW_ACTION_DROP;
	memset(&conf.always_open, 0, sizeof conf.always_open);
	conf.alarm.command.count = CONF_LIST;
	for (int i = 0; i < CONF_LIST; i++)
		memset(conf.alarm.command.item[i], 'a', CONF_ITEM - 1);
	check_round_trip(&conf);
}

/* libconfuse's scanner keeps its state: an error must not reach the next text. */
static void test_good_after_bad(void **state)
{
	static const char *const bad[] = { "contact = \"", "contact = 'x", "/* ", "contact = \"\\777\"", "traps {",
		"x = {", "contact = {", "traps { watch = { 1d } }", "}", "= =", "contact", "contact = \"a\nb\"",
		"block { first = ${HOME} }" };

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		assert_int_not_equal(conf_file_parse(slice_str(bad[i]), "bad", &conf, text, sizeof text), ERR_OK);
		assert_true(slice_starts(slice_str(text), SLICE_LIT("bad:")));
		conf_defaults(&conf);
		check_round_trip(&conf);
	}
	assert_int_not_equal(conf_file_parse(slice_of("a\0b", 3), "bad", &conf, text, sizeof text), ERR_OK);
}

static void test_caps(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 1 << 22);
	for (unsigned i = 0; i <= CONF_FILE_MAX; i++)
		assert_int_equal(buf_add_char(&b, '\n'), ERR_OK);
	assert_int_equal(conf_file_parse(buf_slice(&b), "big", &conf, text, sizeof text), ERR_LIMIT);
	assert_string_equal(text, "big: is too large (1048577 bytes, at most 1048576)");
	buf_reset(&b);
	assert_int_equal(buf_add_str(&b, "always-open = { a"), ERR_OK);
	for (int i = 0; i < CONF_LIST; i++)
		assert_int_equal(buf_add_str(&b, ", a"), ERR_OK);
	assert_int_equal(buf_add_str(&b, " }"), ERR_OK);
	assert_int_equal(conf_file_parse(buf_slice(&b), "many", &conf, text, sizeof text), ERR_LIMIT);
	assert_string_equal(text, "many:1: always-open: \"a\" is one too many (at most 32)");
	buf_done(&b);
}

static int set_up(void **state)
{
	(void)state;
	return dir_make();
}

static int tear_down(void **state)
{
	(void)state;
	return dir_remove();
}

static void load(const char *people, const char *postfix, enum err want)
{
	write_file("limetwig.conf", people);
	if (postfix)
		write_file("postfix.conf", postfix);
	assert_int_equal(conf_file_load(in_dir("limetwig.conf"), &conf, text, sizeof text), want);
}

static void test_two_files(void **state)
{
	(void)state;
	assert_int_equal(conf_file_load(in_dir("limetwig.conf"), &conf, text, sizeof text), ERR_NOTFOUND);
	load("contact = x", NULL, ERR_OK);
	assert_string_equal(conf.contact, "x");
	assert_string_equal(conf.postfix.group, "postfix");
	load("contact = y", "postfix { group = mail queues = { /q/a, /q/b } }", ERR_OK);
	assert_string_equal(conf.contact, "y");
	assert_string_equal(conf.postfix.group, "mail");
	assert_int_equal(conf.postfix.queues.count, 2);
	load("contact = z", "contact = no", ERR_SYNTAX);
	assert_non_null(strstr(text, "/postfix.conf:1: contact: only section postfix belongs here"));
	assert_string_equal(conf.contact, "y");
	load("\nis-off = yes", "", ERR_SYNTAX);
	assert_non_null(strstr(text, "/limetwig.conf:2: is-off: no such key"));
}

/* The example holds every key that people set, each at its default. */
static void test_example(void **state)
{
	char path[400], line[80];
	struct buf b, changed;

	(void)state;
	(void)snprintf(path, sizeof path, "%s/../etc/limetwig.conf", getenv("TEST_DATA"));
	read_all(path, &b);
	if (conf_file_parse(buf_slice(&b), "etc/limetwig.conf", &conf, text, sizeof text) != ERR_OK)
		fail_msg("%s", text);
	buf_init(&changed, 1 << 16);
	print_changed(&conf, &changed);
	assert_string_equal(buf_cstr(&changed), "");
	for (size_t i = 0; i < conf_keys_count(); i++) {
		const struct conf_key *k = conf_keys_at(i);

		if (k->is_hidden || strcmp(k->section, "postfix") == 0)
			continue;
		(void)snprintf(line, sizeof line, "\n%s%-10s ",
			k->is_titled  ? "#  "
			: *k->section ? "  "
				      : "",
			k->name);
		if (!strstr(buf_cstr(&b), line))
			fail_msg("etc/limetwig.conf lacks %s %s", k->section, k->name);
	}
	buf_done(&changed);
	buf_done(&b);
}

/* The starter set: sections that can be copied as they are. */
static void test_dns_lists(void **state)
{
	char path[400];
	struct buf b;

	(void)state;
	(void)snprintf(path, sizeof path, "%s/../etc/share/dns-lists.conf", getenv("TEST_DATA"));
	read_all(path, &b);
	if (conf_file_parse(buf_slice(&b), "dns-lists.conf", &conf, text, sizeof text) != ERR_OK)
		fail_msg("%s", text);
	assert_true(conf.dns_lists >= 4 && conf_has_fetch(&conf));
	assert_string_equal(conf.dns_list[0].title, "dnswl");
	assert_int_equal(conf.dns_list[0].kind, DNS_KIND_ALLOW);
	assert_int_equal(conf.dns_list[1].kind, DNS_KIND_BLOCK);
	buf_done(&b);
}

/* Every preset is in range and every line of the table is complete. */
static void test_table(void **state)
{
	(void)state;
	for (size_t i = 0; i < conf_keys_count(); i++) {
		const struct conf_key *k = conf_keys_at(i);

		assert_ptr_equal(conf_keys_find(k->section, k->name), k);
		assert_true(k->help && *k->help && k->preset && k->offset + k->size <= sizeof(struct conf));
		assert_true(k->type != CONF_TYPE_CHOICE || k->choices);
		assert_true(k->max > k->min || k->type == CONF_TYPE_TEXT || k->type == CONF_TYPE_LIST ||
			    k->type == CONF_TYPE_BOOL || k->type == CONF_TYPE_CHOICE);
	}
	assert_null(conf_keys_find("traps", "nothing"));
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_table), cmocka_unit_test(test_golden),
		cmocka_unit_test(test_round_trip), cmocka_unit_test(test_good_after_bad), cmocka_unit_test(test_caps),
		cmocka_unit_test_setup_teardown(test_two_files, set_up, tear_down), cmocka_unit_test(test_example),
		cmocka_unit_test(test_dns_lists) };

	return cmocka_run_group_tests_name("conf_file", tests, NULL, NULL);
}
