/*
 * test_received: the forms of mail systems, forged text in them, the walk.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "core/header_scan.h"
#include "core/received.h"

#define LIT(s)                                                                                                         \
	{                                                                                                              \
		(s), sizeof(s) - 1                                                                                     \
	}

static const struct {
	struct slice in;
	enum received_kind kind;
	const char *want;
} fields[] = {
	/* Postfix */
	{ LIT("from mail.example (mx.example [192.0.2.1]) by mx.our.example (Postfix) with ESMTP id 4X"), RECEIVED_FROM,
		"192.0.2.1" },
	{ LIT("from mail.example (unknown [IPv6:2001:db8::1]) (using TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 "
	      "(256/256 "
	      "bits)) (Client CN \"[192.0.2.9]\", Issuer \"x\" (not verified)) by mx (Postfix)"),
		RECEIVED_FROM, "2001:db8::1" },
	{ LIT("from [192.0.2.9] (unknown [192.0.2.1]) by mx (Postfix) with ESMTP id 4X"), RECEIVED_FROM, "192.0.2.1" },
	{ LIT("from a (b [192.0.2.1]) (Authenticated sender: [192.0.2.9]) by mx"), RECEIVED_FROM, "192.0.2.1" },
	{ LIT("by mx.example (Postfix, from userid 33) id 4X; Sun"), RECEIVED_UNKNOWN, "" },
	/* Exim */
	{ LIT("from [192.0.2.1] (helo=[192.0.2.9]) by mx with esmtp (Exim 4.96) (envelope-from <a@b>) id 1"),
		RECEIVED_FROM, "192.0.2.1" },
	{ LIT("from mx.example ([192.0.2.1]:25 helo=[192.0.2.9]) by mx with esmtps (Exim 4.96)"), RECEIVED_FROM,
		"192.0.2.1" },
	{ LIT("from mx.example ([2001:db8::1]:1234 helo=a ident=b) by mx"), RECEIVED_FROM, "2001:db8::1" },
	{ LIT("from [192.0.2.1]:4321 by mx with esmtp (Exim 4.96)"), RECEIVED_FROM, "192.0.2.1" },
	{ LIT("from root by mx with local (Exim 4.96)"), RECEIVED_UNKNOWN, "" },
	/* Sendmail */
	{ LIT("from helo.example (mx.example [192.0.2.1] (may be forged)) by mx (8.17.1/8.17.1) with ESMTP id x"),
		RECEIVED_FROM, "192.0.2.1" },
	{ LIT("from helo (IDENT:[192.0.2.9]@mx.example [192.0.2.1]) by mx (8.9.3/8.9.3)"), RECEIVED_FROM, "192.0.2.1" },
	{ LIT("from helo ([IPv6:2001:db8::1]) by mx (8.17.1)"), RECEIVED_FROM, "2001:db8::1" },
	/* Exchange */
	{ LIT("from EX1.example (2001:db8::7) by EX2.example (2001:db8::8) with Microsoft SMTP Server "
	      "(version=TLS1_2)"),
		RECEIVED_FROM, "2001:db8::7" },
	{ LIT("from mail.example (192.0.2.1) by ex.example (192.0.2.2) with Microsoft SMTP Server id 15"),
		RECEIVED_FROM, "192.0.2.1" },
	{ LIT("from mail pickup service by ex.example with Microsoft SMTPSVC"), RECEIVED_UNKNOWN, "" },
	/* qmail */
	{ LIT("from unknown (HELO 192.0.2.9) (192.0.2.1) by mx with SMTP"), RECEIVED_FROM, "192.0.2.1" },
	{ LIT("from mx.example (HELO [192.0.2.9]) ([192.0.2.8]@192.0.2.1) by mx with SMTP"), RECEIVED_FROM,
		"192.0.2.1" },
	{ LIT("from mx.example (HELO x) ([192.0.2.8]:@192.0.2.1) by mx with SMTP"), RECEIVED_FROM, "192.0.2.1" },
	{ LIT("from mx.example (HELO x) (user@192.0.2.1) by mx with SMTP"), RECEIVED_FROM, "192.0.2.1" },
	{ LIT("(qmail 4242 invoked from network); 1 Jan"), RECEIVED_INNER, "" },
	{ LIT("(qmail 4242 invoked by alias); 1 Jan"), RECEIVED_INNER, "" },
	{ LIT("(qmail 4242 invoked by uid 1000); 1 Jan"), RECEIVED_UNKNOWN, "" },
	/* others */
	{ LIT("from mail-x.example (mail-x.example. [192.0.2.1]) by mx.google.com with ESMTPS id z"), RECEIVED_FROM,
		"192.0.2.1" },
	{ LIT("by 2002:a05:6402:1 with SMTP id x12csp1; Sun"), RECEIVED_INNER, "" },
	{ LIT("from mx.example ([::ffff:192.0.2.1]) by mx with esmtp; Sun"), RECEIVED_FROM, "192.0.2.1" },
	{ LIT("from 192.0.2.1 (EHLO helo) by mta.example with SMTP"), RECEIVED_FROM, "192.0.2.1" },
	{ LIT("from 127.0.0.1 (EHLO helo) (192.0.2.1) by mta.example with SMTP"), RECEIVED_FROM, "192.0.2.1" },
	{ LIT("from mx.example by mx.example with LMTP id abc (envelope-from <a@b>)"), RECEIVED_INNER, "" },
	/* nothing to believe */
	{ LIT("from 192.0.2.9 by mx"), RECEIVED_UNKNOWN, "" },
	{ LIT("from [192.0.2.9] by mx with SMTP"), RECEIVED_UNKNOWN, "" },
	{ LIT("from helo (name [999.1.1.1]) by mx"), RECEIVED_UNKNOWN, "" },
	{ LIT("from helo (name [192.0.2.9"), RECEIVED_UNKNOWN, "" },
	{ LIT("from helo (((((((("), RECEIVED_UNKNOWN, "" },
	{ LIT("from by by by (192.0.2.9)"), RECEIVED_UNKNOWN, "" },
	{ LIT("from "), RECEIVED_UNKNOWN, "" },
	{ LIT(""), RECEIVED_UNKNOWN, "" },
	{ LIT("garbage"), RECEIVED_UNKNOWN, "" },
};

