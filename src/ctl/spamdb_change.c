/*
 * spamdb_change: -a and -d of spamdb: what is typed as theirs becomes an entry
 * of the allow list, a block, a line of a trap file.
 * SPDX-License-Identifier: ISC
 */
#include "base/ipaddr.h"
#include "ctl/spamdb.h"
#include "ctl/trap_batch.h"

#include <stdlib.h>
#include <sys/random.h>

#define WHITE_S (36ull * 86400) /* spamdb's, which no option of spamd changes */
#define TRAPPED_S 86400

static bool is_prefix(const char *text)
{
	struct prefix p;

	return prefix_parse(slice_str(text), &p) == ERR_OK;
}

/* Ask, and count what is refused. False: nobody answers. */
static bool ask_one(struct spamdb_run *r, json_t *q)
{
	json_t *answer = NULL;
	int status = spamdb_ask(r->c, q, false, &answer);

	json_decref(answer);
	r->failed += status == CTL_REFUSED;
	return status != SPAMDB_GONE;
}

/* For each key that is an address or a network. */
static int for_addresses(struct spamdb_run *r, bool (*one)(struct spamdb_run *r, const char *key))
{
	for (size_t i = 0; i < r->keys; i++) {
		if (!is_prefix(r->key[i])) {
			(void)spamdb_say(r->c, CTL_REFUSED, "invalid ip address %s", r->key[i]);
			r->failed++;
		} else if (!one(r, r->key[i])) {
			return CTL_REFUSED;
		}
	}
	return CTL_DONE;
}

/* ---- addresses */

/* An entry without an end, or a later one, stays. False: nobody answers. */
static bool is_white_longer(struct spamdb_run *r, const char *key, bool *ret)
{
	json_t *q = ctl_request(r->c, "row_find"), *answer = NULL;
	const json_t *rows, *row;
	size_t i;
	int status;

	ctl_request_text(q, "key", key);
	status = spamdb_ask(r->c, q, true, &answer);
	rows = json_object_get(answer, "rows");
	*ret = false;
	json_array_foreach(rows, i, row)
	{
		const char *kind = json_string_value(json_array_get(row, 0));
		json_int_t until = json_integer_value(json_array_get(row, 3));

		if (kind && strcmp(kind, "WHITE") == 0)
			*ret = until == 0 || (uint64_t)until > r->c->render.now + WHITE_S;
	}
	json_decref(answer);
	return status != SPAMDB_GONE;
}

static bool add_one_white(struct spamdb_run *r, const char *key)
{
	bool is_longer;
	json_t *q;

	if (!is_white_longer(r, key, &is_longer))
		return false;
	if (is_longer)
		return true;
	q = ctl_request(r->c, "allow_add");
	ctl_request_text(q, "prefix", key);
	(void)json_object_set_new(q, "seconds", json_integer((json_int_t)WHITE_S));
	return ask_one(r, q);
}

int spamdb_add_white(struct spamdb_run *r)
{
	return for_addresses(r, add_one_white);
}

static bool add_one_trapped(struct spamdb_run *r, const char *key)
{
	json_t *q = ctl_request(r->c, "block_add");

	ctl_request_text(q, "subject", key);
	(void)json_object_set_new(q, "seconds", json_integer(TRAPPED_S));
	return ask_one(r, q);
}

int spamdb_add_trapped(struct spamdb_run *r)
{
	return for_addresses(r, add_one_trapped);
}

/* Whatever there is of it: block and allow entry. False: nobody answers. */
static bool delete_address(struct spamdb_run *r, const char *key)
{
	static const char *const ways[][2] = { { "block_remove", "what" }, { "allow_remove", "prefix" } };
	unsigned done = 0;

	for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
		json_t *q = ctl_request(r->c, ways[i][0]), *answer = NULL;
		int status;

		ctl_request_text(q, ways[i][1], key);
		status = spamdb_ask(r->c, q, true, &answer);
		json_decref(answer);
		if (status == SPAMDB_GONE)
			return false;
		done += status == CTL_DONE;
	}
	if (done == 0) {
		(void)spamdb_say(r->c, CTL_REFUSED, "no entry of ours for %s", key);
		r->failed++;
	}
	return true;
}

/* ---- traps */

/* Written, or gone from the files: the daemon reads them again; without it at its start. */
static int reload(struct spamdb_run *r)
{
	char text[CONTROL_TEXT];
	json_t *answer = NULL;
	enum err e = ctl_try_good(r->c, ctl_request(r->c, "trap_reload"), &answer, text);

	json_decref(answer);
	return e == ERR_OK || e == ERR_CLOSED ? CTL_DONE
					      : spamdb_say(r->c, CTL_REFUSED, "written, but not in force: %s", text);
}

/* One word, an address or @domain. */
static enum err batch_key(struct trap_batch *b, const char *key, unsigned number)
{
	static const struct trap_batch_wish none = { 0 };

	if (strpbrk(key, " \t#") || key[0] == '/')
		return trap_batch_add_refused(b, number, "is no address (trap add takes more)");
	return trap_batch_add(b, slice_str(key), number, &none);
}

static void show_refusals(struct spamdb_run *r, const struct trap_batch *b)
{
	for (size_t i = 0; i < b->count; i++) {
		const struct trap_batch_item *it = &b->item[i];

		if (it->fate != TRAP_BATCH_REFUSED)
			continue;
		r->failed++;
		(void)spamdb_say(
			r->c, CTL_REFUSED, "%s: %s", r->key[it->number - 1], it->reason ? it->reason : "refused");
	}
}

