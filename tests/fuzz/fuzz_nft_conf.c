/*
 * fuzz_nft_conf: no text of a rules file or a listing breaks the counts.
 * SPDX-License-Identifier: ISC
 */
#include "core/nft_conf.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct nft_conf_file file;
	struct nft_conf_list list;

	nft_conf_read_file(slice_of(data, size), &file);
	nft_conf_read_list(slice_of(data, size), 10725, &list);
	if (list.chains > NFT_CONF_CHAINS || list.ways > NFT_CONF_WAYS)
		abort();
	for (unsigned i = 0; i < list.ways; i++)
		if (strlen(list.way[i].rule) >= NFT_CONF_RULE)
			abort();
	return 0;
}
