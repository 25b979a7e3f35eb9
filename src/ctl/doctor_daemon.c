/*
 * doctor_daemon: configuration, roles, mode, store, own side, and the table of
 * all checks but Postfix's. Facts come from the engine's status.
 * SPDX-License-Identifier: ISC
 */
#include "ctl/doctor.h"
#include "ctl/off_flag.h"
#include "ctl/render.h"
#include "io/conf_file.h"
#include "io/store_file.h"

#include <pwd.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#define SHARE_MAX 30    /* percent of all connections from one address */
#define DROUGHT_S 86400 /* no policy query for so long */

static void check_conf(struct doctor *d, const struct doctor_daemon_facts *f)
{
	if (f->conf_error)
		doctor_add(d, DOCTOR_FAIL, "conf", f->conf_error,
			"a running limetwigd keeps the old one; a new one does not start",
			"mend that line; check: limetwigd -n");
	else
		doctor_add(d, DOCTOR_OK, "conf",
			d->conf->contact[0] ? "can be read; refusals name your contact" : "can be read", NULL, NULL);
	if (!f->conf_error && !d->conf->contact[0])
		doctor_add(d, DOCTOR_WARN, "conf", "contact is empty: a refused sender does not learn where to call",
			NULL, "set contact in limetwig.conf, then: limetwig reload");
}

static void check_answer(struct doctor *d, const struct doctor_daemon_facts *f)
{
	if (f->is_denied)
		doctor_add(d, DOCTOR_SKIP, "daemon", f->unanswered, NULL, "sudo limetwig doctor");
	else if (!f->status && f->processes)
		doctor_add(d, DOCTOR_FAIL, "daemon", f->unanswered,
			"mail flows as without limetwig; blocks in the kernel end by themselves",
			"journalctl -u limetwigd; what it names mended: systemctl restart limetwigd");
	else if (!f->status)
		doctor_add(d, DOCTOR_FAIL, "daemon", f->unanswered ? f->unanswered : "does not answer",
			"mail flows as without limetwig; blocks in the kernel end by themselves",
			"systemctl start limetwigd; journalctl -u limetwigd shows why it ended");
}

static void check_roles(struct doctor *d, const struct doctor_daemon_facts *f)
{
	const json_t *roles = json_object_get(f->status, "roles"), *r;
	size_t i, up = 0;

	json_array_foreach(roles, i, r)
	{
		if (render_bool(r, "up"))
			up++;
		else
			doctor_addf(d, DOCTOR_FAIL, "daemon",
				"limetwigd starts it again and again; its part does nothing meanwhile",
				"a second after setup or reload this is nothing: look again; else journalctl -u "
				"limetwigd shows why it ends",
				"the role %.60s is down", doctor_text(r, "name"));
	}
	if (up == json_array_size(roles))
		doctor_addf(d, DOCTOR_OK, "daemon", NULL, NULL, "%zu of %zu roles up, mode %.20s", up, up,
			doctor_text(f->status, "mode"));
}

static void check_off(struct doctor *d, const struct doctor_daemon_facts *f)
{
	if (off_flag_is_set(d->conf->storage.dir) || render_bool(f->status, "off"))
		doctor_add(d, DOCTOR_WARN, "mode", "limetwig is off", "nothing is refused, traps are still captured",
			"limetwig enforce monitor|soft|full");
	else if (strcmp(doctor_text(f->status, "mode"), "monitor") == 0)
		doctor_add(d, DOCTOR_OK, "mode", "monitor: nothing is refused yet", NULL, NULL);
}

static void check_disk(struct doctor *d, bool is_clean)
{
	uint64_t left, reserve = d->conf->storage.disk_reserve;
	enum doctor_level level;
	struct statvfs v;

	if (statvfs(d->conf->storage.dir, &v) != 0) {
		doctor_addf(d, DOCTOR_FAIL, "store", "nothing can be stored",
			"make it as the package does, or mount it", "%.300s cannot be looked at", d->conf->storage.dir);
		return;
	}
	left = (uint64_t)v.f_bavail * v.f_frsize;
	level = left < reserve ? DOCTOR_FAIL : left < reserve + reserve / 4 ? DOCTOR_WARN : DOCTOR_OK;
	doctor_addf(d, level, "store",
		level == DOCTOR_OK     ? NULL
		: level == DOCTOR_FAIL ? "the disk is almost full: messages are no longer kept, hits are"
				       : "the disk is almost full: soon messages are no longer kept",
		level == DOCTOR_OK ? NULL : "make room, shorten keep messages, or lower storage disk-reserve",
		"%s, %.1f GB free in %.300s", is_clean ? "store clean" : "disk", (double)left / (1u << 30),
		d->conf->storage.dir);
}

