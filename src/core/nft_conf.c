/*
 * nft_conf: statements of a listing (a rule may take several lines), words of
 * a statement, and the few forms that matter.
 * SPDX-License-Identifier: ISC
 */
#include "core/nft_conf.h"

#include "base/num.h"

#include <stdio.h>

/* A word, a quoted text as one, or a brace or semicolon alone. */
static bool next_word(struct slice *s, struct slice *ret)
{
	size_t i = 0;

	while (s->n && strchr(" \t\r\n,", *s->p) && *s->p)
		*s = slice_from(*s, 1);
	if (!s->n)
		return false;
	if (*s->p == '"') {
		i = slice_find(slice_from(*s, 1), '"') + 2;
		i = i < s->n ? i : s->n;
	} else if (strchr("{};", *s->p) && *s->p) {
		i = 1;
	} else {
		while (i < s->n && !(s->p[i] && strchr(" \t\r\n,{};\"", s->p[i])))
			i++;
	}
	*ret = slice_head(*s, i);
	*s = slice_from(*s, i);
	return true;
}

static bool is_word(struct slice w, const char *text)
{
	return slice_eq(w, slice_str(text));
}

static struct slice bare(struct slice w)
{
	if (w.n >= 2 && w.p[0] == '"' && w.p[w.n - 1] == '"')
		return slice_of(w.p + 1, w.n - 2);
	return w;
}

/* A line without what stands behind a #. */
static bool next_line(struct slice *s, struct slice *ret)
{
	bool is_quoted = false;

	if (!slice_line(s, ret))
		return false;
	for (size_t i = 0; i < ret->n; i++) {
		is_quoted ^= ret->p[i] == '"';
		if (ret->p[i] == '#' && !is_quoted)
			*ret = slice_head(*ret, i);
	}
	return true;
}

void nft_conf_read_file(struct slice text, struct nft_conf_file *ret)
{
	struct slice line, w;

	*ret = (struct nft_conf_file){ 0 };
	while (next_line(&text, &line)) {
		struct slice a = { 0 }, b = { 0 };

		while (next_word(&line, &w)) {
			bool is_family = is_word(w, "inet") || is_word(w, ";");

			if (is_word(a, "flush") && is_word(b, "ruleset"))
				ret->has_flush |= is_family;
			if (is_word(a, "table") && is_word(b, "inet"))
				ret->has_ours |= is_word(bare(w), "limetwig");
			a = b;
			b = w;
		}
		ret->has_flush |= is_word(a, "flush") && is_word(b, "ruleset");
	}
}

/*
 * The next statement: "table ... {" and "chain ... {" up to their brace, "}"
 * alone, else up to the end of a line outside of all braces: a rule, a whole set.
 */
static bool next_statement(struct slice *s, struct slice *ret)
{
	bool is_quoted = false, is_block;
	size_t depth = 0, i;

	*s = slice_trim(*s);
	if (!s->n)
		return false;
	is_block = slice_starts(*s, SLICE_LIT("table ")) || slice_starts(*s, SLICE_LIT("chain "));
	for (i = 0; i < s->n; i++) {
		char c = s->p[i];

		if (c == '"')
			is_quoted = !is_quoted;
		if (c == '\n' && (!depth || is_quoted))
			break;
		if (is_quoted)
			continue;
		if ((c == '{' && is_block) || (c == '}' && !depth)) {
			i++;
			break;
		}
		depth += c == '{';
		depth -= c == '}';
	}
	*ret = slice_trim(slice_head(*s, i));
	*s = slice_from(*s, i);
	return true;
}

/* "25", or "20-30". */
static bool has_port(struct slice w, uint16_t port)
{
	size_t dash = slice_find(w, '-');
	uint64_t low, high;

	if (num_parse(slice_head(w, dash), UINT16_MAX, &low) != ERR_OK)
		return false;
	if (dash == w.n)
		return low == port;
	return num_parse(slice_from(w, dash + 1), UINT16_MAX, &high) == ERR_OK && low <= port && port <= high;
}

