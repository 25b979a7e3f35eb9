/*
 * command_feed: `feed check`: what is in a list of addresses, and what of it
 * could be used; needs no daemon. `feed import --dry-run`: and whom of ours it
 * has; that tells the daemon. Both change nothing.
 * SPDX-License-Identifier: ISC
 */
#include "ctl/command_feed.h"

#include "base/num.h"
#include "ctl/import_file.h"

#define REFUSED_SHOWN 20

static json_t *refused_json(const struct feed_report *r)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < r->kept; i++)
		(void)json_array_append_new(list, json_pack("{s:i, s:s, s:s}", "line", (int)r->first[i].line, "reason",
							  r->first[i].reason, "text", r->first[i].text));
	return list;
}

void feed_show_refused(FILE *to, const char *path, const struct feed_report *r)
{
	unsigned shown = r->kept < REFUSED_SHOWN ? r->kept : REFUSED_SHOWN;

	for (unsigned i = 0; i < shown; i++)
		(void)fprintf(to, "%s:%u: %s: %s\n", path, r->first[i].line, r->first[i].reason, r->first[i].text);
	if (r->refused > shown)
		(void)fprintf(
			to, "... and %u more%s\n", r->refused - shown, r->kept > shown ? ": --json lists them" : "");
}

static bool print_one(void *ctx, const struct prefix *p)
{
	char text[PREFIX_TEXT];

	return fprintf(ctx, "%s\n", prefix_format(p, text)) > 0;
}

void feed_print(const struct prefix_set *sealed, FILE *to)
{
	prefix_set_each(sealed, print_one, to);
}

static void show_collateral(struct ctl *c, const json_t *answer)
{
	const json_t *x = json_object_get(answer, "collateral");

	if (!render_number(json_object_get(x, "good"), "count"))
		(void)fprintf(c->render.to, "none of %s hosts that send good mail\n",
			render_grouped(&c->render, render_number(x, "good_hosts")));
	render_collateral(&c->render, x, "");
	if (render_bool(answer, "held"))
		(void)fprintf(c->render.to, "too many of them: as a feed it would wait for limetwig feed confirm\n");
}

/* ours: what the daemon says; NULL: it was not asked. */
static void show(struct ctl *c, const struct prefix_set *s, const struct feed_report *r, const json_t *ours)
{
	bool is_clean = c->args.is_given[OPT_CLEAN];
	FILE *to = is_clean ? c->err : c->render.to;
	char n4[NUM_TEXT + 8], n6[NUM_TEXT + 8];
	size_t prefixes;
	uint64_t ipv4, ipv6;
	json_t *sum;

	prefix_set_sizes(s, &prefixes, &ipv4, &ipv6);
	sum = json_pack("{s:b, s:s, s:i, s:i, s:i, s:i, s:I, s:I, s:I, s:o}", "ok", 1, "format",
		feed_format_name(r->format), "lines", (int)r->lines, "entries", (int)r->entries, "exclusions",
		(int)r->exclusions, "refused", (int)r->refused, "prefixes", (json_int_t)prefixes, "ipv4_addresses",
		(json_int_t)ipv4, "ipv6_networks", (json_int_t)(ipv6 > INT64_MAX ? INT64_MAX : ipv6), "refusals",
		refused_json(r));
	if (ours)
		(void)json_object_set(sum, "collateral", json_object_get(ours, "collateral"));
	if (!ctl_show_json(c, sum)) {
		feed_show_refused(to, c->args.word[0], r);
		(void)fprintf(to,
			"format %s: %u lines, %u entries (%u to leave out), %u refused\n"
			"%zu prefixes: %s IPv4 addresses, %s IPv6 networks (/64)\n",
			feed_format_name(r->format), r->lines, r->entries, r->exclusions, r->refused, prefixes,
			num_format_grouped(ipv4, n4), num_format_grouped(ipv6, n6));
		if (is_clean)
			feed_print(s, c->render.to);
		if (ours)
			show_collateral(c, ours);
	}
	json_decref(sum);
}

/* Exit status 1: nothing in it can be used. */
static int check(struct ctl *c, const struct feed_rules *rules, struct slice text, bool is_import)
{
	json_t *ours = NULL;
	struct prefix_set s = { 0 };
	struct feed_report report = { .lines = 0 };
	enum err e = feed_clean(text, rules, &s, &report);
	int status = CTL_DONE;

	if (e == ERR_OK)
		e = prefix_set_seal(&s);
	if (e == ERR_OK && is_import)
		status = feed_ask_collateral(c, &s, &ours);
	if (e == ERR_OK && status == CTL_DONE) {
		show(c, &s, &report, ours);
		status = s.in[0].count || s.in[1].count ? CTL_DONE : CTL_REFUSED;
	} else if (e != ERR_OK) {
		status = ctl_refuse(c, "%s: %s", c->args.word[0], err_name(e));
	}
	json_decref(ours);
	feed_report_done(&report);
	prefix_set_done(&s);
	return status;
}

static int read_and_check(struct ctl *c, bool is_import)
{
	struct feed_rules rules;
	struct buf text;
	const char *from = c->args.value[OPT_FROM];
	bool is_spamd_conf = from && !is_import && strcmp(from, "spamd.conf") == 0;
	int status;

	feed_rules_init(&rules);
	if (from && !is_spamd_conf && !feed_format_parse(from, &rules.format))
		return ctl_usage(c, "--from auto, list, csv, json, rbldnsd, ipset, spamd, cidr or spamd.conf");
	buf_init(&text, FEED_BYTES);
	status = import_file_read(c, &text);
	if (status == CTL_DONE)
		status = is_spamd_conf ? command_feed_spamd(c, buf_slice(&text))
				       : check(c, &rules, buf_slice(&text), is_import);
	buf_done(&text);
	return status;
}

int command_feed_check(struct ctl *c)
{
	return read_and_check(c, false);
}

int command_feed_import(struct ctl *c)
{
	if (!c->args.is_given[OPT_DRY_RUN])
		return ctl_usage(c, "--dry-run shows what the list would hit; to use it, name the file in a section "
				    "feed of the configuration");
	return read_and_check(c, true);
}
