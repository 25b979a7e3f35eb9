/*
 * dns_question: what is asked of the DNS and what came back, as the pure
 * modules see it; core/dns_packet reads it from the wire. An answer borrows its
 * arrays from whoever made it.
 * SPDX-License-Identifier: ISC
 */
#ifndef CORE_DNS_QUESTION_H
#define CORE_DNS_QUESTION_H
#include "base/ipaddr.h"

#define DNS_NAME 256   /* a name as text, with NUL */
#define DNS_LABEL 63   /* bytes of a label */
#define DNS_ANSWERS 64 /* records of one answer that are looked at */

enum dns_type { DNS_A = 1, DNS_MX = 15, DNS_TXT = 16, DNS_AAAA = 28 };

enum dns_result {
	DNS_OK = 1,     /* at least one record of the type asked for */
	DNS_NONE = 2,   /* no such name, or no such record */
	DNS_FAILED = 3, /* no usable answer: timeout, SERVFAIL, malformed, refused */
};

struct dns_question {
	enum dns_type type;
	char name[DNS_NAME];
};

struct dns_answer {
	enum dns_result result;
	uint32_t ttl_s; /* the least of its records; 0: not known */
	bool is_cut;    /* there were more than DNS_ANSWERS */
	size_t count;
	const struct ipaddr *address; /* A, AAAA */
	const struct slice *text;     /* TXT: the strings of each record joined; MX: host names, the preferred first */
};

/*
 * A host name that can be asked for: labels of letters, digits, "-" and "_"; in lower case, without the last dot.
 * ERR_SYNTAX.
 */
enum err dns_question_name(struct slice s, char to[DNS_NAME]) MUST_USE;

#endif /* CORE_DNS_QUESTION_H */
