/*
 * trap_batch: new traps.
 * SPDX-License-Identifier: ISC
 */
#include "ctl/trap_batch.h"

#include <stdio.h>
#include <sys/random.h>

#include "base/array.h"
#include "io/trap_pattern.h"

bool trap_batch_init(struct trap_batch *b)
{
	uint8_t key[SIPHASH_KEY];

	memset(b, 0, sizeof *b);
	buf_init(&b->lines, TRAP_EDIT_MAX);
	buf_init(&b->keys, TRAP_EDIT_MAX);
	if (getrandom(key, sizeof key, 0) != (ssize_t)sizeof key)
		return false;
	keymap_init(&b->seen, key, sizeof(size_t), 4 * TRAP_BATCH_MAX);
	return true;
}

void trap_batch_done(struct trap_batch *b)
{
	for (size_t i = 0; i < b->count; i++)
		free(b->item[i].reason);
	free(b->item);
	keymap_done(&b->seen);
	buf_done(&b->lines);
	buf_done(&b->keys);
}

static struct trap_batch_item *new_item(struct trap_batch *b)
{
	void *p = b->item;

	if (array_grow(&p, b->count, &b->size, sizeof *b->item, TRAP_BATCH_MAX) != ERR_OK)
		return NULL;
	b->item = p;
	memset(&b->item[b->count], 0, sizeof *b->item);
	return &b->item[b->count++];
}

static void refuse(struct trap_batch_item *i, enum trap_batch_fate fate, const char *reason)
{
	i->fate = fate;
	free(i->reason);
	i->reason = strdup(reason);
}

void trap_batch_refuse(struct trap_batch_item *i, const char *reason)
{
	refuse(i, TRAP_BATCH_REFUSED, reason);
}

enum err trap_batch_add_refused(struct trap_batch *b, unsigned number, const char *reason)
{
	struct trap_batch_item *i = new_item(b);

	if (!i)
		return ERR_LIMIT;
	i->number = number;
	refuse(i, TRAP_BATCH_REFUSED, reason);
	return ERR_OK;
}

/* A parsed trap with what was wished, as a line and as a key. */
static enum err store_line(
	struct trap_batch *b, struct trap_batch_item *i, struct trap_line *t, const struct trap_batch_wish *w)
{
	char key[TRAP_EDIT_KEY];
	enum err e;

	if (w->tag)
		slice_copy(slice_str(w->tag), t->tag, sizeof t->tag);
	if (w->weight > 0)
		t->weight = w->weight;
	if (w->is_armed)
		t->state = TRAP_ARMED;
	i->line_at = b->lines.n;
	i->key_at = b->keys.n;
	e = trap_file_print(t, &b->lines);
	if (e == ERR_OK)
		e = buf_add_char(&b->lines, '\n');
	if (e == ERR_OK)
		e = buf_add(&b->keys, (struct slice){ trap_edit_key(t, key), strlen(key) + 1 });
	i->line_n = b->lines.n - i->line_at;
	return e;
}

/* The file's reader takes any text between the slashes: the engine would find out, later. */
static bool is_pattern_good(struct slice pattern, char why[TRAP_BATCH_REASON])
{
	struct trap_patterns *p = trap_patterns_new();
	enum err e = p ? trap_patterns_add(p, pattern, 1, why, TRAP_BATCH_REASON) : ERR_NOMEM;

	if (e == ERR_NOMEM)
		(void)snprintf(why, TRAP_BATCH_REASON, "no memory");
	trap_patterns_free(p);
	return e == ERR_OK;
}

enum err trap_batch_add(struct trap_batch *b, struct slice line, unsigned number, const struct trap_batch_wish *w)
{
	char why[TRAP_BATCH_REASON];
	struct trap_batch_item *i;
	struct trap_line t;
	bool any = false, is_new;
	void *value;
	enum err e = trap_file_line(line, number, &t, &any, why, sizeof why);

	if (e == ERR_OK && !any)
		return ERR_OK;
	i = new_item(b);
	if (!i)
		return ERR_LIMIT;
	i->number = number;
	if (e != ERR_OK) {
		refuse(i, TRAP_BATCH_REFUSED, why);
		return ERR_OK;
	}
	if (t.kind == TRAP_EXACT && address_is_role(&t.address)) {
		refuse(i, TRAP_BATCH_REFUSED, "a role address (postmaster, abuse ...) is never a trap");
		return ERR_OK;
	}
	if (t.kind == TRAP_PATTERN && !is_pattern_good(t.pattern, why)) {
		refuse(i, TRAP_BATCH_REFUSED, why);
		return ERR_OK;
	}
	e = store_line(b, i, &t, w);
	if (e == ERR_OK)
		e = keymap_put(&b->seen, slice_str(b->keys.p + i->key_at), &value, &is_new);
	if (e != ERR_OK)
		return e;
	if (is_new)
		*(size_t *)value = b->count;
	else
		refuse(i, TRAP_BATCH_THERE, "twice in this list");
	return ERR_OK;
}

