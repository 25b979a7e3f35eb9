/*
 * setup_postfix: options, and the run that puts limetwig in. Everything is
 * looked at and planned for all instances before the first byte is written.
 * SPDX-License-Identifier: ISC
 */
#include "ctl/setup_postfix.h"
#include "ctl/setup_postfix_private.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char usage[] = "usage: limetwig setup postfix [--dry-run | --print | --diff | --revert [--force]]\n"
			    "                              [--config DIR ...] [--map-type lmdb|hash|cdb] [--keep-dsn]\n"
			    "                              [--etc DIR] [--state DIR]\n";

#define MODE_TEXT                                                                                                      \
	"The mode stays as it is; a new site is in monitor: nothing is refused, no mail is kept from anybody.\n"

static bool add_dir(struct setup_options *o, const char *dir)
{
	if (o->dirs == SETUP_INSTANCES)
		return false;
	if (!realpath(dir, o->dir[o->dirs]))
		(void)snprintf(o->dir[o->dirs], PATH_MAX, "%s", dir);
	o->dirs++;
	return true;
}

static bool is_map_type(const char *t)
{
	return strcmp(t, "lmdb") == 0 || strcmp(t, "hash") == 0 || strcmp(t, "cdb") == 0;
}

/* o: with what stands in for options that are not given. */
static bool read_options(int argc, char **argv, struct setup_options *o)
{
	static const struct option options[] = { { "dry-run", 0, NULL, 'n' }, { "print", 0, NULL, 'p' },
		{ "diff", 0, NULL, 'd' }, { "revert", 0, NULL, 'r' }, { "force", 0, NULL, 'f' },
		{ "keep-dsn", 0, NULL, 'k' }, { "config", 1, NULL, 'i' }, { "map-type", 1, NULL, 'm' },
		{ "etc", 1, NULL, 'e' }, { "state", 1, NULL, 's' },
		/* the command's own, taken already: they may stand behind its words */
		{ "conf", 1, NULL, 'c' }, { NULL, 0, NULL, 0 } };
	bool is_good = true;
	int c;

	optind = 0;
	while ((c = getopt_long(argc, argv, "c:", options, NULL)) != -1) {
		o->is_dry_run |= c == 'n';
		o->is_print |= c == 'p';
		o->is_diff |= c == 'd';
		o->is_revert |= c == 'r';
		o->is_force |= c == 'f';
		o->is_dsn_kept |= c == 'k';
		if (c == 'm')
			o->map_type = optarg;
		else if (c == 'e')
			o->etc = optarg;
		else if (c == 's')
			o->state = optarg;
		else if (c == 'i')
			is_good &= add_dir(o, optarg);
		is_good &= c != '?';
	}
	return is_good && optind == argc && (!o->map_type || is_map_type(o->map_type)) &&
	       (!o->is_force || o->is_revert) && (!o->is_print || !o->is_revert) && strlen(o->state) < 2000 &&
	       strlen(o->etc) < 2000;
}

/* The instance whose folder holds the map comes first: its directory is the one in postfix.conf. */
static void choose_map(struct setup *s)
{
	const struct setup_instance *first = s->instances ? &s->instance[0] : NULL;
	const char *type = s->opt.map_type, *path = strchr(s->map, ':');
	char base[PATH_MAX];

	if (!type && !first)
		type = "hash"; /* only to be removed, under every type */
	if (!type)
		type = setup_facts_has_type(first, "lmdb")   ? "lmdb"
		       : setup_facts_has_type(first, "hash") ? "hash"
							     : "cdb";
	(void)snprintf(base, sizeof base, "%s", path ? path + 1 : "");
	if (!path)
		(void)snprintf(base, sizeof base, "%.4000s/limetwig_virtual", s->opt.dir[0]);
	(void)snprintf(s->map, sizeof s->map, "%s:%s", type, base);
	base[strlen(base) - (sizeof "virtual" - 1)] = '\0';
	(void)snprintf(s->domains, sizeof s->domains, "%s:%sdomains", type, base);
}

