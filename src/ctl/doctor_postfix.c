/*
 * doctor_postfix: the chain on Postfix's side, instance by instance: hook,
 * overrides, maps, sockets, transport, queue. Reads; changes nothing. What is
 * wanted is what `limetwig setup postfix` would write, so both cannot disagree.
 * SPDX-License-Identifier: ISC
 */
#include "ctl/doctor.h"
#include "ctl/setup_postfix_private.h"
#include "io/postmap.h"

#include <errno.h>
#include <grp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define NAME "postfix"
#define AGAIN "limetwig setup postfix; if Ansible owns main.cf, give it the text of: limetwig setup postfix --print"
#define OLD_S 86400 /* a capture that waits longer than a day is a finding */

__attribute__((format(printf, 5, 6))) static void add(
	struct doctor *d, enum doctor_level level, const char *means, const char *mend, const char *fmt, ...)
{
	char text[DOCTOR_TEXT];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	doctor_add(d, level, NAME, text, means, mend);
}

/* A list parameter of main.cf has our item (first). */
static void check_list(struct doctor *d, const struct setup_instance *in, const char *name, const char *item,
	bool must_be_first, const char *means)
{
	struct buf value;
	bool is_first = false, has;

	buf_init(&value, MAIN_CF_MAX);
	has = main_cf_get(buf_slice(&in->main), name, &value) && main_cf_has_item(buf_slice(&value), item, &is_first);
	if (!has)
		add(d, DOCTOR_FAIL, means, AGAIN, "%.60s is gone from %s in %.200s", item, name, in->main_path);
	else if (must_be_first && !is_first)
		add(d, DOCTOR_WARN, "what stands before it may answer first: traps and blocks are not seen then", AGAIN,
			"%.60s is not the first of %s", item, name);
	else
		add(d, DOCTOR_OK, NULL, NULL, "%s has %.60s%s", name, item, must_be_first ? ", first" : "");
	buf_done(&value);
}

static void check_hooks(struct doctor *d, const struct setup_instance *in)
{
	const char *stage = in->is_recipient_stage ? "smtpd_recipient_restrictions" : "smtpd_client_restrictions";

	check_list(d, in, stage, "$limetwig_client", true, "mail flows, but no trap is seen and no block acts");
	check_list(d, in, "smtpd_end_of_data_restrictions", "$limetwig_eod", true,
		"riders of trap mail cannot be refused, and logins are not known");
}

/* An override of master.cf hides main.cf. */
static void check_override(struct doctor *d, const struct setup_instance *in, const struct master_service *m,
	const struct setup_service *v, const char *parameter, const char *item)
{
	struct slice value;

	if (!master_cf_option(buf_slice(&in->master), m, parameter, &value))
		return;
	if (!main_cf_has_item(value, item, NULL))
		add(d, v->kind == SETUP_PUBLIC ? DOCTOR_FAIL : DOCTOR_WARN, "mail through this service passes us by",
			AGAIN, "master.cf: %s overrides %s without %s", v->label, parameter, item);
}

static void check_services(struct doctor *d, const struct setup_instance *in)
{
	struct master_service m;
	size_t pos = 0, before = d->count, i = 0;

	while (master_cf_next(buf_slice(&in->master), &pos, &m)) {
		const struct setup_service *v = &in->service[i < in->services ? i : 0];

		if (i >= in->services || !slice_eq(m.name, v->name) || !slice_eq(m.type, v->type))
			continue;
		i++;
		if (v->kind == SETUP_PUBLIC)
			check_override(d, in, &m, v,
				in->is_recipient_stage ? "smtpd_recipient_restrictions" : "smtpd_client_restrictions",
				"$limetwig_client");
		if (v->kind == SETUP_PUBLIC || v->kind == SETUP_SUBMISSION)
			check_override(d, in, &m, v, "smtpd_end_of_data_restrictions", "$limetwig_eod");
	}
	if (d->count == before)
		add(d, DOCTOR_OK, NULL, NULL, "no override in master.cf hides the checks (%zu smtpd services)",
			in->services);
}

static bool has_transport(const struct setup_instance *in)
{
	struct master_service m;
	size_t pos = 0;

	while (master_cf_next(buf_slice(&in->master), &pos, &m))
		if (slice_eq(m.name, SLICE_LIT(MASTER_CF_TRANSPORT)) && slice_eq(m.command, SLICE_LIT("lmtp")))
			return true;
	return false;
}

