/*
 * test_trap_file: good and bad lines with their reasons, printing that reads
 * back, and edits that leave all other bytes alone.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>

#include "core/trap_file.h"

static void test_good_lines(void **state)
{
	static const struct {
		const char *in;
		enum trap_kind kind;
		const char *text; /* address text, or pattern */
		const char *tag;
		double weight;
		enum trap_state state;
	} cases[] = {
		{ "sales1998@example.org", TRAP_EXACT, "sales1998@example.org", "", 1, TRAP_AUTO },
		{ "  Sales@Example.ORG.  \r\n", TRAP_EXACT, "sales@example.org", "", 1, TRAP_AUTO },
		{ "<a@b>", TRAP_EXACT, "a@b", "", 1, TRAP_AUTO },
		{ "a@b tag=website weight=2.5 state=armed # since the fair", TRAP_EXACT, "a@b", "website", 2.5,
			TRAP_ARMED },
		{ "a@b\tstate=watching\ttag=x_1.y-Z", TRAP_EXACT, "a@b", "x_1.y-Z", 1, TRAP_WATCHING },
		{ "a@b since=2024-02-29 weight=0.1", TRAP_EXACT, "a@b", "", 0.1, TRAP_AUTO },
		{ "a@b weight=10", TRAP_EXACT, "a@b", "", 10, TRAP_AUTO },
		{ "a@b #tag=x", TRAP_EXACT, "a@b", "", 1, TRAP_AUTO },
		{ "a#b@c tag=t", TRAP_EXACT, "a#b@c", "t", 1, TRAP_AUTO },
		{ "\"a b\"@c state=retired", TRAP_EXACT, "a b@c", "", 1, TRAP_RETIRED },
		{ "\"#a\"@c", TRAP_EXACT, "#a@c", "", 1, TRAP_AUTO },
		{ "j\xc3\xbcrg@d\xc3\xb6m.example", TRAP_EXACT, "j\xc3\xbcrg@d\xc3\xb6m.example", "", 1, TRAP_AUTO },
		{ "@Old.Example.", TRAP_DOMAIN, "@old.example", "", 1, TRAP_AUTO },
		{ "@d state=suspended", TRAP_DOMAIN, "@d", "", 1, TRAP_SUSPENDED },
		{ "/^info[0-9]+@/ tag=numbers", TRAP_PATTERN, "^info[0-9]+@", "numbers", 1, TRAP_AUTO },
		{ "/a\\/b c/ weight=0.25", TRAP_PATTERN, "a\\/b c", "", 0.25, TRAP_AUTO },
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct trap_line t;
		char reason[128] = "";
		bool any = false;
		struct slice text;

		if (trap_file_line(slice_str(cases[i].in), 7, &t, &any, reason, sizeof reason) != ERR_OK)
			fail_msg("%s: %s", cases[i].in, reason);
		assert_true(any);
		text = t.kind == TRAP_PATTERN ? t.pattern : slice_str(t.address.text);
		assert_int_equal((int)t.kind, (int)cases[i].kind);
		assert_true(slice_eq(text, slice_str(cases[i].text)));
		assert_string_equal(t.tag, cases[i].tag);
		assert_float_equal(t.weight, (float)cases[i].weight, 1e-6f);
		assert_int_equal((int)t.state, (int)cases[i].state);
		assert_int_equal((int)t.number, 7);
		if (t.kind == TRAP_DOMAIN)
			assert_true(slice_eq(t.address.domain, slice_str(cases[i].text + 1)));
		if (t.kind != TRAP_PATTERN) /* into this struct, not into one that is gone */
			assert_true(t.address.domain.p >= t.address.text &&
				    t.address.domain.p < t.address.text + ADDRESS_TEXT);
	}
}

static void test_no_line(void **state)
{
	static const char *const lines[] = { "", "   ", "\t\r\n", "# a@b", "  # a@b", "#" };
	struct trap_line t = { .number = 99 };
	char reason[128];

	(void)state;
	for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
		bool any = true;

		assert_int_equal((int)trap_file_line(slice_str(lines[i]), 1, &t, &any, reason, sizeof reason), ERR_OK);
		assert_false(any);
		assert_int_equal((int)t.number, 99);
	}
}

