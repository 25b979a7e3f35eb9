/*
 * store_writer: the queue and the thread that commits it.
 *
 * Operations lie in one buffer, oldest first; the first of each group carries
 * a mark. The writer takes the whole buffer, commits group after group and
 * raises `durable` by one each time. A group that fails stays where it is and
 * is tried again, with everything behind it waiting: so a ticket that
 * store_durable has reached is on disk, always. While a group fails, new puts
 * are refused; deletions are taken, since they are the way out of a full map.
 *
 * The thread starts with the first write and not with store_open, so that a
 * process that locks itself in after opening has the writer locked in too.
 * SPDX-License-Identifier: ISC
 */
#include "io/store_private.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "base/wire.h"

#define GROUP_OPS 10000u
#define GROUP_BYTES (8u << 20)
#define GROUP_WAIT_MS 2
#define RETRY_MS 500
#define FULL_DISK (1u << 20)   /* bytes free below which an error means a full disk */
#define KEEP_BUFFER (1u << 20) /* a buffer grown above this is given back */

enum op { OP_PUT = 1, OP_DEL = 2 };
#define OP_FIRST 0x80 /* mark of the first operation of a group */
#define OP_HEAD 5     /* kind, key length with the table byte, value length; then both */

struct op_read {
	enum op op;
	bool is_first;
	MDB_val key, value;
	size_t next;
};

/* The operation at `at`; its key and value point into b. */
static struct op_read read_op(const struct buf *b, size_t at)
{
	struct op_read o = { 0 };
	struct rd r = rd_init(b->p + at, OP_HEAD);
	uint8_t kind = rd_u8(&r);

	o.op = kind & OP_PUT ? OP_PUT : OP_DEL;
	o.is_first = (kind & OP_FIRST) != 0;
	o.key.mv_size = rd_u16(&r);
	o.value.mv_size = rd_u16(&r);
	o.key.mv_data = b->p + at + OP_HEAD;
	o.value.mv_data = b->p + at + OP_HEAD + o.key.mv_size;
	o.next = at + OP_HEAD + o.key.mv_size + o.value.mv_size;
	return o;
}

/* Room was reserved by the caller. */
static void append_op(struct buf *b, unsigned kind, enum table t, struct slice key, struct slice value)
{
	struct wr w = wr_init(b->p + b->n, OP_HEAD + 1 + key.n + value.n);

	wr_u8(&w, (uint8_t)kind);
	wr_u16(&w, (uint16_t)(key.n + 1));
	wr_u16(&w, (uint16_t)value.n);
	wr_u8(&w, (uint8_t)t);
	wr_raw(&w, key);
	wr_raw(&w, value);
	b->n += w.n;
}

/* Every operation of the group at `from`, or only its deletions. */
static int apply_group(struct store *s, MDB_txn *txn, size_t from, bool only_del, size_t *ret_next)
{
	size_t at = from;
	int rc = 0;

	while (at < s->writing.n && rc == 0) {
		struct op_read o = read_op(&s->writing, at);

		if (o.is_first && at != from)
			break;
		if (o.op == OP_DEL)
			rc = mdb_del(txn, s->dbi, &o.key, NULL);
		else if (!only_del)
			rc = mdb_put(txn, s->dbi, &o.key, &o.value, 0);
		if (rc == MDB_NOTFOUND && o.op == OP_DEL)
			rc = 0;
		at = o.next;
	}
	*ret_next = at;
	return rc;
}

static int commit_group(struct store *s, size_t from, bool only_del, size_t *ret_next)
{
	MDB_txn *txn;
	int rc = s->env ? mdb_txn_begin(s->env, NULL, 0, &txn) : MDB_PANIC;

	if (rc)
		return rc;
	rc = apply_group(s, txn, from, only_del, ret_next);
	if (rc) {
		mdb_txn_abort(txn);
		return rc;
	}
	return mdb_txn_commit(txn);
}

