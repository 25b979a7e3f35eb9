/*
 * publish_update: updates of a DNS server (RFC 2136).
 * SPDX-License-Identifier: ISC
 */
#include "role/publish.h"

enum err publish_update_start(struct publish *p)
{
	(void)p;
	return ERR_OK;
}

void publish_update_stop(struct publish *p)
{
	(void)p;
}

void publish_update_reloaded(struct publish *p)
{
	(void)p;
}

void publish_update_tick(struct publish *p)
{
	(void)p;
}

void publish_update_tell(struct publish *p)
{
	(void)p;
}
