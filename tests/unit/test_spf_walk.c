/*
 * spf_walk: the examples of RFC 7208 and what a hostile zone can do.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>

#include "core/spf_walk.h"

/* One record a line. data "!": no answer. A name that does not stand here does not exist. */
struct line {
	const char *name;
	enum dns_type type;
	const char *data;
	uint32_t ttl_s;
};

/* RFC 7208 appendix A */
static const struct line appendix[] = {
	{ "example.com", DNS_MX, "mail-a.example.com", 3600 },
	{ "example.com", DNS_MX, "mail-b.example.com", 3600 },
	{ "example.com", DNS_A, "192.0.2.10", 3600 },
	{ "example.com", DNS_A, "192.0.2.11", 3600 },
	{ "amy.example.com", DNS_A, "192.0.2.65", 3600 },
	{ "bob.example.com", DNS_A, "192.0.2.66", 3600 },
	{ "mail-a.example.com", DNS_A, "192.0.2.129", 3600 },
	{ "mail-b.example.com", DNS_A, "192.0.2.130", 3600 },
	{ "example.org", DNS_MX, "mail-c.example.org", 3600 },
	{ "mail-c.example.org", DNS_A, "192.0.2.140", 3600 },
	{ NULL, DNS_A, NULL, 0 },
};

static const struct line *zone_find(const struct line *z, const struct dns_question *q, size_t nth)
{
	for (; z && z->name; z++)
		if (z->type == q->type && strcmp(z->name, q->name) == 0 && nth-- == 0)
			return z;
	return NULL;
}

/* The answer out of two zones. */
static void answer(struct spf_walk *w, const struct line *zone, const struct line *more)
{
	const struct dns_question *q = spf_walk_question(w);
	struct ipaddr address[DNS_ANSWERS];
	struct slice text[DNS_ANSWERS];
	struct dns_answer a = { .result = DNS_NONE, .address = address, .text = text };
	const struct line *zones[2] = { zone, more };

	for (int i = 0; i < 2; i++) {
		const struct line *l;

		for (size_t nth = 0; a.count < DNS_ANSWERS && (l = zone_find(zones[i], q, nth)); nth++) {
			a.result = strcmp(l->data, "!") == 0 ? DNS_FAILED : DNS_OK;
			if (q->type == DNS_A || q->type == DNS_AAAA)
				assert_true(a.result == DNS_FAILED ||
					    ipaddr_parse(slice_str(l->data), &address[a.count]) == ERR_OK);
			else
				text[a.count] = slice_str(l->data);
			a.ttl_s = l->ttl_s;
			a.count++;
		}
	}
	spf_walk_answer(w, &a);
}

static struct spf_walk *walk(const char *domain, const struct line *zone, const struct line *more)
{
	struct spf_walk *w = spf_walk_new(slice_str(domain));
	unsigned questions = 0;

	assert_non_null(w);
	while (spf_walk_state(w) == SPF_ASKS) {
		assert_true(++questions <= 11 + SPF_TERMS_MAX * (1 + 2 * SPF_MX_MAX));
		answer(w, zone, more);
	}
	return w;
}

/* The set as text, "~" before it when partial; the state when not done. */
static const char *text_of(const struct spf_walk *w)
{
	static char out[4000];
	const struct spf_set *s = spf_walk_set(w);
	char one[PREFIX_TEXT];
	size_t n = 0;

	out[0] = '\0';
	if (spf_walk_state(w) != SPF_DONE)
		n += (size_t)snprintf(out, sizeof out, "%s:", spf_state_name(spf_walk_state(w)));
	assert_int_equal(spf_walk_reason(w)[0] == '\0', spf_walk_state(w) == SPF_DONE);
	if (spf_walk_is_partial(w))
		n += (size_t)snprintf(out + n, sizeof out - n, "~");
	for (size_t i = 0; i < s->count; i++)
		n += (size_t)snprintf(out + n, sizeof out - n, "%s%s", i ? " " : "", prefix_format(&s->prefix[i], one));
	return out;
}

static void check_zone(const char *domain, const struct line *zone, const char *want)
{
	struct spf_walk *w = walk(domain, zone, NULL);

	assert_string_equal(text_of(w), want);
	spf_walk_free(w);
}

