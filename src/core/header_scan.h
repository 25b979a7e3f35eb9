/*
 * header_scan: the fields of a mail header, one after the other, out of bytes
 * that stream by in pieces of any size. Names in lower case, values unfolded
 * and trimmed; 8-bit bytes stay, control characters become "?". A line ends at
 * LF, a CR before it is dropped. The header ends at an empty line, at a line
 * that is no field (as Postfix sees it), or at HEADER_SCAN_MAX.
 * Pure, no allocation, linear time; every byte is hostile.
 *
 *	while (s.n && !h.is_done) {
 *		s = slice_from(s, header_scan_feed(&h, s));
 *		if (h.has_field)
 *			look at header_scan_name(&h), header_scan_value(&h)
 *	}
 * SPDX-License-Identifier: ISC
 */
#ifndef CORE_HEADER_SCAN_H
#define CORE_HEADER_SCAN_H
#include "base/slice.h"

#include <stdint.h>

#define HEADER_SCAN_MAX (256u << 10) /* bytes looked at; Postfix's header_size_limit is 100 kB a field */
#define HEADER_LINES 2000            /* lines whose fields are looked at; then only the end is */
#define HEADER_NAME 44               /* longest field name told from another, with NUL */
#define HEADER_VALUE 1000            /* bytes of one value kept, with NUL */

struct header_scan {
	bool is_done;
	bool has_field; /* name and value are a whole field, until the next call */
	bool is_cut;    /* the value was longer than what is kept */
	uint32_t bytes; /* of the header so far, the empty line included */
	uint32_t lines;
	/* below: private */
	bool (*wants)(struct slice name);
	bool is_skipped; /* the field at hand is one that nobody wants */
	uint8_t state;
	bool had_cr;
	bool is_open; /* a field has been read to the end of a line; the next may continue it */
	uint8_t name_n;
	uint16_t value_n;
	char name[HEADER_NAME];
	char value[HEADER_VALUE];
};

/* wants: which fields are shown (name in lower case); the others only count. NULL: all. */
void header_scan_init(struct header_scan *h, bool (*wants)(struct slice name));
/* From now on none is shown: only the end of the header is looked for. */
void header_scan_skip_rest(struct header_scan *h);
/*
 * Take the next bytes, up to the end of a field at most. Returns how many: it
 * can be 0 when the next byte only shows that a field is complete (has_field).
 */
size_t header_scan_feed(struct header_scan *h, struct slice s);
/* No more bytes will come: has_field tells whether that completed a field. */
void header_scan_end(struct header_scan *h);

/* "" for a name longer than any that is known. */
static inline struct slice header_scan_name(const struct header_scan *h)
{
	return (struct slice){ h->name, h->name_n };
}

static inline struct slice header_scan_value(const struct header_scan *h)
{
	return (struct slice){ h->value, h->value_n };
}

#endif /* CORE_HEADER_SCAN_H */
