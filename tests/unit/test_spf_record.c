/*
 * spf_record: the grammar of RFC 7208, term by term.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>

#include "core/spf_record.h"

/* All terms in a canonical form, parted by blanks; "!" behind the last good one: syntax. */
static const char *parse(const char *record)
{
	static const char *const names[] = { "?", "all", "include", "a", "mx", "ptr", "ip4", "ip6", "exists",
		"redirect", "exp", "unknown" };
	static char out[2000];
	struct slice terms = spf_record_terms(slice_str(record));
	struct spf_term t;
	size_t n = 0;
	enum err e;

	out[0] = '\0';
	while ((e = spf_record_next(&terms, &t)) == ERR_OK) {
		char prefix[PREFIX_TEXT];

		n += (size_t)snprintf(
			out + n, sizeof out - n, "%s%s%s", n ? " " : "", t.is_pass ? "+" : "-", names[t.kind]);
		if (t.domain.n)
			n += (size_t)snprintf(
				out + n, sizeof out - n, ":%.*s%s", SLICE_ARG(t.domain), t.has_macro ? "{}" : "");
		if (t.prefix.addr.family)
			n += (size_t)snprintf(out + n, sizeof out - n, ":%s", prefix_format(&t.prefix, prefix));
		if (t.cidr4 != 32 || t.cidr6 != 128)
			n += (size_t)snprintf(out + n, sizeof out - n, "/%u//%u", t.cidr4, t.cidr6);
	}
	if (e == ERR_SYNTAX)
		(void)snprintf(out + n, sizeof out - n, "!");
	assert_int_equal(spf_record_check(slice_str(record)) == ERR_OK, e == ERR_NOTFOUND);
	return out;
}

static void the_version_stands_alone(void **state)
{
	(void)state;
	assert_true(spf_record_is(SLICE_LIT("v=spf1")));
	assert_true(spf_record_is(SLICE_LIT("v=spf1 -all")));
	assert_true(spf_record_is(SLICE_LIT("V=SPF1 -all")));
	assert_false(spf_record_is(SLICE_LIT("v=spf10 -all")));
	assert_false(spf_record_is(SLICE_LIT("v=spf1-all")));
	assert_false(spf_record_is(SLICE_LIT(" v=spf1 -all")));
	assert_false(spf_record_is(SLICE_LIT("v=spf2.0/pra -all")));
	assert_false(spf_record_is(SLICE_LIT("")));
	assert_false(spf_record_is(SLICE_LIT("v=spf1\t-all")));
}

static void each_mechanism_is_read(void **state)
{
	(void)state;
	assert_string_equal(parse("v=spf1"), "");
	assert_string_equal(parse("v=spf1   "), "");
	assert_string_equal(parse("v=spf1 +all"), "+all");
	assert_string_equal(parse("v=spf1 ~ALL  ?a -MX"), "-all -a -mx");
	assert_string_equal(parse("v=spf1 a a:d.example a/24 a//64 a:d.example./24//64"),
		"+a +a:d.example +a/24//128 +a/32//64 +a:d.example./24//64");
	assert_string_equal(parse("v=spf1 mx:d.example/30 mx/0//0"), "+mx:d.example/30//128 +mx/0//0");
	assert_string_equal(parse("v=spf1 ip4:192.0.2.1 ip4:192.0.2.129/25 ip4:1.2.3.4/0"),
		"+ip4:192.0.2.1 +ip4:192.0.2.128/25 +ip4:0.0.0.0/0");
	assert_string_equal(parse("v=spf1 ip6:2001:db8::1 ip6:2001:db8::ffff/32 ip6:::/0"),
		"+ip6:2001:db8::1 +ip6:2001:db8::/32 +ip6:::/0");
	assert_string_equal(parse("v=spf1 ip6:::ffff:192.0.2.1 ip6:::ffff:192.0.2.1/96"), "+ip6 +ip6");
	assert_string_equal(parse("v=spf1 include:_spf.d.example ptr ptr:d.example exists:x.d.example"),
		"+include:_spf.d.example +ptr +ptr:d.example +exists:x.d.example");
	assert_string_equal(parse("v=spf1 redirect=_spf.d.example exp=e.d.example x-y.z=any:thing/here z="),
		"-redirect:_spf.d.example -exp:e.d.example -unknown -unknown");
}

