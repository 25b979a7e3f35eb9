/*
 * engine_hits: how many hits a second the engine alone takes, from hosts that
 * it has never seen: for each the two questions of smtpd, the message that
 * capture sends, score and decision, block, the element for the firewall role,
 * the record in the store and the acknowledgement after it is durable. The
 * made-up peers of the engine's tests are in the same process: their work is
 * in the figures.
 *     engine_hits HITS
 * Clients are of 198.18.0.0/15 (RFC 2544). Exit 0 when each hit was
 * acknowledged and each host became an element.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <err.h>
#include <sys/resource.h>
#include <time.h>

#include "../tests/unit/engine_rig.h"
#include "address_of.h"

#define SMTPD 100u /* connections that ask */
#define WAVE 500u  /* hits under way */
#define HITS_MAX 100000ul
#define DB_SIZE (UINT64_C(2) << 30)
#define TRAP RIG_SECRET "1@example.org"

struct smtpd {
	int fd;
	struct loop_watch *watch;
};

static struct smtpd smtpd[SMTPD];
static unsigned answers;

static void on_answer(int fd, unsigned what, void *ctx)
{
	char text[512];
	ssize_t n = recv(fd, text, sizeof text - 1, MSG_DONTWAIT);

	(void)what;
	(void)ctx;
	if (n <= 0)
		errx(1, "the policy server hung up");
	text[n] = '\0';
	if (strcmp(text, "action=DUNNO\n\n") != 0)
		errx(1, "unexpected answer: %s", text);
	answers++;
}

static bool has_answers(void *ctx)
{
	return answers == *(const unsigned *)ctx;
}

static bool has_acks(void *ctx)
{
	return rig.acks == *(const unsigned *)ctx;
}

static void ask_all(const char *state, unsigned first, unsigned n)
{
	unsigned wanted = answers + n;

	for (unsigned i = 0; i < n; i++) {
		char text[1024], client[64];
		bool is_end = state[0] == 'E';
		int size;

		clean_address(first + i, client);
		size = snprintf(text, sizeof text,
			"request=smtpd_access_policy\nprotocol_state=%s\nclient_address=%s\nclient_name=unknown\n"
			"helo_name=c.example\nserver_port=25\ninstance=b%u\nsender=s@spam.example\nrecipient=%s\n"
			"recipient_count=%u\nqueue_id=Q%u\nsasl_username=\n\n",
			state, client, first + i, is_end ? "" : TRAP, is_end, first + i);
		rig_write(smtpd[i].fd, text, (size_t)size);
	}
	if (!rig_wait(has_answers, &wanted))
		errx(1, "%u of %u questions answered", answers, wanted);
}

static void wave(unsigned first, unsigned n)
{
	unsigned wanted = rig.acks + n;

	for (unsigned i = 0; i < n; i += SMTPD) {
		ask_all("RCPT", first + i, n - i < SMTPD ? n - i : SMTPD);
		ask_all("END-OF-MESSAGE", first + i, n - i < SMTPD ? n - i : SMTPD);
	}
	for (unsigned i = 0; i < n; i++) {
		char client[64], id[32];

		clean_address(first + i, client);
		(void)snprintf(id, sizeof id, "Q%u", first + i);
		(void)rig_hit(client, id, "s@spam.example", TRAP, id);
	}
	if (!rig_wait(has_acks, &wanted))
		errx(1, "%u of %u hits acknowledged", rig.acks, wanted);
}

static double cpu_s(void)
{
	struct rusage u;

	(void)getrusage(RUSAGE_SELF, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
	       (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static double wall_s(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void connect_all(void)
{
	for (unsigned i = 0; i < SMTPD; i++) {
		smtpd[i].fd = rig_connect("policy");
		smtpd[i].watch = loop_fd(rig.host.loop, smtpd[i].fd, LOOP_READ, on_answer, NULL);
		if (!smtpd[i].watch)
			errx(1, "no memory");
	}
}

static void close_all(void)
{
	for (unsigned i = 0; i < SMTPD; i++) {
		loop_remove(smtpd[i].watch);
		(void)close(smtpd[i].fd);
	}
}

int main(int argc, char **argv)
{
	unsigned long hits = argc >= 2 ? strtoul(argv[1], NULL, 10) : 0;
	double cpu, wall;
	size_t elements;

	if (argc > 2 || hits == 0 || hits > HITS_MAX)
		errx(2, "usage: engine_hits HITS, at most %lu", HITS_MAX);
	if (rig_setup(NULL) != 0)
		err(1, "no folder");
	rig.host.conf.storage.db_size = DB_SIZE;
	rig_start();
	rig_do("{\"cmd\":\"enforce\",\"mode\":\"full\",\"force\":true}");
	connect_all();
	cpu = cpu_s();
	wall = wall_s();
	for (unsigned first = 0; first < hits; first += WAVE)
		wave(first, hits - first < WAVE ? (unsigned)(hits - first) : WAVE);
	wall = wall_s() - wall;
	cpu = cpu_s() - cpu;
	elements = rig.op_adds;
	close_all();
	if (rig_teardown(NULL) != 0 || rig.acks != hits)
		errx(1, "acknowledged %u of %lu", rig.acks, hits);
	(void)printf("hits=%lu elements=%zu hits_per_s=%.0f cpu_us=%.1f\n", hits, elements, (double)hits / wall,
		cpu * 1e6 / (double)hits);
	return elements == hits ? 0 : 1;
}
