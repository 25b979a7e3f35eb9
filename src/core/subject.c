/*
 * subject: see the header.
 * SPDX-License-Identifier: ISC
 */
#include "core/subject.h"

#include "base/num.h"
#include "base/wire.h"
#include "core/address.h"

#define MIN_LEN4 16
#define MIN_LEN6 32

static const uint8_t identity_net[8] = { 0x01 };

void subject_rules_init(struct subject_rules *r)
{
	*r = (struct subject_rules){ .ipv4 = 32, .ipv6 = 64 };
	prefix_table_init(&r->lengths);
}

void subject_rules_done(struct subject_rules *r)
{
	prefix_table_done(&r->lengths);
}

enum err subject_length_parse(struct slice s, struct prefix *ret_network, uint8_t *ret_len)
{
	size_t eq = slice_find(s, '=');
	struct prefix p;
	uint64_t len, min;
	enum err e = prefix_parse(slice_trim(slice_head(s, eq)), &p);

	if (e != ERR_OK || num_parse(slice_trim(slice_from(s, eq + 1)), ipaddr_bits(&p.addr), &len) != ERR_OK)
		return ERR_SYNTAX;
	min = p.addr.family == 4 ? MIN_LEN4 : MIN_LEN6;
	if (len < p.len || len < min)
		return ERR_SYNTAX;
	*ret_network = p;
	*ret_len = (uint8_t)len;
	return ERR_OK;
}

enum err subject_rules_make(struct subject_rules *r, const struct conf *c)
{
	struct subject_rules made;
	enum err e = ERR_OK;

	subject_rules_init(&made);
	made.ipv4 = c->block.ipv4;
	made.ipv6 = c->block.ipv6;
	for (uint32_t i = 0; i < c->block.lengths.count && e == ERR_OK; i++) {
		struct prefix network;
		uint8_t len;

		/* the configuration was checked: what does not parse here is passed over */
		if (subject_length_parse(slice_str(c->block.lengths.item[i]), &network, &len) == ERR_OK)
			e = prefix_table_add(&made.lengths, &network, len);
	}
	if (e == ERR_OK)
		e = prefix_table_seal(&made.lengths);
	if (e != ERR_OK) {
		subject_rules_done(&made);
		return e;
	}
	subject_rules_done(r);
	*r = made;
	return ERR_OK;
}

struct prefix subject_of_client(const struct subject_rules *r, const struct ipaddr *client)
{
	uint32_t len = client->family == 4 ? r->ipv4 : r->ipv6;

	(void)prefix_table_find(&r->lengths, client, &len);
	return prefix_of(client, len);
}

static struct prefix identity_of(
	const uint8_t key[SIPHASH_KEY], struct slice label, struct slice local, struct slice domain)
{
	uint8_t text[2 * ADDRESS_TEXT + 8];
	struct wr w = wr_init(text, sizeof text);
	struct prefix p = { .addr.family = 6, .len = SUBJECT_IDENTITY_LEN };
	struct wr out = wr_init(p.addr.b + sizeof identity_net, 8);

	wr_bytes(&w, slice_head(label, ADDRESS_TEXT));
	wr_u8(&w, 0);
	wr_bytes(&w, local);
	wr_u8(&w, '@'); /* an empty local part stands for the whole domain: no address has one */
	wr_bytes(&w, domain);
	memcpy(p.addr.b, identity_net, sizeof identity_net);
	wr_u64(&out, siphash64(key, wr_slice(&w)));
	return p;
}

/* Shape shared by both: the sender as it is compared. */
static enum err parse_sender(struct slice sender, struct address *ret)
{
	struct address a;
	enum err e = address_parse(sender, &a);

	if (e != ERR_OK || a.domain.n == 0)
		return ERR_SYNTAX;
	if (!address_strip_extension(&a, "+", ret))
		address_copy(&a, ret);
	return ERR_OK;
}

enum err subject_of_sender(const uint8_t key[SIPHASH_KEY], struct slice label, struct slice sender, struct prefix *ret)
{
	struct address a;
	enum err e = parse_sender(sender, &a);

	if (e == ERR_OK)
		*ret = identity_of(key, label, a.local, a.domain);
	return e;
}

enum err subject_of_domain(const uint8_t key[SIPHASH_KEY], struct slice label, struct slice sender, struct prefix *ret)
{
	char text[ADDRESS_TEXT + 1] = "x";
	struct address a;
	enum err e;

	if (sender.n && sender.p[0] == '@' && sender.n < ADDRESS_TEXT) {
		slice_copy(sender, text + 1, sizeof text - 1);
		sender = slice_str(text);
	}
	e = parse_sender(sender, &a);
	if (e == ERR_OK)
		*ret = identity_of(key, label, (struct slice){ 0 }, a.domain);
	return e;
}

bool subject_is_identity(const struct prefix *p)
{
	return p->addr.family == 6 && p->len == SUBJECT_IDENTITY_LEN &&
	       memcmp(p->addr.b, identity_net, sizeof identity_net) == 0;
}

struct prefix subject_identities(void)
{
	struct prefix p = { .addr.family = 6, .len = 8 * sizeof identity_net };

	memcpy(p.addr.b, identity_net, sizeof identity_net);
	return p;
}
