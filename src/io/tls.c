/*
 * tls: by OpenSSL 3. Input that was deciphered stays in its record (SSL_peek)
 * until it is dropped: at most one record of 16 kB, and no buffer of ours.
 * SPDX-License-Identifier: ISC
 */
#include "io/tls.h"

#include <assert.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>

#define NAME_MAX_BYTES 64 /* X.520: ub-common-name */
#define RECORD 1024       /* bytes of one record that we send */
#define BACKDATE_S 3600   /* clocks of clients go wrong */

struct tls_server {
	SSL_CTX *ctx;
};

struct tls_conn {
	SSL *ssl;
	size_t stuck; /* bytes of a record that the socket did not take whole */
};

enum err tls_setup(void)
{
	static const uint64_t options = OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_LOAD_SSL_STRINGS |
					OPENSSL_INIT_LOAD_CRYPTO_STRINGS | OPENSSL_INIT_NO_ATEXIT;
	unsigned char byte;

	/* the first random byte opens what the generator needs */
	return OPENSSL_init_ssl(options, NULL) == 1 && RAND_bytes(&byte, 1) == 1 ? ERR_OK : ERR_IO;
}

/* ---- key and certificate */

static struct tls_server *server_new(void)
{
	struct tls_server *s = calloc(1, sizeof *s);

	if (!s)
		return NULL;
	s->ctx = SSL_CTX_new(TLS_server_method());
	if (!s->ctx || SSL_CTX_set_min_proto_version(s->ctx, TLS1_2_VERSION) != 1 ||
		SSL_CTX_set_num_tickets(s->ctx, 0) != 1) {
		tls_server_free(s);
		return NULL;
	}
	(void)SSL_CTX_set_options(s->ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION);
	(void)SSL_CTX_set_session_cache_mode(s->ctx, SSL_SESS_CACHE_OFF);
	(void)SSL_CTX_set_max_send_fragment(s->ctx, RECORD);
	(void)SSL_CTX_set_mode(
		s->ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	/* a flood of records without data is not to keep us in one call */
	(void)SSL_CTX_clear_mode(s->ctx, SSL_MODE_AUTO_RETRY);
	return s;
}

static bool set_name(X509 *x, const char *host)
{
	X509_NAME *name = X509_get_subject_name(x);
	struct slice cut = slice_head(slice_str(host[0] ? host : "localhost"), NAME_MAX_BYTES);

	return X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)cut.p, (int)cut.n, -1, 0) ==
		       1 &&
	       X509_set_issuer_name(x, name) == 1;
}

static bool set_serial(X509 *x)
{
	uint64_t serial = 0;

	return RAND_bytes((unsigned char *)&serial, sizeof serial) == 1 &&
	       ASN1_INTEGER_set_uint64(X509_get_serialNumber(x), serial >> 1 | 1) == 1;
}

static X509 *certificate_of(EVP_PKEY *key, const char *host, uint64_t now_s)
{
	time_t now = (time_t)now_s;
	X509 *x = X509_new();

	if (x && X509_set_version(x, X509_VERSION_3) == 1 && set_serial(x) &&
		X509_time_adj_ex(X509_getm_notBefore(x), 0, -BACKDATE_S, &now) &&
		X509_time_adj_ex(X509_getm_notAfter(x), 0, TLS_LIFE_S, &now) && set_name(x, host) &&
		X509_set_pubkey(x, key) == 1 && X509_sign(x, key, EVP_sha256()) > 0)
		return x;
	X509_free(x);
	return NULL;
}

enum err tls_server_make(const char *host, uint64_t now_s, struct tls_server **ret)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *x = key ? certificate_of(key, host, now_s) : NULL;
	struct tls_server *s = x ? server_new() : NULL;
	enum err e = ERR_NOMEM;

	if (s) {
		bool is_good = SSL_CTX_use_certificate(s->ctx, x) == 1 && SSL_CTX_use_PrivateKey(s->ctx, key) == 1;

		e = is_good ? ERR_OK : ERR_IO;
	}
	if (e == ERR_OK)
		*ret = s;
	else
		tls_server_free(s);
	X509_free(x);
	EVP_PKEY_free(key);
	ERR_clear_error();
	return e;
}

/* Nobody is asked for a passphrase. */
static int no_passphrase(char *to, int size, int is_writing, void *ctx)
{
	(void)to;
	(void)size;
	(void)is_writing;
	(void)ctx;
	return -1;
}

static enum err use_chain(SSL_CTX *ctx, struct slice pem, char text[TLS_TEXT])
{
	BIO *in = BIO_new_mem_buf(pem.p, (int)pem.n);
	enum err e = ERR_OK;
	unsigned n = 0;

	ERR_clear_error();
	for (X509 *x; in && e == ERR_OK && (x = PEM_read_bio_X509(in, NULL, no_passphrase, NULL)); n++) {
		if (n > TLS_CHAIN || (n ? SSL_CTX_add1_chain_cert(ctx, x) : SSL_CTX_use_certificate(ctx, x)) != 1)
			e = ERR_SYNTAX;
		X509_free(x);
	}
	BIO_free(in);
	/* at its end OpenSSL looks for a further one in vain; anything else is a certificate that it cannot make out */
	if (e == ERR_OK && n && ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE) {
		(void)snprintf(text, TLS_TEXT, "tls-certificate: certificate %u in it cannot be read", n + 1);
		return ERR_SYNTAX;
	}
	if (e == ERR_OK && n)
		return ERR_OK;
	(void)snprintf(text, TLS_TEXT,
		n ? "tls-certificate: one of its certificates is too weak, or there are more than %d"
		  : "tls-certificate: no certificate in it (PEM, its own first, then the chain; at most %d)",
		TLS_CHAIN);
	return ERR_SYNTAX;
}

