/*
 * setup_postfix_facts: what is there: texts, postconf, and what follows from it.
 * SPDX-License-Identifier: ISC
 */
#include "ctl/setup_postfix_private.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define VERSION_MIN 3 /* inline: maps and { } lists */

static const char *const wanted[] = { "mail_version", "queue_directory", "mail_owner", "recipient_delimiter",
	"compatibility_level", "smtpd_delay_reject", "soft_bounce", "delay_warning_time", "content_filter",
	"smtpd_proxy_filter", "smtpd_milters", "mynetworks", "inet_interfaces", "relayhost", "myhostname", "mydomain",
	"maillog_file", "virtual_alias_maps", "smtpd_client_restrictions", "smtpd_recipient_restrictions",
	"smtpd_end_of_data_restrictions", "header_checks", "mua_client_restrictions", "mydestination",
	"virtual_mailbox_domains", "virtual_alias_domains", "relay_domains" };
#define WANTED (sizeof wanted / sizeof wanted[0])

void setup_note(struct setup_instance *in, const char *fmt, ...)
{
	va_list ap;

	if (in->notes == SETUP_NOTES)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(in->note[in->notes++], SETUP_TEXT, fmt, ap);
	va_end(ap);
}

static enum err read_config_file(
	const char *dir, const char *name, char path[PATH_MAX], struct buf *to, char *text, size_t n)
{
	char plain[PATH_MAX];
	enum err e;

	(void)snprintf(plain, sizeof plain, "%s/%s", dir, name);
	if (!realpath(plain, path)) {
		(void)snprintf(
			text, n, "%s: %s; is this a Postfix configuration? (--config DIR)", plain, strerror(errno));
		return ERR_NOTFOUND;
	}
	e = setup_file_read(path, to);
	if (e != ERR_OK)
		(void)snprintf(text, n, "%s cannot be read: %s", path, e == ERR_IO ? strerror(errno) : err_name(e));
	return e;
}

static bool read_params(struct setup_instance *in, char *text, size_t n)
{
	const char *argv[WANTED + 6] = { "postconf", "-c", in->dir, "-x" };
	const char *const defaults[] = { "postconf", "-c", in->dir, "-d", "smtpd_client_restrictions",
		"smtpd_recipient_restrictions", "smtpd_end_of_data_restrictions", "virtual_alias_maps",
		"virtual_alias_domains", "transport_maps", "smtpd_discard_ehlo_keywords", NULL };
	const char *const types[] = { "postconf", "-c", in->dir, "-m", NULL };

	for (size_t i = 0; i < WANTED; i++)
		argv[4 + i] = wanted[i];
	return setup_run(argv, &in->params, text, n) && setup_run(defaults, &in->defaults, text, n) &&
	       setup_run(types, &in->types, text, n);
}

static struct slice param_of(const struct buf *from, const char *name)
{
	struct slice all = buf_slice(from), line;

	while (slice_line(&all, &line)) {
		size_t eq = slice_find(line, '=');

		if (slice_eq(slice_trim(slice_head(line, eq)), slice_str(name)))
			return slice_trim(slice_from(line, eq + 1));
	}
	return (struct slice){ "", 0 };
}

struct slice setup_facts_param(const struct setup_instance *in, const char *name)
{
	return param_of(&in->params, name);
}

struct slice setup_facts_default(const struct setup_instance *in, const char *name)
{
	return param_of(&in->defaults, name);
}

bool setup_facts_has_type(const struct setup_instance *in, const char *type)
{
	struct slice all = buf_slice(&in->types), line;

	while (slice_line(&all, &line))
		if (slice_eq(slice_trim(line), slice_str(type)))
			return true;
	return false;
}

enum err setup_facts_read(struct setup_instance *in, const char *dir, char *text, size_t n)
{
	struct buf *const all[] = { &in->main, &in->master, &in->main_base, &in->master_base, &in->main_new,
		&in->master_new, &in->params, &in->defaults, &in->types };
	enum err e;

	memset(in, 0, sizeof *in);
	in->dir = dir;
	for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
		buf_init(all[i], MAIN_CF_MAX);
	e = read_config_file(dir, "main.cf", in->main_path, &in->main, text, n);
	if (e == ERR_OK)
		e = read_config_file(dir, "master.cf", in->master_path, &in->master, text, n);
	if (e != ERR_OK)
		return e;
	if (!read_params(in, text, n)) {
		in->is_gone = !setup_run_has_postfix();
		return in->is_gone ? ERR_NOTFOUND : ERR_IO;
	}
	slice_copy(setup_facts_param(in, "mail_version"), in->version, sizeof in->version);
	in->is_running = setup_run_is_up(dir);
	setup_services_read(in);
	return ERR_OK;
}

