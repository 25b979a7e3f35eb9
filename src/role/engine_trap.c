/*
 * engine_trap: the traps in force, their records, files on their way in, and
 * what aliasmap is asked.
 * SPDX-License-Identifier: ISC
 */
#include "role/engine_trap.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/log.h"
#include "io/whole_file.h"

#define LIVE_TEXT_MAX (64u << 20)

/* ---- records */

enum err engine_trap_record(struct engine *e, const char *text, struct record_trap *ret)
{
	uint8_t value[RECORD_VALUE];
	size_t n;
	enum err err = store_get(e->store, TABLE_TRAP, slice_str(text), value, sizeof value, &n);

	return err == ERR_OK ? record_get_trap(slice_of(value, n), ret) : err;
}

enum err engine_trap_save(struct engine *e, const char *text, const struct record_trap *r)
{
	uint8_t value[RECORD_VALUE];
	struct wr w = wr_init(value, sizeof value);
	uint64_t ticket;

	record_put_trap(&w, r);
	ticket = w.bad ? 0 : store_put(e->store, TABLE_TRAP, slice_str(text), wr_slice(&w));
	if (ticket)
		e->trap_job->ticket = ticket;
	return ticket ? ERR_OK : ERR_FULL;
}

static bool max_id(struct slice key, struct slice value, void *ctx)
{
	uint32_t *next = ctx;
	struct record_trap r;

	(void)key;
	if (record_get_trap(value, &r) == ERR_OK && r.id >= *next)
		*next = r.id + 1;
	return true;
}

enum err engine_trap_start(struct engine *e)
{
	struct engine_traps *t = calloc(1, sizeof *t);

	if (!t)
		return ERR_NOMEM;
	e->trap_job = t;
	t->next_id = 1;
	t->due = UINT64_MAX;
	t->lines_fd = -1;
	slice_copy(SLICE_LIT("not written yet"), t->map_text, sizeof t->map_text);
	keymap_init(&e->trap_delta, e->table_key, sizeof(struct engine_trap_delta), 200000);
	return store_scan(e->store, TABLE_TRAP, (struct slice){ 0 }, (struct slice){ 0 }, false, max_id, &t->next_id);
}

void engine_trap_text_free(struct trap_text *t)
{
	if (t->is_mapped)
		(void)munmap(t->p, t->n);
	else
		free(t->p);
	t->p = NULL;
}

static void drop_texts(struct engine_traps *t)
{
	for (uint32_t i = 0; i < t->texts; i++)
		engine_trap_text_free(&t->text[i]);
	free(t->text);
	t->text = NULL;
	t->texts = t->wanted = 0;
}

void engine_trap_stop(struct engine *e)
{
	if (e->trap_job) {
		engine_trap_load_drop(e->trap_job);
		drop_texts(e->trap_job);
		loop_remove(e->trap_job->old_timer);
		trap_table_free(e->trap_job->old);
		free(e->trap_job);
		e->trap_job = NULL;
	}
	trap_table_free(e->traps);
	e->traps = NULL;
	trap_patterns_free(e->patterns);
	e->patterns = NULL;
	free(e->trap_by_id);
	e->trap_by_id = NULL;
	keymap_done(&e->trap_delta);
	engine_allow_stop(e);
}

const struct trap *engine_trap_by_id(const struct engine *e, uint32_t id)
{
	if (!e->traps || id >= e->trap_ids || e->trap_by_id[id] == 0)
		return NULL;
	return trap_table_at(e->traps, e->trap_by_id[id] - 1);
}

const struct trap *engine_trap_pattern(struct engine *e, const struct address *a)
{
	const struct trap *trap;
	uint32_t id;

	if (!e->patterns || !trap_patterns_find(e->patterns, a, &id))
		return NULL;
	trap = engine_trap_by_id(e, id);
	return trap && trap->state == TRAP_ARMED ? trap : NULL;
}

/* ---- files */

