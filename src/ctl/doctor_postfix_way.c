/*
 * doctor_postfix_way: the way of a capture: transport, sockets, queue, and what
 * delays or diverts it.
 * SPDX-License-Identifier: ISC
 */
#include "ctl/doctor_postfix.h"

#include <errno.h>
#include <grp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define OLD_S 86400          /* a capture that waits longer than a day is a finding */
#define TABLE_MAX (4u << 20) /* bytes of an access table that are looked at */
#define PATH_TEXT (PATH_MAX + 32)

static bool has_transport(const struct setup_instance *in)
{
	struct master_service m;
	size_t pos = 0;

	while (master_cf_next(buf_slice(&in->master), &pos, &m))
		if (slice_eq(m.name, SLICE_LIT(MASTER_CF_TRANSPORT)) && slice_eq(m.command, SLICE_LIT("lmtp")))
			return true;
	return false;
}

void doctor_postfix_transport(struct doctor *d, const struct setup_instance *in, const struct doctor_daemon_facts *f)
{
	struct buf value;
	bool is_there = has_transport(in), is_routed;

	(void)f;
	buf_init(&value, MAIN_CF_MAX);
	is_routed = main_cf_get(buf_slice(&in->main), "transport_maps", &value) &&
		    memmem(value.p ? value.p : "", value.n, "limetwig.invalid=limetwig:", 26);
	if (!is_there)
		doctor_postfix_add(d, DOCTOR_FAIL, "captures wait in the queue, then bounce to forged senders",
			DOCTOR_SETUP, "the transport limetwig is gone from %.200s", in->master_path);
	if (!is_routed)
		doctor_postfix_add(d, DOCTOR_FAIL, "captures are sent elsewhere, or bounce to forged senders",
			DOCTOR_SETUP, "transport_maps in %.200s does not name limetwig.invalid", in->main_path);
	if (is_there && is_routed)
		doctor_postfix_add(
			d, DOCTOR_OK, NULL, NULL, "transport limetwig is there and limetwig.invalid goes to it");
	buf_done(&value);
}

/* Group and mode: what Postfix's user may do, as root cannot try it. */
static bool is_open_to_group(const char *path, const char *group, mode_t need)
{
	const struct group *g = getgrnam(group);
	struct stat st;

	return g && stat(path, &st) == 0 &&
	       ((st.st_gid == g->gr_gid && (st.st_mode & (need << 3)) == need << 3) || (st.st_mode & need) == need);
}

/* Who owns the folder, or may write to it, can put a socket of his own there. */
static void check_folder(struct doctor *d, const char *folder)
{
	struct stat st;

	if (lstat(folder, &st) != 0 || !S_ISDIR(st.st_mode))
		return; /* the sockets tell */
	if (st.st_uid != 0 || (st.st_mode & (S_IWGRP | S_IWOTH)))
		doctor_postfix_add(d, DOCTOR_FAIL, "another program could put its own socket there and answer Postfix",
			"systemctl restart limetwigd makes it 0750 root:postfix again",
			"%.300s can be written by others (owner %u, mode %04o)", folder, (unsigned)st.st_uid,
			(unsigned)st.st_mode & 07777);
}

static void check_socket(struct doctor *d, const char *folder, const char *name, const char *means)
{
	const char *group = d->conf->postfix.group;
	char path[PATH_TEXT];

	(void)snprintf(path, sizeof path, "%.4090s/%s", folder, name);
	if (!setup_run_answers(path, SETUP_ANSWER_MS))
		doctor_postfix_add(d, DOCTOR_FAIL, means,
			"systemctl restart limetwigd; is the folder in queues of postfix.conf?",
			"nobody answers at %.300s: %s", path, strerror(errno));
	else if (!is_open_to_group(folder, group, 1) || !is_open_to_group(path, group, 2))
		doctor_postfix_add(d, DOCTOR_FAIL, means,
			"systemctl restart limetwigd; is group of postfix.conf the group of mail_owner?",
			"%.300s is closed to group %s: Postfix may not connect", path, group);
	else
		doctor_postfix_add(d, DOCTOR_OK, NULL, NULL, "socket %s answers", name);
}

