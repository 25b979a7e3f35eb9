/*
 * test_engine_fetch: blocks that wait for DNS lists, and `spf:` entries of the
 * allow list, with a made-up role fetch.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "engine_rig.h"

#define SPAMMER "192.0.2.66"

static struct {
	unsigned dns, walks;
	uint64_t seq; /* of the last question */
	uint8_t says; /* the answer to DNS_ASK at once; 0: none */
	char domain[DNS_NAME];
	uint64_t walk_seq;
} fetch;

static void answer_dns(uint64_t seq, uint8_t says)
{
	struct msg_dns_says m = { .seq = seq, .result = says };
	uint8_t out[64];
	struct wr w = wr_init(out, sizeof out);

	slice_copy(SLICE_LIT("good"), m.list, sizeof m.list);
	message_put_dns_says(&w, MSG_DNS_SAYS, &m);
	rig_send(ROLE_FETCH, &w, -1);
}

static void answer_walk(enum spf_state state, const char *prefixes)
{
	static struct msg_spf_set m;
	static uint8_t out[MESSAGE_MAX];
	struct wr w = wr_init(out, sizeof out);
	struct slice rest = slice_str(prefixes), word;

	m = (struct msg_spf_set){ .seq = fetch.walk_seq, .state = (uint8_t)state, .ttl_s = 300 };
	while (slice_word(&rest, &word))
		assert_int_equal(prefix_parse(word, &m.prefix[m.count++]), ERR_OK);
	message_put_spf_set(&w, MSG_SPF_SET, &m);
	rig_send(ROLE_FETCH, &w, -1);
}

static void on_fetch(enum message_type t, struct rd *body)
{
	struct msg_dns_ask dns;
	struct msg_spf_ask spf;

	if (t == MSG_DNS_ASK) {
		assert_int_equal(message_get_dns_ask(body, &dns), ERR_OK);
		fetch.dns++;
		fetch.seq = dns.seq;
		if (fetch.says)
			answer_dns(dns.seq, fetch.says);
		return;
	}
	assert_int_equal(message_get_spf_ask(body, &spf), ERR_OK);
	if (t == MSG_SPF_WALK) {
		fetch.walk_seq = spf.seq;
		memcpy(fetch.domain, spf.domain, sizeof fetch.domain);
		fetch.walks++;
	}
}

static void tell_state(enum sentinel_state state, enum sentinel_why why)
{
	struct msg_dns_state m = {
		.index = 0, .count = 1, .kind = DNS_KIND_ALLOW, .state = (uint8_t)state, .why = (uint8_t)why
	};
	uint8_t out[256];
	struct wr w = wr_init(out, sizeof out);

	slice_copy(SLICE_LIT("good"), m.list, sizeof m.list);
	message_put_dns_state(&w, MSG_DNS_STATE, &m);
	rig_send(ROLE_FETCH, &w, -1);
}

static const char *text_at(const json_t *j, const char *section, const char *key, size_t i, const char *field)
{
	const json_t *list = json_object_get(json_object_get(j, section), key);

	return json_string_value(json_object_get(json_array_get(list, i), field));
}

static bool list_is(void *ctx)
{
	json_t *j = rig_call("{\"cmd\":\"status\"}");
	const char *state = text_at(j, "fetch", "lists", 0, "state");
	bool is = state && strcmp(state, ctx) == 0;

	json_decref(j);
	return is;
}

static void wait_list(const char *state)
{
	char want[16];

	(void)snprintf(want, sizeof want, "%s", state);
	if (!rig_poll(list_is, want))
		fail_msg("the list is not %s", state);
}

static void start(uint8_t says)
{
	memset(&fetch, 0, sizeof fetch);
	fetch.says = says;
	rig.on_fetch = on_fetch;
	rig.host.conf.dns_lists = 1;
	rig.host.conf.fetch.wait_s = 1;
	rig.host.conf.fetch.unlisted = UNLISTED_SOFTEN;
	(void)snprintf(rig.host.conf.dns_list[0].title, CONF_TITLE, "good");
	rig_start();
	tell_state(SENTINEL_ON, SENTINEL_FINE);
	wait_list("on");
	rig_enforce("full");
}

static bool is_blocked(void *ctx)
{
	return rig_is_refused(ctx);
}

static bool has_logged(void *ctx)
{
	char *log = rig_log();
	bool is = strstr(log, ctx) != NULL;

	free(log);
	return is;
}

static void wait_log(const char *what)
{
	char text[100];

	(void)snprintf(text, sizeof text, "%s", what);
	assert_true(rig_wait(has_logged, text));
}

