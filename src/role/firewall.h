/*
 * firewall: state shared by the files of the firewall role.
 *
 *   firewall.c        messages, configuration, timers
 *   firewall_drift.c  what others did to our table, found and mended
 *   firewall_hook.c   backend = hook: programs of the site's instead of netlink
 *   firewall_kill.c   connections that are to be reset
 *
 * SPDX-License-Identifier: ISC
 */
#ifndef ROLE_FIREWALL_H
#define ROLE_FIREWALL_H
#include "core/firewall_hook.h"
#include "core/firewall_plan.h"
#include "io/firewall_nft.h"
#include "role/role_host.h"

#define FIREWALL_FOREIGN FIREWALL_BATCH /* foreign changes kept one by one; more: look at all */
#define FIREWALL_MEND_MS 100            /* from the first notice of a foreign change to its repair */
#define FIREWALL_MEND_MAX_MS 4000       /* grows to this where somebody works against us all the time */
#define FIREWALL_MEND_QUIET_S 60        /* without repairs: then it is short again */
#define FIREWALL_STATE_S 10             /* report, and another try where something failed */
#define FIREWALL_SWEEP 65536            /* homes of the plan looked at each second */
#define FIREWALL_BULK 20000             /* additions from which on they are made without listening */
#define FIREWALL_HOOK_WAIT_MS 1000      /* before a failing hook is tried again; twice that each time, up to: */
#define FIREWALL_HOOK_WAIT_MAX_MS 300000
#define FIREWALL_HOOK_ROOM 3 /* subjects that wait for a program, in max-elements; then those without need go */
#define FIREWALL_HOOK_LEFT 256
#define FIREWALL_HOOK_LIST_MAX (32u << 20) /* bytes of a list that are read */

/* Changes on their way to hooks. One program at a time; each subject is in touched once, whatever happens to it. */
struct firewall_hooks {
	struct prefix_map touched; /* uint8_t: enum of firewall_hook.c */
	uint64_t touched_at;       /* walk */
	bool is_on;                /* backend = hook */
	bool is_list_due, is_flush_due, has_compared;
	enum hook_what running; /* 0: none */
	uint32_t seq;
	size_t batch; /* subjects of one call now: halved where it fails */
	size_t ops;
	struct fw_op op[MESSAGE_HOOK_OPS];
	unsigned failures; /* one after the other, of single subjects or as a whole */
	size_t lefts;
	struct prefix left[FIREWALL_HOOK_LEFT]; /* single removals that failed: again at the next hook-check */
	uint64_t checked_ms;
	struct loop_watch *again; /* waits after a failure */
	char text[MESSAGE_FW_TEXT];
};

struct firewall {
	struct role_host *host;
	struct firewall_nft *nft; /* NULL: no netfilter in this kernel, or no socket to it yet */
	struct firewall_plan plan;
	enum fw_state state;
	uint32_t error; /* errno behind state */
	uint32_t repaired;
	bool has_started; /* the table was ours once: what is in it and not wanted is nobody's */
	bool has_list;    /* a full list has come to its end: the plan is true, whatever the kernel has */
	bool is_unknown;  /* elements of a former run were too many to be read: sets made anew after the full list */
	bool is_form_touched; /* by somebody else */
	bool is_look_due;
	bool is_mending;    /* the mend timer runs */
	uint64_t mend_ms;   /* the wait before the next repair */
	uint64_t mended_at; /* monotonic ms of the last one */
	bool is_pumping;    /* the pump timer runs */
	bool is_bulk_off;   /* somebody else changed tables during the last bulk: this time we listen */
	size_t listed;      /* operations of the full list so far */
	size_t foreigns;
	struct prefix foreign[FIREWALL_FOREIGN];
	uint64_t ticks;
	struct loop_watch *events, *tick, *mend, *pump;
	struct firewall_hooks hooks;
	char text[MESSAGE_FW_TEXT]; /* what is wrong and what helps */
	bool is_full;               /* not all that is wanted fits */
	struct msg_fw_ops in;
	struct fw_op op[FIREWALL_BATCH];
	bool done[FIREWALL_BATCH];
	struct firewall_kill *kill; /* firewall_kill.c; NULL: never asked */
};

/* What the kernel said. State and its report follow. */
void firewall_set_state(struct firewall *f, enum fw_state state, int error);
/* Tell the engine how things stand. */
void firewall_report(struct firewall *f);
void firewall_set_failed(struct firewall *f, enum err e);
/* Do op[0..n) of f; what is done is noted in the plan. Returns how many were done. */
size_t firewall_apply(struct firewall *f, size_t n);
/* The kernel's sets are empty now: fill them. */
void firewall_refill(struct firewall *f);
/* The same sets without elements, and fill them. False: failed, the state says how. */
bool firewall_start_anew(struct firewall *f);
/* Go on with purge and fill, a batch per round of the loop. */
void firewall_pump_start(struct firewall *f);

/* Bring the table into its form and take over what is in it. Sets the state. */
void firewall_bring_up(struct firewall *f);
/* Callback of the loop. */
void firewall_on_events(int fd, unsigned what, void *ctx);
/* Look at the kernel soon. */
void firewall_mend_later(struct firewall *f);

/* The engine wants a connection reset. */
void firewall_kill_take(struct firewall *f, struct rd *body);
/* Each second. */
void firewall_kill_tick(struct firewall *f);

/* ---- firewall_hook.c */
/* The configuration is new; false: backend is another. */
bool firewall_hook_bring_up(struct firewall *f);
/* firewall max-elements. */
void firewall_hook_set_max(struct firewall *f, size_t max_elements);
/* This was changed in the plan; was_there: it was believed present before. */
void firewall_hook_touch(struct firewall *f, const struct prefix *p, bool was_there);
/* Start the next program if none runs and something is to be done. */
void firewall_hook_pump(struct firewall *f);
/* The full list has ended. */
void firewall_hook_listed(struct firewall *f);
void firewall_hook_done(struct firewall *f, struct rd *body, const int *fds, size_t n);
/* The role run is gone. */
void firewall_hook_lost(struct firewall *f);
/* Every second. */
void firewall_hook_tick(struct firewall *f);

#endif /* ROLE_FIREWALL_H */
