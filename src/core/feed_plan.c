/*
 * feed_plan: see the header.
 * SPDX-License-Identifier: ISC
 */
#include "core/feed_plan.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/escape.h"
#include "core/conf_value.h"
#include "core/feed_line.h"
#include "core/feed_text.h"

#define LAYERS 4 /* in the order of FEED_LAYER_... */

bool feed_plan_layers(const char *text, unsigned *ret)
{
	static const char *const names[LAYERS] = { "policy", "firewall", "dnsbl", "export" };
	struct slice rest = slice_str(text), word;
	bool is_known = true;

	*ret = 0;
	while (slice_word(&rest, &word)) {
		unsigned i = 0;

		while (i < LAYERS && !slice_eq(word, slice_str(names[i])))
			i++;
		if (i < LAYERS)
			*ret |= 1u << i;
		else
			is_known = false;
	}
	return is_known;
}

unsigned feed_plan_words(const char *command, char store[FEED_WHERE], char *argv[FEED_WORDS + 1])
{
	struct slice rest = slice_str(command), word;
	size_t used = 0;
	unsigned n = 0;

	while (slice_word(&rest, &word)) {
		if (n == FEED_WORDS || word.n + 1 > FEED_WHERE - used)
			return 0;
		slice_copy(word, store + used, word.n + 1);
		argv[n++] = store + used;
		used += word.n + 1;
	}
	argv[n] = NULL;
	return n;
}

const struct feed_spec *feed_plan_find(const struct feed_plan *p, const char *name)
{
	for (unsigned i = 0; i < p->count; i++)
		if (strcmp(p->feed[i].conf.title, name) == 0)
			return &p->feed[i];
	return NULL;
}

static void leave_out(struct feed_plan *p, const char *list, const char *why)
{
	char name[80];

	p->left_out++;
	(void)snprintf(p->reason, sizeof p->reason, "%s: %s", escape_text(slice_str(list), name, sizeof name), why);
}

/* ---- of the configuration */

static void add_section(struct feed_plan *p, const struct conf_feed *c)
{
	struct feed_spec *f = &p->feed[p->count++];
	bool is_command = c->command[0] != '\0';

	f->conf = *c;
	(void)feed_plan_layers(c->layers, &f->layers); /* the configuration was checked */
	f->parts = 1;
	f->part[0].way = is_command ? FEED_WAY_COMMAND : c->source[0] == '/' ? FEED_WAY_PATH : FEED_WAY_HTTP;
	slice_copy(slice_str(is_command ? c->command : c->source), f->part[0].where, FEED_WHERE);
}

/* ---- of a spamd.conf */

/* As a section may be called, and as none is yet. False: a hundred are called so. */
static bool name_list(const struct feed_plan *p, const char *list, char to[CONF_TITLE])
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
	char base[CONF_TITLE];

	slice_copy(slice_str(list), base, sizeof base);
	for (char *c = base; *c; c++)
		if (!strchr(allowed, *c))
			*c = '-';
	slice_copy(slice_str(base), to, CONF_TITLE);
	for (unsigned n = 2; feed_plan_find(p, to); n++) {
		if (n > 99)
			return false;
		(void)snprintf(to, CONF_TITLE, "%.*s-%u", CONF_TITLE - 4, base, n);
	}
	return true;
}

/* False: it has no place where it says it is. */
static bool make_part(const struct spamd_list *l, struct feed_part *ret)
{
	static const char *const schemes[] = { "", "http://", "https://", "ftp://", "" };
	int n = snprintf(ret->where, sizeof ret->where, "%s%s", schemes[l->method], l->file);

	if (n < 0 || (size_t)n >= sizeof ret->where || strlen(l->name) >= sizeof ret->list)
		return false;
	slice_copy(slice_str(l->name), ret->list, sizeof ret->list);
	ret->is_white = !l->is_black;
	ret->way = l->method == SPAMD_FILE   ? FEED_WAY_PATH
		   : l->method == SPAMD_EXEC ? FEED_WAY_COMMAND
		   : l->method == SPAMD_FTP  ? FEED_WAY_FTP
					     : FEED_WAY_HTTP;
	if (ret->way == FEED_WAY_PATH || ret->way == FEED_WAY_COMMAND)
		return ret->where[0] == '/';
	return true;
}

static struct feed_spec *begin_black(
	struct feed_plan *p, const struct conf *c, const struct conf_feed *preset, const struct spamd_list *l)
{
	struct feed_spec *f = &p->feed[p->count];

	if (p->count == FEEDS_MAX) {
		leave_out(p, l->name, "there are too many feeds");
		return NULL;
	}
	*f = (struct feed_spec){ .conf = *preset, .is_spamd = true };
	if (!name_list(p, l->name, f->conf.title)) {
		leave_out(p, l->name, "too many lists have this name");
		return NULL;
	}
	f->conf.action = c->feeds.spamd_action;
	f->conf.refresh_s = c->feeds.refresh_s;
	f->conf.is_documentation = c->feeds.is_documentation;
	f->conf.format = (enum conf_feed_format)(FEED_SPAMD + 1);
	(void)feed_plan_layers(f->conf.layers, &f->layers);
	if (l->is_msg_file)
		slice_copy(slice_str(l->msg), f->text_file, sizeof f->text_file);
	else
		feed_text_clean(slice_str(l->msg), f->text, sizeof f->text);
	p->count++;
	return f;
}

/*
 * A black list whose white list cannot be taken away would list hosts that its
 * owner wants free: it is left out as a whole.
 */
static void add_lists(
	struct feed_plan *p, const struct conf *c, const struct conf_feed *preset, const struct spamd_conf *spamd)
{
	struct feed_spec *black = NULL;

	for (size_t i = 0; i < spamd->count; i++) {
		const struct spamd_list *l = &spamd->list[i];

		if (l->is_black)
			black = begin_black(p, c, preset, l);
		if (!black)
			continue;
		if (black->parts < FEED_PARTS && make_part(l, &black->part[black->parts])) {
			black->parts++;
			continue;
		}
		leave_out(p, l->name,
			black->parts == FEED_PARTS ? "there are too many white lists behind one black list"
						   : "file is no whole path, or is too long");
		*black = (struct feed_spec){ .parts = 0 };
		p->count--;
		black = NULL;
	}
}

enum err feed_plan_make(const struct conf *c, const struct spamd_conf *spamd, struct feed_plan *ret)
{
	struct feed_plan p = { .feed = calloc(FEEDS_MAX, sizeof *p.feed) };
	struct conf *preset = calloc(1, sizeof *preset);
	enum err e = ERR_NOMEM;

	if (p.feed && preset) {
		conf_defaults(preset);
		for (uint32_t i = 0; i < c->feed_count && p.count < FEEDS_MAX; i++)
			add_section(&p, &c->feed[i]);
		if (spamd)
			add_lists(&p, c, &preset->feed[0], spamd);
		*ret = p;
		p.feed = NULL;
		e = ERR_OK;
	}
	free(p.feed);
	free(preset);
	return e;
}

void feed_plan_done(struct feed_plan *p)
{
	free(p->feed);
	*p = (struct feed_plan){ 0 };
}