/* A commit that only ages freed pages: LMDB uses a page again two commits after the one that freed it. */
static void commit_nothing(struct store *s)
{
	MDB_txn *txn;
	char name[] = { TABLE_META, 'v', 'e', 'r', 's', 'i', 'o', 'n' };
	uint8_t version[4];
	struct wr w = wr_init(version, sizeof version);
	MDB_val key = { sizeof name, name }, value = { sizeof version, version };

	wr_u32(&w, STORE_VERSION);
	if (!s->env || mdb_txn_begin(s->env, NULL, 0, &txn))
		return;
	if (mdb_put(txn, s->dbi, &key, &value, 0))
		mdb_txn_abort(txn);
	else
		(void)mdb_txn_commit(txn); /* if it fails, the group fails again and says so */
}

static void set_map_size(struct store *s, uint64_t size)
{
	pthread_rwlock_wrlock(&s->map);
	if (s->env)
		(void)mdb_env_set_mapsize(s->env, size); /* refused: the old size stays, the group fails again */
	pthread_rwlock_unlock(&s->map);
}

/*
 * The map is full and deletions wait behind the group that found it so. Even a
 * deletion copies pages: give it headroom, run only the deletions, and let the
 * pages become free. Then all groups run again in their order, deletions too,
 * so that what remains is what was asked for.
 */
static void free_space(struct store *s)
{
	size_t at = s->at;

	set_map_size(s, s->size + STORE_HEADROOM);
	while (at < s->writing.n && commit_group(s, at, true, &at) == 0)
		continue;
	commit_nothing(s);
	commit_nothing(s);
	set_map_size(s, s->size);
}

static void open_anew(struct store *s)
{
	pthread_rwlock_wrlock(&s->map);
	store_env_close(s);
	(void)store_env_open(s); /* env stays NULL when it fails: tried again with the group */
	pthread_rwlock_unlock(&s->map);
}

/* LMDB says EIO for a write cut short by a disk that has just become full. */
static bool is_disk_full(const struct store *s)
{
	struct statvfs fs;

	return fstatvfs(s->dir_fd, &fs) == 0 && (uint64_t)fs.f_bavail * fs.f_frsize < FULL_DISK;
}

static enum err err_of(const struct store *s, int rc)
{
	if (rc == 0)
		return ERR_OK;
	if (rc == MDB_MAP_FULL || rc == ENOSPC || rc == EDQUOT || (rc == EIO && is_disk_full(s)))
		return ERR_FULL;
	return ERR_IO;
}

static void deadline_in(struct timespec *ts, long ms)
{
	clock_gettime(CLOCK_MONOTONIC, ts);
	ts->tv_nsec += ms * 1000000;
	ts->tv_sec += ts->tv_nsec / 1000000000;
	ts->tv_nsec %= 1000000000;
}

/* Under lock. One group was tried. */
static void settle(struct store *s, enum err e)
{
	uint64_t one = 1;

	s->state = e;
	if (e == ERR_OK) {
		s->durable++;
		(void)!write(s->event_fd, &one, sizeof one); /* a full counter is readable already */
	} else {
		s->failures++;
	}
	pthread_cond_broadcast(&s->settled);
}

/* Under lock. What the writer still holds is given up. */
static void drop_rest(struct store *s)
{
	while (s->at < s->writing.n) {
		s->lost++;
		s->at = read_op(&s->writing, s->at).next;
	}
}

/* Under lock. Until it is time to try the failed group again; deletions that came meanwhile go behind it. */
static void wait_to_retry(struct store *s)
{
	struct timespec until;
	int rc = 0;

	deadline_in(&until, RETRY_MS);
	while (!s->is_stopping && !s->is_kicked && !s->has_del && rc == 0)
		rc = pthread_cond_timedwait(&s->wake, &s->lock, &until);
	s->is_kicked = false;
	buf_consume(&s->writing, s->at);
	s->at = 0;
	if (buf_add(&s->writing, buf_slice(&s->filling)) == ERR_OK) {
		buf_reset(&s->filling);
		s->writing_bytes = s->writing.n;
	}
}

