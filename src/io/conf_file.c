/*
 * conf_file: libconfuse gives tokens and lines; the table of keys gives meaning.
 * SPDX-License-Identifier: ISC
 */
#include "io/conf_file.h"

#include "base/escape.h"
#include "base/siphash.h"
#include "core/conf_value.h"
#include "io/conf_scan.h"
#include "io/whole_file.h"

#include <assert.h>
#include <confuse.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define KEYS_MAX 256 /* lines of the table */
#define SECTIONS_MAX 24
#define SHOWN 64 /* of a foreign name in a message */

/* What one file may hold. */
enum scope { SCOPE_PEOPLE, SCOPE_POSTFIX, SCOPE_ROLE };

struct parse {
	const char *name;
	enum scope scope;
	struct conf *c;
	char *text;
	size_t size;
	enum err err;
	const cfg_t *titled;      /* the section with a name that is being read */
	uint32_t title;           /* its number */
	unsigned count[KEYS_MAX]; /* values seen */
	int line[KEYS_MAX];
};

/* How many sections with a name there are, of the one that each key is in. */
struct titles {
	uint32_t count[KEYS_MAX];
};

/* libconfuse hands no context to its callbacks. */
static struct parse *now;

__attribute__((format(printf, 4, 5))) static int fail(struct parse *p, enum err e, int line, const char *fmt, ...)
{
	va_list ap;
	int n;

	if (p->err != ERR_OK) /* the first one tells */
		return -1;
	p->err = e;
	n = line > 0 ? snprintf(p->text, p->size, "%s:%d: ", p->name, line)
		     : snprintf(p->text, p->size, "%s: ", p->name);
	if (n < 0 || (size_t)n >= p->size)
		return -1;
	va_start(ap, fmt);
	(void)vsnprintf(p->text + n, p->size - (size_t)n, fmt, ap);
	va_end(ap);
	return -1;
}

static const char *section_of(const cfg_t *cfg)
{
	return strcmp(cfg->name, "root") == 0 ? "" : cfg->name;
}

static size_t index_of(const struct conf_key *k)
{
	return (size_t)(k - conf_keys_at(0));
}

static const char *blank_after(const char *section)
{
	return *section ? " " : "";
}

static bool is_title(const char *s)
{
	size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-");

	return n > 0 && n < CONF_TITLE && s[n] == '\0';
}

/* The values that follow are those of this section. False: it cannot be. */
static bool begin_titled(struct parse *p, const cfg_t *cfg)
{
	char *title;

	if (p->titled == cfg)
		return true;
	if (!cfg->title || !is_title(cfg->title)) {
		(void)fail(p, ERR_SYNTAX, cfg->line,
			"%s: a name of letters, digits, dots, _ and -, at most %d, belongs here", cfg->name,
			CONF_TITLE - 1);
		return false;
	}
	title = conf_keys_add_title(p->c, cfg->name);
	if (!title) {
		(void)fail(p, ERR_LIMIT, cfg->line, "%s: is one too many (at most %u)", cfg->name,
			conf_keys_titles_max(cfg->name));
		return false;
	}
	slice_copy(slice_str(cfg->title), title, CONF_TITLE);
	p->titled = cfg;
	p->title = conf_keys_titles(p->c, cfg->name) - 1;
	for (size_t i = 0; i < conf_keys_count(); i++)
		if (conf_keys_at(i)->is_titled)
			p->count[i] = 0;
	return true;
}

/* libconfuse read one value. */
static int take_value(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result)
{
	const char *section = section_of(cfg);
	const struct conf_key *k = conf_keys_find(section, opt->name);
	struct parse *p = now;
	char why[CONF_REASON];
	size_t i;
	enum err e;

	assert(k);
	i = index_of(k);
	if (k->is_titled && !begin_titled(p, cfg))
		return -1;
	if (p->scope == SCOPE_POSTFIX && strcmp(section, "postfix") != 0)
		return fail(p, ERR_SYNTAX, cfg->line,
			"%s: only section postfix belongs here (limetwig.conf has the rest)", opt->name);
	if (p->count[i] > 0 && (!(opt->flags & CFGF_LIST) || cfg_opt_size(opt) == 1))
		return fail(p, ERR_SYNTAX, cfg->line, "%s%s%s: is already set in line %d; remove one of them", section,
			blank_after(section), k->name, p->line[i]);
	e = conf_value_set(k, slice_str(value), p->count[i], conf_keys_shift(p->c, section, p->title), why);
	if (e != ERR_OK)
		return fail(p, e, cfg->line, "%s%s%s: %s", section, blank_after(section), k->name, why);
	p->line[i] = cfg->line;
	p->count[i]++;
	*(const char **)result = value;
	return 0;
}

