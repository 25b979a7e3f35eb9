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
 * line of another name. Works on the fields only, never on the message. Pure.
 * SPDX-License-Identifier: ISC
 */
#ifndef CORE_TRACE_H
#define CORE_TRACE_H
#include "core/address.h"

#include <stdint.h>

struct trace_found {
	bool is_ended;     /* else the fields do not end within head: what follows may name more */
	bool is_sender;    /* it is the sender */
	bool is_recipient; /* or a recipient, or a trap that is one */
	bool is_rider;     /* a recipient who is no trap */
	uint32_t riders;   /* others who are that */
};

/* head: the first bytes of the file. address: canonical. */
void trace_look(struct slice head, const char *address, struct trace_found *ret);
/*
 * Take a recipient out, in place: the lines that name it keep their length and
 * say nothing more. True: head is another one now.
 */
bool trace_forget(char *head, size_t n, const char *address);

#endif /* CORE_TRACE_H */
