/*
 * Whom the fields in front of a captured message name.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/escape.h"
#include "core/trace.h"

#include <stdio.h>

#define HEAD                                                                                                           \
	"X-Limetwig-Sender: Carla.Person@People.EXAMPLE\r\nX-Limetwig-Client: 192.0.2.1\r\n"                           \
	"X-Limetwig-Name: \r\nX-Limetwig-Recipient: old=pfx.example=@limetwig.invalid\r\n"                             \
	"X-Limetwig-Recipient: alice@pfx.example\r\n"
#define MESSAGE "From: dora@people.example\r\n\r\nX-Limetwig-Sender: dora@people.example\r\n"

static bool names(const char *text, const char *address)
{
	return trace_names(slice_str(text), address) == TRACE_NAMED;
}

static void sender_and_recipients(void **state)
{
	(void)state;
	assert_true(names(HEAD MESSAGE, "carla.person@people.example"));
	assert_true(names(HEAD MESSAGE, "old@pfx.example")); /* the trap itself */
	assert_true(names(HEAD MESSAGE, "alice@pfx.example"));
	assert_false(names(HEAD MESSAGE, "dora@people.example")); /* the message is not ours to read */
	assert_false(names(HEAD MESSAGE, "person@people.example"));
	assert_false(names("", "a@b.example"));
	assert_false(names("X-Limetwig-Sender: \r\n\r\n", "a@b.example"));
	assert_true(names("X-Limetwig-Sender: x@y.example\r\nX-Limetwig-Orcpt: a@b.example\r\n", "a@b.example"));
	/* cut: it may be a@b.example.org */
	assert_int_equal(trace_names(SLICE_LIT("X-Limetwig-Sender: a@b.example"), "a@b.example"), TRACE_MORE);
	assert_int_equal(trace_names(SLICE_LIT(""), "a@b.example"), TRACE_MORE);
	assert_int_equal(
		trace_names(SLICE_LIT("X-Limetwig-End: 1\r\nX-Limetwig-Sender: a@b.example\r\n"), "a@b.example"),
		TRACE_OTHERS);
	assert_false(names("\r\n" HEAD, "alice@pfx.example"));
}

static void escaped(void **state)
{
	static const char *const senders[] = { "\"a\\\"b c\"@people.example", "j\xc3\xbcrgen@people.example",
		"a\\xzz@people.example", "x\\x41@people.example" };
	char field[200], text[300];

	(void)state;
	for (size_t i = 0; i < sizeof senders / sizeof senders[0]; i++) {
		struct address a;
		const char *want = senders[i];

		if (address_parse(slice_str(want), &a) == ERR_OK)
			want = a.text;
		(void)snprintf(text, sizeof text, "X-Limetwig-Sender: %s\r\n",
			escape_text(slice_str(senders[i]), field, sizeof field));
		assert_true(names(text, want));
	}
}

/* Cut anywhere: once there is an answer it stays. */
static void any_cut(void **state)
{
	const char *text = HEAD MESSAGE;
	enum trace_answer was = TRACE_MORE;

	(void)state;
	for (size_t n = 0; n <= strlen(text); n++) {
		enum trace_answer is = trace_names(slice_of(text, n), "alice@pfx.example");

		assert_true(was == TRACE_MORE || was == is);
		was = is;
	}
	assert_int_equal(was, TRACE_NAMED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sender_and_recipients),
		cmocka_unit_test(escaped),
		cmocka_unit_test(any_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
