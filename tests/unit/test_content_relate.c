/*
 * test_content_relate: which words of a field are domains, and which domains
 * belong together; nothing grows beyond its cap.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>

#include "core/content_relate.h"

static const struct {
	const char *sender, *list;
	bool want;
} cases[] = {
	{ "a@lists.example.org", "<l.lists.example.org>", true },
	{ "a@mail.example.org", "<mailto:l-leave@lists.EXAMPLE.org?subject=x>", true },
	{ "\"News\" <a@example.org.>", "<https://click.example.org:8080/u?a=b>", true },
	{ "v=1; a=rsa-sha256; d=example.org; s=x", "Name <1.example.org>", true },
	{ "v=1; bad=example.org; s=x", "<1.example.org>", false },
	{ "a@example.org", "<l.example.net>", false },
	{ "a@badexample.org", "<example.org>", false },
	{ "a@example.org", "example.org", false }, /* a word of text */
	{ "a@example.org", "<http:/example.org>", false },
	{ "a@a.co.test", "<b.co.test>", true },
	{ "a@a.co.uk", "<b.co.uk>", false },
	{ "a@x.a.co.uk", "<y.a.co.uk>", true },
	{ "a@gmx.de", "<lists.gmx.de>", true },
	{ "a@192.0.2.1", "<192.0.2.1>", false },
	{ "a@[192.0.2.1]", "<http://192.0.2.1/>", false },
	{ "a@localhost", "<l.localhost>", false },
	{ "", "<l.example.org>", false },
	{ "a@.org", "<.org>", false },
	{ "@", "<>@//", false },
};

static void test_pairs(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct content_relate r;

		content_relate_init(&r);
		content_relate_add(&r.sender, slice_str(cases[i].sender));
		content_relate_add(&r.list, slice_str(cases[i].list));
		if (content_relate_is(&r) != cases[i].want)
			fail_msg("%s, %s", cases[i].sender, cases[i].list);
	}
}

static void test_hop(void **state)
{
	static const struct {
		const char *received;
		bool want;
	} hops[] = {
		{ "from out.example.org (x [192.0.2.1]) by mx.test", true },
		{ "from x (out.example.org [192.0.2.1]) by mx.test", true },
		{ "FROM out.example.org", true },
		{ "from x ([192.0.2.1]) by mx.example.org", false },
		{ "by mx.example.org", false },
		{ "from ", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof hops / sizeof hops[0]; i++) {
		struct content_relate r;

		content_relate_init(&r);
		content_relate_add_hop(&r.sender, slice_str(hops[i].received));
		content_relate_add(&r.list, SLICE_LIT("<l.example.org>"));
		if (content_relate_is(&r) != hops[i].want)
			fail_msg("%s", hops[i].received);
	}
}

static void test_caps(void **state)
{
	struct content_relate r;
	char text[200];

	(void)state;
	content_relate_init(&r);
	content_relate_add(&r.sender, SLICE_LIT("<a@x.test> <a@x.test>"));
	assert_int_equal(r.sender.n, 1);
	for (int i = 0; i < 30; i++) {
		(void)snprintf(text, sizeof text, "<a@d%d.test>", i);
		content_relate_add(&r.sender, slice_str(text));
	}
	assert_int_equal(r.sender.n, CONTENT_RELATE_DOMAINS);
	content_relate_init(&r);
	memset(text, 'x', sizeof text);
	text[0] = '@';
	memcpy(text + sizeof text - 6, ".test", 6);
	content_relate_add(&r.sender, slice_str(text));
	assert_int_equal(r.sender.n, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pairs),
		cmocka_unit_test(test_hop),
		cmocka_unit_test(test_caps),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
