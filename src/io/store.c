/*
 * store: opening, reading, copying and checking. The writer is in store_writer.c.
 * SPDX-License-Identifier: ISC
 */
#include "io/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/wire.h"
#include "io/store_file.h"
#include "io/store_private.h"

#define MAX_READERS 16
#define PATH_TEXT 4096
#define FULL_KEY (STORE_KEY_MAX + 1)
#define AHEAD 16        /* pairs of a scan that are on their way into the cache */
#define AHEAD_BYTES 192 /* of each value */

static const char version_name[] = "version";

int store_env_open(struct store *s)
{
	MDB_env *env;
	MDB_txn *txn = NULL;
	int dead, rc = mdb_env_create(&env);

	if (rc)
		return rc;
	/* NOTLS: a reader belongs to its transaction, not to a thread. */
	if ((rc = mdb_env_set_mapsize(env, s->size)) || (rc = mdb_env_set_maxreaders(env, MAX_READERS)) ||
		(rc = mdb_env_open(env, s->dir, MDB_NOTLS, 0600)) || (rc = mdb_reader_check(env, &dead)) ||
		(rc = mdb_txn_begin(env, NULL, MDB_RDONLY, &txn)) || (rc = mdb_dbi_open(txn, NULL, 0, &s->dbi))) {
		mdb_txn_abort(txn);
		mdb_env_close(env);
		return rc;
	}
	mdb_txn_reset(txn);
	s->reader = txn;
	s->env = env;
	return 0;
}

void store_env_close(struct store *s)
{
	if (!s->env)
		return;
	mdb_txn_abort(s->reader);
	mdb_env_close(s->env);
	s->reader = NULL;
	s->env = NULL;
}

/* Held until the descriptor is closed, by the end of the process at the latest. */
static enum err lock_dir(const char *dir, int *ret_fd, char *text, size_t text_size)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	enum err e = ERR_IO;

	if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0) {
		*ret_fd = fd;
		return ERR_OK;
	}
	if (fd >= 0 && errno == EWOULDBLOCK) {
		(void)snprintf(text, text_size, "%s: in use by another process", dir);
		e = ERR_DENIED;
	} else {
		(void)snprintf(text, text_size, "%s: %s", dir, strerror(errno));
	}
	if (fd >= 0)
		close(fd);
	return e;
}

static enum err data_path(const char *dir, char to[PATH_TEXT], char *text, size_t text_size)
{
	int n = snprintf(to, PATH_TEXT, "%s/" STORE_NAME_DATA, dir);

	if (n > 0 && n < PATH_TEXT)
		return ERR_OK;
	(void)snprintf(text, text_size, "path of the store is too long");
	return ERR_LIMIT;
}

static bool is_empty(struct store *s)
{
	MDB_stat stat;

	return mdb_txn_renew(s->reader) == 0 && mdb_stat(s->reader, s->dbi, &stat) == 0 && stat.ms_entries == 0;
}

static int write_version(struct store *s)
{
	MDB_txn *txn;
	char name[sizeof version_name] = { TABLE_META };
	uint8_t bytes[4];
	struct wr w = wr_init(bytes, sizeof bytes);
	MDB_val key = { sizeof name, name }, value = { sizeof bytes, bytes };
	int rc = mdb_txn_begin(s->env, NULL, 0, &txn);

	if (rc)
		return rc;
	memcpy(name + 1, version_name, sizeof name - 1);
	wr_u32(&w, STORE_VERSION);
	rc = mdb_put(txn, s->dbi, &key, &value, 0);
	if (rc) {
		mdb_txn_abort(txn);
		return rc;
	}
	return mdb_txn_commit(txn);
}

static enum err check_version(struct store *s, char *text, size_t text_size)
{
	uint8_t bytes[4];
	size_t n;
	struct rd r;
	uint32_t version;
	int rc;
	bool empty = is_empty(s);

