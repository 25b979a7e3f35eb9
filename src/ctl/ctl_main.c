/*
 * ctl_main: from the words of a command line to a command.
 * SPDX-License-Identifier: ISC
 */
#include "ctl/ctl.h"
#include "io/conf_file.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static bool is_command(const struct command *k, const char *name, const char *sub)
{
	return strcmp(k->name, name) == 0 && (!k->sub || (sub && strcmp(k->sub, sub) == 0));
}

/* NULL: shown. */
static const struct command *find_command(struct ctl *c, const char *name, const char *sub)
{
	for (size_t i = 0; i < commands_count(); i++)
		if (is_command(commands_at(i), name, sub))
			return commands_at(i);
	for (size_t i = 0; i < commands_count(); i++) {
		if (strcmp(commands_at(i)->name, name) == 0) {
			(void)ctl_usage(c, sub ? "no such command: %s %s" : "%s needs one more word: limetwig help %s",
				name, sub ? sub : name);
			return NULL;
		}
	}
	(void)ctl_usage(c, "no such command: %s", name);
	return NULL;
}

/* A broken file stops nobody from `off`: the defaults stand in, with a word about it. */
static void read_conf(struct ctl *c)
{
	c->conf_path = c->args.value[OPT_CONF] ? c->args.value[OPT_CONF] : CTL_CONF;
	if (conf_file_load(c->conf_path, &c->conf, c->conf_text, sizeof c->conf_text) == ERR_OK)
		c->conf_text[0] = '\0';
	else
		conf_defaults(&c->conf);
	(void)snprintf(c->socket, sizeof c->socket, "%s/control.sock", c->conf.storage.run);
}

/* Commands that work before anything is installed: defaults are what is wanted there. */
static bool is_conf_missed(const struct ctl *c)
{
	const struct command *k = c->command;

	if (k->run == command_doctor || k->run == command_help || k->run == command_version)
		return false;
	if (k->run != command_replay && k->run != command_trap_suggest)
		return true;
	return c->args.is_given[OPT_CONF] || access(c->conf_path, F_OK) == 0;
}

/* Commands that write, or delete, where the configuration says. */
static bool needs_places(const struct command *k)
{
	static int (*const runs[])(struct ctl * c) = { command_trap_add, command_trap_import, command_trap_change,
		command_allow_import, command_db_restore, command_enforce };

	for (size_t i = 0; i < sizeof runs / sizeof runs[0]; i++)
		if (k->run == runs[i])
			return true;
	return false;
}

static int run_command(struct ctl *c)
{
	const struct command *k = c->command;
	const char *foreign = k->is_open ? NULL : args_find_foreign(&c->args, k->options);

	if (foreign)
		return ctl_usage(c, "%s is no option of this command", foreign);
	if (!k->is_open && c->args.count < k->min)
		return ctl_usage(c, "something is missing");
	if (!k->is_open && k->max >= 0 && c->args.count > k->max)
		return ctl_usage(c, "too many words: %s", c->args.word[k->max]);
	c->render.is_reveal = c->args.is_given[OPT_REVEAL];
	read_conf(c);
	if (needs_places(k) && ctl_is_conf_broken(c))
		return ctl_refuse(c, "%s\nlimetwig: nothing is changed: mend the file first", c->conf_text);
	if (c->conf_text[0] && is_conf_missed(c))
		(void)fprintf(c->err, "limetwig: %s\nlimetwig: going on with the defaults\n", c->conf_text);
	return k->run(c);
}

/* The words before the command's own: global options may stand there. */
static int find_and_run(struct ctl *c, int argc, char **argv)
{
	char text[200];
	const char *name, *sub;

	if (!args_parse(argc, argv, true, &c->args, text, sizeof text))
		return ctl_usage(c, "%s", text);
	if (c->args.is_given[OPT_VERSION])
		return command_version(c);
	if (c->args.count == 0) {
		int status = command_help(c);

		return c->args.is_given[OPT_HELP] ? status : CTL_USAGE;
	}
	name = c->args.word[0];
	sub = c->args.count > 1 ? c->args.word[1] : NULL;
	if (c->args.is_given[OPT_HELP]) {
		c->args.count = 1;
		return command_help(c);
	}
	c->command = find_command(c, name, sub);
	if (!c->command)
		return CTL_USAGE;
	c->args.word += c->command->sub ? 2 : 1;
	c->args.count -= c->command->sub ? 2 : 1;
	for (c->argc = argc, c->argv = argv; c->argc && c->argv[0] != (c->command->sub ? sub : name); c->argc--)
		c->argv++;
	if (!c->command->is_open)
		for (int i = 0; i < c->args.count; i++)
			if (c->args.word[i][0] == '-' && c->args.word[i][1])
				return ctl_usage(c, "no such option: %s", c->args.word[i]);
	return run_command(c);
}

/* Under these names the command is one of its own: the name without its folder, or NULL. */
static char *own_name(int argc, char **argv)
{
	char *slash = argc ? strrchr(argv[0], '/') : NULL, *name = slash ? slash + 1 : argc ? argv[0] : NULL;

	return name && (strcmp(name, "spamdb") == 0 || strcmp(name, "spamd-setup") == 0) ? name : NULL;
}

/* A plain `su` and cron leave Postfix's folder out: one that runs must not look like one that is gone. */
static bool widen_path(void)
{
	static const char more[] = ":/usr/local/sbin:/usr/sbin:/sbin";
	const char *path = getenv("PATH");
	char *new = NULL;
	bool is_good;

	if (!path || !path[0])
		path = "/usr/bin:/bin";
	if (slice_ends(slice_str(path), slice_str(more)))
		return true;
	is_good = asprintf(&new, "%s%s", path, more) >= 0 && setenv("PATH", new, 1) == 0;
	free(new);
	return is_good;
}

int ctl_main(int argc, char **argv, FILE *out, FILE *err)
{
	struct ctl *c = calloc(1, sizeof *c);
	const char **words = calloc((size_t)argc + 1, sizeof *words);
	char *name = own_name(argc, argv);
	int status = CTL_REFUSED;

	if (c && words && widen_path()) {
		c->args.word = words;
		c->render.to = out;
		c->render.now = (uint64_t)time(NULL);
		c->err = err;
		if (name)
			argv[0] = name;
		status = name ? find_and_run(c, argc, argv) : find_and_run(c, argc - 1, argv + 1);
		if (fflush(out) != 0 || ferror(out)) {
			(void)fputs("limetwig: standard output cannot be written\n", err);
			status = CTL_REFUSED;
		}
	} else {
		(void)fputs("limetwig: no memory\n", err);
	}
	free(words);
	free(c);
	return status;
}
