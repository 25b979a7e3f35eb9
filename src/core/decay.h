/*
 * decay: what is left of a value that halves every half_life_s seconds. A
 * clock that goes back does not make it grow. Pure.
 * SPDX-License-Identifier: ISC
 */
#ifndef CORE_DECAY_H
#define CORE_DECAY_H
#include <math.h>
#include <stdint.h>

/* half_life_s 0: nothing is left of what is older than from. */
static inline double decay_value(double value, uint64_t from, uint64_t to, uint64_t half_life_s)
{
	if (to <= from)
		return value;
	if (half_life_s == 0)
		return 0;
	return value * exp2(-(double)(to - from) / (double)half_life_s);
}

#endif /* CORE_DECAY_H */
