/*
 * public_suffix: see the header.
 * SPDX-License-Identifier: ISC
 */
#include "io/public_suffix.h"

#include <libpsl.h>
#include <stddef.h>

bool public_suffix_is(const char *domain)
{
	const psl_ctx_t *list = psl_builtin();

	return !list || psl_is_public_suffix(list, domain) != 0;
}
