/*
 * trap_edit: changes to the trap files of this server. Each change locks the
 * file, writes a new one beside it, brings that to the disk and renames it; all
 * lines that do not change stay byte for byte. Says what failed in text.
 * SPDX-License-Identifier: ISC
 */
#ifndef CTL_TRAP_EDIT_H
#define CTL_TRAP_EDIT_H
#include "base/keymap.h"
#include "core/conf.h"
#include "core/trap_file.h"

#define TRAP_EDIT_MAX (512u << 20) /* bytes of one file */
#define TRAP_EDIT_PATH 512
#define TRAP_EDIT_TEXT 700
#define TRAP_EDIT_FILES 1000 /* that the globs may name */
#define TRAP_EDIT_KEY (ADDRESS_TEXT + 2)

/* "a@b", "@d" or "/p/" of a line, into to (cut). Returns to. */
const char *trap_edit_key(const struct trap_line *t, char to[TRAP_EDIT_KEY]);

/* The files that the globs name now; free each and the array. ERR_LIMIT, ERR_NOMEM. */
enum err trap_edit_files(const struct conf *c, char ***ret_path, size_t *ret_count) MUST_USE;
void trap_edit_files_free(char **path, size_t count);
/* Does one of these globs name the file now? True also where that cannot be told. */
bool trap_edit_is_read(const struct conf_list *globs, const char *path);
/* Where new lines go: into the file that the glob names, and where it has wildcards to name in its folder. */
void trap_edit_place(const char *glob, const char *name, char *to, size_t size);
/* That of `trap add`: added.txt. */
const char *trap_edit_added(const struct conf *c, char to[TRAP_EDIT_PATH]);

/* Every trap of these files into known (of value size 0 or more; must be initialised). Unreadable files: ERR_IO. */
enum err trap_edit_know(char *const *path, size_t count, struct keymap *known, char text[TRAP_EDIT_TEXT]) MUST_USE;

/* Put lines (each with LF) at the end of path, which is made when absent. */
enum err trap_edit_append(const char *path, struct slice lines, char text[TRAP_EDIT_TEXT]) MUST_USE;

/* Which lines; ctx. */
typedef bool (*trap_edit_match)(const struct trap_line *t, void *ctx);
/* Drop the lines that match, or set their state. Nothing matched: the file is not touched. */
enum err trap_edit_change(const char *path, trap_edit_match match, void *ctx, bool remove, enum trap_state state,
	size_t *ret_changed, char text[TRAP_EDIT_TEXT]) MUST_USE;

#endif /* CTL_TRAP_EDIT_H */
