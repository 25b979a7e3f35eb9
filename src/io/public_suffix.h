/*
 * public_suffix: under which names do strangers register theirs ("co.uk",
 * "github.io")? From the list that is built into libpsl: no file is read, so
 * that it works in every sandbox. Names as in the DNS (punycode).
 * SPDX-License-Identifier: ISC
 */
#ifndef IO_PUBLIC_SUFFIX_H
#define IO_PUBLIC_SUFFIX_H
#include <stdbool.h>

/* True also for a name of one label, and where there is no list: who asks wants to be careful. */
bool public_suffix_is(const char *domain);

#endif /* IO_PUBLIC_SUFFIX_H */
