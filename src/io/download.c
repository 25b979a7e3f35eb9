/*
 * download: libcurl makes one request at a time and never looks up a name or
 * follows a redirect by itself: each place is looked at here first, and its
 * address given (CONNECT_TO). So a redirect cannot lead from outside to an
 * address of ours, and no code of libc's resolver runs in the sandbox.
 * SPDX-License-Identifier: ISC
 */
#include "io/download.h"

#include "base/escape.h"
#include "io/gunzip.h"
#include "io/host_lookup.h"
#include "io/loop.h"

#define CURL_DISABLE_TYPECHECK
#include <curl/curl.h>

#include <dlfcn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#define CONNECT_MS 10000 /* to one address */
#define HOST_TEXT 256
#define URL_TEXT 2048

#undef curl_easy_setopt
#undef curl_easy_getinfo

static struct {
	void *library;
	__typeof__(curl_global_init) *global_init;
	__typeof__(curl_easy_init) *easy_init;
	__typeof__(curl_easy_setopt) *setopt;
	__typeof__(curl_easy_perform) *perform;
	__typeof__(curl_easy_getinfo) *getinfo;
	__typeof__(curl_easy_strerror) *strerror;
	__typeof__(curl_easy_cleanup) *cleanup;
	__typeof__(curl_slist_append) *append;
	__typeof__(curl_slist_free_all) *free_all;
	__typeof__(curl_url) *url;
	__typeof__(curl_url_set) *url_set;
	__typeof__(curl_url_get) *url_get;
	__typeof__(curl_url_cleanup) *url_cleanup;
	__typeof__(curl_free) *free;
} curl;

/* One request and its answer. */
struct request {
	const struct download_ask *ask;
	char url[URL_TEXT], scheme[16], host[HOST_TEXT];
	unsigned port;
	uint64_t end; /* clock_mono_ms */
	size_t came;
	struct buf body;
	struct download_mark mark;
	long status;
	bool is_first_local; /* the place that was asked for is at an address that is not public */
	bool has_mark;       /* asked with one */
	bool is_too_large, is_late;
	char error[CURL_ERROR_SIZE], *reason;
};