static void test_bad_lines(void **state)
{
	static const struct {
		const char *in, *reason;
	} cases[] = {
		{ "word", "no domain" },
		{ "example.org tag=x", "no domain" },
		{ "@", "not a domain" },
		{ "a@", "not an address" },
		{ "a@b..c", "not a domain" },
		{ "a@-b_c!", "not a domain" },
		{ "@d e.example", "one trap a line" },
		{ "@[192.0.2.1]", "not a domain" },
		{ "a@[192.0.2.1]", "not a domain" },
		{ "a@b c@d", "one trap a line" },
		{ "a@b, c@d", "not a domain" },
		{ "a@b,c@d", "more than one @" },
		{ "\"a@b\"@c", "more than one @" },
		{ "a b@c", "no domain" },
		{ "\"a b@c", "not an address" },
		{ "<>", "not an address" },
		{ "\"\"@c", "not an address" },
		{ "a@b colour=red", "unknown key" },
		{ "a@b tag=", "tag: 1 to" },
		{ "a@b tag=x y", "one trap a line" },
		{ "a@b tag=x/y", "tag: only" },
		{ "a@b tag=t#1", "tag: only" },
		{ "a@b tag=x tag=x", "tag is given twice" },
		{ "a@b weight=", "weight:" },
		{ "a@b weight=0", "weight:" },
		{ "a@b weight=0.09", "weight:" },
		{ "a@b weight=10.001", "weight:" },
		{ "a@b weight=11", "weight:" },
		{ "a@b weight=-1", "weight:" },
		{ "a@b weight=1.", "weight:" },
		{ "a@b weight=.5", "weight:" },
		{ "a@b weight=1e1", "weight:" },
		{ "a@b weight=nan", "weight:" },
		{ "a@b weight=1.0000", "weight:" },
		{ "a@b weight=1 weight=2", "weight is given twice" },
		{ "a@b state=on", "state:" },
		{ "a@b state=auto", "state:" },
		{ "a@b state=armed state=armed", "state is given twice" },
		{ "a@b since=2024", "since:" },
		{ "a@b since=2024-13-01", "since:" },
		{ "a@b since=2024-00-01", "since:" },
		{ "a@b =x", "unknown key" },
		{ "/abc", "a pattern ends" },
		{ "/abc/x", "a pattern ends" },
		{ "/abc\\/", "a pattern ends" },
		{ "//", "empty pattern" },
		{ "/", "a pattern ends" },
		{ "a\001@b", "control character" },
		{ "a@b # \177", "control character" },
		{ "a@b tag=x\rtag=y", "control character" },
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct trap_line t = { .number = 99 };
		char reason[128] = "";
		bool any = true;
		enum err e = trap_file_line(slice_str(cases[i].in), 1, &t, &any, reason, sizeof reason);

		if (e != ERR_SYNTAX && e != ERR_LIMIT)
			fail_msg("taken: %s", cases[i].in);
		if (!strstr(reason, cases[i].reason))
			fail_msg("%s: \"%s\" does not say \"%s\"", cases[i].in, reason, cases[i].reason);
		assert_int_equal((int)t.number, 99);
	}
}

static void assert_bad_long(const char *head, char fill, size_t n, const char *tail)
{
	static char line[8000];
	struct trap_line t;
	char reason[128] = "";
	size_t at = strlen(head);
	bool any;

	memcpy(line, head, at);
	memset(line + at, fill, n);
	memcpy(line + at + n, tail, strlen(tail));
	assert_int_not_equal(
		(int)trap_file_line(slice_of(line, at + n + strlen(tail)), 1, &t, &any, reason, sizeof reason), ERR_OK);
	assert_true(reason[0]);
}

static void test_long_lines(void **state)
{
	struct trap_line t;
	char reason[128];
	bool any;

	(void)state;
	assert_bad_long("", 'a', 1000, "@example.org");
	assert_bad_long("a@", 'b', 64, ".example");
	assert_bad_long("@", 'b', 64, ".example");
	assert_bad_long("@", 'b', 1000, "");
	assert_bad_long("/", 'x', 257, "/");
	assert_bad_long("a@b tag=", 't', TRAP_TAG, "");
	assert_bad_long("a@b # ", 'c', 4000, "");
	assert_int_not_equal((int)trap_file_line(slice_of("a\0b@c", 5), 1, &t, &any, reason, sizeof reason), ERR_OK);
}

static void test_print_reads_back(void **state)
{
	static const char *const lines[] = { "a@b", "\"a b\"@c tag=x", "\"#a\"@c weight=0.125 state=armed",
		"\"/a/\"@c weight=10", "\"a\\\"\\\\b\"@c", "@d state=retired", "/a\\/b c/ tag=p weight=2.5" };
	(void)state;
	for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
		struct trap_line t, back;
		char reason[128];
		bool any;
		struct buf b;

		buf_init(&b, 4096);
		assert_int_equal((int)trap_file_line(slice_str(lines[i]), 1, &t, &any, reason, sizeof reason), ERR_OK);
		assert_int_equal((int)trap_file_print(&t, &b), ERR_OK);
		assert_int_equal((int)trap_file_line(buf_slice(&b), 1, &back, &any, reason, sizeof reason), ERR_OK);
		assert_true(any);
		assert_int_equal((int)t.kind, (int)back.kind);
		if (t.kind == TRAP_PATTERN)
			assert_true(slice_eq(t.pattern, back.pattern));
		else
			assert_string_equal(t.address.text, back.address.text);
		assert_string_equal(t.tag, back.tag);
		assert_float_equal(t.weight, back.weight, 1e-6f);
		assert_int_equal((int)t.state, (int)back.state);
		buf_done(&b);
	}
}

