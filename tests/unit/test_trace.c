/*
 * Whom the fields in front of a captured message name.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/escape.h"
#include "core/envelope.h"
#include "core/trace.h"

#include <stdio.h>

#define HEAD                                                                                                           \
	"X-Limetwig-Sender: Carla.Person@People.EXAMPLE\r\nX-Limetwig-Client: 192.0.2.1\r\n"                           \
	"X-Limetwig-Name: \r\nX-Limetwig-Recipient: old=pfx.example=@limetwig.invalid\r\n"                             \
	"X-Limetwig-Recipient: alice@pfx.example\r\n"
#define MESSAGE "From: dora@people.example\r\n\r\nX-Limetwig-Sender: dora@people.example\r\n"

static bool names(const char *text, const char *address)
{
	struct trace_found f;

	trace_look(slice_str(text), address, &f);
	return f.is_sender || f.is_recipient;
}

static bool is_ended(const char *text)
{
	struct trace_found f;

	trace_look(slice_str(text), "a@b.example", &f);
	return f.is_ended;
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
	assert_false(names("X-Limetwig-Sender: a@b.example", "a@b.example"));
	assert_false(is_ended("X-Limetwig-Sender: a@b.example"));
	assert_false(is_ended(""));
	assert_true(is_ended("X-Limetwig-End: 1\r\n"));
	assert_true(is_ended("\r\n"));
	assert_false(names("X-Limetwig-End: 1\r\nX-Limetwig-Sender: a@b.example\r\n", "a@b.example"));
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

/* Cut anywhere: what is known stays, and once the fields have ended so does the answer. */
static void any_cut(void **state)
{
	const char *text = HEAD MESSAGE;
	struct trace_found was = { 0 }, is;

	(void)state;
	for (size_t n = 0; n <= strlen(text); n++) {
		trace_look(slice_of(text, n), "alice@pfx.example", &is);
		assert_true(is.is_recipient >= was.is_recipient && is.riders >= was.riders);
		assert_true(!was.is_ended || memcmp(&is, &was, sizeof is) == 0);
		was = is;
	}
	assert_true(was.is_ended && was.is_recipient && was.is_rider && !was.is_sender);
	assert_int_equal(was.riders, 0);
}

#define SHARED                                                                                                         \
	"X-Limetwig-Sender: s@x.example\r\nX-Limetwig-Recipient: old=pfx.example=@limetwig.invalid\r\n"                \
	"X-Limetwig-Recipient: alice@pfx.example\r\nX-Limetwig-Orcpt: info@pfx.example\r\n"                            \
	"X-Limetwig-Recipient: bob@pfx.example\r\nX-Limetwig-Orcpt: b@pfx.example\r\n"                                 \
	"X-Limetwig-Size: 0000000004\r\nX-Limetwig-End: 1\r\nX-Limetwig-Recipient: alice@pfx.example\r\n"

static struct trace_found look(const char *text, const char *address)
{
	struct trace_found f;

	trace_look(slice_str(text), address, &f);
	return f;
}

/* The address is gone, what stands behind the fields is not touched, and the others can still be read. */
static void one_of_several(void **state)
{
	static const struct {
		const char *address;
		uint32_t riders;
		const char *left[2], *orcpt[2];
	} rows[] = {
		{ "alice@pfx.example", 1, { "bob@pfx.example", NULL }, { "b@pfx.example", NULL } },
		{ "bob@pfx.example", 1, { "alice@pfx.example", NULL }, { "info@pfx.example", NULL } },
		{ "info@pfx.example", 2, { "alice@pfx.example", "bob@pfx.example" }, { "", "b@pfx.example" } },
		{ "old@pfx.example", 2, { "alice@pfx.example", "bob@pfx.example" },
			{ "info@pfx.example", "b@pfx.example" } },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char text[sizeof SHARED] = SHARED;
		struct trace_found f = look(text, rows[i].address);
		struct envelope v;
		struct lmtp_recipient r;
		size_t pos = 0;

		assert_true(f.is_ended && f.is_recipient && !f.is_sender);
		assert_int_equal(f.riders, rows[i].riders);
		assert_true(trace_forget(text, strlen(text), rows[i].address));
		assert_int_equal(strlen(text), sizeof SHARED - 1);
		assert_string_equal(strstr(text, "X-Limetwig-Size"), strstr(SHARED, "X-Limetwig-Size"));
		f = look(text, rows[i].address);
		assert_true(f.is_ended && !f.is_recipient && !f.is_sender);
		assert_false(trace_forget(text, strlen(text), rows[i].address));
		envelope_init(&v);
		assert_int_equal((int)envelope_read(slice_str(text), &v), ERR_OK);
		for (int j = 0; j < 2 && rows[i].left[j]; j++) {
			assert_true(envelope_next(&v, &pos, &r));
			assert_true(slice_eq(r.address, slice_str(rows[i].left[j])));
			assert_true(slice_eq(r.orcpt, slice_str(rows[i].orcpt[j])));
		}
		assert_false(envelope_next(&v, &pos, &r));
		envelope_done(&v);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sender_and_recipients),
		cmocka_unit_test(escaped),
		cmocka_unit_test(any_cut),
		cmocka_unit_test(one_of_several),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
