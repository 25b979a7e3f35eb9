/*
 * firewall_speed: what our nftables table costs with many elements, in network
 * namespaces of its own. Needs root.
 *
 *     firewall_speed [ELEMENTS [ADDS [CONNECTS]]]
 *
 * Prints how long one element takes to be added beside ELEMENTS others, and how
 * many TCP connections a second an innocent client makes through the rules that
 * lead blocked clients to the answerer, beside a namespace without any rule: in
 * turn, nine rounds; cpu_ratio is of connections in a second of CPU.
 * SPDX-License-Identifier: ISC
 */
#include "io/firewall_nft.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PORT 25
#define ROUNDS 9
#define ACCEPTED 1024

static void die(const char *what)
{
	(void)fprintf(stderr, "firewall_speed: %s: %s\n", what, strerror(errno));
	exit(1);
}

static double us_of(clockid_t clock)
{
	struct timespec t;

	(void)clock_gettime(clock, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static double now_us(void)
{
	return us_of(CLOCK_MONOTONIC);
}

static int order(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static void own_network(void)
{
	struct ifreq r = { .ifr_name = "lo" };
	int s;

	if (unshare(CLONE_NEWNET) != 0)
		die("unshare");
	s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	r.ifr_flags = IFF_UP | IFF_RUNNING;
	if (s < 0 || ioctl(s, SIOCSIFFLAGS, &r) != 0)
		die("lo");
	(void)close(s);
}

/* ---- elements */

/* 1.0.0.0, 1.0.0.1, ...: none of them is the client of below. */
static struct fw_op op_of(uint32_t i)
{
	struct fw_op o = { .is_add = true, .ttl_s = 86400 };
	uint32_t a = htonl((1u << 24) + i);

	o.prefix.addr.family = 4;
	o.prefix.len = 32;
	memcpy(o.prefix.addr.b, &a, 4);
	return o;
}

static void fill(struct firewall_nft *f, uint32_t elements)
{
	static struct fw_op op[FIREWALL_BATCH];
	static bool done[FIREWALL_BATCH];
	double begun = now_us();

	for (uint32_t i = 0; i < elements;) {
		size_t n = 0;

		while (n < FIREWALL_BATCH && i < elements)
			op[n++] = op_of(i++);
		if (firewall_nft_apply(f, op, n, done) != ERR_OK)
			die("fill");
	}
	(void)printf("fill elements=%u seconds=%.2f\n", elements, (now_us() - begun) / 1e6);
}

static void time_adds(struct firewall_nft *f, uint32_t from, uint32_t adds)
{
	double *us = calloc(adds, sizeof *us);
	bool done;

	if (!us)
		die("memory");
	for (uint32_t i = 0; i < adds; i++) {
		struct fw_op o = op_of(from + i);
		double begun = now_us();

		if (firewall_nft_apply(f, &o, 1, &done) != ERR_OK || !done)
			die("add");
		us[i] = now_us() - begun;
	}
	qsort(us, adds, sizeof *us, order);
	(void)printf("add beside=%u count=%u p50_us=%.0f p99_us=%.0f max_us=%.0f\n", from, adds, us[adds / 2],
		us[adds * 99 / 100], us[adds - 1]);
	free(us);
}

static struct firewall_nft *make_rules(uint32_t elements)
{
	static const uint16_t port[] = { PORT };
	struct firewall_nft *f;
	bool is_kept, is_changed;

	if (firewall_nft_open(&f) != ERR_OK)
		die("netlink");
	firewall_nft_setup(f, port, 1, false, elements);
	firewall_nft_redirect(f, 10725);
	if (firewall_nft_make(f, &is_kept, &is_changed) != ERR_OK)
		die("table");
	return f;
}

/* ---- connections */

static struct sockaddr_in local(const char *address, uint16_t port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(port) };

	(void)inet_pton(AF_INET, address, &a.sin_addr);
	return a;
}

static int listener(void)
{
	struct sockaddr_in a = local("127.0.0.1", PORT);
	int on = 1, s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (s < 0 || setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
		bind(s, (struct sockaddr *)&a, sizeof a) != 0 || listen(s, ACCEPTED) != 0)
		die("listen");
	return s;
}

struct rate {
	double wall, cpu; /* connections a second */
};

/* Connect, be accepted, reset: no port stays behind. */
static struct rate connects_per_second(int listening, unsigned connects)
{
	const struct linger reset = { 1, 0 };
	struct sockaddr_in to = local("127.0.0.1", PORT);
	double begun = now_us(), cpu = us_of(CLOCK_PROCESS_CPUTIME_ID);

	for (unsigned i = 0; i < connects; i++) {
		int there, s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

		if (s < 0 || connect(s, (struct sockaddr *)&to, sizeof to) != 0)
			die("connect");
		(void)setsockopt(s, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
		there = accept(listening, NULL, NULL);
		if (there < 0)
			die("accept");
		(void)close(s);
		(void)close(there);
	}
	return (struct rate){ connects * 1e6 / (now_us() - begun),
		connects * 1e6 / (us_of(CLOCK_PROCESS_CPUTIME_ID) - cpu) };
}

/* One namespace: a byte asks for a round, its rate is the answer. */
static void worker(int fd, bool has_rules, uint32_t elements, uint32_t adds, unsigned connects)
{
	int listening;
	struct rate rate;
	char c;

	own_network();
	if (has_rules) {
		struct firewall_nft *f = make_rules(elements + adds + 1000);

		fill(f, elements);
		time_adds(f, elements, adds);
		(void)fflush(stdout);
	}
	listening = listener();
	while (read(fd, &c, 1) == 1) {
		rate = connects_per_second(listening, connects);
		if (write(fd, &rate, sizeof rate) != sizeof rate)
			break;
	}
	_exit(0);
}

static struct rate ask(int fd)
{
	struct rate rate = { 0 };

	if (write(fd, "", 1) != 1 || read(fd, &rate, sizeof rate) != (ssize_t)sizeof rate)
		die("worker");
	return rate;
}

int main(int argc, char **argv)
{
	uint32_t elements = argc > 1 ? (uint32_t)atoi(argv[1]) : 1000000,
		 adds = argc > 2 ? (uint32_t)atoi(argv[2]) : 5000;
	unsigned connects = argc > 3 ? (unsigned)atoi(argv[3]) : 20000;
	double ratio[ROUNDS], cpu[ROUNDS], with[ROUNDS], without[ROUNDS];
	int pair[2][2];

	for (int i = 0; i < 2; i++) {
		if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair[i]) != 0)
			die("socketpair");
		if (fork() == 0) {
			(void)close(pair[i][0]);
			if (i)
				(void)close(pair[0][0]);
			worker(pair[i][1], i == 1, elements, adds, connects);
		}
		(void)close(pair[i][1]);
	}
	(void)ask(pair[0][0]); /* a round that does not count */
	(void)ask(pair[1][0]);
	for (unsigned i = 0; i < ROUNDS; i++) {
		struct rate bare = ask(pair[0][0]), ours = ask(pair[1][0]);

		without[i] = bare.wall;
		with[i] = ours.wall;
		ratio[i] = ours.wall / bare.wall;
		cpu[i] = ours.cpu / bare.cpu;
	}
	qsort(with, ROUNDS, sizeof *with, order);
	qsort(without, ROUNDS, sizeof *without, order);
	qsort(ratio, ROUNDS, sizeof *ratio, order);
	qsort(cpu, ROUNDS, sizeof *cpu, order);
	(void)printf("connects without=%.0f with=%.0f ratio=%.3f (%.3f-%.3f) cpu_ratio=%.3f (%.3f-%.3f)\n",
		without[ROUNDS / 2], with[ROUNDS / 2], ratio[ROUNDS / 2], ratio[0], ratio[ROUNDS - 1], cpu[ROUNDS / 2],
		cpu[0], cpu[ROUNDS - 1]);
	(void)close(pair[0][0]);
	(void)close(pair[1][0]);
	while (wait(NULL) > 0)
		;
	return 0;
}
