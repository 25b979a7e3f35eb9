/*
 * tarpit_sample: messages of those who are held, for the corpus: the first 64 kB
 * of some in an hour. Collected here, checked and written by capture. One of a
 * session; where it does not end nothing is kept.
 * Memory: TARPIT_SAMPLES times a message and its recipients, while samples are wanted.
 * SPDX-License-Identifier: ISC
 */
#ifndef ROLE_TARPIT_SAMPLE_H
#define ROLE_TARPIT_SAMPLE_H
#include "role/tarpit.h"

#define TARPIT_SAMPLES 32 /* sessions that are listened to at once */

/* What core/answer has just told of c; text is good for the call. */
void tarpit_sample_event(struct tarpit *t, struct tarpit_conn *c, enum answer_event e, struct slice text);
/* c is being closed. */
void tarpit_sample_drop(struct tarpit *t, struct tarpit_conn *c);
void tarpit_sample_stop(struct tarpit *t);

#endif /* ROLE_TARPIT_SAMPLE_H */