static void say_unknown(struct parse *p, cfg_t *cfg, const char *name)
{
	const char *section = section_of(cfg), *instead, *home;
	char shown[SHOWN];

	(void)escape_text(slice_str(name), shown, sizeof shown);
	instead = *section ? conf_keys_later(section, name, NULL) : conf_keys_later(name, NULL, NULL);
	home = conf_keys_section_of(name);
	if (instead)
		fail(p, ERR_VERSION, cfg->line, "%s%s%s: is not yet in this version (%s)", section,
			blank_after(section), shown, instead);
	else if (home)
		fail(p, ERR_SYNTAX, cfg->line, "%s%s%s: no such key here; it belongs %s%s%s", section,
			blank_after(section), shown, *home ? "into section " : "outside of the sections", home,
			*home ? "" : ", at the top");
	else
		fail(p, ERR_SYNTAX, cfg->line, "%s%s%s: no such key; see limetwig.conf(5), or limetwigd -nv for all",
			section, blank_after(section), shown);
}

/* libconfuse has found an error of its own. */
__attribute__((format(printf, 2, 0))) static void take_error(cfg_t *cfg, const char *fmt, va_list ap)
{
	char what[CONF_REASON], shown[CONF_REASON];

	if (strncmp(fmt, "no such option", 14) == 0) {
		say_unknown(now, cfg, va_arg(ap, const char *));
		return;
	}
	(void)vsnprintf(what, sizeof what, fmt, ap);
	(void)fail(now, ERR_SYNTAX, cfg->line, "%s; a line is: key = value, a section: name { ... }",
		escape_text(slice_str(what), shown, sizeof shown));
}

/* The table as libconfuse wants it: all values as text. */
struct option_table {
	cfg_opt_t top[KEYS_MAX + SECTIONS_MAX + 1];
	cfg_opt_t sub[SECTIONS_MAX][KEYS_MAX + 1];
};

static cfg_opt_t make_option(const struct conf_key *k)
{
	bool is_list = k->type == CONF_TYPE_LIST || k->type == CONF_TYPE_REPLIES;
	cfg_opt_t text = CFG_STR_CB(k->name, NULL, CFGF_NODEFAULT, take_value);
	cfg_opt_t list = CFG_STR_LIST_CB(k->name, NULL, CFGF_NODEFAULT, take_value);

	return is_list ? list : text;
}

static void make_table(struct option_table *t, bool is_hidden_known)
{
	const cfg_opt_t end = CFG_END();
	size_t tops = 0, sections = 0, subs = 0;
	const char *section = "";

	assert(conf_keys_count() <= KEYS_MAX);
	for (size_t i = 0; i < conf_keys_count(); i++) {
		const struct conf_key *k = conf_keys_at(i);

		if (strcmp(k->section, section) != 0) {
			cfg_opt_t sec = CFG_SEC(k->section, t->sub[sections],
				k->is_titled ? CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES : CFGF_NONE);

			assert(sections < SECTIONS_MAX);
			section = k->section;
			sections++;
			subs = 0;
			t->top[tops++] = sec;
		}
		if (k->is_hidden && !is_hidden_known)
			continue;
		if (sections) {
			t->sub[sections - 1][subs++] = make_option(k);
			t->sub[sections - 1][subs] = end;
		} else {
			t->top[tops++] = make_option(k);
		}
	}
	t->top[tops] = end;
}

/* A list given as { } makes no callback: found afterwards by its flag. */
static void take_empty_lists(struct parse *p, cfg_t *cfg)
{
	for (size_t i = 0; i < conf_keys_count() && p->err == ERR_OK; i++) {
		const struct conf_key *k = conf_keys_at(i);
		cfg_t *sec = k->is_titled  ? NULL
			     : *k->section ? cfg_getsec(cfg, k->section)
					   : cfg; /* titled: no lists */
		cfg_opt_t *opt = sec && !k->is_hidden ? cfg_getopt(sec, k->name) : NULL;

		if (k->type == CONF_TYPE_REPLIES && p->count[i] == 1)
			(void)fail(p, ERR_SYNTAX, p->line[i], "%s %s: needs two replies, like { 450, 554 }", k->section,
				k->name);
		if (!opt || !(opt->flags & CFGF_LIST) || !(opt->flags & CFGF_MODIFIED) || cfg_opt_size(opt) > 0)
			continue;
		if (p->count[i] > 0)
			(void)fail(p, ERR_SYNTAX, p->line[i], "%s%s%s: is set again further down; remove one of them",
				k->section, blank_after(k->section), k->name);
		else if (k->type == CONF_TYPE_REPLIES)
			(void)fail(
				p, ERR_SYNTAX, 0, "%s %s: needs two replies, like { 450, 554 }", k->section, k->name);
		else
			conf_value_clear(k, p->c);
	}
}

