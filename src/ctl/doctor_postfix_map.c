/*
 * doctor_postfix_map: alias map and domain map: named in main.cf, of the right
 * type, readable, and holding exactly the armed traps. The engine tells their
 * number and a sum of hashes, so that no trap address is printed here.
 * SPDX-License-Identifier: ISC
 */
#include "base/siphash.h"
#include "core/alias_map.h"
#include "ctl/doctor_postfix.h"
#include "ctl/render.h"
#include "io/postmap.h"

#include <string.h>

#define ANEW "limetwigd mends it within seconds; if not: systemctl restart limetwigd, limetwig setup postfix"

struct table {
	const char *parameter, *map, *what, *sums;
	const char *loss; /* what it means when Postfix does not look into it */
};

/* An element of this list with our path under another type. */
static bool find_other_type(struct slice value, const char *map, char to[CONF_TEXT])
{
	const char *path = strchr(map, ':');
	struct slice word;

	while (path && value.n) {
		size_t n = 0;

		while (n < value.n && !strchr(", \t\n", value.p[n]))
			n++;
		word = slice_head(value, n);
		value = slice_from(value, n + 1);
		if (slice_ends(word, slice_str(path)) && slice_find(word, ':') == word.n - strlen(path)) {
			slice_copy(word, to, CONF_TEXT);
			return true;
		}
	}
	return false;
}

static void check_named(struct doctor *d, const struct setup_instance *in, const struct table *t)
{
	char other[CONF_TEXT];
	struct buf value;
	bool is_set;

	buf_init(&value, MAIN_CF_MAX);
	is_set = main_cf_get(buf_slice(&in->main), t->parameter, &value);
	if (is_set && main_cf_has_item(buf_slice(&value), t->map, NULL))
		doctor_postfix_add(d, DOCTOR_OK, NULL, NULL, "%s has %.200s", t->parameter, t->map);
	else if (is_set && find_other_type(buf_slice(&value), t->map, other))
		doctor_postfix_add(d, DOCTOR_FAIL,
			"Postfix answers 451 to everybody, or reads a table that nobody keeps", DOCTOR_SETUP,
			"%s names %.120s, but limetwigd writes %.120s", t->parameter, other, t->map);
	else
		doctor_postfix_add(d, DOCTOR_FAIL, t->loss, DOCTOR_SETUP, "%.120s is gone from %s in %.200s", t->map,
			t->parameter, in->main_path);
	buf_done(&value);
}

/* What the table holds. */
struct held {
	size_t count, strange; /* strange: the value is not ours */
	uint64_t sum;
};

static bool is_ours(const struct table *t, struct slice key, struct slice value)
{
	bool is_domain = key.n && key.p[0] == '@';
	char text[ADDRESS_TEXT], want[ALIAS_MAP_TEXT];
	struct address a;

	if (strcmp(t->sums, "domains") == 0)
		return true;
	if (key.n + 2 > sizeof text)
		return false;
	(void)snprintf(text, sizeof text, "%s%.*s", is_domain ? "x" : "", SLICE_ARG(key));
	return address_parse(slice_str(text), &a) == ERR_OK && alias_map_value(&a, is_domain, want) == ERR_OK &&
	       slice_eq(value, slice_str(want));
}

static void count(const struct table *t, struct slice set, struct held *h)
{
	static const uint8_t zero[SIPHASH_KEY];
	struct slice line;

	while (slice_line(&set, &line)) {
		size_t tab = slice_find(line, '\t');

		h->count++;
		h->sum += siphash64(zero, slice_head(line, tab));
		h->strange += !is_ours(t, slice_head(line, tab), slice_trim(slice_from(line, tab + 1)));
	}
}

static void compare(struct doctor *d, const struct table *t, const struct held *h, const struct doctor_daemon_facts *f)
{
	const json_t *sums = json_object_get(f->status, "sums"), *want = json_object_get(sums, t->sums);
	uint64_t wanted = render_number(want, "count");
	const char *means = "mail to a missing trap is refused as unknown; mail to one too many is swallowed";
	char hex[20];

	(void)snprintf(hex, sizeof hex, "%016llx", (unsigned long long)h->sum);
	if (!want || !render_bool(sums, "settled") || *doctor_text(json_object_get(f->status, "map"), "text"))
		doctor_postfix_add(d, DOCTOR_OK, NULL, NULL, "%s: %zu entries", t->what, h->count);
	else if (h->count != wanted)
		doctor_postfix_add(d, DOCTOR_FAIL, means, ANEW,
			"%s is stale: %zu entries, %llu armed traps belong into it", t->what, h->count,
			(unsigned long long)wanted);
	else if (strcmp(hex, doctor_text(want, "sum")) != 0)
		doctor_postfix_add(d, DOCTOR_FAIL, means, ANEW,
			"%s is stale: %zu entries as it should, but not the right ones", t->what, h->count);
	else if (h->strange)
		doctor_postfix_add(d, DOCTOR_FAIL, "mail to these traps goes elsewhere", ANEW,
			"%s: %zu entries do not lead to limetwig", t->what, h->strange);
	else
		doctor_postfix_add(d, DOCTOR_OK, NULL, NULL, "%s: %zu entries, as it should be", t->what, h->count);
}

static void check_content(
	struct doctor *d, const struct setup_instance *in, const struct table *t, const struct doctor_daemon_facts *f)
{
	struct slice type = slice_head(slice_str(t->map), slice_find(slice_str(t->map), ':'));
	char text[DOCTOR_TEXT] = "", name[32];
	struct held h = { 0, 0, 0 };
	struct buf set;
	enum err e;

	slice_copy(type, name, sizeof name);
	if (!setup_facts_has_type(in, name)) {
		doctor_postfix_add(d, DOCTOR_FAIL, "Postfix answers 451 to everybody",
			"apt install postfix-lmdb, or: limetwig setup postfix --map-type hash",
			"this Postfix cannot read %s tables", name);
		return;
	}
	buf_init(&set, POSTMAP_MAX);
	e = postmap_dump(in->dir, t->map, &set, text, sizeof text);
	if (e != ERR_OK) {
		doctor_postfix_add(d, DOCTOR_FAIL, "Postfix answers 451 to everybody while this table cannot be read",
			ANEW, "%s %s: %.300s", t->what, e == ERR_NOTFOUND ? "is missing" : "is damaged",
			text[0] ? text : err_name(e));
	} else {
		count(t, buf_slice(&set), &h);
		compare(d, t, &h, f);
	}
	buf_done(&set);
}

void doctor_postfix_maps(struct doctor *d, const struct setup_instance *in, const struct doctor_daemon_facts *f)
{
	const struct table tables[] = {
		{ "virtual_alias_maps", d->conf->postfix.map, "the alias map", "alias",
			"mail to a trap is refused as unknown" },
		{ "virtual_alias_domains", d->conf->postfix.domains, "the map of trap domains", "domains",
			"mail to trap domains is refused" },
	};

	for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++) {
		check_named(d, in, &tables[i]);
		check_content(d, in, &tables[i], f);
	}
}