/* A record of example.com in the zone of the appendix. */
static void check(const char *record, const char *want)
{
	const struct line more[] = { { "example.com", DNS_TXT, record, 3600 }, { NULL, DNS_A, NULL, 0 } };
	struct spf_walk *w = walk("example.com", appendix, more);

	assert_string_equal(text_of(w), want);
	spf_walk_free(w);
}

static void rfc_7208_a1_simple_examples(void **state)
{
	(void)state;
	check("v=spf1 +all", "0.0.0.0/0 ::/0");
	check("v=spf1 a -all", "192.0.2.10 192.0.2.11");
	check("v=spf1 a:example.org -all", "");
	check("v=spf1 mx -all", "192.0.2.129 192.0.2.130");
	check("v=spf1 mx:example.org -all", "192.0.2.140");
	check("v=spf1 mx mx:example.org -all", "192.0.2.129 192.0.2.130 192.0.2.140");
	check("v=spf1 mx/30 mx:example.org/30 -all", "192.0.2.128/30 192.0.2.140/30");
	check("v=spf1 ptr -all", "~");
	check("v=spf1 ip4:192.0.2.128/28 -all", "192.0.2.128/28");
	check("v=spf1 a mx -all", "192.0.2.10 192.0.2.11 192.0.2.129 192.0.2.130");
}

static void rfc_7208_a2_includes_and_redirects(void **state)
{
	static const struct line zone[] = {
		{ "example.org", DNS_TXT, "v=spf1 include:example.com include:example.net -all", 900 },
		{ "la.example.org", DNS_TXT, "v=spf1 redirect=example.org", 86400 },
		{ "ny.example.org", DNS_TXT, "v=spf1 redirect=example.org", 86400 },
		{ "example.com", DNS_TXT, "v=spf1 mx -all", 86400 },
		{ "example.com", DNS_MX, "mail-a.example.com", 7200 },
		{ "mail-a.example.com", DNS_A, "192.0.2.129", 7200 },
		{ "mail-a.example.com", DNS_AAAA, "2001:db8::25", 7200 },
		{ "example.net", DNS_TXT, "v=spf1 a/28//64 ?all", 86400 },
		{ "example.net", DNS_A, "198.51.100.33", 7200 },
		{ "example.net", DNS_AAAA, "2001:db8:1::33", 7200 },
		{ NULL, DNS_A, NULL, 0 },
	};
	struct spf_walk *w = walk("LA.Example.org.", zone, NULL);

	(void)state;
	assert_string_equal(text_of(w), "192.0.2.129 198.51.100.32/28 2001:db8::25 2001:db8:1::/64");
	assert_int_equal(spf_walk_ttl(w), 900);
	spf_walk_free(w);
	check_zone("ny.example.org", zone, "192.0.2.129 198.51.100.32/28 2001:db8::25 2001:db8:1::/64");
	check_zone("example.com", zone, "192.0.2.129 2001:db8::25");
}

/* A.3: DNSBL style; A.4: multiple requirements. What depends on the message yields nothing. */
static void rfc_7208_a3_a4_are_partial(void **state)
{
	static const struct line zone[] = {
		{ "example.com", DNS_TXT,
			"v=spf1 ip4:192.0.2.1 include:mobile-users._spf.%{d} include:remote-users._spf.example.com "
			"-all",
			60 },
		{ "remote-users._spf.example.com", DNS_TXT, "v=spf1 exists:%{ir}.%{l1r+}.%{d}", 60 },
		{ "all.example", DNS_TXT, "v=spf1 ip4:192.0.2.7 -include:ip4._spf.%{d} -include:ptr._spf.%{d} +all",
			60 },
		{ "all2.example", DNS_TXT, "v=spf1 ip4:192.0.2.7 -include:ptr.example +all", 60 },
		{ "ptr.example", DNS_TXT, "v=spf1 -ptr:example.com +ip4:192.0.2.9 +all", 60 },
		{ NULL, DNS_A, NULL, 0 },
	};

	(void)state;
	check_zone("example.com", zone, "~192.0.2.1");
	check_zone("all.example", zone, "~192.0.2.7");
	check_zone("all2.example", zone, "~192.0.2.7");
	check_zone("ptr.example", zone, "~");
}

