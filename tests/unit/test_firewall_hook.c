/*
 * test_firewall_hook: the words of hooks, what a list prints, and which
 * configuration is whole.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>

#include "core/firewall_hook.h"

static struct fw_op op_of(const char *subject, bool is_add)
{
	struct fw_op op = { .is_add = is_add, .ttl_s = 3600, .case_id = "AB12-CD34" };

	assert_int_equal(prefix_parse(slice_str(subject), &op.prefix), ERR_OK);
	return op;
}

static void expands(const char *word, const struct fw_op *op, const char *want)
{
	struct buf b;

	buf_init(&b, 1000);
	assert_int_equal(firewall_hook_expand(word, op, &b), ERR_OK);
	assert_int_equal(b.n, strlen(want));
	assert_memory_equal(b.p, want, b.n);
	buf_done(&b);
}

static void each_letter_has_its_value(void **state)
{
	struct fw_op four = op_of("192.0.2.1", true), net = op_of("192.0.2.0/24", false),
		     six = op_of("2001:db8::/64", true);

	(void)state;
	expands("add set%f %s timeout %t", &four, "add set4 192.0.2.1 timeout 3600");
	expands("%s%f%t", &net, "192.0.2.0/2440");
	expands("%c:%s", &six, "AB12-CD34:2001:db8::/64");
	expands("100%% of %f", &six, "100% of 6");
	expands("%%s", &four, "%s");
	expands("%x %", &four, "%x %"); /* never gets so far: the check refuses it */
}

static void a_case_id_is_of_its_letters_only(void **state)
{
	struct fw_op op = op_of("192.0.2.1", true);

	(void)state;
	op.case_id[0] = '\0';
	expands("%c", &op, "-");
	(void)snprintf(op.case_id, sizeof op.case_id, "A;rm -r /");
	expands("%c", &op, "-");
}

static void a_full_buffer_is_told(void **state)
{
	struct fw_op op = op_of("192.0.2.1", true);
	struct buf b;

	(void)state;
	buf_init(&b, 4);
	assert_int_not_equal(firewall_hook_expand("%s%s%s%s", &op, &b), ERR_OK);
	buf_done(&b);
}

/* All that a list holds, parted by blanks. */
static void lists(struct slice text, const char *want)
{
	char got[1000] = "", one[PREFIX_TEXT];
	struct prefix p;
	size_t n = 0;

	while (firewall_hook_next(&text, &p))
		n += (size_t)snprintf(got + n, sizeof got - n, "%s%s", n ? " " : "", prefix_format(&p, one));
	assert_int_equal(text.n, 0);
	assert_string_equal(got, want);
}

static void a_list_is_read_as_programs_print_it(void **state)
{
	(void)state;
	lists(slice_str(""), "");
	lists(slice_str("create limetwig4 hash:net family inet hashsize 1024 maxelem 65536 timeout 0\n"
			"add limetwig4 198.51.100.7 timeout 3599\nadd limetwig4 203.0.113.0/24 timeout 12\n"),
		"198.51.100.7 203.0.113.0/24");
	lists(slice_str("['192.0.2.1', '2001:db8::/64']\n"), "192.0.2.1 2001:db8::/64");
	lists(slice_str("elements = { 192.0.2.1, 192.0.2.9 }"), "192.0.2.1 192.0.2.9");
	lists(slice_str("1.2.3 192.0.2.77/24 1.2.3.4.5 192.0.2.1x x2001:db8:: 192.0.2.1/33 ::1/"), "");
}

static void a_word_without_end_is_passed_over(void **state)
{
	static char text[3 * HOOK_TEXT];

	(void)state;
	memset(text, '1', sizeof text);
	lists((struct slice){ text, sizeof text }, "");
	memcpy(text + sizeof text - 10, " 192.0.2.1", 10);
	lists((struct slice){ text, sizeof text }, "192.0.2.1");
}

static void any_prefix_ends(void **state)
{
	static const char text[] = "add s 198.51.100.7, {2001:db8::/64} \"192.0.2.0/24\"\n\x80\xff(::)";

	(void)state;
	for (size_t n = 0; n < sizeof text; n++) {
		struct slice rest = { text, n };
		struct prefix p;
		size_t items = 0;

		while (firewall_hook_next(&rest, &p)) {
			assert_true(p.len <= ipaddr_bits(&p.addr));
			assert_true(++items <= n);
		}
		assert_int_equal(rest.n, 0);
	}
}

/* ---- the configuration */

static void set_words(struct conf_list *l, const char *first, const char *second)
{
	l->count = 0;
	for (const char *word = first; word; word = word == first ? second : NULL)
		(void)snprintf(l->item[l->count++], CONF_ITEM, "%s", word);
}

static struct conf *whole_conf(void)
{
	static struct conf c;

	conf_defaults(&c);
	set_words(&c.firewall.hook_add, "/bin/ban", "%s");
	set_words(&c.firewall.hook_remove, "/bin/unban", "%s");
	return &c;
}

