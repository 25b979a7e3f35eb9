/*
 * test_tls: the server against OpenSSL's own client over socket pairs, both in
 * this process, step by step; and against bytes that are no TLS.
 * SPDX-License-Identifier: ISC
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "io/tls.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define STEPS 100
#define MANY 200

struct pair {
	struct tls_server *server;
	struct tls_conn *conn;
	SSL_CTX *ctx;
	SSL *client;
	int fd[2]; /* ours, the client's */
};

static uint64_t now_s(void)
{
	return (uint64_t)time(NULL);
}

static void open_sockets(int fd[2])
{
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd), 0);
}

static void open_client(struct pair *p, int version)
{
	p->ctx = SSL_CTX_new(TLS_client_method());
	assert_non_null(p->ctx);
	assert_int_equal(SSL_CTX_set_min_proto_version(p->ctx, version), 1);
	assert_int_equal(SSL_CTX_set_max_proto_version(p->ctx, version), 1);
	SSL_CTX_set_security_level(p->ctx, 0);
	p->client = SSL_new(p->ctx);
	assert_non_null(p->client);
	assert_int_equal(SSL_set_fd(p->client, p->fd[1]), 1);
	SSL_set_connect_state(p->client);
}

static void open_pair(struct pair *p, int version)
{
	*p = (struct pair){ 0 };
	assert_int_equal(tls_server_make("mx.test", now_s(), &p->server), ERR_OK);
	open_sockets(p->fd);
	p->conn = tls_conn_new(p->server, p->fd[0]);
	assert_non_null(p->conn);
	open_client(p, version);
}

static void close_pair(struct pair *p)
{
	tls_conn_free(p->conn);
	SSL_free(p->client);
	SSL_CTX_free(p->ctx);
	tls_server_free(p->server);
	(void)close(p->fd[0]);
	(void)close(p->fd[1]);
}

/* What our side came to. */
static enum tls_result shake(struct pair *p)
{
	enum tls_result r = TLS_READ;

	for (unsigned i = 0; i < STEPS && (r == TLS_READ || !SSL_is_init_finished(p->client)); i++) {
		(void)SSL_do_handshake(p->client);
		if (r != TLS_READ)
			break;
		r = tls_conn_shake(p->conn);
	}
	return r;
}

static void client_says(struct pair *p, const char *text)
{
	assert_int_equal(SSL_write(p->client, text, (int)strlen(text)), strlen(text));
}

static void expect_heard(struct pair *p, const char *text)
{
	char got[64];
	size_t n;

	assert_int_equal(tls_conn_peek(p->conn, got, sizeof got, &n), TLS_OK);
	assert_int_equal(n, strlen(text));
	assert_memory_equal(got, text, n);
}

static void test_both_versions(void **state)
{
	static const int version[] = { TLS1_2_VERSION, TLS1_3_VERSION };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct pair p;
		char got[64];
		size_t n;

		open_pair(&p, version[i]);
		assert_int_equal(tls_conn_shake(p.conn), TLS_READ);
		assert_int_equal(shake(&p), TLS_OK);
		assert_int_equal(tls_conn_peek(p.conn, got, sizeof got, &n), TLS_READ);
		client_says(&p, "EHLO a\r\nMAIL");
		expect_heard(&p, "EHLO a\r\nMAIL");
		expect_heard(&p, "EHLO a\r\nMAIL");
		assert_int_equal(tls_conn_drop(p.conn, 8), TLS_OK);
		assert_true(tls_conn_has_input(p.conn));
		expect_heard(&p, "MAIL");
		assert_int_equal(tls_conn_drop(p.conn, 4), TLS_OK);
		assert_false(tls_conn_has_input(p.conn));
		/* a record for a byte */
		for (const char *c = "250 Ok\r\n"; *c; c++) {
			assert_int_equal(tls_conn_send(p.conn, slice_of(c, 1), &n), TLS_OK);
			assert_int_equal(n, 1);
			assert_int_equal(SSL_read(p.client, got, sizeof got), 1);
			assert_int_equal(got[0], *c);
		}
		(void)SSL_shutdown(p.client);
		assert_int_equal(tls_conn_peek(p.conn, got, sizeof got, &n), TLS_END);
		close_pair(&p);
	}
}