static bool read_all(struct setup *s, char *text, size_t n)
{
	s->instance = calloc(s->opt.dirs, sizeof *s->instance);
	if (!s->instance) {
		(void)snprintf(text, n, "no memory");
		return false;
	}
	for (; s->instances < s->opt.dirs; s->instances++)
		if (setup_facts_read(&s->instance[s->instances], s->opt.dir[s->instances], text, n) != ERR_OK &&
			!(s->opt.is_revert && s->instance[s->instances].is_gone)) {
			s->instances++;
			return false;
		}
	return true;
}

/* Below /etc and /usr the unit lets limetwigd write into /etc/postfix only. */
static void note_folder(struct setup *s)
{
	struct slice path = slice_str(strchr(s->map, ':') + 1);
	struct slice dir = slice_head(slice_head(path, slice_rfind(path, '/')), 150);

	if (slice_starts(path, SLICE_LIT("/etc/postfix/")) ||
		(!slice_starts(path, SLICE_LIT("/etc/")) && !slice_starts(path, SLICE_LIT("/usr/"))))
		return;
	setup_note(&s->instance[0],
		"systemd keeps limetwigd from writing its maps into %.*s. Run: systemctl edit limetwigd; put two lines "
		"there, [Service] and ReadWritePaths=%.*s, and restart it",
		SLICE_ARG(dir), SLICE_ARG(dir));
}

static bool plan_all(struct setup *s, char *text, size_t n)
{
	note_folder(s);
	for (size_t i = 0; i < s->instances; i++) {
		enum err e;

		setup_facts_judge(&s->instance[i]);
		e = setup_plan(s, &s->instance[i]);
		if (e != ERR_OK) {
			(void)snprintf(text, n, "%s: %s", s->instance[i].dir, err_name(e));
			return false;
		}
	}
	return true;
}

/* Does Postfix read what was meant? */
static bool verify(const struct setup_instance *in, char *text, size_t n)
{
	static const char *const items[] = { "smtpd_client_restrictions", "$limetwig_client" };
	const char *name = in->is_recipient_stage ? "smtpd_recipient_restrictions" : items[0];
	const char *const argv[] = { "postconf", "-c", in->dir, "-h", name, NULL };
	struct buf out;
	bool is_first = false;

	buf_init(&out, MAIN_CF_MAX);
	if (setup_run(argv, &out, text, n) &&
		!(main_cf_has_item(slice_trim(buf_slice(&out)), items[1], &is_first) && is_first))
		(void)snprintf(text, n, "%s does not begin with %s after the edit", name, items[1]);
	buf_done(&out);
	return is_first && setup_run_check(in->dir, text, n);
}

static void put_back(const struct setup *s, size_t upto)
{
	char text[SETUP_TEXT];

	for (size_t i = 0; i <= upto && i < s->instances; i++) {
		const struct setup_instance *in = &s->instance[i];

		if (setup_file_write(in->main_path, buf_slice(&in->main), 0644) != ERR_OK ||
			setup_file_write(in->master_path, buf_slice(&in->master), 0644) != ERR_OK)
			(void)fprintf(stderr, "limetwig: %s cannot be put back: its text is in %s/setup\n", in->dir,
				s->opt.state);
		else if (in->is_running)
			(void)setup_run_reload(in->dir, text, sizeof text);
	}
}

/* Does the master that runs know our services? An earlier run may have died before its reload. */
static bool is_read(const struct setup_instance *in)
{
	static const char *const names[] = { MASTER_CF_TRANSPORT, MASTER_CF_HANDBACK };
	char path[PATH_MAX];

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		(void)snprintf(path, sizeof path, "%.*s/private/%s",
			SLICE_ARG(setup_facts_param(in, "queue_directory")), names[i]);
		if (!setup_run_answers(path, SETUP_ANSWER_MS))
			return false;
	}
	return true;
}

