/*
 * sock_destroy: reset one TCP connection of this host, named by its two
 * addresses and ports (sock_diag, SOCK_DESTROY). Both ends get a reset, as if
 * the other one had gone. Never a listener, and nothing while the client has
 * not acknowledged what was sent to it.
 *
 * Needs CAP_NET_ADMIN at each use. The kernel answers at once: nothing waits.
 * SPDX-License-Identifier: ISC
 */
#ifndef IO_SOCK_DESTROY_H
#define IO_SOCK_DESTROY_H
#include "base/err.h"
#include "core/message.h"

/* ERR_NOTFOUND: no sock_diag in this kernel; ERR_NOMEM, ERR_IO. */
enum err sock_destroy_open(int *ret_fd) MUST_USE;
/* server: our end. DONE, GONE, UNREAD, MISSING, DENIED, ERROR (with errno). */
enum fw_killed sock_destroy(int fd, const struct msg_fw_kill *k);

#endif /* IO_SOCK_DESTROY_H */