static void test_old_version_is_refused(void **state)
{
	struct pair p;

	(void)state;
	open_pair(&p, TLS1_1_VERSION);
	assert_int_equal(shake(&p), TLS_END);
	close_pair(&p);
}

static void test_throw_away_certificate(void **state)
{
	struct pair p, q;
	char name[80];
	X509 *x, *y;

	(void)state;
	open_pair(&p, TLS1_3_VERSION);
	open_pair(&q, TLS1_3_VERSION);
	assert_int_equal(shake(&p), TLS_OK);
	assert_int_equal(shake(&q), TLS_OK);
	x = SSL_get1_peer_certificate(p.client);
	y = SSL_get1_peer_certificate(q.client);
	assert_non_null(x);
	(void)X509_NAME_get_text_by_NID(X509_get_subject_name(x), NID_commonName, name, sizeof name);
	assert_string_equal(name, "mx.test");
	assert_int_equal(EVP_PKEY_get_base_id(X509_get0_pubkey(x)), EVP_PKEY_EC);
	assert_int_equal(EVP_PKEY_get_bits(X509_get0_pubkey(x)), 256);
	assert_int_equal(X509_cmp_current_time(X509_get0_notBefore(x)), -1);
	assert_int_equal(X509_cmp_current_time(X509_get0_notAfter(x)), 1);
	assert_int_not_equal(EVP_PKEY_eq(X509_get0_pubkey(x), X509_get0_pubkey(y)), 1);
	X509_free(x);
	X509_free(y);
	close_pair(&p);
	close_pair(&q);
}

/* Names from a configuration: none, long ones. */
static void test_names(void **state)
{
	struct tls_server *s = NULL;
	char name[256];

	(void)state;
	memset(name, 'a', sizeof name);
	name[255] = '\0';
	assert_int_equal(tls_server_make(name, now_s(), &s), ERR_OK);
	tls_server_free(s);
	assert_int_equal(tls_server_make("", now_s(), &s), ERR_OK);
	tls_server_free(s);
	tls_server_free(NULL);
	tls_conn_free(NULL);
}

/* Connections that are there go on with the old key. */
static void test_renewal(void **state)
{
	struct tls_server *next;
	struct pair p;

	(void)state;
	open_pair(&p, TLS1_3_VERSION);
	assert_int_equal(tls_server_make("mx.test", now_s(), &next), ERR_OK);
	tls_server_free(p.server);
	p.server = next;
	assert_int_equal(shake(&p), TLS_OK);
	client_says(&p, "NOOP\r\n");
	expect_heard(&p, "NOOP\r\n");
	close_pair(&p);
}

static void test_nothing_is_resumed(void **state)
{
	static const int version[] = { TLS1_2_VERSION, TLS1_3_VERSION };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct pair p;
		SSL_SESSION *session;

		open_pair(&p, version[i]);
		SSL_CTX_set_session_cache_mode(p.ctx, SSL_SESS_CACHE_CLIENT);
		assert_int_equal(shake(&p), TLS_OK);
		client_says(&p, "x");
		expect_heard(&p, "x");
		session = SSL_get1_session(p.client);
		assert_false(SSL_SESSION_has_ticket(session));
		tls_conn_free(p.conn);
		SSL_free(p.client);
		SSL_CTX_free(p.ctx);
		(void)close(p.fd[0]);
		(void)close(p.fd[1]);
		open_sockets(p.fd);
		p.conn = tls_conn_new(p.server, p.fd[0]);
		open_client(&p, version[i]);
		(void)SSL_set_session(p.client, session);
		assert_int_equal(shake(&p), TLS_OK);
		assert_false(SSL_session_reused(p.client));
		SSL_SESSION_free(session);
		close_pair(&p);
	}
}