/* The bytes behind fd, owned by the caller; NULL: too large or unreadable. */
static char *read_whole(int fd, size_t *ret_n)
{
	struct stat st;
	char *p;
	size_t n = 0;

	if (fd < 0 || fstat(fd, &st) != 0 || st.st_size < 0 || (uint64_t)st.st_size > TRAP_FILE_MAX)
		return NULL;
	p = malloc((size_t)st.st_size + 1);
	while (p && n < (size_t)st.st_size) {
		ssize_t got = pread(fd, p + n, (size_t)st.st_size - n, (off_t)n);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			break;
		n += (size_t)got;
	}
	*ret_n = n;
	return p;
}

/* A sealed file is looked at where it is: copying hundreds of megabytes would keep queries waiting. */
static bool map_whole(int fd, struct trap_text *ret)
{
	const int sealed = F_SEAL_SHRINK | F_SEAL_WRITE;
	int seals = fd >= 0 ? fcntl(fd, F_GET_SEALS) : -1;
	struct stat st;
	void *p;

	if (seals < 0 || (seals & sealed) != sealed || fstat(fd, &st) != 0 || st.st_size <= 0 ||
		(uint64_t)st.st_size > TRAP_FILE_MAX)
		return false;
	p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (p == MAP_FAILED)
		return false;
	ret->p = p;
	ret->n = (size_t)st.st_size;
	ret->is_mapped = true;
	return true;
}

void engine_trap_wake(struct engine *e)
{
	struct engine_traps *t = e->trap_job;
	struct trap_waiter ready[TRAP_WAITERS];
	size_t n = 0, kept = 0;

	for (size_t i = 0; i < t->waiters; i++) {
		if (t->waiter[i].is_early) {
			t->waiter[i].is_early = false;
			t->waiter[kept++] = t->waiter[i];
		} else {
			ready[n++] = t->waiter[i];
		}
	}
	t->waiters = kept;
	for (size_t i = 0; i < n; i++)
		ready[i].done(ready[i].ctx);
}

/* A file is missing from this round: it never comes into force, and nobody must wait for it. */
static void give_up_round(struct engine *e, const char *path)
{
	struct engine_traps *t = e->trap_job;
	struct engine_bad_line b = { .line = 0 };
	size_t i = 0;

	slice_copy(slice_str(path), b.file, sizeof b.file);
	slice_copy(SLICE_LIT("unreadable or too large: the traps in force stay"), b.reason, sizeof b.reason);
	while (i < t->bad && (t->bad_line[i].line || strcmp(t->bad_line[i].file, b.file) != 0))
		i++; /* it is tried again each half minute, and said once */
	t->bad_line[i < ENGINE_BAD_LINES ? i : ENGINE_BAD_LINES - 1] = b;
	if (i == t->bad && t->bad < ENGINE_BAD_LINES)
		t->bad++;
	drop_texts(t);
	engine_trap_wake(e);
}

static void trap_text(struct engine *e, const struct msg_text *m, struct trap_text text)
{
	struct engine_traps *t = e->trap_job;

	if (m->index == 0 || m->round != t->round) {
		if (m->count > TRAP_FILES)
			log_alarm("trap-file", "files=%u text=\"only the first %d are read\"", m->count, TRAP_FILES);
		drop_texts(t);
		t->round = m->round;
		t->wanted = m->count < TRAP_FILES ? m->count : TRAP_FILES;
		t->text = calloc(t->wanted ? t->wanted : 1, sizeof *t->text);
		if (!t->text)
			engine_trap_load_failed(e);
	}
	if (m->count && t->text && t->texts < t->wanted) {
		slice_copy(slice_str(m->path), text.path, sizeof text.path);
		t->text[t->texts++] = text;
		text.p = NULL;
	}
	if (text.p)
		engine_trap_text_free(&text);
	if (t->text && t->texts == t->wanted)
		engine_trap_load(e);
}

