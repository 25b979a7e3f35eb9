/*
 * replay_suggest: the mail logs of the command line through core/suggest: for
 * `limetwig trap suggest`, and as the traps of `limetwig replay --suggest`.
 * SPDX-License-Identifier: ISC
 */
#ifndef CTL_REPLAY_SUGGEST_H
#define CTL_REPLAY_SUGGEST_H
#include "base/siphash.h"
#include "ctl/replay_traps.h"

/* Reads all files once and puts what they suggest into t. CTL_DONE, or the error was shown. */
int replay_suggest_traps(struct ctl *c, const uint8_t key[SIPHASH_KEY], struct replay_traps *t);

#endif /* CTL_REPLAY_SUGGEST_H */
