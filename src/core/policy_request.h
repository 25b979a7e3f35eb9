/*
 * policy_request: Postfix's access policy delegation protocol (SMTPD_POLICY_README):
 * "name=value" lines, an empty line ends the request. Works on the bytes that
 * have come so far, copies nothing, allocates nothing; the slices of a request
 * borrow the input. Input is hostile: values hold whatever an SMTP client said.
 *
 * Refused: a line without "=", an empty name, NUL anywhere, an attribute of
 * ours twice, a request of more than POLICY_REQUEST_MAX bytes, a request=
 * other than smtpd_access_policy. Unknown attributes are passed over; missing
 * ones are empty. A CR before the LF belongs to the value (Postfix sends none).
 * SPDX-License-Identifier: ISC
 */
#ifndef CORE_POLICY_REQUEST_H
#define CORE_POLICY_REQUEST_H
#include "base/err.h"
#include "base/slice.h"

#include <stdint.h>

#define POLICY_REQUEST_MAX 16384 /* bytes; a real one has about 720, TLS names and UTF-8 can make it 4,000 */

enum policy_state {
	POLICY_OTHER = 0, /* anything we need not know: always DUNNO */
	POLICY_RCPT,
	POLICY_END_OF_MESSAGE,
};

struct policy_request {
	enum policy_state state;
	struct slice client_address, client_name, reverse_client_name, client_port;
	struct slice server_address, server_port;
	struct slice helo_name, sender, recipient, recipient_count;
	struct slice queue_id, instance, sasl_username, size;
};

/*
 * policy_request_end(in, scanned): where the request at the start of in ends
 * (behind its empty line), 0 if it does not yet. *scanned remembers how far was
 * looked, so that bytes are looked at once; start it at 0 for each request.
 */
size_t policy_request_end(struct slice in, size_t *scanned);

/*
 * The request at the start of in, its empty line included; *ret_used says how
 * long it was. ERR_MORE: no empty line yet. ERR_SYNTAX as above; *ret_used is
 * set then too, *ret is untouched. Looks at every byte each time: call it when
 * policy_request_end found an end, or when in ends with an empty line.
 */
enum err policy_request_parse(struct slice in, struct policy_request *ret, size_t *ret_used) MUST_USE;

#endif /* CORE_POLICY_REQUEST_H */
