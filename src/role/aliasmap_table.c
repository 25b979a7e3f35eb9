/*
 * aliasmap_table: from the set that is to the set that shall be. A few changes
 * of an lmdb table go in one by one, many by one build; other types are always
 * built aside, at most once a second (their readers start anew each time).
 *
 * Order: an added domain gets its alias before Postfix takes mail for it; a
 * removed one is given up before its alias goes.
 * SPDX-License-Identifier: ISC
 */
#include "core/main_cf.h"
#include "core/map_set.h"
#include "io/log.h"
#include "role/aliasmap.h"

#include <poll.h>
#include <stdio.h>
#include <sys/stat.h>

#define CHANGES_ONE_BY_ONE 50 /* each costs a transaction, above that a build is cheaper */
#define BUILD_EVERY_MS 1000

static bool stamp_of(const char *map, struct aliasmap_stamp *ret)
{
	char file[POSTMAP_PATH];
	struct stat st;

	if (!postmap_file(map, file) || stat(file, &st) != 0)
		return false;
	*ret = (struct aliasmap_stamp){ st.st_ino, st.st_size, st.st_mtim };
	return true;
}

static bool is_same_stamp(const struct aliasmap_stamp *a, const struct aliasmap_stamp *b)
{
	return a->inode == b->inode && a->size == b->size && a->mtime.tv_sec == b->mtime.tv_sec &&
	       a->mtime.tv_nsec == b->mtime.tv_nsec;
}

static enum err build(const char *dir, const char *map, struct aliasmap_table *t, struct slice set, char *text)
{
	bool is_lmdb = strncmp(map, "lmdb:", 5) == 0;
	uint64_t since = clock_mono_ms() - t->built_ms;

	if (!is_lmdb && t->built_ms && since < BUILD_EVERY_MS)
		(void)poll(NULL, 0, (int)(BUILD_EVERY_MS - since));
	t->built_ms = clock_mono_ms();
	return postmap_build(dir, map, set, text, ALIASMAP_TEXT);
}

/* What the file holds now; what we put there when nobody touched it since. */
static enum err present(const char *dir, const char *map, const struct aliasmap_table *t, struct buf *to, char *text)
{
	struct aliasmap_stamp now;

	buf_reset(to);
	if (t->is_known && stamp_of(map, &now) && is_same_stamp(&now, &t->stamp))
		return buf_add(to, buf_slice(&t->set));
	return postmap_dump(dir, map, to, text, ALIASMAP_TEXT);
}

/* Make the file hold exactly set. */
static enum err write_set(const char *dir, const char *map, struct aliasmap_table *t, struct slice set, char *text)
{
	struct buf now, changes;
	size_t n = 0;
	enum err e;

	buf_init(&now, POSTMAP_MAX);
	buf_init(&changes, POSTMAP_MAX);
	e = present(dir, map, t, &now, text);
	text[0] = '\0';
	if (e != ERR_OK) {
		e = build(dir, map, t, set, text); /* missing or damaged */
	} else {
		e = map_set_diff(buf_slice(&now), set, &changes, &n);
		if (e == ERR_OK && n > 0 && n <= CHANGES_ONE_BY_ONE && strncmp(map, "lmdb:", 5) == 0)
			e = postmap_change(dir, map, buf_slice(&changes), text, ALIASMAP_TEXT);
		else if (e == ERR_OK && n > 0)
			e = build(dir, map, t, set, text);
	}
	if (e == ERR_OK && !stamp_of(map, &t->stamp))
		e = ERR_IO;
	buf_done(&now);
	buf_done(&changes);
	return e;
}

/* New set of a table from sorted changes. */
static enum err next_set(const struct aliasmap_table *t, bool is_full, struct buf *changes, struct buf *to)
{
	struct buf sorted;
	enum err e;

	buf_init(&sorted, POSTMAP_MAX);
	e = map_set_sort(buf_slice(changes), &sorted);
	if (e == ERR_OK)
		e = map_set_merge(is_full ? (struct slice){ "", 0 } : buf_slice(&t->set), buf_slice(&sorted), to);
	buf_done(&sorted);
	return e;
}

/* A table is taken over from the last run when the first thing said is a change. */
static enum err know(const char *dir, const char *map, struct aliasmap_table *t, char *text)
{
	enum err e = t->is_known ? ERR_OK : postmap_dump(dir, map, &t->set, text, ALIASMAP_TEXT);

	if (e == ERR_OK && !t->is_known)
		t->is_known = stamp_of(map, &t->stamp);
	return e;
}

static enum err put(const char *dir, const char *map, struct aliasmap_table *t, struct buf *set, char *text)
{
	enum err e = write_set(dir, map, t, buf_slice(set), text);

	if (e == ERR_OK) {
		struct buf old = t->set;

		t->set = *set;
		*set = old;
		t->is_known = true;
	} else {
		t->is_known = false;
	}
	return e;
}

/* The domains that stay: those in both sets. */
static enum err put_both(struct aliasmap *a, struct buf *alias, struct buf *domains, char *text)
{
	const struct conf *c = &a->host->conf;
	struct buf gone, fewer;
	size_t n = 0;
	enum err e;

