/*
 * engine_command: the control socket's commands, and how their answers are
 * made: the part of role/engine.h about them, included at its end.
 * SPDX-License-Identifier: ISC
 */
#ifndef ROLE_ENGINE_COMMAND_H
#define ROLE_ENGINE_COMMAND_H
#include "role/engine.h"

/* ---- engine_control.c */
enum err engine_control_start(struct engine *e) MUST_USE;
void engine_control_stop(struct engine *e);
/* To every `limetwig watch`. fmt as for printf, "key=value"; no trap address. */
void engine_watch(struct engine *e, const char *event, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Each command ends with exactly one engine_answer_*. */
void engine_answer(struct engine_call *c, json_t *takes); /* adds "ok": true */
void engine_answer_error(struct engine_call *c, int exit_status, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
bool engine_call_is_admin(const struct engine_call *c);
const char *engine_call_user(const struct engine_call *c);
/* The descriptor that came with the request, -1: none. Stays the call's. */
int engine_call_fd(const struct engine_call *c);
void engine_call_watch(struct engine_call *c);
struct engine *engine_call_engine(const struct engine_call *c);
/* Something to find again when a later callback answers; takes it, freed with the call or at the next keep. */
void engine_call_keep(struct engine_call *c, json_t *takes);
json_t *engine_call_data(const struct engine_call *c);
/*
 * Before the store is read: what was queued is to be seen. Where the disk does
 * not take it the answer shows what there is, and says that it is stale.
 */
void engine_call_settle(struct engine_call *c);
/* Is enforcing advised? Else *ret_text says why not. */
bool engine_is_ready(const struct engine *e, uint64_t now, const char **ret_text);
void engine_audit(struct engine *e, struct engine_call *c, const char *note, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

typedef void (*engine_command_fn)(struct engine *e, struct engine_call *c, const json_t *in);
struct engine_command {
	const char *name;
	bool needs_admin;
	engine_command_fn fn;
};
/* Ends with a NULL name. */
extern const struct engine_command engine_commands[];

/* ---- engine_command_*.c: the functions of the table */
#define ENGINE_COMMAND(name) void engine_command_##name(struct engine *e, struct engine_call *c, const json_t *in);
ENGINE_COMMAND(status)
ENGINE_COMMAND(enforce)
ENGINE_COMMAND(off)
ENGINE_COMMAND(trap_check)
ENGINE_COMMAND(trap_reload)
ENGINE_COMMAND(trap_list)
ENGINE_COMMAND(trap_find)
ENGINE_COMMAND(block_add)
ENGINE_COMMAND(block_remove)
ENGINE_COMMAND(block_list)
ENGINE_COMMAND(block_confirm)
ENGINE_COMMAND(allow_add)
ENGINE_COMMAND(allow_remove)
ENGINE_COMMAND(allow_list)
ENGINE_COMMAND(why)
ENGINE_COMMAND(hits)
ENGINE_COMMAND(watch)
ENGINE_COMMAND(person)
ENGINE_COMMAND(forget)
ENGINE_COMMAND(db_backup)
ENGINE_COMMAND(export)
ENGINE_COMMAND(reload)
ENGINE_COMMAND(release)
ENGINE_COMMAND(rows)
ENGINE_COMMAND(row_find)
#undef ENGINE_COMMAND
/* JSON of a block, a hit, an allow entry; owned by the caller. */
json_t *engine_json_block(struct engine *e, const struct record_block *b);
json_t *engine_json_hit(struct engine *e, const struct record_hit *h);
/* entry: its text; tier: NULL as the source says; r: NULL unless set by command. */
json_t *engine_json_allow(const char *entry, const char *tier, enum allow_source source, const struct record_allow *r);
/* Lines of trap files that were passed over; owned by the caller. */
json_t *engine_json_bad_lines(const struct engine_trap_status *t);
/* Hostile bytes as a JSON string: what is no UTF-8 is escaped. */
json_t *engine_json_text(const char *s);
/* "what" of a command: an address or prefix as charged, or a case id. ERR_NOTFOUND: no such case; ERR_SYNTAX: neither. */
enum err engine_find_subject(struct engine *e, const char *what, struct prefix *ret) MUST_USE;
const char *engine_json_string(const json_t *in, const char *key); /* NULL when absent */
uint64_t engine_json_number(const json_t *in, const char *key, uint64_t otherwise);
/* Rows that a list shows: asked for, else 1,000; 20,000 at most, since one turn of the loop makes them. */
uint64_t engine_list_limit(const json_t *in);
bool engine_json_true(const json_t *in, const char *key);

#endif /* ROLE_ENGINE_COMMAND_H */
