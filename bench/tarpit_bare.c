/*
 * tarpit_bare: the least that a tarpit can be, to measure ours against: accept,
 * then a byte to each connection at each pace. 8 bytes of memory a connection,
 * no client is listened to.
 *
 *   tarpit_bare PORT PROCESSES PACE_MS
 *
 * SPDX-License-Identifier: ISC
 */
#include <err.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define TICK_MS 50
#define SLOTS 2048
#define FILES 65536
#define NONE (-1)

static struct {
	int32_t next;
	uint32_t is_open;
} conn[FILES];
static int32_t wheel[SLOTS];

static uint64_t now_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static int listen_on(uint16_t port)
{
	struct sockaddr_in6 a = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
	int on = 1, off = 0, fd = socket(AF_INET6, SOCK_STREAM | SOCK_NONBLOCK, 0);

	if (fd < 0 || setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off) != 0 ||
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
		setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) != 0 ||
		bind(fd, (struct sockaddr *)&a, sizeof a) != 0 || listen(fd, 4096) != 0)
		err(1, "listen");
	return fd;
}

static void put(int fd, uint64_t tick)
{
	conn[fd].next = wheel[tick % SLOTS];
	wheel[tick % SLOTS] = fd;
}

static void take_all(int listener, int set, uint64_t tick)
{
	int on = 1, fd;

	while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
		struct epoll_event ev = { .events = EPOLLRDHUP, .data.fd = fd };

		if (fd >= FILES || setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0 ||
			epoll_ctl(set, EPOLL_CTL_ADD, fd, &ev) != 0) {
			(void)close(fd);
			continue;
		}
		conn[fd].is_open = 1;
		put(fd, tick + 1);
	}
}

/* Closed descriptors leave the ring here: their number may be in use again only after that. */
static void drip(uint64_t tick, uint64_t pace)
{
	int32_t fd = wheel[tick % SLOTS];

	wheel[tick % SLOTS] = NONE;
	while (fd != NONE) {
		int32_t next = conn[fd].next;

		if (conn[fd].is_open && send(fd, "x", 1, MSG_NOSIGNAL | MSG_DONTWAIT) == 1)
			put(fd, tick + pace);
		else
			(void)close(fd);
		fd = next;
	}
}

static void serve(int listener, uint64_t pace)
{
	int set = epoll_create1(0);
	struct epoll_event ev = { .events = EPOLLIN, .data.fd = listener }, got[256];
	uint64_t tick = now_ms() / TICK_MS;

	if (set < 0 || epoll_ctl(set, EPOLL_CTL_ADD, listener, &ev) != 0)
		err(1, "epoll");
	for (int i = 0; i < SLOTS; i++)
		wheel[i] = NONE;
	for (;;) {
		uint64_t ms = now_ms();
		int n = epoll_wait(set, got, 256, (int)(TICK_MS - ms % TICK_MS));

		for (int i = 0; i < n; i++) {
			if (got[i].data.fd == listener) {
				take_all(listener, set, tick);
			} else {
				conn[got[i].data.fd].is_open = 0;
				(void)epoll_ctl(set, EPOLL_CTL_DEL, got[i].data.fd, NULL);
			}
		}
		for (ms = now_ms() / TICK_MS; tick < ms;)
			drip(++tick, pace);
	}
}

int main(int argc, char **argv)
{
	int processes = argc == 4 ? atoi(argv[2]) : 0, pace = argc == 4 ? atoi(argv[3]) / TICK_MS : 0;
	struct rlimit r;
	int fd[64];

	if (processes < 1 || processes > 64 || pace < 1 || pace >= SLOTS)
		errx(2, "usage: tarpit_bare PORT PROCESSES PACE_MS (50 to 102350)");
	if (getrlimit(RLIMIT_NOFILE, &r) == 0) {
		r.rlim_cur = r.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &r);
	}
	for (int i = 0; i < processes; i++)
		fd[i] = listen_on((uint16_t)atoi(argv[1]));
	for (int i = 0; i < processes; i++)
		if (fork() == 0) {
			(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
			serve(fd[i], (uint64_t)pace);
		}
	while (wait(NULL) > 0)
		;
	return 0;
}
