/*
 * export_file: writes an exported list (core/export_format) into a file or a
 * stream. A file is written beside (NAME.new), brought to disk and renamed:
 * readers see the old one or the new one, whole, whatever fails or is killed
 * on the way. Mode 0644. Blocks while it writes: for a thread, or a command.
 * SPDX-License-Identifier: ISC
 */
#ifndef IO_EXPORT_FILE_H
#define IO_EXPORT_FILE_H
#include "core/export_format.h"

#define EXPORT_PATH 900

struct export_written {
	uint64_t entries, bytes, hash;
	bool is_same; /* the list is as *old_hash says: the file was left as it is */
};

/* ERR_IO: errno; ERR_LIMIT: the name is too long; ERR_NOMEM. old_hash may be NULL: written in any case. */
enum err export_file_write(const char *path, const struct export_source *s, enum conf_export_format f,
	const struct export_site *site, const uint64_t *old_hash, struct export_written *ret) MUST_USE;
/* The same to an open descriptor. */
enum err export_file_stream(int fd, const struct export_source *s, enum conf_export_format f,
	const struct export_site *site, struct export_written *ret) MUST_USE;
/* The serial in the zone file that is there; 0: none. */
uint32_t export_file_serial(const char *path);

#endif /* IO_EXPORT_FILE_H */