static void drain(struct store *s)
{
	while (s->at < s->writing.n) {
		size_t next = s->at;
		int rc = commit_group(s, s->at, false, &next);
		enum err e = err_of(s, rc);
		bool has_del = false;

		pthread_mutex_lock(&s->lock);
		settle(s, e);
		if (rc == 0) {
			s->at = next;
		} else if (s->is_stopping) {
			drop_rest(s);
		} else {
			wait_to_retry(s);
			has_del = s->has_del;
			s->has_del = false;
		}
		pthread_mutex_unlock(&s->lock);
		if (rc == MDB_MAP_FULL && has_del)
			free_space(s);
		else if (rc < 0 && e == ERR_IO) /* an error of LMDB's own: after some it refuses all else */
			open_anew(s);
	}
}

/* Under lock. The buffers change places; the mark in the first operation makes it a group of its own. */
static void take_filling(struct store *s)
{
	struct buf empty = s->writing;

	s->writing = s->filling;
	s->filling = empty;
	buf_reset(&s->filling);
	if (s->filling.size > KEEP_BUFFER)
		buf_done(&s->filling);
	s->at = 0;
	s->writing_bytes = s->writing.n;
	s->is_kicked = s->has_del = false;
}

/* Under lock. Until there is a group worth a commit, or the end. */
static void wait_for_work(struct store *s)
{
	struct timespec until;
	int rc = 0;

	while (!s->is_stopping && s->filling.n == 0)
		pthread_cond_wait(&s->wake, &s->lock);
	deadline_in(&until, GROUP_WAIT_MS);
	while (!s->is_stopping && !s->is_kicked && s->filling.n < GROUP_BYTES && rc == 0)
		rc = pthread_cond_timedwait(&s->wake, &s->lock, &until);
}

static void *writer_main(void *arg)
{
	struct store *s = arg;

	pthread_mutex_lock(&s->lock);
	for (;;) {
		wait_for_work(s);
		if (s->filling.n == 0)
			break;
		take_filling(s);
		pthread_mutex_unlock(&s->lock);
		drain(s);
		pthread_mutex_lock(&s->lock);
		buf_reset(&s->writing);
		s->writing_bytes = 0;
	}
	pthread_mutex_unlock(&s->lock);
	return NULL;
}

/* Signals stay with the caller's thread. */
static bool start_thread(struct store *s)
{
	sigset_t all, before;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	s->has_thread = pthread_create(&s->thread, NULL, writer_main, s) == 0;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return s->has_thread;
}

static bool may_queue(struct store *s, enum op op, size_t n)
{
	if (s->state != ERR_OK && op == OP_PUT)
		return false;
	if (s->filling.n + s->writing_bytes + n > STORE_QUEUE)
		return false;
	if (!s->has_thread && !start_thread(s))
		return false;
	return buf_reserve(&s->filling, n) == ERR_OK;
}

static uint64_t queue_op(struct store *s, enum op op, enum table t, struct slice key, struct slice value)
{
	size_t n = OP_HEAD + 1 + key.n + value.n;
	bool is_first, is_early;
	uint64_t ticket = 0;

	if (key.n > STORE_KEY_MAX || value.n > STORE_VALUE_MAX)
		return 0;
	pthread_mutex_lock(&s->lock);
	if (may_queue(s, op, n)) {
		is_early = s->filling.n == 0;
		is_first = is_early || s->group_ops == GROUP_OPS || s->group_bytes + n > GROUP_BYTES;
		if (is_first) {
			s->ticket++;
			s->group_ops = s->group_bytes = 0;
		}
		append_op(&s->filling, is_first ? op | OP_FIRST : op, t, key, value);
		s->group_ops++;
		s->group_bytes += n;
		s->has_del |= op == OP_DEL;
		ticket = s->ticket;
		if (is_early || (s->state != ERR_OK && op == OP_DEL))
			pthread_cond_signal(&s->wake);
	} else {
		s->lost++;
	}
	pthread_mutex_unlock(&s->lock);
	return ticket;
}

