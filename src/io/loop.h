/*
 * loop: one event loop per process (libevent core behind it): descriptors,
 * timers, signals. Single-threaded; callbacks run to the end. Not pure: reads
 * the clock once per round.
 * SPDX-License-Identifier: ISC
 */
#ifndef IO_LOOP_H
#define IO_LOOP_H
#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

struct loop;
struct loop_watch; /* a registered descriptor, timer or signal; owned by the loop until loop_remove */

enum loop_what { LOOP_READ = 1, LOOP_WRITE = 2 };

typedef void (*loop_fd_fn)(int fd, unsigned what, void *ctx);
typedef void (*loop_fn)(void *ctx);
typedef void (*loop_signal_fn)(int signo, void *ctx);

/* NULL: no memory or no epoll. */
struct loop *loop_new(void);
void loop_free(struct loop *l);
/* Runs until loop_stop; one before it began is forgotten. */
enum err loop_run(struct loop *l);
void loop_stop(struct loop *l);

/* Level-triggered, stays until removed. The fd stays the caller's. NULL: no memory. */
struct loop_watch *loop_fd(struct loop *l, int fd, unsigned what, loop_fd_fn fn, void *ctx);
/* From now on w, of loop_fd, is called after all that is ready in the same round. */
void loop_fd_last(struct loop_watch *w);
/*
 * Change what is waited for (0: nothing). Where the kernel has no room for it now, the loop tries again ten times a
 * second and this is ERR_OK. ERR_IO: nothing is waited for any more.
 */
enum err loop_fd_want(struct loop_watch *w, unsigned what) MUST_USE;
/* Every ms milliseconds (monotonic) until removed. */
struct loop_watch *loop_every(struct loop *l, uint64_t ms, loop_fn fn, void *ctx);
/* Once, after ms; remove it afterwards or call loop_again to arm it anew. */
struct loop_watch *loop_after(struct loop *l, uint64_t ms, loop_fn fn, void *ctx);
enum err loop_again(struct loop_watch *w, uint64_t ms) MUST_USE;
struct loop_watch *loop_signal(struct loop *l, int signo, loop_signal_fn fn, void *ctx);
/* NULL is fine. A callback may remove its own watch. */
void loop_remove(struct loop_watch *w);

/* Monotonic milliseconds, and wall clock Unix seconds / milliseconds; both read anew. */
uint64_t clock_mono_ms(void);
uint64_t clock_mono_us(void);
uint64_t clock_wall_s(void);
uint64_t clock_wall_ms(void);
/* Milliseconds of processor that the calling thread has used. */
uint64_t clock_thread_ms(void);

#endif /* IO_LOOP_H */
