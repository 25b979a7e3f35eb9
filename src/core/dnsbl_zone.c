/*
 * dnsbl_zone: see the header.
 * SPDX-License-Identifier: ISC
 */
#include "core/dnsbl_zone.h"

#include "base/host_port.h"
#include "base/wire.h"

#define LABEL 63
#define NIBBLES 32 /* of an IPv6 address */
#define QUADS 4
#define DIGITS 3 /* of a number of an IPv4 address */

static enum err add_label(struct dnsbl_wire *w, struct slice label)
{
	if (label.n == 0 || label.n > LABEL)
		return ERR_SYNTAX;
	if (w->n + 1 + label.n > DNSBL_NAME - 1) /* room for the root */
		return ERR_LIMIT;
	w->b[w->n++] = (uint8_t)label.n;
	for (size_t i = 0; i < label.n; i++)
		w->b[w->n++] = (uint8_t)ascii_lower(label.p[i]);
	return ERR_OK;
}

/* The labels of a name as text, and the root. */
static enum err add_name(struct dnsbl_wire *w, struct slice text)
{
	if (text.n && text.p[text.n - 1] == '.')
		text.n--;
	while (text.n) {
		size_t n = slice_find(text, '.');
		enum err e = n + 1 == text.n ? ERR_SYNTAX : add_label(w, slice_head(text, n));

		if (e != ERR_OK)
			return e;
		text = slice_from(text, n + 1);
	}
	w->b[w->n++] = 0;
	return ERR_OK;
}

/* One label in front of the zone. */
static enum err own_name(struct dnsbl_wire *w, struct slice label, const struct dnsbl_zone *z)
{
	enum err e = add_label(w, label);

	if (e != ERR_OK || w->n + z->name.n > DNSBL_NAME)
		return e != ERR_OK ? e : ERR_LIMIT;
	memcpy(w->b + w->n, z->name.b, z->name.n);
	w->n += z->name.n;
	return ERR_OK;
}

/* The local part is one label, dots and all (RFC 1035 8). */
static enum err take_contact(struct dnsbl_zone *z, const char *mail)
{
	struct slice s = slice_str(mail[0] ? mail : "hostmaster");
	size_t at = slice_rfind(s, '@');
	enum err e;

	if (at == s.n)
		return own_name(&z->contact, s, z);
	e = add_label(&z->contact, slice_head(s, at));
	return e == ERR_OK ? add_name(&z->contact, slice_from(s, at + 1)) : e;
}

/* Not one that means all, or this host. */
static bool server_address(const char *server, struct ipaddr *ret)
{
	uint16_t port;

	return host_port_parse(slice_str(server), ret, &port) == ERR_OK && !ipaddr_is_private(ret);
}

static enum err take_name_servers(struct dnsbl_zone *z, const struct conf *c)
{
	const struct conf_list *l = &c->dnsbl.name_servers;
	enum err e = ERR_OK;

	for (uint32_t i = 0; i < l->count && z->name_servers < DNSBL_NAME_SERVERS && e == ERR_OK; i++)
		e = add_name(&z->name_server[z->name_servers++], slice_str(l->item[i]));
	if (e != ERR_OK || z->name_servers)
		return e;
	z->has_own_ns = true;
	z->name_servers = 1;
	for (uint32_t i = 0; i < c->dnsbl.listen.count && z->ns_addresses < DNSBL_NS_ADDRESSES; i++)
		z->ns_addresses += server_address(c->dnsbl.listen.item[i], &z->ns_address[z->ns_addresses]);
	return own_name(&z->name_server[0], SLICE_LIT("ns"), z);
}

enum err dnsbl_zone_init(struct dnsbl_zone *ret, const struct conf *c)
{
	struct dnsbl_zone z = { .ttl_s = (uint32_t)c->dnsbl.ttl_s,
		.negative_ttl_s = (uint32_t)c->dnsbl.negative_ttl_s,
		.amplification = c->dnsbl.amplification };
	enum err e = add_name(&z.name, slice_str(c->dnsbl.zone));

	if (e != ERR_OK || z.name.n < 2)
		return e != ERR_OK ? e : ERR_SYNTAX;
	if (z.name.n > DNSBL_NAME - DNS_OWNER_LABELS)
		return ERR_LIMIT;
	memcpy(z.url, c->dnsbl.url, sizeof z.url);
	e = take_contact(&z, c->dnsbl.contact);
	if (e == ERR_OK)
		e = take_name_servers(&z, c);
	if (e == ERR_OK)
		*ret = z;
	return e;
}

/* ---- names */

static int nibble_of(struct slice label)
{
	return label.n == 1 ? ascii_hex(label.p[0]) : -1;
}