static void count_titles(const struct conf *c, struct titles *ret)
{
	for (size_t i = 0; i < conf_keys_count(); i++)
		ret->count[i] = conf_keys_titles(c, conf_keys_at(i)->section);
}

/* libconfuse tells of values only: a section with a name but without a value went by unseen. */
static void find_empty_sections(struct parse *p, cfg_t *cfg, const struct titles *before)
{
	for (size_t i = 0; i < conf_keys_count(); i++) {
		const struct conf_key *k = conf_keys_at(i);

		if (k->is_titled && cfg_size(cfg, k->section) != conf_keys_titles(p->c, k->section) - before->count[i])
			(void)fail(p, ERR_SYNTAX, 0, "%s: a section is empty; it needs a %s", k->section, k->name);
	}
}

static void run_confuse(struct parse *p, const char *text)
{
	struct option_table *table = calloc(1, sizeof *table);
	cfg_t *cfg = NULL;
	struct titles before; /* in the file before this one */
	int rc;

	if (table) {
		make_table(table, p->scope == SCOPE_ROLE);
		cfg = cfg_init(table->top, CFGF_NONE);
	}
	if (!cfg) {
		(void)fail(p, ERR_NOMEM, 0, "no memory");
		free(table);
		return;
	}
	now = p;
	count_titles(p->c, &before);
	(void)cfg_set_error_function(cfg, take_error);
	rc = cfg_parse_buf(cfg, text);
	if (rc == CFG_SUCCESS) {
		find_empty_sections(p, cfg, &before);
		take_empty_lists(p, cfg);
	} else {
		(void)fail(p, ERR_SYNTAX, cfg->line, "cannot be read from here on");
	}
	now = NULL;
	cfg_free(cfg);
	free(table);
}

/* On top of what *c has. */
static enum err parse_text(struct slice in, const char *name, enum scope scope, struct conf *c, char *text, size_t size)
{
	struct parse p = { .name = name, .scope = scope, .c = c, .text = text, .size = size };
	const struct conf_key *where = NULL;
	char why[CONF_REASON];
	const char *what;
	unsigned line;
	struct buf copy;

	buf_init(&copy, CONF_FILE_MAX + 1);
	if (in.n > CONF_FILE_MAX || buf_add(&copy, in) != ERR_OK || buf_add_char(&copy, '\n') != ERR_OK)
		(void)fail(&p, ERR_LIMIT, 0, "is too large (%zu bytes, at most %u)", in.n, CONF_FILE_MAX);
	else if (conf_scan_text(in, &line, &what) != ERR_OK)
		(void)fail(&p, ERR_SYNTAX, (int)line, "%s", what);
	else
		run_confuse(&p, buf_cstr(&copy));
	buf_done(&copy);
	if (p.err != ERR_OK)
		return p.err;
	if (conf_value_check(c, &where, why) != ERR_OK)
		(void)fail(&p, ERR_SYNTAX, p.line[index_of(where)], "%s%s%s: %s", where->section,
			blank_after(where->section), where->name, why);
	return p.err;
}

enum err conf_file_parse(struct slice in, const char *name, struct conf *ret, char *text, size_t size)
{
	struct conf *c = malloc(sizeof *c);
	enum err e;

	if (!c) {
		(void)snprintf(text, size, "%s: no memory", name);
		return ERR_NOMEM;
	}
	conf_defaults(c);
	e = parse_text(in, name, SCOPE_ROLE, c, text, size);
	if (e == ERR_OK)
		*ret = *c;
	free(c);
	return e;
}

static enum err read_file(const char *path, struct buf *to, char *text, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	enum err e;

	if (fd < 0) {
		(void)snprintf(text, size, "%s: %s", path, strerror(errno));
		return errno == ENOENT ? ERR_NOTFOUND : ERR_IO;
	}
	e = whole_file_read(fd, to);
	if (e == ERR_IO)
		(void)snprintf(text, size, "%s: %s", path, strerror(errno));
	else if (e != ERR_OK)
		(void)snprintf(text, size, "%s: is too large (at most %u bytes)", path, CONF_FILE_MAX);
	(void)close(fd);
	return e;
}

