/*
 * command_feed_spamd: `feed check --from spamd.conf`: the lists of OpenBSD's
 * spamd-setup, in their order, and what is left of each black list without the
 * white ones behind it. Lists in files are read; what comes over the network or
 * from a command is named, and not asked for.
 * SPDX-License-Identifier: ISC
 */
#include "ctl/command_feed.h"

#include "base/num.h"
#include "core/spamd_conf.h"
#include "ctl/import_file.h"
#include "io/gunzip.h"

struct run {
	struct ctl *c;
	json_t *lists;
	FILE *to;
	struct prefix_set set; /* of the black list at hand */
	const struct spamd_list *black;
	unsigned unread; /* of it and its white ones */
	int status;
};

static const char *const methods[] = { "file", "http", "https", "ftp", "exec" };

/* The black list and its white ones are complete. */
static void end_black(struct run *r)
{
	char n4[NUM_TEXT + 8], n6[NUM_TEXT + 8];
	size_t prefixes;
	uint64_t ipv4, ipv6;

	if (!r->black)
		return;
	if (prefix_set_seal(&r->set) != ERR_OK) {
		r->status = ctl_refuse(r->c, "%s: no memory", r->black->name);
		return;
	}
	prefix_set_sizes(&r->set, &prefixes, &ipv4, &ipv6);
	(void)fprintf(r->to, "%s: %zu prefixes: %s IPv4 addresses, %s IPv6 networks (/64)%s\n", r->black->name,
		prefixes, num_format_grouped(ipv4, n4), num_format_grouped(ipv6, n6),
		r->unread ? "; not all of its lists were read" : "");
	(void)json_array_append_new(
		r->lists, json_pack("{s:s, s:I, s:I, s:I, s:b}", "name", r->black->name, "prefixes",
				  (json_int_t)prefixes, "ipv4_addresses", (json_int_t)ipv4, "ipv6_networks",
				  (json_int_t)(ipv6 > INT64_MAX ? INT64_MAX : ipv6), "whole", !r->unread));
	if (r->c->args.is_given[OPT_CLEAN])
		feed_print(&r->set, r->c->render.to);
	prefix_set_done(&r->set);
	r->black = NULL;
	r->unread = 0;
}

static void read_list(struct run *r, const struct spamd_list *l)
{
	struct feed_rules rules;
	struct feed_report report = { .lines = 0 };
	struct buf text, packed;
	enum err e = ERR_OK;

	feed_rules_init(&rules);
	rules.format = FEED_SPAMD;
	rules.is_spamd_white = !l->is_black;
	rules.is_documentation_allowed = r->c->conf.feeds.is_documentation;
	buf_init(&text, FEED_BYTES);
	buf_init(&packed, FEED_BYTES);
	if (import_path_read(r->c, l->file, &packed) != CTL_DONE) {
		r->status = CTL_REFUSED;
		r->unread++;
	} else {
		bool is_packed = gunzip_is_packed(buf_slice(&packed));

		if (is_packed)
			e = gunzip_all(buf_slice(&packed), &text);
		if (e == ERR_OK)
			e = feed_clean(buf_slice(is_packed ? &text : &packed), &rules, &r->set, &report);
		if (e != ERR_OK)
			r->status = ctl_refuse(r->c, "%s: %s", l->file, err_name(e));
		feed_show_refused(r->to, l->file, &report);
		(void)fprintf(r->to, "  %s %s: %u entries, %u refused\n", l->is_black ? "black" : "white", l->name,
			report.entries, report.refused);
	}
	feed_report_done(&report);
	buf_done(&text);
	buf_done(&packed);
}

static void take_list(struct run *r, const struct spamd_list *l)
{
	if (l->is_black) {
		end_black(r);
		r->black = l;
	}
	if (l->method == SPAMD_FILE) {
		read_list(r, l);
		return;
	}
	r->unread++;
	(void)fprintf(r->to, "  %s %s: by %s, not read: %s\n", l->is_black ? "black" : "white", l->name,
		methods[l->method], l->file);
}

int command_feed_spamd(struct ctl *c, struct slice text)
{
	struct run r = { .c = c, .to = c->render.to };
	struct spamd_conf conf = { 0 };
	char reason[SPAMD_CONF_REASON] = "";
	unsigned line = 0;
	enum err e = spamd_conf_parse(text, &conf, &line, reason);
	FILE *none = NULL;
	json_t *answer;

	if (e != ERR_OK)
		return ctl_refuse(c, "%s:%u: %s", c->args.word[0], line, reason[0] ? reason : err_name(e));
	if (c->args.is_given[OPT_CLEAN])
		r.to = c->err;
	if (c->args.is_given[OPT_JSON])
		r.to = none = fopen("/dev/null", "we");
	r.lists = json_array();
	for (size_t i = 0; i < conf.count && r.to; i++)
		take_list(&r, &conf.list[i]);
	if (r.to)
		end_black(&r);
	prefix_set_done(&r.set);
	answer = json_pack("{s:b, s:o}", "ok", r.status == CTL_DONE, "lists", r.lists);
	(void)ctl_show_json(c, answer);
	json_decref(answer);
	if (none)
		(void)fclose(none);
	spamd_conf_done(&conf);
	return r.status;
}
