/*
 * setup_postfix_private: what the parts of `limetwig setup postfix` share. One
 * struct setup_instance is one Postfix: its texts as found, what postconf says
 * of it, its services, and the new texts.
 * SPDX-License-Identifier: ISC
 */
#ifndef CTL_SETUP_POSTFIX_PRIVATE_H
#define CTL_SETUP_POSTFIX_PRIVATE_H
#include "core/conf.h"
#include "core/main_cf.h"
#include "core/master_cf.h"

#include <limits.h>
#include <netinet/in.h>
#include <stdint.h>
#include <sys/socket.h>

#define SETUP_INSTANCES 8 /* as ROLE_LISTENERS: one policy socket each */
#define SETUP_SERVICES 64 /* smtpd services of one master.cf that are looked at */
#define SETUP_NOTES 16
#define SETUP_DOMAINS 32     /* domains of one run, beside $mydomain, whose MX are looked up */
#define SETUP_DOMAIN_HOSTS 8 /* addresses of the MX of one of them */
#define SETUP_LOOKUPS (3 * SETUP_INSTANCES + SETUP_DOMAINS)
#define SETUP_TEXT 512
#define SETUP_WAIT_MS 30000 /* revert waits so long for queued captures */
#define SETUP_ANSWER_MS 5000

struct setup_options {
	bool is_dry_run, is_print, is_diff, is_revert, is_force, is_dsn_kept;
	const char *etc, *state, *map_type; /* map_type NULL: choose */
	const char *fallback;               /* the instance where none is named or remembered */
	size_t dirs;
	char dir[SETUP_INSTANCES][PATH_MAX];
};

enum setup_kind {
	SETUP_PUBLIC = 1,  /* takes foreign mail: client and end-of-data check */
	SETUP_SUBMISSION,  /* logins: its own restrictions stay, end-of-data check */
	SETUP_REINJECTION, /* behind a content filter: left alone, but the filter may name the client */
	SETUP_LOCAL,       /* bound to loopback: left alone */
};

struct setup_service {
	enum setup_kind kind;
	struct slice name, type; /* borrow the instance's master text */
	char label[80];          /* "submission", "127.0.0.1:10025" */
	char port[8];
	bool has_client, has_eod, has_recipient, has_xforward; /* -o overrides */
	char chroot;
};

struct setup_instance {
	const char *dir;
	char main_path[PATH_MAX], master_path[PATH_MAX]; /* symbolic links followed */
	struct buf main, master;                         /* as found */
	struct buf main_base, master_base;               /* without our parts */
	struct buf main_new, master_new;                 /* as wanted */
	struct buf params;                               /* postconf -x */
	struct buf defaults;                             /* postconf -d */
	struct buf types;                                /* postconf -m */
	char version[32];
	bool is_recipient_stage; /* smtpd_delay_reject = no somewhere */
	bool is_running;
	bool is_gone;    /* no postconf on this machine: only texts can be read and put back */
	bool is_trusted; /* every way for foreign mail was seen and is checked */
	bool is_crowded; /* more smtpd services than SETUP_SERVICES: those are not looked at */
	size_t services;
	struct setup_service service[SETUP_SERVICES];
	size_t notes;
	char note[SETUP_NOTES][SETUP_TEXT];
	char refusal[SETUP_TEXT]; /* "" none */
};

struct setup {
	struct setup_options opt;
	char map[PATH_MAX + 16], domains[PATH_MAX + 16]; /* TYPE:/path */
	size_t instances;
	struct setup_instance *instance;
	int lock;
	bool is_dns_silent, is_own_cut; /* own-hosts: what could not be found, what has no room */
};

/* setup_postfix_facts.c: read texts and postconf; services; what to say; refusal. */
enum err setup_facts_read(struct setup_instance *in, const char *dir, char *text, size_t n) MUST_USE;
void setup_facts_free(struct setup_instance *in);
/* Value of a parameter, macros expanded; empty when unknown. */
struct slice setup_facts_param(const struct setup_instance *in, const char *name);
/* Postfix's own default, macros kept. */
struct slice setup_facts_default(const struct setup_instance *in, const char *name);
bool setup_facts_has_type(const struct setup_instance *in, const char *type);
void setup_facts_judge(struct setup_instance *in);
__attribute__((format(printf, 2, 3))) void setup_note(struct setup_instance *in, const char *fmt, ...);

/* setup_postfix_service.c */
void setup_services_read(struct setup_instance *in);
/* The smtpd that foreign mail comes to. False: there is none. */
bool setup_find_front(const struct setup_instance *in, struct master_cf_front *ret);