void engine_trap_text(struct engine *e, const struct msg_text *m, int fd)
{
	struct trap_text text = { .p = NULL };
	bool has_list = m->kind == TEXT_TRAPS ? e->traps || e->trap_job->phase != TRAP_IDLE : e->has_allow;

	if (m->count && fd < 0 && !has_list)
		text.p = calloc(1, 1); /* nothing is in force yet: what can be read, without this file */
	else if (m->count && (m->kind != TEXT_TRAPS || !map_whole(fd, &text)))
		text.p = read_whole(fd, &text.n);
	if (m->count && !text.p) {
		log_alarm("trap-file", "file=%s text=\"unreadable or too large, what is in force stays\"", m->path);
		if (m->kind == TEXT_TRAPS)
			give_up_round(e, m->path);
		else
			engine_allow_unreadable(e, m);
		return;
	}
	if (m->kind == TEXT_TRAPS) {
		trap_text(e, m, text);
		return;
	}
	engine_allow_text(e, m, slice_of(text.p, text.n));
	free(text.p);
}

static void ask_reread(struct engine *e)
{
	uint8_t out[16];
	struct wr w = wr_init(out, sizeof out);

	message_put_empty(&w, MSG_REREAD, &(struct msg_which){ 0 });
	if (role_host_send(e->host, ROLE_ALIASMAP, &w, NULL, 0) != ERR_OK)
		log_warn("trap-file", "text=\"the map helper is not there: files are read when it is\"");
}

void engine_trap_reload(struct engine *e, void (*done)(void *ctx), void *ctx)
{
	struct engine_traps *t = e->trap_job;

	if (done && t->waiters < TRAP_WAITERS)
		t->waiter[t->waiters++] = (struct trap_waiter){ done, ctx, t->phase != TRAP_IDLE };
	else if (done)
		done(ctx);
	ask_reread(e);
}

void engine_trap_forget_waiter(struct engine *e, const void *ctx)
{
	struct engine_traps *t = e->trap_job;
	size_t kept = 0;

	for (size_t i = 0; t && i < t->waiters; i++)
		if (t->waiter[i].ctx != ctx)
			t->waiter[kept++] = t->waiter[i];
	if (t)
		t->waiters = kept;
}

void engine_trap_linked(struct engine *e)
{
	struct engine_traps *t = e->trap_job;

	t->is_synced = false;
	for (size_t i = 0; i < TRAP_CHECKS; i++) {
		struct trap_live l = t->live[i];

		t->live[i].seq = 0;
		if (l.seq && l.done)
			l.done(l.ctx, false, "", (struct slice){ 0 });
	}
	ask_reread(e);
}

/* ---- live check */

enum err engine_trap_write(int *fd, struct slice text)
{
	if (*fd < 0)
		*fd = memfd_create("limetwig", MFD_CLOEXEC);
	return *fd >= 0 ? whole_file_write(*fd, text) : ERR_IO;
}

bool engine_trap_send_fd(struct engine *e, enum message_type type, uint32_t seq, bool is_full, int fd)
{
	uint8_t out[64];
	struct wr w = wr_init(out, sizeof out);

	message_put_map_apply(&w, type, &(struct msg_map_apply){ seq, is_full });
	return role_host_send(e->host, ROLE_ALIASMAP, &w, &fd, 1) == ERR_OK;
}

/* Text for aliasmap, in a memfd. False: it did not go. */
static bool send_text(struct engine *e, enum message_type type, uint32_t seq, bool is_full, struct slice text)
{
	int fd = -1;
	bool is_sent = engine_trap_write(&fd, text) == ERR_OK && engine_trap_send_fd(e, type, seq, is_full, fd);

	if (fd >= 0)
		(void)close(fd);
	return is_sent;
}

void engine_trap_live_check(struct engine *e, struct slice addresses,
	void (*done)(void *ctx, bool is_ok, const char *text, struct slice lines), void *ctx)
{
	struct engine_traps *t = e->trap_job;

	for (size_t i = 0; i < TRAP_CHECKS; i++) {
		if (t->live[i].seq)
			continue;
		t->live[i] = (struct trap_live){ ++t->seq, done, ctx };
		if (send_text(e, MSG_LIVE_CHECK, t->seq, false, addresses))
			return;
		t->live[i].seq = 0;
		break;
	}
	done(ctx, false, "", (struct slice){ 0 });
}

void engine_trap_live_check_forget(struct engine *e, const void *ctx)
{
	for (size_t i = 0; e->trap_job && i < TRAP_CHECKS; i++)
		if (e->trap_job->live[i].ctx == ctx)
			e->trap_job->live[i].done = NULL;
}

