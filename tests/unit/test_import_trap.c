/*
 * Lists of other systems, as they are written there.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "core/import_trap.h"

#include <stdio.h>
#include <string.h>

static char out[8000];
static unsigned others;

static enum err on_entry(const struct import_entry *e, void *ctx)
{
	size_t n = strlen(out);

	(void)ctx;
	if (e->refused)
		(void)snprintf(out + n, sizeof out - n, "%u! %s\n", e->line, e->refused);
	else
		(void)snprintf(out + n, sizeof out - n, "%u %.*s\n", e->line, SLICE_ARG(e->text));
	return ERR_OK;
}

static void import(enum import_from from, const char *text, const char *want)
{
	out[0] = '\0';
	assert_int_equal(import_traps(from, slice_str(text), on_entry, NULL, &others), ERR_OK);
	assert_string_equal(out, want);
}

static void names(void **state)
{
	enum import_from from;

	(void)state;
	assert_true(import_from_parse("access", &from));
	assert_int_equal(from, IMPORT_ACCESS);
	assert_true(import_from_parse("spamdb", &from));
	assert_false(import_from_parse("", &from));
	assert_false(import_from_parse("Access", &from));
}

static void lists(void **state)
{
	(void)state;
	import(IMPORT_LIST, "# old\r\n\r\na@b.example tag=x # y\r\n @c.example\n/x/\nlast@b.example",
		"3 a@b.example tag=x # y\n4 @c.example\n5 /x/\n6 last@b.example\n");
	import(IMPORT_LIST, "", "");
}

/* The recipes that people publish. */
static void access_regexp(void **state)
{
	(void)state;
	import(IMPORT_ACCESS,
		"/spam(master|trap)?\\@.*/i                DISCARD triggers spamtrap\n"
		"/funkyspammer\\@.*/i                      DISCARD triggers spamtrap\n",
		"1 /spam(master|trap)?\\@.*/\n2 /funkyspammer\\@.*/\n");
	import(IMPORT_ACCESS, "/^old@example\\.org$/ REJECT\n/@dead\\.example$/ DISCARD\n/^@dead\\.example$/ DISCARD\n",
		"1 old@example.org\n2 @dead.example\n3 /^@dead\\.example$/\n");
	import(IMPORT_ACCESS, "/^a.c@example\\.org$/ 550 no such user\n/^\\d@x$/ DISCARD\n",
		"1 /^a.c@example\\.org$/\n2 /^\\d@x$/\n");
	import(IMPORT_ACCESS, "!a/b!i DISCARD\n|^x@y\\.z$| DISCARD\n,a\\,b/c, DISCARD\n",
		"1! a negated pattern would catch everybody else\n2 x@y.z\n3 /a,b\\/c/\n");
	import(IMPORT_ACCESS, "|a\\|b| DISCARD\n", "1 /a\\|b/\n");
	import(IMPORT_ACCESS, "/x/\n/y DISCARD\n// DISCARD\n/z/q DISCARD\n/\\<w/ DISCARD\n",
		"1! an action that makes no trap (DISCARD, REDIRECT, REJECT, 5xx do)\n"
		"2! a pattern without its end\n3! an empty pattern matches everybody\n"
		"4! a flag of the pattern that is not known here\n"
		"5! \\< and \\> mean something else in PCRE: write \\b\n");
	import(IMPORT_ACCESS, "/ok@/ OK\n/hold@/ DUNNO\n", "");
	assert_int_equal(others, 2);
}

static void access_hash(void **state)
{
	(void)state;
	import(IMPORT_ACCESS,
		"# traps\n"
		"trap1@example.org    REDIRECT spamtrap@localhost\n"
		"dead.example\n"
		"   # a comment inside\n"
		"\tDISCARD all of it\n"
		"joe@                 reject\n"
		"friend@example.org   OK\n"
		".sub.example         DISCARD\n"
		"192.0.2              REJECT\n"
		"192.0.2.7            REJECT\n"
		"2001:db8::/32        REJECT\n"
		"who@example.org      451 later\n"
		"x@example.org        WHATEVER\n"
		"y@example.org        554 5.7.1 go away",
		"2 trap1@example.org\n3 @dead.example\n6 /^joe@/\n8! all below a domain: name each domain\n"
		"9! an address of a client, not a recipient\n10! an address of a client, not a recipient\n"
		"11! an address of a client, not a recipient\n"
		"13! an action that makes no trap (DISCARD, REDIRECT, REJECT, 5xx do)\n14 y@example.org\n");
	assert_int_equal(others, 2);
	import(IMPORT_ACCESS, "a.b+c@ REJECT\n", "1 /^a\\.b\\+c@/\n");
	import(IMPORT_ACCESS, "if /x/\n/a@/ REJECT\nendif\n",
		"1! if and endif are not read: what stands between them was taken without them\n2 /a@/\n"
		"3! if and endif are not read: what stands between them was taken without them\n");
}