void doctor_postfix_sockets(struct doctor *d, const struct setup_instance *in, const struct doctor_daemon_facts *f)
{
	char queue[PATH_MAX - 16], folder[PATH_MAX];

	(void)f;
	slice_copy(setup_facts_param(in, "queue_directory"), queue, sizeof queue);
	(void)snprintf(folder, sizeof folder, "%s/limetwig", queue);
	check_folder(d, folder);
	check_socket(d, folder, "policy", "mail flows, but no trap is seen and no block acts");
	check_socket(d, folder, "lmtp", "captures wait in Postfix's queue");
}

void doctor_postfix_times(struct doctor *d, const struct setup_instance *in, const struct doctor_daemon_facts *f)
{
	struct slice delay = setup_facts_param(in, "delay_warning_time");

	(void)f;
	if (delay.n && delay.p[0] != '0')
		doctor_postfix_add(d, DOCTOR_WARN,
			"while limetwigd is down, delay warnings about captures name the trap to forged senders",
			"postconf -e delay_warning_time=0h; postfix reload", "delay_warning_time is %.*s",
			SLICE_ARG(slice_head(delay, 20)));
	else
		doctor_postfix_add(d, DOCTOR_OK, NULL, NULL, "delay_warning_time is 0");
}

void doctor_postfix_queue(struct doctor *d, const struct setup_instance *in, const struct doctor_daemon_facts *f)
{
	struct setup_queue q = { .now = (int64_t)f->now };
	char text[DOCTOR_TEXT] = "";

	if (!in->is_running)
		return;
	buf_init(&q.ids, MAIN_CF_MAX);
	if (setup_queue_read(in->dir, &q, text, sizeof text) != ERR_OK)
		doctor_postfix_add(d, DOCTOR_SKIP, NULL, NULL, "the queue cannot be read: %.300s", text);
	else if (q.oldest_s > OLD_S)
		doctor_postfix_add(d, DOCTOR_FAIL,
			"Postfix gives up after maximal_queue_lifetime and bounces to forged senders",
			"is limetwigd up (daemon, above)? then: postqueue -f",
			"%zu captures wait in the queue, the oldest for %ld hours", q.pure + q.mixed,
			(long)(q.oldest_s / 3600));
	else
		doctor_postfix_add(d, DOCTOR_OK, NULL, NULL, "%zu captures wait in the queue", q.pure + q.mixed);
	buf_done(&q.ids);
}

/* Setup cannot look into a table; own-networks, where there are some, will be those of it. */
void doctor_postfix_networks(struct doctor *d, const struct setup_instance *in, const struct doctor_daemon_facts *f)
{
	struct slice unread = setup_hosts_unread(in);

	(void)f;
	if (unread.n && d->conf->own_networks.count == 0)
		doctor_postfix_add(d, DOCTOR_WARN, "hosts that are yours can be blocked when one of them mails a trap",
			"write the networks that stand there into own-networks of limetwig.conf; then: limetwig reload",
			"mynetworks names %.*s, which is not looked into", SLICE_ARG(slice_head(unread, 200)));
}

/* ---- filters before the queue */

/* A line "pattern FILTER transport:next"; in main.cf an inline or static table, "{ FILTER x }". */
static bool has_filter(struct slice text)
{
	struct slice line;

	while (slice_line(&text, &line)) {
		line = slice_trim(line);
		if (line.n && line.p[0] != '#' && memmem(line.p, line.n, "FILTER ", 7))
			return true;
	}
	return false;
}