static void test_no_renegotiation(void **state)
{
	struct pair p;
	char got[64];
	size_t n;

	(void)state;
	open_pair(&p, TLS1_2_VERSION);
	assert_int_equal(shake(&p), TLS_OK);
	assert_int_equal(SSL_renegotiate(p.client), 1);
	(void)SSL_do_handshake(p.client);
	assert_int_not_equal(tls_conn_peek(p.conn, got, sizeof got, &n), TLS_OK);
	/* the client hears that it will not be */
	(void)SSL_do_handshake(p.client);
	assert_int_equal(SSL_get_state(p.client) == TLS_ST_OK, 0);
	close_pair(&p);
}

/* One record of a flood in one call: others have their turn in between. */
static void test_key_updates(void **state)
{
	struct pair p;
	char got[64];
	size_t n;

	(void)state;
	open_pair(&p, TLS1_3_VERSION);
	assert_int_equal(shake(&p), TLS_OK);
	for (unsigned i = 0; i < 20; i++) {
		assert_int_equal(SSL_key_update(p.client, SSL_KEY_UPDATE_NOT_REQUESTED), 1);
		assert_int_equal(SSL_do_handshake(p.client), 1);
	}
	client_says(&p, "QUIT\r\n");
	for (unsigned i = 0; i < 20; i++)
		assert_int_equal(tls_conn_peek(p.conn, got, sizeof got, &n), TLS_READ);
	expect_heard(&p, "QUIT\r\n");
	close_pair(&p);
}

static void test_garbage(void **state)
{
	static const char *const bytes[] = { "MAIL FROM:<a@b.test>\r\nRCPT TO:<c@d.test>\r\n",
		"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00", "\x16\x03\x01\xff\xff\x01\xff\xff\xff",
		"\x80\x2e\x01\x03\x01\x00\x15\x00\x00\x00\x10", "GET / HTTP/1.0\r\n\r\n", "\x17\x03\x03\x00\x05hello",
		"\x14\x03\x03\x00\x01\x01", "\x15\x03\x03\x00\x02\x02\x28" };
	static const size_t length[] = { 42, 10, 9, 11, 18, 10, 6, 7 };

	(void)state;
	for (size_t i = 0; i < sizeof bytes / sizeof bytes[0]; i++) {
		struct pair p;
		enum tls_result r = TLS_READ;

		open_pair(&p, TLS1_3_VERSION);
		for (size_t k = 0; k < length[i] && r == TLS_READ; k++) {
			assert_int_equal(send(p.fd[1], bytes[i] + k, 1, MSG_NOSIGNAL), 1);
			r = tls_conn_shake(p.conn);
		}
		(void)shutdown(p.fd[1], SHUT_WR);
		for (unsigned k = 0; k < STEPS && r == TLS_READ; k++)
			r = tls_conn_shake(p.conn);
		assert_int_equal(r, TLS_END);
		close_pair(&p);
	}
}

/* A client that goes away at any byte of its handshake. */
static void test_gone(void **state)
{
	char hello[4096];
	struct pair p;
	ssize_t n;

	(void)state;
	open_pair(&p, TLS1_3_VERSION);
	(void)SSL_do_handshake(p.client);
	n = recv(p.fd[0], hello, sizeof hello, 0);
	assert_true(n > 100);
	close_pair(&p);
	for (ssize_t i = 0; i < n; i += 7) {
		open_pair(&p, TLS1_3_VERSION);
		assert_int_equal(send(p.fd[1], hello, (size_t)i, MSG_NOSIGNAL), i);
		assert_int_equal(tls_conn_shake(p.conn), TLS_READ);
		(void)shutdown(p.fd[1], SHUT_RDWR);
		assert_int_equal(tls_conn_shake(p.conn), TLS_END);
		close_pair(&p);
	}
}