enum err trap_batch_compare(struct trap_batch *b, const struct conf *c, char text[TRAP_EDIT_TEXT])
{
	struct keymap known;
	char **path = NULL;
	size_t count = 0;
	enum err e = trap_edit_files(c, &path, &count);

	if (e != ERR_OK) {
		(void)snprintf(text, TRAP_EDIT_TEXT, "the trap files cannot be listed: %s", err_name(e));
		return e;
	}
	keymap_init(&known, b->seen.key, 0, 4 * TRAP_BATCH_MAX);
	e = trap_edit_know(path, count, &known, text);
	for (size_t i = 0; i < b->count && e == ERR_OK; i++)
		if (b->item[i].fate == TRAP_BATCH_NEW && keymap_get(&known, slice_str(b->keys.p + b->item[i].key_at)))
			refuse(&b->item[i], TRAP_BATCH_THERE, "is a trap already");
	keymap_done(&known);
	trap_edit_files_free(path, count);
	return e;
}

/* Its domain comes with this batch, as a trap: then it is this server's. */
static bool has_its_domain(const struct trap_batch *b, const char *trap)
{
	const char *at = strrchr(trap, '@');
	const size_t *i = at ? keymap_get(&b->seen, slice_str(at)) : NULL;

	return i && *i > 0 && *i <= b->count && b->item[*i - 1].fate != TRAP_BATCH_REFUSED;
}

static void take_refusals(struct trap_batch *b, const json_t *answer)
{
	const json_t *list = json_object_get(answer, "refused"), *r;
	size_t i;

	json_array_foreach(list, i, r)
	{
		const char *trap = json_string_value(json_object_get(r, "trap"));
		const char *reason = json_string_value(json_object_get(r, "reason"));
		const size_t *at = trap ? keymap_get(&b->seen, slice_str(trap)) : NULL;
		bool is_foreign = json_is_true(json_object_get(r, "foreign"));

		if (!at || *at == 0 || *at > b->count || (is_foreign && has_its_domain(b, trap)))
			continue;
		refuse(&b->item[*at - 1], TRAP_BATCH_REFUSED, reason ? reason : "refused");
		b->foreign += is_foreign;
	}
}

static void take_answer(struct trap_batch *b, const json_t *answer)
{
	const char *unknown = json_string_value(json_object_get(answer, "unknown"));

	take_refusals(b, answer);
	if (json_is_false(json_object_get(answer, "live_checked"))) {
		b->is_unchecked = true;
		(void)snprintf(b->unchecked_text, sizeof b->unchecked_text,
			"Postfix could not be asked for live addresses now; limetwigd asks before it arms them");
	} else if (unknown && *unknown) {
		b->is_unchecked = true;
		(void)snprintf(b->unchecked_text, sizeof b->unchecked_text,
			"%.300s; traps at domains that are not this server's are not refused", unknown);
	}
}

/* Ask for items from *at on; *at is moved behind them. */
static json_t *make_question(const struct trap_batch *b, const struct ctl *c, size_t *at)
{
	json_t *traps = json_array(), *q = ctl_request(c, "trap_check");

	for (; *at < b->count && json_array_size(traps) < TRAP_BATCH_ASK; ++*at)
		if (b->item[*at].fate == TRAP_BATCH_NEW)
			(void)json_array_append_new(traps, json_string(b->keys.p + b->item[*at].key_at));
	(void)json_object_set_new(q, "traps", traps);
	return q;
}

enum err trap_batch_check(struct trap_batch *b, struct ctl *c, char text[CONTROL_TEXT])
{
	enum err e = ERR_OK;

	for (size_t at = 0; at < b->count && e == ERR_OK;) {
		json_t *answer = NULL;

		e = ctl_try_good(c, make_question(b, c, &at), &answer, text);
		if (e == ERR_CLOSED) {
			b->is_unchecked = true;
			memcpy(b->unchecked_text, text, CONTROL_TEXT);
			return ERR_OK;
		}
		if (e == ERR_OK)
			take_answer(b, answer);
		json_decref(answer);
	}
	return e;
}

enum err trap_batch_print(const struct trap_batch *b, struct buf *to)
{
	enum err e = ERR_OK;

	for (size_t i = 0; i < b->count && e == ERR_OK; i++)
		if (b->item[i].fate == TRAP_BATCH_NEW)
			e = buf_add(to, slice_of(b->lines.p + b->item[i].line_at, b->item[i].line_n));
	return e;
}

size_t trap_batch_count(const struct trap_batch *b, enum trap_batch_fate fate)
{
	size_t n = 0;

	for (size_t i = 0; i < b->count; i++)
		n += b->item[i].fate == fate;
	return n;
}
