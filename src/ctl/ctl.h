/*
 * ctl: one run of the command `limetwig`: its words, the configuration, where
 * it writes. Commands return an exit status: CTL_DONE, CTL_REFUSED, CTL_USAGE.
 * SPDX-License-Identifier: ISC
 */
#ifndef CTL_CTL_H
#define CTL_CTL_H
#include "core/conf.h"
#include "ctl/args.h"
#include "ctl/control_client.h"
#include "ctl/render.h"

#define CTL_CONF "/etc/limetwig/limetwig.conf"
#define CTL_PATH 600 /* storage run and a name */

enum { CTL_DONE = 0, CTL_REFUSED = 1, CTL_USAGE = 2 };

struct command;

struct ctl {
	struct args args; /* words behind the command's name */
	int argc;         /* of the rest, as given: for commands with options of their own */
	char **argv;
	const struct command *command;
	const char *conf_path;
	struct conf conf;    /* defaults when the file is broken */
	char conf_text[600]; /* what is wrong with the file; "" when it is fine */
	char socket[CTL_PATH];
	struct render render; /* .to is standard output */
	FILE *err;
};

struct command {
	const char *name, *sub; /* sub NULL: none */
	const char *words;      /* "TRAP...", for help */
	const char *options;    /* allowed, besides those of every command: "tag weight" */
	int min, max;           /* words; max -1: any number */
	bool is_open;           /* options are its own affair: argc, argv */
	int (*run)(struct ctl *c);
	const char *help;
};

/* The whole command. As spamdb or spamd-setup (argv[0]) it is the command of that name. */
int ctl_main(int argc, char **argv, FILE *out, FILE *err);

/* commands.c: the table */
size_t commands_count(void);
const struct command *commands_at(size_t i);
int command_help(struct ctl *c);
int command_version(struct ctl *c);

/* ask.c */
/* Who runs this (behind sudo too), for notes. The engine believes it of root only. Returns to. */
const char *ctl_user(char to[64]);
/* A request with "cmd", and "note" if one was given. NULL: no memory. */
json_t *ctl_request(const struct ctl *c, const char *cmd);
/* Adds a text, or nothing where it is NULL. */
void ctl_request_text(json_t *request, const char *key, const char *value);
/*
 * Ask (request is taken over). CTL_DONE: *ret_answer is there (json_decref it);
 * else the error was shown and this is the exit status.
 */
int ctl_ask(struct ctl *c, json_t *request, json_t **ret_answer);
/* The same without showing: ERR_CLOSED when no daemon runs ... */
enum err ctl_try(struct ctl *c, json_t *request, json_t **ret_answer, char text[CONTROL_TEXT]);
/* And an answer that is an error is ERR_DENIED, with its text. */
enum err ctl_try_good(struct ctl *c, json_t *request, json_t **ret_answer, char text[CONTROL_TEXT]);
/* Show an answer that is an error; gives the exit status. */
int ctl_show_refusal(struct ctl *c, const json_t *answer);
/* Ask, then show with --json as it is, else by show(). */
typedef void (*ctl_show)(struct render *r, const json_t *answer);
int ctl_ask_show(struct ctl *c, json_t *request, ctl_show show);
/* With --json: write it and give true. */
bool ctl_show_json(struct ctl *c, const json_t *answer);
/* "limetwig: text" on standard error; gives CTL_REFUSED. */
int ctl_refuse(struct ctl *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
int ctl_usage(struct ctl *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Value of a duration option in seconds. False: shown; usage. preset where it is not given. */
bool ctl_duration(struct ctl *c, enum opt o, uint64_t preset, uint64_t *ret);
bool ctl_number(struct ctl *c, enum opt o, uint64_t preset, uint64_t *ret);
/*
 * Unix time of --since: "10d" ago, or a time in UTC: "2026-11-20", "2026-11-20T14:00". 0: not given.
 */
bool ctl_since(struct ctl *c, uint64_t *ret);
/* Number of a trap: "T-118" or "118"; an address is asked of the engine. False: shown. */
bool ctl_trap_id(struct ctl *c, const char *what, uint64_t *ret, int *ret_status);
/* Commands that read or write system files say so early. */
bool ctl_is_root(void);
/* The folder of the configuration, where postfix.conf stands too. Returns to. */
const char *ctl_etc(const struct ctl *c, char to[CTL_PATH]);
/* There is a configuration, and it cannot be read: the defaults, which stand in, are other places. */
bool ctl_is_conf_broken(const struct ctl *c);
#define CTL_UNKNOWN_SETUP                                                                                              \
	"it does not say what was set up: mend the file first (postfix.conf may be deleted: setup makes it anew)"

/* The commands, by file. */
int command_status(struct ctl *c); /* command_daemon.c */
int command_enforce(struct ctl *c);
int command_off(struct ctl *c);
/* What `off` does, without a word. */
struct ctl_off {
	enum err flag, table, told; /* told ERR_CLOSED: no daemon runs */
	bool is_new;                /* the flag was not there */
	bool is_heard;              /* by the engine */
	bool is_told;               /* and by the parent, which gives the configuration anew */
	int error;                  /* errno of flag */
	char why[CONTROL_TEXT];     /* of table */
};
void ctl_off_all(struct ctl *c, struct ctl_off *ret);
/* Our nft table goes. Not the right to: no failure where the configuration has us make none. */
enum err ctl_table_delete(const struct ctl *c, char why[CONTROL_TEXT]);
int command_reload(struct ctl *c);
int command_watch(struct ctl *c);
int command_why(struct ctl *c); /* command_ask.c */
int command_hits(struct ctl *c);
int command_person(struct ctl *c);
int command_forget(struct ctl *c);
int command_block_add(struct ctl *c); /* command_block.c */
int command_block_remove(struct ctl *c);
int command_block_list(struct ctl *c);
int command_block_confirm(struct ctl *c);
int command_release(struct ctl *c); /* command_release.c */
int command_allow_add(struct ctl *c);
int command_allow_remove(struct ctl *c);
int command_allow_list(struct ctl *c);
int command_trap_add(struct ctl *c);     /* command_trap.c */
int command_trap_import(struct ctl *c);  /* command_trap_import.c */
int command_allow_import(struct ctl *c); /* command_allow_import.c */
int command_trap_change(struct ctl *c);  /* command_trap_change.c: remove, arm, suspend, resume, retire */
int command_trap_list(struct ctl *c);
int command_trap_test(struct ctl *c);
int command_trap_stats(struct ctl *c);   /* command_trap_stats.c */
int command_trap_suggest(struct ctl *c); /* replay_suggest.c */
int command_replay(struct ctl *c);       /* command_replay.c */
int command_feed_check(struct ctl *c);
int command_feed_list(struct ctl *c);
int command_feed_find(struct ctl *c);
int command_feed_refresh(struct ctl *c);
int command_feed_confirm(struct ctl *c);
int command_feed_import(struct ctl *c); /* command_feed.c */
int command_spamdb(struct ctl *c);      /* spamdb.c */
int command_spamd_setup(struct ctl *c); /* spamd_setup.c */
int command_export(struct ctl *c);      /* command_export.c */
int command_db_check(struct ctl *c);    /* command_db.c */
int command_db_backup(struct ctl *c);
int command_db_restore(struct ctl *c);
int command_setup(struct ctl *c);          /* command_system.c */
int command_setup_nftables(struct ctl *c); /* setup_nftables_look.c */
int command_doctor(struct ctl *c);
int command_uninstall(struct ctl *c); /* command_uninstall.c */

#endif /* CTL_CTL_H */
