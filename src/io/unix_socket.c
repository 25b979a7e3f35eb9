/*
 * unix_socket: the limit is SO_SNDTIMEO, which the kernel keeps for connect, too.
 * SPDX-License-Identifier: ISC
 */
#include "io/unix_socket.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

int unix_socket_connect(const char *path, int limit_ms)
{
	const struct timeval limit = { .tv_sec = limit_ms / 1000, .tv_usec = limit_ms % 1000 * 1000 };
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd, error;

	if (strlen(path) >= sizeof a.sun_path) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(a.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | (limit_ms ? 0 : SOCK_NONBLOCK), 0);
	if (fd < 0)
		return -1;
	if ((limit_ms == 0 || setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit) == 0) &&
		connect(fd, (const struct sockaddr *)&a, sizeof a) == 0)
		return fd;
	error = errno;
	(void)close(fd);
	errno = error;
	return -1;
}
