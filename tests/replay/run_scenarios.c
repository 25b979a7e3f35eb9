/*
 * run_scenarios: the .scn files of DIR must hold, one test each; those in DIR/bad must fail
 * with the text that their first line names ("# fails: TEXT"): a false
 * expectation is found, a malformed line is named.
 *
 *   run_scenarios DIR [NAME...]          TAP with CMOCKA_MESSAGE_OUTPUT=TAP
 *   run_scenarios --table DIR [NAME...]  and the table of tests/replay/RESULTS.md
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <glob.h>
#include <stdlib.h>
#include <string.h>

#include "scn.h"

#define SCENARIOS 200
#define TITLE 160
#define TABLE_LEAST 40 /* connections and messages of a scenario that has a row of its own */

struct scenario {
	char path[400];
	char name[80];
	char first[TITLE]; /* first line without "# " */
	bool is_bad, is_run;
	struct scn_counts counts;
	char why[1000]; /* it failed */
};

static struct scenario scenario[SCENARIOS];
static size_t scenarios;
static const char *dir;

static void read_first(struct scenario *x)
{
	FILE *f = fopen(x->path, "r");

	if (f && fgets(x->first, sizeof x->first, f)) {
		x->first[strcspn(x->first, "\n")] = '\0';
		memmove(x->first, x->first + strspn(x->first, "# "), strlen(x->first + strspn(x->first, "# ")) + 1);
	}
	if (f)
		(void)fclose(f);
}

static bool is_named(const char *name, char **names, int n)
{
	for (int i = 0; i < n; i++)
		if (strstr(name, names[i]))
			return true;
	return n == 0;
}

static void find(const char *pattern, bool is_bad, char **names, int n)
{
	char path[512];
	glob_t g;

	(void)snprintf(path, sizeof path, "%s/%s", dir, pattern);
	if (glob(path, 0, NULL, &g) != 0)
		return;
	for (size_t i = 0; i < g.gl_pathc && scenarios < SCENARIOS; i++) {
		struct scenario *x = &scenario[scenarios];
		const char *base = strrchr(g.gl_pathv[i], '/') + 1;

		if (!is_named(base, names, n))
			continue;
		(void)snprintf(x->path, sizeof x->path, "%s", g.gl_pathv[i]);
		(void)snprintf(x->name, sizeof x->name, "%s%.*s", is_bad ? "fails: " : "", (int)strlen(base) - 4, base);
		x->is_bad = is_bad;
		read_first(x);
		scenarios++;
	}
	globfree(&g);
}

static int setup(void **state)
{
	(void)state;
	scn_world_setup();
	scn_count_reset();
	scn_fetch_reset();
	scn_mail_reset();
	scn_verb_reset();
	return 0;
}

static int teardown(void **state)
{
	const struct scenario *x = *state;

	scn_world_teardown(); /* stderr is the terminal again */
	if (x->why[0])
		(void)fprintf(stderr, "# %s\n", x->why);
	return 0;
}

__attribute__((format(printf, 2, 3))) static void failed_because(struct scenario *x, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(x->why, sizeof x->why, fmt, ap);
	va_end(ap);
	fail();
}

static void test_scenario(void **state)
{
	struct scenario *x = *state;
	struct scn s = { .dir = dir, .file = x->path };
	bool is_ok = scn_run(&s, scn_verb);
	const char *leak;

	scn_world_settle();
	x->counts = *scn_count_get();
	x->is_run = true;
	if (x->is_bad) {
		const char *wanted = x->first + (strncmp(x->first, "fails: ", 7) == 0 ? 7 : 0);

		if (is_ok)
			failed_because(x, "holds, but should fail with: %s", wanted);
		if (!strstr(s.error, wanted))
			failed_because(x, "failed otherwise: %s", s.error);
		return;
	}
	if (!is_ok)
		failed_because(x, "%s", s.error);
	leak = scn_world_leak();
	if (leak)
		failed_because(x, "a trap address in the log: %s", leak);
}

static void print_share(unsigned long part, unsigned long all)
{
	if (all)
		(void)printf(" %lu |", part);
	else
		(void)printf(" - |");
}

static void print_row(const char *title, const struct scn_counts *c)
{
	(void)printf("| %s | %lu |", title, c->spam);
	print_share(c->spam_refused, c->spam);
	print_share(c->spam_recipe, c->spam);
	(void)printf(" %lu |", c->good);
	print_share(c->good_refused, c->good);
	print_share(c->good_recipe, c->good);
	(void)printf("\n");
}

static void add(struct scn_counts *to, const struct scn_counts *c)
{
	to->spam += c->spam;
	to->spam_refused += c->spam_refused;
	to->spam_recipe += c->spam_recipe;
	to->good += c->good;
	to->good_refused += c->good_refused;
	to->good_recipe += c->good_recipe;
}

/* What is too small to say anything is one row. */
static void print_table(void)
{
	struct scn_counts sum = { 0 }, rest = { 0 };
	char title[64];
	unsigned few = 0;

	(void)printf("| scenario | spam connections | refused by limetwig | by the recipe | good mail | "
		     "refused by limetwig | by the recipe |\n|---|--:|--:|--:|--:|--:|--:|\n");
	for (size_t i = 0; i < scenarios; i++) {
		const struct scn_counts *c = &scenario[i].counts;

		if (scenario[i].is_bad || c->spam + c->good == 0)
			continue;
		add(&sum, c);
		if (c->spam + c->good < TABLE_LEAST) {
			add(&rest, c);
			few++;
		} else {
			print_row(scenario[i].first, c);
		}
	}
	(void)snprintf(title, sizeof title, "%u small ones", few);
	print_row(title, &rest);
	print_row("**all**", &sum);
}

int main(int argc, char **argv)
{
	static struct CMUnitTest test[SCENARIOS];
	bool is_table = argc > 1 && strcmp(argv[1], "--table") == 0;
	int at = is_table ? 2 : 1, failed;

	if (at >= argc) {
		(void)fprintf(stderr, "usage: run_scenarios [--table] DIR [NAME...]\n");
		return 2;
	}
	dir = argv[at++];
	find("*.scn", false, argv + at, argc - at);
	find("bad/*.scn", true, argv + at, argc - at);
	for (size_t i = 0; i < scenarios; i++)
		test[i] = (struct CMUnitTest){ scenario[i].name, test_scenario, setup, teardown, &scenario[i] };
	failed = _cmocka_run_group_tests("scenarios", test, scenarios, NULL, NULL);
	if (is_table)
		print_table();
	return failed;
}
