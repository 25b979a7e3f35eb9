/*
 * export_format: the table of formats, and those that are plain lines. Zones
 * are in export_zone.c.
 * SPDX-License-Identifier: ISC
 */
#include "core/export_format.h"

#include "core/dns_question.h"
#include "core/export_form.h"
#include "core/reply_text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define NFT_LINE 500 /* elements of one command: nft reads a command as a whole */

void export_put(struct export_writer *w, const char *fmt, ...)
{
	char text[EXPORT_PIECE];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	if (w->err == ERR_OK)
		w->err = n < 0 || n >= (int)sizeof text ? ERR_LIMIT : buf_add(w->to, slice_of(text, (size_t)n));
}

void export_reason(const struct conf *c, const struct export_entry *e, struct dnsbl_reason *ret)
{
	const uint32_t code[] = { [DNSBL_BY_HIT] = c->dnsbl.code_hit,
		[DNSBL_BY_PERSON] = c->dnsbl.code_person,
		[DNSBL_BY_WIDE] = c->dnsbl.code_wide,
		[DNSBL_BY_FEED] = e->feed ? e->feed->code : DNSBL_CODE_FEED };
	enum dnsbl_why why = dnsbl_why_of(e->block ? e->block->flags : BLOCK_BY_FEED);

	*ret = (struct dnsbl_reason){ .why = why, .code = (uint8_t)code[why] };
	if (why == DNSBL_BY_FEED && e->feed)
		ret->feed = e->feed->name;
	if (e->block)
		memcpy(ret->case_id, e->block->case_id, sizeof ret->case_id);
}

uint64_t export_left_s(const struct export_writer *w, const struct export_entry *e)
{
	uint64_t end = e->block ? block_entry_end(e->block, w->site->now) : 0;

	return end > w->site->now ? end - w->site->now : 0;
}

/* ---- lines */

static void entry_plain(struct export_writer *w, const struct export_entry *e)
{
	char text[PREFIX_TEXT];

	export_put(w, "%s\n", prefix_format(&e->prefix, text));
}

static void entry_cidr(struct export_writer *w, const struct export_entry *e)
{
	char text[IPADDR_TEXT];

	export_put(w, "%s/%u\n", ipaddr_format(&e->prefix.addr, text), e->prefix.len);
}

static void begin_pf(struct export_writer *w)
{
	export_put(w, "# limetwig %s: pfctl -t TABLE -T replace -f FILE\n", w->site->name);
}

static void begin_postfix(struct export_writer *w)
{
	export_put(w, "# limetwig %s: check_client_access cidr:FILE\n", w->site->name);
}

static void entry_postfix(struct export_writer *w, const struct export_entry *e)
{
	char text[PREFIX_TEXT];
	struct buf reply;

	buf_init(&reply, REPLY_TEXT_MAX + 100);
	if (e->block)
		reply_text_listed(w->site->conf, e->block->code, e->block->case_id,
			block_entry_end(e->block, w->site->now), &reply);
	else
		reply_text_listed(w->site->conf, 554, "", 0, &reply);
	export_put(w, "%s %.*s\n", prefix_format(&e->prefix, text), SLICE_ARG(buf_slice(&reply)));
	buf_done(&reply);
}

/* A name from the configuration between the quotes of JSON. */
static const char *json_text(const char *s, char to[2 * CONF_TITLE])
{
	size_t n = 0;

	for (; *s && n + 3 < 2 * CONF_TITLE; s++) {
		if (*s == '"' || *s == '\\')
			to[n++] = '\\';
		to[n++] = *s >= ' ' && *s <= '~' ? *s : '?';
	}
	to[n] = '\0';
	return to;
}

static void entry_json(struct export_writer *w, const struct export_entry *e)
{
	static const char *const causes[] = { [DNSBL_BY_HIT] = "hits",
		[DNSBL_BY_PERSON] = "person",
		[DNSBL_BY_WIDE] = "wide",
		[DNSBL_BY_FEED] = "feed",
		[DNSBL_BY_TEST] = "test" };
	char text[IPADDR_TEXT], name[2 * CONF_TITLE];
	struct dnsbl_reason r;

	export_reason(w->site->conf, e, &r);
	export_put(w, "{\"cidr\":\"%s/%u\",\"cause\":\"%s\"", ipaddr_format(&e->prefix.addr, text), e->prefix.len,
		causes[r.why]);
	if (r.feed)
		export_put(w, ",\"feed\":\"%s\"", json_text(r.feed, name));
	if (e->block)
		export_put(w, ",\"case\":\"%s\",\"until\":%llu,\"offence\":%u", json_text(e->block->case_id, name),
			(unsigned long long)block_entry_end(e->block, w->site->now), e->block->offence);
	export_put(w, "}\n");
}

/* ---- nftables */

/* Hosts in hashed sets, networks in sets of intervals. */
static const struct {
	const char *name, *type, *flags;
} nft_set[] = {
	{ "ipv4", "ipv4_addr", "timeout" },
	{ "ipv4_net", "ipv4_addr", "interval, timeout" },
	{ "ipv6", "ipv6_addr", "timeout" },
	{ "ipv6_net", "ipv6_addr", "interval, timeout" },
};
#define NFT_SETS (sizeof nft_set / sizeof nft_set[0])
#define NFT_NONE NFT_SETS

static const char *nft_table(const struct export_writer *w, char to[CONF_TITLE])
{
	size_t n = 0;

	for (const char *s = w->site->name[0] ? w->site->name : "list"; *s && n + 1 < CONF_TITLE; s++) {
		char c = ascii_lower(*s);

		to[n++] = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ? c : '_';
	}
	to[n] = '\0';
	return to;
}

