/*
 * command_trap_change: trap remove, arm, suspend, resume, retire; list and test.
 * SPDX-License-Identifier: ISC
 */
#include "ctl/ctl.h"
#include "ctl/trap_edit.h"
#include "ctl/user_list.h"
#include "io/trap_pattern.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define TRAP_LIMIT 100
#define TEST_SHOWN 20
#define WORD_MAX 600

static const struct change {
	const char *sub, *done;
	bool is_remove;
	enum trap_state state;
} changes[] = {
	{ "remove", "removed", true, TRAP_AUTO },
	{ "arm", "armed", false, TRAP_ARMED },
	{ "suspend", "suspended", false, TRAP_SUSPENDED },
	{ "resume", "armed again", false, TRAP_ARMED },
	{ "retire", "retired", false, TRAP_RETIRED },
};

static const struct change *find_change(const char *sub)
{
	size_t i = 0;

	while (strcmp(changes[i].sub, sub) != 0)
		i++;
	return &changes[i];
}

/* Which traps: those of a tag, or one. */
struct wanted {
	const char *tag;
	const char *key;
};

static bool is_wanted(const struct trap_line *t, void *ctx)
{
	const struct wanted *w = ctx;
	char key[TRAP_EDIT_KEY];

	if (w->tag)
		return strcmp(t->tag, w->tag) == 0;
	return strcmp(trap_edit_key(t, key), w->key) == 0;
}

/* In every file; *changed counts, *files: files changed. */
static int change_files(struct ctl *c, const struct change *k, struct wanted *w, size_t *changed)
{
	char text[TRAP_EDIT_TEXT];
	char **path = NULL;
	size_t count = 0;
	int status = CTL_DONE;
	enum err e = trap_edit_files(&c->conf, &path, &count);

	if (e != ERR_OK)
		return ctl_refuse(c, "the trap files cannot be listed: %s", err_name(e));
	for (size_t i = 0; i < count && status == CTL_DONE; i++) {
		size_t n = 0;

		if (trap_edit_change(path[i], is_wanted, w, k->is_remove, k->state, &n, text) != ERR_OK)
			status = ctl_refuse(c, "%s", text);
		else if (n && !c->args.is_given[OPT_JSON])
			(void)fprintf(c->render.to, "%zu %s in %s\n", n, k->done, path[i]);
		*changed += n;
	}
	trap_edit_files_free(path, count);
	return status;
}

/* The word itself, or the trap that has this number. False: shown. */
static bool find_text(struct ctl *c, const char *word, char to[WORD_MAX], int *ret_status)
{
	const char *text;
	json_t *q, *answer = NULL;

	(void)snprintf(to, WORD_MAX, "%s", word);
	if (strncmp(word, "T-", 2) != 0 || strchr(word, '@'))
		return true;
	q = ctl_request(c, "trap_find");
	ctl_request_text(q, "address", word);
	(void)json_object_set_new(q, "reveal", json_true());
	*ret_status = ctl_ask(c, q, &answer);
	text = json_string_value(json_object_get(json_object_get(answer, "trap"), "text"));
	if (*ret_status == CTL_DONE && !text)
		*ret_status = ctl_refuse(c, "%s: no trap has this number", word);
	else if (*ret_status == CTL_DONE)
		(void)snprintf(to, WORD_MAX, "%s", text);
	json_decref(answer);
	return *ret_status == CTL_DONE;
}

/* The words, each one trap. */
static int change_words(struct ctl *c, const struct change *k, size_t *changed)
{
	int status = CTL_DONE;

	for (int i = 0; i < c->args.count && status == CTL_DONE; i++) {
		char key[TRAP_EDIT_KEY], why[200], text[WORD_MAX];
		struct wanted w = { .key = key };
		struct trap_line t;
		bool any = false;
		size_t n = 0;

		if (!find_text(c, c->args.word[i], text, &status))
			return status;
		if (trap_file_line(slice_str(text), 1, &t, &any, why, sizeof why) != ERR_OK || !any)
			return ctl_usage(c, "%s: no trap (address, @domain, /pattern/, T-118)", c->args.word[i]);
		(void)trap_edit_key(&t, key);
		status = change_files(c, k, &w, &n);
		if (status == CTL_DONE && n == 0)
			status = ctl_refuse(c, "%s: in no trap file", c->args.word[i]);
		*changed += n;
	}
	return status;
}

/* Exit status: is the change in force, or will it be at the start? */
static int show_reloaded(struct ctl *c, size_t changed)
{
	char text[CONTROL_TEXT];
	json_t *answer = NULL, *sum;
	enum err e = ctl_try_good(c, ctl_request(c, "trap_reload"), &answer, text);
	bool is_good = e == ERR_OK || e == ERR_CLOSED;

	if (c->args.is_given[OPT_JSON]) {
		sum = json_pack("{s:b, s:I, s:O*}", "ok", is_good, "changed", (json_int_t)changed, "reload", answer);
		(void)ctl_show_json(c, sum);
		json_decref(sum);
	} else if (e == ERR_OK) {
		render_trap_reload(&c->render, answer);
	} else if (e == ERR_CLOSED) {
		(void)fprintf(c->render.to, "limetwigd does not run: it acts at its start\n");
	}
	json_decref(answer);
	return is_good ? CTL_DONE : ctl_refuse(c, "written, but not in force: %s", text);
}

