/*
 * render_status: `limetwig status` and `limetwig enforce`.
 * SPDX-License-Identifier: ISC
 */
#include "ctl/render.h"

#include <ctype.h>
#include <string.h>

static const char *upper(struct render *r, const char *s)
{
	char *to = r->pool[r->next++ % RENDER_POOL];
	size_t n = 0;

	for (; s[n] && n + 1 < RENDER_TEXT; n++)
		to[n] = (char)toupper((unsigned char)s[n]);
	to[n] = '\0';
	return to;
}

static const char *log_text(struct render *r, const json_t *log)
{
	const char *state = render_text(r, log, "state");

	if (strcmp(state, "reading") != 0)
		return state;
	return render_bool(log, "caught_up") ? "ok" : "catching up";
}

static void print_head(struct render *r, const json_t *a)
{
	const json_t *roles = json_object_get(a, "roles"), *role;
	const char *store = render_text(r, json_object_get(a, "store"), "state");
	const char *firewall = render_text(r, json_object_get(a, "firewall"), "state");
	const char *log = log_text(r, json_object_get(a, "log"));
	uint64_t since = render_number(a, "mode_since");
	size_t i, up = 0;

	json_array_foreach(roles, i, role) up += render_bool(role, "up");
	(void)fprintf(r->to, "%s  %s%s", render_text(r, a, "host"), render_bool(a, "off") ? "OFF, else " : "",
		upper(r, render_text(r, a, "mode")));
	if (since && since <= r->now)
		(void)fprintf(r->to, " for %s", render_span(r, r->now - since));
	(void)fprintf(r->to, "   roles %zu of %zu up", up, json_array_size(roles));
	if (*store)
		(void)fprintf(r->to, "   store %s", store);
	if (*log)
		(void)fprintf(r->to, "   log %s", log);
	if (*firewall)
		(void)fprintf(r->to, "   firewall %s", firewall);
	(void)fputc('\n', r->to);
	if (render_bool(a, "off"))
		(void)fprintf(r->to, "OFF: nothing acts. Again: limetwig enforce monitor|soft|full\n");
	json_array_foreach(roles, i, role) if (!render_bool(role, "up"))(void)
		fprintf(r->to, "DOWN: %s (journalctl -u limetwigd)\n", render_text(r, role, "name"));
}

static void print_row(struct render *r, const json_t *counters, const char *label, const char *key, const char *hint)
{
	uint64_t day = render_number(json_object_get(counters, "24h"), key);
	uint64_t week = render_number(json_object_get(counters, "7d"), key);

	(void)fprintf(r->to, "%-28s %9s %11s%s%s\n", label, render_grouped(r, day), render_grouped(r, week),
		*hint ? "    " : "", hint);
}

static void print_counters(struct render *r, const json_t *a)
{
	const json_t *c = json_object_get(a, "counters");
	bool is_would = strcmp(render_text(r, a, "mode"), "monitor") == 0 || render_bool(a, "off");
	uint64_t good = render_number(json_object_get(c, "7d"), "good_refused");
	uint64_t held = render_number(json_object_get(a, "blocks"), "held");

	(void)fprintf(r->to, "%-28s %9s %11s\n", "", "24 h", "7 d");
	print_row(r, c, "messages seen", "messages", "");
	print_row(r, c, "hits  whole messages", "whole", "");
	print_row(r, c, "      probes only", "probes", "");
	print_row(r, c, "      bounces, auto-replies", "backscatter", "never count");
	print_row(r, c, is_would ? "would block, hosts" : "newly blocked, hosts", "blocked", "");
	print_row(r, c, is_would ? "would refuse" : "refused", "refused", "");
	print_row(r, c, is_would ? "would refuse, GOOD hosts" : "refused, GOOD hosts", "good_refused",
		good ? "limetwig hits --good" : "");
	print_row(r, c, "own users", "insider", "");
	if (held)
		(void)fprintf(r->to, "%-28s %9s %11s    limetwig block list --held\n", "held for your decision", "",
			render_grouped(r, held));
}

