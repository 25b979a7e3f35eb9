/*
 * setup_postfix_hosts: the site's own side, which must never be blocked: MX,
 * relayhost and own name first, which nobody else knows, and the MX of domains
 * that main.cf names itself; then mynetworks and interface addresses.
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

static void add_lines(struct conf_list *to, struct slice all, bool *ret_is_cut)
{
	struct slice line;

	while (slice_line(&all, &line))
		add_text(to, line, ret_is_cut);
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

static void add_interfaces(struct conf_list *to, bool *ret_is_cut)
{
	char text[INET6_ADDRSTRLEN];
	struct ifaddrs *all = NULL;

	if (getifaddrs(&all) != 0)
		return;
	for (const struct ifaddrs *i = all; i; i = i->ifa_next)
		if (i->ifa_addr && setup_address_text(i->ifa_addr, text))
			add_text(to, slice_str(text), ret_is_cut);
	freeifaddrs(all);
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
	size_t n;
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

	for (size_t i = 0; i < s->instances; i++) {
		const struct setup_instance *in = &s->instance[i];

		host_of(setup_facts_param(in, "relayhost"), relay);
		add_name(l, setup_facts_param(in, "mydomain"), true);
		add_name(l, slice_str(relay), false);
		add_name(l, setup_facts_param(in, "myhostname"), false);
	}
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

bool setup_hosts_find(const struct setup *s, const struct conf_list *old, struct conf_list *to, bool *ret_is_cut)
{
	struct names l = { .n = 0 };
	struct buf found;
	bool is_whole;

	buf_init(&found, MAIN_CF_MAX);
	gather_names(s, &l);
	gather_domains(s, &l, ret_is_cut);
	is_whole = setup_lookup_run(l.all, l.n, &found);
	add_lines(to, buf_slice(&found), ret_is_cut);
	buf_done(&found);
	for (uint32_t i = 0; i < old->count && !is_whole; i++)
		add_text(to, slice_str(old->item[i]), ret_is_cut);
	for (size_t i = 0; i < s->instances; i++) {
		add_words(&s->instance[i], "mynetworks", to, ret_is_cut);
		add_words(&s->instance[i], "inet_interfaces", to, ret_is_cut);
	}
	add_interfaces(to, ret_is_cut);
	return is_whole;
}
