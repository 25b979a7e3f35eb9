/*
 * download: one file over http, https or ftp (libcurl behind here and nowhere
 * else), for a thread that can wait. What a server says is not believed: size,
 * time, number of redirects and where they lead have limits; certificates are
 * checked; what is packed (Content-Encoding and .gz files alike) is unpacked up
 * to a limit. No proxy, no cookies, no passwords from files or environment.
 *
 * libcurl is loaded at download_init and not linked: it brings thirty libraries
 * that no other process of ours has a use for.
 * SPDX-License-Identifier: ISC
 */
#ifndef IO_DOWNLOAD_H
#define IO_DOWNLOAD_H
#include "base/buf.h"

#include <stdatomic.h>
#include <stdint.h>

#define DOWNLOAD_REDIRECTS 5
#define DOWNLOAD_TAG 256    /* ETag; longer ones are not kept */
#define DOWNLOAD_REASON 200 /* text for people */

/* ETag and Last-Modified as the server gave them; "" none. */
struct download_mark {
	char tag[DOWNLOAD_TAG];
	char modified[64];
};

struct download_ask {
	const char *url;     /* http://, https://; ftp:// if is_ftp */
	const char *servers; /* of the DNS, as io/resolver; NULL: the system's */
	bool is_ftp;
	size_t size;               /* bytes as they come at most; unpacked: the cap of the buffer */
	uint64_t limit_ms;         /* all of it, look-ups and redirects too */
	atomic_bool *is_over;      /* may be NULL: give up as soon as it is true */
	struct download_mark mark; /* ask only for what is newer */
};

/* Load the library. Before the sandbox and before the first thread. ERR_NOTFOUND: reason says what is missing. */
enum err download_init(char reason[DOWNLOAD_REASON]) MUST_USE;
/*
 * Adds to *to, which is empty and has a cap, and gives the new mark.
 * ERR_EXISTS: nothing newer than the mark. ERR_LIMIT: too large, too long; ERR_DENIED:
 * leads where it must not; ERR_IO and others; reason says what, with nothing
 * in it that could hide (printable).
 */
enum err download_get(const struct download_ask *ask, struct buf *to, struct download_mark *ret,
	char reason[DOWNLOAD_REASON]) MUST_USE;

#endif /* IO_DOWNLOAD_H */
