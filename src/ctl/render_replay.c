/*
 * render_replay: the answer of `limetwig replay` for people.
 * SPDX-License-Identifier: ISC
 */
#include <time.h>

#include "ctl/render.h"

#define DAYS_SHOWN 62
#define KNOWN_SHOWN 1000
#define OTHERS_SHOWN 40
#define HOSTS_SHOWN 10
#define TRAPS_SHOWN 10

static uint64_t in(const json_t *all, const char *bound, const char *key)
{
	return render_number(json_object_get(all, bound), key);
}

static void row(struct render *r, const char *head, const json_t *all, const char *key, const char *note)
{
	(void)fprintf(r->to, "%-34s %12s %12s%s%s\n", head, render_grouped(r, in(all, "least", key)),
		render_grouped(r, in(all, "most", key)), *note ? "    " : "", note);
}

static void show_head(struct render *r, const json_t *a)
{
	const json_t *log = json_object_get(a, "log"), *traps = json_object_get(a, "traps");
	uint64_t asleep = render_number(traps, "asleep");

	(void)fprintf(r->to, "%s lines, %s to %s\n", render_grouped(r, render_number(log, "lines")),
		render_time(r, render_number(a, "first")), render_time(r, render_number(a, "last")));
	(void)fprintf(r->to, "had these been traps: %s from %s", render_grouped(r, render_number(traps, "count")),
		render_text(r, traps, "from"));
	if (asleep)
		(void)fprintf(r->to, " (%s more are suspended or retired)", render_grouped(r, asleep));
	(void)fprintf(r->to, "\n\n");
}

static void show_numbers(struct render *r, const json_t *a)
{
	const json_t *all = json_object_get(a, "all");

	(void)fprintf(r->to, "%-34s %12s %12s\n", "", "at least", "at most");
	row(r, "hits     whole messages", all, "whole", "");
	row(r, "         recipients only (probes)", all, "probes", "");
	row(r, "         bounces", all, "backscatter", "never count");
	row(r, "blocks", all, "blocks", "");
	row(r, "held for you", all, "held", "hosts with good mail: not blocked before you say so");
	row(r, "refused  connections", all, "connections", "");
	row(r, "         spam", all, "spam", "messages that a filter refused or tagged");
	row(r, "         unknown", all, "unknown", "messages whose end the log does not show");
	row(r, "         GOOD MAIL", all, "good", in(all, "most", "good") ? "listed below" : "");
	(void)fprintf(r->to, "\nat least: a recipient that Postfix refused was only asked for.\n"
			     "at most:  a message would have followed each time, and nothing speaks for it.\n");
	(void)fprintf(r->to, "In this log: %s", render_count(r, render_number(all, "connections"), "connection"));
	if (render_number(all, "screened"))
		(void)fprintf(r->to, " (%s of them refused by postscreen)",
			render_grouped(r, render_number(all, "screened")));
	(void)fprintf(r->to, ", %s, %s called spam, %s refused.\n",
		render_count(r, render_number(all, "good"), "good message"),
		render_grouped(r, render_number(all, "spam")),
		render_count(r, render_number(all, "tries"), "recipient"));
	if (render_number(a, "insider") || render_number(a, "exempt"))
		(void)fprintf(r->to, "Not charged: %s from our own side, %s from allowed hosts.\n",
			render_count(r, render_number(a, "insider"), "hit"),
			render_grouped(r, render_number(a, "exempt")));
}

/* "40-18440" is hard to read in a column; most is the one to worry about. */
static void show_days(struct render *r, const json_t *a)
{
	const json_t *days = json_object_get(a, "days"), *d;
	size_t n = json_array_size(days), i;

	if (n < 2)
		return;
	(void)fprintf(r->to, "\n%-12s %22s %22s %22s\n%-12s %10s %11s %10s %11s %10s %11s\n", "", "blocks",
		"connections refused", "GOOD MAIL refused", "day", "at least", "at most", "at least", "at most",
		"at least", "at most");
	json_array_foreach(days, i, d)
	{
		time_t t = (time_t)render_number(d, "day");
		char day[32] = "?";
		struct tm tm;

		if (i + DAYS_SHOWN < n)
			continue;
		if (gmtime_r(&t, &tm))
			(void)strftime(day, sizeof day, "%Y-%m-%d", &tm);
		(void)fprintf(r->to, "%-12s %10s %11s %10s %11s %10s %11s\n", day,
			render_grouped(r, in(d, "least", "blocks")), render_grouped(r, in(d, "most", "blocks")),
			render_grouped(r, in(d, "least", "connections")),
			render_grouped(r, in(d, "most", "connections")), render_grouped(r, in(d, "least", "good")),
			render_grouped(r, in(d, "most", "good")));
	}
	if (n > DAYS_SHOWN)
		(void)fprintf(r->to, "(%zu days before these: --json)\n", n - DAYS_SHOWN);
}

