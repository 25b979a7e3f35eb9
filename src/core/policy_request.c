/*
 * policy_request: see the header.
 * SPDX-License-Identifier: ISC
 */
#include "core/policy_request.h"

#define FIELD(name) { sizeof #name - 1, #name, offsetof(struct policy_request, name) }

static const struct field {
	size_t n;
	const char *name;
	size_t offset;
} fields[] = {
	FIELD(client_address), FIELD(client_name), FIELD(reverse_client_name), FIELD(client_port),
	FIELD(server_address), FIELD(server_port), FIELD(helo_name), FIELD(sender), FIELD(recipient),
	FIELD(recipient_count), FIELD(queue_id), FIELD(instance), FIELD(sasl_username), FIELD(size),
};

#define FIELDS (sizeof fields / sizeof fields[0])

size_t policy_request_end(struct slice in, size_t *scanned)
{
	size_t i = *scanned ? *scanned - 1 : 0; /* the LF before may be the last byte seen */

	while (i < in.n) {
		const char *q = memchr(in.p + i, '\n', in.n - i);

		if (!q)
			break;
		i = (size_t)(q - in.p);
		if (i == 0 || in.p[i - 1] == '\n')
			return i + 1;
		i++;
	}
	*scanned = in.n;
	return 0;
}

static enum policy_state state_of(struct slice v)
{
	if (slice_eq(v, SLICE_LIT("RCPT")))
		return POLICY_RCPT;
	if (slice_eq(v, SLICE_LIT("END-OF-MESSAGE")))
		return POLICY_END_OF_MESSAGE;
	return POLICY_OTHER;
}

/* The field of this name, FIELDS if it is none of ours. */
static size_t field_of(struct slice name)
{
	size_t i;

	for (i = 0; i < FIELDS; i++)
		if (fields[i].n == name.n && memcmp(fields[i].name, name.p, name.n) == 0)
			break;
	return i;
}

/* seen: a bit for each field, then state and request. */
static enum err take_attribute(struct policy_request *r, uint32_t *seen, struct slice name, struct slice value)
{
	size_t i = field_of(name);
	uint32_t bit;

	if (i < FIELDS) {
		struct slice *at = (struct slice *)(void *)((char *)r + fields[i].offset);

		bit = UINT32_C(1) << i;
		*at = value;
	} else if (slice_eq(name, SLICE_LIT("protocol_state"))) {
		bit = UINT32_C(1) << FIELDS;
		r->state = state_of(value);
	} else if (slice_eq(name, SLICE_LIT("request"))) {
		bit = UINT32_C(1) << (FIELDS + 1);
		if (!slice_eq(value, SLICE_LIT("smtpd_access_policy")))
			return ERR_SYNTAX;
	} else {
		return ERR_OK;
	}
	if (*seen & bit)
		return ERR_SYNTAX;
	*seen |= bit;
	return ERR_OK;
}

enum err policy_request_parse(struct slice request, struct policy_request *ret)
{
	struct policy_request r = { 0 };
	uint32_t seen = 0;

	if (request.n > POLICY_REQUEST_MAX || (request.n && memchr(request.p, '\0', request.n)))
		return ERR_SYNTAX;
	while (request.n) {
		size_t n = slice_find(request, '\n');
		struct slice line = slice_head(request, n);
		size_t eq = slice_find(line, '=');
		enum err e;

		request = slice_from(request, n + 1);
		if (line.n == 0)
			break;
		if (eq == 0 || eq == line.n)
			return ERR_SYNTAX;
		e = take_attribute(&r, &seen, slice_head(line, eq), slice_from(line, eq + 1));
		if (e != ERR_OK)
			return e;
	}
	*ret = r;
	return ERR_OK;
}
