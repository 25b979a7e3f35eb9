/*
 * fuzz_trace: any bytes as the front of a captured message. Whoever is named
 * in a cut of it is named in the whole; what is written for an address names it;
 * who is taken out is not named any more.
 * SPDX-License-Identifier: ISC
 */
#include "base/escape.h"
#include "core/trace.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define MUST(x)                                                                                                        \
	do {                                                                                                           \
		if (!(x))                                                                                              \
			abort();                                                                                       \
	} while (0)

#define SENDER_MAX 256

/* The bytes as a sender, written as capture does it. */
static void write_and_find(struct slice sender)
{
	char escaped[4 * SENDER_MAX + 8], text[sizeof escaped + 64];
	struct trace_found found;
	struct address a;

	if (sender.n > SENDER_MAX || address_parse(sender, &a) != ERR_OK || a.text[0] == '\0')
		return;
	(void)snprintf(text, sizeof text, "X-Limetwig-Sender: %s\r\nX-Limetwig-End: 1\r\n",
		escape_text(sender, escaped, sizeof escaped));
	trace_look(slice_str(text), a.text, &found);
	MUST(found.is_sender && found.is_ended);
}

/* Taken out: named no more, whatever else is as it was. */
static void forget(struct slice all)
{
	struct trace_found found;
	char *copy = malloc(all.n + 1);

	MUST(copy);
	memcpy(copy, all.p, all.n);
	(void)trace_forget(copy, all.n, "a@b.example");
	trace_look(slice_of(copy, all.n), "a@b.example", &found);
	MUST(!found.is_recipient);
	MUST(!trace_forget(copy, all.n, "a@b.example"));
	free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice all = slice_of(data, size);
	struct trace_found whole, part;

	trace_look(all, "a@b.example", &whole);
	for (size_t n = 0; n < size && n < 400; n++) {
		trace_look(slice_head(all, n), "a@b.example", &part);
		MUST(part.is_sender <= whole.is_sender && part.is_recipient <= whole.is_recipient);
		MUST(!part.is_ended || memcmp(&part, &whole, sizeof part) == 0);
	}
	write_and_find(all);
	forget(all);
	return 0;
}
