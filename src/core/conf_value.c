/*
 * conf_value: values by the table of keys.
 * SPDX-License-Identifier: ISC
 */
#include "core/conf_value.h"

#include "base/escape.h"
#include "base/host_port.h"
#include "base/ipaddr.h"
#include "base/num.h"
#include "core/address.h"
#include "core/subject.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define VALUE_SHOWN 80 /* of a bad value in a message */

__attribute__((format(printf, 4, 5))) static enum err say(
	enum err e, char text[CONF_REASON], struct slice value, const char *fmt, ...)
{
	char shown[VALUE_SHOWN];
	va_list ap;
	int n;

	n = snprintf(text, CONF_REASON, "\"%s\" ", escape_text(value, shown, sizeof shown));
	va_start(ap, fmt);
	(void)vsnprintf(text + n, CONF_REASON - (size_t)n, fmt, ap);
	va_end(ap);
	return e;
}

static void *place(const struct conf_key *k, struct conf *c)
{
	return (char *)c + k->offset;
}

static const void *place_const(const struct conf_key *k, const struct conf *c)
{
	return (const char *)c + k->offset;
}

static bool is_name(struct slice s)
{
	for (size_t i = 0; i < s.n; i++) {
		char l = ascii_lower(s.p[i]);

		if (!((l >= 'a' && l <= 'z') || l == '_' || (i && ((l >= '0' && l <= '9') || l == '-' || l == '.'))))
			return false;
	}
	return true;
}

static bool is_word(struct slice s)
{
	return s.n && slice_find(s, ' ') == s.n;
}

static bool is_map(struct slice s)
{
	static const char *const types[] = { "lmdb:/", "hash:/", "cdb:/", "btree:/" };

	for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
		if (slice_starts(s, slice_str(types[i])))
			return true;
	return false;
}

static enum err check_form(const struct conf_key *k, struct slice v, char text[CONF_REASON])
{
	struct address address;
	struct prefix prefix;
	struct ipaddr ip;
	uint64_t port;
	uint16_t port16;
	uint8_t len;

	for (size_t i = 0; i < v.n; i++)
		if ((unsigned char)v.p[i] < 32 || v.p[i] == 127)
			return say(ERR_SYNTAX, text, v, "has a control character");
	switch (k->form) {
	case CONF_FORM_ANY:
		return ERR_OK;
	case CONF_FORM_FILE:
	case CONF_FORM_PATH:
		return (v.n ? v.p[0] == '/' : k->form == CONF_FORM_FILE)
			       ? ERR_OK
			       : say(ERR_SYNTAX, text, v, "is no absolute path (like /etc/limetwig)");
	case CONF_FORM_MAP:
		if (is_map(v))
			return ERR_OK;
		return say(ERR_SYNTAX, text, v, "is no map (like lmdb:/etc/postfix/NAME; lmdb, hash, cdb, btree)");
	case CONF_FORM_LOG:
		if ((v.n && v.p[0] == '/') || slice_eq(v, SLICE_LIT("journal")) || slice_eq(v, SLICE_LIT("none")))
			return ERR_OK;
		return say(ERR_SYNTAX, text, v, "is no mail log (a path like /var/log/mail.log, journal, or none)");
	case CONF_FORM_WORD:
		return is_word(v) ? ERR_OK : say(ERR_SYNTAX, text, v, "is not one word");
	case CONF_FORM_NAME:
		return is_name(v) ? ERR_OK : say(ERR_SYNTAX, text, v, "is no name of a group");
	case CONF_FORM_PREFIX:
		if (prefix_parse(v, &prefix) == ERR_OK)
			return ERR_OK;
		return say(
			ERR_SYNTAX, text, v, "is no address or network (like 192.0.2.7, 192.0.2.0/24, 2001:db8::/32)");
	case CONF_FORM_IPADDR:
		if (ipaddr_parse(v, &ip) == ERR_OK)
			return ERR_OK;
		return say(ERR_SYNTAX, text, v, "is no address (like 192.0.2.7, 2001:db8::7)");
	case CONF_FORM_PORT:
		if (num_parse(v, 65535, &port) == ERR_OK && port > 0)
			return ERR_OK;
		return say(ERR_SYNTAX, text, v, "is no port (1 to 65535)");
	case CONF_FORM_MAIL:
		if (v.n == 0 || (v.p[0] != '-' && address_parse(v, &address) == ERR_OK && address.text[0]))
			return ERR_OK;
		return say(ERR_SYNTAX, text, v, "is no mail address (like postmaster)");
	case CONF_FORM_SERVER:
		if (host_port_parse(v, &ip, &port16) == ERR_OK)
			return ERR_OK;
		return say(
			ERR_SYNTAX, text, v, "is no DNS server (like 192.0.2.53, 192.0.2.53:5353, [2001:db8::53]:53)");
	case CONF_FORM_LENGTH:
		if (subject_length_parse(v, &prefix, &len) == ERR_OK)
			return ERR_OK;
		return say(ERR_SYNTAX, text, v, "is no network with a length (like 2001:db8::/32=128)");
	}
	return ERR_SYNTAX;
}

