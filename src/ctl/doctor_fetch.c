/*
 * doctor_fetch: DNS lists that are switched off, resolvers that they refuse,
 * `spf:` entries that nobody looks up.
 * SPDX-License-Identifier: ISC
 */
#include "ctl/doctor.h"
#include "ctl/render.h"

#include <string.h>

#define SHOWN 5
#define WAIT_S 3600 /* an entry may wait so long for its first answer */

static const char *const public_resolvers[] = { "1.1.1.1", "1.0.0.1", "8.8.8.8", "8.8.4.4", "9.9.9.9",
	"149.112.112.112", "208.67.222.222", "208.67.220.220", "[2606:4700:4700::1111]", "2606:4700:4700::1111",
	"2606:4700:4700::1001", "[2001:4860:4860::8888]", "2001:4860:4860::8888", "2001:4860:4860::8844",
	"2620:fe::fe" };

/* With or without a port behind it. */
static bool is_public(const char *server)
{
	for (size_t i = 0; i < sizeof public_resolvers / sizeof public_resolvers[0]; i++) {
		size_t n = strlen(public_resolvers[i]);

		if (strncmp(server, public_resolvers[i], n) == 0 && (server[n] == '\0' || server[n] == ':'))
			return true;
	}
	return false;
}

static void check_resolvers(struct doctor *d)
{
	const struct conf_list *l = &d->conf->fetch.resolvers;

	for (uint32_t i = 0; d->conf->dns_lists && i < l->count; i++)
		if (is_public(l->item[i]))
			doctor_addf(d, DOCTOR_WARN, "dns", "most DNS lists answer it with errors and are switched off",
				"name a resolver of your own in fetch resolvers, then: limetwig reload",
				"%.60s is a public resolver", l->item[i]);
}

static void check_list(struct doctor *d, const json_t *list)
{
	const char *why = doctor_text(list, "why");
	bool is_refused = strstr(why, "public resolver") != NULL;

	if (strcmp(doctor_text(list, "state"), "off") == 0)
		doctor_addf(d, DOCTOR_WARN, "dns", "it is not asked; blocks are made as if it did not exist",
			is_refused ? "name a resolver of your own in fetch resolvers, then: limetwig reload"
				   : "it comes back by itself after three good tests; else remove its dns-list section",
			"the DNS list %.40s is switched off: %.120s", doctor_text(list, "name"), why);
}

/* What the entries have in common is said once: there can be a thousand of them. */
struct entries {
	size_t all, unanswered, bad, without; /* without: no prefix, so that they allow nobody */
};

static void check_entry(struct doctor *d, const struct doctor_daemon_facts *f, const json_t *entry, struct entries *n)
{
	const char *state = doctor_text(entry, "state");
	bool has_prefix = render_number(entry, "prefixes") > 0, is_waiting = strcmp(state, "waiting") == 0;
	uint64_t since = render_number(entry, "since");

	n->all++;
	if (strcmp(state, "done") == 0 || (is_waiting && since + WAIT_S > f->now))
		return;
	n->without += !has_prefix;
	if (is_waiting || strcmp(state, "temperror") == 0)
		n->unanswered++;
	else if (n->bad++ < SHOWN)
		doctor_addf(d, DOCTOR_WARN, "dns",
			has_prefix ? "who was allowed before stays allowed"
				   : "it allows nobody; a provider of a shared file can be blocked by address",
			"is the domain right? dig TXT shows its record; else take the line out, or name the networks "
			"instead",
			"allow entry spf:%.200s: %.100s", doctor_text(entry, "domain"), doctor_text(entry, "text"));
}

static void check_entries(struct doctor *d, const struct doctor_daemon_facts *f, const json_t *spf)
{
	struct entries n = { 0 };
	const json_t *one;
	size_t i;

	json_array_foreach(spf, i, one) check_entry(d, f, one, &n);
	if (n.bad > SHOWN)
		doctor_addf(d, DOCTOR_WARN, "dns", NULL, "limetwig allow list shows them",
			"%zu of %zu spf: entries are not as they should be", n.bad, n.all);
	if (n.unanswered)
		doctor_addf(d, DOCTOR_WARN, "dns",
			n.without ? "providers that were never read can be blocked by address"
				  : "who was allowed before stays allowed",
			"is there a resolver? /etc/resolv.conf, or fetch resolvers, then: limetwig reload",
			"the DNS does not answer for %zu of %zu spf: entries, %zu of them have no prefix", n.unanswered,
			n.all, n.without);
}

void doctor_check_fetch(struct doctor *d, const struct doctor_daemon_facts *f)
{
	const json_t *fetch = json_object_get(f->status, "fetch"), *one;
	const json_t *lists = json_object_get(fetch, "lists"), *spf = json_object_get(fetch, "spf");
	size_t before = doctor_count(d, DOCTOR_WARN), i;

	check_resolvers(d);
	json_array_foreach(lists, i, one) check_list(d, one);
	if (render_bool(fetch, "on"))
		check_entries(d, f, spf);
	if (json_array_size(spf) && !render_bool(fetch, "on"))
		doctor_add(d, DOCTOR_WARN, "dns", "spf: entries of allow and shared files are not looked up",
			"they allow only who was allowed when they last were; shared providers can be blocked by "
			"address",
			"set dns = yes in section fetch, then: limetwig reload");
	else if (json_array_size(lists) + json_array_size(spf) && doctor_count(d, DOCTOR_WARN) == before)
		doctor_addf(d, DOCTOR_OK, "dns", NULL, NULL, "%zu DNS lists, %zu spf: entries: all answer",
			json_array_size(lists), json_array_size(spf));
}
