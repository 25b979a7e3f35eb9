/*
 * short_turns: asks the scheduler to let this thread run soon, for short turns
 * (its share of the processor stays as it is). For a thread that answers
 * somebody who waits, beside others that have more to do at once. No privilege
 * is needed; threads and programs it starts later do not have it. A kernel
 * before Linux 6.12 takes no notice.
 * SPDX-License-Identifier: ISC
 */
#ifndef IO_SHORT_TURNS_H
#define IO_SHORT_TURNS_H
#include "base/err.h"

#define SHORT_TURN_NS 100000u /* the least the kernel takes */

/* ERR_IO: errno; nothing has changed. */
enum err short_turns_ask(void) MUST_USE;

#endif /* IO_SHORT_TURNS_H */