static enum err use_key(SSL_CTX *ctx, struct slice pem, char text[TLS_TEXT])
{
	BIO *in = BIO_new_mem_buf(pem.p, (int)pem.n);
	EVP_PKEY *key = in ? PEM_read_bio_PrivateKey(in, NULL, no_passphrase, NULL) : NULL;
	enum err e = ERR_SYNTAX;

	BIO_free(in);
	if (!key)
		(void)snprintf(text, TLS_TEXT, "tls-key: no private key in it that opens without a passphrase (PEM)");
	else if (SSL_CTX_use_PrivateKey(ctx, key) != 1 || SSL_CTX_check_private_key(ctx) != 1)
		(void)snprintf(text, TLS_TEXT, "tls-key: it does not belong to the certificate in tls-certificate");
	else
		e = ERR_OK;
	EVP_PKEY_free(key);
	return e;
}

enum err tls_server_take(struct slice certificate, struct slice key, char text[TLS_TEXT], struct tls_server **ret)
{
	struct tls_server *s = server_new();
	enum err e = ERR_SYNTAX;

	if (!s) {
		(void)snprintf(text, TLS_TEXT, "no memory");
		return ERR_NOMEM;
	}
	if (certificate.n > TLS_PEM || key.n > TLS_PEM)
		(void)snprintf(text, TLS_TEXT, "tls-certificate, tls-key: longer than %u bytes", TLS_PEM);
	else
		e = use_chain(s->ctx, certificate, text);
	if (e == ERR_OK)
		e = use_key(s->ctx, key, text);
	ERR_clear_error();
	if (e == ERR_OK)
		*ret = s;
	else
		tls_server_free(s);
	return e;
}

void tls_server_free(struct tls_server *s)
{
	if (s)
		SSL_CTX_free(s->ctx);
	free(s);
}

/* ---- a connection */

struct tls_conn *tls_conn_new(const struct tls_server *s, int fd)
{
	struct tls_conn *c = calloc(1, sizeof *c);

	if (!c)
		return NULL;
	c->ssl = SSL_new(s->ctx);
	if (!c->ssl || SSL_set_fd(c->ssl, fd) != 1) {
		SSL_free(c->ssl);
		free(c);
		ERR_clear_error();
		return NULL;
	}
	SSL_set_accept_state(c->ssl);
	return c;
}

void tls_conn_free(struct tls_conn *c)
{
	if (!c)
		return;
	ERR_clear_error();
	if (!c->stuck && SSL_is_init_finished(c->ssl))
		(void)SSL_shutdown(c->ssl);
	SSL_free(c->ssl);
	free(c);
	ERR_clear_error();
}

static enum tls_result result_of(struct tls_conn *c, int r)
{
	enum tls_result result = TLS_END;

	if (r > 0)
		return TLS_OK;
	switch (SSL_get_error(c->ssl, r)) {
	case SSL_ERROR_WANT_READ:
		result = TLS_READ;
		break;
	case SSL_ERROR_WANT_WRITE:
		result = TLS_WRITE;
		break;
	default:
		/* after an error there must be no word more to the client */
		SSL_set_quiet_shutdown(c->ssl, 1);
		break;
	}
	ERR_clear_error();
	return result;
}

enum tls_result tls_conn_shake(struct tls_conn *c)
{
	ERR_clear_error();
	return result_of(c, SSL_do_handshake(c->ssl));
}

enum tls_result tls_conn_peek(struct tls_conn *c, char *to, size_t size, size_t *ret_n)
{
	size_t n = 0;
	int r;

	ERR_clear_error();
	r = SSL_peek_ex(c->ssl, to, size, &n);
	*ret_n = r > 0 ? n : 0;
	return result_of(c, r);
}

enum tls_result tls_conn_drop(struct tls_conn *c, size_t n)
{
	char gone[512];
	size_t part;

	while (n) {
		int r;

		ERR_clear_error();
		r = SSL_read_ex(c->ssl, gone, n < sizeof gone ? n : sizeof gone, &part);
		if (r <= 0)
			return result_of(c, r);
		n -= part;
	}
	return TLS_OK;
}

enum tls_result tls_conn_send(struct tls_conn *c, struct slice s, size_t *ret_n)
{
	static const char instead[RECORD];
	size_t n = 0;
	int r;

	s = c->stuck ? slice_of(instead, c->stuck) : slice_head(s, RECORD);
	ERR_clear_error();
	r = SSL_write_ex(c->ssl, s.p, s.n, &n);
	*ret_n = r > 0 ? n : 0;
	if (r > 0) {
		c->stuck = 0;
		return TLS_OK;
	}
	switch (result_of(c, r)) {
	case TLS_WRITE:
		c->stuck = s.n;
		return TLS_WRITE;
	case TLS_READ: /* only a handshake would wait so, and there is none any more */
	case TLS_OK:
	case TLS_END:
		break;
	}
	return TLS_END;
}

bool tls_conn_has_input(const struct tls_conn *c)
{
	return SSL_pending(c->ssl) > 0;
}
