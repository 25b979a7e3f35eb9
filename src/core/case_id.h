/*
 * case_id: the short id a refused sender reads over the telephone: 7K3M-9QXD.
 * Seven characters of an alphabet without 0 O 1 I, and one check character that
 * finds every single wrong character and every swap of neighbours.
 * SPDX-License-Identifier: ISC
 */
#ifndef CORE_CASE_ID_H
#define CORE_CASE_ID_H
#include "base/err.h"
#include "base/slice.h"

#include <stdint.h>

#define CASE_ID_TEXT 10 /* "XXXX-XXXX" and NUL */

/* From 35 random bits. Returns to. */
const char *case_id_make(uint64_t random, char to[CASE_ID_TEXT]);
/* Any case, dash optional, blanks around it. ERR_SYNTAX: not of this form; ERR_NOTFOUND: check character wrong. */
enum err case_id_parse(struct slice s, char ret[CASE_ID_TEXT]) MUST_USE;

#endif /* CORE_CASE_ID_H */