/* Not with rig_wait: the conditions use the rig themselves. */
static void wait_until(bool (*is_met)(void *ctx), const char *what)
{
	char text[100];

	(void)snprintf(text, sizeof text, "%s", what);
	for (uint64_t end = clock_mono_ms() + RIG_PATIENCE_MS; clock_mono_ms() < end;)
		if (is_met(text))
			return;
	fail_msg("in vain for %s", what);
}

static void an_allow_list_spares(void **state)
{
	json_t *j;

	(void)state;
	start(DNS_SAYS_ALLOWED);
	assert_int_equal(rig_message(SPAMMER, "q1", "a@example.net", TRAP1), HIT_STORED);
	wait_log("result=spared");
	assert_false(rig_is_refused(SPAMMER));
	j = rig_call("{\"cmd\":\"hits\",\"what\":\"" SPAMMER "\"}");
	assert_string_equal(
		json_string_value(json_object_get(json_array_get(json_object_get(j, "hits"), 0), "grade")), "exempt");
	json_decref(j);
	/* what was spared does not add up: five more, and still not blocked */
	for (int i = 2; i < 7; i++) {
		char id[8];

		(void)snprintf(id, sizeof id, "q%d", i);
		assert_int_equal(rig_message(SPAMMER, id, "a@example.net", i % 2 ? TRAP1 : TRAP2), HIT_STORED);
	}
	assert_false(rig_is_refused(SPAMMER));
	assert_int_equal(fetch.dns, 1); /* asked ahead at RCPT, and remembered */
}

/* Asked ahead at RCPT: the riders of a spared host get their mail. */
static void riders_of_a_spared_host_are_not_refused(void **state)
{
	int fd;

	(void)state;
	start(DNS_SAYS_ALLOWED);
	fd = rig_connect("policy");
	assert_string_equal(rig_rcpt(fd, SPAMMER, "i1", "a@example.net", TRAP1), "action=DUNNO");
	assert_string_equal(rig_rcpt(fd, SPAMMER, "i1", "a@example.net", "alice@example.org"), "action=DUNNO");
	wait_list("on"); /* a round through the loop: the answer is in */
	assert_string_equal(rig_end(fd, SPAMMER, "i1", "q1", 2, ""), "action=DUNNO");
	(void)close(fd);
}

static bool has_order(void *ctx)
{
	return rig.orders > *(unsigned *)ctx;
}

/* Capture asks as soon as the hit is stored: what its riders get is not known before the lists have answered. */
static void riders_wait_for_the_lists(void **state)
{
	static struct msg_riders m;
	static uint8_t out[32768];
	struct wr w = wr_init(out, sizeof out);
	unsigned before = 0;

	(void)state;
	rig.host.conf.traps.riders = RIDERS_MARK;
	start(0);
	rig.host.conf.fetch.wait_s = 600;
	assert_int_equal(rig_message(SPAMMER, "q1", "a@example.net", TRAP1), HIT_STORED);
	m = (struct msg_riders){ .seq = 7, .kind = RIDERS_ASK, .count = 1, .size = 100 };
	rig_address(SPAMMER, &m.client);
	(void)snprintf(m.queue_id, sizeof m.queue_id, "q1");
	(void)snprintf(m.sender, sizeof m.sender, "a@example.net");
	message_put_riders(&w, MSG_RIDERS, &m);
	rig_send(ROLE_CAPTURE, &w, -1);
	wait_list("on"); /* rounds through the loop */
	assert_int_equal(rig.orders, 0);
	answer_dns(fetch.seq, DNS_SAYS_LISTED);
	assert_true(rig_wait(has_order, &before));
	assert_int_equal(rig.order.seq, 7);
	assert_int_equal(rig.order.what, RIDERS_JUNK);
}

static void what_is_listed_or_unknown_is_blocked(void **state)
{
	(void)state;
	start(DNS_SAYS_LISTED);
	assert_int_equal(rig_message(SPAMMER, "q1", "a@example.net", TRAP1), HIT_STORED);
	wait_until(is_blocked, SPAMMER);
	fetch.says = DNS_SAYS_NOTHING;
	assert_int_equal(rig_message("192.0.2.67", "q2", "a@example.net", TRAP1), HIT_STORED);
	wait_until(is_blocked, "192.0.2.67");
}

static uint64_t block_length(const char *address)
{
	json_t *j = rig_call("{\"cmd\":\"block_list\"}"), *list = json_object_get(j, "blocks"), *b;
	uint64_t n = 0;
	size_t i;

	json_array_foreach(list, i, b) if (strcmp(json_string_value(json_object_get(b, "subject")), address) == 0) n =
		(uint64_t)(json_integer_value(json_object_get(b, "until")) -
			   json_integer_value(json_object_get(b, "since")));
	json_decref(j);
	return n;
}

