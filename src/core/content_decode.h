/*
 * content_decode: lines of text out of the lines of an encoded part (RFC 2045
 * 6): quoted-printable, base64, or as they are. A text line is whole when its
 * LF has come, or when CONTENT_DECODE_LINE bytes are there. The charset stays
 * what it is. Pure, no allocation, linear.
 * SPDX-License-Identifier: ISC
 */
#ifndef CORE_CONTENT_DECODE_H
#define CORE_CONTENT_DECODE_H
#include "base/slice.h"

#include <stdint.h>

#define CONTENT_DECODE_LINE 512

enum content_encoding { ENCODING_PLAIN, ENCODING_QUOTED, ENCODING_BASE64 };

struct content_decode {
	uint8_t encoding; /* enum content_encoding */
	/* below: private */
	uint8_t have;  /* bits not yet a byte */
	uint16_t bits; /* these */
	uint16_t n;
	char text[CONTENT_DECODE_LINE];
};

/* value: of Content-Transfer-Encoding; anything unknown is plain. */
enum content_encoding content_decode_encoding(struct slice value);
void content_decode_init(struct content_decode *d, enum content_encoding encoding);
/*
 * Take some of the line (without its LF) off the front of *s. True: *ret is a line of text, valid until the
 * next call; call again until it is false, then give it the next line.
 */
bool content_decode_next(struct content_decode *d, struct slice *s, struct slice *ret);
/* The value of a digit of base64 (RFC 4648 4), -1: it is none. */
int content_decode_base64(char c);
/* What is left at the end of the part. */
bool content_decode_rest(struct content_decode *d, struct slice *ret);

#endif /* CORE_CONTENT_DECODE_H */
