/*
 * envelope: who sent a message to whom, kept in front of its bytes in the
 * corpus as header lines of our own (the trace), so that the message can be
 * given to its other recipients later. The trace ends with a line of its own:
 * what stands behind it is the client's, whatever it looks like. Pure.
 *
 * Recipients are told apart by form alone: an address in limetwig.invalid is a
 * trap (or at least ours), every other one is a rider.
 * Memory: the recipients, at most LMTP_RECIPIENT_BYTES.
 * SPDX-License-Identifier: ISC
 */
#ifndef CORE_ENVELOPE_H
#define CORE_ENVELOPE_H
#include "core/address.h"
#include "core/lmtp_session.h"
#include "core/message.h"

#define ENVELOPE_TRACE (4u << 20) /* bytes of the longest trace */
#define ENVELOPE_SIZE_DIGITS 10

struct envelope {
	char sender[LMTP_SENDER];
	struct lmtp_client client;
	bool is_8bit, is_utf8;
	uint64_t size;         /* bytes of the message; kept are these or fewer */
	size_t trace;          /* bytes of the trace: the message begins behind them */
	struct buf recipients; /* riders; see lmtp_recipient_next */
	uint32_t count;
};

/* ret_trap: the trap's own address. False: no trap. */
bool envelope_is_trap(struct slice address, struct address *ret_trap);
/* Somebody else's: neither a trap nor any other address of our domain. */
bool envelope_is_rider(struct slice address);

/*
 * Append the trace of this transaction. ret_size_at: offset in it of the ten
 * digits that hold the message's size once it is known. ERR_LIMIT, ERR_NOMEM:
 * incomplete, the message can be kept but not given to anybody.
 */
enum err envelope_write(const struct lmtp_session *s, struct buf *to, size_t *ret_size_at) MUST_USE;
/* The trace of a sample, whole. ERR_LIMIT, ERR_NOMEM. */
enum err envelope_write_sample(const struct lmtp_client *c, const struct msg_sample *m, struct buf *to) MUST_USE;
/* The digits to put there. */
const char *envelope_size_text(uint64_t size, char to[ENVELOPE_SIZE_DIGITS + 1]);

void envelope_init(struct envelope *v);
void envelope_done(struct envelope *v);
/* The riders of the transaction under way. ERR_LIMIT, ERR_NOMEM. */
enum err envelope_take(const struct lmtp_session *s, struct envelope *v) MUST_USE;
/*
 * Read the front of a file. v must be fresh. ERR_MORE: the trace does not end
 * within head; ERR_SYNTAX: it has none that tells sender and recipients.
 */
enum err envelope_read(struct slice head, struct envelope *v) MUST_USE;
/* Instead of all riders. ERR_SYNTAX: no address that could be written to. */
enum err envelope_set_recipient(struct envelope *v, struct slice address) MUST_USE;
/* Recipients in order: *pos starts at 0; false at the end. */
bool envelope_next(const struct envelope *v, size_t *pos, struct lmtp_recipient *ret);

#endif /* CORE_ENVELOPE_H */