static void test_fields(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
		struct received_hop hop;
		char text[IPADDR_TEXT];

		received_parse(fields[i].in, &hop);
		(void)ipaddr_format(&hop.from, text);
		if (hop.kind != fields[i].kind || strcmp(text, fields[i].want) != 0)
			fail_msg("%.*s: kind %d, address %s", SLICE_ARG(fields[i].in), hop.kind, text);
	}
}

/* Trusted: 198.51.100.0/24 (forwarders), 203.0.113.25 (own). Returns the text of the walk, "" for nobody. */
static const char *walk(const char *const *field, size_t n)
{
	static char text[IPADDR_TEXT];
	struct received_hop hop[RECEIVED_HOPS];
	struct prefix_table t;
	struct prefix p;
	struct ipaddr a = { 0 };

	prefix_table_init(&t);
	assert_int_equal((int)prefix_parse(SLICE_LIT("198.51.100.0/24"), &p), ERR_OK);
	assert_int_equal((int)prefix_table_add(&t, &p, 1), ERR_OK);
	assert_int_equal((int)prefix_parse(SLICE_LIT("203.0.113.25"), &p), ERR_OK);
	assert_int_equal((int)prefix_table_add(&t, &p, 1), ERR_OK);
	assert_int_equal((int)prefix_table_seal(&t), ERR_OK);
	assert_true(n <= RECEIVED_HOPS);
	for (size_t i = 0; i < n; i++)
		received_parse(slice_str(field[i]), &hop[i]);
	if (!received_walk(hop, n, &t, &a))
		a = (struct ipaddr){ 0 };
	prefix_table_done(&t);
	return ipaddr_format(&a, text);
}

#define OURS "from fwd (fwd.example [198.51.100.1]) by mx.our.example (Postfix)"
#define FILTER "from localhost (localhost [127.0.0.1]) by mx.our.example (Postfix)"
#define SPAMMER "from x (unknown [192.0.2.66]) by fwd.example (Postfix)"
#define FORGED "from x (victim.example [192.0.2.1]) by fwd.example (Postfix)"
#define WALK(want, ...)                                                                                                \
	do {                                                                                                           \
		const char *const f[] = { __VA_ARGS__ };                                                               \
		assert_string_equal(walk(f, sizeof f / sizeof f[0]), want);                                            \
	} while (0)

static void test_walk(void **state)
{
	(void)state;
	WALK("192.0.2.66", OURS, SPAMMER);
	WALK("192.0.2.66", OURS, SPAMMER, FORGED);
	WALK("192.0.2.66", FILTER, OURS, FILTER, SPAMMER, FORGED);
	WALK("192.0.2.66", OURS, "from fwd2 (HELO fwd2) (198.51.100.2) by fwd with SMTP",
		"(qmail 1 invoked from network)", SPAMMER, FORGED);
	WALK("192.0.2.66", SPAMMER, FORGED); /* our own field was taken off */
	WALK("", OURS, "by fwd.example (Postfix, from userid 33) id 1", FORGED);
	WALK("", OURS, "(qmail 1 invoked by uid 7)", FORGED);
	WALK("", OURS, "nonsense", FORGED);
	WALK("", OURS);
	WALK("", OURS, OURS, OURS, OURS, OURS, OURS, OURS, OURS, OURS, OURS);
	assert_string_equal(walk(NULL, 0), "");
}

/* A field cut by header_scan at any place gives no other address. */
/* A backup MX is also among the MX hosts that setup finds. */
static void test_trust(void **state)
{
	static struct conf c;
	struct prefix_table t;
	struct ipaddr a;
	uint32_t value = 0;

	(void)state;
	conf_defaults(&c);
	c.forwarders.count = c.postfix.own_hosts.count = 1;
	slice_copy(SLICE_LIT("198.51.100.25"), c.forwarders.item[0], CONF_ITEM);
	slice_copy(SLICE_LIT("198.51.100.25"), c.postfix.own_hosts.item[0], CONF_ITEM);
	prefix_table_init(&t);
	assert_int_equal(received_trust(&t, &c), ERR_OK);
	assert_int_equal(ipaddr_parse(SLICE_LIT("198.51.100.25"), &a), ERR_OK);
	assert_true(prefix_table_find(&t, &a, &value));
	assert_int_equal(value, RECEIVED_FORWARDER);
	prefix_table_done(&t);
}

static void test_cut(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
		struct slice s = fields[i].in;

		for (size_t n = 0; n < s.n; n++) {
			struct received_hop hop;
			char text[IPADDR_TEXT];

			received_parse(slice_head(s, n), &hop);
			if (hop.kind == RECEIVED_FROM)
				assert_string_equal(ipaddr_format(&hop.from, text), fields[i].want);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_walk),
		cmocka_unit_test(test_trust),
		cmocka_unit_test(test_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
