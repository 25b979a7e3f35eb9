/*
 * content_type: the value of a Content-Type field (RFC 2045 5.1) taken apart:
 * type/subtype and the two parameters that make the structure of a report.
 * Comments and quoted strings are understood; RFC 2231 pieces (boundary*0=) are
 * not: no bounce uses them, and what is not understood is no report. Pure.
 * SPDX-License-Identifier: ISC
 */
#ifndef CORE_CONTENT_TYPE_H
#define CORE_CONTENT_TYPE_H
#include "base/err.h"
#include "base/slice.h"

#define CONTENT_TYPE_TEXT 80 /* a type, a report-type; a boundary has at most 70 (RFC 2046 5.1.1) */

struct content_type {
	char type[CONTENT_TYPE_TEXT];        /* "multipart/report", lower case */
	char report_type[CONTENT_TYPE_TEXT]; /* lower case, "" none */
	char boundary[CONTENT_TYPE_TEXT];    /* as it stands, "" none */
};

/* ERR_SYNTAX: no type/subtype, or a parameter that is known comes twice; ERR_LIMIT: one of these texts too long. */
enum err content_type_parse(struct slice s, struct content_type *ret) MUST_USE;

#endif /* CORE_CONTENT_TYPE_H */
