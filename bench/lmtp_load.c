/*
 * lmtp_load: many LMTP connections that deliver spam to one trap, each message
 * from another client address, and how long the server takes from the final
 * dot to its reply.
 *
 *   lmtp_load SOCKET RECIPIENT CONNECTIONS MESSAGES [PER_SECOND]
 *
 * RECIPIENT as it stands in RCPT TO: trap=pfx.test@limetwig.invalid. Clients
 * are 198.18.0.0/15 (RFC 2544, for benchmarks). Exit 0 if all were answered 250.
 * SPDX-License-Identifier: ISC
 */
#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define MAX_CONNECTIONS 200
#define MAX_MESSAGES 10000000u

enum step { STEP_HELLO, STEP_IDLE, STEP_DATA, STEP_DOT };

struct connection {
	int fd;
	enum step step;
	unsigned replies; /* still to come before the next step */
	uint64_t dot_ns;
	char line[512];
	size_t n;
};

static struct connection conns[MAX_CONNECTIONS];
static uint32_t *latency_us;
static unsigned sent, done, failed, wanted;
static const char *recipient;

static uint64_t now_ns(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void die(const char *what)
{
	(void)fprintf(stderr, "lmtp_load: %s: %s\n", what, strerror(errno));
	exit(2);
}

static void say(struct connection *k, const char *text, unsigned replies)
{
	size_t n = strlen(text);

	k->replies = replies;
	while (n) {
		ssize_t done_n = send(k->fd, text, n, MSG_NOSIGNAL);

		if (done_n < 0)
			die("send");
		text += done_n;
		n -= (size_t)done_n;
	}
}

static void start_message(struct connection *k)
{
	unsigned i = sent++;
	char text[1024];

	(void)snprintf(text, sizeof text,
		"RSET\r\nXFORWARD NAME=c.example ADDR=198.%u.%u.%u PORT=25\r\n"
		"XFORWARD PROTO=ESMTP HELO=c.example IDENT=%08X SOURCE=REMOTE\r\n"
		"MAIL FROM:<s%u@spam.example> SIZE=2000\r\nRCPT TO:<%s>\r\nDATA\r\n",
		18 + (i >> 16) % 2, (i >> 8) & 255, i & 255, i, i, recipient);
	k->step = STEP_DATA;
	say(k, text, 6);
}

static void send_body(struct connection *k)
{
	static const char filler[] =
		"The quick brown fox sells cheap watches to the lazy dog, today only, no refunds.\r\n";
	char text[4096];
	int n = snprintf(text, sizeof text, "Message-ID: <%u.%d@spam.example>\r\nSubject: offer\r\n\r\n", sent, k->fd);

	for (int i = 0; i < 20; i++)
		n += snprintf(text + n, sizeof text - (size_t)n, "%s", filler);
	(void)snprintf(text + n, sizeof text - (size_t)n, ".\r\n");
	k->step = STEP_DOT;
	k->dot_ns = now_ns();
	say(k, text, 1);
}

static void on_reply(struct connection *k, const char *line)
{
	if (line[0] == '\0' || strlen(line) < 4 || line[3] == '-' || k->replies == 0 || --k->replies)
		return;
	if (k->step == STEP_DATA) {
		send_body(k);
	} else if (k->step == STEP_DOT) {
		latency_us[done++] = (uint32_t)((now_ns() - k->dot_ns) / 1000);
		failed += line[0] != '2';
		k->step = STEP_IDLE;
	} else {
		k->step = STEP_IDLE;
	}
}

static void on_readable(struct connection *k)
{
	char *eol;
	ssize_t n = recv(k->fd, k->line + k->n, sizeof k->line - 1 - k->n, 0);

	if (n <= 0)
		die("connection lost");
	k->n += (size_t)n;
	k->line[k->n] = '\0';
	while ((eol = strchr(k->line, '\n'))) {
		*eol++ = '\0';
		on_reply(k, k->line);
		k->n -= (size_t)(eol - k->line);
		memmove(k->line, eol, k->n + 1);
	}
	if (k->n == sizeof k->line - 1)
		die("reply too long");
}

static void dial(struct connection *k, const char *path)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	(void)snprintf(a.sun_path, sizeof a.sun_path, "%s", path);
	k->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (k->fd < 0 || connect(k->fd, (struct sockaddr *)&a, sizeof a) < 0)
		die(path);
	k->step = STEP_HELLO;
	say(k, "LHLO bench\r\n", 2);
}

static void run(unsigned count, unsigned rate)
{
	struct pollfd p[MAX_CONNECTIONS];
	uint64_t start = now_ns();

	for (unsigned i = 0; i < count; i++)
		p[i] = (struct pollfd){ .fd = conns[i].fd, .events = POLLIN };
	while (done < wanted) {
		for (unsigned i = 0; i < count && sent < wanted; i++) {
			if (rate && sent > (now_ns() - start) * rate / 1000000000u)
				break;
			if (conns[i].step == STEP_IDLE)
				start_message(&conns[i]);
		}
		if (poll(p, count, rate ? 1 : 1000) < 0)
			die("poll");
		for (unsigned i = 0; i < count; i++)
			if (p[i].revents)
				on_readable(&conns[i]);
	}
}

static int compare(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static unsigned argument(const char *text, unsigned max)
{
	char *end;
	unsigned long v = strtoul(text, &end, 10);

	if (*end || v < 1 || v > max) {
		(void)fprintf(stderr, "lmtp_load: bad number %s\n", text);
		exit(2);
	}
	return (unsigned)v;
}

int main(int argc, char **argv)
{
	unsigned count, rate = 0;
	uint64_t start;
	double seconds;

	if (argc < 5 || argc > 6) {
		(void)fprintf(stderr, "usage: lmtp_load SOCKET RECIPIENT CONNECTIONS MESSAGES [PER_SECOND]\n");
		return 2;
	}
	recipient = argv[2];
	count = argument(argv[3], MAX_CONNECTIONS);
	wanted = argument(argv[4], MAX_MESSAGES);
	if (argc == 6)
		rate = argument(argv[5], 1000000);
	latency_us = calloc(wanted, sizeof *latency_us);
	if (!latency_us)
		die("memory");
	for (unsigned i = 0; i < count; i++)
		dial(&conns[i], argv[1]);
	start = now_ns();
	run(count, rate);
	seconds = (double)(now_ns() - start) / 1e9;
	qsort(latency_us, wanted, sizeof *latency_us, compare);
	(void)printf("messages %u connections %u seconds %.2f per_second %.0f not_250 %u\n", wanted, count, seconds,
		wanted / seconds, failed);
	(void)printf("final dot to reply, us: p50 %u p90 %u p99 %u p99.9 %u max %u\n", latency_us[wanted / 2],
		latency_us[wanted - 1 - wanted / 10], latency_us[wanted - 1 - wanted / 100],
		latency_us[wanted - 1 - wanted / 1000], latency_us[wanted - 1]);
	return failed ? 1 : 0;
}
