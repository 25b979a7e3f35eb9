/*
 * export_zone: our list as data of DNS servers. A name that is wider than a
 * host stands as a wildcard at the next border of octets (IPv6: nibbles); the
 * entries are disjoint, so no wildcard ever has a listed name below it, which
 * would hide the rest of it.
 * SPDX-License-Identifier: ISC
 */
#include "core/export_form.h"

#include "base/num.h"
#include "core/dns_owner.h"

#include <stdio.h>

#define REFRESH_S 3600
#define RETRY_S 600
#define EXPIRE_S 604800
#define TEXT_ESCAPED (2 * DNSBL_TEXT + 1)
#define SERIAL_MARK "; serial "
#define SERIAL_MARK_RBLDNSD "# serial "
#define NO_SERVER "localhost." /* zones that are not delegated need a name there, and none that exists */

/* ---- the site */

/* "host.master@example.org" as host\.master.example.org. */
static void contact_name(const char *mail, const char *zone, char to[EXPORT_NAME])
{
	const char *at = strchr(mail, '@');
	size_t n = 0;

	if (!at) {
		(void)snprintf(to, EXPORT_NAME, "hostmaster.%.200s", zone[0] ? zone : "localhost");
		return;
	}
	for (const char *s = mail; *s && n + 3 < EXPORT_NAME; s++) {
		if (s == at)
			to[n++] = '.';
		else if (*s == '.' && s < at)
			to[n++] = '\\', to[n++] = '.';
		else if ((*s >= 'a' && *s <= 'z') || (*s >= 'A' && *s <= 'Z') || (*s >= '0' && *s <= '9') ||
			 strchr("-_.+", *s))
			to[n++] = *s;
	}
	to[n] = '\0';
}

bool export_site_init(struct export_site *ret, const struct conf *c, enum conf_export_format f, const char *name,
	const char *zone, uint64_t now, uint32_t serial)
{
	struct export_site s = { .conf = c, .now = now, .serial = serial };
	char text[DNS_NAME];

	if (!zone[0])
		zone = c->dnsbl.zone;
	if (zone[0]) {
		if (dns_question_name(slice_str(zone), text) != ERR_OK)
			return false;
		slice_copy(slice_str(text), s.zone, sizeof s.zone);
	} else if (export_form_of(f)->needs_zone) {
		return false;
	}
	slice_copy(slice_str(name), s.name, sizeof s.name);
	contact_name(c->dnsbl.contact, s.zone, s.contact);
	*ret = s;
	return true;
}

uint32_t export_serial_next(uint64_t now, uint32_t last)
{
	uint32_t serial = (uint32_t)now;

	/* RFC 1982: behind, in a circle of 2^32 */
	return !last || (int32_t)(serial - last) > 0 ? serial : last + 1;
}

uint32_t export_serial_read(struct slice head)
{
	struct slice line;

	while (slice_line(&head, &line)) {
		struct slice mark = SLICE_LIT(SERIAL_MARK), other = SLICE_LIT(SERIAL_MARK_RBLDNSD);
		uint64_t v;

		if ((slice_starts(line, mark) || slice_starts(line, other)) &&
			num_parse(slice_from(line, mark.n), UINT32_MAX, &v) == ERR_OK)
			return (uint32_t)v;
	}
	return 0;
}

static const char *server_name(const struct conf *c, uint32_t i, char to[DNS_NAME + 1])
{
	char text[DNS_NAME];

	if (i >= c->dnsbl.name_servers.count ||
		dns_question_name(slice_str(c->dnsbl.name_servers.item[i]), text) != ERR_OK)
		return NO_SERVER;
	(void)snprintf(to, DNS_NAME + 1, "%s.", text);
	return to;
}

/* At least one. */
static uint32_t servers(const struct conf *c)
{
	return c->dnsbl.name_servers.count ? c->dnsbl.name_servers.count : 1;
}

/* ---- rbldnsd */

/* rbldnsd puts the address in place of a $. */
static const char *rbldnsd_text(const struct dnsbl_reason *r, const char *url, char to[TEXT_ESCAPED])
{
	char text[DNSBL_TEXT + 1];
	size_t n = 0;

	(void)dnsbl_answer_text(r, url, text);
	for (const char *s = text; *s; s++) {
		if (*s == '$')
			to[n++] = '$';
		to[n++] = *s;
	}
	to[n] = '\0';
	return to;
}

