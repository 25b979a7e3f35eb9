/*
 * policy_load: asks a policy server as smtpd does: persistent connections,
 * one question under way on each, 29 attributes of about 720 bytes, a new
 * client, sender, recipient and instance each time.
 *     policy_load [-c CONNECTIONS] [-t SECONDS] [-x TRAP%] [-n TRAPS] [-b BLOCKED%] [-k BLOCKS] [-p PID] [-w] SOCKET|tcp:PORT
 * Traps are trapN@traps.example.org (N < TRAPS), blocked clients those of
 * make_store; the others are of one /16, with -w each of a /24 of its own.
 * Prints one line of name=value; cpu_us is the CPU time of process PID for one
 * question, all its threads.
 * SPDX-License-Identifier: ISC
 */
#include <dirent.h>
#include <err.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "address_of.h"
#include "policy_address.h"

#define CONNS_MAX 1000
#define REQUEST_MAX 1008
#define REQUESTS 65536u /* made beforehand, so that the generator is no slower than a server */
#define EVENTS 128
#define STEPS 64 /* of the histogram, in each power of two */
#define BUCKETS (40 * STEPS)
#define CLIENTS 65536u

struct request {
	char text[REQUEST_MAX];
	size_t n, instance; /* length; where the eight digits are that differ each time */
};

struct conn {
	int fd;
	uint64_t sent_ns;
};

struct load {
	const char *path;
	unsigned conns, seconds, trap_percent, traps, blocked_percent, blocks;
	long pid;
	bool is_wide;
	uint64_t random, asked, answered, refused, last_answer_ns;
	uint32_t bucket[BUCKETS];
	struct conn conn[CONNS_MAX];
	struct request *request;
};

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static unsigned draw(struct load *l, unsigned n)
{
	l->random ^= l->random << 13;
	l->random ^= l->random >> 7;
	l->random ^= l->random << 17;
	return (unsigned)((l->random >> 32) * n >> 32);
}

static size_t bucket_of(uint64_t ns)
{
	unsigned top = ns < STEPS ? 0 : 63u - (unsigned)__builtin_clzll(ns) - 6;
	size_t b = (size_t)top * STEPS + (size_t)(ns >> top) % STEPS + (ns < STEPS ? 0 : STEPS);

	return b < BUCKETS ? b : BUCKETS - 1;
}

static double bucket_us(size_t b)
{
	size_t top = b / STEPS;

	return top == 0 ? (double)b / 1e3 : (double)((STEPS + b % STEPS) << (top - 1)) / 1e3;
}

static double percentile(const struct load *l, double share)
{
	uint64_t left = (uint64_t)((double)l->answered * share);

	for (size_t b = 0; b < BUCKETS; b++) {
		if (l->bucket[b] > left)
			return bucket_us(b);
		left -= l->bucket[b];
	}
	return bucket_us(BUCKETS - 1);
}

/* Nanoseconds on a CPU so far of all threads of the process; 0 when there is none. */
static uint64_t cpu_ns(long pid)
{
	char path[320];
	uint64_t sum = 0;
	struct dirent *d;
	DIR *dir;

	(void)snprintf(path, sizeof path, "/proc/%ld/task", pid);
	dir = pid > 0 ? opendir(path) : NULL;
	while (dir && (d = readdir(dir))) {
		unsigned long long ns;
		FILE *f;

		(void)snprintf(path, sizeof path, "/proc/%ld/task/%s/schedstat", pid, d->d_name);
		f = d->d_name[0] != '.' ? fopen(path, "re") : NULL;
		if (f && fscanf(f, "%llu", &ns) == 1)
			sum += ns;
		if (f)
			fclose(f);
	}
	if (dir)
		closedir(dir);
	return sum;
}

static void make_request(struct load *l, struct request *r)
{
	unsigned client = draw(l, CLIENTS), number = draw(l, 10000000);
	char address[64], recipient[64];
	int n;

	if (draw(l, 100) < l->blocked_percent)
		blocked_address(draw(l, l->blocks), address);
	else if (l->is_wide)
		spread_address(client, address);
	else
		clean_address(client, address);
	if (draw(l, 100) < l->trap_percent)
		(void)snprintf(recipient, sizeof recipient, "trap%u@traps.example.org", draw(l, l->traps));
	else
		(void)snprintf(recipient, sizeof recipient, "user%u@example.org", number % 100000);
	n = snprintf(r->text, sizeof r->text,
		"request=smtpd_access_policy\nprotocol_state=RCPT\nprotocol_name=ESMTP\nclient_address=%s\n"
		"client_name=mail%u.example.net\nclient_port=%u\nreverse_client_name=mail%u.example.net\n"
		"server_address=192.0.2.25\nserver_port=25\nhelo_name=mail%u.example.net\nsender=sender%u@example.net\n"
		"recipient=%s\nrecipient_count=0\nqueue_id=\ninstance=1a2b.00000000.5c6d.0\nsize=%u\netrn_domain=\n"
		"stress=\nsasl_method=\nsasl_username=\nsasl_sender=\nccert_subject=\nccert_issuer=\n"
		"ccert_fingerprint=\nccert_pubkey_fingerprint=\nencryption_protocol=TLSv1.3\n"
		"encryption_cipher=TLS_AES_256_GCM_SHA384\nencryption_keysize=256\npolicy_context=limetwig\n\n",
		address, client, 1024 + number % 60000, client, client, number, recipient, 1000 + number % 100000);
	if (n < 0 || n >= REQUEST_MAX)
		errx(1, "a request is too long");
	r->n = (size_t)n;
	r->instance = (size_t)(strstr(r->text, "instance=") + strlen("instance=1a2b.") - r->text);
}