static void check_transport(struct doctor *d, const struct setup_instance *in)
{
	struct buf value;
	bool is_routed;

	buf_init(&value, MAIN_CF_MAX);
	is_routed = main_cf_get(buf_slice(&in->main), "transport_maps", &value) &&
		    memmem(value.p ? value.p : "", value.n, "limetwig.invalid=limetwig:", 26);
	if (has_transport(in) && is_routed)
		add(d, DOCTOR_OK, NULL, NULL, "transport limetwig is there and limetwig.invalid goes to it");
	else
		add(d, DOCTOR_FAIL, "captures would wait in the queue, then bounce to forged senders", AGAIN,
			is_routed ? "master.cf has no transport limetwig"
				  : "transport_maps does not name limetwig.invalid");
	buf_done(&value);
}

static size_t count_lines(struct slice text)
{
	size_t n = 0;

	for (size_t i = 0; i < text.n; i++)
		n += text.p[i] == '\n';
	return n;
}

static void check_map(struct doctor *d, const struct setup_instance *in, const char *map, const char *what)
{
	char text[DOCTOR_TEXT] = "";
	struct slice type = slice_head(slice_str(map), slice_find(slice_str(map), ':'));
	char name[32];
	struct buf set;

	slice_copy(type, name, sizeof name);
	if (!setup_facts_has_type(in, name)) {
		add(d, DOCTOR_FAIL, "Postfix answers 451 to everybody",
			"apt install postfix-lmdb, or: limetwig setup postfix "
			"--map-type hash",
			"this Postfix cannot read %s tables", name);
		return;
	}
	buf_init(&set, POSTMAP_MAX);
	if (postmap_dump(in->dir, map, &set, text, sizeof text) != ERR_OK)
		add(d, DOCTOR_FAIL, "Postfix answers 451 to everybody while this table cannot be read",
			"start limetwigd (it makes it anew), or: limetwig setup postfix", "%s: %.300s", what, text);
	else
		add(d, DOCTOR_OK, NULL, NULL, "%s: %zu entries (%s)", what, count_lines(buf_slice(&set)), name);
	buf_done(&set);
}

static bool can_connect(const char *path)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool is_good = false;

	if (fd >= 0 && strlen(path) < sizeof sa.sun_path) {
		(void)snprintf(sa.sun_path, sizeof sa.sun_path, "%.107s", path);
		is_good = connect(fd, (const struct sockaddr *)&sa, sizeof sa) == 0;
	}
	if (fd >= 0)
		(void)close(fd);
	return is_good;
}

/* Group and mode: what Postfix's user may do, as root cannot try it. */
static bool is_open_to_group(const char *path, const char *group, mode_t need)
{
	const struct group *g = getgrnam(group);
	struct stat st;

	return g && stat(path, &st) == 0 &&
	       ((st.st_gid == g->gr_gid && (st.st_mode & (need << 3)) == need << 3) || (st.st_mode & need) == need);
}

static void check_sockets(struct doctor *d, const struct setup_instance *in)
{
	static const char *const names[] = { "policy", "lmtp" };
	char queue[PATH_MAX], folder[PATH_MAX + 16], path[PATH_MAX + 32];

	slice_copy(setup_facts_param(in, "queue_directory"), queue, sizeof queue);
	(void)snprintf(folder, sizeof folder, "%s/limetwig", queue);
	for (size_t i = 0; i < 2; i++) {
		(void)snprintf(path, sizeof path, "%s/%s", folder, names[i]);
		if (!can_connect(path))
			add(d, DOCTOR_FAIL,
				i ? "captures wait in Postfix's queue"
				  : "mail flows, but no trap is seen and no block acts",
				"systemctl start limetwigd; is the path in queues of postfix.conf?", "%.300s: %s", path,
				strerror(errno));
		else if (!is_open_to_group(folder, d->conf->postfix.group, 1) ||
			 !is_open_to_group(path, d->conf->postfix.group, 2))
			add(d, DOCTOR_FAIL, "Postfix may not connect: mail flows as if we were not there",
				"systemctl restart limetwigd; is group of postfix.conf the group of mail_owner?",
				"%.300s is closed to group %s", path, d->conf->postfix.group);
		else
			add(d, DOCTOR_OK, NULL, NULL, "socket %s answers", names[i]);
	}
}