/* setup_postfix_plan.c: the new texts. */
enum err setup_plan(const struct setup *s, struct setup_instance *in) MUST_USE;
/* The texts without our parts; is_first: keep what leads queued captures to us. */
enum err setup_plan_off(const struct setup *s, struct setup_instance *in, bool is_first, struct buf *main_text,
	struct buf *master_text) MUST_USE;
/* "name = value" of each parameter that we touch, as Ansible would need it. */
void setup_plan_print(const struct setup *s, const struct setup_instance *in);
bool setup_plan_is_done(const struct setup_instance *in);

/* setup_postfix_show.c */
void setup_show_diff(const char *title, struct slice old, struct slice new, size_t max_lines);
void setup_show(const struct setup *s, const struct setup_instance *in);

/* setup_postfix_files.c */
enum err setup_file_read(const char *path, struct buf *to) MUST_USE;
/* Replace by rename, mode and owner kept; mode is for a new file. */
enum err setup_file_write(const char *path, struct slice text, unsigned mode) MUST_USE;
/* ERR_AGAIN: another setup is at work. */
enum err setup_lock(struct setup *s, char *text, size_t n) MUST_USE;
/* Remembers texts before and after for --revert. */
enum err setup_state_save(const struct setup *s, const struct setup_instance *in) MUST_USE;
/* Where the text now is what setup left, the text before it, else ERR_NOTFOUND. */
enum err setup_state_before(
	const struct setup *s, const char *dir, const char *file, struct slice now, struct buf *to) MUST_USE;
void setup_state_remove(const struct setup *s, const char *dir);
/* Add the directories of instances that were set up before to s->opt.dir; reads the map names. */
void setup_state_list(struct setup *s, bool is_all);
/* Empty map files where there are none. */
enum err setup_maps_make(const struct setup *s, char *text, size_t n) MUST_USE;
void setup_maps_remove(const struct setup *s);

/* setup_postfix_conf.c: the text of ETC/postfix.conf; old: the one that is there, or empty. */
enum err setup_conf_text(struct setup *s, struct slice old, struct buf *to) MUST_USE;
/*
 * setup_postfix_hosts.c: own name, MX of mydomain, relay host, networks, interfaces, MX beside us, in this order.
 * False: the DNS did not answer for each name; the hosts of old, what an earlier run found, are in it then.
 */
bool setup_hosts_find(const struct setup *s, const struct conf_list *old, struct conf_list *to, bool *ret_is_cut);
/* The first element of mynetworks that is a table or a file: what is in it is not known here. Empty: none. */
struct slice setup_hosts_unread(const struct setup_instance *in);

/* setup_postfix_lookup.c: names in the DNS, all at once; this ends after 15 s. */
struct setup_lookup {
	char name[CONF_ITEM];
	bool is_mx;    /* a domain: the addresses of its MX are wanted */
	bool is_known; /* out: the DNS answered */
};
/* One line for each address (CONF_LIST of a name at most), sorted: "07 192.0.2.1", 7 the index of its name. */
void setup_lookup_run(struct setup_lookup *l, size_t n, struct buf *to);
/* False: neither IPv4 nor IPv6. */
bool setup_address_text(const struct sockaddr *sa, char text[INET6_ADDRSTRLEN]);

/* setup_postfix_run.c: Postfix's own commands. False: failed, text says why. */
bool setup_run(const char *const argv[], struct buf *out, char *text, size_t n);
bool setup_run_check(const char *dir, char *text, size_t n);
bool setup_run_reload(const char *dir, char *text, size_t n);
bool setup_run_is_up(const char *dir);
/* Is there a Postfix on this machine? */
bool setup_run_has_postfix(void);
/* Does somebody listen at this UNIX socket? A full queue of one that stands still is waited for so long. False: errno. */
bool setup_run_answers(const char *path, int limit_ms);

/* setup_postfix_revert.c */
int setup_revert(struct setup *s);

/* setup_postfix_queue.c: captures that wait for our transport. */
struct setup_queue {
	size_t pure;           /* messages with recipients in limetwig.invalid only */
	size_t mixed;          /* with others that still wait */
	struct buf ids;        /* queue ids of the pure ones, a line each */
	int64_t now, oldest_s; /* in: Unix seconds; out: age of the oldest */
};
enum err setup_queue_read(const char *dir, struct setup_queue *q, char *text, size_t n) MUST_USE;
/* Ask the queue manager to try them (one by one; all of the queue where they are many or mixed), wait for them to go. */
enum err setup_queue_drain(const char *dir, struct setup_queue *q, char *text, size_t n) MUST_USE;
enum err setup_queue_delete(const char *dir, const struct setup_queue *q, char *text, size_t n) MUST_USE;

#endif /* CTL_SETUP_POSTFIX_PRIVATE_H */
