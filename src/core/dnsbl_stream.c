/*
 * dnsbl_stream: see the header.
 * SPDX-License-Identifier: ISC
 */
#include "core/dnsbl_stream.h"

uint8_t *dnsbl_stream_room(struct dnsbl_stream *s, size_t *ret_size)
{
	memmove(s->bytes, s->bytes + s->taken, s->n - s->taken);
	s->n -= s->taken;
	s->taken = 0;
	*ret_size = sizeof s->bytes - s->n;
	return s->bytes + s->n;
}

void dnsbl_stream_add(struct dnsbl_stream *s, size_t n)
{
	s->n += n;
}

enum err dnsbl_stream_next(struct dnsbl_stream *s, struct slice *ret)
{
	const uint8_t *p = s->bytes + s->taken;
	size_t have = s->n - s->taken, n;

	if (have < 2)
		return ERR_MORE;
	n = (size_t)p[0] << 8 | p[1];
	if (n < DNSBL_HEADER || n > DNSBL_QUESTION)
		return ERR_SYNTAX;
	if (have < 2 + n)
		return ERR_MORE;
	*ret = slice_of(p + 2, n);
	s->taken += 2 + n;
	return ERR_OK;
}
