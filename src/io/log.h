/*
 * log: one line per event on stderr (journald or the caller collects it), as
 * `event key=value ...`. Foreign text must go through escape_text first; no
 * trap address and no secret ever goes in. Lines of one event above 20 a
 * second are counted and summed up, not written.
 * SPDX-License-Identifier: ISC
 */
#ifndef IO_LOG_H
#define IO_LOG_H

enum log_level { LOG_LEVEL_ALARM, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/* Name of this process in each line ("engine"); level: what is written. Static strings. */
void log_setup(const char *role, enum log_level level);
/* event: a static string without blanks; fmt: "key=value key=value". */
void log_line(enum log_level level, const char *event, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

#define log_alarm(event, ...) log_line(LOG_LEVEL_ALARM, event, __VA_ARGS__)
#define log_warn(event, ...) log_line(LOG_LEVEL_WARN, event, __VA_ARGS__)
#define log_info(event, ...) log_line(LOG_LEVEL_INFO, event, __VA_ARGS__)
#define log_debug(event, ...) log_line(LOG_LEVEL_DEBUG, event, __VA_ARGS__)

#endif /* IO_LOG_H */