void setup_facts_free(struct setup_instance *in)
{
	struct buf *const all[] = { &in->main, &in->master, &in->main_base, &in->master_base, &in->main_new,
		&in->master_new, &in->params, &in->defaults, &in->types };

	for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
		buf_done(all[i]);
}

static bool is_set(const struct setup_instance *in, const char *name)
{
	return setup_facts_param(in, name).n > 0;
}

static bool is_yes(const struct setup_instance *in, const char *name)
{
	return slice_eq_nocase(setup_facts_param(in, name), SLICE_LIT("yes"));
}

static void judge_filters(struct setup_instance *in)
{
	if (is_set(in, "content_filter")) {
		in->is_trusted = false;
		setup_note(in,
			"content_filter = %.*s: mail comes in twice; the second time it is not counted. Who sent it, "
			"the filter must hand on (XFORWARD: smtp_send_xforward_command of its transport; amavis does "
			"the rest); else trap mail through it is charged to nobody, and looks like ours.",
			SLICE_ARG(slice_head(setup_facts_param(in, "content_filter"), 80)));
	}
	if (is_set(in, "smtpd_proxy_filter")) {
		in->is_trusted = false;
		setup_note(in,
			"smtpd_proxy_filter = %.*s: hits of mail that comes through it are recorded and charged to "
			"nobody, for it has no queue id when limetwigd is asked: limetwig-postfix(7).",
			SLICE_ARG(slice_head(setup_facts_param(in, "smtpd_proxy_filter"), 80)));
	}
	if (memmem(in->main.p ? in->main.p : "", in->main.n, "FILTER ", 7))
		setup_note(in,
			"main.cf names a FILTER action: mail it diverts keeps its way, traps in it are captured too");
}

static void judge_times(struct setup_instance *in)
{
	struct slice delay = setup_facts_param(in, "delay_warning_time");

	if (is_yes(in, "soft_bounce"))
		setup_note(in, "soft_bounce = yes: refusals become 450, the sender tries again until it is no");
	if (delay.n && delay.p[0] != '0')
		setup_note(in,
			"delay_warning_time = %.*s: while limetwigd is down that long, delay warnings about captures "
			"go to "
			"forged senders; 0h is better on an MX",
			SLICE_ARG(slice_head(delay, 20)));
}

/* A service that is not looked at gets no check where it has restrictions of its own. */
static void judge_services(struct setup_instance *in)
{
	if (!in->is_crowded)
		return;
	in->is_trusted = false;
	setup_note(in,
		"master.cf has more than %d smtpd services: the others are not looked at, a trap may not be seen "
		"through "
		"them",
		SETUP_SERVICES);
}

static void judge_networks(struct setup_instance *in)
{
	struct slice unread = setup_hosts_unread(in);

	if (unread.n)
		setup_note(in,
			"mynetworks names %.*s, which is not looked into: write the networks that stand there into "
			"own-networks of limetwig.conf, or their hosts can be blocked",
			SLICE_ARG(slice_head(unread, 200)));
}

static bool has_kind(const struct setup_instance *in, enum setup_kind kind)
{
	for (size_t i = 0; i < in->services; i++)
		if (in->service[i].kind == kind)
			return true;
	return false;
}

static bool is_writable(const struct setup_instance *in)
{
	char dir[PATH_MAX];
	char *slash;

	(void)snprintf(dir, sizeof dir, "%s", in->main_path);
	slash = strrchr(dir, '/');
	if (slash)
		*slash = '\0';
	return access(dir, W_OK) == 0 && access(in->main_path, W_OK) == 0 && access(in->master_path, W_OK) == 0;
}

void setup_facts_judge(struct setup_instance *in)
{
	in->is_trusted = true;
	judge_services(in);
	judge_filters(in);
	judge_times(in);
	judge_networks(in);
	if (strtol(in->version, NULL, 10) < VERSION_MIN)
		(void)snprintf(in->refusal, SETUP_TEXT,
			"Postfix %s in %s is too old: 3.0 brought what we need (inline: tables, policy "
			"default_action). "
			"Upgrade Postfix, or put limetwig on an MX in front of it.",
			in->version, in->dir);
	else if (!has_kind(in, SETUP_PUBLIC))
		(void)snprintf(in->refusal, SETUP_TEXT,
			"no smtpd service in %.300s takes mail from outside (inet_interfaces, master.cf): there is "
			"nothing to "
			"guard. Run it on the machine that is the MX, or name its configuration: --config DIR",
			in->master_path);
	else if (!is_writable(in))
		(void)snprintf(in->refusal, SETUP_TEXT,
			"%.200s cannot be written here (%s). If Ansible, Puppet or Nix owns it, give it the text of: "
			"limetwig setup postfix --print",
			in->main_path, geteuid() == 0 ? "read-only" : "not root");
}
