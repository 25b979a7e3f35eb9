/*
 * header_scan: the few header fields that matter, out of a message that
 * streams by in pieces of any size. Unfolds; keeps the first value of a field
 * and counts the others; 8-bit bytes stay, control characters become "?".
 * A line ends at LF, a CR before it is dropped. The header ends at an empty
 * line, at a line that is no field (as Postfix sees it), or at HEADER_SCAN_MAX.
 * Pure, no allocation, linear time; every byte is hostile.
 * SPDX-License-Identifier: ISC
 */
#ifndef CORE_HEADER_SCAN_H
#define CORE_HEADER_SCAN_H
#include "base/slice.h"

#include <stdint.h>

#define HEADER_SCAN_MAX (256u << 10) /* bytes looked at; Postfix's header_size_limit is 100 kB a field */
#define HEADER_NAME 40               /* longest field name told from another, with NUL */
#define HEADER_VALUE 512             /* bytes of one value kept, with NUL */

enum header_field {
	HEADER_MESSAGE_ID,
	HEADER_SUBJECT,
	HEADER_CONTENT_TYPE,
	HEADER_AUTO_SUBMITTED,
	HEADER_LIST_ID,
	HEADER_LIST_UNSUBSCRIBE,
	HEADER_PRECEDENCE,
	HEADER_RETURN_PATH,
	HEADER_COUNT
};

struct header_value {
	char text[HEADER_VALUE]; /* trimmed, NUL-terminated; "" when absent or empty */
	uint16_t n;              /* its length */
	uint16_t times;          /* how often the field came, at most 65,535 */
	bool is_cut;             /* longer than what is kept */
};

struct header_scan {
	struct header_value value[HEADER_COUNT];
	bool is_done;
	uint32_t bytes; /* of the header so far, the empty line included */
	/* below: private */
	uint8_t state;
	int8_t field; /* being read; -1: one that does not matter */
	bool had_cr;
	uint8_t name_n;
	char name[HEADER_NAME];
};

void header_scan_init(struct header_scan *h);
/*
 * Take the next bytes. Returns how many belong to the header: less than s.n
 * once it has ended; 0 from then on.
 */
size_t header_scan_feed(struct header_scan *h, struct slice s);
/* No more bytes will come: finish the field that is being read. */
void header_scan_end(struct header_scan *h);
static inline struct slice header_scan_value(const struct header_scan *h, enum header_field f)
{
	return (struct slice){ h->value[f].text, h->value[f].n };
}

#endif /* CORE_HEADER_SCAN_H */
