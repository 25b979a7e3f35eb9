/*
 * setup_postfix_hosts: the site's own side, which must never be blocked:
 * mynetworks, interface addresses, relayhost, own name and MX. Names are looked
 * up in a child that is killed after 2 s: no network, no wait.
 * SPDX-License-Identifier: ISC
 */
#include "base/ipaddr.h"
#include "ctl/setup_postfix_private.h"

#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <ifaddrs.h>
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

#define LOOKUP_MS 2000
#define MX_MAX 8

static void add_prefix(struct conf_list *to, const struct prefix *p, bool *ret_is_cut)
{
	char text[PREFIX_TEXT];

	(void)prefix_format(p, text);
	for (uint32_t i = 0; i < to->count; i++)
		if (strcmp(to->item[i], text) == 0)
			return;
	if (to->count == CONF_LIST) {
		*ret_is_cut = true;
		return;
	}
	(void)snprintf(to->item[to->count++], CONF_ITEM, "%s", text);
}

/* "192.0.2.0/24", "[2001:db8::]/32". */
static bool parse_text(struct slice s, struct prefix *ret)
{
	char plain[PREFIX_TEXT + 4];
	size_t n = 0;

	for (size_t i = 0; i < s.n && n < sizeof plain; i++)
		if (s.p[i] != '[' && s.p[i] != ']')
			plain[n++] = s.p[i];
	return n < sizeof plain && prefix_parse((struct slice){ plain, n }, ret) == ERR_OK;
}

/* Private addresses are never blocked anyway: the list is for the others. */
static void add_text(struct conf_list *to, struct slice s, bool *ret_is_cut)
{
	struct prefix p;

	if (parse_text(s, &p) && !ipaddr_is_private(&p.addr))
		add_prefix(to, &p, ret_is_cut);
}

static void add_sockaddr(const struct sockaddr *sa, FILE *to)
{
	char text[INET6_ADDRSTRLEN];
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;

	if (sa->sa_family == AF_INET) {
		memcpy(&v4, sa, sizeof v4);
		if (inet_ntop(AF_INET, &v4.sin_addr, text, sizeof text))
			(void)fprintf(to, "%s\n", text);
	} else if (sa->sa_family == AF_INET6) {
		memcpy(&v6, sa, sizeof v6);
		if (inet_ntop(AF_INET6, &v6.sin6_addr, text, sizeof text))
			(void)fprintf(to, "%s\n", text);
	}
}

static void look_up(const char *name, FILE *to)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	struct addrinfo *all = NULL;

	if (name[0] && getaddrinfo(name, NULL, &hints, &all) == 0)
		for (const struct addrinfo *a = all; a; a = a->ai_next)
			add_sockaddr(a->ai_addr, to);
	if (all)
		freeaddrinfo(all);
	(void)fflush(to);
}

/* Names of the MX records of domain; how many. */
static size_t find_mx(const char *domain, char name[MX_MAX][NS_MAXDNAME])
{
	unsigned char answer[4096];
	int len = res_query(domain, ns_c_in, ns_t_mx, answer, sizeof answer);
	const unsigned char *p = answer + NS_HFIXEDSZ, *end = answer + (len > 0 ? len : 0);
	unsigned count = len > NS_HFIXEDSZ ? (unsigned)answer[6] << 8 | answer[7] : 0;
	size_t n = 0;
	int used;

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

static void look_up_all(const char *const names[], size_t n, const char *domain, FILE *to)
{
	char mx[MX_MAX][NS_MAXDNAME];
	size_t count;

	for (size_t i = 0; i < n; i++)
		look_up(names[i], to);
	count = domain[0] ? find_mx(domain, mx) : 0;
	for (size_t i = 0; i < count; i++)
		look_up(mx[i], to);
}

static long ms_left(const struct timespec *start)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return LOOKUP_MS - ((now.tv_sec - start->tv_sec) * 1000 + (now.tv_nsec - start->tv_nsec) / 1000000);
}

