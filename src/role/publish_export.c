/*
 * publish_export: the files of the sections export. A change is written at
 * once, then at most every refresh; a block that ends is a change, too. The
 * writing is the thread's (role/publish_list); this file says what is due, and
 * has the command run where a file has become another.
 * SPDX-License-Identifier: ISC
 */
#include "role/publish.h"

#include "io/export_file.h"
#include "io/log.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#define AGAIN_MS 10000 /* after a failure, at least */
#define LATE_MS 60000  /* and three times refresh: a change that waits for longer is told */

struct one {
	struct conf_export conf;
	char path[EXPORT_PATH];
	struct msg_export_state state, told;
	uint64_t changes, end; /* what was written: its state; when a block of it ends, Unix seconds */
	bool is_fresh;         /* changes and end are of the file */
	bool has_hash;
	uint64_t hash;
	uint32_t serial;
	uint64_t next_ms;  /* not before */
	uint64_t since_ms; /* due since; 0: nothing is */
	bool is_command_due, is_command_running;
	uint32_t seq;
	/* of the thread, while is_at_work */
	bool is_at_work;
	enum err err;
	int error;
	struct export_written written;
};

struct publish_export {
	struct publish *p;
	struct conf *conf; /* the thread's: a reload changes host.conf */
	bool is_conf_old;
	unsigned count;
	struct one one[CONF_EXPORTS];
	uint8_t key[SIPHASH_KEY];
	uint32_t seq;
	uint64_t end; /* of the copy at hand */
	bool is_running;
};

static void tell_one(struct publish_export *x, unsigned i)
{
	struct one *o = &x->one[i];
	uint8_t bytes[MESSAGE_EXPORT_TEXT + 200];
	struct wr w = wr_init(bytes, sizeof bytes);

	o->state.index = (uint8_t)i;
	o->state.count = (uint8_t)x->count;
	o->state.is_acting = publish_list_is_acting(x->p);
	slice_copy(slice_str(o->conf.title), o->state.name, sizeof o->state.name);
	message_put_export_state(&w, MSG_EXPORT_STATE, &o->state);
	o->told = o->state;
	(void)role_host_send(x->p->host, ROLE_ENGINE, &w, NULL, 0); /* the next one says more */
}

void publish_export_tell(struct publish *p)
{
	for (unsigned i = 0; i < p->export->count; i++)
		tell_one(p->export, i);
}

/* ---- which there are */

static void take_one(struct publish_export *x, struct one *o, const struct conf_export *c)
{
	int n;

	if (strcmp(o->conf.title, c->title) != 0 || strcmp(o->conf.file, c->file) != 0)
		*o = (struct one){ .is_fresh = false };
	if (strcmp(o->conf.command, c->command) != 0) { /* what came of the old one says nothing any more */
		o->is_command_due = false;
		o->state.ran = 0;
		o->state.status = 0;
		if (o->state.state != EXPORT_FAILED)
			o->state.text[0] = '\0';
	}
	o->conf = *c;
	o->is_fresh = o->has_hash = false; /* what it says may depend on any setting */
	n = snprintf(o->path, sizeof o->path, "%s/export/%s", x->p->host->conf.storage.dir, c->file);
	if (n < 0 || n >= (int)sizeof o->path)
		o->path[0] = '\0';
}

/* Not while the thread reads the old settings. */
static void take_conf(struct publish_export *x)
{
	const struct conf *c = &x->p->host->conf;

	*x->conf = *c;
	x->is_conf_old = false;
	for (uint32_t i = 0; i < c->exports && i < CONF_EXPORTS; i++)
		take_one(x, &x->one[i], &x->conf->export[i]);
	x->count = c->exports;
}

void publish_export_reloaded(struct publish *p)
{
	p->export->is_conf_old = true;
}

/* ---- commands */

static void start_command(struct publish_export *x, struct one *o)
{
	struct msg_export_run m = { .seq = ++x->seq };
	uint8_t bytes[CONF_TITLE + 16];
	struct wr w = wr_init(bytes, sizeof bytes);

	slice_copy(slice_str(o->conf.title), m.name, sizeof m.name);
	message_put_export_run(&w, MSG_EXPORT_RUN, &m);
	if (role_host_send(x->p->host, ROLE_RUN, &w, NULL, 0) != ERR_OK)
		return; /* at the next tick */
	o->seq = m.seq;
	o->is_command_due = false;
	o->is_command_running = true;
}

void publish_export_ran(struct publish *p, const struct msg_export_ran *m)
{
	struct publish_export *x = p->export;

	for (unsigned i = 0; i < x->count; i++) {
		struct one *o = &x->one[i];

		if (!o->is_command_running || o->seq != m->seq)
			continue;
		o->is_command_running = false;
		o->state.ran = clock_wall_s();
		o->state.status = m->status;
		if (m->status != 0) {
			(void)snprintf(o->state.text, sizeof o->state.text, "the command failed (%d): %.200s",
				m->status, m->text);
			log_warn("export_command", "name=\"%s\" status=%d text=\"%.200s\"", o->conf.title, m->status,
				m->text);
		} else if (o->state.state == EXPORT_WRITTEN) {
			o->state.text[0] = '\0';
		}
		tell_one(x, i);
	}
}

void publish_export_run_gone(struct publish *p)
{
	for (unsigned i = 0; i < p->export->count; i++) {
		struct one *o = &p->export->one[i];

		o->is_command_due = o->is_command_due || o->is_command_running;
		o->is_command_running = false;
	}
}

/* ---- writing */

