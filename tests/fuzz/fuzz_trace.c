/*
 * fuzz_trace: any bytes as the front of a captured message. Whoever is named
 * in a cut of it is named in the whole; what is written for an address names it.
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
	struct address a;

	if (sender.n > SENDER_MAX || address_parse(sender, &a) != ERR_OK || a.text[0] == '\0')
		return;
	(void)snprintf(text, sizeof text, "X-Limetwig-Sender: %s\r\nX-Limetwig-End: 1\r\n",
		escape_text(sender, escaped, sizeof escaped));
	MUST(trace_names(slice_str(text), a.text) == TRACE_NAMED);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice all = slice_of(data, size);
	enum trace_answer whole = trace_names(all, "a@b.example"), part;

	for (size_t n = 0; n < size && n < 400; n++) {
		part = trace_names(slice_head(all, n), "a@b.example");
		MUST(part == TRACE_MORE || part == whole);
	}
	write_and_find(all);
	return 0;
}
