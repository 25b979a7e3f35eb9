/*
 * feed_plan, feed_text: sections and a spamd.conf become feeds; names, white
 * lists, what is left out; what is said to those who are listed.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "core/conf_value.h"
#include "core/feed_line.h"
#include "core/feed_plan.h"
#include "core/feed_text.h"

#include <stdio.h>
#include <stdlib.h>

static struct conf *conf_new(void)
{
	struct conf *c = calloc(1, sizeof *c);

	assert_non_null(c);
	conf_defaults(c);
	return c;
}

static struct feed_plan plan_of(const struct conf *c, const char *text)
{
	char reason[SPAMD_CONF_REASON] = "";
	struct spamd_conf s = { 0 };
	struct feed_plan p = { 0 };
	unsigned line = 0;

	if (text && spamd_conf_parse(slice_str(text), &s, &line, reason) != ERR_OK)
		fail_msg("line %u: %s", line, reason);
	assert_int_equal(feed_plan_make(c, text ? &s : NULL, &p), ERR_OK);
	spamd_conf_done(&s);
	return p;
}

static void test_sections(void **state)
{
	struct conf *c = conf_new();
	struct feed_plan p;

	(void)state;
	c->feed_count = 3;
	slice_copy(SLICE_LIT("web"), c->feed[0].title, CONF_TITLE);
	slice_copy(SLICE_LIT("https://list.example/x"), c->feed[0].source, CONF_TEXT);
	slice_copy(SLICE_LIT("dnsbl export"), c->feed[0].layers, CONF_ITEM);
	slice_copy(SLICE_LIT("file"), c->feed[1].title, CONF_TITLE);
	slice_copy(SLICE_LIT("/srv/list"), c->feed[1].source, CONF_TEXT);
	slice_copy(SLICE_LIT("cmd"), c->feed[2].title, CONF_TITLE);
	slice_copy(SLICE_LIT("/bin/cat  -u /x"), c->feed[2].command, CONF_TEXT);
	p = plan_of(c, NULL);
	assert_int_equal(p.count, 3);
	assert_int_equal(p.feed[0].part[0].way, FEED_WAY_HTTP);
	assert_int_equal(p.feed[0].layers, FEED_LAYER_DNSBL | FEED_LAYER_EXPORT);
	assert_int_equal(p.feed[1].part[0].way, FEED_WAY_PATH);
	assert_int_equal(p.feed[1].layers, FEED_LAYER_POLICY | FEED_LAYER_FIREWALL);
	assert_int_equal(p.feed[2].part[0].way, FEED_WAY_COMMAND);
	assert_string_equal(p.feed[2].part[0].where, "/bin/cat  -u /x");
	assert_ptr_equal(feed_plan_find(&p, "file"), &p.feed[1]);
	assert_null(feed_plan_find(&p, "nothing"));
	feed_plan_done(&p);
	free(c);
}

static void test_spamd(void **state)
{
	static const char text[] = "all:\\\n\t:one:w1:w2:two:one:w1:\n"
				   "one:\\\n\t:black:\\\n\t:msg=\"SPAM\\n\\\n%A 100%%\":\\\n\t:method=https:\\\n"
				   "\t:file=list.example/one.gz:\n"
				   "w1:\\\n\t:white:\\\n\t:file=/etc/w1:\n"
				   "w2:\\\n\t:white:\\\n\t:method=ftp:\\\n\t:file=ftp.example/w2:\n"
				   "two:\\\n\t:black:\\\n\t:msg=/etc/mail/two.msg:\\\n\t:method=exec:\\\n"
				   "\t:file=/usr/local/bin/two -x:\n";
	struct conf *c = conf_new();
	struct feed_plan p;

	(void)state;
	c->feeds.spamd_action = FEED_ACTION_BLOCK;
	c->feeds.refresh_s = 77;
	p = plan_of(c, text);
	assert_int_equal(p.count, 3);
	assert_int_equal(p.left_out, 0);
	assert_string_equal(p.feed[0].conf.title, "one");
	assert_int_equal(p.feed[0].conf.action, FEED_ACTION_BLOCK);
	assert_int_equal(p.feed[0].conf.refresh_s, 77);
	assert_int_equal((int)p.feed[0].conf.format - CONF_FEED_AUTO, FEED_SPAMD);
	assert_string_equal(p.feed[0].text, "SPAM %A 100%%");
	assert_int_equal(p.feed[0].parts, 3);
	assert_string_equal(p.feed[0].part[0].where, "https://list.example/one.gz");
	assert_false(p.feed[0].part[0].is_white);
	assert_true(p.feed[0].part[1].is_white && p.feed[0].part[2].is_white);
	assert_string_equal(p.feed[0].part[2].where, "ftp://ftp.example/w2");
	assert_int_equal(p.feed[0].part[2].way, FEED_WAY_FTP);
	/* a white list is taken from the one before it alone */
	assert_string_equal(p.feed[1].conf.title, "two");
	assert_int_equal(p.feed[1].parts, 1);
	assert_string_equal(p.feed[1].text_file, "/etc/mail/two.msg");
	assert_string_equal(p.feed[1].part[0].list, "two");
	/* named twice: twice there */
	assert_string_equal(p.feed[2].conf.title, "one-2");
	assert_int_equal(p.feed[2].parts, 2);
	feed_plan_done(&p);
	free(c);
}