static void test_reason(const struct conf *c, struct dnsbl_reason *ret)
{
	*ret = (struct dnsbl_reason){ .why = DNSBL_BY_TEST, .code = (uint8_t)c->dnsbl.code_hit };
}

static void begin_dataset(struct export_writer *w, const char *type, const char *name, const char *test)
{
	struct dnsbl_reason r;
	char text[TEXT_ESCAPED];

	test_reason(w->site->conf, &r);
	export_put(w, "$DATASET %s:%s @\n%s :127.0.0.%u:%s\n", type, name, test, r.code,
		rbldnsd_text(&r, w->site->conf->dnsbl.url, text));
}

void export_begin_rbldnsd(struct export_writer *w)
{
	const struct conf *c = w->site->conf;
	char name[DNS_NAME + 1];

	export_put(w, "# limetwig %s: rbldnsd ... ZONE:combined:FILE\n" SERIAL_MARK_RBLDNSD "%u\n", w->site->name,
		w->site->serial);
	export_put(w, "$SOA %llu %s %s. %u %u %u %u %llu\n", (unsigned long long)c->dnsbl.ttl_s,
		server_name(c, 0, name), w->site->contact, w->site->serial, REFRESH_S, RETRY_S, EXPIRE_S,
		(unsigned long long)c->dnsbl.negative_ttl_s);
	export_put(w, "$NS %llu", (unsigned long long)c->dnsbl.ttl_s);
	for (uint32_t i = 0; i < servers(c); i++)
		export_put(w, " %s", server_name(c, i, name));
	export_put(w, "\n$TTL %llu\n", (unsigned long long)c->dnsbl.ttl_s);
	begin_dataset(w, "ip4trie", "ipv4", "127.0.0.2");
}

static void to_ipv6(struct export_writer *w)
{
	if (w->set)
		return;
	begin_dataset(w, "ip6trie", "ipv6", "::ffff:7f00:2");
	w->set = 1;
}

void export_entry_rbldnsd(struct export_writer *w, const struct export_entry *e)
{
	char address[PREFIX_TEXT], text[TEXT_ESCAPED];
	struct dnsbl_reason r;

	if (e->prefix.addr.family == 6)
		to_ipv6(w);
	export_reason(w->site->conf, e, &r);
	export_put(w, "%s :127.0.0.%u:%s\n", prefix_format(&e->prefix, address), r.code,
		rbldnsd_text(&r, w->site->conf->dnsbl.url, text));
}

void export_end_rbldnsd(struct export_writer *w)
{
	to_ipv6(w);
}

/* ---- zones */

void export_begin_zone(struct export_writer *w)
{
	const struct conf *c = w->site->conf;
	char name[DNS_NAME + 1];

	export_put(w, "; limetwig %s\n" SERIAL_MARK "%u\n$ORIGIN %s.\n$TTL %llu\n", w->site->name, w->site->serial,
		w->site->zone, (unsigned long long)c->dnsbl.ttl_s);
	export_put(w, "@ SOA %s %s. %u %u %u %u %llu\n", server_name(c, 0, name), w->site->contact, w->site->serial,
		REFRESH_S, RETRY_S, EXPIRE_S, (unsigned long long)c->dnsbl.negative_ttl_s);
	for (uint32_t i = 0; i < servers(c); i++)
		export_put(w, "@ NS %s\n", server_name(c, i, name));
}

/* 24.0.2.0.192, and the words of IPv6 with zz for the first longest run of zeros, as BIND wants them. */
static void rpz_name(const struct prefix *p, char to[EXPORT_NAME])
{
	size_t n = (size_t)snprintf(to, EXPORT_NAME, "%u", p->len);
	unsigned word[8], best = 8, most = 1;

	if (p->addr.family == 4) {
		(void)snprintf(to + n, EXPORT_NAME - n, ".%u.%u.%u.%u", p->addr.b[3], p->addr.b[2], p->addr.b[1],
			p->addr.b[0]);
		return;
	}
	for (unsigned i = 0; i < 8; i++)
		word[i] = (unsigned)p->addr.b[2 * i] << 8 | p->addr.b[2 * i + 1];
	for (unsigned i = 0, run = 0; i < 8; i++) {
		run = word[i] ? 0 : run + 1;
		if (run > most) {
			most = run;
			best = i + 1 - run;
		}
	}
	for (unsigned i = 8; i-- > 0;) {
		if (best < 8 && i >= best && i < best + most) {
			n += (size_t)snprintf(to + n, EXPORT_NAME - n, ".zz");
			i = best;
		} else {
			n += (size_t)snprintf(to + n, EXPORT_NAME - n, ".%x", word[i]);
		}
	}
}

