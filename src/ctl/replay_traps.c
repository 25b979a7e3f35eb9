/*
 * replay_traps: see the header.
 * SPDX-License-Identifier: ISC
 */
#include "ctl/replay_traps.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdlib.h>
#include <unistd.h>

#include "ctl/trap_edit.h"
#include "io/whole_file.h"

#define BAD_SHOWN 10

void replay_traps_done(struct replay_traps *t)
{
	trap_table_free(t->table);
	trap_patterns_free(t->patterns);
	allow_done(&t->allow);
	prefix_table_done(&t->own);
	subject_rules_done(&t->rules);
	*t = (struct replay_traps){ 0 };
}

/* ---- allow lists */

static enum err allow_text(struct replay_traps *t, struct slice text, enum allow_tier tier)
{
	enum err e = ERR_OK;
	struct slice line;

	while (e == ERR_OK && slice_line(&text, &line)) {
		struct allow_line l;
		bool any;

		if (allow_line_parse(line, &l, &any) != ERR_OK || !any)
			continue; /* the daemon and doctor name such lines */
		t->spf += l.form == ALLOW_SPF;
		if (l.form != ALLOW_SPF)
			e = allow_add_line(&t->allow, &l, tier, NULL, 0);
	}
	return e;
}

static enum err file_read(const char *path, struct buf *to)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	enum err e = fd >= 0 ? whole_file_read(fd, to) : ERR_IO;

	if (fd >= 0)
		(void)close(fd);
	return e;
}

/* Files that a person without root cannot read are left out: who is on them is not known then. */
static enum err allow_files(struct ctl *c, struct replay_traps *t, const struct conf_list *globs, enum allow_tier tier)
{
	enum err e = ERR_OK;

	for (uint32_t i = 0; i < globs->count && e == ERR_OK; i++) {
		glob_t g;

		if (glob(globs->item[i], 0, NULL, &g) != 0)
			continue;
		for (size_t k = 0; k < g.gl_pathc && e == ERR_OK; k++) {
			struct buf b;

			buf_init(&b, TRAP_EDIT_MAX);
			if (file_read(g.gl_pathv[k], &b) == ERR_OK)
				e = allow_text(t, buf_slice(&b), tier);
			else
				(void)fprintf(c->err, "limetwig: %s: %s; not used\n", g.gl_pathv[k], strerror(errno));
			buf_done(&b);
		}
		globfree(&g);
	}
	return e;
}

static enum err own_add(struct prefix_table *t, const struct conf_list *l)
{
	enum err e = ERR_OK;

	for (uint32_t i = 0; i < l->count && e == ERR_OK; i++) {
		struct prefix p;

		if (prefix_parse(slice_str(l->item[i]), &p) == ERR_OK)
			e = prefix_table_add(t, &p, 1);
	}
	return e;
}

static enum err networks_load(struct ctl *c, struct replay_traps *t)
{
	const char *bad = NULL;
	enum err e = allow_add_own(&t->allow, &c->conf, &bad);

	if (e == ERR_SYNTAX) /* said when the configuration was read */
		e = ERR_OK;
	if (e == ERR_OK)
		e = allow_files(c, t, &c->conf.allow.files, ALLOW_TIER_NEVER);
	if (e == ERR_OK)
		e = allow_files(c, t, &c->conf.allow.shared, ALLOW_TIER_SHARED);
	if (e == ERR_OK)
		e = allow_seal(&t->allow);
	if (e == ERR_OK)
		e = own_add(&t->own, &c->conf.postfix.own_hosts);
	if (e == ERR_OK)
		e = own_add(&t->own, &c->conf.own_networks);
	if (e == ERR_OK)
		e = prefix_table_seal(&t->own);
	return e == ERR_OK ? subject_rules_make(&t->rules, &c->conf) : e;
}

int replay_traps_init(struct ctl *c, const uint8_t key[SIPHASH_KEY], struct replay_traps *ret)
{
	struct replay_traps *t = ret;

	*t = (struct replay_traps){ 0 };
	allow_init(&t->allow);
	prefix_table_init(&t->own);
	subject_rules_init(&t->rules);
	t->table = trap_table_new(key, c->conf.postfix.extension);
	t->patterns = trap_patterns_new();
	if (t->table && t->patterns && networks_load(c, t) == ERR_OK)
		return CTL_DONE;
	replay_traps_done(t);
	return ctl_refuse(c, "no memory");
}