static void test_names(void **state)
{
	static const char text[] =
		"all:\\\n\t:a/"
		"b+c:a_b+c:web:abcdefghijklmnopqrstuvwxyz0123456789:abcdefghijklmnopqrstuvwxyz01234567XX:\n"
		"a/b+c:\\\n\t:black:\\\n\t:msg=\"\":\\\n\t:file=/1:\n"
		"a_b+c:\\\n\t:black:\\\n\t:msg=\"\":\\\n\t:file=/2:\n"
		"web:\\\n\t:black:\\\n\t:msg=\"\":\\\n\t:file=/3:\n"
		"abcdefghijklmnopqrstuvwxyz0123456789:\\\n\t:black:\\\n\t:msg=\"\":\\\n\t:file=/4:\n"
		"abcdefghijklmnopqrstuvwxyz01234567XX:\\\n\t:black:\\\n\t:msg=\"\":\\\n\t:file=/5:\n";
	static const char *const names[] = { "web", "a-b-c", "a_b-c", "web-2", "abcdefghijklmnopqrstuvwxyz01234",
		"abcdefghijklmnopqrstuvwxyz01-2" };
	struct conf *c = conf_new();
	struct feed_plan p;

	(void)state;
	c->feed_count = 1;
	slice_copy(SLICE_LIT("web"), c->feed[0].title, CONF_TITLE);
	slice_copy(SLICE_LIT("/x"), c->feed[0].source, CONF_TEXT);
	p = plan_of(c, text);
	assert_int_equal(p.count, 6);
	for (unsigned i = 0; i < 6; i++)
		assert_string_equal(p.feed[i].conf.title, names[i]);
	feed_plan_done(&p);
	free(c);
}

/* A black list without one of its white lists would list whom its owner wants free. */
static void test_left_out(void **state)
{
	static const char text[] = "all:\\\n\t:a:w:b:rel:c:\n"
				   "a:\\\n\t:black:\\\n\t:msg=\"\":\\\n\t:file=/a:\n"
				   "w:\\\n\t:white:\\\n\t:file=relative/path:\n"
				   "b:\\\n\t:black:\\\n\t:msg=\"\":\\\n\t:file=/b:\n"
				   "rel:\\\n\t:black:\\\n\t:msg=\"\":\\\n\t:method=exec:\\\n\t:file=cat /x:\n"
				   "c:\\\n\t:black:\\\n\t:msg=\"\":\\\n\t:file=/c:\n";
	struct conf *c = conf_new();
	struct feed_plan p;

	(void)state;
	p = plan_of(c, text);
	assert_int_equal(p.count, 2);
	assert_string_equal(p.feed[0].conf.title, "b");
	assert_string_equal(p.feed[1].conf.title, "c");
	assert_int_equal(p.left_out, 2);
	assert_non_null(strstr(p.reason, "rel"));
	feed_plan_done(&p);
	free(c);
}

