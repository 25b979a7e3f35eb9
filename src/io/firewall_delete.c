/*
 * firewall_delete: our table goes, by a socket of its own: for `limetwig off`,
 * which must work with the daemon dead. Declared in io/firewall_nft.h.
 * SPDX-License-Identifier: ISC
 */
#include "io/firewall_nft.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum err firewall_nft_delete_table(char *text, size_t text_size)
{
	struct nft_socket s;
	enum err e = nft_socket_open(&s);
	int keep = errno;

	if (e == ERR_NOTFOUND)
		return ERR_OK; /* a kernel without netfilter has no table either */
	if (e == ERR_OK) {
		nft_batch_begin(&s);
		firewall_form_put_delete(&s);
		e = nft_batch_send(&s);
		keep = errno;
		nft_socket_close(&s);
	}
	if (e == ERR_NOTFOUND || (e == ERR_IO && (keep == EOPNOTSUPP || keep == EINVAL)))
		e = ERR_OK;
	if (e == ERR_DENIED)
		(void)snprintf(text, text_size, "no right to change nftables: run this as root");
	else if (e != ERR_OK)
		(void)snprintf(text, text_size, "cannot delete the nftables table inet " FIREWALL_TABLE ": %s",
			strerror(keep));
	return e;
}
