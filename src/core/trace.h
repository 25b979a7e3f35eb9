/*
 * trace: whom a captured message names, by the fields that capture wrote in
 * front of it (core/envelope):
 *
 *   X-Limetwig-Sender: a\x40b@c.example     escaped as by base/escape
 *   X-Limetwig-...
 *   X-Limetwig-Recipient: trap=d=@limetwig.invalid     one or more
 *   X-Limetwig-End: 1
 *   the message as it came
 *
 * Files of older versions have no end line: their fields end before the first
 * line of another name. Reads the fields only, never the message. Pure.
 * SPDX-License-Identifier: ISC
 */
#ifndef CORE_TRACE_H
#define CORE_TRACE_H
#include "core/address.h"

enum trace_answer { TRACE_OTHERS, TRACE_NAMED, TRACE_MORE };

/*
 * head: the first bytes of the file. address: canonical. Is it the sender or a
 * recipient, or a trap that is one? TRACE_MORE: the fields do not end within head.
 */
enum trace_answer trace_names(struct slice head, const char *address);

#endif /* CORE_TRACE_H */