static void assert_edit(const char *file, const char *trap, bool remove, enum trap_state state, const char *want)
{
	struct buf b;
	enum err e;

	buf_init(&b, 4096);
	assert_int_equal((int)buf_add_str(&b, "kept"), ERR_OK);
	e = trap_file_edit(slice_str(file), slice_str(trap), remove, state, &b);
	if (!want) {
		assert_int_equal((int)e, ERR_NOTFOUND);
		assert_string_equal(buf_cstr(&b), "kept");
	} else {
		assert_int_equal((int)e, ERR_OK);
		assert_string_equal(buf_cstr(&b) + 4, want);
	}
	buf_done(&b);
}

static void test_edit(void **state)
{
	static const char file[] =
		"# head\r\n\nA@B  tag=x\tstate=watching # why\r\nbad line\n  @d # c\n/p q/ state=armed\n c@d";
	(void)state;
	assert_edit(file, "a@b", false, TRAP_ARMED,
		"# head\r\n\nA@B  tag=x\tstate=armed # why\r\nbad line\n  @d # c\n/p q/ state=armed\n c@d");
	assert_edit(file, "a@b", false, TRAP_AUTO,
		"# head\r\n\nA@B  tag=x # why\r\nbad line\n  @d # c\n/p q/ state=armed\n c@d");
	assert_edit(file, "a@b", true, TRAP_AUTO, "# head\r\n\nbad line\n  @d # c\n/p q/ state=armed\n c@d");
	assert_edit(file, "@d", false, TRAP_RETIRED,
		"# head\r\n\nA@B  tag=x\tstate=watching # why\r\nbad line\n  @d state=retired # c\n/p q/ state=armed\n "
		"c@d");
	assert_edit(file, "/p q/", false, TRAP_SUSPENDED,
		"# head\r\n\nA@B  tag=x\tstate=watching # why\r\nbad line\n  @d # c\n/p q/ state=suspended\n c@d");
	assert_edit(file, "c@d", false, TRAP_ARMED,
		"# head\r\n\nA@B  tag=x\tstate=watching # why\r\nbad line\n  @d # c\n/p q/ state=armed\n c@d "
		"state=armed");
	assert_edit(file, "c@d", true, TRAP_AUTO,
		"# head\r\n\nA@B  tag=x\tstate=watching # why\r\nbad line\n  @d # c\n/p q/ state=armed\n");
	assert_edit(file, "c@d", false, TRAP_AUTO, file);
	assert_edit(file, "x@y", true, TRAP_AUTO, NULL);
	assert_edit(file, "/p/", true, TRAP_AUTO, NULL);
	assert_edit("", "x@y", true, TRAP_AUTO, NULL);
	assert_edit("a@b\na@b tag=2\n", "a@b", true, TRAP_AUTO, ""); /* a second line would keep it alive */
}

static void test_edit_over_the_cap(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 10);
	assert_int_equal(
		(int)trap_file_edit(SLICE_LIT("a@b\nlonger@example.org\n"), SLICE_LIT("a@b"), true, TRAP_AUTO, &b),
		ERR_LIMIT);
	assert_int_equal((int)b.n, 0);
	buf_done(&b);
}

static void test_states(void **state)
{
	enum trap_state s = TRAP_AUTO;

	(void)state;
	for (int i = TRAP_WATCHING; i <= TRAP_RETIRED; i++) {
		assert_true(trap_state_parse(slice_str(trap_state_name((enum trap_state)i)), &s));
		assert_int_equal((int)s, i);
	}
	assert_false(trap_state_parse(SLICE_LIT("Armed"), &s));
	assert_false(trap_state_parse(SLICE_LIT("auto"), &s));
	assert_false(trap_state_parse(SLICE_LIT(""), &s));
	assert_string_equal(trap_state_name((enum trap_state)77), "?");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good_lines),
		cmocka_unit_test(test_no_line),
		cmocka_unit_test(test_bad_lines),
		cmocka_unit_test(test_long_lines),
		cmocka_unit_test(test_print_reads_back),
		cmocka_unit_test(test_edit),
		cmocka_unit_test(test_edit_over_the_cap),
		cmocka_unit_test(test_states),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