static void what_is_on_no_list_is_blocked_for_an_hour(void **state)
{
	(void)state;
	start(DNS_SAYS_UNLISTED);
	assert_int_equal(rig_message(SPAMMER, "q1", "a@example.net", TRAP1), HIT_STORED);
	wait_until(is_blocked, SPAMMER);
	/* the end counts from the answer, which may come in the second after */
	assert_in_range(block_length(SPAMMER), 3500, 3605);
	rig.host.conf.fetch.unlisted = UNLISTED_BLOCK;
	assert_int_equal(rig_message("192.0.2.67", "q2", "a@example.net", TRAP1), HIT_STORED);
	wait_until(is_blocked, "192.0.2.67");
	assert_true(block_length("192.0.2.67") > 70000);
}

static void without_an_answer_it_is_blocked_in_time(void **state)
{
	uint64_t begin;

	(void)state;
	start(0);
	assert_int_equal(rig_message(SPAMMER, "q1", "a@example.net", TRAP1), HIT_STORED);
	begin = clock_mono_ms();
	assert_false(rig_is_refused(SPAMMER)); /* nothing while it waits */
	wait_until(is_blocked, SPAMMER);
	assert_true(clock_mono_ms() - begin >= 700);
	/* the answer comes late, twice, and with a number nobody asked */
	answer_dns(fetch.seq, DNS_SAYS_ALLOWED);
	answer_dns(fetch.seq, DNS_SAYS_ALLOWED);
	answer_dns(UINT64_MAX, DNS_SAYS_ALLOWED);
	answer_dns(0, DNS_SAYS_ALLOWED);
	wait_list("on");
	assert_true(rig_is_refused(SPAMMER));
}

static void a_lost_link_means_the_block(void **state)
{
	(void)state;
	start(0);
	rig.host.conf.fetch.wait_s = 5;
	assert_int_equal(rig_message(SPAMMER, "q1", "a@example.net", TRAP1), HIT_STORED);
	rig_unlink(ROLE_FETCH);
	assert_true(rig_is_refused(SPAMMER));
	assert_int_equal(rig_message("192.0.2.67", "q2", "a@example.net", TRAP1), HIT_STORED);
	assert_true(rig_is_refused("192.0.2.67")); /* nobody to ask: at once */
	/* the next one is asked what this one was asked and did not say */
	rig_do("{\"cmd\":\"block_remove\",\"what\":\"" SPAMMER "\"}");
	fetch.says = DNS_SAYS_ALLOWED;
	fetch.dns = 0;
	rig_link(ROLE_FETCH);
	tell_state(SENTINEL_ON, SENTINEL_FINE);
	wait_list("on");
	assert_int_equal(rig_message(SPAMMER, "q3", "b@example.net", TRAP2), HIT_STORED);
	assert_int_equal(fetch.dns, 1);
}

static bool is_spared_twice(void *ctx)
{
	char *log = rig_log(), *first = strstr(log, "result=spared");
	bool is = first && strstr(first + 1, "result=spared");

	(void)ctx;
	free(log);
	return is;
}

/* Each reload has a new role fetch. */
static void what_a_list_said_outlives_its_process(void **state)
{
	(void)state;
	start(DNS_SAYS_ALLOWED);
	assert_int_equal(rig_message(SPAMMER, "q1", "a@example.net", TRAP1), HIT_STORED);
	wait_log("result=spared");
	rig_unlink(ROLE_FETCH);
	assert_int_equal(rig_message(SPAMMER, "q2", "b@example.net", TRAP2), HIT_STORED);
	assert_true(rig_wait(is_spared_twice, NULL));
	assert_false(rig_is_refused(SPAMMER));
	/* but not when the next one catches the list */
	rig_link(ROLE_FETCH);
	tell_state(SENTINEL_UNTESTED, SENTINEL_FINE);
	tell_state(SENTINEL_OFF, SENTINEL_LISTS_WORLD);
	wait_list("off");
	assert_int_equal(rig_message(SPAMMER, "q3", "c@example.net", TRAP1), HIT_STORED);
	wait_until(is_blocked, SPAMMER);
}

static void a_list_that_goes_off_is_not_believed(void **state)
{
	(void)state;
	start(DNS_SAYS_ALLOWED);
	assert_int_equal(rig_message(SPAMMER, "q1", "a@example.net", TRAP1), HIT_STORED);
	wait_log("result=spared");
	tell_state(SENTINEL_OFF, SENTINEL_LISTS_WORLD);
	wait_list("off");
	assert_true(rig.alarms >= 1);
	assert_int_equal(rig_message(SPAMMER, "q2", "a@example.net", TRAP2), HIT_STORED);
	assert_true(rig_is_refused(SPAMMER));
}

