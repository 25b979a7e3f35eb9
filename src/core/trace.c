/*
 * trace: fields line by line, compared in canonical form.
 * SPDX-License-Identifier: ISC
 */
#include "core/trace.h"

#include "core/alias_map.h"

#define TRACE_FIELD 1100 /* one value: more is cut by who wrote it */

static int hex_digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* What escape_text made of it, undone. */
static struct slice unescape(struct slice s, char to[TRACE_FIELD])
{
	size_t n = 0;

	for (size_t i = 0; i < s.n && n < TRACE_FIELD; i++) {
		int high = i + 3 < s.n && s.p[i] == '\\' && s.p[i + 1] == 'x' ? hex_digit(s.p[i + 2]) : -1;
		int low = high >= 0 ? hex_digit(s.p[i + 3]) : -1;

		if (low >= 0)
			i += 3;
		to[n++] = low >= 0 ? (char)(high << 4 | low) : s.p[i];
	}
	return slice_of(to, n);
}

static bool is_address(struct slice value, const char *address)
{
	char text[TRACE_FIELD];
	struct slice plain = unescape(value, text);
	struct address a, trap;

	if (address_parse(plain, &a) != ERR_OK)
		return slice_eq_nocase(plain, slice_str(address));
	if (strcmp(a.text, address) == 0)
		return a.text[0] != '\0';
	return alias_map_decode(&a, &trap) == ERR_OK && strcmp(trap.text, address) == 0;
}

static bool is_named(struct slice line, const char *address)
{
	static const char *const names[] = { "Sender: ", "Recipient: ", "Orcpt: " };

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		struct slice name = slice_str(names[i]);

		if (line.n > name.n && slice_eq(slice_head(line, name.n), name))
			return is_address(slice_from(line, name.n), address);
	}
	return false;
}

enum trace_answer trace_names(struct slice head, const char *address)
{
	const struct slice own = SLICE_LIT("X-Limetwig-");
	struct slice line;

	/* a line that is cut may be the front of another address */
	while (slice_find(head, '\n') < head.n && slice_line(&head, &line)) {
		if (line.n < own.n || !slice_eq(slice_head(line, own.n), own))
			return TRACE_OTHERS;
		line = slice_from(line, own.n);
		if (slice_eq(line, SLICE_LIT("End: 1")))
			return TRACE_OTHERS;
		if (is_named(line, address))
			return TRACE_NAMED;
	}
	return TRACE_MORE;
}
