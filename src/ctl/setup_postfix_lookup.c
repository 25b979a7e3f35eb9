/*
 * setup_postfix_lookup: addresses of names, and of the MX of domains. Each name
 * has a child of its own, for glibc may wait long and cannot be told to stop;
 * they are killed together when the time is over. A child that knows all of its
 * name ends with "end": no answer is not the same as no address.
 * SPDX-License-Identifier: ISC
 */
#include "ctl/setup_postfix_private.h"

#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <netdb.h>
#include <poll.h>
#include <resolv.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define LOOKUP_MS 15000 /* glibc waits 5 s for a name server that is down: MX, then their addresses one by one */
#define MX_MAX 8
#define LINES_MAX (SETUP_LOOKUPS * (CONF_LIST + 1)) /* addresses and "end": no name takes the room of another */
#define LINE_TEXT (INET6_ADDRSTRLEN + 4)

bool setup_address_text(const struct sockaddr *sa, char text[INET6_ADDRSTRLEN])
{
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;

	if (sa->sa_family == AF_INET) {
		memcpy(&v4, sa, sizeof v4);
		return inet_ntop(AF_INET, &v4.sin_addr, text, INET6_ADDRSTRLEN) != NULL;
	}
	if (sa->sa_family == AF_INET6) {
		memcpy(&v6, sa, sizeof v6);
		return inet_ntop(AF_INET6, &v6.sin6_addr, text, INET6_ADDRSTRLEN) != NULL;
	}
	return false;
}

/* False: no answer. left: how many addresses may still be told. */
static bool look_up(const char *name, size_t number, size_t *left, FILE *to)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	char text[INET6_ADDRSTRLEN];
	struct addrinfo *all = NULL;
	int e = name[0] ? getaddrinfo(name, NULL, &hints, &all) : EAI_NONAME;

	for (const struct addrinfo *a = e == 0 ? all : NULL; a && *left > 0; a = a->ai_next)
		if (setup_address_text(a->ai_addr, text)) {
			(void)fprintf(to, "%02zu %s\n", number, text);
			--*left;
		}
	if (all)
		freeaddrinfo(all);
	return e == 0 || e == EAI_NONAME || e == EAI_NODATA || e == EAI_ADDRFAMILY;
}

/* Names of the MX records of domain; how many. */
static size_t find_mx(const char *domain, char name[MX_MAX][NS_MAXDNAME], bool *ret_answered)
{
	unsigned char answer[4096];
	int len = res_query(domain, ns_c_in, ns_t_mx, answer, sizeof answer);
	int held = len > (int)sizeof answer ? (int)sizeof answer : len; /* glibc: the whole length of a longer one */
	const unsigned char *p = answer + NS_HFIXEDSZ, *end = answer + (held > 0 ? held : 0);
	unsigned count = len > NS_HFIXEDSZ ? (unsigned)answer[6] << 8 | answer[7] : 0;
	size_t n = 0;
	int used;

	*ret_answered = len >= 0 || h_errno == HOST_NOT_FOUND || h_errno == NO_DATA;
	if (count == 0 || (used = dn_skipname(p, end)) < 0)
		return 0;
	p += used + NS_QFIXEDSZ;
	for (; count > 0 && p < end && n < MX_MAX; count--) {
		unsigned type, size;

		used = dn_skipname(p, end);
		if (used < 0 || end - (p + used) < NS_RRFIXEDSZ)
			break;
		p += used;
		type = (unsigned)p[0] << 8 | p[1];
		size = (unsigned)p[8] << 8 | p[9];
		p += NS_RRFIXEDSZ;
		if (end - p < (long)size)
			break;
		if (type == ns_t_mx && size > 2 && dn_expand(answer, end, p + 2, name[n], NS_MAXDNAME) > 0)
			n++;
		p += size;
	}
	return n;
}

static bool look_up_mx(const char *domain, size_t number, size_t *left, FILE *to)
{
	char mx[MX_MAX][NS_MAXDNAME];
	bool is_answered;
	size_t count = find_mx(domain, mx, &is_answered);

	for (size_t i = 0; i < count; i++)
		is_answered &= look_up(mx[i], number, left, to);
	return is_answered;
}