static enum err set_text(const struct conf_key *k, struct slice v, struct conf *c, char text[CONF_REASON])
{
	enum err e = check_form(k, v, text);

	if (e != ERR_OK)
		return e;
	if (v.n >= k->size)
		return say(ERR_LIMIT, text, v, "is too long (%zu characters, at most %zu)", v.n, k->size - 1);
	slice_copy(v, place(k, c), k->size);
	return ERR_OK;
}

static enum err set_item(
	const struct conf_key *k, struct slice v, unsigned index, struct conf *c, char text[CONF_REASON])
{
	struct conf_list *list = place(k, c);
	enum err e = check_form(k, v, text);

	if (e != ERR_OK)
		return e;
	if (v.n >= CONF_ITEM)
		return say(ERR_LIMIT, text, v, "is too long (%zu characters, at most %d)", v.n, CONF_ITEM - 1);
	if (index >= CONF_LIST)
		return say(ERR_LIMIT, text, v, "is one too many (at most %d)", CONF_LIST);
	if (index == 0)
		conf_value_clear(k, c);
	slice_copy(v, list->item[index], CONF_ITEM);
	list->count = index + 1;
	return ERR_OK;
}

/* Digits, or digits.digits: so few that printing gives the same number back. */
static enum err parse_float(struct slice v, double *ret)
{
	char digits[24];
	size_t dot = slice_find(v, '.');
	uint64_t whole, part;

	if (v.n >= sizeof digits || num_parse(slice_head(v, dot), 999999999, &whole) != ERR_OK)
		return ERR_SYNTAX;
	if (dot < v.n && (v.n - dot - 1 > 6 || num_parse(slice_from(v, dot + 1), 999999, &part) != ERR_OK))
		return ERR_SYNTAX;
	slice_copy(v, digits, sizeof digits);
	*ret = strtod(digits, NULL);
	return ERR_OK;
}

static const char *format_float(double v, char to[NUM_TEXT])
{
	size_t n = (size_t)snprintf(to, NUM_TEXT, "%.6f", v);

	while (n && to[n - 1] == '0')
		to[--n] = '\0';
	if (n && to[n - 1] == '.')
		to[n - 1] = '\0';
	return to;
}

static const char *format_size(uint64_t v, char to[NUM_TEXT])
{
	static const char *const units[] = { "", "k", "M", "G" };
	unsigned u = 0;

	while (v && v % 1024 == 0 && u < 3) {
		v /= 1024;
		u++;
	}
	(void)snprintf(to, NUM_TEXT, "%llu%s", (unsigned long long)v, units[u]);
	return to;
}

static const char *format_range(const struct conf_key *k, double v, char to[NUM_TEXT])
{
	if (k->type == CONF_TYPE_DURATION)
		return num_format_duration((uint64_t)v, to);
	return k->type == CONF_TYPE_SIZE ? format_size((uint64_t)v, to) : format_float(v, to);
}

