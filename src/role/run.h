/*
 * run: state shared by the files of the run role.
 *
 *   run.c       commands for the engine: alarms, postconf
 *   run_hook.c  hooks of the firewall, one at a time
 *   run_export.c commands of exports, one at a time
 *   run_feed.c  commands of feeds, some at a time
 *
 * SPDX-License-Identifier: ISC
 */
#ifndef ROLE_RUN_H
#define ROLE_RUN_H
#include "role/role_host.h"

#include <sys/types.h>

#define RUN_STATUS_FAILED (-1)
#define RUN_STATUS_KILLED (-2)

/* fork(2): the child leads a process group of its own before this returns, so that all of it can be killed. */
pid_t run_fork(void);
/* In the child: default signals, a process group of its own, these as its standard descriptors. Never returns. */
__attribute__((noreturn)) void run_execute(char *const *argv, char *const *env, const int fd[3]);
/* As reported to others: exit status, 128 + signal, or RUN_STATUS_FAILED where the program was not found. */
int32_t run_status(int status);
/* read(2) of a program's output; errno is 0 at its end, so that nobody takes that for EAGAIN and asks for ever. */
ssize_t run_read(int fd, void *to, size_t size);

void run_hook_take(struct role_host *h, struct rd *body);
/* A child has ended, perhaps ours. */
void run_hook_reap(void);
void run_hook_stop(void);

/* ---- run_export.c */
void run_export_take(struct role_host *h, struct rd *body);
/* A child has ended, perhaps ours. */
void run_export_reap(void);
void run_export_stop(void);

/* ---- run_feed.c */
void run_feed_take(struct role_host *h, struct rd *body);
/* A child has ended, perhaps ours. */
void run_feed_reap(void);
void run_feed_stop(void);

#endif /* ROLE_RUN_H */
