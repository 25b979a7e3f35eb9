/*
 * setup_nftables: the findings, each with what it means and the very lines.
 * SPDX-License-Identifier: ISC
 */
#include "ctl/setup_nftables.h"

#include "base/num.h"

struct advice {
	const struct setup_nftables *s;
	FILE *to;
	unsigned asked;
	bool is_forward; /* as the configuration should be */
};

static void say(struct advice *a, bool is_asked, const char *what, const char *text)
{
	(void)fprintf(a->to, "%s %s%s\n", is_asked ? "[do]" : "[ok]", what, text);
	a->asked += is_asked;
}

static void more(struct advice *a, const char *text)
{
	(void)fprintf(a->to, "     %s\n", text);
}

static void tell_file(struct advice *a)
{
	const struct setup_nftables *s = a->s;

	if (!s->has_file)
		say(a, false, s->path, ": not there");
	if (s->file.has_ours) {
		say(a, true, s->path, ": holds a table inet limetwig, as it was when somebody saved it");
		more(a, "each reload blocks those hosts again until limetwigd has mended it: delete that table from "
			"the file");
	}
	if (s->file.has_flush) {
		say(a, false, s->path, ": flush ruleset: each reload takes the table of limetwig away");
		more(a, "limetwigd sees it and puts the table back with all blocks, within seconds; Postfix refuses "
			"meanwhile");
	} else if (s->has_file && !s->file.has_ours) {
		say(a, false, s->path, ": does not touch the table of limetwig");
	}
}

static bool has_conf_port(const struct conf *c, uint16_t port)
{
	uint64_t v;

	for (uint32_t i = 0; i < c->firewall.ports.count; i++)
		if (num_parse(slice_str(c->firewall.ports.item[i]), UINT16_MAX, &v) == ERR_OK && v == port)
			return true;
	return false;
}

/* Where connections are refused, and not led, our rules look at a connection behind a change of its port. */
static void tell_ports(struct advice *a)
{
	const struct nft_conf_list *l = &a->s->list;

	for (unsigned i = 0; i < l->ways && !conf_has_tarpit(a->s->conf); i++) {
		uint16_t to = l->way[i].to;
		bool is_told = !to || to == NFT_CONF_SMTP || has_conf_port(a->s->conf, to);

		for (unsigned j = 0; j < i; j++)
			is_told |= l->way[j].to == to;
		if (is_told)
			continue;
		say(a, true, "a rule above changes port 25 before the rules of limetwig see it", "");
		more(a, "limetwig.conf, then limetwig reload (other ports that you have there stay):");
		(void)fprintf(a->to, "         firewall { ports = { \"25\", \"%u\" } }\n", to);
	}
}

static void tell_way(struct advice *a, const struct nft_conf_way *w)
{
	const char *what = w->is_local    ? "redirected"
			   : w->is_routed ? "let through to a host behind"
					  : "handed on by DNAT";
	bool is_missing = !w->is_local && !a->s->conf->firewall.forward;
	char where[300];

	(void)snprintf(where, sizeof where, "port 25 is %s: table %s %s, chain %s: ", what, w->name.family,
		w->name.table, w->name.chain);
	say(a, is_missing, where, w->rule);
	if (is_missing && a->is_forward)
		more(a, "as above");
	if (is_missing && !a->is_forward) {
		more(a, "without forward blocked hosts get through; limetwig.conf, then limetwig reload:");
		more(a, "    firewall { forward = yes }");
	}
	a->is_forward |= !w->is_local;
}

static void tell_ways(struct advice *a)
{
	const struct nft_conf_list *l = &a->s->list;

	if (l->has_docker)
		say(a, false, "Docker: its rules are looked at like all others", "");
	for (unsigned i = 0; i < l->ways; i++)
		tell_way(a, &l->way[i]);
	tell_ports(a);
	if (a->s->is_forwarding && !l->ways && !a->s->conf->firewall.forward) {
		say(a, false, "this machine forwards packets, but no rule names port 25", "");
		more(a, "if a mail host is behind it: firewall { forward = yes } in limetwig.conf");
	}
	if (l->is_opaque || a->s->has_legacy) {
		say(a, false, "some rules of iptables cannot be seen through nft", "");
		more(a, "if one of them hands port 25 on: firewall { forward = yes } in limetwig.conf");
	}
	if (l->is_cut)
		say(a, false, "there are more such rules and chains than are shown here", "");
}

/* iptables on nf_tables: its own words, or it no longer knows its table. */
static bool is_iptables(const struct nft_conf_name *n)
{
	return strcmp(n->table, "filter") == 0 && strcmp(n->chain, "INPUT") == 0 && strcmp(n->family, "inet") != 0;
}

static void tell_rule(struct advice *a, const struct nft_conf_name *n)
{
	unsigned port = (unsigned)a->s->conf->tarpit.port;

	if (is_iptables(n) && a->s->list.has_ufw)
		(void)fprintf(a->to, "         ufw allow %u/tcp\n", port);
	else if (is_iptables(n))
		(void)fprintf(a->to, "         %s -I INPUT -p tcp --dport %u -m conntrack --ctstate DNAT -j ACCEPT\n",
			strcmp(n->family, "ip6") == 0 ? "ip6tables" : "iptables", port);
	else if (strcmp(n->table, "firewalld") == 0)
		(void)fprintf(
			a->to, "         firewall-cmd --permanent --add-port=%u/tcp; firewall-cmd --reload\n", port);
	else
		(void)fprintf(a->to, "         nft insert rule %s %s %s ct status dnat tcp dport %u accept\n",
			n->family, n->table, n->chain, port);
}

static void tell_chain(struct advice *a, const struct nft_conf_chain *c)
{
	char where[300];

	(void)snprintf(where, sizeof where, "table %s %s, chain %s drops what none of its rules takes", c->name.family,
		c->name.table, c->name.chain);
	if (!conf_has_tarpit(a->s->conf) || !a->is_forward) {
		say(a, false, where, ": nothing is needed");
		return;
	}
	if (c->lets_in) {
		say(a, false, where, ": it has a rule for our server's port");
		return;
	}
	say(a, true, where, "");
	more(a, "with forward blocked hosts come to the port of our server: let it in, and put the rule where yours "
		"are kept");
	more(a, "(unless a chain it jumps to does that; whoever comes there by himself is closed by limetwig):");
	tell_rule(a, &c->name);
}

unsigned setup_nftables_show(const struct setup_nftables *s, FILE *to)
{
	struct advice a = { .s = s, .to = to, .is_forward = s->conf->firewall.forward };

	if (s->conf->firewall.backend != FW_BACKEND_NFTABLES) {
		say(&a, false, "limetwig.conf: nftables is not the backend", ": nothing is needed");
		return 0;
	}
	if (s->lacks) {
		say(&a, true, "this kernel lacks a part of nf_tables: ", s->lacks);
		more(&a, "load its module, or choose another firewall action: limetwig.conf(5)");
	}
	tell_file(&a);
	tell_ways(&a);
	for (unsigned i = 0; i < s->list.chains; i++)
		tell_chain(&a, &s->list.chain[i]);
	(void)fprintf(to, "%u to do. limetwig makes its own table: nothing has to be installed, nothing was changed.\n",
		a.asked);
	return a.asked;
}