void engine_trap_live_result(struct engine *e, const struct msg_map_done *m, int fd)
{
	struct engine_traps *t = e->trap_job;

	for (size_t i = 0; i < TRAP_CHECKS; i++) {
		struct trap_live l = t->live[i];
		size_t n = 0;
		char *p;

		if (!l.seq || l.seq != m->seq)
			continue;
		t->live[i].seq = 0;
		if (m->text[0])
			log_warn("live-check", "text=\"%s\"", m->text);
		p = fd >= 0 ? read_whole(fd, &n) : NULL;
		if (l.done)
			l.done(l.ctx, m->is_ok, m->text, slice_of(p, n));
		free(p);
		return;
	}
}

/* ---- counters and states */

void engine_trap_count(struct engine *e, uint32_t trap_id, enum grade g, uint64_t now)
{
	struct engine_trap_delta *d;
	void *v;

	if (trap_id == 0 || keymap_put(&e->trap_delta, slice_of(&trap_id, sizeof trap_id), &v, NULL) != ERR_OK)
		return;
	d = v;
	d->id = trap_id;
	d->count[g]++;
	d->last = now;
}

static bool flush_delta(void *value, void *ctx)
{
	const struct engine_trap_delta *d = value;
	struct engine *e = ctx;
	const struct trap *trap = engine_trap_by_id(e, d->id);
	struct record_trap r;

	if (!trap || engine_trap_record(e, trap_table_text(e->traps, trap), &r) != ERR_OK)
		return false;
	for (int g = 0; g < GRADE_COUNT; g++)
		r.hits[g] += d->count[g];
	r.last_hit = d->last;
	engine_suspend_store(e, d->id, &r);
	/* what was written a moment ago may not be committed yet: it must not be undone */
	r.suspended |= trap->state == TRAP_SUSPENDED;
	if (r.armed_at == 0)
		r.armed_at = trap->armed_at;
	return engine_trap_save(e, trap_table_text(e->traps, trap), &r) != ERR_OK;
}

void engine_trap_flush(struct engine *e)
{
	(void)keymap_retain(&e->trap_delta, 0, flush_delta, e);
}

void engine_trap_set_state(struct engine *e, struct trap *trap, enum trap_state state)
{
	e->trap_job->by_state[trap->state]--;
	e->trap_job->by_state[state]++;
	trap->state = state;
}

void engine_trap_tick(struct engine *e, uint64_t now)
{
	struct engine_traps *t = e->trap_job;

	if (t->phase != TRAP_IDLE || now < t->due)
		return;
	t->due = now + 30; /* until the new load says more */
	ask_reread(e);
}

void engine_trap_is_live(struct engine *e, const struct address *recipient)
{
	struct trap *trap = e->traps ? trap_table_get(e->traps, slice_str(recipient->text)) : NULL;
	struct record_trap r;
	char key[32], text[160];

	if (!trap || trap->state != TRAP_WATCHING)
		return;
	engine_trap_set_state(e, trap, TRAP_SUSPENDED);
	if (engine_trap_record(e, recipient->text, &r) == ERR_OK) {
		r.suspended = 1;
		if (engine_trap_save(e, recipient->text, &r) != ERR_OK)
			log_warn("trap", "trap=T-%u text=\"suspended, not stored\"", trap->id);
	}
	(void)snprintf(key, sizeof key, "live T-%u", trap->id);
	(void)snprintf(text, sizeof text, "trap T-%u is somebody's address (Postfix delivered mail to it): suspended",
		trap->id);
	engine_alarm(e, "trap-live", key, text);
}

void engine_trap_get_status(const struct engine *e, struct engine_trap_status *ret)
{
	const struct engine_traps *t = e->trap_job;

	*ret = (struct engine_trap_status){ .bad = t->bad,
		.bad_line = t->bad_line,
		.is_map_ok = t->is_map_ok,
		.map_text = t->map_text,
		.in_map = t->in_map,
		.added = t->added,
		.removed = t->removed };
	memcpy(ret->by_state, t->by_state, sizeof ret->by_state);
}