	mdb_txn_reset(s->reader);
	if (empty) {
		rc = write_version(s);
		if (rc)
			(void)snprintf(text, text_size, "%s: cannot write: %s", s->dir, mdb_strerror(rc));
		return rc == 0 ? ERR_OK : rc == ENOSPC || rc == MDB_MAP_FULL ? ERR_FULL : ERR_IO;
	}
	if (store_get(s, TABLE_META, slice_str(version_name), bytes, sizeof bytes, &n) != ERR_OK || n != sizeof bytes) {
		(void)snprintf(text, text_size, "%s: not a store of limetwig (it names no version)", s->dir);
		return ERR_SYNTAX;
	}
	r = rd_init(bytes, n);
	version = rd_u32(&r);
	if (version >= 1 && version <= STORE_VERSION)
		return ERR_OK;
	if (version == 0) {
		(void)snprintf(text, text_size, "%s: it names version 0, which no limetwig wrote", s->dir);
		return ERR_VERSION;
	}
	(void)snprintf(text, text_size, "%s: written by a newer limetwig (store version %u, this one reads up to %u)",
		s->dir, version, STORE_VERSION);
	return ERR_VERSION;
}

static enum err open_locked(struct store *s, char *text, size_t text_size)
{
	char path[PATH_TEXT];
	enum err e = data_path(s->dir, path, text, text_size);
	int rc;

	if (e == ERR_OK)
		e = store_file_check_start(path, text, text_size);
	if (e != ERR_OK && e != ERR_NOTFOUND)
		return e;
	rc = store_env_open(s);
	if (rc) {
		(void)snprintf(text, text_size, "%s: cannot open: %s", s->dir, mdb_strerror(rc));
		return rc == MDB_INVALID || rc == MDB_VERSION_MISMATCH || rc == MDB_CORRUPTED ? ERR_SYNTAX
		       : rc == ENOSPC                                                         ? ERR_FULL
											      : ERR_IO;
	}
	return check_version(s, text, text_size);
}

enum err store_open(const char *dir, uint64_t size, struct store **ret, char *text, size_t text_size)
{
	struct store *s = calloc(1, sizeof *s);
	enum err e = ERR_NOMEM;

	(void)snprintf(text, text_size, "out of memory");
	if (!s)
		return e;
	s->dir_fd = s->event_fd = -1;
	s->size = size;
	s->dir = strdup(dir);
	e = s->dir ? store_writer_init(s) : ERR_NOMEM;
	if (e == ERR_OK && mkdir(dir, 0700) != 0 && errno != EEXIST) {
		(void)snprintf(text, text_size, "%s: %s", dir, strerror(errno));
		e = ERR_IO;
	}
	if (e == ERR_OK)
		e = lock_dir(dir, &s->dir_fd, text, text_size);
	if (e == ERR_OK)
		e = open_locked(s, text, text_size);
	if (e != ERR_OK) {
		store_close(s);
		return e;
	}
	*ret = s;
	return ERR_OK;
}

void store_close(struct store *s)
{
	if (!s)
		return;
	store_writer_done(s);
	store_env_close(s);
	if (s->dir_fd >= 0)
		close(s->dir_fd);
	free(s->dir);
	free(s);
}

static bool full_key(enum table t, struct slice key, char to[FULL_KEY], MDB_val *ret)
{
	if (key.n > STORE_KEY_MAX)
		return false;
	to[0] = (char)t;
	if (key.n)
		memcpy(to + 1, key.p, key.n);
	*ret = (MDB_val){ key.n + 1, to };
	return true;
}

/* Shares the map and starts reading; end_read always follows. */
static enum err begin_read(struct store *s)
{
	pthread_rwlock_rdlock(&s->map);
	return s->env && mdb_txn_renew(s->reader) == 0 ? ERR_OK : ERR_IO;
}

static void end_read(struct store *s)
{
	if (s->env)
		mdb_txn_reset(s->reader);
	pthread_rwlock_unlock(&s->map);
}

enum err store_get(struct store *s, enum table t, struct slice key, void *to, size_t size, size_t *ret_n)
{
	char bytes[FULL_KEY];
	MDB_val k, v;
	enum err e;
	int rc;

	if (!full_key(t, key, bytes, &k))
		return ERR_NOTFOUND;
	e = begin_read(s);
	if (e == ERR_OK) {
		rc = mdb_get(s->reader, s->dbi, &k, &v);
		e = rc == 0 ? ERR_OK : rc == MDB_NOTFOUND ? ERR_NOTFOUND : ERR_IO;
	}
	if (e == ERR_OK && v.mv_size > size)
		e = ERR_LIMIT;
	if (e == ERR_OK) {
		if (v.mv_size)
			memcpy(to, v.mv_data, v.mv_size);
		*ret_n = v.mv_size;
	}
	end_read(s);
	return e;
}

