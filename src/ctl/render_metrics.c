/*
 * render_metrics: the answer to `status` as OpenMetrics text, for a collector of
 * text files. Names begin with limetwig_; no label has an address, a trap or a
 * name from outside in it. A field that is not there gives no line. What is summed
 * over 24 hours is a gauge: it falls as hours leave it.
 * SPDX-License-Identifier: ISC
 */
#include "ctl/render.h"

#include "core/dns_primary.h"

#include <string.h>

struct metric {
	const char *object; /* in the answer; NULL: its top */
	const char *key;
	const char *name; /* behind limetwig_ */
	const char *label;
	bool is_counter; /* since the start of the process that counts */
	const char *help;
};

/* Those of one name stand together: OpenMetrics wants one family in one place. */
static const struct metric metrics[] = {
	{ NULL, "queries", "queries_24h", "", false, "policy queries of the last 24 hours" },
	{ "traps", "armed", "traps", "{state=\"armed\"}", false, "traps by state" },
	{ "traps", "watching", "traps", "{state=\"watching\"}", false, NULL },
	{ "traps", "suspended", "traps", "{state=\"suspended\"}", false, NULL },
	{ "traps", "retired", "traps", "{state=\"retired\"}", false, NULL },
	{ "traps", "bad", "trap_bad_lines", "", false, "lines of trap files that are not in force" },
	{ "traps", "pattern_limits", "trap_pattern_limits", "", true, "matches of a pattern that took too long" },
	{ "blocks", "active", "blocks", "{state=\"active\"}", false, "blocks by state" },
	{ "blocks", "held", "blocks", "{state=\"held\"}", false, NULL },
	{ "blocks", "would", "blocks", "{state=\"would\"}", false, NULL },
	{ "24h", "messages", "messages_24h", "", false, "messages of the last 24 hours" },
	{ "24h", "whole", "hits_24h", "{grade=\"whole\"}", false, "hits of the last 24 hours" },
	{ "24h", "probes", "hits_24h", "{grade=\"probe\"}", false, NULL },
	{ "24h", "backscatter", "hits_24h", "{grade=\"backscatter\"}", false, NULL },
	{ "24h", "insider", "hits_24h", "{grade=\"insider\"}", false, NULL },
	{ "24h", "blocked", "hosts_blocked_24h", "", false, "hosts blocked in the last 24 hours" },
	{ "24h", "refused", "refused_24h", "", false, "refusals of the last 24 hours" },
	{ "24h", "good_refused", "good_refused_24h", "", false, "hosts with good mail among them" },
	{ "store", "lost", "store_lost", "", true, "records that could not be written" },
	{ "firewall", "wanted", "firewall_elements", "{side=\"wanted\"}", false, "elements of the kernel sets" },
	{ "firewall", "present", "firewall_elements", "{side=\"present\"}", false, NULL },
	{ "firewall", "repaired", "firewall_repaired", "", true, "foreign changes that were mended" },
	{ "firewall", "refused", "firewall_refused", "", true, "elements that its process refused" },
	{ "capture", "files", "corpus_messages", "", false, "captured messages on disk" },
	{ "capture", "bytes", "corpus_bytes", "", false, "bytes of them" },
	{ "capture", "withheld", "messages_withheld", "", false, "messages kept from their riders" },
	{ "log", "lines", "log_lines", "", true, "lines of the mail log that were read" },
	{ "log", "dropped", "log_lines_dropped", "", true, "lines of it that were too long" },
	{ "tarpit", "connections", "tarpit_connections", "", false, "blocked clients at the answerer now" },
	{ "tarpit", "held", "tarpit_held", "", false, "of them byte by byte" },
	{ "tarpit", "tls", "tarpit_tls", "", false, "of them in TLS" },
	{ "tarpit", "taken", "tarpit_taken", "", true, "connections taken" },
	{ "tarpit", "refused", "tarpit_refused", "", true, "connections over a cap" },
	{ "tarpit", "shed", "tarpit_shed", "", true, "connections ended for lack of memory" },
	{ "tarpit", "bytes", "tarpit_sent_bytes", "", true, "bytes sent" },
	{ "tarpit", "held_seconds", "tarpit_held_seconds", "", true, "time that clients were held, in all" },
	{ "dnsbl", "listed", "dnsbl_answers", "{result=\"listed\"}", true, "answers of our zone" },
	{ "dnsbl", "clean", "dnsbl_answers", "{result=\"clean\"}", true, NULL },
	{ "dnsbl", "other", "dnsbl_answers", "{result=\"other\"}", true, NULL },
	{ "dnsbl", "refused", "dnsbl_answers", "{result=\"refused\"}", true, NULL },
	{ "dnsbl", "bad", "dnsbl_answers", "{result=\"bad\"}", true, NULL },
	{ "dnsbl", "cut", "dnsbl_cut", "", true, "of them sent to TCP" },
	{ "dnsbl", "limited", "dnsbl_limited", "", true, "questions over the rate limit" },
	{ "dnsbl", "lost", "dnsbl_lost", "", true, "answers that the kernel did not take" },
	{ "dnsbl", "connections", "dnsbl_connections", "", false, "TCP connections now" },
	{ "dnsbl", "listening", "dnsbl_addresses", "{state=\"listening\"}", false, "addresses it answers at" },
	{ "dnsbl", "wanted", "dnsbl_addresses", "{state=\"wanted\"}", false, NULL },
	{ "dnsbl", "feeds", "dnsbl_feeds", "", false, "feeds in the zone" },
	{ "dns_update", "names", "dns_update_names", "", false, "names the primary DNS server should have" },
	{ "dns_update", "left_out", "dns_update_left_out", "", false, "names of feeds that are too many for it" },
	{ "dns_update", "sent", "dns_update_sent", "", true, "names it has taken" },
	{ "dns_update", "transfers", "dns_update_transfers", "", true, "transfers of its zone" },
	{ "dns_update", "failures", "dns_update_failures", "", true, "tries that failed" },
	{ "dns_update", "good", "dns_update_good_seconds", "", false, "when its zone was what it should be" },
	{ "mx", "misrouted", "misrouted", "", true, "hosts that came to the worse MX only" },
	{ "kill", "told", "sessions_told", "", true, "sessions ended with 421" },
	{ "kill", "reset", "sessions_reset", "", true, "sessions that were reset" },
};

