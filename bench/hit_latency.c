/*
 * hit_latency: delivers spam to a trap over LMTP, one message after the other,
 * each from another client address, and takes the time from the final dot to
 * the kernel's notice that this address is an element of an nftables set; then
 * the time of fdatasync on the same disk, which bounds what the hit can cost.
 * Before each message it asks the policy server what smtpd would ask for it.
 *     hit_latency POLICY-SOCKET LMTP-SOCKET TRAP RECIPIENT FOLDER MESSAGES PER_SECOND [FIRST]
 * RECIPIENT is what the alias map makes of TRAP; FOLDER: where to sync, - for nowhere;
 * FIRST: number of the first client, 0 if none is said.
 * Clients are of 198.18.0.0/15 (RFC 2544), in XFORWARD only. Run it in the
 * network namespace of the daemon. Exit 0 when each address was seen.
 * SPDX-License-Identifier: ISC
 */
#include <err.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "nft_notice.h"

#define MESSAGES_MAX 20000u
#define WAIT_MS 5000
#define SYNCS 500u
#define SYNC_BYTES 4096

struct run {
	int policy, lmtp, nft;
	const char *trap, *recipient;
	char in[65536];
	size_t n;
	uint32_t *kernel_us, *reply_us;
};

static uint64_t now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

static int connect_to(const char *path)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (strlen(path) >= sizeof sun.sun_path)
		errx(2, "%s: too long", path);
	strcpy(sun.sun_path, path);
	if (fd < 0 || connect(fd, (struct sockaddr *)&sun, sizeof sun) != 0)
		err(1, "%s", path);
	return fd;
}

/* RCPT or END-OF-MESSAGE as smtpd asks; the answer is DUNNO. */
static void ask_policy(const struct run *r, unsigned i, const char *state, const char *address)
{
	char text[2048];
	bool is_end = state[0] == 'E';
	int n = snprintf(text, sizeof text,
		"request=smtpd_access_policy\nprotocol_state=%s\nprotocol_name=ESMTP\nclient_address=%s\n"
		"client_name=unknown\nclient_port=2525\nreverse_client_name=unknown\nserver_address=192.0.2.25\n"
		"server_port=25\nhelo_name=c%u.example\nsender=s%u@spam.example\nrecipient=%s\nrecipient_count=%u\n"
		"queue_id=BENCH%X\ninstance=b.%x.0.0\nsize=%u\nsasl_username=\npolicy_context=\n\n",
		state, address, i, i, r->trap, is_end ? 1u : 0u, i, i, is_end ? 500u : 0u);
	ssize_t got;

	if (send(r->policy, text, (size_t)n, MSG_NOSIGNAL) != n)
		err(1, "policy");
	got = recv(r->policy, text, sizeof text - 1, 0);
	text[got > 0 ? got : 0] = '\0';
	if (!strstr(text, "DUNNO"))
		errx(1, "%s: policy answered %s", state, text);
}

static void say(const struct run *r, const char *text, size_t n)
{
	if (send(r->lmtp, text, n, MSG_NOSIGNAL) != (ssize_t)n)
		err(1, "lmtp");
}

/* Reads until one whole reply is there; its code. */
static int take_reply(struct run *r)
{
	for (;;) {
		char *eol = memchr(r->in, '\n', r->n);
		ssize_t n;

		if (eol) {
			bool is_last = eol - r->in >= 4 && r->in[3] == ' ';
			int code = (r->in[0] - '0') * 100 + (r->in[1] - '0') * 10 + (r->in[2] - '0');

			r->n -= (size_t)(eol + 1 - r->in);
			memmove(r->in, eol + 1, r->n);
			if (is_last)
				return code;
			continue;
		}
		n = recv(r->lmtp, r->in + r->n, sizeof r->in - r->n, 0);
		if (n <= 0)
			errx(1, "lmtp connection lost");
		r->n += (size_t)n;
	}
}

static void ask(struct run *r, const char *text, int want)
{
	int code;

	say(r, text, strlen(text));
	code = take_reply(r);
	if (code != want)
		errx(1, "%.*s answered %d", (int)strcspn(text, "\r"), text, code);
}

/* An add of an element whose key is this address. */
static bool names_address(const char *p, size_t n, const uint8_t address[4])
{
	const char *message;
	size_t size;

	while ((message = nft_notice_next(&p, &n, &size)))
		if (memmem(message, size, address, 4))
			return true;
	return false;
}

static bool wait_element(const struct run *r, const uint8_t address[4], uint64_t start, uint32_t *ret_us)
{
	static char bytes[65536];
	struct pollfd p = { .fd = r->nft, .events = POLLIN };

	while (now_us() - start < WAIT_MS * UINT64_C(1000)) {
		ssize_t n;

		if (poll(&p, 1, 100) != 1)
			continue;
		n = recv(r->nft, bytes, sizeof bytes, MSG_DONTWAIT);
		if (n > 0 && names_address(bytes, (size_t)n, address)) {
			*ret_us = (uint32_t)(now_us() - start);
			return true;
		}
	}
	return false;
}

