/*
 * fuzz_content_grade: byte 0: lowest bit the null sender, the rest cuts the
 * message into reads; the grade must not depend on the cut.
 * SPDX-License-Identifier: ISC
 */
#include <stdint.h>
#include <stdlib.h>

#include "core/content_grade.h"

static enum grade run(struct slice in, size_t step, bool is_null_sender)
{
	static struct content_grade g;

	content_grade_init(&g, is_null_sender);
	for (; in.n; in = slice_from(in, step))
		content_grade_feed(&g, slice_head(in, step));
	return content_grade_end(&g);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice in;
	enum grade g;

	if (size < 1)
		return 0;
	in = slice_of(data + 1, size - 1);
	g = run(in, in.n + 1, data[0] & 1);
	if (g != GRADE_CONFIRMED && g != GRADE_BULK && g != GRADE_BACKSCATTER)
		abort();
	if (run(in, 1u + (data[0] >> 1), data[0] & 1) != g)
		abort();
	return 0;
}
