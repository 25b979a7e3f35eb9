/*
 * test_gate: who is asking, is he blocked, is this a trap? With allow and
 * host_name, which only the gate and the engine use.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "core/gate.h"
#include "core/host_name.h"

static const uint8_t key[SIPHASH_KEY] = { 9 };

struct site {
	struct conf conf;
	struct allow allow;
	struct block_index blocks;
	struct trap_table *traps;
	struct gate_view view;
};

static struct prefix prefix(const char *text)
{
	struct prefix p;

	assert_int_equal(prefix_parse(slice_str(text), &p), ERR_OK);
	return p;
}

static void add_trap(struct site *s, const char *line, enum trap_state state)
{
	struct trap_line l;
	struct trap *t;
	char why[160];
	bool is_any;

	assert_int_equal(trap_file_line(slice_str(line), 1, &l, &is_any, why, sizeof why), ERR_OK);
	assert_int_equal(trap_table_add(s->traps, &l, &t), ERR_OK);
	t->state = state;
	t->id = 1;
}

static void add_block(struct site *s, const char *subject)
{
	struct block_entry e = {
		.subject = prefix(subject), .until = 2000, .offence = 1, .code = 450, .case_id = "AAAA-AAAA"
	};

	assert_int_equal(block_index_put(&s->blocks, &e), ERR_OK);
}

static int setup(void **state)
{
	static struct site s;
	const char *bad;
	struct prefix p = prefix("203.0.113.0/24");

	conf_defaults(&s.conf);
	s.conf.own_networks.count = 1;
	slice_copy(SLICE_LIT("198.51.100.0/28"), s.conf.own_networks.item[0], CONF_ITEM);
	s.conf.postfix.reinjection.count = 1;
	slice_copy(SLICE_LIT("127.0.0.1:10025"), s.conf.postfix.reinjection.item[0], CONF_ITEM);
	s.conf.postfix.submission.count = 1;
	slice_copy(SLICE_LIT("587"), s.conf.postfix.submission.item[0], CONF_ITEM);
	allow_init(&s.allow);
	assert_int_equal(allow_add_own(&s.allow, &s.conf, &bad), ERR_OK);
	assert_int_equal(allow_add(&s.allow, &p, ALLOW_FILE), ERR_OK);
	assert_int_equal(allow_seal(&s.allow), ERR_OK);
	block_index_init(&s.blocks, key, 100);
	s.traps = trap_table_new(key, "+");
	add_trap(&s, "trap@pfx.test", TRAP_ARMED);
	add_trap(&s, "new@pfx.test", TRAP_WATCHING);
	add_trap(&s, "old@pfx.test", TRAP_RETIRED);
	add_trap(&s, "@trapdom.test", TRAP_ARMED);
	add_block(&s, "192.0.2.9");
	add_block(&s, "2001:db8:1::/64");
	add_block(&s, "203.0.113.5");
	s.view = (struct gate_view){ &s.conf, &s.allow, &s.blocks, s.traps };
	*state = &s;
	return 0;
}

static int teardown(void **state)
{
	struct site *s = *state;

	allow_done(&s->allow);
	block_index_done(&s->blocks);
	trap_table_free(s->traps);
	return 0;
}

static struct policy_request request(const char *client, const char *recipient)
{
	return (struct policy_request){ .state = POLICY_RCPT,
		.client_address = slice_str(client),
		.recipient = slice_str(recipient),
		.server_address = SLICE_LIT("198.51.100.1"),
		.server_port = SLICE_LIT("25") };
}

static struct gate_result look(struct site *s, const char *client, const char *recipient, uint64_t now)
{
	struct policy_request r = request(client, recipient);
	struct gate_result g;

	gate_look(&s->view, &r, now, &g);
	return g;
}

static void blocked_until_it_ends(void **state)
{
	struct site *s = *state;

	assert_true(look(s, "192.0.2.9", "alice@pfx.test", 1999).is_blocked);
	assert_false(look(s, "192.0.2.9", "alice@pfx.test", 2000).is_blocked);
	assert_false(look(s, "192.0.2.10", "alice@pfx.test", 1000).is_blocked);
	assert_true(look(s, "2001:db8:1::77", "alice@pfx.test", 1000).is_blocked);
	assert_false(look(s, "2001:db8:2::77", "alice@pfx.test", 1000).is_blocked);
	assert_true(look(s, "::ffff:192.0.2.9", "alice@pfx.test", 1000).is_blocked);
}

static void allow_list_and_own_networks_win(void **state)
{
	struct site *s = *state;
	struct gate_result g = look(s, "203.0.113.5", "alice@pfx.test", 1000);

	assert_false(g.is_blocked);
	assert_int_equal(g.origin, GATE_ALLOWED);
	assert_int_equal(look(s, "198.51.100.3", "trap@pfx.test", 1000).origin, GATE_OWN);
	assert_int_equal(look(s, "10.1.2.3", "trap@pfx.test", 1000).origin, GATE_OWN);
	assert_int_equal(look(s, "fd00::1", "trap@pfx.test", 1000).origin, GATE_OWN);
}

static void logins_are_never_blocked(void **state)
{
	struct site *s = *state;
	struct policy_request r = request("192.0.2.9", "alice@pfx.test");
	struct gate_result g;

	r.sasl_username = SLICE_LIT("alice");
	gate_look(&s->view, &r, 1000, &g);
	assert_int_equal(g.origin, GATE_LOGIN);
	assert_false(g.is_blocked);
	r.sasl_username = SLICE_LIT("");
	r.server_port = SLICE_LIT("587");
	gate_look(&s->view, &r, 1000, &g);
	assert_int_equal(g.origin, GATE_LOGIN);
}

static void reinjection_and_nonsense_are_ignored(void **state)
{
	struct site *s = *state;
	struct policy_request r = request("192.0.2.9", "trap@pfx.test");
	struct gate_result g;

	r.server_address = SLICE_LIT("127.0.0.1");
	r.server_port = SLICE_LIT("10025");
	gate_look(&s->view, &r, 1000, &g);
	assert_int_equal(g.origin, GATE_IGNORED);
	assert_int_equal(look(s, "unknown", "trap@pfx.test", 1000).origin, GATE_IGNORED);
	assert_int_equal(look(s, "", "trap@pfx.test", 1000).origin, GATE_IGNORED);
}

static void traps_as_postfix_compares(void **state)
{
	struct site *s = *state;

	assert_non_null(look(s, "192.0.2.1", "trap@pfx.test", 1).trap);
	assert_non_null(look(s, "192.0.2.1", "TRAP+x@PFX.test", 1).trap);
	assert_non_null(look(s, "192.0.2.1", "new@pfx.test", 1).trap);
	assert_non_null(look(s, "192.0.2.1", "anybody@trapdom.test", 1).trap);
	assert_null(look(s, "192.0.2.1", "old@pfx.test", 1).trap);
	assert_null(look(s, "192.0.2.1", "trap@other.test", 1).trap);
	assert_null(look(s, "192.0.2.1", "", 1).trap);
	s->view.traps = NULL;
	assert_null(look(s, "192.0.2.1", "trap@pfx.test", 1).trap);
}

static void postmaster_stays_open(void **state)
{
	struct site *s = *state;

	assert_true(look(s, "192.0.2.9", "PostMaster@pfx.test", 1).is_open);
	assert_true(look(s, "192.0.2.9", "abuse@pfx.test", 1).is_open);
	assert_false(look(s, "192.0.2.9", "alice@pfx.test", 1).is_open);
}

static struct allow_line line(const char *text)
{
	struct allow_line l = { 0 };
	bool is_any = false;

	assert_int_equal(allow_line_parse(slice_str(text), &l, &is_any), ERR_OK);
	assert_true(is_any);
	return l;
}

static void allow_file_lines(void **state)
{
	static const char *const bad[] = { "192.0.2.1/24", "mail.example", "name:", "name:org", "name:.org",
		"name:a..b", "name:mail.example.org.", "spf:", "spf:org", "spf:.example.org",
		"name:m\xe4il.example.org", "192.0.2.1 as ", "name:a b.example", "spf:example.org extra" };
	struct allow_line l;
	bool is_any;

	(void)state;
	assert_int_equal(allow_line_parse(SLICE_LIT("  # note"), &l, &is_any), ERR_OK);
	assert_false(is_any);
	assert_int_equal(line("192.0.2.0/24 # bank").prefix.len, 24);
	assert_true(slice_eq(line("name:.Example.org").text, SLICE_LIT(".Example.org")));
	assert_true(slice_eq(line("spf:example.org as big mail").label, SLICE_LIT("big mail")));
	assert_true(slice_eq(line("spf:example.org").label, SLICE_LIT("spf:example.org")));
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_int_equal(allow_line_parse(slice_str(bad[i]), &l, &is_any), ERR_SYNTAX);
}

static enum allow_tier tier(const struct allow *a, const char *client, const char *name, const char *label)
{
	struct ipaddr addr = prefix(client).addr;
	struct allow_match m;
	bool is_found = allow_find(a, &addr, slice_str(name), &m);

	assert_int_equal(is_found, m.tier != ALLOW_TIER_NONE);
	if (label)
		assert_string_equal(m.entry->label, label);
	return m.tier;
}

static void allow_tiers(void **state)
{
	const struct prefix set[] = { prefix("198.51.100.0/25"), prefix("2001:db8:7::/48") };
	static const char *const never[] = { "192.0.2.128/26", "name:mail.bank.example", "name:.Kern.example" };
	static const char *const shared[] = { "192.0.2.0/24 as pool", "name:.pool.example as pool",
		"name:.kern.example" };
	struct allow_line l;
	struct allow a;

	(void)state;
	allow_init(&a);
	for (size_t i = 0; i < 3; i++) {
		l = line(shared[i]);
		assert_int_equal(allow_add_line(&a, &l, ALLOW_TIER_SHARED, NULL, 0), ERR_OK);
		l = line(never[i]);
		assert_int_equal(allow_add_line(&a, &l, ALLOW_TIER_NEVER, NULL, 0), ERR_OK);
	}
	l = line("spf:big.example");
	assert_int_equal(allow_add_line(&a, &l, ALLOW_TIER_SHARED, set, 2), ERR_OK);
	assert_int_equal(allow_seal(&a), ERR_OK);

	assert_int_equal(tier(&a, "192.0.2.129", "", NULL), ALLOW_TIER_NEVER);
	assert_int_equal(tier(&a, "192.0.2.1", "", "pool"), ALLOW_TIER_SHARED);
	assert_int_equal(tier(&a, "203.0.113.1", "x.pool.example", "pool"), ALLOW_TIER_SHARED);
	assert_int_equal(tier(&a, "203.0.113.1", "pool.example", NULL), ALLOW_TIER_NONE);
	assert_int_equal(tier(&a, "203.0.113.1", "xpool.example", NULL), ALLOW_TIER_NONE);
	assert_int_equal(tier(&a, "203.0.113.1", "MAIL.bank.example", NULL), ALLOW_TIER_NEVER);
	assert_int_equal(tier(&a, "203.0.113.1", "x.mail.bank.example", NULL), ALLOW_TIER_NONE);
	assert_int_equal(tier(&a, "203.0.113.1", "a.b.kern.example", NULL), ALLOW_TIER_NEVER);
	assert_int_equal(tier(&a, "203.0.113.1", "unknown", NULL), ALLOW_TIER_NONE);
	assert_int_equal(tier(&a, "198.51.100.77", "", "spf:big.example"), ALLOW_TIER_SHARED);
	assert_int_equal(tier(&a, "198.51.100.177", "", NULL), ALLOW_TIER_NONE);
	assert_int_equal(tier(&a, "2001:db8:7::1", "", "spf:big.example"), ALLOW_TIER_SHARED);
	assert_int_equal(tier(&a, "10.0.0.1", "", NULL), ALLOW_TIER_OWN);
	allow_done(&a);
}

static bool is_freemail(const struct allow *a, const char *domain)
{
	return allow_is_freemail(a, slice_str(domain));
}

static void freemail(void **state)
{
	static const char *const lines[] = { "freemail:Mail.Example", "spf:provider.example as p",
		"name:.hosts.example" };
	struct allow a;

	(void)state;
	allow_init(&a);
	for (size_t i = 0; i < 3; i++) {
		struct allow_line l;
		bool is_any;

		assert_int_equal(allow_line_parse(slice_str(lines[i]), &l, &is_any), ERR_OK);
		assert_int_equal(allow_add_line(&a, &l, ALLOW_TIER_SHARED, NULL, 0), ERR_OK);
	}
	assert_int_equal(allow_seal(&a), ERR_OK);
	assert_int_equal(a.entries, 2); /* a freemail line allows nobody */
	assert_true(is_freemail(&a, "mail.example"));
	assert_true(is_freemail(&a, "eu.MAIL.example"));
	assert_true(is_freemail(&a, "provider.example"));
	assert_true(is_freemail(&a, "x.hosts.example"));
	assert_false(is_freemail(&a, "otmail.example"));
	assert_false(is_freemail(&a, "example"));
	assert_false(is_freemail(&a, ""));
	assert_false(is_freemail(&a, "mail.example.org"));
	allow_done(&a);
}

