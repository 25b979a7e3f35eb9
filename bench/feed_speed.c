/*
 * feed_speed: milliseconds from a list in a file to a set that can be handed
 * out: read, parsed, made the fewest prefixes, compared with the set before it,
 * laid out in shared memory. Arguments: lines, IPv4 each (default 1,000,000);
 * runs. The file is written anew in /tmp; one line in a thousand differs from
 * run to run.
 * SPDX-License-Identifier: ISC
 */
#include "core/conf_value.h"
#include "role/feed.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static double seconds(clockid_t which)
{
	struct timespec t;

	(void)clock_gettime(which, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static bool write_list(const char *path, unsigned lines, unsigned run)
{
	FILE *f = fopen(path, "w");
	uint64_t x = 88172645463325252u;

	for (unsigned i = 0; f && i < lines; i++) {
		uint32_t a;

		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		a = (uint32_t)x + (i % 1000 == 0 ? run : 0);
		(void)fprintf(f, "%u.%u.%u.%u\n", 11 + (a >> 24) % 80, a >> 16 & 255, a >> 8 & 255, a & 255);
	}
	return f && fclose(f) == 0;
}

static struct feed_spec *spec_of(const char *path)
{
	struct conf *c = calloc(1, sizeof *c);
	struct feed_spec *s = calloc(1, sizeof *s);

	if (!c || !s)
		exit(1);
	conf_defaults(c);
	s->conf = c->feed[0];
	s->conf.size = 2u << 30;
	s->parts = 1;
	slice_copy(slice_str(path), s->part[0].where, sizeof s->part[0].where);
	free(c);
	return s;
}

int main(int argc, char **argv)
{
	unsigned lines = argc > 1 ? (unsigned)atoi(argv[1]) : 1000000, runs = argc > 2 ? (unsigned)atoi(argv[2]) : 5;
	char path[] = "/tmp/feed_speed.XXXXXX";
	struct feed_set good = { .memory = AREA_MEMORY_NONE };
	struct feed_spec *s = spec_of(path);
	int fd = mkstemp(path);

	slice_copy(slice_str(path), s->part[0].where, sizeof s->part[0].where);
	for (unsigned run = 0; fd >= 0 && run < runs; run++) {
		struct feed_job *j = calloc(1, sizeof *j);
		double wall, cpu;

		if (!j || !write_list(path, lines, run))
			return 1;
		j->spec = s;
		j->good = &good;
		j->set.memory = AREA_MEMORY_NONE;
		for (unsigned i = 0; i < FEED_PARTS; i++)
			j->printed[i] = -1;
		wall = seconds(CLOCK_MONOTONIC);
		cpu = seconds(CLOCK_PROCESS_CPUTIME_ID);
		feed_job_run(j);
		if (j->reason[0])
			(void)fprintf(stderr, "feed_speed: %s\n", j->reason);
		(void)printf("lines=%u wall_ms=%.0f cpu_ms=%.0f prefixes=%llu bytes=%zu\n", lines,
			(seconds(CLOCK_MONOTONIC) - wall) * 1e3, (seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu) * 1e3,
			(unsigned long long)j->set.area.prefixes, j->set.memory.bytes);
		feed_set_close(&good);
		good = j->set;
		j->set.memory = AREA_MEMORY_NONE;
		feed_job_free(j);
	}
	feed_set_close(&good);
	free(s);
	(void)unlink(path);
	return 0;
}