static void check_times(struct doctor *d, const struct setup_instance *in)
{
	struct slice delay = setup_facts_param(in, "delay_warning_time"),
		     filter = setup_facts_param(in, "content_filter");

	if (delay.n && delay.p[0] != '0')
		add(d, DOCTOR_WARN, "while limetwigd is down, delay warnings about captures go to forged senders",
			"postconf -e delay_warning_time=0h", "delay_warning_time is %.*s",
			SLICE_ARG(slice_head(delay, 20)));
	else
		add(d, DOCTOR_OK, NULL, NULL, "delay_warning_time is 0");
	if (filter.n && d->conf->postfix.reinjection.count == 0)
		add(d, DOCTOR_WARN, "filtered mail would be counted twice, the second time as our own",
			"limetwig setup postfix", "content_filter is set, but no re-injection service is known");
	for (size_t i = 0; i < in->notes; i++)
		if (strstr(in->note[i], "FILTER action") || strstr(in->note[i], "overrides"))
			add(d, DOCTOR_WARN, NULL, NULL, "%.400s", in->note[i]);
}

static void check_queue(struct doctor *d, const struct setup_instance *in)
{
	struct setup_queue q = { .now = time(NULL) };
	char text[DOCTOR_TEXT] = "";

	buf_init(&q.ids, MAIN_CF_MAX);
	if (setup_queue_read(in->dir, &q, text, sizeof text) != ERR_OK)
		add(d, DOCTOR_SKIP, NULL, NULL, "the queue cannot be read: %.300s", text);
	else if (q.oldest_s > OLD_S)
		add(d, DOCTOR_FAIL, "Postfix gives up after maximal_queue_lifetime and bounces to forged senders",
			"is limetwigd up (status)? then: postqueue -f",
			"%zu captures wait in the queue, the oldest for %ld hours", q.pure + q.mixed,
			(long)(q.oldest_s / 3600));
	else
		add(d, DOCTOR_OK, NULL, NULL, "%zu captures wait in the queue", q.pure + q.mixed);
	buf_done(&q.ids);
}

static void check_running(struct doctor *d, const struct setup_instance *in)
{
	if (in->is_running)
		add(d, DOCTOR_OK, NULL, NULL, "Postfix %s in %.300s is running", in->version, in->dir);
	else
		add(d, DOCTOR_FAIL, "no mail at all", "systemctl start postfix", "Postfix in %.300s is not running",
			in->dir);
}

static void check_instance(struct doctor *d, const char *dir)
{
	struct setup_instance *in = calloc(1, sizeof *in);
	char text[DOCTOR_TEXT] = "";

	if (!in || setup_facts_read(in, dir, text, sizeof text) != ERR_OK) {
		add(d, DOCTOR_FAIL, "nothing of Postfix could be looked at", "postfix { dir = ... } in postfix.conf",
			"%.400s", text[0] ? text : "no memory");
		goto out;
	}
	setup_facts_judge(in);
	check_running(d, in);
	check_hooks(d, in);
	check_services(d, in);
	check_list(d, in, "virtual_alias_maps", d->conf->postfix.map, false, "mail to a trap is refused as unknown");
	check_list(d, in, "virtual_alias_domains", d->conf->postfix.domains, false, "mail to trap domains is refused");
	check_map(d, in, d->conf->postfix.map, "alias map");
	check_map(d, in, d->conf->postfix.domains, "domain map");
	check_transport(d, in);
	check_sockets(d, in);
	check_times(d, in);
	check_queue(d, in);
out:
	if (in)
		setup_facts_free(in);
	free(in);
}

/* All instances that setup remembers, else the one of the configuration. */
void doctor_check_postfix(struct doctor *d)
{
	struct setup *s;

	if (geteuid() != 0) {
		add(d, DOCTOR_SKIP, NULL, NULL, "Postfix's side is looked at as root only: sudo limetwig doctor");
		return;
	}
	s = calloc(1, sizeof *s);
	if (s) {
		s->opt.state = d->conf->storage.dir;
		setup_state_list(s, true);
	}
	if (!s || s->opt.dirs == 0)
		check_instance(d, d->conf->postfix.dir);
	for (size_t i = 0; s && i < s->opt.dirs; i++)
		check_instance(d, s->opt.dir[i]);
	free(s);
}
