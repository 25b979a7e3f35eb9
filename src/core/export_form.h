/*
 * export_form: what the files of export_format share; nobody else includes it.
 * SPDX-License-Identifier: ISC
 */
#ifndef CORE_EXPORT_FORM_H
#define CORE_EXPORT_FORM_H
#include "core/dnsbl_answer.h"
#include "core/export_format.h"

#define EXPORT_PIECE 2048 /* bytes of one export_put at most */

void export_put(struct export_writer *w, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Why it is listed, as the zone says it (core/dnsbl_list). */
void export_reason(const struct conf *c, const struct export_entry *e, struct dnsbl_reason *ret);
/* Until its block ends; 0: it has no end. */
uint64_t export_left_s(const struct export_writer *w, const struct export_entry *e);

/* ---- export_zone.c */
void export_begin_rbldnsd(struct export_writer *w);
void export_entry_rbldnsd(struct export_writer *w, const struct export_entry *e);
void export_end_rbldnsd(struct export_writer *w);
void export_begin_zone(struct export_writer *w);
void export_entry_rpz(struct export_writer *w, const struct export_entry *e);
void export_begin_bind(struct export_writer *w);
void export_entry_bind(struct export_writer *w, const struct export_entry *e);

#endif /* CORE_EXPORT_FORM_H */