/* ---- traps */

enum err replay_traps_line(struct replay_traps *t, struct slice line, unsigned number, char *text, size_t size)
{
	struct trap_line l;
	struct trap *trap;
	bool any = false;
	enum err e = trap_file_line(line, number, &l, &any, text, size);

	if (e != ERR_OK || !any)
		return e;
	if (l.state == TRAP_SUSPENDED || l.state == TRAP_RETIRED) {
		t->asleep++;
		return ERR_OK;
	}
	e = trap_table_add(t->table, &l, &trap);
	if (e == ERR_EXISTS)
		return ERR_OK;
	if (e != ERR_OK) {
		(void)snprintf(text, size, "%s", err_name(e));
		return e;
	}
	trap->id = (uint32_t)trap_table_count(t->table);
	trap->state = TRAP_ARMED;
	if (l.kind != TRAP_PATTERN)
		return ERR_OK;
	e = trap_patterns_add(t->patterns, l.pattern, trap->id, text, size);
	t->patterns_used += e == ERR_OK;
	return e;
}

static int lines_take(struct ctl *c, struct replay_traps *t, struct slice text, const char *path)
{
	char why[200];
	struct slice line;
	unsigned number = 0;

	while (slice_line(&text, &line)) {
		enum err e = replay_traps_line(t, line, ++number, why, sizeof why);

		if (e == ERR_NOMEM || e == ERR_FULL)
			return ctl_refuse(c, "%s:%u: %s", path, number, why);
		if (e != ERR_OK && t->bad++ < BAD_SHOWN)
			(void)fprintf(c->err, "%s:%u: %s\n", path, number, why);
	}
	return CTL_DONE;
}

static int file_take(struct ctl *c, struct replay_traps *t, const char *path)
{
	struct buf b;
	int status;

	buf_init(&b, TRAP_EDIT_MAX);
	errno = 0;
	if (file_read(path, &b) != ERR_OK)
		status = ctl_refuse(c, "%s: %s", path, errno ? strerror(errno) : "is too large");
	else
		status = lines_take(c, t, buf_slice(&b), path);
	buf_done(&b);
	return status;
}

static int words_take(struct ctl *c, struct replay_traps *t, struct slice words)
{
	char why[200];

	for (unsigned n = 1; words.n; n++) {
		size_t i = slice_find(words, ',');
		struct slice word = slice_trim(slice_head(words, i));

		words = slice_from(words, i + 1);
		if (replay_traps_line(t, word, n, why, sizeof why) != ERR_OK)
			return ctl_usage(c, "--traps: %.*s: %s", SLICE_ARG(word), why);
	}
	return CTL_DONE;
}

int replay_traps_given(struct ctl *c, struct replay_traps *t, const char *what)
{
	FILE *f = fopen(what, "re");
	bool is_file = f || !strchr(what, '@');

	if (f)
		(void)fclose(f);
	(void)snprintf(t->from, sizeof t->from, "%s", is_file ? what : "--traps");
	return is_file ? file_take(c, t, what) : words_take(c, t, slice_str(what));
}

int replay_traps_installed(struct ctl *c, struct replay_traps *t, bool *ret_any)
{
	char **path = NULL;
	size_t count = 0;
	int status = CTL_DONE;

	if (trap_edit_files(&c->conf, &path, &count) != ERR_OK)
		return ctl_refuse(c, "the trap files cannot be listed");
	for (size_t i = 0; i < count && status == CTL_DONE; i++)
		status = file_take(c, t, path[i]);
	trap_edit_files_free(path, count);
	(void)snprintf(t->from, sizeof t->from, "%s", "the trap files of this server");
	*ret_any = trap_table_count(t->table) > 0;
	return status;
}

const struct trap *replay_traps_pattern(const struct replay_traps *t, const struct address *a)
{
	uint32_t id;

	if (t->patterns_used == 0 || !trap_patterns_find(t->patterns, a, &id))
		return NULL;
	return trap_table_at(t->table, id - 1);
}
