/*
 * resolver: c-ares tells by a callback which of its sockets wait for what, and
 * is called when they are ready and, while anything is under way, at each tick
 * for its timeouts.
 * SPDX-License-Identifier: ISC
 */
#include "io/resolver.h"

#include "core/dns_packet.h"

#include <ares.h>
#include <stdlib.h>

#define TICK_MS 50
#define SOCKETS 64 /* c-ares keeps one or two a server, and TCP ones */
#define CLASS_IN 1

struct socket_watch {
	struct loop_watch *watch; /* NULL: free */
	int fd;
};

struct query {
	struct resolver *resolver;
	struct query *next, **back;
	struct dns_question question;
	resolver_fn fn; /* NULL: forgotten */
	void *ctx;
};

struct resolver {
	struct loop *loop;
	ares_channel channel;
	bool is_library, is_channel, is_closing;
	struct socket_watch socket[SOCKETS];
	struct loop_watch *tick; /* while questions are under way */
	struct query *first;
	unsigned flight;
};

static void on_socket(int fd, unsigned what, void *ctx)
{
	struct resolver *r = ctx;

	ares_process_fd(r->channel, what & LOOP_READ ? fd : ARES_SOCKET_BAD, what & LOOP_WRITE ? fd : ARES_SOCKET_BAD);
}

static void on_tick(void *ctx)
{
	struct resolver *r = ctx;

	ares_process_fd(r->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
	if (r->flight)
		return;
	loop_remove(r->tick);
	r->tick = NULL;
}

static struct socket_watch *find_socket(struct resolver *r, int fd)
{
	struct socket_watch *free_one = NULL;

	for (size_t i = 0; i < SOCKETS; i++) {
		if (r->socket[i].watch && r->socket[i].fd == fd)
			return &r->socket[i];
		if (!r->socket[i].watch && !free_one)
			free_one = &r->socket[i];
	}
	return free_one;
}

/* A socket that cannot be watched gets its answers never: the question times out. */
static void on_socket_state(void *ctx, ares_socket_t fd, int is_readable, int is_writable)
{
	struct resolver *r = ctx;
	struct socket_watch *s = find_socket(r, fd);
	unsigned what = (is_readable ? LOOP_READ : 0u) | (is_writable ? LOOP_WRITE : 0u);

	if (!s)
		return;
	if (what == 0 || (s->watch && loop_fd_want(s->watch, what) != ERR_OK)) {
		loop_remove(s->watch);
		s->watch = NULL;
	} else if (!s->watch) {
		s->watch = loop_fd(r->loop, fd, what, on_socket, r);
		s->fd = fd;
	}
}

static bool open_channel(struct resolver *r, int timeout_ms)
{
	/* search lists and HOSTALIASES would ask for other names than ours */
	struct ares_options o = { .flags = ARES_FLAG_NOSEARCH | ARES_FLAG_NOALIASES | ARES_FLAG_EDNS,
		.timeout = timeout_ms,
		.tries = RESOLVER_TRIES,
		.ednspsz = RESOLVER_EDNS,
		.sock_state_cb = on_socket_state,
		.sock_state_cb_data = r };
	int mask = ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_EDNSPSZ | ARES_OPT_SOCK_STATE_CB;

	r->is_library = ares_library_init(ARES_LIB_INIT_ALL) == ARES_SUCCESS;
	r->is_channel = r->is_library && ares_init_options(&r->channel, &o, mask) == ARES_SUCCESS;
	return r->is_channel;
}

enum err resolver_new(struct loop *l, const char *servers, int timeout_ms, struct resolver **ret)
{
	struct resolver *r = calloc(1, sizeof *r);
	enum err e = ERR_OK;

	if (!r)
		return ERR_NOMEM;
	r->loop = l;
	if (!open_channel(r, timeout_ms))
		e = ERR_NOMEM;
	else if (servers && *servers && ares_set_servers_ports_csv(r->channel, servers) != ARES_SUCCESS)
		e = ERR_SYNTAX;
	if (e == ERR_OK)
		*ret = r;
	else
		resolver_free(r);
	return e;
}

void resolver_free(struct resolver *r)
{
	if (!r)
		return;
	r->is_closing = true;
	if (r->is_channel)
		ares_destroy(r->channel); /* ends all queries: their memory is freed in on_answer */
	if (r->is_library)
		ares_library_cleanup();
	loop_remove(r->tick);
	for (size_t i = 0; i < SOCKETS; i++)
		loop_remove(r->socket[i].watch);
	free(r);
}

static void query_free(struct query *q)
{
	*q->back = q->next;
	if (q->next)
		q->next->back = q->back;
	q->resolver->flight--;
	free(q);
}

static void on_answer(void *ctx, int status, int timeouts, unsigned char *packet, int length)
{
	static struct dns_reply reply; /* large; one process, one loop */
	struct query *q = ctx;
	struct dns_question question = q->question;
	struct dns_answer none = { .result = DNS_FAILED };
	const struct dns_answer *a = &none;
	resolver_fn fn = q->resolver->is_closing ? NULL : q->fn;
	void *to = q->ctx;

	(void)timeouts;
	query_free(q);
	if (!fn)
		return;
	if (status == ARES_ENODATA || status == ARES_ENOTFOUND)
		none.result = DNS_NONE;
	else if (status == ARES_SUCCESS && packet && length > 0 &&
		 dns_packet_read(slice_of(packet, (size_t)length), &question, &reply) == ERR_OK)
		a = &reply.answer;
	fn(to, &question, a);
}

enum err resolver_ask(struct resolver *r, const struct dns_question *question, resolver_fn fn, void *ctx)
{
	struct query *q;

	if (r->flight >= RESOLVER_FLIGHT)
		return ERR_FULL;
	if (!r->tick)
		r->tick = loop_every(r->loop, TICK_MS, on_tick, r);
	q = r->tick ? calloc(1, sizeof *q) : NULL;
	if (!q)
		return ERR_NOMEM;
	*q = (struct query){
		.resolver = r, .next = r->first, .back = &r->first, .question = *question, .fn = fn, .ctx = ctx
	};
	if (q->next)
		q->next->back = &q->next;
	r->first = q;
	r->flight++;
	ares_query(r->channel, question->name, CLASS_IN, (int)question->type, on_answer, q);
	return ERR_OK;
}

void resolver_forget(struct resolver *r, const void *ctx)
{
	for (struct query *q = r->first; q; q = q->next)
		if (q->ctx == ctx)
			q->fn = NULL;
}

unsigned resolver_flight(const struct resolver *r)
{
	return r->flight;
}