/* What stands behind "dport": a port, { ports }, or a map with its ports before colons. */
static bool dport_has(struct slice *s, uint16_t port)
{
	struct slice w = { 0 }, last = { 0 };
	bool is_not = false, is_map = false, has = false;

	while (next_word(s, &w) && (is_word(w, "!=") || is_word(w, "map") || is_word(w, "vmap"))) {
		is_not |= is_word(w, "!=");
		is_map |= !is_word(w, "!=");
	}
	if (!is_word(w, "{"))
		return has_port(w, port) != is_not;
	while (next_word(s, &w) && !is_word(w, "}")) {
		has |= is_map ? is_word(w, ":") && has_port(last, port) : has_port(w, port);
		last = w;
	}
	return has != is_not;
}

/* What a rule does, as far as it is looked at. */
struct rule {
	bool has_dport, has_smtp, has_ours; /* names ports; port 25; that of our server */
	bool is_udp, is_dnat, is_redirect, is_dnat_state, is_accept, is_end, is_xt;
	uint16_t to;
	unsigned words;
};

/* "10.0.0.2:2525", "[2001:db8::1]:2525", ":2525". */
static uint16_t behind(struct slice w)
{
	size_t colon = slice_rfind(w, ':');
	uint64_t v;

	if (colon == w.n || (slice_find(w, ':') != colon && w.p[colon ? colon - 1 : 0] != ']'))
		return 0;
	return num_parse(slice_from(w, colon + 1), UINT16_MAX, &v) == ERR_OK ? (uint16_t)v : 0;
}

static void read_word(struct rule *r, struct slice w, struct slice last)
{
	r->is_udp |= is_word(w, "udp");
	r->is_dnat |= is_word(w, "dnat") && !is_word(last, "status");
	r->is_dnat |= is_word(w, "\"DNAT\"");
	r->is_dnat_state |= is_word(last, "status") && (is_word(w, "dnat") || is_word(w, "0x20"));
	r->is_redirect |= is_word(w, "redirect") || is_word(w, "\"REDIRECT\"");
	r->is_accept |= is_word(w, "accept");
	r->is_xt |= is_word(w, "xt");
	if ((r->is_dnat || r->is_redirect) && is_word(last, "to") && behind(w))
		r->to = behind(w);
}

static void read_rule(struct slice s, uint16_t port, struct rule *r)
{
	struct slice w, last = { 0 };

	*r = (struct rule){ 0 };
	while (next_word(&s, &w)) {
		r->words++;
		read_word(r, w, last);
		if (r->words == 1)
			r->is_end = is_word(w, "drop") || is_word(w, "reject");
		if (r->words == 2 && is_word(last, "counter"))
			r->is_end = is_word(w, "drop") || is_word(w, "reject");
		if (is_word(w, "dport")) {
			struct slice again = s;

			r->has_dport = true;
			r->has_smtp |= dport_has(&again, NFT_CONF_SMTP);
			again = s;
			r->has_ours |= dport_has(&again, port);
		}
		last = w;
	}
}

/* Where we are in the listing. */
struct place {
	struct nft_conf_list *list;
	struct nft_conf_name name;
	struct nft_conf_chain chain; /* of the hook input */
	bool is_input, is_forward, is_nat, is_foreign;
	uint16_t port;
};

static void open_table(struct place *p, struct slice s)
{
	struct slice w = { 0 };

	(void)next_word(&s, &w);
	(void)next_word(&s, &w);
	slice_copy(w, p->name.family, sizeof p->name.family);
	(void)next_word(&s, &w);
	slice_copy(bare(w), p->name.table, sizeof p->name.table);
	p->is_foreign = !is_word(bare(w), "limetwig") &&
			!slice_starts(slice_str(p->name.family), SLICE_LIT("bridge")) &&
			!slice_starts(slice_str(p->name.family), SLICE_LIT("netdev"));
	p->list->has_firewalld |= is_word(bare(w), "firewalld");
}