/* The thread's. */
static void write_one(struct publish_export *x, struct one *o, const struct export_source *all)
{
	struct export_source s = *all;
	struct export_site site;

	if (!o->conf.feeds)
		s.feeds = 0;
	o->error = 0;
	if (!o->serial && export_form_of(o->conf.format)->has_serial)
		o->serial = export_file_serial(o->path);
	o->err = ERR_SYNTAX;
	if (!export_site_init(&site, x->conf, o->conf.format, o->conf.title, o->conf.zone, s.now,
		    export_serial_next(s.now, o->serial)))
		return;
	memcpy(site.key, x->key, sizeof site.key);
	o->err = o->path[0] ? export_file_write(
				      o->path, &s, o->conf.format, &site, o->has_hash ? &o->hash : NULL, &o->written)
			    : ERR_LIMIT;
	o->error = errno;
	if (o->err == ERR_OK && !o->written.is_same)
		o->serial = site.serial;
}

static void write_due(const struct export_source *s, void *ctx)
{
	struct publish_export *x = ctx;

	x->end = export_source_end(s);
	for (unsigned i = 0; i < x->count; i++)
		if (x->one[i].is_at_work)
			write_one(x, &x->one[i], s);
}

static void failed(struct one *o)
{
	char text[MESSAGE_EXPORT_TEXT];
	const char *why = o->err == ERR_IO ? strerror(o->error) : err_name(o->err);

	(void)snprintf(text, sizeof text, "%.120s cannot be written: %.80s; the old one stays", o->conf.file, why);
	if (o->state.state != EXPORT_FAILED || strcmp(o->state.text, text) != 0)
		log_warn("export_failed", "name=\"%s\" file=\"%s\" reason=\"%s\"", o->conf.title, o->path, why);
	slice_copy(slice_str(text), o->state.text, sizeof o->state.text);
	o->state.state = EXPORT_FAILED;
	o->next_ms = clock_mono_ms() + (o->conf.refresh_s * 1000 > AGAIN_MS ? o->conf.refresh_s * 1000 : AGAIN_MS);
}

static void succeeded(struct one *o, uint64_t changes, uint64_t end, uint64_t now)
{
	bool is_other = !o->written.is_same;

	if (o->state.state != EXPORT_WRITTEN) {
		log_info("export", "name=\"%s\" file=\"%s\" entries=%llu", o->conf.title, o->path,
			(unsigned long long)o->written.entries);
		o->state.text[0] = '\0';
	}
	o->state.state = EXPORT_WRITTEN;
	o->state.looked = now;
	o->state.written = is_other ? now : o->state.written;
	o->state.entries = o->written.entries;
	o->state.bytes = o->written.bytes;
	o->changes = changes;
	o->end = end;
	o->hash = o->written.hash;
	o->is_fresh = o->has_hash = true;
	o->since_ms = 0;
	o->state.is_late = 0;
	o->is_command_due = o->is_command_due || (is_other && o->conf.command[0]);
	o->next_ms = clock_mono_ms() + o->conf.refresh_s * 1000;
}

static void on_done(struct publish *p, enum err e, const struct export_source *s, uint64_t changes, void *ctx)
{
	struct publish_export *x = ctx;

	(void)p;
	x->is_running = false;
	for (unsigned i = 0; i < x->count; i++) {
		struct one *o = &x->one[i];

		if (!o->is_at_work)
			continue;
		o->is_at_work = false;
		if (e != ERR_OK)
			o->err = e;
		if (o->err == ERR_OK)
			succeeded(o, changes, x->end, s->now);
		else
			failed(o);
		tell_one(x, i);
	}
}

/* ---- what is due */

static bool is_due(struct publish_export *x, struct one *o, uint64_t now_ms)
{
	bool is_other = !o->is_fresh || o->changes != publish_list_changes(x->p) || clock_wall_s() >= o->end;
	bool is_late;

	if (!is_other)
		return false;
	if (!o->since_ms)
		o->since_ms = now_ms;
	is_late = now_ms - o->since_ms > 3 * o->conf.refresh_s * 1000 + LATE_MS;
	if (is_late && !o->state.is_late)
		log_warn("export_late", "name=\"%s\" text=\"what has changed is not in the file\"", o->conf.title);
	o->state.is_late = is_late;
	return now_ms >= o->next_ms;
}

void publish_export_tick(struct publish *p)
{
	struct publish_export *x = p->export;
	uint64_t now_ms = clock_mono_ms();
	bool is_any = false;

	if (x->is_running)
		return;
	if (x->is_conf_old)
		take_conf(x);
	for (unsigned i = 0; i < x->count; i++) {
		struct one *o = &x->one[i];

		if (o->is_command_due && !o->is_command_running)
			start_command(x, o);
		o->is_at_work = is_due(x, o, now_ms) && publish_list_is_known(p);
		is_any = is_any || o->is_at_work;
	}
	x->is_running = is_any && publish_list_copy(p, FEED_LAYER_EXPORT, write_due, on_done, x);
	for (unsigned i = 0; i < x->count && !x->is_running; i++)
		x->one[i].is_at_work = false;
}

/* ---- begin and end */

enum err publish_export_start(struct publish *p)
{
	struct publish_export *x = calloc(1, sizeof *x);

	if (!x)
		return ERR_NOMEM;
	p->export = x;
	x->p = p;
	x->conf = calloc(1, sizeof *x->conf);
	if (!x->conf)
		return ERR_NOMEM;
	if (sodium_init() < 0)
		return ERR_IO;
	randombytes_buf(x->key, sizeof x->key);
	take_conf(x);
	return ERR_OK;
}

void publish_export_stop(struct publish *p)
{
	if (!p->export)
		return;
	free(p->export->conf);
	free(p->export);
	p->export = NULL;
}