static void print_traps(struct render *r, const json_t *a)
{
	const json_t *t = json_object_get(a, "traps"), *b = json_object_get(a, "blocks"), *bad, *lines, *map;
	const json_t *fw = json_object_get(a, "firewall"), *corpus = json_object_get(a, "capture");
	size_t i;

	map = json_object_get(a, "map");
	lines = json_object_get(a, "bad_lines");
	(void)fprintf(r->to, "traps    %s armed, %s watching, %s suspended, %s retired%s\n",
		render_grouped(r, render_number(t, "armed")), render_grouped(r, render_number(t, "watching")),
		render_grouped(r, render_number(t, "suspended")), render_grouped(r, render_number(t, "retired")),
		render_number(t, "armed") + render_number(t, "watching") ? "" : "    limetwig trap add, trap import");
	if (map && !render_bool(map, "ok"))
		(void)fprintf(r->to, "         alias map NOT in force: %s\n", render_text(r, map, "text"));
	json_array_foreach(lines, i, bad)(void)
		fprintf(r->to, "         bad line %s:%llu: %s\n", render_text(r, bad, "file"),
			(unsigned long long)render_number(bad, "line"), render_text(r, bad, "reason"));
	(void)fprintf(r->to, "blocks   %s in force%s%s\n", render_grouped(r, render_number(b, "active")),
		render_number(b, "would") ? ", would be: " : "",
		render_number(b, "would") ? render_grouped(r, render_number(b, "would")) : "");
	if (render_number(fw, "wanted") + render_number(fw, "present") + render_number(fw, "error") > 0)
		(void)fprintf(r->to, "kernel   %s wanted, %s there%s%s\n",
			render_grouped(r, render_number(fw, "wanted")), render_grouped(r, render_number(fw, "present")),
			render_number(fw, "error") ? ": " : "",
			render_number(fw, "error") ? strerror((int)render_number(fw, "error")) : "");
	if (corpus)
		(void)fprintf(r->to, "corpus   %s, %s MB%s%s%s\n",
			render_count(r, render_number(corpus, "files"), "message"),
			render_grouped(r, render_number(corpus, "bytes") >> 20),
			render_number(corpus, "withheld") ? ", withheld from riders: " : "",
			render_number(corpus, "withheld") ? render_grouped(r, render_number(corpus, "withheld")) : "",
			render_bool(corpus, "full") ? " FULL: hits are kept, messages are not" : "");
}

/* Lists from outside, those first that somebody should look at. */
static void print_feeds(struct render *r, const json_t *a)
{
	const json_t *list = json_object_get(a, "feeds"), *f;
	uint64_t entries = 0, blocked = 0, spared = 0;
	size_t i, act = 0;

	json_array_foreach(list, i, f)
	{
		act += render_bool(f, "acts");
		entries += render_number(f, "prefixes");
		blocked += render_number(f, "blocked");
		spared += render_number(f, "spared");
	}
	if (json_array_size(list))
		(void)fprintf(r->to,
			"feeds    %zu of %zu act, %s networks, %s blocked, %s spared: limetwig feed list\n", act,
			json_array_size(list), render_grouped(r, entries), render_grouped(r, blocked),
			render_grouped(r, spared));
}

/* Each DNS list, and how many `spf:` entries have a set. */
static void print_fetch(struct render *r, const json_t *a)
{
	const json_t *f = json_object_get(a, "fetch"), *lists = json_object_get(f, "lists"), *spf, *x;
	size_t i, known = 0;

	spf = json_object_get(f, "spf");
	json_array_foreach(lists, i, x)(void) fprintf(r->to, "%-8s %s (%s) %s, %s asked, %s listed%s%s\n",
		i ? "" : "lists", render_text(r, x, "name"), render_text(r, x, "kind"), render_text(r, x, "state"),
		render_grouped(r, render_number(x, "asked")), render_grouped(r, render_number(x, "listed")),
		*render_text(r, x, "why") ? ": " : "", render_text(r, x, "why"));
	json_array_foreach(spf, i, x) known += render_number(x, "prefixes") > 0;
	if (json_array_size(spf))
		(void)fprintf(r->to, "spf      %zu of %zu allow entries known\n", known, json_array_size(spf));
}

/* Our own server for blocked hosts, all its processes. */
static void print_tarpit(struct render *r, const json_t *a)
{
	const json_t *t = json_object_get(a, "tarpit");
	uint64_t refused = render_number(t, "refused"), shed = render_number(t, "shed");

	if (!t)
		return;
	(void)fprintf(r->to, "tarpit   %s of %s connections, %s held",
		render_grouped(r, render_number(t, "connections")), render_grouped(r, render_number(t, "cap")),
		render_grouped(r, render_number(t, "held")));
	if (render_number(t, "tls"))
		(void)fprintf(r->to, ", %s TLS", render_grouped(r, render_number(t, "tls")));
	(void)fprintf(r->to, "; held for %s in 24 h, a byte each %llu.%llu s",
		render_span(r, render_number(t, "held_seconds_24h")),
		(unsigned long long)render_number(t, "pace_ms") / 1000,
		(unsigned long long)render_number(t, "pace_ms") / 100 % 10);
	if (refused || shed)
		(void)fprintf(r->to, "; refused %s, shed %s", render_grouped(r, refused), render_grouped(r, shed));
	(void)fputc('\n', r->to);
}

