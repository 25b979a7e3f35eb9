/*
 * test_mail_corpus: grades the mail of tests/mail/HALF/KIND and prints a table
 * kind x grade. Mail that innocent hosts send must not block its host at one
 * message; of spam at least 95 % must, and none may weigh nothing. Spam that says
 * of itself in its header that it is automatic or list mail ("claims") is
 * lowered by rule and adds up: it is counted apart, and printed. Each file begins with the line
 * "X-Envelope-From: <sender>"; the trap is whom our own Received field names.
 *
 *	test_mail_corpus            both halves
 *	test_mail_corpus seen -v    one half; the files that are graded wrong
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "core/address.h"
#include "core/content_grade.h"
#include "core/content_rules.h"

#define FILE_MAX (4u << 20)

enum want { WANT_NO_BLOCK, WANT_BLOCK, WANT_MOSTLY_BLOCK };

static const struct kind {
	const char *name;
	enum want want;
} kinds[] = {
	{ "dsn", WANT_NO_BLOCK },
	{ "delay", WANT_NO_BLOCK },
	{ "bounce-nonnull", WANT_NO_BLOCK },
	{ "autoreply", WANT_NO_BLOCK },
	{ "challenge", WANT_NO_BLOCK },
	{ "confirm", WANT_NO_BLOCK },
	{ "list", WANT_NO_BLOCK },
	{ "receipt", WANT_NO_BLOCK },
	{ "virus", WANT_NO_BLOCK },
	{ "quota", WANT_NO_BLOCK },
	{ "feedback", WANT_NO_BLOCK },
	{ "newsletter", WANT_NO_BLOCK },
	{ "dmarc", WANT_NO_BLOCK },
	{ "ham", WANT_BLOCK },
	{ "spam", WANT_MOSTLY_BLOCK },
};

static const char *root;
static bool is_verbose;

static struct slice read_file(const char *path, char *to)
{
	FILE *f = fopen(path, "rb");
	size_t n;

	if (!f)
		fail_msg("%s: cannot be read", path);
	n = fread(to, 1, FILE_MAX, f);
	fclose(f);
	return slice_of(to, n);
}

/* The address in "for <...>" of the first Received field that has one: our own Postfix wrote it. */
static bool trap_of(struct slice message, struct address *ret)
{
	static const struct slice mark = { "for <", 5 };
	struct slice s = slice_head(message, 2000);

	for (; s.n; s = slice_from(s, 1))
		if (slice_starts(s, mark))
			return address_parse(slice_head(slice_from(s, 5), slice_find(slice_from(s, 5), '>')), ret) ==
			       ERR_OK;
	return false;
}

#define CLAIMS (FACT_LIST | FACT_LIST_CLAIM | FACT_AUTO | FACT_REPLIED | FACT_RESPONDER | FACT_UNSUBSCRIBE)

static enum grade grade_file(const char *path, char *room, bool *ret_claims)
{
	static struct content_grade g;
	struct slice message = read_file(path, room), line;
	struct address sender = { 0 }, trap = { 0 };

	if (!slice_line(&message, &line) || !slice_starts_nocase(line, SLICE_LIT("X-Envelope-From:")) ||
		address_parse(slice_trim(slice_from(line, 16)), &sender) != ERR_OK)
		fail_msg("%s: no X-Envelope-From line", path);
	if (!trap_of(message, &trap) && is_verbose)
		print_message("%s: for whom?\n", path);
	content_grade_init(&g, slice_str(sender.text), slice_str(trap.text));
	content_grade_feed(&g, message);
	*ret_claims = g.body.facts & CLAIMS;
	return content_grade_end(&g);
}

static bool is_wrong(enum want want, enum grade g, bool claims)
{
	if (want == WANT_MOSTLY_BLOCK && claims)
		return g == GRADE_BACKSCATTER;
	return (g == GRADE_CONFIRMED) != (want != WANT_NO_BLOCK);
}

static void grade_kind(const char *half, const struct kind *k, char *room, unsigned *ret_files, unsigned *ret_wrong)
{
	unsigned count[GRADE_COUNT] = { 0 }, wrong = 0, files = 0, claims = 0;
	struct dirent **list = NULL;
	char path[4096];
	int n;

	(void)snprintf(path, sizeof path, "%s/%s/%s", root, half, k->name);
	n = scandir(path, &list, NULL, alphasort);
	for (int i = 0; i < n; i++) {
		if (list[i]->d_name[0] != '.') {
			bool is_claim;
			enum grade g;

			(void)snprintf(path, sizeof path, "%s/%s/%s/%s", root, half, k->name, list[i]->d_name);
			g = grade_file(path, room, &is_claim);
			claims += is_claim && g != GRADE_CONFIRMED;
			count[g]++;
			files++;
			wrong += is_wrong(k->want, g, is_claim);
			if (is_verbose && is_wrong(k->want, g, is_claim))
				print_message("wrong: %s: %s\n", path, grade_name(g));
		}
		free(list[i]);
	}
	free(list);
	*ret_files = files;
	*ret_wrong = wrong;
	if (files)
		print_message("%-6s %-14s %6u %12u %10u %6u %10u %6u %6u\n", half, k->name, files,
			count[GRADE_BACKSCATTER], count[GRADE_AUTOMATIC], count[GRADE_BULK], count[GRADE_CONFIRMED],
			claims, wrong);
}

static unsigned grade_half(const char *half)
{
	char *room = malloc(FILE_MAX);
	unsigned bad = 0;

	assert_non_null(room);
	print_message("%-6s %-14s %6s %12s %10s %6s %10s %6s %6s\n", "half", "kind", "files", "backscatter",
		"automatic", "bulk", "confirmed", "claims", "wrong");
	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
		unsigned files, wrong;

		grade_kind(half, &kinds[i], room, &files, &wrong);
		bad += kinds[i].want == WANT_MOSTLY_BLOCK ? wrong * 20 > files : wrong > 0;
	}
	free(room);
	return bad;
}

/* Every folder is a kind that this program knows: else it would be left out without a word. */
static void check_kinds(const char *half)
{
	struct dirent **list = NULL;
	char path[4096];
	int n;

	(void)snprintf(path, sizeof path, "%s/%s", root, half);
	n = scandir(path, &list, NULL, alphasort);
	for (int i = 0; i < n; i++) {
		bool is_known = list[i]->d_name[0] == '.';

		for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++)
			is_known |= strcmp(kinds[k].name, list[i]->d_name) == 0;
		if (!is_known)
			fail_msg("%s: unknown kind %s", path, list[i]->d_name);
		free(list[i]);
	}
	free(list);
}

static void test_seen(void **state)
{
	(void)state;
	check_kinds("seen");
	assert_int_equal(grade_half("seen"), 0);
}

static void test_held(void **state)
{
	(void)state;
	check_kinds("held");
	assert_int_equal(grade_half("held"), 0);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_seen),
		cmocka_unit_test(test_held),
	};
	static char path[4096];
	const char *data = getenv("TEST_DATA");

	is_verbose = argc > 2;
	(void)snprintf(path, sizeof path, "%s/mail", data ? data : "tests");
	root = path;
	if (argc > 1)
		cmocka_set_test_filter(strcmp(argv[1], "held") == 0 ? "test_held" : "test_seen");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
