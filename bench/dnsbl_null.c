/*
 * dnsbl_null: the least a DNS server can do: one datagram in, the same with the
 * bit of an answer out. What the machine and the kernel cost, to compare ours with.
 *     dnsbl_null PORT
 * SPDX-License-Identifier: ISC
 */
#include <err.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>

#define BUFFER (4 << 20)

int main(int argc, char **argv)
{
	struct sockaddr_in a = { .sin_family = AF_INET }, from;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), size = BUFFER;
	uint8_t bytes[2048];

	if (argc != 2)
		errx(2, "usage: dnsbl_null PORT");
	a.sin_port = htons((uint16_t)atoi(argv[1]));
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size) != 0)
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof a) != 0)
		err(1, "port %s", argv[1]);
	for (;;) {
		socklen_t n = sizeof from;
		ssize_t got = recvfrom(fd, bytes, sizeof bytes, 0, (struct sockaddr *)&from, &n);

		if (got < 12)
			continue;
		bytes[2] |= 0x80;
		(void)sendto(fd, bytes, (size_t)got, 0, (struct sockaddr *)&from, n);
	}
}
