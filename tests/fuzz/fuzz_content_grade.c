/*
 * fuzz_content_grade: byte 0: lowest bit the null sender, the rest cuts the
 * message into reads; the grade must not depend on the cut. Weight 0 never
 * without a null sender or the trap's address in the message.
 * SPDX-License-Identifier: ISC
 */
#include <stdint.h>
#include <stdlib.h>

#include "core/content_grade.h"
#include "core/content_rules.h"
#include "core/encoded_word.h"

static const char trap[] = "t@o.org";

static enum grade run(struct slice in, size_t step, bool is_null_sender, uint64_t *ret_facts)
{
	static struct content_grade g;
	enum grade grade;

	content_grade_init(&g, is_null_sender ? SLICE_LIT("") : SLICE_LIT("a@b.example"), slice_str(trap));
	for (; in.n; in = slice_from(in, step))
		content_grade_feed(&g, slice_head(in, step));
	grade = content_grade_end(&g);
	*ret_facts = g.body.facts;
	return grade;
}

static bool has_trap(struct slice in)
{
	for (size_t i = 0; i < in.n; i++)
		if (slice_starts_nocase(slice_from(in, i), slice_str(trap)))
			return true;
	return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice in;
	uint64_t facts, other;
	char text[64];
	enum grade g;

	if (size < 1)
		return 0;
	in = slice_of(data + 1, size - 1);
	g = run(in, in.n + 1, data[0] & 1, &facts);
	if (g != GRADE_CONFIRMED && g != GRADE_BULK && g != GRADE_AUTOMATIC && g != GRADE_BACKSCATTER)
		abort();
	if (run(in, 1u + (data[0] >> 1), data[0] & 1, &other) != g || other != facts)
		abort();
	if (g == GRADE_BACKSCATTER && !(data[0] & 1) && !has_trap(in))
		abort();
	if (encoded_word_decode(in, text, sizeof text) >= sizeof text)
		abort();
	return 0;
}
