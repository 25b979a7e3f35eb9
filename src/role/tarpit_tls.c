/*
 * tarpit_tls: STARTTLS. A connection has its TLS from the 220 on, so that the
 * cap counts it; what he sent before he read the whole of it is thrown away
 * (RFC 3207: else somebody between us could have put it there). Handshakes cost
 * CPU: TARPIT_HANDSHAKES are allowed in a second, TARPIT_HELLOS begin in a tick.
 *
 * The key is thrown away after a day, or is the site's own, whose files the
 * parent opens. Whatever is wrong with them: TLS is off, the role is not.
 * SPDX-License-Identifier: ISC
 */
#include "role/tarpit.h"

#include "io/log.h"
#include "io/whole_file.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define RENEW_S 86400
#define RETRY_S 60        /* after a key could not be made */
#define THROWN (1u << 20) /* bytes thrown away at once */

/* ---- the key */

#define PEM_READ (TLS_PEM + 1) /* one more, so that a longer file is seen to be one */

/* Closes the descriptor: what was read once is not needed again. */
static size_t read_file(struct role_host *h, enum shared_file which, char *to)
{
	size_t n;

	if (h->file[which] < 0)
		return 0;
	n = whole_file_look(h->file[which], to, PEM_READ);
	(void)close(h->file[which]);
	h->file[which] = -1;
	return n;
}

static struct tls_server *take_site(struct tarpit *t)
{
	char *pem = malloc(2 * PEM_READ), text[TLS_TEXT] = "no memory";
	struct tls_server *s = NULL;
	size_t certificate, key;

	if (pem) {
		certificate = read_file(t->host, FILE_TLS_CERTIFICATE, pem);
		key = read_file(t->host, FILE_TLS_KEY, pem + PEM_READ);
		if (tls_server_take(slice_of(pem, certificate), slice_of(pem + PEM_READ, key), text, &s) != ERR_OK)
			s = NULL;
		sodium_memzero(pem, 2 * PEM_READ);
	}
	free(pem);
	if (!s)
		log_warn("tls_off",
			"reason=\"%s\" remedy=\"mend the file, then limetwig reload; or remove both keys: "
			"then a throw-away certificate serves\"",
			text);
	return s;
}

static struct tls_server *make_own(struct tarpit *t)
{
	struct tls_server *s = NULL;
	enum err e = tls_server_make(t->host_name, clock_wall_s(), &s);

	t->tls.renew_s = clock_mono_ms() / 1000 + (e == ERR_OK ? RENEW_S : RETRY_S);
	if (e != ERR_OK)
		log_warn("tls_off", "reason=\"no key: %s\"", err_name(e));
	return e == ERR_OK ? s : NULL;
}

void tarpit_tls_take(struct tarpit *t)
{
	const struct conf *c = &t->host->conf;

	tls_server_free(t->tls.server);
	t->tls.server = NULL;
	t->tls.renew_s = UINT64_MAX;
	t->state.tls_off = c->tarpit.tls && !t->tls.is_ready ? TARPIT_TLS_KEY : TARPIT_TLS_FINE;
	if (!c->tarpit.tls || !t->tls.is_ready)
		return;
	t->tls.server = c->tarpit.tls_certificate[0] ? take_site(t) : make_own(t);
	if (!t->tls.server)
		t->state.tls_off = c->tarpit.tls_certificate[0] ? TARPIT_TLS_SITE : TARPIT_TLS_KEY;
}

void tarpit_tls_start(struct tarpit *t)
{
	t->tls.is_ready = tls_setup() == ERR_OK;
	if (!t->tls.is_ready)
		log_warn("tls_off", "reason=\"OpenSSL cannot start\"");
}

void tarpit_tls_stop(struct tarpit *t)
{
	tls_server_free(t->tls.server);
	t->tls.server = NULL;
}

