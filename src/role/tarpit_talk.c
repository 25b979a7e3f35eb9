/*
 * tarpit_talk: input is looked at in the kernel (MSG_PEEK) and taken from it
 * only as far as core/answer used it; while a reply drips, the socket is not
 * watched for input at all, and the client's window closes.
 * SPDX-License-Identifier: ISC
 */
#include "role/tarpit_hand.h"
#include "role/tarpit_sample.h"

#include "core/lmtp_command.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#define ROUNDS 16 /* commands of one client, then others have their turn */
#define EVENTS 256
#define PATIENT 0x80 /* in want: Postfix has the word, and a client that has only stopped to send waits for it */

static void check_block(const struct tarpit *t, struct tarpit_conn *c)
{
	struct block_entry b;

	if (c->answer.state < ANSWER_STATE_HANDED && !tarpit_find(t, &c->client, &b))
		answer_release(&c->answer);
}

/* True: the socket takes no more, or nothing more is to be said now. */
static bool say(struct tarpit *t, struct tarpit_conn *c, uint64_t now, bool *ret_is_full)
{
	struct slice out;

	while ((out = answer_out(&c->answer, &t->site, &c->client, now, &t->scratch)).n) {
		ssize_t n;

		if (c->answer.state == ANSWER_STATE_TLS)
			tarpit_tls_discard(c);
		n = tarpit_send(c, out);
		if (n < 0 && (errno == EAGAIN || errno == EINTR || errno == ENOBUFS || errno == ENOMEM)) {
			*ret_is_full = true;
			return true;
		}
		if (n < 0)
			return false;
		c->bytes += (uint32_t)n;
		t->state.bytes += c->answer.is_held ? (uint64_t)n : 0;
		answer_sent(&c->answer, &t->site, now, &t->scratch, (size_t)n);
	}
	return true;
}

/* True: something was read. ret_is_end: the client is gone. */
static bool hear(struct tarpit *t, struct tarpit_conn *c, uint64_t now, bool *ret_is_end)
{
	ssize_t n = tarpit_peek(c, t->in, sizeof t->in);
	struct slice in, text = { NULL, 0 };
	enum answer_event e = ANSWER_EVENT_NONE;
	size_t used;

	*ret_is_end = n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR);
	if (n <= 0)
		return false;
	check_block(t, c);
	tarpit_tls_offer(t);
	in = slice_of(t->in, (size_t)n);
	if (c->answer.state == ANSWER_STATE_HANDED)
		tarpit_hand_body(t, c, &in);
	else
		e = answer_feed(&c->answer, &t->site, now, &in, &text);
	if (e == ANSWER_EVENT_RECIPIENT)
		tarpit_tell_recipient(t, c, text);
	if (e == ANSWER_EVENT_HAND_THROUGH)
		tarpit_hand_recipient(t, c, text);
	if (e == ANSWER_EVENT_HAND_DATA)
		tarpit_hand_data(t, c);
	tarpit_hand_check(t, c);
	tarpit_sample_event(t, c, e, text);
	if (e == ANSWER_EVENT_TLS && !tarpit_tls_open(t, c))
		*ret_is_end = true;
	answer_forget_text(&c->answer);
	used = (size_t)n - in.n;
	if (used && !tarpit_drop(c, used))
		*ret_is_end = true; /* else the same bytes would be read again */
	return used > 0;
}

static bool is_reading(const struct tarpit *t, const struct tarpit_conn *c)
{
	return answer_is_reading(&c->answer) || (!c->answer.text && tarpit_hand_wants(t, c));
}

static bool want(struct tarpit *t, struct tarpit_conn *c, uint8_t what)
{
	struct epoll_event ev = { .data.u32 = c->id };

	if (c->answer.state == ANSWER_STATE_ASKING || c->answer.state == ANSWER_STATE_HANDED)
		what |= PATIENT;
	ev.events = what & PATIENT ? (uint32_t)(what - PATIENT) : what | EPOLLRDHUP;
	if (!c->is_new && c->want == what)
		return true;
	if (epoll_ctl(t->epoll, c->is_new ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, c->fd, &ev) != 0)
		return false;
	c->is_new = false;
	c->want = what;
	return true;
}

/* What he sent is with us already, or his handshake waits for its turn: no event would come. */
static bool is_soon(const struct tarpit *t, const struct tarpit_conn *c)
{
	if (answer_is_shaking(&c->answer))
		return !c->want;
	return tarpit_is_secure(c) && is_reading(t, c) && tls_conn_has_input(c->tls);
}

static uint64_t due(const struct tarpit *t, const struct tarpit_conn *c, uint64_t now)
{
	uint64_t wake = answer_wake_ms(&c->answer);

	if (is_soon(t, c))
		return now;
	/* a full socket wakes us by itself */
	return wake <= now ? now + TARPIT_FULL_MS : wake;
}

/* One exchange. True: there may be more. ret_other: to wait for, if he does not speak. */
static bool exchange(struct tarpit *t, struct tarpit_conn *c, uint64_t now, uint8_t *ret_other, bool *ret_is_end)
{
	if (answer_is_shaking(&c->answer)) {
		*ret_is_end = !tarpit_tls_shake(t, c, now, ret_other);
		return !answer_is_shaking(&c->answer);
	}
	return is_reading(t, c) && hear(t, c, now, ret_is_end);
}

void tarpit_talk(struct tarpit *t, struct tarpit_conn *c)
{
	uint64_t now = t->now_ms;
	bool is_full = false, is_end = false;
	uint8_t other = 0;

	for (unsigned i = 0; i < ROUNDS && !is_full && !is_end; i++) {
		if (!say(t, c, now, &is_full))
			is_end = true;
		else if (!exchange(t, c, now, &other, &is_end))
			break;
	}
	if (!is_end && !is_full && c->answer.text && !say(t, c, now, &is_full))
		is_end = true;
	if (is_end || answer_is_over(&c->answer, now) ||
		!want(t, c,
			is_full            ? EPOLLOUT
			: is_reading(t, c) ? EPOLLIN
					   : other))
		tarpit_conn_close(t, c);
	else
		tarpit_wheel_put(t, c, due(t, c, now));
}

void tarpit_ready(struct tarpit *t, uint64_t now_ms)
{
	struct epoll_event ev[EVENTS];
	int n = epoll_wait(t->epoll, ev, EVENTS, 0);

	t->now_ms = now_ms;
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

void tarpit_on_ready(int fd, unsigned what, void *ctx)
{
	(void)fd;
	(void)what;
	tarpit_ready(ctx, clock_mono_ms());
}
