/*
 * dns_tsig_key: the file that has a TSIG key: what `tsig-keygen NAME` writes
 *
 *	key "NAME" {
 *		algorithm hmac-sha256;
 *		secret "BASE64";
 *	};
 *
 * with BIND's comments, or the bare base64 secret. No text says any of the
 * secret. Pure.
 *
 * Limits: DNS_TSIG_KEY_FILE bytes, DNS_TSIG_SECRET of a secret, at least DNS_TSIG_KEY_LEAST.
 * SPDX-License-Identifier: ISC
 */
#ifndef CORE_DNS_TSIG_KEY_H
#define CORE_DNS_TSIG_KEY_H
#include "core/dns_tsig.h"

#define DNS_TSIG_KEY_FILE 4096
#define DNS_TSIG_KEY_LEAST 16 /* bytes: 128 bits */
#define DNS_TSIG_KEY_TEXT 128

/*
 * name: of the key; "": as the file says. algorithm: of a bare secret; a file
 * in BIND's form says its own. ERR_SYNTAX: text is what is wrong, without a
 * file name; *ret is untouched then.
 */
enum err dns_tsig_key_parse(struct slice file, const char *name, enum dns_tsig_algorithm algorithm,
	struct dns_tsig_key *ret, char text[DNS_TSIG_KEY_TEXT]) MUST_USE;

#endif /* CORE_DNS_TSIG_KEY_H */
