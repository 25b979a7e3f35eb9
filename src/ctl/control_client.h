/*
 * control_client: asks the engine over its control socket: one JSON object and
 * LF out, one JSON object and LF back (watch: many). Errors come as a text for
 * people that names the remedy. Answers are at most CONTROL_ANSWER_MAX bytes.
 * SPDX-License-Identifier: ISC
 */
#ifndef CTL_CONTROL_CLIENT_H
#define CTL_CONTROL_CLIENT_H
#include "base/err.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define CONTROL_ANSWER_MAX (64u << 20)
#define CONTROL_TEXT 512
#define CONTROL_TIMEOUT_MS 30000 /* of one answer; at most so long until it has the request */
#define CONTROL_CORPUS_MS 600000 /* of person and forget: all captured messages are looked at */
#define CONTROL_RELOAD_MS                                                                                              \
	3600000 /* of reloads, with millions of traps; an engine that stands still is ended long before */
#define CONTROL_STATUS_MS 5000 /* of status, which is ready at once: else the engine is away */
#define CONTROL_PID_MS 2000    /* until it is connected: `off` waits for that before it does anything */

/*
 * *ret_answer: json_decref it. fd: passed along (SCM_RIGHTS), -1 for none.
 * ERR_CLOSED: nobody listens there; ERR_DENIED: no permission to connect;
 * ERR_AGAIN: no answer in time; ERR_SYNTAX: not an answer; ERR_LIMIT, ERR_IO, ERR_NOMEM.
 */
enum err control_client_ask(const char *path, const json_t *request, int fd, int timeout_ms, json_t **ret_answer,
	char text[CONTROL_TEXT]) MUST_USE;

/* Ask, then hand over each line until line() gives false (ERR_OK) or the engine ends (ERR_CLOSED). */
typedef bool (*control_client_line)(const json_t *line, void *ctx);
enum err control_client_watch(
	const char *path, const json_t *request, control_client_line line, void *ctx, char text[CONTROL_TEXT]) MUST_USE;

/* The process that made the socket: limetwigd's parent. */
enum err control_client_pid(const char *path, pid_t *ret_pid, char text[CONTROL_TEXT]) MUST_USE;

#endif /* CTL_CONTROL_CLIENT_H */