static bool is_known(const json_t *m)
{
	return render_real(m, "credit") > 0 || render_bool(m, "correspondent");
}

static void show_message(struct render *r, const json_t *m)
{
	const char *sender = render_text(r, m, "sender");

	(void)fprintf(r->to, "  %s  %s  %s  %s -> %s  (%s, %s%s)\n", render_time(r, render_number(m, "time")),
		render_text(r, m, "queue_id"), render_host(r, render_text(r, m, "name"), render_text(r, m, "client")),
		*sender ? sender : "<>", render_text(r, m, "recipient"), render_text(r, m, "trap"),
		render_bool(m, "least") ? "certain" : "at most", render_bool(m, "rider") ? ", with the trap" : "");
}

/* Those of known senders, or the others. Returns how many there are. */
static size_t show_some(struct render *r, const json_t *list, bool is_for_known, size_t limit)
{
	const json_t *m;
	size_t i, n = 0;

	json_array_foreach(list, i, m)
	{
		if (is_known(m) == is_for_known && n++ < limit)
			show_message(r, m);
	}
	return n;
}

static void show_good(struct render *r, const json_t *a)
{
	const json_t *list = json_object_get(a, "good_mail");
	uint64_t all = in(json_object_get(a, "all"), "most", "good");
	size_t known = show_some(r, list, true, 0), others = json_array_size(list) - known;

	if (json_array_size(list) == 0)
		return;
	(void)fprintf(r->to, "\nGood mail that would have been refused: %s\n", render_grouped(r, all));
	if (known)
		(void)fprintf(r->to,
			" %s from hosts with a history of good mail, or domains that your users write to\n",
			render_grouped(r, known));
	(void)show_some(r, list, true, KNOWN_SHOWN);
	if (known > KNOWN_SHOWN)
		(void)fprintf(r->to, "  and %s more: --json\n", render_grouped(r, known - KNOWN_SHOWN));
	if (others == 0)
		return;
	(void)fprintf(r->to, " %s of senders of whom nothing speaks but that no filter objected; may be spam\n",
		render_grouped(r, others));
	(void)show_some(r, list, false, OTHERS_SHOWN);
	if (others > OTHERS_SHOWN)
		(void)fprintf(r->to, "  and %s more: --json\n", render_grouped(r, others - OTHERS_SHOWN));
}

static void show_hosts(struct render *r, const json_t *a)
{
	const json_t *list = json_object_get(a, "hosts"), *h;
	size_t i;

	if (json_array_size(list) == 0)
		return;
	(void)fprintf(r->to, "\nBlocked hosts with good mail, then with the most connections (at most):\n");
	json_array_foreach(list, i, h)
	{
		if (i == HOSTS_SHOWN)
			break;
		(void)fprintf(r->to, "  %s  %s, good mail: %s\n",
			render_host(r, render_text(r, h, "name"), render_text(r, h, "subject")),
			render_count(r, render_number(h, "connections"), "connection"),
			render_grouped(r, render_number(h, "good")));
	}
}

static void show_yield(struct render *r, const json_t *a)
{
	const json_t *list = json_object_get(a, "yield"), *t;
	size_t i;

	if (json_array_size(list) == 0)
		return;
	(void)fprintf(r->to, "\nTraps, those that cost good mail first:\n");
	json_array_foreach(list, i, t)
	{
		const char *text = render_text(r, t, "text");

		if (i == TRAPS_SHOWN)
			break;
		(void)fprintf(r->to, "  %-7s %s%stried %s, set off %s to %s, good mail refused by them: %s\n",
			render_text(r, t, "trap"), text, *text ? "  " : "",
			render_count(r, render_number(t, "tries"), "time"),
			render_grouped(r, render_number(t, "blocks_least")),
			render_count(r, render_number(t, "blocks_most"), "block"),
			render_grouped(r, render_number(t, "good")));
	}
}