static void rfc_7208_section_5(void **state)
{
	static const struct line zone[] = {
		{ "example.com", DNS_TXT, "v=spf1 a/24 a:offsite.example.com/24 -all", 60 },
		{ "example.com", DNS_A, "192.0.2.3", 60 },
		{ "offsite.example.com", DNS_A, "198.51.100.9", 60 },
		/* 5.2: a policy that crosses administrative boundaries */
		{ "five.example", DNS_TXT, "v=spf1 include:example.com include:neutral.example -all", 60 },
		{ "neutral.example", DNS_TXT, "v=spf1 ?ip4:203.0.113.1 ip4:203.0.113.0/30 ~all", 60 },
		/* 5.1: all ends the record, what stands behind it is ignored, redirect too */
		{ "end.example", DNS_TXT, "v=spf1 ip4:192.0.2.1 -all ip4:192.0.2.2 redirect=example.com", 60 },
		{ "end2.example", DNS_TXT, "v=spf1 redirect=example.com ip4:192.0.2.1 -all", 60 },
		/* 6.1: redirect is followed when nothing matched, wherever it stands */
		{ "six.example", DNS_TXT, "v=spf1 redirect=neutral.example -ip4:203.0.113.2", 60 },
		{ NULL, DNS_A, NULL, 0 },
	};

	(void)state;
	check_zone("example.com", zone, "192.0.2.0/24 198.51.100.0/24");
	check_zone("five.example", zone, "192.0.2.0/24 198.51.100.0/24 203.0.113.0 203.0.113.2/31");
	check_zone("end.example", zone, "192.0.2.1");
	check_zone("end2.example", zone, "192.0.2.1");
	check_zone("six.example", zone, "203.0.113.0 203.0.113.3");
}

static void the_first_match_wins(void **state)
{
	static const struct line zone[] = {
		{ "a.example", DNS_TXT, "v=spf1 -ip4:192.0.2.0/26 ip4:192.0.2.0/24 -all", 60 },
		{ "b.example", DNS_TXT, "v=spf1 -include:a.example ip4:192.0.2.0/24 -all", 60 },
		{ "c.example", DNS_TXT, "v=spf1 ~a:h.example ip4:192.0.2.4/30 -all", 60 },
		{ "h.example", DNS_A, "192.0.2.5", 60 },
		{ NULL, DNS_A, NULL, 0 },
	};

	(void)state;
	check_zone("a.example", zone, "192.0.2.64/26 192.0.2.128/25");
	check_zone("b.example", zone, "192.0.2.0/26");
	check_zone("c.example", zone, "192.0.2.4 192.0.2.6/31");
}

static void a_domain_without_record_has_no_policy(void **state)
{
	static const struct line zone[] = {
		{ "text.example", DNS_TXT, "hello", 60 },
		{ "text.example", DNS_TXT, "v=spf2.0/pra -all", 60 },
		{ "two.example", DNS_TXT, "v=spf1 -all", 60 },
		{ "two.example", DNS_TXT, "v=spf1 +all", 60 },
		{ "mixed.example", DNS_TXT, "other=1", 60 },
		{ "mixed.example", DNS_TXT, "v=spf1 ip4:192.0.2.1", 60 },
		{ "inc.example", DNS_TXT, "v=spf1 ip4:192.0.2.1 include:text.example ip4:192.0.2.2", 60 },
		{ "red.example", DNS_TXT, "v=spf1 redirect=none.example", 60 },
		{ "badname.example", DNS_TXT, "v=spf1 ip4:192.0.2.1 include:a..example", 60 },
		{ "badred.example", DNS_TXT, "v=spf1 redirect=a!b.example", 60 },
		{ NULL, DNS_A, NULL, 0 },
	};
	char label[100];

	(void)state;
	check_zone("nothing.example", zone, "none:");
	check_zone("text.example", zone, "none:");
	check_zone("mixed.example", zone, "192.0.2.1");
	check_zone("two.example", zone, "permerror:");
	check_zone("inc.example", zone, "permerror:192.0.2.1");
	check_zone("red.example", zone, "permerror:");
	check_zone("badname.example", zone, "permerror:192.0.2.1");
	check_zone("badred.example", zone, "permerror:");
	check_zone("", zone, "none:");
	check_zone(".", zone, "none:");
	check_zone("example", zone, "none:");
	check_zone("a..example", zone, "none:");
	check_zone("a b.example", zone, "none:");
	memset(label, 'x', 64);
	memcpy(label + 64, ".example", 9);
	check_zone(label, zone, "none:");
	check_zone(label + 1, zone, "none:");
}

