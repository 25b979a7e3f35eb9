/*
 * channel: one end of a SEQPACKET pair between two roles. Checks each message
 * with core/message before anybody sees it; queues what does not fit into the
 * socket, up to a cap, then drops and counts. One hostile or malformed message
 * closes the channel.
 * SPDX-License-Identifier: ISC
 */
#ifndef IO_CHANNEL_H
#define IO_CHANNEL_H
#include "core/message.h"
#include "io/loop.h"

#define CHANNEL_FDS 2            /* descriptors in one message at most */
#define CHANNEL_QUEUE (8u << 20) /* bytes waiting at most */

struct channel;

/*
 * body: behind the type byte, good during the call. fds: n of them, now the
 * callee's to close.
 */
typedef void (*channel_message_fn)(
	void *ctx, enum role peer, enum message_type t, struct rd *body, const int *fds, size_t n);
/* The peer is gone or misbehaved; the channel is closed, free it. */
typedef void (*channel_closed_fn)(void *ctx, enum role peer);

/* Takes fd. NULL: no memory. Sends and awaits MSG_HELLO by itself. */
struct channel *channel_new(struct loop *l, int fd, enum role self, enum role peer, channel_message_fn on_message,
	channel_closed_fn on_closed, void *ctx);
void channel_free(struct channel *c);
/*
 * Send what w holds. fds stay the caller's (they are duplicated in the message).
 * ERR_OK: sent, or queued. ERR_FULL: the queue is full, the message is not in it; ERR_CLOSED; ERR_LIMIT: w->bad or too
 * long.
 */
enum err channel_send(struct channel *c, const struct wr *w, const int *fds, size_t n);
/* What is ready in the same round of the loop goes before its messages. */
void channel_go_last(struct channel *c);
/* Bytes waiting; a bulk sender pauses above CHANNEL_QUEUE / 4. */
size_t channel_queued(const struct channel *c);
/* Called once when the queue has run empty; fn NULL: none. */
void channel_on_drain(struct channel *c, loop_fn fn, void *ctx);

#endif /* IO_CHANNEL_H */
