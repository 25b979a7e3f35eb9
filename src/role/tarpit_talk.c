/*
 * tarpit_talk: input is looked at in the kernel (MSG_PEEK) and taken from it
 * only as far as core/answer used it; while a reply drips, the socket is not
 * watched for input at all, and the client's window closes.
 * SPDX-License-Identifier: ISC
 */
#include "role/tarpit.h"

#include "core/lmtp_command.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#define ROUNDS 16 /* commands of one client, then others have their turn */
#define EVENTS 256

/* What the engine counts and may renew a block for. */
static void tell(struct tarpit *t, const struct tarpit_conn *c, struct slice recipient)
{
	static uint8_t bytes[MESSAGE_NAME + 2 * MESSAGE_ADDRESS + 64];
	struct wr w = wr_init(bytes, sizeof bytes);
	struct slice path = { NULL, 0 }, params;
	struct msg_answered m = { .client = c->client };

	if (lmtp_path_parse(answer_mail(&c->answer), SLICE_LIT("FROM:"), &path, &params) != ERR_OK)
		path = SLICE_LIT("");
	slice_copy(answer_helo(&c->answer), m.helo, sizeof m.helo);
	slice_copy(path, m.sender, sizeof m.sender);
	slice_copy(recipient, m.recipient, sizeof m.recipient);
	message_put_answered(&w, MSG_ANSWERED, &m);
	(void)role_host_send(t->host, ROLE_ENGINE, &w, NULL, 0); /* a full queue counts what it drops */
}

static void check_block(struct tarpit *t, struct tarpit_conn *c, uint64_t now)
{
	struct block_entry b;

	c->checked_ms = now;
	if (c->answer.state < ANSWER_STATE_HANDED && !tarpit_find(t, &c->client, &b))
		answer_release(&c->answer);
}

/* True: the socket takes no more, or nothing more is to be said now. */
static bool say(struct tarpit *t, struct tarpit_conn *c, uint64_t now, bool *ret_is_full)
{
	struct slice out;

	while ((out = answer_out(&c->answer, &t->site, now, &t->scratch)).n) {
		ssize_t n = send(c->fd, out.p, out.n, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && (errno == EAGAIN || errno == EINTR || errno == ENOBUFS || errno == ENOMEM)) {
			*ret_is_full = true;
			return true;
		}
		if (n < 0)
			return false;
		c->bytes += (uint32_t)n;
		answer_sent(&c->answer, &t->site, now, &t->scratch, (size_t)n);
	}
	return true;
}

/* True: something was read. ret_is_end: the client is gone. */
static bool hear(struct tarpit *t, struct tarpit_conn *c, uint64_t now, bool *ret_is_end)
{
	ssize_t n = recv(c->fd, t->in, sizeof t->in, MSG_PEEK | MSG_DONTWAIT);
	struct slice in, text = { NULL, 0 };
	enum answer_event e;
	size_t used;

	*ret_is_end = n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR);
	if (n <= 0)
		return false;
	check_block(t, c, now);
	in = slice_of(t->in, (size_t)n);
	e = answer_feed(&c->answer, &t->site, now, &in, &text);
	if (e == ANSWER_EVENT_RECIPIENT)
		tell(t, c, text);
	if (e == ANSWER_EVENT_HAND_THROUGH)
		answer_hand(&c->answer, false);
	used = (size_t)n - in.n;
	if (used && recv(c->fd, NULL, used, MSG_TRUNC | MSG_DONTWAIT) != (ssize_t)used)
		*ret_is_end = true; /* else the same bytes would be read again */
	return used > 0;
}

static bool want(struct tarpit *t, struct tarpit_conn *c, uint8_t what)
{
	struct epoll_event ev = { .events = what | EPOLLRDHUP, .data.u32 = c->id };

	if (!c->is_new && c->want == what)
		return true;
	if (epoll_ctl(t->epoll, c->is_new ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, c->fd, &ev) != 0)
		return false;
	c->is_new = false;
	c->want = what;
	return true;
}

static uint64_t due(const struct tarpit_conn *c, uint64_t now)
{
	uint64_t wake = answer_wake_ms(&c->answer);

	/* a full socket wakes us by itself */
	if (wake <= now)
		wake = now + TARPIT_RECHECK_MS;
	return wake < c->checked_ms + TARPIT_RECHECK_MS ? wake : c->checked_ms + TARPIT_RECHECK_MS;
}

void tarpit_talk(struct tarpit *t, struct tarpit_conn *c)
{
	uint64_t now = clock_mono_ms();
	bool is_full = false, is_end = false;

	if (now >= c->checked_ms + TARPIT_RECHECK_MS)
		check_block(t, c, now);
	for (unsigned i = 0; i < ROUNDS && !is_full && !is_end; i++) {
		if (!say(t, c, now, &is_full))
			is_end = true;
		else if (!answer_is_reading(&c->answer) || !hear(t, c, now, &is_end))
			break;
	}
	if (!is_end && !is_full && c->answer.text && !say(t, c, now, &is_full))
		is_end = true;
	if (is_end || answer_is_over(&c->answer, now) ||
		!want(t, c,
			is_full                         ? EPOLLOUT
			: answer_is_reading(&c->answer) ? EPOLLIN
							: 0))
		tarpit_conn_close(t, c);
	else
		tarpit_wheel_put(t, c, due(c, now));
}

void tarpit_on_ready(int fd, unsigned what, void *ctx)
{
	struct tarpit *t = ctx;
	struct epoll_event ev[EVENTS];
	int n = epoll_wait(fd, ev, EVENTS, 0);

	(void)what;
	for (int i = 0; i < n; i++) {
		struct tarpit_conn *c = tarpit_conn_at(t, ev[i].data.u32);

		if (c->fd < 0)
			continue; /* closed by an earlier one of these: shed */
		/* a client that only hears is gone as soon as nothing is left to be read from it */
		if (ev[i].events & (EPOLLERR | EPOLLHUP) || (ev[i].events & EPOLLRDHUP && !(c->want & EPOLLIN)))
			tarpit_conn_close(t, c);
		else
			tarpit_talk(t, c);
	}
}
