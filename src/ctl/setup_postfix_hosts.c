/*
 * setup_postfix_hosts: the site's own side, which must never be blocked: own
 * name, MX and relayhost first, which nobody else knows, then mynetworks and
 * interface addresses. The MX beside us of other domains that main.cf names
 * come last: strangers may rule there, and push nothing of ours out.
 * SPDX-License-Identifier: ISC
 */
#include "base/ipaddr.h"
#include "ctl/setup_postfix_private.h"

#include <ctype.h>
#include <ifaddrs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void add_prefix(struct conf_list *to, const struct prefix *p, bool *ret_is_cut)
{
	char text[PREFIX_TEXT];

	(void)prefix_format(p, text);
	for (uint32_t i = 0; i < to->count; i++)
		if (strcmp(to->item[i], text) == 0)
			return;
	if (to->count == CONF_LIST) {
		*ret_is_cut = true;
		return;
	}
	(void)snprintf(to->item[to->count++], CONF_ITEM, "%s", text);
}

/* "192.0.2.0/24", "[2001:db8::]/32". */
static bool parse_text(struct slice s, struct prefix *ret)
{
	char plain[PREFIX_TEXT + 4];
	size_t n = 0;

	for (size_t i = 0; i < s.n && n < sizeof plain; i++)
		if (s.p[i] != '[' && s.p[i] != ']')
			plain[n++] = s.p[i];
	return n < sizeof plain && prefix_parse((struct slice){ plain, n }, ret) == ERR_OK;
}

/* Private addresses are never blocked anyway: the list is for the others. */
static void add_text(struct conf_list *to, struct slice s, bool *ret_is_cut)
{
	struct prefix p;

	if (parse_text(s, &p) && !ipaddr_is_private(&p.addr))
		add_prefix(to, &p, ret_is_cut);
}

/* The next element of a list of Postfix. False: no more. */
static bool next_word(struct slice *rest, struct slice *ret)
{
	size_t n = 0;

	while (rest->n && strchr(" ,\t", rest->p[0]))
		*rest = slice_from(*rest, 1);
	while (n < rest->n && !strchr(" ,\t", rest->p[n]))
		n++;
	*ret = slice_head(*rest, n);
	*rest = slice_from(*rest, n);
	return n > 0;
}

/* What an earlier run found; networks come from main.cf alone: one that was taken out of it does not stay. */
static void add_old(struct conf_list *to, const struct conf_list *old, bool *ret_is_cut)
{
	struct prefix p;

	for (uint32_t i = 0; i < old->count; i++)
		if (parse_text(slice_str(old->item[i]), &p) && p.len == ipaddr_bits(&p.addr))
			add_prefix(to, &p, ret_is_cut);
}

static void add_words(const struct setup_instance *in, const char *name, struct conf_list *to, bool *ret_is_cut)
{
	struct slice v = setup_facts_param(in, name), word;

	while (next_word(&v, &word))
		add_text(to, word, ret_is_cut);
}

struct slice setup_hosts_unread(const struct setup_instance *in)
{
	struct slice v = setup_facts_param(in, "mynetworks"), word;
	struct prefix p;

	while (next_word(&v, &word))
		if (word.p[0] != '!' && !parse_text(word, &p)) /* what is left out of a network may stay ours */
			return word;
	return (struct slice){ "", 0 };
}

static void add_interfaces(struct conf_list *to, const struct ifaddrs *all, bool *ret_is_cut)
{
	char text[INET6_ADDRSTRLEN];

	for (const struct ifaddrs *i = all; i; i = i->ifa_next)
		if (i->ifa_addr && setup_address_text(i->ifa_addr, text))
			add_text(to, slice_str(text), ret_is_cut);
}

/* Loopback is everybody's. */
static bool is_interface(const struct ifaddrs *all, struct slice address)
{
	char text[INET6_ADDRSTRLEN];

	if (slice_starts(address, SLICE_LIT("127.")) || slice_eq(address, SLICE_LIT("::1")))
		return false;
	for (const struct ifaddrs *i = all; i; i = i->ifa_next)
		if (i->ifa_addr && setup_address_text(i->ifa_addr, text) && slice_eq(address, slice_str(text)))
			return true;
	return false;
}

/* "[relay.example]:587" to "relay.example". */
static void host_of(struct slice s, char to[CONF_ITEM])
{
	if (s.n && s.p[0] == '[') {
		s = slice_from(s, 1);
		s = slice_head(s, slice_find(s, ']'));
	} else {
		s = slice_head(s, slice_find(s, ':'));
	}
	slice_copy(s, to, CONF_ITEM);
}

struct names {
	size_t selves, own, n; /* names of this host; with its MX and relays; all */
	struct setup_lookup all[SETUP_LOOKUPS];
};

static void add_name(struct names *l, struct slice name, bool is_mx)
{
	struct setup_lookup *new = &l->all[l->n];

	if (name.n == 0 || name.n >= CONF_ITEM || l->n == SETUP_LOOKUPS)
		return;
	slice_copy(name, new->name, CONF_ITEM);
	new->is_mx = is_mx;
	for (size_t i = 0; i < l->n; i++)
		if (strcmp(l->all[i].name, new->name) == 0 && l->all[i].is_mx == is_mx)
			return;
	l->n++;
}