void tarpit_tls_second(struct tarpit *t)
{
	if (t->tls.asked >= TARPIT_HANDSHAKES)
		log_info("tls", "connections=%u text=\"so many handshakes that some heard 454\"", t->tls.count);
	t->tls.asked = 0;
	if (clock_mono_ms() / 1000 >= t->tls.renew_s)
		tarpit_tls_take(t);
}

void tarpit_tls_offer(struct tarpit *t)
{
	t->site.has_tls = t->tls.server && t->tls.count < t->tls.cap;
	t->site.is_tls_busy = t->tls.asked >= TARPIT_HANDSHAKES;
}

/* ---- a connection */

bool tarpit_tls_open(struct tarpit *t, struct tarpit_conn *c)
{
	c->tls = tls_conn_new(t->tls.server, c->fd);
	if (!c->tls)
		return false;
	t->tls.count++;
	t->tls.asked++;
	return true;
}

void tarpit_tls_close(struct tarpit *t, struct tarpit_conn *c)
{
	if (!c->tls)
		return;
	tls_conn_free(c->tls);
	c->tls = NULL;
	t->tls.count--;
}

void tarpit_tls_discard(const struct tarpit_conn *c)
{
	while (recv(c->fd, NULL, THROWN, MSG_TRUNC | MSG_DONTWAIT) == (ssize_t)THROWN)
		;
}

/* His first byte has come, and it is his turn. ret_want: else what to wait for. */
static bool may_begin(struct tarpit *t, struct tarpit_conn *c, uint8_t *ret_want, bool *ret_is_end)
{
	uint64_t tick = t->now_ms / TARPIT_TICK_MS;
	char byte;
	ssize_t n = recv(c->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);

	*ret_want = EPOLLIN;
	*ret_is_end = n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR);
	if (n <= 0)
		return false;
	if (t->tls.tick != tick) {
		t->tls.tick = tick;
		t->tls.begun = 0;
	}
	if (t->tls.begun >= TARPIT_HELLOS) {
		*ret_want = 0; /* the next tick comes to him */
		return false;
	}
	t->tls.begun++;
	c->is_begun = true;
	return true;
}

bool tarpit_tls_shake(struct tarpit *t, struct tarpit_conn *c, uint64_t now, uint8_t *ret_want)
{
	bool is_end = false;

	if (!c->is_begun && !may_begin(t, c, ret_want, &is_end))
		return !is_end;
	switch (tls_conn_shake(c->tls)) {
	case TLS_OK:
		answer_secured(&c->answer, now);
		return true;
	case TLS_READ:
		*ret_want = EPOLLIN;
		return true;
	case TLS_WRITE:
		*ret_want = EPOLLOUT;
		return true;
	case TLS_END:
		break;
	}
	return false;
}

/* ---- bytes, plain or not */

ssize_t tarpit_peek(struct tarpit_conn *c, char *to, size_t size)
{
	enum tls_result r;
	size_t n = 0;

	if (!tarpit_is_secure(c))
		return recv(c->fd, to, size, MSG_PEEK | MSG_DONTWAIT);
	r = tls_conn_peek(c->tls, to, size, &n);
	if (r == TLS_OK)
		return (ssize_t)n;
	/* to wait for room to write is what only he needs who wants new keys all the time */
	errno = r == TLS_READ ? EAGAIN : EPIPE;
	return -1;
}

bool tarpit_drop(struct tarpit_conn *c, size_t n)
{
	if (tarpit_is_secure(c))
		return tls_conn_drop(c->tls, n) == TLS_OK;
	return recv(c->fd, NULL, n, MSG_TRUNC | MSG_DONTWAIT) == (ssize_t)n;
}

ssize_t tarpit_send(struct tarpit_conn *c, struct slice s)
{
	enum tls_result r;
	size_t n = 0;

	if (!tarpit_is_secure(c))
		return send(c->fd, s.p, s.n, MSG_NOSIGNAL | MSG_DONTWAIT);
	r = tls_conn_send(c->tls, s, &n);
	if (r == TLS_OK)
		return (ssize_t)n;
	errno = r == TLS_WRITE ? EAGAIN : EPIPE;
	return -1;
}