/* 0: it could not be started. */
static pid_t start(const struct setup_lookup *l, size_t number, const int fd[2])
{
	size_t left = CONF_LIST;
	pid_t pid = fork();
	FILE *to;

	if (pid != 0)
		return pid > 0 ? pid : 0;
	(void)close(fd[0]);
	to = fdopen(fd[1], "w");
	if (!to || setvbuf(to, NULL, _IOLBF, 0) != 0) /* a line a write: they do not mix in the pipe */
		_exit(1);
	if (l->is_mx ? look_up_mx(l->name, number, &left, to) : look_up(l->name, number, &left, to))
		(void)fprintf(to, "%02zu end\n", number);
	_exit(0);
}

static long ms_left(const struct timespec *start_time)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return LOOKUP_MS - ((now.tv_sec - start_time->tv_sec) * 1000 + (now.tv_nsec - start_time->tv_nsec) / 1000000);
}

/* What the children write until all have ended or their time is over. */
static void read_answers(int fd, struct buf *to)
{
	struct timespec start_time;
	ssize_t n = 1;

	(void)clock_gettime(CLOCK_MONOTONIC, &start_time);
	while (n > 0) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		long left = ms_left(&start_time);
		char chunk[1024];

		if (left <= 0 || poll(&p, 1, (int)left) <= 0)
			return;
		n = read(fd, chunk, sizeof chunk);
		if (n > 0 && buf_add(to, slice_of(chunk, (size_t)n)) != ERR_OK)
			return;
	}
}

static int compare(const void *a, const void *b)
{
	const struct slice *x = a, *y = b;
	int c = memcmp(x->p, y->p, x->n < y->n ? x->n : y->n);

	return c ? c : (x->n > y->n) - (x->n < y->n);
}

/* "07 end": name 7 is known whole. False: the line is something else. */
static bool take_end(struct slice line, struct setup_lookup *l, size_t n)
{
	size_t number = (size_t)(line.p[0] - '0') * 10 + (size_t)(line.p[1] - '0');

	if (!slice_eq(slice_from(line, 3), SLICE_LIT("end")))
		return false;
	if (number < n)
		l[number].is_known = true;
	return true;
}

/* By name, then by address, however the DNS turns them; each once. */
static enum err sort_answers(struct slice all, struct setup_lookup *l, size_t max, struct buf *to)
{
	struct slice line[LINES_MAX];
	enum err e = ERR_OK;
	size_t n = 0;

	while (n < LINES_MAX && slice_line(&all, &line[n]))
		n += line[n].n > 3 && !take_end(line[n], l, max);
	qsort(line, n, sizeof line[0], compare);
	for (size_t i = 0; i < n && e == ERR_OK; i++)
		if (i == 0 || !slice_eq(line[i], line[i - 1]))
			e = buf_printf(to, "%.*s\n", SLICE_ARG(line[i]));
	return e;
}

void setup_lookup_run(struct setup_lookup *l, size_t n, struct buf *to)
{
	pid_t pid[SETUP_LOOKUPS];
	struct buf answers;
	int fd[2];

	buf_init(to, LINES_MAX * LINE_TEXT);
	if (pipe(fd) != 0)
		return;
	(void)fflush(stdout);
	for (size_t i = 0; i < n; i++)
		pid[i] = start(&l[i], i, fd);
	(void)close(fd[1]);
	buf_init(&answers, LINES_MAX * LINE_TEXT);
	read_answers(fd[0], &answers);
	(void)close(fd[0]);
	for (size_t i = 0; i < n; i++)
		if (pid[i]) {
			(void)kill(pid[i], SIGKILL);
			(void)waitpid(pid[i], NULL, 0);
		}
	if (sort_answers(buf_slice(&answers), l, n, to) != ERR_OK)
		for (size_t i = 0; i < n; i++)
			l[i].is_known = false;
	buf_done(&answers);
}