static enum err failed(struct request *r, enum err e, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
static enum err failed(struct request *r, enum err e, const char *fmt, ...)
{
	char text[2 * DOWNLOAD_REASON];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	(void)escape_text(slice_str(text), r->reason, DOWNLOAD_REASON);
	return e;
}

/* ---- the library */

enum err download_init(char reason[DOWNLOAD_REASON])
{
	const struct {
		const char *name;
		void *to;
	} needed[] = {
		{ "curl_global_init", &curl.global_init },
		{ "curl_easy_init", &curl.easy_init },
		{ "curl_easy_setopt", &curl.setopt },
		{ "curl_easy_perform", &curl.perform },
		{ "curl_easy_getinfo", &curl.getinfo },
		{ "curl_easy_strerror", &curl.strerror },
		{ "curl_easy_cleanup", &curl.cleanup },
		{ "curl_slist_append", &curl.append },
		{ "curl_slist_free_all", &curl.free_all },
		{ "curl_url", &curl.url },
		{ "curl_url_set", &curl.url_set },
		{ "curl_url_get", &curl.url_get },
		{ "curl_url_cleanup", &curl.url_cleanup },
		{ "curl_free", &curl.free },
	};

	if (curl.library)
		return ERR_OK;
	curl.library = dlopen("libcurl.so.4", RTLD_NOW | RTLD_LOCAL);
	for (size_t i = 0; curl.library && i < sizeof needed / sizeof needed[0]; i++) {
		void *symbol = dlsym(curl.library, needed[i].name);

		if (!symbol) {
			(void)dlclose(curl.library);
			curl.library = NULL;
		} else {
			memcpy(needed[i].to, &symbol, sizeof symbol);
		}
	}
	if (curl.library && host_lookup_init() == ERR_OK && curl.global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK)
		return ERR_OK;
	(void)snprintf(reason, DOWNLOAD_REASON, "libcurl.so.4 cannot be loaded (package libcurl4)");
	curl.library = NULL;
	return ERR_NOTFOUND;
}

/* ---- where it leads */

static bool url_part(CURLU *u, CURLUPart what, char *to, size_t size)
{
	char *text = NULL;
	bool is_there = curl.url_get(u, what, &text, CURLU_DEFAULT_PORT) == CURLUE_OK && strlen(text) < size;

	if (is_there)
		slice_copy(slice_str(text), to, size);
	curl.free(text);
	return is_there;
}

static bool read_url(struct request *r)
{
	CURLU *u = curl.url();
	char port[8] = "";
	bool is_good = u && curl.url_set(u, CURLUPART_URL, r->url, 0) == CURLUE_OK &&
		       url_part(u, CURLUPART_SCHEME, r->scheme, sizeof r->scheme) &&
		       url_part(u, CURLUPART_HOST, r->host, sizeof r->host) &&
		       url_part(u, CURLUPART_PORT, port, sizeof port);
	size_t n = strlen(r->host);

	curl.url_cleanup(u);
	r->port = (unsigned)strtoul(port, NULL, 10);
	if (n > 2 && r->host[0] == '[') { /* [2001:db8::1] */
		memmove(r->host, r->host + 1, n - 2);
		r->host[n - 2] = '\0';
	}
	return is_good;
}

/* was: the scheme before this one; "" at first. What began encrypted stays so. */
static bool is_scheme_allowed(const struct request *r, const char *was)
{
	if (strcasecmp(r->scheme, "https") == 0)
		return true;
	if (strcasecmp(r->scheme, "http") == 0)
		return strcasecmp(was, "https") != 0 && strcasecmp(was, "ftp") != 0;
	return r->ask->is_ftp && strcasecmp(r->scheme, "ftp") == 0 && !*was;
}

/* ---- what comes */

static size_t on_body(char *p, size_t one, size_t n, void *ctx)
{
	struct request *r = ctx;

	(void)one;
	r->came += n;
	r->is_too_large = r->came > r->ask->size;
	/* the text of an error or a redirect is not looked at */
	if (!r->is_too_large && r->status < 300)
		r->is_too_large = buf_add(&r->body, slice_of(p, n)) != ERR_OK;
	return r->is_too_large ? 0 : n;
}

static void keep_header(struct slice line, struct slice name, char *to, size_t size)
{
	struct slice value;

	if (!slice_starts_nocase(line, name))
		return;
	value = slice_trim(slice_from(line, name.n));
	if (value.n < size)
		slice_copy(value, to, size);
	for (char *c = to; *c; c++)
		if ((unsigned char)*c < ' ' || (unsigned char)*c > '~')
			to[0] = '\0'; /* it would go back in a request */
}

static size_t on_header(char *p, size_t one, size_t n, void *ctx)
{
	struct request *r = ctx;
	struct slice line = slice_of(p, n);

	(void)one;
	if (slice_starts(line, SLICE_LIT("HTTP/"))) {
		struct slice rest = line, version, status;
		char number[4];

		r->mark = (struct download_mark){ .tag = "" };
		r->status = 0;
		if (slice_word(&rest, &version) && slice_word(&rest, &status)) {
			slice_copy(status, number, sizeof number);
			r->status = strtol(number, NULL, 10);
		}
	}
	keep_header(line, SLICE_LIT("etag:"), r->mark.tag, sizeof r->mark.tag);
	keep_header(line, SLICE_LIT("last-modified:"), r->mark.modified, sizeof r->mark.modified);
	return n;
}

static int on_progress(void *ctx, curl_off_t total, curl_off_t now, curl_off_t up_total, curl_off_t up)
{
	struct request *r = ctx;

	(void)total;
	(void)now;
	(void)up_total;
	(void)up;
	r->is_late = clock_mono_ms() >= r->end;
	return r->is_late || (r->ask->is_over && atomic_load(r->ask->is_over));
}

/* ---- a request */

static struct curl_slist *add_header(struct curl_slist *l, const char *name, const char *value)
{
	char line[DOWNLOAD_TAG + 64];
	struct curl_slist *longer;

	(void)snprintf(line, sizeof line, "%s: %s", name, value);
	longer = curl.append(l, line);
	return longer ? longer : l;
}

static struct curl_slist *headers_of(struct request *r)
{
	const struct download_mark *m = &r->ask->mark;
	struct curl_slist *l = add_header(NULL, "Accept-Encoding", "gzip");

	r->has_mark = m->tag[0] || m->modified[0];
	if (m->tag[0])
		l = add_header(l, "If-None-Match", m->tag);
	if (m->modified[0])
		l = add_header(l, "If-Modified-Since", m->modified);
	return l;
}

static void set_limits(struct request *r, CURL *c)
{
	uint64_t now = clock_mono_ms();
	long left = r->end > now ? (long)(r->end - now) : 1;

	(void)curl.setopt(c, CURLOPT_TIMEOUT_MS, left);
	(void)curl.setopt(c, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
	(void)curl.setopt(c, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)r->ask->size);
	(void)curl.setopt(c, CURLOPT_FOLLOWLOCATION, 0L);
	(void)curl.setopt(c, CURLOPT_NOPROGRESS, 0L);
	(void)curl.setopt(c, CURLOPT_XFERINFOFUNCTION, on_progress);
	(void)curl.setopt(c, CURLOPT_XFERINFODATA, r);
#if LIBCURL_VERSION_NUM >= 0x075500
	(void)curl.setopt(c, CURLOPT_PROTOCOLS_STR, r->ask->is_ftp ? "http,https,ftp" : "http,https");
#else
	(void)curl.setopt(
		c, CURLOPT_PROTOCOLS, CURLPROTO_HTTP | CURLPROTO_HTTPS | (r->ask->is_ftp ? CURLPROTO_FTP : 0L));
#endif
}

static void set_options(struct request *r, CURL *c, struct curl_slist *headers, struct curl_slist *place)
{
	(void)curl.setopt(c, CURLOPT_URL, r->url);
	(void)curl.setopt(c, CURLOPT_CONNECT_TO, place);
	(void)curl.setopt(c, CURLOPT_HTTPHEADER, headers);
	(void)curl.setopt(c, CURLOPT_USERAGENT, "limetwig/" LIMETWIG_VERSION);
	(void)curl.setopt(c, CURLOPT_PROXY, "");
	(void)curl.setopt(c, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	(void)curl.setopt(c, CURLOPT_NOSIGNAL, 1L);
	(void)curl.setopt(c, CURLOPT_SSL_VERIFYPEER, 1L);
	(void)curl.setopt(c, CURLOPT_SSL_VERIFYHOST, 2L);
	(void)curl.setopt(c, CURLOPT_HTTP09_ALLOWED, 0L);
	(void)curl.setopt(c, CURLOPT_ERRORBUFFER, r->error);
	(void)curl.setopt(c, CURLOPT_WRITEFUNCTION, on_body);
	(void)curl.setopt(c, CURLOPT_WRITEDATA, r);
	(void)curl.setopt(c, CURLOPT_HEADERFUNCTION, on_header);
	(void)curl.setopt(c, CURLOPT_HEADERDATA, r);
	set_limits(r, c);
}

/* It ran out of the time for one address, and not of all that there is. */
static bool is_unconnected(const struct request *r, CURL *c, CURLcode result)
{
	curl_off_t connected_us = 0;

	(void)curl.getinfo(c, CURLINFO_CONNECT_TIME_T, &connected_us);
	return result == CURLE_OPERATION_TIMEDOUT && connected_us == 0 && !r->is_late && clock_mono_ms() < r->end;
}

static enum err result_of(struct request *r, CURL *c, CURLcode result)
{
	if (result == CURLE_OK)
		return ERR_OK;
	if (r->ask->is_over && atomic_load(r->ask->is_over))
		return failed(r, ERR_CLOSED, "broken off");
	if (r->is_too_large || result == CURLE_FILESIZE_EXCEEDED)
		return failed(r, ERR_LIMIT, "larger than %zu bytes", r->ask->size);
	if (is_unconnected(r, c, result))
		return failed(r, ERR_AGAIN, "%s: no connection within %d s", r->host, CONNECT_MS / 1000);
	if (r->is_late || result == CURLE_OPERATION_TIMEDOUT)
		return failed(r, ERR_LIMIT, "%s: not done within %llu s", r->host,
			(unsigned long long)(r->ask->limit_ms + 999) / 1000);
	return failed(r, result == CURLE_COULDNT_CONNECT ? ERR_AGAIN : ERR_IO, "%s: %s", r->host,
		r->error[0] ? r->error : curl.strerror(result));
}

/* By one address. ret_next: where it is redirected to; "". ERR_AGAIN: no connection. */
static enum err perform(struct request *r, const struct ipaddr *a, char ret_next[URL_TEXT])
{
	struct curl_slist *headers = headers_of(r), *place = NULL;
	char text[IPADDR_TEXT], to[IPADDR_TEXT + 16];
	CURL *c = curl.easy_init();
	char *next = NULL;
	enum err e = ERR_NOMEM;

	(void)snprintf(to, sizeof to, a->family == 6 ? "::[%s]:%u" : "::%s:%u", ipaddr_format(a, text), r->port);
	place = curl.append(NULL, to);
	r->error[0] = '\0';
	r->status = 0;
	r->came = 0;
	buf_reset(&r->body);
	if (c && headers && place) {
		set_options(r, c, headers, place);
		e = result_of(r, c, curl.perform(c));
		(void)curl.getinfo(c, CURLINFO_RESPONSE_CODE, &r->status);
		if (e == ERR_OK && r->status >= 300 && r->status < 400)
			(void)curl.getinfo(c, CURLINFO_REDIRECT_URL, &next);
		if (next && strlen(next) < URL_TEXT)
			slice_copy(slice_str(next), ret_next, URL_TEXT);
	}
	if (c)
		curl.cleanup(c);
	curl.free_all(headers);
	curl.free_all(place);
	return e;
}

static enum err find_addresses(struct request *r, struct ipaddr *addr, size_t *n)
{
	uint64_t now = clock_mono_ms();
	enum err e = ERR_LIMIT;

	if (r->end > now) {
		int left = r->end - now < CONNECT_MS ? (int)(r->end - now) : CONNECT_MS;

		e = host_lookup(r->host, r->ask->servers, left, addr, n);
	}
	if (e == ERR_OK)
		return e;
	return failed(r, e, "%s: %s", r->host,
		e == ERR_NOTFOUND ? "no such host"
		: e == ERR_AGAIN  ? "the DNS does not answer"
				  : err_name(e));
}

/* One place: each of its addresses until one takes the connection. */
static enum err ask_place(struct request *r, bool is_first, char ret_next[URL_TEXT])
{
	struct ipaddr addr[HOST_LOOKUP_MAX];
	size_t n = 0;
	enum err e = find_addresses(r, addr, &n);

	if (e != ERR_OK)
		return e;
	e = ERR_AGAIN;
	for (size_t i = 0; i < n && e == ERR_AGAIN; i++) {
		bool is_local = ipaddr_is_private(&addr[i]);

		if (!is_first && !r->is_first_local && is_local)
			return failed(r, ERR_DENIED, "%s: leads to an address that is not public", r->host);
		e = perform(r, &addr[i], ret_next);
		if (is_first && e != ERR_AGAIN) /* the one that answered: a name may have both kinds */
			r->is_first_local = is_local;
	}
	return e;
}

static enum err follow(struct request *r)
{
	char was[sizeof r->scheme] = "", next[URL_TEXT];

	for (unsigned i = 0; i <= DOWNLOAD_REDIRECTS; i++) {
		enum err e;

		next[0] = '\0';
		if (!read_url(r))
			return failed(r, i ? ERR_DENIED : ERR_SYNTAX, "%s is no address of a file",
				i ? "a redirect" : "this");
		if (!is_scheme_allowed(r, was))
			return failed(r, ERR_DENIED, "leads to %s: that is not allowed here", r->scheme);
		e = ask_place(r, i == 0, next);
		if (e != ERR_OK)
			return e;
		if (!next[0])
			return ERR_OK;
		slice_copy(slice_str(r->scheme), was, sizeof was);
		slice_copy(slice_str(next), r->url, sizeof r->url);
	}
	return failed(r, ERR_LIMIT, "more than %d redirects", DOWNLOAD_REDIRECTS);
}

/* 226 and the like: ftp. */
static enum err check_status(struct request *r)
{
	if (r->status == 304)
		return r->has_mark ? ERR_EXISTS
				   : failed(r, ERR_IO, "%s: answers 304 to a request without a mark", r->host);
	if (r->status == 200 || (strcasecmp(r->scheme, "ftp") == 0 && r->status >= 200 && r->status < 300))
		return ERR_OK;
	return failed(r, ERR_IO, "%s: answers %ld", r->host, r->status);
}

/* A packed file that was packed again for the way: two layers. */
static enum err unpack(struct request *r, struct buf *to)
{
	size_t cap = to->cap;

	for (unsigned layer = 0; layer < 2 && gunzip_is_packed(buf_slice(&r->body)); layer++) {
		struct buf out;
		enum err e;

		buf_init(&out, cap);
		e = gunzip_all(buf_slice(&r->body), &out);
		buf_done(&r->body);
		r->body = out;
		if (e == ERR_LIMIT)
			return failed(r, e, "unpacked it is larger than %zu bytes", cap);
		if (e != ERR_OK)
			return failed(r, e, "gzip is broken or cut off");
	}
	if (r->body.n > cap)
		return failed(r, ERR_LIMIT, "larger than %zu bytes", cap);
	buf_done(to);
	*to = r->body;
	buf_init(&r->body, 0);
	return ERR_OK;
}

enum err download_get(
	const struct download_ask *ask, struct buf *to, struct download_mark *ret, char reason[DOWNLOAD_REASON])
{
	struct request r = { .ask = ask, .end = clock_mono_ms() + ask->limit_ms, .reason = reason };
	enum err e;

	reason[0] = '\0';
	if (!curl.library || strlen(ask->url) >= sizeof r.url)
		return failed(
			&r, ERR_NOTFOUND, "%s", curl.library ? "the address is too long" : "libcurl is not there");
	slice_copy(slice_str(ask->url), r.url, sizeof r.url);
	buf_init(&r.body, ask->size);
	e = follow(&r);
	if (e == ERR_OK)
		e = check_status(&r);
	if (e == ERR_OK)
		e = unpack(&r, to);
	if (e == ERR_OK)
		*ret = r.mark;
	buf_done(&r.body);
	return e;
}
