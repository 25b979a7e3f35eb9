/*
 * notify: words to the service manager (sd_notify). Without one, nothing
 * happens. The only user of libsystemd besides the journal reader.
 * SPDX-License-Identifier: ISC
 */
#ifndef IO_NOTIFY_H
#define IO_NOTIFY_H
#include <stdint.h>

void notify_ready(const char *status);
void notify_reloading(void);
void notify_stopping(void);
void notify_alive(void);
/* Milliseconds between two notify_alive that the manager wants; 0: none. */
uint64_t notify_interval_ms(void);

#endif /* IO_NOTIFY_H */