int command_trap_change(struct ctl *c)
{
	const struct change *k = find_change(c->command->sub);
	struct wanted by_tag = { .tag = c->args.value[OPT_TAG] };
	size_t changed = 0;
	int status, reloaded = CTL_DONE;

	if ((by_tag.tag != NULL) == (c->args.count > 0))
		return ctl_usage(c, "either traps or --tag");
	status = by_tag.tag ? change_files(c, k, &by_tag, &changed) : change_words(c, k, &changed);
	if (status == CTL_DONE && changed == 0)
		return ctl_refuse(c, "no trap has the tag %s", by_tag.tag);
	if (changed)
		reloaded = show_reloaded(c, changed);
	return status == CTL_DONE ? reloaded : status;
}

/* Addresses were asked for and are not there: the engine gives them to administrators only. */
static bool is_hidden(const json_t *answer)
{
	const json_t *first = json_array_get(json_object_get(answer, "traps"), 0);

	return first && !json_object_get(first, "text");
}

int command_trap_list(struct ctl *c)
{
	json_t *q = ctl_request(c, "trap_list"), *answer = NULL;
	uint64_t limit;
	int status;

	if (!ctl_number(c, OPT_LIMIT, TRAP_LIMIT, &limit)) {
		json_decref(q);
		return CTL_USAGE;
	}
	ctl_request_text(q, "tag", c->args.value[OPT_TAG]);
	ctl_request_text(q, "state", c->args.value[OPT_STATE]);
	(void)json_object_set_new(q, "limit", json_integer((json_int_t)limit));
	if (c->args.is_given[OPT_REVEAL])
		(void)json_object_set_new(q, "reveal", json_true());
	status = ctl_ask(c, q, &answer);
	if (status == CTL_DONE && c->args.is_given[OPT_REVEAL] && is_hidden(answer))
		(void)fprintf(c->err, "limetwig: --reveal is for administrators: sudo limetwig trap list --reveal\n");
	if (status == CTL_DONE && !ctl_show_json(c, answer))
		render_trap_list(&c->render, answer);
	json_decref(answer);
	return status;
}

static int test_address(struct ctl *c)
{
	json_t *q = ctl_request(c, "trap_find"), *answer = NULL;
	int status;

	ctl_request_text(q, "address", c->args.word[0]);
	status = ctl_ask(c, q, &answer);
	if (status == CTL_DONE && !ctl_show_json(c, answer))
		render_trap_find(&c->render, answer, c->args.word[0]);
	if (status == CTL_DONE && !render_bool(answer, "found"))
		status = CTL_REFUSED;
	json_decref(answer);
	return status;
}

/* How many of the users the pattern would catch; the first are shown. */
static size_t count_caught(struct ctl *c, const struct user_list *u, struct trap_patterns *p, json_t *list)
{
	const char *user;
	size_t at = 0, caught = 0;

	while ((user = user_list_match(u, p, &at))) {
		if (++caught > TEST_SHOWN)
			continue;
		(void)json_array_append_new(list, json_string(user));
		if (!c->args.is_given[OPT_JSON])
			(void)fprintf(c->render.to, "catches  %s\n", user);
	}
	return caught;
}

static int show_caught(struct ctl *c, const struct user_list *u, struct trap_patterns *p)
{
	json_t *list = json_array(), *answer;
	size_t caught = count_caught(c, u, p, list);

	answer = json_pack("{s:b, s:I, s:I, s:o}", "ok", 1, "users", (json_int_t)u->count, "caught", (json_int_t)caught,
		"first", list);
	if (!ctl_show_json(c, answer))
		(void)fprintf(c->render.to, "%zu of %zu users would be caught%s\n", caught, u->count,
			caught ? ": do not use it" : "");
	json_decref(answer);
	return caught ? CTL_REFUSED : CTL_DONE;
}

static int test_pattern(struct ctl *c, struct slice pattern)
{
	struct trap_patterns *p;
	struct user_list u;
	char why[200];
	int status;
	enum err e;

	if (!c->args.value[OPT_USERS])
		return ctl_usage(c, "a pattern needs --users FILE, one address a line");
	p = trap_patterns_new();
	e = p ? trap_patterns_add(p, pattern, 1, why, sizeof why) : ERR_NOMEM;
	if (e != ERR_OK) {
		trap_patterns_free(p);
		return e == ERR_NOMEM ? ctl_refuse(c, "no memory") : ctl_usage(c, "%s", why);
	}
	status = user_list_read(c, c->args.value[OPT_USERS], &u);
	if (status == CTL_DONE)
		status = show_caught(c, &u, p);
	user_list_done(&u);
	trap_patterns_free(p);
	return status;
}

int command_trap_test(struct ctl *c)
{
	struct slice s = slice_str(c->args.word[0]);

	if (s.n > 2 && s.p[0] == '/' && s.p[s.n - 1] == '/')
		return test_pattern(c, (struct slice){ s.p + 1, s.n - 2 });
	return test_address(c);
}