uint64_t store_pairs(struct store *s)
{
	MDB_stat stat;
	uint64_t n = 0;

	if (begin_read(s) == ERR_OK && mdb_stat(s->reader, s->dbi, &stat) == 0)
		n = stat.ms_entries;
	end_read(s);
	return n;
}

struct scan {
	MDB_cursor *cursor;
	bool is_back;
	char head[FULL_KEY]; /* with the tag */
	size_t head_n;
	MDB_val key, value;
	struct {
		MDB_val key, value;
	} ahead[AHEAD]; /* ring: from first, count long; good until the end of the transaction */
	size_t first, count;
};

/* The first key behind all that start with the head; a tag is never 0xff, so there is one. */
static MDB_val key_behind(const struct scan *c, char to[FULL_KEY])
{
	size_t n = c->head_n;

	memcpy(to, c->head, n);
	while ((unsigned char)to[n - 1] == 0xff)
		n--;
	to[n - 1]++;
	return (MDB_val){ n, to };
}

static int compare(const MDB_val *a, const MDB_val *b)
{
	size_t n = a->mv_size < b->mv_size ? a->mv_size : b->mv_size;
	int d = memcmp(a->mv_data, b->mv_data, n);

	return d ? d : (a->mv_size > b->mv_size) - (a->mv_size < b->mv_size);
}

/* Onto the first pair in the scan's direction; from: where to start, may be empty. */
static int scan_first(struct scan *c, MDB_val from)
{
	char bytes[FULL_KEY];
	MDB_val bound;
	int rc;

	if (!c->is_back) {
		bound = (MDB_val){ c->head_n, c->head };
		c->key = from.mv_size > 1 && compare(&from, &bound) > 0 ? from : bound;
		return mdb_cursor_get(c->cursor, &c->key, &c->value, MDB_SET_RANGE);
	}
	bound = key_behind(c, bytes);
	if (from.mv_size > 1 && compare(&from, &bound) < 0)
		bound = from;
	c->key = bound;
	rc = mdb_cursor_get(c->cursor, &c->key, &c->value, MDB_SET_RANGE);
	if (rc == MDB_NOTFOUND)
		return mdb_cursor_get(c->cursor, &c->key, &c->value, MDB_LAST);
	if (rc == 0 && (bound.mv_data != from.mv_data || compare(&c->key, &from) != 0))
		return mdb_cursor_get(c->cursor, &c->key, &c->value, MDB_PREV);
	return rc;
}

/* The pair at the cursor waits in the ring while its value comes from memory; the cursor goes on. */
static int look_ahead(struct scan *c)
{
	size_t i = (c->first + c->count++) % AHEAD;

	c->ahead[i].key = c->key;
	c->ahead[i].value = c->value;
	for (size_t at = 0; at < c->value.mv_size && at < AHEAD_BYTES; at += 64)
		__builtin_prefetch((const char *)c->value.mv_data + at);
	return mdb_cursor_get(c->cursor, &c->key, &c->value, c->is_back ? MDB_PREV : MDB_NEXT);
}

/* A walk over a million pairs mostly waits for memory: so many are fetched at once. One of a few does not look far. */
static int scan_run(struct scan *c, MDB_val from, store_fn fn, void *ctx)
{
	struct slice head = { c->head, c->head_n };
	int rc = scan_first(c, from);
	size_t most = 1;
	bool is_on = true;

	while (is_on) {
		while (rc == 0 && c->count < most && slice_starts(slice_of(c->key.mv_data, c->key.mv_size), head))
			rc = look_ahead(c);
		if (c->count == 0)
			break;
		is_on = fn(slice_from(slice_of(c->ahead[c->first].key.mv_data, c->ahead[c->first].key.mv_size), 1),
			slice_of(c->ahead[c->first].value.mv_data, c->ahead[c->first].value.mv_size), ctx);
		c->first = (c->first + 1) % AHEAD;
		c->count--;
		most += most < AHEAD;
	}
	return rc == MDB_NOTFOUND ? 0 : rc;
}

