/*
 * conf_scan: a first look at a configuration text for what libconfuse's scanner
 * takes silently or never recovers from: strings, comments and braces that do not
 * end, escapes and variables in strings, stray characters, "+=". Its tokens are
 * the scanner's: see conf_scan.c.
 * SPDX-License-Identifier: ISC
 */
#ifndef IO_CONF_SCAN_H
#define IO_CONF_SCAN_H
#include "base/err.h"
#include "base/slice.h"

/* ERR_SYNTAX: *ret_line and *ret_text (static) say where and what. */
enum err conf_scan_text(struct slice in, unsigned *ret_line, const char **ret_text) MUST_USE;

#endif /* IO_CONF_SCAN_H */
