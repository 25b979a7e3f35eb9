/*
 * fuzz_store_file: bytes as the data file of a store. What store_check lets
 * pass, LMDB reads to the end: neither it nor we may crash.
 * SPDX-License-Identifier: ISC
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/record.h"
#include "io/store.h"

static char dir[] = "/tmp/fuzz_store_file.XXXXXX";
static char data[64], lock[64];

static void clean(void)
{
	(void)unlink(data);
	(void)unlink(lock);
	(void)rmdir(dir);
}

static bool check(enum table t, struct slice key, struct slice value)
{
	return record_is_valid((unsigned char)t, key, value);
}

static void make_dir(void)
{
	if (!mkdtemp(dir))
		abort();
	(void)snprintf(data, sizeof data, "%s/data.mdb", dir);
	(void)snprintf(lock, sizeof lock, "%s/lock.mdb", dir);
	if (atexit(clean) != 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	uint64_t good, bad;
	char text[512];
	int fd;

	if (!data[0])
		make_dir();
	fd = open(data, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0 || (size && write(fd, bytes, size) != (ssize_t)size))
		abort();
	close(fd);
	if (store_check(dir, check, &good, &bad, text, sizeof text) != ERR_OK && !text[0])
		abort();
	return 0;
}