static enum err parse_ranged(const struct conf_key *k, struct slice v, double *ret, char text[CONF_REASON])
{
	char lo[NUM_TEXT], hi[NUM_TEXT];
	const char *what = "number (like 10)";
	uint64_t n = 0;
	double d = 0;
	enum err e;

	if (k->type == CONF_TYPE_DURATION) {
		what = "duration (like 24h, 7d)";
		e = num_parse_duration(v, &n);
	} else if (k->type == CONF_TYPE_SIZE) {
		what = "size (like 512k, 25M, 2G)";
		e = num_parse_size(v, &n);
	} else if (k->type == CONF_TYPE_FLOAT) {
		what = "number (like 10 or 0.5)";
		e = parse_float(v, &d);
	} else {
		e = num_parse(v, UINT32_MAX, &n);
	}
	if (e == ERR_SYNTAX)
		return say(e, text, v, "is no %s", what);
	if (k->type != CONF_TYPE_FLOAT)
		d = (double)n;
	if (e != ERR_OK || d < k->min || d > k->max)
		return say(ERR_LIMIT, text, v, "is out of range (%s to %s)", format_range(k, k->min, lo),
			format_range(k, k->max, hi));
	*ret = d;
	return ERR_OK;
}

static enum err set_ranged(
	const struct conf_key *k, struct slice v, unsigned index, struct conf *c, char text[CONF_REASON])
{
	void *p = place(k, c);
	double d = 0;
	enum err e = parse_ranged(k, v, &d, text);

	if (e != ERR_OK)
		return e;
	if (k->type == CONF_TYPE_FLOAT) {
		*(double *)p = d;
	} else if (k->type == CONF_TYPE_REPLIES) {
		if (index > 1)
			return say(ERR_LIMIT, text, v, "is one too many (two replies, like { 450, 554 })");
		((uint16_t *)p)[index] = (uint16_t)d;
	} else if (k->size == sizeof(uint64_t)) {
		*(uint64_t *)p = (uint64_t)d;
	} else if (k->size == sizeof(uint32_t)) {
		*(uint32_t *)p = (uint32_t)d;
	} else {
		*(uint8_t *)p = (uint8_t)d;
	}
	return ERR_OK;
}

static enum err set_bool(const struct conf_key *k, struct slice v, struct conf *c, char text[CONF_REASON])
{
	static const char *const yes[] = { "yes", "on", "true" }, *const no[] = { "no", "off", "false" };

	for (size_t i = 0; i < 3; i++) {
		if (slice_eq_nocase(v, slice_str(yes[i])) || slice_eq_nocase(v, slice_str(no[i]))) {
			*(bool *)place(k, c) = slice_eq_nocase(v, slice_str(yes[i]));
			return ERR_OK;
		}
	}
	return say(ERR_SYNTAX, text, v, "is neither yes nor no");
}

static enum err set_choice(const struct conf_key *k, struct slice v, struct conf *c, char text[CONF_REASON])
{
	struct slice rest = slice_str(k->choices), word;
	unsigned number = 0;
	char name[CONF_ITEM];
	const char *instead;

	while (slice_word(&rest, &word)) {
		number++;
		if (slice_eq(word, v)) {
			assert(k->size == sizeof number);
			memcpy(place(k, c), &number, sizeof number);
			return ERR_OK;
		}
	}
	slice_copy(v, name, sizeof name);
	instead = conf_keys_later(k->section, k->name, name);
	if (instead)
		return say(ERR_VERSION, text, v, "is not yet in this version (%s)", instead);
	return say(ERR_SYNTAX, text, v, "is none of: %s", k->choices);
}

enum err conf_value_set(
	const struct conf_key *k, struct slice value, unsigned index, struct conf *c, char text[CONF_REASON])
{
	switch (k->type) {
	case CONF_TYPE_TEXT:
		return set_text(k, value, c, text);
	case CONF_TYPE_LIST:
		return set_item(k, value, index, c, text);
	case CONF_TYPE_BOOL:
		return set_bool(k, value, c, text);
	case CONF_TYPE_CHOICE:
		return set_choice(k, value, c, text);
	case CONF_TYPE_DURATION:
	case CONF_TYPE_SIZE:
	case CONF_TYPE_FLOAT:
	case CONF_TYPE_NUMBER:
	case CONF_TYPE_REPLIES:
		return set_ranged(k, value, index, c, text);
	}
	return ERR_SYNTAX;
}

