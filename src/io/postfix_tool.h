/*
 * postfix_tool: runs one of Postfix's commands (postconf, postmap, postqueue
 * ...) as a child and waits for it, at most a given time. No shell; argv[0] is
 * looked up in PATH. Standard input comes from a memfd, so that nothing of it
 * is seen in a process list. Blocks the caller.
 * SPDX-License-Identifier: ISC
 */
#ifndef IO_POSTFIX_TOOL_H
#define IO_POSTFIX_TOOL_H
#include "base/buf.h"

#include <stdint.h>

#define POSTFIX_TOOL_MS 20000u          /* time one command may take */
#define POSTFIX_TOOL_OUTPUT (64u << 20) /* bytes of its output */

/*
 * out and err_out get what it wrote (appended; either may be NULL: dropped).
 * ERR_IO: could not be started; ERR_AGAIN: killed after limit_ms; ERR_LIMIT:
 * killed, a buffer's cap was met. Else ERR_OK with the exit status in
 * *ret_status (128 + n: killed by signal n).
 */
enum err postfix_tool_run(const char *const argv[], struct slice in, uint64_t limit_ms, struct buf *out,
	struct buf *err_out, int *ret_status) MUST_USE;

#endif /* IO_POSTFIX_TOOL_H */
