/*
 * parent: limetwigd's first process. Reads the configuration, makes folders
 * and sockets, starts the roles, restarts those that die, and answers policy
 * queries with DUNNO while there is no engine. No input from outside but those
 * queries, of which it looks only for the empty line.
 * SPDX-License-Identifier: ISC
 */
#ifndef ROLE_PARENT_H
#define ROLE_PARENT_H
#include "role/role_host.h"

#include <sys/types.h>

#define PARENT_BACKOFF_MIN_MS 100u
#define PARENT_BACKOFF_MAX_MS 30000u
#define PARENT_BACKOFF_CALM_MS 60000u /* after so long a life the next death counts as the first */
#define PARENT_RELINK_MIN_MS 1000u    /* a link that ends again and again costs each end a full account */
#define PARENT_PING_MS 5000u
#define PARENT_SILENCE_MS 30000u  /* PING, and nothing comes */
#define PARENT_POSTMAP_MS 600000u /* the same of aliasmap, which waits for postmap: minutes with millions of traps */
#define PARENT_START_MS 120000u   /* START to READY: a large store may be read */
#define PARENT_STOP_MS 5000u      /* STOP to exit */
#define PARENT_MAILS 128          /* connections to Postfix held for capture */

struct parent_options {
	const char *conf; /* path of limetwig.conf */
	bool has_uid_base;
	uint32_t uid_base; /* run role r as this + r */
};

/* To one peer. */
struct parent_link {
	uint32_t given; /* in the child's life */
	/* of the pair; with the child of the lower number */
	uint64_t made_ms, delay_ms;
	uint64_t again_ms; /* it has ended though both live, and is made anew then; 0: it has not */
};

struct child {
	enum role role;
	struct parent *parent;
	pid_t pid; /* 0: none */
	struct channel *channel;
	struct loop_watch *again; /* pending restart */
	uint64_t started_ms, delay_ms, stop_ms;
	uint64_t asked_ms; /* the first PING since it was heard; 0: none */
	bool is_wanted, is_ready, is_restart, is_trial;
	struct parent_link link[ROLE_PROCESSES];
	unsigned trial; /* the last one asked for */
	uid_t uid;
	gid_t gid;
};

struct parent_sockets {
	size_t queues;
	int policy[ROLE_LISTENERS], lmtp[ROLE_LISTENERS]; /* per Postfix instance */
	char dir[ROLE_LISTENERS][CONF_TEXT];
	int control;
	char run[CONF_TEXT];
};

/* A listener for each process of it; none where it is not wanted. */
struct parent_tarpit {
	unsigned count;
	uint16_t port;
	int fd[ROLE_TARPITS];
};

struct parent_dns_listener {
	char text[CONF_ITEM]; /* as the configuration has it */
	int udp, tcp;
};

struct parent_dns {
	unsigned count;
	struct parent_dns_listener at[ROLE_LISTENERS];
	struct msg_dnsbl_listen listen; /* what the role is told of them */
	uint64_t again_ms;              /* those that are not open are tried again then */
};

struct parent_dunno;

struct parent {
	const struct parent_options *options;
	struct loop *loop;
	struct conf conf;
	struct child child[ROLE_PROCESSES];
	struct parent_sockets sockets;
	struct parent_tarpit tarpit;
	struct parent_dns dns;
	struct parent_dunno *dunno;
	int lock;
	bool is_root, is_stopping, is_announced;
	bool is_port_lost; /* tarpit.port is somebody else's since the start */
	struct {
		uint64_t device, inode;
		bool is_open; /* follow has this one */
	} mail_log;
	struct {
		uint64_t seq; /* by which capture knows it */
		int fd;
	} mail[PARENT_MAILS];
	size_t mails;
};

/* parent.c. Returns the exit status. */
int parent_run(const struct parent_options *o);
/* The read configuration with the off flag of its storage folder. */
enum err parent_load_conf(const char *path, struct conf *ret, char *text, size_t size) MUST_USE;

/* parent_child.c: processes. */
enum err parent_find_users(struct parent *p, char *text, size_t size) MUST_USE;
void parent_want_roles(struct parent *p);
void parent_start_child(struct child *c);
void parent_restart_child(struct child *c);
void parent_reap(struct parent *p);
/* Each second: a role that is wanted is there, or its restart is due at some time. */
void parent_check_lost(struct parent *p);
/* Each second; and with the pings. */
void parent_check_stops(struct parent *p);
void parent_check_children(struct parent *p);
void parent_stop_children(struct parent *p);
void parent_send_conf(struct child *c);

/* With a descriptor. False: it lives, and does not get it. Who is gone gets it in its next life. */
bool parent_send_which(struct child *c, enum message_type t, unsigned which, int fd) MUST_USE;