/* The kernel's notice is awaited first: the reply waits in its socket meanwhile, and has no part in the time.
 * From client i; the times are number n. */
static bool deliver(struct run *r, unsigned i, unsigned n)
{
	uint8_t address[4] = { 198, (uint8_t)(18 + (i >> 16 & 1)), (uint8_t)(i >> 8), (uint8_t)i };
	char text[2048], client[32];
	uint64_t start;
	bool seen;
	int length;

	(void)snprintf(client, sizeof client, "%u.%u.%u.%u", address[0], address[1], address[2], address[3]);
	ask_policy(r, i, "RCPT", client);
	ask_policy(r, i, "END-OF-MESSAGE", client);
	(void)snprintf(text, sizeof text, "XFORWARD NAME=[UNAVAILABLE] ADDR=%s PORT=2525\r\n", client);
	ask(r, text, 250);
	(void)snprintf(
		text, sizeof text, "XFORWARD PROTO=ESMTP HELO=c%u.example IDENT=BENCH%X SOURCE=REMOTE\r\n", i, i);
	ask(r, text, 250);
	(void)snprintf(text, sizeof text, "MAIL FROM:<s%u@spam.example>\r\n", i);
	ask(r, text, 250);
	(void)snprintf(text, sizeof text, "RCPT TO:<%s>\r\n", r->recipient);
	ask(r, text, 250);
	ask(r, "DATA\r\n", 354);
	length = snprintf(text, sizeof text,
		"From: s%u@spam.example\r\nMessage-ID: <b%u@spam.example>\r\nSubject: offer %u\r\n\r\nbuy watches "
		"today\r\n.\r\n",
		i, i, i);
	start = now_us();
	say(r, text, (size_t)length);
	seen = wait_element(r, address, start, &r->kernel_us[n]);
	if (take_reply(r) != 250)
		errx(1, "message %u was not taken", i);
	r->reply_us[n] = (uint32_t)(now_us() - start);
	return seen;
}

static int compare(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static void print(const char *name, uint32_t *us, unsigned n)
{
	qsort(us, n, sizeof *us, compare);
	printf("%s_p50_us=%u %s_p90_us=%u %s_p99_us=%u %s_max_us=%u\n", name, us[n / 2], name, us[n - 1 - n / 10], name,
		us[n - 1 - n / 100], name, us[n - 1]);
}

static void measure_sync(const char *folder)
{
	static uint32_t us[SYNCS];
	static char bytes[SYNC_BYTES];
	char path[4096];
	int fd;

	(void)snprintf(path, sizeof path, "%s/sync-test", folder);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	for (unsigned i = 0; i < SYNCS; i++) {
		uint64_t start = now_us();

		if (fd < 0 || write(fd, bytes, sizeof bytes) != SYNC_BYTES || fdatasync(fd) != 0)
			err(1, "%s", path);
		us[i] = (uint32_t)(now_us() - start);
	}
	close(fd);
	unlink(path);
	print("fdatasync", us, SYNCS);
}

int main(int argc, char **argv)
{
	static struct run r;
	unsigned long messages, rate;
	bool is_synced = argc > 5 && strcmp(argv[5], "-") != 0;
	unsigned seen = 0, first = argc == 9 ? (unsigned)strtoul(argv[8], NULL, 10) : 0;

	if (argc < 8 || argc > 9 || (messages = strtoul(argv[6], NULL, 10)) == 0 || messages > MESSAGES_MAX ||
		(rate = strtoul(argv[7], NULL, 10)) == 0)
		errx(2, "usage: hit_latency POLICY-SOCKET LMTP-SOCKET TRAP RECIPIENT FOLDER MESSAGES PER_SECOND "
			"[FIRST]");
	r.lmtp = connect_to(argv[2]);
	r.policy = connect_to(argv[1]);
	r.trap = argv[3];
	r.recipient = argv[4];
	r.nft = nft_notice_open();
	r.kernel_us = calloc(messages, sizeof *r.kernel_us);
	r.reply_us = calloc(messages, sizeof *r.reply_us);
	if (!r.kernel_us || !r.reply_us)
		err(1, "calloc");
	if (take_reply(&r) != 220)
		errx(1, "no greeting");
	ask(&r, "LHLO bench.example\r\n", 250);
	if (is_synced)
		measure_sync(argv[5]);
	for (unsigned i = 0; i < messages; i++) {
		uint64_t next = now_us() + 1000000 / rate, now;

		seen += deliver(&r, first + i, i);
		now = now_us();
		if (now < next)
			(void)poll(NULL, 0, (int)((next - now) / 1000));
	}
	if (is_synced)
		measure_sync(argv[5]);
	printf("messages=%lu seen=%u\n", messages, seen);
	print("kernel", r.kernel_us, (unsigned)messages);
	print("reply", r.reply_us, (unsigned)messages);
	return seen == messages ? 0 : 1;
}