/* The engine writes while we look: then only what it never leaves half written. */
static bool is_file_good(struct doctor *d, const struct doctor_daemon_facts *f)
{
	char path[CONF_TEXT + 16], text[200] = "";
	enum err e;

	(void)snprintf(path, sizeof path, "%s/db/data.mdb", d->conf->storage.dir);
	e = f->status ? store_file_check(path, text, sizeof text) : store_file_check_pages(path, text, sizeof text);
	if (e != ERR_SYNTAX)
		return true;
	doctor_addf(d, DOCTOR_FAIL, "store",
		"limetwigd does not start with it: mail flows, nothing is refused, captures wait in Postfix's queue",
		"stop limetwigd, then: limetwig db restore FILE. Without a backup move the folder away: limetwigd "
		"begins anew, trap files are kept",
		"%.300s is damaged: %s", path, text);
	return false;
}

/* A copy made by root, a restore by hand: the engine cannot open it and ends again and again. */
static void check_owner(struct doctor *d, const struct doctor_daemon_facts *f)
{
	const struct passwd *engine = f->status || !f->is_root ? NULL : getpwnam("limetwig-engine");
	char path[CONF_TEXT + 16], mend[DOCTOR_TEXT];
	struct stat st;

	(void)snprintf(path, sizeof path, "%s/db/data.mdb", d->conf->storage.dir);
	if (!engine || stat(path, &st) != 0 || st.st_uid == engine->pw_uid)
		return;
	(void)snprintf(mend, sizeof mend, "chown -R limetwig-engine: %.300s/db; systemctl restart limetwigd",
		d->conf->storage.dir);
	doctor_addf(d, DOCTOR_FAIL, "store", "the engine cannot open it: mail flows, nothing is refused", mend,
		"%.300s belongs to user %u, not to limetwig-engine", path, (unsigned)st.st_uid);
}

static void check_store(struct doctor *d, const struct doctor_daemon_facts *f)
{
	const json_t *s = json_object_get(f->status, "store");
	bool is_clean = s && strcmp(doctor_text(s, "state"), "ok") == 0;

	if (s && !is_clean)
		doctor_addf(d, DOCTOR_FAIL, "store", "decisions go on in memory; a restart forgets them",
			"make room on the disk, or raise storage db-size and restart",
			"the store takes no writes (%.40s), %llu lost", doctor_text(s, "state"),
			(unsigned long long)render_number(s, "lost"));
	check_owner(d, f);
	is_clean &= is_file_good(d, f);
	check_disk(d, is_clean);
}

static void check_corpus(struct doctor *d, const struct doctor_daemon_facts *f)
{
	if (render_bool(json_object_get(f->status, "capture"), "full"))
		doctor_add(d, DOCTOR_WARN, "corpus", "captured messages fill their share of the disk",
			"of new ones only the headers are kept; hits count",
			"raise storage corpus-size, or shorten keep messages");
}

static void check_own_side(struct doctor *d, const struct doctor_daemon_facts *f)
{
	const struct conf *c = d->conf;

	(void)f;
	if (c->postfix.own_hosts.count == 0)
		doctor_add(d, DOCTOR_WARN, "own side", "no own MX or relay is known",
			"a second MX that forwards spam would be blocked",
			"limetwig setup postfix finds in the DNS those of the domains that main.cf names, where this "
			"server is one of their MX, not those in tables; others: own-networks; nothing to do where "
			"this server is the only one");
	else if (c->postfix.own_hosts.count == CONF_LIST)
		doctor_addf(d, DOCTOR_WARN, "own side", "own hosts and networks that are not in it can be blocked",
			"put them into a file in /etc/limetwig/allow.d",
			"own-hosts in postfix.conf is full (%d): more may have been found", CONF_LIST);
	else
		doctor_addf(d, DOCTOR_OK, "own side", NULL, NULL,
			"%u own network%s, %u own host%s, private ranges: cannot be blocked", c->own_networks.count,
			c->own_networks.count == 1 ? "" : "s", c->postfix.own_hosts.count,
			c->postfix.own_hosts.count == 1 ? "" : "s");
}