/* Nothing that was left out stays unsaid. */
static void show_limits(struct render *r, const json_t *a)
{
	static const struct {
		const char *key, *text;
	} caps[] = {
		{ "hits_not_charged", "hits of more hosts than can be kept: not charged" },
		{ "good_not_credited", "good messages of more hosts than can be kept: not credited" },
		{ "messages_not_followed", "messages of blocked hosts at one time, more than can be followed" },
		{ "lines_of_more_machines", "lines of more machines than can be told apart" },
		{ "spf_entries_not_used", "spf: entries of allow files are not used: no DNS here" },
	};
	const json_t *limits = json_object_get(a, "limits"), *log = json_object_get(a, "log"), *b;
	uint64_t bad = render_number(log, "bad"), too_long = render_number(log, "too_long");
	size_t i;

	for (i = 0; i < sizeof caps / sizeof caps[0]; i++)
		if (render_number(limits, caps[i].key))
			(void)fprintf(r->to, "\nnote: %s %s\n", render_grouped(r, render_number(limits, caps[i].key)),
				caps[i].text);
	if (too_long)
		(void)fprintf(r->to, "\nnote: %s lines are too long and were left out\n", render_grouped(r, too_long));
	if (!bad)
		return;
	(void)fprintf(r->to, "\nnote: %s lines are not log lines and were left out, the first ones:\n",
		render_grouped(r, bad));
	json_array_foreach(json_object_get(log, "bad_lines"), i, b)(void)
		fprintf(r->to, "  %s:%s\n", render_text(r, b, "file"), render_grouped(r, render_number(b, "line")));
}

void render_replay(struct render *r, const json_t *a)
{
	show_head(r, a);
	show_numbers(r, a);
	show_days(r, a);
	show_good(r, a);
	show_hosts(r, a);
	show_yield(r, a);
	show_limits(r, a);
}

/* ---- trap suggest: a file for traps.d */

static void show_suggested(struct render *r, const json_t *i)
{
	const char *line = json_string_value(json_object_get(i, "line"));
	time_t t = (time_t)render_number(i, "last");
	char day[32] = "?";
	struct tm tm;

	if (!line)
		return;
	if (gmtime_r(&t, &tm))
		(void)strftime(day, sizeof day, "%Y-%m-%d", &tm);
	/* a line of a trap file, as core/trap_file wrote it: neither cut nor escaped */
	(void)fprintf(r->to, "%s  # %s%s, %s, %s on %s, last %s\n", line,
		render_number(i, "networks") > 15 ? "about " : "",
		render_count(r, render_number(i, "networks"), "network"),
		render_count(r, render_number(i, "senders"), "sender"),
		render_count(r, render_number(i, "tries"), "try"), render_count(r, render_number(i, "days"), "day"),
		day);
}

void render_suggest(struct render *r, const json_t *a)
{
	static const struct {
		const char *key, *text;
	} why[] = {
		{ "too_few", "tried from too few networks, by too few senders or on one day only" },
		{ "live", "delivered to in this log" },
		{ "near", "near the name of somebody who lives" },
		{ "bounces", "mostly tried by the empty sender: somebody forges them" },
		{ "role", "role addresses" },
		{ "already", "traps already" },
		{ "lost", "not looked at: more than can be kept" },
	};
	const json_t *list = json_object_get(a, "suggested"), *i;
	size_t k;

	(void)fprintf(r->to, "# suggested from a mail log, %s to %s: %zu of %s unknown addresses\n",
		render_time(r, render_number(a, "first")), render_time(r, render_number(a, "last")),
		json_array_size(list), render_grouped(r, render_number(a, "candidates")));
	for (k = 0; k < sizeof why / sizeof why[0]; k++)
		if (render_number(a, why[k].key))
			(void)fprintf(r->to, "# left out: %s %s\n", render_grouped(r, render_number(a, why[k].key)),
				why[k].text);
	(void)fprintf(r->to,
		"# Who had an address before this log begins it does not show: so they are watched first.\n"
		"# Read the list, then: limetwig trap arm --tag suggested\n");
	json_array_foreach(list, k, i) show_suggested(r, i);
}