static void ask(struct load *l, struct conn *c)
{
	struct request *r = &l->request[l->asked % REQUESTS];

	for (unsigned i = 0; i < 8; i++)
		r->text[r->instance + i] = "0123456789abcdef"[l->asked >> (28 - 4 * i) & 15];
	l->asked++;
	c->sent_ns = now_ns();
	if (send(c->fd, r->text, r->n, MSG_NOSIGNAL) != (ssize_t)r->n)
		err(1, "send");
}

/* True when the answer is whole. */
static bool take_answer(struct load *l, struct conn *c)
{
	char reply[4096];
	ssize_t n = recv(c->fd, reply, sizeof reply, 0);

	if (n <= 0)
		err(1, "the server closed a connection");
	if (n < 2 || memcmp(reply + n - 2, "\n\n", 2) != 0)
		return false;
	l->last_answer_ns = now_ns();
	l->bucket[bucket_of(l->last_answer_ns - c->sent_ns)]++;
	l->answered++;
	l->refused += memmem(reply, (size_t)n, "DUNNO", 5) == NULL;
	return true;
}

static void connect_all(struct load *l, int ep)
{
	struct policy_address a = policy_address(l->path);

	for (unsigned i = 0; i < l->conns; i++) {
		struct epoll_event ev = { .events = EPOLLIN, .data.ptr = &l->conn[i] };

		l->conn[i].fd = socket(a.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (l->conn[i].fd < 0 || connect(l->conn[i].fd, &a.any, a.n) != 0 ||
			epoll_ctl(ep, EPOLL_CTL_ADD, l->conn[i].fd, &ev) != 0)
			err(1, "%s", l->path);
	}
}

static void run(struct load *l, int ep)
{
	uint64_t end = now_ns() + l->seconds * UINT64_C(1000000000), at = 0;
	uint64_t under_way = l->conns;

	for (unsigned i = 0; i < l->conns; i++)
		ask(l, &l->conn[i]);
	while (under_way) {
		struct epoll_event ev[EVENTS];
		int n = epoll_wait(ep, ev, EVENTS, 10000);

		if (n <= 0)
			errx(1, "no answer for 10 s");
		for (int i = 0; i < n; i++) {
			if (!take_answer(l, ev[i].data.ptr))
				continue;
			at = l->last_answer_ns;
			if (at < end)
				ask(l, ev[i].data.ptr);
			else
				under_way--;
		}
	}
}

static void read_options(int argc, char **argv, struct load *l)
{
	int o;

	while ((o = getopt(argc, argv, "c:t:x:n:b:k:p:w")) != -1) {
		long v = !optarg ? 0 : strtol(optarg, NULL, 10);

		switch (o) {
		case 'c':
			l->conns = (unsigned)v;
			break;
		case 't':
			l->seconds = (unsigned)v;
			break;
		case 'x':
			l->trap_percent = (unsigned)v;
			break;
		case 'n':
			l->traps = (unsigned)v;
			break;
		case 'b':
			l->blocked_percent = (unsigned)v;
			break;
		case 'k':
			l->blocks = (unsigned)v;
			break;
		case 'p':
			l->pid = v;
			break;
		case 'w':
			l->is_wide = true;
			break;
		default:
			errx(2, "usage: policy_load [-c -t -x -n -b -k -p -w] SOCKET|tcp:PORT");
		}
	}
	if (optind + 1 != argc || l->conns == 0 || l->conns > CONNS_MAX || l->seconds == 0 || l->seconds > 600)
		errx(2, "usage: policy_load [-c 1..%d] [-t 1..600] [-x -n -b -k -p -w] SOCKET|tcp:PORT", CONNS_MAX);
	l->path = argv[optind];
}

int main(int argc, char **argv)
{
	static struct load l = {
		.conns = 100, .seconds = 2, .traps = 10000, .blocks = 1, .random = 88172645463325252u
	};
	uint64_t start, cpu;
	double s;
	int ep = epoll_create1(EPOLL_CLOEXEC);

	read_options(argc, argv, &l);
	l.request = calloc(REQUESTS, sizeof *l.request);
	if (!l.request)
		err(1, "calloc");
	for (unsigned i = 0; i < REQUESTS; i++)
		make_request(&l, &l.request[i]);
	connect_all(&l, ep);
	cpu = cpu_ns(l.pid);
	start = now_ns();
	run(&l, ep);
	cpu = cpu_ns(l.pid) - cpu;
	s = (double)(l.last_answer_ns - start) / 1e9;
	printf("requests=%llu rps=%.0f p50_us=%.1f p99_us=%.1f p999_us=%.1f cpu_us=%.3f refused=%llu\n",
		(unsigned long long)l.answered, (double)l.answered / s, percentile(&l, 0.5), percentile(&l, 0.99),
		percentile(&l, 0.999), (double)cpu / 1e3 / (double)l.answered, (unsigned long long)l.refused);
	free(l.request);
	return 0;
}
