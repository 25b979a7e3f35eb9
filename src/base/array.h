/*
 * array: room for one more element at the end of an array on the heap, which
 * doubles up to a cap. The array stays its owner's, who keeps pointer, count
 * and size:
 *
 *	void *p = x->item;
 *	enum err e = array_grow(&p, x->items, &x->size, sizeof *x->item, ITEMS_MAX);
 *
 *	if (e != ERR_OK)
 *		return e;
 *	x->item = p;
 *	x->item[x->items++] = ...;
 * SPDX-License-Identifier: ISC
 */
#ifndef BASE_ARRAY_H
#define BASE_ARRAY_H
#include "base/err.h"

#include <stdlib.h>

#define ARRAY_FIRST 16 /* elements */

/* size: elements that there is memory for. ERR_LIMIT: count is max; ERR_NOMEM; nothing changed then. */
MUST_USE static inline enum err array_grow(void **array, size_t count, size_t *size, size_t each, size_t max)
{
	size_t wanted = *size ? *size * 2 : ARRAY_FIRST;
	void *p;

	if (count >= max)
		return ERR_LIMIT;
	if (count < *size)
		return ERR_OK;
	p = reallocarray(*array, wanted < max ? wanted : max, each);
	if (!p)
		return ERR_NOMEM;
	*array = p;
	*size = wanted < max ? wanted : max;
	return ERR_OK;
}

#endif /* BASE_ARRAY_H */
