/*
 * envelope: values stand in the trace as escape_text makes them, never cut.
 * SPDX-License-Identifier: ISC
 */
#include "core/envelope.h"

#include "base/escape.h"
#include "base/num.h"
#include "core/alias_map.h"

#include <stdio.h>

#define FIELD_MAX (4 * LMTP_LINE + 8) /* a whole command line, escaped */
#define HEAD "X-Limetwig-"
#define BODY_8BIT "8BITMIME"
#define BODY_UTF8 "8BITMIME SMTPUTF8"

bool envelope_is_trap(struct slice address, struct address *ret_trap)
{
	struct address encoded;

	return address_parse(address, &encoded) == ERR_OK && alias_map_decode(&encoded, ret_trap) == ERR_OK;
}

bool envelope_is_rider(struct slice address)
{
	const struct slice own = SLICE_LIT("limetwig.invalid");
	struct slice domain = slice_from(address, slice_rfind(address, '@') + 1);
	struct address a;

	/* whoever reads "limetwig.invalid." as ours must not find a rider in it, too */
	if (address_parse(address, &a) == ERR_OK)
		domain = a.domain;
	if (domain.n == 0 || domain.n < own.n)
		return address.n > 0;
	return !slice_eq_nocase(slice_from(domain, domain.n - own.n), own);
}

/* ---- write */

static enum err put(struct buf *to, const char *name, struct slice value)
{
	char text[FIELD_MAX];

	return buf_printf(to, HEAD "%s: %s\r\n", name, escape_text(value, text, sizeof text));
}

static enum err put_recipients(const struct lmtp_session *s, struct buf *to)
{
	struct lmtp_recipient r;
	enum err e = ERR_OK;
	size_t pos = 0;

	while (e == ERR_OK && lmtp_session_recipient(s, &pos, &r)) {
		e = put(to, "Recipient", r.address);
		if (e == ERR_OK && r.orcpt.n && envelope_is_rider(r.address))
			e = put(to, "Orcpt", r.orcpt);
	}
	return e;
}

static enum err put_client(const struct lmtp_client *c, struct buf *to)
{
	char addr[IPADDR_TEXT], port[NUM_TEXT];
	enum err e;

	(void)snprintf(port, sizeof port, "%u", c->port);
	e = put(to, "Client", slice_str(ipaddr_format(&c->addr, addr)));
	if (e == ERR_OK)
		e = put(to, "Port", slice_str(port));
	if (e == ERR_OK)
		e = put(to, "Name", slice_str(c->name));
	if (e == ERR_OK)
		e = put(to, "Helo", slice_str(c->helo));
	return e == ERR_OK ? put(to, "Queue-Id", slice_str(c->queue_id)) : e;
}

const char *envelope_size_text(uint64_t size, char to[ENVELOPE_SIZE_DIGITS + 1])
{
	(void)snprintf(to, ENVELOPE_SIZE_DIGITS + 1, "%010llu", (unsigned long long)(size % 10000000000));
	return to;
}

enum err envelope_write(const struct lmtp_session *s, struct buf *to, size_t *ret_size_at)
{
	char digits[ENVELOPE_SIZE_DIGITS + 1];
	size_t at = 0;
	enum err e = put(to, "Sender", slice_str(s->sender));

	if (e == ERR_OK)
		e = put_client(&s->client, to);
	if (e == ERR_OK && (s->is_8bit || s->is_utf8))
		e = put(to, "Body", slice_str(s->is_utf8 ? BODY_UTF8 : BODY_8BIT));
	if (e == ERR_OK)
		e = put_recipients(s, to);
	if (e == ERR_OK) {
		e = buf_add_str(to, HEAD "Size: ");
		at = to->n;
	}
	if (e == ERR_OK)
		e = buf_printf(to, "%s\r\n" HEAD "End: 1\r\n", envelope_size_text(0, digits));
	if (e == ERR_OK)
		*ret_size_at = at;
	return e;
}

enum err envelope_write_sample(const struct lmtp_client *c, const struct msg_sample *m, struct buf *to)
{
	struct slice rest = slice_str(m->recipients);
	char digits[ENVELOPE_SIZE_DIGITS + 1];
	enum err e = put(to, "Sender", slice_str(m->sender));

	if (e == ERR_OK)
		e = put_client(c, to);
	if (e == ERR_OK)
		e = put(to, "Sample", slice_str(m->case_id));
	while (e == ERR_OK && rest.n) {
		struct slice path = slice_head(rest, slice_find(rest, '\n'));

		e = put(to, "Recipient", path);
		rest = slice_from(rest, path.n + 1);
	}
	return e == ERR_OK ? buf_printf(to, HEAD "Size: %s\r\n" HEAD "End: 1\r\n", envelope_size_text(m->size, digits))
			   : e;
}

/* ---- in memory */

void envelope_init(struct envelope *v)
{
	memset(v, 0, sizeof *v);
	buf_init(&v->recipients, LMTP_RECIPIENT_BYTES);
}

void envelope_done(struct envelope *v)
{
	buf_done(&v->recipients);
}

static enum err add_recipient(struct envelope *v, struct slice address, struct slice orcpt)
{
	enum err e = v->count >= LMTP_RECIPIENTS ? ERR_LIMIT : lmtp_recipient_add(&v->recipients, address, orcpt);

	if (e == ERR_OK)
		v->count++;
	return e;
}

bool envelope_next(const struct envelope *v, size_t *pos, struct lmtp_recipient *ret)
{
	return lmtp_recipient_next(&v->recipients, pos, ret);
}

enum err envelope_take(const struct lmtp_session *s, struct envelope *v)
{
	struct lmtp_recipient r;
	enum err e = ERR_OK;
	size_t pos = 0;

