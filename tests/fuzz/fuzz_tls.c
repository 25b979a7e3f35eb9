/*
 * fuzz_tls: what a client sends where TLS begins, step by step. Byte 0: is the
 * rest a stream, or a certificate and a key as a site might have them?
 * SPDX-License-Identifier: ISC
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "io/tls.h"

#define STEPS 64
#define NOW 1795332000u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct tls_server *server;

static void talk(struct tls_conn *c)
{
	enum tls_result r = TLS_READ;
	char got[512];
	size_t n;

	for (unsigned i = 0; i < STEPS && r != TLS_END; i++) {
		r = tls_conn_shake(c);
		if (r != TLS_OK)
			continue;
		r = tls_conn_peek(c, got, sizeof got, &n);
		if (r == TLS_OK && n > sizeof got)
			abort();
		if (r == TLS_OK && tls_conn_drop(c, n) != TLS_OK)
			abort();
		if (r == TLS_OK)
			r = tls_conn_send(c, slice_of(got, n), &n);
		(void)tls_conn_has_input(c);
	}
}

static void stream(const uint8_t *data, size_t size, size_t step)
{
	struct tls_conn *c;
	int fd[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fd) != 0)
		abort();
	c = tls_conn_new(server, fd[0]);
	if (!c)
		abort();
	while (size) {
		size_t n = size < step ? size : step;

		if (send(fd[1], data, n, MSG_NOSIGNAL) != (ssize_t)n)
			break;
		talk(c);
		data += n;
		size -= n;
	}
	tls_conn_free(c);
	(void)close(fd[0]);
	(void)close(fd[1]);
}

/* Certificate and key stand one behind the other, a byte 0 in between. */
static void take(const uint8_t *data, size_t size)
{
	struct slice all = slice_of(data, size), certificate = slice_head(all, slice_find(all, '\0'));
	struct tls_server *s = NULL;
	char text[TLS_TEXT] = "";

	if (tls_server_take(certificate, slice_from(all, certificate.n + 1), text, &s) != ERR_OK && text[0] == '\0')
		abort();
	tls_server_free(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	if (!server && (tls_setup() != ERR_OK || tls_server_make("mx.example", NOW, &server) != ERR_OK))
		abort();
	if (data[0] & 1)
		take(data + 1, size - 1);
	else
		stream(data + 1, size - 1, (data[0] >> 1) + 1u);
	return 0;
}
