/*
 * setup_postfix_revert: out again, in an order that loses nothing: first the
 * checks and maps, so that no new capture comes in; then the captures that
 * wait; last the transport.
 * SPDX-License-Identifier: ISC
 */
#include "ctl/setup_postfix_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

static bool write_both(const struct setup_instance *in, struct slice main_text, struct slice master_text)
{
	return setup_file_write(in->main_path, main_text, 0644) == ERR_OK &&
	       setup_file_write(in->master_path, master_text, 0644) == ERR_OK;
}

static bool is_capture_alive(const struct setup_instance *in)
{
	char path[PATH_MAX];

	(void)snprintf(path, sizeof path, "%.*s/limetwig/lmtp", SLICE_ARG(setup_facts_param(in, "queue_directory")));
	return setup_run_answers(path, SETUP_ANSWER_MS);
}

/* Its master holds a lock as long as it runs; without postconf there is nobody else to ask. */
static bool has_master(const struct setup_instance *in)
{
	char path[PATH_MAX];
	struct buf queue;
	bool is_running;
	int fd;

	buf_init(&queue, MAIN_CF_MAX);
	(void)snprintf(path, sizeof path, "%.4000s/pid/master.pid",
		main_cf_get(buf_slice(&in->main), "queue_directory", &queue) ? buf_cstr(&queue) : "/var/spool/postfix");
	buf_done(&queue);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return false;
	is_running = flock(fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
	(void)close(fd);
	return is_running;
}

/* Where no command of Postfix can be run. */
static bool is_free(const struct setup *s, const struct setup_instance *in)
{
	if (s->opt.is_force || !has_master(in))
		return true;
	printf("%s: a Postfix runs from there, but its commands are not found: what waits in its queue is not known.\n"
	       "   The transport stays. With Postfix's commands in PATH: limetwig setup postfix --revert     (or: "
	       "--revert --force)\n",
		in->dir);
	return false;
}

/* True: nothing of ours waits any more. */
static bool drain(const struct setup *s, const struct setup_instance *in)
{
	struct setup_queue q = { .pure = 0 };
	char text[SETUP_TEXT] = "";
	bool is_alive = in->is_running && is_capture_alive(in);
	enum err e;

	if (in->is_gone)
		return is_free(s, in);
	buf_init(&q.ids, MAIN_CF_MAX);
	e = is_alive ? setup_queue_drain(in->dir, &q, text, sizeof text)
		     : setup_queue_read(in->dir, &q, text, sizeof text);
	if (e == ERR_OK && q.pure && s->opt.is_force) {
		printf("%s: %zu queued captures deleted:\n%s", in->dir, q.pure, buf_cstr(&q.ids));
		e = setup_queue_delete(in->dir, &q, text, sizeof text);
		q.pure = e == ERR_OK ? 0 : q.pure;
	}
	buf_done(&q.ids);
	if (e != ERR_OK)
		printf("%s: the queue cannot be read: %s\n", in->dir, text);
	else if (q.pure + q.mixed)
		printf("%s: %zu captures wait in the queue%s%s: the transport stays until they are gone.\n"
		       "   %s limetwig setup postfix --revert%s\n",
			in->dir, q.pure + q.mixed, q.mixed ? ", some with real recipients" : "",
			is_alive ? "" : " and limetwigd does not run",
			is_alive ? "Wait, then again:" : "Start limetwigd, then again:",
			q.pure ? "     (or delete them: --revert --force)" : "");
	return e == ERR_OK && q.pure + q.mixed == 0;
}

static bool reload(const struct setup_instance *in)
{
	char text[SETUP_TEXT];

	if (!in->is_running || setup_run_reload(in->dir, text, sizeof text))
		return true;
	(void)fprintf(stderr, "limetwig: postfix reload in %s: %s\n", in->dir, text);
	return false;
}

/* The kept original where nothing else has changed, else the text less our parts. */
static void choose(
	const struct setup *s, const struct setup_instance *in, const char *file, struct slice now, struct buf *text)
{
	struct buf before;

	buf_init(&before, MAIN_CF_MAX);
	if (setup_state_before(s, in->dir, file, now, &before) == ERR_OK) {
		struct buf swap = *text;

		*text = before;
		before = swap;
	}
	buf_done(&before);
}

static bool is_in(const struct setup_instance *in, const struct buf *main_text, const struct buf *master_text)
{
	return !slice_eq(buf_slice(&in->main), buf_slice(main_text)) ||
	       !slice_eq(buf_slice(&in->master), buf_slice(master_text));
}

static bool fail(const struct setup_instance *in, const char *what)
{
	(void)fprintf(stderr, "limetwig: %s: %s: %s\n", in->main_path, what, strerror(errno));
	return false;
}

static bool revert_one(struct setup *s, struct setup_instance *in)
{
	struct buf first_main, first_master, main_text, master_text;
	bool is_done = false;

	buf_init(&first_main, MAIN_CF_MAX);
	buf_init(&first_master, MAIN_CF_MAX);
	buf_init(&main_text, MAIN_CF_MAX);
	buf_init(&master_text, MAIN_CF_MAX);
	if (setup_plan_off(s, in, true, &first_main, &first_master) != ERR_OK ||
		setup_plan_off(s, in, false, &main_text, &master_text) != ERR_OK)
		goto out;
	choose(s, in, "main.cf", buf_slice(&in->main), &main_text);
	choose(s, in, "master.cf", buf_slice(&in->master), &master_text);
	if (!is_in(in, &main_text, &master_text)) {
		printf("%s: nothing to do\n", in->dir);
		is_done = true;
		goto out;
	}
	if (s->opt.is_dry_run) {
		setup_show_diff(in->main_path, buf_slice(&in->main), buf_slice(&main_text), SIZE_MAX);
		setup_show_diff(in->master_path, buf_slice(&in->master), buf_slice(&master_text), SIZE_MAX);
		is_done = true;
		goto out;
	}
	if (!write_both(in, buf_slice(&first_main), buf_slice(&first_master))) {
		is_done = fail(in, "cannot be written");
		(void)write_both(in, buf_slice(&in->main), buf_slice(&in->master));
		goto out;
	}
	if (!reload(in) || !drain(s, in))
		goto out;
	is_done = write_both(in, buf_slice(&main_text), buf_slice(&master_text)) ? reload(in)
										 : fail(in, "cannot be written");
	if (is_done)
		printf("%s: main.cf and master.cf are as they were before limetwig\n", in->dir);
out:
	buf_done(&first_main);
	buf_done(&first_master);
	buf_done(&main_text);
	buf_done(&master_text);
	return is_done;
}

int setup_revert(struct setup *s)
{
	char path[PATH_MAX];
	bool is_all = true;

	for (size_t i = 0; i < s->instances; i++) {
		bool is_done = revert_one(s, &s->instance[i]);

		if (is_done && !s->opt.is_dry_run)
			setup_state_remove(s, s->instance[i].dir);
		is_all &= is_done;
	}
	if (!is_all)
		return 1;
	if (s->opt.is_dry_run) {
		printf("Nothing was changed.\n");
		return 0;
	}
	s->opt.dirs = 0;
	setup_state_list(s, true);
	if (s->opt.dirs == 0) {
		if (s->map[0])
			setup_maps_remove(s);
		(void)snprintf(path, sizeof path, "%s/postfix.conf", s->opt.etc);
		(void)unlink(path);
	}
	return 0;
}