static void open_chain(struct place *p, struct slice s)
{
	struct slice w = { 0 };

	(void)next_word(&s, &w);
	(void)next_word(&s, &w);
	w = bare(w);
	slice_copy(w, p->name.chain, sizeof p->name.chain);
	p->is_input = p->is_forward = p->is_nat = false;
	p->chain = (struct nft_conf_chain){ p->name, false, false };
	p->list->has_docker |= is_word(w, "DOCKER");
	p->list->has_ufw |= slice_starts(w, SLICE_LIT("ufw-")) || slice_starts(w, SLICE_LIT("ufw6-"));
}

static void close_block(struct place *p)
{
	if (p->is_input && p->chain.is_closed && p->list->chains < NFT_CONF_CHAINS)
		p->list->chain[p->list->chains++] = p->chain;
	else if (p->is_input && p->chain.is_closed)
		p->list->is_cut = true;
	p->is_input = p->is_forward = p->is_nat = false;
}

/* "type filter hook input priority 0; policy drop;" */
static void read_hook(struct place *p, struct slice s)
{
	struct slice w, last = { 0 };
	bool is_filter = false;

	while (next_word(&s, &w)) {
		is_filter |= is_word(last, "type") && is_word(w, "filter");
		p->is_nat |= is_word(last, "type") && is_word(w, "nat");
		p->is_input |= is_filter && is_word(last, "hook") && is_word(w, "input");
		p->is_forward |= is_filter && is_word(last, "hook") && is_word(w, "forward");
		p->chain.is_closed |= is_word(last, "policy") && is_word(w, "drop");
		last = w;
	}
}

static void add_way(struct place *p, const struct rule *r, struct slice text)
{
	struct nft_conf_way *way = &p->list->way[p->list->ways];
	size_t n = 0;

	if (p->list->ways == NFT_CONF_WAYS) {
		p->list->is_cut = true;
		return;
	}
	*way = (struct nft_conf_way){ .name = p->name, .is_local = r->is_redirect, .to = r->to };
	way->is_routed = !r->is_dnat && !r->is_redirect;
	for (size_t i = 0; i < text.n && n + 1 < sizeof way->rule; i++)
		if (text.p[i] > ' ')
			way->rule[n++] = text.p[i];
		else if (n && way->rule[n - 1] != ' ')
			way->rule[n++] = ' ';
	p->list->ways++;
}

static void add_rule(struct place *p, struct slice text)
{
	struct rule r;
	bool is_smtp;

	read_rule(text, p->port, &r);
	is_smtp = r.has_smtp || (!r.has_dport && !r.is_udp);
	p->list->is_opaque |= r.is_xt && (p->is_nat || r.is_dnat) && !r.has_dport;
	if ((r.is_dnat || r.is_redirect) && is_smtp)
		add_way(p, &r, text);
	else if (p->is_forward && r.is_accept && r.has_smtp)
		add_way(p, &r, text);
	if (p->is_input && r.is_accept && (r.has_ours || (r.is_dnat_state && !r.has_dport)))
		p->chain.lets_in = true;
	if (p->is_input && r.is_end)
		p->chain.is_closed = true;
}

void nft_conf_read_list(struct slice text, uint16_t port, struct nft_conf_list *ret)
{
	struct place p = { .list = ret, .port = port };
	struct slice s;

	*ret = (struct nft_conf_list){ 0 };
	while (next_statement(&text, &s)) {
		if (slice_starts(s, SLICE_LIT("table ")))
			open_table(&p, s);
		else if (slice_starts(s, SLICE_LIT("chain ")))
			open_chain(&p, s);
		else if (slice_starts(s, SLICE_LIT("}")))
			close_block(&p);
		else if (p.is_foreign && slice_starts(s, SLICE_LIT("type ")) && slice_find(s, ';') < s.n)
			read_hook(&p, s);
		else if (p.is_foreign && *s.p != '#')
			add_rule(&p, s);
	}
}
