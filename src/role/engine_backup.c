/*
 * engine_backup: `limetwig db backup`. The copy of a large store takes seconds,
 * so a thread makes it while policy queries are answered; one at a time.
 * SPDX-License-Identifier: ISC
 */
#include "role/engine.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct engine_backup {
	struct engine *e;
	struct engine_call *call; /* NULL: whoever asked has gone */
	struct loop_watch *watch;
	pthread_t thread;
	int fd, done; /* the file (ours), an eventfd */
	enum err err; /* the thread's, until done */
	bool is_running;
};

enum err engine_backup_start(struct engine *e)
{
	e->backup = calloc(1, sizeof *e->backup);
	if (!e->backup)
		return ERR_NOMEM;
	e->backup->e = e;
	e->backup->fd = -1;
	e->backup->done = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return e->backup->done >= 0 ? ERR_OK : ERR_IO;
}

static void *make_copy(void *ctx)
{
	struct engine_backup *b = ctx;
	uint64_t one = 1;

	b->err = store_backup(b->e->store, b->fd);
	(void)!write(b->done, &one, sizeof one); /* an empty eventfd takes it */
	return NULL;
}

static void end(struct engine_backup *b)
{
	(void)pthread_join(b->thread, NULL);
	b->is_running = false;
	loop_remove(b->watch);
	b->watch = NULL;
	(void)close(b->fd);
	b->fd = -1;
}

static void on_done(int fd, unsigned what, void *ctx)
{
	struct engine_backup *b = ctx;
	struct engine_call *c = b->call;
	uint64_t n;
	off_t bytes;

	(void)what;
	if (read(fd, &n, sizeof n) != (ssize_t)sizeof n)
		return;
	bytes = lseek(b->fd, 0, SEEK_END);
	end(b);
	b->call = NULL;
	if (!c)
		return;
	if (b->err != ERR_OK)
		engine_answer_error(c, 1, "the copy failed: %s", err_name(b->err));
	else
		engine_answer(c, json_pack("{s:I}", "bytes", (json_int_t)bytes));
}

void engine_command_db_backup(struct engine *e, struct engine_call *c, const json_t *in)
{
	struct engine_backup *b = e->backup;

	if (engine_call_fd(c) < 0) {
		engine_answer_error(c, 2, "no open file came with the request");
		return;
	}
	if (b->is_running) {
		engine_answer_error(c, 1, "another backup is under way");
		return;
	}
	b->fd = dup(engine_call_fd(c));
	b->watch = loop_fd(e->host->loop, b->done, LOOP_READ, on_done, b);
	if (b->fd < 0 || !b->watch || pthread_create(&b->thread, NULL, make_copy, b) != 0) {
		loop_remove(b->watch);
		b->watch = NULL;
		if (b->fd >= 0)
			(void)close(b->fd);
		b->fd = -1;
		engine_answer_error(c, 1, "no thread, descriptor or memory for a copy");
		return;
	}
	b->is_running = true;
	b->call = c;
	engine_audit(e, c, engine_json_string(in, "note"), "db backup");
}

void engine_backup_forget(struct engine *e, const struct engine_call *c)
{
	if (e->backup && e->backup->call == c)
		e->backup->call = NULL;
}

void engine_backup_stop(struct engine *e)
{
	if (!e->backup)
		return;
	if (e->backup->is_running)
		end(e->backup);
	if (e->backup->done >= 0)
		(void)close(e->backup->done);
	free(e->backup);
	e->backup = NULL;
}
