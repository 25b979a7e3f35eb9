/*
 * aliasmap_domain: which domains a parameter of Postfix names, by words, files
 * and tables. A file inside a file is followed to a depth of FILE_DEPTH.
 * SPDX-License-Identifier: ISC
 */
#include "core/domain_list.h"
#include "io/postfix_tool.h"
#include "io/whole_file.h"
#include "role/aliasmap_live.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_DEPTH 8
#define FILE_BYTES (64u << 20)
#define DOMAIN_TEXT 256

struct search {
	struct aliasmap_question *q;
	const char *name;
	uint8_t *verdict;
	uint8_t now; /* what a match means */
};

static void ask_items(struct search *s, struct slice list, bool is_not, unsigned depth);

static void mark(void *ctx, uint32_t at)
{
	struct search *s = ctx;

	if (s->verdict[at] == DOMAIN_OPEN)
		s->verdict[at] = s->now;
}

static void mark_word(struct search *s, struct slice word)
{
	char text[DOMAIN_TEXT];

	if (word.n >= sizeof text)
		return;
	for (size_t i = 0; i < word.n; i++)
		text[i] = ascii_lower(word.p[i]);
	aliasmap_ask_each(s->q, slice_of(text, word.n), mark, s);
}

static enum err read_file(const char *path, struct buf *to)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	enum err e = ERR_IO;
	struct stat st;

	if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
		e = whole_file_read(fd, to);
	if (fd >= 0)
		(void)close(fd);
	return e;
}

static void ask_file(struct search *s, struct slice name, bool is_not, unsigned depth)
{
	char path[2048];
	struct slice rest, line;
	struct buf text;

	buf_init(&text, FILE_BYTES);
	slice_copy(name, path, sizeof path);
	if (depth == FILE_DEPTH || name.n >= sizeof path || read_file(path, &text) != ERR_OK)
		aliasmap_ask_fail(s->q, s->name, path);
	rest = buf_slice(&text);
	while (slice_line(&rest, &line))
		if (line.n && line.p[0] != '#')
			ask_items(s, line, is_not, depth + 1);
	buf_done(&text);
}

static void ask_items(struct search *s, struct slice list, bool is_not, unsigned depth)
{
	struct domain_item item;

	while (domain_list_next(&list, &item)) {
		bool is_out = is_not != item.is_not;

		s->now = is_out ? DOMAIN_NOT_IN : DOMAIN_IN;
		if (item.kind == DOMAIN_WORD)
			mark_word(s, item.text);
		else if (item.kind == DOMAIN_TABLE)
			aliasmap_ask_table(s->q, item.text, s->name, mark, s);
		else
			ask_file(s, item.text, is_out, depth);
	}
}

void aliasmap_domain_ask(struct aliasmap_question *q, const char *name, uint8_t *verdict)
{
	struct search s = { .q = q, .name = name, .verdict = verdict };

	if (q->keys)
		ask_items(&s, aliasmap_ask_param(q, name), false, 0);
}

/* All keys of a table, as "key<TAB>value" lines. Not every type can be listed. */
static bool list_table(const struct aliasmap_question *q, struct slice map, struct buf *to)
{
	char spec[2048];
	const char *const argv[] = { "postmap", "-c", q->conf->postfix.dir, "-s", spec, NULL };
	int status = -1;

	if (map.n >= sizeof spec)
		return false;
	slice_copy(map, spec, sizeof spec);
	return postfix_tool_run(argv, (struct slice){ "", 0 }, aliasmap_ask_left_ms(q), to, NULL, &status) == ERR_OK &&
	       status == 0;
}

static void find_in_table(struct search *s, struct slice map)
{
	struct slice rest, line;
	struct buf all;

	buf_init(&all, POSTMAP_MAX);
	if (list_table(s->q, map, &all)) {
		rest = buf_slice(&all);
		while (slice_line(&rest, &line)) {
			struct slice key = slice_head(line, slice_find(line, '\t'));

			mark_word(s, slice_from(key, slice_rfind(key, '@') + 1));
		}
	} else {
		for (size_t i = 0; i < s->q->keys; i++)
			mark(s, s->q->key[i].at);
	}
	buf_done(&all);
}

void aliasmap_domain_find_aliases(struct aliasmap_question *q, uint8_t *verdict)
{
	struct search s = { .q = q, .verdict = verdict, .now = DOMAIN_IN };
	struct slice list = aliasmap_ask_param(q, "virtual_alias_maps");
	struct domain_item item;

	while (q->keys && domain_list_next(&list, &item))
		if (item.kind == DOMAIN_TABLE && aliasmap_ask_is_foreign(q, &item.text) &&
			!slice_starts(item.text, SLICE_LIT("static:")))
			find_in_table(&s, item.text);
}
