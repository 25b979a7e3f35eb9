/*
 * gunzip: zlib in pieces, so that the output never grows by more than one
 * beyond what fits.
 * SPDX-License-Identifier: ISC
 */
#include "io/gunzip.h"

#include <limits.h>
#include <stdint.h>
#include <zlib.h>

#define PIECE 262144u
#define WINDOW_GZIP (15 + 16) /* gzip alone, no zlib and no raw */

bool gunzip_is_packed(struct slice s)
{
	return s.n >= 3 && (unsigned char)s.p[0] == 0x1f && (unsigned char)s.p[1] == 0x8b && s.p[2] == 8;
}

/* One round: as much as fits into the next piece. *ret_end: a member has ended. */
static enum err unpack_piece(z_stream *z, struct slice *rest, struct buf *to, bool *ret_end)
{
	size_t room = to->cap - to->n < PIECE ? to->cap - to->n : PIECE, given = rest->n;
	enum err e;
	int result;

	if (room == 0)
		return ERR_LIMIT;
	e = buf_reserve(to, room);
	if (e != ERR_OK)
		return e;
	given = given < UINT_MAX ? given : UINT_MAX;
	z->next_in = (z_const Bytef *)(uintptr_t)rest->p;
	z->avail_in = (uInt)given;
	z->next_out = (Bytef *)to->p + to->n;
	z->avail_out = (uInt)room;
	result = inflate(z, Z_NO_FLUSH);
	*rest = slice_from(*rest, given - z->avail_in);
	to->n += room - z->avail_out;
	*ret_end = result == Z_STREAM_END;
	if (result == Z_MEM_ERROR)
		return ERR_NOMEM;
	if (result != Z_OK && result != Z_STREAM_END)
		return ERR_SYNTAX; /* also Z_BUF_ERROR: the input has ended */
	return ERR_OK;
}

enum err gunzip_all(struct slice packed, struct buf *to)
{
	z_stream z = { .next_in = NULL };
	enum err e = ERR_OK;
	bool is_end = false;

	if (inflateInit2(&z, WINDOW_GZIP) != Z_OK)
		return ERR_NOMEM;
	while (e == ERR_OK && !(is_end && packed.n == 0)) {
		if (is_end && !gunzip_is_packed(packed))
			break; /* what gzip itself ignores: padding behind the last member */
		if (is_end && inflateReset(&z) != Z_OK)
			e = ERR_SYNTAX;
		else
			e = unpack_piece(&z, &packed, to, &is_end);
	}
	(void)inflateEnd(&z);
	return e;
}
