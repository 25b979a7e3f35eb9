/*
 * tarpit_load: many clients of a tarpit, from many addresses, who read what
 * comes and say nothing; and what that costs the server.
 *
 *   tarpit_load -n CONNECTIONS -a ADDRESSES -s WARM_UP -t SECONDS -p PID[,PID...] [-fh] [-r COMMAND] PORT
 *
 * The addresses are those of make_store (address_of.h), which must be local: a
 * network namespace with "ip route add local" for them. -h: they say HELO and MAIL,
 * as soon as they have heard the line before. -f: flood: beside it
 * connections come and go as fast as they can. -r: run this meanwhile, its
 * output goes to ours. Prints name=value:
 *   connections  open at the end; lost  ended by the server before
 *   bytes_s      received each second; cpu_us  of the server, per byte; cores  it used
 *   flood_s      connections of the flood each second; flood_p50_ms, p99, max: connect to first byte
 *
 * SPDX-License-Identifier: ISC
 */
#include "address_of.h"

#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifndef IPV6_FREEBIND
#define IPV6_FREEBIND 78
#endif
#ifndef IP_BIND_ADDRESS_NO_PORT
#define IP_BIND_ADDRESS_NO_PORT 24
#endif
#define EACH 15000 /* descriptors of a process */
#define WORKERS 64
#define PIDS 64
#define STEP 200 /* connections begun before those that wait are looked at */
#define FLOOD 128
#define FLOOD_TIMES 4000000

struct shared {
	uint64_t bytes, lost, open, floods, refused;
	uint32_t flood_us[FLOOD_TIMES];
};

static struct {
	unsigned connections, addresses, warm_up, seconds, pids;
	bool is_flood, is_talking;
	const char *run;
	uint16_t port;
	int pid[PIDS];
	struct shared *shared;
} o;

static double now_s(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void count(uint64_t *n, uint64_t more)
{
	__atomic_add_fetch(n, more, __ATOMIC_RELAXED);
}

static uint64_t counted(const uint64_t *n)
{
	return __atomic_load_n(n, __ATOMIC_RELAXED);
}

/* From subject n to our port; in progress. */
static int begin(unsigned n)
{
	struct sockaddr_in6 from6 = { .sin6_family = AF_INET6 }, to6 = {
		.sin6_family = AF_INET6, .sin6_port = htons(o.port), .sin6_addr = in6addr_loopback
	};
	struct sockaddr_in from4 = { .sin_family = AF_INET },
			   to4 = { .sin_family = AF_INET, .sin_port = htons(o.port) };
	bool is_v6 = n % 2 == 0;
	int on = 1, fd = socket(is_v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	char text[64];

	blocked_address(n, text);
	to4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0)
		err(1, "socket");
	(void)inet_pton(is_v6 ? AF_INET6 : AF_INET, text, is_v6 ? (void *)&from6.sin6_addr : (void *)&from4.sin_addr);
	(void)setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
	if (is_v6)
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_FREEBIND, &on, sizeof on);
	if (bind(fd, is_v6 ? (void *)&from6 : (void *)&from4, is_v6 ? sizeof from6 : sizeof from4) != 0)
		err(1, "bind %s: is it local here?", text);
	if (connect(fd, is_v6 ? (void *)&to6 : (void *)&to4, is_v6 ? sizeof to6 : sizeof to4) != 0 &&
		errno != EINPROGRESS)
		err(1, "connect from %s", text);
	return fd;
}

/* stage: of this connection; a whole line has come. */
static void answer(int fd, uint8_t *stage)
{
	static const char *const lines[] = { "HELO client.of.the.bench.example\r\n",
		"MAIL FROM:<somebody.of.it@bench.example> SIZE=12345\r\n" };

	if (*stage < 2 && send(fd, lines[*stage], strlen(lines[*stage]), MSG_NOSIGNAL) > 0)
		++*stage;
}