void export_entry_rpz(struct export_writer *w, const struct export_entry *e)
{
	char name[EXPORT_NAME];

	rpz_name(&e->prefix, name);
	export_put(w, "%s.rpz-ip CNAME .\n%s.rpz-client-ip CNAME rpz-drop.\n", name, name);
}

/* Between quotes of a zone file. */
static const char *quoted(const struct dnsbl_reason *r, const char *url, char to[TEXT_ESCAPED])
{
	char text[DNSBL_TEXT + 1];
	size_t n = 0;

	(void)dnsbl_answer_text(r, url, text);
	for (const char *s = text; *s; s++) {
		if (*s == '"' || *s == '\\')
			to[n++] = '\\';
		to[n++] = *s;
	}
	to[n] = '\0';
	return to;
}

static void put_records(struct export_writer *w, const char *name, uint64_t ttl_s, const struct dnsbl_reason *r)
{
	char text[TEXT_ESCAPED];

	export_put(w, "%s %llu A 127.0.0.%u\n %llu TXT \"%s\"\n", name, (unsigned long long)ttl_s, r->code,
		(unsigned long long)ttl_s, quoted(r, w->site->conf->dnsbl.url, text));
}

/* The first parts octets or nibbles of a, reversed; in front a wildcard where some are missing. */
static void reverse_name(const struct ipaddr *a, unsigned parts, char to[EXPORT_NAME])
{
	unsigned all = a->family == 4 ? 4 : 32;
	size_t n = 0;

	to[0] = '\0';
	if (parts < all)
		n = (size_t)snprintf(to, EXPORT_NAME, "*%s", parts ? "." : "");
	for (unsigned i = parts; i-- > 0;) {
		unsigned v = a->family == 4 ? a->b[i] : i % 2 ? a->b[i / 2] & 15u : a->b[i / 2] >> 4;

		n += (size_t)snprintf(to + n, EXPORT_NAME - n, a->family == 4 ? "%u%s" : "%x%s", v, i ? "." : "");
	}
}

void export_begin_bind(struct export_writer *w)
{
	struct ipaddr test4 = { .family = 4, .b = { 127, 0, 0, 2 } };
	struct ipaddr test6 = { .family = 6, .b = { [10] = 0xff, 0xff, 127, 0, 0, 2 } };
	char name[EXPORT_NAME];
	struct dnsbl_reason r;

	export_begin_zone(w);
	test_reason(w->site->conf, &r);
	reverse_name(&test4, 4, name);
	put_records(w, name, w->site->conf->dnsbl.ttl_s, &r);
	reverse_name(&test6, 32, name);
	put_records(w, name, w->site->conf->dnsbl.ttl_s, &r);
}

/* Cut until each part is one name, that no name of the other family hides (core/dns_owner). */
static void put_names(struct export_writer *w, const struct prefix *p, uint64_t ttl_s, const struct dnsbl_reason *r)
{
	struct prefix half[2];
	char name[EXPORT_NAME];

	if (w->err != ERR_OK)
		return;
	if (dns_owner_is_name(p)) {
		reverse_name(&p->addr, p->len / (p->addr.family == 6 ? 4u : 8u), name);
		put_records(w, name, ttl_s, r);
		return;
	}
	prefix_halve(p, half);
	put_names(w, &half[0], ttl_s, r);
	put_names(w, &half[1], ttl_s, r);
}

void export_entry_bind(struct export_writer *w, const struct export_entry *e)
{
	uint64_t ttl_s = w->site->conf->dnsbl.ttl_s, left_s = export_left_s(w, e);
	struct dnsbl_reason r;

	if (left_s && left_s < ttl_s)
		ttl_s = left_s;
	export_reason(w->site->conf, e, &r);
	put_names(w, &e->prefix, ttl_s, &r);
}