/* "smtpd_proxy_filter = somewhere"; services that take mail back have it empty. */
static bool has_proxy_filter(struct slice text)
{
	static const char name[] = "smtpd_proxy_filter";
	struct slice line;

	while (slice_line(&text, &line)) {
		const char *at = memmem(line.p, line.n, name, sizeof name - 1);
		struct slice value;

		if (!at || slice_trim(line).p[0] == '#')
			continue;
		value = slice_trim(slice_from(line, (size_t)(at - line.p) + sizeof name - 1));
		value = slice_trim(slice_from(value, 1));
		if (value.n && value.p[0] != '}' && !slice_starts(value, SLICE_LIT("-o ")))
			return true;
	}
	return false;
}

static void check_table(struct doctor *d, struct slice spec, const char *where)
{
	size_t colon;
	char path[PATH_MAX];
	struct buf text;

	if (slice_starts(spec, SLICE_LIT("proxy:")))
		spec = slice_from(spec, 6);
	colon = slice_find(spec, ':');
	slice_copy(slice_from(spec, colon + 1), path, sizeof path);
	if (path[0] != '/')
		return;
	buf_init(&text, TABLE_MAX);
	if (setup_file_read(path, &text) == ERR_OK && has_filter(buf_slice(&text)))
		doctor_postfix_add(d, DOCTOR_WARN,
			"mail it diverts takes its trap copies along: they come late and with the filter as client, or "
			"never",
			"filter with a milter or content_filter instead, or keep FILTER away from mail to traps",
			"%.200s (%s) has FILTER actions", path, where);
	buf_done(&text);
}

/* Each "check_..._access TABLE" and "header_checks = TABLE" of a configuration text. */
static void check_tables(struct doctor *d, struct slice text, const char *where)
{
	struct slice line, before = { "", 0 };

	while (slice_line(&text, &line)) {
		if (slice_trim(line).n && slice_trim(line).p[0] == '#')
			continue;
		while (line.n) {
			size_t n = 0;
			struct slice word;

			while (n < line.n && !strchr(", \t={}", line.p[n]))
				n++;
			word = slice_head(line, n);
			line = slice_from(line, n + 1);
			if (word.n == 0)
				continue;
			if ((slice_starts(before, SLICE_LIT("check_")) && slice_ends(before, SLICE_LIT("_access"))) ||
				slice_ends(before, SLICE_LIT("header_checks")) ||
				slice_eq(before, SLICE_LIT("body_checks")))
				check_table(d, word, where);
			before = word;
		}
	}
}

void doctor_postfix_filters(struct doctor *d, const struct setup_instance *in, const struct doctor_daemon_facts *f)
{
	size_t before = d->count;

	(void)f;
	if (has_filter(buf_slice(&in->main)) || has_filter(buf_slice(&in->master)))
		doctor_postfix_add(d, DOCTOR_WARN,
			"mail it diverts takes its trap copies along: they come late and with the filter as client, or "
			"never",
			"filter with a milter or content_filter instead", "main.cf or master.cf names a FILTER action");
	if (has_proxy_filter(buf_slice(&in->main)) || has_proxy_filter(buf_slice(&in->master)))
		doctor_postfix_add(d, DOCTOR_WARN,
			"a message that comes through it has no queue id yet when we are asked: its hits are recorded, "
			"and charged to nobody",
			"content_filter with XFORWARD, or a milter, instead: limetwig-postfix(7)",
			"smtpd_proxy_filter is set");
	check_tables(d, buf_slice(&in->main), "main.cf");
	check_tables(d, buf_slice(&in->master), "master.cf");
	if (setup_facts_param(in, "content_filter").n && d->conf->postfix.reinjection.count == 0)
		doctor_postfix_add(d, DOCTOR_WARN, "filtered mail would be counted twice, the second time as our own",
			"limetwig setup postfix, when the service that takes mail back stands in master.cf",
			"content_filter is set, but no re-injection service is known");
	if (d->count == before)
		doctor_postfix_add(d, DOCTOR_OK, NULL, NULL, "no FILTER diverts mail before the queue");
}
