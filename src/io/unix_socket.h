/*
 * unix_socket: connects to a UNIX stream socket. The caller owns the
 * descriptor; what is said over it is its affair.
 * SPDX-License-Identifier: ISC
 */
#ifndef IO_UNIX_SOCKET_H
#define IO_UNIX_SOCKET_H

/*
 * limit_ms: as long as it waits where the backlog of the listener is full, and for each write afterwards; 0: it does not
 * wait, and the descriptor is non-blocking. -1: errno; ENAMETOOLONG: no socket can have this path; EAGAIN: it was too
 * long.
 */
int unix_socket_connect(const char *path, int limit_ms);

#endif /* IO_UNIX_SOCKET_H */
