/*
 * doctor_daemon: what the daemon itself, its store, the kernel and the clock
 * say. Facts come from the engine's status; this file judges them.
 * SPDX-License-Identifier: ISC
 */
#include "base/num.h"
#include "ctl/doctor.h"
#include "ctl/off_flag.h"
#include "ctl/render.h"

#include <string.h>
#include <sys/statvfs.h>

#define BAD_SHOWN 5
#define LOG_OLD_S 3600 /* no line for so long: is it the right file? */
#define CLOCK_AHEAD_S 300

static const char *text_of(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

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

static void check_roles(struct doctor *d, const json_t *status)
{
	const json_t *roles = json_object_get(status, "roles"), *r;
	char text[DOCTOR_TEXT];
	size_t i, up = 0;

	json_array_foreach(roles, i, r)
	{
		if (render_bool(r, "up")) {
			up++;
			continue;
		}
		(void)snprintf(text, sizeof text, "the role %.60s is down", text_of(r, "name"));
		doctor_add(d, DOCTOR_FAIL, "daemon", text, "limetwigd starts it again and again; its part does nothing",
			"journalctl -u limetwigd shows why");
	}
	(void)snprintf(text, sizeof text, "%zu of %zu roles up, mode %.20s", up, json_array_size(roles),
		text_of(status, "mode"));
	if (up == json_array_size(roles))
		doctor_add(d, DOCTOR_OK, "daemon", text, NULL, NULL);
}

static void check_off(struct doctor *d, const json_t *status)
{
	if (off_flag_is_set(d->conf->storage.dir) || render_bool(status, "off"))
		doctor_add(d, DOCTOR_WARN, "mode", "limetwig is off", "nothing is refused, traps are still captured",
			"limetwig enforce monitor|soft|full");
	else if (strcmp(text_of(status, "mode"), "monitor") == 0)
		doctor_add(d, DOCTOR_OK, "mode", "monitor: nothing is refused yet", NULL, NULL);
}

static void check_store(struct doctor *d, const json_t *status)
{
	const json_t *s = json_object_get(status, "store");
	struct statvfs v;
	char text[DOCTOR_TEXT];
	uint64_t left;

	if (s && strcmp(text_of(s, "state"), "ok") != 0) {
		(void)snprintf(text, sizeof text, "the store takes no writes (%.40s), %llu lost", text_of(s, "state"),
			(unsigned long long)render_number(s, "lost"));
		doctor_add(d, DOCTOR_FAIL, "store", text, "decisions go on in memory; a restart forgets them",
			"make room on the disk, or raise storage db-size and restart");
	}
	if (statvfs(d->conf->storage.dir, &v) != 0)
		return;
	left = (uint64_t)v.f_bavail * v.f_frsize;
	(void)snprintf(text, sizeof text, "%s, %.1f GB free in %.300s", s ? "store clean" : "disk",
		(double)left / (1u << 30), d->conf->storage.dir);
	if (left < d->conf->storage.disk_reserve)
		doctor_add(d, DOCTOR_FAIL, "store", text, "messages are no longer kept, hits are",
			"make room, or lower storage disk-reserve");
	else
		doctor_add(d, DOCTOR_OK, "store", text, NULL, NULL);
	if (render_bool(json_object_get(status, "capture"), "full"))
		doctor_add(d, DOCTOR_WARN, "corpus",
			"captured messages fill their share: of new ones only the headers are kept", NULL,
			"raise storage corpus-size, or shorten keep messages");
}

static void check_firewall(struct doctor *d, const json_t *status)
{
	const json_t *fw = json_object_get(status, "firewall");
	const char *state = text_of(fw, "state");
	char text[DOCTOR_TEXT];

	if (!fw)
		return;
	(void)snprintf(text, sizeof text, "%llu wanted, %llu in the kernel",
		(unsigned long long)render_number(fw, "wanted"), (unsigned long long)render_number(fw, "present"));
	if (strcmp(state, "none") == 0)
		doctor_add(d, DOCTOR_OK, "firewall", "not used (backend = none)", NULL, NULL);
	else if (strcmp(state, "off") == 0)
		doctor_add(d, DOCTOR_OK, "firewall", "not used in this mode; our table is absent", NULL, NULL);
	else if (strcmp(state, "denied") == 0)
		doctor_add(d, DOCTOR_FAIL, "firewall", "limetwigd may not change nftables", "only Postfix refuses",
			"start it by its systemd unit, or give it CAP_NET_ADMIN");
	else if (strcmp(state, "missing") == 0)
		doctor_add(d, DOCTOR_FAIL, "firewall", "this kernel has no nf_tables", "only Postfix refuses",
			"modprobe nf_tables, or firewall backend = none");
	else if (strcmp(state, "ok") != 0)
		doctor_add(d, DOCTOR_FAIL, "firewall", "the kernel refuses our changes", "only Postfix refuses",
			"journalctl -u limetwigd; nft list table inet limetwig");
	else if (render_number(fw, "wanted") != render_number(fw, "present"))
		doctor_add(d, DOCTOR_WARN, "firewall", text,
			"it is mended within seconds; if not, somebody flushes the table",
			"run doctor again; look for scripts that call: nft flush ruleset");
	else
		doctor_add(d, DOCTOR_OK, "firewall", text, NULL, NULL);
}

static void check_traps(struct doctor *d, const json_t *status)
{
	const json_t *bad = json_object_get(status, "bad_lines"), *map = json_object_get(status, "map"), *b;
	const json_t *t = json_object_get(status, "traps");
	uint64_t armed = render_number(t, "armed"), watching = render_number(t, "watching"),
		 all = render_number(t, "bad");
	char text[DOCTOR_TEXT];
	size_t i;

	(void)snprintf(text, sizeof text, "%llu armed, %llu watching", (unsigned long long)armed,
		(unsigned long long)watching);
	if (armed + watching == 0)
		doctor_add(d, DOCTOR_WARN, "traps", "there is no trap", "nothing can happen",
			"limetwig trap add ADDRESS, or limetwig trap import FILE");
	else
		doctor_add(d, DOCTOR_OK, "traps", text, NULL, NULL);
	if (map && !render_bool(map, "ok")) {
		(void)snprintf(text, sizeof text, "the alias map is not in force: %.400s", text_of(map, "text"));
		doctor_add(d, DOCTOR_FAIL, "traps", text, "new traps catch nothing",
			"limetwig setup postfix; journalctl -u limetwigd");
	}
	json_array_foreach(bad, i, b)
	{
		if (i == BAD_SHOWN)
			break;
		(void)snprintf(text, sizeof text, "%.300s:%llu: %.150s", text_of(b, "file"),
			(unsigned long long)render_number(b, "line"), text_of(b, "reason"));
		doctor_add(d, DOCTOR_WARN, "traps", text, "this line is no trap, the others are",
			"mend or delete the line");
	}
	if (all > BAD_SHOWN) {
		(void)snprintf(text, sizeof text, "%llu bad lines in all", (unsigned long long)all);
		doctor_add(d, DOCTOR_WARN, "traps", text, NULL, "limetwig status shows them");
	}
}

static void check_log(struct doctor *d, const struct doctor_daemon_facts *f)
{
	const json_t *log = json_object_get(f->status, "log");
	const char *state = text_of(log, "state");
	uint64_t last = render_number(log, "last");
	char text[DOCTOR_TEXT];

	if (!log || strcmp(d->conf->postfix.log, "none") == 0)
		return;
	if (strcmp(state, "absent") == 0 || strcmp(state, "denied") == 0) {
		(void)snprintf(text, sizeof text, "%.300s is %s", d->conf->postfix.log,
			strcmp(state, "absent") == 0 ? "not there" : "not readable for limetwigd");
		doctor_add(d, DOCTOR_FAIL, "log", text,
			"no good mail is counted: an honest host has nothing on its side",
			"postfix log in postfix.conf: the file Postfix writes to, or journal");
	} else if (last > f->now + CLOCK_AHEAD_S) {
		doctor_add(d, DOCTOR_FAIL, "clock", "the last log line is in the future",
			"ages and blocks are reckoned wrongly",
			"set the clock (timedatectl); is the log of another time zone?");
	} else if (!render_bool(log, "caught_up")) {
		doctor_add(d, DOCTOR_WARN, "log", "is being read, not yet at its end",
			"good mail of the last hours counts later", NULL);
	} else if (last + LOG_OLD_S < f->now) {
		doctor_add(d, DOCTOR_WARN, "log", "no line for more than an hour", "a quiet server, or the wrong file",
			"compare: postconf maillog_file; journalctl -u postfix@-");
	} else {
		doctor_add(d, DOCTOR_OK, "log", "read to its end; the clock agrees", NULL, NULL);
	}
}

static void check_own_side(struct doctor *d)
{
	const struct conf *c = d->conf;
	char text[DOCTOR_TEXT];

	(void)snprintf(text, sizeof text, "%u own networks, %u own MX and relays, private ranges: cannot be blocked",
		c->own_networks.count, c->postfix.own_hosts.count);
	if (c->postfix.own_hosts.count == 0)
		doctor_add(d, DOCTOR_WARN, "own side", "no own MX or relay is known",
			"a second MX that forwards spam would be blocked",
			"limetwig setup postfix finds them; others: own-networks");
	else
		doctor_add(d, DOCTOR_OK, "own side", text, NULL, NULL);
}

static void check_warnings(struct doctor *d, const json_t *status)
{
	const json_t *list = json_object_get(status, "warnings"), *w;
	size_t i;

	json_array_foreach(list, i, w)
	{
		if (json_is_string(w) && *json_string_value(w))
			doctor_add(d, DOCTOR_WARN, "engine", json_string_value(w), NULL, NULL);
	}
}

void doctor_check_daemon(struct doctor *d, const struct doctor_daemon_facts *f)
{
	check_conf(d, f);
	if (!f->status) {
		doctor_add(d, DOCTOR_FAIL, "daemon", f->unanswered ? f->unanswered : "does not answer",
			"mail flows as without limetwig; blocks in the kernel end by themselves",
			"systemctl start limetwigd");
		check_off(d, NULL);
		check_store(d, NULL);
		check_own_side(d);
		return;
	}
	check_roles(d, f->status);
	check_off(d, f->status);
	check_store(d, f->status);
	check_firewall(d, f->status);
	check_traps(d, f->status);
	check_log(d, f);
	check_own_side(d);
	check_warnings(d, f->status);
}
