/*
 * header_speed: time to grade a message with 64 kB of header, in microseconds:
 * usual fields, one endless value, thousands of tiny fields, folded lines, and
 * fields that the tables know; then a bounce with 64 kB of body.
 *
 *	build/bench/header_speed [ROUNDS]
 *
 * The limit of the project is 200 us for 64 kB of header.
 * SPDX-License-Identifier: ISC
 */
#include "core/content_grade.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define SIZE (64u << 10)

static char text[SIZE];

static void repeat(const char *line)
{
	size_t n = strlen(line), at = 0;

	for (; at + n + 2 <= SIZE; at += n)
		memcpy(text + at, line, n);
	memset(text + at, '\n', SIZE - at);
}

static void fill_usual(void)
{
	repeat("Received: from mail.example (mx.example [192.0.2.1])\r\n\tby mx.our.example (Postfix) with ESMTP id "
	       "4X1\r\n"
	       "\tfor <someone@our.example>; Sun, 22 Nov 2026 01:05:41 +0000 (UTC)\r\n"
	       "X-Something-Long: abcdefghijklmnopqrstuvwxyz abcdefghijklmnopqrstuvwxyz abcdefghijklmnop\r\n"
	       "From: Somebody <somebody@example.net>\r\nSubject: =?utf-8?Q?R=C3=A9ponse?= x\r\nTo: x@our.example\r\n");
}

static void fill_endless(void)
{
	memset(text, 'x', SIZE);
	memcpy(text, "Subject:", 8);
}

static void fill_tiny(void)
{
	repeat("a:b\n");
}

static void fill_folded(void)
{
	repeat("\n ");
	memcpy(text, "Subject:", 8);
}

static void fill_known(void)
{
	repeat("precedence:x\n");
}

static void fill_from(void)
{
	repeat("from:x\n");
}

static void fill_body(void)
{
	repeat("This is a line of text as people write it, not too long, 76 bytes at most..\r\n");
	memcpy(text, "From: MAILER-DAEMON@mx.example\r\n\r\n", 34);
}

static const struct {
	const char *name;
	void (*fill)(void);
} runs[] = {
	{ "usual fields", fill_usual },
	{ "one endless value", fill_endless },
	{ "tiny fields", fill_tiny },
	{ "folded lines", fill_folded },
	{ "known fields", fill_known },
	{ "From fields", fill_from },
	{ "64 kB of body", fill_body },
};

static double now_us(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

int main(int argc, char **argv)
{
	int rounds = argc > 1 ? atoi(argv[1]) : 200;
	static struct content_grade g;

	for (size_t i = 0; i < sizeof runs / sizeof runs[0]; i++) {
		double best = 1e9, sum = 0;

		runs[i].fill();
		for (int k = 0; k < rounds; k++) {
			double start = now_us(), us;

			content_grade_init(&g, SLICE_LIT(""), SLICE_LIT("trap@our.example"));
			content_grade_feed(&g, slice_of(text, SIZE));
			(void)content_grade_end(&g);
			us = now_us() - start;
			best = us < best ? us : best;
			sum += us;
		}
		printf("%s\tbest_us=%.1f mean_us=%.1f\n", runs[i].name, best, rounds > 0 ? sum / rounds : 0);
	}
	return 0;
}