/* What waits is decided as without lists. */
static void a_stop_settles_what_waits(void **state)
{
	(void)state;
	start(0);
	rig.host.conf.fetch.wait_s = 5;
	assert_int_equal(rig_message(SPAMMER, "q1", "a@example.net", TRAP1), HIT_STORED);
	rig_restart();
	assert_true(rig_is_refused(SPAMMER));
}

/* ---- spf: */

static bool has_walked(void *ctx)
{
	return fetch.walks >= *(const unsigned *)ctx;
}

static void wait_walks(unsigned n)
{
	assert_true(rig_wait(has_walked, &n));
}

static void start_spf(void)
{
	memset(&fetch, 0, sizeof fetch);
	rig.on_fetch = on_fetch;
	rig.host.conf.fetch.dns = true;
	(void)snprintf(rig.allow, sizeof rig.allow, "spf:Provider.example\n");
	rig_start();
	rig_enforce("full");
	wait_walks(1);
	assert_string_equal(fetch.domain, "provider.example");
}

static bool has_prefixes(void *ctx)
{
	json_t *j = rig_call("{\"cmd\":\"status\"}");
	const json_t *one = json_array_get(json_object_get(json_object_get(j, "fetch"), "spf"), 0);
	char n[24];

	(void)snprintf(n, sizeof n, "%lld", (long long)json_integer_value(json_object_get(one, "prefixes")));
	json_decref(j);
	return strcmp(n, ctx) == 0;
}

static void a_walked_set_is_allowed(void **state)
{
	(void)state;
	start_spf();
	answer_walk(SPF_DONE, "192.0.2.64/26 2001:db8::/32");
	wait_until(has_prefixes, "2");
	assert_int_equal(rig_message(SPAMMER, "q1", "a@example.net", TRAP1), HIT_STORED);
	assert_false(rig_is_refused(SPAMMER));
	assert_int_equal(rig_message("192.0.2.4", "q2", "a@example.net", TRAP1), HIT_STORED);
	assert_true(rig_is_refused("192.0.2.4"));
	/* a second answer of the same number, and one nobody asked for */
	answer_walk(SPF_DONE, "192.0.2.4");
	wait_until(has_prefixes, "2");
	/* what is stored holds over a restart, whatever the DNS says then */
	rig_restart();
	wait_until(has_prefixes, "2");
	wait_walks(2);
	answer_walk(SPF_TEMPERROR, "");
	wait_log("the DNS does not answer");
	assert_int_equal(rig_message(SPAMMER, "q3", "a@example.net", TRAP2), HIT_STORED);
	assert_false(rig_is_refused(SPAMMER));
}

static void the_world_is_refused(void **state)
{
	(void)state;
	start_spf();
	answer_walk(SPF_DONE, "0.0.0.0/0");
	wait_log("would allow the whole world");
	assert_int_equal(rig_message(SPAMMER, "q1", "a@example.net", TRAP1), HIT_STORED);
	assert_true(rig_is_refused(SPAMMER));
}

/* A block of who is allowed now leaves the layers; an entry that goes is forgotten. */
static void a_set_takes_blocks_away_and_goes_with_its_line(void **state)
{
	(void)state;
	start_spf();
	assert_int_equal(rig_message(SPAMMER, "q1", "a@example.net", TRAP1), HIT_STORED);
	assert_true(rig_is_refused(SPAMMER));
	answer_walk(SPF_DONE, "192.0.2.0/24");
	wait_until(has_prefixes, "1");
	assert_false(rig_is_refused(SPAMMER));
	rig_send_text(TEXT_ALLOW, "allow.txt", "");
	wait_until(has_prefixes, "0");
	assert_int_equal(rig_message("192.0.2.4", "q2", "a@example.net", TRAP1), HIT_STORED);
	assert_true(rig_is_refused("192.0.2.4"));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, rig_setup, rig_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_allow_list_spares),
		TEST(riders_of_a_spared_host_are_not_refused),
		TEST(riders_wait_for_the_lists),
		TEST(what_is_listed_or_unknown_is_blocked),
		TEST(what_is_on_no_list_is_blocked_for_an_hour),
		TEST(without_an_answer_it_is_blocked_in_time),
		TEST(a_lost_link_means_the_block),
		TEST(what_a_list_said_outlives_its_process),
		TEST(a_list_that_goes_off_is_not_believed),
		TEST(a_stop_settles_what_waits),
		TEST(a_walked_set_is_allowed),
		TEST(the_world_is_refused),
		TEST(a_set_takes_blocks_away_and_goes_with_its_line),
	};

	cmocka_set_test_filter(getenv("RIG_TEST"));
	return cmocka_run_group_tests(tests, NULL, NULL);
}