/* The socket is full: nothing is lost, and nothing is said twice, though what is given the next time is another text. */
static void test_full_socket(void **state)
{
	char got[256], junk[512];
	size_t n, sent = 0, heard = 0;
	enum tls_result r;
	struct pair p;

	(void)state;
	open_pair(&p, TLS1_3_VERSION);
	assert_int_equal(shake(&p), TLS_OK);
	memset(junk, 'a', sizeof junk);
	while ((r = tls_conn_send(p.conn, slice_of(junk, 100), &n)) == TLS_OK)
		sent += n;
	assert_int_equal(r, TLS_WRITE);
	assert_int_equal(tls_conn_send(p.conn, slice_of("b", 1), &n), TLS_WRITE);
	assert_int_equal(n, 0);
	for (int k; (k = SSL_read(p.client, got, sizeof got)) > 0; heard += (size_t)k)
		assert_null(memchr(got, 'b', (size_t)k));
	assert_int_equal(tls_conn_send(p.conn, slice_of("b", 1), &n), TLS_OK);
	assert_int_equal(n, 100);
	sent += n;
	assert_int_equal(tls_conn_send(p.conn, slice_of("c", 1), &n), TLS_OK);
	for (int k; (k = SSL_read(p.client, got, sizeof got)) > 0; heard += (size_t)k)
		assert_null(memchr(got, 'b', (size_t)k));
	assert_int_equal(heard, sent + 1);
	close_pair(&p);
}

/* ---- a site's own certificate */

static struct slice pem_of(BIO *b)
{
	char *p;
	long n = BIO_get_mem_data(b, &p);

	return slice_of(p, (size_t)n);
}

static void write_key(BIO *to, EVP_PKEY *key, const char *passphrase)
{
	assert_int_equal(PEM_write_bio_PrivateKey(to, key, passphrase ? EVP_aes_256_cbc() : NULL, NULL, 0, NULL,
				 (void *)(uintptr_t)passphrase),
		1);
}

static void write_certificate(BIO *to, EVP_PKEY *key)
{
	X509 *x = X509_new();

	assert_non_null(x);
	(void)X509_gmtime_adj(X509_getm_notBefore(x), 0);
	(void)X509_gmtime_adj(X509_getm_notAfter(x), 3600);
	assert_int_equal(X509_set_pubkey(x, key), 1);
	assert_true(X509_sign(x, key, EVP_sha256()) > 0);
	assert_int_equal(PEM_write_bio_X509(to, x), 1);
	X509_free(x);
}

static void test_site_certificate(void **state)
{
	EVP_PKEY *key[2] = { EVP_RSA_gen(2048), EVP_EC_gen("P-256") };
	BIO *pem[5];
	struct slice s[5], none = { NULL, 0 };
	struct tls_server *server = NULL;
	char text[TLS_TEXT];
	struct pair p;

	(void)state;
	for (size_t i = 0; i < 5; i++)
		pem[i] = BIO_new(BIO_s_mem());
	write_certificate(pem[0], key[0]);
	write_certificate(pem[0], key[1]); /* its chain */
	write_key(pem[1], key[0], NULL);
	write_key(pem[2], key[1], NULL);
	write_key(pem[3], key[0], "secret");
	for (unsigned i = 0; i < TLS_CHAIN + 2; i++)
		write_certificate(pem[4], key[0]);
	for (size_t i = 0; i < 5; i++)
		s[i] = pem_of(pem[i]);
	assert_int_equal(tls_server_take(none, s[1], text, &server), ERR_SYNTAX);
	assert_non_null(strstr(text, "tls-certificate"));
	assert_int_equal(tls_server_take(s[1], s[1], text, &server), ERR_SYNTAX);
	assert_non_null(strstr(text, "no certificate"));
	assert_int_equal(tls_server_take(s[4], s[1], text, &server), ERR_SYNTAX);
	assert_non_null(strstr(text, "more than 10"));
	assert_int_equal(tls_server_take(s[0], none, text, &server), ERR_SYNTAX);
	assert_non_null(strstr(text, "tls-key"));
	assert_int_equal(tls_server_take(s[0], s[2], text, &server), ERR_SYNTAX);
	assert_non_null(strstr(text, "does not belong"));
	assert_int_equal(tls_server_take(s[0], s[3], text, &server), ERR_SYNTAX);
	assert_non_null(strstr(text, "passphrase"));
	assert_int_equal(tls_server_take(s[0], slice_head(s[1], s[1].n / 2), text, &server), ERR_SYNTAX);
	assert_null(server);
	/* cut off in its chain: clients would be given the rest */
	assert_int_equal(tls_server_take(slice_head(s[0], s[0].n - 100), s[1], text, &server), ERR_SYNTAX);
	assert_non_null(strstr(text, "cannot be read"));
	assert_null(server);
	assert_int_equal(tls_server_take(s[0], s[1], text, &server), ERR_OK);
	open_pair(&p, TLS1_2_VERSION);
	tls_conn_free(p.conn);
	p.conn = tls_conn_new(server, p.fd[0]);
	assert_int_equal(shake(&p), TLS_OK);
	assert_int_equal(sk_X509_num(SSL_get_peer_cert_chain(p.client)), 2);
	close_pair(&p);
	tls_server_free(server);
	for (size_t i = 0; i < 5; i++)
		BIO_free(pem[i]);
	EVP_PKEY_free(key[0]);
	EVP_PKEY_free(key[1]);
}

