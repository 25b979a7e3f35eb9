/*
 * fetch: the order of things. The addresses of the resolvers are read before
 * the sandbox closes; after that the role has sockets and no files.
 * SPDX-License-Identifier: ISC
 */
#include "role/fetch.h"

#include "io/log.h"

#include <sodium.h>
#include <stdlib.h>

#define STATE_MS 10000
#define SERVERS (CONF_LIST * (CONF_ITEM + 3))

/* As c-ares wants them: parted by commas, IPv6 with a port in brackets as people write it. */
static void servers_text(const struct conf_list *l, char to[SERVERS])
{
	size_t n = 0;

	to[0] = '\0';
	for (uint32_t i = 0; i < l->count; i++) {
		struct slice s = slice_str(l->item[i]);

		if (n)
			to[n++] = ',';
		slice_copy(s, to + n, CONF_ITEM);
		n += s.n;
	}
}

static enum err fetch_start(struct role_host *h)
{
	static char servers[SERVERS];
	struct fetch *f = calloc(1, sizeof *f);
	enum err e;

	if (!f)
		return ERR_NOMEM;
	if (sodium_init() < 0) {
		free(f);
		return ERR_IO;
	}
	h->ctx = f;
	f->host = h;
	servers_text(&h->conf.fetch.resolvers, servers);
	e = resolver_new(h->loop, servers, RESOLVER_TIMEOUT_MS, &f->resolver);
	if (e != ERR_OK)
		return e;
	f->spf = fetch_spf_new(f);
	f->lists = fetch_lists_new(f);
	return f->spf && f->lists ? ERR_OK : ERR_NOMEM;
}

static void on_test(void *ctx)
{
	fetch_lists_test(ctx);
}

static void on_state(void *ctx)
{
	fetch_lists_report(ctx);
}

static void fetch_serve(struct role_host *h)
{
	struct fetch *f = h->ctx;

	f->test = loop_every(h->loop, h->conf.fetch.test_s * 1000, on_test, f);
	f->state = loop_every(h->loop, STATE_MS, on_state, f);
	if (!f->test || !f->state) {
		role_host_give_up(h, ERR_NOMEM); /* before the loop runs a loop_stop is lost */
		return;
	}
	fetch_lists_test(f);
}

static void fetch_linked(struct role_host *h, enum role peer)
{
	if (peer == ROLE_ENGINE)
		fetch_lists_report(h->ctx);
}

static void fetch_unlinked(struct role_host *h, enum role peer)
{
	if (peer != ROLE_ENGINE)
		return;
	fetch_spf_drop(h->ctx);
	fetch_lists_drop(h->ctx);
}

static void fetch_message(
	struct role_host *h, enum role peer, enum message_type t, struct rd *body, const int *fds, size_t n)
{
	struct msg_spf_ask spf;
	struct msg_dns_ask dns;

	(void)fds;
	(void)n;
	if (peer != ROLE_ENGINE)
		return;
	if (t == MSG_SPF_WALK && message_get_spf_ask(body, &spf) == ERR_OK)
		fetch_spf_walk(h->ctx, &spf);
	else if (t == MSG_SPF_CHECK && message_get_spf_ask(body, &spf) == ERR_OK)
		fetch_spf_check(h->ctx, &spf);
	else if (t == MSG_DNS_ASK && message_get_dns_ask(body, &dns) == ERR_OK)
		fetch_lists_ask(h->ctx, &dns);
}

static void fetch_stop(struct role_host *h)
{
	struct fetch *f = h->ctx;

	resolver_free(f->resolver);
	fetch_spf_free(f->spf);
	fetch_lists_free(f->lists);
	loop_remove(f->test);
	loop_remove(f->state);
	*f = (struct fetch){ .host = h };
	loop_stop(h->loop);
}

const struct role_ops fetch_ops = {
	.start = fetch_start,
	.serve = fetch_serve,
	.linked = fetch_linked,
	.unlinked = fetch_unlinked,
	.message = fetch_message,
	.stop = fetch_stop,
};
