/*
 * aliasmap: messages in, answers out, and the two-second look at files.
 * SPDX-License-Identifier: ISC
 */
#include "role/aliasmap.h"

#include "io/log.h"
#include "io/whole_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static void tick(void *ctx)
{
	struct aliasmap *a = ctx;

	aliasmap_watch_tables(a);
	if (a->round) /* the engine asks for the first round when it is ready for it */
		aliasmap_send_files(a, false);
}

static enum err start(struct role_host *h)
{
	struct aliasmap *a = calloc(1, sizeof *a);

	if (!a)
		return ERR_NOMEM;
	a->host = h;
	buf_init(&a->alias.set, POSTMAP_MAX);
	buf_init(&a->domains.set, POSTMAP_MAX);
	a->timer = loop_every(h->loop, ALIASMAP_POLL_MS, tick, a);
	h->ctx = a;
	return a->timer ? ERR_OK : ERR_NOMEM;
}

static void serve(struct role_host *h)
{
	aliasmap_watch_tables(h->ctx);
}

/* Other maps in the new configuration: what belongs in them is said anew by the engine. */
static void reloaded(struct role_host *h)
{
	struct aliasmap *a = h->ctx;

	aliasmap_watch_tables(a);
	aliasmap_send_files(a, false);
}

/* All bytes of a memfd from the engine; its size is capped before anything is read. */
static enum err read_fd(int fd, struct buf *to)
{
	struct stat st;
	off_t at = 0;
	enum err e;

	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
		return ERR_IO;
	if (st.st_size < 0 || (uint64_t)st.st_size > ALIASMAP_INPUT)
		return ERR_LIMIT;
	e = buf_reserve(to, (size_t)st.st_size);
	while (e == ERR_OK && at < st.st_size) {
		ssize_t n = pread(fd, to->p + to->n, (size_t)(st.st_size - at), at);

		if (n <= 0)
			return ERR_IO;
		to->n += (size_t)n;
		at += n;
	}
	return e;
}

static void answer(struct aliasmap *a, enum message_type t, uint32_t seq, bool is_ok, const char *text, int fd)
{
	struct msg_map_done m = { .seq = seq, .is_ok = is_ok };
	uint8_t bytes[1024];
	struct wr w = wr_init(bytes, sizeof bytes);

	slice_copy(slice_str(text), m.text, sizeof m.text);
	message_put_map_done(&w, t, &m);
	(void)role_host_send(a->host, ROLE_ENGINE, &w, &fd, fd >= 0 ? 1 : 0); /* a dead engine asks again */
}

static void map_apply(struct aliasmap *a, const struct msg_map_apply *m, struct slice lines)
{
	char text[ALIASMAP_TEXT];
	enum err e = aliasmap_apply(a, lines, m->is_full, text);

	if (text[0])
		log_warn("map_apply", "result=%s text=\"%s\"", err_name(e), text);
	answer(a, MSG_MAP_DONE, m->seq, e == ERR_OK, text, -1);
}

static void live_check(struct aliasmap *a, const struct msg_map_apply *m, struct slice addresses)
{
	char text[ALIASMAP_TEXT];
	struct buf out;
	enum err e;
	int fd;

	buf_init(&out, ALIASMAP_INPUT);
	e = aliasmap_live(&a->host->conf, addresses, &out, text);
	if (e != ERR_OK && !text[0])
		(void)snprintf(text, sizeof text, "live check: %s", err_name(e));
	fd = whole_file_memory(buf_slice(&out), true);
	answer(a, MSG_LIVE_RESULT, m->seq, e == ERR_OK && fd >= 0, text, fd);
	if (fd >= 0)
		(void)close(fd);
	buf_done(&out);
}

static void take_lines(struct aliasmap *a, enum message_type t, struct rd *body, int fd)
{
	struct msg_map_apply m;
	struct buf lines;

	if (message_get_map_apply(body, &m) != ERR_OK)
		return;
	buf_init(&lines, ALIASMAP_INPUT);
	if (read_fd(fd, &lines) != ERR_OK)
		answer(a, t == MSG_MAP_APPLY ? MSG_MAP_DONE : MSG_LIVE_RESULT, m.seq, false,
			"the list could not be read", -1);
	else if (t == MSG_MAP_APPLY)
		map_apply(a, &m, buf_slice(&lines));
	else
		live_check(a, &m, buf_slice(&lines));
	buf_done(&lines);
}

static void message(struct role_host *h, enum role peer, enum message_type t, struct rd *body, const int *fds, size_t n)
{
	struct aliasmap *a = h->ctx;

	(void)peer;
	if ((t == MSG_MAP_APPLY || t == MSG_LIVE_CHECK) && n == 1)
		take_lines(a, t, body, fds[0]);
	else if (t == MSG_REREAD)
		aliasmap_send_files(a, true);
	for (size_t i = 0; i < n; i++)
		(void)close(fds[i]);
}

const struct role_ops aliasmap_ops = {
	.start = start,
	.serve = serve,
	.message = message,
	.reloaded = reloaded,
};