enum err store_scan(
	struct store *s, enum table t, struct slice head, struct slice from, bool is_back, store_fn fn, void *ctx)
{
	struct scan c = { .is_back = is_back };
	char from_bytes[FULL_KEY];
	MDB_val head_key, from_key;
	enum err e;

	if (!full_key(t, head, c.head, &head_key) || !full_key(t, from, from_bytes, &from_key))
		return ERR_LIMIT;
	c.head_n = head_key.mv_size;
	e = begin_read(s);
	if (e == ERR_OK && mdb_cursor_open(s->reader, s->dbi, &c.cursor) != 0)
		e = ERR_IO;
	if (e == ERR_OK) {
		e = scan_run(&c, from_key, fn, ctx) == 0 ? ERR_OK : ERR_IO;
		mdb_cursor_close(c.cursor);
	}
	end_read(s);
	return e;
}

enum err store_backup(struct store *s, int fd)
{
	int rc = MDB_PANIC;

	pthread_rwlock_rdlock(&s->map);
	if (s->env)
		rc = mdb_env_copyfd2(s->env, fd, MDB_CP_COMPACT);
	pthread_rwlock_unlock(&s->map);
	if (rc == 0 && fsync(fd) != 0 && errno != EINVAL && errno != EROFS)
		rc = errno;
	return rc == 0 ? ERR_OK : rc == ENOSPC ? ERR_FULL : ERR_IO;
}

static enum err check_pairs(
	MDB_txn *txn, MDB_dbi dbi, store_check_fn check, uint64_t *good, uint64_t *bad, char *text, size_t text_size)
{
	MDB_cursor *cursor = NULL;
	MDB_val key, value;
	int rc = mdb_cursor_open(txn, dbi, &cursor);

	if (rc == 0)
		rc = mdb_cursor_get(cursor, &key, &value, MDB_FIRST);
	while (rc == 0) {
		const unsigned char *k = key.mv_data;
		struct slice rest = slice_of(k + 1, key.mv_size ? key.mv_size - 1 : 0);

		if (key.mv_size && check((enum table)k[0], rest, slice_of(value.mv_data, value.mv_size)))
			++*good;
		else if (++*bad == 1) /* not the key: it may be a trap */
			(void)snprintf(text, text_size, "table %c: entry %llu of the store is malformed",
				key.mv_size && k[0] >= 'A' && k[0] <= 'Z' ? k[0] : '?',
				(unsigned long long)(*good + 1));
		rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
	}
	if (cursor)
		mdb_cursor_close(cursor);
	if (rc != MDB_NOTFOUND) {
		(void)snprintf(text, text_size, "cannot read: %s", mdb_strerror(rc));
		return ERR_SYNTAX;
	}
	return *bad ? ERR_SYNTAX : ERR_OK;
}

static enum err check_locked(
	struct store *s, store_check_fn check, uint64_t *good, uint64_t *bad, char *text, size_t text_size)
{
	char path[PATH_TEXT];
	enum err e = data_path(s->dir, path, text, text_size);
	int rc;

	if (e == ERR_OK)
		e = store_file_check_pages(path, text, text_size);
	if (e == ERR_NOTFOUND)
		(void)snprintf(text, text_size, "%s: there is no store", s->dir);
	if (e != ERR_OK)
		return e;
	rc = store_env_open(s);
	if (rc == 0)
		rc = mdb_txn_renew(s->reader);
	if (rc) {
		(void)snprintf(text, text_size, "%s: cannot open: %s", s->dir, mdb_strerror(rc));
		return ERR_IO;
	}
	return check_pairs(s->reader, s->dbi, check, good, bad, text, text_size);
}

enum err store_check(
	const char *dir, store_check_fn check, uint64_t *ret_good, uint64_t *ret_bad, char *text, size_t text_size)
{
	struct store s = { .dir_fd = -1 };
	uint64_t good = 0, bad = 0;
	enum err e;

	text[0] = '\0';
	s.dir = strdup(dir);
	e = s.dir ? lock_dir(dir, &s.dir_fd, text, text_size) : ERR_NOMEM;
	if (e == ERR_OK)
		e = check_locked(&s, check, &good, &bad, text, text_size);
	store_env_close(&s);
	if (s.dir_fd >= 0)
		close(s.dir_fd);
	free(s.dir);
	*ret_good = good;
	*ret_bad = bad;
	return e;
}
