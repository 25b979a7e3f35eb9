/*
 * dns_frame: see the header.
 * SPDX-License-Identifier: ISC
 */
#include "core/dns_frame.h"

uint8_t *dns_frame_room(struct dns_frame *f, size_t *ret_size)
{
	if (f->taken) {
		memmove(f->bytes, f->bytes + f->taken, f->n - f->taken);
		f->n -= f->taken;
		f->taken = 0;
	}
	*ret_size = sizeof f->bytes - f->n;
	return f->bytes + f->n;
}

void dns_frame_add(struct dns_frame *f, size_t n)
{
	f->n += n;
}

enum err dns_frame_next(struct dns_frame *f, struct slice *ret)
{
	struct slice left = slice_of(f->bytes + f->taken, f->n - f->taken);
	size_t length;

	if (left.n < 2)
		return ERR_MORE;
	length = dns_wire_number(left, 0);
	if (length < DNS_HEADER)
		return ERR_SYNTAX;
	if (left.n < 2 + length)
		return ERR_MORE;
	*ret = slice_of(left.p + 2, length);
	f->taken += 2 + length;
	return ERR_OK;
}
