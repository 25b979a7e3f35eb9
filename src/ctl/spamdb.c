/*
 * spamdb: OpenBSD's command of that name over our daemon: same letters, lines
 * and exit status. WHITE are the entries of the allow list, TRAPPED the blocks,
 * SPAMTRAP the traps; GREY there is none.
 * SPDX-License-Identifier: ISC
 */
#include "ctl/spamdb.h"

#include "base/array.h"
#include "ctl/import_file.h"
#include "ctl/trap_batch.h"

#include <stdarg.h>

int spamdb_say(struct ctl *c, int status, const char *fmt, ...)
{
	va_list ap;

	(void)fputs("spamdb: ", c->err);
	va_start(ap, fmt);
	(void)vfprintf(c->err, fmt, ap);
	va_end(ap);
	(void)fputc('\n', c->err);
	return status;
}

int spamdb_ask(struct ctl *c, json_t *request, bool is_quiet, json_t **ret_answer)
{
	char text[CONTROL_TEXT];
	json_t *answer = NULL;

	if (ctl_try(c, request, &answer, text) != ERR_OK)
		return spamdb_say(c, SPAMDB_GONE, "%s", text);
	if (render_bool(answer, "ok")) {
		*ret_answer = answer;
		return CTL_DONE;
	}
	if (!is_quiet)
		(void)spamdb_say(c, CTL_REFUSED, "%s", render_text(&c->render, answer, "error"));
	json_decref(answer);
	return CTL_REFUSED;
}

/* One line, as spamdb(8) has it. A trap that never runs out has 0 there; so has an allow entry without an end. */
static void print_row(FILE *to, const json_t *row)
{
	const char *kind = json_string_value(json_array_get(row, 0)), *key = json_string_value(json_array_get(row, 1));
	json_int_t first = json_integer_value(json_array_get(row, 2)),
		   second = json_integer_value(json_array_get(row, 3));

	if (!kind || !key)
		return;
	if (strcmp(kind, "WHITE") == 0)
		(void)fprintf(to, "WHITE|%s|||%lld|%lld|%lld|1|0\n", key, first, first, second);
	else if (strcmp(kind, "TRAPPED") == 0)
		(void)fprintf(to, "TRAPPED|%s|%lld\n", key, first);
	else
		(void)fprintf(to, "SPAMTRAP|%s\n", key);
}

static size_t print_rows(struct ctl *c, const json_t *answer)
{
	const json_t *rows = json_object_get(answer, "rows"), *row;
	size_t i;

	json_array_foreach(rows, i, row) print_row(c->render.to, row);
	return json_array_size(rows);
}

/* All pages of one kind. */
static int list_kind(struct ctl *c, const char *kind, uint64_t *would)
{
	char *after = NULL;
	int status = CTL_DONE;

	do {
		json_t *q = ctl_request(c, "rows"), *answer = NULL;
		const char *next;

		ctl_request_text(q, "kind", kind);
		ctl_request_text(q, "after", after);
		status = spamdb_ask(c, q, false, &answer);
		free(after);
		after = NULL;
		if (status != CTL_DONE)
			break;
		(void)print_rows(c, answer);
		*would += render_number(answer, "would");
		next = json_string_value(json_object_get(answer, "next"));
		if (next && !(after = strdup(next)))
			status = spamdb_say(c, CTL_REFUSED, "no memory");
		json_decref(answer);
	} while (after);
	return status;
}

static void say_would(struct ctl *c, uint64_t would)
{
	if (would)
		(void)spamdb_say(c, CTL_DONE, "%llu trapped, but nothing acts now: limetwig enforce soft",
			(unsigned long long)would);
}

/* Who may not see traps gets the rest, and exit status 1. */
static int list_all(struct ctl *c)
{
	static const char *const kinds[] = { "white", "trapped", "spamtrap" };
	uint64_t would = 0;
	int status = CTL_DONE;

	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0] && status == CTL_DONE; i++)
		status = list_kind(c, kinds[i], &would);
	say_would(c, would);
	return status ? CTL_REFUSED : CTL_DONE;
}

/* A trap is known by its text in our form: lower case, without <>. Else the word itself. */
static const char *key_of(const char *word, char to[TRAP_EDIT_KEY])
{
	struct trap_line t;
	char why[200];
	bool any = false;

	if (!strchr(word, '@') || trap_file_line(slice_str(word), 1, &t, &any, why, sizeof why) != ERR_OK || !any)
		return word;
	return trap_edit_key(&t, to);
}