size_t store_room(struct store *s)
{
	size_t used;

	pthread_mutex_lock(&s->lock);
	used = s->filling.n + s->writing_bytes;
	pthread_mutex_unlock(&s->lock);
	return used < STORE_QUEUE ? STORE_QUEUE - used : 0;
}

uint64_t store_put(struct store *s, enum table t, struct slice key, struct slice value)
{
	return queue_op(s, OP_PUT, t, key, value);
}

uint64_t store_del(struct store *s, enum table t, struct slice key)
{
	return queue_op(s, OP_DEL, t, key, SLICE_LIT(""));
}

void store_kick(struct store *s)
{
	pthread_mutex_lock(&s->lock);
	if (s->filling.n && !s->is_kicked) {
		s->is_kicked = true;
		pthread_cond_signal(&s->wake);
	}
	pthread_mutex_unlock(&s->lock);
}

int store_event_fd(const struct store *s)
{
	return s->event_fd;
}

uint64_t store_durable(struct store *s)
{
	uint64_t counter, durable;

	(void)!read(s->event_fd, &counter, sizeof counter); /* empty is fine */
	pthread_mutex_lock(&s->lock);
	durable = s->durable;
	pthread_mutex_unlock(&s->lock);
	return durable;
}

enum err store_state(struct store *s, uint64_t *ret_lost)
{
	enum err e;

	pthread_mutex_lock(&s->lock);
	e = s->state;
	*ret_lost = s->lost;
	pthread_mutex_unlock(&s->lock);
	return e;
}

enum err store_flush(struct store *s)
{
	uint64_t want, failures;
	enum err e = ERR_OK;

	pthread_mutex_lock(&s->lock);
	want = s->ticket;
	failures = s->failures;
	while (s->durable < want && e == ERR_OK) {
		s->is_kicked = true;
		pthread_cond_signal(&s->wake);
		pthread_cond_wait(&s->settled, &s->lock);
		if (s->failures != failures)
			e = s->state;
	}
	pthread_mutex_unlock(&s->lock);
	return e;
}

enum err store_settle(struct store *s, unsigned most_ms)
{
	struct timespec until;
	uint64_t want;
	enum err e;

	deadline_in(&until, (long)most_ms);
	pthread_mutex_lock(&s->lock);
	want = s->ticket;
	e = s->durable < want ? s->state : ERR_OK;
	while (s->durable < want && e == ERR_OK) {
		s->is_kicked = true;
		pthread_cond_signal(&s->wake);
		if (pthread_cond_timedwait(&s->settled, &s->lock, &until) == ETIMEDOUT && s->durable < want)
			e = ERR_AGAIN;
		else if (s->durable < want)
			e = s->state;
	}
	pthread_mutex_unlock(&s->lock);
	return e;
}

enum err store_writer_init(struct store *s)
{
	pthread_condattr_t attr;

	buf_init(&s->filling, STORE_QUEUE);
	buf_init(&s->writing, STORE_QUEUE);
	if (pthread_rwlock_init(&s->map, NULL) || pthread_mutex_init(&s->lock, NULL) || pthread_condattr_init(&attr) ||
		pthread_condattr_setclock(&attr, CLOCK_MONOTONIC) || pthread_cond_init(&s->wake, &attr) ||
		pthread_cond_init(&s->settled, &attr))
		return ERR_IO;
	pthread_condattr_destroy(&attr);
	s->event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	return s->event_fd < 0 ? ERR_IO : ERR_OK;
}

void store_writer_done(struct store *s)
{
	if (s->has_thread) {
		pthread_mutex_lock(&s->lock);
		s->is_stopping = true;
		pthread_cond_signal(&s->wake);
		pthread_mutex_unlock(&s->lock);
		pthread_join(s->thread, NULL);
	}
	buf_done(&s->filling);
	buf_done(&s->writing);
	if (s->event_fd >= 0)
		close(s->event_fd);
}
