/*
 * firewall: state shared by the files of the firewall role.
 *
 *   firewall.c        messages, configuration, timers
 *   firewall_drift.c  what others did to our table, found and mended
 *   firewall_kill.c   connections that are to be reset
 *
 * SPDX-License-Identifier: ISC
 */
#ifndef ROLE_FIREWALL_H
#define ROLE_FIREWALL_H
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

struct firewall {
	struct role_host *host;
	struct firewall_nft *nft; /* NULL: no netfilter in this kernel */
	struct firewall_plan plan;
	enum fw_state state;
	uint32_t error; /* errno behind state */
	uint32_t repaired;
	bool has_started; /* the table was ours once: what is in it and not wanted is nobody's */
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
/* Many additions follow, until nothing is to be done any more. */
void firewall_bulk_begin(struct firewall *f);
/* Go on with purge and fill, a batch per round of the loop. */
void firewall_pump_start(struct firewall *f);

/* Bring the table into its form and take over what is in it. Sets the state. */
void firewall_bring_up(struct firewall *f);
/* Callbacks of the loop. */
void firewall_on_events(int fd, unsigned what, void *ctx);
void firewall_on_mend(void *ctx);
/* Look at the kernel soon. */
void firewall_mend_later(struct firewall *f);

/* The engine wants a connection reset. */
void firewall_kill_take(struct firewall *f, struct rd *body);
/* Each second. */
void firewall_kill_tick(struct firewall *f);

#endif /* ROLE_FIREWALL_H */
