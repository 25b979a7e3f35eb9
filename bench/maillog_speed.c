/*
 * maillog_speed: lines of a mail log a second, parsed alone and parsed and
 * joined. Argument: a log, read again with new queue ids until there are LINES.
 * SPDX-License-Identifier: ISC
 */
#include "core/line_split.h"
#include "core/maillog_join.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define LINES 4000000u
#define MAX_TEXT (64u << 20)
#define NOW UINT64_C(1795298935)

static uint64_t nanoseconds(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * UINT64_C(1000000000) + (uint64_t)t.tv_nsec;
}

static struct slice text_read(const char *path)
{
	static char text[MAX_TEXT];
	FILE *f = fopen(path, "rb");
	size_t n = f ? fread(text, 1, sizeof text, f) : 0;

	if (f)
		(void)fclose(f);
	return slice_of(text, n);
}

/* Another round is another time of day's messages: queue ids differ in two of their letters. */
static void id_turn(struct slice *id, unsigned round, char to[MAILLOG_QUEUE_ID])
{
	if (id->n < 2)
		return;
	slice_copy(*id, to, MAILLOG_QUEUE_ID);
	to[0] = (char)('B' + round % 20);
	to[1] = (char)('B' + round / 20 % 20);
	*id = slice_head(slice_str(to), id->n);
}

static unsigned events_take(struct maillog_join *j)
{
	struct maillog_event ev;
	unsigned n = 0;

	while (maillog_join_next(j, &ev))
		n++;
	return n;
}

/* CPU nanoseconds a line. */
static double run(struct slice text, struct maillog_join *j, unsigned *ret_events)
{
	uint64_t start = nanoseconds();
	unsigned lines = 0;

	for (unsigned round = 0; lines < LINES; round++) {
		struct slice in = text, line;

		while (slice_line(&in, &line) && lines < LINES) {
			char id[MAILLOG_QUEUE_ID], next[MAILLOG_QUEUE_ID];
			struct maillog_line l;

			lines++;
			if (maillog_line_parse(line, NOW, 0, &l) != ERR_OK || !j)
				continue;
			l.time += round;
			id_turn(&l.queue_id, round, id);
			id_turn(&l.next_id, round, next);
			if (maillog_join_add(j, &l) == ERR_OK)
				*ret_events += events_take(j);
		}
	}
	return (double)(nanoseconds() - start) / lines;
}

int main(int argc, char **argv)
{
	static const uint8_t key[SIPHASH_KEY] = { 7 };
	struct slice text = argc == 2 ? text_read(argv[1]) : (struct slice){ 0 };
	struct maillog_join *j = maillog_join_new(key, JOIN_CAP);
	unsigned events = 0;
	double parse, both;

	if (text.n == 0 || !j) {
		(void)fprintf(stderr, "usage: maillog_speed LOG\n");
		return 2;
	}
	parse = run(text, NULL, &events);
	both = run(text, j, &events);
	(void)printf("parsed\tns=%.0f lines_s=%.0f\n", parse, 1e9 / parse);
	(void)printf("parsed and joined by queue id\tns=%.0f lines_s=%.0f events=%u\n", both, 1e9 / both, events);
	maillog_join_free(j);
	return 0;
}