/* What the child writes until it ends or its time is over. */
static void read_answers(int fd, struct buf *to)
{
	struct timespec start;
	ssize_t n = 1;

	(void)clock_gettime(CLOCK_MONOTONIC, &start);
	while (n > 0) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		long left = ms_left(&start);
		char chunk[1024];

		if (left <= 0 || poll(&p, 1, (int)left) <= 0)
			return;
		n = read(fd, chunk, sizeof chunk);
		if (n > 0 && buf_add(to, slice_of(chunk, (size_t)n)) != ERR_OK)
			return;
	}
}

static void look_up_bounded(
	const char *const names[], size_t n, const char *domain, struct conf_list *to, bool *ret_is_cut)
{
	struct slice all, line;
	struct buf answers;
	int fd[2];
	pid_t pid;

	if (pipe(fd) != 0)
		return;
	(void)fflush(stdout);
	pid = fork();
	if (pid == 0) {
		FILE *out = fdopen(fd[1], "w");

		(void)close(fd[0]);
		if (out)
			look_up_all(names, n, domain, out);
		_exit(0);
	}
	(void)close(fd[1]);
	buf_init(&answers, 65536);
	if (pid > 0) {
		read_answers(fd[0], &answers);
		(void)kill(pid, SIGKILL);
		(void)waitpid(pid, NULL, 0);
	}
	(void)close(fd[0]);
	all = buf_slice(&answers);
	while (slice_line(&all, &line))
		add_text(to, line, ret_is_cut);
	buf_done(&answers);
}

/* The next element of a list of Postfix. False: no more. */
static bool next_word(struct slice *rest, struct slice *ret)
{
	size_t n = 0;

	while (rest->n && strchr(" ,\t", rest->p[0]))
		*rest = slice_from(*rest, 1);
	while (n < rest->n && !strchr(" ,\t", rest->p[n]))
		n++;
	*ret = slice_head(*rest, n);
	*rest = slice_from(*rest, n);
	return n > 0;
}

static void add_words(const struct setup_instance *in, const char *name, struct conf_list *to, bool *ret_is_cut)
{
	struct slice v = setup_facts_param(in, name), word;

	while (next_word(&v, &word))
		add_text(to, word, ret_is_cut);
}

struct slice setup_hosts_unread(const struct setup_instance *in)
{
	struct slice v = setup_facts_param(in, "mynetworks"), word;
	struct prefix p;

	while (next_word(&v, &word))
		if (word.p[0] != '!' && !parse_text(word, &p)) /* what is left out of a network may stay ours */
			return word;
	return (struct slice){ "", 0 };
}

static void add_interfaces(struct conf_list *to, bool *ret_is_cut)
{
	struct ifaddrs *all = NULL;
	char *text = NULL;
	size_t n = 0;
	FILE *f = open_memstream(&text, &n);
	struct slice rest, line;

	if (f && getifaddrs(&all) == 0)
		for (const struct ifaddrs *i = all; i; i = i->ifa_next)
			if (i->ifa_addr)
				add_sockaddr(i->ifa_addr, f);
	if (all)
		freeifaddrs(all);
	if (!f || fclose(f) != 0)
		return;
	rest = slice_of(text, n);
	while (slice_line(&rest, &line))
		add_text(to, line, ret_is_cut);
	free(text);
}

/* "[relay.example]:587" to "relay.example". */
static void host_of(struct slice s, char to[CONF_ITEM])
{
	if (s.n && s.p[0] == '[') {
		s = slice_from(s, 1);
		s = slice_head(s, slice_find(s, ']'));
	} else {
		s = slice_head(s, slice_find(s, ':'));
	}
	slice_copy(s, to, CONF_ITEM);
}

void setup_hosts_find(const struct setup_instance *in, struct conf_list *to, bool *ret_is_cut)
{
	char relay[CONF_ITEM], self[CONF_ITEM], domain[CONF_ITEM];
	const char *const names[] = { relay, self };

	add_words(in, "mynetworks", to, ret_is_cut);
	add_words(in, "inet_interfaces", to, ret_is_cut);
	add_interfaces(to, ret_is_cut);
	host_of(setup_facts_param(in, "relayhost"), relay);
	slice_copy(setup_facts_param(in, "myhostname"), self, sizeof self);
	slice_copy(setup_facts_param(in, "mydomain"), domain, sizeof domain);
	look_up_bounded(names, 2, domain, to, ret_is_cut);
}