/* parent_link.c: the links between roles. False: not all that a new process needs. */
bool parent_make_links(struct child *c) MUST_USE;
/* One of its links has ended. */
void parent_take_unlinked(struct child *c, struct rd *body, uint64_t now_ms);
/* It is gone: its next life gets them all. */
void parent_forget_links(struct child *c);
/* Each second: those that have ended between two that live are made anew. */
void parent_check_links(struct parent *p, uint64_t now_ms);

/* parent_spawn.c: one process. The new channel's end in *ret_fd. */
enum err parent_spawn(const struct child *c, int *ret_fd, pid_t *ret_pid) MUST_USE;

/* parent_listen.c: folders, sockets, lock. text: reason for people. */
enum err parent_make_folders(struct parent *p, char *text, size_t size) MUST_USE;
/* Those below storage.dir that only some configurations need: also at a reload. */
enum err parent_make_role_folders(struct parent *p, const struct conf *c, char *text, size_t size) MUST_USE;
enum err parent_take_lock(struct parent *p, char *text, size_t size) MUST_USE;
/* By whatever name or link. */
bool parent_is_same_folder(const char *one, const char *other);
/* They listen, but not yet under their names; then one of the two. An error changes nothing. */
enum err parent_open_sockets(
	const struct conf *c, bool is_root, struct parent_sockets *ret, char *text, size_t size) MUST_USE;
/* In place of those that had these names. ERR_IO: one at least has no name, text says which; the others have. */
enum err parent_name_sockets(const struct parent_sockets *s, char *text, size_t size) MUST_USE;
void parent_drop_sockets(struct parent_sockets *s);
/* is_removed: the files go too (for good: not when new ones have taken their names). */
void parent_close_sockets(struct parent_sockets *s, bool is_removed);
void parent_close_queue(struct parent_sockets *s, size_t i, bool is_removed);

/* parent_tarpit.c: the listeners for blocked clients, on all local addresses. */
/* Processes that this configuration asks for; 0: none. */
unsigned parent_count_tarpits(const struct conf *c);
/*
 * In place of those that were, if any; an error changes nothing. Without them where the port was somebody else's
 * at the start, and still is: *c then says so to the roles. At a reload all other errors stand.
 */
enum err parent_open_tarpit_or_not(struct parent *p, struct conf *c, bool is_start, char *text, size_t size) MUST_USE;
void parent_close_tarpit(struct parent *p);
/* To a process of the tarpit: which of how many it is, and the limits that it cannot see itself. */
void parent_send_part(struct child *c);

/* parent_dnsbl.c: the listeners of the DNS server. */
/* In place of those that were; those of the same address stay open. What cannot be opened is left out. */
void parent_open_dnsbl(struct parent *p, const struct conf *c);
void parent_close_dnsbl(struct parent *p);
/* Are they others than those that are open? */
bool parent_wants_dnsbl(const struct parent *p, const struct conf *c);
/* Each second. */
void parent_check_dnsbl(struct parent *p);
/* To the role: what became of them. */
void parent_send_dns_listen(struct child *c);

/* parent_dunno.c: the policy listeners while there is no engine. */
struct parent_dunno *parent_dunno_new(struct loop *l);
void parent_dunno_free(struct parent_dunno *d);
/* Serve these listeners (count 0: stop taking connections; those open are closed when idle). */
void parent_dunno_serve(struct parent_dunno *d, const int *listeners, size_t count);

/* parent_mail.c: a connection to Postfix for capture, which may not make one. */
void parent_open_mail(struct child *c, struct rd *body);
/* And one for the tarpit. */
void parent_open_hand(struct child *c, struct rd *body);
/* A new capture: the connections that its predecessor left open. */
void parent_offer_mail(struct child *c);
/* Each second: close those whose other end is closed. */
void parent_check_mail(struct parent *p);

/* parent_trial.c: for the tests. False: no memory. */
bool parent_watch_trials(struct parent *p);
void parent_take_trial(struct child *c, struct rd *body);
/* The role is gone; status of waitpid. */
void parent_end_trial(struct child *c, int status);

/* parent_log.c: the mail log for follow. */
void parent_send_log(struct parent *p);

/* ---- parent_tls.c: the files of the site's certificate, to a tarpit. */
void parent_send_tls(struct child *c);
/* -1: errno; EINVAL: it is no plain file. A pipe under this name does not hold us. */
int parent_open_regular(const char *path);

/* ---- parent_update.c: the key of dns-update, to publish. */
void parent_send_update_key(struct child *c);
void parent_check_log(struct parent *p);

#endif /* ROLE_PARENT_H */
