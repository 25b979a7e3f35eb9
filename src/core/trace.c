/*
 * trace: fields line by line, compared in canonical form.
 * SPDX-License-Identifier: ISC
 */
#include "core/trace.h"

#include "core/alias_map.h"
#include "core/envelope.h"

#define TRACE_FIELD 1100 /* bytes of one value that are compared: no address is so long */

/* What escape_text made of it, undone. */
static struct slice unescape(struct slice s, char to[TRACE_FIELD])
{
	size_t n = 0;

	for (size_t i = 0; i < s.n && n < TRACE_FIELD; i++) {
		int high = i + 3 < s.n && s.p[i] == '\\' && s.p[i + 1] == 'x' ? ascii_hex(s.p[i + 2]) : -1;
		int low = high >= 0 ? ascii_hex(s.p[i + 3]) : -1;

		to[n++] = s.p[i];
		if (low >= 0) {
			to[n - 1] = (char)(high << 4 | low);
			i += 3;
		}
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

enum field { FIELD_END, FIELD_SENDER, FIELD_RECIPIENT, FIELD_ORCPT, FIELD_OTHER };

static const struct {
	const char *name, *gone; /* gone: in its place, as long as it */
} fields[FIELD_OTHER] = {
	[FIELD_END] = { "X-Limetwig-End: 1", NULL },
	[FIELD_SENDER] = { "X-Limetwig-Sender: ", NULL },
	[FIELD_RECIPIENT] = { "X-Limetwig-Recipient: ", "X-Limetwig-Forgotten: " },
	[FIELD_ORCPT] = { "X-Limetwig-Orcpt: ", "X-Limetwig-Empty: " },
};

/* The next field of *head. A line that is cut is none: it may be the front of another address. */
static bool next_field(struct slice *head, bool *ret_is_ended, enum field *ret, struct slice *ret_value)
{
	struct slice line;

	*ret_is_ended = false;
	if (slice_find(*head, '\n') == head->n || !slice_line(head, &line))
		return false;
	*ret_is_ended =
		!slice_starts(line, SLICE_LIT("X-Limetwig-")) || slice_eq(line, slice_str(fields[FIELD_END].name));
	for (int i = FIELD_SENDER; i < FIELD_OTHER && !*ret_is_ended; i++)
		if (slice_starts(line, slice_str(fields[i].name))) {
			*ret = (enum field)i;
			*ret_value = slice_from(line, strlen(fields[i].name));
			return true;
		}
	*ret = FIELD_OTHER;
	return !*ret_is_ended;
}

/* Of a rider: his address, not the one he was written to. */
static bool is_rider(struct slice value)
{
	char text[TRACE_FIELD];

	return envelope_is_rider(unescape(value, text));
}

void trace_look(struct slice head, const char *address, struct trace_found *ret)
{
	enum field f;
	struct slice value;

	*ret = (struct trace_found){ 0 };
	while (next_field(&head, &ret->is_ended, &f, &value)) {
		bool is_his = f != FIELD_OTHER && value.n && is_address(value, address);

		ret->is_sender |= f == FIELD_SENDER && is_his;
		ret->is_recipient |= (f == FIELD_RECIPIENT || f == FIELD_ORCPT) && is_his;
		if (f != FIELD_RECIPIENT || !is_rider(value))
			continue;
		ret->is_rider |= is_his;
		ret->riders += !is_his;
	}
}

static void blank(struct slice value, enum field f)
{
	size_t name = strlen(fields[f].name);
	char *line = (char *)(uintptr_t)(value.p - name);

	memcpy(line, fields[f].gone, name);
	memset(line + name, ' ', value.n);
}

bool trace_forget(char *head, size_t n, const char *address)
{
	struct slice rest = slice_of(head, n), value;
	bool is_ended, is_gone = false, is_changed = false;
	enum field f;

	while (next_field(&rest, &is_ended, &f, &value)) {
		bool is_his = value.n && (f == FIELD_RECIPIENT || f == FIELD_ORCPT) && is_address(value, address);

		if (f == FIELD_RECIPIENT)
			is_gone = is_his;
		/* what a forgotten recipient was written to as says who he is */
		if (!is_his && !(f == FIELD_ORCPT && is_gone))
			continue;
		blank(value, f);
		is_changed = true;
	}
	return is_changed;
}
