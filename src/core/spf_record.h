/*
 * spf_record: the terms of one SPF record (RFC 7208 section 4.5, 5, 6, 12),
 * strict as the grammar there. Macros are recognized, not expanded. Asks no
 * DNS and decides nothing: core/spf_walk does. Slices borrow the record. Pure.
 * SPDX-License-Identifier: ISC
 */
#ifndef CORE_SPF_RECORD_H
#define CORE_SPF_RECORD_H
#include "base/ipaddr.h"

enum spf_kind {
	SPF_ALL = 1,
	SPF_INCLUDE,
	SPF_A,
	SPF_MX,
	SPF_PTR,
	SPF_IP4,
	SPF_IP6,
	SPF_EXISTS,
	SPF_REDIRECT,
	SPF_EXP,
	SPF_UNKNOWN, /* a modifier of another name: ignored */
};

struct spf_term {
	enum spf_kind kind;
	bool is_pass;         /* qualifier "+" or none; modifiers: false */
	bool has_macro;       /* domain needs expansion */
	struct slice domain;  /* domain-spec; empty: the domain of the record */
	struct prefix prefix; /* ip4, ip6; family 0: an IPv6 form of IPv4, which never matches */
	uint8_t cidr4, cidr6; /* a, mx: 32 and 128 when not given */
};

/* Does the text begin with the version, "v=spf1" and a blank or its end? */
bool spf_record_is(struct slice text);
/* The text behind the version. */
struct slice spf_record_terms(struct slice text);
/* Cut the next term off *terms. ERR_NOTFOUND: there is none; ERR_SYNTAX. */
enum err spf_record_next(struct slice *terms, struct spf_term *ret) MUST_USE;
/* The whole record: every term well-formed, redirect and exp at most once each. ERR_SYNTAX. */
enum err spf_record_check(struct slice text) MUST_USE;

#endif /* CORE_SPF_RECORD_H */
