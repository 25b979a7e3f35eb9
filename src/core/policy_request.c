/*
 * policy_request: see the header.
 * SPDX-License-Identifier: ISC
 */
#include "core/policy_request.h"

enum kind { FIELD_OTHER, FIELD_TEXT, FIELD_STATE, FIELD_REQUEST };

#define TEXT(name)                                                                                                     \
	{                                                                                                              \
		sizeof #name - 1, #name, FIELD_TEXT, offsetof(struct policy_request, name)                             \
	}
#define OTHER(name)                                                                                                    \
	{                                                                                                              \
		sizeof #name - 1, #name, FIELD_OTHER, 0                                                                \
	}

/*
 * In the order in which Postfix 3.7 sends them, so that the next line nearly
 * always is the next entry and one comparison finds it.
 */
static const struct field {
	size_t n;
	const char *name;
	enum kind kind;
	size_t offset;
} fields[] = {
	{ sizeof "request" - 1, "request", FIELD_REQUEST, 0 },
	{ sizeof "protocol_state" - 1, "protocol_state", FIELD_STATE, 0 },
	OTHER(protocol_name),
	TEXT(client_address),
	TEXT(client_name),
	TEXT(client_port),
	TEXT(reverse_client_name),
	TEXT(server_address),
	TEXT(server_port),
	TEXT(helo_name),
	TEXT(sender),
	TEXT(recipient),
	TEXT(recipient_count),
	TEXT(queue_id),
	TEXT(instance),
	TEXT(size),
	OTHER(etrn_domain),
	OTHER(stress),
	OTHER(sasl_method),
	TEXT(sasl_username),
	OTHER(sasl_sender),
	OTHER(ccert_subject),
	OTHER(ccert_issuer),
	OTHER(ccert_fingerprint),
	OTHER(ccert_pubkey_fingerprint),
	OTHER(encryption_protocol),
	OTHER(encryption_cipher),
	OTHER(encryption_keysize),
	OTHER(policy_context),
	OTHER(compatibility_level),
	OTHER(mail_version),
	OTHER(tls_sni),
};

#define FIELDS (sizeof fields / sizeof fields[0])
_Static_assert(FIELDS <= 32, "a bit for each in seen");

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

static bool line_is(struct slice line, const struct field *f)
{
	return line.n > f->n && line.p[f->n] == '=' && memcmp(line.p, f->name, f->n) == 0;
}

/* The field of this line, FIELDS if it is none of ours; next: where to look first. */
static size_t field_of(struct slice line, size_t next)
{
	size_t i;

	if (next < FIELDS && line_is(line, &fields[next]))
		return next;
	for (i = 0; i < FIELDS; i++)
		if (line_is(line, &fields[i]))
			break;
	return i;
}

/* seen: a bit for each field that is ours. */
static enum err take_line(struct policy_request *r, uint32_t *seen, size_t *next, struct slice line)
{
	size_t i = field_of(line, *next);
	struct slice value;

	if (i == FIELDS) {
		size_t eq = slice_find(line, '=');

		return eq == 0 || eq == line.n ? ERR_SYNTAX : ERR_OK;
	}
	*next = i + 1;
	if (fields[i].kind == FIELD_OTHER)
		return ERR_OK;
	if (*seen & UINT32_C(1) << i)
		return ERR_SYNTAX;
	*seen |= UINT32_C(1) << i;
	value = slice_from(line, fields[i].n + 1);
	if (fields[i].kind == FIELD_REQUEST)
		return slice_eq(value, SLICE_LIT("smtpd_access_policy")) ? ERR_OK : ERR_SYNTAX;
	if (fields[i].kind == FIELD_STATE)
		r->state = state_of(value);
	else
		*(struct slice *)(void *)((char *)r + fields[i].offset) = value;
	return ERR_OK;
}

enum err policy_request_parse(struct slice in, struct policy_request *ret, size_t *ret_used)
{
	struct policy_request r = { 0 };
	uint32_t seen = 0;
	size_t at = 0, next = 0;
	enum err e = ERR_OK;

	for (;;) {
		const char *lf = at < in.n ? memchr(in.p + at, '\n', in.n - at) : NULL;
		struct slice line;

		if (!lf)
			return ERR_MORE;
		line = slice_of(in.p + at, (size_t)(lf - in.p) - at);
		at += line.n + 1;
		if (line.n == 0)
			break;
		if (e == ERR_OK) /* a bad request is passed over to its end, so that the next one is found */
			e = take_line(&r, &seen, &next, line);
	}
	*ret_used = at;
	if (at > POLICY_REQUEST_MAX || memchr(in.p, '\0', at))
		return ERR_SYNTAX;
	if (e == ERR_OK)
		*ret = r;
	return e;
}
