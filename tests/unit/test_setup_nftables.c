/*
 * setup_nftables: forms of the site's file and of nft's listing, and what is advised.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>

#include "ctl/setup_nftables.h"

#define PORT 10725
#define INPUT(policy, rules)                                                                                           \
	"table inet site {\n\tchain input {\n\t\ttype filter hook input priority 0; policy " policy ";\n" rules        \
	"\t}\n}\n"
#define DOCKER                                                                                                         \
	"table ip nat {\n\tchain DOCKER {\n\t\tiifname != \"docker0\" tcp dport 25 counter dnat to "                   \
	"172.17.0.2:25\n\t}\n}\n"
#define NAT(rule)                                                                                                      \
	"table inet n {\n\tchain pre {\n\t\ttype nat hook prerouting priority -100; policy accept;\n\t\t" rule "\n"    \
	"\t}\n}\n"

static struct nft_conf_list list;

static struct nft_conf_file file(const char *text)
{
	struct nft_conf_file f;

	nft_conf_read_file(slice_str(text), &f);
	return f;
}

static void test_file(void **state)
{
	(void)state;
	assert_true(file("#!/usr/sbin/nft -f\n\nflush ruleset\n").has_flush);
	assert_true(file("flush  ruleset; table inet x { }").has_flush);
	assert_true(file("flush ruleset inet\n").has_flush);
	assert_true(file("add table inet x; flush ruleset").has_flush);
	assert_false(file("flush ruleset ip\n").has_flush);
	assert_false(file("# flush ruleset\nflush table inet x\n").has_flush);
	assert_false(file("").has_flush);
	assert_false(file("define a = \"flush ruleset\"\n").has_flush);
	assert_true(file("table inet limetwig {\n}\n").has_ours);
	assert_true(file("table inet \"limetwig\" {\n}\n").has_ours);
	assert_false(file("table ip limetwig {\n}\ntable inet limetwig2 {}\n").has_ours);
}

static void read_list(const char *text)
{
	nft_conf_read_list(slice_str(text), PORT, &list);
}

static void test_closed_chains(void **state)
{
	(void)state;
	read_list(INPUT("accept", "\t\ttcp dport 22 drop\n"));
	assert_int_equal(list.chains, 0);
	read_list(INPUT("drop", "\t\ttcp dport 25 accept comment \"a { b\"\n"));
	assert_int_equal(list.chains, 1);
	assert_string_equal(list.chain[0].name.family, "inet");
	assert_string_equal(list.chain[0].name.table, "site");
	assert_string_equal(list.chain[0].name.chain, "input");
	assert_false(list.chain[0].lets_in);
	read_list(INPUT("accept", "\t\ttcp dport 25 accept\n\t\tcounter reject\n"));
	assert_int_equal(list.chains, 1);
	read_list("table inet limetwig {\n\tchain input {\n\t\ttype filter hook input priority 0; policy "
		  "drop;\n\t}\n}\n");
	assert_int_equal(list.chains, 0);
	read_list("table bridge b {\n\tchain input {\n\t\ttype filter hook input priority 0; policy drop;\n\t}\n}\n");
	assert_int_equal(list.chains, 0);
}

static void test_port_let_in(void **state)
{
	static const char *const texts[] = {
		INPUT("drop", "\t\tct status dnat tcp dport 10725 accept\n"),
		INPUT("drop", "\t\tct status 0x20 accept\n"),
		INPUT("drop", "\t\ttcp dport { 25,\n\t\t\t     10000-11000 } accept\n"),
		INPUT("drop", "\t\ttcp dport != 22 accept\n"),
	};

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		read_list(texts[i]);
		assert_int_equal(list.chains, 1);
		assert_true(list.chain[0].lets_in);
	}
	read_list(INPUT("drop", "\t\tct status 0x20 tcp dport 80 accept\n"));
	assert_false(list.chain[0].lets_in);
}

static void check_way(const char *text, unsigned ways, uint16_t to, bool is_local)
{
	read_list(text);
	assert_int_equal(list.ways, ways);
	if (!ways)
		return;
	assert_int_equal(list.way[0].to, to);
	assert_int_equal(list.way[0].is_local, is_local);
	assert_false(list.way[0].is_routed);
}

static void test_ways(void **state)
{
	(void)state;
	check_way(DOCKER, 1, 25, false);
	assert_true(list.has_docker);
	assert_string_equal(list.way[0].rule, "iifname != \"docker0\" tcp dport 25 counter dnat to 172.17.0.2:25");
	check_way(NAT("ip daddr 192.0.2.1 tcp dport 25 dnat ip to 10.0.0.2:2525"), 1, 2525, false);
	check_way(NAT("tcp dport 25 dnat ip6 to [2001:db8::1]:26"), 1, 26, false);
	check_way(NAT("tcp dport 25 dnat ip6 to 2001:db8::1"), 1, 0, false);
	check_way(NAT("dnat ip to tcp dport map { 25 : 10.0.0.3, 80 : 10.0.0.4 }"), 1, 0, false);
	check_way(NAT("ip daddr 192.0.2.1 dnat ip to 10.0.0.2"), 1, 0, false);
	check_way(NAT("tcp dport 25 redirect to :2525"), 1, 2525, true);
	check_way(NAT("meta l4proto 6 tcp dport 25 counter xt target \"DNAT\""), 1, 0, false);
	check_way(NAT("dnat ip to tcp dport map { 80 : 10.0.0.25 }"), 0, 0, false);
	check_way(NAT("tcp dport 80 dnat ip to 10.0.0.2:25"), 0, 0, false);
	check_way(NAT("meta l4proto udp dnat ip to 10.0.0.2"), 0, 0, false);
	check_way(NAT("ct status dnat accept"), 0, 0, false);
	check_way("table inet limetwig {\n\tchain blocked {\n\t\tredirect to :10725\n\t}\n}\n", 0, 0, false);
}

static void test_routed(void **state)
{
	(void)state;
	read_list("table inet s {\n\tset x {\n\t\ttype ipv4_addr\n\t}\n\n\tchain f {\n"
		  "\t\ttype filter hook forward priority 0; policy drop;\n\t\ttcp dport 25 ct state 0x8 accept\n"
		  "\t\ttcp dport 80 accept\n\t}\n}\n");
	assert_int_equal(list.ways, 1);
	assert_true(list.way[0].is_routed);
	assert_int_equal(list.chains, 0);
}

/* Any text ends, and no count runs over. */
static void test_broken_and_many(void **state)
{
	static const char *const texts[] = { "", "}", "}}}{", "table", "table inet", "table inet x {", "\"", "chain {",
		"table inet x {\nchain y {\n tcp dport", "table inet x {\nchain y {\n tcp dport { 1", "a \" b { \n }" };
	char *many = calloc(1, 100000);

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
		read_list(texts[i]);
	for (unsigned i = 0; i < 100; i++)
		strcat(many, INPUT("drop", "\t\taccept\n") NAT("tcp dport 25 dnat ip to 10.0.0.2"));
	read_list(many);
	assert_int_equal(list.chains, NFT_CONF_CHAINS);
	assert_int_equal(list.ways, NFT_CONF_WAYS);
	assert_true(list.is_cut);
	free(many);
}

