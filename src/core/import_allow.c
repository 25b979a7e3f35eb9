/*
 * import_allow: see the header.
 * SPDX-License-Identifier: ISC
 */
#include "core/import_allow.h"

#include <stdio.h>

#include "base/num.h"
#include "core/allow.h"
#include "core/import_private.h"

#define WIDEST4 8
#define WIDEST6 19
#define SPAMDB_EXPIRE 6 /* fields before it */

bool import_allow_from_parse(const char *name, enum import_allow_from *ret)
{
	static const char *const names[] = { "list", "access", "postgrey", "spamdb" };

	for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++) {
		if (strcmp(name, names[i]) == 0) {
			*ret = (enum import_allow_from)i;
			return true;
		}
	}
	return false;
}

/* A line as our own files have it, checked. */
static enum err add_line(struct import *im, struct slice line)
{
	struct allow_line l;
	bool any;

	if (line.n > IMPORT_LINE || allow_line_parse(line, &l, &any) != ERR_OK)
		return import_refuse(im, "no address, network, name: or spf: entry");
	if (!any)
		return ERR_OK;
	if (l.form == ALLOW_PREFIX && l.prefix.len < (l.prefix.addr.family == 4 ? WIDEST4 : WIDEST6))
		return import_refuse(im, "is too wide to be meant (at least /8, or /19 of IPv6)");
	return import_add(im, line, "");
}

/* "192.0.2" is 192.0.2.0/24. False: it is not one to three numbers. */
static bool part_of_address(struct slice s, char to[PREFIX_TEXT])
{
	unsigned parts = 0;
	uint64_t part[4] = { 0 };

	while (s.n && parts < 4) {
		size_t dot = slice_find(s, '.');

		if (num_parse(slice_head(s, dot), 255, &part[parts]) != ERR_OK)
			return false;
		parts++;
		s = slice_from(s, dot + 1);
	}
	if (parts == 0 || parts > 3 || s.n)
		return false;
	(void)snprintf(
		to, PREFIX_TEXT, "%u.%u.%u.0/%u", (unsigned)part[0], (unsigned)part[1], (unsigned)part[2], parts * 8);
	return true;
}

static enum err add_name(struct import *im, const char *head, struct slice name)
{
	char line[IMPORT_LINE];

	if (name.n + strlen(head) >= sizeof line)
		return import_refuse(im, "is too long");
	(void)snprintf(line, sizeof line, "%s%.*s", head, SLICE_ARG(name));
	return add_line(im, slice_str(line));
}

/* An address, a network, part of an address, or a domain: itself and all below. */
static enum err add_key(struct import *im, struct slice key)
{
	char prefix[PREFIX_TEXT];
	struct ipaddr a;
	struct prefix p;
	enum err e;

	if (key.p[0] == '[' && key.p[key.n - 1] == ']')
		key = slice_of(key.p + 1, key.n - 2);
	if (prefix_parse(key, &p) == ERR_OK || ipaddr_parse(key, &a) == ERR_OK)
		return add_line(im, key);
	if (part_of_address(key, prefix))
		return add_line(im, slice_str(prefix));
	if (slice_find(key, '/') < key.n || slice_find(key, '*') < key.n)
		return import_refuse(im, "a pattern: name a network or a domain");
	if (slice_find(key, '@') < key.n)
		return import_refuse(im, "a sender or recipient, not a client");
	if (key.p[0] == '.')
		return add_name(im, "name:", key);
	e = add_name(im, "name:", key);
	return e == ERR_OK ? add_name(im, "name:.", key) : e;
}

static bool lets_through(struct slice action)
{
	static const char *const words[] = { "OK", "DUNNO", "PERMIT", "PERMIT_AUTH_DESTINATION", "RELAY" };
	struct slice word = { action.p, 0 };
	uint64_t number;

	(void)slice_word(&action, &word);
	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
		if (slice_eq_nocase(word, slice_str(words[i])))
			return true;
	return word.n != 3 && num_parse(word, UINT32_MAX, &number) == ERR_OK; /* "all-numerical: OK" */
}

static enum err access_line(struct import *im, struct slice line)
{
	struct slice key;

	if (!slice_word(&line, &key))
		return ERR_OK;
	if (lets_through(line))
		return add_key(im, key);
	im->others++;
	return ERR_OK;
}

/* WHITE|address|||first|pass|expire|...: is the time of expire over? */
static bool has_ended(struct slice line, uint64_t now)
{
	uint64_t expire = 0;

	for (unsigned i = 0; i < SPAMDB_EXPIRE; i++)
		line = slice_from(line, slice_find(line, '|') + 1);
	return num_parse(slice_head(line, slice_find(line, '|')), INT64_MAX, &expire) == ERR_OK && expire &&
	       expire <= now;
}

static enum err spamdb_line(struct import *im, struct slice line)
{
	struct slice key;

	if (!slice_starts(line, SLICE_LIT("WHITE|")) || has_ended(line, im->now)) {
		im->others++;
		return ERR_OK;
	}
	key = slice_from(line, 6);
	key = slice_head(key, slice_find(key, '|'));
	return key.n ? add_line(im, key) : import_refuse(im, "no address");
}

static enum err postgrey_line(struct import *im, struct slice line)
{
	struct slice word;

	return slice_word(&line, &word) ? add_key(im, word) : ERR_OK;
}

enum err import_allow(
	enum import_allow_from from, struct slice text, uint64_t now, import_fn fn, void *ctx, unsigned *ret_others)
{
	static enum err (*const parse[])(
		struct import * im, struct slice line) = { add_line, access_line, postgrey_line, spamdb_line };
	struct import im = { .fn = fn, .ctx = ctx, .now = now };
	struct slice line;
	enum err e = ERR_OK;

	while (e == ERR_OK && slice_line(&text, &line)) {
		im.line++;
		line = slice_trim(line);
		if (line.n && line.p[0] != '#')
			e = parse[from](&im, line);
	}
	*ret_others = im.others;
	return e;
}