/* A number of an IPv4 address, as it is written: no leading zeros. */
static int quad_of(struct slice label)
{
	int v = 0;

	if (label.n == 0 || label.n > DIGITS || (label.n > 1 && label.p[0] == '0'))
		return -1;
	for (size_t i = 0; i < label.n; i++) {
		if (label.p[i] < '0' || label.p[i] > '9')
			return -1;
		v = v * 10 + (label.p[i] - '0');
	}
	return v <= 255 ? v : -1;
}

/* The labels in front of the zone. False: it is not below the zone, or has more labels than any address. */
static bool labels_of(
	const struct dnsbl_zone *z, struct slice name, struct slice label[NIBBLES], size_t *ret_n, bool *ret_is_inside)
{
	size_t own = name.n - z->name.n, i = 0, n = 0;

	*ret_is_inside = false;
	if (name.n < z->name.n)
		return false;
	/* the case of the bytes of a length makes no difference: no length is a letter */
	if (!slice_eq_nocase(slice_from(name, own), slice_of(z->name.b, z->name.n)))
		return false;
	while (i < own) {
		size_t len = (uint8_t)name.p[i];

		if (n < NIBBLES)
			label[n] = slice_of(name.p + i + 1, len);
		n++;
		i += 1 + len;
	}
	*ret_is_inside = i == own;
	*ret_n = n;
	return i == own && n <= NIBBLES;
}

/* Before the zone stand the last numbers first. */
static bool read_ipv4(const struct slice label[NIBBLES], size_t n, struct ipaddr *ret)
{
	*ret = (struct ipaddr){ .family = 4 };
	for (size_t i = 0; i < n; i++) {
		int v = quad_of(label[n - 1 - i]);

		if (v < 0)
			return false;
		ret->b[i] = (uint8_t)v;
	}
	return true;
}

static bool read_ipv6(const struct slice label[NIBBLES], size_t n, struct ipaddr *ret)
{
	*ret = (struct ipaddr){ .family = 6 };
	for (size_t i = 0; i < n; i++) {
		int v = nibble_of(label[n - 1 - i]);

		if (v < 0)
			return false;
		ret->b[i / 2] = (uint8_t)(ret->b[i / 2] | (i % 2 ? v : v << 4));
	}
	return true;
}

static void unmap(struct ipaddr *a)
{
	static const uint8_t mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };
	struct ipaddr v4 = { .family = 4 };

	if (a->family != 6 || memcmp(a->b, mapped, sizeof mapped) != 0)
		return;
	memcpy(v4.b, a->b + sizeof mapped, 4);
	*a = v4;
}

enum dnsbl_name dnsbl_zone_name(
	const struct dnsbl_zone *z, struct slice name, struct ipaddr *ret_host, bool *ret_is_node)
{
	struct slice label[NIBBLES];
	struct ipaddr a;
	bool is_inside;
	size_t n = 0;

	*ret_is_node = false;
	if (!labels_of(z, name, label, &n, &is_inside))
		return is_inside ? DNSBL_NOTHING : DNSBL_OUTSIDE;
	if (n == 0)
		return DNSBL_APEX;
	if (n == 1 && z->has_own_ns && slice_eq_nocase(label[0], SLICE_LIT("ns")))
		return DNSBL_OWN_NS;
	if (n == NIBBLES && read_ipv6(label, n, &a)) {
		unmap(&a);
		*ret_host = a;
		return DNSBL_ADDRESS;
	}
	if (n == QUADS && read_ipv4(label, n, &a)) {
		*ret_host = a;
		*ret_is_node = read_ipv6(label, n, &a);
		return DNSBL_ADDRESS;
	}
	if ((n < QUADS && read_ipv4(label, n, &a)) || (n < NIBBLES && read_ipv6(label, n, &a)))
		return DNSBL_NODE;
	return DNSBL_NOTHING;
}

bool dnsbl_zone_is_test(const struct ipaddr *host)
{
	static const struct ipaddr test = { .family = 4, .b = { 127, 0, 0, 2 } };

	return ipaddr_eq(host, &test);
}

size_t dnsbl_zone_test(const struct dnsbl_zone *z, char last, uint8_t to[DNSBL_TEST_QUESTION])
{
	const uint8_t host[] = { 1, (uint8_t)last, 1, '0', 1, '0', 3, '1', '2', '7' };
	struct wr w = wr_init(to, DNSBL_TEST_QUESTION);

	wr_u32(&w, 0);
	wr_u16(&w, 1);
	wr_u32(&w, 0);
	wr_u16(&w, 0);
	wr_raw(&w, slice_of(host, sizeof host));
	wr_raw(&w, slice_of(z->name.b, z->name.n));
	wr_u16(&w, 1); /* A */
	wr_u16(&w, 1); /* IN */
	return w.n;
}
