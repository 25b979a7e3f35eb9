/*
 * scn_fetch: the role fetch as the engine sees it, over a table instead of the
 * DNS. What an answer means and whether a list may be trusted is decided by the
 * same code as in the product (core/dns_list, core/dns_sentinel).
 * SPDX-License-Identifier: ISC
 */
#include "scn.h"

#include <stdlib.h>
#include <string.h>

#include "core/dns_list.h"
#include "core/dns_sentinel.h"
#include "core/spf_walk.h"

#define DOMAINS 32
#define PREFIXES 16
#define ANSWERS 64
#define ROUND_S 600 /* between two tests of a list */
#define SHARE_ALLOW 20
#define SHARE_BLOCK 80
#define TTL_S 3600

static struct {
	struct {
		char domain[DNS_NAME];
		struct prefix prefix[PREFIXES];
		unsigned n;
	} spf[DOMAINS];
	unsigned domains;
	struct {
		char name[DNS_NAME];
		enum dns_result result;
		struct ipaddr address;
	} answer[ANSWERS];
	unsigned answers;
	struct dns_sentinel sentinel[CONF_DNS_LISTS];
	struct dns_codes codes[CONF_DNS_LISTS];
	uint64_t tested;
} state;

void scn_fetch_reset(void)
{
	memset(&state, 0, sizeof state);
}

/* ---- SPF */

bool scn_fetch_spf(const char *domain, const char *prefixes)
{
	char text[600], *save = NULL;
	unsigned n = 0;

	if (state.domains == DOMAINS)
		return false;
	(void)snprintf(text, sizeof text, "%s", prefixes);
	for (char *t = strtok_r(text, ",", &save); t; t = strtok_r(NULL, ",", &save), n++)
		if (n == PREFIXES || prefix_parse(slice_str(t), &state.spf[state.domains].prefix[n]) != ERR_OK)
			return false;
	(void)snprintf(state.spf[state.domains].domain, DNS_NAME, "%s", domain);
	state.spf[state.domains++].n = n;
	return true;
}

/* Its place, or state.domains. */
static unsigned spf_of(const char *domain)
{
	unsigned i = 0;

	while (i < state.domains && strcasecmp(state.spf[i].domain, domain) != 0)
		i++;
	return i;
}

static void answer_walk(const struct msg_spf_ask *m)
{
	static struct msg_spf_set set;
	static uint8_t out[MESSAGE_MAX];
	struct wr w = wr_init(out, sizeof out);
	unsigned i = spf_of(m->domain);

	memset(&set, 0, sizeof set);
	set.seq = m->seq;
	set.state = i < state.domains ? SPF_DONE : SPF_NONE;
	set.ttl_s = TTL_S;
	for (unsigned k = 0; i < state.domains && k < state.spf[i].n; k++)
		set.prefix[set.count++] = state.spf[i].prefix[k];
	message_put_spf_set(&w, MSG_SPF_SET, &set);
	scn_world_from_fetch(MSG_SPF_SET, &w);
}

static void answer_check(const struct msg_spf_ask *m)
{
	struct msg_spf_says says = { .seq = m->seq, .result = SPF_SAYS_NO };
	unsigned i = spf_of(m->domain);
	uint8_t out[64];
	struct wr w = wr_init(out, sizeof out);

	for (unsigned k = 0; i < state.domains && k < state.spf[i].n; k++)
		if (prefix_has(&state.spf[i].prefix[k], &m->client))
			says.result = SPF_SAYS_PASS;
	message_put_spf_says(&w, MSG_SPF_SAYS, &says);
	scn_world_from_fetch(MSG_SPF_SAYS, &w);
}

/* ---- DNS lists */

bool scn_fetch_list(struct conf *c, const char *title, bool is_allow, const char *codes)
{
	struct conf_dns_list *l = &c->dns_list[c->dns_lists];

	if (c->dns_lists == CONF_DNS_LISTS || dns_codes_parse(slice_str(codes), &state.codes[c->dns_lists]) != ERR_OK)
		return false;
	(void)snprintf(l->title, sizeof l->title, "%s", title);
	(void)snprintf(l->zone, sizeof l->zone, "%s.example", title);
	(void)snprintf(l->codes, sizeof l->codes, "%s", codes);
	l->kind = is_allow ? DNS_KIND_ALLOW : DNS_KIND_BLOCK;
	c->dns_lists++;
	return true;
}

bool scn_fetch_dns(const char *name, const char *answer)
{
	unsigned i = state.answers;

	if (i == ANSWERS)
		return false;
	(void)snprintf(state.answer[i].name, DNS_NAME, "%s", name);
	state.answer[i].result = strcmp(answer, "none") == 0    ? DNS_NONE
				 : strcmp(answer, "fails") == 0 ? DNS_FAILED
								: DNS_OK;
	if (state.answer[i].result == DNS_OK && ipaddr_parse(slice_str(answer), &state.answer[i].address) != ERR_OK)
		return false;
	state.answers++;
	return true;
}