static void begin_nftables(struct export_writer *w)
{
	char name[CONF_TITLE];

	(void)nft_table(w, name);
	export_put(w,
		"# nft -f FILE. A chain that uses it, in a file of your own:\n"
		"# table inet limetwig_%s { chain in { type filter hook input priority -10;\n"
		"#   tcp dport 25 ip saddr @ipv4 reject; tcp dport 25 ip saddr @ipv4_net reject;\n"
		"#   tcp dport 25 ip6 saddr @ipv6 reject; tcp dport 25 ip6 saddr @ipv6_net reject; } }\n"
		"add table inet limetwig_%s\n",
		name, name);
	for (size_t i = 0; i < NFT_SETS; i++)
		export_put(w,
			"add set inet limetwig_%s %s { type %s; flags %s; }\n"
			"flush set inet limetwig_%s %s\n",
			name, nft_set[i].name, nft_set[i].type, nft_set[i].flags, name, nft_set[i].name);
	w->set = NFT_NONE;
}

static void end_nftables(struct export_writer *w)
{
	if (w->set != NFT_NONE)
		export_put(w, " }\n");
	w->set = NFT_NONE;
}

static void entry_nftables(struct export_writer *w, const struct export_entry *e)
{
	unsigned is_net = e->prefix.len < ipaddr_bits(&e->prefix.addr);
	unsigned set = (e->prefix.addr.family == 6 ? 2 : 0) + is_net;
	char text[PREFIX_TEXT], name[CONF_TITLE];
	uint64_t left = export_left_s(w, e);

	if (set != w->set || w->in_line == NFT_LINE) {
		end_nftables(w);
		export_put(w, "add element inet limetwig_%s %s { ", nft_table(w, name), nft_set[set].name);
		w->set = set;
		w->in_line = 0;
	}
	export_put(w, "%s%s", w->in_line ? ", " : "", prefix_format(&e->prefix, text));
	if (left)
		export_put(w, " timeout %llus", (unsigned long long)left);
	w->in_line++;
}

/* ---- the table */

static const struct {
	struct export_form form;
	void (*begin)(struct export_writer *w);
	void (*entry)(struct export_writer *w, const struct export_entry *e);
	void (*end)(struct export_writer *w);
} table[] = {
	[EXPORT_PLAIN] = { { .name = "plain" }, NULL, entry_plain, NULL },
	[EXPORT_CIDR] = { { .name = "cidr", .is_set = true }, NULL, entry_cidr, NULL },
	[EXPORT_POSTFIX] = { { .name = "postfix" }, begin_postfix, entry_postfix, NULL },
	[EXPORT_RBLDNSD] = { { .name = "rbldnsd", .has_serial = true }, export_begin_rbldnsd, export_entry_rbldnsd,
		export_end_rbldnsd },
	[EXPORT_NFTABLES] = { { .name = "nftables" }, begin_nftables, entry_nftables, end_nftables },
	[EXPORT_PF] = { { .name = "pf", .is_set = true }, begin_pf, entry_plain, NULL },
	[EXPORT_RPZ] = { { .name = "rpz", .is_set = true, .needs_zone = true, .has_serial = true }, export_begin_zone,
		export_entry_rpz, NULL },
	[EXPORT_BIND] = { { .name = "bind", .needs_zone = true, .has_serial = true }, export_begin_bind,
		export_entry_bind, NULL },
	[EXPORT_SPAMD] = { { .name = "spamd", .is_set = true, .is_ipv4 = true, .is_gzip = true }, NULL, entry_plain,
		NULL },
	[EXPORT_JSON] = { { .name = "json" }, NULL, entry_json, NULL },
};
#define FORMATS (sizeof table / sizeof table[0])

const struct export_form *export_form_of(enum conf_export_format f)
{
	return (size_t)f < FORMATS && table[f].form.name ? &table[f].form : NULL;
}

bool export_format_parse(const char *name, enum conf_export_format *ret)
{
	for (size_t i = 0; i < FORMATS; i++) {
		if (table[i].form.name && strcmp(table[i].form.name, name) == 0) {
			*ret = (enum conf_export_format)i;
			return true;
		}
	}
	return false;
}

void export_format_begin(
	struct export_writer *w, enum conf_export_format f, const struct export_site *site, struct buf *to)
{
	*w = (struct export_writer){ .site = site, .format = f, .form = &table[f].form, .to = to };
	if (table[f].begin)
		table[f].begin(w);
}

/* What of an entry can be seen, but not how long it lasts from now on, which changes by itself. */
static void hash_entry(struct export_writer *w, const struct export_entry *e)
{
	struct {
		uint64_t before, end;
		struct prefix prefix;
		char case_id[CASE_ID_TEXT];
		uint16_t code;
		uint8_t flags, feed_code;
	} h;

	memset(&h, 0, sizeof h);
	h.before = w->hash;
	h.prefix = e->prefix;
	if (e->block) {
		h.end = block_entry_end(e->block, w->site->now);
		memcpy(h.case_id, e->block->case_id, sizeof h.case_id);
		h.code = e->block->code;
		h.flags = e->block->flags;
	}
	h.feed_code = e->feed ? e->feed->code : 0;
	w->hash = siphash64(w->site->key, slice_of(&h, sizeof h));
}

bool export_format_entry(void *ctx, const struct export_entry *e)
{
	struct export_writer *w = ctx;

	if (w->form->is_ipv4 && e->prefix.addr.family != 4)
		return true;
	hash_entry(w, e);
	table[w->format].entry(w, e);
	w->entries++;
	return w->err == ERR_OK;
}

enum err export_format_end(struct export_writer *w)
{
	if (table[w->format].end)
		table[w->format].end(w);
	return w->err;
}