void conf_value_clear(const struct conf_key *k, struct conf *c)
{
	assert(k->type == CONF_TYPE_LIST);
	memset(place(k, c), 0, sizeof(struct conf_list));
}

static void set_default(const struct conf_key *k, struct conf *ret)
{
	struct slice rest = slice_str(k->preset), word;
	char text[CONF_REASON];
	unsigned index = 0;
	enum err e = ERR_OK;

	if (k->type == CONF_TYPE_LIST || k->type == CONF_TYPE_REPLIES) {
		while (e == ERR_OK && slice_word(&rest, &word))
			e = conf_value_set(k, word, index++, ret, text);
	} else {
		e = conf_value_set(k, rest, 0, ret, text);
	}
	assert(e == ERR_OK);
	(void)e;
}

void conf_defaults(struct conf *ret)
{
	memset(ret, 0, sizeof *ret);
	for (size_t i = 0; i < conf_keys_count(); i++) {
		const struct conf_key *k = conf_keys_at(i);

		for (uint32_t n = 0; n < (k->is_titled ? conf_keys_titles_max(k->section) : 1u); n++)
			set_default(k, conf_keys_shift(ret, k->section, n));
	}
}

/* In double quotes; $ too is escaped, else the reader takes ${X} for a variable. */
static enum err print_quoted(const char *s, struct buf *to)
{
	enum err e = buf_add_char(to, '"');

	for (; *s && e == ERR_OK; s++) {
		if (strchr("\"\\$", *s))
			e = buf_add_char(to, '\\');
		if (e == ERR_OK)
			e = buf_add_char(to, *s);
	}
	return e == ERR_OK ? buf_add_char(to, '"') : e;
}

static enum err print_list(const struct conf_list *list, struct buf *to)
{
	enum err e = buf_add_str(to, "{");

	for (uint32_t i = 0; i < list->count && e == ERR_OK; i++) {
		e = buf_add_str(to, i ? ", " : " ");
		if (e == ERR_OK)
			e = print_quoted(list->item[i], to);
	}
	return e == ERR_OK ? buf_add_str(to, " }") : e;
}

static enum err print_choice(const struct conf_key *k, const void *p, struct buf *to)
{
	struct slice rest = slice_str(k->choices), word = SLICE_LIT("?");
	unsigned number;

	memcpy(&number, p, sizeof number);
	while (number-- > 0)
		(void)slice_word(&rest, &word);
	return buf_add(to, word);
}

static double number_at(const struct conf_key *k, const void *p)
{
	if (k->type == CONF_TYPE_FLOAT)
		return *(const double *)p;
	if (k->size == sizeof(uint64_t))
		return (double)*(const uint64_t *)p;
	return k->size == sizeof(uint32_t) ? *(const uint32_t *)p : *(const uint8_t *)p;
}

enum err conf_value_print(const struct conf_key *k, const struct conf *c, struct buf *to)
{
	const void *p = place_const(k, c);
	char text[NUM_TEXT];

	switch (k->type) {
	case CONF_TYPE_TEXT:
		return print_quoted(p, to);
	case CONF_TYPE_LIST:
		return print_list(p, to);
	case CONF_TYPE_BOOL:
		return buf_add_str(to, *(const bool *)p ? "yes" : "no");
	case CONF_TYPE_CHOICE:
		return print_choice(k, p, to);
	case CONF_TYPE_REPLIES:
		return buf_printf(to, "{ %u, %u }", ((const uint16_t *)p)[0], ((const uint16_t *)p)[1]);
	case CONF_TYPE_DURATION:
	case CONF_TYPE_SIZE:
	case CONF_TYPE_FLOAT:
	case CONF_TYPE_NUMBER:
		return buf_add_str(to, format_range(k, number_at(k, p), text));
	}
	return ERR_SYNTAX;
}