/* ---- what it costs */

static double used_us(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static size_t heap(void)
{
	return mallinfo2().uordblks;
}

/* Our side's bytes, with the client's side of each gone: idle, in the handshake, and with a record half read. */
static void test_memory(void **state)
{
	static struct tls_conn *conn[MANY];
	static int fd[MANY][2];
	size_t before, fresh, idle, half;
	double us = 0;
	struct pair p;

	(void)state;
	open_pair(&p, TLS1_3_VERSION);
	before = heap();
	for (unsigned i = 0; i < MANY; i++) {
		open_sockets(fd[i]);
		conn[i] = tls_conn_new(p.server, fd[i][0]);
		assert_int_equal(send(fd[i][1], "\x16\x03\x01\x04\x00", 5, MSG_NOSIGNAL), 5);
		assert_int_equal(tls_conn_shake(conn[i]), TLS_READ);
	}
	fresh = (heap() - before) / MANY;
	for (unsigned i = 0; i < MANY; i++) {
		tls_conn_free(conn[i]);
		(void)close(fd[i][0]);
		(void)close(fd[i][1]);
	}
	before = heap();
	for (unsigned i = 0; i < MANY; i++) {
		struct pair q = { .server = p.server };
		double began;

		open_sockets(fd[i]);
		q.fd[0] = fd[i][0];
		q.fd[1] = fd[i][1];
		q.conn = conn[i] = tls_conn_new(p.server, fd[i][0]);
		open_client(&q, TLS1_3_VERSION);
		(void)SSL_do_handshake(q.client);
		began = used_us();
		(void)tls_conn_shake(conn[i]);
		us += used_us() - began;
		assert_int_equal(shake(&q), TLS_OK);
		SSL_set_quiet_shutdown(q.client, 1);
		SSL_free(q.client);
		SSL_CTX_free(q.ctx);
	}
	idle = (heap() - before) / MANY;
	for (unsigned i = 0; i < MANY; i++) {
		char got[8];
		size_t n;

		assert_int_equal(send(fd[i][1], "\x17\x03\x03\x40\x00half", 9, MSG_NOSIGNAL), 9);
		assert_int_equal(tls_conn_peek(conn[i], got, sizeof got, &n), TLS_READ);
	}
	half = (heap() - before) / MANY;
	print_message(
		"# bytes of a TLS connection: handshake %zu, idle %zu, record half read %zu; %.0f us CPU a handshake\n",
		fresh, idle, half, us / MANY);
	assert_true(fresh <= TLS_BYTES && idle <= TLS_BYTES && half <= TLS_BYTES);
	for (unsigned i = 0; i < MANY; i++) {
		tls_conn_free(conn[i]);
		(void)close(fd[i][0]);
		(void)close(fd[i][1]);
	}
	close_pair(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_both_versions),
		cmocka_unit_test(test_old_version_is_refused),
		cmocka_unit_test(test_throw_away_certificate),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_renewal),
		cmocka_unit_test(test_nothing_is_resumed),
		cmocka_unit_test(test_no_renegotiation),
		cmocka_unit_test(test_key_updates),
		cmocka_unit_test(test_garbage),
		cmocka_unit_test(test_gone),
		cmocka_unit_test(test_full_socket),
		cmocka_unit_test(test_site_certificate),
		cmocka_unit_test(test_memory),
	};

	(void)signal(SIGPIPE, SIG_IGN);
	assert_int_equal(tls_setup(), ERR_OK);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