static bool fits(const char *pattern, const char *name)
{
	size_t n = strlen(name), tail = strlen(pattern);

	if (pattern[0] != '*')
		return strcasecmp(pattern, name) == 0;
	return n >= tail - 1 && strcasecmp(name + n - (tail - 1), pattern + 1) == 0;
}

/* A list without a word in the table is a sound one that lists nobody: only its test point. */
static enum dns_verdict look(unsigned list, const struct conf_dns_list *l, const struct ipaddr *client)
{
	struct ipaddr listed = { .family = 4, .b = { 127, 0, 0, 2 } };
	struct dns_question q;
	struct dns_answer a = { .result = DNS_NONE };

	if (dns_list_question(client, l->zone, &q) != ERR_OK)
		return DNS_NO_ANSWER;
	if (strncmp(q.name, "2.0.0.127.", 10) == 0)
		a = (struct dns_answer){ .result = DNS_OK, .count = 1, .address = &listed };
	for (unsigned i = state.answers; i-- > 0;) {
		if (!fits(state.answer[i].name, q.name))
			continue;
		a = (struct dns_answer){ .result = state.answer[i].result,
			.count = state.answer[i].result == DNS_OK,
			.address = &state.answer[i].address };
		break;
	}
	return dns_list_judge(&state.codes[list], &a);
}

static void report(unsigned i, const struct conf *c)
{
	struct msg_dns_state m = { .index = (uint8_t)i,
		.count = (uint8_t)c->dns_lists,
		.kind = (uint8_t)c->dns_list[i].kind,
		.state = (uint8_t)state.sentinel[i].state,
		.why = (uint8_t)state.sentinel[i].why,
		.since = state.sentinel[i].since,
		.tested = state.sentinel[i].tested };
	uint8_t out[256];
	struct wr w = wr_init(out, sizeof out);

	slice_copy(slice_str(c->dns_list[i].title), m.list, sizeof m.list);
	message_put_dns_state(&w, MSG_DNS_STATE, &m);
	scn_world_from_fetch(MSG_DNS_STATE, &w);
}

static void test_list(unsigned i, const struct conf_dns_list *l, uint64_t now)
{
	struct dns_sentinel *s = &state.sentinel[i];
	uint64_t random[SENTINEL_CANARIES];

	for (unsigned k = 0; k < SENTINEL_CANARIES; k++)
		random[k] = engine_random();
	dns_sentinel_begin(s, l->ipv6, random);
	for (unsigned k = 0; k < s->probes; k++)
		(void)dns_sentinel_answer(
			s, k, look(i, l, &s->probe[k]), l->kind == DNS_KIND_ALLOW ? SHARE_ALLOW : SHARE_BLOCK, now);
}

void scn_fetch_tick(void)
{
	const struct conf *c = scn_world_conf();
	uint64_t now = scn_clock_now();

	if (c->dns_lists == 0 || (state.tested && now < state.tested + ROUND_S && now >= state.tested))
		return;
	state.tested = now;
	for (unsigned i = 0; i < c->dns_lists; i++) {
		test_list(i, &c->dns_list[i], now);
		report(i, c);
	}
}

static void answer_lists(const struct msg_dns_ask *m)
{
	const struct conf *c = scn_world_conf();
	struct msg_dns_says says = { .seq = m->seq, .result = DNS_SAYS_NOTHING };
	uint8_t out[128];
	struct wr w = wr_init(out, sizeof out);
	unsigned blocks = 0;

	for (unsigned i = 0; i < c->dns_lists && says.result != DNS_SAYS_ALLOWED; i++) {
		bool is_allow = c->dns_list[i].kind == DNS_KIND_ALLOW;
		enum dns_verdict v;

		if (state.sentinel[i].state != SENTINEL_ON)
			continue;
		v = look(i, &c->dns_list[i], &m->client);
		if (dns_sentinel_seen(&state.sentinel[i], v, scn_clock_now()))
			report(i, c);
		blocks += !is_allow;
		if (v != DNS_LISTED || state.sentinel[i].state != SENTINEL_ON)
			continue;
		says.result = is_allow ? DNS_SAYS_ALLOWED : DNS_SAYS_LISTED;
		slice_copy(slice_str(c->dns_list[i].title), says.list, sizeof says.list);
	}
	if (says.result == DNS_SAYS_NOTHING && blocks)
		says.result = DNS_SAYS_UNLISTED;
	message_put_dns_says(&w, MSG_DNS_SAYS, &says);
	scn_world_from_fetch(MSG_DNS_SAYS, &w);
}

void scn_fetch_asked(enum message_type t, struct rd *body)
{
	struct msg_spf_ask spf;
	struct msg_dns_ask dns;

	if (t == MSG_SPF_WALK && message_get_spf_ask(body, &spf) == ERR_OK)
		answer_walk(&spf);
	else if (t == MSG_SPF_CHECK && message_get_spf_ask(body, &spf) == ERR_OK)
		answer_check(&spf);
	else if (t == MSG_DNS_ASK && message_get_dns_ask(body, &dns) == ERR_OK)
		answer_lists(&dns);
}
