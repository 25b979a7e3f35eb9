/*
 * ban_latency: how long the usual recipes take from a hit to the kernel: it
 * writes the line of a mail log that fail2ban waits for, or runs a command with the client's
 * address as last word, and takes the time to the kernel's notice that
 * this address is an element of an nftables set.
 *     ban_latency FIRST COUNT log FILE       one after the other
 *     ban_latency FIRST COUNT burst FILE     all lines at once
 *     ban_latency FIRST COUNT run PROGRAM [WORD...]      as the caller
 *     ban_latency FIRST COUNT nobody PROGRAM [WORD...]   as nobody, as Postfix's pipe does it
 * Clients are numbers FIRST and following of 198.18.0.0/15 (RFC 2544). Prints one
 * line of name=value; cpu_us is the CPU time of a command. Run it in a network
 * namespace of its own. Exit 0 when each address was seen.
 * SPDX-License-Identifier: ISC
 */
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "nft_notice.h"

#define COUNT_MAX 10000u
#define WORDS 16
#define NOBODY 65534
#define WAIT_US 60000000u /* for one, or for all of a burst */

static struct {
	int nft;
	unsigned first, count, seen;
	uint64_t began_us[COUNT_MAX]; /* 0: not asked for, or seen */
	uint32_t took_us[COUNT_MAX];
} run;

static uint64_t now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

static void address_of_number(unsigned n, uint8_t to[4])
{
	to[0] = 198;
	to[1] = (uint8_t)(18 + (n >> 16 & 1));
	to[2] = (uint8_t)(n >> 8);
	to[3] = (uint8_t)n;
}

static void take_message(const char *message, size_t size, uint64_t now)
{
	for (unsigned i = 0; i < run.count; i++) {
		uint8_t address[4];

		address_of_number(run.first + i, address);
		if (run.began_us[i] && memmem(message, size, address, sizeof address)) {
			run.took_us[run.seen++] = (uint32_t)(now - run.began_us[i]);
			run.began_us[i] = 0;
		}
	}
}

/* Until so many have been seen. */
static void wait_for(unsigned seen)
{
	static char bytes[65536];
	struct pollfd p = { .fd = run.nft, .events = POLLIN };
	uint64_t end = now_us() + WAIT_US;

	while (run.seen < seen && now_us() < end) {
		const char *at = bytes, *message;
		size_t n, size;
		ssize_t got;

		if (poll(&p, 1, 100) != 1)
			continue;
		got = recv(run.nft, bytes, sizeof bytes, MSG_DONTWAIT);
		n = got > 0 ? (size_t)got : 0;
		while ((message = nft_notice_next(&at, &n, &size)))
			take_message(message, size, now_us());
	}
}

static void write_line(int fd, unsigned i)
{
	char text[512], at[64];
	time_t now = time(NULL);
	uint8_t a[4];
	int n;

	address_of_number(run.first + i, a);
	(void)strftime(at, sizeof at, "%Y-%m-%dT%H:%M:%S+00:00", gmtime(&now));
	n = snprintf(text, sizeof text,
		"%s mx postfix/smtpd[77]: NOQUEUE: reject: RCPT from unknown[%u.%u.%u.%u]: 550 5.1.1 "
		"<trap7@traps.example.org>: "
		"Recipient address rejected: User unknown; from=<s%u@spam.example> to=<trap7@traps.example.org> "
		"proto=ESMTP "
		"helo=<c%u.example>\n",
		at, a[0], a[1], a[2], a[3], i, i);
	run.began_us[i] = now_us();
	if (write(fd, text, (size_t)n) != n)
		err(1, "write");
}

static void spawn(char **words, unsigned n_words, bool is_nobody, unsigned i)
{
	char *argv[WORDS + 2], text[32];
	uint8_t a[4];
	int status;
	pid_t pid;

	address_of_number(run.first + i, a);
	(void)snprintf(text, sizeof text, "%u.%u.%u.%u", a[0], a[1], a[2], a[3]);
	memcpy(argv, words, n_words * sizeof *argv);
	argv[n_words] = text;
	argv[n_words + 1] = NULL;
	run.began_us[i] = now_us();
	pid = fork();
	if (pid == 0) {
		if (is_nobody && (setresgid(NOBODY, NOBODY, NOBODY) != 0 || setresuid(NOBODY, NOBODY, NOBODY) != 0))
			err(1, "nobody");
		(void)execv(argv[0], argv);
		err(127, "%s", argv[0]);
	}
	wait_for(i + 1);
	if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0)
		errx(1, "%s failed for %s", argv[0], text);
}

static int compare(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static void print(uint64_t took_us)
{
	unsigned n = run.seen;
	struct rusage use;

	(void)getrusage(RUSAGE_CHILDREN, &use);
	qsort(run.took_us, n, sizeof *run.took_us, compare);
	if (n)
		(void)printf("bans=%u p50_us=%u p90_us=%u p99_us=%u max_us=%u per_s=%.1f cpu_us=%.0f\n", n,
			run.took_us[n / 2], run.took_us[n - 1 - n / 10], run.took_us[n - 1 - n / 100],
			run.took_us[n - 1], n * 1e6 / (double)took_us,
			((double)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) * 1e6 +
				(double)(use.ru_utime.tv_usec + use.ru_stime.tv_usec)) /
				n);
	if (n != run.count)
		errx(1, "%u of %u were not seen", run.count - n, run.count);
}

int main(int argc, char **argv)
{
	bool is_nobody = argc > 4 && strcmp(argv[3], "nobody") == 0,
	     is_run = is_nobody || (argc > 4 && strcmp(argv[3], "run") == 0),
	     is_burst = argc == 5 && strcmp(argv[3], "burst") == 0, is_log = argc == 5 && strcmp(argv[3], "log") == 0;
	uint64_t began;
	int fd = -1;

	if (!is_run && !is_burst && !is_log)
		errx(2, "usage: ban_latency FIRST COUNT log|burst FILE, or run|nobody PROGRAM [WORD...]");
	run.first = (unsigned)strtoul(argv[1], NULL, 10);
	run.count = (unsigned)strtoul(argv[2], NULL, 10);
	if (run.count == 0 || run.count > COUNT_MAX || argc > 4 + WORDS)
		errx(2, "COUNT: 1 to %u; at most %d words", COUNT_MAX, WORDS);
	if (!is_run && (fd = open(argv[4], O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644)) < 0)
		err(1, "%s", argv[4]);
	run.nft = nft_notice_open();
	began = now_us();
	for (unsigned i = 0; i < run.count; i++) {
		if (is_run) {
			spawn(argv + 4, (unsigned)argc - 4, is_nobody, i);
			continue;
		}
		write_line(fd, i);
		if (is_log)
			wait_for(i + 1);
	}
	wait_for(run.count);
	print(now_us() - began);
	return 0;
}