	buf_init(&gone, POSTMAP_MAX);
	buf_init(&fewer, POSTMAP_MAX);
	/* changes from new to old that add are the removed ones: without these first, then the aliases, then all */
	e = map_set_diff(buf_slice(domains), buf_slice(&a->domains.set), &gone, &n);
	if (e == ERR_OK && n > 0) {
		struct slice rest = buf_slice(&gone), line;
		struct buf removals;

		buf_init(&removals, POSTMAP_MAX);
		while (e == ERR_OK && slice_line(&rest, &line)) {
			size_t tab = slice_find(line, '\t');

			if (tab < line.n)
				e = buf_printf(&removals, "%.*s\n", SLICE_ARG(slice_head(line, tab)));
		}
		if (e == ERR_OK && removals.n) {
			e = map_set_merge(buf_slice(&a->domains.set), buf_slice(&removals), &fewer);
			if (e == ERR_OK)
				e = put(c->postfix.dir, c->postfix.domains, &a->domains, &fewer, text);
		}
		buf_done(&removals);
	}
	if (e == ERR_OK)
		e = put(c->postfix.dir, c->postfix.map, &a->alias, alias, text);
	if (e == ERR_OK)
		e = put(c->postfix.dir, c->postfix.domains, &a->domains, domains, text);
	buf_done(&gone);
	buf_done(&fewer);
	return e;
}

enum err aliasmap_apply(struct aliasmap *a, struct slice lines, bool is_full, char text[ALIASMAP_TEXT])
{
	const struct conf *c = &a->host->conf;
	struct aliasmap_changes changes = { .refused = 0 };
	struct buf alias, domains;
	enum err e;

	text[0] = '\0';
	buf_init(&changes.alias, POSTMAP_MAX);
	buf_init(&changes.domains, POSTMAP_MAX);
	buf_init(&alias, POSTMAP_MAX);
	buf_init(&domains, POSTMAP_MAX);
	e = aliasmap_read_lines(lines, is_full, &changes);
	if (e == ERR_OK && !is_full)
		e = know(c->postfix.dir, c->postfix.map, &a->alias, text);
	if (e == ERR_OK && !is_full)
		e = know(c->postfix.dir, c->postfix.domains, &a->domains, text);
	if (e == ERR_OK)
		e = next_set(&a->alias, is_full, &changes.alias, &alias);
	if (e == ERR_OK)
		e = next_set(&a->domains, is_full, &changes.domains, &domains);
	if (e == ERR_OK)
		e = put_both(a, &alias, &domains, text);
	if (e == ERR_OK && changes.refused)
		(void)snprintf(text, ALIASMAP_TEXT,
			"%u traps cannot stand in a map (role addresses, quoted local parts)", changes.refused);
	else if (e != ERR_OK && !text[0])
		(void)snprintf(text, ALIASMAP_TEXT, "the map could not be written: %s", err_name(e));
	buf_done(&changes.alias);
	buf_done(&changes.domains);
	buf_done(&alias);
	buf_done(&domains);
	return e;
}

/* After `setup postfix --revert` nobody reads the table any more: it stays away. */
static bool is_named_in_main_cf(const char *dir, const char *map)
{
	const char *slash = strrchr(map, '/'), *name = slash ? slash + 1 : map;
	char path[CONF_TEXT + 16];
	struct buf text;
	FILE *f;
	bool is_named = true;
	char chunk[4096];
	size_t n;

	(void)snprintf(path, sizeof path, "%s/main.cf", dir);
	f = fopen(path, "re");
	if (!f)
		return true;
	buf_init(&text, MAIN_CF_MAX);
	while ((n = fread(chunk, 1, sizeof chunk, f)) > 0 && buf_add(&text, slice_of(chunk, n)) == ERR_OK)
		;
	if (!ferror(f) && feof(f))
		is_named = text.n && memmem(text.p, text.n, name, strlen(name));
	(void)fclose(f);
	buf_done(&text);
	return is_named;
}

static void watch_table(const char *dir, const char *map, struct aliasmap_table *t)
{
	struct aliasmap_stamp now;
	bool is_there = stamp_of(map, &now);
	char text[ALIASMAP_TEXT] = "";
	struct buf set;
	enum err e;

	if (is_there && (!t->is_known || is_same_stamp(&now, &t->stamp)))
		return;
	if (!is_there && !is_named_in_main_cf(dir, map))
		return;
	/* a table that is missing makes Postfix answer 451 to everybody: an empty one is better */
	buf_init(&set, POSTMAP_MAX);
	e = buf_add(&set, buf_slice(&t->set));
	if (e == ERR_OK)
		e = write_set(dir, map, t, buf_slice(&set), text);
	buf_done(&set);
	if (e == ERR_OK)
		log_warn("map_mended", "map=%s was=%s", map, is_there ? "changed" : "missing");
	else
		log_warn("map_broken", "map=%s text=\"%s\"", map, text);
}

void aliasmap_watch_tables(struct aliasmap *a)
{
	const struct conf *c = &a->host->conf;

	watch_table(c->postfix.dir, c->postfix.map, &a->alias);
	watch_table(c->postfix.dir, c->postfix.domains, &a->domains);
}
