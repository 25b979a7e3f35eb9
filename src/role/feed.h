/*
 * feed: the state of the role "feed" and what its files offer each other. It
 * brings lists from outside: asks their sources, cleans what comes, compares it
 * with the last good set, and hands the engine what may act.
 *
 *   feed.c         start, stop, messages, timers
 *   feed_one.c     one feed: what comes of a job, of the engine's answer
 *   feed_job.c     one refresh, in a thread of its own: from source to set
 *   feed_source.c  the texts of a part: files, folders, downloads, what a command printed
 *   feed_disk.c    the last good sets on disk
 *
 * A thread is given its job and shares nothing else with the rest; the loop
 * stays free, whatever a source does.
 * SPDX-License-Identifier: ISC
 */
#ifndef ROLE_FEED_H
#define ROLE_FEED_H
#include "core/feed_clean.h"
#include "core/feed_keep.h"
#include "core/feed_plan.h"
#include "io/download.h"
#include "io/area_memory.h"
#include "role/role_host.h"

#include <pthread.h>
#include <stdatomic.h>

#define FEED_WORKERS 2 /* jobs at once */
/* Who closes a set last gives its memory back, milliseconds for millions of addresses: we, for whom nobody waits. */
#define FEED_GONE_MS 30000
#define FEED_UNPACKED 4      /* times size: what a list may grow to when it is unpacked */
#define FEED_FOLDER_MAX 4096 /* files of a folder */
#define FEED_SERVERS (CONF_LIST * (CONF_ITEM + 3))
#define FEED_LINES_LOGGED 3 /* refused lines of one refresh */

/* memory.fd -1: none. */
struct feed_set {
	struct area_memory memory;
	struct feed_area area; /* in it */
	struct feed_keep keep;
};

enum feed_outcome {
	FEED_OUT_FAILED, /* reason says why; nothing came */
	FEED_OUT_SAME,   /* as last time: nothing was read */
	FEED_OUT_NEW,    /* may act */
	FEED_OUT_HELD,   /* may act when a person says so; reason says why */
};

struct feed_job {
	/* given; lives longer than the job */
	const struct feed_spec *spec;
	const char *servers;
	const struct feed_set *good; /* the last good set; fd -1: none */
	struct feed_keep last;       /* of the set seen last, for what has not changed since; time 0: none */
	int printed[FEED_PARTS];     /* memory with what the command of a part printed; -1 */
	atomic_bool *is_over;
	char path[FEED_WHERE]; /* of the file with the last good set */
	bool is_save;          /* write good there, nothing else */
	unsigned index;
	int done; /* the job's address is written there at the end */
	pthread_t thread;
	/* found */
	struct prefix_set made; /* while it runs */
	enum feed_outcome outcome;
	struct feed_set set;
	struct feed_report report;
	struct feed_change change; /* against good */
	char reason[MESSAGE_FEED_TEXT];
};

struct feed_entry {
	const struct feed_spec *spec;
	struct feed_set good; /* the engine has taken it */
	struct feed_set next; /* the engine has been asked to take it */
	struct feed_set held; /* waits for a person */
	struct feed_set gone; /* was good; see FEED_GONE_MS */
	uint64_t gone_ms;     /* clock_mono_ms: to be closed */
	struct feed_change change;
	enum feed_state state;
	char text[MESSAGE_FEED_TEXT];
	char held_text[MESSAGE_FEED_TEXT]; /* why a set waits, whatever was to be told since */
	uint64_t tried;                    /* Unix seconds */
	uint64_t due_ms;                   /* clock_mono_ms: to be asked again */
	uint64_t save_ms;                  /* the same: good is not written to disk before */
	unsigned failures;
	bool is_good_due, is_next_due; /* to be offered to the engine: there was no room in the link */
	bool is_next_held;             /* by the engine, for a person */
	bool is_unsaved, is_old;
	bool is_wished; /* a refresh was asked for while one was under way, which may have read what was there before */
	bool is_taken;  /* the engine has taken next while a job looked at good */
	bool is_confirmed; /* and then a person has confirmed held */
	struct feed_job *job;
	/* commands that are under way for the job */
	uint32_t seq; /* 0: none */
	unsigned run_part;
	uint64_t run_end_ms;
};

struct feed {
	struct role_host *host;
	struct feed_plan plan;
	uint64_t spamd_mark; /* of the spamd.conf that the plan was made of */
	struct feed_entry one[FEEDS_MAX];
	char servers[FEED_SERVERS];
	struct loop_watch *tick, *report, *reading;
	int done[2]; /* pipe: addresses of jobs that have ended */
	atomic_bool is_over;
	unsigned running;
	uint32_t seq;
	char no_download[DOWNLOAD_REASON]; /* why the library is not there */
};

/* ---- feed.c */
void feed_tell(struct feed *f, unsigned i);
/* Offer the engine the next set; where it does not fit into the link, once more with the next tick. */
void feed_offer_next(struct feed *f, unsigned i);

/* ---- feed_one.c */
/* Begin a refresh, or to save, where that is due and possible. */
void feed_one_tick(struct feed *f, unsigned i, uint64_t now_ms);
/* A person wants it refreshed: now, or once more when what is under way has ended. */
void feed_one_wish(struct feed *f, unsigned i);
void feed_one_ended(struct feed *f, struct feed_job *j);
void feed_one_ran(struct feed *f, const struct msg_feed_ran *m, int fd);
void feed_one_took(struct feed *f, unsigned i, const struct msg_feed_took *m);
void feed_one_confirm(struct feed *f, unsigned i);
void feed_set_close(struct feed_set *s);

/* ---- feed_job.c */
/* In the caller's thread. */
void feed_job_run(struct feed_job *j);
/* In one of its own; done is written to when it has ended, the thread is to be joined. ERR_NOMEM. */
enum err feed_job_start(struct feed_job *j) MUST_USE;
void feed_job_free(struct feed_job *j);

/* ---- feed_source.c */
typedef enum err (*feed_text_fn)(struct feed_job *j, const struct feed_part *p, struct slice text);
/*
 * Give fn each text of a part. ERR_EXISTS: nothing new (a download). Other
 * errors: j->reason says what. What the source tells for next time goes into j->set.keep.
 */
enum err feed_source_read(struct feed_job *j, unsigned part, feed_text_fn fn) MUST_USE;
/* Of files and folders: changes when they do. 0: not all parts are such, or one is not there. */
uint64_t feed_source_mark(const struct feed_spec *s);
/* The same of one file. */
uint64_t feed_source_mark_file(const char *path);

/* ---- feed_disk.c */
/* False: too long. */
bool feed_disk_path(const struct conf *c, const char *name, char to[FEED_WHERE]);
enum err feed_disk_save(const char *path, const struct feed_set *s) MUST_USE;
/* ERR_NOTFOUND; ERR_SYNTAX, ERR_VERSION: not whole; ERR_IO; ERR_NOMEM. */
enum err feed_disk_load(const char *path, struct feed_set *ret) MUST_USE;
/* It was seen to be as it is now. */
void feed_disk_touch(const char *path, uint64_t time);
/* Files of feeds that are no more. */
void feed_disk_sweep(const struct conf *c, const struct feed_plan *p);

#endif /* ROLE_FEED_H */