static void macros_are_recognized(void **state)
{
	(void)state;
	assert_string_equal(parse("v=spf1 exists:%{i}.x.d.example"), "+exists:%{i}.x.d.example{}");
	assert_string_equal(parse("v=spf1 include:%{d}"), "+include:%{d}{}");
	assert_string_equal(parse("v=spf1 a:%{d1r.-/}/24"), "+a:%{d1r.-/}{}/24//128");
	assert_string_equal(parse("v=spf1 exists:%{l1r+}.%{d10}"), "+exists:%{l1r+}.%{d10}{}");
	assert_string_equal(parse("v=spf1 exists:a%%b%_c%-d.example"), "+exists:a%%b%_c%-d.example{}");
	assert_string_equal(parse("v=spf1 exists:%{S}%{O}.example"), "+exists:%{S}%{O}.example{}");
	for (const char *const *bad = (const char *const[]){ "exists:%", "exists:%{", "exists:%{}",
		     "exists:%{q}.example", "exists:%(i).example", "exists:%{i.example", "exists:%{d0}.example",
		     "exists:%{i}x", "exists:%%", "a:%{d}x/24", "exists:%{ir5}.example", NULL };
		*bad; bad++) {
		char record[100];

		(void)snprintf(record, sizeof record, "v=spf1 %s", *bad);
		assert_string_equal(parse(record), "!");
	}
}

static void what_the_grammar_does_not_have_is_refused(void **state)
{
	static const char *const bad[] = { "foo", "foo:d.example", "all:d.example", "all/8", "all.", "a:", "a/", "a/33",
		"a/032", "a/24/64", "a//129", "a///64", "a:single", "a:1.2.3.4", "a:1.2.3.4/24", "a:d.example:25",
		"a:-d.-x", "a:d.x-", "mx:", "include", "include:", "include:d.example/24", "include:single", "exists",
		"exists:", "ptr:", "ptr/24", "ip4", "ip4:", "ip4:1.2.3", "ip4:1.2.3.4/33", "ip4:1.2.3.4/",
		"ip4:1.2.3.4/032", "ip4:1.2.3.4//8", "ip4:2001:db8::1", "ip4:::ffff:1.2.3.4", "ip6:1.2.3.4",
		"ip6:", "ip6:zz::", "ip6:2001:db8::/129", "ip4=1.2.3.4 !", "redirect=", "redirect=single",
		"+redirect=d.example", "-x=y", "exp=", "+", "-", "++all", "+-all", "1a", "_a", "a\tb",
		"a:d\x80.example", "x=%", "-all;", NULL };

	(void)state;
	for (size_t i = 0; bad[i]; i++) {
		char record[100];
		const char *got;

		(void)snprintf(record, sizeof record, "v=spf1 %s", bad[i]);
		got = parse(record);
		if (got[strlen(got) - 1] != '!')
			fail_msg("taken: %s as %s", bad[i], got);
	}
}

static void modifiers_stand_once(void **state)
{
	(void)state;
	assert_int_equal(spf_record_check(SLICE_LIT("v=spf1 redirect=a.example exp=b.example x=1 x=2")), ERR_OK);
	assert_int_equal(spf_record_check(SLICE_LIT("v=spf1 redirect=a.example redirect=a.example")), ERR_SYNTAX);
	assert_int_equal(spf_record_check(SLICE_LIT("v=spf1 exp=a.example -all exp=a.example")), ERR_SYNTAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_version_stands_alone),
		cmocka_unit_test(each_mechanism_is_read),
		cmocka_unit_test(macros_are_recognized),
		cmocka_unit_test(what_the_grammar_does_not_have_is_refused),
		cmocka_unit_test(modifiers_stand_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