static void read_some(int set, int wait_ms, bool *is_new)
{
	struct epoll_event got[256];
	int n = epoll_wait(set, got, 256, wait_ms);
	static uint8_t stage[1 << 16];
	char text[512];

	for (int i = 0; i < n; i++) {
		int fd = got[i].data.fd;
		ssize_t k = recv(fd, text, sizeof text, 0);

		if (k > 0)
			count(&o.shared->bytes, (uint64_t)k);
		if (k > 0 && is_new[fd]) {
			is_new[fd] = false;
			stage[fd] = 0;
			count(&o.shared->open, 1);
		}
		if (k > 0 && o.is_talking && text[k - 1] == '\n')
			answer(fd, &stage[fd]);
		if (k > 0 || (k < 0 && errno == EAGAIN))
			continue;
		(void)close(fd);
		count(&o.shared->lost, 1);
	}
}

/* Connections first .. first + n - 1. */
static void work(unsigned first, unsigned n)
{
	static bool is_new[1 << 16];
	int set = epoll_create1(0);

	for (unsigned i = 0; i < n; i++) {
		int fd = begin((first + i) % o.addresses);
		struct epoll_event ev = { .events = EPOLLIN, .data.fd = fd };

		is_new[fd] = true;
		if (epoll_ctl(set, EPOLL_CTL_ADD, fd, &ev) != 0)
			err(1, "epoll");
		if (i % STEP == STEP - 1)
			read_some(set, 20, is_new);
	}
	for (;;)
		read_some(set, 1000, is_new);
}

static void flood_one(int set, unsigned slot, double *begun, unsigned *n)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.u64 = 0 };
	int fd = begin(o.addresses + *n % o.addresses);

	++*n;
	ev.data.u64 = (uint64_t)slot << 32 | (uint32_t)fd;
	begun[slot] = now_s();
	if (epoll_ctl(set, EPOLL_CTL_ADD, fd, &ev) != 0)
		err(1, "epoll");
}

/* FLOOD connections at any time, each closed at its first byte. */
static void flood(void)
{
	static double begun[FLOOD];
	int set = epoll_create1(0);
	struct linger hard = { 1, 0 };
	unsigned made = 0;

	for (unsigned i = 0; i < FLOOD; i++)
		flood_one(set, i, begun, &made);
	for (;;) {
		struct epoll_event got[FLOOD];
		int n = epoll_wait(set, got, FLOOD, 1000);

		for (int i = 0; i < n; i++) {
			int fd = (int)(uint32_t)got[i].data.u64;
			unsigned slot = (unsigned)(got[i].data.u64 >> 32);
			uint64_t at = counted(&o.shared->floods);
			char text[64] = "";

			if (recv(fd, text, sizeof text, 0) > 0 && text[0] == '4')
				count(&o.shared->refused, 1);
			if (at < FLOOD_TIMES)
				o.shared->flood_us[at] = (uint32_t)((now_s() - begun[slot]) * 1e6);
			count(&o.shared->floods, 1);
			(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard); /* no TIME_WAIT */
			(void)close(fd);
			flood_one(set, slot, begun, &made);
		}
	}
}

static double server_cpu_s(void)
{
	double sum = 0;

	for (unsigned i = 0; i < o.pids; i++) {
		char path[64];
		unsigned long long ns = 0;
		FILE *f;

		(void)snprintf(path, sizeof path, "/proc/%d/schedstat", o.pid[i]);
		f = fopen(path, "r");
		if (!f || fscanf(f, "%llu", &ns) != 1)
			errx(1, "no process %d", o.pid[i]);
		(void)fclose(f);
		sum += (double)ns / 1e9;
	}
	return sum;
}

static pid_t child(void (*fn)(unsigned, unsigned), unsigned a, unsigned b)
{
	pid_t pid = fork();

	if (pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (fn)
			fn(a, b);
		else
			flood();
		_exit(0);
	}
	return pid;
}

static void sleep_s(double s)
{
	struct timespec t = { .tv_sec = (time_t)s, .tv_nsec = (long)((s - (double)(time_t)s) * 1e9) };

	while (nanosleep(&t, &t) != 0 && errno == EINTR)
		;
}

/* As many as there will be: a second without a new one. */
static void wait_open(void)
{
	uint64_t before = 0;

	for (unsigned still = 0; still < 5 && before < o.connections; still++) {
		uint64_t now;

		sleep_s(1);
		now = counted(&o.shared->open);
		if (now != before)
			still = 0;
		before = now;
	}
}