struct world {
	const char *file, *list;
	enum conf_fw_action action;
	bool is_forward;
};

/* What is said about this world; free it. */
static char *advice(const struct world *w, unsigned asked)
{
	struct conf *conf = calloc(1, sizeof *conf);
	struct setup_nftables s = { .conf = conf, .path = "FILE", .has_file = true };
	char *text = NULL;
	size_t n = 0;
	FILE *to = open_memstream(&text, &n);

	conf->firewall.backend = FW_BACKEND_NFTABLES;
	conf->firewall.action = w->action;
	conf->firewall.forward = w->is_forward;
	conf->tarpit.port = PORT;
	nft_conf_read_file(slice_str(w->file), &s.file);
	nft_conf_read_list(slice_str(w->list), PORT, &s.list);
	assert_int_equal(setup_nftables_show(&s, to), asked);
	(void)fclose(to);
	free(conf);
	return text;
}

static void check_advice(const struct world *w, unsigned asked, const char *has, const char *has_not)
{
	char *text = advice(w, asked);

	assert_non_null(strstr(text, has));
	if (has_not)
		assert_null(strstr(text, has_not));
	free(text);
}

#define RULE "nft insert rule inet site input ct status dnat tcp dport 10725 accept"
#define FORWARD "firewall { forward = yes }"

static void test_advice(void **state)
{
	const struct world plain = { "flush ruleset\n", INPUT("drop", ""), FW_ACTION_ANSWER, false };
	const struct world docker = { "", DOCKER, FW_ACTION_REJECT, false };
	const struct world led = { "", DOCKER INPUT("drop", ""), FW_ACTION_ANSWER, false };
	const struct world done = { "", INPUT("drop", "\t\tct status 0x20 accept\n"), FW_ACTION_ANSWER, true };
	const struct world moved = { "", NAT("tcp dport 25 redirect to :2525"), FW_ACTION_REJECT, false };
	const struct world moved_led = { "", NAT("tcp dport 25 redirect to :2525"), FW_ACTION_ANSWER, false };
	const struct world saved = { "table inet limetwig {\n}\n", "", FW_ACTION_REJECT, false };
	const struct world ip = { "",
		"table ip filter {\n\tchain INPUT {\n\t\ttype filter hook input priority 0; policy drop;\n\t}\n}\n",
		FW_ACTION_ANSWER, true };

	(void)state;
	check_advice(&plain, 0, "puts the table back", RULE);
	check_advice(&docker, 1, FORWARD, RULE);
	check_advice(&led, 2, FORWARD, NULL);
	check_advice(&led, 2, RULE, NULL);
	check_advice(&done, 0, "has a rule for", RULE);
	check_advice(&moved, 1, "ports = { \"25\", \"2525\" }", FORWARD);
	check_advice(&moved_led, 0, "redirected", "ports =");
	check_advice(&saved, 1, "delete that table", NULL);
	check_advice(&ip, 1, "iptables -I INPUT -p tcp --dport 10725", "nft insert");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_file),
		cmocka_unit_test(test_closed_chains),
		cmocka_unit_test(test_port_let_in),
		cmocka_unit_test(test_ways),
		cmocka_unit_test(test_routed),
		cmocka_unit_test(test_broken_and_many),
		cmocka_unit_test(test_advice),
	};

	return cmocka_run_group_tests_name("setup_nftables", tests, NULL, NULL);
}
