/*
 * main of limetwigd: options, and which of the processes this one is.
 * SPDX-License-Identifier: ISC
 */
#include "base/num.h"
#include "io/conf_file.h"
#include "role/parent.h"
#include "role/selftest.h"

#include <getopt.h>
#include <stdio.h>
#include <unistd.h>

#define MAIN_CONF "/etc/limetwig/limetwig.conf"
#define MAIN_UID_MAX 0x7fff0000u

enum { OPTION_UID_BASE = 256, OPTION_SELFTEST };

struct wishes {
	struct parent_options parent;
	const char *role, *selftest;
	bool is_check, is_print;
};

static const struct role_ops *const roles[ROLE_COUNT] = {
	[ROLE_ENGINE] = &engine_ops,
	[ROLE_FIREWALL] = &firewall_ops,
	[ROLE_CAPTURE] = &capture_ops,
	[ROLE_FOLLOW] = &follow_ops,
	[ROLE_RUN] = &run_ops,
	[ROLE_ALIASMAP] = &aliasmap_ops,
	[ROLE_FETCH] = &fetch_ops,
	[ROLE_TARPIT] = &tarpit_ops,
	[ROLE_FEED] = &feed_ops,
	[ROLE_DNSBL] = &dnsbl_ops,
	[ROLE_PUBLISH] = &publish_ops,
};

static int usage(void)
{
	(void)fprintf(stderr, "usage: limetwigd [-c CONF] [-n | -nv] [--uid-base N] [-f]\n"
			      "  -c CONF        configuration (" MAIN_CONF ")\n"
			      "  -n             check the configuration; -nv: print all of it too\n"
			      "  --uid-base N   run role r as user and group N + r, not as the limetwig users\n"
			      "  -f             stay in the foreground (it always does)\n"
			      "  -V, --version  version\n");
	return 2;
}

static int run_role(const char *name)
{
	enum role r;

	if (!role_parse(name, &r) || !roles[role_kind(r)]) {
		(void)fprintf(stderr, "limetwigd: no role %s\n", name);
		return 2;
	}
	return role_host_run(r, roles[role_kind(r)], NULL);
}

static int check_conf(const struct wishes *w)
{
	static struct conf c;
	struct buf text;
	char why[700];
	int status = 0;

	if (parent_load_conf(w->parent.conf, &c, why, sizeof why) != ERR_OK) {
		(void)fprintf(stderr, "limetwigd: %s\n", why);
		return 1;
	}
	if (!w->is_print)
		return 0;
	buf_init(&text, 2 * CONF_FILE_MAX);
	c.is_off = false; /* a state, not a setting */
	if (conf_print(&c, &text) != ERR_OK || fwrite(text.p, 1, text.n, stdout) != text.n || fflush(stdout) != 0)
		status = 1;
	buf_done(&text);
	return status;
}

static bool take_option(int o, struct wishes *w)
{
	uint64_t n;

	switch (o) {
	case 'c':
		w->parent.conf = optarg;
		return true;
	case 'n':
		w->is_check = true;
		return true;
	case 'v':
		w->is_print = true;
		return true;
	case 'x':
		w->role = optarg;
		return true;
	case 'f':
		return true;
	case OPTION_UID_BASE:
		if (num_parse(slice_str(optarg), MAIN_UID_MAX, &n) != ERR_OK || n == 0)
			return false;
		w->parent.uid_base = (uint32_t)n;
		w->parent.has_uid_base = true;
		return true;
	case OPTION_SELFTEST:
		w->selftest = optarg;
		return true;
	default:
		return false;
	}
}

int main(int argc, char **argv)
{
	static const struct option options[] = { { "uid-base", required_argument, NULL, OPTION_UID_BASE },
		{ "selftest-sandbox", required_argument, NULL, OPTION_SELFTEST }, { "version", no_argument, NULL, 'V' },
		{ NULL, 0, NULL, 0 } };
	static struct wishes w = { .parent = { .conf = MAIN_CONF } };
	int o;

	while ((o = getopt_long(argc, argv, "c:nvfx:V", options, NULL)) != -1) {
		if (o == 'V') {
			(void)printf("limetwigd %s\n", LIMETWIG_VERSION);
			return 0;
		}
		if (!take_option(o, &w))
			return usage();
	}
	if (optind < argc || (w.is_print && !w.is_check))
		return usage();
	if (w.role)
		return run_role(w.role);
	if (w.selftest)
		return selftest_main(w.selftest, &w.parent);
	if (w.is_check)
		return check_conf(&w);
	return parent_run(&w.parent);
}
