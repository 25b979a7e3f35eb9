/*
 * role_host: what all child roles have in common. The parent re-executes the
 * binary as `limetwigd -x ROLE` with its channel as descriptor 3; role_host
 * receives configuration, listeners, links and files, calls start, enters the
 * sandbox, says READY and runs the loop; answers PING; hands on later changes.
 * SPDX-License-Identifier: ISC
 */
#ifndef ROLE_ROLE_HOST_H
#define ROLE_ROLE_HOST_H
#include "core/conf.h"
#include "core/message.h"
#include "io/channel.h"

#define ROLE_FD_PARENT 3
#define ROLE_LISTENERS 8 /* Postfix instances at most */

struct role_host {
	enum role role;
	struct loop *loop;
	struct conf conf; /* in force now */
	struct channel *parent;
	struct channel *link[ROLE_PROCESSES];    /* NULL while the peer is down */
	int listener[LISTENERS][ROLE_LISTENERS]; /* by enum listener; one per Postfix instance; -1: not given */
	int file[SHARED_FILES];                  /* by enum shared_file; -1 */
	struct msg_part part;                    /* of a role in several processes; count 0: not told */
	struct msg_dnsbl_listen dns_listen;      /* of the DNS server: what became of its listeners */
	void *ctx;                               /* the role's own state */
	const struct role_ops *ops;
};

/* Any function may be NULL. ctx is role_host.ctx. */
struct role_ops {
	/* Before the sandbox: open and allocate. An error ends the process (the parent restarts it). */
	enum err (*start)(struct role_host *h);
	/* Sandboxed, READY was sent, the loop is about to run. */
	void (*serve)(struct role_host *h);
	/* A new link to peer is in h->link[peer] (also those there at start, after serve). */
	void (*linked)(struct role_host *h, enum role peer);
	void (*unlinked)(struct role_host *h, enum role peer);
	void (*message)(
		struct role_host *h, enum role peer, enum message_type t, struct rd *body, const int *fds, size_t n);
	/* h->conf is already the new one. */
	void (*reloaded)(struct role_host *h);
	/* h->file[which] was replaced (the old one is closed). */
	void (*filed)(struct role_host *h, enum shared_file which);
	/* Finish, then loop_stop(h->loop). NULL: stop at once. */
	void (*stop)(struct role_host *h);
};

/* Returns the exit status. */
int role_host_run(enum role role, const struct role_ops *ops, void *ctx);
/* To a peer's link; ERR_CLOSED while it is down. */
enum err role_host_send(struct role_host *h, enum role peer, const struct wr *w, const int *fds, size_t n);
/*
 * In start, of a role that works for seconds while nobody waits: the processor
 * goes first to those that answer somebody.
 */
void role_host_give_way(void);
/*
 * The role ends, as it cannot go on: it comes back, and is given everything
 * anew. why: for the log.
 */
void role_host_end(struct role_host *h, const char *why);
/*
 * e: why something that was handed over is not in use. For lack of memory the
 * role ends: it comes back, and is given everything anew. Else nothing happens.
 */
void role_host_give_up(struct role_host *h, enum err e);

extern const struct role_ops engine_ops, firewall_ops, capture_ops, follow_ops, run_ops, aliasmap_ops, fetch_ops,
	tarpit_ops, feed_ops, dnsbl_ops, publish_ops;

#endif /* ROLE_ROLE_HOST_H */