	slice_copy(slice_str(s->sender), v->sender, sizeof v->sender);
	v->client = s->client;
	v->is_8bit = s->is_8bit;
	v->is_utf8 = s->is_utf8;
	v->size = s->data_bytes;
	while (e == ERR_OK && lmtp_session_recipient(s, &pos, &r))
		if (envelope_is_rider(r.address))
			e = add_recipient(v, r.address, r.orcpt);
	return e;
}

enum err envelope_set_recipient(struct envelope *v, struct slice address)
{
	if (address.n == 0 || slice_find(address, '@') == address.n || !envelope_is_rider(address))
		return ERR_SYNTAX;
	for (size_t i = 0; i < address.n; i++)
		if ((unsigned char)address.p[i] <= ' ' || address.p[i] == '<' || address.p[i] == '>')
			return ERR_SYNTAX;
	buf_reset(&v->recipients);
	v->count = 0;
	return add_recipient(v, address, (struct slice){ "", 0 });
}

/* ---- read */

/* Undo escape_text. ERR_SYNTAX: it did not make this. */
static enum err unescape(struct slice s, char *to, size_t size)
{
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++) {
		int c = (unsigned char)s.p[i];

		if (c == '\\') {
			if (i + 3 >= s.n || s.p[i + 1] != 'x' || ascii_hex(s.p[i + 2]) < 0 || ascii_hex(s.p[i + 3]) < 0)
				return ERR_SYNTAX;
			c = ascii_hex(s.p[i + 2]) * 16 + ascii_hex(s.p[i + 3]);
			i += 3;
		}
		if (n + 1 >= size || c == 0)
			return ERR_SYNTAX;
		to[n++] = (char)c;
	}
	to[n] = '\0';
	return ERR_OK;
}

struct reading {
	struct envelope *v;
	char recipient[LMTP_LINE], orcpt[LMTP_LINE];
	bool has_recipient, has_sender, has_size, is_ended;
};

static enum err end_recipient(struct reading *x)
{
	if (!x->has_recipient)
		return ERR_OK;
	x->has_recipient = false;
	return add_recipient(x->v, slice_str(x->recipient), slice_str(x->orcpt));
}

static enum err read_recipient(struct reading *x, struct slice value)
{
	enum err e = end_recipient(x);

	x->orcpt[0] = '\0';
	if (e == ERR_OK)
		e = unescape(value, x->recipient, sizeof x->recipient);
	x->has_recipient = e == ERR_OK && envelope_is_rider(slice_str(x->recipient));
	return e;
}

static enum err read_client(struct lmtp_client *c, struct slice name, struct slice value)
{
	uint64_t n;

	if (slice_eq(name, SLICE_LIT("Client"))) {
		if (ipaddr_parse(value, &c->addr) != ERR_OK)
			c->addr = (struct ipaddr){ 0 };
		return ERR_OK;
	}
	if (slice_eq(name, SLICE_LIT("Port"))) {
		c->port = num_parse(value, UINT16_MAX, &n) == ERR_OK ? (uint16_t)n : 0;
		return ERR_OK;
	}
	if (slice_eq(name, SLICE_LIT("Name")))
		return unescape(value, c->name, sizeof c->name);
	if (slice_eq(name, SLICE_LIT("Helo")))
		return unescape(value, c->helo, sizeof c->helo);
	if (slice_eq(name, SLICE_LIT("Queue-Id")))
		return unescape(value, c->queue_id, sizeof c->queue_id);
	return ERR_OK; /* a newer version's */
}

static enum err read_field(struct reading *x, struct slice name, struct slice value)
{
	struct envelope *v = x->v;

	if (slice_eq(name, SLICE_LIT("Recipient")))
		return read_recipient(x, value);
	if (slice_eq(name, SLICE_LIT("Orcpt")))
		return unescape(value, x->orcpt, sizeof x->orcpt);
	if (slice_eq(name, SLICE_LIT("Sender"))) {
		x->has_sender = true;
		return unescape(value, v->sender, sizeof v->sender);
	}
	if (slice_eq(name, SLICE_LIT("Size"))) {
		x->has_size = true;
		return num_parse(value, UINT64_MAX / 2, &v->size);
	}
	if (slice_eq(name, SLICE_LIT("Body"))) {
		v->is_8bit = true;
		v->is_utf8 = slice_eq(value, SLICE_LIT(BODY_UTF8));
		return ERR_OK;
	}
	if (slice_eq(name, SLICE_LIT("End"))) {
		x->is_ended = true;
		return end_recipient(x);
	}
	return read_client(&v->client, name, value);
}

enum err envelope_read(struct slice head, struct envelope *v)
{
	const struct slice own = SLICE_LIT(HEAD);
	struct reading x = { .v = v };
	size_t at = 0;
	enum err e = ERR_OK;

	while (e == ERR_OK && !x.is_ended) {
		struct slice rest = slice_from(head, at), line = slice_head(rest, slice_find(rest, '\n'));
		size_t colon;

		if (line.n == rest.n)
			return slice_starts(rest, slice_head(own, rest.n)) ? ERR_MORE : ERR_SYNTAX;
		at += line.n + 1;
		if (!slice_starts(line, own))
			return ERR_SYNTAX;
		line = slice_trim(slice_from(line, own.n));
		colon = slice_find(line, ':');
		e = read_field(&x, slice_head(line, colon), slice_trim(slice_from(line, colon + 1)));
	}
	if (e != ERR_OK || !x.has_sender || !x.has_size)
		return e == ERR_OK ? ERR_SYNTAX : e;
	v->trace = at;
	return ERR_OK;
}