static int compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static void print_flood(uint64_t before, double seconds)
{
	uint64_t after = counted(&o.shared->floods), n;
	uint32_t *us = o.shared->flood_us + before;

	if (after > FLOOD_TIMES)
		after = FLOOD_TIMES;
	n = after - before;
	if (n == 0)
		return;
	qsort(us, n, sizeof *us, compare);
	(void)printf(" flood_s=%.0f flood_refused=%llu flood_p50_ms=%.2f flood_p99_ms=%.2f flood_max_ms=%.2f",
		(double)n / seconds, (unsigned long long)counted(&o.shared->refused), us[n / 2] / 1e3,
		us[n * 99 / 100] / 1e3, us[n - 1] / 1e3);
}

static void measure(void)
{
	uint64_t bytes, floods;
	double cpu, began;

	wait_open();
	sleep_s(o.warm_up);
	if (counted(&o.shared->open) == 0)
		errx(1, "nobody was let in");
	(void)fprintf(stderr, "tarpit_load: %llu open\n", (unsigned long long)counted(&o.shared->open));
	bytes = counted(&o.shared->bytes);
	floods = counted(&o.shared->floods);
	cpu = server_cpu_s();
	began = now_s();
	if (o.run && system(o.run) != 0)
		errx(1, "%s failed", o.run);
	if (now_s() < began + o.seconds)
		sleep_s(began + o.seconds - now_s());
	cpu = server_cpu_s() - cpu;
	began = now_s() - began;
	bytes = counted(&o.shared->bytes) - bytes;
	(void)printf("connections=%llu lost=%llu bytes_s=%.0f cpu_us=%.2f cores=%.4f",
		(unsigned long long)(counted(&o.shared->open) - counted(&o.shared->lost)),
		(unsigned long long)counted(&o.shared->lost), (double)bytes / began,
		cpu * 1e6 / (double)(bytes ? bytes : 1), cpu / began);
	if (o.is_flood)
		print_flood(floods, began);
	(void)putchar('\n');
}

static void take_pids(char *list)
{
	for (char *p = strtok(list, ","); p && o.pids < PIDS; p = strtok(NULL, ","))
		o.pid[o.pids++] = atoi(p);
}

static void take_options(int argc, char **argv)
{
	int c;

	while ((c = getopt(argc, argv, "n:a:s:t:p:fhr:")) != -1) {
		if (c == 'n')
			o.connections = (unsigned)strtoul(optarg, NULL, 10);
		else if (c == 'a')
			o.addresses = (unsigned)strtoul(optarg, NULL, 10);
		else if (c == 's')
			o.warm_up = (unsigned)strtoul(optarg, NULL, 10);
		else if (c == 't')
			o.seconds = (unsigned)strtoul(optarg, NULL, 10);
		else if (c == 'p')
			take_pids(optarg);
		else if (c == 'f')
			o.is_flood = true;
		else if (c == 'h')
			o.is_talking = true;
		else if (c == 'r')
			o.run = optarg;
		else
			exit(2);
	}
	if (optind + 1 != argc || !o.addresses || !o.seconds || o.connections > EACH * WORKERS)
		errx(2, "usage: tarpit_load -n CONNECTIONS -a ADDRESSES -s WARM_UP -t SECONDS -p PIDS [-fh] [-r "
			"COMMAND] PORT");
	o.port = (uint16_t)atoi(argv[optind]);
}

int main(int argc, char **argv)
{
	pid_t pid[WORKERS + 1];
	unsigned n = 0;
	struct rlimit r;

	take_options(argc, argv);
	if (getrlimit(RLIMIT_NOFILE, &r) == 0) {
		r.rlim_cur = r.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &r);
	}
	o.shared = mmap(NULL, sizeof *o.shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (o.shared == MAP_FAILED)
		err(1, "mmap");
	for (unsigned at = 0; at < o.connections; at += EACH)
		pid[n++] = child(work, at, o.connections - at < EACH ? o.connections - at : EACH);
	if (o.is_flood)
		pid[n++] = child(NULL, 0, 0);
	measure();
	(void)fflush(stdout);
	for (unsigned i = 0; i < n; i++) {
		(void)kill(pid[i], SIGKILL);
		(void)waitpid(pid[i], NULL, 0);
	}
	return 0;
}
