/*
 * tls: the server's side of TLS on sockets that are already connected, behind
 * which nothing is secret: it serves clients who should not be refused for a
 * want of TLS. OpenSSL stays inside this module.
 *
 * TLS 1.2 and 1.3; no tickets, no session cache, no renegotiation, no client
 * certificates, no early data, no configuration file. After tls_setup nothing
 * is opened: fit for a role without files. SIGPIPE is the caller's to ignore.
 *
 * Memory of a connection (OpenSSL 3.0.19): TLS_BYTES. Single-threaded.
 * Owner of a tls_server and of its connections: the role tarpit.
 * SPDX-License-Identifier: ISC
 */
#ifndef IO_TLS_H
#define IO_TLS_H
#include "base/err.h"
#include "base/slice.h"

#include <stdint.h>
#include <sys/types.h>

#define TLS_TEXT 256          /* why a certificate is no good, and the remedy */
#define TLS_PEM (64u << 10)   /* bytes of a certificate or key file at most */
#define TLS_LIFE_S 172800u    /* a throw-away certificate is good for two days ... */
#define TLS_CHAIN 10          /* certificates of a site's chain at most */
#define TLS_BYTES (64u << 10) /* of one connection at most: a handshake 57 kB, a record half read 30 kB, idle 14 kB */

struct tls_server; /* a key and its certificate; goes on living while a connection uses it */
struct tls_conn;

enum tls_result {
	TLS_OK,
	TLS_READ,  /* wait until the socket can be read */
	TLS_WRITE, /* wait until it can be written */
	TLS_END,   /* the client is gone, or does not speak TLS */
};

/* Once, before the sandbox. ERR_IO. */
enum err tls_setup(void) MUST_USE;
/* A key that nobody has seen, and a certificate for it that it signed itself. host is cut to 64 bytes. ERR_IO, ERR_NOMEM. */
enum err tls_server_make(const char *host, uint64_t now_s, struct tls_server **ret) MUST_USE;
/* The site's own, PEM: certificate, its chain; key without a passphrase. ERR_SYNTAX: text says what is wrong. */
enum err tls_server_take(
	struct slice certificate, struct slice key, char text[TLS_TEXT], struct tls_server **ret) MUST_USE;
/* NULL is fine. */
void tls_server_free(struct tls_server *s);

/* The socket stays the caller's. NULL: no memory. */
struct tls_conn *tls_conn_new(const struct tls_server *s, int fd);
/* NULL is fine. Tells the client if the socket takes it at once. */
void tls_conn_free(struct tls_conn *c);
/* One step of the handshake. */
enum tls_result tls_conn_shake(struct tls_conn *c);
/* Copy what has come, leaving it there. */
enum tls_result tls_conn_peek(struct tls_conn *c, char *to, size_t size, size_t *ret_n);
/* Forget n bytes of what was peeked at last. */
enum tls_result tls_conn_drop(struct tls_conn *c, size_t n);
/*
 * Each call that sends makes one record. After TLS_WRITE the bytes of that call
 * are on their way: the next call sends on with them, whatever it is given, and
 * *ret_n counts them.
 */
enum tls_result tls_conn_send(struct tls_conn *c, struct slice s, size_t *ret_n);
/* Is there input that the socket does not show any more? */
bool tls_conn_has_input(const struct tls_conn *c);

#endif /* IO_TLS_H */