/* master.cf first: the transport is there before main.cf names it. */
static bool apply_one(const struct setup_instance *in, char *text, size_t n)
{
	if (setup_plan_is_done(in)) {
		if (!in->is_running || is_read(in))
			return true;
		printf("%s: Postfix had not read it yet: postfix reload\n", in->dir);
		return setup_run_reload(in->dir, text, n);
	}
	if (setup_file_write(in->master_path, buf_slice(&in->master_new), 0644) != ERR_OK ||
		setup_file_write(in->main_path, buf_slice(&in->main_new), 0644) != ERR_OK) {
		(void)snprintf(text, n, "%.400s: %s", in->main_path, strerror(errno));
		return false;
	}
	return verify(in, text, n) && (!in->is_running || setup_run_reload(in->dir, text, n));
}

static bool write_conf(struct setup *s, bool *ret_is_new, char *text, size_t n)
{
	char path[PATH_MAX];
	struct buf new, old;
	enum err e;
	bool is_there;

	(void)mkdir(s->opt.etc, 0755);
	(void)snprintf(path, sizeof path, "%s/postfix.conf", s->opt.etc);
	buf_init(&new, MAIN_CF_MAX);
	buf_init(&old, MAIN_CF_MAX);
	is_there = setup_file_read(path, &old) == ERR_OK;
	e = setup_conf_text(s, buf_slice(&old), &new);
	*ret_is_new = e == ERR_OK && !(is_there && slice_eq(buf_slice(&old), buf_slice(&new)));
	if (*ret_is_new)
		e = setup_file_write(path, buf_slice(&new), 0644);
	if (e != ERR_OK)
		(void)snprintf(text, n, "%.400s: %s", path, e == ERR_IO ? strerror(errno) : err_name(e));
	buf_done(&new);
	buf_done(&old);
	return e == ERR_OK;
}

static bool apply_all(struct setup *s, bool *ret_is_new, char *text, size_t n)
{
	for (size_t i = 0; i < s->instances; i++)
		if (!setup_plan_is_done(&s->instance[i]) && !setup_run_check(s->instance[i].dir, text, n))
			return false;
	if (setup_maps_make(s, text, n) != ERR_OK)
		return false;
	for (size_t i = 0; i < s->instances; i++) {
		if (setup_state_save(s, &s->instance[i]) != ERR_OK) {
			(void)snprintf(text, n, "%s/setup: %s", s->opt.state, strerror(errno));
			put_back(s, i);
			return false;
		}
		if (!apply_one(&s->instance[i], text, n)) {
			put_back(s, i);
			return false;
		}
	}
	if (write_conf(s, ret_is_new, text, n))
		return true;
	put_back(s, s->instances);
	return false;
}

static bool is_refused(const struct setup *s)
{
	bool is = false;

	for (size_t i = 0; i < s->instances; i++)
		is |= s->instance[i].refusal[0] != '\0';
	return is;
}

static void say_hosts(const struct setup *s)
{
	if (s->is_dns_silent)
		printf("note: the DNS did not answer for each of our names: own-hosts keeps what was known before. Run "
		       "setup again when it does, or a backup MX can be blocked\n");
	if (s->is_own_cut)
		printf("note: own-hosts has no room for all (%d hosts and networks, MX of %d domains, %d of each): put "
		       "the others into a file in allow.d\n",
			CONF_LIST, SETUP_DOMAINS, SETUP_DOMAIN_HOSTS);
}

static int say(const struct setup *s, bool is_new)
{
	bool is_done = !is_new;

	say_hosts(s);
	for (size_t i = 0; i < s->instances; i++)
		is_done &= setup_plan_is_done(&s->instance[i]);
	if (is_done) {
		printf("Nothing to do: limetwig is in %s%s\n", s->instance[0].dir,
			s->instances > 1 ? " and the others" : "");
		return 0;
	}
	for (size_t i = 0; i < s->instances; i++)
		setup_show(s, &s->instance[i]);
	printf("Done. postfix check: fine. Settings: %s/postfix.conf\n" MODE_TEXT
	       "Undo: limetwig setup postfix --revert     Next: limetwig doctor\n",
		s->opt.etc);
	return 0;
}

