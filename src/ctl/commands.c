/*
 * commands: the one table of all commands.
 * SPDX-License-Identifier: ISC
 */
#include "ctl/ctl.h"

#include <string.h>

static const struct command commands[] = {
	{ "status", NULL, "[--metrics]", "metrics", 0, 0, false, command_status,
		"mode, health, numbers of the last day and week" },
	{ "enforce", NULL, "monitor|soft|full [--force]", "force", 1, 1, false, command_enforce,
		"set the mode; ends `off`" },
	{ "off", NULL, "", "", 0, 0, false, command_off,
		"refuse nothing, empty the firewall; also without the daemon" },
	{ "why", NULL, "ADDRESS|CASE|HOST|SENDER|@DOMAIN", "", 1, 1, false, command_why,
		"what is known of a caller: blocked, refused, accepted" },
	{ "hits", NULL, "[WHAT] [--tag TAG] [--since 10d] [--good] [--limit N]", "tag since good limit", 0, 1, false,
		command_hits, "attempts to mail a trap" },
	{ "watch", NULL, "", "", 0, 0, false, command_watch, "events as they happen" },
	{ "trap", "add", "TRAP... [--tag TAG] [--weight N] [--arm] [--file FILE] [--dry-run]",
		"tag weight arm file dry-run", 1, -1, false, command_trap_add,
		"new traps: address, @domain, /pattern/" },
	{ "trap", "import",
		"FILE [--from access|rspamd|policyd|spamdb] [--users FILE] [--tag TAG] [--weight N] [--arm] "
		"[--dry-run]",
		"from users tag weight arm dry-run", 1, 1, false, command_trap_import,
		"many traps, one a line, or of another system" },
	{ "trap", "remove", "TRAP...|--tag TAG", "tag", 0, -1, false, command_trap_change,
		"drop traps from their file" },
	{ "trap", "arm", "TRAP...|--tag TAG", "tag", 0, -1, false, command_trap_change, "end the time of watching" },
	{ "trap", "suspend", "TRAP...|--tag TAG", "tag", 0, -1, false, command_trap_change,
		"a trap that shall not count for now" },
	{ "trap", "resume", "TRAP...|--tag TAG", "tag", 0, -1, false, command_trap_change, "arm it again" },
	{ "trap", "retire", "TRAP...|--tag TAG", "tag", 0, -1, false, command_trap_change,
		"never counts again, stays on the list" },
	{ "trap", "list", "[--tag TAG] [--state STATE] [--limit N]", "tag state limit", 0, 0, false, command_trap_list,
		"traps with their hits" },
	{ "trap", "test", "ADDRESS|/PATTERN/ --users FILE", "users", 1, 1, false, command_trap_test,
		"is this a trap; which of these users would a pattern catch" },
	{ "trap", "suggest", "MAILLOG... [--users FILE] [--limit N]", "users limit", 1, -1, false, command_trap_suggest,
		"unknown addresses of these logs that would make good traps" },
	{ "replay", NULL, "MAILLOG... [--traps FILE|TRAP,TRAP | --suggest]", "traps suggest", 1, -1, false,
		command_replay, "what would have happened: needs no daemon, no root" },
	{ "feed", "check", "FILE [--from FORMAT] [--clean]", "from clean", 1, 1, false, command_feed_check,
		"what a list of addresses holds, and what of it could be used" },
	{ "feed", "list", "", "", 0, 0, false, command_feed_list, "feeds: state, age, size, what they did" },
	{ "feed", "find", "ADDRESS|NETWORK", "", 1, 1, false, command_feed_find, "which feeds list it" },
	{ "feed", "refresh", "[FEED]", "", 0, 1, false, command_feed_refresh, "fetch now" },
	{ "feed", "confirm", "FEED", "", 1, 1, false, command_feed_confirm, "take a change that waits for you" },
	{ "feed", "import", "FILE --dry-run [--from FORMAT]", "from dry-run", 1, 1, false, command_feed_import,
		"what a list would hit: our networks, the allow list, hosts that send good mail" },
	{ "block", "add", "ADDRESS|NETWORK [--for 24h] [--dry-run] [--held]", "for dry-run held", 1, 1, false,
		command_block_add, "block by hand; --dry-run: what good mail that would have refused" },
	{ "trap", "stats", "[--tag TAG] [--limit N]", "tag limit", 0, 0, false, command_trap_stats,
		"what the traps of each tag have brought" },
	{ "block", "remove", "CASE|ADDRESS|SENDER|--tag TAG|--feed FEED|--trap TRAP|--since TIME [--dry-run]",
		"tag feed trap since dry-run", 0, 1, false, command_block_remove, "lift blocks, with a pardon" },
	{ "block", "list", "[--held] [--all] [--feed FEED] [--limit N]", "held all feed limit", 0, 0, false,
		command_block_list, "blocks" },
	{ "block", "confirm", "CASE", "", 1, 1, false, command_block_confirm, "let a held block act" },
	{ "release", NULL, "MESSAGE|CASE|ADDRESS [--to ADDRESS] [--keep-block] [--dry-run]", "to keep-block dry-run", 1,
		1, false, command_release, "give a captured message to its riders, lift the block" },
	{ "allow", "add", "ADDRESS|NETWORK [--for 90d]", "for", 1, 1, false, command_allow_add, "never block this" },
	{ "allow", "import", "FILE [--from access|postgrey|spamdb] [--dry-run]", "from dry-run", 1, 1, false,
		command_allow_import, "good clients, one a line, or of another system, into a file of allow.d" },
	{ "allow", "remove", "ADDRESS|NETWORK", "", 1, 1, false, command_allow_remove, "undo allow add" },
	{ "allow", "list", "", "", 0, 0, false, command_allow_list, "who is never blocked" },
	{ "setup", "postfix",
		"[--dry-run|--print|--diff|--revert] [--force] [--config DIR] [--map-type lmdb|hash|cdb] [--keep-dsn]",
		"", 0, -1, true, command_setup, "put limetwig into main.cf and master.cf" },
	{ "setup", "nftables", "[--dry-run|--print|--revert] [--file FILE]", "", 0, -1, true, command_setup_nftables,
		"what the rules of this host need: forwarded mail, Docker, a filter that drops" },
	{ "doctor", NULL, "[-v]", "verbose", 0, 0, false, command_doctor,
		"check the chain from main.cf to the kernel" },
	{ "spamdb", NULL, "[-adGTt] [KEY...]", "", 0, -1, true, command_spamdb,
		"traps, blocks and allow list in the language of OpenBSD's spamdb; also under that name" },
	{ "spamd-setup", NULL, "[-bDdn]", "", 0, -1, true, command_spamd_setup,
		"the lists of spamd.conf anew; also under that name" },
	{ "export", NULL, "[NAME] [--format FORMAT] [--zone ZONE] [--output FILE]", "format zone output", 0, 1, false,
		command_export,
		"our list for other programs: plain, cidr, postfix, rbldnsd, nftables, pf, rpz, bind, spamd, json" },
	{ "db", "check", "[DIR]", "", 0, 1, false, command_db_check, "read the whole store (daemon stopped)" },
	{ "db", "backup", "FILE", "", 1, 1, false, command_db_backup, "copy the store, also while it is in use" },
	{ "db", "restore", "FILE", "", 1, 1, false, command_db_restore, "put a copy back (daemon stopped)" },
	{ "person", NULL, "ADDRESS", "", 1, 1, false, command_person, "what is kept about somebody" },
	{ "forget", NULL, "ADDRESS", "", 1, 1, false, command_forget, "delete it" },
	{ "reload", NULL, "", "", 0, 0, false, command_reload, "read configuration and trap files again" },
	{ "uninstall", NULL, "[--purge] [--force] [--dry-run]", "purge force dry-run", 0, 0, false, command_uninstall,
		"take limetwig out of Postfix and nftables; --purge: its data too" },
	{ "help", NULL, "[COMMAND]", "", 0, 1, false, command_help, "this list" },
	{ "version", NULL, "", "", 0, 0, false, command_version, "the version" },
};

size_t commands_count(void)
{
	return sizeof commands / sizeof commands[0];
}

const struct command *commands_at(size_t i)
{
	return &commands[i];
}

int command_help(struct ctl *c)
{
	const char *only = c->args.count ? c->args.word[0] : NULL;
	bool is_any = false;

	for (size_t i = 0; i < commands_count(); i++) {
		const struct command *k = &commands[i];

		if (only && strcmp(only, k->name) != 0)
			continue;
		is_any = true;
		(void)fprintf(c->render.to, "limetwig %s%s%s%s%s\n        %s\n", k->name, k->sub ? " " : "",
			k->sub ? k->sub : "", *k->words ? " " : "", k->words, k->help);
	}
	if (!is_any)
		return ctl_usage(c, "no such command: %s", only);
	(void)fprintf(c->render.to,
		"each: --json  --note TEXT (kept with what was changed)  --conf FILE  --reveal (trap"
		" addresses)\nexit status: 0 done, 1 not found or refused, 2 wrong usage\n");
	return CTL_DONE;
}

int command_version(struct ctl *c)
{
	(void)fprintf(c->render.to, "limetwig %s\n", LIMETWIG_VERSION);
	return CTL_DONE;
}