static int write_traps(struct spamdb_run *r, struct trap_batch *b)
{
	char path[TRAP_EDIT_PATH], text[TRAP_EDIT_TEXT];
	struct buf lines;
	int status = CTL_DONE;

	if (trap_batch_compare(b, &r->c->conf, text) != ERR_OK || trap_batch_check(b, r->c, text) != ERR_OK)
		return spamdb_say(r->c, CTL_REFUSED, "%s; no change", text);
	show_refusals(r, b);
	buf_init(&lines, TRAP_EDIT_MAX);
	if (trap_batch_print(b, &lines) != ERR_OK)
		status = spamdb_say(r->c, CTL_REFUSED, "no memory; no change");
	else if (lines.n && trap_edit_append(trap_edit_added(&r->c->conf, path), buf_slice(&lines), text) != ERR_OK)
		status = spamdb_say(r->c, CTL_REFUSED, "%s; no change", text);
	else if (lines.n && !trap_edit_is_read(&r->c->conf.traps.files, path))
		status = spamdb_say(
			r->c, CTL_REFUSED, "%s is none of the trap files that limetwigd reads: no traps yet", path);
	else if (lines.n)
		status = reload(r);
	buf_done(&lines);
	return status;
}

int spamdb_add_traps(struct spamdb_run *r)
{
	struct trap_batch b;
	enum err e = ERR_OK;
	int status;

	for (size_t i = 0; i < r->keys; i++)
		if (!strchr(r->key[i], '@')) /* theirs is exit(-1), at once */
			return spamdb_say(r->c, SPAMDB_MANY, "not an email address: %s", r->key[i]);
	if (!trap_batch_init(&b))
		return spamdb_say(r->c, CTL_REFUSED, "no memory");
	for (size_t i = 0; i < r->keys && e == ERR_OK; i++)
		e = batch_key(&b, r->key[i], (unsigned)i + 1);
	status = e == ERR_OK
			 ? write_traps(r, &b)
			 : spamdb_say(r->c, CTL_REFUSED, "%s; no change", e == ERR_LIMIT ? "too many" : err_name(e));
	trap_batch_done(&b);
	return status;
}

/* Which traps go: by key, true once one was found. */
static bool is_named(const struct trap_line *t, void *ctx)
{
	char key[TRAP_EDIT_KEY];
	bool *is_found = keymap_get(ctx, slice_str(trap_edit_key(t, key)));

	if (is_found)
		*is_found = true;
	return is_found != NULL;
}

/* Our form of a trap; false: it is none. */
static bool trap_key(const char *word, char to[TRAP_EDIT_KEY])
{
	struct trap_line t;
	char why[200];
	bool any = false;

	if (trap_file_line(slice_str(word), 1, &t, &any, why, sizeof why) != ERR_OK || !any)
		return false;
	(void)trap_edit_key(&t, to);
	return true;
}

static int drop_lines(struct spamdb_run *r, struct keymap *named, size_t *changed)
{
	char text[TRAP_EDIT_TEXT];
	char **path = NULL;
	size_t count = 0;
	int status = CTL_DONE;

	if (trap_edit_files(&r->c->conf, &path, &count) != ERR_OK)
		return spamdb_say(r->c, CTL_REFUSED, "the trap files cannot be listed");
	for (size_t i = 0; i < count && status == CTL_DONE; i++) {
		size_t n = 0;

		if (trap_edit_change(path[i], is_named, named, true, TRAP_AUTO, &n, text) != ERR_OK)
			status = spamdb_say(r->c, CTL_REFUSED, "%s", text);
		*changed += n;
	}
	trap_edit_files_free(path, count);
	return status;
}

static void count_missing(struct spamdb_run *r, const struct keymap *named)
{
	for (size_t i = 0; i < r->keys; i++) {
		char key[TRAP_EDIT_KEY];
		const bool *is_found =
			strchr(r->key[i], '@') && trap_key(r->key[i], key) ? keymap_get(named, slice_str(key)) : NULL;

		if (is_prefix(r->key[i]) || (is_found && *is_found))
			continue;
		(void)spamdb_say(r->c, CTL_REFUSED, "no entry of ours for %s", r->key[i]);
		r->failed++;
	}
}

/* All traps among the keys, each file once. */
static int delete_traps(struct spamdb_run *r)
{
	uint8_t secret[SIPHASH_KEY];
	struct keymap named;
	size_t changed = 0;
	void *value;
	int status = CTL_DONE;

	if (getrandom(secret, sizeof secret, 0) != (ssize_t)sizeof secret)
		return spamdb_say(r->c, CTL_REFUSED, "no randomness");
	keymap_init(&named, secret, sizeof(bool), TRAP_BATCH_MAX);
	for (size_t i = 0; i < r->keys && status == CTL_DONE; i++) {
		char key[TRAP_EDIT_KEY];

		if (strchr(r->key[i], '@') && trap_key(r->key[i], key) &&
			keymap_put(&named, slice_str(key), &value, NULL) != ERR_OK)
			status = spamdb_say(r->c, CTL_REFUSED, "too many; no change");
	}
	if (status == CTL_DONE && named.count)
		status = drop_lines(r, &named, &changed);
	if (status == CTL_DONE)
		count_missing(r, &named);
	keymap_done(&named);
	return status == CTL_DONE && changed ? reload(r) : status;
}

int spamdb_delete(struct spamdb_run *r)
{
	for (size_t i = 0; i < r->keys; i++)
		if (is_prefix(r->key[i]) && !delete_address(r, r->key[i]))
			return CTL_REFUSED;
	return delete_traps(r);
}