static int show_only(const struct setup *s)
{
	for (size_t i = 0; i < s->instances; i++) {
		if (s->opt.is_print)
			setup_plan_print(s, &s->instance[i]);
		else
			setup_show(s, &s->instance[i]);
		if (!s->opt.is_print && !s->instance[i].refusal[0] && setup_plan_is_done(&s->instance[i]))
			printf("%s: nothing to do\n", s->instance[i].dir);
	}
	if (!s->opt.is_print)
		printf("If limetwigd is down, mail flows as today. If it hangs: 2 s once a session.\n" MODE_TEXT
		       "Nothing was changed. Do it: limetwig setup postfix     Undo: --revert\n"
		       "main.cf belongs to Ansible or Puppet? Take the text from: --print\n");
	return is_refused(s) && !s->opt.is_print ? 1 : 0;
}

/*
 * Revert where there is nothing to revert from: instances whose folder is gone
 * are forgotten. False: no Postfix configuration is left to look at.
 */
static bool drop_gone(struct setup *s, size_t named)
{
	char path[PATH_MAX + 16];
	size_t n = named;

	for (size_t i = named; i < s->opt.dirs; i++) {
		(void)snprintf(path, sizeof path, "%s/main.cf", s->opt.dir[i]);
		if (access(path, F_OK) == 0) {
			memmove(s->opt.dir[n++], s->opt.dir[i], PATH_MAX);
			continue;
		}
		printf("%s: no Postfix configuration there any more\n", s->opt.dir[i]);
		if (!s->opt.is_dry_run)
			setup_state_remove(s, s->opt.dir[i]);
	}
	s->opt.dirs = n;
	(void)snprintf(path, sizeof path, "%.4000s/main.cf", s->opt.fallback);
	if (n == 0 && access(path, F_OK) != 0) {
		printf("No Postfix is set up: nothing to take out\n");
		return false;
	}
	return true;
}

static int run(struct setup *s)
{
	char text[SETUP_TEXT] = "";
	bool is_new = false, is_show = s->opt.is_dry_run || s->opt.is_print || s->opt.is_diff;
	size_t named = s->opt.dirs;

	setup_state_list(s, !s->opt.is_revert || !named);
	if (s->opt.is_revert && !drop_gone(s, named)) {
		if (s->map[0])
			choose_map(s);
		return setup_revert(s);
	}
	if (s->opt.dirs == 0)
		(void)add_dir(&s->opt, s->opt.fallback);
	if (!is_show && setup_lock(s, text, sizeof text) != ERR_OK)
		goto failed;
	if (!read_all(s, text, sizeof text))
		goto failed;
	choose_map(s);
	if (s->opt.is_revert)
		return setup_revert(s);
	if (!plan_all(s, text, sizeof text))
		goto failed;
	if (is_show)
		return show_only(s);
	for (size_t i = 0; i < s->instances; i++)
		if (s->instance[i].refusal[0])
			(void)fprintf(stderr, "limetwig: refused: %s\n", s->instance[i].refusal);
	if (is_refused(s))
		return 1;
	if (apply_all(s, &is_new, text, sizeof text))
		return say(s, is_new);
failed:
	(void)fprintf(stderr, "limetwig: %s\nNothing was changed.\n", text);
	return 1;
}

static int run_and_free(struct setup *s)
{
	int status = run(s);

	for (size_t i = 0; i < s->instances; i++)
		setup_facts_free(&s->instance[i]);
	free(s->instance);
	if (s->lock >= 0)
		(void)close(s->lock);
	free(s);
	return status;
}

int setup_postfix_main(int argc, char **argv, const char *etc, const char *state)
{
	struct setup *s = calloc(1, sizeof *s);

	if (!s)
		return 1;
	s->lock = -1;
	s->opt = (struct setup_options){ .etc = etc, .state = state, .fallback = "/etc/postfix" };
	if (read_options(argc, argv, &s->opt))
		return run_and_free(s);
	(void)fputs(usage, stderr);
	free(s);
	return 2;
}

int setup_postfix_remove(const struct setup_postfix_removal *r)
{
	struct setup *s = calloc(1, sizeof *s);

	if (!s)
		return 1;
	s->lock = -1;
	s->opt = (struct setup_options){ .is_revert = true,
		.is_dry_run = r->is_dry_run,
		.is_force = r->is_force,
		.etc = r->etc,
		.state = r->state,
		.fallback = r->dir };
	return run_and_free(s);
}
