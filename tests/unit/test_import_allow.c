/*
 * Lists of good clients, as they are written elsewhere.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "core/import_allow.h"

#include <stdio.h>

#define NOW 1700000000u

static char out[4000];
static unsigned others;

static enum err on_entry(const struct import_entry *e, void *ctx)
{
	size_t n = strlen(out);

	(void)ctx;
	(void)snprintf(out + n, sizeof out - n, "%u%s %.*s\n", e->line, e->refused ? "!" : "",
		e->refused ? (int)strlen(e->refused) : (int)e->text.n, e->refused ? e->refused : e->text.p);
	return ERR_OK;
}

static void import(enum import_allow_from from, const char *text, const char *want)
{
	out[0] = '\0';
	assert_int_equal(import_allow(from, slice_str(text), NOW, on_entry, NULL, &others), ERR_OK);
	assert_string_equal(out, want);
}

static void lists(void **state)
{
	(void)state;
	import(ALLOW_FROM_LIST,
		"# good\n192.0.2.0/24\nname:mail.example.org\nspf:example.org\n\n192.0.2.1/24\n0.0.0.0/3\n2000::/8\nx "
		"y\n",
		"2 192.0.2.0/24\n3 name:mail.example.org\n4 spf:example.org\n"
		"6! no address, network, name: or spf: entry\n"
		"7! is too wide to be meant (at least /8, or /19 of IPv6)\n"
		"8! is too wide to be meant (at least /8, or /19 of IPv6)\n"
		"9! no address, network, name: or spf: entry\n");
}

static void access(void **state)
{
	(void)state;
	import(ALLOW_FROM_ACCESS,
		"192.0.2.7 OK\n198.51.100 permit\n10 REJECT\n2001:db8::/32 DUNNO\nexample.org OK\n.sub.example OK\n"
		"bad.example REJECT spam\n/^mail\\d/ OK\nfriend@example.org OK\n203.0.113.0/24 450 later\nx.example "
		"77777\n",
		"1 192.0.2.7\n2 198.51.100.0/24\n4 2001:db8::/32\n5 name:example.org\n5 name:.example.org\n"
		"6 name:.sub.example\n8! a pattern: name a network or a domain\n"
		"9! a sender or recipient, not a client\n11 name:x.example\n11 name:.x.example\n");
	assert_int_equal(others, 3);
}

static void postgrey(void **state)
{
	(void)state;
	import(ALLOW_FROM_POSTGREY, "# clients\nexample.org\n192.0.2.0/24\n192.0.2\n/^x\\.example$/\n",
		"2 name:example.org\n2 name:.example.org\n3 192.0.2.0/24\n4 192.0.2.0/24\n"
		"5! a pattern: name a network or a domain\n");
}

static void spamdb(void **state)
{
	(void)state;
	import(ALLOW_FROM_SPAMDB,
		"WHITE|192.0.2.1|||1|2|1700000001|4|5\nGREY|192.0.2.2|h|<a@b>|<c@d>|1|2|3|4|5\nSPAMTRAP|a@b\nWHITE|\n",
		"1 192.0.2.1\n4! no address\n");
	assert_int_equal(others, 2);
	/* one that ended in 1970, one that ends now, without an end, cut short, no number */
	import(ALLOW_FROM_SPAMDB,
		"WHITE|192.0.2.1|||1|2|3|4|5\nWHITE|192.0.2.2|||1|2|1700000000|4|5\nWHITE|192.0.2.3|||1|2|0|4|5\n"
		"WHITE|192.0.2.4\nWHITE|192.0.2.5|||1|2|x|4|5\n",
		"3 192.0.2.3\n4 192.0.2.4\n5 192.0.2.5\n");
	assert_int_equal(others, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lists),
		cmocka_unit_test(access),
		cmocka_unit_test(postgrey),
		cmocka_unit_test(spamdb),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
