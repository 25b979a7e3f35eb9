/*
 * fuzz_conf: a configuration text never crashes the reader, and what it takes
 * prints to a text that reads back as the same.
 * SPDX-License-Identifier: ISC
 */
#include "io/conf_file.h"

#include <assert.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct conf a, b;
	char text[200];
	struct buf to;

	if (conf_file_parse(slice_of(data, size), "fuzz", &a, text, sizeof text) != ERR_OK)
		return 0;
	buf_init(&to, CONF_FILE_MAX);
	assert(conf_print(&a, &to) == ERR_OK);
	assert(conf_file_parse(buf_slice(&to), "printed", &b, text, sizeof text) == ERR_OK);
	assert(memcmp(&a, &b, sizeof a) == 0);
	buf_done(&to);
	return 0;
}