/* A proxy or NAT in front makes all clients one: a block of it would shut everybody out. */
static void check_share(struct doctor *d, const struct doctor_daemon_facts *f)
{
	const json_t *top = json_object_get(f->status, "top");
	unsigned long long share = (unsigned long long)render_number(top, "share");

	if (share > SHARE_MAX)
		doctor_addf(d, DOCTOR_WARN, "clients",
			"with a proxy, load balancer or NAT in front every client has this address: a block of it "
			"would be "
			"a block of all",
			"give Postfix the real address (smtpd_upstream_proxy_protocol = haproxy), or name it in "
			"own-networks",
			"one address, %.60s, makes %llu %% of all connections", doctor_text(top, "address"), share);
	else if (top)
		doctor_add(d, DOCTOR_OK, "clients", "no address makes most of the connections", NULL, NULL);
}

static void check_queries(struct doctor *d, const struct doctor_daemon_facts *f)
{
	uint64_t last = render_number(f->status, "last_query"), started = render_number(f->status, "started");

	if (started && started + DROUGHT_S < f->now && last + DROUGHT_S < f->now)
		doctor_add(d, DOCTOR_WARN, "daemon", "Postfix has not asked for a day",
			"a quiet server, or its checks pass us by",
			"send yourself a mail from outside, then: limetwig status; see postfix below");
	else if (last)
		doctor_add(d, DOCTOR_OK, "daemon", "Postfix asks us", NULL, NULL);
}

/* As root we look at main.cf ourselves. */
static void check_drift(struct doctor *d, const struct doctor_daemon_facts *f)
{
	const json_t *list = json_object_get(json_object_get(f->status, "drift"), "items"), *one;
	size_t i;

	if (f->is_root)
		return;
	json_array_foreach(list, i, one)
	{
		if (json_is_string(one))
			doctor_add(d, DOCTOR_FAIL, "postfix", json_string_value(one), NULL, "limetwig setup postfix");
	}
}

static void check_conf_in_force(struct doctor *d, const struct doctor_daemon_facts *f)
{
	const char *running = doctor_text(f->status, "conf");
	char sum[CONF_SUM];

	if (f->conf_error || !*running || conf_sum(d->conf, sum) != ERR_OK || strcmp(sum, running) == 0)
		return;
	doctor_add(d, DOCTOR_WARN, "conf", "limetwigd runs with another configuration than the files say",
		"what was changed in limetwig.conf or postfix.conf is not in force", "limetwig reload");
}

typedef void check_fn(struct doctor *d, const struct doctor_daemon_facts *f);

/* Without an answer of the engine only what files, processes and the kernel tell. */
static const struct {
	check_fn *fn;
	bool needs_status;
} checks[] = {
	{ check_conf, false },
	{ check_conf_in_force, true },
	{ check_answer, false },
	{ check_roles, true },
	{ doctor_check_processes, false },
	{ check_queries, true },
	{ check_off, false },
	{ check_store, false },
	{ check_corpus, true },
	{ doctor_check_firewall, false },
	{ doctor_check_rules, false },
	{ doctor_check_traps, false },
	{ doctor_check_log, true },
	{ doctor_check_fetch, true },
	{ doctor_check_tarpit, true },
	{ doctor_check_dnsbl, true },
	{ doctor_check_feeds, true },
	{ doctor_check_exports, true },
	{ doctor_check_update, true },
	{ doctor_check_session, false },
	{ check_own_side, false },
	{ check_share, true },
	{ check_drift, true },
};

void doctor_check_daemon(struct doctor *d, const struct doctor_daemon_facts *f)
{
	for (size_t i = 0; i < sizeof checks / sizeof checks[0]; i++)
		if (f->status || !checks[i].needs_status)
			checks[i].fn(d, f);
}
