/*
 * conf_file: a configuration file into struct conf (libconfuse behind here and
 * nowhere else) and back into canonical text. Every error names file, line, key
 * and remedy. One parse at a time per process (libconfuse's scanner is global).
 * conf_file_parse opens no file; the scanner asks isatty(-1), so a sandbox must
 * answer ioctl (an error will do). Files are at most CONF_FILE_MAX bytes.
 * SPDX-License-Identifier: ISC
 */
#ifndef IO_CONF_FILE_H
#define IO_CONF_FILE_H
#include "core/conf_keys.h"

#define CONF_FILE_MAX (1u << 20)
#define CONF_FILE_POSTFIX "postfix.conf" /* beside the file of people; section postfix only */

/*
 * Defaults, then path, then postfix.conf of the same directory if there is one.
 * ERR_NOTFOUND, ERR_IO, ERR_SYNTAX, ERR_LIMIT, ERR_VERSION; text says why in
 * one line ("/etc/limetwig/limetwig.conf:12: block first: \"24x\" is no
 * duration (like 24h, 7d)"); *ret is untouched then.
 */
enum err conf_file_load(const char *path, struct conf *ret, char *text, size_t text_size) MUST_USE;
/* Defaults, then this text; name stands for the file. Hidden keys (is-off) are understood here. */
enum err conf_file_parse(struct slice in, const char *name, struct conf *ret, char *text, size_t size) MUST_USE;

/* Canonical text with every key (is-off only where it is so): parsed, it gives *c again. ERR_LIMIT, ERR_NOMEM. */
enum err conf_print(const struct conf *c, struct buf *to) MUST_USE;
/* That text as one number, is-off aside: the same where every key is. ERR_LIMIT, ERR_NOMEM. */
#define CONF_SUM 17
enum err conf_sum(const struct conf *c, char ret_hex[CONF_SUM]) MUST_USE;

#endif /* IO_CONF_FILE_H */
