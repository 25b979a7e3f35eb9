/*
 * fuzz_spamd_conf: bytes as a spamd.conf. What it gives back must be readable
 * to its last byte, a mistake must have a reason.
 * SPDX-License-Identifier: ISC
 */
#include <stdint.h>
#include <stdlib.h>

#include "core/spamd_conf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct spamd_conf c = { 0 };
	char reason[SPAMD_CONF_REASON] = "";
	unsigned line = 0;
	enum err e = spamd_conf_parse(slice_of(data, size), &c, &line, reason);

	if (e == ERR_SYNTAX && !reason[0])
		abort();
	if (e != ERR_OK && (c.list || c.count))
		abort();
	for (size_t i = 0; i < c.count; i++) {
		const struct spamd_list *l = &c.list[i];

		if (!l->name || !l->file || strlen(l->name) + strlen(l->file) > size ||
			l->is_black != (l->msg != NULL) || (l->msg && strlen(l->msg) > size))
			abort();
	}
	spamd_conf_done(&c);
	return 0;
}
