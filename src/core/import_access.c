/*
 * import_access: one logical line of a recipient access map.
 * SPDX-License-Identifier: ISC
 */
#include "core/import_private.h"

#include "base/ipaddr.h"

enum act { ACT_TRAP, ACT_OTHER, ACT_UNKNOWN };

static enum act act_of(struct slice action)
{
	static const char *const traps[] = { "DISCARD", "REDIRECT", "REJECT" };
	static const char *const others[] = { "OK", "DUNNO", "PERMIT", "PERMIT_AUTH_DESTINATION", "RELAY", "WARN",
		"INFO", "PREPEND", "BCC", "HOLD", "FILTER", "DEFER", "DEFER_IF_PERMIT", "DEFER_IF_REJECT",
		"PERMIT_MYNETWORKS", "PERMIT_SASL_AUTHENTICATED" };
	struct slice word = { action.p, 0 };

	(void)slice_word(&action, &word);
	for (size_t i = 0; i < sizeof traps / sizeof traps[0]; i++)
		if (slice_eq_nocase(word, slice_str(traps[i])))
			return ACT_TRAP;
	for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
		if (slice_eq_nocase(word, slice_str(others[i])))
			return ACT_OTHER;
	if (word.n == 3 && word.p[1] >= '0' && word.p[1] <= '9' && word.p[2] >= '0' && word.p[2] <= '9')
		return word.p[0] == '5' ? ACT_TRAP : word.p[0] == '4' ? ACT_OTHER : ACT_UNKNOWN;
	return ACT_UNKNOWN;
}

/* False: said, or counted. */
static bool is_trap(struct import *im, struct slice action, enum err *ret)
{
	enum act act = act_of(slice_trim(action));

	im->others += act == ACT_OTHER;
	*ret = act == ACT_UNKNOWN
		       ? import_refuse(im, "an action that makes no trap (DISCARD, REDIRECT, REJECT, 5xx do)")
		       : ERR_OK;
	return act == ACT_TRAP;
}

static enum err pattern_line(struct import *im, struct slice line)
{
	size_t n = import_pattern_length(line);
	enum err e;

	if (n == 0)
		return import_refuse(im, "a pattern without its end");
	if (!is_trap(im, slice_from(line, n), &e))
		return e;
	return import_add_pattern(im, slice_head(line, n));
}

static bool is_address_of_client(struct slice key)
{
	struct ipaddr a;
	struct prefix p;
	bool is_part = key.n > 0; /* "192.0.2" */

	for (size_t i = 0; i < key.n; i++)
		is_part &= key.p[i] == '.' || (key.p[i] >= '0' && key.p[i] <= '9');
	return is_part || ipaddr_parse(key, &a) == ERR_OK || prefix_parse(key, &p) == ERR_OK;
}

/* "user@": at every domain; the text is quoted for PCRE. */
static enum err any_domain(struct import *im, struct slice local)
{
	char pattern[400];
	size_t n = 0;

	pattern[n++] = '/';
	pattern[n++] = '^';
	for (size_t i = 0; i < local.n && n + 6 < sizeof pattern; i++) {
		if (strchr(".[]()*+?{}|^$/\\", local.p[i]))
			pattern[n++] = '\\';
		pattern[n++] = local.p[i];
	}
	if (n + 6 >= sizeof pattern)
		return import_refuse(im, "is too long");
	pattern[n++] = '@';
	pattern[n++] = '/';
	return import_add(im, slice_of(pattern, n), "");
}

static enum err key_line(struct import *im, struct slice line)
{
	char domain[IMPORT_LINE + 2];
	struct slice key;
	size_t at;
	enum err e;

	if (!slice_word(&line, &key))
		return ERR_OK;
	if (!is_trap(im, line, &e))
		return e;
	at = slice_rfind(key, '@');
	if (is_address_of_client(key))
		return import_refuse(im, "an address of a client, not a recipient");
	if (key.p[0] == '.')
		return import_refuse(im, "all below a domain: name each domain");
	if (at == key.n - 1)
		return any_domain(im, slice_head(key, at));
	if (at < key.n)
		return import_add(im, key, "");
	if (key.n > IMPORT_LINE)
		return import_refuse(im, "is too long");
	domain[0] = '@';
	memcpy(domain + 1, key.p, key.n);
	return import_add(im, slice_of(domain, key.n + 1), "");
}

enum err import_access_line(struct import *im, struct slice line)
{
	struct slice rest = line, word;

	if (slice_word(&rest, &word) &&
		(slice_eq_nocase(word, SLICE_LIT("if")) || slice_eq_nocase(word, SLICE_LIT("endif"))))
		return import_refuse(im, "if and endif are not read: what stands between them was taken without them");
	if (line.p[0] == '!')
		return import_refuse(im, "a negated pattern would catch everybody else");
	if (line.p[0] == '/' || (import_is_delimiter(line.p[0]) && !strchr(".@\"<[_-+#", line.p[0])))
		return pattern_line(im, line);
	return key_line(im, line);
}