static void generic_names(void **state)
{
	struct ipaddr a = prefix("192.0.2.117").addr;

	(void)state;
	assert_true(host_name_is_generic(SLICE_LIT(""), &a));
	assert_true(host_name_is_generic(SLICE_LIT("unknown"), &a));
	assert_true(host_name_is_generic(SLICE_LIT("p117-2.isp.example"), &a));
	assert_true(host_name_is_generic(SLICE_LIT("dyn-7.isp.example"), &a));
	assert_true(host_name_is_generic(SLICE_LIT("7.Pool.isp.example"), &a));
	assert_false(host_name_is_generic(SLICE_LIT("mail.kern.example"), &a));
	assert_false(host_name_is_generic(SLICE_LIT("mx2.dynamo.example"), &a));
	assert_false(host_name_is_generic(SLICE_LIT("mail117.example"), &a));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(blocked_until_it_ends),
		TEST(allow_list_and_own_networks_win),
		TEST(logins_are_never_blocked),
		TEST(reinjection_and_nonsense_are_ignored),
		TEST(traps_as_postfix_compares),
		TEST(postmaster_stays_open),
		cmocka_unit_test(allow_file_lines),
		cmocka_unit_test(allow_tiers),
		cmocka_unit_test(freemail),
		cmocka_unit_test(generic_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