static int list_keys(struct spamdb_run *r)
{
	uint64_t would = 0;

	for (size_t i = 0; i < r->keys; i++) {
		json_t *q = ctl_request(r->c, "row_find"), *answer = NULL;
		char key[TRAP_EDIT_KEY];
		int status;

		ctl_request_text(q, "key", key_of(r->key[i], key));
		status = spamdb_ask(r->c, q, false, &answer);
		if (status == SPAMDB_GONE)
			return CTL_REFUSED;
		r->failed += status != CTL_DONE || print_rows(r->c, answer) == 0;
		would += status == CTL_DONE ? render_number(answer, "would") : 0;
		json_decref(answer);
	}
	say_would(r->c, would);
	return CTL_DONE;
}

static int change(struct spamdb_run *r)
{
	const struct spamdb_args *a = r->args;

	if (a->action == SPAMDB_ADD && a->type == SPAMDB_GREY)
		return spamdb_say(r->c, CTL_USAGE, "cannot add GREY entries");
	if (r->keys == 0)
		return spamdb_say(r->c, CTL_USAGE, "no addresses specified");
	if (ctl_is_conf_broken(r->c))
		return spamdb_say(r->c, CTL_REFUSED, "nothing is changed: mend the file first");
	if (a->action == SPAMDB_ADD && a->type == SPAMDB_TRAP)
		return spamdb_add_traps(r);
	if (a->action == SPAMDB_ADD)
		return a->type == SPAMDB_TRAPPED ? spamdb_add_trapped(r) : spamdb_add_white(r);
	if (a->type != SPAMDB_GREY)
		return spamdb_delete(r);
	r->failed = r->keys; /* here nothing is ever grey */
	return spamdb_say(r->c, CTL_DONE, "there are no GREY entries");
}

static enum err add_key(char ***key, size_t *n, size_t *size, char *text)
{
	void *p = *key;
	enum err e = array_grow(&p, *n, size, sizeof **key, TRAP_BATCH_MAX);

	if (e != ERR_OK)
		return e;
	*key = p;
	(*key)[(*n)++] = text;
	return ERR_OK;
}

/* The lines of standard input, blank ones are none, into *ret_key (NULL before, with no keys; free it). They live as long as text. */
static int take_input(struct ctl *c, struct buf *text, char ***ret_key, size_t *ret_count)
{
	struct slice rest, line;
	size_t size = 0;

	if (import_path_read(c, "-", text) != CTL_DONE || buf_add_char(text, '\n') != ERR_OK)
		return CTL_REFUSED;
	for (rest = buf_slice(text); slice_line(&rest, &line);) {
		char *p;

		line = slice_trim(line);
		if (line.n == 0)
			continue;
		if (slice_find(line, '\0') < line.n)
			return spamdb_say(c, CTL_REFUSED, "no text on standard input");
		p = text->p + (line.p - text->p);
		p[line.n] = '\0'; /* the line's end, or a blank before it */
		if (add_key(ret_key, ret_count, &size, p) != ERR_OK)
			return spamdb_say(c, CTL_REFUSED, "more keys than can be kept");
	}
	return CTL_DONE;
}

static int usage(struct ctl *c, const char *text)
{
	(void)fprintf(c->err, "usage: %s\n", text);
	return CTL_REFUSED; /* theirs is 1 */
}

int command_spamdb(struct ctl *c)
{
	struct spamdb_args args;
	struct spamdb_run r = { .c = c, .args = &args };
	struct buf text;
	char **line = NULL;
	bool has_input;
	int status = CTL_DONE;

	if (!spamdb_args_parse(c->argc, c->argv, &args))
		return usage(c, "spamdb [-adGTt] [keys ...]");
	r.key = c->argv + args.first;
	r.keys = (size_t)(c->argc - args.first);
	buf_init(&text, TRAP_EDIT_MAX);
	has_input = r.keys == 1 && strcmp(r.key[0], "-") == 0;
	if (has_input) {
		r.keys = 0;
		status = take_input(c, &text, &line, &r.keys);
		r.key = line;
	}
	if (status == CTL_DONE && (r.keys || !has_input)) /* no keys on standard input: nothing is asked for */
		status = args.action != SPAMDB_LIST ? change(&r) : r.keys ? list_keys(&r) : list_all(c);
	free(line);
	buf_done(&text);
	if (status != CTL_DONE)
		return status;
	return r.failed < SPAMDB_MANY ? (int)r.failed : SPAMDB_MANY;
}