static void gather_names(const struct setup *s, struct names *l)
{
	char relay[CONF_ITEM];

	for (size_t i = 0; i < s->instances; i++)
		add_name(l, setup_facts_param(&s->instance[i], "myhostname"), false);
	l->selves = l->n;
	for (size_t i = 0; i < s->instances; i++) {
		host_of(setup_facts_param(&s->instance[i], "relayhost"), relay);
		add_name(l, setup_facts_param(&s->instance[i], "mydomain"), true);
		add_name(l, slice_str(relay), false);
	}
	l->own = l->n;
}

/* Not a table, a macro, a pattern; nor a name of this machine. */
static bool is_domain(struct slice w)
{
	for (size_t i = 0; i < w.n; i++)
		if (!isalnum((unsigned char)w.p[i]) && w.p[i] != '.' && w.p[i] != '-' && w.p[i] != '_')
			return false;
	return w.p[0] != '.' && slice_find(w, '.') < w.n && !slice_starts(w, SLICE_LIT("localhost."));
}

/* Of domains in tables nothing is known here. */
static void gather_domains(const struct setup *s, struct names *l, bool *ret_is_cut)
{
	static const char *const lists[] = { "mydestination", "virtual_mailbox_domains", "virtual_alias_domains",
		"relay_domains" };
	size_t most = l->n + SETUP_DOMAINS;

	for (size_t i = 0; i < s->instances; i++)
		for (size_t j = 0; j < sizeof lists / sizeof lists[0]; j++) {
			struct slice v = setup_facts_param(&s->instance[i], lists[j]), word;

			while (next_word(&v, &word))
				if (is_domain(word) && l->n < most)
					add_name(l, word, true);
				else if (is_domain(word))
					*ret_is_cut = true;
		}
}

/* The next answer for a name. False: no more. */
static bool next_answer(struct slice *all, size_t number, struct slice *ret)
{
	struct slice line;
	char head[8];

	(void)snprintf(head, sizeof head, "%02zu ", number);
	while (slice_line(all, &line))
		if (slice_starts(line, slice_str(head))) {
			*ret = slice_from(line, 3);
			return true;
		}
	return false;
}

/* False: there was no answer for one of our names. */
static bool add_own(struct conf_list *to, const struct names *l, struct slice found, bool *ret_is_cut)
{
	bool is_known = true;

	for (size_t i = 0; i < l->own; i++) {
		struct slice all = found, address;

		is_known &= l->all[i].is_known;
		while (next_answer(&all, i, &address))
			add_text(to, address, ret_is_cut);
	}
	return is_known;
}

/* Behind NAT no interface has the address that the world sees: our name has it. */
static bool is_self(const struct names *l, struct slice found, const struct ifaddrs *here, struct slice address)
{
	struct slice one;

	for (size_t i = 0; i < l->selves; i++)
		for (struct slice all = found; next_answer(&all, i, &one);)
			if (slice_eq(one, address))
				return true;
	return is_interface(here, address);
}

/*
 * The MX of other domains, where we are one of them: what stands in main.cf may have moved away or lapsed long ago, and
 * who has its DNS now is nobody we know. False: there was no answer for one.
 */
static bool add_beside(
	struct conf_list *to, const struct names *l, struct slice found, const struct ifaddrs *here, bool *ret_is_cut)
{
	bool is_known = true;

	for (size_t i = l->own; i < l->n; i++) {
		struct slice all = found, address;
		bool is_served = false;
		size_t n = 0;

		is_known &= l->all[i].is_known;
		while (!is_served && next_answer(&all, i, &address))
			is_served = is_self(l, found, here, address);
		for (all = found; is_served && next_answer(&all, i, &address); n++)
			if (n < SETUP_DOMAIN_HOSTS)
				add_text(to, address, ret_is_cut);
			else
				*ret_is_cut = true;
	}
	return is_known;
}

bool setup_hosts_find(const struct setup *s, const struct conf_list *old, struct conf_list *to, bool *ret_is_cut)
{
	struct names l = { .n = 0 };
	struct ifaddrs *here = NULL;
	bool is_own_known, is_known;
	struct buf found;

	(void)getifaddrs(&here); /* what our names say is enough without */
	gather_names(s, &l);
	gather_domains(s, &l, ret_is_cut);
	setup_lookup_run(l.all, l.n, &found);
	is_own_known = add_own(to, &l, buf_slice(&found), ret_is_cut);
	if (!is_own_known) /* our own MX may be among the old ones only: they keep their place */
		add_old(to, old, ret_is_cut);
	for (size_t i = 0; i < s->instances; i++) {
		add_words(&s->instance[i], "mynetworks", to, ret_is_cut);
		add_words(&s->instance[i], "inet_interfaces", to, ret_is_cut);
	}
	add_interfaces(to, here, ret_is_cut);
	is_known = add_beside(to, &l, buf_slice(&found), here, ret_is_cut);
	if (is_own_known && !is_known)
		add_old(to, old, ret_is_cut);
	buf_done(&found);
	if (here)
		freeifaddrs(here);
	return is_own_known && is_known;
}