/* Into *c. */
static enum err load_file(const char *path, enum scope scope, struct conf *c, char *text, size_t size)
{
	struct buf b;
	enum err e;

	buf_init(&b, CONF_FILE_MAX);
	e = read_file(path, &b, text, size);
	if (e == ERR_OK)
		e = parse_text(buf_slice(&b), path, scope, c, text, size);
	buf_done(&b);
	return e;
}

enum err conf_file_load(const char *path, struct conf *ret, char *text, size_t text_size)
{
	struct slice dir = slice_head(slice_str(path), slice_rfind(slice_str(path), '/'));
	struct conf *c = malloc(sizeof *c);
	char beside[4096];
	enum err e;

	if (!c) {
		(void)snprintf(text, text_size, "%s: no memory", path);
		return ERR_NOMEM;
	}
	conf_defaults(c);
	e = load_file(path, SCOPE_PEOPLE, c, text, text_size);
	if (e != ERR_OK)
		goto out;
	if (strchr(path, '/'))
		(void)snprintf(beside, sizeof beside, "%.*s/%s", SLICE_ARG(dir), CONF_FILE_POSTFIX);
	else
		(void)snprintf(beside, sizeof beside, "%s", CONF_FILE_POSTFIX);
	if (access(beside, F_OK) == 0)
		e = load_file(beside, SCOPE_POSTFIX, c, text, text_size);
	if (e == ERR_OK)
		*ret = *c;
out:
	free(c);
	return e;
}

static enum err print_key(const struct conf_key *k, const char *indent, const struct conf *c, struct buf *to)
{
	enum err e = buf_printf(to, "%s%s = ", indent, k->name);

	if (e == ERR_OK)
		e = conf_value_print(k, c, to);
	return e == ERR_OK ? buf_add_char(to, '\n') : e;
}

/* Every one of a kind of sections with a name. */
static enum err print_titled(const struct conf *c, const char *section, struct buf *to)
{
	enum err e = ERR_OK;

	for (uint32_t n = 0; n < conf_keys_titles(c, section) && e == ERR_OK; n++) {
		e = buf_printf(to, "%s \"%s\" {\n", section, conf_keys_title(c, section, n));
		for (size_t i = 0; i < conf_keys_count() && e == ERR_OK; i++)
			if (strcmp(conf_keys_at(i)->section, section) == 0)
				e = print_key(conf_keys_at(i), "\t", conf_keys_shift_const(c, section, n), to);
		if (e == ERR_OK)
			e = buf_add_str(to, "}\n");
	}
	return e;
}

static bool is_section_titled(const char *section)
{
	for (size_t i = 0; i < conf_keys_count(); i++)
		if (strcmp(conf_keys_at(i)->section, section) == 0)
			return conf_keys_at(i)->is_titled;
	return false;
}

/* One section, as a file has it. */
static enum err print_section(const struct conf *c, const char *section, struct buf *to)
{
	enum err e = ERR_OK;

	if (is_section_titled(section))
		return print_titled(c, section, to);
	if (*section)
		e = buf_printf(to, "%s {\n", section);
	for (size_t i = 0; i < conf_keys_count() && e == ERR_OK; i++) {
		const struct conf_key *k = conf_keys_at(i);

		/* what is-off is by default people may not even write */
		if (strcmp(k->section, section) == 0 && (!k->is_hidden || c->is_off))
			e = print_key(k, *section ? "\t" : "", c, to);
	}
	return e == ERR_OK && *section ? buf_add_str(to, "}\n") : e;
}

enum err conf_print(const struct conf *c, struct buf *to)
{
	const char *section = NULL;
	enum err e = ERR_OK;

	for (size_t i = 0; i < conf_keys_count() && e == ERR_OK; i++) {
		const struct conf_key *k = conf_keys_at(i);

		if (section && strcmp(section, k->section) == 0)
			continue;
		section = k->section;
		e = print_section(c, section, to);
	}
	return e;
}

enum err conf_sum(const struct conf *c, char ret_hex[CONF_SUM])
{
	static const uint8_t zero[SIPHASH_KEY];
	struct conf *bare = malloc(sizeof *bare);
	struct buf text;
	enum err e = ERR_NOMEM;

	buf_init(&text, CONF_FILE_MAX);
	if (bare) {
		*bare = *c;
		bare->is_off = false;
		e = conf_print(bare, &text);
	}
	if (e == ERR_OK)
		(void)snprintf(ret_hex, CONF_SUM, "%016llx", (unsigned long long)siphash64(zero, buf_slice(&text)));
	buf_done(&text);
	free(bare);
	return e;
}