static void rspamd(void **state)
{
	(void)state;
	import(IMPORT_RSPAMD,
		"# traps\ntrap@example.org\n/^.*@dead\\.example$/i\n/^info@example\\.net$/i 5.0\nplain@example.org "
		"1.0\n"
		"/broken\n",
		"2 trap@example.org\n3 /^.*@dead\\.example$/\n4 info@example.net\n5 plain@example.org\n"
		"6! a pattern without its end\n");
}

static void policyd(void **state)
{
	(void)state;
	import(IMPORT_POLICYD,
		"-- MySQL dump 10.11\n"
		"DROP TABLE IF EXISTS `spamtrap`;\n"
		"CREATE TABLE `spamtrap` (\n  `_rcpt` varchar(80) NOT NULL default '',\n"
		"  `_active` tinyint(1) NOT NULL default '1'\n) TYPE=MyISAM;\n"
		"LOCK TABLES `spamtrap` WRITE;\n"
		"INSERT INTO `spamtrap` VALUES ('a@b.example',1),('it''s@b.example',0),\n('q\\'s@b.example','1');\n"
		"INSERT INTO `blacklist` VALUES ('192.0.2.1','x@y.example',1);\n",
		"8 a@b.example\n8 it's@b.example state=watching\n9 q's@b.example\n");
	import(IMPORT_POLICYD,
		"insert into spamtrap (_active, _rcpt) values (1, 'a@b.example'); INSERT INTO spamtrap VALUES "
		"('c@b.example',1);",
		"1 a@b.example\n1 c@b.example\n");
	import(IMPORT_POLICYD, "INSERT IGNORE INTO spamtrap VALUES ('nobody',1),(NULL,1),('a@b.example',1",
		"1! not an address\n1! not an address\n1! a row that is malformed; the rest of this INSERT is left "
		"out\n");
	import(IMPORT_POLICYD, "INSERT INTO spamtrap (_x) VALUES (1);\n",
		"1! not an INSERT that can be read (columns _rcpt, _active)\n");
	import(IMPORT_POLICYD, "INSERT INTO spamtrap VALUES ('unclosed@b.example",
		"1! a row that is malformed; the rest of "
		"this INSERT is left out\n");
}

static void spamdb(void **state)
{
	(void)state;
	import(IMPORT_SPAMDB,
		"SPAMTRAP|trap@example.org\nWHITE|192.0.2.1|||1|2|3|4|5\nGREY|192.0.2.2|h|<a@b>|<c@d>|1|2|3|4|5\n"
		"TRAPPED|192.0.2.3|1253655172\nnonsense\nSPAMTRAP|a@b|x\n",
		"1 trap@example.org\n5! not a line of spamdb\n6! more than one field behind SPAMTRAP\n");
	assert_int_equal(others, 3);
}

/* Cut anywhere, any format: no reading outside, and always whole lines. */
static void cut(void **state)
{
	static const char text[] = "/a\\/b/i DISCARD\nINSERT INTO `spamtrap` (_rcpt) VALUES ('a\\'@b',1),('c@d');\n"
				   "SPAMTRAP|x@y\n|a\\||i REJECT\nuser@ REJECT\n\tmore";
	char copy[sizeof text];

	(void)state;
	for (size_t n = 0; n < sizeof text; n++) {
		memcpy(copy, text, n);
		for (int f = IMPORT_LIST; f <= IMPORT_SPAMDB; f++) {
			out[0] = '\0';
			assert_int_equal(
				import_traps((enum import_from)f, slice_of(copy, n), on_entry, NULL, &others), ERR_OK);
		}
	}
}

static enum err on_full(const struct import_entry *e, void *ctx)
{
	(void)e;
	++*(int *)ctx;
	return ERR_LIMIT;
}

static void an_error_stops(void **state)
{
	int calls = 0;

	(void)state;
	assert_int_equal(import_traps(IMPORT_LIST, slice_str("a@b\nc@d\n"), on_full, &calls, &others), ERR_LIMIT);
	assert_int_equal(calls, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names),
		cmocka_unit_test(lists),
		cmocka_unit_test(access_regexp),
		cmocka_unit_test(access_hash),
		cmocka_unit_test(rspamd),
		cmocka_unit_test(policyd),
		cmocka_unit_test(spamdb),
		cmocka_unit_test(cut),
		cmocka_unit_test(an_error_stops),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