static const json_t *object_of(const json_t *a, const char *name)
{
	if (!name)
		return a;
	if (strcmp(name, "24h") == 0)
		a = json_object_get(a, "counters");
	return json_object_get(a, name);
}

/* # TYPE, # HELP once for each name. */
static void head(struct render *r, const char *name, const char *type, const char *help)
{
	(void)fprintf(r->to, "# TYPE limetwig_%s %s\n# HELP limetwig_%s %s\n", name, type, name, help);
}

static void one(struct render *r, const json_t *a, const struct metric *m, const char **before)
{
	const json_t *o = object_of(a, m->object);
	const json_t *v = json_object_get(o, m->key);

	if (!json_is_integer(v) || json_integer_value(v) < 0)
		return;
	if (!*before || strcmp(*before, m->name) != 0)
		head(r, m->name, m->is_counter ? "counter" : "gauge", m->help ? m->help : m->name);
	*before = m->name;
	(void)fprintf(r->to, "limetwig_%s%s%s %" JSON_INTEGER_FORMAT "\n", m->name, m->is_counter ? "_total" : "",
		m->label, json_integer_value(v));
}

static void one_of(struct render *r, const char *name, const char *const *all, const char *is, const char *help)
{
	head(r, name, "gauge", help);
	for (; *all; all++)
		(void)fprintf(r->to, "limetwig_%s{%s=\"%s\"} %d\n", name, name, *all, strcmp(*all, is) == 0);
}

static void roles(struct render *r, const json_t *list)
{
	const json_t *o;
	size_t i, up = 0;

	json_array_foreach(list, i, o) up += render_bool(o, "up");
	head(r, "roles", "gauge", "roles that run, and all");
	(void)fprintf(r->to, "limetwig_roles{state=\"up\"} %zu\nlimetwig_roles{state=\"all\"} %zu\n", up,
		json_array_size(list));
}