static void refused(const struct conf *c, const char *want_key)
{
	const char *key = NULL;
	char text[200] = "";

	assert_false(firewall_hook_check(c, &key, text, sizeof text));
	assert_string_equal(key, want_key);
	assert_true(text[0]);
}

static void a_whole_configuration_is_taken(void **state)
{
	struct conf *c = whole_conf();
	const char *key = "";
	char text[200];

	(void)state;
	assert_true(firewall_hook_check(c, &key, text, sizeof text));
	assert_null(key);
	assert_int_equal(firewall_hook_batch(c, HOOK_ADD), 1);
	set_words(&c->firewall.hook_add, "/bin/ban", HOOK_WORD_SUBJECTS);
	assert_true(firewall_hook_check(c, &key, text, sizeof text));
	assert_int_equal(firewall_hook_batch(c, HOOK_ADD), HOOK_MANY_WORDS);
	set_words(&c->firewall.hook_add, "/bin/ban", NULL);
	(void)snprintf(c->firewall.hook_add_line, sizeof c->firewall.hook_add_line, "add %%s %%t");
	assert_true(firewall_hook_check(c, &key, text, sizeof text));
	assert_int_equal(firewall_hook_batch(c, HOOK_ADD), MESSAGE_HOOK_OPS);
	assert_string_equal(firewall_hook_line(c, HOOK_ADD), "add %s %t");
	assert_string_equal(firewall_hook_line(c, HOOK_LIST), "");
}

static void what_is_wrong_is_named(void **state)
{
	struct conf *c = whole_conf();

	(void)state;
	c->firewall.hook_add.count = 0;
	refused(c, "hook-add");
	set_words(&whole_conf()->firewall.hook_remove, "unban", "%s");
	refused(c, "hook-remove");
	set_words(&whole_conf()->firewall.hook_add, "/bin/ban", "%x");
	refused(c, "hook-add");
	set_words(&whole_conf()->firewall.hook_add, "/bin/ban", "100%");
	refused(c, "hook-add");
	set_words(&whole_conf()->firewall.hook_add, "/bin/ban", "x%S"); /* it must be the whole word */
	refused(c, "hook-add");
	set_words(&whole_conf()->firewall.hook_list, "/bin/list", "%s");
	refused(c, "hook-list");
	set_words(&whole_conf()->firewall.hook_list, "/bin/list", "100%%%s");
	refused(c, "hook-list");
	set_words(&whole_conf()->firewall.hook_flush, "flush", NULL);
	refused(c, "hook-flush");
	set_words(&whole_conf()->firewall.hook_remove, "/bin/unban", NULL);
	(void)snprintf(c->firewall.hook_remove_line, sizeof c->firewall.hook_remove_line, "del %%q");
	refused(c, "hook-remove-line");
}

/* Of a call for many the first one would be all that the program hears of. */
static void one_subject_in_a_call_for_many_is_refused(void **state)
{
	struct conf *c = whole_conf();

	(void)state;
	set_words(&c->firewall.hook_add, "/bin/ban%f", HOOK_WORD_SUBJECTS);
	refused(c, "hook-add");
	set_words(&whole_conf()->firewall.hook_add, "/bin/ban", "%s");
	(void)snprintf(c->firewall.hook_add_line, sizeof c->firewall.hook_add_line, "add %%s");
	refused(c, "hook-add");
}

static void a_percent_sign_is_one_everywhere(void **state)
{
	struct conf *c = whole_conf();
	const char *key = "";
	char text[200];

	(void)state;
	set_words(&c->firewall.hook_flush, "/bin/flush", "100%%");
	assert_true(firewall_hook_check(c, &key, text, sizeof text));
	expands("100%% of %s", NULL, "100% of %s");
}

static void subjects_beside_a_line_are_refused(void **state)
{
	struct conf *c = whole_conf();

	(void)state;
	set_words(&c->firewall.hook_add, "/bin/ban", HOOK_WORD_SUBJECTS);
	(void)snprintf(c->firewall.hook_add_line, sizeof c->firewall.hook_add_line, "add %%s");
	refused(c, "hook-add");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_letter_has_its_value),
		cmocka_unit_test(a_case_id_is_of_its_letters_only),
		cmocka_unit_test(a_full_buffer_is_told),
		cmocka_unit_test(a_list_is_read_as_programs_print_it),
		cmocka_unit_test(a_word_without_end_is_passed_over),
		cmocka_unit_test(any_prefix_ends),
		cmocka_unit_test(a_whole_configuration_is_taken),
		cmocka_unit_test(what_is_wrong_is_named),
		cmocka_unit_test(one_subject_in_a_call_for_many_is_refused),
		cmocka_unit_test(a_percent_sign_is_one_everywhere),
		cmocka_unit_test(subjects_beside_a_line_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