static void errors_end_the_walk(void **state)
{
	static const struct line zone[] = {
		{ "temp.example", DNS_TXT, "!", 60 },
		{ "bad.example", DNS_TXT, "v=spf1 ip4:192.0.2.1 foo -all", 60 },
		{ "in.example", DNS_TXT, "v=spf1 ip4:192.0.2.1 include:temp.example ip4:192.0.2.2", 60 },
		{ "in2.example", DNS_TXT, "v=spf1 ip4:192.0.2.1 include:bad.example ip4:192.0.2.2", 60 },
		{ "a.example", DNS_TXT, "v=spf1 a:t.example a:t6.example", 60 },
		{ "t.example", DNS_A, "192.0.2.3", 60 },
		{ "t6.example", DNS_A, "192.0.2.4", 60 },
		{ "t6.example", DNS_AAAA, "!", 60 },
		{ NULL, DNS_A, NULL, 0 },
	};

	(void)state;
	check_zone("temp.example", zone, "temperror:");
	check_zone("bad.example", zone, "permerror:");
	check_zone("in.example", zone, "temperror:192.0.2.1");
	check_zone("in2.example", zone, "permerror:192.0.2.1");
	check_zone("a.example", zone, "temperror:192.0.2.3 192.0.2.4");
}

static void limits_of_rfc_7208_4_6_4(void **state)
{
	static const struct line zone[] = {
		{ "self.example", DNS_TXT, "v=spf1 ip4:192.0.2.1 include:self.example", 60 },
		{ "ping.example", DNS_TXT, "v=spf1 redirect=pong.example", 60 },
		{ "pong.example", DNS_TXT, "v=spf1 redirect=ping.example", 60 },
		{ "ten.example", DNS_TXT,
			"v=spf1 a:h.example a:h.example a:h.example a:h.example a:h.example a:h.example a:h.example"
			" a:h.example a:h.example a:h.example ip4:192.0.2.9",
			60 },
		{ "eleven.example", DNS_TXT, "v=spf1 include:ten.example a:h.example ip4:192.0.2.10", 60 },
		{ "ptrs.example", DNS_TXT,
			"v=spf1 ptr ptr ptr ptr exists:%{i}.x.example exists:%{i}.x.example ptr ptr ptr ptr "
			"ip4:192.0.2.1 ptr",
			60 },
		{ "h.example", DNS_A, "192.0.2.5", 60 },
		{ "void2.example", DNS_TXT, "v=spf1 a:n1.example mx:n2.example ip4:192.0.2.1", 60 },
		{ "void3.example", DNS_TXT,
			"v=spf1 ip4:192.0.2.1 a:n1.example mx:n2.example a:n!3.example ip4:192.0.2.2", 60 },
		{ "six.example", DNS_TXT, "v=spf1 a:o1.example a:o1.example a:o1.example", 60 },
		{ "o1.example", DNS_AAAA, "2001:db8::1", 60 },
		{ "mx10.example", DNS_TXT, "v=spf1 mx:many.example", 60 },
		{ "mx11.example", DNS_TXT, "v=spf1 mx:more.example", 60 },
		{ "nullmx.example", DNS_TXT, "v=spf1 mx", 60 },
		{ "nullmx.example", DNS_MX, ".", 60 },
		{ NULL, DNS_A, NULL, 0 },
	};
	struct line mx[30] = { { "h.example", DNS_A, "192.0.2.5", 60 } };

	(void)state;
	check_zone("self.example", zone, "permerror:192.0.2.1");
	check_zone("ping.example", zone, "permerror:");
	check_zone("ten.example", zone, "192.0.2.5 192.0.2.9");
	check_zone("eleven.example", zone, "permerror:192.0.2.5");
	check_zone("ptrs.example", zone, "permerror:~192.0.2.1");
	check_zone("void2.example", zone, "192.0.2.1");
	check_zone("void3.example", zone, "permerror:192.0.2.1");
	check_zone("six.example", zone, "2001:db8::1");
	check_zone("nullmx.example", zone, "");
	for (int n = 10; n <= 11; n++) {
		struct spf_walk *w;

		for (int i = 0; i < n; i++)
			mx[1 + i] = (struct line){ n == 10 ? "many.example" : "more.example", DNS_MX, "h.example", 60 };
		mx[1 + n].name = NULL;
		w = walk(n == 10 ? "mx10.example" : "mx11.example", zone, mx);
		assert_string_equal(text_of(w), n == 10 ? "192.0.2.5" : "permerror:");
		spf_walk_free(w);
	}
}