static void update_state(struct render *r, const json_t *o)
{
	const char *names[DNS_PRIMARY_STATES + 2], *is = json_string_value(json_object_get(o, "state"));

	if (!is)
		return;
	for (unsigned i = 0; i < DNS_PRIMARY_STATES; i++)
		names[i] = dns_primary_name((enum dns_primary_state)i);
	names[DNS_PRIMARY_STATES] = "down";
	names[DNS_PRIMARY_STATES + 1] = NULL;
	one_of(r, "dns_update_state", names, is, "does the primary DNS server take our list");
}

/* Names come from the configuration; a label has quotes of its own. */
static const char *label_of(const char *name, char to[2 * CONF_TITLE])
{
	size_t n = 0;

	for (; *name && n + 3 < 2 * CONF_TITLE; name++) {
		if (*name == '"' || *name == '\\')
			to[n++] = '\\';
		to[n++] = *name >= ' ' ? *name : '?';
	}
	to[n] = '\0';
	return to;
}

static void exports(struct render *r, const json_t *list)
{
	static const struct {
		const char *key, *name, *help;
	} kinds[] = { { "entries", "export_entries", "entries of an exported file" },
		{ "written", "export_written_seconds", "when it was written" },
		{ "looked", "export_good_seconds", "when it was what it should be" },
		{ "status", "export_command_status", "exit status of its command" } };
	char label[2 * CONF_TITLE];
	const json_t *x;
	size_t i;

	for (size_t k = 0; json_array_size(list) && k < sizeof kinds / sizeof kinds[0]; k++) {
		head(r, kinds[k].name, "gauge", kinds[k].help);
		json_array_foreach(list, i, x)(void)
			fprintf(r->to, "limetwig_%s{name=\"%s\"} %" JSON_INTEGER_FORMAT "\n", kinds[k].name,
				label_of(render_text(r, x, "name"), label),
				json_integer_value(json_object_get(x, kinds[k].key)));
	}
}

static void feeds(struct render *r, const json_t *list)
{
	static const struct {
		const char *key, *name, *type, *help;
	} kinds[] = { { "prefixes", "feed_networks", "gauge", "networks of the set of a feed that acts" },
		{ "fetched", "feed_fetched_seconds", "gauge", "when it was fetched" },
		{ "blocked", "feed_blocked", "counter", "hosts blocked at first contact" },
		{ "spared", "feed_spared", "counter", "recipients named by listed hosts that send good mail" } };
	char label[2 * CONF_TITLE];
	const json_t *x;
	size_t i;

	if (json_array_size(list))
		head(r, "feed_held", "gauge", "a change of this feed waits for a person");
	json_array_foreach(list, i, x)(void) fprintf(r->to, "limetwig_feed_held{name=\"%s\"} %d\n",
		label_of(render_text(r, x, "name"), label), strcmp(render_text(r, x, "state"), "held") == 0);
	for (size_t k = 0; json_array_size(list) && k < sizeof kinds / sizeof kinds[0]; k++) {
		head(r, kinds[k].name, kinds[k].type, kinds[k].help);
		json_array_foreach(list, i, x)(void)
			fprintf(r->to, "limetwig_%s%s{name=\"%s\"} %" JSON_INTEGER_FORMAT "\n", kinds[k].name,
				*kinds[k].type == 'c' ? "_total" : "", label_of(render_text(r, x, "name"), label),
				json_integer_value(json_object_get(x, kinds[k].key)));
	}
}

void render_metrics(struct render *r, const json_t *a)
{
	static const char *const modes[] = { "monitor", "soft", "full", "off", NULL };
	const char *mode = json_string_value(json_object_get(a, "mode")), *before = NULL;

	head(r, "up", "gauge", "limetwigd answers");
	(void)fprintf(r->to, "limetwig_up %d\n", mode != NULL);
	if (mode) {
		one_of(r, "mode", modes, render_bool(a, "off") ? "off" : mode, "what is refused");
		roles(r, json_object_get(a, "roles"));
		head(r, "warnings", "gauge", "warnings of limetwig status");
		(void)fprintf(r->to, "limetwig_warnings %zu\n", json_array_size(json_object_get(a, "warnings")));
	}
	for (size_t i = 0; i < sizeof metrics / sizeof metrics[0]; i++)
		one(r, a, &metrics[i], &before);
	exports(r, json_object_get(a, "exports"));
	feeds(r, json_object_get(a, "feeds"));
	update_state(r, json_object_get(a, "dns_update"));
	(void)fputs("# EOF\n", r->to);
}