/* Our list as a DNS zone. */
static void print_dnsbl(struct render *r, const json_t *a)
{
	const json_t *d = json_object_get(a, "dnsbl");
	uint64_t refused = render_number(d, "refused"), limited = render_number(d, "limited");

	if (!d)
		return;
	(void)fprintf(r->to, "dnsbl    %s at %s of %s addresses%s: %s listed, %s not", render_text(r, d, "zone"),
		render_grouped(r, render_number(d, "listening")), render_grouped(r, render_number(d, "wanted")),
		!render_bool(d, "up")       ? ", down"
		: !render_bool(d, "acting") ? ", test entries only"
					    : "",
		render_grouped(r, render_number(d, "listed")), render_grouped(r, render_number(d, "clean")));
	if (refused || limited)
		(void)fprintf(
			r->to, "; refused %s, limited %s", render_grouped(r, refused), render_grouped(r, limited));
	(void)fputc('\n', r->to);
}

/* Our list in files. */
static void print_exports(struct render *r, const json_t *a)
{
	const json_t *x;
	size_t i;

	json_array_foreach(json_object_get(a, "exports"), i, x)(void) fprintf(r->to, "%-8s %s: %s%s, %s%s%s%s\n",
		i ? "" : "export", render_text(r, x, "name"), render_text(r, x, "state"),
		render_bool(x, "late") ? ", behind" : "", render_count(r, render_number(x, "entries"), "entry"),
		render_bool(x, "acting") ? "" : " (blocks do not act)", *render_text(r, x, "text") ? ": " : "",
		render_text(r, x, "text"));
}

/* Our list in the zone of somebody else's DNS server. */
static void print_update(struct render *r, const json_t *a)
{
	const json_t *d = json_object_get(a, "dns_update");

	if (!d)
		return;
	(void)fprintf(r->to, "update   %s at %s: %s%s: %s names%s\n", render_text(r, d, "zone"),
		render_text(r, d, "server"), render_text(r, d, "state"),
		!render_bool(d, "wrong") && render_bool(d, "pending") ? ", changes under way" : "",
		render_grouped(r, render_number(d, "names")), render_bool(d, "acting") ? "" : ", test entries only");
}

/* kill-sessions, section mx. */
static void print_sessions(struct render *r, const json_t *a)
{
	const json_t *kill = json_object_get(a, "kill"), *mx = json_object_get(a, "mx");

	if (kill)
		(void)fprintf(r->to, "kill     sessions that brought a block: %s heard 421, %s reset\n",
			render_grouped(r, render_number(kill, "told")),
			render_grouped(r, render_number(kill, "reset")));
	if (mx)
		(void)fprintf(r->to, "mx       %s hosts came to the worse one only, %s networks to the better one%s\n",
			render_grouped(r, render_number(mx, "misrouted")),
			render_grouped(r, render_number(mx, "networks")),
			render_bool(mx, "learning") ? "; in its first window, nobody is charged" : "");
}

void render_status(struct render *r, const json_t *a)
{
	const json_t *warnings = json_object_get(a, "warnings"), *ready = json_object_get(a, "ready"), *w;
	size_t i;

	print_head(r, a);
	if (json_object_get(a, "counters"))
		print_counters(r, a);
	print_traps(r, a);
	print_fetch(r, a);
	print_feeds(r, a);
	print_tarpit(r, a);
	print_dnsbl(r, a);
	print_exports(r, a);
	print_update(r, a);
	print_sessions(r, a);
	json_array_foreach(warnings, i, w)
	{
		json_t *one = json_pack("{s:O}", "w", w);

		(void)fprintf(r->to, "WARNING  %s\n", render_text(r, one, "w"));
		json_decref(one);
	}
	if (!ready || strcmp(render_text(r, a, "mode"), "monitor") != 0)
		return;
	(void)fprintf(r->to, "Ready for `limetwig enforce soft`?  %s%s%s\n", render_bool(ready, "ok") ? "yes" : "NO",
		*render_text(r, ready, "text") ? ": " : "", render_text(r, ready, "text"));
}

void render_mode(struct render *r, const json_t *a)
{
	static const struct {
		const char *mode, *text;
	} means[] = {
		{ "monitor", "Nothing is refused; what would be is recorded." },
		{ "soft", "Blocked hosts are refused by Postfix; the firewall does nothing." },
		{ "full", "Blocked hosts are refused by Postfix and by the firewall." },
	};
	const char *mode = render_text(r, a, "new");

	(void)fprintf(r->to, "mode: %s (was %s)\n", mode, render_text(r, a, "old"));
	for (size_t i = 0; i < sizeof means / sizeof means[0]; i++)
		if (strcmp(means[i].mode, mode) == 0)
			(void)fprintf(r->to, "%s\n", means[i].text);
	if (*render_text(r, a, "advice"))
		(void)fprintf(r->to, "Early: %s. Look at it again in some days: limetwig status\n",
			render_text(r, a, "advice"));
	if (strcmp(render_text(r, a, "old"), mode) != 0)
		(void)fprintf(
			r->to, "Back: limetwig enforce %s; all of it off: limetwig off\n", render_text(r, a, "old"));
}