static void a_record_can_be_too_long(void **state)
{
	static char record[SPF_RECORD_MAX + 100] = "v=spf1";
	struct line zone[2] = { { "long.example", DNS_TXT, record, 60 } };
	size_t n = strlen(record);
	unsigned i = 0;

	(void)state;
	while (n < SPF_RECORD_MAX - 24) {
		n += (size_t)snprintf(record + n, sizeof record - n, " ip4:10.%u.%u.0/31", i / 256, i % 256);
		i++;
	}
	struct spf_walk *w = walk("long.example", zone, NULL);
	assert_int_equal(spf_walk_state(w), SPF_DONE);
	assert_int_equal(spf_walk_set(w)->count, i);
	spf_walk_free(w);
	memset(record + n, ' ', SPF_RECORD_MAX + 1 - n);
	check_zone("long.example", zone, "permerror:");
}

static void too_many_prefixes_are_refused(void **state)
{
	static char half[SPF_RECORD_MAX];
	static const struct line more[] = {
		{ "top.example", DNS_TXT,
			"v=spf1 include:h.example include:h.example include:h.example include:h.example", 60 },
		{ NULL, DNS_A, NULL, 0 },
	};
	struct line zone[2] = { { "h.example", DNS_TXT, half, 60 } };
	size_t n = (size_t)snprintf(half, sizeof half, "v=spf1");
	struct spf_walk *w;

	(void)state;
	for (unsigned i = 0; n + 24 < sizeof half; i++)
		n += (size_t)snprintf(half + n, sizeof half - n, " ip4:10.%u.%u.0", i / 256, i % 256);
	w = walk("top.example", zone, more);
	assert_int_equal(spf_walk_state(w), SPF_PERMERROR);
	assert_true(spf_walk_set(w)->count <= SPF_SET_MAX);
	spf_walk_free(w);
}

static void lifetimes_are_bounded(void **state)
{
	struct line zone[3] = { { "x.example", DNS_TXT, "v=spf1 a", 1 }, { "x.example", DNS_A, "192.0.2.1", 5000 } };
	static const struct {
		uint32_t text, address, want;
	} t[] = { { 1, 5000, SPF_TTL_MIN }, { 400, 5000, 400 }, { 400, 350, 350 }, { 0, 0, SPF_TTL_MIN },
		{ 0, 7000, 7000 }, { 1000000, UINT32_MAX, SPF_TTL_MAX } };

	(void)state;
	for (size_t i = 0; i < sizeof t / sizeof t[0]; i++) {
		struct spf_walk *w;

		zone[0].ttl_s = t[i].text;
		zone[1].ttl_s = t[i].address;
		w = walk("x.example", zone, NULL);
		assert_int_equal(spf_walk_ttl(w), t[i].want);
		spf_walk_free(w);
	}
}

/* A walk that is given up on the way frees all it has. */
static void a_walk_can_be_dropped_anywhere(void **state)
{
	static const struct line zone[] = {
		{ "a.example", DNS_TXT, "v=spf1 ip4:192.0.2.1 include:b.example mx", 60 },
		{ "b.example", DNS_TXT, "v=spf1 a:h.example redirect=c.example", 60 },
		{ "c.example", DNS_TXT, "v=spf1 ip4:192.0.2.2", 60 },
		{ NULL, DNS_A, NULL, 0 },
	};

	(void)state;
	for (int n = 0; n < 8; n++) {
		struct spf_walk *w = spf_walk_new(SLICE_LIT("a.example"));

		for (int i = 0; i < n && spf_walk_state(w) == SPF_ASKS; i++)
			answer(w, zone, NULL);
		spf_walk_free(w);
	}
	spf_walk_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rfc_7208_a1_simple_examples),
		cmocka_unit_test(rfc_7208_a2_includes_and_redirects),
		cmocka_unit_test(rfc_7208_a3_a4_are_partial),
		cmocka_unit_test(rfc_7208_section_5),
		cmocka_unit_test(the_first_match_wins),
		cmocka_unit_test(a_domain_without_record_has_no_policy),
		cmocka_unit_test(errors_end_the_walk),
		cmocka_unit_test(limits_of_rfc_7208_4_6_4),
		cmocka_unit_test(a_record_can_be_too_long),
		cmocka_unit_test(too_many_prefixes_are_refused),
		cmocka_unit_test(lifetimes_are_bounded),
		cmocka_unit_test(a_walk_can_be_dropped_anywhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