static void test_too_many(void **state)
{
	struct conf *c = conf_new();
	struct feed_plan p;
	struct buf b;

	(void)state;
	buf_init(&b, 65536);
	assert_int_equal(buf_add_str(&b, "all:"), ERR_OK);
	for (unsigned i = 0; i < FEEDS_MAX + 3; i++)
		assert_int_equal(buf_printf(&b, "l%u:", i), ERR_OK);
	for (unsigned i = 0; i < FEED_PARTS; i++)
		assert_int_equal(buf_add_str(&b, "w:"), ERR_OK);
	assert_int_equal(buf_add_str(&b, "\nw:white:file=/w:\n"), ERR_OK);
	for (unsigned i = 0; i < FEEDS_MAX + 3; i++)
		assert_int_equal(buf_printf(&b, "l%u:black:msg=\"\":file=/%u:\n", i, i), ERR_OK);
	p = plan_of(c, buf_cstr(&b));
	assert_int_equal(p.count, FEEDS_MAX);
	assert_int_equal(p.left_out, 3);
	feed_plan_done(&p);
	buf_reset(&b);
	assert_int_equal(buf_add_str(&b, "all:l:"), ERR_OK);
	for (unsigned i = 0; i < FEED_PARTS; i++)
		assert_int_equal(buf_add_str(&b, "w:"), ERR_OK);
	assert_int_equal(
		buf_add_str(&b, "m:\nw:white:file=/w:\nl:black:msg=\"\":file=/l:\nm:black:msg=\"\":file=/m:\n"),
		ERR_OK);
	p = plan_of(c, buf_cstr(&b));
	assert_int_equal(p.count, 1);
	assert_string_equal(p.feed[0].conf.title, "m");
	assert_non_null(strstr(p.reason, "too many white lists"));
	feed_plan_done(&p);
	buf_done(&b);
	free(c);
}

static void test_words(void **state)
{
	char store[FEED_WHERE], many[2 * FEED_WORDS + 8];
	char *argv[FEED_WORDS + 1];
	unsigned layers;

	(void)state;
	assert_int_equal(feed_plan_words(" /bin/x  -a\t'b c' ", store, argv), 4);
	assert_string_equal(argv[0], "/bin/x");
	assert_string_equal(argv[1], "-a");
	/* no shell: a quote is a character */
	assert_string_equal(argv[2], "'b");
	assert_null(argv[4]);
	assert_int_equal(feed_plan_words("   ", store, argv), 0);
	for (unsigned i = 0; i < 2 * FEED_WORDS + 2; i++)
		many[i] = i % 2 ? ' ' : 'x';
	many[2 * FEED_WORDS - 1] = '\0';
	assert_int_equal(feed_plan_words(many, store, argv), FEED_WORDS);
	many[2 * FEED_WORDS - 1] = ' ';
	many[2 * FEED_WORDS + 1] = '\0';
	assert_int_equal(feed_plan_words(many, store, argv), 0);
	assert_true(feed_plan_layers("", &layers));
	assert_int_equal(layers, 0);
	assert_true(feed_plan_layers(" firewall export", &layers));
	assert_int_equal(layers, FEED_LAYER_FIREWALL | FEED_LAYER_EXPORT);
	assert_false(feed_plan_layers("policy nonsense\tdnsbl", &layers));
	assert_int_equal(layers, FEED_LAYER_POLICY | FEED_LAYER_DNSBL);
}

/* ---- texts */

static void expect_text(const char *msg, const char *clean, const char *told)
{
	struct ipaddr a;
	char text[64], to[80];

	assert_int_equal(ipaddr_parse(SLICE_LIT("192.0.2.7"), &a), ERR_OK);
	feed_text_clean(slice_str(msg), text, sizeof text);
	assert_string_equal(text, clean);
	feed_text_expand(text, &a, to, sizeof to);
	assert_string_equal(to, told);
}

static void test_texts(void **state)
{
	(void)state;
	expect_text("", "", "");
	expect_text("SPAM. Your address %A is listed", "SPAM. Your address %A is listed",
		"SPAM. Your address 192.0.2.7 is listed");
	expect_text("one\\ntwo\nthree\r\n  four  ", "one two three four", "one two three four");
	expect_text("\\\"%A\\\" \\\\ 100%%", "\"%A\" \\ 100%%", "\"192.0.2.7\" \\ 100%");
	/* a final n or A, and a single percent sign, are what they are */
	expect_text("\\n", "", "");
	expect_text("A n", "A n", "A n");
	expect_text("50% off", "50% off", "50% off");
	expect_text("%", "%", "%");
	expect_text("%%A", "%%A", "%A");
	expect_text("na\xefve \x01\x7f", "na?ve ??", "na?ve ??");
	/* cut where a pair would be torn */
	expect_text("0123456789012345678901234567890123456789012345678901234567890%%%A",
		"0123456789012345678901234567890123456789012345678901234567890%%",
		"0123456789012345678901234567890123456789012345678901234567890%");
	expect_text("01234567890123456789012345678901234567890123456789012345678901%A",
		"01234567890123456789012345678901234567890123456789012345678901",
		"01234567890123456789012345678901234567890123456789012345678901");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sections),
		cmocka_unit_test(test_spamd),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_left_out),
		cmocka_unit_test(test_too_many),
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_texts),
	};

	return cmocka_run_group_tests_name("feed_plan", tests, NULL, NULL);
}
