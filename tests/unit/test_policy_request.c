/*
 * test_policy_request: real requests, hostile ones, and every split of one.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>

#include "core/policy_request.h"

static const char real[] =
	"request=smtpd_access_policy\nprotocol_state=RCPT\nprotocol_name=ESMTP\n"
	"client_address=192.0.2.9\nclient_name=mail.example\nclient_port=35025\nreverse_client_name=mail.example\n"
	"server_address=198.51.100.1\nserver_port=25\nhelo_name=x=y\nsender=a@b.example\nrecipient=alice@pfx.test\n"
	"recipient_count=0\nqueue_id=\ninstance=2e05.6b01eea7.7c86e.0\nsize=12\netrn_domain=\nstress=\nsasl_method=\n"
	"sasl_username=\nsasl_sender=\nccert_subject=\nencryption_keysize=0\npolicy_context=\ntls_sni=new\n\n";

static void assert_slice(struct slice s, const char *want)
{
	assert_int_equal(s.n, strlen(want));
	assert_memory_equal(s.p, want, s.n);
}

static void a_real_request(void **state)
{
	struct policy_request r;
	size_t scanned = 0, used = 0;

	(void)state;
	assert_int_equal(policy_request_end(SLICE_LIT(real), &scanned), sizeof real - 1);
	assert_int_equal(policy_request_parse(SLICE_LIT(real), &r, &used), ERR_OK);
	assert_int_equal(used, sizeof real - 1);
	assert_int_equal(r.state, POLICY_RCPT);
	assert_slice(r.client_address, "192.0.2.9");
	assert_slice(r.helo_name, "x=y");
	assert_slice(r.recipient, "alice@pfx.test");
	assert_slice(r.instance, "2e05.6b01eea7.7c86e.0");
	assert_int_equal(r.sasl_username.n, 0);
}

static void any_split_finds_the_end(void **state)
{
	const size_t whole = sizeof real - 1;

	(void)state;
	for (size_t cut = 0; cut < whole; cut++) {
		size_t scanned = 0;

		assert_int_equal(policy_request_end(slice_of(real, cut), &scanned), 0);
		assert_int_equal(policy_request_end(slice_of(real, whole), &scanned), whole);
	}
	for (size_t step = 1; step < 40; step++) {
		size_t scanned = 0, n = step;

		while (n < whole) {
			assert_int_equal(policy_request_end(slice_of(real, n), &scanned), 0);
			n += step;
		}
		assert_int_equal(policy_request_end(slice_of(real, whole), &scanned), whole);
	}
}

static void two_in_one_read(void **state)
{
	char two[2 * sizeof real];
	struct policy_request r;
	size_t scanned = 0, used = 0;
	int n = snprintf(two, sizeof two, "%s%s", real, real);

	(void)state;
	assert_int_equal(policy_request_end(slice_of(two, (size_t)n), &scanned), sizeof real - 1);
	assert_int_equal(policy_request_parse(slice_of(two, (size_t)n), &r, &used), ERR_OK);
	assert_int_equal(used, sizeof real - 1);
	for (size_t cut = 0; cut < sizeof real - 1; cut++)
		assert_int_equal(policy_request_parse(slice_of(two, cut), &r, &used), ERR_MORE);
}

static void hostile_requests(void **state)
{
	static const struct {
		struct slice in;
		enum err want;
	} cases[] = {
		{ { "\n", 1 }, ERR_OK },
		{ { "noequals\n\n", 10 }, ERR_SYNTAX },
		{ { "=value\n\n", 8 }, ERR_SYNTAX },
		{ { "sender=a\0b\n\n", 12 }, ERR_SYNTAX },
		{ { "sender=a\nsender=b\n\n", 19 }, ERR_SYNTAX },
		{ { "protocol_state=RCPT\nprotocol_state=DATA\n\n", 41 }, ERR_SYNTAX },
		{ { "request=junk\n\n", 14 }, ERR_SYNTAX },
		{ { "unknown=1\nunknown=2\n\n", 21 }, ERR_OK },
		{ { "recipient=\"q=\" x\"@d\n\n", 21 }, ERR_OK },
		{ { "sender=\xc3\xa9@d\r\n\n", 14 }, ERR_OK },
	};
	struct policy_request r, before;
	size_t used = 0;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		memset(&r, 0x5a, sizeof r);
		before = r;
		assert_int_equal(policy_request_parse(cases[i].in, &r, &used), cases[i].want);
		assert_int_equal(used, cases[i].in.n);
		if (cases[i].want != ERR_OK)
			assert_memory_equal(&r, &before, sizeof r);
	}
}

static void too_long_is_refused(void **state)
{
	static char big[POLICY_REQUEST_MAX + 10];
	struct policy_request r;
	size_t used;

	(void)state;
	memset(big, 'x', sizeof big);
	memcpy(big, "sender=", 7);
	big[sizeof big - 2] = big[sizeof big - 1] = '\n';
	assert_int_equal(policy_request_parse(slice_of(big, sizeof big), &r, &used), ERR_SYNTAX);
}

static void states(void **state)
{
	struct policy_request r;
	size_t used;

	(void)state;
	assert_int_equal(policy_request_parse(SLICE_LIT("protocol_state=END-OF-MESSAGE\n\n"), &r, &used), ERR_OK);
	assert_int_equal(r.state, POLICY_END_OF_MESSAGE);
	assert_int_equal(policy_request_parse(SLICE_LIT("protocol_state=VRFY\n\n"), &r, &used), ERR_OK);
	assert_int_equal(r.state, POLICY_OTHER);
	assert_int_equal(policy_request_parse(SLICE_LIT("recipient=a@b\n\n"), &r, &used), ERR_OK);
	assert_int_equal(r.state, POLICY_OTHER);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_real_request),
		cmocka_unit_test(any_split_finds_the_end),
		cmocka_unit_test(two_in_one_read),
		cmocka_unit_test(hostile_requests),
		cmocka_unit_test(too_long_is_refused),
		cmocka_unit_test(states),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
